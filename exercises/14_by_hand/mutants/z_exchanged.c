// fails: Z P  says: are exchanged
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688; // z = 0.5 * 2 + 0.25 * -3 + 0.15 = 0.4
    answer[A1] = 0.437823; // z = -0.5 * 2 + 0.75 * -3 + 3 = -0.25
    answer[Z] = -0.2406415;
    answer[P] = 0.579905;
    answer[LOSS] = 0.544890; // -log(0.579905), because y = 1
    answer[DZ] = -0.420095; // p - 1
    answer[DV0] = -0.251506; // DZ * A0
    answer[DZ0] = -0.151399; // DZ * 1.5 * A0 * (1 - A0)
    answer[DW01] = 0.454196; // DZ0 * -3
}
