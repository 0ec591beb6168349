/* A network with one hidden layer: I inputs, H hidden units with ReLU, C classes with softmax; n
   samples at once. All arrays row-major. */
typedef struct net {
    int n, I, H, C;
    const double *X, *W1, *b1, *W2, *b2; /* (n, I); (H, I), (H); (C, H), (C) */
    const int *label; /* (n): the class of each sample, 0 to C - 1 */
    double *z1, *a1, *z2, *p; /* forward writes (n, H), (n, H), (n, C), (n, C) */
    double *dz2, *dW2, *db2; /* backward_output writes (n, C), (C, H), (C) */
    double *da1, *dz1, *dW1, *db1; /* backward_hidden writes (n, H), (n, H), (H, I), (H) */
} net;

/* z1 = X W1ᵀ + b1, a1 = ReLU(z1), z2 = a1 W2ᵀ + b2, p = softmax of each row of z2.  [F1.1, F2] */
void forward(net *t);

/* The loss is the mean cross-entropy of p. Its gradients by z2, W2 and b2, from p and a1.  [F4.4] */
void backward_output(net *t);

/* Its gradients by a1, z1, W1 and b1, from dz2, W2, z1 (or a1) and X.  [F4.4] */
void backward_hidden(net *t);
