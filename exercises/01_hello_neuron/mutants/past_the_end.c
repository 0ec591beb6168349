// fails: table margin memory  says: your code wrote w[2]
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1;
    w[2] = 1;
    *b = -1.5;
}
