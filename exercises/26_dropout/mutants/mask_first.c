// passes
#include "exercise.h"

void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw)
{
    double keep = training ? 1 - p : 1;
    for (int i = 0; i < n; i++) mask[i] = training && draw() < p ? 0.0 : 1.0;
    for (int i = 0; i < n; i++) mask[i] /= keep;
    for (int i = 0; i < n; i++) y[i] = mask[i] * x[i];
}

void dropout_backward(double *dx, const double *dy, const double *mask, int n)
{
    while (n-- > 0) dx[n] = mask[n] == 0 ? 0 : mask[n] * dy[n];
}
