/* Tests of >>data/images: resizing, grey, PNG out, files and folders in, augmenting; and memory
   that runs out. Reading files needs stb_image.h and stb_image_write.h (Debian: libstb-dev); without
   them those tests are skipped.
     cc tests/test_images.c -lcmocka -lm && ./a.out */

#if defined(__unix__)
#define _POSIX_C_SOURCE 200809L
#endif
#if defined(__has_include)
#if __has_include("stb_image.h") && __has_include("stb_image_write.h")
#define NN_USE_STB_IMAGE
#elif __has_include(<stb/stb_image.h>) && __has_include(<stb/stb_image_write.h>)
#define NN_USE_STB_IMAGE
#define TEST_STB_FOLDER
#endif
#endif

/* A folder that may not be read can be simulated, since root may read all. */
#include <stddef.h>
#include <dirent.h>
static DIR *test_opendir(const char *path);
#define opendir test_opendir
#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#undef opendir
#include "check.h"
#ifdef _OPENMP
#include <omp.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#ifdef NN_USE_STB_IMAGE
#define NEEDS_STB(state) (void)(state)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wattributes"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define static static __attribute__((no_sanitize_undefined)) /* its JPEG writer shifts bits out */
#ifdef TEST_STB_FOLDER
#include <stb/stb_image_write.h>
#else
#include "stb_image_write.h"
#endif
#undef static
#pragma GCC diagnostic pop
#else
#define NEEDS_STB(state) skip_without_stb(state)
static void skip_without_stb(void **state)
{
    (void)state;
    skip();
}
#endif

static const char *unreadable = NULL; /* the end of a path that test_opendir refuses */
NN__UNUSED static DIR *test_opendir(const char *path)
{
    size_t n = strlen(path), m = unreadable ? strlen(unreadable) : 0;
    if (!unreadable || n < m || strcmp(path + n - m, unreadable) != 0) return opendir(path);
    errno = EACCES;
    return NULL;
}

/* A size that no machine has is asked for on purpose: the sanitizer shall say NULL, as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- helpers ----------------------------------------------------------------------------- */

#define same(got, want) same_at(#got, (long)(got), (long)(want), __LINE__)
static void same_at(const char *what, long got, long want, int line)
{
    if (got != want) fail_msg("line %d: %s is %ld, expected %ld", line, what, got, want);
}

static void same_bytes_at(const uint8_t *got, const uint8_t *want, size_t n, int slack, int line)
{
    for (size_t i = 0; i < n; i++)
        if (abs(got[i] - want[i]) > slack)
            fail_msg("line %d: byte %zu is %d, expected %d within %d", line, i, got[i], want[i],
                     slack);
}
#define same_bytes(got, want, n, slack) same_bytes_at(got, want, n, slack, __LINE__)

static char folder[64]; /* of this run */

static const char *in_folder(const char *name)
{
    static char path[4][200];
    static int next = 0;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

NN__UNUSED static void make_folder(const char *name)
{
    if (mkdir(in_folder(name), 0777) && errno != EEXIST) fail_msg("mkdir %s", in_folder(name));
}

NN__UNUSED static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) fail_msg("cannot write %s", name);
}

/* A PNG of any depth and colour type from its raw bytes, filters included, in a block of zlib that
   is stored. Returns its size. */
NN__UNUSED static size_t make_png(uint8_t *png, int width, int height, int depth, int type,
                                  const uint8_t *raw, size_t n)
{
    uint8_t header[13] = { 0 }, data[70000] = { 0x78, 1, 1 };
    const uint8_t *chunk[3] = { header, data, data };
    size_t size[3] = { 13, n + 11, 0 }, used = 8;
    uint32_t a = 1, b = 0;
    nn__put32(header, (uint32_t)width), nn__put32(header + 4, (uint32_t)height);
    header[8] = (uint8_t)depth, header[9] = (uint8_t)type;
    data[3] = (uint8_t)n, data[4] = (uint8_t)(n >> 8);
    data[5] = (uint8_t)~n, data[6] = (uint8_t)(~n >> 8);
    memcpy(data + 7, raw, n);
    for (size_t i = 0; i < n; i++) a = (a + raw[i]) % 65521, b = (b + a) % 65521;
    nn__put32(data + 7 + n, b << 16 | a);
    memcpy(png, "\x89PNG\r\n\x1a\n", 8);
    for (int k = 0; k < 3; k++) {
        nn__put32(png + used, (uint32_t)size[k]);
        memcpy(png + used + 4, "IHDRIDATIEND" + 4 * k, 4);
        memcpy(png + used + 8, chunk[k], size[k]);
        nn__put32(png + used + 8 + size[k], ~nn__crc32(0xffffffffu, png + used + 4, size[k] + 4));
        used += size[k] + 12;
    }
    return used;
}

static void make_picture(uint8_t *pixels, int n, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (int i = 0; i < n; i++) pixels[i] = (uint8_t)nn_random_below(&random, 256);
}

/* ---- arithmetic --------------------------------------------------------------------------- */

static void resize_by_hand(void **state)
{
    (void)state;
    uint8_t out[64];
    const uint8_t four[16] = { 0, 10, 20, 30, 10, 20, 30, 40, 100, 100, 0, 0, 100, 104, 0, 2 };
    const uint8_t four_to_two[4] = { 10, 30, 101, 1 }; /* 0.5 is rounded up: (0+0+0+2)/4 */
    nn_image_resize(out, 2, 2, four, 4, 4, 1);
    same_bytes(out, four_to_two, 4, 0);
    /* three to two: each new pixel covers one and a half: (0 + 90/2) / 1.5, (90/2 + 240) / 1.5 */
    const uint8_t three[3] = { 0, 90, 240 }, three_to_two[2] = { 30, 190 };
    nn_image_resize(out, 1, 2, three, 1, 3, 1);
    same_bytes(out, three_to_two, 2, 0);
    nn_image_resize(out, 2, 1, three, 3, 1, 1);
    same_bytes(out, three_to_two, 2, 0);
    /* two to four: at -1/4, 1/4, 3/4 and 5/4 of the way */
    const uint8_t two[2] = { 0, 100 }, two_to_four[4] = { 0, 25, 75, 100 };
    nn_image_resize(out, 1, 4, two, 1, 2, 1);
    same_bytes(out, two_to_four, 4, 0);
    /* colours stay apart; down one axis, up the other */
    const uint8_t colour[12] = { 10, 0, 255, 20, 100, 255, 30, 0, 255, 40, 200, 255 };
    const uint8_t mixed[6] = { 20, 0, 255, 30, 150, 255 };
    nn_image_resize(out, 1, 2, colour, 2, 2, 3);
    same_bytes(out, mixed, 6, 0);
    const uint8_t one[3] = { 1, 2, 3 };
    nn_image_resize(out, 4, 5, one, 1, 1, 3);
    for (int i = 0; i < 20; i++) same_bytes(out + 3 * i, one, 3, 0);
}

/* Against sums over a fine grid: the mean of the stretch, in steps of 1/420 of a pixel. */
static void resize_every_size(void **state)
{
    (void)state;
    enum { FINE = 840 };
    uint8_t in[12], out[12], constant[144], grown[144];
    make_picture(in, 12, 5);
    memset(constant, 77, sizeof constant);
    for (int h = 1; h <= 12; h++)
        for (int H = 1; H <= 12; H++) {
            nn_image_resize(out, H, 1, in, h, 1, 1);
            for (int o = 0; o < H; o++) {
                double ratio = (double)h / H, length = ratio > 1 ? ratio : 1, sum = 0;
                for (int k = 0; k < FINE; k++) {
                    double at = (o + 0.5) * ratio + length * ((k + 0.5) / FINE - 0.5);
                    int pixel = at < 0 ? 0 : at >= h ? h - 1 : (int)at; /* edges go on */
                    sum += in[pixel];
                }
                if (!(fabs(out[o] - sum / FINE) <= 0.5 + 0.4))
                    fail_msg("%d to %d, pixel %d: %d, expected %g", h, H, o, out[o], sum / FINE);
            }
            nn_image_resize(grown, H, h, constant, h, H, 1);
            for (int i = 0; i < H * h; i++) same(grown[i], 77);
        }
    for (int n = 1; n <= 12; n++) { /* the same size is the same image */
        nn_image_resize(out, 1, n, in, 1, n, 1);
        same_bytes(out, in, (size_t)n, 0);
    }
}

static void grey_by_hand(void **state)
{
    (void)state;
    uint8_t p[18] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 10, 20, 30 };
    const uint8_t want[6] = { 76, 150, 29, 255, 0, 18 }; /* 2.99 + 11.74 + 3.42 = 18.15 */
    nn_image_grey(p, p, 6);
    same_bytes(p, want, 6, 0);
}

/* ---- files -------------------------------------------------------------------------------- */

static void png_goes_round(void **state)
{
    NEEDS_STB(state);
    static const int shape[][3] = { { 1, 1, 1 }, { 3, 5, 3 }, { 28, 28, 1 }, { 2, 21844, 3 } };
    static uint8_t pixels[2 * 21844 * 3];
    nn_image image;
    make_picture(pixels, (int)sizeof pixels, 1);
    for (int k = 0; k < 4; k++) {
        const int h = shape[k][0], w = shape[k][1], c = shape[k][2];
        check_ok(nn_save_image(in_folder("round.png"), pixels, h, w, c));
        check_ok(nn_load_image(&image, in_folder("round.png"), .grey = c == 1));
        same(image.height, h), same(image.width, w), same(image.channels, c);
        same_bytes(image.pixels, pixels, (size_t)h * (size_t)w * (size_t)c, 0);
        nn_image_free(&image);
    }
}

/* The bytes of a file whose checksums Python's zlib made, since stb_image.h looks at none. */
static void png_byte_by_byte(void **state)
{
    (void)state;
    const uint8_t pixels[6] = { 7, 200, 9, 0, 255, 30 };
    const uint8_t want[] = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
                             0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,
                             0x08, 0x02, 0x00, 0x00, 0x00, 0x16, 0xe3, 0x21, 0x70, 0x00, 0x00, 0x00,
                             0x02, 0x49, 0x44, 0x41, 0x54, 0x78, 0x01, 0xec, 0x1a, 0x7e, 0xd2, 0x00,
                             0x00, 0x00, 0x09, 0x49, 0x44, 0x41, 0x54, 0x00, 0x04, 0x00, 0xfb, 0xff,
                             0x00, 0x07, 0xc8, 0x09, 0xef, 0xfb, 0x62, 0x98, 0x00, 0x00, 0x00, 0x09,
                             0x49, 0x44, 0x41, 0x54, 0x01, 0x04, 0x00, 0xfb, 0xff, 0x00, 0x00, 0xff,
                             0x1e, 0xee, 0x1b, 0x45, 0xad, 0x00, 0x00, 0x00, 0x04, 0x49, 0x44, 0x41,
                             0x54, 0x07, 0x32, 0x01, 0xf6, 0x1d, 0xde, 0x88, 0x28, 0x00, 0x00, 0x00,
                             0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82 };
    char *bytes;
    size_t size;
    check_ok(nn_save_image(in_folder("two.png"), pixels, 2, 1, 3));
    check_ok(nn__read_file(nn__nowhere, "test", in_folder("two.png"), &bytes, &size));
    same(size, sizeof want);
    same_bytes((const uint8_t *)bytes, want, sizeof want, 0);
    nn__free(bytes);
}

static void what_cannot_be_saved(void **state)
{
    (void)state;
    uint8_t p[3] = { 0 };
    check_fails(nn_save_image(in_folder("no/such/x.png"), p, 1, 1, 1), NN_ERR_FILE,
                "no/such/x.png");
    check_fails(nn_save_image(NULL, p, 1, 1, 1), NN_ERR_ARGUMENT, "path");
    check_fails(nn_save_image("x.png", p, 0, 1, 1), NN_ERR_ARGUMENT, "(0, 1, 1)");
    check_fails(nn_save_image("x.png", p, 1, 1, 2), NN_ERR_ARGUMENT, "1 or 3");
    check_fails(nn_save_image("x.png", p, 1, 21845, 3), NN_ERR_ARGUMENT, "65534");
    if (access("/dev/full", W_OK) == 0)
        check_fails(nn_save_image("/dev/full", p, 1, 1, 1), NN_ERR_FILE, "/dev/full");
}

#ifdef NN_USE_STB_IMAGE
static void kinds_of_files(void **state)
{
    (void)state;
    uint8_t png[2000], smooth[16 * 24 * 3];
    nn_image image;
    for (int i = 0; i < 16 * 24; i++) {
        smooth[3 * i] = (uint8_t)(5 * (i % 24) + 60), smooth[3 * i + 1] = (uint8_t)(8 * (i / 24));
        smooth[3 * i + 2] = 200;
    }
    assert_true(stbi_write_jpg(in_folder("x.jpg"), 24, 16, 3, smooth, 95));
    assert_true(stbi_write_bmp(in_folder("x.bmp"), 24, 16, 3, smooth));
    check_ok(nn_load_image(&image, in_folder("x.jpg")));
    same(image.height, 16), same(image.width, 24);
    same_bytes(image.pixels, smooth, sizeof smooth, 12);
    nn_image_free(&image);
    check_ok(nn_load_image(&image, in_folder("x.bmp")));
    same_bytes(image.pixels, smooth, sizeof smooth, 0);
    nn_image_free(&image);
    nn_image_free(&image), nn_image_free(NULL); /* no harm */
    /* red, green, blue, alpha: over white */
    const uint8_t rgba[1 + 16] = { 0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 51, 255, 0, 0, 128 };
    const uint8_t over[12] = { 10, 20, 30, 255, 255, 255, 204, 204, 204, 255, 127, 127 };
    size_t n = make_png(png, 4, 1, 8, 6, rgba, sizeof rgba);
    check_ok(nn_load_image(&image, .bytes = png, .size = n));
    same(image.channels, 3);
    same_bytes(image.pixels, over, 12, 0);
    nn_image_free(&image);
    /* 16 bits grey; grey asked for */
    const uint8_t deep[2 * 5] = { 0, 0x12, 0xff, 0, 0, 0, 0xff, 0xff, 0x80, 0 };
    const uint8_t shallow[4] = { 0x12, 0, 0xff, 0x80 };
    n = make_png(png, 2, 2, 16, 0, deep, sizeof deep);
    check_ok(nn_load_image(&image, .bytes = png, .size = n, .grey = true));
    same(image.channels, 1), same(image.height, 2);
    same_bytes(image.pixels, shallow, 4, 0);
    nn_image_free(&image);
}

static void image_arguments(void **state)
{
    (void)state;
    nn_image image;
    check_fails(nn_load_image(NULL, in_folder("s.png")), NN_ERR_ARGUMENT, "&image");
    check_fails(nn_load_image(&image, NULL), NN_ERR_ARGUMENT, "path is NULL");
    check_fails(nn_load_image(&image, "x", .max_pixels = NAN), NN_ERR_ARGUMENT, "max_pixels");
    check_fails(nn_load_image(&image, "x", .max_pixels = -1), NN_ERR_ARGUMENT, "-1");
    assert_null(image.pixels);
}

/* Counts what is taken, to see that a small file cannot ask for much. */
static check_memory memory;
static void count_memory(void)
{
    nn_allocator counted = { check_allocate, check_release, &memory };
    memset(&memory, 0, sizeof memory);
    memory.fail_at = -1;
    nn_set_allocator(&counted);
}

static size_t largest_block;
static void *allocate_and_look(void *user, size_t bytes)
{
    if (bytes > largest_block) largest_block = bytes;
    return check_allocate(user, bytes);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    nn_image image;
    static uint8_t png[70000], raw[60000];
    const nn_allocator looked = { allocate_and_look, check_release, &memory };
    count_memory();
    nn_set_allocator(&looked);
    largest_block = 0;
    check_fails(nn_load_image(&image, in_folder("none.png")), NN_ERR_FILE, "none.png");
    check_fails(nn_load_image(&image, folder), NN_ERR_FILE, folder);
    write_file("empty.png", "", 0);
    check_fails(nn_load_image(&image, in_folder("empty.png")), NN_ERR_FORMAT,
                "empty.png' is empty");
    write_file("text.png", "not an image at all", 19);
    check_fails(nn_load_image(&image, in_folder("text.png")), NN_ERR_FORMAT, "text.png");
    /* its header alone says 20,000 x 20,000; nothing is decoded */
    size_t n = make_png(png, 20000, 20000, 8, 2, raw, 5);
    write_file("large.png", png, n);
    check_fails(nn_load_image(&image, in_folder("large.png")), NN_ERR_FORMAT,
                "large.png' has 20000 x 20000 pixels");
    check_fails(nn_load_image(&image, .bytes = png, .size = n, .max_pixels = 399999999),
                NN_ERR_FORMAT, "raise .max_pixels");
    assert_true(largest_block < 200000);
    /* 10 x 10 pixels allowed, 10 x 11 not */
    make_png(png, 10, 11, 8, 0, raw, 121);
    check_fails(nn_load_image(&image, .bytes = png, .size = n, .max_pixels = 109), NN_ERR_FORMAT,
                "10 x 11");
    n = make_png(png, 10, 11, 8, 0, raw, 121);
    check_ok(nn_load_image(&image, .bytes = png, .size = n, .max_pixels = 110));
    nn_image_free(&image);
    /* a chunk that says it is a gigabyte long must not be believed */
    nn__put32(png + 33, 0x3fffffff);
    check_fails(nn_load_image(&image, .bytes = png, .size = n), NN_ERR_FORMAT, "not a sound");
    assert_true(largest_block < (1u << 25));
    /* two pixels in ten thousand rows' worth of data */
    n = make_png(png, 2, 1, 8, 0, raw, 3);
    check_fails(nn_load_image(&image, .bytes = png, .size = n - 30), NN_ERR_FORMAT, "not a sound");
    same(memory.alive, 0);
    nn_set_allocator(NULL);
}

/* A megabyte of packed zeros for an image of one pixel: 4 GB if it were unpacked. */
static void zeros_packed_well(void **state)
{
    (void)state;
    nn_image image;
    const size_t packed = 100000;
    uint8_t *png = (uint8_t *)calloc(1, packed + 100);
    const nn_allocator looked = { allocate_and_look, check_release, &memory };
    assert_non_null(png);
    size_t n = make_png(png, 1, 1, 8, 0, (const uint8_t *)"\0\0", 2);
    (void)n;
    /* fixed Huffman codes: a literal 0 (00110000), then copies of 258 at distance 1, 13 bits each:
       length code 285 = 11000101, distance code 0 = 00000 */
    nn__put32(png + 33, (uint32_t)packed);
    uint8_t *z = png + 41;
    memset(z, 0, packed);
    z[0] = 0x78, z[1] = 1;
    size_t bit = 16;
#define PUT(b) z[bit / 8] = (uint8_t)(z[bit / 8] | (b) << bit % 8), bit++
    PUT(1), PUT(1), PUT(0);
    for (int k = 7; k >= 0; k--) PUT(0x30 >> k & 1);
    while (bit + 13 < 8 * packed) {
        for (int k = 7; k >= 0; k--) PUT(0xc5 >> k & 1);
        bit += 5;
    }
#undef PUT
    memcpy(z + packed + 4, "\0\0\0\0IEND", 8);
    count_memory();
    nn_set_allocator(&looked);
    largest_block = 0;
    check_fails(nn_load_image(&image, .bytes = png, .size = packed + 57), NN_ERR_FORMAT,
                "not a sound");
    assert_true(largest_block < (1u << 25));
    assert_true(largest_block > 4000000); /* it did begin to unpack */
    same(memory.alive, 0);
    nn_set_allocator(NULL);
    free(png);
}

/* An image or an error with a sentence; whether it is an image. */
static bool read_damaged(const char *name, size_t at, const uint8_t *bytes, size_t n)
{
    nn_image image;
    nn_status status = nn_load_image(&image, .bytes = bytes, .size = n, .max_pixels = 10000);
    if (status && (image.pixels || strncmp(nn_last_error(), __FILE__, 5)))
        fail_msg("%s, byte %zu: %s", name, at, nn_last_error());
    if (!status && !image.pixels) fail_msg("%s, byte %zu: no image", name, at);
    nn_image_free(&image);
    return !status;
}

/* Of an image whose data begins with an empty chunk, which is allowed, stb_image copies 0 bytes to
   NULL: harmless, but the sanitizer ends the program. */
static bool sanitizer_minds(const char *name, const uint8_t *bytes)
{
#ifdef __SANITIZE_ADDRESS__
    return !strcmp(name, "d.png") && !memcmp(bytes + 33, "\0\0\0\0IDAT", 8);
#else
    return (void)name, (void)bytes, false;
#endif
}

/* Every beginning of a file, and every byte of it at every value, under the sanitizer, which takes
   twenty times as long, at each sixteenth; no leak. */
static void damaged_files(void **state)
{
    (void)state;
    static const char *const name[] = { "d.png", "d.jpg", "d.bmp" };
    uint8_t pixels[9 * 7 * 3];
    long images = 0, all = 0;
#ifdef __SANITIZE_ADDRESS__
    const int step = 16;
#else
    const int step = 1;
#endif
    make_picture(pixels, sizeof pixels, 9);
    check_ok(nn_save_image(in_folder("d.png"), pixels, 7, 9, 3));
    assert_true(stbi_write_jpg(in_folder("d.jpg"), 9, 7, 3, pixels, 90));
    assert_true(stbi_write_bmp(in_folder("d.bmp"), 9, 7, 3, pixels));
    count_memory();
    for (int k = 0; k < 3; k++) {
        char *file;
        size_t size;
        check_ok(nn__read_file(nn__nowhere, "test", in_folder(name[k]), &file, &size));
        assert_true(size < 4096);
        for (size_t n = 0; n < size; n++, all++) {
            uint8_t *exact = (uint8_t *)malloc(n ? n : 1); /* for the sanitizer */
            assert_non_null(exact);
            memcpy(exact, file, n);
            images += read_damaged(name[k], n, exact, n);
            free(exact);
        }
        uint8_t *bytes = (uint8_t *)malloc(size);
        assert_non_null(bytes);
        memcpy(bytes, file, size);
        for (size_t at = 0; at < size; bytes[at] = (uint8_t)file[at], at++)
            for (int value = (int)at % step; value < 256; value += step, all++) {
                bytes[at] = (uint8_t)value;
                if (!sanitizer_minds(name[k], bytes))
                    images += read_damaged(name[k], at, bytes, size);
            }
        nn__free(file), free(bytes);
    }
    same(memory.alive, 0);
    nn_set_allocator(NULL);
    assert_true(images > 100 && all - images > 1000);
}

/* Tables of a JPEG for which stb_image 2.27 has no room; the same with one code less is another
   error. And a BMP that begins at the top. */
static void what_stb_image_overruns(void **state)
{
    (void)state;
    nn_image image;
    uint8_t jpeg[700] = { 0xff, 0xd8, 0xff, 0xc4, 2, 0x90 };
    memset(jpeg + 7, 20, 12), jpeg[19] = 17; /* 257 codes */
    check_fails(nn_load_image(&image, .bytes = jpeg, .size = sizeof jpeg), NN_ERR_FORMAT, "tables");
    jpeg[19] = 16;
    check_fails(nn_load_image(&image, .bytes = jpeg, .size = sizeof jpeg), NN_ERR_FORMAT, "sound");
    jpeg[4] = 0, jpeg[5] = 5, jpeg[19] = 17; /* a length that ends inside of the counts */
    check_fails(nn_load_image(&image, .bytes = jpeg, .size = sizeof jpeg), NN_ERR_FORMAT, "tables");
    uint8_t frame[] = { 0xff, 0xd8, 0xff, 0xc0, 0, 14,   8, 0, 8, 0, 8,
                        2,    1,    0x22, 0,    2, 0x32, 0, 0, 0, 0 };
    check_fails(nn_load_image(&image, .bytes = frame, .size = sizeof frame), NN_ERR_FORMAT,
                "tables");
    frame[16] = 0x12;
    check_fails(nn_load_image(&image, .bytes = frame, .size = sizeof frame), NN_ERR_FORMAT,
                "sound");
    const uint8_t bmp[] = { 'B', 'M', 62, 0, 0, 0, 0,    0,    0,    0,    54, 0, 0,  0, 40, 0,
                            0,   0,   1,  0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 1,  0, 24, 0, 0,  0,
                            0,   0,   8,  0, 0, 0, 0,    0,    0,    0,    0,  0, 0,  0, 0,  0,
                            0,   0,   0,  0, 0, 0, 1,    2,    3,    0,    4,  5, 6,  0 };
    const uint8_t want[] = { 3, 2, 1, 6, 5, 4 };
    check_fails(nn_load_image(&image, .bytes = bmp, .size = sizeof bmp, .max_pixels = 1),
                NN_ERR_FORMAT, "1 x 2 pixels");
    check_ok(nn_load_image(&image, .bytes = bmp, .size = sizeof bmp));
    same(image.height, 2), same(image.width, 1);
    same_bytes(image.pixels, want, 6, 0);
    nn_image_free(&image);
}

/* ---- folders ------------------------------------------------------------------------------ */

static void make_classes(void)
{
    static const char *const name[] = { "set", "set/b", "set/b-c", "set/a", "set/.hidden" };
    static const char *const file[] = { "set/b/2.png", "set/b/10.PNG", "set/a/z.png",
                                        "set/b-c/q.png", "set/b/.x.png" };
    uint8_t pixels[6];
    for (int k = 0; k < 5; k++) make_folder(name[k]);
    for (int k = 0; k < 5; k++) {
        memset(pixels, 10 * k + 10, 6);
        check_ok(nn_save_image(in_folder(file[k]), pixels, 2, 3, 1));
    }
    write_file("set/README.txt", "text", 4);
    write_file("set/b/notes.txt", "text", 4);
    write_file("set/b/Thumbs.db", "text", 4);
}

static void a_folder(void **state)
{
    (void)state;
    nn_data d;
    const int label[4] = { 0, 1, 1, 2 }, value[4] = { 30, 20, 10, 40 };
    make_classes();
    check_ok(nn_load_images(&d, in_folder("set"), .grey = true));
    same(d.n, 4), same(d.classes, 3), same(d.inputs, 1);
    same(d.x[0].type, NN_BYTE), same(d.x[0].rank, 3), same(d.x[0].size, 6);
    same(d.x[0].dim[0], 2), same(d.x[0].dim[1], 3), same(d.x[0].dim[2], 1);
    assert_string_equal(d.class_name[0], "a");
    assert_string_equal(d.class_name[1], "b");
    assert_string_equal(d.class_name[2], "b-c");
    for (int i = 0; i < 4; i++) {
        same(nn_data_label(&d, i), label[i]);
        same(((uint8_t *)d.x[0].values)[6 * i], value[i]);
        check_close(nn_data_value(&d, 0, i, 5), value[i] / 255.0, 1e-7);
    }
    nn_data_free(&d);
    check_ok(nn_load_images(&d, in_folder("set"), .height = 4, .width = 5));
    same(d.x[0].size, 60);
    same(((uint8_t *)d.x[0].values)[59], 30);
    nn_data_free(&d);
}

static void endings_of_images(void **state)
{
    (void)state;
    nn_data d;
    const uint8_t pixels[12] = { 0 };
    make_folder("endings"), make_folder("endings/a");
    assert_true(stbi_write_jpg(in_folder("endings/a/1.jpg"), 2, 2, 3, pixels, 90));
    assert_true(stbi_write_jpg(in_folder("endings/a/2.JPEG"), 2, 2, 3, pixels, 90));
    assert_true(stbi_write_bmp(in_folder("endings/a/3.bmp"), 2, 2, 3, pixels));
    write_file("endings/a/4.gif", "GIF89a", 6);
    write_file("endings/a/png", "no ending", 9);
    check_ok(nn_load_images(&d, in_folder("endings")));
    same(d.n, 3);
    nn_data_free(&d);
}

static void folders_that_cannot_be_read(void **state)
{
    (void)state;
    nn_data d;
    const uint8_t pixels[12] = { 0 };
    uint8_t png[200] = { 0 };
    make_classes();
    count_memory();
#define FAILS(path, want, words)                                                                   \
    check_fails(nn_load_images(&d, path), want, words);                                            \
    same(d.status, want), same(d.n, 0), same(memory.alive, 0)
    FAILS(in_folder("no"), NN_ERR_FILE, "cannot list the folder");
    FAILS(in_folder("no"), NN_ERR_FILE, in_folder("no"));
    FAILS(in_folder("set/a/z.png"), NN_ERR_FILE, "z.png");
    FAILS(in_folder("set/a"), NN_ERR_DATA, "has no folders in it");
    FAILS(NULL, NN_ERR_ARGUMENT, "path is NULL");
    unreadable = "set/b";
    FAILS(in_folder("set"), NN_ERR_FILE, "set/b': Permission denied");
    unreadable = NULL;
    make_folder("set/empty");
    FAILS(in_folder("set"), NN_ERR_DATA, "the class '");
    FAILS(in_folder("set"), NN_ERR_DATA, "set/empty' has no images");
    rmdir(in_folder("set/empty"));
    check_ok(nn_save_image(in_folder("set/b/7.png"), pixels, 3, 4, 1));
    FAILS(in_folder("set"), NN_ERR_DATA, "set/b/7.png' is 4 x 3");
    write_file("set/b/7.png", "broken", 6);
    FAILS(in_folder("set"), NN_ERR_FORMAT, "set/b/7.png' is not a sound PNG");
    write_file("set/b/7.png", png, make_png(png, 20000, 20000, 8, 2, pixels, 5));
    FAILS(in_folder("set"), NN_ERR_FORMAT, "set/b/7.png' has 20000 x 20000 pixels");
    remove(in_folder("set/b/7.png"));
    same(nn_load_images(NULL, in_folder("set")), NN_ERR_ARGUMENT);
    nn_status first = nn_load_images(&d, in_folder("no")); /* a later call passes it on */
    same(nn_standardise(&d), first);
    nn_set_allocator(NULL);
}

static nn_status load_all(void *user)
{
    nn_data d;
    nn_image image;
    (void)user;
    nn_status status = nn_load_images(&d, in_folder("set"), .height = 3, .width = 3, .grey = true);
    nn_data_free(&d);
    if (!status) status = nn_load_image(&image, in_folder("x.jpg"));
    if (!status) nn_image_free(&image);
    if (!status) status = nn_load_image(&image, in_folder("x.bmp"));
    if (!status) nn_image_free(&image);
    return status;
}

static void files_without_memory(void **state)
{
    uint8_t pixels[40 * 40 * 3];
    make_picture(pixels, sizeof pixels, 4);
    make_classes();
    kinds_of_files(state);
    assert_true(stbi_write_jpg(in_folder("x.jpg"), 40, 40, 3, pixels, 90));
    check_every_allocation(load_all, NULL);
}
#else
#define image_arguments skip_without_stb
#define kinds_of_files skip_without_stb
#define files_that_cannot_be_read skip_without_stb
#define zeros_packed_well skip_without_stb
#define what_stb_image_overruns skip_without_stb
#define damaged_files skip_without_stb
#define a_folder skip_without_stb
#define endings_of_images skip_without_stb
#define folders_that_cannot_be_read skip_without_stb
#define files_without_memory skip_without_stb
#endif

/* ---- augmenting --------------------------------------------------------------------------- */

enum { S = 21, RUNS = 400 };

/* Two ramps as channels, which say where each number came from: 100 + row, 100 + column. */
static void ramps(nn_real *x)
{
    for (int i = 0; i < S; i++)
        for (int j = 0; j < S; j++)
            x[(i * S + j) * 2] = (nn_real)(100 + i), x[(i * S + j) * 2 + 1] = (nn_real)(100 + j);
}

static void augment_nothing(void **state)
{
    (void)state;
    nn_augment none = { 0, 0, 0, 0, false };
    nn_real x[S * S * 2], y[S * S * 2];
    nn_random random = nn_random_seed(1);
    ramps(x);
    nn_image_augment(y, x, S, S, 2, &none, &random);
    check_all_close(y, x, S * S * 2, 1e-6);
}

/* From the ramps: where the centre came from, and how the image turned and grew. */
typedef struct seen {
    double down, right, angle, size;
    bool flipped;
} seen;

static seen look(const nn_augment *how, uint64_t seed)
{
    nn_real x[S * S * 2], y[S * S * 2];
    nn_random random = nn_random_seed(seed);
    ramps(x);
    nn_image_augment(y, x, S, S, 2, how, &random);
    const nn_real *centre = y + (S / 2 * S + S / 2) * 2;
    seen s;
    s.down = 100 + S / 2 - (double)centre[0], s.right = 100 + S / 2 - (double)centre[1];
    double row_by_row = (double)(centre[2 * S] - centre[0]);
    double row_by_column = (double)(centre[2] - centre[0]);
    double column_by_column = (double)(centre[3] - centre[1]);
    s.size = 1 / hypot(row_by_row, row_by_column);
    s.angle = atan2(-row_by_column, row_by_row) * 57.29577951308232;
    s.flipped = column_by_column < 0;
    return s;
}

/* Each option: its range is filled and not left, and nothing else happens. */
static void augment_one_at_a_time(void **state)
{
    (void)state;
    double low[4] = { 99, 99, 99, 99 }, high[4] = { -99, -99, -99, -99 };
    int flips = 0;
    const nn_augment shift = { 3, 0, 0, 0, false }, rotate = { 0, 30, 0, 0, false },
                     scale = { 0, 0, 0.2, 0, false }, flip = { 0, 0, 0, 0, true };
    for (uint64_t k = 0; k < RUNS; k++) {
        seen a = look(&shift, k), b = look(&rotate, k), c = look(&scale, k), d = look(&flip, k);
        const double value[4] = { a.down, a.right, b.angle, c.size };
        for (int i = 0; i < 4; i++)
            low[i] = fmin(low[i], value[i]), high[i] = fmax(high[i], value[i]);
        check_close(a.angle, 0, 1e-3), check_close(a.size, 1, 1e-4);
        check_close(b.down, 0, 1e-3), check_close(b.right, 0, 1e-3), check_close(b.size, 1, 1e-3);
        check_close(c.down, 0, 1e-3), check_close(c.angle, 0, 1e-2);
        check_close(d.down, 0, 1e-3), check_close(d.angle, 0, 1e-2), check_close(d.size, 1, 1e-4);
        assert_false(a.flipped || b.flipped || c.flipped);
        flips += d.flipped;
    }
    const double want_low[4] = { -3, -3, -30, 0.8 }, want_high[4] = { 3, 3, 30, 1.2 };
    for (int i = 0; i < 4; i++) {
        double width = want_high[i] - want_low[i];
        assert_true(low[i] >= want_low[i] - 1e-3 * width && low[i] < want_low[i] + 0.05 * width);
        assert_true(high[i] <= want_high[i] + 1e-3 * width &&
                    high[i] > want_high[i] - 0.05 * width);
    }
    assert_true(flips > RUNS / 2 - 50 && flips < RUNS / 2 + 50);
}

static void augment_mirror_and_edges(void **state)
{
    (void)state;
    nn_real x[4 * 6], y[4 * 6];
    const nn_augment flip = { 0, 0, 0, 0, true }, far = { 100, 0, 0, 0, false };
    for (int i = 0; i < 24; i++) x[i] = (nn_real)i;
    int mirrored = 0;
    for (uint64_t k = 0; k < 20; k++) {
        nn_random random = nn_random_seed(k);
        nn_image_augment(y, x, 4, 6, 1, &flip, &random);
        bool same_side = y[0] < y[1];
        for (int i = 0; i < 24; i++) check_close(y[i], same_side ? i : i / 6 * 6 + 5 - i % 6, 1e-4);
        mirrored += !same_side;
        random = nn_random_seed(k); /* far outside: the edge goes on */
        nn_image_augment(y, x, 4, 6, 1, &far, &random);
        for (int i = 0; i < 24; i++) assert_true(y[i] >= 0 && y[i] <= 23);
    }
    assert_true(mirrored > 3 && mirrored < 17);
}

static void augment_noise(void **state)
{
    (void)state;
    enum { N = 100 };
    static nn_real x[N * N], y[N * N];
    const nn_augment noise = { 0, 0, 0, 0.25, false };
    double sum = 0, squares = 0, fourth = 0;
    nn_random random = nn_random_seed(3);
    nn_image_augment(y, x, N, N, 1, &noise, &random);
    for (int i = 0; i < N * N; i++) sum += (double)y[i];
    for (int i = 0; i < N * N; i++) squares += pow((double)y[i], 2), fourth += pow((double)y[i], 4);
    check_close(sum / N / N, 0, 0.01);
    check_close(sqrt(squares / N / N), 0.25, 0.005);
    check_close(fourth * N * N / squares / squares, 2.7, 0.15); /* four uniform ones; a normal: 3 */
}

/* ---- augmenting in training --------------------------------------------------------------- */

enum { ROWS = 40, SIDE = 8, SIZE = SIDE * SIDE };

static uint8_t rows[ROWS * SIZE];
static int labels[ROWS];

static void make_rows(nn_data *d)
{
    make_picture(rows, ROWS * SIZE, 7);
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i % 2;
        memset(rows + i * SIZE, i % 2 ? 200 : 20, SIZE / 2);
    }
    check_ok(nn_data_from(d, rows, ROWS, { SIDE, SIDE, 1 }, .type = NN_BYTE, .labels = labels));
}

static nn_model *make_model(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *x = nn_input(m, SIZE, .name = "picture");
    check_ok(
        nn_compile(m, nn_dense(x, 2, .activation = NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY));
    return m;
}

/* What the network saw in each epoch, by sample; summed with the bits of the weights. */
typedef struct diary {
    nn_real seen[3][ROWS][SIZE];
    int times[3][ROWS];
} diary;

static int write_diary(nn_model *m, void *user)
{
    diary *d = (diary *)user;
    const nn_real *x = m->run->input[0]->value;
    for (int b = 0; b < m->batch; b++) {
        int row = m->run->sample[b];
        memcpy(d->seen[m->epoch - 1][row], x + b * SIZE, SIZE * sizeof *x);
        d->times[m->epoch - 1][row]++;
    }
    return 0;
}

static diary *keep_diary(const nn_data *d, uint64_t seed, int batch_size, bool no_shuffle,
                         nn_augment augment, double part)
{
    diary *kept = (diary *)calloc(1, sizeof *kept);
    nn_model *m = make_model(seed);
    assert_non_null(kept);
    check_ok(nn_fit(m, d, .epochs = 3, .batch_size = batch_size, .no_shuffle = no_shuffle,
                    .augment = augment, .validation_fraction = part, .on_batch = write_diary,
                    .user = kept, .quiet = true));
    nn_model_free(m);
    return kept;
}

static void keyed_by_seed_epoch_and_sample(void **state)
{
    (void)state;
    nn_data d;
    const nn_augment how = { 2, 20, 0.1, 0.05, true }, none = { 0, 0, 0, 0, false };
    make_rows(&d);
    diary *plain = keep_diary(&d, 1, 7, false, none, 0), *a = keep_diary(&d, 1, 7, false, how, 0);
    diary *b = keep_diary(&d, 1, 40, true, how, 0), *c = keep_diary(&d, 1, 1, false, how, 0);
    diary *other = keep_diary(&d, 2, 7, false, how, 0),
          *part = keep_diary(&d, 1, 7, false, how, 0.5);
    for (int e = 0; e < 3; e++)
        for (int i = 0; i < ROWS; i++) {
            same(a->times[e][i], 1);
            for (int k = 0; k < SIZE; k++)
                check_close(plain->seen[e][i][k], rows[i * SIZE + k] / 255.0, 1e-6);
            assert_memory_not_equal(a->seen[e][i], plain->seen[e][i], sizeof a->seen[e][i]);
            assert_memory_equal(a->seen[e][i], b->seen[e][i], sizeof a->seen[e][i]);
            assert_memory_equal(a->seen[e][i], c->seen[e][i], sizeof a->seen[e][i]);
            assert_memory_not_equal(a->seen[e][i], other->seen[e][i], sizeof a->seen[e][i]);
            if (e) assert_memory_not_equal(a->seen[e][i], a->seen[e - 1][i], sizeof a->seen[e][i]);
            if (i < ROWS / 2)
                assert_memory_equal(a->seen[e][i], part->seen[e][i], sizeof a->seen[e][i]);
        }
    free(plain), free(a), free(b), free(c), free(other), free(part);
    nn_data_free(&d);
}

#ifdef _OPENMP
static void the_same_for_any_threads(void **state)
{
    (void)state;
    nn_data d;
    nn_real first[2 * SIZE];
    make_rows(&d);
    for (int threads = 1; threads <= 5; threads++) {
        omp_set_num_threads(threads);
        nn_model *m = make_model(1);
        check_ok(nn_fit(m, &d, .epochs = 3, .batch_size = 11, .quiet = true,
                        .augment = { .shift = 1, .rotate = 9, .noise = 0.1 }));
        if (threads == 1) memcpy(first, nn_parameter_at(m, 0)->value, sizeof first);
        assert_memory_equal(first, nn_parameter_at(m, 0)->value, sizeof first);
        nn_model_free(m);
    }
    nn_data_free(&d);
}
#endif

/* What evaluation says in nn_fit and after it is said about the plain images. */
static void only_in_training(void **state)
{
    (void)state;
    nn_data d, plain;
    nn_real y[ROWS * 2], want[ROWS * 2];
    make_rows(&d), make_rows(&plain);
    nn_model *m = make_model(1);
    check_ok(nn_fit(m, &d, .epochs = 2, .validation = &plain, .quiet = true,
                    .augment = { .shift = 3, .rotate = 45, .noise = 0.5, .flip = true }));
    nn_metrics r = nn_evaluate(m, &d);
    check_close(m->history.epoch[1].val_loss, r.loss, 0);
    assert_true(fabs(m->history.epoch[1].loss - r.loss) > 0.01);
    check_ok(nn_predict_data(m, y, &d));
    const nn_real *w = nn_parameter_at(m, 0)->value, *b = nn_parameter_at(m, 1)->value;
    for (int i = 0; i < ROWS; i++) { /* by hand, from the bytes */
        double z[2];
        for (int u = 0; u < 2; u++) {
            z[u] = (double)b[u];
            for (int k = 0; k < SIZE; k++)
                z[u] += (double)w[u * SIZE + k] * rows[i * SIZE + k] / 255;
        }
        want[2 * i] = (nn_real)(1 / (1 + exp(z[1] - z[0]))), want[2 * i + 1] = 1 - want[2 * i];
    }
    check_all_close(y, want, ROWS * 2, 1e-4);
    check_ok(nn_feed(m, &d, NULL, ROWS));
    check_close(m->run->input[0]->value[9], rows[9] / 255.0, 1e-6);
    nn_model_free(m), nn_data_free(&d), nn_data_free(&plain);
}

static void augment_errors(void **state)
{
    (void)state;
    nn_data d, flat;
    nn_real x[8] = { 0 };
    const int two[2] = { 0, 1 };
    make_rows(&d);
    nn_model *m = make_model(1);
#define REFUSED(...)                                                                               \
    check_fails(nn_fit(m, &d, .quiet = true, .augment = { __VA_ARGS__ }), NN_ERR_ARGUMENT,         \
                "augment")
    REFUSED(.shift = -1);
    REFUSED(.rotate = 361);
    REFUSED(.scale = 1);
    REFUSED(.noise = NAN);
    REFUSED(.shift = INFINITY);
    same(m->updates, 0);
    check_ok(nn_fit(m, &d, .quiet = true, .augment = { .scale = 0.5 }));
    check_ok(nn_data_from(&flat, x, 2, { 4 }, .labels = two));
    nn_model *k = nn_model_new();
    check_ok(nn_compile(k, nn_dense(nn_input(k, 4), 2, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY));
    check_fails(nn_fit(k, &flat, .quiet = true, .augment = { .flip = true }), NN_ERR_SHAPE,
                "(height, width, channels)");
    nn_model_free(m), nn_model_free(k), nn_data_free(&d), nn_data_free(&flat);
}

static nn_status fit_augmented(void *user)
{
    nn_data d;
    (void)user;
    nn_status status =
        nn_data_from(&d, rows, ROWS, { SIDE, SIDE, 1 }, .type = NN_BYTE, .labels = labels);
    nn_model *m = nn_model_new();
    nn_tensor *y = nn_dense(nn_input(m, SIZE), 2, .activation = NN_SOFTMAX);
    if (!status) status = nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY);
    if (!status)
        status = nn_fit(m, &d, .epochs = 2, .quiet = true, .augment = { .shift = 1, .noise = 0.1 });
    nn_model_free(m), nn_data_free(&d);
    return status;
}

static void augment_without_memory(void **state)
{
    nn_data d;
    (void)state;
    make_rows(&d), nn_data_free(&d);
    check_every_allocation(fit_augmented, NULL);
}

/* ---- the list ----------------------------------------------------------------------------- */

static int begin(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    strcpy(folder, "/tmp/nn_images_XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int end(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_by_hand),
        cmocka_unit_test(resize_every_size),
        cmocka_unit_test(grey_by_hand),
        cmocka_unit_test(png_goes_round),
        cmocka_unit_test(png_byte_by_byte),
        cmocka_unit_test(what_cannot_be_saved),
        cmocka_unit_test(kinds_of_files),
        cmocka_unit_test(image_arguments),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(zeros_packed_well),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(what_stb_image_overruns),
        cmocka_unit_test(a_folder),
        cmocka_unit_test(endings_of_images),
        cmocka_unit_test(folders_that_cannot_be_read),
        cmocka_unit_test(files_without_memory),
        cmocka_unit_test(augment_nothing),
        cmocka_unit_test(augment_one_at_a_time),
        cmocka_unit_test(augment_mirror_and_edges),
        cmocka_unit_test(augment_noise),
        cmocka_unit_test(keyed_by_seed_epoch_and_sample),
#ifdef _OPENMP
        cmocka_unit_test(the_same_for_any_threads),
#endif
        cmocka_unit_test(only_in_training),
        cmocka_unit_test(augment_errors),
        cmocka_unit_test(augment_without_memory),
    };
    return cmocka_run_group_tests_name(">>data/images", tests, begin, end);
}
