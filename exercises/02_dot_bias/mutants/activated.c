// fails: value empty  says: an activation was applied (sigmoid)
#include "exercise.h"
#include <math.h>

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return 1 / (1 + exp(-z));
}
