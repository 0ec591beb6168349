// fails: A0  says: that is z, before
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.4;
    answer[A1] = 0.437823;
    answer[Z] = 0.024354;
    answer[P] = 0.506088;
    answer[LOSS] = 0.681044;
    answer[DZ] = -0.493912;
    answer[DV0] = -0.197565;
    answer[DZ0] = -0.177808;
    answer[DW01] = 0.533425;
}
