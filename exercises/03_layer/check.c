/* Grader of 03_layer. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct layer {
    double *X, *W, *b, *Z;
    int n, I, O;
} layer;

enum {
    RIGHT,
    W_AS_IO,
    X_AS_IN,
    W_STEP_O,
    X_STEP_N,
    X_STEP_O,
    Z_STEP_N,
    NO_BIAS,
    BIAS_BY_SAMPLE,
    BIAS_BY_INPUT,
    BIAS_FIRST,
    BIAS_EACH_TIME,
    BIAS_ONE_MORE,
    BIAS_SUBTRACTED,
    BIAS_FIRST_ROW,
    NO_WEIGHTS,
    NO_INPUTS,
    ADDED,
    LAST_MISSING,
    FIRST_MISSING,
    OVERWRITTEN,
    OVERWRITTEN_BIAS,
    FIRST_INPUT,
    FIRST_WEIGHT,
    NOT_RESET,
    MEAN_I,
    MEAN_N,
    FIRST_UNIT,
    FIRST_SAMPLE,
    RELU,
    ACTIVATED,
    WHOLE_NUMBERS,
    PRODUCTS_SUBTRACTED,
    BIAS_MULTIPLIED,
    INPUT_OF_UNIT,
    ZERO
};

/* Where the entries are, in the ways that go wrong; kept inside of the arrays. */
static double product(const layer *t, int mistake, int s, int o, int i)
{
    int x = s * t->I + i, w = o * t->I + i;
    if (mistake == W_AS_IO) w = i * t->O + o;
    if (mistake == W_STEP_O) w = (o * t->O + i) % (t->O * t->I);
    if (mistake == FIRST_UNIT) w = i;
    if (mistake == FIRST_WEIGHT) w = o * t->I;
    if (mistake == FIRST_INPUT) x = s * t->I;
    if (mistake == X_AS_IN) x = i * t->n + s;
    if (mistake == X_STEP_N) x = (s * t->n + i) % (t->n * t->I);
    if (mistake == X_STEP_O) x = (s * t->O + i) % (t->n * t->I);
    if (mistake == FIRST_SAMPLE) x = i;
    if (mistake == INPUT_OF_UNIT) x = (s * t->I + o) % (t->n * t->I);
    if (mistake == NO_WEIGHTS) return t->X[x];
    if (mistake == NO_INPUTS) return t->W[w];
    return mistake == ADDED ? t->X[x] + t->W[w] : t->X[x] * t->W[w];
}

static double bias(const layer *t, int mistake, int s, int o)
{
    switch (mistake) {
    case NO_BIAS: return 0;
    case BIAS_BY_SAMPLE: return t->b[s % t->O];
    case BIAS_FIRST: return t->b[0];
    case BIAS_EACH_TIME: return t->I * t->b[o];
    case BIAS_ONE_MORE: return (t->I + 1) * t->b[o];
    case BIAS_SUBTRACTED: return -t->b[o];
    case BIAS_FIRST_ROW: return s == 0 ? t->b[o] : 0;
    default: return t->b[o];
    }
}

static double entry(const layer *t, int mistake, int s, int o)
{
    int whole = (int)t->b[o];
    double sum = 0, b = bias(t, mistake, s, o);
    if (mistake == BIAS_BY_INPUT || (mistake == OVERWRITTEN_BIAS && t->I > 0)) b = 0;
    for (int i = mistake == FIRST_MISSING; i < t->I - (mistake == LAST_MISSING); i++) {
        double p = product(t, mistake, s, o, i);
        int over = mistake == OVERWRITTEN || mistake == OVERWRITTEN_BIAS;
        sum = over ? p : sum + p;
        whole = (int)(whole + p);
        if (mistake == BIAS_BY_INPUT) b += t->b[i % t->O];
    }
    if (mistake == MEAN_I && t->I) sum /= t->I;
    if (mistake == MEAN_N) sum /= t->n;
    double z = mistake == PRODUCTS_SUBTRACTED ? b - sum : sum + b;
    if (mistake == WHOLE_NUMBERS) return whole;
    if (mistake == BIAS_MULTIPLIED) return sum * b;
    if (mistake == RELU) return fmax(z, 0);
    if (mistake == ACTIVATED) return 1 / (1 + exp(-z));
    return mistake == ZERO ? 0 : z;
}

static void Z_formula(const void *problem, int mistake, double *Z)
{
    const layer *t = problem;
    double before = 0;
    for (int k = 0; k < t->n * t->O && mistake == Z_STEP_N; k++) Z[k] = KIT_UNWRITTEN;
    for (int s = 0; s < t->n; s++)
        for (int o = 0; o < t->O; o++) {
            double z = entry(t, mistake, s, o);
            if (mistake == NOT_RESET) before = z += before;
            if (mistake != Z_STEP_N) Z[s * t->O + o] = z;
            else if (s * t->n + o < t->n * t->O) Z[s * t->n + o] = z;
        }
}

const kit_mistake kit_mistakes[] = {
    { "Z", RIGHT, "F1.1:  Z = X Wᵀ + b,  Z[s][o] = b[o] + sum_i X[s][i] W[o][i]" },
    { "Z", ZERO, "all is 0: is the sum stored in Z[s * O + o]?" },
    { "Z", W_AS_IO,
      "W was read as (I, O): it has one row per unit, so that W[o][i] is W[o * I + i]" },
    { "Z", X_AS_IN,
      "X was read as (I, n): it has one row per sample, so that X[s][i] is X[s * I + i]" },
    { "Z", W_STEP_O, "a row of W has I numbers, not O: W[o][i] is W[o * I + i]" },
    { "Z", X_STEP_N, "a row of X has I numbers, not n: X[s][i] is X[s * I + i]" },
    { "Z", X_STEP_O, "a row of X has I numbers, not O: X[s][i] is X[s * I + i]" },
    { "Z", Z_STEP_N, "a row of Z has O numbers, not n: Z[s][o] is Z[s * O + o]" },
    { "Z", NO_BIAS, "the bias is missing: each unit adds its b[o]" },
    { "Z", BIAS_BY_SAMPLE, "b was counted by the sample, b[s]: each unit has one, b[o]" },
    { "Z", BIAS_BY_INPUT, "b was counted by the input, b[i]: each unit has one, b[o], added once" },
    { "Z", BIAS_FIRST, "all units got b[0]: each has its own, b[o]" },
    { "Z", BIAS_EACH_TIME, "b[o] was added once per input: it belongs outside of the loop over i" },
    { "Z", BIAS_ONE_MORE,
      "b[o] was added for each input, and once more: it belongs outside of the loop over i" },
    { "Z", BIAS_SUBTRACTED, "b was subtracted: it is added" },
    { "Z", BIAS_FIRST_ROW, "only the first sample got the bias: every row of Z does" },
    { "Z", NO_WEIGHTS, "the inputs were summed without their weights" },
    { "Z", NO_INPUTS, "the weights were summed without the inputs" },
    { "Z", ADDED, "X + W was summed: a weight multiplies its input" },
    { "Z", LAST_MISSING, "the last input is left out: the loop must run to i = I - 1" },
    { "Z", FIRST_MISSING, "the first input is left out: the loop starts at i = 0" },
    { "Z", OVERWRITTEN, "only the last product is left: add each one to the sum (+=, not =)" },
    { "Z", OVERWRITTEN_BIAS,
      "only the last product is left, and b is gone: add each product to the sum (+=, not =)" },
    { "Z", FIRST_INPUT, "only the first input of each sample was read: X[s][i] is X[s * I + i]" },
    { "Z", FIRST_WEIGHT, "only the first weight of each unit was read: W[o][i] is W[o * I + i]" },
    { "Z", NOT_RESET, "the sum goes on from one unit to the next: start it anew for each Z[s][o]" },
    { "Z", MEAN_I, "the sum was divided by I: a neuron takes the sum, not the mean" },
    { "Z", MEAN_N, "the sum was divided by n: only a loss is a mean over the samples" },
    { "Z", FIRST_UNIT, "all units got the first one's weights: row o of W begins at W[o * I]" },
    { "Z", FIRST_SAMPLE, "all samples got the first one's inputs: row s of X begins at X[s * I]" },
    { "Z", INPUT_OF_UNIT, "X was read at o, the unit: the loop over the inputs counts i" },
    { "Z", WHOLE_NUMBERS, "the sum is kept in an int, which cuts off the fraction: use a double" },
    { "Z", PRODUCTS_SUBTRACTED, "the products were subtracted: they are added" },
    { "Z", BIAS_MULTIPLIED, "b multiplies the sum: it is added" },
    { "Z", RELU, "an activation was applied (ReLU): Z may be negative" },
    { "Z", ACTIVATED, "an activation was applied (sigmoid): Z is what comes before it" },
    { 0 },
};

static layer new_layer(int n, int I, int O)
{
    layer t = { kit_input("X", n, I),
                kit_input("W", O, I),
                kit_input("b", 1, O),
                kit_output("Z", n, O),
                n,
                I,
                O };
    kit_size("n, the number of samples", n);
    kit_size("I, the number of inputs", I);
    kit_size("O, the number of units", O);
    return t;
}

static void try_layer(const char *name, int n, int I, int O)
{
    layer t = new_layer(n, I, O);
    layer_forward(t.X, t.W, t.b, n, I, O, t.Z);
    kit_rung(name, t.Z, n, O, Z_formula, &t, KIT_TOLERANCE);
}

/* First a wide one: an index that counts by the wrong size then stays inside of most arrays, and
   its result can be recognised. */
static void check_value(void)
{
    try_layer("Z(n<O)", 3, 5, 8);
    try_layer("Z(n>O)", kit_between(0, 1) ? 7 : 11, 5, 3);
}

static void check_edges(void)
{
    try_layer("Z(n=1)", 1, 5, 3);
    try_layer("Z(O=1)", 3, 5, 1);
    try_layer("Z(I=1)", 5, 1, 3);
    try_layer("Z(I=0)", 5, 0, 3);
}

/* The rows of Z know nothing of each other; without inputs, b is left; twice X, twice Z - b. */
static void check_laws(void)
{
    enum { N = 7, I = 5, O = 3 };
    layer t = new_layer(N, I, O);
    double all[N * O], other[N * O];
    layer_forward(t.X, t.W, t.b, N, I, O, t.Z);
    memcpy(all, t.Z, sizeof all);
    layer_forward(t.X + 4 * I, t.W, t.b, 1, I, O, t.Z);
    kit_same("alone", t.Z, all + 4 * O, O, 1e-10,
             "a sample by itself must give the same row as in a batch");
    for (int k = 0; k < N * I; k++) t.X[k] *= 2;
    layer_forward(t.X, t.W, t.b, N, I, O, t.Z);
    for (int k = 0; k < N * O; k++) other[k] = 2 * all[k] - t.b[k % O];
    kit_same("linear", t.Z, other, N * O, 1e-10,
             "twice the inputs must give twice Z - b: a layer is linear, but for its bias");
    for (int k = 0; k < N * I; k++) t.X[k] = 0;
    layer_forward(t.X, t.W, t.b, N, I, O, t.Z);
    for (int k = 0; k < N * O; k++) other[k] = t.b[k % O];
    kit_same("X=0", t.Z, other, N * O, 1e-10, "where X is 0, each row of Z must be b");
}

const kit_check kit_checks[] = {
    { "value", 3, 1, check_value },
    { "edges", 1, 1, check_edges },
    { "laws", 1, 1, check_laws },
    { 0 },
};

/* A layer of two units turns a letter, point by point. */
void kit_reward(void)
{
    static const char letter[7][6] = {
        "####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"
    };
    double W[4], b[2] = { 10, 5 }, worst = 0, turn = kit_uniform(0.3, 0.8);
    char picture[11][21];
    memset(picture, '.', sizeof picture);
    W[0] = cos(turn), W[1] = -sin(turn), W[2] = sin(turn), W[3] = cos(turn);
    for (int row = 0; row < 7; row++)
        for (int col = 0; col < 5; col++)
            for (int part = 0; part < 4; part++) {
                double x[2] = { col - 2 + part % 2 / 2.0, row - 3 + part / 2 / 2.0 }, z[2];
                if (letter[row][col] != '#') continue;
                layer_forward(x, W, b, 1, 2, 2, z);
                worst = fmax(worst, fabs(z[0] - (W[0] * x[0] + W[1] * x[1] + b[0])));
                worst = fmax(worst, fabs(z[1] - (W[2] * x[0] + W[3] * x[1] + b[1])));
                int c = (int)(2 * (z[0] - 10) + 10.5), r = (int)(z[1] + 0.5);
                if (c >= 0 && c < 21 && r >= 0 && r < 11) picture[r][c] = '#';
            }
    printf("A letter through your layer, W = a turn by %.0f degrees, b = (10, 5):\n",
           turn * 57.29578);
    for (int row = 0; row < 11; row++) printf("%.21s\n", picture[row]);
    printf("yours against the reference: largest difference %.1e\n", worst);
}
