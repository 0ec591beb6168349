// fails: step numeric train  says: y was added
#include "exercise.h"

double linear_step(const double *X, const double *y, const int *pick, int n, int I, double alpha,
                   double *w, double *b)
{
    double loss = 0, db = 0, dw[I];
    for (int i = 0; i < I; i++)
        dw[i] = 0;
    for (int k = 0; k < n; k++) {
        const double *x = X + pick[k] * I;
        double e = *b + y[pick[k]];
        for (int i = 0; i < I; i++)
            e += w[i] * x[i];
        loss += e * e;
        db += 2 * e;
        for (int i = 0; i < I; i++)
            dw[i] += 2 * e * x[i];
    }
    for (int i = 0; i < I; i++)
        w[i] -= alpha * dw[i] / n;
    *b -= alpha * db / n;
    return loss / n;
}

void shuffle(int *order, int n, random_function *below)
{
    for (int i = n - 1; i > 0; i--) {
        int j = below(i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

void epoch(int *order, int rows, int batch, shuffle_function *mix, step_function *step)
{
    mix(order, rows);
    for (int start = 0; start < rows; start += batch)
        step(order + start, start + batch < rows ? batch : rows - start);
}
