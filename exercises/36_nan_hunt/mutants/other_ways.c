// passes
#include "exercise.h"

#include <math.h>

found nan_hunt(const tensor *trace, int steps, int tensors)
{
    found none = { -1, -1, -1 };
    for (int s = 0; s < steps; s++)
        for (int k = 0; k < tensors; k++) {
            const tensor *t = &trace[s * tensors + k];
            for (int i = 0; i < t->n; i++)
                if (t->v[i] - t->v[i] != 0) { /* inf - inf and NaN are not 0 */
                    found f = { s, k, i };
                    return f;
                }
        }
    return none;
}

void unit(double *y, const double *x, int n)
{
    double norm = 0;
    for (int i = 0; i < n; i++) norm = hypot(norm, x[i]);
    for (int i = 0; i < n; i++) y[i] = norm == 0 ? 0 : x[i] / norm;
}

void clip(const tensor *g, int tensors, double limit)
{
    for (const tensor *t = g; t < g + tensors; t++) {
        double sum = 0;
        for (int i = 0; i < t->n; i++) sum += t->v[i] * t->v[i];
        if (sum <= limit * limit) continue;
        double by = sum < INFINITY ? limit / sqrt(sum) : 0;
        for (int i = 0; i < t->n; i++) t->v[i] = by == 0 ? 0 : by * t->v[i];
    }
}
