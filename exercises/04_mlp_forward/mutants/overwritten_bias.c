// fails: forward depths  says: and b is gone
#include "exercise.h"
#include <math.h>

void mlp_forward(const double *X, int n, const layer *layers, int count)
{
    const double *x = X;
    for (int k = 0; k < count; k++) {
        const layer *l = &layers[k];
        for (int s = 0; s < n; s++)
            for (int u = 0; u < l->units; u++) {
                double z = l->b[u];
                for (int i = 0; i < l->inputs; i++)
                    z = x[s * l->inputs + i] * l->W[u * l->inputs + i];
                l->z[s * l->units + u] = z;
                if (k == count - 1)
                    l->a[s * l->units + u] = 1 / (1 + exp(-z));
                else
                    l->a[s * l->units + u] = z > 0 ? z : 0;
            }
        x = l->a;
    }
}
