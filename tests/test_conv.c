/* Tests of the layers on images and of the norms: against PyTorch, against the plain loops that
   define them, gradients against differences, errors, and training.
     cc tests/test_conv.c -lcmocka -lm && ./a.out          -DNN_DOUBLE for gradients within 1e-6 */

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"
#include "reference/reference.h"
#include "reference/layers.h"
#ifdef _OPENMP
#include <omp.h>
#endif

#define BOUND (sizeof(nn_real) == sizeof(double) ? 1e-11 : 1e-5)
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static int silence(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    return 0;
}

/* ---- helpers ---- */

static void fill(nn_real *x, size_t n, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (size_t i = 0; i < n; i++) x[i] = (nn_real)nn_random_uniform(&random, -1, 1);
}

/* Exactly n numbers, so that the address sanitizer sees what lies behind them: zeros, or as
   ref_fill makes them. Free them. */
static nn_real *numbers(size_t n)
{
    nn_real *x = (nn_real *)calloc(n ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static nn_real *filled(size_t n, unsigned seed, double scale, double offset)
{
    double *d = (double *)malloc(n * sizeof *d);
    nn_real *x = numbers(n);
    assert_non_null(d);
    ref_fill(d, n, seed, scale);
    for (size_t i = 0; i < n; i++) x[i] = (nn_real)(d[i] + offset);
    free(d);
    return x;
}

/* Against the reference, relative to its largest magnitude. */
static double check_bound; /* of the test that runs */
static void check_reference(const char *name, const char *part, const nn_real *got,
                            const double *expected, size_t n)
{
    double largest = 0.1; /* what should be 0 is compared with 1e-6, or 1e-12 */
    assert_non_null(expected);
    for (size_t i = 0; i < n; i++) largest = NN__MAX(largest, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= check_bound * largest))
            fail_msg("%s, %s, entry %zu of %zu: %.9g, PyTorch has %.9g", name, part, i, n,
                     (double)got[i], expected[i]);
}

static nn_window window_of(const ref_window_case *r)
{
    nn_window s =
        nn_window_of(r->H, r->W, r->C, r->KH, r->KW, r->SH, r->SW, r->same ? NN_SAME : NN_VALID);
    s.O = r->O, s.G = r->G;
    return s;
}

/* ---- convolution ---- */

typedef struct sizes {
    size_t x, w, y;
} sizes;

static sizes sizes_of(int B, const nn_window *s)
{
    sizes n;
    n.x = (size_t)(B * s->H * s->W * s->C), n.y = (size_t)(B * s->OH * s->OW * s->O);
    n.w = (size_t)(s->O * s->KH * s->KW * (s->C / s->G));
    return n;
}

static void conv_against_pytorch(void **state)
{
    (void)state;
    check_bound = BOUND;
    for (int i = 0; i < REF_CONVS_COUNT; i++) {
        const ref_window_case *r = &ref_convs[i];
        const nn_window s = window_of(r);
        const sizes n = sizes_of(r->B, &s);
        if (s.OH != r->OH || s.OW != r->OW)
            fail_msg("%s: (%d, %d), PyTorch has (%d, %d)", r->name, s.OH, s.OW, r->OH, r->OW);
        nn_real *x = filled(n.x, r->seed, 2, 0), *w = filled(n.w, r->seed + 1, 2, 0);
        nn_real *b = filled((size_t)s.O, r->seed + 2, 2, 0), *dy = filled(n.y, r->seed + 3, 2, 0);
        nn_real *dx = numbers(n.x), *dw = numbers(n.w), *db = numbers((size_t)s.O);
        nn_real *y = numbers(n.y), *work = numbers(nn_conv2d_work_size(r->B, &s));
        nn_conv2d_forward(y, x, w, b, r->B, &s, work);
        nn_conv2d_backward(dx, dw, db, dy, x, w, r->B, &s, work);
        check_reference(r->name, "y", y, r->y, n.y);
        check_reference(r->name, "dx", dx, r->dx, n.x);
        check_reference(r->name, "dw", dw, r->dw, n.w);
        check_reference(r->name, "db", db, r->db, (size_t)s.O);
        free(x), free(w), free(b), free(dy), free(dx), free(dw), free(db), free(y), free(work);
    }
}

/* The fast ways against the definition; backward adds to what is there, and leaves out what is
   NULL. The block of patches is so large that small images never need a second one: see
   conv_in_blocks. */
static void compare_conv(int B, const nn_window *s, uint64_t seed)
{
    const sizes n = sizes_of(B, s);
    const size_t O = (size_t)s->O;
    nn_real *x = numbers(n.x), *w = numbers(n.w), *b = numbers(O), *dy = numbers(n.y);
    nn_real *y[2], *dx[2], *dw[2], *db[2], *work = numbers(nn_conv2d_work_size(B, s));
    fill(x, n.x, seed), fill(w, n.w, seed + 1), fill(b, O, seed + 2), fill(dy, n.y, seed + 3);
    for (int k = 0; k < 2; k++) {
        y[k] = numbers(n.y), dx[k] = numbers(n.x), dw[k] = numbers(n.w), db[k] = numbers(O);
        fill(dx[k], n.x, seed + 4), fill(dw[k], n.w, seed + 5), fill(db[k], O, seed + 6);
        fill(y[k], n.y, seed + 7); /* to be overwritten */
    }
    nn__conv2d_ref(y[0], x, w, seed % 3 ? b : NULL, B, s);
    nn__conv2d_backward_ref(dx[0], dw[0], db[0], dy, x, w, B, s);
    nn_conv2d_forward(y[1], x, w, seed % 3 ? b : NULL, B, s, work);
    if (seed % 2) nn_conv2d_backward(dx[1], dw[1], db[1], dy, x, w, B, s, work);
    else {
        nn_conv2d_backward(dx[1], NULL, NULL, dy, x, w, B, s, work);
        nn_conv2d_backward(NULL, dw[1], NULL, dy, x, w, B, s, work);
        nn_conv2d_backward(NULL, NULL, db[1], dy, x, w, B, s, work);
    }
    check_all_close(y[1], y[0], n.y, BOUND);
    check_all_close(dx[1], dx[0], n.x, BOUND);
    const double terms = sqrt((double)nn__outputs(B, s)); /* long sums, in another order */
    check_all_close(dw[1], dw[0], n.w, BOUND * terms);
    check_all_close(db[1], db[0], O, BOUND * terms);
    for (int k = 0; k < 2; k++) free(y[k]), free(dx[k]), free(dw[k]), free(db[k]);
    free(x), free(w), free(b), free(dy), free(work);
}

static int below(nn_random *random, int n)
{
    return (int)nn_random_below(random, (uint64_t)n);
}

static void conv_random_shapes(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(5);
    int kinds[4] = { 0, 0, 0, 0 };
    for (int k = 0; k < 400; k++) {
        const int G = below(&random, 2) ? 1 : 1 + below(&random, 4);
        const int C = G * (1 + below(&random, 9)), O = G * (1 + below(&random, 12));
        const int KH = 1 + below(&random, 5), KW = 1 + below(&random, 5);
        const nn_padding padding = below(&random, 2) ? NN_SAME : NN_VALID;
        const int H = (padding == NN_VALID ? KH : 1) + below(&random, 9);
        const int W = (padding == NN_VALID ? KW : 1) + below(&random, 9);
        const int one = below(&random, 4) == 0; /* 1 x 1 */
        nn_window s = nn_window_of(H, W, C, one ? 1 : KH, one ? 1 : KW, 1 + below(&random, 3 - one),
                                   1 + below(&random, 3 - one), padding);
        s.O = O, s.G = G;
        if (below(&random, 5) == 0) s.O = s.G = C;
        kinds[nn__is_dense(&s) ? 0 : nn__is_depthwise(&s) ? 1 : s.G > 1 ? 2 : 3]++;
        /* up to 4 images, up to a tile of them and more, more than one in each part of the batch */
        compare_conv(1 + below(&random, k % 8 == 0 ? 40
                                        : k % 2    ? 4
                                                   : 12),
                     &s, 10 * (uint64_t)k + (uint64_t)k % 6);
    }
    for (int k = 0; k < 4; k++) assert_true(kinds[k] >= 10);
}

/* More patches than a block holds: blocks end inside of a row, and of an image. */
static void conv_in_blocks(void **state)
{
    (void)state;
    const int shapes[][9] = { /* B, H, W, C, K, stride, same, O, G */
                              { 3, 33, 31, 20, 5, 1, 1, 7, 1 },
                              { 5, 40, 37, 12, 4, 1, 0, 6, 1 },
                              { 4, 41, 40, 24, 5, 2, 1, 6, 2 },
                              { 1, 3, 700, 70, 3, 1, 1, 5, 1 },
                              { 2, 9, 9, 2000, 9, 1, 1, 2, 1 }
    };
    for (int k = 0; k < COUNT(shapes); k++) {
        const int *d = shapes[k];
        nn_window s =
            nn_window_of(d[1], d[2], d[3], d[4], d[4], d[5], d[5], d[6] ? NN_SAME : NN_VALID);
        s.O = d[7], s.G = d[8];
        assert_true(nn__outputs(d[0], &s) > (size_t)nn__patch_rows(d[0], &s));
        compare_conv(d[0], &s, 1 + (uint64_t)k);
    }
}

/* 3x3 with stride 1 by tiles of both sizes: every number of channels on both sides, part of a tile
   at each edge, batches that do not divide evenly. */
static void conv_by_tiles(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(7);
    int by_tiles[2] = { 0 }; /* of 4x4, of 5x5 */
    for (int k = 0; k < 104; k++) {
        const int C = 16 + k / 2, O = 67 - k / 2;
        nn_window s = nn_window_of(4 + below(&random, 11), 4 + below(&random, 11), C, 3, 3, 1, 1,
                                   k % 2 ? NN_SAME : NN_VALID);
        s.O = O;
        by_tiles[nn__tile_side(&s) - 4] += nn__fits_winograd(&s);
        compare_conv(8 + below(&random, 14), &s, 10 * (uint64_t)k + (uint64_t)k % 6);
    }
    if (nn__vector() && nn__vector()->winograd) assert_true(by_tiles[0] >= 20 && by_tiles[1] >= 20);
}

/* ---- pooling ---- */

static void pools_against_pytorch(void **state)
{
    (void)state;
    check_bound = BOUND;
    for (int i = 0; i < REF_POOLS_COUNT; i++) {
        const ref_window_case *r = &ref_pools[i];
        const nn_window s = window_of(r);
        const sizes n = sizes_of(r->B, &s);
        assert_int_equal(s.OH, r->OH), assert_int_equal(s.OW, r->OW);
        nn_real *x = filled(n.x, r->seed, 6, 0), *dy = filled(n.y, r->seed + 1, 2, 0);
        nn_real *y = numbers(n.y), *dx = numbers(n.x);
        for (size_t k = 0; k < n.x; k++) x[k] = (nn_real)floor((double)x[k]);
        nn_max_pool2d_forward(y, x, r->B, &s);
        nn_max_pool2d_backward(dx, dy, x, y, r->B, &s);
        check_reference(r->name, "largest", y, r->y, n.y);
        check_reference(r->name, "dx of the largest", dx, r->dx, n.x);
        memset(dx, 0, n.x * sizeof *dx);
        nn_avg_pool2d_forward(y, x, r->B, &s);
        nn_avg_pool2d_backward(dx, dy, r->B, &s);
        check_reference(r->name, "mean", y, r->mean_y, n.y);
        check_reference(r->name, "dx of the mean", dx, r->mean_dx, n.x);
        free(x), free(dy), free(y), free(dx);
    }
}

/* The vectors against the plain loops, bit for bit, with ties, NaN and what is there already. */
static void max_pool_random_shapes(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(6);
    for (int k = 0; k < 300; k++) {
        const int C = 1 + below(&random, 40), h = 1 + below(&random, 4), w = 1 + below(&random, 4);
        nn_window s = nn_window_of(h + below(&random, 5), w + below(&random, 5), C, h, w,
                                   1 + below(&random, 4), 1 + below(&random, 4),
                                   below(&random, 2) ? NN_SAME : NN_VALID);
        const sizes n = sizes_of(1, &s);
        nn_real *x = numbers(n.x), *y = numbers(n.y), *expected = numbers(n.y), *dy = numbers(n.y);
        nn_real *dx[4] = { numbers(n.x), numbers(n.x), numbers(n.x), numbers(n.x) };
        int *winner = (int *)malloc(n.y * sizeof *winner);
        int *found = (int *)malloc(n.y * sizeof *found);
        fill(dy, n.y, 1), fill(dx[0], n.x, 2), fill(dx[1], n.x, 2), fill(dx[2], n.x, 2);
        fill(dx[3], n.x, 3);
        for (size_t i = 0; i < n.x; i++) {
            x[i] = (nn_real)below(&random, 3);
            if (k % 2 && below(&random, 20) == 0) x[i] = (nn_real)NAN;
        }
        nn__pool_forward(y, winner, x, 1, &s, false);
        nn__pool_backward(dx[1], dy, winner, 1, &s, false, true);
        nn_max_pool2d_backward(dx[2], dy, x, y, 1, &s);
        for (int p = 0; p < s.OH * s.OW; p++) {
            int rows, columns;
            const size_t at = nn__window_at(&s, p, &rows, &columns), out = (size_t)(p * C);
            const size_t row = (size_t)(s.W * C);
            nn__max_window_ref(expected + out, found + out, x + at, rows, columns, row, (size_t)C);
            nn__max_window_backward_ref(dx[0] + at, dy + out, found + out, columns, row, (size_t)C);
        }
        assert_memory_equal(y, expected, n.y * sizeof *y);
        assert_memory_equal(winner, found, n.y * sizeof *winner);
        assert_memory_equal(dx[0], dx[1], n.x * sizeof *y);
        assert_memory_equal(dx[0], dx[2], n.x * sizeof *y);
        nn__pool_backward(dx[3], dy, winner, 1, &s, false, false); /* over what is there */
        memset(dx[0], 0, n.x * sizeof *y);
        nn_max_pool2d_backward(dx[0], dy, x, y, 1, &s);
        check_all_close(dx[3], dx[0], n.x, 0);
        for (int i = 0; i < 4; i++) free(dx[i]);
        free(x), free(y), free(dy), free(expected), free(winner), free(found);
    }
}

static void max_pool_shows_nan(void **state)
{
    (void)state;
    for (int C = 1; C <= 33; C += 8)
        for (int at = 0; at < 4; at++) {
            const nn_window s = nn_window_of(2, 2, C, 2, 2, 2, 2, NN_VALID);
            nn_real x[4 * 33], y[33], dx[4 * 33] = { 0 }, dy[33];
            fill(x, (size_t)(4 * C), 1), fill(dy, (size_t)C, 2);
            x[at * C + C - 1] = (nn_real)NAN;
            nn_max_pool2d_forward(y, x, 1, &s);
            nn_max_pool2d_backward(dx, dy, x, y, 1, &s);
            assert_true(isnan(y[C - 1]));
            for (int c = 0; c < C - 1; c++) assert_true(y[c] == y[c]);
            assert_true(dx[at * C + C - 1] == dy[C - 1]);
        }
}

/* ---- the graph: shapes, names, first values ---- */

#define check_dims(t, ...) check_dims_at(t, (int[]){ __VA_ARGS__, 0 }, #__VA_ARGS__, __LINE__)
static void check_dims_at(const nn_tensor *t, const int *dim, const char *text, int line)
{
    size_t size = 1;
    int rank = 0;
    if (!t) fail_msg("line %d: the tensor is NULL: %s", line, nn_last_error());
    while (dim[rank]) size *= (size_t)dim[rank++];
    bool same = t->rank == rank && t->size == size;
    for (int d = 0; same && d < rank; d++) same = t->dim[d] == dim[d];
    for (int d = rank; same && d < NN_MAX_RANK; d++) same = t->dim[d] == 0;
    if (!same)
        fail_msg("line %d: %s has %d axes (%d, %d, %d, %d), expected (%s)", line, t->name, t->rank,
                 t->dim[0], t->dim[1], t->dim[2], t->dim[3], text);
}

static void check_spread(const nn_tensor *w, double spread)
{
    double largest = 0;
    for (size_t i = 0; i < w->size; i++) largest = NN__MAX(largest, fabs((double)w->value[i]));
    assert_true(largest <= spread && largest > 0.9 * spread);
}

static void shapes_and_names(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *x = nn_input(m, 11, 14, 4);
    nn_tensor *a = nn_conv2d(x, 20, 3, .activation = NN_RELU);
    check_dims(a, 9, 12, 20);
    assert_string_equal(a->name, "conv2d1");
    check_dims(nn_parameter_named(m, "conv2d1.weight"), 20, 3, 3, 4);
    check_dims(nn_parameter_named(m, "conv2d1.bias"), 20);
    check_dims(nn_conv2d(x, 6, 4, .padding = NN_SAME, .stride = 3), 4, 5, 6);
    check_dims(nn_conv2d(x, 6, .kernel_h = 1, .kernel_w = 5, .no_bias = true), 11, 10, 6);
    assert_null(nn_parameter_named(m, "conv2d3.bias"));
    check_dims(nn_conv2d(x, 8, 5, .kernel_w = 3, .groups = 2, .name = "two"), 7, 12, 8);
    check_dims(nn_parameter_named(m, "two.weight"), 8, 5, 3, 2);
    check_dims(nn_max_pool2d(x, 2), 5, 7, 4);
    check_dims(nn_avg_pool2d(x, 3, .stride = 2, .padding = NN_SAME), 6, 7, 4);
    check_dims(nn_max_pool2d(x, .size_h = 1, .size_w = 2), 11, 7, 4);
    nn_tensor *g = nn_global_avg_pool2d(a);
    check_dims(g, 20);
    check_dims(nn_global_max_pool2d(a), 20);
    check_ok(nn_build(m, g));
    check_spread(nn_parameter_named(m, "conv2d1.weight"), sqrt(6.0 / 36)); /* He: 3 * 3 * 4 */
    check_spread(nn_parameter_named(m, "conv2d3.weight"), sqrt(6.0 / (5 * 4 + 5 * 6)));
    check_spread(nn_parameter_named(m, "two.weight"), sqrt(6.0 / (15 * 2 + 15 * 4)));
    nn_model_free(m);
}

/* The call sees a model m and inputs x (6, 5, 4) and flat (30). */
#define REFUSED(expected, words, call)                                                             \
    do {                                                                                           \
        nn_model *m = nn_model_new();                                                              \
        nn_tensor *x = nn_input(m, 6, 5, 4), *flat = nn_input(m, 30);                              \
        nn_tensor *result = (call);                                                                \
        (void)x, (void)flat;                                                                       \
        assert_null(result);                                                                       \
        assert_int_equal(m->status, expected);                                                     \
        check_fails(nn_compile(m, flat, .loss = NN_MSE), expected, words);                         \
        assert_non_null(strstr(nn_last_error(), "test_conv.c:"));                                  \
        nn_model_free(m);                                                                          \
    } while (0)

static void wrong_graphs(void **state)
{
    (void)state;
    REFUSED(NN_ERR_SHAPE, "has shape (30), but images have three axes", nn_conv2d(flat, 2, 3));
    REFUSED(NN_ERR_SHAPE, "nn_max_pool2d: input2", nn_max_pool2d(flat, 2));
    REFUSED(NN_ERR_SHAPE, "nn_global_avg_pool2d: input2", nn_global_avg_pool2d(flat));
    REFUSED(NN_ERR_SHAPE, "a window of 7 x 7 is larger than input1", nn_conv2d(x, 2, 7));
    REFUSED(NN_ERR_SHAPE, "of shape (6, 5, 4); use .padding = NN_SAME", nn_conv2d(x, 2, 6));
    REFUSED(NN_ERR_SHAPE, "a window of 6 x 6 is larger", nn_avg_pool2d(x, 6));
    REFUSED(NN_ERR_SHAPE, "a window of 0 x 0", nn_conv2d(x, 2));
    REFUSED(NN_ERR_SHAPE, "a window of 3 x -1", nn_conv2d(x, 2, 3, .kernel_w = -1));
    REFUSED(NN_ERR_SHAPE, "with stride -2", nn_conv2d(x, 2, 3, .stride = -2));
    REFUSED(NN_ERR_SHAPE, ".padding is", nn_max_pool2d(x, 2, .padding = (nn_padding)7));
    REFUSED(NN_ERR_SHAPE, "0 filters in 1 groups on the 4 channels", nn_conv2d(x, 0, 3));
    REFUSED(NN_ERR_SHAPE, "divide filters and channels", nn_conv2d(x, 6, 3, .groups = 3));
    REFUSED(NN_ERR_SHAPE, "5 filters in 2 groups", nn_conv2d(x, 5, 3, .groups = 2));
    REFUSED(NN_ERR_SHAPE, "2 filters in -2 groups", nn_conv2d(x, 2, 3, .groups = -2));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_conv2d(x, 2147483647, 3));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_conv2d(x, 2, 2147483647, .padding = NN_SAME));
    REFUSED(NN_ERR_ARGUMENT, "one of nn_activation",
            nn_conv2d(x, 2, 3, .activation = (nn_activation)99));
    REFUSED(NN_ERR_ARGUMENT, "l2 at least 0", nn_conv2d(x, 2, 3, .l2 = -1));
    REFUSED(NN_ERR_SHAPE,
            ".share needs a conv2d layer of this model with weights of shape (2, 3, 3, 4); conv2d1",
            nn_conv2d(x, 2, 3, .share = nn_conv2d(x, 2, 2)));
    REFUSED(NN_ERR_SHAPE, "input2 is not one", nn_conv2d(x, 2, 3, .share = flat));
    REFUSED(NN_ERR_SHAPE, "needs a batch_norm layer of this model with weights of shape (4,",
            nn_batch_norm(x, .share = nn_layer_norm(x)));
    REFUSED(NN_ERR_ARGUMENT, "epsilon -1", nn_layer_norm(x, .epsilon = -1));
    REFUSED(NN_ERR_ARGUMENT, "momentum 1.5", nn_batch_norm(x, .momentum = 1.5));
    REFUSED(NN_ERR_ARGUMENT, "epsilon nan", nn_batch_norm(x, .epsilon = (double)NAN));
    REFUSED(NN_ERR_ARGUMENT, "has an axis", nn_layer_norm(nn_sum(flat)));
    REFUSED(NN_ERR_SHAPE, ".share needs a dense layer",
            nn_dense(flat, 2, .share = nn_conv2d(x, 2, 3)));
    assert_null(nn_conv2d(NULL, 2, 3));
    assert_null(nn_max_pool2d(NULL, 2)), assert_null(nn_global_avg_pool2d(NULL));
    assert_null(nn_batch_norm(NULL)), assert_null(nn_layer_norm(NULL));

    nn_model *m = nn_model_new(); /* a sigmoid is missing, as in a dense layer */
    nn_tensor *y = nn_conv2d(nn_input(m, 3, 3, 1), 1, 1);
    check_fails(nn_compile(m, y, .loss = NN_BINARY_CROSS_ENTROPY), NN_ERR_ARGUMENT, "sigmoid");
    nn_model_free(m);
}

/* ---- gradients ---- */

enum { BATCH = 3 };

/* Compiles, checks every gradient with random images and targets, frees the model. */
static void check_graph(nn_model *m, nn_tensor *y)
{
    nn_data d;
    if (!y) fail_msg("%s", nn_last_error());
    const nn_tensor *in = m->run->input[0];
    nn_real *x = numbers(BATCH * in->size), *t = numbers(BATCH * y->size);
    fill(x, BATCH * in->size, 1), fill(t, BATCH * y->size, 2);
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    check_ok(nn_data_from(&d, x, BATCH, { in->dim[0], in->dim[1], in->dim[2] }, .targets = t,
                          .target_shape = { y->dim[0], y->dim[1], y->dim[2] }));
    check_gradients(m, &d);
    nn_real *first = numbers(m->parameters);
    for (int pass = 0; pass < 2; pass++) { /* the second one starts from gradients that are there */
        check_ok(nn_forward(m, NN_TRAINING));
        check_ok(nn_backward(m));
        if (pass == 0) memcpy(first, m->grads, m->parameters * sizeof *first);
    }
    assert_memory_equal(first, m->grads, m->parameters * sizeof *first);
    nn_data_free(&d), nn_model_free(m), free(x), free(t), free(first);
}

/* In front of what is to be checked stands a convolution, so that its dx counts. */
static nn_tensor *begin(nn_model **m, int H, int W, int C)
{
    *m = nn_model_new(.seed = 3);
    return nn_conv2d(nn_input(*m, H, W, 2), C, 2, .padding = NN_SAME, .name = "before");
}

static void gradients(void **state)
{
    (void)state;
    nn_model *m;
    nn_tensor *x = begin(&m, 5, 6, 3);
    check_graph(m, nn_conv2d(x, 4, 3, .activation = NN_TANH, .l2 = 0.01));
    x = begin(&m, 5, 6, 3);
    check_graph(m, nn_conv2d(x, 4, 3, .stride = 2, .padding = NN_SAME, .activation = NN_RELU));
    x = begin(&m, 5, 6, 4);
    check_graph(m, nn_conv2d(x, 6, 2, .groups = 2, .padding = NN_SAME, .activation = NN_GELU));
    x = begin(&m, 4, 5, 9);
    check_graph(m, nn_conv2d(x, 9, 3, .groups = 9, .padding = NN_SAME, .activation = NN_SIGMOID));
    x = begin(&m, 4, 5, 3);
    check_graph(m, nn_conv2d(x, 4, 1, .activation = NN_ELU));
    x = begin(&m, 1, 7, 3);
    check_graph(m, nn_conv2d(x, 4, .kernel_h = 1, .kernel_w = 4, .no_bias = true));
    x = begin(&m, 5, 6, 9);
    check_graph(m, nn_max_pool2d(x, 2));
    x = begin(&m, 5, 6, 3);
    check_graph(m, nn_max_pool2d(x, 3, .stride = 2, .padding = NN_SAME));
    x = begin(&m, 5, 6, 9);
    check_graph(m, nn_avg_pool2d(x, 3, .stride = 2, .padding = NN_SAME));
    x = begin(&m, 3, 4, 5);
    check_graph(m, nn_global_avg_pool2d(x));
    x = begin(&m, 3, 4, 5);
    check_graph(m, nn_global_max_pool2d(x));
    x = begin(&m, 3, 4, 19);
    check_graph(m, nn_batch_norm(x));
    x = begin(&m, 3, 4, 5);
    check_graph(m, nn_layer_norm(x));
    x = begin(&m, 3, 4, 4);
    check_graph(m, nn_layer_norm(nn_flatten(nn_activate(nn_batch_norm(x), NN_GELU))));
    x = begin(&m, 6, 5, 3); /* one tensor read twice, one pool on what is there already */
    check_graph(m, nn_add(nn_max_pool2d(x, 3), nn_avg_pool2d(x, 3)));
}

/* The shapes that are compared with PyTorch. */
static void gradients_of_odd_shapes(void **state)
{
    (void)state;
    nn_model *m;
    for (int i = 0; i < REF_CONVS_COUNT; i++) {
        const ref_window_case *r = &ref_convs[i];
        nn_tensor *x = begin(&m, r->H, r->W, r->C);
        check_graph(m, nn_conv2d(x, r->O, .kernel_h = r->KH, .kernel_w = r->KW, .stride = r->SH,
                                 .padding = r->same ? NN_SAME : NN_VALID, .groups = r->G));
    }
    for (int i = 0; i < 2 * REF_POOLS_COUNT; i++) {
        const ref_window_case *r = &ref_pools[i / 2];
        const nn_padding padding = r->same ? NN_SAME : NN_VALID;
        const int stride = r->SH == r->SW ? r->SH : 0; /* 0: that of the window */
        nn_tensor *x = begin(&m, r->H, r->W, r->C);
        check_graph(m, i % 2 ? nn_max_pool2d(x, .size_h = r->KH, .size_w = r->KW, .stride = stride,
                                             .padding = padding)
                             : nn_avg_pool2d(x, .size_h = r->KH, .size_w = r->KW, .stride = stride,
                                             .padding = padding));
    }
}

static void frozen_and_shared(void **state)
{
    (void)state;
    nn_model *m;
    nn_tensor *x = begin(&m, 5, 5, 3);
    nn_tensor *a = nn_conv2d(x, 3, 3, .padding = NN_SAME, .activation = NN_TANH);
    nn_tensor *b = nn_conv2d(a, 3, 3, .padding = NN_SAME, .share = a);
    assert_null(nn_parameter_at(m, 4)); /* before and a, weight and bias */
    check_graph(m, nn_conv2d(b, 3, 3, .share = b, .activation = NN_RELU));

    nn_data d;
    nn_real images[4 * 25 * 2], t[4 * 2];
    fill(images, 200, 1), fill(t, 8, 2);
    x = begin(&m, 5, 5, 3);
    a = nn_conv2d(x, 2, 3, .frozen = true, .name = "still");
    nn_tensor *y = nn_dense(nn_flatten(a), 2);
    check_ok(nn_data_from(&d, images, 4, { 5, 5, 2 }, .targets = t, .target_shape = { 2 }));
    for (int thawed = 0; thawed < 2; thawed++) {
        nn_real before[54];
        check_ok(nn_compile(m, y, .loss = NN_MSE));
        const nn_tensor *w = nn_parameter_named(m, "still.weight");
        assert_int_equal(w->size, 54);
        memcpy(before, w->value, sizeof before);
        check_ok(nn_fit(m, &d, .quiet = true));
        assert_int_equal(memcmp(before, w->value, sizeof before) == 0, !thawed);
        nn_freeze(a, false);
    }
    nn_model *again = nn_model_new(.share = m); /* the same weights for other sizes */
    nn_tensor *z = nn_conv2d(nn_input(again, 5, 5, 2), 3, 2, .padding = NN_SAME);
    z = nn_dense(nn_flatten(nn_conv2d(z, 2, 3)), 2);
    nn_real here[8], there[8];
    check_ok(nn_build(again, z));
    check_ok(nn_predict(m, here, images, 4)), check_ok(nn_predict(again, there, images, 4));
    assert_memory_equal(here, there, sizeof here);
    nn_model_free(m), nn_model_free(again), nn_data_free(&d);
}

/* ---- norms ---- */

/* Inputs of norms, as layers.h says. */
static nn_real *coarse(size_t n, unsigned seed, double scale, double offset)
{
    nn_real *x = filled(n, seed, scale, 0);
    for (size_t i = 0; i < n; i++) x[i] = (nn_real)(floor(1024 * (double)x[i]) / 1024 + offset);
    return x;
}

static void norms_against_pytorch(void **state)
{
    (void)state;
    check_bound = BOUND;
    for (int i = 0; i < REF_BATCHES_COUNT + REF_LAYERS_COUNT; i++) {
        const bool batch = i < REF_BATCHES_COUNT;
        const ref_norm_case *r = batch ? &ref_batches[i] : &ref_layers[i - REF_BATCHES_COUNT];
        const size_t n = (size_t)(r->N * r->C), C = (size_t)r->C;
        nn_real *x = coarse(n, r->seed, 2, r->offset), *dy = filled(n, r->seed + 1, 2, 0);
        nn_real *gamma = filled(C, r->seed + 2, 2, 0), *beta = filled(C, r->seed + 3, 2, 0);
        nn_real *mean = numbers(C), *variance = numbers(C), *y = numbers(n), *dx = numbers(n);
        nn_real *dgamma = numbers(C), *dbeta = numbers(C);
        if (batch) {
            nn_batch_norm_forward(y, mean, variance, x, gamma, beta, r->N, r->C, r->epsilon, true);
            nn_batch_norm_backward(dx, dgamma, dbeta, dy, x, gamma, mean, variance, r->N, r->C,
                                   r->epsilon, true);
        } else {
            nn_layer_norm_forward(y, x, gamma, beta, r->N, r->C, r->epsilon);
            nn_layer_norm_backward(dx, dgamma, dbeta, dy, x, gamma, r->N, r->C, r->epsilon);
        }
        check_reference(r->name, "y", y, r->y, n);
        check_reference(r->name, "dx", dx, r->dx, n);
        check_reference(r->name, "dgamma", dgamma, r->dgamma, C);
        check_reference(r->name, "dbeta", dbeta, r->dbeta, C);
        if (batch) { /* with the running statistics */
            for (size_t c = 0; c < C; c++)
                mean[c] = (nn_real)r->mean[c], variance[c] = (nn_real)r->variance[c];
            memset(dx, 0, n * sizeof *dx);
            nn_batch_norm_forward(y, mean, variance, x, gamma, beta, r->N, r->C, r->epsilon, false);
            nn_batch_norm_backward(dx, NULL, NULL, dy, x, gamma, mean, variance, r->N, r->C,
                                   r->epsilon, false);
            check_reference(r->name, "y at inference", y, r->still_y, n);
            check_reference(r->name, "dx at inference", dx, r->still_dx, n);
        }
        free(x), free(dy), free(gamma), free(beta), free(mean), free(variance), free(y), free(dx);
        free(dgamma), free(dbeta);
    }
}

/* A constant channel, or row, gives beta, whatever the constant and however many there are. */
static void constants_give_beta(void **state)
{
    (void)state;
    enum { N = 300, C = 19 };
    static nn_real x[N * C], y[N * C];
    nn_real mean[C], variance[C], gamma[N], beta[N];
    fill(gamma, N, 1), fill(beta, N, 2);
    for (int i = 0; i < N * C; i++) x[i] = (nn_real)(0.1 + 1e4 * (i % C));
    nn_batch_norm_forward(y, mean, variance, x, gamma, beta, N, C, 1e-5, true);
    for (int i = 0; i < N * C; i++) assert_true(y[i] == beta[i % C]);
    for (int i = 0; i < N * C; i++) x[i] = (nn_real)(0.1 + 1e4 * (i / N));
    nn_layer_norm_forward(y, x, gamma, beta, C, N, 1e-5);
    for (int i = 0; i < N * C; i++) assert_true(y[i] == beta[i % N]);
}

/* One step of training with a rate of 0: only the running statistics move. */
static void still_step(nn_model *m, const nn_data *d)
{
    check_ok(nn_feed(m, d, NULL, d->n));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
    check_ok(nn_step(m));
}

static void running_statistics(void **state)
{
    (void)state;
    for (int i = 0; i < REF_BATCHES_COUNT; i++) {
        const ref_norm_case *r = &ref_batches[i];
        const size_t n = (size_t)(r->N * r->C), C = (size_t)r->C;
        nn_model *m = nn_model_new();
        nn_tensor *y = nn_batch_norm(nn_input(m, r->H, r->W, r->C), .epsilon = r->epsilon,
                                     .momentum = r->momentum, .name = "norm");
        check_ok(nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_sgd(.lr = 1e-300)));
        nn_tensor *mean = nn_parameter_named(m, "norm.running_mean");
        nn_tensor *variance = nn_parameter_named(m, "norm.running_var");
        nn_real *gamma = filled(C, r->seed + 2, 2, 0), *beta = filled(C, r->seed + 3, 2, 0);
        memcpy(nn_parameter_named(m, "norm.weight")->value, gamma, C * sizeof *gamma);
        memcpy(nn_parameter_named(m, "norm.bias")->value, beta, C * sizeof *beta);
        nn_real *targets = numbers(n);
        for (int step = 3; step >= -1; step--) { /* the first batch: once first, once at last */
            const unsigned seed = r->seed + (step == 3 ? 0 : 6 - (unsigned)step);
            nn_real *x = step < 0 || step == 3 ? coarse(n, r->seed, 2, r->offset)
                                               : coarse(n, seed, 3 - step, r->offset);
            nn_data d;
            check_ok(nn_data_from(&d, x, r->B, { r->H, r->W, r->C }, .targets = targets,
                                  .target_shape = { r->H, r->W, r->C }));
            if (step >= 0) still_step(m, &d);
            if (step == 3) check_reference(r->name, "y in training", y->value, r->y, n);
            if (step < 0) {
                check_reference(r->name, "running mean", mean->value, r->mean, C);
                check_reference(r->name, "running variance", variance->value, r->variance, C);
                check_ok(nn_predict(m, x, x, r->B));
                check_reference(r->name, "prediction", x, r->still_y, n);
            }
            nn_data_free(&d), free(x);
        }
        assert_true(mean->frozen && variance->frozen);
        nn_freeze(y, false);
        assert_true(mean->frozen && variance->frozen && mean->state);
        nn_model_free(m), free(gamma), free(beta), free(targets);
    }
}

/* Rows of two numbers and a label. */
static void rows_of(nn_data *d, int n, double scale)
{
    nn_real x[2 * 200];
    int label[200];
    assert_true(n <= 200);
    fill(x, (size_t)(2 * n), 5);
    for (int i = 0; i < n; i++) label[i] = x[2 * i] > x[2 * i + 1];
    for (int i = 0; i < 2 * n; i++) x[i] *= (nn_real)scale;
    check_ok(nn_data_from(d, x, n, { 2 }, .labels = label));
}

static nn_model *norm_model(nn_tensor **norm)
{
    nn_model *m = nn_model_new(.seed = 2);
    *norm = nn_batch_norm(nn_dense(nn_input(m, 2), 4), .name = "norm");
    nn_tensor *y = nn_dense(nn_activate(*norm, NN_RELU), 2, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.05)));
    return m;
}

static void one_value_per_channel(void **state)
{
    (void)state;
    nn_tensor *norm;
    nn_data d;
    nn_model *m = norm_model(&norm);
    rows_of(&d, 101, 1);
    check_fails(nn_fit(m, &d, .batch_size = 10, .quiet = true), NN_ERR_ARGUMENT,
                "a batch of 1 sample has one value for each channel of norm");
    assert_non_null(strstr(nn_last_error(), "test_conv.c"));
    check_fails(nn_fit(m, &d, .batch_size = 1, .quiet = true), NN_ERR_ARGUMENT, "nn_layer_norm");
    check_ok(nn_fit(m, &d, .batch_size = 11, .quiet = true)); /* 2 are left over */
    check_ok(nn_feed(m, &d, NULL, 1));
    check_fails(nn_forward(m, NN_TRAINING), NN_ERR_ARGUMENT, "has no variance");
    check_ok(nn_forward(m, NN_INFERENCE));
    check_fails(nn_gradient_check(m, &d, .rows = 1).status, NN_ERR_ARGUMENT, "has no variance");
    nn_freeze(norm, true);
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_fit(m, &d, .batch_size = 10, .quiet = true));
    nn_model_free(m), nn_data_free(&d);
    nn_tensor *x = begin(&m, 2, 2, 3);
    check_ok(nn_compile(m, nn_batch_norm(x), .loss = NN_MSE)); /* one image, but four pixels */
    nn_real image[8], t[12] = { 0 };
    fill(image, 8, 1);
    check_ok(nn_data_from(&d, image, 1, { 2, 2, 2 }, .targets = t, .target_shape = { 2, 2, 3 }));
    check_ok(nn_fit(m, &d, .quiet = true));
    nn_model_free(m), nn_data_free(&d);
}

/* A step that fails leaves the running statistics too as they were; so does a gradient check. */
static void statistics_of_failed_steps(void **state)
{
    (void)state;
    nn_tensor *norm;
    nn_data good, bad;
    nn_model *m = norm_model(&norm);
    nn_real before[64];
    rows_of(&good, 50, 1), rows_of(&bad, 50, sizeof(nn_real) == 4 ? 1e30 : 1e200);
    check_ok(nn_fit(m, &good, .quiet = true));
    assert_true(m->parameters <= 64);
    memcpy(before, m->values, m->parameters * sizeof *before);
    check_fails(nn_fit(m, &bad, .quiet = true), NN_ERR_NUMERIC, "norm");
    assert_memory_equal(before, m->values, m->parameters * sizeof *before);
    check_gradients(m, &good);
    assert_memory_equal(before, m->values, m->parameters * sizeof *before);
    nn_model_free(m), nn_data_free(&good), nn_data_free(&bad);
}

enum { KEPT = 12 };
typedef struct kept {
    nn_real values[KEPT][64];
} kept;

static int keep_epoch(nn_model *m, void *user)
{
    memcpy(((kept *)user)->values[m->epoch - 1], m->values, m->parameters * sizeof(nn_real));
    return 0;
}

static void best_epoch_has_its_statistics(void **state)
{
    (void)state;
    static kept all;
    nn_tensor *norm;
    nn_data train, other;
    nn_model *m = norm_model(&norm);
    rows_of(&train, 100, 1), rows_of(&other, 100, 1);
    for (int i = 0; i < 100; i++)
        ((int32_t *)other.y.values)[i] ^= 1; /* so it can only get worse */
    check_ok(nn_fit(m, &train, .epochs = KEPT, .validation = &other, .patience = 3,
                    .on_epoch = keep_epoch, .user = &all, .quiet = true));
    const int best = m->history.best, last = m->history.epochs - 1;
    assert_int_equal(last, best + 3);
    assert_memory_equal(m->values, all.values[best], m->parameters * sizeof(nn_real));
    const nn_tensor *mean = nn_parameter_named(m, "norm.running_mean");
    assert_true(mean->value[0] != all.values[last][mean->offset]);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&other);
}

static void frozen_and_shared_norms(void **state)
{
    (void)state;
    nn_model *m;
    nn_tensor *x = begin(&m, 3, 4, 3), *n = nn_batch_norm(x, .frozen = true);
    check_ok(nn_build(m, n));
    for (int k = 1; k < 5; k++) fill(n->in[k]->value, 3, 40 + (uint64_t)k);
    for (int c = 0; c < 3; c++) n->in[4]->value[c] += 2;
    nn_real before[6];
    memcpy(before, n->in[3]->value, sizeof before);
    nn_data d;
    nn_real images[5 * 24], t[5 * 36], y[5 * 36];
    fill(images, COUNT(images), 1), fill(t, COUNT(t), 2);
    check_ok(nn_data_from(&d, images, 5, { 3, 4, 2 }, .targets = t, .target_shape = { 3, 4, 3 }));
    check_ok(nn_compile(m, n, .loss = NN_MSE));
    check_ok(nn_feed(m, &d, NULL, 5));
    check_ok(nn_forward(m, NN_TRAINING));
    memcpy(y, n->value, sizeof y);
    check_ok(nn_predict(m, t, images, 5));
    assert_memory_equal(y, t, sizeof y); /* training is as prediction */
    check_gradients(m, &d); /* of the convolution before it */
    check_ok(nn_fit(m, &d, .epochs = 3, .quiet = true));
    assert_memory_equal(before, n->in[3]->value, sizeof before);
    nn_data_free(&d), nn_model_free(m);

    x = begin(&m, 3, 4, 3); /* twice the same norm */
    n = nn_batch_norm(x);
    check_graph(m, nn_batch_norm(nn_activate(n, NN_TANH), .share = n));
    x = begin(&m, 3, 4, 3);
    n = nn_layer_norm(x);
    check_graph(m, nn_layer_norm(nn_activate(n, NN_TANH), .share = n));
}

static void shared_models_share_statistics(void **state)
{
    (void)state;
    nn_tensor *norm;
    nn_data d;
    nn_model *m = norm_model(&norm), *other = nn_model_new(.share = m);
    rows_of(&d, 60, 3);
    nn_tensor *h = nn_activate(nn_batch_norm(nn_dense(nn_input(other, 2), 4)), NN_RELU);
    check_ok(nn_build(other, nn_dense(h, 2, .activation = NN_SOFTMAX)));
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    nn_real mine[120], theirs[120];
    check_ok(nn_predict_data(m, mine, &d)), check_ok(nn_predict_data(other, theirs, &d));
    assert_memory_equal(mine, theirs, sizeof mine);
    check_log_text[0] = 0;
    check_ok(nn_summary(m, 32));
    assert_non_null(
        strstr(check_log_text, "norm                     (4)                              16"));
    assert_non_null(strstr(check_log_text, "38 parameters, 8 of them not trained"));
    nn_model_free(m), nn_model_free(other), nn_data_free(&d);
}

/* ---- whole networks ---- */

/* P7 of the workbook: 225,034 parameters. */
static nn_tensor *p7(nn_model *m)
{
    nn_tensor *h = nn_conv2d(nn_input(m, 28, 28, 1), 32, 3, .activation = NN_RELU);
    h = nn_conv2d(nn_max_pool2d(h, 2), 64, 3, .activation = NN_RELU);
    h = nn_flatten(nn_max_pool2d(h, 2));
    check_dims(h, 1600);
    return nn_dense(nn_dense(h, 128, .activation = NN_RELU), 10, .activation = NN_SOFTMAX);
}

static void p7_parameters(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    check_ok(nn_compile(m, p7(m), .loss = NN_SPARSE_CROSS_ENTROPY));
    assert_int_equal(m->parameters, 320 + 18496 + 204928 + 1290);
    check_log_text[0] = 0;
    check_ok(nn_summary(m, 128));
    assert_non_null(
        strstr(check_log_text, "conv2d1                  (26, 26, 32)                    320"));
    assert_non_null(
        strstr(check_log_text, "max_pool2d2              (5, 5, 64)                        0"));
    assert_non_null(strstr(check_log_text, "225034 parameters"));
    nn_model_free(m);
}

/* Pictures of 10 x 10 with a bar: the class is its direction, not its place. */
enum { SIDE = 10, PICTURES = 240 };
static void bars(nn_data *d, uint64_t seed)
{
    static nn_real x[PICTURES * SIDE * SIDE];
    int label[PICTURES];
    nn_random random = nn_random_seed(seed);
    fill(x, COUNT(x), seed);
    for (int i = 0; i < PICTURES; i++) {
        const int at = below(&random, SIDE), from = below(&random, SIDE - 5);
        label[i] = below(&random, 3);
        for (int k = from; k < from + 6; k++) {
            int row = label[i] == 0 ? at : k, column = label[i] == 1 ? at : k;
            if (label[i] == 2) column = (k + at) % SIDE;
            x[(i * SIDE + row) * SIDE + column] += 2;
        }
    }
    check_ok(nn_data_from(d, x, PICTURES, { SIDE, SIDE, 1 }, .labels = label));
}

static void learns(void **state)
{
    (void)state;
    nn_data train, test;
    bars(&train, 1), bars(&test, 2);
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *h = nn_conv2d(nn_input(m, SIDE, SIDE, 1), 12, 3, .activation = NN_RELU);
    h = nn_conv2d(nn_max_pool2d(h, 2), 16, 3, .padding = NN_SAME, .activation = NN_RELU);
    nn_tensor *y = nn_dense(nn_global_max_pool2d(h), 3, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.01)));
    check_ok(nn_fit(m, &train, .epochs = 15, .quiet = true));
    nn_metrics r = nn_evaluate(m, &test);
    print_message("bars: accuracy %.3f on new pictures\n", r.accuracy);
    assert_true(r.accuracy >= 0.9);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
}

/* Handwritten-like digits (make digits): a small network after two epochs of 3000. */
static void learns_digits(void **state)
{
    (void)state;
    const char *const folder = "datasets/made/";
    char path[4][64];
    static const char *const name[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };
    nn_data train, test;
    for (int k = 0; k < 4; k++) snprintf(path[k], sizeof path[k], "%s%s", folder, name[k]);
    if (nn_load_idx(&train, path[0], path[1], .limit = 3000) == NN_ERR_FILE) {
        print_message("no %s; try: make digits\n", folder);
        skip();
    }
    check_ok(train.status), check_ok(nn_load_idx(&test, path[2], path[3], .limit = 500));
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *h = nn_conv2d(nn_input(m, 28, 28, 1), 8, 3, .padding = NN_SAME);
    h = nn_max_pool2d(nn_activate(nn_batch_norm(h), NN_RELU), 2);
    h = nn_flatten(nn_max_pool2d(nn_conv2d(h, 16, 3, .activation = NN_RELU), 2));
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.01)));
    check_ok(nn_fit(m, &train, .epochs = 2, .batch_size = 32, .quiet = true));
    nn_metrics r = nn_evaluate(m, &test);
    print_message("made digits: accuracy %.3f on new ones\n", r.accuracy);
    assert_true(r.accuracy >= 0.9);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
}

/* Values and gradients of a network whose max pooling follows a convolution directly, against those
   of one with a reshape between them, which keeps the two apart. */
static nn_model *pooled(bool apart, const nn_window *s, nn_activation activation, int size)
{
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *h = nn_input(m, s->H, s->W, s->C);
    for (int layer = 0; layer < 2; layer++) {
        h = nn_conv2d(h, s->O, .kernel_h = s->KH, .kernel_w = s->KW, .activation = activation,
                      .stride = layer ? 1 : s->SH,
                      .padding = layer || s->top || s->left ? NN_SAME : NN_VALID);
        if (apart) h = nn_reshape(h, h->dim[0], h->dim[1], h->dim[2]);
        h = nn_max_pool2d(h, size, .stride = layer ? 1 : size);
    }
    check_ok(nn_compile(m, nn_dense(nn_flatten(h), 3), .loss = NN_MSE));
    return m;
}

static void check_pooled(int B, const nn_window *s, nn_activation activation, int size)
{
    nn_model *m[2] = { pooled(false, s, activation, size), pooled(true, s, activation, size) };
    const size_t n = (size_t)(B * s->H * s->W * s->C);
    nn_real *x = numbers(n), *t = numbers((size_t)(3 * B));
    nn_data d;
    fill(x, n, 1), fill(t, (size_t)(3 * B), 2);
    check_ok(nn_data_from(&d, x, B, { s->H, s->W, s->C }, .targets = t, .target_shape = { 3 }));
    for (int k = 0; k < 2; k++) {
        check_ok(nn_feed(m[k], &d, NULL, B));
        check_ok(nn_forward(m[k], NN_TRAINING));
        check_ok(nn_backward(m[k]));
    }
    for (int i = 0; i < m[0]->run->tensors; i++) { /* what lies between them has its values too */
        const nn_tensor *a = m[0]->run->tensor[i], *b = m[1]->run->tensor[0];
        for (int k = 0; k < m[1]->run->tensors && (b->hidden || strcmp(a->name, b->name)); k++)
            b = m[1]->run->tensor[k];
        if (a->parameter || a->hidden || strcmp(a->name, b->name) != 0) continue;
        check_all_close(a->value, b->value, nn__entries(a), BOUND);
    }
    check_all_close(m[0]->grads, m[1]->grads, m[0]->parameters, 2 * BOUND);
    nn_model_free(m[0]), nn_model_free(m[1]), nn_data_free(&d);
    free(x), free(t);
}

static void pooling_behind_convolution(void **state)
{
    (void)state;
    const nn_activation kinds[] = { NN_RELU, NN_LINEAR, NN_TANH, NN_LEAKY_RELU, NN_SILU };
    int fused = 0, by_winners = 0;
    for (int k = 0; k < 30; k++) {
        nn_window s =
            nn_window_of(12 + k % 7, 12 + k % 5, 1 + k % 3 * 8, 3 + k % 4 / 2, 3, 1, 1, NN_SAME);
        s.O = k % 2 ? 16 + k : 5;
        check_pooled(1 + k, &s, kinds[k % COUNT(kinds)], 2 + k % 2);
        nn_model *m = pooled(false, &s, kinds[k % COUNT(kinds)], 2);
        for (int i = 0; i < m->run->tensors; i++)
            fused += m->run->tensor[i]->op == &nn__op_conv2d && m->run->tensor[i]->pool;
        nn_model_free(m);
    }
    for (int k = 0; k < 56; k++) { /* first layers with short rows: dw comes from the winners */
        nn_window s = nn_window_of(36 + k % 5, 42 - k % 7, k % 3 ? 1 : 2, 1 + k / 8, 1 + k % 8,
                                   1 + k % 11 / 8, 1 + k % 11 / 8, k % 2 ? NN_SAME : NN_VALID);
        s.O = 1 + k % 20;
        const nn_window p =
            nn_window_of(s.OH, s.OW, s.O, 2 + k % 3, 2 + k % 3, 2 + k % 3, 2 + k % 3, NN_VALID);
        check_pooled(1 + k % 19, &s, kinds[k % COUNT(kinds)], 2 + k % 3);
        by_winners += nn__by_winners(&s, &p);
    }
    if (nn__vector()) assert_true(by_winners >= 30);
    nn_model *m = nn_model_new(); /* who else needs the convolution finds its gradient */
    nn_tensor *h = nn_conv2d(nn_input(m, 8, 8, 2), 4, 3, .activation = NN_RELU);
    nn_tensor *y = nn_add(nn_max_pool2d(h, 2), nn_avg_pool2d(h, 2));
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    assert_null(h->pool);
    check_graph(m, y);
    assert_true(fused >= (nn__vector() && nn__vector()->winograd
                              ? 29
                              : 24)); /* 24 first layers; second ones by tiles */
}

#ifdef _OPENMP
/* All layers above the size from which on threads are used: the same bits for any number. */
static void threads(void **state)
{
    (void)state;
    enum { ROWS = 40, EDGE = 40 };
    static nn_real x[ROWS * EDGE * EDGE * 2];
    int label[ROWS];
    nn_data d;
    fill(x, COUNT(x), 1);
    for (int i = 0; i < ROWS; i++) label[i] = i % 5;
    check_ok(nn_data_from(&d, x, ROWS, { EDGE, EDGE, 2 }, .labels = label));
    const int count[] = { 1, 2, 3, 4, 7, 8 };
    nn_model *first = NULL;
    omp_set_dynamic(0);
    for (int k = 0; k < COUNT(count); k++) {
        omp_set_num_threads(count[k]);
        nn_model *m = nn_model_new(.seed = 1);
        nn_tensor *h = nn_conv2d(nn_input(m, EDGE, EDGE, 2), 24, 3, .activation = NN_RELU);
        h = nn_max_pool2d(h, 2);
        h = nn_conv2d(h, 24, 5, .groups = 24, .padding = NN_SAME, .activation = NN_TANH);
        h = nn_max_pool2d(nn_conv2d(h, 24, 3, .activation = NN_RELU), 3, .stride = 1);
        h = nn_conv2d(h, 32, 3, .groups = 2, .padding = NN_SAME);
        h = nn_conv2d(nn_avg_pool2d(nn_batch_norm(h), 2), 48, 1, .activation = NN_GELU);
        h = nn_layer_norm(h);
        h = nn_flatten(nn_conv2d(h, 32, 4, .stride = 2, .padding = NN_SAME));
        nn_tensor *y = nn_dense(h, 5, .activation = NN_SOFTMAX);
        check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY));
        check_ok(nn_fit(m, &d, .epochs = 2, .batch_size = 17, .quiet = true));
        if (first) assert_memory_equal(m->values, first->values, m->parameters * sizeof(nn_real));
        if (first) nn_model_free(m);
        else first = m;
    }
    nn_model_free(first), nn_data_free(&d);
}
#endif

/* A step allocates nothing. */
static void steps_allocate_nothing(void **state)
{
    (void)state;
    check_memory memory = { 0, -1, 0, 0, 0 };
    nn_allocator allocator = { check_allocate, check_release, &memory };
    nn_set_allocator(&allocator);
    nn_data d;
    bars(&d, 1);
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_conv2d(nn_input(m, SIDE, SIDE, 1), 4, 3, .activation = NN_RELU);
    h = nn_batch_norm(nn_conv2d(nn_max_pool2d(h, 2), 4, 3, .groups = 4));
    h = nn_layer_norm(nn_avg_pool2d(h, 2));
    check_ok(nn_compile(m, nn_dense(nn_flatten(h), 3, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY));
    check_ok(nn_fit_begin(m, &d, .epochs = 2, .batch_size = 100, .quiet = true));
    long before = memory.count;
    while (nn_fit_step(m)) assert_int_equal(memory.count, before);
    assert_int_equal(memory.count, before);
    check_ok(nn_fit_end(m));
    nn_model_free(m), nn_data_free(&d);
    assert_int_equal(memory.alive, 0);
    nn_set_allocator(NULL);
}

/* Every allocation of this fails once, and for good. */
static nn_status small_training(void *user)
{
    nn_data *d = (nn_data *)user;
    nn_model *m = nn_model_new();
    if (!m) return NN_ERR_MEMORY;
    nn_tensor *h = nn_conv2d(nn_input(m, SIDE, SIDE, 1), 2, 3, .activation = NN_RELU);
    h = nn_layer_norm(nn_global_avg_pool2d(nn_batch_norm(nn_max_pool2d(h, 2))));
    nn_tensor *y = nn_dense(h, 3, .activation = NN_SOFTMAX);
    nn_status status = nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY);
    if (!status) status = nn_fit(m, d, .batch_size = 100, .patience = 1, .quiet = true);
    nn_model_free(m);
    return status;
}

static void without_memory(void **state)
{
    (void)state;
    nn_data d;
    bars(&d, 1);
    check_every_allocation(small_training, &d);
    nn_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_against_pytorch),
        cmocka_unit_test(conv_random_shapes),
        cmocka_unit_test(conv_in_blocks),
        cmocka_unit_test(conv_by_tiles),
        cmocka_unit_test(pooling_behind_convolution),
        cmocka_unit_test(pools_against_pytorch),
        cmocka_unit_test(max_pool_random_shapes),
        cmocka_unit_test(max_pool_shows_nan),
        cmocka_unit_test(shapes_and_names),
        cmocka_unit_test(wrong_graphs),
        cmocka_unit_test(gradients),
        cmocka_unit_test(gradients_of_odd_shapes),
        cmocka_unit_test(frozen_and_shared),
        cmocka_unit_test(norms_against_pytorch),
        cmocka_unit_test(constants_give_beta),
        cmocka_unit_test(running_statistics),
        cmocka_unit_test(one_value_per_channel),
        cmocka_unit_test(statistics_of_failed_steps),
        cmocka_unit_test(best_epoch_has_its_statistics),
        cmocka_unit_test(frozen_and_shared_norms),
        cmocka_unit_test(shared_models_share_statistics),
        cmocka_unit_test(p7_parameters),
        cmocka_unit_test(learns),
        cmocka_unit_test(learns_digits),
#ifdef _OPENMP
        cmocka_unit_test(threads),
#endif
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("conv", tests, silence, NULL);
}
