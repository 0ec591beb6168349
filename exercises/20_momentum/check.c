/* Grader of 20_momentum. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 3, STEPS = 6, MOST = 7 }; /* tensors, steps of the check "path", longest tensor */

typedef struct problem {
    parameter p[COUNT]; /* what the learner's function works on */
    double *w[COUNT], *v[COUNT]; /* what was in it before */
    double g[STEPS][COUNT][MOST];
    double lr, momentum;
    int steps, which; /* the tensor that a formula is asked for */
} problem;

enum {
    RIGHT,
    /* v */
    UNCHANGED,
    SHARED,
    FIRST_AGAIN,
    AVERAGE,
    WEIGHTS_SWAPPED,
    KERAS,
    LR_INSIDE,
    SIGN,
    NO_MEMORY,
    NO_DECAY,
    MOMENTUM_ON_G,
    G_SHRUNK,
    ALL_DECAYED,
    EXCHANGED,
    /* w */
    W_UNCHANGED,
    ADDED,
    NO_LR,
    OLD_V,
    PLAIN,
    NESTEROV,
    OVERWRITTEN,
    MOMENTUM_AGAIN,
    G_TWICE
};

static double next_v(const problem *t, int mistake, double v, double g)
{
    double mu = t->momentum;
    switch (mistake) {
    case UNCHANGED: return v;
    case AVERAGE: return mu * v + (1 - mu) * g;
    case WEIGHTS_SWAPPED: return (1 - mu) * v + mu * g;
    case KERAS: return mu * v - t->lr * g;
    case LR_INSIDE: return mu * v + t->lr * g;
    case SIGN: return mu * v - g;
    case NO_MEMORY: return g;
    case NO_DECAY: return v + g;
    case MOMENTUM_ON_G: return v + mu * g;
    case G_SHRUNK: return (1 - mu) * v + g;
    case EXCHANGED: return t->lr * v + g;
    case ALL_DECAYED: return mu * (v + g);
    default: return mu * v + g;
    }
}

static double next_w(const problem *t, int mistake, double w, double old_v, double v, double g)
{
    switch (mistake) {
    case W_UNCHANGED: return w;
    case ADDED: return w + t->lr * v;
    case NO_LR: return w - v;
    case OLD_V: return w - t->lr * old_v;
    case PLAIN: return w - t->lr * g;
    case NESTEROV: return w - t->lr * (g + t->momentum * v);
    case OVERWRITTEN: return -t->lr * v;
    case MOMENTUM_AGAIN: return w - t->lr * t->momentum * v;
    case G_TWICE: return w - t->lr * (v + g);
    default: return w - t->lr * v;
    }
}

/* All steps; writes w or v of the tensor asked for. */
static void run(const problem *t, int mistake, double *w_out, double *v_out)
{
    double w[COUNT][MOST], v[COUNT][MOST];
    for (int k = 0; k < COUNT; k++) {
        memcpy(w[k], t->w[k], (size_t)t->p[k].n * sizeof(double));
        memcpy(v[k], t->v[k], (size_t)t->p[k].n * sizeof(double));
    }
    for (int s = 0; s < t->steps; s++)
        for (int j = 0; j < COUNT; j++)
            for (int i = 0, k = mistake == FIRST_AGAIN ? 0 : j; i < t->p[k].n; i++) {
                double *at = &v[mistake == SHARED ? 0 : k][i], old = *at, g = t->g[s][k][i];
                *at = next_v(t, mistake, old, g);
                w[k][i] = next_w(t, mistake, w[k][i], old, *at, g);
            }
    size_t bytes = (size_t)t->p[t->which].n * sizeof(double);
    if (w_out) memcpy(w_out, w[t->which], bytes);
    if (v_out) memcpy(v_out, v[t->which], bytes);
}

static void v_formula(const void *p, int mistake, double *v)
{
    run(p, mistake, NULL, v);
}

static void w_formula(const void *p, int mistake, double *w)
{
    run(p, mistake, w, NULL);
}

/* One step, from the learner's own v. */
static void w_from_v(const void *p, int mistake, double *w)
{
    const problem *t = p;
    int k = t->which;
    int all = mistake == SHARED || mistake == FIRST_AGAIN;
    if (all) run(t, mistake, w, NULL);
    for (int i = 0; !all && i < t->p[k].n; i++)
        w[i] = next_w(t, mistake, t->w[k][i], t->v[k][i], t->p[k].v[i], t->g[0][k][i]);
}

const kit_mistake kit_mistakes[] = {
    { "v", RIGHT, "F5.5:  v = momentum v + g" },
    { "v(1)", UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "v(2)", UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "v", UNCHANGED, "v is as it was: it has to be stored, p[k].v[i] = ..." },
    { "v", SHARED, "all tensors use the first one's v: each has its own, p[k].v" },
    { "v", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "v", AVERAGE,
      "g was weighted with 1 - momentum: that is a running mean; here g counts in full" },
    { "v", WEIGHTS_SWAPPED, "momentum weighs g, and 1 - momentum weighs v: it is momentum v + g" },
    { "v", KERAS, "that is Keras's form, where v holds -lr g and is added to w. Here v holds g" },
    { "v", LR_INSIDE, "lr is in v: here v holds g alone, and lr comes in where w changes" },
    { "v", SIGN, "g was subtracted in v: it is added, and the minus stands where w changes" },
    { "v", NO_MEMORY, "v is g: what is left of the old v, momentum v, is missing" },
    { "v", NO_DECAY, "the old v was kept in full: momentum weighs it" },
    { "v", MOMENTUM_ON_G, "momentum weighs g: it weighs the old v" },
    { "v", G_SHRUNK, "the old v was weighted with 1 - momentum: it is weighted with momentum" },
    { "v", ALL_DECAYED, "momentum weighs g, too: it weighs the old v alone" },
    { "v", EXCHANGED, "lr weighs the old v: are lr and momentum exchanged?" },
    { "w", RIGHT, "F5.1:  w = w - lr v,  with the new v" },
    { "w", SHARED, "w moved with the first tensor's v, which all tensors changed: use p[k].v" },
    { "w(1)", W_UNCHANGED, "only the first tensor was stepped: k runs over all `count` of them" },
    { "w(2)", W_UNCHANGED, "the last tensor was left out: k runs to count - 1" },
    { "w", W_UNCHANGED, "w is as it was: it has to be stored, p[k].w[i] -= ..." },
    { "w", FIRST_AGAIN,
      "the first tensor was stepped `count` times, the others never: p-> is p[0], write p[k]." },
    { "w", ADDED, "v was added: that climbs; w goes against v, w - lr v" },
    { "w", NO_LR, "the learning rate is missing here: w - lr v" },
    { "w", OLD_V, "w moved with the v from before the step: first the new v, then w with it" },
    { "w", PLAIN, "w moved with g: that is gradient descent without momentum; it moves with v" },
    { "w", NESTEROV, "that is Nesterov's form, g + momentum v: this exercise asks for v alone" },
    { "w", OVERWRITTEN, "w was overwritten with the step: subtract it from w (-=)" },
    { "w", MOMENTUM_AGAIN, "momentum came in twice: it is in v already" },
    { "w", G_TWICE, "g was subtracted besides v: it is in v already" },
    { 0 },
};

static const char *const v_names[] = { "v(0)", "v(1)", "v(2)" };
static const char *const w_names[] = { "w(0)", "w(1)", "w(2)" };
static const char *const v_path[] = { "v(0, 6 steps)", "v(1, 6 steps)", "v(2, 6 steps)" };
static const char *const w_path[] = { "w(0, 6 steps)", "w(1, 6 steps)", "w(2, 6 steps)" };

/* Three tensors, the first the longest: who takes its v for all reads within it. */
static problem new_problem(int steps)
{
    static const int n[COUNT] = { MOST, 5, 3 };
    static const char *const names[] = { "p[0].n", "p[1].n", "p[2].n" };
    problem t = { 0 };
    t.lr = kit_uniform(0.05, 0.3), t.momentum = kit_uniform(0.6, 0.9), t.steps = steps;
    for (int k = 0; k < COUNT; k++) {
        t.p[k].n = kit_size(names[k], n[k]);
        t.w[k] = kit_input("the old w", 1, n[k]), t.v[k] = kit_input("the old v", 1, n[k]);
        t.p[k].w = kit_output("p[k].w", 1, n[k]), t.p[k].v = kit_output("p[k].v", 1, n[k]);
        for (int s = 0; s < steps; s++)
            for (int i = 0; i < n[k]; i++)
                t.g[s][k][i] = kit_uniform(0.2, 1.5) * (kit_between(0, 1) ? 1 : -1);
    }
    return t;
}

/* The learner's steps, each with its own gradients. */
static void take_steps(problem *t)
{
    for (int k = 0; k < COUNT; k++) {
        memcpy(t->p[k].w, t->w[k], (size_t)t->p[k].n * sizeof(double));
        memcpy(t->p[k].v, t->v[k], (size_t)t->p[k].n * sizeof(double));
    }
    for (int s = 0; s < t->steps; s++) {
        for (int k = 0; k < COUNT; k++) {
            double *g = kit_input("p[k].g", 1, t->p[k].n);
            memcpy(g, t->g[s][k], (size_t)t->p[k].n * sizeof(double));
            t->p[k].g = g;
        }
        momentum_step(t->p, COUNT, t->lr, t->momentum);
    }
}

static void climb(problem *t, const char *const *names, int is_v, kit_formula *formula)
{
    for (int k = 0; k < COUNT; k++) {
        t->which = k;
        kit_rung(names[k], is_v ? t->p[k].v : t->p[k].w, 1, t->p[k].n, formula, t, KIT_TOLERANCE);
    }
}

static void check_velocity(void)
{
    problem t = new_problem(1);
    take_steps(&t);
    climb(&t, v_names, 1, v_formula);
}

/* From the learner's v: a wrong v costs nothing here. */
static void check_weights(void)
{
    problem t = new_problem(1);
    take_steps(&t);
    climb(&t, w_names, 0, w_from_v);
}

static void check_path(void)
{
    problem t = new_problem(STEPS);
    for (int k = 0; k < COUNT; k++) memset(t.v[k], 0, (size_t)t.p[k].n * sizeof(double));
    take_steps(&t);
    climb(&t, v_path, 1, v_formula);
    climb(&t, w_path, 0, w_formula);
}

/* Momentum 0 is gradient descent; under a constant force v ends at g / (1 - momentum); no tensor,
   no change. */
static void check_laws(void)
{
    problem t = new_problem(1);
    double descent[MOST], before, g = t.g[0][0][0], mu = t.momentum;
    t.momentum = 0;
    take_steps(&t);
    for (int i = 0; i < t.p[0].n; i++) descent[i] = t.w[0][i] - t.lr * t.g[0][0][i];
    kit_same("momentum 0", t.p[0].w, descent, t.p[0].n, 1e-9,
             "with momentum 0 a step must be gradient descent, w - lr g, whatever v was");
    for (int s = 0; s < 400; s++) momentum_step(t.p, 1, 1e-6, mu);
    kit_true("constant g", fabs(t.p[0].v[0] - g / (1 - mu)) < 1e-6 * fabs(g / (1 - mu)),
             "after 400 steps with the same g, v must be g / (1 - momentum) = %.6g; yours is %.6g",
             g / (1 - mu), t.p[0].v[0]);
    before = t.p[0].w[0];
    momentum_step(t.p, 0, 1, mu);
    kit_same("count 0", &before, t.p[0].w, 1, 0, "with count = 0 there is nothing to step");
}

const kit_check kit_checks[] = {
    { "velocity", 3, 1, check_velocity },
    { "weights", 3, 1, check_weights },
    { "path", 2, 1, check_path },
    { "laws", 1, 1, check_laws },
    { 0 },
};

static void reference_step(double w[2], double v[2], const double g[2], double lr, double momentum)
{
    for (int i = 0; i < 2; i++) {
        v[i] = momentum * v[i] + g[i];
        w[i] -= lr * v[i];
    }
}

/* Steps until the loss (w0² + steep w1²)/2 is below 1e-6, by the learner's function or the
   reference's. 10000: it did not get there. */
static int race(double momentum, double lr, double steep, int yours)
{
    double w[2] = { 1, 1 }, v[2] = { 0, 0 }, g[2];
    parameter p = { 2, w, g, v };
    int steps = 0;
    for (; steps < 10000 && w[0] * w[0] + steep * w[1] * w[1] >= 2e-6; steps++) {
        g[0] = w[0], g[1] = steep * w[1];
        if (yours) momentum_step(&p, 1, lr, momentum);
        else reference_step(w, v, g, lr, momentum);
    }
    return steps;
}

/* A narrow valley: across it the loss is steep, along it flat. */
void kit_reward(void)
{
    double steep = (int)kit_uniform(80, 160), lr = 1 / steep;
    printf("A valley %.0f times steeper across than along; steps with lr = 1/%.0f down to 1e-6:\n",
           steep, steep);
    printf("  momentum    yours   reference\n");
    for (int k = 0; k < 4; k++) {
        double momentum = k == 3 ? 0.9 : 0.3 * k;
        printf("  %.1f         %5d   %5d\n", momentum, race(momentum, lr, steep, 1),
               race(momentum, lr, steep, 0));
    }
}
