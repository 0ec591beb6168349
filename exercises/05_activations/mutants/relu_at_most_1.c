// fails: relu  says: stops at 1
#include "exercise.h"

#include <math.h>

double act_sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

double act_tanh(double z)
{
    double e = exp(-2 * fabs(z)), t = (1 - e) / (1 + e);
    return z < 0 ? -t : t;
}

double act_relu(double z)
{
    return fmin(1, fmax(0, z));
}

double act_leaky_relu(double z, double slope)
{
    return z > 0 ? z : slope * z;
}
