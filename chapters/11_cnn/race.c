/* Chapter 11: a race to 99 % on MNIST, in one epoch.

   Two small convolutions, one hidden layer, 215,194 weights. What makes one epoch enough is the
   schedule: the learning rate climbs to 0.01 in a fifth of the steps and falls to almost nothing
   again (one-cycle), and Adam forgets faster than it does by default (beta1 0.7, beta2 0.9). Five
   seeds, because one run says little about the third digit. `make race` builds it with OpenMP: all
   cores, the same bits. */
#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../program.h"

static nn_model *network(uint64_t seed)
{
    nn_model *m = nn_model_new(.seed = seed);
    nn_tensor *h = nn_input(m, 28, 28, 1);
    h = nn_max_pool2d(nn_conv2d(h, 24, 5, .activation = NN_RELU), 2);
    h = nn_max_pool2d(nn_conv2d(h, 32, 3, .activation = NN_RELU), 2);
    h = nn_dense(nn_flatten(h), 256, .activation = NN_RELU);
    nn_tensor *y = nn_dense(h, 10, .activation = NN_SOFTMAX);
    nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY,
               .optimizer = nn_adam(.lr = 1e-2, .beta1 = 0.7, .beta2 = 0.9,
                                    .schedule = { .kind = NN_ONE_CYCLE, .rise = 0.2 }));
    return m;
}

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "11_cnn", 1, "a race to 99 % on MNIST in one epoch");
    nn_data train, test;
    const char *name =
        program_load_digits(&p, &train, &test, p.quick ? 1000 : 0, p.quick ? 200 : 0);
    if (!name) return program_failed(&p);
    const int runs = p.quick ? 1 : 5;
    double seconds = 0, accuracy = 0;
    printf("%d images of %s, %d for the test; one epoch for each of %d seeds, from %llu on\n\n",
           train.n, name, test.n, runs, (unsigned long long)p.seed);
    printf("| seed | seconds | accuracy |\n|---|---|---|\n");
    for (int k = 0; k < runs; k++) {
        nn_model *m = network(p.seed + (uint64_t)k);
        if (nn_fit(m, &train, .epochs = 1, .batch_size = 256, .quiet = true)) return 1;
        const nn_metrics r = nn_evaluate(m, &test);
        printf("| %llu | %.2f | %.4f |\n", (unsigned long long)p.seed + (unsigned long long)k,
               m->history.epoch[0].seconds, r.accuracy);
        seconds += m->history.epoch[0].seconds / runs, accuracy += r.accuracy / runs;
        nn_model_free(m);
    }
    printf("| mean | %.2f | %.4f |\n", seconds, accuracy);
    nn_data_free(&train), nn_data_free(&test);
    return 0;
}
