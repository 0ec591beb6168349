// fails: value  says: in each round, and once more
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++)
        z += w[i] * x[i] + b;
    return z;
}
