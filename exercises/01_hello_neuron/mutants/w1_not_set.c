// fails: table margin  says: w[1] was never set
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    (void)w[1];
    *b = -1.5;
}
