// fails: forward laws  says: RMSE
#include "exercise.h"

#include <math.h>

double mse_forward(const double *y, const double *t, int n, int K)
{
    double sum = 0;
    for (int i = 0; i < n * K; i++) {
        double d = y[i] - t[i];
        sum += d * d;
    }
    return sqrt(sum / (n * K));
}

void mse_backward(const double *y, const double *t, int n, int K, double *dy)
{
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] - t[i]) / (n * K);
}
