/* Mean squared error  [F3.1]. y, t, dy: (n, K), row-major: n samples with K outputs each. y: what
   the network says; t: what is right, the targets. */

/* Returns the mean of (y - t)^2 over the samples and the outputs, all n * K numbers. */
double mse_forward(const double *y, const double *t, int n, int K);

/* dy = dL/dy. Writes all n * K numbers. */
void mse_backward(const double *y, const double *t, int n, int K, double *dy);
