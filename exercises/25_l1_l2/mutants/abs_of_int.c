// fails: penalty  says: abs is for int, fabs for double
#include "exercise.h"

#include <math.h>

double penalty(const layer *layers, int count, double l1, double l2)
{
    double sum = 0;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < layers[k].O * layers[k].I; i++) {
            double w = layers[k].W[i];
            sum += l1 * (double)(int)fabs(w) + l2 * w * w;
        }
    return sum;
}

void penalty_gradient(const layer *layers, int count, double l1, double l2)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < layers[k].O * layers[k].I; i++) {
            double w = layers[k].W[i];
            int sign = (w > 0) - (w < 0);
            layers[k].dW[i] += l1 * sign + 2 * l2 * w;
        }
}
