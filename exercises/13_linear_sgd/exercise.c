// 13_linear_sgd: mini-batch gradient descent. The page is exercises/13_linear_sgd/README.md
#include "exercise.h"

double linear_step(const double *X, const double *y, const int *pick, int n, int I, double alpha,
                   double *w, double *b)
{
    // TODO(1/3): the loss and its gradient over the picked samples, then the step. About 15 lines.
    (void)X, (void)y, (void)pick, (void)n, (void)I, (void)alpha, (void)w, (void)b; // delete this
    return 0;
}

void shuffle(int *order, int n, random_function *below)
{
    // TODO(2/3): a fair shuffle: swap each entry with a random one. About 4 lines.
    (void)order, (void)n, (void)below; // delete this line
}

void epoch(int *order, int rows, int batch, shuffle_function *mix, step_function *step)
{
    // TODO(3/3): mix once, then step through the batches, the last one, too. About 5 lines.
    (void)order, (void)rows, (void)batch, (void)mix, (void)step; // delete this line
}
