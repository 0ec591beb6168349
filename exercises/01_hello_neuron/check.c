/* Grader of 01_hello_neuron. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

#define NOISE 0.2

typedef struct neuron {
    double *w, *b;
} neuron;

/* All that one neuron can compute of two inputs, as bits: 8 for (0, 0), 4 for (0, 1), 2 for (1, 0),
   1 for (1, 1). XOR (6) and its opposite (9) are beyond it. */
enum {
    AND = 1,
    NEVER = 0,
    ALWAYS = 15,
    OR = 7,
    NAND = 14,
    NOR = 8,
    X0 = 3,
    X1 = 5,
    NOT_X0 = 12,
    NOT_X1 = 10,
    X0_NOT_X1 = 2,
    X1_NOT_X0 = 4,
    NOT_X0_OR_X1 = 13,
    NOT_X1_OR_X0 = 11
};

/* mistake 0 is the right formula, so that the gates are numbered from 100. */
#define GATE(bits) (100 + (bits))

static void a_formula(const void *problem, int mistake, double *a)
{
    int bits = mistake ? mistake - GATE(0) : AND;
    (void)problem;
    for (int k = 0; k < 4; k++) a[k] = bits >> (3 - k) & 1;
}

const kit_mistake kit_mistakes[] = {
    { "a", 0, "F1.1:  z = w[0] x[0] + w[1] x[1] + b,  a = 1 where z > 0;  a of 00, 01, 10, 11" },
    { "a", GATE(NEVER),
      "it never fires: w[0] + w[1] + b, which is z for (1, 1), has to be above 0" },
    { "a", GATE(ALWAYS), "it always fires: for (0, 0) z is b, so that b has to be below 0" },
    { "a", GATE(OR),
      "that is OR: one input alone must not be enough, so w[0] + b and w[1] + b have to be below "
      "0" },
    { "a", GATE(NAND), "that is NOT AND: turn the sign of all three numbers" },
    { "a", GATE(NOR), "that is NOT OR: it fires for (0, 0) alone. Weights above 0, b below 0" },
    { "a", GATE(X0), "it fires whenever x[0] is 1: w[0] + b has to be below 0" },
    { "a", GATE(X1), "it fires whenever x[1] is 1: w[1] + b has to be below 0" },
    { "a", GATE(NOT_X0), "it fires whenever x[0] is 0: w[0] has to be above 0, and b below" },
    { "a", GATE(NOT_X1), "it fires whenever x[1] is 0: w[1] has to be above 0, and b below" },
    { "a", GATE(X0_NOT_X1), "it fires for (1, 0) alone: x[1] speaks against it. w[1] above 0" },
    { "a", GATE(X1_NOT_X0), "it fires for (0, 1) alone: x[0] speaks against it. w[0] above 0" },
    { "a", GATE(NOT_X0_OR_X1), "it is silent for (1, 0) alone: b has to be below 0" },
    { "a", GATE(NOT_X1_OR_X0), "it is silent for (0, 1) alone: b has to be below 0" },
    { 0 },
};

static neuron learners_neuron(void)
{
    neuron t = { kit_output("w", 1, 2), kit_output("b", 1, 1) };
    and_neuron(t.w, t.b);
    return t;
}

/* z of input k: 00, 01, 10, 11. */
static double z_of(const neuron *t, int k)
{
    return t->w[0] * (k >> 1) + t->w[1] * (k & 1) + *t->b;
}

static int is_and(const neuron *t)
{
    int right = 1;
    for (int k = 0; k < 4; k++) right &= (z_of(t, k) > 0) == (k == 3);
    return right;
}

static void check_table(void)
{
    neuron t = learners_neuron();
    double a[4];
    for (int k = 0; k < 3; k++) {
        double number = k < 2 ? t.w[k] : *t.b;
        const char *name = k == 0 ? "w[0]" : k == 1 ? "w[1]" : "b";
        kit_true(name, isfinite(number) && number != KIT_UNWRITTEN, "%s %s", name,
                 isfinite(number) ? "was never set" : "is not a finite number");
    }
    for (int k = 0; k < 4; k++) a[k] = z_of(&t, k) > 0;
    kit_rung("a", a, 4, 1, a_formula, NULL, KIT_TOLERANCE);
}

/* The weights of an AND are above 0. Noise changes z by at most NOISE (w[0] + w[1]), up or down. */
static void check_margin(void)
{
    neuron t = learners_neuron();
    kit_true("AND", is_and(&t), "the table is not that of AND: mend that first");
    double sum = t.w[0] + t.w[1], needed = NOISE * sum * (1 - 1e-9);
    double smaller = fmin(t.w[0], t.w[1]), off = -fmax(z_of(&t, 1), z_of(&t, 2)), on = z_of(&t, 3);
    kit_true(
        "weights", smaller / 2 >= needed,
        "w[0] and w[1] are too unequal for any b: a second 1 raises z by as little as %.3g, but "
        "errors of %.1f in both inputs move it up and down over %.3g",
        smaller, NOISE, 2 * NOISE * sum);
    kit_true("z(1,1)", on >= needed,
             "b is too low: for (1, 1) z is %.3g, but for inputs of (%.1f, %.1f) it is %.3g", on,
             1 - NOISE, 1 - NOISE, on - NOISE * sum);
    kit_true("z(1,0)", off >= needed,
             "b is too high: for one 1 z is %.3g, but with both inputs %.1f larger it is %.3g%s",
             -off, NOISE, NOISE * sum - off,
             *t.b == -1 ? " (if you wrote -3 / 2: in C that is -1; write -1.5)" : "");
}

const kit_check kit_checks[] = {
    { "table", 3, 1, check_table },
    { "margin", 2, 1, check_margin },
    { 0 },
};

/* The line between the four inputs, and how much noise it bears. */
void kit_reward(void)
{
    double w[2], b;
    and_neuron(w, &b);
    printf("# where your neuron fires; the four inputs are marked 0 and 1:\n");
    for (int row = 0; row < 9; row++) {
        for (int col = 0; col < 33; col++) {
            double x0 = (col - 8) / 16.0, x1 = (6 - row) / 4.0;
            int corner = (x0 == 0 || x0 == 1) && (x1 == 0 || x1 == 1);
            int fires = w[0] * x0 + w[1] * x1 + b > 0;
            putchar(corner ? '0' + fires : fires ? '#' : '.');
        }
        putchar('\n');
    }
    double off = -fmax(w[0], w[1]) - b, on = w[0] + w[1] + b;
    printf("noise that it bears on each input: yours %.3f, the reference 0.250, the most that any "
           "can\n",
           fmin(off, on) / (w[0] + w[1]));
}
