/* Chapter 06: a first network end to end, from raw rows to predictions.

   P5 of the articles is a 4-4-3 network on Iris. On average it ends below 0.9, which is poor for
   Iris. This program finds out why: it learns too slowly for the time it is given. A network of the
   same size with ten times the learning rate runs beside it, on the same flowers.

     1. clean        a small table with four things wrong: what is found, and what is not
     2. load         150 rows of text become numbers and class indices
     3. split        120 flowers to learn from, 30 to test on; each species keeps its share
     4. standardise  mean 0 and deviation 1, measured on the 120 alone
     5. build        the layers
     6. train        100 epochs
     7. judge        loss, accuracy, confusion matrix, single flowers
     8. do it again  30 flowers and one seed are an anecdote: 100 other splits and starts
     9. why          the same with one thing changed at a time                                  */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum {
    CLASSES = 3,
    EPOCHS = 100,
    RUNS = 100,
    SPLIT_SEED = 42                         /* the same split in all chapters                   */
};

typedef struct network {
    const char *name;
    int hidden;
    double lr;
    int epochs;
    nn_model *model;
    nn_metrics known, test;                 /* on the flowers it learned from, and on others    */
    double moved;                           /* how far the weight went that went furthest       */
    bool dead;                              /* a hidden neuron is 0 for every flower            */
    int counts[CLASSES * CLASSES];          /* row: the species it is; column: the one guessed  */
} network;

static int epochs_of(const program *p) { return p->quick ? 20 : EPOCHS; }
static int runs_of(const program *p) { return p->quick ? 3 : RUNS; }

/* ---- by hand -------------------------------------------------------------------------------- */

/* Five petals to learn from and one to test on: (cm - mean) / deviation, both of the five. */
static int print_standardised(void)
{
    static const nn_real cm[] = { (nn_real)1.4, (nn_real)1.3, (nn_real)4.7, (nn_real)4.5,
                                  (nn_real)6.1 };
    nn_data five;
    nn_data_from(&five, cm, 5, {1});
    if (nn_standardise(&five)) return 1;
    double mean = (double)five.x[0].offset[0], deviation = 1 / (double)five.x[0].factor[0];
    printf("| petal (cm) | minus the mean | squared | as the network sees it |\n"
           "|---|---|---|---|\n");
    for (int i = 0; i < 5; i++) {
        double away = (double)cm[i] - mean;
        printf("| %.1f | %.1f | %.2f | %.4f |\n", (double)cm[i], away, away * away,
               nn_data_value(&five, 0, i, 0));
    }
    printf("\nmean %.1f; mean of the squares %.2f; deviation, its root, %.4f\n", mean,
           deviation * deviation, deviation);
    printf("a new petal of 5.1 cm: (5.1 - %.1f) / %.4f = %.4f\n", mean, deviation,
           (5.1 - mean) / deviation);
    nn_data_free(&five);
    return 0;
}

/* Precision and recall of a made-up matrix: setosa, versicolor, virginica. */
static void print_scores(void)
{
    static const int counts[CLASSES * CLASSES] = { 10, 0, 0, 0, 8, 2, 0, 1, 9 };
    static const char *const name[] = { "setosa", "versicolor", "virginica" };
    int right = 0, all = 0;
    printf("\n| it is \\ guessed | %s | %s | %s | precision | recall | F1 |\n"
           "|---|---|---|---|---|---|---|\n", name[0], name[1], name[2]);
    for (int r = 0; r < CLASSES; r++) {
        const int *row = counts + CLASSES * r;
        nn_class_score s = nn_class_score_of(counts, CLASSES, r);
        printf("| %s | %d | %d | %d | %.4f | %.4f | %.4f |\n", name[r], row[0], row[1], row[2],
               s.precision, s.recall, s.f1);
        right += row[r], all += row[0] + row[1] + row[2];
    }
    printf("\naccuracy %d / %d = %.4f\n", right, all, (double)right / all);
}

/* ---- clean ---------------------------------------------------------------------------------- */

/* What a table can look like. Nothing but a look at the numbers finds the 45 and the Setosa. */
static const char messy[] = "petal_length,petal_width,species\n"
                            "1.4,0.2,setosa\n"
                            "4.7,1.4,versicolor\n"
                            "4.9,,versicolor\n"
                            "6.1,2.5,virginica\n"
                            "45,1.5,versicolor\n"
                            "1.3,0.2,Setosa\n"
                            "5.1,NA,virginica\n";

static void print_messy(void)
{
    nn_data data;
    nn_load_csv(&data, "messy.csv", .label = "species", .text = messy,
                .text_size = sizeof messy - 1);
    printf("\nas it is:\n  %s\n", nn_last_error());
    nn_data_free(&data);
    nn_load_csv(&data, "messy.csv", .label = "species", .missing = NN_MISSING_DROP, .text = messy,
                .text_size = sizeof messy - 1);
    printf("without the rows that miss a number: %d rows\n  species:", data.n);
    for (int k = 0; k < data.classes; k++) printf(" %s", data.class_name[k]);
    for (size_t j = 0; j < data.x[0].size; j++) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (int i = 0; i < data.n; i++) {
            double value = nn_data_value(&data, 0, i, j);
            low = fmin(low, value), high = fmax(high, value);
        }
        printf("\n  %s: from %g to %g cm", data.feature_name[j], low, high);
    }
    printf("\n");
    nn_data_free(&data);
}

/* ---- load, split, standardise --------------------------------------------------------------- */

/* skip: columns to leave out, or NULL. train and test are to be freed whatever comes back. */
static nn_status load_flowers(nn_data *train, nn_data *test, const char *skip, uint64_t split)
{
    nn_data all;
    nn_load_csv(&all, "datasets/iris.csv", .label = "species", .skip = skip);
    nn_split(&all, train, test, .fraction = 0.2, .seed = split, .stratify = true);
    nn_status status = nn_standardise(train);       /* fails with the first error of the three  */
    nn_data_free(&all);
    return status;
}

/* The scaling that training sees: (raw - mean) / deviation. The test set has none of its own; the
   model learns that of the training set and applies it to whatever it is given.                */
static void print_scaling(const nn_data *train)
{
    const nn_array *x = &train->x[0];
    const nn_real *first = (const nn_real *)x->values;
    printf("\n| measurement (cm) | mean | deviation | the first flower | as the network sees it |\n"
           "|---|---|---|---|---|\n");
    for (size_t j = 0; j < x->size; j++)
        printf("| %s | %.3f | %.3f | %.1f | %.3f |\n", train->feature_name[j],
               (double)x->offset[j], 1 / (double)x->factor[j], (double)first[j],
               nn_data_value(train, 0, 0, j));
}

/* ---- build, train --------------------------------------------------------------------------- */

/* inputs-hidden-3. Glorot uniform is what Keras, and so the article, starts from; nn.h's own
   choice before a ReLU would be He uniform, which is a little wider.                           */
static nn_model *build(int inputs, int hidden, double lr, uint64_t seed, nn_tensor **middle)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, inputs);
    nn_tensor *h = nn_dense(x, hidden, .activation = NN_RELU, .init = NN_GLOROT_UNIFORM);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX, .init = NN_GLOROT_UNIFORM);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = lr))) {
        nn_model_free(m);
        return NULL;
    }
    *middle = h;
    return m;
}

/* The test set is measured after each epoch for the curves; nothing is chosen by it. */
static bool train_network(network *net, const nn_data *train, const nn_data *test, uint64_t seed)
{
    nn_real start[200];
    nn_tensor *hidden;
    nn_model *m = net->model = build((int)train->x[0].size, net->hidden, net->lr, seed, &hidden);
    if (!m || m->parameters > 200) return false;
    memcpy(start, m->values, m->parameters * sizeof *start);
    if (nn_fit(m, train, .epochs = net->epochs, .batch_size = 10, .validation = test,
               .quiet = true)) return false;
    net->moved = 0;
    for (size_t i = 0; i < m->parameters; i++)
        net->moved = fmax(net->moved, fabs((double)(m->values[i] - start[i])));
    net->dead = nn_dead_units(m, hidden, train) > 0;
    net->known = nn_evaluate(m, train);
    net->test = nn_evaluate(m, test);
    return !net->known.status && !net->test.status && !nn_confusion(m, test, net->counts);
}

/* ---- judge ---------------------------------------------------------------------------------- */

static void print_epochs(const network *a, const network *b)
{
    int n = a->model->history.epochs;
    printf("\n| epoch | %s: training loss | test loss | test accuracy | %s: training loss | "
           "test loss | test accuracy |\n|---|---|---|---|---|---|---|\n", a->name, b->name);
    for (int i = 0; i < n; i++) {
        const nn_epoch *e = &a->model->history.epoch[i], *f = &b->model->history.epoch[i];
        if (e->epoch != 1 && e->epoch != 5 && e->epoch % 20) continue;
        printf("| %d | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f |\n", e->epoch, e->loss,
               e->val_loss, e->val_accuracy, f->loss, f->val_loss, f->val_accuracy);
    }
}

static void print_report(const network *net)
{
    printf("\n%s: test loss %.3f, accuracy %.3f (%.0f of %d flowers)\n", net->name,
           net->test.loss, net->test.accuracy, net->test.accuracy * net->test.n, net->test.n);
    printf("  %-12s", "guessed:");
    for (int c = 0; c < CLASSES; c++) printf(" %10s", nn_class_name(net->model, c));
    printf("   precision  recall     F1\n");
    for (int r = 0; r < CLASSES; r++) {
        nn_class_score s = nn_class_score_of(net->counts, CLASSES, r);
        printf("  %-12s", nn_class_name(net->model, r));
        for (int c = 0; c < CLASSES; c++) printf(" %10d", net->counts[r * CLASSES + c]);
        printf("   %9.3f  %6.3f  %5.3f\n", s.precision, s.recall, s.f1);
    }
}

static void print_guess(const network *net, const nn_real *probability)
{
    int guess = nn_argmax(probability, CLASSES);
    printf("   %-10s %3.0f %%", nn_class_name(net->model, guess),
           100 * (double)probability[guess]);
}

/* Two flowers of each species, as somebody with a ruler would ask: raw centimetres go in. */
static bool print_flowers(const network *a, const network *b, const nn_data *test)
{
    const nn_real *cm = (const nn_real *)test->x[0].values;
    const int32_t *label = (const int32_t *)test->y.values;
    nn_real pa[CLASSES], pb[CLASSES];
    int shown[CLASSES] = { 0, 0, 0 };
    printf("\nsix flowers (cm)        it is         %-15s   %s\n", a->name, b->name);
    for (int i = 0; i < test->n; i++) {
        const nn_real *x = cm + 4 * i;
        if (shown[label[i]]++ >= 2) continue;
        if (nn_predict(a->model, pa, x, 1) || nn_predict(b->model, pb, x, 1)) return false;
        printf("%.1f  %.1f  %.1f  %.1f      %-10s", (double)x[0], (double)x[1], (double)x[2],
               (double)x[3], test->class_name[label[i]]);
        print_guess(a, pa);
        print_guess(b, pb);
        printf("\n");
    }
    return true;
}

/* ---- do it again ---------------------------------------------------------------------------- */

typedef struct study {
    double loss[EPOCHS][RUNS], accuracy[EPOCHS][RUNS];      /* on the test set of each run      */
    double test[RUNS], known[RUNS], known_loss[RUNS], moved[RUNS];
    int dead;                                               /* runs with a dead neuron          */
    int counts[CLASSES * CLASSES];                          /* of all runs together             */
} study;

static void record(study *s, const network *net, int run)
{
    for (int e = 0; e < net->model->history.epochs && e < EPOCHS; e++) {
        s->loss[e][run] = net->model->history.epoch[e].val_loss;
        s->accuracy[e][run] = net->model->history.epoch[e].val_accuracy;
    }
    s->test[run] = net->test.accuracy;
    s->known[run] = net->known.accuracy;
    s->known_loss[run] = net->known.loss;
    s->moved[run] = net->moved;
    s->dead += net->dead;
    for (int i = 0; i < CLASSES * CLASSES; i++) s->counts[i] += net->counts[i];
}

/* One more split, one more start. */
static bool run_once(study *s, network net, int run, const program *p)
{
    nn_data train, test;
    bool ok = load_flowers(&train, &test, NULL, (uint64_t)run) == NN_OK;
    net.model = NULL;
    if (!ok) program_failed(p);
    else ok = train_network(&net, &train, &test, p->seed + (uint64_t)run);
    if (ok) record(s, &net, run);
    nn_model_free(net.model);
    nn_data_free(&train);
    nn_data_free(&test);
    return ok;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the runs, so that the first is the smallest, and returns the one in the middle. */
static double median(double *value, int runs)
{
    qsort(value, (size_t)runs, sizeof *value, ascending);
    return (value[(runs - 1) / 2] + value[runs / 2]) / 2;
}

static bool run_study(study *s, const network *net, const program *p)
{
    int runs = runs_of(p);
    for (int run = 0; run < runs; run++)
        if (!run_once(s, *net, run, p)) return false;
    double test = median(s->test, runs), known = median(s->known, runs);
    printf("| %s | %.3f | %.3f | %.3f | %.3f | %.2f | %d |\n", net->name, test, s->test[0], known,
           median(s->known_loss, runs), median(s->moved, runs), s->dead);
    return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* Over the runs: the mean, and the range that leaves out a tenth at both ends. */
typedef struct band { double mean[EPOCHS], low[EPOCHS], high[EPOCHS]; } band;

static void make_band(band *b, double value[EPOCHS][RUNS], const program *p)
{
    int runs = runs_of(p);
    for (int e = 0; e < epochs_of(p); e++) {
        median(value[e], runs);
        b->low[e] = value[e][runs / 10];
        b->high[e] = value[e][runs - 1 - runs / 10];
        b->mean[e] = 0;
        for (int run = 0; run < runs; run++) b->mean[e] += value[e][run] / runs;
    }
}

static plot_series band_series(const char *name, const band *b)
{
    return (plot_series){ name, .y = b->mean, .low = b->low, .high = b->high };
}

static int draw_curves(program *p, const network *a, const network *b, study *sa, study *sb)
{
    static band la, lb, aa, ab;
    char title[100];
    make_band(&la, sa->loss, p), make_band(&aa, sa->accuracy, p);
    make_band(&lb, sb->loss, p), make_band(&ab, sb->accuracy, p);
    plot_figure panel[] = {
        { PLOT_LINES, .title = "Loss on the test flowers", .x_label = "epoch",
          .y_label = "cross-entropy (nats)", .n = epochs_of(p), .x0 = 1, .y_min = 0, .y_max = 1.8,
          .series = { band_series(a->name, &la), band_series(b->name, &lb) } },
        { PLOT_LINES, .title = "Accuracy on the test flowers", .x_label = "epoch",
          .y_label = "share correct", .n = epochs_of(p), .x0 = 1, .y_min = 0, .y_max = 1.02,
          .series = { band_series(a->name, &aa), band_series(b->name, &ab) } } };
    snprintf(title, sizeof title, "Training ends while the article's network still learns "
             "(%d runs: mean, and range of 80 %%)", runs_of(p));
    return plot_panels(program_figure(p, "curves"), title, .panels = panel, .n = 2, .columns = 2,
                       .shared_legend = 1);
}

static int draw_confusions(program *p, const network *a, const network *b, const study *sa,
                           const study *sb, const nn_data *test)
{
    const char *const *names = (const char *const *)test->class_name;
    char title[100];
    plot_figure panel[] = {
        { PLOT_CONFUSION, .title = a->name, .counts = sa->counts, .classes = CLASSES,
          .names = names },
        { PLOT_CONFUSION, .title = b->name, .counts = sb->counts, .classes = CLASSES,
          .names = names } };
    snprintf(title, sizeof title, "Versicolor is the hard one: the test flowers of %d splits",
             runs_of(p));
    return plot_panels(program_figure(p, "confusion"), title, .panels = panel, .n = 2,
                       .columns = 2);
}

/* ---- the boundary as it forms: a network that sees the two petal measurements --------------- */

enum { SIDE = 121, STAGES = 9 };

/* Which species the network would guess at each point of the plane. */
static bool read_regions(nn_model *m, int *region, const float *points)
{
    static nn_real probability[SIDE * SIDE * CLASSES], x[SIDE * SIDE * 2];
    for (int i = 0; i < SIDE * SIDE * 2; i++) x[i] = (nn_real)points[i];
    if (nn_predict(m, probability, x, SIDE * SIDE)) return false;
    for (int i = 0; i < SIDE * SIDE; i++) region[i] = nn_argmax(probability + CLASSES * i, CLASSES);
    return true;
}

/* One panel; the axes are named only at the edge of the 3x3 figure. */
static plot_figure boundary_panel(const nn_data *flowers, const int *region, int k,
                                  const char *title)
{
    static float cm[2 * 150];                       /* figures take floats, whatever nn_real is */
    for (int i = 0; i < 2 * flowers->n; i++)
        cm[i] = (float)((const nn_real *)flowers->x[0].values)[i];
    return (plot_figure){ PLOT_BOUNDARY, .title = title, .gridi = region, .rows = SIDE,
        .cols = SIDE, .x_min = 0.5, .x_max = 7.5, .y_min = -0.2, .y_max = 2.8,
        .names = (const char *const *)flowers->class_name, .classes = CLASSES,
        .x_label = k >= 6 ? "petal length (cm)" : NULL,
        .y_label = k % 3 ? NULL : "petal width (cm)",
        .series = {{ "flowers", .xf = cm, .yf = cm + 1, .stride = 2, .n = flowers->n,
                     .labels = (const int *)flowers->y.values }} };
}

/* Trains in nine pieces and looks in between: nn_fit goes on where it ended. 0 epochs (-1 to
   nn_fit) train nothing, but the model learns the scaling of its data.                         */
static int draw_evolution(program *p, const nn_data *train, nn_model *m)
{
    static const int at[STAGES] = { 0, 1, 2, 3, 5, 10, 20, 50, 100 };
    static int region[STAGES][SIDE * SIDE];
    static float points[SIDE * SIDE][2];
    static char title[STAGES][60];
    plot_figure panel[STAGES];
    plot_grid_points(points[0], 0.5, 7.5, -0.2, 2.8, SIDE, SIDE);
    for (int k = 0; k < STAGES; k++) {
        int epochs = k ? at[k] - at[k - 1] : -1;
        if (nn_fit(m, train, .epochs = epochs, .batch_size = 10, .quiet = true)) return 1;
        if (!read_regions(m, region[k], points[0])) return 1;
        snprintf(title[k], sizeof title[k], "%d epoch%s: %.2f right", at[k], at[k] == 1 ? "" : "s",
                 nn_evaluate(m, train).accuracy);
        panel[k] = boundary_panel(train, region[k], k, title[k]);
    }
    return plot_panels(program_figure(p, "evolution"),
                       "From a random cut to three regions: what a 2-16-3 network believes",
                       .panels = panel, .n = STAGES, .columns = 3, .shared_legend = 1, .width = 660,
                       .height = 620);
}

static int show_evolution(program *p)
{
    nn_data train, test;
    nn_tensor *hidden;
    nn_model *m = build(2, 16, 0.01, p->seed, &hidden);
    int bad = 1;
    if (load_flowers(&train, &test, "sepal_length,sepal_width", SPLIT_SEED))
        program_failed(p);
    else if (m) bad = draw_evolution(p, &train, m);
    nn_model_free(m);
    nn_data_free(&train);
    nn_data_free(&test);
    return bad;
}

/* ---- the program ---------------------------------------------------------------------------- */

/* P5, and what may be wrong with it, one thing changed at a time. */
enum { ARTICLE, LONGER, FASTER, WIDER, BOTH, TOO_FAST, NETWORKS };

/* 8, 9 and the figures; a and b are the two networks, trained. */
static int show(program *p, const network *net, const nn_data *test)
{
    static study s[NETWORKS];
    const network *a = &net[ARTICLE], *b = &net[FASTER];
    printf("\n%d other splits and starts\n\n"
           "| network | test accuracy, median | worst | training accuracy | training loss | "
           "furthest move | runs with a dead neuron |\n"
           "|---|---|---|---|---|---|---|\n", runs_of(p));
    for (int k = 0; k < NETWORKS; k++)
        if (!run_study(&s[k], &net[k], p)) return 1;
    return draw_curves(p, a, b, &s[ARTICLE], &s[FASTER]) |
           draw_confusions(p, a, b, &s[ARTICLE], &s[FASTER], test) | show_evolution(p);
}

static int run(program *p, network *net, const nn_data *train, const nn_data *test)
{
    network *a = &net[ARTICLE], *b = &net[FASTER];
    printf("\n%d flowers to learn from, %d to test on\n", train->n, test->n);
    print_scaling(train);
    if (!train_network(a, train, test, p->seed)) return 1;
    if (!train_network(b, train, test, p->seed)) return 1;
    print_epochs(a, b);
    print_report(a);
    print_report(b);
    return print_flowers(a, b, test) ? show(p, net, test) : 1;
}

static int learn_iris(program *p)
{
    network net[NETWORKS] = {
        { .name = "4-4-3, rate 0.001", .hidden = 4, .lr = 0.001, .epochs = EPOCHS },
        { .name = "4-4-3, rate 0.001, 1000 epochs", .hidden = 4, .lr = 0.001,
          .epochs = 10 * EPOCHS },
        { .name = "4-4-3, rate 0.01", .hidden = 4, .lr = 0.01, .epochs = EPOCHS },
        { .name = "4-16-3, rate 0.001", .hidden = 16, .lr = 0.001, .epochs = EPOCHS },
        { .name = "4-16-3, rate 0.01", .hidden = 16, .lr = 0.01, .epochs = EPOCHS },
        { .name = "4-4-3, rate 1", .hidden = 4, .lr = 1, .epochs = EPOCHS } };
    nn_data train, test;
    for (int k = 0; p->quick && k < NETWORKS; k++) net[k].epochs /= 5;
    int bad = load_flowers(&train, &test, NULL, SPLIT_SEED) ? program_failed(p)
                                                            : run(p, net, &train, &test);
    for (int k = 0; k < NETWORKS; k++) nn_model_free(net[k].model);
    nn_data_free(&train);
    nn_data_free(&test);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "06_first_network", 42,
                              "Trains P5, the articles' 4-4-3 network on Iris, and mends it.");
    if (!p.worked) program_announce(&p, "P5, a 4-4-3 network on Iris, and what it lacks");
    if (print_standardised()) return program_failed(&p);
    print_scores();
    print_messy();
    return p.worked ? 0 : learn_iris(&p);
}
