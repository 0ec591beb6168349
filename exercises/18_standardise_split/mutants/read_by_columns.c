// fails: fit prepare  says: X was read as (C, n)
#include "exercise.h"
#include <math.h>

void fit(double *mean, double *deviation, const double *X, int n, int C)
{
    for (int c = 0; c < C; c++) {
        mean[c] = 0, deviation[c] = 0;
        for (int s = 0; s < n; s++) mean[c] += X[c * n + s];
        mean[c] /= n;
        for (int s = 0; s < n; s++) {
            double d = X[c * n + s] - mean[c];
            deviation[c] += d * d;
        }
        deviation[c] = sqrt(deviation[c] / n);
    }
}

void apply(double *X, const double *mean, const double *deviation, int n, int C)
{
    for (int s = 0; s < n; s++)
        for (int c = 0; c < C; c++) {
            double d = deviation[c] == 0 ? 1 : deviation[c];
            X[s * C + c] = (X[s * C + c] - mean[c]) / d;
        }
}

void prepare(double *X, double *mean, double *deviation, int n, int n_train, int C)
{
    fit(mean, deviation, X, n_train, C);
    apply(X, mean, deviation, n, C);
}
