// C++17 has no named arguments: the structs are filled field by field. Trains XOR.
#include "nn.h"
#include <cstdio>

static nn_tensor *dense(nn_tensor *x, int units, nn_activation activation)
{
    nn_dense_args args = {};
    args.x = x, args.units = units, args.activation = activation;
    return nn_dense_make(args);
}

int main()
{
    const nn_real values[] = { 0, 0, 0, 1, 1, 0, 1, 1 }, targets[] = { 0, 1, 1, 0 };
    nn_data data;
    nn_array_args from = {};
    from.data = &data, from.values = values, from.n = 4, from.shape[0] = 2;
    from.targets = targets, from.target_shape[0] = 1;
    nn_data_from_make(from);

    nn_model_args model = {};
    model.seed = 1;
    nn_model *m = nn_model_new_make(model);
    nn_input_args input = {};
    input.model = m, input.dim0 = 2;
    nn_tensor *y = dense(dense(nn_input_make(input), 8, NN_TANH), 1, NN_SIGMOID);
    nn_compile_args compile = {};
    compile.model = m, compile.output = y, compile.loss = NN_BINARY_CROSS_ENTROPY;
    compile.optimizer.lr = 0.05;
    nn_compile_make(compile);
    nn_fit_args fit = {};
    fit.model = m, fit.data = &data, fit.epochs = 300, fit.batch_size = NN_FULL_BATCH;
    fit.quiet = true;
    nn_fit_make(fit);
    nn_metrics r = nn_evaluate(m, &data);
    std::printf("loss %.4f, accuracy %.4f, %s\n", r.loss, r.accuracy, nn_last_error());
    nn_model_free(m), nn_data_free(&data);
    return r.accuracy > 0.99 ? 0 : 1;
}
