/* Grader of 27_early_stopping. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 16, WEIGHTS = 7 };

/* A scripted training: the losses of its epochs, to the one after the stop. */
typedef struct script {
    double loss[MOST];
    int epochs, patience;
    double min_delta;
    const double *history; /* (epochs + 1, WEIGHTS): after the last come those of one more step */
    int best_epoch; /* for the weights */
} script;

enum {
    RIGHT,
    PREVIOUS,
    DELTA_ADDED,
    DELTA_IGNORED,
    OR_EQUAL,
    NOT_RESET,
    RESET_TO_1,
    CREEPS,
    LARGER,
    ABSOLUTE,
    RELATIVE,
    NAN_IS_BEST,
    NAN_SKIPPED,
    STOP_LATE,
    STOP_EARLY,
    STOP_AT_ONCE,
    NEVER,
    STOP_TURNED,
    TOTAL_EPOCHS,
    FROM_1,
    NOW,
    WAITED_FOR_EPOCH,
    STUCK,
    /* restored weights */
    LAST,
    FIRST,
    NEXT,
    UNCHANGED,
    FIRST_WEIGHT,
    FIRST_KEPT,
    BYTES_KEPT,
    NOT_KEPT
};

typedef struct trace {
    double waited[MOST], stop[MOST], best_epoch[MOST], best_loss[MOST];
} trace;

static int improved(const script *s, double loss, double best, double before, int mistake)
{
    if (isnan(loss)) return mistake == NAN_IS_BEST;
    if (mistake == NAN_IS_BEST) return !(loss >= best - s->min_delta);
    if (mistake == PREVIOUS) return !(loss >= before - s->min_delta);
    if (mistake == DELTA_ADDED) return loss < best + s->min_delta;
    if (mistake == DELTA_IGNORED) return loss < best;
    if (mistake == OR_EQUAL) return loss <= best - s->min_delta;
    if (mistake == ABSOLUTE) return fabs(loss - best) > s->min_delta;
    if (mistake == RELATIVE) return loss < best * (1 - s->min_delta);
    if (mistake == LARGER) return loss > best + s->min_delta;
    return loss < best - s->min_delta;
}

static double stops(const script *s, int waited, int epoch, int mistake)
{
    if (mistake == STOP_LATE) return waited > s->patience;
    if (mistake == STOP_EARLY) return waited >= s->patience - 1;
    if (mistake == STOP_AT_ONCE) return waited > 0;
    if (mistake == NEVER) return 0;
    if (mistake == STOP_TURNED) return waited < s->patience;
    if (mistake == TOTAL_EPOCHS) return epoch + 1 >= s->patience;
    return waited >= s->patience;
}

/* The whole training, in the ways that go wrong. */
static trace run(const script *s, int mistake)
{
    trace t;
    double best = mistake == LARGER ? -HUGE_VAL : HUGE_VAL;
    double before = HUGE_VAL;
    int waited = 0, best_epoch = -1;
    for (int k = 0; k < s->epochs; k++) {
        double loss = s->loss[k];
        if (improved(s, loss, best, before, mistake)) {
            best = loss, best_epoch = k;
            if (mistake != NOT_RESET) waited = mistake == RESET_TO_1;
        } else if (mistake != NAN_SKIPPED || !isnan(loss)) waited++;
        if (mistake == CREEPS && loss < best) best = loss;
        before = loss;
        t.waited[k] = waited, t.stop[k] = stops(s, waited, k, mistake);
        t.best_epoch[k] = best_epoch, t.best_loss[k] = best;
        if (k == s->epochs - 1 && k > 0 && t.stop[k - 1] != 0) t.stop[k] = 1; /* it has ended */
        if (mistake == FROM_1) t.best_epoch[k] = best_epoch + 1;
        if (mistake == NOW) t.best_epoch[k] = k;
        if (mistake == STUCK) t.best_epoch[k] = 0;
        if (mistake == WAITED_FOR_EPOCH) t.best_epoch[k] = waited;
    }
    return t;
}

static void waited_formula(const void *problem, int mistake, double *out)
{
    const script *s = problem;
    trace t = run(s, mistake);
    memcpy(out, t.waited, (size_t)s->epochs * sizeof *out);
}

static void stop_formula(const void *problem, int mistake, double *out)
{
    const script *s = problem;
    trace t = run(s, mistake);
    memcpy(out, t.stop, (size_t)s->epochs * sizeof *out);
}

static void best_epoch_formula(const void *problem, int mistake, double *out)
{
    const script *s = problem;
    trace t = run(s, mistake);
    memcpy(out, t.best_epoch, (size_t)s->epochs * sizeof *out);
}

static void best_loss_formula(const void *problem, int mistake, double *out)
{
    const script *s = problem;
    trace t = run(s, mistake);
    memcpy(out, t.best_loss, (size_t)s->epochs * sizeof *out);
}

static void weights_formula(const void *problem, int mistake, double *w)
{
    const script *s = problem;
    int epoch = s->best_epoch;
    if (mistake == LAST) epoch = s->epochs - 1;
    if (mistake == FIRST) epoch = 0;
    if (mistake == NEXT) epoch++;
    if (mistake == UNCHANGED) epoch = s->epochs;
    for (int i = 0; i < WEIGHTS; i++) {
        int from = mistake == FIRST_WEIGHT && i > 0 ? s->epochs : epoch;
        int lost = mistake == NOT_KEPT || mistake == BYTES_KEPT || (mistake == FIRST_KEPT && i > 0);
        w[i] = lost ? KIT_UNWRITTEN : s->history[from * WEIGHTS + i];
    }
    if (mistake == BYTES_KEPT) memcpy(w, s->history + epoch * WEIGHTS, WEIGHTS);
}

#define TOO_FEW                                                                                    \
    "early_step did not keep all n weights: memcpy counts bytes, n * sizeof(double), and "         \
    "sizeof of a pointer is that of one number"

const kit_mistake kit_mistakes[] = {
    { "waited", RIGHT, "waited = 0 where loss < best_loss - min_delta, else one more than before" },
    { "waited", PREVIOUS,
      "compared with the epoch before: an improvement is better than the best so far" },
    { "waited(min_delta)", DELTA_ADDED, "min_delta was added: loss < best_loss - min_delta" },
    { "waited(min_delta)", DELTA_IGNORED,
      "min_delta is left out: a gain of less than that is no improvement" },
    { "waited", OR_EQUAL, "an equal loss was taken for an improvement: < and not <=" },
    { "waited", NOT_RESET,
      "waited is not set back: it counts the epochs in a row, and an improvement ends the row" },
    { "waited", RESET_TO_1, "an improvement sets waited to 0, and does not count as waiting" },
    { "waited(min_delta)", CREEPS,
      "best_loss moved although it was no improvement: then a slow creep never adds up" },
    { "waited", ABSOLUTE,
      "a loss that is far from the best was taken for an improvement, even if it is above it" },
    { "waited(min_delta)", RELATIVE,
      "min_delta was taken for a fraction of best_loss: the bound is best_loss - min_delta" },
    { "waited", LARGER, "a larger loss was taken for better" },
    { "waited(nan)", NAN_IS_BEST,
      "NaN was taken for an improvement: every comparison with NaN is false, so !(loss >= ...) "
      "is true" },
    { "waited(nan)", NAN_SKIPPED, "an epoch with NaN was not counted: it is one more of waiting" },
    { "stop", RIGHT, "stop as soon as waited >= patience" },
    { "stop", STOP_LATE, "stopped one epoch late: waited >= patience, not >" },
    { "stop", STOP_EARLY, "stopped one epoch early: waited >= patience" },
    { "stop", STOP_AT_ONCE, "stopped at the first epoch without improvement: patience waits" },
    { "stop", NEVER, "it never says stop: return 1 once waited >= patience" },
    { "stop", STOP_TURNED, "1 means stop, 0 go on: here it is the other way round" },
    { "stop", TOTAL_EPOCHS, "patience counts epochs without improvement, not all epochs" },
    { "best_epoch", RIGHT, "best_epoch = the epoch of the last improvement, from 0" },
    { "best_epoch", FROM_1, "epochs count from 0: set best_epoch before epoch grows" },
    { "best_epoch", STUCK, "always 0: does epoch grow by 1 with each call?" },
    { "best_epoch", NOW, "best_epoch moves at every epoch: on an improvement alone" },
    { "best_epoch", WAITED_FOR_EPOCH, "that is waited: best_epoch is an epoch's number" },
    { "best_loss", RIGHT, "best_loss = the loss of the last improvement" },
    { "weights", RIGHT, "the weights that early_step was given at best_epoch" },
    { "weights", NOT_KEPT,
      "nothing was ever written to best_weights: early_step copies all n at an improvement" },
    { "weights", FIRST_KEPT, TOO_FEW },
    { "weights", BYTES_KEPT, TOO_FEW },
    { "weights", UNCHANGED, "the weights are still those of the end: copy best_weights to them" },
    { "weights", LAST,
      "these are the weights of the last epoch: early_step keeps them on an improvement alone" },
    { "weights", FIRST,
      "these are the weights of the first epoch: each improvement has to replace them" },
    { "weights", FIRST_WEIGHT, "only the first weight came back: copy all n" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

static void start(early_stopping *e, const script *s, double *room)
{
    early_stopping right = { s->patience, s->min_delta, WEIGHTS, room, HUGE_VAL, -1, 0, 0 };
    *e = right;
}

/* Scales a script, so that no number of it can be known. */
static script scaled(const double *loss, int epochs, double min_delta)
{
    script s = { { 0 }, epochs, 3, min_delta, NULL, 0 };
    double by = kit_uniform(0.5, 2) * (kit_between(0, 1) ? 1 : 1000);
    for (int k = 0; k < epochs; k++) s.loss[k] = loss[k] * by;
    s.min_delta *= by;
    s.history = kit_input("weights of all epochs", epochs + 1, WEIGHTS);
    return s;
}

/* Runs the learner's steps as training would: the weights change in one array. */
static void train(const script *s, early_stopping *e, double *weights, trace *t)
{
    for (int k = 0; k < s->epochs; k++) {
        memcpy(weights, s->history + k * WEIGHTS, WEIGHTS * sizeof *weights);
        t->stop[k] = early_step(e, s->loss[k], weights) != 0;
        if (k == s->epochs - 1 && t->stop[k - 1] != 0) t->stop[k] = 1;
        t->waited[k] = e->waited, t->best_epoch[k] = e->best_epoch, t->best_loss[k] = e->best_loss;
    }
    memcpy(weights, s->history + s->epochs * WEIGHTS, WEIGHTS * sizeof *weights);
}

static const double ups[] = { 9, 7, 7.5, 8, 6, 6, 6.5, 5, 5.5, 5.2, 5.1, 5.3 };
enum { UPS = sizeof ups / sizeof *ups };

static void check_start(void)
{
    double *room = kit_output("best_weights", 1, WEIGHTS);
    early_stopping e = { 4, 0.25, WEIGHTS, room, 17, 18, 19, 20 };
    early_start(&e);
    kit_true("best_loss", e.best_loss > 1e300,
             "best_loss starts at %g: a first loss above that would be no improvement. INFINITY "
             "(math.h) is above all",
             e.best_loss);
    kit_true("others", e.best_epoch == -1 && e.waited == 0 && e.epoch == 0,
             "best_epoch, waited, epoch are %d, %d, %d: they start at -1, 0, 0", e.best_epoch,
             e.waited, e.epoch);
    kit_true("settings",
             e.patience == 4 && e.min_delta == 0.25 && e.n == WEIGHTS && e.best_weights == room,
             "patience, min_delta, n and best_weights are the caller's: leave them as they are");
}

static void check_patience(void)
{
    script s = scaled(ups, UPS, 0);
    trace t;
    early_stopping e;
    start(&e, &s, kit_output("best_weights", 1, WEIGHTS));
    train(&s, &e, kit_output("weights", 1, WEIGHTS), &t);
    kit_rung("waited", t.waited, 1, s.epochs, waited_formula, &s, KIT_TOLERANCE);
    kit_rung("stop", t.stop, 1, s.epochs, stop_formula, &s, KIT_TOLERANCE);
    kit_rung("best_epoch", t.best_epoch, 1, s.epochs, best_epoch_formula, &s, KIT_TOLERANCE);
    kit_rung("best_loss", t.best_loss, 1, s.epochs, best_loss_formula, &s, KIT_TOLERANCE);
}

static void try_waited(const char *name, const double *loss, int epochs, double min_delta)
{
    script s = scaled(loss, epochs, min_delta);
    trace t;
    early_stopping e;
    start(&e, &s, kit_output("best_weights", 1, WEIGHTS));
    train(&s, &e, kit_output("weights", 1, WEIGHTS), &t);
    kit_rung(name, t.waited, 1, s.epochs, waited_formula, &s, KIT_TOLERANCE);
}

static void check_min_delta(void)
{
    static const double slow[] = { 9, 8.7, 9.1, 8.4, 8.2, 10, 7, 6.9, 6.8, 6.7 };
    try_waited("waited(min_delta)", slow, sizeof slow / sizeof *slow, 0.5);
}

static void check_nan(void)
{
    const double nan = (double)NAN, loss[] = { nan, 5, nan, 4, nan, 6, 4.5 };
    try_waited("waited(nan)", loss, sizeof loss / sizeof *loss, 0);
}

static void check_restore(void)
{
    static const double valley[] = { 9, 8, 7, 5, 6, 6.5, 7.5 };
    script s = scaled(valley, 7, 0);
    trace t;
    early_stopping e;
    double *weights = kit_output("weights", 1, WEIGHTS);
    double *room = kit_output("best_weights", 1, WEIGHTS);
    start(&e, &s, room);
    train(&s, &e, weights, &t);
    kit_true("copied", e.best_weights == room,
             "best_weights was made to point at the weights themselves: training goes on in that "
             "array, so the best ones are lost. Copy the n numbers");
    s.best_epoch = 3;
    early_restore(&e, weights);
    kit_rung("weights", weights, 1, WEIGHTS, weights_formula, &s, KIT_TOLERANCE);
    start(&e, &s, room);
    double *kept = kit_input("kept", 1, WEIGHTS);
    memcpy(weights, kept, WEIGHTS * sizeof *weights);
    early_restore(&e, weights);
    kit_same("never", weights, kept, WEIGHTS, 1e-12,
             "there never was an improvement (best_epoch is -1), so the weights stay as they are");
}

const kit_check kit_checks[] = {
    { "start", 1, 1, check_start },         { "patience", 3, 2, check_patience },
    { "min_delta", 2, 2, check_min_delta }, { "nan", 1, 2, check_nan },
    { "restore", 2, 3, check_restore },     { 0 },
};

/* ---- reward: a polynomial that learns its 12 points by heart --------------------------------- */

enum { POINTS = 12, POWERS = 10 };

static double polynomial(const double *w, double x)
{
    double y = 0;
    for (int i = POWERS - 1; i >= 0; i--) y = y * x + w[i];
    return y;
}

static double mean_error(const double *w, const double *x, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (polynomial(w, x[i]) - y[i]) * (polynomial(w, x[i]) - y[i]);
    return sum / n;
}

void kit_reward(void)
{
    double x[2][POINTS], y[2][POINTS], w[POWERS] = { 0 }, room[POWERS];
    early_stopping e = { 40, 1e-5, POWERS, room, 0, 0, 0, 0 };
    int stopped = -1, epoch;
    double end = 0;
    for (int k = 0; k < 2 * POINTS; k++) {
        double at = kit_uniform(-1, 1);
        x[k / POINTS][k % POINTS] = at;
        y[k / POINTS][k % POINTS] = sin(3 * at) + 0.5 * kit_normal();
    }
    early_start(&e);
    printf("A polynomial and 12 noisy points; 12 others watch:\n  epoch   training   validation\n");
    for (epoch = 0; epoch < 8000; epoch++) {
        double g[POWERS] = { 0 };
        for (int s = 0; s < 50 * POINTS; s++) {
            double d = polynomial(w, x[0][s % POINTS]) - y[0][s % POINTS], power = 1;
            for (int i = 0; i < POWERS; i++, power *= x[0][s % POINTS]) g[i] = d * power;
            for (int i = 0; i < POWERS; i++) w[i] -= 0.02 * g[i];
        }
        end = mean_error(w, x[1], y[1], POINTS);
        int show = epoch == 0 || epoch == 20 || epoch == 100 || epoch == 500 || epoch == 7999;
        if (show) printf("  %5d   %.4f     %.4f\n", epoch, mean_error(w, x[0], y[0], POINTS), end);
        if (stopped < 0 && early_step(&e, end, w)) stopped = epoch;
    }
    early_restore(&e, w);
    printf("yours stops at epoch %d and goes back to %d: validation %.4f, and not %.4f\n", stopped,
           e.best_epoch, mean_error(w, x[1], y[1], POINTS), end);
}
