/* A network that learns: I inputs, H hidden units with tanh, C classes with softmax. All arrays are
   the caller's, row-major. */
typedef struct net {
    int I, H, C;
    double *W1, *b1, *W2, *b2; /* (H, I), (H); (C, H), (C) */
    double *dW1, *db1, *dW2, *db2; /* their gradients, of the same shapes */
    double *a1, *p, *dz1, *dz2; /* room for one batch: (n, H), (n, C), (n, H), (n, C) */
} net;

/* a1 = tanh(X W1ᵀ + b1), p = softmax of each row of a1 W2ᵀ + b2; n samples X (n, I).  [F1.1, F2] */
void forward(net *t, const double *X, int n);

/* Sets dz2, dz1 and the four gradients of the mean cross-entropy of these n samples, whatever the
   arrays held before. From p and a1, which forward has left for them, X and label (n).  [F4.4] */
void backward(net *t, const double *X, const int *label, int n);

/* One step down all four gradients.  [F5.1] */
void step(net *t, double alpha);

/* below(k) is a random whole number from 0 to k - 1, each as probable as the others; k >= 1. */
typedef int random_function(int k);

/* Brings the rows of X (rows, I) into a random order, each order as probable as the others. A label
   goes with its row. */
void shuffle(double *X, int *label, int rows, int I, random_function *below);

/* One epoch: shuffles, then takes one step for each batch of `batch` samples in the new order; the
   last batch holds what is left. Returns the mean loss over all rows, each as it was before the
   step of its batch.  [F5.2] */
double epoch(net *t, double *X, int *label, int rows, int batch, double alpha,
             random_function *below);
