// 26_dropout: units that are left out by chance. The page: exercises/26_dropout/README.md
#include "exercise.h"

void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw)
{
    // TODO(1/2): mask, then y. About 5 lines.
    (void)y, (void)mask, (void)x, (void)n, (void)p, (void)training, (void)draw; // delete this line
}

void dropout_backward(double *dx, const double *dy, const double *mask, int n)
{
    // TODO(2/2): dx. 1 line.
    (void)dx, (void)dy, (void)mask, (void)n; // delete this line
}
