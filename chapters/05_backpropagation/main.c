/* Chapter 05: backpropagation, by hand and then through ten layers.

     1. by hand     a 2-2-1 network with nine parameters: forward, backward, every number
     2. check       the nine gradients against differences of the loss, and against nn.h's kernels
     3. what if     zero weights, equal weights, the other target
     4. F4.3        the right gradient of cross-entropy through a sigmoid, and the one that an
                    article prints: a gradient check, and what descending each of them does
     5. ten layers  the size of the gradient in each layer, for three activations               */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

/* ---- the 2-2-1 network ---------------------------------------------------------------------- */

typedef struct network {
    double W1[2][2], b1[2], W2[2], b2;          /* the nine parameters                          */
    double z1[2], a1[2], z2, p, loss;           /* what forward computes, in this order         */
    double delta2, da1[2], delta1[2];           /* what backward computes, in this order        */
    double dW1[2][2], db1[2], dW2[2], db2;      /* its result: a gradient for each parameter    */
} network;

static const network start = { .W1 = { { 0.4, -0.6 }, { 0.7, 0.2 } }, .b1 = { 0.1, -0.3 },
                               .W2 = { 0.5, -0.8 }, .b2 = 0.2 };
static const double x[2] = { 1, 0.5 };

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

static void forward(network *n, double y)
{
    n->z2 = n->b2;
    for (int i = 0; i < 2; i++) {
        n->z1[i] = n->W1[i][0] * x[0] + n->W1[i][1] * x[1] + n->b1[i];                  /* F1.1 */
        n->a1[i] = sigmoid(n->z1[i]);                                                   /* F2.1 */
        n->z2 += n->W2[i] * n->a1[i];                                                   /* F1.1 */
    }
    n->p = sigmoid(n->z2);                                                              /* F2.1 */
    n->loss = -(y * log(n->p) + (1 - y) * log(1 - n->p));                               /* F3.2 */
}

static void backward(network *n, double y)
{
    n->delta2 = n->p - y;                               /* F4.3: dL/dz2                         */
    n->db2 = n->delta2;                                 /* F4.4: dL/db2                         */
    for (int i = 0; i < 2; i++) {
        n->dW2[i] = n->delta2 * n->a1[i];               /* F4.4: dL/dW2                         */
        n->da1[i] = n->W2[i] * n->delta2;               /*       back through W2 ...            */
        n->delta1[i] = n->da1[i] * n->a1[i] * (1 - n->a1[i]);   /* ... and the slope: dL/dz1    */
        n->db1[i] = n->delta1[i];                       /*       dL/db1                         */
        for (int j = 0; j < 2; j++)
            n->dW1[i][j] = n->delta1[i] * x[j];         /*       dL/dW1                         */
    }
}

static void print_passes(const network *n, double y)
{
    printf("| forward | value | backward | gradient |\n|---|---|---|---|\n");
    printf("| z1[0] | %.4f | delta1[0] | %.4f |\n", n->z1[0], n->delta1[0]);
    printf("| z1[1] | %.4f | delta1[1] | %.4f |\n", n->z1[1], n->delta1[1]);
    printf("| a1[0] | %.4f | da1[0] | %.4f |\n", n->a1[0], n->da1[0]);
    printf("| a1[1] | %.4f | da1[1] | %.4f |\n", n->a1[1], n->da1[1]);
    printf("| z2 | %.4f | delta2 | %.4f |\n", n->z2, n->delta2);
    printf("| p | %.4f | dL/dp | %.4f |\n", n->p, (n->p - y) / (n->p * (1 - n->p)));
    printf("| L | %.4f | dL/dL | 1 |\n", n->loss);
    printf("\nwith a digit more: L = -log %.5f = %.4f\n", n->p, n->loss);
    printf("p (1 - p) = %.4f; the printed formula would give (y - p) p (1 - p) = %.4f\n",
           n->p * (1 - n->p), (y - n->p) * n->p * (1 - n->p));
}

/* ---- the check ------------------------------------------------------------------------------ */

enum { PARAMETERS = 9 };

static const char *const parameter_name[PARAMETERS] = {
    "W1[0][0]", "W1[0][1]", "W1[1][0]", "W1[1][1]", "b1[0]", "b1[1]", "W2[0]", "W2[1]", "b2" };

static double *parameter(network *n, int k)
{
    double *const at[] = { &n->W1[0][0], &n->W1[0][1], &n->W1[1][0], &n->W1[1][1], &n->b1[0],
                           &n->b1[1], &n->W2[0], &n->W2[1], &n->b2 };
    return at[k];
}

static double gradient(const network *n, int k)
{
    const double all[] = { n->dW1[0][0], n->dW1[0][1], n->dW1[1][0], n->dW1[1][1], n->db1[0],
                           n->db1[1], n->dW2[0], n->dW2[1], n->db2 };
    return all[k];
}

/* How fast the loss changes with parameter k, without any calculus: try it. */
static double difference(network n, int k, double h, double y)
{
    double *w = parameter(&n, k), middle = *w, above;
    *w = middle + h;
    forward(&n, y);
    above = n.loss;
    *w = middle - h;
    forward(&n, y);
    return (above - n.loss) / (2 * h);
}

static int print_check(const network *n, double y)
{
    double worst = 0;
    network copy = *n;
    printf("\n| parameter | value | gradient | difference, h = 0.00001 |\n|---|---|---|---|\n");
    for (int k = 0; k < PARAMETERS; k++) {
        double g = gradient(n, k), d = difference(*n, k, 1e-5, y);
        printf("| %s | %g | %.6f | %.6f |\n", parameter_name[k], *parameter(&copy, k), g, d);
        worst = fmax(worst, fabs(g - d) / (fabs(g) + fabs(d)));
    }
    printf("\nlargest relative error: %s\n", worst < 1e-8 ? "below 0.00000001" : "TOO LARGE");
    return !(worst < 1e-8);
}

/* The same nine numbers from nn.h: a layer's backward is two calls. */
static int check_kernels(const network *n, double y)
{
    const nn_real in[2] = { (nn_real)x[0], (nn_real)x[1] }, t = (nn_real)y, one = 1;
    nn_real W1[4], b1[2], W2[2], b2 = (nn_real)n->b2, z1[2], a1[2], z2, loss;
    nn_real delta2 = 0, da1[2] = { 0, 0 }, delta1[2] = { 0, 0 }, g[PARAMETERS] = { 0 };
    size_t bytes = nn_dense_work_size(1, 2, 2) * sizeof(nn_real);
    nn_real *work = (nn_real *)malloc(bytes);
    double worst = 0;
    if (!work) return 1;
    for (int i = 0; i < 4; i++) W1[i] = (nn_real)n->W1[i / 2][i % 2];
    for (int i = 0; i < 2; i++) b1[i] = (nn_real)n->b1[i], W2[i] = (nn_real)n->W2[i];
    nn_dense_forward(z1, in, W1, b1, 1, 2, 2, work);
    nn_activation_forward(NN_SIGMOID, 0, a1, z1, 2);
    nn_dense_forward(&z2, a1, W2, &b2, 1, 2, 1, work);
    nn_bce_logits_forward(&loss, &z2, &t, 1, 1);
    nn_bce_logits_backward(&delta2, &one, &z2, &t, 1, 1);                               /* F4.3 */
    nn_dense_backward(da1, g + 6, g + 8, &delta2, a1, W2, 1, 2, 1, work);               /* F4.4 */
    nn_activation_backward(NN_SIGMOID, 0, delta1, da1, z1, a1, 2);                      /* F2.6 */
    nn_dense_backward(NULL, g, g + 4, delta1, in, W1, 1, 2, 2, work);                   /* F4.4 */
    free(work);
    for (int k = 0; k < PARAMETERS; k++)
        worst = fmax(worst, fabs((double)g[k] - gradient(n, k)));
    printf("nn.h's kernels: loss %.4f, largest difference of a gradient %s\n", (double)loss,
           worst < 1e-6 ? "below 0.000001" : "TOO LARGE");
    return !(worst < 1e-6);
}

/* ---- a step, and what if -------------------------------------------------------------------- */

/* What a gradient says: the change of the loss for a small change of one parameter. */
static void print_nudge(network n, double y)
{
    double before = n.loss, nudge = 0.01;
    n.b2 += nudge;
    forward(&n, y);
    printf("b2 raised by %g: loss %.4f -> %.4f, a change of %.4f; gradient times %g: %.4f\n", nudge,
           before, n.loss, n.loss - before, nudge, n.db2 * nudge);
}

/* Backpropagation has done its work; this is gradient descent [F5.1]. */
static void print_step(network n, double y)
{
    const double alpha = 1;
    double before = n.loss;
    for (int k = 0; k < PARAMETERS; k++) *parameter(&n, k) -= alpha * gradient(&n, k);
    forward(&n, y);
    printf("one step of gradient descent, alpha = 1: loss %.4f -> %.4f\n", before, n.loss);
}

static void print_change(const char *what, network n, double y)
{
    forward(&n, y);
    backward(&n, y);
    for (int i = 0; i < 4; i++) n.dW1[i / 2][i % 2] += 0.0;         /* -0 becomes 0             */
    printf("| %s | %.4f | (%.4f, %.4f) | (%.4f, %.4f) |\n", what, n.delta2, n.dW1[0][0],
           n.dW1[0][1], n.dW1[1][0], n.dW1[1][1]);
}

static void print_changes(void)
{
    network zero = start, equal = start;
    for (int i = 0; i < 2; i++) {
        zero.W2[i] = 0;
        equal.W2[i] = start.W2[0];
        equal.b1[i] = start.b1[0];
        for (int j = 0; j < 2; j++) equal.W1[i][j] = start.W1[0][j];
    }
    printf("\n| change | delta2 | dW1[0] | dW1[1] |\n|---|---|---|---|\n");
    print_change("none", start, 1);
    print_change("y = 0", start, 0);
    print_change("W2 = (0, 0)", zero, 1);
    print_change("neuron 1 a copy of neuron 0", equal, 1);
}

/* ---- F4.3, right and as printed ------------------------------------------------------------- */

enum { SAMPLES = 8, WEIGHTS = 3, STEPS = 60, SIZES = 45 };  /* two inputs and a 1 for the bias   */

typedef struct samples { double x[SAMPLES][WEIGHTS], y[SAMPLES]; } samples;

static void make_samples(samples *s, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < 2; j++) s->x[i][j] = nn_random_normal(&random, 0, 1);
        s->x[i][2] = 1;
        s->y[i] = s->x[i][0] + s->x[i][1] + nn_random_normal(&random, 0, 1) > 0;
    }
}

static double predict(const double *w, const double *x_i)
{
    double z = 0;
    for (int j = 0; j < WEIGHTS; j++) z += w[j] * x_i[j];
    return sigmoid(z);
}

static double cross_entropy(const double *w, const samples *s)                          /* F3.2 */
{
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double p = predict(w, s->x[i]);
        sum -= s->y[i] * log(p) + (1 - s->y[i]) * log(1 - p);
    }
    return sum / SAMPLES;
}

static double squared_error(const double *w, const samples *s)                          /* F3.1 */
{
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double error = s->y[i] - predict(w, s->x[i]);
        sum += error * error;
    }
    return sum / SAMPLES;
}

static void right_gradient(double *dw, const double *w, const samples *s)
{
    for (int j = 0; j < WEIGHTS; j++) dw[j] = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double p = predict(w, s->x[i]);
        for (int j = 0; j < WEIGHTS; j++)
            dw[j] += (p - s->y[i]) * s->x[i][j] / SAMPLES;                              /* F4.3 */
    }
}

static void printed_gradient(double *dw, const double *w, const samples *s)
{
    for (int j = 0; j < WEIGHTS; j++) dw[j] = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double p = predict(w, s->x[i]);
        for (int j = 0; j < WEIGHTS; j++)                   /* the sign, and a factor too many  */
            dw[j] += (s->y[i] - p) * p * (1 - p) * s->x[i][j] / SAMPLES;
    }
}

typedef void gradient_function(double *dw, const double *w, const samples *s);
typedef double loss_function(const double *w, const samples *s);

/* |g - d| / (|g| + |d|) of a gradient g and the differences d of a loss: 0 is right, 1 opposite. */
static double check(gradient_function *g_of, double factor, loss_function *loss, const double *w,
                    const samples *s, double h)
{
    double g[WEIGHTS], off = 0, size_g = 0, size_d = 0;
    g_of(g, w, s);
    for (int j = 0; j < WEIGHTS; j++) {
        double up[WEIGHTS], down[WEIGHTS], d;
        memcpy(up, w, sizeof up), memcpy(down, w, sizeof down);
        up[j] += h, down[j] -= h;
        d = (loss(up, s) - loss(down, s)) / (2 * h);
        off += (factor * g[j] - d) * (factor * g[j] - d);
        size_g += factor * g[j] * factor * g[j], size_d += d * d;
    }
    return sqrt(off) / (sqrt(size_g) + sqrt(size_d));
}

static int print_formulas(const samples *s)
{
    const double w[WEIGHTS] = { 0.3, -0.2, 0.1 }, h = 1e-5;
    double right = check(right_gradient, 1, cross_entropy, w, s, h);
    double printed = check(printed_gradient, 1, cross_entropy, w, s, h);
    double mse = check(printed_gradient, -2, squared_error, w, s, h);
    printf("\ngradient check of F4.3 on %d samples (0: right, 1: opposite)\n", SAMPLES);
    printf("  right                                   %s\n", right < 1e-8 ? "below 0.00000001"
                                                                          : "TOO LARGE");
    printf("  as printed                              %.4f\n", printed);
    printf("  printed times -2, against the MSE       %s\n", mse < 1e-8 ? "below 0.00000001"
                                                                        : "TOO LARGE");
    return !(right < 1e-8 && mse < 1e-8);
}

static void descend(double *loss, gradient_function *g_of, const samples *s)
{
    double w[WEIGHTS] = { 0.3, -0.2, 0.1 }, dw[WEIGHTS];
    for (int t = 0; t < STEPS; t++) {
        loss[t] = cross_entropy(w, s);
        g_of(dw, w, s);
        for (int j = 0; j < WEIGHTS; j++) w[j] -= 1.0 * dw[j];                          /* F5.1 */
    }
}

/* ---- ten layers ----------------------------------------------------------------------------- */

enum { L = 10, WIDTH = 32, B = 64, KINDS = 3 };

static const nn_activation kind[KINDS] = { NN_SIGMOID, NN_TANH, NN_RELU };

typedef struct deep {
    nn_real w[L + 1][WIDTH * WIDTH], b[L + 1][WIDTH], z[L + 1][B * WIDTH], a[L + 1][B * WIDTH];
    nn_real dw[L + 1][WIDTH * WIDTH], db[L + 1][WIDTH], dz[L + 1][B * WIDTH], da[L + 1][B * WIDTH];
} deep;

static void deep_forward(deep *n, nn_activation g, nn_real *work)
{
    for (int l = 1; l <= L; l++) {
        nn_dense_forward(n->z[l], n->a[l - 1], n->w[l], n->b[l], B, WIDTH, WIDTH, work);
        nn_activation_forward(g, 0, n->a[l], n->z[l], B * WIDTH);
    }
}

static void deep_backward(deep *n, nn_activation g, nn_real *work)
{
    for (int l = L; l >= 1; l--) {                      /* F4.4, from the last layer to the first */
        nn_activation_backward(g, 0, n->dz[l], n->da[l], n->z[l], n->a[l], B * WIDTH);
        nn_dense_backward(n->da[l - 1], n->dw[l], n->db[l], n->dz[l], n->a[l - 1], n->w[l], B,
                          WIDTH, WIDTH, work);
    }
}

/* Normal weights of the deviation that keeps the signal's size on the way forward: the root of
   1 / inputs, for ReLU of 2 / inputs, as half of its units are off. Random inputs, random dL/da. */
static bool deep_norms(double *norm, nn_activation g, uint64_t seed)
{
    deep *n = (deep *)calloc(1, sizeof *n);
    nn_real *work = (nn_real *)malloc(nn_dense_work_size(B, WIDTH, WIDTH) * sizeof *work);
    nn_random random = nn_random_seed(seed);
    double deviation = sqrt((g == NN_RELU ? 2.0 : 1.0) / WIDTH);
    for (int l = 1; n && l <= L; l++)
        for (int i = 0; i < WIDTH * WIDTH; i++)
            n->w[l][i] = (nn_real)nn_random_normal(&random, 0, deviation);
    for (int i = 0; n && i < B * WIDTH; i++) {
        n->a[0][i] = (nn_real)nn_random_normal(&random, 0, 1);
        n->da[L][i] = (nn_real)(nn_random_normal(&random, 0, 1) / B);
    }
    if (n && work) {
        deep_forward(n, g, work);
        deep_backward(n, g, work);
        for (int l = 1; l <= L; l++) norm[l - 1] = nn_norm(n->dw[l], WIDTH * WIDTH);
    }
    free(work);
    free(n);
    return n && work;
}

static bool print_layers(double norm[KINDS][L], uint64_t seed)
{
    printf("\n| activation | layer 1 | layer 4 | layer 7 | layer 10 | layer 1 / layer 10 |\n"
           "|---|---|---|---|---|---|\n");
    for (int k = 0; k < KINDS; k++) {
        double *n = norm[k];
        if (!deep_norms(n, kind[k], seed)) return false;
        printf("| %s | %.2g | %.2g | %.2g | %.2g | %.2g |\n", nn_activation_name(kind[k]), n[0],
               n[3], n[6], n[9], n[0] / n[9]);
    }
    return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* One arrow with a value above and a gradient below; the words live until the figure is drawn. */
static plot_edge arrow(int from, int to, const char *name, double value, double grad, double at)
{
    static char word[20][2][24];
    static int used;
    char(*w)[24] = word[used++];
    snprintf(w[0], sizeof w[0], "%s%.*g", name, fabs(value) < 0.1 ? 3 : 4, value);
    snprintf(w[1], sizeof w[1], "%.4f", grad);
    return (plot_edge){ from, to, w[0], w[1], at, 0 };
}

static int draw_graph(program *p, const network *n, double y)
{
    enum { X0, X1, Z0, Z1, A0, A1, Z2, P, LOSS, NODES };
    static const char *const words[] = { "a value", "and the gradient of L by it" };
    char text[NODES][40];
    const double place[NODES][2] = { { 0, 2 }, { 0, 0 }, { 1.5, 2 }, { 1.5, 0 }, { 3.3, 2 },
                                     { 3.3, 0 }, { 4.6, 1 }, { 5.9, 1 }, { 7.1, 1 } };
    plot_node node[NODES];
    plot_edge edge[10] = {
        arrow(X0, Z0, "W = ", n->W1[0][0], n->dW1[0][0], 0.5),
        arrow(X1, Z0, "W = ", n->W1[0][1], n->dW1[0][1], 0.3),
        arrow(X0, Z1, "W = ", n->W1[1][0], n->dW1[1][0], 0.3),
        arrow(X1, Z1, "W = ", n->W1[1][1], n->dW1[1][1], 0.5),
        arrow(Z0, A0, "", n->z1[0], n->delta1[0], 0.5),
        arrow(Z1, A1, "", n->z1[1], n->delta1[1], 0.5),
        arrow(A0, Z2, "W = ", n->W2[0], n->dW2[0], 0.45),
        arrow(A1, Z2, "W = ", n->W2[1], n->dW2[1], 0.45),
        arrow(Z2, P, "", n->z2, n->delta2, 0.5),
        arrow(P, LOSS, "", n->p, (n->p - y) / (n->p * (1 - n->p)), 0.5) };
    for (int i = 0; i < 2; i++) {
        snprintf(text[X0 + i], sizeof text[0], "x[%d]\n%g", i, x[i]);
        snprintf(text[Z0 + i], sizeof text[0], "z1[%d]\nb = %g", i, n->b1[i]);
        snprintf(text[A0 + i], sizeof text[0], "a1[%d] = %.4f\nda1 = %.4f", i, n->a1[i], n->da1[i]);
    }
    snprintf(text[Z2], sizeof text[0], "z2\nb = %g", n->b2);
    snprintf(text[P], sizeof text[0], "p");
    snprintf(text[LOSS], sizeof text[0], "L\n%.4f", n->loss);
    for (int i = 0; i < NODES; i++)
        node[i] = (plot_node){ place[i][0], place[i][1], text[i], i == LOSS ? 1 : i < Z0 ? 0 : 2 };
    return plot_graph(program_figure(p, "graph"),
                      "Values go right, gradients come back, and each parameter gets its share",
                      .names = words, .nodes = node, .n_nodes = NODES, .edges = edge,
                      .n_edges = 10, .width = 1160, .height = 480);
}

static int draw_check(program *p, const samples *s)
{
    static double h[SIZES], right[SIZES], printed[SIZES], fall[STEPS], climb[STEPS];
    const double w[WEIGHTS] = { 0.3, -0.2, 0.1 };
    for (int k = 0; k < SIZES; k++) {
        h[k] = pow(10, -11 + 0.25 * k);
        right[k] = check(right_gradient, 1, cross_entropy, w, s, h[k]);
        printed[k] = check(printed_gradient, 1, cross_entropy, w, s, h[k]);
    }
    descend(fall, right_gradient, s);
    descend(climb, printed_gradient, s);
    plot_figure panel[] = {
        { PLOT_LINES, .title = "The check: the right formula dips, the printed one cannot",
          .x_label = "step h of the difference (log scale)",
          .y_label = "relative error (log scale)", .log_x = 1, .log_y = 1, .n = SIZES,
          .y_min = 1e-13, .y_max = 10,
          .series = {{ "right: (p - y) x", .y = right, .x = h },
                     { "as printed", .y = printed, .x = h, .style = PLOT_DASHED }} },
        { PLOT_LINES, .title = "Descending: one learns, the other unlearns",
          .x_label = "step of gradient descent", .y_label = "cross-entropy (nats)", .n = STEPS,
          .y_min = 0, .series = {{ "right", .y = fall }, { "as printed", .y = climb,
                                                           .style = PLOT_DASHED }} } };
    panel[1].y_max = 1.05 * climb[STEPS - 1];
    return plot_panels(program_figure(p, "check"), "A gradient check tells a right formula from a "
                       "wrong one", .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

static int draw_layers(program *p, double norm[KINDS][L])
{
    static const double ticks[L] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    return plot_lines(program_figure(p, "layers"),
                      "Ten layers deep, sigmoid's gradient has faded to almost nothing",
                      "layer (1 is next to the input)", "norm of dL/dW (log scale)", .n = L,
                      .x0 = 1, .log_y = 1, .x_ticks = ticks, .n_x_ticks = L,
                      .series = {{ "sigmoid", .y = norm[0], .style = PLOT_MARKED },
                                 { "tanh", .y = norm[1], .style = PLOT_MARKED },
                                 { "ReLU", .y = norm[2], .style = PLOT_MARKED }});
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "05_backpropagation", 1,
                              "Backpropagation by hand, its check, and the gradient through ten "
                              "layers.");
    static double norm[KINDS][L];
    const double y = 1;
    network n = start;
    samples s;
    if (!p.worked) program_announce(&p, "a 2-2-1 network by hand, then ten layers of 32");
    forward(&n, y);
    backward(&n, y);
    print_passes(&n, y);
    if (print_check(&n, y) || check_kernels(&n, y)) return 1;
    print_nudge(n, y);
    print_step(n, y);
    print_changes();
    make_samples(&s, p.seed);
    if (print_formulas(&s) || !print_layers(norm, p.seed)) return 1;
    if (p.worked) return 0;
    return draw_graph(&p, &n, y) || draw_check(&p, &s) || draw_layers(&p, norm);
}
