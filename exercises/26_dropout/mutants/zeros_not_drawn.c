// fails: training  says: where x is 0 nothing was drawn
#include "exercise.h"

void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw)
{
    for (int i = 0; i < n; i++) {
        mask[i] = 1;
        if (training && x[i] != 0) mask[i] = draw() < p ? 0 : 1 / (1 - p);
        y[i] = x[i] * mask[i];
    }
}

void dropout_backward(double *dx, const double *dy, const double *mask, int n)
{
    for (int i = 0; i < n; i++) dx[i] = dy[i] * mask[i];
}
