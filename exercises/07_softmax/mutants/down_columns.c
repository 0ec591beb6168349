// fails: value stable laws  says: runs down the columns
#include "exercise.h"

#include <math.h>

void softmax(const double *z, int n, int C, double *p)
{
    for (int c = 0; c < C; c++) {
        double m = z[c], sum = 0;
        for (int s = 1; s < n; s++)
            if (z[s * C + c] > m) m = z[s * C + c];
        for (int s = 0; s < n; s++) {
            p[s * C + c] = exp(z[s * C + c] - m);
            sum += p[s * C + c];
        }
        for (int s = 0; s < n; s++) p[s * C + c] /= sum;
    }
}
