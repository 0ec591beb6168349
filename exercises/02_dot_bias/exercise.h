/* One neuron before its activation: z = w·x + b  [F1.1]
   w, x  n numbers each; n may be 0, then z is b. */
double dot_bias(const double *w, const double *x, double b, int n);
