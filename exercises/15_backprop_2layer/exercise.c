// 15_backprop_2layer: all gradients of a network. The page: exercises/15_backprop_2layer/README.md
#include "exercise.h"

#include <math.h>

void forward(net *t)
{
    // TODO(1/3): z1, a1, z2, p, in this order. About 20 lines; helpers of your own are welcome.
    (void)t; // delete this line
}

void backward_output(net *t)
{
    // TODO(2/3): dz2, dW2, db2. About 10 lines.
    (void)t; // delete this line
}

void backward_hidden(net *t)
{
    // TODO(3/3): da1, dz1, dW1, db1. About 15 lines.
    (void)t; // delete this line
}
