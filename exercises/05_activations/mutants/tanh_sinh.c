// fails: tanh  says: that is sinh
#include "exercise.h"

#include <math.h>

double act_sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

double act_tanh(double z)
{
    return (exp(z) - exp(-z)) / 2;
}

double act_relu(double z)
{
    return z > 0 ? z : 0;
}

double act_leaky_relu(double z, double slope)
{
    return z > 0 ? z : slope * z;
}
