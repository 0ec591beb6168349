// fails: margin  says: too unequal for any b
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    w[1] = 3;
    *b = -3.5;
}
