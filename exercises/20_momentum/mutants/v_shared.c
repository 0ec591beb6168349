// fails: velocity weights path  says: all tensors use the first one's v
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            p[0].v[i] = momentum * p[0].v[i] + p[k].g[i];
            p[k].w[i] -= lr * p[0].v[i];
        }
}
