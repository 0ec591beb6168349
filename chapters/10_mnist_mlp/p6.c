/* Chapter 10: P6, flatten - 128 - 10, on noise and on digits.

   The article trains it on 100 random images with random labels. (Its program forgot to flatten,
   so its output has the shape 28x28x10.) Random labels cannot be learned, only remembered: the
   training accuracy climbs, and on new images the network is right one time in ten, as by chance.
   The same network on digits learns something that holds for digits it has never seen.           */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#include "../program.h"

enum { PIXELS = 784, SIDE = 28, CLASSES = 10, IMAGES = 100, NEW_IMAGES = 1000, EPOCHS = 10,
       LONG = 40 };

/* n images of random grey and a random label each. */
static nn_status make_noise(nn_data *data, int n, nn_random *random)
{
    static unsigned char x[NEW_IMAGES * PIXELS];
    static int label[NEW_IMAGES];
    for (int i = 0; i < n * PIXELS; i++) x[i] = (unsigned char)nn_random_below(random, 256);
    for (int i = 0; i < n; i++) label[i] = (int)nn_random_below(random, CLASSES);
    return nn_data_from(data, x, n, { SIDE, SIDE, 1 }, .type = NN_BYTE, .labels = label);
}

static nn_model *build(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, SIDE, SIDE, 1);
    nn_tensor *h = nn_dense(nn_flatten(x), 128, .activation = NN_RELU, .init = NN_GLOROT_UNIFORM);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX, .init = NN_GLOROT_UNIFORM);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

static bool print_result(const char *name, nn_model *m, const nn_data *known, const nn_data *fresh)
{
    nn_metrics a = nn_evaluate(m, known), b = nn_evaluate(m, fresh);
    printf("| %s | %d | %.3f | %.3f |\n", name, m->history.epochs, a.accuracy, b.accuracy);
    return !a.status && !b.status;
}

static int draw(program *p, const nn_history *h)
{
    double known[LONG], fresh[LONG];
    const double ends[] = { 1, h->epochs }, chance[] = { 10, 10 };
    for (int i = 0; i < h->epochs; i++) {
        known[i] = 100 * h->epoch[i].accuracy;
        fresh[i] = 100 * h->epoch[i].val_accuracy;
    }
    return plot_lines(program_figure(p, "p6_noise"),
                      "Random labels: the network learns them by heart, and nothing else",
                      "epoch", "right (%)", .n = h->epochs, .x0 = 1, .y_min = 0, .y_max = 105,
                      .series = {{ "training images", .y = known },
                                 { "new images", .y = fresh },
                                 { "chance", .x = ends, .y = chance, .n = 2,
                                   .style = PLOT_DASHED }},
                      .marks = {{ EPOCHS, .name = "the article stops" }});
}

/* The article's 10 epochs, then on to 40. */
static int run_noise(program *p)
{
    nn_random random = nn_random_seed(p->seed);
    nn_data known, fresh;
    nn_model *m = build(p->seed);
    printf("\n| images | epochs | accuracy, training images | new images |\n|---|---|---|---|\n");
    int bad = make_noise(&known, IMAGES, &random) || make_noise(&fresh, NEW_IMAGES, &random)
                  ? program_failed(p) : !m;
    if (!bad)
        bad = nn_fit(m, &known, .epochs = EPOCHS, .validation = &fresh, .quiet = true) ||
              !print_result("100 of noise", m, &known, &fresh) ||
              nn_fit(m, &known, .epochs = LONG - EPOCHS, .validation = &fresh, .quiet = true) ||
              !print_result("100 of noise", m, &known, &fresh) || draw(p, &m->history);
    nn_model_free(m);
    nn_data_free(&known);
    nn_data_free(&fresh);
    return bad;
}

static int run_digits(const program *p, const nn_data *train, const nn_data *test, const char *name)
{
    nn_model *m = build(p->seed);
    int bad = !m || nn_fit(m, train, .epochs = p->quick ? 2 : EPOCHS, .quiet = true) ||
              !print_result(name, m, train, test);
    nn_model_free(m);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "10_mnist_mlp", 1,
                              "Trains P6, flatten-128-10, on random images and on digits.");
    nn_data train, test;
    char what[100];
    int bad = 1;
    const char *digits = program_load_digits(&p, &train, &test, p.quick ? 2000 : 0,
                                             p.quick ? 1000 : 0);
    if (digits) {
        snprintf(what, sizeof what, "P6, flatten-128-10 on noise, then on %s", digits);
        program_announce(&p, what);
        bad = run_noise(&p) || run_digits(&p, &train, &test, digits);
    }
    nn_data_free(&train);
    nn_data_free(&test);
    return bad;
}
