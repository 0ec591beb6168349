/* Built with -ffast-math and NN_ALLOW_FAST_MATH: NaN and infinity are still found in data and in a
   step, and NaN as "there is none" is still understood. All tests of NaN here look at the bits. */
#include "nn.h"
#include <stdio.h>
#include <string.h>

static int failures;

static void check(bool ok, const char *what)
{
    if (!ok) printf("fast math: %s; the last error: %s\n", what, nn_last_error()), failures++;
}

static double number_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static bool is_nan(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits << 1) > UINT64_C(0xffe0000000000000);
}

static bool all_finite(const nn_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        if ((bits & 0x7f800000u) == 0x7f800000u) return false;
    }
    return true;
}

/* y = 2 x1 - x2 on 16 points, where `bad` stands in place of one value of x. */
static void line(nn_data *data, nn_real bad, bool use)
{
    nn_real x[32], y[16];
    for (int i = 0; i < 16; i++) {
        x[2 * i] = (nn_real)(i % 4) / 4, x[2 * i + 1] = (nn_real)(i / 4) / 4;
        y[i] = 2 * x[2 * i] - x[2 * i + 1];
    }
    if (use) x[11] = bad;
    nn_data_from(data, x, 16, { 2 }, .targets = y, .target_shape = { 1 });
}

static nn_model *linear_model(double lr)
{
    nn_model *m = nn_model_new(.seed = 5);
    nn_compile(m, nn_dense(nn_input(m, 2), 1), .loss = NN_MSE, .optimizer = nn_sgd(.lr = lr));
    return m;
}

int main(void)
{
    const double nan = number_of(UINT64_C(0x7ff8000000000000));
    const double infinity = number_of(UINT64_C(0x7ff0000000000000));
    nn_data data;
    nn_model *m = linear_model(0.1);
    nn_set_log(NULL, NULL);

    line(&data, (nn_real)nan, true);
    check(nn_fit(m, &data) == NN_ERR_DATA, "NaN in the data is not found");
    nn_data_free(&data);
    line(&data, (nn_real)infinity, true);
    check(nn_fit(m, &data) == NN_ERR_DATA, "infinity in the data is not found");
    nn_data_free(&data);

    line(&data, 0, false);
    check(!nn_fit(m, &data, .epochs = 40, .patience = 3), "nn_fit");
    check(m->history.epochs == 40 && !m->history.stopped_early, "early stopping on a NaN");
    check(is_nan(m->history.epoch[0].val_loss), "val_loss is not NaN without validation data");
    check(m->history.epoch[39].loss < 0.5 * m->history.epoch[0].loss, "the loss did not fall");
    nn_model_free(m);

    m = linear_model(1e18);
    check(nn_fit(m, &data, .epochs = 40) == NN_ERR_NUMERIC, "infinity in a step is not found");
    check(all_finite(m->values, m->parameters), "the step that failed changed the parameters");
    m->values[0] = (nn_real)nan;
    check(nn_fit(m, &data) == NN_ERR_NUMERIC, "NaN in a step is not found");
    nn_model_free(m), nn_data_free(&data);

    m = nn_model_new(.seed = 5);
    check(
        nn_compile(m, nn_dense(nn_input(m, 2), 1), .loss = NN_MSE, .optimizer = nn_sgd(.lr = nan)),
        "a learning rate of NaN is accepted");
    nn_model_free(m);

    const char *text = "a,b\n1,1e999\n";
    check(nn_load_csv(&data, "text", .text = text, .text_size = strlen(text)) == NN_ERR_FORMAT,
          "1e999 in a CSV is not found");
    nn_data_free(&data);
    return failures > 0;
}
