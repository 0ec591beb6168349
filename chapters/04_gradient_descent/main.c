/* Chapter 04: gradient descent, one step at a time.

     1. by hand       a bowl in one dimension, L = w²: every step for one learning rate
     2. two rows      both at once, or one after the other
     3. rates         the same bowl with five learning rates; one diverges
     4. a valley      two weights, one steep and one flat: the path zigzags
     5. a line        linear regression by nn.h's kernels: all rows at once, one at a time, in
                      batches of 10                                                             */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

/* ---- one dimension: L = w², dL/dw = 2 w ----------------------------------------------------- */

enum { STEPS = 20, RATES = 5 };

static double bowl(double w) { return w * w; }
static double bowl_slope(double w) { return 2 * w; }

static void descend(double *path, double w, double alpha, int steps)
{
    for (int t = 0; t <= steps; t++) {
        path[t] = w;
        w = w - alpha * bowl_slope(w);                                                  /* F5.1 */
    }
}

static const double rate[RATES] = { 0.02, 0.3, 0.9, 1.05, 0.5 };
static double path[RATES][STEPS + 1];

static void print_bowl(void)
{
    const double alpha = 0.3;
    double w[5];
    descend(w, 4, alpha, 4);
    printf("| step | w | L | dL/dw | alpha dL/dw | new w |\n|---|---|---|---|---|---|\n");
    for (int t = 0; t < 4; t++)
        printf("| %d | %.4f | %.4f | %.4f | %.4f | %.4f |\n", t, w[t], bowl(w[t]), bowl_slope(w[t]),
               alpha * bowl_slope(w[t]), w[t + 1]);
}

/* ---- two rows of data, y = w x: L_i = (w x_i - y_i)² ---------------------------------------- */

static const double two_x[2] = { 1, 2 }, two_y[2] = { 3, 4 };

static double row_slope(double w, int i) { return 2 * (w * two_x[i] - two_y[i]) * two_x[i]; }

/* The same two rows: one step for both, or a step for each. */
static void print_two_rows(void)
{
    const double alpha = 0.1, first = row_slope(0, 0), second = row_slope(0, 1);
    double w = 0, xy = 0, xx = 0;
    printf("\n| | w | slope of row 1 | slope of row 2 | the step's slope | new w |\n"
           "|---|---|---|---|---|---|\n");
    printf("| both rows (F5.1) | %.2f | %.1f | %.1f | their mean, %.1f | %.2f |\n", w, first,
           second, (first + second) / 2, w - alpha * (first + second) / 2);
    for (int i = 0; i < 2; i++) {
        double slope = row_slope(w, i), old = w;
        w = w - alpha * slope;                                                          /* F5.2 */
        if (i == 0) printf("| row 1 alone (F5.2) | %.2f | %.1f | | %.1f | %.2f |\n", old, slope,
                           slope, w);
        else printf("| then row 2 (F5.2) | %.2f | | %.1f | %.1f | %.2f |\n", old, slope, slope, w);
        xy += two_x[i] * two_y[i], xx += two_x[i] * two_x[i];
    }
    printf("\nthe smallest mean loss of the two rows is at w = %g\n", xy / xx);
}

/* ---- five rates ----------------------------------------------------------------------------- */

static void print_rates(void)
{
    printf("\n| alpha | w is multiplied by | w after 1 step | w after 20 steps |\n"
           "|---|---|---|---|\n");
    for (int k = 0; k < RATES; k++) {
        descend(path[k], 4, rate[k], STEPS);
        printf("| %g | %.2f | %.4f | %.4f |\n", rate[k], 1 - 2 * rate[k], path[k][1],
               path[k][STEPS]);
    }
}

/* ---- two dimensions: L = (w0² + 10 w1²) / 2 ----------------------------------------------- */

enum { VALLEY_STEPS = 40, SIDE = 61, PATHS = 3 };

static const double valley_start[2] = { -4, 1.5 };
static const double valley_rate[PATHS] = { 0.02, 0.1, 0.19 };
static double trail[PATHS][2][VALLEY_STEPS + 1];

static double valley(double w0, double w1) { return (w0 * w0 + 10 * w1 * w1) / 2; }

static void print_valley(void)
{
    printf("\n| alpha | w0 is multiplied by | w1 by | (w0, w1) after 40 steps | L |\n"
           "|---|---|---|---|---|\n");
    for (int k = 0; k < PATHS; k++) {
        double w[2] = { valley_start[0], valley_start[1] }, alpha = valley_rate[k];
        for (int t = 0; t <= VALLEY_STEPS; t++) {
            const double g[2] = { w[0], 10 * w[1] };
            trail[k][0][t] = w[0], trail[k][1][t] = w[1];
            if (t < VALLEY_STEPS)
                for (int i = 0; i < 2; i++) w[i] -= alpha * g[i];                       /* F5.1 */
        }
        printf("| %g | %.2f | %.2f | (%.4f, %.4f) | %.4f |\n", alpha, 1 - alpha, 1 - 10 * alpha,
               w[0] + 0.0, fabs(w[1]) < 5e-5 ? 0 : w[1], valley(w[0], w[1]));
    }
    printf("\nfrom (%g, %g): no divergence while |1 - 10 alpha| < 1, alpha below %g\n",
           valley_start[0], valley_start[1], 2.0 / 10);
}

/* ---- linear regression: y = w x + b, ten inputs, a hundred rows ----------------------------- */

enum { I = 10, ROWS = 100, EPOCHS = 30, BATCHES = 3 };

static nn_real x[ROWS * I], y[ROWS];
static const int batch_size[BATCHES] = { ROWS, 10, 1 };
static double loss_of[BATCHES][EPOCHS + 1];

/* Inputs in [0, 1), as P3's; but here the targets follow a rule, with a little noise. */
static void make_rows(uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (int s = 0; s < ROWS; s++) {
        double sum = 0.5;
        for (int i = 0; i < I; i++) {
            x[s * I + i] = (nn_real)nn_random_uniform(&random, 0, 1);
            sum += (i - 4.5) / 5 * (double)x[s * I + i];
        }
        y[s] = (nn_real)(sum + nn_random_normal(&random, 0, 0.1));
    }
}

typedef struct model { nn_real w[I], b, dw[I], db, z[ROWS], dz[ROWS], loss[ROWS], *work; } model;

/* The mean squared error of n rows; with dz, also its gradient by w and b. */
static double loss_and_gradient(model *m, const nn_real *xs, const nn_real *ys, int n,
                                bool backward)
{
    nn_real share[ROWS];
    double sum = 0;
    nn_dense_forward(m->z, xs, m->w, &m->b, n, I, 1, m->work);                          /* F1.1 */
    nn_mse_forward(m->loss, m->z, ys, n, 1);                                            /* F3.1 */
    for (int s = 0; s < n; s++) sum += (double)m->loss[s], share[s] = 1 / (nn_real)n;
    if (!backward) return sum / n;
    memset(m->dw, 0, sizeof m->dw), memset(m->dz, 0, sizeof m->dz), m->db = 0;
    nn_mse_backward(m->dz, share, m->z, ys, n, 1);
    nn_dense_backward(NULL, m->dw, &m->db, m->dz, xs, m->w, n, I, 1, m->work);          /* F4.4 */
    return sum / n;
}

/* One epoch: every row once, in batches of n, in a new order each time. */
static void train_epoch(model *m, int n, double alpha, nn_random *random)
{
    int order[ROWS];
    nn_real xs[ROWS * I], ys[ROWS];
    for (int s = 0; s < ROWS; s++) order[s] = s;
    nn_random_shuffle(random, order, ROWS);
    for (int s = 0; s < ROWS; s++) {
        memcpy(xs + s * I, x + order[s] * I, I * sizeof *xs);
        ys[s] = y[order[s]];
    }
    for (int first = 0; first < ROWS; first += n) {
        loss_and_gradient(m, xs + first * I, ys + first, n, true);
        nn_sgd_step(m->w, m->dw, NULL, I, alpha, 0, false, 0);                          /* F5.2 */
        nn_sgd_step(&m->b, &m->db, NULL, 1, alpha, 0, false, 0);
    }
}

static bool print_regression(uint64_t seed)
{
    printf("\n| rows per step | steps, 30 epochs | loss at first | after 1 epoch | after 30 |\n"
           "|---|---|---|---|---|\n");
    for (int k = 0; k < BATCHES; k++) {
        model m = { .b = 0 };
        nn_random random = nn_random_seed(seed + 1);
        m.work = (nn_real *)malloc(nn_dense_work_size(ROWS, I, 1) * sizeof *m.work);
        if (!m.work) return false;
        for (int e = 0; e <= EPOCHS; e++) {
            if (e) train_epoch(&m, batch_size[k], 0.1, &random);
            loss_of[k][e] = loss_and_gradient(&m, x, y, ROWS, false);
        }
        free(m.work);
        printf("| %d | %d | %.4f | %.4f | %.4f |\n", batch_size[k], EPOCHS * ROWS / batch_size[k],
               loss_of[k][0], loss_of[k][1], loss_of[k][EPOCHS]);
    }
    return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

static int draw_rates(program *p)
{
    static double loss[RATES][STEPS + 1];
    for (int k = 0; k < RATES; k++)
        for (int t = 0; t <= STEPS; t++) loss[k][t] = bowl(path[k][t]);
    return plot_lines(program_figure(p, "rates"),
                      "Four learning rates: too small crawls, too large diverges", "step",
                      "loss w² (log scale)", .n = STEPS + 1, .log_y = 1, .y_min = 1e-6,
                      .y_max = 1000,
                      .series = {{ "alpha = 0.02", .y = loss[0], .style = PLOT_MARKED },
                                 { "0.3", .y = loss[1], .style = PLOT_MARKED },
                                 { "0.9", .y = loss[2], .style = PLOT_MARKED },
                                 { "1.05", .y = loss[3], .style = PLOT_MARKED }});
}

static int draw_bowl(program *p)
{
    static double at[121], height[121], point[2][6];
    for (int i = 0; i < 121; i++) at[i] = (i - 60) / 12.0, height[i] = bowl(at[i]);
    for (int t = 0; t < 6; t++) point[0][t] = bowl(path[1][t]), point[1][t] = bowl(path[2][t]);
    plot_figure panel[2] = {
        { PLOT_LINES, .title = "alpha = 0.3: down, in shrinking steps" },
        { PLOT_LINES, .title = "alpha = 0.9: across, and still down" } };
    for (int k = 0; k < 2; k++) {
        panel[k].x_label = "weight w", panel[k].y_label = "loss w²";
        panel[k].y_max = 26, panel[k].x_min = -5, panel[k].x_max = 5;
        panel[k].series[0] = (plot_series){ "the loss", .y = height, .x = at, .n = 121 };
        panel[k].series[1] = (plot_series){ "the first steps", .y = point[k], .x = path[k + 1],
                                            .n = 6, .style = PLOT_MARKED };
    }
    return plot_panels(program_figure(p, "bowl"), "Gradient descent walks down the slope",
                       .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

static int draw_valley(program *p)
{
    static double z[SIDE * SIDE];
    for (int r = 0; r < SIDE; r++)
        for (int c = 0; c < SIDE; c++)
            z[r * SIDE + c] = valley(-5 + 10.0 * c / (SIDE - 1), -2 + 4.0 * r / (SIDE - 1));
    return plot_contour(program_figure(p, "valley"),
                        "In a narrow valley no rate suits both weights", "w0 (flat)", "w1 (steep)",
                        .grid = z, .rows = SIDE, .cols = SIDE, .x_min = -5, .x_max = 5,
                        .y_min = -2, .y_max = 2, .z_label = "loss", .n = VALLEY_STEPS + 1,
                        .width = 800, .height = 380,            /* one scale for both weights   */
                        .series = {{ "alpha = 0.02", .x = trail[0][0], .y = trail[0][1] },
                                   { "0.1", .x = trail[1][0], .y = trail[1][1] },
                                   { "0.19", .x = trail[2][0], .y = trail[2][1] }});
}

static int draw_regression(program *p)
{
    return plot_lines(program_figure(p, "batches"),
                      "The same work per epoch: smaller batches take more steps", "epoch",
                      "mean squared error (log scale)", .n = EPOCHS + 1, .log_y = 1,
                      .series = {{ "100 rows per step (GD)", .y = loss_of[0] },
                                 { "10 rows", .y = loss_of[1] },
                                 { "1 row (SGD)", .y = loss_of[2] }});
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "04_gradient_descent", 1,
                              "Gradient descent on a bowl, in a valley, and on a line through "
                              "made-up rows.");
    if (!p.worked) program_announce(&p, "gradient descent on bowls and on 100 made-up rows");
    make_rows(p.seed);
    print_bowl();
    print_two_rows();
    print_rates();
    print_valley();
    if (!print_regression(p.seed)) return 1;
    if (p.worked) return 0;
    return draw_bowl(&p) | draw_rates(&p) | draw_valley(&p) | draw_regression(&p);
}
