/* Tests of chapter 12's program: photos that the test draws, in poor light, with noise, turned, with
   a thin pen, with chalk, as a JPEG; photos that cannot be read; and a network that reads them.
     cc tests/test_handwriting.c -lcmocka -lm && ./a.out     from the root, after 'make digits' */

#define main program_main
#include "../chapters/12_own_handwriting/main.c"
#undef main
#include "check.h"

#ifdef NN_USE_STB_IMAGE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wattributes"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define static static __attribute__((no_sanitize_undefined)) /* its JPEG writer shifts bits out */
#if __has_include("stb_image_write.h")
#include "stb_image_write.h"
#else
#include <stb/stb_image_write.h>
#endif
#undef static
#pragma GCC diagnostic pop
#endif

enum { ROWS = 240, COLS = 320 };

static reading r;
static unsigned char sheet[ROWS * COLS * 3];

/* Plain, then one difficulty after the other, then all at once. */
static const photo_sheet kinds[] = {
    { .size = 0.7, .pen = 0.10 },
    { .size = 0.7, .pen = 0.10, .shadow = 0.7 },
    { .size = 0.7, .pen = 0.10, .noise = 12 },
    { .size = 0.7, .pen = 0.10, .turn = 12 },
    { .size = 0.7, .pen = 0.025 },
    { .size = 0.35, .pen = 0.10, .x = 0.3, .y = 0.65 },
    { .size = 0.7, .pen = 0.10, .chalk = true, .shadow = 0.4, .noise = 5 },
    { .size = 0.5, .pen = 0.05, .shadow = 0.6, .noise = 8, .turn = -8, .x = 0.6 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static nn_image draw(const photo_sheet *kind, int digit, uint64_t seed)
{
    photo_sheet p = *kind;
    p.digit = digit, p.seed = seed, p.height = ROWS, p.width = COLS;
    photo_draw(sheet, &p, true);
    return (nn_image){ ROWS, COLS, 3, sheet };
}

/* ---- preparing ---- */

/* MNIST's rules: the longer side is 20, the centre of mass is in the middle, ink is white. */
static void check_rules(const char *what)
{
    double sum = 0, down = 0, right = 0;
    int brightest = 0, top = 99, bottom = -1, left = 99, last = -1;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            const int v = r.digit[i * SIDE + j];
            sum += v, down += v * (i + 0.5), right += v * (j + 0.5);
            brightest = larger(brightest, v);
            if (v > 10) top = smaller(top, i), bottom = larger(bottom, i);
            if (v > 10) left = smaller(left, j), last = larger(last, j);
        }
    const int length = larger(bottom - top, last - left) + 1;
    if (brightest != 255 || length < 19 || length > 20 || !(fabs(down / sum - 14) <= 0.501) ||
        !(fabs(right / sum - 14) <= 0.501))
        fail_msg("%s: brightest %d, length %d, centre of mass %g, %g", what, brightest, length,
                 down / sum, right / sum);
    if (!(sum > 255 * 25 && sum < 255 * 200)) fail_msg("%s: ink of %g pixels", what, sum / 255);
}

static double likeness(const unsigned char *a, const unsigned char *b) /* their correlation */
{
    double s[5] = { 0 };
    for (int i = 0; i < PIXELS; i++)
        s[0] += a[i], s[1] += b[i], s[2] += a[i] * a[i], s[3] += b[i] * b[i], s[4] += a[i] * b[i];
    return (s[4] - s[0] * s[1] / PIXELS) /
           sqrt((s[2] - s[0] * s[0] / PIXELS) * (s[3] - s[1] * s[1] / PIXELS));
}

/* Whatever the light and the pen, the same digit comes out. */
static void every_digit_in_every_light(void **state)
{
    (void)state;
    unsigned char plain[PIXELS];
    char what[80];
    for (int digit = 0; digit < 10; digit++)
        for (int k = 0; k < KINDS; k++) {
            nn_image image = draw(&kinds[k], digit, (uint64_t)digit);
            snprintf(what, sizeof what, "a %d, kind %d", digit, k);
            if (!prepare(&r, &image)) fail_msg("%s: %s", what, r.problem);
            check_rules(what);
            if (k == 0) memcpy(plain, r.digit, PIXELS);
            const double least = kinds[k].turn != 0 ? 0.4 : 0.75;
            if (!(likeness(plain, r.digit) >= least))
                fail_msg("%s: likeness %.3f to the plain one", what, likeness(plain, r.digit));
        }
}

static void a_five_keeps_its_roof(void **state)
{
    (void)state;
    nn_image image = draw(&kinds[0], 5, 1);
    for (int i = 30; i < 60; i++) /* a gap between the roof and the rest */
        for (int j = 0; j < COLS; j++)
            if (i > 52) memcpy(sheet + 3 * (i * COLS + j), sheet, 3);
    assert_true(prepare(&r, &image));
    assert_true(r.top < 52 && r.top + r.rows > 180);
}

/* Digits that are in MNIST's form already stay nearly what they are. */
static void of_28_by_28(void **state)
{
    (void)state;
    unsigned char small[PIXELS], rgb[3 * PIXELS];
    for (int digit = 0; digit < 10; digit++) {
        nn_image image = draw(&kinds[0], digit, 5), tiny = { SIDE, SIDE, 3, rgb };
        assert_true(prepare(&r, &image));
        memcpy(small, r.digit, PIXELS);
        for (int i = 0; i < 3 * PIXELS; i++) rgb[i] = small[i / 3];
        if (!prepare(&r, &tiny)) fail_msg("a %d of 28 x 28: %s", digit, r.problem);
        check_rules("a digit of 28 x 28");
        if (!(likeness(small, r.digit) > 0.6)) /* one pixel to the side is much for thin lines */
            fail_msg("a %d of 28 x 28: likeness %.3f", digit, likeness(small, r.digit));
    }
}

static void through_a_jpeg(void **state)
{
    (void)state;
#ifdef NN_USE_STB_IMAGE
    nn_image image = draw(&kinds[7], 4, 1), loaded;
    char path[] = "/tmp/nn_photo_of_a_four.jpg";
    unsigned char plain[PIXELS];
    assert_true(prepare(&r, &image));
    memcpy(plain, r.digit, PIXELS);
    assert_true(stbi_write_jpg(path, COLS, ROWS, 3, sheet, 60));
    assert_true(load_photo(&loaded, path));
    remove(path);
    assert_true(prepare(&r, &loaded));
    nn_image_free(&loaded);
    check_rules("a JPEG");
    assert_true(likeness(plain, r.digit) > 0.9);
#else
    skip();
#endif
}

/* ---- the camera's word on which way is up ---- */

static void quarter_turns_of_a_camera(void **state)
{
    (void)state;
    const int value[5] = { 1, 6, 3, 8, 2 }, turns[5] = { 0, 1, 2, 3, 0 };
    for (int k = 0; k < 5; k++) {
        const unsigned char v = (unsigned char)value[k];
        unsigned char little[] = { 0xff, 0xd8, 0xff, 0xe0, 0,    4, 0,   0,   0xff, 0xe1, 0, 34,
                                   'E',  'x',  'i',  'f',  0,    0, 'I', 'I', 42,   0,    8, 0,
                                   0,    0,    1,    0,    0x12, 1, 3,   0,   1,    0,    0, 0,
                                   v,    0,    0,    0,    0,    0, 0,   0,   0xff, 0xda };
        unsigned char big[] = { 0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i',  'f',
                                0,    0,    'M',  'M',  0, 42, 0,   0,   0,    8,
                                0,    1,    1,    0x12, 0, 3,  0,   0,   0,    1,
                                0,    v,    0,    0,    0, 0,  0,   0,   0xff, 0xda };
        assert_int_equal(quarter_turns(little, sizeof little), turns[k]);
        assert_int_equal(quarter_turns(big, sizeof big), turns[k]);
        for (size_t n = 4; n < sizeof little;
             n++) { /* cut short: no turn, and nothing read behind */
            unsigned char *cut = (unsigned char *)malloc(n);
            assert_non_null(cut);
            memcpy(cut, little, n);
            int got = quarter_turns(cut, n);
            assert_true(got == 0 || n >= 44);
            free(cut);
        }
    }
    unsigned char p[18];
    const unsigned char want[6] = { 4, 1, 5, 2, 6, 3 }; /* 1 2 3 over 4 5 6, turned */
    nn_image image = { 2, 3, 3, p };
    for (int i = 0; i < 18; i++) p[i] = (unsigned char)(i / 3 + 1);
    assert_true(turn(&image));
    assert_true(image.height == 3 && image.width == 2);
    for (int i = 0; i < 18; i++) assert_int_equal(p[i], want[i / 3]);
}

/* ---- what cannot be read ---- */

static void check_problem(const nn_image *image, const char *words)
{
    if (prepare(&r, image)) fail_msg("it was read, but should not: %s", words);
    if (!strstr(r.problem, words)) fail_msg("'%s' is not in: %s", words, r.problem);
}

static void photos_without_a_digit(void **state)
{
    (void)state;
    const photo_sheet empty[] = { { .size = 0.5 },
                                  { .size = 0.5, .noise = 10, .shadow = 0.7 },
                                  { .size = 0.5, .noise = 25 },
                                  { .size = 0.5, .chalk = true } };
    for (int k = 0; k < 4; k++) {
        nn_image image = draw(&empty[k], -1, 1);
        check_problem(&image, "no ink");
    }
    nn_image image = { ROWS, COLS, 3, sheet };
    memset(sheet, 255, sizeof sheet), check_problem(&image, "no ink");
    memset(sheet, 0, sizeof sheet), check_problem(&image, "no ink");
    image.height = 7, image.width = 9, check_problem(&image, "9 x 7 pixels");
    image.height = 12, image.width = 300, check_problem(&image, "narrow strip");
    image = (nn_image){ ROWS, COLS, 3, sheet };
    memset(sheet, 255, sizeof sheet);
    for (int i = 100; i < 104; i++) memset(sheet + 3 * (i * COLS + 100), 0, 3 * 4);
    check_problem(&image, "speck");
}

static void two_digits(void **state)
{
    (void)state;
    photo_sheet p = { .height = ROWS, .width = COLS, .size = 0.5, .pen = 0.1 };
    const nn_image image = { ROWS, COLS, 3, sheet };
    for (int a = 0; a < 10; a++) {
        p.digit = a, p.x = 0.25, p.y = 0.5;
        photo_draw(sheet, &p, true);
        p.digit = (a + 3) % 10, p.x = 0.72;
        photo_draw(sheet, &p, false);
        check_problem(&image, "two digits");
    }
    p = (photo_sheet){ .height = ROWS, .width = COLS, .size = 0.4, .pen = 0.1, .digit = 3 };
    p.y = 0.25, photo_draw(sheet, &p, true);
    p.y = 0.75, photo_draw(sheet, &p, false);
    check_problem(&image, "two digits"); /* one above the other */
}

/* ---- reading ---- */

/* A network trained for a second reads most of the photos, of 8 kinds and 3 hands. */
static void photos_are_read(void **state)
{
    (void)state;
#if defined(NN_DOUBLE) || defined(__SANITIZE_ADDRESS__)
    skip(); /* it would train for long; the float build says it */
#else
    program p = { .chapter = "12_own_handwriting", .quick = true, .seed = 3 };
    nn_data train, test;
    int right[KINDS] = { 0 }, all = 0, best[3];
    double sure[3];
    if (!program_has_file("datasets/mnist/train-images-idx3-ubyte") &&
        !program_has_file("datasets/made/train-images-idx3-ubyte"))
        skip();
    assert_non_null(program_load_digits(&p, &train, &test, 6000, 500));
    nn_set_log(NULL, NULL);
    nn_model *m = reader(&p, &train, &test);
    nn_set_log(nn_log_default, NULL);
    assert_non_null(m);
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 30; i++) {
            nn_image image = draw(&kinds[k], i % 10, (uint64_t)i);
            assert_true(prepare(&r, &image));
            assert_true(guess(m, r.digit, best, sure));
            assert_true(sure[0] >= sure[1] && sure[1] >= sure[2] && sure[0] <= 1.0001);
            right[k] += best[0] == i % 10, all += best[0] == i % 10;
        }
    for (int k = 0; k < KINDS; k++) {
        print_message("kind %d: %d of 30 read\n", k, right[k]);
        assert_true(right[k] >= 20);
    }
    assert_true(all >= 30 * KINDS * 9 / 10);
    /* digits of the data set itself, as small photos: nearly as well as without preparing them */
    int direct = 0, prepared = 0;
    for (int i = 0; i < test.n; i++) {
        const uint8_t *digit = (const uint8_t *)test.x[0].values + i * PIXELS;
        unsigned char rgb[3 * PIXELS];
        const nn_image image = { SIDE, SIDE, 3, rgb };
        for (int k = 0; k < 3 * PIXELS; k++) rgb[k] = digit[k / 3];
        assert_true(guess(m, digit, best, sure));
        direct += best[0] == nn_data_label(&test, i);
        if (!prepare(&r, &image)) continue;
        assert_true(guess(m, r.digit, best, sure));
        prepared += best[0] == nn_data_label(&test, i);
    }
    print_message("of %d digits %d read as they are, %d as photos\n", test.n, direct, prepared);
    assert_true(prepared >= direct - test.n / 20);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_digit_in_every_light),
        cmocka_unit_test(a_five_keeps_its_roof),
        cmocka_unit_test(of_28_by_28),
        cmocka_unit_test(through_a_jpeg),
        cmocka_unit_test(quarter_turns_of_a_camera),
        cmocka_unit_test(photos_without_a_digit),
        cmocka_unit_test(two_digits),
        cmocka_unit_test(photos_are_read),
    };
    (void)program_main;
    return cmocka_run_group_tests_name("handwriting", tests, NULL, NULL);
}
