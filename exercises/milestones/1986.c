// 1986 backpropagation: hidden units learn what to be
// needs: 16_backprop_layers 18_standardise_split
// broken: 16_backprop_layers/dz_no_mean 16_backprop_layers/dz_no_slope
// broken: 16_backprop_layers/gradients_added 16_backprop_layers/a_relu
// broken: 18_standardise_split/leak 18_standardise_split/test_not_scaled
#include "milestone.h"

#include <stdlib.h>
#include <string.h>

/* The reference is the exercises' solutions, under other names. */
#define forward reference_forward
#define backward reference_backward
#include "exercises/16_backprop_layers/solution.c"
#undef forward
#undef backward
#define fit reference_fit
#define apply reference_apply
#define prepare reference_prepare
#include "exercises/18_standardise_split/solution.c"
#undef fit
#undef apply
#undef prepare
void forward(net *t);
void backward(net *t);
void prepare(double *X, double *mean, double *deviation, int n, int n_train, int C);

enum { MOST = 512, FLOWERS = 150, TRAIN = 120, FEATURES = 4, ROWS = 11, COLS = 31 };

/* A network of two layers with room for its arrays. */
typedef struct trainer {
    double W[2][MOST], b[2][MOST], dW[2][MOST], db[2][MOST], a[2][MOST * 8], dz[2][MOST * 8];
    const double *Ws[2], *bs[2];
    double *dWs[2], *dbs[2], *as[3], *dzs[2];
    int yours;
    net t;
} trainer;

static void start(trainer *r, const int *size, int yours)
{
    for (int l = 0; l < 2; l++) {
        r->Ws[l] = r->W[l], r->bs[l] = r->b[l], r->dWs[l] = r->dW[l], r->dbs[l] = r->db[l];
        r->as[l + 1] = r->a[l], r->dzs[l] = r->dz[l];
    }
    net t = { 0, 2, size, r->Ws, r->bs, NULL, r->as, r->dzs, r->dWs, r->dbs };
    r->t = t, r->yours = yours;
}

/* Both from the same weights. */
static void start_both(trainer *yours, trainer *other, const int *size)
{
    memset(yours, 0, sizeof *yours);
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < size[l] * size[l + 1]; k++)
            yours->W[l][k] = milestone_uniform(-1, 1) * sqrt(3.0 / size[l]);
    *other = *yours;
    start(yours, size, 1), start(other, size, 0);
}

static void run_forward(trainer *r, double *X, const int *label, int n)
{
    r->t.n = n, r->t.label = label, r->as[0] = X;
    (r->yours ? forward : reference_forward)(&r->t);
}

static double loss_of(const trainer *r)
{
    const net *t = &r->t;
    double loss = 0;
    for (int s = 0; s < t->n; s++) loss -= log(r->a[1][s * t->size[2] + t->label[s]]) / t->n;
    return loss;
}

static int count_right(const trainer *r)
{
    int right = 0, C = r->t.size[2];
    for (int s = 0; s < r->t.n; s++) {
        const double *p = r->a[1] + s * C;
        int best = 0;
        for (int c = 1; c < C; c++) best = p[c] > p[best] ? c : best;
        right += best == r->t.label[s];
    }
    return right;
}

/* One step of gradient descent on all samples; returns the loss before it. */
static double step(trainer *r, double *X, const int *label, int n, double rate)
{
    run_forward(r, X, label, n);
    double loss = loss_of(r);
    (r->yours ? backward : reference_backward)(&r->t);
    for (int l = 0; l < 2; l++) {
        int units = r->t.size[l + 1], weights = r->t.size[l] * units;
        for (int k = 0; k < weights; k++) r->W[l][k] -= rate * r->dW[l][k];
        for (int k = 0; k < units; k++) r->b[l][k] -= rate * r->db[l][k];
    }
    return loss;
}

/* Trains both side by side; stops where they part. Returns 1 if they never did. */
static int train(trainer *yours, trainer *other, double *X, double *X_other, const int *label,
                 int n, int steps)
{
    printf("  step   your loss   reference\n");
    for (int k = 0; k <= steps; k++) {
        double a = step(yours, X, label, n, 0.5), b = step(other, X_other, label, n, 0.5);
        int same = milestone_same(a, b);
        if (k == 0 || k == 10 || k == 100 || k == steps || !same)
            printf("  %4d   %9.6f   %9.6f\n", k, a, b);
        if (same) continue;
        printf("\nYour loss is another one: ./learn run 16, ./learn run 18\n");
        return 0;
    }
    return 1;
}

/* ---- XOR ------------------------------------------------------------------------------------ */

static void draw(trainer *yours, trainer *other)
{
    static double X[2 * COLS];
    static const int label[COLS] = { 0 };
    printf("\nYour network                      The reference's\n");
    for (int row = 0; row < ROWS; row++) {
        for (int col = 0; col < COLS; col++)
            X[2 * col] = col * 3.0 / (COLS - 1) - 1.5,
                  X[2 * col + 1] = 1.5 - row * 3.0 / (ROWS - 1);
        run_forward(yours, X, label, COLS), run_forward(other, X, label, COLS);
        for (int k = 0; k < 2 * COLS; k++) {
            const trainer *r = k < COLS ? yours : other;
            if (k == COLS) printf("   ");
            putchar(r->a[1][k % COLS * 2 + 1] > 0.5 ? '#' : '.');
        }
        putchar('\n');
    }
}

static int learn_xor(void)
{
    static trainer yours, other;
    static double X[8] = { -1, -1, -1, 1, 1, -1, 1, 1 };
    static const int label[4] = { 0, 1, 1, 0 }, size[3] = { 2, 4, 2 };
    start_both(&yours, &other, size);
    printf("XOR, two inputs, four hidden units, from random weights:\n");
    if (!train(&yours, &other, X, X, label, 4, 1000)) return 0;
    run_forward(&yours, X, label, 4), run_forward(&other, X, label, 4);
    int right = count_right(&yours);
    printf("  right: yours %d of 4, the reference %d of 4\n", right, count_right(&other));
    draw(&yours, &other);
    return right == 4;
}

/* ---- Iris ----------------------------------------------------------------------------------- */

/* datasets/iris.csv, whose rows are sorted by species, in another order. Returns 0 without it. */
static int load_iris(double *X, int *label)
{
    static const char *const species[3] = { "setosa", "versicolor", "virginica" };
    FILE *f = fopen("datasets/iris.csv", "r");
    char line[200], name[40];
    int n = 0;
    while (f && n < FLOWERS && fgets(line, sizeof line, f)) {
        double *x = X + n * 7 % FLOWERS * FEATURES; /* 7 and 150 have no common factor */
        if (sscanf(line, "%lf,%lf,%lf,%lf,%39s", x, x + 1, x + 2, x + 3, name) != 5) continue;
        for (int c = 0; c < 3; c++)
            if (strstr(name, species[c])) label[n * 7 % FLOWERS] = c;
        n++;
    }
    if (f) fclose(f);
    if (n < FLOWERS) printf("\ndatasets/iris.csv is not there, or not whole\n");
    return n == FLOWERS;
}

static int learn_iris(void)
{
    static trainer yours, other;
    static double X[FLOWERS * FEATURES], X_other[FLOWERS * FEATURES];
    static int label[FLOWERS];
    static const int size[3] = { FEATURES, 6, 3 };
    double mean[FEATURES], deviation[FEATURES];
    if (!load_iris(X, label)) return 0;
    memcpy(X_other, X, sizeof X);
    prepare(X, mean, deviation, FLOWERS, TRAIN, FEATURES);
    reference_prepare(X_other, mean, deviation, FLOWERS, TRAIN, FEATURES);
    start_both(&yours, &other, size);
    printf("\nIris, %d flowers to train, standardised by your prepare:\n", TRAIN);
    if (!train(&yours, &other, X, X_other, label, TRAIN, 300)) return 0;
    run_forward(&yours, X + TRAIN * FEATURES, label + TRAIN, FLOWERS - TRAIN);
    run_forward(&other, X_other + TRAIN * FEATURES, label + TRAIN, FLOWERS - TRAIN);
    int right = count_right(&yours);
    printf("  right of %d others: yours %d, the reference %d\n", FLOWERS - TRAIN, right,
           count_right(&other));
    if (!milestone_same(loss_of(&yours), loss_of(&other))) {
        printf("\nYour loss on these is another one: ./learn run 18\n");
        return 0;
    }
    return right >= 27; /* nine of ten */
}

int main(void)
{
    printf("1986. David Rumelhart, Geoffrey Hinton and Ronald Williams show in Nature that hidden\n"
           "units trained by backpropagation find useful features by themselves. (The chain rule\n"
           "run backwards through a program is older: Seppo Linnainmaa, 1970.)\n\n");
    return milestone_end(learn_xor() && learn_iris());
}
