/* Chapter 03: P4, binary cross-entropy on targets that are not 0 or 1.

   The targets are uniform in [0, 1). Even a network that predicts each of them exactly has a loss:

       BCE(t, t) = -[ t log t + (1 - t) log(1 - t) ] = H(t),   the entropy of the target,    [F3.2]

   and no prediction has a smaller one. The mean of H(t) over t in [0, 1) is 1/2. That is the
   floor. Always saying 0.5 costs log 2 = 0.693. All that training can win lies between the two.  */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum { INPUTS = 20, ROWS = 100, EPOCHS = 10, LONG = 3000 };

static nn_status make_rows(nn_data *data, uint64_t seed)
{
    static nn_real x[ROWS * INPUTS], t[ROWS];
    nn_random random = nn_random_seed(seed);
    for (int i = 0; i < ROWS * INPUTS; i++) x[i] = (nn_real)nn_random_uniform(&random, 0, 1);
    for (int i = 0; i < ROWS; i++) t[i] = (nn_real)nn_random_uniform(&random, 0, 1);
    return nn_data_from(data, x, ROWS, { INPUTS }, .targets = t);
}

static nn_model *build(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, INPUTS);
    nn_tensor *h = nn_dense(x, 32, .activation = NN_RELU, .init = NN_GLOROT_UNIFORM);
    nn_tensor *y = nn_dense(h, 1, .activation = NN_SIGMOID, .init = NN_GLOROT_UNIFORM);
    if (nn_compile(m, y, .loss = NN_BINARY_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* H(t) in nats; 0 log 0 is 0. */
static double entropy(double t)
{
    return t > 0 && t < 1 ? -(t * log(t) + (1 - t) * log(1 - t)) : 0;
}

/* The smallest loss that any network can have on these targets. */
static double floor_of(const nn_data *data)
{
    const nn_real *t = (const nn_real *)data->y.values;
    double sum = 0;
    for (int i = 0; i < data->n; i++) sum += entropy((double)t[i]);
    return sum / data->n;
}

/* Accuracy asks whether the prediction, rounded to 0 or 1, equals the target. A target of 0.37
   equals neither, so no prediction is ever right, not even a perfect one. The mean absolute error
   is the number to look at.                                                                    */
static bool print_metrics(nn_model *m, const nn_data *data)
{
    nn_metrics r = nn_evaluate(m, data);
    printf("after %4d epochs   loss %.4f   floor + %.4f   off by %.3f on average   accuracy %.3f\n",
           m->history.epochs, r.loss, r.loss - floor_of(data), r.mae, r.accuracy);
    return !r.status;
}

static bool print_rows(nn_model *m, const nn_data *data)
{
    static nn_real y[ROWS];
    const nn_real *t = (const nn_real *)data->y.values;
    if (nn_predict_data(m, y, data)) return false;
    printf("\nthe first rows  target  prediction    loss   its floor H(t)   rounded   right?\n");
    for (int i = 0; i < 4; i++) {
        double p = (double)y[i], target = (double)t[i];
        double loss = -(target * log(p) + (1 - target) * log(1 - p));                   /* F3.2 */
        int rounded = p > 0.5;
        printf("%22.4f  %10.4f  %6.3f  %15.3f  %8d   %s\n", target, p, loss, entropy(target),
               rounded, target == rounded ? "yes" : "no");
    }
    return true;
}

static int draw(program *p, const nn_history *h, double lowest)
{
    static double loss[LONG];
    const double ends[] = { 1, h->epochs };
    const double bottom[] = { lowest, lowest }, coin[] = { log(2), log(2) };
    for (int i = 0; i < h->epochs; i++) loss[i] = h->epoch[i].loss;
    return plot_lines(program_figure(p, "p4_floor"),
                      "The loss falls to the entropy of its targets, and no further",
                      "epoch (log scale)", "binary cross-entropy (nats)", .n = h->epochs, .x0 = 1,
                      .log_x = 1, .y_min = 0.4, .y_max = 0.8,
                      .series = {{ "training loss", .y = loss },
                                 { "always 0.5", .x = ends, .y = coin, .n = 2,
                                   .style = PLOT_DASHED },
                                 { "targets' entropy", .x = ends, .y = bottom, .n = 2,
                                   .style = PLOT_DASHED }},
                      .marks = {{ EPOCHS, .name = "the article stops" }});
}

/* The article's 10 epochs, then on until nothing moves. */
static int run(program *p, nn_model *m, const nn_data *data)
{
    double lowest = floor_of(data);
    printf("the floor, the mean entropy of the %d targets: %.4f   (of all in [0, 1): 0.5)\n",
           data->n, lowest);
    printf("always saying 0.5: %.4f\n", log(2));
    if (nn_fit(m, data, .epochs = EPOCHS, .quiet = true) || !print_metrics(m, data)) return 1;
    int rest = p->quick ? 100 : LONG - EPOCHS;
    if (nn_fit(m, data, .epochs = rest, .quiet = true) || !print_metrics(m, data)) return 1;
    if (!print_rows(m, data)) return 1;
    return p->worked ? 0 : draw(p, &m->history, lowest);
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "03_losses", 1,
                              "Trains P4, a 20-32-1 network with a sigmoid, on real-valued "
                              "targets.");
    nn_data data;
    if (!p.worked) program_announce(&p, "P4, a 20-32-1 network with a sigmoid on 100 made-up rows");
    int bad = make_rows(&data, p.seed) ? program_failed(&p) : 1;
    nn_model *m = build(p.seed);
    if (m && !data.status) bad = run(&p, m, &data);
    nn_model_free(m);
    nn_data_free(&data);
    return bad;
}
