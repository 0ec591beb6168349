// fails: size  says: brackets are missing
#include "exercise.h"

int conv_size(int n, int K, int S, int P)
{
    if (n + 2 * P < K) return 0;
    return n + 2 * P - K / S + 1;
}

void conv_forward(const conv *t)
{
    int H = t->H, W = t->W, C = t->C, K = t->K, O = t->O;
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < O; o++) {
                double sum = t->b[o];
                for (int ky = 0; ky < K; ky++)
                    for (int kx = 0; kx < K; kx++) {
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                        for (int c = 0; c < C; c++)
                            sum +=
                                t->w[((o * K + ky) * K + kx) * C + c] * t->x[(iy * W + ix) * C + c];
                    }
                t->y[(oy * t->OW + ox) * O + o] = sum;
            }
}
