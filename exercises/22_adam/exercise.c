// 22_adam: momentum and a rate for each weight. The page: exercises/22_adam/README.md
#include "exercise.h"

#include <math.h>

void adam_step(adam *a, parameter *p, int count)
{
    // TODO(1/1): count the step; then for each number its m, its s, and its w. About 10 lines.
    (void)a, (void)p, (void)count; // delete this line
}
