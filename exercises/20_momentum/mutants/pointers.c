// passes
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    for (parameter *q = p; q < p + count; q++)
        for (int i = 0; i < q->n; i++) {
            q->v[i] = momentum * q->v[i] + q->g[i];
            q->w[i] -= lr * q->v[i];
        }
}
