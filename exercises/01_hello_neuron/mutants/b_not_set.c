// fails: table margin  says: b was never set
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    w[1] = 1;
    (void)b;
}
