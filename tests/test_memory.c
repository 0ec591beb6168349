/* Memory that runs out: in every scenario allocation 0, 1, 2, ... fails, once and for good. Each
   time there is an error and no leak, and a model that was built before predicts as before. And how
   much memory training takes, against what nn_summary said.
     cc tests/test_memory.c -lcmocka -lm && ./a.out */

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"

static int silence(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    return 0;
}

/* Calls, as long as all went well. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        check_log_text[0] = 0;                                                                     \
        if (!status) status = (call);                                                              \
    } while (0)

enum { N = 20, IN = 3, LARGE = 300 };

static nn_real x[LARGE * IN], t[LARGE * 2], y[LARGE * 8];
static int label[LARGE];

static void make_arrays(void)
{
    nn_random random = nn_random_seed(1);
    for (int i = 0; i < LARGE * IN; i++) x[i] = (nn_real)nn_random_uniform(&random, -1, 1);
    for (int i = 0; i < LARGE * 2; i++) t[i] = (nn_real)nn_random_uniform(&random, 0, 1);
    for (int i = 0; i < LARGE; i++) label[i] = 10 * (i % 3);
}

static nn_status numbers(nn_data *d, int n)
{
    return nn_data_from(d, x, n, { IN }, .targets = t, .target_shape = { 2 });
}

static nn_status classes(nn_data *d, int n)
{
    return nn_data_from(d, x, n, { IN }, .labels = label);
}

/* IN-5-2 with a residual on the way. */
static nn_tensor *network(nn_model *m, int outputs)
{
    nn_tensor *h = nn_dense(nn_input(m, IN), 5, .activation = NN_TANH);
    h = nn_add(h, nn_dense(nn_dropout(h, 0.1), 5, .activation = NN_GELU));
    return nn_dense(h, outputs);
}

/* After a failure the model's predictions must be those of before, and need no memory. */
static void unchanged_at(nn_model *m, const nn_real *before, int n, int line)
{
    nn_real after[N * 8];
    nn_status status = nn_predict(m, after, x, n);
    if (status) fail_msg("line %d: the earlier model fails: %s", line, nn_last_error());
    if (memcmp(before, after, (size_t)n * m->output->size * sizeof *after) != 0)
        fail_msg("line %d: the earlier model predicts something else", line);
}

/* ---- scenarios ---- */

static nn_status build_everything(void)
{
    nn_status status = NN_OK;
    const nn_real c[4] = { 1, 2, 3, 4 };
    nn_model *m = nn_model_new();
    nn_tensor *a = nn_input(m, 2, 4), *b = nn_input(m, 4, .name = "named"), *h = a;
    nn_tensor *first = nn_dense(a, 4, .activation = NN_RELU);
    h = nn_dense(first, 4, .share = first, .activation = NN_SILU);
    h = nn_mul(nn_add(h, nn_parameter(m, 4)), nn_constant(m, c, 4));
    h = nn_activate(nn_batch_matmul(h, h, .transpose_b = true), NN_SOFTMAX);
    h = nn_scale(nn_permute(nn_reshape(h, 2, 2), 2, 1), 0.5);
    h = nn_concat(nn_flatten(h), nn_slice(b, 1, 1, 2), nn_sum(a), nn_mean(a));
    for (int i = 0; i < 40; i++) h = nn_dropout(h, 0.1); /* the list of tensors grows */
    TRY(nn_build(m, h));
    nn_model_free(m);
    return status;
}

static nn_status compile_all(void)
{
    nn_status status = NN_OK;
    nn_model *m = nn_model_new();
    nn_tensor *out = network(m, 2);
    const nn_optimizer optimizer[] = { nn_adam(), nn_adamw(), nn_sgd(.momentum = 0.9),
                                       nn_rmsprop(.momentum = 0.9), nn_sgd() };
    for (int k = 0; k < 5; k++) TRY(nn_compile(m, out, .loss = NN_MSE, .optimizer = optimizer[k]));
    nn_model_free(m);
    return status;
}

static nn_status fit_numbers(void)
{
    nn_data d;
    nn_status status = numbers(&d, N);
    nn_model *m = nn_model_new();
    TRY(nn_compile(m, network(m, 2), .loss = NN_MSE));
    TRY(nn_fit(m, &d, .epochs = 2, .batch_size = 7, .quiet = true));
    TRY(nn_fit(m, &d, .epochs = 2, .batch_size = NN_FULL_BATCH, .quiet = true)); /* a longer one */
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* Classes, scaling, a validation set, early stopping; a second fit after a failed first one. */
static nn_status fit_classes(void)
{
    nn_data d, v;
    nn_status status = classes(&d, N);
    nn_status of_v = classes(&v, LARGE);
    TRY(of_v);
    TRY(nn_standardise(&d));
    nn_model *m = nn_model_new();
    nn_tensor *out = network(m, 3);
    TRY(nn_compile(m, nn_activate(out, NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY));
    TRY(nn_fit(m, &d, .epochs = 3, .validation = &v, .patience = 1, .quiet = true));
    if (!status) assert_string_equal(nn_class_name(m, 2), "20");
    nn_model_free(m), nn_data_free(&d), nn_data_free(&v);
    return status;
}

static nn_status fit_validation_part(void)
{
    nn_data d;
    const double weight[3] = { 1, 2, 3 };
    nn_status status = classes(&d, N);
    TRY(nn_min_max(&d));
    TRY(nn_one_hot(&d));
    TRY(nn_shuffle(&d, 3));
    nn_model *m = nn_model_new();
    TRY(nn_compile(m, nn_activate(network(m, 3), NN_SOFTMAX), .loss = NN_CROSS_ENTROPY));
    TRY(nn_fit_begin(m, &d, .epochs = 2, .validation_fraction = 0.3, .class_weight = weight,
                     .quiet = true));
    if (!status) {
        while (nn_fit_step(m)) continue;
        status = nn_fit_end(m);
    }
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* A fit that fails before its first step leaves the weights; the same fit works afterwards. */
static nn_status fit_fails_and_is_repeated(void)
{
    nn_data d;
    nn_real before[N * 8];
    nn_status status = numbers(&d, N);
    nn_model *m = nn_model_new();
    TRY(nn_compile(m, network(m, 2), .loss = NN_MSE));
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        status = nn_fit(m, &d, .epochs = 2, .patience = 2, .quiet = true);
        if (status && m->updates == 0) unchanged_at(m, before, N, __LINE__);
        if (status) assert_false(nn_fit_step(m));
    }
    nn_model_free(m), nn_data_free(&d);
    return status;
}

static nn_status predict_and_evaluate(void)
{
    nn_data d;
    int counts[9];
    nn_real before[8 * 8];
    nn_status status = classes(&d, LARGE);
    nn_model *m = nn_model_new();
    TRY(nn_compile(m, nn_activate(network(m, 3), NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY));
    TRY(nn_predict(m, before, x, 8));
    bool small = !status;
    TRY(nn_predict(m, y, x, LARGE)); /* needs more room */
    TRY(nn_predict_data(m, y, &d));
    TRY(nn_evaluate(m, &d).status);
    TRY(nn_confusion(m, &d, counts));
    if (small) unchanged_at(m, before, 8, __LINE__);
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* A failed growth of the batch leaves the tensors of the smaller one, and their values. */
static nn_status steps_by_hand(void)
{
    nn_data d;
    nn_status status = numbers(&d, LARGE);
    nn_model *m = nn_model_new();
    TRY(nn_compile(m, network(m, 2), .loss = NN_MSE));
    TRY(nn_feed(m, &d, NULL, 4));
    TRY(nn_forward(m, NN_TRAINING));
    TRY(nn_backward(m));
    if (!status) {
        nn_real first = m->output->value[0];
        double loss = m->loss;
        status = nn_feed(m, &d, NULL, LARGE);
        if (status) {
            check_close(m->output->value[0], first, 0);
            check_ok(nn_forward(m, NN_TRAINING));
            check_close(m->loss, loss, 0);
            check_ok(nn_backward(m));
            check_ok(nn_step(m));
        }
    }
    nn_model_free(m), nn_data_free(&d);
    return status;
}

static nn_status share(void)
{
    nn_data d;
    nn_real before[N * 8];
    nn_status status = classes(&d, N);
    TRY(nn_standardise(&d));
    nn_model *m = nn_model_new(), *second = NULL, *third = NULL;
    TRY(nn_compile(m, nn_activate(network(m, 3), NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY));
    TRY(nn_fit(m, &d, .quiet = true)); /* learns scaling and names */
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        second = nn_model_new(.share = m);
        status = nn_build(second, nn_activate(network(second, 3), NN_SOFTMAX));
        unchanged_at(m, before, N, __LINE__);
    }
    TRY(nn_predict(second, y, x, N));
    if (!status) {
        assert_memory_equal(y, before, N * 3 * sizeof *y);
        third = nn_model_new(.share = second);
        status = nn_compile(third, nn_activate(network(third, 3), NN_SOFTMAX),
                            .loss = NN_SPARSE_CROSS_ENTROPY);
        unchanged_at(m, before, N, __LINE__);
    }
    nn_model_free(m); /* the first one goes first */
    TRY(nn_fit(third, &d, .quiet = true));
    nn_model_free(third), nn_model_free(second), nn_data_free(&d);
    return status;
}

/* Another output, another loss, another optimizer, another layer: what fails leaves the old plan,
   with which the model predicts and trains. */
static nn_status compile_again(void)
{
    nn_data d;
    nn_real before[N * 8];
    nn_status status = numbers(&d, N);
    nn_model *m = nn_model_new();
    nn_tensor *out = network(m, 2);
    TRY(nn_compile(m, out, .loss = NN_MSE, .optimizer = nn_adam()));
    TRY(nn_fit(m, &d, .batch_size = N, .quiet = true));
    for (int k = 0; k < 3; k++) {
        TRY(nn_predict(m, before, x, N));
        if (status) break;
        status = k == 0   ? nn_compile(m, out, .loss = NN_MAE, .optimizer = nn_sgd())
                 : k == 1 ? nn_compile(m, out, .loss = NN_MSE, .optimizer = nn_adam())
                          : nn_build(m, nn_activate(out->in[0], NN_TANH));
        if (!status) continue;
        if (m->status == NN_OK) {
            unchanged_at(m, before, N, __LINE__);
            check_ok(nn_feed(m, &d, NULL, N)); /* trains on, with the memory it has */
            check_ok(nn_forward(m, NN_TRAINING));
            check_ok(nn_backward(m));
            check_ok(nn_step(m));
        }
    }
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* A built model gets one more layer. */
static nn_status add_a_layer(void)
{
    nn_real before[N * 8];
    nn_status status = NN_OK;
    nn_model *m = nn_model_new();
    nn_tensor *out = network(m, 2);
    TRY(nn_compile(m, out, .loss = NN_MSE));
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        nn_tensor *more = nn_dense(out, 4);
        status = nn_compile(m, more, .loss = NN_MSE);
        if (status && m->status == NN_OK) unchanged_at(m, before, N, __LINE__);
    }
    TRY(nn_predict(m, y, x, N));
    nn_model_free(m);
    return status;
}

static nn_status load_and_split(void)
{
    const char text[] = "a,b,kind\n1,2,x\n2,1,y\n3,5,x\n4,1,y\n5,2,x\n1,7,y\n";
    nn_data d, train, test;
    nn_status status =
        nn_load_csv(&d, "text", .label = "kind", .text = text, .text_size = sizeof text - 1);
    nn_status split = nn_split(&d, &train, &test, .fraction = 0.3, .stratify = true);
    TRY(split);
    TRY(nn_standardise(&train));
    nn_model *m = nn_model_new();
    nn_tensor *out = nn_dense(nn_input(m, 2), 2, .activation = NN_SOFTMAX);
    TRY(nn_compile(m, out, .loss = NN_SPARSE_CROSS_ENTROPY));
    TRY(nn_fit(m, &train, .epochs = 2, .validation = &test, .quiet = true));
    TRY(nn_evaluate(m, &test).status);
    nn_model_free(m);
    nn_data_free(&d), nn_data_free(&train), nn_data_free(&test);
    return status;
}

/* A program that looks at no status on the way: nn_fit says it all. */
static nn_status check_once_at_the_end(void)
{
    const char text[] = "a,b,kind\n1,2,x\n2,1,y\n3,5,x\n4,1,y\n5,2,x\n1,7,y\n";
    nn_data d, train, test;
    nn_load_csv(&d, "text", .label = "kind", .text = text, .text_size = sizeof text - 1);
    nn_split(&d, &train, &test, .fraction = 0.3);
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_dense(nn_input(m, 2), 3, .activation = NN_RELU);
    nn_status compiled =
        nn_compile(m, nn_dense(h, 2, .activation = NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY);
    nn_status status = nn_fit(m, &train, .epochs = 2, .validation = &test, .quiet = true);
    if (compiled) { /* a model without a plan, or none at all: not out of memory by its own word */
        assert_int_not_equal(status, NN_OK);
        status = compiled;
    }
    nn_model_free(m);
    nn_data_free(&d), nn_data_free(&train), nn_data_free(&test);
    return status;
}

static nn_status two_inputs(void)
{
    nn_data d, half;
    nn_status status = numbers(&d, N), of_half = NN_OK;
    memset(&half, 0, sizeof half);
    TRY(nn_data_add_input(&d, x, N, { 2 }));
    if (!status) status = of_half = nn_data_rows(&half, &d, NULL, N / 2);
    nn_model *m = nn_model_new();
    nn_tensor *a = nn_input(m, IN), *b = nn_input(m, 2);
    TRY(nn_compile(m, nn_dense(nn_concat(a, b), 2), .loss = NN_MSE));
    TRY(nn_fit(m, &d, .validation = &half, .quiet = true));
    TRY(nn_predict_data(m, y, &half));
    nn_model_free(m), nn_data_free(&d), nn_data_free(&half);
    return status;
}

static nn_status inspect(void)
{
    nn_data d;
    nn_status status = numbers(&d, LARGE);
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_dense(nn_input(m, IN), 5, .activation = NN_RELU);
    TRY(nn_compile(m, nn_dense(h, 2), .loss = NN_MSE));
    TRY(nn_summary(m, 64));
    TRY(nn_gradient_check(m, &d).status);
    if (!status && isnan(nn_dead_units(m, h, &d)))
        status = strstr(nn_last_error(), "no memory") ? NN_ERR_MEMORY : NN_ERR_STATE;
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* ---- scenarios: files ---- */

static unsigned char stored[1 << 14]; /* a trained model with its checkpoint */
static size_t stored_size;

/* A convolution and a norm on a picture of IN x 1, classes, scaling. */
static nn_tensor *stored_network(nn_model *m)
{
    nn_tensor *h = nn_conv2d(nn_input(m, IN, 1, 1), 2, .kernel_h = 2, .kernel_w = 1);
    h = nn_activate(nn_batch_norm(h), NN_RELU);
    return nn_dense(nn_flatten(h), 3, .activation = NN_SOFTMAX);
}

static nn_status train_to_store(nn_model *m, uint64_t seed)
{
    nn_data d;
    nn_status status = nn_data_from(&d, x, N, { IN, 1, 1 }, .labels = label);
    TRY(nn_standardise(&d));
    TRY(nn_shuffle(&d, seed));
    TRY(nn_compile(m, stored_network(m), .loss = NN_SPARSE_CROSS_ENTROPY));
    TRY(nn_fit(m, &d, .quiet = true));
    nn_data_free(&d);
    return status;
}

static void make_file(void)
{
    nn_model *m = nn_model_new(.seed = 7);
    check_ok(train_to_store(m, 7));
    check_ok(nn_save(m, .bytes = stored, .room = sizeof stored, .size = &stored_size,
                     .checkpoint = true));
    nn_model_free(m);
}

/* NULL is out of memory, if the sentence says so. */
static nn_status made(const nn_model *m)
{
    return m ? NN_OK : strstr(nn_last_error(), "memory") ? NN_ERR_MEMORY : NN_ERR_STATE;
}

/* What fails leaves the bytes alone, and the model. */
static nn_status save_to_memory(void)
{
    static unsigned char bytes[sizeof stored];
    nn_real before[N * 8];
    size_t size = 0;
    nn_model *m = nn_model_new(.seed = 7);
    nn_status status = train_to_store(m, 7);
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        memset(bytes, 0xEE, sizeof bytes);
        status =
            nn_save(m, .bytes = bytes, .room = sizeof bytes, .size = &size, .checkpoint = true);
        unchanged_at(m, before, N, __LINE__);
        for (size_t i = 0; status && i < sizeof bytes; i++) assert_int_equal(bytes[i], 0xEE);
    }
    TRY(nn_save(m, .size = &size));
    TRY(nn_export_c(m, .size = &size));
    nn_model_free(m);
    return status;
}

static nn_status load_a_model(void)
{
    nn_model *m = nn_load(.bytes = stored, .size = stored_size);
    nn_status status = made(m);
    TRY(nn_predict(m, y, x, N));
    nn_model_free(m);
    return status;
}

static nn_status load_and_train_on(void)
{
    nn_data d;
    nn_status status = nn_data_from(&d, x, N, { IN, 1, 1 }, .labels = label);
    nn_model *m = status ? NULL : nn_load(.bytes = stored, .size = stored_size);
    TRY(made(m));
    TRY(nn_fit(m, &d, .epochs = 2, .quiet = true));
    if (!status) assert_int_equal(m->history.epochs, 3);
    nn_model_free(m), nn_data_free(&d);
    return status;
}

/* What fails leaves the weights, and the model without scaling and names. */
static nn_status load_weights(void)
{
    nn_real before[N * 8];
    nn_model *m = nn_model_new(.seed = 8);
    nn_status status = nn_build(m, stored_network(m));
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        status = nn_load_weights(m, .bytes = stored, .size = stored_size);
        if (status) {
            unchanged_at(m, before, N, __LINE__);
            assert_string_equal(nn_class_name(m, 2), "2");
        } else assert_string_equal(nn_class_name(m, 2), "20");
    }
    TRY(nn_load_weights(m, .bytes = stored, .size = stored_size, .partial = true));
    nn_model_free(m);
    return status;
}

static nn_status views(void)
{
    nn_real before[N * 8];
    nn_model *m = nn_load(.bytes = stored, .size = stored_size), *view = NULL;
    nn_status status = made(m);
    TRY(nn_predict(m, before, x, N));
    if (!status) {
        view = nn_share(m);
        status = made(view);
        unchanged_at(m, before, N, __LINE__);
    }
    nn_model_free(m); /* the view keeps the weights */
    TRY(nn_predict(view, y, x, N));
    if (!status) assert_memory_equal(y, before, N * 3 * sizeof *y);
    nn_model_free(view);
    return status;
}

static nn_status npy_out_and_in(void)
{
    static unsigned char a[4096], b[4096];
    const int32_t whole[N] = { 4, 4, 7 };
    size_t size[2] = { 0, 0 };
    nn_data d;
    nn_status status = nn_save_npy(NULL, x, { N, IN }, .bytes = a, .room = sizeof a, .size = size);
    TRY(nn_save_npy(NULL, whole, { N }, .type = NN_TOKEN, .bytes = b, .room = sizeof b,
                    .size = size + 1));
    if (status) return status;
    status = nn_load_npy(&d, .x_bytes = a, .x_size = size[0], .y_bytes = b, .y_size = size[1]);
    nn_data_free(&d);
    return status;
}

/* ---- each of them beside an earlier model ---- */

typedef struct scenario {
    nn_status (*run)(void);
} scenario;

static nn_status beside_an_earlier_model(void *user)
{
    nn_real before[N * 8];
    nn_status status = NN_OK;
    nn_model *earlier = nn_model_new(.seed = 9);
    TRY(nn_build(earlier, network(earlier, 4)));
    TRY(nn_predict(earlier, before, x, N));
    if (!status) {
        status = ((const scenario *)user)->run();
        if (status == NN_ERR_MEMORY && !strstr(nn_last_error(), "memory"))
            fail_msg("the sentence does not speak of memory: %s", nn_last_error());
        unchanged_at(earlier, before, N, __LINE__);
    }
    nn_model_free(earlier);
    return status;
}

#define SCENARIO(name)                                                                             \
    static void name##_without_memory(void **state)                                                \
    {                                                                                              \
        scenario s = { name };                                                                     \
        (void)state;                                                                               \
        make_arrays(), make_file();                                                                \
        check_every_allocation(beside_an_earlier_model, &s);                                       \
    }
SCENARIO(build_everything)
SCENARIO(compile_all)
SCENARIO(fit_numbers)
SCENARIO(fit_classes)
SCENARIO(fit_validation_part)
SCENARIO(fit_fails_and_is_repeated)
SCENARIO(predict_and_evaluate)
SCENARIO(steps_by_hand)
SCENARIO(share)
SCENARIO(compile_again)
SCENARIO(add_a_layer)
SCENARIO(load_and_split)
SCENARIO(check_once_at_the_end)
SCENARIO(two_inputs)
SCENARIO(inspect)
SCENARIO(save_to_memory)
SCENARIO(load_a_model)
SCENARIO(load_and_train_on)
SCENARIO(load_weights)
SCENARIO(views)
SCENARIO(npy_out_and_in)

/* ---- how much training takes ---- */

static size_t peak; /* of bytes alive */
static void *allocate_and_look(void *user, size_t bytes)
{
    const check_memory *memory = (const check_memory *)user;
    void *block = check_allocate(user, bytes);
    if (memory->bytes > peak) peak = memory->bytes;
    return block;
}

/* P7 of the workbook with batches of 128, beside its data: training, its evaluations and one more
   take what nn_summary said, within 5 %. */
static void training_takes_what_the_summary_said(void **state)
{
    enum { IMAGES = 400, SIZE = 28 * 28 };
    static uint8_t pixels[IMAGES * SIZE];
    static int digit[IMAGES];
    check_memory memory = { 0, -1, 0, 0, 0 };
    nn_allocator allocator = { allocate_and_look, check_release, &memory };
    nn_data d;
    (void)state;
    for (int i = 0; i < IMAGES * SIZE; i++) pixels[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < IMAGES; i++) digit[i] = i % 10;
    check_ok(nn_data_from(&d, pixels, IMAGES, { 28, 28, 1 }, .type = NN_BYTE, .labels = digit));
    nn_set_allocator(&allocator);
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_conv2d(nn_input(m, 28, 28, 1), 32, 3, .activation = NN_RELU);
    h = nn_conv2d(nn_max_pool2d(h, 2), 64, 3, .activation = NN_RELU);
    h = nn_dense(nn_flatten(nn_max_pool2d(h, 2)), 128, .activation = NN_RELU);
    check_ok(nn_compile(m, nn_dense(h, 10, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam()));
    check_log_text[0] = 0;
    check_ok(nn_summary(m, 128));
    const char *takes = strstr(check_log_text, "training takes ");
    assert_non_null(takes);
    const double said = 1e6 * strtod(takes + strlen("training takes "), NULL);
    peak = 0;
    check_ok(nn_fit(m, &d, .batch_size = 128, .validation = &d, .quiet = true));
    check_ok(nn_evaluate(m, &d).status);
    print_message("P7 at batch 128: nn_summary said %.2f MB, the allocator's peak is %.2f MB\n",
                  said / 1e6, (double)peak / 1e6);
    check_close((double)peak, said, 0.05 * said);
    nn_model_free(m);
    assert_int_equal(memory.alive, 0);
    nn_set_allocator(NULL);
    nn_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_everything_without_memory),
        cmocka_unit_test(compile_all_without_memory),
        cmocka_unit_test(fit_numbers_without_memory),
        cmocka_unit_test(fit_classes_without_memory),
        cmocka_unit_test(fit_validation_part_without_memory),
        cmocka_unit_test(fit_fails_and_is_repeated_without_memory),
        cmocka_unit_test(predict_and_evaluate_without_memory),
        cmocka_unit_test(steps_by_hand_without_memory),
        cmocka_unit_test(share_without_memory),
        cmocka_unit_test(compile_again_without_memory),
        cmocka_unit_test(add_a_layer_without_memory),
        cmocka_unit_test(load_and_split_without_memory),
        cmocka_unit_test(check_once_at_the_end_without_memory),
        cmocka_unit_test(two_inputs_without_memory),
        cmocka_unit_test(inspect_without_memory),
        cmocka_unit_test(save_to_memory_without_memory),
        cmocka_unit_test(load_a_model_without_memory),
        cmocka_unit_test(load_and_train_on_without_memory),
        cmocka_unit_test(load_weights_without_memory),
        cmocka_unit_test(views_without_memory),
        cmocka_unit_test(npy_out_and_in_without_memory),
        cmocka_unit_test(training_takes_what_the_summary_said),
    };
    return cmocka_run_group_tests_name("memory", tests, silence, NULL);
}
