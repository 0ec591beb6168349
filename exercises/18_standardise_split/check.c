/* Grader of 18_standardise_split. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct table {
    const double *X; /* as it was given */
    const double *mean, *deviation; /* the learner's own, or what apply was given */
    int n, n_train, C;
} table;

enum {
    RIGHT,
    SUMMED,
    ALL_COLUMNS,
    OVER_N_MINUS_1,
    VARIANCE,
    NO_MEAN,
    ABSOLUTE,
    NOT_DIVIDED,
    READ_BY_COLUMNS,
    NOT_ZEROED,
    WHOLE_NUMBERS,
    ONE_FOR_0,
    /* apply, prepare */
    ONLY_MOVED,
    ONLY_SCALED,
    MEAN_ADDED,
    TIMES,
    BY_VARIANCE,
    DIVIDED_FIRST,
    UNCHANGED,
    EPSILON,
    EPSILON_ADDED,
    CONSTANT_KEPT,
    LEAK,
    LEAK_TEST_ALONE,
    FROM_TEST,
    TRAIN_ONLY,
    APPLIED_FIRST,
    BEFORE
};

/* Mean and deviation of rows from .. to - 1. */
static void statistics(const table *t, int mistake, int from, int to, double *mean, double *dev)
{
    int n = to - from, C = t->C;
    double all = 0, all_squares = 0;
    for (int c = 0; c < C; c++) {
        const double *first = t->X + (mistake == READ_BY_COLUMNS ? c * n : from * C + c);
        int step = mistake == READ_BY_COLUMNS ? 1 : C;
        double left = mistake == NOT_ZEROED ? KIT_UNWRITTEN : 0, sum = 0, squares = left;
        for (int s = 0; s < n; s++) sum += first[s * step] - *first;
        mean[c] = *first + (sum + left) / n;
        if (mistake == SUMMED) mean[c] *= n;
        if (mistake == WHOLE_NUMBERS) mean[c] = 0;
        for (int s = 0; s < n; s++) {
            double d = first[s * step] - (mistake == NO_MEAN ? 0 : t->mean ? t->mean[c] : mean[c]);
            squares += mistake == ABSOLUTE ? fabs(d) : d * d;
        }
        dev[c] = sqrt(squares / (mistake == OVER_N_MINUS_1 ? n - 1
                                 : mistake == NOT_DIVIDED  ? 1
                                                           : n));
        if (mistake == ONE_FOR_0 && squares < 1e-20) dev[c] = 1;
        if (mistake == VARIANCE || mistake == ABSOLUTE) dev[c] = squares / n;
        all += mean[c] / C, all_squares += squares / n / C;
    }
    for (int c = 0; c < C && mistake == ALL_COLUMNS; c++) mean[c] = all, dev[c] = sqrt(all_squares);
}

static void mean_formula(const void *problem, int mistake, double *mean)
{
    const table *q = problem;
    table t = *q;
    double dev[8];
    t.mean = NULL;
    statistics(&t, mistake, 0, t.n, mean, dev);
}

/* From the learner's mean. */
static void deviation_formula(const void *problem, int mistake, double *dev)
{
    const table *t = problem;
    double mean[8];
    statistics(t, mistake, 0, t->n, mean, dev);
}

static double scaled(double x, double mean, double dev, int mistake)
{
    double by = dev > 0 ? dev : mistake == EPSILON ? 1e-8 : 1;
    switch (mistake) {
    case EPSILON_ADDED: return (x - mean) / (dev + 1e-8);
    case UNCHANGED: return x;
    case ONLY_MOVED: return x - mean;
    case ONLY_SCALED: return x / by;
    case MEAN_ADDED: return (x + mean) / by;
    case TIMES: return (x - mean) * by;
    case BY_VARIANCE: return (x - mean) / (by * by);
    case DIVIDED_FIRST: return x - mean / by;
    case CONSTANT_KEPT: return dev > 0 ? (x - mean) / by : x;
    default: return (x - mean) / by;
    }
}

static void apply_formula(const void *problem, int mistake, double *X)
{
    const table *t = problem;
    for (int i = 0; i < t->n * t->C; i++)
        X[i] = scaled(t->X[i], t->mean[i % t->C], t->deviation[i % t->C], mistake);
}

/* All of prepare, by the reference. */
static void prepare_formula(const void *problem, int mistake, double *X)
{
    const table *q = problem;
    table t = *q;
    double mean[8], dev[8], own[8], own_dev[8];
    t.mean = NULL;
    int from = mistake == FROM_TEST ? t.n_train : 0;
    int to = mistake == LEAK || mistake == FROM_TEST ? t.n : t.n_train;
    statistics(&t, RIGHT, from, to, mean, dev);
    statistics(&t, RIGHT, t.n_train, t.n, own, own_dev);
    for (int c = 0; c < t.C && mistake >= APPLIED_FIRST; c++) mean[c] = dev[c] = KIT_UNWRITTEN;
    if (mistake == BEFORE) {
        memcpy(X, t.X, (size_t)(t.n * t.C) * sizeof *X);
        fit(mean, dev, X, t.n_train, t.C), apply(X, mean, dev, t.n, t.C);
        return;
    }
    for (int i = 0; i < t.n * t.C; i++) {
        int c = i % t.C, test = i / t.C >= t.n_train;
        if (test && mistake == LEAK_TEST_ALONE) X[i] = scaled(t.X[i], own[c], own_dev[c], RIGHT);
        else if (test && mistake == TRAIN_ONLY) X[i] = t.X[i];
        else X[i] = scaled(t.X[i], mean[c], dev[c], mistake);
    }
}

const kit_mistake kit_mistakes[] = {
    { "mean", RIGHT, "mean[c] = 1/n sum_s X[s][c]" },
    { "mean", SUMMED, "the sum was not divided by n" },
    { "mean", READ_BY_COLUMNS, "X was read as (C, n): a row has C numbers, X[s * C + c]" },
    { "mean", NOT_ZEROED, "the sum began with what was in mean[c]: begin each with 0" },
    { "mean", WHOLE_NUMBERS,
      "the mean is 0: 1/n of two whole numbers is 0 in C. Divide the sum by n" },
    { "mean", ALL_COLUMNS, "one mean for the whole table: each column has its own" },
    { "deviation", RIGHT, "deviation[c] = sqrt(1/n sum_s (X[s][c] - mean[c])²)" },
    { "deviation", ALL_COLUMNS, "one deviation for the whole table: each column has its own" },
    { "deviation(constant)", ONE_FOR_0,
      "of a constant column the deviation is 0, and not 1: the 1 is for the division in apply" },
    { "deviation", NOT_ZEROED, "the sum began with what was in deviation[c]: begin each with 0" },
    { "deviation", OVER_N_MINUS_1,
      "divided by n - 1: this exercise asks for the population's, over n" },
    { "deviation", VARIANCE, "that is the variance: the deviation is its root" },
    { "deviation", NO_MEAN, "the mean was not subtracted before squaring" },
    { "deviation", ABSOLUTE, "that is the mean absolute difference: square, then take the root" },
    { "deviation", NOT_DIVIDED, "the squares were summed, but not divided by n" },
    { "X", RIGHT, "X = (X - mean) / deviation, and divided by 1 where the deviation is 0" },
    { "X", UNCHANGED, "X is as it was: apply changes it in place" },
    { "X", ONLY_MOVED, "not divided by the deviation" },
    { "X", ONLY_SCALED, "the mean was not subtracted" },
    { "X", MEAN_ADDED, "the mean was added: subtract it" },
    { "X", TIMES, "multiplied by the deviation: divide by it" },
    { "X", BY_VARIANCE, "divided by the deviation twice" },
    { "X", DIVIDED_FIRST, "only the mean was divided: are the brackets missing?" },
    { "X(constant)", EPSILON,
      "where the deviation is 0, some small number was taken for it: it blows up whatever differs "
      "from the mean. Divide by 1" },
    { "X", EPSILON_ADDED,
      "a small number was added to each deviation: only a 0 is replaced, by 1" },
    { "X(constant)", CONSTANT_KEPT, "a constant column has to be moved to 0: subtract its mean" },
    { "prepared", RIGHT, "fit on the first n_train rows alone, apply to all n rows" },
    { "prepared", LEAK,
      "leak: mean and deviation were fitted on all rows, the test's among them: the training has "
      "seen the test" },
    { "prepared", LEAK_TEST_ALONE,
      "the test rows were scaled with numbers of their own: use those of the training rows" },
    { "prepared", FROM_TEST,
      "the scaling was fitted on the test rows: fit it on the training rows" },
    { "prepared", TRAIN_ONLY, "the test rows were not scaled: the network would see other units" },
    { "prepared", APPLIED_FIRST,
      "apply came before fit: mean and deviation were still what had been in the arrays" },
    { "prepared", BEFORE, "the rows are right, but fit or apply is wrong: mend those first" },
    { 0 },
};

/* Columns of very different place and size; the test rows differ from the training rows. If it is
   not 0, column 2 has the same number in all training rows. */
static table new_table(double **X, double constant)
{
    table t = { 0 };
    t.n = kit_size("n, the number of rows", 13), t.C = kit_size("C, the number of columns", 4);
    t.n_train = kit_size("n_train", kit_between(8, 9));
    *X = kit_input("X", t.n, t.C);
    double *before = kit_input("the raw X", t.n, t.C);
    for (int i = 0; i < t.n * t.C; i++) {
        (*X)[i] = (*X)[i] * (1 + i % t.C) + 3 * (i % t.C) + 1 + (i / t.C >= t.n_train ? 2 : 0);
        if (constant > 0 && i % t.C == 2 && i / t.C < t.n_train) (*X)[i] = constant;
        before[i] = (*X)[i];
    }
    t.X = before;
    return t;
}

static void check_fit(void)
{
    double *X;
    table t = new_table(&X, 0);
    double *mean = kit_output("mean", 1, t.C), *dev = kit_output("deviation", 1, t.C);
    fit(mean, dev, X, t.n, t.C);
    kit_rung("mean", mean, 1, t.C, mean_formula, &t, KIT_TOLERANCE);
    t.mean = mean;
    kit_rung("deviation", dev, 1, t.C, deviation_formula, &t, KIT_TOLERANCE);
    t = new_table(&X, 7.25); /* a sum of such is exact */
    t.n = t.n_train, t.mean = NULL; /* the rows in which a column is constant */
    double *flat = kit_output("deviation", 1, t.C);
    fit(mean, flat, X, t.n, t.C);
    kit_rung("deviation(constant)", flat, 1, t.C, deviation_formula, &t, KIT_TOLERANCE);
}

/* With given means and deviations; in the second round one of them is 0. */
static void check_apply(void)
{
    for (int round = 0; round < 2; round++) {
        double *X;
        table t = new_table(&X, 0);
        double *mean = kit_input("mean", 1, t.C), *dev = kit_input("deviation", 1, t.C);
        for (int c = 0; c < t.C; c++) dev[c] = fabs(dev[c]) + 0.3;
        if (round == 1) dev[2] = 0;
        t.mean = mean, t.deviation = dev;
        apply(X, mean, dev, t.n, t.C);
        kit_rung(round ? "X(constant)" : "X", X, t.n, t.C, apply_formula, &t, KIT_TOLERANCE);
    }
}

/* With the learner's fit and apply. */
static void check_prepare(void)
{
    double *X;
    table t = new_table(&X, 0);
    double *mean = kit_output("mean", 1, t.C), *dev = kit_output("deviation", 1, t.C);
    prepare(X, mean, dev, t.n, t.n_train, t.C);
    kit_rung("prepared", X, t.n, t.C, prepare_formula, &t, KIT_TOLERANCE);
}

/* Other test rows must change nothing in the training rows, nor in mean and deviation. */
static void check_no_leak(void)
{
    double *X;
    table t = new_table(&X, 7.1);
    int n = t.n_train * t.C;
    double *mean = kit_output("mean", 2, t.C), *dev = kit_output("deviation", 2, t.C);
    double *Y = kit_input("X", t.n, t.C);
    memcpy(Y, X, (size_t)n * sizeof *Y);
    prepare(X, mean, dev, t.n, t.n_train, t.C);
    prepare(Y, mean + t.C, dev + t.C, t.n, t.n_train, t.C);
    kit_same("training rows", X, Y, n, 1e-12, "leak: other test rows changed the training rows");
    kit_same("mean", mean, mean + t.C, t.C, 1e-12, "leak: other test rows changed the mean");
    int finite = 1;
    for (int i = 0; i < t.n * t.C; i++) finite &= isfinite(X[i]);
    kit_true("constant column", finite,
             "a column that is constant in training gave NaN or infinity: 0/0, or the root of a "
             "number that rounding made negative");
}

const kit_check kit_checks[] = {
    { "fit", 3, 1, check_fit },
    { "apply", 2, 2, check_apply },
    { "prepare", 2, 3, check_prepare },
    { "no_leak", 2, 3, check_no_leak },
    { 0 },
};

/* The columns before and after. */
void kit_reward(void)
{
    double X[13 * 4], mean[4], dev[4];
    printf(
        "Four columns with means 1, 4, 7, 10, before and after your prepare (9 training rows):\n");
    for (int i = 0; i < 13 * 4; i++) X[i] = 1 + 3 * (i % 4) + (1 + i % 4) * kit_normal();
    for (int round = 0; round < 2; round++) {
        if (round) prepare(X, mean, dev, 13, 9, 4);
        for (int c = 0; c < 4; c++) {
            double m = 0, s = 0;
            for (int r = 0; r < 9; r++) m += X[r * 4 + c] / 9;
            for (int r = 0; r < 9; r++) s += (X[r * 4 + c] - m) * (X[r * 4 + c] - m) / 9;
            printf("  %s column %d: mean %7.4f, deviation %.4f\n", round ? "after " : "before", c,
                   m, sqrt(s));
        }
    }
}
