// fails: high low over flat mixed  says: Too small a network would
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    (void)c;
    return TOO_SMALL;
}

recipe repair(recipe given)
{
    given.activation = NN_TANH;
    return given;
}
