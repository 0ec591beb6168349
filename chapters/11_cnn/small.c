/* Chapter 11: 99.5 % on MNIST with fewer than 40,000 weights.

   A sixth of race.c's weights, and half of its mistakes. Three things make up for them: five
   convolutions, one upon the other, each with batch norm, so that depth does not stop learning;
   the mean over each of the last maps instead of a large dense layer, which has most of the
   weights of the other network; and images that are moved, turned and scaled anew in each epoch,
   so that there is nothing to learn by heart. The price is time: minutes instead of seconds.
   `make small` builds it with OpenMP: all cores, the same bits. */
#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../program.h"

static nn_tensor *block(nn_tensor *x, int filters)
{
    x = nn_conv2d(x, filters, 3, .padding = NN_SAME, .no_bias = true);
    return nn_activate(nn_batch_norm(x), NN_RELU);
}

static nn_model *network(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *h = nn_input(m, 28, 28, 1);
    h = nn_max_pool2d(block(block(h, 16), 16), 2);
    h = nn_max_pool2d(block(block(h, 32), 32), 2);
    h = nn_global_avg_pool2d(block(h, 64));
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY,
               .optimizer = nn_adam(.lr = 1e-2, .schedule = { .kind = NN_ONE_CYCLE }));
    return m;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "11_cnn", 1, "99.5 % on MNIST with few weights");
    nn_data train, test;
    const char *name = program_load_digits(&p, &train, &test, p.quick ? 1000 : 0,
                                           p.quick ? 200 : 0);
    if (!name) return program_failed(&p);
    nn_model *m = network(p.seed);
    printf("%d images of %s, %d for the test; seed %llu\n", train.n, name, test.n,
           (unsigned long long)p.seed);
    if (nn_fit(m, &train, .epochs = p.quick ? 1 : 15, .batch_size = 128,
               .augment = { .shift = 2, .rotate = 10, .scale = 0.1 }))
        return 1;
    const nn_metrics r = nn_evaluate(m, &test);
    printf("%zu weights, test accuracy %.4f: %.0f wrong of %d\n", m->parameters, r.accuracy,
           (1 - r.accuracy) * test.n, test.n);
    nn_model_free(m), nn_data_free(&train), nn_data_free(&test);
    return 0;
}
