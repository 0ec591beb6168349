/* Grader of 31_conv_forward. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum {
    RIGHT,
    /* size */
    NO_PLUS_1,
    PAD_ONCE,
    PAD_IGNORED,
    ROUNDED_UP,
    STRIDE_IGNORED,
    NOT_ASKED,
    ONE_NOT_ZERO,
    NO_BRACKETS,
    /* y */
    FLIPPED,
    KERNEL_TRANSPOSED,
    NO_BIAS,
    BIAS_EACH_TIME,
    BIAS_PER_CHANNEL,
    BIAS_OF_FIRST,
    DILATED,
    PAD_ADDED,
    EDGE_REPEATED,
    WRAPPED,
    PAD_TWICE,
    LAST_CHANNEL,
    FIRST_CHANNEL,
    CHANNEL_MEAN,
    LAST_PRODUCT,
    KERNEL_MEAN,
    X_CHANNEL_FIRST,
    Y_FILTER_FIRST,
    W_LIKE_TORCH,
    W_LIKE_KERAS,
    FILTER_0,
    HEIGHT_FOR_WIDTH,
    PLACE_IGNORED,
    BOTH_STRIDED,
    PAD_STRIDED,
    CENTRED,
    EDGE_LOST,
    BROKEN_OFF,
    KERNEL_SHORT,
    PLACES_SWAPPED,
    RELU
};

/* ---- size ----------------------------------------------------------------------------------- */

typedef struct side {
    int n, K, S, P;
} side;

typedef struct sides {
    side list[8];
    int count;
} sides;

static void size_formula(const void *problem, int mistake, double *out)
{
    const sides *t = problem;
    for (int i = 0; i < t->count; i++) {
        side s = t->list[i];
        int room = s.n + 2 * s.P - s.K;
        if (mistake == PAD_ONCE) room -= s.P;
        if (mistake == PAD_IGNORED) room -= 2 * s.P;
        int places = room / s.S + (mistake != NO_PLUS_1);
        if (mistake == ROUNDED_UP) places = (room + s.S - 1) / s.S + 1;
        if (mistake == STRIDE_IGNORED) places = room + 1;
        if (mistake == NO_BRACKETS) places = room + s.K - s.K / s.S + 1;
        if (mistake == ONE_NOT_ZERO && places < 1) places = 1;
        out[i] = room < 0 && mistake != NOT_ASKED && mistake != ONE_NOT_ZERO ? 0 : places;
    }
}

/* ---- y -------------------------------------------------------------------------------------- */

static int is_inside(const conv *t, int iy, int ix)
{
    return iy >= 0 && iy < t->H && ix >= 0 && ix < t->W;
}

/* x[iy][ix][c], in the ways it is read. */
static double pixel(const conv *t, int iy, int ix, int c, int mistake)
{
    if (mistake == EDGE_REPEATED) {
        iy = iy < 0 ? 0 : iy >= t->H ? t->H - 1 : iy;
        ix = ix < 0 ? 0 : ix >= t->W ? t->W - 1 : ix;
    }
    int at = iy * t->W + ix, inside = is_inside(t, iy, ix);
    if (mistake == WRAPPED) inside = at >= 0 && at < t->H * t->W;
    if (mistake == EDGE_LOST) inside &= iy > 0 && ix > 0;
    if (!inside) return 0;
    if (mistake == HEIGHT_FOR_WIDTH) at = (iy * t->H + ix) % (t->H * t->W);
    return mistake == X_CHANNEL_FIRST ? t->x[c * t->H * t->W + at] : t->x[at * t->C + c];
}

static double weight(const conv *t, int o, int ky, int kx, int c, int mistake)
{
    int K = t->K, C = t->C;
    if (mistake == FLIPPED) ky = K - 1 - ky, kx = K - 1 - kx;
    if (mistake == FILTER_0) o = 0;
    if (mistake == KERNEL_TRANSPOSED) return t->w[((o * K + kx) * K + ky) * C + c];
    if (mistake == W_LIKE_TORCH) return t->w[((o * C + c) * K + ky) * K + kx];
    if (mistake == W_LIKE_KERAS) return t->w[((ky * K + kx) * C + c) * t->O + o];
    return t->w[((o * K + ky) * K + kx) * C + c];
}

static double place(const conv *t, int oy, int ox, int o, int mistake)
{
    double sum = 0;
    int apart = mistake == DILATED || mistake == BOTH_STRIDED ? t->S : 1;
    int S = mistake == STRIDE_IGNORED || mistake == DILATED ? 1
            : mistake == PLACE_IGNORED                      ? 0
                                                            : t->S;
    int P = mistake == PAD_ADDED     ? -t->P
            : mistake == PAD_TWICE   ? 2 * t->P
            : mistake == PAD_IGNORED ? 0
            : mistake == PAD_STRIDED ? t->S * t->P
            : mistake == CENTRED     ? t->K / 2
                                     : t->P;
    int c0 = mistake == LAST_CHANNEL ? t->C - 1 : 0, c1 = mistake == FIRST_CHANNEL ? 1 : t->C;
    int K = mistake == KERNEL_SHORT && t->K > 1 ? t->K - 1 : t->K;
    int row = mistake == PLACES_SWAPPED ? ox * S - P : oy * S - P;
    int col = mistake == PLACES_SWAPPED ? oy * S - P : ox * S - P;
    for (int ky = 0; ky < K; ky++)
        for (int kx = 0; kx < K; kx++) {
            if (mistake == BROKEN_OFF && !is_inside(t, row + ky, col + kx)) break;
            for (int c = c0; c < c1; c++) {
                double product = weight(t, o, ky, kx, c, mistake) *
                                 pixel(t, row + ky * apart, col + kx * apart, c, mistake);
                sum = mistake == LAST_PRODUCT ? product : sum + product;
            }
        }
    return sum;
}

static void y_formula(const void *problem, int mistake, double *y)
{
    const conv *t = problem;
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < t->O; o++) {
                double sum = place(t, oy, ox, o, mistake), b = t->b[o];
                if (mistake == NO_BIAS) b = 0;
                if (mistake == BIAS_EACH_TIME) b *= t->K * t->K * t->C;
                if (mistake == BIAS_PER_CHANNEL) b *= t->C;
                if (mistake == BIAS_OF_FIRST) b = t->b[0];
                if (mistake == CHANNEL_MEAN) sum /= t->C;
                if (mistake == KERNEL_MEAN) sum /= t->K * t->K;
                int at = (oy * t->OW + ox) * t->O + o;
                if (mistake == Y_FILTER_FIRST) at = (o * t->OH + oy) * t->OW + ox;
                y[at] = mistake == RELU ? fmax(0, sum + b) : sum + b;
            }
}

const kit_mistake kit_mistakes[] = {
    { "size", RIGHT, "F7.1 has (n + 2P - K)/S + 1 places, rounded down; none if n + 2P < K" },
    { "size(none)", NOT_ASKED,
      "the kernel is larger than the padded side, and so has no place: 0. Ask for "
      "n + 2P < K first; a negative number divided in C rounds towards 0" },
    { "size(none)", ONE_NOT_ZERO, "a kernel that does not fit has no place at all: 0, not 1" },
    { "size", NO_PLUS_1, "the + 1 is missing: the place where it starts counts, too" },
    { "size", NO_BRACKETS, "brackets are missing: (n + 2P - K) / S, all of it is divided" },
    { "size", PAD_ONCE, "P zeros are at both ends: n + 2P" },
    { "size", PAD_IGNORED, "the padding is left out: n + 2P is the side that the kernel sees" },
    { "size", ROUNDED_UP, "rounded up: a step that leads past the end is not made" },
    { "size", STRIDE_IGNORED, "the stride is left out: only each S-th place counts" },
    { "y", RIGHT,
      "F7.1:  y[oy][ox][o] = b[o] + sum w[o][ky][kx][c] x[oy S + ky - P][ox S + kx - P][c]" },
    { "y", FLIPPED,
      "the kernel is flipped: that is the convolution of mathematics. F7.1 lays it on as it is" },
    { "y", KERNEL_TRANSPOSED, "ky and kx are exchanged, in the weights or in the image" },
    { "y", NO_BIAS, "the bias b[o] is missing" },
    { "y", BIAS_EACH_TIME, "b[o] was added for each product: once for each number of y" },
    { "y", BIAS_PER_CHANNEL, "b[o] was added for each channel: once for each number of y" },
    { "y", BIAS_OF_FIRST, "b[0] was added everywhere: each filter has its own bias, b[o]" },
    { "y", STRIDE_IGNORED, "the stride is left out: the place oy begins at oy S - P" },
    { "y", DILATED,
      "the stride moved the kernel's own pixels apart (ky S): it moves the places (oy S)" },
    { "y", PAD_ADDED, "P was added: the first place lies P before the image, so it is - P" },
    { "y", PAD_IGNORED, "P is left out: the first place lies P before the image" },
    { "y", PAD_TWICE, "2P was subtracted: P zeros lie before the image, the others behind it" },
    { "y", EDGE_REPEATED, "outside of the image the edge was repeated: x is 0 there" },
    { "y", WRAPPED,
      "left of a row lies the end of the row above: ask whether the column is inside, too" },
    { "y", LAST_CHANNEL, "only the last channel is there: sum over all of them" },
    { "y", FIRST_CHANNEL, "only the first channel is there: sum over all of them" },
    { "y", CHANNEL_MEAN, "divided by C: the channels are summed" },
    { "y", KERNEL_MEAN, "divided by K²: the products are summed, not averaged" },
    { "y", LAST_PRODUCT, "only the last product is left: add each one to the sum (+=)" },
    { "y", X_CHANNEL_FIRST, "x was read as (C, H, W): the channel is last, x[(iy W + ix) C + c]" },
    { "y", Y_FILTER_FIRST,
      "y was written as (O, OH, OW): the filter is last, [(oy OW + ox) O + o]" },
    { "y", W_LIKE_TORCH, "w was read as (O, C, K, K), as PyTorch has it: here it is (O, K, K, C)" },
    { "y", W_LIKE_KERAS, "w was read as (K, K, C, O), as Keras has it: here it is (O, K, K, C)" },
    { "y", FILTER_0, "the weights of filter 0 were taken everywhere: w starts with the index o" },
    { "y", HEIGHT_FOR_WIDTH, "a row of x has W numbers, not H: x[(iy W + ix) C + c]" },
    { "y", PLACE_IGNORED, "every place looks at the same pixels: oy and ox move the kernel" },
    { "y", BOTH_STRIDED,
      "the stride moved the places and the kernel's own pixels, (oy + ky) S: it is oy S + ky" },
    { "y", PAD_STRIDED, "the stride went over the padding, too: oy S - P, not (oy - P) S" },
    { "y", CENTRED,
      "the kernel was centred on its pixel (- K/2), whatever P says: the first place lies P before "
      "the image" },
    { "y", EDGE_LOST, "row 0 and column 0 of the image are left out: inside means iy >= 0" },
    { "y", BROKEN_OFF,
      "what comes after a pixel outside of the image is lost: leave out that one alone (continue, "
      "not break)" },
    { "y", KERNEL_SHORT, "the kernel's last row and column are left out: ky and kx run to K - 1" },
    { "y", PLACES_SWAPPED, "oy and ox are exchanged: oy counts the rows" },
    { "y", RELU, "an activation was applied (ReLU): y may be negative" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

static void try_sizes(const char *name, const sides *t)
{
    double *yours = kit_output("size", 1, t->count);
    for (int i = 0; i < t->count; i++) {
        side s = t->list[i];
        yours[i] = conv_size(s.n, s.K, s.S, s.P);
    }
    kit_rung(name, yours, 1, t->count, size_formula, t, KIT_TOLERANCE);
}

static void check_size(void)
{
    int n = kit_between(20, 40), k = kit_between(3, 7);
    sides fits = { { { n, k, 1, 0 },
                     { n, k, 1, 2 },
                     { 4 * n, 3, 4, 0 }, /* 4n - 3 is not a multiple of 4 */
                     { 3 * n + 1, 3, 3, 1 },
                     { n, n, 1, 0 },
                     { 28, 5, 2, 2 } },
                   6 };
    sides none = { { { 2, 5, 1, 0 }, { 3, 5, 3, 0 }, { 1, 7, 5, 1 }, { 4, 9, 2, 1 } }, 4 };
    try_sizes("size", &fits);
    try_sizes("size(none)", &none);
}

static conv new_conv(int K, int S, int P, int C, int O)
{
    conv t = { 0 };
    t.H = kit_size("H, the rows of the image", kit_between(7, 8));
    t.W = kit_size("W, the columns of the image", kit_between(9, 10));
    t.K = K, t.S = S, t.P = P, t.C = C, t.O = O;
    t.OH = (t.H + 2 * P - K) / S + 1, t.OW = (t.W + 2 * P - K) / S + 1;
    t.x = kit_input("x", t.H, t.W * C), t.w = kit_input("w", O, K * K * C);
    t.b = kit_input("b", 1, O), t.y = kit_output("y", t.OH, t.OW * O);
    return t;
}

static void try_conv(const char *name, conv t)
{
    conv_forward(&t);
    kit_rung(name, t.y, t.OH, t.OW * t.O, y_formula, &t, KIT_TOLERANCE);
}

static void check_plain(void)
{
    try_conv("y(K=3)", new_conv(3, 1, 0, 1, 1));
    try_conv("y(K=1)", new_conv(1, 1, 0, 1, 1));
}

static void check_channels(void)
{
    try_conv("y(O=5)", new_conv(3, 1, 0, 1, 5));
    try_conv("y(C=2)", new_conv(3, 1, 0, 2, 1));
    try_conv("y(C=4 O=5)", new_conv(2, 1, 0, 4, 5));
}

static void check_padding(void)
{
    try_conv("y(P=1)", new_conv(3, 1, 1, 1, 1));
    try_conv("y(P=3 C=2)", new_conv(5, 1, 3, 2, 3));
}

static void check_stride(void)
{
    try_conv("y(S=2)", new_conv(3, 2, 0, 1, 1));
    try_conv("y(S=3 P=2)", new_conv(4, 3, 2, 2, 3));
}

/* Moves with its input: what lies one row and two columns further gives the same y there. An image
   of zeros gives the bias. */
static void check_laws(void)
{
    conv t = new_conv(3, 1, 0, 2, 3), m = t;
    ((double *)t.b)[0] = -fabs(t.b[0]); /* one of them negative */
    int rows = t.OH - 1, cols = t.OW - 2;
    double *x = kit_input("x, moved", t.H, t.W * t.C), *a = kit_output("a", rows, cols * t.O);
    double *b = kit_output("b", rows, cols * t.O);
    for (int i = 0; i < t.H - 1; i++)
        for (int j = 0; j < (t.W - 2) * t.C; j++)
            x[(i + 1) * t.W * t.C + 2 * t.C + j] = t.x[i * t.W * t.C + j];
    m.x = x, m.y = kit_output("y", t.OH, t.OW * t.O);
    conv_forward(&t), conv_forward(&m);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols * t.O; j++) {
            a[i * cols * t.O + j] = m.y[(i + 1) * t.OW * t.O + 2 * t.O + j];
            b[i * cols * t.O + j] = t.y[i * t.OW * t.O + j];
        }
    kit_same("moves", a, b, rows * cols * t.O, 1e-10,
             "the image was moved by one row and two columns, but y did not move with it");
    for (int i = 0; i < t.H * t.W * t.C; i++) x[i] = 0;
    conv_forward(&m);
    for (int i = 0; i < rows * cols * t.O; i++) a[i] = m.y[i], b[i] = t.b[i % t.O];
    kit_same("zeros", a, b, rows * cols * t.O, 1e-10, "an image of zeros must give the bias");
}

const kit_check kit_checks[] = {
    { "size", 2, 1, check_size },
    { "plain", 2, 2, check_plain },
    { "channels", 2, 2, check_channels },
    { "padding", 1, 2, check_padding },
    { "stride", 1, 2, check_stride },
    { "laws", 1, 2, check_laws },
    { 0 },
};

/* ---- reward: the edges of a picture --------------------------------------------------------- */

enum { ROWS = 17, COLS = 36 };

static double picture(int row, int col)
{
    double dy = (row - 8) / 7.0, dx = (col - 14) / 13.0, r = sqrt(dx * dx + dy * dy);
    return (r < 1 && r > 0.45) || (col > 24 && row > 10) ? 1 : 0;
}

void kit_reward(void)
{
    static double x[ROWS * COLS], y[ROWS * COLS * 2], right[ROWS * COLS * 2];
    /* Two filters, Sobel's: the slope to the right, the slope down. */
    static const double w[18] = { -1, 0, 1, -2, 0, 2, -1, 0, 1, -1, -2, -1, 0, 0, 0, 1, 2, 1 };
    static const double b[2] = { 0, 0 };
    double worst = 0;
    int rows = conv_size(ROWS, 3, 1, 1), cols = conv_size(COLS, 3, 1, 1);
    conv t = { ROWS, COLS, 1, 3, 1, 1, rows, cols, 2, x, w, b, y };
    for (int i = 0; i < ROWS * COLS; i++) x[i] = picture(i / COLS, i % COLS);
    conv_forward(&t);
    y_formula(&t, RIGHT, right);
    printf("A picture, and its edges as your two filters see them:\n");
    for (int row = 0; row < ROWS; row++) {
        for (int col = 0; col < COLS; col++) putchar(x[row * COLS + col] > 0 ? '#' : '.');
        printf("   ");
        for (int col = 0; col < COLS; col++) {
            const double *e = y + (row * COLS + col) * 2;
            putchar(" .:-=+*#"[(int)fmin(7, fabs(e[0]) + fabs(e[1]))]);
        }
        putchar('\n');
    }
    for (int i = 0; i < ROWS * COLS * 2; i++) worst = fmax(worst, fabs(y[i] - right[i]));
    printf("yours against the reference, %d numbers: largest difference %.1e\n", ROWS * COLS * 2,
           worst);
}
