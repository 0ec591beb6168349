/* photo.h - draws a photo of a handwritten digit: a pen's strokes on paper, light that is not even,
   a camera's noise. For the program without a photo, and for its test. Include it after nn.h.    */

#ifndef PHOTO_H
#define PHOTO_H

#include <math.h>
#include <string.h>

enum { PHOTO_KNOTS = 12, PHOTO_PIECES = 8, PHOTO_SEGMENTS = 2 * PHOTO_KNOTS * PHOTO_PIECES };

typedef struct photo_sheet {
    int digit;                  /* 0 to 9; -1: an empty sheet                                   */
    int height, width;          /* pixels                                                       */
    double size;                /* height of the digit, in short sides of the photo             */
    double x, y;                /* its centre, in widths and heights; 0: the middle             */
    double pen;                 /* width of the line, in heights of the digit                   */
    double turn;                /* degrees, clockwise                                           */
    double shadow;              /* 0: even light; 0.5: the darkest corner has half of it        */
    double noise;               /* deviation of each colour, in grey levels                     */
    bool chalk;                 /* light on dark                                                */
    uint64_t seed;              /* of noise and of a shaky hand                                 */
} photo_sheet;

/* Strokes as points that a curve goes through, x to the right and y down, from 0 to 100; a stroke
   ends at a point of zeros.                                                                     */
static const unsigned char photo_strokes[10][2][PHOTO_KNOTS][2] = {
    {{{ 52, 6 }, { 28, 22 }, { 22, 52 }, { 32, 86 }, { 54, 95 }, { 74, 76 }, { 77, 42 }, { 66, 14 },
      { 50, 7 }}},
    {{{ 36, 26 }, { 54, 8 }, { 53, 50 }, { 52, 95 }}},
    {{{ 25, 28 }, { 38, 9 }, { 62, 8 }, { 73, 28 }, { 58, 55 }, { 24, 91 }, { 24, 93 }, { 50, 90 },
      { 78, 92 }}},
    {{{ 27, 15 }, { 50, 6 }, { 70, 18 }, { 64, 38 }, { 45, 47 }, { 66, 54 }, { 74, 75 }, { 54, 94 },
      { 26, 86 }}},
    {{{ 56, 6 }, { 38, 36 }, { 22, 62 }, { 24, 64 }, { 50, 62 }, { 80, 61 }},
     {{ 63, 36 }, { 62, 66 }, { 60, 96 }}},
    {{{ 34, 8 }, { 33, 28 }, { 30, 46 }, { 50, 41 }, { 70, 52 }, { 72, 76 }, { 52, 94 }, { 26, 88 }},
     {{ 34, 8 }, { 54, 9 }, { 74, 7 }}},
    {{{ 64, 7 }, { 42, 24 }, { 28, 54 }, { 30, 84 }, { 50, 95 }, { 70, 84 }, { 68, 62 }, { 50, 54 },
      { 32, 66 }}},
    {{{ 22, 11 }, { 50, 10 }, { 76, 10 }, { 76, 13 }, { 56, 50 }, { 42, 95 }}},
    {{{ 66, 18 }, { 48, 7 }, { 32, 20 }, { 44, 42 }, { 66, 60 }, { 70, 82 }, { 50, 95 }, { 30, 82 },
      { 36, 58 }, { 58, 42 }, { 68, 22 }}},
    {{{ 68, 24 }, { 50, 8 }, { 32, 22 }, { 34, 44 }, { 54, 48 }, { 68, 30 }, { 69, 26 }, { 66, 60 },
      { 60, 95 }}} };

/* A point of the curve through four points, t of the way from b to c (Catmull and Rom 1974). */
static inline double photo_curve(double a, double b, double c, double d, double t)
{
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Straight pieces x0, y0, x1, y1 in pixels; returns how many. */
static inline int photo_segments(const photo_sheet *p, double segment[][4])
{
    const double side = p->size * (p->height < p->width ? p->height : p->width);
    const double middle_x = (p->x > 0 ? p->x : 0.5) * p->width;
    const double middle_y = (p->y > 0 ? p->y : 0.5) * p->height;
    const double angle = p->turn * 3.14159265358979 / 180;
    nn_random hand = nn_random_seed(p->seed);
    int count = 0;
    for (int s = 0; s < 2 && p->digit >= 0; s++) {
        double x[PHOTO_KNOTS + 2], y[PHOTO_KNOTS + 2], from_x = 0, from_y = 0;
        int n = 0;
        for (; n < PHOTO_KNOTS && photo_strokes[p->digit][s][n][1]; n++) {
            double u = photo_strokes[p->digit][s][n][0] + nn_random_normal(&hand, 0, 1.2) - 50;
            double v = photo_strokes[p->digit][s][n][1] + nn_random_normal(&hand, 0, 1.2) - 50;
            x[n + 1] = middle_x + side / 100 * (u * cos(angle) - v * sin(angle));
            y[n + 1] = middle_y + side / 100 * (u * sin(angle) + v * cos(angle));
        }
        if (n == 0) continue;
        x[0] = x[1], y[0] = y[1], x[n + 1] = x[n], y[n + 1] = y[n];
        for (int k = 0; k < (n - 1) * PHOTO_PIECES + 1; k++) {
            const int i = k / PHOTO_PIECES < n - 1 ? k / PHOTO_PIECES : n - 2;
            const double t = (double)(k - i * PHOTO_PIECES) / PHOTO_PIECES;
            const double to_x = photo_curve(x[i], x[i + 1], x[i + 2], x[i + 3], t);
            const double to_y = photo_curve(y[i], y[i + 1], y[i + 2], y[i + 3], t);
            const double piece[4] = { from_x, from_y, to_x, to_y };
            if (k > 0) memcpy(segment[count++], piece, sizeof piece);
            from_x = to_x, from_y = to_y;
        }
    }
    return count;
}

/* Adds the digit's ink, or first the paper: rgb (height, width, 3). Called again with another digit
   and paper false it writes on the same sheet.                                                  */
static inline void photo_draw(unsigned char *rgb, const photo_sheet *p, bool paper)
{
    static const double sheet[2][3] = { { 238, 232, 218 }, { 44, 58, 50 } };
    static const double ink[2][3] = { { 42, 44, 92 }, { 226, 226, 220 } };
    double segment[PHOTO_SEGMENTS][4];
    const int n = photo_segments(p, segment);
    const double side = p->size * (p->height < p->width ? p->height : p->width);
    const double radius = p->pen * side / 2;
    nn_random camera = nn_random_seed(p->seed + 1000);
    for (int i = 0; i < p->height; i++)
        for (int j = 0; j < p->width; j++, rgb += 3) {
            double nearest = 1e9;
            for (int k = 0; k < n; k++) {
                const double *s = segment[k], dx = s[2] - s[0], dy = s[3] - s[1];
                double t = ((j - s[0]) * dx + (i - s[1]) * dy) / (dx * dx + dy * dy + 1e-9);
                t = t < 0 ? 0 : t > 1 ? 1 : t;
                double d = hypot(j - s[0] - t * dx, i - s[1] - t * dy);
                if (d < nearest) nearest = d;
            }
            double cover = fmin(fmax(radius - nearest + 0.5, 0), 1);
            double light = 1 - p->shadow * (0.6 * j / p->width + 0.4 * i / p->height);
            for (int c = 0; c < 3; c++) {
                double old = paper ? light * sheet[p->chalk][c] : rgb[c];
                double v = old + cover * (light * ink[p->chalk][c] - old);
                if (paper && p->noise > 0) v += nn_random_normal(&camera, 0, p->noise);
                rgb[c] = (unsigned char)fmin(fmax(v + 0.5, 0), 255);
            }
        }
}

#endif
