/* Grader of 29_idx_loader. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "exercise.h"
#include "kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#define SANITIZED
#endif
#ifdef SANITIZED
extern int __asan_address_is_poisoned(const volatile void *at);
extern size_t __sanitizer_get_current_allocated_bytes(void);
#endif

enum { MOST = 4096 };

typedef struct file {
    unsigned char bytes[MOST];
    unsigned size[3]; /* n, rows, cols as the header has them */
    int count; /* bytes */
} file;

enum {
    RIGHT,
    ROWS_COLS,
    ROTATED,
    SIGNED_BYTES,
    LOW_BYTES,
    FROM_0,
    FROM_8,
    FIRST_IMAGE,
    INVERTED,
    COLUMNS_FIRST
};

static void put_number(unsigned char *b, unsigned v)
{
    for (int k = 0; k < 4; k++) b[k] = (unsigned char)(v >> (24 - 8 * k));
}

static file new_file(unsigned n, unsigned rows, unsigned cols, int pixels)
{
    file f = { { 0 }, { n, rows, cols }, 16 + pixels };
    put_number(f.bytes, 0x803);
    for (int k = 0; k < 3; k++) put_number(f.bytes + 4 + 4 * k, f.size[k]);
    for (int i = 0; i < pixels; i++) f.bytes[16 + i] = (unsigned char)kit_between(0, 255);
    if (pixels > 3) f.bytes[17] = 255, f.bytes[18] = '\n', f.bytes[19] = 26; /* look like an end */
    return f;
}

/* Writes the file without a name that could be left behind, and has the learner load it. */
static idx_result load(const file *f, images *out)
{
    char name[] = "/tmp/idxXXXXXX", path[64];
    int fd = mkstemp(name);
    if (fd < 0 || write(fd, f->bytes, (size_t)f->count) != f->count || lseek(fd, 0, SEEK_SET))
        kit_true("grader", 0, "the grader cannot write a file in /tmp");
    unlink(name);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    memset(out, 0x55, sizeof *out); /* whatever was there before */
    idx_result r = idx_load(out, path);
    if (lseek(fd, 0, SEEK_END) != f->count)
        kit_true("untouched", 0, "the file was changed: open it for reading, with \"rb\"");
    close(fd);
    return r;
}

/* ---- good files ----------------------------------------------------------------------------- */

static void size_formula(const void *problem, int mistake, double *out)
{
    const file *f = problem;
    for (int k = 0; k < 3; k++) {
        int from = mistake == ROWS_COLS && k > 0 ? 3 - k : mistake == ROTATED ? (k + 1) % 3 : k;
        const unsigned char *b = f->bytes + 4 + 4 * from;
        out[k] = f->size[from];
        if (mistake == LOW_BYTES) out[k] = b[3];
        if (mistake == SIGNED_BYTES)
            for (int i = 1; i < 4; i++) out[k] -= b[i] > 127 ? 256 << 8 * (3 - i) : 0;
    }
}

static void pixel_formula(const void *problem, int mistake, double *out)
{
    const file *f = problem;
    int n = f->count - 16, image = (int)(f->size[1] * f->size[2]), cols = (int)f->size[2];
    int from = mistake == FROM_0 ? 0 : mistake == FROM_8 ? 8 : 16;
    for (int i = 0; i < n; i++) {
        int at = from + (mistake == FIRST_IMAGE ? i % image : i), p = i % image;
        if (mistake == COLUMNS_FIRST) at = 16 + i - p + p % cols * (image / cols) + p / cols;
        out[i] = at < f->count ? f->bytes[at] : 0;
        if (mistake == INVERTED) out[i] = 255 - out[i];
    }
}

const kit_mistake kit_mistakes[] = {
    { "sizes", RIGHT,
      "after 0x803 come n, rows, cols, four bytes each, the most significant first" },
    { "sizes", ROWS_COLS, "rows and cols are exchanged: n, rows, cols" },
    { "sizes", ROTATED, "the sizes are in another order: n, rows, cols" },
    { "sizes", SIGNED_BYTES, "a byte above 127 was taken for negative: read into unsigned char" },
    { "sizes", LOW_BYTES, "only the last byte of each number was read: there are four" },
    { "pixels", RIGHT, "the pixels begin at byte 16, and are copied as they are" },
    { "pixels", FROM_0, "the pixels begin behind the header, at byte 16: these begin with it" },
    { "pixels", FROM_8, "the pixels begin at byte 16: 8 is the header of a file of labels" },
    { "pixels", FIRST_IMAGE, "every image is the first one: read on, image after image" },
    { "pixels", INVERTED, "the pixels are inverted: keep the bytes as they are" },
    { "pixels", COLUMNS_FIRST, "the pixels lie row by row: these were read column by column" },
    { 0 },
};

static const char *const names[] = { "IDX_OK",   "IDX_NO_FILE", "IDX_FORMAT",
                                     "IDX_SIZE", "IDX_SHORT",   "IDX_MEMORY" };

static const char *name_of(idx_result r)
{
    return (int)r >= 0 && (int)r < 6 ? names[r] : "no idx_result";
}

static const char *why_refused(idx_result r)
{
    if (r == IDX_FORMAT)
        return "0x803 is the bytes 0, 0, 8, 3, the most significant first; fread into an int turns "
               "them round on most machines";
    if (r == IDX_SIZE)
        return "are the bytes of a size put together with the first as the highest, and is a byte "
               "above 127 still positive?";
    if (r == IDX_SHORT)
        return "16 bytes of header and n rows cols of pixels are there: what was read, and how "
               "often? A byte of 255 is no end of file; fread(p, 1, size, f) counts bytes";
    return "all was as it should be";
}

/* The sanitizer, where there is one, knows whether a byte may be read. */
static int is_alive(const unsigned char *at)
{
#ifdef SANITIZED
    return !__asan_address_is_poisoned(at);
#else
    return at != NULL;
#endif
}

static void try_good(unsigned n, unsigned rows, unsigned cols, int extra)
{
    int pixels = (int)(n * rows * cols);
    file f = new_file(n, rows, cols, pixels + extra);
    images m;
    idx_result r = load(&f, &m);
    f.count -= extra;
    kit_true("result", r == IDX_OK, "a good file%s was refused with %s: %s",
             extra ? ", with something behind its last pixel, which does not count," : "",
             name_of(r), why_refused(r));
    double *sizes = kit_output("sizes", 1, 3), *got = kit_output("pixels", 1, pixels);
    sizes[0] = m.n, sizes[1] = m.rows, sizes[2] = m.cols;
    kit_rung("sizes", sizes, 1, 3, size_formula, &f, KIT_TOLERANCE);
    kit_true("given", m.pixels != NULL && is_alive(m.pixels) && is_alive(m.pixels + pixels - 1),
             m.pixels ? "the result is IDX_OK, but pixels has less than n rows cols bytes, or was "
                        "freed: the caller frees it"
                      : "the result is IDX_OK, but pixels is NULL");
    for (int i = 0; i < pixels; i++) got[i] = m.pixels[i];
    kit_rung("pixels", got, 1, pixels, pixel_formula, &f, KIT_TOLERANCE);
    free(m.pixels);
}

static void check_good(void)
{
    try_good(3, 5, 7, 0);
    try_good(300, 2, 3, 0); /* more than a byte */
    try_good(2, 200, 3, 0); /* a byte above 127 */
    try_good(4, 3, 6, 9); /* something behind the pixels */
}

/* ---- bad files ------------------------------------------------------------------------------ */

static void try_bad(const char *rung, const file *f, idx_result want, const char *what)
{
    images m;
    idx_result r = load(f, &m);
    int cleared = m.n == 0 && m.rows == 0 && m.cols == 0 && m.pixels == NULL;
    if (r != want)
        kit_true(rung, 0, "%s: the result has to be %s, and is %s", what, name_of(want),
                 name_of(r));
    kit_true(rung, cleared,
             "%s: the error is right, but *out has to be 0 and NULL then, so that nobody uses or "
             "frees what is not there",
             what);
}

static void check_format(void)
{
    file f = new_file(3, 5, 7, 105);
    put_number(f.bytes, 0x801);
    try_bad("labels", &f, IDX_FORMAT, "a file of labels (0x801)");
    put_number(f.bytes, 0x03080000);
    try_bad("turned", &f, IDX_FORMAT, "a first number with its bytes turned round");
    put_number(f.bytes, 0xd03);
    try_bad("floats", &f, IDX_FORMAT, "a file of floats (0xd03)");
    put_number(f.bytes, 0x1f8b0803);
    try_bad("packed", &f, IDX_FORMAT, "a file that is still packed (gzip)");
}

static void check_short(void)
{
    static const int counts[5] = { 0, 3, 15, 16, 120 };
    static const char *const rungs[5] = { "empty", "3 bytes", "15 bytes", "no pixels",
                                          "one short" };
    static const char *const what[5] = { "an empty file", "a file of 3 bytes", "a file of 15 bytes",
                                         "a file that ends after its header",
                                         "a file whose last pixel is missing" };
    file f = new_file(3, 5, 7, 105);
    for (int k = 0; k < 5; k++) {
        f.count = counts[k];
        try_bad(rungs[k], &f, IDX_SHORT, what[k]);
    }
}

static void try_size(const char *rung, unsigned n, unsigned rows, unsigned cols, const char *what)
{
    file f = new_file(n, rows, cols, 100);
    try_bad(rung, &f, IDX_SIZE, what);
}

static void check_size(void)
{
    try_size("0 images", 0, 28, 28, "a header with n = 0");
    try_size("0 columns", 60000, 28, 0, "a header with cols = 0");
    file f = new_file(1 << 14, 1 << 14, 1, 100);
    images m;
    idx_result r = load(&f, &m);
    kit_true(
        "2^28", r == IDX_SHORT || r == IDX_MEMORY,
        "a header of 16384 x 16384 x 1, which is 2^28 and no more, before 100 pixels: the result "
        "has to be IDX_SHORT, and is %s",
        name_of(r));
    try_size("2^28 + 1", 268435457, 1, 1, "a header with n = 268435457, one above the limit");
    try_size("2^28 + 1, cols", 1, 1, 268435457,
             "a header with cols = 268435457, one above the limit");
    try_size("2^28 + 2^14", 16384, 16385, 1, "a header of 16384 x 16385 x 1, more than 2^28");
    try_size("2^31", 0x80000000u, 1, 1,
             "a header with n = 2147483648, which is negative as an int");
    try_size("2^32", 65536, 65536, 1,
             "a header of 65536 x 65536 x 1, a product which is 0 in 32 bits");
    try_size("2^64", 65536, 0x80000000u, 131072,
             "a header of 65536 x 2147483648 x 131072, a product which is 0 even in 64 bits");
}

/* ---- nothing stays behind ------------------------------------------------------------------- */

/* Bytes allocated now, where the sanitizer counts them. */
static size_t in_use(void)
{
#ifdef SANITIZED
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void check_nothing_left(void)
{
    images m;
    file good = new_file(3, 5, 7, 105), bad = good, brief = good;
    put_number(bad.bytes, 0x801), brief.count = 100;
    memset(&m, 0x55, sizeof m);
    idx_result r = idx_load(&m, "/nowhere/at/all");
    kit_true("no file", r == IDX_NO_FILE && m.pixels == NULL && m.n == 0,
             "for a file that does not exist the result has to be IDX_NO_FILE; it is %s%s",
             name_of(r), r == IDX_NO_FILE ? ", but *out has to be all 0, too" : "");
    const file *all[3] = { &good, &bad, &brief };
    const char *closed[3] = { "closed", "closed(format)", "closed(short)" };
    const char *when[3] = { "after a good file", "after a wrong first number",
                            "after a file that is too short" };
    for (int k = 0; k < 3; k++) {
        int before = open_files();
        if (load(all[k], &m) == IDX_OK) free(m.pixels);
        kit_true(closed[k], open_files() == before,
                 "%s the file is still open: fclose on every way out", when[k]);
    }
    size_t before = in_use();
    for (int k = 0; k < 4; k++) load(&brief, &m);
    kit_true("freed", in_use() < before + 4 * 105,
             "after a file that is too short the memory for its pixels was not freed");
}

const kit_check kit_checks[] = {
    { "good", 3, 1, check_good },         { "format", 1, 1, check_format },
    { "short", 2, 1, check_short },       { "size", 2, 1, check_size },
    { "left", 1, 1, check_nothing_left }, { 0 },
};

/* ---- reward: a digit from MNIST, if it is there; else a made one ---------------------------- */

static void made(file *f)
{
    static const char picture[] = "..####...#....#.......#....###.......#..#....#...####..........";
    *f = new_file(1, 7, 9, 63);
    for (int i = 0; i < 63; i++) f->bytes[16 + i] = picture[i] == '#' ? 255 : 0;
}

/* The first images of MNIST, in a file of their own: a loader that opens for writing would destroy
   the real one. */
static int first_of_mnist(file *f)
{
    enum { N = 5, PIXELS = 28 * 28 };
    FILE *in = fopen("datasets/mnist/train-images-idx3-ubyte", "rb");
    if (!in) return 0;
    *f = new_file(N, 28, 28, N * PIXELS);
    int whole = !fseek(in, 16, SEEK_SET) && fread(f->bytes + 16, PIXELS, N, in) == N;
    fclose(in);
    return whole;
}

void kit_reward(void)
{
    images m;
    file f;
    const char *from = "the first of datasets/mnist";
    if (!first_of_mnist(&f)) made(&f), from = "a made file (make mnist fetches the real ones)";
    idx_result r = load(&f, &m);
    printf("%s: %s, %d images of %d x %d; the first:\n", from, name_of(r), m.n, m.rows, m.cols);
    for (int i = 0; r == IDX_OK && i < m.rows * m.cols; i++) {
        putchar(" .:-=+*#%@"[m.pixels[i] * 9 / 255]);
        if (i % m.cols == m.cols - 1) putchar('\n');
    }
    free(m.pixels);
}
