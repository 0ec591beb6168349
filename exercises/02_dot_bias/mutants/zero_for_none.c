// fails: empty  says: Without inputs (n = 0), b is left
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    if (n == 0) return 0;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return z;
}
