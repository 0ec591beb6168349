// fails: value empty  says: close, but not the same
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return (int)(z * 1000) / 1000.0;
}
