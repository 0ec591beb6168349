// fails: tanh  says: the sum below the line needs brackets
#include "exercise.h"
#include <math.h>

double act_sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

double act_tanh(double z)
{
    double e = exp(-2 * fabs(z));
    double t = (1 - e) / 1 + e;
    return z < 0 ? -t : t;
}

double act_relu(double z)
{
    return z > 0 ? z : 0;
}

double act_leaky_relu(double z, double slope)
{
    return z > 0 ? z : slope * z;
}
