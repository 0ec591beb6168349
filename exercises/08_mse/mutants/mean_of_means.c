// passes
#include "exercise.h"

double mse_forward(const double *y, const double *t, int n, int K)
{
    double sum = 0, part = 0;
    for (int i = 0; i < n * K; i++) {
        double d = y[i] - t[i];
        part += d * d / K;
        if (i % K == K - 1) sum += part, part = 0;
    }
    return sum / n;
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] - t[i]) / (n * K);
}
