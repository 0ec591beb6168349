// fails: intact  says: a label no longer goes with its row
#include "exercise.h"

#include <math.h>

// y = x Wᵀ + b, for n samples of I numbers; y has O numbers each
static void layer(double *y, const double *x, const double *W, const double *b, int n, int I, int O)
{
    for (int s = 0; s < n; s++)
        for (int o = 0; o < O; o++) {
            double z = b[o];
            for (int i = 0; i < I; i++) z += W[o * I + i] * x[s * I + i];
            y[s * O + o] = z;
        }
}

static void softmax(double *z, int C)
{
    double m = z[0], sum = 0;
    for (int c = 1; c < C; c++) m = fmax(m, z[c]);
    for (int c = 0; c < C; c++) sum += z[c] = exp(z[c] - m);
    for (int c = 0; c < C; c++) z[c] /= sum;
}

void forward(net *t, const double *X, int n)
{
    layer(t->a1, X, t->W1, t->b1, n, t->I, t->H);
    for (int k = 0; k < n * t->H; k++) t->a1[k] = tanh(t->a1[k]);
    layer(t->p, t->a1, t->W2, t->b2, n, t->H, t->C);
    for (int s = 0; s < n; s++) softmax(t->p + s * t->C, t->C);
}

// dW = dzᵀ x, db = the sum of dz over the samples; x is the layer's input
static void weight_gradients(double *dW, double *db, const double *dz, const double *x, int n,
                             int I, int O)
{
    for (int o = 0; o < O; o++) {
        db[o] = 0;
        for (int i = 0; i < I; i++) dW[o * I + i] = 0;
        for (int s = 0; s < n; s++) {
            db[o] += dz[s * O + o];
            for (int i = 0; i < I; i++) dW[o * I + i] += dz[s * O + o] * x[s * I + i];
        }
    }
}

void backward(net *t, const double *X, const int *label, int n)
{
    int H = t->H, C = t->C;
    for (int k = 0; k < n * C; k++) t->dz2[k] = (t->p[k] - (k % C == label[k / C])) / n;
    weight_gradients(t->dW2, t->db2, t->dz2, t->a1, n, H, C);
    for (int k = 0; k < n * H; k++) {
        double a = t->a1[k], da = 0;
        for (int c = 0; c < C; c++) da += t->dz2[k / H * C + c] * t->W2[c * H + k % H];
        t->dz1[k] = da * (1 - a * a); // the slope of tanh
    }
    weight_gradients(t->dW1, t->db1, t->dz1, X, n, t->I, H);
}

static void descend(double *w, const double *dw, int n, double alpha)
{
    for (int k = 0; k < n; k++) w[k] -= alpha * dw[k];
}

void step(net *t, double alpha)
{
    descend(t->W1, t->dW1, t->H * t->I, alpha);
    descend(t->b1, t->db1, t->H, alpha);
    descend(t->W2, t->dW2, t->C * t->H, alpha);
    descend(t->b2, t->db2, t->C, alpha);
}

void shuffle(double *X, int *label, int rows, int I, random_function *below)
{
    for (int k = rows - 1; k > 0; k--) {
        int j = below(k + 1);
        (void)label;
        for (int i = 0; i < I; i++) {
            double x = X[k * I + i];
            X[k * I + i] = X[j * I + i], X[j * I + i] = x;
        }
    }
}

double epoch(net *t, double *X, int *label, int rows, int batch, double alpha,
             random_function *below)
{
    double loss = 0;
    shuffle(X, label, rows, t->I, below);
    for (int first = 0; first < rows; first += batch) {
        int n = rows - first < batch ? rows - first : batch;
        forward(t, X + first * t->I, n);
        for (int s = 0; s < n; s++) loss -= log(t->p[s * t->C + label[first + s]]) / rows;
        backward(t, X + first * t->I, label + first, n);
        step(t, alpha);
    }
    return loss;
}
