/* Grader of 24_reduce_on_plateau. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 32 };

typedef struct script {
    plateau settings;
    double lr, loss[MOST];
    int n;
} script;

enum {
    RIGHT,
    BEST_FROM_0,
    BEST_FROM_A_NUMBER,
    ONE_LATER,
    ONE_EARLIER,
    WAIT_GOES_ON,
    WAIT_NOT_RESET,
    PREVIOUS,
    RISING,
    SUBTRACTED,
    FROM_START,
    REPORTS_OLD,
    BEST_NOT_KEPT,
    NO_DELTA,
    DELTA_ADDED,
    BEST_FOLLOWS,
    RELATIVE,
    EQUAL_IMPROVES,
    NO_COOLDOWN,
    COOLDOWN_LONGER,
    COOLDOWN_FOR_EVER,
    DEAF_IN_COOLDOWN,
    COOLDOWN_LEFT_OUT,
    COOLED_WITHOUT_GAIN,
    NO_MINIMUM,
    STOPS_ABOVE,
    MINIMUM_AT_ONCE,
    RISES_TO_MINIMUM,
    NAN_IMPROVES,
    NAN_SKIPPED,
    NAN_DROPS,
    INFINITY_SKIPPED
};

/* Is this loss better than the best so far? */
static int improves(const plateau *p, int mistake, double loss)
{
    double best = p->best, delta = p->min_delta;
    if (mistake == NO_DELTA) delta = 0;
    if (mistake == DELTA_ADDED) delta = -delta;
    if (mistake == RELATIVE) return loss < best * (1 - delta);
    if (mistake == RISING) return loss > best + delta;
    if (mistake == EQUAL_IMPROVES) return loss <= best - delta;
    if (mistake == NAN_IMPROVES) return !(loss >= best - delta);
    return loss < best - delta;
}

/* wait has reached patience. */
static void drop(plateau *p, int mistake, double start)
{
    double lower = p->lr * p->factor;
    if (mistake == SUBTRACTED) lower = p->lr - p->factor;
    if (mistake == FROM_START) lower = start * p->factor;
    if (mistake == MINIMUM_AT_ONCE) lower = p->min_lr;
    if (p->lr <= p->min_lr && mistake != NO_MINIMUM && mistake != RISES_TO_MINIMUM) return;
    if (mistake == STOPS_ABOVE && lower < p->min_lr) return;
    p->lr = mistake == NO_MINIMUM ? lower : fmax(lower, p->min_lr);
    p->cooling = p->cooldown;
    if (mistake == NO_COOLDOWN) p->cooling = 0;
    if (mistake != WAIT_GOES_ON) p->wait = 0;
}

static double epoch(plateau *p, int mistake, double loss, double start)
{
    int cooled = p->cooling > 0;
    double before = p->lr;
    int gained = improves(p, mistake, loss);
    if (mistake == COOLED_WITHOUT_GAIN) cooled &= !gained;
    if (cooled && mistake != COOLDOWN_FOR_EVER) p->cooling--, p->wait = 0;
    if (cooled && mistake == COOLDOWN_LEFT_OUT) return p->lr;
    if (mistake == NAN_SKIPPED && isnan(loss)) return p->lr;
    if (mistake == INFINITY_SKIPPED && isinf(loss)) return p->lr;
    if (mistake == NAN_DROPS && isnan(loss)) p->wait = p->patience;
    if (mistake == DEAF_IN_COOLDOWN && p->cooling > 0) return p->lr;
    if (gained) {
        if (mistake != BEST_NOT_KEPT) p->best = loss;
        if (mistake != WAIT_NOT_RESET) p->wait = 0;
    } else if (p->cooling == 0 &&
               !(cooled && (mistake == COOLDOWN_LONGER || mistake == COOLED_WITHOUT_GAIN))) {
        int enough = p->patience + (mistake == ONE_LATER) - (mistake == ONE_EARLIER);
        if (++p->wait >= enough) drop(p, mistake, start);
    }
    if (mistake == BEST_FOLLOWS && loss < p->best) p->best = loss;
    if (mistake == PREVIOUS) p->best = loss;
    return mistake == REPORTS_OLD ? before : p->lr;
}

static void rate_formula(const void *problem, int mistake, double *rate)
{
    const script *s = problem;
    plateau p = s->settings;
    p.lr = s->lr, p.best = INFINITY, p.wait = p.cooling = 0;
    if (mistake == BEST_FROM_0) p.best = 0;
    if (mistake == BEST_FROM_A_NUMBER) p.best = 1e6;
    if (mistake == RISING) p.best = -INFINITY;
    for (int i = 0; i < s->n; i++) rate[i] = epoch(&p, mistake, s->loss[i], s->lr);
}

const kit_mistake kit_mistakes[] = {
    { "rate", RIGHT,
      "F5.6:  no loss < best - min_delta for `patience` epochs: lr = max(factor lr, min_lr)" },
    { "rate(patience)", BEST_FROM_0,
      "best starts at 0, and no loss is below: start it at infinity" },
    { "rate(large)", BEST_FROM_A_NUMBER,
      "best starts at a number, and these losses lie above it: start it at infinity" },
    { "rate(patience)", ONE_LATER,
      "each drop comes one epoch late: that is PyTorch's rule, wait > patience; here it is >=" },
    { "rate(patience)", ONE_EARLIER, "each drop comes one epoch early: wait must reach patience" },
    { "rate(patience)", WAIT_GOES_ON, "after a drop, wait goes on: it starts again from 0" },
    { "rate(patience)", WAIT_NOT_RESET, "an improvement has to set wait back to 0" },
    { "rate(patience)", PREVIOUS,
      "the loss was compared with the one before it: compare with the best so far" },
    { "rate(patience)", RISING, "a larger loss was taken for the better one" },
    { "rate(patience)", SUBTRACTED,
      "factor was subtracted from the rate: the rate is multiplied with it" },
    { "rate(patience)", FROM_START,
      "each drop starts from the first rate: multiply the present one" },
    { "rate(patience)", REPORTS_OLD,
      "the rate from before the drop was returned: return the new one" },
    { "rate(patience)", BEST_NOT_KEPT, "best was not set to the better loss" },
    { "rate(min_delta)", NO_DELTA, "min_delta is left out: less than that is no improvement" },
    { "rate(min_delta)", DELTA_ADDED,
      "min_delta was added: the loss has to be below best - min_delta" },
    { "rate(min_delta)", BEST_FOLLOWS,
      "best follows improvements smaller than min_delta: then a slow fall never counts" },
    { "rate(min_delta 0)", EQUAL_IMPROVES,
      "an equal loss was taken for an improvement: < and not <=" },
    { "rate(min_delta)", RELATIVE,
      "min_delta was taken as a share of best: that is PyTorch's default; here it is "
      "an amount, best - min_delta" },
    { "rate(cooldown)", NO_COOLDOWN,
      "there is no cooldown: set cooling = cooldown with each drop" },
    { "rate(cooldown)", COOLDOWN_LONGER,
      "the cooldown is one epoch too long: the epoch in which cooling comes to 0 counts already" },
    { "rate(cooldown)", COOLDOWN_FOR_EVER,
      "the cooldown never ends: cooling shrinks in each epoch" },
    { "rate(cooldown)", COOLDOWN_LEFT_OUT,
      "nothing was looked at in the cooldown: best goes on in it, and the epoch in which cooling "
      "comes to 0 counts already" },
    { "rate(cooldown)", COOLED_WITHOUT_GAIN,
      "cooling went down only in epochs without an improvement: step 1 is first, in each epoch" },
    { "rate(cooldown)", DEAF_IN_COOLDOWN,
      "an improvement in the cooldown was missed: only wait pauses, best goes on" },
    { "rate(minimum)", NO_MINIMUM, "the rate fell below min_lr" },
    { "rate(minimum)", STOPS_ABOVE,
      "the last drop is missing: where factor lr is below min_lr, the rate becomes min_lr" },
    { "rate(below min_lr)", RISES_TO_MINIMUM,
      "a rate below min_lr rose to it: only lr > min_lr drops" },
    { "rate(patience)", MINIMUM_AT_ONCE,
      "the rate fell to min_lr at once: multiply it with factor" },
    { "rate(nan)", NAN_IMPROVES,
      "NaN was taken for an improvement: every comparison with NaN is false, so ask "
      "loss < best - min_delta" },
    { "rate(nan)", NAN_SKIPPED, "an epoch with NaN was left out: it is one without improvement" },
    { "rate(nan)", NAN_DROPS, "NaN dropped the rate at once: it is one epoch without improvement" },
    { "rate(nan)", INFINITY_SKIPPED,
      "an epoch with an infinite loss was left out: it is one without improvement" },
    { 0 },
};

static script new_script(int patience, int cooldown)
{
    script s = { 0 };
    s.lr = kit_uniform(1, 1.5); /* above factor: subtracted, that does not reach 0 */
    s.settings.factor = kit_uniform(0.3, 0.7);
    s.settings.min_delta = 0.05;
    s.settings.patience = kit_size("patience", patience);
    s.settings.cooldown = cooldown;
    return s;
}

static void add(script *s, double loss)
{
    s->loss[s->n++] = loss;
}

/* `n` losses above `best`, each below the one before. */
static void add_worse(script *s, double best, int n)
{
    for (int i = 0; i < n; i++) add(s, best + 0.9 - 0.08 * i);
}

static void play(const char *name, const script *s)
{
    plateau p = s->settings;
    double *rate = kit_output("rate", 1, s->n);
    plateau_start(&p, s->lr);
    for (int i = 0; i < s->n; i++) rate[i] = plateau_epoch(&p, s->loss[i]);
    kit_rung(name, rate, 1, s->n, rate_formula, s, KIT_TOLERANCE);
}

static void check_patience(void)
{
    int patience = kit_between(3, 4);
    script s = new_script(patience, 0);
    double top = kit_uniform(3, 4);
    add(&s, top), add(&s, top - 0.2);
    add_worse(&s, top - 0.2, patience - 1); /* saved in the last moment, twice */
    add(&s, top - 0.5);
    add_worse(&s, top - 0.5, patience - 1);
    add(&s, top - 0.9);
    add_worse(&s, top - 0.9, 2 * patience + 1); /* two drops */
    add(&s, top - 1.2);
    for (int i = 0; i <= patience; i++) add(&s, top - 1);
    play("rate(patience)", &s);
    s.n = 0;
    for (int i = 0; i < 8; i++) add(&s, 1e200 * (10 - i)); /* falls all the time */
    play("rate(large)", &s);
}

/* Falls by less than min_delta, which adds up to enough; then by more; then by too little. */
static void check_min_delta(void)
{
    script s = new_script(2, 0);
    double loss = kit_uniform(10, 12);
    for (int i = 0; i < 9; i++) add(&s, loss - 0.6 * s.settings.min_delta * i);
    for (int i = 0; i < 7; i++) add(&s, loss - (9 + 0.2 * (i < 5 ? i : 4)) * s.settings.min_delta);
    play("rate(min_delta)", &s);
    s.settings.min_delta = 0, s.n = 0;
    for (int i = 0; i < 8; i++) add(&s, loss); /* two drops */
    play("rate(min_delta 0)", &s);
}

static void check_cooldown(void)
{
    script s = new_script(2, kit_size("cooldown", 3));
    double top = kit_uniform(2, 3);
    for (int i = 0; i < 3; i++) add(&s, top); /* a drop */
    add(&s, top - 0.5), add(&s, top - 0.8); /* new bests in the cooldown */
    for (int i = 0; i < 11; i++) add(&s, top - 0.2);
    play("rate(cooldown)", &s);
}

static void check_minimum(void)
{
    script s = new_script(2, 0);
    double f = s.settings.factor, loss = kit_uniform(1, 2);
    s.settings.min_lr =
        s.lr * f * f * (f + 0.5 * (1 - f)); /* between the second and the third drop */
    for (int i = 0; i < 14; i++) add(&s, loss);
    play("rate(minimum)", &s);
    s.settings.min_lr = 1.5 * s.lr;
    play("rate(below min_lr)", &s);
}

static void check_nan(void)
{
    script s = new_script(3, 0);
    double a = kit_uniform(2, 3), bad = NAN;
    add(&s, bad), add(&s, a), add(&s, bad), add(&s, bad), add(&s, a - 0.5); /* saved */
    add(&s, a), add(&s, bad), add(&s, bad); /* a drop */
    add(&s, INFINITY), add(&s, bad), add(&s, INFINITY); /* another */
    add(&s, a), add(&s, a - 1), add(&s, a), add(&s, a), add(&s, a);
    play("rate(nan)", &s);
}

#define LEFT                                                                                       \
    "after a second plateau_start something of the first run is left: it sets lr, best, wait and " \
    "cooling"

/* Two schedules side by side; the first one started again. */
static void check_apart(void)
{
    script s = new_script(2, 0);
    plateau a = s.settings, b = s.settings, c = s.settings;
    double *rate = kit_output("rate", 1, 6), alone[6];
    for (int i = 0; i < 6; i++) add(&s, 2 + 0.1 * i);
    rate_formula(&s, RIGHT, alone);
    plateau_start(&a, s.lr), plateau_start(&b, 3);
    for (int i = 0; i < 6; i++) rate[i] = plateau_epoch(&a, s.loss[i]), plateau_epoch(&b, 9 - i);
    kit_same("two at once", rate, alone, 6, 1e-10,
             "a second schedule changed the first: keep all state in the struct");
    plateau_start(&a, s.lr);
    for (int i = 0; i < 6; i++) rate[i] = plateau_epoch(&a, s.loss[i] + 1);
    kit_same("started again", rate, alone, 6, 1e-10, LEFT);
    a.wait = a.cooling = 5; /* as another run might leave it */
    s.loss[0] = NAN, s.loss[1] += 2;
    plateau_start(&a, s.lr), plateau_start(&c, s.lr);
    for (int i = 0; i < 6; i++) rate[i] = plateau_epoch(&a, s.loss[i]);
    for (int i = 0; i < 6; i++) alone[i] = plateau_epoch(&c, s.loss[i]);
    kit_same("wait and cooling", rate, alone, 6, 1e-10, LEFT);
}

const kit_check kit_checks[] = {
    { "patience", 3, 2, check_patience },
    { "min_delta", 2, 2, check_min_delta },
    { "cooldown", 2, 2, check_cooldown },
    { "minimum", 1, 2, check_minimum },
    { "nan", 2, 2, check_nan },
    { "apart", 1, 2, check_apart },
    { 0 },
};

/* Descends on w²/2 with a noisy gradient: the rate falls when only the noise is left. */
static double descend(int who, uint64_t seed, double *last_rate)
{
    plateau p = { .factor = 0.5, .min_delta = 1e-3, .min_lr = 1e-4, .patience = 3, .cooldown = 2 };
    double w = 5, lr = 0.9, loss = 0;
    if (who == 1) plateau_start(&p, lr);
    else p.lr = lr, p.best = INFINITY;
    for (int t = 0; t < 60; t++) {
        loss = 0;
        for (int i = 0; i < 20; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            w -= lr * (w + 2 * ((double)(seed >> 33) / 2147483648.0 - 0.5));
            loss += w * w / 40;
        }
        if (who == 1) lr = plateau_epoch(&p, loss);
        if (who == 2) lr = epoch(&p, RIGHT, loss, 0.9);
    }
    *last_rate = lr;
    return loss;
}

void kit_reward(void)
{
    static const char *const names[] = { "the same rate all the time", "your schedule",
                                         "the reference's" };
    uint64_t seed = (uint64_t)kit_between(1, 1000000);
    printf("Down to the bottom of w²/2 with noisy gradients, 60 epochs:\n");
    for (int who = 0; who < 3; who++) {
        double rate, loss = descend(who, seed, &rate);
        printf("  %-28s last rate %.6f, last loss %.6f\n", names[who], rate, loss);
    }
}
