// fails: velocity path laws  says: momentum weighs g, too
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            p[k].v[i] = momentum * (p[k].v[i] + p[k].g[i]);
            p[k].w[i] -= lr * p[k].v[i];
        }
}
