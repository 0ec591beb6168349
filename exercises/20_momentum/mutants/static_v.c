// fails: velocity weights path laws  says: v is as it was
#include "exercise.h"

void momentum_step(parameter *p, int count, double lr, double momentum)
{
    static double v[3][7];
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            v[k][i] = momentum * v[k][i] + p[k].g[i];
            p[k].w[i] -= lr * v[k][i];
        }
}
