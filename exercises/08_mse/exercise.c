// 08_mse: mean squared error. The page is exercises/08_mse/README.md
#include "exercise.h"

double mse_forward(const double *y, const double *t, int n, int K)
{
    // TODO(1/2): the loss, one number. About 3 lines.
    (void)y, (void)t, (void)n, (void)K; // delete this line
    return 0;
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    // TODO(2/2): its gradient by each y, derived by hand first. About 1 line.
    (void)y, (void)t, (void)n, (void)K, (void)dy; // delete this line
}
