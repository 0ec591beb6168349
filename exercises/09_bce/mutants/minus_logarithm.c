// fails: logits  says: was subtracted: it is added
#include "exercise.h"
#include <math.h>

double bce(const double *p, const double *y, int n)
{
    double L = 0;
    for (int i = 0; i < n; i++) {
        if (y[i] > 0)
            L -= y[i] * log(p[i]);
        if (y[i] < 1)
            L -= (1 - y[i]) * log(1 - p[i]);
    }
    return L / n;
}

double bce_logits(const double *z, const double *y, int n)
{
    double L = 0;
    for (int i = 0; i < n; i++)
        L += fmax(z[i], 0) - z[i] * y[i] - log(1 + exp(-fabs(z[i])));
    return L / n;
}

void bce_logits_gradient(const double *z, const double *y, int n, double *dz)
{
    for (int i = 0; i < n; i++)
        dz[i] = (1 / (1 + exp(-z[i])) - y[i]) / n;
}
