/* A layer of O neurons on n samples at once: Z = X Wᵀ + b  [F1.1]. All arrays row-major.
   X (n, I), W (O, I), b (O), Z (n, O). I may be 0: then each row of Z is b. */
void layer_forward(const double *X, const double *W, const double *b, int n, int I, int O,
                   double *Z);
