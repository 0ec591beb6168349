/* Tests of >>train: losses, metrics, nn_fit and its options, schedules, stopping, reproducibility,
   numeric failures, and what the log says.
     cc tests/test_train.c -lcmocka -lm && ./a.out          -fopenmp adds the test of threads */

#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#endif
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* A comma locale can be simulated: the library's snprintf and localeconv are these two. */
static bool comma; /* whether it is */
static int test_snprintf(char *text, size_t size, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;
static struct lconv *test_localeconv(void);
#undef snprintf
#define snprintf test_snprintf
#define localeconv test_localeconv

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER

#undef snprintf
#undef localeconv
#include "check.h"

static int test_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    for (size_t i = 0; comma && i + 1 < size && text[i]; i++)
        if (text[i] == '.') text[i] = ',';
    return n;
}

static struct lconv *test_localeconv(void)
{
    static char mark[] = ",";
    static struct lconv simulated;
    if (!comma) return localeconv();
    simulated.decimal_point = mark;
    return &simulated;
}

static int silence(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    return 0;
}

/* ---- helpers ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
static const bool is_double = sizeof(nn_real) == sizeof(double);

static void fill(nn_real *x, size_t n, uint64_t seed, double low, double high)
{
    nn_random random = nn_random_seed(seed);
    for (size_t i = 0; i < n; i++) x[i] = (nn_real)nn_random_uniform(&random, low, high);
}

enum { N = 50, IN = 4 };

/* N samples of IN numbers with three classes, which a small network can learn. */
static void class_data(nn_data *d, uint64_t seed)
{
    nn_real x[N * IN];
    int label[N];
    fill(x, N * IN, seed, -1, 1);
    for (int i = 0; i < N; i++) label[i] = x[i * IN] + x[i * IN + 1] > 0.4 ? 2 : x[i * IN] > 0;
    check_ok(nn_data_from(d, x, N, { IN }, .labels = label));
    assert_int_equal(d->classes, 3);
}

/* N samples of IN numbers with two numbers to predict. */
static void number_data(nn_data *d, uint64_t seed)
{
    nn_real x[N * IN], t[N * 2];
    fill(x, N * IN, seed, -1, 1);
    for (int i = 0; i < N; i++) {
        t[2 * i] = x[i * IN] - x[i * IN + 1] / 2;
        t[2 * i + 1] = x[i * IN + 2] * x[i * IN + 3];
    }
    check_ok(nn_data_from(d, x, N, { IN }, .targets = t, .target_shape = { 2 }));
}

/* IN-12-3 with dropout, ready to classify. */
static nn_model *classifier(uint64_t seed, nn_optimizer optimizer)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *h = nn_dense(nn_input(m, IN), 12, .activation = NN_TANH);
    nn_tensor *y = nn_dense(nn_dropout(h, 0.2), 3, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = optimizer));
    return m;
}

/* IN-8-2 for numbers. */
static nn_model *regressor(uint64_t seed, nn_optimizer optimizer)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *y = nn_dense(nn_dense(nn_input(m, IN), 8, .activation = NN_TANH), 2);
    check_ok(nn_compile(m, y, .loss = NN_MSE, .optimizer = optimizer));
    return m;
}

/* A model whose output is its input: what is tested is loss and metrics alone. */
static nn_model *identity(int size, nn_loss loss, bool from_logits, int top_k)
{
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, size), *y = nn_dense(x, size, .no_bias = true);
    if (loss != NN_MSE && !from_logits) y = nn_scale(y, 1); /* probabilities come as they are */
    check_ok(nn_compile(m, y, .loss = loss, .from_logits = from_logits, .top_k = top_k,
                        .optimizer = nn_sgd(.lr = 0.1)));
    for (int i = 0; i < size * size; i++) m->values[i] = (nn_real)(i % (size + 1) == 0);
    return m;
}

static void check_same_weights_at(const nn_model *a, const nn_model *b, bool same, int line)
{
    assert_int_equal(a->parameters, b->parameters);
    for (size_t i = 0; i < a->parameters; i++) {
        bool equal = memcmp(&a->values[i], &b->values[i], sizeof(nn_real)) == 0;
        if (!equal && same)
            fail_msg("line %d: weight %zu is %.17g in one model, %.17g in the other", line, i,
                     (double)a->values[i], (double)b->values[i]);
        if (!equal) return;
    }
    if (!same) fail_msg("line %d: all %zu weights are the same", line, a->parameters);
}
#define check_same_weights(a, b) check_same_weights_at(a, b, true, __LINE__)
#define check_other_weights(a, b) check_same_weights_at(a, b, false, __LINE__)

static nn_real *copy_weights(const nn_model *m)
{
    nn_real *copy = malloc(m->parameters * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, m->values, m->parameters * sizeof *copy);
    return copy;
}

/* ---- losses ---- */

/* Feeds, and computes loss and gradients. */
static void pass(nn_model *m, const nn_data *d)
{
    check_ok(nn_feed(m, d, NULL, d->n));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
}

/* The same network with the loss fused with softmax or sigmoid, with .from_logits, and with a
   layer between that keeps the two apart: one loss, one gradient. Binary ones also behind a
   reshape. */
static void fused_losses(void **state)
{
    (void)state;
    enum { FUSED, LOGITS, APART, LOG_OR_RESHAPED, WAYS };
    const nn_loss losses[] = { NN_SPARSE_CROSS_ENTROPY, NN_CROSS_ENTROPY, NN_BINARY_CROSS_ENTROPY,
                               NN_MULTI_LABEL_CROSS_ENTROPY };
    nn_real x[N * IN], t[N * 3];
    nn_data labels, one_hot, shares;
    class_data(&labels, 1);
    class_data(&one_hot, 1);
    check_ok(nn_one_hot(&one_hot));
    fill(x, N * IN, 1, -1, 1);
    fill(t, N * 3, 2, 0, 1);
    check_ok(nn_data_from(&shares, x, N, { IN }, .targets = t, .target_shape = { 3 }));
    for (int k = 0; k < COUNT(losses); k++) {
        bool softmax = k < 2;
        const nn_data *d = k == 0 ? &labels : k == 1 ? &one_hot : &shares;
        nn_activation g = softmax ? NN_SOFTMAX : NN_SIGMOID;
        nn_model *m[WAYS];
        nn_real grads[IN * 3 + 3];
        double loss = 0;
        for (int way = 0; way < WAYS; way++) {
            m[way] = nn_model_new(.seed = 3);
            nn_tensor *y = nn_dense(nn_input(m[way], IN), 3);
            if (way == FUSED) y = nn_activate(y, g);
            if (way == APART) y = nn_scale(nn_activate(y, g), 1);
            if (way == LOG_OR_RESHAPED)
                y = softmax ? nn_activate(y, NN_LOG_SOFTMAX)
                            : nn_reshape(nn_reshape(nn_activate(y, g), 3, 1), 3);
            if (way == APART && losses[k] == NN_SPARSE_CROSS_ENTROPY) {
                check_fails(nn_compile(m[way], y, .loss = losses[k]), NN_ERR_ARGUMENT, "softmax");
                check_ok(nn_compile(m[way], y, .loss = NN_CROSS_ENTROPY));
                pass(m[way], &one_hot);
            } else {
                check_ok(nn_compile(m[way], y, .loss = losses[k], .from_logits = way == LOGITS));
                pass(m[way], d);
            }
            if (way == FUSED) loss = m[way]->loss, memcpy(grads, m[way]->grads, sizeof grads);
            check_close(m[way]->loss, loss, is_double ? 1e-12 : 1e-5);
            check_all_close(m[way]->grads, grads, IN * 3 + 3, is_double ? 1e-12 : 1e-5);
            check_gradients(m[way], way == APART && k == 0 ? &one_hot : d);
        }
        for (int way = 0; way < WAYS; way++) nn_model_free(m[way]);
    }
    nn_data_free(&labels), nn_data_free(&one_hot), nn_data_free(&shares);
}

/* Every loss against its formula, from predictions that are given. */
static void losses_by_hand(void **state)
{
    (void)state;
    const nn_real x[6] = { (nn_real)0.2, (nn_real)0.7,  (nn_real)0.1,
                           (nn_real)0.5, (nn_real)0.25, (nn_real)0.25 };
    const nn_real t[6] = { 0, 1, 0, (nn_real)0.5, (nn_real)0.5, 0 };
    const nn_real weight[2] = { 1, 3 };
    const double tolerance = is_double ? 1e-12 : 1e-6;
    nn_data d;
    const struct {
        nn_loss loss;
        double first, second; /* of the two samples */
    } c[] = {
        { NN_MSE, (0.04 + 0.09 + 0.01) / 3, (0.0625 + 0.0625) / 3 },
        { NN_MAE, 0.6 / 3, 0.5 / 3 },
        { NN_HUBER, (0.02 + 0.25 * 0.3 - 0.03125 + 0.005) / 3, 2 * (0.25 * 0.25 - 0.03125) / 3 },
        { NN_BINARY_CROSS_ENTROPY, -(log(0.8) + log(0.7) + log(0.9)) / 3,
          -(log(0.5) + 0.5 * log(0.25) + 0.5 * log(0.75) + log(0.75)) / 3 },
        { NN_MULTI_LABEL_CROSS_ENTROPY, -(log(0.8) + log(0.7) + log(0.9)),
          -(log(0.5) + 0.5 * log(0.25) + 0.5 * log(0.75) + log(0.75)) },
        { NN_CROSS_ENTROPY, -log(0.7), -0.5 * log(0.5) - 0.5 * log(0.25) },
    };
    check_ok(nn_data_from(&d, x, 2, { 3 }, .targets = t, .target_shape = { 3 }, .weights = weight));
    for (int k = 0; k < COUNT(c); k++) {
        nn_model *m = identity(3, c[k].loss, false, 0);
        check_ok(nn_compile(m, m->output, .loss = c[k].loss, .huber_delta = 0.25));
        check_close(nn_evaluate(m, &d).loss, (c[k].first + 3 * c[k].second) / 2, tolerance);
        nn_model_free(m);
    }
    nn_data_free(&d);
}

/* Losses and outputs that do not fit each other, or the data. */
static void wrong_combinations(void **state)
{
    (void)state;
    const struct {
        nn_activation activation;
        nn_loss loss;
        bool from_logits;
        const char *words;
    } c[] = {
        { NN_LINEAR, NN_SPARSE_CROSS_ENTROPY, false, "either the last layer has a softmax" },
        { NN_SIGMOID, NN_SPARSE_CROSS_ENTROPY, false, "either the last layer has a softmax" },
        { NN_RELU, NN_SPARSE_CROSS_ENTROPY, false, "sparse cross-entropy and the output dense1" },
        { NN_SOFTMAX, NN_SPARSE_CROSS_ENTROPY, true, ".from_logits = true is given and it has" },
        { NN_LINEAR, NN_CROSS_ENTROPY, false, "either the last layer has a softmax" },
        { NN_SOFTMAX, NN_CROSS_ENTROPY, true, "softmax (then without .from_logits)" },
        { NN_LOG_SOFTMAX, NN_CROSS_ENTROPY, true, "softmax (then without .from_logits)" },
        { NN_LINEAR, NN_BINARY_CROSS_ENTROPY, false, "either the last layer has a sigmoid" },
        { NN_SIGMOID, NN_BINARY_CROSS_ENTROPY, true, "sigmoid (then without .from_logits)" },
        { NN_LINEAR, NN_MULTI_LABEL_CROSS_ENTROPY, false, "either the last layer has a sigmoid" },
        { NN_LINEAR, NN_LOSS_NONE, false, "no loss was named" },
        { NN_LINEAR, NN_LOSS_COUNT, false, "no loss was named" },
        { NN_LINEAR, (nn_loss)-1, false, "no loss was named" },
    };
    for (int k = 0; k < COUNT(c); k++) {
        nn_model *m = nn_model_new();
        nn_tensor *y = nn_dense(nn_input(m, IN), 3, .activation = c[k].activation);
        nn_status status = nn_compile(m, y, .loss = c[k].loss, .from_logits = c[k].from_logits);
        check_fails(status, NN_ERR_ARGUMENT, c[k].words);
        nn_model_free(m);
    }
    nn_data classes, numbers, none, narrow;
    nn_real x[N * IN] = { 0 };
    class_data(&classes, 1);
    number_data(&numbers, 1);
    check_ok(nn_data_from(&none, x, N, { IN }));
    check_ok(nn_data_from(&narrow, x, N, { IN - 1 }, .targets = x, .target_shape = { 2 }));
    nn_model *c3 = classifier(1, nn_adam()), *r2 = regressor(1, nn_adam());
    check_fails(nn_fit(c3, &numbers), NN_ERR_DATA, "needs class labels, the data has numbers");
    check_fails(nn_fit(r2, &classes), NN_ERR_DATA, "mse needs numbers, the data has class labels");
    check_fails(nn_fit(r2, &none), NN_ERR_DATA, "the data has no targets");
    check_fails(nn_fit(r2, &narrow), NN_ERR_SHAPE,
                "takes 4 numbers for each sample, the data has 3");
    check_ok(nn_one_hot(&classes));
    check_fails(nn_fit(r2, &classes), NN_ERR_SHAPE,
                "needs 2 targets for each sample, the data has 3");
    check_fails(nn_evaluate(c3, &numbers).status, NN_ERR_DATA, "needs class labels");
    assert_true(isnan(nn_evaluate(c3, &numbers).loss));
    check_fails(nn_fit(r2, NULL), NN_ERR_ARGUMENT, "the data set is NULL");
    nn_data nothing, failed;
    memset(&nothing, 0, sizeof nothing);
    check_fails(nn_fit(r2, &nothing), NN_ERR_STATE, "the data set is empty");
    check_fails(nn_load_csv(&failed, "/no/such/file.csv"), NN_ERR_FILE, "/no/such/file.csv");
    check_fails(nn_fit(r2, &failed), NN_ERR_FILE, "/no/such/file.csv"); /* its first sentence */
    check_fails(nn_evaluate(r2, &failed).status, NN_ERR_FILE, "/no/such/file.csv");
    int counts[9];
    check_fails(nn_confusion(r2, &numbers, counts), NN_ERR_STATE, "a loss on classes");
    nn_model_free(c3), nn_model_free(r2);
    nn_data_free(&classes), nn_data_free(&numbers), nn_data_free(&none), nn_data_free(&narrow);
}

/* Predictions or targets outside of 0 to 1 under a loss on probabilities are named. */
static void not_probabilities(void **state)
{
    (void)state;
    const nn_real x[2] = { (nn_real)0.5, (nn_real)1.5 }, t[2] = { 1, 0 }, wrong[2] = { 0, 2 };
    nn_data d, e;
    check_ok(nn_data_from(&d, x, 2, { 1 }, .targets = t));
    check_ok(nn_data_from(&e, t, 2, { 1 }, .targets = wrong));
    nn_model *m = identity(1, NN_BINARY_CROSS_ENTROPY, false, 0);
    check_fails(nn_fit(m, &d, .no_shuffle = true), NN_ERR_DATA, "row 1 has the prediction 1.5");
    check_fails(nn_fit(m, &e, .no_shuffle = true), NN_ERR_DATA, "row 1 has the target 2");
    check_close(m->values[0], 1, 0);
    nn_model_free(m), nn_data_free(&d), nn_data_free(&e);
}

/* ---- metrics ---- */

static void metrics_by_hand(void **state)
{
    (void)state;
    const nn_real z[5 * 4] = { 4, 3, 2, 1, /* 0, then 1 */
                               1, 4, 3, 2, /* 1, then 2 */
                               1, 2, 4, 3, /* 2, then 3 */
                               4, 2, 1, 3, /* 0, then 3 */
                               2, 2, 1, 1 /* equals: the first counts */ };
    const int label[5] = { 0, 2, 1, 3, 1 };
    const nn_real one_hot[5 * 4] = { 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0 };
    double loss = 0, mae = 0, numbers = 0;
    for (int i = 0; i < 20; i++) {
        double e = (double)z[i] - (double)one_hot[i];
        mae += fabs(e) / 20, numbers += e * e / 20;
    }
    for (int i = 0; i < 5; i++) {
        double sum = 0;
        for (int c = 0; c < 4; c++) sum += exp((double)z[4 * i + c]);
        loss += (log(sum) - (double)z[4 * i + label[i]]) / 5;
    }
    nn_data labels, rows;
    check_ok(nn_data_from(&labels, z, 5, { 4 }, .labels = label));
    check_ok(nn_data_from(&rows, z, 5, { 4 }, .targets = one_hot, .target_shape = { 4 }));
    nn_model *m = identity(4, NN_SPARSE_CROSS_ENTROPY, true, 2);
    nn_metrics r = nn_evaluate(m, &labels);
    assert_int_equal(r.status, NN_OK);
    assert_int_equal(r.n, 5);
    check_close(r.accuracy, 1 / 5.0, 1e-12);
    check_close(r.top_k, 4 / 5.0, 1e-12);
    check_close(r.loss, loss, 1e-6);
    assert_true(isnan(r.mae));
    int counts[16];
    const int expected[16] = { 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0 };
    check_ok(nn_confusion(m, &labels, counts));
    assert_memory_equal(counts, expected, sizeof counts);
    nn_model_free(m);

    m = identity(4, NN_CROSS_ENTROPY, true, 3);
    r = nn_evaluate(m, &rows);
    check_close(r.accuracy, 1 / 5.0, 1e-12);
    check_close(r.top_k, 5 / 5.0, 1e-12);
    check_close(r.loss, loss, 1e-6);
    assert_true(isnan(r.mae)); /* not of classes, one-hot or not */
    check_ok(nn_confusion(m, &rows, counts));
    assert_memory_equal(counts, expected, sizeof counts);
    nn_model_free(m);

    m = identity(4, NN_MSE, false, 0);
    r = nn_evaluate(m, &rows);
    check_close(r.loss, numbers, 1e-6);
    check_close(r.mae, mae, 1e-6);
    assert_true(isnan(r.accuracy) && isnan(r.top_k));
    nn_model_free(m), nn_data_free(&labels), nn_data_free(&rows);
}

/* Binary accuracy from probabilities and from logits; targets between 0 and 1 are never right. */
static void binary_accuracy(void **state)
{
    (void)state;
    const nn_real p[6] = { (nn_real)0.9, (nn_real)0.4, (nn_real)0.5, (nn_real)0.6, 0, 1 };
    const nn_real z[6] = { 2, -1, 0, 3, -9, 9 };
    const nn_real t[6] = { 1, 1, 0, (nn_real)0.25, 0, 0 };
    nn_data d;
    for (int logits = 0; logits < 2; logits++)
        for (int width = 1; width <= 3; width += 2) {
            nn_model *m = identity(width, NN_BINARY_CROSS_ENTROPY, logits, 0);
            check_ok(nn_data_from(&d, logits ? z : p, 6 / width, { width }, .targets = t,
                                  .target_shape = { width }));
            check_close(nn_evaluate(m, &d).accuracy, 3 / 6.0, 1e-12);
            nn_model_free(m), nn_data_free(&d);
        }
    const int label[6] = { 20, 20, 10, 10, 10, 10 }; /* class labels serve too: 10 is 0, 20 is 1 */
    nn_model *m = identity(1, NN_BINARY_CROSS_ENTROPY, true, 0);
    check_ok(nn_data_from(&d, z, 6, { 1 }, .labels = label));
    check_close(nn_evaluate(m, &d).accuracy, 3 / 6.0, 1e-12);
    nn_model_free(m), nn_data_free(&d);
}

/* More samples than one pass takes: the sums go over all batches, also the last one. */
static void metrics_of_many(void **state)
{
    (void)state;
    enum { MANY = 3 * NN__LARGEST_BATCH + 17 };
    static nn_real x[MANY * 2], y[MANY * 2];
    static int label[MANY];
    int right = 0, counts[4], found[4] = { 0 };
    double loss = 0;
    nn_data d;
    fill(x, MANY * 2, 3, -1, 1);
    for (int i = 0; i < MANY; i++) {
        label[i] = i % 3 == 0;
        int guess = nn_argmax(x + 2 * i, 2);
        right += guess == label[i], found[2 * label[i] + guess]++;
        loss += log(1 + exp((double)(x[2 * i + !label[i]] - x[2 * i + label[i]]))) / MANY;
    }
    check_ok(nn_data_from(&d, x, MANY, { 2 }, .labels = label));
    nn_model *m = identity(2, NN_SPARSE_CROSS_ENTROPY, true, 0);
    nn_metrics r = nn_evaluate(m, &d);
    assert_int_equal(r.n, MANY);
    check_close(r.accuracy, right / (double)MANY, 1e-12);
    check_close(r.loss, loss, 1e-6);
    check_ok(nn_confusion(m, &d, counts));
    assert_memory_equal(counts, found, sizeof counts);
    check_ok(nn_predict(m, y, x, MANY));
    assert_memory_equal(x, y, sizeof x);
    check_ok(nn_predict(m, y, x, 0));
    check_fails(nn_predict(m, y, NULL, 3), NN_ERR_ARGUMENT, "needs x, y");
    check_fails(nn_predict(m, y, x, -1), NN_ERR_ARGUMENT, "at least 0 samples");
    nn_model_free(m), nn_data_free(&d);
}

/* Row 17: one row alone gives what it gives within a batch. */
static void one_row_equals_its_batch(void **state)
{
    (void)state;
    enum { ROWS = 67, WIDE = 33, OUT = 5 };
    static nn_real x[ROWS * WIDE], batch[ROWS * OUT], one[OUT];
    fill(x, ROWS * WIDE, 9, -2, 2);
    nn_model *m = nn_model_new(.seed = 2);
    nn_tensor *h = nn_dense(nn_input(m, WIDE), 40, .activation = NN_GELU);
    check_ok(nn_build(m, nn_dense(nn_dropout(h, 0.5), OUT, .activation = NN_SOFTMAX)));
    fill(m->values, m->parameters, 10, -0.5, 0.5); /* biases are not 0 either */
    check_ok(nn_predict(m, batch, x, ROWS));
    for (int i = 0; i < ROWS; i++) {
        check_ok(nn_predict(m, one, x + i * WIDE, 1));
        for (int k = 0; k < OUT; k++) check_close(one[k], batch[i * OUT + k], 1e-6);
    }
    nn_model_free(m);
}

/* ---- nn_fit: which samples, in which order ---- */

/* What a callback sees: the first input's value is the number of the sample. */
typedef struct seen {
    int times[N], batches, sizes[8], order[4 * N], samples, stop_after;
    nn_model *model;
} seen;

static int see_batch(nn_model *m, void *user)
{
    seen *s = (seen *)user;
    const nn_tensor *x = m->run->input[0];
    if (s->batches < 8) s->sizes[s->batches] = m->batch;
    s->batches++;
    for (int b = 0; b < m->batch; b++) {
        int i = (int)x->value[b];
        s->times[i]++;
        if (s->samples < COUNT(s->order)) s->order[s->samples++] = i;
    }
    return s->batches == s->stop_after;
}

static int see_epoch(nn_model *m, void *user)
{
    (void)m;
    return ++((seen *)user)->batches == ((seen *)user)->stop_after;
}

/* N samples whose only number is 0, 1, 2, ... */
static void numbered_data(nn_data *d)
{
    nn_real x[N], t[N];
    for (int i = 0; i < N; i++) x[i] = (nn_real)i, t[i] = 0;
    check_ok(nn_data_from(d, x, N, { 1 }, .targets = t));
}

static nn_model *one_number(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    check_ok(nn_compile(m, nn_dense(nn_input(m, 1), 1), .loss = NN_MSE,
                        .optimizer = nn_sgd(.lr = 1e-6)));
    return m;
}

static void every_sample_once(void **state)
{
    (void)state;
    nn_data d;
    numbered_data(&d);
    const struct {
        int batch_size, batches, last;
    } c[] = { { 7, 8, 1 }, { 10, 5, 10 },           { 0, 2, N - 32 }, { 1, N, 1 },
              { N, 1, N }, { NN_FULL_BATCH, 1, N }, { 1000, 1, N },   { N - 1, 2, 1 } };
    for (int k = 0; k < COUNT(c); k++)
        for (int ordered = 0; ordered < 2; ordered++) {
            seen s = { { 0 }, 0, { 0 }, { 0 }, 0, 0, NULL };
            nn_model *m = one_number(3);
            check_ok(nn_fit(m, &d, .epochs = 3, .batch_size = c[k].batch_size,
                            .no_shuffle = ordered, .on_batch = see_batch, .user = &s,
                            .quiet = true));
            assert_int_equal(s.batches, 3 * c[k].batches);
            assert_int_equal(m->steps, c[k].batches);
            assert_int_equal(m->updates, 3 * c[k].batches);
            assert_int_equal(m->batch, c[k].last);
            for (int i = 0; i < N; i++) assert_int_equal(s.times[i], 3);
            int moved = 0, differ = 0;
            for (int i = 0; i < N; i++) { /* within the first epoch, and the second */
                moved += s.order[i] != i, differ += s.order[i] != s.order[N + i];
                if (ordered) assert_int_equal(s.order[N + i], i);
            }
            if (ordered) assert_int_equal(moved, 0);
            else assert_true(moved > N / 2 && differ > N / 2);
            nn_model_free(m);
        }
    nn_data_free(&d);
}

static void no_epochs(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    nn_model *m = regressor(1, nn_adam()), *same = regressor(1, nn_adam());
    check_ok(nn_fit(m, &d, .epochs = -1, .quiet = true));
    assert_int_equal(m->history.epochs, 0);
    assert_int_equal(m->updates, 0);
    check_same_weights(m, same);
    check_ok(nn_fit(m, &d, .quiet = true)); /* 0 is the default: one */
    assert_int_equal(m->history.epochs, 1);
    check_other_weights(m, same);
    check_fails(nn_fit(m, &d, .batch_size = -2), NN_ERR_ARGUMENT, "batch_size -2");
    check_fails(nn_fit(m, &d, .patience = -1), NN_ERR_ARGUMENT, "patience -1");
    check_fails(nn_fit(m, &d, .min_delta = (double)NAN), NN_ERR_ARGUMENT, "min_delta");
    check_fails(nn_fit(m, &d, .validation_fraction = 1), NN_ERR_ARGUMENT, "fraction is 1");
    check_fails(nn_fit(m, &d, .validation_fraction = -0.5), NN_ERR_ARGUMENT, "fraction is -0.5");
    check_fails(nn_fit(m, &d, .validation_fraction = (double)NAN), NN_ERR_ARGUMENT, "fraction is");
    check_fails(nn_fit(m, &d, .validation_fraction = 0.999), NN_ERR_ARGUMENT, "leaves no sample");
    check_fails(nn_fit(m, &d, .monitor = NN_MONITOR_VAL_LOSS), NN_ERR_ARGUMENT, "there is none");
    check_fails(nn_fit(m, &d, .monitor = NN_MONITOR_VAL_ACCURACY, .validation = &d),
                NN_ERR_ARGUMENT, "mse has none");
    assert_int_equal(m->history.epochs, 1);
    assert_false(nn_fit_step(m));
    assert_false(nn_fit_step(NULL));
    check_fails(nn_fit_end(NULL), NN_ERR_ARGUMENT, "the model is NULL");
    check_fails(nn_fit((nn_model *)NULL, &d), NN_ERR_ARGUMENT, "the model is NULL");
    nn_model_free(m), nn_model_free(same), nn_data_free(&d);
}

/* What learning rates and options nn_compile refuses (row 19). */
static void optimizer_errors(void **state)
{
    (void)state;
    const nn_optimizer wrong[] = {
        nn_adam(.lr = -1),
        nn_sgd(.lr = (double)NAN),
        nn_sgd(.lr = (double)INFINITY),
        nn_sgd(.momentum = -0.1),
        nn_sgd(.momentum = 1.5),
        nn_adam(.beta1 = 1),
        nn_adam(.beta2 = (double)NAN),
        nn_rmsprop(.rho = 2),
        nn_adam(.epsilon = -1),
        nn_adamw(.weight_decay = -1),
        nn_adam(.clip_norm = -1),
        nn_adam(.clip_value = (double)NAN),
        nn_adam(.schedule = { .warmup = -1 }),
    };
    nn_model *m = nn_model_new();
    nn_tensor *y = nn_dense(nn_input(m, 2), 2);
    for (int i = 0; i < COUNT(wrong); i++) {
        nn_status status = nn_compile(m, y, .loss = NN_MSE, .optimizer = wrong[i]);
        if (status != NN_ERR_ARGUMENT) fail_msg("optimizer %d gives status %d", i, (int)status);
        assert_non_null(strstr(nn_last_error(), "test_train.c:"));
    }
    check_fails(nn_compile(m, y, .loss = NN_MSE, .top_k = -1), NN_ERR_ARGUMENT, "top_k");
    check_fails(nn_compile(m, y, .loss = NN_HUBER, .huber_delta = -1), NN_ERR_ARGUMENT, "delta");
    nn_model_free(m);
}

/* ---- validation ---- */

static void validation_part(void **state)
{
    (void)state;
    nn_data d, front, tail;
    int rows[N];
    nn_real bent[N * 2];
    number_data(&d, 1);
    for (int i = 0; i < N; i++) rows[i] = i;
    check_ok(nn_data_rows(&front, &d, rows, 35));
    check_ok(nn_data_rows(&tail, &d, rows + 35, 15));
    nn_model *part = regressor(1, nn_adam(.lr = 0.01)), *set = regressor(1, nn_adam(.lr = 0.01));
    nn_model *bent_part = regressor(1, nn_adam(.lr = 0.01));
    check_ok(
        nn_fit(part, &d, .epochs = 4, .batch_size = 8, .validation_fraction = 0.3, .quiet = true));
    check_ok(nn_fit(set, &front, .epochs = 4, .batch_size = 8, .validation = &tail, .quiet = true));
    check_same_weights(part, set);
    for (int e = 0; e < 4; e++) {
        check_close(part->history.epoch[e].val_loss, set->history.epoch[e].val_loss, 1e-9);
        check_close(part->history.epoch[e].val_mae, set->history.epoch[e].val_mae, 1e-9);
    }
    nn_metrics r = nn_evaluate(set, &tail);
    check_close(set->history.epoch[3].val_loss, r.loss, 1e-12);
    check_close(set->history.epoch[3].val_mae, r.mae, 1e-12);

    memcpy(bent, d.y.values, sizeof bent); /* never trained on: other targets change nothing */
    for (int i = 35 * 2; i < N * 2; i++) ((nn_real *)d.y.values)[i] = 1000;
    check_ok(nn_fit(bent_part, &d, .epochs = 4, .batch_size = 8, .validation_fraction = 0.3,
                    .quiet = true));
    check_same_weights(part, bent_part);
    assert_true(bent_part->history.epoch[0].val_loss > 1e5);
    nn_model_free(part), nn_model_free(set), nn_model_free(bent_part);
    nn_data_free(&d), nn_data_free(&front), nn_data_free(&tail);
}

/* ---- history ---- */

static void history_is_right(void **state)
{
    (void)state;
    nn_data d, v;
    class_data(&d, 1), class_data(&v, 2);
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *y = nn_dense(nn_input(m, IN), 3, .activation = NN_SOFTMAX, .l2 = 0.01);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.lr = 0.5)));
    for (int epoch = 1; epoch <= 3; epoch++) { /* full batch: the loss before the step */
        nn_metrics before = nn_evaluate(m, &d);
        pass(m, &d);
        double norm = nn_norm(m->grads, m->parameters);
        check_ok(nn_fit(m, &d, .batch_size = NN_FULL_BATCH, .validation = &v, .quiet = true));
        nn_metrics val = nn_evaluate(m, &v);
        const nn_epoch *e = &m->history.epoch[epoch - 1];
        assert_int_equal(m->history.epochs, epoch);
        assert_int_equal(e->epoch, epoch);
        check_close(e->loss, before.loss, 1e-6);
        check_close(e->accuracy, before.accuracy, 1e-12);
        check_close(e->val_loss, val.loss, 1e-12);
        check_close(e->val_accuracy, val.accuracy, 1e-12);
        assert_true(isnan(e->mae) && isnan(e->val_mae));
        check_close(e->lr, 0.5, 0);
        check_close(e->gradient_norm, norm, 1e-5);
        assert_true(e->seconds >= 0 && e->seconds < 60);
    }
    nn_model_free(m), nn_data_free(&d), nn_data_free(&v);
}

/* The running mean over batches of different sizes is the mean over samples, as Keras has it. */
static void history_over_batches(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    nn_model *m = regressor(1, nn_sgd(.lr = 1e-30)), *still = regressor(1, nn_sgd());
    check_ok(nn_fit(m, &d, .batch_size = 7, .quiet = true));
    nn_metrics r = nn_evaluate(still, &d);
    check_close(m->history.epoch[0].loss, r.loss, 1e-6);
    check_close(m->history.epoch[0].mae, r.mae, 1e-6);
    assert_true(isnan(m->history.epoch[0].val_loss));
    nn_model_free(m), nn_model_free(still), nn_data_free(&d);
}

/* Numbers that are written have a point, whatever the locale, and give the same number back. */
static void decimals(void **state)
{
    (void)state;
    static const double x[] = { 0, 1.5, -2.25e-9, 1.0 / 3, 6.02214076e23, 1e300 };
    char plain[48], with_comma[48];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        nn__decimal(plain, x[i], 17);
        comma = true;
        nn__decimal(with_comma, x[i], 17);
        comma = false;
        assert_string_equal(plain, with_comma);
        check_close(strtod(plain, NULL), x[i], 0);
    }
    assert_string_equal(nn__decimal(plain, 1.5, 9), "1.5");
}

/* A name for a file that goes away with the test. */
static void temporary(char path[64])
{
#if defined(__unix__) || defined(__APPLE__)
    strcpy(path, "/tmp/nn_test_XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
#else
    strcpy(path, "nn_test.tmp");
#endif
}

static size_t read_all(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
    return n;
}

/* ---- callbacks ---- */

static int stop_now(nn_model *m, void *user)
{
    (void)m;
    ++*(int *)user;
    return 1;
}

static int halve_gradients(nn_model *m, void *user)
{
    ++*(int *)user;
    for (size_t i = 0; i < m->parameters; i++) m->grads[i] /= 2;
    return 0;
}

static void callbacks(void **state)
{
    (void)state;
    nn_data d;
    numbered_data(&d);
    seen s = { { 0 }, 0, { 0 }, { 0 }, 0, 3, NULL };
    nn_model *m = one_number(3);
    check_ok(nn_fit(m, &d, .epochs = 5, .batch_size = 10, .on_batch = see_batch, .user = &s,
                    .quiet = true));
    assert_int_equal(s.batches, 3);
    assert_int_equal(m->updates, 3);
    assert_int_equal(m->history.epochs, 0); /* the epoch did not end */
    assert_false(m->history.stopped_early);
    nn_model_free(m);

    s.batches = 0, s.stop_after = 2;
    m = one_number(3);
    check_ok(nn_fit(m, &d, .epochs = 5, .batch_size = 10, .on_epoch = see_epoch, .user = &s,
                    .quiet = true));
    assert_int_equal(s.batches, 2);
    assert_int_equal(m->history.epochs, 2);
    nn_model_free(m);

    int calls = 0;
    m = one_number(3);
    check_ok(nn_fit(m, &d, .epochs = 5, .on_gradient = stop_now, .user = &calls, .quiet = true));
    assert_int_equal(calls, 1);
    assert_true(m->updates <= 1);
    nn_model_free(m);

    calls = 0; /* half the gradient is half the rate */
    nn_data n;
    number_data(&n, 1);
    nn_model *halved = regressor(1, nn_sgd(.lr = 0.5)), *slow = regressor(1, nn_sgd(.lr = 0.25));
    check_ok(nn_fit(halved, &n, .epochs = 2, .on_gradient = halve_gradients, .user = &calls,
                    .quiet = true));
    check_ok(nn_fit(slow, &n, .epochs = 2, .quiet = true));
    assert_int_equal(calls, 4);
    check_same_weights(halved, slow);
    nn_model_free(halved), nn_model_free(slow), nn_data_free(&d), nn_data_free(&n);
}

/* ---- early stopping ---- */

/* Sets the weight of `one_number` so that the epoch's losses follow a script: the loss is w². */
typedef struct script {
    double loss[8];
    int epochs;
    nn_real best;
} script;

static int play(nn_model *m, void *user)
{
    script *s = (script *)user;
    m->values[0] = (nn_real)sqrt(s->loss[m->epoch % 8]); /* measured in the next epoch */
    s->epochs++;
    return 0;
}

/* x = 1, target 0, no bias: the training loss of an epoch is the square of the weight before it,
   the validation loss that of the weight behind it. */
static nn_model *scripted(nn_data *d, double first)
{
    const nn_real one = 1, zero = 0;
    nn_model *m = nn_model_new();
    check_ok(nn_data_from(d, &one, 1, { 1 }, .targets = &zero));
    check_ok(nn_compile(m, nn_dense(nn_input(m, 1), 1, .no_bias = true), .loss = NN_MSE,
                        .optimizer = nn_sgd(.lr = 1e-30)));
    m->values[0] = (nn_real)sqrt(first);
    return m;
}

static void early_stopping(void **state)
{
    (void)state;
    nn_data d;
    script s = { { 9, 4, 5, 6, 3.9, 3.95, 4, 4 }, 0, 0 };
    nn_model *m = scripted(&d, 9); /* patience 2: 9 4 5 6, and back to the second epoch */
    check_ok(
        nn_fit(m, &d, .epochs = 8, .patience = 2, .on_epoch = play, .user = &s, .quiet = true));
    assert_int_equal(m->history.epochs, 4);
    assert_int_equal(m->history.best, 1);
    assert_true(m->history.stopped_early);
    /* the best weights are those at the end of the best epoch: play came behind it */
    check_close(m->values[0], 2, 1e-6);
    nn_model_free(m), nn_data_free(&d);

    m = scripted(&d, 9); /* the last weights are wanted */
    check_ok(nn_fit(m, &d, .epochs = 8, .patience = 2, .no_restore = true, .on_epoch = play,
                    .user = &s, .quiet = true));
    assert_int_equal(m->history.epochs, 4);
    check_close(m->values[0], sqrt(3.9), 1e-6);
    nn_model_free(m), nn_data_free(&d);

    m = scripted(&d, 9); /* patience 3 sees the fifth epoch; min_delta forgets it again */
    check_ok(
        nn_fit(m, &d, .epochs = 8, .patience = 3, .on_epoch = play, .user = &s, .quiet = true));
    assert_int_equal(m->history.epochs, 8);
    assert_int_equal(m->history.best, 4);
    check_close(m->values[0], sqrt(3.9), 1e-6);
    nn_model_free(m), nn_data_free(&d);
    m = scripted(&d, 9);
    check_ok(nn_fit(m, &d, .epochs = 8, .patience = 3, .min_delta = 0.5, .on_epoch = play,
                    .user = &s, .quiet = true));
    assert_int_equal(m->history.epochs, 5);
    assert_int_equal(m->history.best, 1);
    check_close(m->values[0], 2, 1e-6);
    nn_model_free(m), nn_data_free(&d);

    m = scripted(&d, 9); /* without patience all epochs, and the last weights */
    check_ok(nn_fit(m, &d, .epochs = 8, .on_epoch = play, .user = &s, .quiet = true));
    assert_int_equal(m->history.epochs, 8);
    assert_false(m->history.stopped_early);
    check_close(m->values[0], sqrt(9), 1e-6);
    nn_model_free(m), nn_data_free(&d);
}

/* Each monitor watches its own number. */
static void monitors(void **state)
{
    (void)state;
    nn_data train, test;
    class_data(&train, 1), class_data(&test, 2);
    const nn_monitor monitor[] = { NN_MONITOR_DEFAULT, NN_MONITOR_LOSS, NN_MONITOR_VAL_LOSS,
                                   NN_MONITOR_VAL_ACCURACY };
    for (int k = 0; k < COUNT(monitor); k++) {
        nn_model *m = classifier(1, nn_adam(.lr = 0.2));
        check_ok(nn_fit(m, &train, .epochs = 40, .patience = 3, .monitor = monitor[k],
                        .validation = &test, .quiet = true));
        const nn_epoch *e = m->history.epoch;
        int best = 0;
        for (int i = 1; i < m->history.epochs; i++)
            if (monitor[k] == NN_MONITOR_VAL_ACCURACY ? e[i].val_accuracy > e[best].val_accuracy
                : monitor[k] == NN_MONITOR_LOSS       ? e[i].loss < e[best].loss
                                                      : e[i].val_loss < e[best].val_loss)
                best = i;
        assert_int_equal(m->history.best, best);
        if (m->history.stopped_early) assert_int_equal(m->history.epochs, best + 1 + 3);
        nn_metrics r = nn_evaluate(m, &test); /* the best weights are back */
        check_close(r.loss, e[best].val_loss, 1e-9);
        check_close(r.accuracy, e[best].val_accuracy, 1e-9);
        nn_model_free(m);
    }
    nn_data_free(&train), nn_data_free(&test);
}

/* ---- weights of samples and classes ---- */

static void sample_and_class_weights(void **state)
{
    (void)state;
    nn_data d, one_hot, repeated;
    nn_real x[N * IN], weight[N];
    int label[N], rows[3 * N], n = 0;
    class_data(&d, 1);
    memcpy(x, d.x[0].values, sizeof x);
    memcpy(label, d.y.values, sizeof label);
    for (int i = 0; i < N; i++) weight[i] = (nn_real)(i % 3);
    nn_data_free(&d);
    check_ok(nn_data_from(&d, x, N, { IN }, .labels = label, .weights = weight));
    for (int i = 0; i < N; i++)
        for (int k = 0; k < (int)weight[i]; k++) rows[n++] = i;
    check_ok(nn_data_rows(&repeated, &d, rows, n)); /* weight 2 is the sample twice */
    for (int i = 0; i < n; i++) repeated.weight[i] = 1;
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *y = nn_dense(nn_input(m, IN), 3, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.lr = 0.1)));
    nn_real grads[IN * 3 + 3];
    pass(m, &repeated);
    double loss = m->loss * n / N;
    for (size_t i = 0; i < m->parameters; i++) grads[i] = m->grads[i] * (nn_real)n / N;
    pass(m, &d);
    check_close(m->loss, loss, 1e-5);
    check_all_close(m->grads, grads, m->parameters, 1e-5);
    check_gradients(m, &d);
    check_close(nn_evaluate(m, &d).loss, loss, 1e-5);

    /* class weights multiply: for labels, and for rows with a single one */
    const double class_weight[3] = { 0.5, 2, 0 };
    for (int i = 0; i < N; i++) d.weight[i] = weight[i] * (nn_real)class_weight[label[i]];
    check_ok(nn_data_rows(&one_hot, &d, NULL, N));
    check_ok(nn_one_hot(&one_hot));
    nn_real *start = copy_weights(m);
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    nn_real *expected = copy_weights(m);
    for (int way = 0; way < 2; way++) {
        nn_data *data = way ? &one_hot : &d;
        memcpy(data->weight, weight, sizeof weight);
        nn_model *again = nn_model_new(.seed = 1);
        y = nn_dense(nn_input(again, IN), 3, .activation = NN_SOFTMAX);
        check_ok(nn_compile(again, y, .optimizer = nn_sgd(.lr = 0.1),
                            .loss = way ? NN_CROSS_ENTROPY : NN_SPARSE_CROSS_ENTROPY));
        assert_memory_equal(again->values, start, again->parameters * sizeof *start);
        check_ok(nn_fit(again, data, .epochs = 2, .class_weight = class_weight, .quiet = true));
        check_all_close(again->values, expected, again->parameters, 1e-5);
        nn_model_free(again);
    }
    nn_data numbers;
    number_data(&numbers, 1);
    nn_model *r = regressor(1, nn_adam());
    check_fails(nn_fit(r, &numbers, .class_weight = class_weight), NN_ERR_ARGUMENT,
                ".class_weight needs data with classes");
    free(start), free(expected);
    nn_model_free(m), nn_model_free(r);
    nn_data_free(&d), nn_data_free(&one_hot), nn_data_free(&repeated), nn_data_free(&numbers);
}

/* L1 and L2 are in the loss that is reported, and in the gradient.  [F6.1, F6.2] */
static void penalties(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    double loss[2], penalty = 0;
    nn_real grads[2][IN * 2 + 2];
    for (int k = 0; k < 2; k++) {
        nn_model *m = nn_model_new(.seed = 1);
        nn_tensor *y = nn_dense(nn_input(m, IN), 2, .l1 = k ? 0.3 : 0, .l2 = k ? 0.2 : 0);
        check_ok(nn_compile(m, y, .loss = NN_MSE));
        for (size_t i = 0; i < m->parameters; i++)
            m->values[i] = (nn_real)(i % 3) - 1; /* bias too */
        pass(m, &d);
        loss[k] = m->loss;
        memcpy(grads[k], m->grads, sizeof grads[k]);
        for (int i = 0; k && i < IN * 2; i++) {
            double w = (double)m->values[i], sign = (w > 0) - (w < 0);
            penalty += 0.3 * fabs(w) + 0.2 * w * w;
            check_close(grads[1][i] - grads[0][i], 0.3 * sign + 0.4 * w, 1e-5);
        }
        for (int i = IN * 2; i < IN * 2 + 2; i++) check_close(grads[k][i], grads[0][i], 0);
        check_close(nn_evaluate(m, &d).loss, loss[k], 1e-5);
        check_ok(nn_fit(m, &d, .batch_size = NN_FULL_BATCH, .quiet = true));
        check_close(m->history.epoch[0].loss, loss[k], 1e-5);
        nn_model_free(m);
    }
    check_close(loss[1] - loss[0], penalty, 1e-5);
    nn_data_free(&d);
}

/* ---- clipping (row 6) ---- */

static int large_gradients(nn_model *m, void *user)
{
    const double *g = (const double *)user;
    for (size_t i = 0; i < m->parameters; i++) m->grads[i] = (nn_real)(i < 2 ? g[i] : 0);
    return 0;
}

static void clipping(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    const double huge[2] = { 1e20, -1e20 }, small[2] = { 0.3, -0.4 }, mixed[2] = { 3, -0.25 };
    const struct {
        const double *g;
        nn_optimizer optimizer;
        double norm, step[2];
    } c[] = {
        { huge, nn_sgd(.lr = 1, .clip_norm = 1), 1.41421356e20, { 0.70710678, -0.70710678 } },
        { small, nn_sgd(.lr = 1, .clip_norm = 1), 0.5, { 0.3, -0.4 } },
        { small, nn_sgd(.lr = 1, .clip_norm = 0.25), 0.5, { 0.15, -0.2 } },
        { mixed, nn_sgd(.lr = 1, .clip_value = 0.5), 3.01039864, { 0.5, -0.25 } },
    };
    for (int k = 0; k < COUNT(c); k++) {
        nn_model *m = regressor(1, c[k].optimizer), *before = regressor(1, nn_sgd());
        double g[2];
        memcpy(g, c[k].g, sizeof g);
        check_ok(nn_fit(m, &d, .batch_size = N, .on_gradient = large_gradients, .user = g,
                        .quiet = true));
        check_close(m->gradient_norm / c[k].norm, 1, 1e-6);
        for (int i = 0; i < 2; i++)
            check_close(before->values[i] - m->values[i], c[k].step[i], 1e-5);
        for (size_t i = 2; i < m->parameters; i++) check_close(m->values[i], before->values[i], 0);
        nn_model_free(m), nn_model_free(before);
    }
    nn_data_free(&d);
}

/* ---- schedules ---- */

static void schedule_rates(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846, tolerance = 1e-12;
    nn_schedule s = { .kind = NN_CONSTANT };
    check_close(nn_schedule_rate(&s, 0.1, 1000), 0.1, 0);
    s.warmup = 4;
    check_close(nn_schedule_rate(&s, 0.1, 0), 0.025, tolerance);
    check_close(nn_schedule_rate(&s, 0.1, 3), 0.1, tolerance);
    check_close(nn_schedule_rate(&s, 0.1, 4), 0.1, tolerance);
    s = (nn_schedule){ .kind = NN_ADAPTIVE_RATE, .delta = 0.5 };
    check_close(nn_schedule_rate(&s, 0.1, 6), 0.1 / 2, tolerance); /* sqrt(1 + 0.5 * 6)  F5.3 */
    s.warmup = 2;
    check_close(nn_schedule_rate(&s, 0.1, 8), 0.1 / 2, tolerance);
    s = (nn_schedule){ .kind = NN_STEP_DECAY, .every = 5, .gamma = 0.5 };
    check_close(nn_schedule_rate(&s, 0.1, 4), 0.1, tolerance);
    check_close(nn_schedule_rate(&s, 0.1, 5), 0.05, tolerance);
    check_close(nn_schedule_rate(&s, 0.1, 14), 0.025, tolerance);
    s = (nn_schedule){ .kind = NN_STEP_DECAY };
    check_close(nn_schedule_rate(&s, 1, 9), 1, tolerance);
    check_close(nn_schedule_rate(&s, 1, 25), 0.01, tolerance);
    s = (nn_schedule){ .kind = NN_EXPONENTIAL_DECAY };
    check_close(nn_schedule_rate(&s, 1, 3), 0.970299, tolerance);
    s = (nn_schedule){ .kind = NN_COSINE_DECAY, .steps = 10, .min_lr = 0.1 };
    check_close(nn_schedule_rate(&s, 1, 0), 1, tolerance);
    check_close(nn_schedule_rate(&s, 1, 5), 0.55, tolerance);
    check_close(nn_schedule_rate(&s, 1, 3), 0.1 + 0.45 * (1 + cos(0.3 * pi)), tolerance);
    check_close(nn_schedule_rate(&s, 1, 10), 0.1, tolerance);
    check_close(nn_schedule_rate(&s, 1, 99), 0.1, tolerance);
    s = (nn_schedule){ .kind = NN_ONE_CYCLE, .steps = 101 }; /* PyTorch: top at 0.3 * 101 - 1 */
    check_close(nn_schedule_rate(&s, 1, 0), 0.04, tolerance);
    check_close(nn_schedule_rate(&s, 1, 100), 0.04 / 1e4, tolerance);
    double up = 0.04 + 0.96 * 0.5 * (1 - cos(pi * 20 / 29.3));
    check_close(nn_schedule_rate(&s, 1, 20), up, tolerance);
    s = (nn_schedule){ .kind = NN_ONE_CYCLE, .steps = 10, .rise = 0.1 }; /* the top is at 0 */
    check_close(nn_schedule_rate(&s, 1, 0), 1, tolerance);
    for (long steps = 0; steps < 12; steps++)
        for (long t = 0; t < 14; t++) { /* short ones are numbers too */
            s = (nn_schedule){ .kind = NN_ONE_CYCLE, .steps = steps };
            double lr = nn_schedule_rate(&s, 1, t);
            assert_true(lr > 0 && lr <= 1);
        }
}

/* Keras's ReduceLROnPlateau on a scripted series: patience, min_delta, cooldown, min_lr, NaN. */
static void plateau_rates(void **state)
{
    (void)state;
    const nn_schedule s = { .kind = NN_REDUCE_ON_PLATEAU,
                            .patience = 2,
                            .factor = 0.5,
                            .min_delta = 0.1,
                            .cooldown = 2,
                            .min_lr = 0.2 };
    const double loss[] = { 3,    2.95,        2.85, 2.84, 2.84, 2.84, 2.84, 2.84,
                            2.84, (double)NAN, 2,    2,    2,    2,    2 };
    /* 2.85 is better by 0.15; then two without, halved; two of cooldown, of which the last one
       counts already; two without, and so on */
    const double rate[] = {
        1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2
    };
    nn_plateau p = { false, 0, 0, 0 };
    double lr = 1;
    for (int i = 0; i < COUNT(loss); i++) {
        lr = nn_plateau_rate(&p, &s, lr, loss[i]);
        if (!(fabs(lr - rate[i]) < 1e-12)) fail_msg("epoch %d: %g, not %g", i, lr, rate[i]);
    }
    const nn_schedule slow = { .kind = NN_REDUCE_ON_PLATEAU, .patience = 1, .cooldown = 3 };
    const double tenth[] = { 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001 };
    memset(&p, 0, sizeof p);
    lr = 1;
    for (int i = 0; i < COUNT(tenth); i++) {
        lr = nn_plateau_rate(&p, &slow, lr, 3);
        check_close(lr, tenth[i], 1e-12);
    }
}

/* Within nn_fit: time counts steps, or epochs with .by_epoch; it goes on in a second nn_fit; what
   has no length takes that of the fit. */
static void schedules_in_fit(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    nn_schedule s = { .kind = NN_EXPONENTIAL_DECAY, .gamma = 0.9 };
    nn_model *m = regressor(1, nn_sgd(.lr = 0.1, .schedule = s));
    check_close(nn_learning_rate(m), 0.1, 1e-15);
    check_ok(nn_fit(m, &d, .epochs = 2, .batch_size = 10, .quiet = true)); /* 10 steps */
    check_close(nn_learning_rate(m), 0.1 * pow(0.9, 10), 1e-12);
    check_close(m->history.epoch[0].lr, 0.1 * pow(0.9, 5), 1e-12);
    check_ok(nn_fit(m, &d, .epochs = 1, .batch_size = 10, .quiet = true));
    check_close(nn_learning_rate(m), 0.1 * pow(0.9, 15), 1e-12);
    nn_set_learning_rate(m, 0.025);
    check_close(nn_learning_rate(m), 0.025, 0);
    check_ok(nn_fit(m, &d, .epochs = 1, .batch_size = 10, .quiet = true));
    check_close(m->history.epoch[3].lr, 0.025, 0);
    nn_set_learning_rate(m, (double)NAN);
    check_close(nn_learning_rate(m), 0.1 * pow(0.9, 20), 1e-12);
    nn_model_free(m);

    s.by_epoch = true;
    m = regressor(1, nn_sgd(.lr = 0.1, .schedule = s));
    for (int fit = 0; fit < 2; fit++)
        check_ok(nn_fit(m, &d, .epochs = 3, .batch_size = 10, .quiet = true));
    for (int e = 0; e < 6; e++) check_close(m->history.epoch[e].lr, 0.1 * pow(0.9, e), 1e-12);
    nn_model_free(m);

    for (int by_epoch = 0; by_epoch < 2; by_epoch++) { /* 4 epochs of 5 steps, then 4 more */
        nn_schedule cosine = { .kind = NN_COSINE_DECAY, .by_epoch = by_epoch };
        m = regressor(1, nn_sgd(.lr = 0.1, .schedule = cosine));
        for (int fit = 0; fit < 2; fit++) {
            check_ok(nn_fit(m, &d, .epochs = 4, .batch_size = 10, .quiet = true));
            double length = fit ? 8 : 4, time = by_epoch ? length - 1 : length;
            check_close(m->history.epoch[fit ? 7 : 3].lr,
                        0.05 * (1 + cos(3.14159265358979323846 * time / length)), 1e-9);
        }
        nn_model_free(m);
    }
    nn_data_free(&d);
}

/* Plateau inside nn_fit, on training losses that follow a script; after a warm-up too. */
static void plateau_in_fit(void **state)
{
    (void)state;
    nn_data d;
    script s = { { 9, 4, 4, 4, 4, 4, 4, 4 }, 0, 0 };
    nn_schedule p = { .kind = NN_REDUCE_ON_PLATEAU, .patience = 2, .factor = 0.5 };
    const double expected[] = { 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25 };
    const double warm[] = { 1, 1, 1, 1, 1, 0.5, 0.5, 0.25 };
    for (int k = 0; k < 2; k++) {
        nn_model *m = scripted(&d, 9);
        p.warmup = k ? 3 : 0;
        nn_optimizer sgd = nn_sgd(.lr = 1e-20, .schedule = p);
        check_ok(nn_compile(m, m->output, .loss = NN_MSE, .optimizer = sgd));
        check_ok(nn_fit(m, &d, .epochs = 8, .on_epoch = play, .user = &s, .quiet = true));
        for (int e = 0; e < 8; e++) {
            double lr = (k ? warm : expected)[e] * 1e-20;
            if (k && e < 2) lr = 1e-20 * (e + 2) / 3; /* the rate of the next step */
            if (!(fabs(m->history.epoch[e].lr - lr) < 1e-26))
                fail_msg("warm-up %ld, epoch %d: rate %g, not %g", p.warmup, e + 1,
                         m->history.epoch[e].lr, lr);
        }
        nn_set_learning_rate(m, 0.5); /* by hand: the plateau is out */
        check_ok(nn_fit(m, &d, .epochs = 4, .on_epoch = play, .user = &s, .quiet = true));
        check_close(nn_learning_rate(m), 0.5, 0);
        nn_model_free(m), nn_data_free(&d);
    }
}

/* ---- the same bits ---- */

static void twice_five_is_ten(void **state)
{
    (void)state;
    nn_data d;
    class_data(&d, 1);
    const nn_optimizer optimizer[] = { nn_adam(.lr = 0.01), nn_adamw(.lr = 0.01),
                                       nn_sgd(.lr = 0.1, .momentum = 0.9, .nesterov = true),
                                       nn_rmsprop(.lr = 0.01, .momentum = 0.5), nn_sgd(.lr = 0.1) };
    for (int k = 0; k < COUNT(optimizer); k++) {
        nn_model *once = classifier(5, optimizer[k]), *twice = classifier(5, optimizer[k]);
        nn_model *other = classifier(6, optimizer[k]), *again = classifier(5, optimizer[k]);
        check_ok(nn_fit(once, &d, .epochs = 10, .batch_size = 8, .quiet = true));
        check_ok(nn_fit(twice, &d, .epochs = 5, .batch_size = 8, .quiet = true));
        check_ok(nn_fit(twice, &d, .epochs = 5, .batch_size = 8, .quiet = true));
        check_ok(nn_fit(again, &d, .epochs = 10, .batch_size = 8, .quiet = true));
        check_ok(nn_fit(other, &d, .epochs = 10, .batch_size = 8, .quiet = true));
        check_same_weights(once, again);
        check_same_weights(once, twice);
        check_other_weights(once, other);
        assert_int_equal(twice->history.epochs, 10);
        assert_int_equal(twice->history.epoch[9].epoch, 10);
        check_close(twice->history.epoch[9].loss, once->history.epoch[9].loss, 0);
        nn_model_free(once), nn_model_free(twice), nn_model_free(other), nn_model_free(again);
    }
    nn_data_free(&d);
}

static void steps_by_hand(void **state)
{
    (void)state;
    nn_data d, v;
    class_data(&d, 1), class_data(&v, 2);
    nn_model *fit = classifier(5, nn_adam(.lr = 0.01)), *steps = classifier(5, nn_adam(.lr = 0.01));
    nn_model *hand = classifier(5, nn_adam(.lr = 0.01));
    check_ok(nn_fit(fit, &d, .epochs = 3, .batch_size = 8, .no_shuffle = true, .validation = &v,
                    .patience = 2, .quiet = true));
    check_ok(nn_fit_begin(steps, &d, .epochs = 3, .batch_size = 8, .no_shuffle = true,
                          .validation = &v, .patience = 2, .quiet = true));
    int count = 1;
    while (nn_fit_step(steps)) {
        assert_int_equal(steps->epoch, (count - 1) / 7 + 1);
        assert_int_equal(steps->step, (count - 1) % 7 + 1);
        count++;
    }
    assert_int_equal(count, 3 * 7);
    assert_false(nn_fit_step(steps));
    check_ok(nn_fit_end(steps));
    check_same_weights(fit, steps);
    check_close(fit->history.epoch[2].val_loss, steps->history.epoch[2].val_loss, 0);

    for (int epoch = 0; epoch < 3; epoch++) /* dropout and all */
        for (int first = 0; first < N; first += 8) {
            int rows[8], n = N - first < 8 ? N - first : 8;
            for (int i = 0; i < n; i++) rows[i] = first + i;
            check_ok(nn_feed(hand, &d, rows, n));
            check_ok(nn_forward(hand, NN_TRAINING));
            check_ok(nn_backward(hand));
            check_ok(nn_step(hand));
            if (epoch == 1) check_ok(nn_evaluate(hand, &v).status); /* changes nothing */
        }
    check_same_weights(fit, hand);
    assert_int_equal(hand->updates, 21);
    nn_model_free(fit), nn_model_free(steps), nn_model_free(hand);
    nn_data_free(&d), nn_data_free(&v);
}

/* Compiling again keeps the weights and starts the optimizer anew. */
static void compile_again(void **state)
{
    (void)state;
    nn_data d;
    class_data(&d, 1);
    nn_model *m = classifier(5, nn_adam(.lr = 0.05)), *sgd = classifier(5, nn_sgd(.lr = 0.1));
    check_ok(nn_fit(m, &d, .epochs = 3, .quiet = true));
    nn_real *kept = copy_weights(m);
    check_ok(
        nn_compile(m, m->output, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.lr = 0.1)));
    assert_memory_equal(kept, m->values, m->parameters * sizeof *kept);
    memcpy(sgd->values, kept, m->parameters * sizeof *kept);
    pass(m, &d), pass(sgd, &d); /* the step count is 0 again, and so dropout is the same */
    check_ok(nn_step(m));
    check_ok(nn_step(sgd));
    check_same_weights(m, sgd);
    free(kept);
    nn_model_free(m), nn_model_free(sgd), nn_data_free(&d);
}

#ifdef _OPENMP
/* Row 16. The products are above the size from which on threads are used (10^6, in float); one has
   more terms than a block, and one adds to a gradient that is there. */
static void threads(void **state)
{
    (void)state;
    enum { ROWS = 192, WIDE = 700, MIDDLE = 200 };
    static nn_real x[ROWS * WIDE];
    int label[ROWS];
    nn_data d;
    fill(x, ROWS * WIDE, 1, -1, 1);
    for (int i = 0; i < ROWS; i++) label[i] = i % 5;
    assert_true(96.0 * MIDDLE * MIDDLE > 1e6);
    check_ok(nn_data_from(&d, x, ROWS, { WIDE }, .labels = label));
    const int count[] = { 1, 2, 3, 4, 7, 8 };
    nn_model *first = NULL;
    for (int k = 0; k < COUNT(count); k++) {
        omp_set_num_threads(count[k]);
        nn_model *m = nn_model_new(.seed = 1);
        nn_tensor *h = nn_dense(nn_input(m, WIDE), MIDDLE, .activation = NN_RELU);
        h = nn_add(h, nn_dense(nn_dropout(h, 0.1), MIDDLE, .activation = NN_GELU));
        nn_tensor *y = nn_dense(nn_add(nn_dense(h, MIDDLE), h), 5, .activation = NN_SOFTMAX);
        check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY));
        check_ok(nn_fit(m, &d, .epochs = 2, .batch_size = 96, .quiet = true));
        if (first) check_same_weights(first, m);
        if (first) nn_model_free(m);
        else first = m;
    }
    nn_model_free(first), nn_data_free(&d);
}
#endif

/* ---- what is learned from the training data ---- */

static void scaling_is_learned(void **state)
{
    (void)state;
    nn_data raw, scaled, other;
    nn_real x[N * IN], y[N * 2], again[N * 2], shifted[N * IN];
    number_data(&raw, 1);
    memcpy(x, raw.x[0].values, sizeof x);
    for (int i = 0; i < N * IN; i++) x[i] = 1000 + 50 * x[i];
    check_ok(nn_data_from(&scaled, x, N, { IN }, .targets = (const nn_real *)raw.y.values,
                          .target_shape = { 2 }));
    check_ok(nn_standardise(&scaled));
    nn_model *m = regressor(1, nn_adam(.lr = 0.02));
    check_ok(nn_fit(m, &scaled, .epochs = 60, .batch_size = 10, .quiet = true));
    assert_true(m->history.epoch[59].loss < 0.1); /* hopeless without scaling */
    check_ok(nn_predict_data(m, y, &scaled));
    check_ok(nn_predict(m, again, x, N)); /* raw units */
    assert_memory_equal(y, again, sizeof y);

    check_ok(nn_data_from(&other, x, N, { IN }, .targets = (const nn_real *)raw.y.values,
                          .target_shape = { 2 }));
    double loss = nn_evaluate(m, &scaled).loss;
    check_close(nn_evaluate(m, &other).loss, loss, 0); /* no scaling of its own */
    for (int i = 0; i < N * IN; i++) shifted[i] = x[i] * 3;
    memcpy(other.x[0].values, shifted, sizeof shifted);
    check_ok(nn_standardise(&other)); /* its own scaling is not the model's */
    check_ok(nn_predict_data(m, y, &other));
    check_ok(nn_predict(m, again, shifted, N));
    assert_memory_equal(y, again, sizeof y);
    check_ok(nn_feed(m, &scaled, NULL, 1)); /* (x - mean) / deviation is what the network sees */
    for (size_t i = 0; i < IN; i++)
        check_close(m->run->input[0]->value[i], nn_data_value(&scaled, 0, 0, i), 1e-5);
    nn_model_free(m), nn_data_free(&raw), nn_data_free(&scaled), nn_data_free(&other);
}

/* Bytes are 0 to 1 for the network; nn_predict takes 0 to 255. */
static void bytes_are_scaled(void **state)
{
    (void)state;
    const uint8_t bytes[4] = { 0, 51, 255, 102 };
    const nn_real raw[2] = { 51, 255 }, t[2] = { 0, 1 };
    nn_data d;
    nn_real y[2];
    check_ok(nn_data_from(&d, bytes, 2, { 2 }, .type = NN_BYTE, .targets = t));
    nn_model *m = nn_model_new();
    nn_tensor *out = nn_dense(nn_input(m, 2), 1, .init = NN_INIT_ONES);
    check_ok(nn_compile(m, out, .loss = NN_MSE, .optimizer = nn_sgd(.lr = 1e-20)));
    check_ok(nn_fit(m, &d, .quiet = true));
    check_ok(nn_predict_data(m, y, &d));
    check_close(y[0], 0.2, 1e-6);
    check_close(y[1], 1.4, 1e-6);
    check_ok(nn_predict(m, y, raw, 1));
    check_close(y[0], 1.2, 1e-6);
    nn_model_free(m), nn_data_free(&d);
}

/* A model of two inputs whose output is their softmax: class 1 where the second is larger. */
static nn_model *larger_of(int classes)
{
    nn_model *m = nn_model_new();
    nn_tensor *y = nn_dense(nn_input(m, classes), classes, .no_bias = true);
    check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .from_logits = true,
                        .optimizer = nn_sgd(.lr = 1e-20)));
    for (int i = 0; i < classes * classes; i++) m->values[i] = (nn_real)(i % (classes + 1) == 0);
    return m;
}

/* Row 10: labels 1, 3, 7 become 0, 1, 2, and a test set that lacks some is mapped by name. */
static void labels_are_mapped(void **state)
{
    (void)state;
    const nn_real x[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const int all[3] = { 1, 3, 7 }, some[2] = { 7, 3 }, unknown[2] = { 3, 5 };
    nn_data train, test, strange;
    int counts[9];
    check_ok(nn_data_from(&train, x, 3, { 3 }, .labels = all));
    check_ok(nn_data_from(&test, x + 3, 2, { 3 }, .labels = some)); /* right ones are 3 and 7 */
    check_ok(nn_data_from(&strange, x, 2, { 3 }, .labels = unknown));
    nn_model *m = larger_of(3);
    check_ok(nn_fit(m, &train, .epochs = 2, .quiet = true, .validation = &test));
    check_close(m->history.epoch[0].accuracy, 1, 0); /* although validation numbers differ */
    check_close(m->history.epoch[1].accuracy, 1, 0);
    check_close(m->history.epoch[0].val_accuracy, 0, 0);
    check_close(nn_evaluate(m, &train).accuracy, 1, 0);
    check_close(nn_evaluate(m, &test).accuracy, 0, 0);
    assert_string_equal(nn_class_name(m, 0), "1");
    assert_string_equal(nn_class_name(m, 2), "7");
    assert_string_equal(nn_class_name(m, 3), "3");
    assert_string_equal(nn_class_name(m, -1), "-1");
    const int expected[9] = { 0, 0, 0, 0, 0, 1, 0, 1, 0 };
    check_ok(nn_confusion(m, &test, counts)); /* 7 was called 3, and 3 was called 7 */
    assert_memory_equal(counts, expected, sizeof counts);
    check_fails(nn_evaluate(m, &strange).status, NN_ERR_DATA,
                "row 1 has the label '5', which the training data did not have");
    check_fails(nn_fit(m, &train, .validation = &strange), NN_ERR_DATA, "the label '5'");
    check_ok(nn_fit(m, &test, .epochs = 1, .quiet = true)); /* more training, fewer classes */
    check_close(m->history.epoch[2].accuracy, 0, 0);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test), nn_data_free(&strange);
}

/* The same with names from a file: a class keeps its number, whatever a later set holds. */
static void names_are_mapped(void **state)
{
    (void)state;
    const char train_text[] = "a,b,c,kind\n1,0,0,ant\n0,1,0,bee\n0,0,1,cat\n";
    const char test_text[] = "a,b,c,kind\n0,0,1,cat\n1,0,0,ant\n1,0,0,cat\n";
    nn_data train, test;
    check_ok(nn_load_csv(&train, "train", .label = "kind", .text = train_text,
                         .text_size = sizeof train_text - 1));
    check_ok(nn_load_csv(&test, "test", .label = "kind", .text = test_text,
                         .text_size = sizeof test_text - 1));
    assert_int_equal(test.classes, 2);
    nn_model *m = larger_of(3);
    check_ok(nn_fit(m, &train, .quiet = true));
    check_close(nn_evaluate(m, &test).accuracy, 2 / 3.0, 1e-12);
    assert_string_equal(nn_class_name(m, 2), "cat");
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
}

/* Measuring within a callback does not change what is trained: neither the classes' numbers... */
static int measure(nn_model *m, void *user)
{
    check_ok(nn_evaluate(m, (const nn_data *)user).status);
    return 0;
}

static void evaluate_in_callbacks(void **state)
{
    (void)state;
    const nn_real x[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const int all[3] = { 1, 3, 7 }, some[2] = { 7, 3 };
    nn_data train, test;
    check_ok(nn_data_from(&train, x, 3, { 3 }, .labels = all));
    check_ok(nn_data_from(&test, x + 3, 2, { 3 }, .labels = some));
    for (int k = 0; k < 2; k++) {
        nn_model *m = larger_of(3), *plain = larger_of(3);
        nn_set_learning_rate(m, 0.1), nn_set_learning_rate(plain, 0.1);
        check_ok(nn_fit(plain, &train, .epochs = 4, .batch_size = 1, .quiet = true));
        if (k == 0)
            check_ok(nn_fit(m, &train, .epochs = 4, .batch_size = 1, .on_batch = measure,
                            .user = &test, .quiet = true));
        else
            check_ok(nn_fit(m, &train, .epochs = 4, .batch_size = 1, .on_epoch = measure,
                            .user = &test, .quiet = true));
        check_same_weights(m, plain);
        check_close(m->history.epoch[3].loss, plain->history.epoch[3].loss, 0);
        nn_model_free(m), nn_model_free(plain);
    }
    nn_data_free(&train), nn_data_free(&test);
}

/* A label without a unit is named with its row before training, and the failed call leaves no
   names behind. */
static void labels_out_of_range(void **state)
{
    (void)state;
    const nn_real x[6] = { 1, 0, 0, 1, 1, 1 };
    const int three[3] = { 4, 5, 6 }, two[3] = { 30, 20, 30 };
    nn_data wrong, right;
    check_ok(nn_data_from(&wrong, x, 3, { 2 }, .labels = three));
    check_ok(nn_data_from(&right, x, 3, { 2 }, .labels = two));
    nn_model *m = larger_of(2);
    check_fails(nn_fit(m, &wrong), NN_ERR_DATA, "row 2 has the label '6', class 2");
    check_fails(nn_fit(m, &wrong), NN_ERR_DATA, "has units for 2 classes; give it 3");
    assert_int_equal(m->updates, 0);
    check_ok(nn_fit(m, &right, .quiet = true));
    assert_string_equal(nn_class_name(m, 1), "30");
    nn_model_free(m), nn_data_free(&wrong), nn_data_free(&right);
}

/* ---- NaN and infinity (row 5) ---- */

static void nan_in_data(void **state)
{
    (void)state;
    nn_data d, v;
    number_data(&d, 1), number_data(&v, 2);
    nn_model *m = regressor(1, nn_adam()), *same = regressor(1, nn_adam());
    ((nn_real *)d.x[0].values)[7 * IN + 2] = (nn_real)NAN;
    check_fails(nn_fit(m, &d), NN_ERR_DATA, "row 7, column 2 of input 0 (from 0) is nan");
    check_fails(nn_fit(m, &v, .validation = &d), NN_ERR_DATA, "row 7, column 2");
    ((nn_real *)d.x[0].values)[7 * IN + 2] = (nn_real)-INFINITY;
    check_fails(nn_fit(m, &d), NN_ERR_DATA, "row 7, column 2");
    ((nn_real *)d.x[0].values)[7 * IN + 2] = 0;
    ((nn_real *)d.y.values)[3] = (nn_real)INFINITY;
    check_fails(nn_fit(m, &d), NN_ERR_DATA, "targets");
    check_same_weights(m, same);
    nn_model_free(m), nn_model_free(same), nn_data_free(&d), nn_data_free(&v);
}

/* No activation hides a NaN that is fed by hand, and no loss. */
static void nan_is_not_hidden(void **state)
{
    (void)state;
    for (int kind = NN_LINEAR; kind < NN_ACTIVATION_COUNT; kind++) {
        nn_model *m = nn_model_new(.seed = 1);
        nn_tensor *h = nn_dense(nn_input(m, IN), 9, .activation = (nn_activation)kind);
        nn_tensor *y = nn_dense(nn_activate(h, (nn_activation)kind), 2);
        nn_data d;
        number_data(&d, 1);
        ((nn_real *)d.x[0].values)[2] = (nn_real)NAN;
        check_ok(nn_compile(m, y, .loss = NN_MSE));
        check_ok(nn_feed(m, &d, NULL, 4));
        nn_status status = nn_forward(m, NN_TRAINING);
        if (status != NN_ERR_NUMERIC)
            fail_msg("%s hides NaN", nn_activation_name((nn_activation)kind));
        check_ok(nn_forward(m, NN_INFERENCE)); /* which measures, and says nothing */
        assert_true(isnan(m->loss));
        nn_model_free(m), nn_data_free(&d);
    }
}

/* Puts something wrong into a training at one epoch and step. */
typedef struct sabotage {
    int epoch, step, where; /* where: an entry of values or grads */
    nn_real value;
    nn_real before[200]; /* the weights before the step that fails */
} sabotage;

static int spoil_weight(nn_model *m, void *user) /* on_batch: the next step meets it */
{
    sabotage *s = (sabotage *)user;
    if (m->epoch == s->epoch && m->step == s->step) m->values[s->where] = s->value;
    assert_true(m->parameters <= 200);
    memcpy(s->before, m->values, m->parameters * sizeof *m->values);
    return 0;
}

static int spoil_gradient(nn_model *m, void *user)
{
    sabotage *s = (sabotage *)user;
    if (m->epoch == s->epoch && m->step == s->step) m->grads[s->where] = s->value;
    memcpy(s->before, m->values, m->parameters * sizeof *m->values);
    return 0;
}

static void nan_in_a_step(void **state)
{
    (void)state;
    enum { FIRST = IN * 8 + 8 }; /* entries of the first layer */
    const nn_real huge = (nn_real)(is_double ? 1e308 : 3e38);
    nn_data d;
    number_data(&d, 1);
    char line[64];
    snprintf(line, sizeof line, "dense2 (line ");
    const struct {
        sabotage s;
        bool gradient;
        const char *words[3];
    } c[] = {
        { { 2, 3, 5, (nn_real)NAN, { 0 } },
          false,
          { "epoch 2, step 4: ", "first appeared in the parameter dense1.weight", "too large" } },
        { { 1, 5, FIRST, (nn_real)INFINITY, { 0 } },
          false,
          { "epoch 2, step 1: ", "the parameter dense2.weight (line", "as they were" } },
        { { 1, 2, FIRST + 16, huge, { 0 } },
          false,
          { "epoch 1, step 3: ", "first appeared in the loss", ".clip_norm = 1" } },
        { { 3, 2, 0, (nn_real)NAN, { 0 } },
          true,
          { "epoch 3, step 2: ", "the gradient of dense1.weight (line", "as they were" } },
        { { 3, 2, FIRST + 17, (nn_real)INFINITY, { 0 } },
          true,
          { "epoch 3, step 2: ", "the gradient of dense2.bias (line", "as they were" } },
        { { 2, 1, 3, huge / 10, { 0 } },
          true,
          { "epoch 2, step 1: ", "the update would be infinite: learning rate 0.01", "norm" } },
    };
    for (int k = 0; k < COUNT(c); k++) {
        sabotage s = c[k].s;
        nn_model *m = regressor(1, nn_adam(.lr = 0.01));
        check_log_text[0] = 0;
        nn_status status = c[k].gradient
                               ? nn_fit(m, &d, .epochs = 5, .batch_size = 10, .quiet = true,
                                        .on_gradient = spoil_gradient, .user = &s)
                               : nn_fit(m, &d, .epochs = 5, .batch_size = 10, .quiet = true,
                                        .on_batch = spoil_weight, .user = &s);
        assert_int_equal(status, NN_ERR_NUMERIC);
        for (int i = 0; i < 3; i++)
            if (!strstr(nn_last_error(), c[k].words[i]))
                fail_msg("case %d: '%s' is not in: %s", k, c[k].words[i], nn_last_error());
        assert_non_null(strstr(nn_last_error(), "test_train.c:"));
        assert_non_null(strstr(check_log_text, "NaN or inf") ? check_log_text
                                                             : strstr(check_log_text, "infinite"));
        assert_memory_equal(m->values, s.before, m->parameters * sizeof *s.before);
        nn_model_free(m);
    }
    nn_data_free(&d);
}

/* The layer whose output overflows is named, not a later one. */
static void overflow_names_its_layer(void **state)
{
    (void)state;
    const nn_real huge = (nn_real)(is_double ? 1e300 : 1e30);
    nn_data d;
    number_data(&d, 1);
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *x = nn_input(m, IN), *a = nn_dense(x, 8), *b = nn_dense(a, 8, .name = "culprit");
    int line = __LINE__ - 1;
    check_ok(nn_compile(m, nn_dense(nn_activate(b, NN_RELU), 2), .loss = NN_MSE));
    for (int i = 0; i < IN * 8; i++) m->values[i] = huge;
    nn_tensor *w = nn_parameter_named(m, "culprit.weight");
    for (size_t i = 0; i < w->size; i++) w->value[i] = i % 2 ? huge : -huge;
    char words[64];
    snprintf(words, sizeof words, "the output of culprit (line %d)", line);
    check_fails(nn_fit(m, &d), NN_ERR_NUMERIC, words);
    check_fails(nn_fit(m, &d), NN_ERR_NUMERIC, "epoch 1, step 1");
    nn_model_free(m), nn_data_free(&d);
}

/* An infinity that the next layer makes finite again, so that the loss is an ordinary number. */
static void overflow_behind_a_finite_loss(void **state)
{
    (void)state;
    const nn_real huge = (nn_real)(is_double ? 1e308 : 3e38);
    nn_data d;
    number_data(&d, 1);
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *z = nn_dense(nn_input(m, IN), 8), *y = nn_dense(nn_activate(z, NN_TANH), 2);
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    for (int i = 0; i < IN * 8; i++) m->values[i] = huge * (nn_real)0.9;
    m->values[IN * 8] = huge; /* a bias */
    check_ok(nn_feed(m, &d, NULL, N));
    check_fails(nn_forward(m, NN_TRAINING), NN_ERR_NUMERIC, "the output of dense1 (line");
    assert_true(m->loss < 100); /* nothing to see here */
    nn_model_free(m), nn_data_free(&d);
}

/* Rates that are too large are found before they reach the parameters; negative ones too. */
static void rates_that_explode(void **state)
{
    (void)state;
    nn_data d;
    number_data(&d, 1);
    nn_model *m = regressor(1, nn_sgd(.lr = is_double ? 1e306 : 1e36));
    nn_model *same = regressor(1, nn_sgd());
    check_fails(nn_fit(m, &d), NN_ERR_NUMERIC, "the update would be infinite");
    check_same_weights(m, same);
    nn_set_learning_rate(m, -0.1);
    check_fails(nn_fit(m, &d), NN_ERR_NUMERIC, "learning rate -0.1");
    nn_set_learning_rate(m, (double)INFINITY);
    check_fails(nn_fit(m, &d), NN_ERR_NUMERIC, "learning rate inf");
    check_same_weights(m, same);
    nn_set_learning_rate(m, 0); /* nothing moves */
    check_ok(nn_fit(m, &d, .quiet = true));
    check_same_weights(m, same);
    nn_model_free(m);
    m = regressor(1, nn_sgd(.lr = 30)); /* diverges over the steps */
    nn_status status = nn_fit(m, &d, .epochs = 2000, .batch_size = 10, .quiet = true);
    if (status) assert_int_equal(status, NN_ERR_NUMERIC);
    assert_true(nn__finite(m->values, m->parameters));
    nn_model_free(m);
    const nn_real one = 1; /* a gradient of exactly 0 times a rate beyond the largest float */
    nn_data e;
    check_ok(nn_data_from(&e, &one, 1, { 1 }, .targets = &one));
    m = identity(1, NN_MSE, false, 0);
    check_ok(nn_compile(m, m->output, .loss = NN_MSE, .optimizer = nn_adam(.lr = 1e307)));
    check_fails(nn_fit(m, &e), NN_ERR_NUMERIC, "learning rate 1e+307");
    check_close(m->values[0], 1, 0);
    nn_model_free(m), nn_model_free(same), nn_data_free(&d), nn_data_free(&e);
}

/* Row 7: He's start keeps the deviation of activations within a factor of two over ten layers. */
static void deep_relu_stack(void **state)
{
    (void)state;
    enum { WIDE = 256, LAYERS = 10, ROWS = 64 };
    static nn_real x[ROWS * WIDE];
    nn_tensor *h[LAYERS + 1];
    nn_data d;
    nn_random random = nn_random_seed(2);
    for (int i = 0; i < ROWS * WIDE; i++) x[i] = (nn_real)nn_random_normal(&random, 0, 1);
    check_ok(nn_data_from(&d, x, ROWS, { WIDE }));
    nn_model *m = nn_model_new(.seed = 1);
    h[0] = nn_input(m, WIDE);
    for (int k = 1; k <= LAYERS; k++) h[k] = nn_dense(h[k - 1], WIDE, .activation = NN_RELU);
    check_ok(nn_build(m, h[LAYERS]));
    check_ok(nn_feed(m, &d, NULL, ROWS));
    check_ok(nn_forward(m, NN_INFERENCE));
    double first = 0;
    for (int k = 1; k <= LAYERS; k++) {
        double sum = 0, squares = 0, n = ROWS * WIDE;
        for (int i = 0; i < ROWS * WIDE; i++) {
            double v = (double)h[k]->value[i];
            sum += v, squares += v * v;
        }
        double deviation = sqrt(squares / n - sum / n * (sum / n));
        if (k == 1) first = deviation;
        if (!(deviation > first / 2 && deviation < first * 2))
            fail_msg("layer %d: deviation %g, in the first layer %g", k, deviation, first);
        if (k == 1) check_close(nn_dead_units(m, h[k], &d), 0, 0.01);
    }
    nn_model_free(m), nn_data_free(&d);
}

/* ---- memory and log ---- */

static int count_allocations(nn_model *m, void *user)
{
    long *seen_before = (long *)user;
    (void)m;
    if (seen_before[0] < 0) seen_before[0] = ((check_memory *)nn__allocator.user)->count;
    seen_before[1] = ((check_memory *)nn__allocator.user)->count;
    return 0;
}

/* A training step allocates nothing, and neither does an epoch with validation once it has run. */
/* At batch 1 with plain SGD, nn_fit leaves weight gradients in their factors where nobody can look
   at them: the weights come out the same to the last bit, also where two layers share one, where
   one is frozen and where one has a penalty. Infinity is found as ever, before a weight moves. */
static nn_model *for_outer(int kind, double lr)
{
    nn_model *m = nn_model_new(.seed = 4);
    nn_tensor *h = nn_dense(nn_input(m, IN), 9, .activation = NN_RELU, .frozen = kind == 1);
    nn_tensor *first = nn_dense(h, 9, .activation = NN_TANH, .l2 = kind == 2 ? 0.01 : 0);
    h = nn_dense(first, 9, .activation = NN_RELU, .share = kind == 3 ? first : NULL);
    check_ok(nn_compile(m, nn_dense(h, 3, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.lr = lr)));
    return m;
}

static int look(nn_model *m, void *user)
{
    double norm = nn_norm(m->grads, m->parameters), *largest = (double *)user;
    check_close(m->gradient_norm, norm, 1e-12 * norm);
    *largest = NN__MAX(*largest, norm);
    return 0;
}

static void gradients_in_factors(void **state)
{
    (void)state;
    nn_data d;
    class_data(&d, 1);
    for (int kind = 0; kind < 4; kind++) {
        double largest = 0;
        nn_model *m = for_outer(kind, 0.05), *watched = for_outer(kind, 0.05);
        check_ok(nn_fit(m, &d, .epochs = 3, .batch_size = 1, .quiet = true));
        check_ok(nn_fit(watched, &d, .epochs = 3, .batch_size = 1, .quiet = true, .on_batch = look,
                        .user = &largest));
        assert_memory_equal(m->values, watched->values, m->parameters * sizeof *m->values);
        double found = 0;
        for (int e = 0; e < 3; e++) found = NN__MAX(found, m->history.epoch[e].gradient_norm);
        check_close(found, largest, 1e-6 * largest);
        nn_model_free(m), nn_model_free(watched);
    }
    nn_model *m = for_outer(0, is_double ? 1e300 : 1e30),
             *watched = for_outer(0, is_double ? 1e300 : 1e30); /* far too fast */
    double unused = 0;
    assert_int_not_equal(nn_fit(m, &d, .batch_size = 1, .quiet = true), NN_OK);
    char sentence[1024];
    snprintf(sentence, sizeof sentence, "%s", nn_last_error());
    assert_int_not_equal(
        nn_fit(watched, &d, .batch_size = 1, .quiet = true, .on_batch = look, .user = &unused),
        NN_OK);
    assert_string_equal(strchr(sentence, 'e'), strchr(nn_last_error(), 'e'));
    assert_memory_equal(m->values, watched->values, m->parameters * sizeof *m->values);
    nn_model_free(m), nn_model_free(watched), nn_data_free(&d);

    const nn_real x[1] = { (nn_real)(is_double ? 1e200 : 1e30) }; /* dy and x finite, dy x not */
    const nn_real y[1] = { (nn_real)(is_double ? 1e150 : 1e15) };
    m = nn_model_new();
    nn_tensor *out = nn_dense(nn_input(m, 1), 1, .init = NN_INIT_ZEROS);
    check_ok(nn_compile(m, out, .loss = NN_MSE, .optimizer = nn_sgd(.lr = 1e-30)));
    check_ok(nn_data_from(&d, x, 1, { 1 }, .targets = y, .target_shape = { 1 }));
    assert_int_equal(nn_fit(m, &d, .batch_size = 1, .quiet = true), NN_ERR_NUMERIC);
    assert_non_null(strstr(nn_last_error(), "the gradient of"));
    nn_model_free(m), nn_data_free(&d);
}

static void steps_allocate_nothing(void **state)
{
    (void)state;
    check_memory memory = { 0, -1, 0, 0, 0 };
    nn_allocator allocator = { check_allocate, check_release, &memory };
    nn_set_allocator(&allocator);
    nn_data d, v;
    class_data(&d, 1), class_data(&v, 2);
    check_ok(nn_standardise(&d));
    nn_model *m = classifier(5, nn_adam());
    check_ok(nn_fit_begin(m, &d, .epochs = 3, .batch_size = 8, .patience = 2, .quiet = true));
    long before = memory.count;
    while (nn_fit_step(m)) assert_int_equal(memory.count, before);
    assert_int_equal(memory.count, before);
    check_ok(nn_fit_end(m));
    for (int hand = 0; hand < 2; hand++) { /* the first one makes room for the larger batch */
        before = memory.count;
        pass(m, &d);
        check_ok(nn_step(m));
    }
    assert_int_equal(memory.count, before);
    long counts[2] = { -1, 0 };
    check_ok(nn_fit(m, &d, .epochs = 3, .validation = &v, .on_epoch = count_allocations,
                    .user = counts, .quiet = true));
    assert_int_equal(counts[0], counts[1]);
    assert_true(counts[0] > 0);
    nn_model_free(m), nn_data_free(&d), nn_data_free(&v);
    assert_int_equal(memory.alive, 0);
    nn_set_allocator(NULL);
}

/* Counts what comes at each level. */
static void count_log(void *user, nn_log_level level, const char *text)
{
    ((int *)user)[level]++;
    assert_non_null(text);
}

static void quiet_and_lines(void **state)
{
    (void)state;
    int count[4] = { 0 };
    nn_data d;
    number_data(&d, 1);
    nn_model *m = regressor(1, nn_adam());
    nn_set_log(count_log, count);
    check_ok(nn_fit(m, &d, .epochs = 4, .quiet = true));
    check_ok(nn_evaluate(m, &d).status);
    for (int i = 0; i < 4; i++) assert_int_equal(count[i], 0);
    check_ok(nn_fit(m, &d, .epochs = 4));
    assert_int_equal(count[NN_LOG_INFO], 4);
    assert_int_equal(count[NN_LOG_WARNING] + count[NN_LOG_ERROR], 0);
    nn_fit(m, NULL);
    assert_int_equal(count[NN_LOG_ERROR], 1);
    nn_set_log(NULL, NULL); /* silences errors too */
    nn_fit(m, NULL);
    assert_int_equal(count[NN_LOG_ERROR], 1);
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    check_ok(nn_fit(m, &d, .epochs = 1, .validation = &d));
    assert_non_null(strstr(check_log_text, "epoch 9/9 "));
    assert_non_null(strstr(check_log_text, "  loss "));
    assert_non_null(strstr(check_log_text, "  mae "));
    assert_non_null(strstr(check_log_text, "  val_loss "));
    assert_null(strstr(check_log_text, "accuracy"));
    nn_model_free(m), nn_data_free(&d);
}

/* nn_log_default where stdout is a file: a line for each epoch, no bar, no control characters. */
static void lines_in_a_file(void **state)
{
    (void)state;
#if defined(__unix__) || defined(__APPLE__)
    char path[64], text[4096];
    nn_data d;
    number_data(&d, 1);
    nn_model *m = regressor(1, nn_adam());
    temporary(path);
    fflush(stdout);
    int out = dup(1);
    assert_non_null(freopen(path, "w", stdout));
    nn_set_log(nn_log_default, NULL);
    nn_status loud = nn_fit(m, &d, .epochs = 3);
    nn_status quiet = nn_fit(m, &d, .epochs = 3, .quiet = true);
    nn_log_default(NULL, NN_LOG_PROGRESS, "epoch 1/3 [===...] as a long training would draw it");
    fflush(stdout);
    dup2(out, 1);
    close(out);
    nn_set_log(check_log, NULL);
    check_ok(loud);
    check_ok(quiet);
    read_all(path, text, sizeof text);
    remove(path);
    int lines = 0;
    for (const char *p = text; *p; p++) {
        lines += *p == '\n';
        assert_true(*p == '\n' || (unsigned char)*p >= 32);
    }
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text, "epoch 3/3 "));
    assert_null(strstr(text, "["));
    nn_model_free(m), nn_data_free(&d);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),
        cmocka_unit_test(fused_losses),
        cmocka_unit_test(losses_by_hand),
        cmocka_unit_test(wrong_combinations),
        cmocka_unit_test(not_probabilities),
        cmocka_unit_test(metrics_by_hand),
        cmocka_unit_test(binary_accuracy),
        cmocka_unit_test(metrics_of_many),
        cmocka_unit_test(one_row_equals_its_batch),
        cmocka_unit_test(every_sample_once),
        cmocka_unit_test(no_epochs),
        cmocka_unit_test(optimizer_errors),
        cmocka_unit_test(validation_part),
        cmocka_unit_test(history_is_right),
        cmocka_unit_test(history_over_batches),
        cmocka_unit_test(callbacks),
        cmocka_unit_test(early_stopping),
        cmocka_unit_test(monitors),
        cmocka_unit_test(sample_and_class_weights),
        cmocka_unit_test(penalties),
        cmocka_unit_test(clipping),
        cmocka_unit_test(schedule_rates),
        cmocka_unit_test(plateau_rates),
        cmocka_unit_test(schedules_in_fit),
        cmocka_unit_test(plateau_in_fit),
        cmocka_unit_test(twice_five_is_ten),
        cmocka_unit_test(steps_by_hand),
        cmocka_unit_test(compile_again),
#ifdef _OPENMP
        cmocka_unit_test(threads),
#endif
        cmocka_unit_test(scaling_is_learned),
        cmocka_unit_test(bytes_are_scaled),
        cmocka_unit_test(labels_are_mapped),
        cmocka_unit_test(names_are_mapped),
        cmocka_unit_test(evaluate_in_callbacks),
        cmocka_unit_test(labels_out_of_range),
        cmocka_unit_test(nan_in_data),
        cmocka_unit_test(nan_is_not_hidden),
        cmocka_unit_test(nan_in_a_step),
        cmocka_unit_test(overflow_names_its_layer),
        cmocka_unit_test(overflow_behind_a_finite_loss),
        cmocka_unit_test(rates_that_explode),
        cmocka_unit_test(deep_relu_stack),
        cmocka_unit_test(gradients_in_factors),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(quiet_and_lines),
        cmocka_unit_test(lines_in_a_file),
    };
    return cmocka_run_group_tests_name(">>train", tests, silence, NULL);
}
