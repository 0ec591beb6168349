/* Tests of >>inspect: the summary and its bytes, the gradient check (it accepts right gradients and
   rejects wrong ones), dead units.
     cc tests/test_inspect.c -lcmocka -lm && ./a.out */

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
static const bool is_double = sizeof(nn_real) == sizeof(double);

static int silence(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    return 0;
}

static void fill(nn_real *x, size_t n, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (size_t i = 0; i < n; i++) x[i] = (nn_real)nn_random_uniform(&random, -1, 1);
}

/* ---- summary ---- */

static void summary_lines(void **state)
{
    (void)state;
    const nn_real half[1] = { (nn_real)0.5 };
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 6, 4), *other = nn_input(m, 4, .name = "other");
    nn_tensor *h = nn_dense(x, 5, .activation = NN_RELU, .name = "first");
    nn_tensor *g = nn_dense(other, 5, .activation = NN_TANH, .share = h);
    nn_tensor *s = nn_add(nn_mean(nn_dropout(h, 0.5), .axis = 1), g);
    nn_dense(s, 100, .name = "unused");
    s = nn_mul(s, nn_parameter(m, 5, .name = "gain"));
    s = nn_mul(s, nn_constant(m, half, 1));
    nn_tensor *y = nn_dense(s, 3, .activation = NN_SOFTMAX, .no_bias = true);
    check_ok(nn_compile(m, y, .loss = NN_CROSS_ENTROPY));
    check_log_text[0] = 0;
    check_ok(nn_summary(m, 16));
    const char *expected[] = {
        "layer                    shape                    parameters\n",
        "input1                   (6, 4)                            0\n",
        "other                    (4)                               0\n",
        "first                    (6, 5)                           25\n",
        "dense1                   (5)                               0 (shared)\n",
        "dropout1                 (6, 5)                            0\n",
        "mean1                    (5)                               0\n",
        "add1                     (5)                               0\n",
        "gain                     (5)                               5\n",
        "mul1                     (5)                               0\n",
        "constant1                (1)                               0\n",
        "mul2                     (5)                               0\n",
        "dense2                   (3)                              15\n",
    };
    const char *at = check_log_text;
    for (int i = 0; i < COUNT(expected); i++) {
        if (strncmp(at, expected[i], strlen(expected[i])) != 0)
            fail_msg("line %d is not '%s' here: %s", i, expected[i], at);
        at += strlen(expected[i]);
    }
    assert_non_null(strstr(at, "parameters; training takes "));
    assert_non_null(strstr(at, " MB at batch size 16\n"));
    check_log_text[0] = 0;
    check_ok(nn_build(m, y));
    check_ok(nn_summary(m, 0));
    assert_non_null(strstr(check_log_text, "prediction takes "));
    assert_non_null(strstr(check_log_text, "batch size 32\n"));
    nn_model_free(m);
}

/* m->bytes and the summary's megabytes against what the allocator gave. */
static void summary_bytes(void **state)
{
    (void)state;
    enum { ROWS = 64, OVERHEAD = NN__ALIGNMENT + sizeof(void *) };
    static nn_real x[ROWS * 784], t[ROWS * 10];
    const nn_optimizer optimizer[] = { nn_adam(), nn_sgd(), nn_sgd(.momentum = 0.9),
                                       nn_rmsprop(.momentum = 0.9) };
    const int states[] = { 2, 0, 1, 2 };
    check_memory memory = { 0, -1, 0, 0, 0 };
    nn_allocator allocator = { check_allocate, check_release, &memory };
    nn_data d;
    nn_set_allocator(&allocator);
    fill(x, ROWS * 784, 1), fill(t, ROWS * 10, 2);
    check_ok(nn_data_from(&d, x, ROWS, { 784 }, .targets = t, .target_shape = { 10 }));
    for (int k = 0; k < COUNT(optimizer); k++) {
        nn_model *m = nn_model_new();
        nn_tensor *y = nn_dense(nn_dense(nn_input(m, 784), 128, .activation = NN_RELU), 10);
        size_t before = memory.bytes;
        check_ok(nn_compile(m, y, .loss = NN_MSE, .optimizer = optimizer[k]));
        size_t P = m->parameters, number = sizeof(nn_real), S = (size_t)states[k];
        assert_int_equal(P, 784 * 128 + 128 + 128 * 10 + 10);
        assert_int_equal(memory.bytes - before, (2 + S) * (P * number + OVERHEAD) + S * number);
        size_t compiled = memory.bytes;
        check_ok(nn_feed(m, &d, NULL, ROWS));
        size_t arena = memory.bytes - compiled - OVERHEAD;
        assert_int_equal(m->bytes, arena + 2 * P * number);
        check_log_text[0] = 0;
        check_ok(nn_summary(m, ROWS));
        double megabytes;
        int rows;
        const char *last = strstr(check_log_text, "training takes ");
        assert_non_null(last);
        assert_int_equal(sscanf(last, "training takes %lf MB at batch size %d", &megabytes, &rows),
                         2);
        assert_int_equal(rows, ROWS);
        check_close(megabytes, (double)(arena + (2 + S) * P * number) / 1e6, 0.0051);
        check_ok(nn_forward(m, NN_INFERENCE));
        nn_real first = m->output->value[0]; /* the summary of another size changes nothing */
        check_ok(nn_summary(m, 1000));
        check_ok(nn_forward(m, NN_INFERENCE));
        check_close(m->output->value[0], first, 1e-6);
        assert_int_equal(m->run->capacity, ROWS);
        nn_model_free(m);
    }
    nn_data_free(&d);
    assert_int_equal(memory.alive, 0);
    assert_int_equal(memory.bytes, 0);
    nn_set_allocator(NULL);
}

/* ---- gradient check ---- */

/* Operations whose backward is wrong: forward is that of a scale by 1. */
static void wrong_sign(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < nn__entries(t); i++) dx[i] -= t->grad[i];
}

static void one_percent(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < nn__entries(t); i++)
        dx[i] += (nn_real)(is_double ? 1.00001 : 1.05) * t->grad[i];
}

static void nothing(nn_tensor *t)
{
    nn__grad(t->in[0]);
}

static void forgets_upstream(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < nn__entries(t); i++) dx[i] += 1;
}

static void shifted_by_one(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    size_t n = nn__entries(t);
    for (size_t i = 0; i < n; i++) dx[(i + 1) % n] += t->grad[i];
}

static void not_a_number(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < nn__entries(t); i++) dx[i] += t->grad[i];
    dx[0] = (nn_real)NAN;
}

static void softmax_without_sum(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < nn__entries(t); i++) dx[i] += t->value[i] * t->grad[i];
}

enum { N = 9, IN = 3 };

/* A graph IN-4-2 in which the tensor `op` behind the first layer has this backward. */
static nn_model *with_backward(nn_data *d, void (*forward)(nn_tensor *t),
                               void (*backward)(nn_tensor *t), nn__op *op)
{
    nn_real x[N * IN], t[N * 2];
    fill(x, N * IN, 1), fill(t, N * 2, 2);
    check_ok(nn_data_from(d, x, N, { IN }, .targets = t, .target_shape = { 2 }));
    nn_model *m = nn_model_new(.seed = 4);
    nn_tensor *h = nn_scale(nn_dense(nn_input(m, IN), 4), 1);
    op->name = "test", op->forward = forward, op->backward = backward, op->work = NULL;
    h->op = op;
    check_ok(nn_compile(m, nn_dense(nn_activate(h, NN_TANH), 2), .loss = NN_MSE));
    return m;
}

static void softmax_forward(nn_tensor *t)
{
    nn_softmax_forward(t->value, t->in[0]->value, t->model->batch, 4);
}

static void rejects_wrong_gradients(void **state)
{
    (void)state;
    const struct {
        const char *name;
        void (*forward)(nn_tensor *t);
        void (*backward)(nn_tensor *t);
    } c[] = {
        { "wrong sign", nn__scale_op_forward, wrong_sign },
        { "one percent", nn__scale_op_forward, one_percent },
        { "nothing", nn__scale_op_forward, nothing },
        { "forgets upstream", nn__scale_op_forward, forgets_upstream },
        { "shifted by one", nn__scale_op_forward, shifted_by_one },
        { "softmax without its sum", softmax_forward, softmax_without_sum },
        { "not a number", nn__scale_op_forward, not_a_number },
    };
    nn__op op;
    nn_data d;
    for (int k = 0; k < COUNT(c); k++) {
        char words[128];
        nn_model *m = with_backward(&d, c[k].forward, c[k].backward, &op);
        check_log_text[0] = 0;
        nn_check check = nn_gradient_check(m, &d);
        int line = __LINE__ - 1;
        if (check.status != NN_ERR_NUMERIC) fail_msg("%s: accepted", c[k].name);
        assert_int_equal(strncmp(check.tensor, "dense1.", 7), 0); /* in front of the wrong one */
        snprintf(words, sizeof words,
                 "test_inspect.c:%d: nn_gradient_check: entry %zu of %s: ", line, check.entry,
                 check.tensor);
        assert_non_null(strstr(nn_last_error(), words));
        assert_non_null(strstr(check_log_text, words)); /* a program that looks nowhere sees it */
        nn_tensor *p = nn_parameter_named(m, check.tensor);
        if (k < COUNT(c) - 1) {
            check_close(check.backward, p->grad[check.entry], 0);
            assert_true(fabs(check.backward - check.numeric) > 0);
            assert_true(check.worst > (is_double ? 1e-6 : 2e-2));
        } else assert_true(isnan(check.worst) && isnan(check.backward));
        nn_model_free(m), nn_data_free(&d);
        m = with_backward(&d, nn__scale_op_forward, nn__scale_op_backward, &op);
        check_gradients(m, &d); /* and the right one passes */
        nn_model_free(m), nn_data_free(&d);
    }
}

/* One wrong entry of one tensor is found by name and number. */
static size_t wrong_entry;

static void wrong_at_entry(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    for (size_t i = 0; i < t->size; i++) dx[i] += t->grad[i] * (i == wrong_entry ? -1 : 1);
}

static void names_tensor_and_entry(void **state)
{
    (void)state;
    const nn__op op = { "test", nn__scale_op_forward, wrong_at_entry, NULL };
    nn_real x[N * IN], t[N * IN];
    nn_data d;
    fill(x, N * IN, 1), fill(t, N * IN, 2);
    check_ok(nn_data_from(&d, x, N, { IN }, .targets = t, .target_shape = { IN }));
    for (wrong_entry = 0; wrong_entry < IN; wrong_entry++) {
        nn_model *m = nn_model_new(.seed = 4);
        nn_tensor *p = nn_parameter(m, IN, .name = "suspect"), *s = nn_scale(p, 1);
        s->op = &op;
        nn_tensor *y = nn_mul(nn_dense(nn_input(m, IN), IN), s);
        check_ok(nn_compile(m, y, .loss = NN_MSE));
        nn_check check = nn_gradient_check(m, &d);
        assert_int_equal(check.status, NN_ERR_NUMERIC);
        assert_string_equal(check.tensor, "suspect");
        assert_int_equal(check.entry, wrong_entry);
        check_close(check.backward, -check.numeric, 0.02 * fabs(check.numeric));
        nn_model_free(m);
    }
    nn_data_free(&d);
}

/* NaN in the loss is a failure too, wherever it comes from. */
static void rejects_nan_losses(void **state)
{
    (void)state;
    nn__op op;
    nn_data d;
    nn_model *m = with_backward(&d, nn__scale_op_forward, nn__scale_op_backward, &op);
    m->values[0] = (nn_real)NAN;
    nn_check check = nn_gradient_check(m, &d);
    assert_int_equal(check.status, NN_ERR_NUMERIC);
    nn_model_free(m), nn_data_free(&d);
}

/* What it checks, and that it leaves the weights as they were; options and errors. */
static void check_options(void **state)
{
    (void)state;
    nn__op op;
    nn_data d, none;
    nn_real x[IN] = { 1, 2, 3 };
    nn_model *m = with_backward(&d, nn__scale_op_forward, nn__scale_op_backward, &op);
    nn_real before[4 * IN + 4 + 4 * 2 + 2];
    assert_int_equal(sizeof before / sizeof *before, m->parameters);
    memcpy(before, m->values, sizeof before);
    nn_check check = nn_gradient_check(m, &d);
    check_ok(check.status);
    assert_int_equal(check.checked, m->parameters);
    assert_int_equal(check.skipped, 0);
    assert_memory_equal(before, m->values, sizeof before);
    check = nn_gradient_check(m, &d, .entries = 2, .rows = 1, .seed = 9);
    assert_int_equal(check.checked, 4 * 2);
    assert_int_equal(m->batch, 1);
    check = nn_gradient_check(m, &d, .rows = 1000);
    assert_int_equal(m->batch, N);
    op.backward = one_percent;
    assert_int_equal(nn_gradient_check(m, &d).status, NN_ERR_NUMERIC);
    check_ok(nn_gradient_check(m, &d, .tolerance = 0.2).status);
    op.backward = nn__scale_op_backward;
    nn_freeze(nn_parameter_named(m, "dense1.weight"), true);
    check_ok(nn_compile(m, m->output, .loss = NN_MSE));
    check = nn_gradient_check(m, &d);
    check_ok(check.status);
    assert_int_equal(check.checked, m->parameters - 4 * IN);
    check_ok(nn_data_from(&none, x, 1, { IN }));
    check_fails(nn_gradient_check(m, &none).status, NN_ERR_DATA, "no targets");
    check_fails(nn_gradient_check(m, NULL).status, NN_ERR_ARGUMENT, "NULL");
    check_ok(nn_build(m, m->output));
    check_fails(nn_gradient_check(m, &d).status, NN_ERR_STATE, "call nn_compile first");
    nn_model_free(m), nn_data_free(&d), nn_data_free(&none);
}

/* Penalties are part of what is checked. */
static void checks_penalties(void **state)
{
    (void)state;
    nn_real x[N * IN], t[N] = { 0 };
    nn_data d;
    fill(x, N * IN, 1);
    check_ok(nn_data_from(&d, x, N, { IN }, .targets = t));
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *y = nn_dense(nn_input(m, IN), 1, .l1 = 0.3, .l2 = 0.2, .init = NN_INIT_ONES);
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    check_gradients(m, &d);
    nn_parameter_at(m, 0)->l2 = 0; /* as if backward forgot it: the loss must not forget as well */
    nn_check right = nn_gradient_check(m, &d);
    check_ok(right.status);
    nn_model_free(m), nn_data_free(&d);
}

/* Where the change moves something over a kink there is no derivative: counted, not judged. */
static void skips_kinks(void **state)
{
    (void)state;
    const struct {
        const char *name;
        nn_activation activation;
        nn_loss loss;
        double alpha, l1, weight, target;
        int skipped;
    } c[] = {
        { "ReLU", NN_RELU, NN_MSE, 0, 0, 1e-9, 1, 2 },
        { "leaky ReLU", NN_LEAKY_RELU, NN_MSE, 0.1, 0, -1e-9, 1, 2 },
        { "ELU with a kink", NN_ELU, NN_MSE, 0.5, 0, 1e-9, 1, 2 },
        { "ELU without", NN_ELU, NN_MSE, 1, 0, 1e-9, 1, 0 },
        { "ReLU, far away", NN_RELU, NN_MSE, 0, 0, 0.5, 1, 0 },
        { "L1", NN_LINEAR, NN_MSE, 0, 0.1, 1e-9, 1, 1 },
        { "L1 at 0", NN_LINEAR, NN_MSE, 0, 0.1, 0, 1, 0 },
        { "mae", NN_LINEAR, NN_MAE, 0, 0, 0.3, 0.3, 4 },
        { "mae, far away", NN_LINEAR, NN_MAE, 0, 0, 0.3, 0.9, 0 },
        { "huber", NN_LINEAR, NN_HUBER, 0, 0, 0.3, 1.3, 4 },
    };
    for (int k = 0; k < COUNT(c); k++) {
        const nn_real one = 1, target = (nn_real)c[k].target;
        nn_data d;
        check_ok(nn_data_from(&d, &one, 1, { 1 }, .targets = &target));
        nn_model *m = nn_model_new();
        nn_tensor *h = nn_dense(nn_input(m, 1), 1, .activation = c[k].activation,
                                .alpha = c[k].alpha, .l1 = c[k].l1);
        check_ok(nn_compile(m, nn_dense(h, 1, .init = NN_INIT_ONES), .loss = c[k].loss));
        m->values[0] = (nn_real)c[k].weight;
        nn_check check = nn_gradient_check(m, &d);
        if (check.status || check.skipped != c[k].skipped || check.checked != 4 - check.skipped)
            fail_msg("%s: %d skipped and %d checked, status %d: %s", c[k].name, check.skipped,
                     check.checked, (int)check.status, nn_last_error());
        nn_model_free(m), nn_data_free(&d);
    }
}

/* ---- dead units ---- */

static void dead_units(void **state)
{
    (void)state;
    enum { ROWS = 300, UNITS = 4 };
    nn_real x[ROWS];
    nn_data d, wide;
    for (int i = 0; i < ROWS; i++) x[i] = (nn_real)i;
    check_ok(nn_data_from(&d, x, ROWS, { 1 }));
    check_ok(nn_data_from(&wide, x, ROWS / 2, { 2 }));
    nn_model *m = nn_model_new(), *stranger = nn_model_new();
    nn_tensor *in = nn_input(m, 1), *h = nn_dense(in, UNITS, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, 2), *unused = nn_dense(h, 2);
    nn_real w[2 * UNITS] = { 1, 0,  1,      0, /* weights */
                             0, -1, -298.5, 0 /* biases: alive, dead, alive for row 299, dead */ };
    assert_true(isnan(nn_dead_units(m, h, &d)));
    assert_non_null(strstr(nn_last_error(), "call nn_compile or nn_build first"));
    check_ok(nn_build(m, y));
    memcpy(m->values, w, sizeof w);
    check_close(nn_dead_units(m, h, &d), 0.5, 0);
    d.n = ROWS - 1; /* without the row that unit 2 lives on */
    check_close(nn_dead_units(m, h, &d), 0.75, 0);
    d.n = 1; /* x = 0 */
    check_close(nn_dead_units(m, h, &d), 1, 0);
    d.n = ROWS;
    check_close(nn_dead_units(m, in, &d), 0, 0);
    const nn_tensor *wrong[] = { NULL, unused, nn_parameter_at(m, 0), nn_input(stranger, 1) };
    for (int k = 0; k < COUNT(wrong); k++) {
        assert_true(isnan(nn_dead_units(m, wrong[k], &d)));
        assert_non_null(strstr(nn_last_error(), "layer of the built model"));
    }
    assert_true(isnan(nn_dead_units(m, h, &wide)));
    assert_non_null(strstr(nn_last_error(), "takes 1 numbers for each sample, the data has 2"));
    assert_true(isnan(nn_dead_units(NULL, h, &d)));
    assert_true(isnan(nn_dead_units(m, h, NULL)));
    nn_model_free(m), nn_model_free(stranger), nn_data_free(&d), nn_data_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_lines),
        cmocka_unit_test(summary_bytes),
        cmocka_unit_test(rejects_wrong_gradients),
        cmocka_unit_test(names_tensor_and_entry),
        cmocka_unit_test(rejects_nan_losses),
        cmocka_unit_test(check_options),
        cmocka_unit_test(checks_penalties),
        cmocka_unit_test(skips_kinks),
        cmocka_unit_test(dead_units),
    };
    return cmocka_run_group_tests_name(">>inspect", tests, silence, NULL);
}
