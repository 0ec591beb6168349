// fails: forward stable laws numeric  says: the sum goes on from row to row
#include "exercise.h"
#include <math.h>

double softmax_ce_forward(const double *z, const int *label, int n, int C, double *p)
{
    double loss = 0;
    double sum = 0;
    for (int s = 0; s < n; s++) {
        const double *zs = z + s * C;
        double *ps = p + s * C;
        double m = zs[0];
        for (int c = 1; c < C; c++)
            m = fmax(m, zs[c]);
        for (int c = 0; c < C; c++) {
            ps[c] = exp(zs[c] - m);
            sum += ps[c];
        }
        for (int c = 0; c < C; c++)
            ps[c] /= sum;
        loss -= zs[label[s]] - m - log(sum);
    }
    return loss / n;
}

void softmax_ce_backward(const double *p, const int *label, int n, int C, double *dz)
{
    for (int s = 0; s < n; s++)
        for (int c = 0; c < C; c++)
            dz[s * C + c] = (p[s * C + c] - (c == label[s] ? 1 : 0)) / n;
}
