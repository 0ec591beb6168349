// fails: table margin  says: fires whenever x[1] is 1
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 0.25;
    w[1] = 1;
    *b = -0.5;
}
