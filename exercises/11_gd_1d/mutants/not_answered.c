// fails: across  says: STEPS is not answered yet
#include "exercise.h"

void predict(double *answer)
{
    answer[FACTOR] = 1 - 2 * 0.1;
    answer[AFTER_10] = 0.4295; // 4 * 0.8^10
    answer[LANDS] = 0.5; // 1 - 2 alpha = 0
    answer[DIVERGES] = 1; // 1 - 2 alpha = -1
    answer[AFTER_3] = 4 * -0.5 * -0.5 * -0.5;
    answer[STEEP] = 1.0 / 3; // 1 - 6 alpha = -1
    answer[STEPS] = 0;
}

void descend(slope *dL, double w, double alpha, int steps, double *path)
{
    path[0] = w;
    for (int t = 0; t < steps; t++) path[t + 1] = path[t] - alpha * dL(path[t]);
}
