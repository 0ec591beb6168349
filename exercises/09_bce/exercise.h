/* Binary cross-entropy, also called log loss: the mean over n samples of
   -(y log p + (1 - y) log(1 - p)).  [F3.2]  p, z, y, dz have n numbers; 0 <= y <= 1. */

/* From probabilities, 0 <= p <= 1. A term with the factor y = 0 or 1 - y = 0 is 0, even where its
   logarithm is infinite. Nothing else is held away from 0: certain and wrong gives infinity. */
double bce(const double *p, const double *y, int n);

/* The same loss from the logits z, where p = sigmoid(z): finite and right for all finite z. */
double bce_logits(const double *z, const double *y, int n);

/* dz = dL/dz, all n numbers, right for all finite z.  [F4.3] */
void bce_logits_gradient(const double *z, const double *y, int n, double *dz);
