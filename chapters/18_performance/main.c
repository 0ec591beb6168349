/* Chapter 18: why nn.h is fast. The same matrix product C = A B eight times, each version one step
   faster than the one before it, and each measured against what this machine could do at most.

   A product of two n x n matrices is n^3 multiply-adds, 2 n^3 operations, whatever the version. A
   core can do tens of multiply-adds in a nanosecond, but it loads only a few numbers in that time.
   So the question at each step is: how many loads for one multiply-add?

     1. three loops       2 loads, one of them down a column of B
     2. other order       2 loads and a store, all of them straight on
     3. blocks            the same, but from a near cache
     4. register tile     1/2: 16 sums stay in registers, each number loaded meets 4 others
     5. packed panels     1/2, and B lies in the order in which it is read
     6. vectors           1/12: one load is 8 numbers, or 1 for all 8 of them; a tile is 6 x 16
     7. nn_matmul         the same idea with blocks of rows and the longest vectors the CPU has
                          (1/26 with AVX-512: a tile is 8 x 32)
     8. all cores         the same on each core (only with -fopenmp)

   Before anything is timed, steps 2 to 8 are compared with step 1 on awkward sizes. Steps 1 to 7
   are timed by the seconds that they had a core, step 8 by the wall clock, since waiting for other
   threads is part of it. Times differ from machine to machine and from minute to minute; what
   stays is about the ratio of the steps.                                                       */

#define _POSIX_C_SOURCE 199309L             /* clock_gettime, which -std=c99 hides              */
#ifdef NN_DOUBLE
#error "this chapter is about float: build it without NN_DOUBLE"
#endif
#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <float.h>
#include <math.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* Steps 6 and the limit need AVX2 and FMA. The attribute lets one function use them although the
   rest of the program is compiled for any x86-64; has_avx2 asks the CPU before it is called.    */
#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))
#include <immintrin.h>
#endif

/* Sums stay in registers only if the loops over them are written out, and at -O2 compilers do not
   do that unasked. BY_FOUR is for the inner loops of steps 2 and 3, which have so little to do that
   where the linker happens to put them would decide about half of their speed; and it keeps clang
   from using vectors, whose turn comes in step 6. (gcc does not at -O2; at -O3 it may.)         */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define BY_FOUR _Pragma("clang loop vectorize(disable) unroll_count(4)")
#elif defined(__GNUC__) && __GNUC__ >= 8
#define UNROLL _Pragma("GCC unroll 16")
#define BY_FOUR _Pragma("GCC unroll 4")
#else
#define UNROLL
#define BY_FOUR
#endif

enum {
    BLOCK_ROWS = 64, BLOCK_COLUMNS = 256,   /* of B in step 3: 64 KB, for a cache of 256 or more */
    TERMS = 256,                            /* steps 4 to 6: how much of k at a time            */
    ROWS = 4, COLUMNS = 4,                  /* the tile of steps 4 and 5                        */
    LANES = 8, VECTOR_ROWS = 6,             /* the tile of step 6: 6 rows, 2 vectors            */
    CHAINS = 12,                            /* independent sums in the limit's loop             */
    STEPS = 8, TIMED = 9,                   /* the steps, and one question beside them          */
    SIZES = 6, ROUNDS = 7,
    GUARD = 16                              /* numbers after C that nobody may touch            */
};

/* C (m, n) = A (m, k) B (k, n), all of them row after row. */
typedef struct product {
    float *c;
    const float *a, *b;
    int m, n, k;
    float *work;                            /* room for a packed B                              */
} product;

static int smaller(int a, int b) { return a < b ? a : b; }

static void clear(const product *p)
{
    memset(p->c, 0, sizeof *p->c * (size_t)p->m * (size_t)p->n);
}

/* ---- 1. three loops: the definition --------------------------------------------------------- */

/* c_ij = sum_q a_iq b_qj. Two loads for one multiply-add. From one q to the next, b is n numbers
   further on: of the 16 numbers that come with each cache line, one is used. And each addition
   waits for the one before it.                                                                 */
static void three_loops(const product *p)
{
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            const float *a_i = p->a + (size_t)i * (size_t)p->k, *b_j = p->b + j;
            float sum = 0;
            for (int q = 0; q < p->k; q++) sum += a_i[q] * b_j[(size_t)q * (size_t)p->n];
            p->c[(size_t)i * (size_t)p->n + (size_t)j] = sum;
        }
}

/* ---- 2. the two inner loops change places --------------------------------------------------- */

/* c_i += a_iq b_q: row after row of B. It loads b and c and stores c for one multiply-add, which
   is more than before; but everything is read straight on, whole cache lines are used, and no
   addition waits for another.                                                                  */
static void loops_in_order(const product *p)
{
    clear(p);
    for (int i = 0; i < p->m; i++) {
        float *c_i = p->c + (size_t)i * (size_t)p->n;
        for (int q = 0; q < p->k; q++) {
            const float *b_q = p->b + (size_t)q * (size_t)p->n;
            const float a_iq = p->a[(size_t)i * (size_t)p->k + (size_t)q];
            BY_FOUR
            for (int j = 0; j < p->n; j++) c_i[j] += a_iq * b_q[j];
        }
    }
}

/* ---- 3. blocks for the cache ---------------------------------------------------------------- */

/* Rows 0 .. m - 1 of C, columns from j on, terms from q on: step 2 on a piece of B. */
static void add_block(const product *p, int j_begin, int q_begin)
{
    const int j_end = smaller(j_begin + BLOCK_COLUMNS, p->n);
    const int q_end = smaller(q_begin + BLOCK_ROWS, p->k);
    for (int i = 0; i < p->m; i++) {
        float *c_i = p->c + (size_t)i * (size_t)p->n;
        for (int q = q_begin; q < q_end; q++) {
            const float *b_q = p->b + (size_t)q * (size_t)p->n;
            const float a_iq = p->a[(size_t)i * (size_t)p->k + (size_t)q];
            BY_FOUR
            for (int j = j_begin; j < j_end; j++) c_i[j] += a_iq * b_q[j];
        }
    }
}

/* Step 2 reads all of B for each row of A. Here a block of B stays in a near cache until all rows
   have met it. As many loads for a multiply-add as before, only shorter ones. Do not expect much:
   this loop takes a new number of B about each third of a nanosecond, and caches that see it come
   straight on can bring that many from far away too. Steps 6 and 7 are hungrier.               */
static void in_blocks(const product *p)
{
    clear(p);
    for (int q = 0; q < p->k; q += BLOCK_ROWS)
        for (int j = 0; j < p->n; j += BLOCK_COLUMNS) add_block(p, j, q);
}

/* ---- 4. a tile of sums in registers --------------------------------------------------------- */

/* A tile's upper left corner (i, j), which terms are added, and where its part of B lies. */
typedef struct tile {
    int i, j, q, terms;
    const float *b;
    int b_step;                             /* from one row of it to the next                   */
} tile;

typedef void add_tile(const product *p, const tile *t);

/* Where row i of A is. Rows past the end repeat the last one; nobody stores their sums. */
static const float *row_of_a(const product *p, int i, int q)
{
    return p->a + (size_t)smaller(i, p->m - 1) * (size_t)p->k + (size_t)q;
}

/* 4 + 4 loads for 4 x 4 multiply-adds: half a load for each, and none of them for C, whose sums
   are in registers until the last term. Compilers that see four equal sums side by side may put
   them into one vector of four (gcc from 12 on and clang do).                                  */
static void scalar_tile(const product *p, const tile *t)
{
    float sums[ROWS][COLUMNS] = { { 0 } };
    const float *a[ROWS], *b = t->b;
    for (int r = 0; r < ROWS; r++) a[r] = row_of_a(p, t->i + r, t->q);
    for (int q = 0; q < t->terms; q++, b += t->b_step) {
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            UNROLL
            for (int s = 0; s < COLUMNS; s++) sums[r][s] += a[r][q] * b[s];
        }
    }
    float *c = p->c + (size_t)t->i * (size_t)p->n + (size_t)t->j;
    UNROLL
    for (int r = 0; r < ROWS; r++, c += p->n) {
        UNROLL
        for (int s = 0; s < COLUMNS; s++)
            if (t->i + r < p->m && t->j + s < p->n) c[s] += sums[r][s];
    }
}

/* The last columns, where a whole tile would read past the end of B. */
static void narrow_tile(const product *p, const tile *t, int rows)
{
    for (int i = t->i; i < smaller(t->i + rows, p->m); i++)
        for (int j = t->j; j < p->n; j++) {
            const float *a_i = row_of_a(p, i, t->q), *b_j = t->b + (j - t->j);
            float sum = 0;
            for (int q = 0; q < t->terms; q++) sum += a_i[q] * b_j[(size_t)q * (size_t)t->b_step];
            p->c[(size_t)i * (size_t)p->n + (size_t)j] += sum;
        }
}

/* All rows of A pass by a strip of B, as wide as a tile and TERMS long, before the next one comes.
   panels: B as step 5 packs it; or NULL: as it lies.                                           */
static void over_tiles(const product *p, int rows, int columns, add_tile *add, const float *panels)
{
    clear(p);
    for (int q = 0; q < p->k; q += TERMS)
        for (int j = 0; j < p->n; j += columns)
            for (int i = 0; i < p->m; i += rows) {
                tile t = { i, j, q, smaller(TERMS, p->k - q), NULL, panels ? columns : p->n };
                t.b = panels ? panels + (size_t)j * (size_t)p->k + (size_t)q * (size_t)columns
                             : p->b + (size_t)q * (size_t)p->n + (size_t)j;
                if (panels || j + columns <= p->n) add(p, &t);
                else narrow_tile(p, &t, rows);
            }
}

static void in_tiles(const product *p) { over_tiles(p, ROWS, COLUMNS, scalar_tile, NULL); }

/* ---- 5. B in panels ------------------------------------------------------------------------- */

/* Copies B into panels of `width` columns, one after the other, each row after row, with zeros
   where B ends: so no tile needs narrow_tile any more.                                         */
static void pack(float *to, const product *p, int width)
{
    for (int j = 0; j < p->n; j += width)
        for (int q = 0; q < p->k; q++, to += width) {
            const float *b = p->b + (size_t)q * (size_t)p->n + (size_t)j;
            const int columns = smaller(width, p->n - j);
            for (int s = 0; s < columns; s++) to[s] = b[s];
            for (int s = columns; s < width; s++) to[s] = 0;
        }
}

/* The tile and its loads are those of step 4. But there a strip of B was one short piece out of
   each of TERMS cache lines, which lie n numbers apart: where n is a power of two they all want
   the same few places of the cache and throw each other out. In a panel the strip is one piece.
   Copying costs n k loads and stores, against m n k multiply-adds: little, unless m is small. The
   scalar tile is too slow to have to wait for its loads, so this buys little yet; step 6 needs it,
   and the program says how much.                                                               */
static void in_panels(const product *p)
{
    pack(p->work, p, COLUMNS);
    over_tiles(p, ROWS, COLUMNS, scalar_tile, p->work);
}

/* ---- 6. vectors ----------------------------------------------------------------------------- */

#ifdef AVX2
typedef float vector __attribute__((vector_size(4 * LANES)));
typedef float anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* Puts the two vectors of sums of one row onto C; the last columns one by one. */
AVX2 static void vector_row_out(float *c, const float sums[2 * LANES], int columns)
{
    if (columns >= 2 * LANES) {
        *(anywhere *)c += *(const anywhere *)sums;
        *(anywhere *)(c + LANES) += *(const anywhere *)(sums + LANES);
    } else
        for (int s = 0; s < columns; s++) c[s] += sums[s];
}

/* For each term, 2 vectors of B and 6 numbers of A are loaded, the numbers into all 8 lanes of a
   vector: 8 loads for 96 multiply-adds, 1/12 for each. 12 vectors of sums, 2 of B and 1 of A fill
   15 of the 16 registers; and 12 sums are enough that none has to wait for the addition before it
   (4 or 5 cycles, two multiply-adds started in each). The fused multiply-add is one instruction;
   from a * b + c a compiler with -std=c99 may not make it.                                     */
AVX2 static void vector_tile(const product *p, const tile *t)
{
    vector sums[VECTOR_ROWS][2];
    const float *a[VECTOR_ROWS], *b = t->b;
    for (int r = 0; r < VECTOR_ROWS; r++) a[r] = row_of_a(p, t->i + r, t->q);
    UNROLL
    for (int r = 0; r < VECTOR_ROWS; r++) sums[r][0] = sums[r][1] = (vector){ 0 };
    for (int q = 0; q < t->terms; q++, b += t->b_step) {
        const vector b0 = *(const anywhere *)b, b1 = *(const anywhere *)(b + LANES);
        UNROLL
        for (int r = 0; r < VECTOR_ROWS; r++) {
            const vector a_r = _mm256_set1_ps(a[r][q]);
            sums[r][0] = _mm256_fmadd_ps(a_r, b0, sums[r][0]);
            sums[r][1] = _mm256_fmadd_ps(a_r, b1, sums[r][1]);
        }
    }
    float out[VECTOR_ROWS][2 * LANES];
    memcpy(out, sums, sizeof out);
    for (int r = 0; r < smaller(VECTOR_ROWS, p->m - t->i); r++)
        vector_row_out(p->c + (size_t)(t->i + r) * (size_t)p->n + (size_t)t->j, out[r],
                       p->n - t->j);
}

static void in_vectors(const product *p)
{
    pack(p->work, p, 2 * LANES);
    over_tiles(p, VECTOR_ROWS, 2 * LANES, vector_tile, p->work);
}

/* Not a step, but a question: what would vectors do with B as it lies? */
static void without_panels(const product *p)
{
    over_tiles(p, VECTOR_ROWS, 2 * LANES, vector_tile, NULL);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
static void in_vectors(const product *p) { three_loops(p); }    /* never called                */
static void without_panels(const product *p) { three_loops(p); }
static bool has_avx2(void) { return false; }
#endif

/* ---- 7. and 8. nn.h, on one core and on all of them ------------------------------------------ */

static int cores(void)
{
#ifdef _OPENMP
    static int all;                         /* as OMP_NUM_THREADS says, or all that there are    */
    if (!all) all = omp_get_max_threads();
    return all;
#else
    return 1;
#endif
}

static void use_cores(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#else
    (void)n;
#endif
}

/* What nn.h adds to step 6: rows of A in blocks that stay in the second-level cache, vectors of 16
   where the CPU has them (2 vectors of 16 meet 8 numbers of A: 10 loads for 256 multiply-adds),
   no packing where B can be read as it lies, and edges that cost no more than they must.        */
static void by_nn(const product *p)
{
    nn_matmul(p->c, p->a, p->b, p->m, p->n, p->k, 0, p->work);
}

/* Threads take blocks of C: no sum is split, so the result is that of step 7 to the last bit.
   Products below a million multiply-adds stay on one core: waking the others takes longer.      */
static void on_all_cores(const product *p)
{
    use_cores(cores());
    by_nn(p);
    use_cores(1);
}

/* ---- the limit ------------------------------------------------------------------------------ */

/* By the wall clock, or those that this thread had a core: another program's are not in them. */
static double seconds(bool wall)
{
#if defined(CLOCK_MONOTONIC) && defined(CLOCK_THREAD_CPUTIME_ID)
    struct timespec now;
    clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#else
    (void)wall;
    return (double)clock() / CLOCKS_PER_SEC;
#endif
}

#ifdef AVX2
/* Nothing but fused multiply-adds, in CHAINS independent sums, and no load at all: what no product
   can beat. Each sum goes to 2, so nothing overflows or becomes denormal. Written once for each
   length of vector; the sum at the end is there so that the compiler cannot leave out the rest. */
#define FMA_LOOP(name, target, type, all, fma)                                                     \
    target static float name(long loops, float half, float one)                                    \
    {                                                                                              \
        type sums[CHAINS], h = all(half), x = all(one);                                            \
        UNROLL                                                                                     \
        for (int s = 0; s < CHAINS; s++) sums[s] = all((float)s);                                  \
        for (long i = 0; i < loops; i++) {                                                         \
            UNROLL                                                                                 \
            for (int s = 0; s < CHAINS; s++) sums[s] = fma(sums[s], h, x);                         \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int s = 1; s < CHAINS; s++) sums[0] += sums[s];                                       \
        return sums[0][0];                                                                         \
    }
FMA_LOOP(fma_loop_8, AVX2, __m256, _mm256_set1_ps, _mm256_fmadd_ps)
FMA_LOOP(fma_loop_16, AVX512, __m512, _mm512_set1_ps, _mm512_fmadd_ps)

/* GFLOP/s of one core, with the longest vectors that nn.h uses here. */
static double core_limit(void)
{
    static volatile float half = 0.5f, one = 1, sink;
    const bool longer = !strcmp(nn_cpu_name(), "avx512");
    const long loops = 500000;
    double begin = seconds(false);
    sink = longer ? fma_loop_16(loops, half, one) : fma_loop_8(loops, half, one);
    (void)sink;
    begin = seconds(false) - begin;
    return (longer ? 2.0 : 1.0) * 2e-9 * LANES * CHAINS * (double)loops / begin;
}
#else
static double core_limit(void) { return 0; }                    /* unknown                      */
#endif

/* ---- the steps, and whether they are right -------------------------------------------------- */

typedef struct step {
    const char *name, *loads;               /* for one multiply-add                             */
    void (*run)(const product *p);
    int largest;                            /* size that is timed; larger ones would take long  */
    const char *missing;                    /* why it is left out, or NULL                      */
    double rate[SIZES];                     /* GFLOP/s, the median; 0: not measured             */
} step;

static step steps[TIMED] = {
    { "1 three loops", "2", three_loops, 512, NULL, { 0 } },
    { "2 other order", "2 + store", loops_in_order, 1024, NULL, { 0 } },
    { "3 blocks", "2 + store", in_blocks, 1024, NULL, { 0 } },
    { "4 register tile", "1/2", in_tiles, 1024, NULL, { 0 } },
    { "5 packed panels", "1/2", in_panels, 1024, NULL, { 0 } },
    { "6 vectors", "1/12", in_vectors, 1024, NULL, { 0 } },
    { "7 nn_matmul", "", by_nn, 1024, NULL, { 0 } },
    { "8 all cores", "", on_all_cores, 1024, NULL, { 0 } },
    { "6 without panels", "1/12", without_panels, 1024, NULL, { 0 } } };

static void choose_steps(void)
{
    const char *path = nn_cpu_name();
    if (!has_avx2()) steps[5].missing = "it needs gcc or clang, x86-64, AVX2 and FMA";
    steps[8].missing = steps[5].missing;
    if (cores() == 1) steps[7].missing = "one core";
#ifndef _OPENMP
    steps[7].missing = "compiled without -fopenmp";
#endif
    steps[6].loads = steps[7].loads = !strcmp(path, "avx512") ? "1/26" :
                                      !strcmp(path, "avx2") ? "1/12" :
                                      !strcmp(path, "scalar") ? "2" : "1/6";
}

static float *numbers(size_t n)
{
    float *x = malloc(sizeof *x * n);
    if (!x) fprintf(stderr, "18_performance: no memory for %zu numbers\n", n);
    return x;
}

/* Room for C = A B, with A and B uniform in -1 .. 1. Free it whatever comes back. */
static bool make_product(product *p, int m, int n, int k, uint64_t seed)
{
    const size_t na = (size_t)m * (size_t)k, nb = (size_t)k * (size_t)n;
    nn_random random = nn_random_seed(seed);
    float *a = numbers(na), *b = numbers(nb);
    *p = (product){ numbers((size_t)m * (size_t)n + GUARD), a, b, m, n, k,
                    numbers(nn_matmul_work_size(m, n, k)) };
    if (!p->c || !a || !b || !p->work) return false;
    for (size_t i = 0; i < na; i++) a[i] = (float)nn_random_uniform(&random, -1, 1);
    for (size_t i = 0; i < nb; i++) b[i] = (float)nn_random_uniform(&random, -1, 1);
    return true;
}

static void free_product(product *p)
{
    free(p->c);
    free((void *)p->a);
    free((void *)p->b);
    free(p->work);
}

/* Whether a step computes what step 1 does. The order of a sum changes its last digits: 1e-6 for
   each of the k terms is far more than that, and far less than one forgotten term. C begins as NaN,
   which no comparison passes, so that a number nobody wrote shows; so does a written guard.     */
static bool agrees(const step *s, const product *p, const float *right)
{
    const size_t n = (size_t)p->m * (size_t)p->n;
    const double allowed = 1e-6 * p->k;
    for (size_t i = 0; i < n + GUARD; i++) p->c[i] = NAN;
    s->run(p);
    for (size_t i = 0; i < n + GUARD; i++) {
        if (i < n ? fabs((double)p->c[i] - (double)right[i]) <= allowed : isnan(p->c[i])) continue;
        fprintf(stderr, "18_performance: step %s is wrong: %d x %d x %d, number %zu is %g instead "
                "of %g\n", s->name, p->m, p->n, p->k, i, (double)p->c[i],
                i < n ? (double)right[i] : (double)NAN);
        return false;
    }
    return true;
}

static bool check_size(int m, int n, int k, uint64_t seed)
{
    product p;
    float *right = numbers((size_t)m * (size_t)n);
    bool ok = make_product(&p, m, n, k, seed) && right;
    if (ok) three_loops(&p), memcpy(right, p.c, sizeof *right * (size_t)m * (size_t)n);
    for (int s = 1; ok && s < TIMED; s++)
        if (!steps[s].missing) ok = agrees(&steps[s], &p, right);
    free(right);
    free_product(&p);
    return ok;
}

/* One row, one column, one term; one less and one more than tiles, panels, blocks and pieces. */
static bool check_steps(uint64_t seed)
{
    static const int size[][3] = {
        { 1, 1, 1 }, { 2, 3, 5 }, { 5, 4, 16 }, { 7, 17, 9 }, { 6, 16, 257 }, { 1, 40, 600 },
        { 33, 1, 70 }, { 64, 64, 64 }, { 65, 63, 65 }, { 13, 31, 255 }, { 97, 101, 103 },
        { 128, 10, 64 }, { 130, 129, 530 } };
    const int n = (int)(sizeof size / sizeof size[0]);
    for (int i = 0; i < n; i++)
        if (!check_size(size[i][0], size[i][1], size[i][2], seed + (uint64_t)i)) return false;
    for (int s = 0; s < STEPS; s++)
        if (steps[s].missing) printf("left out: step %s (%s)\n", steps[s].name, steps[s].missing);
    printf("all steps agree with step 1 on %d awkward sizes\n", n);
    return true;
}

/* ---- measuring ------------------------------------------------------------------------------ */

typedef struct study {
    int sizes, size[SIZES];
    double limit;                           /* GFLOP/s of one core; 0: unknown                  */
    double limits[SIZES * ROUNDS];          /* as measured                                      */
    int n_limits;
} study;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static double time_of(const step *s, const product *p, int times)
{
    const bool wall = s->run == on_all_cores;
    double begin = seconds(wall);
    for (int i = 0; i < times; i++) s->run(p);
    return (seconds(wall) - begin) / times;
}

static bool is_timed(const step *s, int n) { return !s->missing && n <= s->largest; }

/* How many products make a sample long enough for the clock: the second of two trials tells, as
   the first also fetches memory and wakes threads.                                             */
static int times_for(const step *s, const product *p, double sample)
{
    double once = time_of(s, p, 1);
    if (once < sample) once = time_of(s, p, 1);
    return once < sample ? (int)(sample / (once + 1e-9)) + 1 : 1;
}

/* The steps and the limit in turn, several rounds: whatever else this machine does meanwhile
   meets all of them alike, and the median forgets it.                                          */
static bool measure_size(study *st, int k, const program *prog)
{
    const int n = st->size[k], rounds = prog->quick || n > 512 ? 3 : ROUNDS;
    double rate[TIMED][ROUNDS];
    int times[TIMED];
    product p;
    bool ok = make_product(&p, n, n, n, prog->seed);
    for (int s = 0; ok && s < TIMED; s++)
        times[s] = is_timed(&steps[s], n) ? times_for(&steps[s], &p, prog->quick ? 5e-3 : 4e-2) : 0;
    for (int r = 0; ok && r < rounds; r++) {
        st->limits[st->n_limits++] = core_limit();
        for (int s = 0; s < TIMED; s++)
            if (times[s]) rate[s][r] = 2e-9 * n * n * n / time_of(&steps[s], &p, times[s]);
    }
    for (int s = 0; ok && s < TIMED; s++)
        if (times[s]) steps[s].rate[k] = median(rate[s], rounds);
    free_product(&p);
    return ok;
}

static bool measure(study *st, const program *prog)
{
    static const int size[SIZES] = { 32, 64, 128, 256, 512, 1024 };
    st->sizes = prog->quick ? 4 : SIZES;
    memcpy(st->size, size, sizeof size);
    for (int k = 0; k < st->sizes; k++)
        if (!measure_size(st, k, prog)) return false;
    st->limit = median(st->limits, st->n_limits);
    return true;
}

/* ---- tables and the figure ------------------------------------------------------------------ */

static void print_rates(const study *st)
{
    printf("\nGFLOP/s\n                   loads for one    square matrices of size\n"
           "step               multiply-add ");
    for (int k = 0; k < st->sizes; k++) printf("%8d", st->size[k]);
    for (int s = 0; s < STEPS; s++) {
        if (steps[s].missing) continue;
        printf("\n%-18s %-13s", steps[s].name, steps[s].loads);
        for (int k = 0; k < st->sizes; k++)
            if (steps[s].rate[k] > 0) printf("%8.2f", steps[s].rate[k]);
            else printf("%8s", "-");
    }
    printf("\n");
    if (st->limit > 0)
        printf("limit: %.1f on one core, the multiply-adds alone, without a load\n", st->limit);
    else
        printf("limit: not measured (this needs AVX2 and FMA)\n");
}

/* The largest size at which all steps were timed: there they can be compared. */
static int common_size(const study *st)
{
    int k = st->sizes - 1;
    while (k > 0 && steps[0].rate[k] <= 0) k--;
    return k;
}

static void print_gains(const study *st)
{
    const int k = common_size(st);
    const step *before = NULL;
    printf("\nat size %-10d GFLOP/s   times the step before   times step 1   share of the limit\n",
           st->size[k]);
    for (int s = 0; s < STEPS; s++) {
        if (steps[s].missing) continue;
        const double rate = steps[s].rate[k], limit = st->limit * (s == 7 ? cores() : 1);
        printf("%-18s %7.2f ", steps[s].name, rate);
        if (before) printf("%23.2f", rate / before->rate[k]);
        else printf("%23s", "");
        printf("%15.1f", rate / steps[0].rate[k]);
        if (limit > 0) printf("%18.1f %%", 100 * rate / limit);
        printf("\n");
        before = &steps[s];
    }
    if (!steps[7].missing && st->limit > 0)
        printf("(the limit of step 8 is that of %d cores)\n", cores());
}

/* What packing is for, and what a busy machine does to threads. */
static void print_remarks(const study *st)
{
    const int k = st->sizes - 1;
    bool slower = false;
    if (!steps[5].missing)
        printf("\nstep 6 at size %d: %.1f GFLOP/s with packed panels, %.1f with B as it lies\n",
               st->size[k], steps[5].rate[k], steps[8].rate[k]);
    for (int i = 0; i < st->sizes; i++) slower |= steps[7].rate[i] < 0.7 * steps[6].rate[i];
    if (!steps[7].missing && slower)
        printf("\nwhere step 8 is far slower than step 7, its threads share a core, with each\n"
               "other or with another program, and wait for each other; OMP_PROC_BIND=true in the\n"
               "environment may help, and a quiet machine does\n");
    printf("\nsteps 3 and 5 may gain little where they stand: they spare the fast steps after\n"
           "them waits that a slow loop does not notice\n");
}

/* One line for each step, and the limit of one core above them. */
static int draw_rates(program *p, const study *st)
{
    double size[SIZES], limit[SIZES], limits[SIZES];
    plot_figure fig = { PLOT_LINES, .at = PLOT_HERE, .path = program_figure(p, "gflops"),
        .title = "Vectors, fed from registers and panels, come near the limit",
        .x_label = "size of the square matrices", .y_label = "GFLOP/s", .n = st->sizes,
        .log_x = 1, .log_y = 1, .width = 900, .height = 600 };
    int n = 0;
    for (int k = 0; k < st->sizes; k++) {
        size[k] = st->size[k], limit[k] = st->limit, limits[k] = st->limit * cores();
    }
    if (!steps[7].missing && st->limit > 0)
        fig.series[n++] = (plot_series){ "limit, all cores", .y = limits, .x = size,
                                   .style = PLOT_DASHED };
    if (st->limit > 0)
        fig.series[n++] = (plot_series){ "limit, one core", .y = limit, .x = size,
                                   .style = PLOT_DASHED };
    for (int s = STEPS - 1; s >= 0; s--) {
        int timed = 0;
        while (timed < st->sizes && is_timed(&steps[s], st->size[timed])) timed++;
        if (timed) fig.series[n++] = (plot_series){ steps[s].name, .y = steps[s].rate, .x = size,
                                              .n = timed, .style = PLOT_MARKED };
    }
    return plot_draw(&fig);
}

/* ---- the page's worked numbers -------------------------------------------------------------- */

/* One row of C in the order of step 2: whole rows of B are added, one after the other. */
static void print_row_of_c(void)
{
    enum { K = 3, N = 2 };
    static const float a[2][K] = { { 1, 2, 3 }, { 4, 5, 6 } };
    static const float b[K][N] = { { 7, 8 }, { 9, 10 }, { 11, 12 } };
    float c[2 * N], row[N] = { 0 };
    const product p = { c, a[0], b[0], 2, N, K, NULL };
    printf("| q | a_0q | row q of B | a_0q times it | c_0 so far |\n|---|---|---|---|---|\n");
    for (int q = 0; q < K; q++) {
        for (int j = 0; j < N; j++) row[j] += a[0][q] * b[q][j];
        printf("| %d | %g | %g, %g | %g, %g | %g, %g |\n", q, (double)a[0][q], (double)b[q][0],
               (double)b[q][1], (double)(a[0][q] * b[q][0]), (double)(a[0][q] * b[q][1]),
               (double)row[0], (double)row[1]);
    }
    three_loops(&p);
    printf("\nthree loops give C = (%g, %g; %g, %g)\n", (double)c[0], (double)c[1], (double)c[2],
           (double)c[3]);
}

/* For each term: a number of A for each row, a vector of B for each `lanes` columns. */
static void print_tile(int rows, int vectors, int lanes)
{
    const int loads = rows + vectors, sums = rows * vectors * lanes;
    printf("| %d x %d | %d | %d + %d | %d | %.3f |\n", rows, vectors * lanes, rows * vectors, rows,
           vectors, sums, (double)loads / sums);
}

/* Operations for each byte that has to be fetched once: an n x n product, and a row times it. */
static void print_reuse(int n)
{
    const double operations = 2.0 * n * n * n, bytes = 3.0 * 4 * n * n;
    printf("| %d | %.1f | %.2f |\n", n, operations / bytes, 2.0 * n * n / (4.0 * n * n + 8.0 * n));
}

static int print_worked(void)
{
    print_row_of_c();
    printf("\n| tile | registers for sums | loads for a term: A + B | multiply-adds | loads for each |\n"
           "|---|---|---|---|---|\n");
    print_tile(1, 1, 1), print_tile(ROWS, COLUMNS, 1), print_tile(VECTOR_ROWS, 2, LANES);
    print_tile(8, 2, 16);
    printf("\n| n | n x n times n x n | one row times n x n |\n|---|---|---|\n");
    print_reuse(64), print_reuse(512), print_reuse(2048);
    return 0;
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static study st;
    program p = program_start(argc, argv, "18_performance", 42,
                              "Climbs from three loops to nn.h's matrix product, step by step.");
    if (p.worked) return print_worked();
    program_announce(&p, "one matrix product in eight versions");
    printf("cores: %d\n", cores());
    use_cores(1);
    choose_steps();
    if (!check_steps(p.seed) || !measure(&st, &p)) return 1;
    print_rates(&st);
    print_gains(&st);
    print_remarks(&st);
    return draw_rates(&p, &st);
}
