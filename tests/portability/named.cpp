// C++20: every argument by name. Trains Iris, with the code in this file (-DNN_IMPLEMENTATION) or
// in a C file that it is linked with.
#include "nn.h"
#include <cstdio>

int main()
{
    nn_data iris, train, test;
    nn_load_csv(.data = &iris, .path = "datasets/iris.csv", .label = "species");
    nn_split(.data = &iris, .train = &train, .test = &test, .fraction = 0.2, .seed = 42,
             .stratify = true);
    nn_standardise(&train);

    nn_model *m = nn_model_new(.seed = 42);
    nn_tensor *x = nn_input(.model = m, .dim0 = 4);
    nn_tensor *h = nn_dense(.x = x, .units = 16, .activation = NN_RELU);
    h = nn_dropout(.x = nn_add(.a = h, .b = nn_scale(.x = h, .factor = 0.5)), .rate = 0.1);
    nn_tensor *y = nn_dense(.x = h, .units = 3, .activation = NN_SOFTMAX);
    nn_compile(.model = m, .output = y, .loss = NN_SPARSE_CROSS_ENTROPY,
               .optimizer = nn_adam(.lr = 0.01));
    nn_fit(.model = m, .data = &train, .epochs = 60, .batch_size = 8, .quiet = true);
    nn_metrics r = nn_evaluate(m, &test);
    std::printf("accuracy %.4f, %s\n", r.accuracy, nn_last_error());
    nn_model_free(m), nn_data_free(&iris), nn_data_free(&train), nn_data_free(&test);
    return r.accuracy >= 0.9 ? 0 : 1;
}
