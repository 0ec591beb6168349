// fails: moments weights path  says: p-> is p[0], write p[k].
#include "exercise.h"
#include <math.h>

void adam_step(adam *a, parameter *p, int count)
{
    a->t++;
    double c1 = 1 - pow(a->beta1, a->t), c2 = 1 - pow(a->beta2, a->t);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p->n; i++) {
            double g = p->g[i];
            p->m[i] = a->beta1 * p->m[i] + (1 - a->beta1) * g;
            p->s[i] = a->beta2 * p->s[i] + (1 - a->beta2) * g * g;
            p->w[i] -= a->lr * (p->m[i] / c1) / (sqrt(p->s[i] / c2) + a->epsilon);
        }
}
