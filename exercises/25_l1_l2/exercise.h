/* One dense layer: weights W (O, I) and bias b (O), and the gradients of the loss by them. */
typedef struct layer {
    int O, I;
    const double *W, *b;
    double *dW, *db;
} layer;

/* What a loss grows by for large weights: l1 sum |w| + l2 sum w², over all weights of all layers,
   without the biases.  [F6.1, F6.2] */
double penalty(const layer *layers, int count, double l1, double l2);

/* Adds the gradient of the penalty to dW. |w| has the slope 0 at w = 0. */
void penalty_gradient(const layer *layers, int count, double l1, double l2);
