// fails: A1  says: the exponent is -z
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688;
    answer[A1] = 0.562177;
    answer[Z] = 0.073679;
    answer[P] = 0.518411;
    answer[LOSS] = 0.656986;
    answer[DZ] = -0.481589;
    answer[DV0] = -0.288321;
    answer[DZ0] = -0.17356;
    answer[DW01] = 0.520681;
}
