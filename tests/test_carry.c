/* Three programs which show that the graph carries what comes later: two graphs of different
   length with the same weights, two inputs with a residual, attention with several heads and a
   causal mask.
     cc tests/test_carry.c -lcmocka -lm && ./a.out */

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

static nn_random dice;

static int throw_below(int n)
{
    return (int)nn_random_below(&dice, (uint64_t)n);
}

/* ---- (a) a recurrent cell, unrolled, in graphs of three lengths -----------------------------
   h_t = tanh(W [h_{t-1}, x_t] + b), y_t = softmax(V h_t + c)   [F8.1]. Labels: x_t xor x_{t-1}. */

enum { UNITS = 8, SHORT = 6, LONG = 15 };

/* The network over T bits; its first cell makes the parameters, all others use them. */
static nn_tensor *xor_network(nn_model *m, int T)
{
    nn_tensor *x = nn_input(m, T, 1), *cell = NULL, *reading = NULL, *all = NULL;
    nn_real zeros[UNITS] = { 0 };
    nn_tensor *h = nn_constant(m, zeros, 1, UNITS); /* before the first step, for all samples */
    for (int t = 0; t < T; t++) {
        nn_tensor *x_t = nn_slice(x, 1, t, 1); /* (1, 1) */
        h = nn_add(h, nn_scale(x_t, 0)); /* (1, UNITS) with a batch, also at t = 0 */
        h = nn_dense(nn_concat(h, x_t), UNITS, .activation = NN_TANH, .share = cell);
        if (!cell) cell = h;
        nn_tensor *z = nn_dense(h, 2, .share = reading);
        if (!reading) reading = z;
        all = all ? nn_concat(all, z, .axis = 1) : z;
    }
    return nn_activate(all, NN_SOFTMAX); /* (T, 2) */
}

/* Sequences of bits with a label at every position; the first position has weight 0. */
static void xor_data(nn_data *d, int n, int T)
{
    nn_real *x = calloc((size_t)(n * T), sizeof *x), *w = calloc((size_t)(n * T), sizeof *w);
    int *y = calloc((size_t)(n * T), sizeof *y);
    assert_true(x && w && y);
    for (int i = 0; i < n * T; i++) {
        int bit = throw_below(2), before = i % T == 0 ? throw_below(2) : x[i - 1] > 0;
        x[i] = (nn_real)(bit ? 1 : -1);
        y[i] = bit ^ before;
        w[i] = (nn_real)(i % T != 0);
    }
    check_ok(nn_data_from(d, x, n, { T, 1 }, .labels = y, .target_shape = { T }, .weights = w));
    free(x), free(w), free(y);
}

/* The network by plain loops, from the weights alone; p (T, 2). */
static void xor_by_hand(const nn_model *m, const nn_real *x, int T, double *p)
{
    const nn_real *w = nn_parameter_named(m, "dense1.weight")->value;
    const nn_real *b = nn_parameter_named(m, "dense1.bias")->value;
    const nn_real *v = nn_parameter_named(m, "dense2.weight")->value;
    const nn_real *c = nn_parameter_named(m, "dense2.bias")->value;
    double h[UNITS] = { 0 }, next[UNITS];
    for (int t = 0; t < T; t++, p += 2) {
        for (int i = 0; i < UNITS; i++) {
            double z = (double)b[i] + (double)w[i * (UNITS + 1) + UNITS] * (double)x[t];
            for (int j = 0; j < UNITS; j++) z += (double)w[i * (UNITS + 1) + j] * h[j];
            next[i] = tanh(z);
        }
        memcpy(h, next, sizeof h);
        for (int k = 0; k < 2; k++) {
            p[k] = (double)c[k];
            for (int j = 0; j < UNITS; j++) p[k] += (double)v[k * UNITS + j] * h[j];
        }
        double one = 1 / (1 + exp(p[0] - p[1]));
        p[0] = 1 - one, p[1] = one;
    }
}

/* The share of positions but the first where the likelier class is right. */
static double share_right(const nn_real *y, const nn_data *d, int T, int classes)
{
    int right = 0;
    const int32_t *label = (const int32_t *)d->y.values;
    for (int i = 0; i < d->n * T; i++)
        if (i % T != 0) right += nn_argmax(y + (size_t)(i * classes), classes) == label[i];
    return right / (double)(d->n * (T - 1));
}

static void two_lengths(void **state)
{
    (void)state;
    static nn_real y[100 * LONG * 2], again[100 * LONG * 2];
    double hand[LONG * 2];
    nn_data train, test;
    dice = nn_random_seed(1);
    xor_data(&train, 300, SHORT);
    xor_data(&test, 100, LONG);
    assert_int_equal(nn__positions(&train), SHORT);

    nn_model *m = nn_model_new(.seed = 2);
    check_ok(nn_compile(m, xor_network(m, SHORT), .loss = NN_SPARSE_CROSS_ENTROPY,
                        .optimizer = nn_adam(.lr = 0.02)));
    assert_int_equal(m->parameters, UNITS * (UNITS + 1) + UNITS + 2 * UNITS + 2);
    nn_model *longer = nn_model_new(.share = m);
    check_ok(nn_compile(longer, xor_network(longer, LONG), .loss = NN_SPARSE_CROSS_ENTROPY));
    assert_ptr_equal(m->values, longer->values);
    assert_ptr_equal(m->grads, longer->grads);
    check_gradients(m, &train);
    check_gradients(longer, &test);
    double before = nn_evaluate(longer, &test).loss;

    check_ok(nn_fit(m, &train, .epochs = 40, .batch_size = 30, .quiet = true));
    nn_metrics after = nn_evaluate(longer, &test); /* trained on 6, measured on 15 */
    if (!(after.loss < 0.05 && before > 0.5))
        fail_msg("loss on the longer graph: %g before, %g after training", before, after.loss);
    check_ok(nn_predict_data(longer, y, &test));
    double right = share_right(y, &test, LONG, 2);
    if (!(right > 0.99)) fail_msg("share of right bits in the longer graph: %g", right);
    const nn_real *x = (const nn_real *)test.x[0].values;
    for (int i = 0; i < 5; i++) {
        xor_by_hand(longer, x + i * LONG, LONG, hand);
        for (int k = 0; k < LONG * 2; k++) check_close(y[i * LONG * 2 + k], hand[k], 1e-5);
    }

    nn_model *step = nn_model_new(.share = longer); /* of one bit: the first step of each */
    check_ok(nn_build(step, xor_network(step, 1)));
    check_ok(nn_predict(step, again, x, 1));
    check_close(again[0], y[0], 1e-6);
    nn_model_free(m); /* the weights live as long as one of the models does */
    nn_model_free(step);
    check_ok(nn_predict_data(longer, again, &test));
    assert_memory_equal(again, y, sizeof y);
    check_ok(nn_fit(longer, &test, .epochs = 1, .quiet = true));
    nn_model_free(longer), nn_data_free(&train), nn_data_free(&test);
}

/* Per-position weights: what has weight 0 changes neither loss nor gradient. */
static void weights_per_position(void **state)
{
    (void)state;
    nn_data d;
    dice = nn_random_seed(4);
    xor_data(&d, 10, SHORT);
    nn_model *m = nn_model_new(.seed = 2);
    check_ok(nn_compile(m, xor_network(m, SHORT), .loss = NN_SPARSE_CROSS_ENTROPY));
    static nn_real grads[200];
    assert_true(m->parameters <= 200);
    check_ok(nn_feed(m, &d, NULL, 10));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
    double loss = m->loss, sum = 0;
    memcpy(grads, m->grads, m->parameters * sizeof *grads);
    int32_t *label = (int32_t *)d.y.values;
    for (int i = 0; i < 10 * SHORT; i++) /* Keras's mean: over all rows, also those of weight 0 */
        if (i % SHORT != 0) sum -= log((double)m->output->value[2 * i + label[i]]);
    check_close(loss, sum / (10 * SHORT), 1e-5);
    for (int i = 0; i < 10 * SHORT; i += SHORT) label[i] = !label[i];
    check_ok(nn_feed(m, &d, NULL, 10));
    check_ok(nn_forward(m, NN_TRAINING));
    check_ok(nn_backward(m));
    check_close(m->loss, loss, 0);
    assert_memory_equal(grads, m->grads, m->parameters * sizeof *grads);
    for (int i = 1; i < 10 * SHORT; i += SHORT) label[i] = !label[i]; /* these count */
    check_ok(nn_feed(m, &d, NULL, 10));
    check_ok(nn_forward(m, NN_TRAINING));
    assert_true(fabs(m->loss - loss) > 1e-4);
    nn_model_free(m), nn_data_free(&d);
}

/* Weights per sample count for all positions; weights that do not fit are refused. Targets (T)
   have one weight for each sample, since T is their last axis. */
static void weights_of_other_shapes(void **state)
{
    (void)state;
    enum { N = 4, T = 3 };
    nn_real x[N * T], t[N * T], w[N * T];
    nn_data d;
    dice = nn_random_seed(6);
    for (int i = 0; i < N * T; i++) {
        x[i] = (nn_real)nn_random_uniform(&dice, -1, 1);
        t[i] = (nn_real)nn_random_uniform(&dice, -1, 1), w[i] = (nn_real)(i + 1);
    }
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *in = nn_input(m, T, 1), *y = nn_dense(in, 1); /* (T, 1): T rows of one number */
    nn_tensor *flat = nn_flatten(y); /* (T): one row of T numbers */
    check_ok(nn_data_from(&d, x, N, { T, 1 }, .targets = t, .target_shape = { T }, .weights = w));
    double loss[2];
    for (int k = 0; k < 2; k++) {
        check_ok(nn_compile(m, k ? flat : y, .loss = NN_MSE));
        check_ok(nn_feed(m, &d, NULL, N));
        check_ok(nn_forward(m, NN_TRAINING));
        loss[k] = m->loss;
        check_gradients(m, &d);
    }
    double sum = 0;
    for (int i = 0; i < N * T; i++) {
        double e = (double)(nn_parameter_at(m, 0)->value[0] * x[i] - t[i]);
        sum += (double)w[i / T] * e * e / (N * T);
    }
    check_close(loss[0], sum, 1e-5);
    check_close(loss[1], sum, 1e-5);
    nn_data_free(&d); /* T weights for each sample do not fit an output of one row */
    check_ok(
        nn_data_from(&d, x, N, { T, 1 }, .targets = t, .target_shape = { T, 1 }, .weights = w));
    check_fails(nn_fit(m, &d, .quiet = true), NN_ERR_SHAPE,
                "the data has 3 weights for each sample");
    nn_model_free(m), nn_data_free(&d);
}

/* A second graph whose layers do not match is refused with both shapes. */
static void sharing_errors(void **state)
{
    (void)state;
    nn_model *m = nn_model_new(), *early = nn_model_new(.share = m);
    assert_non_null(early);
    check_fails(nn_compile(early, nn_dense(nn_input(early, 2), 2), .loss = NN_MSE), NN_ERR_STATE,
                ".share needs a model that nn_compile or nn_build has built");
    nn_model_free(early);
    nn_tensor *h = nn_dense(nn_input(m, 3), 4), *y = nn_dense(h, 2);
    check_ok(nn_build(m, y));
    nn_model *wrong = nn_model_new(.share = m);
    assert_null(nn_dense(nn_input(wrong, 3), 5));
    check_fails(nn_build(wrong, NULL), NN_ERR_SHAPE,
                "dense1.weight of shape (5, 3) has no counterpart in the shared model: its "
                "parameter number 1 is dense1.weight(4, 3)");
    nn_model_free(wrong);
    wrong = nn_model_new(.share = m);
    nn_tensor *more = nn_dense(nn_dense(nn_dense(nn_input(wrong, 3), 4), 2), 2);
    assert_null(more);
    check_fails(nn_build(wrong, more), NN_ERR_SHAPE, "number 5 is missing");
    nn_model_free(wrong);
    nn_model *part = nn_model_new(.share = m); /* the first layer alone is allowed */
    check_ok(nn_compile(part, nn_dense(nn_input(part, 3), 4), .loss = NN_MSE));
    nn_tensor *added = nn_dense(y, 2); /* but no layer more while two models share */
    check_fails(nn_build(m, added), NN_ERR_STATE, "no layer can be added any more");
    nn_model_free(part);
    check_ok(nn_build(m, added));
    nn_model_free(m);
}

/* A graph that uses a part of the parameters: gradients of the others, which the larger graph has
   left behind, count neither in its norm nor in its step. */
static void sharing_a_part(void **state)
{
    (void)state;
    nn_real x[6], t[8] = { 0 };
    nn_data whole, half;
    dice = nn_random_seed(9);
    for (int i = 0; i < 6; i++) x[i] = (nn_real)nn_random_uniform(&dice, -1, 1);
    check_ok(nn_data_from(&whole, x, 2, { 3 }, .targets = t, .target_shape = { 2 }));
    check_ok(nn_data_from(&half, x, 2, { 3 }, .targets = t, .target_shape = { 4 }));
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *y = nn_dense(nn_dense(nn_input(m, 3), 4), 2);
    check_ok(nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_sgd(.lr = 0.1)));
    nn_model *part = nn_model_new(.share = m);
    nn_optimizer sgd = nn_sgd(.lr = 0.1, .clip_norm = 1);
    check_ok(nn_compile(part, nn_dense(nn_input(part, 3), 4), .loss = NN_MSE, .optimizer = sgd));
    check_ok(nn_fit(m, &whole, .quiet = true)); /* leaves its gradients */
    check_ok(nn_feed(part, &half, NULL, 2));
    check_ok(nn_forward(part, NN_TRAINING));
    check_ok(nn_backward(part));
    double norm = nn_norm(part->grads, 4 * 3 + 4);
    check_ok(nn_step(part));
    check_close(part->gradient_norm, norm, 1e-12);
    nn_model_free(m), nn_model_free(part), nn_data_free(&whole), nn_data_free(&half);
}

/* The second graph sees raw data as the first one has learned to, and knows its classes; it can be
   built again when the first one is gone. */
static void sharing_takes_scaling_and_names(void **state)
{
    (void)state;
    enum { N = 60 };
    nn_real x[N * 2], y[N * 2], again[N * 2];
    int label[N];
    nn_data d;
    dice = nn_random_seed(8);
    for (int i = 0; i < N; i++) {
        x[2 * i] = (nn_real)nn_random_uniform(&dice, 900, 1100);
        x[2 * i + 1] = (nn_real)nn_random_uniform(&dice, -0.01, 0.01);
        label[i] = (x[2 * i] - 1000) / 100 + x[2 * i + 1] * 100 > 0 ? 30 : 10;
    }
    check_ok(nn_data_from(&d, x, N, { 2 }, .labels = label));
    check_ok(nn_standardise(&d));
    nn_model *m = nn_model_new(.seed = 3);
    nn_tensor *out = nn_dense(nn_input(m, 2), 2, .activation = NN_SOFTMAX);
    check_ok(nn_compile(m, out, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.1)));
    check_ok(nn_fit(m, &d, .epochs = 30, .quiet = true));
    assert_true(nn_evaluate(m, &d).accuracy > 0.9);
    check_ok(nn_predict(m, y, x, N));
    nn_model *second = nn_model_new(.share = m);
    nn_tensor *same = nn_dense(nn_input(second, 2), 2, .activation = NN_SOFTMAX);
    check_ok(nn_build(second, same));
    check_ok(nn_predict(second, again, x, N));
    check_all_close(again, y, N * 2, 1e-6);
    assert_string_equal(nn_class_name(second, 1), "30");
    nn_model_free(m);
    check_ok(nn_compile(second, same, .loss = NN_SPARSE_CROSS_ENTROPY));
    check_ok(nn_predict(second, again, x, N));
    check_all_close(again, y, N * 2, 1e-6);
    nn_model_free(second), nn_data_free(&d);
}

/* ---- (b) two inputs, and a residual ---------------------------------------------------------- */

static void two_inputs_and_residual(void **state)
{
    (void)state;
    enum { N = 256 };
    static nn_real a[N * 2], b[N * 3], t[N], y[N];
    nn_data d, train, test;
    dice = nn_random_seed(3);
    for (int i = 0; i < N * 2; i++) a[i] = (nn_real)nn_random_uniform(&dice, -1, 1);
    for (int i = 0; i < N * 3; i++) b[i] = (nn_real)nn_random_uniform(&dice, -1, 1);
    for (int i = 0; i < N; i++) /* needs both inputs: neither alone says anything */
        t[i] = a[2 * i] * b[3 * i] + a[2 * i + 1] * (b[3 * i + 1] - b[3 * i + 2]) / 2;
    check_ok(nn_data_from(&d, a, N, { 2 }, .targets = t, .target_shape = { 1 }));
    check_ok(nn_data_add_input(&d, b, N, { 3 }));
    check_ok(nn_split(&d, &train, &test, .fraction = 0.25, .seed = 1));

    nn_model *m = nn_model_new(.seed = 7);
    nn_tensor *p = nn_input(m, 2, .name = "p"), *q = nn_input(m, 3, .name = "q");
    nn_tensor *h = nn_dense(nn_concat(p, q), 24, .activation = NN_TANH);
    nn_tensor *inner = nn_dense(nn_dense(h, 24, .activation = NN_TANH), 24);
    h = nn_activate(nn_add(h, inner), NN_TANH);
    nn_tensor *out = nn_dense(h, 1);
    check_ok(nn_compile(m, out, .loss = NN_MSE, .optimizer = nn_adam(.lr = 0.01)));
    check_gradients(m, &train);
    double before = nn_evaluate(m, &test).loss;
    check_ok(nn_fit(m, &train, .epochs = 150, .batch_size = 32, .quiet = true));
    nn_metrics after = nn_evaluate(m, &test);
    if (!(after.loss < 0.02 && before > 0.1))
        fail_msg("loss on new samples: %g before, %g after training", before, after.loss);
    check_ok(nn_predict_data(m, y, &test));
    double sum = 0, mae = 0;
    for (int i = 0; i < test.n; i++) {
        double e = (double)y[i] - (double)((const nn_real *)test.y.values)[i];
        sum += e * e / test.n, mae += fabs(e) / test.n;
    }
    check_close(after.loss, sum, 1e-6);
    check_close(after.mae, mae, 1e-6);
    check_fails(nn_predict(m, y, a, 1), NN_ERR_ARGUMENT, "use nn_predict_data");
    nn_data one;
    check_ok(nn_data_from(&one, a, N, { 2 }, .targets = t));
    check_fails(nn_fit(m, &one), NN_ERR_SHAPE, "the model has 2 inputs, the data 1");
    check_ok(nn_data_add_input(&one, b, N, { 2 }));
    check_fails(nn_fit(m, &one), NN_ERR_SHAPE, "q (line");
    nn_model_free(m);
    nn_data_free(&d), nn_data_free(&train), nn_data_free(&test), nn_data_free(&one);
}

/* ---- (c) attention -------------------------------------------------------------------------
   A(Q, K, V) = softmax(Q Kᵀ / sqrt(d_k)) V  [F9.1] for H heads, with the future hidden. */

enum { T = 6, TOKENS = 4, D = TOKENS + T, HEADS = 2, SIZE = 8 };

typedef struct attention {
    nn_tensor *x, *share, *out; /* share (H, T, T): how much each position looks at each */
} attention;

/* (T, HEADS * SIZE) to (HEADS, T, SIZE) */
static nn_tensor *heads_of(nn_tensor *x)
{
    return nn_permute(nn_reshape(x, T, HEADS, SIZE), 2, 1, 3);
}

static attention attend(nn_model *m)
{
    attention a;
    nn_real mask[T * T];
    for (int i = 0; i < T * T; i++) mask[i] = i % T > i / T ? -(nn_real)INFINITY : 0;
    a.x = nn_input(m, T, D);
    nn_tensor *q = heads_of(nn_dense(a.x, HEADS * SIZE, .no_bias = true));
    nn_tensor *k = heads_of(nn_dense(a.x, HEADS * SIZE, .no_bias = true));
    nn_tensor *v = heads_of(nn_dense(a.x, HEADS * SIZE, .no_bias = true));
    nn_tensor *score = nn_scale(nn_batch_matmul(q, k, .transpose_b = true), 1 / sqrt(SIZE));
    score = nn_add(score, nn_constant(m, mask, T, T));
    a.share = nn_activate(score, NN_SOFTMAX);
    nn_tensor *mixed = nn_permute(nn_batch_matmul(a.share, v), 2, 1, 3);
    a.out = nn_dense(nn_reshape(mixed, T, HEADS * SIZE), TOKENS, .activation = NN_SOFTMAX);
    return a;
}

/* Sequences of tokens, one-hot beside a one-hot position; the label is the token before. */
static void copy_data(nn_data *d, int n)
{
    nn_real *x = calloc((size_t)(n * T * D), sizeof *x), w[T] = { 0, 1, 1, 1, 1, 1 };
    nn_real *weights = calloc((size_t)(n * T), sizeof *weights);
    int *y = calloc((size_t)(n * T), sizeof *y), before = 0;
    assert_true(x && weights && y);
    for (int i = 0; i < n * T; i++) {
        int token = throw_below(TOKENS);
        x[i * D + token] = 1, x[i * D + TOKENS + i % T] = 1;
        y[i] = before, before = token, weights[i] = w[i % T];
    }
    check_ok(
        nn_data_from(d, x, n, { T, D }, .labels = y, .target_shape = { T }, .weights = weights));
    free(x), free(weights), free(y);
}

/* Attention by plain loops: shares and mixed values of one head, for one sample. */
static void attend_by_hand(const nn_model *m, const nn_real *x, int head, double share[T][T])
{
    const nn_real *wq = nn_parameter_at(m, 0)->value, *wk = nn_parameter_at(m, 1)->value;
    double q[T][SIZE], k[T][SIZE];
    for (int t = 0; t < T; t++)
        for (int j = 0; j < SIZE; j++) {
            q[t][j] = k[t][j] = 0;
            for (int i = 0; i < D; i++) {
                q[t][j] += (double)wq[(head * SIZE + j) * D + i] * (double)x[t * D + i];
                k[t][j] += (double)wk[(head * SIZE + j) * D + i] * (double)x[t * D + i];
            }
        }
    for (int t = 0; t < T; t++) {
        double sum = 0;
        for (int s = 0; s < T; s++) {
            double score = 0;
            for (int j = 0; j < SIZE; j++) score += q[t][j] * k[s][j];
            share[t][s] = s > t ? 0 : exp(score / sqrt(SIZE));
            sum += share[t][s];
        }
        for (int s = 0; s < T; s++) share[t][s] /= sum;
    }
}

static void attention_learns_to_copy(void **state)
{
    (void)state;
    static nn_real y[100 * T * TOKENS];
    nn_data train, test;
    dice = nn_random_seed(11);
    copy_data(&train, 300);
    copy_data(&test, 100);
    nn_model *m = nn_model_new(.seed = 4);
    attention a = attend(m);
    check_ok(
        nn_compile(m, a.out, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.01)));
    check_gradients(m, &train);
    check_ok(nn_fit(m, &train, .epochs = 40, .batch_size = 30, .quiet = true));
    check_ok(nn_predict_data(m, y, &test));
    double right = share_right(y, &test, T, TOKENS);
    if (!(right > 0.98)) fail_msg("share of tokens that attention copies: %g", right);

    check_ok(nn_feed(m, &test, NULL, 3));
    check_ok(nn_forward(m, NN_INFERENCE));
    const nn_real *p = a.share->value;
    for (int b = 0; b < 3; b++)
        for (int head = 0; head < HEADS; head++) {
            double expected[T][T];
            attend_by_hand(m, a.x->value + b * T * D, head, expected);
            for (int t = 0; t < T; t++, p += T) {
                double sum = 0;
                for (int s = 0; s < T; s++) {
                    check_close(p[s], expected[t][s], 1e-5);
                    sum += (double)p[s];
                }
                check_close(sum, 1, 1e-5);
            }
        }
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
}

/* Another token at position s changes outputs from s on and none before. */
static void attention_hides_the_future(void **state)
{
    (void)state;
    nn_data d;
    nn_real x[T * D], y[T * TOKENS], changed[T * TOKENS];
    dice = nn_random_seed(12);
    copy_data(&d, 1);
    nn_model *m = nn_model_new(.seed = 4);
    check_ok(nn_build(m, attend(m).out));
    memcpy(x, d.x[0].values, sizeof x);
    check_ok(nn_predict(m, y, x, 1));
    for (int s = 0; s < T; s++) {
        memcpy(x, d.x[0].values, sizeof x);
        for (int k = 0; k < TOKENS; k++) x[s * D + k] = 1 - x[s * D + k];
        check_ok(nn_predict(m, changed, x, 1));
        assert_memory_equal(changed, y, (size_t)(s * TOKENS) * sizeof *y);
        for (int t = s; t < T; t++)
            assert_memory_not_equal(changed + t * TOKENS, y + t * TOKENS, TOKENS * sizeof *y);
    }
    nn_model_free(m), nn_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_lengths),
        cmocka_unit_test(weights_per_position),
        cmocka_unit_test(weights_of_other_shapes),
        cmocka_unit_test(sharing_errors),
        cmocka_unit_test(sharing_a_part),
        cmocka_unit_test(sharing_takes_scaling_and_names),
        cmocka_unit_test(two_inputs_and_residual),
        cmocka_unit_test(attention_learns_to_copy),
        cmocka_unit_test(attention_hides_the_future),
    };
    return cmocka_run_group_tests_name("carry", tests, silence, NULL);
}
