/* Row-major: X[s * C + c] is feature c of sample s.

   fit: mean and deviation (C each) of the columns of X (n, C): the population deviation, over n. */
void fit(double *mean, double *deviation, const double *X, int n, int C);

/* X = (X - mean) / deviation, in place; a column whose deviation is 0 is only moved to 0. */
void apply(double *X, const double *mean, const double *deviation, int n, int C);

/* Splits and scales: the first n_train rows of X (n, C) are for training, the others for the test.
   Calls fit and apply so that nothing is learned from the test rows. mean and deviation (C each)
   are kept, for data that comes later. */
void prepare(double *X, double *mean, double *deviation, int n, int n_train, int C);
