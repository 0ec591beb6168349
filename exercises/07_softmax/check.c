/* Grader of 07_softmax. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct batch {
    double *z, *p;
    int n, C;
} batch;

enum {
    RIGHT,
    UNSHIFTED,
    MAXIMUM_IS_FIRST,
    MAXIMUM_FROM_0,
    MAXIMUM_OF_ALL,
    MINIMUM,
    MEAN,
    NOT_DIVIDED,
    WHOLE_MATRIX,
    DOWN_COLUMNS,
    RUNNING_SUM,
    SUM_NOT_RESET,
    LAST_ONLY,
    FIRST_LEFT_OUT,
    LAST_LEFT_OUT,
    BY_THE_MAXIMUM,
    NO_EXP,
    SUM_OF_Z,
    SHIFT_IN_SUM_ONLY,
    SHIFT_ABOVE_ONLY,
    BASE_2,
    NEGATED,
    SUM_ALONE,
    BY_C,
    SIGMOIDS,
    SQUARES,
    LOGARITHM,
    HARD,
    INDEX_AS_M,
    M_OUTSIDE_EXP,
    SUM_OF_LOGITS
};

/* What is subtracted from row z. */
static double shift_of(const batch *t, int mistake, const double *z)
{
    double m = z[0], sum = 0, least = z[0], place = z[0];
    for (int c = 0; c < t->C; c++) {
        m = fmax(m, z[c]);
        least = fmin(least, z[c]), sum += z[c];
        if (z[c] > place) place = c;
    }
    for (int i = 0; i < t->n * t->C && mistake == MAXIMUM_OF_ALL; i++) m = fmax(m, t->z[i]);
    switch (mistake) {
    case UNSHIFTED: return 0;
    case MAXIMUM_IS_FIRST: return z[0];
    case MAXIMUM_FROM_0: return fmax(m, 0);
    case INDEX_AS_M: return place;
    case MINIMUM: return least;
    case MEAN: return sum / t->C;
    default: return m;
    }
}

static double exponential(int mistake, double z, double m)
{
    switch (mistake) {
    case NO_EXP: return z - m;
    case BASE_2: return exp2(z - m);
    case M_OUTSIDE_EXP: return exp(z) - m;
    case NEGATED: return exp(m - z);
    case SQUARES: return z * z;
    default: return exp(z - m);
    }
}

/* One row, with the mistakes that stay inside of it; `before` is the sum of the earlier rows. */
static void row_formula(const batch *t, int mistake, const double *z, double before, double *p)
{
    double m = shift_of(t, mistake, z), sum = mistake == SUM_NOT_RESET ? before : 0, plain = 0;
    int C = t->C;
    for (int c = 0; c < C; c++) {
        p[c] = exponential(mistake, z[c], m);
        int out = (mistake == FIRST_LEFT_OUT && c == 0) || (mistake == LAST_LEFT_OUT && c == C - 1);
        if (!out) sum = mistake == LAST_ONLY ? p[c] : sum + p[c];
        plain += mistake == SUM_OF_Z ? z[c] - m : mistake == SUM_OF_LOGITS ? z[c] : exp(z[c]);
        if (mistake == RUNNING_SUM) p[c] /= sum;
    }
    if (mistake == SUM_OF_Z || mistake == SUM_OF_LOGITS || mistake == SHIFT_ABOVE_ONLY) sum = plain;
    if (mistake == BY_C) sum = C;
    if (mistake == BY_THE_MAXIMUM) sum = shift_of(t, RIGHT, z);
    for (int c = 0; c < C; c++) {
        double divided = p[c] / sum;
        if (mistake == SHIFT_IN_SUM_ONLY) divided = exp(z[c]) / sum;
        if (mistake == SUM_ALONE) divided = sum;
        if (mistake == SIGMOIDS) divided = 1 / (1 + exp(-z[c]));
        if (mistake == LOGARITHM) divided = log(divided);
        if (mistake == HARD) divided = p[c] == 1;
        int kept = mistake == NOT_DIVIDED || mistake == WHOLE_MATRIX || mistake == RUNNING_SUM;
        if (!kept) p[c] = divided;
    }
}

static void p_formula(const void *problem, int mistake, double *p)
{
    const batch *t = problem;
    double all = 0;
    for (int s = 0; s < t->n; s++) {
        const double *z = t->z + s * t->C;
        row_formula(t, mistake, z, all, p + s * t->C);
        double m = shift_of(t, mistake, z);
        for (int c = 0; c < t->C; c++) all += exp(z[c] - m);
    }
    for (int i = 0; i < t->n * t->C && mistake == WHOLE_MATRIX; i++) p[i] /= all;
    for (int c = 0; c < t->C && mistake == DOWN_COLUMNS; c++) {
        double sum = 0, m = t->z[c];
        for (int s = 0; s < t->n; s++) m = fmax(m, t->z[s * t->C + c]);
        for (int s = 0; s < t->n; s++) sum += exp(t->z[s * t->C + c] - m);
        for (int s = 0; s < t->n; s++) p[s * t->C + c] = exp(t->z[s * t->C + c] - m) / sum;
    }
}

const kit_mistake kit_mistakes[] = {
    { "p(z=1000)", UNSHIFTED,
      "exp overflows: subtract the row's largest logit m first, above and below the line" },
    { "p(z=1000)", MAXIMUM_IS_FIRST,
      "m is the first logit of the row, not the largest: exp still overflows" },
    { "p(z=1000)", MINIMUM, "m is the smallest logit of the row: exp still overflows" },
    { "p(z=1000)", MEAN,
      "the row's mean was subtracted: exp still overflows. Subtract the largest" },
    { "p(z=1000)", INDEX_AS_M,
      "m holds the place of the largest logit, c, not the logit itself: exp still overflows" },
    { "p(z=-1000)", MAXIMUM_FROM_0,
      "m is too large: here all logits are negative. The search for the maximum starts at the "
      "row's first, not at 0, and takes no absolute values" },
    { "p(rows apart)", MAXIMUM_OF_ALL,
      "m is the maximum of the whole matrix: a row far below it becomes 0/0. Take each row's own" },
    { "p", RIGHT, "F2.5:  p_c = exp(z_c - m) / sum_j exp(z_j - m),  m = max_j z_j of the row" },
    { "p", NOT_DIVIDED, "exp(z - m) was not divided by its row's sum" },
    { "p", WHOLE_MATRIX, "divided by the sum of the whole matrix: each row has a sum of its own" },
    { "p", DOWN_COLUMNS,
      "the softmax runs down the columns, over the samples: it belongs along each row" },
    { "p", RUNNING_SUM,
      "divided by the sum so far: divide when the sum is complete, in another loop" },
    { "p", SUM_NOT_RESET, "the sum goes on from row to row: it starts at 0 for each" },
    { "p", LAST_ONLY, "sum holds the last exponential alone: add each one (+=, not =)" },
    { "p", FIRST_LEFT_OUT, "the first exponential is missing in the sum" },
    { "p", LAST_LEFT_OUT, "the last exponential is missing in the sum" },
    { "p", BY_THE_MAXIMUM, "divided by m, the largest logit: divide by the sum of exponentials" },
    { "p", NO_EXP, "z - m was divided by its sum: exp() is missing" },
    { "p", SUM_OF_Z, "divided by the sum of z - m: it is the sum of exp(z - m)" },
    { "p", SUM_OF_LOGITS, "divided by the sum of z: it is the sum of exp(z - m)" },
    { "p", M_OUTSIDE_EXP, "exp(z) - m: m is subtracted from z, inside of exp()" },
    { "p", SHIFT_IN_SUM_ONLY, "m was subtracted below the line, but not above it" },
    { "p", SHIFT_ABOVE_ONLY, "m was subtracted above the line, but not below it" },
    { "p", BASE_2, "powers of 2: softmax takes powers of e, exp()" },
    { "p", NEGATED, "exp(m - z): the largest logit must get the largest p, exp(z - m)" },
    { "p", SUM_ALONE, "that is the sum itself, in all classes: divide p by it" },
    { "p", BY_C, "divided by C: divide by the sum of the row's exponentials" },
    { "p", SIGMOIDS, "that is a sigmoid of each logit: softmax compares them, by their sum" },
    { "p", SQUARES, "squares in place of exponentials: exp(z - m)" },
    { "p", LOGARITHM, "that is log p: no logarithm here" },
    { "p", HARD, "1 for the largest, 0 for the rest: that is argmax. Softmax is the soft one" },
    { 0 },
};

static batch new_batch(void)
{
    batch t = { NULL, NULL, kit_between(0, 1) ? 7 : 11, kit_between(4, 5) };
    kit_size("n, the number of samples", t.n);
    kit_size("C, the number of classes", t.C);
    t.z = kit_input("z", t.n, t.C), t.p = kit_output("p", t.n, t.C);
    return t;
}

static void climb(const char *name, const batch *t)
{
    softmax(t->z, t->n, t->C, t->p);
    kit_rung(name, t->p, t->n, t->C, p_formula, t, KIT_TOLERANCE);
}

static void check_value(void)
{
    batch t = new_batch();
    climb("p", &t);
    t.n = 1;
    climb("p(n=1)", &t);
}

/* Logits of +-1000, the largest in each place once; rows that lie 2000 apart; all negative. */
static void check_stable(void)
{
    batch t = new_batch();
    int n = t.n * t.C;
    for (int i = 0; i < n; i++) t.z[i] += 1000 * ((i + i / t.C + 1) % t.C - 1);
    climb("p(z=1000)", &t);
    for (int i = 0; i < n; i++) t.z[i] = kit_uniform(-1002, -998);
    climb("p(z=-1000)", &t);
    for (int i = 0; i < n; i++) t.z[i] = kit_uniform(-1, 1) + (i < t.C ? 1000 : -1000);
    climb("p(rows apart)", &t);
}

static double worst_sum(const batch *t)
{
    double worst = 1;
    for (int s = 0; s < t->n; s++) {
        double sum = 0;
        for (int c = 0; c < t->C; c++) sum += t->p[s * t->C + c];
        if (!(fabs(sum - 1) <= fabs(worst - 1))) worst = sum; /* NaN is the furthest */
    }
    return worst;
}

static int keeps_order(const batch *t)
{
    for (int i = 0; i < t->n * t->C; i++)
        for (int j = i / t->C * t->C; j < i; j++)
            if ((t->z[i] > t->z[j]) != (t->p[i] > t->p[j])) return 0;
    return 1;
}

static void check_laws(void)
{
    batch t = new_batch();
    int n = t.n * t.C;
    double before[11 * 5], equal[11 * 5];
    softmax(t.z, t.n, t.C, t.p);
    double sum = worst_sum(&t);
    kit_true("sums", fabs(sum - 1) < 1e-9,
             "the probabilities of a sample must sum to 1; there is a row of p that sums to %.6g",
             sum);
    kit_true("order", keeps_order(&t), "a larger logit must get a larger p than a smaller one");
    memcpy(before, t.p, (size_t)n * sizeof *before);
    for (int i = 0; i < n; i++) t.z[i] += 50 * (1 + i / t.C);
    softmax(t.z, t.n, t.C, t.p);
    kit_same("shift", t.p, before, n, 1e-8,
             "adding 50 to the logits of a row, 100 to the next and so on changed p: only the "
             "differences within a row count");
    for (int i = 0; i < n; i++) t.z[i] = 7, equal[i] = 1.0 / t.C;
    softmax(t.z, t.n, t.C, t.p);
    kit_same("1/C", t.p, equal, n, 1e-9, "equal logits must give 1/C to each class");
}

const kit_check kit_checks[] = {
    { "value", 2, 3, check_value },
    { "stable", 3, 3, check_stable },
    { "laws", 1, 3, check_laws },
    { 0 },
};

/* The same logits, divided by a temperature before the softmax. */
void kit_reward(void)
{
    static const double heat[] = { 0.25, 1, 4 };
    const double logit[] = { 2.5, 1.5, 0, -1 };
    double worst = 0;
    printf("Logits 2.5, 1.5, 0, -1 through your softmax, divided by a temperature before:\n");
    for (int k = 0; k < 3; k++) {
        double z[4], p[4], right[4];
        for (int c = 0; c < 4; c++) z[c] = logit[c] / heat[k];
        batch t = { z, p, 1, 4 };
        softmax(z, 1, 4, p);
        p_formula(&t, RIGHT, right);
        printf("temperature %.2f%s\n", heat[k],
               k == 0   ? ": cold, the largest takes all"
               : k == 2 ? ": hot, all nearly alike"
                        : "");
        for (int c = 0; c < 4; c++) {
            worst = fmax(worst, fabs(p[c] - right[c]));
            printf("  %8.6f  %.*s\n", p[c], (int)(50 * p[c] + 0.5),
                   "##################################################");
        }
    }
    printf("yours against the reference: largest difference %.1e\n", worst);
}
