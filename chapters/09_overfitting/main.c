/* Chapter 09: overfitting, and what helps.

     1. by hand       the penalties L1 and L2, dropout, and the rule of early stopping
     2. few digits    a network with 200,000 weights learns 500 digits: the training loss falls and
                      falls, the validation loss turns round; then one remedy at a time
     3. weights       what the penalties make of them
     4. more data     accuracy against the number of digits
     5. Iris          a fifth of the labels wrong; the boundary for three lambdas

   Validation digits choose the epoch at which early stopping ends. The accuracy in the tables is
   that of other digits, which nothing was chosen by. Each table is the mean of several runs: run r
   has the seed --seed + r and other digits, and all remedies get the same ones.                 */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <stddef.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, UNITS = 256, EPOCHS = 60, BATCH = 32 };
enum { FEW = 500, MORE = 5000, VALIDATION = 2000, LOADED = 12000, MOST = 10000, RUNS = 5 };

/* ---- by hand -------------------------------------------------------------------------------- */

static double penalty(const double *w, int n, double l1, double l2)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += l1 * fabs(w[i]) + l2 * w[i] * w[i];                                /* F6.1, F6.2 */
    return sum;
}

static double penalty_slope(double w, double l1, double l2)
{
    const double sign = (w > 0) - (w < 0);
    return l1 * sign + 2 * l2 * w;
}

/* a and y: n numbers, before and after. p: the probability to be switched off. */
static void dropout(double *y, const double *a, int n, double p, nn_random *random)
{
    for (int i = 0; i < n; i++)
        y[i] = nn_random_uniform(random, 0, 1) < p ? 0 : a[i] / (1 - p);                /* F6.3 */
}

static void print_penalties(void)
{
    static const double w[3] = { 3, -0.5, 0.1 }, lambda = 0.1, mse = 0.2;
    printf("| w | lambda abs(w) | its gradient | lambda w² | its gradient |\n"
           "|---|---|---|---|---|\n");
    for (int i = 0; i < 3; i++)
        printf("| %g | %.3f | %.2f | %.3f | %.2f |\n", w[i], penalty(w + i, 1, lambda, 0),
               penalty_slope(w[i], lambda, 0), penalty(w + i, 1, 0, lambda),
               penalty_slope(w[i], 0, lambda));
    const double l1 = penalty(w, 3, lambda, 0), l2 = penalty(w, 3, 0, lambda);
    printf("\nMSE %.3f; with L1 %.3f + %.3f = %.3f; with L2 %.3f + %.3f = %.3f\n", mse, mse, l1,
           mse + l1, mse, l2, mse + l2);
}

/* Four numbers, dropped with probability 0.5, in four draws; then the mean of many. */
static void print_dropout(void)
{
    enum { DRAWS = 10000 };
    static const double a[4] = { 1, 2, 3, 4 };
    nn_random random = nn_random_seed(1);
    double mean[4] = { 0 }, y[4];
    printf("\nfour draws:");
    for (int k = 0; k < DRAWS; k++) {
        dropout(y, a, 4, 0.5, &random);
        for (int i = 0; i < 4; i++) mean[i] += y[i] / DRAWS;
        if (k < 4) printf(" (%g, %g, %g, %g)", y[0], y[1], y[2], y[3]);
    }
    printf("\nmean of %d: (%.2f, %.2f, %.2f, %.2f)\n", DRAWS, mean[0], mean[1], mean[2], mean[3]);
}

/* The rule of early stopping. Returns the epoch, from 1, after which it ends; *best: whose weights
   it keeps.                                                                                     */
static int stop_at(const double *loss, int epochs, int patience, int *best)
{
    *best = 1;
    for (int e = 2; e <= epochs; e++) {
        if (loss[e - 1] < loss[*best - 1]) *best = e;
        if (e - *best >= patience) return e;
    }
    return epochs;
}

static void print_stopping(void)
{
    static const double loss[8] = { 0.70, 0.50, 0.45, 0.47, 0.44, 0.46, 0.49, 0.55 };
    printf("\nvalidation losses:");
    for (int e = 0; e < 8; e++) printf(" %.2f", loss[e]);
    printf("\n\n| patience | stops after epoch | keeps epoch | its loss |\n|---|---|---|---|\n");
    for (int patience = 1; patience <= 2; patience++) {
        int best, stop = stop_at(loss, 8, patience, &best);
        printf("| %d | %d | %d | %.2f |\n", patience, stop, best, loss[best - 1]);
    }
}

/* ---- a network, and what may be done against overfitting ------------------------------------ */

typedef struct remedy {
    const char *name;
    int n, units;                   /* digits to learn from; hidden units                       */
    double l1, l2, dropout;
    int patience;                   /* of early stopping; 0: none                               */
    double vary;                    /* 1: move and turn the digits a little while training      */
} remedy;

static nn_model *build(remedy r, uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_flatten(nn_input(m, SIDE, SIDE, 1));
    nn_tensor *h = nn_dense(x, r.units, .activation = NN_RELU, .l1 = r.l1, .l2 = r.l2,
                            .name = "first");
    h = nn_dropout(h, r.dropout);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX, .l1 = r.l1, .l2 = r.l2);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

typedef struct digits {
    nn_data train, validation, test;
    int usable;                     /* of train: those behind are for validation                */
    const char *name;
} digits;

/* The n digits that run number `run` learns from: other ones in each run, as far as there are. */
static nn_status take_digits(nn_data *few, const digits *d, int n, int run)
{
    static int index[LOADED];
    const int first = (d->usable - n) / (RUNS - 1) * run;
    for (int i = 0; i < n; i++) index[i] = first + i;
    return nn_data_rows(few, &d->train, index, n);
}

/* A trained network, or NULL. judge: the data that is measured after each epoch, or NULL. */
static nn_model *train(const nn_data *few, const nn_data *judge, remedy r, int epochs,
                       uint64_t seed)
{
    nn_model *m = build(r, seed);
    if (m && nn_fit(m, few, .epochs = epochs, .batch_size = BATCH, .validation = judge,
                    .patience = r.patience, .quiet = true,
                    .augment = { .shift = 2 * r.vary, .rotate = 12 * r.vary })) {
        nn_model_free(m);
        m = NULL;
    }
    return m;
}

/* The cross-entropy of each sample: nn_evaluate's loss has the penalty in it, and that is no
   property of the guesses. Returns the mean over n samples, NaN after an error.                 */
static double plain_loss(nn_model *m, const nn_data *data, int n, double *loss)
{
    static nn_real p[LOADED * CLASSES];
    double sum = 0;
    if (nn_predict_data(m, p, data)) return NAN;
    for (int i = 0; i < n; i++) {
        loss[i] = -log(fmax((double)p[i * CLASSES + nn_data_label(data, i)], 1e-30));
        sum += loss[i];
    }
    return sum / n;
}

/* ---- what came of it ------------------------------------------------------------------------ */

/* Of one run. */
typedef struct outcome {
    double known, fresh;            /* losses on the digits learned from and on held-out ones   */
    double accuracy;                /* on held-out ones                                         */
    double betrayed;                /* share of digits of which one can tell if they were known */
} outcome;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whoever has a digit and the network can guess whether the network was trained on that digit: it
   was, if the loss is small. The limit is the median of the n digits of either kind. known and
   fresh: their losses.                                                                          */
static double right_guesses(const double *known, const double *fresh, int n)
{
    static double sorted[2 * LOADED];
    int right = 0;
    memcpy(sorted, known, (size_t)n * sizeof *sorted);
    memcpy(sorted + n, fresh, (size_t)n * sizeof *sorted);
    qsort(sorted, 2 * (size_t)n, sizeof *sorted, ascending);
    for (int i = 0; i < n; i++) right += (known[i] <= sorted[n - 1]) + (fresh[i] > sorted[n - 1]);
    return right / (2.0 * n);
}

static bool measure(outcome *o, nn_model *m, const nn_data *few, const digits *d)
{
    static double known[LOADED], fresh[LOADED];
    const int n = few->n < d->validation.n ? few->n : d->validation.n;
    o->accuracy = nn_evaluate(m, &d->test).accuracy;
    o->fresh = plain_loss(m, &d->test, d->test.n, fresh);
    plain_loss(m, &d->validation, d->validation.n, fresh);
    o->known = plain_loss(m, few, few->n, known);
    o->betrayed = right_guesses(known, fresh, n);
    return o->known >= 0 && o->fresh >= 0;
}

/* A run from the beginning. *kept, where it is not NULL: the network, and its validation losses. */
static bool run_once(outcome *o, nn_model **kept, const digits *d, remedy r, int epochs, int run,
                     uint64_t seed)
{
    nn_data few;
    nn_model *m = NULL;
    if (!take_digits(&few, d, r.n, run))
        m = train(&few, kept || r.patience ? &d->validation : NULL, r, epochs,
                  seed + (uint64_t)run);
    bool ok = m && measure(o, m, &few, d);
    nn_data_free(&few);
    if (kept) *kept = m;
    else nn_model_free(m);
    return ok;
}

/* The mean of one field over all runs; at: its offset in outcome. */
static double mean_of(const outcome *o, size_t at)
{
    double sum = 0;
    for (int run = 0; run < RUNS; run++) sum += *(const double *)((const char *)&o[run] + at);
    return sum / RUNS;
}

#define MEAN(o, field) mean_of(o, offsetof(outcome, field))

/* How far the accuracies of the runs are from their mean, as a rule. */
static double deviation_of(const outcome *o)
{
    const double mean = MEAN(o, accuracy);
    double sum = 0;
    for (int run = 0; run < RUNS; run++) sum += (o[run].accuracy - mean) * (o[run].accuracy - mean);
    return sqrt(sum / (RUNS - 1));
}

/* none: the outcomes without a remedy, on the same digits. */
static void print_remedy(const char *name, const outcome *o, const outcome *none)
{
    int lower = 0, better = 0;
    for (int run = 0; run < RUNS; run++) {
        lower += o[run].fresh < none[run].fresh;
        better += o[run].accuracy > none[run].accuracy;
    }
    printf("| %s | %.3f | %.3f |", name, MEAN(o, known), MEAN(o, fresh));
    if (o != none) printf(" %d", lower);
    printf(" | %.3f ± %.3f |", MEAN(o, accuracy), deviation_of(o));
    if (o != none) printf(" %d", better);
    printf(" |\n");
}

/* ---- figures of the digits ------------------------------------------------------------------ */

static int draw_overfitting(program *p, const nn_history *h, const nn_history *stopped)
{
    static double loss[EPOCHS], validation[EPOCHS];
    for (int i = 0; i < h->epochs; i++)
        loss[i] = h->epoch[i].loss, validation[i] = h->epoch[i].val_loss;
    return plot_lines(program_figure(p, "overfitting"),
                      "The training loss falls to nothing; the validation loss turns round",
                      "epoch", "cross-entropy (nats)", .n = h->epochs, .x0 = 1, .y_min = 0,
                      .y_max = 1,
                      .series = {{ "training digits", .y = loss },
                                 { "validation digits", .y = validation }},
                      .marks = {{ stopped->best + 1, .name = "best" },
                                { stopped->epochs, .name = "\nstops here" }});
}

static int draw_dropout(program *p, const nn_history *off, const nn_history *on)
{
    static double loss[4][EPOCHS];
    const nn_history *h[2] = { off, on };
    plot_figure panel[2] = {{ PLOT_LINES, .title = "Dropout off" },
                            { PLOT_LINES, .title = "Dropout on, rate 0.5" }};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < h[k]->epochs; i++) {
            loss[2 * k][i] = h[k]->epoch[i].loss;
            loss[2 * k + 1][i] = h[k]->epoch[i].val_loss;
        }
        panel[k].x_label = "epoch", panel[k].y_label = "cross-entropy (nats)";
        panel[k].n = h[k]->epochs, panel[k].x0 = 1, panel[k].y_max = 1;
        panel[k].series[0] = (plot_series){ "training digits", .y = loss[2 * k] };
        panel[k].series[1] = (plot_series){ "validation digits", .y = loss[2 * k + 1] };
    }
    return plot_panels(program_figure(p, "dropout"),
                       "With dropout the network memorises more slowly, and less",
                       .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

static int draw_weights(program *p, nn_model *const m[3])
{
    static const char *const name[3] = { "no penalty", "L2", "L1" };
    static float weight[3][PIXELS * UNITS];
    plot_series series[3];
    memset(series, 0, sizeof series);
    printf("\nfirst weights nearer to 0 than 0.001:");
    for (int k = 0; k < 3; k++) {
        const nn_tensor *w = nn_parameter_named(m[k], "first.weight");
        double near = 0;
        for (size_t i = 0; i < w->size; i++) near += fabs((double)w->value[i]) < 0.001;
        printf("%s %s %.1f %%%s", k ? "," : "", name[k], 100 * near / (double)w->size,
               k == 2 ? "\n" : "");
        series[k] = (plot_series){ name[k], .yf = program_floats(weight[k], w->value, w->size) };
    }
    return plot_histogram(program_figure(p, "weights"),
                          "The first layer's weights: L2 makes them small, L1 makes most of them 0",
                          "weight", "how many (log scale)", .log_y = 1, .bins = 41, .x_min = -0.2,
                          .x_max = 0.2, .n = PIXELS * UNITS,
                          .series = { series[0], series[1], series[2] });
}

/* ---- few digits: one remedy at a time ------------------------------------------------------- */

enum { NONE, STOPPING, L2, L1, DROPOUT, SMALL, VARIED, DATA, REMEDIES };

/* Of the first run: the curves, and what the penalties made of the weights. */
static int show_remedies(program *p, nn_model *const m[REMEDIES])
{
    nn_model *const three[3] = { m[NONE], m[L2], m[L1] };
    const nn_history *h = &m[NONE]->history, *s = &m[STOPPING]->history;
    printf("\nthe best validation loss is %.3f, after epoch %d; early stopping sees that after "
           "epoch %d;\nafter epoch %d it is %.3f\n", h->epoch[s->best].val_loss, s->best + 1,
           s->epochs, h->epochs, h->epoch[h->epochs - 1].val_loss);
    return draw_overfitting(p, h, s) | draw_dropout(p, h, &m[DROPOUT]->history) |
           draw_weights(p, three);
}

static int print_privacy(outcome o[REMEDIES][RUNS])
{
    printf("\nwas this digit learned from? right guesses: %.1f %%; with the digits varied %.1f %%; "
           "with ten times the digits %.1f %%\n", 100 * MEAN(o[NONE], betrayed),
           100 * MEAN(o[VARIED], betrayed), 100 * MEAN(o[DATA], betrayed));
    return 0;
}

static int compare_remedies(program *p, const digits *d)
{
    const int few = p->quick ? 100 : FEW, more = p->quick ? 500 : MORE, u = UNITS;
    const int epochs = p->quick ? 3 : EPOCHS;
    const remedy list[REMEDIES] = {
        [NONE] = { "none", few, u, 0, 0, 0, 0, 0 },
        [STOPPING] = { "early stopping, patience 5", few, u, 0, 0, 0, 5, 0 },
        [L2] = { "L2, lambda 0.001", few, u, 0, 1e-3, 0, 0, 0 },
        [L1] = { "L1, lambda 0.0003", few, u, 3e-4, 0, 0, 0, 0 },
        [DROPOUT] = { "dropout, rate 0.5", few, u, 0, 0, 0.5, 0, 0 },
        [SMALL] = { "a smaller model, 8 units", few, 8, 0, 0, 0, 0, 0 },
        [VARIED] = { "digits moved and turned", few, u, 0, 0, 0, 0, 1 },
        [DATA] = { "ten times the digits", more, u, 0, 0, 0, 0, 0 } };
    nn_model *m[REMEDIES] = { NULL };
    outcome o[REMEDIES][RUNS];
    int bad = 0;
    printf("\nmeans of %d runs, and in how many the remedy is better than none\n\n"
           "| remedy | training loss | held-out loss | lower in | held-out accuracy | higher in |\n"
           "|---|---|---|---|---|---|\n", RUNS);
    for (int k = 0; k < REMEDIES && !bad; k++) {
        for (int run = 0; run < RUNS && !bad; run++)
            bad = !run_once(&o[k][run], run ? NULL : &m[k], d, list[k], epochs, run, p->seed);
        if (!bad) print_remedy(list[k].name, o[k], o[NONE]);
    }
    if (!bad) bad = show_remedies(p, m) | print_privacy(o);
    for (int k = 0; k < REMEDIES; k++) nn_model_free(m[k]);
    return bad;
}

/* ---- accuracy against the number of digits -------------------------------------------------- */

enum { SIZES = 8 };

/* The same number of steps for each, so that few digits are seen more often. known: the accuracy on
   the digits learned from.                                                                      */
static bool try_size(outcome *o, double *known, const digits *d, int n, const program *p)
{
    const remedy r = { "", n, UNITS, 0, 0, 0, 0, 0 };
    bool ok = true;
    *known = 0;
    for (int run = 0; run < RUNS && ok; run++) {
        nn_data few;
        nn_model *m = NULL;
        if (!take_digits(&few, d, n, run))
            m = train(&few, NULL, r, p->quick ? 2 : 1 + 30000 / n, p->seed + (uint64_t)run);
        ok = m != NULL;
        if (ok) {
            *known += nn_evaluate(m, &few).accuracy / RUNS;
            o[run].accuracy = nn_evaluate(m, &d->test).accuracy;
        }
        nn_model_free(m), nn_data_free(&few);
    }
    return ok;
}

static int compare_sizes(program *p, const digits *d)
{
    static const int size[SIZES] = { 50, 100, 200, 500, 1000, 2000, 5000, MOST };
    double at[SIZES], known[SIZES], fresh[SIZES], low[SIZES], high[SIZES];
    int n = p->quick ? 3 : SIZES;
    while (size[n - 1] > d->usable) n--;
    printf("\n| digits to learn from | training accuracy | held-out accuracy |\n|---|---|---|\n");
    for (int k = 0; k < n; k++) {
        outcome o[RUNS];
        if (!try_size(o, &known[k], d, size[k], p)) return 1;
        const double mean = MEAN(o, accuracy), deviation = deviation_of(o);
        printf("| %d | %.3f | %.3f ± %.3f |\n", size[k], known[k], mean, deviation);
        at[k] = size[k], known[k] *= 100, fresh[k] = 100 * mean;
        low[k] = 100 * (mean - deviation), high[k] = 100 * (mean + deviation);
    }
    return plot_lines(program_figure(p, "samples"),
                      "More digits close the gap between known and new", "digits to learn from "
                      "(log scale)", "right (%)", .n = n, .log_x = 1, .y_min = 50, .y_max = 102,
                      .series = {{ "training digits", .x = at, .y = known, .style = PLOT_MARKED },
                                 { "held-out digits, with the deviation of 5 runs", .x = at,
                                   .y = fresh, .low = low, .high = high, .style = PLOT_MARKED }});
}

/* ---- Iris with wrong labels: the boundary for three lambdas --------------------------------- */

enum { GRID = 81, LAMBDAS = 3, SPECIES = 3, FLOWER_RUNS = 10 };

static const double lambda_of[LAMBDAS] = { 0, 0.001, 0.01 };

/* Two petal measurements; a fifth of the training labels become another species. */
static nn_status load_flowers(nn_data *known, nn_data *fresh, uint64_t seed)
{
    nn_data all;
    nn_random random = nn_random_seed(seed);
    int order[150];
    nn_load_csv(&all, "datasets/iris.csv", .label = "species", .skip = "sepal_length,sepal_width");
    nn_split(&all, known, fresh, .fraction = 0.3, .seed = seed, .stratify = true);
    nn_status status = nn_standardise(known);
    for (int i = 0; i < known->n; i++) order[i] = i;
    nn_random_shuffle(&random, order, known->n);
    for (int i = 0; i < known->n / 5; i++) {
        int32_t *label = (int32_t *)known->y.values + order[i];
        *label = (*label + 1 + (int32_t)nn_random_below(&random, 2)) % SPECIES;
    }
    nn_data_free(&all);
    return status;
}

static nn_model *learn_flowers(const nn_data *known, double lambda, int epochs, uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *h = nn_dense(nn_input(m, 2), 64, .activation = NN_RELU, .l2 = lambda);
    h = nn_dense(h, 64, .activation = NN_RELU, .l2 = lambda);
    nn_tensor *y = nn_dense(h, SPECIES, .activation = NN_SOFTMAX, .l2 = lambda);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.02));
    if (!nn_fit(m, known, .epochs = epochs, .batch_size = 15, .quiet = true)) return m;
    nn_model_free(m);
    return NULL;
}

/* Which species the network would guess at each point of a grid over the plane. */
static bool read_regions(nn_model *m, int *region)
{
    static float point[GRID * GRID * 2];
    static nn_real x[GRID * GRID * 2], guess[GRID * GRID * SPECIES];
    plot_grid_points(point, 0.5, 7.5, -0.2, 2.8, GRID, GRID);
    for (int i = 0; i < GRID * GRID * 2; i++) x[i] = (nn_real)point[i];
    if (nn_predict(m, guess, x, GRID * GRID)) return false;
    for (int i = 0; i < GRID * GRID; i++) region[i] = nn_argmax(guess + SPECIES * i, SPECIES);
    return true;
}

/* Trains with each lambda and adds its two accuracies, a FLOWER_RUNS-th of each. region: for the
   maps, or NULL.                                                                                */
static bool try_lambdas(double right[LAMBDAS][2], int region[LAMBDAS][GRID * GRID],
                        const nn_data *known, const nn_data *fresh, int epochs, uint64_t seed)
{
    bool ok = true;
    for (int k = 0; k < LAMBDAS && ok; k++) {
        nn_model *m = learn_flowers(known, lambda_of[k], epochs, seed);
        ok = m && (!region || read_regions(m, region[k]));
        if (ok) right[k][0] += nn_evaluate(m, known).accuracy / FLOWER_RUNS;
        if (ok) right[k][1] += nn_evaluate(m, fresh).accuracy / FLOWER_RUNS;
        nn_model_free(m);
    }
    return ok;
}

static int draw_flowers(program *p, const nn_data *known, int region[LAMBDAS][GRID * GRID])
{
    static char title[LAMBDAS][40];
    static float cm[2 * 150];
    plot_figure panel[LAMBDAS];
    program_floats(cm, (const nn_real *)known->x[0].values, 2 * (size_t)known->n);
    for (int k = 0; k < LAMBDAS; k++) {
        snprintf(title[k], sizeof title[k], "lambda = %g", lambda_of[k]);
        panel[k] = (plot_figure){ PLOT_BOUNDARY, .title = title[k], .gridi = region[k],
            .rows = GRID, .cols = GRID, .x_min = 0.5, .x_max = 7.5, .y_min = -0.2, .y_max = 2.8,
            .names = (const char *const *)known->class_name, .classes = SPECIES,
            .x_label = "petal length (cm)", .y_label = k ? NULL : "petal width (cm)",
            .series = {{ "flowers", .xf = cm, .yf = cm + 1, .stride = 2, .n = known->n,
                         .labels = (const int *)known->y.values }} };
    }
    return plot_panels(program_figure(p, "lambdas"), "A fifth of the labels is wrong: a penalty "
                       "stops the network from bending round them", .panels = panel,
                       .n = LAMBDAS, .columns = LAMBDAS, .shared_legend = 1);
}

/* Other flowers held out, other wrong labels and other weights in each run; the maps are those of
   the first.                                                                                    */
static int compare_lambdas(program *p)
{
    static int region[LAMBDAS][GRID * GRID];
    double right[LAMBDAS][2] = { { 0 } };
    int bad = 0;
    for (int run = 0; run < FLOWER_RUNS && !bad; run++) {
        nn_data known, fresh;
        const uint64_t seed = p->seed + (uint64_t)run;
        bad = load_flowers(&known, &fresh, seed) ? program_failed(p) :
              !try_lambdas(right, run ? NULL : region, &known, &fresh, p->quick ? 5 : 600, seed) ||
              (!run && draw_flowers(p, &known, region));
        nn_data_free(&known), nn_data_free(&fresh);
    }
    printf("\n| lambda | accuracy, training labels | held-out flowers |\n|---|---|---|\n");
    for (int k = 0; k < LAMBDAS && !bad; k++)
        printf("| %g | %.3f | %.3f |\n", lambda_of[k], right[k][0], right[k][1]);
    return bad;
}

/* ---- the program ---------------------------------------------------------------------------- */

/* The last digits of the training set are for validation. */
static bool load(const program *p, digits *d)
{
    static int index[LOADED];
    memset(d, 0, sizeof *d);
    d->name = program_load_digits(p, &d->train, &d->test, p->quick ? 1000 : LOADED,
                                  p->quick ? 500 : MOST);
    if (!d->name) return false;
    const int n = p->quick || d->train.n < LOADED ? d->train.n / 6 : VALIDATION;
    d->usable = d->train.n - n;
    for (int i = 0; i < n; i++) index[i] = d->usable + i;
    if (!nn_data_rows(&d->validation, &d->train, index, n)) return true;
    program_failed(p);
    return false;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "09_overfitting", 1,
                              "Overfitting on few digits and on Iris with wrong labels, and what "
                              "helps.");
    digits d;
    char what[120];
    if (p.worked) {
        print_penalties(), print_dropout(), print_stopping();
        return 0;
    }
    int bad = !load(&p, &d);
    if (!bad) {
        snprintf(what, sizeof what, "a 784-%d-10 network on few %s, then Iris with wrong labels",
                 UNITS, d.name);
        program_announce(&p, what);
        bad = compare_remedies(&p, &d) || compare_sizes(&p, &d) || compare_lambdas(&p);
    }
    nn_data_free(&d.train), nn_data_free(&d.validation), nn_data_free(&d.test);
    return bad;
}
