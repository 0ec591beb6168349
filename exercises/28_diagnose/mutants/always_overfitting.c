// fails: high low small flat mixed  says: Overfitting would
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    (void)c;
    return OVERFITTING;
}

recipe repair(recipe given)
{
    given.activation = NN_TANH;
    return given;
}
