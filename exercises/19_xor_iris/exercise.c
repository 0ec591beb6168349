// 19_xor_iris: two networks with nn.h. The page: exercises/19_xor_iris/README.md
#include "exercise.h"

nn_model *train_xor(const nn_data *data, uint64_t seed)
{
    // TODO(1/2): model, input, layers, nn_compile, nn_fit. About 8 lines.
    (void)data, (void)seed; // delete this line
    return NULL;
}

nn_model *train_iris(nn_data *train, uint64_t seed)
{
    // TODO(2/2): the same, with a scaling of the data. About 9 lines.
    (void)train, (void)seed; // delete this line
    return NULL;
}
