// 27_early_stopping: when to stop training. The page: exercises/27_early_stopping/README.md
#include "exercise.h"

#include <math.h>

void early_start(early_stopping *e)
{
    // TODO(1/3): best_loss, best_epoch, waited, epoch. About 4 lines.
    (void)e; // delete this line
}

int early_step(early_stopping *e, double loss, const double *weights)
{
    // TODO(2/3): was it an improvement? Then keep it; else wait. About 11 lines.
    (void)e, (void)loss, (void)weights; // delete this line
    return 0;
}

void early_restore(const early_stopping *e, double *weights)
{
    // TODO(3/3): copy the best weights back. About 2 lines.
    (void)e, (void)weights; // delete this line
}
