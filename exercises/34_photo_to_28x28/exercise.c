// 34_photo_to_28x28: what a network reads. The page: exercises/34_photo_to_28x28/README.md
#include "exercise.h"

#include <math.h>

void to_grey(photo *p)
{
    // TODO(1/5): grey from rgb. About 4 lines.
    (void)p; // delete this line
}

void to_ink(photo *p)
{
    // TODO(2/5): dark or light ink? Invert, stretch, cut the noise off. About 15 lines.
    (void)p; // delete this line
}

void find_box(photo *p)
{
    // TODO(3/5): top, left, height, width. About 10 lines.
    (void)p; // delete this line
}

void shrink(photo *p)
{
    // TODO(4/5): small_rows, small_cols, small. About 20 lines; helpers of your own are welcome.
    (void)p; // delete this line
}

void centre(photo *p)
{
    // TODO(5/5): digit, by the centre of mass of small. About 15 lines.
    (void)p; // delete this line
}
