// fails: epoch train memory  says: yours has 4, and the sum of your sizes is 16
#include "exercise.h"

double linear_step(const double *X, const double *y, const int *pick, int n, int I, double alpha,
                   double *w, double *b)
{
    double loss = 0, db = 0, dw[I];
    for (int i = 0; i < I; i++) dw[i] = 0;
    for (int k = 0; k < n; k++) {
        const double *x = X + pick[k] * I;
        double error = *b - y[pick[k]];
        for (int i = 0; i < I; i++) error += w[i] * x[i];
        loss += error * error / n;
        for (int i = 0; i < I; i++) dw[i] += 2 * error * x[i] / n;
        db += 2 * error / n;
    }
    for (int i = 0; i < I; i++) w[i] -= alpha * dw[i];
    *b -= alpha * db;
    return loss;
}

void shuffle(int *order, int n, random_function *below)
{
    for (int i = n - 1; i > 0; i--) {
        int j = below(i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

void epoch(int *order, int rows, int batch, shuffle_function *mix, step_function *step)
{
    mix(order, rows);
    for (int first = 0; first < rows; first += batch) step(order + first, batch);
}
