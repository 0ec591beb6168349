// 1969 XOR: what one neuron cannot, and two layers can
// needs: 02_dot_bias 04_mlp_forward
// broken: 02_dot_bias/no_bias 02_dot_bias/sign_flipped 04_mlp_forward/hidden_step
// broken: 04_mlp_forward/last_missing_activation 04_mlp_forward/w_transposed
#include "milestone.h"
#include "exercises/02_dot_bias/exercise.h"
#include "exercises/04_mlp_forward/exercise.h"

enum { STEPS = 17, ROWS = 9, COLS = 25 };

static const double corners[8] = { 0, 0, 0, 1, 1, 0, 1, 1 };
static const int target[4] = { 0, 1, 1, 0 };

/* Not symmetric, so that an exchange of rows and columns is seen: XOR = h0 - h1. */
static const double W1[4] = { 1, 1, 2, 2 }, b1[2] = { 0, -2 }, W2[2] = { 8, -8 }, b2 = -4;

static double reference_neuron(const double *w, const double *x, double b)
{
    return w[0] * x[0] + w[1] * x[1] + b;
}

static double reference_network(const double *x)
{
    double z = b2;
    for (int h = 0; h < 2; h++) z += W2[h] * fmax(0, reference_neuron(W1 + 2 * h, x, b1[h]));
    return 1 / (1 + exp(-z));
}

/* Your two layers on n samples. */
static void your_network(const double *X, int n, double *p)
{
    static double z1[2 * ROWS * COLS], a1[2 * ROWS * COLS], z2[ROWS * COLS];
    const layer layers[2] = { { 2, 2, W1, b1, z1, a1 }, { 2, 1, W2, &b2, z2, p } };
    mlp_forward(X, n, layers, 2);
}

/* All neurons with weights of quarters from -2 to 2: how many get 0 to 4 corners right. Returns 0 if
   yours gives another z than the reference's anywhere. */
static int search(int yours[5], int other[5], double best[3])
{
    int most = -1, same = 1;
    for (int k = 0; k < STEPS * STEPS * STEPS; k++) {
        double w[2] = { k % STEPS / 4.0 - 2, k / STEPS % STEPS / 4.0 - 2 };
        double b = k / STEPS / STEPS / 4.0 - 2;
        int right = 0, other_right = 0;
        for (int s = 0; s < 4; s++) {
            const double *x = corners + 2 * s;
            double z = dot_bias(w, x, b, 2), reference = reference_neuron(w, x, b);
            right += (z > 0) == target[s], other_right += (reference > 0) == target[s];
            same &= milestone_same(z, reference);
        }
        yours[right]++, other[other_right]++;
        if (right > most) most = right, best[0] = w[0], best[1] = w[1], best[2] = b;
    }
    return same;
}

static int search_and_print(double best[3])
{
    int yours[5] = { 0 }, other[5] = { 0 }, same = search(yours, other, best);
    printf("All %d neurons with weights -2, -1.75 ... 2, on the four corners of XOR:\n"
           "  right   by your dot_bias   by the reference's\n",
           STEPS * STEPS * STEPS);
    for (int right = 4; right >= 0; right--)
        printf("  %d of 4 %18d %20d\n", right, yours[right], other[right]);
    if (!same) printf("\nYour neuron answers other than it should: ./learn run 02\n");
    else
        printf(
            "The best have 75 %%: no line has (0,1) and (1,0) on one side of it, and the rest on\n"
            "the other.\n");
    return same && yours[4] == 0 && yours[3] > 0;
}

static int try_network(void)
{
    double p[4] = { NAN, NAN, NAN, NAN };
    int right = 0, same = 1;
    your_network(corners, 4, p);
    printf("\nTwo layers, the weights set by hand:  x      yours   reference\n");
    for (int s = 0; s < 4; s++) {
        double reference = reference_network(corners + 2 * s);
        printf("%38g %g %11.6f %11.6f\n", corners[2 * s], corners[2 * s + 1], p[s], reference);
        right += (p[s] > 0.5) == target[s], same &= milestone_same(p[s], reference);
    }
    if (!same) printf("\nYour layers answer other than they should: ./learn run 04\n");
    return same && right == 4;
}

/* The plane around the corners; returns 0 if your layers answer otherwise than the reference's. */
static int draw(const double best[3])
{
    static double X[2 * ROWS * COLS], p[ROWS * COLS];
    int same = 1;
    for (int k = 0; k < ROWS * COLS; k++)
        X[2 * k] = k % COLS * 1.5 / (COLS - 1) - 0.25, X[2 * k + 1] = 1.25 - k / COLS * 1.5 / 8;
    your_network(X, ROWS * COLS, p);
    printf("\nYour best neuron            Your two layers             The reference's\n");
    for (int k = 0; k < 3 * ROWS * COLS; k++) {
        int picture = k / COLS % 3, at = k / COLS / 3 * COLS + k % COLS;
        double z = dot_bias(best, X + 2 * at, best[2], 2),
               reference = reference_network(X + 2 * at);
        same &= milestone_same(p[at], reference);
        putchar((picture == 0 ? z > 0 : (picture == 1 ? p[at] : reference) > 0.5) ? '#' : '.');
        if (k % COLS == COLS - 1) printf(picture < 2 ? "   " : "\n");
    }
    if (!same) printf("\nYour layers answer other than they should: ./learn run 04\n");
    return same;
}

int main(void)
{
    double best[3] = { 0, 0, 0 };
    printf(
        "1969. In their book Perceptrons, Marvin Minsky and Seymour Papert prove what perceptrons\n"
        "with one layer of weights cannot compute. The smallest case is XOR. A hidden layer can,\n"
        "but the perceptron's rule does not say how to train one.\n\n");
    int neuron = search_and_print(best), network = try_network();
    return milestone_end(neuron && network && draw(best));
}
