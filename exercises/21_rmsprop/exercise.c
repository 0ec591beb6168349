// 21_rmsprop: a learning rate for each weight. The page: exercises/21_rmsprop/README.md
#include "exercise.h"

#include <math.h>

void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon)
{
    // TODO(1/1): for each number of each tensor its new s, then its new w. About 6 lines.
    (void)p, (void)count, (void)lr, (void)rho, (void)epsilon; // delete this line
}
