// fails: forward laws  says: kept in an int
#include "exercise.h"

double mse_forward(const double *y, const double *t, int n, int K)
{
    int sum = 0;
    for (int i = 0; i < n * K; i++) {
        double d = y[i] - t[i];
        sum = (int)(sum + d * d);
    }
    return (double)sum / (n * K);
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] - t[i]) / (n * K);
}
