/* Chapter 11: P7, a convolutional network that reads digits.

   A dense layer sees 784 numbers; it would not notice if the pixels were shuffled, as long as it is
   always the same shuffle. A convolution knows that pixels have neighbours. It slides one small
   kernel over the whole picture (F7.1), so what it learns about a stroke in one corner holds in all
   of them, and it needs 10 numbers for that: 9 weights and a bias.

   The program slides a kernel by hand first, then trains the articles' network, and then looks into
   it: at the 32 kernels of the first layer, and at what every layer makes of one digit.

   The test digits are measured after each epoch for the curves; nothing is chosen by them.       */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#include "../program.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, KERNEL = 3, OUT = SIDE - KERNEL + 1, EPOCHS = 10 };
enum { FRAMES = 6, ZOOM = 2, BIG = SIDE * ZOOM + 2 };   /* of the figure of the sliding window    */
enum { SHOWN = 16, LAYERS = 4 };                    /* maps for each layer in the figure of maps  */

/* ---- by hand: one kernel over one digit ----------------------------------------------------- */

/* Dark on the left and bright on the right gives a large number: a left edge of white ink. */
static const nn_real edge[KERNEL * KERNEL] = { -1, 0, 1, -1, 0, 1, -1, 0, 1 };

/* F7.1 at one offset: the kernel is laid over the pixels, products are summed. Mathematics turns
   the kernel by half a turn first and calls that convolution; what stands here, and in every
   library, it calls cross-correlation. For a kernel that is learned the difference is nothing: it
   would be learned the other way round.                                                         */
static double window_sum(const nn_real *x, int row, int column, bool turned)
{
    double sum = 0;
    for (int i = 0; i < KERNEL; i++)
        for (int j = 0; j < KERNEL; j++) {
            int k = i * KERNEL + j;
            if (turned) k = KERNEL * KERNEL - 1 - k;
            sum += (double)edge[k] * (double)x[(row + i) * SIDE + column + j];
        }
    return sum;
}

/* Prints the sum where it is largest, term by term, and checks the library against it everywhere. */
static int print_window(const nn_real *x, const nn_real *y)
{
    int best = nn_argmax(y, OUT * OUT), row = best / OUT, column = best % OUT;
    double apart = 0;
    printf("\nThe pixels under the window at row %d, column %d, and the kernel:\n", row, column);
    for (int i = 0; i < KERNEL; i++) {
        printf("   ");
        for (int j = 0; j < KERNEL; j++)
            printf(" %5.2f", (double)x[(row + i) * SIDE + column + j]);
        printf("      ");
        for (int j = 0; j < KERNEL; j++) printf(" %3.0f", (double)edge[i * KERNEL + j]);
        printf("\n");
    }
    printf("The sum of their products is %.3f; with the kernel turned it would be %.3f.\n",
           window_sum(x, row, column, false), window_sum(x, row, column, true));
    for (int i = 0; i < OUT * OUT; i++)
        apart = fmax(apart, fabs((double)y[i] - window_sum(x, i / OUT, i % OUT, false)));
    printf("nn_conv2d_forward differs from this by at most %.1g at the %d places.\n", apart,
           OUT * OUT);
    return !(apart < 1e-5);
}

/* A frame: above the digit with a box around the window at place `at`; below the sums so far. The
   pixels are ZOOM times as large as they are, for a thin box, with a margin of 1 around them.    */
static void draw_frame(float *above, float *below, const nn_real *x, const nn_real *y, int at)
{
    const int top = at / OUT * ZOOM, left = at % OUT * ZOOM, size = KERNEL * ZOOM;
    for (int i = 0; i < BIG * BIG; i++) {
        int r = i / BIG - 1, c = i % BIG - 1, down = r - top, right = c - left;
        bool near = down >= -1 && down <= size && right >= -1 && right <= size;
        bool inside = down >= 0 && down < size && right >= 0 && right < size;
        bool in_x = r >= 0 && c >= 0 && r < SIDE * ZOOM && c < SIDE * ZOOM;
        bool in_y = r >= 0 && c >= 0 && r < OUT * ZOOM && c < OUT * ZOOM;
        int place = r / ZOOM * OUT + c / ZOOM;
        above[i] = near && !inside ? -1 : in_x ? (float)x[r / ZOOM * SIDE + c / ZOOM] : 0;
        below[i] = in_y && place <= at ? (float)y[place] / KERNEL : 0;
    }
}

static int draw_window(program *p, const nn_real *x, const nn_real *y)
{
    static float grid[2 * FRAMES][BIG * BIG];
    static const int row[FRAMES] = { 4, 8, 11, 14, 17, 25 }, column[] = { 12, 6, 14, 18, 10, 25 };
    static char text[2 * FRAMES][32];
    const char *caption[2 * FRAMES];
    for (int k = 0; k < FRAMES; k++) {
        draw_frame(grid[k], grid[FRAMES + k], x, y, row[k] * OUT + column[k]);
        snprintf(text[k], sizeof text[k], "at (%d, %d)", row[k], column[k]);
        snprintf(text[FRAMES + k], sizeof text[k], "%d sums", row[k] * OUT + column[k] + 1);
    }
    for (int k = 0; k < 2 * FRAMES; k++) caption[k] = text[k];
    return plot_images(program_figure(p, "window"),
                       "The window slides over the digit: sums are large at left edges (orange), "
                       "negative at right ones",
                       .n = 2 * FRAMES, .gridf = grid[0], .rows = BIG, .cols = BIG,
                       .columns = FRAMES, .diverging = 1, .z_min = -1, .z_max = 1,
                       .names = caption);
}

static int slide_by_hand(program *p, const nn_real *x)
{
    static nn_real y[OUT * OUT];
    nn_window s = nn_window_of(SIDE, SIDE, 1, KERNEL, KERNEL, 1, 1, NN_VALID);
    nn_real *work = (nn_real *)malloc(nn_conv2d_work_size(1, &s) * sizeof *work);
    if (!work) {
        fprintf(stderr, "%s: no memory\n", p->chapter);
        return 1;
    }
    nn_conv2d_forward(y, x, edge, NULL, 1, &s, work);
    free(work);
    return print_window(x, y) | draw_window(p, x, y);
}

/* ---- the network ---------------------------------------------------------------------------- */

/* P7. layer: what each of the first four layers makes, to look at later. */
static nn_model *build(uint64_t seed, nn_tensor *layer[LAYERS])
{
    const nn_init init = NN_GLOROT_UNIFORM;         /* Keras's; nn.h would take He's before ReLU  */
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, SIDE, SIDE, 1);
    layer[0] = nn_conv2d(x, 32, KERNEL, .activation = NN_RELU, .init = init, .name = "first");
    layer[1] = nn_max_pool2d(layer[0], 2);
    layer[2] = nn_conv2d(layer[1], 64, KERNEL, .activation = NN_RELU, .init = init);
    layer[3] = nn_max_pool2d(layer[2], 2);
    nn_tensor *h = nn_dense(nn_flatten(layer[3]), 128, .activation = NN_RELU, .init = init);
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX, .init = init);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3))) {
        nn_model_free(m);
        return NULL;
    }
    return m;
}

/* ---- figures -------------------------------------------------------------------------------- */

static int draw_curves(program *p, const nn_history *h, const char *digits)
{
    double loss[EPOCHS], test_loss[EPOCHS], wrong[EPOCHS], test_wrong[EPOCHS];
    char title[120];
    for (int i = 0; i < h->epochs; i++) {
        loss[i] = h->epoch[i].loss, test_loss[i] = h->epoch[i].val_loss;
        wrong[i] = 100 * (1 - h->epoch[i].accuracy);
        test_wrong[i] = 100 * (1 - h->epoch[i].val_accuracy);
    }
    plot_figure panel[] = {
        { PLOT_LINES, .title = "Loss", .x_label = "epoch", .y_label = "cross-entropy (nats)",
          .n = h->epochs, .x0 = 1,
          .series = {{ "training digits", .y = loss, .style = PLOT_MARKED },
                     { "held-out digits", .y = test_loss, .style = PLOT_MARKED }} },
        { PLOT_LINES, .title = "Errors", .x_label = "epoch", .y_label = "wrong (%)",
          .n = h->epochs, .x0 = 1,
          .series = {{ "training digits", .y = wrong, .style = PLOT_MARKED },
                     { "held-out digits", .y = test_wrong, .style = PLOT_MARKED }} } };
    snprintf(title, sizeof title, "%s: after the first epoch %.1f %% of the held-out digits are "
             "wrong, at the end %.1f %%", digits, test_wrong[0], test_wrong[h->epochs - 1]);
    return plot_panels(program_figure(p, "curves"), title, .panels = panel, .n = 2, .columns = 2,
                       .shared_legend = 1);
}

/* The weights (32, 3, 3, 1) are 32 pictures as they lie. */
static int draw_filters(program *p, const nn_model *m)
{
    const nn_tensor *w = nn_parameter_named(m, "first.weight");
    return plot_images(program_figure(p, "filters"),
                       "The 32 kernels: orange asks for ink, blue for none; many are edges, some spots",
                       .n = w->dim[0], .gridf = w->value, .rows = KERNEL, .cols = KERNEL,
                       .columns = 8, .diverging = 1);
}

/* Channel c of a tensor (H, W, C) as a picture of its own. */
static void take_channel(float *to, const nn_tensor *t, int c)
{
    for (int i = 0; i < t->dim[0] * t->dim[1]; i++) to[i] = (float)t->value[i * t->dim[2] + c];
}

/* The maps that the last forward pass has left in the tensors: the first SHOWN of each layer. */
static int draw_maps(program *p, nn_tensor *layer[LAYERS], const char *name)
{
    static float grid[LAYERS][SHOWN * OUT * OUT];
    static char text[LAYERS][80];
    static const char *const kind[] = { "convolution", "max-pooling", "convolution", "max-pooling" };
    char title[140];
    plot_figure panel[LAYERS];
    memset(panel, 0, sizeof panel);
    for (int l = 0; l < LAYERS; l++) {
        const nn_tensor *t = layer[l];
        const int size = t->dim[0] * t->dim[1];
        for (int k = 0; k < SHOWN; k++) take_channel(grid[l] + k * size, t, k);
        snprintf(text[l], sizeof text[l], "%d. %s: %d of %d maps of %d x %d", l + 1, kind[l], SHOWN,
                 t->dim[2], t->dim[0], t->dim[1]);
        panel[l] = (plot_figure){ PLOT_IMAGES, .title = text[l], .n = SHOWN, .gridf = grid[l],
                                  .rows = t->dim[0], .cols = t->dim[1], .columns = 4, .ink = 1 };
    }
    snprintf(title, sizeof title, "A %s on its way through the layers: its strokes at first, then "
             "ever coarser signs of them", name);
    return plot_panels(program_figure(p, "maps"), title, .panels = panel, .n = LAYERS,
                       .columns = 2, .width = 800, .height = 860);
}

/* How much of each layer is not 0 for this digit. */
static void print_maps(nn_tensor *layer[LAYERS])
{
    printf("\nwhat this digit leaves in each layer\n");
    for (int l = 0; l < LAYERS; l++) {
        size_t alive = 0;
        for (size_t i = 0; i < layer[l]->size; i++) alive += layer[l]->value[i] > 0;
        printf("%-12s  %2d x %2d x %2d  %5.1f %% above 0\n", layer[l]->name, layer[l]->dim[0],
               layer[l]->dim[1], layer[l]->dim[2], 100.0 * (double)alive / (double)layer[l]->size);
    }
}

/* ---- the program ---------------------------------------------------------------------------- */

static int look_inside(program *p, nn_model *m, nn_tensor *layer[LAYERS], const nn_data *test,
                       const char *digits)
{
    nn_metrics r = nn_evaluate(m, test);
    const int32_t first = ((const int32_t *)test->y.values)[0];
    if (r.status) return 1;
    printf("\nheld-out digits: loss %.4f, accuracy %.4f (%.0f of %d wrong)\n", r.loss, r.accuracy,
           (1 - r.accuracy) * r.n, r.n);
    if (nn_feed(m, test, (const int[]){ 0 }, 1) || nn_forward(m, NN_INFERENCE)) return 1;
    print_maps(layer);
    return draw_curves(p, &m->history, digits) | draw_filters(p, m) |
           draw_maps(p, layer, test->class_name[first]);
}

static int run(program *p, const nn_data *train, const nn_data *test, const char *digits)
{
    nn_tensor *layer[LAYERS];
    nn_real x[PIXELS];
    const unsigned char *image = (const unsigned char *)test->x[0].values;
    for (int i = 0; i < PIXELS; i++) x[i] = (nn_real)image[i] / 255;
    if (slide_by_hand(p, x)) return 1;
    nn_model *m = build(p->seed, layer);
    if (!m) return 1;
    printf("\n");
    nn_summary(m, 128);
    int bad = nn_fit(m, train, .epochs = p->quick ? 2 : EPOCHS, .batch_size = 128,
                     .validation = test) ||
              look_inside(p, m, layer, test, digits);
    nn_model_free(m);
    return bad;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "11_cnn", 1,
                              "Trains P7, a convolutional network, on MNIST or on made digits.");
    nn_data train, test;
    char what[100];
    int bad = 1;
    const char *digits = program_load_digits(&p, &train, &test, p.quick ? 2000 : 0,
                                             p.quick ? 500 : 0);
    if (digits) {
        snprintf(what, sizeof what, "P7, a convolutional network on %s, %d to learn from, %d held "
                 "out", digits, train.n, test.n);
        program_announce(&p, what);
        bad = run(&p, &train, &test, digits);
    }
    nn_data_free(&train);
    nn_data_free(&test);
    return bad;
}
