/* Gives another random number of [0, 1) each time it is called: double u = draw(); */
typedef double uniform(void);

/* Inverted dropout of n numbers.  [F6.3]
   training is 1: for each entry, in order, u = draw() is called once. Where u < p the entry is
   dropped, mask[i] = 0; else mask[i] = 1 / (1 - p). 0 <= p < 1.
   training is 0: nothing is drawn or dropped, mask[i] = 1.
   In both y[i] = x[i] mask[i]. */
void dropout_forward(double *y, double *mask, const double *x, int n, double p, int training,
                     uniform *draw);

/* dx from dy, with the mask that forward wrote.  [F4.4] */
void dropout_backward(double *dx, const double *dy, const double *mask, int n);
