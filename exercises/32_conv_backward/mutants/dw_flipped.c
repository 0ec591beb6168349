// fails: weights w_moved numeric  says: the kernel is turned round
#include "exercise.h"

#include <string.h>

void conv_backward_weights(const conv *t)
{
    memset(t->db, 0, (size_t)t->O * sizeof *t->db);
    memset(t->dw, 0, (size_t)(t->O * t->K * t->K * t->C) * sizeof *t->dw);
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < t->O; o++) {
                double dy = t->dy[(oy * t->OW + ox) * t->O + o];
                t->db[o] += dy;
                for (int ky = 0; ky < t->K; ky++)
                    for (int kx = 0; kx < t->K; kx++) {
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= t->H || ix < 0 || ix >= t->W) continue;
                        for (int c = 0; c < t->C; c++)
                            t->dw[((o * t->K + t->K - 1 - ky) * t->K + t->K - 1 - kx) * t->C + c] +=
                                dy * t->x[(iy * t->W + ix) * t->C + c];
                    }
            }
}

void conv_backward_input(const conv *t)
{
    memset(t->dx, 0, (size_t)(t->H * t->W * t->C) * sizeof *t->dx);
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < t->O; o++)
                for (int ky = 0; ky < t->K; ky++)
                    for (int kx = 0; kx < t->K; kx++) {
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= t->H || ix < 0 || ix >= t->W) continue;
                        for (int c = 0; c < t->C; c++)
                            t->dx[(iy * t->W + ix) * t->C + c] +=
                                t->dy[(oy * t->OW + ox) * t->O + o] *
                                t->w[((o * t->K + ky) * t->K + kx) * t->C + c];
                    }
}
