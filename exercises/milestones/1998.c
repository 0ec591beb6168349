// 1998 digits: a network reads handwriting
// needs: 16_backprop_layers 22_adam 29_idx_loader
// broken: 16_backprop_layers/dW_last_sample 16_backprop_layers/p_no_bias
// broken: 22_adam/no_correction 22_adam/first_tensor_only
// broken: 29_idx_loader/from_0 29_idx_loader/columns_first
#include "milestone.h"

#include <stdlib.h>
#include <string.h>

/* The reference is the exercises' solutions, under other names. */
#define forward reference_forward
#define backward reference_backward
#include "exercises/16_backprop_layers/solution.c"
#undef forward
#undef backward
#define adam_step reference_adam_step
#include "exercises/22_adam/solution.c"
#undef adam_step
#define idx_load reference_idx_load
#include "exercises/29_idx_loader/solution.c"
#undef idx_load
void forward(net *t);
void backward(net *t);
void adam_step(adam *a, parameter *p, int count);
idx_result idx_load(images *out, const char *path);

enum {
    PIXELS = 784,
    HIDDEN = 32,
    CLASSES = 10,
    BATCH = 50,
    TRAIN = 10000,
    TEST = 1000,
    EPOCHS = 3
};
enum { SHOWN = 5, HALF = 14 };

static const int size[3] = { PIXELS, HIDDEN, CLASSES };

/* ---- digits --------------------------------------------------------------------------------- */

typedef struct digits {
    images image;
    unsigned char *label;
} digits;

static unsigned char *load_labels(const char *path, int n)
{
    unsigned char *label = malloc((size_t)n);
    FILE *f = fopen(path, "rb");
    int good = f && label && !fseek(f, 8, SEEK_SET) && fread(label, 1, (size_t)n, f) == (size_t)n;
    for (int s = 0; s < n && good; s++) good &= label[s] < CLASSES;
    if (f) fclose(f);
    if (good) return label;
    free(label);
    return NULL;
}

/* The images by your loader, which has to read what the reference reads. */
static int load(digits *d, const char *folder, const char *name, int n)
{
    char path[100];
    images other;
    snprintf(path, sizeof path, "datasets/%s/%s-images-idx3-ubyte", folder, name);
    if (reference_idx_load(&other, path)) return 0;
    idx_result result = idx_load(&d->image, path);
    const images *m = &d->image;
    int same = !result && m->n == other.n && m->rows == 28 && m->cols == 28 && n <= m->n &&
               m->pixels && !memcmp(m->pixels, other.pixels, (size_t)n * PIXELS);
    free(other.pixels);
    snprintf(path, sizeof path, "datasets/%s/%s-labels-idx1-ubyte", folder, name);
    d->label = same ? load_labels(path, n) : NULL;
    if (!same) printf("Your idx_load reads other digits than there are: ./learn run 29\n");
    return d->label != NULL;
}

/* ---- training ------------------------------------------------------------------------------- */

typedef struct trainer {
    double W1[HIDDEN * PIXELS], b1[HIDDEN], W2[CLASSES * HIDDEN], b2[CLASSES];
    double dW1[HIDDEN * PIXELS], db1[HIDDEN], dW2[CLASSES * HIDDEN], db2[CLASSES];
    double m[HIDDEN * (PIXELS + 1) + CLASSES * (HIDDEN + 1)];
    double s[HIDDEN * (PIXELS + 1) + CLASSES * (HIDDEN + 1)];
    double x[BATCH * PIXELS], h[BATCH * HIDDEN], p[BATCH * CLASSES];
    double dz1[BATCH * HIDDEN], dz2[BATCH * CLASSES];
    const double *W[2], *b[2];
    double *dW[2], *db[2], *a[3], *dz[2];
    int label[BATCH], yours;
    parameter tensor[4];
    adam state;
    net t;
} trainer;

static void start(trainer *r, int yours)
{
    net t = { BATCH, 2, size, r->W, r->b, r->label, r->a, r->dz, r->dW, r->db };
    r->W[0] = r->W1, r->W[1] = r->W2, r->b[0] = r->b1, r->b[1] = r->b2;
    r->dW[0] = r->dW1, r->dW[1] = r->dW2, r->db[0] = r->db1, r->db[1] = r->db2;
    r->a[0] = r->x, r->a[1] = r->h, r->a[2] = r->p, r->dz[0] = r->dz1, r->dz[1] = r->dz2;
    double *w[4] = { r->W1, r->b1, r->W2, r->b2 }, *g[4] = { r->dW1, r->db1, r->dW2, r->db2 };
    const int n[4] = { HIDDEN * PIXELS, HIDDEN, CLASSES * HIDDEN, CLASSES };
    for (int k = 0, at = 0; k < 4; at += n[k++]) {
        parameter one = { n[k], w[k], g[k], r->m + at, r->s + at };
        r->tensor[k] = one;
    }
    adam state = { 0.003, 0.9, 0.999, 1e-8, 0 };
    r->state = state, r->t = t, r->yours = yours;
}

static void fill(trainer *r, const digits *d, const int *order)
{
    for (int k = 0; k < BATCH; k++) {
        const unsigned char *pixels = d->image.pixels + (size_t)order[k] * PIXELS;
        for (int i = 0; i < PIXELS; i++) r->x[k * PIXELS + i] = pixels[i] / 255.0;
        r->label[k] = d->label[order[k]];
    }
}

/* One step; returns the loss before it. */
static double step(trainer *r)
{
    double loss = 0;
    (r->yours ? forward : reference_forward)(&r->t);
    (r->yours ? backward : reference_backward)(&r->t);
    for (int k = 0; k < BATCH; k++) loss -= log(r->p[k * CLASSES + r->label[k]]) / BATCH;
    (r->yours ? adam_step : reference_adam_step)(&r->state, r->tensor, 4);
    return loss;
}

/* Writes the answers for the test digits; returns how many are right. */
static int answer(trainer *r, const digits *test, int *guess)
{
    int right = 0, order[BATCH];
    for (int s = 0; s < TEST; s++) {
        order[s % BATCH] = s;
        if (s % BATCH < BATCH - 1) continue;
        fill(r, test, order);
        (r->yours ? forward : reference_forward)(&r->t);
        for (int k = 0; k < BATCH; k++) {
            const double *p = r->p + k * CLASSES;
            int best = 0;
            for (int c = 1; c < CLASSES; c++) best = p[c] > p[best] ? c : best;
            guess[s - BATCH + 1 + k] = best, right += best == r->label[k];
        }
    }
    return right;
}

static void shuffle(int *order)
{
    for (int k = TRAIN - 1; k > 0; k--) {
        int other = (int)milestone_uniform(0, k + 1), kept = order[k];
        order[k] = order[other], order[other] = kept;
    }
}

/* Trains both side by side; returns 0 where they part. */
static int train(trainer *yours, trainer *other, const digits *d)
{
    static int order[TRAIN];
    for (int s = 0; s < TRAIN; s++) order[s] = s;
    printf("epoch   your loss   reference   (mean over the epoch)\n");
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double sum = 0, other_sum = 0;
        shuffle(order);
        for (int at = 0; at < TRAIN; at += BATCH) {
            fill(yours, d, order + at), fill(other, d, order + at);
            double a = step(yours), b = step(other);
            sum += a * BATCH / TRAIN, other_sum += b * BATCH / TRAIN;
            if (milestone_same(a, b)) continue;
            printf("step %d of epoch %d: your loss is %g, the reference's %g:\n"
                   "./learn run 16, ./learn run 22\n",
                   at / BATCH, epoch, a, b);
            return 0;
        }
        printf("%5d   %9.6f   %9.6f\n", epoch, sum, other_sum);
    }
    return 1;
}

/* The first test digits at half size, with the answers. */
static void draw(const digits *d, const int *guess, const int *other)
{
    for (int row = 0; row < HALF; row++) {
        for (int k = 0; k < SHOWN * HALF; k++) {
            const unsigned char *p = d->image.pixels + (size_t)(k / HALF) * PIXELS;
            p += 2 * row * 28 + 2 * (k % HALF);
            putchar(" .:-=+*#%@"[(p[0] + p[1] + p[28] + p[29]) * 9 / 1020]);
        }
        putchar('\n');
    }
    for (int k = 0; k < SHOWN; k++) printf("    yours %d   ", guess[k]);
    printf("\n");
    for (int k = 0; k < SHOWN; k++) printf("    ref.  %d   ", other[k]);
    printf("\n");
}

int main(void)
{
    static trainer yours, other;
    static int guess[TEST], other_guess[TEST];
    digits train_set, test_set;
    FILE *mnist = fopen("datasets/mnist/train-images-idx3-ubyte", "rb");
    const char *folder = mnist ? "mnist" : "made";
    if (mnist) fclose(mnist);
    printf(
        "1998. Yann LeCun, Leon Bottou, Yoshua Bengio and Patrick Haffner publish LeNet-5, which\n"
        "is wrong on 0.95 %% of MNIST's test digits; a system built on such networks already reads\n"
        "millions of cheques a day. Yours has one hidden layer, and sees %d digits.\n\n",
        TRAIN);
    if (!load(&train_set, folder, "train", TRAIN) || !load(&test_set, folder, "t10k", TEST)) {
        printf(
            "No digits were loaded from datasets/%s. make digits draws some; make mnist fetches\n"
            "the real ones.\n",
            folder);
        return milestone_end(0);
    }
    printf("%s: %d digits to train, %d others to test\n", folder, TRAIN, TEST);
    for (int k = 0; k < HIDDEN * PIXELS; k++) yours.W1[k] = milestone_uniform(-0.06, 0.06);
    for (int k = 0; k < CLASSES * HIDDEN; k++) yours.W2[k] = milestone_uniform(-0.3, 0.3);
    other = yours;
    start(&yours, 1), start(&other, 0);
    if (!train(&yours, &other, &train_set)) return milestone_end(0);
    int right = answer(&yours, &test_set, guess);
    printf("right of %d: yours %d, the reference %d\n\n", TEST, right,
           answer(&other, &test_set, other_guess));
    draw(&test_set, guess, other_guess);
    return milestone_end(right >= 0.8 * TEST);
}
