/* Grader of 19_xor_iris. What it can say about a network that did not learn, it reads from the
   network: its outputs, its losses, its number of steps. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

enum { FAR = 64, XOR_SEEDS = 10, IRIS_SEEDS = 3, TEST = 30, SPLIT = 42, ENOUGH = 28 };

const kit_mistake kit_mistakes[] = { { 0 } };

/* Without the line that nn_fit writes for each epoch: 300 of them in 10 trainings are too much. */
static void log_errors(void *user, nn_log_level level, const char *text)
{
    (void)user;
    if (level >= NN_LOG_WARNING) fprintf(stderr, "%s\n", text);
}

static const nn_real corners[8] = { 0, 0, 0, 1, 1, 0, 1, 1 };
static const nn_real answers[4] = { 0, 1, 1, 0 };

static void load_xor(nn_data *data)
{
    nn_set_log(log_errors, NULL);
    nn_status status =
        nn_data_from(data, corners, 4, { 2 }, .targets = answers, .target_shape = { 1 });
    kit_true("data", !status, "the grader cannot make its data: %s", nn_last_error());
}

/* The fixed split: the same 30 flowers for everyone. */
static void load_iris(nn_data *train, nn_data *test)
{
    nn_data all;
    nn_set_log(log_errors, NULL);
    nn_load_csv(&all, "datasets/iris.csv", .label = "species");
    nn_status status =
        nn_split(&all, train, test, .fraction = 0.2, .seed = SPLIT, .stratify = true);
    kit_true("data", !status, "the grader cannot read datasets/iris.csv: %s", nn_last_error());
    nn_data_free(&all);
}

/* What has to be so before outputs can be looked at. */
static void look_at_model(const nn_model *m, int outputs)
{
    kit_true("model", m != NULL, "there is no model: NULL came back. The last error of nn.h: %s",
             nn_last_error());
    int size = m->output ? (int)m->output->size : 0;
    kit_true("outputs", size == outputs,
             size ? "the network has %d outputs: this one needs %d"
                  : "nn_compile was not called, or did not take the network: it returns 0 only if "
                    "all is well. What nn.h says stands below; its first line is the cause",
             size, outputs);
    kit_true("trained", m->updates > 0,
             "the network was built, but never trained: no step was made (nn_fit)");
}

/* How the loss went, in words; for a network that did not learn. */
static const char *advice(const nn_model *m)
{
    int n = m->history.epochs;
    if (n < 2) return "One epoch is not enough: .epochs";
    double first = m->history.epoch[0].loss, last = m->history.epoch[n - 1].loss;
    double before = m->history.epoch[n - 1 - n / 10].loss;
    if (!(last <= first)) return "The loss grew: is the learning rate too large?";
    if (m->updates < 150 && last > 0.9 * first)
        return "It hardly began to learn: train longer (.epochs), with a larger rate";
    if (last < 0.997 * before) return "The loss still falls: train longer, or with a larger rate";
    return "The loss stands still, above 0: try more hidden units, tanh, or Adam";
}

/* 1: the network is linear up to its sigmoid: then the logits of opposite corners have one sum. */
static int is_linear(const nn_real *y)
{
    double z[4];
    for (int i = 0; i < 4; i++) z[i] = log((double)y[i]) - log1p(-(double)y[i]);
    return fabs(z[0] + z[3] - z[1] - z[2]) < 1e-3 * (1 + fabs(z[0]) + fabs(z[3]));
}

static int knows_xor(const nn_real *y)
{
    return y[0] < 0.1f && y[1] > 0.9f && y[2] > 0.9f && y[3] < 0.1f;
}

/* 1: all outputs lie between 0 and 1, also far from the corners. */
static int is_between(nn_model *m)
{
    nn_real x[2 * FAR], y[FAR];
    for (int i = 0; i < FAR; i++)
        x[2 * i] = (nn_real)(i % 8 - 3), x[2 * i + 1] = (nn_real)(i / 8 - 3);
    nn_predict(m, y, x, FAR);
    int between = 1;
    for (int i = 0; i < FAR; i++) between &= y[i] >= 0 && y[i] <= 1;
    return between;
}

/* Trains with XOR_SEEDS seeds. Says why the first that failed may have. */
static void check_xor(void)
{
    nn_data data;
    nn_model *bad = NULL;
    float *y = kit_output_float("outputs", XOR_SEEDS, 4), *worst = y;
    int right = 0, seed = kit_between(1, 1000), first_bad = 0, between = 1;
    load_xor(&data);
    for (int k = 0; k < XOR_SEEDS; k++) {
        nn_model *m = train_xor(&data, (uint64_t)(seed + k));
        if (k == 0 || !m) look_at_model(m, 1);
        nn_predict(m, y + 4 * k, corners, 4);
        between &= is_between(m);
        int good = knows_xor(y + 4 * k);
        right += good;
        if (!good && !bad) bad = m, worst = y + 4 * k, first_bad = seed + k;
        else nn_model_free(m);
    }
    kit_true(
        "between", between,
        "an output lies outside of 0..1, here or elsewhere in the plane: a sigmoid is missing at "
        "the end (.activation = NN_SIGMOID)");
    kit_true("bent", !bad || !is_linear(worst),
             "the network is linear up to its output, and no line divides XOR: it needs a hidden "
             "layer with an activation (.activation = NN_TANH)");
    kit_true(
        "10 seeds", right == XOR_SEEDS,
        "%d of 10 seeds learned XOR. Seed %d: outputs %.2f %.2f %.2f %.2f, should be 0 1 1 0. %s",
        right, first_bad, (double)worst[0], (double)worst[1], (double)worst[2], (double)worst[3],
        bad ? advice(bad) : "");
}

static void check_iris(void)
{
    float *p = kit_output_float("outputs", IRIS_SEEDS, TEST * 3);
    int seed = kit_between(1, 1000);
    double sum = 0;
    for (int k = 0; k < IRIS_SEEDS; k++) {
        nn_data train, test;
        load_iris(&train, &test);
        nn_model *m = train_iris(&train, (uint64_t)(seed + k));
        look_at_model(m, 3);
        nn_predict_data(m, p + k * TEST * 3, &test);
        for (int i = 0; i < 3; i++) sum += (double)p[k * TEST * 3 + i];
        kit_true(
            "probabilities", fabs(sum - k - 1) < 1e-3,
            "the three outputs of a flower sum to %.3f, not to 1: a softmax is missing at the end",
            sum - k);
        int right = (int)lround(nn_evaluate(m, &test).accuracy * TEST);
        kit_true("28 of 30", right >= ENOUGH,
                 "with seed %d, %d of the 30 test flowers are right; 28 are asked for. %s",
                 seed + k, right, advice(m));
        nn_data_free(&train), nn_data_free(&test), nn_model_free(m);
    }
}

/* The same seed gives the same network; another one another. */
static void check_seed(void)
{
    nn_data data;
    float *y = kit_output_float("outputs", 3, 4);
    double wide[12];
    load_xor(&data);
    for (int k = 0; k < 3; k++) {
        nn_model *m = train_xor(&data, (uint64_t)(k == 2 ? 8 : 7));
        look_at_model(m, 1);
        nn_predict(m, y + 4 * k, corners, 4);
        nn_model_free(m);
    }
    for (int i = 0; i < 12; i++) wide[i] = (double)y[i];
    kit_same("same seed", wide, wide + 4, 4, 0, "the same seed gave two different networks");
    int differs = 0, learned = 0; /* 0.5 everywhere says nothing about the seed */
    for (int i = 0; i < 4; i++) differs |= wide[4 + i] != wide[8 + i];
    for (int i = 0; i < 4; i++) learned |= fabs(wide[i] - 0.5) > 0.05;
    kit_true("other seed", differs || !learned,
             "two seeds gave the same network: hand the seed to nn_model_new(.seed = seed)");
}

const kit_check kit_checks[] = {
    { "xor", 4, 1, check_xor },
    { "seed", 1, 1, check_seed },
    { "iris", 4, 2, check_iris },
    { 0 },
};

/* What the learner's network answers between the corners, and its confusion matrix on the test. */
void kit_reward(void)
{
    nn_data data, train, test;
    int counts[9];
    load_xor(&data), load_iris(&train, &test);
    nn_model *m = train_xor(&data, 1), *iris = train_iris(&train, 1);
    printf("Your network between the corners of XOR (# above 0.5):\n");
    for (int row = 0; row < 9; row++) {
        for (int col = 0; col < 33; col++) {
            nn_real x[2] = { (nn_real)(col / 16.0 - 0.5), (nn_real)(1.5 - row / 4.0) }, y = 0;
            nn_predict(m, &y, x, 1);
            putchar(y > (nn_real)0.5 ? '#' : '.');
        }
        putchar('\n');
    }
    nn_confusion(iris, &test, counts);
    printf("Iris, the 30 test flowers (row: what it is, column: what your network says):\n");
    for (int c = 0; c < 3; c++)
        printf("  %-12s %3d %3d %3d\n", nn_class_name(iris, c), counts[3 * c], counts[3 * c + 1],
               counts[3 * c + 2]);
}
