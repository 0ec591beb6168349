// fails: value  says: only the first product
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++) return z + w[i] * x[i];
    return z;
}
