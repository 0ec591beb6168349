/* Grader of 05_activations. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum { N = 11 };

typedef struct points {
    double *z, slope;
} points;

enum {
    RIGHT,
    INFINITY_OVER_INFINITY,
    NO_MINUS,
    PRECEDENCE,
    ONE_MINUS,
    EXPONENTIAL,
    SLOPE_OF_IT,
    SIGMOID,
    TANH,
    HALF,
    INVERSE,
    SINH,
    TAN,
    SIGN_LOST,
    ONE_LEFT,
    IDENTITY,
    ABSOLUTE,
    INVERTED,
    LEAKY,
    RELU,
    STEP,
    SOFTPLUS,
    AT_MOST_1,
    SLOPE_ABOVE,
    SLOPE_EVERYWHERE,
    SLOPE_ADDED,
    SLOPE_DIVIDES,
    SLOPE_FIXED,
    SLOPE_SIGN,
    SLOPE_ALONE,
    NOTHING_ABOVE,
    ELU,
    SOFTSIGN,
    STRAIGHT,
    CUT_TO_INT
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static double sigmoid_of(int mistake, double z)
{
    switch (mistake) {
    case INFINITY_OVER_INFINITY: return exp(z) / (1 + exp(z));
    case NO_MINUS: return 1 / (1 + exp(z));
    case PRECEDENCE: return 1 + exp(-z);
    case ONE_MINUS: return 1 / (1 - exp(-z));
    case EXPONENTIAL: return exp(-z);
    case SLOPE_OF_IT: return sigmoid(z) * (1 - sigmoid(z));
    case TANH: return tanh(z);
    case STEP: return z > 0;
    case STRAIGHT: return fmin(1, fmax(0, 0.5 + z / 4));
    default: return sigmoid(z);
    }
}

static double tanh_of(int mistake, double z)
{
    double up = exp(z), down = exp(-z);
    switch (mistake) {
    case INFINITY_OVER_INFINITY: return (up - down) / (up + down);
    case NO_MINUS: return (1 - exp(-2 * z)) / (1 + exp(-2 * z));
    case ONE_MINUS: return (exp(2 * z) - 1) / (exp(2 * z) + 1);
    case PRECEDENCE: return up - down / up + down;
    case SLOPE_OF_IT: return 1 - tanh(z) * tanh(z);
    case SIGMOID: return sigmoid(z);
    case HALF: return tanh(z / 2);
    case INVERSE: return (up + down) / (up - down);
    case SINH: return sinh(z);
    case TAN: return tan(z);
    case STRAIGHT: return fmin(1, fmax(-1, z));
    case SOFTSIGN: return z / (1 + fabs(z));
    case SIGN_LOST: return tanh(fabs(z));
    case ONE_LEFT: return z < 0 ? -1 : 1;
    case CUT_TO_INT: return tanh((int)z);
    default: return tanh(z);
    }
}

static double relu_of(int mistake, double z)
{
    switch (mistake) {
    case IDENTITY: return z;
    case ABSOLUTE: return fabs(z);
    case INVERTED: return fmin(0, z);
    case LEAKY: return z > 0 ? z : 0.01 * z;
    case STEP: return z > 0;
    case SOFTPLUS: return log(1 + exp(z));
    case CUT_TO_INT: return fmax(0, (int)z);
    case AT_MOST_1: return fmin(1, fmax(0, z));
    default: return fmax(0, z);
    }
}

static double leaky_of(int mistake, double z, double slope)
{
    switch (mistake) {
    case RELU: return fmax(0, z);
    case IDENTITY: return z;
    case INVERTED: return fmin(z, slope * z);
    case SLOPE_ABOVE: return z > 0 ? slope * z : 0;
    case SLOPE_EVERYWHERE: return slope * z;
    case SLOPE_ADDED: return z > 0 ? z : z + slope;
    case SLOPE_DIVIDES: return z > 0 ? z : z / slope;
    case SLOPE_FIXED: return z > 0 ? z : 0.01 * z;
    case SLOPE_SIGN: return z > 0 ? z : -slope * z;
    case SLOPE_ALONE: return z > 0 ? z : slope;
    case NOTHING_ABOVE: return fmin(0, slope * z);
    case ELU: return z > 0 ? z : slope * (exp(z) - 1);
    default: return z > 0 ? z : slope * z;
    }
}

static void sigmoid_formula(const void *problem, int mistake, double *a)
{
    const points *t = problem;
    for (int i = 0; i < N; i++) a[i] = sigmoid_of(mistake, t->z[i]);
}

static void tanh_formula(const void *problem, int mistake, double *a)
{
    const points *t = problem;
    for (int i = 0; i < N; i++) a[i] = tanh_of(mistake, t->z[i]);
}

static void relu_formula(const void *problem, int mistake, double *a)
{
    const points *t = problem;
    for (int i = 0; i < N; i++) a[i] = relu_of(mistake, t->z[i]);
}

static void leaky_formula(const void *problem, int mistake, double *a)
{
    const points *t = problem;
    for (int i = 0; i < N; i++) a[i] = leaky_of(mistake, t->z[i], t->slope);
}

const kit_mistake kit_mistakes[] = {
    { "sigmoid", RIGHT, "F2.1:  sigmoid(z) = 1 / (1 + e^-z)" },
    { "sigmoid(large)", INFINITY_OVER_INFINITY,
      "e^z / (1 + e^z) is infinity / infinity for a large z: 1 / (1 + e^-z) is the same on paper, "
      "and safe" },
    { "sigmoid", NO_MINUS, "the minus is missing in exp(-z): yours falls where it should rise" },
    { "sigmoid", PRECEDENCE, "1 / 1 + exp(-z) is 1 + exp(-z): the sum needs brackets" },
    { "sigmoid", ONE_MINUS, "1 - e^-z stands below the line: it is 1 + e^-z" },
    { "sigmoid", EXPONENTIAL, "that is e^-z alone: 1 / (1 + e^-z)" },
    { "sigmoid", SLOPE_OF_IT, "that is the derivative of the sigmoid: the next exercise" },
    { "sigmoid", TANH, "that is tanh: a sigmoid lies between 0 and 1" },
    { "sigmoid", STEP, "that is 1 where z > 0: a sigmoid rises gently" },
    { "sigmoid", STRAIGHT,
      "three straight lines: that is a \"hard\" sigmoid. Take 1 / (1 + e^-z)" },
    { "tanh", RIGHT, "F2.3:  tanh(z) = (e^z - e^-z) / (e^z + e^-z)" },
    { "tanh(large)", INFINITY_OVER_INFINITY,
      "for a large z, e^z is infinity, above and below the line: divide both by e^|z| first" },
    { "tanh(large)", NO_MINUS,
      "for z = -1000, e^-2z is infinity, above and below the line: take e^-2|z|, and turn the sign "
      "at the end" },
    { "tanh(large)", ONE_MINUS,
      "for z = 1000, e^2z is infinity, above and below the line: take e^-2|z|, and turn the sign "
      "at the end" },
    { "tanh", PRECEDENCE, "the differences above and below the line need brackets" },
    { "tanh", SIGN_LOST, "the sign is lost: tanh(-z) = -tanh(z)" },
    { "tanh", ONE_LEFT,
      "1 or -1 is what (1 - e) / 1 + e leaves, whatever e: the sum below the line needs brackets" },
    { "tanh", CUT_TO_INT,
      "the fraction of z is cut off: abs() is for whole numbers, fabs() for doubles" },
    { "tanh", SLOPE_OF_IT, "that is the derivative of tanh: the next exercise" },
    { "tanh", SIGMOID, "that is a sigmoid: tanh lies between -1 and 1" },
    { "tanh", HALF, "that is tanh(z/2): 2 sigmoid(z) - 1 has e^-z where tanh has e^-2z" },
    { "tanh", INVERSE, "above and below the line are exchanged: the difference stands above" },
    { "tanh", SINH, "that is sinh: divide by e^z + e^-z, not by 2" },
    { "tanh", TAN, "that is the tangent of the circle, tan: tanh is the hyperbolic one" },
    { "tanh", STRAIGHT, "cut off at -1 and 1, and straight between: tanh bends" },
    { "tanh", SOFTSIGN, "z / (1 + |z|) is softsign: like tanh, but another function" },
    { "relu", RIGHT, "F2.2:  ReLU(z) = max(0, z)" },
    { "relu", IDENTITY, "z comes through unchanged: below 0 it becomes 0" },
    { "relu", ABSOLUTE, "that is the absolute value: below 0 it becomes 0" },
    { "relu", INVERTED, "the wrong way round: it keeps z above 0" },
    { "relu", LEAKY, "that is a leaky ReLU: below 0 it becomes 0" },
    { "relu", STEP, "that is 1 where z > 0: a ReLU lets z itself through" },
    { "relu", SOFTPLUS, "that is log(1 + e^z), a softplus: a ReLU is max(0, z)" },
    { "relu", CUT_TO_INT, "the fraction is cut off: keep z in a double" },
    { "relu", AT_MOST_1, "it stops at 1: a ReLU has no upper end" },
    { "leaky", RIGHT, "leaky ReLU(z) = z where z > 0, slope z where not" },
    { "leaky", RELU, "that is a plain ReLU: below 0, slope * z is left" },
    { "leaky", IDENTITY, "z comes through unchanged: below 0 it becomes slope * z" },
    { "leaky", INVERTED, "the wrong way round: z itself above 0, slope * z below" },
    { "leaky", SLOPE_ABOVE, "slope belongs to z below 0; above 0 z comes through" },
    { "leaky", SLOPE_EVERYWHERE, "slope * z everywhere: above 0 z comes through" },
    { "leaky", SLOPE_ADDED, "slope was added: below 0 it multiplies z" },
    { "leaky", SLOPE_DIVIDES, "divided by slope: below 0 it multiplies z" },
    { "leaky", SLOPE_FIXED, "0.01 was taken: the slope is an argument" },
    { "leaky", SLOPE_SIGN, "the sign is wrong below 0: slope * z is negative there" },
    { "leaky", NOTHING_ABOVE, "what is below 0 is right; above 0, z itself is missing" },
    { "leaky", ELU, "that is an ELU: below 0 a leaky ReLU is the straight line slope * z" },
    { "leaky", SLOPE_ALONE, "slope itself was returned: below 0 it is slope * z" },
    { 0 },
};

/* Whatever the seed: of both signs, below 1 and above 2, so that mistakes can be told apart. */
static points new_points(double spread)
{
    points t = { kit_input("z", 1, N), kit_uniform(0.05, 0.4) };
    for (int i = 0; i < N; i++) t.z[i] *= spread;
    for (int i = 0; i < 4; i++)
        t.z[i] = (i % 2 ? 1 : -1) * (i < 2 ? kit_uniform(0.2, 0.8) : kit_uniform(2.2, 2.8));
    return t;
}

/* 0, what is near it, and numbers whose exponentials do not fit into a double. */
static points large_points(void)
{
    static const double sizes[N] = { 0, 0.3, -0.3, 20, -20, 400, -400, 750, -750, 1000, -1000 };
    points t = new_points(1);
    for (int i = 0; i < N; i++) t.z[i] = sizes[i];
    return t;
}

typedef double function(double z, double slope);

static double call_sigmoid(double z, double slope)
{
    (void)slope;
    return act_sigmoid(z);
}

static double call_tanh(double z, double slope)
{
    (void)slope;
    return act_tanh(z);
}

static double call_relu(double z, double slope)
{
    (void)slope;
    return act_relu(z);
}

static void climb(const char *name, points t, function *f, kit_formula *formula)
{
    double *a = kit_output("a", 1, N);
    for (int i = 0; i < N; i++) a[i] = f(t.z[i], t.slope);
    kit_rung(name, a, 1, N, formula, &t, KIT_TOLERANCE);
}

/* f(-z) against what it must be: whole - f(z). */
static void mirror(const char *name, function *f, double whole, const char *says)
{
    points t = new_points(3);
    double left[N], right[N];
    for (int i = 0; i < N; i++) left[i] = f(-t.z[i], 0), right[i] = whole - f(t.z[i], 0);
    kit_same(name, left, right, N, KIT_TOLERANCE, says);
}

static void check_sigmoid(void)
{
    climb("sigmoid", new_points(3), call_sigmoid, sigmoid_formula);
    climb("sigmoid(large)", large_points(), call_sigmoid, sigmoid_formula);
    mirror("mirrored", call_sigmoid, 1, "sigmoid(-z) must be 1 - sigmoid(z)");
}

static void check_tanh(void)
{
    climb("tanh", new_points(2), call_tanh, tanh_formula);
    climb("tanh(large)", large_points(), call_tanh, tanh_formula);
    mirror("mirrored", call_tanh, 0, "tanh(-z) must be -tanh(z)");
}

static void check_relu(void)
{
    climb("relu", new_points(3), call_relu, relu_formula);
    climb("relu(large)", large_points(), call_relu, relu_formula);
}

static void check_leaky(void)
{
    points other = new_points(3);
    other.slope += 0.5;
    climb("leaky", new_points(3), act_leaky_relu, leaky_formula);
    climb("leaky(another slope)", other, act_leaky_relu, leaky_formula);
    climb("leaky(large)", large_points(), act_leaky_relu, leaky_formula);
}

const kit_check kit_checks[] = {
    { "sigmoid", 2, 1, check_sigmoid },
    { "tanh", 3, 2, check_tanh },
    { "relu", 1, 3, check_relu },
    { "leaky", 2, 4, check_leaky },
    { 0 },
};

/* The four curves, from z = -4 to 4. */
void kit_reward(void)
{
    static const char *const names[] = { "sigmoid", "tanh", "ReLU / 2", "leaky / 2" };
    double worst = 0;
    for (int k = 0; k < 4; k++) printf("%-19s", names[k]);
    putchar('\n');
    for (int row = 0; row < 9; row++) {
        for (int k = 0; k < 4; k++) {
            for (int col = 0; col < 17; col++) {
                double z = (col - 8) / 2.0;
                double yours[] = { act_sigmoid(z), act_tanh(z), act_relu(z) / 2,
                                   act_leaky_relu(z, 0.2) / 2 };
                double right[] = { sigmoid(z), tanh(z), fmax(0, z) / 2, (z > 0 ? z : 0.2 * z) / 2 };
                worst = fmax(worst, fabs(yours[k] - right[k]));
                int at = (int)floor(4.5 - 4 * yours[k]);
                putchar(at == row ? '#' : col == 8 ? '|' : row == 4 ? '-' : ' ');
            }
            printf("  ");
        }
        putchar('\n');
    }
    printf("yours against the reference: largest difference %.1e\n", worst);
}
