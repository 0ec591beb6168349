// passes
#include "exercise.h"

#include <string.h>

/* From the last pixel of the window to the first: then >= keeps the first. */
void pool_forward(const pool *t)
{
    for (int i = 0; i < t->OH * t->OW * t->C; i++) {
        int corner = (i / t->C / t->OW * t->W + i / t->C % t->OW) * t->S * t->C + i % t->C,
            best = -1;
        for (int k = t->K * t->K - 1; k >= 0; k--) {
            int at = corner + (k / t->K * t->W + k % t->K) * t->C;
            if (best < 0 || t->x[at] >= t->x[best]) best = at;
        }
        t->from[i] = best;
        t->y[i] = t->x[best];
    }
}

void pool_backward(const pool *t)
{
    memset(t->dx, 0, (size_t)(t->H * t->W * t->C) * sizeof *t->dx);
    for (int i = t->OH * t->OW * t->C - 1; i >= 0; i--) t->dx[t->from[i]] += t->dy[i];
}
