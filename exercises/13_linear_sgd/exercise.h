/* Mini-batch gradient descent (SGD) for a linear model: prediction = x·w + b, loss = the mean over
   the batch of (prediction - y)².  [F3.1, F5.2] */

/* One step on the n samples pick[0] ... pick[n-1]: rows of X (rows, I) and entries of y. Changes
   w (I) and *b by F5.1. Returns the loss of this batch before the step. */
double linear_step(const double *X, const double *y, const int *pick, int n, int I, double alpha,
                   double *w, double *b);

/* below(k) is a random whole number from 0 to k - 1, each as probable as the others; k >= 1. */
typedef int random_function(int k);

/* Brings order[0] ... order[n-1] into a random order, each order as probable as the others. */
void shuffle(int *order, int n, random_function *below);

/* These two come from the caller: one shuffles, the other takes one step on the samples it is given. */
typedef void shuffle_function(int *order, int n);
typedef void step_function(const int *pick, int n);

/* One epoch: shuffles `order`, which holds the numbers 0 to rows - 1, once; then one step for each
   batch of `batch` samples in that order. The last batch holds what is left. */
void epoch(int *order, int rows, int batch, shuffle_function *mix, step_function *step);
