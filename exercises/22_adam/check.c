/* Grader of 22_adam. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 3, STEPS = 4, MOST = 7 }; /* tensors, steps of the check "path", longest tensor */

typedef struct problem {
    parameter p[COUNT]; /* what the learner's function works on */
    adam a;
    double *w[COUNT], *m[COUNT], *s[COUNT]; /* what was in it before */
    double g[STEPS][COUNT][MOST];
    int t, steps, which; /* a.t before; the tensor that a formula is asked for */
} problem;

enum {
    RIGHT,
    T_UNCHANGED,
    T_PER_TENSOR,
    T_PER_NUMBER,
    /* m and s */
    UNCHANGED,
    SHARED,
    FIRST_AGAIN,
    NO_BRACKETS,
    SWAPPED,
    OTHER_BETA,
    NOT_WEIGHTED,
    NO_MEMORY,
    OLD_IN_FULL,
    CORRECTED,
    M_SQUARED,
    S_NOT_SQUARED,
    S_OF_M,
    /* w */
    W_UNCHANGED,
    ADDED,
    NO_LR,
    NO_CORRECTION,
    ONLY_M,
    ONLY_S,
    T_BEFORE,
    NO_POWER,
    TIMES_T,
    BETAS_EXCHANGED,
    MULTIPLIED,
    AFTER_ROOT,
    NO_ROOT,
    NO_EPSILON,
    OWN_EPSILON,
    EPSILON_INSIDE,
    EPSILON_RAW,
    G_FOR_M,
    EPSILON_LAST,
    CORRECTION_OPEN,
    OVERWRITTEN,
    BEFORE
};

static double next_m(const adam *a, int mistake, double m, double g, int t)
{
    double b = a->beta1, mean = b * m + (1 - b) * g;
    switch (mistake) {
    case UNCHANGED: return m;
    case NO_BRACKETS: return b * m + 1 - b * g;
    case SWAPPED: return (1 - b) * m + b * g;
    case OTHER_BETA: return a->beta2 * m + (1 - a->beta2) * g;
    case NOT_WEIGHTED: return b * m + g;
    case NO_MEMORY: return (1 - b) * g;
    case OLD_IN_FULL: return m + (1 - b) * g;
    case CORRECTED: return mean / (1 - pow(b, t));
    case M_SQUARED: return b * m + (1 - b) * g * g;
    default: return mean;
    }
}

/* m: the new one. */
static double next_s(const adam *a, int mistake, double s, double g, double m, int t)
{
    double b = a->beta2, mean = b * s + (1 - b) * g * g;
    switch (mistake) {
    case UNCHANGED: return s;
    case NO_BRACKETS: return b * s + 1 - b * g * g;
    case SWAPPED: return (1 - b) * s + b * g * g;
    case OTHER_BETA: return a->beta1 * s + (1 - a->beta1) * g * g;
    case NOT_WEIGHTED: return b * s + g * g;
    case NO_MEMORY: return (1 - b) * g * g;
    case OLD_IN_FULL: return s + (1 - b) * g * g;
    case CORRECTED: return mean / (1 - pow(b, t));
    case S_NOT_SQUARED: return b * s + (1 - b) * g;
    case S_OF_M: return b * s + (1 - b) * m * m;
    default: return mean;
    }
}

/* The corrections 1 - beta^t, or what was taken for them. */
static void corrections(const adam *a, int mistake, int t, double *c1, double *c2)
{
    *c1 = 1 - pow(a->beta1, t), *c2 = 1 - pow(a->beta2, t);
    if (mistake == TIMES_T) *c1 = 1 - a->beta1 * t, *c2 = 1 - a->beta2 * t;
    if (mistake == NO_POWER) *c1 = 1 - a->beta1, *c2 = 1 - a->beta2;
    if (mistake == BETAS_EXCHANGED) *c1 = 1 - pow(a->beta2, t), *c2 = 1 - pow(a->beta1, t);
    if (mistake == MULTIPLIED) *c1 = 1 / *c1, *c2 = 1 / *c2;
    if (mistake == NO_CORRECTION || mistake == ONLY_S) *c1 = 1;
    if (mistake == NO_CORRECTION || mistake == ONLY_M) *c2 = 1;
}

/* From the new m and s, in step t. */
static double next_w(const adam *a, int mistake, double w, double m, double s, double g, int t)
{
    double c1, c2, lr = a->lr, epsilon = a->epsilon;
    corrections(a, mistake, mistake == T_BEFORE ? t - 1 : t, &c1, &c2);
    double root = sqrt(s / c2), step = lr * m / c1 / (root + epsilon);
    switch (mistake) {
    case W_UNCHANGED: return w;
    case ADDED: return w + step;
    case NO_LR: return w - step / lr;
    case AFTER_ROOT: return w - lr * m / c1 / (sqrt(s) / c2 + epsilon);
    case NO_ROOT: return w - lr * m / c1 / (s / c2 + epsilon);
    case NO_EPSILON: return w - lr * m / c1 / root;
    case OWN_EPSILON: return w - lr * m / c1 / (root + 1e-8);
    case EPSILON_INSIDE: return w - lr * m / c1 / sqrt(s / c2 + epsilon);
    case EPSILON_RAW: return w - lr * sqrt(c2) / c1 * m / (sqrt(s) + epsilon);
    case EPSILON_LAST: return w - (lr * m / c1 / root + epsilon);
    case CORRECTION_OPEN: return w - lr * (m / 1 - pow(a->beta1, t)) / (root + epsilon);
    case G_FOR_M: return w - lr * g / (root + epsilon);
    case OVERWRITTEN: return -step;
    default: return w - step;
    }
}

/* All steps; writes w, m or s of the tensor asked for: which of them, by its letter. */
static void run(const problem *t, int mistake, char letter, double *out)
{
    double w[COUNT][MOST], m[COUNT][MOST], s[COUNT][MOST];
    for (int k = 0; k < COUNT; k++) {
        size_t bytes = (size_t)t->p[k].n * sizeof(double);
        memcpy(w[k], t->w[k], bytes), memcpy(m[k], t->m[k], bytes), memcpy(s[k], t->s[k], bytes);
    }
    for (int step = 0; step < t->steps; step++)
        for (int j = 0; j < COUNT; j++)
            for (int i = 0, k = mistake == FIRST_AGAIN ? 0 : j; i < t->p[k].n; i++) {
                int time = t->t + step + 1, from = mistake == SHARED ? 0 : k;
                if (mistake == T_PER_TENSOR) time = t->t + COUNT * step + k + 1;
                double g = t->g[step][k][i], *m_i = &m[from][i], *s_i = &s[from][i];
                *m_i = next_m(&t->a, mistake, *m_i, g, time);
                *s_i = next_s(&t->a, mistake, *s_i, g, *m_i, time);
                w[k][i] = next_w(&t->a, mistake, w[k][i], *m_i, *s_i, g, time);
            }
    const double *from = letter == 'w' ? w[t->which] : letter == 'm' ? m[t->which] : s[t->which];
    memcpy(out, from, (size_t)t->p[t->which].n * sizeof(double));
}

static void t_formula(const void *p, int mistake, double *t)
{
    const problem *q = p;
    *t = q->t + q->steps;
    if (mistake == T_UNCHANGED) *t = q->t;
    if (mistake == T_PER_TENSOR) *t = q->t + COUNT * q->steps;
    for (int k = 0; k < COUNT && mistake == T_PER_NUMBER; k++)
        *t += q->steps * q->p[k].n - (k == 0 ? q->steps : 0);
}

static void m_formula(const void *p, int mistake, double *m)
{
    run(p, mistake, 'm', m);
}

static void s_formula(const void *p, int mistake, double *s)
{
    run(p, mistake, 's', s);
}

static void w_formula(const void *p, int mistake, double *w)
{
    run(p, mistake, 'w', w);
}

/* One step, from the learner's own m and s. */
static void w_from_moments(const void *p, int mistake, double *w)
{
    const problem *t = p;
    const parameter *q = &t->p[t->which];
    int time = t->t + 1 + (mistake == T_PER_TENSOR ? t->which : 0);
    int all = mistake == FIRST_AGAIN || mistake == BEFORE;
    if (all) run(t, mistake, 'w', w);
    for (int i = 0; !all && i < q->n; i++)
        w[i] =
            next_w(&t->a, mistake, t->w[t->which][i], q->m[i], q->s[i], t->g[0][t->which][i], time);
}

const kit_mistake kit_mistakes[] = {
    { "t", RIGHT, "t = t + 1, once in each call" },
    { "t", T_UNCHANGED, "t is as it was: count the step, a->t++" },
    { "t", T_PER_TENSOR,
      "t was counted for each tensor: it counts steps, so once, before the loops" },
    { "t", T_PER_NUMBER,
      "t was counted for each number: it counts steps, so once, before the loops" },
    { "m", RIGHT, "F5.5:  m = beta1 m + (1 - beta1) g" },
    { "m(1)", UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "m(2)", UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "m", UNCHANGED, "m is as it was: it has to be stored, p[k].m[i] = ..." },
    { "m", SHARED, "all tensors use the first one's m: each has its own, p[k].m" },
    { "m", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "m", NO_BRACKETS, "1 - beta1 has no brackets: (1 - beta1) * g" },
    { "m", SWAPPED, "beta1 weighs g, and 1 - beta1 weighs m: it is the other way round" },
    { "m", OTHER_BETA, "m was made with beta2: it has beta1" },
    { "m", NOT_WEIGHTED,
      "g counts in full, as in momentum: in Adam's mean it is weighted with 1 - beta1" },
    { "m", NO_MEMORY, "the old m is lost: add beta1 m" },
    { "m", OLD_IN_FULL, "the old m was kept in full: beta1 weighs it" },
    { "m", CORRECTED, "the corrected m was stored: keep it raw, and correct it for w alone" },
    { "m", M_SQUARED, "g² is in m: m is the mean of g" },
    { "s", RIGHT, "F5.5:  s = beta2 s + (1 - beta2) g²" },
    { "s", UNCHANGED, "s is as it was: it has to be stored, p[k].s[i] = ..." },
    { "s", SHARED, "all tensors use the first one's s: each has its own, p[k].s" },
    { "s", NO_BRACKETS, "1 - beta2 has no brackets: (1 - beta2) * g * g" },
    { "s", SWAPPED, "beta2 weighs g², and 1 - beta2 weighs s: it is the other way round" },
    { "s", OTHER_BETA, "s was made with beta1: it has beta2" },
    { "s", NOT_WEIGHTED, "g² counts in full: it is weighted with 1 - beta2" },
    { "s", NO_MEMORY, "the old s is lost: add beta2 s" },
    { "s", OLD_IN_FULL, "the old s was kept in full: beta2 weighs it" },
    { "s", CORRECTED, "the corrected s was stored: keep it raw, and correct it for w alone" },
    { "s", S_NOT_SQUARED, "s is the mean of g²: square g" },
    { "s", S_OF_M, "m was squared: s is the mean of g²" },
    { "w", RIGHT,
      "F5.5:  w = w - lr m' / (sqrt(s') + epsilon),  m' = m/(1 - beta1^t), "
      "s' = s/(1 - beta2^t)" },
    { "w", BEFORE, "this step is right, but what was kept of m or s is not: mend that first" },
    { "w(1)", W_UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "w(2)", W_UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "w", W_UNCHANGED, "w is as it was: it has to be stored, p[k].w[i] -= ..." },
    { "w", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "w(1)", T_PER_TENSOR,
      "t grew from tensor to tensor: it counts steps, so once, before the loops" },
    { "w", ADDED, "the step was added: that climbs; w goes against the gradient" },
    { "w", NO_LR, "the learning rate is missing" },
    { "w", NO_CORRECTION,
      "m and s were not corrected: divide them by 1 - beta1^t and 1 - beta2^t" },
    { "w", ONLY_M, "s was not corrected: divide it by 1 - beta2^t" },
    { "w", ONLY_S, "m was not corrected: divide it by 1 - beta1^t" },
    { "w", T_BEFORE, "t is one behind: count the step first, so that the first one has t = 1" },
    { "w", NO_POWER,
      "divided by 1 - beta, which is right for t = 1 alone: the correction is 1 - beta^t with "
      "t = a->t, it fades with the steps" },
    { "w", CORRECTION_OPEN, "1 - beta1^t has no brackets: m / (1 - pow(beta1, t))" },
    { "w", TIMES_T, "1 - beta t was taken: beta is raised to the power t, pow(beta, t)" },
    { "w", BETAS_EXCHANGED, "the corrections are exchanged: beta1 is m's, beta2 is s's" },
    { "w", MULTIPLIED, "multiplied by 1 - beta^t: m and s are too small, so divide by it" },
    { "w", AFTER_ROOT, "the root of s was corrected: correct s first, then take the root" },
    { "w", NO_ROOT, "divided by s': it is sqrt(s') that has the size of m'" },
    { "w", NO_EPSILON, "epsilon is missing: without it, a gradient that was always 0 gives 0/0" },
    { "w", OWN_EPSILON, "a->epsilon is an argument: it is not always 1e-8" },
    { "w", EPSILON_INSIDE, "epsilon is inside the root: it stands outside, sqrt(s') + epsilon" },
    { "w", EPSILON_RAW,
      "epsilon was added to the root of the raw s: that is the paper's short form, in which "
      "epsilon means something else. Correct s before the root" },
    { "w", EPSILON_LAST,
      "epsilon was added to the quotient: are the brackets missing below the line?" },
    { "w", G_FOR_M, "g is above the line: Adam takes its running mean, m'" },
    { "w", OVERWRITTEN, "w was overwritten with the step: subtract it from w (-=)" },
    { 0 },
};

/* Three tensors, the first the longest: who takes its state for all reads within it. epsilon is
   large, so that it shows; t is small, so that the corrections do. */
static problem new_problem(int t_before, int steps)
{
    static const int n[COUNT] = { MOST, 5, 3 };
    static const char *const names[] = { "p[0].n", "p[1].n", "p[2].n" };
    problem t = { 0 };
    t.a.lr = kit_uniform(0.05, 0.3), t.a.epsilon = kit_uniform(0.02, 0.1);
    t.a.beta1 = kit_uniform(0.55, 0.75), t.a.beta2 = kit_uniform(0.85, 0.95);
    t.t = t_before, t.steps = steps;
    for (int k = 0; k < COUNT; k++) {
        t.p[k].n = kit_size(names[k], n[k]);
        t.w[k] = kit_input("the old w", 1, n[k]), t.m[k] = kit_input("the old m", 1, n[k]);
        t.s[k] = kit_input("the old s", 1, n[k]);
        t.p[k].w = kit_output("p[k].w", 1, n[k]), t.p[k].m = kit_output("p[k].m", 1, n[k]);
        t.p[k].s = kit_output("p[k].s", 1, n[k]);
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
    adam a = t->a; /* the learner may not change the rates of the reference */
    for (int k = 0; k < COUNT; k++) {
        size_t bytes = (size_t)t->p[k].n * sizeof(double);
        memcpy(t->p[k].w, t->w[k], bytes), memcpy(t->p[k].m, t->m[k], bytes);
        memcpy(t->p[k].s, t->s[k], bytes);
    }
    a.t = t->t;
    for (int step = 0; step < t->steps; step++) {
        for (int k = 0; k < COUNT; k++) {
            double *g = kit_input("p[k].g", 1, t->p[k].n);
            memcpy(g, t->g[step][k], (size_t)t->p[k].n * sizeof(double));
            t->p[k].g = g;
        }
        adam_step(&a, t->p, COUNT);
    }
    t->a.t = a.t;
}

/* The three tensors of one letter: w, m or s. */
static void climb(problem *t, char letter, kit_formula *formula)
{
    static const char *const names[3][COUNT] = { { "m(0)", "m(1)", "m(2)" },
                                                 { "s(0)", "s(1)", "s(2)" },
                                                 { "w(0)", "w(1)", "w(2)" } };
    for (int k = 0; k < COUNT; k++) {
        const parameter *p = &t->p[k];
        const double *yours = letter == 'w' ? p->w : letter == 'm' ? p->m : p->s;
        t->which = k;
        kit_rung(names[letter == 'w' ? 2 : letter == 's'][k], yours, 1, p->n, formula, t,
                 KIT_TOLERANCE);
    }
}

static void check_moments(void)
{
    problem t = new_problem(kit_between(3, 5), 1);
    take_steps(&t);
    climb(&t, 'm', m_formula);
    climb(&t, 's', s_formula);
}

/* From the learner's m and s: wrong ones cost nothing here. */
static void check_weights(void)
{
    problem t = new_problem(kit_between(3, 5), 1);
    take_steps(&t);
    climb(&t, 'w', w_from_moments);
}

static void check_path(void)
{
    problem t = new_problem(0, STEPS);
    for (int k = 0; k < COUNT; k++) {
        size_t bytes = (size_t)t.p[k].n * sizeof(double);
        memset(t.m[k], 0, bytes), memset(t.s[k], 0, bytes);
    }
    take_steps(&t);
    double time = t.a.t;
    kit_rung("t", &time, 1, 1, t_formula, &t, KIT_TOLERANCE);
    climb(&t, 'm', m_formula);
    climb(&t, 's', s_formula);
    climb(&t, 'w', w_formula);
}

/* How far one weight moves in the last of `steps` steps with the same g, from m = s = 0. */
static double last_step(double g, int steps)
{
    double *w = kit_output("p[k].w", 1, 1), *gradient = kit_input("p[k].g", 1, 1);
    double *m = kit_output("p[k].m", 1, 1), *s = kit_output("p[k].s", 1, 1);
    adam a = { 0.1, 0.9, 0.999, 1e-12, 0 };
    parameter p = { 1, w, gradient, m, s };
    *w = *m = *s = 0, *gradient = g;
    for (int step = 0; step < steps; step++) {
        if (step == steps - 1) *w = 0;
        adam_step(&a, &p, 1);
    }
    return *w;
}

static void check_laws(void)
{
    double g = kit_uniform(0.2, 1.5), up = last_step(-g, 1), down = last_step(1000 * g, 1);
    kit_true("first step", fabs(up - 0.1) < 1e-9,
             "the first step must be lr against the sign of g, here 0.1; yours is %.6g", up);
    kit_true("1000 g", fabs(down + 0.1) < 1e-9,
             "the first step does not depend on the size of g: here it is -0.1; yours is %.6g",
             down);
    double later = last_step(-g, 30), still = last_step(0, 1);
    kit_true("constant g", fabs(later - 0.1) < 1e-9,
             "with the same g all the time, each step is lr = 0.1; your 30th is %.6g", later);
    kit_true("g = 0", still == 0,
             "where the gradient has always been 0, w must stay: yours moved from 0 to %g", still);
}

const kit_check kit_checks[] = {
    { "moments", 3, 1, check_moments },
    { "weights", 4, 1, check_weights },
    { "path", 2, 1, check_path },
    { "laws", 1, 1, check_laws },
    { 0 },
};

/* Fits a sine with a cubic, whose four coefficients have gradients of very different sizes. The
   mean squared error after that many steps. */
enum { POINTS = 21, TERMS = 4 };
enum who { DESCENT, YOURS, REFERENCE };

static double gradients(const double *w, double *g, double shift)
{
    double loss = 0;
    memset(g, 0, TERMS * sizeof *g);
    for (int i = 0; i < POINTS; i++) {
        double x = 3.0 * i / (POINTS - 1), y = -sin(2 * x + shift), power = 1;
        for (int k = 0; k < TERMS; k++, power *= x) y += w[k] * power;
        power = 1;
        for (int k = 0; k < TERMS; k++, power *= x) g[k] += 2 * y * power / POINTS;
        loss += y * y / POINTS;
    }
    return loss;
}

static double fit(enum who who, int steps, double shift)
{
    double w[TERMS] = { 0 }, g[TERMS], m[TERMS] = { 0 }, s[TERMS] = { 0 };
    adam a = { 0.03, 0.9, 0.999, 1e-8, 0 };
    parameter p = { TERMS, w, g, m, s };
    for (int step = 1; step <= steps; step++) {
        gradients(w, g, shift);
        if (who == YOURS) adam_step(&a, &p, 1);
        for (int i = 0; i < TERMS && who != YOURS; i++) {
            m[i] = next_m(&a, RIGHT, m[i], g[i], step);
            s[i] = next_s(&a, RIGHT, s[i], g[i], m[i], step);
            w[i] = who == REFERENCE ? next_w(&a, RIGHT, w[i], m[i], s[i], g[i], step)
                                    : w[i] - 0.004 * g[i];
        }
    }
    return gradients(w, g, shift);
}

void kit_reward(void)
{
    double shift = kit_uniform(0, 1);
    printf("A cubic learns sin(2x + %.2f) on 0..3; mean squared error:\n", shift);
    printf("  steps   gradient descent   Adam, yours   reference\n");
    for (int steps = 10; steps <= 10000; steps *= 10)
        printf("  %5d         %.6f      %.6f    %.6f\n", steps, fit(DESCENT, steps, shift),
               fit(YOURS, steps, shift), fit(REFERENCE, steps, shift));
}
