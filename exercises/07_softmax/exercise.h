/* Softmax of each row of z, right and finite for all finite z  [F2.5]. z, p: (n, C), row-major. */
void softmax(const double *z, int n, int C, double *p);
