// fails: value empty  says: b was subtracted
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = 0;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return z - b;
}
