// fails: table margin  says: is not a finite number
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 1e308 * 1e308;
    w[1] = 1;
    *b = -1.5;
}
