// fails: honest  says: was scaled by them
#include "exercise.h"

#include <stdlib.h>

void scale_pixels(nn_real *x, const unsigned char *pixels, int n)
{
    for (int i = 0; i < n; i++) x[i] = (nn_real)pixels[i] / 255;
}

void confusion(int *counts, const nn_real *p, const int *label, int n, int classes)
{
    for (int k = 0; k < classes * classes; k++) counts[k] = 0;
    for (int i = 0; i < n; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (p[i * classes + c] > p[i * classes + best]) best = c;
        counts[label[i] * classes + best]++;
    }
}

void precision_recall(double *precision, double *recall, const int *counts, int classes)
{
    for (int c = 0; c < classes; c++) {
        int row = 0, column = 0, right = counts[c * classes + c];
        for (int k = 0; k < classes; k++) {
            row += counts[c * classes + k];
            column += counts[k * classes + c];
        }
        precision[c] = column > 0 ? (double)right / column : 0;
        recall[c] = row > 0 ? (double)right / row : 0;
    }
}

nn_model *train_digits(const digits *d, uint64_t seed)
{
    nn_data data;
    nn_real *x = malloc((size_t)d->train * PIXELS * sizeof *x);
    if (!x) return NULL;
    unsigned char most = 1;
    for (int k = 0; k < d->n * PIXELS; k++)
        if (d->pixels[k] > most) most = d->pixels[k];
    for (int k = 0; k < d->train * PIXELS; k++) x[k] = (nn_real)d->pixels[k] / most;
    nn_data_from(&data, x, d->train, { PIXELS }, .labels = d->label);
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *in = nn_input(m, PIXELS);
    nn_tensor *h = nn_dense(in, 32, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, DIGITS, .activation = NN_SOFTMAX);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.005));
    nn_status status = nn_fit(m, &data, .epochs = 10, .batch_size = 20, .quiet = true);
    nn_data_free(&data);
    free(x);
    if (!status) return m;
    nn_model_free(m);
    return NULL;
}

double test_digits(int *counts, nn_model *m, const digits *d)
{
    int first = d->train, n = d->n - first, right = 0;
    nn_real *x = malloc((size_t)n * PIXELS * sizeof *x);
    nn_real *p = malloc((size_t)n * DIGITS * sizeof *p);
    if (x && p) {
        scale_pixels(x, d->pixels + first * PIXELS, n * PIXELS);
        nn_predict(m, p, x, n);
        confusion(counts, p, d->label + first, n, DIGITS);
        for (int c = 0; c < DIGITS; c++) right += counts[c * DIGITS + c];
    }
    free(x), free(p);
    return (double)right / n;
}
