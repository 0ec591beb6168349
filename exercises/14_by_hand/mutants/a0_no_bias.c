// fails: A0  says: the bias is missing
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.562177;
    answer[A1] = 0.437823;
    answer[Z] = 0.267619;
    answer[P] = 0.566508;
    answer[LOSS] = 0.568264;
    answer[DZ] = -0.433492;
    answer[DV0] = -0.243699;
    answer[DZ0] = -0.160046;
    answer[DW01] = 0.480137;
}
