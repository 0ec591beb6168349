/* One tensor of a network: n weights w and the gradient g of the loss by them. The optimizer keeps
   the running means m of g and s of g² from step to step; both are 0 before the first. */
typedef struct parameter {
    int n;
    double *w;
    const double *g;
    double *m, *s;
} parameter;

/* What all tensors have in common. */
typedef struct adam {
    double lr, beta1, beta2, epsilon;
    int t; /* steps taken so far: 0 before the first. adam_step counts it */
} adam;

/* One step of Adam on all `count` tensors: t, m, s, then w (Kingma and Ba 2015).  [F5.5] */
void adam_step(adam *a, parameter *p, int count);
