// fails: A1  says: a column of W
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688;
    answer[A1] = 0.7773;
    answer[Z] = -0.356568;
    answer[P] = 0.411791;
    answer[LOSS] = 0.88724;
    answer[DZ] = -0.588209;
    answer[DV0] = -0.352154;
    answer[DZ0] = -0.211985;
    answer[DW01] = 0.635956;
}
