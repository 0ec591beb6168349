/* What one operation of one training step computed. */
typedef struct tensor {
    const char *name;
    int n;
    double *v; /* (n) */
} tensor;

typedef struct found {
    int step, tensor, index; /* from 0; all -1: nothing was found */
} found;

/* trace: the tensors of each step in the order in which they were computed, trace[step * tensors +
   k]. The first number in that order which is NaN or infinite. */
found nan_hunt(const tensor *trace, int steps, int tensors);

/* y = x / |x|, the direction of x, with |x| = sqrt(sum of x²): it has the length 1 for every finite
   x, however large or small, and is 0 where x is 0 throughout. y may be x. */
void unit(double *y, const double *x, int n);

/* Clips each tensor by its own norm |g|: where |g| > limit, g becomes g limit / |g|; where an entry
   of g is not finite, all of g becomes 0; else g stays. No entry is larger than 1e100. */
void clip(const tensor *g, int tensors, double limit);
