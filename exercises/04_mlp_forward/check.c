/* Grader of 04_mlp_forward. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 4 };

typedef struct net {
    int n, count;
    double *X;
    layer layers[MAX_LAYERS];
    int k; /* the layer that is looked at */
} net;

enum {
    RIGHT,
    /* z */
    ALWAYS_X,
    Z_FOR_A,
    FIRST_A,
    W_OF_THE_FIRST,
    W_TRANSPOSED,
    X_STEP_UNITS,
    NO_BIAS,
    BIAS_BY_SAMPLE,
    BIAS_FIRST,
    BIAS_EACH_TIME,
    BIAS_OF_THE_FIRST,
    BIAS_ONE_MORE,
    LAST_MISSING,
    FIRST_MISSING,
    OVERWRITTEN,
    OVERWRITTEN_BIAS,
    PRODUCTS_SUBTRACTED,
    SUM_IS_ACTIVATED,
    /* a, p */
    MISSING,
    RELU,
    SIGMOID,
    TANH,
    LEAKY,
    ABSOLUTE,
    INVERTED,
    STEP,
    SOFTPLUS,
    SOFTMAX,
    BOTH,
    PRECEDENCE,
    ONE_MINUS,
    NO_MINUS
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* From the learner's own a of the layer before: a mistake there counts once. */
static const double *input_of(const net *t, int mistake)
{
    if (t->k == 0 || mistake == ALWAYS_X) return t->X;
    if (mistake == Z_FOR_A) return t->layers[t->k - 1].z;
    return t->layers[mistake == FIRST_A ? 0 : t->k - 1].a;
}

static double bias_of(const net *t, int mistake, int s, int o)
{
    const layer *l = &t->layers[t->k];
    switch (mistake) {
    case NO_BIAS: return 0;
    case BIAS_BY_SAMPLE: return l->b[s % l->units];
    case BIAS_FIRST: return l->b[0];
    case BIAS_EACH_TIME: return l->inputs * l->b[o];
    case BIAS_ONE_MORE: return (l->inputs + 1) * l->b[o];
    case OVERWRITTEN_BIAS: return 0;
    case BIAS_OF_THE_FIRST: return t->layers[0].b[o];
    default: return l->b[o];
    }
}

static double sum_of(const net *t, int mistake, int s, int o)
{
    const layer *l = &t->layers[t->k];
    const double *x = input_of(t, mistake), *W = mistake == W_OF_THE_FIRST ? t->layers->W : l->W;
    int I = l->inputs;
    double b = bias_of(t, mistake, s, o), sum = 0;
    for (int i = mistake == FIRST_MISSING; i < I - (mistake == LAST_MISSING); i++) {
        double w = W[mistake == W_TRANSPOSED ? i * l->units + o : o * I + i];
        double p = w * x[s * (mistake == X_STEP_UNITS ? l->units : I) + i];
        sum = mistake == OVERWRITTEN || mistake == OVERWRITTEN_BIAS ? p : sum + p;
    }
    return mistake == PRODUCTS_SUBTRACTED ? b - sum : b + sum;
}

static void z_formula(const void *problem, int mistake, double *z)
{
    const net *t = problem;
    const layer *l = &t->layers[t->k];
    for (int s = 0; s < t->n; s++)
        for (int o = 0; o < l->units; o++) {
            double sum = sum_of(t, mistake, s, o);
            if (mistake == SUM_IS_ACTIVATED)
                sum = t->k < t->count - 1 ? fmax(0, sum) : sigmoid(sum);
            z[s * l->units + o] = sum;
        }
}

static double activation(int mistake, double z)
{
    switch (mistake) {
    case MISSING: return z;
    case RELU: return fmax(0, z);
    case SIGMOID: return sigmoid(z);
    case TANH: return tanh(z);
    case LEAKY: return z > 0 ? z : 0.01 * z;
    case ABSOLUTE: return fabs(z);
    case INVERTED: return fmin(0, z);
    case STEP: return z > 0;
    case SOFTPLUS: return log(1 + exp(z));
    case PRECEDENCE: return 1 + exp(-z);
    case ONE_MINUS: return 1 / (1 - exp(-z));
    case BOTH: return sigmoid(fmax(0, z));
    default: return sigmoid(-z);
    }
}

/* Both from the learner's own z. */
static void a_formula(const void *problem, int mistake, double *a)
{
    const net *t = problem;
    const layer *l = &t->layers[t->k];
    for (int j = 0; j < t->n * l->units; j++) a[j] = activation(mistake ? mistake : RELU, l->z[j]);
}

static void p_formula(const void *problem, int mistake, double *p)
{
    const net *t = problem;
    const layer *l = &t->layers[t->k];
    for (int j = 0; j < t->n * l->units; j++)
        p[j] = activation(mistake ? mistake : SIGMOID, l->z[j]);
    for (int s = 0; s < t->n && mistake == SOFTMAX; s++) {
        double sum = 0;
        for (int o = 0; o < l->units; o++) sum += exp(l->z[s * l->units + o]);
        for (int o = 0; o < l->units; o++) p[s * l->units + o] = exp(l->z[s * l->units + o]) / sum;
    }
}

const kit_mistake kit_mistakes[] = {
    { "z", RIGHT, "F1.1:  z[s][o] = b[o] + sum_i x[s][i] W[o][i],  x: the a of the layer before" },
    { "z", SUM_IS_ACTIVATED, "the activation was stored in z: z is the sum before it, a after it" },
    { "z", ALWAYS_X, "this layer took X: only the first does, the others take the a before them" },
    { "z", Z_FOR_A,
      "this layer took the z of the layer before: it takes a, z after its activation" },
    { "z", FIRST_A, "this layer took the a of the first layer, not of the layer before it" },
    { "z", W_OF_THE_FIRST, "this layer used the first one's W: each has its own" },
    { "z", W_TRANSPOSED, "W was read as (inputs, units): it has one row per unit" },
    { "z", X_STEP_UNITS, "a row of x has `inputs` numbers, not `units`: x[s * inputs + i]" },
    { "z", NO_BIAS, "the bias is missing: each unit adds its b[o]" },
    { "z", BIAS_BY_SAMPLE, "b was counted by the sample: each unit has one, b[o]" },
    { "z", BIAS_FIRST, "all units got b[0]: each has its own, b[o]" },
    { "z", BIAS_EACH_TIME, "b[o] was added once per input: it belongs outside of the loop over i" },
    { "z", BIAS_ONE_MORE,
      "b[o] was added for each input, and once more: it belongs outside of the loop over i" },
    { "z", BIAS_OF_THE_FIRST, "this layer used the first one's b: each has its own" },
    { "z", LAST_MISSING, "the last input is left out: the loop must run to i = inputs - 1" },
    { "z", FIRST_MISSING, "the first input is left out: the loop starts at i = 0" },
    { "z", OVERWRITTEN, "only the last product is left: add each one to the sum (+=, not =)" },
    { "z", OVERWRITTEN_BIAS,
      "only the last product is left, and b is gone: add each product to the sum (+=, not =)" },
    { "z", PRODUCTS_SUBTRACTED, "the products were subtracted: they are added" },
    { "a", RIGHT, "F2.2:  a = max(0, z) in all layers but the last" },
    { "a", MISSING, "a is z: the activation of the hidden layers is missing, a ReLU" },
    { "a", SIGMOID, "that is a sigmoid: hidden layers have a ReLU here, max(0, z)" },
    { "a", TANH, "that is tanh: hidden layers have a ReLU here, max(0, z)" },
    { "a", LEAKY, "that is a leaky ReLU: here z below 0 gives 0" },
    { "a", ABSOLUTE, "that is the absolute value: z below 0 gives 0" },
    { "a", INVERTED, "the ReLU is the wrong way round: it keeps z above 0" },
    { "a", STEP, "that is 1 where z > 0: a ReLU lets z itself through" },
    { "a", SOFTPLUS, "that is log(1 + e^z), a softplus: here it is max(0, z)" },
    { "a", BOTH, "both activations were applied: the sigmoid belongs to the last layer alone" },
    { "p", RIGHT, "F2.1:  a = 1 / (1 + e^-z) in the last layer" },
    { "p", MISSING, "a is z: the activation of the last layer is missing, a sigmoid" },
    { "p", RELU, "the last layer got a ReLU: it has a sigmoid. It is layer k = count - 1" },
    { "p", TANH, "that is tanh: the last layer has a sigmoid" },
    { "p", SOFTMAX, "that is a softmax: the last layer has a sigmoid, each unit by itself" },
    { "p", STEP, "that is 1 where z > 0: the last layer has a sigmoid" },
    { "p", BOTH, "both activations were applied: the last layer has a sigmoid alone" },
    { "p", PRECEDENCE, "1 / 1 + exp(-z) is 1 + exp(-z): the sum needs brackets" },
    { "p", ONE_MINUS, "1 - e^-z stands below the line: it is 1 + e^-z" },
    { "p", NO_MINUS, "the minus is missing: 1 / (1 + e^-z), exp(-z)" },
    { 0 },
};

/* Each layer is smaller than the one before, so that a wrong index stays inside of the arrays. */
static net new_net(int n, int count)
{
    static const int sizes[] = { 9, 7, 5, 4, 3 };
    static const char *const names[MAX_LAYERS][4] = { { "W1", "b1", "z1", "a1" },
                                                      { "W2", "b2", "z2", "a2" },
                                                      { "W3", "b3", "z3", "a3" },
                                                      { "W4", "b4", "z4", "a4" } };
    net t = { n, count, kit_input("X", n, sizes[0]), { { 0, 0, NULL, NULL, NULL, NULL } }, 0 };
    kit_size("n, the number of samples", n);
    for (int k = 0; k < count; k++) {
        int I = sizes[k], O = sizes[k + 1];
        layer l = { I,
                    O,
                    kit_input(names[k][0], O, I),
                    kit_input(names[k][1], 1, O),
                    kit_output(names[k][2], n, O),
                    kit_output(names[k][3], n, O) };
        t.layers[k] = l;
    }
    return t;
}

static void climb(net *t)
{
    char z[32], a[32], p[32];
    mlp_forward(t->X, t->n, t->layers, t->count);
    for (t->k = 0; t->k < t->count; t->k++) {
        const layer *l = &t->layers[t->k];
        int last = t->k == t->count - 1;
        snprintf(z, sizeof z, "z(%d of %d)", t->k + 1, t->count);
        snprintf(a, sizeof a, "a(%d of %d)", t->k + 1, t->count);
        snprintf(p, sizeof p, "p(%d of %d)", t->k + 1, t->count);
        kit_rung(z, l->z, t->n, l->units, z_formula, t, KIT_TOLERANCE);
        kit_rung(last ? p : a, l->a, t->n, l->units, last ? p_formula : a_formula, t,
                 KIT_TOLERANCE);
    }
}

static void check_forward(void)
{
    net t = new_net(kit_between(0, 1) ? 11 : 13, 3);
    climb(&t);
}

/* Few samples at first: an index that counts them where it should count units stays inside. */
static void check_depths(void)
{
    static const int depths[] = { 1, 2, 4 };
    for (int d = 0; d < 3; d++) {
        net t = new_net(d == 0 ? 2 : 8, depths[d]);
        climb(&t);
    }
}

/* A sample alone is as in a batch; a second run gives the same. */
static void check_laws(void)
{
    net t = new_net(8, 3);
    const layer *last = &t.layers[2];
    double all[8 * 4];
    mlp_forward(t.X, t.n, t.layers, t.count);
    memcpy(all, last->z, sizeof all);
    mlp_forward(t.X, t.n, t.layers, t.count);
    kit_same(
        "again", last->z, all, 8 * 4, KIT_TOLERANCE,
        "a second run with the same X must give the same z: what was in z and a before does not "
        "count");
    mlp_forward(t.X + 5 * 9, 1, t.layers, t.count);
    kit_same("alone", last->z, all + 5 * 4, 4, KIT_TOLERANCE,
             "a sample by itself must give the same z as in a batch");
}

const kit_check kit_checks[] = {
    { "forward", 4, 1, check_forward },
    { "depths", 2, 1, check_depths },
    { "laws", 1, 1, check_laws },
    { 0 },
};

/* XOR, which one neuron cannot do (Minsky and Papert, 1969), with weights set by hand. */
void kit_reward(void)
{
    const double W1[] = { 1, 1, 1, 1 }, b1[] = { 0, -1 }, W2[] = { 10, -20 }, b2[] = { -5 };
    double z1[2], a1[2], z2, p, worst = 0;
    layer layers[] = { { 2, 2, W1, b1, z1, a1 }, { 2, 1, W2, b2, &z2, &p } };
    printf("XOR through your network: # where p > 1/2; the four inputs are marked 0 and 1:\n");
    for (int row = 0; row < 9; row++) {
        for (int col = 0; col < 33; col++) {
            double x[2] = { (col - 8) / 16.0, (6 - row) / 4.0 }, sum = x[0] + x[1];
            int corner = (x[0] == 0 || x[0] == 1) && (x[1] == 0 || x[1] == 1);
            mlp_forward(x, 1, layers, 2);
            worst = fmax(worst, fabs(p - sigmoid(10 * fmax(0, sum) - 20 * fmax(0, sum - 1) - 5)));
            putchar(corner ? '0' + (p > 0.5) : p > 0.5 ? '#' : '.');
        }
        putchar('\n');
    }
    printf("yours against the reference, 297 points: largest difference %.1e\n", worst);
}
