// fails: restore  says: memcpy counts bytes
#include "exercise.h"
#include <math.h>
#include <string.h>

void early_start(early_stopping *e)
{
    e->best_loss = INFINITY;
    e->best_epoch = -1;
    e->waited = 0;
    e->epoch = 0;
}

int early_step(early_stopping *e, double loss, const double *weights)
{
    if (loss < e->best_loss - e->min_delta) {
        e->best_loss = loss;
        e->best_epoch = e->epoch;
        e->waited = 0;
        memcpy(e->best_weights, weights, (size_t)e->n);
    } else {
        e->waited++;
    }
    e->epoch++;
    return e->waited >= e->patience;
}

void early_restore(const early_stopping *e, double *weights)
{
    if (e->best_epoch >= 0) memcpy(weights, e->best_weights, sizeof(double) * (size_t)e->n);
}
