// fails: fit prepare  says: the squares were summed, but not divided
#include "exercise.h"

#include <math.h>

void fit(double *mean, double *deviation, const double *X, int n, int C)
{
    for (int c = 0; c < C; c++) {
        double sum = 0, squares = 0;
        for (int s = 0; s < n; s++) sum += X[s * C + c] - X[c];
        mean[c] = X[c] + sum / n;
        for (int s = 0; s < n; s++) squares += pow(X[s * C + c] - mean[c], 2);
        deviation[c] = sqrt(squares);
    }
}

void apply(double *X, const double *mean, const double *deviation, int n, int C)
{
    for (int s = 0; s < n; s++)
        for (int c = 0; c < C; c++) {
            double scale = deviation[c] > 0 ? deviation[c] : 1;
            X[s * C + c] = (X[s * C + c] - mean[c]) / scale;
        }
}

void prepare(double *X, double *mean, double *deviation, int n, int n_train, int C)
{
    fit(mean, deviation, X, n_train, C);
    apply(X, mean, deviation, n, C);
}
