// Row s of X and row o of W lie side by side in memory: that is why W has one row per unit.
// The sum starts at b[o] for each sample: all samples share the bias of a unit.
// z is a variable of its own: Z is written once, and what was in it before does not matter.
#include "exercise.h"

void layer_forward(const double *X, const double *W, const double *b, int n, int I, int O,
                   double *Z)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double z = b[o];
            for (int i = 0; i < I; i++) z += X[s * I + i] * W[o * I + i];
            Z[s * O + o] = z;
        }
}
