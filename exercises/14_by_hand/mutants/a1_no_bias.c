// fails: A1  says: the bias is missing
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688;
    answer[A1] = 0.0373269;
    answer[Z] = 1.12338;
    answer[P] = 0.754615;
    answer[LOSS] = 0.281548;
    answer[DZ] = -0.245385;
    answer[DV0] = -0.146909;
    answer[DZ0] = -0.0884346;
    answer[DW01] = 0.265304;
}
