// fails: squares path  says: g² was averaged over the tensor
#include "exercise.h"

#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < p[k].n; i++) {
            double g = p[k].g[i];
            double sum = 0;
            for (int j = 0; j < p[k].n; j++) sum += p[k].g[j] * p[k].g[j];
            p[k].s[i] = rho * p[k].s[i] + (1 - rho) * sum / p[k].n;
            p[k].w[i] -= lr * g / (sqrt(p[k].s[i]) + epsilon);
        }
}
