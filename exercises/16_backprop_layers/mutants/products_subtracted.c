// fails: forward five numeric  says: the products were subtracted
#include "exercise.h"
#include <math.h>

static void soft(double *a, int C)
{
    double m = a[0], sum = 0;
    for (int c = 1; c < C; c++)
        m = fmax(m, a[c]);
    for (int c = 0; c < C; c++) {
        a[c] = exp(a[c] - m);
        sum += a[c];
    }
    for (int c = 0; c < C; c++)
        a[c] /= sum;
}

void forward(net *t)
{
    for (int l = 0; l < t->depth; l++) {
        int I = t->size[l], O = t->size[l + 1];
        for (int s = 0; s < t->n; s++) {
            double *a = t->a[l + 1] + s * O;
            for (int o = 0; o < O; o++) {
                double z = t->b[l][o];
                for (int i = 0; i < I; i++)
                    z -= t->a[l][s * I + i] * t->W[l][o * I + i];
                a[o] = l < t->depth - 1 ? tanh(z) : z;
            }
            if (l == t->depth - 1)
                soft(a, O);
        }
    }
}

void backward(net *t)
{
    for (int l = t->depth - 1; l >= 0; l--) {
        int I = t->size[l], O = t->size[l + 1];
        if (l == t->depth - 1)
            for (int s = 0; s < t->n; s++)
                for (int o = 0; o < O; o++)
                    t->dz[l][s * O + o] = (t->a[l + 1][s * O + o] - (t->label[s] == o)) / t->n;
        for (int o = 0; o < O; o++) {
            t->db[l][o] = 0;
            for (int i = 0; i < I; i++)
                t->dW[l][o * I + i] = 0;
            for (int s = 0; s < t->n; s++) {
                t->db[l][o] += t->dz[l][s * O + o];
                for (int i = 0; i < I; i++)
                    t->dW[l][o * I + i] += t->dz[l][s * O + o] * t->a[l][s * I + i];
            }
        }
        if (l == 0)
            break;
        for (int s = 0; s < t->n; s++)
            for (int i = 0; i < I; i++) {
                double da = 0;
                for (int o = 0; o < O; o++)
                    da += t->dz[l][s * O + o] * t->W[l][o * I + i];
                double a = t->a[l][s * I + i];
                t->dz[l - 1][s * I + i] = da * (1 - a * a);
            }
    }
}
