/* Grader of 14_by_hand. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

/* Four digits at each of the steps: 0.5987 for 0.598688 is right. */
#define BY_HAND 2e-3

static const double x[2] = { 2, -3 }, W[2][2] = { { 0.5, 0.25 }, { -0.5, 0.75 } };
static const double b[2] = { 0.15, 3 }, V[2] = { 1.5, -2 }, c = 0.3;

enum {
    RIGHT,
    NO_SIGMOID,
    EXPONENT_SIGN,
    TANH,
    NO_BIAS,
    TRANSPOSED,
    SIGN_OF_INPUT,
    SIGMOID_AGAIN,
    V_EXCHANGED,
    NO_WEIGHTS,
    OTHER_TERM,
    SIGN,
    LOG_10,
    LOG_2,
    SQUARE,
    TIMES_SLOPE,
    BY_P,
    WEIGHT_FOR_INPUT,
    OTHER_UNIT,
    NO_UPSTREAM,
    NO_SLOPE,
    NO_WEIGHT,
    SLOPE_OF_P,
    SLOPE_IS_A,
    TANH_SLOPE,
    OTHER_INPUT,
    FROM_DZ,
    FROM_RIGHT_ONES
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static double activate(double z, int mistake)
{
    return mistake == NO_SIGMOID      ? z
           : mistake == EXPONENT_SIGN ? sigmoid(-z)
           : mistake == TANH          ? tanh(z)
                                      : sigmoid(z);
}

static double hidden(int h, int mistake)
{
    double first = mistake == TRANSPOSED ? W[0][h] : W[h][0];
    double second = mistake == TRANSPOSED ? W[1][h] : W[h][1];
    double z = first * x[0] + second * (mistake == SIGN_OF_INPUT ? 3 : x[1]);
    return activate(z + (mistake == NO_BIAS ? 0 : b[h]), mistake);
}

static double loss_of(double p, int mistake)
{
    return mistake == OTHER_TERM ? -log(1 - p)
           : mistake == SIGN     ? log(p)
           : mistake == LOG_10   ? -log10(p)
           : mistake == LOG_2    ? -log2(p)
           : mistake == SQUARE   ? (1 - p) * (1 - p)
                                 : -log(p);
}

static double dz_of(double p, int mistake)
{
    double dz = p - 1;
    return mistake == SIGN          ? -dz
           : mistake == TIMES_SLOPE ? dz * p * (1 - p)
           : mistake == BY_P        ? -1 / p
           : mistake == NO_WEIGHT   ? p
                                    : dz;
}

/* dL/dz of hidden unit 0. */
static double dz0_of(const double *a, int mistake)
{
    double slope = a[A0] * (1 - a[A0]), through = a[DZ] * V[mistake == OTHER_UNIT];
    if (mistake == NO_SLOPE) return through;
    if (mistake == NO_WEIGHT) return a[DZ] * slope;
    if (mistake == NO_UPSTREAM) return V[0] * slope;
    if (mistake == SLOPE_OF_P) return through * a[P] * (1 - a[P]);
    if (mistake == SLOPE_IS_A) return through * a[A0];
    if (mistake == TANH_SLOPE) return through * (1 - a[A0] * a[A0]);
    return through * slope;
}

/* Answer `which` from the earlier ones. */
static double answer_of(const double *a, int which, int mistake)
{
    double v0 = V[mistake == V_EXCHANGED], v1 = V[mistake != V_EXCHANGED], right[ANSWERS];
    if (mistake == FROM_RIGHT_ONES) {
        for (int i = 0; i <= which; i++) right[i] = answer_of(right, i, RIGHT);
        return right[which];
    }
    switch (which) {
    case A0: return hidden(0, mistake);
    case A1: return hidden(1, mistake);
    case Z:
        if (mistake == NO_WEIGHTS) v0 = v1 = 1;
        if (mistake == SIGMOID_AGAIN) return sigmoid(v0 * a[A0] + v1 * a[A1] + c);
        return v0 * a[A0] + v1 * a[A1] + (mistake == NO_BIAS ? 0 : c);
    case P: return activate(a[Z], mistake);
    case LOSS: return loss_of(a[P], mistake);
    case DZ: return dz_of(a[P], mistake);
    case DV0:
        if (mistake == NO_UPSTREAM) return a[A0];
        return a[DZ] * (mistake == WEIGHT_FOR_INPUT ? V[0] : a[mistake == OTHER_UNIT ? A1 : A0]);
    case DZ0: return dz0_of(a, mistake);
    default:
        if (mistake == FROM_DZ) return a[DZ] * x[1];
        if (mistake == SIGN_OF_INPUT) return a[DZ0] * 3;
        return a[DZ0] * (mistake == OTHER_INPUT        ? x[0]
                         : mistake == WEIGHT_FOR_INPUT ? W[0][1]
                                                       : x[1]);
    }
}

#define HIDDEN(number, says)                                                                       \
    { "A0", number, says },                                                                        \
    {                                                                                              \
        "A1", number, says                                                                         \
    }

#define LATER(name)                                                                                \
    {                                                                                              \
        name, FROM_RIGHT_ONES,                                                                     \
            "right, but not from your earlier answers: mend the first wrong one, and keep this"    \
    }

const kit_mistake kit_mistakes[] = {
    LATER("Z"),
    LATER("P"),
    LATER("LOSS"),
    LATER("DZ"),
    LATER("DV0"),
    LATER("DZ0"),
    LATER("DW01"),
    HIDDEN(RIGHT, "F1.1, F2.1:  a_h = sigmoid(W[h][0] x[0] + W[h][1] x[1] + b[h])"),
    HIDDEN(NO_SIGMOID, "that is z, before the sigmoid"),
    HIDDEN(EXPONENT_SIGN, "1/(1 + e^z) is the sigmoid of -z: the exponent is -z"),
    HIDDEN(TANH, "that is tanh: the hidden units have a sigmoid"),
    HIDDEN(NO_BIAS, "the bias is missing"),
    HIDDEN(TRANSPOSED, "a column of W was taken: hidden unit h has row h"),
    HIDDEN(SIGN_OF_INPUT, "x[1] is -3: its sign was lost"),
    { "Z", RIGHT, "F1.1:  z = V[0] a_0 + V[1] a_1 + c" },
    { "Z", NO_BIAS, "the bias c is missing" },
    { "Z", SIGMOID_AGAIN, "that is the output after its sigmoid: Z is before it" },
    { "Z", V_EXCHANGED, "the two weights are exchanged: V[0] belongs to a_0" },
    { "Z", NO_WEIGHTS, "the hidden units were added without their weights V" },
    { "P", RIGHT, "F2.1:  p = sigmoid(z) = 1/(1 + e^-z)" },
    { "P", NO_SIGMOID, "that is Z itself: the sigmoid is missing" },
    { "P", EXPONENT_SIGN, "1/(1 + e^z) is the sigmoid of -z: the exponent is -z" },
    { "P", TANH, "that is tanh: the output has a sigmoid" },
    { "LOSS", RIGHT, "F3.2 with y = 1:  L = -log p" },
    { "LOSS", OTHER_TERM, "-log(1 - p) is the loss for y = 0: here y is 1" },
    { "LOSS", SIGN, "the minus is missing: a loss is positive" },
    { "LOSS", LOG_10, "the logarithm to base 10: the natural one is meant, the key ln" },
    { "LOSS", LOG_2, "the logarithm to base 2: the natural one is meant, the key ln" },
    { "LOSS", SQUARE, "that is the squared error: cross-entropy is -log p for y = 1" },
    { "DZ", RIGHT, "F4.3:  dz = p - y" },
    { "DZ", SIGN, "the sign is flipped: dz = p - y, not y - p" },
    { "DZ", TIMES_SLOPE, "multiplied by p (1 - p): that slope has cancelled in p - y" },
    { "DZ", BY_P, "-1/p is dL/dp: times the slope of the sigmoid, p (1 - p), it is dL/dz" },
    { "DZ", NO_WEIGHT, "y was not subtracted" },
    { "DV0", RIGHT, "F4.4:  dV[0] = dz a_0" },
    { "DV0", WEIGHT_FOR_INPUT,
      "dz was multiplied by V[0]: its gradient has what it was multiplied "
      "with, a_0" },
    { "DV0", OTHER_UNIT, "a_1 belongs to V[1]: V[0] was multiplied with a_0" },
    { "DV0", NO_UPSTREAM, "dz is missing: that is dz/dV[0] alone" },
    { "DZ0", RIGHT, "F4.4:  dz_0 = dz V[0] a_0 (1 - a_0)" },
    { "DZ0", NO_SLOPE, "the slope of the hidden unit's sigmoid is missing, a_0 (1 - a_0)" },
    { "DZ0", NO_WEIGHT, "the weight V[0], through which it went, is missing" },
    { "DZ0", NO_UPSTREAM, "dz is missing: everything behind the unit counts" },
    { "DZ0", OTHER_UNIT, "V[1] was taken: hidden unit 0 goes to the output through V[0]" },
    { "DZ0", SLOPE_OF_P, "the slope is of the wrong sigmoid: a_0 (1 - a_0), not p (1 - p)" },
    { "DZ0", SLOPE_IS_A, "a_0 was taken for the slope: it is a_0 (1 - a_0)" },
    { "DZ0", TANH_SLOPE, "1 - a² is the slope of tanh: a sigmoid's is a (1 - a)" },
    { "DW01", RIGHT, "F4.4:  dW[0][1] = dz_0 x[1]" },
    { "DW01", OTHER_INPUT, "x[0] belongs to W[0][0]: W[0][1] was multiplied with x[1]" },
    { "DW01", WEIGHT_FOR_INPUT, "dz_0 was multiplied by the weight: its gradient has its input" },
    { "DW01", FROM_DZ, "dz was taken for dz_0: what comes back has to go through the unit first" },
    { "DW01", SIGN_OF_INPUT, "x[1] is -3: its sign was lost" },
    { 0 },
};

static const char *const names[] = { "A0", "A1", "Z", "P", "LOSS", "DZ", "DV0", "DZ0", "DW01" };

typedef struct question {
    double answer[ANSWERS];
    int which;
} question;

static void formula(const void *problem, int mistake, double *out)
{
    const question *q = problem;
    *out = answer_of(q->answer, q->which, mistake);
}

static int is_answered(double value)
{
    return value != 0 && value != KIT_UNWRITTEN;
}

/* What is not answered yet stands in with its right number, so that later ones can be graded. */
static void look(int which)
{
    double *yours = kit_output("answer", 1, ANSWERS);
    question q = { { 0 }, which };
    by_hand(yours);
    for (int i = 0; i < which; i++)
        q.answer[i] = is_answered(yours[i]) ? yours[i] : answer_of(q.answer, i, RIGHT);
    if (!is_answered(yours[which]))
        kit_true(names[which], 0, "%s is not answered yet", names[which]);
    kit_answer(names[which], yours[which], formula, &q, BY_HAND);
}

static void check_a0(void)
{
    look(A0);
}
static void check_a1(void)
{
    look(A1);
}
static void check_z(void)
{
    look(Z);
}
static void check_p(void)
{
    look(P);
}
static void check_loss(void)
{
    look(LOSS);
}
static void check_dz(void)
{
    look(DZ);
}
static void check_dv0(void)
{
    look(DV0);
}
static void check_dz0(void)
{
    look(DZ0);
}
static void check_dw01(void)
{
    look(DW01);
}

const kit_check kit_checks[] = {
    { "A0", 1, 1, check_a0 },     { "A1", 1, 1, check_a1 },
    { "Z", 1, 1, check_z },       { "P", 1, 1, check_p },
    { "LOSS", 1, 1, check_loss }, { "DZ", 1, 1, check_dz },
    { "DV0", 1, 1, check_dv0 },   { "DZ0", 1, 1, check_dz0 },
    { "DW01", 1, 1, check_dw01 }, { 0 },
};

/* The nine numbers beside a program's; then V[0] and W[0][1] take a step by the learner's. */
void kit_reward(void)
{
    double yours[ANSWERS], right[ANSWERS];
    by_hand(yours);
    printf("              yours    a program's\n");
    for (int i = 0; i < ANSWERS; i++) {
        right[i] = answer_of(right, i, RIGHT);
        printf("  %-5s  %10.6f   %10.6f\n", names[i], yours[i], right[i]);
    }
    double alpha = 0.1, v0 = V[0] - alpha * yours[DV0], w01 = W[0][1] - alpha * yours[DW01];
    double a0 = sigmoid(W[0][0] * x[0] + w01 * x[1] + b[0]);
    double p = sigmoid(v0 * a0 + V[1] * right[A1] + c);
    printf("A step of 0.1 against your DV0 and DW01 alone: the loss goes from %.6f to %.6f.\n",
           right[LOSS], -log(p));
}
