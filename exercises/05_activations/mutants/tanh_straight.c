// fails: tanh  says: cut off at -1 and 1
#include "exercise.h"

#include <math.h>

double act_sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

double act_tanh(double z)
{
    return fmin(1, fmax(-1, z));
}

double act_relu(double z)
{
    return z > 0 ? z : 0;
}

double act_leaky_relu(double z, double slope)
{
    return z > 0 ? z : slope * z;
}
