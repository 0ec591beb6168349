// fails: moments weights path  says: all tensors use the first one's m
#include "exercise.h"

#include <math.h>

void adam_step(adam *a, parameter *p, int count)
{
    a->t++;
    double c1 = 1 - pow(a->beta1, a->t), c2 = 1 - pow(a->beta2, a->t);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            p[0].m[i] = a->beta1 * p[0].m[i] + (1 - a->beta1) * g;
            p[0].s[i] = a->beta2 * p[0].s[i] + (1 - a->beta2) * g * g;
            p[k].w[i] -= a->lr * (p[0].m[i] / c1) / (sqrt(p[0].s[i] / c2) + a->epsilon);
        }
}
