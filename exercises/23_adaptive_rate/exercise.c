// 23_adaptive_rate: smaller steps as time goes by. The page: exercises/23_adaptive_rate/README.md
#include "exercise.h"

#include <math.h>

double adaptive_rate(double eta, double delta, int t)
{
    // TODO(1/3): F5.3, one line.
    (void)eta, (void)delta, (void)t; // delete this line
    return 0;
}

void descend(double *w, const double *g, int n, int steps, double eta, double delta)
{
    // TODO(2/3): F5.4, with the rate of each step. About 5 lines.
    (void)w, (void)g, (void)n, (void)steps, (void)eta, (void)delta; // delete this line
}

double my_delta(void)
{
    // TODO(3/3): 0 is no decay, 1e6 is hardly a step after the first. Choose.
    return 0;
}
