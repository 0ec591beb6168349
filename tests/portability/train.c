/* Trains a small network and prints what must not depend on how it was built. Compiled many times
   by test_portability.sh, which gives -DNN_IMPLEMENTATION where it wants the code.

     train            Iris; fails below an accuracy of 0.9
     train wide       batches large enough to be divided between threads; prints all the bits */
#include "nn.h"
#include <stdio.h>
#include <string.h>

/* FNV-1a over the bits of n numbers, 8 bits at a time. */
static uint64_t hash_of(uint64_t hash, const nn_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &x[i], sizeof x[i]);
        for (int k = 0; k < 8; k++) hash = (hash ^ (bits >> 8 * k & 255)) * 1099511628211u;
    }
    return hash;
}

static nn_status report(const nn_model *m, nn_metrics r)
{
    uint64_t hash = hash_of(1469598103934665603u, m->values, m->parameters);
    printf("loss %.17g, accuracy %.4f, weights %08lx%08lx\n", r.loss, r.accuracy,
           (unsigned long)(hash >> 32), (unsigned long)(hash & 0xffffffff));
    return r.status;
}

/* The numbers of an IDX file are big-endian, whatever the machine's are. */
static nn_status idx(void)
{
    static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 2,  0,   0,
                                            0, 1, 0, 0, 0, 2, 0, 51, 102, 255 };
    static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };
    nn_data data;
    nn_status status = nn_load_idx(&data, .images_bytes = images, .images_size = sizeof images,
                                   .labels_bytes = labels, .labels_size = sizeof labels);
    double x = status ? 0 : nn_data_value(&data, 0, 1, 0);
    if (!status && !(data.n == 2 && x > 0.3999 && x < 0.4001)) status = NN_ERR_DATA;
    nn_data_free(&data);
    return status;
}

static nn_status iris(void)
{
    static nn_real y[150 * 3];
    nn_data iris, train, test;
    nn_load_csv(&iris, "datasets/iris.csv", .label = "species");
    nn_split(&iris, &train, &test, .fraction = 0.2, .seed = 42, .stratify = true);
    nn_standardise(&train);

    nn_model *m = nn_model_new(.seed = 42);
    nn_tensor *x = nn_input(m, 4);
    nn_tensor *h = nn_dense(x, 16, .activation = NN_RELU);
    h = nn_dropout(nn_add(h, nn_dense(x, 16, .activation = NN_TANH)), 0.1);
    nn_tensor *output = nn_dense(h, 3, .activation = NN_SOFTMAX);
    nn_compile(m, output, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.01));
    nn_status status = nn_fit(m, &train, .epochs = 30, .batch_size = 8, .validation = &test,
                              .patience = 25, .quiet = true);
    nn_metrics r = nn_evaluate(m, &test);
    if (!status) status = nn_predict_data(m, y, &iris);
    if (!status) status = nn_gradient_check(m, &train, .entries = 3).status;
    if (!status) status = report(m, r);
    if (!status && !(r.accuracy >= 0.9)) status = NN_ERR_NUMERIC;
    nn_model_free(m), nn_data_free(&iris), nn_data_free(&train), nn_data_free(&test);
    return status;
}

enum { SAMPLES = 600, WIDTH = 96 };

static nn_status wide(void)
{
    static nn_real values[SAMPLES * WIDTH];
    static int labels[SAMPLES];
    nn_random random = nn_random_seed(7);
    nn_data data;
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i % 10;
        for (int k = 0; k < WIDTH; k++)
            values[i * WIDTH + k] =
                (nn_real)(nn_random_uniform(&random, -1, 1) + (k % 10 == labels[i] ? 0.3 : 0.0));
    }
    nn_data_from(&data, values, SAMPLES, { WIDTH }, .labels = labels);

    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *x = nn_input(m, WIDTH);
    nn_tensor *h = nn_dropout(nn_dense(x, 160, .activation = NN_GELU), 0.2);
    h = nn_dense(h, 200, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adamw(.clip_norm = 1));
    nn_status status = nn_fit(m, &data, .epochs = 4, .batch_size = 250, .quiet = true);
    if (!status) status = report(m, nn_evaluate(m, &data));
    nn_model_free(m), nn_data_free(&data);
    return status;
}

int main(int argc, char **argv)
{
    (void)argv;
    nn_status status = idx();
    if (!status) status = argc > 1 ? wide() : iris();
    if (status) printf("failed: %s: %s\n", nn_status_text(status), nn_last_error());
    return status != NN_OK;
}
