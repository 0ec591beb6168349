/* Grader of 34_photo_to_28x28. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KNOTS = 5, MOST = 64 };

enum {
    RIGHT,
    /* grey */
    MEAN_OF_3,
    BGR,
    PLANES,
    GREEN,
    NEXT_BYTES,
    BRIGHTEST,
    BT709,
    TWO_DIGITS,
    /* ink */
    NEVER,
    ALWAYS,
    TO_1,
    NOT_STRETCHED,
    FROM_0,
    FROM_MEAN,
    RANGE_OF_GREY,
    NO_LIMIT,
    LIMIT_FIRST,
    BLACK_WHITE,
    LIMIT_TAKEN,
    LIMIT_128,
    STRETCHED_NOISE,
    /* box */
    ONE_SHORT,
    LAST_PIXEL,
    EXCHANGED,
    WHOLE,
    FROM_CORNER,
    MARGIN,
    STEP_ROWS,
    ENDS_OF_READING,
    INNER,
    SQUARE,
    LINES,
    TO_GAP,
    /* size */
    BOTH_20,
    TO_28,
    SIZE_DOWN,
    SIZE_UP,
    SHORTER_20,
    HEIGHT_20,
    NO_MINIMUM,
    /* small */
    NEAREST,
    CORNER,
    SUM,
    WHOLE_PIXELS,
    WHOLE_STEPS,
    NO_BOX,
    STEP_WIDTH,
    STEP_20,
    ONE_RATIO,
    BLOCKS,
    DARK_EDGE,
    CENTRE_TO_CENTRE,
    BRIGHTEST_BELOW,
    INK_ALONE,
    /* digit */
    BY_BOX,
    MARGIN_4,
    NO_HALF,
    COUNTED,
    WRONG_WAY,
    ROUNDED_DOWN,
    CUT_OFF,
    IN_CORNER,
    DOWN_TWICE,
    NOT_CLEARED
};

/* ---- grey and ink --------------------------------------------------------------------------- */

static void grey_formula(const void *problem, int mistake, double *out)
{
    const photo *p = problem;
    static const double weights[3][3] = { { 0.299, 0.587, 0.114 },
                                          { 0.2126, 0.7152, 0.0722 },
                                          { 0.3, 0.59, 0.11 } };
    const double *w = weights[mistake == BT709 ? 1 : mistake == TWO_DIGITS ? 2 : 0];
    int n = p->rows * p->cols;
    for (int k = 0; k < n; k++) {
        int at = mistake == NEXT_BYTES || mistake == PLANES ? k : 3 * k;
        int step = mistake == PLANES ? n : 1;
        double r = p->rgb[at], g = p->rgb[at + step], b = p->rgb[at + 2 * step];
        out[k] = w[0] * r + w[1] * g + w[2] * b;
        if (mistake == MEAN_OF_3) out[k] = (r + g + b) / 3;
        if (mistake == BGR) out[k] = w[0] * b + w[1] * g + w[2] * r;
        if (mistake == GREEN) out[k] = g;
        if (mistake == BRIGHTEST) out[k] = fmax(r, fmax(g, b));
    }
}

static int is_dark_on_light(const photo *p)
{
    double mean = 0, cubes = 0;
    int n = p->rows * p->cols;
    for (int k = 0; k < n; k++) mean += p->grey[k];
    for (int k = 0; k < n; k++) cubes += pow(p->grey[k] - mean / n, 3);
    return cubes < 0;
}

static void ink_formula(const void *problem, int mistake, double *out)
{
    const photo *p = problem;
    int n = p->rows * p->cols, dark = is_dark_on_light(p);
    double least = p->grey[0], most = p->grey[0], mean = 0;
    if (mistake == NEVER || mistake == ALWAYS) dark = mistake == ALWAYS;
    for (int k = 0; k < n; k++) {
        double v = dark ? 255 - p->grey[k] : p->grey[k];
        least = fmin(least, p->grey[k]), most = fmax(most, p->grey[k]), mean += v / n;
    }
    double low = dark ? 255 - most : least, high = low + most - least;
    if (mistake == RANGE_OF_GREY) low = least, high = most;
    if (mistake == FROM_0 || mistake == FROM_MEAN) low = mistake == FROM_0 ? 0 : mean;
    for (int k = 0; k < n; k++) {
        double v = dark ? 255 - p->grey[k] : p->grey[k], limit = mistake == LIMIT_128 ? 128 : 51;
        int cut = mistake == LIMIT_FIRST && v < limit;
        if (mistake != NOT_STRETCHED) v = high > low ? 255 * (v - low) / (high - low) : 0;
        cut |= mistake != LIMIT_FIRST && mistake != NO_LIMIT && v < limit;
        cut |= mistake != STRETCHED_NOISE && most - least < 25;
        out[k] = cut ? 0 : mistake == BLACK_WHITE ? 255 : v - (mistake == LIMIT_TAKEN ? limit : 0);
        if (mistake == TO_1) out[k] /= 255;
    }
}

/* ---- box ------------------------------------------------------------------------------------ */

/* Is there ink in row k, or in column k? */
static int has_ink(const photo *p, int k, int is_row)
{
    int found = 0;
    for (int i = 0; i < (is_row ? p->cols : p->rows); i++)
        found |= p->ink[is_row ? k * p->cols + i : i * p->cols + k] > 0;
    return found;
}

static void box_of(const photo *p, int mistake, int box[4])
{
    int top = p->rows, left = p->cols, bottom = -1, right = -1, limit = mistake == INNER ? 128 : 0;
    for (int k = 0; k < p->rows * p->cols; k++) {
        int i = k / p->cols, j = k % p->cols;
        int at = mistake == STEP_ROWS ? (i * p->rows + j) % (p->rows * p->cols) : k;
        if (!(p->ink[at] > limit) && mistake != WHOLE) continue;
        if (mistake == ENDS_OF_READING && bottom < 0) left = j;
        if (i < top) top = i;
        if (j < left && mistake != ENDS_OF_READING) left = j;
        bottom = i;
        if (j > right || mistake == ENDS_OF_READING) right = j;
    }
    if (mistake == TO_GAP) bottom = top, right = left;
    while (mistake == TO_GAP && has_ink(p, bottom + 1, 1)) bottom++;
    while (mistake == TO_GAP && has_ink(p, right + 1, 0)) right++;
    if (mistake == MARGIN) top--, left--, bottom++, right++;
    if (mistake == FROM_CORNER) top = left = 0;
    int less = mistake == ONE_SHORT;
    int right_box[4] = { top, left, bottom - top + 1 - less, right - left + 1 - less };
    if (mistake == LAST_PIXEL) right_box[2] = bottom, right_box[3] = right;
    for (int k = 0; k < p->rows && mistake == LINES; k++)
        right_box[2] -= k >= top && k <= bottom && !has_ink(p, k, 1);
    for (int k = 0; k < p->cols && mistake == LINES; k++)
        right_box[3] -= k >= left && k <= right && !has_ink(p, k, 0);
    int longer = right_box[2] > right_box[3] ? right_box[2] : right_box[3];
    if (mistake == SQUARE) right_box[2] = right_box[3] = longer;
    for (int k = 0; k < 4; k++) box[k] = right_box[mistake == EXCHANGED ? k ^ 1 : k];
}

static void box_formula(const void *problem, int mistake, double *out)
{
    int box[4];
    box_of(problem, mistake, box);
    for (int k = 0; k < 4; k++) out[k] = box[k];
}

/* ---- small ---------------------------------------------------------------------------------- */

static int size_of(int side, int longer, int mistake)
{
    double exact = (mistake == TO_28 ? 28.0 : 20.0) * side / longer;
    double size = mistake == SIZE_DOWN ? floor(exact)
                  : mistake == SIZE_UP ? ceil(exact)
                                       : floor(exact + 0.5);
    return mistake == BOTH_20 ? 20 : size < 1 && mistake != NO_MINIMUM ? 1 : (int)size;
}

static void sizes_of(const photo *p, int mistake, int size[2])
{
    int longer = p->height > p->width ? p->height : p->width;
    if (mistake == SHORTER_20) longer = p->height + p->width - longer;
    if (mistake == HEIGHT_20) longer = p->height;
    int rows = size_of(p->height, longer, mistake), cols = size_of(p->width, longer, mistake);
    size[0] = mistake == EXCHANGED ? cols : rows, size[1] = mistake == EXCHANGED ? rows : cols;
}

static void size_formula(const void *problem, int mistake, double *out)
{
    int size[2];
    sizes_of(problem, mistake, size);
    out[0] = size[0], out[1] = size[1];
}

/* How much each of n old pixels counts in new pixel i of N. ratio: n / N, or what was taken for
   it. */
static void weights_of(int i, int N, int n, double ratio, int mistake, double *w)
{
    double half = (mistake == BLOCKS ? ratio : fmax(ratio, 1)) / 2, sum = 0, full = 2 * half;
    double middle = (i + 0.5) * ratio, start = fmax(middle - half, 0), end = fmin(middle + half, n);
    double spread = N > 1 ? i * (n - 1.0) / (N - 1) : 0; /* first on first, last on last */
    for (int k = 0; k < n; k++) {
        w[k] = fmax(0, fmin(k + 1, end) - fmax(k, start));
        if (mistake == WHOLE_PIXELS) w[k] = k >= floor(start) && k < end;
        if (mistake == WHOLE_STEPS)
            w[k] = k >= floor(i * ratio) && k < fmax(floor((i + 1) * ratio), floor(i * ratio) + 1);
        if (mistake == NEAREST) w[k] = k == (int)middle;
        if (mistake == CORNER) w[k] = k == (int)(i * ratio);
        if (mistake == CENTRE_TO_CENTRE) w[k] = fmax(0, 1 - fabs(k - spread));
        sum += w[k];
    }
    for (int k = 0; k < n && sum > 0; k++) {
        if (mistake == DARK_EDGE) w[k] /= full;
        else if (mistake != SUM) w[k] /= sum;
    }
}

static double ink_below(const photo *p, int y, int x, int mistake)
{
    int row = mistake == NO_BOX ? y : p->top + y, col = mistake == NO_BOX ? x : p->left + x;
    if (mistake == STEP_WIDTH) return p->ink[row * p->width + col];
    return p->ink[row * p->cols + col];
}

static void small_formula(const void *problem, int mistake, double *out)
{
    const photo *p = problem;
    int size[2];
    double down[MOST], right[MOST], both[20 * 20];
    sizes_of(p, RIGHT, size);
    double longer = fmax(p->height, p->width) / 20.0, tall = (double)p->height / size[0];
    double wide = (double)p->width / size[1];
    if (mistake == ONE_RATIO) tall = wide = longer;
    for (int k = 0; k < size[0] * size[1]; k++) {
        double area = 0, most = 0;
        weights_of(k / size[1], size[0], p->height, tall, mistake, down);
        weights_of(k % size[1], size[1], p->width, wide, mistake, right);
        both[k] = 0;
        for (int y = 0; y < p->height; y++)
            for (int x = 0; x < p->width && down[y] > 0; x++) {
                if (!(right[x] > 0)) continue;
                double v = ink_below(p, y, x, mistake);
                both[k] += down[y] * right[x] * v;
                area += v > 0 ? down[y] * right[x] : 0, most = fmax(most, v);
            }
        if (mistake == BRIGHTEST_BELOW) both[k] = most;
        if (mistake == INK_ALONE && area > 0) both[k] /= area;
    }
    for (int k = 0; k < size[0] * size[1]; k++) {
        int at = mistake == STEP_20 ? k / 20 * size[1] + k % 20 : k;
        out[k] = mistake == STEP_20 && k % 20 >= size[1] ? KIT_UNWRITTEN : both[at];
    }
}

/* ---- digit ---------------------------------------------------------------------------------- */

static int place_of(double mass, int n, int mistake)
{
    double at = 14 - mass + (mistake == NO_HALF ? 0.5 : 0);
    if (mistake == WRONG_WAY) at = 14 - n + mass;
    if (mistake == BY_BOX) return (28 - n) / 2;
    if (mistake == MARGIN_4) return 4;
    if (mistake == IN_CORNER) return 0;
    int place = (int)floor(mistake == ROUNDED_DOWN ? at : at + 0.5);
    if (mistake == CUT_OFF) return place;
    return place < 0 ? 0 : place > 28 - n ? 28 - n : place;
}

static void digit_formula(const void *problem, int mistake, double *out)
{
    const photo *p = problem;
    int R = p->small_rows, C = p->small_cols;
    double sum = 0, down = 0, right = 0;
    for (int k = 0; k < 28 * 28; k++) out[k] = mistake == NOT_CLEARED ? KIT_UNWRITTEN : 0;
    for (int k = 0; k < R * C; k++) {
        double v = mistake == COUNTED ? p->small[k] > 0 : p->small[k];
        sum += v, down += v * (0.5 + k / C), right += v * (0.5 + k % C);
    }
    if (sum <= 0) return;
    if (mistake == EXCHANGED) {
        double swap = down;
        down = right, right = swap;
    }
    if (mistake == DOWN_TWICE) right = down;
    int top = place_of(down / sum, R, mistake), left = place_of(right / sum, C, mistake);
    for (int k = 0; k < R * C; k++) {
        int i = top + k / C, j = left + k % C;
        if (i >= 0 && j >= 0 && i < 28 && j < 28) out[i * 28 + j] = p->small[k];
    }
}

const kit_mistake kit_mistakes[] = {
    { "grey", RIGHT, "grey = 0.299 red + 0.587 green + 0.114 blue" },
    { "grey", MEAN_OF_3, "that is the mean of the three: green counts most, blue least" },
    { "grey", BGR, "red and blue are exchanged: rgb[3 k] is red" },
    { "grey", PLANES, "rgb was read as three pictures: each pixel has its three numbers in a row" },
    { "grey", GREEN, "only green was taken: red and blue count, too" },
    { "grey", NEXT_BYTES, "pixel k begins at rgb[3 k], not at rgb[k]" },
    { "grey", BRIGHTEST, "the brightest of the three was taken: they are weighed and added" },
    { "grey", BT709, "these are the weights of BT.709: the page takes BT.601" },
    { "grey", TWO_DIGITS, "the weights were rounded to two digits: 0.299, 0.587, 0.114" },
    { "ink(dim)", NEVER,
      "a dim photo was not inverted: in poor light paper is below 128, too. Ask for the sign of "
      "the third moment" },
    { "ink(border)", NEVER,
      "not inverted, because the first row is dark: there may be ink. Ask all pixels" },
    { "ink", RIGHT,
      "v = 255 - grey for dark ink, else grey; 255 (v - low)/(high - low); 0 below "
      "51" },
    { "ink(pen)", NEVER,
      "dark ink was not inverted: 255 - grey where the third moment is below 0, not above" },
    { "ink(chalk)", ALWAYS,
      "chalk is bright already: inverted only if the third moment is below "
      "0" },
    { "ink", TO_1, "stretched to 0 to 1: to 0 to 255" },
    { "ink", NOT_STRETCHED,
      "not stretched: the lowest v becomes 0, the highest 255, before the limit" },
    { "ink", FROM_0, "stretched without subtracting the lowest v: paper has to become 0" },
    { "ink", FROM_MEAN, "the mean was taken for the paper: subtract the lowest v" },
    { "ink", RANGE_OF_GREY, "low and high are those of grey: of v, after inverting" },
    { "ink", NO_LIMIT, "the noise is still there: what is below 51 after stretching becomes 0" },
    { "ink", LIMIT_FIRST, "the limit of 51 came first: stretch, then cut off" },
    { "ink", BLACK_WHITE, "ink was made 255: keep its shades, they carry the shape" },
    { "ink", LIMIT_TAKEN, "51 was subtracted: below it is 0, above it v stays" },
    { "ink", LIMIT_128, "cut off at 128: at 51, a fifth" },
    { "ink(noise)", STRETCHED_NOISE,
      "an empty sheet's noise was stretched to ink: where high - low is below 25, all is 0" },
    { "box", RIGHT, "of all ink > 0: the least i and j, and the largest minus the least plus 1" },
    { "box", ONE_SHORT, "the last row and column are left out: bottom - top + 1" },
    { "box", LAST_PIXEL,
      "height and width are the last row and column: how many there are is "
      "asked" },
    { "box", EXCHANGED, "rows and columns are exchanged: i, top and height go down" },
    { "box", WHOLE, "that is the whole picture: only pixels with ink > 0 count" },
    { "box", FROM_CORNER,
      "the box begins at the picture's corner: at the first row and column "
      "with ink" },
    { "box", MARGIN, "the box has a margin of 1: the smallest that holds the ink" },
    { "box", STEP_ROWS, "a row of ink has cols pixels, not rows: ink[i * cols + j]" },
    { "box", ENDS_OF_READING,
      "left and right are those of the first and the last pixel with ink: other rows may go "
      "further" },
    { "box", INNER, "pale ink was left out: all that is above 0 counts" },
    { "box", LINES, "the rows and columns that have ink were counted: there may be gaps" },
    { "box", TO_GAP, "the box ends at the first gap: the last row and column with ink" },
    { "box", SQUARE, "the box was made square: height and width each by themselves" },
    { "size", RIGHT, "the longer side 20; the other 20 side/longer, rounded, at least 1" },
    { "size", BOTH_20, "both sides are 20: a 1 would become a block. Keep the proportions" },
    { "size", TO_28, "the longer side is 28: 20, which leaves room to centre it" },
    { "size", SIZE_DOWN, "rounded down: (20 side + longer/2) / longer rounds to the nearest" },
    { "size", SIZE_UP, "rounded up: (20 side + longer/2) / longer rounds to the nearest" },
    { "size(wide)", HEIGHT_20, "the height is always 20: here the width is the longer side" },
    { "size", SHORTER_20, "the shorter side is 20: the longer one has to fit into 20" },
    { "size", EXCHANGED, "rows and columns are exchanged: small_rows comes from height" },
    { "size(thin)", NO_MINIMUM, "a thin stroke vanished: at least 1 row and 1 column" },
    { "small", RIGHT,
      "the mean over the box's pixels below, each counted with the part that is "
      "below" },
    { "small(grown)", BLOCKS,
      "where it grows, half is 1/2, not half of ratio: max(ratio, 1)/2, or it becomes blocky" },
    { "small(grown)", DARK_EDGE,
      "at the edge less than a whole pixel is below: divide by what is there, not by 1" },
    { "small", NEAREST,
      "one old pixel was taken for each new one: the mean of all that lie below" },
    { "small", CORNER, "the old pixel at the corner was taken: the mean of all that lie below" },
    { "small", SUM, "that is the sum of what lies below: divide by its area" },
    { "small", WHOLE_PIXELS,
      "pixels at the border were counted in full: only with the part that lies below" },
    { "small", WHOLE_STEPS,
      "start and end were cut to whole pixels: those at the border count in part" },
    { "small", CENTRE_TO_CENTRE,
      "interpolated between single old pixels: what lies between them is lost. Take the mean" },
    { "small", BRIGHTEST_BELOW, "the brightest of what lies below was taken: the mean" },
    { "small", INK_ALONE, "the mean over the ink alone: paper below it counts, as 0" },
    { "small", NO_BOX,
      "taken from the picture's corner: old pixel y, x is ink[top + y][left + x]" },
    { "small", STEP_WIDTH, "a row of ink has cols pixels, not width" },
    { "small", STEP_20, "a row of small has small_cols pixels, not 20" },
    { "small", ONE_RATIO,
      "longer/20 was taken along both sides: ratio is height/small_rows and width/small_cols" },
    { "digit(edge)", CUT_OFF,
      "part of the digit was pushed out of the 28 x 28: keep 0 <= top <= 28 - small_rows, and "
      "left the same" },
    { "digit", NOT_CLEARED,
      "what is beside the digit was not set to 0: all of 28 x 28 has to be written" },
    { "digit", RIGHT, "top = floor(14 - down + 0.5), left the same, kept inside; all else 0" },
    { "digit", BY_BOX, "centred by its box: by its centre of mass, as MNIST is" },
    { "digit", MARGIN_4, "placed at 4, 4: its centre of mass has to come to the middle" },
    { "digit", IN_CORNER, "it lies in the corner: its centre of mass has to come to the middle" },
    { "digit", NO_HALF,
      "half a pixel too far: pixel i reaches from i to i + 1, its middle is i + 0.5; and down is "
      "no whole number, top alone is" },
    { "digit", COUNTED, "each pixel with ink counted the same: weigh it by its brightness" },
    { "digit", EXCHANGED, "down and right are exchanged: down is the mean of the rows" },
    { "digit", DOWN_TWICE, "down was taken for both: left follows from right" },
    { "digit", WRONG_WAY,
      "moved the wrong way: what is low has to go up, so top gets smaller as down grows" },
    { "digit", ROUNDED_DOWN,
      "rounded down, or 13.5 was taken for the middle: floor(14 - down + 0.5)" },
    { 0 },
};

/* ---- made photos ---------------------------------------------------------------------------- */

static double distance(const double a[2], const double b[2], double i, double j)
{
    double di = b[0] - a[0], dj = b[1] - a[1];
    double t = ((i - a[0]) * di + (j - a[1]) * dj) / (di * di + dj * dj + 1e-9);
    t = fmax(0, fmin(1, t));
    return hypot(i - a[0] - t * di, j - a[1] - t * dj);
}

/* A pen's line through a few random points, away from the border, and a camera's noise. */
static void draw(double *to, int rows, int cols, double paper, double ink)
{
    double knot[KNOTS][2];
    for (int k = 0; k < KNOTS; k++)
        knot[k][0] = kit_uniform(0.15, 0.85) * rows, knot[k][1] = kit_uniform(0.2, 0.8) * cols;
    for (int p = 0; p < rows * cols; p++) {
        double nearest = 1e9;
        for (int k = 1; k < KNOTS; k++)
            nearest = fmin(nearest, distance(knot[k - 1], knot[k], p / cols, p % cols));
        to[p] = paper + fmax(0, fmin(1, 1.8 - nearest)) * (ink - paper) + kit_uniform(-2, 2);
    }
}

static photo new_photo(int rows, int cols)
{
    photo p = { 0 };
    p.rows = kit_size("rows, of the photo", rows), p.cols = kit_size("cols, of the photo", cols);
    p.top = p.left = p.height = p.width = p.small_rows = p.small_cols = -1;
    p.rgb = kit_input("rgb", rows, 3 * cols);
    for (int k = 0; k < 3 * rows * cols; k++) ((double *)p.rgb)[k] = kit_uniform(1, 255);
    p.grey = kit_output("grey", rows, cols), p.ink = kit_output("ink", rows, cols);
    p.small = kit_output("small", 40, 40); /* more room than asked for: wrong sizes are named */
    p.digit = kit_output("digit", SIDE, SIDE);
    return p;
}

static void check_grey(void)
{
    photo p = new_photo(kit_between(17, 19), 13);
    to_grey(&p);
    kit_rung("grey", p.grey, p.rows, p.cols, grey_formula, &p, KIT_TOLERANCE);
}

/* border: the first row is ink, too */
static void try_ink(const char *name, double paper, double ink, int border)
{
    photo p = new_photo(kit_between(40, 43), 29);
    double *grey = p.grey, *given = kit_output("grey, as given", p.rows, p.cols);
    draw(given, p.rows, p.cols, paper, ink);
    for (int k = 0; k < p.cols && border; k++) given[k] = ink;
    memcpy(grey, given, (size_t)(p.rows * p.cols) * sizeof *grey);
    to_ink(&p);
    p.grey = given;
    kit_rung(name, p.ink, p.rows, p.cols, ink_formula, &p, KIT_TOLERANCE);
    kit_same("grey kept", grey, given, p.rows * p.cols, KIT_TOLERANCE,
             "ink is right, but grey was changed: only ink is to be written");
}

static void check_ink(void)
{
    try_ink("ink(pen)", kit_uniform(210, 225), kit_uniform(40, 60), 0);
    try_ink("ink(chalk)", kit_uniform(55, 70), kit_uniform(200, 220), 0);
    try_ink("ink(dim)", kit_uniform(90, 110), kit_uniform(20, 30), 0);
    try_ink("ink(border)", kit_uniform(200, 220), kit_uniform(40, 60), 1);
}

/* Scattered ink in a box, its outer rows and columns pale. */
static photo new_ink(int height, int width)
{
    photo p = new_photo(height + kit_between(5, 9), width + kit_between(7, 11));
    int top = kit_between(1, 4), left = kit_between(2, 6);
    for (int k = 0; k < p.rows * p.cols; k++) {
        int i = k / p.cols - top, j = k % p.cols - left;
        int inside = i >= 0 && i < height && j >= 0 && j < width;
        int edge = i == 0 || i == height - 1 || j == 0 || j == width - 1;
        p.ink[k] = !inside                 ? 0
                   : edge                  ? kit_uniform(51, 120)
                   : kit_uniform(0, 3) < 1 ? 0
                                           : kit_uniform(130, 255);
    }
    p.top = top, p.left = left, p.height = height, p.width = width;
    return p;
}

/* Do all mistakes with the digit differ from what is right, and from each other? */
static int all_differ(const photo *p)
{
    static const int mistakes[] = { RIGHT,     BY_BOX,    MARGIN_4,     NO_HALF,   COUNTED,
                                    EXCHANGED, WRONG_WAY, ROUNDED_DOWN, IN_CORNER, DOWN_TWICE };
    enum { COUNT = sizeof mistakes / sizeof *mistakes };
    double digit[COUNT][SIDE * SIDE];
    for (int a = 0; a < COUNT; a++) {
        digit_formula(p, mistakes[a], digit[a]);
        for (int b = 0; b < a; b++)
            if (!memcmp(digit[a], digit[b], sizeof digit[a])) return 0;
    }
    return 1;
}

static void try_box(const char *name, int height, int width)
{
    photo p;
    double *yours = kit_output("box", 1, 4);
    p = new_ink(height, width);
    for (int k = 0; k < p.rows * p.cols; k++) { /* its corners are empty, and it has gaps */
        int i = k / p.cols - p.top, j = k % p.cols - p.left;
        int corner = (i < 2 || i > height - 3) && (j < 2 || j > width - 3);
        int gap = i == height - 3 || i == height - 4 || j == width - 3 || j == width - 4;
        if (corner || gap) p.ink[k] = 0;
    }
    p.top = p.left = p.height = p.width = -1;
    find_box(&p);
    const int box[4] = { p.top, p.left, p.height, p.width };
    for (int k = 0; k < 4; k++) yours[k] = box[k] == -1 ? KIT_UNWRITTEN : box[k];
    kit_rung(name, yours, 1, 4, box_formula, &p, KIT_TOLERANCE);
}

static void check_box(void)
{
    try_box("box(tall)", kit_between(19, 23), 11), try_box("box(wide)", 7, kit_between(17, 19));
}

static void try_shrink(const char *size_name, const char *small_name, int height, int width)
{
    photo p = new_ink(height, width);
    double *size = kit_output("size", 1, 2);
    shrink(&p);
    size[0] = p.small_rows == -1 ? KIT_UNWRITTEN : p.small_rows;
    size[1] = p.small_cols == -1 ? KIT_UNWRITTEN : p.small_cols;
    kit_rung(size_name, size, 1, 2, size_formula, &p, KIT_TOLERANCE);
    kit_rung(small_name, p.small, p.small_rows, p.small_cols, small_formula, &p, KIT_TOLERANCE);
}

/* The sizes are such that rounding down, up and to the nearest differ. */
static void check_shrink(void)
{
    static const int tall[3][2] = { { 33, 19 }, { 35, 22 }, { 31, 18 } };
    static const int wide[3][2] = { { 16, 31 }, { 15, 29 }, { 17, 33 } };
    int a = kit_between(0, 2), b = kit_between(0, 2);
    try_shrink("size(tall)", "small(tall)", tall[a][0], tall[a][1]);
    try_shrink("size(wide)", "small(wide)", wide[b][0], wide[b][1]);
    try_shrink("size(thin)", "small(thin)", kit_between(45, 50), 1);
    try_shrink("size(grown)", "small(grown)", kit_between(8, 9), 7);
}

/* A small digit with more ink on one side and brighter ink on another. edge: so far from its middle
   that it has to be kept inside. */
static void try_centre(const char *name, int rows, int cols, int edge)
{
    photo p = new_photo(31, 23);
    p.small_rows = rows, p.small_cols = cols;
    do {
        double down = kit_uniform(-4, 4), right = kit_uniform(-4, 4);
        double more_down = kit_uniform(-2, 2), more_right = kit_uniform(-2, 2);
        if (edge) down = more_down = 6;
        for (int k = 0; k < rows * cols; k++) {
            double i = (k / cols + 0.5) / rows - 0.5, j = (k % cols + 0.5) / cols - 0.5;
            int ink = kit_uniform(-1, 1) < more_down * i + more_right * j;
            p.small[k] = ink ? 4 * exp(down * i + right * j) * kit_uniform(0.5, 1) : 0;
        }
    } while (!all_differ(&p) && !edge);
    centre(&p);
    kit_rung(name, p.digit, SIDE, SIDE, digit_formula, &p, KIT_TOLERANCE);
}

static void check_centre(void)
{
    try_centre("digit(tall)", 20, kit_between(11, 14), 0);
    try_centre("digit(wide)", kit_between(9, 13), 20, 0);
    try_centre("digit(edge)", 20, 17, 1);
}

/* An empty sheet, even and with noise, through all steps: never a division by 0. */
static void check_empty(void)
{
    photo p = new_photo(31, 23);
    for (int k = 0; k < p.rows * p.cols; k++) p.grey[k] = 200;
    to_ink(&p);
    kit_rung("ink(even)", p.ink, p.rows, p.cols, ink_formula, &p, KIT_TOLERANCE);
    for (int k = 0; k < p.rows * p.cols; k++) p.grey[k] = kit_uniform(190, 210);
    to_ink(&p);
    kit_rung("ink(noise)", p.ink, p.rows, p.cols, ink_formula, &p, KIT_TOLERANCE);
    find_box(&p);
    kit_true("box(none)", !p.top && !p.left && !p.height && !p.width,
             "without ink the box is 0, 0, 0, 0; yours is top %d, left %d, height %d, width %d",
             p.top, p.left, p.height, p.width);
    shrink(&p);
    kit_true("size(none)", !p.small_rows && !p.small_cols,
             "without ink (height 0) small_rows and small_cols are 0; yours are %d and %d",
             p.small_rows, p.small_cols);
    centre(&p);
    kit_rung("digit(none)", p.digit, SIDE, SIDE, digit_formula, &p, KIT_TOLERANCE);
    for (int k = 0; k < SIDE * SIDE; k++) p.digit[k] = KIT_UNWRITTEN;
    for (int k = 0; k < 20 * 7; k++) p.small[k] = 0;
    p.small_rows = 20, p.small_cols = 7;
    centre(&p);
    kit_rung("digit(zeros)", p.digit, SIDE, SIDE, digit_formula, &p, KIT_TOLERANCE);
}

const kit_check kit_checks[] = {
    { "grey", 1, 1, check_grey },
    { "ink", 2, 2, check_ink },
    { "box", 2, 3, check_box },
    { "shrink", 3, 4, check_shrink },
    { "centre", 2, 5, check_centre },
    { "empty", 1, 5, check_empty },
    { 0 },
};

/* ---- reward: a photo drawn here, and what a network gets to see ----------------------------- */

enum { ROWS = 60, COLS = 90 };

/* A 7 in dark blue on yellowish paper, low and to the right. */
static void draw_seven(double *rgb)
{
    static const double knots[3][2] = { { 18, 46 }, { 15, 72 }, { 52, 58 } };
    static const double paper[3] = { 228, 222, 205 }, ink[3] = { 42, 44, 92 };
    for (int k = 0; k < ROWS * COLS; k++) {
        double d = fmin(distance(knots[0], knots[1], k / COLS, k % COLS),
                        distance(knots[1], knots[2], k / COLS, k % COLS));
        double cover = fmax(0, fmin(1, 3 - d)), noise = kit_uniform(-3, 3);
        for (int c = 0; c < 3; c++) rgb[3 * k + c] = paper[c] + cover * (ink[c] - paper[c]) + noise;
    }
}

static void all_steps(photo *p, int yours)
{
    int box[4], size[2];
    if (yours) {
        to_grey(p), to_ink(p), find_box(p), shrink(p), centre(p);
        return;
    }
    grey_formula(p, RIGHT, p->grey), ink_formula(p, RIGHT, p->ink);
    box_of(p, RIGHT, box);
    p->top = box[0], p->left = box[1], p->height = box[2], p->width = box[3];
    sizes_of(p, RIGHT, size);
    p->small_rows = size[0], p->small_cols = size[1];
    small_formula(p, RIGHT, p->small), digit_formula(p, RIGHT, p->digit);
}

static void print_steps(const char *whose, const photo *p)
{
    double down = 0, right = 0, sum = 0;
    for (int k = 0; k < SIDE * SIDE; k++) {
        sum += p->digit[k];
        down += p->digit[k] * (k / SIDE + 0.5), right += p->digit[k] * (k % SIDE + 0.5);
    }
    printf("  %-9s  box %d x %d at %d, %d; small %d x %d; centre of mass %.3f, %.3f\n", whose,
           p->height, p->width, p->top, p->left, p->small_rows, p->small_cols, down / sum,
           right / sum);
}

void kit_reward(void)
{
    static double rgb[ROWS * COLS * 3], grey[2][ROWS * COLS], ink[2][ROWS * COLS];
    static double small[2][20 * 20], digit[2][SIDE * SIDE];
    photo p[2];
    draw_seven(rgb);
    for (int k = 0; k < 2; k++) {
        photo one = { ROWS, COLS, rgb, grey[k], ink[k], 0, 0, 0, 0, 0, 0, small[k], digit[k] };
        p[k] = one;
        all_steps(&p[k], k == 0);
    }
    printf("A photo of a 7, %d x %d pixels, dark on light:\n", ROWS, COLS);
    print_steps("yours", &p[0]), print_steps("reference", &p[1]);
    for (int k = 0; k < 2 * SIDE * SIDE; k++) {
        int col = k % (2 * SIDE), at = k / (2 * SIDE) * SIDE + col % SIDE;
        putchar(" .:-=+*#%@"[(int)(p[col / SIDE].digit[at] * 9.99 / 256)]);
        if (col == SIDE - 1) printf("   |   ");
        if (col == 2 * SIDE - 1) putchar('\n');
    }
}
