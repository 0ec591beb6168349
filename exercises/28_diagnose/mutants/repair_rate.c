// fails: repair  says: Another rate changes
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    int n = c->epochs, jumps = 0;
    double guessing = log(c->classes), last = c->loss[n - 1], best = c->val_loss[0];
    for (int e = 1; e < n; e++) {
        jumps += c->loss[e] > 1.1 * c->loss[e - 1];
        best = fmin(best, c->val_loss[e]);
    }
    if (jumps > n / 10) return RATE_TOO_HIGH;
    if (last < 0.3 * guessing) return best < 0.85 * guessing ? OVERFITTING : LABELS_MIXED;
    if (fabs(last - c->loss[n / 2]) < 0.02 * guessing && last > 0.95 * guessing) return VANISHING;
    double fall = c->loss[0] - last, late = c->loss[n - 1 - n / 4] - last;
    return late > 0.1 * fall ? RATE_TOO_LOW : TOO_SMALL;
}

recipe repair(recipe given)
{
    given.rate *= 10;
    return given;
}
