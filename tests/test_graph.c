/* Tests of >>graph: constructors, their errors, forward values against plain loops, gradients
   against differences, freezing and sharing.
     cc tests/test_graph.c -lcmocka -lm && ./a.out          -DNN_DOUBLE for gradients within 1e-6 */

/* Sizes that no machine has are asked for on purpose: the address sanitizer shall answer NULL, as
   malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"

#define TOLERANCE (sizeof(nn_real) == sizeof(double) ? 1e-12 : 2e-6)
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

enum { BATCH = 5, ROOM = 4096 };

/* BATCH random samples for the inputs that the model has, and `targets` numbers for each. */
static void random_data(nn_data *d, const nn_model *m, int targets)
{
    static nn_real x[ROOM], y[ROOM];
    for (int i = 0; i < m->run->inputs; i++) {
        const nn_tensor *in = m->run->input[i];
        nn_array_args a;
        memset(&a, 0, sizeof a);
        fill(x, BATCH * in->size, 7 + (uint64_t)i);
        fill(y, (size_t)(BATCH * targets), 99);
        a.data = d, a.values = x, a.n = BATCH;
        memcpy(a.shape, in->dim, sizeof a.shape);
        if (in->rank == 0) a.shape[0] = 1;
        if (i == 0 && targets > 0) a.targets = y, a.target_shape[0] = targets;
        check_ok(i == 0 ? nn_data_from_make(a) : nn_data_add_input_make(a));
    }
}

/* Builds the graph to y and computes it for a random batch; the values stay in the tensors. */
static void compute(nn_model *m, nn_tensor *y)
{
    nn_data d;
    check_ok(nn_build(m, y));
    random_data(&d, m, 0);
    check_ok(nn_feed(m, &d, NULL, BATCH));
    check_ok(nn_forward(m, NN_INFERENCE));
    nn_data_free(&d);
}

/* A place in a tensor: the batch, and four axes of which the last t->rank are t's. */
typedef struct place {
    int b, i[4];
} place;

/* The number at a place; an axis of 1 and a missing batch are repeated. */
static double at(const nn_tensor *t, place p)
{
    size_t k = t->batched ? (size_t)p.b : 0;
    for (int d = 0; d < t->rank; d++) {
        int i = p.i[4 - t->rank + d];
        k = k * (size_t)t->dim[d] + (size_t)(t->dim[d] == 1 ? 0 : i);
    }
    return (double)t->value[k];
}

/* Steps to the next place of t; false after the last one. Begin with all zeros. */
static bool next(const nn_tensor *t, place *p)
{
    for (int d = t->rank - 1; d >= 0; d--) {
        if (++p->i[4 - t->rank + d] < t->dim[d]) return true;
        p->i[4 - t->rank + d] = 0;
    }
    return ++p->b < (t->batched ? BATCH : 1);
}

#define ZERO                                                                                       \
    {                                                                                              \
        0,                                                                                         \
        {                                                                                          \
            0, 0, 0, 0                                                                             \
        }                                                                                          \
    }

static void check_at(const nn_tensor *t, place p, double expected, int line)
{
    double got = at(t, p);
    if (fabs(got - expected) <= TOLERANCE * (1 + fabs(expected))) return;
    print_error("line %d: %s at batch %d (%d, %d, %d, %d) is %.17g, expected %.17g\n", line,
                t->name, p.b, p.i[0], p.i[1], p.i[2], p.i[3], got, expected);
    _fail(__FILE__, line);
}

#define check_shape(t, ...) check_shape_at(t, (int[]){ __VA_ARGS__, 0 }, #__VA_ARGS__, __LINE__)
static void check_shape_at(const nn_tensor *t, const int *dim, const char *text, int line)
{
    size_t size = 1;
    int rank = 0;
    if (!t) fail_msg("line %d: the tensor is NULL: %s", line, nn_last_error());
    while (dim[rank]) size *= (size_t)dim[rank++];
    bool same = t->rank == rank && t->size == size;
    for (int d = 0; same && d < rank; d++) same = t->dim[d] == dim[d];
    for (int d = rank; same && d < NN_MAX_RANK; d++) same = t->dim[d] == 0;
    if (!same)
        fail_msg("line %d: %s has %d axes (%d, %d, %d, %d) and %zu entries, expected (%s)", line,
                 t->name, t->rank, t->dim[0], t->dim[1], t->dim[2], t->dim[3], t->size, text);
}

/* ---- constructors: shapes, names, defaults ---- */

static void shapes_and_names(void **state)
{
    (void)state;
    const nn_real six[6] = { 1, 2, 3, 4, 5, 6 };
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *x = nn_input(m, 2, 3), *image = nn_input(m, 4, 5, 1, .name = "image");
    int line = __LINE__ - 1;
    assert_string_equal(x->name, "input1");
    assert_string_equal(image->name, "image");
    check_shape(x, 2, 3);
    check_shape(image, 4, 5, 1);
    assert_true(x->batched && x->input && !x->tokens && x->model == m);
    assert_int_equal(image->at.line, line);
    assert_non_null(strstr(image->at.file, "test_graph.c"));

    nn_tensor *d = nn_dense(x, 7);
    check_shape(d, 2, 7);
    assert_string_equal(d->name, "dense1");
    check_shape(nn_parameter_at(m, 0), 7, 3);
    check_shape(nn_parameter_at(m, 1), 7);
    assert_string_equal(nn_parameter_at(m, 0)->name, "dense1.weight");
    assert_string_equal(nn_parameter_at(m, 1)->name, "dense1.bias");
    assert_int_equal(nn_parameter_at(m, 0)->init, NN_GLOROT_UNIFORM);
    assert_int_equal(nn_parameter_at(m, 1)->init, NN_INIT_ZEROS);
    assert_null(nn_parameter_at(m, 2));

    nn_tensor *r = nn_dense(d, 4, .activation = NN_RELU, .no_bias = true, .name = "hidden");
    check_shape(r, 2, 4);
    assert_string_equal(r->name, "hidden");
    assert_int_equal(nn_parameter_named(m, "hidden.weight")->init, NN_HE_UNIFORM);
    assert_null(nn_parameter_named(m, "hidden.bias"));
    nn_tensor *third = nn_dense(r, 4, .activation = NN_TANH, .init = NN_LECUN_NORMAL);
    assert_string_equal(third->name, "dense2");
    assert_int_equal(nn_parameter_named(m, "dense2.weight")->init, NN_LECUN_NORMAL);

    nn_tensor *a = nn_activate(r, NN_LEAKY_RELU), *e = nn_activate(r, NN_ELU);
    assert_string_equal(a->name, "leaky_relu1");
    check_close(a->number, 0.01, 0);
    check_close(e->number, 1, 0);
    check_close(nn_activate(r, NN_ELU, .alpha = 0.5)->number, 0.5, 0);
    check_shape(a, 2, 4);
    nn_tensor *drop = nn_dropout(r, 0.25);
    assert_string_equal(drop->name, "dropout1");
    check_shape(drop, 2, 4);
    nn_tensor *p = nn_parameter(m, 2, 4), *c = nn_constant(m, six, 2, 3);
    assert_string_equal(p->name, "parameter1");
    assert_string_equal(c->name, "constant1");
    assert_false(p->batched || c->batched);
    check_shape(p, 2, 4);
    check_shape(c, 2, 3);
    nn_tensor *sum = nn_add(r, p), *unbatched = nn_mul(c, nn_parameter(m, 1, 3));
    check_shape(sum, 2, 4);
    assert_string_equal(sum->name, "add1");
    assert_string_equal(nn_mul(r, r)->name, "mul2");
    assert_true(sum->batched && !unbatched->batched);
    check_shape(nn_add(nn_parameter(m, 3, 1, 4), r), 3, 2, 4);
    check_shape(nn_scale(r, 2), 2, 4);
    check_shape(nn_batch_matmul(r, p, .transpose_b = true), 2, 2);
    check_shape(nn_batch_matmul(r, r, .transpose_a = true), 4, 4);
    check_shape(nn_reshape(r, 8), 8);
    check_shape(nn_reshape(r, 2, -1, 2), 2, 2, 2);
    nn_tensor *flat = nn_flatten(image);
    check_shape(flat, 20);
    assert_string_equal(flat->name, "flatten1");
    assert_string_equal(nn_flatten(image)->name, "flatten2");
    assert_string_equal(nn_reshape(r, 8)->name, "reshape3");
    check_shape(nn_permute(image, 3, 1, 2), 1, 4, 5);
    check_shape(nn_slice(image, 2, 1, 3), 4, 3, 1);
    check_shape(nn_slice(image, 1, -1), 1, 5, 1);
    check_shape(nn_slice(r, 0, 1), 2, 3);
    check_shape(nn_slice(r, -2, 1), 1, 4);
    check_shape(nn_concat(r, r, r, drop), 2, 16);
    check_shape(nn_concat(r, sum, .axis = 1), 4, 4);
    check_shape(nn_sum(image), 4, 5);
    check_shape(nn_mean(image, .axis = 1), 5, 1);
    check_shape(nn_mean(image, .axis = 2, .keep = true), 4, 1, 1);
    nn_tensor *scalar = nn_sum(flat);
    assert_int_equal(scalar->rank, 0);
    assert_int_equal(scalar->size, 1);
    assert_int_equal(m->status, NN_OK);
    nn_model_free(m);
}

/* A long name is cut, and its parameters still end in .weight and .bias. */
static void long_names(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2, .name = "a name that is far too long to fit into forty bytes");
    assert_int_equal(strlen(x->name), NN_NAME_SIZE - 1);
    nn_dense(x, 2, .name = "another name that is far too long to fit into them");
    const nn_tensor *w = nn_parameter_at(m, 0), *b = nn_parameter_at(m, 1);
    assert_non_null(w);
    assert_non_null(b);
    assert_string_equal(w->name, "another name that is far too lo.weight");
    assert_string_equal(b->name, "another name that is far too lo.bias");
    nn_model_free(m);
}

/* The first values: within their bounds, of the right deviation, the same for the same seed. */
static void initial_values(void **state)
{
    (void)state;
    const struct {
        nn_init init;
        double scale, bound, deviation;
    } c[] = {
        { NN_GLOROT_UNIFORM, 0, 0.2, 0.2 / 1.7320508 }, /* 100 inputs and 50 outputs */
        { NN_GLOROT_NORMAL, 0, 1, 0.1154701 },
        { NN_HE_UNIFORM, 0, 0.2449490, 0.1414214 },
        { NN_HE_NORMAL, 0, 1, 0.1414214 },
        { NN_LECUN_UNIFORM, 0, 0.1732051, 0.1 },
        { NN_LECUN_NORMAL, 0, 1, 0.1 },
        { NN_INIT_UNIFORM, 0, 0.05, 0.05 / 1.7320508 },
        { NN_INIT_UNIFORM, 0.5, 0.5, 0.5 / 1.7320508 },
        { NN_INIT_NORMAL, 0, 1, 0.05 },
        { NN_INIT_NORMAL, 2, 20, 2 },
        { NN_INIT_ZEROS, 0, 0, 0 },
    };
    for (int k = 0; k < COUNT(c); k++) {
        nn_model *m = nn_model_new(.seed = 3), *again = nn_model_new(.seed = 3);
        nn_model *other = nn_model_new(.seed = 4);
        nn_model *all[3] = { m, again, other };
        for (int i = 0; i < 3; i++) {
            nn_tensor *x = nn_input(all[i], 100);
            nn_tensor *y = nn_dense(x, 50, .init = c[k].init, .init_scale = c[k].scale);
            check_ok(nn_build(all[i], y));
        }
        double sum = 0, squares = 0, largest = 0;
        for (size_t i = 0; i < 5000; i++) {
            double w = (double)m->values[i];
            sum += w, squares += w * w;
            largest = fmax(largest, fabs(w));
        }
        assert_true(largest <= c[k].bound * 1.000001);
        check_close(sum / 5000, 0, 0.05 * c[k].deviation);
        check_close(sqrt(squares / 5000), c[k].deviation, 0.05 * c[k].deviation);
        for (size_t i = 5000; i < 5050; i++) check_close(m->values[i], 0, 0); /* bias */
        assert_memory_equal(m->values, again->values, m->parameters * sizeof(nn_real));
        if (c[k].deviation > 0)
            assert_memory_not_equal(m->values, other->values, 5000 * sizeof(nn_real));
        for (int i = 0; i < 3; i++) nn_model_free(all[i]);
    }
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2), *ones = nn_parameter(m, 2, .init = NN_INIT_ONES);
    check_ok(nn_build(m, nn_add(x, ones)));
    check_close(ones->value[0], 1, 0);
    check_close(ones->value[1], 1, 0);
    nn_model_free(m);
}

/* A parameter and a constant without an axis are single numbers. */
static void scalars(void **state)
{
    (void)state;
    const nn_real three = 3;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2);
    nn_tensor *p = nn_parameter(m, .init = NN_INIT_ONES), *q = nn_parameter(m);
    nn_tensor *y = nn_add(nn_mul(nn_mul(x, p), nn_constant(m, &three)), q);
    place i = ZERO;
    compute(m, y);
    do check_at(y, i, at(x, i) * 3 + at(q, i), __LINE__);
    while (next(y, &i));
    nn_model_free(m);
}

/* ---- errors ---- */

/* Each failing call: NULL, a status, a sentence with the words, the file and the line (of a call
   that is written on two lines the compiler may name either); then NULL out for NULL in, the first
   sentence stays, and nn_compile and nn_build report it. */
static void refused_at(nn_model *m, const nn_tensor *t, nn_status status, const char *words,
                       int line)
{
    char place_text[64], below[64], first[NN__MESSAGE_SIZE];
    snprintf(place_text, sizeof place_text, "test_graph.c:%d: nn_", line);
    snprintf(below, sizeof below, "test_graph.c:%d: nn_", line + 1);
    snprintf(first, sizeof first, "%s", nn_last_error());
    if (t) fail_msg("line %d: the call returned %s, not NULL", line, t->name);
    if (m->status != status)
        fail_msg("line %d: the status is %s, expected %s: %s", line, nn_status_text(m->status),
                 nn_status_text(status), first);
    if ((!strstr(first, place_text) && !strstr(first, below)) || !strstr(first, words))
        fail_msg("line %d: '%s' and '%s' are not in: %s", line, place_text, words, first);
    assert_null(nn_dense((nn_tensor *)NULL, 3));
    nn_tensor *x = nn_input(m, 2);
    assert_null(nn_dropout(x, 7)); /* a second error does not replace the first */
    nn_compile_args args;
    memset(&args, 0, sizeof args);
    args.at.file = "elsewhere.c", args.at.line = 1;
    args.model = m, args.output = x, args.loss = NN_MSE;
    check_log_text[0] = 0;
    nn_status got = nn_compile_make(args);
    if (got != status || strcmp(nn_last_error(), first) != 0 || !strstr(check_log_text, first))
        fail_msg("line %d: nn_compile says %d '%s' and logs '%s', not %d '%s'", line, (int)got,
                 nn_last_error(), check_log_text, (int)status, first);
    got = nn_build(m, x);
    if (got != status || strcmp(nn_last_error(), first) != 0)
        fail_msg("line %d: nn_build says %d '%s'", line, (int)got, nn_last_error());
}

/* The call sees a model m, inputs x (3, 4) and y (4), a parameter p (4, 2), and NAN. */
#define REFUSED(status, words, call)                                                               \
    do {                                                                                           \
        nn_model *m = nn_model_new();                                                              \
        nn_tensor *x = nn_input(m, 3, 4), *y = nn_input(m, 4), *p = nn_parameter(m, 4, 2);         \
        nn_tensor *result = (call);                                                                \
        (void)x, (void)y, (void)p;                                                                 \
        refused_at(m, result, status, words, __LINE__);                                            \
        nn_model_free(m);                                                                          \
    } while (0)

static void errors_of_inputs(void **state)
{
    (void)state;
    REFUSED(NN_ERR_SHAPE, "(3, -1, 0, 0) is not a size", nn_input(m, 3, -1));
    REFUSED(NN_ERR_SHAPE, "(0, 3, 0, 0)", nn_input(m, 0, 3));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_input(m, 2, 0, 3));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_input(m, 65536, 65536));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_input(m, 65536, 65536, 65536, 65536));
    REFUSED(NN_ERR_ARGUMENT, "at most 4 inputs", (nn_input(m, 1), nn_input(m, 1), nn_input(m, 1)));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_parameter(m, -2));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_parameter(m, 2147483647, 2147483647));
    REFUSED(NN_ERR_ARGUMENT, "one of nn_init", nn_parameter(m, 2, .init = NN_INIT_COUNT));
    REFUSED(NN_ERR_ARGUMENT, "at least 0", nn_parameter(m, 2, .init_scale = -1));
    REFUSED(NN_ERR_ARGUMENT, "at least 0", nn_parameter(m, 2, .l1 = (double)NAN));
    REFUSED(NN_ERR_ARGUMENT, "at least 0", nn_parameter(m, 2, .l2 = -1e-4));
    REFUSED(NN_ERR_ARGUMENT, "values is NULL", nn_constant(m, NULL, 2));
    nn_real one = 1;
    REFUSED(NN_ERR_SHAPE, "not a size", nn_constant(m, &one, 1, -1));
}

static void errors_of_layers(void **state)
{
    (void)state;
    REFUSED(NN_ERR_SHAPE, "at least one unit (it has 0)", nn_dense(x, 0));
    REFUSED(NN_ERR_SHAPE, "at least one unit (it has -3)", nn_dense(x, -3));
    REFUSED(NN_ERR_SHAPE, "an input with an axis", nn_dense(nn_sum(y), 2));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_dense(x, 2147483647));
    REFUSED(NN_ERR_ARGUMENT, "one of nn_activation",
            nn_dense(x, 2, .activation = (nn_activation)99));
    REFUSED(NN_ERR_ARGUMENT, "alpha -1", nn_dense(x, 2, .activation = NN_LEAKY_RELU, .alpha = -1));
    REFUSED(NN_ERR_ARGUMENT, "one of nn_init", nn_dense(x, 2, .init = (nn_init)-1));
    REFUSED(NN_ERR_ARGUMENT, "l2 at least 0", nn_dense(x, 2, .l2 = -1));
    REFUSED(NN_ERR_SHAPE, ".share needs a dense layer of this model with weights of shape (3, 4,",
            nn_dense(x, 3, .share = nn_dense(y, 2)));
    REFUSED(NN_ERR_SHAPE, "input1 is not one", nn_dense(x, 3, .share = x));
    REFUSED(NN_ERR_ARGUMENT, "one of nn_activation", nn_activate(x, NN_ACTIVATION_COUNT));
    REFUSED(NN_ERR_ARGUMENT, "alpha", nn_activate(x, NN_ELU, .alpha = (double)NAN));
    REFUSED(NN_ERR_ARGUMENT, "the rate is -0.1", nn_dropout(x, -0.1));
    REFUSED(NN_ERR_ARGUMENT, "the rate is 1", nn_dropout(x, 1));
    REFUSED(NN_ERR_ARGUMENT, "the rate is", nn_dropout(x, (double)NAN));
}

static void errors_of_algebra(void **state)
{
    (void)state;
    nn_model *other = nn_model_new();
    nn_tensor *z = nn_input(other, 3, 4);
    REFUSED(NN_ERR_SHAPE, "shapes (3, 4) of input1", nn_add(x, nn_dense(x, 3)));
    REFUSED(NN_ERR_SHAPE, "(3, 3) of dense1", nn_mul(x, nn_dense(x, 3)));
    REFUSED(NN_ERR_ARGUMENT, "input1 and input1 belong to different models", nn_add(x, z));
    REFUSED(NN_ERR_ARGUMENT, "different models", nn_batch_matmul(x, z, .transpose_b = true));
    REFUSED(NN_ERR_ARGUMENT, "different models", nn_concat(x, z));
    REFUSED(NN_ERR_SHAPE, "both need two axes", nn_batch_matmul(x, y));
    REFUSED(NN_ERR_SHAPE, "check the order", nn_batch_matmul(x, x));
    REFUSED(NN_ERR_SHAPE, "check the order", nn_batch_matmul(x, p, .transpose_b = true));
    REFUSED(NN_ERR_SHAPE, "check the order", nn_batch_matmul(x, p, .transpose_a = true));
    REFUSED(NN_ERR_SHAPE, "different axes before the last two",
            nn_batch_matmul(x, nn_reshape(x, 1, 4, 3)));
    REFUSED(NN_ERR_SHAPE, "different axes before the last two", nn_batch_matmul(p, x));
    REFUSED(NN_ERR_SHAPE, "different axes before the last two",
            nn_batch_matmul(nn_reshape(x, 3, 2, 2), nn_parameter(m, 3, 2, 2)));
    REFUSED(NN_ERR_SHAPE, "which is 12 entries; the new shape has 10", nn_reshape(x, 5, 2));
    REFUSED(NN_ERR_SHAPE, "(5, -1, 0, 0)", nn_reshape(x, 5, -1));
    REFUSED(NN_ERR_SHAPE, "(-1, -1, 0, 0)", nn_reshape(x, -1, -1));
    REFUSED(NN_ERR_SHAPE, "not a size", nn_reshape(x, 2147483647, 2147483647, 2147483647, -1));
    REFUSED(NN_ERR_SHAPE, "(1, 1, 0, 0) is no order of the 2 axes of input1", nn_permute(x, 1, 1));
    REFUSED(NN_ERR_SHAPE, "no order", nn_permute(x, 1));
    REFUSED(NN_ERR_SHAPE, "no order", nn_permute(x, 1, 2, 3));
    REFUSED(NN_ERR_SHAPE, "no order", nn_permute(x, 0, 1));
    REFUSED(NN_ERR_SHAPE, "no axis 3 in input1 of shape (3, 4)", nn_slice(x, 3, 0));
    REFUSED(NN_ERR_SHAPE, "no axis -3", nn_slice(x, -3, 0));
    REFUSED(NN_ERR_SHAPE, "start 4 and length 0 leave axis 2", nn_slice(x, 2, 4));
    REFUSED(NN_ERR_SHAPE, "start -5 and length 1", nn_slice(x, 2, -5, 1));
    REFUSED(NN_ERR_SHAPE, "start 1 and length 4", nn_slice(x, 2, 1, 4));
    REFUSED(NN_ERR_SHAPE, "start 1 and length -1", nn_slice(x, 2, 1, -1));
    REFUSED(NN_ERR_SHAPE, "start 1 and length 2147483647", nn_slice(x, 2, 1, 2147483647));
    REFUSED(NN_ERR_SHAPE, "all other axes are equal", nn_concat(x, y));
    REFUSED(NN_ERR_SHAPE, "all other axes are equal", nn_concat(x, nn_dense(x, 3), .axis = 1));
    REFUSED(NN_ERR_SHAPE, "both or none have a batch", nn_concat(y, nn_parameter(m, 4)));
    REFUSED(NN_ERR_SHAPE, "no axis 3", nn_concat(x, x, .axis = 3));
    REFUSED(NN_ERR_SHAPE, "no axis 5", nn_sum(x, .axis = 5));
    REFUSED(NN_ERR_SHAPE, "no axis", nn_mean(nn_sum(y)));
    nn_model_free(other);
}

/* Sizes whose sum or product does not fit are refused, without overflow on the way. */
static void errors_of_sizes(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    nn_tensor *big = nn_input(m, 2147483647);
    nn_tensor *joined = nn_concat(big, big);
    refused_at(m, joined, NN_ERR_SHAPE, "not a size", __LINE__ - 1);
    nn_model_free(m);
    m = nn_model_new();
    nn_tensor *tall = nn_input(m, 65536, 1);
    nn_tensor *square = nn_mul(tall, nn_reshape(tall, 1, 65536));
    refused_at(m, square, NN_ERR_SHAPE, "not a size", __LINE__ - 1);
    nn_model_free(m);
    m = nn_model_new();
    tall = nn_input(m, 65536, 1);
    square = nn_batch_matmul(tall, tall, .transpose_b = true);
    refused_at(m, square, NN_ERR_SHAPE, "not a size", __LINE__ - 1);
    nn_model_free(m);
    m = nn_model_new(); /* 2^31 parameters times 2^31 samples: no memory, and no crash */
    tall = nn_input(m, 2147483647);
    check_ok(nn_build(m, nn_scale(tall, 2)));
    nn_real one = 1;
    check_fails(nn_predict(m, &one, &one, 2147483647), NN_ERR_MEMORY, "no memory for a batch");
    nn_model_free(m);
}

static void null_in_null_out(void **state)
{
    (void)state;
    nn_tensor *no = NULL;
    nn_model *none = NULL;
    nn_real one = 1;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2, 2);
    assert_null(nn_input(none, 2));
    assert_null(nn_parameter(none, 2));
    assert_null(nn_constant(none, &one, 1));
    assert_null(nn_dense(no, 2));
    assert_null(nn_activate(no, NN_RELU));
    assert_null(nn_dropout(no, 0.5));
    assert_null(nn_add(no, x));
    assert_null(nn_add(x, no));
    assert_null(nn_mul(no, x));
    assert_null(nn_mul(x, no));
    assert_null(nn_batch_matmul(no, x));
    assert_null(nn_batch_matmul(x, no));
    assert_null(nn_scale(no, 2));
    assert_null(nn_reshape(no, 2));
    assert_null(nn_flatten(no));
    assert_null(nn_permute(no, 1));
    assert_null(nn_slice(no, 1, 0));
    assert_null(nn_concat(no, x));
    assert_null(nn_concat(x, no));
    assert_null(nn_sum(no));
    assert_null(nn_mean(no));
    assert_null(nn_parameter_at(none, 0));
    assert_null(nn_parameter_named(m, "nothing"));
    nn_freeze(no, true);
    nn_model_free(none);
    assert_int_equal(m->status, NN_OK);
    check_fails(nn_compile(none, x, .loss = NN_MSE), NN_ERR_MEMORY, "the model is NULL");
    check_fails(nn_compile(m, no, .loss = NN_MSE), NN_ERR_ARGUMENT, "the output tensor is NULL");
    check_fails(nn_build(m, no), NN_ERR_ARGUMENT, "the output tensor is NULL");
    nn_model_free(m);
}

static void errors_of_outputs(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(), *other = nn_model_new();
    nn_tensor *x = nn_input(m, 2), *spare = nn_input(m, 3, .name = "spare");
    int line = __LINE__ - 1;
    nn_tensor *y = nn_dense(x, 2), *p = nn_parameter(m, 3);
    char words[80];
    snprintf(words, sizeof words, "spare (line %d) does not lead to the output dense1", line);
    check_fails(nn_compile(m, y, .loss = NN_MSE), NN_ERR_SHAPE, words);
    check_fails(nn_compile(m, p, .loss = NN_MSE), NN_ERR_ARGUMENT, "does not depend on an input");
    check_fails(nn_compile(m, nn_input(other, 2), .loss = NN_MSE), NN_ERR_ARGUMENT,
                "belongs to another model");
    check_ok(nn_compile(m, nn_concat(y, spare), .loss = NN_MSE));
    nn_model_free(m), nn_model_free(other);
}

/* ---- forward values against plain loops ---- */

static void forward_dense(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 3, 1, 7);
    nn_tensor *h = nn_dense(x, 19, .init = NN_HE_NORMAL);
    nn_tensor *w = nn_parameter_at(m, 0), *b = nn_parameter_at(m, 1);
    nn_tensor *y = nn_dense(h, 3, .no_bias = true, .activation = NN_SIGMOID);
    nn_tensor *v = nn_parameter_at(m, 2);
    check_ok(nn_build(m, y));
    fill(b->value, b->size, 2);
    compute(m, y);
    place p = ZERO;
    do {
        place q = p;
        double sum = (double)b->value[p.i[3]];
        for (q.i[3] = 0; q.i[3] < 7; q.i[3]++)
            sum += at(x, q) * (double)w->value[p.i[3] * 7 + q.i[3]];
        check_at(h, p, sum, __LINE__);
    } while (next(h, &p));
    memset(&p, 0, sizeof p);
    do {
        place q = p;
        double sum = 0;
        for (q.i[3] = 0; q.i[3] < 19; q.i[3]++)
            sum += at(h, q) * (double)v->value[p.i[3] * 19 + q.i[3]];
        check_at(y, p, 1 / (1 + exp(-sum)), __LINE__);
    } while (next(y, &p));
    nn_model_free(m);
}

static double activation_of(nn_activation kind, double a, double x)
{
    switch (kind) {
    case NN_RELU: return x > 0 ? x : 0;
    case NN_LEAKY_RELU: return x > 0 ? x : a * x;
    case NN_ELU: return x > 0 ? x : a * (exp(x) - 1);
    case NN_SIGMOID: return 1 / (1 + exp(-x));
    case NN_TANH: return tanh(x);
    case NN_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case NN_SILU: return x / (1 + exp(-x));
    case NN_SOFTPLUS: return log(1 + exp(x));
    default: return x;
    }
}

/* Alone, and behind a dense layer, where the planner fuses them. */
static void forward_activations(void **state)
{
    (void)state;
    for (int kind = NN_LINEAR; kind < NN_SOFTMAX; kind++) {
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *x = nn_input(m, 3, 11), *z = nn_dense(x, 11);
        nn_tensor *alone = nn_activate(z, (nn_activation)kind, .alpha = 0.3);
        nn_tensor *fused =
            nn_dense(x, 11, .activation = (nn_activation)kind, .alpha = 0.3, .share = z);
        compute(m, nn_concat(alone, fused));
        place p = ZERO;
        double tolerance = kind == NN_GELU ? 1e-3 : 1e-5; /* GELU may be the tanh form */
        do {
            double expected = activation_of((nn_activation)kind, 0.3, at(z, p));
            check_close(at(alone, p), expected, tolerance);
            check_close(at(fused, p), expected, tolerance);
        } while (next(z, &p));
        nn_model_free(m);
    }
}

static void forward_softmax(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 1, 3, 5);
    nn_tensor *y = nn_activate(x, NN_SOFTMAX), *l = nn_activate(x, NN_LOG_SOFTMAX);
    compute(m, nn_concat(y, l));
    place p = ZERO;
    do {
        place q = p;
        double sum = 0;
        for (q.i[3] = 0; q.i[3] < 5; q.i[3]++) sum += exp(at(x, q));
        check_at(y, p, exp(at(x, p)) / sum, __LINE__);
        check_at(l, p, at(x, p) - log(sum), __LINE__);
    } while (next(y, &p));
    nn_model_free(m);
}

/* Identity at inference; in training zeros and 1/(1 - rate), drawn from seed, step, layer and
   sample number, not from the place in the batch. */
static void forward_dropout(void **state)
{
    (void)state;
    enum { N = 1000 };
    nn_model *m = nn_model_new(.seed = 5), *other = nn_model_new(.seed = 6);
    nn_model *both[2] = { m, other };
    nn_tensor *x[2], *y[2], *z[2];
    nn_data d;
    static nn_real in[8 * N], first[8 * N];
    for (int i = 0; i < 8 * N; i++) in[i] = 1 + (nn_real)(i % 7);
    check_ok(nn_data_from(&d, in, 8, { N }, .targets = in, .target_shape = { N }));
    for (int i = 0; i < 2; i++) {
        x[i] = nn_input(both[i], N);
        y[i] = nn_dropout(nn_scale(x[i], 1), 0.3);
        z[i] = nn_dropout(nn_mul(y[i], nn_parameter(both[i], N, .init = NN_INIT_ONES)), 0);
        check_ok(nn_compile(both[i], z[i], .loss = NN_MSE));
        check_ok(nn_feed(both[i], &d, NULL, 8));
        check_ok(nn_forward(both[i], NN_INFERENCE));
        assert_memory_equal(y[i]->value, in, sizeof in);
        check_ok(nn_forward(both[i], NN_TRAINING));
        assert_memory_equal(z[i]->value, y[i]->value, sizeof in); /* rate 0 */
    }
    int dropped = 0;
    for (int i = 0; i < 8 * N; i++) {
        double factor = (double)y[0]->value[i] / (double)in[i];
        dropped += factor == 0;
        if (factor != 0) check_close(factor, 1 / 0.7, 1e-6);
    }
    check_close(dropped / (8.0 * N), 0.3, 0.02);
    memcpy(first, y[0]->value, sizeof first);
    assert_memory_not_equal(first, first + N, N * sizeof *first); /* inputs differ, and so masks */
    assert_memory_not_equal(first, y[1]->value, sizeof first); /* another seed */
    check_ok(nn_forward(m, NN_TRAINING));
    assert_memory_equal(first, y[0]->value, sizeof first); /* the same step again */
    const int row[2] = { 5, 2 };
    check_ok(nn_feed(m, &d, row, 2));
    check_ok(nn_forward(m, NN_TRAINING));
    assert_memory_equal(y[0]->value, first + 5 * N, N * sizeof *first);
    assert_memory_equal(y[0]->value + N, first + 2 * N, N * sizeof *first);
    check_ok(nn_backward(m));
    check_ok(nn_step(m));
    check_ok(nn_forward(m, NN_TRAINING));
    assert_memory_not_equal(y[0]->value, first + 5 * N, N * sizeof *first); /* another step */
    nn_model_free(m), nn_model_free(other), nn_data_free(&d);
}

/* Two dropout layers of one model drop different entries. */
static void dropout_layers_differ(void **state)
{
    (void)state;
    static nn_real ones[500], seen[500];
    for (int i = 0; i < 500; i++) ones[i] = 1;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 500), *a = nn_dropout(x, 0.5), *b = nn_dropout(x, 0.5);
    nn_data d;
    check_ok(nn_data_from(&d, ones, 1, { 500 }));
    check_ok(nn_build(m, nn_concat(a, b)));
    check_ok(nn_feed(m, &d, NULL, 1));
    check_ok(nn_forward(m, NN_TRAINING));
    memcpy(seen, a->value, sizeof seen);
    assert_memory_not_equal(seen, b->value, sizeof seen);
    nn_model_free(m), nn_data_free(&d);
}

/* add and mul for pairs of shapes: each entry of the result is a + b and a * b of the repeated
   entries, in both orders. */
static void forward_pairs(void **state)
{
    (void)state;
    const int shape[][4] = { { 2, 3, 4, 5 }, { 1, 3, 1, 5 }, { 3, 1, 5 },    { 4, 5 },
                             { 5 },          { 1 },          { 2, 1, 4, 1 }, { 4, 1 } };
    for (int i = 0; i < COUNT(shape); i++)
        for (int j = 0; j < COUNT(shape); j++)
            for (int batched = 0; batched < 2; batched++) {
                nn_model *m = nn_model_new(.seed = 5);
                const int *s = shape[i], *r = shape[j];
                nn_tensor *a = nn_input(m, s[0], s[1], s[2], s[3]);
                nn_tensor *b = batched ? nn_input(m, r[0], r[1], r[2], r[3])
                                       : nn_parameter(m, r[0], r[1], r[2], r[3]);
                nn_tensor *sum = nn_add(a, b), *product = nn_mul(b, a);
                if (m->status) fail_msg("shapes %d and %d: %s", i, j, nn_last_error());
                compute(m, nn_concat(sum, product));
                place p = ZERO;
                do {
                    check_at(sum, p, at(a, p) + at(b, p), __LINE__);
                    check_at(product, p, at(a, p) * at(b, p), __LINE__);
                } while (next(sum, &p));
                nn_model_free(m);
            }
}

static void forward_scale(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 3, 1, 5), *y = nn_scale(x, -0.375);
    place p = ZERO;
    compute(m, y);
    do check_at(y, p, -0.375 * at(x, p), __LINE__);
    while (next(y, &p));
    nn_model_free(m);
}

/* One entry of a matrix product, transposed as told, summed in double. */
static double product_at(const nn_tensor *a, const nn_tensor *b, bool ta, bool tb, place p)
{
    int K = a->dim[a->rank - (ta ? 2 : 1)];
    double sum = 0;
    for (int k = 0; k < K; k++) {
        place i = p, j = p;
        i.i[ta ? 3 : 2] = p.i[2], i.i[ta ? 2 : 3] = k;
        j.i[tb ? 3 : 2] = k, j.i[tb ? 2 : 3] = p.i[3];
        sum += at(a, i) * at(b, j);
    }
    return sum;
}

/* All four transposes; ranks 2 to 4; b in the batch, or one matrix for all. M, N, K = 3, 19, 7. */
static void forward_batch_matmul(void **state)
{
    (void)state;
    enum { M = 3, N = 19, K = 7 };
    for (int way = 0; way < 16; way++) {
        bool ta = way & 1, tb = way & 2, common = way & 4, deep = way & 8;
        int a0 = ta ? K : M, a1 = ta ? M : K, b0 = tb ? N : K, b1 = tb ? K : N;
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *a = deep ? nn_input(m, 2, 3, a0, a1) : nn_input(m, a0, a1);
        nn_tensor *b = common ? nn_parameter(m, b0, b1)
                       : deep ? nn_input(m, 2, 3, b0, b1)
                              : nn_input(m, b0, b1);
        nn_tensor *y = nn_batch_matmul(a, b, .transpose_a = ta, .transpose_b = tb);
        place p = ZERO;
        assert_int_equal(m->status, NN_OK);
        compute(m, y);
        assert_int_equal(y->dim[y->rank - 2], M);
        assert_int_equal(y->dim[y->rank - 1], N);
        do check_at(y, p, product_at(a, b, ta, tb, p), __LINE__);
        while (next(y, &p));
        nn_model_free(m);
    }
    nn_model *m = nn_model_new(.seed = 5); /* parameters on both sides, three axes each */
    nn_tensor *x = nn_input(m, 4, 2, 2), *a = nn_parameter(m, 4, 2, 3),
              *b = nn_parameter(m, 4, 3, 2);
    nn_tensor *y = nn_batch_matmul(a, b), *common = nn_batch_matmul(a, nn_parameter(m, 3, 2));
    place p = ZERO;
    compute(m, nn_add(nn_add(x, y), common));
    do check_at(y, p, product_at(a, b, false, false, p), __LINE__);
    while (next(y, &p));
    nn_model_free(m);
}

static void forward_reshape(void **state)
{
    (void)state;
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2, 3, 4), *y = nn_reshape(x, 3, 8), *f = nn_flatten(y);
    compute(m, nn_scale(nn_reshape(f, -1, 2, 2, 3), 1));
    check_shape(f, 24);
    assert_ptr_equal(y->value, x->value);
    assert_ptr_equal(f->value, x->value);
    nn_model_free(m);
}

/* Every order of four axes, and those of three and two. */
static void forward_permute(void **state)
{
    (void)state;
    for (int way = 0; way < 256; way++) {
        int axis[4] = { way & 3, way >> 2 & 3, way >> 4 & 3, way >> 6 & 3 }, seen = 0;
        for (int d = 0; d < 4; d++) seen |= 1 << axis[d];
        if (seen != 15) continue;
        nn_model *m = nn_model_new();
        nn_tensor *x = nn_input(m, 2, 3, 4, 5);
        nn_tensor *y = nn_permute(x, axis[0] + 1, axis[1] + 1, axis[2] + 1, axis[3] + 1);
        place p = ZERO;
        compute(m, y);
        do {
            place q = p;
            for (int d = 0; d < 4; d++) q.i[axis[d]] = p.i[d];
            check_at(y, p, at(x, q), __LINE__);
        } while (next(y, &p));
        nn_model_free(m);
    }
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 3, 5), *y = nn_permute(x, 2, 1), *back = nn_permute(y, 2, 1);
    nn_tensor *v = nn_input(m, 2, 3, 4), *w = nn_permute(v, 3, 1, 2);
    compute(m, nn_concat(nn_flatten(back), nn_flatten(w)));
    place p = ZERO;
    do {
        place q = p;
        q.i[2] = p.i[3], q.i[3] = p.i[2];
        check_at(y, p, at(x, q), __LINE__);
        check_at(back, q, at(x, q), __LINE__);
    } while (next(y, &p));
    memset(&p, 0, sizeof p);
    do {
        place q = p;
        q.i[3] = p.i[1], q.i[1] = p.i[2], q.i[2] = p.i[3];
        check_at(w, p, at(v, q), __LINE__);
    } while (next(w, &p));
    nn_model_free(m);
}

static void forward_slice_and_concat(void **state)
{
    (void)state;
    for (int axis = 1; axis <= 4; axis++) {
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *x = nn_input(m, 4, 3, 5, 3);
        nn_tensor *head = nn_slice(x, axis, 0, 2), *tail = nn_slice(x, axis, -1);
        nn_tensor *rest = nn_slice(x, axis, 2), *y = nn_concat(tail, head, rest, x, .axis = axis);
        nn_tensor *in[4] = { tail, head, rest, x };
        place p = ZERO;
        compute(m, y);
        int d = axis - 1, length = x->dim[d];
        do {
            place q = p;
            int k = p.i[d], from = 0;
            while (k >= in[from]->dim[d]) k -= in[from++]->dim[d];
            q.i[d] = from == 0 ? length - 1 : from == 2 ? 2 + k : k;
            check_at(y, p, at(x, q), __LINE__);
        } while (next(y, &p));
        nn_model_free(m);
    }
    nn_model *m = nn_model_new(.seed = 5); /* without a batch */
    nn_tensor *x = nn_input(m, 5), *a = nn_parameter(m, 2), *b = nn_parameter(m, 3);
    nn_tensor *y = nn_concat(a, b);
    compute(m, nn_add(x, y));
    for (int i = 0; i < 5; i++) check_close(y->value[i], i < 2 ? a->value[i] : b->value[i - 2], 0);
    nn_model_free(m);
}

static void forward_reduce(void **state)
{
    (void)state;
    for (int axis = 1; axis <= 4; axis++)
        for (int keep = 0; keep < 2; keep++) {
            nn_model *m = nn_model_new(.seed = 5);
            nn_tensor *x = nn_input(m, 2, 3, 4, 5);
            nn_tensor *sum = nn_sum(x, .axis = axis, .keep = true);
            nn_tensor *mean = nn_mean(x, .axis = axis == 4 ? -1 : axis, .keep = keep != 0);
            nn_tensor *y = nn_concat(nn_flatten(sum), nn_flatten(mean));
            place p = ZERO;
            int n = x->dim[axis - 1];
            size_t k = 0;
            compute(m, y);
            do {
                place q = p;
                double total = 0;
                for (q.i[axis - 1] = 0; q.i[axis - 1] < n; q.i[axis - 1]++) total += at(x, q);
                check_at(sum, p, total, __LINE__);
                check_close(mean->value[k++], total / n, TOLERANCE * 10);
            } while (next(sum, &p));
            nn_model_free(m);
        }
    nn_model *m = nn_model_new(); /* without a batch, down to a number */
    nn_tensor *x = nn_input(m, 2), *w = nn_parameter(m, 3), *s = nn_sum(w);
    compute(m, nn_add(x, s));
    check_close(s->value[0], w->value[0] + w->value[1] + w->value[2], TOLERANCE);
    nn_model_free(m);
}

/* ---- gradients: every op with parameters before and behind it ---- */

/* Compiles a graph with t in front of a last dense layer and checks every gradient. */
static void check_graph(nn_model *m, nn_tensor *t, int line)
{
    nn_data d;
    if (!t) fail_msg("line %d: %s", line, nn_last_error());
    nn_tensor *y = nn_dense(t->rank == 1 ? t : nn_flatten(t), 3, .activation = NN_TANH);
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    for (int i = 0; i < m->run->inputs; i++) assert_null(m->run->input[i]->grad);
    nn_tensor *p;
    for (int k = 0; (p = nn_parameter_at(m, k)) != NULL; k++) /* biases are not 0 either */
        if (p->init == NN_INIT_ZEROS) fill(p->value, p->size, 50 + (uint64_t)k);
    random_data(&d, m, 3);
    check_gradients_at(m, &d, __FILE__, line);
    nn_data_free(&d);
    nn_model_free(m);
}

static void gradient_dense(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 3, 1, 4);
    nn_tensor *h = nn_dense(x, 5), *k = nn_dense(h, 3, .no_bias = true, .l2 = 0.1);
    check_graph(m, nn_add(nn_dense(k, 5, .l1 = 0.05), h), __LINE__);

    m = nn_model_new(.seed = 5); /* a dense layer on a parameter, without a batch */
    x = nn_input(m, 4);
    h = nn_dense(nn_parameter(m, 3, 2), 4);
    check_graph(m, nn_mul(nn_slice(h, 1, 1, 1), x), __LINE__);
}

/* Activations alone, fused, and fused with the result used twice. */
static void gradient_activations(void **state)
{
    (void)state;
    for (int kind = NN_LINEAR; kind < NN_ACTIVATION_COUNT; kind++) {
        nn_activation g = (nn_activation)kind;
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *x = nn_input(m, 2, 4), *h = nn_dense(x, 5);
        check_graph(m, nn_add(nn_activate(h, g, .alpha = 0.3), h), __LINE__);

        m = nn_model_new(.seed = 6);
        x = nn_input(m, 2, 4);
        h = nn_dense(x, 5, .activation = g, .alpha = 0.3);
        check_graph(m, nn_dense(h, 5, .activation = g), __LINE__);

        m = nn_model_new(.seed = 7);
        x = nn_input(m, 2, 4);
        h = nn_dense(x, 5, .activation = g, .alpha = 0.3);
        nn_tensor *s = nn_dense(nn_reshape(h, 5, 2), 2, .activation = g);
        check_graph(m, nn_mul(nn_add(nn_flatten(s), nn_flatten(h)), nn_reshape(h, 10)), __LINE__);
    }
}

static void gradient_dropout(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 4), *h = nn_dense(x, 6);
    nn_tensor *d = nn_dropout(h, 0.4), *p = nn_dropout(nn_parameter(m, 2, 6), 0.4);
    check_graph(m, nn_add(nn_mul(d, p), h), __LINE__);
}

static void gradient_pairs(void **state)
{
    (void)state;
    const int shape[][4] = { { 2, 3, 2, 3 }, { 1, 3, 1, 3 }, { 3, 1, 3 }, { 2, 3 }, { 3 }, { 1 } };
    for (int i = 0; i < COUNT(shape); i++)
        for (int way = 0; way < 4; way++) {
            const int *s = shape[i];
            nn_model *m = nn_model_new(.seed = 5);
            nn_tensor *a = nn_dense(nn_input(m, 2, 3, 2, 2), 3);
            nn_tensor *b = nn_parameter(m, s[0], s[1], s[2], s[3]);
            if (way & 1) { /* b in the batch: a dense layer along its last axis */
                int last = 3;
                while (last > 0 && s[last] == 0) last--;
                b = nn_dense(nn_input(m, s[0], s[1], s[2], s[3]), s[last]);
            }
            nn_tensor *y = way & 2 ? nn_add(nn_mul(a, b), b) : nn_mul(b, nn_add(a, b));
            check_graph(m, y, __LINE__);
        }
    nn_model *m = nn_model_new(.seed = 5); /* both without a batch, and a tensor with itself */
    nn_tensor *x = nn_input(m, 4, 3), *p = nn_parameter(m, 4, 1), *q = nn_parameter(m, 3);
    nn_tensor *r = nn_add(p, q);
    nn_tensor *h = nn_mul(nn_mul(r, r), nn_add(x, q));
    check_graph(m, nn_add(nn_mul(h, h), nn_scale(h, -1.5)), __LINE__);
}

static void gradient_batch_matmul(void **state)
{
    (void)state;
    enum { M = 2, N = 4, K = 3 };
    for (int way = 0; way < 16; way++) {
        bool ta = way & 1, tb = way & 2, common = way & 4, deep = way & 8;
        int a0 = ta ? K : M, a1 = ta ? M : K, b0 = tb ? N : K, b1 = tb ? K : N;
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *a = nn_dense(deep ? nn_input(m, 2, 1, a0, 2) : nn_input(m, a0, 2), a1);
        nn_tensor *b = common ? nn_parameter(m, b0, b1)
                              : nn_dense(deep ? nn_input(m, 2, 1, b0, 2) : nn_input(m, b0, 2), b1);
        nn_tensor *y = nn_batch_matmul(a, b, .transpose_a = ta, .transpose_b = tb);
        check_graph(m, y, __LINE__);
    }
    nn_model *m = nn_model_new(.seed = 5); /* h hᵀ h: every operand is the same tensor */
    nn_tensor *h = nn_dense(nn_input(m, 3, 2), 4);
    check_graph(m, nn_batch_matmul(nn_batch_matmul(h, h, .transpose_b = true), h), __LINE__);

    m = nn_model_new(.seed = 5); /* parameters on both sides, with axes before the matrices */
    nn_tensor *x = nn_input(m, 2, 3, 3), *p = nn_parameter(m, 2, 3, 2),
              *q = nn_parameter(m, 2, 3, 2);
    nn_tensor *both = nn_batch_matmul(p, q, .transpose_b = true);
    check_graph(m, nn_mul(both, nn_add(x, nn_batch_matmul(p, nn_parameter(m, 2, 3)))), __LINE__);
}

/* A reshape whose source is used elsewhere, reshapes of reshapes, of a parameter, of an
   activation that is fused, and of an input. */
static void gradient_reshape(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 3), *h = nn_dense(x, 4, .activation = NN_SIGMOID);
    nn_tensor *r = nn_reshape(h, 4, 2), *rr = nn_reshape(r, 2, 2, 2);
    nn_tensor *p = nn_parameter(m, 4), *square = nn_reshape(p, 2, 2);
    nn_tensor *a = nn_mul(rr, square), *b = nn_mul(nn_dense(r, 2), nn_reshape(nn_flatten(h), 4, 2));
    nn_tensor *c = nn_mul(nn_add(h, p), nn_reshape(nn_flatten(x), 2, 3, 1));
    assert_null(c); /* (2, 4) and (2, 3, 1) do not fit */
    nn_model_free(m);

    m = nn_model_new(.seed = 5);
    x = nn_input(m, 2, 3), h = nn_dense(x, 4, .activation = NN_SIGMOID);
    r = nn_reshape(h, 4, 2), rr = nn_reshape(r, 2, 2, 2);
    p = nn_parameter(m, 4), square = nn_reshape(p, 2, 2);
    a = nn_mul(rr, square), b = nn_mul(nn_dense(r, 2), nn_reshape(nn_flatten(h), 4, 2));
    c = nn_dense(nn_reshape(x, 3, 2), 4);
    nn_tensor *all =
        nn_concat(nn_flatten(a), nn_flatten(b), nn_flatten(c), nn_flatten(nn_mul(h, p)));
    check_graph(m, all, __LINE__);
}

static void gradient_moves(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 3, 2, 2, 2), *h = nn_dense(x, 3);
    nn_tensor *t = nn_permute(h, 4, 2, 1, 3), *u = nn_permute(nn_dense(t, 2), 3, 4, 1, 2);
    check_graph(m, nn_concat(nn_flatten(t), nn_flatten(u), nn_flatten(h)), __LINE__);

    for (int axis = 1; axis <= 3; axis++) {
        m = nn_model_new(.seed = 5);
        h = nn_dense(nn_input(m, 3, 4, 2), 5);
        nn_tensor *p = nn_parameter(m, 3, 4, 5);
        nn_tensor *first = nn_slice(h, axis, 0, 2), *last = nn_slice(h, axis, -2);
        nn_tensor *inner = nn_slice(nn_add(h, p), axis, 1, 1);
        nn_tensor *y = nn_concat(nn_mul(first, last), inner, h, last, .axis = axis);
        check_graph(m, nn_scale(y, 0.7), __LINE__);
    }
    m = nn_model_new(.seed = 5); /* the same without a batch */
    x = nn_input(m, 3, 4);
    nn_tensor *a = nn_parameter(m, 2, 4), *b = nn_parameter(m, 4, 1);
    nn_tensor *c = nn_concat(nn_permute(b, 2, 1), a, .axis = 1);
    nn_tensor *s = nn_slice(nn_concat(a, a), 2, 2, 4, .name = "s");
    check_graph(m, nn_mul(nn_add(x, c), nn_slice(s, 1, 1)), __LINE__);
}

static void gradient_reduce(void **state)
{
    (void)state;
    for (int axis = 1; axis <= 4; axis++) {
        nn_model *m = nn_model_new(.seed = 5);
        nn_tensor *h = nn_dense(nn_input(m, 2, 3, 2, 2), 3);
        nn_tensor *s = nn_sum(h, .axis = axis, .keep = true), *e = nn_mean(h, .axis = axis);
        nn_tensor *y = nn_concat(nn_flatten(nn_mul(h, s)), nn_flatten(nn_mul(e, e)));
        check_graph(m, y, __LINE__);
    }
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2, 3), *p = nn_parameter(m, 2, 3);
    nn_tensor *s = nn_mean(nn_sum(nn_mul(p, p)), .axis = 1); /* one number */
    check_graph(m, nn_mul(nn_add(x, p), s), __LINE__);
}

/* A layer used twice: its gradients add up. */
static void gradient_shared_dense(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 3), *y = nn_input(m, 3);
    nn_tensor *a = nn_dense(x, 4, .activation = NN_TANH);
    nn_tensor *b = nn_dense(y, 4, .activation = NN_SIGMOID, .share = a);
    nn_tensor *c = nn_dense(nn_slice(nn_mul(a, b), 1, 1), 4, .share = b);
    assert_non_null(c);
    assert_ptr_equal(c->in[1], nn_parameter_at(m, 0));
    assert_null(nn_parameter_at(m, 2)); /* one weight, one bias */
    check_graph(m, nn_concat(a, b, c), __LINE__);
}

/* A reshape between the output's sigmoid and the loss; a rank-0 output; a large graph twice. */
static void gradient_outputs(void **state)
{
    (void)state;
    nn_data d;
    nn_real x[12], t[4] = { 0, 1, (nn_real)0.25, 1 };
    fill(x, 12, 1);
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *in = nn_input(m, 3);
    nn_tensor *y = nn_reshape(nn_dense(in, 1, .activation = NN_SIGMOID), 1, 1);
    check_ok(nn_data_from(&d, x, 4, { 3 }, .targets = t));
    check_ok(nn_compile(m, y, .loss = NN_BINARY_CROSS_ENTROPY));
    check_gradients(m, &d);
    nn_tensor *number = nn_sum(nn_mul(nn_flatten(y), nn_dense(in, 1)));
    assert_int_equal(number->rank, 0);
    check_ok(nn_compile(m, number, .loss = NN_MSE));
    check_gradients(m, &d);
    nn_model_free(m), nn_data_free(&d);
}

/* ---- freezing and buffers ---- */

static void frozen(void **state)
{
    (void)state;
    nn_data d;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 4);
    nn_tensor *a = nn_dense(x, 5, .activation = NN_TANH, .frozen = true, .l2 = 0.1);
    nn_tensor *b = nn_dense(a, 5, .activation = NN_TANH), *c = nn_dense(b, 2);
    nn_real before[4 * 5 + 5];
    nn_tensor *w = nn_parameter_named(m, "dense1.weight");
    nn_tensor *v = nn_parameter_named(m, "dense2.weight");
    assert_true(w->frozen && nn_parameter_named(m, "dense1.bias")->frozen && !v->frozen);
    check_ok(nn_compile(m, c, .loss = NN_MSE, .optimizer = nn_adamw(.lr = 0.1)));
    assert_null(a->grad);
    random_data(&d, m, 2);
    memcpy(before, w->value, sizeof before); /* weight and bias lie side by side */
    nn_real v0 = v->value[0];
    check_ok(nn_fit(m, &d, .epochs = 3, .quiet = true));
    assert_memory_equal(before, w->value, sizeof before);
    assert_true(v->value[0] < v0 || v->value[0] > v0);
    check_gradients(m, &d);
    for (size_t i = 0; i < w->size; i++) check_close(w->grad[i], 0, 0);

    nn_freeze(a, false), nn_freeze(b, true);
    check_ok(nn_compile(m, c, .loss = NN_MSE, .optimizer = nn_sgd(.lr = 0.1)));
    assert_memory_equal(before, w->value, sizeof before); /* compiling keeps the weights */
    nn_real kept[5 * 5 + 5];
    memcpy(kept, v->value, sizeof kept);
    check_ok(nn_fit(m, &d, .epochs = 3, .quiet = true));
    assert_memory_not_equal(before, w->value, sizeof before);
    assert_memory_equal(kept, v->value, sizeof kept);
    check_gradients(m, &d);
    nn_model_free(m), nn_data_free(&d);
}

/* Where no gradient is needed there is no memory for one. */
static void gradient_buffers(void **state)
{
    (void)state;
    const nn_real two[2] = { 1, 2 };
    nn_data d;
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 2), *c = nn_constant(m, two, 2);
    nn_tensor *s = nn_add(nn_mul(x, c), c), *h = nn_dense(s, 3), *y = nn_dense(h, 2);
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    random_data(&d, m, 2);
    check_ok(nn_feed(m, &d, NULL, BATCH));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
    assert_null(x->grad);
    assert_null(c->grad);
    assert_null(s->grad);
    assert_non_null(h->grad);
    assert_non_null(y->grad);
    for (int b = 0; b < BATCH; b++) /* MSE: 2 (y - t) / (B C) */
        for (int i = 0; i < 2; i++) {
            size_t k = (size_t)(b * 2 + i);
            double t = (double)((const nn_real *)d.y.values)[k];
            check_close(y->grad[k], 2 * ((double)y->value[k] - t) / (BATCH * 2), 1e-6);
        }
    check_ok(nn_build(m, y)); /* for prediction alone: none at all */
    check_ok(nn_feed(m, &d, NULL, BATCH));
    assert_null(h->grad);
    check_fails(nn_backward(m), NN_ERR_STATE, "call nn_compile first");
    nn_model_free(m), nn_data_free(&d);
}

/* Calls out of order are errors, not crashes. */
static void order_of_calls(void **state)
{
    (void)state;
    nn_data d;
    nn_real one[2] = { 1, 2 };
    nn_model *m = nn_model_new();
    nn_tensor *x = nn_input(m, 2), *y = nn_dense(x, 2, .activation = NN_TANH), *z = nn_dense(y, 2);
    check_ok(nn_data_from(&d, one, 1, { 2 }, .targets = one, .target_shape = { 2 }));
    check_fails(nn_forward(m, NN_INFERENCE), NN_ERR_STATE, "call nn_compile or nn_build first");
    check_fails(nn_feed(m, &d, NULL, 1), NN_ERR_STATE, "call nn_compile");
    check_fails(nn_predict(m, one, one, 1), NN_ERR_STATE, "call nn_compile");
    check_fails(nn_summary(m, 0), NN_ERR_STATE, "call nn_compile");
    check_ok(nn_build(m, y));
    check_fails(nn_forward(m, NN_INFERENCE), NN_ERR_STATE, "call nn_feed first");
    check_fails(nn_fit(m, &d), NN_ERR_STATE, "call nn_compile first");
    check_fails(nn_evaluate(m, &d).status, NN_ERR_STATE, "call nn_compile first");
    check_ok(nn_compile(m, y, .loss = NN_MSE));
    check_fails(nn_backward(m), NN_ERR_STATE, "call nn_feed with targets");
    check_ok(nn_feed(m, &d, NULL, 1));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
    check_ok(nn_compile(m, z, .loss = NN_MSE)); /* a new plan has no batch */
    check_fails(nn_forward(m, NN_TRAINING), NN_ERR_STATE, "call nn_feed first");
    check_fails(nn_backward(m), NN_ERR_STATE, "call nn_feed with targets");
    const int row[1] = { 1 };
    check_fails(nn_feed(m, &d, row, 1), NN_ERR_ARGUMENT, "index[0] is 1; rows are 0 to 0");
    check_fails(nn_feed(m, &d, NULL, 2), NN_ERR_ARGUMENT,
                "n is 2; at least 1 row, and without an index at most 1");
    check_fails(nn_feed(m, &d, NULL, 0), NN_ERR_ARGUMENT, "n is 0; at least 1 row");
    nn_model_free(m), nn_data_free(&d);
}

/* A compile that fails leaves the model as it was: trained, and with its plan. */
static void failed_compile_changes_nothing(void **state)
{
    (void)state;
    nn_data d;
    nn_real before[BATCH * 2], after[BATCH * 2];
    nn_model *m = nn_model_new(.seed = 5);
    nn_tensor *x = nn_input(m, 4), *z = nn_input(m, 2);
    nn_tensor *h = nn_dense(x, 5, .activation = NN_TANH), *y = nn_add(nn_dense(h, 2), z);
    nn_tensor *half = nn_dense(nn_dense(x, 3), 2); /* leaves z out */
    check_ok(nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_adam(.lr = 0.1)));
    random_data(&d, m, 2);
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    check_ok(nn_predict_data(m, before, &d));
    check_fails(nn_compile(m, half, .loss = NN_MSE, .optimizer = nn_sgd()), NN_ERR_SHAPE,
                "does not lead to the output");
    check_fails(nn_build(m, half), NN_ERR_SHAPE, "does not lead to the output");
    check_fails(nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_sgd(.lr = -1)), NN_ERR_ARGUMENT,
                "learning rate is -1");
    check_fails(nn_compile(m, y, .loss = NN_LOSS_NONE), NN_ERR_ARGUMENT, "no loss was named");
    check_ok(nn_predict_data(m, after, &d));
    assert_memory_equal(before, after, sizeof before);
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    check_gradients(m, &d);
    nn_model_free(m), nn_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_names),
        cmocka_unit_test(long_names),
        cmocka_unit_test(initial_values),
        cmocka_unit_test(scalars),
        cmocka_unit_test(errors_of_inputs),
        cmocka_unit_test(errors_of_layers),
        cmocka_unit_test(errors_of_algebra),
        cmocka_unit_test(errors_of_sizes),
        cmocka_unit_test(null_in_null_out),
        cmocka_unit_test(errors_of_outputs),
        cmocka_unit_test(forward_dense),
        cmocka_unit_test(forward_activations),
        cmocka_unit_test(forward_softmax),
        cmocka_unit_test(forward_dropout),
        cmocka_unit_test(dropout_layers_differ),
        cmocka_unit_test(forward_pairs),
        cmocka_unit_test(forward_scale),
        cmocka_unit_test(forward_batch_matmul),
        cmocka_unit_test(forward_reshape),
        cmocka_unit_test(forward_permute),
        cmocka_unit_test(forward_slice_and_concat),
        cmocka_unit_test(forward_reduce),
        cmocka_unit_test(gradient_dense),
        cmocka_unit_test(gradient_activations),
        cmocka_unit_test(gradient_dropout),
        cmocka_unit_test(gradient_pairs),
        cmocka_unit_test(gradient_batch_matmul),
        cmocka_unit_test(gradient_reshape),
        cmocka_unit_test(gradient_moves),
        cmocka_unit_test(gradient_reduce),
        cmocka_unit_test(gradient_shared_dense),
        cmocka_unit_test(gradient_outputs),
        cmocka_unit_test(frozen),
        cmocka_unit_test(gradient_buffers),
        cmocka_unit_test(order_of_calls),
        cmocka_unit_test(failed_compile_changes_nothing),
    };
    return cmocka_run_group_tests_name(">>graph", tests, silence, NULL);
}
