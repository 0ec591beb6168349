// fails: LOSS  says: the logarithm to base 2
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688; // z = 0.5 * 2 + 0.25 * -3 + 0.15 = 0.4
    answer[A1] = 0.437823; // z = -0.5 * 2 + 0.75 * -3 + 3 = -0.25
    answer[Z] = 0.322385; // 1.5 * 0.598688 - 2 * 0.437823 + 0.3
    answer[P] = 0.579905;
    answer[LOSS] = 0.7861115174997844;
    answer[DZ] = -0.420095; // p - 1
    answer[DV0] = -0.251506; // DZ * A0
    answer[DZ0] = -0.151399; // DZ * 1.5 * A0 * (1 - A0)
    answer[DW01] = 0.454196; // DZ0 * -3
}
