// fails: value  says: without their weights
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++) z += x[i] + 0 * w[i];
    return z;
}
