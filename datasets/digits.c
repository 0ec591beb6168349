/* digits.c - draws handwritten-like digits in MNIST's own format. Part of nn.h, same licence.

   usage   digits [--seed N] [--train N] [--test N] [--out DIR]
   build   cc -O2 -o digits digits.c -lm

   Writes the four files that MNIST has, with the same names and the same layout: 28x28 bytes a
   digit, white ink (255) on black (0), the digit fitted into 20x20 and moved so that its centre of
   mass is in the middle. Whatever reads MNIST reads these, so programs run before MNIST is fetched.

   How one digit is made:
     1. choose a style     the points the pen passes through, on a 100x100 sheet   (styles[])
     2. choose a hand      slant, turn, width, shakiness, pen thickness            (choose_hand)
     3. bend the sheet     neighbouring points move together, like print on rubber (bend)
     4. shake, slant, turn every point                                             (place_knot)
     5. draw a smooth curve through the points                                     (trace_stroke)
     6. fit it into 20x20, ink it, centre it                                       (draw_digit)

   Each of these is one kind of variation that a network must learn to ignore. Turn one off in
   choose_hand, train again, and see what it was worth.

   Same seed, same bytes: the random numbers are integers made here, and sqrtf, the only function
   from libm, is exact by IEEE 754. What can still differ: a compiler that may fuse a*b + c into one
   rounding (-march=native, AArch64), keeps more digits than a float has (x87), or
   has -ffast-math, changes a few pixels by one grey level.                                       */

#define _POSIX_C_SOURCE 200112L /* mkdir and getpid, which C99 does not have */

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <direct.h>
#include <process.h>
#define make_folder(path) _mkdir(path)
#define process_id() ((long)_getpid())
#else
#include <sys/stat.h>
#include <unistd.h>
#define make_folder(path) mkdir(path, 0777)
#define process_id() ((long)getpid())
#endif

enum {
    SIDE = 28,            /* pixels: width and height of an image                     */
    BOX = 20,             /* pixels: the longer side of the digit, ink included       */
    STROKES = 4,          /* at most, per style                                       */
    KNOTS = 12,           /* at most, per stroke                                      */
    PIECES = 8,           /* straight pieces between two knots                        */
    SEGMENTS = STROKES * KNOTS * PIECES,
    GRID = 4,             /* the rubber sheet is pulled at GRID x GRID places         */
    COUNT_MAX = 10000000, /* digits per set: 7.8 GB, beyond which it is a typing error */
    PATH_SIZE = 4096
};

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) --------------------------------- */

typedef struct { uint64_t state; } rng;

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rng_next(rng *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(r->state);
}

/* One seed gives many unrelated sequences; stream 1 draws the training set, stream 2 the test set.
   Seeds s and s + 1 must not share anything either, hence mixing twice.                          */
static rng rng_make(uint64_t seed, uint64_t stream)
{
    rng r = { seed };
    r.state = mix(rng_next(&r) + stream * UINT64_C(0xd1342543de82ef95));
    return r;
}

/* In [0, 1), on a grid of 2^-24: every value is exact in a float. */
static float rng_uniform(rng *r)
{
    return (float)(rng_next(r) >> 40) * (1.0f / 16777216.0f);
}

/* In 0 .. n-1. The bias is below n / 2^32, which no digit will show. */
static int rng_below(rng *r, int n)
{
    return (int)(((rng_next(r) >> 32) * (uint64_t)n) >> 32);
}

/* About normal, mean 0 and deviation 1: the sum of 12 uniforms has variance 12/12. No log, no cos,
   hence the same on every machine; never beyond 6, hence no point flies off the sheet.           */
static float rng_normal(rng *r)
{
    float sum = -6.0f;
    for (int i = 0; i < 12; i++) sum += rng_uniform(r);
    return sum;
}

/* ---- the styles: ways to write each digit ---------------------------------------------------- */

typedef struct { unsigned char x, y; } knot; /* per cent of the sheet; y grows downwards */

typedef struct {
    int digit, share; /* share: how often, against the other styles of the same digit   */
    knot stroke[STROKES][KNOTS];
} style;

/* The pen passes through the knots in a smooth curve; {0,0}, which C fills in, ends a stroke. A
   stroke that begins at the very point where the one before it ended continues it: a corner.     */
static const style styles[] = {
    { 0, 3, { { {55,4}, {28,18}, {18,50}, {28,85}, {52,96}, {76,82}, {82,48}, {72,16}, {48,5} } } },
    { 0, 2, { { {66,12}, {44,5}, {28,30}, {28,66}, {42,95}, {62,90}, {74,62}, {72,30}, {60,9},
                {44,8} } } },

    { 1, 6, { { {50,4}, {50,50}, {50,96} } } },
    { 1, 3, { { {32,24}, {54,4} }, { {54,4}, {53,50}, {52,96} } } },
    { 1, 1, { { {32,24}, {54,4} }, { {54,4}, {53,50}, {52,96} }, { {32,96}, {54,95}, {76,96} } } },

    { 2, 3, { { {20,26}, {36,6}, {62,6}, {74,26}, {60,52}, {38,76}, {18,94} },
              { {18,94}, {50,92}, {84,93} } } },
    { 2, 2, { { {22,16}, {46,7}, {78,10} }, { {78,10}, {50,48}, {16,90} },
              { {16,90}, {50,88}, {86,94} } } },
    { 2, 2, { { {22,24}, {44,4}, {70,14}, {70,40}, {48,70}, {26,92}, {15,82}, {30,74}, {54,88},
                {86,90} } } },

    { 3, 3, { { {22,14}, {46,4}, {72,16}, {66,38}, {42,47} },
              { {42,47}, {72,54}, {80,76}, {56,96}, {20,86} } } },
    { 3, 1, { { {22,6}, {48,6}, {76,6} }, { {76,6}, {60,24}, {46,40} },
              { {46,40}, {74,52}, {78,78}, {50,97}, {20,86} } } },

    { 4, 3, { { {28,6}, {22,34}, {20,54} }, { {20,54}, {48,54}, {84,50} },
              { {66,8}, {64,50}, {60,96} } } },
    { 4, 2, { { {62,4}, {36,32}, {14,62} }, { {14,62}, {50,62}, {88,60} },
              { {63,6}, {62,50}, {60,96} } } },
    { 4, 2, { { {26,8}, {22,36}, {36,51}, {60,44}, {72,10} }, { {72,10}, {67,52}, {63,96} } } },

    { 5, 3, { { {30,6}, {28,28}, {26,44} },
              { {26,44}, {52,38}, {76,54}, {76,80}, {50,97}, {18,88} },
              { {31,6}, {54,7}, {80,5} } } },
    { 5, 2, { { {80,6}, {54,6}, {34,9} }, { {34,9}, {29,28}, {26,44} },
              { {26,44}, {54,40}, {78,60}, {66,90}, {40,97}, {18,86} } } },
    { 5, 2, { { {82,10}, {56,4}, {34,18}, {40,40}, {64,54}, {66,80}, {42,95}, {14,88} } } },

    { 6, 3, { { {68,6}, {44,22}, {26,54}, {28,84}, {50,97}, {74,82}, {70,58}, {46,54},
                {28,72} } } },
    { 6, 2, { { {54,4}, {36,36}, {24,70}, {38,95}, {64,92}, {74,70}, {56,56}, {32,68} } } },
    { 6, 2, { { {36,5}, {24,36}, {22,72}, {42,96}, {68,86}, {66,66}, {44,62}, {26,80} } } },

    { 7, 3, { { {18,9}, {50,8}, {80,8} }, { {80,8}, {58,46}, {44,96} } } },
    { 7, 2, { { {18,24}, {21,8} }, { {21,8}, {50,10}, {80,6} }, { {80,6}, {62,44}, {52,96} } } },
    { 7, 2, { { {18,9}, {50,8}, {80,8} }, { {80,8}, {58,46}, {44,96} }, { {32,52}, {76,48} } } },

    { 8, 3, { { {70,16}, {48,4}, {28,18}, {40,42}, {66,60}, {74,82}, {50,97}, {26,82}, {36,58},
                {62,40}, {74,20}, {64,8} } } },
    { 8, 2, { { {74,10}, {44,5}, {30,24}, {50,44}, {58,72}, {40,96}, {26,80}, {44,56},
                {78,12} } } },
    { 8, 2, { { {52,5}, {31,22}, {48,46}, {70,26}, {50,4} },
              { {50,45}, {25,70}, {50,97}, {76,72}, {48,46} } } },

    { 9, 2, { { {72,18}, {46,5}, {24,26}, {36,48}, {62,42}, {74,16} },
              { {74,16}, {72,52}, {66,96} } } },
    { 9, 2, { { {72,20}, {48,5}, {25,26}, {38,48}, {64,40}, {74,18} },
              { {74,18}, {77,56}, {64,88}, {30,93} } } },
    { 9, 1, { { {66,9}, {40,8}, {26,30}, {44,46}, {68,10} }, { {68,10}, {62,52}, {54,96} } } },
};

static const style *choose_style(rng *r, int digit)
{
    const int count = (int)(sizeof styles / sizeof styles[0]);
    int total = 0, i = 0;
    for (int s = 0; s < count; s++)
        if (styles[s].digit == digit) total += styles[s].share;
    int pick = rng_below(r, total);
    for (;; i++)
        if (styles[i].digit == digit && (pick -= styles[i].share) < 0) return &styles[i];
}

/* ---- the hand: how this one digit is written ------------------------------------------------- */

typedef struct { float x, y; } point;

typedef struct {
    point sheet[GRID][GRID]; /* how far the rubber sheet is pulled, in sheet widths       */
    float shake;             /* deviation of every knot, in sheet widths                  */
    float slant;             /* sideways shift per height; above 0 leans right            */
    float turn;              /* sine of the angle of rotation                             */
    float width;             /* times the width of the style                              */
    float radius;            /* half the pen's thickness, in pixels                       */
    float pressure;          /* change of the radius from start to end of a stroke, share */
    float soft;              /* width of the grey edge, in pixels                         */
    float grain;             /* roughness of the edge, share of full ink                  */
} hand;

static float clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

/* Most digits are neat and a few are a mess, as with people: u*u is small most of the time. */
static hand choose_hand(rng *r)
{
    hand h;
    float u = rng_uniform(r), mess = 0.5f + 1.5f * u * u;
    for (int j = 0; j < GRID; j++)
        for (int i = 0; i < GRID; i++) {
            h.sheet[j][i].x = 0.045f * mess * rng_normal(r);
            h.sheet[j][i].y = 0.04f * mess * rng_normal(r);
        }
    h.shake = 0.012f * mess;
    h.slant = clamp(0.12f + 0.33f * rng_normal(r), -0.5f, 0.8f);
    h.turn = clamp(0.18f * rng_normal(r), -0.5f, 0.5f);
    h.width = clamp(1.0f + 0.26f * rng_normal(r), 0.5f, 1.6f);
    h.radius = clamp(1.25f + 0.38f * rng_normal(r), 0.6f, 2.4f);
    h.pressure = 0.25f * rng_normal(r);
    h.soft = 0.9f + 0.7f * rng_uniform(r);
    h.grain = 0.04f + 0.12f * rng_uniform(r);
    return h;
}

/* Where the pulled sheet takes p: between the four nearest of the GRID x GRID places, each counts
   the more the nearer it is (bilinear). After Simard, Steinkraus and Platt (2003).               */
static point bend(const hand *h, point p)
{
    float gx = p.x * (GRID - 1), gy = p.y * (GRID - 1);
    int i = (int)gx, j = (int)gy; /* knots lie inside the sheet, so 0 <= i, j <= GRID - 2 */
    float s = gx - (float)i, t = gy - (float)j;
    const point *up = &h->sheet[j][i], *down = &h->sheet[j + 1][i];
    p.x += (1 - t) * ((1 - s) * up[0].x + s * up[1].x) + t * ((1 - s) * down[0].x + s * down[1].x);
    p.y += (1 - t) * ((1 - s) * up[0].y + s * up[1].y) + t * ((1 - s) * down[0].y + s * down[1].y);
    return p;
}

/* A knot of the style becomes a point of this digit, around (0, 0). */
static point place_knot(rng *r, const hand *h, knot k, float shake)
{
    point p = { (float)k.x * 0.01f, (float)k.y * 0.01f };
    p = bend(h, p);
    p.x += shake * rng_normal(r) - 0.5f;
    p.y += shake * rng_normal(r) - 0.5f;
    p.x = p.x * h->width - p.y * h->slant; /* y grows downwards: the top moves right */
    float cosine = sqrtf(1 - h->turn * h->turn);
    point turned = { cosine * p.x - h->turn * p.y, h->turn * p.x + cosine * p.y };
    return turned;
}

/* ---- the pen: from knots to a line of short straight segments -------------------------------- */

typedef struct {
    point a, b;
    float radius;
} segment;

typedef struct {
    segment part[SEGMENTS];
    int count;
} drawing;

/* Catmull-Rom: at t = 0 it is at p1, at t = 1 at p2, and it arrives and leaves in the direction
   from each point's predecessor to its successor, so that pieces join without a kink.            */
static float catmull_rom(float p0, float p1, float p2, float p3, float t)
{
    float a = 3 * (p1 - p2) + p3 - p0, b = 2 * p0 - 5 * p1 + 4 * p2 - p3, c = p2 - p0;
    return p1 + 0.5f * t * (c + t * (b + t * a));
}

static point curve_at(const point *k, int n, int i, float t)
{
    const point *p0 = &k[i > 0 ? i - 1 : 0], *p3 = &k[i + 2 < n ? i + 2 : n - 1];
    point p = { catmull_rom(p0->x, k[i].x, k[i + 1].x, p3->x, t),
                catmull_rom(p0->y, k[i].y, k[i + 1].y, p3->y, t) };
    return p;
}

static void trace_stroke(drawing *d, const hand *h, const point *k, int n)
{
    const int pieces = (n - 1) * PIECES;
    point from = k[0];
    for (int m = 1; m <= pieces; m++) {
        int i = (m - 1) / PIECES;
        point to = curve_at(k, n, i, (float)(m - i * PIECES) / PIECES);
        float progress = (float)m / (float)pieces - 0.5f;
        float press = clamp(1 + h->pressure * progress, 0.6f, 1.4f);
        segment line = { from, to, h->radius * press };
        d->part[d->count++] = line;
        from = to;
    }
}

/* People start and stop a stroke less exactly than they follow it, so its two ends shake more. */
static void trace_style(drawing *d, rng *r, const hand *h, const style *s)
{
    point last = { 0, 0 };
    knot corner = { 0, 0 };
    d->count = 0;
    for (int j = 0; j < STROKES && s->stroke[j][0].x; j++) {
        const knot *k = s->stroke[j];
        point p[KNOTS];
        int n = 0;
        while (n < KNOTS && k[n].x) n++;
        for (int i = 0; i < n; i++)
            p[i] = place_knot(r, h, k[i], i == 0 || i == n - 1 ? 1.5f * h->shake : h->shake);
        if (k[0].x == corner.x && k[0].y == corner.y) p[0] = last;
        last = p[n - 1];
        corner = k[n - 1];
        trace_stroke(d, h, p, n);
    }
}

/* Scales and moves the drawing: the longer side, ink included, becomes BOX pixels, and the middle
   of the box the middle of the image. Proportions are kept, so a 1 stays thin.                   */
static void fit_to_box(drawing *d, float radius)
{
    point low = d->part[0].a, high = low;
    for (int i = 0; i < d->count; i++) {
        point p = d->part[i].b;
        if (p.x < low.x) low.x = p.x;
        if (p.y < low.y) low.y = p.y;
        if (p.x > high.x) high.x = p.x;
        if (p.y > high.y) high.y = p.y;
    }
    float w = high.x - low.x, tall = high.y - low.y;
    float scale = (BOX - 2 * radius) / (w > tall ? w : tall);
    float dx = 0.5f * SIDE - scale * (low.x + 0.5f * w);
    float dy = 0.5f * SIDE - scale * (low.y + 0.5f * tall);
    for (int i = 0; i < d->count; i++) {
        segment *s = &d->part[i];
        s->a.x = scale * s->a.x + dx; s->a.y = scale * s->a.y + dy;
        s->b.x = scale * s->b.x + dx; s->b.y = scale * s->b.y + dy;
    }
}

/* ---- the ink: from segments to pixels -------------------------------------------------------- */

/* Distance from (x, y) to the nearest point of the segment: project, stay between its ends. */
static float distance(const segment *s, float x, float y)
{
    float ex = s->b.x - s->a.x, ey = s->b.y - s->a.y, length2 = ex * ex + ey * ey;
    float t = length2 > 0 ? ((x - s->a.x) * ex + (y - s->a.y) * ey) / length2 : 0;
    t = clamp(t, 0, 1);
    float dx = x - s->a.x - t * ex, dy = y - s->a.y - t * ey;
    return sqrtf(dx * dx + dy * dy);
}

static int pixel(float v)
{
    return (int)clamp(v, 0, SIDE - 1);
}

/* depth: how far inside the ink each pixel's middle lies, in pixels; below 0 is outside. Only the
   pixels near the segment are looked at, which is what makes this fast.                          */
static void press_segment(float depth[SIDE][SIDE], const segment *s)
{
    float reach = s->radius + 2;
    int x0 = pixel((s->a.x < s->b.x ? s->a.x : s->b.x) - reach);
    int x1 = pixel((s->a.x > s->b.x ? s->a.x : s->b.x) + reach);
    int y0 = pixel((s->a.y < s->b.y ? s->a.y : s->b.y) - reach);
    int y1 = pixel((s->a.y > s->b.y ? s->a.y : s->b.y) + reach);
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            float inside = s->radius - distance(s, (float)x + 0.5f, (float)y + 0.5f);
            if (inside > depth[y][x]) depth[y][x] = inside;
        }
}

/* Full ink inside, none outside, and between them a grey ramp: that is anti-aliasing. The noise
   moves the ramp, so edges are rough while paper stays black and the middle of a line white.     */
static void ink(unsigned char image[SIDE][SIDE], const drawing *d, const hand *h, rng *r)
{
    float depth[SIDE][SIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) depth[y][x] = -SIDE;
    for (int i = 0; i < d->count; i++) press_segment(depth, &d->part[i]);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float shade = depth[y][x] / h->soft + 0.5f + h->grain * rng_normal(r);
            image[y][x] = (unsigned char)(255 * clamp(shade, 0, 1) + 0.5f);
        }
}

/* How many pixels the centre of mass must move along one axis: to the middle, rounded. */
static int shift_to_middle(long moment, long mass)
{
    long twice = (SIDE - 1) * mass - 2 * moment; /* twice (middle - moment / mass), times mass */
    long half = twice < 0 ? -mass : mass;
    return mass ? (int)((twice + half) / (2 * mass)) : 0;
}

/* Moves the ink by whole pixels, as MNIST's makers did; what would leave the image is lost. */
static void centre(unsigned char image[SIDE][SIDE])
{
    unsigned char old[SIDE][SIDE];
    long mass = 0, mx = 0, my = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            mass += image[y][x]; mx += (long)x * image[y][x]; my += (long)y * image[y][x];
        }
    int dx = shift_to_middle(mx, mass), dy = shift_to_middle(my, mass);
    memcpy(old, image, sizeof old);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int sx = x - dx, sy = y - dy;
            int inside = sx >= 0 && sx < SIDE && sy >= 0 && sy < SIDE;
            image[y][x] = inside ? old[sy][sx] : 0;
        }
}

static void draw_digit(unsigned char image[SIDE][SIDE], int digit, rng *r)
{
    drawing d;
    const style *s = choose_style(r, digit);
    hand h = choose_hand(r);
    trace_style(&d, r, &h, s);
    fit_to_box(&d, h.radius);
    ink(image, &d, &h, r);
    centre(image);
}

/* Every digit as often as the others (give or take one), in random order (Fisher-Yates). */
static void shuffle_labels(unsigned char *label, int n, rng *r)
{
    for (int i = 0; i < n; i++) label[i] = (unsigned char)(i % 10);
    for (int i = n - 1; i > 0; i--) {
        int j = rng_below(r, i + 1);
        unsigned char keep = label[i];
        label[i] = label[j];
        label[j] = keep;
    }
}

/* ---- the files: IDX, whole or not at all ----------------------------------------------------- */

/* A file is written beside its name, as temp, and renamed when all four are complete: a reader
   sees the old files or the new ones, never half of one.                                         */
typedef struct {
    FILE *stream;
    char path[PATH_SIZE], temp[PATH_SIZE];
} output;

static int complain(const char *what, const char *path)
{
    fprintf(stderr, "digits: cannot %s '%s': %s; free some space or choose another folder with "
            "--out\n", what, path, strerror(errno));
    return 0;
}

static int output_open(output *o, const char *folder, const char *name)
{
    int n = snprintf(o->path, PATH_SIZE, "%s/%s", folder, name);
    int m = snprintf(o->temp, PATH_SIZE, "%s/%s.%ld.tmp", folder, name, process_id());
    if (n < 0 || m < 0 || n >= PATH_SIZE || m >= PATH_SIZE) {
        o->temp[0] = 0;
        errno = ENAMETOOLONG;
        return complain("write into", folder);
    }
    o->stream = fopen(o->temp, "wb");
    return o->stream ? 1 : complain("open", o->temp);
}

static int output_bytes(output *o, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, o->stream) == n ? 1 : complain("write", o->temp);
}

/* fclose writes what is still buffered: a full disk often shows only here. */
static int output_close(output *o)
{
    FILE *stream = o->stream;
    o->stream = NULL;
    return fclose(stream) == 0 ? 1 : complain("finish", o->temp);
}

static int output_rename(output *o)
{
#ifdef _WIN32
    remove(o->path); /* there, rename does not replace */
#endif
    if (rename(o->temp, o->path)) return complain("replace", o->path);
    o->temp[0] = 0;
    return 1;
}

static void output_drop(output *o)
{
    if (o->stream) fclose(o->stream);
    if (o->temp[0]) remove(o->temp);
}

/* IDX: 0, 0, type (8 is a byte), number of axes; then the length of each axis, big-endian. */
static int write_header(output *o, int axes, int n)
{
    const uint32_t length[3] = { (uint32_t)n, SIDE, SIDE };
    unsigned char head[16] = { 0, 0, 8, (unsigned char)axes };
    for (int i = 0; i < axes; i++)
        for (int b = 0; b < 4; b++)
            head[4 + 4 * i + b] = (unsigned char)(length[i] >> (24 - 8 * b) & 255);
    return output_bytes(o, head, (size_t)(4 + 4 * axes));
}

static int write_set(output *images, output *labels, int n, rng r)
{
    unsigned char image[SIDE][SIDE], *label = malloc((size_t)n);
    if (!label) {
        fprintf(stderr, "digits: no memory for %d labels; ask for fewer digits\n", n);
        return 0;
    }
    shuffle_labels(label, n, &r);
    int ok = write_header(images, 3, n) && write_header(labels, 1, n)
          && output_bytes(labels, label, (size_t)n);
    for (int i = 0; ok && i < n; i++) {
        draw_digit(image, label[i], &r);
        ok = output_bytes(images, image, sizeof image);
    }
    free(label);
    return ok;
}

/* Makes every folder on the way. Failure is not looked at here: the folder may exist already, and
   if it does not, opening the first file says so.                                                */
static void make_folders(const char *path)
{
    char part[PATH_SIZE];
    for (size_t i = 0; path[i] && i + 1 < PATH_SIZE; i++) {
        part[i] = path[i];
        part[i + 1] = 0;
        if (path[i + 1] == '/' || path[i + 1] == 0) (void)make_folder(part);
    }
}

typedef struct {
    uint64_t seed;
    int train, test, help;
    const char *out;
} options;

static int write_all(const options *o)
{
    static const char *const name[4] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };
    static output file[4]; /* static: zeroed, and too large for a small stack */
    int ok = 1;
    make_folders(o->out);
    for (int i = 0; ok && i < 4; i++) ok = output_open(&file[i], o->out, name[i]);
    ok = ok && write_set(&file[0], &file[1], o->train, rng_make(o->seed, 1))
            && write_set(&file[2], &file[3], o->test, rng_make(o->seed, 2));
    for (int i = 0; ok && i < 4; i++) ok = output_close(&file[i]);
    for (int i = 0; ok && i < 4; i++) ok = output_rename(&file[i]);
    for (int i = 0; i < 4; i++) output_drop(&file[i]);
    return ok;
}

/* ---- the command line ------------------------------------------------------------------------ */

static const char usage[] =
    "usage: digits [--seed N] [--train N] [--test N] [--out DIR]\n"
    "Draws handwritten-like digits into the four files that MNIST has.\n"
    "  --seed N    the same number gives the same digits             (1)\n"
    "  --train N   training digits                                   (10000)\n"
    "  --test N    test digits                                       (2000)\n"
    "  --out DIR   folder for the files, made when it is not there   (datasets/made)\n";

/* A whole number from low to high and nothing else: strtoull alone would take "-1" and " 7x". */
static int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') return 0;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *end || v < low || v > high) return 0;
    *value = v;
    return 1;
}

static int parse_count(const char *text, int *count)
{
    uint64_t v;
    if (!parse_number(text, 1, COUNT_MAX, &v)) return 0;
    *count = (int)v;
    return 1;
}

static int parse_option(options *o, const char *key, const char *value)
{
    int ok, is_seed = !strcmp(key, "--seed");
    if (is_seed) ok = parse_number(value, 0, UINT64_MAX, &o->seed);
    else if (!strcmp(key, "--train")) ok = parse_count(value, &o->train);
    else if (!strcmp(key, "--test")) ok = parse_count(value, &o->test);
    else { o->out = value; ok = value[0] != 0; }
    if (ok) return 1;
    if (o->out == value) fprintf(stderr, "digits: --out needs the name of a folder\n");
    else fprintf(stderr, "digits: %s takes a whole number from %d to %llu, not '%s'\n", key,
                 !is_seed, is_seed ? (unsigned long long)UINT64_MAX : COUNT_MAX, value);
    return 0;
}

static int parse_options(options *o, int argc, char **argv)
{
    static const char *const known[] = { "--seed", "--train", "--test", "--out" };
    for (int i = 1; i < argc; i += 2) {
        int found = 0;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return o->help = 1;
        for (int k = 0; k < 4; k++) found |= !strcmp(argv[i], known[k]);
        if (!found || i + 1 == argc) {
            fprintf(stderr, found ? "digits: %s needs a value; try --help\n"
                                  : "digits: there is no option '%s'; try --help\n", argv[i]);
            return 0;
        }
        if (!parse_option(o, argv[i], argv[i + 1])) return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    options o = { 1, 10000, 2000, 0, "datasets/made" };
    if (!parse_options(&o, argc, argv)) return 2;
    if (o.help) return fputs(usage, stdout) < 0;
    if (!write_all(&o)) return 1;
    printf("made digits: %d for training, %d for testing, seed %llu, in %s\n", o.train, o.test,
           (unsigned long long)o.seed, o.out);
    return 0;
}
