// fails: A0  says: that is tanh
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.379949;
    answer[A1] = 0.437823;
    answer[Z] = -0.00572256;
    answer[P] = 0.498569;
    answer[LOSS] = 0.696013;
    answer[DZ] = -0.501431;
    answer[DV0] = -0.190518;
    answer[DZ0] = -0.177196;
    answer[DW01] = 0.531589;
}
