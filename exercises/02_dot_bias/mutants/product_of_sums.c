// fails: value  says: each w[i] multiplies its own x[i]
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double a = 0, c = 0;
    for (int i = 0; i < n; i++) a += w[i], c += x[i];
    return a * c + b;
}
