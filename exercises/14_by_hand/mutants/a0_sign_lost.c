// fails: A0  says: its sign was lost
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.869892;
    answer[A1] = 0.437823;
    answer[Z] = 0.729191;
    answer[P] = 0.674628;
    answer[LOSS] = 0.393594;
    answer[DZ] = -0.325372;
    answer[DV0] = -0.283039;
    answer[DZ0] = -0.0552386;
    answer[DW01] = 0.165716;
}
