// fails: A0  says: the exponent is -z
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.401312;
    answer[A1] = 0.437823;
    answer[Z] = 0.0263225;
    answer[P] = 0.50658;
    answer[LOSS] = 0.680073;
    answer[DZ] = -0.49342;
    answer[DV0] = -0.198015;
    answer[DZ0] = -0.177824;
    answer[DW01] = 0.533472;
}
