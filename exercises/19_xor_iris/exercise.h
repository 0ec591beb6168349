#include "nn.h"

/* Builds and trains a network for XOR: 2 inputs, one output between 0 and 1. `data` has the four
   samples with targets 0 or 1. Weights and order follow from `seed`. Returns the trained model,
   which the caller frees; NULL if a call failed. */
nn_model *train_xor(const nn_data *data, uint64_t seed);

/* The same for Iris: 4 measurements in cm, raw; 3 outputs, the probabilities of the species.
   `train` has 120 flowers with labels; you may attach a scaling to it. */
nn_model *train_iris(nn_data *train, uint64_t seed);
