// passes
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 20;
    w[1] = 20;
    *b = -30;
}
