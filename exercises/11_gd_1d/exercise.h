/* Predictions about gradient descent on the loss L = w², from w = 4. The page asks the questions;
   predict writes each answer into its place. */
enum { FACTOR, AFTER_10, LANDS, DIVERGES, AFTER_3, STEEP, STEPS, ANSWERS };
void predict(double *answer);

/* The slope dL/dw of some loss at w. */
typedef double slope(double w);

/* Gradient descent: path[0] = w, and each path[t + 1] one step of F5.1 from path[t]. Writes
   steps + 1 numbers; steps may be 0. */
void descend(slope *dL, double w, double alpha, int steps, double *path);
