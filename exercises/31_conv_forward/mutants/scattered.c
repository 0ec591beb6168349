// passes
#include "exercise.h"

int conv_size(int n, int K, int S, int P)
{
    return n + 2 * P < K ? 0 : (n + 2 * P - K + S) / S;
}

/* From each pixel to the places that see it. */
void conv_forward(const conv *t)
{
    for (int i = 0; i < t->OH * t->OW * t->O; i++) t->y[i] = t->b[i % t->O];
    for (int i = 0; i < t->H * t->W * t->C; i++)
        for (int k = 0; k < t->K * t->K; k++) {
            int y = i / t->C / t->W + t->P - k / t->K, x = i / t->C % t->W + t->P - k % t->K;
            if (y < 0 || x < 0 || y % t->S || x % t->S) continue;
            y /= t->S, x /= t->S;
            for (int o = 0; y < t->OH && x < t->OW && o < t->O; o++)
                t->y[(y * t->OW + x) * t->O + o] +=
                    t->w[(o * t->K * t->K + k) * t->C + i % t->C] * t->x[i];
        }
}
