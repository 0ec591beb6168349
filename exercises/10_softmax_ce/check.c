/* Grader of 10_softmax_ce. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct batch {
    const double *z, *p; /* p: what the learner's forward gave, or what backward is given */
    const int *label;
    int n, C;
} batch;

enum {
    RIGHT,
    /* p */
    NOT_DIVIDED,
    WHOLE_MATRIX,
    DOWN_COLUMNS,
    UNSHIFTED,
    MAXIMUM_OF_ALL,
    MAXIMUM_FROM_0,
    MAXIMUM_IS_FIRST,
    SHIFT_IN_SUM_ONLY,
    SUM_GOES_ON,
    LAST_ENTRY,
    BASE_2,
    /* loss */
    SUMMED,
    SIGN,
    LOG_10,
    LOG_2,
    OVER_ALL_ENTRIES,
    ALL_CLASSES,
    BOTH_TERMS,
    LOGIT,
    PROBABILITY,
    NEXT_LABEL,
    LAST_SAMPLE,
    FIRST_ROW_P,
    FIRST_ROW_Z,
    LOG_OF_P,
    M_MISSING,
    LOG_SUM_SIGN,
    SQUARES,
    ENTROPY,
    /* dz */
    NO_TARGET,
    LABELS_ONLY,
    TARGET_NOT_DIVIDED,
    TIMES_SLOPE,
    LABEL_AS_Y,
    MINUS_Y_OVER_P,
    MEAN_AT_LABEL,
    INVERTED
};

/* exp(x - m) / sum for each row, in the ways that go wrong. */
static void p_formula(const void *problem, int mistake, double *p)
{
    const batch *t = problem;
    double all = 0, before = 0, largest = t->z[0];
    for (int i = 0; i < t->n * t->C; i++) largest = fmax(largest, t->z[i]);
    for (int s = 0; s < t->n; s++) {
        const double *z = t->z + s * t->C;
        double m = z[0], sum = mistake == SUM_GOES_ON ? before : 0;
        for (int c = 0; c < t->C; c++) m = fmax(m, z[c]);
        if (mistake == UNSHIFTED || mistake == SHIFT_IN_SUM_ONLY) m = 0;
        if (mistake == MAXIMUM_IS_FIRST) m = z[0];
        if (mistake == MAXIMUM_OF_ALL) m = largest;
        if (mistake == MAXIMUM_FROM_0) m = fmax(m, 0);
        for (int c = 0; c < t->C; c++) {
            double e = mistake == BASE_2 ? exp2(z[c] - m) : exp(z[c] - m);
            p[s * t->C + c] = e, sum = mistake == LAST_ENTRY ? e : sum + e;
        }
        all += sum, before = sum;
        if (mistake == NOT_DIVIDED || mistake == WHOLE_MATRIX || mistake == DOWN_COLUMNS) continue;
        double m_right = z[0];
        for (int c = 0; c < t->C; c++) m_right = fmax(m_right, z[c]);
        for (int c = 0; c < t->C; c++)
            p[s * t->C + c] /= mistake == SHIFT_IN_SUM_ONLY ? sum * exp(-m_right) : sum;
    }
    if (mistake == WHOLE_MATRIX)
        for (int i = 0; i < t->n * t->C; i++) p[i] /= all;
    for (int c = 0; c < t->C && mistake == DOWN_COLUMNS; c++) {
        double sum = 0, m = t->z[c];
        for (int s = 0; s < t->n; s++) m = fmax(m, t->z[s * t->C + c]);
        for (int s = 0; s < t->n; s++) sum += exp(t->z[s * t->C + c] - m);
        for (int s = 0; s < t->n; s++) p[s * t->C + c] = exp(t->z[s * t->C + c] - m) / sum;
    }
}

/* -log p of one sample's label, from its logits. */
static double loss_of_row(const double *z, int label, int C)
{
    double m = z[0], sum = 0;
    for (int c = 0; c < C; c++) m = fmax(m, z[c]);
    for (int c = 0; c < C; c++) sum += exp(z[c] - m);
    return log(sum) - (z[label] - m);
}

static double wrong_loss_of_row(const batch *t, int s, int mistake)
{
    const double *z = t->z + s * t->C, *p = t->p + s * t->C;
    int y = t->label[s];
    double sum = 0, right = loss_of_row(z, y, t->C), m = z[0];
    for (int c = 0; c < t->C; c++) m = fmax(m, z[c]);
    switch (mistake) {
    case LOG_10: return right / log(10);
    case LOG_2: return right / log(2);
    case SIGN: return -right;
    case ALL_CLASSES:
        for (int c = 0; c < t->C; c++) sum += loss_of_row(z, c, t->C);
        return sum;
    case BOTH_TERMS:
        for (int c = 0; c < t->C; c++) sum -= c == y ? 0 : log(1 - p[c]);
        return right + sum;
    case LOGIT: return -z[y];
    case M_MISSING: return right - m;
    case LOG_SUM_SIGN: return 2 * (m - z[y]) - right;
    case SQUARES:
        for (int c = 0; c < t->C; c++) sum += (p[c] - (c == y)) * (p[c] - (c == y));
        return sum;
    case ENTROPY:
        for (int c = 0; c < t->C; c++) sum -= p[c] * log(p[c]);
        return sum;
    case FIRST_ROW_P: return -log(t->p[y]);
    case FIRST_ROW_Z: return right + z[y] - t->z[y];
    case PROBABILITY: return 1 - p[y];
    case NEXT_LABEL: return loss_of_row(z, (y + 1) % t->C, t->C);
    case LOG_OF_P: return -log(p[y]);
    default: return right;
    }
}

static void loss_formula(const void *problem, int mistake, double *loss)
{
    const batch *t = problem;
    double sum = 0;
    for (int s = 0; s < t->n; s++) {
        if (mistake == LAST_SAMPLE) sum = 0;
        sum += wrong_loss_of_row(t, s, mistake);
    }
    *loss = mistake == SUMMED ? sum : sum / t->n;
    if (mistake == OVER_ALL_ENTRIES) *loss /= t->C;
}

static void dz_formula(const void *problem, int mistake, double *dz)
{
    const batch *t = problem;
    for (int s = 0; s < t->n; s++)
        for (int c = 0; c < t->C; c++) {
            double p = t->p[s * t->C + c], y = c == t->label[s], d = (p - y) / t->n;
            if (mistake == SUMMED) d = p - y;
            if (mistake == SIGN) d = -d;
            if (mistake == OVER_ALL_ENTRIES) d = (p - y) / t->n / t->C;
            if (mistake == NO_TARGET) d = p / t->n;
            if (mistake == LABELS_ONLY && y == 0) d = 0;
            if (mistake == TARGET_NOT_DIVIDED) d = p / t->n - y;
            if (mistake == LABEL_AS_Y) d = (p - t->label[s]) / t->n;
            if (mistake == TIMES_SLOPE) d *= p * (1 - p);
            if (mistake == INVERTED) d = (p - (1 - y)) / t->n;
            if (mistake == MEAN_AT_LABEL && y == 0) d = p;
            if (mistake == MINUS_Y_OVER_P) d = -y / p / t->n;
            if (mistake == NEXT_LABEL) d = (p - (c == (t->label[s] + 1) % t->C)) / t->n;
            dz[s * t->C + c] = d;
        }
}

const kit_mistake kit_mistakes[] = {
    { "p(z=1000)", UNSHIFTED,
      "exp overflows: subtract the row's largest logit m first, above and "
      "below the line" },
    { "p(z=1000)", MAXIMUM_IS_FIRST,
      "m is the first logit of the row, not the largest: exp still "
      "overflows" },
    { "p(z=-1000)", MAXIMUM_FROM_0,
      "the search for the maximum starts at 0, and here all logits "
      "are negative: start at the row's first" },
    { "p(rows apart)", MAXIMUM_OF_ALL,
      "m is the maximum of the whole matrix: a row far below it "
      "becomes 0/0. Take each row's own" },
    { "p", RIGHT,
      "F2.5:  p_c = exp(z_c - m) / sum_j exp(z_j - m),  m = max_j z_j of the same row" },
    { "p", NOT_DIVIDED, "exp(z - m) was not divided by its row's sum" },
    { "p", WHOLE_MATRIX, "divided by the sum of the whole matrix: each row has a sum of its own" },
    { "p", DOWN_COLUMNS,
      "the softmax runs down the columns, over the samples: it belongs along "
      "each row, over the classes" },
    { "p", SHIFT_IN_SUM_ONLY, "m was subtracted below the line, but not above it" },
    { "p", SUM_GOES_ON, "the sum goes on from row to row: it starts from 0 in each" },
    { "p", LAST_ENTRY, "divided by the last exponential, not by the sum: add them up (+=)" },
    { "p", BASE_2, "powers of 2: softmax takes powers of e, exp()" },
    { "loss(z=1000)", LOG_OF_P,
      "p is too small for a double, and log(0) is -infinity: use "
      "log(sum) - (z - m), which needs no p" },
    { "loss", RIGHT, "F3.6:  L = 1/n sum_s -log p[s][label[s]],  -log p_c = log(sum) - (z_c - m)" },
    { "loss", SUMMED, "the losses were summed: the loss of a batch is their mean, so divide by n" },
    { "loss", SIGN, "the minus of -log p is missing: a loss is positive" },
    { "loss", LOG_10, "log10: the logarithm is the natural one, log()" },
    { "loss", LOG_2, "log2: the logarithm is the natural one, log()" },
    { "loss", OVER_ALL_ENTRIES, "divided by n * C: the mean goes over the samples, by n alone" },
    { "loss", ALL_CLASSES,
      "summed over all classes: only the label's class counts, the others have "
      "y = 0" },
    { "loss", BOTH_TERMS,
      "the terms log(1 - p) of the other classes were added: that is binary "
      "cross-entropy (F3.2, F3.5), another loss" },
    { "loss", LOGIT, "the loss takes log p, not the logit z" },
    { "loss", PROBABILITY, "1 - p is not the loss: it is -log p" },
    { "loss", NEXT_LABEL, "the label is off by one: classes count from 0" },
    { "loss", LAST_SAMPLE, "only the last sample's loss is left: add them up (+=)" },
    { "loss", FIRST_ROW_P,
      "p was read in the first row only: that of sample s begins at p[s * C]" },
    { "loss", FIRST_ROW_Z,
      "z was read in the first row only: that of sample s begins at z[s * C]" },
    { "loss", M_MISSING,
      "m was subtracted in the sum, but not from the label's logit: "
      "log(sum) - (z - m)" },
    { "loss", LOG_SUM_SIGN, "the sign of log(sum) is flipped: -log p is log(sum) - (z - m)" },
    { "loss", SQUARES, "that is the squared error (F3.1): cross-entropy is -log p at the label" },
    { "loss", ENTROPY,
      "-p log p, summed over the classes, is the entropy of p: weigh the logarithms "
      "with y, not with p" },
    { "dz", LABEL_AS_Y,
      "the label's number was subtracted: y is 1 at the label's class, 0 elsewhere" },
    { "dz", RIGHT, "F3.6:  dz = (p - y)/n,  y = 1 at the label, 0 elsewhere" },
    { "dz", SUMMED, "the 1/n is missing: the loss is a mean" },
    { "dz", SIGN, "the sign is flipped: dz = p - y, not y - p (F4.3)" },
    { "dz", OVER_ALL_ENTRIES, "divided by n * C: divide by n alone" },
    { "dz", NO_TARGET, "y was not subtracted: 1 at the label's class" },
    { "dz", LABELS_ONLY, "only the label's entry is there: all other classes get p/n" },
    { "dz", TARGET_NOT_DIVIDED, "p was divided by n, but y was not: (p - y)/n" },
    { "dz", TIMES_SLOPE,
      "multiplied by p(1 - p): that slope is already in p - y, where softmax and "
      "logarithm cancel" },
    { "dz", MINUS_Y_OVER_P,
      "-y/p is the gradient by p: it still has to go back through softmax, "
      "which gives p - y" },
    { "dz", MEAN_AT_LABEL, "only the label's entry was divided by n: all of them are" },
    { "dz", INVERTED, "1 was subtracted from all classes but the label's: y is 1 at the label" },
    { "dz", NEXT_LABEL, "the label is off by one: classes count from 0" },
    { 0 },
};

/* Random logits and labels; p has room for the learner's. */
static batch new_batch(double **z, double **p)
{
    batch t = {
        NULL, NULL, NULL, kit_between(0, 1) ? 7 : 11, kit_between(3, 4),
    };
    kit_size("n, the number of samples", t.n);
    kit_size("C, the number of classes", t.C);
    *z = kit_input("z", t.n, t.C);
    *p = kit_output("p", t.n, t.C);
    t.z = *z, t.p = *p, t.label = kit_labels("label", t.n, t.C);
    return t;
}

static void check_forward(void)
{
    double *z, *p;
    batch t = new_batch(&z, &p);
    double loss = softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_rung("p", p, t.n, t.C, p_formula, &t, KIT_TOLERANCE);
    kit_rung("loss", &loss, 1, 1, loss_formula, &t, KIT_TOLERANCE);
}

/* Whether a loss is what max(p, eps) or p + eps in the logarithm gives, for an eps like 1e-12. */
static int is_clipped(const batch *t, double loss)
{
    double right;
    loss_formula(t, RIGHT, &right);
    return isfinite(loss) && loss > 0 && loss < 0.9 * right;
}

/* Logits of +-1000; rows that lie 2000 apart; rows of which all are negative. */
static void check_stable(void)
{
    double *z, *p;
    batch t = new_batch(&z, &p);
    for (int i = 0; i < t.n * t.C; i++) z[i] += 1000 * ((i + i / t.C + 1) % t.C - 1);
    double loss = softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_rung("p(z=1000)", p, t.n, t.C, p_formula, &t, KIT_TOLERANCE);
    kit_true("loss(not clipped)", !is_clipped(&t, loss),
             "the loss is too small: p is held above some small number before log(), which hides "
             "how wrong a prediction is. log(sum) - (z - m) needs no such guard");
    kit_rung("loss(z=1000)", &loss, 1, 1, loss_formula, &t, KIT_TOLERANCE);
    for (int i = 0; i < t.n * t.C; i++) z[i] = kit_uniform(-1002, -998);
    softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_rung("p(z=-1000)", p, t.n, t.C, p_formula, &t, KIT_TOLERANCE);
    for (int i = 0; i < t.n * t.C; i++) z[i] = kit_uniform(-1, 1) + (i < t.C ? 1000 : -1000);
    softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_rung("p(rows apart)", p, t.n, t.C, p_formula, &t, KIT_TOLERANCE);
}

/* The sum of the row of p that is furthest from 1. */
static double worst_sum(const double *p, int n, int C)
{
    double worst = 1;
    for (int s = 0; s < n; s++) {
        double sum = 0;
        for (int c = 0; c < C; c++) sum += p[s * C + c];
        if (!(fabs(sum - 1) <= fabs(worst - 1))) worst = sum; /* NaN is the furthest */
    }
    return worst;
}

/* Rows of p sum to 1; a shift of a row changes nothing; equal logits give ln C; one
   sample has the mean of many that are like it. */
static void check_laws(void)
{
    double *z, *p, before[64], ln_C = 0;
    batch t = new_batch(&z, &p);
    double loss = softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    double sum = worst_sum(p, t.n, t.C);
    kit_true("sums", fabs(sum - 1) < 1e-9,
             "the probabilities of a sample must sum to 1; there is a row of p that sums to %.6g",
             sum);
    memcpy(before, p, (size_t)(t.n * t.C) * sizeof *p);
    for (int i = 0; i < t.n * t.C; i++) z[i] += 50;
    double shifted = softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_same("shift", p, before, t.n * t.C, 1e-8,
             "adding 50 to every logit changed p: only the "
             "differences of logits count");
    kit_same("shift(loss)", &shifted, &loss, 1, 1e-8, "adding 50 to every logit changed the loss");
    for (int i = 0; i < t.n * t.C; i++) z[i] = 7;
    ln_C = softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    kit_true("ln C", fabs(ln_C - log(t.C)) < 1e-9,
             "with equal logits the loss must be ln %d = %.6f, the loss of a guess; yours is %.6f",
             t.C, log(t.C), ln_C);
    double one = softmax_ce_forward(t.z, t.label, 1, t.C, p);
    kit_true("n = 1", fabs(one - log(t.C)) < 1e-9,
             "one sample must give the same mean as %d like it, %.6f; yours is %.6f", t.n, log(t.C),
             one);
}

/* From given probabilities: a wrong forward costs nothing here. */
static void check_backward(void)
{
    double *z, *p;
    batch t = new_batch(&z, &p);
    double *dz = kit_output("dz", t.n, t.C);
    p_formula(&t, RIGHT, p);
    softmax_ce_backward(t.p, t.label, t.n, t.C, dz);
    kit_rung("dz", dz, t.n, t.C, dz_formula, &t, KIT_TOLERANCE);
}

static double reference_loss(const void *problem, uint64_t *winners)
{
    double loss;
    loss_formula(problem, RIGHT, &loss);
    kit_winner(winners, 0); /* smooth everywhere */
    return loss;
}

/* Both functions in a row, against differences of the loss. */
static void check_numeric(void)
{
    double *z, *p;
    batch t = new_batch(&z, &p);
    double *dz = kit_output("dz", t.n, t.C);
    softmax_ce_forward(t.z, t.label, t.n, t.C, p);
    softmax_ce_backward(p, t.label, t.n, t.C, dz);
    kit_gradient("dL/dz", dz, z, t.n, t.C, reference_loss, &t);
}

const kit_check kit_checks[] = {
    { "forward", 2, 1, check_forward }, { "stable", 2, 1, check_stable },
    { "laws", 1, 1, check_laws },       { "backward", 3, 2, check_backward },
    { "numeric", 1, 2, check_numeric }, { 0 },
};

/* Gradient descent on the logits themselves, with the learner's functions and with the reference's:
   from the loss of a guess down. */
void kit_reward(void)
{
    enum { N = 6, C = 4 };
    double z[2][N * C] = { { 0 }, { 0 } }, p[N * C], dz[N * C], loss[2];
    int label[N];
    for (int s = 0; s < N; s++) label[s] = kit_between(0, C - 1);
    printf("Six samples, four classes, descending on the logits:\n");
    printf("  step     yours   reference\n");
    for (int step = 0; step <= 100; step++) {
        for (int who = 0; who < 2; who++) {
            batch t = { z[who], p, label, N, C };
            if (who == 0) {
                loss[0] = softmax_ce_forward(z[0], label, N, C, p);
                softmax_ce_backward(p, label, N, C, dz);
            } else {
                loss_formula(&t, RIGHT, &loss[1]);
                p_formula(&t, RIGHT, p);
                dz_formula(&t, RIGHT, dz);
            }
            for (int i = 0; i < N * C; i++) z[who][i] -= 2 * dz[i];
        }
        if (step != 0 && step != 1 && step != 10 && step != 100) continue;
        printf("  %4d  %.6f    %.6f%s\n", step, loss[0], loss[1], step ? "" : "   (ln 4)");
    }
}
