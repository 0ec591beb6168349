#include "nn.h"

/* What may be wrong with a training. */
typedef enum cause {
    UNKNOWN,
    RATE_TOO_HIGH, /* the learning rate */
    RATE_TOO_LOW,
    OVERFITTING, /* it learns its few samples by heart */
    TOO_SMALL, /* too few units for this task: underfitting */
    VANISHING, /* deep, with sigmoids: hardly any gradient comes to the first layers */
    LABELS_MIXED /* the training labels do not belong to their samples */
} cause;

/* A learning curve: what nn_fit kept of each epoch. Entry e is of epoch e + 1. */
typedef struct curve {
    int epochs, classes; /* at least 40 epochs; all classes are equally frequent */
    const double *loss, *val_loss; /* (epochs): cross-entropy, training and validation [F3.6] */
    const double *accuracy, *val_accuracy; /* (epochs): the share that is right, 0 to 1 */
} curve;

/* Names what is wrong, from the curve alone. */
cause diagnose(const curve *c);

/* How the grader builds and trains a network with nn.h: `layers` hidden layers of `units` units,
   then a softmax for the classes. */
typedef struct recipe {
    int layers, units; /* at most 8, and at most 64 */
    nn_activation activation; /* of the hidden layers: NN_SIGMOID, NN_TANH ...; not NN_LINEAR */
    nn_optimizer_kind optimizer; /* NN_SGD, NN_ADAM ... */
    double rate; /* the learning rate */
    double l2; /* the penalty on large weights [F6.2] */
    int batch, epochs; /* samples in a step, at least 4; at most 400 */
} recipe;

/* A recipe with which the gradient vanishes. Returns it with one field changed, such that the
   network learns. */
recipe repair(recipe given);
