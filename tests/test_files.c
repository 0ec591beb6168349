/* Files: models as safetensors, arrays as npy, networks as C source. Round trips, training that goes
   on to the bit, what PyTorch and NumPy wrote, hostile files, memory and disks that fail, a program
   killed while it saves, threads.
     cc tests/test_files.c -lcmocka -lm && ./a.out */

#define _DEFAULT_SOURCE /* fsync, fork */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__)
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

/* File functions that fail: the one with number io_fail, counted from 0; and a letter for each call
   since then: open, write, flush, fsync, close, rename, get. */
static long io_count, io_fail = -1;
static char io_calls[16];
static bool io_renamed, io_failed_early; /* early: before the new file had its name */
static bool io_failed_to_close;

static int io_fails(char call)
{
    if (io_fail < 0) return 0;
    if (io_count < (long)sizeof io_calls - 1) io_calls[io_count] = call, io_calls[io_count + 1] = 0;
    if (io_count++ != io_fail) return 0;
    errno = ENOSPC;
    io_failed_early = !io_renamed;
    return 1;
}

static FILE *io_fopen(const char *path, const char *mode)
{
    return io_fails('o') ? NULL : fopen(path, mode);
}

static size_t io_fwrite(const void *from, size_t size, size_t n, FILE *file)
{
    return io_fails('w') ? 0 : fwrite(from, size, n, file);
}

static int io_read_failed;

static size_t io_fread(void *to, size_t size, size_t n, FILE *file)
{
    io_read_failed = io_fails('g');
    return io_read_failed ? 0 : fread(to, size, n, file);
}

static int io_ferror(FILE *file)
{
    return io_read_failed || ferror(file);
}

static int io_fflush(FILE *file)
{
    return io_fails('f') ? EOF : fflush(file);
}

static int io_fclose(FILE *file)
{
    int failed = io_fails('c'), status = fclose(file);
    if (failed) io_failed_to_close = true;
    return failed ? EOF : status;
}

static int io_rename(const char *from, const char *to)
{
    int failed = io_fails('r');
    io_renamed = !failed;
    return failed ? -1 : rename(from, to);
}

#if defined(__unix__)
static int io_fsync(int file)
{
    return io_fails('s') ? -1 : fsync(file);
}
#define fsync io_fsync
#endif
#define fopen io_fopen
#define fwrite io_fwrite
#define fread io_fread
#define ferror io_ferror
#define fflush io_fflush
#define fclose io_fclose
#define rename io_rename

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER
#include "check.h"
#include "reference/models.h"

#undef fopen
#undef fwrite
#undef fread
#undef fclose

static char folder[64], path[128];

/* The path of a file in the folder of this run. */
static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int silence(void **state)
{
    (void)state;
    nn_set_log(check_log, NULL);
    check_log_text[0] = 0;
    io_fail = -1;
    return 0;
}

/* A file as bytes, to be freed. */
static unsigned char *slurp(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    if (!f) fail_msg("cannot open %s", name);
    unsigned char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* A model as bytes, to be freed. */
static unsigned char *saved(const nn_model *m, size_t *size, bool checkpoint)
{
    check_ok(nn_save(m, .size = size, .checkpoint = checkpoint));
    unsigned char *bytes = malloc(*size);
    check_ok(nn_save(m, .bytes = bytes, .room = *size, .size = size, .checkpoint = checkpoint));
    return bytes;
}

static nn_real *inputs(int n, int size)
{
    nn_real *x = malloc((size_t)(n * size) * sizeof *x);
    for (int i = 0; i < n * size; i++) x[i] = (nn_real)(i % 7 - 3) / 4;
    return x;
}

/* ---- models ---- */

static nn_tensor *mlp(nn_model *m)
{
    nn_tensor *h = nn_dense(nn_input(m, 3), 5, .activation = NN_RELU);
    h = nn_dense(nn_dropout(h, 0.3), 4, .activation = NN_TANH);
    return nn_dense(h, 2, .activation = NN_SOFTMAX);
}

static nn_tensor *image(nn_model *m)
{
    nn_tensor *h = nn_flatten(nn_input(m, 2, 3, 2));
    return nn_dense(nn_dense(h, 3, .activation = NN_SIGMOID), 2);
}

static nn_tensor *cnn(nn_model *m)
{
    nn_tensor *h = nn_conv2d(nn_input(m, 8, 7, 2), 3, 3, .no_bias = true);
    h = nn_max_pool2d(nn_activate(nn_batch_norm(h), NN_RELU), 2);
    h = nn_conv2d(h, 4, .kernel_h = 2, .kernel_w = 1, .activation = NN_RELU);
    h = nn_avg_pool2d(nn_conv2d(h, 4, 3, .groups = 4, .padding = NN_SAME), 2, .stride = 1);
    h = nn_dense(nn_batch_norm(nn_flatten(h)), 5, .activation = NN_RELU);
    return nn_dense(nn_layer_norm(h), 2);
}

static nn_tensor *wide(nn_model *m)
{
    nn_tensor *h = nn_batch_norm(nn_conv2d(nn_input(m, 8, 7, 2), 3, 3, .stride = 2));
    return nn_dense(nn_activate(nn_batch_norm(nn_flatten(h)), NN_RELU), 2);
}

/* The rest of the layers of images: (2). */
static nn_tensor *windows(nn_model *m)
{
    nn_tensor *x = nn_input(m, 8, 7, 2), *c, *h;
    c = nn_conv2d(x, 4, .kernel_h = 4, .kernel_w = 3, .stride = 2, .padding = NN_SAME, .groups = 2);
    h = nn_batch_norm(c, .epsilon = 1e-3, .momentum = 0.5, .frozen = true);
    h = nn_layer_norm(nn_max_pool2d(h, 3, .stride = 1, .padding = NN_SAME), .epsilon = 0.1);
    h = nn_conv2d(h, 4, 1, .activation = NN_GELU, .l2 = 1e-3);
    h = nn_conv2d(h, 4, 1, .activation = NN_GELU, .share = h);
    h = nn_avg_pool2d(h, .size_h = 2, .size_w = 3, .padding = NN_SAME);
    return nn_dense(nn_concat(nn_global_max_pool2d(c), nn_global_avg_pool2d(h)), 2);
}

/* A compiled network for pictures (8, 7, 2), trained a little. */
static nn_model *trained(nn_tensor *(*make)(nn_model *m), nn_data *d)
{
    nn_real *x = inputs(9, 112), *t = inputs(9, 2);
    for (int i = 0; i < 9 * 112; i++) x[i] += (nn_real)(i * i % 11) / 8;
    check_ok(nn_data_from(d, x, 9, { 8, 7, 2 }, .targets = t, .target_shape = { 2 }));
    nn_model *m = nn_model_new(.seed = 5);
    check_ok(nn_compile(m, make(m), .loss = NN_MSE));
    check_ok(nn_fit(m, d, .epochs = 3, .batch_size = 4, .validation_fraction = 0.1, .quiet = true));
    free(x), free(t);
    return m;
}

/* Every kind of tensor, every activation, names, two inputs; output (7). */
static nn_tensor *everything(nn_model *m)
{
    const nn_real c[4] = { 1, 2, -3, (nn_real)0.1 }, mask[4] = { 0, -INFINITY, 0, 0 };
    nn_tensor *a = nn_input(m, 2, 4), *h = a, *first, *out;
    first = nn_dense(a, 4, .activation = NN_LEAKY_RELU, .alpha = 0.2, .name = "first \"layer\"");
    h = nn_dense(first, 4, .share = first, .activation = NN_SILU);
    h = nn_dense(h, 4, .no_bias = true, .init = NN_HE_NORMAL, .l2 = 1e-3, .frozen = true);
    h = nn_mul(nn_add(h, nn_parameter(m, 4, .name = "shift")), nn_constant(m, c, 4));
    for (int k = 0; k < NN_ACTIVATION_COUNT; k++) {
        nn_tensor *g = nn_activate(nn_scale(h, 0.5), (nn_activation)k);
        h = nn_add(h, g);
    }
    h = nn_batch_matmul(h, h, .transpose_b = true); /* (2, 2) */
    h = nn_scale(h, 0.1);
    h = nn_batch_matmul(nn_permute(h, 2, 1), nn_parameter(m, 2, 2), .transpose_a = true);
    nn_tensor *b = nn_input(m, 4, .name = "second input"); /* later than what it does not feed */
    b = nn_activate(nn_add(b, nn_constant(m, mask, 4)), NN_SOFTMAX);
    out =
        nn_concat(nn_flatten(h), nn_slice(b, 1, 1, 2), nn_sum(nn_mean(a, .axis = 1, .keep = true)));
    return nn_dropout(nn_reshape(out, 7), 0.1);
}

static void everything_data(nn_data *d, int n)
{
    nn_real *x = inputs(n, 8), *second = inputs(n, 4), *t = inputs(n, 7);
    check_ok(nn_data_from(d, x, n, { 2, 4 }, .targets = t, .target_shape = { 7 }));
    check_ok(nn_data_add_input(d, second, n, { 4 }));
    check_ok(nn_standardise(d));
    free(x), free(second), free(t);
}

/* ---- round trips ---- */

static void check_same(nn_model *a, nn_model *b, const nn_data *d)
{
    size_t n = (size_t)d->n * a->output->size, size_a, size_b;
    nn_real *y = malloc(n * sizeof *y), *z = malloc(n * sizeof *z);
    check_ok(nn_predict_data(a, y, d));
    check_ok(nn_predict_data(b, z, d));
    assert_memory_equal(y, z, n * sizeof *y);
    unsigned char *first = saved(a, &size_a, true), *second = saved(b, &size_b, true);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(first, second, size_a); /* all that can be saved is the same */
    free(y), free(z), free(first), free(second);
}

static void every_kind_of_tensor(void **state)
{
    (void)state;
    nn_data d;
    everything_data(&d, 9);
    for (int compiled = 0; compiled < 2; compiled++) {
        nn_model *m = nn_model_new(.seed = UINT64_MAX - 3);
        nn_tensor *y = everything(m);
        if (!compiled) check_ok(nn_build(m, y));
        if (compiled) {
            check_ok(nn_compile(m, y, .loss = NN_HUBER, .huber_delta = 0.7,
                                .optimizer = nn_rmsprop(.momentum = 0.5, .clip_norm = 2)));
            check_ok(nn_fit(m, &d, .epochs = 3, .batch_size = 4, .quiet = true));
        }
        check_ok(nn_save(m, in_folder("everything.safetensors"), .checkpoint = true));
        nn_model *again = nn_load(path);
        if (!again) fail_msg("%s", nn_last_error());
        check_same(m, again, &d);
        assert_int_equal(again->run->seed, UINT64_MAX - 3);
        assert_int_equal(again->run->tensors, m->run->tensors);
        for (int i = 0; i < m->run->tensors; i++) {
            const nn_tensor *t = m->run->tensor[i], *u = again->run->tensor[i];
            assert_ptr_equal(t->op, u->op);
            assert_int_equal(t->frozen, u->frozen);
            if (t->op != &nn__op_reshape) assert_string_equal(t->name, u->name);
        }
        nn_model *view = nn_share(again);
        if (!view) fail_msg("%s", nn_last_error());
        assert_ptr_equal(view->values, again->values);
        nn_real y1[9 * 7], y2[9 * 7];
        check_ok(nn_predict_data(m, y1, &d));
        nn_model_free(again); /* the view keeps the weights */
        check_ok(nn_predict_data(view, y2, &d));
        assert_memory_equal(y1, y2, sizeof y1);
        nn_model_free(view), nn_model_free(m);
    }
    nn_data_free(&d);
}

/* Convolutions, pools and norms: the same outputs, bytes and views. */
static void images(void **state)
{
    (void)state;
    nn_tensor *(*const make[])(nn_model *) = { cnn, wide, windows };
    for (int k = 0; k < 3; k++) {
        nn_data d;
        nn_model *m = trained(make[k], &d);
        check_ok(nn_save(m, in_folder("images.safetensors"), .checkpoint = true));
        nn_model *again = nn_load(path);
        if (!again) fail_msg("%s", nn_last_error());
        for (int i = 0; i < m->run->tensors; i++) {
            const nn_tensor *t = m->run->tensor[i], *u = again->run->tensor[i];
            assert_memory_equal(&t->window, &u->window, sizeof t->window);
            assert_int_equal(t->frozen, u->frozen);
            assert_true(t->number == u->number && t->epsilon == u->epsilon);
        }
        check_same(m, again, &d);
        check_ok(nn_fit(m, &d, .epochs = 2, .batch_size = 5, .quiet = true));
        check_ok(nn_fit(again, &d, .epochs = 2, .batch_size = 5, .quiet = true));
        assert_memory_equal(m->values, again->values, m->parameters * sizeof *m->values);
        nn_model *view = nn_share(again);
        if (!view) fail_msg("%s", nn_last_error());
        nn_real y[18], z[18];
        check_ok(nn_predict_data(m, y, &d));
        check_ok(nn_predict_data(view, z, &d));
        assert_memory_equal(y, z, sizeof y);
        nn_model_free(view), nn_model_free(again), nn_model_free(m), nn_data_free(&d);
    }
}

/* Every loss with every optimizer and schedule: what nn_compile was told comes back. */
static void settings(void **state)
{
    (void)state;
    nn_data d;
    everything_data(&d, 5);
    const nn_schedule schedule[] = {
        { .kind = NN_ADAPTIVE_RATE, .delta = 0.3 },
        { .kind = NN_STEP_DECAY, .every = 3, .gamma = 0.9, .by_epoch = true },
        { .kind = NN_ONE_CYCLE, .steps = 50, .rise = 0.2, .start_div = 5, .end_div = 7 },
        { .kind = NN_COSINE_DECAY, .warmup = 4, .min_lr = 1e-6 },
        { .kind = NN_REDUCE_ON_PLATEAU,
          .factor = 0.5,
          .patience = 1,
          .cooldown = 1,
          .min_delta = 9 },
    };
    for (size_t k = 0; k < sizeof schedule / sizeof *schedule; k++) {
        nn_optimizer o[] = { nn_adam(.lr = 1.0 / 3, .epsilon = 1e-300),
                             nn_sgd(.lr = 1e-4, .momentum = 0.3), nn_adamw(.weight_decay = 0.2),
                             nn_sgd(.lr = 1e-4, .clip_value = 3), nn_rmsprop() };
        nn_model *m = nn_model_new();
        o[k].schedule = schedule[k];
        check_ok(nn_compile(m, everything(m), .loss = k % 2 ? NN_MAE : NN_MSE, .optimizer = o[k],
                            .top_k = (int)k));
        check_ok(nn_fit(m, &d, .epochs = 4, .batch_size = 2, .quiet = true));
        size_t size;
        unsigned char *bytes = saved(m, &size, true);
        nn_model *again = nn_load(.bytes = bytes, .size = size);
        if (!again) fail_msg("%s", nn_last_error());
        const nn__run *r = m->run, *s = again->run;
        assert_memory_equal(&r->optimizer.lr, &s->optimizer.lr, sizeof(double));
        assert_int_equal(r->optimizer.schedule.kind, s->optimizer.schedule.kind);
        assert_int_equal(r->loss, s->loss);
        assert_int_equal(r->top_k, s->top_k);
        assert_true(nn_learning_rate(m) == nn_learning_rate(again));
        assert_int_equal(again->updates, 12);
        assert_int_equal(again->history.epochs, 4);
        assert_memory_equal(m->history.epoch, again->history.epoch, 4 * sizeof(nn_epoch));
        check_same(m, again, &d);
        check_ok(nn_fit(m, &d, .epochs = 2, .batch_size = 2, .quiet = true));
        check_ok(nn_fit(again, &d, .epochs = 2, .batch_size = 2, .quiet = true));
        for (int e = 4; e < 6; e++)
            m->history.epoch[e].seconds = again->history.epoch[e].seconds = 0;
        check_same(m, again, &d);
        nn_model_free(m), nn_model_free(again), free(bytes);
    }
    nn_data_free(&d);
}

static int stop_at_epoch_5(nn_model *m, void *user)
{
    (void)user;
    return m->epoch == 5;
}

/* Ten epochs are five, save, load, five: dropout, shuffle, momenta, a schedule over all ten. */
static void training_goes_on(void **state)
{
    (void)state;
    nn_data iris;
    check_ok(nn_load_csv(&iris, "datasets/iris.csv", .label = "species"));
    check_ok(nn_standardise(&iris));
    for (int k = 0; k < 2; k++) {
        nn_model *whole = NULL, *half = NULL;
        for (int part = 0; part < 2; part++) {
            nn_model *m = nn_model_new(.seed = 7);
            nn_tensor *h = nn_dropout(nn_dense(nn_input(m, 4), 9, .activation = NN_GELU), 0.4);
            if (k) h = nn_batch_norm(h);
            check_ok(nn_compile(
                m, nn_dense(h, 3, .activation = NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY,
                .optimizer = nn_adam(.lr = 0.02,
                                     .schedule = { .kind = k ? NN_COSINE_DECAY : NN_ONE_CYCLE })));
            check_ok(nn_fit(m, &iris, .epochs = 10, .batch_size = 16, .quiet = true,
                            .on_epoch = part ? stop_at_epoch_5 : NULL));
            *(part ? &half : &whole) = m;
        }
        assert_int_equal(half->history.epochs, 5);
        check_ok(nn_save(half, in_folder("half.safetensors"), .checkpoint = true));
        nn_model_free(half);
        half = nn_load(path);
        if (!half) fail_msg("%s", nn_last_error());
        check_ok(nn_fit(half, &iris, .epochs = 5, .batch_size = 16, .quiet = true));
        assert_memory_equal(whole->values, half->values, whole->parameters * sizeof(nn_real));
        assert_memory_equal(whole->run->state2, half->run->state2,
                            whole->parameters * sizeof(nn_real));
        for (int e = 0; e < 10; e++) {
            assert_true(whole->history.epoch[e].loss == half->history.epoch[e].loss);
            assert_true(whole->history.epoch[e].lr == half->history.epoch[e].lr);
        }
        assert_string_equal(nn_class_name(half, 2), "virginica");
        nn_model_free(whole), nn_model_free(half);
    }
    nn_data_free(&iris);
}

/* The same with images: convolutions, norms, augmented pictures in another order in each epoch, a
   rate that falls with the loss of other pictures. */
static void training_of_images_goes_on(void **state)
{
    (void)state;
    nn_model *m[2];
    for (int part = 0; part < 2; part++) {
        nn_data d;
        nn_model_free(trained(cnn, &d)); /* for its data */
        m[part] = nn_model_new(.seed = 11);
        check_ok(nn_compile(m[part], cnn(m[part]), .loss = NN_MSE,
                            .optimizer = nn_sgd(.lr = 0.05, .momentum = 0.9,
                                                .schedule = { .kind = NN_REDUCE_ON_PLATEAU,
                                                              .patience = 1,
                                                              .factor = 0.5 })));
        for (int epochs = part ? 5 : 10, n = 0; n < 10; n += epochs) {
            if (n > 0) check_ok(nn_save(m[1], in_folder("half"), .checkpoint = true));
            if (n > 0) nn_model_free(m[1]), m[1] = nn_load(path);
            if (!m[part]) fail_msg("%s", nn_last_error());
            check_ok(nn_fit(m[part], &d, .epochs = epochs, .batch_size = 4, .quiet = true,
                            .validation_fraction = 0.25,
                            .augment = { .shift = 1, .rotate = 20, .noise = 0.1, .flip = true }));
        }
        nn_data_free(&d);
    }
    assert_memory_equal(m[0]->values, m[1]->values, m[0]->parameters * sizeof(nn_real));
    bool fell = false;
    for (int e = 0; e < 10; e++) {
        const nn_epoch *a = &m[0]->history.epoch[e], *b = &m[1]->history.epoch[e];
        assert_true(a->loss == b->loss && a->val_loss == b->val_loss && a->lr == b->lr);
        fell = fell || (e > 4 && a->lr < 0.05);
    }
    assert_true(fell);
    nn_model_free(m[0]), nn_model_free(m[1]);
}

/* Names that JSON must escape; labels that are no UTF-8 and names that are there twice. */
static void names(void **state)
{
    (void)state;
    nn_data d;
    size_t size;
    const char *odd = "\xc3\xa4\t\"\\ \xf0\x9f\x8c\xb8";
    const char *const csv[] = { "a,k\n1,\"\xc3\xa4\t\"\"\\ \xf0\x9f\x8c\xb8\"\n2,z\n",
                                "a,k\n1,\xe4\n2,z\n" };
    for (int k = 0; k < 2; k++) {
        check_ok(
            nn_load_csv(&d, "text", .label = "k", .text = csv[k], .text_size = strlen(csv[k])));
        nn_model *m = nn_model_new();
        nn_tensor *y =
            nn_dense(nn_input(m, 1), 2, .activation = NN_SOFTMAX, .name = k ? NULL : "\xc3\xa4");
        check_ok(nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY));
        check_ok(nn_fit(m, &d, .quiet = true));
        if (k) check_fails(nn_save(m, .size = &size), NN_ERR_ARGUMENT, "not UTF-8");
        if (!k) {
            unsigned char *bytes = saved(m, &size, false);
            nn_model *again = nn_load(.bytes = bytes, .size = size);
            if (!again) fail_msg("%s", nn_last_error());
            assert_string_equal(nn_class_name(again, 1), odd);
            assert_string_equal(again->output->name, "\xc3\xa4");
            assert_int_equal(again->history.epochs, 0); /* no checkpoint */
            assert_int_equal(again->updates, 0);
            check_ok(nn_evaluate(again, &d).status);
            nn_model_free(again), free(bytes);
        }
        nn_model_free(m), nn_data_free(&d);
    }
    nn_model *m = nn_model_new();
    nn_tensor *h = nn_dense(nn_input(m, 2), 2, .name = "twin");
    check_fails(nn_save(m, "unbuilt"), NN_ERR_STATE, "call nn_compile or nn_build first");
    check_ok(nn_build(m, nn_dense(h, 2, .name = "twin")));
    check_fails(nn_save(m, .size = &size), NN_ERR_ARGUMENT, "both be called 'twin.weight'");
    nn_model_free(m);
    check_fails(nn_save(NULL, "none"), NN_ERR_ARGUMENT, "the model is NULL");
}

/* ---- PyTorch and NumPy: models.h has what they wrote ---- */

static void check_outputs(nn_model *m, const double *expected, int size, double tolerance)
{
    nn_real *x = inputs(4, size), y[8];
    check_ok(nn_predict(m, y, x, 4));
    for (int i = 0; i < 8; i++) check_close(y[i], expected[i], tolerance);
    free(x);
}

static void files_of_pytorch(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(), *g = nn_model_new();
    check_ok(nn_build(m, mlp(m)));
    check_ok(nn_build(g, image(g)));
    check_ok(nn_load_weights(m, .bytes = mlp_file, .size = sizeof mlp_file));
    check_outputs(m, mlp_outputs, 3, 1e-6);
    check_ok(nn_load_weights(m, .bytes = mlp_half_file, .size = sizeof mlp_half_file));
    check_outputs(m, mlp_half_outputs, 3, 1e-6);
    check_ok(nn_load_weights(m, .bytes = mlp_bfloat_file, .size = sizeof mlp_bfloat_file));
    check_outputs(m, mlp_bfloat_outputs, 3, 1e-6);
    check_ok(nn_load_weights(m, .bytes = mlp_double_file, .size = sizeof mlp_double_file));
    check_outputs(m, mlp_outputs, 3, 1e-6);
    check_ok(nn_load_weights(g, .bytes = image_file, .size = sizeof image_file));
    check_outputs(g, image_outputs, 12, 1e-6); /* channels first there, last here */
    nn_model *c = nn_model_new();
    check_ok(nn_build(c, cnn(c)));
    check_ok(nn_load_weights(c, .bytes = cnn_file, .size = sizeof cnn_file));
    check_outputs(c, cnn_outputs, 112, 1e-5);
    nn_model_free(c);

    check_fails(nn_load_weights(g, "a", .bytes = mlp_file, .size = sizeof mlp_file), NN_ERR_SHAPE,
                "has no tensor '1.weight'; the model (line ");
    nn_real before = m->values[0];
    nn_model *wide = nn_model_new();
    nn_tensor *h = nn_dense(nn_input(wide, 3), 6, .activation = NN_RELU);
    check_ok(nn_build(wide, nn_dense(nn_dropout(h, 0.3), 4)));
    check_fails(nn_load_weights(wide, "a", .bytes = mlp_file, .size = sizeof mlp_file),
                NN_ERR_SHAPE, "'0.weight' has shape (5, 3) in the file, but (6, 3) in the model");
    nn_model_free(wide);
    nn_model *shorter = nn_model_new();
    h = nn_dense(nn_input(shorter, 3), 5, .activation = NN_RELU);
    check_ok(nn_build(shorter, nn_dense(nn_dropout(h, 0.3), 4)));
    check_fails(nn_load_weights(shorter, "a", .bytes = mlp_file, .size = sizeof mlp_file),
                NN_ERR_SHAPE, "its tensor '5.bias' has no counterpart");
    check_ok(nn_load_weights(shorter, .partial = true, .bytes = mlp_file, .size = sizeof mlp_file));
    assert_true(shorter->values[0] == before);
    check_fails(nn_load_weights(g, "a", .partial = true, .bytes = "\2\0\0\0\0\0\0\0{}", .size = 10),
                NN_ERR_SHAPE, "no tensor has the name of a parameter");
    if (nn_load("a", .bytes = mlp_file, .size = sizeof mlp_file)) fail();
    assert_non_null(strstr(nn_last_error(), "no graph (nn.model); build the layers"));
    nn_model_free(m), nn_model_free(g), nn_model_free(shorter);
}

/* What PyTorch shall read: it does, where Python has it. */
static void files_for_pytorch(void **state)
{
    (void)state;
    char command[256];
    const char *python = getenv("PYTHON") ? getenv("PYTHON") : "python3";
    struct {
        const char *name;
        nn_tensor *(*make)(nn_model *m);
        int size;
    } model[] = {
        { "mlp", mlp, 3 }, { "image", image, 12 }, { "cnn", cnn, 112 }, { "wide", wide, 112 }
    };
    for (int k = 0; k < 4; k++) {
        char name[32];
        nn_data d = { 0 };
        nn_model *m = k < 2 ? nn_model_new(.seed = 5) : trained(model[k].make, &d);
        if (k < 2) check_ok(nn_build(m, model[k].make(m)));
        snprintf(name, sizeof name, "%s.safetensors", model[k].name);
        check_ok(nn_save(m, in_folder(name)));
        nn_real *x = inputs(4, model[k].size), y[8];
        check_ok(nn_predict(m, y, x, 4));
        snprintf(name, sizeof name, "%s.npy", model[k].name);
        check_ok(nn_save_npy(in_folder(name), y, { 4, 2 }));
        nn_model_free(m), free(x), nn_data_free(&d);
    }
    nn_data d;
    nn_real *x = inputs(6, 3);
    const int label[6] = { 0, 1, 1, 0, 1, 0 };
    check_ok(nn_data_from(&d, x, 6, { 3 }, .labels = label));
    nn_model *m = nn_model_new();
    check_ok(nn_compile(m, mlp(m), .loss = NN_SPARSE_CROSS_ENTROPY));
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    check_ok(nn_save(m, in_folder("trained.safetensors")));
    check_ok(nn_save(m, in_folder("checkpoint.safetensors"), .checkpoint = true));
    nn_model_free(m), nn_data_free(&d), free(x);
    snprintf(command, sizeof command, "%s -c 'import torch, numpy' 2>/dev/null", python);
    if (system(command) != 0) skip();
    snprintf(command, sizeof command, "%s tests/reference/make_models.py check %s >%s/python 2>&1",
             python, folder, folder);
    if (system(command) != 0) {
        size_t size;
        unsigned char *said = slurp(in_folder("python"), &size);
        fail_msg("%.*s", (int)size, (const char *)said);
    }
}

/* ---- npy ---- */

#define NPY(name) npy_##name, sizeof npy_##name

static void check_npy_bytes(const void *values, const int *shape, nn_type type,
                            const unsigned char *expected, size_t size)
{
    unsigned char bytes[1024];
    nn_save_npy_args args = {
        .values = values, .type = type, .bytes = bytes, .room = sizeof bytes
    };
    size_t used = 0;
    memcpy(args.shape, shape, sizeof args.shape);
    args.size = &used;
    check_ok(nn_save_npy_make(args));
    assert_int_equal(used, size);
    assert_memory_equal(bytes, expected, size);
}

static void npy_out(void **state)
{
    (void)state;
    const nn_real x[6] = { 0, 1, 2, 3, 4, 5 };
    const uint8_t b[4] = { 0, 1, 2, 255 };
    const int32_t t[8] = { -4, -3, -2, -1, 0, 1, 2, 3 };
    size_t size;
    unsigned char bytes[256];
    if (sizeof(nn_real) == 4) {
        check_npy_bytes(x, (int[5]){ 2, 3 }, NN_REAL, NPY(f4_2x3));
        check_npy_bytes(x, (int[5]){ 3 }, NN_REAL, NPY(f4_3));
        check_npy_bytes(x + 1, (int[5]){ 0 }, NN_REAL, NPY(f4_scalar));
    }
    check_npy_bytes(b, (int[5]){ 4 }, NN_BYTE, NPY(u1_4));
    check_npy_bytes(t, (int[5]){ 2, 2, 2 }, NN_TOKEN, NPY(i4_2x2x2));
    check_fails(nn_save_npy("a", NULL, { 3 }), NN_ERR_ARGUMENT, "needs values");
    check_fails(nn_save_npy("a", x, { 2, -3 }), NN_ERR_ARGUMENT, "positive sizes");
    check_fails(nn_save_npy(NULL, x, { 3 }), NN_ERR_ARGUMENT, "no path; give one, or .bytes");
    memset(bytes, 0xee, sizeof bytes);
    check_fails(nn_save_npy(NULL, x, { 3 }, .bytes = bytes, .room = 99, .size = &size),
                NN_ERR_ARGUMENT, "bytes, .room is 99");
    for (size_t i = 99; i < sizeof bytes; i++) assert_int_equal(bytes[i], 0xee); /* not behind it */
}

static void npy_in(void **state)
{
    (void)state;
    static const struct {
        const unsigned char *bytes;
        size_t size;
    } any[] = {
        { NPY(any_f2_little) }, { NPY(any_f2_big) },    { NPY(any_f8_little) },
        { NPY(any_f8_big) },    { NPY(any_i1_little) }, { NPY(any_i2_little) },
        { NPY(any_i2_big) },    { NPY(any_i4_little) }, { NPY(any_i4_big) },
        { NPY(any_i8_little) }, { NPY(any_i8_big) },    { NPY(any_b1_little) },
        { NPY(any_u2_little) }, { NPY(any_u2_big) },    { NPY(any_u4_little) },
        { NPY(any_u4_big) },    { NPY(any_u8_little) }, { NPY(any_u8_big) },
    };
    const double base[6] = { 0, 1, 2, 100, 27, -3 };
    nn_data d;
    for (size_t k = 0; k < sizeof any / sizeof *any; k++) {
        bool is_bool = k == 11, is_unsigned = k > 11;
        check_ok(nn_load_npy(&d, "a", .x_bytes = any[k].bytes, .x_size = any[k].size));
        assert_int_equal(d.n, 2);
        assert_int_equal(d.x[0].type, NN_REAL);
        for (int i = 0; i < 6; i++)
            check_close(nn_data_value(&d, 0, i / 3, (size_t)(i % 3)),
                        is_bool       ? base[i] != 0
                        : is_unsigned ? fabs(base[i])
                                      : base[i],
                        0);
        nn_data_free(&d);
    }
    check_ok(nn_load_npy(&d, .x_bytes = npy_f4_2x3_fortran, .x_size = sizeof npy_f4_2x3_fortran));
    for (int i = 0; i < 6; i++) check_close(nn_data_value(&d, 0, i / 3, (size_t)(i % 3)), i, 0);
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, .x_bytes = npy_fortran_3d, .x_size = sizeof npy_fortran_3d));
    assert_int_equal(d.x[0].dim[1], 4);
    for (int i = 0; i < 24; i++) check_close(nn_data_value(&d, 0, i / 12, (size_t)(i % 12)), i, 0);
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, .x_bytes = npy_version2, .x_size = sizeof npy_version2));
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, .x_bytes = npy_version3, .x_size = sizeof npy_version3));
    check_close(nn_data_value(&d, 0, 1, 2), 5, 0);
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, .x_bytes = npy_u1_4, .x_size = sizeof npy_u1_4)); /* bytes: 0 to 1 */
    assert_int_equal(d.x[0].type, NN_BYTE);
    check_close(nn_data_value(&d, 0, 3, 0), 1, 1e-7);
    nn_data_free(&d);
}

static void npy_data_sets(void **state)
{
    (void)state;
    const nn_real x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const int32_t label[4] = { 7, 3, 3, 9 };
    nn_data d;
    char px[128], py[128];
    snprintf(px, sizeof px, "%s", in_folder("X.npy"));
    snprintf(py, sizeof py, "%s", in_folder("y.npy"));
    check_ok(nn_save_npy(px, x, { 4, 2 }));
    check_ok(nn_save_npy(py, label, { 4 }, .type = NN_TOKEN));
    check_ok(nn_load_npy(&d, px, py));
    assert_int_equal(d.classes, 3);
    assert_string_equal(d.class_name[2], "9");
    assert_int_equal(nn_data_label(&d, 0), 1);
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, px, py, .numbers = true));
    assert_int_equal(d.classes, 0);
    check_close(((nn_real *)d.y.values)[3], 9, 0);
    nn_data_free(&d);
    check_ok(nn_load_npy(&d, py, px, .tokens = true)); /* targets (2) of tokens */
    assert_int_equal(d.x[0].type, NN_TOKEN);
    assert_int_equal(((int32_t *)d.x[0].values)[3], 9);
    assert_int_equal(d.y.size, 2);
    nn_data_free(&d);
    check_fails(nn_load_npy(&d, px, .y_bytes = npy_f4_3, .y_size = sizeof npy_f4_3), NN_ERR_SHAPE,
                "has 4 samples");
    const nn_real half[1] = { 0.5 };
    check_ok(nn_save_npy(px, half, { 1 }));
    check_fails(nn_load_npy(&d, px, .tokens = true), NN_ERR_DATA, "entry 0 is 0.5; tokens");
    check_fails(nn_load_npy(&d, in_folder("none.npy")), NN_ERR_FILE, "cannot open");
    check_fails(nn_load_npy(&d, NULL), NN_ERR_ARGUMENT, "the path is NULL");
    check_fails(nn_load_npy(&d, folder), NN_ERR_FILE, "is it a file?");
}

/* ---- hostile files ---- */

static unsigned char hostile[16384];

/* A header and n bytes of data. */
static size_t tensors(const char *header, size_t length, size_t n)
{
    memset(hostile, 0, sizeof hostile);
    for (int i = 0; i < 8; i++) hostile[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(hostile + 8, header, length);
    return 8 + length + n;
}

typedef struct bad_tensors {
    const char *header;
    size_t data;
    const char *words;
} bad_tensors;

#define T(shape, from, to)                                                                         \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"
#define NAME_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const bad_tensors bad[] = {
    { "", 0, "'{' is missing" },
    { "[]", 0, "'{' is missing" },
    { "{", 0, "a string is missing" },
    { "{}x", 0, "text follows the closing bracket" },
    { "{\"a\"}", 0, "':' is missing" },
    { "{\"a\":1}", 0, "'{' is missing" },
    { "{\"a\":{}}", 0, "an array lacks its type" },
    { "{\"a\":" T("[1]", "0", "4") ",}", 4, "a string is missing" },
    { "{\"a\":" T("[1]", "0", "4") "]", 4, "',' is missing" },
    { "{\"a\":" T("[1]", "0", "4") "\"b\"", 4, "',' is missing" },
    { "{\"a\":" T("[1]", "0", "4") ",\"a\":" T("[1]", "4", "8") "}", 8,
      "two tensors are called 'a'" },
    { "{\"a\":" T("[1]", "0", "4") ",\"\\u0061\":" T("[1]", "4", "8") "}", 8, "are called 'a'" },
    { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "an array has a key twice" },
    { "{\"a\":{\"dtype\":\"F32\",\"strides\":[]}}", 0, "or one that is not known" },
    { "{\"a\":{\"dtype\":\"F4\"}}", 0, "this type of numbers" },
    { "{\"a\":{\"dtype\":32}}", 0, "a string is missing" },
    { "{\"a\":" T("4", "0", "4") "}", 4, "'[' is missing" },
    { "{\"a\":" T("[-1]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[1.0]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[1e0]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[01]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[null]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[[1]]", "0", "4") "}", 4, "no whole number" },
    { "{\"a\":" T("[18446744073709551616]", "0", "4") "}", 4, "a number is too large" },
    { "{\"a\":" T("[18446744073709551615]", "0", "4") "}", 4, "a shape is too large" },
    { "{\"a\":" T("[2147483647,2147483647,2147483647]", "0", "4") "}", 4, "a shape is too large" },
    { "{\"a\":" T("[65536,65536,65536,65536]", "0", "0") "}", 0, "a shape is too large" },
    { "{\"a\":" T("[2147483647,2147483647,2]", "0", "4") "}", 4, "a shape is too large" },
    { "{\"a\":" T("[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "an array of sizes is too long" },
    { "{\"a\":" T("[1]", "0", "4,8") "}", 4, "an array of sizes is too long" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", 4, "lacks its type" },
    { "{\"a\":" T("[1]", "4", "0") "}", 4, "do not fit dtype and shape" },
    { "{\"a\":" T("[2]", "0", "4") "}", 4, "do not fit dtype and shape" },
    { "{\"a\":" T("[1]", "0", "4") "}", 5, "it is too long" },
    { "{\"a\":" T("[1]", "0", "4") "}", 3, "it is truncated" },
    { "{\"a\":" T("[1]", "4", "8") "}", 8, "begin at 4, but those before it end at 0" },
    { "{\"a\":" T("[1]", "0", "4") ",\"b\":" T("[1]", "0", "4") "}", 4, "begin at 0" },
    { "{\"a\":" T("[1]", "0", "4") ",\"b\":" T("[1]", "8", "12") "}", 12, "end at 4" },
    { "{\"" NAME_64 NAME_64 NAME_64 NAME_64 "\":" T("[1]", "0", "4") "}", 4, "a name is too long" },
    { "{\"a\\u0001\":" T("[1]", "0", "4") "}", 4, "a name has a control character" },
    { "{\"a\\u0000b\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\nb\":" T("[1]", "0", "4") "}", 4, "has a control character" },
    { "{\"a\\x\":" T("[1]", "0", "4") "}", 4, "a wrong escape" },
    { "{\"a\\u00g1\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\\ud800\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\\udc00\\ud800\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\\ud800\\u0041\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\\ud800\\ue000\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"a\\ud800xxdc00\":" T("[1]", "0", "4") "}", 4, "a \\u is no character" },
    { "{\"\xe0\x9f\xbf\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xf0\x8f\xbf\xbf\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xf4\x90\x80\x80\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xff\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xc0\x80\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xed\xa0\x80\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"\xf5\x80\x80\x80\":" T("[1]", "0", "4") "}", 4, "not UTF-8" },
    { "{\"a", 0, "a string is not closed" },
    { "{\"a\\", 0, "a wrong escape" },
    { "{\"a\\u12", 0, "a \\u is no character" },
    { "{\"__metadata__\":[]}", 0, "'{' is missing" },
    { "{\"__metadata__\":{\"a\":1}}", 0, "a string is missing" },
    { "{\"__metadata__\":{\"a\":{}}}", 0, "a string is missing" },
    { "{\"__metadata__\":{\"nn.data\":\"1\",\"nn.data\":\"2\"}}", 0, "a note of nn.h comes twice" },
    { "{\"__metadata__\":{\"a\":\"1\"},\"__metadata__\":{\"b\":\"2\"}}", 0,
      "__metadata__ comes twice" },
    { "{\"__metadata__\":{\"nn.model\":\"{}\"}}", 0, "there is no such output" },
    { "{\"__metadata__\":{\"nn.model\":\"{\\\"version\\\":2}\"}}", 0, "outside its range" },
    { "{\"__metadata__\":{\"nn.model\":\"{\\\"new\\\":2}\"}}", 0, "get a newer one" },
};

static void hostile_tensors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t size = tensors(bad[i].header, strlen(bad[i].header), bad[i].data);
        unsigned char *exact = malloc(size); /* so that a read behind its end is seen */
        memcpy(exact, hostile, size);
        if (nn_load("bad", .bytes = exact, .size = size)) fail_msg("%s was loaded", bad[i].header);
        if (!strstr(nn_last_error(), bad[i].words))
            fail_msg("%s: expected '%s', got: %s", bad[i].header, bad[i].words, nn_last_error());
        free(exact);
    }
    for (size_t n = 0; n < 8; n++) {
        if (nn_load("bad", .bytes = hostile, .size = n)) fail();
        assert_non_null(strstr(nn_last_error(), "or of another kind"));
    }
    memset(hostile, 0xff, 8);
    if (nn_load("bad", .bytes = hostile, .size = 100)) fail();
    assert_non_null(strstr(nn_last_error(), "should have 18446744073709551615 bytes"));
    tensors("{}", 2, 0);
    if (nn_load("bad", .bytes = hostile, .size = 10, .header_limit = 1)) fail();
    assert_non_null(strstr(nn_last_error(), "the limit is 1"));
    size_t size = tensors("{\"a\0b\":{}}", 10, 0); /* a NUL byte in the text */
    if (nn_load("bad", .bytes = hostile, .size = size)) fail();
    assert_non_null(strstr(nn_last_error(), "control character"));
    if (nn_load(in_folder("none"))) fail();
    assert_non_null(strstr(nn_last_error(), "cannot open"));
    if (nn_load(folder)) fail();
    assert_non_null(strstr(nn_last_error(), "is it a file?"));
    if (nn_load(NULL)) fail();
    assert_non_null(strstr(nn_last_error(), "the path is NULL"));
}

/* What stands between {"layers":[ and ],"output":1}, with a tensor 0.weight (1, 2). */
static const char *const bad_graphs[][2] = {
    { "", "there is no such output" },
    { "{}", "does not know" },
    { "{'op':'input','shape':[2]}", "there is no such output" },
    { "{'op':'exec','shape':[2]}", "does not know" },
    { "{'op':'input','shape':[2],'colour':1}", "does not know what stands there" },
    { "{'op':'input','shape':[2],'shape':3}", "'[' is missing" },
    { "{'op':'input','shape':[-2]}", "no whole number" },
    { "{'op':'input','shape':[2.5]}", "no whole number" },
    { "{'op':'input','shape':[1e999]}", "no whole number" },
    { "{'op':'input','shape':[2147483647]}", "a number is outside its range" },
    { "{'op':'input','shape':[1,1,1,1,1]}", "too long" },
    { "{'op':'input','shape':[65536,65536]}", "is not a size" },
    { "{'op':'input','shape':[2,0,2]}", "is not a size" },
    { "{'op':'input'},{'op':'dense','in':[0],'shape':[1]}", "needs at least one unit" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[1],'shape':[1]}",
      "takes one that comes later" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[18446744073709551615]}", "comes later" },
    { "{'op':'input','shape':[2]},{'op':'dense','shape':[1]}", "a layer lacks an input" },
    { "{'op':'input','shape':[2]},{'op':'add','in':[0],'shape':[2]}", "a layer lacks an input" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[]}", "needs at least one unit" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1,1]}", "another shape than" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1],'share':3}", "comes later" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1],'share':1}", "is not one" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1],'activation':99}",
      "outside its range" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1],'init':99}",
      "outside its range" },
    { "{'op':'input','shape':[2]},{'op':'dropout','in':[0],'shape':[2],'number':1}",
      "the rate is 1" },
    { "{'op':'input','shape':[2]},{'op':'slice','in':[0],'shape':[1],'start':2}", "leave axis 1" },
    { "{'op':'input','shape':[2]},{'op':'slice','in':[0],'shape':[1],'axis':[2147483646]}",
      "no axis" },
    { "{'op':'input','shape':[2]},{'op':'permute','in':[0],'shape':[2],'axis':[3]}", "no order" },
    { "{'op':'input','shape':[2]},{'op':'reshape','in':[0],'shape':[3]}", "which is 2 entries" },
    { "{'op':'input','shape':[2]},{'op':'concat','in':[0,0],'shape':[4],'axis':[1]}", "no axis 2" },
    { "{'op':'input','shape':[2]},{'op':'sum','in':[0],'axis':[5]}", "no axis 6" },
    { "{'op':'input','shape':[2]},{'op':'constant','shape':[65536,32767]}", "constant" },
    { "{'op':'input','shape':[2]},{'op':'parameter','shape':[2]}", "no tensor 'parameter1'" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[46000]}", "no tensor|has shape" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1],'no_bias':2}",
      "outside its range" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1]},", "'{' is missing" },
    { "{'op':'input','shape':[2]},{'op':'dense','in':[0],'shape':[1]}", "no tensor '0.bias'" },
    { "{'op':'input','shape':[3]},{'op':'dense','in':[0],'shape':[1],'no_bias':true}",
      "has shape (1, 2)" },
    { "{'op':'input','shape':[2]},{'op':'input','shape':[2]}", "has no counterpart in the model" },
};

/* Loads a file of this header, with " for ' in its notes, which stand in JSON strings. */
static void check_header(const char *text, size_t data, const char *shown, const char *expected)
{
    char quoted[2048], words[64], *to = quoted;
    for (; *text; text++) {
        if (*text == '\'') *to++ = '\\';
        *to++ = *text;
        if (*text == '\'') to[-1] = '"';
    }
    size_t size = tensors(quoted, (size_t)(to - quoted), data);
    if (nn_load("bad", .bytes = hostile, .size = size)) fail_msg("loaded: %s", shown);
    snprintf(words, sizeof words, "%s", expected);
    char *other = strchr(words, '|');
    if (other) *other++ = 0;
    if (!strstr(nn_last_error(), words) && !(other && strstr(nn_last_error(), other)))
        fail_msg("%s: expected '%s', got: %s", shown, words, nn_last_error());
}

static void hostile_graphs(void **state)
{
    (void)state;
    char text[1024];
    for (size_t i = 0; i < sizeof bad_graphs / sizeof *bad_graphs; i++) {
        snprintf(text, sizeof text,
                 "{\"__metadata__\":{\"nn.model\":\"{'layers':[%s],"
                 "'output':1}\"},\"0.weight\":" T("[1,2]", "0", "8") "}",
                 bad_graphs[i][0]);
        check_header(text, 8, bad_graphs[i][0], bad_graphs[i][1]);
    }
}

/* nn.data of a model with one input of 3 numbers. */
static const char *const bad_learned[][2] = {
    { "", "'{' is missing" },
    { "{'classes':[3]}", "a string is missing" },
    { "{'classes':['a'}", "',' is missing" },
    { "{'labels':['a']}", "get a newer one" },
    { "{'scaling':[1,2]}", "'[' is missing" },
    { "{'scaling':[['a']]}", "a number is missing" },
    { "{'scaling':[[1]]}", "a scaling has another size" },
    { "{'scaling':[[1,2,3,4]]}", "a scaling has another size" },
    { "{'scaling':[[1,2,3,4,5,6,7,8]]}", "a scaling has another size" },
    { "{'scaling':[[1,2],[1,2]]}", "a scaling has another size" },
};

static void hostile_notes(void **state)
{
    (void)state;
    char text[1024];
    for (size_t i = 0; i < sizeof bad_learned / sizeof *bad_learned; i++) {
        snprintf(
            text, sizeof text,
            "{\"__metadata__\":{\"nn.model\":\"{'layers':[{'op':'input','shape':[3]},{'op':'scale',"
            "'in':[0],'shape':[3],'number':2}],'output':1}\",\"nn.data\":\"%s\"}}",
            bad_learned[i][0]);
        check_header(text, 0, bad_learned[i][0], bad_learned[i][1]);
    }
    nn_data d; /* a history of another shape */
    size_t size;
    nn_model *m = trained(wide, &d);
    unsigned char *bytes = saved(m, &size, true);
    char *shape = (char *)bytes;
    while (memcmp(shape, "\"nn.history\"", 12) != 0) shape++;
    shape = strstr(shape, "[3,");
    assert_non_null(shape);
    const size_t width = strcspn(shape + 3, "]"); /* [3,W] becomes [W,3] */
    memmove(shape + 1, shape + 3, width), memcpy(shape + 1 + width, ",3", 2);
    if (nn_load(.bytes = bytes, .size = size)) fail();
    assert_non_null(strstr(nn_last_error(), "nn.history is not (epochs, "));
    free(bytes), nn_model_free(m), nn_data_free(&d);
    m = nn_model_new(); /* weights that C has no constants for */
    check_ok(nn_build(m, mlp(m)));
    m->values[0] = (nn_real)INFINITY;
    check_ok(nn_export_c(m, .size = &size));
    m->values[0] = (nn_real)NAN;
    check_fails(nn_export_c(m, .size = &size), NN_ERR_ARGUMENT, "a weight is NaN");
    nn_model_free(m);
}

/* Names in escapes of one, two, three and four bytes; half precision at its ends. */
static void strings_and_halves(void **state)
{
    (void)state;
    const char header[] = "{\"\\u0061\\u00e4\\u20ac\\ud83c\\udf38\":" T("[1]", "0", "4") "}";
    nn_model *m = nn_model_new();
    nn_tensor *p = nn_parameter(m, 1, .name = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb8");
    check_ok(nn_build(m, nn_mul(nn_input(m, 1), p)));
    size_t size = tensors(header, sizeof header - 1, 4);
    hostile[size - 1] = 0x40; /* 2 */
    check_ok(nn_load_weights(m, .bytes = hostile, .size = size));
    check_close(p->value[0], 2, 0);
    nn_model_free(m);
    static const struct {
        unsigned char bits[2];
        double value;
    } half[] = { { { 1, 0 }, 5.9604644775390625e-8 },    { { 0xff, 3 }, 6.097555160522461e-5 },
                 { { 0, 4 }, 6.103515625e-5 },           { { 0xff, 0x7b }, 65504 },
                 { { 0, 0x7c }, (double)INFINITY },      { { 0, 0xfc }, -(double)INFINITY },
                 { { 1, 0x80 }, -5.9604644775390625e-8 } };
    for (size_t k = 0; k < sizeof half / sizeof *half; k++)
        assert_true(nn__number_at(half[k].bits, &nn__number_types[2], false) == half[k].value);
    const unsigned char nan[2] = { 0, 0x7e };
    assert_true(isnan(nn__number_at(nan, &nn__number_types[2], false)));
}

static const char *const bad_npy[][2] = {
    /* the dict, for 8 bytes of data */
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "it is truncated" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "it is too long" },
    { "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", "this type of numbers" },
    { "{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': '', 'fortran_order': False, 'shape': (1,), }", "this type of numbers" },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "a string is missing" },
    { "{'descr': '<f4', 'fortran_order': 2, 'shape': (2,), }", "neither True nor False" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", "'(' is missing" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }", "',' is missing" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "no whole number" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }", "no whole number" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,2), }", "more than 5 axes" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "too large" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 9), }",
      "too large" },
    { "{'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 2147483647), }",
      "too large" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", "has no samples" },
    { "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", "has no samples" },
    { "{'descr': '<f4', 'fortran_order': False, }", "lacks its type" },
    { "{'descr': '<f4', 'shape': (2,), }", "lacks its type" },
    { "{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", "a key twice" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'a': 1}", "not known" },
    { "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }", "',' is missing" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", "text follows" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), ", "a string is missing" },
    { "{'descr", "is not closed" },
    { "['descr']", "'{' is missing" },
    { "", "'{' is missing" },
    { "{'fortran_order': Fals", "a number is missing" },
    { "{'shape': (2", "',' is missing" },
    { "{'shape': (", "no whole number" },
};

static size_t npy(const char *dict, unsigned length, size_t data)
{
    memset(hostile, 0, sizeof hostile);
    memcpy(hostile, "\x93NUMPY\1", 7);
    hostile[8] = (unsigned char)length, hostile[9] = (unsigned char)(length >> 8);
    memcpy(hostile + 10, dict, strlen(dict));
    return 10 + strlen(dict) + data;
}

static void hostile_npy(void **state)
{
    (void)state;
    nn_data d;
    for (size_t i = 0; i < sizeof bad_npy / sizeof *bad_npy; i++) {
        size_t size = npy(bad_npy[i][0], (unsigned)strlen(bad_npy[i][0]), 8);
        unsigned char *exact = malloc(size);
        memcpy(exact, hostile, size);
        nn_status status = nn_load_npy(&d, "bad", .x_bytes = exact, .x_size = size);
        if (status != NN_ERR_FORMAT || !strstr(nn_last_error(), bad_npy[i][1]))
            fail_msg("%s: expected '%s', got: %s", bad_npy[i][0], bad_npy[i][1], nn_last_error());
        assert_null(d.x[0].values);
        free(exact);
    }
    size_t size = npy("{}", 10001, 10000);
    check_fails(nn_load_npy(&d, .x_bytes = hostile, .x_size = size), NN_ERR_FORMAT,
                "the limit is 10000");
    check_fails(nn_load_npy(&d, .x_bytes = "\x93NUMPX\1\0\0\0\0\0", .x_size = 12), NN_ERR_FORMAT,
                "does not begin as an npy file");
    check_fails(nn_load_npy(&d, .x_bytes = "\x93NUMPY\4\0\0\0\0\0", .x_size = 12), NN_ERR_FORMAT,
                "version 1 to 3");
    check_fails(nn_load_npy(&d, .x_bytes = "\x93NUMPY\2\0\xff\xff\xff\xff", .x_size = 12),
                NN_ERR_FORMAT, "but the file has 12");
    check_fails(nn_load_npy(NULL, "a"), NN_ERR_ARGUMENT, "the data set is NULL");
}

/* ---- every prefix, every byte at every value ---- */

/* An error with a sentence, or a model that predicts. */
static void load_or_fail(const unsigned char *bytes, size_t size)
{
    nn_model *m = nn_load("bytes", .bytes = bytes, .size = size);
    if (!m) {
        assert_true(strlen(nn_last_error()) > 20);
        return;
    }
    nn_real x[16] = { 0 }, y[16];
    if (m->run->inputs == 1 && m->run->input[0]->size <= 16 && m->output->size <= 16)
        check_ok(nn_predict(m, y, x, 1));
    nn_model_free(m);
}

static void damaged_bytes(void **state)
{
    (void)state;
    nn_data d;
    size_t size;
    const nn_real x[2] = { 1, 3 };
    const int label[2] = { 4, 5 };
    nn_set_log(NULL, NULL);
    check_ok(nn_data_from(&d, x, 2, { 1 }, .labels = label));
    check_ok(nn_standardise(&d));
    nn_model *m = nn_model_new();
    check_ok(nn_compile(m, nn_dense(nn_input(m, 1), 2, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.momentum = 0.5)));
    check_ok(nn_fit(m, &d, .epochs = 1, .quiet = true));
    unsigned char *bytes = saved(m, &size, true);
    assert_true(size < 4096);
    for (size_t n = 0; n < size; n++) { /* every prefix is an error */
        unsigned char *exact = malloc(n + 1);
        memcpy(exact, bytes, n);
        if (nn_load(.bytes = exact, .size = n)) fail_msg("a file cut to %zu of %zu bytes", n, size);
        free(exact);
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char old = bytes[i];
        for (int value = 0; value < 256; value++) {
            bytes[i] = (unsigned char)value;
            load_or_fail(bytes, size);
        }
        bytes[i] = old;
    }
    for (size_t n = 0; n < sizeof npy_f4_2x3; n++) {
        nn_data none;
        assert_int_not_equal(nn_load_npy(&none, .x_bytes = npy_f4_2x3, .x_size = n), NN_OK);
    }
    unsigned char array[sizeof npy_f4_2x3];
    memcpy(array, npy_f4_2x3, sizeof array);
    for (size_t i = 0; i < sizeof array; i++)
        for (int value = 0; value < 256; value++) {
            nn_data read;
            array[i] = (unsigned char)value;
            if (!nn_load_npy(&read, .x_bytes = array, .x_size = sizeof array)) nn_data_free(&read);
            array[i] = npy_f4_2x3[i];
        }
    free(bytes), nn_model_free(m), nn_data_free(&d);
}

/* ---- memory that runs out ---- */

static nn_status memory_scenario(void *user)
{
    static unsigned char bytes[1 << 15];
    size_t size = 0;
    nn_data d;
    const nn_real x[6] = { 1, 2, 3, 4, 5, 6 };
    const int label[3] = { 0, 1, 1 };
    nn_status status = nn_data_from(&d, x, 3, { 2 }, .labels = label);
    if (!status) status = nn_standardise(&d);
    nn_model *m = status ? NULL : nn_model_new(), *again = NULL, *view = NULL;
    (void)user;
    if (!status && !m) status = NN_ERR_MEMORY;
    const nn_real c[2] = { 1, 2 };
    if (!status)
        status = nn_compile(
            m, nn_dense(nn_mul(nn_input(m, 2), nn_constant(m, c, 2)), 2, .activation = NN_SOFTMAX),
            .loss = NN_SPARSE_CROSS_ENTROPY);
    if (!status) status = nn_fit(m, &d, .quiet = true);
    if (!status)
        status = nn_save(m, .bytes = bytes, .room = 16384, .size = &size, .checkpoint = true);
    if (!status) status = nn_save(m, in_folder("memory.safetensors"));
    if (!status)
        status = nn_export_c(m, .bytes = bytes + 16384, .room = 8192, .size = &(size_t){ 0 });
    if (!status) status = nn_load_weights(m, .bytes = bytes, .size = size);
    if (!status && !(again = nn_load(.bytes = bytes, .size = size)))
        status = strstr(nn_last_error(), "memory") ? NN_ERR_MEMORY : NN_ERR_FORMAT;
    if (!status && !(view = nn_share(again)))
        status = strstr(nn_last_error(), "memory") ? NN_ERR_MEMORY : NN_ERR_FORMAT;
    nn_model_free(view), nn_model_free(again), nn_model_free(m), nn_data_free(&d);
    if (!status)
        status = nn_load_npy(&d, .x_bytes = npy_f4_2x3, .x_size = sizeof npy_f4_2x3,
                             .y_bytes = npy_any_i4_big, .y_size = sizeof npy_any_i4_big);
    if (!status) nn_data_free(&d);
    if (!status) status = nn_save_npy(in_folder("memory.npy"), x, { 6 });
    return status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    nn_set_log(NULL, NULL);
    check_every_allocation(memory_scenario, NULL);
}

/* ---- disks that fail ---- */

#if defined(__unix__)

static int files_in_folder(const char *end, bool remove_them)
{
    char name[512];
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t length = strlen(e->d_name), size = strlen(end);
        if (length < size || strcmp(e->d_name + length - size, end) != 0 || e->d_name[0] == '.')
            continue;
        n++;
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (remove_them) remove(name);
    }
    closedir(dir);
    return n;
}

static nn_status save_model(nn_model *m, const char *to)
{
    return nn_save(m, to);
}

static nn_status save_array(nn_model *m, const char *to)
{
    return nn_save_npy(to, m->values, { 4 });
}

static nn_status save_source(nn_model *m, const char *to)
{
    return nn_export_c(m, to);
}

static void disk_fails(void **state)
{
    (void)state;
    nn_status (*const save[])(nn_model *, const char *) = { save_model, save_array, save_source };
    nn_set_log(NULL, NULL);
    for (int k = 0; k < 3; k++) {
        nn_model *m[2];
        unsigned char *expected[2];
        size_t size[2], got;
        char target[128];
        snprintf(target, sizeof target, "%s", in_folder("disk"));
        for (int v = 0; v < 2; v++) {
            m[v] = nn_model_new(.seed = (uint64_t)v);
            check_ok(nn_build(m[v], mlp(m[v])));
            check_ok(save[k](m[v], target));
            expected[v] = slurp(target, &size[v]);
        }
        check_ok(save[k](m[0], target));
        long n = 0, failed = 0;
        for (bool done = false; !done; n++) {
            io_fail = n, io_count = 0, io_renamed = io_failed_early = false;
            nn_status status = save[k](m[1], target);
            done = io_count <= n;
            io_fail = -1;
            unsigned char *bytes = slurp(target, &got);
            failed += status != NN_OK;
            assert_int_equal(status != NN_OK, io_failed_early); /* every failure is told */
            assert_int_equal(got, size[status ? 0 : 1]);
            assert_memory_equal(bytes, expected[status ? 0 : 1], got);
            if (status) check_fails(status, NN_ERR_FILE, "No space left on device");
            assert_int_equal(files_in_folder(".tmp", false), 0);
            if (!status) check_ok(save[k](m[0], target));
            free(bytes);
        }
        assert_string_equal(io_calls, "owfscr"
                                      "osc"); /* the file; the folder's list of names */
        assert_true(failed >= 5); /* open, write, flush, fsync, close, rename */
        check_fails(save[k](m[0], "/dev/full"), NN_ERR_FILE, "cannot write '/dev/full'");
        check_fails(save[k](m[0], "/none/model"), NN_ERR_FILE, "does the folder exist");
        check_fails(save[k](m[0], folder), NN_ERR_FILE, "Is a directory");
        struct stat s;
        assert_true(stat("/dev/full", &s) == 0 && S_ISCHR(s.st_mode)); /* it is still a device */
        for (int v = 0; v < 2; v++) nn_model_free(m[v]), free(expected[v]);
    }
}

/* The disk is full after any number of bytes: what the system does at a limit of a file's size. */
static void disk_is_full(void **state)
{
    (void)state;
    nn_status (*const save[])(nn_model *, const char *) = { save_model, save_array, save_source };
    struct rlimit old, full;
    char target[128];
    nn_set_log(NULL, NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int k = 0; k < 3; k++) {
        size_t size, got;
        nn_model *m = nn_model_new();
        check_ok(nn_build(m, mlp(m)));
        snprintf(target, sizeof target, "%s", in_folder("full"));
        check_ok(save[k](m, target));
        unsigned char *expected = slurp(target, &size);
        for (size_t n = 0; n <= size; n++) {
            full = old, full.rlim_cur = n;
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
            nn_status status = save[k](m, target);
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
            if (n < size) check_fails(status, NN_ERR_FILE, "File too large");
            else check_ok(status);
            unsigned char *bytes = slurp(target, &got);
            assert_int_equal(got, size);
            assert_memory_equal(bytes, expected, size);
            assert_int_equal(files_in_folder(".tmp", false), 0);
            free(bytes);
        }
        nn_model_free(m), free(expected);
    }
    signal(SIGXFSZ, handler);
}

static nn_status read_model(nn_model *m, const char *from)
{
    nn_model *other = nn_load(from);
    (void)m;
    nn_model_free(other);
    return other ? NN_OK : NN_ERR_FILE;
}

static nn_status read_weights(nn_model *m, const char *from)
{
    return nn_load_weights(m, from);
}

static nn_status read_arrays(nn_model *m, const char *from)
{
    nn_data d;
    char x[256];
    (void)m;
    snprintf(x, sizeof x, "%s.npy", from);
    nn_status status = nn_load_npy(&d, x, x);
    if (status) assert_null(d.x[0].values);
    nn_data_free(&d);
    return status;
}

/* Every call fails in turn: opening and reading are told, and leave the model as it was. */
static void reading_fails(void **state)
{
    (void)state;
    nn_status (*const read[])(nn_model *, const char *) = { read_model, read_weights, read_arrays };
    const nn_real numbers[2] = { 1, 2 };
    nn_model *m = nn_model_new();
    char target[128];
    nn_set_log(NULL, NULL);
    check_ok(nn_build(m, mlp(m)));
    check_ok(nn_save_npy(in_folder("read.npy"), numbers, { 2 }));
    check_ok(nn_save(m, in_folder("read")));
    snprintf(target, sizeof target, "%s", path);
    for (int k = 0; k < 3; k++) {
        long n = 0;
        for (bool done = false; !done; n++) {
            io_fail = n, io_count = 0, io_failed_to_close = false;
            m->values[0] = 42;
            nn_status status = read[k](m, target);
            done = io_count <= n;
            if (done || io_failed_to_close) check_ok(status);
            else {
                assert_int_equal(status, NN_ERR_FILE);
                assert_true(strstr(nn_last_error(), "cannot open") ||
                            strstr(nn_last_error(), "cannot read"));
                assert_true(m->values[0] == 42);
            }
        }
        assert_true(n >= 4); /* open, read, the end, close */
    }
    io_fail = -1;
    nn_model_free(m);
}

/* Killed 1,000 times (KILLS=, 0: skipped) at any moment: the file is the old or the new one. A child
   says when its first file is there, so a busy machine does not kill all of them before that. */
static void killed_while_saving(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__ /* which makes a fork thirty times as slow */
    int kills = 100;
#else
    int kills = 1000;
#endif
    if (getenv("KILLS")) kills = atoi(getenv("KILLS"));
    if (kills == 0) skip();
    nn_model *m[2];
    unsigned char *expected[2];
    size_t size[2], got;
    nn_random random = nn_random_seed(1);
    long seen[2] = { 0, 0 };
    char target[128], byte = 0;
    int begun[2];
    snprintf(target, sizeof target, "%s", in_folder("killed"));
    for (int v = 0; v < 2; v++) {
        m[v] = nn_model_new(.seed = (uint64_t)v);
        check_ok(nn_build(m[v], mlp(m[v])));
        check_ok(nn_save(m[v], target));
        expected[v] = slurp(target, &size[v]);
    }
    for (int i = 0; i < kills; i++) {
        assert_int_equal(pipe(begun), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            for (int k = i;; k++) {
                if (nn_save(m[k % 2], target)) _exit(1);
                if (k == i && write(begun[1], &byte, 1) != 1) _exit(2);
            }
        close(begun[1]);
        assert_int_equal(read(begun[0], &byte, 1), 1); /* 0: it has failed */
        close(begun[0]);
        usleep((useconds_t)nn_random_below(&random, 2500));
        kill(child, SIGKILL);
        int ended = 0;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended)); /* it never failed */
        unsigned char *bytes = slurp(target, &got);
        int which = got == size[1] && memcmp(bytes, expected[1], got) == 0;
        if (!which && (got != size[0] || memcmp(bytes, expected[0], got) != 0))
            fail_msg("after %d kills the file is neither the old nor the new one (%zu bytes)",
                     i + 1, got);
        seen[which]++;
        free(bytes);
    }
    files_in_folder(".tmp", true); /* what the killed ones left */
    print_message("killed %d times; then there were %ld old and %ld new files\n", kills, seen[0],
                  seen[1]);
    assert_true(seen[0] > kills / 10 && seen[1] > kills / 10);
    for (int v = 0; v < 2; v++) nn_model_free(m[v]), free(expected[v]);
}

/* ---- threads ---- */

typedef struct worker {
    pthread_t thread;
    nn_model *m;
    const nn_real *x, *expected;
    int wrong;
} worker;

static void *predict_often(void *user)
{
    worker *w = (worker *)user;
    nn_real y[8];
    for (int i = 0; i < 300; i++) {
        if (nn_predict(w->m, y, w->x, 4)) w->wrong++;
        w->wrong += memcmp(y, w->expected, sizeof y) != 0;
    }
    return NULL;
}

static void threads_predict(void **state)
{
    (void)state;
    worker w[4];
    nn_real *x = inputs(4, 3), y[8];
    nn_model *m = nn_model_new();
    check_ok(nn_build(m, mlp(m)));
    check_ok(nn_save(m, in_folder("shared.safetensors")));
    nn_model_free(m);
    m = nn_load(path);
    assert_non_null(m);
    check_ok(nn_predict(m, y, x, 4));
    for (int i = 0; i < 4; i++) {
        w[i].m = i ? nn_share(m) : m, w[i].x = x, w[i].expected = y, w[i].wrong = 0;
        assert_non_null(w[i].m);
        assert_ptr_equal(w[i].m->values, m->values);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, predict_often, &w[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(w[i].thread, NULL);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].wrong, 0);
    for (int i = 0; i < 4; i++) nn_model_free(w[i].m);
    free(x);
}

/* ---- C source ---- */

/* Compiles what was exported, alone and with a program, and compares its outputs. */
static void check_source(const char *compiler, bool runs, const nn_data *d, const nn_real *y,
                         size_t outputs)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && set -- %s && command -v $1 >/dev/null || exit 77; "
             "$@ -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -c source.c -o source.o",
             folder, compiler);
    int status = system(command);
    if (WEXITSTATUS(status) == 77) print_message("not installed, not tried: %s\n", compiler);
    if (WEXITSTATUS(status) == 77) return;
    if (status != 0) fail_msg("%s does not compile the source", compiler);
    if (!runs) return;
    snprintf(command, sizeof command, "cd %s && %s main.c source.o -o program -lm && ./program",
             folder, compiler);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    for (size_t i = 0; i < (size_t)d->n * outputs; i++) {
        double got;
        assert_int_equal(fscanf(f, "%lf", &got), 1);
        check_close(got, y[i], 1e-5 * (1 + fabs((double)y[i])));
    }
    assert_int_equal(pclose(f), 0);
}

/* main.c prints the outputs of source.c for all samples. */
static void write_program(const nn_data *d, int inputs_of_one, int outputs)
{
    FILE *f = fopen(in_folder("main.c"), "w");
    assert_non_null(f);
    fprintf(f,
            "#include <stdio.h>\nvoid a_1_predict(const float *x, float *y);\nint main(void)\n{\n"
            "    static const float x[] = {");
    for (int s = 0; s < d->n; s++)
        for (int k = 0; k < d->inputs; k++)
            for (size_t i = 0; i < d->x[k].size; i++) {
                const nn_array *a = &d->x[k];
                size_t at = (size_t)s * a->size + i;
                fprintf(f, "%.9g, ",
                        a->type == NN_BYTE ? (double)((uint8_t *)a->values)[at]
                                           : (double)((nn_real *)a->values)[at]);
            }
    fprintf(
        f,
        "};\n    float y[%d];\n    for (int s = 0; s < %d; s++) {\n        a_1_predict(x + s * %d, y);\n"
        "        for (int i = 0; i < %d; i++) printf(\"%%.9g\\n\", y[i]);\n    }\n    return 0;\n}\n",
        outputs, d->n, inputs_of_one, outputs);
    fclose(f);
}

static void source_of(nn_model *m, const nn_data *d, int inputs_of_one)
{
    nn_real y[9 * 10];
    assert_true((size_t)d->n * m->output->size <= 90);
    check_ok(nn_predict_data(m, y, d));
    check_ok(nn_export_c(m, in_folder("source.c"), .name = "a_1"));
    write_program(d, inputs_of_one, (int)m->output->size);
    check_source("cc -std=c99 -O2", true, d, y, m->output->size);
    check_source("clang -std=c99 -O2", true, d, y, m->output->size);
    check_source("tcc", true, d, y, m->output->size);
    check_source("arm-none-eabi-gcc -mcpu=cortex-m4 -O2", false, d, y, m->output->size);
}

static void source_in_c(void **state)
{
    (void)state;
    nn_data d;
    size_t size;
    everything_data(&d, 9);
    nn_model *m = nn_model_new(.seed = 3);
    check_ok(nn_compile(m, everything(m), .loss = NN_MSE));
    check_ok(nn_fit(m, &d, .epochs = 2, .quiet = true));
    source_of(m, &d, 12);
    check_fails(nn_export_c(m, "a", .name = "1a"), NN_ERR_ARGUMENT, "'1a' is no name in C");
    check_fails(nn_export_c(m, "a", .name = "a-b"), NN_ERR_ARGUMENT, "is no name in C");
    check_fails(nn_export_c(NULL, "a"), NN_ERR_ARGUMENT, "the model is NULL");
    check_ok(nn_export_c(m, .size = &size));
    assert_true(size > 2000);
    nn_model_free(m), nn_data_free(&d);

    uint8_t picture[9 * 6]; /* bytes with one scaling for all, classes with awkward names */
    int label[9];
    const char csv[] = "a,k\n1,\"?\?/\"\n2,\"a\"\"b\\\"\n3,\xc3\xa4\n";
    for (int i = 0; i < 9 * 6; i++) picture[i] = (uint8_t)(i * 37), label[i / 6] = i / 6 % 3;
    check_ok(nn_load_csv(&d, "text", .label = "k", .text = csv, .text_size = sizeof csv - 1));
    m = nn_model_new();
    check_ok(nn_compile(
        m,
        nn_dense(nn_dense(nn_input(m, 1), 4, .activation = NN_RELU), 3, .activation = NN_SOFTMAX),
        .loss = NN_SPARSE_CROSS_ENTROPY));
    check_ok(nn_fit(m, &d, .quiet = true));
    source_of(m, &d, 1);
    nn_model_free(m), nn_data_free(&d);
    check_ok(nn_data_from(&d, picture, 9, { 2, 3, 1 }, .type = NN_BYTE, .labels = label));
    m = nn_model_new();
    check_ok(nn_compile(m, nn_dense(nn_flatten(nn_input(m, 2, 3, 1)), 3, .activation = NN_SOFTMAX),
                        .loss = NN_SPARSE_CROSS_ENTROPY));
    check_ok(nn_fit(m, &d, .quiet = true));
    source_of(m, &d, 6);
    nn_model_free(m), nn_data_free(&d);

    nn_tensor *(*const make[])(nn_model *) = { cnn, wide, windows };
    for (int k = 0; k < 3; k++) {
        m = trained(make[k], &d);
        source_of(m, &d, 112);
        nn_model_free(m), nn_data_free(&d);
    }
}
#endif

static int make_folder(void **state)
{
    (void)state;
#if defined(__unix__)
    snprintf(folder, sizeof folder, "/tmp/nn_files_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
#else
    snprintf(folder, sizeof folder, ".");
    return 0;
#endif
}

static int remove_folder(void **state)
{
    (void)state;
#if defined(__unix__)
    files_in_folder("", true);
    return rmdir(folder);
#else
    return 0;
#endif
}

#define TEST(name) cmocka_unit_test_setup(name, silence)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_tensor),
        TEST(images),
        TEST(settings),
        TEST(training_goes_on),
        TEST(training_of_images_goes_on),
        TEST(names),
        TEST(files_of_pytorch),
        TEST(files_for_pytorch),
        TEST(npy_out),
        TEST(npy_in),
        TEST(npy_data_sets),
        TEST(hostile_tensors),
        TEST(hostile_graphs),
        TEST(hostile_notes),
        TEST(strings_and_halves),
        TEST(hostile_npy),
        TEST(damaged_bytes),
        TEST(memory_runs_out),
#if defined(__unix__)
        TEST(disk_fails),
        TEST(disk_is_full),
        TEST(reading_fails),
        TEST(killed_while_saving),
        TEST(threads_predict),
        TEST(source_in_c),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
