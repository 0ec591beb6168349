// fails: deep five numeric  says: 1 - a was taken
#include "exercise.h"

#include <math.h>

static void softmax(double *z, int C)
{
    double m = z[0], sum = 0;
    for (int c = 1; c < C; c++) m = fmax(m, z[c]);
    for (int c = 0; c < C; c++) sum += z[c] = exp(z[c] - m);
    for (int c = 0; c < C; c++) z[c] /= sum;
}

void forward(net *t)
{
    for (int l = 0; l < t->depth; l++) {
        int I = t->size[l], O = t->size[l + 1], last = l == t->depth - 1;
        for (int s = 0; s < t->n; s++) {
            const double *x = t->a[l] + s * I;
            double *a = t->a[l + 1] + s * O;
            for (int o = 0; o < O; o++) {
                double z = t->b[l][o];
                for (int i = 0; i < I; i++) z += t->W[l][o * I + i] * x[i];
                a[o] = last ? z : tanh(z);
            }
            if (last) softmax(a, O);
        }
    }
}

// dW and db of layer l, from dz[l] and the layer's input a[l]
static void weight_gradients(net *t, int l)
{
    int I = t->size[l], O = t->size[l + 1];
    for (int o = 0; o < O; o++) {
        t->db[l][o] = 0;
        for (int i = 0; i < I; i++) t->dW[l][o * I + i] = 0;
        for (int s = 0; s < t->n; s++) {
            double d = t->dz[l][s * O + o];
            t->db[l][o] += d;
            for (int i = 0; i < I; i++) t->dW[l][o * I + i] += d * t->a[l][s * I + i];
        }
    }
}

void backward(net *t)
{
    int top = t->depth - 1, C = t->size[t->depth];
    for (int s = 0; s < t->n; s++)
        for (int c = 0; c < C; c++)
            t->dz[top][s * C + c] = (t->a[t->depth][s * C + c] - (c == t->label[s])) / t->n;
    for (int l = top; l >= 0; l--) {
        int I = t->size[l], O = t->size[l + 1];
        weight_gradients(t, l);
        for (int k = 0; k < t->n * I && l > 0; k++) {
            double a = t->a[l][k], da = 0;
            for (int o = 0; o < O; o++) da += t->dz[l][k / I * O + o] * t->W[l][o * I + k % I];
            t->dz[l - 1][k] = da * (1 - a);
        }
    }
}
