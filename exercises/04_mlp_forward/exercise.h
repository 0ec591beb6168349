/* A chain of layers on n samples at once. For each layer, with x = the a of the layer before it:
   z = x Wᵀ + b  [F1.1]; a = max(0, z) [F2.2], but in the last layer a = 1 / (1 + e^-z) [F2.1].
   All arrays row-major. */
typedef struct layer {
    int inputs, units;
    const double *W, *b; /* (units, inputs), (units) */
    double *z, *a; /* mlp_forward writes (n, units) each */
} layer;

/* X (n, inputs of the first layer) is the x of the first layer. count: 1 or more layers. */
void mlp_forward(const double *X, int n, const layer *layers, int count);
