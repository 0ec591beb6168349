/* Backwards through an activation a = g(z), for n numbers: dz = da * g'(z), with g' found from the
   output a alone  [F2.6]. a and da are given; all n numbers of dz are written. */
void sigmoid_backward(const double *a, const double *da, int n, double *dz);
void tanh_backward(const double *a, const double *da, int n, double *dz);
void relu_backward(const double *a, const double *da, int n, double *dz);
/* a = z where z > 0, slope * z where not; 0 < slope < 1. */
void leaky_relu_backward(const double *a, const double *da, int n, double slope, double *dz);
