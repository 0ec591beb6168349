/* Grader of 25_l1_l2. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 3, MOST = 5 * 4 };

typedef struct problem {
    layer layer[COUNT];
    double before[COUNT][MOST], db_before[COUNT][5]; /* the gradients that were there */
    double l1, l2;
    int which; /* the layer that a formula is asked for */
} problem;

enum {
    RIGHT,
    ZERO,
    BIAS_TOO,
    BIAS_BY_L2,
    FIRST_LAYER,
    LAST_LAYER,
    OVER_OUTPUTS,
    NO_L1,
    NO_L2,
    HALF_L2,
    EXCHANGED,
    MEAN,
    /* penalty */
    NOT_ABSOLUTE,
    WHOLE_NUMBERS,
    ABSOLUTE_OF_SUM,
    SQUARE_OF_SUM,
    NORM,
    LAMBDA_SQUARED,
    LAST_WEIGHT,
    /* gradient */
    OVERWRITTEN,
    SUBTRACTED,
    NO_FACTOR_2,
    ABSOLUTE_FOR_SIGN,
    W_FOR_SIGN,
    SQUARE_FOR_W,
    UP_AT_0,
    DOWN_AT_0,
    NAN_AT_0,
    SIGN_OF_GRADIENT,
    GRADIENT_SCALED
};

static void penalty_formula(const void *problem_, int mistake, double *value)
{
    const problem *t = problem_;
    double sum = 0, squares = 0, plain = 0, count = 0, last = 0;
    for (int k = mistake == LAST_LAYER ? COUNT - 1 : 0; k < COUNT; k++) {
        const layer *q = &t->layer[k];
        int n = mistake == OVER_OUTPUTS ? q->O : q->O * q->I;
        for (int i = 0; i < n; i++) {
            double w = q->W[i];
            sum += mistake == WHOLE_NUMBERS ? floor(fabs(w)) : fabs(w), squares += w * w,
                plain += w, count++;
            last = t->l1 * fabs(w) + t->l2 * w * w;
        }
        for (int o = 0; o < q->O && mistake == BIAS_TOO; o++)
            sum += fabs(q->b[o]), squares += q->b[o] * q->b[o];
        if (mistake == FIRST_LAYER) break;
    }
    if (mistake == NOT_ABSOLUTE) sum = plain;
    if (mistake == ABSOLUTE_OF_SUM) sum = fabs(plain);
    if (mistake == SQUARE_OF_SUM) squares = plain * plain;
    if (mistake == NORM) squares = sqrt(squares);
    double l1 = mistake == NO_L1 ? 0 : t->l1, l2 = mistake == NO_L2 ? 0 : t->l2;
    if (mistake == HALF_L2) l2 /= 2;
    if (mistake == EXCHANGED) l1 = t->l2, l2 = t->l1;
    if (mistake == LAMBDA_SQUARED) l2 *= l2;
    *value = l1 * sum + l2 * squares;
    if (mistake == MEAN) *value /= count;
    if (mistake == ZERO) *value = 0;
    if (mistake == LAST_WEIGHT) *value = last;
}

/* What a weight adds to its gradient. */
static double slope(const problem *t, int mistake, double w, double before)
{
    double sign = (w > 0) - (w < 0), l1 = t->l1 * sign, l2 = 2 * t->l2 * w;
    switch (mistake) {
    case NO_L1: return l2;
    case NO_L2: return l1;
    case NO_FACTOR_2: return l1 + l2 / 2;
    case EXCHANGED: return t->l2 * sign + 2 * t->l1 * w;
    case ABSOLUTE_FOR_SIGN: return t->l1 * fabs(w) + l2;
    case W_FOR_SIGN: return t->l1 * w + l2;
    case SQUARE_FOR_W: return l1 + 2 * t->l2 * w * w;
    case UP_AT_0: return (w >= 0 ? t->l1 : -t->l1) + l2;
    case DOWN_AT_0: return (w > 0 ? t->l1 : -t->l1) + l2;
    case NAN_AT_0: return w == 0 ? (double)NAN : l1 + l2;
    case SIGN_OF_GRADIENT: return t->l1 * ((before > 0) - (before < 0)) + l2;
    case GRADIENT_SCALED: return l1 + 2 * t->l2 * before;
    case SUBTRACTED: return -l1 - l2;
    default: return l1 + l2;
    }
}

static void dW_formula(const void *problem_, int mistake, double *dW)
{
    const problem *t = problem_;
    const layer *q = &t->layer[t->which];
    int last_done = t->layer[COUNT - 1].dW[0] != t->before[COUNT - 1][0];
    for (int i = 0; i < q->O * q->I; i++) {
        double before = t->before[t->which][i], add = slope(t, mistake, q->W[i], before);
        int skipped = (mistake == FIRST_LAYER && t->which > 0) ||
                      (mistake == LAST_LAYER && last_done && t->which < COUNT - 1) ||
                      (mistake == OVER_OUTPUTS && i >= q->O) || mistake == ZERO;
        if (mistake == MEAN) add /= q->O * q->I;
        if (mistake == OVERWRITTEN) before = 0;
        dW[i] = skipped ? before : before + add;
    }
}

static void db_formula(const void *problem_, int mistake, double *db)
{
    const problem *t = problem_;
    const layer *q = &t->layer[t->which];
    for (int o = 0; o < q->O; o++) {
        double before = t->db_before[t->which][o];
        db[o] = before + (mistake == BIAS_TOO ? slope(t, RIGHT, q->b[o], before) : 0);
        if (mistake == BIAS_BY_L2) db[o] += 2 * t->l2 * q->b[o];
        if (mistake == ZERO) db[o] = 0;
    }
}

#define SKIPS "the loop has to go over all O * I weights of a layer"

const kit_mistake kit_mistakes[] = {
    { "penalty", RIGHT, "F6.1, F6.2:  l1 sum |w| + l2 sum w²" },
    { "penalty", ZERO, "the result is 0: is the sum returned?" },
    { "penalty", BIAS_TOO, "the biases are in the sum: only weights have a price" },
    { "penalty", FIRST_LAYER, "only the first layer is there: sum over all `count` layers" },
    { "penalty", LAST_LAYER, "only the last layer is there: start the sum once, before the loops" },
    { "penalty", OVER_OUTPUTS, "only O weights of each layer were summed: " SKIPS },
    { "penalty", NO_L1, "the L1 part is missing: l1 sum |w|" },
    { "penalty", NO_L2, "the L2 part is missing: l2 sum w²" },
    { "penalty", HALF_L2, "the L2 part has a factor 1/2: other books have it, F6.2 does not" },
    { "penalty", EXCHANGED, "l1 and l2 are exchanged: l1 is for |w|, l2 for w²" },
    { "penalty", MEAN, "divided by the number of weights: the penalty is a sum" },
    { "penalty", NOT_ABSOLUTE, "w was summed for |w|: take fabs(w)" },
    { "penalty", WHOLE_NUMBERS,
      "the |w| were cut to whole numbers: abs is for int, fabs for double" },
    { "penalty", ABSOLUTE_OF_SUM,
      "the absolute value was taken of the sum: take it of each weight" },
    { "penalty", SQUARE_OF_SUM, "the sum was squared: square each weight" },
    { "penalty", NORM, "the root was taken: L2 here is the sum of squares, without a root" },
    { "penalty", LAMBDA_SQUARED, "l2 was squared, too: only w is" },
    { "penalty", LAST_WEIGHT, "only the last weight is left: add them up (+=)" },
    { "dW", RIGHT, "F6.1, F6.2:  dW += l1 sign(w) + 2 l2 w,  sign(0) = 0" },
    { "dW(1)", FIRST_LAYER, "only the first layer is there: go over all `count` layers" },
    { "dW(0)", LAST_LAYER, "only the last layer is there: go over all layers, from 0" },
    { "dW", ZERO, "dW is as it was: add the penalty's gradient to it" },
    { "dW", OVER_OUTPUTS, "only O weights of the layer were done: " SKIPS },
    { "dW", NO_L1, "the L1 part is missing: l1 times the sign of w" },
    { "dW", NO_L2, "the L2 part is missing: 2 l2 w" },
    { "dW", NO_FACTOR_2, "the factor 2 is missing: the derivative of l2 w² is 2 l2 w" },
    { "dW", EXCHANGED, "l1 and l2 are exchanged: l1 is for |w|, l2 for w²" },
    { "dW", MEAN, "divided by the number of weights: the penalty is a sum" },
    { "dW", OVERWRITTEN, "the gradient that was in dW is lost: add to it (+=)" },
    { "dW", SUBTRACTED, "the gradient was subtracted: it is added; the minus comes with the step" },
    { "dW", ABSOLUTE_FOR_SIGN, "l1 |w| was added: its derivative is l1 times the sign of w" },
    { "dW", W_FOR_SIGN, "l1 w was added: the derivative of |w| is the sign of w alone" },
    { "dW", SQUARE_FOR_W, "2 l2 w² was added: the derivative of w² is 2 w" },
    { "dW", UP_AT_0,
      "at w = 0 the sign was taken as 1: there it is 0, so that a weight stays at 0" },
    { "dW", DOWN_AT_0,
      "at w = 0 the sign was taken as -1: there it is 0, so that a weight stays at 0" },
    { "dW", NAN_AT_0, "at w = 0 the sign is NaN: w / |w| is 0/0 there. Ask w > 0 and w < 0" },
    { "dW", SIGN_OF_GRADIENT, "the sign is that of dW: it is the sign of w" },
    { "dW", GRADIENT_SCALED, "the L2 part was made from dW: it is 2 l2 w" },
    { "db", RIGHT, "F6.1, F6.2 are about weights: db stays as it was" },
    { "db", BIAS_TOO, "the bias was decayed, too: the penalty is for weights alone" },
    { "db", BIAS_BY_L2, "the bias was decayed, too: the penalty is for weights alone" },
    { "db", ZERO, "db was set to 0: leave it as it is" },
    { 0 },
};

/* Three layers, in each of which one weight in four is 0. */
static problem new_problem(int zeros)
{
    static const int O[COUNT] = { 5, 3, 2 }, I[COUNT] = { 4, 5, 3 };
    problem t = { 0 };
    t.l1 = kit_uniform(0.1, 0.4), t.l2 = kit_uniform(0.5, 0.9);
    for (int k = 0; k < COUNT; k++) {
        layer *q = &t.layer[k];
        q->O = O[k], q->I = I[k];
        double *W = kit_input("W", O[k], I[k]);
        q->W = W, q->b = kit_input("b", 1, O[k]);
        q->dW = kit_input("dW", O[k], I[k]), q->db = kit_input("db", 1, O[k]);
        for (int i = 0; i < O[k] * I[k] && zeros; i += 4) W[i] = 0;
        memcpy(t.before[k], q->dW, (size_t)(O[k] * I[k]) * sizeof(double));
        memcpy(t.db_before[k], q->db, (size_t)O[k] * sizeof(double));
    }
    double plain = 0; /* negative, so that |sum w| is not sum w */
    for (int k = 0; k < COUNT; k++)
        for (int i = 0; i < O[k] * I[k]; i++) plain += t.layer[k].W[i];
    for (int k = 0; k < COUNT && plain > 0; k++)
        for (int i = 0; i < O[k] * I[k]; i++) ((double *)t.layer[k].W)[i] *= -1;
    kit_size("the number of weights", 20 + 15 + 6);
    return t;
}

static void check_penalty(void)
{
    problem t = new_problem(0);
    double value = penalty(t.layer, COUNT, t.l1, t.l2);
    kit_rung("penalty", &value, 1, 1, penalty_formula, &t, KIT_TOLERANCE);
}

static void climb(problem *t)
{
    static const char *const dW[] = { "dW(0)", "dW(1)", "dW(2)" };
    penalty_gradient(t->layer, COUNT, t->l1, t->l2);
    for (int k = 0; k < COUNT; k++) {
        t->which = k;
        kit_rung(dW[k], t->layer[k].dW, t->layer[k].O, t->layer[k].I, dW_formula, t, KIT_TOLERANCE);
    }
}

static void check_gradient(void)
{
    problem t = new_problem(0);
    climb(&t);
}

static void check_at_0(void)
{
    problem t = new_problem(1);
    climb(&t);
}

static void check_bias(void)
{
    static const char *const db[] = { "db(0)", "db(1)", "db(2)" };
    problem t = new_problem(0);
    penalty_gradient(t.layer, COUNT, t.l1, t.l2);
    for (int k = 0; k < COUNT; k++) {
        t.which = k;
        kit_rung(db[k], t.layer[k].db, 1, t.layer[k].O, db_formula, &t, KIT_TOLERANCE);
    }
}

static double reference_penalty(const void *problem_, uint64_t *winners)
{
    const problem *t = problem_;
    double value;
    penalty_formula(problem_, RIGHT, &value);
    for (int k = 0; k < COUNT; k++)
        for (int i = 0; i < t->layer[k].O * t->layer[k].I; i++)
            kit_winner(winners, t->layer[k].W[i] > 0);
    return value;
}

/* The learner's gradient, from zeros, against differences of the penalty. */
static void check_numeric(void)
{
    static const char *const names[] = { "dP/dW(0)", "dP/dW(1)", "dP/dW(2)" };
    problem t = new_problem(0);
    for (int k = 0; k < COUNT; k++)
        memset(t.layer[k].dW, 0, (size_t)(t.layer[k].O * t.layer[k].I) * sizeof(double));
    penalty_gradient(t.layer, COUNT, t.l1, t.l2);
    for (int k = 0; k < COUNT; k++)
        kit_gradient(names[k], t.layer[k].dW, (double *)t.layer[k].W, t.layer[k].O, t.layer[k].I,
                     reference_penalty, &t);
}

const kit_check kit_checks[] = {
    { "penalty", 3, 1, check_penalty }, { "gradient", 3, 2, check_gradient },
    { "at_0", 1, 2, check_at_0 },       { "bias", 1, 2, check_bias },
    { "numeric", 1, 2, check_numeric }, { 0 },
};

/* Ten inputs, of which three matter, and few noisy samples: what becomes of the weights? */
enum { SAMPLES = 20, INPUTS = 10 };

static void fit(double *w, double *X, double *y, double l1, double l2, int yours)
{
    double dW[INPUTS], b = 0, db = 0;
    layer q = { 1, INPUTS, w, &b, dW, &db };
    memset(w, 0, INPUTS * sizeof *w);
    for (int step = 0; step < 4000; step++) {
        memset(dW, 0, sizeof dW);
        for (int s = 0; s < SAMPLES; s++) {
            double e = -y[s];
            for (int i = 0; i < INPUTS; i++) e += w[i] * X[s * INPUTS + i];
            for (int i = 0; i < INPUTS; i++) dW[i] += 2 * e * X[s * INPUTS + i] / SAMPLES;
        }
        problem t = { .l1 = l1, .l2 = l2 };
        if (yours) penalty_gradient(&q, 1, l1, l2);
        for (int i = 0; i < INPUTS && !yours; i++) dW[i] += slope(&t, RIGHT, w[i], 0);
        for (int i = 0; i < INPUTS; i++) w[i] -= 0.02 / (1 + 0.01 * step) * dW[i];
    }
}

void kit_reward(void)
{
    static const char *const names[] = { "no penalty", "L1, 0.3", "L2, 0.3" };
    double X[SAMPLES * INPUTS], y[SAMPLES], w[INPUTS], r[INPUTS], worst = 0;
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < INPUTS; i++) X[s * INPUTS + i] = kit_normal();
        y[s] = 2 * X[s * INPUTS] - 1.5 * X[s * INPUTS + 1] + X[s * INPUTS + 2] + 0.7 * kit_normal();
    }
    printf("Ten weights, the true ones are 2, -1.5, 1 and seven times 0; 20 noisy samples:\n");
    for (int k = 0; k < 3; k++) {
        double l1 = k == 1 ? 0.3 : 0, l2 = k == 2 ? 0.3 : 0;
        fit(w, X, y, l1, l2, 1), fit(r, X, y, l1, l2, 0);
        printf("  %-11s", names[k]);
        for (int i = 0; i < INPUTS; i++)
            printf(" %6.2f", w[i]), worst = fmax(worst, fabs(w[i] - r[i]));
        printf("\n");
    }
    printf("L1 brings the idle ones to 0, L2 shrinks all. Against the reference: %.1e\n", worst);
}
