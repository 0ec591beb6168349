// fails: expectation  says: each call draws anew
#include "exercise.h"

void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw)
{
    static double kept[20000];
    static int known;
    for (int i = 0; i < n; i++) {
        if (training && known < n) kept[known++] = draw();
        if (training) mask[i] = kept[i] < p ? 0 : 1 / (1 - p);
        else mask[i] = 1;
        y[i] = x[i] * mask[i];
    }
}

void dropout_backward(double *dx, const double *dy, const double *mask, int n)
{
    for (int i = 0; i < n; i++) dx[i] = dy[i] * mask[i];
}
