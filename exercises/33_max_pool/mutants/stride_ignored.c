// fails: largest stride from numeric  says: the windows move by 1
#include "exercise.h"

void pool_forward(const pool *t)
{
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int c = 0; c < t->C; c++) {
                int best = (oy * 1 * t->W + ox * 1) * t->C + c;
                best %= t->H * t->W * t->C;
                for (int ky = 0; ky < t->K; ky++)
                    for (int kx = 0; kx < t->K; kx++) {
                        int at = ((oy * 1 + ky) * t->W + ox * 1 + kx) * t->C + c;
                        if (at >= t->H * t->W * t->C) continue;
                        if (t->x[at] > t->x[best]) best = at;
                    }
                t->y[(oy * t->OW + ox) * t->C + c] = t->x[best];
                t->from[(oy * t->OW + ox) * t->C + c] = best;
            }
}

void pool_backward(const pool *t)
{
    for (int i = 0; i < t->H * t->W * t->C; i++) t->dx[i] = 0;
    for (int i = 0; i < t->OH * t->OW * t->C; i++) t->dx[t->from[i]] += t->dy[i];
}
