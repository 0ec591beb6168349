// passes
#include "exercise.h"

#include <float.h>

void early_start(early_stopping *e)
{
    e->epoch = 0, e->waited = 0, e->best_epoch = -1, e->best_loss = DBL_MAX;
}

int early_step(early_stopping *e, double loss, const double *weights)
{
    int now = e->epoch++;
    e->waited++;
    if (loss + e->min_delta < e->best_loss) {
        for (int i = 0; i < e->n; i++) e->best_weights[i] = weights[i];
        e->best_loss = loss, e->best_epoch = now, e->waited = 0;
    }
    return e->waited < e->patience ? 0 : 2;
}

void early_restore(const early_stopping *e, double *weights)
{
    for (int i = 0; e->best_epoch >= 0 && i < e->n; i++) weights[i] = e->best_weights[i];
}
