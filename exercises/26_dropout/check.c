/* Grader of 26_dropout. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 23, MANY = 10000, DRAWS = 2 * MANY };

/* The random numbers are kept, so that each mask can be said in advance. */
static double drawn[DRAWS];
static int draw_count;

static double draw(void)
{
    double u = kit_uniform(0, 1);
    if (draw_count < DRAWS) drawn[draw_count] = u;
    draw_count++;
    return u;
}

typedef struct layer {
    double *y, *mask, *dx;
    const double *x, *dy;
    int n, training;
    double p;
} layer;

enum {
    RIGHT,
    /* mask */
    NOT_SCALED,
    SCALED_BY_P,
    SCALED_DOWN,
    ONE_PLUS_P,
    P_KEEPS,
    P_KEEPS_ALL,
    OTHER_SIDE,
    TURNED,
    ONE_DRAW,
    TWO_DRAWS,
    ZEROS_NOT_DRAWN,
    STILL_DROPPING,
    INVERSE_AT_INFERENCE,
    KEEP_AT_INFERENCE,
    ZERO,
    /* y and dx */
    NO_MASK,
    MASK_ALONE,
    MASK_TWICE,
    SCALE_LOST,
    DRAWN_AGAIN,
    SHIFTED_MASK,
    DROPPED_KEPT,
    DIVIDED,
    UNWRITTEN
};

static double factor(double u, double p, int mistake)
{
    int dropped = u < p;
    double grow = 1 / (1 - p);
    switch (mistake) {
    case NOT_SCALED: return dropped ? 0 : 1;
    case SCALED_BY_P: return dropped ? 0 : 1 / p;
    case SCALED_DOWN: return dropped ? 0 : 1 - p;
    case ONE_PLUS_P: return dropped ? 0 : 1 + p;
    case P_KEEPS: return dropped ? grow : 0;
    case P_KEEPS_ALL: return dropped ? 1 / p : 0;
    case OTHER_SIDE: return u >= 1 - p ? 0 : grow;
    case TURNED: return dropped ? 1 : 0;
    default: return dropped ? 0 : grow;
    }
}

static void mask_formula(const void *problem, int mistake, double *mask)
{
    const layer *t = problem;
    for (int i = 0, next = 0; i < t->n; i++) {
        int at = mistake == ONE_DRAW ? 0 : mistake == TWO_DRAWS ? 2 * i : i;
        if (mistake == ZEROS_NOT_DRAWN) at = next;
        next += t->x[i] != 0;
        if (mistake == ZEROS_NOT_DRAWN && t->x[i] == 0) mask[i] = 1;
        else if (t->training) mask[i] = factor(drawn[at], t->p, mistake);
        else
            mask[i] = mistake == STILL_DROPPING         ? factor(drawn[i], t->p, RIGHT)
                      : mistake == INVERSE_AT_INFERENCE ? 1 / (1 - t->p)
                      : mistake == KEEP_AT_INFERENCE    ? 1 - t->p
                      : mistake == ZERO                 ? 0
                                                        : 1;
    }
}

/* From the learner's own mask. */
static void y_formula(const void *problem, int mistake, double *y)
{
    const layer *t = problem;
    for (int i = 0; i < t->n; i++) {
        double m = t->mask[i];
        if (mistake == NO_MASK) m = 1;
        if (mistake == MASK_TWICE) m *= m;
        if (mistake == SCALE_LOST) m = m != 0;
        if (mistake == DRAWN_AGAIN) m = factor(drawn[t->n + i], t->p, RIGHT);
        if (mistake == INVERSE_AT_INFERENCE) m = 1 / (1 - t->p);
        if (mistake == KEEP_AT_INFERENCE) m = 1 - t->p;
        y[i] = mistake == MASK_ALONE ? m : t->x[i] * m;
        if (mistake == UNWRITTEN && m == 0) y[i] = KIT_UNWRITTEN;
    }
}

static void dx_formula(const void *problem, int mistake, double *dx)
{
    const layer *t = problem;
    for (int i = 0; i < t->n; i++) {
        double m = t->mask[i];
        if (mistake == NO_MASK) m = 1;
        if (mistake == MASK_TWICE) m *= m;
        if (mistake == SCALE_LOST) m = m != 0;
        if (mistake == DROPPED_KEPT) m = m == 0;
        if (mistake == SHIFTED_MASK) m = t->mask[(i + 1) % t->n];
        if (mistake == DIVIDED) m = m == 0 ? 0 : 1 / m;
        dx[i] = mistake == MASK_ALONE ? m : t->dy[i] * m;
        if (mistake == UNWRITTEN && m == 0) dx[i] = KIT_UNWRITTEN;
    }
}

const kit_mistake kit_mistakes[] = {
    { "mask", RIGHT, "F6.3:  mask = 0 where u < p, else 1/(1 - p)" },
    { "mask(inference)", RIGHT, "F6.3:  at inference mask = 1" },
    { "mask(inference)", STILL_DROPPING, "training is 0, and still entries are dropped" },
    { "mask(inference)", INVERSE_AT_INFERENCE,
      "1/(1 - p) makes up for what is dropped, and at inference nothing is: mask = 1" },
    { "mask(inference)", KEEP_AT_INFERENCE,
      "1 - p at inference belongs to the older form, which does not grow in training. Here y = x" },
    { "mask(inference)", ZERO, "the mask is 0 at inference: nothing gets through" },
    { "mask", NOT_SCALED, "what is kept does not grow: its factor is 1/(1 - p), in the mask" },
    { "mask", SCALED_BY_P, "the factor is 1/p: the kept part is 1 - p, so it is 1/(1 - p)" },
    { "mask", SCALED_DOWN,
      "the factor is 1 - p, which makes y smaller still: what is kept grows, by 1/(1 - p)" },
    { "mask", ONE_PLUS_P, "the factor is 1 + p: near 1/(1 - p) for a small p, and no more" },
    { "mask", P_KEEPS,
      "u < p is kept and the others are dropped: p is the probability to be dropped" },
    { "mask", P_KEEPS_ALL,
      "p was taken for the probability to be kept: it is the one to be dropped" },
    { "mask", OTHER_SIDE,
      "u >= 1 - p is dropped: as likely, but the page asks for u < p, so that results can be "
      "repeated" },
    { "mask", TURNED, "the mask is 1 where the entry is dropped: it is the factor of x, 0 there" },
    { "mask", ONE_DRAW, "one number was drawn for all: each entry has a draw of its own" },
    { "mask", ZEROS_NOT_DRAWN,
      "where x is 0 nothing was drawn: draw once for each entry, whatever x is" },
    { "mask", TWO_DRAWS, "draw() is called twice for each entry: once, and kept in the mask" },
    { "y", RIGHT, "F6.3:  y = x mask" },
    { "y", UNWRITTEN,
      "where the mask is 0 nothing was written to y: it is 0 there, not what was there before" },
    { "y", NO_MASK, "y is x: the mask was not applied" },
    { "y", MASK_ALONE, "y is the mask: multiply x by it" },
    { "y", MASK_TWICE, "scaled twice: the mask has the 1/(1 - p) in it, so y = x mask" },
    { "y", SCALE_LOST, "what is kept does not grow in y: multiply by the mask, factor and all" },
    { "y", DRAWN_AGAIN, "y was made with other draws than the mask: backward will not know them" },
    { "y(inference)", INVERSE_AT_INFERENCE, "y = x/(1 - p): at inference y = x" },
    { "y(inference)", KEEP_AT_INFERENCE,
      "y = (1 - p) x at inference belongs to the older form, which does not grow in training. "
      "Here y = x" },
    { "dx", RIGHT, "F4.4:  dx = dy mask" },
    { "dx", UNWRITTEN,
      "where the mask is 0 nothing was written to dx: it is 0 there, not what was there before" },
    { "dx", NO_MASK, "dx is dy: what was dropped gets no gradient, what grew gets more" },
    { "dx", MASK_ALONE, "dx is the mask: how y changes still has to be multiplied by dy" },
    { "dx", MASK_TWICE, "multiplied by the mask twice: dy comes without it" },
    { "dx", SCALE_LOST, "the 1/(1 - p) is missing: y = x mask has the slope mask" },
    { "dx", DROPPED_KEPT, "only what was dropped gets a gradient: it is the reverse" },
    { "dx", SHIFTED_MASK, "the mask is off by one: dx[i] has mask[i]" },
    { "dx", DIVIDED, "divided by the mask: the slope of x mask is mask" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

/* Forward has run with n draws before it is looked at; more are drawn here, if it drew fewer. */
static layer new_layer(int n, double p, int training)
{
    layer t = { 0 };
    t.n = kit_size("n, the number of entries", n), t.p = p, t.training = training;
    t.x = kit_input("x", 1, n), t.dy = kit_input("dy", 1, n);
    t.y = kit_output("y", 1, n), t.mask = kit_output("mask", 1, n), t.dx = kit_output("dx", 1, n);
    return t;
}

static int forward(const layer *t)
{
    int count;
    draw_count = 0;
    dropout_forward(t->y, t->mask, t->x, t->n, t->p, t->training, draw);
    count = draw_count;
    while (draw_count < 2 * t->n) draw(); /* the formulas may look at twice n */
    return count;
}

static void check_training(void)
{
    layer t = new_layer(N, kit_uniform(0.3, 0.42), 1);
    layer used = new_layer(N, t.p, 0);
    ((double *)t.x)[N / 2] = 0; /* it is drawn for, too */
    int turned = forward(&used), count = forward(&t);
    kit_true("training", count > 0 || turned == 0,
             "entries are dropped when training is 0, and not when it is 1: the wrong way round");
    kit_true("draws", count > 0,
             "draw() was never called: it is the only source of chance here, so that a run can be "
             "repeated");
    kit_rung("mask", t.mask, 1, t.n, mask_formula, &t, KIT_TOLERANCE);
    kit_rung("y", t.y, 1, t.n, y_formula, &t, KIT_TOLERANCE);
    kit_true("draws(n)", count == t.n, "draw() was called %d times for %d entries", count, t.n);
    t.p = 0;
    forward(&t);
    kit_rung("y(p=0)", t.y, 1, t.n, y_formula, &t, KIT_TOLERANCE);
}

static void check_inference(void)
{
    layer t = new_layer(N, kit_uniform(0.3, 0.42), 0);
    forward(&t);
    kit_rung("mask(inference)", t.mask, 1, t.n, mask_formula, &t, KIT_TOLERANCE);
    kit_rung("y(inference)", t.y, 1, t.n, y_formula, &t, KIT_TOLERANCE);
}

/* With x = 1 the mean of y is 1 within six standard deviations; two calls drop other entries. */
static void check_expectation(void)
{
    double p = kit_uniform(0.3, 0.4), mean = 0, same = 0;
    layer a = new_layer(MANY, p, 1), b = new_layer(MANY, p, 1);
    for (int i = 0; i < MANY; i++) ((double *)a.x)[i] = ((double *)b.x)[i] = 1;
    forward(&a), forward(&b);
    for (int i = 0; i < MANY; i++) mean += a.y[i] / MANY, same += a.y[i] == b.y[i];
    kit_true("mean", fabs(mean - 1) < 6 * sqrt(p / (1 - p) / MANY),
             "of %d inputs of 1 with p = %.3f the mean of y is %.4f: it has to stay near 1", MANY,
             p, mean);
    kit_true("anew", same < MANY, "two calls gave the same mask: each call draws anew");
}

static void check_backward(void)
{
    layer t = new_layer(N, kit_uniform(0.3, 0.42), 1);
    draw_count = 0;
    while (draw_count < 2 * N) draw();
    mask_formula(&t, RIGHT, t.mask);
    dropout_backward(t.dx, t.dy, t.mask, t.n);
    kit_rung("dx", t.dx, 1, t.n, dx_formula, &t, KIT_TOLERANCE);
}

/* L = sum of dy y with the mask held still: what it is once forward has drawn it. */
static double reference_loss(const void *problem, uint64_t *winners)
{
    const layer *t = problem;
    double loss = 0;
    for (int i = 0; i < t->n; i++)
        loss += t->dy[i] * t->x[i] * (t->training ? factor(drawn[i], t->p, RIGHT) : 1);
    kit_winner(winners, 0);
    return loss;
}

static void check_numeric(void)
{
    for (int training = 1; training >= 0; training--) {
        layer t = new_layer(N, kit_uniform(0.3, 0.42), training);
        forward(&t);
        dropout_backward(t.dx, t.dy, t.mask, t.n);
        kit_gradient(training ? "dL/dx" : "dL/dx(inference)", t.dx, (double *)t.x, 1, t.n,
                     reference_loss, &t);
    }
}

const kit_check kit_checks[] = {
    { "training", 3, 1, check_training },       { "inference", 2, 1, check_inference },
    { "expectation", 1, 1, check_expectation }, { "backward", 2, 2, check_backward },
    { "numeric", 1, 2, check_numeric },         { 0 },
};

/* ---- reward: the mean over many masks comes back to x --------------------------------------- */

enum { PLACES = 64 };

void kit_reward(void)
{
    static double x[PLACES], y[PLACES], mask[PLACES], sum[PLACES];
    int next = 1;
    for (int i = 0; i < PLACES; i++) x[i] = 0.5 + 0.5 * sin(6.2832 * i / PLACES * 2);
    printf("A wave through your dropout, p = 0.5, and the mean of more and more passes:\n");
    for (int pass = 1; pass <= 1000; pass++) {
        double error = 0;
        dropout_forward(y, mask, x, PLACES, 0.5, 1, draw);
        for (int i = 0; i < PLACES; i++) {
            sum[i] += y[i];
            error += (sum[i] / pass - x[i]) * (sum[i] / pass - x[i]) / PLACES;
        }
        if (pass != next) continue;
        next *= 10;
        printf("  %4d ", pass);
        for (int i = 0; i < PLACES; i++) putchar(" .:-=+*#%@"[(int)fmin(9, 9 * sum[i] / pass)]);
        printf("  off by %.3f\n", sqrt(error));
    }
    dropout_forward(y, mask, x, PLACES, 0.5, 0, draw);
    printf("  used ");
    for (int i = 0; i < PLACES; i++) putchar(" .:-=+*#%@"[(int)fmin(9, 9 * y[i])]);
    printf("  as it is\n");
}
