// fails: forward numeric  says: the wrong way round: it keeps z1 above 0
#include "exercise.h"
#include <math.h>

static void dense(const double *X, const double *W, const double *b, int n, int I, int O, double *Z)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double z = b[o];
            for (int i = 0; i < I; i++)
                z += X[s * I + i] * W[o * I + i];
            Z[s * O + o] = z;
        }
}

static void grads(const double *dz, const double *x, int n, int I, int O, double *dW, double *db)
{
    for (int o = 0; o < O; o++) {
        db[o] = 0;
        for (int i = 0; i < I; i++)
            dW[o * I + i] = 0;
        for (int s = 0; s < n; s++) {
            db[o] += dz[s * O + o];
            for (int i = 0; i < I; i++)
                dW[o * I + i] += dz[s * O + o] * x[s * I + i];
        }
    }
}

void forward(net *t)
{
    dense(t->X, t->W1, t->b1, t->n, t->I, t->H, t->z1);
    for (int i = 0; i < t->n * t->H; i++)
        t->a1[i] = t->z1[i] < 0 ? t->z1[i] : 0;
    dense(t->a1, t->W2, t->b2, t->n, t->H, t->C, t->z2);
    for (int s = 0; s < t->n; s++) {
        double *z = t->z2 + s * t->C, *p = t->p + s * t->C;
        double m = z[0], sum = 0;
        for (int c = 1; c < t->C; c++)
            m = fmax(m, z[c]);
        for (int c = 0; c < t->C; c++) {
            p[c] = exp(z[c] - m);
            sum += p[c];
        }
        for (int c = 0; c < t->C; c++)
            p[c] /= sum;
    }
}

void backward_output(net *t)
{
    for (int s = 0; s < t->n; s++)
        for (int c = 0; c < t->C; c++)
            t->dz2[s * t->C + c] = (t->p[s * t->C + c] - (t->label[s] == c)) / t->n;
    grads(t->dz2, t->a1, t->n, t->H, t->C, t->dW2, t->db2);
}

void backward_hidden(net *t)
{
    for (int s = 0; s < t->n; s++)
        for (int h = 0; h < t->H; h++) {
            double da = 0;
            for (int c = 0; c < t->C; c++)
                da += t->dz2[s * t->C + c] * t->W2[c * t->H + h];
            t->da1[s * t->H + h] = da;
            t->dz1[s * t->H + h] = t->z1[s * t->H + h] > 0 ? da : 0;
        }
    grads(t->dz1, t->X, t->n, t->I, t->H, t->dW1, t->db1);
}
