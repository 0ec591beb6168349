/* Grader of 02_dot_bias. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

typedef struct neuron {
    const double *w, *x;
    double b;
    int n;
} neuron;

enum {
    RIGHT,
    NO_BIAS,
    BIAS_EACH_TIME,
    BIAS_ONE_MORE,
    BIAS_SUBTRACTED,
    LAST_MISSING,
    FIRST_MISSING,
    ADDED,
    NO_WEIGHTS,
    NO_INPUTS,
    ALWAYS_W_0,
    ALWAYS_X_0,
    OVERWRITTEN,
    OVERWRITTEN_BIAS,
    WHOLE_NUMBERS,
    MEAN,
    ACTIVATED,
    RELU,
    ZERO,
    REVERSED,
    FIRST_ONLY,
    BIAS_MULTIPLIED,
    PRODUCT_OF_SUMS,
    PRODUCTS_SUBTRACTED,
    ALWAYS_ENTRY_0
};

static void other_mistakes(const neuron *p, int mistake, double sum, double *z)
{
    double reversed = 0, sum_w = 0, sum_x = 0;
    for (int i = 0; i < p->n; i++) {
        reversed += p->w[i] * p->x[p->n - 1 - i];
        sum_w += p->w[i], sum_x += p->x[i];
    }
    if (mistake == REVERSED) *z = reversed + p->b;
    if (mistake == PRODUCT_OF_SUMS) *z = sum_w * sum_x + p->b;
    if (mistake == BIAS_MULTIPLIED) *z = sum * p->b;
    if (mistake == PRODUCTS_SUBTRACTED) *z = p->b - sum;
    if (p->n == 0) return;
    if (mistake == FIRST_ONLY) *z = p->w[0] * p->x[0] + p->b;
    if (mistake == ALWAYS_ENTRY_0) *z = p->n * p->w[0] * p->x[0] + p->b;
}

static void z_formula(const void *problem, int mistake, double *z)
{
    const neuron *p = problem;
    double sum = 0;
    int whole = 0;
    for (int i = mistake == FIRST_MISSING; i < p->n - (mistake == LAST_MISSING); i++) {
        double w = p->w[mistake == ALWAYS_W_0 ? 0 : i], x = p->x[mistake == ALWAYS_X_0 ? 0 : i];
        if (mistake == NO_WEIGHTS) w = 1;
        if (mistake == NO_INPUTS) x = 1;
        double product = mistake == ADDED ? w + x : w * x;
        int over = mistake == OVERWRITTEN || mistake == OVERWRITTEN_BIAS;
        sum = over ? product : sum + product;
        whole = (int)(whole + product);
    }
    double b = p->b;
    if (mistake == NO_BIAS) b = 0;
    if (mistake == BIAS_EACH_TIME) b *= p->n;
    if (mistake == BIAS_ONE_MORE) b *= p->n + 1;
    if (mistake == BIAS_SUBTRACTED) b = -b;
    if (mistake == OVERWRITTEN_BIAS && p->n > 0) b = 0;
    *z = sum + b;
    if (mistake >= REVERSED) other_mistakes(p, mistake, sum, z);
    if (mistake == WHOLE_NUMBERS) *z = whole + b;
    if (mistake == MEAN && p->n > 0) *z = sum / p->n + b;
    if (mistake == ACTIVATED) *z = 1 / (1 + exp(-*z));
    if (mistake == RELU) *z = fmax(0, *z);
    if (mistake == ZERO) *z = 0;
}

const kit_mistake kit_mistakes[] = {
    { "z", RIGHT, "F1.1:  z = w·x + b = w[0] x[0] + ... + w[n-1] x[n-1] + b" },
    { "z(n=7)", RELU, "an activation was applied (ReLU): z may be negative" },
    { "z", ZERO, "the result is 0: is the sum returned? Without inputs (n = 0), b is left" },
    { "z", NO_BIAS, "the bias is missing: add b, once" },
    { "z", BIAS_EACH_TIME, "b was added n times: it belongs outside of the loop" },
    { "z", BIAS_ONE_MORE,
      "b was added in each round, and once more: it belongs outside of the loop" },
    { "z", BIAS_SUBTRACTED, "b was subtracted: it is added" },
    { "z", LAST_MISSING, "the last input is left out: the loop must run to i = n - 1" },
    { "z", FIRST_MISSING, "the first input is left out: the first entry is w[0], not w[1]" },
    { "z", ADDED, "w[i] + x[i] was summed: a weight multiplies its input" },
    { "z", NO_WEIGHTS, "the inputs were summed without their weights" },
    { "z", NO_INPUTS, "the weights were summed without the inputs" },
    { "z", ALWAYS_W_0, "w[0] is in every product: use i as the index of w, too" },
    { "z", ALWAYS_X_0, "x[0] is in every product: use i as the index of x, too" },
    { "z", OVERWRITTEN, "only the last product is left: add each one to the sum (+=, not =)" },
    { "z", OVERWRITTEN_BIAS,
      "only the last product is left, and b is gone: add each product to z (+=, not =)" },
    { "z", WHOLE_NUMBERS, "the sum is kept in an int, which cuts off the fraction: use a double" },
    { "z", MEAN, "the sum was divided by n: a neuron takes the sum, not the mean" },
    { "z", ACTIVATED, "an activation was applied (sigmoid): z is what comes before it" },
    { "z", REVERSED, "w[i] met x from the other end: the same i for both" },
    { "z", FIRST_ONLY,
      "only the first product is there: does the loop return, or end, too early?" },
    { "z", BIAS_MULTIPLIED, "b multiplies the sum: it is added" },
    { "z", PRODUCT_OF_SUMS, "the sum of w times the sum of x: each w[i] multiplies its own x[i]" },
    { "z", PRODUCTS_SUBTRACTED, "the products were subtracted: they are added" },
    { "z", ALWAYS_ENTRY_0, "w[0] x[0] was added n times: use i as the index" },
    { 0 },
};

/* One neuron with n inputs. If `sign` is not 0, b is chosen so that z has that sign. */
static void try_neuron(const char *name, int n, int sign)
{
    neuron p = { kit_input("w", 1, n), kit_input("x", 1, n), kit_uniform(0.5, 1.5), n };
    double z;
    z_formula(&p, RIGHT, &z);
    if (sign && z * sign < 0.1) p.b += sign * 0.3 - z;
    kit_size("n", n);
    z = dot_bias(p.w, p.x, p.b, n);
    kit_rung(name, &z, 1, 1, z_formula, &p, KIT_TOLERANCE);
}

static void check_value(void)
{
    try_neuron("z(n=5)", 5, 1);
    try_neuron("z(n=7)", 7, -1);
    try_neuron("z(n=1)", 1, 0);
    try_neuron("z(n=many)", kit_between(20, 60), 0);
}

static void check_empty(void)
{
    try_neuron("z(n=0)", 0, 0);
}

const kit_check kit_checks[] = {
    { "value", 3, 1, check_value },
    { "empty", 1, 1, check_empty },
    { 0 },
};

/* The line z = 0 that a neuron draws through the plane, by the learner's own function. */
void kit_reward(void)
{
    const double w[2] = { kit_uniform(0.5, 1), kit_uniform(-1, 1) }, b = kit_uniform(-0.3, 0.3);
    double worst = 0;
    printf("Your neuron divides the plane: # where z = %.2f x0 %+.2f x1 %+.2f > 0\n", w[0], w[1],
           b);
    for (int row = 0; row < 9; row++) {
        for (int col = 0; col < 37; col++) {
            double x[2] = { col / 18.0 - 1, 1 - row / 4.0 };
            double yours = dot_bias(w, x, b, 2);
            worst = fmax(worst, fabs(yours - (w[0] * x[0] + w[1] * x[1] + b)));
            putchar(yours > 0 ? '#' : '.');
        }
        putchar('\n');
    }
    printf("yours against the reference, 333 points: largest difference %.1e\n", worst);
}
