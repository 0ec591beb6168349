/* Chapter 11: P7, a convolutional network that reads digits.

   A dense layer sees 784 numbers; it would not notice if the pixels were shuffled, as long as it is
   always the same shuffle. A convolution knows that pixels have neighbours. It slides one small
   kernel over the whole picture (F7.1), so what it learns about a stroke in one corner holds in all
   of them, and it needs 10 numbers for that: 9 weights and a bias.

   The program slides a kernel by hand first, then trains the articles' network, and then looks into
   it: at the 32 kernels of the first layer, and at what every layer makes of one digit. At the end
   it asks what the window is good for: with digits that stand elsewhere, with pixels in another
   order, and with noise.

   The test digits are measured after each epoch for the curves; nothing is chosen by them.       */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, KERNEL = 3, OUT = SIDE - KERNEL + 1, EPOCHS = 5 };
enum { FRAMES = 6, ZOOM = 2, BIG = SIDE * ZOOM + 2 };   /* of the figure of the sliding window    */
enum { SHOWN = 16, LAYERS = 4 };                    /* maps for each layer in the figure of maps  */

/* ---- by hand: one kernel over one digit ----------------------------------------------------- */

/* Dark on the left and bright on the right gives a large number: a left edge of white ink. */
static const nn_real edge[KERNEL * KERNEL] = { -1, 0, 1, -1, 0, 1, -1, 0, 1 };

/* F7.1 at one offset: the kernel is laid over the pixels, products are summed. Mathematics turns
   the kernel by half a turn first and calls that convolution; what stands here, and in every
   library, it calls cross-correlation. For a kernel that is learned the difference is nothing: it
   would be learned the other way round.                                                         */
static double window_sum(const nn_real *x, int width, int row, int column, bool turned)
{
    double sum = 0;
    for (int i = 0; i < KERNEL; i++)
        for (int j = 0; j < KERNEL; j++) {
            int k = i * KERNEL + j;
            if (turned) k = KERNEL * KERNEL - 1 - k;
            sum += (double)edge[k] * (double)x[(row + i) * width + column + j];         /* F7.1 */
        }
    return sum;
}

/* A picture of 4 x 4 pixels: a stroke that bends to the right at its foot. */
static void print_tiny(void)
{
    enum { WIDTH = 4 };
    static const nn_real x[WIDTH * WIDTH] = { 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1 };
    double most = 0;
    printf("| place | first row | second row | third row | sum | after ReLU | kernel turned |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int r = 0; r <= WIDTH - KERNEL; r++)
        for (int c = 0; c <= WIDTH - KERNEL; c++) {
            const double sum = window_sum(x, WIDTH, r, c, false);
            printf("| (%d, %d) |", r, c);
            for (int i = 0; i < KERNEL; i++) {
                const nn_real *p = x + (r + i) * WIDTH + c;
                printf(" -%g + %g = %g |", (double)p[0], (double)p[2], (double)(p[2] - p[0]));
            }
            printf(" %g | %g | %g |\n", sum, fmax(sum, 0), window_sum(x, WIDTH, r, c, true));
            most = fmax(most, sum);
        }
    printf("\nmax-pooling of the four: %g\n", most);
}

/* What P7's layers make, and what they need; beside it a dense layer between the same numbers. */
static void print_sizes(void)
{
    static const int channels[3] = { 1, 32, 64 };
    int side = SIDE;
    printf("\n| layer | shape | weights and biases | a dense layer instead |\n|---|---|---|---|\n");
    for (int l = 1; l <= 2; l++) {
        const int out = side - KERNEL + 1, in = channels[l - 1], O = channels[l];
        printf("| convolution | %d x %d x %d | %d | %ld |\n", out, out, O,
               (KERNEL * KERNEL * in + 1) * O, ((long)side * side * in + 1) * out * out * O);
        side = out / 2;
        printf("| max-pooling | %d x %d x %d | 0 | |\n", side, side, O);
    }
    printf("| flatten | %d | 0 | |\n", side * side * channels[2]);
}

/* Prints the sum where it is largest, and checks the library against it everywhere. */
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
           window_sum(x, SIDE, row, column, false), window_sum(x, SIDE, row, column, true));
    for (int i = 0; i < OUT * OUT; i++) {
        const double sum = window_sum(x, SIDE, i / OUT, i % OUT, false);
        apart = fmax(apart, fabs((double)y[i] - sum));
    }
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

/* A network without a kernel is P6 of chapter 10: flatten, 128, 10. */
typedef struct setting {
    const char *name;
    int kernel;
    bool average;                                   /* pooling by the mean                      */
    bool shuffled;                                  /* pixels in another order                  */
} setting;

static const setting p7 = { "none (P7)", KERNEL, false, false };
static const setting p6 = { "no convolution (P6)", 0, false, false };

static nn_tensor *pool(nn_tensor *x, bool average)
{
    return average ? nn_avg_pool2d(x, 2) : nn_max_pool2d(x, 2);
}

/* layer: what each of the first four layers makes, to look at later. */
static nn_model *build(setting s, uint64_t seed, nn_tensor *layer[LAYERS])
{
    const nn_init init = NN_GLOROT_UNIFORM;         /* Keras's; nn.h would take He's before ReLU  */
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *h = nn_input(m, SIDE, SIDE, 1);
    if (s.kernel) {
        layer[0] = nn_conv2d(h, 32, s.kernel, .activation = NN_RELU, .init = init, .name = "first");
        layer[1] = pool(layer[0], s.average);
        layer[2] = nn_conv2d(layer[1], 64, s.kernel, .activation = NN_RELU, .init = init);
        h = layer[3] = pool(layer[2], s.average);
    }
    h = nn_dense(nn_flatten(h), 128, .activation = NN_RELU, .init = init);
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
    double loss[EPOCHS], test_loss[EPOCHS], wrong[EPOCHS], test_wrong[EPOCHS], tick[EPOCHS];
    char title[120];
    for (int i = 0; i < h->epochs; i++) {
        tick[i] = i + 1;
        loss[i] = h->epoch[i].loss, test_loss[i] = h->epoch[i].val_loss;
        wrong[i] = 100 * (1 - h->epoch[i].accuracy);
        test_wrong[i] = 100 * (1 - h->epoch[i].val_accuracy);
    }
    plot_figure panel[] = {
        { PLOT_LINES, .title = "Loss", .x_label = "epoch", .y_label = "cross-entropy (nats)",
          .n = h->epochs, .x0 = 1, .x_ticks = tick, .n_x_ticks = h->epochs,
          .series = {{ "training digits", .y = loss, .style = PLOT_MARKED },
                     { "held-out digits", .y = test_loss, .style = PLOT_MARKED }} },
        { PLOT_LINES, .title = "Errors", .x_label = "epoch", .y_label = "wrong (%)",
          .n = h->epochs, .x0 = 1, .x_ticks = tick, .n_x_ticks = h->epochs,
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
    static float grid[32 * KERNEL * KERNEL];
    const nn_tensor *w = nn_parameter_named(m, "first.weight");
    return plot_images(program_figure(p, "filters"),
                       "The 32 kernels: orange asks for ink, blue for none; many are edges, some "
                       "spots", .n = w->dim[0], .gridf = program_floats(grid, w->value, w->size),
                       .rows = KERNEL, .cols = KERNEL, .columns = 8, .diverging = 1);
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
    static const char *const kind[] = { "convolution", "max-pooling", "convolution",
                                        "max-pooling" };
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

/* ---- what the window is good for ------------------------------------------------------------ */

enum { MOVES = 7, FEW = 6000, NOISE = 100, ARTICLE_EPOCHS = 10 };

/* Moves all digits one pixel to the right. */
static void move_right(nn_data *data)
{
    unsigned char *row = (unsigned char *)data->x[0].values;
    for (int i = 0; i < data->n * SIDE; i++, row += SIDE) {
        memmove(row + 1, row, SIDE - 1);
        row[0] = 0;
    }
}

/* Both networks learned on digits in the middle; the held-out ones move away from it. */
static int compare_moved(program *p, nn_model *cnn, nn_model *dense, const nn_data *test)
{
    double right[2][MOVES];
    nn_data moved;
    if (nn_data_rows(&moved, test, NULL, test->n)) return program_failed(p);
    printf("\n| moved by (pixels) | P6, accuracy | P7, accuracy |\n|---|---|---|\n");
    for (int k = 0; k < MOVES; k++) {
        right[0][k] = 100 * nn_evaluate(dense, &moved).accuracy;
        right[1][k] = 100 * nn_evaluate(cnn, &moved).accuracy;
        printf("| %d | %.4f | %.4f |\n", k, right[0][k] / 100, right[1][k] / 100);
        move_right(&moved);
    }
    nn_data_free(&moved);
    return plot_lines(program_figure(p, "moved"),
                      "Digits a few pixels off: the convolution forgives more, but not all",
                      "moved to the right (pixels)", "right (%)", .n = MOVES, .y_min = 0,
                      .y_max = 103,
                      .series = {{ "P7, with convolutions", .y = right[1], .style = PLOT_MARKED },
                                 { "P6, dense", .y = right[0], .style = PLOT_MARKED }});
}

static int train_dense_and_compare(program *p, nn_model *cnn, const nn_data *train,
                                   const nn_data *test)
{
    nn_tensor *layer[LAYERS];
    nn_model *dense = build(p6, p->seed, layer);
    int bad = !dense || nn_fit(dense, train, .epochs = p->quick ? 2 : EPOCHS, .batch_size = 128,
                               .quiet = true) ||
              compare_moved(p, cnn, dense, test);
    nn_model_free(dense);
    return bad;
}

/* Puts the pixels of all images in another order, the same for all. */
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

static bool print_setting(const program *p, setting s, nn_data *train, nn_data *test, int epochs)
{
    nn_tensor *layer[LAYERS];
    nn_model *m = build(s, p->seed, layer);
    if (s.shuffled) shuffle_pixels(train, p->seed), shuffle_pixels(test, p->seed);
    bool ok = m && !nn_fit(m, train, .epochs = p->quick ? 1 : epochs, .quiet = true);
    if (ok) {
        nn_metrics a = nn_evaluate(m, train), b = nn_evaluate(m, test);
        printf("| %s | %d | %.3f | %.3f |\n", s.name, (int)m->parameters, a.accuracy, b.accuracy);
        ok = !a.status && !b.status;
    }
    nn_model_free(m);
    return ok;
}

/* A tenth of the digits and three epochs, so that it takes seconds. */
static int change_one_thing(const program *p, const nn_data *train, const nn_data *test)
{
    const setting list[] = { p7, { "kernels of 5 x 5", 5, false, false },
                             { "average pooling", KERNEL, true, false }, p6,
                             { "P6, pixels in another order", 0, false, true },
                             { "P7, the same order as that", KERNEL, false, false } };
    nn_data few, held_out;
    int bad = 0;
    nn_data_rows(&few, train, NULL, train->n < FEW ? train->n / 4 : FEW);
    nn_data_rows(&held_out, test, NULL, test->n);
    if (few.status || held_out.status) bad = program_failed(p);
    else printf("\n| change | parameters | accuracy, %d training digits | held-out digits |\n"
                "|---|---|---|---|\n", few.n);
    for (size_t k = 0; !bad && k < sizeof list / sizeof *list; k++)
        bad = !print_setting(p, list[k], &few, &held_out, 3);
    nn_data_free(&few), nn_data_free(&held_out);
    return bad;
}

/* P7 as the articles run it: 100 images of noise with random labels, batches of 32. */
static int learn_noise(const program *p)
{
    static unsigned char x[2 * NOISE * PIXELS];
    static int label[2 * NOISE];
    nn_random random = nn_random_seed(p->seed);
    nn_data all, known, fresh;
    setting s = p7;
    for (int i = 0; i < 2 * NOISE * PIXELS; i++)
        x[i] = (unsigned char)nn_random_below(&random, 256);
    for (int i = 0; i < 2 * NOISE; i++) label[i] = (int)nn_random_below(&random, 10);
    nn_data_from(&all, x, 2 * NOISE, { SIDE, SIDE, 1 }, .type = NN_BYTE, .labels = label);
    nn_split(&all, &known, &fresh, .fraction = 0.5, .seed = p->seed);
    int bad = known.status ? program_failed(p) : 0;
    printf("\n| P7 on noise | parameters | accuracy, training images | new images |\n"
           "|---|---|---|---|\n");
    s.name = "10 epochs";
    bad = bad || !print_setting(p, s, &known, &fresh, ARTICLE_EPOCHS);
    s.name = "60 epochs";
    bad = bad || !print_setting(p, s, &known, &fresh, 6 * ARTICLE_EPOCHS);
    nn_data_free(&all), nn_data_free(&known), nn_data_free(&fresh);
    return bad;
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
    nn_model *m = build(p7, p->seed, layer);
    if (!m) return 1;
    printf("\n");
    nn_summary(m, 128);
    int bad = nn_fit(m, train, .epochs = p->quick ? 2 : EPOCHS, .batch_size = 128,
                     .validation = test) ||
              look_inside(p, m, layer, test, digits) || train_dense_and_compare(p, m, train, test);
    nn_model_free(m);
    return bad || change_one_thing(p, train, test) || learn_noise(p);
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "11_cnn", 1,
                              "Trains P7, a convolutional network, on MNIST or on made digits.");
    nn_data train, test;
    char what[100];
    int bad = 1;
    if (p.worked) {
        print_tiny();
        print_sizes();
        return 0;
    }
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
