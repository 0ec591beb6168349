/* Grader of 32_conv_backward. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum {
    RIGHT,
    PLACE_MEAN,
    FIRST_PLACE,
    LAST_PLACE,
    FILTERS_SUMMED,
    TIMES_KERNEL,
    TIMES_PLANE,
    STRIDE_IGNORED,
    PAD_IGNORED,
    PAD_ADDED,
    WRAPPED,
    EDGE_REPEATED,
    FLIPPED,
    KERNEL_TRANSPOSED,
    DW_CHANNEL_FIRST,
    DILATED,
    LAST_FILTER,
    FIRST_FILTER,
    FILTER_MEAN,
    LAST_CHANNEL,
    TIMES_W,
    TIMES_X,
    GRADIENT_OF_Y_ALONE,
    ONLY_CENTRE,
    SLIDES_AGAIN,
    DY_FILTER_FIRST,
    HEIGHT_FOR_WIDTH,
    EDGE_LOST,
    ROW_SHORT,
    W_LIKE_KERAS
};

static double upstream(const conv *t, int oy, int ox, int o, int mistake)
{
    if (mistake == ROW_SHORT && oy == t->OH - 1) return 0;
    if (mistake == DY_FILTER_FIRST) return t->dy[(o * t->OH + oy) * t->OW + ox];
    return t->dy[(oy * t->OW + ox) * t->O + o];
}

static void db_formula(const void *problem, int mistake, double *db)
{
    const conv *t = problem;
    int places = t->OH * t->OW;
    double all = 0;
    for (int o = 0; o < t->O; o++) {
        db[o] = 0;
        for (int p = 0; p < places; p++) {
            double dy = upstream(t, p / t->OW, p % t->OW, o, mistake);
            if (mistake == LAST_PLACE) db[o] = dy;
            else if (mistake != FIRST_PLACE || p == 0) db[o] += dy;
        }
        all += db[o];
        if (mistake == PLACE_MEAN) db[o] /= places;
        if (mistake == TIMES_KERNEL) db[o] *= t->K * t->K * t->C;
        if (mistake == TIMES_PLANE) db[o] *= t->K * t->K;
    }
    for (int o = 0; o < t->O && mistake == FILTERS_SUMMED; o++) db[o] = all;
}

/* Where x lies that place oy, ox sees through ky, kx: the index of its first channel, or -1. */
static int tap(const conv *t, int oy, int ox, int ky, int kx, int mistake)
{
    int S = mistake == STRIDE_IGNORED || mistake == DILATED ? 1 : t->S;
    int apart = mistake == DILATED ? t->S : 1;
    int P = mistake == PAD_IGNORED ? 0 : mistake == PAD_ADDED ? -t->P : t->P;
    int iy = oy * S + ky * apart - P, ix = ox * S + kx * apart - P, at = iy * t->W + ix;
    if (mistake == EDGE_REPEATED) {
        iy = iy < 0 ? 0 : iy >= t->H ? t->H - 1 : iy;
        ix = ix < 0 ? 0 : ix >= t->W ? t->W - 1 : ix;
        return (iy * t->W + ix) * t->C;
    }
    if (mistake == HEIGHT_FOR_WIDTH) at = (iy * t->H + ix) % (t->H * t->W);
    int inside = iy >= 0 && iy < t->H && ix >= 0 && ix < t->W;
    if (mistake == WRAPPED) inside = at >= 0 && at < t->H * t->W;
    if (mistake == EDGE_LOST) inside &= iy > 0 && ix > 0;
    return inside ? at * t->C : -1;
}

/* One product of dw: all that place oy, ox gives to the kernel's ky, kx. */
static void dw_of_tap(const conv *t, int place, int k, int o, int mistake, double *dw)
{
    int oy = place / t->OW, ox = place % t->OW, ky = k / t->K, kx = k % t->K;
    int at = tap(t, oy, ox, ky, kx, mistake);
    if (at < 0) return;
    if (mistake == FLIPPED) k = t->K * t->K - 1 - k;
    if (mistake == KERNEL_TRANSPOSED) k = kx * t->K + ky;
    for (int c = 0; c < t->C; c++) {
        int to = (o * t->K * t->K + k) * t->C + c;
        if (mistake == W_LIKE_KERAS) to = (k * t->C + c) * t->O + o;
        if (mistake == DW_CHANNEL_FIRST) to = (o * t->C + c) * t->K * t->K + k;
        double product = upstream(t, oy, ox, o, mistake) * t->x[at + c];
        if (mistake == TIMES_W) product *= t->w[to];
        if (mistake == GRADIENT_OF_Y_ALONE) product = t->x[at + c];
        if (mistake == LAST_CHANNEL && c < t->C - 1) product = 0;
        dw[to] = mistake == LAST_PLACE ? product : dw[to] + product;
    }
}

static void dw_formula(const void *problem, int mistake, double *dw)
{
    const conv *t = problem;
    int size = t->O * t->K * t->K * t->C, places = t->OH * t->OW;
    for (int i = 0; i < size; i++) dw[i] = 0;
    for (int p = 0; p < (mistake == FIRST_PLACE ? 1 : places); p++)
        for (int o = 0; o < t->O; o++)
            for (int k = 0; k < t->K * t->K; k++) dw_of_tap(t, p, k, o, mistake, dw);
    for (int i = 0; i < size && mistake == PLACE_MEAN; i++) dw[i] /= places;
}

static double weight(const conv *t, int o, int k, int c, int mistake)
{
    if (mistake == FLIPPED) k = t->K * t->K - 1 - k;
    if (mistake == KERNEL_TRANSPOSED) k = k % t->K * t->K + k / t->K;
    if (mistake == W_LIKE_KERAS) return t->w[(k * t->C + c) * t->O + o];
    return t->w[(o * t->K * t->K + k) * t->C + c];
}

/* dy slid over like an image with the kernel as it is: forward, run again on dy. */
static void dx_by_sliding(const conv *t, double *dx)
{
    for (int i = 0; i < t->H * t->W * t->C; i++) {
        int iy = i / t->C / t->W, ix = i / t->C % t->W;
        dx[i] = 0;
        for (int k = 0; k < t->K * t->K; k++) {
            int oy = iy + k / t->K - t->P, ox = ix + k % t->K - t->P;
            if (oy < 0 || oy >= t->OH || ox < 0 || ox >= t->OW) continue;
            for (int o = 0; o < t->O; o++)
                dx[i] += upstream(t, oy, ox, o, RIGHT) * weight(t, o, k, i % t->C, RIGHT);
        }
    }
}

static void dx_of_tap(const conv *t, int place, int k, int o, int mistake, double *dx)
{
    int oy = place / t->OW, ox = place % t->OW;
    int at = tap(t, oy, ox, k / t->K, k % t->K, mistake);
    if (at < 0 || (mistake == ONLY_CENTRE && k != t->K * t->K / 2)) return;
    for (int c = 0; c < t->C; c++) {
        double product = upstream(t, oy, ox, o, mistake) * weight(t, o, k, c, mistake);
        if (mistake == TIMES_X) product *= t->x[at + c];
        if (mistake == GRADIENT_OF_Y_ALONE) product = weight(t, o, k, c, mistake);
        if (mistake == FILTER_MEAN) product /= t->O;
        if (mistake == LAST_CHANNEL && c < t->C - 1) product = 0;
        dx[at + c] = mistake == LAST_PLACE ? product : dx[at + c] + product;
    }
}

static void dx_formula(const void *problem, int mistake, double *dx)
{
    const conv *t = problem;
    int first = mistake == LAST_FILTER ? t->O - 1 : 0, end = mistake == FIRST_FILTER ? 1 : t->O;
    for (int i = 0; i < t->H * t->W * t->C; i++) dx[i] = 0;
    if (mistake == SLIDES_AGAIN) {
        dx_by_sliding(t, dx);
        return;
    }
    for (int p = 0; p < t->OH * t->OW; p++)
        for (int o = first; o < end; o++)
            for (int k = 0; k < t->K * t->K; k++) dx_of_tap(t, p, k, o, mistake, dx);
}

#define INDEX "the place oy begins at oy S - P, as in forward"

const kit_mistake kit_mistakes[] = {
    { "db", RIGHT, "F4.4:  db[o] = sum of dy[oy][ox][o] over all places" },
    { "db", DY_FILTER_FIRST,
      "dy was read as (O, OH, OW): the filter is last, dy[(oy OW + ox) O + o]" },
    { "db", ROW_SHORT, "the last row of places is left out: oy runs to OH - 1" },
    { "db", PLACE_MEAN, "divided by the number of places: dy is summed over them" },
    { "db", FIRST_PLACE, "only the first place is there: sum over all of them" },
    { "db", LAST_PLACE, "only the last place is left: add the places up (+=)" },
    { "db", FILTERS_SUMMED, "summed over the filters, too: each has its own bias" },
    { "db", TIMES_KERNEL,
      "dy[oy][ox][o] was added once for each weight of the kernel: b is in y once" },
    { "db(P=1)", TIMES_PLANE, "dy[oy][ox][o] was added once for each ky and kx: b is in y once" },
    { "dw", RIGHT,
      "F4.4:  dw[o][ky][kx][c] = sum of dy[oy][ox][o] x[oy S + ky - P][ox S + kx - P][c]" },
    { "dw", DY_FILTER_FIRST,
      "dy was read as (O, OH, OW): the filter is last, dy[(oy OW + ox) O + o]" },
    { "dw", ROW_SHORT, "the last row of places is left out: oy runs to OH - 1" },
    { "dw", HEIGHT_FOR_WIDTH, "a row of x has W numbers, not H: x[(iy W + ix) C + c]" },
    { "dw", EDGE_LOST, "row 0 and column 0 of the image are left out: inside means iy >= 0" },
    { "dw", W_LIKE_KERAS, "dw was written as (K, K, C, O): here it is (O, K, K, C)" },
    { "dw", PLACE_MEAN,
      "divided by the number of places: a weight is used at all, and their parts "
      "are summed" },
    { "dw", FIRST_PLACE, "only the first place is there: a weight is used at all of them" },
    { "dw", LAST_PLACE, "only the last place is left: add the places up (+=)" },
    { "dw", STRIDE_IGNORED, "the stride is left out: " INDEX },
    { "dw", DILATED, "the stride moved the kernel's own pixels apart (ky S): " INDEX },
    { "dw", PAD_IGNORED, "the padding is left out: " INDEX },
    { "dw", PAD_ADDED, "P was added: " INDEX },
    { "dw", WRAPPED,
      "left of a row lies the end of the row above: ask whether the column is inside, too" },
    { "dw", EDGE_REPEATED, "outside of the image the edge was taken: x is 0 there" },
    { "dw", FLIPPED, "the kernel is turned round: dw[ky][kx] belongs to the x that w[ky][kx] met" },
    { "dw", KERNEL_TRANSPOSED, "ky and kx are exchanged" },
    { "dw", DW_CHANNEL_FIRST,
      "dw was written as (O, C, K, K): it has the shape of w, (O, K, K, C)" },
    { "dw", TIMES_W, "multiplied by w: the slope of w x by w is x alone" },
    { "dw", GRADIENT_OF_Y_ALONE, "dy is missing: how y changes still has to be multiplied by it" },
    { "dw", LAST_CHANNEL, "only the last channel is there" },
    { "dx", RIGHT, "F4.4:  dx[oy S + ky - P][ox S + kx - P][c] += dy[oy][ox][o] w[o][ky][kx][c]" },
    { "dx", DY_FILTER_FIRST,
      "dy was read as (O, OH, OW): the filter is last, dy[(oy OW + ox) O + o]" },
    { "dx", ROW_SHORT, "the last row of places is left out: oy runs to OH - 1" },
    { "dx", HEIGHT_FOR_WIDTH, "a row of x has W numbers, not H: x[(iy W + ix) C + c]" },
    { "dx", EDGE_LOST, "row 0 and column 0 of the image are left out: inside means iy >= 0" },
    { "dx", W_LIKE_KERAS, "w was read as (K, K, C, O): here it is (O, K, K, C)" },
    { "dx", LAST_PLACE,
      "only one product is left in each pixel: kernels overlap, so add them up (+=)" },
    { "dx", SLIDES_AGAIN,
      "the kernel slides over dy as in forward: going back it is turned round, dy[oy] with "
      "oy S = iy + P - ky" },
    { "dx", STRIDE_IGNORED, "the stride is left out: " INDEX },
    { "dx", DILATED, "the stride moved the kernel's own pixels apart (ky S): " INDEX },
    { "dx", PAD_IGNORED, "the padding is left out: " INDEX },
    { "dx", PAD_ADDED, "P was added: " INDEX },
    { "dx", WRAPPED,
      "what belongs to the padding came into the row above or below: ask whether "
      "the column is inside, too" },
    { "dx", EDGE_REPEATED,
      "what belongs to the padding was added to the edge: it is dropped, as those zeros are no "
      "pixels" },
    { "dx", FLIPPED,
      "the kernel is turned round twice: from dy to dx with += the weights are as they are" },
    { "dx", KERNEL_TRANSPOSED, "ky and kx are exchanged" },
    { "dx", LAST_FILTER, "only the last filter is there: sum over the filters" },
    { "dx", FIRST_FILTER, "only the first filter is there: sum over the filters" },
    { "dx", FILTER_MEAN, "divided by O: the filters are summed" },
    { "dx", LAST_CHANNEL, "only the last channel is there" },
    { "dx", TIMES_X, "multiplied by x: the slope of w x by x is w alone" },
    { "dx", GRADIENT_OF_Y_ALONE, "dy is missing: how y changes still has to be multiplied by it" },
    { "dx", ONLY_CENTRE,
      "only the kernel's centre is there: a pixel takes part in K² places, through each weight" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

static conv new_conv(int K, int S, int P, int C, int O)
{
    conv t = { 0 };
    t.H = kit_size("H, the rows of the image", kit_between(7, 8));
    t.W = kit_size("W, the columns of the image", kit_between(9, 10));
    t.K = K, t.S = S, t.P = P, t.C = C, t.O = O;
    t.OH = (t.H + 2 * P - K) / S + 1, t.OW = (t.W + 2 * P - K) / S + 1;
    t.x = kit_input("x", t.H, t.W * C), t.w = kit_input("w", O, K * K * C);
    t.dy = kit_input("dy", t.OH, t.OW * O); /* a random upstream */
    t.db = kit_output("db", 1, O), t.dw = kit_output("dw", O, K * K * C);
    t.dx = kit_output("dx", t.H, t.W * C);
    return t;
}

static void try_weights(const char *db, const char *dw, conv t)
{
    conv_backward_weights(&t);
    kit_rung(db, t.db, 1, t.O, db_formula, &t, KIT_TOLERANCE);
    kit_rung(dw, t.dw, t.O, t.K * t.K * t.C, dw_formula, &t, KIT_TOLERANCE);
}

static void try_input(const char *dx, conv t)
{
    conv_backward_input(&t);
    kit_rung(dx, t.dx, t.H, t.W * t.C, dx_formula, &t, KIT_TOLERANCE);
}

static void check_weights(void)
{
    try_weights("db(C=1 O=1)", "dw(C=1 O=1)", new_conv(3, 1, 0, 1, 1));
    try_weights("db(C=2 O=5)", "dw(C=2 O=5)", new_conv(3, 1, 0, 2, 5));
}

static void check_weights_moved(void)
{
    try_weights("db(P=1)", "dw(P=1)", new_conv(3, 1, 1, 2, 4));
    try_weights("db(S=2)", "dw(S=2)", new_conv(3, 2, 0, 1, 2));
    try_weights("db(S=3 P=2)", "dw(S=3 P=2)", new_conv(4, 3, 2, 2, 3));
}

static void check_input(void)
{
    try_input("dx(C=1 O=1)", new_conv(3, 1, 0, 1, 1));
    try_input("dx(C=2 O=5)", new_conv(3, 1, 0, 2, 5));
}

static void check_input_moved(void)
{
    try_input("dx(P=1)", new_conv(3, 1, 1, 2, 4));
    try_input("dx(S=2)", new_conv(3, 2, 0, 1, 2));
    try_input("dx(S=3 P=2)", new_conv(4, 3, 2, 2, 3));
}

/* L = sum of dy y: its gradient by y is dy. */
static double reference_loss(const void *problem, uint64_t *winners)
{
    const conv *t = problem;
    double loss = 0;
    for (int p = 0; p < t->OH * t->OW; p++)
        for (int o = 0; o < t->O; o++)
            for (int k = 0; k < t->K * t->K; k++) {
                int at = tap(t, p / t->OW, p % t->OW, k / t->K, k % t->K, RIGHT);
                for (int c = 0; at >= 0 && c < t->C; c++)
                    loss += t->dy[p * t->O + o] * weight(t, o, k, c, RIGHT) * t->x[at + c];
            }
    kit_winner(winners, 0); /* smooth everywhere */
    return loss;
}

static void check_numeric(void)
{
    conv t = new_conv(3, 2, 1, 2, 3);
    conv_backward_weights(&t);
    conv_backward_input(&t);
    kit_gradient("dL/dw", t.dw, (double *)t.w, t.O, t.K * t.K * t.C, reference_loss, &t);
    kit_gradient("dL/dx", t.dx, (double *)t.x, t.H, t.W * t.C, reference_loss, &t);
}

const kit_check kit_checks[] = {
    { "weights", 2, 1, check_weights }, { "w_moved", 2, 1, check_weights_moved },
    { "input", 2, 2, check_input },     { "x_moved", 2, 2, check_input_moved },
    { "numeric", 1, 2, check_numeric }, { 0 },
};

/* ---- reward: a kernel learned from what it does --------------------------------------------- */

enum { H = 12, W = 13, K = 3, OH = H - K + 1, OW = W - K + 1 };

static void forward(const conv *t, double b, double *y)
{
    for (int p = 0; p < OH * OW; p++) {
        y[p] = b;
        for (int k = 0; k < K * K; k++)
            y[p] += t->w[k] * t->x[tap(t, p / OW, p % OW, k / K, k % K, RIGHT)];
    }
}

void kit_reward(void)
{
    static double x[H * W], w[K * K], dw[K * K], y[OH * OW], target[OH * OW], dy[OH * OW],
        dx[H * W];
    static const double hidden[K * K] = { -1, 0, 1, -2, 0, 2, -1, 0, 1 };
    double b = 0, db = 0, loss = 0;
    conv t = { H, W, 1, K, 1, 0, OH, OW, 1, x, hidden, dy, &db, dw, dx };
    for (int i = 0; i < H * W; i++) x[i] = kit_normal();
    forward(&t, 0.5, target);
    t.w = w;
    printf(
        "A kernel learns, by your gradients, what a hidden one did to a picture:\n  step   loss\n");
    for (int step = 0; step <= 200; step++) {
        forward(&t, b, y);
        loss = 0;
        for (int p = 0; p < OH * OW; p++) {
            loss += (y[p] - target[p]) * (y[p] - target[p]) / (OH * OW);
            dy[p] = 2 * (y[p] - target[p]) / (OH * OW);
        }
        conv_backward_weights(&t);
        for (int k = 0; k < K * K; k++) w[k] -= 0.1 * dw[k];
        b -= 0.1 * db;
        if (step % 50 == 0) printf("  %4d   %.2e\n", step, loss);
    }
    printf("  hidden              learned\n");
    for (int k = 0; k < K; k++)
        printf("  %4.1f %4.1f %4.1f      %7.4f %7.4f %7.4f\n", hidden[3 * k], hidden[3 * k + 1],
               hidden[3 * k + 2], w[3 * k], w[3 * k + 1], w[3 * k + 2]);
    printf("  b %.1f               %.4f\n", 0.5, b);
}
