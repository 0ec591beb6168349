// fails: bias  says: the bias was decayed, too
#include "exercise.h"
#include <math.h>

double penalty(const layer *layers, int count, double l1, double l2)
{
    double P = 0;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < layers[k].O * layers[k].I; i++) {
            double w = layers[k].W[i];
            P += l1 * fabs(w) + l2 * w * w;
        }
    return P;
}

void penalty_gradient(const layer *layers, int count, double l1, double l2)
{
    for (int k = 0; k < count; k++)
        for (int i = 0; i < layers[k].O * layers[k].I; i++) {
            double w = layers[k].W[i];
            double sign = w > 0 ? 1 : w < 0 ? -1 : 0;
            layers[k].dW[i] += l1 * sign + 2 * l2 * w;
        }
    for (int k = 0; k < count; k++)
        for (int o = 0; o < layers[k].O; o++) layers[k].db[o] += 2 * l2 * layers[k].b[o];
}
