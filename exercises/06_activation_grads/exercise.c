// 06_activation_grads: derivatives. The page is exercises/06_activation_grads/README.md
#include "exercise.h"

void sigmoid_backward(const double *a, const double *da, int n, double *dz)
{
    // TODO(1/4): dz[i] from a[i] and da[i]. About 1 line, like the other three.
    (void)a, (void)da, (void)n, (void)dz; // delete this line
}

void tanh_backward(const double *a, const double *da, int n, double *dz)
{
    // TODO(2/4): the same for tanh.
    (void)a, (void)da, (void)n, (void)dz; // delete this line
}

void relu_backward(const double *a, const double *da, int n, double *dz)
{
    // TODO(3/4): the same for ReLU; where a is 0, the slope is 0.
    (void)a, (void)da, (void)n, (void)dz; // delete this line
}

void leaky_relu_backward(const double *a, const double *da, int n, double slope, double *dz)
{
    // TODO(4/4): the same for the leaky ReLU; where a is 0, the slope is `slope`.
    (void)a, (void)da, (void)n, (void)slope, (void)dz; // delete this line
}
