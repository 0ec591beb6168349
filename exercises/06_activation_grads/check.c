/* Grader of 06_activation_grads. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

typedef enum kind { SIGMOID, TANH, RELU, LEAKY } kind;

typedef struct problem_of {
    kind g;
    int n;
    double *z, *a, *da, *dz, slope;
} problem_of;

enum {
    RIGHT,
    A_TAKEN_FOR_Z,
    NO_UPSTREAM,
    NO_SLOPE,
    UPSTREAM_AS_A,
    ONE_MINUS_A,
    A_ONLY,
    OTHER_SIGMOID,
    OTHER_TANH,
    OTHER_RELU,
    PLUS,
    DIFFERENCE_SQUARED,
    TWICE,
    SQUARE_ONLY,
    DIVIDED,
    TIMES_A,
    FORWARD,
    INVERTED,
    SIGN_OF_DA,
    AT_0_AS_ABOVE,
    SLOPE_EVERYWHERE,
    SLOPE_FIXED,
    SLOPE_SWAPPED,
    SLOPE_ALONE,
    SLOPE_SIGN,
    SLOPE_DIVIDES,
    ADDED,
    PRECEDENCE,
    A_COMES_THROUGH,
    A_BELOW
};

static double forward(kind g, double z, double slope)
{
    switch (g) {
    case SIGMOID: return 1 / (1 + exp(-z));
    case TANH: return tanh(z);
    case RELU: return fmax(0, z);
    default: return z > 0 ? z : slope * z;
    }
}

static double slope_of(kind g, double a, double slope)
{
    switch (g) {
    case SIGMOID: return a * (1 - a);
    case TANH: return 1 - a * a;
    case RELU: return a > 0;
    default: return a > 0 ? 1 : slope;
    }
}

/* dz of the two smooth ones. */
static double smooth(kind g, int mistake, double a, double da)
{
    double right = slope_of(g, a, 0), b = forward(g, a, 0);
    switch (mistake) {
    case A_TAKEN_FOR_Z: return da * slope_of(g, b, 0);
    case NO_UPSTREAM: return right;
    case NO_SLOPE: return da;
    case UPSTREAM_AS_A: return slope_of(g, da, 0);
    case ONE_MINUS_A: return da * (1 - a);
    case A_ONLY: return da * a;
    case OTHER_SIGMOID: return da * a * (1 - a);
    case OTHER_TANH: return da * (1 - a * a);
    case DIFFERENCE_SQUARED: return da * (1 - a) * (1 - a);
    case PLUS: return da * (g == SIGMOID ? a * (1 + a) : 1 + a * a);
    case TWICE: return da * right * right;
    case SQUARE_ONLY: return da * a * a;
    case DIVIDED: return da / right;
    case ADDED: return da + right;
    case PRECEDENCE: return g == SIGMOID ? da * a - a : da - a * a;
    default: return da * b; /* FORWARD */
    }
}

static double cornered(const problem_of *t, int mistake, double a, double da)
{
    int on = a > 0;
    double off = t->g == RELU ? 0 : t->slope;
    switch (mistake) {
    case NO_UPSTREAM: return on ? 1 : off;
    case NO_SLOPE: return da;
    case TIMES_A: return da * a;
    case AT_0_AS_ABOVE: return a >= 0 ? da : off * da;
    case INVERTED: return on ? da * off : da;
    case SIGN_OF_DA: return da > 0 ? da : off * da;
    case SLOPE_EVERYWHERE: return off * da;
    case OTHER_RELU: return on ? da : 0;
    case SLOPE_FIXED: return on ? da : 0.01 * da;
    case SLOPE_SWAPPED: return on ? da : a * da;
    case SLOPE_SIGN: return on ? da : -off * da;
    case SLOPE_DIVIDES: return on ? da : da / t->slope;
    case A_COMES_THROUGH: return on ? a : off * a;
    case SLOPE_ALONE: return on ? da : off;
    case A_BELOW: return on ? da : off * a;
    default: return on ? da : off * da;
    }
}

static void dz_formula(const void *problem, int mistake, double *dz)
{
    const problem_of *t = problem;
    for (int i = 0; i < t->n; i++) {
        double a = t->a[i], da = t->da[i];
        if (mistake == RIGHT) dz[i] = da * slope_of(t->g, a, t->slope);
        else dz[i] = t->g <= TANH ? smooth(t->g, mistake, a, da) : cornered(t, mistake, a, da);
    }
}

#define CHAIN "the slope alone: by the chain rule it is multiplied by da"
#define PASSED_ON "this is da itself: multiply it by the slope of the activation"

const kit_mistake kit_mistakes[] = {
    { "sigmoid", RIGHT, "F2.6:  dz = da * a (1 - a)" },
    { "sigmoid", NO_UPSTREAM, CHAIN },
    { "sigmoid", NO_SLOPE, PASSED_ON },
    { "sigmoid", A_TAKEN_FOR_Z,
      "a was taken for z: it has been through the sigmoid already, so do not apply it again" },
    { "sigmoid", UPSTREAM_AS_A, "a and da are exchanged: da (1 - da) was computed" },
    { "sigmoid", ONE_MINUS_A, "a is missing: the slope is a (1 - a)" },
    { "sigmoid", A_ONLY, "1 - a is missing: the slope is a (1 - a)" },
    { "sigmoid", OTHER_TANH, "1 - a^2 is the slope of tanh: the sigmoid has a (1 - a)" },
    { "sigmoid", PLUS, "a (1 + a): it is a (1 - a)" },
    { "sigmoid", TWICE, "the slope was multiplied in twice" },
    { "sigmoid", SQUARE_ONLY, "a^2: the slope is a (1 - a), which is a - a^2" },
    { "sigmoid", ADDED, "the slope was added to da: it multiplies it" },
    { "sigmoid", PRECEDENCE, "1 - a needs brackets: da * a * 1 - a is something else" },
    { "sigmoid", DIVIDED, "divided by the slope: da is multiplied by it" },
    { "sigmoid", FORWARD, "that is the sigmoid of a, not its slope: a (1 - a)" },
    { "tanh", RIGHT, "F2.6:  dz = da * (1 - a^2)" },
    { "tanh", NO_UPSTREAM, CHAIN },
    { "tanh", NO_SLOPE, PASSED_ON },
    { "tanh", A_TAKEN_FOR_Z,
      "a was taken for z: it has been through tanh already, so do not apply it again" },
    { "tanh", UPSTREAM_AS_A, "a and da are exchanged: 1 - da^2 was computed" },
    { "tanh", ONE_MINUS_A, "1 - a: a has to be squared" },
    { "tanh", DIFFERENCE_SQUARED, "(1 - a)^2: only a is squared, 1 - a^2" },
    { "tanh", OTHER_SIGMOID, "a (1 - a) is the slope of the sigmoid: tanh has 1 - a^2" },
    { "tanh", PLUS, "1 + a^2: it is 1 - a^2" },
    { "tanh", TWICE, "the slope was multiplied in twice" },
    { "tanh", SQUARE_ONLY, "a^2: the slope is 1 - a^2" },
    { "tanh", ADDED, "the slope was added to da: it multiplies it" },
    { "tanh", PRECEDENCE, "1 - a * a needs brackets: da * 1 - a * a is something else" },
    { "tanh", DIVIDED, "divided by the slope: da is multiplied by it" },
    { "tanh", FORWARD, "that is tanh of a, not its slope: 1 - a^2" },
    { "relu", RIGHT, "F2.6:  dz = da where a > 0, else 0" },
    { "relu", NO_UPSTREAM, CHAIN },
    { "relu", NO_SLOPE,
      "this is da itself: it comes through only where a > 0 (not a >= 0, which is everywhere)" },
    { "relu", TIMES_A, "multiplied by a: the slope is 1 where a > 0" },
    { "relu", A_COMES_THROUGH, "a came through: where a > 0, da does" },
    { "relu", INVERTED, "the wrong way round: da comes through where a > 0" },
    { "relu", SIGN_OF_DA, "the ReLU was applied to da: what counts is whether a > 0" },
    { "leaky(a=0)", AT_0_AS_ABOVE,
      "where a is 0, the slope is `slope`: ask for a > 0, not a >= 0" },
    { "leaky", RIGHT, "dz = da where a > 0, else slope * da" },
    { "leaky", NO_UPSTREAM, CHAIN },
    { "leaky", NO_SLOPE, PASSED_ON },
    { "leaky", TIMES_A, "multiplied by a: the slope is 1 where a > 0" },
    { "leaky", SLOPE_SIGN, "the sign is wrong below 0: slope * da" },
    { "leaky", SLOPE_DIVIDES, "divided by slope: below 0 it multiplies da" },
    { "leaky", A_COMES_THROUGH, "a came through: da does, times the slope" },
    { "leaky", INVERTED, "the wrong way round: da itself where a > 0" },
    { "leaky", SIGN_OF_DA, "the leaky ReLU was applied to da: what counts is whether a > 0" },
    { "leaky", SLOPE_EVERYWHERE, "`slope` everywhere: it belongs to a below 0" },
    { "leaky", OTHER_RELU, "that is a plain ReLU's: below 0, slope * da is left" },
    { "leaky", SLOPE_FIXED, "0.01 was taken: the slope is an argument" },
    { "leaky", SLOPE_SWAPPED, "multiplied by a below 0: by `slope`, the derivative of slope * z" },
    { "leaky", A_BELOW, "a stands for da below 0: slope * da" },
    { "leaky", SLOPE_ALONE, "da is missing below 0: slope * da" },
    { 0 },
};

static void call(const problem_of *t)
{
    if (t->g == SIGMOID) sigmoid_backward(t->a, t->da, t->n, t->dz);
    if (t->g == TANH) tanh_backward(t->a, t->da, t->n, t->dz);
    if (t->g == RELU) relu_backward(t->a, t->da, t->n, t->dz);
    if (t->g == LEAKY) leaky_relu_backward(t->a, t->da, t->n, t->slope, t->dz);
}

/* z of both signs, whatever the seed. */
static problem_of new_problem(kind g, int n)
{
    problem_of t = { g,
                     n,
                     kit_input("z", 1, n),
                     kit_input("a", 1, n),
                     kit_input("da", 1, n),
                     kit_output("dz", 1, n),
                     kit_uniform(0.05, 0.4) };
    kit_size("n", n);
    for (int i = 0; i < n; i++) t.z[i] = (i % 2 ? 1 : -1) * fabs(t.z[i]);
    for (int i = 0; i < n; i++) t.a[i] = forward(g, t.z[i], t.slope);
    return t;
}

static double loss(const void *problem, uint64_t *winners)
{
    const problem_of *t = problem;
    double sum = 0;
    for (int i = 0; i < t->n; i++) {
        sum += t->da[i] * forward(t->g, t->z[i], t->slope);
        kit_winner(winners, t->g >= RELU && t->z[i] > 0);
    }
    return sum;
}

/* A random one, a numeric one, and the ends: where the function is flat, or has its corner. */
static void climb(kind g, const char *name, const char *ends, double low, double high)
{
    problem_of t = new_problem(g, kit_between(0, 1) ? 7 : 11);
    call(&t);
    kit_rung(name, t.dz, 1, t.n, dz_formula, &t, KIT_TOLERANCE);
    kit_gradient("numeric", t.dz, t.z, 1, t.n, loss, &t);
    t = new_problem(g, 6);
    t.a[2] = low, t.a[3] = high;
    t.da[2] = 1.25, t.da[3] = -0.75;
    call(&t);
    kit_rung(ends, t.dz, 1, t.n, dz_formula, &t, KIT_TOLERANCE);
}

static void check_sigmoid(void)
{
    climb(SIGMOID, "sigmoid", "sigmoid(a=1)", 0, 1);
}

static void check_tanh(void)
{
    climb(TANH, "tanh", "tanh(a=1)", -1, 1);
}

static void check_relu(void)
{
    climb(RELU, "relu", "relu(a=0)", 0, 0);
}

static void check_leaky(void)
{
    climb(LEAKY, "leaky", "leaky(a=0)", 0, 0);
}

const kit_check kit_checks[] = {
    { "sigmoid", 2, 1, check_sigmoid },
    { "tanh", 2, 2, check_tanh },
    { "relu", 2, 3, check_relu },
    { "leaky", 2, 4, check_leaky },
    { 0 },
};

/* Slopes from the learner's functions, and measured ones. */
void kit_reward(void)
{
    static const char *const names[] = { "sigmoid", "tanh", "ReLU", "leaky ReLU 0.2" };
    printf("slope from a, by your functions, and (g(z + h) - g(z - h)) / 2h with h = 1e-5:\n");
    printf("      z");
    for (int g = 0; g < 4; g++) printf("  %16s", names[g]);
    putchar('\n');
    for (int step = -3; step <= 3; step++) {
        double z = step + 0.25;
        printf("  %5.2f", z);
        for (int g = 0; g < 4; g++) {
            double a = forward((kind)g, z, 0.2), one = 1, dz = 0, h = 1e-5;
            problem_of t = { (kind)g, 1, &z, &a, &one, &dz, 0.2 };
            call(&t);
            double up = forward((kind)g, z + h, 0.2), down = forward((kind)g, z - h, 0.2);
            printf("  %7.5f  %7.5f", dz, (up - down) / (2 * h));
        }
        putchar('\n');
    }
}
