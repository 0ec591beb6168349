// fails: rate laws  says: t multiplies the rate
#include "exercise.h"
#include <math.h>

double adaptive_rate(double eta, double delta, int t)
{
    return eta / sqrt(1 + delta) * t;
}

void descend(double *w, const double *g, int n, int steps, double eta, double delta)
{
    for (int t = 0; t < steps; t++) {
        double rate = adaptive_rate(eta, delta, t);
        for (int i = 0; i < n; i++) w[i] -= rate * (w[i] + g[t * n + i]);
    }
}

double my_delta(void)
{
    return 1;
}
