/* Chapter 03: losses. How wrong is a prediction, in one number, and which way is down?

     1. by hand      four predictions: squared error and cross-entropy, each term; nn.h agrees
     2. slips        a sum of differences, and log loss with its bracket forgotten
     3. classes      cross-entropy over three classes, and its gradient through softmax
     4. saturated    a neuron that is sure and wrong, learning under each of the two losses

   P4, whose targets are neither 0 nor 1, is in p4.c.                                           */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum { N = 4, C = 3, STEPS = 300, POINTS = 99 };

static const double target[N] = { 1, 0, 1, 0 };
static const double guess[N] = { 0.9, 0.2, 0.6, 0.7 };

/* ---- the formulas, over n samples ----------------------------------------------------------- */

static double mse(const double *yhat, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (y[i] - yhat[i]) * (y[i] - yhat[i]);                                     /* F3.1 */
    return sum / n;
}

static double bce(const double *yhat, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += y[i] * log(yhat[i]) + (1 - y[i]) * log(1 - yhat[i]);                     /* F3.2 */
    return -sum / n;
}

static double cross_entropy(const double *p, const double *q)
{
    double sum = 0;
    for (int i = 0; i < C; i++)
        if (p[i] > 0) sum += p[i] * log(q[i]);          /* F3.3; 0 log q is 0                   */
    return -sum;
}

/* Of one sample, by z, when q is a softmax of z and `label` the right class. */
static void class_slopes(double *dz, const double *q, int label)
{
    for (int i = 0; i < C; i++) dz[i] = q[i] - (i == label);    /* F3.6: q - p                  */
}

/* The slopes by the prediction, for one sample. */
static double mse_slope(double yhat, double y) { return 2 * (yhat - y); }
static double bce_slope(double yhat, double y) { return (yhat - y) / (yhat * (1 - yhat)); }

/* ---- by hand -------------------------------------------------------------------------------- */

static void print_by_hand(void)
{
    double squares = 0, logs = 0;
    printf("| y | yhat | y - yhat | squared | its slope | -log | its slope |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < N; i++) {
        double y = target[i], yhat = guess[i], square = mse(&yhat, &y, 1), nats = bce(&yhat, &y, 1);
        printf("| %g | %g | %.1f | %.2f | %.1f | %.4f | %.4f |\n", y, yhat, y - yhat, square,
               mse_slope(yhat, y), nats, bce_slope(yhat, y));
        squares += square, logs += nats;
    }
    printf("| | | sum | %.2f | | %.4f | |\n", squares, logs);
    printf("| | | mean | %.4f | | %.4f | |\n", mse(guess, target, N), bce(guess, target, N));
}

/* nn.h gives a loss for each sample; the loss of the batch is their mean. */
static int check_kernels(void)
{
    nn_real p[N], t[N], squares[N], nats[N];
    double sum[2] = { 0, 0 };
    for (int i = 0; i < N; i++) p[i] = (nn_real)guess[i], t[i] = (nn_real)target[i];
    nn_mse_forward(squares, p, t, N, 1);
    nn_bce_forward(nats, p, t, N, 1);
    for (int i = 0; i < N; i++) sum[0] += (double)squares[i], sum[1] += (double)nats[i];
    printf("\nnn.h: MSE %.4f, BCE %.4f\n", sum[0] / N, sum[1] / N);
    return fabs(sum[0] / N - mse(guess, target, N)) > 1e-6 ||
           fabs(sum[1] / N - bce(guess, target, N)) > 1e-6;
}

/* ---- slips ---------------------------------------------------------------------------------- */

static void print_slips(void)
{
    double differences = 0, first = 0, second = 0;
    for (int i = 0; i < N; i++) {
        differences += target[i] - guess[i];
        first += target[i] * log(guess[i]);
        second += (1 - target[i]) * log(1 - guess[i]);
    }
    printf("sum of differences: %.1f\n", differences);
    printf("log loss without its bracket: %.4f + (%.4f) = %.4f\n", -first / N, second,
           -first / N + second);
}

/* The last prediction, whose target is 0, gets worse and worse. */
static void print_changes(void)
{
    static const double last[] = { 0.1, 0.7, 0.99, 0.9999 };
    double p[N];
    memcpy(p, guess, sizeof p);
    printf("\n| last prediction | MSE | BCE |\n|---|---|---|\n");
    for (int k = 0; k < 4; k++) {
        p[N - 1] = last[k];
        printf("| %g | %.4f | %.4f |\n", last[k], mse(p, target, N), bce(p, target, N));
    }
}

/* ---- classes -------------------------------------------------------------------------------- */

static void softmax(double *q, const double *z)
{
    double m = fmax(z[0], fmax(z[1], z[2])), sum = 0;
    for (int i = 0; i < C; i++) sum += q[i] = exp(z[i] - m);                            /* F2.5 */
    for (int i = 0; i < C; i++) q[i] /= sum;
}

/* The same prediction as three yes-or-no questions. */
static void print_both_terms(const double *q, const double *p)
{
    double term[C], sum = 0;
    for (int i = 0; i < C; i++) sum += term[i] = bce(&q[i], &p[i], 1);                  /* F3.5 */
    printf("both terms for each class: %.4f + %.4f + %.4f = %.4f\n", term[0], term[1], term[2],
           sum);
}

static int print_classes(void)
{
    const double z[C] = { 1, 3, 2 }, p[C] = { 0, 1, 0 };
    const nn_real logits[C] = { 1, 3, 2 }, one = 1;
    const int label = 1;
    double q[C], slope[C], worst = 0;
    nn_real loss, share[C], dz[C] = { 0, 0, 0 };
    softmax(q, z);
    class_slopes(slope, q, label);
    printf("\n| class | z | q = softmax(z) | target p | q - p |\n|---|---|---|---|---|\n");
    for (int i = 0; i < C; i++)
        printf("| %d | %g | %.4f | %g | %.4f |\n", i, z[i], q[i], p[i], slope[i]);
    nn_sparse_cross_entropy_forward(&loss, share, logits, &label, 1, C);
    nn_sparse_cross_entropy_backward(dz, &one, share, &label, 1, C);                    /* F3.6 */
    for (int i = 0; i < C; i++) worst = fmax(worst, fabs((double)dz[i] - slope[i]));
    printf("\n-log %.5f = %.4f; nn.h from the class index %.4f, its gradient %s\n", q[label],
           cross_entropy(p, q), (double)loss, worst < 1e-6 ? "equal" : "DIFFERENT");
    print_both_terms(q, p);
    return !(worst < 1e-6);
}

/* ---- a saturated neuron --------------------------------------------------------------------- */

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

/* dL/dz of a sigmoid neuron: the loss's slope times the sigmoid's. */
static double mse_by_z(double yhat, double y) { return mse_slope(yhat, y) * yhat * (1 - yhat); }
static double bce_by_z(double yhat, double y) { return yhat - y; }                      /* F4.3 */

typedef double slope_function(double yhat, double y);

/* One bias learns, from z = -6 towards the target 1, at learning rate 1. Returns the first step at
   which yhat exceeds one half, or -1.                                                          */
static int learn(double *yhat, slope_function *slope)
{
    double z = -6;
    int turned = -1;
    for (int t = 0; t < STEPS; t++) {
        yhat[t] = sigmoid(z);
        if (yhat[t] > 0.5 && turned < 0) turned = t;
        z -= 1.0 * slope(yhat[t], 1);                                                   /* F5.1 */
    }
    return turned;
}

static double under_mse[STEPS], under_bce[STEPS];

static void print_saturated(void)
{
    int slow = learn(under_mse, mse_by_z), fast = learn(under_bce, bce_by_z);
    double p = under_mse[0];
    printf("\n| loss | yhat at first | dL/dz there | yhat after 10 steps | steps to one half |\n"
           "|---|---|---|---|---|\n");
    printf("| squared error | %.4f | %.4f | %.4f | %d |\n", p, mse_by_z(p, 1), under_mse[10], slow);
    printf("| cross-entropy | %.4f | %.4f | %.4f | %d |\n", p, bce_by_z(p, 1), under_bce[10], fast);
}

/* ---- figures -------------------------------------------------------------------------------- */

static int draw_losses(program *p)
{
    static double at[POINTS], loss[2][POINTS], slope[2][POINTS];
    const double t = 1;
    for (int i = 0; i < POINTS; i++) {
        at[i] = (i + 1) / 100.0;
        loss[0][i] = mse(&at[i], &t, 1), slope[0][i] = mse_by_z(at[i], t);
        loss[1][i] = bce(&at[i], &t, 1), slope[1][i] = bce_by_z(at[i], t);
    }
    plot_figure panel[2] = {
        { PLOT_LINES, .title = "The loss when the target is 1", .x_label = "prediction yhat",
          .y_label = "loss", .n = POINTS, .x_max = 1, .y_max = 4.6,
          .series = {{ "squared error", .y = loss[0], .x = at },
                     { "cross-entropy (nats)", .y = loss[1], .x = at }} },
        { PLOT_LINES, .title = "Its gradient by z, before the sigmoid",
          .x_label = "prediction yhat", .y_label = "dL/dz", .n = POINTS, .x_max = 1,
          .y_min = -1.05, .y_max = 0.05,
          .series = {{ "squared error", .y = slope[0], .x = at },
                     { "cross-entropy", .y = slope[1], .x = at }} } };
    return plot_panels(program_figure(p, "losses"),
                       "Far left, sure and wrong: cross-entropy pushes hard, squared error lets go",
                       .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

static int draw_saturated(program *p)
{
    return plot_lines(program_figure(p, "saturated"),
                      "A sure and wrong neuron: cross-entropy turns it at once",
                      "step of gradient descent", "prediction (the target is 1)", .n = STEPS,
                      .y_min = -0.02, .y_max = 1.05,
                      .series = {{ "learning under squared error", .y = under_mse },
                                 { "under cross-entropy", .y = under_bce }});
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "03_losses", 1,
                              "Losses by hand, their gradients, and a neuron that is sure and "
                              "wrong.");
    if (!p.worked) program_announce(&p, "losses and their gradients (nothing random)");
    print_by_hand();
    if (check_kernels()) return 1;
    print_slips();
    print_changes();
    if (print_classes()) return 1;
    print_saturated();
    return p.worked ? 0 : draw_losses(&p) | draw_saturated(&p);
}
