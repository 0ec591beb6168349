// fails: shrink  says: interpolated between single old pixels
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

void shrink(photo *p)
{
    int longer = p->height > p->width ? p->height : p->width;
    p->small_rows = p->small_cols = 0;
    if (longer == 0) return;
    p->small_rows = new_size(p->height, longer), p->small_cols = new_size(p->width, longer);
    for (int k = 0; k < p->small_rows * p->small_cols; k++) {
        int i = k / p->small_cols, j = k % p->small_cols;
        double y = p->small_rows > 1 ? i * (p->height - 1.0) / (p->small_rows - 1) : 0;
        double x = p->small_cols > 1 ? j * (p->width - 1.0) / (p->small_cols - 1) : 0;
        p->small[k] = 0;
        for (int a = 0; a < p->height; a++)
            for (int b = 0; b < p->width; b++)
                p->small[k] += fmax(0, 1 - fabs(a - y)) * fmax(0, 1 - fabs(b - x)) *
                               p->ink[(p->top + a) * p->cols + p->left + b];
    }
}

// Where a side of n pixels begins in 28, so that `mass` comes to the middle
static int place(double mass, int n)
{
    int at = (int)floor(SIDE / 2 - mass + 0.5);
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
