// fails: unit  says: the norm was made of entries that had been overwritten
#include "exercise.h"

#include <math.h>

found nan_hunt(const tensor *trace, int steps, int tensors)
{
    found none = { -1, -1, -1 };
    for (int s = 0; s < steps; s++)
        for (int k = 0; k < tensors; k++) {
            const tensor *t = &trace[s * tensors + k];
            for (int i = 0; i < t->n; i++)
                if (!isfinite(t->v[i])) return (found){ s, k, i };
        }
    return none;
}

void unit(double *y, const double *x, int n)
{
    double m = 0, sum = 0;
    for (int i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    for (int i = 0; i < n; i++) y[i] = m == 0 ? 0 : x[i] / m;
    for (int i = 0; i < n; i++) sum += (x[i] / m) * (x[i] / m);
    for (int i = 0; i < n && m > 0; i++) y[i] /= sqrt(sum);
}

void clip(const tensor *g, int tensors, double limit)
{
    for (int k = 0; k < tensors; k++) {
        double sum = 0;
        for (int i = 0; i < g[k].n; i++) sum += g[k].v[i] * g[k].v[i];
        double norm = sqrt(sum);
        for (int i = 0; i < g[k].n; i++) {
            if (!isfinite(norm)) g[k].v[i] = 0;
            else if (norm > limit) g[k].v[i] *= limit / norm;
        }
    }
}
