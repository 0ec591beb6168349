// fails: tanh  says: fabs() for doubles
#include "exercise.h"
#include <math.h>
#include <stdlib.h>

double act_sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

double act_tanh(double z)
{
    double e = exp(-2 * abs((int)z));
    double t = (1 - e) / (1 + e);
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
