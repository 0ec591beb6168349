/* A convolution of one image, and its gradients. All arrays row-major, the channel last, as in
   31_conv_forward. */
typedef struct conv {
    int H, W, C; /* the image: rows, columns, channels */
    int K, S, P; /* the kernel is K x K; the stride; rows and columns of zeros on each side */
    int OH, OW, O; /* the output: rows, columns, filters */
    const double *x, *w; /* (H, W, C); (O, K, K, C) */
    const double *dy; /* (OH, OW, O): dL/dy, which comes from the next layer */
    double *db, *dw, *dx; /* (O); (O, K, K, C); (H, W, C) */
} conv;

/* dL/db and dL/dw, from dy and x.  [F4.4 of F7.1] */
void conv_backward_weights(const conv *t);

/* dL/dx, from dy and w.  [F4.4 of F7.1] */
void conv_backward_input(const conv *t);
