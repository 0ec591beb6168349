// fails: squares path laws  says: 1 - rho has no brackets
#include "exercise.h"
#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[k].s[i] = rho * p[k].s[i] + 1 - rho * g * g;
            p[k].w[i] -= lr * g / (sqrt(p[k].s[i]) + epsilon);
        }
}
