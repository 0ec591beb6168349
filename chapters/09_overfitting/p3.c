/* Chapter 09: P3, a 10-64-1 network that learns noise by heart.

   Inputs and targets are uniform in [0, 1) and have nothing to do with each other, so there is
   nothing to learn. The best guess is always 0.5, and its mean squared error is the variance of
   the targets, 1/12. A training loss below that is not skill: it is memory. New rows show it.

   Then the remedies. None can make new rows better than the floor; a good one gets there. Each line
   of the table is the mean of RUNS runs, with other rows and other first weights in each.       */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#include "../program.h"

enum { INPUTS = 10, ROWS = 100, NEW_ROWS = 1000, EPOCHS = 100, LONG = 1000,
       RUNS = 20 };

/* n rows of INPUTS numbers and a target each, all uniform in [0, 1). */
static nn_status make_noise(nn_data *data, int n, nn_random *random)
{
    static nn_real x[NEW_ROWS * INPUTS], t[NEW_ROWS];
    for (int i = 0; i < n * INPUTS; i++) x[i] = (nn_real)nn_random_uniform(random, 0, 1);
    for (int i = 0; i < n; i++) t[i] = (nn_real)nn_random_uniform(random, 0, 1);
    return nn_data_from(data, x, n, { INPUTS }, .targets = t);
}

static nn_model *build(int units, double l2, uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, INPUTS);
    nn_tensor *h = nn_dense(x, units, .activation = NN_RELU, .init = NN_GLOROT_UNIFORM, .l2 = l2);
    nn_tensor *y = nn_dense(h, 1, .init = NN_GLOROT_UNIFORM, .l2 = l2);
    if (nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* The mean squared error of the constant guess 0.5: near 1/12, but not exactly, on few rows. */
static double floor_of(const nn_data *data)
{
    const nn_real *t = (const nn_real *)data->y.values;
    double sum = 0;
    for (int i = 0; i < data->n; i++) sum += ((double)t[i] - 0.5) * ((double)t[i] - 0.5);
    return sum / data->n;
}

/* The mean squared error without penalties, which nn_evaluate's loss would have in it. */
static double plain_loss(nn_model *m, const nn_data *data)
{
    static nn_real y[NEW_ROWS];
    const nn_real *t = (const nn_real *)data->y.values;
    double sum = 0;
    if (nn_predict_data(m, y, data)) return NAN;
    for (int i = 0; i < data->n; i++) sum += ((double)y[i] - (double)t[i]) * (double)(y[i] - t[i]);
    return sum / data->n;
}

typedef struct setting {
    const char *name;
    int epochs, units;                              /* 0 epochs: no network, the guess is 0.5   */
    double l2;
} setting;

enum { SETTINGS = 5 };

/* One run of each setting; adds its losses on known and new rows. */
static bool try_settings(double loss[SETTINGS][2], const setting *list, const nn_data *known,
                         const nn_data *fresh, uint64_t seed)
{
    bool ok = true;
    for (int k = 0; k < SETTINGS && ok; k++) {
        nn_model *m = list[k].epochs ? build(list[k].units, list[k].l2, seed) : NULL;
        if (list[k].epochs)
            ok = m && !nn_fit(m, known, .epochs = list[k].epochs, .quiet = true);
        if (ok) loss[k][0] += (m ? plain_loss(m, known) : floor_of(known)) / RUNS;
        if (ok) loss[k][1] += (m ? plain_loss(m, fresh) : floor_of(fresh)) / RUNS;
        nn_model_free(m);
    }
    return ok;
}

static int draw(program *p, const nn_history *h)
{
    static double loss[LONG], fresh[LONG];
    const double ends[] = { 1, h->epochs }, noise[] = { 1.0 / 12, 1.0 / 12 };
    for (int i = 0; i < h->epochs; i++) {
        loss[i] = h->epoch[i].loss;
        fresh[i] = h->epoch[i].val_loss;
    }
    return plot_lines(program_figure(p, "p3_noise"),
                      "Nothing to learn, yet the training loss falls: the network memorises",
                      "epoch (log scale)", "mean squared error", .n = h->epochs, .x0 = 1,
                      .log_x = 1, .y_min = 0, .y_max = 0.3,
                      .series = {{ "100 training rows", .y = loss },
                                 { "1000 new rows", .y = fresh },
                                 { "noise floor, 1/12", .x = ends, .y = noise, .n = 2,
                                   .style = PLOT_DASHED }},
                      .marks = {{ EPOCHS, .name = "the article stops" }});
}

/* The curves of one run. */
static int show_run(program *p, const nn_data *known, const nn_data *fresh, int epochs)
{
    nn_model *m = build(64, 0, p->seed);
    int bad = !m || nn_fit(m, known, .epochs = epochs, .validation = fresh, .quiet = true) ||
              draw(p, &m->history);
    nn_model_free(m);
    return bad;
}

static int run(program *p)
{
    const int article = p->quick ? 10 : EPOCHS, late = p->quick ? 20 : LONG;
    const setting list[SETTINGS] = {
        { "always guess 0.5", 0, 0, 0 }, { "as in the article, 100 epochs", article, 64, 0 },
        { "1000 epochs", late, 64, 0 }, { "1000 epochs, 2 hidden units", late, 2, 0 },
        { "1000 epochs, L2 0.03", late, 64, 0.03 } };
    double loss[SETTINGS][2] = { { 0 } };
    int bad = 0;
    for (int k = 0; k < RUNS && !bad; k++) {
        const uint64_t seed = p->seed + (uint64_t)k;
        nn_random random = nn_random_seed(seed);
        nn_data known, fresh;
        make_noise(&known, ROWS, &random);
        make_noise(&fresh, NEW_ROWS, &random);
        bad = known.status || fresh.status ? program_failed(p) :
              !try_settings(loss, list, &known, &fresh, seed) ||
              (!k && show_run(p, &known, &fresh, late));
        nn_data_free(&known), nn_data_free(&fresh);
    }
    printf("\n| P3 on noise | training loss | loss on new rows |\n|---|---|---|\n");
    for (int k = 0; k < SETTINGS && !bad; k++)
        printf("| %s | %.4f | %.4f |\n", list[k].name, loss[k][0], loss[k][1]);
    printf("\nthe floor is 1/12 = %.4f; all losses are means of %d runs\n", 1.0 / 12, RUNS);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "09_overfitting", 1,
                              "Trains P3, a 10-64-1 network, on 100 rows of noise.");
    program_announce(&p, "P3, a 10-64-1 network on 100 rows of noise");
    return run(&p);
}
