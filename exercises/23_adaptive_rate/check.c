/* Grader of 23_adaptive_rate. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 7, N = 4, RACE = 2000, WIDE = 60 };

typedef struct problem {
    double eta, delta;
    const int *t; /* times at which the rate is asked for */
    int times, n, steps;
    const double *start, *g;
} problem;

enum {
    RIGHT,
    NO_ROOT,
    FROM_1,
    ONE_BEHIND,
    NO_1,
    ONLY_DELTA,
    ROOT_OF_T,
    ROOT_OF_DELTA_T,
    T_OUTSIDE,
    MULTIPLIED,
    EXPONENTIAL,
    SQUARED,
    CONSTANT,
    WHOLE_NUMBERS,
    /* descend */
    UNCHANGED,
    ADDED,
    OVERWRITTEN,
    NO_RATE,
    ONLY_G,
    NO_G,
    FIRST_ROW,
    ONE_STEP,
    TIME_PER_NUMBER,
    COMPOUNDED,
    TRANSPOSED
};

static double rate(double eta, double delta, double t, int mistake)
{
    switch (mistake) {
    case NO_ROOT: return eta / (1 + delta * t);
    case FROM_1: return eta / sqrt(1 + delta * (t + 1));
    case ONE_BEHIND: return eta / sqrt(1 + delta * fmax(t - 1, 0));
    case NO_1: return eta / sqrt(delta * t);
    case ONLY_DELTA: return eta / sqrt(1 + delta);
    case ROOT_OF_T: return eta / (1 + delta * sqrt(t));
    case ROOT_OF_DELTA_T: return eta / (1 + sqrt(delta * t));
    case T_OUTSIDE: return eta / sqrt(1 + delta) * t;
    case MULTIPLIED: return eta * sqrt(1 + delta * t);
    case EXPONENTIAL: return eta * exp(-delta * t);
    case SQUARED: return eta / sqrt(1 + delta * t * t);
    case CONSTANT: return eta;
    case WHOLE_NUMBERS: return eta / sqrt(1 + (int)delta * t);
    default: return eta / sqrt(1 + delta * t);
    }
}

static void rate_formula(const void *problem_, int mistake, double *out)
{
    const problem *q = problem_;
    for (int i = 0; i < q->times; i++) out[i] = rate(q->eta, q->delta, q->t[i], mistake);
}

/* One number's next value, with the rate `r` and what is added to its gradient, g. */
static double next(double w, double g, double r, int mistake)
{
    switch (mistake) {
    case UNCHANGED: return w;
    case ADDED: return w + r * (w + g);
    case OVERWRITTEN: return -r * (w + g);
    case NO_RATE: return w - (w + g);
    case ONLY_G: return w - r * g;
    case NO_G: return w - r * w;
    default: return w - r * (w + g);
    }
}

/* The rates are the learner's own: a wrong one costs nothing here. */
static void w_formula(const void *problem_, int mistake, double *w)
{
    const problem *q = problem_;
    double compound = q->eta;
    int steps = mistake == ONE_STEP ? 1 : q->steps;
    memcpy(w, q->start, (size_t)q->n * sizeof *w);
    for (int t = 0; t < steps; t++) {
        compound = adaptive_rate(mistake == COMPOUNDED ? compound : q->eta, q->delta, t);
        for (int i = 0; i < q->n; i++) {
            int time = mistake == TIME_PER_NUMBER ? t * q->n + i : mistake == FROM_1 ? t + 1 : t;
            double r = adaptive_rate(q->eta, q->delta, mistake == CONSTANT ? 0 : time);
            int at = mistake == FIRST_ROW    ? i
                     : mistake == TRANSPOSED ? i * q->steps + t
                                             : t * q->n + i;
            w[i] = next(w[i], q->g[at], mistake == COMPOUNDED ? compound : r, mistake);
        }
    }
}

const kit_mistake kit_mistakes[] = {
    { "rate", RIGHT, "F5.3:  eta_t = eta / sqrt(1 + delta t),  t = 0, 1, 2 ..." },
    { "rate", WHOLE_NUMBERS, "delta was cut to a whole number: keep it a double" },
    { "rate", NO_ROOT, "the root is missing: that is the 1/t decay, which stops too early" },
    { "rate", FROM_1, "t starts one late: at t = 0 the rate is eta itself" },
    { "rate", ONE_BEHIND, "t - 1 was taken for t: t counts from 0 already" },
    { "rate", NO_1, "the 1 under the root is missing: at t = 0 that divides by 0" },
    { "rate", ONLY_DELTA, "t is missing: the rate changes with the time" },
    { "rate", ROOT_OF_T, "the root was taken of t alone: it goes over 1 + delta t" },
    { "rate", ROOT_OF_DELTA_T,
      "the root was taken of delta t alone: it goes over all of 1 + delta t" },
    { "rate", T_OUTSIDE, "t multiplies the rate: it stands under the root, 1 + delta t" },
    { "rate", MULTIPLIED, "multiplied by the root: divide, the rate falls" },
    { "rate", EXPONENTIAL, "that is exponential decay: F5.3 divides by sqrt(1 + delta t)" },
    { "rate", SQUARED, "t was squared: delta t, under the root" },
    { "rate", CONSTANT, "the rate does not change: divide eta by sqrt(1 + delta t)" },
    { "w", RIGHT, "F5.4:  w = w - eta_t (w + g_t)" },
    { "w", UNCHANGED, "w is as it was: it has to be stored, w[i] -= ..." },
    { "w", ADDED, "the gradient was added: that climbs" },
    { "w", OVERWRITTEN, "w was overwritten with the step: subtract it (-=)" },
    { "w", NO_RATE, "the rate is missing: eta_t multiplies the gradient" },
    { "w", ONLY_G, "the gradient is w + g: w is missing in it" },
    { "w", NO_G, "the gradient is w + g: g is missing in it" },
    { "w", FIRST_ROW, "each step took the first row of g: step t has row t, g[t * n + i]" },
    { "w", ONE_STEP, "only one step was made: there are `steps` of them" },
    { "w", CONSTANT, "all steps had the rate of t = 0: ask adaptive_rate in each step" },
    { "w", FROM_1, "the first step had the rate of t = 1: count from 0" },
    { "w", TIME_PER_NUMBER, "t went on from number to number: it counts steps" },
    { "w", COMPOUNDED,
      "each rate was made from the one before: F5.3 starts from eta every time, and "
      "gives eta_t itself" },
    { "w", TRANSPOSED, "g was read down its columns: row t is g[t * n + i]" },
    { 0 },
};

static void check_rate(void)
{
    static const int times[STEPS] = { 0, 1, 2, 3, 10, 100, 12345 };
    problem q = { .t = times, .times = STEPS };
    double *rates = kit_output("rate", 1, STEPS);
    q.eta = kit_uniform(0.1, 1), q.delta = kit_uniform(1.1, 1.9);
    for (int i = 0; i < STEPS; i++) rates[i] = adaptive_rate(q.eta, q.delta, times[i]);
    kit_rung("rate", rates, 1, STEPS, rate_formula, &q, KIT_TOLERANCE);
}

static void check_laws(void)
{
    double eta = kit_uniform(0.1, 1), delta = kit_uniform(0.1, 0.9);
    double first = adaptive_rate(eta, delta, 0), still = adaptive_rate(eta, 0, 1000);
    kit_same("t = 0", &first, &eta, 1, 1e-12, "the first step must have the rate eta");
    kit_same("delta = 0", &still, &eta, 1, 1e-12, "without delta the rate must stay eta");
    double late = adaptive_rate(eta, delta, 40000000),
           later = 2 * adaptive_rate(eta, delta, 160000000);
    kit_same("4 t", &later, &late, 1, 1e-6, "far out, four times the time must halve the rate");
}

static void check_descend(void)
{
    problem q = { .n = kit_size("n", N), .steps = kit_size("steps", STEPS) };
    double *w = kit_input("w", 1, q.n), *start = kit_input("the first w", 1, q.n);
    q.eta = kit_uniform(0.2, 0.6), q.delta = kit_uniform(0.2, 0.9);
    q.g = kit_input("g", q.steps, q.n), q.start = start;
    memcpy(start, w, (size_t)q.n * sizeof *w);
    descend(w, q.g, q.n, q.steps, q.eta, q.delta);
    kit_rung("w", w, 1, q.n, w_formula, &q, KIT_TOLERANCE);
}

/* The mean of w² at the end of the race, from w = 1, by the reference. */
static double race(const double *noise, double delta)
{
    double end = 0;
    for (int i = 0; i < WIDE; i++) {
        double w = 1;
        for (int t = 0; t < RACE; t++)
            w = next(w, noise[t * WIDE + i], rate(0.5, delta, t, RIGHT), RIGHT);
        end += w * w / WIDE;
    }
    return end;
}

static double *new_noise(void)
{
    double *noise = kit_input("noise", RACE, WIDE);
    for (int i = 0; i < RACE * WIDE; i++) noise[i] = kit_normal();
    return noise;
}

/* Any delta that ends within a fifth of the noise of a constant rate is a good one. */
static void check_race(void)
{
    double *noise = new_noise(), delta = my_delta();
    kit_true("delta", isfinite(delta) && delta >= 0, "delta must be a number, and not negative");
    double constant = race(noise, 0), yours = race(noise, delta);
    kit_true("race(decays)", delta > 0,
             "delta = 0 is no decay at all: w keeps jumping in the noise, "
             "w² ends at %.3f on average",
             constant);
    kit_true(
        "race(arrives)", !(yours > constant && delta > 1),
        "delta = %g is too much: the steps got small before w came down from 1; w² ends at %.3f",
        delta, yours);
    kit_true("race(quiet)", yours < constant / 5,
             "w² ends at %.4f, with a constant rate at %.4f: good ones end below a fifth of that. "
             "delta = %g is too %s",
             yours, constant, delta, delta < 1 ? "small" : "large");
}

const kit_check kit_checks[] = {
    { "rate", 2, 1, check_rate },
    { "laws", 1, 1, check_laws },
    { "descend", 3, 2, check_descend },
    { "race", 2, 3, check_race },
    { 0 },
};

/* The race again, by the learner's functions. */
void kit_reward(void)
{
    double *noise = new_noise(), *w = kit_output("w", 1, WIDE);
    const double deltas[] = { 0, 0.01, my_delta(), 100, 10000 };
    printf("From w = 1 with noisy gradients, 2000 steps; the mean of w² at the end:\n");
    printf("       delta      yours   reference\n");
    for (int k = 0; k < 5; k++) {
        double end = 0;
        for (int i = 0; i < WIDE; i++) w[i] = 1;
        descend(w, noise, WIDE, RACE, 0.5, deltas[k]);
        for (int i = 0; i < WIDE; i++) end += w[i] * w[i] / WIDE;
        printf("  %10g   %.6f    %.6f%s\n", deltas[k], end, race(noise, deltas[k]),
               k == 2 ? "   (your choice)" : "");
    }
}
