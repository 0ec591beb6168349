// 28_diagnose: what is wrong with this training? The page: exercises/28_diagnose/README.md
#include "exercise.h"

#include <math.h>

cause diagnose(const curve *c)
{
    // TODO(1/2): look at the curve; name what is wrong. About 15 lines, helpers are welcome.
    (void)c; // delete this line
    return UNKNOWN;
}

recipe repair(recipe given)
{
    // TODO(2/2): change one field. 1 line.
    return given;
}
