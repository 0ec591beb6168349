// fails: value edges laws memory  says: a row of X has I numbers, not O
#include "exercise.h"

void layer_forward(const double *X, const double *W, const double *b, int n, int I, int O,
                   double *Z)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double z = b[o];
            for (int i = 0; i < I; i++)
                z += X[s * O + i] * W[o * I + i];
            Z[s * O + o] = z;
        }
}
