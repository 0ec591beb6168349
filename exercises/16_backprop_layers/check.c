/* Grader of 16_backprop_layers. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 5, WIDEST = 9, N = 11 };

enum {
    RIGHT,
    /* a */
    NO_TANH,
    SIGMOID,
    RELU,
    NO_BIAS,
    FIRST_MISSING,
    OVERWRITTEN,
    OVERWRITTEN_BIAS,
    PRODUCTS_SUBTRACTED,
    W_TRANSPOSED,
    /* p */
    NO_SOFTMAX,
    TANH_ALONE,
    TANH_FIRST,
    NOT_DIVIDED,
    SHIFTED_NOT_DIVIDED,
    LAST_ENTRY,
    WHOLE_MATRIX,
    /* dz of the output */
    NO_MEAN,
    SIGN,
    NO_TARGET,
    TIMES_SLOPE,
    TIMES_P_SLOPE,
    /* dW, db, dz */
    MEAN_AGAIN,
    LAST_SAMPLE,
    TRANSPOSED,
    TANH_AGAIN,
    NO_SLOPE,
    LAST_UNIT,
    SLOPE_OF_A,
    SIGMOID_SLOPE,
    RELU_SLOPE,
    SLOPE_TWICE,
    NO_SQUARE,
    PLUS,
    SQUARE_ONLY,
    SLOPE_ALONE,
    FIRST_UNIT_MISSING,
    SOFTMAX_EARLY,
    W_BELOW
};

/* A network with its own arrays: the pointers of `net` are constant for the learner. */
typedef struct problem {
    net t;
    int *size, l; /* l: the layer that a rung is about */
    const double *W[MOST], *b[MOST];
    double *a[MOST + 1], *dz[MOST], *dW[MOST], *db[MOST];
} problem;

static void sums(const problem *p, double *z, int mistake)
{
    int l = p->l, I = p->size[l], O = p->size[l + 1];
    for (int s = 0; s < p->t.n; s++)
        for (int o = 0; o < O; o++) {
            double sum = 0;
            for (int i = mistake == FIRST_MISSING; i < I; i++) {
                double w = p->W[l][mistake == W_TRANSPOSED ? i * O + o : o * I + i];
                if (mistake == OVERWRITTEN || mistake == OVERWRITTEN_BIAS) sum = 0;
                sum += w * p->a[l][s * I + i];
            }
            if (mistake == PRODUCTS_SUBTRACTED) sum = -sum;
            if (mistake != NO_BIAS && mistake != OVERWRITTEN_BIAS) sum += p->b[l][o];
            z[s * O + o] = sum;
        }
}

static void p_formula(const void *of, int mistake, double *out)
{
    const problem *p = of;
    int C = p->size[p->l + 1], n = p->t.n;
    double all = 0;
    sums(p, out, mistake);
    for (int s = 0; s < n; s++) {
        double *z = out + s * C, sum = 0;
        for (int c = 0; c < C && (mistake == TANH_ALONE || mistake == TANH_FIRST); c++)
            z[c] = tanh(z[c]);
        if (mistake == NO_SOFTMAX || mistake == TANH_ALONE) continue;
        double m = z[0], top = z[C - 1];
        for (int c = 0; c < C; c++) m = fmax(m, z[c]);
        if (mistake == SHIFTED_NOT_DIVIDED || mistake == LAST_ENTRY) {
            for (int c = 0; c < C; c++) z[c] = exp(z[c] - (mistake == LAST_ENTRY ? top : m));
            continue;
        }
        for (int c = 0; c < C; c++) sum += z[c] = exp(z[c]);
        all += sum;
        for (int c = 0; c < C && mistake != NOT_DIVIDED && mistake != WHOLE_MATRIX; c++)
            z[c] /= sum;
    }
    for (int k = 0; k < n * C && mistake == WHOLE_MATRIX; k++) out[k] /= all;
}

static void a_formula(const void *of, int mistake, double *a)
{
    const problem *p = of;
    if (mistake == SOFTMAX_EARLY) {
        p_formula(of, RIGHT, a);
        return;
    }
    sums(p, a, mistake);
    for (int k = 0; k < p->t.n * p->size[p->l + 1]; k++) {
        double z = a[k];
        a[k] = mistake == NO_TANH   ? z
               : mistake == SIGMOID ? 1 / (1 + exp(-z))
               : mistake == RELU    ? fmax(0, z)
                                    : tanh(z);
    }
}

static void dz_out_formula(const void *of, int mistake, double *dz)
{
    const problem *q = of;
    int C = q->size[q->l + 1], n = q->t.n;
    for (int k = 0; k < n * C; k++) {
        double p = q->a[q->l + 1][k], y = k % C == q->t.label[k / C], d = (p - y) / n;
        if (mistake == NO_MEAN) d = p - y;
        if (mistake == SIGN) d = -d;
        if (mistake == NO_TARGET) d = p / n;
        if (mistake == TIMES_SLOPE) d *= 1 - p * p;
        if (mistake == TIMES_P_SLOPE) d *= p * (1 - p);
        dz[k] = d;
    }
}

static void dW_formula(const void *of, int mistake, double *dW)
{
    const problem *p = of;
    int l = p->l, I = p->size[l], O = p->size[l + 1], n = p->t.n;
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++) {
            double sum = 0;
            for (int s = mistake == LAST_SAMPLE ? n - 1 : 0; s < n; s++) {
                double a = p->a[l][s * I + i];
                sum += p->dz[l][s * O + o] * (mistake == TANH_AGAIN ? tanh(a) : a);
            }
            if (mistake == MEAN_AGAIN) sum /= n;
            dW[mistake == TRANSPOSED ? i * O + o : o * I + i] = sum;
        }
}

static void db_formula(const void *of, int mistake, double *db)
{
    const problem *p = of;
    int O = p->size[p->l + 1], n = p->t.n;
    for (int o = 0; o < O; o++) {
        db[o] = 0;
        for (int s = mistake == LAST_SAMPLE ? n - 1 : 0; s < n; s++)
            db[o] += p->dz[p->l][s * O + o];
        if (mistake == MEAN_AGAIN) db[o] /= n;
    }
}

/* dz of layer l, from that of layer l + 1. */
static void dz_formula(const void *of, int mistake, double *dz)
{
    const problem *p = of;
    int l = p->l, H = p->size[l + 1], O = p->size[l + 2];
    for (int k = 0; k < p->t.n * H; k++) {
        double a = p->a[l + 1][k], da = 0, slope = 1 - a * a;
        int from = mistake == LAST_UNIT ? O - 1 : mistake == FIRST_UNIT_MISSING;
        for (int o = from; o < O; o++) {
            int w = mistake == W_TRANSPOSED ? k % H * O + o : o * H + k % H;
            double W = mistake == W_BELOW ? p->W[l][w % (H * p->size[l])] : p->W[l + 1][w];
            da += p->dz[l + 1][k / H * O + o] * W;
        }
        if (mistake == NO_SLOPE) slope = 1;
        if (mistake == SLOPE_OF_A) slope = 1 - tanh(a) * tanh(a);
        if (mistake == SIGMOID_SLOPE) slope = a * (1 - a);
        if (mistake == RELU_SLOPE) slope = a > 0;
        if (mistake == SLOPE_TWICE) slope *= slope;
        if (mistake == NO_SQUARE) slope = 1 - a;
        if (mistake == PLUS) slope = 1 + a * a;
        if (mistake == SQUARE_ONLY) slope = a * a;
        if (mistake == SLOPE_ALONE) da = 1;
        if (mistake == MEAN_AGAIN) slope /= p->t.n;
        dz[k] = da * slope;
    }
}

#define MEANT                                                                                      \
    "divided by n once more: the 1/n is in dz of the last layer, and comes into all others "

const kit_mistake kit_mistakes[] = {
    { "a", RIGHT, "F1.1, F2.3:  a[l+1] = tanh(a[l] W[l]ᵀ + b[l])" },
    { "a", NO_TANH, "tanh is missing: without it all layers together are a single one" },
    { "a", SIGMOID, "that is a sigmoid: the hidden layers have tanh" },
    { "a", RELU, "that is a ReLU: the hidden layers have tanh" },
    { "a", SOFTMAX_EARLY,
      "that is a softmax, one layer too early: the last layer is l = depth - 1" },
    { "a", FIRST_MISSING, "the first input is left out: the sum starts at 0" },
    { "a", OVERWRITTEN, "only the last product is left: add each one to the sum (+=, not =)" },
    { "a", OVERWRITTEN_BIAS,
      "only the last product is left, and the bias is gone: add them up (+=, not =)" },
    { "a", PRODUCTS_SUBTRACTED, "the products were subtracted: they are added" },
    { "a", NO_BIAS, "the bias b[l] is missing" },
    { "a", W_TRANSPOSED, "W[l] was read as (size[l], size[l+1]): it has a row for each unit" },
    { "p", RIGHT, "F2.5:  a[depth] = softmax of each row of a[l] W[l]ᵀ + b[l]" },
    { "p", NO_SOFTMAX, "the softmax is missing in the last layer" },
    { "p", TANH_ALONE, "the last layer has tanh: it has softmax in its place" },
    { "p", TANH_FIRST, "the last layer has tanh and softmax: softmax alone" },
    { "p", NOT_DIVIDED, "exp(z) was not divided by its row's sum" },
    { "p", SHIFTED_NOT_DIVIDED, "exp(z - m) was not divided by its row's sum" },
    { "p", LAST_ENTRY, "divided by the last exponential, not by the sum: add them up (+=)" },
    { "p", WHOLE_MATRIX,
      "divided by the sum of the whole matrix: each sample has a sum of its own" },
    { "p", NO_BIAS, "the bias b[l] is missing" },
    { "p", W_TRANSPOSED, "W[l] was read as (size[l], size[l+1]): it has a row for each unit" },
    { "dz_out", RIGHT, "F3.6:  dz[depth-1] = (p - y)/n,  y = 1 at the label, 0 elsewhere" },
    { "dz_out", NO_MEAN, "the 1/n is missing: the loss is a mean over the samples" },
    { "dz_out", SIGN, "the sign is flipped: dz = p - y, not y - p (F4.3)" },
    { "dz_out", NO_TARGET, "y was not subtracted: 1 at the label's class" },
    { "dz_out", TIMES_SLOPE, "multiplied by 1 - p²: the last layer has no tanh" },
    { "dz_out", TIMES_P_SLOPE,
      "multiplied by p (1 - p): that slope is already in p - y, where it cancels" },
    { "dW", RIGHT, "F4.4:  dW[l] = dz[l]ᵀ a[l]" },
    { "dW", MEAN_AGAIN, MEANT "by itself" },
    { "dW", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { "dW", TANH_AGAIN, "tanh was applied to a[l] once more: take it as it is" },
    { "dW", TRANSPOSED,
      "this is the transpose: dW[l] has the shape of W[l], (size[l+1], size[l])" },
    { "db", RIGHT, "F4.4:  db[l] = sum over the samples of dz[l]" },
    { "db", MEAN_AGAIN, MEANT "by itself" },
    { "db", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { "dz", RIGHT, "F4.4, F2.6:  dz[l-1] = (dz[l] W[l]) (1 - a[l]²)" },
    { "dz", NO_SLOPE, "the slope of tanh is missing: 1 - a²" },
    { "dz", MEAN_AGAIN, MEANT "without a factor per layer" },
    { "dz", LAST_UNIT,
      "overwritten: only the last unit of the layer above is left. Add them up (+=)" },
    { "dz", W_TRANSPOSED,
      "W[l] was read as (size[l], size[l+1]): the weight from i to o is [o][i]" },
    { "dz", SLOPE_OF_A,
      "tanh was applied once more: a is tanh(z) already, and the slope is 1 - a²" },
    { "dz", W_BELOW, "W of the layer below was taken: dz[l] comes back through its own W[l]" },
    { "dz", SIGMOID_SLOPE, "a (1 - a) is the slope of a sigmoid: that of tanh is 1 - a²" },
    { "dz", RELU_SLOPE, "1 or 0 is the slope of a ReLU: that of tanh is 1 - a²" },
    { "dz", NO_SQUARE, "1 - a was taken for the slope: that of tanh is 1 - a²" },
    { "dz", PLUS, "1 + a²: the slope of tanh is 1 - a²" },
    { "dz", SQUARE_ONLY, "a²: the slope of tanh is 1 - a²" },
    { "dz", SLOPE_ALONE, "the slope alone: by the chain rule it multiplies dz[l] W[l]" },
    { "dz", FIRST_UNIT_MISSING, "the first unit of the layer above is left out: o starts at 0" },
    { "dz", SLOPE_TWICE, "multiplied by the slope twice" },
    { 0 },
};

/* ---- problems ------------------------------------------------------------------------------- */

static const char *const a_names[] = { "a(1)", "a(2)", "a(3)", "a(4)" };
static const char *const dz_names[] = { "dz(0)", "dz(1)", "dz(2)", "dz(3)" };
static const char *const dW_names[] = { "dW(0)", "dW(1)", "dW(2)", "dW(3)", "dW(4)" };
static const char *const db_names[] = { "db(0)", "db(1)", "db(2)", "db(3)", "db(4)" };

static problem *new_problem(int depth)
{
    static problem all[4];
    static int used;
    static const int hidden[] = { 5, 7, 4, 9, 6 };
    problem *p = &all[used++ % 4];
    p->size = kit_labels("size", depth + 1, 1);
    for (int l = 0; l < depth; l++) p->size[l] = hidden[l];
    p->size[depth] = 3;
    kit_size("n, the batch size", N), kit_size("C, the number of classes", 3);
    p->a[0] = kit_input("a[0]", N, p->size[0]);
    for (int l = 0; l < depth; l++) {
        int I = p->size[l], O = p->size[l + 1];
        double *W = kit_input("W[l]", O, I);
        for (int k = 0; k < I * O; k++) W[k] *= 0.6; /* tanh is not flat */
        p->W[l] = W, p->b[l] = kit_input("b[l]", 1, O);
        p->a[l + 1] = kit_output("a[l+1]", N, O), p->dz[l] = kit_output("dz[l]", N, O);
        p->dW[l] = kit_output("dW[l]", O, I), p->db[l] = kit_output("db[l]", 1, O);
    }
    net t = { N, depth, p->size, p->W, p->b, kit_labels("label", N, 3), p->a, p->dz, p->dW, p->db };
    p->t = t;
    return p;
}

static void reference_forward(problem *p)
{
    for (p->l = 0; p->l < p->t.depth; p->l++)
        (p->l == p->t.depth - 1 ? p_formula : a_formula)(p, RIGHT, p->a[p->l + 1]);
}

static void climb_forward(problem *p)
{
    int top = p->t.depth - 1;
    for (p->l = 0; p->l < top; p->l++)
        kit_rung(a_names[p->l], p->a[p->l + 1], N, p->size[p->l + 1], a_formula, p, KIT_TOLERANCE);
    kit_rung("p", p->a[top + 1], N, p->size[top + 1], p_formula, p, KIT_TOLERANCE);
}

/* In the order in which backward has them. */
static void climb_backward(problem *p)
{
    int top = p->t.depth - 1;
    for (int l = p->l = top; l >= 0; p->l = --l) {
        int I = p->size[l], O = p->size[l + 1];
        if (l == top) kit_rung("dz_out", p->dz[l], N, O, dz_out_formula, p, KIT_TOLERANCE);
        else kit_rung(dz_names[l], p->dz[l], N, O, dz_formula, p, KIT_TOLERANCE);
        kit_rung(dW_names[l], p->dW[l], O, I, dW_formula, p, KIT_TOLERANCE);
        kit_rung(db_names[l], p->db[l], 1, O, db_formula, p, KIT_TOLERANCE);
    }
}

static void check_forward(void)
{
    problem *p = new_problem(3);
    forward(&p->t);
    climb_forward(p);
}

static void check_backward(int depth)
{
    problem *p = new_problem(depth);
    reference_forward(p);
    backward(&p->t);
    climb_backward(p);
}

static void check_one(void)
{
    check_backward(1);
}

static void check_deep(void)
{
    check_backward(3);
}

static void check_five(void)
{
    problem *p = new_problem(5);
    forward(&p->t);
    climb_forward(p);
    backward(&p->t);
    climb_backward(p);
}

/* The mean cross-entropy, with activations of its own. */
static double reference_loss(const void *of, uint64_t *winners)
{
    static double a[MOST][N * WIDEST];
    problem p = *(const problem *)of;
    double loss = 0;
    for (int l = 0; l < p.t.depth; l++) p.a[l + 1] = a[l];
    reference_forward(&p);
    for (int s = 0; s < N; s++) loss -= log(p.a[p.t.depth][s * 3 + p.t.label[s]]);
    kit_winner(winners, 0); /* tanh has no kink */
    return loss / N;
}

static void climb_numeric(int depth)
{
    problem *p = new_problem(depth);
    forward(&p->t);
    backward(&p->t);
    for (int l = 0; l < depth; l++) {
        int I = p->size[l], O = p->size[l + 1];
        kit_gradient(dW_names[l], p->dW[l], (double *)p->W[l], O, I, reference_loss, p);
        kit_gradient(db_names[l], p->db[l], (double *)p->b[l], 1, O, reference_loss, p);
    }
}

static void check_numeric(void)
{
    climb_numeric(2);
    climb_numeric(4);
}

const kit_check kit_checks[] = {
    { "forward", 2, 1, check_forward }, { "one", 2, 2, check_one },
    { "deep", 4, 2, check_deep },       { "five", 2, 2, check_five },
    { "numeric", 1, 2, check_numeric }, { 0 },
};

/* ---- the reward: a ring, by networks of one to four layers ----------------------------------- */

enum { POINTS = 60, UNITS = 8, STEPS = 300 };

typedef struct store {
    double W[4][UNITS * UNITS], b[4][UNITS], a[5][POINTS * UNITS], dz[4][POINTS * UNITS];
    double dW[4][UNITS * UNITS], db[4][UNITS];
} store;

/* Trains with the learner's functions; returns the last loss and counts the points it has right. */
static double learn_ring(store *w, const int *label, int depth, int *good)
{
    problem p = { 0 };
    int size[5];
    double loss = 0;
    p.size = size;
    for (int l = 0; l <= depth; l++)
        p.size[l] = l == 0 ? 2 : l == depth ? 2 : UNITS, p.a[l] = w->a[l];
    for (int l = 0; l < depth; l++) {
        for (int k = 0; k < UNITS * UNITS; k++) w->W[l][k] = kit_normal() / sqrt(p.size[l]);
        for (int k = 0; k < UNITS; k++) w->b[l][k] = 0;
        p.W[l] = w->W[l], p.b[l] = w->b[l], p.dz[l] = w->dz[l], p.dW[l] = w->dW[l],
        p.db[l] = w->db[l];
    }
    net t = { POINTS, depth, p.size, p.W, p.b, label, p.a, p.dz, p.dW, p.db };
    for (int step = 0; step < STEPS; step++) {
        forward(&t), backward(&t);
        for (int l = 0; l < depth; l++) {
            for (int k = 0; k < p.size[l] * p.size[l + 1]; k++) w->W[l][k] -= w->dW[l][k];
            for (int k = 0; k < p.size[l + 1]; k++) w->b[l][k] -= w->db[l][k];
        }
    }
    forward(&t);
    *good = 0;
    for (int s = 0; s < POINTS; s++) {
        double right = w->a[depth][2 * s + label[s]];
        loss -= log(right) / POINTS, *good += right > 0.5;
    }
    return loss;
}

void kit_reward(void)
{
    static store w;
    double X[POINTS * 2];
    int label[POINTS], good;
    for (int s = 0; s < POINTS; s++) {
        double radius = s % 2 ? kit_uniform(0, 0.8) : kit_uniform(1.2, 2);
        double angle = kit_uniform(0, 6.283185307179586);
        X[2 * s] = radius * cos(angle), X[2 * s + 1] = radius * sin(angle), label[s] = s % 2;
    }
    printf("A disc inside a ring, %d points, %d steps by your gradients:\n", POINTS, STEPS);
    printf("  layers   loss       right\n");
    for (int depth = 1; depth <= 4; depth++) {
        for (int k = 0; k < POINTS * 2; k++) w.a[0][k] = X[k];
        double loss = learn_ring(&w, label, depth, &good);
        printf("  %4d     %.6f   %d of %d%s\n", depth, loss, good, POINTS,
               depth == 1 ? "   (one layer can only draw a line)" : "");
    }
}
