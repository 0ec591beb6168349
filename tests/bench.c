/* The nn.h side of the speed comparisons: one work for each call, and only its training or
   inference is timed.

     build/bench work [epochs [samples [folder]]]
   prints  RESULT nn.h work threads seconds accuracy

   Works: mlp64, mlp512, cnn, race99 and sgd1 train on the IDX files of a folder (default: datasets/mnist), iris
   on datasets/iris.csv; the infer- ones predict random inputs, seconds for one call.
   bench.py calls this in turn with the same work in other libraries. Build with -fopenmp for
   several threads; OMP_NUM_THREADS sets their number. */
#define _POSIX_C_SOURCE 200112L
#define NN_IMPLEMENTATION
#include "../nn.h"
#include <time.h>

typedef struct work {
    const char *name;
    int inputs, hidden, layers, outputs, epochs, batch;
    double lr;
} work;

static const work works[] = {
    { "mlp64", 784, 64, 2, 10, 10, 128, 1e-3 },
    { "mlp512", 784, 512, 2, 10, 3, 128, 1e-3 },
    { "iris", 4, 4, 1, 3, 100, 10, 1e-3 },
    { "sgd1", 784, 100, 1, 10, 1, 1, 0.01 },
    { "cnn", 784, 128, 1, 10, 1, 128, 1e-3 },
    { "race99", 784, 256, 1, 10, 1, 256, 1e-2 },
    { "infer-mlp512-b1", 784, 512, 2, 10, 0, 1, 0 },
    { "infer-mlp512-b1024", 784, 512, 2, 10, 0, 1024, 0 },
    { "infer-cnn-b1", 784, 128, 1, 10, 0, 1, 0 },
    { "infer-cnn-b1024", 784, 128, 1, 10, 0, 1024, 0 },
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static nn_status load_digits(nn_data *data, const char *folder, const char *part, int samples)
{
    char images[512], labels[512];
    snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte", folder, part);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte", folder, part);
    return nn_load_idx(data, images, labels, .limit = samples);
}

static nn_status load(const work *w, nn_data *train, nn_data *test, int samples, const char *folder)
{
    nn_data iris;
    if (w->inputs != 4) {
        nn_status status = load_digits(train, folder, "train", samples);
        return status ? status : load_digits(test, folder, "t10k", 0);
    }
    nn_load_csv(&iris, "datasets/iris.csv", .label = "species");
    nn_status status = nn_split(&iris, train, test, .seed = 1, .stratify = true);
    nn_data_free(&iris);
    return status ? status : nn_standardise(train);
}

/* Convolutions and pools, twice: filters, size of the kernels. */
static nn_tensor *convolve(nn_tensor *x, int filters1, int size1, int filters2)
{
    nn_tensor *h = nn_max_pool2d(nn_conv2d(x, filters1, size1, .activation = NN_RELU), 2);
    return nn_flatten(nn_max_pool2d(nn_conv2d(h, filters2, 3, .activation = NN_RELU), 2));
}

/* The hidden layers, and an output layer with this activation. */
static nn_tensor *build(nn_model *m, const work *w, nn_activation activation)
{
    const bool race = strcmp(w->name, "race99") == 0, cnn = race || strstr(w->name, "cnn");
    nn_tensor *h = cnn ? nn_input(m, 28, 28, 1) : nn_input(m, w->inputs);
    if (cnn) h = race ? convolve(h, 24, 5, 32) : convolve(h, 32, 3, 64);
    for (int i = 0; i < w->layers; i++) h = nn_dense(h, w->hidden, .activation = NN_RELU);
    return nn_dense(h, w->outputs, .activation = activation);
}

/* As PyTorch's example for race99 has it, Adam for batches, plain SGD for single samples. */
static nn_optimizer optimizer_of(const work *w)
{
    if (strcmp(w->name, "race99") == 0)
        return nn_adam(.lr = w->lr, .beta1 = 0.7, .beta2 = 0.9,
                       .schedule = { .kind = NN_ONE_CYCLE, .rise = 0.2 });
    return w->batch == 1 ? nn_sgd(.lr = w->lr) : nn_adam(.lr = w->lr);
}

static int train(const work *w, int epochs, int samples, const char *folder, const char *threads)
{
    nn_data data, test;
    if (load(w, &data, &test, samples, folder)) return fprintf(stderr, "%s\n", nn_last_error()), 1;
    nn_model *m = nn_model_new(.seed = 1);
    nn_compile(m, build(m, w, NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY,
               .optimizer = optimizer_of(w));
    double start = seconds();
    nn_status status = nn_fit(m, &data, .epochs = epochs ? epochs : w->epochs,
                              .batch_size = w->batch, .quiet = true);
    double time = seconds() - start;
    nn_metrics r = nn_evaluate(m, &test);
    if (!status) printf("RESULT nn.h %s %s %.6g %.4f\n", w->name, threads, time, r.accuracy);
    nn_model_free(m), nn_data_free(&data), nn_data_free(&test);
    return status != NN_OK;
}

/* Mean seconds of nn_predict on one batch of numbers from 0 to 1, another batch each time; the
   outputs are logits, as in bench.py. */
static int infer(const work *w, const char *threads)
{
    enum { BATCHES = 4 };
    size_t n = (size_t)w->batch * (size_t)w->inputs;
    size_t calls = w->batch == 1 ? 2000 : 20;
    nn_model *m = nn_model_new(.seed = 1);
    nn_real *x = (nn_real *)malloc(BATCHES * n * sizeof *x);
    nn_real *y = (nn_real *)malloc((size_t)w->batch * (size_t)w->outputs * sizeof *y);
    nn_random random = nn_random_seed(1);
    nn_status status = nn_build(m, build(m, w, NN_LINEAR));
    if (!x || !y) return 1;
    for (size_t i = 0; i < BATCHES * n; i++) x[i] = (nn_real)nn_random_uniform(&random, 0, 1);
    for (size_t i = 0; i < BATCHES && !status; i++) status = nn_predict(m, y, x + i * n, w->batch);
    double start = seconds();
    for (size_t i = 0; i < calls && !status; i++)
        status = nn_predict(m, y, x + (i % BATCHES) * n, w->batch);
    double time = (seconds() - start) / (double)calls;
    if (!status) printf("RESULT nn.h %s %s %.6g nan\n", w->name, threads, time);
    nn_model_free(m), free(x), free(y);
    return status != NN_OK;
}

int main(int argc, char **argv)
{
    const char *text = getenv("OMP_NUM_THREADS"), *threads = text ? text : "1";
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++) {
        if (strcmp(argv[1], works[i].name) != 0) continue;
        if (works[i].epochs == 0) return infer(&works[i], threads);
        return train(&works[i], argc > 2 ? atoi(argv[2]) : 0, argc > 3 ? atoi(argv[3]) : 0,
                     argc > 4 ? argv[4] : "datasets/mnist", threads);
    }
    fprintf(stderr, "usage: bench work [epochs [samples [folder]]]; works:");
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) fprintf(stderr, " %s", works[i].name);
    fprintf(stderr, "\n");
    return 2;
}
