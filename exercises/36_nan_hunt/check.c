/* Grader of 36_nan_hunt. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 5, TENSORS = 3 };
static const int lengths[TENSORS] = { 7, 4, 9 };

enum {
    RIGHT,
    /* found */
    NAN_ONLY,
    INFINITY_ONLY,
    PLUS_ONLY,
    LARGE_TOO,
    LAST,
    LAST_OF_TENSOR,
    TENSOR_FIRST,
    FROM_1,
    FIRST_ENTRY,
    LAST_ENTRY_MISSED,
    FIRST_STEP,
    NOTHING_IS_0,
    NEVER,
    EXCHANGED,
    TENSORS_APART,
    FLAT_INDEX,
    /* unit */
    NAIVE,
    TINY_ADDED,
    NO_ROOT,
    BY_SUM,
    BY_MOST,
    MOST_LOST,
    NO_ABS,
    ONE_FOR_ZEROS,
    IN_PLACE,
    /* clip */
    ALL_TOGETHER,
    BY_VALUE,
    ALWAYS,
    TO_1,
    TIMES_LIMIT,
    MEAN_SQUARE,
    LIMIT_SQUARED,
    LEFT_BAD,
    ENTRY_ALONE,
    ALL_ZERO,
    SUM_GOES_ON,
    ONLY_NAN_ASKED,
    LEFT_AFTER
};

/* ---- found ---------------------------------------------------------------------------------- */

static int is_bad(double v, int mistake)
{
    if (mistake == NAN_ONLY) return isnan(v);
    if (mistake == INFINITY_ONLY) return isinf(v);
    if (mistake == PLUS_ONLY) return isnan(v) || v == HUGE_VAL;
    if (mistake == LARGE_TOO) return !(fabs(v) < 1e100);
    return mistake != NEVER && !isfinite(v);
}

static void found_formula(const void *problem, int mistake, double *out)
{
    const tensor *trace = problem;
    int all = mistake == FIRST_STEP ? TENSORS : STEPS * TENSORS;
    out[0] = out[1] = out[2] = mistake == NOTHING_IS_0 ? 0 : -1;
    for (int j = 0; j < all; j++) {
        int k = mistake == TENSOR_FIRST ? j % STEPS * TENSORS + j / STEPS : j, hit = 0;
        int at = mistake == TENSORS_APART ? j % TENSORS * STEPS + j / TENSORS : k;
        int n = mistake == FIRST_ENTRY ? 1 : trace[at].n - (mistake == LAST_ENTRY_MISSED);
        for (int i = 0; i < n; i++) {
            if (!is_bad(trace[at].v[i], mistake)) continue;
            if (hit && mistake != LAST && mistake != LAST_OF_TENSOR) continue;
            out[0] = k / TENSORS, out[1] = k % TENSORS, out[2] = i, hit = 1;
            for (int o = 0; o < 3 && mistake == FROM_1; o++) out[o]++;
            for (int e = 1; e <= k % TENSORS && mistake == FLAT_INDEX; e++)
                out[2] += trace[k - e].n;
            if (mistake == EXCHANGED) out[0] = k % TENSORS, out[1] = k / TENSORS;
        }
        if (hit && mistake != LAST) return;
    }
}

/* ---- unit ----------------------------------------------------------------------------------- */

typedef struct vector {
    const double *x;
    int n;
} vector;

static void unit_formula(const void *problem, int mistake, double *y)
{
    const vector *t = problem;
    long double sum = 0, all = 0, most = 0; /* a wider exponent, where the machine has one */
    double narrow = 0;
    for (int i = 0; i < t->n; i++) most = fmaxl(most, fabsl(t->x[i]));
    for (int i = 0; i < t->n; i++) {
        long double v = most > 0 ? t->x[i] / most : 0;
        sum += v * v, all += fabsl(v), narrow += t->x[i] * t->x[i];
    }
    for (int i = 0; i < t->n; i++) {
        long double v = most > 0 ? t->x[i] / most : 0;
        y[i] = most > 0 ? (double)(v / sqrtl(sum)) : mistake == ONE_FOR_ZEROS;
        if (mistake == NAIVE) y[i] = t->x[i] / sqrt(narrow);
        if (mistake == TINY_ADDED) y[i] = t->x[i] / fmax(sqrt(narrow), 1e-12);
        if (most == 0) continue;
        if (mistake == NO_ROOT) y[i] = t->x[i] / narrow;
        if (mistake == BY_SUM) y[i] = (double)(v / all);
        if (mistake == BY_MOST) y[i] = (double)v;
        if (mistake == MOST_LOST) y[i] = (double)(t->x[i] / sqrtl(sum));
        if (mistake == NO_ABS) y[i] = 0;
        if (mistake == IN_PLACE) y[i] = (double)(t->x[i] / sqrtl(sum));
    }
}

/* ---- clip ----------------------------------------------------------------------------------- */

typedef struct gradients {
    tensor g[TENSORS]; /* as they were */
    double limit;
    int which; /* the tensor that is looked at */
} gradients;

static double squares(const tensor *g)
{
    double sum = 0;
    for (int i = 0; i < g->n; i++) sum += g->v[i] * g->v[i];
    return sum;
}

static void clip_formula(const void *problem, int mistake, double *out)
{
    const gradients *t = problem;
    const tensor *g = &t->g[t->which];
    double norm = sqrt(squares(g)), all = 0, up_to = 0;
    for (int k = 0; k < TENSORS; k++) all += squares(&t->g[k]);
    for (int k = 0; k < t->which; k++) up_to += squares(&t->g[k]);
    int bad = !isfinite(norm);
    if (mistake == ALL_TOGETHER) norm = sqrt(all);
    if (mistake == SUM_GOES_ON) norm = sqrt(up_to + norm * norm);
    if (mistake == NO_ROOT) norm *= norm;
    if (mistake == MEAN_SQUARE) norm /= sqrt(g->n);
    if (mistake == ALL_ZERO) bad = !isfinite(all);
    double by = norm > t->limit || mistake == ALWAYS ? t->limit / norm : 1;
    if (mistake == LIMIT_SQUARED && norm > t->limit * t->limit) by = t->limit / norm;
    if (mistake == TO_1 && norm > t->limit) by = 1 / norm;
    if (mistake == TIMES_LIMIT && norm > t->limit) by = t->limit;
    for (int i = 0; i < g->n; i++) {
        double v = g->v[i];
        out[i] = bad ? 0 : v * by;
        if ((mistake == LEFT_BAD && bad) || (mistake == LEFT_AFTER && !isfinite(up_to))) out[i] = v;
        if (mistake == ONLY_NAN_ASKED && isinf(norm)) out[i] = v * (t->limit / norm);
        if (mistake == ALL_TOGETHER && !isfinite(norm)) out[i] = 0;
        if (mistake == ENTRY_ALONE && bad) out[i] = isfinite(v) ? v : 0;
        if (mistake == BY_VALUE) out[i] = bad ? 0 : fmax(-t->limit, fmin(t->limit, v));
    }
}

const kit_mistake kit_mistakes[] = {
    { "found", RIGHT, "the first of all v[i], by step, then tensor, then index, with !isfinite" },
    { "found(step 0)", NEVER,
      "nothing is ever found: v == NAN is false even for NaN. isfinite, or v != v" },
    { "found", NAN_ONLY, "infinity was passed over: it becomes NaN only later, inf - inf" },
    { "found", INFINITY_ONLY, "NaN was passed over" },
    { "found", PLUS_ONLY, "minus infinity was passed over" },
    { "found", LARGE_TOO, "a large number is still a number: 1e300 is finite" },
    { "found", LAST, "that is the last one: return at the first" },
    { "found", LAST_OF_TENSOR, "the tensor is right, the index is that of its last one" },
    { "found", EXCHANGED, "step and tensor are exchanged" },
    { "found", TENSORS_APART,
      "trace was read as [tensor][step]: it is trace[step * tensors + tensor]" },
    { "found", FLAT_INDEX,
      "the index went on from tensor to tensor: it counts from 0 in each of them" },
    { "found", TENSOR_FIRST,
      "each tensor was followed through all steps: all of one step come before the next step" },
    { "found", FROM_1, "step, tensor and index count from 0" },
    { "found", FIRST_ENTRY, "only v[0] of each tensor was looked at" },
    { "found", LAST_ENTRY_MISSED, "the last entry of each tensor was left out" },
    { "found", FIRST_STEP, "only the first step was looked at" },
    { "found", NOTHING_IS_0, "nothing was found: that is -1, -1, -1; 0, 0, 0 is a place" },
    { "unit", RIGHT, "y = x / |x|,  |x| = m sqrt(sum of (x/m)²) with m the largest |x[i]|" },
    { "unit(negative)", NO_ABS,
      "the largest x[i] was sought without fabs: here all are negative, and y became 0" },
    { "unit(x)", MOST_LOST, "divided by m before squaring, but the result was not divided by m" },
    { "unit", NAIVE,
      "0/0, or squares that overflow or vanish: divide by the largest |x[i]| before squaring" },
    { "unit", TINY_ADDED,
      "entries of 1e-200 came out as 0: their squares are lost. A small number in the division "
      "cures zeros alone" },
    { "unit", NO_ROOT, "divided by |x|²: the root is missing" },
    { "unit", BY_SUM, "divided by the sum of |x[i]|: the length is the root of the squares" },
    { "unit", BY_MOST, "divided by the largest entry alone: the length is not 1 yet" },
    { "unit(y is x)", IN_PLACE,
      "y is x here: the norm was made of entries that had been overwritten" },
    { "unit", ONE_FOR_ZEROS, "zeros have no direction: y is 0 there" },
    { "clip", RIGHT, "g limit / |g| where |g| > limit; 0 where |g| is not finite; else g" },
    { "clip", LEFT_BAD, "a tensor with NaN was left as it is: NaN > limit is false" },
    { "clip", ENTRY_ALONE, "only the bad entry became 0: the whole tensor is worth nothing" },
    { "clip", ALL_ZERO, "one bad tensor made all of them 0: each is judged by itself" },
    { "clip", ALL_TOGETHER, "one norm over all tensors: each has its own here" },
    { "clip", SUM_GOES_ON,
      "the squares of the tensors before are in the norm, too: begin each sum with 0" },
    { "clip(-infinity)", ONLY_NAN_ASKED,
      "an infinite norm was divided by, and inf/inf is NaN: ask isfinite, not only isnan" },
    { "clip(after)", LEFT_AFTER,
      "what comes after a bad tensor was left as it was: go on with it" },
    { "clip", BY_VALUE, "each entry was clipped: that changes the direction. Scale the tensor" },
    { "clip(third)", LIMIT_SQUARED, "|g| was compared with limit²: with the limit itself" },
    { "clip", ALWAYS, "a tensor below the limit was scaled up: it stays as it is" },
    { "clip", TO_1, "scaled to length 1: to the limit" },
    { "clip", TIMES_LIMIT, "multiplied by the limit, but not divided by |g|" },
    { "clip", NO_ROOT, "the norm has no root: |g| = sqrt(sum of g²)" },
    { "clip", MEAN_SQUARE, "the mean of the squares was taken: the norm has their sum" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

static void new_trace(tensor *trace)
{
    static const char *const names[TENSORS] = { "z", "loss", "dW" };
    for (int k = 0; k < STEPS * TENSORS; k++) {
        tensor t = { names[k % TENSORS], lengths[k % TENSORS], NULL };
        t.v = kit_input(t.name, 1, t.n);
        trace[k] = t;
    }
}

static void try_hunt(const char *name, const tensor *trace)
{
    double *yours = kit_output("found", 1, 3);
    found f = nan_hunt(trace, STEPS, TENSORS);
    yours[0] = f.step, yours[1] = f.tensor, yours[2] = f.index;
    kit_rung(name, yours, 1, 3, found_formula, trace, KIT_TOLERANCE);
}

static void check_hunt(void)
{
    const double nan = (double)NAN;
    tensor a[STEPS * TENSORS], b[STEPS * TENSORS], c[STEPS * TENSORS], d[STEPS * TENSORS];
    tensor e[STEPS * TENSORS];
    new_trace(a), new_trace(b), new_trace(c), new_trace(d), new_trace(e);
    /* Places so chosen that each known mistake finds another one. */
    a[1].v[1] = a[1].v[2] = a[4].v[0] = nan, a[8].v[1] = HUGE_VAL,
    a[9].v[1] = a[10].v[2] = a[13].v[1] = nan;
    b[0].v[1] = 1e300, b[5].v[3] = HUGE_VAL, b[7].v[2] = b[8].v[0] = nan;
    c[10].v[3] = c[11].v[1] = nan, c[12].v[0] = -HUGE_VAL; /* 3 is the last entry */
    d[4].v[1] = -HUGE_VAL, d[6].v[3] = HUGE_VAL, d[8].v[0] = nan, d[11].v[2] = HUGE_VAL;
    try_hunt("found(step 0)", a);
    try_hunt("found(infinity)", b);
    try_hunt("found(NaN)", c);
    try_hunt("found(-infinity)", d);
    try_hunt("found(nothing)", e);
}

static void try_unit(const char *name, double by)
{
    vector t = { NULL, kit_size("n, the number of entries", 7) };
    double *x = kit_input("x", 1, t.n), *y = kit_output("y", 1, t.n);
    for (int i = 0; i < t.n; i++) x[i] *= by;
    for (int i = 0; i < t.n && by < 0; i++) x[i] = -fabs(x[i]);
    t.x = x;
    unit(y, x, t.n);
    kit_rung(name, y, 1, t.n, unit_formula, &t, KIT_TOLERANCE);
    if (!(by > 0 && by < 1e9 && by > 1e-9)) return;
    memcpy(y, x, (size_t)t.n * sizeof *y);
    unit(y, y, t.n);
    kit_rung("unit(y is x)", y, 1, t.n, unit_formula, &t, KIT_TOLERANCE);
}

static void check_unit(void)
{
    try_unit("unit(x)", 1e6), try_unit("unit(negative)", -1e6), try_unit("unit(zeros)", 0);
}

static void check_extreme(void)
{
    try_unit("unit(1e-200)", 1e-200), try_unit("unit(1e200)", 1e200);
}

/* One tensor well above the limit, one below, and one just below or with a NaN; or, from bad = 2,
   one with an infinity before the others. */
static void try_clip(const char *const names[TENSORS], int bad)
{
    gradients t = { { { 0 } }, 0.7, 0 };
    tensor g[TENSORS];
    const double norms[TENSORS] = { bad > 1 ? 0.6 : 2.5, 0.4, bad > 1 ? 2.5 : 0.6 };
    for (int k = 0; k < TENSORS; k++) {
        tensor was = { "g", lengths[k], kit_input("g", 1, lengths[k]) }, now = was;
        double norm = sqrt(squares(&was));
        for (int i = 0; i < was.n; i++) was.v[i] *= norms[k] / norm;
        if (bad == 1 && k == 2) was.v[4] = (double)NAN;
        if (bad == 2 && k == 0) was.v[4] = -HUGE_VAL;
        now.v = kit_output("g, clipped", 1, was.n);
        memcpy(now.v, was.v, (size_t)was.n * sizeof *now.v);
        t.g[k] = was, g[k] = now;
    }
    clip(g, TENSORS, t.limit);
    for (t.which = 0; t.which < TENSORS; t.which++)
        kit_rung(names[t.which], g[t.which].v, 1, g[t.which].n, clip_formula, &t, KIT_TOLERANCE);
}

static void check_clip(void)
{
    static const char *const names[TENSORS] = { "clip(above)", "clip(below)", "clip(third)" };
    try_clip(names, 0);
}

static void check_bad(void)
{
    static const char *const nans[TENSORS] = { "clip(beside)", "clip(below)", "clip(NaN)" };
    static const char *const infinite[TENSORS] = { "clip(-infinity)", "clip(below)",
                                                   "clip(after)" };
    try_clip(nans, 1), try_clip(infinite, 2);
}

const kit_check kit_checks[] = {
    { "hunt", 3, 1, check_hunt }, { "unit", 2, 2, check_unit }, { "extreme", 1, 2, check_extreme },
    { "clip", 2, 3, check_clip }, { "bad", 1, 3, check_bad },   { 0 },
};

/* ---- reward: a descent that ends in NaN, hunted and mended ---------------------------------- */

enum { RUN = 60, W = 2 };

/* Descent by the direction alone on |w|²; the step halves when it turns round. Naive or yours. */
static void descend(tensor *trace, double (*values)[3][W], int yours)
{
    static const char *const names[3] = { "gradient", "direction", "w" };
    double w[W] = { 3, -4 };
    for (int s = 0; s < RUN; s++) {
        double *g = values[s][0], *d = values[s][1];
        for (int i = 0; i < W; i++) g[i] = 2 * w[i];
        if (yours) unit(d, g, W);
        else
            for (int i = 0; i < W; i++) d[i] = g[i] / sqrt(g[0] * g[0] + g[1] * g[1]);
        for (int i = 0; i < W; i++) values[s][2][i] = w[i] -= d[i] * (s < 5 ? 1 : 0.5);
        for (int k = 0; k < 3; k++) {
            tensor t = { names[k], W, values[s][k] };
            trace[s * 3 + k] = t;
        }
    }
}

void kit_reward(void)
{
    static double values[RUN][3][W];
    static tensor trace[RUN * 3];
    printf(
        "A descent on |w|^2 by its direction, from (3, -4), which is 5 steps of 1 from the end:\n");
    for (int yours = 0; yours < 2; yours++) {
        descend(trace, values, yours);
        found f = nan_hunt(trace, RUN, 3);
        printf("  %s: w ends at (%g, %g). ", yours ? "with your unit" : "with g / |g|  ",
               values[RUN - 1][2][0], values[RUN - 1][2][1]);
        if (f.step < 0) printf("Your hunt finds nothing.\n");
        else
            printf("Your hunt finds %s[%d] of step %d; the gradient there: (%g, %g)\n",
                   trace[f.step * 3 + f.tensor].name, f.index, f.step, values[f.step][0][0],
                   values[f.step][0][1]);
    }
}
