// fails: boundary  says: as the header does
#include "exercise.h"

#include <stdio.h>

static int close_file(FILE *f)
{
    int bad = ferror(f);
    return fclose(f) || bad ? -1 : 0;
}

int write_curve(const char *path, const double *training, const double *validation, int epochs)
{
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fprintf(f, "epoch,training%s\n", validation ? ",validation" : "");
    for (int e = 0; e < epochs; e++) {
        fprintf(f, "%d,%.17g", e + 1, training[e]);
        if (validation) fprintf(f, ",%.17g", validation[e]);
        fprintf(f, "\n");
    }
    return close_file(f);
}

int write_boundary(const char *path, const grid *g, classifier *class_at, const void *model)
{
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fprintf(f, "x,y,class\n");
    for (int j = 0; j < g->ny; j++)
        for (int i = 0; i < g->nx; i++) {
            double x = g->x_low + (g->x_high - g->x_low) * i / (g->nx - 1);
            double y = g->y_low + (g->y_high - g->y_low) * j / (g->ny - 1);
            fprintf(f, "%.17g,%.17g,%d\r\n", x, y, class_at(model, x, y));
        }
    return close_file(f);
}

int write_script(const char *path, const char *curve, const char *boundary, const char *image)
{
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fprintf(f, "set datafile separator ','\n"
               "set key autotitle columnhead\n"
               "set terminal svg size 1000,450\n");
    fprintf(f, "set output '%s'\n", image);
    fprintf(f, "set multiplot layout 1,2\n"
               "set xlabel 'epoch'\n"
               "set ylabel 'loss'\n");
    fprintf(f, "plot '%s' using 1:2 with lines, '%s' using 1:3 with lines\n", curve, curve);
    fprintf(f, "set xlabel 'x'\n"
               "set ylabel 'y'\n");
    fprintf(f, "plot '%s' using 1:2:3 with image\n", boundary);
    fprintf(f, "unset multiplot\n");
    return close_file(f);
}
