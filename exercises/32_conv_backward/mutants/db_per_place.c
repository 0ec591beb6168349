// fails: weights w_moved  says: once for each ky and kx
#include "exercise.h"

void conv_backward_weights(const conv *t)
{
    int H = t->H, W = t->W, C = t->C, K = t->K, O = t->O;
    for (int o = 0; o < O; o++) t->db[o] = 0;
    for (int i = 0; i < O * K * K * C; i++) t->dw[i] = 0;
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < O; o++) {
                double dy = t->dy[(oy * t->OW + ox) * O + o];
                for (int ky = 0; ky < K; ky++)
                    for (int kx = 0; kx < K; kx++) {
                        t->db[o] += dy;
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                        for (int c = 0; c < C; c++)
                            t->dw[((o * K + ky) * K + kx) * C + c] +=
                                dy * t->x[(iy * W + ix) * C + c];
                    }
            }
}

void conv_backward_input(const conv *t)
{
    int H = t->H, W = t->W, C = t->C, K = t->K, O = t->O;
    for (int i = 0; i < H * W * C; i++) t->dx[i] = 0;
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < O; o++) {
                double dy = t->dy[(oy * t->OW + ox) * O + o];
                for (int ky = 0; ky < K; ky++)
                    for (int kx = 0; kx < K; kx++) {
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                        for (int c = 0; c < C; c++)
                            t->dx[(iy * W + ix) * C + c] +=
                                dy * t->w[((o * K + ky) * K + kx) * C + c];
                    }
            }
}
