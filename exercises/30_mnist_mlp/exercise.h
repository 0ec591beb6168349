#include "nn.h"

enum { SIDE = 14, PIXELS = SIDE * SIDE, DIGITS = 10 };

/* Pictures of digits. The first `train` are to learn from; all others are held out. */
typedef struct digits {
    int n, train;
    const unsigned char *pixels; /* (n, PIXELS): 0 is paper, 255 is ink */
    const int *label; /* (n): 0 to 9 */
} digits;

/* x = pixel / 255, for n pixels. */
void scale_pixels(nn_real *x, const unsigned char *pixels, int n);

/* counts (classes, classes): how often class `row` was read as class `column`. p (n, classes) has
   the probabilities, a row for each sample; what it is read as has the largest. Overwrites. */
void confusion(int *counts, const nn_real *p, const int *label, int n, int classes);

/* For each class, from such counts. A class without any gets 0. */
void precision_recall(double *precision, double *recall, const int *counts, int classes);

/* Builds and trains a network with a hidden layer on the first d->train digits, and on them alone.
   It takes PIXELS numbers from 0 to 1 and gives DIGITS probabilities. Weights and order follow from
   `seed`. The caller frees it; NULL if a call failed. */
nn_model *train_digits(const digits *d, uint64_t seed);

/* Has the network read the digits that were held out: counts (DIGITS, DIGITS) as above, and
   returns the share that is right. */
double test_digits(int *counts, nn_model *m, const digits *d);
