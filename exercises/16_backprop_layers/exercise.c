// 16_backprop_layers: any number of layers. The page: exercises/16_backprop_layers/README.md
#include "exercise.h"

#include <math.h>

void forward(net *t)
{
    // TODO(1/2): a[1] to a[depth]. About 18 lines; functions of your own are welcome.
    (void)t; // delete this line
}

void backward(net *t)
{
    // TODO(2/2): from the last layer down: dz[l], dW[l], db[l]. About 20 lines.
    (void)t; // delete this line
}
