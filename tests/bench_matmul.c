/* Matrix products: nn_matmul, OpenBLAS and oneDNN in turn on the same numbers.

     build/bench_matmul [rounds [work ...]]      such as: build/bench_matmul 11 gemm-128x64x784-NT

   For each shape m x n x k (second letter T: B is stored transposed, first: A) and each peer
     RATIO work threads peer ours_seconds theirs_seconds ratio
   with seconds for one product and medians over the rounds, on stdout; GFLOP/s and the share of
   what the multiply-adds allow on stderr. OMP_NUM_THREADS and OPENBLAS_NUM_THREADS set the threads;
   nn.h's need -fopenmp. -DBENCH_OPENBLAS and -DBENCH_ONEDNN add the peers. */
#define _POSIX_C_SOURCE 200112L
#define NN_IMPLEMENTATION
#include "../nn.h"
#include <time.h>
#ifdef BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef BENCH_ONEDNN
#include <dnnl.h>
#endif

enum { MAX_ROUNDS = 101 };

typedef struct shape {
    int m, n, k;
    char ta, tb; /* N or T */
} shape;

static const shape shapes[] = {
    { 64, 64, 64, 'N', 'N' },    { 128, 128, 128, 'N', 'N' },    { 256, 256, 256, 'N', 'N' },
    { 512, 512, 512, 'N', 'N' }, { 1024, 1024, 1024, 'N', 'N' }, { 2048, 2048, 2048, 'N', 'N' },
    { 128, 64, 784, 'N', 'N' },  { 128, 64, 784, 'N', 'T' },     { 784, 64, 128, 'T', 'N' },
    { 64, 784, 128, 'T', 'N' },  { 128, 784, 64, 'N', 'N' },     { 128, 512, 784, 'N', 'N' },
    { 128, 512, 784, 'N', 'T' }, { 784, 512, 128, 'T', 'N' },    { 512, 784, 128, 'T', 'N' },
    { 128, 512, 512, 'N', 'N' }, { 128, 512, 512, 'N', 'T' },    { 512, 512, 128, 'T', 'N' },
};

static float *a, *b, *c, *work;

static void ours(const shape *s)
{
    int flags = (s->ta == 'T' ? NN_TRANSPOSE_A : 0) | (s->tb == 'T' ? NN_TRANSPOSE_B : 0);
    nn_matmul(c, a, b, s->m, s->n, s->k, flags, work);
}

#ifdef BENCH_OPENBLAS
static void openblas(const shape *s)
{
    cblas_sgemm(CblasRowMajor, s->ta == 'T' ? CblasTrans : CblasNoTrans,
                s->tb == 'T' ? CblasTrans : CblasNoTrans, s->m, s->n, s->k, 1, a,
                s->ta == 'T' ? s->m : s->k, b, s->tb == 'T' ? s->k : s->n, 0, c, s->n);
}
#endif

#ifdef BENCH_ONEDNN
static void onednn(const shape *s)
{
    dnnl_sgemm(s->ta, s->tb, s->m, s->n, s->k, 1, a, s->ta == 'T' ? s->m : s->k, b,
               s->tb == 'T' ? s->k : s->n, 0, c, s->n);
}
#endif

static const struct {
    const char *name;
    void (*product)(const shape *s);
} sides[] = {
    { "nn.h", ours },
#ifdef BENCH_OPENBLAS
    { "openblas", openblas },
#endif
#ifdef BENCH_ONEDNN
    { "onednn", onednn },
#endif
};
enum { SIDES = sizeof sides / sizeof *sides };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int smaller(const void *x, const void *y)
{
    double p = *(const double *)x, q = *(const double *)y;
    return (p > q) - (p < q);
}

static double median(const double *x, int n)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, smaller);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Floating-point operations a second of AVX2 multiply-adds that wait for nothing, on all threads of
   nn.h: ten independent sums, enough to hide the latency. 0 where there is no AVX2. */
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define TEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

__attribute__((target("avx2,fma"))) static float multiply_adds(int n)
{
    __m256 x = _mm256_set1_ps(0.999999f), y = _mm256_set1_ps(1e-6f), sum = y;
#define START(i) __m256 s##i = _mm256_set1_ps((float)i);
#define STEP(i) s##i = _mm256_fmadd_ps(s##i, x, y);
#define END(i) sum = _mm256_add_ps(sum, s##i);
    TEN(START)
    for (int i = 0; i < n; i++) {
        TEN(STEP)
    }
    TEN(END)
    return _mm256_cvtss_f32(sum);
}

static double fma_limit(void)
{
    const int n = 1000000;
    static double best; /* of all calls: other programs only make it smaller */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    for (int r = 0; r < 3; r++) {
        double start = seconds();
        int threads = 0;
#ifdef _OPENMP
#pragma omp parallel reduction(+ : threads)
#endif
        threads += multiply_adds(n) > 0; /* each thread counts itself */
        double rate = threads * 10.0 * 16 * n / (seconds() - start);
        best = NN__MAX(best, rate);
    }
    return best;
}
#else
static double fma_limit(void)
{
    return 0;
}
#endif

/* Seconds of one product, from enough of them for about 15 ms. With several threads each library
   first gets a pause, because the waiting threads of the one before may still spin. */
static double measure(int side, const shape *s, int threads)
{
    const struct timespec pause = { 0, 40000000 };
    int count = (int)(1.5e9 / (2.0 * s->m * s->n * s->k)) + 1;
    if (threads > 1) nanosleep(&pause, NULL);
    sides[side].product(s);
    double start = seconds();
    for (int i = 0; i < count; i++) sides[side].product(s);
    return (seconds() - start) / count;
}

/* The largest difference between a peer's result and nn.h's: 1e-4 or so, else one is wrong. */
static double difference(int side, const shape *s)
{
    size_t n = (size_t)s->m * (size_t)s->n;
    float *mine = (float *)malloc(n * sizeof *mine);
    double largest = 0;
    if (!mine) return NAN;
    ours(s), memcpy(mine, c, n * sizeof *mine);
    sides[side].product(s);
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)c[i] - (double)mine[i]);
        if (!(d <= largest)) largest = d;
    }
    free(mine);
    return largest;
}

static bool allocate(float **x, size_t n)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 64, n * sizeof **x)) return false;
    nn_random random = nn_random_seed(n);
    *x = (float *)memory;
    for (size_t i = 0; i < n; i++) (*x)[i] = (float)nn_random_uniform(&random, -0.5, 0.5);
    return true;
}

static void release(void)
{
    free(a), free(b), free(c), free(work);
    a = b = c = work = NULL;
}

/* Measures one shape and adds the logarithms of the medians to `sum`. */
static bool run(const shape *s, const char *name, int rounds, int threads, double sum[SIDES])
{
    double limit = 0, time[SIDES][MAX_ROUNDS], ratio[MAX_ROUNDS], flop = 2.0 * s->m * s->n * s->k;
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    if (!allocate(&a, m * k) || !allocate(&b, k * n) || !allocate(&c, m * n) ||
        !allocate(&work, nn_matmul_work_size(s->m, s->n, s->k)))
        return release(), false;
    for (int r = 0; r < rounds; r++) {
        limit = fma_limit();
        for (int i = 0; i < SIDES; i++) {
            int side = (i + r) % SIDES; /* each of them goes first in turn */
            time[side][r] = measure(side, s, threads);
        }
    }
    double mine = median(time[0], rounds);
    fprintf(stderr, "%-22s GFLOP/s:", name);
    for (int i = 0; i < SIDES; i++) {
        double theirs = median(time[i], rounds);
        sum[i] += log(theirs);
        fprintf(stderr, "  %s %.1f", sides[i].name, 1e-9 * flop / theirs);
        if (i == 0) continue;
        for (int r = 0; r < rounds; r++) ratio[r] = time[i][r] / time[0][r];
        printf("RATIO %s %d %s %.4g %.4g %.2f\n", name, threads, sides[i].name, mine, theirs,
               median(ratio, rounds));
        double d = difference(i, s);
        if (!(d < 1e-3)) fprintf(stderr, " (differs by %g)", d);
    }
    if (limit > 0)
        fprintf(stderr, "; nn.h %.0f %% of %.1f", 100 * flop / mine / limit, 1e-9 * limit);
    fprintf(stderr, "\n");
    fflush(stdout);
    release();
    return true;
}

static bool chosen(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc <= 2;
}

int main(int argc, char **argv)
{
    const char *text = getenv("OMP_NUM_THREADS");
    int threads = text ? NN__MAX(atoi(text), 1) : 1, done = 0;
    int rounds = argc > 1 ? NN__MIN(NN__MAX(atoi(argv[1]), 1), MAX_ROUNDS) : 11;
    double sum[SIDES] = { 0 };
#ifndef BENCH_OPENBLAS
    fprintf(stderr, "without OpenBLAS: install libopenblas-dev to compare with it\n");
#endif
#ifndef BENCH_ONEDNN
    fprintf(stderr, "without oneDNN: install libdnnl-dev to compare with it\n");
#endif
    for (int i = 0; i < 30; i++) fma_limit(); /* the processor wakes up */
    fprintf(stderr, "nn.h uses %s; AVX2 multiply-adds allow %.1f GFLOP/s\n", nn_cpu_name(),
            1e-9 * fma_limit());
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        char name[64];
        snprintf(name, sizeof name, "gemm-%dx%dx%d-%c%c", s->m, s->n, s->k, s->ta, s->tb);
        if (!chosen(name, argc, argv)) continue;
        if (!run(s, name, rounds, threads, sum)) return fprintf(stderr, "no memory\n"), 1;
        done++;
    }
    if (done == 0) return fprintf(stderr, "no such shape\n"), 2;
    for (int i = 1; i < SIDES; i++) /* the geometric means */
        printf("RATIO gemm-mean %d %s %.4g %.4g %.2f\n", threads, sides[i].name, exp(sum[0] / done),
               exp(sum[i] / done), exp((sum[i] - sum[0]) / done));
    return 0;
}
