// fails: bias  says: and of both in max
#include "exercise.h"
#include <math.h>

void numeric_gradient(loss_function *loss, double *w, int n, double *dw)
{
    for (int i = 0; i < n; i++) {
        double old = w[i];
        double h = 1e-5 * fmax(1, fabs(old));
        w[i] = old + h;
        double up = loss(w, n);
        w[i] = old - h;
        double down = loss(w, n);
        w[i] = old;
        dw[i] = (up - down) / (2 * h);
    }
}

int gradient_is_right(loss_function *loss, gradient_function *backprop, double *w, int n)
{
    double a[MOST], b[MOST];
    backprop(w, n, a);
    numeric_gradient(loss, w, n, b);
    for (int i = 0; i < n; i++) {
        double most = fmax(fabs(a[i]), b[i]);
        if (isnan(a[i]) || isnan(b[i]))
            return 0;
        if (most > 0 && fabs(a[i] - b[i]) / most > 1e-4)
            return 0;
    }
    return 1;
}
