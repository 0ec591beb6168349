// fails: value  says: none of the known mistakes
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    static double z;
    z += b;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return z;
}
