/* plot.h - the figures of the workbook: plain arrays in, SVG, PNG and a text table out (gnuplot)

   Do this: #include "plot.h" in a C99 program. There is nothing to link and nothing to define.

       #include "../../plots/plot.h"
       int main(void)
       {
           double loss[] = { 1.10, 0.62, 0.35, 0.24, 0.19 }, val[] = { 1.2, 0.7, 0.5, 0.6, 0.8 };
           return plot_lines("out/curves", "Validation turns at epoch 3", "epoch", "loss (nats)",
                             .n = 5, .x0 = 1,
                             .series = {{ "training", .y = loss }, { "validation", .y = val }},
                             .marks = {{ 3, .name = "best epoch" }});
       }

   writes out/curves.txt (the numbers), out/curves.svg and out/curves.png.

   Contents
     plot_lines      curves: named series, log axes, steps, bands, marked epochs, shaded zones
     plot_scatter    points by class
     plot_boundary   decision regions (class indices, or one value with its level line) and points
     plot_heatmap    a matrix with row and column names, numbers in the cells on request
     plot_confusion  counts of true against predicted classes, coloured by share of the row
     plot_images     many small images with a caption under each
     plot_histogram  several named samples in common bins
     plot_bars       named categories, one or more series side by side
     plot_contour    a function of two variables, with named paths on top
     plot_graph      nodes and arrows: a computation with its values, a network with its weights
     plot_panels     several of the above in one figure

     plot_grid_points    the points at which a grid is to be evaluated
     plot_range          a range around data, with a margin
     plot_draw           what all of the above call: draws a plot_figure
     plot_print          draws a plot_figure as text into any stream
     plot_live           the same again and again in one place of a terminal, such as each epoch
     plot_last_error     the sentence that the last failed call printed

   Every kind is one call: the path stem, the title (say what to see), the two axis names (with
   units), then options by name; an option left out is zero, and zero is its default. The fields are
   described at plot_figure, with the kinds that read them. An array has a twin that takes floats:
   .y or .yf, .x or .xf, .grid or .gridf. Nothing is kept: arrays are read during the call only.

   Result: 0, or 1 after one sentence on stderr. A failed figure never ends the program. NaN and
   infinity stand in the table as they are and are left out of the figure. Folders in the path are
   made. The text of titles and names is shown as it is, '_', '%', '\' and quotes included; '\n'
   starts a new line.

   Environment
     NN_PLOT=svg, png    only that format (default: both)
     NN_PLOT=window      a window instead of files
     NN_PLOT=text        a drawing in the terminal instead of files
     NN_PLOT=none        only the table
     NN_PLOT=script      as the default, and keeps the gnuplot script beside the figure (.gp)
   Words combine with commas: NN_PLOT=svg,script. Without gnuplot (Debian: gnuplot-nox) a program
   says so once, writes the table and draws in the terminal.                                      */

#ifndef PLOT_H
#define PLOT_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <direct.h>
#include <io.h>
#define PLOT__TERMINAL(f) _isatty(_fileno(f))
#else
#include <unistd.h>
#define PLOT__TERMINAL(f) isatty((f) == stdout ? 1 : 2)     /* C99's stdio.h has no fileno */
#endif

/* Everything is static inline: one #include is the whole setup, several files of a program may do
   it, and what a program does not use costs neither a warning nor code.                          */
#define PLOT_API static inline

enum { PLOT_MAX_SERIES = 16, PLOT_MAX_MARKS = 8, PLOT_MAX_BINS = 200, PLOT_MAX_PATH = 1000 };

typedef enum {
    PLOT_LINES, PLOT_SCATTER, PLOT_BOUNDARY, PLOT_HEATMAP, PLOT_CONFUSION,
    PLOT_IMAGES, PLOT_HISTOGRAM, PLOT_BARS, PLOT_CONTOUR, PLOT_GRAPH, PLOT_PANELS
} plot_kind;

typedef enum { PLOT_SOLID, PLOT_DASHED, PLOT_STEPS, PLOT_MARKED, PLOT_DOTS } plot_style;

/* One curve, group of points, sample or path. The list of series ends at the first entry that has
   neither name nor data.                                                                         */
typedef struct {
    const char *name;                       /* in the legend; NULL: no entry                      */
    const double *y;    const float *yf;    /* (n) the values; one of the two                     */
    const double *x;    const float *xf;    /* (n); NULL: x0, x0 + dx, ... of the figure          */
    int n;                                  /* 0: the figure's n                                  */
    int stride;                             /* x and y are every stride-th element; 0: 1          */
    plot_style style;                       /* lines only                                         */
    const int *labels;                      /* (n) scatter, boundary: the class of each point, its
                                               name is figure.names[class]; no stride             */
    const double *low, *high;               /* (n) lines: a pale band, such as over several seeds */
} plot_series;

typedef struct {
    double x;                               /* lines: a vertical line here                        */
    const char *name;                       /* required; "" for none                              */
    double x_end;                           /* not 0: shade from x to x_end instead               */
    int zone;                               /* shade it even if x_end is 0                        */
} plot_mark;

/* A circle of a graph, with a word or two lines in it, and an arrow between two circles. */
typedef struct {
    double x, y;                            /* in any unit; y points up                           */
    const char *text;
    int look;                               /* its colour, as of a series                         */
} plot_node;

typedef struct {
    int from, to;                           /* indices of nodes                                   */
    const char *above, *below;              /* two words on it, such as a value and its gradient  */
    double at;                              /* where they stand: 0 begin, 1 end; left out: middle */
    double weight;                          /* not 0: as thick as its size, blue below 0, else red*/
} plot_edge;

typedef struct plot_figure {
    plot_kind kind;
    const char *at;                         /* file and line of the call, for error messages      */

    const char *path;                       /* stem: "out/loss" makes out/loss.txt, .svg, .png    */
    const char *title, *x_label, *y_label;

    int n;                                  /* points per series; how many images, panels  */
    plot_series series[PLOT_MAX_SERIES];    /* all kinds but heat map, confusion, images, panels  */
    double x0, dx;                          /* series without x: first x and step; dx 0: 1        */
    plot_mark marks[PLOT_MAX_MARKS];        /* lines                                              */
    double x_min, x_max, y_min, y_max;      /* axis ranges, both 0: from the data; a grid's extent
                                               (boundary, contour): required                      */
    int log_x, log_y;                       /* lines, scatter; histogram and bars: log_y          */
    const double *x_ticks; int n_x_ticks;   /* lines, scatter: the numbers on the x axis          */
    const char *const *x_tick_names;        /* (n_x_ticks) words in their place                   */
    int no_legend;

    const char *const *names;               /* classes (scatter, boundary, confusion), categories
                                               (bars), captions (images), or what .above and
                                               .below of a graph's edges are (2)                  */
    int classes;                            /* how many; 0: from the data (confusion: required)   */
    const int *counts;                      /* confusion: (classes, classes), row = true class    */

    /* A grid, (rows, cols) row-major; images: (n, rows, cols). Row 0 is the top of a heat map or
       image, and lies at y_min in a boundary or contour. One of: */
    const double *grid;     const float *gridf;
    const int *gridi;                       /* class indices                                      */
    const unsigned char *gridb;             /* bytes, such as grey values                         */
    int rows, cols;
    double z_min, z_max;                    /* colours, both 0: from the data (boundary: 0, 1) */
    const char *z_label;                    /* heat map, contour, boundary: the colour scale      */
    int log_z;                              /* contour: colours and levels in equal ratios        */
    int diverging;                          /* heat map, images: blue to red, white at 0          */
    const double *levels; int n_levels;     /* contour: lines; boundary: default one, mid-range   */

    const char *const *row_names;           /* heat map                                           */
    const char *const *col_names;
    int numbers;                            /* heat map, bars: write the values                   */
    int digits;                             /* of those numbers; 0: 3 significant                 */

    int ink;                                /* images: large values dark instead of bright */
    int each;                               /* images: a grey range for each, not one for all     */
    int columns;                            /* images, panels per row; 0: nearly square           */
    int bins;                               /* histogram; 0: 2 n^(1/3)                            */
    int density;                            /* histogram: area 1 instead of counts                */

    const plot_node *nodes; int n_nodes;    /* graph                                              */
    const plot_edge *edges; int n_edges;

    const struct plot_figure *panels;       /* panels: (n); the path of each is not read     */
    int shared_legend;                      /* panels: one legend, of panel 0, above all          */
    int width, height;                      /* SVG units (the PNG has 1.5 pixels each); 0: chosen */
} plot_figure;

#define PLOT__STR2(x) #x
#define PLOT__STR(x) PLOT__STR2(x)
#define PLOT_HERE __FILE__ ":" PLOT__STR(__LINE__)
#define PLOT__CALL(KIND, ...) \
    plot_draw(&(plot_figure){ .kind = KIND, .at = PLOT_HERE, __VA_ARGS__ })

/* Each takes: path, title, x_label, y_label, then options by name. Panels are given as an array,
   plot_figure p[2] = {{ PLOT_LINES, .title = "Loss", ... }, { PLOT_LINES, ... }}, in .panels.    */
#define plot_lines(...)     PLOT__CALL(PLOT_LINES,     __VA_ARGS__)
#define plot_scatter(...)   PLOT__CALL(PLOT_SCATTER,   __VA_ARGS__)
#define plot_boundary(...)  PLOT__CALL(PLOT_BOUNDARY,  __VA_ARGS__)
#define plot_heatmap(...)   PLOT__CALL(PLOT_HEATMAP,   __VA_ARGS__)
#define plot_confusion(...) PLOT__CALL(PLOT_CONFUSION, __VA_ARGS__)
#define plot_images(...)    PLOT__CALL(PLOT_IMAGES,    __VA_ARGS__)
#define plot_histogram(...) PLOT__CALL(PLOT_HISTOGRAM, __VA_ARGS__)
#define plot_bars(...)      PLOT__CALL(PLOT_BARS,      __VA_ARGS__)
#define plot_contour(...)   PLOT__CALL(PLOT_CONTOUR,   __VA_ARGS__)
#define plot_graph(...)     PLOT__CALL(PLOT_GRAPH,     __VA_ARGS__)
#define plot_panels(...)    PLOT__CALL(PLOT_PANELS,    __VA_ARGS__)

/* Draws a figure as NN_PLOT says. Returns 0, or 1 after one sentence on stderr. */
PLOT_API int plot_draw(const plot_figure *fig);

/* Draws a figure as plain text, at most 80 columns wide, into a stream. Returns 0 or 1. */
PLOT_API int plot_print(FILE *out, const plot_figure *fig);

/* For a chart that grows while a program trains: draws a figure as text over the one that the last
   call drew. `lines` is what the last call returned, 0 at first. Where stdout is not a terminal it
   draws nothing. Print nothing else in between.                                                  */
PLOT_API int plot_live(int lines, const plot_figure *fig);

/* The sentence of the last failed call; "" if none failed. */
PLOT_API const char *plot_last_error(void);

/* Fills xy (rows * cols, 2) with the points of a grid over the given ranges, in the order in which
   .grid, .gridf and .gridi of a boundary or contour are read. Floats, as a network takes them.   */
PLOT_API void plot_grid_points(float *xy, double x_min, double x_max, double y_min, double y_max,
                               int rows, int cols);

/* The range of the n finite values v[0], v[stride], ... widened by margin times its length on both
   sides; 0.05 is usual. Without a finite value: 0 and 1.                                         */
PLOT_API void plot_range(const float *v, int n, int stride, double margin, double *lo, double *hi);

/* ---- stop here if you only want the API ------------------------------------------------------ */

/* ---- messages, settings ----------------------------------------------------------- >>settings */

static char plot__message[600];

PLOT_API const char *plot_last_error(void) { return plot__message; }

PLOT_API const char *plot__kind_name(plot_kind kind)
{
    static const char *const name[] = {
        "plot_lines", "plot_scatter", "plot_boundary", "plot_heatmap", "plot_confusion",
        "plot_images", "plot_histogram", "plot_bars", "plot_contour", "plot_graph", "plot_panels" };
    return (unsigned)kind <= PLOT_PANELS ? name[kind] : "plot_draw";
}

PLOT_API int plot__fail(const plot_figure *fig, const char *fmt, ...)
{
    int used = snprintf(plot__message, sizeof plot__message, "%s: %s: ",
                        fig->at ? fig->at : "plot.h", plot__kind_name(fig->kind));
    va_list args;
    va_start(args, fmt);
    if (used > 0 && (size_t)used < sizeof plot__message)
        vsnprintf(plot__message + used, sizeof plot__message - (size_t)used, fmt, args);
    va_end(args);
    fprintf(stderr, "%s\n", plot__message);
    return 1;
}

typedef struct { int svg, png, window, text, none, script; } plot__mode;

/* What one word of NN_PLOT asks for, or NULL. */
PLOT_API int *plot__mode_word(plot__mode *m, const char *word, size_t length)
{
    static const char *const name[] = { "svg", "png", "window", "text", "none", "script" };
    int *const field[] = { &m->svg, &m->png, &m->window, &m->text, &m->none, &m->script };
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (strlen(name[i]) == length && !strncmp(name[i], word, length)) return field[i];
    return NULL;
}

PLOT_API plot__mode plot__get_mode(void)
{
    static int complained;
    plot__mode m = { 0, 0, 0, 0, 0, 0 };
    const char *s = getenv("NN_PLOT");
    for (s = s ? s : ""; *s; ) {
        size_t length = strcspn(s, ", ");
        int *field = plot__mode_word(&m, s, length);
        if (field) *field = 1;
        else if (length && !complained++)
            fprintf(stderr, "plot.h: NN_PLOT has '%.*s'; it takes svg, png, window, text, none, "
                    "script, with commas between\n", (int)length, s);
        s += length + (s[length] != 0);
    }
    if (!m.svg && !m.png && !m.window && !m.text && !m.none) m.svg = m.png = 1;
    return m;
}

/* ---- reading the description ---------------------------------------------------------- >>data */

typedef struct { double x0, x1, y0, y1; } plot__box;

PLOT_API int plot__ok(double v) { return v - v == 0; }           /* neither NaN nor infinite */

PLOT_API int plot__series_count(const plot_figure *fig)
{
    int k = 0;
    while (k < PLOT_MAX_SERIES && (fig->series[k].name || fig->series[k].y || fig->series[k].yf))
        k++;
    return k;
}

PLOT_API int plot__n(const plot_figure *fig, int k)
{
    return fig->series[k].n ? fig->series[k].n : fig->n;
}

PLOT_API double plot__x(const plot_figure *fig, int k, int i)
{
    const plot_series *s = &fig->series[k];
    size_t at = (size_t)i * (size_t)(s->stride ? s->stride : 1);
    if (s->x || s->xf) return s->x ? s->x[at] : (double)s->xf[at];
    return fig->x0 + i * (fig->dx != 0 ? fig->dx : 1);
}

PLOT_API double plot__y(const plot_figure *fig, int k, int i)
{
    const plot_series *s = &fig->series[k];
    size_t at = (size_t)i * (size_t)(s->stride ? s->stride : 1);
    return s->y ? s->y[at] : (double)s->yf[at];
}

/* Values that can be drawn: finite, and above zero where the axis is logarithmic. */
PLOT_API int plot__fits(double v, int is_log) { return plot__ok(v) && (!is_log || v > 0); }

PLOT_API int plot__has_grid(const plot_figure *fig)
{
    return fig->grid || fig->gridf || fig->gridi || fig->gridb || fig->counts;
}

PLOT_API double plot__z(const plot_figure *fig, size_t i)
{
    if (fig->grid) return fig->grid[i];
    if (fig->gridf) return (double)fig->gridf[i];
    if (fig->gridi) return fig->gridi[i];
    return fig->counts ? fig->counts[i] : fig->gridb[i];
}

/* Grids in a figure: images have n, the others with a grid one. */
PLOT_API int plot__grids(const plot_figure *fig)
{
    return fig->kind == PLOT_IMAGES ? fig->n : plot__has_grid(fig);
}

PLOT_API int plot__has_range(double lo, double hi) { return lo != 0 || hi != 0; }

/* Finite range of count grid values from the first; 0 when there is none. */
PLOT_API int plot__z_span(const plot_figure *fig, size_t first, size_t count, double *lo,
                         double *hi)
{
    int any = 0;
    for (size_t i = first; i < first + count; i++) {
        double z = plot__z(fig, i);
        if (!plot__fits(z, fig->log_z)) continue;
        if (!any || z < *lo) *lo = z;
        if (!any || z > *hi) *hi = z;
        any = 1;
    }
    return any;
}

/* The colour range of grid k (images with .each), else of all. Never empty. */
PLOT_API void plot__z_range(const plot_figure *fig, int k, double *lo, double *hi)
{
    size_t size = (size_t)fig->rows * (size_t)fig->cols;
    *lo = fig->z_min; *hi = fig->z_max;
    if (!plot__has_range(*lo, *hi)) {
        *lo = 0; *hi = 1;
        if (fig->kind == PLOT_BOUNDARY) return;
        if (fig->each) plot__z_span(fig, (size_t)k * size, size, lo, hi);
        else plot__z_span(fig, 0, (size_t)plot__grids(fig) * size, lo, hi);
        if (fig->diverging) { *hi = fabs(*lo) > fabs(*hi) ? fabs(*lo) : fabs(*hi); *lo = -*hi; }
    }
    if (!(*hi > *lo)) *hi = *lo + (*lo != 0 ? fabs(*lo) : 1);
}

PLOT_API int plot__classes(const plot_figure *fig)
{
    int most = 0, ns = plot__series_count(fig);
    if (fig->classes) return fig->classes;
    for (int k = 0; k < ns; k++)
        for (int i = 0; fig->series[k].labels && i < plot__n(fig, k); i++)
            if (fig->series[k].labels[i] >= most) most = fig->series[k].labels[i] + 1;
    if (fig->kind == PLOT_BOUNDARY && fig->gridi)
        for (size_t i = 0; i < (size_t)fig->rows * (size_t)fig->cols; i++)
            if (fig->gridi[i] >= most) most = fig->gridi[i] + 1;
    return most;
}

/* The name of class k: given, or its number (in room). */
PLOT_API const char *plot__class_name(const plot_figure *fig, int k, char room[16])
{
    if (fig->names && fig->names[k]) return fig->names[k];
    snprintf(room, 16, "%d", k);
    return room;
}

PLOT_API void plot__widen(double *lo, double *hi, int any, int is_log, double margin)
{
    if (!any) { *lo = is_log ? 0.1 : 0; *hi = 1; }
    if (is_log) {
        double f = *hi > *lo ? pow(*hi / *lo, margin) : 2;
        *lo /= f; *hi *= f;
        return;
    }
    double m = *hi > *lo ? margin * (*hi - *lo) : (*lo != 0 ? 0.1 * fabs(*lo) : 1);
    *lo -= m; *hi += m;
}

typedef struct { double lo, hi; int any; } plot__span;

PLOT_API void plot__cover(plot__span *s, double v, int is_log)
{
    if (!plot__fits(v, is_log)) return;
    if (!s->any || v < s->lo) s->lo = v;
    if (!s->any || v > s->hi) s->hi = v;
    s->any = 1;
}

/* Axis ranges of lines, scatter, boundary and contour. Returns whether there is a point to draw. */
PLOT_API int plot__xy_range(const plot_figure *fig, plot__box *b)
{
    plot__span x = { 0, 0, 0 }, y = { 0, 0, 0 };
    int ns = plot__series_count(fig), line = fig->kind == PLOT_LINES;
    for (int k = 0; k < ns; k++)
        for (int i = 0; i < plot__n(fig, k); i++) {
            const plot_series *s = &fig->series[k];
            double vx = plot__x(fig, k, i), vy = plot__y(fig, k, i);
            if (!plot__fits(vx, fig->log_x) || !plot__fits(vy, fig->log_y)) continue;
            plot__cover(&x, vx, fig->log_x);
            plot__cover(&y, vy, fig->log_y);
            if (line && s->low && s->high) {
                plot__cover(&y, s->low[i], fig->log_y);
                plot__cover(&y, s->high[i], fig->log_y);
            }
        }
    b->x0 = x.lo; b->x1 = x.hi; b->y0 = y.lo; b->y1 = y.hi;
    plot__widen(&b->x0, &b->x1, x.any, fig->log_x, line ? 0 : 0.04);
    plot__widen(&b->y0, &b->y1, y.any, fig->log_y, 0.05);
    if (plot__has_range(fig->x_min, fig->x_max)) { b->x0 = fig->x_min; b->x1 = fig->x_max; }
    if (plot__has_range(fig->y_min, fig->y_max)) { b->y0 = fig->y_min; b->y1 = fig->y_max; }
    return x.any || plot__has_grid(fig);
}

/* Counts of several samples in common bins. */
typedef struct {
    int bins;
    double lo, width, top, count[PLOT_MAX_SERIES][PLOT_MAX_BINS];
} plot__hist;

PLOT_API int plot__hist_range(const plot_figure *fig, plot__hist *h)
{
    plot__span s = { 0, 0, 0 };
    int ns = plot__series_count(fig), most = 0;
    for (int k = 0; k < ns; k++) {
        if (plot__n(fig, k) > most) most = plot__n(fig, k);
        for (int i = 0; i < plot__n(fig, k); i++) plot__cover(&s, plot__y(fig, k, i), 0);
    }
    if (plot__has_range(fig->x_min, fig->x_max)) { s.lo = fig->x_min; s.hi = fig->x_max; }
    if (!(s.hi > s.lo)) { s.lo -= 0.5; s.hi = s.lo + 1; }
    h->bins = fig->bins ? fig->bins : (int)ceil(2 * cbrt(most));      /* Rice's rule */
    if (h->bins < 4 && !fig->bins) h->bins = 4;
    if (h->bins > PLOT_MAX_BINS) h->bins = PLOT_MAX_BINS;
    h->lo = s.lo;
    h->width = (s.hi - s.lo) / h->bins;
    return s.any;
}

/* Fills h; values outside a given range are left out. Returns whether there is any value. */
PLOT_API int plot__histogram_of(const plot_figure *fig, plot__hist *h)
{
    int ns = plot__series_count(fig), any;
    memset(h, 0, sizeof *h);
    any = plot__hist_range(fig, h);
    for (int k = 0; k < ns; k++) {
        int total = 0;
        for (int i = 0; i < plot__n(fig, k); i++) {
            double at = (plot__y(fig, k, i) - h->lo) / h->width;
            if (!(at >= 0 && at <= h->bins + 1e-9)) continue;
            h->count[k][at < h->bins ? (int)at : h->bins - 1]++;
            total++;
        }
        for (int i = 0; i < h->bins; i++) {
            if (fig->density && total) h->count[k][i] /= total * h->width;
            if (h->count[k][i] > h->top) h->top = h->count[k][i];
        }
    }
    return any;
}

PLOT_API void plot_grid_points(float *xy, double x_min, double x_max, double y_min, double y_max,
                               int rows, int cols)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            *xy++ = (float)(x_min + (x_max - x_min) * (cols > 1 ? c / (cols - 1.0) : 0.5));
            *xy++ = (float)(y_min + (y_max - y_min) * (rows > 1 ? r / (rows - 1.0) : 0.5));
        }
}

PLOT_API void plot_range(const float *v, int n, int stride, double margin, double *lo, double *hi)
{
    plot__span s = { 0, 0, 0 };
    for (int i = 0; i < n; i++)
        plot__cover(&s, (double)v[(size_t)i * (size_t)(stride ? stride : 1)], 0);
    *lo = s.lo; *hi = s.hi;
    plot__widen(lo, hi, s.any, 0, s.any ? margin : 0);
}

/* ---- checking the description -------------------------------------------------------- >>check */

PLOT_API int plot__check_series(const plot_figure *fig)
{
    int ns = plot__series_count(fig);
    int need = fig->kind != PLOT_BOUNDARY && fig->kind != PLOT_CONTOUR;
    if (!ns && need)
        return plot__fail(fig, "no series; give .series = {{ \"name\", .y = values }}");
    for (int k = 0; k < ns; k++) {
        const plot_series *s = &fig->series[k];
        const char *name = s->name ? s->name : "";
        int xy = fig->kind == PLOT_SCATTER || !need;
        if (!s->y && !s->yf)
            return plot__fail(fig, "series %d ('%s') has no values; give .y or .yf", k, name);
        if (plot__n(fig, k) <= 0)
            return plot__fail(fig, "series %d ('%s') has %d values; give .n for it or for the "
                              "figure", k, name, plot__n(fig, k));
        if (xy && !s->x && !s->xf)
            return plot__fail(fig, "series %d ('%s') has no x; give .x or .xf", k, name);
        for (int i = 0; s->labels && i < plot__n(fig, k); i++)
            if (s->labels[i] < 0 || (fig->classes && s->labels[i] >= fig->classes))
                return plot__fail(fig, "label %d of series %d is %d; labels count from 0 and stay "
                                  "below .classes = %d", i, k, s->labels[i], fig->classes);
    }
    return 0;
}

PLOT_API int plot__check_grid(const plot_figure *fig)
{
    int extent = fig->kind == PLOT_BOUNDARY || fig->kind == PLOT_CONTOUR;
    if (!plot__has_grid(fig))
        return plot__fail(fig, "no grid; give .grid, .gridf, .gridi or .gridb");
    if (fig->rows <= 0 || fig->cols <= 0 || plot__grids(fig) <= 0)
        return plot__fail(fig, "the grid has %d rows and %d columns (n = %d); give .rows, .cols%s",
                          fig->rows, fig->cols, fig->n, fig->kind == PLOT_IMAGES ? ", .n" : "");
    if (extent && (fig->rows < 2 || fig->cols < 2))
        return plot__fail(fig, "a grid of %d x %d has no area; give at least 2 x 2",
                          fig->rows, fig->cols);
    if (extent && !(fig->x_max > fig->x_min && fig->y_max > fig->y_min))
        return plot__fail(fig, "the grid has no extent (x %g to %g, y %g to %g); give .x_min "
                          "to .y_max", fig->x_min, fig->x_max, fig->y_min, fig->y_max);
    for (size_t i = 0; fig->kind == PLOT_BOUNDARY && fig->gridi &&
                       i < (size_t)fig->rows * (size_t)fig->cols; i++)
        if (fig->gridi[i] < 0 || (fig->classes && fig->gridi[i] >= fig->classes))
            return plot__fail(fig, "the grid holds class %d; classes count from 0 and stay below "
                              ".classes = %d", fig->gridi[i], fig->classes);
    return 0;
}

PLOT_API int plot__check_ranges(const plot_figure *fig)
{
    const double r[3][2] = { { fig->x_min, fig->x_max }, { fig->y_min, fig->y_max },
                             { fig->z_min, fig->z_max } };
    for (int i = 0; i < 3; i++) {
        double lo = r[i][0], hi = r[i][1];
        if (plot__has_range(lo, hi) && !(hi > lo && plot__ok(hi - lo)))
            return plot__fail(fig, "the range .%c_min = %g to .%c_max = %g is empty; give a "
                              "smaller and a larger number", "xyz"[i], lo, "xyz"[i], hi);
    }
    for (int i = 0; i < 2; i++)
        if ((i ? fig->log_y : fig->log_x) && plot__has_range(r[i][0], r[i][1]) && r[i][0] <= 0)
            return plot__fail(fig, "the logarithmic %c axis starts at %g; start above 0", "xy"[i],
                              r[i][0]);
    return 0;
}

PLOT_API int plot__check_graph(const plot_figure *fig)
{
    if (!fig->nodes || fig->n_nodes <= 0)
        return plot__fail(fig, "no nodes; give .nodes and .n_nodes (now %d)", fig->n_nodes);
    for (int i = 0; i < fig->n_nodes; i++)
        if (!plot__ok(fig->nodes[i].x) || !plot__ok(fig->nodes[i].y) || fig->nodes[i].look < 0)
            return plot__fail(fig, "node %d has no place (%g, %g) or look %d; give finite numbers "
                              "and a look from 0 on", i, fig->nodes[i].x, fig->nodes[i].y,
                              fig->nodes[i].look);
    for (int i = 0; i < fig->n_edges; i++) {
        const plot_edge *e = &fig->edges[i];
        if (e->from < 0 || e->from >= fig->n_nodes || e->to < 0 || e->to >= fig->n_nodes ||
            e->from == e->to)
            return plot__fail(fig, "edge %d goes from node %d to %d; give two of 0 .. %d", i,
                              e->from, e->to, fig->n_nodes - 1);
    }
    return 0;
}

PLOT_API int plot__check(const plot_figure *fig)
{
    if ((unsigned)fig->kind > PLOT_PANELS) return plot__fail(fig, "no kind %d", (int)fig->kind);
    if (fig->width < 0 || fig->height < 0 || fig->width > 8000 || fig->height > 8000)
        return plot__fail(fig, "a size of %d x %d cannot be drawn; stay below 8000", fig->width,
                          fig->height);
    if (plot__check_ranges(fig)) return 1;
    switch (fig->kind) {
    case PLOT_LINES: case PLOT_SCATTER: case PLOT_HISTOGRAM: case PLOT_BARS:
        return plot__check_series(fig);
    case PLOT_BOUNDARY: case PLOT_CONTOUR:
        return plot__check_grid(fig) || plot__check_series(fig);
    case PLOT_HEATMAP: case PLOT_IMAGES:
        return plot__check_grid(fig);
    case PLOT_CONFUSION:
        if (fig->counts && fig->classes > 0) return 0;
        return plot__fail(fig, "no counts; give .counts and .classes (now %d)", fig->classes);
    case PLOT_GRAPH: return plot__check_graph(fig);
    case PLOT_PANELS: break;
    }
    if (!fig->panels || fig->n <= 0)
        return plot__fail(fig, "no panels; give .panels and .n (now %d)", fig->n);
    for (int i = 0; i < fig->n; i++) {
        if (fig->panels[i].kind == PLOT_PANELS)
            return plot__fail(fig, "panel %d is a figure of panels; put its panels here", i);
        if (plot__check(&fig->panels[i])) return 1;
    }
    return 0;
}

/* A confusion matrix is a grid of classes x classes; the rest of the code sees it so. */
PLOT_API plot_figure plot__normal(const plot_figure *fig)
{
    plot_figure f = *fig;
    if (f.kind == PLOT_CONFUSION) {
        f.rows = f.cols = f.classes;
        f.row_names = f.col_names = f.names;
        if (!f.x_label) f.x_label = "predicted class";
        if (!f.y_label) f.y_label = "true class";
    }
    return f;
}

/* ---- text ----------------------------------------------------------------------------- >>text */

/* Length of the UTF-8 character at s, 0 if it is not one (then SVG and Pango would refuse it). */
PLOT_API int plot__utf8(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    int length = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3
               : u[0] < 0xF5 ? 4 : 0;
    for (int i = 1; i < length; i++) if ((u[i] & 0xC0) != 0x80) return 0;
    return length;
}

/* Characters of s, up to its end. */
PLOT_API int plot__width(const char *s)
{
    int n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* v in a printf format of one int and one double, with '.' in every locale (a locale's own point
   may be a comma or several bytes); NaN and infinity as nan, inf, -inf.                          */
PLOT_API const char *plot__number(char out[48], const char *fmt, int precision, double v)
{
    char text[48], *o = out;
    if (!plot__ok(v)) return v > 0 ? "inf" : v < 0 ? "-inf" : "nan";
    snprintf(text, sizeof text, fmt, precision, v);
    for (const char *s = text; *s; s++) {
        if (isdigit((unsigned char)*s) || strchr("+-e", *s)) *o++ = *s;
        else if (s > text && isdigit((unsigned char)s[-1])) *o++ = '.';
    }
    *o = 0;
    return out;
}

/* A short form of a value for a cell or a bar: digits after the point, or 3 significant. */
PLOT_API const char *plot__short(char out[48], double v, int digits)
{
    if (digits > 0 && fabs(v) < 1e15) return plot__number(out, "%.*f", digits > 9 ? 9 : digits, v);
    if (v == floor(v) && fabs(v) < 1e6) return plot__number(out, "%.*f", 0, v);
    return plot__number(out, "%.*g", 3, v);
}

/* A gnuplot string: single quotes, in which only ' is special; no macro, format or command is
   expanded there. is_tic: labels of tics are formats, so % is doubled.                           */
PLOT_API void plot__quote(FILE *f, const char *s, int is_tic)
{
    putc('\'', f);
    for (int length; s && *s; s += length ? length : 1) {
        length = plot__utf8(s);
        if (!length) putc('?', f);
        else if (*s == '\'') fputs("''", f);
        else if (*s == '\n') fputs("'.\"\\n\".'", f);
        else if (*s == '%' && is_tic) fputs("%%", f);
        else if ((unsigned char)*s < 32 || *s == 127) putc(' ', f);
        else fwrite(s, 1, (size_t)length, f);
    }
    putc('\'', f);
}

/* Writes a piece of script: %d int, %g double, %s text as it is, %q quoted, %t quoted for a tic,
   %c a colour. printf itself would write a comma under some locales.                             */
PLOT_API void plot__put(FILE *f, const char *fmt, ...)
{
    char number[48];
    va_list a;
    va_start(a, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') { putc(*fmt, f); continue; }
        switch (*++fmt) {
        case 'd': fprintf(f, "%d", va_arg(a, int)); break;
        case 'g': fputs(plot__number(number, "%.*g", 9, va_arg(a, double)), f); break;
        case 's': fputs(va_arg(a, const char *), f); break;
        case 'q': plot__quote(f, va_arg(a, const char *), 0); break;
        case 't': plot__quote(f, va_arg(a, const char *), 1); break;
        case 'c': fprintf(f, "'#%06x'", va_arg(a, unsigned)); break;
        default: putc(*fmt, f);
        }
    }
    va_end(a);
}

/* Copies s with line breaks between words, so that lines stay near cols characters. */
PLOT_API void plot__wrap(char *out, size_t size, const char *s, int cols)
{
    size_t n = 0, space = 0;
    int width = 0, since = 0;                       /* of the line, and since the last space */
    for (; s && *s && n + 1 < size; s++) {
        out[n] = *s;
        if (*s == '\n') width = since = 0, space = 0;
        else if (((unsigned char)*s & 0xC0) != 0x80) width++, since++;
        if (*s == ' ') { space = n; since = 0; }
        if (width > cols && space) { out[space] = '\n'; width = since; space = 0; }
        n++;
    }
    out[n] = 0;
}

/* ---- the table ----------------------------------------------------------------------- >>table */

/* Blocks are separated by two blank lines; gnuplot calls them index 0, 1, ... A curve that shares
   x with the others stands beside them in one block, everything else has a block of its own.     */

/* A name as the heading of a column: without blanks, so that columns can be counted. */
PLOT_API void plot__heading(FILE *f, const char *name, const char *otherwise)
{
    fputs("  ", f);
    for (const char *s = name && *name ? name : otherwise; *s; s++)
        putc((unsigned char)*s <= ' ' ? '_' : *s, f);
}

PLOT_API void plot__comment(FILE *f, const char *s)
{
    fputs("# ", f);
    for (; s && *s; s++) putc((unsigned char)*s < ' ' ? ' ' : *s, f);
    putc('\n', f);
}

PLOT_API int plot__one_block(const plot_figure *fig)
{
    const plot_series *s = fig->series;
    if (fig->kind != PLOT_LINES) return 0;
    for (int k = 0; k < plot__series_count(fig); k++)
        if (s[k].x != s[0].x || s[k].xf != s[0].xf || plot__n(fig, k) != plot__n(fig, 0) ||
            ((s[0].x || s[0].xf) && s[k].stride != s[0].stride) || s[k].low || s[k].high) return 0;
    return 1;
}

PLOT_API void plot__table_shared(FILE *f, const plot_figure *fig)
{
    int ns = plot__series_count(fig);
    putc('#', f);
    plot__heading(f, fig->x_label, "x");
    for (int k = 0; k < ns; k++)
        plot__heading(f, fig->series[k].name, fig->y_label ? fig->y_label : "y");
    for (int i = 0; i < plot__n(fig, 0); i++) {
        plot__put(f, "\n%g", plot__x(fig, 0, i));
        for (int k = 0; k < ns; k++) plot__put(f, " %g", plot__y(fig, k, i));
    }
    fputs("\n\n\n", f);
}

PLOT_API void plot__table_series(FILE *f, const plot_figure *fig, int k)
{
    const plot_series *s = &fig->series[k];
    int band = fig->kind == PLOT_LINES && s->low && s->high;
    if (s->name) plot__comment(f, s->name);
    putc('#', f);
    plot__heading(f, fig->x_label, "x");
    plot__heading(f, fig->y_label, "y");
    if (s->labels || band) fputs(band ? "  low  high" : "  class", f);
    for (int i = 0; i < plot__n(fig, k); i++) {
        plot__put(f, "\n%g %g", plot__x(fig, k, i), plot__y(fig, k, i));
        if (band) plot__put(f, " %g %g", s->low[i], s->high[i]);
        else if (s->labels) plot__put(f, " %d", s->labels[i]);
    }
    fputs("\n\n\n", f);
}

PLOT_API void plot__table_grid(FILE *f, const plot_figure *fig, int k)
{
    size_t first = (size_t)k * (size_t)fig->rows * (size_t)fig->cols;
    if (fig->kind == PLOT_IMAGES && fig->names) plot__comment(f, fig->names[k]);
    plot__put(f, "# %d rows of %d values, row 0 first", fig->rows, fig->cols);
    if (fig->kind == PLOT_BOUNDARY || fig->kind == PLOT_CONTOUR)
        plot__put(f, "; x from %g to %g, y from %g to %g", fig->x_min, fig->x_max, fig->y_min,
                  fig->y_max);
    if (fig->kind == PLOT_CONFUSION) fputs("; row: true class, column: predicted class", f);
    for (int r = 0; r < fig->rows; r++)
        for (int c = 0; c < fig->cols; c++)
            plot__put(f, "%s%g", c ? " " : "\n",
                      plot__z(fig, first + (size_t)r * (size_t)fig->cols + (size_t)c));
    fputs("\n\n\n", f);
}

PLOT_API void plot__table_bins(FILE *f, const plot_figure *fig, const plot__hist *h)
{
    int ns = plot__series_count(fig);
    fputs("#  from  to", f);
    for (int k = 0; k < ns; k++) plot__heading(f, fig->series[k].name, "count");
    for (int i = 0; i < h->bins; i++) {
        plot__put(f, "\n%g %g", h->lo + i * h->width, h->lo + (i + 1) * h->width);
        for (int k = 0; k < ns; k++) plot__put(f, " %g", h->count[k][i]);
    }
    fputs("\n\n\n", f);
}

PLOT_API int plot__bar_count(const plot_figure *fig)
{
    int most = 0;
    for (int k = 0; k < plot__series_count(fig); k++)
        if (plot__n(fig, k) > most) most = plot__n(fig, k);
    return most;
}

PLOT_API double plot__bar(const plot_figure *fig, int k, int i)
{
    return i < plot__n(fig, k) ? plot__y(fig, k, i) : (double)NAN;
}

PLOT_API void plot__table_bars(FILE *f, const plot_figure *fig)
{
    int ns = plot__series_count(fig);
    char room[16];
    fputs("#  number", f);
    for (int k = 0; k < ns; k++) plot__heading(f, fig->series[k].name, "value");
    plot__heading(f, fig->x_label, "name");
    for (int i = 0; i < plot__bar_count(fig); i++) {
        plot__put(f, "\n%d", i);
        for (int k = 0; k < ns; k++) plot__put(f, " %g", plot__bar(fig, k, i));
        plot__heading(f, plot__class_name(fig, i, room), "-");
    }
    fputs("\n\n\n", f);
}

PLOT_API void plot__table_graph(FILE *f, const plot_figure *fig)
{
    const plot_edge *e = fig->edges;
    fputs("# node  x  y  text", f);
    for (int i = 0; i < fig->n_nodes; i++) {
        plot__put(f, "\n%d %g %g", i, fig->nodes[i].x, fig->nodes[i].y);
        plot__heading(f, fig->nodes[i].text, "-");
    }
    fputs("\n\n\n# from  to  weight", f);
    for (int i = 0; i < 2; i++) plot__heading(f, fig->names ? fig->names[i] : NULL, "label");
    for (int i = 0; i < fig->n_edges; i++, e++) {
        plot__put(f, "\n%d %d %g", e->from, e->to, e->weight);
        plot__heading(f, e->above, "-");
        plot__heading(f, e->below, "-");
    }
    fputs("\n\n\n", f);
}

/* What a figure's blocks are: one that holds everything (1), or grids and then series. */
PLOT_API int plot__parts(const plot_figure *fig, int *grids, int *series)
{
    *grids = plot__grids(fig);
    *series = plot__series_count(fig);
    if (fig->kind == PLOT_LINES || fig->kind == PLOT_SCATTER) *grids = 0;
    if (fig->kind >= PLOT_HEATMAP && fig->kind <= PLOT_IMAGES) *series = 0;
    if (fig->kind == PLOT_GRAPH) *series = 2;                       /* nodes, edges */
    return fig->kind == PLOT_HISTOGRAM || fig->kind == PLOT_BARS || plot__one_block(fig);
}

PLOT_API int plot__blocks(const plot_figure *fig)
{
    int grids, series;
    return plot__parts(fig, &grids, &series) ? 1 : grids + series;
}

PLOT_API void plot__table(FILE *f, const plot_figure *fig)
{
    int grids, series;
    plot__hist h;
    if (fig->kind == PLOT_GRAPH) plot__table_graph(f, fig);
    else if (!plot__parts(fig, &grids, &series)) {
        for (int k = 0; k < grids; k++) plot__table_grid(f, fig, k);
        for (int k = 0; k < series; k++) plot__table_series(f, fig, k);
    }
    else if (fig->kind == PLOT_BARS) plot__table_bars(f, fig);
    else if (fig->kind == PLOT_LINES) plot__table_shared(f, fig);
    else { plot__histogram_of(fig, &h); plot__table_bins(f, fig, &h); }
}

/* ---- colours ------------------------------------------------------------------------ >>colour */

/* Okabe and Ito's palette, told apart by colour-blind readers; its yellow is too faint on white, so
   a grey and a dark ochre stand in. Tens of classes are told apart by their markers too.         */
PLOT_API unsigned plot__colour(int k)
{
    static const unsigned c[] = { 0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0x56B4E9,
                                  0xE69F00, 0x000000, 0x8A8A8A, 0x7A5C00, 0x6A3D9A };
    return c[k % 10];
}

/* The same, mixed with white: share 0 is white, 1 the colour itself. */
PLOT_API unsigned plot__pale(int k, double share)
{
    unsigned c = plot__colour(k), out = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double v = 255 - share * (255 - (double)(c >> shift & 255u));
        out |= (unsigned)(v + 0.5) << shift;
    }
    return out;
}

PLOT_API int plot__marker(int k)
{
    static const int filled[] = { 7, 9, 5, 13, 11, 6, 8, 4, 12, 10 };
    return filled[k % 10];
}

PLOT_API const char *plot__palette(const plot_figure *fig)
{
    if (fig->kind == PLOT_BOUNDARY)
        return "0 '#99C7E0', 0.5 '#FFFFFF', 1 '#EEBE99'";
    if (fig->diverging)
        return "0 '#0072B2', 0.25 '#7FB8D8', 0.5 '#FFFFFF', 0.75 '#EAAE7F', 1 '#D55E00'";
    if (fig->kind == PLOT_CONTOUR)
        return "0 '#FFFFFF', 0.5 '#DCE6EE', 1 '#A9BFD1'";
    if (fig->kind == PLOT_IMAGES)
        return fig->ink ? "0 '#FFFFFF', 1 '#000000'" : "0 '#000000', 1 '#FFFFFF'";
    return "0 '#F7FBFF', 0.25 '#C6DBEF', 0.5 '#6BAED6', 0.75 '#2171B5', 1 '#08306B'";
}

/* ---- the gnuplot script ------------------------------------------------------------- >>script */

/* Where a figure stands in the script that is being written. */
typedef struct {
    FILE *f;
    char file[PLOT_MAX_PATH + 8];   /* the table                                                  */
    int index;                      /* the figure's first block in it                             */
    int slot;                       /* panel number; names the data of its contour lines          */
    int first;                      /* of the plot command: no comma yet                          */
    double page_w, page_h;          /* the page, the figure or panel on it (from the upper left   */
    double left, top, w, h;         /* corner) and its text, in SVG units                         */
    double font;
    double point;                   /* factor on markers: terminals differ                        */
    double legend;                  /* above 0: the legend stands so far below the page's top,    */
} plot__page;                       /* below 0: this panel has none                               */

/* A place inside the figure or panel as a share of the page, as gnuplot's "screen" has it. */
PLOT_API double plot__right(const plot__page *p, double x) { return (p->left + x) / p->page_w; }
PLOT_API double plot__down(const plot__page *p, double y) { return 1 - (p->top + y) / p->page_h; }

enum { PLOT__LINE = 150, PLOT__TITLE = 112 };   /* per cent of the font: line height, title size */

/* Begins one element of the plot command: the file, its block, then what the caller appends. */
PLOT_API void plot__from(plot__page *p, int block)
{
    plot__put(p->f, "%s%q index %d ", p->first ? "plot " : ", \\\n     ", p->file,
              p->index + block);
    p->first = 0;
}

PLOT_API void plot__title_of(plot__page *p, const char *name)
{
    if (name && *name) plot__put(p->f, " title %q", name);
    else plot__put(p->f, " notitle");
}

/* The title, at most in two or three lines, from y down. Returns where it ends. */
PLOT_API double plot__title(plot__page *p, int id, const char *title, double y, double size)
{
    char text[600];
    double line = size * 0.01 * PLOT__LINE;
    int lines = 1, fits, wide;
    if (!title || !*title) return y;
    fits = (int)(p->w / (size * 0.58));
    wide = plot__width(title);
    if (wide > fits) fits = wide / (wide / fits + 1) + 5;           /* lines of similar length */
    plot__wrap(text, sizeof text, title, fits);
    for (const char *s = text; *s; s++) lines += *s == '\n';
    plot__put(p->f, "set label %d %q at screen %g, screen %g center font ',%g' "
              "tc rgb '#111111'\n", id, text, plot__right(p, 0.5 * p->w),
              plot__down(p, y + 0.5 * line), size);
    return y + lines * line;
}

/* Entries of the legend and characters of the longest. */
PLOT_API int plot__legend_size(const plot_figure *fig, int *longest)
{
    int n = 0, ns = plot__series_count(fig), classes = plot__classes(fig);
    char room[16];
    *longest = 0;
    for (int k = 0; k < ns; k++) {
        int labels = fig->series[k].labels != NULL;
        for (int c = 0; c < (labels ? classes : 1); c++) {
            const char *name = labels ? plot__class_name(fig, c, room) : fig->series[k].name;
            if (!name || !*name) continue;
            n++;
            if (plot__width(name) > *longest) *longest = plot__width(name);
        }
    }
    return n;
}

/* The legend, centred in as few rows as its names allow, from y down. Returns where it ends.
   "vertical" because with "horizontal" gnuplot counts columns by the width of the panel alone.   */
PLOT_API double plot__legend(plot__page *p, const plot_figure *fig, double y)
{
    int longest, n = plot__legend_size(fig, &longest), across, rows;
    double line = 1.3 * p->font, w = p->legend > 0 ? p->page_w : p->w;
    double x = plot__right(p, 0.5 * p->w);
    if (fig->no_legend || p->legend < 0 || !n || fig->kind == PLOT_HEATMAP ||
        fig->kind == PLOT_CONFUSION || fig->kind == PLOT_IMAGES) {
        plot__put(p->f, "unset key\n");
        return y;
    }
    across = (int)(w / ((0.6 * longest + 4.5) * p->font));
    rows = across > 1 ? (n + across - 1) / across : n;
    if (p->legend > 0) x = 0.5;
    plot__put(p->f, "set key at screen %g, screen %g center center vertical Left reverse samplen 2 "
              "maxrows %d tc rgb '#222222'\n", x, p->legend > 0 ? 1 - p->legend / p->page_h :
              plot__down(p, y + 0.5 * rows * line), rows);
    return p->legend > 0 ? y : y + rows * line;
}

/* What all kinds share: titles, thin grey axes, the legend above the plot and never on data. */
PLOT_API void plot__look(plot__page *p, const plot_figure *fig)
{
    double y = 0.3 * p->font;
    plot__put(p->f, "set border 3 lw 1 lc rgb '#555555'\n"
              "set tics out nomirror scale 0.5 tc rgb '#222222'\nset format '%%g'\n"
              "set grid lt 1 lw 0.8 lc rgb '#e3e3e3'\nset style fill solid 1 noborder\n"
              "set palette defined (%s)\nunset colorbox\n", plot__palette(fig));
    y = plot__title(p, 9998, fig->title, y, 0.01 * PLOT__TITLE * p->font);
    y = plot__legend(p, fig, y);
    plot__put(p->f, "set tmargin at screen %g\n", plot__down(p, y + 0.6 * p->font));
    if (fig->x_label) plot__put(p->f, "set xlabel %q tc rgb '#222222'\n", fig->x_label);
    if (fig->y_label) plot__put(p->f, "set ylabel %q tc rgb '#222222'\n", fig->y_label);
}

/* A logarithmic axis of less than two decades gets numbers at 1, 2 and 5 of each: powers of ten
   alone may be a single one, or none.                                                            */
PLOT_API void plot__log_axis(plot__page *p, const char *axis, double lo, double hi)
{
    static const double digit[3] = { 1, 2, 5 };
    int any = 0;
    plot__put(p->f, "set logscale %s\n", axis);
    if (!(hi < 100 * lo)) return;
    for (int k = 0; k < 9; k++) {
        const double v = digit[k % 3] * pow(10, floor(log10(lo)) + k / 3);
        if (!(v >= lo && v <= hi)) continue;
        if (any++) plot__put(p->f, ", %g", v);
        else plot__put(p->f, "set %stics (%g", axis, v);
    }
    if (any) plot__put(p->f, ")\n");
}

PLOT_API void plot__axes(plot__page *p, const plot_figure *fig, const plot__box *b)
{
    plot__put(p->f, "set xrange [%g:%g]\nset yrange [%g:%g]\n", b->x0, b->x1, b->y0, b->y1);
    if (fig->log_x) plot__log_axis(p, "x", b->x0, b->x1);
    if (fig->log_y) plot__log_axis(p, "y", b->y0, b->y1);
    for (int i = 0; fig->x_ticks && i < fig->n_x_ticks; i++) {
        if (fig->x_tick_names)
            plot__put(p->f, "%s%t %g", i ? ", " : "set xtics (", fig->x_tick_names[i],
                      fig->x_ticks[i]);
        else plot__put(p->f, "%s%g", i ? ", " : "set xtics (", fig->x_ticks[i]);
        if (i + 1 == fig->n_x_ticks) plot__put(p->f, ")\n");
    }
}

/* A figure without one drawable point still appears, and says why it is empty. */
PLOT_API void plot__note(plot__page *p, const char *text)
{
    plot__put(p->f, "set label 9999 %q at graph 0.5, graph 0.5 center front tc rgb '#B00000'\n",
              text);
}

PLOT_API void plot__marks(plot__page *p, const plot_figure *fig, const plot__box *b)
{
    for (int k = 0; k < PLOT_MAX_MARKS && fig->marks[k].name; k++) {
        const plot_mark *m = &fig->marks[k];
        int shade = m->zone || m->x_end != 0, right = m->x > 0.5 * (b->x0 + b->x1);
        double y = 0.955 - 0.075 * (shade ? 0 : k % 4), at = shade ? 0.5 * (m->x + m->x_end) : m->x;
        if (fig->log_x && shade) at = sqrt(m->x * m->x_end);
        if (!(m->x >= b->x0 && m->x <= b->x1) && !shade) continue;
        if (shade)
            plot__put(p->f, "set object rect from %g, graph 0 to %g, graph 1 behind "
                      "fc rgb '#ececec' fs solid noborder\n", fmax(m->x, b->x0),
                      fmin(m->x_end, b->x1));
        else
            plot__put(p->f, "set arrow from %g, graph 0 to %g, graph 1 nohead lw 1.6 dt (6,4) "
                      "lc rgb '#444444'\n", m->x, m->x);
        plot__put(p->f, "set label %q at %g, graph %g %s offset char %g,0 front tc rgb '#333333'\n",
                  m->name, at, y, shade ? "center" : right ? "right" : "left",
                  shade ? 0.0 : right ? -0.6 : 0.6);
    }
}

PLOT_API void plot__line(plot__page *p, const plot_figure *fig, int k)
{
    const plot_series *s = &fig->series[k];
    int shared = plot__one_block(fig), few = plot__n(fig, k) <= 40;
    plot__from(p, shared ? 0 : k);
    plot__put(p->f, "using (ok($1)):(ok($%d)) with ", shared ? k + 2 : 2);
    if (s->style == PLOT_DOTS || plot__n(fig, k) == 1)
        plot__put(p->f, "points pt %d ps %g", plot__marker(k), p->point * (few ? 1.1 : 0.7));
    else if (s->style == PLOT_MARKED)
        plot__put(p->f, "linespoints pt %d ps %g lw 2.4", plot__marker(k), p->point * 1.1);
    else plot__put(p->f, "%s lw 2.6%s", s->style == PLOT_STEPS ? "steps" : "lines",
                   s->style == PLOT_DASHED || k >= 10 ? " dt (8,5)" : "");
    plot__put(p->f, " lc rgb %c", plot__colour(k));
    plot__title_of(p, s->name);
}

PLOT_API void plot__script_lines(plot__page *p, const plot_figure *fig)
{
    plot__box b;
    int ns = plot__series_count(fig);
    if (!plot__xy_range(fig, &b)) plot__note(p, "no finite value to draw");
    plot__axes(p, fig, &b);
    plot__marks(p, fig, &b);
    for (int k = 0; k < ns; k++) {
        if (!fig->series[k].low || !fig->series[k].high) continue;
        plot__from(p, k);
        plot__put(p->f, "using (ok($1)):(ok($3)):(ok($4)) with filledcurves lc rgb %c notitle",
                  plot__pale(k, 0.22));
    }
    for (int k = 0; k < ns; k++) plot__line(p, fig, k);
}

/* Points of series k (labels: of class c of it), above a white rim that parts them where they
   lie on each other or on a coloured region.                                                     */
PLOT_API void plot__points(plot__page *p, const plot_figure *fig, int block, int k, int c)
{
    int n = plot__n(fig, k), look = c >= 0 ? c : k;
    char room[16];
    double size = n > 2000 ? 0.45 : n > 400 ? 0.7 : 1.0;
    const char *name = c >= 0 ? plot__class_name(fig, c, room) : fig->series[k].name;
    size *= p->w < 420 ? 0.75 : 1.2;
    for (int rim = 1; rim >= 0; rim--) {
        plot__from(p, block);
        if (c >= 0) plot__put(p->f, "using (ok($1)):($3 == %d ? ok($2) : NaN) ", c);
        else plot__put(p->f, "using (ok($1)):(ok($2)) ");
        plot__put(p->f, "with points pt %d ps %g lw 1.4 lc rgb %c", plot__marker(look),
                  size * p->point * (rim ? 1.4 : 1), rim ? 0xFFFFFFu : plot__colour(look));
        plot__title_of(p, rim ? NULL : name);
    }
}

PLOT_API void plot__all_points(plot__page *p, const plot_figure *fig, int block)
{
    int ns = plot__series_count(fig), classes = plot__classes(fig);
    for (int k = 0; k < ns; k++) {
        if (!fig->series[k].labels) plot__points(p, fig, block + k, k, -1);
        for (int c = 0; fig->series[k].labels && c < classes; c++)
            plot__points(p, fig, block + k, k, c);
    }
}

PLOT_API void plot__script_scatter(plot__page *p, const plot_figure *fig)
{
    plot__box b;
    if (!plot__xy_range(fig, &b)) plot__note(p, "no finite point to draw");
    plot__axes(p, fig, &b);
    plot__all_points(p, fig, 0);
}

/* "using" of a grid whose nodes lie on the axes' ranges. */
PLOT_API void plot__using_grid(plot__page *p, const plot_figure *fig)
{
    plot__put(p->f, "matrix using (%g + $1 * %g):(%g + $2 * %g):(ok($3)) ",
              fig->x_min, (fig->x_max - fig->x_min) / (fig->cols - 1),
              fig->y_min, (fig->y_max - fig->y_min) / (fig->rows - 1));
}

/* Level k of n between lo and hi. */
PLOT_API double plot__level(const plot_figure *fig, int k, int n, double lo, double hi)
{
    double t = (k + 1.0) / (n + 1.0);
    if (fig->levels) return fig->levels[k];
    return fig->log_z && lo > 0 ? lo * pow(hi / lo, t) : lo + t * (hi - lo);
}

/* Has gnuplot trace the level lines into a named block, before the figure: it is a plot itself. */
PLOT_API void plot__trace(plot__page *p, const plot_figure *fig)
{
    double lo, hi;
    int n = fig->levels ? fig->n_levels : fig->kind == PLOT_BOUNDARY ? 1 : 14;
    if ((fig->kind != PLOT_BOUNDARY && fig->kind != PLOT_CONTOUR) || fig->gridi || n < 1) return;
    plot__z_range(fig, 0, &lo, &hi);
    plot__put(p->f, "set contour base\nunset surface\nset cntrparam levels discrete ");
    for (int k = 0; k < n; k++)
        plot__put(p->f, "%s%g", k ? ", " : "", plot__level(fig, k, n, lo, hi));
    plot__put(p->f, "\nset table $level%d\nsplot %q index %d ", p->slot, p->file, p->index);
    plot__using_grid(p, fig);
    plot__put(p->f, "with lines notitle\nunset table\nunset contour\nset surface\n");
}

PLOT_API void plot__colour_scale(plot__page *p, const plot_figure *fig)
{
    plot__put(p->f, "set colorbox noborder\nset cbtics scale 0.3 tc rgb '#222222'\n");
    if (fig->z_label) plot__put(p->f, "set cblabel %q offset 1,0 tc rgb '#222222'\n", fig->z_label);
}

PLOT_API void plot__class_palette(plot__page *p, const plot_figure *fig)
{
    int classes = plot__classes(fig);
    plot__put(p->f, "set palette maxcolors %d defined (", classes);
    for (int c = 0; c < classes; c++)
        plot__put(p->f, "%s%d %c", c ? ", " : "", c, plot__pale(c, 0.3));
    if (classes == 1) plot__put(p->f, ", 1 %c", plot__pale(0, 0.3));
    plot__put(p->f, ")\nset cbrange [-0.5:%g]\n", classes - 0.5);
}

/* Colours of a grid and, for values, the level lines on it. */
PLOT_API void plot__field(plot__page *p, const plot_figure *fig)
{
    double lo, hi;
    plot__z_range(fig, 0, &lo, &hi);
    if (fig->gridi) plot__class_palette(p, fig);
    else {
        plot__put(p->f, "set cbrange [%g:%g]\n%s", lo, hi, fig->log_z ? "set logscale cb\n" : "");
        if (fig->z_label) plot__colour_scale(p, fig);
    }
    plot__from(p, 0);
    plot__using_grid(p, fig);
    plot__put(p->f, "with image notitle");
    if (fig->gridi || (fig->levels && fig->n_levels < 1)) return;
    plot__put(p->f, ", \\\n     $level%d using 1:2 with lines lw %g lc rgb %s notitle", p->slot,
              fig->kind == PLOT_BOUNDARY ? 2.2 : 0.9,
              fig->kind == PLOT_BOUNDARY ? "'#222222'" : "'#7C94A8'");
}

PLOT_API void plot__script_boundary(plot__page *p, const plot_figure *fig)
{
    const plot__box b = { fig->x_min, fig->x_max, fig->y_min, fig->y_max };
    plot__axes(p, fig, &b);
    plot__put(p->f, "unset grid\n");
    plot__field(p, fig);
    plot__all_points(p, fig, 1);
}

/* A path over a contour: a white rim, the line, an open start and a full end. */
PLOT_API void plot__path(plot__page *p, const plot_figure *fig, int k)
{
    int n = plot__n(fig, k), ends[2] = { 0, n - 1 };
    for (int rim = 1; rim >= 0; rim--) {
        plot__from(p, 1 + k);
        plot__put(p->f, "using (ok($1)):(ok($2)) with ");
        if (n <= 60 && !rim) plot__put(p->f, "linespoints pt 7 ps %g", 0.6 * p->point);
        else plot__put(p->f, "lines");
        plot__put(p->f, " lw %g lc rgb %c", rim ? 4.5 : 2.2, rim ? 0xFFFFFFu : plot__colour(k));
        plot__title_of(p, rim ? NULL : fig->series[k].name);
    }
    for (int e = 0; e < 2; e++) {
        plot__from(p, 1 + k);
        plot__put(p->f, "every ::%d::%d using (ok($1)):(ok($2)) with points pt %d ps %g lw 2.2 "
                  "lc rgb %c notitle", ends[e], ends[e], e ? 7 : 6, 1.7 * p->point,
                  plot__colour(k));
    }
}

PLOT_API void plot__script_contour(plot__page *p, const plot_figure *fig)
{
    const plot__box b = { fig->x_min, fig->x_max, fig->y_min, fig->y_max };
    int ns = plot__series_count(fig);
    plot__axes(p, fig, &b);
    plot__put(p->f, "unset grid\n");
    plot__field(p, fig);
    for (int k = 0; k < ns; k++) plot__path(p, fig, k);
}

/* Tics at 0 .. n-1 with names, or with every so many numbers where there are none. Returns the
   characters of the longest.                                                                     */
PLOT_API int plot__name_tics(plot__page *p, const char *axis, const char *const *names, int n)
{
    int longest = 0, step = names ? 1 : 1 + (n - 1) / 20, first = 1, slant;
    for (int i = 0; names && i < n; i++)
        if (names[i] && plot__width(names[i]) > longest) longest = plot__width(names[i]);
    slant = *axis == 'x' && (longest + 1) * n * p->font * 0.58 > 0.7 * p->w;
    plot__put(p->f, "set %stics scale 0 %s(", axis, slant ? "rotate by 40 right " : "");
    for (int i = 0; i < n; i += step, first = 0) {
        if (names) plot__put(p->f, "%s%t %d", first ? "" : ", ", names[i] ? names[i] : "", i);
        else plot__put(p->f, "%s'%d' %d", first ? "" : ", ", i, i);
    }
    plot__put(p->f, ")\n");
    return names ? longest : 2;
}

/* Confusion cells are coloured by their share of the row, so that rare classes show too. */
PLOT_API double plot__row_share(const plot_figure *fig, int r, int c)
{
    double sum = 0;
    for (int j = 0; j < fig->cols; j++) sum += plot__z(fig, (size_t)(r * fig->cols + j));
    return sum > 0 ? plot__z(fig, (size_t)(r * fig->cols + c)) / sum : 0;
}

/* One cell's text: white on dark colours, which t in 0..1 measures along the palette. */
PLOT_API void plot__cell(plot__page *p, const plot_figure *fig, int r, int c, double t, double size)
{
    char text[80], number[48];
    double z = plot__z(fig, (size_t)r * (size_t)fig->cols + (size_t)c);
    int dark = fig->diverging ? fabs(t - 0.5) > 0.36 : t > 0.55;
    int two = fig->kind == PLOT_CONFUSION && fig->classes <= 5;
    if (!plot__ok(z)) return;
    if (two)
        snprintf(text, sizeof text, "%.0f\n%.0f%%", z, 100 * plot__row_share(fig, r, c));
    else if (fig->kind == PLOT_CONFUSION) snprintf(text, sizeof text, "%.0f", z);
    else snprintf(text, sizeof text, "%s", plot__short(number, z, fig->digits));
    plot__put(p->f, "set label %q at %d,%d center offset 0,%g front font ',%g' tc rgb %s\n", text,
              c, r, two ? 0.6 : 0.0, size,
              dark ? "'#FFFFFF'" : z == 0 && fig->kind == PLOT_CONFUSION ? "'#8593A0'"
                                                                         : "'#111111'");
}

PLOT_API void plot__cells(plot__page *p, const plot_figure *fig, double lo, double hi)
{
    double widest = fig->kind == PLOT_CONFUSION && fig->classes > 5 ? 4 : 5.5;
    double size = fmin(p->w * 0.66 / fig->cols / (widest * 0.62), p->h * 0.7 / fig->rows / 2.2);
    size = fmin(size, p->font * 1.15);
    for (int r = 0; r < fig->rows; r++)
        for (int c = 0; c < fig->cols; c++) {
            double z = plot__z(fig, (size_t)r * (size_t)fig->cols + (size_t)c);
            if (fig->kind == PLOT_CONFUSION) z = plot__row_share(fig, r, c);
            plot__cell(p, fig, r, c, (z - lo) / (hi - lo), size);
        }
}

/* The sums by which gnuplot divides the counts of a row. */
PLOT_API void plot__row_sums(plot__page *p, const plot_figure *fig)
{
    plot__put(p->f, "array rowsum%d[%d] = [", p->slot, fig->rows);
    for (int r = 0; r < fig->rows; r++) {
        double sum = 0;
        for (int c = 0; c < fig->cols; c++) sum += plot__z(fig, (size_t)(r * fig->cols + c));
        plot__put(p->f, "%s%g", r ? ", " : "", sum > 0 ? sum : 1.0);
    }
    plot__put(p->f, "]\n");
}

/* Heat map and confusion matrix. Rectangles rather than an image while there are few cells: they
   stay sharp at any size, in every viewer of the SVG.                                            */
PLOT_API void plot__script_cells(plot__page *p, const plot_figure *fig)
{
    double lo = 0, hi = 1, none;
    int counts = fig->kind == PLOT_CONFUSION, longest;
    size_t size = (size_t)fig->rows * (size_t)fig->cols;
    if (!counts) plot__z_range(fig, 0, &lo, &hi);
    else plot__row_sums(p, fig);
    plot__put(p->f, "unset grid\nset border 0\nset xrange [-0.5:%g]\nset yrange [%g:-0.5]\n"
              "set cbrange [%g:%g]\n", fig->cols - 0.5, fig->rows - 0.5, lo, hi);
    plot__name_tics(p, "x", fig->col_names, fig->cols);
    longest = plot__name_tics(p, "y", fig->row_names, fig->rows);
    plot__put(p->f, "set lmargin at screen %g\n",      /* gnuplot reckons names too narrow */
              plot__right(p, fmin((0.62 * longest + 3.6) * p->font, 0.5 * p->w)));
    plot__put(p->f, "set object rect from -0.5,-0.5 to %g,%g behind fc rgb '#E4E4E4' "
              "fs solid noborder\n", fig->cols - 0.5, fig->rows - 0.5);
    if (!counts) plot__colour_scale(p, fig);
    if (!plot__z_span(fig, 0, size, &none, &none)) plot__note(p, "no finite value to draw");
    if (counts || fig->numbers) plot__cells(p, fig, lo, hi);
    plot__from(p, 0);
    if (fig->rows * fig->cols > 1600)
        plot__put(p->f, "matrix using 1:2:(ok($3)) with image notitle");
    else {
        plot__put(p->f, "matrix using 1:(finite($3) ? $2 : NaN):($1-.5):($1+.5):($2-.5):($2+.5):");
        if (counts) plot__put(p->f, "($3 / rowsum%d[int($2)+1])", p->slot);
        else plot__put(p->f, "3");
        plot__put(p->f, " with boxxyerror lc palette fs solid 1 border lc rgb '#FFFFFF' notitle");
    }
}

PLOT_API int plot__columns(const plot_figure *fig)
{
    int columns = fig->columns ? fig->columns : (int)ceil(sqrt((double)fig->n));
    return columns > fig->n ? fig->n : columns;
}

PLOT_API int plot__caption_lines(const plot_figure *fig)
{
    int most = 0;
    for (int k = 0; fig->names && k < fig->n; k++) {
        int lines = fig->names[k] && *fig->names[k];
        for (const char *s = fig->names[k]; s && *s; s++) lines += *s == '\n';
        if (lines > most) most = lines;
    }
    return most;
}

/* Image k, in an axis system whose unit is one pixel of the images; y points down. */
PLOT_API void plot__image(plot__page *p, const plot_figure *fig, int k, double x, double y)
{
    plot__put(p->f, "set object rect from %g,%g to %g,%g front fs empty border lc rgb '#999999'\n",
              x - 0.5, y - 0.5, x + fig->cols - 0.5, y + fig->rows - 0.5);
    if (fig->names && fig->names[k])
        plot__put(p->f, "set label %q at %g,%g center offset 0,char -0.8 front tc rgb '#222222'\n",
                  fig->names[k], x + 0.5 * fig->cols - 0.5, y + fig->rows - 0.5);
}

PLOT_API void plot__image_data(plot__page *p, const plot_figure *fig, int k, double x, double y)
{
    double lo, hi;
    plot__z_range(fig, k, &lo, &hi);
    plot__from(p, k);
    plot__put(p->f, "matrix using ($1 + %g):($2 + %g):((ok($3) - %g) / %g) with image notitle",
              x, y, lo, hi - lo);
}

/* Steps from image to image in pixels of the images; returns the SVG units of such a pixel. */
PLOT_API double plot__image_steps(const plot__page *p, const plot_figure *fig, double *dx,
                                  double *dy)
{
    int lines = plot__caption_lines(fig), columns = plot__columns(fig);
    double gap = 0.12 * fig->cols, unit, text;
    *dx = fig->cols + gap;
    unit = 0.96 * p->w / (columns * *dx - gap);
    text = lines ? (0.8 + 1.45 * lines) * p->font / unit : gap;
    *dy = fig->rows + (text > gap ? text : gap);
    return unit;
}

PLOT_API void plot__script_images(plot__page *p, const plot_figure *fig)
{
    int columns = plot__columns(fig), rows = (fig->n + columns - 1) / columns;
    double dx, dy;
    plot__image_steps(p, fig, &dx, &dy);
    plot__put(p->f, "set lmargin at screen %g\nset rmargin at screen %g\n"
              "set bmargin at screen %g\n", plot__right(p, 0.02 * p->w),
              plot__right(p, 0.98 * p->w), plot__down(p, p->h - 4));
    plot__put(p->f, "unset grid\nunset key\nunset border\nunset tics\nset size ratio -1\n"
              "set cbrange [0:1]\nset xrange [-1:%g]\nset yrange [%g:-1]\n",
              columns * dx - 0.12 * fig->cols, rows * dy);
    for (int k = 0; k < fig->n; k++) plot__image(p, fig, k, k % columns * dx, k / columns * dy);
    for (int k = 0; k < fig->n; k++)
        plot__image_data(p, fig, k, k % columns * dx, k / columns * dy);
}

PLOT_API void plot__script_histogram(plot__page *p, const plot_figure *fig)
{
    plot__hist h;
    int ns = plot__series_count(fig);
    plot__box b;
    if (!plot__histogram_of(fig, &h)) plot__note(p, "no finite value to count");
    b.x0 = h.lo; b.x1 = h.lo + h.bins * h.width;
    b.y0 = 0; b.y1 = h.top > 0 ? 1.06 * h.top : 1;
    if (fig->log_y) { b.y0 = fig->density ? b.y1 * 1e-5 : 0.5; b.y1 *= 1.5; }
    if (plot__has_range(fig->y_min, fig->y_max)) { b.y0 = fig->y_min; b.y1 = fig->y_max; }
    plot__axes(p, fig, &b);
    plot__put(p->f, "set boxwidth %g absolute\n", h.width);
    for (int k = 0; k < ns; k++) {
        plot__from(p, 0);
        plot__put(p->f, "using (($1+$2)/2):%d with boxes fs transparent solid 0.28 noborder "
                  "lc rgb %c", k + 3, plot__colour(k));
        plot__title_of(p, fig->series[k].name);
    }
    for (int k = 0; k < ns; k++) {
        plot__from(p, 0);
        plot__put(p->f, "using (($1+$2)/2):%d with histeps lw 2 lc rgb %c notitle", k + 3,
                  plot__colour(k));
    }
}

PLOT_API void plot__bar_numbers(plot__page *p, const plot_figure *fig, double wide)
{
    int ns = plot__series_count(fig);
    char text[48];
    double size = fmin(0.9 * p->font, 0.85 * p->w * wide / (plot__bar_count(fig) + 0.2) / 3.2);
    for (int k = 0; k < ns; k++)
        for (int i = 0; i < plot__n(fig, k); i++) {
            double y = plot__y(fig, k, i);
            if (!plot__fits(y, fig->log_y)) continue;
            plot__put(p->f, "set label %q at %g,%g center offset 0,char %g front font ',%g' "
                      "tc rgb '#222222'\n", plot__short(text, y, fig->digits),
                      i + (k - 0.5 * (ns - 1)) * wide, y, y < 0 ? -0.6 : 0.6, size);
        }
}

/* Axis ranges of bars, which stand on zero. Returns whether there is a bar to draw. */
PLOT_API int plot__bar_range(const plot_figure *fig, plot__box *b)
{
    plot__span y = { 0, 0, !fig->log_y };
    int any = 0;
    for (int k = 0; k < plot__series_count(fig); k++)
        for (int i = 0; i < plot__n(fig, k); i++) {
            plot__cover(&y, plot__y(fig, k, i), fig->log_y);
            any |= plot__fits(plot__y(fig, k, i), fig->log_y);
        }
    b->x0 = -0.6; b->x1 = plot__bar_count(fig) - 0.4;
    b->y0 = y.lo; b->y1 = y.hi;
    plot__widen(&b->y0, &b->y1, y.any, fig->log_y, 0.09);
    if (!fig->log_y && y.lo >= 0) b->y0 = 0;
    if (!fig->log_y && y.hi <= 0) b->y1 = y.lo < 0 ? 0 : 1;
    if (plot__has_range(fig->y_min, fig->y_max)) { b->y0 = fig->y_min; b->y1 = fig->y_max; }
    return any;
}

PLOT_API void plot__script_bars(plot__page *p, const plot_figure *fig)
{
    int ns = plot__series_count(fig);
    double wide = (ns > 1 ? 0.8 : 0.65) / ns;
    plot__box b;
    if (!plot__bar_range(fig, &b)) plot__note(p, "no finite value to draw");
    plot__axes(p, fig, &b);
    plot__put(p->f, "unset grid\nset grid ytics lt 1 lw 0.8 lc rgb '#e3e3e3'\n"
              "set boxwidth %g absolute\n", wide * 0.94);
    if (b.y0 < 0) plot__put(p->f, "set xzeroaxis lt 1 lw 1 lc rgb '#555555'\n");
    plot__name_tics(p, "x", fig->names, plot__bar_count(fig));
    if (fig->numbers) plot__bar_numbers(p, fig, wide);
    for (int k = 0; k < ns; k++) {
        plot__from(p, 0);
        plot__put(p->f, "using ($1 + %g):(ok($%d)) with boxes lc rgb %c",
                  (k - 0.5 * (ns - 1)) * wide, k + 2, plot__colour(k));
        plot__title_of(p, fig->series[k].name);
    }
}

/* ---- graphs -------------------------------------------------------------------------- >>graph */

/* A graph's place on the page: its box in the units of the nodes, and SVG units for one of them. */
typedef struct { plot__box b; double sx, sy, font; } plot__plane;

PLOT_API void plot__node_size(const plot__plane *g, const plot_node *n, double *rx, double *ry)
{
    int lines = 1, width = 0, most = 0;
    for (const char *s = n->text; s && *s; s++) {
        width = *s == '\n' ? 0 : width + (((unsigned char)*s & 0xC0) != 0x80);
        lines += *s == '\n';
        if (width > most) most = width;
    }
    *ry = g->font * (0.65 * lines + 0.75);
    *rx = fmax(*ry, g->font * (0.33 * most + 0.5));
}

PLOT_API plot__plane plot__plane_of(const plot__page *p, const plot_figure *fig, double top)
{
    plot__span x = { 0, 0, 0 }, y = { 0, 0, 0 };
    plot__plane g = { { 0, 0, 0, 0 }, 0, 0, p->font };
    double rx = 0, ry = 0, r, q;
    for (int i = 0; i < fig->n_nodes; i++) {
        plot__cover(&x, fig->nodes[i].x, 0);
        plot__cover(&y, fig->nodes[i].y, 0);
        plot__node_size(&g, &fig->nodes[i], &r, &q);
        rx = fmax(rx, r + 6), ry = fmax(ry, q + 6);
    }
    g.sx = x.hi > x.lo ? fmax(p->w - 2 * rx, 10) / (x.hi - x.lo) : p->w;
    g.sy = y.hi > y.lo ? fmax(p->h - top - 2 * ry, 10) / (y.hi - y.lo) : p->h - top;
    g.b.x0 = x.lo - (x.hi > x.lo ? rx / g.sx : 0.5);
    g.b.x1 = x.hi + (x.hi > x.lo ? rx / g.sx : 0.5);
    g.b.y0 = y.lo - (y.hi > y.lo ? ry / g.sy : 0.5);
    g.b.y1 = y.hi + (y.hi > y.lo ? ry / g.sy : 0.5);
    return g;
}

/* An arrow from rim to rim, and its two words on white, one above the other. */
PLOT_API void plot__edge(plot__page *p, const plot_figure *fig, const plot__plane *g,
                         const plot_edge *e, double heaviest)
{
    const plot_node *a = &fig->nodes[e->from], *b = &fig->nodes[e->to];
    double dx = (b->x - a->x) * g->sx, dy = (b->y - a->y) * g->sy, rx, ry, t0, t1;
    double at = e->at > 0 ? e->at : 0.5;
    const char *word[2] = { e->above, e->below };
    plot__node_size(g, a, &rx, &ry);
    t0 = 1 / hypot(dx / rx, dy / ry);
    plot__node_size(g, b, &rx, &ry);
    t1 = 1 - 1 / hypot(dx / rx, dy / ry);
    if (!(t1 > t0)) t0 = 0, t1 = 1;                     /* one circle lies on the other */
    plot__put(p->f, "set arrow from %g,%g to %g,%g %s lw %g lc rgb %s back\n",
              a->x + t0 * (b->x - a->x), a->y + t0 * (b->y - a->y), a->x + t1 * (b->x - a->x),
              a->y + t1 * (b->y - a->y), e->weight != 0 ? "nohead" : "size screen 0.012,18 filled",
              e->weight != 0 ? 0.5 + 4 * fabs(e->weight) / heaviest : 1.5,
              e->weight == 0 ? "'#777777'" : e->weight < 0 ? "'#0072B2'" : "'#D55E00'");
    at = t0 + at * (t1 - t0);
    for (int i = 0; i < 2; i++) {
        if (!word[i]) continue;
        plot__put(p->f, "set label %q at %g,%g center boxed front font ',%g' tc rgb %s\n", word[i],
                  a->x + at * (b->x - a->x), a->y + at * (b->y - a->y) + (i ? -0.62 : 0.62) *
                  p->font / g->sy, 0.92 * p->font, i ? "'#B34700'" : "'#005A8C'");
    }
}

/* What the two words are, in their colours, where a legend stands. Returns where it ends. */
PLOT_API double plot__edge_legend(plot__page *p, const plot_figure *fig, double y)
{
    if (!fig->names || fig->no_legend) return y;
    for (int i = 0; i < 2; i++)
        plot__put(p->f, "set label %q at screen %g, screen %g %s tc rgb %s\n", fig->names[i],
                  plot__right(p, (i ? 0.52 : 0.48) * p->w), plot__down(p, y + 0.7 * p->font),
                  i ? "left" : "right", i ? "'#B34700'" : "'#005A8C'");
    return y + 1.5 * p->font;
}

PLOT_API void plot__script_graph(plot__page *p, const plot_figure *fig)
{
    double top = plot__title(p, 9998, fig->title, 0.3 * p->font, 0.01 * PLOT__TITLE * p->font);
    plot__plane g;
    double heaviest = 0, rx, ry;
    top = plot__edge_legend(p, fig, top) + 0.3 * p->font;
    g = plot__plane_of(p, fig, top);
    plot__put(p->f, "unset border\nunset tics\nunset grid\nunset key\nunset xlabel\nunset ylabel\n"
              "set style textbox opaque fillcolor rgb '#FFFFFF' noborder margins 0.4,0.3\n"
              "set lmargin at screen %g\nset rmargin at screen %g\nset tmargin at screen %g\n"
              "set bmargin at screen %g\n", plot__right(p, 0), plot__right(p, p->w),
              plot__down(p, top), plot__down(p, p->h));
    plot__put(p->f, "set xrange [%g:%g]\nset yrange [%g:%g]\n", g.b.x0, g.b.x1, g.b.y0, g.b.y1);
    for (int i = 0; i < fig->n_edges; i++) heaviest = fmax(heaviest, fabs(fig->edges[i].weight));
    for (int i = 0; i < fig->n_edges; i++) plot__edge(p, fig, &g, &fig->edges[i], heaviest);
    for (int i = 0; i < fig->n_nodes; i++) {
        const plot_node *n = &fig->nodes[i];
        plot__node_size(&g, n, &rx, &ry);
        plot__put(p->f, "set object ellipse center %g,%g size %g,%g front fc rgb %c fs solid "
                  "border lc rgb %c lw 1.6\n", n->x, n->y, 2 * rx / g.sx, 2 * ry / g.sy,
                  plot__pale(n->look, 0.16), plot__colour(n->look));
        plot__put(p->f, "set label %q at %g,%g center front tc rgb '#111111' offset 0,char %g\n",
                  n->text ? n->text : "", n->x, n->y, n->text && strchr(n->text, '\n') ? 0.5 : 0.0);
    }
    plot__put(p->f, "plot NaN notitle");
}

/* One figure that is not panels, from reset to the end of its plot command. */
PLOT_API void plot__script_one(plot__page *p, const plot_figure *fig)
{
    p->first = 1;
    plot__look(p, fig);
    switch (fig->kind) {
    case PLOT_LINES: plot__script_lines(p, fig); break;
    case PLOT_SCATTER: plot__script_scatter(p, fig); break;
    case PLOT_BOUNDARY: plot__script_boundary(p, fig); break;
    case PLOT_HEATMAP: case PLOT_CONFUSION: plot__script_cells(p, fig); break;
    case PLOT_IMAGES: plot__script_images(p, fig); break;
    case PLOT_HISTOGRAM: plot__script_histogram(p, fig); break;
    case PLOT_BARS: plot__script_bars(p, fig); break;
    case PLOT_CONTOUR: plot__script_contour(p, fig); break;
    case PLOT_GRAPH: plot__script_graph(p, fig); break;
    case PLOT_PANELS: break;
    }
    plot__put(p->f, "\n");
}

PLOT_API void plot__script_panels(plot__page *p, const plot_figure *fig)
{
    int columns = plot__columns(fig), rows = (fig->n + columns - 1) / columns;
    double top, legend = 0;
    plot__put(p->f, "set multiplot\n");
    top = plot__title(p, 9997, fig->title, 0.3 * p->font, 1.25 * p->font);
    if (fig->shared_legend) { legend = top + 0.8 * p->font; top += 1.7 * p->font; }
    p->w = p->page_w / columns;
    p->h = (p->page_h - top) / rows;
    for (int k = 0; k < fig->n; k++) {
        plot_figure panel = plot__normal(&fig->panels[k]);
        if (k) plot__put(p->f, "reset\n");
        p->left = k % columns * p->w;
        p->top = top + k / columns * p->h;
        plot__put(p->f, "set size %g, %g\nset origin %g, %g\n", p->w / p->page_w, p->h / p->page_h,
                  plot__right(p, 0), plot__down(p, p->h));
        p->slot = k;
        p->legend = k && legend > 0 ? -1 : legend;
        plot__script_one(p, &panel);
        p->index += plot__blocks(&panel);
    }
    plot__put(p->f, "unset multiplot\n");
}

/* Size in SVG units of a figure, and of its text. */
PLOT_API void plot__size(plot__page *p, const plot_figure *fig)
{
    static const int w[] = { 800, 680, 680, 700, 660, 0, 800, 800, 720, 960 };
    static const int h[] = { 500, 520, 540, 560, 580, 0, 460, 460, 560, 520 };
    int columns = fig->kind >= PLOT_IMAGES ? plot__columns(fig) : 1;
    int rows = columns > 0 ? (fig->n + columns - 1) / columns : 1;
    p->font = 17.5;
    if (fig->kind == PLOT_PANELS) {
        int each = columns == 1 ? 760 : columns == 2 ? 500 : 330;
        p->font = columns > 2 ? 13.5 : 15;
        p->w = columns * each;
        p->h = rows * each * (columns == 1 ? 0.5 : 0.8) + 50;
    } else if (fig->kind == PLOT_IMAGES) {
        double each = columns > 12 ? 70 : columns > 6 ? 100 : columns > 3 ? 130 : 170, dx, dy;
        p->font = 15;
        p->w = fmax(columns * each, 420);
        p->h = plot__image_steps(p, fig, &dx, &dy);
        p->h = p->h * dy * rows + 3.2 * p->font;
    } else { p->w = w[fig->kind]; p->h = h[fig->kind]; }
    if (fig->width) p->w = fig->width;
    if (fig->height) p->h = fig->height;
    p->page_w = p->w;
    p->page_h = p->h;
}

/* A path for gnuplot: from "./" on, as a first character may mean a pipe, a home, an option. */
PLOT_API void plot__gnuplot_path(char *out, size_t size, const char *path, const char *end)
{
    int absolute = path[0] == '/' || path[0] == '\\' ||
                   (isalpha((unsigned char)path[0]) && path[1] == ':');
    snprintf(out, size, "%s%s%s", absolute ? "" : "./", path, end);
}

PLOT_API void plot__terminal(plot__page *p, const char *format, const char *path)
{
    char out[PLOT_MAX_PATH + 8], end[8];
    const double s = 1.5;                           /* pixels of the PNG for one unit of the SVG */
    snprintf(end, sizeof end, ".%s", format);
    plot__gnuplot_path(out, sizeof out, path, end);
    if (!strcmp(format, "window")) {
        plot__put(p->f, "term = ''\ndo for [t in 'windows aqua qt wxt x11'] {\n"
                  "  if (term eq '' && strstrt(GPVAL_TERMINALS, ' '.t.' ')) { term = t }\n}\n"
                  "if (term eq '') { exit error 'this gnuplot has no window; install gnuplot-qt, "
                  "or set NN_PLOT=png' }\n"
                  "set terminal @term size %d,%d noenhanced font 'Sans,%g' persist\n",
                  (int)p->page_w, (int)p->page_h, p->font * 0.75);
        return;
    }
    if (!strcmp(format, "svg"))
        plot__put(p->f, "set terminal svg size %d,%d noenhanced font 'sans-serif,%g' "
                  "background '#ffffff'\n", (int)p->page_w, (int)p->page_h, p->font);
    else
        plot__put(p->f, "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                  "  set terminal pngcairo size %d,%d noenhanced font 'Sans,%g' fontscale %g "
                  "linewidth %g pointscale %g background '#ffffff'\n} else {\n"
                  "  set terminal png truecolor size %d,%d noenhanced linewidth %g\n}\n",
                  (int)(s * p->page_w), (int)(s * p->page_h), p->font, 0.75 * s, s, s,
                  (int)(s * p->page_w), (int)(s * p->page_h), s);
    plot__put(p->f, "set output %q\n", out);
}

PLOT_API void plot__traces(plot__page *p, const plot_figure *fig)
{
    int from = p->index;
    if (fig->kind != PLOT_PANELS) plot__trace(p, fig);
    else for (int k = 0; k < fig->n; k++) {
        plot_figure panel = plot__normal(&fig->panels[k]);
        p->slot = k;
        plot__trace(p, &panel);
        p->index += plot__blocks(&panel);
    }
    p->index = from;
    p->slot = 0;
}

/* The whole script. ok(v) drops NaN and infinity. Each format repeats the plot: gnuplot cannot
   replot panels.                                                                                 */
PLOT_API void plot__script(FILE *f, const plot_figure *fig, const plot__mode *mode)
{
    static const char *const format[] = { "svg", "png", "window" };
    const int wanted[] = { mode->svg, mode->png, mode->window };
    plot__page p;
    memset(&p, 0, sizeof p);
    p.f = f;
    plot__gnuplot_path(p.file, sizeof p.file, fig->path, ".txt");
    plot__size(&p, fig);
    plot__put(f, "set encoding utf8\nfinite(v) = abs(v) < 1e300\n"
              "ok(v) = finite(v) ? v : NaN\n");
    plot__traces(&p, fig);
    for (int i = 0; i < 3; i++) {
        if (!wanted[i]) continue;
        plot__put(f, "reset\n");
        plot__terminal(&p, format[i], fig->path);
        p.index = 0;
        plot__size(&p, fig);
        p.left = p.top = p.legend = 0;
        p.point = i ? 1 : 0.8;
        if (fig->kind == PLOT_PANELS) plot__script_panels(&p, fig);
        else plot__script_one(&p, fig);
        if (!mode->window || i < 2) plot__put(f, "unset output\n");
    }
}

/* ---- drawing in the terminal --------------------------------------------------------- >>print */

/* Plain ASCII, so that every terminal and every log shows it: series and classes are letters,
   upper case for points and curves, lower case for regions.                                      */
enum { PLOT__COLS = 64, PLOT__ROWS = 18 };
typedef struct {
    plot__box b;
    int log_x, log_y;
    char cell[PLOT__ROWS][PLOT__COLS + 1];
} plot__canvas;

PLOT_API char plot__letter(int k) { return (char)('A' + k % 26); }

PLOT_API double plot__along(double v, double lo, double hi, int is_log)
{
    return is_log ? log(v / lo) / log(hi / lo) : (v - lo) / (hi - lo);
}

PLOT_API void plot__canvas_clear(plot__canvas *c, const plot_figure *fig, const plot__box *b)
{
    memset(c->cell, ' ', sizeof c->cell);
    for (int r = 0; r < PLOT__ROWS; r++) c->cell[r][PLOT__COLS] = 0;
    c->b = *b;
    c->log_x = fig->log_x;
    c->log_y = fig->log_y;
}

/* Place of a point in cells, outside too; 0 when it cannot be drawn. */
PLOT_API int plot__canvas_at(const plot__canvas *c, double x, double y, double *col, double *row)
{
    if (!plot__fits(x, c->log_x) || !plot__fits(y, c->log_y)) return 0;
    *col = plot__along(x, c->b.x0, c->b.x1, c->log_x) * (PLOT__COLS - 1);
    *row = (1 - plot__along(y, c->b.y0, c->b.y1, c->log_y)) * (PLOT__ROWS - 1);
    return plot__ok(*col) && plot__ok(*row);
}

PLOT_API void plot__canvas_put(plot__canvas *c, double col, double row, char ch)
{
    if (col > -0.5 && col < PLOT__COLS - 0.5 && row > -0.5 && row < PLOT__ROWS - 0.5)
        c->cell[(int)(row + 0.5)][(int)(col + 0.5)] = ch;
}

/* Series k as points, or as a line in steps of about a cell. */
PLOT_API void plot__canvas_series(plot__canvas *c, const plot_figure *fig, int k, int line)
{
    const plot_series *s = &fig->series[k];
    double col = 0, row = 0, col0 = 0, row0 = 0;
    int joined = 0;
    for (int i = 0; i < plot__n(fig, k); i++, col0 = col, row0 = row) {
        int ok = plot__canvas_at(c, plot__x(fig, k, i), plot__y(fig, k, i), &col, &row), steps = 1;
        if (ok && joined && line) {
            double far = fmax(fabs(col - col0), fabs(row - row0));
            steps = far < 4 * PLOT__COLS ? 1 + (int)far : 4 * PLOT__COLS;
        }
        for (int t = steps - 1; ok && t >= 0; t--)
            plot__canvas_put(c, col + (col0 - col) * t / steps, row + (row0 - row) * t / steps,
                             plot__letter(s->labels ? s->labels[i] : k));
        joined = ok;
    }
}

/* The grid behind a boundary or contour: a letter per class, a digit per tenth of the range. */
PLOT_API void plot__canvas_grid(plot__canvas *c, const plot_figure *fig)
{
    double lo, hi;
    plot__z_range(fig, 0, &lo, &hi);
    for (int r = 0; r < PLOT__ROWS; r++)
        for (int k = 0; k < PLOT__COLS; k++) {
            int gr = (int)((1 - r / (PLOT__ROWS - 1.0)) * (fig->rows - 1) + 0.5);
            int gc = (int)(k / (PLOT__COLS - 1.0) * (fig->cols - 1) + 0.5);
            double z = plot__z(fig, (size_t)gr * (size_t)fig->cols + (size_t)gc);
            double t = plot__along(z, lo, hi, fig->log_z);
            char ch = ' ';
            if (fig->gridi) ch = (char)('a' + fig->gridi[gr * fig->cols + gc] % 26);
            else if (plot__ok(t) && fig->kind == PLOT_BOUNDARY) ch = t < 0.5 ? '.' : ':';
            else if (plot__ok(t)) ch = (char)('0' + (int)fmin(9, fmax(0, 10 * t)));
            c->cell[r][k] = ch;
        }
}

PLOT_API void plot__print_canvas(FILE *out, const plot__canvas *c, const plot_figure *fig)
{
    const char *label = fig->x_label ? fig->x_label : "";
    char number[48];
    int pad;
    if (fig->y_label) fprintf(out, "%s\n", fig->y_label);
    for (int r = 0; r < PLOT__ROWS; r++) {
        double t = 1 - r / (PLOT__ROWS - 1.0);
        double y = c->log_y ? c->b.y0 * pow(c->b.y1 / c->b.y0, t)
                            : c->b.y0 + t * (c->b.y1 - c->b.y0);
        if (r % 4 == 0 || r == PLOT__ROWS - 1)
            fprintf(out, "%10s |%s\n", plot__short(number, y, 0), c->cell[r]);
        else fprintf(out, "%10s |%s\n", "", c->cell[r]);
    }
    fprintf(out, "%10s +", "");
    for (int k = 0; k < PLOT__COLS; k++) putc('-', out);
    fprintf(out, "\n%12s%-20s", "", plot__short(number, c->b.x0, 0));
    pad = 24 - plot__width(label) > 0 ? 24 - plot__width(label) : 0;
    fprintf(out, "%*s%s%*s", pad / 2, "", label, pad - pad / 2, "");
    fprintf(out, "%20s\n", plot__short(number, c->b.x1, 0));
}

/* Which letter is which. */
PLOT_API void plot__print_names(FILE *out, const plot_figure *fig)
{
    int ns = plot__series_count(fig), classes = plot__classes(fig), has_labels = 0;
    char room[16];
    for (int k = 0; k < ns; k++) {
        if (fig->series[k].labels) has_labels = 1;
        else if (fig->series[k].name) fprintf(out, "  %c %s", plot__letter(k), fig->series[k].name);
    }
    for (int c = 0; (has_labels || fig->gridi) && c < classes; c++)
        fprintf(out, "  %c %s", plot__letter(c), plot__class_name(fig, c, room));
    for (int k = 0; k < PLOT_MAX_MARKS && fig->marks[k].name; k++)
        if (!fig->marks[k].zone && fig->marks[k].x_end == 0)
            fprintf(out, "  | %s", fig->marks[k].name);
    if (fig->gridi && ns) fputs("  (regions in lower case)", out);
    putc('\n', out);
}

PLOT_API void plot__print_xy(FILE *out, const plot_figure *fig)
{
    plot__canvas c;
    plot__box b;
    double col, row;
    int ns = plot__series_count(fig), line = fig->kind == PLOT_LINES || fig->kind == PLOT_CONTOUR;
    if (!plot__xy_range(fig, &b)) fputs("(no finite value to draw)\n", out);
    plot__canvas_clear(&c, fig, &b);
    if (plot__has_grid(fig)) plot__canvas_grid(&c, fig);
    for (int k = 0; k < PLOT_MAX_MARKS && fig->marks[k].name; k++)
        if (!fig->marks[k].zone && fig->marks[k].x_end == 0 &&
            plot__canvas_at(&c, fig->marks[k].x, b.y0, &col, &row))
            for (row = 0; row < PLOT__ROWS; row++) plot__canvas_put(&c, col, row, '|');
    for (int k = 0; k < ns; k++)
        plot__canvas_series(&c, fig, k, line && fig->series[k].style != PLOT_DOTS);
    plot__print_canvas(out, &c, fig);
    plot__print_names(out, fig);
}

/* One bar with a name before and its value behind. */
PLOT_API void plot__print_bar(FILE *out, const char *name, int width, char ch, double v, double top)
{
    char number[48];
    int length = plot__ok(v) && top > 0 ? (int)(fabs(v) / top * 40 + 0.5) : 0;
    fprintf(out, "%s%*s |", name, width - plot__width(name), "");
    for (int i = 0; i < length; i++) putc(ch, out);
    fprintf(out, " %s\n", plot__short(number, v, 0));
}

PLOT_API void plot__print_bars(FILE *out, const plot_figure *fig)
{
    int ns = plot__series_count(fig), n = plot__bar_count(fig), width = 0;
    double top = 0;
    char room[16];
    for (int i = 0; i < n; i++) {
        int w = plot__width(plot__class_name(fig, i, room));
        if (w > width) width = w;
        for (int k = 0; k < ns; k++)
            if (plot__ok(plot__bar(fig, k, i))) top = fmax(top, fabs(plot__bar(fig, k, i)));
    }
    if (fig->y_label) fprintf(out, "%s\n", fig->y_label);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < ns; k++)
            plot__print_bar(out, k ? "" : plot__class_name(fig, i, room), width,
                            ns > 1 ? plot__letter(k) : '#', plot__bar(fig, k, i), top);
    if (ns > 1) plot__print_names(out, fig);
}

PLOT_API void plot__print_histogram(FILE *out, const plot_figure *given)
{
    plot_figure fig = *given;
    plot__hist h;
    char name[100], a[48], b[48];
    int ns = plot__series_count(&fig);
    if (!fig.bins || fig.bins > 12) fig.bins = 12;
    if (!plot__histogram_of(&fig, &h)) { fputs("(no finite value to count)\n", out); return; }
    fprintf(out, "%s\n", fig.x_label ? fig.x_label : "");
    for (int i = 0; i < h.bins; i++) {
        snprintf(name, sizeof name, "%8s to %8s", plot__short(a, h.lo + i * h.width, 0),
                 plot__short(b, h.lo + (i + 1) * h.width, 0));
        for (int k = 0; k < ns; k++)
            plot__print_bar(out, k ? "" : name, 20, ns > 1 ? plot__letter(k) : '#', h.count[k][i],
                            h.top);
    }
    if (ns > 1) plot__print_names(out, &fig);
}

/* A shade for t in 0..1. */
PLOT_API char plot__shade(double t)
{
    static const char ramp[] = " .:-=+*#%@";
    return plot__ok(t) ? ramp[(int)fmin(9, fmax(0, 10 * t))] : '?';
}

/* Row r of grid k, cols wide, two rows at once (characters are twice as high as wide). */
PLOT_API void plot__print_image_row(FILE *out, const plot_figure *fig, int k, int r, int cols)
{
    double lo, hi;
    plot__z_range(fig, k, &lo, &hi);
    for (int c = 0; c < cols; c++) {
        double sum = 0;
        int gc = c * fig->cols / cols, rows = 0;
        for (int gr = r; gr < r + 2 && gr < fig->rows; gr++, rows++)
            sum += plot__z(fig, ((size_t)k * (size_t)fig->rows + (size_t)gr) * (size_t)fig->cols +
                           (size_t)gc);
        putc(plot__shade((sum / rows - lo) / (hi - lo)), out);
    }
}

PLOT_API void plot__print_images(FILE *out, const plot_figure *fig)
{
    int cols = fig->cols < 78 ? fig->cols : 78, across = 80 / (cols + 2), pad;
    for (int k = 0; k < fig->n; k += across) {
        int end = k + across < fig->n ? k + across : fig->n;
        for (int r = 0; r < fig->rows; r += 2, putc('\n', out))
            for (int i = k; i < end; i++) {
                plot__print_image_row(out, fig, i, r, cols);
                fputs(i + 1 < end ? "  " : "", out);
            }
        for (int i = k; fig->names && i < end; i++) {
            const char *name = fig->names[i] ? fig->names[i] : "";
            for (const char *s = name; *s; s++) putc(*s == '\n' ? ' ' : *s, out);
            pad = cols + 2 - plot__width(name);
            fprintf(out, "%*s", pad > 0 ? pad : 1, "");
        }
        fputs(fig->names ? "\n\n" : "\n", out);
    }
}

/* Heat map: numbers while they fit, else shades. */
PLOT_API void plot__print_cells(FILE *out, const plot_figure *fig)
{
    char number[48];
    int numbers = (fig->kind == PLOT_CONFUSION || fig->numbers) && fig->cols <= 10;
    plot_figure image = *fig;
    image.kind = PLOT_HEATMAP;
    fprintf(out, "rows: %s, columns: %s\n", fig->y_label ? fig->y_label : "", fig->x_label ?
            fig->x_label : "");
    for (int c = 0; numbers && fig->col_names && c < fig->cols; c++)
        fprintf(out, "%s%6.6s", c ? " " : "           ",
                fig->col_names[c] ? fig->col_names[c] : "");
    if (numbers && fig->col_names) putc('\n', out);
    for (int r = 0; r < fig->rows; r += numbers ? 1 : 2, putc('\n', out)) {
        if (fig->row_names) fprintf(out, "%-10.10s ", fig->row_names[r] ? fig->row_names[r] : "");
        if (!numbers) plot__print_image_row(out, &image, 0, r, fig->cols < 68 ? fig->cols : 68);
        for (int c = 0; numbers && c < fig->cols; c++)
            fprintf(out, "%s%6s", c ? " " : "",
                    plot__short(number, plot__z(fig, (size_t)(r * fig->cols + c)), fig->digits));
    }
}

/* A graph: one line for each arrow. */
PLOT_API void plot__print_graph(FILE *out, const plot_figure *fig)
{
    char name[2][24];
    fprintf(out, "%-24s", "");
    for (int i = 0; fig->names && i < 2; i++) fprintf(out, "  %-14s", fig->names[i]);
    putc('\n', out);
    for (int i = 0; i < fig->n_edges; i++) {
        const plot_edge *e = &fig->edges[i];
        for (int k = 0; k < 2; k++) {
            int node = k ? e->to : e->from;
            const char *text = fig->nodes[node].text;
            if (!text || !*text) snprintf(name[k], sizeof name[k], "%d", node);
            else snprintf(name[k], sizeof name[k], "%.*s", (int)strcspn(text, "\n"), text);
        }
        fprintf(out, "%8s --> %-11s", name[0], name[1]);
        if (e->above || e->below)
            fprintf(out, "  %-14s  %-14s", e->above ? e->above : "", e->below ? e->below : "");
        if (e->weight != 0) fprintf(out, "  %g", e->weight);
        putc('\n', out);
    }
}

PLOT_API int plot__print_one(FILE *out, const plot_figure *fig)
{
    if (fig->title) fprintf(out, "\n%s\n\n", fig->title);
    switch (fig->kind) {
    case PLOT_LINES: case PLOT_SCATTER: case PLOT_BOUNDARY: case PLOT_CONTOUR:
        plot__print_xy(out, fig); break;
    case PLOT_HEATMAP: case PLOT_CONFUSION: plot__print_cells(out, fig); break;
    case PLOT_IMAGES: plot__print_images(out, fig); break;
    case PLOT_HISTOGRAM: plot__print_histogram(out, fig); break;
    case PLOT_BARS: plot__print_bars(out, fig); break;
    case PLOT_GRAPH: plot__print_graph(out, fig); break;
    case PLOT_PANELS: break;
    }
    return ferror(out) != 0;
}

PLOT_API int plot_print(FILE *out, const plot_figure *given)
{
    plot_figure fig = plot__normal(given);
    int bad = 0;
    if (plot__check(&fig)) return 1;
    if (fig.kind != PLOT_PANELS) return plot__print_one(out, &fig);
    if (fig.title) fprintf(out, "\n%s\n", fig.title);
    for (int k = 0; k < fig.n; k++) {
        plot_figure panel = plot__normal(&fig.panels[k]);
        bad |= plot__print_one(out, &panel);
    }
    return bad;
}

/* Printed into a file first, to count its lines and to show all of it at once. */
PLOT_API int plot_live(int lines, const plot_figure *fig)
{
    FILE *f = PLOT__TERMINAL(stdout) ? tmpfile() : NULL;
    int drawn = 0;
    if (!f) return lines;
    if (!plot_print(f, fig)) {
        rewind(f);
        if (lines) printf("\033[%dA\033[J", lines);        /* up, and clear from there on */
        for (int ch; (ch = getc(f)) != EOF; drawn += ch == '\n') putchar(ch);
        fflush(stdout);
    }
    fclose(f);
    return drawn ? drawn : lines;
}

/* ---- running gnuplot ------------------------------------------------------------------- >>run */

#ifdef _WIN32
#define PLOT__NULL "NUL"
#define PLOT__MKDIR(path) _mkdir(path)
#else
#define PLOT__NULL "/dev/null"
#define PLOT__MKDIR(path) mkdir(path, 0777)
#endif

/* Appends a path to a command so that the shell sees one plain word. Returns 0 if it cannot. */
PLOT_API int plot__shell_word(char *command, size_t size, const char *path)
{
    size_t n = strlen(command);
#ifdef _WIN32
    if (strpbrk(path, "\"%")) return 0;
    return snprintf(command + n, size - n, "\"%s\"", path) < (int)(size - n);
#else
    if (n + 4 * strlen(path) + 3 > size) return 0;          /* ' becomes '\'' */
    command[n++] = '\'';
    for (; *path; path++) {
        if (*path == '\'') { memcpy(command + n, "'\\''", 4); n += 4; }
        else command[n++] = *path;
    }
    command[n++] = '\''; command[n] = 0;
    return 1;
#endif
}

/* system(), and not popen(): popen is POSIX, and a program that is compiled with -std=c99 and has
   included <stdio.h> before this file no longer can have it declared.                            */
PLOT_API int plot__have_gnuplot(void)
{
    static int known = -1;
    if (known < 0) known = system("gnuplot --version > " PLOT__NULL " 2>&1") == 0;
    return known;
}

/* Makes the folders that a path stands in. */
PLOT_API int plot__make_folders(const plot_figure *fig)
{
    char part[PLOT_MAX_PATH + 1];
    size_t n = strlen(fig->path);
    for (size_t i = 1; i < n; i++) {
        if (fig->path[i] != '/' && fig->path[i] != '\\') continue;
#ifndef _WIN32
        if (fig->path[i] == '\\') continue;
#endif
        memcpy(part, fig->path, i);
        part[i] = 0;
        if (PLOT__MKDIR(part) && errno != EEXIST && part[i - 1] != ':' && part[i - 1] != '/') {
            struct stat s;
            if (stat(part, &s))              /* a read-only parent may still hold what we need */
                return plot__fail(fig, "cannot make the folder '%s' (%s); check the path or its "
                                  "permissions", part, strerror(errno));
        }
    }
    return 0;
}

PLOT_API int plot__check_path(const plot_figure *fig)
{
    const char *s = fig->path;
    if (!s || !*s) return plot__fail(fig, "no path; give one such as \"out/loss\" (no ending)");
    if (strlen(s) > PLOT_MAX_PATH - 16)
        return plot__fail(fig, "the path has %d characters; give at most %d", (int)strlen(s),
                          PLOT_MAX_PATH - 16);
    if (s[strlen(s) - 1] == '/') return plot__fail(fig, "'%s' is a folder; add a file name", s);
    for (; *s; s++)
        if ((unsigned char)*s < 32 || *s == 127)
            return plot__fail(fig, "the path has a control character (%d); give a plain one", *s);
    return 0;
}

PLOT_API FILE *plot__open(const plot_figure *fig, const char *end, char path[PLOT_MAX_PATH + 8])
{
    FILE *f;
    plot__gnuplot_path(path, PLOT_MAX_PATH + 8, fig->path, end);
    f = fopen(path, "w");
    if (!f) plot__fail(fig, "cannot write '%s' (%s); check the path or its permissions", path,
                       strerror(errno));
    return f;
}

PLOT_API int plot__close(const plot_figure *fig, FILE *f, const char *path)
{
    int bad = ferror(f);
    if ((fclose(f) != 0) | bad)
        return plot__fail(fig, "'%s' is incomplete (%s); is the disk full?", path, strerror(errno));
    return 0;
}

PLOT_API int plot__write_table(const plot_figure *fig)
{
    char path[PLOT_MAX_PATH + 8];
    FILE *f = plot__open(fig, ".txt", path);
    if (!f) return 1;
    plot__comment(f, fig->title);
    for (int k = 0; fig->kind == PLOT_PANELS && k < fig->n; k++) {
        plot_figure panel = plot__normal(&fig->panels[k]);
        plot__comment(f, "");
        plot__comment(f, panel.title);
        plot__table(f, &panel);
    }
    if (fig->kind != PLOT_PANELS) plot__table(f, fig);
    return plot__close(fig, f, path);
}

/* The line of gnuplot's messages that says what was wrong: the last one that is not empty. */
PLOT_API void plot__last_line(const char *path, char out[300])
{
    char line[300];
    FILE *f = fopen(path, "r");
    strcpy(out, "no message");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[strspn(line, " \t")]) strcpy(out, line + strspn(line, " \t"));
    }
    if (f) fclose(f);
}

/* Runs the script; a figure that failed half-way is removed. -d: no start-up file of the user's,
   which might change the look or the decimal sign.                                               */
PLOT_API int plot__run(const plot_figure *fig, const plot__mode *mode, const char *script)
{
    char log[PLOT_MAX_PATH + 8], out[PLOT_MAX_PATH + 8], said[300];
    char command[9 * PLOT_MAX_PATH] = "gnuplot -d ";
    const char *const end[] = { ".svg", ".png" };
    int status = -1;
    plot__gnuplot_path(log, sizeof log, fig->path, ".log.tmp");
    if (plot__shell_word(command, sizeof command, script)) {
        strcat(command, " 2> ");
        fflush(NULL);
        if (plot__shell_word(command, sizeof command, log)) status = system(command);
    }
    plot__last_line(log, said);
    remove(log);
    if (!status) return 0;
    for (int i = 0; i < 2; i++) {
        plot__gnuplot_path(out, sizeof out, fig->path, end[i]);
        if (i ? mode->png : mode->svg) remove(out);
    }
    return plot__fail(fig, "gnuplot could not draw '%s': %s; the numbers are in '%s.txt', and "
                      "NN_PLOT=script keeps the script", fig->path, said, fig->path);
}

/* Line by line, which may come in pieces. Two repairs: viewers blur small images when they enlarge
   them, so the file asks for sharp pixels, as the PNG has (gnuplot can do so itself only with a
   polygon per pixel, a file fifty times as large); and empty groups, a third of the file, go.    */
PLOT_API void plot__tidy_lines(FILE *in, FILE *out)
{
    static const char tag[] = "<image ";
    char piece[4096], held[4096] = "", *image;
    int begins = 1;
    for (; fgets(piece, sizeof piece, in); begins = strchr(piece, '\n') != NULL) {
        if (*held && begins && !strcmp(piece, "</g>\n")) { *held = 0; continue; }
        fputs(held, out);
        *held = 0;
        image = strstr(piece, tag);
        if (begins && !strncmp(piece, "<g ", 3) && !strchr(piece + 1, '<') && strchr(piece, '\n'))
            strcpy(held, piece);
        else if (image)
            fprintf(out, "%.*s%sstyle='image-rendering:pixelated' %s", (int)(image - piece), piece,
                    tag, image + strlen(tag));
        else fputs(piece, out);
    }
    fputs(held, out);
}

PLOT_API int plot__tidy(const plot_figure *fig)
{
    char from[PLOT_MAX_PATH + 8], to[PLOT_MAX_PATH + 8];
    FILE *in, *out = plot__open(fig, ".svg.tmp", to);
    plot__gnuplot_path(from, sizeof from, fig->path, ".svg");
    in = out ? fopen(from, "r") : NULL;
    if (in) plot__tidy_lines(in, out), fclose(in);
    if (!out || plot__close(fig, out, to)) return 1;
    if (in) remove(from);                   /* rename() replaces a file only on some systems */
    return !in || rename(to, from) ? plot__fail(fig, "cannot rewrite '%s'", from) : 0;
}

PLOT_API int plot__render(const plot_figure *fig, const plot__mode *mode)
{
    char path[PLOT_MAX_PATH + 8];
    FILE *f = plot__open(fig, mode->script ? ".gp" : ".gp.tmp", path);
    int bad;
    if (!f) return 1;
    plot__script(f, fig, mode);
    bad = plot__close(fig, f, path) || plot__run(fig, mode, path) ||
          (mode->svg && plot__tidy(fig));
    if (!mode->script) remove(path);
    return bad;
}

PLOT_API int plot_draw(const plot_figure *given)
{
    static int said;
    plot_figure fig = plot__normal(given);
    plot__mode mode = plot__get_mode();
    int files = mode.svg || mode.png || mode.window;
    if (plot__check(&fig)) return 1;
    if (mode.text && plot_print(stdout, &fig)) return 1;
    if (mode.text && !files && !mode.none) return 0;
    if (plot__check_path(&fig) || plot__make_folders(&fig) || plot__write_table(&fig)) return 1;
    if (!files) return 0;
    if (plot__have_gnuplot()) return plot__render(&fig, &mode);
    if (!said++)
        fprintf(stderr, "plot.h: gnuplot is not installed, so figures are drawn here and their "
                "numbers written as text tables; install it (Debian: apt install gnuplot-nox) for "
                "SVG and PNG\n");
    return mode.text ? 0 : plot_print(stdout, &fig);
}

#endif
