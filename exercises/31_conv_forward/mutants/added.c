// fails: plain channels padding stride laws  says: you added to what was in
#include "exercise.h"

int conv_size(int n, int K, int S, int P)
{
    int room = n + 2 * P - K;
    return room < 0 ? 0 : room / S + 1;
}

void conv_forward(const conv *t)
{
    for (int oy = 0; oy < t->OH; oy++)
        for (int ox = 0; ox < t->OW; ox++)
            for (int o = 0; o < t->O; o++) {
                double sum = t->b[o];
                for (int ky = 0; ky < t->K; ky++)
                    for (int kx = 0; kx < t->K; kx++) {
                        int iy = oy * t->S + ky - t->P, ix = ox * t->S + kx - t->P;
                        if (iy < 0 || iy >= t->H || ix < 0 || ix >= t->W) continue;
                        for (int c = 0; c < t->C; c++)
                            sum += t->w[((o * t->K + ky) * t->K + kx) * t->C + c] *
                                   t->x[(iy * t->W + ix) * t->C + c];
                    }
                t->y[(oy * t->OW + ox) * t->O + o] += sum;
            }
}
