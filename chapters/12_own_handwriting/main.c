/* Chapter 12: your own handwriting. A photo of a digit in, three guesses out.

   A network reads only what looks like its training data, so most of the work is to make a photo
   look like MNIST: white ink on black, upright in a box of 20 x 20, its centre of mass in the
   middle of 28 x 28 (LeCun, Cortes, Burges: the MNIST database). The steps, each a picture of the
   strip:
     photo      from a PNG, JPEG or BMP, the way up that the camera says, at most 400 pixels long
     even       in grey, with the paper's own brightness taken away, so that shadows are gone
     inverted   ink bright, paper black, noise cut off
     cropped    the strokes alone, thickened where the pen was thin
     20 x 20    the longer side of the digit, proportions kept
     28 x 28    moved so that the centre of mass is in the middle

   make digit IMAGE=photo.jpg     without IMAGE it draws a photo itself, and then many more, to see
   whom it reads well: by pen, by light, by writer, and with a step left out                     */

#if defined(__has_include)
#if __has_include("stb_image.h") || __has_include(<stb/stb_image.h>)
#define NN_USE_STB_IMAGE
#endif
#endif
#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"
#include "photo.h"

enum { SIDE = 28, BOX = 20, PIXELS = 784, CLASSES = 10 };
enum { LONG = 400, AREA = LONG * LONG, FINE = 100, SMALLEST = 12, SHOW = 140, STEPS = 6 };

/* All that is known of a photo, step by step. Pictures are row after row. */
typedef struct reading {
    int h, w;                                   /* of the photo as it is looked at              */
    unsigned char grey[AREA], even[AREA], ink[AREA];
    bool dark;                                  /* dark ink on light paper                      */
    double paper[AREA];                         /* the brightness the paper has at each pixel   */
    double over[AREA];                          /* how far a pixel is above its paper           */
    bool mask[AREA];                            /* where there is ink                           */
    int part[AREA];                             /* which connected part a pixel is of, from 1   */
    int top, left, rows, cols;                  /* the digit's box                              */
    int fine_rows, fine_cols, box_rows, box_cols;
    unsigned char fine[FINE * FINE], box[BOX * BOX], digit[PIXELS];
    char problem[160];                          /* why it cannot be read                        */
} reading;

static int larger(int a, int b) { return a > b ? a : b; }
static int smaller(int a, int b) { return a < b ? a : b; }

static bool problem(reading *r, const char *what)
{
    snprintf(r->problem, sizeof r->problem, "%s", what);
    return false;
}

/* ---- grey, even, inverted ------------------------------------------------------------------- */

/* The mean of value over a square around each pixel, of the pixels that are not in mask (NULL: of
   all), from sums over rectangles: four numbers for any size of the square. `otherwise` stands
   where all are in mask.                                                                        */
static void local_mean(double *mean, const unsigned char *value, const bool *mask, int h, int w,
                       int radius, double otherwise)
{
    static double sum[(LONG + 1) * (LONG + 1)], count[(LONG + 1) * (LONG + 1)];
    const int W = w + 1;
    memset(sum, 0, sizeof sum), memset(count, 0, sizeof count);
    for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++) {
            const int k = (i + 1) * W + j + 1;
            const bool use = !mask || !mask[i * w + j];
            sum[k] = sum[k - 1] + sum[k - W] - sum[k - W - 1] + (use ? value[i * w + j] : 0);
            count[k] = count[k - 1] + count[k - W] - count[k - W - 1] + use;
        }
    for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++) {
            const int a = larger(i - radius, 0) * W, b = smaller(i + radius + 1, h) * W;
            const int c = larger(j - radius, 0), d = smaller(j + radius + 1, w);
            const double n = count[b + d] - count[a + d] - count[b + c] + count[a + c];
            const double s = sum[b + d] - sum[a + d] - sum[b + c] + sum[a + c];
            mean[i * w + j] = n > 0 ? s / n : otherwise;
        }
}

/* Ink is the smaller part of a sheet, so what differs most from its surroundings is ink: dark on
   light gives large negative differences, and the third moment is below zero.                  */
static bool is_dark_on_light(reading *r)
{
    double moment = 0;
    local_mean(r->paper, r->grey, NULL, r->h, r->w, LONG, 0);
    for (int i = 0; i < r->h * r->w; i++) moment += pow(r->grey[i] - r->paper[i], 3);
    return r->dark = moment < 0;
}

/* What a difference from the paper would be in even light. bright: of the paper at this place;
   usual: of the paper as a whole; 20 is a little more than black ink, as a camera sees it.       */
static double in_even_light(double over, double bright, double usual)
{
    return over * fmin((usual + 20) / (bright + 20), 4);
}

/* How far each pixel is above its paper, as it would be in even light: light multiplies both, so
   where the paper has half of its usual brightness the difference counts twice. At most four times,
   since noise grows with it. The paper's true brightness is 255 - paper where grey is inverted.  */
static void measure(reading *r)
{
    const int n = r->h * r->w;
    double usual = 0;
    for (int i = 0; i < n; i++) usual += (r->dark ? 255 - r->paper[i] : r->paper[i]) / n;
    for (int i = 0; i < n; i++) {
        const double bright = r->dark ? 255 - r->paper[i] : r->paper[i];
        r->over[i] = in_even_light(r->grey[i] - r->paper[i], bright, usual);
    }
}

/* The threshold that makes the two sides differ most (Otsu 1979). */
static int otsu(const reading *r)
{
    enum { MOST = 1100 };
    static double count[2 * MOST];
    double below = 0, sum_below = 0, sum = 0, best = -1;
    const double n = r->h * r->w;
    int threshold = 0;
    memset(count, 0, sizeof count);
    for (int i = 0; i < r->h * r->w; i++) {
        const int d = (int)(r->over[i] + MOST + 0.5);
        count[d]++, sum += d;
    }
    for (int d = 0; d < 2 * MOST - 1; d++) {
        below += count[d], sum_below += d * count[d];
        if (below < 1 || below > n - 1) continue;
        const double gap = sum_below / below - (sum - sum_below) / (n - below);
        if (below * (n - below) * gap * gap <= best) continue;
        best = below * (n - below) * gap * gap, threshold = d;
    }
    return threshold - MOST;
}

/* The deviation of the camera's noise, from the median difference of neighbours, on which the few
   at the border of the ink have no influence.                                                   */
static double noise_of(const reading *r)
{
    int count[512] = { 0 }, pairs = 0, d = 0;
    for (int i = 0; i < r->h; i++)
        for (int j = 1; j < r->w; j++, pairs++) {
            const double step = r->over[i * r->w + j] - r->over[i * r->w + j - 1];
            count[(int)fmin(fabs(step), 511)]++;
        }
    for (int seen = count[0]; 2 * seen < pairs; seen += count[d]) d++;
    return d / 0.95;
}

/* Finds paper and ink in turn, each from the other: paper is the mean of what is not ink around a
   pixel, ink is what is far above its paper. Sets paper, mask and ink; false where nothing stands
   out.                                                                                          */
static bool find_ink(reading *r)
{
    const int n = r->h * r->w, radius = larger(r->h, r->w) / 8 + 2;
    double ink = 0, noise = 0;
    int inked = 0;
    local_mean(r->paper, r->grey, NULL, r->h, r->w, 2 * radius, 0);
    for (int pass = 0; pass < 4; pass++) {
        double plain = 0;
        measure(r);
        noise = noise_of(r);
        const double least = fmax(otsu(r), fmax(15, 2.5 * noise));
        ink = 0, inked = 0;
        for (int i = 0; i < n; i++) {
            r->mask[i] = r->over[i] > least;
            if (r->mask[i]) ink += r->over[i], inked++;
            else plain += r->grey[i];
        }
        ink /= inked + 1e-9;
        if (pass < 3)
            local_mean(r->paper, r->grey, r->mask, r->h, r->w, radius, plain / (n - inked + 1e-9));
    }
    if (inked < 5 || ink < 25 || ink < 5 * noise)
        return problem(r, "no ink stands out from the paper; write with a darker pen, or come "
                          "closer");
    if (2 * inked > n)
        return problem(r, "more than half of it is ink; leave some empty paper around the digit");
    const double floor = fmin(0.1 + 3 * noise / ink, 0.3);  /* below it is noise                */
    for (int i = 0; i < n; i++) {
        const double v = (r->over[i] / ink - floor) / (0.9 - floor);
        r->ink[i] = (unsigned char)(255 * fmin(fmax(v, 0), 1) + 0.5);
    }
    return true;
}

/* ---- cropped -------------------------------------------------------------------------------- */

typedef struct part {
    int area, top, left, bottom, right;         /* bottom and right are the last pixels         */
    bool at_edge;
} part;

/* Numbers the connected parts of the mask, corners counted; returns how many there are. */
static int find_parts(reading *r, part *list, int most)
{
    static int todo[AREA];
    int parts = 0;
    memset(r->part, 0, sizeof r->part);
    for (int start = 0; start < r->h * r->w; start++) {
        if (!r->mask[start] || r->part[start] || parts == most) continue;
        part p = { 0, r->h, r->w, 0, 0, false };
        int left = 0;
        r->part[todo[left++] = start] = ++parts;
        while (left > 0) {
            const int at = todo[--left], i = at / r->w, j = at % r->w;
            p.area++;
            p.top = i < p.top ? i : p.top, p.bottom = i > p.bottom ? i : p.bottom;
            p.left = j < p.left ? j : p.left, p.right = j > p.right ? j : p.right;
            for (int y = i - 1; y <= i + 1; y++)
                for (int x = j - 1; x <= j + 1; x++) {
                    if (y < 0 || x < 0 || y >= r->h || x >= r->w) continue;
                    const int k = y * r->w + x;
                    if (r->mask[k] && !r->part[k]) r->part[todo[left++] = k] = parts;
                }
        }
        p.at_edge = p.top == 0 || p.left == 0 || p.bottom == r->h - 1 || p.right == r->w - 1;
        list[parts - 1] = p;
    }
    return parts;
}

/* The part that is the digit: the largest, and one that lies inside of the photo before one that
   runs out of it, which may be the edge of the sheet.                                           */
static int main_part(const part *list, int parts)
{
    int best = 0;
    for (int k = 1; k < parts; k++) {
        const bool inside = !list[k].at_edge, best_inside = !list[best].at_edge;
        if (inside == best_inside ? list[k].area > list[best].area
                                  : inside && 10 * list[k].area > list[best].area) best = k;
    }
    return best;
}

/* Whether p is a second digit beside, above or below m, and not a stroke of it such as the roof of
   a 5: about as large, and apart from it.                                                       */
static bool is_second_digit(const part *m, const part *p)
{
    const int height = p->bottom - p->top + 1, main_height = m->bottom - m->top + 1;
    const int gap_x = larger(p->left - m->right, m->left - p->right);
    const int gap_y = larger(p->top - m->bottom, m->top - p->bottom);
    return 2 * height > main_height && 4 * p->area > m->area &&
           larger(gap_x, gap_y) > 1 + main_height / 12;
}

/* Sets the mask to the digit alone, with the paler pixels at its border, and the box around it. */
static void keep_parts(reading *r, const bool *keep)
{
    int top = r->h, left = r->w, bottom = 0, right = 0;
    for (int i = 0; i < r->h; i++)
        for (int j = 0; j < r->w; j++) {
            bool near = false;
            for (int y = larger(i - 1, 0); y <= smaller(i + 1, r->h - 1); y++)
                for (int x = larger(j - 1, 0); x <= smaller(j + 1, r->w - 1); x++)
                    near = near || keep[r->part[y * r->w + x]];
            r->mask[i * r->w + j] = near && r->ink[i * r->w + j] > 0;
            if (!r->mask[i * r->w + j]) continue;
            top = smaller(top, i), bottom = larger(bottom, i);
            left = smaller(left, j), right = larger(right, j);
        }
    r->top = top, r->left = left, r->rows = bottom - top + 1, r->cols = right - left + 1;
}

/* The digit is the main part and the parts near it. */
static bool find_digit(reading *r)
{
    enum { PARTS = 2000 };
    static part list[PARTS];
    static bool keep[PARTS + 1];
    const int parts = find_parts(r, list, PARTS), best = main_part(list, parts);
    const part box = list[best];
    const int reach = larger(box.bottom - box.top, box.right - box.left) / 6;
    memset(keep, 0, sizeof keep);
    if (larger(box.bottom - box.top, box.right - box.left) < 6)
        return problem(r, "the ink is a speck; come closer, so that the digit fills the photo");
    for (int k = 0; k < parts; k++) {
        const part *p = &list[k], *m = &list[best];
        if (k != best && p->at_edge && !m->at_edge) continue;
        if (k != best && is_second_digit(m, p))
            return problem(r, "there seem to be two digits; cut the photo down to one");
        keep[k + 1] = k == best || (25 * p->area > m->area && p->top < m->bottom + reach &&
                                    p->bottom > m->top - reach && p->left < m->right + reach &&
                                    p->right > m->left - reach);
    }
    keep_parts(r, keep);
    return true;
}

/* The pen's width in pixels: a line of length l and width b has an area of l b, and 2 l pixels at
   its border.                                                                                   */
static double pen_width(const reading *r)
{
    double area = 0, border = 0;
    for (int i = r->top; i < r->top + r->rows; i++)
        for (int j = r->left; j < r->left + r->cols; j++) {
            const int k = i * r->w + j;
            if (!r->mask[k]) continue;
            area++;
            border += i == 0 || j == 0 || i == r->h - 1 || j == r->w - 1 || !r->mask[k - 1] ||
                      !r->mask[k + 1] || !r->mask[k - r->w] || !r->mask[k + r->w];
        }
    return 2 * area / border;
}

/* The digit alone, 100 pixels long, its strokes at least a ninth of that wide, as MNIST's are: each
   pixel takes the brightest within the reach that is missing.                                   */
static void crop(reading *r)
{
    static unsigned char alone[AREA], thin[FINE * FINE];
    const int length = larger(r->rows, r->cols);
    const int reach = (int)fmax(0.5 * FINE * (0.11 - pen_width(r) / length) + 0.5, 0);
    const int inner = FINE - 2 * reach;
    for (int i = 0; i < r->rows; i++)
        for (int j = 0; j < r->cols; j++) {
            const int k = (r->top + i) * r->w + r->left + j;
            alone[i * r->cols + j] = r->mask[k] ? r->ink[k] : 0;
        }
    const int rows = larger(1, (inner * r->rows + length / 2) / length);
    const int cols = larger(1, (inner * r->cols + length / 2) / length);
    nn_image_resize(thin, rows, cols, alone, r->rows, r->cols, 1);
    r->fine_rows = rows + 2 * reach, r->fine_cols = cols + 2 * reach;
    memset(r->fine, 0, sizeof r->fine);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            for (int y = -reach; y <= reach; y++)
                for (int x = -reach; x <= reach; x++) {
                    unsigned char *to = &r->fine[(i + reach + y) * r->fine_cols + j + reach + x];
                    if (y * y + x * x <= reach * reach && thin[i * cols + j] > *to)
                        *to = thin[i * cols + j];
                }
}

/* ---- 20 x 20, centred in 28 x 28 ------------------------------------------------------------ */

static void fit_box(reading *r)
{
    const int length = larger(r->fine_rows, r->fine_cols);
    int brightest = 1;
    r->box_rows = larger(1, (BOX * r->fine_rows + length / 2) / length);
    r->box_cols = larger(1, (BOX * r->fine_cols + length / 2) / length);
    nn_image_resize(r->box, r->box_rows, r->box_cols, r->fine, r->fine_rows, r->fine_cols, 1);
    for (int k = 0; k < r->box_rows * r->box_cols; k++) brightest = larger(brightest, r->box[k]);
    for (int k = 0; k < r->box_rows * r->box_cols; k++)
        r->box[k] = (unsigned char)(r->box[k] * 255 / brightest);
}

/* Where a picture would balance on a needle: the mean row and column, weighed by brightness. */
static void centre_of_mass(const unsigned char *x, int rows, int cols, double *down, double *right)
{
    double sum = 0;
    *down = *right = 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            const double v = x[i * cols + j];
            sum += v, *down += v * (i + 0.5), *right += v * (j + 0.5);
        }
    *down /= sum, *right /= sum;
}

static void centre(reading *r)
{
    double down, right;
    centre_of_mass(r->box, r->box_rows, r->box_cols, &down, &right);
    int top = (int)floor(SIDE / 2 - down + 0.5), left = (int)floor(SIDE / 2 - right + 0.5);
    top = smaller(larger(top, 0), SIDE - r->box_rows);
    left = smaller(larger(left, 0), SIDE - r->box_cols);
    memset(r->digit, 0, sizeof r->digit);
    for (int i = 0; i < r->box_rows; i++)
        memcpy(r->digit + (top + i) * SIDE + left, r->box + i * r->box_cols, (size_t)r->box_cols);
}

/* All steps. r->problem says why where it returns false. */
static bool prepare(reading *r, const nn_image *photo)
{
    static unsigned char colour[3 * AREA];
    const int length = larger(photo->height, photo->width);
    memset(r, 0, sizeof *r);
    if (smaller(photo->height, photo->width) < SMALLEST) {
        snprintf(r->problem, sizeof r->problem,
                 "it has only %d x %d pixels; a digit needs at least %d x %d", photo->width,
                 photo->height, SMALLEST, SMALLEST);
        return false;
    }
    if (length > 20 * smaller(photo->height, photo->width))
        return problem(r, "it is a narrow strip; cut the photo down to the digit");
    r->h = length <= LONG ? photo->height : larger(1, photo->height * LONG / length);
    r->w = length <= LONG ? photo->width : larger(1, photo->width * LONG / length);
    nn_image_resize(colour, r->h, r->w, photo->pixels, photo->height, photo->width, 3);
    nn_image_grey(r->grey, colour, (size_t)r->h * (size_t)r->w);
    const bool dark = is_dark_on_light(r);
    for (int i = 0; dark && i < r->h * r->w; i++) r->grey[i] = (unsigned char)(255 - r->grey[i]);
    if (!find_ink(r)) return false;
    for (int i = 0; i < r->h * r->w; i++) {
        const double v = dark ? 235 - r->over[i] : 20 + r->over[i];
        r->even[i] = (unsigned char)fmin(fmax(v, 0), 255);
        if (dark) r->grey[i] = (unsigned char)(255 - r->grey[i]); /* as the photo has it */
    }
    if (!find_digit(r)) return false;
    crop(r);
    fit_box(r);
    centre(r);
    return true;
}

/* ---- the photo's file ----------------------------------------------------------------------- */

/* Cameras store what the sensor saw, and beside it which way up it was held: the field 0x0112 in
   the Exif block of a JPEG. Returns how many quarter turns clockwise make it upright.           */
static int quarter_turns(const unsigned char *p, size_t n)
{
    for (size_t i = 2; i + 4 < n && p[i] == 0xff && p[i + 1] != 0xda;) {
        const size_t length = 2 + (size_t)(p[i + 2] << 8 | p[i + 3]);
        const unsigned char *t = p + i + 10;        /* behind FF E1, the length, "Exif", 0, 0   */
        if (p[i + 1] == 0xe1 && i + length <= n && length > 30 && !memcmp(p + i + 4, "Exif\0", 6)) {
            const int big = t[0] == 'M';
            const size_t size = length - 10;
#define TWO(k) ((size_t)(big ? t[k] << 8 | t[(k) + 1] : t[(k) + 1] << 8 | t[k]))
            const size_t fields = big ? TWO(6) : TWO(4);    /* low half of where the fields are */
            for (size_t k = fields + 2; fields + 2 < size && k + 12 <= size &&
                                        k < fields + 2 + 12 * TWO(fields); k += 12)
                if (TWO(k) == 0x0112) return TWO(k + 8) == 6 ? 1 : TWO(k + 8) == 3 ? 2
                                             : TWO(k + 8) == 8 ? 3 : 0;
#undef TWO
        }
        i += length;
    }
    return 0;
}

/* One quarter turn clockwise. False where there is no memory for it. */
static bool turn(nn_image *image)
{
    const int h = image->height, w = image->width;
    unsigned char *from = malloc((size_t)h * (size_t)w * 3);
    if (!from) return false;
    memcpy(from, image->pixels, (size_t)h * (size_t)w * 3);
    for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++)
            memcpy(image->pixels + 3 * ((size_t)j * (size_t)h + (size_t)(h - 1 - i)),
                   from + 3 * ((size_t)i * (size_t)w + (size_t)j), 3);
    image->height = w, image->width = h;
    free(from);
    return true;
}

static bool load_photo(nn_image *image, const char *path)
{
    unsigned char head[65536];
    if (nn_load_image(image, path)) return false;
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f) fclose(f);
    int turns = n > 4 && head[0] == 0xff && head[1] == 0xd8 ? quarter_turns(head, n) : 0;
    while (turns > 0 && turn(image)) turns--;
    return true;
}

/* A photo drawn by the program: a digit on paper in poor light, a little askew. */
static bool draw_photo(nn_image *image, uint64_t seed)
{
    static unsigned char pixels[300 * 400 * 3];
    const photo_sheet p = { .digit = (int)(seed % 10), .height = 300, .width = 400, .size = 0.6,
                      .pen = 0.06, .turn = 8, .shadow = 0.6, .noise = 6, .x = 0.45, .seed = seed };
    photo_draw(pixels, &p, true);
    *image = (nn_image){ 300, 400, 3, pixels };
    return true;
}

/* ---- the model ------------------------------------------------------------------------------ */

/* The one place that knows the network: swap it, or load a saved one here instead of training. The
   digits are varied in training, as handwriting varies: see nn_augment.                         */
static nn_model *reader(const program *p, const nn_data *train, const nn_data *test)
{
    nn_model *m = nn_model_new(.seed = p->seed);
    nn_tensor *h = nn_dense(nn_input(m, PIXELS), 256, .activation = NN_RELU);
    h = nn_dense(h, 128, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, CLASSES, .activation = NN_SOFTMAX);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 1e-3));
    if (!nn_fit(m, train, .epochs = p->quick ? 4 : 12, .batch_size = 64, .validation = test,
                .augment = { .shift = 1.5, .rotate = 12, .scale = 0.12 })) return m;
    nn_model_free(m);
    return NULL;
}

/* Three best guesses, the best first. */
static bool guess(nn_model *m, const unsigned char *digit, int best[3], double sure[3])
{
    nn_real x[PIXELS], y[CLASSES];
    for (int i = 0; i < PIXELS; i++) x[i] = digit[i];
    if (nn_predict(m, y, x, 1)) return false;
    for (int k = 0; k < 3; k++) {
        best[k] = nn_argmax(y, CLASSES), sure[k] = (double)y[best[k]];
        y[best[k]] = -1;
    }
    return true;
}

/* ---- the strip ------------------------------------------------------------------------------ */

/* A picture in a square of SHOW pixels, as large as fits, on a ground of one grey. */
static void show(unsigned char *square, const unsigned char *picture, int h, int w, int ground)
{
    static unsigned char fit[SHOW * SHOW];
    const int length = larger(h, w), rows = larger(1, h * SHOW / length);
    const int cols = larger(1, w * SHOW / length);
    const bool coarse = SHOW >= 3 * length;         /* show the pixels as squares               */
    if (!coarse) nn_image_resize(fit, rows, cols, picture, h, w, 1);
    memset(square, ground, SHOW * SHOW);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            square[(i + (SHOW - rows) / 2) * SHOW + j + (SHOW - cols) / 2] =
                coarse ? picture[i * h / rows * w + j * w / cols] : fit[i * cols + j];
}

static int draw_strip(program *p, const reading *r, const int best[3], const double sure[3])
{
    static unsigned char squares[STEPS][SHOW * SHOW];
    static const char *const name[STEPS] = { "photo, in grey", "even light", "inverted", "cropped",
                                             "20 x 20", "centred, 28 x 28" };
    char title[120];
    show(squares[0], r->grey, r->h, r->w, 128);
    show(squares[1], r->even, r->h, r->w, 128);
    show(squares[2], r->ink, r->h, r->w, 128);
    show(squares[3], r->fine, r->fine_rows, r->fine_cols, 60);
    show(squares[4], r->box, r->box_rows, r->box_cols, 60);
    show(squares[5], r->digit, SIDE, SIDE, 0);
    snprintf(title, sizeof title, "From a photo to what the network reads: a %d (%.1f %%), a %d "
             "(%.1f %%) or a %d (%.1f %%)", best[0], 100 * sure[0], best[1], 100 * sure[1], best[2],
             100 * sure[2]);
    return plot_images(program_figure(p, "strip"), title, .n = STEPS, .gridb = squares[0],
                       .rows = SHOW, .cols = SHOW, .columns = STEPS, .names = name, .z_max = 255);
}

/* ---- by hand -------------------------------------------------------------------------------- */

/* Six pixels from left to right, light to shade; the second and the fifth are ink. */
static void print_light(void)
{
    static const double photo[6] = { 220, 75, 180, 120, 27, 80 };
    static const double paper[6] = { 220, 200, 180, 120, 100, 80 };
    double usual = 0;
    for (int i = 0; i < 6; i++) usual += paper[i] / 6;
    printf("| pixel | photo | paper there | darker by | in even light | darker than 70? | photo "
           "below 100? |\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 6; i++) {
        const double even = in_even_light(paper[i] - photo[i], paper[i], usual);
        printf("| %d | %g | %g | %g | %.1f | %s | %s |\n", i, photo[i], paper[i],
               paper[i] - photo[i], even, even > 70 ? "ink" : "paper",
               photo[i] < 100 ? "ink" : "paper");
    }
    printf("\nusual brightness of the paper: %.1f\n", usual);
}

/* A seven of 4 x 3 pixels. */
static void print_centre(void)
{
    static const unsigned char x[4 * 3] = { 2, 2, 2, 0, 0, 2, 0, 1, 0, 0, 1, 0 };
    double down, right;
    centre_of_mass(x, 4, 3, &down, &right);
    printf("\n| row | ink | its middle | ink times middle |\n|---|---|---|---|\n");
    for (int i = 0; i < 4; i++) {
        const int ink = x[3 * i] + x[3 * i + 1] + x[3 * i + 2];
        printf("| %d | %d | %g | %g |\n", i, ink, i + 0.5, ink * (i + 0.5));
    }
    printf("\n| column | ink | its middle | ink times middle |\n|---|---|---|---|\n");
    for (int j = 0; j < 3; j++) {
        const int ink = x[j] + x[3 + j] + x[6 + j] + x[9 + j];
        printf("| %d | %d | %g | %g |\n", j, ink, j + 0.5, ink * (j + 0.5));
    }
    printf("\ncentre of mass: %.2f down, %.2f to the right; middle of the box: %.2f, %.2f\n", down,
           right, 4 / 2.0, 3 / 2.0);
}

/* ---- whom does it read? --------------------------------------------------------------------- */

enum { PHOTOS = 100, PHOTO_SIDE = 130 };

/* What is done to the finished 28 x 28 pixels, to see what a step was good for. */
typedef enum spoil { AS_IS, NOT_INVERTED, FILLED, IN_THE_CORNER, SPOILS } spoil;

static void spoil_digit(unsigned char *to, const reading *r, spoil how)
{
    memcpy(to, r->digit, PIXELS);
    for (int i = 0; how == NOT_INVERTED && i < PIXELS; i++) to[i] = (unsigned char)(255 - to[i]);
    if (how == FILLED) nn_image_resize(to, SIDE, SIDE, r->fine, r->fine_rows, r->fine_cols, 1);
    if (how != IN_THE_CORNER) return;
    memset(to, 0, PIXELS);
    for (int i = 0; i < r->box_rows; i++)
        memcpy(to + i * SIDE, r->box + i * r->box_cols, (size_t)r->box_cols);
}

/* Draws and reads many photos like p: how many are right, with each step spoiled in turn. */
static bool read_many(nn_model *m, photo_sheet p, int photos, int right[SPOILS])
{
    static unsigned char pixels[PHOTO_SIDE * PHOTO_SIDE * 3], digit[PIXELS];
    static reading r;
    nn_image image = { PHOTO_SIDE, PHOTO_SIDE, 3, pixels };
    for (int how = 0; how < SPOILS; how++) right[how] = 0;
    p.height = p.width = PHOTO_SIDE;
    for (int k = 0; k < photos; k++) {
        int best[3];
        double sure[3];
        p.digit = k % 10, p.seed = (uint64_t)(k + 1), p.turn = (k * 7) % 21 - 10;
        photo_draw(pixels, &p, true);
        if (!prepare(&r, &image)) continue;
        for (int how = 0; how < SPOILS; how++) {
            spoil_digit(digit, &r, (spoil)how);
            if (!guess(m, digit, best, sure)) return false;
            right[how] += best[0] == p.digit;
        }
    }
    return true;
}

static bool print_pens(nn_model *m, int photos)
{
    static const struct { const char *name; photo_sheet p; } list[] = {
        { "felt pen, even light", { .size = 0.7, .pen = 0.1 } },
        { "ballpoint", { .size = 0.7, .pen = 0.03 } },
        { "broad marker", { .size = 0.7, .pen = 0.22 } },
        { "chalk on a board", { .size = 0.7, .pen = 0.1, .chalk = true, .noise = 5 } },
        { "ballpoint, deep shade", { .size = 0.7, .pen = 0.03, .shadow = 0.8, .noise = 6 } },
        { "ballpoint, small, noisy", { .size = 0.3, .pen = 0.05, .noise = 20 } } };
    static const char *const step[SPOILS] = { "all steps", "not inverted", "filling 28 x 28",
                                              "in the corner, not centred" };
    int right[SPOILS], first[SPOILS] = { 0 };
    printf("\n| %d photos each | read rightly |\n|---|---|\n", photos);
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        if (!read_many(m, list[k].p, photos, right)) return false;
        if (k == 0) memcpy(first, right, sizeof first);
        printf("| %s | %d |\n", list[k].name, right[AS_IS]);
    }
    printf("\n| felt pen, even light | read rightly |\n|---|---|\n");
    for (int how = 0; how < SPOILS; how++) printf("| %s | %d |\n", step[how], first[how]);
    return true;
}

/* The held-out digits of MNIST were written by two groups of people, one after the other. Which one
   is which is known since Yadav and Bottou, "Cold Case: The Lost MNIST Digits", 2019, found each of
   them again in NIST's collection; MNIST's own description has it the other way round.          */
static bool print_writers(nn_model *m, const nn_data *test)
{
    static const struct { const char *name; int from, to; } group[2] = {
        { "0 to 5000: high-school students", 0, 5001 },
        { "5001 to 9999: employees", 5001, 10000 } };
    static int index[5001];
    printf("\n| held-out digits of MNIST | accuracy | wrong |\n|---|---|---|\n");
    for (int k = 0; k < 2; k++) {
        const int n = group[k].to - group[k].from;
        nn_data digits;
        for (int i = 0; i < n; i++) index[i] = group[k].from + i;
        if (nn_data_rows(&digits, test, index, n)) return false;
        nn_metrics r = nn_evaluate(m, &digits);
        printf("| %s | %.4f | %.0f of %d |\n", group[k].name, r.accuracy, (1 - r.accuracy) * r.n,
               r.n);
        nn_data_free(&digits);
        if (r.status) return false;
    }
    return true;
}

/* ---- the program ---------------------------------------------------------------------------- */

static void print_guesses(const char *name, const int best[3], const double sure[3])
{
    printf("\n%s:", name);
    for (int k = 0; k < 3; k++) printf("%s %d (%.1f %%)", k ? "," : "", best[k], 100 * sure[k]);
    printf("\n");
    if (sure[0] < 0.6)
        printf("That is not sure. Look at the strip: is it the digit, and all of it?\n");
}

/* many: read many drawn photos too. */
static int run(program *p, const reading *r, const char *name, bool many)
{
    nn_data train, test;
    char what[120];
    int best[3], bad = 1;
    double sure[3];
    const char *digits = program_load_digits(p, &train, &test, p->quick ? 6000 : 0,
                                             p->quick ? 1000 : 0);
    nn_model *m = NULL;
    if (digits) {
        snprintf(what, sizeof what, "784-256-128-10 on %s, %d to learn from, then %.40s", digits,
                 train.n, name);
        program_announce(p, what);
        m = reader(p, &train, &test);
    }
    if (m && guess(m, r->digit, best, sure)) {
        print_guesses(name, best, sure);
        bad = draw_strip(p, r, best, sure);
        if (many && !print_pens(m, p->quick ? 10 : PHOTOS)) bad = 1;
        if (many && !strcmp(digits, "MNIST") && !p->quick && !print_writers(m, &test)) bad = 1;
    }
    nn_model_free(m);
    nn_data_free(&train), nn_data_free(&test);
    return bad;
}

/* Takes "--image FILE" out of the command line, which is then as all programs have it. */
static const char *take_image(int *argc, char **argv)
{
    const char *path = NULL;
    int kept = 0;
    for (int i = 0; i < *argc; i++)
        if (!strcmp(argv[i], "--image") && i + 1 < *argc) path = argv[++i];
        else argv[kept++] = argv[i];
    *argc = kept;
    return path;
}

int main(int argc, char **argv)
{
    static reading r;
    nn_image photo;
    const char *path = take_image(&argc, argv), *name = path ? path : "a photo drawn here";
    program p = program_start(argc, argv, "12_own_handwriting", 3,
                              "Reads a handwritten digit from a photo: --image FILE (PNG, JPEG or "
                              "BMP);\nwithout it, from a photo that the program draws.");
    if (p.worked) {
        print_light();
        print_centre();
        return 0;
    }
    if (path ? !load_photo(&photo, path) : !draw_photo(&photo, p.seed)) return program_failed(&p);
    const bool readable = prepare(&r, &photo);
    if (path) nn_image_free(&photo);
    if (readable) return run(&p, &r, name, !path);
    fprintf(stderr, "%s: '%s' cannot be read: %s\n", p.chapter, name, r.problem);
    return 1;
}
