/* The nn.h side of the speed comparisons: one work per call, training or inference time only.

     build/bench mlp64|mlp512|iris|sgd1 [epochs]     prints  RESULT nn.h work threads seconds accuracy

   The digits are MNIST where it is present, else made digits; bench.py calls this in turn with the
   same work in other libraries. OMP_NUM_THREADS sets the threads. */
#define NN_IMPLEMENTATION
#include "../nn.h"

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
};

static const char *folder = "datasets/mnist";

static nn_status load_digits(nn_data *data, const char *part)
{
    char images[128], labels[128];
    snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte", folder, part);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte", folder, part);
    return nn_load_idx(data, images, labels);
}

static nn_status load(const work *w, nn_data *train, nn_data *test)
{
    nn_data iris;
    if (w->inputs != 4) {
        if (load_digits(train, "train") == NN_OK) return load_digits(test, "t10k");
        folder = "datasets/made";
        nn_status status = load_digits(train, "train");
        return status ? status : load_digits(test, "t10k");
    }
    nn_load_csv(&iris, "datasets/iris.csv", .label = "species");
    nn_status status = nn_split(&iris, train, test, .seed = 1, .stratify = true);
    nn_data_free(&iris);
    return status ? status : nn_standardise(train);
}

static nn_model *build(const work *w)
{
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *h = nn_input(m, w->inputs);
    for (int i = 0; i < w->layers; i++) h = nn_dense(h, w->hidden, .activation = NN_RELU);
    h = nn_dense(h, w->outputs, .activation = NN_SOFTMAX);
    if (w->batch == 1)
        nn_compile(m, h, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_sgd(.lr = w->lr));
    else
        nn_compile(m, h, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = w->lr));
    return m;
}

static int run(const work *w, int epochs)
{
    nn_data train, test;
    const char *threads = getenv("OMP_NUM_THREADS");
    if (load(w, &train, &test) != NN_OK) return fprintf(stderr, "%s\n", nn_last_error()), 1;
    nn_model *m = build(w);
    double start = nn__seconds();
    nn_status status = nn_fit(m, &train, .epochs = epochs ? epochs : w->epochs,
                              .batch_size = w->batch, .quiet = true);
    double seconds = nn__seconds() - start;
    nn_metrics r = nn_evaluate(m, &test);
    if (status == NN_OK)
        printf("RESULT nn.h %s %s %.6g %.4f %s\n", w->name, threads ? threads : "1", seconds,
               r.accuracy, w->inputs == 4 ? "iris" : folder);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
    return status != NN_OK;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++)
        if (strcmp(argv[1], works[i].name) == 0) return run(&works[i], argc > 2 ? atoi(argv[2]) : 0);
    fprintf(stderr, "usage: bench mlp64|mlp512|iris|sgd1 [epochs]\n");
    return 2;
}
