// fails: value empty  says: is there a float
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    float z = (float)b;
    for (int i = 0; i < n; i++) z += (float)(w[i] * x[i]);
    return z;
}
