/* Chapter 09: P3, a 10-64-1 network that learns noise by heart.

   Inputs and targets are uniform in [0, 1) and have nothing to do with each other, so there is
   nothing to learn. The best guess is always 0.5, and its mean squared error is the variance of
   the targets, 1/12. A training loss below that is not skill: it is memory. New rows show it.

   Then the remedies. None can make new rows better than the floor; a good one gets there.       */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#include "../program.h"

enum { INPUTS = 10, ROWS = 100, NEW_ROWS = 1000, EPOCHS = 100, LONG = 1000 };

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

static bool print_losses(const char *name, nn_model *m, const nn_data *known, const nn_data *fresh)
{
    double a = plain_loss(m, known), b = plain_loss(m, fresh);
    printf("| %s | %d | %.4f | %.4f |\n", name, m->history.epochs, a, b);
    return a >= 0 && b >= 0;
}

/* Trains another network to the end and prints its line. */
static bool print_remedy(const program *p, const char *name, int units, double l2,
                         const nn_data *known, const nn_data *fresh)
{
    nn_model *m = build(units, l2, p->seed);
    bool ok = m && !nn_fit(m, known, .epochs = p->quick ? 40 : LONG, .quiet = true) &&
              print_losses(name, m, known, fresh);
    nn_model_free(m);
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

/* The article's 100 epochs, then on to 1000. */
static int run(program *p, nn_model *m, const nn_data *known, const nn_data *fresh)
{
    int first = p->quick ? 20 : EPOCHS, rest = p->quick ? 20 : LONG - EPOCHS;
    printf("\n| P3 on noise | epochs | training loss | loss on new rows |\n|---|---|---|---|\n"
           "| always guess 0.5 | 0 | %.4f | %.4f |\n", floor_of(known), floor_of(fresh));
    if (nn_fit(m, known, .epochs = first, .validation = fresh, .quiet = true)) return 1;
    if (!print_losses("as in the article", m, known, fresh)) return 1;
    if (nn_fit(m, known, .epochs = rest, .validation = fresh, .quiet = true)) return 1;
    if (!print_losses("longer", m, known, fresh) ||
        !print_remedy(p, "longer, 2 hidden units", 2, 0, known, fresh) ||
        !print_remedy(p, "longer, L2 0.03", 64, 0.03, known, fresh)) return 1;
    printf("\nthe floor is 1/12 = %.4f\n", 1.0 / 12);
    return draw(p, &m->history);
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "09_overfitting", 1,
                              "Trains P3, a 10-64-1 network, on 100 rows of noise.");
    nn_random random = nn_random_seed(p.seed);
    nn_data known, fresh;
    program_announce(&p, "P3, a 10-64-1 network on 100 rows of noise");
    make_noise(&known, ROWS, &random);
    make_noise(&fresh, NEW_ROWS, &random);
    nn_model *m = build(64, 0, p.seed);
    int bad = known.status || fresh.status ? program_failed(&p) : 1;
    if (m && !known.status && !fresh.status) bad = run(&p, m, &known, &fresh);
    nn_model_free(m);
    nn_data_free(&known);
    nn_data_free(&fresh);
    return bad;
}
