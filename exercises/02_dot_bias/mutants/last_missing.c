// fails: value  says: the last input is left out
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n - 1; i++) z += w[i] * x[i];
    return z;
}
