// fails: A1  says: its sign was lost
#include "exercise.h"

void by_hand(double *answer)
{
    answer[A0] = 0.598688;
    answer[A1] = 0.985936;
    answer[Z] = -0.773841;
    answer[P] = 0.315649;
    answer[LOSS] = 1.15312;
    answer[DZ] = -0.684351;
    answer[DV0] = -0.409713;
    answer[DZ0] = -0.246634;
    answer[DW01] = 0.739902;
}
