// fails: squares weights path  says: p-> is p[0], write p[k].
#include "exercise.h"
#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p->n; i++) {
            double g = p->g[i];
            p->s[i] = rho * p->s[i] + (1 - rho) * g * g;
            p->w[i] -= lr * g / (sqrt(p->s[i]) + epsilon);
        }
}
