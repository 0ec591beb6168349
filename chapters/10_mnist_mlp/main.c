/* Chapter 10: P2, a 784-64-64-10 network that reads digits.

   The articles' program, in C: pixels in, ten probabilities out, Adam, 10 epochs, batches of 128.
   Labels become rows of ten numbers with a single one (one-hot), and the loss is the categorical
   cross-entropy, as in the article. NN_SPARSE_CROSS_ENTROPY on the plain labels would do the same
   sums on fewer numbers: with a one-hot target only one term of F3.3 is not zero (F3.6).

   --worked takes a picture of 3 x 3 pixels through a small network by hand. After training, the
   program looks at mistakes and weights, and trains again with one thing changed at a time.

   The test digits are measured after each epoch for the curves; nothing is chosen by them.       */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_LIVE
#define PROGRAM_WORKED
#include "../program.h"

enum { PIXELS = 784, SIDE = 28, CLASSES = 10, UNITS = 64, EPOCHS = 10 };
enum { WORST = 24, SHOWN = 24, TEST_MAX = 10000 };

/* ---- by hand: 3 x 3 pixels, two units, three classes ---------------------------------------- */

/* An upright stroke with a pale foot. One unit likes upright strokes, the other level ones. */
static const nn_real tiny_x[9] = { 0, 1, 0, 0, 1, 0, 0, 0.5, 0 };
static const nn_real tiny_w1[2 * 9] = { -0.5, 1, -0.5, -0.5, 1, -0.5, -0.5, 1, -0.5,
                                        -0.5, -0.5, -0.5, 1, 1, 1, -0.5, -0.5, -0.5 };
static const nn_real tiny_b1[2] = { -1, -1 };
static const nn_real tiny_w2[3 * 2] = { 2, -1, -1, 2, 1, 1 }, tiny_b2[3] = { 0, 0, -1 };
static const char *const tiny_class[3] = { "upright", "level", "cross" };

/* z = W x + b of one sample. */
static void layer(nn_real *z, const nn_real *x, const nn_real *w, const nn_real *b, int I, int O)
{
    for (int o = 0; o < O; o++) {
        z[o] = b[o];
        for (int i = 0; i < I; i++) z[o] += w[o * I + i] * x[i];                        /* F1.1 */
    }
}

static void print_tiny_network(void)
{
    const double t[3] = { 1, 0, 0 };
    nn_real z1[2], a1[2], z[3], p[3];
    double loss = 0;
    layer(z1, tiny_x, tiny_w1, tiny_b1, 9, 2);
    nn_activation_forward(NN_RELU, 0, a1, z1, 2);                                       /* F2.2 */
    layer(z, a1, tiny_w2, tiny_b2, 2, 3);
    nn_softmax_forward(p, z, 1, 3);                                                     /* F2.5 */
    printf("| unit | first row | second row | third row | bias | z1 | a1 |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int u = 0; u < 2; u++) {
        printf("| %s |", tiny_class[u]);
        for (int row = 0; row < 9; row += 3) {
            double sum = 0;
            for (int i = row; i < row + 3; i++) sum += (double)(tiny_w1[9 * u + i] * tiny_x[i]);
            printf(" %g |", sum);
        }
        printf(" %g | %.2f | %.2f |\n", (double)tiny_b1[u], (double)z1[u], (double)a1[u]);
    }
    printf("\n| class | z | e^z | p | t | -t log p |\n|---|---|---|---|---|---|\n");
    for (int c = 0; c < 3; c++) {
        double term = t[c] > 0 ? -t[c] * log((double)p[c]) : 0;
        loss += term;                                                                   /* F3.3 */
        printf("| %s | %.2f | %.4f | %.4f | %g | %.4f |\n", tiny_class[c], (double)z[c],
               exp((double)z[c]), (double)p[c], t[c], term);
    }
    printf("\nL = %.4f\n", loss);
}

/* ---- build, train --------------------------------------------------------------------------- */

/* What one network differs in from the next. */
typedef struct setting {
    const char *name;
    int units;
    double lr;
    nn_init init;                               /* the article's is Keras's, Glorot uniform     */
} setting;

static const setting p2 = { "none (P2)", UNITS, 1e-3, NN_GLOROT_UNIFORM };

/* The images are (28, 28, 1); an input of 784 takes them as they lie. Bytes come in as 0 to 1.
   first: the first layer, to look at later.                                                    */
static nn_model *build(setting s, uint64_t seed, nn_tensor **first)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, PIXELS);
    *first = nn_dense(x, s.units, .activation = NN_RELU, .init = s.init, .name = "first");
    nn_tensor *h = nn_dense(*first, s.units, .activation = NN_RELU, .init = s.init);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX, .init = s.init);
    if (nn_compile(m, y, .loss = NN_CROSS_ENTROPY, .optimizer = nn_adam(.lr = s.lr))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* ---- judge ---------------------------------------------------------------------------------- */

static void print_scores(const int *counts, int classes, const char *const *name)
{
    printf("\n| class | precision | recall | F1 | of how many |\n|---|---|---|---|---|\n");
    for (int c = 0; c < classes; c++) {
        nn_class_score s = nn_class_score_of(counts, classes, c);
        printf("| %s | %.3f | %.3f | %.3f | %d |\n", name[c], s.precision, s.recall, s.f1,
               s.support);
    }
}

/* The three pairs of digits that are taken for each other most often, and which way. */
static void print_pairs(const int *counts)
{
    bool told[CLASSES * CLASSES] = { false };
    for (int k = 0; k < 3; k++) {
        int best = -1, most = -1;
        for (int i = 0; i < CLASSES; i++)
            for (int j = i + 1; j < CLASSES; j++) {
                const int both = counts[i * CLASSES + j] + counts[j * CLASSES + i];
                if (!told[i * CLASSES + j] && both > most) best = i * CLASSES + j, most = both;
            }
        const int i = best / CLASSES, j = best % CLASSES;
        told[best] = true;
        printf("%s%d read as %d: %d times; %d read as %d: %d times\n", k ? "" : "\n", i, j,
               counts[best], j, i, counts[j * CLASSES + i]);
    }
}

static bool print_result(nn_model *m, const nn_data *test, int *counts)
{
    nn_metrics r = nn_evaluate(m, test);
    if (r.status || nn_confusion(m, test, counts)) return false;
    printf("\nheld-out digits: loss %.4f, accuracy %.4f (%.0f of %d wrong)\n", r.loss, r.accuracy,
           (1 - r.accuracy) * r.n, r.n);
    print_scores(counts, CLASSES, (const char *const *)test->class_name);
    print_pairs(counts);
    return true;
}

/* A unit that is 0 for a digit passes nothing on, and no gradient back; one that is 0 for all of
   them is dead. Its picture keeps the pale noise that it started with.                         */
static void print_dead(nn_model *m, const nn_tensor *first, const nn_data *test)
{
    double share = nn_dead_units(m, first, test);
    printf("\n%.0f of the %d first units are 0 for every held-out digit\n", share * UNITS, UNITS);
}

/* A wrong guess, and how sure the network was of it. */
typedef struct mistake {
    int row, digit, guess;
    double sure;
} mistake;

static int surest_first(const void *a, const void *b)
{
    double x = ((const mistake *)a)->sure, y = ((const mistake *)b)->sure;
    return (x < y) - (x > y);
}

/* All wrong guesses, the most confident first; returns how many. y: (n, 10) as predicted. */
static int find_mistakes(mistake *list, const nn_real *y, const int *digit, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        const nn_real *y_i = y + i * CLASSES;
        int guess = nn_argmax(y_i, CLASSES);
        if (guess != digit[i])
            list[count++] = (mistake){ i, digit[i], guess, (double)y_i[guess] };
    }
    qsort(list, (size_t)count, sizeof *list, surest_first);
    return count;
}

/* ---- figures -------------------------------------------------------------------------------- */

static int draw_curves(program *p, const nn_history *h, const char *digits)
{
    double loss[EPOCHS], test_loss[EPOCHS], right[EPOCHS], test_right[EPOCHS];
    char title[120];
    for (int i = 0; i < h->epochs; i++) {
        loss[i] = h->epoch[i].loss, test_loss[i] = h->epoch[i].val_loss;
        right[i] = 100 * h->epoch[i].accuracy, test_right[i] = 100 * h->epoch[i].val_accuracy;
    }
    plot_figure panel[] = {
        { PLOT_LINES, .title = "Loss", .x_label = "epoch", .y_label = "cross-entropy (nats)",
          .n = h->epochs, .x0 = 1,
          .series = {{ "training digits", .y = loss, .style = PLOT_MARKED },
                     { "held-out digits", .y = test_loss, .style = PLOT_MARKED }} },
        { PLOT_LINES, .title = "Accuracy", .x_label = "epoch", .y_label = "right (%)",
          .n = h->epochs, .x0 = 1,
          .series = {{ "training digits", .y = right, .style = PLOT_MARKED },
                     { "held-out digits", .y = test_right, .style = PLOT_MARKED }} } };
    snprintf(title, sizeof title, "%s: most is learned in the first epoch; later the gap opens",
             digits);
    return plot_panels(program_figure(p, "curves"), title, .panels = panel, .n = 2, .columns = 2,
                       .shared_legend = 1);
}

/* The title names the commonest mistake: the largest count off the diagonal. */
static int draw_confusion(program *p, const nn_data *test, const int *counts, const char *digits)
{
    char title[120];
    int most = 1;
    for (int i = 1; i < CLASSES * CLASSES; i++)
        if (i / CLASSES != i % CLASSES && counts[i] > counts[most]) most = i;
    snprintf(title, sizeof title, "%s: the commonest mistake is to read a %s as a %s", digits,
             test->class_name[most / CLASSES], test->class_name[most % CLASSES]);
    return plot_confusion(program_figure(p, "confusion"), title, .counts = counts,
                          .classes = CLASSES, .names = (const char *const *)test->class_name);
}

static int draw_worst(program *p, const mistake *list, int count, const nn_data *test,
                      const char *digits)
{
    char title[120];
    static unsigned char pixels[WORST * PIXELS];
    static char text[WORST][24];
    const char *caption[WORST];
    const unsigned char *image = (const unsigned char *)test->x[0].values;
    int n = count < WORST ? count : WORST;
    if (n == 0) return 0;
    for (int k = 0; k < n; k++) {
        memcpy(pixels + k * PIXELS, image + (size_t)list[k].row * PIXELS, PIXELS);
        snprintf(text[k], sizeof text[k], "%s read as %s", test->class_name[list[k].digit],
                 test->class_name[list[k].guess]);
        caption[k] = text[k];
    }
    snprintf(title, sizeof title, "%s: wrong, and sure of it; the worst %d", digits, n);
    return plot_images(program_figure(p, "worst"), title, .n = n, .gridb = pixels, .rows = SIDE,
                       .cols = SIDE, .columns = 8, .ink = 1, .names = caption);
}

/* Row u of the first weights, (64, 784), is a picture: where unit u wants ink, and where not. */
static int draw_weights(program *p, const nn_model *m)
{
    static float w[SHOWN * PIXELS];
    const nn_tensor *first = nn_parameter_named(m, "first.weight");
    char title[100];
    snprintf(title, sizeof title, "What %d of the %d first units look for: orange asks for ink, "
             "blue for none", SHOWN, UNITS);
    return plot_images(program_figure(p, "weights"), title, .n = SHOWN,
                       .gridf = program_floats(w, first->value, SHOWN * PIXELS), .rows = SIDE,
                       .cols = SIDE, .columns = 8, .diverging = 1, .z_min = -0.3, .z_max = 0.3);
}

/* ---- change one thing ----------------------------------------------------------------------- */

/* Puts the pixels of all images in another order, the same for all: a picture that no person can
   read, and the same 784 numbers.                                                              */
static void shuffle_pixels(nn_data *data, uint64_t seed)
{
    unsigned char *image = (unsigned char *)data->x[0].values, old[PIXELS];
    nn_random random = nn_random_seed(seed);
    int from[PIXELS];
    for (int i = 0; i < PIXELS; i++) from[i] = i;
    nn_random_shuffle(&random, from, PIXELS);
    for (int k = 0; k < data->n; k++, image += PIXELS) {
        memcpy(old, image, PIXELS);
        for (int i = 0; i < PIXELS; i++) image[i] = old[from[i]];
    }
}

static bool print_setting(const program *p, setting s, const nn_data *train, const nn_data *test)
{
    nn_tensor *first;
    nn_model *m = build(s, p->seed, &first);
    bool ok = m && !nn_fit(m, train, .epochs = p->quick ? 1 : EPOCHS, .batch_size = 128,
                           .quiet = true);
    if (ok) {
        nn_metrics a = nn_evaluate(m, train), b = nn_evaluate(m, test);
        double dead = nn_dead_units(m, first, test) * s.units;
        printf("| %s | %d | %.4f | %.4f | %.4f | %.0f of %d |\n", s.name, (int)m->parameters,
               a.accuracy, b.accuracy, b.loss, dead, s.units);
        ok = !a.status && !b.status;
    }
    nn_model_free(m);
    return ok;
}

/* The pixels of both sets are in another order afterwards. */
static bool change_one_thing(const program *p, nn_data *train, nn_data *test)
{
    const setting list[] = {
        p2, { "8 units in each layer", 8, 1e-3, NN_GLOROT_UNIFORM },
        { "256 units in each layer", 256, 1e-3, NN_GLOROT_UNIFORM },
        { "learning rate 0.1", UNITS, 0.1, NN_GLOROT_UNIFORM },
        { "all weights start at 0", UNITS, 1e-3, NN_INIT_ZEROS } };
    setting shuffled = p2;
    printf("\n| change | parameters | accuracy, training digits | held-out digits | loss, held-out "
           "| dead first units |\n|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        if (!print_setting(p, list[k], train, test)) return false;
    shuffle_pixels(train, p->seed), shuffle_pixels(test, p->seed);
    shuffled.name = "pixels in another order";
    return print_setting(p, shuffled, train, test);
}

/* ---- the program ---------------------------------------------------------------------------- */

static int show(program *p, nn_model *m, const nn_data *test, const int *digit, const char *digits)
{
    static nn_real y[TEST_MAX * CLASSES];
    static mistake list[TEST_MAX];
    int counts[CLASSES * CLASSES];
    if (!print_result(m, test, counts) || nn_predict_data(m, y, test)) return 1;
    int wrong = find_mistakes(list, y, digit, test->n);
    for (int k = 0; k < wrong && k < 3; k++)
        printf("%ssure and wrong: test digit %d is a %d, read as a %d (%.2f %%)\n",
               k ? "" : "\n", list[k].row, list[k].digit, list[k].guess, 100 * list[k].sure);
    return draw_curves(p, &m->history, digits) | draw_confusion(p, test, counts, digits) |
           draw_worst(p, list, wrong, test, digits) | draw_weights(p, m);
}

static int learn(program *p, nn_data *train, nn_data *test, const char *digits)
{
    static int digit[TEST_MAX];                     /* the labels, before they become one-hot   */
    for (int i = 0; i < test->n; i++) digit[i] = ((const int32_t *)test->y.values)[i];
    if (nn_one_hot(train) || nn_one_hot(test)) return program_failed(p);
    nn_tensor *first;
    nn_model *m = build(p2, p->seed, &first);
    if (!m) return 1;
    nn_summary(m, 128);
    int bad = 1;
    if (!nn_fit(m, train, .epochs = p->quick ? 2 : EPOCHS, .batch_size = 128, .validation = test,
                .on_epoch = program_live, .user = p, .quiet = p->live)) {
        bad = show(p, m, test, digit, digits);
        print_dead(m, first, test);
    }
    nn_model_free(m);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "10_mnist_mlp", 1,
                              "Trains P2, a 784-64-64-10 network, on MNIST or on made digits.");
    nn_data train, test;
    char what[100];
    int bad = 1;
    if (p.worked) {
        print_tiny_network();
        return 0;
    }
    const char *digits = program_load_digits(&p, &train, &test, p.quick ? 4000 : 0,
                                             p.quick ? 1000 : TEST_MAX);
    if (digits) {
        snprintf(what, sizeof what, "P2, a 784-64-64-10 network on %s, %d to learn from, %d held "
                 "out", digits, train.n, test.n);
        program_announce(&p, what);
        bad = learn(&p, &train, &test, digits) || !change_one_thing(&p, &train, &test);
    }
    nn_data_free(&train);
    nn_data_free(&test);
    return bad;
}
