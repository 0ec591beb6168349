// fails: value  says: x[0] is in every product
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++)
        z += w[i] * x[0];
    return z;
}
