/* A network of any depth. Layer l (0 to depth - 1) goes from size[l] to size[l + 1] units. All
   arrays row-major. The hidden layers have tanh, the last one softmax. */
typedef struct net {
    int n, depth; /* samples at once; layers, at least 1 */
    const int *size; /* depth + 1 sizes: size[0] inputs, size[depth] classes */
    const double *const *W, *const *b; /* W[l] (size[l + 1], size[l]), b[l] (size[l + 1]) */
    const int *label; /* (n): the class of each sample */
    double *const *a; /* a[0] is the input; forward writes a[l] (n, size[l]), l = 1 to depth */
    double *const *dz; /* backward writes dz[l] (n, size[l + 1]), l = 0 to depth - 1, */
    double *const *dW, *const *db; /* and dW[l] and db[l] with the shapes of W[l] and b[l] */
} net;

/* a[l + 1] = tanh(a[l] W[l]ᵀ + b[l]); in the last layer softmax of each row for tanh.  [F1.1, F2] */
void forward(net *t);

/* The loss is the mean cross-entropy of a[depth]. dz[l] is its gradient by what stands before the
   tanh or softmax of layer l; then dW[l] and db[l]. From a, W and label.  [F4.4] */
void backward(net *t);
