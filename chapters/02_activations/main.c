/* Chapter 02: activation functions, each with its slope.

   The slope decides how much of an error reaches the weights (chapter 05), so a function is judged
   by both. Where the slope is nearly 0 the function is saturated: the neuron hardly learns.

     1. values     each function and its slope at five points, and where it saturates
     2. check      the slopes against differences of the function
     3. softmax    by hand, its gradient, and what very large inputs do to it
     4. linear     two linear layers are one; with ReLU between them the same weights do XOR   */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum { POINTS = 121, C = 3, WORK = 1 << 16 };

static const double flat = 0.05;        /* a slope nearer to 0 than this counts as saturated    */

/* ---- the formulas --------------------------------------------------------------------------- */

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }                           /* F2.1 */
static double relu(double z) { return z > 0 ? z : 0; }                                  /* F2.2 */

/* tanh is in C's library [F2.3]; linear is z itself [F2.4]. Slopes from the output a: [F2.6]   */
static double sigmoid_slope(double a) { return a * (1 - a); }
static double tanh_slope(double a) { return 1 - a * a; }
static double relu_slope(double a) { return a > 0 ? 1 : 0; }

static void softmax(double *a, const double *z)
{
    double m = z[0], sum = 0;
    for (int i = 1; i < C; i++) if (z[i] > m) m = z[i];
    for (int i = 0; i < C; i++) sum += a[i] = exp(z[i] - m);    /* F2.5; exp of at most 0       */
    for (int i = 0; i < C; i++) a[i] /= sum;
}

/* dz from a and g = dL/da: every output depends on every input. [F2.6] */
static void softmax_slope(double *dz, const double *g, const double *a)
{
    double dot = 0;
    for (int j = 0; j < C; j++) dot += g[j] * a[j];
    for (int i = 0; i < C; i++) dz[i] = a[i] * (g[i] - dot);
}

/* ---- nn.h's kernels: a = g(z), and slope = g'(z) -------------------------------------------- */

static const double alpha_of[NN_ACTIVATION_COUNT] = { [NN_LEAKY_RELU] = 0.1, [NN_ELU] = 1 };

static void kernel(nn_activation g, const nn_real *z, nn_real *a, nn_real *slope, int n)
{
    static nn_real one[POINTS];
    for (int i = 0; i < n; i++) one[i] = 1, slope[i] = 0;       /* backward adds to it          */
    nn_activation_forward(g, alpha_of[g], a, z, (size_t)n);
    nn_activation_backward(g, alpha_of[g], slope, one, z, a, (size_t)n);
}

/* ---- values --------------------------------------------------------------------------------- */

static void print_values(void)
{
    static const double at[] = { -4, -1, 0, 1, 4 };
    printf("| z | sigmoid | slope | tanh | slope | ReLU | slope | linear | slope |\n"
           "|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 5; i++) {
        double z = at[i], s = sigmoid(z), t = tanh(z), r = relu(z);
        printf("| %g | %.4f | %.4f | %.5f | %.4f | %g | %g | %g | 1 |\n", z, s, sigmoid_slope(s), t,
               tanh_slope(t), r, relu_slope(r), z);
    }
}

/* Where the slope is 0.05: a (1 - a) = 0.05 and 1 - a² = 0.05, solved for a, then for z. */
static double sigmoid_edge(void)
{
    double a = (1 + sqrt(1 - 4 * flat)) / 2;
    return log(a / (1 - a));
}

static double tanh_edge(void) { return atanh(sqrt(1 - flat)); }

static void print_saturation(void)
{
    printf("\nslope below %g: sigmoid beyond %.2f, tanh beyond %.2f, ReLU below 0\n",
           flat, sigmoid_edge(), tanh_edge());
    printf("largest slope: sigmoid %g, tanh 1; ten sigmoids in a row: at most %.8f\n",
           sigmoid_slope(0.5), pow(sigmoid_slope(0.5), 10));
}

/* The kernels' slopes against (g(z + h) - g(z - h)) / 2h, where a float can tell. */
static int check_slopes(void)
{
    const double h = 0.01;
    double worst = 0;
    nn_real z[3], a[3], slope[3];
    for (int g = NN_LINEAR; g <= NN_SOFTPLUS; g++)
        for (int i = -40; i < 40; i++) {
            double middle = 0.1 * i + 0.05;             /* never at the kink of ReLU            */
            for (int k = 0; k < 3; k++) z[k] = (nn_real)(middle + (k - 1) * h);
            kernel((nn_activation)g, z, a, slope, 3);
            worst = fmax(worst, fabs((double)(a[2] - a[0]) / (2 * h) - (double)slope[1]));
        }
    printf("nine slopes of nn.h at 80 points against differences: %s\n",
           worst < 1e-3 ? "equal to 3 digits" : "DIFFERENT");
    return !(worst < 1e-3);
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void print_row(const char *name, const double *v, int digits)
{
    double sum = v[0] + v[1] + v[2];
    printf("| %s | %.*f | %.*f | %.*f | %.4g |\n", name, digits, v[0], digits, v[1], digits, v[2],
           fabs(sum) < 1e-12 ? 0 : sum);
}

static void print_softmax(void)
{
    const double z[C] = { 1, 2, 3 }, g[C] = { 1, 0, 0 };
    double e[C], a[C], dz[C];
    for (int i = 0; i < C; i++) e[i] = exp(z[i] - 3);
    softmax(a, z);
    softmax_slope(dz, g, a);
    printf("\n| | i = 1 | i = 2 | i = 3 | sum |\n|---|---|---|---|---|\n");
    print_row("z", z, 0);
    print_row("e^(z - 3)", e, 4);
    print_row("a = softmax(z)", a, 4);
    print_row("g = dL/da", g, 0);
    print_row("dL/dz", dz, 4);
}

/* The same three numbers plus 1000: without the subtraction exp overflows, and inf/inf is NaN. */
static void print_overflow(void)
{
    const double z[C] = { 1001, 1002, 1003 };
    double a[C], sum = 0;
    for (int i = 0; i < C; i++) sum += exp(z[i]);
    softmax(a, z);
    printf("\nsoftmax(1001, 1002, 1003): without the maximum %s, with it %.4f %.4f %.4f\n",
           isnan(exp(z[0]) / sum) ? "NaN" : "a number", a[0], a[1], a[2]);
}

/* ---- linear layers -------------------------------------------------------------------------- */

/* Two layers by nn.h: y = W2 g(W1 x + b1) + b2, with g linear or ReLU. */
static nn_real two_layers(const nn_real *x, nn_activation g, nn_real z[2])
{
    static const nn_real w1[2][2] = { { 1, 1 }, { 1, 1 } }, b1[2] = { 0, -1 };
    static const nn_real w2[2] = { 1, -2 }, b2[1] = { 0 };
    static nn_real work[WORK];
    nn_real a[2], y;
    NN_ASSERT(nn_dense_work_size(1, 2, 2) <= WORK);
    nn_dense_forward(z, x, w1[0], b1, 1, 2, 2, work);           /* z = W1 x + b1                */
    nn_activation_forward(g, 0, a, z, 2);                       /* a = g(z)                     */
    nn_dense_forward(&y, a, w2, b2, 1, 2, 1, work);             /* y = W2 a + b2                */
    return y;
}

static void print_linear(void)
{
    static const nn_real x[4][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } };
    printf("\n| x | z | linear: y | one layer: 2 - x1 - x2 | ReLU(z) | with ReLU: y |\n"
           "|---|---|---|---|---|---|\n");
    for (int s = 0; s < 4; s++) {
        nn_real z[2];
        double straight = (double)two_layers(x[s], NN_LINEAR, z);
        double bent = (double)two_layers(x[s], NN_RELU, z);
        printf("| (%g, %g) | (%g, %g) | %g | %g | (%g, %g) | %g |\n", (double)x[s][0],
               (double)x[s][1], (double)z[0], (double)z[1], straight,
               2 - (double)x[s][0] - (double)x[s][1], relu((double)z[0]), relu((double)z[1]),
               bent);
    }
}

/* ---- figures -------------------------------------------------------------------------------- */

static double value[NN_ACTIVATION_COUNT][POINTS], slopes[NN_ACTIVATION_COUNT][POINTS];

static void fill_curves(void)
{
    static nn_real z[POINTS], a[POINTS], slope[POINTS];
    for (int i = 0; i < POINTS; i++) z[i] = (nn_real)(0.1 * (i - 60));
    for (int g = NN_LINEAR; g <= NN_SOFTPLUS; g++) {
        kernel((nn_activation)g, z, a, slope, POINTS);
        for (int i = 0; i < POINTS; i++) {
            value[g][i] = (double)a[i];
            slopes[g][i] = (double)slope[i];
        }
    }
}

static plot_figure curve(nn_activation g, const char *title, double low, double high)
{
    return (plot_figure){ PLOT_LINES, .title = title, .x_label = "z", .y_label = "a, slope",
        .n = POINTS, .x0 = -6, .dx = 0.1, .y_min = low, .y_max = high,
        .series = {{ "the function a = g(z)", .y = value[g] },
                   { "its slope g'(z)", .y = slopes[g], .style = PLOT_DASHED }} };
}

static int draw_curves(program *p)
{
    double s = sigmoid_edge(), t = tanh_edge();
    plot_figure panel[4] = { curve(NN_SIGMOID, "sigmoid", -0.1, 1.1),
                             curve(NN_TANH, "tanh", -1.2, 1.2),
                             curve(NN_RELU, "ReLU", -1, 4), curve(NN_LINEAR, "linear", -4, 4) };
    const plot_mark zone[3][2] = { { { -6, "", -s, 1 }, { s, "", 6, 1 } },
                                   { { -6, "", -t, 1 }, { t, "", 6, 1 } },
                                   { { -6, "", 0, 1 } } };
    for (int k = 0; k < 3; k++) memcpy(panel[k].marks, zone[k], sizeof zone[k]);
    return plot_panels(program_figure(p, "functions"),
                       "Grey: the slope is below 0.05, and the neuron hardly learns",
                       .panels = panel, .n = 4, .columns = 2, .shared_legend = 1);
}

static int draw_relatives(program *p)
{
    static const nn_activation kind[] = { NN_RELU, NN_LEAKY_RELU, NN_ELU, NN_GELU, NN_SILU,
                                          NN_SOFTPLUS };
    plot_figure panel[2] = {
        { PLOT_LINES, .title = "The functions", .y_min = -1.2, .y_max = 4 },
        { PLOT_LINES, .title = "Their slopes", .y_min = -0.2, .y_max = 1.2 } };
    for (int f = 0; f < 2; f++) {
        panel[f].x_label = "z", panel[f].y_label = f ? "slope" : "a = g(z)";
        panel[f].n = 81, panel[f].x0 = -4, panel[f].dx = 0.1;
        for (int k = 0; k < 6; k++)
            panel[f].series[k] = (plot_series){ nn_activation_name(kind[k]),
                                                .y = (f ? slopes : value)[kind[k]] + 20 };
    }
    return plot_panels(program_figure(p, "relatives"),
                       "Relatives of ReLU: below zero they do not switch off at once",
                       .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

static int draw_softmax(program *p)
{
    static const char *const name[] = { "z = 1", "z = 2", "z = 3" };
    static const double times[3] = { 0.2, 1, 5 };
    double a[3][C], z[C];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < C; i++) z[i] = times[k] * (i + 1);
        softmax(a[k], z);
    }
    return plot_bars(program_figure(p, "softmax"),
                     "Softmax: close inputs share evenly, a clear winner takes all",
                     "input", "share", .n = C, .names = name, .numbers = 1, .digits = 2,
                     .y_max = 1.1, .series = {{ "z times 0.2", .y = a[0] }, { "z", .y = a[1] },
                                              { "z times 5", .y = a[2] }});
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "02_activations", 1,
                              "Activation functions and their slopes; softmax; why linear layers "
                              "do not stack.");
    if (!p.worked) program_announce(&p, "activation functions and their slopes (nothing random)");
    print_values();
    print_saturation();
    if (check_slopes()) return 1;
    print_softmax();
    print_overflow();
    print_linear();
    if (p.worked) return 0;
    fill_curves();
    return draw_curves(&p) || draw_relatives(&p) || draw_softmax(&p);
}
