/* Grader of 09_bce. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

typedef struct batch {
    double *p, *z, *y; /* p = sigmoid(z), unless a check sets it */
    int n;
} batch;

enum {
    RIGHT,
    /* the sum */
    SUMMED,
    SIGN,
    LAST_SAMPLE,
    /* one sample's loss */
    NO_BRACKET,
    NO_BRACKET_NO_MEAN,
    FIRST_SIGN,
    FIRST_TERM,
    SECOND_TERM,
    SWAPPED,
    FIRST_UNWEIGHTED,
    SECOND_UNWEIGHTED,
    LOG_10,
    LOG_2,
    SQUARES,
    DISTANCE,
    ENTROPY,
    P_ALONE,
    ROUNDED,
    EXCHANGED,
    EXCHANGED_GUARDED,
    ZERO_TIMES_INFINITY,
    /* from logits */
    Z_AS_P,
    Y_PLUS,
    NO_Y,
    NO_MAXIMUM,
    NO_LOGARITHM,
    MINUS_LOGARITHM,
    NO_ABSOLUTE,
    PLUS_ABSOLUTE,
    OVERFLOWS,
    VIA_P,
    /* dz */
    PRINTED,
    TIMES_SLOPE,
    BY_P,
    NO_TARGET,
    NO_SIGMOID,
    TARGET_NOT_DIVIDED,
    EXP_OVER_EXP,
    EXPONENT_SIGN,
    TANH
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* a log b, 0 where a is 0 */
static double a_log_b(double a, double b)
{
    return a == 0 ? 0 : a * log(b);
}

static double loss_of_p(double p, double y, int mistake)
{
    double yes = -a_log_b(y, p), no = -a_log_b(1 - y, 1 - p);
    switch (mistake) {
    case NO_BRACKET: return yes - no;
    case FIRST_SIGN: return no - yes;
    case FIRST_TERM: return yes;
    case SECOND_TERM: return no;
    case SWAPPED: return -a_log_b(y, 1 - p) - a_log_b(1 - y, p);
    case FIRST_UNWEIGHTED: return -log(p) + no;
    case SECOND_UNWEIGHTED: return yes - log(1 - p);
    case LOG_10: return (yes + no) / log(10);
    case LOG_2: return (yes + no) / log(2);
    case SQUARES: return (p - y) * (p - y);
    case DISTANCE: return fabs(p - y);
    case ENTROPY: return -a_log_b(p, p) - a_log_b(1 - p, 1 - p);
    case P_ALONE: return -log(p);
    case ROUNDED: return y > 0.5 ? -log(p) : -log(1 - p);
    case EXCHANGED: return -(p * log(y) + (1 - p) * log(1 - y));
    case EXCHANGED_GUARDED: return (y > 0 ? -p * log(y) : 0) - (y < 1 ? (1 - p) * log(1 - y) : 0);
    case ZERO_TIMES_INFINITY: return -(y * log(p) + (1 - y) * log(1 - p));
    default: return yes + no;
    }
}

static double loss_of_z(double z, double y, int mistake)
{
    double tail = log1p(exp(-fabs(z))), top = z > 0 ? z : 0, p = sigmoid(z);
    switch (mistake) {
    case Z_AS_P: return -(y * log(z) + (1 - y) * log(1 - z));
    case Y_PLUS: return top + z * y + tail;
    case NO_Y: return top + tail;
    case NO_MAXIMUM: return tail - z * y;
    case NO_LOGARITHM: return top - z * y;
    case MINUS_LOGARITHM: return top - z * y - tail;
    case NO_ABSOLUTE: return top - z * y + log1p(exp(-z));
    case PLUS_ABSOLUTE: return top - z * y + log1p(exp(fabs(z)));
    case OVERFLOWS: return log(1 + exp(z)) - z * y;
    case VIA_P: return loss_of_p(p, y, RIGHT);
    case RIGHT:
    case SUMMED:
    case SIGN:
    case LAST_SAMPLE: return top - z * y + tail;
    default: return loss_of_p(p, y, mistake);
    }
}

static void mean(const batch *t, int from_z, int mistake, double *loss)
{
    double sum = 0, yes = 0;
    for (int i = 0; i < t->n; i++) {
        double y = t->y[i];
        double l = from_z ? loss_of_z(t->z[i], y, mistake) : loss_of_p(t->p[i], y, mistake);
        sum = mistake == LAST_SAMPLE ? l : sum + l;
        yes -= a_log_b(y, t->p[i]);
    }
    *loss = mistake == SUMMED ? sum : mistake == SIGN ? -sum / t->n : sum / t->n;
    if (mistake == NO_BRACKET_NO_MEAN) *loss = yes / t->n - (sum - yes);
}

static void loss_formula(const void *problem, int mistake, double *loss)
{
    mean(problem, 0, mistake, loss);
}

static void logits_formula(const void *problem, int mistake, double *loss)
{
    mean(problem, 1, mistake, loss);
}

static void dz_formula(const void *problem, int mistake, double *dz)
{
    const batch *t = problem;
    for (int i = 0; i < t->n; i++) {
        double z = t->z[i], p = sigmoid(z), y = t->y[i], d = p - y;
        if (mistake == SIGN) d = y - p;
        if (mistake == PRINTED) d = (y - p) * p * (1 - p);
        if (mistake == TIMES_SLOPE) d = (p - y) * p * (1 - p);
        if (mistake == BY_P) d = (p - y) / (p * (1 - p));
        if (mistake == NO_TARGET) d = p;
        if (mistake == NO_SIGMOID) d = z - y;
        if (mistake == ROUNDED) d = p - (y > 0.5);
        if (mistake == EXP_OVER_EXP) d = exp(z) / (1 + exp(z)) - y;
        if (mistake == EXPONENT_SIGN) d = sigmoid(-z) - y;
        if (mistake == TANH) d = tanh(z) - y;
        if (mistake == TARGET_NOT_DIVIDED) d = p - y * t->n;
        dz[i] = mistake == SUMMED ? d : d / t->n;
    }
}

#define BOTH(number, says)                                                                         \
    { "loss", number, says },                                                                      \
    {                                                                                              \
        "loss_z", number, says                                                                     \
    }

const kit_mistake kit_mistakes[] = {
    { "loss(p=0 and 1)", ZERO_TIMES_INFINITY,
      "0 * log(0) is NaN in C: leave out a term whose factor, y or 1 - y, is 0" },
    { "loss_z(z=40)", VIA_P,
      "sigmoid(40) is 1 in a double, so that log(1 - p) is log(0): work from z, not from p" },
    { "loss_z(z=1000)", OVERFLOWS,
      "e^1000 is infinite: max(z, 0) - z y + log(1 + e^-|z|) has no exponent above 0" },
    { "dz(z=1000)", EXP_OVER_EXP,
      "e^1000 / (1 + e^1000) is infinity over infinity: 1/(1 + e^-z) stays right" },
    { "loss(0<y<1)", FIRST_TERM,
      "only y log p is there for a y between 0 and 1, where both terms count: an else for an if?" },
    { "loss", RIGHT, "F3.2:  L = -1/n sum_i [ y_i log p_i + (1 - y_i) log(1 - p_i) ]" },
    { "loss_z", RIGHT, "F3.2 with p = sigmoid(z):  1/n sum_i max(z, 0) - z y + log(1 + e^-|z|)" },
    BOTH(SUMMED, "the losses were summed: the loss of a batch is their mean, so divide by n"),
    BOTH(SIGN, "the minus in front is missing: a loss is positive"),
    BOTH(LAST_SAMPLE, "only the last sample's loss is left: add them up (+=)"),
    { "loss", NO_BRACKET,
      "the second term escaped the minus: it is -( y log p + (1 - y) log(1 - p) )" },
    { "loss", NO_BRACKET_NO_MEAN,
      "the second term escaped the minus and the mean: both are for the whole bracket" },
    { "loss", FIRST_SIGN, "the first term escaped the minus: it is for both" },
    { "loss", FIRST_TERM, "the term (1 - y) log(1 - p) is missing: the samples with y = 0" },
    { "loss", SECOND_TERM, "the term y log p is missing: the samples with y = 1" },
    BOTH(SWAPPED, "y and 1 - y are exchanged: y goes with log p, 1 - y with log(1 - p)"),
    { "loss", FIRST_UNWEIGHTED, "log p is without its factor y" },
    { "loss", SECOND_UNWEIGHTED, "log(1 - p) is without its factor 1 - y" },
    { "loss", LOG_10, "log10: the logarithm is the natural one, log()" },
    { "loss", LOG_2, "log2: the logarithm is the natural one, log()" },
    { "loss", SQUARES, "that is the squared error (F3.1), not the cross-entropy" },
    { "loss", DISTANCE, "that is the distance |p - y|: its logarithm is missing" },
    { "loss", ENTROPY, "the logarithms were weighed with p: their factors are y and 1 - y" },
    { "loss", EXCHANGED,
      "y and p are exchanged: y stands before the logarithm, p inside of it, y log p" },
    { "loss", EXCHANGED_GUARDED,
      "0 for each y of 0 or 1, whatever p: is it log(y)? p is inside of the logarithm, y log p" },
    { "loss", P_ALONE, "-log p for every sample, whatever its y" },
    BOTH(ROUNDED, "y was taken for 0 or 1: between them both terms count, with y and 1 - y"),
    { "loss_z", Z_AS_P, "z was taken for a probability: p is sigmoid(z)" },
    { "loss_z", Y_PLUS, "z y was added: it is max(z, 0) - z y + log(1 + e^-|z|)" },
    { "loss_z", NO_Y, "the term -z y is missing: the loss does not look at the target" },
    { "loss_z", NO_MAXIMUM, "the term max(z, 0) is missing" },
    { "loss_z", NO_LOGARITHM, "the term log(1 + e^-|z|) is missing" },
    { "loss_z", MINUS_LOGARITHM, "log(1 + e^-|z|) was subtracted: it is added" },
    { "loss_z", NO_ABSOLUTE,
      "e^-z where e^-|z| belongs: with max(z, 0) in front, the sign of z counts twice" },
    { "loss_z", PLUS_ABSOLUTE, "e^|z| where e^-|z| belongs" },
    { "dz", RIGHT, "F4.3:  dz = (p - y)/n,  p = sigmoid(z)" },
    { "dz", SUMMED, "the 1/n is missing: the loss is a mean" },
    { "dz", SIGN, "the sign is flipped: dz = p - y, not y - p (F4.3)" },
    { "dz", PRINTED,
      "that is F4.3 as it is often printed: its sign is flipped, and 1/(p (1 - p)) is missing" },
    { "dz", TIMES_SLOPE,
      "multiplied by p (1 - p): that slope is already in p - y, where it cancels" },
    { "dz", BY_P, "that is dL/dp: times the slope of the sigmoid, p (1 - p), it is dL/dz = p - y" },
    { "dz", NO_TARGET, "y was not subtracted" },
    { "dz", EXPONENT_SIGN, "1/(1 + e^z) is sigmoid(-z): the exponent is -z" },
    { "dz", TANH, "tanh goes from -1 to 1: p is sigmoid(z), from 0 to 1" },
    { "dz", TARGET_NOT_DIVIDED, "p was divided by n, but y was not: (p - y)/n" },
    { "dz", NO_SIGMOID, "z was taken for the probability: p is sigmoid(z)" },
    { "dz", ROUNDED, "y was taken for 0 or 1: subtract it as it is" },
    { 0 },
};

/* Logits of both signs, and their p. Targets are 0 and 1 in turn, or lie between them. */
static batch new_batch(int soft)
{
    batch t = { NULL, NULL, NULL, kit_between(0, 1) ? 7 : 11 };
    kit_size("n, the number of samples", t.n);
    t.z = kit_input("z", 1, t.n), t.p = kit_input("p", 1, t.n), t.y = kit_input("y", 1, t.n);
    for (int i = 0; i < t.n; i++) {
        t.p[i] = sigmoid(t.z[i]);
        t.y[i] = soft ? kit_uniform(0.1, 0.9) : i / 2 % 2;
    }
    return t;
}

static void check_value(void)
{
    batch t = new_batch(0), soft = new_batch(1);
    double loss = bce(t.p, t.y, t.n);
    kit_rung("loss", &loss, 1, 1, loss_formula, &t, KIT_TOLERANCE);
    loss = bce(soft.p, soft.y, soft.n);
    kit_rung("loss(0<y<1)", &loss, 1, 1, loss_formula, &soft, KIT_TOLERANCE);
    for (int i = 0; i < t.n; i++) t.p[i] = 0.5;
    loss = bce(t.p, t.y, t.n);
    kit_true("ln 2", fabs(loss - log(2)) < 1e-12,
             "for p = 0.5 the loss is ln 2 = %.6f, whatever y; yours is %.6f", log(2), loss);
}

/* Certain and wrong, once about a no and once about a yes. */
static void check_wrong(const char *finite, const char *positive, double y)
{
    batch t = new_batch(0);
    int k = y > 0 ? 2 : 0;
    t.p[k] = 1 - t.y[k];
    double loss = bce(t.p, t.y, t.n);
    kit_true(finite, !isfinite(loss),
             "p = %g with y = %g is certain and wrong: the loss is infinite, yours is %.6g. Is p "
             "held away from 0 and 1? Leave out terms with the factor 0 instead",
             t.p[k], t.y[k], loss);
    kit_true(positive, loss > 0, "p = %g with y = %g: +infinity is expected, yours is %g", t.p[k],
             t.y[k], loss);
}

static void check_ends(void)
{
    batch t = new_batch(0);
    check_wrong("p=1, y=0", "sign", 0);
    check_wrong("p=0, y=1", "sign", 1);
    for (int i = 4; i < t.n; i++) t.p[i] = t.y[i];
    double loss = bce(t.p, t.y, t.n);
    kit_rung("loss(p=0 and 1)", &loss, 1, 1, loss_formula, &t, KIT_TOLERANCE);
}

static void check_logits(void)
{
    batch t = new_batch(0), soft = new_batch(1);
    double loss = bce_logits(t.z, t.y, t.n);
    kit_rung("loss_z", &loss, 1, 1, logits_formula, &t, KIT_TOLERANCE);
    loss = bce_logits(soft.z, soft.y, soft.n);
    kit_rung("loss_z(0<y<1)", &loss, 1, 1, logits_formula, &soft, KIT_TOLERANCE);
}

/* Right and wrong, with logits of either sign and far from 0. */
static void check_stable(void)
{
    batch t = new_batch(0);
    double loss = bce_logits(t.z, t.y, t.n), right;
    logits_formula(&t, RIGHT, &right);
    int usually_right = fabs(loss - right) < 1e-9; /* if not, it is something else */
    for (int i = 0; i < t.n; i++) t.z[i] = (i % 2 ? -40 : 40) + kit_uniform(-1, 1);
    loss = bce_logits(t.z, t.y, t.n);
    logits_formula(&t, RIGHT, &right);
    kit_true("not clipped", !(usually_right && loss > 0 && loss < 0.99 * right),
             "the loss is too small, %.6g: p is held away from 0 and 1 before the logarithm. "
             "max(z, 0) - z y + log(1 + e^-|z|) needs no such guard",
             loss);
    kit_rung("loss_z(z=40)", &loss, 1, 1, logits_formula, &t, KIT_TOLERANCE);
    for (int i = 0; i < t.n; i++) t.z[i] *= 25;
    loss = bce_logits(t.z, t.y, t.n);
    kit_rung("loss_z(z=1000)", &loss, 1, 1, logits_formula, &t, KIT_TOLERANCE);
}

static void climb_dz(const char *name, const batch *t)
{
    double *dz = kit_output("dz", 1, t->n);
    bce_logits_gradient(t->z, t->y, t->n, dz);
    kit_rung(name, dz, 1, t->n, dz_formula, t, KIT_TOLERANCE);
}

static void check_gradient(void)
{
    batch t = new_batch(0), soft = new_batch(1);
    climb_dz("dz", &t);
    climb_dz("dz(0<y<1)", &soft);
    for (int i = 0; i < t.n; i++) t.z[i] = (i % 2 ? -1000 : 1000) + kit_uniform(-1, 1);
    climb_dz("dz(z=1000)", &t);
}

static double reference_loss(const void *problem, uint64_t *winners)
{
    double loss;
    logits_formula(problem, RIGHT, &loss);
    kit_winner(winners, 0); /* smooth everywhere */
    return loss;
}

static void check_numeric(void)
{
    batch t = new_batch(1);
    double *dz = kit_output("dz", 1, t.n);
    bce_logits_gradient(t.z, t.y, t.n, dz);
    kit_gradient("dL/dz", dz, t.z, 1, t.n, reference_loss, &t);
}

const kit_check kit_checks[] = {
    { "value", 2, 1, check_value },
    { "ends", 2, 1, check_ends },
    { "logits", 2, 2, check_logits },
    { "stable", 1, 2, check_stable },
    { "gradient", 2, 3, check_gradient },
    { "numeric", 1, 3, check_numeric },
    { 0 },
};

/* One sample with y = 0 whose logit grows: the two functions, and the slope. */
void kit_reward(void)
{
    const double z[] = { -2, 0, 2, 10, 30, 36, 40, 1000 }, y = 0;
    printf("The truth is no (y = 0), and the network says yes more and more:\n");
    printf("      z   from sigmoid(z)   from z       reference    dz\n");
    for (int i = 0; i < 8; i++) {
        double p = sigmoid(z[i]), dz;
        bce_logits_gradient(&z[i], &y, 1, &dz);
        printf("  %5.0f   %-15.6g   %-10.6g   %-10.6g   %.6f\n", z[i], bce(&p, &y, 1),
               bce_logits(&z[i], &y, 1), loss_of_z(z[i], y, RIGHT), dz);
    }
    printf("sigmoid(40) is 1 in a double: what p has lost, z still knows.\n");
}
