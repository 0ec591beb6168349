// passes
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 2;
    w[1] = 2.4;
    *b = -3.3;
}
