// fails: moments path laws  says: 1 - beta1 has no brackets
#include "exercise.h"
#include <math.h>

void adam_step(adam *a, parameter *p, int count)
{
    a->t++;
    double c1 = 1 - pow(a->beta1, a->t), c2 = 1 - pow(a->beta2, a->t);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[k].m[i] = a->beta1 * p[k].m[i] + 1 - a->beta1 * g;
            p[k].s[i] = a->beta2 * p[k].s[i] + (1 - a->beta2) * g * g;
            p[k].w[i] -= a->lr * (p[k].m[i] / c1) / (sqrt(p[k].s[i] / c2) + a->epsilon);
        }
}
