/* One figure of each kind from made-up functions: cc -std=c99 demo.c -lm && ./a.out [folder]
   It shows what plot.h draws, and is its test: the exit status is the number of failed figures. */

#include "plot.h"

static const char *folder = "plots/out";

static const char *in(const char *name)
{
    static char path[900];
    snprintf(path, sizeof path, "%.800s/%.60s", folder, name);
    return path;
}

/* Uniform in [0, 1), and roughly normal; any generator will do here. */
static double uniform(void)
{
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / 16777216.0;
}

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum;
}

/* Training falls for ever, validation turns; both noisy. */
static void make_loss(double *train, double *val, int n)
{
    for (int i = 0; i < n; i++) {
        train[i] = 1.1 * exp(-i / 14.0) + 0.05 + 0.01 * normal();
        val[i] = 1.1 * exp(-i / 13.0) + 0.16 + 0.00006 * i * i + 0.015 * normal();
    }
}

/* A zone that ends at 0, and words for ticks. */
static int zones(void)
{
    static const double at[] = { -6, 0, 6 };
    static const char *const word[] = { "never", "threshold", "always" };
    double relu[121];
    for (int i = 0; i < 121; i++) relu[i] = fmax(0, (i - 60) / 10.0);
    return plot_lines(in("lines_ticks"), "ReLU: dead on the left", "input", "output", .n = 121,
                      .x0 = -6, .dx = 0.1, .x_ticks = at, .n_x_ticks = 3, .x_tick_names = word,
                      .series = {{ "relu", .y = relu }},
                      .marks = {{ -6, .name = "gradient 0", .x_end = 0, .zone = 1 }});
}

static int curves(void)
{
    double train[80], val[80];
    make_loss(train, val, 80);
    val[60] = NAN;
    return plot_lines(in("lines"), "Validation turns at epoch 37, training still falls",
                      "epoch", "cross-entropy (nats)", .n = 80, .x0 = 1,
                      .series = {{ "training", .y = train }, { "validation", .y = val }},
                      .marks = {{ 37, .name = "best epoch: weights kept" }});
}

static int rates(void)
{
    static const double rate[] = { 0.01, 0.1, 0.5, 1.04 };
    double loss[4][30], low[30], high[30];
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 30; i++) loss[k][i] = pow(1 - 2 * rate[k] + 1e-9, 2 * i) + 1e-8;
    for (int i = 0; i < 30; i++) { low[i] = loss[1][i] / 2; high[i] = loss[1][i] * 2; }
    return plot_lines(in("lines_log"), "Four learning rates: three converge, one diverges",
                      "step", "loss (log scale)", .n = 30, .log_y = 1, .y_min = 1e-9, .y_max = 20,
                      .series = {{ "0.01", .y = loss[0] },
                                 { "0.1 (range of 5 seeds)", .y = loss[1], .low = low,
                                   .high = high },
                                 { "0.5", .y = loss[2], .style = PLOT_MARKED },
                                 { "1.04", .y = loss[3], .style = PLOT_DASHED }},
                      .marks = {{ 10, .name = "warm-up", .x_end = 15 }});
}

enum { POINTS = 150, SIDE = 121 };
static float flower[POINTS][2];
static int species[POINTS];
static const char *species_names[] = { "setosa", "versicolor", "virginica" };
static int region[SIDE * SIDE];
static float probability[SIDE * SIDE];

static void make_flowers(void)
{
    for (int i = 0; i < POINTS; i++) {
        int c = species[i] = i / 50;
        flower[i][0] = (float)(1.5 + 2.0 * c + (c ? 0.3 : 0) + 0.45 * normal());
        flower[i][1] = (float)(0.25 + 0.85 * c + 0.2 * normal());
    }
}

/* A made-up classifier that gets sharper with progress 0..1. */
static void make_regions(double progress)
{
    static float at[SIDE * SIDE][2];
    plot_grid_points(at[0], 0, 8, -0.5, 3, SIDE, SIDE);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double x = (double)at[i][0], y = (double)at[i][1];
        double s = x + 2 * progress * y + 0.5 * sin(2 * y) * progress;
        region[i] = s < 3.4 * (1 - progress) + 4 * progress ? 0 : s < 5 + 2.6 * progress ? 1 : 2;
        probability[i] = (float)(1 / (1 + exp(-2 * (x + 1.5 * y - 7 + sin(3 * y)))));
    }
}

static int scatter(void)
{
    return plot_scatter(in("scatter"), "Setosa stands apart; the other two species touch",
                        "petal length (cm)", "petal width (cm)", .names = species_names,
                        .series = {{ "flowers", .yf = &flower[0][1], .xf = &flower[0][0],
                                     .stride = 2, .n = POINTS, .labels = species }});
}

static int boundary(void)
{
    make_regions(1);
    return plot_boundary(in("boundary"), "The network's three regions, and the flowers it saw",
                         "petal length (cm)", "petal width (cm)", .names = species_names,
                         .gridi = region, .rows = SIDE, .cols = SIDE,
                         .x_min = 0, .x_max = 8, .y_min = -0.5, .y_max = 3,
                         .series = {{ "flowers", .yf = &flower[0][1], .xf = &flower[0][0],
                                      .stride = 2, .n = POINTS, .labels = species }});
}

static int boundary_value(void)
{
    static const char *names[] = { "versicolor", "virginica" };
    static int label[100];
    for (int i = 0; i < 100; i++) label[i] = species[50 + i] - 1;
    return plot_boundary(in("boundary_value"), "Probability of virginica; the line is one half",
                         "petal length (cm)", "petal width (cm)", .names = names,
                         .gridf = probability, .rows = SIDE, .cols = SIDE, .z_label = "probability",
                         .x_min = 0, .x_max = 8, .y_min = -0.5, .y_max = 3,
                         .series = {{ "flowers", .yf = &flower[50][1], .xf = &flower[50][0],
                                      .stride = 2, .n = 100, .labels = label }});
}

static int heatmaps(void)
{
    static const char *word[] = { "the", "cat", "sat", "on", "the", "mat", "." };
    double a[49], w[20 * 30];
    for (int r = 0; r < 7; r++) {
        double sum = 0;
        for (int c = 0; c < 7; c++) sum += a[7 * r + c] = c <= r ? exp(-0.5 * abs(r - c - 1)) : 0;
        for (int c = 0; c < 7; c++) a[7 * r + c] = c <= r ? a[7 * r + c] / sum : (double)NAN;
    }
    for (int i = 0; i < 600; i++) w[i] = sin(i % 30 * (i / 30 + 1) * 0.05) * exp(-0.03 * (i / 30));
    return plot_heatmap(in("heatmap"), "Causal attention: each word looks back, none ahead",
                        "key", "query", .grid = a, .rows = 7, .cols = 7, .row_names = word,
                        .col_names = word, .numbers = 1, .digits = 2, .z_label = "attention weight")
         + plot_heatmap(in("heatmap_diverging"), "Position codes: slow waves on top, fast below",
                        "position", "dimension", .grid = w, .rows = 20, .cols = 30, .diverging = 1,
                        .z_label = "value");
}

static int confusions(void)
{
    static const int three[] = { 50, 0, 0, 0, 46, 4, 0, 3, 47 };
    static const char *digit[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    int ten[100];
    for (int i = 0; i < 100; i++) ten[i] = i % 11 ? (int)(40 * pow(uniform(), 6)) : 900 + i;
    ten[49] = 310;
    return plot_confusion(in("confusion_3"), "Versicolor and virginica are mixed up 7 times in 150",
                          .counts = three, .classes = 3, .names = species_names)
         + plot_confusion(in("confusion_10"), "A four is often read as a nine", .counts = ten,
                          .classes = 10, .names = digit);
}

/* Rings and bars instead of digits. */
static void make_images(unsigned char *pixels, int n)
{
    for (int k = 0; k < n; k++)
        for (int i = 0; i < 784; i++) {
            double x = i % 28 - 13.5, y = i / 28 - 13.5, r = sqrt(x * x + y * y * (1 + 0.1 * k));
            double ring = exp(-0.25 * pow(r - 8 + 0.2 * k, 2));
            double bar = exp(-0.4 * pow(x - 0.3 * y, 2));
            pixels[784 * k + i] = (unsigned char)(255 * (k % 2 ? bar * (fabs(y) < 10) : ring));
        }
}

static int images(void)
{
    static unsigned char pixels[20 * 784];
    static float filter[12 * 25];
    static char text[20][24];
    const char *caption[20];
    make_images(pixels, 20);
    for (int k = 0; k < 20; k++) {
        snprintf(text[k], sizeof text[k], "%d read as %d\n%d %%", k % 2, (k + 1) % 2, 99 - 2 * k);
        caption[k] = text[k];
    }
    for (int i = 0; i < 300; i++) filter[i] = (float)normal();
    return plot_images(in("images"), "The worst twenty: what the network read, and how sure it was",
                       .n = 20, .gridb = pixels, .rows = 28, .cols = 28, .columns = 7, .ink = 1,
                       .names = caption)
         + plot_images(in("filters"), "Twelve filters of 5 x 5: blue is negative, red positive",
                       .n = 12, .gridf = filter, .rows = 5, .cols = 5, .columns = 6,
                       .diverging = 1);
}

static int histogram(void)
{
    static double none[4000], l2[4000], l1[4000];
    for (int i = 0; i < 4000; i++) {
        none[i] = 0.5 * normal();
        l2[i] = 0.2 * normal();
        l1[i] = uniform() < 0.6 ? 0.01 * normal() : 0.3 * normal();
    }
    return plot_histogram(in("histogram"), "L2 narrows the weights, L1 sends most of them to zero",
                          "weight", "count (log scale)", .n = 4000, .bins = 60, .log_y = 1,
                          .series = {{ "none", .y = none }, { "L2", .y = l2 }, { "L1", .y = l1 }});
}

static int bars(void)
{
    static const char *names[] = { "SGD", "momentum", "Nesterov", "RMSprop", "Adam", "AdamW" };
    double iris[] = { 0.89, 0.93, 0.94, 0.95, 0.96, 0.967 };
    double mnist[] = { 0.91, 0.962, 0.965, 0.97, 0.976, 0.978 };
    return plot_bars(in("bars"), "All optimizers arrive; the plain one needs more epochs",
                     "optimizer", "test accuracy (share)", .n = 6, .names = names, .numbers = 1,
                     .y_max = 1.1, .series = {{ "Iris", .y = iris }, { "MNIST", .y = mnist }});
}

/* Gradient descent with momentum on x^2/2 + 5 y^2; returns the path in xy. */
static void descend(double *x, double *y, int n, double lr, double momentum)
{
    double vx = 0, vy = 0;
    x[0] = -8; y[0] = 2.4;
    for (int i = 1; i < n; i++) {
        vx = momentum * vx - lr * x[i - 1];
        vy = momentum * vy - lr * 10 * y[i - 1];
        x[i] = x[i - 1] + vx;
        y[i] = y[i - 1] + vy;
    }
}

static int contour(void)
{
    static double bowl[61 * 81], x[3][40], y[3][40];
    for (int i = 0; i < 61 * 81; i++) {
        double u = -10 + 20.0 * (i % 81) / 80, v = -3 + 6.0 * (i / 81) / 60;
        bowl[i] = 0.5 * u * u + 5 * v * v;
    }
    descend(x[0], y[0], 40, 0.18, 0);
    descend(x[1], y[1], 40, 0.03, 0);
    descend(x[2], y[2], 40, 0.03, 0.8);
    return plot_contour(in("contour"), "Large steps zigzag across the valley, momentum runs along",
                        "w1", "w2", .grid = bowl, .rows = 61, .cols = 81, .z_label = "loss",
                        .x_min = -10, .x_max = 10, .y_min = -3, .y_max = 3, .n = 40,
                        .series = {{ "rate 0.18", .y = y[0], .x = x[0] },
                                   { "rate 0.03", .y = y[1], .x = x[1] },
                                   { "rate 0.03, momentum 0.8", .y = y[2], .x = x[2] }});
}

/* One neuron: value and gradient on each arrow; and a small network by the size of its weights. */
static int graphs(void)
{
    static const char *const words[] = { "value", "gradient" };
    const plot_node node[] = { { 0, 1, "x1", 0 }, { 0, 0, "x2", 0 }, { 1, 0.5, "z\nb = 0.1", 2 },
                               { 2, 0.5, "a", 2 }, { 3, 0.5, "L", 1 } };
    const plot_edge edge[] = { { 0, 2, "w1 = 0.5", "0.021", 0, 0 },
                               { 1, 2, "w2 = -1", "-0.3", 0, 0 },
                               { 2, 3, "0.25", "0.012", 0, 0 }, { 3, 4, "0.562", "0.05", 0, 0 } };
    plot_node unit[9];
    plot_edge weight[20];
    for (int i = 0; i < 9; i++)
        unit[i] = (plot_node){ i < 4 ? 0 : 1, i < 4 ? i + 0.5 : i - 4, "", i < 4 ? 0 : 2 };
    for (int i = 0; i < 20; i++)
        weight[i] = (plot_edge){ i / 5, 4 + i % 5, NULL, NULL, 0, normal() };
    return plot_graph(in("graph"), "Forward goes right with values, backward left with gradients",
                      .names = words, .nodes = node, .n_nodes = 5, .edges = edge, .n_edges = 4)
         + plot_graph(in("graph_weights"), "Thick lines: the weights that count",
                      .nodes = unit, .n_nodes = 9, .edges = weight, .n_edges = 20, .width = 500);
}

static int panels(void)
{
    double train[80], val[80], acc[80], vacc[80];
    make_loss(train, val, 80);
    for (int i = 0; i < 80; i++) { acc[i] = exp(-0.5 * train[i]); vacc[i] = exp(-0.5 * val[i]); }
    plot_figure p[] = {
        { PLOT_LINES, .title = "Loss", .x_label = "epoch", .y_label = "cross-entropy (nats)",
          .n = 80, .series = {{ "training", .y = train }, { "validation", .y = val }},
          .marks = {{ 37, .name = "best" }} },
        { PLOT_LINES, .title = "Accuracy", .x_label = "epoch", .y_label = "share correct",
          .n = 80, .series = {{ "training", .y = acc }, { "validation", .y = vacc }},
          .marks = {{ 37, .name = "best" }} }};
    return plot_panels(in("panels"), "Loss and accuracy agree on the epoch to stop", .panels = p,
                       .n = 2, .columns = 2, .shared_legend = 1);
}

static int evolution(void)
{
    static int regions[9][SIDE * SIDE];
    static char title[9][20];
    plot_figure p[9];
    for (int k = 0; k < 9; k++) {
        make_regions(k / 8.0);
        memcpy(regions[k], region, sizeof region);
        snprintf(title[k], sizeof title[k], "epoch %d", k * k * 3);
        p[k] = (plot_figure){ PLOT_BOUNDARY, .title = title[k], .gridi = regions[k], .rows = SIDE,
            .cols = SIDE, .x_max = 8, .y_min = -0.5, .y_max = 3, .names = species_names,
            .x_label = k > 5 ? "petal length (cm)" : NULL,
            .y_label = k % 3 ? NULL : "petal width (cm)",
            .series = {{ "flowers", .yf = &flower[0][1], .xf = &flower[0][0], .stride = 2,
                         .n = POINTS, .labels = species }} };
    }
    return plot_panels(in("evolution"), "From upright to slanted: the boundary as training goes on",
                       .panels = p, .n = 9, .columns = 3, .shared_legend = 1);
}

int main(int argc, char **argv)
{
    int bad = 0;
    if (argc > 1) folder = argv[1];
    make_flowers();
    bad += zones() + graphs() + curves() + rates() + scatter() + boundary() + boundary_value();
    bad += heatmaps() + confusions() + images() + histogram() + bars();
    bad += contour() + panels() + evolution();
    return bad;
}
