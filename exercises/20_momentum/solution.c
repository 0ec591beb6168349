// v first, then w with the new v: the first step, from v = 0, is plain gradient descent.
// The state belongs to the tensor. A static array here would mix the tensors of a network.
// lr stays out of v, so that a schedule may change it between two steps without a jump in v.
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            p[k].v[i] = momentum * p[k].v[i] + p[k].g[i];
            p[k].w[i] -= lr * p[k].v[i];
        }
}
