// fails: velocity weights path laws  says: lr is in v: here v holds g alone
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            p[k].v[i] = momentum * p[k].v[i] + lr * p[k].g[i];
            p[k].w[i] -= p[k].v[i];
        }
}
