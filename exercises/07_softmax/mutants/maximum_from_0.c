// fails: stable  says: not at 0
#include "exercise.h"

#include <math.h>

void softmax(const double *z, int n, int C, double *p)
{
    for (int s = 0; s < n; s++) {
        const double *z_s = z + s * C;
        double *p_s = p + s * C, m = 0, sum = 0;
        for (int c = 0; c < C; c++)
            if (z_s[c] > m) m = z_s[c];
        for (int c = 0; c < C; c++) {
            p_s[c] = exp(z_s[c] - m);
            sum += p_s[c];
        }
        for (int c = 0; c < C; c++) p_s[c] /= sum;
    }
}
