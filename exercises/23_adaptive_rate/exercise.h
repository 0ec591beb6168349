/* The learning rate of step t, which counts from 0: eta / sqrt(1 + delta t).  [F5.3] */
double adaptive_rate(double eta, double delta, int t);

/* `steps` steps of gradient descent with that rate: w, n numbers, from where it is. g has `steps`
   rows of n: row t is what step t adds to the gradient w, so that the gradient of step t is
   w[i] + g[t * n + i].  [F5.4] */
void descend(double *w, const double *g, int n, int steps, double eta, double delta);

/* The race: which delta brings a noisy descent of 2000 steps, with eta = 0.5, nearest to the
   minimum? Predict, then run: one number. */
double my_delta(void);
