// 35_draw: a loss curve and a decision boundary. The page: exercises/35_draw/README.md
#include "exercise.h"

#include <stdio.h>

int write_curve(const char *path, const double *training, const double *validation, int epochs)
{
    // TODO(1/3): header, a line for each epoch, close. About 10 lines.
    (void)path, (void)training, (void)validation, (void)epochs; // delete this line
    return -1;
}

int write_boundary(const char *path, const grid *g, classifier *class_at, const void *model)
{
    // TODO(2/3): header, a line for each point, close. About 11 lines.
    (void)path, (void)g, (void)class_at, (void)model; // delete this line
    return -1;
}

int write_script(const char *path, const char *curve, const char *boundary, const char *image)
{
    // TODO(3/3): what gnuplot has to be told. About 10 lines.
    (void)path, (void)curve, (void)boundary, (void)image; // delete this line
    return -1;
}
