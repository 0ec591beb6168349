// The slope comes from a, which forward has stored, so that z need not be kept and no exp() is due.
// a has the sign of z in both ReLUs: a > 0 asks the same as z > 0.
// Each slope is multiplied by da, the gradient that arrives from behind: that is the chain rule.
#include "exercise.h"

void sigmoid_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++) dz[i] = da[i] * a[i] * (1 - a[i]);
}

void tanh_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++) dz[i] = da[i] * (1 - a[i] * a[i]);
}

void relu_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++) dz[i] = a[i] > 0 ? da[i] : 0;
}

void leaky_relu_backward(const double *a, const double *da, int n, double slope, double *dz)
{
    for (int i = 0; i < n; i++) dz[i] = a[i] > 0 ? da[i] : da[i] * slope;
}
