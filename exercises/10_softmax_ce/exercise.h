/* Softmax and cross-entropy in one. All arrays row-major: z, p, dz are (n, C), label is (n).

   forward: p = softmax of each row of z  [F2.5]. Returns the mean over the n samples of
   -log p[s][label[s]]  [F3.6], finite for all finite z. */
double softmax_ce_forward(const double *z, const int *label, int n, int C, double *p);

/* backward: dz = dL/dz, from the p of forward  [F3.6]. Writes all n * C numbers. */
void softmax_ce_backward(const double *p, const int *label, int n, int C, double *dz);
