// passes
#include "exercise.h"

double mse_forward(const double *y, const double *t, int n, int K)
{
    double sum = 0;
    for (int s = 0; s < n; s++)
        for (int k = 0; k < K; k++) {
            double d = t[s * K + k] - y[s * K + k];
            sum += d * d;
        }
    return sum / (n * K);
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] - t[i]) / (n * K);
}
