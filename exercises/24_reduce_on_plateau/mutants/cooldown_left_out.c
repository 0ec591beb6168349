// fails: cooldown  says: nothing was looked at in the cooldown
#include "exercise.h"
#include <math.h>

void plateau_start(plateau *p, double lr)
{
    p->lr = lr, p->best = INFINITY;
    p->wait = 0, p->cooling = 0;
}

double plateau_epoch(plateau *p, double loss)
{
    if (p->cooling > 0) {
        p->cooling--, p->wait = 0;
        return p->lr;
    }
    if (loss < p->best - p->min_delta) {
        p->best = loss;
        p->wait = 0;
    } else if (p->cooling == 0) {
        p->wait++;
        if (p->wait >= p->patience && p->lr > p->min_lr) {
            p->lr = fmax(p->factor * p->lr, p->min_lr);
            p->cooling = p->cooldown;
            p->wait = 0;
        }
    }
    return p->lr;
}
