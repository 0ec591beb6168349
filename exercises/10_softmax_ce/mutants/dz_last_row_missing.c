// fails: backward numeric  says: were never written
#include "exercise.h"

#include <math.h>

double softmax_ce_forward(const double *z, const int *label, int n, int C, double *p)
{
    double loss = 0;
    for (int s = 0; s < n; s++) {
        const double *z_s = z + s * C;
        double *p_s = p + s * C, m = z_s[0], sum = 0;
        for (int c = 1; c < C; c++)
            if (z_s[c] > m) m = z_s[c];
        for (int c = 0; c < C; c++) sum += p_s[c] = exp(z_s[c] - m);
        for (int c = 0; c < C; c++) p_s[c] /= sum;
        loss += log(sum) - (z_s[label[s]] - m);
    }
    return loss / n;
}

void softmax_ce_backward(const double *p, const int *label, int n, int C, double *dz)
{
    for (int s = 0; s < n - 1; s++)
        for (int c = 0; c < C; c++) dz[s * C + c] = (p[s * C + c] - (c == label[s])) / n;
}
