// fails: high low over small flat mixed  says: Your answer was UNKNOWN
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    (void)c;
    return UNKNOWN;
}

recipe repair(recipe given)
{
    given.activation = NN_TANH;
    return given;
}
