// Samples and outputs are alike here, so one loop runs over all n * K numbers.
// The difference is kept, since pow() would be slower and is not needed for a square.
// The gradient of d^2 / N is 2 d / N, and the sign is that of y - t: too large a y must come down.
#include "exercise.h"

double mse_forward(const double *y, const double *t, int n, int K)
{
    double sum = 0;
    for (int i = 0; i < n * K; i++) {
        double d = y[i] - t[i];
        sum += d * d;
    }
    return sum / (n * K);
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] - t[i]) / (n * K);
}
