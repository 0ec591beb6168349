// 18_standardise_split: scale, but do not peek. The page: exercises/18_standardise_split/README.md
#include "exercise.h"

#include <math.h>

void fit(double *mean, double *deviation, const double *X, int n, int C)
{
    // TODO(1/3): of each column its mean, then its deviation. About 8 lines.
    (void)mean, (void)deviation, (void)X, (void)n, (void)C; // delete this line
}

void apply(double *X, const double *mean, const double *deviation, int n, int C)
{
    // TODO(2/3): all n * C numbers; mind a deviation of 0. About 5 lines.
    (void)X, (void)mean, (void)deviation, (void)n, (void)C; // delete this line
}

void prepare(double *X, double *mean, double *deviation, int n, int n_train, int C)
{
    // TODO(3/3): fit on what, apply to what? 2 lines.
    (void)X, (void)mean, (void)deviation, (void)n, (void)n_train, (void)C; // delete this line
}
