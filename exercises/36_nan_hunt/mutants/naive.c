// fails: unit extreme  says: before squaring
#include "exercise.h"

#include <math.h>

found nan_hunt(const tensor *trace, int steps, int tensors)
{
    found at = { -1, -1, -1 };
    for (int k = 0; k < steps * tensors; k++)
        for (int i = 0; i < trace[k].n; i++) {
            if (isfinite(trace[k].v[i])) continue;
            at.step = k / tensors, at.tensor = k % tensors, at.index = i;
            return at;
        }
    return at;
}

void unit(double *y, const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    for (int i = 0; i < n; i++) y[i] = x[i] / sqrt(sum);
}

void clip(const tensor *g, int tensors, double limit)
{
    for (int k = 0; k < tensors; k++) {
        double sum = 0;
        for (int i = 0; i < g[k].n; i++) sum += g[k].v[i] * g[k].v[i];
        double norm = sqrt(sum);
        for (int i = 0; i < g[k].n; i++)
            if (!isfinite(norm)) g[k].v[i] = 0;
            else if (norm > limit) g[k].v[i] *= limit / norm;
    }
}
