/* Tests of >>random. The golden numbers were computed in Python from the definition: SplitMix64
   (its published sequence from the state 1234567 is the first of them), seeds and streams through
   the same mixing function. Statistical tests have fixed seeds, so they cannot fail by chance; a
   limit on chi-square is about its 1 in 100,000 quantile. */

#define NN_IMPLEMENTATION
#include "../nn.h"
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- golden numbers ---------------------------------------------------------------------- */

#define check_u64(random, expected) check_u64_at(random, expected, __LINE__)
static void check_u64_at(nn_random *random, uint64_t expected, int line)
{
    uint64_t got = nn_random_u64(random);
    if (got != expected)
        fail_msg("line %d: got 0x%016llx, expected 0x%016llx", line, (unsigned long long)got,
                 (unsigned long long)expected);
}

static void published_sequence(void **state)
{
    (void)state;
    const uint64_t expected[] = { UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                  UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                  UINT64_C(16408922859458223821) };
    nn_random random = { 1234567 };
    for (size_t i = 0; i < COUNT(expected); i++) check_u64(&random, expected[i]);
}

typedef struct golden {
    uint64_t seed, bits[4];
    double uniform[4];
    int below_ten[12];
} golden;

static const golden goldens[] = {
    { 0,
      { UINT64_C(0xf5dd724ff3b8a536), UINT64_C(0x7c6ede0099d1dac1), UINT64_C(0x09f2c7599678a38e),
        UINT64_C(0x7f0826b1a0a9165d) },
      { 0.9604102559276009, 0.48606669916791334, 0.03886075913621534, 0.4962181266461452 },
      { 0, 9, 4, 9, 9, 7, 5, 9, 0, 1, 5, 7 } },
    { 1,
      { UINT64_C(0x6b00d4b59469b24c), UINT64_C(0xab99b3f747bfd3cf), UINT64_C(0xc84582a80c5ca00e),
        UINT64_C(0x7486c3df0b301e52) },
      { 0.4179814284620196, 0.6703140715324019, 0.7823106441759244, 0.45518135257151504 },
      { 2, 5, 0, 4, 4, 2, 2, 0, 2, 6, 7, 5 } },
    { 42,
      { UINT64_C(0x63f4054dde37fb65), UINT64_C(0x217afd0942281e42), UINT64_C(0x9814d2acf5cc8f51),
        UINT64_C(0x1daba4e7f1df33d3) },
      { 0.3904422106845401, 0.13078290439639806, 0.5940677330270764, 0.11590033209529049 },
      { 9, 4, 7, 1, 4, 0, 7, 2, 9, 0, 1, 7 } },
    { UINT64_MAX,
      { UINT64_C(0xa2aaeb5d89d38ed5), UINT64_C(0xcdd66b81babc6412), UINT64_C(0x9caa849a9132ee36),
        UINT64_C(0x404efd1fc7947f36) },
      { 0.6354205230107494, 0.8040530387613543, 0.6119768979417121, 0.25120527292127004 },
      { 3, 2, 4, 4, 6, 1, 3, 8, 8, 6, 6, 6 } },
};

static void golden_numbers(void **state)
{
    (void)state;
    for (size_t g = 0; g < COUNT(goldens); g++) {
        nn_random random = nn_random_seed(goldens[g].seed);
        for (int i = 0; i < 4; i++) check_u64(&random, goldens[g].bits[i]);
        random = nn_random_seed(goldens[g].seed);
        for (int i = 0; i < 4; i++)
            check_close(nn_random_uniform(&random, 0, 1), goldens[g].uniform[i], 0);
        random = nn_random_seed(goldens[g].seed);
        for (int i = 0; i < 4; i++)
            check_close(nn_random_uniform(&random, -3, 5), 8 * goldens[g].uniform[i] - 3, 4e-15);
        random = nn_random_seed(goldens[g].seed);
        for (int i = 0; i < 12; i++)
            assert_int_equal(nn_random_below(&random, 10), goldens[g].below_ten[i]);
    }
}

static void golden_splits(void **state)
{
    (void)state;
    nn_random parent = nn_random_seed(42), child = nn_random_split(&parent, 0);
    check_u64(&child, UINT64_C(0x84b7c9eff1ac1640));
    check_u64(&child, UINT64_C(0x4ecf2b5c14a2cb9d));
    child = nn_random_split(&parent, 1);
    check_u64(&child, UINT64_C(0xb471d7d539d187a7));
    child = nn_random_split(&parent, UINT64_MAX);
    check_u64(&child, UINT64_C(0xf6967521ff500be2));
}

static void golden_normals_and_shuffle(void **state)
{
    (void)state;
    const int expected[10] = { 4, 7, 6, 3, 5, 0, 2, 8, 1, 9 };
    int index[10];
    nn_random random = nn_random_seed(42);
    check_close(nn_random_normal(&random, 3, 2), 4.355108705358267, 1e-12);
    check_close(nn_random_normal(&random, 3, 2), 5.0044337512236465, 1e-12);
    check_close(nn_random_normal(&random, 3, 2), 4.014708429591044, 1e-12);
    random = nn_random_seed(42);
    for (int i = 0; i < 10; i++) index[i] = i;
    nn_random_shuffle(&random, index, 10);
    for (int i = 0; i < 10; i++) assert_int_equal(index[i], expected[i]);
}

/* ---- distributions ----------------------------------------------------------------------- */

/* sum (count - expected)² / expected, where all are equally likely, must stay below limit: and
   above 0, for counts that agree too well are not random either. */
#define check_even(counts, n, limit) check_even_at(counts, n, limit, #counts, __LINE__)
static void check_even_at(const int *counts, size_t n, double limit, const char *what, int line)
{
    double total = 0, chi = 0;
    for (size_t i = 0; i < n; i++) total += counts[i];
    for (size_t i = 0; i < n; i++) {
        double difference = counts[i] - total / (double)n;
        chi += difference * difference / (total / (double)n);
    }
    if (!(chi > 0 && chi < limit))
        fail_msg("line %d: chi-square of %s is %g, expected between 0 and %g", line, what, chi,
                 limit);
}

static void uniform_range(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(7);
    int counts[64] = { 0 };
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < 200000; i++) {
        double x = nn_random_uniform(&random, 0, 1);
        assert_true(x >= 0 && x < 1);
        counts[(int)(64 * x)]++;
        sum += x, least = NN__MIN(least, x), most = NN__MAX(most, x);
    }
    check_even(counts, 64, 127.0); /* 63 degrees of freedom */
    check_close(sum / 200000, 0.5, 4.5 * sqrt(1.0 / 12 / 200000));
    assert_true(least < 1e-4 && most > 1 - 1e-4);
}

/* Where rounding could reach the upper end: between neighbours, and far from 0. */
static void uniform_never_reaches_high(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(8);
    const double pairs[][2] = {
        { 1, 1 + DBL_EPSILON }, { 1e16, 1e16 + 2 },
        { -1e16 - 2, -1e16 },   { -1, 1 },
        { 0, DBL_MIN },         { 1e300, 2e300 },
        { -5, -4.9999 },        { 4503599627370496.0, 4503599627370497.0 }
    };
    for (size_t p = 0; p < COUNT(pairs); p++)
        for (int i = 0; i < 2000; i++) {
            double x = nn_random_uniform(&random, pairs[p][0], pairs[p][1]);
            if (!(x >= pairs[p][0] && x < pairs[p][1]))
                fail_msg("%.17g is not in [%.17g, %.17g)", x, pairs[p][0], pairs[p][1]);
        }
    check_close(nn_random_uniform(&random, 3, 3), 3, 0);
}

static void below_is_even(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(9);
    int three[3] = { 0 }, seven[7] = { 0 }, ten[10] = { 0 }, hundred[100] = { 0 };
    for (int i = 0; i < 60000; i++) {
        three[nn_random_below(&random, 3)]++;
        seven[nn_random_below(&random, 7)]++;
        ten[nn_random_below(&random, 10)]++;
        hundred[nn_random_below(&random, 100)]++;
        assert_int_equal(nn_random_below(&random, 1), 0);
    }
    check_even(three, 3, 23.0);
    check_even(seven, 7, 33.1);
    check_even(ten, 10, 39.3);
    check_even(hundred, 100, 176.0);
}

/* Where the plain remainder is worst: of 3 * 2^62 numbers the first third would come up twice as
   often as the others. */
static void below_is_even_for_large_n(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(10);
    const uint64_t part = UINT64_C(1) << 62, n = 3 * part;
    int thirds[3] = { 0 };
    for (int i = 0; i < 30000; i++) {
        uint64_t x = nn_random_below(&random, n);
        assert_true(x < n);
        thirds[x / part]++;
    }
    check_even(thirds, 3, 23.0);
    for (int i = 0; i < 1000; i++) {
        assert_true(nn_random_below(&random, UINT64_MAX) < UINT64_MAX);
        assert_true(nn_random_below(&random, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void bits_are_even(void **state)
{
    (void)state;
    nn_random random = nn_random_seed(11);
    int ones[64] = { 0 }, changes = 0;
    uint64_t last = nn_random_u64(&random);
    for (int i = 0; i < 40000; i++) {
        uint64_t x = nn_random_u64(&random);
        for (int b = 0; b < 64; b++) ones[b] += (int)(x >> b & 1);
        for (uint64_t d = x ^ last; d; d &= d - 1) changes++;
        last = x;
    }
    for (int b = 0; b < 64; b++) check_close(ones[b] / 40000.0, 0.5, 4.5 * 0.5 / sqrt(40000.0));
    check_close(changes / (64 * 40000.0), 0.5, 4.5 * 0.5 / sqrt(64 * 40000.0));
}

static void normal_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    nn_random random = nn_random_seed(12);
    double sum[5] = { 0 }, within[3] = { 0 };
    for (int i = 0; i < N; i++) {
        double x = nn_random_normal(&random, 0, 1), power = 1;
        assert_true(fabs(x) < 9);
        for (int k = 1; k <= 4; k++) sum[k] += power *= x;
        for (int k = 0; k < 3; k++) within[k] += fabs(x) <= k + 1;
    }
    const double slack = 4.5 / sqrt((double)N);
    check_close(sum[1] / N, 0, slack);
    check_close(sqrt(sum[2] / N), 1, slack);
    check_close(sum[3] / N, 0, slack * sqrt(15.0));
    check_close(sum[4] / N, 3, slack * sqrt(96.0));
    check_close(within[0] / N, 0.682689, slack * 0.5);
    check_close(within[1] / N, 0.954500, slack * 0.21);
    check_close(within[2] / N, 0.997300, slack * 0.052);
    double mean = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double x = nn_random_normal(&random, -7, 0.25);
        mean += x / N, squares += (x + 7) * (x + 7) / N;
    }
    check_close(mean, -7, 0.25 * slack);
    check_close(sqrt(squares), 0.25, 0.25 * slack);
    check_close(nn_random_normal(&random, 2, 0), 2, 0);
}

/* ---- splitting --------------------------------------------------------------------------- */

static void splitting_leaves_the_parent(void **state)
{
    (void)state;
    nn_random a = nn_random_seed(13), b = a;
    nn_random first = nn_random_split(&a, 1), second = nn_random_split(&a, 2);
    nn_random_u64(&first);
    assert_true(a.state == b.state);
    nn_random second_first = nn_random_split(&b, 2), first_second = nn_random_split(&b, 1);
    assert_true(second.state == second_first.state);
    first = nn_random_split(&a, 1);
    assert_true(first.state == first_second.state);
    assert_true(nn_random_u64(&a) == nn_random_u64(&b));
    nn_random later = nn_random_split(&a, 1);
    assert_true(later.state != first.state);
}

/* Pairs of numbers, from two generators at the same place, fall evenly into 8 x 8 boxes. */
static void check_pairs(nn_random *a, nn_random *b, const char *what)
{
    int boxes[64] = { 0 };
    double product = 0;
    for (int i = 0; i < 12800; i++) {
        double x = nn_random_uniform(a, 0, 1), y = nn_random_uniform(b, 0, 1);
        boxes[8 * (int)(8 * x) + (int)(8 * y)]++;
        product += (x - 0.5) * (y - 0.5);
    }
    if (!(fabs(product / 12800 * 12) < 4.5 / sqrt(12800.0)))
        fail_msg("%s: the correlation is %g", what, product / 12800 * 12);
    check_even(boxes, 64, 127.0);
}

static void splits_are_independent(void **state)
{
    (void)state;
    nn_random parent = nn_random_seed(14);
    for (uint64_t k = 0; k < 8; k++) {
        nn_random a = nn_random_split(&parent, k), b = nn_random_split(&parent, k + 1);
        check_pairs(&a, &b, "two children");
        a = nn_random_split(&parent, k), b = parent;
        check_pairs(&a, &b, "child and parent");
        a = nn_random_split(&parent, k), b = nn_random_split(&a, k);
        check_pairs(&a, &b, "child and its child");
        a = nn_random_seed(k), b = nn_random_seed(k + 1);
        check_pairs(&a, &b, "two seeds");
    }
}

/* The first numbers of many children and of many seeds are even and all different. */
static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void first_numbers_differ(void **state)
{
    (void)state;
    enum { N = 20000 };
    static uint64_t all[2 * N];
    int boxes[64] = { 0 };
    nn_random parent = nn_random_seed(15);
    for (int i = 0; i < N; i++) {
        nn_random child = nn_random_split(&parent, (uint64_t)i),
                  other = nn_random_seed((uint64_t)i);
        all[2 * i] = nn_random_u64(&child), all[2 * i + 1] = nn_random_u64(&other);
        boxes[all[2 * i] >> 58]++;
    }
    check_even(boxes, 64, 127.0);
    memset(boxes, 0, sizeof boxes);
    for (int i = 0; i < N; i++) boxes[all[2 * i + 1] >> 58]++;
    check_even(boxes, 64, 127.0);
    qsort(all, 2 * N, sizeof *all, by_value);
    for (int i = 1; i < 2 * N; i++) assert_true(all[i] != all[i - 1]);
}

/* ---- shuffling --------------------------------------------------------------------------- */

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    const int sizes[] = { 0, 1, 2, 3, 17, 1000 };
    int index[1002], seen[1000];
    nn_random random = nn_random_seed(16);
    for (size_t s = 0; s < COUNT(sizes); s++) {
        int n = sizes[s], moved = 0;
        for (int i = 0; i < n + 2; i++) index[i] = i - 1;
        nn_random_shuffle(&random, index + 1, n);
        assert_int_equal(index[0], -1);
        assert_int_equal(index[n + 1], n);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < n; i++) {
            assert_true(index[i + 1] >= 0 && index[i + 1] < n);
            assert_int_equal(seen[index[i + 1]]++, 0);
            moved += index[i + 1] != i;
        }
        if (n == 1000) assert_true(moved > 980);
    }
}

static void every_order_is_equally_likely(void **state)
{
    (void)state;
    int orders[256] = { 0 }, counts[24], found = 0;
    nn_random random = nn_random_seed(17);
    for (int i = 0; i < 48000; i++) {
        int index[4] = { 0, 1, 2, 3 };
        nn_random_shuffle(&random, index, 4);
        orders[index[0] + 4 * index[1] + 16 * index[2] + 64 * index[3]]++;
    }
    for (int i = 0; i < 256; i++)
        if (orders[i]) {
            assert_true(found < 24);
            counts[found++] = orders[i];
        }
    assert_int_equal(found, 24);
    check_even(counts, 24, 66.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sequence),
        cmocka_unit_test(golden_numbers),
        cmocka_unit_test(golden_splits),
        cmocka_unit_test(golden_normals_and_shuffle),
        cmocka_unit_test(uniform_range),
        cmocka_unit_test(uniform_never_reaches_high),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(below_is_even_for_large_n),
        cmocka_unit_test(bits_are_even),
        cmocka_unit_test(normal_moments),
        cmocka_unit_test(splitting_leaves_the_parent),
        cmocka_unit_test(splits_are_independent),
        cmocka_unit_test(first_numbers_differ),
        cmocka_unit_test(shuffle_is_a_permutation),
        cmocka_unit_test(every_order_is_equally_likely),
    };
    return cmocka_run_group_tests_name(">>random", tests, NULL, NULL);
}
