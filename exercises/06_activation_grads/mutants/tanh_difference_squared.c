// fails: tanh  says: only a is squared
#include "exercise.h"

void sigmoid_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++)
        dz[i] = da[i] * a[i] * (1 - a[i]);
}

void tanh_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++)
        dz[i] = da[i] * (1 - a[i]) * (1 - a[i]);
}

void relu_backward(const double *a, const double *da, int n, double *dz)
{
    for (int i = 0; i < n; i++)
        dz[i] = a[i] > 0 ? da[i] : 0;
}

void leaky_relu_backward(const double *a, const double *da, int n, double slope, double *dz)
{
    for (int i = 0; i < n; i++)
        dz[i] = a[i] > 0 ? da[i] : slope * da[i];
}
