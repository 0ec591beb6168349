// fails: largest from  says: each search starts at the image's first pixel
#include "exercise.h"

void pool_forward(const pool *t)
{
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int c = 0; c < t->C; c++) {
                int best = c;
                for (int ky = 0; ky < t->K; ky++)
                    for (int kx = 0; kx < t->K; kx++) {
                        int i = ((oy * t->S + ky) * t->W + ox * t->S + kx) * t->C + c;
                        if (t->x[i] > t->x[best]) best = i;
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
