/* Grader of 11_gd_1d. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

/* Three digits: 0.43 for 0.4295 is right. */
#define BY_HAND 5e-3

enum {
    RIGHT,
    /* FACTOR */
    SLOPE_W,
    UPHILL,
    TAKEN_OFF,
    /* AFTER_10, AFTER_3 */
    ONE_STEP_LESS,
    ONE_STEP_MORE,
    NO_START,
    STRAIGHT,
    SIGN_LOST,
    /* LANDS, DIVERGES */
    WHERE_IT_LANDS,
    WHERE_IT_DIVERGES,
    SLOPE_2,
    LOSS_FOR_SLOPE,
    /* STEEP */
    SAME_RATE,
    TIMES_3,
    TWICE_AS_STEEP,
    ROOT_OF_3,
    /* STEPS */
    ROUNDED_DOWN,
    GROWS_BY_ALPHA,
    /* path */
    SIGN,
    NO_RATE,
    NO_W,
    SLOPE_OF_START,
    ALWAYS_FROM_START,
    START_LEFT_OUT,
    ONLY_SLOPES,
    OLD_SLOPE
};

static void factor_formula(const void *answer, int mistake, double *factor)
{
    (void)answer;
    *factor = mistake == SLOPE_W ? 0.9 : mistake == UPHILL ? 1.2 : mistake == TAKEN_OFF ? 0.2 : 0.8;
}

static void after_10_formula(const void *problem, int mistake, double *w)
{
    const double *answer = problem, f = answer[FACTOR];
    *w = 4 * pow(f, 10);
    if (mistake == ONE_STEP_LESS) *w = 4 * pow(f, 9);
    if (mistake == ONE_STEP_MORE) *w = 4 * pow(f, 11);
    if (mistake == NO_START) *w = pow(f, 10);
    if (mistake == STRAIGHT) *w = 4 - 10 * 4 * (1 - f);
}

static void lands_formula(const void *answer, int mistake, double *alpha)
{
    (void)answer;
    *alpha = mistake == SLOPE_W ? 1 : 0.5;
    if (mistake == SLOPE_2) *alpha = 2;
    if (mistake == LOSS_FOR_SLOPE) *alpha = 0.25;
}

static void diverges_formula(const void *answer, int mistake, double *alpha)
{
    (void)answer;
    *alpha = mistake == SLOPE_W ? 2 : mistake == WHERE_IT_LANDS ? 0.5 : 1;
}

static void steep_formula(const void *problem, int mistake, double *alpha)
{
    const double *answer = problem, d = answer[DIVERGES];
    *alpha = d / 3;
    if (mistake == SAME_RATE) *alpha = d;
    if (mistake == TIMES_3) *alpha = d * 3;
    if (mistake == TWICE_AS_STEEP) *alpha = d / 6;
    if (mistake == ROOT_OF_3) *alpha = d / sqrt(3);
}

static void after_3_formula(const void *answer, int mistake, double *w)
{
    (void)answer;
    *w = -0.5;
    if (mistake == SIGN_LOST) *w = 0.5;
    if (mistake == SLOPE_W) *w = 4 * 0.25 * 0.25 * 0.25;
    if (mistake == ONE_STEP_LESS) *w = 1;
    if (mistake == ONE_STEP_MORE) *w = 0.25;
    if (mistake == NO_START) *w = -0.125;
}

static void steps_formula(const void *answer, int mistake, double *steps)
{
    (void)answer;
    double start = mistake == NO_START ? 1 : 4, grows = mistake == GROWS_BY_ALPHA ? 1.1 : 1.2;
    *steps = ceil(log(1000 / start) / log(grows));
    if (mistake == ROUNDED_DOWN) *steps -= 1;
    if (mistake == ONE_STEP_MORE) *steps += 1;
}

typedef struct walk {
    slope *dL;
    double w, alpha;
    int steps;
} walk;

static void path_formula(const void *problem, int mistake, double *path)
{
    const walk *t = problem;
    double w = t->w, old = 0;
    path[0] = w;
    for (int k = 1; k <= t->steps; k++) {
        double d = t->dL(mistake == SLOPE_OF_START ? t->w : w), here = w;
        if (mistake == SIGN) d = -d;
        w -= (mistake == NO_RATE ? 1 : t->alpha) * (mistake == OLD_SLOPE && k > 1 ? old : d);
        if (mistake == NO_W || mistake == ONLY_SLOPES) w = -t->alpha * d;
        if (mistake == ALWAYS_FROM_START) w = t->w - t->alpha * d;
        path[k] = w;
        if (mistake == ONLY_SLOPES) path[k - 1] = d, w = here - t->alpha * d, path[k] = t->dL(w);
        if (mistake == START_LEFT_OUT) path[k - 1] = w;
        old = d;
    }
    if (mistake == START_LEFT_OUT && t->steps) path[t->steps] = w - t->alpha * t->dL(w);
}

const kit_mistake kit_mistakes[] = {
    { "FACTOR", SLOPE_W, "1 - alpha would be for a slope of w: the slope of w² is 2 w" },
    { "FACTOR", UPHILL, "that climbs: alpha times the slope is subtracted" },
    { "FACTOR", TAKEN_OFF, "that is the part which a step takes off: which part of w is left?" },
    { "AFTER_10", ONE_STEP_LESS, "that is w after 9 steps" },
    { "AFTER_10", ONE_STEP_MORE, "that is w after 11 steps" },
    { "AFTER_10", NO_START, "the walk starts at w = 4, not at 1" },
    { "AFTER_10", STRAIGHT,
      "the first step was taken ten times: the slope shrinks with w, and so do the steps" },
    { "LANDS", SLOPE_W, "the slope of w² is 2 w, not w: with this alpha w comes to -4" },
    { "LANDS", SLOPE_2, "the slope of w² is 2 w, not 2: what is it at w = 4?" },
    { "LANDS", LOSS_FOR_SLOPE,
      "alpha times the loss, 16, was taken for the step: it is alpha times the slope" },
    { "DIVERGES", SLOPE_W,
      "the slope of w² is 2 w, not w: with this alpha w is three times as far" },
    { "DIVERGES", WHERE_IT_LANDS,
      "with this alpha the step lands at 0. A larger one jumps across, and may still come nearer" },
    { "STEEP", SAME_RATE,
      "the slope is now three times as large, and the alpha that it bears is not" },
    { "STEEP", TIMES_3, "a steeper bowl bears a smaller learning rate, not a larger one" },
    { "STEEP", TWICE_AS_STEEP,
      "divided by 6: the slope is 6 w, three times what it was before, not six times" },
    { "STEEP", ROOT_OF_3, "divided by the root of 3: the slope is 6 w, three times as large" },
    { "AFTER_3", SIGN_LOST, "on the wrong side of 0: each of these steps jumps across" },
    { "AFTER_3", SLOPE_W, "1 - alpha was taken as the factor: the slope of w² is 2 w" },
    { "AFTER_3", ONE_STEP_LESS, "that is w after 2 steps" },
    { "AFTER_3", ONE_STEP_MORE, "that is w after 4 steps" },
    { "AFTER_3", NO_START, "the walk starts at w = 4, not at 1" },
    { "STEPS", ROUNDED_DOWN, "one too few: after that many steps w is still below 1000 in size" },
    { "STEPS", ONE_STEP_MORE, "one too many: it is beyond 1000 one step before" },
    { "STEPS", NO_START, "counted from 1: the walk starts at w = 4" },
    { "STEPS", GROWS_BY_ALPHA,
      "w does not grow by alpha = 1.1: a step multiplies it by 1 - 2·1.1" },
    { "path", RIGHT, "F5.1:  path[t+1] = path[t] - alpha dL/dw at path[t],  path[0] = w" },
    { "path", SIGN, "it walks uphill: alpha times the slope is subtracted (F5.1)" },
    { "path", NO_RATE, "alpha is missing: a step is alpha times the slope" },
    { "path", NO_W, "w was replaced by the step: the step is subtracted from w" },
    { "path", SLOPE_OF_START, "every step has the slope of the start: take it anew at each place" },
    { "path", ALWAYS_FROM_START,
      "every step starts at the first w again: go on from the last place" },
    { "path", START_LEFT_OUT, "the start is left out: path[0] is w before any step" },
    { "path", ONLY_SLOPES, "that is the slope at each place: path holds the places, w" },
    { "path", OLD_SLOPE, "each step has the slope of the place before: take it where you are" },
    { 0 },
};

static const double *ask(void)
{
    double *answer = kit_output("answer", 1, ANSWERS);
    predict(answer);
    return answer;
}

static void look(const char *name, const double *answer, int which, kit_formula *formula)
{
    double yours = answer[which];
    if (yours == 0 || yours == KIT_UNWRITTEN) kit_true(name, 0, "%s is not answered yet", name);
    kit_answer(name, yours, formula, answer, BY_HAND);
}

static void check_near(void)
{
    const double *answer = ask();
    look("FACTOR", answer, FACTOR, factor_formula);
    look("AFTER_10", answer, AFTER_10, after_10_formula);
}

static void check_rates(void)
{
    const double *answer = ask();
    look("LANDS", answer, LANDS, lands_formula);
    look("DIVERGES", answer, DIVERGES, diverges_formula);
    look("STEEP", answer, STEEP, steep_formula);
}

static void check_across(void)
{
    const double *answer = ask();
    look("AFTER_3", answer, AFTER_3, after_3_formula);
    look("STEPS", answer, STEPS, steps_formula);
}

static double steepness, middle; /* of the grader's losses */

static double bowl(double w) /* steepness/2 (w - middle)² */
{
    return steepness * (w - middle);
}

static double valley(double w) /* steepness log cosh(w - middle): straight sides, a round bottom */
{
    return steepness * tanh(w - middle);
}

static walk new_walk(slope *dL, int steps)
{
    steepness = kit_uniform(0.5, 1.5), middle = kit_uniform(0.5, 1);
    walk t = { dL, kit_uniform(2, 3), kit_uniform(0.1, 0.4), steps };
    return t;
}

static void climb_path(const char *name, const walk *t)
{
    double *path = kit_output("path", 1, t->steps + 1);
    descend(t->dL, t->w, t->alpha, t->steps, path);
    kit_rung(name, path, 1, t->steps + 1, path_formula, t, KIT_TOLERANCE);
}

static void check_descend(void)
{
    walk a = new_walk(bowl, 7), b = new_walk(valley, 11), none = new_walk(bowl, 0);
    climb_path("path(valley)", &b);
    steepness = kit_uniform(0.5, 1.5);
    climb_path("path(bowl)", &a);
    climb_path("path(steps=0)", &none);
}

static void check_laws(void)
{
    walk t = new_walk(bowl, 5);
    double *path = kit_output("path", 1, t.steps + 1);
    descend(t.dL, t.w, 0, t.steps, path);
    kit_true("alpha=0", path[0] == t.w && path[t.steps] == t.w,
             "with alpha = 0 there is no step: w stays %.6g, yours ends at %.6g", t.w,
             path[t.steps]);
    descend(t.dL, middle, t.alpha, t.steps, path);
    kit_true("minimum", path[0] == middle && path[t.steps] == middle,
             "at the minimum the slope is 0, and w stays %.6g; yours ends at %.6g", middle,
             path[t.steps]);
}

const kit_check kit_checks[] = {
    { "near", 2, 1, check_near },     { "rates", 3, 1, check_rates },
    { "across", 2, 1, check_across }, { "descend", 3, 2, check_descend },
    { "laws", 1, 2, check_laws },     { 0 },
};

static double slope_of_square(double w)
{
    return 2 * w;
}

/* What was predicted, run by the learner's descend. */
void kit_reward(void)
{
    double path[32], answer[ANSWERS];
    predict(answer);
    const double alphas[] = { 0.1, answer[LANDS], 0.75, answer[DIVERGES], 1.1 };
    printf("L = w² from w = 4, by your descend:\n");
    printf("  alpha     w after 1      after 3     after 10       after 31\n");
    for (int k = 0; k < 5; k++) {
        descend(slope_of_square, 4, alphas[k], 31, path);
        printf("  %-6.4g  %11.4f  %11.4f  %11.4f  %13.4f\n", alphas[k], path[1], path[3], path[10],
               path[31]);
    }
    printf("You said: after 10 steps %.4g, after 3 with 0.75 %.4g, beyond 1000 at step %g.\n",
           answer[AFTER_10], answer[AFTER_3], answer[STEPS]);
}
