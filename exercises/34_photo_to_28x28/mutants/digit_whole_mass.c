// fails: centre  says: down is no whole number
#include "exercise.h"

#include <math.h>

void to_grey(photo *p)
{
    for (int k = 0; k < p->rows * p->cols; k++) {
        const double *c = p->rgb + 3 * k;
        p->grey[k] = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
    }
}

void to_ink(photo *p)
{
    int n = p->rows * p->cols;
    double mean = 0, moment = 0, low = 255, high = 0;
    for (int k = 0; k < n; k++) mean += p->grey[k] / n;
    for (int k = 0; k < n; k++) moment += pow(p->grey[k] - mean, 3);
    for (int k = 0; k < n; k++) {
        p->ink[k] = moment < 0 ? 255 - p->grey[k] : p->grey[k];
        low = fmin(low, p->ink[k]), high = fmax(high, p->ink[k]);
    }
    for (int k = 0; k < n; k++) {
        double v = high - low < 25 ? 0 : 255 * (p->ink[k] - low) / (high - low);
        p->ink[k] = v < 51 ? 0 : v;
    }
}

void find_box(photo *p)
{
    int top = p->rows, left = p->cols, bottom = -1, right = -1;
    for (int i = 0; i < p->rows; i++)
        for (int j = 0; j < p->cols; j++) {
            if (!(p->ink[i * p->cols + j] > 0)) continue;
            if (i < top) top = i;
            if (i > bottom) bottom = i;
            if (j < left) left = j;
            if (j > right) right = j;
        }
    int none = bottom < 0;
    p->top = none ? 0 : top, p->height = none ? 0 : bottom - top + 1;
    p->left = none ? 0 : left, p->width = none ? 0 : right - left + 1;
}

static int new_size(int side, int longer)
{
    int size = (LONGEST * side + longer / 2) / longer;
    return size > 0 ? size : 1;
}

// Which part of the old pixels 0 to n - 1 lies below new pixel i of N: from *start to *end
static void stretch(int i, int N, int n, double *start, double *end)
{
    double ratio = (double)n / N, middle = (i + 0.5) * ratio, half = fmax(ratio, 1) / 2;
    *start = fmax(middle - half, 0), *end = fmin(middle + half, n);
}

static double overlap(int k, double start, double end)
{
    return fmax(0, fmin(k + 1, end) - fmax(k, start));
}

void shrink(photo *p)
{
    int longer = p->height > p->width ? p->height : p->width;
    p->small_rows = p->small_cols = 0;
    if (longer == 0) return;
    p->small_rows = new_size(p->height, longer), p->small_cols = new_size(p->width, longer);
    for (int k = 0; k < p->small_rows * p->small_cols; k++) {
        double up, down, left, right, sum = 0;
        stretch(k / p->small_cols, p->small_rows, p->height, &up, &down);
        stretch(k % p->small_cols, p->small_cols, p->width, &left, &right);
        for (int y = (int)up; y < down; y++)
            for (int x = (int)left; x < right; x++)
                sum += overlap(y, up, down) * overlap(x, left, right) *
                       p->ink[(p->top + y) * p->cols + p->left + x];
        p->small[k] = sum / ((down - up) * (right - left));
    }
}

// Where a side of n pixels begins in 28, so that `mass` comes to the middle
static int place(double mass, int n)
{
    int at = (int)floor(SIDE / 2 - floor(mass) + 0.5);
    return at < 0 ? 0 : at > SIDE - n ? SIDE - n : at;
}

void centre(photo *p)
{
    double sum = 0, down = 0, right = 0;
    for (int k = 0; k < SIDE * SIDE; k++) p->digit[k] = 0;
    for (int k = 0; k < p->small_rows * p->small_cols; k++) {
        sum += p->small[k];
        down += p->small[k] * (k / p->small_cols + 0.5);
        right += p->small[k] * (k % p->small_cols + 0.5);
    }
    if (!(sum > 0)) return;
    int top = place(down / sum, p->small_rows), left = place(right / sum, p->small_cols);
    for (int k = 0; k < p->small_rows * p->small_cols; k++)
        p->digit[(top + k / p->small_cols) * SIDE + left + k % p->small_cols] = p->small[k];
}
