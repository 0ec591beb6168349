// fails: stable  says: the maximum of the whole matrix
#include "exercise.h"

#include <math.h>

void softmax(const double *z, int n, int C, double *p)
{
    for (int s = 0; s < n; s++) {
        const double *z_s = z + s * C;
        double *p_s = p + s * C, m = z[0], sum = 0;
        for (int i = 1; i < n * C; i++)
            if (z[i] > m) m = z[i];
        for (int c = 0; c < C; c++) {
            p_s[c] = exp(z_s[c] - m);
            sum += p_s[c];
        }
        for (int c = 0; c < C; c++) p_s[c] /= sum;
    }
}
