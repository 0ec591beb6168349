/* Tests of >>error: statuses, sentences, the log, the allocator, checked sizes. */

#if defined(__unix__)
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <unistd.h>
#endif
#define NN_IMPLEMENTATION
#include "../nn.h"
#include "check.h"

/* ---- statuses and sentences -------------------------------------------------------------- */

static void status_texts(void **state)
{
    (void)state;
    assert_int_equal(NN_OK, 0);
    for (int a = 0; a < NN_STATUS_COUNT; a++) {
        assert_true(strlen(nn_status_text((nn_status)a)) > 5);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(nn_status_text((nn_status)a), nn_status_text((nn_status)b));
    }
    assert_string_equal(nn_status_text(NN_ERR_MEMORY), "out of memory");
    assert_string_equal(nn_status_text((nn_status)-1), "unknown status");
    assert_string_equal(nn_status_text(NN_STATUS_COUNT), "unknown status");
}

/* The last sentence must begin with "file:line: call: " of this very line. */
#define names_this_line(failed, call) names_line_at(failed, call, __LINE__)
static void names_line_at(bool failed, const char *call, int line)
{
    char begin[256];
    snprintf(begin, sizeof begin, "%s:%d: %s: ", __FILE__, line, call);
    if (failed && strncmp(nn_last_error(), begin, strlen(begin)) == 0 &&
        strlen(nn_last_error()) > strlen(begin))
        return;
    fail_msg("line %d: %s: expected '%s...', the sentence is '%s'", line,
             failed ? "failed" : "did not fail", begin, nn_last_error());
}

static void data_calls_name_the_line(void **state)
{
    (void)state;
    nn_data d, a, b;
    nn_real x[4] = { 1, 2, 3, 4 };
    names_this_line(nn_load_csv(&d, "/nowhere/x.csv") == NN_ERR_FILE, "nn_load_csv");
    names_this_line(nn_load_idx(&d, "/nowhere/x", NULL) == NN_ERR_FILE, "nn_load_idx");
    names_this_line(nn_data_from(&d, NULL, 4, { 1 }) == NN_ERR_ARGUMENT, "nn_data_from");
    names_this_line(nn_data_from(&d, x, 0, { 1 }) == NN_ERR_ARGUMENT, "nn_data_from");
    check_ok(nn_data_from(&d, x, 4, { 1 }));
    names_this_line(nn_split(&d, &a, &b, .fraction = 2) == NN_ERR_ARGUMENT, "nn_split");
    names_this_line(nn_data_add_input(&d, x, 3, { 1 }) == NN_ERR_SHAPE, "nn_data_add_input");
    nn_data_free(&a), nn_data_free(&b), nn_data_free(&d);
}

/* Each constructor fails in a model of its own, because a model keeps its first failure. */
#define constructor_fails(expression, call)                                                        \
    do {                                                                                           \
        nn_model *m = nn_model_new();                                                              \
        nn_tensor *x = nn_input(m, 4, 6), *y = nn_input(m, 5, 7);                                  \
        assert_non_null(x), assert_non_null(y);                                                    \
        names_this_line((expression) == NULL, call);                                               \
        assert_true(m->status != NN_OK);                                                           \
        nn_model_free(m);                                                                          \
    } while (0)

static void constructors_name_the_line(void **state)
{
    (void)state;
    const nn_real one[1] = { 1 };
    constructor_fails(nn_input(m, -1), "nn_input");
    constructor_fails(nn_dense(x, 0), "nn_dense");
    constructor_fails(nn_activate(x, (nn_activation)99), "nn_activate");
    constructor_fails(nn_dropout(x, 1), "nn_dropout");
    constructor_fails(nn_dropout(x, -0.1), "nn_dropout");
    constructor_fails(nn_dropout(x, NAN), "nn_dropout");
    constructor_fails(nn_parameter(m, -3), "nn_parameter");
    constructor_fails(nn_constant(m, one, -3), "nn_constant");
    constructor_fails(nn_add(x, y), "nn_add");
    constructor_fails(nn_mul(x, y), "nn_mul");
    constructor_fails(nn_batch_matmul(x, y), "nn_batch_matmul");
    constructor_fails(nn_reshape(x, 5), "nn_reshape");
    constructor_fails(nn_permute(x, 1, 1), "nn_permute");
    constructor_fails(nn_slice(x, 9), "nn_slice");
    constructor_fails(nn_concat(x, y), "nn_concat");
    constructor_fails(nn_sum(x, .axis = 9), "nn_sum");
    constructor_fails(nn_mean(x, .axis = 9), "nn_mean");
}

/* NULL passes through the rest of the graph, and the calls on the model say what came first. */
static void the_first_failure_is_kept(void **state)
{
    (void)state;
    char first[NN__MESSAGE_SIZE];
    check_log_text[0] = 0;
    nn_set_log(check_log, NULL);
    nn_model *m = nn_model_new();
    nn_tensor *bad = nn_dense(nn_input(m, 4), -1);
    snprintf(first, sizeof first, "%s", nn_last_error());
    nn_tensor *y = nn_dense(nn_add(nn_activate(bad, NN_RELU), bad), 3);
    assert_null(bad), assert_null(y);
    assert_null(nn_input(m, -5)); /* a second sentence, which must not replace the first */
    assert_string_not_equal(nn_last_error(), first);
    assert_string_equal(check_log_text, "");
    check_fails(nn_compile(m, y, .loss = NN_MSE), NN_ERR_SHAPE, first);
    assert_non_null(strstr(check_log_text, first));
    nn_data none;
    memset(&none, 0, sizeof none);
    check_fails(nn_fit(m, &none), NN_ERR_SHAPE, first);
    assert_int_equal(nn_evaluate(m, &none).status, NN_ERR_SHAPE);
    nn_model_free(m);
    nn_set_log(nn_log_default, NULL);
}

static void calls_on_a_model_name_the_line(void **state)
{
    (void)state;
    nn_set_log(NULL, NULL);
    nn_model *m = nn_model_new();
    nn_tensor *y = nn_dense(nn_input(m, 1), 1);
    nn_real x[4] = { 1, 2, 3, 4 };
    nn_data d;
    check_ok(nn_data_from(&d, x, 4, { 1 }, .targets = x));
    names_this_line(nn_fit(m, &d) == NN_ERR_STATE, "nn_fit");
    names_this_line(nn_compile(m, y) == NN_ERR_ARGUMENT, "nn_compile");
    names_this_line(nn_compile(m, NULL, .loss = NN_MSE) == NN_ERR_ARGUMENT, "nn_compile");
    names_this_line(nn_compile(m, y, NN_MSE, nn_sgd(.lr = NAN)) == NN_ERR_ARGUMENT, "nn_compile");
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    names_this_line(nn_fit(m, NULL) == NN_ERR_ARGUMENT, "nn_fit");
    names_this_line(nn_fit(m, &d, .patience = -1) == NN_ERR_ARGUMENT, "nn_fit");
    nn_data_free(&d), nn_model_free(m);
    nn_set_log(nn_log_default, NULL);
}

/* Whatever the lengths of file, call and text, the message is what fits of the whole sentence. */
static void long_sentences_are_cut(void **state)
{
    (void)state;
    char long_text[2048], expected[8192];
    memset(long_text, 'f', sizeof long_text);
    long_text[sizeof long_text - 1] = 0;
    for (size_t file = 0; file<1200; file += file> 480 && file < 530 ? 1 : 37)
        for (size_t text = 0; text<1200; text += text> 480 && text < 530 ? 1 : 37) {
            nn_place at = { long_text + sizeof long_text - 1 - file, 123456 };
            const char *sentence = long_text + sizeof long_text - 1 - text;
            snprintf(expected, sizeof expected, "%s:123456: call: %s", at.file, sentence);
            expected[NN__MESSAGE_SIZE - 1] = 0;
            assert_int_equal(nn__fail(at, NN_ERR_FILE, "call", "%s", sentence), NN_ERR_FILE);
            assert_string_equal(nn_last_error(), expected);
        }
    nn__fail(nn__nowhere, NN_ERR_FILE, "call", "%d%%", 7);
    assert_string_equal(nn_last_error(), "call: 7%");
    nn__fail(nn__nowhere, NN_ERR_FILE, "outer", "(%s)", nn_last_error());
    assert_string_equal(nn_last_error(), "outer: (call: 7%)");
    nn_place nowhere_near = { "f", INT_MIN };
    nn__fail(nowhere_near, NN_ERR_FILE, "call", "x");
    assert_string_equal(nn_last_error(), "f:-2147483648: call: x");
}

static void long_paths(void **state)
{
    (void)state;
    static char path[100000];
    nn_data d;
    memset(path, 'p', sizeof path - 1);
    check_fails(nn_load_csv(&d, path), NN_ERR_FILE, "nn_load_csv: ");
    assert_true(strlen(nn_last_error()) < NN__MESSAGE_SIZE);
    check_fails(nn_load_idx(&d, path, path), NN_ERR_FILE, "nn_load_idx: ");
    nn_csv_args args = { .at = { path, 7 }, .data = &d, .path = path };
    assert_int_equal(nn_load_csv_make(args), NN_ERR_FILE);
    assert_int_equal(strlen(nn_last_error()), NN__MESSAGE_SIZE - 1);
}

#if defined(__unix__)
static void *fail_elsewhere(void *user)
{
    nn_data d;
    strcpy((char *)user, nn_last_error());
    return nn_load_csv(&d, "/nowhere/other.csv") == NN_ERR_FILE ? user : NULL;
}

static void every_thread_has_its_sentence(void **state)
{
    (void)state;
    nn_data d;
    pthread_t thread;
    void *ok = NULL;
    char at_start[NN__MESSAGE_SIZE] = "?";
    check_fails(nn_load_csv(&d, "/nowhere/mine.csv"), NN_ERR_FILE, "mine.csv");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, at_start), 0);
    assert_int_equal(pthread_join(thread, &ok), 0);
    assert_non_null(ok);
    assert_string_equal(at_start, "");
    assert_non_null(strstr(nn_last_error(), "mine.csv"));
}
#endif

/* ---- the log ----------------------------------------------------------------------------- */

static int log_lines[4];
static char log_last[2048];

static void count_lines(void *user, nn_log_level level, const char *text)
{
    assert_ptr_equal(user, log_lines);
    assert_true((int)level >= 0 && level <= NN_LOG_ERROR);
    log_lines[level]++;
    snprintf(log_last, sizeof log_last, "%s", text);
}

static int lines_below(nn_log_level level)
{
    return level > NN_LOG_PROGRESS ? log_lines[level - 1] : 0;
}

static void the_log_gets_levels(void **state)
{
    (void)state;
    memset(log_lines, 0, sizeof log_lines);
    nn_set_log(count_lines, log_lines);
    for (int level = NN_LOG_PROGRESS; level <= NN_LOG_ERROR; level++) {
        nn__log((nn_log_level)level, "%s %d", "line", level);
        assert_int_equal(log_lines[level], 1);
        assert_int_equal(lines_below((nn_log_level)level), level > 0);
        assert_int_equal(log_last[5] - '0', level);
    }
    char text[4000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    nn__log(NN_LOG_INFO, "%s", text);
    assert_int_equal(strlen(log_last), 2 * NN__MESSAGE_SIZE - 1);
    nn_set_log(NULL, NULL);
    nn__log(NN_LOG_ERROR, "into silence");
    assert_int_equal(log_lines[NN_LOG_ERROR], 1);
    nn_set_log(nn_log_default, NULL);
}

/* Calls on data return their errors, calls on a model log them too; nn_fit logs a line for each
   epoch, and nothing with .quiet. */
static void what_is_logged(void **state)
{
    (void)state;
    nn_real x[4] = { 1, 2, 3, 4 };
    nn_data d, none;
    nn_model *m = nn_model_new();
    nn_tensor *y = nn_dense(nn_input(m, 1), 1);
    memset(log_lines, 0, sizeof log_lines);
    nn_set_log(count_lines, log_lines);
    check_fails(nn_load_csv(&none, "/nowhere/x.csv"), NN_ERR_FILE, "");
    assert_int_equal(log_lines[NN_LOG_ERROR], 0);
    check_fails(nn_compile(m, y), NN_ERR_ARGUMENT, "");
    assert_int_equal(log_lines[NN_LOG_ERROR], 1);
    assert_string_equal(log_last, nn_last_error());
    check_ok(nn_data_from(&d, x, 4, { 1 }, .targets = x));
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    check_ok(nn_fit(m, &d, .epochs = 3, .quiet = true));
    assert_int_equal(log_lines[NN_LOG_INFO], 0);
    assert_int_equal(log_lines[NN_LOG_PROGRESS], 0);
    check_ok(nn_fit(m, &d, .epochs = 3));
    assert_int_equal(log_lines[NN_LOG_INFO], 3);
    assert_int_equal(log_lines[NN_LOG_WARNING], 0);
    assert_int_equal(log_lines[NN_LOG_ERROR], 1);
    nn_set_log(nn_log_default, NULL);
    nn_data_free(&d), nn_model_free(m);
}

#if defined(__unix__)
static void read_back(FILE *f, char *text, size_t size)
{
    rewind(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
}

/* The default log, into files: lines to stdout, warnings and errors to stderr, and no progress
   where there is no terminal; NULL in its place prints nothing at all. */
static void the_default_log(void **state)
{
    (void)state;
    char text[256];
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out), assert_non_null(err);
    fflush(stdout), fflush(stderr);
    int old_out = dup(1), old_err = dup(2);
    dup2(fileno(out), 1), dup2(fileno(err), 2);
    for (int level = NN_LOG_PROGRESS; level <= NN_LOG_ERROR; level++)
        nn_log_default(NULL, (nn_log_level)level, level == NN_LOG_INFO ? "line" : "words");
    nn_set_log(NULL, NULL);
    for (int level = NN_LOG_PROGRESS; level <= NN_LOG_ERROR; level++)
        nn__log((nn_log_level)level, "into silence");
    nn_set_log(nn_log_default, NULL);
    fflush(stdout), fflush(stderr);
    dup2(old_out, 1), dup2(old_err, 2);
    close(old_out), close(old_err);
    read_back(out, text, sizeof text);
    assert_string_equal(text, "line\n");
    read_back(err, text, sizeof text);
    assert_string_equal(text, "warning: words\nerror: words\n");
}
#endif

/* ---- memory ------------------------------------------------------------------------------ */

/* A small program, from data to a trained model. */
static nn_status train_a_little(void *user)
{
    nn_real x[8] = { 0, 0, 0, 1, 1, 0, 1, 1 }, out[4];
    const int label[4] = { 3, 7, 7, 3 };
    nn_data d;
    nn_status status = nn_data_from(&d, x, 4, { 2 }, .labels = label);
    nn_model *m = nn_model_new(.seed = 1);
    (void)user;
    if (!status && !m) status = NN_ERR_MEMORY;
    if (!status) {
        nn_tensor *h = nn_dense(nn_input(m, 2), 5, .activation = NN_TANH);
        nn_tensor *y = nn_dense(nn_dropout(h, 0.25), 2, .activation = NN_SOFTMAX);
        status = nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY);
    }
    if (!status) status = nn_fit(m, &d, .epochs = 2, .quiet = true, .validation = &d);
    if (!status) status = nn_evaluate(m, &d).status;
    if (!status) status = nn_predict(m, out, x, 2);
    nn_model_free(m);
    nn_data_free(&d);
    return status;
}

static void the_allocator_is_asked_for_everything(void **state)
{
    (void)state;
    check_memory memory = { .fail_at = -1 };
    nn_allocator allocator = { check_allocate, check_release, &memory };
    nn_set_allocator(&allocator);
    check_ok(train_a_little(NULL));
    assert_int_equal(memory.alive, 0);
    assert_true(memory.count > 10);
    long count = memory.count;
    nn_set_allocator(NULL);
    check_ok(train_a_little(NULL));
    assert_int_equal(memory.count, count);
}

static void every_allocation_can_fail(void **state)
{
    (void)state;
    nn_set_log(NULL, NULL);
    check_every_allocation(train_a_little, NULL);
    nn_set_log(nn_log_default, NULL);
}

/* An allocator whose blocks begin at every offset that malloc's alignment allows, and beyond. */
static size_t odd_offset;
static void *odd_allocate(void *user, size_t bytes)
{
    char *block = (char *)malloc(bytes + 64);
    (void)user;
    if (!block) return NULL;
    memset(block, 0xA5, bytes + 64);
    block[odd_offset] = (char)odd_offset; /* so that odd_release finds the start again */
    return block + odd_offset;
}

static void odd_release(void *user, void *memory)
{
    (void)user;
    free((char *)memory - odd_offset);
}

static void memory_is_aligned(void **state)
{
    (void)state;
    const nn_allocator odd = { odd_allocate, odd_release, NULL };
    for (odd_offset = 0; odd_offset < 64; odd_offset++) {
        nn_set_allocator(&odd);
        for (size_t n = 0; n < 200; n += odd_offset % 8 ? 29 : 1) {
            unsigned char *memory = (unsigned char *)nn__alloc(n, 3);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            memset(memory, 0x5A, 3 * n); /* the address sanitizer watches */
            nn__free(memory);
            memory = (unsigned char *)nn__alloc_zero(3, n);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            for (size_t i = 0; i < 3 * n; i++) assert_int_equal(memory[i], 0);
            nn__free(memory);
        }
        nn_set_allocator(NULL);
    }
    nn__free(NULL);
}

/* Parameters and tensors start on a cache line, as the kernels like it. */
static void tensors_are_aligned(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_dense(nn_input(m, 3), 5, .activation = NN_TANH), *y = nn_dense(h, 1);
    nn_real x[3] = { 1, 2, 3 }, out[1];
    check_ok(nn_build(m, y));
    check_ok(nn_predict(m, out, x, 1));
    assert_int_equal((uintptr_t)m->values % 64, 0);
    assert_int_equal((uintptr_t)h->value % 64, 0);
    assert_int_equal((uintptr_t)y->value % 64, 0);
    nn_model_free(m);
}

/* ---- sizes (row 13 of the table in reliability.md) ----------------------------------------- */

#define fits(a, b, expected)                                                                       \
    do {                                                                                           \
        size_t product = 12345;                                                                    \
        assert_true(nn__mul(a, b, &product));                                                      \
        assert_true(product == (expected));                                                        \
    } while (0)
#define overflows(a, b)                                                                            \
    do {                                                                                           \
        size_t product = 12345;                                                                    \
        assert_false(nn__mul(a, b, &product));                                                     \
        assert_false(nn__mul(b, a, &product));                                                     \
    } while (0)

static void products_of_sizes(void **state)
{
    (void)state;
    const size_t p16 = (size_t)1 << 16, half = (size_t)1 << (sizeof(size_t) * 8 - 1);
    fits(0, 0, 0);
    fits(0, SIZE_MAX, 0);
    fits(SIZE_MAX, 0, 0);
    fits(1, SIZE_MAX, SIZE_MAX);
    fits(SIZE_MAX, 1, SIZE_MAX);
    fits(p16, p16 - 1, (size_t)UINT32_C(0xffff0000));
    fits(half, 1, half);
    fits(SIZE_MAX / 3, 3, SIZE_MAX / 3 * 3);
    overflows(half, 2);
    overflows(half, half);
    overflows(SIZE_MAX, 2);
    overflows(SIZE_MAX, SIZE_MAX);
    overflows(SIZE_MAX / 2 + 1, 2);
    overflows(SIZE_MAX / 3 + 1, 3);
#if SIZE_MAX > 0xffffffffu
    const size_t p31 = (size_t)1 << 31, p32 = (size_t)1 << 32;
    fits(p16, p16, p32);
    fits(p16, p31, (size_t)1 << 47);
    fits(p31, p31, (size_t)1 << 62);
    fits(p31, p32, half);
    fits(p32, p32 - 1, SIZE_MAX - p32 + 1);
    overflows(p32, p32);
    overflows(p32, p32 + 1);
    overflows(half, p16);
    overflows(half + 1, 2);
#else
    overflows(p16, p16);
#endif
}

/* Sizes that fit in no memory never reach the allocator. */
static void impossible_allocations(void **state)
{
    (void)state;
    check_memory memory = { .fail_at = -1 };
    nn_allocator allocator = { check_allocate, check_release, &memory };
    nn_set_allocator(&allocator);
    const size_t half = (size_t)1 << (sizeof(size_t) * 8 - 1);
    const size_t counts[] = { SIZE_MAX,      SIZE_MAX - 63, SIZE_MAX - 64,
                              SIZE_MAX - 72, SIZE_MAX / 2,  SIZE_MAX / 2 - 71,
                              half,          half + 1,      SIZE_MAX / 2 + 2 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_null(nn__alloc(counts[i], 1));
        assert_null(nn__alloc(1, counts[i]));
        assert_null(nn__alloc_zero(counts[i], 8));
        assert_null(nn__alloc_zero(8, counts[i]));
    }
    assert_int_equal(memory.count, 0);
    nn_set_allocator(NULL);
}

/* Shapes whose product of sizes is 2^63, 2^64 or more: a sentence, and no memory touched. */
static void impossible_shapes(void **state)
{
    (void)state;
    const nn_real few[4] = { 1, 2, 3, 4 };
    nn_data d;
    constructor_fails(nn_input(m, 65536, 65536, 65536, 65536), "nn_input");
    constructor_fails(nn_input(m, INT_MAX, INT_MAX, INT_MAX, INT_MAX), "nn_input");
    constructor_fails(nn_input(m, 65536, 65536, 65536, 32768), "nn_input");
    constructor_fails(nn_parameter(m, 65536, 65536, 65536, 65536), "nn_parameter");
    constructor_fails(nn_constant(m, few, 65536, 65536, 65536, 65536), "nn_constant");
    constructor_fails(nn_dense(nn_input(m, 65536, 32767), 65536), "nn_dense");
    check_fails(nn_data_from(&d, few, 65536, { 65536, 65536, 65536 }), NN_ERR_MEMORY, "");
    check_fails(nn_data_from(&d, few, 65536, { 65536, 65536, 32768 }), NN_ERR_MEMORY, "");
    check_fails(nn_data_from(&d, few, INT_MAX, { INT_MAX, INT_MAX, INT_MAX }), NN_ERR_MEMORY, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_texts),
        cmocka_unit_test(data_calls_name_the_line),
        cmocka_unit_test(constructors_name_the_line),
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(calls_on_a_model_name_the_line),
        cmocka_unit_test(long_sentences_are_cut),
        cmocka_unit_test(long_paths),
#if defined(__unix__)
        cmocka_unit_test(every_thread_has_its_sentence),
        cmocka_unit_test(the_default_log),
#endif
        cmocka_unit_test(the_log_gets_levels),
        cmocka_unit_test(what_is_logged),
        cmocka_unit_test(the_allocator_is_asked_for_everything),
        cmocka_unit_test(every_allocation_can_fail),
        cmocka_unit_test(memory_is_aligned),
        cmocka_unit_test(tensors_are_aligned),
        cmocka_unit_test(products_of_sizes),
        cmocka_unit_test(impossible_allocations),
        cmocka_unit_test(impossible_shapes),
    };
    return cmocka_run_group_tests_name(">>error", tests, NULL, NULL);
}
