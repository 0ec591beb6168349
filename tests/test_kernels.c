/* Tests of >>kernels: the numerical failures of reliability.md (rows 1 to 4, 6, 8), gradients
   against central differences, what the contracts say, and optimizers, scores, checks for NaN. */

#define _DEFAULT_SOURCE
#define CHECK_GUARDED
#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#ifdef NN_DOUBLE
#define EPSILON DBL_EPSILON
#define LARGEST DBL_MAX
#define SMALLEST DBL_MIN
#else
#define EPSILON FLT_EPSILON
#define LARGEST FLT_MAX
#define SMALLEST FLT_MIN
#endif

enum { LENGTHS = 68, OFFSETS = 16 }; /* lengths 0 to 67 */

static nn_random dice;

static nn_real real_between(double low, double high)
{
    return (nn_real)nn_random_uniform(&dice, low, high);
}

static void fill(nn_real *x, size_t n, double low, double high)
{
    for (size_t i = 0; i < n; i++) x[i] = real_between(low, high);
}

/* ---- row 1: softmax ------------------------------------------------------------------------ */

static void softmax_does_not_overflow(void **state)
{
    (void)state;
    const nn_real x[3] = { 1000, 0, -1000 };
    nn_real y[3];
    nn_softmax_forward(y, x, 1, 3);
    check_close(y[0], 1, 0), check_close(y[1], 0, 0), check_close(y[2], 0, 0);
    const nn_real ends[] = { (nn_real)3e38, (nn_real)-3e38, (nn_real)LARGEST, -(nn_real)LARGEST };
    for (size_t e = 0; e < COUNT(ends); e++)
        for (int C = 1; C <= 67; C++) {
            nn_real all[67], share[67];
            for (int i = 0; i < C; i++) all[i] = ends[e];
            nn_softmax_forward(share, all, 1, C);
            for (int i = 0; i < C; i++) check_close(share[i], 1.0 / C, EPSILON);
            nn_log_softmax_forward(share, all, 1, C);
            for (int i = 0; i < C; i++) check_close(share[i], -log((double)C), 8 * EPSILON);
        }
    const nn_real far[2] = { -(nn_real)LARGEST, (nn_real)LARGEST };
    nn_softmax_forward(y, far, 1, 2);
    check_close(y[0], 0, 0), check_close(y[1], 1, 0);
    const nn_real one[3] = { -5, 0, 1e30f };
    nn_softmax_forward(y, one, 3, 1); /* one class */
    for (int i = 0; i < 3; i++) check_close(y[i], 1, 0);
}

/* The logits are whole 1024ths, so that moving them by 10000 is exact. */
static void softmax_ignores_a_shift(void **state)
{
    (void)state;
    nn_real x[7 * 5], moved[7 * 5], y[7 * 5], z[7 * 5];
    dice = nn_random_seed(1);
    for (int sign = -1; sign <= 1; sign += 2)
        for (int round = 0; round < 50; round++) {
            for (int i = 0; i < 35; i++) {
                x[i] = (nn_real)(((double)nn_random_below(&dice, 20001) - 10000) / 1024);
                moved[i] = x[i] + (nn_real)(sign * 1e4);
            }
            nn_softmax_forward(y, x, 7, 5), nn_softmax_forward(z, moved, 7, 5);
            for (int i = 0; i < 35; i++) check_close(y[i], z[i], 1e-6);
            nn_log_softmax_forward(y, x, 7, 5), nn_log_softmax_forward(z, moved, 7, 5);
            for (int i = 0; i < 35; i++) check_close(y[i], z[i], 4e-6); /* values down to -20 */
        }
}

static void softmax_rows_sum_to_one(void **state)
{
    (void)state;
    nn_real x[67], y[67], z[67];
    dice = nn_random_seed(2);
    for (int C = 1; C <= 67; C++) {
        double sum = 0;
        fill(x, (size_t)C, -20, 20);
        nn_softmax_forward(y, x, 1, C), nn_log_softmax_forward(z, x, 1, C);
        for (int i = 0; i < C; i++) {
            sum += (double)y[i];
            check_close(exp((double)z[i]), y[i], 16 * EPSILON);
            for (int j = 0; j < i; j++) assert_true((x[i] > x[j]) == (y[i] > y[j]) || y[i] == y[j]);
        }
        check_close(sum, 1, 8 * EPSILON);
    }
}

/* ---- row 2: cross-entropy ------------------------------------------------------------------ */

static void cross_entropy_has_no_log_of_zero(void **state)
{
    (void)state;
    const nn_real z[2] = { 0, 200 }, t[2] = { 1, 0 }, one[1] = { 1 };
    const int label[1] = { 0 };
    nn_real loss[1], p[2], dz[2] = { 0, 0 };
    nn_sparse_cross_entropy_forward(loss, p, z, label, 1, 2);
    check_close(loss[0], 200, 1e-4);
    nn_sparse_cross_entropy_backward(dz, one, p, label, 1, 2);
    check_close(dz[0], -1, 0), check_close(dz[1], 1, 0); /* p - y */
    nn_softmax_cross_entropy_forward(loss, p, z, t, 1, 2);
    check_close(loss[0], 200, 1e-4);
    dz[0] = dz[1] = 0;
    nn_softmax_cross_entropy_backward(dz, one, p, t, 1, 2);
    check_close(dz[0], -1, 0), check_close(dz[1], 1, 0);
}

/* Never infinite for finite logits, and exact as long as the true loss is a float: not clipped. */
static void cross_entropy_is_finite_and_not_clipped(void **state)
{
    (void)state;
    const double sizes[] = { 1, 10, 88, 104, 750, 1e4, 1e6, 1e20, 1e30, 1e38, 1.7e38, 3e38 };
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (int soft = 0; soft < 2; soft++) {
            const nn_real z[3] = { 0, (nn_real)sizes[s], -(nn_real)sizes[s] };
            for (int k = 0; k < 3; k++) {
                nn_real t[3] = { 0, 0, 0 }, loss[1] = { (nn_real)NAN }, p[3];
                t[k] = 1;
                if (soft) nn_softmax_cross_entropy_forward(loss, p, z, t, 1, 3);
                else nn_sparse_cross_entropy_forward(loss, p, z, &k, 1, 3);
                double size = (double)z[1], tail = log(1 + exp(-size) + exp(-2 * size));
                double expected = size - (double)z[k] + tail;
                if (expected > LARGEST) expected = LARGEST;
                check_close(loss[0], expected, 4 * EPSILON * (1 + expected));
                assert_true(isfinite((double)loss[0]));
            }
        }
    const nn_real far[2] = { (nn_real)LARGEST, -(nn_real)LARGEST };
    nn_real loss[1], p[2];
    const int label[1] = { 1 };
    nn_sparse_cross_entropy_forward(loss, p, far, label, 1, 2);
    check_close(loss[0], LARGEST, 0);
}

static void cross_entropy_passes_nan_on(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++) {
        nn_real z[3] = { 1, 2, 3 }, t[3] = { 0, 0, 1 }, loss[1] = { 0 }, p[3];
        const int label[1] = { 2 };
        z[at] = (nn_real)NAN;
        nn_sparse_cross_entropy_forward(loss, p, z, label, 1, 3);
        assert_true(isnan((double)loss[0]));
        nn_softmax_cross_entropy_forward(loss, p, z, t, 1, 3);
        assert_true(isnan((double)loss[0]));
    }
}

/* ---- row 3: sigmoid ------------------------------------------------------------------------ */

static nn_real sigmoid(nn_real x)
{
    nn_real y;
    nn_activation_forward(NN_SIGMOID, 0, &y, &x, 1);
    return y;
}

static void sigmoid_saturates(void **state)
{
    (void)state;
    const nn_real ends[] = { (nn_real)1e4, (nn_real)1e10, (nn_real)LARGEST };
    for (size_t i = 0; i < COUNT(ends); i++) {
        check_close(sigmoid(ends[i]), 1, 0);
        check_close(sigmoid(-ends[i]), 0, 0);
    }
    check_close(sigmoid(0), 0.5, 0);
    assert_true(isnan((double)sigmoid((nn_real)NAN)));
    dice = nn_random_seed(3);
    for (int i = 0; i < 200000; i++) {
        nn_real x = real_between(0, i % 4 ? 20 : 200);
        check_close((double)sigmoid(x) + (double)sigmoid(-x), 1, EPSILON);
    }
}

/* From each start to the neighbours above, one after the other; and over the whole range, in long
   arrays, which vectors may compute. */
static void sigmoid_is_monotone(void **state)
{
    (void)state;
    enum { LONG = 4096 };
    nn_real x_long[LONG], y_long[LONG];
    const double starts[] = { -20,  -3,    -1.2, -1,  -0.9, -0.7, -0.6, -0.5, -0.3,
                              -0.1, -0.01, 0.1,  0.3, 0.5,  0.7,  1,    3,    10 };
    for (size_t s = 0; s < COUNT(starts); s++) {
        nn_real x = (nn_real)starts[s], last = sigmoid(x);
        for (int i = 0; i < 40000; i++) {
            x = NN__LIBM(nextafter)(x, (nn_real)INFINITY);
            nn_real y = sigmoid(x);
            if (!(y >= last))
                fail_msg("sigmoid falls from %.17g to %.17g at %.17g", (double)last, (double)y,
                         (double)x);
            last = y;
        }
        x_long[0] = (nn_real)starts[s];
        for (int round = 0; round < 16; round++) {
            for (int i = 1; i < LONG; i++)
                x_long[i] = NN__LIBM(nextafter)(x_long[i - 1], (nn_real)INFINITY);
            nn_activation_forward(NN_SIGMOID, 0, y_long, x_long, LONG);
            for (int i = 1; i < LONG; i++)
                if (!(y_long[i] >= y_long[i - 1]))
                    fail_msg("sigmoid falls from %.17g to %.17g at %.17g", (double)y_long[i - 1],
                             (double)y_long[i], (double)x_long[i]);
            x_long[0] = x_long[LONG - 1];
        }
    }
    nn_real last = 0;
    for (int from = -110 * LONG; from < 30 * LONG; from += LONG) {
        for (int i = 0; i < LONG; i++) x_long[i] = (nn_real)((from + i) / (double)LONG);
        nn_activation_forward(NN_SIGMOID, 0, y_long, x_long, LONG);
        for (int i = 0; i < LONG; i++) {
            if (!(y_long[i] >= last))
                fail_msg("sigmoid falls from %.17g to %.17g at %.17g", (double)last,
                         (double)y_long[i], (double)x_long[i]);
            last = y_long[i];
        }
    }
}

/* ---- row 4: binary cross-entropy ----------------------------------------------------------- */

static void bce_follows_the_formula(void **state)
{
    (void)state;
    nn_real x[60], t[60], from_logits[60], sum[20], from_y[60], y[60];
    dice = nn_random_seed(4);
    for (double size = 1; size < 1e6; size *= 10) {
        fill(x, 60, -size, size), fill(t, 60, 0, 1);
        t[0] = 0, t[1] = 1, t[2] = 0, t[3] = 1;
        nn_bce_logits_forward(from_logits, x, t, 60, 1);
        nn_multi_label_logits_forward(sum, x, t, 20, 3);
        nn_activation_forward(NN_SIGMOID, 0, y, x, 60);
        nn_bce_forward(from_y, y, t, 60, 1);
        double total = 0;
        for (int i = 0; i < 60; i++) {
            double z = (double)x[i], target = (double)t[i];
            double expected = (z > 0 ? z : 0) - z * target + log1p(exp(-fabs(z)));
            check_close(from_logits[i], expected, 2 * EPSILON * (1 + expected));
            if (size <= 1) check_close(from_y[i], expected, 16 * EPSILON);
            total += expected;
            if (i % 3 == 2) {
                check_close(sum[i / 3], total, 2 * EPSILON * (1 + total));
                total = 0;
            }
        }
    }
    const nn_real far[4] = { (nn_real)LARGEST, -(nn_real)LARGEST, (nn_real)3e38, (nn_real)-3e38 };
    const nn_real wrong[4] = { 0, 1, 0, 1 };
    nn_bce_logits_forward(from_logits, far, wrong, 4, 1);
    for (int i = 0; i < 4; i++) check_close(from_logits[i] / fabs((double)far[i]), 1, EPSILON);
    nn_multi_label_logits_forward(sum, far, wrong, 1, 4);
    assert_true(isfinite((double)sum[0]));
}

/* Plain losses on probabilities: between 0 and 1 all is allowed, outside the loss is NaN. */
static void bce_rejects_what_is_no_probability(void **state)
{
    (void)state;
    const nn_real inside[] = { 0, (nn_real)1e-30, (nn_real)0.5, 1 };
    const nn_real outside[] = { (nn_real)-1e-6, 1 + 2 * (nn_real)EPSILON, -3, 7,
                                (nn_real)NAN,   (nn_real)INFINITY };
    nn_real loss[1];
    for (size_t i = 0; i < COUNT(inside); i++) {
        nn_bce_forward(loss, &inside[i], &inside[i], 1, 1);
        assert_true(isfinite((double)loss[0]));
        nn_cross_entropy_forward(loss, &inside[i], &inside[i], 1, 1);
        assert_true(isfinite((double)loss[0]));
    }
    for (size_t i = 0; i < COUNT(outside); i++)
        for (int as_target = 0; as_target < 2; as_target++)
            for (int at = 0; at < 3; at++) {
                nn_real y[3] = { (nn_real)0.5, (nn_real)0.25, (nn_real)0.5 };
                nn_real t[3] = { (nn_real)0.5, 1, 0 };
                (as_target ? t : y)[at] = outside[i];
                nn_bce_forward(loss, y, t, 1, 3);
                assert_true(isnan((double)loss[0]));
                nn_multi_label_forward(loss, y, t, 1, 3);
                assert_true(isnan((double)loss[0]));
                nn_cross_entropy_forward(loss, y, t, 1, 3);
                assert_true(isnan((double)loss[0]));
                if (!as_target) continue;
                nn_bce_logits_forward(loss, y, t, 1, 3);
                assert_true(isnan((double)loss[0]));
            }
    const nn_real zero[1] = { 0 }, one[1] = { 1 };
    nn_bce_forward(loss, zero, one, 1, 1); /* surely wrong: infinite, and not hidden */
    assert_true(isinf((double)loss[0]));
}

/* The same through a model: an error that says what to do, the parameters untouched. */
static void a_model_rejects_them_too(void **state)
{
    (void)state;
    nn_set_log(NULL, NULL);
    for (int bad_target = 0; bad_target < 2; bad_target++) {
        nn_real x[2] = { (nn_real)0.25, bad_target ? (nn_real)0.5 : 3 };
        nn_real t[2] = { 1, bad_target ? (nn_real)1.5 : 0 };
        nn_model *m = nn_model_new(.seed = 1);
        nn_tensor *h = nn_dense(nn_input(m, 1), 1, .init = NN_INIT_ONES);
        nn_tensor *y = nn_activate(h, NN_RELU);
        nn_data d;
        check_ok(nn_data_from(&d, x, 2, { 1 }, .targets = t));
        check_ok(nn_compile(m, y, .loss = NN_BINARY_CROSS_ENTROPY));
        check_fails(nn_fit(m, &d, .quiet = true), NN_ERR_DATA,
                    bad_target ? "target" : "prediction");
        check_close(m->values[0], 1, 0), check_close(m->values[1], 0, 0);
        nn_data_free(&d), nn_model_free(m);
    }
    nn_set_log(nn_log_default, NULL);
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* A function of `inputs` numbers with `outputs` results, and its backward. */
typedef struct function {
    const char *name;
    size_t inputs, outputs;
    void (*forward)(const struct function *f, nn_real *y, const nn_real *x);
    void (*backward)(const struct function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                     const nn_real *y);
    int B, C;
    nn_activation kind;
    double alpha;
    const nn_real *t;
    const int *label;
    nn_real *p; /* what forward keeps for backward */
} function;

enum { MOST = 1024 };

/* backward against (L(x + h) - L(x - h)) / 2h, where L = sum of a random upstream times f(x), the
   difference taken before the sum; dx begins with known numbers, to which backward must add. The
   bound is 1e-6 of the entry in double (those below 0.001 count as that), and loose in float. */
static void check_gradient(const function *f, const nn_real *x)
{
    const double h = sizeof(nn_real) == 8 ? 1e-5 : 1.0 / 128;
    const double bound = sizeof(nn_real) == 8 ? 1e-6 : 2e-2;
    const double least = sizeof(nn_real) == 8 ? 1e-3 : 0.1;
    nn_real upstream[MOST], y[MOST], above[MOST], below[MOST], dx[MOST], moved[MOST];
    assert_true(f->inputs <= MOST && f->outputs <= MOST);
    fill(upstream, f->outputs, 0.25, 2);
    for (size_t i = 0; i < f->outputs; i++)
        if (nn_random_below(&dice, 2)) upstream[i] = -upstream[i];
    for (size_t i = 0; i < f->inputs; i++) dx[i] = (nn_real)((double)(i % 5) - 2);
    memcpy(moved, x, f->inputs * sizeof *x);
    f->forward(f, y, x);
    f->backward(f, dx, upstream, x, y);
    for (size_t i = 0; i < f->inputs; i++) {
        double was = (double)(i % 5) - 2, backward = (double)dx[i] - was;
        nn_real up = x[i] + (nn_real)h, down = x[i] - (nn_real)h;
        moved[i] = up;
        f->forward(f, above, moved);
        moved[i] = down;
        f->forward(f, below, moved);
        moved[i] = x[i];
        double change = 0;
        for (size_t k = 0; k < f->outputs; k++)
            change += (double)upstream[k] * ((double)above[k] - (double)below[k]);
        double numeric = change / ((double)up - (double)down);
        double size = NN__MAX(fabs(numeric), fabs(backward));
        if (!(fabs(backward - numeric) <= bound * NN__MAX(size, least)))
            fail_msg(
                "%s (%d x %d), entry %zu at x = %.9g: backward adds %.12g to %g, numeric %.12g",
                f->name, f->B, f->C, i, (double)x[i], backward, was, numeric);
    }
}

static void pointwise_forward(const function *f, nn_real *y, const nn_real *x)
{
    nn_activation_forward(f->kind, f->alpha, y, x, f->inputs);
}

/* Only GELU and SiLU may need x: the others get NULL, as the contract allows. */
static void pointwise_backward(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                               const nn_real *y)
{
    bool needs_x = f->kind == NN_GELU || f->kind == NN_SILU;
    nn_activation_backward(f->kind, f->alpha, dx, dy, needs_x ? x : NULL, y, f->inputs);
}

static void pointwise_gradients(void **state)
{
    (void)state;
    nn_real x[MOST];
    dice = nn_random_seed(5);
    for (int kind = 0; kind < NN_SOFTMAX; kind++)
        for (int a = 0; a < 3; a++) {
            const double alphas[] = { 0.01, 0.3, 1 };
            for (size_t n = 1; n <= 300; n += 13) {
                function f = { .name = nn_activation_name((nn_activation)kind),
                               .inputs = n,
                               .outputs = n,
                               .forward = pointwise_forward,
                               .backward = pointwise_backward,
                               .B = 1,
                               .C = (int)n,
                               .kind = (nn_activation)kind,
                               .alpha = alphas[a] };
                fill(x, n, 0.05, 4); /* not at the kink in 0 */
                for (size_t i = 0; i < n; i++)
                    if (nn_random_below(&dice, 2)) x[i] = -x[i];
                check_gradient(&f, x);
            }
        }
}

/* At the kink itself the slope is the one the reference has: 0 for ReLU, alpha for leaky ReLU. */
static void slopes_at_zero(void **state)
{
    (void)state;
    const double slope[] = { 1, 0, 0.3, 0.3, 0.25, 1, 0.5, 0.5, 0.5 };
    for (int kind = 0; kind < NN_SOFTMAX; kind++) {
        nn_real x[9] = { 0 }, y[9], dx[9] = { 0 }, dy[9];
        for (int i = 0; i < 9; i++) dy[i] = 1;
        nn_activation_forward((nn_activation)kind, 0.3, y, x, 9);
        nn_activation_backward((nn_activation)kind, 0.3, dx, dy, x, y, 9);
        for (int i = 0; i < 9; i++) check_close(dx[i], slope[kind], 2 * EPSILON);
    }
}

static void f_softmax(const function *f, nn_real *y, const nn_real *x)
{
    nn_softmax_forward(y, x, f->B, f->C);
}
static void f_softmax_back(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                           const nn_real *y)
{
    (void)x;
    nn_softmax_backward(dx, dy, y, f->B, f->C);
}
static void f_log_softmax(const function *f, nn_real *y, const nn_real *x)
{
    nn_log_softmax_forward(y, x, f->B, f->C);
}
static void f_log_softmax_back(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                               const nn_real *y)
{
    (void)x;
    nn_log_softmax_backward(dx, dy, y, f->B, f->C);
}

#define PLAIN_LOSS(name)                                                                           \
    static void f_##name(const function *f, nn_real *y, const nn_real *x)                          \
    {                                                                                              \
        nn_##name##_forward(y, x, f->t, f->B, f->C);                                               \
    }                                                                                              \
    static void f_##name##_back(const function *f, nn_real *dx, const nn_real *dy,                 \
                                const nn_real *x, const nn_real *y)                                \
    {                                                                                              \
        (void)y;                                                                                   \
        nn_##name##_backward(dx, dy, x, f->t, f->B, f->C);                                         \
    }
PLAIN_LOSS(mse)
PLAIN_LOSS(mae)
PLAIN_LOSS(bce)
PLAIN_LOSS(bce_logits)
PLAIN_LOSS(multi_label)
PLAIN_LOSS(multi_label_logits)
PLAIN_LOSS(cross_entropy)

static void f_huber(const function *f, nn_real *y, const nn_real *x)
{
    nn_huber_forward(y, x, f->t, f->B, f->C, f->alpha);
}
static void f_huber_back(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                         const nn_real *y)
{
    (void)y;
    nn_huber_backward(dx, dy, x, f->t, f->B, f->C, f->alpha);
}
static void f_soft(const function *f, nn_real *y, const nn_real *x)
{
    nn_softmax_cross_entropy_forward(y, f->p, x, f->t, f->B, f->C);
}
static void f_soft_back(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                        const nn_real *y)
{
    (void)x, (void)y;
    nn_softmax_cross_entropy_backward(dx, dy, f->p, f->t, f->B, f->C);
}
static void f_sparse(const function *f, nn_real *y, const nn_real *x)
{
    nn_sparse_cross_entropy_forward(y, f->p, x, f->label, f->B, f->C);
}
static void f_sparse_back(const function *f, nn_real *dx, const nn_real *dy, const nn_real *x,
                          const nn_real *y)
{
    (void)x, (void)y;
    nn_sparse_cross_entropy_backward(dx, dy, f->p, f->label, f->B, f->C);
}

/* Which numbers a function takes: any; probabilities, away from 0 and 1; any, and targets of which
   each row sums to 1; any, away from the kinks of |x - t| at 0 and at alpha. */
typedef enum takes { ANY, PROBABILITIES, ROWS, KINKS } takes;

static const struct row_case {
    function f;
    takes takes;
    bool one_each_row; /* a loss: one result for each row */
} row_cases[] = {
    { { .name = "softmax", .forward = f_softmax, .backward = f_softmax_back }, ANY, false },
    { { .name = "log_softmax", .forward = f_log_softmax, .backward = f_log_softmax_back },
      ANY,
      false },
    { { .name = "mse", .forward = f_mse, .backward = f_mse_back }, ANY, true },
    { { .name = "mae", .forward = f_mae, .backward = f_mae_back }, KINKS, true },
    { { .name = "huber 1", .forward = f_huber, .backward = f_huber_back, .alpha = 1 },
      KINKS,
      true },
    { { .name = "huber 0.4", .forward = f_huber, .backward = f_huber_back, .alpha = 0.4 },
      KINKS,
      true },
    { { .name = "bce", .forward = f_bce, .backward = f_bce_back }, PROBABILITIES, true },
    { { .name = "bce_logits", .forward = f_bce_logits, .backward = f_bce_logits_back }, ANY, true },
    { { .name = "multi_label", .forward = f_multi_label, .backward = f_multi_label_back },
      PROBABILITIES,
      true },
    { { .name = "multi_label_logits",
        .forward = f_multi_label_logits,
        .backward = f_multi_label_logits_back },
      ANY,
      true },
    { { .name = "cross_entropy", .forward = f_cross_entropy, .backward = f_cross_entropy_back },
      PROBABILITIES,
      true },
    { { .name = "softmax_cross_entropy", .forward = f_soft, .backward = f_soft_back }, ROWS, true },
    { { .name = "sparse_cross_entropy", .forward = f_sparse, .backward = f_sparse_back },
      ANY,
      true },
};

/* Inputs x and targets t that fit; targets between 0 and 1 with some exactly there. */
static void make_inputs(const struct row_case *r, nn_real *x, nn_real *t, int B, int C)
{
    for (int i = 0; i < B * C; i++) {
        x[i] = r->takes == PROBABILITIES ? real_between(0.1, 0.9) : real_between(-2, 2);
        t[i] = real_between(0, 1);
        if (nn_random_below(&dice, 4) == 0) t[i] = (nn_real)nn_random_below(&dice, 2);
        if (r->takes != KINKS) continue;
        double side = nn_random_below(&dice, 2) ? 1 : -1;
        bool small = nn_random_below(&dice, 2) != 0;
        x[i] = t[i] + (nn_real)(side * (small ? nn_random_uniform(&dice, 0.05, 0.35)
                                              : nn_random_uniform(&dice, 1.05, 2)));
    }
    for (int b = 0; b < B && r->takes == ROWS; b++) {
        double sum = 0;
        t[b * C] += (nn_real)0.5;
        for (int c = 0; c < C; c++) sum += (double)t[b * C + c];
        for (int c = 0; c < C; c++) t[b * C + c] /= (nn_real)sum;
    }
}

static void row_gradients(void **state)
{
    (void)state;
    const int shapes[][2] = { { 1, 1 }, { 1, 2 }, { 3, 1 },  { 2, 3 },  { 5, 7 },
                              { 7, 8 }, { 4, 9 }, { 3, 17 }, { 2, 67 }, { 9, 33 } };
    nn_real x[MOST], t[MOST], p[MOST];
    int label[MOST];
    dice = nn_random_seed(6);
    for (size_t k = 0; k < COUNT(row_cases); k++)
        for (size_t s = 0; s < COUNT(shapes); s++) {
            int B = shapes[s][0], C = shapes[s][1];
            function f = row_cases[k].f;
            f.B = B, f.C = C, f.inputs = (size_t)(B * C);
            f.outputs = row_cases[k].one_each_row ? (size_t)B : f.inputs;
            f.t = t, f.label = label, f.p = p;
            make_inputs(&row_cases[k], x, t, B, C);
            for (int b = 0; b < B; b++) label[b] = (int)nn_random_below(&dice, (uint64_t)C);
            check_gradient(&f, x);
        }
}

/* Values by hand; the other losses have theirs in test_reference.c. */
static void huber_by_hand(void **state)
{
    (void)state;
    const nn_real y[4] = { 0, 1, -1, 3 }, t[4] = { 0, (nn_real)0.75, 1, 0 };
    nn_real loss[4];
    nn_huber_forward(loss, y, t, 4, 1, 0.5);
    const double expected[4] = { 0, 0.03125, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25) };
    for (int i = 0; i < 4; i++) check_close(loss[i], expected[i], 2 * EPSILON);
    nn_huber_forward(loss, y, t, 1, 4, 0.5);
    check_close(loss[0], (0.03125 + 0.875 + 1.375) / 4, 2 * EPSILON);
}

/* y and dy/dx in double, straight from the formulas. */
static double exact_forward(int kind, double x)
{
    switch (kind) {
    case NN_RELU: return x > 0 ? x : 0;
    case NN_LEAKY_RELU: return x > 0 ? x : 0.25 * x;
    case NN_ELU: return x > 0 ? x : 0.25 * expm1(x);
    case NN_SIGMOID: return 1 / (1 + exp(-x));
    case NN_TANH: return tanh(x);
    case NN_GELU: return x * 0.5 * erfc(-x * sqrt(0.5));
    case NN_SILU: return x / (1 + exp(-x));
    case NN_SOFTPLUS: return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
    default: return x;
    }
}

static double exact_slope(int kind, double x)
{
    double s = 1 / (1 + exp(-x)), t = tanh(x);
    switch (kind) {
    case NN_RELU: return x > 0;
    case NN_LEAKY_RELU: return x > 0 ? 1 : 0.25;
    case NN_ELU: return x > 0 ? 1 : 0.25 * exp(x);
    case NN_SIGMOID: return s * (1 - s);
    case NN_TANH: return 1 - t * t;
    case NN_GELU: return 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-0.5 * x * x) * 0.3989422804014327;
    case NN_SILU: return s * (1 + x * (1 - s));
    case NN_SOFTPLUS: return s;
    default: return 1;
    }
}

/* Forward and slope over the whole range, in arrays that vectors may compute, against libm in
   double: within a few roundings of the result, also where it is tiny or an exponential under- or
   overflows. Where the formula itself loses digits (the tail of GELU, and slopes such as 1 - y²),
   within a few roundings of 1/4. */
static void activations_are_accurate(void **state)
{
    (void)state;
    enum { N = 67 };
    const double ends[] = { 0,   1e-30, 1e-10, 1e-5, 17,   20,   40,   87,   87.3,
                            88,  88.7,  88.8,  89,   103,  104,  110,  700,  750,
                            1e4, 1e10,  1e19,  1e30, 3e38, 9.01, 8.99, 0.625 };
    nn_real x[N], y[N], dx[N], dy[N];
    dice = nn_random_seed(18);
    for (int kind = 0; kind < NN_SOFTMAX; kind++)
        for (int round = 0; round < 2000; round++) {
            double size = round % 3 == 0 ? 0.5 : round % 3 == 1 ? 6 : 120;
            fill(x, N, -size, size);
            for (size_t i = 0; i < COUNT(ends) && round < 40; i++)
                x[(i + (size_t)round) % N] = (nn_real)(round % 2 ? -ends[i] : ends[i]);
            for (int i = 0; i < N; i++) dy[i] = 1, dx[i] = 0;
            nn_activation_forward((nn_activation)kind, 0.25, y, x, N);
            nn_activation_backward((nn_activation)kind, 0.25, dx, dy, x, y, N);
            for (int i = 0; i < N; i++) {
                double at = (double)x[i], exact = exact_forward(kind, at);
                double slope = exact_slope(kind, at);
                double least = kind == NN_GELU ? 0.25 : 0;
                double none = 4 * (double)SMALLEST * (1 + fabs(at)); /* x times a denormal */
                if (!(fabs((double)y[i] - exact) <= 6 * EPSILON * (least + fabs(exact)) + none))
                    fail_msg("%s(%.9g) is %.17g, expected %.17g",
                             nn_activation_name((nn_activation)kind), at, (double)y[i], exact);
                if (at == 0) continue; /* slopes_at_zero */
                least = kind == NN_SOFTPLUS ? 0 : 0.25;
                if (!(fabs((double)dx[i] - slope) <= 8 * EPSILON * (least + fabs(slope)) + none))
                    fail_msg("%s'(%.9g) is %.17g, expected %.17g",
                             nn_activation_name((nn_activation)kind), at, (double)dx[i], slope);
            }
        }
}

/* ---- contracts of the activations ---------------------------------------------------------- */

/* Forward in place gives the same bits; the in-place backward, dy *= g'(y), that of the other. */
static void activations_in_place(void **state)
{
    (void)state;
    nn_real x[LENGTHS], y[LENGTHS], z[LENGTHS], dx[LENGTHS], dy[LENGTHS];
    dice = nn_random_seed(7);
    for (int kind = 0; kind < NN_SOFTMAX; kind++)
        for (size_t n = 0; n < LENGTHS; n++) {
            const nn__pointwise *loops = nn__pointwise_of((nn_activation)kind);
            fill(x, n, -3, 3), fill(dy, n, -1, 1);
            memcpy(z, x, n * sizeof *x), memset(dx, 0, sizeof dx);
            nn_activation_forward((nn_activation)kind, 0.2, y, x, n);
            nn_activation_forward((nn_activation)kind, 0.2, z, z, n);
            assert_memory_equal(y, z, n * sizeof *y);
            memcpy(z, x, n * sizeof *x);
            loops->forward(z, z, n, (nn_real)0.2);
            assert_memory_equal(y, z, n * sizeof *y);
            if (kind == NN_GELU || kind == NN_SILU) continue; /* these need x */
            nn_activation_backward((nn_activation)kind, 0.2, dx, dy, NULL, y, n);
            loops->backward(dy, dy, y, y, n, (nn_real)0.2, false);
            for (size_t i = 0; i < n; i++) check_close(dy[i], dx[i], EPSILON);
        }
    for (int C = 1; C < LENGTHS / 2; C++) {
        fill(x, (size_t)(2 * C), -3, 3), memcpy(z, x, sizeof x);
        nn_softmax_forward(y, x, 2, C), nn_softmax_forward(z, z, 2, C);
        assert_memory_equal(y, z, (size_t)(2 * C) * sizeof *y);
        memcpy(z, x, sizeof x);
        nn_log_softmax_forward(y, x, 2, C), nn_log_softmax_forward(z, z, 2, C);
        assert_memory_equal(y, z, (size_t)(2 * C) * sizeof *y);
    }
}

/* NaN goes through every activation, at every place; infinity does not become a finite number
   where it matters for finding it (ReLU). */
static void nan_passes_through(void **state)
{
    (void)state;
    nn_real x[LENGTHS], y[LENGTHS];
    for (int kind = 0; kind < NN_ACTIVATION_COUNT; kind++)
        for (size_t n = 1; n < LENGTHS; n += 3)
            for (size_t at = 0; at < n; at++) {
                for (size_t i = 0; i < n; i++) x[i] = (nn_real)((double)i - 30);
                x[at] = (nn_real)NAN;
                if (kind == NN_SOFTMAX) nn_softmax_forward(y, x, 1, (int)n);
                else if (kind == NN_LOG_SOFTMAX) nn_log_softmax_forward(y, x, 1, (int)n);
                else nn_activation_forward((nn_activation)kind, 0.1, y, x, n);
                if (!isnan((double)y[at]) || nn__finite(y, n))
                    fail_msg("%s hides NaN at %zu of %zu", nn_activation_name((nn_activation)kind),
                             at, n);
            }
    const nn_real infinite[2] = { (nn_real)INFINITY, -(nn_real)INFINITY };
    nn_activation_forward(NN_RELU, 0, y, infinite, 2);
    assert_true(isinf((double)y[0]));
}

/* Every length, between unreadable pages (row 14), and the same bits at every offset. */
static void activations_at_every_length_and_offset(void **state)
{
    (void)state;
    const size_t bytes = (LENGTHS + OFFSETS) * sizeof(nn_real);
    check_guarded gx = check_guard(bytes), gy = check_guard(bytes), gd = check_guard(bytes);
    check_guarded gu = check_guard(bytes);
    nn_real expected[LENGTHS], expected_dx[LENGTHS];
    dice = nn_random_seed(8);
    for (int kind = 0; kind < NN_SOFTMAX; kind++)
        for (size_t n = 0; n < LENGTHS; n++)
            for (size_t o = 0; o < OFFSETS; o++) {
                nn_real *x = check_at_end(&gx, n + o), *y = check_at_end(&gy, n + o);
                nn_real *dx = check_at_end(&gd, n + o), *dy = check_at_end(&gu, n + o);
                if (o == 0) fill(x, n, -3, 3), fill(dy, n, -1, 1);
                else { /* the same numbers, moved */
                    memmove(x, x + 1, n * sizeof *x), memmove(dy, dy + 1, n * sizeof *dy);
                }
                memset(dx, 0, n * sizeof *dx);
                nn_activation_forward((nn_activation)kind, 0.2, y, x, n);
                nn_activation_backward((nn_activation)kind, 0.2, dx, dy, x, y, n);
                if (o == 0) {
                    memcpy(expected, y, n * sizeof *y), memcpy(expected_dx, dx, n * sizeof *dx);
                    for (size_t i = 0; i < n; i++) { /* one number alone is the definition */
                        nn_real alone = 0;
                        nn_activation_forward((nn_activation)kind, 0.2, &alone, x + i, 1);
                        check_close(y[i], alone, 2 * EPSILON * (1 + fabs((double)alone)));
                    }
                }
                assert_memory_equal(y, expected, n * sizeof *y);
                assert_memory_equal(dx, expected_dx, n * sizeof *dx);
            }
    check_unguard(&gx), check_unguard(&gy), check_unguard(&gd), check_unguard(&gu);
}

/* ---- dense ---------------------------------------------------------------------------------- */

/* Against loops in double, with and without bias and the three gradients. */
static void dense_against_loops(void **state)
{
    (void)state;
    const int shapes[][3] = {
        { 1, 1, 1 }, { 2, 3, 1 }, { 5, 7, 3 }, { 9, 33, 17 }, { 32, 65, 31 }
    };
    static nn_real x[2080], w[2080], b[64], y[2080], dy[2080], dx[2080], dw[2080], db[64];
    dice = nn_random_seed(9);
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (int parts = 0; parts < 16; parts++) {
            int B = shapes[s][0], I = shapes[s][1], O = shapes[s][2];
            nn_real *work = (nn_real *)malloc(nn_dense_work_size(B, I, O) * sizeof *work);
            assert_non_null(work);
            fill(x, 2080, -1, 1), fill(w, 2080, -1, 1), fill(b, 64, -1, 1), fill(dy, 2080, -1, 1);
            fill(y, 2080, -9, 9);
            for (int i = 0; i < 2080; i++) dx[i] = dw[i] = (nn_real)(i % 3);
            for (int i = 0; i < 64; i++) db[i] = (nn_real)(i % 3);
            const double tolerance = 64 * EPSILON;
            nn_dense_forward(y, x, w, parts & 8 ? b : NULL, B, I, O, work);
            nn_dense_backward(parts & 1 ? dx : NULL, parts & 2 ? dw : NULL, parts & 4 ? db : NULL,
                              dy, x, w, B, I, O, work);
            for (int r = 0; r < B; r++)
                for (int o = 0; o < O; o++) {
                    double sum = parts & 8 ? (double)b[o] : 0;
                    for (int i = 0; i < I; i++) sum += (double)x[r * I + i] * (double)w[o * I + i];
                    check_close(y[r * O + o], sum, tolerance);
                }
            for (int r = 0; r < B; r++)
                for (int i = 0; i < I; i++) {
                    double sum = (r * I + i) % 3;
                    for (int o = 0; o < O && parts & 1; o++)
                        sum += (double)dy[r * O + o] * (double)w[o * I + i];
                    check_close(dx[r * I + i], sum, tolerance);
                }
            for (int o = 0; o < O; o++) {
                double sum = o % 3;
                for (int r = 0; r < B && parts & 4; r++) sum += (double)dy[r * O + o];
                check_close(db[o], sum, tolerance);
                for (int i = 0; i < I; i++) {
                    sum = (o * I + i) % 3;
                    for (int r = 0; r < B && parts & 2; r++)
                        sum += (double)dy[r * O + o] * (double)x[r * I + i];
                    check_close(dw[o * I + i], sum, tolerance);
                }
            }
            free(work);
        }
}

/* ---- dropout -------------------------------------------------------------------------------- */

static void dropout_keeps_the_mean(void **state)
{
    (void)state;
    enum { B = 200, C = 100 };
    static nn_real x[B * C], y[B * C];
    const double rates[] = { 0, 0.1, 0.25, 0.5, 0.9, 0.999 };
    for (size_t r = 0; r < COUNT(rates); r++) {
        double sum = 0, zeros = 0, columns[C] = { 0 };
        for (int i = 0; i < B * C; i++) x[i] = 1;
        nn_dropout_forward(y, x, rates[r], 99, NULL, B, C);
        for (int i = 0; i < B * C; i++) {
            assert_true(y[i] == 0 || fabs((double)y[i] * (1 - rates[r]) - 1) < 2 * EPSILON);
            sum += (double)y[i], zeros += y[i] == 0, columns[i % C] += y[i] == 0;
        }
        double deviation = sqrt(rates[r] * (1 - rates[r]) / (B * C));
        check_close(zeros / (B * C), rates[r], 4.5 * deviation);
        check_close(sum / (B * C), 1, 4.5 * deviation / (1 - rates[r]));
        for (int c = 0; c < C; c++)
            check_close(columns[c] / B, rates[r], 5 * sqrt(rates[r] * (1 - rates[r]) / B) + 1e-12);
    }
}

/* The mask is that of seed and sample: the same in backward, in place, for parts of the batch and
   in any order; another for another seed. */
static void dropout_mask_is_of_the_sample(void **state)
{
    (void)state;
    enum { B = 12, C = 67 };
    nn_real x[B * C], y[B * C], z[B * C], dx[B * C], dy[B * C];
    int sample[B], reversed[B];
    dice = nn_random_seed(10);
    fill(x, B * C, 1, 2), fill(dy, B * C, 1, 2);
    for (int b = 0; b < B; b++) sample[b] = 1000 - 7 * b, reversed[B - 1 - b] = sample[b];
    nn_dropout_forward(y, x, 0.5, 7, sample, B, C);
    for (int i = 0; i < B * C; i++) dx[i] = (nn_real)(i % 4);
    nn_dropout_backward(dx, dy, 0.5, 7, sample, B, C);
    for (int i = 0; i < B * C; i++)
        check_close(dx[i], i % 4 + (double)dy[i] * (double)(y[i] / x[i]), 8 * EPSILON);
    memcpy(z, x, sizeof x);
    nn_dropout_forward(z, z, 0.5, 7, sample, B, C);
    assert_memory_equal(y, z, sizeof y);
    for (int cut = 0; cut <= B; cut++) { /* the batch in two parts */
        memset(z, 0x5A, sizeof z);
        nn_dropout_forward(z, x, 0.5, 7, sample, cut, C);
        nn_dropout_forward(z + cut * C, x + cut * C, 0.5, 7, sample + cut, B - cut, C);
        assert_memory_equal(y, z, sizeof y);
    }
    for (int i = 0; i < B * C; i++) x[i] = 1;
    nn_dropout_forward(y, x, 0.5, 7, sample, B, C);
    nn_dropout_forward(z, x, 0.5, 7, reversed, B, C);
    for (int b = 0; b < B; b++) assert_memory_equal(y + b * C, z + (B - 1 - b) * C, C * sizeof *y);
    int in_order[B];
    for (int b = 0; b < B; b++) in_order[b] = b;
    nn_dropout_forward(y, x, 0.5, 7, NULL, B, C); /* NULL: the row's number */
    nn_dropout_forward(z, x, 0.5, 7, in_order, B, C);
    assert_memory_equal(y, z, sizeof y);
    nn_dropout_forward(z, x, 0.5, 8, NULL, B, C);
    int same = 0;
    for (int i = 0; i < B * C; i++) same += y[i] == z[i];
    check_close(same / (double)(B * C), 0.5, 0.08);
    for (int step = 1; step < B * C; step = step * 3 / 2 + 1) { /* neighbours, and other rows */
        same = 0;
        for (int i = 0; i < B * C; i++) same += y[i] == y[(i + step) % (B * C)];
        check_close(same / (double)(B * C), 0.5, 0.08);
    }
    same = 0;
    for (int i = 0; i < (B - 1) * C; i++) same += y[i] == y[i + C];
    check_close(same / (double)((B - 1) * C), 0.5, 0.08);
}

/* Row 8: at inference the identity, the same bits each time; a rate outside [0, 1) is an error. */
static void dropout_at_inference(void **state)
{
    (void)state;
    enum { N = 9, C = 31 };
    nn_real x[N * C], y[N * C], again[N * C];
    nn_set_log(NULL, NULL);
    dice = nn_random_seed(11);
    fill(x, N * C, -3, 3);
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *out = nn_dropout(nn_dropout(nn_input(m, C), 0.5), 0.9);
    check_ok(nn_build(m, out));
    check_ok(nn_predict(m, y, x, N));
    assert_memory_equal(x, y, sizeof x);
    check_ok(nn_predict(m, again, x, N));
    assert_memory_equal(y, again, sizeof y);
    nn_model_free(m);
    const double wrong[] = { -1e-9, -1, 1, 1.5, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        m = nn_model_new();
        out = nn_dropout(nn_input(m, C), wrong[i]);
        assert_null(out);
        check_fails(nn_build(m, out), NN_ERR_ARGUMENT, "nn_dropout: the rate is");
        nn_model_free(m);
    }
    nn_set_log(nn_log_default, NULL);
}

/* ---- optimizers ----------------------------------------------------------------------------- */

static void first_step_of_adam(void **state)
{
    (void)state;
    const double sizes[] = { 1e-3, 1, 1e3, 1e6 };
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t n = 1; n < LENGTHS; n += 5) {
            nn_real w[LENGTHS], g[LENGTHS], m[LENGTHS] = { 0 }, v[LENGTHS] = { 0 };
            for (size_t i = 0; i < n; i++) {
                w[i] = 0;
                g[i] = (nn_real)(i % 3 == 2 ? 0 : (i % 3 ? 1 : -1) * sizes[s] * (double)(i + 1));
            }
            nn_adam_step(w, g, m, v, n, 0.01, 0.9, 0.999, 1e-10, 1, 0);
            for (size_t i = 0; i < n; i++)
                check_close(w[i], i % 3 == 2 ? 0 : i % 3 ? -0.01 : 0.01, 1e-8);
        }
}

static void zero_momentum_is_plain_descent(void **state)
{
    (void)state;
    for (int nesterov = 0; nesterov < 2; nesterov++)
        for (size_t n = 0; n < LENGTHS; n++) {
            nn_real w[LENGTHS], same[LENGTHS], g[LENGTHS], v[LENGTHS] = { 0 };
            dice = nn_random_seed(12 + n);
            fill(w, n, -1, 1), memcpy(same, w, n * sizeof *w);
            for (int step = 0; step < 3; step++) {
                fill(g, n, -1, 1);
                nn_sgd_step(w, g, v, n, 0.1, 0, nesterov != 0, 0.01);
                nn_sgd_step(same, g, NULL, n, 0.1, 0, false, 0.01);
            }
            for (size_t i = 0; i < n; i++) check_close(w[i], same[i], 4 * EPSILON);
        }
}

/* Two steps of each optimizer by hand, from the formulas. */
static void optimizers_by_hand(void **state)
{
    (void)state;
    const double tolerance = 8 * EPSILON;
    nn_real w[1] = { 1 }, g[1] = { (nn_real)0.5 }, v[1] = { 0 }, s[1] = { 0 };
    nn_sgd_step(w, g, v, 1, 0.1, 0.9, false, 0); /* v 0.5, w 0.95 */
    nn_sgd_step(w, g, v, 1, 0.1, 0.9, false, 0); /* v 0.95, w 0.855 */
    check_close(w[0], 0.855, tolerance), check_close(v[0], 0.95, tolerance);
    w[0] = 1, v[0] = 0;
    nn_sgd_step(w, g, v, 1, 0.1, 0.9, true, 0); /* v 0.5, step 0.95, w 0.905 */
    nn_sgd_step(w, g, v, 1, 0.1, 0.9, true, 0); /* v 0.95, step 1.355, w 0.7695 */
    check_close(w[0], 0.7695, tolerance);
    w[0] = 1;
    nn_sgd_step(w, g, NULL, 1, 0.1, 0, false, 0.5); /* g + 0.5 w = 1 */
    check_close(w[0], 0.9, tolerance);
    w[0] = 1;
    nn_rmsprop_step(w, g, s, NULL, 1, 0.1, 0.75, 1e-300, 0, 0); /* s 0.0625, root 0.25 */
    check_close(w[0], 0.8, tolerance), check_close(s[0], 0.0625, tolerance);
    w[0] = 1, s[0] = 0, v[0] = 0;
    nn_rmsprop_step(w, g, s, v, 1, 0.1, 0.75, 0.25, 0.5, 0); /* u 1, v 1, w 0.9 */
    check_close(w[0], 0.9, tolerance);
    nn_rmsprop_step(w, g, s, v, 1, 0.1, 0.75, 0.25, 0.5, 0); /* s 0.109375 */
    check_close(v[0], 0.5 + 0.5 / (sqrt(0.109375) + 0.25), tolerance);
    w[0] = 1, s[0] = 0, v[0] = 0;
    nn_adam_step(w, g, v, s, 1, 0.1, 0.5, 0.75, 0.5, 1, 0); /* m' 0.5, s' 0.25, w -= 0.05 */
    check_close(w[0], 0.95, tolerance);
    g[0] = -1;
    nn_adam_step(w, g, v, s, 1, 0.1, 0.5, 0.75, 0.5, 2, 0); /* m -0.375, s 0.296875 */
    check_close(w[0], 0.95 + 0.1 * 0.5 / (sqrt(0.296875 / 0.4375) + 0.5), tolerance);
    w[0] = 1, s[0] = 0, v[0] = 0, g[0] = (nn_real)0.5;
    nn_adamw_step(w, g, v, s, 1, 0.1, 0.5, 0.75, 0.5, 1, 0.2); /* 1 - 0.02 - 0.05 */
    check_close(w[0], 0.93, tolerance);
    w[0] = 1, s[0] = 0, v[0] = 0;
    nn_adam_step(w, g, v, s, 1, 0.1, 0.5, 0.75, 0.5, 1, 0.5); /* g 1: m' 1, s' 1 */
    check_close(w[0], 1 - 0.1 / 1.5, tolerance);
}

/* The fast Adam against its definition: every length and offset, between unreadable pages. */
static void fast_adam_against_ref(void **state)
{
    (void)state;
    const size_t bytes = (LENGTHS + OFFSETS) * sizeof(nn_real);
    check_guarded g[4] = { check_guard(bytes), check_guard(bytes), check_guard(bytes),
                           check_guard(bytes) };
    dice = nn_random_seed(13);
    for (size_t n = 0; n < LENGTHS; n++)
        for (size_t o = 0; o < OFFSETS; o++) {
            nn_real ref[4][LENGTHS], *fast[4]; /* w, g, m, s */
            for (int k = 0; k < 4; k++) {
                fast[k] = o % 2 ? check_at_start(&g[k]) + o : check_at_end(&g[k], n + o);
                fill(fast[k], n, k == 3 ? 0 : -1, 1);
                memcpy(ref[k], fast[k], n * sizeof(nn_real));
            }
            nn_real behind = o % 2 || o == 0 ? 0 : fast[0][n];
            nn__adam c = { (nn_real)0.9,
                           (nn_real)0.1,
                           (nn_real)0.999,
                           (nn_real)0.001,
                           (nn_real)0.05,
                           (nn_real)3,
                           (nn_real)1e-8,
                           (nn_real)((double)(n % 2) * 0.01),
                           (nn_real)(1 - (double)(o % 2) * 0.01) };
            nn__adam_ref(ref[0], ref[1], ref[2], ref[3], n, &c);
            if (nn__vector()) nn__vector()->adam(fast[0], fast[1], fast[2], fast[3], n, &c);
            else nn__adam_ref(fast[0], fast[1], fast[2], fast[3], n, &c);
            for (int k = 0; k < 4; k++)
                for (size_t i = 0; i < n; i++)
                    if (!(fabs((double)fast[k][i] - (double)ref[k][i]) <=
                          8 * EPSILON * (1 + fabs((double)ref[k][i]))))
                        fail_msg("n %zu, offset %zu, array %d, entry %zu: %.9g, expected %.9g", n,
                                 o, k, i, (double)fast[k][i], (double)ref[k][i]);
            if (!(o % 2) && o > 0) assert_true(fast[0][n] == behind);
        }
    for (int k = 0; k < 4; k++) check_unguard(&g[k]);
}

/* Every optimizer changes its n numbers alone, at every length. */
static void optimizers_stay_in_their_arrays(void **state)
{
    (void)state;
    const size_t bytes = LENGTHS * sizeof(nn_real);
    check_guarded g[4] = { check_guard(bytes), check_guard(bytes), check_guard(bytes),
                           check_guard(bytes) };
    for (int kind = 0; kind < 4; kind++)
        for (int end = 0; end < 2; end++)
            for (size_t n = 0; n < LENGTHS; n++) {
                nn_real *a[4];
                for (int k = 0; k < 4; k++) {
                    a[k] = end ? check_at_end(&g[k], n) : check_at_start(&g[k]);
                    for (size_t i = 0; i < n; i++) a[k][i] = (nn_real)(k < 2);
                }
                if (kind == 0) nn_sgd_step(a[0], a[1], a[2], n, 0.5, 0.9, false, 0);
                if (kind == 1) nn_rmsprop_step(a[0], a[1], a[3], a[2], n, 0.5, 0, 1e-30, 0.9, 0);
                if (kind == 2) nn_adam_step(a[0], a[1], a[2], a[3], n, 0.5, 0.9, 0.9, 1e-30, 1, 0);
                if (kind == 3) nn_adamw_step(a[0], a[1], a[2], a[3], n, 0.5, 0.9, 0.9, 1e-30, 1, 0);
                for (size_t i = 0; i < n; i++) {
                    check_close(a[0][i], 0.5, 4 * EPSILON);
                    check_close(a[1][i], 1, 0);
                }
            }
    for (int k = 0; k < 4; k++) check_unguard(&g[k]);
}

/* The other fast loops against their definitions: every length and offset, between unreadable
   pages. w is what they write; x, v and u are what they read (the optimizers write v and u too). Some have
   several rows of n numbers in w and x: DEEP of them under FAST_COLUMNS, windows of 2 x 2 pixels. */
enum {
    FAST_ADD, FAST_OUTER, FAST_SGD, FAST_RMSPROP, FAST_BYTES, FAST_SOFTMAX, FAST_MUL_ADD, FAST_DROPOUT,
    FAST_DROPOUT_ADD, FAST_SLOPE, FAST_SQUARES, FAST_COLUMNS, FAST_MAX, FAST_MAX_BACKWARD,
    FAST_MAX_BACKWARD_ADD, FAST_LOOPS, DEEP = 7
};

static const uint64_t KEY = UINT64_C(0x9d3f5a7bc1e80246); /* any */

typedef struct operands {
    nn_real *w, *x, *v, *u;
    uint8_t *raw;
    size_t n;
} operands;

static size_t rows_of_x(int kind)
{
    return kind == FAST_COLUMNS ? DEEP : kind >= FAST_MAX ? 4 : 1;
}

static size_t rows_of_w(int kind) { return kind >= FAST_MAX_BACKWARD ? 4 : 1; }

static const nn__rmsprop RMSPROP = { (nn_real)0.1, (nn_real)0.9, (nn_real)0.1, (nn_real)1e-3,
                                     (nn_real)0.8, (nn_real)0.01 };

static void run_plain(int kind, const operands *o)
{
    const nn_real *x = o->x, *v = o->v;
    const size_t n = o->n;
    nn_real *w = o->w, sum = 0;
    int *winner = (int *)(void *)o->u;
    if (kind == FAST_MAX_BACKWARD) memset(w, 0, 4 * n * sizeof *w);
    if (kind == FAST_DROPOUT || kind == FAST_DROPOUT_ADD)
        nn__dropout_ref(w, x, KEY, 1u << 22, (nn_real)1.25, n, kind == FAST_DROPOUT_ADD);
    if (kind == FAST_SGD)
        nn__sgd_ref(w, x, o->v, n, (nn_real)0.1, (nn_real)0.9, n % 2, (nn_real)0.01);
    if (kind == FAST_RMSPROP) nn__rmsprop_ref(w, x, o->v, n % 2 ? o->u : NULL, n, &RMSPROP);
    if (kind == FAST_MAX) nn__max_window_ref(w, winner, x, 2, 2, 2 * n, n);
    for (size_t i = 0; kind >= FAST_MAX_BACKWARD && i < n; i++) winner[i] = (int)(7 * i / 3 % 4);
    if (kind >= FAST_MAX_BACKWARD) nn__max_window_backward_ref(w, v, winner, 2, 2 * n, n);
    for (size_t i = 0; kind == FAST_SOFTMAX && i < n; i++) sum += NN__LIBM(exp)(x[i] - 1);
    for (size_t i = 0; i < n; i++) switch (kind) {
        case FAST_ADD: w[i] += x[i]; break;
        case FAST_OUTER: w[i] -= (nn_real)0.3 * ((nn_real)0.7 * x[i]); break;
        case FAST_BYTES: w[i] = (nn_real)0.01 * ((nn_real)o->raw[i] - (nn_real)20); break;
        case FAST_SOFTMAX: w[i] = NN__LIBM(exp)(x[i] - 1) / sum; break;
        case FAST_MUL_ADD: w[i] += x[i] * v[i]; break;
        case FAST_SLOPE: w[i] *= x[i] * (1 - x[i]); break; /* of a sigmoid with the output x */
        case FAST_SQUARES: w[0] = (i ? w[0] : 0) + x[i] * x[i]; break;
        case FAST_COLUMNS: for (size_t r = 0; r < DEEP; r++) w[i] += x[r * n + i]; break;
        default: break;
    }
}

static void run_fast(int kind, const operands *o)
{
    const nn__vectors *f = nn__vector();
    const size_t n = o->n;
    nn_real *w = o->w;
    int *winner = (int *)(void *)o->u;
    switch (kind) {
    case FAST_ADD: f->add(w, o->x, n); break;
    case FAST_OUTER: f->outer(w, (nn_real)0.7, o->x, n, (nn_real)0.3); break;
    case FAST_SGD:
        f->sgd(w, o->x, o->v, n, (nn_real)0.1, (nn_real)0.9, n % 2, (nn_real)0.01);
        break;
    case FAST_RMSPROP: f->rmsprop(w, o->x, o->v, n % 2 ? o->u : NULL, n, &RMSPROP); break;
    case FAST_BYTES: f->bytes(w, o->raw, (nn_real)20, (nn_real)0.01, n); break;
    case FAST_SOFTMAX: if (n) f->softmax_row(w, o->x, 1, (int)n); break;
    case FAST_MUL_ADD: f->mul_add(w, o->x, o->v, n); break;
    case FAST_DROPOUT:
    case FAST_DROPOUT_ADD:
        f->dropout(w, o->x, KEY, 1u << 22, (nn_real)1.25, n, kind == FAST_DROPOUT_ADD);
        break;
    case FAST_SLOPE: f->pointwise[NN_SIGMOID].backward(w, w, o->x, o->x, n, 0, false); break;
    case FAST_SQUARES: if (n) w[0] = (nn_real)f->squares(o->x, n); break;
    case FAST_COLUMNS: f->columns(w, o->x, DEEP, n); break;
    case FAST_MAX: f->max_windows(w, winner, o->x, 2, 2, 2 * n, n, 1, 0); break;
    default:
        for (size_t i = 0; i < n; i++) winner[i] = (int)(7 * i / 3 % 4);
        f->max_windows_backward(w, o->v, winner, 2, 2, 2 * n, n, 1, 0,
                                kind == FAST_MAX_BACKWARD_ADD);
    }
}

/* Both, on the same numbers; offset numbers before or behind them in their guarded arrays. */
static void compare_loops(int kind, check_guarded g[5], size_t n, size_t offset, bool front)
{
    static nn_real plain[3][LENGTHS * DEEP];
    const size_t size[4] = { n * rows_of_w(kind), n * rows_of_x(kind), n, n };
    nn_real *a[4];
    for (int k = 0; k < 4; k++) {
        a[k] = front ? check_at_start(&g[k]) + offset : check_at_end(&g[k], size[k] + offset);
        fill(a[k], size[k], -1, 1);
    }
    uint8_t *raw = (uint8_t *)(front ? g[4].first + offset : g[4].first + g[4].bytes - n - offset);
    for (size_t i = 0; i < n; i++) raw[i] = (uint8_t)nn_random_below(&dice, 256);
    for (size_t i = 0; kind >= FAST_MAX && i < size[1]; i += 3) a[1][i] = 1; /* ties */
    const nn_real behind = !front && offset ? a[0][size[0]] : 0;
    memcpy(plain[0], a[0], size[0] * sizeof(nn_real));
    for (int k = 1; k < 3; k++) memcpy(plain[k], a[k + 1], n * sizeof(nn_real));
    for (size_t i = 0; kind == FAST_RMSPROP && i < n; i++)
        plain[1][i] = a[2][i] = (nn_real)fabs((double)a[2][i]); /* a mean of squares */
    const operands slow = { plain[0], a[1], plain[1], plain[2], raw, n };
    const operands fast = { a[0], a[1], a[2], a[3], raw, n };
    run_plain(kind, &slow);
    if (nn__vector()) run_fast(kind, &fast);
    else run_plain(kind, &fast);
    for (size_t i = 0; i < size[0]; i++)
        check_close(a[0][i], plain[0][i], 16 * EPSILON * fmax(1, fabs((double)plain[0][i])));
    for (size_t i = 0; i < n; i++) check_close(a[2][i], plain[1][i], 16 * EPSILON);
    for (size_t i = 0; kind == FAST_RMSPROP && i < n; i++)
        check_close(a[3][i], plain[2][i], 16 * EPSILON * fmax(1, fabs((double)plain[2][i])));
    if (!front && offset) assert_true(a[0][size[0]] == behind);
}

static void fast_loops_against_plain_ones(void **state)
{
    (void)state;
    const size_t bytes = (LENGTHS * DEEP + OFFSETS) * sizeof(nn_real);
    check_guarded g[5];
    for (int k = 0; k < 5; k++) g[k] = check_guard(bytes);
    dice = nn_random_seed(15);
    for (int kind = 0; kind < FAST_LOOPS; kind++)
        for (size_t n = 0; n < LENGTHS; n++)
            for (size_t o = 0; o < 2 * OFFSETS; o++) compare_loops(kind, g, n, o / 2, o % 2);
    for (int k = 0; k < 5; k++) check_unguard(&g[k]);
}

/* ---- row 6: norm and clipping --------------------------------------------------------------- */

static void norm_is_summed_in_double(void **state)
{
    (void)state;
    const nn_real huge[2] = { (nn_real)1e20, (nn_real)1e20 };
    check_close(nn_norm(huge, 2) / 1.4142135623730951e20, 1, 1e-7);
    const nn_real tiny[2] = { (nn_real)3e-30, (nn_real)4e-30 };
    check_close(nn_norm(tiny, 2) / 5e-30, 1, 1e-6);
    nn_real g[LENGTHS] = { 0 };
    const size_t bytes = LENGTHS * sizeof(nn_real);
    check_guarded guard = check_guard(bytes);
    dice = nn_random_seed(14);
    assert_true(nn_norm(g, 0) == 0);
    for (size_t n = 0; n < LENGTHS; n++)
        for (int end = 0; end < 2; end++) {
            double sum = 0;
            nn_real *x = end ? check_at_end(&guard, n) : check_at_start(&guard);
            fill(x, n, -1e3, 1e3);
            for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
            check_close(nn_norm(x, n), sqrt(sum), 1e-12 * sqrt(sum));
            /* other orders of the sum, so not the same bits */
            check_close(nn_norm(x, n), nn__norm_ref(x, n), 1e-14 * nn__norm_ref(x, n));
        }
    check_unguard(&guard);
    for (size_t at = 0; at < LENGTHS; at++) {
        for (size_t i = 0; i < LENGTHS; i++) g[i] = 1;
        g[at] = (nn_real)NAN;
        assert_true(isnan(nn_norm(g, LENGTHS)));
        g[at] = (nn_real)INFINITY;
        assert_true(isinf(nn_norm(g, LENGTHS)));
    }
}

/* Gradients of any size, set by hand in a model of two parameters, inside nn_fit: PyTorch's scale,
   min(1, clip_norm / (norm + 1e-6)), on both. */
static int set_gradient(nn_model *m, void *user)
{
    m->grads[0] = *(const nn_real *)user, m->grads[1] = -m->grads[0];
    return 0;
}

static void clipping_by_norm(void **state)
{
    (void)state;
    const double sizes[] = { 1e-3, 1, 1e3, 1e20, 1e30, 3e38 }, limits[] = { 1e-3, 1, 100 };
    nn_real x[1] = { 1 };
    nn_data d;
    check_ok(nn_data_from(&d, x, 1, { 1 }, .targets = x));
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t l = 0; l < COUNT(limits); l++) {
            nn_model *m = nn_model_new();
            nn_tensor *y = nn_dense(nn_input(m, 1), 1, .init = NN_INIT_ZEROS);
            nn_real size = (nn_real)sizes[s];
            check_ok(nn_compile(m, y, .loss = NN_MSE,
                                .optimizer = nn_sgd(.lr = 1, .clip_norm = limits[l])));
            check_ok(nn_fit(m, &d, .on_gradient = set_gradient, .user = &size, .quiet = true));
            double norm = sqrt(2.0) * (double)size, scale = NN__MIN(1, limits[l] / (norm + 1e-6));
            check_close(m->gradient_norm / norm, 1, 1e-12);
            check_close((double)m->values[0] / ((double)-size * scale), 1, 2 * EPSILON);
            check_close((double)m->values[1] / ((double)size * scale), 1, 2 * EPSILON);
            nn_model_free(m);
        }
    nn_data_free(&d);
}

/* ---- finding NaN and infinity (row 5) -------------------------------------------------------- */

static void not_finite_is_found_everywhere(void **state)
{
    (void)state;
    const nn_real bad[] = { (nn_real)NAN, -(nn_real)NAN, (nn_real)INFINITY, -(nn_real)INFINITY };
    const nn_real good[] = { 0, 1, (nn_real)LARGEST, -(nn_real)LARGEST, (nn_real)1e-40 };
    const size_t bytes = LENGTHS * sizeof(nn_real);
    check_guarded guard = check_guard(bytes);
    for (size_t n = 0; n < LENGTHS; n++)
        for (int end = 0; end < 2; end++) {
            nn_real *x = end ? check_at_end(&guard, n) : check_at_start(&guard);
            for (size_t i = 0; i < n; i++) x[i] = good[i % COUNT(good)];
            assert_true(nn__finite(x, n));
            assert_true(nn__finite_ref(x, n));
            for (size_t at = 0; at < n; at++)
                for (size_t k = 0; k < COUNT(bad); k++) {
                    nn_real was = x[at];
                    x[at] = bad[k];
                    if (nn__finite(x, n) || nn__finite_ref(x, n))
                        fail_msg("%g at %zu of %zu is not found", (double)bad[k], at, n);
                    x[at] = was;
                }
        }
    check_unguard(&guard);
}

/* ---- penalties ------------------------------------------------------------------------------- */

static void penalties(void **state)
{
    (void)state;
    const nn_real w[5] = { 1, -2, 0, (nn_real)0.5, -4 };
    nn_real dw[5] = { 10, 20, 30, 40, 50 };
    check_close(nn__penalty_forward(w, 5, 0.1, 0), 0.75, 1e-15);
    check_close(nn__penalty_forward(w, 5, 0, 0.1), 2.125, 1e-15);
    check_close(nn__penalty_forward(w, 5, 0.1, 0.1), 2.875, 1e-15);
    check_close(nn__penalty_forward(w, 0, 1, 1), 0, 0);
    nn__penalty_backward(dw, w, 5, 0.25, 0.5); /* + 0.25 sign(w) + w */
    const double expected[5] = { 11.25, 17.75, 30, 40.75, 45.75 };
    for (int i = 0; i < 5; i++) check_close(dw[i], expected[i], 64 * EPSILON);
}

/* ---- scores ---------------------------------------------------------------------------------- */

static void argmax_takes_the_first(void **state)
{
    (void)state;
    const nn_real x[6] = { -1, 3, 2, 3, -7, 3 }, low[3] = { -9, -8, -8 };
    assert_int_equal(nn_argmax(x, 6), 1);
    assert_int_equal(nn_argmax(x, 1), 0);
    assert_int_equal(nn_argmax(x + 2, 2), 1);
    assert_int_equal(nn_argmax(low, 3), 1);
}

/* Ten samples of three classes, of which nobody calls the third. */
static void confusion_and_scores(void **state)
{
    (void)state;
    const int label[10] = { 0, 0, 0, 0, 1, 1, 1, 2, 2, 1 };
    const int predicted[10] = { 0, 0, 0, 1, 1, 1, 0, 0, 1, 1 };
    const int expected[9] = { 3, 1, 0, 1, 3, 0, 1, 1, 0 };
    int counts[9] = { 0 };
    nn_confusion_add(counts, label, predicted, 4, 3); /* in two parts: it adds */
    nn_confusion_add(counts, label + 4, predicted + 4, 6, 3);
    for (int i = 0; i < 9; i++) assert_int_equal(counts[i], expected[i]);
    nn_class_score s = nn_class_score_of(counts, 3, 0);
    assert_int_equal(s.support, 4);
    check_close(s.precision, 0.6, 1e-15), check_close(s.recall, 0.75, 1e-15);
    check_close(s.f1, 2 * 0.6 * 0.75 / 1.35, 1e-15);
    s = nn_class_score_of(counts, 3, 1);
    assert_int_equal(s.support, 4);
    check_close(s.precision, 0.6, 1e-15), check_close(s.recall, 0.75, 1e-15);
    s = nn_class_score_of(counts, 3, 2);
    assert_int_equal(s.support, 2);
    check_close(s.precision, 0, 0), check_close(s.recall, 0, 0), check_close(s.f1, 0, 0);
    const int skewed[4] = { 5, 3, 1, 11 };
    s = nn_class_score_of(skewed, 2, 0);
    assert_int_equal(s.support, 8);
    check_close(s.precision, 5.0 / 6, 1e-15), check_close(s.recall, 5.0 / 8, 1e-15);
    check_close(s.f1, 10.0 / 14, 1e-15);
    const int none[4] = { 0, 0, 0, 7 };
    s = nn_class_score_of(none, 2, 0);
    assert_int_equal(s.support, 0);
    check_close(s.precision, 0, 0), check_close(s.recall, 0, 0), check_close(s.f1, 0, 0);
}

/* The mask is a matter of integers: the same bits with vectors as without, at every length. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_does_not_overflow),
        cmocka_unit_test(softmax_ignores_a_shift),
        cmocka_unit_test(softmax_rows_sum_to_one),
        cmocka_unit_test(cross_entropy_has_no_log_of_zero),
        cmocka_unit_test(cross_entropy_is_finite_and_not_clipped),
        cmocka_unit_test(cross_entropy_passes_nan_on),
        cmocka_unit_test(sigmoid_saturates),
        cmocka_unit_test(sigmoid_is_monotone),
        cmocka_unit_test(bce_follows_the_formula),
        cmocka_unit_test(bce_rejects_what_is_no_probability),
        cmocka_unit_test(a_model_rejects_them_too),
        cmocka_unit_test(pointwise_gradients),
        cmocka_unit_test(slopes_at_zero),
        cmocka_unit_test(row_gradients),
        cmocka_unit_test(huber_by_hand),
        cmocka_unit_test(activations_are_accurate),
        cmocka_unit_test(activations_in_place),
        cmocka_unit_test(nan_passes_through),
        cmocka_unit_test(activations_at_every_length_and_offset),
        cmocka_unit_test(dense_against_loops),
        cmocka_unit_test(dropout_keeps_the_mean),
        cmocka_unit_test(dropout_mask_is_of_the_sample),
        cmocka_unit_test(dropout_at_inference),
        cmocka_unit_test(first_step_of_adam),
        cmocka_unit_test(zero_momentum_is_plain_descent),
        cmocka_unit_test(optimizers_by_hand),
        cmocka_unit_test(fast_adam_against_ref),
        cmocka_unit_test(optimizers_stay_in_their_arrays),
        cmocka_unit_test(fast_loops_against_plain_ones),
        cmocka_unit_test(norm_is_summed_in_double),
        cmocka_unit_test(clipping_by_norm),
        cmocka_unit_test(not_finite_is_found_everywhere),
        cmocka_unit_test(penalties),
        cmocka_unit_test(argmax_takes_the_first),
        cmocka_unit_test(confusion_and_scores),
    };
    print_message("code path: %s\n", nn_cpu_name());
    return cmocka_run_group_tests_name(">>kernels", tests, NULL, NULL);
}
