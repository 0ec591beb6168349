// The mask holds the factor, 0 or 1/(1 - p), so that forward and backward are the same product and
// backward has nothing to draw. Dividing in training keeps the expectation of y at x: at inference
// the layer is simply not there, and a mask of 1 makes backward right there as well.
#include "exercise.h"

void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw)
{
    for (int i = 0; i < n; i++) {
        if (training) mask[i] = draw() < p ? 0 : 1 / (1 - p);
        else mask[i] = 1;
        y[i] = x[i] * mask[i];
    }
}

void dropout_backward(double *dx, const double *dy, const double *mask, int n)
{
    for (int i = 0; i < n; i++) dx[i] = dy[i] * mask[i];
}
