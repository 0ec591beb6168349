// fails: squares weights path  says: all tensors use the first one's s
#include "exercise.h"

#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[0].s[i] = rho * p[0].s[i] + (1 - rho) * g * g;
            p[k].w[i] -= lr * g / (sqrt(p[0].s[i]) + epsilon);
        }
}
