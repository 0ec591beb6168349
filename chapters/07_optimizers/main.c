/* Chapter 07: seven ways to take a step.

     1. by hand    momentum, RMSprop, Adam in a narrow valley; then nn.h's own steps, compared
     2. a valley   all seven from the same place, each with the best of 29 rates; the same valley
                   turned by 30 degrees
     3. a saddle   a place that is flat and not the bottom: who leaves it first
     4. Iris       a network, each optimizer with each of nine rates
     5. digits     the same on MNIST or made digits, against the samples seen

   The rates are chosen by the loss that the figures show: every optimizer stands at its best.   */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum { GD, SGD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW, KINDS };

static const char *const name_of[KINDS] = { "gradient descent", "SGD", "momentum", "Nesterov",
                                            "RMSprop", "Adam", "AdamW" };

/* ---- the formulas, for two weights ---------------------------------------------------------- */

static void momentum_step(double *w, double *v, const double *g, double alpha, double mu,
                          bool nesterov)
{
    for (int i = 0; i < 2; i++) {
        v[i] = mu * v[i] + g[i];                                /* F5.5: a sum of slopes        */
        w[i] -= alpha * (nesterov ? g[i] + mu * v[i] : v[i]);
    }
}

static void rmsprop_step(double *w, double *s, const double *g, double alpha)
{
    for (int i = 0; i < 2; i++) {
        s[i] = 0.99 * s[i] + 0.01 * g[i] * g[i];                /* F5.5: mean of the squares    */
        w[i] -= alpha * g[i] / (sqrt(s[i]) + 1e-8);
    }
}

static void adam_step(double *w, double *m, double *s, const double *g, double alpha, int t)
{
    for (int i = 0; i < 2; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];                         /* F5.5: mean of the slopes     */
        s[i] = 0.999 * s[i] + 0.001 * g[i] * g[i];              /*       mean of their squares  */
        double mean = m[i] / (1 - pow(0.9, t));                 /* m' and s': t counts from 1   */
        double square = s[i] / (1 - pow(0.999, t));
        w[i] -= alpha * mean / (sqrt(square) + 1e-8);
    }
}

/* ---- by hand: L(a, b) = (a² + 25 b²) / 2, from (10, 1) -------------------------------------- */

static void print_momentum(void)
{
    double w[2] = { 10, 1 }, v[2] = { 0, 0 };
    printf("| step | g | v | (a, b) |\n|---|---|---|---|\n");
    for (int t = 1; t <= 2; t++) {
        const double g[2] = { w[0], 25 * w[1] };
        momentum_step(w, v, g, 0.07, 0.6, false);
        printf("| %d | (%.4g, %.4g) | (%.4g, %.4g) | (%.4g, %.4g) |\n", t, g[0], g[1], v[0], v[1],
               w[0], w[1]);
    }
}

static void print_adam(void)
{
    double w[2] = { 10, 1 }, m[2] = { 0, 0 }, s[2] = { 0, 0 };
    printf("\nAdam, beta1 = 0.9, beta2 = 0.999:\n\n"
           "| step | g | m | s | m corrected | root of s corrected | (a, b) |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int t = 1; t <= 2; t++) {
        const double g[2] = { w[0], 25 * w[1] };
        adam_step(w, m, s, g, 0.5, t);
        double first = 1 - pow(0.9, t), second = 1 - pow(0.999, t);
        printf("| %d | (%.4g, %.4g) | (%.4f, %.4f) | (%.4f, %.4f) | (%.4f, %.4f) | (%.4f, %.4f) | "
               "(%.4f, %.4f) |\n", t, g[0], g[1], m[0], m[1], s[0], s[1], m[0] / first,
               m[1] / first, sqrt(s[0] / second), sqrt(s[1] / second), w[0], w[1]);
    }
}

/* The first step of the two others. */
static void print_others(void)
{
    const double g[2] = { 10, 25 };
    double w[2] = { 10, 1 }, v[2] = { 0, 0 }, s[2] = { 0, 0 }, u[2] = { 10, 1 };
    momentum_step(w, v, g, 0.04, 0.6, true);
    rmsprop_step(u, s, g, 0.1);
    printf("\nNesterov, alpha = 0.04: v = (%g, %g), g + mu v = (%g, %g), (a, b) = (%g, %g)\n", v[0],
           v[1], g[0] + 0.6 * v[0], g[1] + 0.6 * v[1], w[0], w[1]);
    printf("RMSprop, alpha = 0.1: s = (%g, %g), its root (%g, %g), (a, b) = (%g, %g)\n", s[0], s[1],
           sqrt(s[0]), sqrt(s[1]), u[0], fabs(u[1]) < 1e-6 ? 0 : u[1]);
}

/* The state that a kernel keeps for two weights, and its step. */
typedef struct state { nn_real a[2], b[2]; long t; } state;

static void kernel_step(int kind, nn_real *w, const nn_real *g, state *s, double lr, double mu,
                        double decay)
{
    if (kind == GD || kind == SGD) nn_sgd_step(w, g, NULL, 2, lr, 0, false, 0);
    if (kind == MOMENTUM) nn_sgd_step(w, g, s->a, 2, lr, mu, false, 0);
    if (kind == NESTEROV) nn_sgd_step(w, g, s->a, 2, lr, mu, true, 0);
    if (kind == RMSPROP) nn_rmsprop_step(w, g, s->a, NULL, 2, lr, 0.99, 1e-8, 0, 0);
    s->t++;
    if (kind == ADAM) nn_adam_step(w, g, s->a, s->b, 2, lr, 0.9, 0.999, 1e-8, s->t, 0);
    if (kind == ADAMW) nn_adamw_step(w, g, s->a, s->b, 2, lr, 0.9, 0.999, 1e-8, s->t, decay);
}

/* A step of the loops above; the rates are those of the tables. */
static const double hand_rate[KINDS] = { [MOMENTUM] = 0.07, [NESTEROV] = 0.04, [RMSPROP] = 0.1,
                                         [ADAM] = 0.5 };

static void hand_step(int kind, double *w, double *m, double *s, const double *g, int t)
{
    if (kind == ADAM) adam_step(w, m, s, g, hand_rate[kind], t);
    else if (kind == RMSPROP) rmsprop_step(w, s, g, hand_rate[kind]);
    else momentum_step(w, m, g, hand_rate[kind], 0.6, kind == NESTEROV);
}

/* Twenty steps of each, and of nn.h. */
static int print_kernels(void)
{
    double worst = 0;
    for (int kind = MOMENTUM; kind <= ADAM; kind++) {
        double w[2] = { 10, 1 }, m[2] = { 0, 0 }, s[2] = { 0, 0 };
        nn_real u[2] = { 10, 1 };
        state k = { { 0, 0 }, { 0, 0 }, 0 };
        for (int t = 1; t <= 20; t++) {
            const double g[2] = { w[0], 25 * w[1] };
            const nn_real h[2] = { u[0], 25 * u[1] };
            hand_step(kind, w, m, s, g, t);
            kernel_step(kind, u, h, &k, hand_rate[kind], 0.6, 0);
            for (int i = 0; i < 2; i++) worst = fmax(worst, fabs(w[i] - (double)u[i]));
        }
    }
    bool ok = worst < 1e-3;
    printf("\n20 steps of nn.h's momentum, Nesterov, RMSprop and Adam: %s\n",
           ok ? "the same to 0.001" : "DIFFERENT from the loops");
    return !ok;
}

/* ---- the valley: 25 times as steep across as along, its bottom at (4, 1) -------------------- */

enum { STEPS = 200, TRIES = 29, STARTS = 3, SIDE = 61 };

static const double bottom[2] = { 4, 1 };

/* The slope of the valley, turned by an angle around its bottom. */
static void valley_slope(double *g, const nn_real *w, double angle)
{
    double x = (double)w[0] - bottom[0], y = (double)w[1] - bottom[1];
    double along = x * cos(angle) + y * sin(angle), across = 25 * (y * cos(angle) - x * sin(angle));
    g[0] = along * cos(angle) - across * sin(angle);
    g[1] = along * sin(angle) + across * cos(angle);
}

static double valley(double x, double y)
{
    return ((x - bottom[0]) * (x - bottom[0]) + 25 * (y - bottom[1]) * (y - bottom[1])) / 2;
}

typedef struct walk {
    double rate, mu, x[STEPS + 1], y[STEPS + 1];
    int arrived;                    /* after this step it stays within 0.1 of the bottom        */
} walk;

/* Along and across, seen from the bottom; in the turned valley the same places in it. */
static const double start[STARTS][2] = { { -10, 1 }, { -7, -0.6 }, { 8, 1.4 } };

/* SGD's slope has noise, as that of a small batch has. */
static void walk_valley(walk *k, int kind, double rate, double mu, double angle, int from,
                        uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    state s = { { 0, 0 }, { 0, 0 }, 0 };
    double along = start[from][0], across = start[from][1];
    nn_real w[2] = { (nn_real)(bottom[0] + along * cos(angle) - across * sin(angle)),
                     (nn_real)(bottom[1] + along * sin(angle) + across * cos(angle)) };
    k->rate = rate, k->arrived = 0;
    for (int t = 0; t <= STEPS; t++) {
        double g[2], x = (double)w[0], y = (double)w[1];
        k->x[t] = x, k->y[t] = y;
        if (!(hypot(x - bottom[0], y - bottom[1]) < 0.1)) k->arrived = t + 1;
        valley_slope(g, w, angle);
        for (int i = 0; i < 2 && kind == SGD; i++) g[i] += nn_random_normal(&random, 0, 1);
        const nn_real h[2] = { (nn_real)g[0], (nn_real)g[1] };
        kernel_step(kind, w, h, &s, rate, mu, 0.05);
    }
}

/* The rate, of 29 from 0.002 to 1.26, and for the two with a velocity the mass, of 0.1 to 0.9,
   with which the slowest of the walks from all starts is fastest. best is the first walk.      */
static void walk_best(walk *best, int kind, double angle, uint64_t seed)
{
    static walk k;
    bool heavy = kind == MOMENTUM || kind == NESTEROV;
    double fastest = HUGE_VAL;
    for (int i = 0; i < TRIES * (heavy ? 9 : 1); i++) {
        double score = 0, rate = 0.002 * pow(10, 0.1 * (i % TRIES)), mu = 0.1 + 0.1 * (i / TRIES);
        for (int from = STARTS - 1; from >= 0; from--) {
            walk_valley(&k, kind, rate, mu, angle, from, seed);
            double away = hypot(k.x[STEPS] - bottom[0], k.y[STEPS] - bottom[1]);
            if (away != away) away = HUGE_VAL;                      /* it flew off           */
            score = fmax(score, k.arrived <= STEPS ? k.arrived : STEPS + 1 + away);
        }
        if (!(score < fastest)) continue;
        fastest = score, *best = k;
        best->mu = heavy ? mu : 0;
        best->arrived = score <= STEPS ? (int)score : STEPS + 1;
    }
}

static const char *steps_text(char *text, size_t size, int steps)
{
    if (steps > STEPS) return "never";
    snprintf(text, size, "%d", steps);
    return text;
}

/* For the map: rates at which the paths can be told apart. */
static const double map_rate[KINDS] = { 0.07, 0.03, 0.07, 0.04, 0.1, 0.5, 0.5 };

static void print_valley(walk *map, uint64_t seed)
{
    static walk best, turned;
    char a[20], b[20];
    printf("\n| optimizer | best rate | steps, slowest of 3 starts | turned |\n|---|---|---|---|\n");
    for (int kind = GD; kind < ADAMW; kind++) {
        walk_best(&best, kind, 0, seed);
        walk_best(&turned, kind, 3.14159265 / 6, seed);
        printf("| %s", name_of[kind]);
        if (best.mu > 0) printf(", mu = %.1f", best.mu);
        printf(" | %.3f | %s | %s |\n", best.rate, steps_text(a, sizeof a, best.arrived),
               steps_text(b, sizeof b, turned.arrived));
    }
    for (int kind = 0; kind < KINDS; kind++)
        walk_valley(&map[kind], kind, map_rate[kind], 0.6, 0, 0, seed);
    printf("\nthe bottom is (4, 1); after 200 steps Adam is at (%.2f, %.2f), AdamW with a decay of "
           "0.05 at (%.2f, %.2f)\n", map[ADAM].x[STEPS], map[ADAM].y[STEPS],
           map[ADAMW].x[STEPS], map[ADAMW].y[STEPS]);
    printf("\n| on the map | rate | loss after 25 steps |\n|---|---|---|\n");
    for (int kind = 0; kind < KINDS; kind++)
        printf("| %s | %g | %.3f |\n", name_of[kind], map_rate[kind],
               valley(map[kind].x[25], map[kind].y[25]));
}

/* "Change one number": momentum at 0.07. */
static void print_masses(void)
{
    static const double mu[] = { 0, 0.6, 0.9, 0.99 };
    static walk k;
    char a[20], b[20];
    printf("\n| mu | steps at rate 0.07 | steps at rate 0.09 |\n|---|---|---|\n");
    for (int i = 0; i < 4; i++) {
        walk_valley(&k, MOMENTUM, 0.07, mu[i], 0, 0, 1);
        steps_text(a, sizeof a, k.arrived);
        const char *slow = k.arrived > STEPS ? "never" : a;
        walk_valley(&k, MOMENTUM, 0.09, mu[i], 0, 0, 1);
        printf("| %g | %s | %s |\n", mu[i], slow, steps_text(b, sizeof b, k.arrived));
    }
}

/* ---- a saddle: L = (x² - y²) / 2 + y⁴ / 4, with bottoms at (0, -1) and (0, 1) --------------- */

static const double saddle_rate = 0.1;

static double saddle(double x, double y) { return (x * x - y * y) / 2 + y * y * y * y / 4; }

/* From (-2, 0.001), a hair beside the line that runs down to the saddle. */
static void walk_saddle(walk *k, int kind, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    state s = { { 0, 0 }, { 0, 0 }, 0 };
    nn_real w[2] = { -2, (nn_real)0.001 };
    k->arrived = STEPS + 1;
    for (int t = 0; t <= STEPS; t++) {
        nn_real g[2] = { w[0], w[1] * w[1] * w[1] - w[1] };
        k->x[t] = (double)w[0], k->y[t] = (double)w[1];
        if (k->arrived > STEPS && fabs(k->y[t]) > 0.5) k->arrived = t;
        for (int i = 0; i < 2 && kind == SGD; i++)
            g[i] += (nn_real)nn_random_normal(&random, 0, 0.1);
        kernel_step(kind, w, g, &s, saddle_rate, 0.9, 0.05);
    }
}

static void print_saddle(walk *k, uint64_t seed)
{
    char text[20];
    printf("\n| optimizer | steps until it has left the saddle |\n|---|---|\n");
    for (int kind = 0; kind < KINDS; kind++) {
        walk_saddle(&k[kind], kind, seed);
        printf("| %s | %s |\n", name_of[kind], steps_text(text, sizeof text, k[kind].arrived));
    }
}

/* ---- networks ------------------------------------------------------------------------------- */

enum { RATES = 9, POINTS = 40, SEEDS = 5 };

static const double rate_of[RATES] = { 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1 };

/* What is trained on what, for how long; and what came of it. */
typedef struct race {
    const nn_data *train, *judge;           /* the loss is measured on judge                    */
    int hidden, batch, epochs, points;
    double seen[POINTS];                    /* samples seen at which the loss is measured       */
    double final[KINDS][RATES];             /* at the end; infinite where it blew up            */
    int best[KINDS];                        /* which rate                                       */
    double mean[KINDS][POINTS], low[KINDS][POINTS], high[KINDS][POINTS];    /* at the best rate */
} race;

static nn_optimizer optimizer_of(int kind, double lr)
{
    switch (kind) {
    case MOMENTUM: return nn_sgd(.lr = lr, .momentum = 0.9);
    case NESTEROV: return nn_sgd(.lr = lr, .momentum = 0.9, .nesterov = true);
    case RMSPROP: return nn_rmsprop(.lr = lr);
    case ADAM: return nn_adam(.lr = lr);
    case ADAMW: return nn_adamw(.lr = lr, .weight_decay = 0.01);
    default: return nn_sgd(.lr = lr);
    }
}

static nn_model *build(const race *r, nn_optimizer optimizer, uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, (int)r->train->x[0].size);
    nn_tensor *h = nn_dense(x, r->hidden, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, r->train->classes, .activation = NN_SOFTMAX);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = optimizer)) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* Trains once and writes the loss at each count of samples; infinite from where it blew up. */
static bool train_once(const race *r, int kind, double lr, uint64_t seed, double *loss)
{
    nn_model *m = build(r, optimizer_of(kind, lr), seed);
    int batch = kind == GD ? r->train->n : r->batch, k = 0;
    long seen = 0;
    if (!m) return false;
    for (int i = 0; i < r->points; i++) loss[i] = HUGE_VAL;
    nn_fit_begin(m, r->train, .epochs = r->epochs, .batch_size = batch, .quiet = true);
    while (nn_fit_step(m)) {
        seen += m->batch;
        double now = NAN;
        for (; k < r->points && r->seen[k] <= (double)seen; k++) {
            if (isnan(now)) now = nn_evaluate(m, r->judge).loss;
            loss[k] = now == now ? now : HUGE_VAL;
        }
    }
    nn_status status = nn_fit_end(m);
    for (; !status && k < r->points; k++) loss[k] = nn_evaluate(m, r->judge).loss;
    nn_model_free(m);
    return !status || status == NN_ERR_NUMERIC;         /* too large a rate is a result, too    */
}

/* All rates of one optimizer with one seed, then the best one with several. */
static bool run_optimizer(race *r, int kind, int seeds, uint64_t seed)
{
    double loss[POINTS];
    int last = r->points - 1, *best = &r->best[kind];
    for (int i = *best = 0; i < RATES; i++) {
        if (!train_once(r, kind, rate_of[i], seed, loss)) return false;
        r->final[kind][i] = loss[last];
        if (loss[last] < r->final[kind][*best]) *best = i;
    }
    for (int s = 0; s < seeds; s++) {
        if (!train_once(r, kind, rate_of[*best], seed + (uint64_t)s, loss)) return false;
        for (int k = 0; k < r->points; k++) {
            r->mean[kind][k] = (s ? r->mean[kind][k] : 0) + loss[k] / seeds;
            r->low[kind][k] = s ? fmin(r->low[kind][k], loss[k]) : loss[k];
            r->high[kind][k] = s ? fmax(r->high[kind][k], loss[k]) : loss[k];
        }
    }
    return true;
}

/* The counts at which to look: from one batch to the end, in equal ratios. */
static void plan(race *r)
{
    double end = (double)r->epochs * r->train->n;
    for (int k = 0; k < r->points; k++)
        r->seen[k] = floor(r->batch * pow(end / r->batch, k / (r->points - 1.0)) + 0.5);
    r->seen[r->points - 1] = end;
}

static bool run_race(race *r, const char *what, int seeds, uint64_t seed)
{
    plan(r);
    printf("\n| %s | best rate | loss, mean | of %d starts |\n|---|---|---|---|\n", what, seeds);
    for (int kind = 0; kind < KINDS; kind++) {
        if (!run_optimizer(r, kind, seeds, seed)) return false;
        const int last = r->points - 1;
        printf("| %s | %g | %.4f | %.4f to %.4f |\n", name_of[kind], rate_of[r->best[kind]],
               r->mean[kind][last], r->low[kind][last], r->high[kind][last]);
    }
    return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* The paths from first to last. The others get a point that is not drawn, so that each optimizer
   has its own colour in all figures.                                                            */
static void add_paths(plot_figure *fig, const walk *k, int first, int last, int n)
{
    static const double nowhere = NAN;
    for (int kind = 0; kind < KINDS; kind++)
        fig->series[kind] = kind < first || kind > last ?
            (plot_series){ NULL, .y = &nowhere, .x = &nowhere, .n = 1 } :
            (plot_series){ name_of[kind], .y = k[kind].y, .x = k[kind].x, .n = n };
}

static int draw_valley(program *p, const walk *k)
{
    static double z[SIDE * SIDE];
    for (int r = 0; r < SIDE; r++)
        for (int c = 0; c < SIDE; c++)
            z[r * SIDE + c] = valley(-7 + 14.0 * c / (SIDE - 1), -0.6 + 3.2 * r / (SIDE - 1)) + 0.1;
    plot_figure fig = { PLOT_CONTOUR, .at = PLOT_HERE, .path = program_figure(p, "valley"),
        .title = "One valley, seven paths of 25 steps",
        .x_label = "weight a (flat)", .y_label = "weight b (steep)", .grid = z, .rows = SIDE,
        .cols = SIDE, .x_min = -7, .x_max = 7, .y_min = -0.6, .y_max = 2.6, .z_label = "loss",
        .log_z = 1, .width = 800, .height = 480 };
    add_paths(&fig, k, GD, ADAMW, 26);
    return plot_draw(&fig);
}

static int draw_saddle(program *p, const walk *k)
{
    static const double level[] = { -0.2, -0.1, 0, 0.25, 0.5, 1, 2 };
    static double z[SIDE * SIDE];
    plot_figure panel[2];
    for (int r = 0; r < SIDE; r++)
        for (int c = 0; c < SIDE; c++)
            z[r * SIDE + c] = saddle(-2.2 + 3.4 * c / (SIDE - 1), -1.5 + 3.0 * r / (SIDE - 1));
    for (int i = 0; i < 2; i++) {
        panel[i] = (plot_figure){ PLOT_CONTOUR, .x_label = "x", .y_label = "y", .grid = z,
            .rows = SIDE, .cols = SIDE, .x_min = -2.2, .x_max = 1.2, .y_min = -1.5, .y_max = 1.5,
            .levels = level, .n_levels = 7,
            .title = i ? "steps of their own size" : "steps along the slope" };
        add_paths(&panel[i], k, i ? RMSPROP : GD, i ? ADAMW : NESTEROV, 31);
    }
    return plot_panels(program_figure(p, "saddle"), "30 steps: at a saddle the slope is nearly 0",
                       .panels = panel, .n = 2, .columns = 2, .width = 860, .height = 460);
}

static int draw_race(program *p, const race *r, const char *file, const char *title)
{
    plot_figure fig = { PLOT_LINES, .at = PLOT_HERE, .path = program_figure(p, file),
        .title = title, .x_label = "samples seen (log scale)",
        .y_label = "loss (nats, log scale)", .n = r->points, .log_x = 1, .log_y = 1 };
    for (int kind = 0; kind < KINDS; kind++)
        fig.series[kind] = (plot_series){ name_of[kind], .y = r->mean[kind], .x = r->seen };
    return plot_draw(&fig);
}

static int draw_rates(program *p, const race *r, const char *name)
{
    char title[100];
    snprintf(title, sizeof title, "%s: each optimizer has its own best rate", name);
    plot_figure fig = { PLOT_LINES, .at = PLOT_HERE, .path = program_figure(p, "rates"),
        .title = title, .x_label = "learning rate (log scale)",
        .y_label = "loss at the end (nats, log scale)", .n = RATES, .log_x = 1, .log_y = 1,
        .y_min = 0.2, .y_max = 4 };
    for (int kind = 0; kind < KINDS; kind++)
        fig.series[kind] = (plot_series){ name_of[kind], .y = r->final[kind], .x = rate_of,
                                          .style = PLOT_MARKED };
    return plot_draw(&fig);
}

/* ---- the program ---------------------------------------------------------------------------- */

static bool race_iris(race *r, const program *p)
{
    nn_data all, train, test;
    nn_load_csv(&all, "datasets/iris.csv", .label = "species");
    nn_split(&all, &train, &test, .fraction = 0.2, .seed = 42, .stratify = true);
    bool ok = nn_standardise(&train) == NN_OK;
    *r = (race){ &train, &train, .hidden = 16, .batch = 10, .epochs = p->quick ? 5 : 30,
                .points = p->quick ? 10 : POINTS };
    if (!ok) program_failed(p);
    else ok = run_race(r, "Iris, 30 epochs", p->quick ? 1 : SEEDS, p->seed);
    nn_data_free(&all), nn_data_free(&train), nn_data_free(&test);
    return ok;
}

/* The judge is a part of the training digits that no optimizer sees; test digits are not used. */
static const char *race_digits(race *r, const program *p)
{
    nn_data all, test, train, judge;
    const char *name = program_load_digits(p, &all, &test, p->quick ? 350 : 7000, 1);
    nn_split(&all, &train, &judge, .fraction = 1.0 / 7, .seed = 42);
    *r = (race){ &train, &judge, .hidden = 32, .batch = 32, .epochs = p->quick ? 1 : 5,
                .points = p->quick ? 10 : POINTS };
    if (name && train.status) program_failed(p), name = NULL;
    if (name && !run_race(r, "digits, 5 epochs", p->quick ? 1 : SEEDS, p->seed)) name = NULL;
    nn_data_free(&all), nn_data_free(&test), nn_data_free(&train), nn_data_free(&judge);
    return name;
}

int main(int argc, char **argv)
{
    static walk down[KINDS], away[KINDS];
    static race iris, digits;
    program p = program_start(argc, argv, "07_optimizers", 1,
                              "Seven optimizers in a valley, at a saddle, on Iris and on digits.");
    if (!p.worked) program_announce(&p, "seven optimizers");
    print_momentum();
    print_adam();
    print_others();
    int bad = print_kernels();
    print_valley(down, p.seed);
    print_masses();
    print_saddle(away, p.seed);
    if (p.worked || bad) return bad;
    nn_set_log(NULL, NULL);             /* the largest rates blow up: that is expected here     */
    if (!race_iris(&iris, &p)) return 1;
    const char *name = race_digits(&digits, &p);
    if (!name) return 1;
    printf("\nthe digits were %s: %d to learn from\n", name, p.quick ? 300 : 6000);
    return draw_valley(&p, down) | draw_saddle(&p, away) | draw_rates(&p, &digits, name) |
           draw_race(&p, &iris, "iris", "Iris, 4-16-3: the same flowers, seven optimizers") |
           draw_race(&p, &digits, "digits", "Digits, 784-32-10: gradient descent takes five steps");
}
