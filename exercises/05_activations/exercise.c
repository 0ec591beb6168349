// 05_activations: four functions. The page is exercises/05_activations/README.md
#include "exercise.h"

#include <math.h>

double act_sigmoid(double z)
{
    // TODO(1/4): F2.1. About 1 line.
    (void)z; // delete this line
    return 0;
}

double act_tanh(double z)
{
    // TODO(2/4): F2.3, with exp() alone, and without inf/inf for a large z. About 3 lines.
    (void)z; // delete this line
    return 0;
}

double act_relu(double z)
{
    // TODO(3/4): F2.2. About 1 line.
    (void)z; // delete this line
    return 0;
}

double act_leaky_relu(double z, double slope)
{
    // TODO(4/4): as ReLU, but slope * z where z is below 0. About 1 line.
    (void)z, (void)slope; // delete this line
    return 0;
}
