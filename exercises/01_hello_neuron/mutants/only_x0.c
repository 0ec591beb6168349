// fails: table margin  says: fires whenever x[0] is 1
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    w[1] = 0;
    *b = -0.5;
}
