// fails: weights path  says: g is above the line
#include "exercise.h"

#include <math.h>

void adam_step(adam *a, parameter *p, int count)
{
    a->t++;
    double c1 = 1 - pow(a->beta1, a->t), c2 = 1 - pow(a->beta2, a->t);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[k].m[i] = a->beta1 * p[k].m[i] + (1 - a->beta1) * g;
            p[k].s[i] = a->beta2 * p[k].s[i] + (1 - a->beta2) * g * g;
            (void)c1, (void)c2;
            p[k].w[i] -= a->lr * g / (sqrt(p[k].s[i] / c2) + a->epsilon);
        }
}
