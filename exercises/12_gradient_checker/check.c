/* Grader of 12_gradient_checker: eight wrong and four right backpropagations of a small network. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* tanh network, mean squared error: W1 (H, I), b1 (H), W2 (H), b2 (1), in this order in w. */
enum { S = 5, I = 3, H = 4, WEIGHTS = H * I + H + H + 1 };

enum fault { NONE, SIGN, NO_MEAN, NO_SLOPE, TURNED, NO_BIAS, PERCENT, SMALL, NAN_ENTRY };

static struct {
    double X[S * I], y[S], scale, percent;
    enum fault fault;
} data;

static double forward(const double *w, int s, double *a)
{
    const double *b1 = w + H * I, *W2 = b1 + H;
    double out = W2[H];
    for (int h = 0; h < H; h++) {
        double z = b1[h];
        for (int i = 0; i < I; i++) z += w[h * I + i] * data.X[s * I + i];
        a[h] = tanh(z);
        out += W2[h] * a[h];
    }
    return out;
}

static double net_loss(const double *w, int n)
{
    double a[H], sum = 0;
    (void)n;
    for (int s = 0; s < S; s++) {
        double e = forward(w, s, a) - data.y[s];
        sum += e * e;
    }
    return data.scale * sum / S;
}

static void spoil(double *dw, int n)
{
    double copy[H * I];
    memcpy(copy, dw, sizeof copy);
    for (int i = 0; i < n && data.fault == SIGN; i++) dw[i] = -dw[i];
    for (int i = 0; i < H * I && data.fault == TURNED; i++) dw[i % I * H + i / I] = copy[i];
    for (int h = 0; h < H && data.fault == SMALL; h++) dw[h * I] *= 2;
    if (data.fault == NO_BIAS) dw[n - 1] *= data.percent - 1; /* 0, or another wrong number */
    if (data.fault == PERCENT) dw[0] *= 1 + data.percent / 100;
    if (data.fault == NAN_ENTRY) dw[n / 2] = (double)NAN;
}

static void net_backprop(const double *w, int n, double *dw)
{
    const double *W2 = w + H * I + H;
    double a[H];
    for (int i = 0; i < n; i++) dw[i] = 0;
    for (int s = 0; s < S; s++) {
        double d = 2 * data.scale * (forward(w, s, a) - data.y[s]);
        if (data.fault != NO_MEAN) d /= S;
        for (int h = 0; h < H; h++) {
            double dz = d * W2[h] * (data.fault == NO_SLOPE ? 1 : 1 - a[h] * a[h]);
            for (int i = 0; i < I; i++) dw[h * I + i] += dz * data.X[s * I + i];
            dw[H * I + h] += dz;
            dw[H * I + H + h] += d * a[h];
        }
        dw[n - 1] += d;
    }
    spoil(dw, n);
}

/* No gradient is small by chance, and the loss is not large, so that a right one has a relative error
   far below 1e-4. The first gradient is large: an error of 1 % in it counts by any measure. */
static int is_fit(const double *w)
{
    double dw[WEIGHTS], most = 1;
    net_backprop(w, WEIGHTS, dw);
    for (int i = 0; i < WEIGHTS; i++) {
        most = fmax(most, fabs(dw[i]));
        if (fabs(dw[i]) < (i < H * I && i % I == 0 ? 0.1 : 1e-2)) return 0;
    }
    return fabs(dw[0]) > 0.5 * most && dw[WEIGHTS - 1] > 0 && net_loss(w, WEIGHTS) < 3;
}

static double *new_net(enum fault fault, double scale)
{
    double *w = kit_input("w", 1, WEIGHTS);
    data.scale = 1, data.fault = NONE, data.percent = 1;
    do {
        for (int i = 0; i < WEIGHTS; i++) w[i] = kit_uniform(-1, 1);
        for (int i = 0; i < S * I; i++) data.X[i] = kit_uniform(-1.5, 1.5);
        for (int s = 0; s < S; s++) data.y[s] = kit_uniform(-1, 1);
    } while (!is_fit(w));
    data.scale = scale, data.fault = fault;
    return w;
}

/* Input i in other units: the weights that read it are as much larger, or stay as they are. */
static void rescale_input(double *w, int i, double factor, int and_weights)
{
    for (int s = 0; s < S; s++) data.X[s * I + i] *= factor;
    for (int h = 0; h < H && and_weights; h++) w[h * I + i] /= factor;
}

/* ---- numeric -------------------------------------------------------------------------------- */

enum { RIGHT, TWICE, DOWNHILL };

static double curve[MOST]; /* of the bowl: L = sum of curve[i]/2 w[i]² + w[i] */

static double bowl_loss(const double *w, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += curve[i] / 2 * w[i] * w[i] + w[i];
    return sum;
}

static double far_loss(const double *w, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += curve[i] * tanh(w[i] * 1e-8);
    return sum;
}

static void bowl_formula(const void *problem, int mistake, double *dw)
{
    const double *w = problem;
    for (int i = 0; i < WEIGHTS; i++) {
        dw[i] = curve[i] * w[i] + 1;
        if (mistake == TWICE) dw[i] *= 2;
        if (mistake == DOWNHILL) dw[i] = -dw[i];
    }
}

static void net_formula(const void *problem, int mistake, double *dw)
{
    (void)mistake;
    net_backprop(problem, WEIGHTS, dw);
}

static void far_formula(const void *problem, int mistake, double *dw)
{
    const double *w = problem;
    for (int i = 0; i < WEIGHTS; i++)
        dw[i] = curve[i] * (1 - pow(tanh(w[i] * 1e-8), 2)) * (mistake ? 2e-8 : 1e-8);
}

const kit_mistake kit_mistakes[] = {
    { "numeric", RIGHT, "dL/dw_i = (L(w_i + h) - L(w_i - h)) / 2h,  h = 1e-5 max(1, |w_i|)" },
    { "numeric", TWICE, "from w - h to w + h the run is 2h: divide by 2h, not by h" },
    { "numeric", DOWNHILL, "below minus above: the sign is flipped" },
    { 0 },
};

/* A central difference is exact on a bowl with any h; a one-sided one is off by half of h times the
   curvature; what has neither pattern is rounding. */
static void look_at_error(const double *w, const double *dw)
{
    double right[WEIGHTS], worst = 0;
    int forward_sided = 1, backward_sided = 1, no_run = 1;
    bowl_formula(w, RIGHT, right);
    for (int i = 0; i < WEIGHTS; i++) {
        double e = dw[i] - right[i];
        worst = isnan(e) ? HUGE_VAL : fmax(worst, fabs(e));
        forward_sided &= e * curve[i] > 0, backward_sided &= e * curve[i] < 0;
        no_run &= fabs(dw[i]) < 1e-2 && dw[i] * right[i] > 0;
    }
    if (no_run) kit_true("numeric(bowl)", 0, "the difference was not divided by 2h: all is tiny");
    if (worst < 3e-9 || worst > 0.1) return;
    if (forward_sided || backward_sided)
        kit_true(
            "numeric(bowl)", 0,
            "a one-sided difference: its error is about h. Take the loss on both sides of w_i, "
            "h above and h below");
    kit_true("numeric(bowl)", 0,
             "off by up to %.1e, in no order: that is rounding. h is too small, or a float is on "
             "the way; h = 1e-5 max(1, |w_i|) is good",
             worst);
}

static void climb_net(void)
{
    double *w = new_net(NONE, 1), *dw = kit_output("dw", 1, WEIGHTS), right[WEIGHTS], worst = 0;
    numeric_gradient(net_loss, w, WEIGHTS, dw);
    net_backprop(w, WEIGHTS, right);
    for (int i = 0; i < WEIGHTS; i++) worst = fmax(worst, fabs(dw[i] - right[i]));
    kit_true(
        "step", !(worst > 1e-7 && worst < 0.3),
        "right on a bowl, but off by up to %.1e on a network: h is too large, so that the curve "
        "bends on the way; 1e-5 max(1, |w_i|) is good",
        worst);
    kit_rung("numeric(network)", dw, 1, WEIGHTS, net_formula, w, 1e-7);
}

static void climb_far(void)
{
    double *w = kit_input("w", 1, WEIGHTS), *dw = kit_output("dw", 1, WEIGHTS), right[WEIGHTS];
    double worst = 0;
    for (int i = 0; i < WEIGHTS; i++) w[i] *= 1e8;
    numeric_gradient(far_loss, w, WEIGHTS, dw);
    far_formula(w, RIGHT, right);
    for (int i = 0; i < WEIGHTS; i++) worst = fmax(worst, 1e8 * fabs(dw[i] - right[i]));
    kit_true("far away", !(worst > 1e-7),
             "weights near 1e8 went wrong: beside them h is nothing, and the loss does not change. "
             "h has to grow with the weight: 1e-5 max(1, |w_i|)");
    kit_rung("numeric(w=1e8)", dw, 1, WEIGHTS, far_formula, w, 1e-7);
}

/* To the last bit: a training that checks its gradient is the same as one that does not. */
static void climb_unchanged(const double *w, const double *before)
{
    int worst = 0;
    for (int i = 1; i < WEIGHTS; i++)
        if (!(fabs(w[i] - before[i]) <= fabs(w[worst] - before[worst]))) worst = i;
    int rounded = fabs(w[worst] - before[worst]) < 1e-14;
    kit_true("w", w[worst] == before[worst],
             rounded
                 ? "a weight is not quite what it was before: + h, - 2 h and + h round. Keep the "
                   "old one, and put it back (entry %d: off by %.1e)"
                 : "a weight is not what it was before: keep the old one, and put it back "
                   "(entry %d: off by %.1e)",
             worst, w[worst] - before[worst]);
}

static void check_numeric(void)
{
    double *w = kit_input("w", 1, WEIGHTS), *dw = kit_output("dw", 1, WEIGHTS), before[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++) curve[i] = kit_uniform(0.5, 1.5) * (i % 2 ? 1 : -1);
    int zero = kit_between(0, WEIGHTS - 1);
    w[zero] = 0;
    memcpy(before, w, sizeof before);
    numeric_gradient(bowl_loss, w, WEIGHTS, dw);
    climb_unchanged(w, before);
    kit_true("w=0", isfinite(dw[zero]),
             "a weight is 0, and so is h: the gradient is 0/0. h = 1e-5 max(1, |w_i|) never is");
    look_at_error(w, dw);
    kit_rung("numeric(bowl)", dw, 1, WEIGHTS, bowl_formula, w, 3e-9);
    climb_net();
    climb_far();
}

/* ---- twelve backpropagations ---------------------------------------------------------------- */

static int judge(double *w)
{
    double before[WEIGHTS];
    memcpy(before, w, sizeof before);
    int yours = gradient_is_right(net_loss, net_backprop, w, WEIGHTS);
    kit_same("w", w, before, WEIGHTS, 1e-15, "a weight is not what it was before: put it back");
    kit_true("0 or 1", yours == 0 || yours == 1, "the result is 1 or 0; yours is %d", yours);
    return yours;
}

static void accept(double *w, const char *what)
{
    data.fault = NONE;
    int accepted = judge(w);
    if (!accepted && !judge(new_net(NONE, 1)))
        kit_true("accepted", 0,
                 "you rejected a right one, and you reject ordinary ones, too: mend "
                 "that first, and check that your gradient is right");
    kit_true("accepted", accepted, "you rejected a right one: %s", what);
}

/* The right twin first: who rejects everything finds nothing. */
static void reject(double *w, const char *what)
{
    enum fault fault = data.fault;
    accept(w, "it is what is left when this check's mistake is mended");
    data.fault = fault;
    kit_true("rejected", !judge(w), "you accepted a wrong one: %s", what);
}

static void check_plain(void)
{
    accept(new_net(NONE, 1), "an ordinary network. Its relative errors are "
                             "about 1e-9, if numeric_gradient is right");
}

static void check_zero(void)
{
    double *w = new_net(NONE, 1);
    rescale_input(w, 2, 0, 0);
    accept(w, "an input is always 0, and so are the gradients of its weights. Both numbers are 0, "
              "and 0/0 is NaN: equal numbers are right");
}

static void check_million(void)
{
    accept(new_net(NONE, 1e6), "its loss is in the millions, and its gradients, too. The error has "
                               "to be relative: |a - b| / max(|a|, |b|)");
}

static void check_far(void)
{
    double *w = new_net(NONE, 1);
    rescale_input(w, 1, 1e-8, 1);
    accept(w, "some of its weights are near 1e8, and their gradients near 1e-8. Does h grow with "
              "the weight, and is each error relative?");
}

static void check_sign(void)
{
    reject(new_net(SIGN, 1), "all its signs are flipped. Is the absolute value taken of each "
                             "gradient, in place of their difference?");
}

static void check_mean(void)
{
    reject(new_net(NO_MEAN, 1), "the 1/n is missing, all is 5 times too large. Two gradients that "
                                "point the same way are not the same");
}

static void check_slope(void)
{
    reject(new_net(NO_SLOPE, 1e-6), "the slope of tanh is missing, in a network whose loss is near "
                                    "1e-6. The error has to be relative");
}

static void check_turned(void)
{
    reject(new_net(TURNED, 1), "the gradient of the first weight matrix is transposed. Sums and "
                               "lengths are the same: compare weight by weight");
}

static void check_bias(void)
{
    double *w = new_net(NO_BIAS, 1);
    accept(w, "it is what is left when this check's mistake is mended");
    data.fault = NO_BIAS;
    int none = judge(w);
    data.scale = -1; /* all gradients have the other sign */
    int below = judge(w);
    data.scale = 1, data.percent = 3;
    kit_true(
        "one side", !none || judge(w),
        "you accepted a wrong one: the gradient of the last weight is 0. One that is too large "
        "you rejected: take the absolute value of the difference, and do not leave out a 0");
    kit_true("below 0", none || !below,
             "you accepted a wrong one: the gradient of the last weight is 0, and the right one is "
             "below 0. Take the absolute value of the difference, and of both in max(|a|, |b|)");
    kit_true("rejected", !none,
             "you accepted a wrong one: the gradient of the last weight, a bias, is 0. Does the "
             "loop run to n - 1?");
}

/* Too large and too small: a difference without its absolute value misses one of them. */
static void check_percent(void)
{
    double *w = new_net(PERCENT, 1);
    accept(w, "it is what is left when this check's mistake is mended");
    data.fault = PERCENT, data.percent = 1;
    int large = judge(w);
    data.percent = -1;
    int small = judge(w);
    kit_true("one side", large == small,
             "you accepted a wrong one: the first weight's gradient is 1 %% too %s. One that is 1 "
             "%% too %s you rejected: take the absolute value of the difference",
             large ? "large" : "small", large ? "small" : "large");
    kit_true("rejected", !large,
             "you accepted a wrong one: the first weight's gradient is 1 %% too "
             "large, all others are right. Is the first weight looked at, and "
             "the tolerance 1e-4?");
}

static void check_small(void)
{
    double *w = new_net(SMALL, 1);
    rescale_input(w, 0, 1e-4, 0);
    reject(w, "four small gradients are twice too large, beside large ones that are right. Divide "
              "each error by its own weight's gradient, not by the largest or the length of all");
}

static void check_nan(void)
{
    reject(new_net(NAN_ENTRY, 1), "one of its numbers is NaN. Each comparison with NaN is false, "
                                  "also error > 1e-4: ask for !(error <= 1e-4)");
}

const kit_check kit_checks[] = {
    { "numeric", 3, 1, check_numeric }, { "plain", 1, 2, check_plain },
    { "zero", 1, 2, check_zero },       { "million", 1, 2, check_million },
    { "far", 1, 2, check_far },         { "sign", 1, 2, check_sign },
    { "mean", 1, 2, check_mean },       { "slope", 1, 2, check_slope },
    { "turned", 1, 2, check_turned },   { "bias", 1, 2, check_bias },
    { "percent", 1, 2, check_percent }, { "small", 1, 2, check_small },
    { "nan", 1, 2, check_nan },         { 0 },
};

/* The largest relative error by the learner's numbers, and the learner's judgement. */
static void show(const char *what, double *w)
{
    double a[WEIGHTS], b[WEIGHTS], worst = 0;
    numeric_gradient(net_loss, w, WEIGHTS, a);
    net_backprop(w, WEIGHTS, b);
    for (int i = 0; i < WEIGHTS; i++) {
        double larger = fmax(fabs(a[i]), fabs(b[i])), e = fabs(a[i] - b[i]);
        if (larger > 0 && e / larger > worst) worst = e / larger;
        if (isnan(e)) worst = e;
    }
    printf("  %-34s %8.1e   %s\n", what, worst,
           gradient_is_right(net_loss, net_backprop, w, WEIGHTS) ? "right" : "wrong");
}

void kit_reward(void)
{
    static const char *const names[] = { "all signs flipped",       "1/n missing",
                                         "slope of tanh missing",   "dW1 transposed",
                                         "the last bias forgotten", "one weight 1 % too large",
                                         "four small ones doubled", "a NaN" };
    printf("Twelve backpropagations, judged by you:   largest error   yours\n");
    for (int f = SIGN; f <= NAN_ENTRY; f++) {
        double *w = new_net((enum fault)f, 1);
        if (f == SMALL) rescale_input(w, 0, 1e-4, 0);
        show(names[f - 1], w);
    }
    show("right", new_net(NONE, 1));
    show("right, loss in the millions", new_net(NONE, 1e6));
    double *w = new_net(NONE, 1);
    rescale_input(w, 2, 0, 0);
    show("right, with gradients of 0", w);
    w = new_net(NONE, 1);
    rescale_input(w, 1, 1e-8, 1);
    show("right, with weights near 1e8", w);
}
