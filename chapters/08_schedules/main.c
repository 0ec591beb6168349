/* Chapter 08: learning-rate schedules, when to take smaller steps.

     1. by hand     F5.3, a cosine and a warm-up for a few t; ReduceLROnPlateau on seven losses
     2. a bowl      noisy slopes: a constant rate cannot settle, a falling one does
     3. a search    the rate grows with every step: where the loss falls, and where it blows up
     4. digits      seven schedules on MNIST or made digits, five runs of each                   */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

/* ---- by hand -------------------------------------------------------------------------------- */

static double adaptive_rate(double eta, double delta, int t)
{
    return eta / sqrt(1 + delta * t);                                           /* F5.3         */
}

/* A step in the bowl L = w² / 2, whose slope is w. */
static double adaptive_step(double w, double eta, double delta, int t)
{
    return w - adaptive_rate(eta, delta, t) * w;                                /* F5.4         */
}

static double cosine_rate(double eta, int steps, int t)
{
    return eta * (1 + cos(3.14159265358979 * t / steps)) / 2;
}

static double warm_cosine_rate(double eta, int warmup, int steps, int t)
{
    if (t < warmup) return eta * (t + 1) / warmup;
    return cosine_rate(eta, steps - warmup, t - warmup);
}

/* ReduceLROnPlateau, one call for each epoch: returns the rate to go on with.          [F5.6] */
static double plateau_rate(double *best, int *wait, int patience, double rate, double loss)
{
    if (loss < *best - 1e-4) {
        *best = loss, *wait = 0;
        return rate;
    }
    if (++*wait < patience) return rate;
    *wait = 0;
    return rate * 0.1;
}

static void print_steps(void)
{
    double w = 4;
    printf("\nF5.4 in the bowl L = w²/2, from w = 4: ");
    for (int t = 0; t < 4; t++) {
        w = adaptive_step(w, 0.1, 0.5, t);
        printf("%s%.4f", t ? ", " : "", w);
    }
    printf("\n");
}

/* The largest difference to nn.h's rates goes to *worst. */
static void print_rates(double *worst)
{
    static const int at[] = { 0, 6, 30, 50, 99 };
    const nn_schedule a = { .kind = NN_ADAPTIVE_RATE, .delta = 0.5 };
    const nn_schedule c = { .kind = NN_COSINE_DECAY, .steps = 100 };
    const nn_schedule w = { .kind = NN_COSINE_DECAY, .steps = 100, .warmup = 10 };
    printf("| t | 1 + 0.5 t | adaptive, F5.3 | cosine | cosine with warm-up |\n"
           "|---|---|---|---|---|\n");
    for (int i = 0; i < 5; i++) {
        int t = at[i];
        double rate[3] = { adaptive_rate(0.1, 0.5, t), cosine_rate(0.1, 100, t),
                           warm_cosine_rate(0.1, 10, 100, t) };
        printf("| %d | %g | %.4f | %.4f | %.4f |\n", t, 1 + 0.5 * t, rate[0], rate[1], rate[2]);
        *worst = fmax(*worst, fabs(rate[0] - nn_schedule_rate(&a, 0.1, t)));
        *worst = fmax(*worst, fabs(rate[1] - nn_schedule_rate(&c, 0.1, t)));
        *worst = fmax(*worst, fabs(rate[2] - nn_schedule_rate(&w, 0.1, t)));
    }
}

static void print_plateau(double *worst)
{
    static const double loss[] = { 0.9, 0.5, 0.51, 0.52, 0.4, 0.41, 0.4 };
    const nn_schedule s = { .kind = NN_REDUCE_ON_PLATEAU, .patience = 2 };
    nn_plateau state = { .begun = false };
    double best = HUGE_VAL, rate = 0.1, other = 0.1;
    int wait = 0;
    printf("\n| epoch | loss | best so far | epochs waited | rate for the next |\n"
           "|---|---|---|---|---|\n");
    for (int e = 0; e < 7; e++) {
        rate = plateau_rate(&best, &wait, 2, rate, loss[e]);
        other = nn_plateau_rate(&state, &s, other, loss[e]);
        printf("| %d | %.2f | %.2f | %d | %g |\n", e + 1, loss[e], best, wait, rate);
        *worst = fmax(*worst, fabs(rate - other));
    }
}

/* ---- a bowl with noise: L = w² / 2, the slope is w and a normal number ---------------------- */

enum { STEPS = 200, WALKERS = 500, BOWLS = 3 };

static const char *const bowl_name[BOWLS] = { "constant 0.5", "constant 0.02", "cosine from 0.5" };
static double bowl_loss[BOWLS][STEPS + 1];

static void walk_bowls(uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    memset(bowl_loss, 0, sizeof bowl_loss);
    for (int k = 0; k < BOWLS; k++)
        for (int i = 0; i < WALKERS; i++) {
            double w = 4;
            for (int t = 0; t <= STEPS; t++) {
                double rate = k == 0 ? 0.5 : k == 1 ? 0.02 : cosine_rate(0.5, STEPS, t);
                bowl_loss[k][t] += w * w / 2 / WALKERS;
                w -= rate * (w + nn_random_normal(&random, 0, 1));
            }
        }
    printf("\n| rate | loss after 20 steps | after 100 | after 200 |\n|---|---|---|---|\n");
    for (int k = 0; k < BOWLS; k++)
        printf("| %s | %.4f | %.4f | %.4f |\n", bowl_name[k], bowl_loss[k][20], bowl_loss[k][100],
               bowl_loss[k][STEPS]);
}

/* ---- networks ------------------------------------------------------------------------------- */

enum { EPOCHS = 15, PER_EPOCH = 20, POINTS = EPOCHS * PER_EPOCH, KINDS = 7, SEARCH = 180,
       BATCH = 32, RUNS = 5 };
enum { PLATEAU = 6, STEP = 2 };

typedef struct result {
    double rate[POINTS], loss[EPOCHS], held[EPOCHS];
    int points, epochs;
} result;

static const char *const kind_name[KINDS] = { "constant", "adaptive, F5.3", "step", "cosine",
                                              "warm-up, cosine", "one-cycle", "on plateau" };

static nn_schedule schedule_of(int kind, long steps, int epochs)
{
    switch (kind) {
    case 1: return (nn_schedule){ .kind = NN_ADAPTIVE_RATE, .delta = 0.05 };
    case 2: return (nn_schedule){ .kind = NN_STEP_DECAY, .by_epoch = true, .every = epochs / 3 };
    case 3: return (nn_schedule){ .kind = NN_COSINE_DECAY };
    case 4: return (nn_schedule){ .kind = NN_COSINE_DECAY, .warmup = steps / 10 };
    case 5: return (nn_schedule){ .kind = NN_ONE_CYCLE };
    case 6: return (nn_schedule){ .kind = NN_REDUCE_ON_PLATEAU, .factor = 0.3, .patience = 2 };
    default: return (nn_schedule){ .kind = NN_CONSTANT };
    }
}

/* The rate is too large on purpose: schedules have something to mend. */
static nn_model *build(nn_schedule schedule, uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, 784);
    nn_tensor *h = nn_dense(x, 32, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY,
                   .optimizer = nn_sgd(.lr = 0.1, .momentum = 0.9, .schedule = schedule))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

static bool train(result *r, int kind, const nn_data *digits, const nn_data *held, int epochs,
                  uint64_t seed)
{
    int steps = (digits->n + BATCH - 1) / BATCH, t = 0;
    nn_model *m = build(schedule_of(kind, (long)steps * epochs, epochs), seed);
    if (!m) return false;
    r->points = 0;
    nn_fit_begin(m, digits, .epochs = epochs, .batch_size = BATCH, .validation = held,
                 .quiet = true);
    do {
        if (t++ * PER_EPOCH / steps >= r->points && r->points < POINTS)
            r->rate[r->points++] = nn_learning_rate(m);
    } while (nn_fit_step(m));
    nn_status status = nn_fit_end(m);
    r->epochs = m->history.epochs;
    for (int e = 0; e < r->epochs; e++) {
        r->loss[e] = m->history.epoch[e].loss;
        r->held[e] = m->history.epoch[e].val_loss;
    }
    nn_model_free(m);
    return !status;
}

/* Trains RUNS times, with other first weights each time, and prints the line. The first run stays
   in *r, for the figures.                                                                       */
static bool print_schedule(result *r, int kind, const nn_data *digits, const nn_data *held,
                           const program *p)
{
    int epochs = p->quick ? 3 : EPOCHS, last = epochs - 1;
    double loss = 0, at_end = 0, lowest = 0, low = HUGE_VAL, high = 0;
    static result other;
    for (int run = 0; run < RUNS; run++) {
        result *one = run ? &other : r;
        double least = HUGE_VAL;
        if (!train(one, kind, digits, held, epochs, p->seed + (uint64_t)run)) return false;
        for (int e = 0; e < epochs; e++) least = fmin(least, one->held[e]);
        loss += one->loss[last] / RUNS, at_end += one->held[last] / RUNS, lowest += least / RUNS;
        low = fmin(low, one->held[last]), high = fmax(high, one->held[last]);
    }
    printf("| %s | %.4f | %.4f | %.4f to %.4f | %.4f |\n", kind_name[kind], loss, at_end, low, high,
           lowest);
    return true;
}

static bool print_schedules(result *r, const nn_data *digits, const nn_data *held, const program *p)
{
    printf("\n| schedule | training loss | held-out loss | of %d runs | in its best epoch |\n"
           "|---|---|---|---|---|\n", RUNS);
    for (int k = 0; k < KINDS; k++)
        if (!print_schedule(&r[k], k, digits, held, p)) return false;
    return true;
}

/* One pass in which the rate grows from 0.0001 to 10: the loss of each batch, smoothed. */
static bool search_rate(double *rate, double *loss, int *n, const nn_data *digits, uint64_t seed)
{
    nn_model *m = build(schedule_of(0, 0, 0), seed);
    double mean = 0;
    if (!m) return false;
    nn_fit_begin(m, digits, .epochs = 1, .batch_size = BATCH, .quiet = true);
    for (*n = 0; *n < SEARCH; ++*n) {
        rate[*n] = 1e-4 * pow(1e5, *n / (SEARCH - 1.0));
        nn_set_learning_rate(m, rate[*n]);
        if (!nn_fit_step(m)) break;
        mean = *n ? 0.8 * mean + 0.2 * m->loss : m->loss;
        loss[*n] = mean;
    }
    nn_fit_end(m);
    nn_model_free(m);
    int low = 0;
    for (int i = 0; i < *n; i++)
        if (loss[i] < loss[low]) low = i;
    printf("\nthe search: loss lowest at rate %.3f; a tenth of that is %.4f\n", rate[low],
           rate[low] / 10);
    return *n > 1;
}

/* ---- figures -------------------------------------------------------------------------------- */

static int draw_bowl(program *p)
{
    plot_figure fig = { PLOT_LINES, .at = PLOT_HERE, .path = program_figure(p, "bowl"),
        .title = "Noisy slopes: a large rate never settles, a small one crawls", .x_label = "step",
        .y_label = "loss, mean of 500 walks (log scale)", .n = STEPS + 1, .log_y = 1 };
    for (int k = 0; k < BOWLS; k++)
        fig.series[k] = (plot_series){ bowl_name[k], .y = bowl_loss[k] };
    return plot_draw(&fig);
}

static int draw_rates(program *p, const result *r)
{
    plot_figure panel[KINDS - 1];
    for (int k = 1; k < KINDS; k++) {
        panel[k - 1] = (plot_figure){ PLOT_LINES, .title = kind_name[k], .n = r[k].points,
            .dx = 1.0 / PER_EPOCH, .x_label = "epoch", .y_label = k % 3 == 1 ? "rate" : NULL,
            .y_min = 0, .y_max = 0.11, .no_legend = 1 };
        panel[k - 1].series[0] = (plot_series){ "rate", .y = r[k].rate };
    }
    return plot_panels(program_figure(p, "rates"), "Six ways from a large step to a small one",
                       .panels = panel, .n = KINDS - 1, .columns = 3);
}

/* Two losses, with a line at every epoch after which the rate fell. */
static int draw_drops(program *p, const result *r)
{
    static char text[2][PLOT_MAX_MARKS][20];
    plot_figure panel[2];
    for (int i = 0; i < 2; i++) {
        const result *s = &r[i ? PLATEAU : STEP];
        int marks = 0;
        panel[i] = (plot_figure){ PLOT_LINES, .title = i ? "reduce on plateau" : "step decay",
            .x_label = "epoch", .y_label = "loss (nats, log scale)", .n = s->epochs, .x0 = 1,
            .log_y = 1 };
        panel[i].series[0] = (plot_series){ "training", .y = s->loss };
        panel[i].series[1] = (plot_series){ "held out", .y = s->held };
        panel[i].series[2] = (plot_series){ "held out, constant rate", .y = r[0].held,
                                            .style = PLOT_DASHED };
        for (int t = 1; t < s->points && marks < PLOT_MAX_MARKS; t++)
            if (s->rate[t] < 0.99 * s->rate[t - 1]) {
                if (!marks) snprintf(text[i][0], sizeof text[i][0], "rate %.2g", s->rate[t]);
                panel[i].marks[marks] = (plot_mark){ t / PER_EPOCH, .name = text[i][marks] };
                marks++;
            }
    }
    return plot_panels(program_figure(p, "drops"), "Where the rate drops, the loss drops",
                       .panels = panel, .n = 2, .columns = 2, .shared_legend = 1);
}

/* ---- the program ---------------------------------------------------------------------------- */

static int learn_digits(program *p)
{
    static result r[KINDS];
    static double rate[SEARCH], loss[SEARCH];
    nn_data all, test, digits, held;
    int n = 0;
    const char *name = program_load_digits(p, &all, &test, p->quick ? 800 : 7000, 1);
    nn_split(&all, &digits, &held, .fraction = 1.0 / 7, .seed = 42);
    bool ok = name && (!digits.status || program_failed(p) == 0);
    if (ok) printf("\nthe digits are %s: %d to learn from, %d held out; delta is %g\n", name,
                   digits.n, held.n, schedule_of(1, 0, 3).delta);
    ok = ok && search_rate(rate, loss, &n, &digits, p->seed) &&
         print_schedules(r, &digits, &held, p);
    int bad = !ok;
    if (ok)
        bad = draw_bowl(p) | draw_rates(p, r) | draw_drops(p, r) |
              plot_lines(program_figure(p, "search"),
                         "A search: the rate grows with each step until the loss blows up",
                         "learning rate (log scale)", "loss of the last batches (nats)", .n = n,
                         .log_x = 1, .y_min = 0, .y_max = 5,
                         .series = {{ "loss", .y = loss, .x = rate }});
    nn_data_free(&all), nn_data_free(&test), nn_data_free(&digits), nn_data_free(&held);
    return bad;
}

int main(int argc, char **argv)
{
    double worst = 0;
    program p = program_start(argc, argv, "08_schedules", 1,
                              "Learning-rate schedules, by hand, in a noisy bowl and on digits.");
    if (!p.worked) program_announce(&p, "learning-rate schedules");
    print_rates(&worst);
    print_steps();
    print_plateau(&worst);
    bool same = worst < 1e-9;
    printf("\nnn.h's rates: %s\n", same ? "the same" : "DIFFERENT");
    walk_bowls(p.seed);
    if (p.worked || !same) return !same;
    nn_set_log(NULL, NULL);         /* the search ends where the loss blows up: expected here   */
    return learn_digits(&p);
}
