// fails: rates  says: alpha times the loss, 16
#include "exercise.h"

void predict(double *answer)
{
    answer[FACTOR] = 0.8;
    answer[AFTER_10] = 0.429;
    answer[LANDS] = 0.25;
    answer[DIVERGES] = 1;
    answer[AFTER_3] = -0.5;
    answer[STEEP] = 0.333;
    answer[STEPS] = 31;
}

void descend(slope *dL, double w, double alpha, int steps, double *path)
{
    path[0] = w;
    for (int t = 0; t < steps; t++)
        path[t + 1] = path[t] - alpha * dL(path[t]);
}
