// fails: bias percent nan  says: take the absolute value of the difference
#include "exercise.h"

#include <math.h>

void numeric_gradient(loss_function *loss, double *w, int n, double *dw)
{
    for (int i = 0; i < n; i++) {
        double old = w[i], h = 1e-5 * fmax(1, fabs(old)), up = old + h, down = old - h;
        w[i] = up;
        double above = loss(w, n);
        w[i] = down;
        dw[i] = (above - loss(w, n)) / (up - down);
        w[i] = old;
    }
}

int gradient_is_right(loss_function *loss, gradient_function *backprop, double *w, int n)
{
    double numeric[MOST], claimed[MOST];
    numeric_gradient(loss, w, n, numeric);
    backprop(w, n, claimed);
    for (int i = 0; i < n; i++) {
        double larger = fmax(fabs(numeric[i]), fabs(claimed[i]));
        if (numeric[i] - claimed[i] > 1e-4 * larger) return 0;
    }
    return 1;
}
