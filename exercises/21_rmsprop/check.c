/* Grader of 21_rmsprop. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 3, STEPS = 6, MOST = 7 }; /* tensors, steps of the check "path", longest tensor */

typedef struct problem {
    parameter p[COUNT]; /* what the learner's function works on */
    double *w[COUNT], *s[COUNT]; /* what was in it before */
    double g[STEPS][COUNT][MOST];
    double lr, rho, epsilon;
    int steps, which; /* the tensor that a formula is asked for */
} problem;

enum {
    RIGHT,
    /* s */
    UNCHANGED,
    SHARED,
    FIRST_AGAIN,
    NO_BRACKETS,
    NOT_SQUARED,
    WEIGHTS_SWAPPED,
    NOT_WEIGHTED,
    SUMMED,
    ALL_WEIGHTED,
    NO_MEMORY,
    ONLY_G2,
    ROOT_KEPT,
    WEIGHT_SQUARED,
    W_SQUARED,
    ABSOLUTE,
    WHOLE_TENSOR,
    /* w */
    W_UNCHANGED,
    ADDED,
    NO_LR,
    OLD_S,
    NO_ROOT,
    NO_EPSILON,
    EPSILON_INSIDE,
    EPSILON_LAST,
    EPSILON_ALONE,
    MULTIPLIED,
    PLAIN,
    NO_G,
    OVERWRITTEN,
    CORRECTED,
    SIGN_ONLY,
    OWN_EPSILON
};

static double next_s(const problem *t, int mistake, double s, double g, double w)
{
    double rho = t->rho;
    switch (mistake) {
    case UNCHANGED: return s;
    case NO_BRACKETS: return rho * s + 1 - rho * g * g;
    case NOT_SQUARED: return rho * s + (1 - rho) * g;
    case WEIGHTS_SWAPPED: return (1 - rho) * s + rho * g * g;
    case NOT_WEIGHTED: return rho * s + g * g;
    case SUMMED: return s + g * g;
    case ALL_WEIGHTED: return s + (1 - rho) * g * g;
    case NO_MEMORY: return (1 - rho) * g * g;
    case ONLY_G2: return g * g;
    case ROOT_KEPT: return sqrt(rho * s + (1 - rho) * g * g);
    case WEIGHT_SQUARED: return rho * s + (1 - rho) * (1 - rho) * g * g;
    case ABSOLUTE: return rho * s + (1 - rho) * fabs(g);
    case W_SQUARED: return rho * s + (1 - rho) * w * w;
    default: return rho * s + (1 - rho) * g * g;
    }
}

static double next_w(const problem *t, int mistake, double w, double old_s, double s, double g)
{
    double lr = t->lr, root = sqrt(s), epsilon = t->epsilon;
    switch (mistake) {
    case W_UNCHANGED: return w;
    case ADDED: return w + lr * g / (root + epsilon);
    case NO_LR: return w - g / (root + epsilon);
    case OLD_S: return w - lr * g / (sqrt(old_s) + epsilon);
    case NO_ROOT: return w - lr * g / (s + epsilon);
    case NO_EPSILON: return w - lr * g / root;
    case EPSILON_INSIDE: return w - lr * g / sqrt(s + epsilon);
    case EPSILON_LAST: return w - lr * (g / root + epsilon);
    case EPSILON_ALONE: return w - (lr * g / root + epsilon);
    case MULTIPLIED: return w - lr * g * (root + epsilon);
    case PLAIN: return w - lr * g;
    case NO_G: return w - lr / (root + epsilon);
    case OVERWRITTEN: return -lr * g / (root + epsilon);
    case CORRECTED: return w - lr * g / (sqrt(s / (1 - t->rho)) + epsilon);
    case OWN_EPSILON: return w - lr * g / (root + 1e-8);
    case SIGN_ONLY: return w - (g > 0 ? lr : -lr);
    default: return w - lr * g / (root + epsilon);
    }
}

/* The root of the mean of the squares. */
static double size_of(const double *g, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += g[i] * g[i];
    return sqrt(sum / n);
}

/* All steps; writes w or s of the tensor asked for. */
static void run(const problem *t, int mistake, double *w_out, double *s_out)
{
    double w[COUNT][MOST], s[COUNT][MOST];
    for (int k = 0; k < COUNT; k++) {
        memcpy(w[k], t->w[k], (size_t)t->p[k].n * sizeof(double));
        memcpy(s[k], t->s[k], (size_t)t->p[k].n * sizeof(double));
    }
    for (int step = 0; step < t->steps; step++)
        for (int j = 0; j < COUNT; j++)
            for (int i = 0, k = mistake == FIRST_AGAIN ? 0 : j; i < t->p[k].n; i++) {
                double *at = &s[mistake == SHARED ? 0 : k][i], old = *at, g = t->g[step][k][i];
                double in_s = mistake == WHOLE_TENSOR ? size_of(t->g[step][k], t->p[k].n) : g;
                *at = next_s(t, mistake, old, in_s, w[k][i]);
                w[k][i] = next_w(t, mistake, w[k][i], old, *at, g);
            }
    size_t bytes = (size_t)t->p[t->which].n * sizeof(double);
    if (w_out) memcpy(w_out, w[t->which], bytes);
    if (s_out) memcpy(s_out, s[t->which], bytes);
}

static void s_formula(const void *p, int mistake, double *s)
{
    run(p, mistake, NULL, s);
}

static void w_formula(const void *p, int mistake, double *w)
{
    run(p, mistake, w, NULL);
}

/* One step, from the learner's own s. */
static void w_from_s(const void *p, int mistake, double *w)
{
    const problem *t = p;
    int k = t->which;
    int all = mistake == SHARED || mistake == FIRST_AGAIN;
    if (all) run(t, mistake, w, NULL);
    for (int i = 0; !all && i < t->p[k].n; i++)
        w[i] = next_w(t, mistake, t->w[k][i], t->s[k][i], t->p[k].s[i], t->g[0][k][i]);
}

const kit_mistake kit_mistakes[] = {
    { "s", RIGHT, "F5.5:  s = rho s + (1 - rho) g²" },
    { "s(1)", UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "s(2)", UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "s", UNCHANGED, "s is as it was: it has to be stored, p[k].s[i] = ..." },
    { "s", SHARED, "all tensors use the first one's s: each has its own, p[k].s" },
    { "s", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "s", NO_BRACKETS, "1 - rho has no brackets: (1 - rho) * g * g" },
    { "s", NOT_SQUARED, "the mean is of g: it is of g², so that the sign does not matter" },
    { "s", WEIGHTS_SWAPPED, "rho weighs g², and 1 - rho weighs s: it is the other way round" },
    { "s", NOT_WEIGHTED, "g² counts in full: in a running mean it is weighted with 1 - rho" },
    { "s", SUMMED, "the squares were summed up: that is Adagrad; RMSprop keeps a running mean" },
    { "s", ALL_WEIGHTED, "the old s was kept in full: rho weighs it" },
    { "s", NO_MEMORY, "the old s is lost: add rho s" },
    { "s", ONLY_G2, "s is g²: it is a running mean, rho s + (1 - rho) g²" },
    { "s", ROOT_KEPT, "the root was stored: s stays a mean of squares, the root is for w alone" },
    { "s", WEIGHT_SQUARED, "1 - rho was squared, too: only g is" },
    { "s", W_SQUARED, "the squares are of w: they are of the gradient g" },
    { "s", ABSOLUTE, "the mean is of |g|: it is of g²" },
    { "s", WHOLE_TENSOR, "g² was averaged over the tensor: each number has its own running mean" },
    { "w", RIGHT, "F5.5:  w = w - lr g / (sqrt(s) + epsilon),  with the new s" },
    { "w", SHARED, "w used the first tensor's s, which all tensors changed: use p[k].s" },
    { "w(1)", W_UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "w(2)", W_UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "w", W_UNCHANGED, "w is as it was: it has to be stored, p[k].w[i] -= ..." },
    { "w", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "w", ADDED, "the step was added: that climbs; w goes against the gradient" },
    { "w", NO_LR, "the learning rate is missing" },
    { "w", OLD_S, "s from before the step was used: first the new s, then w with it" },
    { "w", NO_ROOT, "divided by s: it is sqrt(s) that has the size of g" },
    { "w", NO_EPSILON, "epsilon is missing: without it, a gradient that was always 0 gives 0/0" },
    { "w", EPSILON_INSIDE,
      "epsilon is inside the root: that is Keras's form; here it stands outside, "
      "sqrt(s) + epsilon" },
    { "w", EPSILON_LAST,
      "epsilon was added to the quotient: are the brackets missing below the line?" },
    { "w", EPSILON_ALONE,
      "epsilon was taken from w by itself: brackets around what stands below the line" },
    { "w", MULTIPLIED,
      "multiplied by the root: divide, so that large gradients take no larger steps" },
    { "w", PLAIN, "that is gradient descent: g has to be divided by sqrt(s) + epsilon" },
    { "w", NO_G, "g is missing above the line: the step is always positive" },
    { "w", OVERWRITTEN, "w was overwritten with the step: subtract it from w (-=)" },
    { "w", CORRECTED, "s was divided by 1 - rho: that correction belongs to Adam, not here" },
    { "w", SIGN_ONLY,
      "only the sign of g is left: divide by sqrt(s) + epsilon, not by the size of g" },
    { "w", OWN_EPSILON, "epsilon is an argument: it is not always 1e-8" },
    { 0 },
};

static const char *const s_names[] = { "s(0)", "s(1)", "s(2)" };
static const char *const w_names[] = { "w(0)", "w(1)", "w(2)" };
static const char *const s_path[] = { "s(0, 6 steps)", "s(1, 6 steps)", "s(2, 6 steps)" };
static const char *const w_path[] = { "w(0, 6 steps)", "w(1, 6 steps)", "w(2, 6 steps)" };

/* Three tensors, the first the longest: who takes its s for all reads within it. epsilon is large,
   so that it shows. */
static problem new_problem(int steps)
{
    static const int n[COUNT] = { MOST, 5, 3 };
    static const char *const names[] = { "p[0].n", "p[1].n", "p[2].n" };
    problem t = { 0 };
    t.lr = kit_uniform(0.05, 0.3), t.rho = kit_uniform(0.6, 0.9), t.steps = steps;
    t.epsilon = kit_uniform(0.02, 0.1);
    for (int k = 0; k < COUNT; k++) {
        t.p[k].n = kit_size(names[k], n[k]);
        t.w[k] = kit_input("the old w", 1, n[k]), t.s[k] = kit_input("the old s", 1, n[k]);
        t.p[k].w = kit_output("p[k].w", 1, n[k]), t.p[k].s = kit_output("p[k].s", 1, n[k]);
        for (int i = 0; i < n[k]; i++) t.s[k][i] = fabs(t.s[k][i]);
        for (int step = 0; step < steps; step++)
            for (int i = 0; i < n[k]; i++)
                t.g[step][k][i] = kit_uniform(0.2, 1.5) * (kit_between(0, 1) ? 1 : -1);
    }
    return t;
}

/* The learner's steps, each with its own gradients. */
static void take_steps(problem *t)
{
    for (int k = 0; k < COUNT; k++) {
        memcpy(t->p[k].w, t->w[k], (size_t)t->p[k].n * sizeof(double));
        memcpy(t->p[k].s, t->s[k], (size_t)t->p[k].n * sizeof(double));
    }
    for (int step = 0; step < t->steps; step++) {
        for (int k = 0; k < COUNT; k++) {
            double *g = kit_input("p[k].g", 1, t->p[k].n);
            memcpy(g, t->g[step][k], (size_t)t->p[k].n * sizeof(double));
            t->p[k].g = g;
        }
        rmsprop_step(t->p, COUNT, t->lr, t->rho, t->epsilon);
    }
}

static void climb(problem *t, const char *const *names, int is_s, kit_formula *formula)
{
    for (int k = 0; k < COUNT; k++) {
        t->which = k;
        kit_rung(names[k], is_s ? t->p[k].s : t->p[k].w, 1, t->p[k].n, formula, t, KIT_TOLERANCE);
    }
}

static void check_squares(void)
{
    problem t = new_problem(1);
    take_steps(&t);
    climb(&t, s_names, 1, s_formula);
}

/* From the learner's s: a wrong s costs nothing here. */
static void check_weights(void)
{
    problem t = new_problem(1);
    take_steps(&t);
    climb(&t, w_names, 0, w_from_s);
}

static void check_path(void)
{
    problem t = new_problem(STEPS);
    for (int k = 0; k < COUNT; k++) memset(t.s[k], 0, (size_t)t.p[k].n * sizeof(double));
    take_steps(&t);
    climb(&t, s_path, 1, s_formula);
    climb(&t, w_path, 0, w_formula);
}

/* One step of one weight from w = 0 and s = 0: w after it. */
static double first_step(double g, double lr, double rho, double epsilon, int steps)
{
    double *w = kit_output("p[k].w", 1, 1), *s = kit_output("p[k].s", 1, 1);
    double *gradient = kit_input("p[k].g", 1, 1);
    parameter p = { 1, w, gradient, s };
    *w = *s = 0, *gradient = g;
    for (int step = 0; step < steps; step++) {
        if (step == steps - 1) *w = 0;
        rmsprop_step(&p, 1, lr, rho, epsilon);
    }
    return *w;
}

static void check_laws(void)
{
    double rho = kit_uniform(0.6, 0.9), g = kit_uniform(0.2, 1.5);
    double still = first_step(0, 0.1, rho, 1e-8, 1), large, small, late;
    kit_true("g = 0", still == 0,
             "where the gradient has always been 0, w must stay: yours moved from 0 to %g", still);
    large = first_step(1000 * g, 0.1, rho, 1e-12, 1), small = first_step(g, 0.1, rho, 1e-12, 1);
    kit_same("1000 g", &large, &small, 1, 1e-6,
             "a gradient 1000 times larger must give the same first step, but for epsilon");
    late = first_step(-g, 0.1, rho, 1e-12, 400);
    kit_true("constant g", fabs(late - 0.1) < 1e-6,
             "after 400 steps with the same g < 0, a step must be lr = 0.1; yours is %.6g", late);
}

const kit_check kit_checks[] = {
    { "squares", 3, 1, check_squares },
    { "weights", 3, 1, check_weights },
    { "path", 2, 1, check_path },
    { "laws", 1, 1, check_laws },
    { 0 },
};

static void reference_step(double w[2], double s[2], const double g[2], double lr)
{
    for (int i = 0; i < 2; i++) {
        s[i] = 0.9 * s[i] + 0.1 * g[i] * g[i];
        w[i] -= lr * g[i] / (sqrt(s[i]) + 1e-8);
    }
}

/* Steps until both weights are within 0.02 of the minimum of (w0² + steep w1²)/2, from (1, 1).
   With lr 0 for plain gradient descent at its best rate, 1/steep. 100000: it did not get there. */
static int race(double steep, double lr, int yours)
{
    double w[2] = { 1, 1 }, s[2] = { 0, 0 }, g[2];
    parameter p = { 2, w, g, s };
    int steps = 0;
    for (; steps < 100000 && !(fabs(w[0]) < 0.02 && fabs(w[1]) < 0.02); steps++) {
        g[0] = w[0], g[1] = steep * w[1];
        if (lr == 0) w[0] -= g[0] / steep, w[1] -= g[1] / steep;
        else if (yours) rmsprop_step(&p, 1, lr, 0.9, 1e-8);
        else reference_step(w, s, g, lr);
    }
    return steps;
}

/* The same valley, ever steeper across: gradient descent has to go slower and slower. */
void kit_reward(void)
{
    printf("A valley, steeper and steeper across. Steps from (1, 1) to within 0.02:\n");
    printf("  steeper by   gradient descent   RMSprop, yours   reference\n");
    for (double steep = 10; steep < 20000; steep *= 10)
        printf("  %8.0f     %10d         %8d       %8d\n", steep, race(steep, 0, 0),
               race(steep, 0.01, 1), race(steep, 0.01, 0));
}
