// fails: velocity path laws  says: the old v was kept in full
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            p[k].v[i] += p[k].g[i];
            p[k].w[i] -= lr * p[k].v[i];
        }
}
