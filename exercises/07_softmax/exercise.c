// 07_softmax: a program with three blanks. The page is exercises/07_softmax/README.md
#include "exercise.h"

#include <math.h>

void softmax(const double *z, int n, int C, double *p)
{
    for (int s = 0; s < n; s++) {
        const double *z_s = z + s * C; // row s: its entries are z_s[0] to z_s[C - 1]
        double *p_s = p + s * C;
        double m = z_s[0], sum = 0;

        // TODO(1/3): let m become the largest entry of row s. About 2 lines.

        for (int c = 0; c < C; c++) {
            // TODO(2/3): p_s[c] = the exponential of F2.5; add it to sum. Instead of this line:
            p_s[c] = z_s[c] - m;
        }
        for (int c = 0; c < C; c++) {
            // TODO(3/3): make a probability of p_s[c]. Instead of this line:
            p_s[c] = sum;
        }
    }
}
