/* Grader of 33_max_pool. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    RIGHT,
    FROM_0,
    FROM_A_NUMBER,
    FROM_IMAGE,
    MEAN,
    SUM,
    MIN,
    ABSOLUTE,
    CORNER,
    STRIDE_IGNORED,
    STRIDE_IS_K,
    WINDOW_SHORT,
    ROW_SHORT,
    ALL_CHANNELS,
    CHANNEL_0,
    X_CHANNEL_FIRST,
    Y_CHANNEL_FIRST,
    HEIGHT_FOR_WIDTH,
    PLACES_SWAPPED,
    /* from */
    LAST_OF_EQUALS,
    IN_WINDOW,
    PIXEL,
    ROW_OF_Y,
    PLACE,
    /* dx */
    OVERWRITTEN,
    TIMES_Y,
    SAME_INDEX,
    ONE_CHANNEL,
    WHOLE_WINDOW,
    SHARED,
    NOT_DY,
    ALL_EQUALS
};

/* The index of x[iy][ix][c], in the ways it is computed. */
static int index_of(const pool *t, int iy, int ix, int c, int mistake)
{
    int size = t->H * t->W * t->C;
    if (mistake == CHANNEL_0) c = 0;
    if (mistake == X_CHANNEL_FIRST) return ((c * t->H + iy) * t->W + ix) % size;
    if (mistake == HEIGHT_FOR_WIDTH) return ((iy * t->H + ix) * t->C + c) % size;
    return ((iy * t->W + ix) * t->C + c) % size;
}

/* The window's winner: its index in x. */
static int winner(const pool *t, int oy, int ox, int c, int mistake, int *k_best)
{
    int S = mistake == STRIDE_IGNORED ? 1 : mistake == STRIDE_IS_K ? t->K : t->S, best = -1;
    int K = mistake == WINDOW_SHORT && t->K > 1 ? t->K - 1 : t->K;
    int row = mistake == PLACES_SWAPPED ? ox * S : oy * S;
    int col = mistake == PLACES_SWAPPED ? oy * S : ox * S;
    if (mistake == FROM_IMAGE) best = c;
    int c0 = mistake == ALL_CHANNELS ? 0 : c, c1 = mistake == ALL_CHANNELS ? t->C : c + 1;
    for (int k = 0; k < K * (mistake == ROW_SHORT && K > 1 ? K - 1 : K); k++)
        for (int ch = c0; ch < c1; ch++) {
            int at = index_of(t, row + k / K, col + k % K, ch, mistake);
            double v = t->x[at], b = best < 0 ? 0 : t->x[best];
            if (mistake == MIN) v = -v, b = -b;
            if (mistake == ABSOLUTE) v = fabs(v), b = fabs(b);
            int better = best < 0 || (mistake == LAST_OF_EQUALS ? v >= b : v > b);
            if (mistake == CORNER && k > 0) better = 0;
            if (better) best = at, *k_best = k;
        }
    return best;
}

static double sum_of(const pool *t, int oy, int ox, int c)
{
    double sum = 0;
    for (int k = 0; k < t->K * t->K; k++)
        sum += t->x[index_of(t, oy * t->S + k / t->K, ox * t->S + k % t->K, c, RIGHT)];
    return sum;
}

static int place_of(const pool *t, int oy, int ox, int c, int mistake)
{
    if (mistake == Y_CHANNEL_FIRST) return (c * t->OH + oy) * t->OW + ox;
    return (oy * t->OW + ox) * t->C + c;
}

static void y_formula(const void *problem, int mistake, double *y)
{
    const pool *t = problem;
    int k;
    for (int i = 0; i < t->OH * t->OW * t->C; i++) {
        int c = i % t->C, ox = i / t->C % t->OW, oy = i / t->C / t->OW;
        double v = t->x[winner(t, oy, ox, c, mistake, &k)];
        if (mistake == FROM_0) v = fmax(0, v);
        if (mistake == FROM_A_NUMBER) v = t->y[0];
        if (mistake == ABSOLUTE) v = fabs(v);
        if (mistake == SUM || mistake == MEAN) v = sum_of(t, oy, ox, c);
        y[place_of(t, oy, ox, c, mistake)] = mistake == MEAN ? v / (t->K * t->K) : v;
    }
}

static void from_formula(const void *problem, int mistake, double *from)
{
    const pool *t = problem;
    int k = 0;
    for (int i = 0; i < t->OH * t->OW * t->C; i++) {
        int c = i % t->C, ox = i / t->C % t->OW, oy = i / t->C / t->OW;
        int best = winner(t, oy, ox, c, mistake, &k);
        if (mistake == FROM_0 && t->x[best] < 0) best = winner(t, oy, ox, c, CORNER, &k);
        if (mistake == IN_WINDOW) best = k;
        if (mistake == PIXEL) best /= t->C;
        if (mistake == ROW_OF_Y) best += best / t->C / t->W * (t->OW - t->W) * t->C;
        if (mistake == PLACE) best = i;
        from[place_of(t, oy, ox, c, mistake)] = best;
    }
}

/* What one place gives to its window. */
static void dx_of_place(const pool *t, int i, int mistake, double *dx)
{
    int c = i % t->C, ox = i / t->C % t->OW, oy = i / t->C / t->OW, K = t->K;
    for (int k = 0; k < K * K; k++) {
        int at = index_of(t, oy * t->S + k / K, ox * t->S + k % K, c, RIGHT);
        if (mistake == WHOLE_WINDOW) dx[at] += t->dy[i];
        if (mistake == SHARED) dx[at] += t->dy[i] / (K * K);
        if (mistake == ALL_EQUALS && t->x[at] == t->x[t->from[i]]) dx[at] += t->dy[i];
        if (mistake == CORNER && k == 0) dx[at] += t->dy[i];
    }
}

static void dx_formula(const void *problem, int mistake, double *dx)
{
    const pool *t = problem;
    for (int i = 0; i < t->H * t->W * t->C; i++) dx[i] = 0;
    for (int i = 0; i < t->OH * t->OW * t->C; i++) {
        int at = t->from[i];
        if (mistake >= WHOLE_WINDOW && mistake != NOT_DY) dx_of_place(t, i, mistake, dx);
        else if (mistake == CORNER) dx_of_place(t, i, mistake, dx);
        else if (mistake == OVERWRITTEN) dx[at] = t->dy[i];
        else if (mistake == NOT_DY) dx[at] = 1;
        else if (mistake == TIMES_Y) dx[at] += t->dy[i] * t->y[i];
        else if (mistake == SAME_INDEX) dx[i] += t->dy[i];
        else if (mistake == ONE_CHANNEL) dx[at] += i < t->OH * t->OW ? t->dy[i] : 0;
        else dx[at] += t->dy[i];
    }
}

const kit_mistake kit_mistakes[] = {
    { "y", FROM_0,
      "the search starts at 0, but a window may be all negative: start at the window's first" },
    { "y", RIGHT, "y[oy][ox][c] = max over ky, kx of x[oy S + ky][ox S + kx][c]" },
    { "y", FROM_IMAGE,
      "each search starts at the image's first pixel: start at the window's own first" },
    { "y(negative)", FROM_A_NUMBER,
      "the search starts at a number, and the windows lie below it: start at the window's first" },
    { "y", MEAN, "that is the mean of the window: take the largest number" },
    { "y", SUM, "that is the sum of the window: take the largest number" },
    { "y", MIN, "that is the smallest number of the window: take the largest" },
    { "y", ABSOLUTE, "the absolute values are compared, or given: -3 is smaller than 1" },
    { "y", CORNER, "only the window's corner is looked at: ky and kx run to K - 1" },
    { "y", STRIDE_IGNORED, "the windows move by 1: they move by S" },
    { "y", STRIDE_IS_K, "the windows move by K: they move by S, and may overlap" },
    { "y", WINDOW_SHORT, "the window's last row and column are left out: ky and kx run to K - 1" },
    { "y", ROW_SHORT, "the window's last row is left out: ky runs to K - 1" },
    { "y", ALL_CHANNELS, "the largest of all channels was taken: each has a result of its own" },
    { "y", CHANNEL_0, "channel 0 was read for all of them: x[(iy W + ix) C + c]" },
    { "y", X_CHANNEL_FIRST, "x was read as (C, H, W): the channel is last, x[(iy W + ix) C + c]" },
    { "y", Y_CHANNEL_FIRST,
      "y was written as (C, OH, OW): the channel is last, y[(oy OW + ox) C + c]" },
    { "y", HEIGHT_FOR_WIDTH, "a row of x has W pixels, not H: x[(iy W + ix) C + c]" },
    { "y", PLACES_SWAPPED, "oy and ox are exchanged: oy counts the rows" },
    { "from(ties)", LAST_OF_EQUALS,
      "of equal numbers the last was taken: > and not >= keeps the first, as the page asks" },
    { "from", RIGHT,
      "from = (iy W + ix) C + c of the window's largest number; of equals, the first" },
    { "from", FROM_0,
      "in an all negative window the corner was named: start the search at its first number" },
    { "from", IN_WINDOW, "that is the place in the window, ky K + kx: from is the place in x" },
    { "from", PIXEL, "that is the pixel, iy W + ix: the channel is missing, (iy W + ix) C + c" },
    { "from", ROW_OF_Y, "a row of x has W pixels, not OW: from is a place in x" },
    { "from(ties)", FROM_IMAGE,
      "each search starts at the image's first pixel: start at the window's own first" },
    { "from", PLACE, "that is the place in y: from is the place in x" },
    { "from", CORNER, "that is the window's corner: from is where its largest number is" },
    { "from", Y_CHANNEL_FIRST,
      "from was written as (C, OH, OW): the channel is last, from[(oy OW + ox) C + c]" },
    { "dx", RIGHT, "F4.4:  dx[from[i]] += dy[i],  from 0" },
    { "dx", OVERWRITTEN,
      "a number that wins in several windows gets the dy of each: add them up (+=)" },
    { "dx", TIMES_Y, "multiplied by y: the slope of the largest is 1" },
    { "dx", SAME_INDEX, "dy[i] went to dx[i]: from[i] says where in x it belongs" },
    { "dx", ONE_CHANNEL, "the loop ends after OH OW numbers: dy has OH OW C" },
    { "dx", WHOLE_WINDOW,
      "dy went to all numbers of the window: only the largest changes y, so only it gets dy" },
    { "dx", SHARED,
      "dy was shared out over the window: that is mean pooling. The largest gets all of it" },
    { "dx", NOT_DY, "1 was written for dy: the gradient of y still has to be multiplied by it" },
    { "dx", CORNER, "dy went to the window's corner: it goes to from, where the largest was" },
    { "dx(ties)", ALL_EQUALS,
      "dy went to all of several equal numbers: to the one that from names" },
    { 0 },
};

/* ---- checks --------------------------------------------------------------------------------- */

static pool new_pool(int K, int S, int C)
{
    pool t = { 0 };
    int k;
    t.H = kit_size("H, the rows of the image", kit_between(7, 8));
    t.W = kit_size("W, the columns of the image", kit_between(10, 11));
    t.K = K, t.S = S, t.C = C, t.OH = (t.H - K) / S + 1, t.OW = (t.W - K) / S + 1;
    int n = t.OH * t.OW * C;
    t.x = kit_input("x", t.H, t.W * C), t.dy = kit_input("dy", t.OH, t.OW * C);
    for (int i = 0; i < K * K * C; i++) { /* one window is negative throughout */
        double *v = (double *)t.x + index_of(&t, i / C / K, i / C % K, i % C, RIGHT);
        *v = -fabs(*v);
        if (i < C) *v = -9; /* the first pixel wins nowhere */
    }
    t.y = kit_output("y", t.OH, t.OW * C), t.dx = kit_output("dx", t.H, t.W * C);
    t.from = kit_labels("from", n, 1);
    for (int i = 0; i < n; i++)
        t.from[i] = winner(&t, i / C / t.OW, i / C % t.OW, i % C, RIGHT, &k);
    return t;
}

static void climb_y(const char *name, const pool *t)
{
    for (int i = 0; i < t->OH * t->OW * t->C; i++) t->from[i] = -1;
    pool_forward(t);
    kit_rung(name, t->y, t->OH, t->OW * t->C, y_formula, t, KIT_TOLERANCE);
}

static void climb_from(const char *name, const pool *t)
{
    int n = t->OH * t->OW * t->C;
    double *from = kit_output("from, as double", t->OH, t->OW * t->C);
    for (int i = 0; i < n; i++) from[i] = t->from[i] == -1 ? KIT_UNWRITTEN : t->from[i];
    kit_rung(name, from, t->OH, t->OW * t->C, from_formula, t, KIT_TOLERANCE);
}

static void check_largest(void)
{
    pool a = new_pool(2, 2, 1), b = new_pool(3, 3, 2), d = new_pool(2, 2, 3);
    climb_y("y(K=2 C=1)", &a), climb_y("y(K=3 C=2)", &b);
    for (int i = 0; i < d.H * d.W * d.C; i++) ((double *)d.x)[i] = 1e10 * kit_uniform(-3, -1);
    for (int c = 0; c < d.C; c++) ((double *)d.x)[c] = -0.9e10; /* the first pixel is the largest */
    climb_y("y(negative)", &d);
}

static void check_stride(void)
{
    pool a = new_pool(3, 2, 2), b = new_pool(2, 3, 1), d = new_pool(3, 1, 1);
    climb_y("y(K=3 S=2)", &a), climb_y("y(K=2 S=3)", &b), climb_y("y(K=3 S=1)", &d);
}

/* Few different numbers, so that most windows have several that are largest. */
static void check_from(void)
{
    pool a = new_pool(2, 2, 1), b = new_pool(3, 2, 2), d = new_pool(3, 3, 2);
    for (int i = 0; i < d.H * d.W * d.C; i++) ((double *)d.x)[i] = kit_between(-2, -1);
    for (int c = 0; c < d.C; c++) ((double *)d.x)[c] = -1;
    const pool *all[3] = { &a, &b, &d };
    const char *names[3] = { "from(K=2 C=1)", "from(K=3 C=2)", "from(ties)" };
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < all[k]->OH * all[k]->OW * all[k]->C; i++) all[k]->from[i] = -1;
        pool_forward(all[k]);
        climb_from(names[k], all[k]);
    }
}

static void try_backward(const char *name, const pool *t)
{
    y_formula(t, RIGHT, t->y);
    pool_backward(t);
    kit_rung(name, t->dx, t->H, t->W * t->C, dx_formula, t, KIT_TOLERANCE);
}

static void check_backward(void)
{
    int k;
    pool a = new_pool(2, 2, 1), b = new_pool(3, 1, 2), d = new_pool(3, 3, 2);
    try_backward("dx(K=2 C=1)", &a), try_backward("dx(overlap)", &b);
    for (int i = 0; i < d.H * d.W * d.C; i++) ((double *)d.x)[i] = kit_between(1, 2);
    for (int i = 0; i < d.OH * d.OW * d.C; i++)
        d.from[i] = winner(&d, i / d.C / d.OW, i / d.C % d.OW, i % d.C, RIGHT, &k);
    try_backward("dx(ties)", &d);
}

/* L = sum of dy y; the kinks are where another number of a window becomes the largest. */
static double reference_loss(const void *problem, uint64_t *winners)
{
    const pool *t = problem;
    double loss = 0;
    int k;
    for (int i = 0; i < t->OH * t->OW * t->C; i++) {
        int at = winner(t, i / t->C / t->OW, i / t->C % t->OW, i % t->C, RIGHT, &k);
        loss += t->dy[i] * t->x[at];
        kit_winner(winners, at);
    }
    return loss;
}

static void check_numeric(void)
{
    pool t = new_pool(3, 2, 2);
    memset(t.from, 0, (size_t)(t.OH * t.OW * t.C) * sizeof *t.from); /* if it is not written */
    pool_forward(&t);
    int wrong = -1;
    for (int i = t.OH * t.OW * t.C - 1; i >= 0; i--)
        if (t.from[i] < 0 || t.from[i] >= t.H * t.W * t.C) wrong = i;
    kit_true("from(in x)", wrong < 0, "from[%d] is %d, which is no number of x: 0 to %d", wrong,
             wrong < 0 ? 0 : t.from[wrong], t.H * t.W * t.C - 1);
    pool_backward(&t);
    kit_gradient("dL/dx", t.dx, (double *)t.x, t.H, t.W * t.C, reference_loss, &t);
}

const kit_check kit_checks[] = {
    { "largest", 2, 1, check_largest }, { "stride", 2, 1, check_stride },
    { "from", 2, 1, check_from },       { "backward", 2, 2, check_backward },
    { "numeric", 1, 2, check_numeric }, { 0 },
};

/* ---- reward: a picture made smaller, and where its gradient goes ----------------------------- */

enum { ROWS = 16, COLS = 36 };

void kit_reward(void)
{
    static double x[ROWS * COLS], y[ROWS * COLS / 4], dy[ROWS * COLS / 4], dx[ROWS * COLS];
    static int from[ROWS * COLS / 4];
    pool t = { ROWS, COLS, 1, 2, 2, ROWS / 2, COLS / 2, x, y, from, dy, dx };
    int got = 0;
    for (int i = 0; i < ROWS * COLS; i++) {
        double u = (i / COLS - 7.5) / 7, v = (i % COLS - 17.5) / 16, r = sqrt(u * u + v * v);
        x[i] = exp(-20 * (r - 0.7) * (r - 0.7)) + 0.05 * kit_uniform(0, 1);
    }
    for (int i = 0; i < ROWS * COLS / 4; i++) dy[i] = 1;
    pool_forward(&t), pool_backward(&t);
    printf("A picture, pooled 2x2, and the pixels that the gradient comes back to (o):\n");
    for (int row = 0; row < ROWS; row++) {
        for (int col = 0; col < COLS; col++)
            putchar(" .:-=+*#"[(int)(7 * x[row * COLS + col] / 1.06)]);
        printf("  ");
        for (int col = 0; col < COLS / 2; col++)
            putchar(row < ROWS / 2 ? " .:-=+*#"[(int)(7 * y[row * COLS / 2 + col] / 1.06)] : ' ');
        printf("  ");
        for (int col = 0; col < COLS; col++) putchar(dx[row * COLS + col] > 0 ? 'o' : '.');
        putchar('\n');
    }
    for (int i = 0; i < ROWS * COLS; i++) got += dx[i] == 1;
    printf("%d of %d pixels get a gradient: one in each window of four\n", got, ROWS * COLS);
}
