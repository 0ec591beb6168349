// passes
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    int n = c->epochs;
    double guess = log(c->classes), last = c->loss[n - 1], up = 0, right = c->val_accuracy[n - 1];
    for (int e = 1; e < n; e++) up = fmax(up, c->loss[e] - c->loss[e - 1]);
    if (up > 0.3 * guess) return RATE_TOO_HIGH;
    if (c->accuracy[n - 1] > 0.85) return right * c->classes < 2 ? LABELS_MIXED : OVERFITTING;
    if (c->loss[4] - last < 0.05 * guess && last > 0.9 * guess) return VANISHING;
    return c->loss[n - 1 - n / 3] - last > 0.15 * (c->loss[0] - last) ? RATE_TOO_LOW : TOO_SMALL;
}

recipe repair(recipe given)
{
    given.activation = NN_TANH;
    return given;
}
