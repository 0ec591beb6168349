// Sigmoid as it stands: for z = -1000 exp(-z) is infinity, and 1 / infinity is the 0 wanted here.
// tanh divided by e^|z|, above and below: then only e^(-2|z|) is left, which never overflows.
// The two ReLUs ask for the sign of z and need no function of the library.
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
    return z > 0 ? z : 0;
}

double act_leaky_relu(double z, double slope)
{
    return z > 0 ? z : slope * z;
}
