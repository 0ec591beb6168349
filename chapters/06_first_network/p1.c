/* Chapter 06: P1, scikit-learn's MLPClassifier on Iris, as one of the articles runs it:

       MLPClassifier(hidden_layer_sizes=(10,), max_iter=1000, random_state=1)

   Four defaults of scikit-learn stand behind that line, and each is written out below: Adam with
   batches of min(200, n) samples, an L2 penalty, its rule for stopping, and the raw numbers as
   they come. The network is trained twice, on the raw centimetres and on standardised ones.      */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#include "../program.h"

#include <math.h>

enum { HIDDEN = 10, CLASSES = 3, MAX_ITERATIONS = 1000, SPLIT_SEED = 42 };

/* ---- scikit-learn's penalty ----------------------------------------------------------------

   scikit-learn minimises   mean loss + (alpha / 2) sum w² / B     with alpha = 1e-4
   nn.h minimises           mean loss + l2 sum w²                  [F6.2: no 1/2, no 1/B]

   where B is the number of samples in the batch. So l2 = alpha / (2 B). Both leave biases alone. */
static double l2_of(double alpha, int batch) { return alpha / (2.0 * batch); }

/* ---- scikit-learn's rule for stopping -------------------------------------------------------

   An epoch counts as idle unless its training loss is below the best one so far by at least
   0.0001; after more than 10 idle epochs in a row, training ends. (nn_fit's own .patience compares
   with the best loss that counted, so many small steps down add up to a large one. Here they do
   not: the best loss moves with each of them.)                                                 */
typedef struct stopper {
    double best;
    int idle;
} stopper;

static int stop_when_idle(nn_model *m, void *user)
{
    stopper *s = (stopper *)user;
    double loss = m->history.epoch[m->history.epochs - 1].loss;
    s->idle = loss > s->best - 1e-4 ? s->idle + 1 : 0;
    if (loss < s->best) s->best = loss;
    return s->idle > 10;
}

/* ---- the network ---------------------------------------------------------------------------- */

/* Glorot uniform is scikit-learn's choice for ReLU too. It also draws the biases, which start at 0
   here.                                                                                        */
static nn_model *build(int batch, uint64_t seed)
{
    double l2 = l2_of(1e-4, batch);
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, 4);
    nn_tensor *h = nn_dense(x, HIDDEN, .activation = NN_RELU, .init = NN_GLOROT_UNIFORM, .l2 = l2);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX, .init = NN_GLOROT_UNIFORM,
                            .l2 = l2);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* Returns the trained model, or NULL. No weights are put back at the end: scikit-learn keeps the
   last ones.                                                                                   */
static nn_model *train_network(const nn_data *train, const program *p)
{
    int batch = train->n < 200 ? train->n : 200;
    stopper s = { HUGE_VAL, 0 };
    nn_model *m = build(batch, p->seed);
    if (m && nn_fit(m, train, .epochs = p->quick ? 100 : MAX_ITERATIONS, .batch_size = batch,
                    .on_epoch = stop_when_idle, .user = &s, .quiet = true)) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

static bool print_result(const char *name, nn_model *m, const nn_data *train, const nn_data *test)
{
    nn_metrics known = nn_evaluate(m, train), fresh = nn_evaluate(m, test);
    if (known.status || fresh.status) return false;
    int n = m->history.epochs;
    printf("| %s | %d | %s | %.4f | %.3f | %.3f |\n", name, n, n == MAX_ITERATIONS ? "no" : "yes",
           known.loss, known.accuracy, fresh.accuracy);
    return true;
}

/* predict: raw centimetres in, a name out. */
static bool print_predictions(nn_model *raw, nn_model *scaled, const nn_data *test)
{
    const nn_real *cm = (const nn_real *)test->x[0].values;
    const int32_t *label = (const int32_t *)test->y.values;
    nn_real a[CLASSES], b[CLASSES];
    printf("\npredict (cm)            it is        raw          standardised\n");
    for (int i = 0; i < 6 && i < test->n; i++) {
        const nn_real *x = cm + 4 * i;
        if (nn_predict(raw, a, x, 1) || nn_predict(scaled, b, x, 1)) return false;
        printf("%.1f  %.1f  %.1f  %.1f      %-12s %-12s %s\n", (double)x[0], (double)x[1],
               (double)x[2], (double)x[3], test->class_name[label[i]],
               nn_class_name(raw, nn_argmax(a, CLASSES)),
               nn_class_name(scaled, nn_argmax(b, CLASSES)));
    }
    return true;
}

static int draw_losses(program *p, const nn_model *raw, const nn_model *scaled)
{
    static double loss[2][MAX_ITERATIONS];
    const nn_history *h[] = { &raw->history, &scaled->history };
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < h[k]->epochs; i++) loss[k][i] = h[k]->epoch[i].loss;
    return plot_lines(program_figure(p, "p1_loss"),
                      "P1: the same flowers are learned faster when standardised",
                      "iteration (one step on all training flowers)",
                      "training loss with penalty (nats)", .x0 = 1, .y_min = 0, .y_max = 2,
                      .series = {{ "raw (cm)", .y = loss[0], .n = h[0]->epochs },
                                 { "standardised", .y = loss[1], .n = h[1]->epochs }});
}

/* ---- the program ---------------------------------------------------------------------------- */

static int run(program *p, const nn_data *train, const nn_data *test, const nn_data *scaled)
{
    nn_model *a = train_network(train, p), *b = train_network(scaled, p);
    printf("| inputs | iterations | converged | training loss | training accuracy | "
           "test accuracy |\n"
           "|---|---|---|---|---|---|\n");
    bool ok = a && b && print_result("raw", a, train, test) &&
              print_result("standardised", b, scaled, test) && print_predictions(a, b, test);
    int bad = ok ? draw_losses(p, a, b) : 1;
    nn_model_free(a);
    nn_model_free(b);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "06_first_network", 1,
                              "Trains P1, scikit-learn's MLPClassifier with 10 hidden units, on "
                              "Iris.");
    nn_data all, train, test, scaled;
    program_announce(&p, "P1, MLPClassifier (10 hidden units) on Iris");
    nn_load_csv(&all, "datasets/iris.csv", .label = "species");
    nn_split(&all, &train, &test, .fraction = 0.2, .seed = SPLIT_SEED, .stratify = true);
    nn_data_rows(&scaled, &train, NULL, train.n);
    int bad = nn_standardise(&scaled) ? program_failed(&p) : run(&p, &train, &test, &scaled);
    nn_data_free(&all);
    nn_data_free(&train);
    nn_data_free(&test);
    nn_data_free(&scaled);
    return bad;
}
