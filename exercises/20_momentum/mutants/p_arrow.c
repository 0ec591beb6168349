// fails: velocity weights path laws  says: p-> is p[0], write p[k].
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p->n; i++) {
            p->v[i] = momentum * p->v[i] + p->g[i];
            p->w[i] -= lr * p->v[i];
        }
}
