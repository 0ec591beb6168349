// 29_idx_loader: read images, and trust no file. The page: exercises/29_idx_loader/README.md
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

idx_result idx_load(images *out, const char *path)
{
    // TODO(1/1): open, header, sizes, memory, pixels, close. About 25 lines; helpers are welcome.
    (void)out, (void)path; // delete this line
    return IDX_NO_FILE;
}
