// passes
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = 0;
    while (n-- > 0) z += w[n] * x[n];
    return b + z;
}
