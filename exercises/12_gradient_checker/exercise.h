/* A loss as a function of n weights, and a backpropagation that claims to be its gradient. Both
   look at the weights that they are given and change nothing. n is at most MOST. */
enum { MOST = 64 };
typedef double loss_function(const double *w, int n);
typedef void gradient_function(const double *w, int n, double *dw);

/* dw[i] = dL/dw[i] for each of the n weights, by central differences. Leaves w as it was. */
void numeric_gradient(loss_function *loss, double *w, int n, double *dw);

/* 1 if what `backprop` gives at w is the gradient of `loss`, else 0: for each weight the relative
   error must be at most 1e-4. Leaves w as it was. */
int gradient_is_right(loss_function *loss, gradient_function *backprop, double *w, int n);
