/* Grader of 30_mnist_mlp. The digits are MNIST's where `make mnist` has fetched them, made small;
   else they are drawn here. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRAIN = 800,
    HELD_OUT = 400,
    /* of HELD_OUT. The solution's worst of 200 was 335 for MNIST, 327 for made ones. */
    ENOUGH = 300,
    UNSET = 1234, /* what counts hold before */
    MOST_CLASSES = 10
};

enum {
    RIGHT,
    /* pixels */
    NOT_SCALED,
    BY_256,
    WHOLE_NUMBERS,
    INVERTED,
    CENTRED,
    BINARY,
    SIGNED,
    /* confusion */
    EXCHANGED,
    P_TRANSPOSED,
    PER_CLASS,
    SMALLEST,
    ABOVE_HALF,
    ELSE_CLASS_0,
    STALE_BEST,
    ONLY_WRONG,
    FIRST_CLASS_OUT,
    LAST_CLASS_OUT,
    /* precision, recall */
    OTHER_SUM,
    BY_ALL,
    BY_MISTAKES,
    AVERAGED,
    COMPLEMENT,
    F1,
    NEGATIVES,
    /* the held-out digits */
    FROM_TRAINING,
    FROM_ALL,
    LABELS_FROM_0,
    PIXELS_FROM_0,
    PIXELS_AS_PICTURES,
    RAW_PIXELS,
    BY_N,
    BY_TRAIN,
    PER_CENT,
    WRONG_SHARE,
    MEAN_RECALL,
    DIAGONAL_FROM_1
};

/* ---- pixels --------------------------------------------------------------------------------- */

typedef struct bytes {
    const unsigned char *pixels;
    int n;
} bytes;

static void pixels_formula(const void *problem, int mistake, double *x)
{
    const bytes *b = problem;
    for (int i = 0; i < b->n; i++) {
        double v = b->pixels[i];
        x[i] = v / 255;
        if (mistake == NOT_SCALED) x[i] = v;
        if (mistake == BY_256) x[i] = v / 256;
        if (mistake == WHOLE_NUMBERS) x[i] = b->pixels[i] / 255;
        if (mistake == INVERTED) x[i] = 1 - v / 255;
        if (mistake == CENTRED) x[i] = v / 127.5 - 1;
        if (mistake == BINARY) x[i] = v > 127;
        if (mistake == SIGNED && v > 127) x[i] = (v - 256) / 255;
    }
}

static unsigned char *random_bytes(int n)
{
    unsigned char *b = malloc((size_t)n);
    if (!b) exit(3);
    for (int i = 0; i < n; i++) b[i] = (unsigned char)kit_between(0, 255);
    return b;
}

/* In float, x/255 and x (1/255) differ by 1e-7. */
static void check_pixels(void)
{
    bytes b = { random_bytes(301), 301 };
    float *x = kit_output_float("x", 1, b.n);
    kit_size("255, the largest pixel", 255);
    ((unsigned char *)(size_t)b.pixels)[7] = 255, ((unsigned char *)(size_t)b.pixels)[8] = 0;
    scale_pixels(x, b.pixels, b.n);
    kit_rung("x", kit_widen(x, b.n), 1, b.n, pixels_formula, &b, 2e-6);
}

/* ---- confusion matrix ----------------------------------------------------------------------- */

typedef struct answers {
    const float *p; /* (n, classes) */
    const int *label;
    int n, classes;
} answers;

/* What sample i is read as, rightly or by one of the mistakes. */
static int guess_of(const answers *a, int i, int mistake, float *kept, int *kept_class)
{
    int best = 0, stale = mistake == STALE_BEST, first = mistake == FIRST_CLASS_OUT;
    int last = a->classes - (mistake == LAST_CLASS_OUT);
    float most = stale ? *kept : -1;
    if (mistake == ELSE_CLASS_0) most = 0.5f;
    for (int c = first; c < last; c++) {
        float p = mistake == P_TRANSPOSED ? a->p[c * a->n + i] : a->p[i * a->classes + c];
        if (mistake == SMALLEST) p = 1 - p;
        if (p > most) most = p, best = c, *kept_class = c;
    }
    *kept = most;
    return stale ? *kept_class : best;
}

static void count(double *counts, const answers *a, int row, int column, int mistake)
{
    if (mistake == ONLY_WRONG && row == column) return;
    counts[mistake == EXCHANGED ? column * a->classes + row : row * a->classes + column]++;
}

static void confusion_formula(const void *problem, int mistake, double *counts)
{
    const answers *a = problem;
    float kept = -1;
    int kept_class = 0, C = a->classes;
    for (int k = 0; k < C * C; k++) counts[k] = 0;
    for (int i = 0; i < a->n && mistake != PER_CLASS; i++) {
        int guess = guess_of(a, i, mistake, &kept, &kept_class);
        for (int c = 0; c < C; c++)
            if (mistake == ABOVE_HALF ? a->p[i * C + c] > 0.5f : c == guess)
                count(counts, a, a->label[i], c, mistake);
    }
    for (int c = 0; c < C && mistake == PER_CLASS; c++) {
        int best = 0;
        for (int i = 1; i < a->n; i++)
            if (a->p[i * C + c] > a->p[best * C + c]) best = i;
        counts[a->label[best] * C + c]++;
    }
}

/* p (n, classes), each row with sum 1, no two numbers equal. The right class leads by half. */
static answers new_answers(int n, int classes)
{
    float *p = kit_input_float("p", n, classes);
    answers a = { p, kit_labels("label", n, classes), n, classes };
    for (int i = 0; i < n; i++) {
        float sum = 0;
        p[i * classes + a.label[i]] *= 2;
        for (int c = 0; c < classes; c++)
            sum += p[i * classes + c] = (float)exp(1.5 * (double)p[i * classes + c]);
        for (int c = 0; c < classes; c++) p[i * classes + c] /= sum;
    }
    return a;
}

/* Counts of exactly that size, none of them zero. */
static int *new_counts(int classes)
{
    int *counts = kit_labels("counts", classes * classes, 2);
    for (int k = 0; k < classes * classes; k++) counts[k] = UNSET;
    return counts;
}

/* In double, as the kit compares them; what nobody set is the kit's own mark for that. */
static double *widened(const int *counts, int classes)
{
    double *wide = kit_output("counts", classes, classes);
    for (int k = 0; k < classes * classes; k++)
        wide[k] = counts[k] + (counts[k] >= UNSET ? KIT_UNWRITTEN - UNSET : 0);
    return wide;
}

static void try_confusion(const char *rung, int n, int classes)
{
    answers a = new_answers(n, classes);
    int *counts = new_counts(classes);
    confusion(counts, a.p, a.label, a.n, a.classes);
    kit_rung(rung, widened(counts, classes), classes, classes, confusion_formula, &a,
             KIT_TOLERANCE);
}

static void check_confusion(void)
{
    try_confusion("counts", 97, 7);
    try_confusion("counts(2)", 41, 2);
    try_confusion("counts(more classes than samples)", 5, 9);
}

/* ---- precision and recall ------------------------------------------------------------------- */

typedef struct table {
    int counts[MOST_CLASSES * MOST_CLASSES], classes, by_row;
} table;

static int row_sum(const table *t, int c)
{
    int sum = 0;
    for (int k = 0; k < t->classes; k++) sum += t->counts[c * t->classes + k];
    return sum;
}

static int column_sum(const table *t, int c)
{
    int sum = 0;
    for (int k = 0; k < t->classes; k++) sum += t->counts[k * t->classes + c];
    return sum;
}

static void rate_formula(const void *problem, int mistake, double *rate)
{
    const table *t = problem;
    int all = 0, by_row = t->by_row ^ (mistake == OTHER_SUM);
    for (int c = 0; c < t->classes; c++) all += row_sum(t, c);
    for (int c = 0; c < t->classes; c++) {
        int right = t->counts[c * t->classes + c];
        int of = by_row ? row_sum(t, c) : column_sum(t, c);
        if (mistake == BY_ALL) of = all;
        if (mistake == BY_MISTAKES) of -= right;
        rate[c] = of > 0 ? (double)right / of : 0;
        if (mistake == WHOLE_NUMBERS) rate[c] = of > 0 ? right / of : 0;
        if (mistake == AVERAGED) rate[c] = (double)right / t->classes;
        if (mistake == COMPLEMENT) rate[c] = 1 - rate[c];
        if (mistake == F1) rate[c] = 2.0 * right / (row_sum(t, c) + column_sum(t, c));
        if (mistake == NEGATIVES)
            rate[c] = (double)(all - row_sum(t, c) - column_sum(t, c) + 2 * right) / all;
    }
}

/* `empty` >= 0: nothing is that class, and nothing is read as the class after it. */
static table new_table(int classes, int empty)
{
    table t = { { 0 }, classes, 0 };
    for (int k = 0; k < classes * classes; k++) t.counts[k] = kit_between(1, 9);
    for (int c = 0; c < classes; c++) {
        t.counts[c * classes + c] += 10;
        if (empty >= 0) t.counts[empty * classes + c] = t.counts[c * classes + empty + 1] = 0;
    }
    return t;
}

static void try_rates(const char *precision_rung, const char *recall_rung, int classes, int empty)
{
    table t = new_table(classes, empty);
    double *precision = kit_output("precision", 1, classes);
    double *recall = kit_output("recall", 1, classes);
    int *counts = new_counts(classes);
    memcpy(counts, t.counts, (size_t)(classes * classes) * sizeof *counts);
    precision_recall(precision, recall, counts, classes);
    kit_true("counts unchanged",
             !memcmp(counts, t.counts, (size_t)(classes * classes) * sizeof *counts),
             "counts are an input: they were changed");
    kit_rung(precision_rung, precision, 1, classes, rate_formula, &t, KIT_TOLERANCE);
    t.by_row = 1;
    kit_rung(recall_rung, recall, 1, classes, rate_formula, &t, KIT_TOLERANCE);
}

static void check_rates(void)
{
    try_rates("precision", "recall", 7, -1);
    try_rates("precision(empty)", "recall(empty)", 5, 2);
}

/* ---- digits: MNIST's, or made ones ---------------------------------------------------------- */

typedef struct pictures {
    int n;
    unsigned char *pixels;
    int *label;
} pictures;

static pictures new_pictures(int n)
{
    pictures d = { n, malloc((size_t)n * PIXELS), malloc((size_t)n * sizeof(int)) };
    if (!d.pixels || !d.label) exit(3);
    return d;
}

/* One of MNIST's files, if it is there. */
static FILE *open_mnist(const char *set, const char *kind)
{
    char path[100];
    snprintf(path, sizeof path, "datasets/mnist/%s-%s-ubyte", set, kind);
    return fopen(path, "rb");
}

/* `size` bytes from `from` on. */
static int read_part(FILE *f, long from, unsigned char *to, size_t size)
{
    return !fseek(f, from, SEEK_SET) && fread(to, 1, size, f) == size;
}

/* n digits of `of`, spread over the whole set, made half as high and wide: means of 2 x 2. */
static int read_mnist(const pictures *d, int at, int n, int of, const char *set)
{
    enum { WIDE = 2 * SIDE };
    static const unsigned char shape[8] = { 0, 0, 0, WIDE, 0, 0, 0, WIDE };
    FILE *images = open_mnist(set, "images-idx3"), *labels = open_mnist(set, "labels-idx1");
    unsigned char large[WIDE * WIDE], label;
    int good = images && labels && read_part(images, 8, large, 8) && !memcmp(large, shape, 8);
    int step = of / n, from = kit_between(0, step - 1);
    for (int i = 0; good && i < n; i++) {
        long which = from + (long)i * step;
        good = read_part(images, 16 + which * WIDE * WIDE, large, sizeof large) &&
               read_part(labels, 8 + which, &label, 1) && label < DIGITS;
        if (good) d->label[at + i] = label;
        for (int k = 0; k < PIXELS; k++) {
            const unsigned char *p = large + k / SIDE * 2 * WIDE + k % SIDE * 2;
            d->pixels[(at + i) * PIXELS + k] =
                (unsigned char)((p[0] + p[1] + p[WIDE] + p[WIDE + 1]) / 4);
        }
    }
    if (images) fclose(images);
    if (labels) fclose(labels);
    return good;
}

/* The pen's way on a sheet of 5 columns a to e and 7 rows 0 to 6. */
static const char *const strokes[DIGITS] = {
    "c0d0e2e4d6b6a4a2b0c0", "b1c0c6",   "a1b0d0e1e2a6e6",
    "a0e0c2d2e4d6b6a5",     "d6d0a4e4", "e0a0a3d3e4d6b6a5",
    "d0b1a3a5b6d6e5d3b3",   "a0e0b6",   "c3a1b0d0e1c3a5b6d6e5c3",
    "e2d3b3a2a1b0d0e1e2d6"
};

static void ink(unsigned char *pixels, double x, double y, double thick)
{
    for (int row = (int)y - 1; row <= (int)y + 2; row++)
        for (int col = (int)x - 1; col <= (int)x + 2; col++) {
            if (row < 0 || col < 0 || row >= SIDE || col >= SIDE) continue;
            double v = 255 * (thick + 0.5 - hypot(x - col, y - row));
            unsigned char *at = &pixels[row * SIDE + col];
            if (v > *at) *at = (unsigned char)fmin(v, 255);
        }
}

/* One digit, shaken, slanted, wide or narrow, somewhere near the middle. */
static void draw(unsigned char *pixels, int digit)
{
    double slant = 0.25 * kit_normal(), wide = kit_uniform(0.9, 1.6), high = kit_uniform(1, 1.6);
    double left = kit_uniform(-1.2, 1.2), top = kit_uniform(-1.2, 1.2);
    double thick = kit_uniform(0.5, 1), x = 0, y = 0;
    memset(pixels, 0, PIXELS);
    for (const char *s = strokes[digit]; *s; s += 2) {
        double row = s[1] - '3' + 0.33 * kit_normal(), col = s[0] - 'c' + 0.33 * kit_normal();
        double to_y = 6.5 + top + high * row, to_x = 6.5 + left + wide * col - slant * row * high;
        for (int k = 0; k < 12 && s > strokes[digit]; k++)
            ink(pixels, x + (to_x - x) * k / 11, y + (to_y - y) * k / 11, thick);
        x = to_x, y = to_y;
    }
}

/* n digits, the last `held` of them from MNIST's test set. Says where they are from. */
static const char *load(pictures *d, int n, int held)
{
    *d = new_pictures(n);
    if (read_mnist(d, 0, n - held, 60000, "train") && read_mnist(d, n - held, held, 10000, "t10k"))
        return "MNIST";
    for (int i = 0; i < n; i++) {
        d->label[i] = kit_between(0, DIGITS - 1);
        draw(d->pixels + i * PIXELS, d->label[i]);
    }
    return "made digits";
}

/* ---- training ------------------------------------------------------------------------------- */

/* Without the line that nn_fit writes for each epoch. */
static void log_errors(void *user, nn_log_level level, const char *text)
{
    (void)user;
    if (level >= NN_LOG_WARNING) fprintf(stderr, "%s\n", text);
}

/* What the network says of n pictures whose pixels are `unit` at most. */
static void ask(float *p, nn_model *m, const unsigned char *pixels, int n, float unit)
{
    nn_data data;
    float *x = malloc((size_t)n * PIXELS * sizeof *x);
    if (!x) exit(3);
    for (int i = 0; i < n * PIXELS; i++) x[i] = (float)pixels[i] * (unit / 255);
    nn_data_from(&data, x, n, { PIXELS });
    if (nn_predict_data(m, p, &data))
        kit_true("inputs", 0, "the network cannot be asked about %d pictures of %d pixels: %s", n,
                 PIXELS, nn_last_error());
    nn_data_free(&data);
    free(x);
}

static int count_right(const float *p, const int *label, int n)
{
    int right = 0;
    for (int i = 0; i < n; i++) right += nn_argmax(p + i * DIGITS, DIGITS) == label[i];
    return right;
}

static void look_at_model(const nn_model *m)
{
    kit_true("model", m != NULL, "there is no model: NULL came back. The last error of nn.h: %s",
             nn_last_error());
    kit_true("outputs", m->output && m->output->size == DIGITS,
             "the network has %d outputs: it needs %d, one for each digit",
             m->output ? (int)m->output->size : 0, DIGITS);
    kit_true(
        "trained", m->updates > 0,
        "the network was built, but never trained: nn_fit made no step. The last error of nn.h: %s",
        nn_last_error());
}

/* Between two pale pictures the logits of a linear network go along a straight line. */
static int is_linear(nn_model *m, const unsigned char *pixels)
{
    enum { PAIRS = 4 };
    unsigned char three[3 * PIXELS];
    float p[3 * DIGITS];
    double bent = 0, moved = 0;
    for (int pair = 0; pair < PAIRS; pair++) {
        for (int k = 0; k < PIXELS; k++) {
            int a = pixels[2 * pair * PIXELS + k] & 254, b = pixels[(2 * pair + 1) * PIXELS + k];
            b &= 254;
            three[k] = (unsigned char)a, three[PIXELS + k] = (unsigned char)b;
            three[2 * PIXELS + k] = (unsigned char)((a + b) / 2);
        }
        ask(p, m, three, 3, 0.3f);
        for (int c = 1; c < DIGITS; c++) {
            double z[3];
            for (int k = 0; k < 3; k++)
                z[k] = log((double)p[k * DIGITS + c]) - log((double)p[k * DIGITS]);
            bent = fmax(bent, fabs(z[0] + z[1] - 2 * z[2]));
            moved = fmax(moved, fabs(z[0] - z[1]));
        }
    }
    return moved > 0.01 && bent < 1e-3 * moved;
}

/* How the loss went, in words; for a network that reads badly. */
static const char *advice(const nn_model *m, int right)
{
    int n = m->history.epochs;
    if (n < 2) return "One epoch is not enough: .epochs";
    double first = m->history.epoch[0].loss, last = m->history.epoch[n - 1].loss;
    if (last > 2.2)
        return "The loss is above 2.2, and ln 10 = 2.30 is what a network has that guesses: are "
               "all d->train * PIXELS pixels scaled? Is the learning rate too large, or far too "
               "small?";
    if (!(last <= first)) return "The loss grew: is the learning rate too large?";
    if (right < HELD_OUT / 4 && m->history.epoch[n - 1].accuracy > 0.12 + (double)right / HELD_OUT)
        return "Of its own digits it knows more, and of others hardly more than by guessing: does "
               "each picture have its own label?";
    if (last > 0.3) return "The loss still falls: train longer, with a larger rate, more units";
    return "The loss is low, so it knows its own digits: did it get all d->train of them?";
}

/* Where scale_pixels is wrong, nothing that was learned from its numbers can be judged. */
static int can_scale(void)
{
    unsigned char pixels[256];
    float x[256];
    double worst = 0;
    for (int i = 0; i < 256; i++) pixels[i] = (unsigned char)i;
    scale_pixels(x, pixels, 256);
    for (int i = 0; i < 256; i++) worst = fmax(worst, fabs((double)x[i] - i / 255.0));
    return worst < 1e-6;
}

static void check_train(void)
{
    pictures d;
    nn_set_log(log_errors, NULL);
    const char *from = load(&d, TRAIN + HELD_OUT, HELD_OUT);
    digits all = { d.n, TRAIN, d.pixels, d.label };
    const unsigned char *held = d.pixels + TRAIN * PIXELS;
    float *p = kit_output_float("probabilities", HELD_OUT, DIGITS), sum = 0;
    int seed = kit_between(1, 1000);
    nn_model *m = train_digits(&all, (uint64_t)seed);
    look_at_model(m);
    ask(p, m, held, HELD_OUT, 255);
    int raw = count_right(p, d.label + TRAIN, HELD_OUT);
    ask(p, m, held, HELD_OUT, 1);
    int right = count_right(p, d.label + TRAIN, HELD_OUT), good = right >= ENOUGH || !can_scale();
    for (int c = 0; c < DIGITS; c++) sum += p[c];
    kit_true("scaled", good || raw < right + HELD_OUT / 10,
             "of pixels from 0 to 1 it reads %d of %d digits, of raw bytes %d: it has learned from "
             "pixels that scale_pixels had not scaled, or scales them once more by itself",
             right, HELD_OUT, raw);
    kit_true("probabilities", fabsf(sum - 1) < 1e-3f,
             "the outputs of a digit sum to %.3f, not to 1: a softmax is missing at the end",
             (double)sum);
    kit_true("bent", !is_linear(m, held),
             "the network is linear up to its softmax: a hidden layer with an activation is "
             "missing (.activation = NN_RELU)");
    kit_true("75 %", good, "%s, seed %d: %d of %d held-out digits are read; %d are asked for. %s",
             from, seed, right, HELD_OUT, ENOUGH, advice(m, right));
    nn_model_free(m);
}

/* ---- what training may not see -------------------------------------------------------------- */

static void train_and_ask(double *wide, const digits *d, uint64_t seed, const unsigned char *new)
{
    float p[8 * DIGITS];
    nn_model *m = train_digits(d, seed);
    if (!m || !m->output || m->output->size != DIGITS || !m->updates) look_at_model(m);
    ask(p, m, new, 8, 1);
    for (int i = 0; i < 8 * DIGITS; i++) wide[i] = (double)p[i];
    nn_model_free(m);
}

/* Pictures of noise do here: what is asked is on what the network depends. The held-out ones are
   those that it learns from, once more, first with their own labels and then with others: so the
   best epoch by them is once the last and once the first. Those with others are brighter than any
   before: so a largest pixel of all digits is another one, too. */
static void check_honest(void)
{
    enum { LEARN = 40, ALL = 100 };
    double same[2][8 * DIGITS], other[8 * DIGITS];
    unsigned char *pixels = random_bytes(ALL * PIXELS), *new = random_bytes(8 * PIXELS);
    int *label = kit_labels("label", ALL, DIGITS), differs = 0;
    digits d = { ALL, LEARN, pixels, label };
    nn_set_log(log_errors, NULL);
    for (int k = 0; k < ALL * PIXELS; k++) pixels[k] = (unsigned char)(pixels[k] * 3 / 4);
    for (int i = 0; i < ALL; i++) label[i] = i % LEARN % DIGITS;
    for (int i = LEARN; i < ALL; i++)
        memcpy(pixels + i * PIXELS, pixels + i % LEARN * PIXELS, PIXELS);
    train_and_ask(same[0], &d, 7, new);
    train_and_ask(same[1], &d, 7, new);
    kit_same("same seed", same[0], same[1], 8 * DIGITS, 0,
             "the same seed gave two different networks");
    train_and_ask(other, &d, 8, new);
    for (int i = 0; i < 8 * DIGITS; i++) differs |= same[0][i] != other[i];
    kit_true("other seed", differs,
             "two seeds gave the same network: hand the seed to nn_model_new(.seed = seed)");
    for (int i = LEARN; i < ALL; i++) label[i] = (label[i] + 1) % DIGITS;
    memcpy(pixels + LEARN * PIXELS, new, 8 * PIXELS);
    train_and_ask(same[1], &d, 7, new);
    kit_same("unseen", same[0], same[1], 8 * DIGITS, 0,
             "other held-out digits gave another network: it has learned from them, was scaled by "
             "them, or was chosen by them. It may see the first d->train alone");
    free(pixels), free(new);
}

/* ---- reading what was held out -------------------------------------------------------------- */

typedef struct reading {
    digits d;
    nn_model *m;
    int follow; /* with the learner's own functions */
    table t; /* the learner's counts, */
    double right; /* and their diagonal */
} reading;

static nn_model *random_network(void)
{
    nn_model *m = nn_model_new(.seed = (uint64_t)kit_between(1, 100000));
    nn_tensor *h = nn_dense(nn_input(m, PIXELS), 24, .activation = NN_TANH, .init = NN_INIT_NORMAL,
                            .init_scale = 0.6);
    nn_tensor *y =
        nn_dense(h, DIGITS, .activation = NN_SOFTMAX, .init = NN_INIT_NORMAL, .init_scale = 0.6);
    if (nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY)) exit(3); /* nn_evaluate works, too */
    return m;
}

/* Makes the first held-out digit that is read as c a c, for each c. Returns for how many. */
static int make_some_right(const reading *r, int *label)
{
    int n = r->d.n - r->d.train, right[DIGITS] = { 0 }, all = 0;
    float *p = malloc((size_t)n * DIGITS * sizeof *p);
    if (!p) exit(3);
    ask(p, r->m, r->d.pixels + r->d.train * PIXELS, n, 1);
    for (int i = 0; i < n; i++) {
        int guess = nn_argmax(p + i * DIGITS, DIGITS);
        if (right[guess]++) continue;
        label[r->d.train + i] = guess;
        all++;
    }
    free(p);
    return all;
}

/* Pictures, and a network of random weights that reads some of them as each digit. */
static reading new_reading(int n, int train)
{
    unsigned char *pixels = random_bytes(n * PIXELS);
    int *label = kit_labels("label", n, DIGITS);
    for (int i = 0; i < n * PIXELS; i++)
        if (kit_between(0, 9)) pixels[i] = 0;
    reading r = { { n, train, pixels, label }, NULL, 0, { { 0 }, DIGITS, 1 }, 0 };
    do {
        nn_model_free(r.m);
        r.m = random_network();
    } while (make_some_right(&r, label) < DIGITS); /* the worst of 300 took two */
    return r;
}

static void count_with(const reading *r, const answers *a, double *counts)
{
    int *theirs = new_counts(DIGITS);
    if (!r->follow) {
        confusion_formula(a, RIGHT, counts);
        return;
    }
    confusion(theirs, a->p, a->label, a->n, DIGITS);
    memcpy(counts, widened(theirs, DIGITS), DIGITS * DIGITS * sizeof *counts);
}

static void reading_formula(const void *problem, int mistake, double *counts)
{
    const reading *r = problem;
    int from = r->d.train, n = r->d.n - from, scale = mistake != RAW_PIXELS;
    if (mistake == FROM_TRAINING) from = 0, n = r->d.train;
    if (mistake == FROM_ALL) from = 0, n = r->d.n;
    int label_from = mistake == LABELS_FROM_0 ? 0 : from;
    int pixel_from = mistake == PIXELS_FROM_0 ? 0 : from * PIXELS;
    if (mistake == PIXELS_AS_PICTURES) pixel_from = from;
    float *x = malloc((size_t)n * PIXELS * sizeof *x), *p = malloc((size_t)n * DIGITS * sizeof *p);
    if (!x || !p) exit(3);
    for (int i = 0; i < n * PIXELS; i++)
        x[i] = (float)r->d.pixels[pixel_from + i] / (scale ? 255.0f : 1.0f);
    if (r->follow && scale) scale_pixels(x, r->d.pixels + pixel_from, n * PIXELS);
    if (nn_predict(r->m, p, x, n)) exit(3);
    answers a = { p, r->d.label + label_from, n, DIGITS };
    count_with(r, &a, counts);
    free(x), free(p);
}

static void accuracy_formula(const void *problem, int mistake, double *out)
{
    const reading *r = problem;
    int held = r->d.n - r->d.train;
    *out = r->right / held;
    if (mistake == BY_N) *out = r->right / r->d.n;
    if (mistake == BY_TRAIN) *out = r->right / r->d.train;
    if (mistake == PER_CENT) *out *= 100;
    if (mistake == WRONG_SHARE) *out = 1 - *out;
    if (mistake == WHOLE_NUMBERS) *out = 0;
    if (mistake == DIAGONAL_FROM_1) *out = (r->right - r->t.counts[0]) / held;
    if (mistake == MEAN_RECALL) {
        double recall[DIGITS];
        rate_formula(&r->t, RIGHT, recall);
        *out = 0;
        for (int c = 0; c < DIGITS; c++) *out += recall[c] / DIGITS;
    }
}

static void check_test(void)
{
    reading r = new_reading(331, 131);
    int *counts = new_counts(DIGITS);
    double truth[DIGITS * DIGITS];
    nn_set_log(log_errors, NULL);
    double accuracy = test_digits(counts, r.m, &r.d), *wide = widened(counts, DIGITS);
    reading_formula(&r, RIGHT, truth);
    for (int k = 0; k < DIGITS * DIGITS; k++) r.follow |= wide[k] != truth[k];
    kit_rung("held out", wide, DIGITS, DIGITS, reading_formula, &r, KIT_TOLERANCE);
    for (int c = 0; c < DIGITS; c++) r.right += counts[c * DIGITS + c];
    memcpy(r.t.counts, counts, sizeof r.t.counts);
    kit_rung("accuracy", &accuracy, 1, 1, accuracy_formula, &r, KIT_TOLERANCE);
    nn_model_free(r.m);
}

const kit_mistake kit_mistakes[] = {
    { "x", RIGHT, "x = pixel / 255: numbers from 0 to 1" },
    { "x", NOT_SCALED, "the pixels are not scaled: they are still 0 to 255" },
    { "x", BY_256, "divided by 256: the largest pixel is 255, and becomes 1" },
    { "x", WHOLE_NUMBERS,
      "divided as whole numbers: 254 / 255 is 0. Make a nn_real of the pixel first" },
    { "x", INVERTED, "ink and paper are exchanged: 255 becomes 1, and 0 stays 0" },
    { "x", CENTRED, "these go from -1 to 1: asked for are 0 to 1" },
    { "x", BINARY, "these are 0 and 1 alone: grey values between belong to the picture" },
    { "x", SIGNED, "a byte above 127 was taken for negative: pixels are unsigned char" },
    { "counts", RIGHT, "counts[label * classes + guess] grows by 1; guess = argmax of row i of p" },
    { "counts", EXCHANGED,
      "rows and columns are exchanged: the row is what it is, the column what it was read as" },
    { "counts", P_TRANSPOSED,
      "p was read as (classes, n): sample i has the numbers p[i * classes] and following" },
    { "counts", PER_CLASS,
      "argmax of the wrong axis: for each sample the largest of its classes, not for each class "
      "the sample with the largest" },
    { "counts", SMALLEST, "the smallest probability was taken: it is the largest" },
    { "counts", ABOVE_HALF,
      "probabilities above 0.5 were counted: the largest counts, even if it is below" },
    { "counts", ELSE_CLASS_0,
      "a guess below 0.5 became class 0: the largest is the guess, even if it is below a half" },
    { "counts", STALE_BEST,
      "the maximum is not set back: each sample begins with its own class 0" },
    { "counts", ONLY_WRONG, "the diagonal is missing: right answers are counted, too" },
    { "counts", FIRST_CLASS_OUT, "class 0 is never the guess: the classes begin at 0" },
    { "counts", LAST_CLASS_OUT, "the last class is never the guess: c < classes" },
    { "precision", RIGHT, "precision = counts[c][c] / the sum of column c: of those called c" },
    { "precision", OTHER_SUM,
      "that is the recall: precision divides by the column, all that were called c" },
    { "precision", BY_ALL, "divided by all counts: precision divides by the sum of column c" },
    { "precision", BY_MISTAKES,
      "divided by the mistakes of the column: the right ones belong to its sum, too" },
    { "precision", AVERAGED, "divided by the number of classes: it is the sum of column c" },
    { "precision", WHOLE_NUMBERS, "divided as whole numbers: (double)right / sum has a fraction" },
    { "precision", COMPLEMENT, "that is 1 - precision, the share that is wrong" },
    { "precision", F1, "that is F1, which is made of both: asked for is the precision alone" },
    { "precision", NEGATIVES,
      "that counts what is rightly not called c, too: the accuracy of \"c or not c\"" },
    { "recall", RIGHT, "recall = counts[c][c] / the sum of row c: of those that are c" },
    { "recall", OTHER_SUM, "that is the precision: recall divides by the row, all that are c" },
    { "recall", BY_ALL, "divided by all counts: recall divides by the sum of row c" },
    { "recall", BY_MISTAKES,
      "divided by the mistakes of the row: the right ones belong to its sum, too" },
    { "recall", WHOLE_NUMBERS, "divided as whole numbers: (double)right / sum has a fraction" },
    { "recall", COMPLEMENT, "that is 1 - recall, the share that was missed" },
    { "held out", RIGHT, "the digits from number d->train on: scaled, read, counted" },
    { "held out", FROM_TRAINING,
      "these are the counts of the training digits: the held-out ones begin at d->train" },
    { "held out", FROM_ALL, "all digits were counted: only those from number d->train on" },
    { "held out", LABELS_FROM_0,
      "the labels begin at 0 and the pictures at d->train: d->label + d->train" },
    { "held out", PIXELS_FROM_0,
      "the pictures begin at 0 and the labels at d->train: d->pixels + d->train * PIXELS" },
    { "held out", PIXELS_AS_PICTURES,
      "pixels + d->train is in the middle of a picture: each has PIXELS of them" },
    { "held out", RAW_PIXELS, "the pixels are not scaled: scale_pixels before nn_predict" },
    { "accuracy", RIGHT, "accuracy = the sum of the diagonal / (d->n - d->train)" },
    { "accuracy", BY_N, "divided by all digits: d->n - d->train were read" },
    { "accuracy", BY_TRAIN, "divided by the number of training digits: d->n - d->train were read" },
    { "accuracy", PER_CENT, "that is in per cent: a share lies between 0 and 1" },
    { "accuracy", WRONG_SHARE, "that is the share that is wrong" },
    { "accuracy", DIAGONAL_FROM_1, "the diagonal begins with counts[0][0]: 0 is a digit, too" },
    { "accuracy", MEAN_RECALL,
      "that is the mean of the recalls, in which a rare digit counts as much as a frequent one" },
    { "accuracy", WHOLE_NUMBERS, "divided as whole numbers: (double)right / n has a fraction" },
    { 0 },
};

const kit_check kit_checks[] = {
    { "pixels", 1, 1, check_pixels },
    { "confusion", 2, 2, check_confusion },
    { "rates", 1, 3, check_rates },
    { "train", 3, 4, check_train },
    { "honest", 1, 4, check_honest },
    { "test", 1, 5, check_test },
    { 0 },
};

/* ---- reward --------------------------------------------------------------------------------- */

static void print_counts(const int *counts)
{
    double precision[DIGITS], recall[DIGITS];
    precision_recall(precision, recall, counts, DIGITS);
    printf("            0   1   2   3   4   5   6   7   8   9   recall\n");
    for (int c = 0; c < DIGITS; c++) {
        printf("%9d", c);
        for (int k = 0; k < DIGITS; k++) printf(" %3d", counts[c * DIGITS + k]);
        printf("   %3.0f %%\n", 100 * recall[c]);
    }
    printf("precision");
    for (int c = 0; c < DIGITS; c++) printf(" %3.0f", 100 * precision[c]);
    printf("   %%\n");
}

/* The one that it got wrong and was surest of. */
static void print_worst(const digits *d, const float *p)
{
    int worst = -1, said = 0;
    float most = 0;
    for (int i = d->train; i < d->n; i++) {
        const float *row = p + (i - d->train) * DIGITS;
        int guess = nn_argmax(row, DIGITS);
        if (guess != d->label[i] && row[guess] > most) most = row[guess], worst = i, said = guess;
    }
    if (worst < 0) return;
    printf("Sure and wrong: this is a %d, read as a %d (%.1f %%).\n", d->label[worst], said,
           100 * (double)most);
    for (int k = 0; k < PIXELS; k++) {
        putchar(" .:-=+*#%@"[d->pixels[worst * PIXELS + k] * 9 / 255]);
        if (k % SIDE == SIDE - 1) putchar('\n');
    }
}

void kit_reward(void)
{
    enum { MANY = 2000, NEW = 1000 };
    pictures pics;
    static float p[NEW * DIGITS];
    int counts[DIGITS * DIGITS];
    nn_set_log(log_errors, NULL);
    const char *from = load(&pics, MANY + NEW, NEW);
    digits d = { pics.n, MANY, pics.pixels, pics.label };
    nn_model *m = train_digits(&d, 1);
    double accuracy = test_digits(counts, m, &d);
    printf("Your network, trained on %d of %s, reads %.1f %% of %d others "
           "(row: what it is, column: what it says):\n",
           MANY, from, 100 * accuracy, NEW);
    print_counts(counts);
    ask(p, m, d.pixels + MANY * PIXELS, NEW, 1);
    print_worst(&d, p);
}
