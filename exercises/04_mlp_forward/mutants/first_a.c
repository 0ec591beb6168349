// fails: forward depths laws  says: not of the layer before it
#include "exercise.h"

#include <math.h>

void mlp_forward(const double *X, int n, const layer *layers, int count)
{
    const double *x = X;
    for (int k = 0; k < count; k++) {
        const layer *l = &layers[k];
        for (int s = 0; s < n; s++)
            for (int o = 0; o < l->units; o++) {
                double z = l->b[o];
                for (int i = 0; i < l->inputs; i++)
                    z += x[s * l->inputs + i] * l->W[o * l->inputs + i];
                l->z[s * l->units + o] = z;
                l->a[s * l->units + o] = k < count - 1 ? fmax(0, z) : 1 / (1 + exp(-z));
            }
        x = layers[0].a;
    }
}
