/* Grader of 15_backprop_2layer. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum {
    RIGHT,
    /* z = x Wᵀ + b */
    NO_BIAS,
    W_TRANSPOSED,
    BIAS_PER_SAMPLE,
    FIRST_MISSING,
    OVERWRITTEN,
    OVERWRITTEN_BIAS,
    PRODUCTS_SUBTRACTED,
    FROM_Z1,
    /* a1 */
    NO_RELU,
    ABSOLUTE,
    SIGMOID,
    TANH,
    LEAKY,
    INVERTED,
    /* p */
    NOT_DIVIDED,
    SHIFTED_NOT_DIVIDED,
    LAST_ENTRY,
    WHOLE_MATRIX,
    /* dz2 */
    NO_MEAN,
    SIGN,
    NO_TARGET,
    LABEL_AS_Y,
    TIMES_SLOPE,
    /* dW, db */
    MEAN_AGAIN,
    LAST_SAMPLE,
    FIRST_SAMPLE,
    ONE_SHORT,
    FROM_P,
    TRANSPOSED,
    FROM_DA1,
    /* da1, dz1 */
    LAST_CLASS,
    NO_SLOPE,
    SLOPE_OF_DA1,
    TIMES_Z1,
    SLOPE_TURNED,
    SIGMOID_SLOPE,
    TANH_SLOPE
};

/* One layer, z (n, O) from x (n, I); forward of both layers goes through here. */
static void dense(double *z, const double *x, const double *W, const double *b, int n, int I, int O,
                  int mistake)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double sum = 0, bias = b[mistake == BIAS_PER_SAMPLE ? s % O : o];
            for (int i = mistake == FIRST_MISSING; i < I; i++) {
                double w = W[mistake == W_TRANSPOSED ? i * O + o : o * I + i];
                if (mistake == OVERWRITTEN || mistake == OVERWRITTEN_BIAS) sum = 0;
                sum += w * x[s * I + i];
            }
            if (mistake == PRODUCTS_SUBTRACTED) sum = -sum;
            z[s * O + o] = mistake == NO_BIAS || mistake == OVERWRITTEN_BIAS ? sum : sum + bias;
        }
}

static void z1_formula(const void *problem, int mistake, double *z1)
{
    const net *t = problem;
    dense(z1, t->X, t->W1, t->b1, t->n, t->I, t->H, mistake);
}

static void a1_formula(const void *problem, int mistake, double *a1)
{
    const net *t = problem;
    for (int k = 0; k < t->n * t->H; k++) {
        double z = t->z1[k];
        a1[k] = z > 0 ? z : 0;
        if (mistake == NO_RELU) a1[k] = z;
        if (mistake == ABSOLUTE) a1[k] = fabs(z);
        if (mistake == SIGMOID) a1[k] = 1 / (1 + exp(-z));
        if (mistake == LEAKY && z < 0) a1[k] = 0.01 * z;
        if (mistake == INVERTED) a1[k] = fmin(z, 0);
        if (mistake == TANH) a1[k] = tanh(z);
    }
}

static void z2_formula(const void *problem, int mistake, double *z2)
{
    const net *t = problem;
    const double *from = mistake == FROM_Z1 ? t->z1 : t->a1;
    dense(z2, from, t->W2, t->b2, t->n, t->H, t->C, mistake);
}

static void p_formula(const void *problem, int mistake, double *p)
{
    const net *t = problem;
    double all = 0;
    for (int s = 0; s < t->n; s++) {
        const double *z = t->z2 + s * t->C;
        double m = z[0], sum = 0;
        for (int c = 0; c < t->C; c++) m = fmax(m, z[c]);
        for (int c = 0; c < t->C; c++) sum += exp(z[c] - m);
        for (int c = 0; c < t->C; c++) {
            double e = exp(z[c] - m), unshifted = exp(z[c]);
            p[s * t->C + c] = e / sum;
            if (mistake == NOT_DIVIDED || mistake == WHOLE_MATRIX) p[s * t->C + c] = unshifted;
            if (mistake == SHIFTED_NOT_DIVIDED) p[s * t->C + c] = e;
            if (mistake == LAST_ENTRY) p[s * t->C + c] = exp(z[c] - z[t->C - 1]);
            all += unshifted;
        }
    }
    for (int k = 0; k < t->n * t->C && mistake == WHOLE_MATRIX; k++) p[k] /= all;
}

static void dz2_formula(const void *problem, int mistake, double *dz2)
{
    const net *t = problem;
    for (int s = 0; s < t->n; s++)
        for (int c = 0; c < t->C; c++) {
            double p = t->p[s * t->C + c], y = c == t->label[s], d = (p - y) / t->n;
            if (mistake == NO_MEAN) d = p - y;
            if (mistake == SIGN) d = -d;
            if (mistake == NO_TARGET) d = p / t->n;
            if (mistake == LABEL_AS_Y) d = (p - t->label[s]) / t->n;
            if (mistake == TIMES_SLOPE) d *= p * (1 - p);
            dz2[s * t->C + c] = d;
        }
}

/* The samples that a sum over the batch takes: all of them, if it is right. */
static int first(int n, int mistake)
{
    return mistake == LAST_SAMPLE ? n - 1 : 0;
}

static int last(int n, int mistake)
{
    return mistake == FIRST_SAMPLE ? 1 : mistake == ONE_SHORT ? n - 1 : n;
}

/* dW (O, I) = dzᵀ x; the gradients of both layers go through here. */
static void dense_dW(double *dW, const double *dz, const double *x, int n, int I, int O,
                     int mistake)
{
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++) {
            double sum = 0;
            for (int s = first(n, mistake); s < last(n, mistake); s++)
                sum += dz[s * O + o] * x[s * I + i];
            if (mistake == MEAN_AGAIN) sum /= n;
            if (mistake == NO_MEAN) sum *= n;
            if (mistake == SIGN) sum = -sum;
            dW[mistake == TRANSPOSED ? i * O + o : o * I + i] = sum;
        }
}

static void dense_db(double *db, const double *dz, int n, int O, int mistake)
{
    for (int o = 0; o < O; o++) {
        db[o] = 0;
        for (int s = first(n, mistake); s < last(n, mistake); s++) db[o] += dz[s * O + o];
        if (mistake == MEAN_AGAIN) db[o] /= n;
    }
}

static void dW2_formula(const void *problem, int mistake, double *dW2)
{
    const net *t = problem;
    const double *from = mistake == FROM_Z1 ? t->z1 : t->a1;
    dense_dW(dW2, mistake == FROM_P ? t->p : t->dz2, from, t->n, t->H, t->C, mistake);
}

static void db2_formula(const void *problem, int mistake, double *db2)
{
    const net *t = problem;
    dense_db(db2, t->dz2, t->n, t->C, mistake);
}

static void da1_formula(const void *problem, int mistake, double *da1)
{
    const net *t = problem;
    for (int s = 0; s < t->n; s++)
        for (int h = 0; h < t->H; h++) {
            double sum = 0;
            for (int c = 0; c < t->C; c++)
                sum += (mistake == FROM_P ? t->p : t->dz2)[s * t->C + c] *
                       t->W2[mistake == W_TRANSPOSED ? h * t->C + c : c * t->H + h];
            int k = t->C - 1;
            if (mistake == LAST_CLASS) sum = t->dz2[s * t->C + k] * t->W2[k * t->H + h];
            da1[s * t->H + h] = sum;
        }
}

static void dz1_formula(const void *problem, int mistake, double *dz1)
{
    const net *t = problem;
    for (int k = 0; k < t->n * t->H; k++) {
        double da = t->da1[k], z = t->z1[k], a = t->a1[k];
        dz1[k] = z > 0 ? da : 0;
        if (mistake == NO_SLOPE) dz1[k] = da;
        if (mistake == SLOPE_OF_DA1) dz1[k] = da > 0 ? da : 0;
        if (mistake == TIMES_Z1) dz1[k] = da * a;
        if (mistake == SLOPE_TURNED) dz1[k] = z > 0 ? 0 : da;
        if (mistake == TANH_SLOPE) dz1[k] = da * (1 - a * a);
        if (mistake == SIGMOID_SLOPE) dz1[k] = da * a * (1 - a);
    }
}

static void dW1_formula(const void *problem, int mistake, double *dW1)
{
    const net *t = problem;
    const double *from = mistake == FROM_DA1 ? t->da1 : t->dz1;
    dense_dW(dW1, from, t->X, t->n, t->I, t->H, mistake);
}

static void db1_formula(const void *problem, int mistake, double *db1)
{
    const net *t = problem;
    const double *from = mistake == FROM_DA1 ? t->da1 : t->dz1;
    dense_db(db1, from, t->n, t->H, mistake);
}

#define MEANT "dz2 has the 1/n already, so that this sum needs none"

const kit_mistake kit_mistakes[] = {
    { "z1", RIGHT, "F1.1:  z1 = X W1ᵀ + b1,  z1[s][h] = sum_i X[s][i] W1[h][i] + b1[h]" },
    { "z1", FIRST_MISSING, "the first input is left out: the sum starts at 0" },
    { "z1", OVERWRITTEN, "only the last product is left: add each one to the sum (+=, not =)" },
    { "z1", OVERWRITTEN_BIAS,
      "only the last product is left, and the bias is gone: add them up (+=, not =)" },
    { "z1", PRODUCTS_SUBTRACTED, "the products were subtracted: they are added" },
    { "z1", NO_BIAS, "the bias b1 is missing" },
    { "z1", W_TRANSPOSED, "W1 was read as (I, H): it has a row for each unit, W1[h * I + i]" },
    { "z1", BIAS_PER_SAMPLE,
      "b1 was counted by the sample: it has one number for each unit, b1[h]" },
    { "a1", RIGHT, "F2.2:  a1 = max(0, z1)" },
    { "a1", NO_RELU,
      "a1 is z1: the ReLU is missing, and two layers without one are a single layer" },
    { "a1", ABSOLUTE, "that is the absolute value: ReLU makes negative numbers 0" },
    { "a1", INVERTED, "the ReLU is the wrong way round: it keeps z1 above 0" },
    { "a1", SIGMOID, "that is a sigmoid: this network's hidden layer has ReLU" },
    { "a1", LEAKY, "that is a leaky ReLU: where z1 is negative, a1 is 0" },
    { "a1", TANH, "that is tanh: this network's hidden layer has ReLU" },
    { "z2", RIGHT, "F1.1:  z2 = a1 W2ᵀ + b2" },
    { "z2", NO_BIAS, "the bias b2 is missing" },
    { "z2", W_TRANSPOSED, "W2 was read as (H, C): it has a row for each class, W2[c * H + h]" },
    { "z2", FROM_Z1, "the second layer took z1: its input is a1, what the ReLU gave" },
    { "p", RIGHT, "F2.5:  p_c = exp(z2_c) / sum_j exp(z2_j),  along each row" },
    { "p", NOT_DIVIDED, "exp(z2) was not divided by its row's sum" },
    { "p", SHIFTED_NOT_DIVIDED, "exp(z2 - m) was not divided by its row's sum" },
    { "p", LAST_ENTRY, "divided by the last exponential, not by the sum: add them up (+=)" },
    { "p", WHOLE_MATRIX,
      "divided by the sum of the whole matrix: each sample has a sum of its own" },
    { "dz2", RIGHT, "F3.6:  dz2 = (p - y)/n,  y = 1 at the label, 0 elsewhere" },
    { "dz2", NO_MEAN, "the 1/n is missing: the loss is a mean over the samples" },
    { "dz2", SIGN, "the sign is flipped: dz2 = p - y, not y - p (F4.3)" },
    { "dz2", NO_TARGET, "y was not subtracted: 1 at the label's class" },
    { "dz2", TIMES_SLOPE, "multiplied by p(1 - p): that slope is already in p - y" },
    { "dz2", LABEL_AS_Y,
      "the label's number was subtracted: y is 1 at the label's class, 0 "
      "elsewhere" },
    { "dW2", FROM_P, "p was taken for dz2" },
    { "dW2", RIGHT, "F4.4:  dW2 = dz2ᵀ a1,  dW2[c][h] = sum_s dz2[s][c] a1[s][h]" },
    { "dW2", NO_MEAN, "multiplied by the batch size; the loss is a mean. " MEANT },
    { "dW2", SIGN, "the sign is flipped: the minus belongs into the step, w - alpha dW (F5.1)" },
    { "dW2", MEAN_AGAIN, "divided by n once more: " MEANT },
    { "dW2", FIRST_SAMPLE, "only the first sample is there: sum over all of them" },
    { "dW2", ONE_SHORT, "the last sample is left out: s runs to n - 1" },
    { "dW2", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { "dW2", TRANSPOSED, "this is the transpose, (H, C): dW2 has the shape of W2, (C, H)" },
    { "dW2", FROM_Z1, "z1 was taken for a1: the layer's own input is what the ReLU gave" },
    { "db2", RIGHT, "F4.4:  db2[c] = sum_s dz2[s][c]" },
    { "db2", MEAN_AGAIN, "divided by n once more: " MEANT },
    { "db2", FIRST_SAMPLE, "only the first sample is there: sum over all of them" },
    { "db2", ONE_SHORT, "the last sample is left out: s runs to n - 1" },
    { "db2", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { "da1", RIGHT, "F4.4:  da1 = dz2 W2,  da1[s][h] = sum_c dz2[s][c] W2[c][h]" },
    { "da1", W_TRANSPOSED, "W2 was read as (H, C): the weight from h to c is W2[c * H + h]" },
    { "da1", FROM_P, "p was taken for dz2" },
    { "da1", LAST_CLASS, "only the last class is left: sum over the classes (+=)" },
    { "dz1", TANH_SLOPE, "1 - a1² is the slope of tanh: the ReLU's is 1 or 0" },
    { "dz1", RIGHT, "F4.4:  dz1 = da1 where z1 > 0, else 0" },
    { "dz1", NO_SLOPE,
      "the slope of the ReLU is missing: where z1 was negative, nothing goes back" },
    { "dz1", SLOPE_OF_DA1,
      "the ReLU was applied to da1: the slope is 1 where z1 > 0, whatever the "
      "sign of da1" },
    { "dz1", TIMES_Z1, "multiplied by a1: the slope of the ReLU is 1 there, not z1" },
    { "dz1", SLOPE_TURNED, "the slope is the wrong way round: 1 where z1 > 0" },
    { "dz1", SIGMOID_SLOPE, "a1 (1 - a1) is the slope of a sigmoid: the ReLU's is 1 or 0" },
    { "dW1", RIGHT, "F4.4:  dW1 = dz1ᵀ X,  dW1[h][i] = sum_s dz1[s][h] X[s][i]" },
    { "dW1", FROM_DA1, "da1 was taken for dz1: the slope of the ReLU is lost" },
    { "dW1", MEAN_AGAIN, "divided by n once more: " MEANT },
    { "dW1", FIRST_SAMPLE, "only the first sample is there: sum over all of them" },
    { "dW1", ONE_SHORT, "the last sample is left out: s runs to n - 1" },
    { "dW1", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { "dW1", TRANSPOSED, "this is the transpose, (I, H): dW1 has the shape of W1, (H, I)" },
    { "db1", RIGHT, "F4.4:  db1[h] = sum_s dz1[s][h]" },
    { "db1", FROM_DA1, "da1 was taken for dz1: the slope of the ReLU is lost" },
    { "db1", MEAN_AGAIN, "divided by n once more: " MEANT },
    { "db1", FIRST_SAMPLE, "only the first sample is there: sum over all of them" },
    { "db1", ONE_SHORT, "the last sample is left out: s runs to n - 1" },
    { "db1", LAST_SAMPLE, "only the last sample is left: add the samples up (+=)" },
    { 0 },
};

/* A random network of which no two sizes are equal, so that no wrong index fits by chance. */
static net new_net(void)
{
    net t = { 0 };
    t.n = kit_size("n, the batch size", kit_between(0, 1) ? 11 : 13);
    t.I = kit_size("I, the number of inputs", kit_between(4, 5));
    t.H = kit_size("H, the number of hidden units", kit_between(6, 7));
    t.C = kit_size("C, the number of classes", 3);
    t.X = kit_input("X", t.n, t.I), t.label = kit_labels("label", t.n, t.C);
    t.W1 = kit_input("W1", t.H, t.I), t.b1 = kit_input("b1", 1, t.H);
    t.W2 = kit_input("W2", t.C, t.H), t.b2 = kit_input("b2", 1, t.C);
    t.z1 = kit_output("z1", t.n, t.H), t.a1 = kit_output("a1", t.n, t.H);
    t.z2 = kit_output("z2", t.n, t.C), t.p = kit_output("p", t.n, t.C);
    t.dz2 = kit_output("dz2", t.n, t.C), t.dW2 = kit_output("dW2", t.C, t.H);
    t.db2 = kit_output("db2", 1, t.C), t.da1 = kit_output("da1", t.n, t.H);
    t.dz1 = kit_output("dz1", t.n, t.H), t.dW1 = kit_output("dW1", t.H, t.I);
    t.db1 = kit_output("db1", 1, t.H);
    return t;
}

static void reference_forward(net *t)
{
    z1_formula(t, RIGHT, t->z1);
    a1_formula(t, RIGHT, t->a1);
    z2_formula(t, RIGHT, t->z2);
    p_formula(t, RIGHT, t->p);
}

static void check_forward(void)
{
    net t = new_net();
    forward(&t);
    kit_rung("z1", t.z1, t.n, t.H, z1_formula, &t, KIT_TOLERANCE);
    kit_rung("a1", t.a1, t.n, t.H, a1_formula, &t, KIT_TOLERANCE);
    kit_rung("z2", t.z2, t.n, t.C, z2_formula, &t, KIT_TOLERANCE);
    kit_rung("p", t.p, t.n, t.C, p_formula, &t, KIT_TOLERANCE);
}

/* Each half of backward starts from right numbers: an error elsewhere costs nothing here. */
static void check_output(void)
{
    net t = new_net();
    reference_forward(&t);
    backward_output(&t);
    kit_rung("dz2", t.dz2, t.n, t.C, dz2_formula, &t, KIT_TOLERANCE);
    kit_rung("dW2", t.dW2, t.C, t.H, dW2_formula, &t, KIT_TOLERANCE);
    kit_rung("db2", t.db2, 1, t.C, db2_formula, &t, KIT_TOLERANCE);
}

static void check_hidden(void)
{
    net t = new_net();
    reference_forward(&t);
    for (int k = 0; k < t.n * t.C; k++) t.dz2[k] = kit_uniform(-1, 1); /* a random upstream */
    backward_hidden(&t);
    kit_rung("da1", t.da1, t.n, t.H, da1_formula, &t, KIT_TOLERANCE);
    kit_rung("dz1", t.dz1, t.n, t.H, dz1_formula, &t, KIT_TOLERANCE);
    kit_rung("dW1", t.dW1, t.H, t.I, dW1_formula, &t, KIT_TOLERANCE);
    kit_rung("db1", t.db1, 1, t.H, db1_formula, &t, KIT_TOLERANCE);
}

/* The mean cross-entropy, with arrays of its own; a kink is passed when a z1 changes its sign. */
static double reference_loss(const void *problem, uint64_t *winners)
{
    double z1[13 * 7], a1[13 * 7], z2[13 * 3], p[13 * 3], loss = 0;
    net t = *(const net *)problem;
    t.z1 = z1, t.a1 = a1, t.z2 = z2, t.p = p;
    reference_forward(&t);
    for (int k = 0; k < t.n * t.H; k++) kit_winner(winners, z1[k] > 0);
    for (int s = 0; s < t.n; s++) loss -= log(p[s * t.C + t.label[s]]);
    return loss / t.n;
}

/* The whole chain, as training runs it. */
static void check_numeric(void)
{
    net t = new_net();
    forward(&t);
    backward_output(&t);
    backward_hidden(&t);
    kit_gradient("dL/dW2", t.dW2, (double *)t.W2, t.C, t.H, reference_loss, &t);
    kit_gradient("dL/db2", t.db2, (double *)t.b2, 1, t.C, reference_loss, &t);
    kit_gradient("dL/dW1", t.dW1, (double *)t.W1, t.H, t.I, reference_loss, &t);
    kit_gradient("dL/db1", t.db1, (double *)t.b1, 1, t.H, reference_loss, &t);
}

const kit_check kit_checks[] = {
    { "forward", 2, 1, check_forward },
    { "output", 3, 2, check_output },
    { "hidden", 3, 3, check_hidden },
    { "numeric", 1, 3, check_numeric },
    { 0 },
};

/* XOR in the plane, learned by the learner's functions and by the reference's, from one start. */
enum { N = 64, I = 2, H = 8, C = 2 };

typedef struct trainer {
    double W1[H * I], b1[H], W2[C * H], b2[C], z1[N * H], a1[N * H], z2[N * C], p[N * C];
    double dz2[N * C], dW2[C * H], db2[C], da1[N * H], dz1[N * H], dW1[H * I], db1[H];
    net t;
} trainer;

static void start(trainer *w, const double *X, const int *label)
{
    net t = { N,     I,     H,    C,      X,      w->W1,  w->b1,  w->W2,  w->b2,  label, w->z1,
              w->a1, w->z2, w->p, w->dz2, w->dW2, w->db2, w->da1, w->dz1, w->dW1, w->db1 };
    w->t = t;
}

static void descend(double *w, const double *dw, int n)
{
    for (int i = 0; i < n; i++) w[i] -= 0.5 * dw[i];
}

/* One step; returns the loss before it. */
static double train(trainer *w, int yours)
{
    net *t = &w->t;
    double loss = 0;
    if (yours) {
        forward(t), backward_output(t), backward_hidden(t);
    } else {
        reference_forward(t);
        dz2_formula(t, RIGHT, t->dz2), dW2_formula(t, RIGHT, t->dW2), db2_formula(t, RIGHT, t->db2);
        da1_formula(t, RIGHT, t->da1), dz1_formula(t, RIGHT, t->dz1);
        dW1_formula(t, RIGHT, t->dW1), db1_formula(t, RIGHT, t->db1);
    }
    for (int s = 0; s < N; s++) loss -= log(w->p[s * C + t->label[s]]) / N;
    descend(w->W1, w->dW1, H * I), descend(w->b1, w->db1, H);
    descend(w->W2, w->dW2, C * H), descend(w->b2, w->db2, C);
    return loss;
}

/* What the network answers in the plane: 9 rows of 33 points, N at a time. */
static void draw(trainer *w, double *X)
{
    for (int k = 0; k < 9 * 33; k++) {
        X[k % N * I] = k % 33 / 16.0 - 1, X[k % N * I + 1] = 1 - k / 33 / 4.0;
        if (k % N == N - 1 || k == 9 * 33 - 1) {
            forward(&w->t);
            for (int i = 0; i <= k % N; i++) {
                putchar(w->p[i * C + 1] > 0.5 ? '#' : '.');
                if ((k - k % N + i) % 33 == 32) putchar('\n');
            }
        }
    }
}

void kit_reward(void)
{
    static trainer yours, reference;
    static double X[N * I];
    static int label[N];
    for (int s = 0; s < N; s++) {
        X[s * I] = kit_uniform(-1, 1), X[s * I + 1] = kit_uniform(-1, 1);
        label[s] = (X[s * I] > 0) != (X[s * I + 1] > 0);
    }
    for (int i = 0; i < H * I; i++) yours.W1[i] = kit_normal();
    for (int i = 0; i < C * H; i++) yours.W2[i] = 0.5 * kit_normal();
    reference = yours;
    start(&yours, X, label), start(&reference, X, label);
    printf("A network with 8 hidden units learns XOR from %d points, by your gradients:\n", N);
    printf("  step   your loss   reference\n");
    for (int step = 0; step <= 1000; step++) {
        double a = train(&yours, 1), b = train(&reference, 0);
        if (step == 0 || step == 10 || step == 100 || step == 1000)
            printf("  %4d    %.6f    %.6f\n", step, a, b);
    }
    draw(&yours, X);
}
