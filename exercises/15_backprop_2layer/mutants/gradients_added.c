// fails: output hidden numeric  says: you added to what was in
#include "exercise.h"

#include <math.h>

// Z (n, O) = X (n, I) Wᵀ + b
static void dense(double *Z, const double *X, const double *W, const double *b, int n, int I, int O)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double z = b[o];
            for (int i = 0; i < I; i++) z += W[o * I + i] * X[s * I + i];
            Z[s * O + o] = z;
        }
}

// dW (O, I) = dZᵀ X, db (O) = the sum of dZ over the samples
static void dense_gradients(double *dW, double *db, const double *dZ, const double *X, int n, int I,
                            int O)
{
    for (int o = 0; o < O; o++) {

        for (int s = 0; s < n; s++) {
            db[o] += dZ[s * O + o];
            for (int i = 0; i < I; i++) dW[o * I + i] += dZ[s * O + o] * X[s * I + i];
        }
    }
}

static void softmax(double *p, const double *z, int C)
{
    double m = z[0], sum = 0;
    for (int c = 1; c < C; c++)
        if (z[c] > m) m = z[c];
    for (int c = 0; c < C; c++) sum += p[c] = exp(z[c] - m);
    for (int c = 0; c < C; c++) p[c] /= sum;
}

void forward(net *t)
{
    dense(t->z1, t->X, t->W1, t->b1, t->n, t->I, t->H);
    for (int k = 0; k < t->n * t->H; k++) t->a1[k] = t->z1[k] > 0 ? t->z1[k] : 0;
    dense(t->z2, t->a1, t->W2, t->b2, t->n, t->H, t->C);
    for (int s = 0; s < t->n; s++) softmax(t->p + s * t->C, t->z2 + s * t->C, t->C);
}

void backward_output(net *t)
{
    for (int s = 0; s < t->n; s++)
        for (int c = 0; c < t->C; c++)
            t->dz2[s * t->C + c] = (t->p[s * t->C + c] - (c == t->label[s])) / t->n;
    dense_gradients(t->dW2, t->db2, t->dz2, t->a1, t->n, t->H, t->C);
}

void backward_hidden(net *t)
{
    for (int s = 0; s < t->n; s++)
        for (int h = 0; h < t->H; h++) {
            double da = 0;
            for (int c = 0; c < t->C; c++) da += t->dz2[s * t->C + c] * t->W2[c * t->H + h];
            t->da1[s * t->H + h] = da;
            t->dz1[s * t->H + h] = t->z1[s * t->H + h] > 0 ? da : 0;
        }
    dense_gradients(t->dW1, t->db1, t->dz1, t->X, t->n, t->I, t->H);
}
