// passes
#include "exercise.h"

/* Weight by weight, each by a sum of its own. */
void conv_backward_weights(const conv *t)
{
    int K = t->K, C = t->C, places = t->OH * t->OW;
    for (int o = 0; o < t->O; o++) {
        double sum = 0;
        for (int p = 0; p < places; p++) sum += t->dy[p * t->O + o];
        t->db[o] = sum;
    }
    for (int i = 0; i < t->O * K * K * C; i++) {
        double sum = 0;
        for (int p = places - 1; p >= 0; p--) {
            int y = p / t->OW * t->S + i / C / K % K - t->P,
                x = p % t->OW * t->S + i / C % K - t->P;
            if (y >= 0 && x >= 0 && y < t->H && x < t->W)
                sum += t->x[(y * t->W + x) * C + i % C] * t->dy[p * t->O + i / C / K / K];
        }
        t->dw[i] = sum;
    }
}

#include <string.h>

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
