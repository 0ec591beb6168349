/* One tensor of a network: n weights w, the gradient g of the loss by them, and the velocity v,
   which the optimizer keeps from step to step; it is 0 before the first. */
typedef struct parameter {
    int n;
    double *w;
    const double *g;
    double *v;
} parameter;

/* One step of gradient descent with momentum on all `count` tensors: v, then w.  [F5.1, F5.5] */
void momentum_step(parameter *p, int count, double lr, double momentum);
