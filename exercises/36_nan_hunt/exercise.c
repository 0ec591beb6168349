// 36_nan_hunt: where did the first NaN come from? The page: exercises/36_nan_hunt/README.md
#include "exercise.h"

#include <math.h>

found nan_hunt(const tensor *trace, int steps, int tensors)
{
    // TODO(1/3): the first number that is not finite. About 7 lines.
    found none = { -1, -1, -1 };
    (void)trace, (void)steps, (void)tensors; // delete this line
    return none;
}

void unit(double *y, const double *x, int n)
{
    // TODO(2/3): x / |x| without 0/0, overflow or underflow. About 7 lines.
    (void)y, (void)x, (void)n; // delete this line
}

void clip(const tensor *g, int tensors, double limit)
{
    // TODO(3/3): each tensor by its own norm. About 7 lines.
    (void)g, (void)tensors, (void)limit; // delete this line
}
