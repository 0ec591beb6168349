// fails: A1  says: that is tanh
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688;
    answer[A1] = -0.244919;
    answer[Z] = 1.68787;
    answer[P] = 0.843944;
    answer[LOSS] = 0.169669;
    answer[DZ] = -0.156056;
    answer[DV0] = -0.093429;
    answer[DZ0] = -0.0562413;
    answer[DW01] = 0.168724;
}
