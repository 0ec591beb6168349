// fails: value edges laws  says: is there a float
#include "exercise.h"

void layer_forward(const double *X, const double *W, const double *b, int n, int I, int O,
                   double *Z)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            float z = (float)b[o];
            for (int i = 0; i < I; i++) z += (float)X[s * I + i] * W[o * I + i];
            Z[s * O + o] = z;
        }
}
