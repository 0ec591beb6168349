// fails: DZ0 DW01  says: right, but not from your earlier answers
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.5987;
    answer[A1] = 0.4378;
    answer[Z] = 0.3224;
    answer[P] = 0.5799;
    answer[LOSS] = 0.5449;
    answer[DZ] = -0.4201;
    answer[DV0] = -0.2515;
    answer[DZ0] = -0.1009;
    answer[DW01] = 0.4542;
}
