// The sum starts at b, so that n = 0 needs no special case and b cannot be added twice.
// i < n, not i <= n: the entries are w[0] to w[n - 1].
// A double for the sum: each += in float would lose what lies below the seventh digit.
#include "exercise.h"

double dot_bias(const double *w, const double *x, double b, int n)
{
    double z = b;
    for (int i = 0; i < n; i++) z += w[i] * x[i];
    return z;
}
