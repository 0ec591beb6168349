// s is a mean of squares, so its root has the size of g, and the quotient has the size of 1.
// epsilon stands outside of the root: where g has always been 0, that is 0 / epsilon and not 0 / 0.
// Nothing is shared between numbers: each weight has a rate of its own, lr / (sqrt(s) + epsilon).
#include "exercise.h"

#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[k].s[i] = rho * p[k].s[i] + (1 - rho) * g * g;
            p[k].w[i] -= lr * g / (sqrt(p[k].s[i]) + epsilon);
        }
}
