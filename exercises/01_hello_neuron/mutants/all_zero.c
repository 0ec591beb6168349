// fails: table margin  says: it never fires
#include "exercise.h"

void and_neuron(double w[2], double *b)
{
    w[0] = 0;
    w[1] = 0;
    *b = 0;
}
