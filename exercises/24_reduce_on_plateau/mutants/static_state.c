// fails: apart  says: a second schedule changed the first
#include "exercise.h"

#include <math.h>

static int wait;

void plateau_start(plateau *p, double lr)
{
    p->lr = lr, p->best = INFINITY;
    wait = p->cooling = 0;
}

double plateau_epoch(plateau *p, double loss)
{
    if (p->cooling > 0) p->cooling--, wait = 0;
    if (loss < p->best - p->min_delta) {
        p->best = loss, wait = 0;
    } else if (p->cooling == 0) {
        wait++;
        if (wait >= p->patience && p->lr > p->min_lr) {
            p->lr = fmax(p->lr * p->factor, p->min_lr);
            p->cooling = p->cooldown, wait = 0;
        }
    }
    return p->lr;
}
