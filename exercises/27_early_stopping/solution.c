// loss < best_loss - min_delta is false for NaN, so that NaN needs no question of its own.
// The weights are copied number by number: training goes on in the same array, and a pointer to it
// would always show the latest ones. best_loss moves on an improvement alone; a slow creep counts
// as waiting until it adds up to min_delta.
#include "exercise.h"

#include <math.h>
#include <string.h>

void early_start(early_stopping *e)
{
    e->best_loss = INFINITY;
    e->best_epoch = -1;
    e->waited = e->epoch = 0;
}

int early_step(early_stopping *e, double loss, const double *weights)
{
    if (loss < e->best_loss - e->min_delta) {
        e->best_loss = loss;
        e->best_epoch = e->epoch;
        e->waited = 0;
        memcpy(e->best_weights, weights, (size_t)e->n * sizeof *weights);
    } else e->waited++;
    e->epoch++;
    return e->waited >= e->patience;
}

void early_restore(const early_stopping *e, double *weights)
{
    if (e->best_epoch < 0) return;
    memcpy(weights, e->best_weights, (size_t)e->n * sizeof *weights);
}
