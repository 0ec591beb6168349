/* Tests of >>matmul. Most compare with a triple loop in double on small whole numbers, whose sums
   are exact in float in any order: the results must then be equal, not close. */

#define _DEFAULT_SOURCE
#define CHECK_GUARDED
#ifdef _OPENMP
#include <omp.h>
#endif
#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CANARY ((nn_real)-12345)

enum { FLAGS = 8, LARGEST_K = 800, LARGEST = 130 * LARGEST_K, OFFSETS = 16 };

static const int sizes[] = { 1, 2, 3, 5, 6, 7, 15, 16, 17, 31, 32, 33, 64, 67 };
/* Past the blocks of rows, of panels and of k, and not by a whole number of tiles. */
static const int large[][3] = { { 97, 65, 385 }, { 100, 130, 768 }, { 101, 81, 769 },
                                { 1, 130, 800 }, { 130, 1, 800 },   { 128, 10, 784 } };

static nn_random dice;

/* Whole numbers from -4 to 4, or real ones from -1 to 1. */
static void fill(nn_real *x, size_t n, bool whole)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (nn_real)(whole ? (double)nn_random_below(&dice, 9) - 4
                               : nn_random_uniform(&dice, -1, 1));
}

static void transpose(nn_real *to, const nn_real *from, int rows, int columns)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j];
}

/* The definition, from A (m, k) and B (k, n). */
static void triple_loop(double *c, const nn_real *a, const nn_real *b, int m, int n, int k)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int q = 0; q < k; q++) sum += (double)a[i * k + q] * (double)b[q * n + j];
            c[i * n + j] = sum;
        }
}

/* One problem: A and B in both orders, and the product. */
typedef struct problem {
    int m, n, k;
    nn_real *a, *a_t, *b, *b_t; /* (m, k), (k, m), (k, n), (n, k) */
    double *product; /* (m, n) */
} problem;

static problem problem_new(void)
{
    problem p;
    nn_real **const part[] = { &p.a, &p.a_t, &p.b, &p.b_t };
    for (size_t i = 0; i < COUNT(part); i++) {
        *part[i] = (nn_real *)malloc(LARGEST * sizeof(nn_real));
        assert_non_null(*part[i]);
    }
    p.product = (double *)malloc(LARGEST * sizeof(double));
    assert_non_null(p.product);
    p.m = p.n = p.k = 0;
    return p;
}

static void problem_free(problem *p)
{
    free(p->a), free(p->a_t), free(p->b), free(p->b_t), free(p->product);
}

static void problem_make(problem *p, int m, int n, int k, bool whole)
{
    p->m = m, p->n = n, p->k = k;
    assert_true(m * n <= LARGEST && m * k <= LARGEST && k * n <= LARGEST);
    fill(p->a, (size_t)(m * k), whole), transpose(p->a_t, p->a, m, k);
    fill(p->b, (size_t)(k * n), whole), transpose(p->b_t, p->b, k, n);
    triple_loop(p->product, p->a, p->b, m, n, k);
}

static size_t size_a(const problem *p)
{
    return (size_t)p->m * (size_t)p->k;
}
static size_t size_b(const problem *p)
{
    return (size_t)p->k * (size_t)p->n;
}
static size_t size_c(const problem *p)
{
    return (size_t)p->m * (size_t)p->n;
}

/* What C holds before: NaN where it must not be read, a small number where it is added to. */
static nn_real before(int flags, size_t i)
{
    return flags & NN_ACCUMULATE ? (nn_real)((double)(i % 7) - 3) : (nn_real)NAN;
}

static void c_begin(nn_real *c, size_t n, int flags)
{
    for (size_t i = 0; i < n; i++) c[i] = before(flags, i);
}

static void c_check(const problem *p, const nn_real *c, int flags, double tolerance)
{
    for (size_t i = 0; i < size_c(p); i++) {
        double was = flags & NN_ACCUMULATE ? (double)before(flags, i) : 0;
        double expected = p->product[i] + was;
        if (!(fabs((double)c[i] - expected) <= tolerance))
            fail_msg("(m, n, k) = (%d, %d, %d), flags %d, row %zu, column %zu: %.9g, expected %.9g",
                     p->m, p->n, p->k, flags, i / (size_t)p->n, i % (size_t)p->n, (double)c[i],
                     expected);
    }
}

static const nn_real *stored_a(const problem *p, int flags)
{
    return flags & NN_TRANSPOSE_A ? p->a_t : p->a;
}

static const nn_real *stored_b(const problem *p, int flags)
{
    return flags & NN_TRANSPOSE_B ? p->b_t : p->b;
}

/* Calls what(p) for every combination of the sizes, and for the large ones. */
static void for_all_shapes(void (*what)(problem *p, void *user), void *user)
{
    problem p = problem_new();
    dice = nn_random_seed(1);
    for (size_t m = 0; m < COUNT(sizes); m++)
        for (size_t n = 0; n < COUNT(sizes); n++)
            for (size_t k = 0; k < COUNT(sizes); k++) {
                problem_make(&p, sizes[m], sizes[n], sizes[k], true);
                what(&p, user);
            }
    for (size_t i = 0; i < COUNT(large); i++) {
        problem_make(&p, large[i][0], large[i][1], large[i][2], true);
        what(&p, user);
    }
    problem_free(&p);
}

/* ---- every shape, flag and offset, with canaries around what is written -------------------- */

enum { MARGIN = 64 };

typedef struct arrays {
    nn_real *a, *b, *c, *work; /* LARGEST and OFFSETS numbers, c and work with margins */
    int turn; /* chooses the offsets */
} arrays;

static void canaries_set(nn_real *from, size_t n)
{
    for (size_t i = 0; i < n; i++) from[i] = CANARY;
}

static void canaries_check(const nn_real *from, size_t n, const problem *p, const char *where)
{
    for (size_t i = 0; i < n; i++)
        if (!(from[i] == CANARY))
            fail_msg("(m, n, k) = (%d, %d, %d): wrote %g at %zu %s", p->m, p->n, p->k,
                     (double)from[i], i, where);
}

static void multiply_at(const problem *p, const arrays *r, int flags, const int offset[4])
{
    size_t work_size = nn_matmul_work_size(p->m, p->n, p->k);
    nn_real *a = r->a + offset[0], *b = r->b + offset[1], *c = r->c + MARGIN + offset[2];
    nn_real *work = r->work + MARGIN + offset[3];
    memcpy(a, stored_a(p, flags), size_a(p) * sizeof *a);
    memcpy(b, stored_b(p, flags), size_b(p) * sizeof *b);
    c_begin(c, size_c(p), flags);
    canaries_set(c - MARGIN, MARGIN), canaries_set(c + size_c(p), MARGIN);
    canaries_set(work - MARGIN, MARGIN), canaries_set(work + work_size, MARGIN);
    nn_matmul(c, a, b, p->m, p->n, p->k, flags, work);
    c_check(p, c, flags, 0);
    canaries_check(c - MARGIN, MARGIN, p, "before C");
    canaries_check(c + size_c(p), MARGIN, p, "behind C");
    canaries_check(work - MARGIN, MARGIN, p, "before the workspace");
    canaries_check(work + work_size, MARGIN, p, "behind the workspace");
    assert_memory_equal(a, stored_a(p, flags), size_a(p) * sizeof *a);
    assert_memory_equal(b, stored_b(p, flags), size_b(p) * sizeof *b);
}

static void all_flags(problem *p, void *user)
{
    arrays *r = (arrays *)user;
    for (int flags = 0; flags < FLAGS; flags++, r->turn++) {
        const int offset[4] = { r->turn % 16, r->turn / 2 % 16, r->turn / 3 % 16,
                                r->turn / 5 % 16 };
        multiply_at(p, r, flags, offset);
    }
}

static arrays arrays_new(void)
{
    arrays r;
    nn_real **const part[] = { &r.a, &r.b, &r.c, &r.work };
    for (size_t i = 0; i < COUNT(part); i++) {
        *part[i] = (nn_real *)malloc((LARGEST * 2 + 2 * MARGIN + OFFSETS) * sizeof(nn_real));
        assert_non_null(*part[i]);
    }
    r.turn = 0;
    return r;
}

static void arrays_free(arrays *r)
{
    free(r->a), free(r->b), free(r->c), free(r->work);
}

static void every_shape_and_flag(void **state)
{
    (void)state;
    arrays r = arrays_new();
    for_all_shapes(all_flags, &r);
    arrays_free(&r);
}

/* Each array at each offset of 0 to 15 numbers from a cache line, the others elsewhere. */
static void every_offset(void **state)
{
    (void)state;
    const int shapes[][3] = { { 7, 17, 5 }, { 6, 16, 8 }, { 13, 33, 67 }, { 1, 15, 1 } };
    arrays r = arrays_new();
    problem p = problem_new();
    dice = nn_random_seed(2);
    for (size_t s = 0; s < COUNT(shapes); s++) {
        problem_make(&p, shapes[s][0], shapes[s][1], shapes[s][2], true);
        for (int which = 0; which < 4; which++)
            for (int o = 0; o < OFFSETS; o++)
                for (int flags = 0; flags < FLAGS; flags++) {
                    int offset[4] = { 3, 1, 2, 5 };
                    offset[which] = o;
                    multiply_at(&p, &r, flags, offset);
                }
    }
    problem_free(&p), arrays_free(&r);
}

/* ---- unreadable pages on both sides (row 14) ----------------------------------------------- */

typedef struct pages {
    check_guarded a, b, c, work;
} pages;

static nn_real *place(const check_guarded *g, size_t n, bool at_end)
{
    return at_end ? check_at_end(g, n) : check_at_start(g);
}

static void guarded_multiply(problem *p, void *user)
{
    pages *g = (pages *)user;
    size_t work_size = nn_matmul_work_size(p->m, p->n, p->k);
    for (int flags = 0; flags < FLAGS; flags++)
        for (int end = 0; end < 2; end++) {
            nn_real *a = place(&g->a, size_a(p), end), *b = place(&g->b, size_b(p), end);
            nn_real *c = place(&g->c, size_c(p), end), *work = place(&g->work, work_size, end);
            memcpy(a, stored_a(p, flags), size_a(p) * sizeof *a);
            memcpy(b, stored_b(p, flags), size_b(p) * sizeof *b);
            c_begin(c, size_c(p), flags);
            nn_matmul(c, a, b, p->m, p->n, p->k, flags, work);
            c_check(p, c, flags, 0);
        }
}

static void nothing_is_read_outside(void **state)
{
    (void)state;
    const size_t bytes = 2 * LARGEST * sizeof(nn_real);
    pages g = { check_guard(bytes), check_guard(bytes), check_guard(bytes), check_guard(bytes) };
    for_all_shapes(guarded_multiply, &g);
    check_unguard(&g.a), check_unguard(&g.b), check_unguard(&g.c), check_unguard(&g.work);
}

/* ---- sizes of 0, NaN ----------------------------------------------------------------------- */

static void no_terms_give_zero(void **state)
{
    (void)state;
    nn_real a[1] = { (nn_real)NAN }, b[1] = { (nn_real)NAN }, c[12], work[64];
    for (int flags = 0; flags < FLAGS; flags++) {
        c_begin(c, 12, flags);
        nn_matmul(c, a, b, 3, 4, 0, flags, work);
        for (size_t i = 0; i < 12; i++)
            check_close(c[i], flags & NN_ACCUMULATE ? (double)before(flags, i) : 0, 0);
        canaries_set(c, 12);
        nn_matmul(c, a, b, 0, 4, 1, flags, work);
        nn_matmul(c, a, b, 3, 0, 1, flags, work);
        for (size_t i = 0; i < 12; i++) check_close(c[i], CANARY, 0);
    }
    assert_true(nn_matmul_work_size(3, 4, 0) >= 1);
    assert_true(nn_matmul_work_size(0, 0, 0) >= 1);
}

/* NaN and infinity in A or B reach the entries of C that depend on them, and no others: also the
   zeros that pad the panels must not make NaN out of infinity. */
static void nan_goes_where_it_belongs(void **state)
{
    (void)state;
    enum { M = 13, N = 21, K = 9 };
    static nn_real a[M * K], b[K * N], c[M * N], work[2048];
    const nn_real bad[2] = { (nn_real)NAN, (nn_real)INFINITY };
    assert_true(nn_matmul_work_size(M, N, K) <= COUNT(work));
    dice = nn_random_seed(3);
    for (int which = 0; which < 2; which++)
        for (int at = 0; at < M * K; at += 7) {
            for (int i = 0; i < M * K; i++) a[i] = 1;
            for (int i = 0; i < K * N; i++) b[i] = 2;
            a[at] = bad[which];
            nn_matmul(c, a, b, M, N, K, 0, work);
            for (int i = 0; i < M * N; i++)
                assert_int_equal(!isfinite((double)c[i]), i / N == at / K);
        }
    for (int which = 0; which < 2; which++)
        for (int at = 0; at < K * N; at += 5) {
            for (int i = 0; i < M * K; i++) a[i] = 1;
            for (int i = 0; i < K * N; i++) b[i] = 2;
            b[at] = bad[which];
            nn_matmul(c, a, b, M, N, K, 0, work);
            for (int i = 0; i < M * N; i++)
                assert_int_equal(!isfinite((double)c[i]), i % N == at % N);
        }
}

/* ---- real numbers, and the fast version against the definition ----------------------------- */

/* The rounding error of a sum of k products of numbers up to 1, generously. */
static double rounding(int k)
{
    return (sizeof(nn_real) == 4 ? 1.2e-7 : 2.3e-16) * 0.5 * (k + 4);
}

static void real_numbers(void **state)
{
    (void)state;
    static nn_real c[LARGEST], work[2 * LARGEST];
    const int shapes[][3] = { { 5, 7, 3 },     { 16, 16, 16 },   { 67, 33, 64 },
                              { 97, 65, 385 }, { 128, 64, 784 }, { 12, 48, 800 } };
    problem p = problem_new();
    dice = nn_random_seed(4);
    for (size_t s = 0; s < COUNT(shapes); s++) {
        problem_make(&p, shapes[s][0], shapes[s][1], shapes[s][2], false);
        for (int flags = 0; flags < FLAGS; flags++) {
            c_begin(c, size_c(&p), flags);
            nn_matmul(c, stored_a(&p, flags), stored_b(&p, flags), p.m, p.n, p.k, flags, work);
            c_check(&p, c, flags, rounding(p.k));
        }
    }
    problem_free(&p);
}

/* The fast version, with bias and activation, against the definition. */
static void fast_agrees_with_ref(problem *p, void *user)
{
    static nn_real fast[LARGEST], ref[LARGEST], bias[256], work[2 * LARGEST];
    nn__activation *const finish[] = { NULL, nn__pointwise_of(NN_RELU)->forward,
                                   nn__pointwise_of(NN_LEAKY_RELU)->forward };
    int *turn = (int *)user, flags = (*turn)++ % FLAGS;
    fill(bias, 256, true);
    nn__product x = { 0 };
    nn__product_set(&x, fast, stored_a(p, flags), stored_b(p, flags), p->m, p->n, p->k, flags, work);
    x.bias = *turn % 2 ? bias : NULL, x.finish = finish[*turn % 3], x.alpha = (nn_real)0.5;
    nn__product y = x;
    y.c = ref;
    c_begin(fast, size_c(p), flags), c_begin(ref, size_c(p), flags);
    nn__matmul_run(&x);
    nn__matmul_ref(&y);
    for (size_t i = 0; i < size_c(p); i++)
        if (!(fast[i] == ref[i]))
            fail_msg("(m, n, k) = (%d, %d, %d), flags %d, bias %d, activation %d, row %zu, column "
                     "%zu: %s gives %.9g, the definition %.9g",
                     p->m, p->n, p->k, flags, *turn % 2, *turn % 3, i / (size_t)p->n,
                     i % (size_t)p->n, nn_cpu_name(), (double)fast[i], (double)ref[i]);
}

static void fast_against_ref(void **state)
{
    (void)state;
    int turn = 0;
    for_all_shapes(fast_agrees_with_ref, &turn);
    problem p = problem_new(); /* k in several parts: the activation comes after the last one */
    problem_make(&p, 13, 35, 2 * NN__BLOCK_K + 9, true);
    for (int i = 0; i < 2 * 3 * FLAGS; i++) fast_agrees_with_ref(&p, &turn);
    problem_free(&p);
}

/* ---- threads (row 16) ---------------------------------------------------------------------- */

/* The same bits for any number of threads. */
static void threads_change_nothing(void **state)
{
    (void)state;
#ifdef _OPENMP
    const int shapes[][3] = { { 97, 65, 385 }, { 100, 130, 768 }, { 128, 64, 784 },
                              { 10, 64, 128 }, { 784, 64, 128 },  { 129, 257, 100 } };
    const int threads[] = { 1, 2, 3, 4, 7, 8 };
    enum { ROOM = 784 * 300 };
    nn_real *a = (nn_real *)malloc(ROOM * sizeof *a), *b = (nn_real *)malloc(ROOM * sizeof *b);
    nn_real *c = (nn_real *)malloc(ROOM * sizeof *c), *one = (nn_real *)malloc(ROOM * sizeof *c);
    nn_real *work = (nn_real *)malloc(ROOM * sizeof *work);
    assert_true(a && b && c && one && work);
    dice = nn_random_seed(5);
    fill(a, ROOM, false), fill(b, ROOM, false);
    int before_test = omp_get_max_threads();
    omp_set_dynamic(0);
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (int flags = 0; flags < FLAGS; flags++)
            for (size_t t = 0; t < COUNT(threads); t++) {
                int m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
                size_t size = (size_t)m * (size_t)n;
                assert_true(nn_matmul_work_size(m, n, k) <= ROOM);
                omp_set_num_threads(threads[t]);
                c_begin(c, size, flags);
                nn_matmul(c, a, b, m, n, k, flags, work);
                if (t == 0) memcpy(one, c, size * sizeof *c);
                if (memcmp(one, c, size * sizeof *c) != 0)
                    fail_msg("(m, n, k) = (%d, %d, %d), flags %d: %d threads give other bits", m, n,
                             k, flags, threads[t]);
            }
    omp_set_num_threads(before_test);
    free(a), free(b), free(c), free(one), free(work);
#else
    print_message("built without -fopenmp\n");
    skip();
#endif
}

/* Where denormals are taken as 0, as inside a training step, every thread does so: the products of
   these numbers are denormal, and come out as 0 from all of them. */
static void threads_take_the_float_mode(void **state)
{
    (void)state;
#if defined(_OPENMP) && NN__VECTORS && defined(__x86_64__)
    enum { SIZE = 192 };
    static nn_real a[SIZE * SIZE], c[SIZE * SIZE];
    nn_real *work = (nn_real *)malloc(nn_matmul_work_size(SIZE, SIZE, SIZE) * sizeof *work);
    assert_non_null(work);
    int before_test = omp_get_max_threads();
    for (size_t i = 0; i < SIZE * SIZE; i++) a[i] = (nn_real)1e-21;
    for (int flush = 0; flush < 2; flush++) {
        unsigned mode = flush ? nn__denormals_off() : nn__float_mode(), inside = nn__float_mode();
        omp_set_num_threads(4);
        nn_matmul(c, a, a, SIZE, SIZE, SIZE, 0, work);
        unsigned after = nn__float_mode();
        nn__set_float_mode(mode);
        assert_int_equal(after & 0x8040, inside & 0x8040); /* the flags of exceptions may differ */
        for (size_t i = 0; nn_cpu_name()[0] != 's' && i < SIZE * SIZE; i++)
            if ((c[i] == 0) != (flush == 1))
                fail_msg("entry %zu is %g with flushing %s", i, (double)c[i], flush ? "on" : "off");
    }
    omp_set_num_threads(before_test);
    free(work);
#else
    print_message("built without -fopenmp, or no x86-64\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_and_flag),      cmocka_unit_test(every_offset),
        cmocka_unit_test(nothing_is_read_outside),   cmocka_unit_test(no_terms_give_zero),
        cmocka_unit_test(nan_goes_where_it_belongs), cmocka_unit_test(real_numbers),
        cmocka_unit_test(fast_against_ref),          cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(threads_take_the_float_mode),
    };
    print_message("code path: %s\n", nn_cpu_name());
    return cmocka_run_group_tests_name(">>matmul", tests, NULL, NULL);
}
