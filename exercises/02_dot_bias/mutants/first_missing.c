// fails: value  says: the first input is left out
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 1; i < n; i++) z += w[i] * x[i];
    return z;
}
