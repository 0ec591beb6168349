// fails: backward numeric  says: y + t: it is y - t
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
    for (int i = 0; i < n * K; i++) dy[i] = 2 * (y[i] + t[i]) / (n * K);
}
