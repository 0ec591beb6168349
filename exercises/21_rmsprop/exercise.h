/* One tensor of a network: n weights w, the gradient g of the loss by them, and the running mean s
   of g², which the optimizer keeps from step to step; it is 0 before the first. */
typedef struct parameter {
    int n;
    double *w;
    const double *g;
    double *s;
} parameter;

/* One step of RMSprop on all `count` tensors: s, then w.  [F5.5] */
void rmsprop_step(parameter *p, int count, double lr, double rho, double epsilon);
