// fails: table margin  says: silent for (0, 1) alone
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    w[1] = -1;
    *b = 0.5;
}
