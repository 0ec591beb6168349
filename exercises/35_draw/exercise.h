#include "nn.h"

/* Points in a rectangle, nx in each row and ny rows, the corners among them. nx, ny >= 2. */
typedef struct grid {
    double x_low, x_high, y_low, y_high;
    int nx, ny;
} grid;

/* The class that `model` has at a point. */
typedef int classifier(const void *model, double x, double y);

/* All three write a file anew, close it, and return 0; or -1 if it could not be opened or written.
   They write in the C locale, as every program begins, and leave it alone. */

/* The losses of each epoch (epochs), as a table with the header "epoch,training,validation";
   without the last column where validation is NULL. The first epoch is 1. */
int write_curve(const char *path, const double *training, const double *validation, int epochs);

/* The class at each point of the grid, as a table with the header "x,y,class": row after row from
   y_low up, each from x_low to the right. */
int write_boundary(const char *path, const grid *g, classifier *class_at, const void *model);

/* A gnuplot script that draws the two tables into one SVG file, `image`. */
int write_script(const char *path, const char *curve, const char *boundary, const char *image);
