// fails: logits stable  says: y and 1 - y are exchanged
#include "exercise.h"

#include <math.h>

double bce(const double *p, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        if (y[i] > 0) sum -= y[i] * log(p[i]);
        if (y[i] < 1) sum -= (1 - y[i]) * log(1 - p[i]);
    }
    return sum / n;
}

double bce_logits(const double *z, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += fmax(z[i], 0) - z[i] * (1 - y[i]) + log1p(exp(-fabs(z[i])));
    return sum / n;
}

void bce_logits_gradient(const double *z, const double *y, int n, double *dz)
{
    for (int i = 0; i < n; i++) dz[i] = (1 / (1 + exp(-z[i])) - y[i]) / n;
}
