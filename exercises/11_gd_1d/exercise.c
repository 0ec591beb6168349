// 11_gd_1d: gradient descent with one weight. The page is exercises/11_gd_1d/README.md
#include "exercise.h"

void predict(double *answer)
{
    // TODO(1/2): on paper, before you run anything: a number for each 0. 4 * 0.5 is welcome, too.
    answer[FACTOR] = 0;
    answer[AFTER_10] = 0;
    answer[LANDS] = 0;
    answer[DIVERGES] = 0;
    answer[AFTER_3] = 0;
    answer[STEEP] = 0;
    answer[STEPS] = 0;
}

void descend(slope *dL, double w, double alpha, int steps, double *path)
{
    // TODO(2/2): the walk, steps + 1 numbers of it. dL(w) is the slope at w. About 4 lines.
    (void)dL, (void)w, (void)alpha, (void)steps, (void)path; // delete this line
}
