/* nn.h - 0.1.0 - neural networks in one C header, on the CPU. Public domain or MIT-0, your choice.

   DO THIS
     In one C or C++ file of your program:      In every other file that uses it:
         #define NN_IMPLEMENTATION                  #include "nn.h"
         #include "nn.h"
     Build:  cc -O2 main.c -lm      (-fopenmp uses all cores and changes no bit of the results)

   QUICK START (datasets/iris.csv has 150 flowers: four measurements and a species)
         #define NN_IMPLEMENTATION
         #include "nn.h"

         int main(void)
         {
             nn_data iris, train, test;
             nn_load_csv(&iris, "datasets/iris.csv", .label = "species");
             nn_split(&iris, &train, &test, .fraction = 0.2, .seed = 42, .stratify = true);
             nn_standardise(&train);

             nn_model  *m = nn_model_new(.seed = 42);
             nn_tensor *x = nn_input(m, 4);
             nn_tensor *h = nn_dense(x, 16, .activation = NN_RELU);
             nn_tensor *y = nn_dense(h, 3, .activation = NN_SOFTMAX);
             nn_compile(m, y, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = nn_adam(.lr = 0.01));
             if (nn_fit(m, &train, .epochs = 100, .batch_size = 10)) return 1;

             nn_metrics r = nn_evaluate(m, &test);
             printf("test loss %.3f, accuracy %.3f\n", r.loss, r.accuracy);
             nn_model_free(m), nn_data_free(&iris), nn_data_free(&train), nn_data_free(&test);
             return 0;
         }

   CONTENTS (search for the tag: it stands above the declarations and again above the code)
     >>config   options, version, compiler and platform
     >>error    status codes, messages, the log, the allocator, checked sizes
     >>random   one seeded generator that can be split
     >>simd     vectors, and the choice of the CPU's instruction set
     >>matmul   the matrix product that everything heavy is built on
     >>kernels  the formulas on plain arrays, forward and backward side by side
     >>data     data sets: CSV, IDX, images, arrays; scaling, splitting, shuffling, augmenting
     >>graph    tensors and layers: a model is a graph of tensors that functions build
     >>train    losses, optimizers, schedules, compile, fit, evaluate, predict
     >>inspect  summary, gradient check, dead units
     >>files    models in safetensors files, arrays in npy files, a network as C source

   OPTIONS (define before the include, the same in every file)
     NN_IMPLEMENTATION    the code, in exactly one file
     NN_STATIC            everything is static: a private copy, in files with NN_IMPLEMENTATION. The
                          compiler leaves out what you do not call: smaller, and built sooner
     NN_DOUBLE            nn_real is double, scalar code: for gradient checks and references
     NN_NO_SIMD           scalar code only
     NN_ASSERT(x)         what a broken contract in a kernel does (assert of <assert.h>)
     NN_ALLOW_FAST_MATH   accept -ffast-math, which nn.h refuses: NaN is still found
     NN_SELF "other.h"    the name of this file, if it is not nn.h: it includes itself for each CPU
     NN_USE_STB_IMAGE     read PNG, JPEG and BMP with stb_image.h, which lies beside nn.h or in the
                          include path (Debian: libstb-dev); needed where NN_IMPLEMENTATION is.
                          Folders are listed with POSIX's dirent.h, which MinGW has too.
   In the environment: NN_CPU=scalar, sse2, avx2 or avx512 chooses the code path.

   CONVENTIONS
     Sizes      B batch, T time, C channels or classes, H height, W width, K kernel; I inputs and
                O outputs of a layer.
     Batch      the first dimension, and implicit: nn_input(m, 28, 28, 1) is (B, 28, 28, 1).
     Axes       count the batch as axis 0, so 1 is the first you wrote; 0 or -1 is the last.
     Images     height, width, channels. Dense weights are (outputs, inputs), as in PyTorch.
     Arguments  required ones by position, options by name: nn_dense(x, 64, .activation = NN_RELU).
                What is left out is zero, and zero means the default. (C++: C++20, all by name,
                and with g++ -Wextra also -Wno-missing-field-initializers.)
     dx         is dL/dx, the gradient of the loss by x. Backward kernels add to it (+=).
     F2.5       numbers like this one name the formulas that the chapters derive.
     Errors     a call returns a status (NN_OK is 0), or NULL; nn_last_error() is the sentence. A
                constructor that gets NULL returns NULL, and a data set whose loading failed makes
                later calls fail with its first sentence, so a program may check once, at nn_fit.
                Calls on a model log their errors; calls on data only return them.
     Threads    a model or a data set belongs to one thread at a time; several models may work at
                the same time, also with the same weights (nn_share).

   NUMERICS
     float unless NN_DOUBLE. Losses, metrics, norms and statistics are summed in double. The same
     seed gives the same bits on the same machine, whatever the number of threads. NaN and infinity
     are found in the step in which they appear, and that step leaves the parameters as they were.

   SOURCES
     The formulas are numbered as in the workbook (chapters/); optimizers follow PyTorch.
     He et al. 2015, Glorot and Bengio 2010 (initialisation); Kingma and Ba 2015 (Adam); Loshchilov
     and Hutter 2019 (AdamW); Srivastava et al. 2014 (dropout); Ioffe and Szegedy 2015 (batch norm);
     Ba, Kiros and Hinton 2016 (layer norm); Goto and van de Geijn 2008 (matrix product); Steele,
     Lea and Flood 2014 (SplitMix64). */

#ifndef NN_H
#define NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ======================================================================== >>config ======== */

#define NN_VERSION "0.1.0"
#define NN_MAX_RANK 4 /* dimensions of a tensor besides the batch */
#define NN_MAX_INPUTS 4 /* inputs of one model or data set */
#define NN_NAME_SIZE 40 /* characters of a layer's name, with the closing zero */

#ifdef NN_DOUBLE
typedef double nn_real;
#else
typedef float nn_real;
#endif

#if defined(__GNUC__)
#define NN__UNUSED __attribute__((unused))
#define NN__PRINTF(text, rest) __attribute__((format(printf, text, rest)))
#else
#define NN__UNUSED
#define NN__PRINTF(text, rest)
#endif

#ifdef NN_STATIC
#define NN_API NN__UNUSED static
#else
#define NN_API extern
#endif

/* The call site that every call with named arguments carries, so that an error can name it. */
typedef struct nn_place {
    const char *file;
    int line;
} nn_place;

/* clang-format off */
#define NN_HERE { __FILE__, __LINE__ }
/* clang-format on */
#ifdef __cplusplus
#define NN_ARGS(type) type
#else
#define NN_ARGS(type) (type)
#endif

/* ======================================================================== >>error ============
   Two kinds, never mixed. A broken contract inside a kernel (NULL, a negative size) is NN_ASSERT.
   Whatever data, a file, memory or a wrong shape can cause is a status and one sentence. */

#define NN_STATUS_LIST(X)                                                                          \
    X(NN_OK, "no error")                                                                           \
    X(NN_ERR_ARGUMENT, "an argument is outside its range")                                         \
    X(NN_ERR_SHAPE, "shapes do not fit together")                                                  \
    X(NN_ERR_MEMORY, "out of memory")                                                              \
    X(NN_ERR_FILE, "a file cannot be opened, read or written")                                     \
    X(NN_ERR_FORMAT, "a file does not have the format it should have")                             \
    X(NN_ERR_DATA, "the data has a value that cannot be used")                                     \
    X(NN_ERR_NUMERIC, "NaN or infinity appeared, or a gradient is wrong")                          \
    X(NN_ERR_STATE, "a call came before the call that it needs")

#define NN__STATUS_ENUM(name, text) name,
typedef enum nn_status { NN_STATUS_LIST(NN__STATUS_ENUM) NN_STATUS_COUNT } nn_status;

/* The general meaning of a status, such as "out of memory". */
NN_API const char *nn_status_text(nn_status status);

/* The sentence of the last call that failed in this thread: what, where, and what to do next. */
NN_API const char *nn_last_error(void);

typedef enum nn_log_level {
    NN_LOG_PROGRESS, /* a line that the next one replaces, for a terminal */
    NN_LOG_INFO, /* a line that stays */
    NN_LOG_WARNING,
    NN_LOG_ERROR
} nn_log_level;

typedef void nn_log_function(void *user, nn_log_level level, const char *text);

/* Sends all that the library prints to `log`; NULL silences it. nn_log_default, set at the start,
   writes progress and lines to stdout, warnings and errors to stderr. It is for the whole
   program: set it before other threads start. */
NN_API void nn_set_log(nn_log_function *log, void *user);
NN_API void nn_log_default(void *user, nn_log_level level, const char *text);

/* Where memory comes from. `allocate` returns NULL when there is none, else memory aligned as
   malloc's. */
typedef struct nn_allocator {
    void *(*allocate)(void *user, size_t bytes);
    void (*release)(void *user, void *memory);
    void *user;
} nn_allocator;

/* Uses `allocator` from now on; NULL: malloc and free. Set it while nothing of nn.h is alive. */
NN_API void nn_set_allocator(const nn_allocator *allocator);

/* ======================================================================== >>random ===========
   One generator, SplitMix64 (Steele, Lea, Flood 2014): a counter that grows by an odd constant,
   through a mixing function. The same seed gives the same integers and uniform numbers on every
   platform; normal ones use the platform's log and cos. */

typedef struct nn_random {
    uint64_t state;
} nn_random;

/* A generator that starts from `seed`. */
NN_API nn_random nn_random_seed(uint64_t seed);

/* An independent generator for this stream number. The parent does not change, so the order of
   splits does not matter. */
NN_API nn_random nn_random_split(const nn_random *random, uint64_t stream);

/* All 64 bits. */
NN_API uint64_t nn_random_u64(nn_random *random);

/* 0 .. n - 1, each equally likely; n > 0. */
NN_API uint64_t nn_random_below(nn_random *random, uint64_t n);

/* low <= value < high, and a normal number. */
NN_API double nn_random_uniform(nn_random *random, double low, double high);
NN_API double nn_random_normal(nn_random *random, double mean, double deviation);

/* Shuffles n indices, every order equally likely (Fisher and Yates). */
NN_API void nn_random_shuffle(nn_random *random, int *index, int n);

/* ======================================================================== >>simd ========== */

/* The code path in use: "scalar", "sse2", "avx2", "avx512", "neon" or "wasm". Chosen at first use:
   the fastest that the CPU has, or NN_CPU's. */
NN_API const char *nn_cpu_name(void);

/* ======================================================================== >>matmul ======== */

enum { NN_TRANSPOSE_A = 1, NN_TRANSPOSE_B = 2, NN_ACCUMULATE = 4 };

/* C = A B, the product of row-major matrices: C (m, n), A (m, k), B (k, n).
   NN_TRANSPOSE_A: A is stored (k, m). NN_TRANSPOSE_B: B is stored (n, k). NN_ACCUMULATE: C += A B.
   `work` has nn_matmul_work_size(m, n, k) numbers. C overlaps neither A nor B. */
NN_API void nn_matmul(nn_real *c, const nn_real *a, const nn_real *b, int m, int n, int k,
                      int flags, nn_real *work);
NN_API size_t nn_matmul_work_size(int m, int n, int k);

/* ======================================================================== >>kernels ==========
   The formulas on plain arrays that you own. A model is these calls in the right order, nothing
   more; chapters 01 to 05 use them by hand. Forward writes its output; backward adds to dx, so
   zero dx first. */

#define NN_ACTIVATION_LIST(X)                                                                      \
    X(NN_LINEAR, "linear")                                                                         \
    X(NN_RELU, "relu")                                                                             \
    X(NN_LEAKY_RELU, "leaky_relu")                                                                 \
    X(NN_ELU, "elu")                                                                               \
    X(NN_SIGMOID, "sigmoid")                                                                       \
    X(NN_TANH, "tanh")                                                                             \
    X(NN_GELU, "gelu")                                                                             \
    X(NN_SILU, "silu")                                                                             \
    X(NN_SOFTPLUS, "softplus")                                                                     \
    X(NN_SOFTMAX, "softmax")                                                                       \
    X(NN_LOG_SOFTMAX, "log_softmax")

#define NN__ACTIVATION_ENUM(name, text) name,
typedef enum nn_activation {
    NN_ACTIVATION_LIST(NN__ACTIVATION_ENUM) NN_ACTIVATION_COUNT
} nn_activation;

/* The name in lower case, such as "leaky_relu". */
NN_API const char *nn_activation_name(nn_activation kind);

/* y = g(x), and dx += dy g'(x), for n numbers: all activations but softmax and log-softmax.
   alpha: the slope of leaky ReLU for x < 0, the depth of ELU; the others ignore it. y may be x in
   forward. Backward reads y, and x only for GELU and SiLU: x may be NULL for the others.
   [F2.1 to F2.6] */
NN_API void nn_activation_forward(nn_activation kind, double alpha, nn_real *y, const nn_real *x,
                                  size_t n);
NN_API void nn_activation_backward(nn_activation kind, double alpha, nn_real *dx, const nn_real *dy,
                                   const nn_real *x, const nn_real *y, size_t n);

/* Softmax and its logarithm along the rows of (B, C). y may be x. Backward uses y only.  [F2.5] */
NN_API void nn_softmax_forward(nn_real *y, const nn_real *x, int B, int C);
NN_API void nn_softmax_backward(nn_real *dx, const nn_real *dy, const nn_real *y, int B, int C);
NN_API void nn_log_softmax_forward(nn_real *y, const nn_real *x, int B, int C);
NN_API void nn_log_softmax_backward(nn_real *dx, const nn_real *dy, const nn_real *y, int B, int C);

/* Losses: one number for each sample, loss (B), from predictions y and targets t (B, C). The loss
   of the batch is the mean of them, so its backward starts from dloss_b = 1/B.  [F3.1 to F3.6]
     mse, mae, huber  the mean over the outputs of a squared, absolute, or mixed difference
     bce              binary cross-entropy: the mean over the outputs
     multi_label      the sum of the same over the outputs (F3.5)
     cross_entropy    the sum over the classes
   The last three take probabilities; a prediction or target outside [0, 1] gives a loss of NaN.
   The _logits forms take the numbers before the sigmoid and cannot overflow. */
NN_API void nn_mse_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C);
NN_API void nn_mse_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C);
NN_API void nn_mae_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C);
NN_API void nn_mae_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C);
NN_API void nn_huber_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C,
                             double delta);
NN_API void nn_huber_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                              int B, int C, double delta);
NN_API void nn_bce_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C);
NN_API void nn_bce_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C);
NN_API void nn_bce_logits_forward(nn_real *loss, const nn_real *z, const nn_real *t, int B, int C);
NN_API void nn_bce_logits_backward(nn_real *dz, const nn_real *dloss, const nn_real *z,
                                   const nn_real *t, int B, int C);
NN_API void nn_multi_label_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C);
NN_API void nn_multi_label_backward(nn_real *dy, const nn_real *dloss, const nn_real *y,
                                    const nn_real *t, int B, int C);
NN_API void nn_multi_label_logits_forward(nn_real *loss, const nn_real *z, const nn_real *t, int B,
                                          int C);
NN_API void nn_multi_label_logits_backward(nn_real *dz, const nn_real *dloss, const nn_real *z,
                                           const nn_real *t, int B, int C);
NN_API void nn_cross_entropy_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B,
                                     int C);
NN_API void nn_cross_entropy_backward(nn_real *dy, const nn_real *dloss, const nn_real *y,
                                      const nn_real *t, int B, int C);

/* Cross-entropy fused with softmax, from logits z (B, C): forward also writes p = softmax(z), and
   backward uses it: dz += dloss (p - t). The sparse form takes the class index of each sample,
   label (B), for a one-hot t. Finite logits always give a finite loss. Backward of soft targets
   takes it that each row of t sums to 1.  [F3.6] */
NN_API void nn_softmax_cross_entropy_forward(nn_real *loss, nn_real *p, const nn_real *z,
                                             const nn_real *t, int B, int C);
NN_API void nn_softmax_cross_entropy_backward(nn_real *dz, const nn_real *dloss, const nn_real *p,
                                              const nn_real *t, int B, int C);
NN_API void nn_sparse_cross_entropy_forward(nn_real *loss, nn_real *p, const nn_real *z,
                                            const int *label, int B, int C);
NN_API void nn_sparse_cross_entropy_backward(nn_real *dz, const nn_real *dloss, const nn_real *p,
                                             const int *label, int B, int C);

/* A dense layer, y = x Wᵀ + b: x (B, I), W (O, I), b (O) or NULL, y (B, O).  [F1.1]
   Backward: dx += dy W, dW += dyᵀ x, db += the sum of dy over the batch; any of the three may be
   NULL. `work` has nn_dense_work_size(B, I, O) numbers.  [F4.4] */
NN_API void nn_dense_forward(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b,
                             int B, int I, int O, nn_real *work);
NN_API void nn_dense_backward(nn_real *dx, nn_real *dw, nn_real *db, const nn_real *dy,
                              const nn_real *x, const nn_real *w, int B, int I, int O,
                              nn_real *work);
NN_API size_t nn_dense_work_size(int B, int I, int O);

/* Inverted dropout on (B, C): each number is dropped with probability `rate`, 0 <= rate < 1, and
   the others grow by 1 / (1 - rate). The mask of row b is a function of `seed` and sample[b]
   alone (of b where sample is NULL): it needs no memory, and backward draws the same one again.
   y may be x; dx may not be dy.  [F6.3] */
NN_API void nn_dropout_forward(nn_real *y, const nn_real *x, double rate, uint64_t seed,
                               const int *sample, int B, int C);
NN_API void nn_dropout_backward(nn_real *dx, const nn_real *dy, double rate, uint64_t seed,
                                const int *sample, int B, int C);

/* Padding of images: none, so that a kernel stays inside; or zeros all around, so that stride 1
   keeps the size: ceil(size / stride) in general. Where the zeros cannot be divided evenly (an even
   kernel, say) the extra row is the last and the extra column the right one, as in Keras and in
   PyTorch's padding="same". */
typedef enum nn_padding { NN_VALID, NN_SAME } nn_padding;

/* How a kernel slides over images (B, H, W, C), row by row. nn_window_of makes one; for a
   convolution set O and G then. */
typedef struct nn_window {
    int H, W, C; /* the image */
    int KH, KW; /* the kernel, or the size of a pool */
    int SH, SW; /* the stride: how far it moves */
    int top, left; /* rows and columns of zeros before the image */
    int OH, OW; /* how many places it has; 0: it is larger than the image */
    int O; /* filters of a convolution, the channels that come out; else C */
    int G; /* groups of a convolution, each with C / G channels and O / G filters; else 1 */
} nn_window;
NN_API nn_window nn_window_of(int H, int W, int C, int KH, int KW, int SH, int SW,
                              nn_padding padding);

/* Convolution: x (B, H, W, C), w (O, KH, KW, C / G), b (O) or NULL, y (B, OH, OW, O). With G = C it
   is depthwise.  [F7.1]
   Backward adds to dx, dw and db, as far as they are not NULL. `work` has nn_conv2d_work_size(B, s)
   numbers. */
NN_API void nn_conv2d_forward(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b,
                              int B, const nn_window *s, nn_real *work);
NN_API void nn_conv2d_backward(nn_real *dx, nn_real *dw, nn_real *db, const nn_real *dy,
                               const nn_real *x, const nn_real *w, int B, const nn_window *s,
                               nn_real *work);
NN_API size_t nn_conv2d_work_size(int B, const nn_window *s);

/* Pooling, x (B, H, W, C) to y (B, OH, OW, C): the largest number of each window, or the mean. What
   is outside of the image does not count. NaN is the largest of all; of equals, the first gets the
   gradient. */
NN_API void nn_max_pool2d_forward(nn_real *y, const nn_real *x, int B, const nn_window *s);
NN_API void nn_max_pool2d_backward(nn_real *dx, const nn_real *dy, const nn_real *x,
                                   const nn_real *y, int B, const nn_window *s);
NN_API void nn_avg_pool2d_forward(nn_real *y, const nn_real *x, int B, const nn_window *s);
NN_API void nn_avg_pool2d_backward(nn_real *dx, const nn_real *dy, int B, const nn_window *s);

/* Norms of (N, C): y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with gamma, beta (C).
   Batch norm, over the N values of each channel: in training it writes the mean and variance (C) of
   x, and needs N > 1; else it uses those given. Layer norm: over the C values of each row. Backward
   adds to dx, dgamma and dbeta, as far as they are not NULL; batch norm's takes mean and variance
   as forward left them. */
NN_API void nn_batch_norm_forward(nn_real *y, nn_real *mean, nn_real *variance, const nn_real *x,
                                  const nn_real *gamma, const nn_real *beta, int N, int C,
                                  double epsilon, bool training);
NN_API void nn_batch_norm_backward(nn_real *dx, nn_real *dgamma, nn_real *dbeta, const nn_real *dy,
                                   const nn_real *x, const nn_real *gamma, nn_real *mean,
                                   nn_real *variance, int N, int C, double epsilon, bool training);
NN_API void nn_layer_norm_forward(nn_real *y, const nn_real *x, const nn_real *gamma,
                                  const nn_real *beta, int N, int C, double epsilon);
NN_API void nn_layer_norm_backward(nn_real *dx, nn_real *dgamma, nn_real *dbeta, const nn_real *dy,
                                   const nn_real *x, const nn_real *gamma, int N, int C,
                                   double epsilon);

/* One step of an optimizer on n parameters w with gradient g, in PyTorch's arithmetic.
   weight_decay adds weight_decay w to the gradient; in AdamW it shrinks w by lr weight_decay.
   The state (velocity v, mean m, square s) is n numbers each, zero before the first step.
     sgd      v = momentum v + g;  w -= lr v, with nesterov  w -= lr (g + momentum v). v may be
              NULL where momentum is 0. Keras differs: its velocity holds -lr g.
     rmsprop  s = rho s + (1 - rho) g²;  w -= lr g / (sqrt(s) + epsilon); with momentum the
              quotient goes through v, else NULL. Keras differs: epsilon is inside the root.
     adam     m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g²;
              w -= lr m' / (sqrt(s') + epsilon), m' = m / (1 - beta1^t), s' = s / (1 - beta2^t),
              where t counts the steps from 1. Keras differs: its epsilon is 1e-7.  [F5.1, F5.5] */
NN_API void nn_sgd_step(nn_real *w, const nn_real *g, nn_real *v, size_t n, double lr,
                        double momentum, bool nesterov, double weight_decay);
NN_API void nn_rmsprop_step(nn_real *w, const nn_real *g, nn_real *s, nn_real *v, size_t n,
                            double lr, double rho, double epsilon, double momentum,
                            double weight_decay);
NN_API void nn_adam_step(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, double lr,
                         double beta1, double beta2, double epsilon, long t, double weight_decay);
NN_API void nn_adamw_step(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, double lr,
                          double beta1, double beta2, double epsilon, long t, double weight_decay);

/* The norm sqrt(sum g²), summed in double; NaN or infinity where g has one. */
NN_API double nn_norm(const nn_real *g, size_t n);

/* Index of the largest of n numbers; the first of equals. */
NN_API int nn_argmax(const nn_real *x, int n);

/* Counts how often class `row` was predicted as class `column`: counts (C, C), zeroed by you. */
NN_API void nn_confusion_add(int *counts, const int *label, const int *predicted, int n, int C);

typedef struct nn_class_score {
    double precision; /* of those called this class, the share that is; 0 where none was */
    double recall; /* of those that are this class, the share that was found; 0 where none is */
    double f1; /* 2 precision recall / (precision + recall), or 0 */
    int support; /* how many there are */
} nn_class_score;

/* Precision, recall and F1 of one class from counts (C, C) as nn_confusion makes them. */
NN_API nn_class_score nn_class_score_of(const int *counts, int C, int class_index);

/* ======================================================================== >>data =============
   A data set: n samples of one or more inputs, targets, weights. One of the calls below fills it,
   nn_data_free frees it. It owns copies of all it holds. A call that fails to make a set leaves an
   empty one, a call that fails to change it leaves it as it was; in both cases the set remembers
   the failure in `status`, and every later call on it fails with that. */

typedef enum nn_type { NN_REAL, NN_BYTE, NN_TOKEN } nn_type; /* nn_real, uint8_t, int32_t */

/* n values of one shape and type, in one block. Training sees factor * (raw - offset). */
typedef struct nn_array {
    nn_type type;
    int rank, dim[NN_MAX_RANK]; /* the shape of one sample */
    size_t size; /* entries of one sample: the product of dim */
    void *values; /* (n, size) of the type, raw: scaling is applied when a batch is gathered */
    size_t scalings; /* 0: none; 1: one pair for all entries; size: a pair for each entry */
    nn_real *offset, *factor; /* (scalings) */
} nn_array;

typedef struct nn_data {
    nn_status status; /* of the call that made it */
    int n; /* samples */
    int inputs;
    nn_array x[NN_MAX_INPUTS];
    nn_array y; /* targets: NN_TOKEN with class indices 0 .. classes - 1, or NN_REAL numbers */
    int classes; /* how many classes the labels have, also after nn_one_hot; else 0 */
    nn_real *weight; /* (n, positions), one for each row of the targets; or NULL */
    char **class_name; /* (classes): the label as it stood in the data */
    char **feature_name; /* (x[0].size), or NULL */
} nn_data;

/* Frees all that data holds and leaves an empty set. */
NN_API void nn_data_free(nn_data *data);

typedef enum nn_missing { NN_MISSING_ERROR, NN_MISSING_DROP } nn_missing;

typedef struct nn_csv_args {
    nn_place at;
    nn_data *data;
    const char *path;
    const char *label; /* name of the column with the class: any text or number */
    const char *target; /* or names of columns with numbers to predict, separated by commas */
    int label_column; /* the same by number, from 1; -1 is the last one */
    int target_column;
    const char *skip; /* names of columns to leave out, separated by commas */
    bool no_header; /* the first line is data; columns are then called "1", "2", ... */
    char separator; /* default: a comma */
    nn_missing missing; /* empty cells, ?, NA, nan: an error (default), or drop the row */
    const char *text; /* read these bytes, not a file; path then only names them in errors */
    size_t text_size; /* of the text: 0 is an empty text */
} nn_csv_args;

/* Reads a table of numbers: nn_load_csv(&data, path, .label = "species"). Features are all columns
   that are not label, target or skipped. Labels become classes 0 .. C-1: sorted by number if all
   are numbers, else by their bytes; class_name keeps them. Without label and target there are no
   targets. Cells may be quoted ("" inside quotes is a quote); CRLF, a byte-order mark, a missing
   last newline, blank lines and lines that begin with # are accepted. Numbers are decimal, with
   a point, whatever the locale.
   Errors: NN_ERR_FILE, NN_ERR_MEMORY; NN_ERR_FORMAT with line and column: a ragged row, an empty
   cell, text where a number should be, hex, inf, a number too large (1e999), a NUL byte, an
   unclosed quote, no rows, no such column. */
#define nn_load_csv(...) nn_load_csv_make(NN_ARGS(nn_csv_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_csv_make(nn_csv_args args);

typedef struct nn_idx_args {
    nn_place at;
    nn_data *data;
    const char *images; /* path of an IDX file of bytes, such as MNIST's: (n, H, W) */
    const char *labels; /* path of an IDX file of n bytes; NULL: no targets */
    int limit; /* read at most so many samples; default: all */
    const void *images_bytes; /* read these bytes, not the files */
    size_t images_size;
    const void *labels_bytes;
    size_t labels_size;
} nn_idx_args;

/* Reads MNIST and its kin: nn_load_idx(&data, images, labels). Images (H, W) become samples
   (H, W, 1) of bytes, which training sees as numbers from 0 to 1.
   Errors: NN_ERR_FILE, NN_ERR_FORMAT (magic, type, truncated, too long, counts that differ),
   NN_ERR_MEMORY. */
#define nn_load_idx(...) nn_load_idx_make(NN_ARGS(nn_idx_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_idx_make(nn_idx_args args);

/* ---- images ---------------------------------------------------------------- >>data/images
   Bytes 0 to 255, row after row from the top, the channels of a pixel side by side: 1 is grey, 3
   are red, green and blue. Reading files needs NN_USE_STB_IMAGE, else it fails and says so. */

typedef struct nn_image {
    int height, width, channels;
    uint8_t *pixels; /* (height, width, channels) */
} nn_image;

typedef struct nn_image_args {
    nn_place at;
    nn_image *image; /* nn_image_free frees it */
    const char *path; /* a PNG, JPEG or BMP file */
    bool grey; /* one channel instead of three */
    double max_pixels; /* refuse a larger image before it is decoded; default 2^26, 67 million */
    const void *bytes; /* read these bytes, not a file; path then only names them in errors */
    size_t size; /* of the bytes */
} nn_image_args;

/* Reads one image: nn_load_image(&image, "photo.jpg"). What is transparent becomes white; 16 bits
   become 8. nn_image_resize gives it the size that a model takes.
   Errors: NN_ERR_FILE, NN_ERR_FORMAT (no such image, damaged, too large), NN_ERR_MEMORY,
   NN_ERR_STATE (built without NN_USE_STB_IMAGE), NN_ERR_ARGUMENT. */
#define nn_load_image(...) nn_load_image_make(NN_ARGS(nn_image_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_image_make(nn_image_args args);
NN_API void nn_image_free(nn_image *image);

typedef struct nn_images_args {
    nn_place at;
    nn_data *data;
    const char *path; /* a folder with one folder of images for each class */
    int height, width; /* resize to these; default: as they are, all of one size */
    bool grey; /* one channel instead of three */
    double max_pixels; /* of one image, as in nn_load_image */
} nn_images_args;

/* Reads photos/cat/1.jpg, photos/dog/7.png and so on: nn_load_images(&data, "photos", .height = 64,
   .width = 64). Samples are (height, width, channels) of bytes, which training sees as numbers
   from 0 to 1. Classes are in the order of their folders' names (strcmp), samples in that of
   classes and files. Other files, and names that begin with a dot, are passed over.
   Errors: those of nn_load_image, all with the name of the file; NN_ERR_DATA (no class folder, a
   class without images, sizes that differ). */
#define nn_load_images(...)                                                                        \
    nn_load_images_make(NN_ARGS(nn_images_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_images_make(nn_images_args args);

/* Writes a PNG file, without compression: channels is 1 or 3, a row has at most 65,534 bytes.
   Errors: NN_ERR_FILE, NN_ERR_ARGUMENT. */
NN_API nn_status nn_save_image(const char *path, const uint8_t *pixels, int height, int width,
                               int channels);

/* Resizes an image (h, w, C) to (H, W, C): each new pixel is the mean of the old ones below it, and
   where the image grows, what lies between its neighbours (bilinear). out may not be in. */
NN_API void nn_image_resize(uint8_t *out, int H, int W, const uint8_t *in, int h, int w, int C);

/* grey = 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601) for n pixels. grey may be rgb. */
NN_API void nn_image_grey(uint8_t *grey, const uint8_t *rgb, size_t n);

/* How training varies its images; what is 0 does not happen. */
typedef struct nn_augment {
    double shift; /* up to so many pixels, both ways and along both axes */
    double rotate; /* up to so many degrees around the centre, both ways */
    double scale; /* 0.1: from 0.9 to 1.1 times the size */
    double noise; /* deviation of what is added to each number, in the units that training sees */
    bool flip; /* left and right, every other time */
} nn_augment;

/* y = x (H, W, C), varied by numbers drawn from random: moved in one bilinear pass, the edges
   going on outside as they are, then noise. y may not be x. */
NN_API void nn_image_augment(nn_real *y, const nn_real *x, int H, int W, int C,
                             const nn_augment *how, nn_random *random);

typedef struct nn_array_args {
    nn_place at;
    nn_data *data;
    const void *values; /* (n, shape) of `type` */
    int n;
    int shape[NN_MAX_RANK]; /* of one sample; zeros at the end are not counted */
    nn_type type;
    const int *labels; /* (n): the class of each sample, any whole numbers */
    const nn_real *targets; /* or (n, target_shape): numbers */
    int target_shape[NN_MAX_RANK]; /* default {1}; for labels {T} gives one to each position */
    const nn_real *weights; /* (n, positions), so (n) for one target a sample; default: all 1 */
} nn_array_args;

/* Copies arrays into a data set:
     nn_data_from(&data, values, n, {2}, .targets = y, .target_shape = {1})
   Labels that are not 0 .. C-1 without a gap, such as 1, 3, 7, are mapped to 0 .. C-1 in order;
   class_name keeps them. Bytes get a factor of 1/255.
   Errors: NN_ERR_ARGUMENT, NN_ERR_DATA (NaN or infinity in targets or weights, a negative weight),
   NN_ERR_MEMORY. */
#define nn_data_from(...) nn_data_from_make(NN_ARGS(nn_array_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_data_from_make(nn_array_args args);

/* Adds a second (third, fourth) input to data of n samples: nn_data_add_input(&data, values, n,
   {10}). Labels, targets and weights do not go here. */
#define nn_data_add_input(...)                                                                     \
    nn_data_add_input_make(NN_ARGS(nn_array_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_data_add_input_make(nn_array_args args);

typedef struct nn_split_args {
    nn_place at;
    const nn_data *data;
    nn_data *train, *test;
    double fraction; /* of the samples that go to test, rounded up; default 0.2 */
    uint64_t seed;
    bool stratify; /* keep the share of each class; each class then has at least one in both */
    bool no_shuffle; /* the last samples go to test */
} nn_split_args;

/* Splits data into two copies: nn_split(&data, &train, &test, .fraction = 0.2, .seed = 42). train
   and test may not be data.
   Errors: NN_ERR_ARGUMENT (a fraction that leaves one side empty; stratify without classes or
   with a class of one sample), NN_ERR_MEMORY. */
#define nn_split(...) nn_split_make(NN_ARGS(nn_split_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_split_make(nn_split_args args);

/* Copies the n samples whose numbers are in index (0 .. data->n - 1, repeats allowed) to out;
   index NULL: the first n. */
NN_API nn_status nn_data_rows(nn_data *out, const nn_data *data, const int *index, int n);

/* Shuffles the samples in place. */
NN_API nn_status nn_shuffle(nn_data *data, uint64_t seed);

/* Fits a scaling to this data set and attaches it: to mean 0 and deviation 1, or to 0 .. 1. Real
   inputs are scaled column by column, bytes by one pair for all, tokens not at all. A constant
   column is only moved to 0. The values stay raw: nn_fit copies the scaling of the training data
   into the model, which applies it to whatever it is given later. So validation and test data need
   no scaling of their own and cannot leak into it. */
NN_API nn_status nn_standardise(nn_data *data);
NN_API nn_status nn_min_max(nn_data *data);

/* Entry i of one sample of one input, scaled by the data's own scaling. Stay within the data. */
NN_API double nn_data_value(const nn_data *data, int input, int sample, size_t i);

/* The class index of one sample, also after nn_one_hot; -1 where the data has no classes. */
NN_API int nn_data_label(const nn_data *data, int sample);

/* Replaces class labels by rows of zeros with a single one, for NN_CROSS_ENTROPY and NN_MSE. */
NN_API nn_status nn_one_hot(nn_data *data);

/* ======================================================================== >>graph ============
   A model is a graph of tensors that functions build: each constructor takes tensors and returns
   a new one. Shapes are checked at once, memory is planned once, in nn_compile or nn_build.
   A constructor that fails returns NULL and leaves its sentence in the model; given NULL it
   returns NULL; so build the whole graph and check once. */

/* How the entries of a parameter start. fan_in and fan_out are its inputs and outputs. */
typedef enum nn_init {
    NN_INIT_DEFAULT, /* He uniform before ReLU and its kin (ELU, GELU, SiLU), else Glorot uniform */
    NN_GLOROT_UNIFORM, /* within sqrt(6 / (fan_in + fan_out)): Keras's default */
    NN_GLOROT_NORMAL, /* deviation sqrt(2 / (fan_in + fan_out)) */
    NN_HE_UNIFORM, /* within sqrt(6 / fan_in) */
    NN_HE_NORMAL, /* deviation sqrt(2 / fan_in) */
    NN_LECUN_UNIFORM, /* within sqrt(3 / fan_in) */
    NN_LECUN_NORMAL, /* deviation sqrt(1 / fan_in) */
    NN_INIT_UNIFORM, /* within .init_scale, 0.05 by default */
    NN_INIT_NORMAL, /* deviation .init_scale, 0.05 by default */
    NN_INIT_ZEROS,
    NN_INIT_ONES,
    NN_INIT_COUNT
} nn_init;

typedef struct nn_model nn_model;
typedef struct nn_tensor nn_tensor;
#define NN__MAX_IN 5 /* tensors that one is computed from, parameters included */

/* What a program may read of a tensor. For a batch of B samples value and grad are (B, dim...);
   for a parameter or constant (dim...). value is NULL before nn_build or nn_compile, grad is NULL
   where no gradient is needed or kept: a convolution whose only reader is a max pooling keeps none.
   The fields below the line are the library's. */
struct nn_tensor {
    nn_real *value;
    nn_real *grad; /* dL/dvalue of the last nn_backward; of a layer with .activation, and of the
                      output where the loss is fused with it, by what is before the activation */
    int rank, dim[NN_MAX_RANK]; /* without the batch */
    size_t size; /* the product of dim */
    bool batched; /* false: parameters, constants and what is computed from them alone */
    char name[NN_NAME_SIZE];
    nn_place at; /* the line that made it */
    nn_model *model;
    /* ---- */
    const struct nn__op *op; /* NULL: an input, a parameter or a constant */
    nn_tensor *in[NN__MAX_IN]; /* what it is computed from; a dense layer: x, weight, bias */
    nn_tensor *view_of; /* has the memory of this tensor: a reshape, a fused pre-activation */
    nn_activation activation; /* of an activation, or the one that was fused into a dense layer */
    double number; /* alpha, rate or factor */
    int axis[NN_MAX_RANK]; /* of permute; axis[0] of slice, concat, sum and mean */
    int start; /* of slice */
    bool transpose_a, transpose_b; /* of batch_matmul */
    nn_window window; /* of convolution and pooling */
    double epsilon; /* of norms */
    nn_real *saved; /* of batch norm: mean and variance of the batch; of max pooling: winners */
    size_t saved_size;
    int fresh; /* of so many values; 0: none that a step has not taken over */
    bool hidden; /* the part of a layer before its own activation: no program can see it */
    bool named; /* by the program */
    bool input, tokens, parameter, frozen;
    bool state; /* a running statistic: a parameter that is always frozen */
    bool masked; /* plan: may hold infinity, which comes from a constant and goes into a softmax */
    nn_init init;
    double init_scale, l1, l2;
    size_t offset; /* of a parameter in the model's arrays */
    nn_real *constant; /* values of a constant */
    bool used, needs_grad; /* plan: leads to the output; a gradient must reach it */
    bool written; /* in backward: grad holds something already */
    nn_tensor *pool; /* plan: max pooling that goes with this convolution, image by image; its
                        activation too. They have no gradient of their own then */
    nn_tensor
        *outer; /* of a weight whose gradient was left as the factors dy and x of this layer */
};

typedef struct nn_model_args {
    nn_place at;
    uint64_t seed; /* of weights, shuffling and dropout */
    nn_model *share; /* take the parameters of this built model, in order of creation */
} nn_model_args;

/* A model without layers; free it with nn_model_free. NULL when there is no memory.
   .share gives a second graph (another length, another thread) the same weights: its constructors
   must make parameters of the same shapes in the same order. It takes the scaling and the class
   names that the other one has learned when it is built, and needs the other one until then. The
   last model freed frees the weights. */
#define nn_model_new(...) nn_model_new_make(NN_ARGS(nn_model_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_model *nn_model_new_make(nn_model_args args);
NN_API void nn_model_free(nn_model *model);

typedef struct nn_input_args {
    nn_place at;
    nn_model *model;
    int dim0, dim1, dim2, dim3; /* the shape of one sample; trailing zeros are not counted */
    const char *name;
    bool tokens; /* the entries are token numbers, given as nn_real */
} nn_input_args;

/* An input of the model: nn_input(m, 784), nn_input(m, 28, 28, 1). The k-th nn_input of a model
   takes the k-th input of the data, whose samples must have as many entries. */
#define nn_input(...) nn_input_make(NN_ARGS(nn_input_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_input_make(nn_input_args args);

typedef struct nn_dense_args {
    nn_place at;
    nn_tensor *x;
    int units;
    nn_activation activation;
    double alpha; /* of the activation: leaky ReLU 0.01, ELU 1 */
    bool no_bias;
    nn_init init;
    double init_scale;
    double l1, l2; /* penalties on the weights, not on the bias [F6.1, F6.2] */
    bool frozen; /* training leaves it as it is */
    nn_tensor *share; /* use the weights and bias of this dense layer */
    const char *name;
} nn_dense_args;

/* A dense layer along the last axis: nn_dense(x, 64, .activation = NN_RELU) makes (..., 64) from
   (..., I) with weights "name.weight" (64, I) and bias "name.bias" (64).  [F1.1] */
#define nn_dense(...) nn_dense_make(NN_ARGS(nn_dense_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_dense_make(nn_dense_args args);

typedef struct nn_conv2d_args {
    nn_place at;
    nn_tensor *x;
    int filters, kernel;
    int kernel_h, kernel_w; /* where they are not `kernel` */
    int stride; /* default 1 */
    nn_padding padding; /* default NN_VALID: none */
    int groups; /* default 1; as many as x has channels: depthwise */
    nn_activation activation;
    double alpha; /* of the activation, as in nn_dense */
    bool no_bias;
    nn_init init; /* fan_in: kernel_h kernel_w channels / groups; fan_out: with filters instead */
    double init_scale;
    double l1, l2; /* penalties on the weights, not on the bias [F6.1, F6.2] */
    bool frozen;
    nn_tensor *share; /* use the weights and bias of this convolution */
    const char *name;
} nn_conv2d_args;

/* A convolution of images: nn_conv2d(x, 32, 3, .activation = NN_RELU) makes (OH, OW, 32) from
   (H, W, C) with weights "name.weight" (32, 3, 3, C / groups) and bias "name.bias" (32). Without
   padding OH = (H - kernel) / stride + 1, with NN_SAME OH = ceil(H / stride).  [F7.1] */
#define nn_conv2d(...) nn_conv2d_make(NN_ARGS(nn_conv2d_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_conv2d_make(nn_conv2d_args args);

typedef struct nn_pool2d_args {
    nn_place at;
    bool average, global; /* set by the four names */
    nn_tensor *x;
    int size;
    int size_h, size_w; /* where they are not `size` */
    int stride; /* default: the size, so that windows touch but do not overlap */
    nn_padding padding; /* default NN_VALID: rows that do not fill a window are left out */
    const char *name;
} nn_pool2d_args;

/* The largest number, or the mean, of each window and channel: nn_max_pool2d(x, 2) makes
   (H / 2, W / 2, C) from (H, W, C). The global ones take the whole image: nn_global_avg_pool2d(x)
   makes (C). */
#define nn_max_pool2d(...) nn_pool2d_make(NN__POOL2D(false, false, __VA_ARGS__))
#define nn_avg_pool2d(...) nn_pool2d_make(NN__POOL2D(true, false, __VA_ARGS__))
#define nn_global_max_pool2d(...) nn_pool2d_make(NN__POOL2D(false, true, __VA_ARGS__))
#define nn_global_avg_pool2d(...) nn_pool2d_make(NN__POOL2D(true, true, __VA_ARGS__))
#define NN__POOL2D(mean, whole, ...)                                                               \
    NN_ARGS(nn_pool2d_args)                                                                        \
    {                                                                                              \
        .at = NN_HERE, .average = mean, .global = whole, __VA_ARGS__                               \
    }
NN_API nn_tensor *nn_pool2d_make(nn_pool2d_args args);

typedef struct nn_norm_args {
    nn_place at;
    bool batch; /* set by nn_batch_norm */
    nn_tensor *x;
    double epsilon; /* added to the variance; default 1e-5, Keras has 1e-3 */
    double momentum; /* of batch norm: the share of a batch in the running statistics; default 0.1.
                        Keras counts the other way round: its 0.99 is 0.01 here */
    bool frozen; /* batch norm then uses the running statistics in training too, and keeps them */
    nn_tensor *share; /* use the parameters of this norm */
    const char *name;
} nn_norm_args;

/* Normalises, then scales and shifts: parameters "name.weight" (ones at first) and "name.bias".
   Batch norm: over everything but the last axis. In training by the mean and variance of the batch,
   which must have more than one value for each channel; else by running means of these,
   "name.running_mean" and "name.running_var", which every nn_step moves. A convolution before it
   needs no bias. Layer norm: over the last axis of each sample. */
#define nn_batch_norm(...)                                                                         \
    nn_norm_make(NN_ARGS(nn_norm_args){ .at = NN_HERE, .batch = true, __VA_ARGS__ })
#define nn_layer_norm(...)                                                                         \
    nn_norm_make(NN_ARGS(nn_norm_args){ .at = NN_HERE, .batch = false, __VA_ARGS__ })
NN_API nn_tensor *nn_norm_make(nn_norm_args args);

typedef struct nn_activate_args {
    nn_place at;
    nn_tensor *x;
    nn_activation activation;
    double alpha; /* default: 0.01 for leaky ReLU, 1 for ELU */
    const char *name;
} nn_activate_args;

/* An activation as a layer of its own; softmax and log-softmax along the last axis.  [F2] */
#define nn_activate(...) nn_activate_make(NN_ARGS(nn_activate_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_activate_make(nn_activate_args args);

typedef struct nn_dropout_args {
    nn_place at;
    nn_tensor *x;
    double rate; /* 0 <= rate < 1 */
    const char *name;
} nn_dropout_args;

/* Inverted dropout: nn_dropout(x, 0.5). Nothing happens outside of training.  [F6.3] */
#define nn_dropout(...) nn_dropout_make(NN_ARGS(nn_dropout_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_dropout_make(nn_dropout_args args);

typedef struct nn_parameter_args {
    nn_place at;
    nn_model *model;
    int dim0, dim1, dim2, dim3;
    nn_init init; /* default: Glorot uniform; fan_out is dim0, fan_in the rest */
    double init_scale;
    double l1, l2;
    bool frozen;
    const char *name;
} nn_parameter_args;

/* A trained tensor without a batch: nn_parameter(m, 28, 64). */
#define nn_parameter(...)                                                                          \
    nn_parameter_make(NN_ARGS(nn_parameter_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_parameter_make(nn_parameter_args args);

typedef struct nn_constant_args {
    nn_place at;
    nn_model *model;
    const nn_real *values; /* copied */
    int dim0, dim1, dim2, dim3;
    const char *name;
} nn_constant_args;

/* A tensor without a batch that training leaves alone: nn_constant(m, mask, 28, 28). It may hold
   -INFINITY, as a mask that nn_add puts before a softmax does. */
#define nn_constant(...) nn_constant_make(NN_ARGS(nn_constant_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_constant_make(nn_constant_args args);

typedef struct nn_pair_args {
    nn_place at;
    nn_tensor *a, *b;
    bool transpose_a, transpose_b; /* of nn_batch_matmul: swap the last two axes first */
    const char *name;
} nn_pair_args;

/* a + b and a * b, entry by entry: nn_add(a, b). Shapes are aligned at their last axes; an axis
   of 1, a missing axis and a missing batch are repeated, as in NumPy. */
#define nn_add(...) nn_add_make(NN_ARGS(nn_pair_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_add_make(nn_pair_args args);
#define nn_mul(...) nn_mul_make(NN_ARGS(nn_pair_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_mul_make(nn_pair_args args);

/* The matrix products of the last two axes, (..., M, K) with (..., K, N) to (..., M, N):
   nn_batch_matmul(q, k, .transpose_b = true). The axes before them must be equal, or missing in b
   (a parameter, say), which is then used for all. */
#define nn_batch_matmul(...)                                                                       \
    nn_batch_matmul_make(NN_ARGS(nn_pair_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_batch_matmul_make(nn_pair_args args);

typedef struct nn_scale_args {
    nn_place at;
    nn_tensor *x;
    double factor;
    const char *name;
} nn_scale_args;

/* factor * x: nn_scale(x, 0.125). */
#define nn_scale(...) nn_scale_make(NN_ARGS(nn_scale_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_scale_make(nn_scale_args args);

typedef struct nn_reshape_args {
    nn_place at;
    nn_tensor *x;
    int dim0, dim1, dim2, dim3; /* one of them may be -1: what is left */
    const char *name;
} nn_reshape_args;

/* The same entries under another shape, without a copy: nn_reshape(x, 28, -1). nn_flatten(x) makes
   one axis of all. */
#define nn_reshape(...) nn_reshape_make(NN_ARGS(nn_reshape_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_reshape_make(nn_reshape_args args);
#define nn_flatten(...) nn_flatten_make(NN_ARGS(nn_reshape_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_flatten_make(nn_reshape_args args);

typedef struct nn_permute_args {
    nn_place at;
    nn_tensor *x;
    int axis0, axis1, axis2, axis3; /* from 1; as many as x has */
    const char *name;
} nn_permute_args;

/* Reorders the axes: nn_permute(x, 2, 1) transposes (A, B) to (B, A). */
#define nn_permute(...) nn_permute_make(NN_ARGS(nn_permute_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_permute_make(nn_permute_args args);

typedef struct nn_slice_args {
    nn_place at;
    nn_tensor *x;
    int axis; /* from 1; 0 or -1: the last */
    int start, length; /* start may be negative: from the end; length 0: to the end */
    const char *name;
} nn_slice_args;

/* Entries start .. start + length - 1 of one axis: nn_slice(x, 1, -1) is the last of the first
   axis, which stays with length 1. */
#define nn_slice(...) nn_slice_make(NN_ARGS(nn_slice_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_slice_make(nn_slice_args args);

typedef struct nn_concat_args {
    nn_place at;
    nn_tensor *a, *b, *c, *d; /* two to four */
    int axis; /* from 1; 0 or -1: the last */
    const char *name;
} nn_concat_args;

/* Joins tensors along one axis: nn_concat(a, b, .axis = 1). */
#define nn_concat(...) nn_concat_make(NN_ARGS(nn_concat_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_concat_make(nn_concat_args args);

typedef struct nn_reduce_args {
    nn_place at;
    nn_tensor *x;
    int axis; /* from 1; 0 or -1: the last */
    bool keep; /* the axis stays, with length 1 */
    const char *name;
} nn_reduce_args;

/* Sum and mean along one axis: nn_mean(x, .axis = 1). */
#define nn_sum(...) nn_sum_make(NN_ARGS(nn_reduce_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_sum_make(nn_reduce_args args);
#define nn_mean(...) nn_mean_make(NN_ARGS(nn_reduce_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_tensor *nn_mean_make(nn_reduce_args args);

/* The k-th parameter of a model in the order of creation, or NULL; and the one of this name. */
NN_API nn_tensor *nn_parameter_at(const nn_model *model, int k);
NN_API nn_tensor *nn_parameter_named(const nn_model *model, const char *name);

/* Freezes (or thaws) the parameters that `layer`, the tensor that a constructor returned, uses
   itself. It takes effect at the next nn_compile, which keeps the weights. */
NN_API void nn_freeze(nn_tensor *layer, bool frozen);

/* ======================================================================== >>train ============
   nn_compile plans the graph, nn_fit trains it, nn_evaluate and nn_predict use it. nn_fit is a
   loop over nn_fit_begin, nn_fit_step and nn_fit_end; a step is nn_feed, nn_forward, nn_backward
   and nn_step; every one of them can be called by hand, and tensors read in between. */

#define NN_LOSS_LIST(X)                                                                            \
    X(NN_LOSS_NONE, "none")                                                                        \
    X(NN_MSE, "mse")                                                                               \
    X(NN_MAE, "mae")                                                                               \
    X(NN_HUBER, "huber")                                                                           \
    X(NN_BINARY_CROSS_ENTROPY, "binary cross-entropy")                                             \
    X(NN_MULTI_LABEL_CROSS_ENTROPY, "multi-label cross-entropy")                                   \
    X(NN_CROSS_ENTROPY, "cross-entropy")                                                           \
    X(NN_SPARSE_CROSS_ENTROPY, "sparse cross-entropy")

#define NN__LOSS_ENUM(name, text) name,
typedef enum nn_loss { NN_LOSS_LIST(NN__LOSS_ENUM) NN_LOSS_COUNT } nn_loss;

/* Learning-rate schedules: the rate at time t, counted from 0 in steps, or in epochs with
   .by_epoch. With .warmup = w the rate first rises as lr (t + 1) / w, then the schedule starts. */
typedef enum nn_schedule_kind {
    NN_CONSTANT,
    NN_ADAPTIVE_RATE, /* lr / sqrt(1 + delta t)  [F5.3] */
    NN_STEP_DECAY, /* lr gamma^floor(t / every) */
    NN_EXPONENTIAL_DECAY, /* lr gamma^t */
    NN_COSINE_DECAY, /* from lr to min_lr over `steps`, half a cosine (Loshchilov, Hutter 2017) */
    NN_ONE_CYCLE, /* up to lr and far down again over `steps` (Smith 2018, PyTorch's defaults) */
    NN_REDUCE_ON_PLATEAU /* times factor when the loss stops falling [F5.6], Keras's rule */
} nn_schedule_kind;

typedef struct nn_schedule {
    nn_schedule_kind kind;
    bool by_epoch;
    long warmup;
    long steps; /* cosine and one-cycle: how long; 0: as long as nn_fit trains */
    long every; /* step decay: default 10 */
    double gamma; /* step decay: default 0.1; exponential: 0.99 */
    double delta; /* adaptive rate: default 0.01 */
    double min_lr; /* cosine, plateau: default 0 */
    double rise; /* one-cycle: the share of the steps in which the rate rises; default 0.3 */
    double start_div, end_div; /* one-cycle: starts at lr/25, ends at lr/25/10000 */
    double factor; /* plateau: default 0.1 */
    double min_delta; /* plateau: a smaller improvement does not count; default 1e-4 */
    int patience; /* plateau: epochs without improvement before the rate drops; default 10 */
    int cooldown; /* plateau: epochs to wait after a drop; default 0 */
} nn_schedule;

/* The rate at time t from the base rate lr. Not for NN_REDUCE_ON_PLATEAU, which has a state. */
NN_API double nn_schedule_rate(const nn_schedule *schedule, double lr, long t);

/* The state of ReduceLROnPlateau; zero it to begin. One call for each epoch with the watched loss
   returns the rate to go on with. NaN counts as no improvement.  [F5.6] */
typedef struct nn_plateau {
    bool begun;
    double best;
    int wait, cooldown;
} nn_plateau;
NN_API double nn_plateau_rate(nn_plateau *state, const nn_schedule *schedule, double lr,
                              double loss);

typedef enum nn_optimizer_kind { NN_ADAM, NN_ADAMW, NN_SGD, NN_RMSPROP } nn_optimizer_kind;

typedef struct nn_optimizer {
    nn_optimizer_kind kind;
    double lr; /* learning rate > 0; default 0.01 for SGD, else 0.001 */
    double momentum; /* SGD and RMSprop */
    bool nesterov; /* SGD */
    double beta1, beta2; /* Adam: default 0.9 and 0.999 */
    double rho; /* RMSprop: default 0.99, Keras has 0.9 */
    double epsilon; /* default 1e-8, Keras has 1e-7 */
    double weight_decay; /* default 0, AdamW 0.01 */
    nn_schedule schedule;
    double clip_norm; /* scale the whole gradient down to this norm; 0: do not */
    double clip_value; /* cut each entry of the gradient to within this; 0: do not */
} nn_optimizer;

/* nn_adam(.lr = 1e-3), nn_sgd(.lr = 0.1, .momentum = 0.9, .nesterov = true). Gradient descent is
   nn_sgd with .batch_size = NN_FULL_BATCH in nn_fit. For a true 0 where 0 means a default, write
   1e-300.  [F5] */
/* clang-format off */
#define nn_adam(...) NN_ARGS(nn_optimizer){ .kind = NN_ADAM, __VA_ARGS__ }
#define nn_adamw(...) NN_ARGS(nn_optimizer){ .kind = NN_ADAMW, __VA_ARGS__ }
#define nn_sgd(...) NN_ARGS(nn_optimizer){ .kind = NN_SGD, __VA_ARGS__ }
#define nn_rmsprop(...) NN_ARGS(nn_optimizer){ .kind = NN_RMSPROP, __VA_ARGS__ }
/* clang-format on */

typedef struct nn_compile_args {
    nn_place at;
    nn_model *model;
    nn_tensor *output;
    nn_loss loss;
    nn_optimizer optimizer; /* default: Adam */
    bool from_logits; /* the output has no softmax or sigmoid: the loss applies it */
    double huber_delta; /* default 1 */
    int top_k; /* also measure whether the label is among the k largest */
} nn_compile_args;

/* Plans the graph that leads to output, gives the parameters their first values, and sets loss and
   optimizer: nn_compile(m, y, .loss = NN_MSE, .optimizer = nn_adam(.lr = 1e-3)). Called again, it
   keeps the weights and starts the optimizer anew.
   A loss on probabilities is computed from the numbers before the softmax or sigmoid of the
   output, where nothing overflows.
   Errors: the first one of the model's constructors; NN_ERR_ARGUMENT (a rate that is not a
   positive number, a loss that does not fit the output), NN_ERR_SHAPE, NN_ERR_MEMORY. */
#define nn_compile(...) nn_compile_make(NN_ARGS(nn_compile_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_compile_make(nn_compile_args args);

/* Plans the graph for prediction alone: no loss, no optimizer, no gradients. */
NN_API nn_status nn_build(nn_model *model, nn_tensor *output);

/* Returns anything but 0 to stop training after this batch or epoch. */
typedef int nn_callback(nn_model *model, void *user);

typedef enum nn_monitor {
    NN_MONITOR_DEFAULT, /* the loss on validation data, or the training loss without */
    NN_MONITOR_LOSS,
    NN_MONITOR_VAL_LOSS,
    NN_MONITOR_VAL_ACCURACY
} nn_monitor;

#define NN_FULL_BATCH (-1)

typedef struct nn_fit_args {
    nn_place at;
    nn_model *model;
    const nn_data *data;
    int epochs; /* default 1; -1 for none: the model only learns the data's scaling and names */
    int batch_size; /* default 32; NN_FULL_BATCH, or more than there are: all samples; the last
                       batch of an epoch may be smaller */
    const nn_data *validation; /* measured after every epoch */
    double validation_fraction; /* or the last part of data, taken before shuffling */
    bool no_shuffle;
    int patience; /* stop after so many epochs without improvement; 0: do not */
    double min_delta; /* a smaller improvement on the best so far does not count, as in Keras */
    nn_monitor monitor; /* what patience watches */
    bool no_restore; /* with patience: end with the last weights, not with the best */
    const double *class_weight; /* (classes): a factor on the loss of each class's samples */
    nn_augment
        augment; /* vary the images (inputs of shape (H, W, C)) while training, by seed, epoch
                           and sample: .augment = { .shift = 2, .rotate = 10 } */
    nn_callback *on_batch, *on_epoch;
    nn_callback *on_gradient; /* between backward and step: model->grads is complete */
    void *user; /* passed to the callbacks */
    bool quiet;
} nn_fit_args;

/* Trains: nn_fit(m, &train, .epochs = 10, .batch_size = 128, .validation = &test). On a terminal
   it draws a progress bar, in a file it writes a line for each epoch. model->history has the
   epochs. A second call goes on where the first ended.
   Errors, before the first step: NN_ERR_SHAPE (inputs, targets), NN_ERR_DATA (a label that the
   output has no unit for, NaN in the data: with its row), NN_ERR_ARGUMENT (0 samples, a negative
   size), NN_ERR_MEMORY; in a step: NN_ERR_NUMERIC with layer, epoch and step. */
#define nn_fit(...) nn_fit_make(NN_ARGS(nn_fit_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_fit_make(nn_fit_args args);

/* The same, one batch at a time: nn_fit_begin(...); while (nn_fit_step(m)) {...}
   status = nn_fit_end(m). nn_fit_step returns false when training is over or failed. The data and
   validation sets must stay until nn_fit_end. */
#define nn_fit_begin(...) nn_fit_begin_make(NN_ARGS(nn_fit_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_fit_begin_make(nn_fit_args args);
NN_API bool nn_fit_step(nn_model *model);
NN_API nn_status nn_fit_end(nn_model *model);

typedef struct nn_metrics {
    nn_status status; /* not NN_OK: the numbers are NaN */
    int n; /* samples */
    double loss; /* mean over the samples, penalties included */
    double accuracy; /* share of rows whose largest output is the right class; with binary and
                        multi-label losses the share of outputs that, rounded, are the target, so 0
                        where targets are neither 0 nor 1; with other losses NaN */
    double top_k; /* share of rows whose class is among the k largest outputs; else NaN */
    double mae; /* mean absolute difference of outputs and targets; with classes NaN */
} nn_metrics;

/* Measures the model on data, without dropout: nn_metrics r = nn_evaluate(m, &test). */
NN_API nn_metrics nn_evaluate(nn_model *model, const nn_data *data);

/* Outputs y (n, output->size) for n samples x (n, input size) of a model with one input, in the
   units of the training data (bytes: 0 to 255). Needs nn_build or nn_compile. */
NN_API nn_status nn_predict(nn_model *model, nn_real *y, const nn_real *x, int n);

/* Outputs for all samples of a data set, whatever its inputs. */
NN_API nn_status nn_predict_data(nn_model *model, nn_real *y, const nn_data *data);

/* The name of class k as it stood in the training data, or its number as text. */
NN_API const char *nn_class_name(const nn_model *model, int k);

/* Confusion matrix over data: counts (C, C), row = the true class, column = the predicted one.
   C is the size of the output's last axis. */
NN_API nn_status nn_confusion(nn_model *model, const nn_data *data, int *counts);

/* By hand. nn_feed copies the given samples (rows NULL: the first n) to the inputs and targets;
   nn_forward computes every tensor and model->loss; nn_backward all gradients; nn_step updates the
   parameters. In NN_INFERENCE dropout is off. */
typedef enum nn_mode { NN_INFERENCE, NN_TRAINING } nn_mode;
NN_API nn_status nn_feed(nn_model *model, const nn_data *data, const int *rows, int n);
NN_API nn_status nn_forward(nn_model *model, nn_mode mode);
NN_API nn_status nn_backward(nn_model *model);
NN_API nn_status nn_step(nn_model *model);

/* The learning rate of the next step; set it to override the schedule from now on, and to NAN to
   go back to the schedule. A step with a negative or infinite one fails. */
NN_API double nn_learning_rate(const nn_model *model);
NN_API void nn_set_learning_rate(nn_model *model, double lr);

typedef struct nn_epoch {
    int epoch; /* from 1 */
    double loss, accuracy, mae; /* running means over the epoch's batches, as Keras prints them */
    double val_loss, val_accuracy, val_mae; /* NaN without validation data */
    double lr; /* at the end of the epoch */
    double gradient_norm; /* largest of the epoch's steps, before clipping */
    double seconds;
} nn_epoch;

typedef struct nn_history {
    nn_epoch *epoch; /* (epochs) */
    int epochs;
    int best; /* index of the best epoch by what patience watched, or of the last */
    bool stopped_early;
} nn_history;

/* What a program may read of a model; the fields below the line are the library's. */
struct nn_model {
    nn_real *values, *grads; /* all parameters in one array, and their gradients in another */
    size_t parameters; /* how many numbers that is */
    double loss; /* of the last nn_forward with targets */
    double gradient_norm; /* of the last nn_step, before clipping */
    int batch; /* samples in the tensors now */
    int epoch, epochs; /* of nn_fit, from 1 */
    int step, steps; /* batch within the epoch, from 1 */
    long updates; /* of all nn_step so far */
    nn_metrics running; /* of the epoch so far */
    nn_history history;
    size_t bytes; /* of the planned memory */
    nn_tensor *output;
    nn_status status; /* of the first constructor that failed */
    /* ---- */
    struct nn__run *run;
};

/* ======================================================================== >>inspect ======= */

/* Prints layers, shapes, parameters and the bytes that training with this batch size takes;
   batch_size 0: 32. */
NN_API nn_status nn_summary(nn_model *model, int batch_size);

typedef struct nn_check_args {
    nn_place at;
    nn_model *model;
    const nn_data *data;
    int rows; /* samples to use; default: at most 8 */
    int entries; /* of each parameter tensor, at random; default 50, all when it has fewer */
    double step; /* relative to the parameter; default 1e-5 in double, 1e-2 in float */
    double tolerance; /* default 1e-6 in double, 2e-2 in float */
    uint64_t seed;
} nn_check_args;

typedef struct nn_check {
    nn_status status; /* NN_ERR_NUMERIC: a gradient is wrong; nn_last_error() says which */
    double worst; /* largest difference over the largest gradient of its tensor */
    char tensor[NN_NAME_SIZE]; /* where it is */
    size_t entry;
    double backward, numeric; /* the two values there */
    int checked, skipped; /* entries; skipped: the change moved a ReLU or the like over its kink */
} nn_check;

/* Compares the gradients of a compiled model with central differences, (L(w + h) - L(w - h)) / 2h,
   where L weighs the samples' losses with random numbers, so that errors which cancel in the mean
   show: nn_gradient_check(m, &data). Every parameter tensor that is not frozen; the weights are
   as before when it returns. */
#define nn_gradient_check(...)                                                                     \
    nn_gradient_check_make(NN_ARGS(nn_check_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_check nn_gradient_check_make(nn_check_args args);

/* The share of the entries of `layer` that are 0 or less for every sample of data: dead units,
   where layer is the output of a ReLU. NaN when it fails. */
NN_API double nn_dead_units(nn_model *model, const nn_tensor *layer, const nn_data *data);

/* ======================================================================== >>files ===========
   Models as safetensors files, which PyTorch and others read; arrays as npy files, NumPy's; a
   network as C source. Every call takes a path or memory: readers .bytes and .size, writers
   .bytes, the .room there, and .size, which receives how many bytes it takes (with .bytes NULL
   only that). A file is written under another name beside `path`, forced to the disk and then
   renamed: killed at any point, path holds the old file or the new one. (Strict C99 cannot force:
   with -std=c99 a power cut may lose what was written last.) */

typedef struct nn_save_args {
    nn_place at;
    const nn_model *model; /* built or compiled */
    const char *path;
    bool checkpoint; /* also the optimizer's state and the history, three times the size */
    void *bytes;
    size_t room, *size;
} nn_save_args;

/* Saves a model: nn_save(m, "digits.safetensors"). The tensors are the weights, as PyTorch's
   load_state_dict takes them; beside them stand the graph, scaling, class names, and of a compiled
   model loss and optimizer. With .checkpoint, saved between two epochs, training goes on after
   nn_load as if it had never stopped, to the bit; PyTorch then needs strict=False.
   A parameter is called "0.weight" where the layer is number 0 of an nn.Sequential: layers,
   activations, dropouts and all other operations count, each .activation as one more. A layer with
   a .name is called that: "fc.weight". A global pool makes (C), as PyTorch does in two modules,
   with Flatten: put nn_flatten behind it. Shapes and orders are PyTorch's: kernels (O, I, K, K),
   and channels first in what sees a flattened image (H, W, C).
   Errors: NN_ERR_STATE (not built), NN_ERR_ARGUMENT (two parameters of one name, no UTF-8, too
   little room), NN_ERR_FILE, NN_ERR_MEMORY. */
#define nn_save(...) nn_save_make(NN_ARGS(nn_save_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_save_make(nn_save_args args);

typedef struct nn_load_args {
    nn_place at;
    const char *path;
    const void *bytes; /* read these, not a file; path then only names them in errors */
    size_t size, header_limit; /* refuse a longer header; default 1 MiB */
} nn_load_args;

/* The model of a file that nn_save wrote, ready to predict, or to train on if it was compiled:
   nn_model *m = nn_load("digits.safetensors"). NULL when it fails.
   Errors: NN_ERR_FILE, NN_ERR_MEMORY, NN_ERR_FORMAT (damaged, or not of nn.h). */
#define nn_load(...) nn_load_make(NN_ARGS(nn_load_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_model *nn_load_make(nn_load_args args);

typedef struct nn_load_weights_args {
    nn_place at;
    nn_model *model; /* built or compiled */
    const char *path;
    bool partial; /* take what has the same name; the rest of both is left alone */
    const void *bytes;
    size_t size, header_limit;
} nn_load_weights_args;

/* Weights of any safetensors file into a model with the same layers: nn_load_weights(m, path). A
   file of nn_save gives its scaling and class names too, if the model has none and not .partial.
   Errors: as nn_load; NN_ERR_SHAPE names the tensor that is missing, surplus or of another shape.
   The model is then as it was. */
#define nn_load_weights(...)                                                                       \
    nn_load_weights_make(NN_ARGS(nn_load_weights_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_weights_make(nn_load_weights_args args);

/* A second model with the graph and the weights of a built one, for another thread to predict
   with; NULL when it fails. Make and free all of them in one thread. */
NN_API nn_model *nn_share(nn_model *model);

typedef struct nn_load_npy_args {
    nn_place at;
    nn_data *data;
    const char *x, *y; /* paths; y NULL: no targets */
    bool tokens; /* the numbers of x are token numbers */
    bool numbers; /* whole numbers in y are targets, not classes */
    const void *x_bytes, *y_bytes; /* read these, not the files */
    size_t x_size, y_size;
} nn_load_npy_args;

/* Reads NumPy's arrays: nn_load_npy(&data, "X.npy", "y.npy"). x (n, ...) of any real type; bytes
   (uint8) stay bytes, which training sees as 0 to 1. y (n, ...): whole numbers are classes, others
   targets. Both byte orders, C and Fortran order, versions 1 to 3.
   Errors: NN_ERR_FILE, NN_ERR_MEMORY, NN_ERR_FORMAT, NN_ERR_SHAPE, NN_ERR_DATA (as
   nn_data_from). */
#define nn_load_npy(...) nn_load_npy_make(NN_ARGS(nn_load_npy_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_load_npy_make(nn_load_npy_args args);

typedef struct nn_save_npy_args {
    nn_place at;
    const char *path;
    const void *values; /* (shape) of `type` */
    int shape[NN_MAX_RANK + 1]; /* zeros at the end are not counted; none: a single number */
    nn_type type;
    void *bytes;
    size_t room, *size;
} nn_save_npy_args;

/* Saves an array for NumPy: nn_save_npy("y.npy", y, { n, 10 }). */
#define nn_save_npy(...) nn_save_npy_make(NN_ARGS(nn_save_npy_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_save_npy_make(nn_save_npy_args args);

typedef struct nn_export_args {
    nn_place at;
    const nn_model *model; /* built or compiled */
    const char *path;
    const char *name; /* what the names in the C code begin with; default "model" */
    void *bytes;
    size_t room, *size;
} nn_export_args;

/* Writes a network as C source that needs only <math.h>: nn_export_c(m, "digits.c", .name =
   "digits") defines void digits_predict(const float *x, float *y) for one sample, scaling and
   class names included. Several inputs stand one behind the other in x. */
#define nn_export_c(...) nn_export_c_make(NN_ARGS(nn_export_args){ .at = NN_HERE, __VA_ARGS__ })
NN_API nn_status nn_export_c_make(nn_export_args args);

#ifdef __cplusplus
}
#endif

#endif /* NN_H */

/* ======== stop here if you only want the API; what follows is how it works ================== */

#ifdef NN_IMPLEMENTATION
#ifndef NN_IMPLEMENTATION_DONE
#define NN_IMPLEMENTATION_DONE

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ======================================================================== >>config ======== */

#if !defined(NN_ALLOW_FAST_MATH) &&                                                                \
    (defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__))
#error "nn.h: -ffast-math breaks NaN; build without it, or define NN_ALLOW_FAST_MATH"
#endif

#ifndef NN_ASSERT
#include <assert.h>
#define NN_ASSERT(x) assert(x)
#endif

/* Vector code: GCC's and clang's vectors, for what the target has (NN__BASE), and on x86-64 also
   for what the CPU may have beyond that, chosen when the program runs (NN__SEVERAL). For the
   latter the file includes itself; if it has another name, #define NN_SELF "other.h". */
#define NN__WASM 1
#define NN__NEON 2
#define NN__SSE2 3
#define NN__AVX2 4
#define NN__AVX512 5
#ifndef NN_SELF
#define NN_SELF "nn.h"
#endif
#if defined(NN_NO_SIMD) || defined(NN_DOUBLE) || defined(__TINYC__) ||                             \
    !(defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))
#define NN__VECTORS 0
#elif defined(__x86_64__)
#define NN__VECTORS 1
#include <immintrin.h>
#if defined(__AVX512F__) && defined(__FMA__)
#define NN__BASE NN__AVX512
#elif defined(__AVX2__) && defined(__FMA__)
#define NN__BASE NN__AVX2
#else
#define NN__BASE NN__SSE2
#endif
#if defined(__has_include)
#if __has_include(NN_SELF)
#define NN__SEVERAL 1
#endif
#endif
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define NN__VECTORS 1
#define NN__BASE NN__NEON
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#define NN__VECTORS 1
#define NN__BASE NN__WASM
#include <wasm_simd128.h>
#else
#define NN__VECTORS 0
#endif
#ifndef NN__SEVERAL
#define NN__SEVERAL 0
#endif

/* Sizes of the matrix product's tiles and blocks, and where vectors begin to pay. */
enum {
    NN__SHORT = 8, /* rows below this size are plain loops */
    NN__LARGE = 1000000, /* and where waking threads begins to pay */
    NN__BLOCK_ROWS = 192,
    NN__BLOCK_PANELS = 2,
    NN__BLOCK_K = 800,
    NN__BLOCKS = 16, /* at least that many, where there are rows enough: threads share evenly */
    NN__DIRECT_ROWS = 128,
    NN__WIDEST = 32 /* columns of a panel, with the longest vectors */
};

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#define NN__IS_TERMINAL() isatty(1)
#else
#define NN__IS_TERMINAL() 0
#endif

#ifdef NN_USE_STB_IMAGE
#include <sys/stat.h>
#include <dirent.h>
#endif

/* One error sentence for each thread, where the compiler knows threads. */
#if defined(__cplusplus)
#define NN__THREAD_LOCAL thread_local
#elif defined(__TINYC__)
#define NN__THREAD_LOCAL
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && !defined(__STDC_NO_THREADS__)
#define NN__THREAD_LOCAL _Thread_local
#elif defined(__GNUC__)
#define NN__THREAD_LOCAL __thread
#else
#define NN__THREAD_LOCAL
#endif

/* clang-format off */
/* The empty initialiser of a struct: C99 wants {0}, C++ warns about it. */
#ifdef __cplusplus
#define NN__EMPTY {}
#else
#define NN__EMPTY { 0 }
#endif
/* clang-format on */

#define NN__MIN(a, b) ((a) < (b) ? (a) : (b))
#define NN__MAX(a, b) ((a) > (b) ? (a) : (b))

/* ======================================================================== >>error ========= */

#define NN__MESSAGE_SIZE 512
#define NN__ALIGNMENT 64 /* a cache line, and two AVX2 vectors */

static NN__THREAD_LOCAL char nn__message[NN__MESSAGE_SIZE];
static nn_log_function *nn__log_to = nn_log_default;
static void *nn__log_user;
static nn_allocator nn__allocator;
static const nn_place nn__nowhere = { NULL, 0 }; /* for calls that carry no place of the caller */

NN_API const char *nn_status_text(nn_status status)
{
#define NN__STATUS_TEXT(name, text) text,
    static const char *const texts[] = { NN_STATUS_LIST(NN__STATUS_TEXT) };
    return (int)status >= 0 && status < NN_STATUS_COUNT ? texts[status] : "unknown status";
}

NN_API const char *nn_last_error(void)
{
    return nn__message;
}

/* Adds text to the message, as much as there is room for. */
static void nn__message_add(const char *text)
{
    size_t used = strlen(nn__message), length = strlen(text), room = NN__MESSAGE_SIZE - 1 - used;
    if (length > room) length = room;
    memcpy(nn__message + used, text, length);
    nn__message[used + length] = 0;
}

/* Records "file:line: call: sentence" for nn_last_error and returns the status. A place without a
   file leaves the first part out. */
NN__PRINTF(4, 5)
static nn_status nn__fail(nn_place at, nn_status status, const char *call, const char *format, ...)
{
    char text[NN__MESSAGE_SIZE], line[24];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments); /* first: an argument may be the message */
    va_end(arguments);
    nn__message[0] = 0;
    if (at.file) {
        snprintf(line, sizeof line, ":%d: ", at.line);
        nn__message_add(at.file);
        nn__message_add(line);
    }
    nn__message_add(call);
    nn__message_add(": ");
    nn__message_add(text);
    return status;
}

static nn_status nn__fail_memory(nn_place at, const char *call, const char *what)
{
    return nn__fail(at, NN_ERR_MEMORY, call,
                    "no memory for %s; use smaller batches, less data or a smaller model", what);
}

NN_API void nn_set_log(nn_log_function *log, void *user)
{
    nn__log_to = log;
    nn__log_user = user;
}

NN_API void nn_log_default(void *user, nn_log_level level, const char *text)
{
    static const char *const prefix[] = { "", "", "warning: ", "error: " };
    const bool terminal = NN__IS_TERMINAL();
    (void)user;
    if (level >= NN_LOG_WARNING) {
        fflush(stdout);
        fprintf(stderr, "%s%s\n", prefix[level], text);
    } else if (level == NN_LOG_INFO) printf("%s%s\n", terminal ? "\r\033[K" : "", text);
    else if (terminal) printf("\r%s\033[K", text);
    fflush(stdout);
}

NN__PRINTF(2, 3) static void nn__log(nn_log_level level, const char *format, ...)
{
    char text[2 * NN__MESSAGE_SIZE];
    va_list arguments;
    if (!nn__log_to) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    nn__log_to(nn__log_user, level, text);
}

NN_API void nn_set_allocator(const nn_allocator *allocator)
{
    if (allocator) nn__allocator = *allocator;
    else memset(&nn__allocator, 0, sizeof nn__allocator);
}

/* a * b, or false where it does not fit: the one multiply for all sizes that come from outside. */
static bool nn__mul(size_t a, size_t b, size_t *product)
{
    if (b && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

/* count * size bytes aligned to NN__ALIGNMENT, or NULL. What the allocator gave stands before. */
static void *nn__alloc(size_t count, size_t size)
{
    size_t bytes;
    const size_t extra = NN__ALIGNMENT + sizeof(void *);
    if (!nn__mul(count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - extra) return NULL;
    void *raw = nn__allocator.allocate ? nn__allocator.allocate(nn__allocator.user, bytes + extra)
                                       : malloc(bytes + extra);
    if (!raw) return NULL;
    uintptr_t first = (uintptr_t)raw, start = (first + extra) & ~(uintptr_t)(NN__ALIGNMENT - 1);
    void *memory = (char *)raw + (start - first);
    memcpy((char *)memory - sizeof raw, &raw, sizeof raw);
    return memory;
}

static void *nn__alloc_zero(size_t count, size_t size)
{
    void *memory = nn__alloc(count, size);
    if (memory) memset(memory, 0, count * size);
    return memory;
}

static void nn__free(void *memory)
{
    void *raw;
    if (!memory) return;
    memcpy(&raw, (char *)memory - sizeof raw, sizeof raw);
    if (nn__allocator.release) nn__allocator.release(nn__allocator.user, raw);
    else free(raw);
}

/* Copies at most size - 1 characters and closes with a zero. */
static void nn__copy_text(char *to, size_t size, const char *from)
{
    size_t length = NN__MIN(strlen(from), size - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

/* ======================================================================== >>random ======== */

/* The finaliser of SplitMix64: every bit of x changes half of the bits of the result. */
static uint64_t nn__mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

NN_API nn_random nn_random_seed(uint64_t seed)
{
    nn_random random;
    random.state = nn__mix(seed + UINT64_C(0x632be59bd9b4e019));
    return random;
}

NN_API nn_random nn_random_split(const nn_random *random, uint64_t stream)
{
    nn_random child;
    child.state = nn__mix(random->state ^ nn__mix(stream + UINT64_C(0xd1342543de82ef95)));
    return child;
}

NN_API uint64_t nn_random_u64(nn_random *random)
{
    return nn__mix(random->state += UINT64_C(0x9e3779b97f4a7c15));
}

NN_API uint64_t nn_random_below(nn_random *random, uint64_t n)
{
    NN_ASSERT(n > 0);
    uint64_t x; /* the first 2^64 mod n values would be one too many */
    do x = nn_random_u64(random);
    while (x < n && x < (0 - n) % n);
    return x % n;
}

/* A number in [0, 1) from the upper 53 bits. */
static double nn__unit(uint64_t bits)
{
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

NN_API double nn_random_uniform(nn_random *random, double low, double high)
{
    double x = low + (high - low) * nn__unit(nn_random_u64(random));
    return x < high ? x : low; /* rounding can reach high */
}

NN_API double nn_random_normal(nn_random *random, double mean, double deviation)
{
    double u = 1 - nn_random_uniform(random, 0, 1); /* Box and Muller 1958; u is never 0 */
    double angle = 6.283185307179586 * nn_random_uniform(random, 0, 1);
    return mean + deviation * sqrt(-2 * log(u)) * cos(angle);
}

NN_API void nn_random_shuffle(nn_random *random, int *index, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)nn_random_below(random, (uint64_t)i + 1), swap = index[i];
        index[i] = index[j];
        index[j] = swap;
    }
}

/* ======================================================================== >>simd =============
   Every fast kernel has a plain twin, `_ref`: its definition, and what runs where the compiler or
   the CPU has no vectors. The fast ones are written once, further down (>>simd/vector), and
   compiled for each instruction set; a table of them is chosen when the first one is needed. */

/* An activation of n numbers; ys may be xs. */
typedef void nn__activation(nn_real *ys, const nn_real *xs, size_t n, nn_real alpha);

/* C (m, n) = or += A B: what a matrix product works on. See >>matmul. */
typedef struct nn__product {
    nn_real *c;
    const nn_real *a, *b;
    int m, n, k;
    ptrdiff_t a_row, a_column, b_row, b_column; /* steps, in numbers */
    bool add; /* C += A B */
    const nn_real *bias; /* (n), added to every row; or NULL */
    nn__activation *finish; /* called on finished pieces of rows; or NULL */
    nn_real alpha;
    nn_real *work;
    /* what a convolution needs, which reads A from an image */
    ptrdiff_t c_row;
    int run; /* k comes in runs of so many; A then jumps by a_run, and B by b_run rows */
    ptrdiff_t a_run;
    int b_first, b_run; /* the first row of B that is used */
    int packed; /* rows of B that work holds as panels already; 0: none */
    const int *a_rows; /* (m): where the rows of A begin, instead of every a_row; or NULL */
    bool roomy; /* B can be read a panel beyond its end */
} nn__product;

/* The loops of a pointwise activation: forward; backward, dx = or += dy g', where dx may be dy. */
typedef struct nn__pointwise {
    nn__activation *forward;
    void (*backward)(nn_real *dx, const nn_real *dy, const nn_real *xs, const nn_real *ys, size_t n,
                     nn_real a, bool add);
} nn__pointwise;

/* The constants of one Adam step, with both bias corrections in them. */
typedef struct nn__adam {
    nn_real beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    nn_real rate; /* lr / (1 - beta1^t) */
    nn_real root; /* 1 / sqrt(1 - beta2^t) */
    nn_real epsilon;
    nn_real decay, shrink; /* g + decay w; shrink w first (AdamW) */
} nn__adam;

/* The constants of an RMSprop step. */
typedef struct nn__rmsprop {
    nn_real rate, rho, rest, epsilon; /* rest = 1 - rho */
    nn_real momentum, decay; /* g + decay w */
} nn__rmsprop;

/* The transforms of a convolution by tiles: of x, y, dy, dx, w and dw. See >>kernels/winograd. */
enum { NN__TILE_X, NN__TILE_Y, NN__TILE_DY, NN__TILE_DX, NN__TILE_W, NN__TILE_DW };

/* How the loop over winners walks through x: from a pooling window to the patch of x under the
   pixel that won in it. */
enum { NN__MOST_PIXELS = 16 };
typedef struct nn__met {
    int O, OH, OW, KH, width; /* filters; windows; rows of the kernel, numbers in one */
    size_t row, down, right; /* numbers to the next row, the window below, the window beside */
    int pixel[NN__MOST_PIXELS]; /* from the first pixel of a window to each of them */
} nn__met;

/* The kernels of one instruction set. */
typedef struct nn__vectors {
    const char *name;
    void (*matmul)(const nn__product *p);
    void (*pack)(const nn__product *p, int part, int parts); /* the two halves of matmul */
    void (*blocks)(const nn__product *p, int part, int parts);
    nn__pointwise pointwise[NN_SOFTMAX]; /* NULL: there is only the plain one */
    nn_real (*softmax_row)(nn_real *y, const nn_real *x, nn_real m, int C);
    void (*adam)(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, const nn__adam *k);
    void (*sgd)(nn_real *w, const nn_real *g, nn_real *v, size_t n, nn_real rate, nn_real momentum,
                bool nesterov, nn_real decay);
    void (*rmsprop)(nn_real *w, const nn_real *g, nn_real *s, nn_real *v, size_t n,
                    const nn__rmsprop *k);
    void (*bytes)(nn_real *out, const uint8_t *raw, nn_real offset, nn_real factor, size_t n);
    void (*dropout)(nn_real *y, const nn_real *x, uint64_t key, uint32_t limit, nn_real keep,
                    size_t n, bool add);
    void (*add)(nn_real *y, const nn_real *x, size_t n); /* y += x */
    void (*columns)(nn_real *sums, const nn_real *x, size_t rows, size_t n); /* sums += rows */
    void (*outer)(nn_real *w, nn_real dy, const nn_real *x, size_t n, nn_real rate);
    void (*mul_add)(nn_real *y, const nn_real *a, const nn_real *b, size_t n); /* y += a b */
    /* n windows, `step` numbers apart */
    void (*max_windows)(nn_real *y, int *winner, const nn_real *x, int h, int w, size_t row,
                        size_t C, size_t n, size_t step);
    void (*max_windows_backward)(nn_real *dx, const nn_real *dy, const int *winner, int h, int w,
                                 size_t row, size_t C, size_t n, size_t step, bool add);
    void (*winners)(nn_real *dw, const nn_real *x, const nn_real *dy, const int *winner,
                    const nn__met *k);
    /* NULL: convolutions go another way */
    void (*winograd)(int kind, int pairs, nn_real *const *at, nn_real *v, size_t step,
                     const nn_real *b, size_t C);
    double (*squares)(const nn_real *x, size_t n); /* sum x², in double */
    bool (*finite)(const nn_real *x, size_t n);
} nn__vectors;

/* Constants for the points of a convolution by tiles. Rows 0 .. 2 belong to the pairs p, -p; row 3
   of power and weight to the point 0. Tiles of 4x4 have 0 and two pairs, of 5x5 three pairs and no
   0. See >>kernels/winograd. */
typedef struct nn__points {
    float power[4][5]; /* 1, p, p² .. */
    float weight[4][5]; /* 1, p, p² over the product of p - q for all other points q, -p too */
    float rest[4][4]; /* product of x² - q² over the other pairs, by powers of x²; 3: all pairs */
} nn__points;

#define NN__WEIGHTS(p, product)                                                                    \
    {                                                                                              \
        0.5f / (product), 0.5f * (p) / (product), 0.5f * (p) * (p) / (product)                     \
    }
static const nn__points nn__points_of[2] = {
    { { { 1, 0.625f, 0.390625f, 0.244140625f }, { 1, 1.5f, 2.25f, 3.375f }, { 0 }, { 1 } },
      { NN__WEIGHTS(0.625f, 0.390625f * (0.390625f - 2.25f)),
        NN__WEIGHTS(1.5f, 2.25f * (2.25f - 0.390625f)),
        { 0 },
        { 1 / (0.390625f * 2.25f) } },
      { { -2.25f, 1 }, { -0.390625f, 1 }, { 0 }, { 0.87890625f, -2.640625f, 1 } } },
    { { { 1, 0.25f, 0.0625f, 0.015625f, 0.00390625f },
        { 1, 0.75f, 0.5625f, 0.421875f, 0.31640625f },
        { 1, 1.75f, 3.0625f, 5.359375f, 9.37890625f },
        { 0 } },
      { NN__WEIGHTS(0.25f, 0.25f * (0.0625f - 0.5625f) * (0.0625f - 3.0625f)),
        NN__WEIGHTS(0.75f, 0.75f * (0.5625f - 0.0625f) * (0.5625f - 3.0625f)),
        NN__WEIGHTS(1.75f, 1.75f * (3.0625f - 0.0625f) * (3.0625f - 0.5625f)),
        { 0 } },
      { { 1.72265625f, -3.625f, 1 },
        { 0.19140625f, -3.125f, 1 },
        { 0.03515625f, -0.625f, 1 },
        { -0.107666015625f, 1.94921875f, -3.6875f, 1 } } }
};
#undef NN__WEIGHTS

static const nn__vectors *nn__vector(void); /* the one in use; NULL: plain code */

/* The unrolling that the matrix product needs even at -O2. */
#if defined(__clang__)
#define NN__UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__) && __GNUC__ >= 8
#define NN__UNROLL _Pragma("GCC unroll 16")
#else
#define NN__UNROLL
#endif

/* Independent work is shared by the threads of OpenMP where it is on: part number `part` of `parts`
   begins at nn__part_begin. No sum is ever split between threads, so their number changes no bit of
   the result. Where there is one thread only, nothing of OpenMP is called. */
#ifdef _OPENMP
#define NN__PRAGMA(x) _Pragma(#x)
#define NN__PARALLEL NN__PRAGMA(omp parallel)
#define NN__BARRIER NN__PRAGMA(omp barrier)
#define NN__PART omp_get_thread_num()
#define NN__PARTS omp_get_num_threads()
#else
#define NN__PARALLEL
#define NN__BARRIER
#define NN__PART 0
#define NN__PARTS 1
#endif

static int nn__part_begin(int n, int part, int parts)
{
    if (part == 0 || part == parts) return part ? n : 0; /* small work is spared the division */
    return (int)((int64_t)n * part / parts);
}

/* ---- denormals ------------------------------------------------------- >>simd/denormals
   Numbers below 1e-38 cost a hundred cycles each on many CPUs, and weights and moments that decay
   get there. Inside a training step they are taken as 0; the caller's mode comes back. The mode
   belongs to a thread, so threads that help take that of the one they help. */
static unsigned nn__float_mode(void)
{
#if NN__VECTORS && defined(__x86_64__)
    return _mm_getcsr();
#else
    return 0;
#endif
}

static void nn__set_float_mode(unsigned mode)
{
#if NN__VECTORS && defined(__x86_64__)
    _mm_setcsr(mode);
#else
    (void)mode;
#endif
}

/* Flushes denormals to zero, in operands too; returns the mode before. */
static unsigned nn__denormals_off(void)
{
    unsigned mode = nn__float_mode();
    nn__set_float_mode(mode | 0x8040);
    return mode;
}

#if NN__VECTORS && defined(__x86_64__)
/* From 8 - n on: a mask of the first n lanes. */
static const int32_t nn__first_lanes[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
#endif

#endif /* the implementation, until here */
#endif

/* ---- vectors, written once ------------------------------------------------ >>simd/vector
   The compiler reads this part once for each instruction set: NN__PASS says for which, and
   NN__V(name) gives every function a name of its own. The baseline of the target is compiled where
   it stands; for the others, which the CPU may have or not, the file includes itself and skips all
   but this part. What differs between the sets is in the next forty lines; the loops know only
   nn__v, a vector of NN__LANES floats. A loop takes what is left at its end as a vector that is
   partly empty, so a number is computed in the same way wherever in an array it stands. */
#if defined(NN_IMPLEMENTATION) && NN__VECTORS && !defined(NN__VECTORS_DONE)

#ifndef NN__PASS
#if NN__BASE < NN__AVX512 && NN__SEVERAL
#define NN__PASS NN__AVX512
#include NN_SELF
#undef NN__PASS
#endif
#if NN__BASE < NN__AVX2 && NN__SEVERAL
#define NN__PASS NN__AVX2
#include NN_SELF
#undef NN__PASS
#endif
#define NN__PASS NN__BASE
#define NN__IN_PLACE
#endif

#undef NN__LANES
#undef NN__TILED
#undef NN__MUL_ADD
#undef NN__SHORT_LANES
#undef NN__SHORT_FMA
#undef NN__TILE_ROWS
#undef NN__V
#undef NN__V_FMA
#undef NN__V_SQRT
#undef NN__V_WIDEN
#undef NN__V_LOAD_SOME
#undef NN__V_STORE_SOME
#if NN__PASS == NN__AVX512
#define NN__LANES 16
#define NN__TILE_ROWS 8
#define NN__V(name) name##_avx512
#define NN__V_FMA(a, b, c) (nn__v) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define NN__V_SQRT(a) (nn__v) _mm512_maskz_sqrt_ps(0xffff, (__m512)(a))
#define NN__V_WIDEN(bytes) (nn__vi) _mm512_maskz_cvtepu8_epi32(0xffff, (__m128i)(bytes))
#define NN__V_LOAD_SOME(p, n) (nn__v) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define NN__V_STORE_SOME(p, v, n)                                                                  \
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), (__m512)(v))
#elif NN__PASS == NN__AVX2
#define NN__LANES 8
#define NN__TILE_ROWS 6
#define NN__V(name) name##_avx2
#define NN__V_FMA(a, b, c) (nn__v) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define NN__V_SQRT(a) (nn__v) _mm256_sqrt_ps((__m256)(a))
#define NN__V_WIDEN(bytes) (nn__vi) _mm256_cvtepu8_epi32(_mm_loadl_epi64((__m128i *)&(bytes)))
#define NN__V_FIRST(n) _mm256_loadu_si256((const __m256i *)(nn__first_lanes + 8 - (n)))
#define NN__V_LOAD_SOME(p, n) (nn__v) _mm256_maskload_ps(p, NN__V_FIRST(n))
#elif NN__PASS == NN__SSE2
#define NN__LANES 4
#define NN__TILE_ROWS 6
#define NN__V(name) name##_sse2
#define NN__V_FMA(a, b, c) (nn__v)((a) * (b) + (c))
#define NN__V_SQRT(a) (nn__v) _mm_sqrt_ps((__m128)(a))
#elif NN__PASS == NN__NEON
#define NN__LANES 4
#define NN__TILE_ROWS 6
#define NN__V(name) name##_neon
#define NN__V_FMA(a, b, c) (nn__v) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define NN__V_SQRT(a) (nn__v) vsqrtq_f32((float32x4_t)(a))
#else
#define NN__LANES 4
#define NN__TILE_ROWS 6
#define NN__V(name) name##_wasm
#define NN__V_FMA(a, b, c) (nn__v)((a) * (b) + (c))
#define NN__V_SQRT(a) (nn__v) wasm_f32x4_sqrt((v128_t)(a))
#endif

#ifndef NN__V_WIDEN
#define NN__V_WIDEN(bytes) __builtin_convertvector(bytes, nn__vi)
#endif

#ifndef NN__IN_PLACE /* compiled for more than the command line allows */
#if defined(__clang__) && NN__PASS == NN__AVX512
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif NN__PASS == NN__AVX512
#pragma GCC push_options
#pragma GCC target("avx512f,avx2,fma")
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#endif

#ifndef nn__v
#define nn__v NN__V(nn__v)
#define nn__vi NN__V(nn__vi)
#define nn__vu NN__V(nn__vu)
#define nn__vb NN__V(nn__vb)
#define nn__v4 NN__V(nn__v4)
#define nn__vn NN__V(nn__vn)
#define nn__v_load NN__V(nn__v_load)
#define nn__v_store NN__V(nn__v_store)
#define nn__v_load_some NN__V(nn__v_load_some)
#define nn__v_store_some NN__V(nn__v_store_some)
#define nn__v_all NN__V(nn__v_all)
#define nn__v_ints NN__V(nn__v_ints)
#define nn__v_select NN__V(nn__v_select)
#define nn__v_max NN__V(nn__v_max)
#define nn__v_abs NN__V(nn__v_abs)
#define nn__v_fold NN__V(nn__v_fold)
#define nn__v_sum NN__V(nn__v_sum)
#define nn__v_exp NN__V(nn__v_exp)
#define nn__v_log NN__V(nn__v_log)
#define nn__v_tanh NN__V(nn__v_tanh)
#define nn__v_sigmoid NN__V(nn__v_sigmoid)
#define nn__v_softplus NN__V(nn__v_softplus)
#define nn__v_expm1_negative NN__V(nn__v_expm1_negative)
#define nn__transpose_4x4 NN__V(nn__transpose_4x4)
#define nn__pack NN__V(nn__pack)
#define nn__pack_panel NN__V(nn__pack_panel)
#define nn__block_rows NN__V(nn__block_rows)
#define nn__tile_at NN__V(nn__tile_at)
#define nn__row_out NN__V(nn__row_out)
#define nn__ends_in_relu NN__V(nn__ends_in_relu)
#define nn__tile NN__V(nn__tile)
#define nn__terms NN__V(nn__terms)
#define nn__in_place NN__V(nn__in_place)
#define nn__tile_block NN__V(nn__tile_block)
#define nn__dots_of_four NN__V(nn__dots_of_four)
#define nn__dots NN__V(nn__dots)
#define nn__share NN__V(nn__share)
#define nn__max_window NN__V(nn__max_window)
#define nn__winners_rows NN__V(nn__winners_rows)
#define nn__every_other NN__V(nn__every_other)
#define nn__winograd_x NN__V(nn__winograd_x)
#define nn__winograd_dx NN__V(nn__winograd_dx)
#define nn__winograd_values NN__V(nn__winograd_values)
#define nn__winograd_sums NN__V(nn__winograd_sums)
#define nn__winograd_line NN__V(nn__winograd_line)
#define nn__winograd_tile NN__V(nn__winograd_tile)
#endif
#define NN__OP __attribute__((always_inline)) static inline
#if defined(__clang__) || __GNUC__ >= 12
#define NN__SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define NN__SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (nn__shuffle_mask){ i, j, k, l })
typedef int32_t nn__shuffle_mask __attribute__((vector_size(16)));
#endif

typedef float nn__v __attribute__((vector_size(4 * NN__LANES), may_alias));
typedef int32_t nn__vi __attribute__((vector_size(4 * NN__LANES), may_alias));
typedef float nn__vu __attribute__((vector_size(4 * NN__LANES), may_alias, aligned(4)));
typedef uint8_t nn__vb __attribute__((vector_size(NN__LANES), may_alias));
typedef float nn__v4 __attribute__((vector_size(16), may_alias));
typedef uint32_t nn__vn __attribute__((vector_size(4 * NN__LANES), may_alias));

NN__OP nn__v nn__v_load(const float *p)
{
    return *(const nn__vu *)p;
}
NN__OP void nn__v_store(float *p, nn__v v)
{
    *(nn__vu *)p = v;
}
NN__OP nn__v nn__v_load_some(const float *p, size_t n) /* n of them, then zeros */
{
    if (n >= NN__LANES) return nn__v_load(p);
#ifdef NN__V_LOAD_SOME
    return NN__V_LOAD_SOME(p, n);
#else
    nn__v v = { 0 };
    memcpy(&v, p, n * sizeof *p);
    return v;
#endif
}
NN__OP void nn__v_store_some(float *p, nn__v v, size_t n)
{
    if (n >= NN__LANES) nn__v_store(p, v);
#ifdef NN__V_STORE_SOME
    else NN__V_STORE_SOME(p, v, n);
#else
    else memcpy(p, &v, n * sizeof *p);
#endif
}
NN__OP nn__v nn__v_all(float x)
{
    nn__v zero = { 0 };
    return x - zero;
}
NN__OP nn__vi nn__v_ints(int32_t x)
{
    nn__vi zero = { 0 };
    return x + zero;
}
NN__OP nn__v nn__v_select(nn__vi mask, nn__v yes, nn__v no)
{
    return (nn__v)((mask & (nn__vi)yes) | (~mask & (nn__vi)no));
}
NN__OP nn__v nn__v_max(nn__v a, nn__v b) /* b where either is NaN */
{
    return nn__v_select((nn__vi)(a > b), a, b);
}
NN__OP nn__v nn__v_abs(nn__v a)
{
    return (nn__v)((nn__vi)a & nn__v_ints(0x7fffffff));
}
NN__OP nn__v4 nn__v_fold(nn__v v) /* its quarters, added lane by lane */
{
    nn__v4 part[NN__LANES / 4];
    memcpy(part, &v, sizeof v);
    for (int n = NN__LANES / 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++) part[i] += part[i + n];
    return part[0];
}
NN__OP float nn__v_sum(nn__v v)
{
    nn__v4 s = nn__v_fold(v);
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/* e^x to 2 ulp: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its series, times 2^n in two halves, so
   that results from the smallest denormal up to the largest float come out right. */
NN__OP nn__v nn__v_exp(nn__v x)
{
    const nn__v round = nn__v_all(12582912.0f); /* 1.5 * 2^23: adding it rounds to whole numbers */
    nn__v low = nn__v_all(-104), high = nn__v_all(89); /* e^x is 0 and infinite beyond these */
    nn__v t = nn__v_select((nn__vi)(x < low), low, nn__v_select((nn__vi)(x > high), high, x));
    nn__v n = NN__V_FMA(t, nn__v_all(1.44269504f), round) - round;
    nn__v r = NN__V_FMA(n, nn__v_all(-0.693359375f), t);
    r = NN__V_FMA(n, nn__v_all(2.12194440e-4f), r);
    nn__v p = nn__v_all(1.9875691500e-4f);
    p = NN__V_FMA(p, r, nn__v_all(1.3981999507e-3f));
    p = NN__V_FMA(p, r, nn__v_all(8.3334519073e-3f));
    p = NN__V_FMA(p, r, nn__v_all(4.1665795894e-2f));
    p = NN__V_FMA(p, r, nn__v_all(1.6666665459e-1f));
    p = NN__V_FMA(p, r, nn__v_all(5.0000001201e-1f));
    p = NN__V_FMA(p * r, r, r) + 1.0f;
    nn__vi whole = __builtin_convertvector(n, nn__vi), half = whole >> 1;
    nn__v first = (nn__v)((half + 127) << 23), rest = (nn__v)((whole - half + 127) << 23);
    return p * first * rest;
}

/* log x for normal x > 0 to 2 ulp: x = 2^n m with m in [sqrt(1/2), sqrt(2)). */
NN__OP nn__v nn__v_log(nn__v x)
{
    nn__vi bits = (nn__vi)x - nn__v_ints(0x3f3504f3); /* sqrt(1/2) */
    nn__v n = __builtin_convertvector(bits >> 23, nn__v);
    nn__v m = (nn__v)((bits & nn__v_ints(0x007fffff)) + nn__v_ints(0x3f3504f3)) - 1.0f;
    nn__v z = m * m, p = nn__v_all(7.0376836292e-2f);
    p = NN__V_FMA(p, m, nn__v_all(-1.1514610310e-1f));
    p = NN__V_FMA(p, m, nn__v_all(1.1676998740e-1f));
    p = NN__V_FMA(p, m, nn__v_all(-1.2420140846e-1f));
    p = NN__V_FMA(p, m, nn__v_all(1.4249322787e-1f));
    p = NN__V_FMA(p, m, nn__v_all(-1.6668057665e-1f));
    p = NN__V_FMA(p, m, nn__v_all(2.0000714765e-1f));
    p = NN__V_FMA(p, m, nn__v_all(-2.4999993993e-1f));
    p = NN__V_FMA(p, m, nn__v_all(3.3333331174e-1f));
    p = p * m * z;
    p = NN__V_FMA(n, nn__v_all(-2.12194440e-4f), p);
    p = NN__V_FMA(z, nn__v_all(-0.5f), p);
    return NN__V_FMA(n, nn__v_all(0.693359375f), m + p);
}

NN__OP nn__v nn__v_sigmoid(nn__v x) /* [F2.1] */
{
    return 1.0f / (1.0f + nn__v_exp(-x));
}

/* tanh: its series near 0, where 1 - 2 / (e^2x + 1) would lose digits, and that elsewhere. */
NN__OP nn__v nn__v_tanh(nn__v x)
{
    nn__v a = nn__v_abs(x), z = x * x, p = nn__v_all(-5.70498872745e-3f);
    nn__v large = 1.0f - 2.0f / (nn__v_exp(a + a) + 1.0f);
    p = NN__V_FMA(p, z, nn__v_all(2.06390887954e-2f));
    p = NN__V_FMA(p, z, nn__v_all(-5.37397155531e-2f));
    p = NN__V_FMA(p, z, nn__v_all(1.33314422036e-1f));
    p = NN__V_FMA(p, z, nn__v_all(-3.33332819422e-1f));
    p = NN__V_FMA(p * z, x, x);
    large = (nn__v)((nn__vi)large | ((nn__vi)x & nn__v_ints((int32_t)0x80000000)));
    return nn__v_select((nn__vi)(a < nn__v_all(0.625f)), p, large);
}

/* e^x - 1 for x <= 0 is 2 t / (1 - t) with t = tanh(x/2), which keeps the digits near 0. */
NN__OP nn__v nn__v_expm1_negative(nn__v x)
{
    nn__v t = nn__v_tanh(0.5f * x);
    return 2.0f * t / (1.0f - t);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|: for small e, log(1 + e) = log(u) e / (u - 1)
   with u = 1 + e as it is rounded. */
NN__OP nn__v nn__v_softplus(nn__v x)
{
    nn__v e = nn__v_exp(-nn__v_abs(x)), u = 1.0f + e, d = u - 1.0f;
    nn__vi tiny = (nn__vi)(d == nn__v_all(0));
    nn__v l = nn__v_log(u) * e / nn__v_select(tiny, nn__v_all(1), d);
    return nn__v_max(x, nn__v_all(0)) + nn__v_select(tiny, e, l);
}

/* ---- matrix product ----------------------------------------------------- >>simd/matmul
   Rows of C in tiles of 6 and columns in tiles of two vectors: 12 vectors of sums stay in registers
   while k runs, and every number that is loaded is used many times. >>matmul explains the rest. */
#define NN__COLUMNS (2 * NN__LANES)

/* Four rows of four numbers, transposed; from and to have these steps from row to row. */
NN__OP void nn__transpose_4x4(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t from_row)
{
    nn__v4 r0, r1, r2, r3, s0, s1, s2, s3;
    memcpy(&r0, from, sizeof r0), memcpy(&r1, from + from_row, sizeof r1);
    memcpy(&r2, from + 2 * from_row, sizeof r2), memcpy(&r3, from + 3 * from_row, sizeof r3);
    s0 = NN__SHUFFLE(r0, r1, 0, 4, 1, 5), s1 = NN__SHUFFLE(r2, r3, 0, 4, 1, 5);
    s2 = NN__SHUFFLE(r0, r1, 2, 6, 3, 7), s3 = NN__SHUFFLE(r2, r3, 2, 6, 3, 7);
    r0 = NN__SHUFFLE(s0, s1, 0, 1, 4, 5), r1 = NN__SHUFFLE(s0, s1, 2, 3, 6, 7);
    r2 = NN__SHUFFLE(s2, s3, 0, 1, 4, 5), r3 = NN__SHUFFLE(s2, s3, 2, 3, 6, 7);
    memcpy(to, &r0, sizeof r0), memcpy(to + to_row, &r1, sizeof r1);
    memcpy(to + 2 * to_row, &r2, sizeof r2), memcpy(to + 3 * to_row, &r3, sizeof r3);
}

/* A panel of k rows, `width` numbers each: `columns` of a matrix, then zeros. Its numbers are `row`
   apart down a column and `column` apart along a row. */
NN__OP void nn__pack(float *to, int width, const float *from, int columns, int k, ptrdiff_t row,
                     ptrdiff_t column)
{
    int q = 0;
    if (columns < width) memset(to, 0, sizeof *to * (size_t)width * (size_t)k);
    if (column == 1 && columns == width && width % NN__LANES == 0)
        for (; q < k; q++)
            for (int c = 0; c < width; c += NN__LANES)
                nn__v_store(to + q * width + c, nn__v_load(from + q * row + c));
    for (int end; row == 1 && q + 4 <= k; q = end) { /* columns lie in rows: whole cache lines */
        end = NN__MIN(q + 64, k / 4 * 4);
        for (int c = 0; c + 4 <= columns; c += 4)
            for (int i = q; i < end; i += 4)
                nn__transpose_4x4(to + i * width + c, width, from + c * column + i, column);
        for (int c = columns / 4 * 4; c < columns; c++)
            for (int i = q; i < end; i++) to[i * width + c] = from[c * column + i];
    }
    for (; q < k; q++)
        for (int c = 0; c < columns; c++) to[q * width + c] = from[c * column + q * row];
}

/* Panel number `panel` of B, NN__COLUMNS wide. */
static void nn__pack_panel(const nn__product *p, int panel)
{
    const int j = panel * NN__COLUMNS;
    nn__pack(p->work + (size_t)j * (size_t)p->k, NN__COLUMNS, p->b + j * p->b_column,
             NN__MIN(p->n - j, NN__COLUMNS), p->k, p->b_row, p->b_column);
}

/* A tile's upper left corner (i, j), where its B is, and which terms of k are added. */
typedef struct nn__tile_at {
    int i, j, q, terms;
    const float *a, *b;
    ptrdiff_t b_row;
} nn__tile_at;

/* Writes one row of sums to C: onto what is there, but nothing below `least`. */
NN__OP void nn__row_out(float *c, nn__v sums, bool add, nn__v least, size_t columns)
{
    if (add) sums += nn__v_load_some(c, columns);
    nn__v_store_some(c, nn__v_max(least, sums), columns);
}

static void NN__V(nn__relu_forward)(float *ys, const float *xs, size_t n, float a);

/* ReLU costs nothing on the way out; other activations go over finished blocks. */
NN__OP bool nn__ends_in_relu(const nn__product *p)
{
    return p->finish == NN__V(nn__relu_forward);
}

/* A tile of `height` rows, as wide as `vectors`: constants at each call. */
NN__OP void nn__tile(const nn__product *p, const nn__tile_at *t, const int height,
                     const int vectors)
{
    nn__v sums[NN__TILE_ROWS][2], zero = { 0 };
    const float *a[NN__TILE_ROWS], *b = t->b;
    const ptrdiff_t step = p->a_column;
    const int rows = NN__MIN(p->m - t->i, height);
    for (int r = 0; r < height; r++) { /* rows past the end repeat the last one */
        const int i = t->i + NN__MIN(r, rows - 1);
        a[r] = t->a + (p->a_rows ? p->a_rows[i] : i * p->a_row);
    }
    NN__UNROLL
    for (int r = 0; r < height; r++) sums[r][0] = sums[r][1] = zero;
    for (int left = t->terms;; left -= p->run) {
        const int terms = NN__MIN(left, p->run);
        for (int q = 0; q < terms; q++, b += t->b_row) {
            nn__v b0 = nn__v_load(b), b1 = vectors > 1 ? nn__v_load(b + NN__LANES) : zero;
            NN__UNROLL
            for (int r = 0; r < height; r++) {
                nn__v a_r = nn__v_all(a[r][q * step]);
                sums[r][0] = NN__V_FMA(a_r, b0, sums[r][0]);
                if (vectors > 1) sums[r][1] = NN__V_FMA(a_r, b1, sums[r][1]);
            }
        }
        if (left <= p->run) break;
        NN__UNROLL
        for (int r = 0; r < height; r++) a[r] += p->a_run;
        b += (p->b_run - p->run) * t->b_row;
    }
    float *c = p->c + t->i * p->c_row + t->j;
    const bool add = p->add || t->q > 0, last = t->q + t->terms == p->k;
    const size_t columns = (size_t)(p->n - t->j);
    const nn__v least = nn__v_all(last && nn__ends_in_relu(p) ? 0 : -INFINITY);
    nn__v bias0 = zero, bias1 = zero;
    if (last && p->bias) {
        bias0 = nn__v_load_some(p->bias + t->j, columns);
        if (vectors > 1) bias1 = nn__v_load_some(p->bias + t->j + NN__LANES, columns - NN__LANES);
    }
    NN__UNROLL
    for (int r = 0; r < height; r++, c += p->c_row) {
        const bool second = vectors > 1 && r < rows;
        if (r < rows) nn__row_out(c, sums[r][0] + bias0, add, least, columns);
        if (second) nn__row_out(c + NN__LANES, sums[r][1] + bias1, add, least, columns - NN__LANES);
    }
}

/* How many rows of C a block has, when its columns make `across` blocks. */
static int nn__block_rows(int m, int across)
{
    int parts = (m + NN__BLOCK_ROWS - 1) / NN__BLOCK_ROWS;
    while (across * parts < NN__BLOCKS && m / parts > 4 * NN__TILE_ROWS) parts *= 2;
    return ((m - 1) / parts + NN__TILE_ROWS) / NN__TILE_ROWS * NN__TILE_ROWS;
}

/* How many terms of k are added before C is written: whole runs, where there are several. */
static int nn__terms(const nn__product *p)
{
    const int pieces = (p->k + NN__BLOCK_K - 1) / NN__BLOCK_K;
    if (p->k <= p->run) return (p->k + pieces - 1) / pieces;
    return NN__MAX(NN__BLOCK_K / p->run, 1) * p->run;
}

/* Whether a panel of B is read where it lies. */
static bool nn__in_place(const nn__product *p, int panel)
{
    return p->b_column == 1 && p->packed == 0 && (p->m <= NN__DIRECT_ROWS || p->a_rows) &&
           ((panel + 1) * NN__COLUMNS <= p->n || p->roomy);
}

/* One block of C: rows i_begin .. i_end - 1, panels panel .. panel_end - 1, over all of k. */
static void nn__tile_block(const nn__product *p, int i_begin, int i_end, int panel, int panel_end)
{
    nn__tile_at t;
    const int j_begin = panel * NN__COLUMNS, step = nn__terms(p);
    const int held = p->packed ? p->packed : p->k; /* rows of a packed panel */
    for (t.q = 0; t.q < p->k; t.q += step)
        for (int j = panel; j < panel_end; j++) {
            const int run = t.q / p->run, row = p->b_first + run * p->b_run + t.q % p->run;
            const bool in_place = nn__in_place(p, j);
            t.j = j * NN__COLUMNS, t.terms = NN__MIN(step, p->k - t.q);
            t.a = p->a + run * p->a_run + t.q % p->run * p->a_column;
            t.b_row = in_place ? p->b_row : NN__COLUMNS;
            t.b = in_place ? p->b + t.j + row * p->b_row
                           : p->work + ((size_t)j * (size_t)held + (size_t)row) * NN__COLUMNS;
            for (t.i = i_begin; t.i < i_end; t.i += NN__TILE_ROWS)
                if (p->n - t.j <= NN__LANES) nn__tile(p, &t, NN__TILE_ROWS, 1);
                else if (p->m - t.i <= NN__TILE_ROWS / 2) nn__tile(p, &t, NN__TILE_ROWS / 2, 2);
                else nn__tile(p, &t, NN__TILE_ROWS, 2);
        }
    const int columns = NN__MIN(panel_end * NN__COLUMNS, p->n) - j_begin;
    const int rows = columns == p->c_row ? i_end - i_begin : 1; /* whole rows lie in one piece */
    for (int i = i_begin; p->finish && !nn__ends_in_relu(p) && i < i_end; i += rows)
        p->finish(p->c + i * p->c_row + j_begin, p->c + i * p->c_row + j_begin,
                  (size_t)rows * (size_t)columns, p->alpha);
}

/* Dot products of one row with four: b points at their starts. */
NN__OP void nn__dots_of_four(float out[4], const float *a, const float *const b[4], size_t k)
{
    nn__v sums[4], zero = { 0 };
    size_t q = 0;
    NN__UNROLL
    for (int s = 0; s < 4; s++) sums[s] = zero;
    for (; q + NN__LANES <= k; q += NN__LANES) {
        nn__v x = nn__v_load(a + q);
        NN__UNROLL
        for (int s = 0; s < 4; s++) sums[s] = NN__V_FMA(x, nn__v_load(b[s] + q), sums[s]);
    }
    for (int s = 0; q < k && s < 4; s++)
        sums[s] =
            NN__V_FMA(nn__v_load_some(a + q, k - q), nn__v_load_some(b[s] + q, k - q), sums[s]);
    nn__v4 r0 = nn__v_fold(sums[0]), r1 = nn__v_fold(sums[1]);
    nn__v4 r2 = nn__v_fold(sums[2]), r3 = nn__v_fold(sums[3]); /* and each over its four lanes: */
    r0 = NN__SHUFFLE(r0, r1, 0, 4, 1, 5) + NN__SHUFFLE(r0, r1, 2, 6, 3, 7);
    r2 = NN__SHUFFLE(r2, r3, 0, 4, 1, 5) + NN__SHUFFLE(r2, r3, 2, 6, 3, 7);
    r0 = NN__SHUFFLE(r0, r2, 0, 1, 4, 5) + NN__SHUFFLE(r0, r2, 2, 3, 6, 7);
    memcpy(out, &r0, sizeof r0);
}

/* A few rows of A with the rows of B as they lie (B transposed): dot products, which read B once
   and pack nothing. For batches of one. */
static void nn__dots(const nn__product *p)
{
    float sums[4];
    const float *b[4];
    for (int i = 0; i < p->m; i++) {
        float *c = p->c + (size_t)i * (size_t)p->n;
        for (int j = 0; j < p->n; j += 4) {
            for (int s = 0; s < 4; s++) b[s] = p->b + NN__MIN(j + s, p->n - 1) * p->b_column;
            nn__dots_of_four(sums, p->a + i * p->a_row, b, (size_t)p->k);
            for (int s = 0; s < 4 && j + s < p->n; s++)
                c[j + s] = (p->add ? c[j + s] : 0) + sums[s] + (p->bias ? p->bias[j + s] : 0);
        }
        if (p->finish) p->finish(c, c, (size_t)p->n, p->alpha);
    }
}

/* Packs its part of the panels of B. */
static void NN__V(nn__pack_part)(const nn__product *p, int part, int parts)
{
    const int panels = (p->n + NN__COLUMNS - 1) / NN__COLUMNS;
    const int end = nn__part_begin(panels, part + 1, parts);
    for (int panel = nn__part_begin(panels, part, parts); panel < end; panel++)
        if (!nn__in_place(p, panel)) nn__pack_panel(p, panel);
}

/* Computes its part of the blocks of C: where they divide evenly, those of the panels that it
   packed, which lie in its own cache. */
static void NN__V(nn__blocks_part)(const nn__product *p, int part, int parts)
{
    const int panels = (p->n + NN__COLUMNS - 1) / NN__COLUMNS;
    const int across = (panels + NN__BLOCK_PANELS - 1) / NN__BLOCK_PANELS;
    const bool own = across % parts == 0;
    const int width = own ? across / parts : across, left = own ? part * width : 0;
    const int rows = nn__block_rows(p->m, across), blocks = width * ((p->m + rows - 1) / rows);
    const int end = own ? blocks : nn__part_begin(blocks, part + 1, parts);
    for (int block = own ? 0 : nn__part_begin(blocks, part, parts); block < end; block++) {
        const int first = (left + block % width) * NN__BLOCK_PANELS, i = block / width * rows;
        nn__tile_block(p, i, NN__MIN(i + rows, p->m), first,
                       NN__MIN(first + NN__BLOCK_PANELS, panels));
    }
}

/* Packs and multiplies its part of the panels and blocks. */
static void nn__share(const nn__product *p, int part, int parts, unsigned mode)
{
    const unsigned own_mode = nn__float_mode();
    nn__set_float_mode(mode);
    NN__V(nn__pack_part)(p, part, parts);
    if (parts > 1) {
        NN__BARRIER
    }
    NN__V(nn__blocks_part)(p, part, parts);
    nn__set_float_mode(own_mode);
}

static void NN__V(nn__matmul)(const nn__product *p)
{
    const bool large = (double)p->m * p->n * p->k > (double)NN__LARGE;
    if (p->m <= 3 && p->a_column == 1 && p->b_row == 1) nn__dots(p);
    else if (large) {
        const unsigned mode = nn__float_mode();
        NN__PARALLEL
        nn__share(p, NN__PART, NN__PARTS, mode);
    } else {
        NN__V(nn__pack_part)(p, 0, 1);
        NN__V(nn__blocks_part)(p, 0, 1);
    }
}

/* ---- convolution by tiles ----------------------------------------------- >>simd/winograd
   Vectors of channels go through the transforms of >>kernels/winograd, which has the matrices. What
   their rows for two points p and -p have in common, an even part and an odd one, is computed once.
   x86 without AVX2 is too old to be worth the time that they take to compile. */
#if NN__PASS != NN__SSE2
#define NN__TILED(name) NN__V(name)
#define NN__MUL_ADD(a, x, y) NN__V_FMA(nn__v_all(a), x, y)

/* Below, n is the number of pairs, and zero is 1 where 0 is a point too: it comes first, before the
   pairs; infinity comes last. This is c_0 x_0 + c_1 x_2 + .. + x_2n. */
NN__OP nn__v nn__every_other(const float *c, const nn__v *x, const int n)
{
    nn__v sum = x[2 * n];
    NN__UNROLL
    for (int l = n - 1; l >= 0; l--) sum = NN__MUL_ADD(c[l], x[2 * l], sum);
    return sum;
}

/* Bᵀ */
NN__OP void nn__winograd_x(const nn__points *k, const int n, nn__v *y, const nn__v *x)
{
    const int zero = n == 2;
    if (zero) y[0] = nn__every_other(k->rest[3], x, n);
    y[2 * n + zero] = nn__every_other(k->rest[3], x + zero, n);
    NN__UNROLL
    for (int i = 0; i < n; i++) {
        const float p = k->power[i][1], *c = k->rest[i];
        nn__v even = nn__every_other(c, x + 2 * zero, n - 1),
              odd = nn__every_other(c, x + 1, n - 1);
        nn__v *pair = y + 2 * i + zero;
        pair[0] = zero ? NN__MUL_ADD(p, odd, even) : NN__MUL_ADD(p, even, odd);
        pair[1] = zero ? NN__MUL_ADD(-p, odd, even) : NN__MUL_ADD(p, even, -odd);
    }
}

/* B */
NN__OP void nn__winograd_dx(const nn__points *k, const int n, nn__v *y, const nn__v *x)
{
    const int zero = n == 2;
    NN__UNROLL
    for (int l = 0; l <= n; l++) {
        const float c = k->rest[3][l];
        if (zero) y[2 * l] = c * x[0];
        y[2 * l + zero] = c * x[2 * n + zero];
    }
    NN__UNROLL
    for (int i = 0; i < n; i++) {
        const nn__v *pair = x + 2 * i + zero, even = pair[0] + pair[1], odd = pair[0] - pair[1];
        NN__UNROLL
        for (int l = 0; l < n; l++) {
            const float c = k->rest[i][l], pc = k->power[i][1] * c;
            nn__v *to = y + 2 * l + 1;
            if (zero) to[1] = NN__MUL_ADD(c, even, to[1]), to[0] = NN__MUL_ADD(pc, odd, to[0]);
            else to[-1] = NN__MUL_ADD(pc, even, to[-1]);
            if (!zero && i == 0) to[0] = c * odd;
            else if (!zero) to[0] = NN__MUL_ADD(c, odd, to[0]);
        }
    }
}

/* A or G, whose rows for the pairs are the powers in c: a polynomial's values at the points. */
NN__OP void nn__winograd_values(const float (*c)[5], const int n, const int side, nn__v *y,
                                const nn__v *x)
{
    const int zero = n == 2;
    if (zero) y[0] = c[3][0] * x[0];
    y[2 * n + zero] = x[side - 1];
    NN__UNROLL
    for (int i = 0; i < n; i++) {
        nn__v even = c[i][0] * x[0], odd = c[i][1] * x[1];
        NN__UNROLL
        for (int l = 2; l < side; l++)
            if (l % 2) odd = NN__MUL_ADD(c[i][l], x[l], odd);
            else even = NN__MUL_ADD(c[i][l], x[l], even);
        y[2 * i + zero] = even + odd, y[2 * i + zero + 1] = even - odd;
    }
}

/* Aᵀ or Gᵀ */
NN__OP void nn__winograd_sums(const float (*c)[5], const int n, const int side, nn__v *y,
                              const nn__v *x)
{
    const int zero = n == 2;
    NN__UNROLL
    for (int i = 0; i < n; i++) {
        const nn__v *pair = x + 2 * i + zero, even = pair[0] + pair[1], odd = pair[0] - pair[1];
        NN__UNROLL
        for (int l = 0; l < side; l++) {
            nn__v part = l % 2 ? odd : even;
            if (i == 0) y[l] = c[i][l] * part;
            else y[l] = NN__MUL_ADD(c[i][l], part, y[l]);
        }
    }
    if (zero) y[0] = NN__MUL_ADD(c[3][0], x[0], y[0]);
    y[side - 1] += x[2 * n + zero];
}

NN__OP void nn__winograd_line(const int kind, const int n, nn__v *y, const nn__v *x)
{
    const nn__points *k = &nn__points_of[n - 2];
    switch (kind) {
    case NN__TILE_X: nn__winograd_x(k, n, y, x); break;
    case NN__TILE_DX: nn__winograd_dx(k, n, y, x); break;
    case NN__TILE_DY: nn__winograd_values(k->power, n, n + 2, y, x); break;
    case NN__TILE_Y: nn__winograd_sums(k->power, n, n + 2, y, x); break;
    case NN__TILE_W: nn__winograd_values(k->weight, n, 3, y, x); break;
    default: nn__winograd_sums(k->weight, n, 3, y, x);
    }
}

/* Columns first, then rows. The sides in the image are at[..], those of the tile `step` apart. */
NN__OP void nn__winograd_tile(const int kind, const int pairs, float *const *at, float *v,
                              size_t step, const float *bias, size_t C)
{
    const bool out = kind == NN__TILE_Y || kind == NN__TILE_DX || kind == NN__TILE_DW;
    const int n = pairs + 4;
    const int side = kind == NN__TILE_X || kind == NN__TILE_DX   ? n
                     : kind == NN__TILE_Y || kind == NN__TILE_DY ? n - 2
                                                                 : 3;
    const int from = out ? n : side, to = out ? side : n;
    nn__v t[7][7], x[7], y[7], b = { 0 };
    for (size_t c = 0; c < C; c += NN__LANES) {
        if (kind == NN__TILE_Y && bias) b = nn__v_load_some(bias + c, C - c);
        for (int j = 0; j < from; j++) {
            NN__UNROLL
            for (int i = 0; i < from; i++)
                x[i] = out ? nn__v_load(v + (size_t)(i * n + j) * step + c)
                           : nn__v_load_some(at[i * side + j] + c, C - c);
            nn__winograd_line(kind, pairs, y, x);
            NN__UNROLL
            for (int i = 0; i < to; i++) t[i][j] = y[i];
        }
        for (int i = 0; i < to; i++) {
            nn__winograd_line(kind, pairs, y, t[i]);
            NN__UNROLL
            for (int j = 0; j < to; j++) {
                float *pixel = out ? at[i * side + j] + c : NULL;
                if (!out) nn__v_store(v + (size_t)(i * n + j) * step + c, y[j]);
                else if (kind == NN__TILE_Y) nn__v_store_some(pixel, y[j] + b, C - c);
                else nn__v_store_some(pixel, y[j] + nn__v_load_some(pixel, C - c), C - c);
            }
        }
    }
}

static void NN__V(nn__winograd)(int kind, int pairs, float *const *at, float *v, size_t step,
                                const float *bias, size_t C)
{
#define NN__CASE(k)                                                                                \
    case k:                                                                                        \
        if (pairs == 2) nn__winograd_tile(k, 2, at, v, step, bias, C);                             \
        else nn__winograd_tile(k, 3, at, v, step, bias, C);                                        \
        break
    switch (kind) {
        NN__CASE(NN__TILE_X);
        NN__CASE(NN__TILE_Y);
        NN__CASE(NN__TILE_DY);
        NN__CASE(NN__TILE_DX);
        NN__CASE(NN__TILE_W);
        NN__CASE(NN__TILE_DW);
    }
#undef NN__CASE
}
#else
#define NN__TILED(name) NULL
#endif

/* ---- loops over arrays ------------------------------------------------------ >>simd/loops
   The vector twins of >>kernels; their formulas stand there. */
#define NN__ZERO nn__v_all(0)
#define NN__ONE nn__v_all(1)
/* clang-format off */
#define NN__V_POINTWISE_LIST(X)                                                                    \
    X(relu, nn__v_max(NN__ZERO, x), nn__v_select((nn__vi)(y > NN__ZERO), NN__ONE, NN__ZERO))       \
    X(leaky_relu, nn__v_select((nn__vi)(x < NN__ZERO), a * x, x),                                  \
      nn__v_select((nn__vi)(y > NN__ZERO), NN__ONE, nn__v_all(a)))                                 \
    X(elu, nn__v_select((nn__vi)(x < NN__ZERO), a * nn__v_expm1_negative(x), x),                   \
      nn__v_select((nn__vi)(y > NN__ZERO), NN__ONE, y + a))                                        \
    X(sigmoid, nn__v_sigmoid(x), y * (1.0f - y))                                                   \
    X(tanh, nn__v_tanh(x), 1.0f - y * y)                                                           \
    X(silu, x * nn__v_sigmoid(x), nn__v_sigmoid(x) * (1.0f + x * (1.0f - nn__v_sigmoid(x))))       \
    X(softplus, nn__v_softplus(x), -nn__v_expm1_negative(-y))
/* clang-format on */

#define NN__V_POINTWISE_LOOPS(name, forward, slope)                                                \
    static void NN__V(nn__##name##_forward)(float *ys, const float *xs, size_t n, float a)         \
    {                                                                                              \
        (void)a;                                                                                   \
        for (size_t i = 0; i < n; i += NN__LANES) {                                                \
            nn__v x = nn__v_load_some(xs + i, n - i);                                              \
            nn__v_store_some(ys + i, forward, n - i);                                              \
        }                                                                                          \
    }                                                                                              \
    static void NN__V(nn__##name##_backward)(float *dx, const float *dy, const float *xs,          \
                                             const float *ys, size_t n, float a, bool add)         \
    {                                                                                              \
        (void)a;                                                                                   \
        for (size_t i = 0; i < n; i += NN__LANES) {                                                \
            nn__v x = nn__v_load_some(xs + i, n - i), y = nn__v_load_some(ys + i, n - i);          \
            nn__v d = nn__v_load_some(dy + i, n - i) * (slope);                                    \
            (void)x, (void)y;                                                                      \
            if (add) d += nn__v_load_some(dx + i, n - i);                                          \
            nn__v_store_some(dx + i, d, n - i);                                                    \
        }                                                                                          \
    }
NN__V_POINTWISE_LIST(NN__V_POINTWISE_LOOPS)

static float NN__V(nn__softmax_row)(float *y, const float *x, float m, int C)
{
    const size_t n = (size_t)C;
    nn__v sums = NN__ZERO;
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v e = nn__v_exp(nn__v_load_some(x + i, n - i) - m);
        nn__v_store_some(y + i, e, n - i);
        sums += n - i >= NN__LANES ? e : nn__v_load_some(y + i, n - i); /* without the empty ones */
    }
    const float sum = nn__v_sum(sums);
    for (size_t i = 0; i < n; i += NN__LANES)
        nn__v_store_some(y + i, nn__v_load_some(y + i, n - i) / sum, n - i);
    return sum;
}

static void NN__V(nn__adam)(float *w, const float *g, float *m, float *s, size_t n,
                            const nn__adam *k)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v w_i = nn__v_load_some(w + i, n - i), decay = nn__v_all(k->decay);
        nn__v g_i = NN__V_FMA(decay, w_i, nn__v_load_some(g + i, n - i));
        nn__v m_i = NN__V_FMA(nn__v_all(k->beta1), nn__v_load_some(m + i, n - i), k->rest1 * g_i);
        nn__v s_i =
            NN__V_FMA(nn__v_all(k->beta2), nn__v_load_some(s + i, n - i), k->rest2 * g_i * g_i);
        nn__v root = NN__V_FMA(NN__V_SQRT(s_i), nn__v_all(k->root), nn__v_all(k->epsilon));
        nn__v_store_some(m + i, m_i, n - i);
        nn__v_store_some(s + i, s_i, n - i);
        nn__v_store_some(w + i, k->shrink * w_i - k->rate * m_i / root, n - i);
    }
}

static void NN__V(nn__sgd)(float *w, const float *g, float *v, size_t n, float rate, float momentum,
                           bool nesterov, float decay)
{
    const nn__v mu = nn__v_all(momentum);
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v w_i = nn__v_load_some(w + i, n - i);
        nn__v step = NN__V_FMA(nn__v_all(decay), w_i, nn__v_load_some(g + i, n - i));
        if (v) {
            nn__v v_i = NN__V_FMA(mu, nn__v_load_some(v + i, n - i), step);
            nn__v_store_some(v + i, v_i, n - i);
            step = nesterov ? NN__V_FMA(mu, v_i, step) : v_i;
        }
        nn__v_store_some(w + i, w_i - rate * step, n - i);
    }
}

static void NN__V(nn__rmsprop)(float *w, const float *g, float *s, float *v, size_t n,
                               const nn__rmsprop *k)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v w_i = nn__v_load_some(w + i, n - i);
        nn__v g_i = NN__V_FMA(nn__v_all(k->decay), w_i, nn__v_load_some(g + i, n - i));
        nn__v s_i =
            NN__V_FMA(nn__v_all(k->rho), nn__v_load_some(s + i, n - i), k->rest * g_i * g_i);
        nn__v step = g_i / (NN__V_SQRT(s_i) + k->epsilon);
        nn__v_store_some(s + i, s_i, n - i);
        if (v) {
            step = NN__V_FMA(nn__v_all(k->momentum), nn__v_load_some(v + i, n - i), step);
            nn__v_store_some(v + i, step, n - i);
        }
        nn__v_store_some(w + i, w_i - k->rate * step, n - i);
    }
}

static void NN__V(nn__bytes)(float *out, const uint8_t *raw, float offset, float factor, size_t n)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__vb bytes = { 0 };
        if (n - i >= NN__LANES) memcpy(&bytes, raw + i, NN__LANES);
        else memcpy(&bytes, raw + i, n - i);
        nn__v x = __builtin_convertvector(NN__V_WIDEN(bytes), nn__v);
        nn__v_store_some(out + i, factor * (x - offset), n - i);
    }
}

static void NN__V(nn__add)(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += NN__LANES)
        nn__v_store_some(y + i, nn__v_load_some(y + i, n - i) + nn__v_load_some(x + i, n - i),
                         n - i);
}

/* Four sums side by side: an addition need not wait for the last, and shorter sums round less. */
static void NN__V(nn__columns)(float *sums, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v part[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
        const float *x_i = x + i;
        size_t r = 0;
        for (; r + 4 <= rows; r += 4, x_i += 4 * n) {
            NN__UNROLL
            for (size_t k = 0; k < 4; k++) part[k] += nn__v_load_some(x_i + k * n, n - i);
        }
        for (; r < rows; r++, x_i += n) part[0] += nn__v_load_some(x_i, n - i);
        part[0] = (part[0] + part[1]) + (part[2] + part[3]);
        nn__v_store_some(sums + i, nn__v_load_some(sums + i, n - i) + part[0], n - i);
    }
}

static void NN__V(nn__outer)(float *w, float dy, const float *x, size_t n, float rate)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v g = dy * nn__v_load_some(x + i, n - i);
        nn__v_store_some(w + i, nn__v_load_some(w + i, n - i) - rate * g, n - i);
    }
}

static void NN__V(nn__mul_add)(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__v a_i = nn__v_load_some(a + i, n - i), b_i = nn__v_load_some(b + i, n - i);
        nn__v_store_some(y + i, NN__V_FMA(a_i, b_i, nn__v_load_some(y + i, n - i)), n - i);
    }
}

/* Where v replaces the largest so far: first of equals, first NaN. */
#define NN__V_LARGER(v, best) (nn__vi)(~((v) <= (best)) & ((best) == (best)))

NN__OP void nn__max_window(float *y, int *winner, const float *x, int h, int w, size_t row,
                           size_t C)
{
    for (size_t c = 0; c < C; c += NN__LANES) {
        nn__v best = nn__v_load_some(x + c, C - c);
        nn__vi at = nn__v_ints(0);
        for (int k = 1, ky = 0, kx = 1; k < h * w; k++, kx++) {
            if (kx == w) kx = 0, ky++;
            nn__v v = nn__v_load_some(x + (size_t)ky * row + (size_t)kx * C + c, C - c);
            nn__vi larger = NN__V_LARGER(v, best);
            best = nn__v_select(larger, v, best);
            at = (larger & nn__v_ints(k)) | (~larger & at);
        }
        nn__v_store_some(y + c, best, C - c);
        if (winner) nn__v_store_some((float *)(void *)(winner + c), (nn__v)at, C - c);
    }
}

static void NN__V(nn__max_windows)(float *y, int *winner, const float *x, int h, int w, size_t row,
                                   size_t C, size_t n, size_t step)
{
    for (; n > 0; n--, x += step, y += C, winner += winner ? C : 0)
        nn__max_window(y, winner, x, h, w, row, C);
}

static void NN__V(nn__max_windows_backward)(float *dx, const float *dy, const int *winner, int h,
                                            int w, size_t row, size_t C, size_t n, size_t step,
                                            bool add)
{
    for (; n > 0; n--, dx += step, dy += C, winner += C)
        for (size_t c = 0; c < C; c += NN__LANES) {
            const nn__vi dy_c = (nn__vi)nn__v_load_some(dy + c, C - c);
            const nn__vi at =
                (nn__vi)nn__v_load_some((const float *)(const void *)(winner + c), C - c);
            for (int k = 0, ky = 0, kx = 0; k < h * w; k++, kx++) {
                if (kx == w) kx = 0, ky++;
                float *to = dx + (size_t)ky * row + (size_t)kx * C + c;
                nn__v d = (nn__v)(dy_c & (nn__vi)(at == nn__v_ints(k)));
                if (add) d += nn__v_load_some(to, C - c);
                nn__v_store_some(to, d, C - c);
            }
        }
}

/* The rows of patches are short, and loads that lie across cache lines are slow. */
#if NN__LANES > 8
#define NN__SHORT_LANES 8
typedef float NN__V(nn__short) __attribute__((vector_size(32)));
#define NN__SHORT_FMA(a, b, c)                                                                     \
    (NN__V(nn__short)) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#else
#define NN__SHORT_LANES NN__LANES
typedef nn__v NN__V(nn__short);
#define NN__SHORT_FMA(a, b, c) NN__V_FMA(a, b, c)
#endif

/* Some rows of dw for one filter, summed in registers over all windows. Rows and lanes beyond the
   kernel are computed too and thrown away: the copy of x has room behind it for that. */
NN__OP void nn__winners_rows(const int rows, NN__V(nn__short) * sums, const float *x,
                             const float *dy, const int *winner, const nn__met *k)
{
    NN__V(nn__short) zero = { 0 }, x_r, sum[5];
    NN__UNROLL
    for (int r = 0; r < rows; r++) sum[r] = zero;
    for (int i = 0; i < k->OH; i++, x += k->down) {
        const float *window = x;
        for (int j = 0; j < k->OW; j++, window += k->right, dy += k->O, winner += k->O) {
            const float *patch = window + k->pixel[*winner];
            NN__V(nn__short) g = *dy - zero;
            NN__UNROLL
            for (int r = 0; r < rows; r++) {
                memcpy(&x_r, patch + (size_t)r * k->row, sizeof x_r);
                sum[r] = NN__SHORT_FMA(g, x_r, sum[r]);
            }
        }
    }
    NN__UNROLL
    for (int r = 0; r < rows; r++) sums[r] = sum[r];
}

/* dw (KH width, O) += dy of each window and channel times the patch of its winner. */
static void NN__V(nn__winners)(float *dw, const float *x, const float *dy, const int *winner,
                               const nn__met *k)
{
    NN__V(nn__short) sums[5];
    float sum[NN__SHORT_LANES];
    const int rows = k->KH > 3 ? 5 : 3;
    for (int o = 0; o < k->O; o++)
        for (int ky = 0; ky < k->KH; ky += rows)
            for (int c = 0; c < k->width; c += NN__SHORT_LANES) {
                const float *from = x + (size_t)ky * k->row + c;
                if (rows == 3) nn__winners_rows(3, sums, from, dy + o, winner + o, k);
                else nn__winners_rows(5, sums, from, dy + o, winner + o, k);
                for (int r = 0; r < NN__MIN(rows, k->KH - ky); r++) {
                    float *to = dw + ((ky + r) * k->width + c) * k->O + o;
                    memcpy(sum, &sums[r], sizeof sum);
                    for (int l = 0; l < NN__MIN(NN__SHORT_LANES, k->width - c); l++)
                        to[l * k->O] += sum[l];
                }
            }
}

/* Four vectors of sums in double, so that no addition waits for the one before it. */
static double NN__V(nn__squares)(const float *x, size_t n)
{
    typedef float nn__half __attribute__((vector_size(2 * NN__LANES), may_alias, aligned(4)));
    typedef double nn__d __attribute__((vector_size(4 * NN__LANES), may_alias));
    enum { NN__HALF = NN__LANES / 2 };
    nn__d sums[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
    double sum = 0, s[NN__HALF];
    size_t i = 0;
    for (; i + 4 * NN__HALF <= n; i += 4 * NN__HALF) {
        NN__UNROLL
        for (int k = 0; k < 4; k++) {
            nn__d d = __builtin_convertvector(*(const nn__half *)(x + i + k * NN__HALF), nn__d);
            sums[k] += d * d;
        }
    }
    sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    memcpy(s, &sums[0], sizeof s);
    for (int k = 0; k < NN__HALF; k++) sum += s[k];
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void NN__V(nn__dropout)(float *y, const float *x, uint64_t key, uint32_t limit, float keep,
                               size_t n, bool add)
{
    nn__vn c, low = { 0 }, high = { 0 };
    uint32_t first[NN__LANES];
    for (uint32_t i = 0; i < NN__LANES; i++) first[i] = i;
    memcpy(&c, first, sizeof c);
    low += (uint32_t)key, high += (uint32_t)(key >> 32);
    for (size_t i = 0; i < n; i += NN__LANES, c += NN__LANES) {
        nn__vn h = c * 0x9e3779b9u + low;
        h = (h ^ (h >> 16)) * 0x21f0aaadu;
        h = (h ^ (h >> 15)) + high;
        h = (h ^ (h >> 16)) * 0x735a2d97u;
        h = (h ^ (h >> 15)) >> 8;
        nn__v m = nn__v_select((nn__vi)(h < limit), NN__ZERO, nn__v_all(keep));
        nn__v sum = add ? nn__v_load_some(y + i, n - i) : NN__ZERO;
        nn__v_store_some(y + i, sum + m * nn__v_load_some(x + i, n - i), n - i);
    }
}

static bool NN__V(nn__finite)(const float *x, size_t n)
{
    const nn__vi exponent = nn__v_ints(0x7f800000);
    nn__vi found = nn__v_ints(0), zero = { 0 };
    for (size_t i = 0; i < n; i += NN__LANES) {
        nn__vi bits = (nn__vi)nn__v_load_some(x + i, n - i) & exponent;
        found |= (nn__vi)(bits == exponent);
    }
    return memcmp(&found, &zero, sizeof found) == 0;
}

/* clang-format off */
#define NN__V_POINTWISE_ROW(name)                                                                  \
    { NN__V(nn__##name##_forward), NN__V(nn__##name##_backward) }
#define NN__V_NOTHING { NULL, NULL }
/* clang-format on */
#define NN__V_TEXT(x) NN__V_TEXT_OF(x)
#define NN__V_TEXT_OF(x) #x

/* In the order of NN_ACTIVATION_LIST. */
static const nn__vectors NN__V(nn__table) = {
    &NN__V_TEXT(NN__V())[1],
    NN__V(nn__matmul),
    NN__V(nn__pack_part),
    NN__V(nn__blocks_part),
    { NN__V_NOTHING, NN__V_POINTWISE_ROW(relu), NN__V_POINTWISE_ROW(leaky_relu),
      NN__V_POINTWISE_ROW(elu), NN__V_POINTWISE_ROW(sigmoid), NN__V_POINTWISE_ROW(tanh),
      NN__V_NOTHING, NN__V_POINTWISE_ROW(silu), NN__V_POINTWISE_ROW(softplus) },
    NN__V(nn__softmax_row),
    NN__V(nn__adam),
    NN__V(nn__sgd),
    NN__V(nn__rmsprop),
    NN__V(nn__bytes),
    NN__V(nn__dropout),
    NN__V(nn__add),
    NN__V(nn__columns),
    NN__V(nn__outer),
    NN__V(nn__mul_add),
    NN__V(nn__max_windows),
    NN__V(nn__max_windows_backward),
    NN__V(nn__winners),
    NN__TILED(nn__winograd),
    NN__V(nn__squares),
    NN__V(nn__finite)
};

#ifdef NN__IN_PLACE
#define NN__VECTORS_DONE
#undef NN__PASS
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif /* vectors */

#if defined(NN_IMPLEMENTATION) && !defined(NN__PASS)
#ifndef NN_IMPLEMENTATION_REST_DONE
#define NN_IMPLEMENTATION_REST_DONE

/* ---- which table ------------------------------------------------------------ >>simd/choice */

/* Code paths from the slowest on; `has` says whether the CPU can run it. */
typedef struct nn__path {
    const char *name;
    const nn__vectors *table;
    bool has;
} nn__path;

static const nn__vectors nn__plain =
    NN__EMPTY; /* stands for plain code where a choice has been made */

static const nn__vectors *nn__choose(void)
{
    nn__path path[4] = { { "scalar", &nn__plain, true } };
    int paths = 1, best;
    const char *wish = getenv("NN_CPU");
#if NN__VECTORS
    path[paths].name = NN__V(nn__table).name, path[paths].table = &NN__V(nn__table);
    path[paths++].has = true;
#endif
#if NN__SEVERAL && NN__BASE < NN__AVX2
    path[paths].name = "avx2", path[paths].table = &nn__table_avx2;
    path[paths++].has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if NN__SEVERAL && NN__BASE < NN__AVX512
    path[paths].name = "avx512", path[paths].table = &nn__table_avx512;
    path[paths++].has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
#endif
    for (best = paths - 1; !path[best].has; best--) {
    }
    for (int i = 0; wish && i < paths; i++)
        if (path[i].has && strcmp(path[i].name, wish) == 0) return path[i].table;
    if (wish && *wish)
        nn__log(NN_LOG_WARNING, "NN_CPU=%s is not to be had on this machine: using %s", wish,
                path[best].name);
    return path[best].table;
}

static const nn__vectors *nn__chosen; /* written once, or by several threads with the same value */

static const nn__vectors *nn__vector(void)
{
#ifdef __GNUC__
    const nn__vectors *table = __atomic_load_n(&nn__chosen, __ATOMIC_RELAXED);
    if (!table) {
        table = nn__choose();
        __atomic_store_n(&nn__chosen, table, __ATOMIC_RELAXED);
    }
#else
    const nn__vectors *table = nn__chosen ? nn__chosen : (nn__chosen = nn__choose());
#endif
    return table == &nn__plain ? NULL : table;
}

NN_API const char *nn_cpu_name(void)
{
    return nn__vector() ? nn__vector()->name : "scalar";
}

/* ---- are all finite? ---------------------------------------------------------- >>simd/finite
   A float is NaN or infinite where all bits of its exponent are set. Looking at bits works even
   where the compiler was told that NaN does not exist. */
static bool nn__finite_ref(const nn_real *x, size_t n)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
#ifdef NN_DOUBLE
        uint64_t bits, exponent = UINT64_C(0x7ff0000000000000);
#else
        uint32_t bits, exponent = 0x7f800000u;
#endif
        memcpy(&bits, &x[i], sizeof bits);
        finite &= (bits & exponent) != exponent;
    }
    return finite;
}

static bool nn__finite(const nn_real *x, size_t n)
{
    return nn__vector() ? nn__vector()->finite(x, n) : nn__finite_ref(x, n);
}

/* The same care for one double: isnan says no to everything under -ffast-math. */
static bool nn__is_nan(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & UINT64_C(0x7fffffffffffffff)) > UINT64_C(0x7ff0000000000000);
}

/* ======================================================================== >>matmul ===========
   C = A B, as Goto and van de Geijn 2008 do it. The definition is three loops; it is slow because
   it loads two numbers for each multiply-add, and because it walks B down its columns. The fast
   one (>>simd/matmul) has the same loops in another order:

     tile     6 rows of C and two vectors of columns are summed in registers: each number of A that
              is loaded meets 2 vectors, each vector of B meets 6 rows.
     panel    B is copied ("packed") into panels as wide as a tile, row after row, so the innermost
              loop reads it straight on. A stays where it is: 6 pointers walk along 6 rows. Where B
              already lies that way and few rows of A use it, it stays where it is too.
     block    k is cut so that a piece of a panel stays in the first-level cache while all rows of
              a block of A pass by, and the block of A in the second-level cache.
     threads  take blocks of C. Every number of C is summed by one thread, in one order. */

/* The definition: c_ij = sum_q a_iq b_qj, then bias and activation. */
static void nn__matmul_ref(const nn__product *p)
{
    const int k = p->k, run = p->run;
    const ptrdiff_t a_step = p->a_column, b_step = p->b_row;
    for (int i = 0; i < p->m; i++) {
        const nn_real *a_i = p->a + (p->a_rows ? p->a_rows[i] : i * p->a_row);
        nn_real *c_i = p->c + i * p->c_row;
        for (int j = 0; j < p->n; j++) {
            const nn_real *a = a_i, *b = p->b + p->b_first * b_step + j * p->b_column;
            nn_real sum = 0;
            for (int q = 0; q < k; q += run, a += p->a_run, b += p->b_run * b_step) {
                const int terms = NN__MIN(run, k - q);
                for (int r = 0; r < terms; r++) sum += a[r * a_step] * b[r * b_step];
            }
            c_i[j] = (p->add ? c_i[j] : 0) + sum + (p->bias ? p->bias[j] : 0);
        }
        if (p->finish) p->finish(c_i, c_i, (size_t)p->n, p->alpha);
    }
}

NN_API size_t nn_matmul_work_size(int m, int n, int k)
{
    const size_t widest = NN__WIDEST;
    const size_t columns = ((size_t)n + widest - 1) / widest * widest;
    (void)m;
    return columns * (size_t)k + 1; /* 1: never empty */
}

static void nn__matmul_run(const nn__product *p)
{
    NN_ASSERT(p->c && p->a && p->b && p->m >= 0 && p->n >= 0 && p->k >= 0);
    const bool empty = p->m == 0 || p->n == 0 || p->k == 0;
    if (!empty && nn__vector()) nn__vector()->matmul(p);
    else nn__matmul_ref(p);
}

/* Fills a cleared product in. */
static void nn__product_set(nn__product *p, nn_real *c, const nn_real *a, const nn_real *b, int m,
                            int n, int k, int flags, nn_real *work)
{
    const bool ta = (flags & NN_TRANSPOSE_A) != 0, tb = (flags & NN_TRANSPOSE_B) != 0;
    p->c = c, p->a = a, p->b = b, p->m = m, p->n = n, p->k = k;
    p->a_row = ta ? 1 : k, p->a_column = ta ? m : 1;
    p->b_row = tb ? 1 : n, p->b_column = tb ? k : 1;
    p->c_row = n, p->run = k;
    p->add = (flags & NN_ACCUMULATE) != 0;
    p->work = work;
}

NN_API void nn_matmul(nn_real *c, const nn_real *a, const nn_real *b, int m, int n, int k,
                      int flags, nn_real *work)
{
    nn__product p = NN__EMPTY;
    nn__product_set(&p, c, a, b, m, n, k, flags, work);
    nn__matmul_run(&p);
}

/* ======================================================================== >>kernels ======= */

/* libm's functions for nn_real. */
#ifdef NN_DOUBLE
#define NN__LIBM(name) name
#define NN__REAL_MAX DBL_MAX
#else
#define NN__LIBM(name) name##f
#define NN__REAL_MAX FLT_MAX
#endif

/* For large -x the exponential is infinite and the quotient 0, as it should be; e^x / (1 + e^x) for
   x < 0 would not be monotone after rounding.  [F2.1] */
static nn_real nn__sigmoid(nn_real x)
{
    return 1 / (1 + NN__LIBM(exp)(-x));
}

/* The normal distribution, of GELU: the share below x, and the density at x. */
static nn_real nn__normal_below(nn_real x)
{
    return (nn_real)0.5 * NN__LIBM(erfc)(x * (nn_real)-0.70710678118654752);
}

static nn_real nn__normal_density(nn_real x)
{
    return (nn_real)0.39894228040143268 * NN__LIBM(exp)((nn_real)-0.5 * x * x);
}

/* ---- activations --------------------------------------------------- >>kernels/activation
   Each line: y = g(x), then g'(x), from y where that is possible.  [F2.1 to F2.4, F2.6]
   a is alpha. x < 0 ? 0 : x rather than x > 0 ? x : 0 lets NaN through, so that it is found. The
   sources: ELU Clevert 2016, GELU Hendrycks 2016 (with the exact error function), SiLU Elfwing
   2018, softplus log(1 + e^x), written so that e^x cannot overflow. */
/* clang-format off */
#define NN__POINTWISE_LIST(X)                                                                      \
    X(NN_LINEAR, linear, x, 1)                                                                     \
    X(NN_RELU, relu, x < 0 ? 0 : x, y > 0 ? 1 : 0)                                                 \
    X(NN_LEAKY_RELU, leaky_relu, x < 0 ? a * x : x, y > 0 ? 1 : a)                                 \
    X(NN_ELU, elu, x < 0 ? a * NN__LIBM(expm1)(x) : x, y > 0 ? 1 : y + a)                          \
    X(NN_SIGMOID, sigmoid, nn__sigmoid(x), y * (1 - y))                                            \
    X(NN_TANH, tanh, NN__LIBM(tanh)(x), 1 - y * y)                                                 \
    X(NN_GELU, gelu, x * nn__normal_below(x), nn__normal_below(x) + x * nn__normal_density(x))     \
    X(NN_SILU, silu, x * nn__sigmoid(x), nn__sigmoid(x) * (1 + x * (1 - nn__sigmoid(x))))          \
    X(NN_SOFTPLUS, softplus, (x > 0 ? x : 0) + NN__LIBM(log1p)(NN__LIBM(exp)(-NN__LIBM(fabs)(x))), \
      -NN__LIBM(expm1)(-y))
/* clang-format on */

/* For each line two loops: forward; backward, dx = or += dy g'. */
#define NN__POINTWISE_LOOPS(NAME, name, forward, slope)                                            \
    static void nn__##name##_forward(nn_real *ys, const nn_real *xs, size_t n, nn_real a)          \
    {                                                                                              \
        (void)a;                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            nn_real x = xs[i];                                                                     \
            ys[i] = forward;                                                                       \
        }                                                                                          \
    }                                                                                              \
    static void nn__##name##_backward(nn_real *dx, const nn_real *dy, const nn_real *xs,           \
                                      const nn_real *ys, size_t n, nn_real a, bool add)            \
    {                                                                                              \
        (void)a;                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            nn_real x = xs[i], y = ys[i];                                                          \
            (void)x, (void)y;                                                                      \
            dx[i] = (add ? dx[i] : 0) + dy[i] * (slope);                                           \
        }                                                                                          \
    }
NN__POINTWISE_LIST(NN__POINTWISE_LOOPS)

/* The loops of a pointwise activation, the fast ones where there are any. */
static const nn__pointwise *nn__pointwise_of(nn_activation kind)
{
#define NN__POINTWISE_ROW(NAME, name, forward, slope)                                              \
    { nn__##name##_forward, nn__##name##_backward },
    static const nn__pointwise table[] = { NN__POINTWISE_LIST(NN__POINTWISE_ROW) };
    NN_ASSERT((int)kind >= 0 && kind < NN_SOFTMAX);
    if (nn__vector() && nn__vector()->pointwise[kind].forward)
        return &nn__vector()->pointwise[kind];
    return &table[kind];
}

NN_API const char *nn_activation_name(nn_activation kind)
{
#define NN__ACTIVATION_TEXT(name, text) text,
    static const char *const names[] = { NN_ACTIVATION_LIST(NN__ACTIVATION_TEXT) };
    return (int)kind >= 0 && kind < NN_ACTIVATION_COUNT ? names[kind] : "unknown";
}

NN_API void nn_activation_forward(nn_activation kind, double alpha, nn_real *y, const nn_real *x,
                                  size_t n)
{
    NN_ASSERT(n == 0 || (x && y));
    nn__pointwise_of(kind)->forward(y, x, n, (nn_real)alpha);
}

NN_API void nn_activation_backward(nn_activation kind, double alpha, nn_real *dx, const nn_real *dy,
                                   const nn_real *x, const nn_real *y, size_t n)
{
    NN_ASSERT(n == 0 || (dx && dy && y && (x || (kind != NN_GELU && kind != NN_SILU))));
    nn__pointwise_of(kind)->backward(dx, dy, x ? x : y, y, n, (nn_real)alpha, true);
}

/* dy becomes dx, where g' follows from y alone. */
static void nn__activation_in_place(nn_activation kind, nn_real *dy, const nn_real *y, size_t n,
                                    nn_real alpha)
{
    nn__pointwise_of(kind)->backward(dy, dy, y, y, n, alpha, false);
}

/* ---- softmax over the last axis --------------------------------------- >>kernels/softmax
   x, y, dx, dy  (B, C) row-major. y may be x. dx is added to (+=), so zero it first.

     forward    y_i   = exp(x_i - m) / sum_j exp(x_j - m),   m = max_j x_j              [F2.5]
     backward   dx_i += y_i (dy_i - sum_j dy_j y_j)          uses y only; x is not needed [F2.6]

   Subtracting m changes nothing on paper; in float it keeps every argument of exp() <= 0, so
   nothing overflows, and the sum is >= 1 because its largest term is exp(0). */
static nn_real nn__maximum(const nn_real *x, int n)
{
    nn_real m = x[0];
    for (int i = 1; i < n; i++)
        if (x[i] > m) m = x[i];
    return m;
}

/* One row of forward; returns the sum of the exponentials. */
static nn_real nn__softmax_row(nn_real *y, const nn_real *x, nn_real m, int C)
{
    nn_real sum = 0;
    if (C >= NN__SHORT && nn__vector()) return nn__vector()->softmax_row(y, x, m, C);
    for (int i = 0; i < C; i++) sum += y[i] = NN__LIBM(exp)(x[i] - m);
    for (int i = 0; i < C; i++) y[i] /= sum;
    return sum;
}

NN_API void nn_softmax_forward(nn_real *y, const nn_real *x, int B, int C)
{
    NN_ASSERT(x && y && B >= 0 && C > 0);
    for (int b = 0; b < B; b++, x += C, y += C) nn__softmax_row(y, x, nn__maximum(x, C), C);
}

NN_API void nn_softmax_backward(nn_real *dx, const nn_real *dy, const nn_real *y, int B, int C)
{
    NN_ASSERT(dx && dy && y && B >= 0 && C > 0);
    for (int b = 0; b < B; b++, dx += C, dy += C, y += C) {
        nn_real dot = 0;
        for (int i = 0; i < C; i++) dot += dy[i] * y[i];
        for (int i = 0; i < C; i++) dx[i] += y[i] * (dy[i] - dot);
    }
}

/* log-softmax:  y_i = x_i - m - log sum_j exp(x_j - m);   dx_i += dy_i - exp(y_i) sum_j dy_j */
NN_API void nn_log_softmax_forward(nn_real *y, const nn_real *x, int B, int C)
{
    NN_ASSERT(x && y && B >= 0 && C > 0);
    for (int b = 0; b < B; b++, x += C, y += C) {
        nn_real m = nn__maximum(x, C), sum = 0;
        for (int i = 0; i < C; i++) sum += NN__LIBM(exp)(x[i] - m);
        nn_real log_sum = NN__LIBM(log)(sum);
        for (int i = 0; i < C; i++) y[i] = x[i] - m - log_sum;
    }
}

NN_API void nn_log_softmax_backward(nn_real *dx, const nn_real *dy, const nn_real *y, int B, int C)
{
    NN_ASSERT(dx && dy && y && B >= 0 && C > 0);
    for (int b = 0; b < B; b++, dx += C, dy += C, y += C) {
        nn_real sum = 0;
        for (int i = 0; i < C; i++) sum += dy[i];
        for (int i = 0; i < C; i++) dx[i] += dy[i] - NN__LIBM(exp)(y[i]) * sum;
    }
}

/* ---- losses of numbers --------------------------------------------------- >>kernels/loss
   y, t, dy (B, C); loss, dloss (B). With e = y_bc - t_bc:

     mse    loss_b = 1/C sum_c e²                          dy_bc += dloss_b 2 e / C      [F3.1]
     mae    loss_b = 1/C sum_c |e|                         dy_bc += dloss_b sign(e) / C
     huber  e²/2 where |e| <= delta,                       e, or
            delta (|e| - delta/2) beyond: the mean of it   delta sign(e) beyond; over C    */
NN_API void nn_mse_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C)
{
    for (int b = 0; b < B; b++, y += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) sum += ((double)y[c] - t[c]) * ((double)y[c] - t[c]);
        loss[b] = (nn_real)(sum / C);
    }
}

NN_API void nn_mse_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C)
{
    for (int b = 0; b < B; b++, dy += C, y += C, t += C)
        for (int c = 0; c < C; c++) dy[c] += dloss[b] * 2 * (y[c] - t[c]) / (nn_real)C;
}

NN_API void nn_mae_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C)
{
    for (int b = 0; b < B; b++, y += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) sum += fabs((double)y[c] - t[c]);
        loss[b] = (nn_real)(sum / C);
    }
}

NN_API void nn_mae_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C)
{
    for (int b = 0; b < B; b++, dy += C, y += C, t += C)
        for (int c = 0; c < C; c++) {
            nn_real sign = (nn_real)((y[c] > t[c]) - (y[c] < t[c]));
            dy[c] += dloss[b] * sign / (nn_real)C;
        }
}

NN_API void nn_huber_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C,
                             double delta)
{
    for (int b = 0; b < B; b++, y += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) {
            double e = fabs((double)y[c] - t[c]);
            sum += e <= delta ? 0.5 * e * e : delta * (e - 0.5 * delta);
        }
        loss[b] = (nn_real)(sum / C);
    }
}

NN_API void nn_huber_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                              int B, int C, double delta)
{
    const nn_real d = (nn_real)delta;
    for (int b = 0; b < B; b++, dy += C, y += C, t += C)
        for (int c = 0; c < C; c++) {
            nn_real e = y[c] - t[c], slope = e > d ? d : e < -d ? -d : e;
            dy[c] += dloss[b] * slope / (nn_real)C;
        }
}

/* ---- losses of probabilities -------------------------------------- >>kernels/probability
   y, z, t (B, C); loss (B). Targets may be anything in [0, 1].

     bce from y         -1/C sum_c [ t log y + (1 - t) log(1 - y) ]                 [F3.2, F3.4]
                        dy += dloss/C [ -t / y + (1 - t) / (1 - y) ]
     bce from logits z  1/C sum_c [ max(z, 0) - t z + log(1 + e^-|z|) ]: the same with
                        y = sigmoid(z), but no logarithm of 0;  dz += dloss/C (sigmoid(z) - t)
     multi-label        the sum over c in place of the mean                               [F3.5]
     cross-entropy      -sum_c t log y;  dy += dloss (-t / y)                             [F3.3]

   A term with t = 0 (or 1 - t = 0) is 0 even where its logarithm is infinite. */
static bool nn__is_probability(nn_real p)
{
    return p >= 0 && p <= 1;
}

static void nn__bce_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C,
                            double share)
{
    for (int b = 0; b < B; b++, y += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) {
            if (t[c] > 0) sum -= (double)t[c] * log((double)y[c]);
            if (t[c] < 1) sum -= (1.0 - (double)t[c]) * log1p(-(double)y[c]);
            if (!nn__is_probability(y[c]) || !nn__is_probability(t[c])) sum = NAN;
        }
        loss[b] = (nn_real)(sum * share);
    }
}

static void nn__bce_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                             int B, int C, double share)
{
    for (int b = 0; b < B; b++, dy += C, y += C, t += C)
        for (int c = 0; c < C; c++) {
            nn_real slope = 0;
            if (t[c] > 0) slope -= t[c] / y[c];
            if (t[c] < 1) slope += (1 - t[c]) / (1 - y[c]);
            dy[c] += dloss[b] * (nn_real)share * slope;
        }
}

static void nn__bce_logits_forward(nn_real *loss, const nn_real *z, const nn_real *t, int B, int C,
                                   double share)
{
    for (int b = 0; b < B; b++, z += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) {
            double x = (double)z[c];
            sum += (x > 0 ? x : 0) - x * (double)t[c] + log1p(exp(-fabs(x)));
            if (!nn__is_probability(t[c])) sum = NAN;
        }
        sum *= share;
        loss[b] = (nn_real)(sum > (double)NN__REAL_MAX ? (double)NN__REAL_MAX : sum);
    }
}

static void nn__bce_logits_backward(nn_real *dz, const nn_real *dloss, const nn_real *z,
                                    const nn_real *t, int B, int C, double share)
{
    for (int b = 0; b < B; b++, dz += C, z += C, t += C)
        for (int c = 0; c < C; c++) dz[c] += dloss[b] * (nn_real)share * (nn__sigmoid(z[c]) - t[c]);
}

NN_API void nn_bce_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C)
{
    nn__bce_forward(loss, y, t, B, C, 1.0 / C);
}
NN_API void nn_bce_backward(nn_real *dy, const nn_real *dloss, const nn_real *y, const nn_real *t,
                            int B, int C)
{
    nn__bce_backward(dy, dloss, y, t, B, C, 1.0 / C);
}
NN_API void nn_bce_logits_forward(nn_real *loss, const nn_real *z, const nn_real *t, int B, int C)
{
    nn__bce_logits_forward(loss, z, t, B, C, 1.0 / C);
}
NN_API void nn_bce_logits_backward(nn_real *dz, const nn_real *dloss, const nn_real *z,
                                   const nn_real *t, int B, int C)
{
    nn__bce_logits_backward(dz, dloss, z, t, B, C, 1.0 / C);
}
NN_API void nn_multi_label_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B, int C)
{
    nn__bce_forward(loss, y, t, B, C, 1);
}
NN_API void nn_multi_label_backward(nn_real *dy, const nn_real *dloss, const nn_real *y,
                                    const nn_real *t, int B, int C)
{
    nn__bce_backward(dy, dloss, y, t, B, C, 1);
}
NN_API void nn_multi_label_logits_forward(nn_real *loss, const nn_real *z, const nn_real *t, int B,
                                          int C)
{
    nn__bce_logits_forward(loss, z, t, B, C, 1);
}
NN_API void nn_multi_label_logits_backward(nn_real *dz, const nn_real *dloss, const nn_real *z,
                                           const nn_real *t, int B, int C)
{
    nn__bce_logits_backward(dz, dloss, z, t, B, C, 1);
}

NN_API void nn_cross_entropy_forward(nn_real *loss, const nn_real *y, const nn_real *t, int B,
                                     int C)
{
    for (int b = 0; b < B; b++, y += C, t += C) {
        double sum = 0;
        for (int c = 0; c < C; c++) {
            if (t[c] > 0) sum -= (double)t[c] * log((double)y[c]);
            if (!nn__is_probability(y[c]) || !nn__is_probability(t[c])) sum = NAN;
        }
        loss[b] = (nn_real)sum;
    }
}

NN_API void nn_cross_entropy_backward(nn_real *dy, const nn_real *dloss, const nn_real *y,
                                      const nn_real *t, int B, int C)
{
    for (int b = 0; b < B; b++, dy += C, y += C, t += C)
        for (int c = 0; c < C; c++)
            if (t[c] > 0) dy[c] -= dloss[b] * t[c] / y[c];
}

/* ---- cross-entropy fused with softmax --------------------------- >>kernels/cross_entropy
   z, p, t (B, C); label, loss (B).

     forward    p = softmax(z);  loss_b = sum_c t_c (m + log sum_j exp(z_j - m) - z_c)   [F3.6]
     backward   dz_bc += dloss_b (p_bc - t_bc)

   The logarithm is of a sum >= 1, never of a probability, so the loss is finite for all finite z
   (one beyond the largest float is that float). The sparse form has t = 1 at the label. */
static nn_real nn__finite_loss(double loss)
{
    return (nn_real)(loss > (double)NN__REAL_MAX ? (double)NN__REAL_MAX : loss);
}

NN_API void nn_softmax_cross_entropy_forward(nn_real *loss, nn_real *p, const nn_real *z,
                                             const nn_real *t, int B, int C)
{
    for (int b = 0; b < B; b++, p += C, z += C, t += C) {
        nn_real m = nn__maximum(z, C);
        double sum = 0, log_sum = log((double)nn__softmax_row(p, z, m, C));
        for (int c = 0; c < C; c++)
            if (!(t[c] == 0)) sum += (double)t[c] * ((double)m - (double)z[c] + log_sum);
        loss[b] = nn__finite_loss(sum);
    }
}

NN_API void nn_softmax_cross_entropy_backward(nn_real *dz, const nn_real *dloss, const nn_real *p,
                                              const nn_real *t, int B, int C)
{
    for (int b = 0; b < B; b++, dz += C, p += C, t += C)
        for (int c = 0; c < C; c++) dz[c] += dloss[b] * (p[c] - t[c]);
}

NN_API void nn_sparse_cross_entropy_forward(nn_real *loss, nn_real *p, const nn_real *z,
                                            const int *label, int B, int C)
{
    for (int b = 0; b < B; b++, p += C, z += C) {
        NN_ASSERT(label[b] >= 0 && label[b] < C);
        nn_real m = nn__maximum(z, C), sum = nn__softmax_row(p, z, m, C);
        loss[b] = nn__finite_loss((double)m - (double)z[label[b]] + log((double)sum));
    }
}

NN_API void nn_sparse_cross_entropy_backward(nn_real *dz, const nn_real *dloss, const nn_real *p,
                                             const int *label, int B, int C)
{
    for (int b = 0; b < B; b++, dz += C, p += C) {
        for (int c = 0; c < C; c++) dz[c] += dloss[b] * p[c];
        dz[label[b]] -= dloss[b];
    }
}

/* ---- dense -------------------------------------------------------------- >>kernels/dense
   x, dx (B, I); W, dW (O, I); b, db (O); y, dy (B, O).

     forward    y   = x Wᵀ + b                                                            [F1.1]
     backward   dx += dy W,   dW += dyᵀ x,   db += sum over the batch of dy               [F4.4]

   Three matrix products. The activation rides along with the first, while its output is still in
   the cache. */
static void nn__dense_run(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b, int B,
                          int I, int O, nn_activation activation, double alpha, nn_real *work)
{
    nn__product p = NN__EMPTY;
    nn__product_set(&p, y, x, w, B, O, I, NN_TRANSPOSE_B, work);
    p.bias = b;
    p.finish = activation == NN_LINEAR ? NULL : nn__pointwise_of(activation)->forward;
    p.alpha = (nn_real)alpha;
    nn__matmul_run(&p);
}

NN_API void nn_dense_forward(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b,
                             int B, int I, int O, nn_real *work)
{
    nn__dense_run(y, x, w, b, B, I, O, NN_LINEAR, 0, work);
}

static void nn__add_to(nn_real *y, const nn_real *x, size_t n)
{
    if (n >= NN__SHORT && nn__vector()) nn__vector()->add(y, x, n);
    else
        for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void nn__bias_backward(nn_real *db, const nn_real *dy, int B, int O)
{
    if (B >= NN__SHORT && nn__vector()) nn__vector()->columns(db, dy, (size_t)B, (size_t)O);
    else
        for (int b = 0; b < B; b++, dy += O) nn__add_to(db, dy, (size_t)O);
}

NN_API void nn_dense_backward(nn_real *dx, nn_real *dw, nn_real *db, const nn_real *dy,
                              const nn_real *x, const nn_real *w, int B, int I, int O,
                              nn_real *work)
{
    if (dx) nn_matmul(dx, dy, w, B, I, O, NN_ACCUMULATE, work);
    if (dw) nn_matmul(dw, dy, x, O, I, B, NN_TRANSPOSE_A | NN_ACCUMULATE, work);
    if (db) nn__bias_backward(db, dy, B, O);
}

NN_API size_t nn_dense_work_size(int B, int I, int O)
{
    size_t forward = nn_matmul_work_size(B, O, I), dx = nn_matmul_work_size(B, I, O);
    size_t dw = nn_matmul_work_size(O, I, B), larger = NN__MAX(forward, dx);
    return NN__MAX(larger, dw);
}

/* ---- dropout ---------------------------------------------------------- >>kernels/dropout
   x, y, dx, dy (B, C). With m_bc = 0 with probability `rate`, else 1 / (1 - rate):

     forward    y_bc = m_bc x_bc            backward   dx_bc += m_bc dy_bc                [F6.3]

   m_bc is a hash of seed, sample number and c: nothing to keep, the same for any division of the
   batch, and the mean of y stays that of x, so nothing is to be done at inference. */
static uint64_t nn__dropout_key(uint64_t seed, const int *sample, int b)
{
    uint64_t number = (uint64_t)(sample ? sample[b] : b);
    return nn__mix(seed ^ nn__mix(number + UINT64_C(0xa0761d6478bd642f)));
}

/* The 24 bits that decide about number c: a 32-bit mixing function, since vectors have no 64-bit
   product, with both halves of the key. */
static uint32_t nn__dropout_hash(uint64_t key, uint32_t c)
{
    uint32_t h = c * 0x9e3779b9u + (uint32_t)key;
    h = (h ^ (h >> 16)) * 0x21f0aaadu;
    h = (h ^ (h >> 15)) + (uint32_t)(key >> 32);
    h = (h ^ (h >> 16)) * 0x735a2d97u;
    return (h ^ (h >> 15)) >> 8;
}

/* y = m x, or y += m x with `add`. */
static void nn__dropout_ref(nn_real *y, const nn_real *x, uint64_t key, uint32_t limit,
                            nn_real keep, size_t n, bool add)
{
    for (size_t c = 0; c < n; c++) {
        nn_real m = nn__dropout_hash(key, (uint32_t)c) < limit ? 0 : keep;
        y[c] = (add ? y[c] : 0) + m * x[c];
    }
}

static void nn__dropout_rows(nn_real *y, const nn_real *x, double rate, uint64_t seed,
                             const int *sample, int B, int C, bool add)
{
    NN_ASSERT(rate >= 0 && rate < 1);
    const nn_real keep = (nn_real)(1 / (1 - rate));
    const uint32_t limit = (uint32_t)(rate * 16777216 + 0.5); /* of 2^24 */
    for (int b = 0; b < B; b++, x += C, y += C) {
        uint64_t key = nn__dropout_key(seed, sample, b);
        if (nn__vector()) nn__vector()->dropout(y, x, key, limit, keep, (size_t)C, add);
        else nn__dropout_ref(y, x, key, limit, keep, (size_t)C, add);
    }
}

NN_API void nn_dropout_forward(nn_real *y, const nn_real *x, double rate, uint64_t seed,
                               const int *sample, int B, int C)
{
    nn__dropout_rows(y, x, rate, seed, sample, B, C, false);
}

NN_API void nn_dropout_backward(nn_real *dx, const nn_real *dy, double rate, uint64_t seed,
                                const int *sample, int B, int C)
{
    nn__dropout_rows(dx, dy, rate, seed, sample, B, C, true);
}

/* ---- entry by entry, with repeated axes ---------------------------------- >>kernels/pair
   y = a + b and y = a b over up to five axes (the batch and four more). An axis along which an
   array is repeated has step 0, so backward sums over it by itself. */
typedef struct nn__pairs {
    size_t dim[NN_MAX_RANK + 1], a[NN_MAX_RANK + 1], b[NN_MAX_RANK + 1]; /* sizes and steps */
} nn__pairs;

/* Where row o (all axes but the last) starts in a and b. */
static void nn__pairs_row(const nn__pairs *p, size_t o, size_t *a, size_t *b)
{
    *a = *b = 0;
    for (int d = NN_MAX_RANK - 1; d >= 0; d--) {
        *a += o % p->dim[d] * p->a[d];
        *b += o % p->dim[d] * p->b[d];
        o /= p->dim[d];
    }
}

static size_t nn__pairs_rows(const nn__pairs *p)
{
    size_t rows = 1;
    for (int d = 0; d < NN_MAX_RANK; d++) rows *= p->dim[d];
    return rows;
}

static void nn__add_forward(nn_real *y, const nn_real *a, const nn_real *b, const nn__pairs *p)
{
    size_t ia, ib, n = p->dim[NN_MAX_RANK], sa = p->a[NN_MAX_RANK], sb = p->b[NN_MAX_RANK];
    for (size_t o = 0; o < nn__pairs_rows(p); o++, y += n) {
        nn__pairs_row(p, o, &ia, &ib);
        for (size_t i = 0; i < n; i++) y[i] = a[ia + i * sa] + b[ib + i * sb];
    }
}

static void nn__add_backward(nn_real *da, nn_real *db, const nn_real *dy, const nn__pairs *p)
{
    size_t ia, ib, n = p->dim[NN_MAX_RANK], sa = p->a[NN_MAX_RANK], sb = p->b[NN_MAX_RANK];
    for (size_t o = 0; o < nn__pairs_rows(p); o++, dy += n) {
        nn__pairs_row(p, o, &ia, &ib);
        if (da)
            for (size_t i = 0; i < n; i++) da[ia + i * sa] += dy[i];
        if (db)
            for (size_t i = 0; i < n; i++) db[ib + i * sb] += dy[i];
    }
}

static void nn__mul_forward(nn_real *y, const nn_real *a, const nn_real *b, const nn__pairs *p)
{
    size_t ia, ib, n = p->dim[NN_MAX_RANK], sa = p->a[NN_MAX_RANK], sb = p->b[NN_MAX_RANK];
    for (size_t o = 0; o < nn__pairs_rows(p); o++, y += n) {
        nn__pairs_row(p, o, &ia, &ib);
        for (size_t i = 0; i < n; i++) y[i] = a[ia + i * sa] * b[ib + i * sb];
    }
}

static void nn__mul_backward(nn_real *da, nn_real *db, const nn_real *dy, const nn_real *a,
                             const nn_real *b, const nn__pairs *p)
{
    size_t ia, ib, n = p->dim[NN_MAX_RANK], sa = p->a[NN_MAX_RANK], sb = p->b[NN_MAX_RANK];
    for (size_t o = 0; o < nn__pairs_rows(p); o++, dy += n) {
        nn__pairs_row(p, o, &ia, &ib);
        if (da)
            for (size_t i = 0; i < n; i++) da[ia + i * sa] += dy[i] * b[ib + i * sb];
        if (db)
            for (size_t i = 0; i < n; i++) db[ib + i * sb] += dy[i] * a[ia + i * sa];
    }
}

static void nn__scale_forward(nn_real *y, const nn_real *x, size_t n, nn_real factor)
{
    for (size_t i = 0; i < n; i++) y[i] = factor * x[i];
}

static void nn__scale_backward(nn_real *dx, const nn_real *dy, size_t n, nn_real factor)
{
    for (size_t i = 0; i < n; i++) dx[i] += factor * dy[i];
}

/* ---- moving numbers ------------------------------------------------------ >>kernels/move
   permute: y in order, x by steps. blocks: `outer` pieces of n numbers between two arrays, of
   which slices and concatenations are made. sum: over the middle one of three axes. Each with its
   backward, which adds dy to where the number came from. */
static void nn__permute_forward(nn_real *y, const nn_real *x, const nn__pairs *p)
{
    size_t ia, ib, n = p->dim[NN_MAX_RANK], step = p->a[NN_MAX_RANK];
    for (size_t o = 0; o < nn__pairs_rows(p); o++, y += n) {
        nn__pairs_row(p, o, &ia, &ib);
        for (size_t i = 0; i < n; i++) y[i] = x[ia + i * step];
    }
}

static void nn__blocks_copy(nn_real *y, size_t y_step, const nn_real *x, size_t x_step,
                            size_t outer, size_t n)
{
    for (size_t o = 0; o < outer; o++) memcpy(y + o * y_step, x + o * x_step, n * sizeof *y);
}

static void nn__blocks_add(nn_real *dx, size_t dx_step, const nn_real *dy, size_t dy_step,
                           size_t outer, size_t n)
{
    for (size_t o = 0; o < outer; o++) nn__add_to(dx + o * dx_step, dy + o * dy_step, n);
}

static void nn__sum_forward(nn_real *y, const nn_real *x, size_t outer, size_t n, size_t inner,
                            nn_real factor)
{
    for (size_t o = 0; o < outer; o++, y += inner) {
        for (size_t j = 0; j < inner; j++) y[j] = 0;
        for (size_t i = 0; i < n; i++, x += inner)
            for (size_t j = 0; j < inner; j++) y[j] += x[j];
        for (size_t j = 0; j < inner; j++) y[j] *= factor;
    }
}

static void nn__sum_backward(nn_real *dx, const nn_real *dy, size_t outer, size_t n, size_t inner,
                             nn_real factor)
{
    for (size_t o = 0; o < outer; o++, dy += inner)
        for (size_t i = 0; i < n; i++, dx += inner)
            for (size_t j = 0; j < inner; j++) dx[j] += factor * dy[j];
}

/* ---- pieces of work ---------------------------------------------------- >>kernels/pieces
   What the layers on images share out among threads: rows or whole images, or channels. A piece
   writes where no other one does and sums in its own order, so it does not matter who does it. */
typedef struct nn__job {
    const nn_window *s;
    int B;
    nn_real *y, *dx, *dw, *db, *mean, *variance, *patches;
    const nn_real *x, *dy, *w, *b, *output;
    int N, C, *winner;
    double epsilon;
    size_t first, line; /* of a block of patches: its first output, the first row of x around it */
    int rows, group;
    bool average, add, training;
    nn__activation *finish;
    nn_real alpha;
    nn__product product; /* what the places of a convolution have in common */
    bool *sound; /* for each piece */
    nn_activation activation;
    size_t room; /* of one part of the sum for dw */
    const struct nn__job *pool; /* max pooling right behind a convolution, or NULL */
} nn__job;

typedef void nn__piece(const nn__job *job, int i);

/* Calls piece(job, i) for part number `part` of the numbers 0 .. n - 1. */
static void nn__each_part(nn__piece *piece, const nn__job *job, int n, int part, int parts,
                          unsigned mode)
{
    const unsigned own_mode = nn__float_mode();
    nn__set_float_mode(mode);
    for (int i = nn__part_begin(n, part, parts), end = nn__part_begin(n, part + 1, parts); i < end;
         i++)
        piece(job, i);
    nn__set_float_mode(own_mode);
}

/* Calls piece(job, 0 .. n - 1), on all cores where so many operations pay for waking them. */
static void nn__each(nn__piece *piece, const nn__job *job, int n, double operations)
{
    const unsigned mode = nn__float_mode();
    if (operations < (double)NN__LARGE || n < 2) nn__each_part(piece, job, n, 0, 1, mode);
    else {
        NN__PARALLEL
        nn__each_part(piece, job, n, NN__PART, NN__PARTS, mode);
    }
}

enum { NN__CUTS = 16 };

/* Where cut i of n numbers in a row begins: at whole cache lines. */
static size_t nn__cut(size_t n, int i)
{
    return i == NN__CUTS ? n : n / NN__CUTS * (size_t)i / NN__ALIGNMENT * NN__ALIGNMENT;
}

/* ---- convolution ------------------------------------------------------- >>kernels/conv2d
   x, dx (B, H, W, C); w, dw (O, KH, KW, C); b, db (O); y, dy (B, OH, OW, O). The kernel is not
   flipped: mathematics calls this cross-correlation.

     forward    y_(oy,ox,o) = b_o + sum over ky, kx, c of w_(o,ky,kx,c) x_(iy,ix,c)       [F7.1]
                with iy = oy SH + ky - top,  ix = ox SW + kx - left,  and x = 0 outside
     backward   dx_(iy,ix,c) += w_(o,ky,kx,c) dy_(oy,ox,o)     the same sums, read from the
                dw_(o,ky,kx,c) += dy_(oy,ox,o) x_(iy,ix,c)     right to the left
                db_o += sum of dy_(oy,ox,o)

   With G groups, filter o sees the C / G channels of its group alone. The plain loops below are
   the definition. The fast way: the numbers under a kernel, its patch, are a row of KH KW C
   numbers, and then a convolution is a dense layer: Y = P wᵀ, dw += dYᵀ P, dP = dY w, where dx
   collects dP. Patches are made for a block of outputs at a time, whatever the batch. Most
   kinds need none: without groups the product reads its rows in the image itself, 3x3 kernels go by
   tiles, which takes a quarter of the multiplications, and kernels of 1x1 are dense layers as they
   are. */
NN_API nn_window nn_window_of(int H, int W, int C, int KH, int KW, int SH, int SW,
                              nn_padding padding)
{
    nn_window s = NN__EMPTY;
    NN_ASSERT(H > 0 && W > 0 && C > 0 && KH > 0 && KW > 0 && SH > 0 && SW > 0);
    s.H = H, s.W = W, s.C = s.O = C, s.KH = KH, s.KW = KW, s.SH = SH, s.SW = SW, s.G = 1;
    if (padding == NN_SAME) {
        s.OH = (H - 1) / SH + 1, s.OW = (W - 1) / SW + 1;
        s.top = NN__MAX((s.OH - 1) * SH - H + KH, 0) / 2;
        s.left = NN__MAX((s.OW - 1) * SW - W + KW, 0) / 2;
    } else {
        s.OH = KH <= H ? (H - KH) / SH + 1 : 0;
        s.OW = KW <= W ? (W - KW) / SW + 1 : 0;
    }
    return s;
}

/* Where in x the pixel lies that output p = oy OW + ox of image b sees through k = ky KW + kx; -1:
   outside. */
static ptrdiff_t nn__tap(const nn_window *s, int b, int p, int k)
{
    const int iy = p / s->OW * s->SH + k / s->KW - s->top;
    const int ix = p % s->OW * s->SW + k % s->KW - s->left;
    if (iy < 0 || iy >= s->H || ix < 0 || ix >= s->W) return -1;
    return (((ptrdiff_t)b * s->H + iy) * s->W + ix) * s->C;
}

static NN__UNUSED void nn__conv2d_ref(nn_real *y, const nn_real *x, const nn_real *w,
                                      const nn_real *b, int B, const nn_window *s)
{
    const int C = s->C / s->G, K = s->KH * s->KW, P = s->OH * s->OW;
    for (int i = 0; i < B * P; i++)
        for (int o = 0; o < s->O; o++, y++) {
            const int group = o / (s->O / s->G);
            *y = b ? b[o] : 0;
            for (int k = 0; k < K; k++) {
                const ptrdiff_t at = nn__tap(s, i / P, i % P, k);
                for (int c = 0; at >= 0 && c < C; c++)
                    *y += w[(o * K + k) * C + c] * x[at + group * C + c];
            }
        }
}

static NN__UNUSED void nn__conv2d_backward_ref(nn_real *dx, nn_real *dw, nn_real *db,
                                               const nn_real *dy, const nn_real *x,
                                               const nn_real *w, int B, const nn_window *s)
{
    const int C = s->C / s->G, K = s->KH * s->KW, P = s->OH * s->OW;
    for (int i = 0; i < B * P; i++)
        for (int o = 0; o < s->O; o++, dy++) {
            const int group = o / (s->O / s->G);
            db[o] += *dy;
            for (int k = 0; k < K; k++) {
                const ptrdiff_t at = nn__tap(s, i / P, i % P, k);
                for (int c = 0; at >= 0 && c < C; c++) {
                    dx[at + group * C + c] += w[(o * K + k) * C + c] * *dy;
                    dw[(o * K + k) * C + c] += x[at + group * C + c] * *dy;
                }
            }
        }
}

/* ---- by patches ---- */

enum { NN__PATCHES = 1 << 17 }; /* numbers in a block of them: half a megabyte */

static size_t nn__patch_size(const nn_window *s)
{
    return (size_t)s->KH * (size_t)s->KW * (size_t)(s->C / s->G);
}

static size_t nn__outputs(int B, const nn_window *s)
{
    return (size_t)B * (size_t)s->OH * (size_t)s->OW;
}

/* How many patches a block has. */
static int nn__patch_rows(int B, const nn_window *s)
{
    const size_t most = NN__MAX((size_t)NN__PATCHES / nn__patch_size(s), 1);
    return (int)NN__MIN(most, nn__outputs(B, s));
}

/* The part of a kernel's row, from .. end - 1, that is inside when it begins at column ix. */
static void nn__inside(const nn_window *s, int ix, int *from, int *end)
{
    *from = NN__MIN(NN__MAX(-ix, 0), s->KW);
    *end = NN__MAX(NN__MIN(s->W - ix, s->KW), *from);
}

/* Patch i of the block: the pixels of a row of it lie side by side in x too. */
static void nn__patch_gather(const nn__job *j, int i)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)(s->C / s->G), P = (size_t)s->OH * (size_t)s->OW,
                 at = j->first + (size_t)i;
    const int oy = (int)(at % P) / s->OW, ox = (int)(at % P) % s->OW;
    const int iy = oy * s->SH - s->top, ix = ox * s->SW - s->left;
    nn_real *to = j->patches + (size_t)i * nn__patch_size(s);
    int from, end;
    nn__inside(s, ix, &from, &end);
    for (int ky = 0; ky < s->KH; ky++, to += (size_t)s->KW * C) {
        const bool inside = iy + ky >= 0 && iy + ky < s->H;
        const size_t n = inside ? (size_t)(end - from) : 0, first = (size_t)from * C;
        if (n < (size_t)s->KW) memset(to, 0, (size_t)s->KW * C * sizeof *to);
        if (n == 0) continue;
        const size_t line = at / P * (size_t)s->H + (size_t)(iy + ky);
        const nn_real *x = j->x + (line * (size_t)s->W + (size_t)(ix + from)) * (size_t)s->C;
        if (s->G == 1) memcpy(to + first, x, n * C * sizeof *to);
        else nn__blocks_copy(to + first, C, x + (size_t)j->group * C, (size_t)s->C, n, C);
    }
}

/* Row i of those rows of dx around the block collects what the patches have for it. */
static void nn__patch_scatter(const nn__job *j, int i)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)(s->C / s->G), line = j->line + (size_t)i, one = s->G == 1;
    const int iy = (int)(line % (size_t)s->H);
    int from, end;
    for (int ky = 0; ky < s->KH; ky++) {
        const int up = iy + s->top - ky;
        if (up < 0 || up % s->SH != 0 || up / s->SH >= s->OH) continue;
        const size_t row = line / (size_t)s->H * (size_t)s->OH + (size_t)(up / s->SH);
        const ptrdiff_t at = (ptrdiff_t)(row * (size_t)s->OW) - (ptrdiff_t)j->first;
        const int last = (int)NN__MIN(s->OW, j->rows - at);
        for (int ox = (int)NN__MAX(0, NN__MIN(-at, s->OW)); ox < last; ox++) {
            const int ix = ox * s->SW - s->left;
            nn__inside(s, ix, &from, &end);
            const size_t n = (size_t)(end - from), patch = (size_t)(at + ox);
            if (n == 0) continue;
            const nn_real *dp =
                j->patches + patch * nn__patch_size(s) + (size_t)(ky * s->KW + from) * C;
            nn_real *dx = j->dx + (line * (size_t)s->W + (size_t)(ix + from)) * (size_t)s->C;
            nn__blocks_add(dx + (size_t)j->group * C, (size_t)s->C, dp, C, one ? 1 : n,
                           one ? n * C : C);
        }
    }
}

/* The next block of one group: its patches from x, or dx from its patches. */
static void nn__patches_from(nn__job *j)
{
    nn__each(nn__patch_gather, j, j->rows, (double)j->rows * (double)nn__patch_size(j->s));
}

static void nn__patches_to(nn__job *j)
{
    const size_t P = (size_t)j->s->OH * (size_t)j->s->OW, H = (size_t)j->s->H;
    const size_t last = (j->first + (size_t)j->rows - 1) / P;
    j->line = j->first / P * H;
    nn__each(nn__patch_scatter, j, (int)((last + 1) * H - j->line),
             (double)j->rows * (double)nn__patch_size(j->s));
}

/* Walks the blocks of each group: false after the last one. Begin with rows 0. */
static bool nn__patches_next(nn__job *j)
{
    const size_t outputs = nn__outputs(j->B, j->s);
    const int most = nn__patch_rows(j->B, j->s);
    j->first += (size_t)j->rows;
    if (j->first >= outputs) j->first = 0, j->group++;
    j->rows = (int)NN__MIN((size_t)most, outputs - j->first);
    return j->group < j->s->G;
}

/* Y = P wᵀ + b, group after group; a group's Y is not in one piece, so it goes through `part`. */
static void nn__conv2d_y(nn__job *j, nn_real *part, nn_real *work)
{
    const int K = (int)nn__patch_size(j->s), G = j->s->G, O = j->s->O / G;
    while (nn__patches_next(j)) {
        nn_real *y = j->y + j->first * (size_t)j->s->O + j->group * O;
        nn__patches_from(j);
        nn__product p = NN__EMPTY;
        nn__product_set(&p, G == 1 ? y : part, j->patches,
                        j->w + (size_t)(j->group * O) * (size_t)K, j->rows, O, K, NN_TRANSPOSE_B,
                        work);
        p.bias = j->b ? j->b + j->group * O : NULL, p.finish = j->finish, p.alpha = j->alpha;
        nn__matmul_run(&p);
        if (G > 1) nn__blocks_copy(y, (size_t)j->s->O, part, (size_t)O, (size_t)j->rows, (size_t)O);
    }
}

/* dY of the block, in one piece. */
static const nn_real *nn__dy_of_block(const nn__job *j, nn_real *part)
{
    const int O = j->s->O / j->s->G;
    const nn_real *dy = j->dy + j->first * (size_t)j->s->O + j->group * O;
    if (j->s->G == 1) return dy;
    nn__blocks_copy(part, (size_t)O, dy, (size_t)j->s->O, (size_t)j->rows, (size_t)O);
    return part;
}

/* dw += dYᵀ P */
static void nn__conv2d_dw(nn__job *j, nn_real *part, nn_real *work)
{
    const int K = (int)nn__patch_size(j->s), O = j->s->O / j->s->G;
    while (nn__patches_next(j)) {
        nn__patches_from(j);
        nn_matmul(j->dw + (size_t)(j->group * O) * (size_t)K, nn__dy_of_block(j, part), j->patches,
                  O, K, j->rows, NN_TRANSPOSE_A | NN_ACCUMULATE, work);
    }
}

/* dP = dY w, which dx collects */
static void nn__conv2d_dx(nn__job *j, nn_real *part, nn_real *work)
{
    const int K = (int)nn__patch_size(j->s), O = j->s->O / j->s->G;
    while (nn__patches_next(j)) {
        nn_matmul(j->patches, nn__dy_of_block(j, part), j->w + (size_t)(j->group * O) * (size_t)K,
                  j->rows, K, O, 0, work);
        nn__patches_to(j);
    }
}

/* ---- image by image ----
   A place of the output is a dense layer of its own, whose inputs are the pixels under the kernel:
   in the image they lie in KH runs of KW C numbers. The matrix product reads its rows there, one
   for each place, through a table of where they begin: no patch is copied. Images that need padding
   are copied with it first. The batch is cut into sixteen parts, whatever the number of threads. */
enum { NN__PARTS_OF_BATCH = 16 };

static void nn__pool_y(const nn__job *j, int b);
static void nn__dy_pooled(const nn__job *j, nn_real *dy, int i, int b);
static const nn_real *nn__dy_image(const nn__job *j, nn_real *to, nn_real *pooled, int i, int b);

/* Numbers that nn__dy_image needs: an image of dy, which may be read a panel beyond, and the pooled
   one. */
static size_t nn__dy_room(const nn_window *s, const nn_window *pool)
{
    const size_t O = (size_t)s->O, P = (size_t)s->OH * (size_t)s->OW;
    return pool ? (P + (size_t)pool->OH * (size_t)pool->OW) * O + NN__WIDEST : 0;
}

/* A product on the calling thread. */
static void nn__product_alone(const nn__product *p)
{
    const nn__vectors *v = nn__vector();
    if (v && p->packed == 0) v->pack(p, 0, 1);
    if (v) v->blocks(p, 0, 1);
    else nn__matmul_ref(p);
}

/* Rows and columns of x that the kernel meets, with the padding. */
static void nn__reach(const nn_window *s, int *height, int *width)
{
    *height = (s->OH - 1) * s->SH + s->KH, *width = (s->OW - 1) * s->SW + s->KW;
}

static bool nn__is_padded(const nn_window *s)
{
    int height, width;
    nn__reach(s, &height, &width);
    return s->top > 0 || s->left > 0 || height > s->H || width > s->W;
}

/* An image with its padding. */
static const nn_real *nn__padded(nn_real *to, const nn_real *x, const nn_window *s)
{
    int height, width;
    const size_t C = (size_t)s->C;
    if (!nn__is_padded(s)) return x;
    nn__reach(s, &height, &width);
    const int columns = NN__MIN(s->W, width - s->left);
    memset(to, 0, (size_t)height * (size_t)width * C * sizeof *to);
    for (int iy = 0; iy < NN__MIN(s->H, height - s->top); iy++)
        memcpy(to + ((size_t)(iy + s->top) * (size_t)width + (size_t)s->left) * C,
               x + (size_t)iy * (size_t)s->W * C, (size_t)columns * C * sizeof *to);
    return to;
}

/* Images that go together, so that the last tile of their rows is full: all of them lie alike. */
static int nn__together(int B, const nn_window *s)
{
    const int part = (B + NN__PARTS_OF_BATCH - 1) / NN__PARTS_OF_BATCH;
    return s->OH * s->OW % 8 == 0 ? 1 : NN__MIN(part, 8);
}

/* Part i of the batch: y = the convolution of x. */
static void nn__images_part(const nn__job *j, int i)
{
    const nn_window *s = j->s;
    const size_t image = (size_t)s->H * (size_t)s->W * (size_t)s->C;
    const int parts = NN__MIN(j->B, NN__PARTS_OF_BATCH), end = nn__part_begin(j->B, i + 1, parts);
    const int P = s->OH * s->OW, group = nn__together(j->B, s);
    nn__product p = j->product;
    nn_real *pad = j->patches + (size_t)i * j->room;
    for (int n, b = nn__part_begin(j->B, i, parts); b < end; b += n) {
        n = NN__MIN(group, end - b);
        p.a = j->x + (size_t)b * image;
        for (int k = 0; k < n && nn__is_padded(s); k++)
            nn__padded(pad + (size_t)k * j->room / (size_t)group, p.a + (size_t)k * image, s);
        if (nn__is_padded(s)) p.a = pad;
        p.c = j->y + (size_t)b * (size_t)P * (size_t)s->O, p.m = n * P;
        nn__product_alone(&p);
        for (int k = 0; j->pool && k < n; k++) nn__pool_y(j->pool, b + k);
    }
}

/* Numbers of workspace: the panels of w, the table, padded images. */
static size_t nn__images_work_size(int B, const nn_window *s)
{
    const int group = nn__together(B, s);
    int height, width;
    nn__reach(s, &height, &width);
    const size_t padded = (size_t)group * (size_t)height * (size_t)width * (size_t)s->C;
    return nn_matmul_work_size(1, s->O, (int)nn__patch_size(s)) +
           (size_t)group * (size_t)s->OH * (size_t)s->OW +
           (nn__is_padded(s) ? (size_t)NN__MIN(B, NN__PARTS_OF_BATCH) * padded : 0);
}

/* y = or += the convolution of x with w, which is B: (KH KW C, O) in any order. */
static void nn__images(nn__job *j, nn_real *y, const nn_real *x, const nn_real *w, ptrdiff_t w_row,
                       ptrdiff_t w_column, nn_real *work)
{
    const nn_window *s = j->s;
    const int group = nn__together(j->B, s), P = s->OH * s->OW, K = (int)nn__patch_size(s);
    nn__product *p = &j->product;
    int height, width, *row = (int *)(void *)(work + nn_matmul_work_size(1, s->O, K));
    nn__reach(s, &height, &width);
    j->room = (size_t)group * (size_t)height * (size_t)width * (size_t)s->C;
    if (!nn__is_padded(s)) height = s->H, width = s->W;
    for (int n = 0, i = 0; n < group; n++)
        for (int oy = 0; oy < s->OH; oy++)
            for (int ox = 0; ox < s->OW; ox++, i++)
                row[i] = ((n * height + oy * s->SH) * width + ox * s->SW) * s->C;
    j->y = y, j->x = x,
    j->patches = work + nn_matmul_work_size(1, s->O, K) + (size_t)group * (size_t)P;
    p->b = w, p->b_row = w_row, p->b_column = w_column, p->work = work;
    p->n = s->O, p->k = K, p->run = p->b_run = s->KW * s->C;
    p->a_rows = row, p->a_column = 1, p->a_run = (ptrdiff_t)width * s->C, p->c_row = s->O;
    p->add = j->add, p->bias = j->b, p->finish = j->finish, p->alpha = j->alpha;
    if (nn__vector()) {
        p->packed = K;
        nn__vector()->pack(p, 0, 1);
    }
    nn__each(nn__images_part, j, NN__MIN(j->B, NN__PARTS_OF_BATCH),
             (double)j->B * P * s->O * (double)K);
}

/* Whether dw is gathered from what has won the max pooling behind: the other pixels' dy is 0. It
   pays where at most one pixel of four can win, and a row of the kernel fits into 8 numbers. */
static bool nn__by_winners(const nn_window *s, const nn_window *t)
{
    return t && nn__vector() && s->KW * s->C <= 8 && (double)t->SH * t->SW >= 4 &&
           t->KH * t->KW <= NN__MOST_PIXELS && !nn__is_padded(t);
}

/* An image and what is read behind it: rows are taken in threes or fives, numbers in eights, so up
   to four rows and seven numbers too many. */
static size_t nn__met_room(const nn_window *s)
{
    int height, width;
    nn__reach(s, &height, &width);
    return (size_t)(NN__MAX(height, s->H) + 5) * (size_t)NN__MAX(width, s->W) * (size_t)s->C + 8;
}

/* dw, image by image: for each tap a row of A, whose numbers are the pixels that the tap meets, run
   by run, and B is dy as it lies. Each part of the batch has a sum of its own; these are added in
   order, so the number of threads changes nothing. */
static size_t nn__dw_room(const nn_window *s, const nn_window *pool)
{
    const size_t sum = nn__patch_size(s) * (size_t)s->O;
    int height, width;
    nn__reach(s, &height, &width);
    if (nn__by_winners(s, pool)) return sum + nn__outputs(1, pool) * (size_t)s->O + nn__met_room(s);
    return sum + nn_matmul_work_size(1, s->O, s->OH * s->OW) +
           (size_t)height * (size_t)width * (size_t)s->C + nn__dy_room(s, pool);
}

/* Where in x, or in its copy with padding, they are. */
static nn__met nn__met_by(const nn_window *s, const nn_window *t)
{
    nn__met k = NN__EMPTY;
    int height, width;
    nn__reach(s, &height, &width);
    const size_t C = (size_t)s->C, row = (size_t)(nn__is_padded(s) ? width : s->W) * C;
    k.O = s->O, k.OH = t->OH, k.OW = t->OW, k.KH = s->KH, k.width = s->KW * s->C, k.row = row;
    k.down = (size_t)t->SH * (size_t)s->SH * row;
    k.right = (size_t)t->SW * (size_t)s->SW * C;
    for (int i = 0; i < t->KH * t->KW; i++)
        k.pixel[i] = (int)((size_t)(i / t->KW * s->SH) * row + (size_t)(i % t->KW * s->SW) * C);
    return k;
}

/* Part i of the batch, by winners. */
static void nn__winners_part(const nn__job *j, int i)
{
    const nn_window *s = j->s, *t = j->pool->s;
    const int parts = NN__MIN(j->B, NN__PARTS_OF_BATCH), end = nn__part_begin(j->B, i + 1, parts);
    const size_t image = (size_t)s->H * (size_t)s->W * (size_t)s->C;
    const size_t pooled = (size_t)t->OH * (size_t)t->OW * (size_t)t->C;
    const nn__met k = nn__met_by(s, t);
    nn_real *sum = j->product.c + (size_t)i * j->room, *dy = sum + nn__patch_size(s) * (size_t)s->O;
    nn_real *pad = dy + pooled;
    memset(sum, 0, nn__patch_size(s) * (size_t)s->O * sizeof *sum);
    memset(pad, 0, nn__met_room(s) * sizeof *pad);
    for (int b = nn__part_begin(j->B, i, parts); b < end; b++) {
        const nn_real *x = j->x + (size_t)b * image;
        if (nn__padded(pad, x, s) == x) memcpy(pad, x, image * sizeof *x);
        nn__dy_pooled(j, dy, i, b);
        nn__vector()->winners(sum, pad, dy, j->pool->winner + (size_t)b * pooled, &k);
    }
}

/* Part i of the batch. */
static void nn__dw_part(const nn__job *j, int i)
{
    const nn_window *s = j->s;
    const int parts = NN__MIN(j->B, NN__PARTS_OF_BATCH), end = nn__part_begin(j->B, i + 1, parts);
    const size_t P = (size_t)s->OH * (size_t)s->OW, image = (size_t)s->H * (size_t)s->W;
    nn__product p = j->product;
    p.c += (size_t)i * j->room;
    p.work = p.c + (size_t)p.m * (size_t)p.n;
    nn_real *dy = p.work + nn_matmul_work_size(1, s->O, (int)P);
    nn_real *pad = dy + nn__dy_room(s, j->pool ? j->pool->s : NULL);
    for (int b = nn__part_begin(j->B, i, parts); b < end; b++, p.add = true) {
        p.a = nn__padded(pad, j->x + (size_t)b * image * (size_t)s->C, s);
        p.b = nn__dy_image(j, dy, dy + P * (size_t)s->O + NN__WIDEST, i, b);
        p.roomy = j->pool || (size_t)(j->B - 1 - b) * P * (size_t)s->O >= NN__WIDEST;
        nn__product_alone(&p);
    }
}

static void nn__places_dw(nn__job *j, nn_real *work)
{
    const nn_window *s = j->s, *pool = j->pool ? j->pool->s : NULL;
    const int K = (int)nn__patch_size(s), parts = NN__MIN(j->B, NN__PARTS_OF_BATCH),
              run = s->KW * s->C;
    int height, width, *tap = (int *)(void *)work;
    nn_real *sum = work + K;
    nn__product *p = &j->product;
    nn__reach(s, &height, &width);
    if (!nn__is_padded(s)) width = s->W;
    for (int k = 0; k < K; k++) tap[k] = k / run * width * s->C + k % run;
    p->c = sum, p->m = K, p->n = s->O, p->k = s->OH * s->OW, p->run = s->OW, p->c_row = s->O;
    p->a_rows = tap, p->a_column = (ptrdiff_t)s->SW * s->C;
    p->a_run = (ptrdiff_t)s->SH * width * s->C;
    p->b_row = s->O, p->b_column = 1, p->b_run = s->OW;
    j->room = nn__dw_room(s, pool);
    nn__each(nn__by_winners(s, pool) ? nn__winners_part : nn__dw_part, j, parts,
             (double)j->B * p->k * K * s->O);
    for (int i = 1; i < parts; i++)
        nn__add_to(sum, sum + (size_t)i * j->room, (size_t)K * (size_t)s->O);
    for (int k = 0; k < K; k++)
        for (int o = 0; o < s->O; o++) j->dw[(size_t)o * (size_t)K + (size_t)k] += *sum++;
}

/* ---- place by place ----
   dx is a convolution too, of dy with the kernel turned round and padded the other way about. There
   is so much padding then that every place of dx has a product of its own, whose rows are the
   images of the batch: at the border it has shorter runs and fewer of them, and nothing is
   multiplied by the zeros outside. All places share the panels of w. */

static void nn__place(const nn__job *j, int i)
{
    const nn_window *s = j->s;
    const int iy = i / s->OW * s->SH - s->top, ix = i % s->OW * s->SW - s->left;
    const int ky = NN__MAX(-iy, 0), ky_end = NN__MIN(s->H - iy, s->KH);
    const int kx = NN__MAX(-ix, 0), kx_end = NN__MIN(s->W - ix, s->KW);
    nn__product p = j->product;
    p.a += ((ptrdiff_t)(iy + ky) * s->W + ix + kx) * s->C;
    p.c += (ptrdiff_t)i * s->O;
    p.run = (kx_end - kx) * s->C, p.k = (ky_end - ky) * p.run;
    p.b_first = (ky * s->KW + kx) * s->C;
    NN_ASSERT(p.k > 0);
    nn__product_alone(&p);
}

/* y = or += the convolution of x with w, which is B: (KH KW C, O) in any order. */
static void nn__places(nn__job *j, nn_real *y, const nn_real *x, const nn_real *w, ptrdiff_t w_row,
                       ptrdiff_t w_column, nn_real *work)
{
    const nn_window *s = j->s;
    nn__product *p = &j->product;
    p->c = y, p->a = x, p->b = w, p->work = work;
    p->m = j->B, p->n = s->O, p->k = p->run = s->KH * s->KW * s->C;
    p->a_row = (ptrdiff_t)s->H * s->W * s->C, p->a_column = 1, p->a_run = (ptrdiff_t)s->W * s->C;
    p->c_row = (ptrdiff_t)s->OH * s->OW * s->O;
    p->b_row = w_row, p->b_column = w_column, p->b_run = s->KW * s->C;
    p->add = j->add, p->bias = j->b, p->finish = j->finish, p->alpha = j->alpha;
    if (nn__vector()) {
        p->packed = p->k;
        nn__vector()->pack(p, 0, 1);
    }
    nn__each(nn__place, j, s->OH * s->OW,
             (double)j->B * s->OH * s->OW * s->O * (double)nn__patch_size(s));
}

/* The convolution that dx is, with stride 1. */
static nn_window nn__turned(const nn_window *s)
{
    nn_window t = *s;
    t.H = s->OH, t.W = s->OW, t.C = s->O, t.OH = s->H, t.OW = s->W, t.O = s->C;
    t.top = s->KH - 1 - s->top, t.left = s->KW - 1 - s->left;
    return t;
}

static void nn__places_dx(nn__job *j, nn_real *work)
{
    const nn_window *s = j->s, t = nn__turned(s);
    const int taps = s->KH * s->KW;
    const size_t C = (size_t)s->C;
    nn_real *to = work, *rest = work + (size_t)taps * (size_t)s->O * C;
    for (int k = 0; k < taps; k++) /* (KH, KW, O, C), from the last tap to the first */
        for (int o = 0; o < s->O; o++, to += C)
            memcpy(to, j->w + ((size_t)o * (size_t)taps + (size_t)(taps - 1 - k)) * C,
                   C * sizeof *to);
    j->s = &t, j->add = true;
    nn__places(j, j->dx, j->dy, work, s->C, 1, rest);
}

/* ---- by tiles ----                                                     >>kernels/winograd
   A convolution of 3x3 with stride 1 is a product of polynomials, and those can be multiplied by
   their values at a few points: six values for four outputs of three weights each, instead of
   twelve multiplications; in two dimensions 36 instead of 144 (Winograd 1980; Lavin and Gray 2016).
   For a tile d of 6x6 pixels, filter g and output Y of 4x4, channel by channel:

     Y = Aᵀ ((G g Gᵀ) * (Bᵀ d B)) A,  where * multiplies entry by entry and adds the channels

   at the points 0, p, -p, q, -q and infinity. With P = p², Q = q²:

        | PQ  0  -P-Q  0   1  0 |         | 1 1  1  1  1 0 |        | 1/PQ               |
        | 0  -pQ  -Q   p   1  0 |    Aᵀ = | 0 p -p  q -q 0 |    G = | (1   p   P) / 2P(P-Q) |
   Bᵀ = | 0   pQ  -Q  -p   1  0 |         | 0 P  P  Q  Q 0 |        | (1  -p   P) / 2P(P-Q) |
        | 0  -qP  -P   q   1  0 |         | 0 pP -pP qQ -qQ 1 |     | (1   q   Q) / 2Q(Q-P) |
        | 0   qP  -P  -q   1  0 |                                   | (1  -q   Q) / 2Q(Q-P) |
        | 0   PQ  0  -P-Q  0  1 |                                   | 0   0   1          |

   With 32 channels, p = 5/8 and q = 3/2 make the error of y and dx twice that of the plain loops
   (p = 1, q = 2, as in most books: four times), the tiles of 5x5 below about 4.4 times; that of dw
   is about theirs, since its sums are shorter. A NaN in x or dy spreads over the tiles that see it.
   Outputs of 10x10 would need nine such tiles, with much outside; four of 5x5 cover them. These
   have 49 entries, at the points 1/4, 3/4 and 7/4 with both signs (no 0) and infinity.
   Rows of Bᵀ: for a point p the coefficients of the product of x - q over the other points q (with
   the sign changed for -p, where there is no 0), for infinity those of the product over all; rows
   of G: the powers of p, divided by that product at p. The 36 or 49 entries of all tiles are as
   many matrix products. Backward runs the same way from the right to the left:

     dM = A dY Aᵀ,   dx += B (dM * (G g Gᵀ)) Bᵀ,   dw += Gᵀ (sum of dM * (Bᵀ d B)) G  */
enum {
    NN__TILES = 24, /* go together: what they need stays in the second-level cache */
    NN__AREAS = 8 /* parts of the batch, each with its own workspace */
};

static int nn__tiles_of_side(const nn_window *s, int side)
{
    return ((s->OH - 1) / side + 1) * ((s->OW - 1) / side + 1);
}

/* Outputs along a side of a tile: 4 or 5, whichever takes fewer multiplications. */
static int nn__tile_side(const nn_window *s)
{
    return 49.0 * nn__tiles_of_side(s, 5) < 36.0 * nn__tiles_of_side(s, 4) ? 5 : 4;
}

static int nn__tiles_of_image(const nn_window *s)
{
    return nn__tiles_of_side(s, nn__tile_side(s));
}

/* Entries of a transformed tile: 6x6 or 7x7. */
static int nn__spots_of(const nn_window *s)
{
    return nn__tile_side(s) == 5 ? 49 : 36;
}

/* Where it pays: enough channels to fill vectors, and half of the multiplications at most. */
static bool nn__fits_winograd(const nn_window *s)
{
    return s->KH == 3 && s->KW == 3 && s->SH == 1 && s->SW == 1 && s->G == 1 && s->C >= 16 &&
           s->O >= 16 && 9.0 * s->OH * s->OW > 2.0 * nn__spots_of(s) * nn__tiles_of_image(s) &&
           nn__vector() && nn__vector()->winograd;
}

static bool nn__is_winograd(const nn_window *s, int B) /* transforming w pays from then on */
{
    return B >= NN__SHORT && nn__fits_winograd(s);
}

/* Images of dy that are at hand at once where it comes out of pooling. */
static int nn__ring(const nn_window *s)
{
    return NN__TILES / nn__tiles_of_image(s) + 2;
}

/* At least n numbers that end with a cache line, so that what follows begins on one. */
static size_t nn__lines(size_t n)
{
    const size_t line = NN__ALIGNMENT / sizeof(nn_real);
    return (n + line - 1) / line * line;
}

/* Channels of a row of tiles: whole vectors. */
static size_t nn__tile_row(int C)
{
    return nn__lines((size_t)C);
}

static size_t nn__panels(int n, int k)
{
    return nn__lines(nn_matmul_work_size(1, n, k));
}

/* Numbers from one entry of the tiles to the next: a line more, or all would meet in a few sets of
   the cache. */
static size_t nn__spot_size(int C)
{
    return NN__TILES * nn__tile_row(C) + NN__WIDEST / 2;
}

/* Between the pixels of tiles first .. first + n - 1 and the rows of v, or back. */
static void nn__tiles(const nn__job *j, int kind, nn_real *pixels, nn_real *v, int first, int n)
{
    const nn_window *s = j->s;
    const bool x = kind == NN__TILE_X || kind == NN__TILE_DX;
    const int m = nn__tile_side(s), side = x ? m + 2 : m;
    const int H = x ? s->H : s->OH, W = x ? s->W : s->OW, C = x ? s->C : s->O;
    const int across = (s->OW - 1) / m + 1, of_image = nn__tiles_of_image(s);
    const int images = kind == NN__TILE_DY && j->pool ? nn__ring(s) : j->B;
    nn_real *at[7 * 7], *outside = j->patches;
    for (int t = first; t < first + n; t++, v += nn__tile_row(C)) {
        const int oy = t % of_image / across * m, ox = t % across * m;
        const int top = x ? oy - s->top : oy, left = x ? ox - s->left : ox;
        nn_real *image =
            pixels + (size_t)(t / of_image % images) * (size_t)H * (size_t)W * (size_t)C;
        for (int i = 0; i < side; i++)
            for (int k = 0; k < side; k++) {
                const int iy = top + i, ix = left + k;
                const bool inside = iy >= 0 && iy < H && ix >= 0 && ix < W;
                at[i * side + k] = inside ? image + ((ptrdiff_t)iy * W + ix) * C : outside;
            }
        nn__vector()->winograd(kind, m - 2, at, v, nn__spot_size(C), j->b, (size_t)C);
        for (int i = 0; j->finish && kind == NN__TILE_Y && i < NN__MIN(m, H - top); i++)
            j->finish(at[m * i], at[m * i], (size_t)NN__MIN(m, W - left) * (size_t)C, j->alpha);
    }
}

/* The product for each of the entries, whose matrices lie so far apart. */
static void nn__spots(nn__product p, int spots, size_t c_step, size_t a_step, size_t b_step,
                      size_t work_step)
{
    for (int i = 0; i < spots; i++) {
        nn__product_alone(&p);
        p.c += c_step, p.a += a_step, p.b += b_step, p.work += work_step;
    }
}

/* Filter o: G g Gᵀ. */
static void nn__winograd_filter(const nn__job *j, int o)
{
    const size_t C = (size_t)j->s->C, row = nn__tile_row(j->s->C);
    nn_real *at[9];
    for (size_t k = 0; k < 9; k++) at[k] = (nn_real *)j->w + ((size_t)o * 9 + k) * C;
    nn__vector()->winograd(NN__TILE_W, nn__tile_side(j->s) - 2, at, j->dx + (size_t)o * row,
                           (size_t)j->s->O * row, NULL, C);
}

/* The panels of entry i. */
static void nn__winograd_pack(const nn__job *j, int i)
{
    nn__product p = j->product;
    p.b += (size_t)i * (size_t)j->s->O * nn__tile_row(j->s->C);
    p.work += (size_t)i * nn__panels(p.n, p.k);
    nn__vector()->pack(&p, 0, 1);
}

/* All filters, transformed and packed: j->product gets its B, and `work` is moved behind it. */
static nn_real *nn__winograd_filters(const nn__job *j, nn__product *p, nn_real *work)
{
    nn__job f = *j;
    const int spots = nn__spots_of(j->s);
    const size_t row = nn__tile_row(j->s->C), size = (size_t)spots * (size_t)j->s->O * row;
    f.dx = work;
    nn__each(nn__winograd_filter, &f, j->s->O, 16.0 * (double)size);
    p->b = work, p->work = work + size, p->packed = p->run = p->k;
    f.product = *p;
    nn__each(nn__winograd_pack, &f, spots, 16.0 * (double)size);
    return p->work + (size_t)spots * nn__panels(p->n, p->k);
}

/* Numbers of workspace of one part of the batch: a pixel outside, V, M, and dU. */
static size_t nn__winograd_room(const nn_window *s, const nn_window *pool)
{
    const size_t C = nn__tile_row(s->C), O = nn__tile_row(s->O), spots = (size_t)nn__spots_of(s);
    return nn__lines(NN__MAX(C, O) +
                     spots * (nn__spot_size(s->C) + nn__spot_size(s->O) + (size_t)s->O * C) +
                     nn__panels(s->C, NN__TILES) + (size_t)nn__ring(s) * nn__dy_room(s, pool));
}

static size_t nn__winograd_work_size(const nn_window *s, const nn_window *pool)
{
    const size_t O = (size_t)s->O, row = nn__tile_row(s->C);
    const size_t panels = NN__MAX(nn__panels(s->O, s->C), nn__panels(s->C, s->O));
    return (size_t)nn__spots_of(s) * (O * row + panels) +
           NN__AREAS * (nn__winograd_room(s, pool) + nn__lines(O * nn__patch_size(s)));
}

/* Which tiles part i of the batch has. */
static int nn__tiles_begin(const nn__job *j, int i)
{
    return nn__part_begin(j->B, i, NN__AREAS) * nn__tiles_of_image(j->s);
}

/* Part i of the batch: y. */
static void nn__winograd_y_part(const nn__job *job, int i)
{
    nn__job j = *job;
    const size_t C = nn__tile_row(j.s->C), O = nn__tile_row(j.s->O);
    j.patches += (size_t)i * j.room;
    const int spots = nn__spots_of(j.s);
    nn_real *v = j.patches + NN__MAX(C, O), *m = v + (size_t)spots * nn__spot_size(j.s->C);
    nn__product p = j.product;
    p.c = m, p.a = v;
    int done = nn__part_begin(j.B, i, NN__AREAS);
    for (int t = nn__tiles_begin(&j, i), n, end = nn__tiles_begin(&j, i + 1); t < end; t += n) {
        n = p.m = NN__MIN(NN__TILES, end - t);
        memset(j.patches, 0, C * sizeof *v);
        nn__tiles(&j, NN__TILE_X, (nn_real *)j.x, v, t, n);
        nn__spots(p, spots, nn__spot_size(j.s->O), nn__spot_size(j.s->C), 0, nn__panels(p.n, p.k));
        nn__tiles(&j, NN__TILE_Y, j.y, m, t, n);
        for (; j.pool && done < (t + n) / nn__tiles_of_image(j.s); done++) nn__pool_y(j.pool, done);
    }
}

static void nn__winograd_y(nn__job *j, nn_real *work)
{
    const nn_window *s = j->s;
    nn__product *p = &j->product;
    p->n = s->O, p->k = s->C, p->b_row = 1, p->b_column = (ptrdiff_t)nn__tile_row(s->C);
    p->a_row = p->b_column, p->a_column = 1, p->c_row = (ptrdiff_t)nn__tile_row(s->O);
    j->patches = nn__winograd_filters(j, p, work),
    j->room = nn__winograd_room(s, j->pool ? j->pool->s : NULL);
    nn__each(nn__winograd_y_part, j, NN__AREAS,
             (double)nn__outputs(j->B, s) * s->O * (double)nn__patch_size(s));
}

/* Its share of dw: Gᵀ dU G, or zeros where no tile has added to dU. */
static void nn__winograd_dw(const nn__job *j, nn_real *dw, nn_real *du, bool any)
{
    const size_t C = (size_t)j->s->C, O = (size_t)j->s->O, row = nn__tile_row(j->s->C);
    nn_real *at[9];
    memset(dw, 0, O * 9 * C * sizeof *dw);
    for (size_t o = 0; any && o < O; o++) {
        for (size_t k = 0; k < 9; k++) at[k] = dw + (o * 9 + k) * C;
        nn__vector()->winograd(NN__TILE_DW, nn__tile_side(j->s) - 2, at, du + o * row, O * row,
                               NULL, C);
    }
}

/* Part i of the batch: dx, and its share of dw. */
static void nn__winograd_backward_part(const nn__job *job, int i)
{
    nn__job j = *job;
    const size_t C = nn__tile_row(j.s->C), O = nn__tile_row(j.s->O);
    j.patches += (size_t)i * j.room;
    const int spots = nn__spots_of(j.s);
    nn_real *v = j.patches + NN__MAX(C, O), *m = v + (size_t)spots * nn__spot_size(j.s->C);
    nn_real *du = m + (size_t)spots * nn__spot_size(j.s->O);
    const size_t part = nn__lines((size_t)j.s->O * nn__patch_size(j.s));
    const int of_image = nn__tiles_of_image(j.s), ring = nn__ring(j.s);
    const size_t image = (size_t)j.s->OH * (size_t)j.s->OW * (size_t)j.s->O;
    nn__product p = j.product, q = NN__EMPTY;
    p.c = v, p.a = m;
    q.c = du, q.a = m, q.b = v, q.m = j.s->O, q.n = j.s->C, q.a_row = 1, q.a_column = (ptrdiff_t)O;
    q.b_row = q.c_row = (ptrdiff_t)C, q.b_column = 1, q.roomy = true;
    q.work = du + (size_t)spots * (size_t)j.s->O * C;
    nn_real *dy = q.work + nn__panels(j.s->C, NN__TILES);
    int done = nn__part_begin(j.B, i, NN__AREAS);
    for (int t = nn__tiles_begin(&j, i), n, end = nn__tiles_begin(&j, i + 1); t < end; t += n) {
        n = p.m = q.k = q.run = NN__MIN(NN__TILES, end - t);
        memset(j.patches, 0, NN__MAX(C, O) * sizeof *v);
        if (j.dw) nn__tiles(&j, NN__TILE_X, (nn_real *)j.x, v, t, n);
        for (; j.pool && done <= (t + n - 1) / of_image; done++)
            nn__dy_image(&j, dy + (size_t)(done % ring) * image, dy + (size_t)ring * image, i,
                         done);
        nn__tiles(&j, NN__TILE_DY, j.pool ? dy : (nn_real *)j.dy, m, t, n);
        if (j.dw)
            nn__spots(q, spots, (size_t)j.s->O * C, nn__spot_size(j.s->O), nn__spot_size(j.s->C),
                      0);
        q.add = true;
        if (!j.dx) continue;
        nn__spots(p, spots, nn__spot_size(j.s->C), nn__spot_size(j.s->O), 0, nn__panels(p.n, p.k));
        nn__tiles(&j, NN__TILE_DX, j.dx, v, t, n);
    }
    if (j.dw) nn__winograd_dw(&j, j.dw + (size_t)i * part, du, q.add);
}

static void nn__winograd_backward(nn__job *j, nn_real *work)
{
    const nn_window *s = j->s;
    const size_t weights = (size_t)s->O * nn__patch_size(s), part = nn__lines(weights);
    nn__product *p = &j->product;
    nn_real *dw = j->dw;
    p->n = s->C, p->k = s->O, p->b_row = p->c_row = (ptrdiff_t)nn__tile_row(s->C);
    p->b_column = 1, p->a_row = (ptrdiff_t)nn__tile_row(s->O), p->a_column = 1;
    if (j->dx) work = nn__winograd_filters(j, p, work);
    if (dw) j->dw = work, work += NN__AREAS * part;
    j->patches = work, j->room = nn__winograd_room(s, j->pool ? j->pool->s : NULL);
    nn__each(nn__winograd_backward_part, j, NN__AREAS, 2.0 * (double)j->B * (double)weights);
    for (size_t i = 0; dw && i < NN__AREAS; i++) nn__add_to(dw, j->dw + i * part, weights);
}

/* ---- depthwise: one multiply-add of whole pixels for each tap ----
   w is turned into (KH KW, C) first, so that it lies as the pixels do. */
static void nn__mul_add(nn_real *y, const nn_real *a, const nn_real *b, size_t n)
{
    if (n >= NN__SHORT && nn__vector()) nn__vector()->mul_add(y, a, b, n);
    else
        for (size_t i = 0; i < n; i++) y[i] += a[i] * b[i];
}

/* Image b of y or of dx. */
static void nn__depthwise_image(const nn__job *j, int b)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)s->C, P = (size_t)s->OH * (size_t)s->OW;
    size_t o = (size_t)b * P * C;
    for (int p = 0; p < (int)P; p++, o += C) {
        for (size_t c = 0; j->y && c < C; c++) j->y[o + c] = j->b ? j->b[c] : 0;
        for (int k = 0; k < s->KH * s->KW; k++) {
            const ptrdiff_t at = nn__tap(s, b, p, k);
            const nn_real *w = j->patches + (size_t)k * C;
            if (at >= 0 && j->y) nn__mul_add(j->y + o, j->x + at, w, C);
            else if (at >= 0) nn__mul_add(j->dx + at, j->dy + o, w, C);
        }
    }
    nn_real *y = j->y + (size_t)b * P * C;
    if (j->finish) j->finish(y, y, P * C, j->alpha);
}

/* Tap k of dw, image by image: shorter sums round less. */
static void nn__depthwise_tap(const nn__job *j, int k)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)s->C, P = (size_t)s->OH * (size_t)s->OW;
    const nn_real *dy = j->dy;
    nn_real *part = j->patches + (size_t)k * C;
    for (int b = 0; b < j->B; b++) {
        memset(part, 0, C * sizeof *part);
        for (int p = 0; p < (int)P; p++, dy += C) {
            const ptrdiff_t at = nn__tap(s, b, p, k);
            if (at >= 0) nn__mul_add(part, j->x + at, dy, C);
        }
        for (size_t c = 0; c < C; c++) j->dw[c * (size_t)(s->KH * s->KW) + (size_t)k] += part[c];
    }
}

/* y, or dx and dw, as far as they are not NULL. */
static void nn__depthwise(const nn__job *j)
{
    const size_t C = (size_t)j->s->C, K = nn__patch_size(j->s);
    const double operations = (double)(nn__outputs(j->B, j->s) * C) * (double)K;
    for (size_t i = 0; i < K * C; i++) j->patches[i] = j->w[i % C * K + i / C];
    if (j->y || j->dx) nn__each(nn__depthwise_image, j, j->B, operations);
    if (j->dw) nn__each(nn__depthwise_tap, j, (int)K, operations);
}

/* ---- which way ---- */

static bool nn__is_dense(const nn_window *s) /* every output sees one pixel, its own */
{
    return s->KH == 1 && s->KW == 1 && s->SH == 1 && s->SW == 1 && s->G == 1;
}

static bool nn__is_depthwise(const nn_window *s)
{
    return s->G == s->C && s->O == s->C && s->C > 1;
}

/* One group goes place by place where the images of a batch fill a tile. */
static bool nn__conv2d_by_place(const nn_window *s, int B)
{
    return s->G == 1 && B >= NN__SHORT;
}

static size_t nn__patches_work_size(int B, const nn_window *s)
{
    const int rows = nn__patch_rows(B, s), K = (int)nn__patch_size(s), O = s->O / s->G;
    return (size_t)rows * (size_t)(K + O) + nn_dense_work_size(rows, K, O);
}

static size_t nn__conv2d_work_size(int B, const nn_window *s, const nn_window *pool)
{
    const size_t K = nn__patch_size(s), all = K * (size_t)s->O;
    const bool stride = s->SH > 1 || s->SW > 1; /* dx needs patches then */
    if (nn__is_dense(s)) return nn_dense_work_size(B * s->H * s->W, s->C, s->O);
    if (nn__is_depthwise(s)) return K * (size_t)s->C;
    if (nn__is_winograd(s, pool ? NN__SHORT : B)) /* smaller batches go another way */
        return NN__MAX(nn__winograd_work_size(s, pool),
                       nn__conv2d_work_size(NN__MIN(B, NN__SHORT - 1), s, NULL));
    size_t patches = nn__patches_work_size(
        nn__conv2d_by_place(s, B) && !stride ? NN__MIN(B, NN__SHORT - 1) : B, s);
    if (s->G > 1) return patches;
    size_t dw = K + (size_t)NN__MIN(B, NN__PARTS_OF_BATCH) * nn__dw_room(s, pool);
    size_t y = nn__images_work_size(B, s);
    size_t dx = all + nn_matmul_work_size(B, s->C, s->KH * s->KW * s->O);
    y = NN__MAX(y, dx), dw = NN__MAX(dw, patches);
    return NN__MAX(y, dw);
}

NN_API size_t nn_conv2d_work_size(int B, const nn_window *s)
{
    return nn__conv2d_work_size(B, s, NULL);
}

static void nn__conv2d_run(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b, int B,
                           const nn_window *s, nn_activation activation, double alpha,
                           const nn__job *pool, nn_real *work)
{
    nn__job j = NN__EMPTY;
    const size_t block = (size_t)nn__patch_rows(B, s);
    nn_real *part = work + block * nn__patch_size(s);
    j.s = s, j.B = B, j.y = y, j.x = x, j.w = w, j.b = b, j.patches = work;
    j.finish = activation == NN_LINEAR ? NULL : nn__pointwise_of(activation)->forward;
    j.alpha = (nn_real)alpha, j.pool = pool;
    if (nn__is_dense(s))
        nn__dense_run(y, x, w, b, B * s->H * s->W, s->C, s->O, activation, alpha, work);
    else if (nn__is_depthwise(s)) nn__depthwise(&j);
    else if (nn__is_winograd(s, B)) nn__winograd_y(&j, work);
    else if (s->G == 1) nn__images(&j, y, x, w, 1, (ptrdiff_t)nn__patch_size(s), work);
    else nn__conv2d_y(&j, part, part + block * (size_t)(s->O / s->G));
}

NN_API void nn_conv2d_forward(nn_real *y, const nn_real *x, const nn_real *w, const nn_real *b,
                              int B, const nn_window *s, nn_real *work)
{
    nn__conv2d_run(y, x, w, b, B, s, NN_LINEAR, 0, NULL, work);
}

/* Sums of dy: image by image, since shorter sums round less. */
static void nn__conv2d_db(const nn__job *j, nn_real *db, nn_real *work)
{
    const size_t O = (size_t)j->s->O, P = (size_t)j->s->OH * (size_t)j->s->OW;
    for (size_t b = 0; b < (size_t)j->B; b++) {
        memset(work, 0, O * sizeof *work);
        nn__bias_backward(work, j->dy + b * P * O, (int)P, j->s->O);
        nn__add_to(db, work, O);
    }
}

static void nn__conv2d_backward(nn__job *j, nn_real *db, nn_real *work)
{
    const nn_window *s = j->s;
    const size_t block = (size_t)nn__patch_rows(j->B, s), O = (size_t)s->O;
    nn_real *part = work + block * nn__patch_size(s), *rest = part + block * (O / (size_t)s->G);
    nn__job again = *j;
    if (nn__is_dense(s))
        nn_dense_backward(j->dx, j->dw, NULL, j->dy, j->x, j->w, j->B * s->H * s->W, s->C, s->O,
                          work);
    else if (nn__is_depthwise(s)) nn__depthwise(j);
    else if (nn__is_winograd(s, j->pool ? NN__SHORT : j->B)) nn__winograd_backward(j, work);
    else {
        if (j->dw && s->G == 1) nn__places_dw(j, work);
        else if (j->dw) nn__conv2d_dw(j, part, rest);
        if (j->dx && nn__conv2d_by_place(s, j->B) && s->SH == 1 && s->SW == 1)
            nn__places_dx(&again, work);
        else if (j->dx) nn__conv2d_dx(&again, part, rest);
    }
    if (db && !j->pool) nn__conv2d_db(j, db, work);
}

NN_API void nn_conv2d_backward(nn_real *dx, nn_real *dw, nn_real *db, const nn_real *dy,
                               const nn_real *x, const nn_real *w, int B, const nn_window *s,
                               nn_real *work)
{
    nn__job j = NN__EMPTY;
    j.s = s, j.B = B, j.dx = dx, j.dw = dw, j.dy = dy, j.x = x, j.w = w, j.patches = work;
    nn__conv2d_backward(&j, db, work);
}

/* ---- pooling ------------------------------------------------------------ >>kernels/pool2d
   x, dx (B, H, W, C); y, dy (B, OH, OW, C). Over the pixels of a window that lie in the image:

     max    y = the largest x, or NaN where there is one;  dx += dy where the first such x is
     mean   y = the sum of x / n, their number;            dx += dy / n for each of them

   The pixels of a window are h rows of w, `row` numbers apart. */
/* Which pixel of the window is the largest in channel c. */
static int nn__winner(const nn_real *x, int h, int w, size_t row, size_t C, size_t c)
{
    int winner = 0;
    nn_real best = x[c];
    for (int i = 1; i < h * w; i++) {
        const nn_real v = x[(size_t)(i / w) * row + (size_t)(i % w) * C + c];
        if (v > best || (v != v && best == best)) best = v, winner = i;
    }
    return winner;
}

static void nn__max_window_ref(nn_real *y, int *winner, const nn_real *x, int h, int w, size_t row,
                               size_t C)
{
    for (size_t c = 0; c < C; c++) {
        const int i = nn__winner(x, h, w, row, C, c);
        y[c] = x[(size_t)(i / w) * row + (size_t)(i % w) * C + c];
        if (winner) winner[c] = i;
    }
}

static void nn__max_window_backward_ref(nn_real *dx, const nn_real *dy, const int *winner, int w,
                                        size_t row, size_t C)
{
    for (size_t c = 0; c < C; c++)
        dx[(size_t)(winner[c] / w) * row + (size_t)(winner[c] % w) * C + c] += dy[c];
}

static void nn__mean_window(nn_real *y, const nn_real *x, int h, int w, size_t row, size_t C)
{
    const nn_real n = (nn_real)(h * w);
    memset(y, 0, C * sizeof *y);
    for (int i = 0; i < h * w; i++)
        nn__add_to(y, x + (size_t)(i / w) * row + (size_t)(i % w) * C, C);
    for (size_t c = 0; c < C; c++) y[c] /= n;
}

static void nn__mean_window_backward(nn_real *dx, const nn_real *dy, int h, int w, size_t row,
                                     size_t C)
{
    const nn_real n = (nn_real)(h * w);
    for (int i = 0; i < h * w; i++)
        for (size_t c = 0; c < C; c++)
            dx[(size_t)(i / w) * row + (size_t)(i % w) * C + c] += dy[c] / n;
}

/* The window of output p: where its first pixel is in the image, how many rows and columns. */
static size_t nn__window_at(const nn_window *s, int p, int *h, int *w)
{
    const int iy = p / s->OW * s->SH - s->top, ix = p % s->OW * s->SW - s->left;
    const int y0 = NN__MAX(iy, 0), x0 = NN__MAX(ix, 0);
    *h = NN__MIN(s->H - iy, s->KH) - (y0 - iy);
    *w = NN__MIN(s->W - ix, s->KW) - (x0 - ix);
    return ((size_t)y0 * (size_t)s->W + (size_t)x0) * (size_t)s->C;
}

/* How many windows can go together: a row of them, where none is cut off. */
static int nn__windows_in_row(const nn_window *s)
{
    return s->left == 0 && (s->OW - 1) * s->SW + s->KW <= s->W ? s->OW : 1;
}

/* Image b of y. */
static void nn__pool_y(const nn__job *j, int b)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)s->C, row = (size_t)s->W * C, P = (size_t)s->OH * (size_t)s->OW;
    const bool fast = C >= NN__SHORT && nn__vector() && !j->average;
    const int n = fast ? nn__windows_in_row(s) : 1;
    int h, w;
    for (int p = 0; p < (int)P; p += n) {
        const nn_real *x = j->x + (size_t)b * (size_t)s->H * row + nn__window_at(s, p, &h, &w);
        const size_t at = ((size_t)b * P + (size_t)p) * C, step = (size_t)s->SW * C;
        int *winner = j->winner ? j->winner + at : NULL;
        if (j->average) nn__mean_window(j->y + at, x, h, w, row, C);
        else if (fast)
            nn__vector()->max_windows(j->y + at, winner, x, h, w, row, C, (size_t)n, step);
        else nn__max_window_ref(j->y + at, winner, x, h, w, row, C);
    }
}

/* Whether the windows lie side by side and leave nothing out. */
static bool nn__windows_tile(const nn_window *s)
{
    return s->KH == s->SH && s->KW == s->SW && s->OH * s->KH == s->H && s->OW * s->KW == s->W;
}

/* An image of dx, which is zeroed first where it is not to be added to. */
static void nn__pool_image_dx(const nn__job *j, nn_real *dx, int b, const nn_real *dy)
{
    const nn_window *s = j->s;
    const size_t C = (size_t)s->C, row = (size_t)s->W * C, P = (size_t)s->OH * (size_t)s->OW;
    const bool fast = C >= NN__SHORT && nn__vector() && !j->average;
    const bool add = j->add || !(fast && nn__windows_tile(s));
    const int *winner = j->winner + (j->average ? 0 : (size_t)b * P * C);
    const size_t n = fast ? (size_t)nn__windows_in_row(s) : 1, step = (size_t)s->SW * C;
    int h, w;
    if (!j->add && add) memset(dx, 0, (size_t)s->H * row * sizeof *dx);
    for (size_t p = 0; p < P; p += n, dy += n * C) {
        nn_real *to = dx + nn__window_at(s, (int)p, &h, &w);
        if (j->average) nn__mean_window_backward(to, dy, h, w, row, C);
        else if (fast)
            nn__vector()->max_windows_backward(to, dy, winner + p * C, h, w, row, C, n, step, add);
        else nn__max_window_backward_ref(to, dy, winner + p * C, w, row, C);
    }
}

static void nn__pool_dx(const nn__job *j, int b)
{
    const nn_window *s = j->s;
    const size_t image = (size_t)s->H * (size_t)s->W * (size_t)s->C;
    const size_t pooled = (size_t)s->OH * (size_t)s->OW * (size_t)s->C;
    nn__pool_image_dx(j, j->dx + (size_t)b * image, b, j->dy + (size_t)b * pooled);
}

/* dy of pooled image b, times the slope of the activation; its sums are added to part i of db. The
   pooled y has passed the activation, so its slope there is that of the winning pixel. */
static void nn__dy_pooled(const nn__job *j, nn_real *dy, int i, int b)
{
    const nn_window *t = j->pool->s;
    const size_t n = (size_t)t->OH * (size_t)t->OW * (size_t)t->C, at = (size_t)b * n;
    memcpy(dy, j->pool->dy + at, n * sizeof *dy);
    if (j->pool->activation != NN_LINEAR)
        nn__activation_in_place(j->pool->activation, dy, j->pool->output + at, n, j->pool->alpha);
    nn__bias_backward(j->db + (size_t)i * (size_t)t->C, dy, t->OH * t->OW, t->C);
}

/* Image b of dy; for a convolution with max pooling behind it in `to`, where it stays in the
   cache. */
static const nn_real *nn__dy_image(const nn__job *j, nn_real *to, nn_real *pooled, int i, int b)
{
    const nn_window *s = j->s;
    if (!j->pool) return j->dy + (size_t)b * (size_t)s->OH * (size_t)s->OW * (size_t)s->O;
    nn__dy_pooled(j, pooled, i, b);
    nn__pool_image_dx(j->pool, to, b, pooled);
    return to;
}

static void nn__pool_forward(nn_real *y, int *winner, const nn_real *x, int B, const nn_window *s,
                             bool average)
{
    nn__job j = NN__EMPTY;
    j.y = y, j.winner = winner, j.x = x, j.s = s, j.average = average;
    nn__each(nn__pool_y, &j, B, (double)nn__outputs(B, s) * s->C * s->KH * s->KW);
}

static void nn__pool_backward(nn_real *dx, const nn_real *dy, int *winner, int B,
                              const nn_window *s, bool average, bool add)
{
    nn__job j = NN__EMPTY;
    j.dx = dx, j.dy = dy, j.winner = winner, j.s = s, j.average = average, j.add = add;
    nn__each(nn__pool_dx, &j, B, (double)nn__outputs(B, s) * s->C * s->KH * s->KW);
}

NN_API void nn_max_pool2d_forward(nn_real *y, const nn_real *x, int B, const nn_window *s)
{
    nn__pool_forward(y, NULL, x, B, s, false);
}

/* A graph keeps the winners of forward; here they are found again. */
NN_API void nn_max_pool2d_backward(nn_real *dx, const nn_real *dy, const nn_real *x,
                                   const nn_real *y, int B, const nn_window *s)
{
    const size_t C = (size_t)s->C, row = (size_t)s->W * C, P = (size_t)s->OH * (size_t)s->OW;
    int h, w;
    (void)y;
    for (size_t p = 0; p < (size_t)B * P; p++, dy += C) {
        const size_t at = p / P * (size_t)s->H * row + nn__window_at(s, (int)(p % P), &h, &w);
        for (size_t c = 0; c < C; c++) {
            const int i = nn__winner(x + at, h, w, row, C, c);
            dx[at + (size_t)(i / w) * row + (size_t)(i % w) * C + c] += dy[c];
        }
    }
}

NN_API void nn_avg_pool2d_forward(nn_real *y, const nn_real *x, int B, const nn_window *s)
{
    nn__pool_forward(y, NULL, x, B, s, true);
}

NN_API void nn_avg_pool2d_backward(nn_real *dx, const nn_real *dy, int B, const nn_window *s)
{
    nn__pool_backward(dx, dy, NULL, B, s, true, true);
}

/* ---- batch norm ------------------------------------------------------ >>kernels/batch_norm
   x, dx, y, dy (N, C): all numbers of channel c, whatever row, image or pixel they belong to.

     forward    m = mean of x,  v = mean of (x - m)²,  r = 1 / sqrt(v + epsilon)
                x' = (x - m) r,   y = gamma x' + beta
     backward   dbeta += sum of dy,   dgamma += sum of dy x'
                dx += gamma r (dy - mean of dy - x' mean of dy x')
                and with given m and v, which do not depend on x,  dx += gamma r dy

   Ioffe and Szegedy 2015. Two passes, in double, of what is left after taking off the first number:
   E[x²] - m² would lose all digits where m is large, and a constant channel gives exactly beta. */
enum { NN__CHANNELS = 16 }; /* a piece: what a line of the cache holds of a row */

/* Mean and variance of n <= NN__CHANNELS channels; rows are C numbers apart. */
static void nn__moments(const nn_real *x, int N, int C, int n, nn_real *mean, nn_real *variance)
{
    double sum[NN__CHANNELS] = { 0 }, squares[NN__CHANNELS] = { 0 };
    const nn_real *x_i = x;
    for (int i = 0; i < N; i++, x_i += C)
        for (int c = 0; c < n; c++) sum[c] += (double)x_i[c] - (double)x[c];
    for (int c = 0; c < n; c++) sum[c] = sum[c] / N + (double)x[c];
    x_i = x;
    for (int i = 0; i < N; i++, x_i += C)
        for (int c = 0; c < n; c++) {
            const double d = (double)x_i[c] - sum[c];
            squares[c] += d * d;
        }
    for (int c = 0; c < n; c++) mean[c] = (nn_real)sum[c], variance[c] = (nn_real)(squares[c] / N);
}

static nn_real nn__rate_of(nn_real variance, double epsilon) /* r */
{
    return (nn_real)(1 / sqrt((double)variance + epsilon));
}

/* Piece i of the channels. */
static void nn__batch_norm_y(const nn__job *j, int i)
{
    const int C = j->C, from = i * NN__CHANNELS, n = NN__MIN(C - from, (int)NN__CHANNELS);
    const nn_real *x = j->x + from, *gamma = j->w + from, *beta = j->b + from;
    nn_real r[NN__CHANNELS], *m = j->mean + from, *v = j->variance + from, *y = j->y + from;
    if (j->training) nn__moments(x, j->N, C, n, m, v);
    for (int c = 0; c < n; c++) r[c] = nn__rate_of(v[c], j->epsilon);
    for (int k = 0; k < j->N; k++, x += C, y += C)
        for (int c = 0; c < n; c++) y[c] = gamma[c] * ((x[c] - m[c]) * r[c]) + beta[c];
}

static void nn__batch_norm_dx(const nn__job *j, int i)
{
    const int C = j->C, from = i * NN__CHANNELS, n = NN__MIN(C - from, (int)NN__CHANNELS);
    const nn_real *x = j->x + from, *dy = j->dy + from, *gamma = j->w + from;
    const nn_real *m = j->mean + from, *v = j->variance + from;
    double sum[NN__CHANNELS] = { 0 }, product[NN__CHANNELS] = { 0 };
    nn_real r[NN__CHANNELS], a[NN__CHANNELS], b[NN__CHANNELS], *dx = j->dx + from;
    for (int c = 0; c < n; c++) r[c] = nn__rate_of(v[c], j->epsilon);
    for (int k = 0; k < j->N; k++, x += C, dy += C)
        for (int c = 0; c < n; c++) {
            sum[c] += (double)dy[c];
            product[c] += (double)(dy[c] * ((x[c] - m[c]) * r[c]));
        }
    for (int c = 0; c < n; c++) {
        if (j->db) j->db[from + c] += (nn_real)sum[c];
        if (j->dw) j->dw[from + c] += (nn_real)product[c];
        a[c] = j->training ? (nn_real)(sum[c] / j->N) : 0;
        b[c] = j->training ? (nn_real)(product[c] / j->N) : 0;
    }
    x = j->x + from, dy = j->dy + from;
    for (int k = 0; j->dx && k < j->N; k++, x += C, dy += C, dx += C)
        for (int c = 0; c < n; c++)
            dx[c] += gamma[c] * r[c] * (dy[c] - a[c] - (x[c] - m[c]) * r[c] * b[c]);
}

NN_API void nn_batch_norm_forward(nn_real *y, nn_real *mean, nn_real *variance, const nn_real *x,
                                  const nn_real *gamma, const nn_real *beta, int N, int C,
                                  double epsilon, bool training)
{
    nn__job j = NN__EMPTY;
    j.y = y, j.mean = mean, j.variance = variance, j.x = x, j.w = gamma, j.b = beta;
    j.N = N, j.C = C, j.epsilon = epsilon, j.training = training;
    nn__each(nn__batch_norm_y, &j, (C + NN__CHANNELS - 1) / NN__CHANNELS, 3.0 * N * C);
}

NN_API void nn_batch_norm_backward(nn_real *dx, nn_real *dgamma, nn_real *dbeta, const nn_real *dy,
                                   const nn_real *x, const nn_real *gamma, nn_real *mean,
                                   nn_real *variance, int N, int C, double epsilon, bool training)
{
    nn__job j = NN__EMPTY;
    j.dx = dx, j.dw = dgamma, j.db = dbeta, j.dy = dy, j.x = x, j.w = gamma;
    j.mean = mean, j.variance = variance;
    j.N = N, j.C = C, j.epsilon = epsilon, j.training = training;
    nn__each(nn__batch_norm_dx, &j, (C + NN__CHANNELS - 1) / NN__CHANNELS, 3.0 * N * C);
}

/* ---- layer norm ------------------------------------------------------ >>kernels/layer_norm
   The same along the rows of (N, C): m, v and r belong to a row, gamma and beta (C) to a column.

     forward    y = gamma x' + beta
     backward   dbeta += sum over rows of dy,   dgamma += sum over rows of dy x'
                dx += r (g - mean of g - x' mean of g x'),   g = gamma dy, means over the row

   Ba, Kiros and Hinton 2016. Backward computes m and r again: cheaper than keeping them. */
NN_API void nn_layer_norm_forward(nn_real *y, const nn_real *x, const nn_real *gamma,
                                  const nn_real *beta, int N, int C, double epsilon)
{
    for (int i = 0; i < N; i++, x += C, y += C) {
        nn_real m, v;
        nn__moments(x, C, 1, 1, &m, &v);
        const nn_real r = nn__rate_of(v, epsilon);
        for (int c = 0; c < C; c++) y[c] = gamma[c] * ((x[c] - m) * r) + beta[c];
    }
}

NN_API void nn_layer_norm_backward(nn_real *dx, nn_real *dgamma, nn_real *dbeta, const nn_real *dy,
                                   const nn_real *x, const nn_real *gamma, int N, int C,
                                   double epsilon)
{
    for (int i = 0; i < N; i++, x += C, dy += C) {
        nn_real m, v;
        double sum = 0, product = 0;
        nn__moments(x, C, 1, 1, &m, &v);
        const nn_real r = nn__rate_of(v, epsilon);
        for (int c = 0; c < C; c++) {
            const nn_real g = gamma[c] * dy[c], x_c = (x[c] - m) * r;
            sum += (double)g, product += (double)(g * x_c);
            if (dgamma) dgamma[c] += dy[c] * x_c;
            if (dbeta) dbeta[c] += dy[c];
        }
        const nn_real a = (nn_real)(sum / C), b = (nn_real)(product / C);
        nn_real *dx_i = dx + (size_t)i * (size_t)C;
        for (int c = 0; dx && c < C; c++)
            dx_i[c] += r * (gamma[c] * dy[c] - a - (x[c] - m) * r * b);
    }
}

/* ---- penalties -------------------------------------------------------- >>kernels/penalty
   l1 sum |w| + l2 sum w²  [F6.1, F6.2];   dw += l1 sign(w) + 2 l2 w.  At w = 0 the sign is 0. */
static double nn__penalty_forward(const nn_real *w, size_t n, double l1, double l2)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += fabs((double)w[i]);
        squares += (double)w[i] * (double)w[i];
    }
    return l1 * sum + l2 * squares;
}

static void nn__penalty_backward(nn_real *dw, const nn_real *w, size_t n, double l1, double l2)
{
    for (size_t i = 0; i < n; i++)
        dw[i] += (nn_real)l1 * (nn_real)((w[i] > 0) - (w[i] < 0)) + (nn_real)(2 * l2) * w[i];
}

/* ---- optimizers ----------------------------------------------------- >>kernels/optimizer
   One pass over parameter, gradient and state; the formulas stand at the declarations.  [F5] */
static void nn__sgd_ref(nn_real *w, const nn_real *g, nn_real *v, size_t n, nn_real rate,
                        nn_real mu, bool nesterov, nn_real decay)
{
    for (size_t i = 0; i < n; i++) {
        nn_real step = g[i] + decay * w[i];
        if (v) {
            v[i] = mu * v[i] + step;
            step = nesterov ? step + mu * v[i] : v[i];
        }
        w[i] -= rate * step;
    }
}

NN_API void nn_sgd_step(nn_real *w, const nn_real *g, nn_real *v, size_t n, double lr,
                        double momentum, bool nesterov, double weight_decay)
{
    const nn_real rate = (nn_real)lr, mu = (nn_real)momentum, decay = (nn_real)weight_decay;
    NN_ASSERT(n == 0 || (w && g && (v || momentum == 0)));
    if (nn__vector()) nn__vector()->sgd(w, g, v, n, rate, mu, nesterov, decay);
    else nn__sgd_ref(w, g, v, n, rate, mu, nesterov, decay);
}

static void nn__rmsprop_ref(nn_real *w, const nn_real *g, nn_real *s, nn_real *v, size_t n,
                            const nn__rmsprop *k)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g_i = g[i] + k->decay * w[i];
        s[i] = k->rho * s[i] + k->rest * g_i * g_i;
        nn_real step = g_i / (NN__LIBM(sqrt)(s[i]) + k->epsilon);
        if (v) step = v[i] = k->momentum * v[i] + step;
        w[i] -= k->rate * step;
    }
}

NN_API void nn_rmsprop_step(nn_real *w, const nn_real *g, nn_real *s, nn_real *v, size_t n,
                            double lr, double rho, double epsilon, double momentum,
                            double weight_decay)
{
    nn__rmsprop k;
    NN_ASSERT(n == 0 || (w && g && s && (v || momentum == 0)));
    k.rate = (nn_real)lr, k.rho = (nn_real)rho, k.rest = (nn_real)(1 - rho);
    k.epsilon = (nn_real)epsilon, k.momentum = (nn_real)momentum, k.decay = (nn_real)weight_decay;
    if (nn__vector()) nn__vector()->rmsprop(w, g, s, v, n, &k);
    else nn__rmsprop_ref(w, g, s, v, n, &k);
}

/* Plain SGD on w (O, I) where the gradient is one outer product, dyᵀ x: dense, at batch 1. It need
   not be written down, and a unit whose dy is 0, such as a ReLU at rest, keeps its row. */
static void nn__sgd_outer(nn_real *w, const nn_real *dy, const nn_real *x, int O, int I, double lr)
{
    const nn_real rate = (nn_real)lr;
    for (int o = 0; o < O; o++, w += I)
        if (dy[o] == 0) continue;
        else if (nn__vector()) nn__vector()->outer(w, dy[o], x, (size_t)I, rate);
        else
            for (int i = 0; i < I; i++) w[i] -= rate * (dy[o] * x[i]);
}

static void nn__adam_ref(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n,
                         const nn__adam *k)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g_i = g[i] + k->decay * w[i];
        m[i] = k->beta1 * m[i] + k->rest1 * g_i;
        s[i] = k->beta2 * s[i] + k->rest2 * g_i * g_i;
        w[i] = k->shrink * w[i] - k->rate * m[i] / (NN__LIBM(sqrt)(s[i]) * k->root + k->epsilon);
    }
}

static void nn__adam_run(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, double lr,
                         double beta1, double beta2, double epsilon, long t, double decay,
                         double shrink)
{
    nn__adam k;
    NN_ASSERT(t >= 1 && (n == 0 || (w && g && m && s)));
    k.beta1 = (nn_real)beta1, k.rest1 = (nn_real)(1 - beta1);
    k.beta2 = (nn_real)beta2, k.rest2 = (nn_real)(1 - beta2);
    k.rate = (nn_real)(lr / (1 - pow(beta1, (double)t)));
    k.root = (nn_real)(1 / sqrt(1 - pow(beta2, (double)t)));
    k.epsilon = (nn_real)epsilon;
    k.decay = (nn_real)decay, k.shrink = (nn_real)shrink;
    if (nn__vector()) nn__vector()->adam(w, g, m, s, n, &k);
    else nn__adam_ref(w, g, m, s, n, &k);
}

NN_API void nn_adam_step(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, double lr,
                         double beta1, double beta2, double epsilon, long t, double weight_decay)
{
    nn__adam_run(w, g, m, s, n, lr, beta1, beta2, epsilon, t, weight_decay, 1);
}

NN_API void nn_adamw_step(nn_real *w, const nn_real *g, nn_real *m, nn_real *s, size_t n, double lr,
                          double beta1, double beta2, double epsilon, long t, double weight_decay)
{
    nn__adam_run(w, g, m, s, n, lr, beta1, beta2, epsilon, t, 0, 1 - lr * weight_decay);
}

/* Four sums side by side: as exact as one, and they need not wait for each other. */
static double nn__norm_ref(const nn_real *g, size_t n)
{
    double sum[4] = { 0, 0, 0, 0 };
    for (size_t i = 0; i < n; i++) sum[i & 3] += (double)g[i] * (double)g[i];
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

NN_API double nn_norm(const nn_real *g, size_t n)
{
    return nn__vector() ? sqrt(nn__vector()->squares(g, n)) : nn__norm_ref(g, n);
}

/* ---- scores ---------------------------------------------------------- >>kernels/score */
NN_API int nn_argmax(const nn_real *x, int n)
{
    int best = 0;
    NN_ASSERT(x && n > 0);
    for (int i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

NN_API void nn_confusion_add(int *counts, const int *label, const int *predicted, int n, int C)
{
    for (int i = 0; i < n; i++) {
        NN_ASSERT(label[i] >= 0 && label[i] < C && predicted[i] >= 0 && predicted[i] < C);
        counts[(size_t)label[i] * (size_t)C + (size_t)predicted[i]]++;
    }
}

NN_API nn_class_score nn_class_score_of(const int *counts, int C, int class_index)
{
    nn_class_score score = NN__EMPTY;
    double called = 0, right = counts[(size_t)class_index * (size_t)C + (size_t)class_index];
    for (int i = 0; i < C; i++) {
        score.support += counts[(size_t)class_index * (size_t)C + (size_t)i];
        called += counts[(size_t)i * (size_t)C + (size_t)class_index];
    }
    if (called > 0) score.precision = right / called;
    if (score.support > 0) score.recall = right / score.support;
    if (score.precision + score.recall > 0)
        score.f1 = 2 * score.precision * score.recall / (score.precision + score.recall);
    return score;
}

/* ======================================================================== >>data ========== */

static const size_t nn__type_size[] = { sizeof(nn_real), sizeof(uint8_t), sizeof(int32_t) };

/* offset and factor are one block, and so are the pointers and the letters of a list of names:
   one allocation that can fail, one to free. */
static void nn__array_free(nn_array *a)
{
    nn__free(a->values);
    nn__free(a->offset);
}

NN_API void nn_data_free(nn_data *data)
{
    if (!data) return;
    for (int i = 0; i < NN_MAX_INPUTS; i++) nn__array_free(&data->x[i]);
    nn__array_free(&data->y);
    nn__free(data->weight);
    nn__free(data->class_name);
    nn__free(data->feature_name);
    memset(data, 0, sizeof *data);
}

/* The end of every call that fails: an empty set that remembers why. */
static nn_status nn__data_failed(nn_data *data, nn_status status)
{
    nn_data_free(data);
    if (data) data->status = status;
    return status;
}

/* The end of a call that fails to change a set: the set keeps what it has, and later calls fail. */
static nn_status nn__data_spoiled(nn_data *data, nn_status status)
{
    if (data) data->status = status;
    return status;
}

/* A set whose loading failed passes its status on and leaves the first sentence as it is. */
static nn_status nn__data_check(const nn_data *data, nn_place at, const char *call)
{
    if (!data)
        return nn__fail(at, NN_ERR_ARGUMENT, call, "the data set is NULL; pass its address, &data");
    if (data->status) return data->status;
    if (data->n <= 0)
        return nn__fail(
            at, NN_ERR_STATE, call,
            "the data set is empty; fill it first, with nn_load_csv, nn_load_idx or nn_data_from");
    return NN_OK;
}

/* ---- arrays, names ------------------------------------------------------------------------- */

/* Sets type and shape, and allocates n values of it. */
static nn_status nn__array_make(nn_array *a, nn_type type, const int *shape, int n, nn_place at,
                                const char *call)
{
    size_t total;
    a->type = type;
    a->size = 1;
    a->rank = 0;
    for (int d = 0; d < NN_MAX_RANK; d++) {
        if (shape[d] < 0 || (shape[d] > 0 && a->rank < d))
            return nn__fail(at, NN_ERR_ARGUMENT, call,
                            "the shape (%d, %d, %d, %d) is none: dimensions are positive, and "
                            "zeros stand at the end",
                            shape[0], shape[1], shape[2], shape[3]);
        if (shape[d] == 0) continue;
        a->dim[a->rank++] = shape[d];
        if (!nn__mul(a->size, (size_t)shape[d], &a->size))
            return nn__fail_memory(at, call, "the data");
    }
    if (nn__mul((size_t)n, a->size, &total)) a->values = nn__alloc(total, nn__type_size[type]);
    return a->values ? NN_OK : nn__fail_memory(at, call, "the data");
}

/* Room for a scaling of so many pairs, which the caller fills. */
static bool nn__array_scaling(nn_array *a, size_t scalings)
{
    size_t two;
    nn_real *pairs = nn__mul(scalings, 2, &two) ? (nn_real *)nn__alloc(two, sizeof *pairs) : NULL;
    if (!pairs) return false;
    nn__free(a->offset);
    a->scalings = scalings;
    a->offset = pairs;
    a->factor = pairs + scalings;
    return true;
}

/* Bytes 0 .. 255 are seen as 0 .. 1 until a scaling is fitted. */
static bool nn__array_scale_bytes(nn_array *a)
{
    if (!nn__array_scaling(a, 1)) return false;
    a->offset[0] = 0;
    a->factor[0] = (nn_real)(1.0 / 255.0);
    return true;
}

/* A copy of n names, all in one block: the pointers, then the letters. */
static char **nn__copy_names(char *const *names, size_t n)
{
    size_t bytes;
    if (!nn__mul(n, sizeof *names, &bytes)) return NULL;
    for (size_t i = 0; i < n; i++) bytes += strlen(names[i]) + 1;
    char **copy = (char **)nn__alloc(bytes, 1);
    if (!copy) return NULL;
    char *letters = (char *)(copy + n);
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(names[i]) + 1;
        copy[i] = (char *)memcpy(letters, names[i], size);
        letters += size;
    }
    return copy;
}

/* The block with twice the room. Where there is no memory the old one is freed as well. */
static void *nn__grow(void *memory, size_t *room, size_t size)
{
    size_t old = *room;
    void *larger = nn__mul(NN__MAX(old, 8), 2, room) ? nn__alloc(*room, size) : NULL;
    if (larger && memory) memcpy(larger, memory, old * size);
    nn__free(memory);
    return larger;
}

/* Reads all of a file, which may be a pipe. One byte behind the text is free for a closing zero. */
static nn_status nn__read_file(nn_place at, const char *call, const char *path, char **text,
                               size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return nn__fail(at, NN_ERR_FILE, call,
                        "cannot open '%s': %s; a relative path starts in the folder from which the "
                        "program is run",
                        path, strerror(errno));
    size_t used = 0, got, room = 1 << 15;
    char *bytes = (char *)nn__grow(NULL, &room, 1);
    while (bytes && (got = fread(bytes + used, 1, room - used, file)) > 0)
        if ((used += got) == room) bytes = (char *)nn__grow(bytes, &room, 1);
    nn_status status = NN_OK;
    if (!bytes) status = nn__fail_memory(at, call, path);
    else if (ferror(file))
        status = nn__fail(at, NN_ERR_FILE, call, "cannot read '%s': %s; is it a file?", path,
                          strerror(errno));
    fclose(file);
    if (status) nn__free(bytes);
    else *text = bytes, *size = used;
    return status;
}

/* ---- files out ------------------------------------------------------------- >>data/out
   A writer collects all bytes in memory; then they are published in one go. */

/* fsync and stat, where the headers declare them; -std=c99 hides them. */
#if defined(__APPLE__) ||                                                                          \
    (defined(__unix__) && (!defined(__STRICT_ANSI__) || defined(_POSIX_C_SOURCE)))
#include <sys/stat.h>
#define NN__POSIX 1
#else
#define NN__POSIX 0
#endif
#ifdef _WIN32
#include <windows.h> /* rename does not replace there */
#endif

typedef struct nn__bytes {
    char *at;
    size_t used, room;
    bool failed; /* there was no memory */
    const char *bad; /* what cannot be written, as a sentence */
} nn__bytes;

static void nn__put(nn__bytes *out, const void *from, size_t n)
{
    while (!out->failed && out->room - out->used < n) {
        out->at = (char *)nn__grow(out->at, &out->room, 1);
        out->failed = !out->at;
    }
    if (!out->failed && n > 0) memcpy(out->at + out->used, from, n);
    out->used += n;
}

NN__PRINTF(2, 3) static void nn__putf(nn__bytes *out, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    nn__put(out, text, strlen(text));
}

/* The name to write to: a new one beside path, or path itself where that is a pipe or a device. */
static char *nn__temporary(const char *path, bool *plain)
{
    size_t size = strlen(path) + 16;
    char *name = (char *)nn__alloc(size, 1);
    uint64_t mark = (uint64_t)(uintptr_t)name ^ ((uint64_t)time(NULL) << 20);
    *plain = true;
#if NN__POSIX
    struct stat s;
    *plain = stat(path, &s) != 0 || S_ISREG(s.st_mode);
    mark ^= (uint64_t)getpid() << 40;
#endif
    if (name && *plain)
        snprintf(name, size, "%s.%08lx.tmp", path, (unsigned long)(nn__mix(mark) & 0xffffffff));
    else if (name) nn__copy_text(name, size, path);
    return name;
}

/* Forces a file to the disk, or a folder's list of names. */
static int nn__sync(FILE *file)
{
#if NN__POSIX
    return fsync(fileno(file));
#else
    (void)file;
    return 0;
#endif
}

static int nn__replace(const char *from, const char *to)
{
#ifdef _WIN32
    return MoveFileExA(from, to, 1 | 8) ? 0 : -1; /* replace existing, write through */
#else
    return rename(from, to);
#endif
}

/* After the rename: without this a power cut could bring the old name back. */
static void nn__sync_folder(char *path)
{
#if NN__POSIX
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    FILE *folder = fopen(slash ? path : ".", "rb"); /* a folder that cannot be read is left */
    if (folder) nn__sync(folder), fclose(folder);
#else
    (void)path;
#endif
}

/* Writes a file that is there as a whole, or not at all. */
static nn_status nn__write_file(nn_place at, const char *call, const char *path, const void *bytes,
                                size_t n)
{
    bool plain;
    char *name = nn__temporary(path, &plain);
    if (!name) return nn__fail_memory(at, call, "the name of a file");
    FILE *file = fopen(name, "wb");
    bool good = file && fwrite(bytes, 1, n, file) == n && fflush(file) == 0 &&
                (!plain || nn__sync(file) == 0);
    int error = errno;
    if (file && fclose(file) != 0 && good) good = false, error = errno;
    if (good && plain && nn__replace(name, path) != 0) good = false, error = errno;
    if (!good && file && plain) remove(name);
    if (good && plain) nn__sync_folder(name);
    nn__free(name);
    if (good) return NN_OK;
    return nn__fail(at, NN_ERR_FILE, call,
                    "cannot write '%s': %s; what was there before is unchanged; does the folder "
                    "exist, and is there room on the disk?",
                    path, strerror(error));
}

/* The end of every writer: its bytes to a file, to memory, or only counted; frees them. */
static nn_status nn__publish(nn__bytes *out, nn_place at, const char *call, const char *path,
                             void *bytes, size_t room, size_t *size)
{
    nn_status status = NN_OK;
    if (out->failed) status = nn__fail_memory(at, call, "the bytes to write");
    else if (out->bad) status = nn__fail(at, NN_ERR_ARGUMENT, call, "%s", out->bad);
    else if (path) status = nn__write_file(at, call, path, out->at, out->used);
    else if (!size)
        status = nn__fail(at, NN_ERR_ARGUMENT, call,
                          "no path; give one, or .bytes, .room and .size to write to memory");
    else if (bytes && out->used > room)
        status = nn__fail(at, NN_ERR_ARGUMENT, call,
                          "it takes %zu bytes, .room is %zu; call it without .bytes to learn .size",
                          out->used, room);
    else if (bytes) memcpy(bytes, out->at, out->used);
    if (size) *size = out->used;
    nn__free(out->at);
    return status;
}

/* ---- classes ------------------------------------------------------------------------------- */

/* A label on its way to a class: the number it is, its text in a file or NULL, where it stood. */
typedef struct nn__label {
    double number;
    char *text;
    size_t place;
} nn__label;

/* Both orders put equal labels in the order of the file, so that the first one gives the name. */
static int nn__by_number(const void *a, const void *b)
{
    const nn__label *p = (const nn__label *)a, *q = (const nn__label *)b;
    int order = (p->number > q->number) - (p->number < q->number);
    return order ? order : (p->place > q->place) - (p->place < q->place);
}

static int nn__by_text(const void *a, const void *b)
{
    const nn__label *p = (const nn__label *)a, *q = (const nn__label *)b;
    int order = strcmp(p->text, q->text);
    return order ? order : (p->place > q->place) - (p->place < q->place);
}

static bool nn__name_classes(nn_data *data, const nn__label *label, size_t classes)
{
    char **name = (char **)nn__alloc(classes, sizeof *name);
    char(*digits)[16] = (char(*)[16])nn__alloc(classes, sizeof *digits);
    for (size_t c = 0; name && digits && c < classes; c++) {
        name[c] = label[c].text ? label[c].text : digits[c];
        if (!label[c].text) snprintf(digits[c], sizeof digits[c], "%.0f", label[c].number);
    }
    if (name && digits) data->class_name = nn__copy_names(name, classes);
    nn__free(name);
    nn__free(digits);
    return data->class_name != NULL;
}

/* Numbers the different labels 0 .. C-1 in their order and writes the numbers to data->y. Labels
   that are 0 .. C-1 already stay what they are, without a case of their own. */
static nn_status nn__make_classes(nn_data *data, nn__label *label, size_t count, bool text,
                                  nn_place at, const char *call)
{
    int32_t *y = (int32_t *)data->y.values;
    size_t classes = 0;
    qsort(label, count, sizeof *label, text ? nn__by_text : nn__by_number);
    for (size_t i = 0; i < count; i++) {
        const nn__label *last = &label[classes ? classes - 1 : 0];
        bool same = text ? !strcmp(label[i].text, last->text) : label[i].number <= last->number;
        if (!classes || !same) label[classes++] = label[i]; /* the front keeps one of each */
        if (classes > INT_MAX) return nn__fail(at, NN_ERR_DATA, call, "too many classes");
        y[label[i].place] = (int32_t)(classes - 1);
    }
    data->classes = (int)classes;
    return nn__name_classes(data, label, classes) ? NN_OK : nn__fail_memory(at, call, "classes");
}

/* ---- CSV ----------------------------------------------------------------------------------- */

typedef enum nn__kind { NN__FEATURE, NN__LABEL, NN__TARGET, NN__SKIP } nn__kind;

typedef struct nn__column {
    char *name, number[24]; /* number: its name where there is no header */
    nn__kind kind;
    size_t index; /* among the features, or among the targets */
} nn__column;

typedef struct nn__csv {
    const nn_csv_args *args;
    const char *name; /* of the file, for errors */
    char separator;
    char *text, *next, *end; /* the whole; what is still to be cut into cells; its end */
    size_t row_line, line; /* of the row in hand; of next; from 1 */
    char **cell; /* the row in hand: strings in text */
    size_t cells, room;
    nn__column *column;
    size_t columns, features, targets, rows; /* rows: how many there can be at most */
    nn__label *label; /* (rows), or NULL */
} nn__csv;

/* Column counts from 0 here, from 1 in the sentence. */
NN__PRINTF(3, 4)
static nn_status nn__csv_fail(const nn__csv *csv, size_t column, const char *format, ...)
{
    char text[NN__MESSAGE_SIZE], name[64] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (column < csv->columns && csv->column && !csv->args->no_header)
        snprintf(name, sizeof name, " (%.40s)", csv->column[column].name);
    return nn__fail(csv->args->at, NN_ERR_FORMAT, "nn_load_csv", "'%s' line %zu, column %zu%s: %s",
                    csv->name, csv->row_line, column + 1, name, text);
}

/* Reads a whole decimal number whatever the locale; NULL, or what is wrong with the text. strtod
   alone would take hex and inf as well, and wants the locale's own decimal point. */
static const char *nn__parse_decimal(const char *text, double *number)
{
    const char *digits = "0123456789", *p = text + (*text == '-' || *text == '+');
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) return "is hexadecimal; write it in decimal";
    if (!strncmp(p, "inf", 3) || !strncmp(p, "Inf", 3) || !strncmp(p, "INF", 3))
        return "is no finite number; correct it, or leave the row out";
    size_t whole = strspn(p, digits), point = whole + (size_t)(p - text), part = 0;
    p += whole;
    if (*p == '.') p += 1 + (part = strspn(p + 1, digits));
    bool valid = whole + part > 0;
    if (valid && (*p == 'e' || *p == 'E')) {
        p += 1 + (p[1] == '-' || p[1] == '+');
        valid = strspn(p, digits) > 0;
        p += strspn(p, digits);
    }
    if (*p == ',') return "has a comma; a decimal point is needed";
    if (!valid || *p) return "is not a number; is it a .label, or a column to .skip?";
    char copy[256];
    const char *mark = text[point] == '.' ? localeconv()->decimal_point : "";
    int n = snprintf(copy, sizeof copy, "%.*s%s%s", (int)NN__MIN(point, sizeof copy), text, mark,
                     text + point + (text[point] == '.'));
    if (n < 0 || (size_t)n >= sizeof copy) return "has more digits than a number can use";
    *number = strtod(copy, NULL);
    return NULL;
}

static const char *nn__parse_number(const char *text, double *number)
{
    const char *wrong = nn__parse_decimal(text, number);
    if (wrong) return wrong;
    return fabs(*number) <= NN__REAL_MAX ? NULL : "is too large; use a smaller unit";
}

static bool nn__is_missing(const char *cell)
{
    static const char *const word[] = { "", "?", "NA", "nan", "NaN", "NAN", "-nan" };
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!strcmp(cell, word[i])) return true;
    return false;
}

/* Steps over spaces, but never over a separator, which may be a tab. */
static char *nn__csv_skip_spaces(const nn__csv *csv, char *p)
{
    while (p < csv->end && (*p == ' ' || *p == '\t') && *p != csv->separator) p++;
    return p;
}

static bool nn__csv_ends_line(const nn__csv *csv, const char *p)
{
    return p == csv->end || *p == '\n' || *p == '\r';
}

/* Steps over the end of a line: \n, \r\n, or \r as old Macs have it. */
static void nn__csv_next_line(nn__csv *csv, char *p)
{
    if (p + 1 < csv->end && p[0] == '\r' && p[1] == '\n') p++;
    csv->next = p < csv->end ? p + 1 : p;
    csv->line++;
}

/* Moves the inside of a quoted cell to `to` and p behind its closing quote; NULL if unclosed. */
static char *nn__csv_unquote(nn__csv *csv, char **to, char *p)
{
    for (p++; p < csv->end; *(*to)++ = *p++) {
        if (*p == '"' && (++p == csv->end || *p != '"')) return p; /* "" is a quote */
        csv->line += *p == '\n';
    }
    return NULL;
}

/* Cuts off the next cell, in place: a closing zero overwrites the separator, which has been read
   by then. Sets `last` at the end of a row. */
static nn_status nn__csv_cell(nn__csv *csv, char **cell, bool *last)
{
    char *p = nn__csv_skip_spaces(csv, csv->next), *to = *cell = p;
    if (p < csv->end && *p == '"') {
        p = nn__csv_unquote(csv, &to, p);
        if (!p)
            return nn__csv_fail(
                csv, csv->cells,
                "the quote that begins here is not closed; close it, or write \"\" for a quote");
        p = nn__csv_skip_spaces(csv, p);
        if (!nn__csv_ends_line(csv, p) && *p != csv->separator)
            return nn__csv_fail(
                csv, csv->cells,
                "text follows the closing quote; write \"\" for a quote inside of quotes");
    } else {
        while (!nn__csv_ends_line(csv, p) && *p != csv->separator) p++;
        to = p;
    }
    if (memchr(*cell, 0, (size_t)(to - *cell)))
        return nn__csv_fail(csv, csv->cells, "a NUL byte; save the file as plain UTF-8 text");
    *last = nn__csv_ends_line(csv, p);
    if (*last) nn__csv_next_line(csv, p);
    else csv->next = p + 1;
    while (to > *cell && (to[-1] == ' ' || to[-1] == '\t')) to--;
    *to = 0;
    *cell += strspn(*cell, " \t");
    return NN_OK;
}

/* Cuts the next row that is neither blank nor a comment into cells; no cells at the end. */
static nn_status nn__csv_row(nn__csv *csv)
{
    char *p = csv->next;
    while (p < csv->end) {
        bool comment = *p == '#';
        p = nn__csv_skip_spaces(csv, p);
        if (!comment && !nn__csv_ends_line(csv, p)) break;
        while (!nn__csv_ends_line(csv, p)) p++;
        nn__csv_next_line(csv, p);
        p = csv->next;
    }
    csv->row_line = csv->line;
    csv->cells = 0;
    for (bool last = p == csv->end; !last; csv->cells++) {
        if (csv->cells == csv->room) {
            csv->cell = (char **)nn__grow(csv->cell, &csv->room, sizeof *csv->cell);
            if (!csv->cell) return nn__fail_memory(csv->args->at, "nn_load_csv", "a row");
        }
        nn_status status = nn__csv_cell(csv, &csv->cell[csv->cells], &last);
        if (status) return status;
    }
    return NN_OK;
}

static nn_status nn__csv_no_column(const nn__csv *csv, const char *name, size_t length)
{
    char list[200] = "";
    size_t used = 0;
    for (size_t c = 0; c < csv->columns && used < sizeof list; c++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.40s", c ? ", " : "",
                                 csv->column[c].name);
    return nn__fail(csv->args->at, NN_ERR_FORMAT, "nn_load_csv",
                    "'%s' line %zu: no column '%.*s'; the columns are: %s", csv->name,
                    csv->row_line, (int)NN__MIN(length, (size_t)60), name, list);
}

static nn_status nn__csv_set_kind(nn__csv *csv, size_t c, nn__kind kind)
{
    if (csv->column[c].kind != NN__FEATURE)
        return nn__fail(csv->args->at, NN_ERR_ARGUMENT, "nn_load_csv",
                        "column '%.40s' is named twice in label, target and skip",
                        csv->column[c].name);
    csv->column[c].kind = kind;
    if (kind == NN__TARGET) csv->column[c].index = csv->targets++;
    return NN_OK;
}

static nn_status nn__csv_choose_number(nn__csv *csv, int number, nn__kind kind)
{
    char text[16];
    size_t c = number == -1 ? csv->columns - 1 : (size_t)number - 1;
    snprintf(text, sizeof text, "%d", number);
    if (number < -1 || c >= csv->columns) return nn__csv_no_column(csv, text, strlen(text));
    return nn__csv_set_kind(csv, c, kind);
}

/* Chooses the columns whose names stand in `list`, or by number; a label is one name, commas
   included. */
static nn_status nn__csv_choose(nn__csv *csv, const char *list, int number, nn__kind kind)
{
    if (!list && number) return nn__csv_choose_number(csv, number, kind);
    const char *stop = kind == NN__LABEL ? "" : ",";
    while (list) {
        list += strspn(list, " \t");
        size_t length = strcspn(list, stop), used = length, c = 0;
        if (!*stop) used = length = strlen(list);
        while (length && (list[length - 1] == ' ' || list[length - 1] == '\t')) length--;
        while (c < csv->columns &&
               (strlen(csv->column[c].name) != length || memcmp(csv->column[c].name, list, length)))
            c++;
        if (c == csv->columns) return nn__csv_no_column(csv, list, length);
        nn_status status = nn__csv_set_kind(csv, c, kind);
        if (status) return status;
        list = list[used] ? list + used + 1 : NULL;
    }
    return NN_OK;
}

/* Makes the columns from the first row, and says which of them are what. */
static nn_status nn__csv_columns(nn__csv *csv)
{
    const nn_csv_args *args = csv->args;
    csv->columns = csv->cells;
    csv->column = (nn__column *)nn__alloc_zero(csv->columns, sizeof *csv->column);
    if (!csv->column) return nn__fail_memory(args->at, "nn_load_csv", "the columns");
    for (size_t c = 0; c < csv->columns; c++) {
        snprintf(csv->column[c].number, sizeof csv->column[c].number, "%zu", c + 1);
        csv->column[c].name = args->no_header ? csv->column[c].number : csv->cell[c];
    }
    nn_status status = nn__csv_choose(csv, args->label, args->label_column, NN__LABEL);
    if (!status) status = nn__csv_choose(csv, args->target, args->target_column, NN__TARGET);
    if (!status) status = nn__csv_choose(csv, args->skip, 0, NN__SKIP);
    if (status) return status;
    for (size_t c = 0; c < csv->columns; c++)
        if (csv->column[c].kind == NN__FEATURE) csv->column[c].index = csv->features++;
    if (csv->features == 0 || csv->features > INT_MAX)
        return nn__fail(args->at, NN_ERR_FORMAT, "nn_load_csv",
                        "'%s' line %zu: no column is left as a feature; is .separator right?",
                        csv->name, csv->row_line);
    return NN_OK;
}

/* Allocates for as many rows as the text can have: one for each line, and a row of C cells has at
   least C - 1 separators and a line's end. */
static nn_status nn__csv_allocate(nn__csv *csv, nn_data *data)
{
    nn_place at = csv->args->at;
    size_t lines = 1, most = ((size_t)(csv->end - csv->text) + 1) / csv->columns;
    for (const char *p = csv->next; p < csv->end; p++)
        lines += *p == '\n' || (*p == '\r' && p[1] != '\n');
    csv->rows = NN__MIN(lines + csv->args->no_header, most);
    if (csv->rows > INT_MAX)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_csv", "'%s' has too many lines", csv->name);
    int n = (int)csv->rows, shape[NN_MAX_RANK] = { (int)csv->features, 0, 0, 0 }, one[4] = { 0 };
    nn_status status = nn__array_make(&data->x[0], NN_REAL, shape, n, at, "nn_load_csv");
    data->inputs = 1;
    if (!status && csv->targets) {
        shape[0] = (int)csv->targets;
        status = nn__array_make(&data->y, NN_REAL, shape, n, at, "nn_load_csv");
    } else if (!status && (csv->args->label || csv->args->label_column)) {
        status = nn__array_make(&data->y, NN_TOKEN, one, n, at, "nn_load_csv");
        csv->label = (nn__label *)nn__alloc(csv->rows, sizeof *csv->label);
        if (!status && !csv->label) status = nn__fail_memory(at, "nn_load_csv", "the labels");
    }
    return status;
}

/* Adds the row in hand to the data. */
static nn_status nn__csv_take_row(nn__csv *csv, nn_data *data)
{
    if (csv->cells != csv->columns)
        return nn__csv_fail(
            csv, NN__MIN(csv->cells, csv->columns),
            "this row has %zu cells, the first one has %zu; is a separator or a quote missing?",
            csv->cells, csv->columns);
    size_t n = (size_t)data->n;
    NN_ASSERT(n < csv->rows);
    for (size_t c = 0; c < csv->columns; c++) {
        const nn__column *column = &csv->column[c];
        char *cell = csv->cell[c];
        double number = 0;
        if (column->kind == NN__SKIP) continue;
        if (nn__is_missing(cell)) {
            if (csv->args->missing == NN_MISSING_DROP) return NN_OK;
            return nn__csv_fail(csv, c,
                                "the value is missing ('%s'); fill it in, or drop such rows with "
                                ".missing = NN_MISSING_DROP",
                                cell);
        }
        if (column->kind == NN__LABEL) {
            csv->label[n].text = cell;
            continue;
        }
        const char *problem = nn__parse_number(cell, &number);
        if (problem) return nn__csv_fail(csv, c, "'%.40s' %s", cell, problem);
        nn_array *a = column->kind == NN__TARGET ? &data->y : &data->x[0];
        ((nn_real *)a->values)[n * a->size + column->index] = (nn_real)number;
    }
    data->n++;
    return NN_OK;
}

/* Labels become classes, and features get their names. */
static nn_status nn__csv_finish(nn__csv *csv, nn_data *data)
{
    bool text = false;
    size_t n = (size_t)data->n, used = 0;
    for (size_t i = 0; csv->label && i < n; i++) {
        csv->label[i].place = i;
        if (nn__parse_number(csv->label[i].text, &csv->label[i].number)) text = true;
    }
    if (csv->label) {
        nn_status status =
            nn__make_classes(data, csv->label, n, text, csv->args->at, "nn_load_csv");
        if (status) return status;
    }
    for (size_t c = 0; c < csv->columns; c++) /* cell has room for them, and is done with */
        if (csv->column[c].kind == NN__FEATURE) csv->cell[used++] = csv->column[c].name;
    data->feature_name = nn__copy_names(csv->cell, used);
    if (!data->feature_name) return nn__fail_memory(csv->args->at, "nn_load_csv", "the names");
    return NN_OK;
}

static nn_status nn__csv_read(nn__csv *csv, nn_data *data)
{
    if (!memcmp(csv->text, "\xEF\xBB\xBF", NN__MIN((size_t)(csv->end - csv->text), (size_t)3)) &&
        csv->end - csv->text >= 3)
        csv->next += 3; /* the byte-order mark that spreadsheets write */
    nn_status status = nn__csv_row(csv);
    if (!status && csv->cells) {
        status = nn__csv_columns(csv);
        if (!status) status = nn__csv_allocate(csv, data);
        if (!status && !csv->args->no_header) status = nn__csv_row(csv);
        while (!status && csv->cells) {
            status = nn__csv_take_row(csv, data);
            if (!status) status = nn__csv_row(csv);
        }
    }
    if (!status && data->n == 0)
        status = nn__fail(csv->args->at, NN_ERR_FORMAT, "nn_load_csv",
                          "'%s' line %zu, column 1: the end, and no rows of data%s", csv->name,
                          csv->row_line, csv->args->missing == NN_MISSING_DROP ? " are left" : "");
    return status ? status : nn__csv_finish(csv, data);
}

static nn_status nn__csv_check_args(const nn_csv_args *args)
{
    if (!args->path && !args->text)
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_load_csv", "the path is NULL");
    if ((args->label || args->label_column) && (args->target || args->target_column))
        return nn__fail(
            args->at, NN_ERR_ARGUMENT, "nn_load_csv",
            "a label and a target; give the one that the model is to predict, and .skip the other");
    if (args->separator && strchr("\"\r\n#.+-", args->separator))
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_load_csv",
                        "this .separator is a part of cells; use ',', ';' or '\\t'");
    return NN_OK;
}

NN_API nn_status nn_load_csv_make(nn_csv_args args)
{
    nn__csv csv = NN__EMPTY;
    size_t size = args.text_size;
    if (!args.data)
        return nn__fail(args.at, NN_ERR_ARGUMENT, "nn_load_csv", "the data set is NULL");
    memset(args.data, 0, sizeof *args.data);
    nn_status status = nn__csv_check_args(&args);
    if (!status && !args.text)
        status = nn__read_file(args.at, "nn_load_csv", args.path, &csv.text, &size);
    else if (!status && size < SIZE_MAX && (csv.text = (char *)nn__alloc(size + 1, 1)) != NULL)
        memcpy(csv.text, args.text, size);
    else if (!status) status = nn__fail_memory(args.at, "nn_load_csv", "the text");
    if (!status) {
        csv.args = &args;
        csv.name = args.path ? args.path : "text";
        csv.separator = args.separator ? args.separator : ',';
        csv.next = csv.text;
        csv.end = csv.text + size;
        csv.text[size] = 0;
        csv.row_line = csv.line = 1;
        status = nn__csv_read(&csv, args.data);
    }
    nn__free(csv.text);
    nn__free(csv.cell);
    nn__free(csv.column);
    nn__free(csv.label);
    return status ? nn__data_failed(args.data, status) : NN_OK;
}

/* ---- IDX ----------------------------------------------------------------------------------- */

typedef struct nn__idx {
    const char *name;
    char *file; /* what nn__read_file gave, or NULL */
    const unsigned char *bytes, *entries; /* the whole file; what follows its sizes */
    size_t size;
    int dims, dim[NN_MAX_RANK + 1]; /* dim[0] is the number of samples */
} nn__idx;

/* Checks the header against the number of bytes there are, before anything is allocated. */
static nn_status nn__idx_check(nn__idx *idx, nn_place at)
{
    const unsigned char *b = idx->bytes;
    size_t product = 1;
    bool fits = true;
    if (idx->size >= 2 && b[0] == 0x1f && b[1] == 0x8b)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx", "'%s' is compressed; run gunzip on it",
                        idx->name);
    if (idx->size < 4 || b[0] || b[1] || b[2] != 8 || b[3] < 1 || b[3] > NN_MAX_RANK + 1)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                        "'%s' has no header of an IDX file of bytes: it should begin with 0, 0, 8 "
                        "and a rank from 1 to %d",
                        idx->name, NN_MAX_RANK + 1);
    idx->dims = b[3];
    idx->entries = b + 4 + 4 * idx->dims;
    if (idx->size < 4 + 4 * (size_t)idx->dims)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                        "'%s' is truncated: it ends inside of its header; fetch it again",
                        idx->name);
    for (int i = 0; i < idx->dims; i++) {
        const unsigned char *d = b + 4 + 4 * i;
        uint32_t dim = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
        if (dim == 0 || dim > INT_MAX)
            return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                            "'%s': size %d is %lu, which cannot be; fetch the file again",
                            idx->name, i + 1, (unsigned long)dim);
        idx->dim[i] = (int)dim;
        fits = fits && nn__mul(product, dim, &product);
    }
    size_t rest = idx->size - 4 - 4 * (size_t)idx->dims;
    if (fits && product == rest) return NN_OK;
    return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                    "'%s' is %s: its sizes ask for another number of bytes than the %zu that "
                    "follow; fetch it again",
                    idx->name, !fits || product > rest ? "truncated" : "too long", rest);
}

static nn_status nn__idx_open(nn__idx *idx, const char *path, const void *bytes, size_t size,
                              nn_place at)
{
    nn_status status = NN_OK;
    idx->name = path ? path : "bytes";
    if (!bytes) status = nn__read_file(at, "nn_load_idx", path, &idx->file, &size);
    idx->bytes = bytes ? (const unsigned char *)bytes : (const unsigned char *)idx->file;
    idx->size = size;
    return status ? status : nn__idx_check(idx, at);
}

static nn_status nn__idx_images(nn_data *data, const nn__idx *idx, int limit, nn_place at)
{
    nn_array *x = &data->x[0];
    int shape[NN_MAX_RANK] = { 0 };
    if (idx->dims < 2)
        return nn__fail(
            at, NN_ERR_FORMAT, "nn_load_idx",
            "'%s' has a single size, so it holds labels; were images and labels swapped?",
            idx->name);
    for (int i = 1; i < idx->dims; i++) shape[i - 1] = idx->dim[i];
    if (idx->dims == 3) shape[2] = 1; /* grey images have one channel */
    data->n = limit > 0 ? NN__MIN(limit, idx->dim[0]) : idx->dim[0];
    data->inputs = 1;
    nn_status status = nn__array_make(x, NN_BYTE, shape, data->n, at, "nn_load_idx");
    if (status) return status;
    memcpy(x->values, idx->entries, (size_t)data->n * x->size); /* nn__idx_check saw the product */
    return nn__array_scale_bytes(x) ? NN_OK : nn__fail_memory(at, "nn_load_idx", "the scaling");
}

static nn_status nn__idx_labels(nn_data *data, const nn__idx *idx, int images, nn_place at)
{
    const int one[NN_MAX_RANK] = { 0 };
    size_t n = (size_t)data->n;
    if (idx->dims != 1)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                        "'%s' has %d sizes, labels have one; were images and labels swapped?",
                        idx->name, idx->dims);
    if (idx->dim[0] != images)
        return nn__fail(at, NN_ERR_FORMAT, "nn_load_idx",
                        "'%s' has %d labels for %d images; are they files of one set?", idx->name,
                        idx->dim[0], images);
    nn_status status = nn__array_make(&data->y, NN_TOKEN, one, data->n, at, "nn_load_idx");
    if (status) return status;
    nn__label *label = (nn__label *)nn__alloc_zero(n, sizeof *label);
    if (!label) return nn__fail_memory(at, "nn_load_idx", "the labels");
    for (size_t i = 0; i < n; i++) label[i].number = idx->entries[i], label[i].place = i;
    status = nn__make_classes(data, label, n, false, at, "nn_load_idx");
    nn__free(label);
    return status;
}

NN_API nn_status nn_load_idx_make(nn_idx_args args)
{
    nn_data *data = args.data;
    nn__idx images = NN__EMPTY, labels = NN__EMPTY;
    nn_status status = NN_OK;
    if (!data) return nn__fail(args.at, NN_ERR_ARGUMENT, "nn_load_idx", "the data set is NULL");
    memset(data, 0, sizeof *data);
    if (!args.images && !args.images_bytes)
        status = nn__fail(args.at, NN_ERR_ARGUMENT, "nn_load_idx", "the path of images is NULL");
    else if (args.limit < 0)
        status = nn__fail(args.at, NN_ERR_ARGUMENT, "nn_load_idx", "the limit is %d; 0 reads all",
                          args.limit);
    if (!status)
        status = nn__idx_open(&images, args.images, args.images_bytes, args.images_size, args.at);
    if (!status) status = nn__idx_images(data, &images, args.limit, args.at);
    if (!status && (args.labels || args.labels_bytes)) {
        status = nn__idx_open(&labels, args.labels, args.labels_bytes, args.labels_size, args.at);
        if (!status) status = nn__idx_labels(data, &labels, images.dim[0], args.at);
    }
    nn__free(images.file);
    nn__free(labels.file);
    return status ? nn__data_failed(data, status) : NN_OK;
}

/* ---- images: arithmetic ------------------------------------------------------ >>data/images
   One rule for both directions: new pixel o is the mean of the old row over the stretch of length
   max(1, h / H) around its place (o + 1/2) h / H. Going down that is the mean of what it covers;
   going up the stretch has length 1 and lies over two neighbours, which is bilinear. */
typedef struct nn__stretch {
    int first, last; /* pixels that it touches */
    float start, end;
} nn__stretch;

static nn__stretch nn__stretch_of(int o, int H, int h)
{
    nn__stretch s;
    double ratio = (double)h / H, middle = (o + 0.5) * ratio, half = NN__MAX(ratio, 1) / 2;
    double start = NN__MAX(middle - half, 0), end = NN__MIN(middle + half, h);
    s.first = (int)start, s.last = NN__MIN((int)ceil(end), h) - 1;
    s.start = (float)(start - s.first), s.end = (float)(end - s.first);
    return s;
}

/* The length of the part of pixel i that lies in the stretch. */
static float nn__overlap(const nn__stretch *s, int i)
{
    float k = (float)(i - s->first);
    return NN__MIN(k + 1, s->end) - NN__MAX(k, s->start);
}

NN_API void nn_image_resize(uint8_t *out, int H, int W, const uint8_t *in, int h, int w, int C)
{
    NN_ASSERT(out && in && H > 0 && W > 0 && h > 0 && w > 0 && C > 0);
    for (int i = 0; i < H; i++) {
        const nn__stretch down = nn__stretch_of(i, H, h);
        for (int j = 0; j < W; j++) {
            const nn__stretch right = nn__stretch_of(j, W, w);
            const float area = (down.end - down.start) * (right.end - right.start);
            for (int c = 0; c < C; c++) {
                double sum = 0;
                for (int y = down.first; y <= down.last; y++) {
                    const uint8_t *in_y = in + (size_t)y * (size_t)w * (size_t)C + c;
                    float row = 0;
                    for (int x = right.first; x <= right.last; x++)
                        row += nn__overlap(&right, x) * (float)in_y[(size_t)x * (size_t)C];
                    sum += (double)(nn__overlap(&down, y) * row);
                }
                *out++ = (uint8_t)(sum / (double)area + 0.5);
            }
        }
    }
}

NN_API void nn_image_grey(uint8_t *grey, const uint8_t *rgb, size_t n)
{
    for (size_t i = 0; i < n; i++, rgb += 3)
        grey[i] = (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

/* Where pixel (i, j) of y comes from: back by the shift, back by the angle and the size, mirrored
   or not, all around the centre. The sum of four uniform numbers is nearly normal, with a deviation
   of 1 / sqrt(3) for numbers from 0 to 1, and much cheaper than a logarithm. */
NN_API void nn_image_augment(nn_real *y, const nn_real *x, int H, int W, int C,
                             const nn_augment *how, nn_random *random)
{
    const double angle =
        nn_random_uniform(random, -how->rotate, how->rotate) * 0.017453292519943295;
    const double size = 1 + nn_random_uniform(random, -how->scale, how->scale);
    const double right = nn_random_uniform(random, -how->shift, how->shift);
    const double down = nn_random_uniform(random, -how->shift, how->shift);
    const nn_real side = nn_random_u64(random) >> 63 && how->flip ? -1 : 1;
    const nn_real cosine = (nn_real)(cos(angle) / size), sine = (nn_real)(sin(angle) / size);
    const nn_real middle_i = (nn_real)(H - 1) / 2, middle_j = (nn_real)(W - 1) / 2;
    const nn_real noise = (nn_real)(how->noise * 1.7320508075688772 / 65536);
    for (int i = 0; i < H; i++)
        for (int j = 0; j < W; j++, y += C) {
            nn_real v = (nn_real)(i - down) - middle_i, u = (nn_real)(j - right) - middle_j;
            nn_real row = cosine * v - sine * u + middle_i;
            nn_real column = side * (cosine * u + sine * v) + middle_j;
            row = NN__MIN(NN__MAX(row, 0), (nn_real)(H - 1));
            column = NN__MIN(NN__MAX(column, 0), (nn_real)(W - 1));
            const int top = (int)row, left = (int)column;
            const ptrdiff_t below = top + 1 < H ? (ptrdiff_t)W * C : 0, next = left + 1 < W ? C : 0;
            const nn_real *p = x + ((ptrdiff_t)top * W + left) * C;
            row -= (nn_real)top, column -= (nn_real)left;
            for (int c = 0; c < C; c++, p++) {
                nn_real upper = p[0] + column * (p[next] - p[0]);
                nn_real lower = p[below] + column * (p[below + next] - p[below]);
                y[c] = upper + row * (lower - upper);
            }
        }
    y -= (ptrdiff_t)H * W * C;
    for (ptrdiff_t i = 0; noise > 0 && i < (ptrdiff_t)H * W * C; i++) {
        uint64_t b = nn_random_u64(random);
        int sum =
            (int)(b & 0xffff) + (int)(b >> 16 & 0xffff) + (int)(b >> 32 & 0xffff) + (int)(b >> 48);
        y[i] += noise * (nn_real)(sum - 131070);
    }
}

/* ---- images: PNG, written row by row, each a block of zlib that is only stored ---- */

static uint32_t nn__crc32(uint32_t crc, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < 8 * n; i++) {
        if (i % 8 == 0) crc ^= p[i / 8];
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return crc;
}

static void nn__put32(uint8_t *to, uint32_t x)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* One chunk: length, type, `head`, `body`, and the checksum of all but the length. */
static void nn__png_chunk(nn__bytes *out, const char *type, const uint8_t *head, size_t m,
                          const uint8_t *body, size_t n)
{
    uint8_t length[4], sum[4];
    uint32_t crc = nn__crc32(0xffffffffu, (const uint8_t *)type, 4);
    nn__put32(length, (uint32_t)(m + n));
    nn__put32(sum, ~nn__crc32(nn__crc32(crc, head, m), body, n));
    nn__put(out, length, 4), nn__put(out, type, 4);
    nn__put(out, head, m), nn__put(out, body, n), nn__put(out, sum, 4);
}

static void nn__png_write(nn__bytes *out, const uint8_t *pixels, int height, size_t row, int width,
                          int C)
{
    uint32_t a = 1, b = 0; /* Adler's checksum */
    uint8_t head[13] = { 0 };
    nn__put32(head, (uint32_t)width), nn__put32(head + 4, (uint32_t)height);
    head[8] = 8, head[9] = C == 3 ? 2 : 0;
    nn__put(out, "\x89PNG\r\n\x1a\n", 8);
    nn__png_chunk(out, "IHDR", head, 13, head, 0);
    nn__png_chunk(out, "IDAT", (const uint8_t *)"\x78\x01", 2, head, 0);
    for (int i = 0; i < height; i++, pixels += row) {
        const unsigned n = (unsigned)row + 1; /* a row begins with its filter: 0, none */
        const uint8_t block[6] = { i == height - 1, (uint8_t)n,         (uint8_t)(n >> 8),
                                   (uint8_t)~n,     (uint8_t)(~n >> 8), 0 };
        b = (b + a) % 65521;
        for (size_t k = 0; k < row; k++) a = (a + pixels[k]) % 65521, b = (b + a) % 65521;
        nn__png_chunk(out, "IDAT", block, 6, pixels, row);
    }
    nn__put32(head, b << 16 | a);
    nn__png_chunk(out, "IDAT", head, 4, head, 0);
    nn__png_chunk(out, "IEND", head, 0, head, 0);
}

NN_API nn_status nn_save_image(const char *path, const uint8_t *pixels, int height, int width,
                               int channels)
{
    const char *call = "nn_save_image";
    if (!path || !pixels || height < 1 || width < 1 || (channels != 1 && channels != 3) ||
        width > 65534 / channels)
        return nn__fail(nn__nowhere, NN_ERR_ARGUMENT, call,
                        "a path, and pixels (%d, %d, %d): channels are 1 or 3, and a row has at "
                        "most 65534 bytes",
                        height, width, channels);
    nn__bytes out = NN__EMPTY;
    nn__png_write(&out, pixels, height, (size_t)width * (size_t)channels, width, channels);
    return nn__publish(&out, nn__nowhere, call, path, NULL, 0, NULL);
}

/* ---- images: files ---- */

#ifdef NN_USE_STB_IMAGE
/* What stb_image.h may take while it decodes one image. A few bytes can ask it for gigabytes: a
   length in a PNG, or zeros that were packed well. Its memory begins as zeros, because 2.27 reads
   tables that a damaged JPEG has not given. */
static NN__THREAD_LOCAL struct nn__stb {
    size_t limit; /* of one block */
    bool no_memory;
} nn__stb;

static void *nn__stb_resize(void *memory, size_t old, size_t size)
{
    void *moved = size <= nn__stb.limit ? nn__alloc_zero(size, 1) : NULL;
    nn__stb.no_memory |= !moved && size <= nn__stb.limit;
    if (moved && memory) memcpy(moved, memory, NN__MIN(old, size));
    if (moved) nn__free(memory);
    return moved;
}

#ifdef STBI_INCLUDE_STB_IMAGE_H
#error "nn.h: with NN_USE_STB_IMAGE, include stb_image.h after nn.h in this file, not before"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STBIDEF NN__UNUSED static
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_GIF
#define stbi_set_unpremultiply_on_load_thread                                                      \
    stbi__unpremultiply_on_load_thread /* a slip in 2.27 */
#define STBI_MALLOC(size) nn__stb_resize(NULL, 0, size)
#define STBI_REALLOC_SIZED nn__stb_resize
#define STBI_FREE nn__free
#define STBI_ASSERT(x) ((void)0) /* some fail for damaged files, where the code goes on well */
#ifdef __TINYC__
#define STBI_NO_SIMD
#define STBI_NO_THREAD_LOCALS
#endif
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#if defined(__has_include)
#if !__has_include("stb_image.h") && __has_include(<stb/stb_image.h>)
#define NN__STB_FOLDER
#endif
#endif
#ifdef NN__STB_FOLDER
#include <stb/stb_image.h>
#else
#include "stb_image.h" /* not found? Put it beside nn.h, or add its folder to the include path */
#endif
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
#undef STB_IMAGE_IMPLEMENTATION

/* Whether a JPEG has only tables that stb_image has room for: up to 2.27, which Debian has, it
   writes behind its arrays where the code lengths of a table (marker C4) add up to more than 256,
   and reads behind them where a channel's sampling (C0 to C2) does not divide the largest.
   (nothings/stb, issues 1289 and 1178.) */
static bool nn__jpeg_is_safe(const uint8_t *p, size_t size)
{
    for (size_t i = 0, length; i + 4 < size; i += length) {
        const int marker = p[i] == 0xff ? p[i + 1] : 0;
        const bool single = marker == 0 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd9);
        length = single ? 1 : 2 + (size_t)(p[i + 2] << 8 | p[i + 3]);
        const size_t end = NN__MIN(size, i + length);
        for (size_t k = i + 4; marker == 0xc4 && k < end;) {
            size_t codes = 0;
            for (size_t n = 1; n <= 16 && k + n < size; n++) codes += p[k + n];
            if (codes > 256) return false;
            k += 17 + codes;
        }
        if (marker < 0xc0 || marker > 0xc2) continue;
        for (size_t k = i + 11; k < end; k += 3)
            for (size_t n = i + 11; n < end; n += 3) {
                const int h = p[k] >> 4, v = p[k] & 15;
                if (!h || !v || ((p[n] >> 4) > h && (p[n] >> 4) % h) ||
                    ((p[n] & 15) > v && (p[n] & 15) % v))
                    return false;
            }
    }
    return true;
}

static nn_status nn__stb_fail(const nn_image_args *a, const char *name, const char *call)
{
    const char *why = stbi_failure_reason();
    if (nn__stb.no_memory) return nn__fail_memory(a->at, call, name);
    return nn__fail(a->at, NN_ERR_FORMAT, call,
                    "'%s' is not a sound PNG, JPEG or BMP image (%s); save it again, or remove it",
                    name, why ? why : "no pixels");
}

/* Looks at the header, and whether the image may be decoded. Of a PNG that is too large for it
   stb_image says only that the type is unknown, so its size is read here. */
static nn_status nn__image_check(const nn_image_args *a, const char *name, const uint8_t *p,
                                 size_t size, const char *call)
{
    const double most = a->max_pixels > 0 ? a->max_pixels : 67108864;
    const bool png = size >= 24 && !memcmp(p, "\x89PNG", 4);
    double height = png ? p[20] * 16777216.0 + p[21] * 65536 + p[22] * 256 + p[23] : 0;
    double width = png ? p[16] * 16777216.0 + p[17] * 65536 + p[18] * 256 + p[19] : 0;
    int h, w, channels;
    nn__stb.limit = SIZE_MAX, nn__stb.no_memory = false;
    if (size == 0)
        return nn__fail(a->at, NN_ERR_FORMAT, call, "'%s' is empty; save it again, or remove it",
                        name);
    if (height * width <= most) {
        if (size > INT_MAX || (size > 2 && p[0] == 0xff && !nn__jpeg_is_safe(p, size)))
            return nn__fail(a->at, NN_ERR_FORMAT, call,
                            "'%s' has tables that no JPEG may have; save it again, or remove it",
                            name);
        if (!stbi_info_from_memory(p, (int)size, &w, &h, &channels) || nn__stb.no_memory || !h ||
            !w)
            return nn__stb_fail(a, name, call);
        height = fabs((double)h), width = fabs((double)w); /* below 0: a BMP from the top down */
    }
    if (height * width > most)
        return nn__fail(a->at, NN_ERR_FORMAT, call,
                        "'%s' has %.0f x %.0f pixels, more than the %.0f that are allowed; make it "
                        "smaller, or raise .max_pixels",
                        name, width, height, most);
    nn__stb.limit = (size_t)(16 * height * width) + ((size_t)1 << 24);
    return NN_OK;
}

/* Decodes to red, green, blue, alpha; lays that over white; makes grey of it; all in one block. */
static nn_status nn__image_decode(nn_image *out, const nn_image_args *a, const char *name,
                                  const uint8_t *bytes, size_t size, const char *call)
{
    int channels;
    nn_status status = nn__image_check(a, name, bytes, size, call);
    if (status) return status;
    uint8_t *p = stbi_load_from_memory(bytes, (int)size, &out->width, &out->height, &channels, 4);
    if (!p) return nn__stb_fail(a, name, call);
    const size_t n = (size_t)out->width * (size_t)out->height;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            unsigned alpha = p[4 * i + 3];
            p[3 * i + c] = (uint8_t)((p[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
        }
    if (a->grey) nn_image_grey(p, p, n);
    out->channels = a->grey ? 1 : 3;
    out->pixels = p;
    return NN_OK;
}
#else
static nn_status nn__image_decode(nn_image *out, const nn_image_args *a, const char *name,
                                  const uint8_t *bytes, size_t size, const char *call)
{
    (void)out, (void)bytes, (void)size;
    return nn__fail(a->at, NN_ERR_STATE, call,
                    "'%s' needs stb_image.h (Debian: libstb-dev) and #define NN_USE_STB_IMAGE "
                    "before nn.h in the file with NN_IMPLEMENTATION",
                    name);
}
#endif

/* The image of a file or of bytes, in a block that may be larger than it needs. */
static nn_status nn__image_read(nn_image *out, const nn_image_args *a, const char *call)
{
    char *file = NULL;
    size_t size = a->size;
    nn_status status = NN_OK;
    if (!a->bytes) status = nn__read_file(a->at, call, a->path, &file, &size);
    if (!status)
        status = nn__image_decode(out, a, a->path ? a->path : "bytes",
                                  (const uint8_t *)(a->bytes ? a->bytes : file), size, call);
    nn__free(file);
    return status;
}

static nn_status nn__image_arguments(nn_place at, const char *path, double max_pixels,
                                     const char *call)
{
    if (!path) return nn__fail(at, NN_ERR_ARGUMENT, call, "the path is NULL");
    if (max_pixels >= 0) return NN_OK;
    return nn__fail(at, NN_ERR_ARGUMENT, call,
                    "max_pixels is %g; it may not be negative, and 0 is the default", max_pixels);
}

NN_API nn_status nn_load_image_make(nn_image_args args)
{
    const char *call = "nn_load_image", *path = args.bytes && !args.path ? "bytes" : args.path;
    if (!args.image)
        return nn__fail(args.at, NN_ERR_ARGUMENT, call,
                        "the image is NULL; pass its address, &image");
    memset(args.image, 0, sizeof *args.image);
    nn_status status = nn__image_arguments(args.at, path, args.max_pixels, call);
    return status ? status : nn__image_read(args.image, &args, call);
}

NN_API void nn_image_free(nn_image *image)
{
    if (!image) return;
    nn__free(image->pixels);
    memset(image, 0, sizeof *image);
}

/* ---- images: folders ---- */

/* Paths, one behind the other in one block. */
typedef struct nn__list {
    char *letters;
    size_t used, room, n;
    char **path; /* (n), in order; by nn__list_sort */
} nn__list;

static void nn__list_free(nn__list *list)
{
    nn__free(list->letters);
    nn__free(list->path);
}

#ifdef NN_USE_STB_IMAGE
static bool nn__list_add(nn__list *list, const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    while (list->room - list->used < size) {
        list->letters = (char *)nn__grow(list->letters, &list->room, 1);
        if (!list->letters) return false;
    }
    snprintf(list->letters + list->used, size, "%s/%s", folder, name);
    list->used += size, list->n++;
    return true;
}

static bool nn__is_image_name(const char *name)
{
    char ending[8] = "";
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && dot[i] && i < 7; i++) ending[i] = (char)tolower((unsigned char)dot[i]);
    return !strcmp(ending, ".png") || !strcmp(ending, ".jpg") || !strcmp(ending, ".jpeg") ||
           !strcmp(ending, ".bmp");
}

/* Adds what is wanted of a folder: folders, or images. A name with a dot in front is neither. */
static bool nn__list_offer(nn__list *list, const char *folder, const char *name, bool folders)
{
    struct stat entry;
    const size_t start = list->used;
    if (name[0] == '.' || (!folders && !nn__is_image_name(name))) return true;
    if (!nn__list_add(list, folder, name)) return false;
    if (folders && (stat(list->letters + start, &entry) || !S_ISDIR(entry.st_mode)))
        list->used = start, list->n--;
    return true;
}

static nn_status nn__list_folder(nn__list *list, const char *folder, bool folders, nn_place at)
{
    bool memory = true;
    struct dirent *entry;
    DIR *d = opendir(folder);
    while (d && memory && (errno = 0, entry = readdir(d)) != NULL)
        memory = nn__list_offer(list, folder, entry->d_name, folders);
    const bool failed = !d || (memory && errno);
    const int why = errno;
    if (d) closedir(d);
    if (!memory) return nn__fail_memory(at, "nn_load_images", "the paths");
    if (!failed) return NN_OK;
    return nn__fail(at, NN_ERR_FILE, "nn_load_images",
                    "cannot list the folder '%s': %s; a relative path starts in the folder from "
                    "which the program is run",
                    folder, strerror(why));
}
#else
static nn_status nn__list_folder(nn__list *list, const char *folder, bool folders, nn_place at)
{
    nn_image_args none = NN__EMPTY;
    (void)list, (void)folders;
    none.at = at;
    return nn__image_decode(NULL, &none, folder, NULL, 0, "nn_load_images"); /* says why not */
}
#endif

/* As strcmp, but '/' before all: the files of a class stay together, in the order of classes. */
static int nn__by_path(const void *a, const void *b)
{
    const unsigned char *p = *(unsigned char *const *)a, *q = *(unsigned char *const *)b;
    while (*p && *p == *q) p++, q++;
    return (*p == '/' ? 1 : *p ? *p + 1 : 0) - (*q == '/' ? 1 : *q ? *q + 1 : 0);
}

static bool nn__list_sort(nn__list *list)
{
    char *p = list->letters;
    list->path = (char **)nn__alloc(list->n, sizeof *list->path);
    for (size_t i = 0; list->path && i < list->n; i++, p += strlen(p) + 1) list->path[i] = p;
    if (list->path) qsort(list->path, list->n, sizeof *list->path, nn__by_path);
    return list->path != NULL;
}

/* The folders of the classes, and the images in them. */
static nn_status nn__images_list(nn__list *folder, nn__list *file, const nn_images_args *a)
{
    const char *call = "nn_load_images";
    nn_status status = nn__list_folder(folder, a->path, true, a->at);
    if (!status && folder->n == 0)
        status = nn__fail(a->at, NN_ERR_DATA, call,
                          "'%s' has no folders in it; put the images of each class into one of "
                          "their own, such as %s/cat/1.png",
                          a->path, a->path);
    if (!status && !nn__list_sort(folder)) status = nn__fail_memory(a->at, call, "the classes");
    for (size_t k = 0; !status && k < folder->n; k++) {
        const size_t before = file->n;
        status = nn__list_folder(file, folder->path[k], false, a->at);
        if (!status && file->n == before)
            status = nn__fail(a->at, NN_ERR_DATA, call,
                              "the class '%s' has no images (.png, .jpg, .jpeg, .bmp); add some, "
                              "or remove the folder",
                              folder->path[k]);
    }
    if (!status && (file->n > INT_MAX || !nn__list_sort(file)))
        status = nn__fail_memory(a->at, call, "the paths");
    return status;
}

/* Decodes one file into its place; the first one makes the room for all. */
static nn_status nn__images_take(nn_data *data, const nn_images_args *a, nn__list *file, size_t i)
{
    const char *call = "nn_load_images";
    nn_array *x = &data->x[0];
    nn_image raw = NN__EMPTY;
    nn_image_args one = NN__EMPTY;
    one.at = a->at, one.path = file->path[i], one.grey = a->grey, one.max_pixels = a->max_pixels;
    nn_status status = nn__image_read(&raw, &one, call);
    const int shape[NN_MAX_RANK] = { a->height ? a->height : raw.height,
                                     a->width ? a->width : raw.width, raw.channels };
    if (status) return status;
    if (i == 0) status = nn__array_make(x, NN_BYTE, shape, (int)file->n, a->at, call);
    if (!status && (shape[0] != x->dim[0] || shape[1] != x->dim[1]))
        status = nn__fail(a->at, NN_ERR_DATA, call,
                          "'%s' is %d x %d (width x height), '%s' is %d x %d; give .height and "
                          ".width, to which all are resized",
                          file->path[i], shape[1], shape[0], file->path[0], x->dim[1], x->dim[0]);
    if (!status)
        nn_image_resize((uint8_t *)x->values + i * x->size, shape[0], shape[1], raw.pixels,
                        raw.height, raw.width, raw.channels);
    nn_image_free(&raw);
    return status;
}

static nn_status nn__images_read(nn_data *data, const nn_images_args *a, nn__list *folder,
                                 nn__list *file)
{
    const int one[NN_MAX_RANK] = { 0 };
    nn_status status = NN_OK;
    data->inputs = 1;
    for (size_t i = 0; !status && i < file->n; i++) status = nn__images_take(data, a, file, i);
    if (status) return status;
    data->n = (int)file->n, data->classes = (int)folder->n;
    status = nn__array_make(&data->y, NN_TOKEN, one, data->n, a->at, "nn_load_images");
    for (size_t i = 0, k = 0; !status && i < file->n; i++) {
        size_t length = strlen(folder->path[k]); /* no class is empty, and both are in one order */
        if (strncmp(file->path[i], folder->path[k], length) || file->path[i][length] != '/') k++;
        ((int32_t *)data->y.values)[i] = (int32_t)k;
    }
    for (size_t k = 0; k < folder->n; k++) folder->path[k] += strlen(a->path) + 1; /* the name */
    if (!status) data->class_name = nn__copy_names(folder->path, folder->n);
    if (!status && (!data->class_name || !nn__array_scale_bytes(&data->x[0])))
        status = nn__fail_memory(a->at, "nn_load_images", "the classes");
    return status;
}

NN_API nn_status nn_load_images_make(nn_images_args args)
{
    const char *call = "nn_load_images";
    nn__list folder = NN__EMPTY, file = NN__EMPTY;
    if (!args.data) return nn__fail(args.at, NN_ERR_ARGUMENT, call, "the data set is NULL");
    memset(args.data, 0, sizeof *args.data);
    nn_status status = nn__image_arguments(args.at, args.path, args.max_pixels, call);
    if (!status) status = nn__images_list(&folder, &file, &args);
    if (!status) status = nn__images_read(args.data, &args, &folder, &file);
    nn__list_free(&folder);
    nn__list_free(&file);
    return status ? nn__data_failed(args.data, status) : NN_OK;
}

/* ---- arrays of the program ----------------------------------------------------------------- */

static nn_status nn__check_values(const nn_array_args *args, const char *call)
{
    if (!args->values) return nn__fail(args->at, NN_ERR_ARGUMENT, call, "values is NULL");
    if (args->n < 1)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "n is %d; a data set has at least one sample", args->n);
    if (args->shape[0] == 0)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "the shape of a sample is missing; {1} is one number");
    if ((int)args->type < NN_REAL || args->type > NN_TOKEN)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "type is %d; NN_REAL, NN_BYTE and NN_TOKEN are the types", (int)args->type);
    if (args->labels && args->targets)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "labels and targets; give only the one that the model is to predict");
    return NN_OK;
}

static nn_status nn__add_values(nn_data *data, const nn_array_args *args, const char *call)
{
    nn_array *x = &data->x[data->inputs];
    nn_status status = nn__array_make(x, args->type, args->shape, args->n, args->at, call);
    if (!status && x->type == NN_BYTE && !nn__array_scale_bytes(x))
        status = nn__fail_memory(args->at, call, "the scaling");
    if (status) {
        nn__array_free(x);
        memset(x, 0, sizeof *x);
        return status;
    }
    memcpy(x->values, args->values, (size_t)args->n * x->size * nn__type_size[x->type]);
    data->n = args->n;
    data->inputs++;
    return NN_OK;
}

static nn_status nn__add_labels(nn_data *data, const nn_array_args *args, const char *call)
{
    nn_status status =
        nn__array_make(&data->y, NN_TOKEN, args->target_shape, args->n, args->at, call);
    if (status) return status;
    size_t count = (size_t)data->n * data->y.size;
    nn__label *label = (nn__label *)nn__alloc_zero(count, sizeof *label);
    if (!label) return nn__fail_memory(args->at, call, "the labels");
    for (size_t i = 0; i < count; i++) label[i].number = args->labels[i], label[i].place = i;
    status = nn__make_classes(data, label, count, false, args->at, call);
    nn__free(label);
    return status;
}

static nn_status nn__add_targets(nn_data *data, const nn_array_args *args, const char *call)
{
    int shape[NN_MAX_RANK];
    memcpy(shape, args->target_shape, sizeof shape);
    if (shape[0] == 0) shape[0] = 1;
    nn_status status = nn__array_make(&data->y, NN_REAL, shape, args->n, args->at, call);
    if (status) return status;
    size_t size = data->y.size, count = (size_t)data->n * size;
    for (size_t i = 0; i < count; i++)
        if (!nn__finite(&args->targets[i], 1))
            return nn__fail(
                args->at, NN_ERR_DATA, call,
                "target %zu of sample %zu (from 0) is %g; leave the sample out, or correct it",
                i % size, i / size, (double)args->targets[i]);
    memcpy(data->y.values, args->targets, count * sizeof(nn_real));
    return NN_OK;
}

/* How many rows the targets of one sample have, each with a weight of its own. */
static size_t nn__positions(const nn_data *data)
{
    const nn_array *y = &data->y;
    if (!y->values) return 1;
    return y->type == NN_TOKEN || y->rank == 0 ? y->size : y->size / (size_t)y->dim[y->rank - 1];
}

static nn_status nn__add_weights(nn_data *data, const nn_array_args *args, const char *call)
{
    size_t positions = nn__positions(data), count = (size_t)data->n * positions; /* fits as y did */
    data->weight = (nn_real *)nn__alloc(count, sizeof(nn_real));
    if (!data->weight) return nn__fail_memory(args->at, call, "the weights");
    for (size_t i = 0; i < count; i++)
        if (args->weights[i] < 0 || !nn__finite(&args->weights[i], 1))
            return nn__fail(args->at, NN_ERR_DATA, call,
                            "weight %zu of sample %zu (from 0) is %g; weights are 0 or larger",
                            i % positions, i / positions, (double)args->weights[i]);
    memcpy(data->weight, args->weights, count * sizeof(nn_real));
    return NN_OK;
}

NN_API nn_status nn_data_from_make(nn_array_args args)
{
    const char *call = "nn_data_from";
    nn_data *data = args.data;
    if (!data) return nn__fail(args.at, NN_ERR_ARGUMENT, call, "the data set is NULL");
    memset(data, 0, sizeof *data);
    nn_status status = nn__check_values(&args, call);
    if (!status) status = nn__add_values(data, &args, call);
    if (!status && args.labels) status = nn__add_labels(data, &args, call);
    if (!status && args.targets) status = nn__add_targets(data, &args, call);
    if (!status && args.weights) status = nn__add_weights(data, &args, call);
    return status ? nn__data_failed(data, status) : NN_OK;
}

NN_API nn_status nn_data_add_input_make(nn_array_args args)
{
    const char *call = "nn_data_add_input";
    nn_status status = nn__data_check(args.data, args.at, call);
    if (!status) status = nn__check_values(&args, call);
    if (!status && (args.labels || args.targets || args.weights))
        status = nn__fail(args.at, NN_ERR_ARGUMENT, call,
                          "labels, targets and weights belong in nn_data_from");
    if (!status && args.data->inputs == NN_MAX_INPUTS)
        status =
            nn__fail(args.at, NN_ERR_ARGUMENT, call,
                     "there are %d inputs already, the most that a data set takes", NN_MAX_INPUTS);
    if (!status && args.n != args.data->n)
        status = nn__fail(args.at, NN_ERR_SHAPE, call, "n is %d, but the data set has %d samples",
                          args.n, args.data->n);
    if (!status) status = nn__add_values(args.data, &args, call);
    return status ? nn__data_spoiled(args.data, status) : NN_OK;
}

/* ---- rows: copy, split, shuffle ------------------------------------------------------------ */

/* A new block with the chosen rows of an old one; index NULL: the first n. */
static void *nn__copy_rows(const void *from, size_t row_bytes, const int *index, int n)
{
    const char *rows = (const char *)from;
    char *copy = (char *)nn__alloc((size_t)n, row_bytes);
    if (copy && !index) memcpy(copy, rows, (size_t)n * row_bytes);
    for (int i = 0; copy && index && i < n; i++)
        memcpy(copy + (size_t)i * row_bytes, rows + (size_t)index[i] * row_bytes, row_bytes);
    return copy;
}

static bool nn__array_rows(nn_array *out, const nn_array *a, const int *index, int n)
{
    *out = *a;
    out->scalings = 0;
    out->offset = out->factor = NULL;
    out->values = nn__copy_rows(a->values, a->size * nn__type_size[a->type], index, n);
    if (!out->values) return false;
    if (a->scalings == 0) return true;
    if (!nn__array_scaling(out, a->scalings)) return false;
    memcpy(out->offset, a->offset, a->scalings * sizeof(nn_real));
    memcpy(out->factor, a->factor, a->scalings * sizeof(nn_real));
    return true;
}

/* Fills the empty set `out`; on failure the caller frees what there is. */
static nn_status nn__rows(nn_data *out, const nn_data *data, const int *index, int n, nn_place at,
                          const char *call)
{
    bool ok = true;
    out->n = n;
    out->classes = data->classes;
    for (int i = 0; ok && i < data->inputs; i++, out->inputs++)
        ok = nn__array_rows(&out->x[i], &data->x[i], index, n);
    if (ok && data->y.values) ok = nn__array_rows(&out->y, &data->y, index, n);
    if (ok && data->weight) {
        size_t bytes = nn__positions(data) * sizeof(nn_real);
        ok = (out->weight = (nn_real *)nn__copy_rows(data->weight, bytes, index, n)) != NULL;
    }
    if (ok && data->class_name)
        ok = (out->class_name = nn__copy_names(data->class_name, (size_t)data->classes)) != NULL;
    if (ok && data->feature_name)
        ok = (out->feature_name = nn__copy_names(data->feature_name, data->x[0].size)) != NULL;
    return ok ? NN_OK : nn__fail_memory(at, call, "a copy of the rows");
}

/* Whether data has the rows that are asked for. */
static nn_status nn__check_rows(const nn_data *data, const int *index, int n, nn_place at,
                                const char *call)
{
    if (n < 1 || (!index && n > data->n))
        return nn__fail(at, NN_ERR_ARGUMENT, call,
                        "n is %d; at least 1 row, and without an index at most %d", n, data->n);
    for (int i = 0; index && i < n; i++)
        if (index[i] < 0 || index[i] >= data->n)
            return nn__fail(at, NN_ERR_ARGUMENT, call, "index[%d] is %d; rows are 0 to %d", i,
                            index[i], data->n - 1);
    return NN_OK;
}

NN_API nn_status nn_data_rows(nn_data *out, const nn_data *data, const int *index, int n)
{
    const char *call = "nn_data_rows";
    if (!out || out == data)
        return nn__fail(nn__nowhere, NN_ERR_ARGUMENT, call, "out must be a data set of its own");
    memset(out, 0, sizeof *out);
    nn_status status = nn__data_check(data, nn__nowhere, call);
    if (!status) status = nn__check_rows(data, index, n, nn__nowhere, call);
    if (!status) status = nn__rows(out, data, index, n, nn__nowhere, call);
    return status ? nn__data_failed(out, status) : NN_OK;
}

/* Shares `test` samples out over the classes in proportion to their counts, each class with at
   least one on both sides: rounded down, then the largest remainders get one more. */
static void nn__stratify(int *share, const int *count, int classes, int n, int test)
{
    int sum = 0;
    for (int c = 0; c < classes; c++) {
        share[c] = (int)((double)count[c] * test / n);
        share[c] = count[c] ? NN__MIN(NN__MAX(share[c], 1), count[c] - 1) : 0;
        sum += share[c];
    }
    while (sum != test) {
        int step = sum < test ? 1 : -1, best = -1;
        double most = 0;
        for (int c = 0; c < classes; c++) {
            double gap = step * ((double)count[c] * test / n - share[c]);
            if (share[c] + step < 1 || share[c] + step >= count[c]) continue;
            if (best < 0 || gap > most) best = c, most = gap;
        }
        NN_ASSERT(best >= 0);
        share[best] += step;
        sum += step;
    }
}

/* How many samples of each class go to test, or an error where no such split exists. */
static nn_status nn__split_shares(const nn_split_args *args, int *share, int *count, int test)
{
    const nn_data *data = args->data;
    int present = 0;
    for (int i = 0; i < data->n; i++) count[((const int32_t *)data->y.values)[i]]++;
    for (int c = 0; c < data->classes; c++) {
        if (count[c] == 1)
            return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_split",
                            "class '%.40s' has one sample, which cannot be on both sides; split "
                            "without .stratify",
                            data->class_name[c]);
        present += count[c] > 0;
    }
    if (test < present || data->n - test < present)
        return nn__fail(
            args->at, NN_ERR_ARGUMENT, "nn_split",
            "%d and %d samples cannot both have all %d classes; choose another .fraction",
            data->n - test, test, present);
    nn__stratify(share, count, data->classes, data->n, test);
    return NN_OK;
}

/* Writes the rows of train, then those of test, to rows. `work` has n + 2 C numbers. */
static nn_status nn__split_rows(const nn_split_args *args, int *rows, int *work, int test)
{
    const nn_data *data = args->data;
    int n = data->n, *order = work, *share = work + n, to_train = n - test, to_test = n;
    nn_random random = nn_random_seed(args->seed);
    for (int i = 0; i < n; i++) order[i] = i;
    if (!args->no_shuffle) nn_random_shuffle(&random, order, n);
    share[0] = test;
    if (args->stratify) {
        nn_status status = nn__split_shares(args, share, share + data->classes, test);
        if (status) return status;
    }
    for (int k = n - 1; k >= 0; k--) { /* from the end, so that the last ones go to test */
        int *left = &share[args->stratify ? ((const int32_t *)data->y.values)[order[k]] : 0];
        if (*left > 0) --*left, rows[--to_test] = order[k];
        else rows[--to_train] = order[k];
    }
    return NN_OK;
}

static nn_status nn__split_check(const nn_split_args *args, double fraction)
{
    const nn_data *data = args->data;
    nn_status status = nn__data_check(data, args->at, "nn_split");
    if (status) return status;
    if (!args->train || !args->test || args->train == args->test || args->train == data ||
        args->test == data)
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_split",
                        "data, train and test must be three data sets");
    if (!(fraction > 0 && fraction < 1) || ceil(fraction * data->n) >= data->n)
        return nn__fail(
            args->at, NN_ERR_ARGUMENT, "nn_split",
            "a fraction of %g of %d samples leaves one side empty; choose one between 0 and 1",
            fraction, data->n);
    if (args->stratify && (data->y.type != NN_TOKEN || data->y.size != 1 || data->classes < 1))
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_split",
                        ".stratify needs one class label for each sample; split before nn_one_hot, "
                        "or without .stratify");
    return NN_OK;
}

NN_API nn_status nn_split_make(nn_split_args args)
{
    const nn_data *data = args.data;
    double fraction = args.fraction != 0 ? args.fraction : 0.2;
    int *rows = NULL, *work = NULL;
    if (args.train && args.train != data) memset(args.train, 0, sizeof *args.train);
    if (args.test && args.test != data) memset(args.test, 0, sizeof *args.test);
    nn_status status = nn__split_check(&args, fraction);
    if (!status) {
        int n = data->n, test = (int)ceil(fraction * n); /* as scikit-learn rounds */
        rows = (int *)nn__alloc((size_t)n, sizeof *rows);
        work = (int *)nn__alloc_zero((size_t)n + 2 * (size_t)data->classes + 1, sizeof *work);
        if (!rows || !work) status = nn__fail_memory(args.at, "nn_split", "the order of rows");
        if (!status) status = nn__split_rows(&args, rows, work, test);
        if (!status) status = nn__rows(args.train, data, rows, n - test, args.at, "nn_split");
        if (!status) status = nn__rows(args.test, data, rows + n - test, test, args.at, "nn_split");
    }
    nn__free(rows);
    nn__free(work);
    if (status && args.train != data) nn__data_failed(args.train, status);
    if (status && args.test != data) nn__data_failed(args.test, status);
    return status;
}

/* Swaps rows i and j of a block. */
static void nn__swap_rows(void *block, size_t row_bytes, size_t i, size_t j)
{
    if (!block || i == j) return;
    char *a = (char *)block + i * row_bytes, *b = (char *)block + j * row_bytes, keep[256];
    for (size_t done = 0, part; done < row_bytes; done += part) {
        part = NN__MIN(row_bytes - done, sizeof keep);
        memcpy(keep, a + done, part);
        memcpy(a + done, b + done, part);
        memcpy(b + done, keep, part);
    }
}

/* Fisher and Yates on whole rows: in place, so it needs no memory. */
NN_API nn_status nn_shuffle(nn_data *data, uint64_t seed)
{
    nn_status status = nn__data_check(data, nn__nowhere, "nn_shuffle");
    if (status) return nn__data_spoiled(data, status);
    nn_random random = nn_random_seed(seed);
    size_t weight_bytes = nn__positions(data) * sizeof(nn_real);
    for (size_t i = (size_t)data->n - 1; i > 0; i--) {
        size_t j = (size_t)nn_random_below(&random, i + 1);
        for (int k = 0; k <= data->inputs; k++) {
            nn_array *a = k < data->inputs ? &data->x[k] : &data->y;
            nn__swap_rows(a->values, a->size * nn__type_size[a->type], i, j);
        }
        nn__swap_rows(data->weight, weight_bytes, i, j);
    }
    return NN_OK;
}

/* ---- scaling ------------------------------------------------------------------------------- */

static double nn__raw(const nn_array *a, size_t i)
{
    if (a->type == NN_BYTE) return ((const uint8_t *)a->values)[i];
    if (a->type == NN_TOKEN) return ((const int32_t *)a->values)[i];
    return (double)((const nn_real *)a->values)[i];
}

static nn_status nn__check_finite(const nn_data *data, int input, nn_place at, const char *call)
{
    const nn_array *a = &data->x[input];
    const nn_real *values = (const nn_real *)a->values;
    size_t size = a->size, total = (size_t)data->n * size, i = 0;
    if (a->type != NN_REAL || nn__finite(values, total)) return NN_OK;
    while (nn__finite(&values[i], 1)) i++;
    const char *name = input == 0 && data->feature_name ? data->feature_name[i % size] : "";
    return nn__fail(
        at, NN_ERR_DATA, call,
        "row %zu, column %zu%s%.40s of input %d (from 0) is %g; leave the row out, or correct it",
        i / size, i % size, *name ? " " : "", name, input, (double)values[i]);
}

/* Mean and population deviation of each column, in two passes. The mean is taken of the distances
   to the first row, so that it is exact, and the deviation exactly 0, in a constant column. */
static void nn__mean_deviation(double *mean, double *deviation, const nn_array *a, size_t rows,
                               size_t columns)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) mean[c] += nn__raw(a, r * columns + c) - nn__raw(a, c);
    for (size_t c = 0; c < columns; c++) mean[c] = nn__raw(a, c) + mean[c] / (double)rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double d = nn__raw(a, r * columns + c) - mean[c];
            deviation[c] += d * d;
        }
    for (size_t c = 0; c < columns; c++) deviation[c] = sqrt(deviation[c] / (double)rows);
}

static void nn__low_range(double *low, double *range, const nn_array *a, size_t rows,
                          size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        double high = low[c] = nn__raw(a, c);
        for (size_t r = 1; r < rows; r++) {
            double value = nn__raw(a, r * columns + c);
            if (value < low[c]) low[c] = value;
            if (value > high) high = value;
        }
        range[c] = high - low[c];
    }
}

typedef void nn__statistics(double *offset, double *spread, const nn_array *a, size_t rows,
                            size_t columns);

static nn_status nn__fit_scaling(nn_data *data, int input, nn__statistics *statistics,
                                 const char *call)
{
    nn_array *a = &data->x[input];
    if (a->type == NN_TOKEN) return NN_OK;
    nn_status status = nn__check_finite(data, input, nn__nowhere, call);
    if (status) return status;
    size_t columns = a->type == NN_BYTE ? 1 : a->size, rows = (size_t)data->n * a->size / columns;
    double *offset = (double *)nn__alloc_zero(columns, sizeof *offset);
    double *spread = (double *)nn__alloc_zero(columns, sizeof *spread);
    if (!offset || !spread || !nn__array_scaling(a, columns))
        status = nn__fail_memory(nn__nowhere, call, "the scaling");
    else {
        statistics(offset, spread, a, rows, columns);
        for (size_t c = 0; c < columns; c++) {
            double factor = spread[c] > 0 ? 1 / spread[c] : 1;
            a->offset[c] = (nn_real)offset[c];
            a->factor[c] = (nn_real)(factor <= NN__REAL_MAX ? factor : 1);
        }
    }
    nn__free(offset);
    nn__free(spread);
    return status;
}

static nn_status nn__scale(nn_data *data, nn__statistics *statistics, const char *call)
{
    nn_status status = nn__data_check(data, nn__nowhere, call);
    for (int i = 0; !status && i < data->inputs; i++)
        status = nn__fit_scaling(data, i, statistics, call);
    return status ? nn__data_spoiled(data, status) : NN_OK;
}

NN_API nn_status nn_standardise(nn_data *data)
{
    return nn__scale(data, nn__mean_deviation, "nn_standardise");
}

NN_API nn_status nn_min_max(nn_data *data)
{
    return nn__scale(data, nn__low_range, "nn_min_max");
}

NN_API double nn_data_value(const nn_data *data, int input, int row, size_t i)
{
    NN_ASSERT(data && input >= 0 && input < data->inputs && row >= 0 && row < data->n);
    const nn_array *a = &data->x[input];
    NN_ASSERT(i < a->size);
    nn_real raw = (nn_real)nn__raw(a, (size_t)row * a->size + i);
    size_t s = a->scalings > 1 ? i : 0;
    return (double)(a->scalings ? a->factor[s] * (raw - a->offset[s]) : raw);
}

NN_API int nn_data_label(const nn_data *data, int sample)
{
    NN_ASSERT(data && sample >= 0 && sample < data->n);
    size_t first = (size_t)sample * data->y.size;
    if (data->classes == 0) return -1;
    if (data->y.type == NN_TOKEN) return (int)((const int32_t *)data->y.values)[first];
    return nn_argmax((const nn_real *)data->y.values + first, data->classes);
}

NN_API nn_status nn_one_hot(nn_data *data)
{
    const char *call = "nn_one_hot";
    nn_array one = NN__EMPTY;
    nn_status status = nn__data_check(data, nn__nowhere, call);
    if (!status && (data->classes < 1 || data->y.type != NN_TOKEN))
        status = nn__fail(nn__nowhere, NN_ERR_STATE, call,
                          "the targets are not class labels; load them with .label, or as .labels");
    if (!status && data->y.rank == NN_MAX_RANK)
        status = nn__fail(nn__nowhere, NN_ERR_SHAPE, call,
                          "the labels have %d dimensions, and there is no room for one more",
                          NN_MAX_RANK);
    if (status) return nn__data_spoiled(data, status);
    int shape[NN_MAX_RANK] = { 0 };
    for (int i = 0; i < data->y.rank; i++) shape[i] = data->y.dim[i];
    shape[data->y.rank] = data->classes;
    status = nn__array_make(&one, NN_REAL, shape, data->n, nn__nowhere, call);
    if (status) return nn__data_spoiled(data, status);
    size_t labels = (size_t)data->n * data->y.size, classes = (size_t)data->classes;
    for (size_t i = 0; i < labels * classes; i++) ((nn_real *)one.values)[i] = 0;
    for (size_t i = 0; i < labels; i++)
        ((nn_real *)one.values)[i * classes + (size_t)((int32_t *)data->y.values)[i]] = 1;
    nn__array_free(&data->y);
    data->y = one;
    return NN_OK;
}

/* ---- batches ------------------------------------------------------------------------------- */

/* Asks for memory that is needed soon: rows of a shuffled batch lie far from each other. */
static void nn__prefetch(const char *memory, size_t bytes)
{
#ifdef __GNUC__
    for (size_t i = 0; i < NN__MIN(bytes, 4096); i += 64) __builtin_prefetch(memory + i);
#else
    (void)memory, (void)bytes;
#endif
}

/* One row as training sees it: factor * (raw - offset). Tokens are not scaled: they are names, not
   amounts. One loop for each kind of scaling, so that none has a branch or a stride of 0 inside. */
static void nn__gather_row(nn_real *out, const nn_array *a, size_t row, const nn_real *offset,
                           const nn_real *factor, size_t scalings)
{
    const size_t n = a->size, start = row * n;
    if (a->type == NN_BYTE && scalings == 1 && nn__vector()) {
        nn__vector()->bytes(out, (const uint8_t *)a->values + start, offset[0], factor[0], n);
        return;
    }
    if (a->type == NN_REAL) memcpy(out, (const nn_real *)a->values + start, n * sizeof *out);
    else
        for (size_t i = 0; i < n; i++) out[i] = (nn_real)nn__raw(a, start + i);
    if (scalings == 0 || a->type == NN_TOKEN) return;
    const nn_real o = offset[0], f = factor[0];
    if (scalings == 1)
        for (size_t i = 0; i < n; i++) out[i] = f * (out[i] - o);
    else
        for (size_t i = 0; i < n; i++) out[i] = factor[i] * (out[i] - offset[i]);
}

/* Part number `part` of nn__gather. */
static void nn__gather_part(nn_real *out, const nn_array *a, const nn_real *offset,
                            const nn_real *factor, size_t scalings, const int *rows, int n,
                            int part, int parts)
{
    const size_t bytes = a->size * nn__type_size[a->type];
    const int end = nn__part_begin(n, part + 1, parts);
    for (int b = nn__part_begin(n, part, parts); b < end; b++) {
        if (rows && b + 1 < end)
            nn__prefetch((const char *)a->values + (size_t)rows[b + 1] * bytes, bytes);
        nn__gather_row(out + (size_t)b * a->size, a, (size_t)(rows ? rows[b] : b), offset, factor,
                       scalings);
    }
}

/* Gathers n rows of a into out (n, size), with the scaling that is given (the model's, not the
   array's). rows NULL: rows 0 .. n-1. */
NN__UNUSED
static void nn__gather(nn_real *out, const nn_array *a, const nn_real *offset,
                       const nn_real *factor, size_t scalings, const int *rows, int n)
{
    NN_ASSERT(scalings <= 1 || scalings == a->size);
    if ((double)n * (double)a->size < NN__LARGE / 16)
        nn__gather_part(out, a, offset, factor, scalings, rows, n, 0, 1);
    else {
        NN__PARALLEL
        nn__gather_part(out, a, offset, factor, scalings, rows, n, NN__PART, NN__PARTS);
    }
}

/* ======================================================================== >>graph ============
   A model keeps its tensors in the order of creation. Since a constructor can only use tensors that
   exist, this is an order of computation too: forward walks it, backward walks it in reverse. */

/* What a kind of tensor does. backward adds to the gradients of t->in. */
typedef struct nn__op {
    const char *name;
    void (*forward)(nn_tensor *t);
    void (*backward)(nn_tensor *t);
    size_t (*work)(const nn_tensor *t, int rows); /* numbers of workspace for a batch, or NULL */
} nn__op;

/* Parameters and their gradients, which several models may share. */
typedef struct nn__block {
    int models;
    size_t count;
    nn_real *values, *grads;
} nn__block;

/* A scaling that came with the training data. */
typedef struct nn__scaling {
    size_t scalings;
    nn_real *offset, *factor; /* one block: offset is what is freed */
} nn__scaling;

enum { NN__SUM_LOSS, NN__SUM_RIGHT, NN__SUM_TOP_K, NN__SUM_ABSOLUTE, NN__SUMS };

/* Sums over batches from which nn_metrics are made. */
typedef struct nn__tally {
    double sum[NN__SUMS], rows, samples;
} nn__tally;

/* The library's half of a model. */
typedef struct nn__run {
    /* graph */
    nn_tensor **tensor;
    int tensors, room;
    uint64_t seed;
    nn__block *block;
    nn_model *shared; /* while the graph is built: where parameters come from, and the next one */
    int shared_next;
    char error[NN__MESSAGE_SIZE];
    /* plan */
    bool built, training; /* training: with gradients */
    nn_place compile_at;
    nn_tensor *input[NN_MAX_INPUTS];
    int inputs;
    int capacity; /* samples that the arena has room for */
    nn_real *arena, *work;
    nn_mode mode; /* of the forward pass under way */
    /* loss */
    nn_loss loss;
    bool from_logits;
    double huber_delta;
    int top_k;
    nn_tensor *logits; /* where the gradient of the loss enters: the output, or what is before it */
    int rows, classes; /* of the output of one sample: output->size = rows * classes */
    bool has_targets;
    nn_real *target, *probability; /* (B, rows, classes) */
    int *label; /* (B, rows) */
    nn_real *row_weight, *row_loss; /* (B, rows) */
    int *sample; /* (B): number of the sample in its data set, which keys dropout */
    int *label_map; /* (data's classes): the model's number of each class of the data; or NULL */
    const nn_data *mapped; /* the data that label_map is for */
    int label_map_room;
    /* what training data leaves behind */
    nn__scaling scaling[NN_MAX_INPUTS];
    char **class_name;
    int class_names;
    /* optimizer */
    nn_optimizer optimizer;
    nn_real *state1, *state2;
    long t; /* steps since nn_compile */
    long schedule_steps; /* how long cosine and one-cycle take */
    nn_plateau plateau;
    double rate; /* of plateau, or set by hand; NaN: by the schedule */
    bool rate_by_hand;
    /* fit */
    bool fitting, fit_over;
    bool outer_allowed; /* gradients may be left in factors: nobody looks, and SGD needs no more */
    nn_status fit_status;
    nn_fit_args fit;
    int first_epoch, last_epoch, batch_size, samples; /* samples: without the validation part */
    int *order; /* (data->n): the samples, shuffled for each epoch, then those of validation */
    double best_value, epoch_started, bar_drawn;
    int wait, best_epoch;
    nn_real *best; /* the best weights so far, or NULL */
    nn_real *plain; /* (batch_size, size): images before they are augmented, or NULL */
    nn__tally tally; /* of the epoch */
    double largest_norm;
} nn__run;

/* ---- shapes and errors ---- */

static int nn__rows_of(const nn_tensor *t) /* samples in a tensor: the batch, or one */
{
    return t->batched ? t->model->batch : 1;
}

/* "(26, 26, 32)" */
static const char *nn__shape_text(char *text, size_t size, const nn_tensor *t)
{
    size_t used = 1;
    nn__copy_text(text, size, "(");
    for (int d = 0; d < t->rank && used + 16 < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", d ? ", " : "", t->dim[d]);
    nn__copy_text(text + used, size - used, ")");
    return text;
}

#define NN__SHAPE_SIZE 80

/* Leaves the first failure of a constructor in the model. Returns NULL, for the constructor. */
static nn_tensor *nn__graph_failed(nn_model *m, nn_status status)
{
    if (m->status == NN_OK) {
        m->status = status;
        nn__copy_text(m->run->error, NN__MESSAGE_SIZE, nn__message);
    }
    return NULL;
}

/* The same with the sentence. */
NN__PRINTF(5, 6)
static nn_tensor *nn__refuse(nn_model *m, nn_place at, nn_status status, const char *call,
                             const char *format, ...)
{
    char text[NN__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return nn__graph_failed(m, nn__fail(at, status, call, "%s", text));
}

/* Room for one more tensor in the model. */
static bool nn__tensor_room(nn__run *r)
{
    size_t room = (size_t)r->room * 2 + 32;
    if (r->tensors < r->room) return true;
    nn_tensor **more = (nn_tensor **)nn__alloc(room, sizeof *more);
    if (!more) return false;
    if (r->tensors) memcpy(more, r->tensor, (size_t)r->tensors * sizeof *more);
    nn__free(r->tensor);
    r->tensor = more, r->room = (int)room;
    return true;
}

/* Sets the name: the given one, or the operation's with a running number, such as "dense2". */
static void nn__tensor_name(nn_tensor *t, const char *name, const char *kind)
{
    char numbered[NN_NAME_SIZE];
    int number = 1;
    t->named = name != NULL;
    for (int i = 0; !name && i < t->model->run->tensors; i++) {
        const nn_tensor *other = t->model->run->tensor[i];
        if (other == t || other->hidden || strchr(other->name, '.')) continue;
        number += strncmp(other->name, kind, strlen(kind)) == 0;
    }
    snprintf(numbered, sizeof numbered, "%.24s%d", kind, number);
    nn__copy_text(t->name, NN_NAME_SIZE, name ? name : numbered);
}

/* Sets the shape from up to four dimensions; false where it is no size. */
static bool nn__tensor_shape(nn_tensor *t, const int dim[NN_MAX_RANK])
{
    t->rank = NN_MAX_RANK, t->size = 1;
    while (t->rank > 0 && dim[t->rank - 1] == 0) t->rank--;
    for (int d = 0; d < t->rank; d++) {
        t->dim[d] = dim[d];
        if (dim[d] <= 0 || !nn__mul(t->size, (size_t)dim[d], &t->size) || t->size > INT_MAX)
            return false;
    }
    return true;
}

/* A new tensor at the end of the model; NULL after an error. */
static nn_tensor *nn__tensor_new(nn_model *m, nn_place at, const nn__op *op, const char *call,
                                 const char *name, const int dim[NN_MAX_RANK])
{
    nn__run *r = m->run;
    nn_tensor *t = nn__tensor_room(r) ? (nn_tensor *)nn__alloc_zero(1, sizeof *t) : NULL;
    if (!t) return nn__graph_failed(m, nn__fail_memory(at, call, "a tensor"));
    t->model = m, t->at = at, t->op = op;
    r->tensor[r->tensors++] = t;
    nn__tensor_name(t, name, op ? op->name : call + 3); /* nn_input: "input" */
    if (nn__tensor_shape(t, dim)) return t;
    return nn__refuse(m, at, NN_ERR_SHAPE, call,
                      "the shape (%d, %d, %d, %d) is not a size: dimensions are positive, and "
                      "their product is at most %d",
                      dim[0], dim[1], dim[2], dim[3], INT_MAX);
}

/* One that is computed from x, of this shape or, where dim is NULL, of x's. */
static nn_tensor *nn__tensor_from(nn_tensor *x, nn_place at, const nn__op *op, const char *call,
                                  const char *name, const int *dim)
{
    nn_tensor *t = nn__tensor_new(x->model, at, op, call, name, dim ? dim : x->dim);
    if (!t) return NULL;
    t->in[0] = x, t->batched = x->batched;
    return t;
}

/* An axis as the caller counts it, 1 first and 0 or -1 last, as an index; -1 after an error. */
static int nn__axis_index(const nn_tensor *x, int axis, nn_place at, const char *call)
{
    char shape[NN__SHAPE_SIZE];
    int index = axis > 0 ? axis - 1 : x->rank + (axis == 0 ? -1 : axis);
    if (index >= 0 && index < x->rank) return index;
    nn__refuse(x->model, at, NN_ERR_SHAPE, call,
               "there is no axis %d in %s of shape %s; axes count from 1", axis, x->name,
               nn__shape_text(shape, sizeof shape, x));
    return -1;
}

/* outer, n, inner: the axes before axis d, axis d, and those behind it. */
static void nn__axis_parts(const nn_tensor *x, int d, size_t *outer, size_t *inner)
{
    *outer = (size_t)nn__rows_of(x), *inner = 1;
    for (int i = 0; i < d; i++) *outer *= (size_t)x->dim[i];
    for (int i = d + 1; i < x->rank; i++) *inner *= (size_t)x->dim[i];
}

static size_t nn__entries(const nn_tensor *t)
{
    return t->size * (size_t)nn__rows_of(t);
}

/* ---- gradients: zeroed when the first one arrives, so that a product may overwrite ---- */

static nn_tensor *nn__root(nn_tensor *t)
{
    while (t->view_of) t = t->view_of;
    return t;
}

/* The flag for a product into t->grad: add if something is there, else overwrite. */
static int nn__grad_flag(nn_tensor *t)
{
    nn_tensor *root = nn__root(t);
    int flag = root->written ? NN_ACCUMULATE : 0;
    root->written = true;
    return flag;
}

/* t->grad ready to be added to; NULL where no gradient is needed. */
static nn_real *nn__grad(nn_tensor *t)
{
    if (!t || !t->needs_grad) return NULL;
    if (!nn__grad_flag(t)) memset(t->grad, 0, nn__entries(t) * sizeof(nn_real));
    return t->grad;
}

/* ---- model ---- */

NN_API nn_model *nn_model_new_make(nn_model_args args)
{
    nn_model *m = (nn_model *)nn__alloc_zero(1, sizeof *m);
    nn__run *r = (nn__run *)nn__alloc_zero(1, sizeof *r);
    nn__block *block =
        args.share ? args.share->run->block : (nn__block *)nn__alloc_zero(1, sizeof *block);
    if (!m || !r || !block) {
        nn__fail_memory(args.at, "nn_model_new", "a model");
        nn__free(m), nn__free(r);
        if (!args.share) nn__free(block);
        return NULL;
    }
    m->run = r;
    r->seed = args.seed, r->block = block, r->shared = args.share, r->rate = NAN;
    block->models++;
    if (args.share && !args.share->run->built)
        nn__refuse(m, args.at, NN_ERR_STATE, "nn_model_new",
                   ".share needs a model that nn_compile or nn_build has built");
    return m;
}

static void nn__fit_free(nn__run *r)
{
    nn__free(r->order), nn__free(r->best), nn__free(r->plain);
    r->order = NULL, r->best = r->plain = NULL;
    r->fitting = false;
}

NN_API void nn_model_free(nn_model *model)
{
    if (!model) return;
    nn__run *r = model->run;
    for (int i = 0; i < r->tensors; i++) {
        nn__free(r->tensor[i]->constant);
        nn__free(r->tensor[i]);
    }
    if (--r->block->models == 0) {
        nn__free(r->block->values), nn__free(r->block->grads);
        nn__free(r->block);
    }
    for (int i = 0; i < NN_MAX_INPUTS; i++) nn__free(r->scaling[i].offset);
    nn__free(r->class_name);
    nn__fit_free(r);
    nn__free(r->tensor), nn__free(r->arena), nn__free(r->label_map);
    nn__free(r->state1), nn__free(r->state2);
    nn__free(model->history.epoch), nn__free(r), nn__free(model);
}

/* ---- inputs, parameters, constants ---- */

NN_API nn_tensor *nn_input_make(nn_input_args args)
{
    const char *call = "nn_input";
    const int dim[NN_MAX_RANK] = { args.dim0, args.dim1, args.dim2, args.dim3 };
    if (!args.model) return NULL;
    nn__run *r = args.model->run;
    if (r->inputs == NN_MAX_INPUTS)
        return nn__refuse(args.model, args.at, NN_ERR_ARGUMENT, call,
                          "a model has at most %d inputs", NN_MAX_INPUTS);
    nn_tensor *t = nn__tensor_new(args.model, args.at, NULL, call, args.name, dim);
    if (!t) return NULL;
    t->batched = t->input = true;
    t->tokens = args.tokens;
    r->input[r->inputs++] = t;
    return t;
}

/* The next parameter of the model whose parameters this one shares, if it has this shape. */
static bool nn__take_shared(nn_tensor *t)
{
    char mine[NN__SHAPE_SIZE], theirs[NN__SHAPE_SIZE];
    nn__run *r = t->model->run;
    const nn_tensor *source = nn_parameter_at(r->shared, r->shared_next++);
    if (source && source->rank == t->rank && memcmp(source->dim, t->dim, sizeof t->dim) == 0) {
        t->offset = source->offset;
        return true;
    }
    nn__refuse(t->model, t->at, NN_ERR_SHAPE, "nn_parameter",
               "%s of shape %s has no counterpart in the shared model: its parameter number %d is "
               "%s%s; build both graphs with the same layers in the same order",
               t->name, nn__shape_text(mine, sizeof mine, t), r->shared_next,
               source ? source->name : "missing",
               source ? nn__shape_text(theirs, sizeof theirs, source) : "");
    return false;
}

NN_API nn_tensor *nn_parameter_make(nn_parameter_args args)
{
    const char *call = "nn_parameter";
    const int dim[NN_MAX_RANK] = { args.dim0, args.dim1, args.dim2, args.dim3 };
    if (!args.model) return NULL;
    if ((int)args.init < 0 || args.init >= NN_INIT_COUNT || !(args.init_scale >= 0) ||
        !(args.l1 >= 0) || !(args.l2 >= 0))
        return nn__refuse(args.model, args.at, NN_ERR_ARGUMENT, call,
                          "init must be one of nn_init; init_scale, l1, l2 at least 0");
    nn_tensor *t = nn__tensor_new(args.model, args.at, NULL, call, args.name, dim);
    if (!t) return NULL;
    t->parameter = true, t->frozen = args.frozen;
    t->init = args.init, t->init_scale = args.init_scale;
    t->l1 = args.l1, t->l2 = args.l2;
    t->offset = SIZE_MAX; /* no place yet: nn__place_parameters */
    return args.model->run->shared && !nn__take_shared(t) ? NULL : t;
}

NN_API nn_tensor *nn_constant_make(nn_constant_args args)
{
    const char *call = "nn_constant";
    const int dim[NN_MAX_RANK] = { args.dim0, args.dim1, args.dim2, args.dim3 };
    if (!args.model) return NULL;
    if (!args.values)
        return nn__refuse(args.model, args.at, NN_ERR_ARGUMENT, call,
                          "values is NULL; give it the numbers of the constant");
    nn_tensor *t = nn__tensor_new(args.model, args.at, NULL, call, args.name, dim);
    if (!t) return NULL;
    t->constant = (nn_real *)nn__alloc(t->size, sizeof(nn_real));
    if (!t->constant)
        return nn__graph_failed(args.model, nn__fail_memory(args.at, call, "its values"));
    memcpy(t->constant, args.values, t->size * sizeof(nn_real));
    return t;
}

NN_API nn_tensor *nn_parameter_at(const nn_model *model, int k)
{
    for (int i = 0; model && i < model->run->tensors; i++)
        if (model->run->tensor[i]->parameter && k-- == 0) return model->run->tensor[i];
    return NULL;
}

NN_API nn_tensor *nn_parameter_named(const nn_model *model, const char *name)
{
    nn_tensor *t;
    for (int k = 0; (t = nn_parameter_at(model, k)) != NULL; k++)
        if (strcmp(t->name, name) == 0) return t;
    return NULL;
}

NN_API void nn_freeze(nn_tensor *layer, bool frozen)
{
    if (!layer) return;
    if (layer->parameter) layer->frozen = frozen || layer->state;
    for (int i = 0; i < NN__MAX_IN; i++)
        if (layer->in[i] && (layer->in[i]->parameter || layer->in[i]->hidden))
            nn_freeze(layer->in[i], frozen);
}

/* ---- dense ------------------------------------------------------------- >>graph/dense */

static void nn__dense_sizes(const nn_tensor *t, int *B, int *I, int *O)
{
    *I = t->in[1]->dim[1], *O = t->in[1]->dim[0];
    *B = (int)(nn__entries(t) / (size_t)*O); /* every row along the last axis */
}

static void nn__dense_op_forward(nn_tensor *t)
{
    int B, I, O;
    nn__dense_sizes(t, &B, &I, &O);
    nn__dense_run(t->value, t->in[0]->value, t->in[1]->value, t->in[2] ? t->in[2]->value : NULL, B,
                  I, O, t->activation, t->number, t->model->run->work);
}

/* Writes down the gradient of a weight that was left in its factors. */
static void nn__form_gradient(nn_tensor *w)
{
    nn_tensor *t = w->outer;
    if (!t) return;
    w->outer = NULL;
    nn_matmul(w->grad, t->grad, t->in[0]->value, w->dim[0], w->dim[1], 1, NN_TRANSPOSE_A,
              t->model->run->work);
}

static void nn__dense_weight_backward(nn_tensor *t, int B, int I, int O)
{
    nn_tensor *w = t->in[1];
    const bool apart = B == 1 && t->model->run->outer_allowed && !(w->l1 > 0 || w->l2 > 0);
    nn__form_gradient(w); /* of another layer that shares the weight */
    if (apart && !w->written) w->outer = t, w->written = true;
    else
        nn_matmul(w->grad, t->grad, t->in[0]->value, O, I, B, NN_TRANSPOSE_A | nn__grad_flag(w),
                  t->model->run->work);
}

/* The gradient of the first layer's input is never computed: x needs none. */
static void nn__dense_op_backward(nn_tensor *t)
{
    int B, I, O;
    nn_tensor *x = t->in[0], *w = t->in[1], *b = t->in[2];
    nn_real *work = t->model->run->work;
    nn__dense_sizes(t, &B, &I, &O);
    if (x->needs_grad) nn_matmul(x->grad, t->grad, w->value, B, I, O, nn__grad_flag(x), work);
    if (w->needs_grad) nn__dense_weight_backward(t, B, I, O);
    if (b && b->needs_grad) nn__bias_backward(nn__grad(b), t->grad, B, O);
}

static size_t nn__dense_op_work(const nn_tensor *t, int rows)
{
    int B = (int)((t->batched ? (size_t)rows : 1) * t->size / (size_t)t->in[1]->dim[0]);
    return nn_dense_work_size(B, t->in[1]->dim[1], t->in[1]->dim[0]);
}

static const nn__op nn__op_dense = { "dense", nn__dense_op_forward, nn__dense_op_backward,
                                     nn__dense_op_work };

static bool nn__is_relu_like(nn_activation kind)
{
    return kind == NN_RELU || kind == NN_LEAKY_RELU || kind == NN_ELU || kind == NN_GELU ||
           kind == NN_SILU;
}

/* The dense tensor itself, where a layer has an activation behind it. */
static nn_tensor *nn__before_activation(nn_tensor *t)
{
    return t->in[0] && t->in[0]->hidden ? t->in[0] : t;
}

/* Weight and bias of a new layer t. dim: the shape of the weight; reach: how many outputs of each
   unit an input has part in, which fan_out counts. */
static bool nn__layer_parameters(nn_tensor *t, const nn_dense_args *args, const int *dim,
                                 double reach)
{
    nn_parameter_args p = NN__EMPTY;
    char name[NN_NAME_SIZE + 8];
    p.at = args->at, p.model = t->model, p.frozen = args->frozen, p.name = name;
    p.dim0 = dim[0], p.dim1 = dim[1], p.dim2 = dim[2], p.dim3 = dim[3];
    p.init = args->init != NN_INIT_DEFAULT        ? args->init
             : nn__is_relu_like(args->activation) ? NN_HE_UNIFORM
                                                  : NN_GLOROT_UNIFORM;
    p.init_scale = args->init_scale, p.l1 = args->l1, p.l2 = args->l2;
    snprintf(name, sizeof name, "%.31s.weight", t->name);
    t->in[1] = nn_parameter_make(p);
    if (t->in[1]) t->in[1]->number = reach;
    if (!t->in[1] || args->no_bias) return t->in[1] != NULL;
    p.dim1 = p.dim2 = p.dim3 = 0, p.init = NN_INIT_ZEROS, p.l1 = p.l2 = 0;
    snprintf(name, sizeof name, "%.31s.bias", t->name);
    t->in[2] = nn_parameter_make(p);
    return t->in[2] != NULL;
}

/* Or those of `source`, which must be a layer of the same kind with such a weight. */
static bool nn__layer_share(nn_tensor *t, nn_tensor *source, const int *dim, const char *call)
{
    const nn_tensor *s = nn__before_activation(source);
    const bool fits =
        s->op == t->op && s->model == t->model && memcmp(s->in[1]->dim, dim, sizeof t->dim) == 0;
    for (int k = 1; fits && k < NN__MAX_IN; k++) t->in[k] = s->in[k];
    if (fits) return true;
    nn__refuse(t->model, t->at, NN_ERR_SHAPE, call,
               ".share needs a %s layer of this model with weights of shape (%d, %d, %d, %d); %s "
               "is not one",
               t->op->name, dim[0], dim[1], dim[2], dim[3], source->name);
    return false;
}

/* Gives the layer t, dense or a convolution, its parameters, and puts its activation behind it. */
static nn_tensor *nn__layer_finish(nn_tensor *t, const nn_dense_args *args, const int *dim,
                                   double reach, const char *call)
{
    nn_activate_args a = NN__EMPTY;
    char name[NN_NAME_SIZE];
    if (args->share ? !nn__layer_share(t, args->share, dim, call)
                    : !nn__layer_parameters(t, args, dim, reach))
        return NULL;
    if (args->activation == NN_LINEAR) return t;
    nn__copy_text(name, sizeof name, t->name);
    a.at = args->at, a.x = t, a.activation = args->activation, a.alpha = args->alpha, a.name = name;
    t->hidden = true; /* what the caller gets, and what has the layer's name, is the activation */
    return nn_activate_make(a);
}

NN_API nn_tensor *nn_dense_make(nn_dense_args args)
{
    const char *call = "nn_dense";
    int dim[NN_MAX_RANK];
    nn_tensor *x = args.x;
    if (!x) return NULL;
    if (args.units <= 0 || x->rank == 0)
        return nn__refuse(x->model, args.at, NN_ERR_SHAPE, call,
                          "needs at least one unit (it has %d) and an input with an axis",
                          args.units);
    const int weight[NN_MAX_RANK] = { args.units, x->dim[x->rank - 1], 0, 0 };
    memcpy(dim, x->dim, sizeof dim);
    dim[x->rank - 1] = args.units;
    nn_tensor *t = nn__tensor_from(x, args.at, &nn__op_dense, call, args.name, dim);
    return t ? nn__layer_finish(t, &args, weight, 1, call) : NULL;
}

/* ---- convolution ------------------------------------------------------ >>graph/conv2d */

/* What t->pool does for the images of t. */
static const nn__job *nn__pool_behind(nn__job *job, const nn_tensor *t)
{
    const nn_tensor *p = t->pool;
    if (!p) return NULL;
    job->s = &p->window, job->x = t->value, job->y = p->value, job->output = p->value;
    job->winner = (int *)(void *)p->saved, job->dy = p->grad;
    job->activation = t->activation, job->alpha = (nn_real)t->number;
    return job;
}

static void nn__conv2d_op_forward(nn_tensor *t)
{
    nn__job pool = NN__EMPTY;
    nn__conv2d_run(t->value, t->in[0]->value, t->in[1]->value, t->in[2] ? t->in[2]->value : NULL,
                   nn__rows_of(t), &t->window, t->activation, t->number, nn__pool_behind(&pool, t),
                   t->model->run->work);
}

static void nn__conv2d_op_backward(nn_tensor *t)
{
    nn_tensor *x = t->in[0], *w = t->in[1];
    nn_real *db = nn__grad(t->in[2]), *work = t->model->run->work;
    const size_t O = (size_t)t->window.O, sums = t->pool ? nn__lines(NN__PARTS_OF_BATCH * O) : 0;
    nn__job j = NN__EMPTY, pool = NN__EMPTY;
    j.s = &t->window, j.B = nn__rows_of(t), j.dx = nn__grad(x), j.dw = nn__grad(w);
    j.dy = t->grad, j.x = x->value, j.w = w->value, j.patches = work + sums, j.db = work;
    j.pool = nn__pool_behind(&pool, t);
    memset(work, 0, sums * sizeof *work);
    nn__conv2d_backward(&j, db, work + sums);
    for (size_t i = 0; db && t->pool && i < NN__PARTS_OF_BATCH; i++)
        nn__add_to(db, work + i * O, O);
}

static size_t nn__conv2d_op_work(const nn_tensor *t, int rows)
{
    const size_t O = (size_t)t->window.O, sums = t->pool ? nn__lines(NN__PARTS_OF_BATCH * O) : 0;
    return sums + nn__conv2d_work_size(t->batched ? rows : 1, &t->window,
                                       t->pool ? &t->pool->window : NULL);
}

static const nn__op nn__op_conv2d = { "conv2d", nn__conv2d_op_forward, nn__conv2d_op_backward,
                                      nn__conv2d_op_work };

/* How a kernel of h x w slides over x, or false after an error. */
static bool nn__window_fits(nn_window *s, const nn_tensor *x, nn_place at, const char *call, int h,
                            int w, int stride_h, int stride_w, nn_padding padding)
{
    char shape[NN__SHAPE_SIZE];
    nn__shape_text(shape, sizeof shape, x);
    if (x->rank != 3)
        return nn__refuse(x->model, at, NN_ERR_SHAPE, call,
                          "%s (line %d) has shape %s, but images have three axes (height, width, "
                          "channels); use nn_reshape first, with 1 channel for grey images",
                          x->name, x->at.line, shape) != NULL;
    if (h <= 0 || w <= 0 || stride_h <= 0 || stride_w <= 0 ||
        (padding != NN_VALID && padding != NN_SAME))
        return nn__refuse(x->model, at, NN_ERR_SHAPE, call,
                          "a window of %d x %d with stride %d: all must be at least 1, and "
                          ".padding is NN_VALID or NN_SAME",
                          h, w, NN__MIN(stride_h, stride_w)) != NULL;
    *s = nn_window_of(x->dim[0], x->dim[1], x->dim[2], h, w, stride_h, stride_w, padding);
    if (s->OH > 0 && s->OW > 0) return true;
    return nn__refuse(x->model, at, NN_ERR_SHAPE, call,
                      "a window of %d x %d is larger than %s (line %d) of shape %s; use .padding = "
                      "NN_SAME, a smaller window, or less pooling before it",
                      h, w, x->name, x->at.line, shape) != NULL;
}

NN_API nn_tensor *nn_conv2d_make(nn_conv2d_args args)
{
    const char *call = "nn_conv2d";
    nn_window s;
    const int stride = args.stride ? args.stride : 1, G = args.groups ? args.groups : 1;
    const int h = args.kernel_h ? args.kernel_h : args.kernel;
    const int w = args.kernel_w ? args.kernel_w : args.kernel;
    if (!args.x || !nn__window_fits(&s, args.x, args.at, call, h, w, stride, stride, args.padding))
        return NULL;
    if (args.filters <= 0 || G < 0 || s.C % G != 0 || args.filters % G != 0)
        return nn__refuse(
            args.x->model, args.at, NN_ERR_SHAPE, call,
            "%d filters in %d groups on the %d channels of %s: there must be at least one filter, "
            "and the number of groups must divide filters and channels",
            args.filters, G, s.C, args.x->name);
    s.O = args.filters, s.G = G;
    const int weight[NN_MAX_RANK] = { s.O, h, w, s.C / G }, dim[NN_MAX_RANK] = { s.OH, s.OW, s.O };
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_conv2d, call, args.name, dim);
    if (!t) return NULL;
    t->window = s;
    nn_dense_args d = NN__EMPTY; /* the rest is as for dense */
    d.at = args.at, d.x = args.x, d.activation = args.activation, d.alpha = args.alpha;
    d.no_bias = args.no_bias, d.init = args.init, d.init_scale = args.init_scale;
    d.l1 = args.l1, d.l2 = args.l2, d.frozen = args.frozen, d.share = args.share;
    return nn__layer_finish(t, &d, weight, (double)h * w / G, call);
}

/* ---- pooling ---------------------------------------------------------- >>graph/pool2d */

static void nn__pool_op_forward(nn_tensor *t) /* number: 1 for the mean, 0 for the largest */
{
    if (t->in[0]->pool == t) return; /* the convolution has done it, and will */
    nn__pool_forward(t->value, (int *)(void *)t->saved, t->in[0]->value, nn__rows_of(t), &t->window,
                     t->number > 0);
}

static void nn__pool_op_backward(nn_tensor *t)
{
    nn_tensor *x = t->in[0];
    if (!x->needs_grad) return;
    const bool add = nn__grad_flag(x) != 0;
    if (x->pool == t) return;
    nn__pool_backward(x->grad, t->grad, (int *)(void *)t->saved, nn__rows_of(t), &t->window,
                      t->number > 0, add);
}

static const nn__op nn__op_max_pool2d = { "max_pool2d", nn__pool_op_forward, nn__pool_op_backward,
                                          NULL };
static const nn__op nn__op_avg_pool2d = { "avg_pool2d", nn__pool_op_forward, nn__pool_op_backward,
                                          NULL };

NN_API nn_tensor *nn_pool2d_make(nn_pool2d_args args)
{
    static const char *const calls[] = { "nn_max_pool2d", "nn_avg_pool2d", "nn_global_max_pool2d",
                                         "nn_global_avg_pool2d" };
    const char *call = calls[2 * args.global + args.average];
    const nn__op *op = args.average ? &nn__op_avg_pool2d : &nn__op_max_pool2d;
    nn_window s;
    if (!args.x) return NULL;
    int h = args.size_h ? args.size_h : args.size, w = args.size_w ? args.size_w : args.size;
    if (args.global) h = args.x->dim[0], w = args.x->dim[1], args.padding = NN_VALID;
    if (!nn__window_fits(&s, args.x, args.at, call, h, w, args.stride ? args.stride : h,
                         args.stride ? args.stride : w, args.padding))
        return NULL;
    const int image[NN_MAX_RANK] = { s.OH, s.OW, s.C }, whole[NN_MAX_RANK] = { s.C };
    nn_tensor *t =
        nn__tensor_from(args.x, args.at, op, call, args.name, args.global ? whole : image);
    if (t) t->number = args.average, t->window = s;
    return t;
}

/* ---- norms -------------------------------------------------------------- >>graph/norm
   Parameters as PyTorch names them: weight is gamma, bias is beta. running_mean and running_var are
   parameters that no optimizer moves: they are saved, shared and restored with the others. A
   training pass leaves the moments of its batch in t->saved; nn_step takes them over, so that a
   pass that fails, or that a gradient check makes, changes nothing. */

/* Whether the moments of the batch count: not in inference, nor where the layer is frozen. */
static bool nn__uses_batch(const nn_tensor *t)
{
    return t->model->run->mode == NN_TRAINING && !(t->in[1]->frozen && t->in[2]->frozen);
}

static void nn__norm_forward(nn_tensor *t)
{
    const int C = t->dim[t->rank - 1], N = (int)(nn__entries(t) / (size_t)C);
    const nn_real *x = t->in[0]->value, *gamma = t->in[1]->value, *beta = t->in[2]->value;
    const bool batch = nn__uses_batch(t);
    if (!t->in[3]) nn_layer_norm_forward(t->value, x, gamma, beta, N, C, t->epsilon);
    else
        nn_batch_norm_forward(t->value, batch ? t->saved : t->in[3]->value,
                              batch ? t->saved + C : t->in[4]->value, x, gamma, beta, N, C,
                              t->epsilon, batch);
    if (t->in[3] && batch) t->fresh = N;
}

static void nn__norm_backward(nn_tensor *t)
{
    const int C = t->dim[t->rank - 1], N = (int)(nn__entries(t) / (size_t)C);
    const nn_real *x = t->in[0]->value, *gamma = t->in[1]->value;
    const bool batch = nn__uses_batch(t);
    nn_real *dx = nn__grad(t->in[0]), *dgamma = nn__grad(t->in[1]), *dbeta = nn__grad(t->in[2]);
    if (!t->in[3]) nn_layer_norm_backward(dx, dgamma, dbeta, t->grad, x, gamma, N, C, t->epsilon);
    else
        nn_batch_norm_backward(dx, dgamma, dbeta, t->grad, x, gamma,
                               batch ? t->saved : t->in[3]->value,
                               batch ? t->saved + C : t->in[4]->value, N, C, t->epsilon, batch);
}

static const nn__op nn__op_batch_norm = { "batch_norm", nn__norm_forward, nn__norm_backward, NULL };
static const nn__op nn__op_layer_norm = { "layer_norm", nn__norm_forward, nn__norm_backward, NULL };

/* The running statistics after a step: moved towards the moments of its batch, where the variance
   is that of a sample, over N - 1, as in PyTorch. */
static void nn__update_running(nn_model *m)
{
    for (int i = 0; i < m->run->tensors; i++) {
        nn_tensor *t = m->run->tensor[i];
        const double unbiased = t->fresh > 1 ? t->fresh / (t->fresh - 1.0) : 1;
        const size_t C = t->saved_size / 2;
        for (size_t c = 0; t->fresh > 0 && c < 2 * C; c++) {
            nn_real *running = c < C ? &t->in[3]->value[c] : &t->in[4]->value[c - C];
            const double now = (double)t->saved[c] * (c < C ? 1 : unbiased), old = (double)*running;
            *running = (nn_real)(old + t->number * (now - old));
        }
        t->fresh = 0;
    }
}

/* Whether a training pass with n samples gives every batch norm something to divide by. */
static nn_status nn__check_batch(const nn_model *m, int n, nn_place at, const char *call)
{
    for (int i = 0; i < m->run->tensors; i++) {
        const nn_tensor *t = m->run->tensor[i];
        if (!t->used || t->op != &nn__op_batch_norm || (t->in[1]->frozen && t->in[2]->frozen))
            continue;
        if (t->size / (size_t)t->dim[t->rank - 1] * (size_t)(t->batched ? n : 1) > 1) continue;
        return nn__fail(at, NN_ERR_ARGUMENT, call,
                        "a batch of %d sample has one value for each channel of %s (line %d), and "
                        "one value has no variance; take a batch size that leaves no single sample "
                        "over, or nn_layer_norm",
                        n, t->name, t->at.line);
    }
    return NN_OK;
}

/* gamma, beta and, for batch norm, the running statistics. */
static bool nn__norm_parameters(nn_tensor *t, const nn_norm_args *args)
{
    static const char *const names[] = { "weight", "bias", "running_mean", "running_var" };
    nn_parameter_args p = NN__EMPTY;
    char name[NN_NAME_SIZE + 8];
    p.at = args->at, p.model = t->model, p.name = name, p.dim0 = t->dim[t->rank - 1];
    for (int k = 0; k < (t->op == &nn__op_batch_norm ? 4 : 2); k++) {
        snprintf(name, sizeof name, "%.26s.%s", t->name, names[k]);
        p.init = k == 0 || k == 3 ? NN_INIT_ONES : NN_INIT_ZEROS, p.frozen = args->frozen || k > 1;
        t->in[k + 1] = nn_parameter_make(p);
        if (!t->in[k + 1]) return false;
        t->in[k + 1]->state = k > 1;
    }
    return true;
}

NN_API nn_tensor *nn_norm_make(nn_norm_args args)
{
    nn_tensor *x = args.x;
    const char *call = args.batch ? "nn_batch_norm" : "nn_layer_norm";
    if (!x) return NULL;
    if (x->rank == 0 || !(args.epsilon >= 0) || !(args.momentum >= 0 && args.momentum <= 1))
        return nn__refuse(x->model, args.at, NN_ERR_ARGUMENT, call,
                          "epsilon %g, momentum %g: epsilon is at least 0, momentum from 0 to 1, "
                          "and the input %s has an axis",
                          args.epsilon, args.momentum, x->name);
    const int dim[NN_MAX_RANK] = { x->dim[x->rank - 1], 0, 0, 0 };
    const nn__op *op = args.batch ? &nn__op_batch_norm : &nn__op_layer_norm;
    nn_tensor *t = nn__tensor_from(x, args.at, op, call, args.name, NULL);
    if (!t) return NULL;
    t->epsilon = args.epsilon > 0 ? args.epsilon : 1e-5;
    t->number = args.momentum > 0 ? args.momentum : 0.1;
    t->saved_size = args.batch ? 2 * (size_t)dim[0] : 0;
    bool done =
        args.share ? nn__layer_share(t, args.share, dim, call) : nn__norm_parameters(t, &args);
    return done ? t : NULL;
}

/* ---- activation --------------------------------------------------- >>graph/activation */

static void nn__activate_forward(nn_tensor *t)
{
    const nn_tensor *x = t->in[0];
    size_t n = nn__entries(t);
    int C = t->rank ? t->dim[t->rank - 1] : 1, rows = (int)(n / (size_t)C);
    if (x->view_of == t) return; /* fused: the dense layer has done it */
    if (t->activation == NN_SOFTMAX) nn_softmax_forward(t->value, x->value, rows, C);
    else if (t->activation == NN_LOG_SOFTMAX) nn_log_softmax_forward(t->value, x->value, rows, C);
    else nn_activation_forward(t->activation, t->number, t->value, x->value, n);
}

/* Cut i of a fused activation: dy becomes dx. */
static void nn__activation_cut(const nn__job *j, int i)
{
    const size_t at = nn__cut(j->first, i), n = nn__cut(j->first, i + 1) - at;
    nn__activation_in_place(j->activation, j->dx + at, j->output + at, n, j->alpha);
}

static void nn__activate_backward(nn_tensor *t)
{
    nn_tensor *x = t->in[0];
    size_t n = nn__entries(t);
    int C = t->rank ? t->dim[t->rank - 1] : 1, rows = (int)(n / (size_t)C);
    if (t->pool) return; /* the convolution will do it */
    if (x->view_of == t) { /* fused: x->grad is t->grad */
        nn__job j = NN__EMPTY;
        j.dx = t->grad, j.output = t->value;
        j.activation = t->activation, j.alpha = (nn_real)t->number;
        j.first = n;
        if (n >= NN__LARGE) nn__each(nn__activation_cut, &j, NN__CUTS, (double)n);
        else nn__activation_in_place(t->activation, j.dx, j.output, n, j.alpha);
        return;
    }
    nn_real *dx = nn__grad(x);
    if (!dx) return;
    if (t->activation == NN_SOFTMAX) nn_softmax_backward(dx, t->grad, t->value, rows, C);
    else if (t->activation == NN_LOG_SOFTMAX)
        nn_log_softmax_backward(dx, t->grad, t->value, rows, C);
    else nn_activation_backward(t->activation, t->number, dx, t->grad, x->value, t->value, n);
}

static const nn__op nn__op_activation = { "activation", nn__activate_forward, nn__activate_backward,
                                          NULL };

NN_API nn_tensor *nn_activate_make(nn_activate_args args)
{
    const char *call = "nn_activate";
    if (!args.x) return NULL;
    if ((int)args.activation < 0 || args.activation >= NN_ACTIVATION_COUNT || !(args.alpha >= 0))
        return nn__refuse(
            args.x->model, args.at, NN_ERR_ARGUMENT, call,
            "activation %d with alpha %g: must be one of nn_activation, with alpha at least 0",
            (int)args.activation, args.alpha);
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_activation, call, args.name, NULL);
    if (!t) return NULL;
    t->activation = args.activation;
    t->number = args.alpha > 0 ? args.alpha : args.activation == NN_LEAKY_RELU ? 0.01 : 1;
    if (!args.name) nn__tensor_name(t, NULL, nn_activation_name(args.activation));
    return t;
}

/* ---- dropout --------------------------------------------------------- >>graph/dropout */

/* The mask of this layer in this step. */
static uint64_t nn__dropout_seed(const nn_tensor *t)
{
    const nn__run *r = t->model->run;
    nn_random seed = nn_random_seed(r->seed), step = nn_random_split(&seed, (uint64_t)r->t);
    for (int i = 0; i < r->tensors; i++)
        if (r->tensor[i] == t) step = nn_random_split(&step, (uint64_t)i);
    return step.state;
}

static void nn__dropout_op_forward(nn_tensor *t)
{
    const nn__run *r = t->model->run;
    if (r->mode == NN_INFERENCE)
        nn__blocks_copy(t->value, 0, t->in[0]->value, 0, 1, nn__entries(t));
    else
        nn_dropout_forward(t->value, t->in[0]->value, t->number, nn__dropout_seed(t),
                           t->batched ? r->sample : NULL, nn__rows_of(t), (int)t->size);
}

static void nn__dropout_op_backward(nn_tensor *t)
{
    const nn__run *r = t->model->run;
    nn_real *dx = nn__grad(t->in[0]);
    if (!dx) return;
    if (r->mode == NN_INFERENCE) nn__blocks_add(dx, 0, t->grad, 0, 1, nn__entries(t));
    else
        nn_dropout_backward(dx, t->grad, t->number, nn__dropout_seed(t),
                            t->batched ? r->sample : NULL, nn__rows_of(t), (int)t->size);
}

static const nn__op nn__op_dropout = { "dropout", nn__dropout_op_forward, nn__dropout_op_backward,
                                       NULL };

NN_API nn_tensor *nn_dropout_make(nn_dropout_args args)
{
    const char *call = "nn_dropout";
    if (!args.x) return NULL;
    if (!(args.rate >= 0 && args.rate < 1))
        return nn__refuse(args.x->model, args.at, NN_ERR_ARGUMENT, call,
                          "the rate is %g; it is the share that is dropped, at least 0 and below 1",
                          args.rate);
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_dropout, call, args.name, NULL);
    if (t) t->number = args.rate;
    return t;
}

/* ---- add, mul, scale ---------------------------------------------------- >>graph/pair */

/* Size and step of each axis of `in` when it is repeated to the shape of t: step 0 where it is. */
static void nn__repeat_steps(size_t step[NN_MAX_RANK + 1], const nn_tensor *in, const nn_tensor *t)
{
    size_t product = 1;
    for (int d = 0; d < NN_MAX_RANK; d++) {
        int from = in->rank - 1 - d;
        bool own = d < t->rank && from >= 0 && in->dim[from] != 1;
        step[NN_MAX_RANK - d] = own ? product : 0;
        if (from >= 0) product *= (size_t)in->dim[from];
    }
    step[0] = in->batched ? product : 0;
}

static nn__pairs nn__pairs_of(const nn_tensor *t)
{
    nn__pairs p;
    const nn_tensor *a = t->in[0], *b = t->in[1];
    bool alike = a->size == t->size && b->size == t->size && a->batched == b->batched;
    for (int d = 0; d <= NN_MAX_RANK; d++) p.dim[d] = 1, p.a[d] = p.b[d] = 0;
    if (alike) { /* one long row */
        p.dim[NN_MAX_RANK] = nn__entries(t), p.a[NN_MAX_RANK] = p.b[NN_MAX_RANK] = 1;
        return p;
    }
    p.dim[0] = (size_t)nn__rows_of(t);
    for (int d = 0; d < t->rank; d++) p.dim[NN_MAX_RANK - d] = (size_t)t->dim[t->rank - 1 - d];
    nn__repeat_steps(p.a, a, t);
    nn__repeat_steps(p.b, b, t);
    return p;
}

static void nn__add_op_forward(nn_tensor *t)
{
    nn__pairs p = nn__pairs_of(t);
    nn__add_forward(t->value, t->in[0]->value, t->in[1]->value, &p);
}

static void nn__add_op_backward(nn_tensor *t)
{
    nn__pairs p = nn__pairs_of(t);
    nn_real *da = nn__grad(t->in[0]), *db = nn__grad(t->in[1]);
    nn__add_backward(da, db, t->grad, &p);
}

static void nn__mul_op_forward(nn_tensor *t)
{
    nn__pairs p = nn__pairs_of(t);
    nn__mul_forward(t->value, t->in[0]->value, t->in[1]->value, &p);
}

static void nn__mul_op_backward(nn_tensor *t)
{
    nn__pairs p = nn__pairs_of(t);
    nn_real *da = nn__grad(t->in[0]), *db = nn__grad(t->in[1]);
    nn__mul_backward(da, db, t->grad, t->in[0]->value, t->in[1]->value, &p);
}

static const nn__op nn__op_add = { "add", nn__add_op_forward, nn__add_op_backward, NULL };
static const nn__op nn__op_mul = { "mul", nn__mul_op_forward, nn__mul_op_backward, NULL };

static nn_tensor *nn__pair_failed(const nn_pair_args *args, const char *call, const char *advice)
{
    char a[NN__SHAPE_SIZE], b[NN__SHAPE_SIZE];
    return nn__refuse(args->a->model, args->at, NN_ERR_SHAPE, call,
                      "shapes %s of %s (line %d) and %s of %s (line %d) %s",
                      nn__shape_text(a, sizeof a, args->a), args->a->name, args->a->at.line,
                      nn__shape_text(b, sizeof b, args->b), args->b->name, args->b->at.line,
                      advice);
}

/* Two tensors of one model, or NULL with an error in the first one's model. */
static bool nn__pair_is_usable(const nn_pair_args *args, const char *call)
{
    if (!args->a || !args->b) return false;
    if (args->a->model == args->b->model) return true;
    nn__refuse(args->a->model, args->at, NN_ERR_ARGUMENT, call,
               "%s and %s belong to different models", args->a->name, args->b->name);
    return false;
}

/* The common part of nn_add and nn_mul: a tensor of the shape that both repeat to. */
static nn_tensor *nn__pair_make(const nn_pair_args *args, const nn__op *op, const char *call)
{
    if (!nn__pair_is_usable(args, call)) return NULL;
    const nn_tensor *a = args->a, *b = args->b, *longer = a->rank >= b->rank ? a : b;
    int dim[NN_MAX_RANK] = { 0 };
    for (int d = 0; d < longer->rank; d++) {
        int at = longer->rank - 1 - d, da = d < a->rank ? a->dim[a->rank - 1 - d] : 1;
        int db = d < b->rank ? b->dim[b->rank - 1 - d] : 1;
        dim[at] = da == 1 ? db : da;
        if (da != db && da != 1 && db != 1)
            return nn__pair_failed(args, call,
                                   "differ; make them equal with nn_slice, nn_reshape or another "
                                   "size of the layer, or 1 where it shall repeat");
    }
    nn_tensor *t = nn__tensor_from(args->a, args->at, op, call, args->name, dim);
    if (!t) return NULL;
    t->batched = a->batched || b->batched;
    t->in[1] = args->b;
    return t;
}

NN_API nn_tensor *nn_add_make(nn_pair_args args)
{
    return nn__pair_make(&args, &nn__op_add, "nn_add");
}

NN_API nn_tensor *nn_mul_make(nn_pair_args args)
{
    return nn__pair_make(&args, &nn__op_mul, "nn_mul");
}

static void nn__scale_op_forward(nn_tensor *t)
{
    nn__scale_forward(t->value, t->in[0]->value, nn__entries(t), (nn_real)t->number);
}

static void nn__scale_op_backward(nn_tensor *t)
{
    nn_real *dx = nn__grad(t->in[0]);
    if (dx) nn__scale_backward(dx, t->grad, nn__entries(t), (nn_real)t->number);
}

static const nn__op nn__op_scale = { "scale", nn__scale_op_forward, nn__scale_op_backward, NULL };

NN_API nn_tensor *nn_scale_make(nn_scale_args args)
{
    if (!args.x) return NULL;
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_scale, "nn_scale", args.name, NULL);
    if (t) t->number = args.factor;
    return t;
}

/* ---- batched matmul ------------------------------------------------ >>graph/batch_matmul
   y = op(a) op(b) for each matrix along the leading axes, where op may transpose.
     backward   da = dy op(b)ᵀ   and   db = op(a)ᵀ dy,   transposed once more where op is.  */

typedef struct nn__matrices {
    int M, N, K;
    size_t count; /* products */
    size_t a, b; /* steps from one matrix to the next; b is 0 where b is used for all */
} nn__matrices;

static nn__matrices nn__matrices_of(const nn_tensor *t, int rows)
{
    nn__matrices x;
    const nn_tensor *a = t->in[0], *b = t->in[1];
    x.M = t->dim[t->rank - 2], x.N = t->dim[t->rank - 1];
    x.K = a->dim[a->rank - (t->transpose_a ? 2 : 1)];
    x.count = t->size / ((size_t)x.M * (size_t)x.N) * (t->batched ? (size_t)rows : 1);
    x.a = (size_t)x.M * (size_t)x.K;
    x.b = b->rank == 2 && !b->batched ? 0 : (size_t)x.K * (size_t)x.N;
    return x;
}

static int nn__transposed(bool a, bool b)
{
    return (a ? NN_TRANSPOSE_A : 0) | (b ? NN_TRANSPOSE_B : 0);
}

static void nn__batch_matmul_forward(nn_tensor *t)
{
    nn__matrices x = nn__matrices_of(t, t->model->batch);
    const nn_real *a = t->in[0]->value, *b = t->in[1]->value;
    for (size_t i = 0; i < x.count; i++)
        nn_matmul(t->value + i * (size_t)x.M * (size_t)x.N, a + i * x.a, b + i * x.b, x.M, x.N, x.K,
                  nn__transposed(t->transpose_a, t->transpose_b), t->model->run->work);
}

static void nn__batch_matmul_backward(nn_tensor *t)
{
    nn__matrices x = nn__matrices_of(t, t->model->batch);
    const bool ta = t->transpose_a, tb = t->transpose_b;
    const nn_real *a = t->in[0]->value, *b = t->in[1]->value, *dy = t->grad;
    nn_real *da = nn__grad(t->in[0]), *db = nn__grad(t->in[1]), *work = t->model->run->work;
    for (size_t i = 0; i < x.count; i++, dy += (size_t)x.M * (size_t)x.N) {
        const nn_real *a_i = a + i * x.a, *b_i = b + i * x.b;
        if (da && !ta)
            nn_matmul(da + i * x.a, dy, b_i, x.M, x.K, x.N,
                      nn__transposed(false, !tb) | NN_ACCUMULATE, work);
        if (da && ta)
            nn_matmul(da + i * x.a, b_i, dy, x.K, x.M, x.N,
                      nn__transposed(tb, true) | NN_ACCUMULATE, work);
        if (db && !tb)
            nn_matmul(db + i * x.b, a_i, dy, x.K, x.N, x.M,
                      nn__transposed(!ta, false) | NN_ACCUMULATE, work);
        if (db && tb)
            nn_matmul(db + i * x.b, dy, a_i, x.N, x.K, x.M,
                      nn__transposed(true, ta) | NN_ACCUMULATE, work);
    }
}

static size_t nn__batch_matmul_work(const nn_tensor *t, int rows)
{
    nn__matrices x = nn__matrices_of(t, rows);
    int larger = NN__MAX(x.M, x.N), largest = NN__MAX(larger, x.K);
    return nn_matmul_work_size(largest, largest, largest);
}

static const nn__op nn__op_batch_matmul = { "matmul", nn__batch_matmul_forward,
                                            nn__batch_matmul_backward, nn__batch_matmul_work };

NN_API nn_tensor *nn_batch_matmul_make(nn_pair_args args)
{
    const char *call = "nn_batch_matmul";
    if (!nn__pair_is_usable(&args, call)) return NULL;
    const nn_tensor *a = args.a, *b = args.b;
    if (a->rank < 2 || b->rank < 2)
        return nn__pair_failed(&args, call, "are not matrices: both need two axes");
    int K = a->dim[a->rank - (args.transpose_a ? 2 : 1)];
    int K_b = b->dim[b->rank - (args.transpose_b ? 1 : 2)];
    bool common = b->rank == 2 && !b->batched; /* one matrix for all */
    if (!common && (a->rank != b->rank || a->batched != b->batched ||
                    memcmp(a->dim, b->dim, sizeof(int) * (size_t)(a->rank - 2)) != 0))
        return nn__pair_failed(&args, call, "have different axes before the last two");
    if (K != K_b)
        return nn__pair_failed(&args, call,
                               "do not fit: (M, K) needs (K, N); check the order, or set "
                               ".transpose_a or .transpose_b");
    int dim[NN_MAX_RANK];
    memcpy(dim, a->dim, sizeof dim);
    dim[a->rank - 2] = a->dim[a->rank - (args.transpose_a ? 1 : 2)];
    dim[a->rank - 1] = b->dim[b->rank - (args.transpose_b ? 2 : 1)];
    nn_tensor *t = nn__tensor_from(args.a, args.at, &nn__op_batch_matmul, call, args.name, dim);
    if (!t) return NULL;
    t->in[1] = args.b, t->transpose_a = args.transpose_a, t->transpose_b = args.transpose_b;
    return t;
}

/* ---- reshape and flatten: the same memory ---------------------------- >>graph/reshape */

static void nn__view_nothing(nn_tensor *t)
{
    (void)t;
}

static const nn__op nn__op_reshape = { "reshape", nn__view_nothing, nn__view_nothing, NULL };

/* Replaces one -1 in dim by what is left of size. */
static void nn__fill_dimension(int dim[NN_MAX_RANK], size_t size)
{
    size_t product = 1;
    int open = -1;
    for (int d = 0; d < NN_MAX_RANK; d++) {
        if (dim[d] == -1 && open >= 0) return; /* two: the error shows them */
        if (dim[d] == -1) open = d;
        else if (dim[d] > 0) product *= (size_t)dim[d];
    }
    if (open >= 0 && product > 0 && size % product == 0) dim[open] = (int)(size / product);
}

NN_API nn_tensor *nn_reshape_make(nn_reshape_args args)
{
    const char *call = "nn_reshape";
    int dim[NN_MAX_RANK] = { args.dim0, args.dim1, args.dim2, args.dim3 };
    char shape[NN__SHAPE_SIZE];
    if (!args.x) return NULL;
    nn__fill_dimension(dim, args.x->size);
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_reshape, call, args.name, dim);
    if (!t) return NULL;
    t->view_of = args.x;
    if (t->size == args.x->size) return t;
    return nn__refuse(args.x->model, args.at, NN_ERR_SHAPE, call,
                      "%s has shape %s, which is %zu entries; the new shape has %zu; leave one "
                      "dimension to be computed with -1",
                      args.x->name, nn__shape_text(shape, sizeof shape, args.x), args.x->size,
                      t->size);
}

NN_API nn_tensor *nn_flatten_make(nn_reshape_args args)
{
    if (!args.x) return NULL;
    args.dim0 = (int)args.x->size, args.dim1 = args.dim2 = args.dim3 = 0;
    nn_tensor *t = nn_reshape_make(args);
    if (t && !args.name) nn__tensor_name(t, NULL, "flatten");
    return t;
}

/* ---- permute, slice, concat --------------------------------------------- >>graph/move */

/* The steps in x for the axes of t in order. */
static nn__pairs nn__permute_steps(const nn_tensor *t)
{
    nn__pairs p;
    const nn_tensor *x = t->in[0];
    size_t step[NN_MAX_RANK], product = 1;
    for (int d = x->rank - 1; d >= 0; d--) {
        step[d] = product;
        product *= (size_t)x->dim[d];
    }
    for (int d = 0; d <= NN_MAX_RANK; d++) p.dim[d] = 1, p.a[d] = p.b[d] = 0;
    p.dim[0] = (size_t)nn__rows_of(t), p.a[0] = product;
    for (int d = 0; d < t->rank; d++) {
        int place = NN_MAX_RANK - t->rank + 1 + d;
        p.dim[place] = (size_t)t->dim[d];
        p.a[place] = step[t->axis[d]];
    }
    return p;
}

static void nn__permute_op_forward(nn_tensor *t)
{
    nn__pairs p = nn__permute_steps(t);
    nn__permute_forward(t->value, t->in[0]->value, &p);
}

static void nn__permute_op_backward(nn_tensor *t)
{
    nn__pairs p = nn__permute_steps(t);
    nn_real *dx = nn__grad(t->in[0]);
    if (dx) nn__add_backward(dx, NULL, t->grad, &p); /* each dy goes to where its x was */
}

static const nn__op nn__op_permute = { "permute", nn__permute_op_forward, nn__permute_op_backward,
                                       NULL };

NN_API nn_tensor *nn_permute_make(nn_permute_args args)
{
    const int axis[NN_MAX_RANK] = { args.axis0, args.axis1, args.axis2, args.axis3 };
    const char *call = "nn_permute";
    int seen = 0, given = 0, dim[NN_MAX_RANK] = { 0 };
    if (!args.x) return NULL;
    while (given < NN_MAX_RANK && axis[given] != 0) given++;
    for (int d = 0; d < given; d++)
        if (axis[d] >= 1 && axis[d] <= args.x->rank) seen |= 1 << (axis[d] - 1);
    if (given != args.x->rank || seen != (1 << given) - 1)
        return nn__refuse(
            args.x->model, args.at, NN_ERR_SHAPE, call,
            "(%d, %d, %d, %d) is no order of the %d axes of %s; name each once, from 1", axis[0],
            axis[1], axis[2], axis[3], args.x->rank, args.x->name);
    for (int d = 0; d < given; d++) dim[d] = args.x->dim[axis[d] - 1];
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_permute, call, args.name, dim);
    for (int d = 0; t && d < given; d++) t->axis[d] = axis[d] - 1;
    return t;
}

static void nn__slice_forward(nn_tensor *t)
{
    size_t outer, inner, d = (size_t)t->axis[0];
    const nn_tensor *x = t->in[0];
    nn__axis_parts(x, (int)d, &outer, &inner);
    nn__blocks_copy(t->value, (size_t)t->dim[d] * inner, x->value + (size_t)t->start * inner,
                    (size_t)x->dim[d] * inner, outer, (size_t)t->dim[d] * inner);
}

static void nn__slice_backward(nn_tensor *t)
{
    size_t outer, inner, d = (size_t)t->axis[0];
    nn_tensor *x = t->in[0];
    nn_real *dx = nn__grad(x);
    nn__axis_parts(x, (int)d, &outer, &inner);
    if (dx)
        nn__blocks_add(dx + (size_t)t->start * inner, (size_t)x->dim[d] * inner, t->grad,
                       (size_t)t->dim[d] * inner, outer, (size_t)t->dim[d] * inner);
}

static const nn__op nn__op_slice = { "slice", nn__slice_forward, nn__slice_backward, NULL };

NN_API nn_tensor *nn_slice_make(nn_slice_args args)
{
    const char *call = "nn_slice";
    char shape[NN__SHAPE_SIZE];
    int dim[NN_MAX_RANK], d = args.x ? nn__axis_index(args.x, args.axis, args.at, call) : -1;
    if (d < 0) return NULL;
    int size = args.x->dim[d], start = args.start < 0 ? size + args.start : args.start;
    int length = args.length == 0 ? size - start : args.length;
    if (start < 0 || start >= size || length <= 0 || length > size - start)
        return nn__refuse(args.x->model, args.at, NN_ERR_SHAPE, call,
                          "start %d and length %d leave axis %d of %s, which has shape %s",
                          args.start, args.length, d + 1, args.x->name,
                          nn__shape_text(shape, sizeof shape, args.x));
    memcpy(dim, args.x->dim, sizeof dim);
    dim[d] = length;
    nn_tensor *t = nn__tensor_from(args.x, args.at, &nn__op_slice, call, args.name, dim);
    if (t) t->axis[0] = d, t->start = start;
    return t;
}

static void nn__concat_forward(nn_tensor *t)
{
    size_t outer, inner, at = 0, d = (size_t)t->axis[0];
    nn__axis_parts(t, (int)d, &outer, &inner);
    for (int i = 0; i < 4 && t->in[i]; i++) {
        size_t n = (size_t)t->in[i]->dim[d] * inner;
        nn__blocks_copy(t->value + at, (size_t)t->dim[d] * inner, t->in[i]->value, n, outer, n);
        at += n;
    }
}

static void nn__concat_backward(nn_tensor *t)
{
    size_t outer, inner, at = 0, d = (size_t)t->axis[0];
    nn__axis_parts(t, (int)d, &outer, &inner);
    for (int i = 0; i < 4 && t->in[i]; i++) {
        size_t n = (size_t)t->in[i]->dim[d] * inner;
        nn_real *dx = nn__grad(t->in[i]);
        if (dx) nn__blocks_add(dx, n, t->grad + at, (size_t)t->dim[d] * inner, outer, n);
        at += n;
    }
}

static const nn__op nn__op_concat = { "concat", nn__concat_forward, nn__concat_backward, NULL };

/* Whether b can stand behind a along axis d; if not, the error is in a's model. */
static bool nn__concat_fits(const nn_concat_args *args, const nn_tensor *a, nn_tensor *b, int d)
{
    nn_pair_args pair = NN__EMPTY;
    bool fits = a->rank == b->rank && a->batched == b->batched;
    pair.at = args->at, pair.a = args->a, pair.b = b;
    if (!nn__pair_is_usable(&pair, "nn_concat")) return false;
    for (int i = 0; fits && i < a->rank; i++) fits = i == d || a->dim[i] == b->dim[i];
    if (!fits)
        nn__pair_failed(
            &pair, "nn_concat",
            "can be joined only where all other axes are equal, and both or none have a batch");
    return fits;
}

NN_API nn_tensor *nn_concat_make(nn_concat_args args)
{
    const char *call = "nn_concat";
    nn_tensor *in[4] = { args.a, args.b, args.c, args.d };
    if (!args.a || !args.b) return NULL;
    int dim[NN_MAX_RANK], d = nn__axis_index(args.a, args.axis, args.at, call);
    if (d < 0) return NULL;
    memcpy(dim, args.a->dim, sizeof dim);
    for (int i = 1; i < 4 && in[i]; i++) {
        if (!nn__concat_fits(&args, args.a, in[i], d)) return NULL;
        dim[d] = in[i]->dim[d] > INT_MAX - dim[d] ? -1 : dim[d] + in[i]->dim[d];
        if (dim[d] < 0) break; /* no size: nn__tensor_new says so */
    }
    nn_tensor *t = nn__tensor_from(args.a, args.at, &nn__op_concat, call, args.name, dim);
    if (!t) return NULL;
    memcpy(t->in, in, sizeof in);
    t->axis[0] = d;
    return t;
}

/* ---- sum and mean along one axis -------------------------------------- >>graph/reduce */

static void nn__sum_op_forward(nn_tensor *t)
{
    size_t outer, inner;
    const nn_tensor *x = t->in[0];
    nn__axis_parts(x, t->axis[0], &outer, &inner);
    nn__sum_forward(t->value, x->value, outer, (size_t)x->dim[t->axis[0]], inner,
                    (nn_real)t->number);
}

static void nn__sum_op_backward(nn_tensor *t)
{
    size_t outer, inner;
    nn_tensor *x = t->in[0];
    nn_real *dx = nn__grad(x);
    nn__axis_parts(x, t->axis[0], &outer, &inner);
    if (dx)
        nn__sum_backward(dx, t->grad, outer, (size_t)x->dim[t->axis[0]], inner, (nn_real)t->number);
}

static const nn__op nn__op_sum = { "sum", nn__sum_op_forward, nn__sum_op_backward, NULL };
static const nn__op nn__op_mean = { "mean", nn__sum_op_forward, nn__sum_op_backward, NULL };

static nn_tensor *nn__reduce_make(const nn_reduce_args *args, const nn__op *op, const char *call)
{
    int dim[NN_MAX_RANK] = { 0 }, to = 0, n = 0;
    int d = args->x ? nn__axis_index(args->x, args->axis, args->at, call) : -1;
    if (d < 0) return NULL;
    n = args->x->dim[d];
    for (int i = 0; i < args->x->rank; i++)
        if (i != d || args->keep) dim[to++] = i == d ? 1 : args->x->dim[i];
    nn_tensor *t = nn__tensor_from(args->x, args->at, op, call, args->name, dim);
    if (t) t->axis[0] = d, t->number = op == &nn__op_mean ? 1.0 / n : 1;
    return t;
}

NN_API nn_tensor *nn_sum_make(nn_reduce_args args)
{
    return nn__reduce_make(&args, &nn__op_sum, "nn_sum");
}

NN_API nn_tensor *nn_mean_make(nn_reduce_args args)
{
    return nn__reduce_make(&args, &nn__op_mean, "nn_mean");
}

/* ---- plan --------------------------------------------------------------- >>graph/plan */

/* Lets the convolution in front of max pooling t do its work, where nothing else needs what lies
   between them and each image can be finished by itself. */
static void nn__plan_pool(nn__run *r, nn_tensor *t, const nn_tensor *output, const nn_tensor *keep)
{
    nn_tensor *x = t->in[0], *conv = x->op == &nn__op_activation ? x->in[0] : x;
    int users = 0;
    for (int i = 0; i < r->tensors; i++)
        for (int k = 0; r->tensor[i]->used && k < NN__MAX_IN; k++)
            users += r->tensor[i]->in[k] == x;
    if (conv->op != &nn__op_conv2d || (conv != x && conv->view_of != x) || !t->used || users > 1 ||
        x == output || x == keep || conv == keep || conv->window.G > 1 ||
        nn__is_dense(&conv->window))
        return;
    if (t->needs_grad && !(conv->in[1]->needs_grad &&
                           (!conv->in[0]->needs_grad || nn__fits_winograd(&conv->window))))
        return;
    conv->pool = x->pool = t;
}

/* Marks what leads to the output, and what a gradient must reach; fuses activations. */
static void nn__plan_marks(nn_model *m, nn_tensor *output, const nn_tensor *keep, bool training)
{
    nn__run *r = m->run;
    for (int i = 0; i < r->tensors; i++) r->tensor[i]->used = r->tensor[i] == output;
    for (int i = r->tensors - 1; i >= 0; i--)
        for (int k = 0; r->tensor[i]->used && k < NN__MAX_IN; k++)
            if (r->tensor[i]->in[k]) r->tensor[i]->in[k]->used = true;
    for (int i = 0; i < r->tensors; i++) { /* parameters first: they stand behind their layer */
        nn_tensor *t = r->tensor[i];
        t->needs_grad = training && t->used && t->parameter && !t->frozen;
    }
    for (int i = 0; i < r->tensors; i++) {
        nn_tensor *t = r->tensor[i], *x = t->in[0];
        t->pool = NULL;
        t->masked = t->constant && !nn__finite(t->constant, t->size);
        for (int k = 0; k < NN__MAX_IN && t->in[k]; k++) {
            if (t->used && t->in[k]->needs_grad) t->needs_grad = true;
            if (t->in[k]->masked && t->activation != NN_SOFTMAX) t->masked = true;
        }
        if (t->op == &nn__op_max_pool2d) nn__plan_pool(r, t, output, keep);
        if (t->op != &nn__op_activation || !x->hidden) continue;
        /* GELU and SiLU need x in backward; `keep` is where a fused loss starts */
        bool fuse = t->activation < NN_SOFTMAX && x != keep &&
                    (!training || (t->activation != NN_GELU && t->activation != NN_SILU));
        x->view_of = fuse ? t : NULL;
        x->activation = fuse ? t->activation : NN_LINEAR;
        x->number = t->number;
    }
}

/* The next n numbers of the arena, on a cache line; only counted where base is NULL. */
static nn_real *nn__arena_take(nn_real *base, size_t *used, size_t n)
{
    nn_real *at = base ? base + *used : NULL;
    *used += nn__lines(n);
    return at;
}

static size_t nn__ints(size_t n) /* how many nn_real n ints take */
{
    return (n * sizeof(int) + sizeof(nn_real) - 1) / sizeof(nn_real);
}

/* Targets and what the loss needs, for `rows` samples. */
static void nn__layout_loss(nn__run *r, nn_real *base, size_t *used, size_t samples)
{
    size_t rows = samples * (size_t)r->rows, entries = rows * (size_t)r->classes;
    r->target = nn__arena_take(base, used, entries);
    r->probability = nn__arena_take(base, used, entries);
    r->label = (int *)(void *)nn__arena_take(base, used, nn__ints(rows));
    r->row_weight = nn__arena_take(base, used, rows);
    r->row_loss = nn__arena_take(base, used, rows);
}

/* Lays all tensors out for a batch of so many samples; returns how many numbers that takes. With
   base NULL it only counts. */
static size_t nn__layout(nn_model *m, int samples, nn_real *base)
{
    nn__run *r = m->run;
    size_t used = 0, work = 1;
    for (int i = 0; i < r->tensors; i++) {
        nn_tensor *t = r->tensor[i];
        size_t n = t->size * (t->batched ? (size_t)samples : 1);
        if (!t->used || t->parameter) continue;
        if (t->op && t->op->work) work = NN__MAX(work, t->op->work(t, samples));
        if (t->view_of) continue;
        t->value = t->constant ? t->constant : nn__arena_take(base, &used, n);
        t->grad = t->needs_grad && !t->pool ? nn__arena_take(base, &used, n) : NULL;
        const bool winners = t->op == &nn__op_max_pool2d && t->needs_grad;
        n = winners ? nn__ints(n) : t->saved_size;
        t->saved = n > 0 ? nn__arena_take(base, &used, n) : NULL, t->fresh = 0;
    }
    r->sample = (int *)(void *)nn__arena_take(base, &used, nn__ints((size_t)samples));
    if (r->loss != NN_LOSS_NONE) nn__layout_loss(r, base, &used, (size_t)samples);
    r->work = nn__arena_take(base, &used, work);
    for (int i = 0; i < r->tensors; i++) {
        nn_tensor *t = r->tensor[i], *root = nn__root(t);
        if (t->used && t->view_of) t->value = root->value, t->grad = root->grad;
    }
    return used;
}

/* Makes room for batches of `samples`. What fails leaves the old arena as it was. */
static nn_status nn__reserve(nn_model *m, int samples, nn_place at, const char *call)
{
    nn__run *r = m->run;
    if (samples <= r->capacity) return NN_OK;
    double numbers = 0; /* first in double, where no product overflows */
    for (int i = 0; i < r->tensors; i++) numbers += 2.0 * samples * (double)r->tensor[i]->size;
    size_t used = 0;
    nn_real *arena = NULL;
    if (numbers * sizeof(nn_real) < (double)(PTRDIFF_MAX / 4)) {
        used = nn__layout(m, samples, NULL);
        arena = (nn_real *)nn__alloc_zero(used, sizeof(nn_real));
    }
    if (!arena) {
        if (r->arena) nn__layout(m, r->capacity, r->arena);
        return nn__fail(at, NN_ERR_MEMORY, call,
                        "no memory for a batch of %d samples, which takes about %.0f MB; use "
                        "smaller batches or layers",
                        samples, numbers * sizeof(nn_real) / 1e6);
    }
    nn__free(r->arena);
    r->arena = arena;
    nn__layout(m, samples, arena);
    r->capacity = samples;
    m->bytes = used * sizeof(nn_real) + 2 * m->parameters * sizeof(nn_real);
    return NN_OK;
}

/* First values of one parameter, from a stream of its own. */
static void nn__initialise(nn_tensor *t, nn_random random)
{
    double out = t->rank > 0 ? t->dim[0] : 1, in = (double)t->size / out, spread = 0;
    if (t->number > 0) out *= t->number; /* of a convolution: see nn__layer_parameters */
    double own = t->init_scale > 0 ? t->init_scale : 0.05;
    bool normal = false;
    switch (t->init) {
    case NN_INIT_ZEROS: break;
    case NN_INIT_ONES: break;
    case NN_HE_UNIFORM: spread = sqrt(6 / in); break;
    case NN_HE_NORMAL: spread = sqrt(2 / in), normal = true; break;
    case NN_GLOROT_NORMAL: spread = sqrt(2 / (in + out)), normal = true; break;
    case NN_LECUN_UNIFORM: spread = sqrt(3 / in); break;
    case NN_LECUN_NORMAL: spread = sqrt(1 / in), normal = true; break;
    case NN_INIT_UNIFORM: spread = own; break;
    case NN_INIT_NORMAL: spread = own, normal = true; break;
    default: spread = sqrt(6 / (in + out)); break; /* Glorot uniform */
    }
    for (size_t i = 0; i < t->size; i++)
        t->value[i] = (nn_real)(t->init == NN_INIT_ONES ? 1
                                : spread == 0           ? 0
                                : normal                ? nn_random_normal(&random, 0, spread)
                                         : nn_random_uniform(&random, -spread, spread));
}

/* Gives every parameter its place in the two arrays; new ones get their first values. */
static nn_status nn__place_parameters(nn_model *m, nn_place at, const char *call)
{
    nn__block *block = m->run->block;
    size_t count = block->count;
    nn_tensor *t;
    for (int k = 0; (t = nn_parameter_at(m, k)) != NULL; k++)
        if (t->offset == SIZE_MAX) count += t->size;
    if (count > block->count && block->models > 1 && block->count > 0)
        return nn__fail(at, NN_ERR_STATE, call,
                        "another model shares these parameters, so no layer can be added any more; "
                        "add it before nn_model_new(.share = ...)");
    if (count > block->count) {
        nn_real *values = (nn_real *)nn__alloc_zero(count, sizeof *values);
        nn_real *grads = (nn_real *)nn__alloc_zero(count, sizeof *grads);
        if (!values || !grads) {
            nn__free(values), nn__free(grads);
            return nn__fail_memory(at, call, "the parameters");
        }
        if (block->count) memcpy(values, block->values, block->count * sizeof *values);
        nn__free(block->values), nn__free(block->grads);
        block->values = values, block->grads = grads;
    }
    nn_random seed = nn_random_seed(m->run->seed);
    for (int k = 0; (t = nn_parameter_at(m, k)) != NULL; k++) {
        bool fresh = t->offset == SIZE_MAX;
        if (fresh) t->offset = block->count, block->count += t->size;
        t->value = block->values + t->offset, t->grad = block->grads + t->offset;
        if (fresh) nn__initialise(t, nn_random_split(&seed, UINT64_C(1000000) + (uint64_t)k));
    }
    m->values = block->values, m->grads = block->grads, m->parameters = block->count;
    return NN_OK;
}

/* All of a plan that can fail; what fails leaves the old plan as it was. */
static nn_status nn__plan_begin(nn_model *m, nn_tensor *output, nn_place at, const char *call)
{
    nn__run *r = m->run;
    for (int i = 0; i < r->tensors; i++) r->tensor[i]->written = r->tensor[i] == output;
    for (int i = r->tensors - 1; i >= 0; i--) /* `written` marks what leads to the output here */
        for (int k = 0; r->tensor[i]->written && k < NN__MAX_IN; k++)
            if (r->tensor[i]->in[k]) r->tensor[i]->in[k]->written = true;
    for (int i = 0; i < r->inputs; i++)
        if (!r->input[i]->written)
            return nn__fail(at, NN_ERR_SHAPE, call,
                            "%s (line %d) does not lead to the output %s; connect it or remove it",
                            r->input[i]->name, r->input[i]->at.line, output->name);
    return nn__place_parameters(m, at, call);
}

/* Plans the graph to output. keep: a hidden tensor that must stay visible to the loss, or NULL. */
static void nn__plan(nn_model *m, nn_tensor *output, const nn_tensor *keep, bool training,
                     nn_place at)
{
    nn__run *r = m->run;
    nn__plan_marks(m, output, keep, training);
    nn__free(r->arena);
    r->arena = NULL, r->capacity = 0;
    for (int i = 0; i < r->tensors; i++)
        if (!r->tensor[i]->parameter)
            r->tensor[i]->value = r->tensor[i]->grad = NULL, r->tensor[i]->fresh = 0;
    m->output = output, m->batch = 0, r->has_targets = false;
    m->bytes = 2 * m->parameters * sizeof(nn_real);
    r->built = true, r->training = training, r->compile_at = at;
}

/* ======================================================================== >>train ============
   From a graph to a trained model, in the order in which a step runs: feed, forward, loss,
   backward, step; then fit, evaluate and predict, which are loops over these. */

/* ---- schedules ------------------------------------------------------ >>train/schedule */

static double nn__or_default(double value, double otherwise)
{
    return nn__is_nan(value) || value != 0 ? value : otherwise;
}

/* Half a cosine from `from` to `to`, where part runs from 0 to 1. */
static double nn__cosine(double from, double to, double part)
{
    return to + (from - to) * 0.5 * (1 + cos(3.14159265358979323846 * part));
}

/* PyTorch's OneCycleLR: `rise` of the steps up from lr / start_div, the others far down. */
static double nn__one_cycle(const nn_schedule *s, double lr, double t)
{
    double start = lr / nn__or_default(s->start_div, 25);
    double end = start / nn__or_default(s->end_div, 1e4);
    double top = nn__or_default(s->rise, 0.3) * (double)s->steps - 1;
    double last = (double)s->steps - 1;
    if (t <= top) return nn__cosine(start, lr, top > 0 ? t / top : 1);
    return nn__cosine(lr, end, last > top ? NN__MIN(1, (t - top) / (last - top)) : 1);
}

NN_API double nn_schedule_rate(const nn_schedule *schedule, double lr, long t)
{
    double from_here = (double)(t - schedule->warmup), every = (double)schedule->every;
    double steps = (double)NN__MAX(1, schedule->steps - schedule->warmup);
    if (t < schedule->warmup) return lr * (double)(t + 1) / (double)schedule->warmup;
    switch (schedule->kind) {
    case NN_ADAPTIVE_RATE: return lr / sqrt(1 + nn__or_default(schedule->delta, 0.01) * from_here);
    case NN_STEP_DECAY:
        return lr * pow(nn__or_default(schedule->gamma, 0.1),
                        floor(from_here / nn__or_default(every, 10)));
    case NN_EXPONENTIAL_DECAY: return lr * pow(nn__or_default(schedule->gamma, 0.99), from_here);
    case NN_COSINE_DECAY: return nn__cosine(lr, schedule->min_lr, NN__MIN(1, from_here / steps));
    case NN_ONE_CYCLE: return nn__one_cycle(schedule, lr, (double)t);
    default: return lr;
    }
}

NN_API double nn_plateau_rate(nn_plateau *state, const nn_schedule *schedule, double lr,
                              double loss)
{
    int patience = schedule->patience > 0 ? schedule->patience : 10;
    double lower = lr * nn__or_default(schedule->factor, 0.1);
    if (!state->begun) state->begun = true, state->best = INFINITY;
    if (state->cooldown > 0) state->cooldown--, state->wait = 0;
    if (loss < state->best - nn__or_default(schedule->min_delta, 1e-4)) {
        state->best = loss, state->wait = 0;
        return lr;
    }
    if (state->cooldown > 0 || ++state->wait < patience) return lr;
    if (lr <= schedule->min_lr) return lr;
    state->wait = 0, state->cooldown = schedule->cooldown;
    return NN__MAX(lower, schedule->min_lr);
}

/* ---- what a model keeps of its training data -------------------------------- >>train/learn */

static nn_status nn__learn_scaling(nn_model *m, int input, size_t n, const nn_real *offset,
                                   const nn_real *factor, nn_place at)
{
    nn__scaling *s = &m->run->scaling[input];
    if (n == 0) return NN_OK;
    nn_real *copy = (nn_real *)nn__alloc(2 * n, sizeof *copy); /* one block for both */
    if (!copy) return nn__fail_memory(at, "nn_fit", "the scaling of the inputs");
    memcpy(copy, offset, n * sizeof *copy);
    memcpy(copy + n, factor, n * sizeof *copy);
    nn__free(s->offset);
    s->offset = copy, s->factor = copy + n, s->scalings = n;
    return NN_OK;
}

/* The names of the first data set stay: a model numbers its classes once. */
static nn_status nn__learn_names(nn_model *m, char **name, int n, nn_place at)
{
    nn__run *r = m->run;
    if (r->class_name || !name || n == 0) return NN_OK;
    r->class_name = nn__copy_names(name, (size_t)n);
    if (!r->class_name) return nn__fail_memory(at, "nn_fit", "the class names");
    r->class_names = n;
    return NN_OK;
}

static nn_status nn__learn_data(nn_model *m, const nn_data *data, nn_place at)
{
    nn_status status = nn__learn_names(m, data->class_name, data->classes, at);
    for (int i = 0; !status && i < data->inputs; i++)
        status =
            nn__learn_scaling(m, i, data->x[i].scalings, data->x[i].offset, data->x[i].factor, at);
    return status;
}

/* A model that shares parameters sees its inputs as the other one does, where that fits. */
static nn_status nn__learn_shared(nn_model *m, nn_place at)
{
    nn__run *r = m->run;
    const nn__run *source = r->shared ? r->shared->run : NULL;
    nn_status status = NN_OK;
    if (source) status = nn__learn_names(m, source->class_name, source->class_names, at);
    for (int i = 0; !status && source && i < r->inputs && i < source->inputs; i++) {
        const nn__scaling *s = &source->scaling[i];
        if (s->scalings <= 1 || s->scalings == r->input[i]->size)
            status = nn__learn_scaling(m, i, s->scalings, s->offset, s->factor, at);
    }
    if (!status) r->shared = NULL; /* all is taken from it: it may be freed now */
    return status;
}

/* ---- compile --------------------------------------------------------- >>train/compile */

static const char *nn__loss_name(nn_loss loss)
{
#define NN__LOSS_TEXT(name, text) text,
    static const char *const names[] = { NN_LOSS_LIST(NN__LOSS_TEXT) };
    return (int)loss >= 0 && loss < NN_LOSS_COUNT ? names[loss] : "unknown";
}

static bool nn__is_binary(nn_loss loss)
{
    return loss == NN_BINARY_CROSS_ENTROPY || loss == NN_MULTI_LABEL_CROSS_ENTROPY;
}

static bool nn__is_softmax_loss(nn_loss loss)
{
    return loss == NN_CROSS_ENTROPY || loss == NN_SPARSE_CROSS_ENTROPY;
}

/* Calls on a model log their errors: a program that checks nothing still shows the reason. */
static nn_status nn__report(nn_status status)
{
    if (status) nn__log(NN_LOG_ERROR, "%s", nn__message);
    return status;
}

/* The first failure of the graph's constructors, or that there is no output. */
static nn_status nn__graph_status(nn_model *m, nn_tensor *output, nn_place at, const char *call)
{
    if (!m) return nn__fail(at, NN_ERR_MEMORY, call, "the model is NULL: no memory for it");
    if (m->status) {
        nn__copy_text(nn__message, NN__MESSAGE_SIZE, m->run->error);
        return m->status;
    }
    if (!output) return nn__fail(at, NN_ERR_ARGUMENT, call, "the output tensor is NULL");
    if (output->model != m)
        return nn__fail(at, NN_ERR_ARGUMENT, call, "%s belongs to another model", output->name);
    if (!output->batched)
        return nn__fail(at, NN_ERR_ARGUMENT, call, "%s does not depend on an input", output->name);
    return NN_OK;
}

static bool nn__positive(double x) /* and finite; false for NaN */
{
    return !nn__is_nan(x) && x > 0 && x < DBL_MAX;
}

static bool nn__within(double x, double low, double high)
{
    return !nn__is_nan(x) && x >= low && x <= high;
}

/* Replaces zeros by the defaults. */
static nn_optimizer nn__optimizer_defaults(nn_optimizer o)
{
    o.lr = nn__or_default(o.lr, o.kind == NN_SGD ? 0.01 : 0.001);
    o.beta1 = nn__or_default(o.beta1, 0.9), o.beta2 = nn__or_default(o.beta2, 0.999);
    o.rho = nn__or_default(o.rho, 0.99), o.epsilon = nn__or_default(o.epsilon, 1e-8);
    if (o.kind == NN_ADAMW) o.weight_decay = nn__or_default(o.weight_decay, 0.01);
    return o;
}

static nn_status nn__check_optimizer(const nn_optimizer *o, nn_place at)
{
    const char *call = "nn_compile";
    if (!nn__positive(o->lr))
        return nn__fail(at, NN_ERR_ARGUMENT, call,
                        "the learning rate is %g; it is a positive number, often 1e-4 to 0.1",
                        o->lr);
    if (!nn__within(o->momentum, 0, 1) || !nn__within(o->beta1, 0, 1) || o->beta1 == 1 ||
        !nn__within(o->beta2, 0, 1) || o->beta2 == 1 || !nn__within(o->rho, 0, 1))
        return nn__fail(at, NN_ERR_ARGUMENT, call,
                        "momentum %g, beta1 %g, beta2 %g, rho %g: all are shares from 0 to 1",
                        o->momentum, o->beta1, o->beta2, o->rho);
    if (!nn__within(o->epsilon, 0, 1) || !nn__within(o->weight_decay, 0, 1e6) ||
        !nn__within(o->clip_norm, 0, DBL_MAX) || !nn__within(o->clip_value, 0, DBL_MAX))
        return nn__fail(
            at, NN_ERR_ARGUMENT, call,
            "epsilon %g, weight_decay %g, clip_norm %g, clip_value %g: none may be negative or NaN",
            o->epsilon, o->weight_decay, o->clip_norm, o->clip_value);
    if (o->schedule.warmup < 0 || o->schedule.steps < 0 || o->schedule.every < 0 ||
        o->schedule.patience < 0 || o->schedule.cooldown < 0)
        return nn__fail(at, NN_ERR_ARGUMENT, call, "the schedule has a negative number of steps");
    return NN_OK;
}

/* The tensor whose gradient the loss computes: before the softmax or sigmoid of the output where
   the two are fused, else the output itself. NULL where loss and output do not fit together. */
static nn_tensor *nn__find_logits(const nn_compile_args *args)
{
    nn_tensor *y = args->output;
    while (y->op == &nn__op_reshape) y = y->in[0];
    bool softmax = y->op == &nn__op_activation &&
                   (y->activation == NN_SOFTMAX || y->activation == NN_LOG_SOFTMAX);
    bool sigmoid = y->op == &nn__op_activation && y->activation == NN_SIGMOID;
    bool fused = nn__is_softmax_loss(args->loss) ? softmax && y == args->output
                                                 : sigmoid && nn__is_binary(args->loss);
    bool linear = y->op == &nn__op_dense || y->op == &nn__op_conv2d;
    if (!nn__is_softmax_loss(args->loss) && !nn__is_binary(args->loss)) return args->output;
    if (args->from_logits) return softmax || sigmoid ? NULL : args->output;
    if (fused) return y->in[0];
    return linear || args->loss == NN_SPARSE_CROSS_ENTROPY ? NULL : args->output;
}

static nn_status nn__check_loss(const nn_compile_args *args)
{
    const char *name = nn__loss_name(args->loss), *needs = "softmax";
    if (args->loss <= NN_LOSS_NONE || args->loss >= NN_LOSS_COUNT)
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_compile",
                        "no loss was named; for classes .loss = NN_SPARSE_CROSS_ENTROPY, for "
                        "numbers .loss = NN_MSE");
    if (nn__is_binary(args->loss)) needs = "sigmoid";
    if (!nn__find_logits(args))
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_compile",
                        "%s and the output %s do not fit: either the last layer has a %s (then "
                        "without .from_logits) or .from_logits = true is given and it has none",
                        name, args->output->name, needs);
    if (args->top_k < 0 || !(args->huber_delta >= 0))
        return nn__fail(args->at, NN_ERR_ARGUMENT, "nn_compile",
                        "top_k and huber_delta may not be negative");
    return NN_OK;
}

/* Fresh optimizer state; what fails leaves the old one. */
static nn_status nn__new_state(nn_model *m, const nn_optimizer *o, nn_place at)
{
    nn__run *r = m->run;
    bool one = o->kind != NN_SGD || o->momentum > 0;
    bool two =
        o->kind == NN_ADAM || o->kind == NN_ADAMW || (o->kind == NN_RMSPROP && o->momentum > 0);
    nn_real *a = one ? (nn_real *)nn__alloc_zero(m->parameters + 1, sizeof *a) : NULL;
    nn_real *b = two ? (nn_real *)nn__alloc_zero(m->parameters + 1, sizeof *b) : NULL;
    if ((one && !a) || (two && !b)) {
        nn__free(a), nn__free(b);
        return nn__fail_memory(at, "nn_compile", "the state of the optimizer");
    }
    nn__free(r->state1), nn__free(r->state2);
    r->state1 = a, r->state2 = b;
    return NN_OK;
}

/* Rows and classes of the output: the loss works on (rows, classes) of each sample. */
static void nn__output_rows(nn__run *r, const nn_tensor *y)
{
    r->classes = y->rank > 0 ? y->dim[y->rank - 1] : 1;
    r->rows = (int)(y->size / (size_t)r->classes);
}

static nn_status nn__compile(nn_compile_args *args)
{
    nn_model *m = args->model;
    nn_status status = nn__graph_status(m, args->output, args->at, "nn_compile");
    args->optimizer = nn__optimizer_defaults(args->optimizer);
    if (!status) status = nn__check_loss(args);
    if (!status) status = nn__check_optimizer(&args->optimizer, args->at);
    if (status) return status;
    nn_tensor *logits = nn__find_logits(args);
    status = nn__plan_begin(m, args->output, args->at, "nn_compile");
    if (!status) status = nn__learn_shared(m, args->at);
    if (!status) status = nn__new_state(m, &args->optimizer, args->at);
    if (status) return status;
    nn__plan(m, args->output, logits, true, args->at);
    nn__run *r = m->run;
    r->loss = args->loss, r->huber_delta = nn__or_default(args->huber_delta, 1);
    r->logits = logits, r->from_logits = args->from_logits, r->top_k = args->top_k;
    nn__output_rows(r, args->output);
    r->optimizer = args->optimizer, r->t = 0, r->schedule_steps = args->optimizer.schedule.steps;
    memset(&r->plateau, 0, sizeof r->plateau);
    r->rate = NAN, r->rate_by_hand = false;
    return NN_OK;
}

NN_API nn_status nn_compile_make(nn_compile_args args)
{
    return nn__report(nn__compile(&args));
}

static nn_status nn__build(nn_model *model, nn_tensor *output)
{
    nn_status status = nn__graph_status(model, output, nn__nowhere, "nn_build");
    if (!status) status = nn__plan_begin(model, output, output->at, "nn_build");
    if (!status) status = nn__learn_shared(model, output->at);
    if (!status) {
        nn__plan(model, output, NULL, false, output->at);
        model->run->loss = NN_LOSS_NONE;
        model->run->logits = output;
        nn__output_rows(model->run, output);
    }
    return status;
}

NN_API nn_status nn_build(nn_model *model, nn_tensor *output)
{
    return nn__report(nn__build(model, output));
}

/* ---- feed: samples into the inputs and targets -------------------------- >>train/feed */

static nn_status nn__need(const nn_model *m, bool compiled, nn_place at, const char *call)
{
    if (!m) return nn__fail(at, NN_ERR_ARGUMENT, call, "the model is NULL");
    if (m->status) {
        nn__copy_text(nn__message, NN__MESSAGE_SIZE, m->run->error);
        return m->status;
    }
    if (!m->run->built || (compiled && m->run->loss == NN_LOSS_NONE))
        return nn__fail(at, NN_ERR_STATE, call, "call nn_compile%s first",
                        compiled ? "" : " or nn_build");
    return NN_OK;
}

static nn_status nn__check_inputs(const nn_model *m, const nn_data *data, nn_place at,
                                  const char *call)
{
    const nn__run *r = m->run;
    if (data->inputs != r->inputs)
        return nn__fail(at, NN_ERR_SHAPE, call, "the model has %d inputs, the data %d", r->inputs,
                        data->inputs);
    for (int i = 0; i < r->inputs; i++) {
        const nn_tensor *x = r->input[i];
        if (data->x[i].size != x->size)
            return nn__fail(at, NN_ERR_SHAPE, call,
                            "%s (line %d) takes %zu numbers for each sample, the data has %zu",
                            x->name, x->at.line, x->size, data->x[i].size);
        if (x->tokens != (data->x[i].type == NN_TOKEN))
            return nn__fail(at, NN_ERR_SHAPE, call, "%s (line %d) takes %s, the data has %s",
                            x->name, x->at.line, x->tokens ? "tokens" : "numbers",
                            x->tokens ? "numbers" : "tokens");
    }
    return NN_OK;
}

/* Whether the targets are class indices, and not numbers or rows of nn_one_hot. */
static bool nn__has_labels(const nn_data *data)
{
    return data->classes > 0 && data->y.type == NN_TOKEN;
}

/* Whether class labels can serve: for the sparse loss, and for a binary one with one output. */
static nn_status nn__check_targets(const nn_model *m, const nn_data *data, nn_place at,
                                   const char *call)
{
    const nn__run *r = m->run;
    const char *loss = nn__loss_name(r->loss);
    size_t size = m->output->size;
    if (data->y.size == 0)
        return nn__fail(at, NN_ERR_DATA, call,
                        "the data has no targets; name the column with .label or .target");
    if (r->loss == NN_SPARSE_CROSS_ENTROPY) {
        if (!nn__has_labels(data))
            return nn__fail(at, NN_ERR_DATA, call,
                            "%s needs class labels, the data has numbers; use NN_CROSS_ENTROPY, or "
                            "load with .label",
                            loss);
        size = (size_t)r->rows;
    } else if (nn__has_labels(data) && !(nn__is_binary(r->loss) && r->classes == 1))
        return nn__fail(at, NN_ERR_DATA, call,
                        "%s needs numbers, the data has class labels; use NN_SPARSE_CROSS_ENTROPY, "
                        "or nn_one_hot(&data)",
                        loss);
    if (data->y.size != size)
        return nn__fail(at, NN_ERR_SHAPE, call,
                        "the output %s needs %zu targets for each sample, the data has %zu",
                        m->output->name, size, data->y.size);
    if (data->weight && nn__positions(data) != 1 && nn__positions(data) != (size_t)r->rows)
        return nn__fail(at, NN_ERR_SHAPE, call,
                        "the data has %zu weights for each sample, the output %s has %d rows; give "
                        "the targets the shape of the output",
                        nn__positions(data), m->output->name, r->rows);
    return NN_OK;
}

/* The model's number of the data's class k: by name, where the model has learned names. */
static int nn__class_number(const nn__run *r, const nn_data *data, int k)
{
    if (!r->class_name || !data->class_name) return k;
    for (int c = 0; c < r->class_names; c++)
        if (strcmp(r->class_name[c], data->class_name[k]) == 0) return c;
    return -1;
}

/* Fills label_map: how the classes of this data are numbered by the model. */
static nn_status nn__map_classes(nn_model *m, const nn_data *data, nn_place at, const char *call)
{
    nn__run *r = m->run;
    if (data->classes > r->label_map_room) {
        int *map = (int *)nn__alloc((size_t)data->classes, sizeof *map);
        if (!map) return nn__fail_memory(at, call, "the class numbers");
        nn__free(r->label_map);
        r->label_map = map, r->label_map_room = data->classes;
    }
    for (int k = 0; k < data->classes; k++) r->label_map[k] = nn__class_number(r, data, k);
    r->mapped = data;
    return NN_OK;
}

/* An error that names the row where label has no unit in the output. */
static nn_status nn__check_label(const nn_model *m, const nn_data *data, int row, int label,
                                 nn_place at, const char *call)
{
    int limit = nn__is_binary(m->run->loss) ? 2 : m->run->classes;
    int k = label >= 0 && label < data->classes ? m->run->label_map[label] : -1;
    const char *name =
        data->class_name && label >= 0 && label < data->classes ? data->class_name[label] : "?";
    if (k >= 0 && k < limit) return NN_OK;
    if (k < 0)
        return nn__fail(at, NN_ERR_DATA, call,
                        "row %d has the label '%s', which the training data did not have", row,
                        name);
    return nn__fail(at, NN_ERR_DATA, call,
                    "row %d has the label '%s', class %d, but the output %s (line %d) has units "
                    "for %d classes; give it %d",
                    row, name, k, m->output->name, m->output->at.line, limit, data->classes);
}

/* All that can be wrong with data for this model, except single values. */
static nn_status nn__bind(nn_model *m, const nn_data *data, bool targets, nn_place at,
                          const char *call)
{
    nn_status status = nn__data_check(data, at, call);
    if (!status) status = nn__check_inputs(m, data, at, call);
    if (!status && targets) status = nn__check_targets(m, data, at, call);
    if (!status && targets) status = nn__map_classes(m, data, at, call);
    return status;
}

static void nn__gather_inputs(nn_model *m, const nn_data *data, const int *rows, int n)
{
    nn__run *r = m->run;
    for (int i = 0; i < r->inputs; i++) {
        const nn_array *x = &data->x[i];
        const nn__scaling *s = &r->scaling[i];
        bool own = s->scalings == 0; /* no scaling was learned: the data's own */
        nn__gather(r->input[i]->value, x, own ? x->offset : s->offset, own ? x->factor : s->factor,
                   own ? x->scalings : s->scalings, rows, n);
    }
    for (int b = 0; b < n; b++) r->sample[b] = rows ? rows[b] : b;
    m->batch = n;
}

static nn_status nn__gather_targets(nn_model *m, const nn_data *data, const int *rows, int n,
                                    nn_place at, const char *call)
{
    nn__run *r = m->run;
    const int32_t *labels = (const int32_t *)data->y.values;
    if (!nn__has_labels(data)) {
        nn__gather(r->target, &data->y, NULL, NULL, 0, rows, n);
        return NN_OK;
    }
    for (int b = 0; b < n; b++)
        for (int i = 0; i < r->rows; i++) {
            int row = rows ? rows[b] : b, label = labels[(size_t)row * (size_t)r->rows + (size_t)i];
            nn_status status = nn__check_label(m, data, row, label, at, call);
            if (status) return status;
            r->label[b * r->rows + i] = r->label_map[label];
            if (nn__is_binary(r->loss)) r->target[b * r->rows + i] = (nn_real)r->label_map[label];
        }
    return NN_OK;
}

/* The class of a row of the batch: its label, or where its targets are largest. */
static int nn__class_of_row(const nn_model *m, const nn_data *data, int row)
{
    const nn__run *r = m->run;
    if (nn__has_labels(data)) return r->label[row];
    return nn_argmax(r->target + (size_t)row * (size_t)r->classes, r->classes);
}

/* The weight of each row of the targets: sample weight times class weight. */
static void nn__gather_weights(nn_model *m, const nn_data *data, const int *rows, int n,
                               const double *class_weight)
{
    nn__run *r = m->run;
    for (int b = 0; b < n; b++)
        for (int i = 0; i < r->rows; i++) {
            size_t row = (size_t)(rows ? rows[b] : b), positions = nn__positions(data);
            size_t from = positions == 1 ? row : row * positions + (size_t)i;
            double weight = data->weight ? (double)data->weight[from] : 1;
            if (class_weight) weight *= class_weight[nn__class_of_row(m, data, b * r->rows + i)];
            r->row_weight[b * r->rows + i] = (nn_real)weight;
        }
}

/* Feeds a batch of data that was bound before. */
static nn_status nn__feed_batch(nn_model *m, const nn_data *data, const int *rows, int n,
                                bool targets, const double *class_weight, nn_place at,
                                const char *call)
{
    nn_status status = nn__reserve(m, n, at, call);
    if (status) return status;
    nn__gather_inputs(m, data, rows, n);
    m->run->has_targets = targets;
    if (!targets) return NN_OK;
    status = nn__gather_targets(m, data, rows, n, at, call);
    if (!status) nn__gather_weights(m, data, rows, n, class_weight);
    return status;
}

NN_API nn_status nn_feed(nn_model *model, const nn_data *data, const int *rows, int n)
{
    const char *call = "nn_feed";
    nn_status status = nn__need(model, false, nn__nowhere, call);
    if (status) return nn__report(status);
    nn_place at = model->run->compile_at;
    bool targets = model->run->loss != NN_LOSS_NONE && data && data->y.size > 0;
    status = nn__bind(model, data, targets, at, call);
    if (!status) status = nn__check_rows(data, rows, n, at, call);
    if (!status) status = nn__feed_batch(model, data, rows, n, targets, NULL, at, call);
    return nn__report(status);
}

/* ---- loss of a batch ---------------------------------------------------- >>train/loss */

/* Loss of each row. y is the output, z the logits where they are known. */
static void nn__loss_rows(nn_model *m)
{
    nn__run *r = m->run;
    int n = m->batch * r->rows, C = r->classes;
    const nn_real *y = m->output->value, *z = r->logits->value, *t = r->target;
    bool fused = r->logits != m->output, logits = fused || r->from_logits;
    nn_real *p = fused && m->output->activation == NN_SOFTMAX ? m->output->value : r->probability;
    switch (r->loss) {
    case NN_MSE: nn_mse_forward(r->row_loss, y, t, n, C); break;
    case NN_MAE: nn_mae_forward(r->row_loss, y, t, n, C); break;
    case NN_HUBER: nn_huber_forward(r->row_loss, y, t, n, C, r->huber_delta); break;
    case NN_BINARY_CROSS_ENTROPY:
        if (logits) nn_bce_logits_forward(r->row_loss, z, t, n, C);
        else nn_bce_forward(r->row_loss, y, t, n, C);
        break;
    case NN_MULTI_LABEL_CROSS_ENTROPY:
        if (logits) nn_multi_label_logits_forward(r->row_loss, z, t, n, C);
        else nn_multi_label_forward(r->row_loss, y, t, n, C);
        break;
    case NN_CROSS_ENTROPY:
        if (logits) nn_softmax_cross_entropy_forward(r->row_loss, p, z, t, n, C);
        else nn_cross_entropy_forward(r->row_loss, y, t, n, C);
        break;
    default: nn_sparse_cross_entropy_forward(r->row_loss, p, z, r->label, n, C); break;
    }
}

/* The gradient of the loss into logits->grad, from dloss in row_loss. */
static void nn__loss_rows_backward(nn_model *m)
{
    nn__run *r = m->run;
    int n = m->batch * r->rows, C = r->classes;
    const nn_real *y = m->output->value, *z = r->logits->value, *t = r->target, *g = r->row_loss;
    nn_real *dz = nn__grad(r->logits);
    bool fused = r->logits != m->output, logits = fused || r->from_logits;
    const nn_real *p =
        fused && m->output->activation == NN_SOFTMAX ? m->output->value : r->probability;
    if (!dz) return;
    switch (r->loss) {
    case NN_MSE: nn_mse_backward(dz, g, y, t, n, C); break;
    case NN_MAE: nn_mae_backward(dz, g, y, t, n, C); break;
    case NN_HUBER: nn_huber_backward(dz, g, y, t, n, C, r->huber_delta); break;
    case NN_BINARY_CROSS_ENTROPY:
        if (logits) nn_bce_logits_backward(dz, g, z, t, n, C);
        else nn_bce_backward(dz, g, y, t, n, C);
        break;
    case NN_MULTI_LABEL_CROSS_ENTROPY:
        if (logits) nn_multi_label_logits_backward(dz, g, z, t, n, C);
        else nn_multi_label_backward(dz, g, y, t, n, C);
        break;
    case NN_CROSS_ENTROPY:
        if (logits) nn_softmax_cross_entropy_backward(dz, g, p, t, n, C);
        else nn_cross_entropy_backward(dz, g, y, t, n, C);
        break;
    default: nn_sparse_cross_entropy_backward(dz, g, p, r->label, n, C); break;
    }
}

/* The penalties of all layers that have one, which are part of the loss.  [F6] */
static double nn__penalty(const nn_model *m)
{
    double sum = 0;
    for (int i = 0; i < m->run->tensors; i++) {
        const nn_tensor *t = m->run->tensor[i];
        if (t->used && t->parameter && (t->l1 > 0 || t->l2 > 0))
            sum += nn__penalty_forward(t->value, t->size, t->l1, t->l2);
    }
    return sum;
}

/* The mean of the rows' losses, weighted, over the number of rows: Keras's way. */
static double nn__mean_loss(const nn_model *m)
{
    const nn__run *r = m->run;
    int n = m->batch * r->rows;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)r->row_weight[i] * (double)r->row_loss[i];
    return sum / n;
}

/* ---- forward and backward ----------------------------------------------- >>train/step */

/* Whether x, the value or gradient of t, is as it should be: finite, or behind a mask not NaN. */
static void nn__finite_cut(const nn__job *j, int i)
{
    const size_t begin = nn__cut(j->first, i), end = nn__cut(j->first, i + 1);
    j->sound[i] = nn__finite(j->x + begin, end - begin);
}

static bool nn__all_finite(const nn_real *x, size_t n)
{
    bool sound[NN__CUTS], all = true;
    nn__job j = NN__EMPTY;
    j.x = x, j.first = n, j.sound = sound;
    nn__each(nn__finite_cut, &j, NN__CUTS, (double)n);
    for (int i = 0; i < NN__CUTS; i++) all = all && sound[i];
    return all;
}

static bool nn__is_sound(const nn_tensor *t, const nn_real *x)
{
    size_t n = t->parameter ? t->size : nn__entries(t);
    bool sound = n < NN__LARGE ? nn__finite(x, n) : nn__all_finite(x, n);
    if (x == t->value && t->fresh && !nn__finite(t->saved, t->saved_size)) return false;
    if (sound || x != t->value || !t->masked) return sound;
    for (size_t i = 0; i < n; i++)
        if (nn__is_nan((double)x[i])) return false;
    return true;
}

/* Names the first tensor that holds NaN or infinity, in the order of computation. */
static nn_status nn__numeric_error(const nn_model *m, const char *call, bool backward)
{
    const nn__run *r = m->run;
    const nn_tensor *found = NULL;
    const char *part = "the loss";
    char where[96] = "", rate[96] = "";
    for (int i = 0; i < r->tensors && !found; i++) {
        int k = backward ? r->tensors - 1 - i : i; /* gradients appear from the last layer on */
        const nn_tensor *t = r->tensor[k];
        const nn_real *x = backward ? t->grad : t->value;
        if (!t->used || t->constant || !x || (backward && !nn__root((nn_tensor *)t)->written))
            continue;
        if (!nn__is_sound(t, x)) found = t;
    }
    for (int k = 0; found && !backward && k < NN__MAX_IN;
         k++) { /* a layer's parameters stand behind it */
        const nn_tensor *p = found->in[k];
        if (p && p->parameter && !nn__finite(p->value, p->size)) found = p;
    }
    if (found)
        part = backward           ? "the gradient of "
               : found->parameter ? "the parameter "
                                  : "the output of ";
    if (found) snprintf(where, sizeof where, "%s (line %d)", found->name, found->at.line);
    if (m->epoch > 0) snprintf(rate, sizeof rate, "epoch %d, step %d: ", m->epoch, m->step);
    return nn__fail(
        r->compile_at, NN_ERR_NUMERIC, call,
        "%sNaN or infinity first appeared in %s%s. Usual causes: a learning rate that is too large "
        "(it is %g; try a tenth, or .clip_norm = 1), inputs that are not scaled, a logarithm or "
        "quotient of 0, NaN in the data. The parameters are as they were before this step",
        rate, part, where, nn_learning_rate(m));
}

/* Whether all that was computed is finite. The fused output is checked through the loss. */
static bool nn__values_finite(const nn_model *m)
{
    const nn__run *r = m->run;
    for (int i = 0; i < r->tensors; i++) {
        const nn_tensor *t = r->tensor[i];
        if (t->used && t->op && !t->view_of && !t->pool && !nn__is_sound(t, t->value))
            return false; /* pooling lets NaN and infinity through */
    }
    return true;
}

/* Runs the graph; the softmax that a loss is fused with is left to the loss, which needs the same
   exponentials. */
static void nn__run_graph(nn_model *m, nn_mode mode)
{
    nn__run *r = m->run;
    bool by_loss = r->has_targets && r->logits != m->output && m->output->activation == NN_SOFTMAX;
    r->mode = mode;
    for (int i = 0; i < r->tensors; i++) {
        nn_tensor *t = r->tensor[i];
        if (t->used && t->op && !(by_loss && t == m->output)) t->op->forward(t);
    }
    if (!r->has_targets) return;
    nn__loss_rows(m);
    m->loss = nn__mean_loss(m) + nn__penalty(m);
}

/* Why a loss on probabilities is NaN: the first one outside [0, 1]. */
static nn_status nn__probability_error(const nn_model *m, const char *call)
{
    const nn__run *r = m->run;
    size_t n = (size_t)m->batch * m->output->size;
    bool on_probabilities = nn__is_binary(r->loss) || r->loss == NN_CROSS_ENTROPY;
    bool logits = r->logits != m->output || r->from_logits;
    for (size_t i = 0; on_probabilities && i < n; i++) {
        double y = logits ? 0 : (double)m->output->value[i], t = (double)r->target[i];
        if (y < 0 || y > 1 || t < 0 || t > 1)
            return nn__fail(r->compile_at, NN_ERR_DATA, call,
                            "%s needs numbers from 0 to 1, but row %d has the %s %g; %s",
                            nn__loss_name(r->loss), r->sample[i / m->output->size],
                            y < 0 || y > 1 ? "prediction" : "target", y < 0 || y > 1 ? y : t,
                            y < 0 || y > 1 ? "put a sigmoid or softmax on the output"
                                           : "scale the targets, or use NN_MSE");
    }
    return NN_OK;
}

static nn_status nn__forward(nn_model *m, nn_mode mode, const char *call)
{
    nn_status batch =
        mode == NN_TRAINING ? nn__check_batch(m, m->batch, m->run->compile_at, call) : NN_OK;
    if (batch) return batch;
    nn__run_graph(m, mode);
    if (mode != NN_TRAINING) return NN_OK;
    if (m->run->has_targets && !nn__finite(m->run->row_loss, (size_t)(m->batch * m->run->rows))) {
        nn_status status = nn__probability_error(m, call);
        return status ? status : nn__numeric_error(m, call, false);
    }
    return nn__values_finite(m) ? NN_OK : nn__numeric_error(m, call, false);
}

NN_API nn_status nn_forward(nn_model *model, nn_mode mode)
{
    nn_status status = nn__need(model, false, nn__nowhere, "nn_forward");
    if (!status && model->batch <= 0)
        status = nn__fail(nn__nowhere, NN_ERR_STATE, "nn_forward",
                          "there is no batch; call nn_feed first");
    if (!status) status = nn__forward(model, mode, "nn_forward");
    return nn__report(status);
}

/* dloss_i = weight_i / rows, in the place of the losses, which have been summed. */
static void nn__seed_gradient(nn_model *m)
{
    nn__run *r = m->run;
    int n = m->batch * r->rows;
    for (int i = 0; i < n; i++) r->row_loss[i] = r->row_weight[i] / (nn_real)n;
}

static void nn__run_backward(nn_model *m)
{
    nn__run *r = m->run;
    for (int i = 0; i < r->tensors; i++) r->tensor[i]->written = false, r->tensor[i]->outer = NULL;
    if (r->block->models > 1) memset(m->grads, 0, m->parameters * sizeof *m->grads);
    nn__loss_rows_backward(m);
    for (int i = r->tensors - 1; i >= 0; i--) {
        nn_tensor *t = r->tensor[i];
        if (t->used && t->op && t->needs_grad && nn__root(t)->written) t->op->backward(t);
    }
    for (int i = 0; i < r->tensors; i++) {
        nn_tensor *t = r->tensor[i];
        if (!t->parameter) continue;
        if (!t->written) memset(t->grad, 0, t->size * sizeof *t->grad);
        if (t->used && !t->frozen && (t->l1 > 0 || t->l2 > 0))
            nn__penalty_backward(t->grad, t->value, t->size, t->l1, t->l2);
    }
}

NN_API nn_status nn_backward(nn_model *model)
{
    nn_status status = nn__need(model, true, nn__nowhere, "nn_backward");
    if (!status && !(model->run->has_targets && model->batch > 0))
        status = nn__fail(nn__nowhere, NN_ERR_STATE, "nn_backward",
                          "there is no loss; call nn_feed with targets and nn_forward first");
    if (status) return nn__report(status);
    nn__seed_gradient(model);
    nn__run_backward(model);
    return NN_OK;
}

/* ---- step ---------------------------------------------------------- >>train/optimizer */

/* Epochs or steps from 0, as the schedule counts. */
static long nn__schedule_time(const nn_model *m)
{
    return m->run->optimizer.schedule.by_epoch ? NN__MAX(m->epoch, 1) - 1 : m->run->t;
}

NN_API double nn_learning_rate(const nn_model *model)
{
    const nn__run *r = model->run;
    nn_schedule s = r->optimizer.schedule;
    if (!nn__is_nan(r->rate) && (r->rate_by_hand || s.kind == NN_REDUCE_ON_PLATEAU)) return r->rate;
    if (s.kind == NN_REDUCE_ON_PLATEAU) s.kind = NN_CONSTANT;
    s.steps = r->schedule_steps;
    return nn_schedule_rate(&s, r->optimizer.lr, nn__schedule_time(model));
}

NN_API void nn_set_learning_rate(nn_model *model, double lr)
{
    model->run->rate = lr;
    model->run->rate_by_hand = !nn__is_nan(lr);
}

/* PyTorch's clip_grad_norm_ (with its 1e-6), then entry by entry. */
static void nn__clip(nn_model *m)
{
    const nn_optimizer *o = &m->run->optimizer;
    double scale = o->clip_norm > 0 ? o->clip_norm / (m->gradient_norm + 1e-6) : 1;
    const nn_real limit = (nn_real)o->clip_value;
    if (scale < 1)
        for (size_t i = 0; i < m->parameters; i++) /* in double: scale can be a float's denormal */
            m->grads[i] = (nn_real)((double)m->grads[i] * scale);
    for (size_t i = 0; limit > 0 && i < m->parameters; i++)
        m->grads[i] = m->grads[i] > limit ? limit : m->grads[i] < -limit ? -limit : m->grads[i];
}

/* The norm of all gradients; |dyᵀ x| = |dy| |x| where one was left in its factors. */
static double nn__gradient_norm(const nn_model *m)
{
    const nn__run *r = m->run;
    double sum = 0;
    if (!r->outer_allowed) return nn_norm(m->grads, m->parameters);
    for (int i = 0; i < r->tensors; i++) {
        const nn_tensor *t = r->tensor[i], *x = t->outer ? t->outer->in[0] : NULL;
        double norm = !t->parameter ? 0
                      : x ? nn_norm(t->outer->grad, (size_t)t->dim[0]) * nn_norm(x->value, x->size)
                          : nn_norm(t->grad, t->size);
        sum += norm * norm;
    }
    return sqrt(sum);
}

/* The optimizer on n parameters from `first` on. */
static void nn__update(nn_model *m, size_t first, size_t n, double lr)
{
    const nn__run *r = m->run;
    const nn_optimizer *o = &r->optimizer;
    nn_real *w = m->values + first, *g = m->grads + first;
    nn_real *a = r->state1 ? r->state1 + first : NULL, *b = r->state2 ? r->state2 + first : NULL;
    switch (o->kind) {
    case NN_SGD: nn_sgd_step(w, g, a, n, lr, o->momentum, o->nesterov, o->weight_decay); break;
    case NN_RMSPROP:
        nn_rmsprop_step(w, g, a, b, n, lr, o->rho, o->epsilon, o->momentum, o->weight_decay);
        break;
    case NN_ADAM:
        nn_adam_step(w, g, a, b, n, lr, o->beta1, o->beta2, o->epsilon, r->t, o->weight_decay);
        break;
    default:
        nn_adamw_step(w, g, a, b, n, lr, o->beta1, o->beta2, o->epsilon, r->t, o->weight_decay);
        break;
    }
}

/* Part number `part` of the same. */
static void nn__update_part(nn_model *m, size_t first, size_t n, double lr, int part, int parts,
                            unsigned mode)
{
    const int blocks = (int)((n + NN__ALIGNMENT - 1) / NN__ALIGNMENT);
    const size_t begin = (size_t)nn__part_begin(blocks, part, parts) * NN__ALIGNMENT;
    const size_t end = (size_t)nn__part_begin(blocks, part + 1, parts) * NN__ALIGNMENT;
    const unsigned own_mode = nn__float_mode();
    nn__set_float_mode(mode);
    if (begin < n) nn__update(m, first + begin, NN__MIN(end, n) - begin, lr);
    nn__set_float_mode(own_mode);
}

static void nn__update_stretch(nn_model *m, size_t first, size_t n, double lr)
{
    const unsigned mode = nn__float_mode();
    if (n < NN__LARGE / 16) nn__update(m, first, n, lr);
    else {
        NN__PARALLEL
        nn__update_part(m, first, n, lr, NN__PART, NN__PARTS, mode);
    }
}

/* One pass over all parameters, or one over each stretch between frozen and unused ones. */
static void nn__update_all(nn_model *m, double lr)
{
    size_t first = 0, n = 0;
    for (int i = 0; i < m->run->tensors; i++) {
        const nn_tensor *t = m->run->tensor[i];
        bool moves = t->parameter && t->used && !t->frozen && !t->outer;
        if (t->outer)
            nn__sgd_outer(t->value, t->outer->grad, t->outer->in[0]->value, t->dim[0], t->dim[1],
                          lr);
        if (moves && n > 0 && first + n == t->offset) n += t->size;
        else if (moves) {
            if (n > 0) nn__update_stretch(m, first, n, lr);
            first = t->offset, n = t->size;
        }
    }
    if (n > 0) nn__update_stretch(m, first, n, lr);
}

static nn_status nn__step(nn_model *m, const char *call)
{
    double lr = nn_learning_rate(m);
    m->gradient_norm = nn__gradient_norm(m);
    if (nn__is_nan(m->gradient_norm) || m->gradient_norm > (double)NN__REAL_MAX) {
        /* else no term is larger than that */
        for (int i = 0; i < m->run->tensors; i++) nn__form_gradient(m->run->tensor[i]);
        if (!nn__finite(m->grads, m->parameters)) return nn__numeric_error(m, call, true);
    }
    nn__clip(m);
    double reach = m->run->optimizer.clip_norm > 0 || m->run->optimizer.clip_value > 0
                       ? nn_norm(m->grads, m->parameters)
                       : m->gradient_norm;
    if (!nn__within(lr, 0, (double)NN__REAL_MAX / 1e6) || nn__is_nan(lr * reach) ||
        lr * reach >= (double)NN__REAL_MAX / 1e6)
        return nn__fail(m->run->compile_at, NN_ERR_NUMERIC, call,
                        "epoch %d, step %d: the update would be infinite: learning rate %g times a "
                        "gradient of norm %g; use a smaller rate or .clip_norm = 1. The parameters "
                        "are as they were before this step",
                        m->epoch, m->step, lr, reach);
    m->run->t++, m->updates++;
    nn__update_all(m, lr);
    nn__update_running(m);
    return NN_OK;
}

NN_API nn_status nn_step(nn_model *model)
{
    nn_status status = nn__need(model, true, nn__nowhere, "nn_step");
    if (!status) status = nn__step(model, "nn_step");
    return nn__report(status);
}

/* ---- metrics --------------------------------------------------------- >>train/metrics */

/* How many outputs of a row are larger than that of its class: 0 for a right guess. */
static int nn__rank_of(const nn_real *y, int C, int label)
{
    int larger = 0;
    for (int c = 0; c < C; c++) larger += y[c] > y[label] || (y[c] == y[label] && c < label);
    return larger;
}

static void nn__tally_row(const nn__run *r, nn__tally *tally, const nn_real *y, int row)
{
    const nn_real *t = r->target + (size_t)row * (size_t)r->classes;
    int C = r->classes, rank = 0, right = 0;
    double absolute = 0;
    if (nn__is_softmax_loss(r->loss)) {
        rank = nn__rank_of(y, C, r->loss == NN_CROSS_ENTROPY ? nn_argmax(t, C) : r->label[row]);
        tally->sum[NN__SUM_RIGHT] += rank == 0;
        tally->sum[NN__SUM_TOP_K] += rank < r->top_k;
    } else if (nn__is_binary(r->loss)) {
        const double half = r->from_logits ? 0 : 0.5; /* sigmoid(0) = 0.5 */
        for (int c = 0; c < C; c++) right += (double)t[c] == ((double)y[c] > half ? 1 : 0);
        tally->sum[NN__SUM_RIGHT] += (double)right / C;
    }
    if (nn__is_softmax_loss(r->loss)) return;
    for (int c = 0; c < C; c++) absolute += fabs((double)y[c] - (double)t[c]);
    tally->sum[NN__SUM_ABSOLUTE] += absolute / C;
}

/* Adds the batch that was just computed to an nn__tally. */
static void nn__tally_batch(const nn_model *m, int first, void *to)
{
    const nn__run *r = m->run;
    nn__tally *tally = (nn__tally *)to;
    (void)first;
    int rows = m->batch * r->rows;
    for (int i = 0; i < rows; i++)
        nn__tally_row(r, tally, m->output->value + (size_t)i * (size_t)r->classes, i);
    tally->sum[NN__SUM_LOSS] += m->loss * rows;
    tally->rows += rows;
    tally->samples += m->batch;
}

static nn_metrics nn__metrics_of(const nn__run *r, const nn__tally *tally)
{
    nn_metrics x;
    bool right = nn__is_softmax_loss(r->loss) || nn__is_binary(r->loss);
    x.status = NN_OK;
    x.n = (int)tally->samples;
    x.loss = tally->sum[NN__SUM_LOSS] / tally->rows;
    x.accuracy = right ? tally->sum[NN__SUM_RIGHT] / tally->rows : NAN;
    x.top_k = nn__is_softmax_loss(r->loss) && r->top_k > 0 ? tally->sum[NN__SUM_TOP_K] / tally->rows
                                                           : NAN;
    x.mae = nn__is_softmax_loss(r->loss) ? NAN : tally->sum[NN__SUM_ABSOLUTE] / tally->rows;
    return x;
}

static nn_metrics nn__metrics_failed(nn_status status)
{
    nn_metrics x;
    x.status = status, x.n = 0;
    x.loss = x.accuracy = x.top_k = x.mae = NAN;
    return x;
}

/* ---- evaluate and predict ------------------------------------------- >>train/evaluate */

enum { NN__LARGEST_BATCH = 256, NN__LARGEST_PASS = 1 << 23 };

/* Samples in a batch without training: fewer where tensors are large, so that an evaluation takes
   no more memory than training. Always the same for a graph, and so are the bits of its outputs. */
static int nn__pass_batch(const nn_model *m)
{
    size_t numbers = 1; /* of one sample: values and gradients */
    for (int i = 0; i < m->run->tensors; i++)
        if (m->run->tensor[i]->batched) numbers += 2 * m->run->tensor[i]->size;
    const size_t most = (size_t)NN__LARGEST_PASS / numbers / 16 * 16;
    return (int)NN__MAX(NN__MIN(most, (size_t)NN__LARGEST_BATCH), (size_t)16);
}

/* What is done with a batch that has been computed; its samples are `first` and those behind. */
typedef void nn__visit(const nn_model *m, int first, void *to);

/* Passes samples through in batches, without training. rows NULL: the first n of the data. */
static nn_status nn__pass(nn_model *m, const nn_data *data, const int *rows, int n, bool targets,
                          nn__visit *visit, void *to, nn_place at, const char *call)
{
    int numbers[NN__LARGEST_BATCH];
    nn_status status = NN_OK;
    const int most = nn__pass_batch(m);
    for (int first = 0; !status && first < n; first += most) {
        const int count = NN__MIN(most, n - first);
        for (int i = 0; i < count; i++) numbers[i] = rows ? rows[first + i] : first + i;
        status = nn__feed_batch(m, data, numbers, count, targets, NULL, at, call);
        if (status) break;
        nn__forward(m, NN_INFERENCE, call);
        visit(m, first, to);
    }
    return status;
}

static void nn__copy_outputs(const nn_model *m, int first, void *to)
{
    const size_t size = m->output->size;
    memcpy((nn_real *)to + (size_t)first * size, m->output->value,
           (size_t)m->batch * size * sizeof(nn_real));
}

/* Metrics over samples of data that is bound to the model. */
static nn_metrics nn__evaluate(nn_model *m, const nn_data *data, const int *rows, int n,
                               nn_place at, const char *call)
{
    nn__tally tally = NN__EMPTY;
    nn_status status = nn__pass(m, data, rows, n, true, nn__tally_batch, &tally, at, call);
    return status ? nn__metrics_failed(status) : nn__metrics_of(m->run, &tally);
}

NN_API nn_metrics nn_evaluate(nn_model *model, const nn_data *data)
{
    const char *call = "nn_evaluate";
    nn_metrics x = nn__metrics_failed(nn__need(model, true, nn__nowhere, call));
    if (!x.status) x.status = nn__bind(model, data, true, model->run->compile_at, call);
    if (!x.status) x = nn__evaluate(model, data, NULL, data->n, model->run->compile_at, call);
    nn__report(x.status);
    return x;
}

NN_API nn_status nn_predict_data(nn_model *model, nn_real *y, const nn_data *data)
{
    const char *call = "nn_predict_data";
    nn_status status = nn__need(model, false, nn__nowhere, call);
    if (!status) status = nn__bind(model, data, false, model->run->compile_at, call);
    if (!status)
        status = nn__pass(model, data, NULL, data->n, false, nn__copy_outputs, y,
                          model->run->compile_at, call);
    return nn__report(status);
}

NN_API nn_status nn_predict(nn_model *model, nn_real *y, const nn_real *x, int n)
{
    const char *call = "nn_predict";
    nn_status status = nn__need(model, false, nn__nowhere, call);
    if (!status && (model->run->inputs != 1 || !x || !y || n < 0))
        status = nn__fail(model->run->compile_at, NN_ERR_ARGUMENT, call,
                          "needs x, y, at least 0 samples, and a model with one input (it has %d); "
                          "for more inputs use nn_predict_data",
                          model->run->inputs);
    if (status || n == 0) return nn__report(status);
    nn_data view = NN__EMPTY; /* the caller's array as a data set, without a copy */
    view.n = n, view.inputs = 1;
    view.x[0].type = NN_REAL;
    view.x[0].size = model->run->input[0]->size;
    memcpy(&view.x[0].values, &x, sizeof x); /* it is only read */
    status =
        nn__pass(model, &view, NULL, n, false, nn__copy_outputs, y, model->run->compile_at, call);
    return nn__report(status);
}

NN_API const char *nn_class_name(const nn_model *model, int k)
{
    static NN__THREAD_LOCAL char number[16];
    if (model && model->run->class_name && k >= 0 && k < model->run->class_names)
        return model->run->class_name[k];
    snprintf(number, sizeof number, "%d", k);
    return number;
}

/* Adds the batch that was just computed to counts. */
static void nn__confusion_batch(const nn_model *m, int first, void *counts)
{
    const nn__run *r = m->run;
    (void)first;
    for (int i = 0; i < m->batch * r->rows; i++) {
        const nn_real *y = m->output->value + (size_t)i * (size_t)r->classes;
        const nn_real *t = r->target + (size_t)i * (size_t)r->classes;
        int label = r->loss == NN_SPARSE_CROSS_ENTROPY ? r->label[i] : nn_argmax(t, r->classes);
        int predicted = nn_argmax(y, r->classes);
        nn_confusion_add((int *)counts, &label, &predicted, 1, r->classes);
    }
}

NN_API nn_status nn_confusion(nn_model *model, const nn_data *data, int *counts)
{
    const char *call = "nn_confusion";
    nn_status status = nn__need(model, true, nn__nowhere, call);
    if (!status && !nn__is_softmax_loss(model->run->loss))
        status = nn__fail(model->run->compile_at, NN_ERR_STATE, call,
                          "needs a model that was compiled with a loss on classes");
    if (!status) status = nn__bind(model, data, true, model->run->compile_at, call);
    if (status) return nn__report(status);
    memset(counts, 0, (size_t)model->run->classes * (size_t)model->run->classes * sizeof *counts);
    status = nn__pass(model, data, NULL, data->n, true, nn__confusion_batch, counts,
                      model->run->compile_at, call);
    return nn__report(status);
}

/* ---- fit ----------------------------------------------------------------- >>train/fit */

/* Seconds by the wall clock where the C library has one, else of CPU time. */
static double nn__seconds(void)
{
#if defined(TIME_UTC) && !defined(__TINYC__) &&                                                    \
    (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L))
    struct timespec now;
    if (timespec_get(&now, TIME_UTC) == TIME_UTC)
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
    return (double)clock() / CLOCKS_PER_SEC;
}

static nn_status nn__check_fit(const nn_fit_args *args)
{
    const char *call = "nn_fit";
    if (args->batch_size < NN_FULL_BATCH || args->patience < 0 || !(args->min_delta >= 0))
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "batch_size %d, patience %d, min_delta %g: none may be negative "
                        "(NN_FULL_BATCH takes all samples)",
                        args->batch_size, args->patience, args->min_delta);
    if (!(args->validation_fraction >= 0 && args->validation_fraction < 1))
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "validation_fraction is %g; it is a share from 0 to below 1",
                        args->validation_fraction);
    if (args->class_weight && args->data && args->data->classes == 0)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        ".class_weight needs data with classes; weigh samples with .weights");
    if (args->monitor >= NN_MONITOR_VAL_LOSS && !args->validation && args->validation_fraction == 0)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "patience watches validation data, but there is none; give .validation or "
                        ".validation_fraction");
    if (args->monitor == NN_MONITOR_VAL_ACCURACY && !nn__is_softmax_loss(args->model->run->loss) &&
        !nn__is_binary(args->model->run->loss))
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "patience watches accuracy, but %s has none; watch NN_MONITOR_VAL_LOSS",
                        nn__loss_name(args->model->run->loss));
    return NN_OK;
}

static bool nn__augments(const nn_augment *a)
{
    return a->shift != 0 || a->rotate != 0 || a->scale != 0 || a->noise != 0 || a->flip;
}

static bool nn__is_image(const nn_array *x)
{
    return x->rank == 3 && x->type != NN_TOKEN;
}

static nn_status nn__check_augment(const nn_augment *a, const nn_data *data, nn_place at)
{
    int images = 0;
    if (!(a->shift >= 0 && a->shift < 1e6 && a->rotate >= 0 && a->rotate <= 360 && a->scale >= 0 &&
          a->scale < 1 && a->noise >= 0 && a->noise < 1e6))
        return nn__fail(at, NN_ERR_ARGUMENT, "nn_fit",
                        "augment: shift %g, rotate %g, scale %g, noise %g: none may be negative, "
                        "rotate is at most 360 degrees, scale is below 1",
                        a->shift, a->rotate, a->scale, a->noise);
    for (int i = 0; i < data->inputs; i++) images += nn__is_image(&data->x[i]);
    if (images > 0 || !nn__augments(a)) return NN_OK;
    return nn__fail(at, NN_ERR_SHAPE, "nn_fit",
                    "augment varies images, but no input of the data has the shape (height, width, "
                    "channels); give it in nn_data_from: {28, 28, 1}");
}

/* Every value and label of a data set, before the first step. */
static nn_status nn__check_samples(nn_model *m, const nn_data *data, nn_place at, const char *call)
{
    const int32_t *label = (const int32_t *)data->y.values;
    nn_status status = NN_OK;
    for (int i = 0; !status && i < data->inputs; i++) status = nn__check_finite(data, i, at, call);
    for (size_t k = 0; !status && nn__has_labels(data) && k < (size_t)data->n * data->y.size; k++)
        status = nn__check_label(m, data, (int)(k / data->y.size), label[k], at, call);
    if (!status && !nn__has_labels(data) &&
        !nn__finite((const nn_real *)data->y.values, (size_t)data->n * data->y.size))
        status =
            nn__fail(at, NN_ERR_DATA, call, "the targets hold NaN or infinity; remove these rows");
    return status;
}

/* Memory for nn_fit: the order of the samples, the best weights, the history. */
static nn_status nn__fit_memory(nn_model *m, const nn_data *data, int epochs)
{
    size_t largest = 0; /* image, where images are augmented */
    nn__run *r = m->run;
    int total = m->history.epochs + epochs;
    r->order = (int *)nn__alloc((size_t)data->n, sizeof *r->order);
    bool best = r->fit.patience > 0 && !r->fit.no_restore;
    r->best = best ? (nn_real *)nn__alloc(m->parameters + 1, sizeof *r->best) : NULL;
    for (int i = 0; nn__augments(&r->fit.augment) && i < data->inputs; i++)
        if (nn__is_image(&data->x[i])) largest = NN__MAX(largest, data->x[i].size);
    r->plain = largest ? (nn_real *)nn__alloc((size_t)r->batch_size * largest, sizeof *r->plain)
                       : NULL; /* the arena has as many, so the product fits */
    nn_epoch *epoch = (nn_epoch *)nn__alloc_zero((size_t)total + 1, sizeof *epoch);
    if (!r->order || (largest && !r->plain) || (best && !r->best) || !epoch) {
        nn__free(epoch);
        return nn__fail_memory(r->fit.at, "nn_fit", "the order of the samples");
    }
    for (int i = 0; i < data->n; i++) r->order[i] = i;
    if (best) memcpy(r->best, m->values, m->parameters * sizeof *r->best);
    if (m->history.epochs)
        memcpy(epoch, m->history.epoch, (size_t)m->history.epochs * sizeof *epoch);
    nn__free(m->history.epoch);
    m->history.epoch = epoch;
    return NN_OK;
}

/* Counters for a fit that can start. */
static void nn__fit_counters(nn_model *m, int epochs)
{
    nn__run *r = m->run;
    m->steps = (r->samples + r->batch_size - 1) / r->batch_size;
    m->step = 0;
    r->first_epoch = m->history.epochs;
    r->last_epoch = m->history.epochs + epochs;
    m->epochs = r->last_epoch, m->epoch = r->first_epoch;
    r->wait = 0, r->best_epoch = -1, r->best_value = NAN, r->bar_drawn = 0;
    m->history.stopped_early = false;
    if (r->optimizer.schedule.steps == 0)
        r->schedule_steps =
            r->optimizer.schedule.by_epoch ? r->last_epoch : r->t + (long)epochs * m->steps;
    r->fit_over = epochs == 0;
    r->fitting = true;
}

static nn_status nn__fit_begin(nn_fit_args *args)
{
    const char *call = "nn_fit";
    nn_model *m = args->model;
    nn_status status = nn__need(m, true, args->at, call);
    if (!status) status = nn__check_fit(args);
    if (!status) status = nn__bind(m, args->data, true, args->at, call);
    if (!status) status = nn__check_augment(&args->augment, args->data, args->at);
    if (!status) status = nn__check_samples(m, args->data, args->at, call);
    if (!status) status = nn__learn_data(m, args->data, args->at);
    if (!status && args->validation) status = nn__bind(m, args->validation, true, args->at, call);
    if (!status && args->validation)
        status = nn__check_samples(m, args->validation, args->at, call);
    if (status) return status;
    nn__run *r = m->run;
    nn__fit_free(r);
    r->fit = *args;
    r->samples = args->data->n - (int)ceil(args->validation_fraction * args->data->n);
    if (r->samples <= 0)
        return nn__fail(args->at, NN_ERR_ARGUMENT, call,
                        "validation_fraction %g leaves no sample to train on",
                        args->validation_fraction);
    int batch = args->batch_size == 0 ? 32 : args->batch_size;
    r->batch_size = batch == NN_FULL_BATCH || batch > r->samples ? r->samples : batch;
    int epochs = args->epochs == 0 ? 1 : NN__MAX(args->epochs, 0);
    int last = r->samples % r->batch_size; /* of an epoch, the smallest batch */
    status = epochs > 0 ? nn__check_batch(m, last ? last : r->batch_size, args->at, call) : NN_OK;
    if (!status) status = nn__reserve(m, r->batch_size, args->at, call);
    if (!status) status = nn__fit_memory(m, args->data, epochs);
    if (status) nn__fit_free(r);
    else nn__fit_counters(m, epochs);
    return status;
}

NN_API nn_status nn_fit_begin_make(nn_fit_args args)
{
    nn_status status = nn__fit_begin(&args);
    if (args.model) args.model->run->fit_status = status;
    return nn__report(status);
}

enum { NN__LINE = 256 };

/* Numbers for a line of progress, those left out that are NaN. */
static void nn__add_numbers(char text[NN__LINE], const char *prefix, double loss, double accuracy,
                            double mae)
{
    static const char *const name[] = { "loss", "accuracy", "mae" };
    const double x[] = { loss, accuracy, mae };
    for (int k = 0; k < 3; k++)
        if (!nn__is_nan(x[k]))
            snprintf(text + strlen(text), NN__LINE - strlen(text), "  %s%s %.4f", prefix, name[k],
                     x[k]);
}

/* The bar of the epoch under way, at most ten times a second. */
static void nn__draw_bar(nn_model *m)
{
    char text[NN__LINE], bar[31];
    nn__run *r = m->run;
    if (r->fit.quiet) return; /* without asking for the time, which can cost more than a step */
    double now = nn__seconds();
    if (now - r->bar_drawn < 0.1) return;
    r->bar_drawn = now;
    for (int i = 0; i < 30; i++) bar[i] = (double)i * m->steps < 30.0 * m->step ? '=' : '.';
    bar[30] = 0;
    snprintf(text, sizeof text, "epoch %d/%d [%s] %d/%d %.0fs", m->epoch, m->epochs, bar, m->step,
             m->steps, now - r->epoch_started);
    nn__add_numbers(text, "", m->running.loss, m->running.accuracy, m->running.mae);
    nn__log(NN_LOG_PROGRESS, "%s", text);
}

static void nn__log_epoch(const nn_model *m, const nn_epoch *e)
{
    char text[NN__LINE];
    snprintf(text, sizeof text, "epoch %d/%d  %.2fs", m->epoch, m->epochs, e->seconds);
    nn__add_numbers(text, "", e->loss, e->accuracy, e->mae);
    nn__add_numbers(text, "val_", e->val_loss, e->val_accuracy, e->val_mae);
    nn__log(NN_LOG_INFO, "%s", text);
}

/* A new order for each epoch, from the seed and the number of the epoch alone. */
static void nn__epoch_begin(nn_model *m)
{
    nn__run *r = m->run;
    nn_random seed = nn_random_seed(r->seed);
    nn_random random = nn_random_split(&seed, UINT64_C(2000000) + (uint64_t)m->epoch);
    m->epoch++, m->step = 0;
    for (int i = 0; i < r->samples; i++) r->order[i] = i;
    if (!r->fit.no_shuffle) nn_random_shuffle(&random, r->order, r->samples);
    memset(&r->tally, 0, sizeof r->tally);
    r->largest_norm = 0;
    r->epoch_started = nn__seconds();
}

/* Varies the images of the batch: seed, epoch and sample alone say how. */
static void nn__augment_batch(nn_model *m)
{
    nn__run *r = m->run;
    const nn_random seed = nn_random_seed(r->seed);
    const nn_random epoch = nn_random_split(&seed, UINT64_C(3000000) + (uint64_t)m->epoch);
    const unsigned mode = nn__float_mode();
    for (int i = 0; i < r->inputs; i++) {
        const nn_array *x = &r->fit.data->x[i];
        nn_real *value = r->input[i]->value;
        if (!nn__is_image(x)) continue;
        memcpy(r->plain, value, (size_t)m->batch * x->size * sizeof *value);
        NN__PARALLEL
        {
            const unsigned own_mode = nn__float_mode();
            const int end = nn__part_begin(m->batch, NN__PART + 1, NN__PARTS);
            nn__set_float_mode(mode);
            for (int b = nn__part_begin(m->batch, NN__PART, NN__PARTS); b < end; b++) {
                nn_random random = nn_random_split(&epoch, (uint64_t)r->sample[b]);
                nn_image_augment(value + (size_t)b * x->size, r->plain + (size_t)b * x->size,
                                 x->dim[0], x->dim[1], x->dim[2], &r->fit.augment, &random);
            }
            nn__set_float_mode(own_mode);
        }
    }
}

static nn_status nn__train_batch(nn_model *m)
{
    nn__run *r = m->run;
    int first = m->step * r->batch_size, n = NN__MIN(r->batch_size, r->samples - first);
    nn_status status = NN_OK;
    m->step++;
    if (r->mapped != r->fit.data) /* since validation, or an nn_evaluate in a callback */
        status = nn__map_classes(m, r->fit.data, r->fit.at, "nn_fit");
    if (!status)
        status = nn__feed_batch(m, r->fit.data, r->order + first, n, true, r->fit.class_weight,
                                r->fit.at, "nn_fit");
    if (!status && r->plain) nn__augment_batch(m);
    if (!status) status = nn__forward(m, NN_TRAINING, "nn_fit");
    if (status) return status;
    nn__tally_batch(m, 0, &r->tally);
    m->running = nn__metrics_of(r, &r->tally);
    nn__seed_gradient(m);
    nn__run_backward(m);
    if (r->fit.on_gradient && r->fit.on_gradient(m, r->fit.user)) r->fit_over = true;
    status = nn__step(m, "nn_fit");
    r->largest_norm = NN__MAX(r->largest_norm, m->gradient_norm);
    return status;
}

/* The validation metrics of this epoch; NaN without validation data. */
static nn_metrics nn__validate(nn_model *m)
{
    nn__run *r = m->run;
    const nn_data *data = r->fit.validation ? r->fit.validation : r->fit.data;
    const int *rows = r->fit.validation ? NULL : r->order + r->samples;
    int n = r->fit.validation ? data->n : data->n - r->samples;
    nn_status status = n > 0 ? nn__map_classes(m, data, r->fit.at, "nn_fit") : NN_OK;
    if (status || n == 0) return nn__metrics_failed(status);
    return nn__evaluate(m, data, rows, n, r->fit.at, "nn_fit");
}

/* Early stopping: remembers the best epoch and its weights; true when patience is over. */
static bool nn__lost_patience(nn_model *m, const nn_epoch *e)
{
    nn__run *r = m->run;
    bool validated = r->fit.validation || r->fit.validation_fraction > 0;
    double value = r->fit.monitor == NN_MONITOR_VAL_ACCURACY         ? -e->val_accuracy
                   : r->fit.monitor == NN_MONITOR_LOSS || !validated ? e->loss
                                                                     : e->val_loss;
    if (nn__is_nan(r->best_value) || value < r->best_value - r->fit.min_delta) {
        r->best_value = value, r->wait = 0, r->best_epoch = m->epoch - 1;
        if (r->best) memcpy(r->best, m->values, m->parameters * sizeof *r->best);
        return false;
    }
    return ++r->wait >= r->fit.patience && r->fit.patience > 0;
}

static nn_status nn__epoch_end(nn_model *m)
{
    nn__run *r = m->run;
    nn_epoch *e = &m->history.epoch[m->history.epochs];
    nn_metrics train = m->running, validation = nn__validate(m);
    if (validation.status) return validation.status;
    m->running = train;
    e->epoch = m->epoch, e->loss = train.loss, e->accuracy = train.accuracy, e->mae = train.mae;
    e->val_loss = validation.loss, e->val_accuracy = validation.accuracy;
    e->val_mae = validation.mae, e->lr = nn_learning_rate(m), e->gradient_norm = r->largest_norm;
    e->seconds = nn__seconds() - r->epoch_started;
    m->history.epochs++;
    if (nn__lost_patience(m, e)) r->fit_over = m->history.stopped_early = true;
    m->history.best = r->best_epoch;
    const nn_schedule *s = &r->optimizer.schedule;
    if (s->kind == NN_REDUCE_ON_PLATEAU && !r->rate_by_hand && nn__schedule_time(m) >= s->warmup)
        r->rate = nn_plateau_rate(&r->plateau, &r->optimizer.schedule, nn_learning_rate(m),
                                  nn__is_nan(e->val_loss) ? e->loss : e->val_loss);
    if (!r->fit.quiet) nn__log_epoch(m, e);
    if (r->fit.on_epoch && r->fit.on_epoch(m, r->fit.user)) r->fit_over = true;
    if (m->epoch >= r->last_epoch) r->fit_over = true;
    return NN_OK;
}

NN_API bool nn_fit_step(nn_model *model)
{
    if (!model || !model->run->fitting || model->run->fit_over) return false;
    nn__run *r = model->run;
    if (model->step == 0 || model->step == model->steps) nn__epoch_begin(model);
    unsigned mode = nn__denormals_off();
    r->fit_status = nn__train_batch(model);
    nn__set_float_mode(mode);
    if (!r->fit_status) nn__draw_bar(model);
    if (!r->fit_status && r->fit.on_batch && r->fit.on_batch(model, r->fit.user))
        r->fit_over = true;
    if (!r->fit_status && model->step == model->steps) r->fit_status = nn__epoch_end(model);
    if (r->fit_status) r->fit_over = true;
    return !r->fit_over;
}

NN_API nn_status nn_fit_end(nn_model *model)
{
    if (!model) return nn__fail(nn__nowhere, NN_ERR_ARGUMENT, "nn_fit_end", "the model is NULL");
    nn__run *r = model->run;
    nn_status status = r->fit_status;
    if (!r->fitting) return status;
    if (!status && r->best && r->best_epoch >= 0)
        memcpy(model->values, r->best, model->parameters * sizeof *r->best);
    nn__fit_free(r);
    model->epoch = 0; /* later errors are not of an epoch */
    return nn__report(status);
}

NN_API nn_status nn_fit_make(nn_fit_args args)
{
    nn_status status = nn_fit_begin_make(args);
    if (status) return status;
    const nn_optimizer *o = &args.model->run->optimizer;
    args.model->run->outer_allowed =
        o->kind == NN_SGD && o->momentum == 0 && o->weight_decay == 0 && o->clip_norm == 0 &&
        o->clip_value == 0 && !args.on_gradient && !args.on_batch && !args.on_epoch;
    while (nn_fit_step(args.model)) {
    }
    args.model->run->outer_allowed = false;
    return nn_fit_end(args.model);
}

/* x with a point, whatever the locale. 9 digits give a float back exactly, 17 a double. */
static const char *nn__decimal(char text[48], double x, int digits)
{
    const char *mark = localeconv()->decimal_point;
    snprintf(text, 48, "%.*g", digits, x);
    char *found = strstr(text, mark);
    if (!found) return text;
    *found = '.';
    memmove(found + 1, found + strlen(mark), strlen(found + strlen(mark)) + 1);
    return text;
}

enum { NN__EPOCH_NUMBERS = 9 };

static double *nn__epoch_number(nn_epoch *e, size_t i)
{
    double *const at[NN__EPOCH_NUMBERS] = { &e->loss,     &e->accuracy,      &e->mae,
                                            &e->val_loss, &e->val_accuracy,  &e->val_mae,
                                            &e->lr,       &e->gradient_norm, &e->seconds };
    return at[i];
}

/* ======================================================================== >>inspect ======= */

/* ---- summary ------------------------------------------------------- >>inspect/summary */

/* Parameters that belong to a layer itself; those that another layer shares count once. */
static size_t nn__own_parameters(const nn_tensor *t, int *shared)
{
    const nn__run *r = t->model->run;
    size_t n = t->parameter ? t->size : 0;
    *shared = 0;
    if (t->op == &nn__op_activation && t->in[0]->hidden) t = t->in[0];
    bool owns = t->op == &nn__op_dense || t->op == &nn__op_conv2d || t->op == &nn__op_batch_norm ||
                t->op == &nn__op_layer_norm;
    for (int k = 0; owns && k < NN__MAX_IN; k++) {
        if (!t->in[k] || !t->in[k]->parameter) continue;
        bool first = true;
        for (int i = 0; i < r->tensors && r->tensor[i] != t; i++)
            for (int j = 0; j < NN__MAX_IN; j++)
                if (r->tensor[i]->in[j] == t->in[k]) first = false;
        if (first) n += t->in[k]->size;
        else *shared = 1;
    }
    return n;
}

/* Whether a tensor is a line of the summary: not the inner parts of a layer. */
static bool nn__is_layer(const nn_tensor *t)
{
    return t->used && !t->hidden && !(t->parameter && strchr(t->name, '.'));
}

NN_API nn_status nn_summary(nn_model *model, int batch_size)
{
    char shape[NN__SHAPE_SIZE];
    int samples = batch_size > 0 ? batch_size : 32, shared;
    nn_status status = nn__need(model, false, nn__nowhere, "nn_summary");
    if (status) return nn__report(status);
    nn__run *r = model->run;
    nn__log(NN_LOG_INFO, "%-24s %-22s %12s", "layer", "shape", "parameters");
    for (int i = 0; i < r->tensors; i++) {
        const nn_tensor *t = r->tensor[i];
        if (!nn__is_layer(t)) continue;
        size_t own = nn__own_parameters(t, &shared);
        nn__log(NN_LOG_INFO, "%-24s %-22s %12zu%s", t->name, nn__shape_text(shape, sizeof shape, t),
                own, shared ? " (shared)" : "");
    }
    size_t arena = nn__layout(model, samples, NULL);
    int state = (r->state1 != NULL) + (r->state2 != NULL);
    if (r->arena) nn__layout(model, r->capacity, r->arena);
    double bytes = ((double)arena + (double)model->parameters * (2.0 + state)) * sizeof(nn_real);
    char frozen[48];
    size_t still = 0;
    for (int k = 0; nn_parameter_at(model, k); k++)
        if (nn_parameter_at(model, k)->frozen) still += nn_parameter_at(model, k)->size;
    snprintf(frozen, sizeof frozen, ", %zu of them not trained", still);
    nn__log(NN_LOG_INFO, "%zu parameters%s; %s takes %.2f MB at batch size %d", model->parameters,
            still ? frozen : "", r->training ? "training" : "prediction", bytes / 1e6, samples);
    return NN_OK;
}

/* ---- gradient check -------------------------------------------- >>inspect/gradient_check
   For one parameter w of one tensor, with L = sum_i u_i loss_i and u random:

     numeric = (L(w + h) - L(w - h)) / 2h,   h = step * max(|w|, 0.1), as it is rounded

   The difference is compared with the largest gradient of the tensor, where it is more than the
   rounding of L makes. With u all alike a wrong backward of softmax or of a mean could hide: its
   errors cancel. Entries where w + h and w - h put some ReLU on different sides of its kink have no
   derivative to compare with; they are counted. */

/* A number that changes when some output of a ReLU or the like changes its side. */
static uint64_t nn__sides(const nn_model *m)
{
    uint64_t hash = 0;
    const nn__run *r = m->run;
    for (int i = 0; i < r->tensors; i++) {
        const nn_tensor *t = r->tensor[i];
        bool kink = t->used && t->op == &nn__op_activation &&
                    (t->activation == NN_RELU || t->activation == NN_LEAKY_RELU ||
                     (t->activation == NN_ELU && t->number != 1));
        for (size_t k = 0; kink && k < nn__entries(t); k++) hash = hash * 31 + (t->value[k] > 0);
        const int *winner =
            t->op == &nn__op_max_pool2d ? (const int *)(const void *)t->saved : NULL;
        for (size_t k = 0; t->used && winner && k < nn__entries(t); k++)
            hash = hash * 31 + (uint64_t)winner[k];
        if (kink) hash = nn__mix(hash);
    }
    size_t n = r->loss == NN_MAE || r->loss == NN_HUBER ? nn__entries(m->output) : 0;
    for (size_t k = 0; k < n; k++) {
        double e = (double)m->output->value[k] - (double)r->target[k];
        bool outside = r->loss == NN_HUBER && fabs(e) > r->huber_delta;
        hash = nn__mix(hash * 31 + (e > 0) + (outside ? 2 : 0));
    }
    return hash;
}

/* L with the random weights that stand in row_weight, and the penalties. */
static double nn__check_loss_at(nn_model *m, nn_real *w, nn_real value)
{
    const nn__run *r = m->run;
    nn_real old = *w;
    double sum = 0;
    *w = value;
    nn__run_graph(m, NN_TRAINING);
    for (int i = 0; i < m->batch * r->rows; i++)
        sum += (double)r->row_weight[i] * (double)r->row_loss[i];
    sum = sum / (m->batch * r->rows) + nn__penalty(m);
    *w = old;
    return sum;
}

/* The numeric gradient of one entry, and how large the rounding of L can make it; false where a
   kink lies between: of the network, or of an L1 penalty at 0. */
static bool nn__numeric_gradient(nn_model *m, nn_real *w, double l1, double step, double *numeric,
                                 double *noise)
{
    const double epsilon = sizeof(nn_real) == sizeof(double) ? DBL_EPSILON : (double)FLT_EPSILON;
    double h = step * NN__MAX(fabs((double)*w), 0.1);
    nn_real above = (nn_real)((double)*w + h), below = (nn_real)((double)*w - h);
    double up = nn__check_loss_at(m, w, above);
    uint64_t side = nn__sides(m);
    double down = nn__check_loss_at(m, w, below);
    *numeric = (up - down) / ((double)above - (double)below);
    *noise = 4 * epsilon * (fabs(up) + fabs(down)) / ((double)above - (double)below);
    bool crosses = l1 > 0 && above > 0 && below < 0 && !(*w == 0);
    return nn__sides(m) == side && !crosses;
}

/* The entries of one tensor: a few at random, or all. Updates check with the worst. */
static void nn__check_tensor(nn_model *m, const nn_tensor *t, const nn_check_args *args,
                             nn_random *random, nn_check *check)
{
    size_t limit = (size_t)(args->entries > 0 ? args->entries : 50);
    size_t n = NN__MIN(limit, t->size);
    double largest = 0, numeric, noise;
    for (size_t i = 0; i < t->size; i++) largest = NN__MAX(largest, fabs((double)t->grad[i]));
    for (size_t i = 0; i < n; i++) {
        size_t entry = n == t->size ? i : (size_t)nn_random_below(random, t->size);
        double backward = (double)t->grad[entry];
        nn_real *w = t->value + entry;
        if (!nn__numeric_gradient(m, w, t->l1, args->step, &numeric, &noise)) {
            check->skipped++;
            continue;
        }
        double scale = NN__MAX(largest, fabs(numeric));
        double difference = fabs(backward - numeric);
        double error = difference <= noise ? 0 : difference / scale;
        check->checked++;
        if (error <= check->worst || nn__is_nan(check->worst)) continue; /* NaN is the worst */
        check->worst = error, check->entry = entry;
        check->backward = backward, check->numeric = numeric;
        nn__copy_text(check->tensor, NN_NAME_SIZE, t->name);
    }
}

static nn_status nn__check_begin(nn_check_args *args, nn_random *random)
{
    const char *call = "nn_gradient_check";
    nn_model *m = args->model;
    nn_status status = nn__need(m, true, args->at, call);
    if (!status) status = nn__bind(m, args->data, true, args->at, call);
    if (status) return status;
    int n = NN__MIN(args->rows > 0 ? args->rows : 8, args->data->n);
    status = nn__feed_batch(m, args->data, NULL, n, true, NULL, args->at, call);
    if (!status) status = nn__check_batch(m, n, args->at, call);
    if (status) return status;
    for (int i = 0; i < n * m->run->rows; i++)
        m->run->row_weight[i] = (nn_real)nn_random_uniform(random, 0.5, 2);
    const bool is_double = sizeof(nn_real) == sizeof(double);
    args->step = nn__or_default(args->step, is_double ? 1e-5 : 1e-2);
    args->tolerance = nn__or_default(args->tolerance, is_double ? 1e-6 : 2e-2);
    nn__run_graph(m, NN_TRAINING);
    nn__seed_gradient(m);
    nn__run_backward(m);
    return NN_OK;
}

NN_API nn_check nn_gradient_check_make(nn_check_args args)
{
    nn_check check = NN__EMPTY;
    nn_random random = nn_random_seed(args.seed);
    nn_tensor *t;
    check.status = nn__check_begin(&args, &random);
    for (int k = 0; !check.status && (t = nn_parameter_at(args.model, k)) != NULL; k++)
        if (t->used && !t->frozen) nn__check_tensor(args.model, t, &args, &random, &check);
    if (!check.status && !(check.worst <= args.tolerance))
        check.status = nn__fail(args.at, NN_ERR_NUMERIC, "nn_gradient_check",
                                "entry %zu of %s: backward says %.9g, differences say %.9g, which "
                                "is %.3g of the tensor's largest gradient apart (tolerance %.3g)",
                                check.entry, check.tensor, check.backward, check.numeric,
                                check.worst, args.tolerance);
    nn__report(check.status);
    return check;
}

/* ---- dead units ------------------------------------------------------- >>inspect/dead */

/* For each entry of a layer, whether a sample made it larger than 0. */
typedef struct nn__alive {
    const nn_tensor *layer;
    bool *entry;
} nn__alive;

static void nn__alive_batch(const nn_model *m, int first, void *to)
{
    const nn__alive *a = (const nn__alive *)to;
    (void)first;
    for (size_t i = 0; i < (size_t)m->batch * a->layer->size; i++)
        if (a->layer->value[i] > 0) a->entry[i % a->layer->size] = true;
}

NN_API double nn_dead_units(nn_model *model, const nn_tensor *layer, const nn_data *data)
{
    const char *call = "nn_dead_units";
    nn_status status = nn__need(model, false, nn__nowhere, call);
    if (!status && !(layer && layer->model == model && layer->used && layer->batched))
        status = nn__fail(nn__nowhere, NN_ERR_ARGUMENT, call,
                          "layer is not the output of a layer of the built model");
    if (!status) status = nn__bind(model, data, false, model->run->compile_at, call);
    nn__alive alive = { layer, status ? NULL : (bool *)nn__alloc_zero(layer->size, sizeof(bool)) };
    if (!status && !alive.entry)
        status = nn__fail_memory(nn__nowhere, call, "a mark for each unit");
    if (!status)
        status = nn__pass(model, data, NULL, data->n, false, nn__alive_batch, &alive,
                          model->run->compile_at, call);
    size_t dead = 0;
    for (size_t i = 0; alive.entry && i < layer->size; i++) dead += !alive.entry[i];
    nn__free(alive.entry);
    return nn__report(status) ? NAN : (double)dead / (double)layer->size;
}

/* ======================================================================== >>files ========= */

/* ---- bytes out ----------------------------------------------------------------- >>files/out
   As little-endian numbers and as JSON. */

/* Bytes of the UTF-8 character at s, or 0 where there is none. RFC 3629: nothing longer than
   needed, no surrogates, nothing above 10FFFF. */
static size_t nn__utf8(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    if (n == 0 || s[0] < 0x80) return n > 0;
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < length) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return length;
}

/* A JSON string. */
static void nn__put_string(nn__bytes *out, const char *text)
{
    size_t n = strlen(text), length = 0;
    nn__put(out, "\"", 1);
    for (; n > 0; text += length, n -= length) {
        length = nn__utf8(text, n);
        if (length == 0)
            out->bad = "a name of a layer or class is not UTF-8 text; write it as that";
        if (length == 0) length = 1;
        if ((unsigned char)*text < ' ') nn__putf(out, "\\u%04x", (unsigned)*text);
        else nn__putf(out, "%s%.*s", strchr("\"\\", *text) ? "\\" : "", (int)length, text);
    }
    nn__put(out, "\"", 1);
}

/* A number that reads back exactly, also NaN (null) and infinity (too large for a double). */
static void nn__put_number(nn__bytes *out, double x)
{
    char text[48];
    if (nn__is_nan(x)) nn__putf(out, "null");
    else if (fabs(x) > DBL_MAX) nn__putf(out, x > 0 ? "1e999" : "-1e999");
    else nn__putf(out, "%s", nn__decimal(text, x, (double)(float)x == x ? 9 : 17));
}

/* The lowest `size` bytes, little-endian on every machine. */
static void nn__put_bits(nn__bytes *out, uint64_t bits, size_t size)
{
    unsigned char b[8];
    for (size_t i = 0; i < size; i++) b[i] = (unsigned char)(bits >> (8 * i));
    nn__put(out, b, size);
}

/* The same in the place of bytes that are there already. */
static void nn__set_bits(nn__bytes *out, size_t at, uint64_t bits, size_t size)
{
    size_t used = out->used;
    out->used = at;
    nn__put_bits(out, bits, size);
    out->used = used;
}

/* x as IEEE 754 of 4 or 8 bytes. */
static void nn__put_real(nn__bytes *out, double x, size_t size)
{
    float narrow = (float)x;
    uint32_t bits32;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&bits32, &narrow, sizeof bits32);
    nn__put_bits(out, size == 4 ? bits32 : bits, size);
}

/* ---- bytes in -------------------------------------------------------------------- >>files/in */

/* A file that is read, or memory, which path only names. */
typedef struct nn__source {
    nn_place at;
    const char *call, *path;
    char *file; /* its bytes, to be freed */
    const unsigned char *bytes;
    size_t size;
    char *header; /* a copy of its text, to be freed: strings are decoded in place */
} nn__source;

static nn_status nn__source_open(nn__source *s, nn_place at, const char *call, const char *path,
                                 const void *bytes, size_t size)
{
    nn_status status = NN_OK;
    s->at = at, s->call = call, s->path = path ? path : "bytes", s->size = size;
    if (!path && !bytes) return nn__fail(at, NN_ERR_ARGUMENT, call, "the path is NULL");
    if (!bytes) status = nn__read_file(at, call, path, &s->file, &s->size);
    s->bytes = (const unsigned char *)(bytes ? bytes : s->file);
    return status;
}

static void nn__source_free(nn__source *s)
{
    nn__free(s->file), nn__free(s->header);
}

NN__PRINTF(3, 4)
static nn_status nn__file_fail(const nn__source *s, nn_status status, const char *format, ...)
{
    char text[NN__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return nn__fail(s->at, status, s->call, "'%.200s': %s", s->path, text);
}

/* Copies the header: `length` bytes of text, which begin at `begin`. */
static nn_status nn__source_header(nn__source *s, size_t begin, uint64_t length, size_t limit)
{
    if (s->size < begin || length > s->size - begin)
        return nn__file_fail(s, NN_ERR_FORMAT,
                             "its header should have %" PRIu64 " bytes, but the file has %zu; it "
                             "is truncated, or of another kind",
                             length, s->size);
    if (length > limit)
        return nn__file_fail(s, NN_ERR_FORMAT, "its header has %" PRIu64 " bytes, the limit is %zu",
                             length, limit);
    s->header = (char *)nn__alloc((size_t)length + 1, 1);
    if (!s->header) return nn__fail_memory(s->at, s->call, "the header");
    memcpy(s->header, s->bytes + begin, (size_t)length);
    return NN_OK;
}

static uint64_t nn__little_endian(const unsigned char *b, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++) x |= (uint64_t)b[i] << (8 * i);
    return x;
}

/* A type by its names in safetensors and in npy. kind: f, e (bfloat16), i, u, b. */
typedef struct nn__number_type {
    char tensor[8], npy[3];
    char kind;
    size_t size;
} nn__number_type;

static const nn__number_type nn__number_types[] = {
    { "F32", "f4", 'f', 4 },  { "F64", "f8", 'f', 8 }, { "F16", "f2", 'f', 2 },
    { "BF16", "-", 'e', 2 },  { "I64", "i8", 'i', 8 }, { "I32", "i4", 'i', 4 },
    { "I16", "i2", 'i', 2 },  { "I8", "i1", 'i', 1 },  { "U64", "u8", 'u', 8 },
    { "U32", "u4", 'u', 4 },  { "U16", "u2", 'u', 2 }, { "U8", "u1", 'u', 1 },
    { "BOOL", "b1", 'b', 1 },
};

/* IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
static double nn__half(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double x = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -x : x;
}

/* The number at b, which may lie anywhere. */
static double nn__number_at(const unsigned char *b, const nn__number_type *type, bool big)
{
    unsigned char little[8] = { 0 };
    float narrow;
    double wide;
    for (size_t i = 0; i < type->size; i++) little[i] = b[big ? type->size - 1 - i : i];
    uint64_t bits = nn__little_endian(little, type->size);
    const uint64_t sign = (uint64_t)1 << (8 * type->size - 1);
    if (type->kind == 'i' && bits & sign) return -(double)((~bits + 1) & (2 * sign - 1));
    if (type->kind != 'f' && type->kind != 'e') return (double)bits;
    if (type->kind == 'f' && type->size == 2) return nn__half((unsigned)bits);
    uint32_t low = (uint32_t)(type->kind == 'e' ? bits << 16 : bits);
    memcpy(&wide, &bits, sizeof wide);
    memcpy(&narrow, &low, sizeof narrow);
    return type->size == 8 ? wide : (double)narrow;
}

/* ---- JSON in -------------------------------------------------------------- >>files/json
   Read along what is expected, without a tree and without recursion. Strings are decoded in place:
   no string is longer than its code. The header of npy, a dict of Python, is read by the same
   functions: it has other quotes, tuples, and commas before a closing bracket. */

typedef struct nn__json {
    const nn__source *source;
    const char *what; /* of the file */
    char *p, *start, *end;
    bool python;
    nn_status status; /* of the first error */
} nn__json;

static nn__json nn__json_from(const nn__source *source, const char *what, char *text, size_t size)
{
    nn__json j = NN__EMPTY;
    j.source = source, j.what = what;
    j.p = j.start = text, j.end = text + size;
    return j;
}

NN__PRINTF(2, 3) static bool nn__json_fail(nn__json *j, const char *format, ...)
{
    char text[NN__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!j->status)
        j->status = nn__file_fail(j->source, NN_ERR_FORMAT,
                                  "byte %zu of %s: %s; the file is damaged, or of another kind",
                                  (size_t)(j->p - j->start), j->what, text);
    return false;
}

static char *nn__json_null(nn__json *j, const char *error)
{
    nn__json_fail(j, "%s", error);
    return NULL;
}

static bool nn__json_no_memory(nn__json *j)
{
    if (!j->status) j->status = nn__fail_memory(j->source->at, j->source->call, j->what);
    return false;
}

static void nn__json_space(nn__json *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
}

static bool nn__json_is(nn__json *j, char c)
{
    nn__json_space(j);
    if (j->status || j->p == j->end || *j->p != c) return false;
    j->p++;
    return true;
}

static bool nn__json_need(nn__json *j, char c)
{
    return nn__json_is(j, c) || nn__json_fail(j, "'%c' is missing", c);
}

/* Whether another member of an object or array follows; k counts them. */
static bool nn__json_more(nn__json *j, char close, size_t *k)
{
    if (j->status || nn__json_is(j, close)) return false;
    if ((*k)++ == 0) return true;
    return nn__json_need(j, ',') && !(j->python && nn__json_is(j, close));
}

/* Nothing may follow. */
static void nn__json_end(nn__json *j)
{
    nn__json_space(j);
    if (!j->status && j->p != j->end) nn__json_fail(j, "text follows the closing bracket");
}

/* The four hexadecimal digits at p, or -1. */
static long nn__hex4(const char *p, const char *end)
{
    char digits[5] = "";
    if (end - p < 4) return -1;
    memcpy(digits, p, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* A \uXXXX, or two of them for what lies above FFFF, as UTF-8 at `to`; returns its end. */
static char *nn__json_unicode(nn__json *j, char *to)
{
    static const int head[] = { 0, 0xc0, 0xe0, 0xf0 };
    long code = nn__hex4(j->p, j->end), low;
    if (code >= 0xd800 && code < 0xdc00 && j->end - j->p >= 10 && memcmp(j->p + 4, "\\u", 2) == 0 &&
        (low = nn__hex4(j->p + 6, j->end)) >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        j->p += 6;
    }
    if (code <= 0 || (code >= 0xd800 && code < 0xe000))
        return nn__json_null(j, "a \\u is no character");
    j->p += 4;
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *to++ = (char)(head[more] | (int)(code >> (6 * more)));
    for (int shift = 6 * (more - 1); shift >= 0; shift -= 6)
        *to++ = (char)(0x80 | (int)((code >> shift) & 63));
    return to;
}

/* One character, at p; returns the end of what it is at `to`, or NULL. */
static char *nn__json_character(nn__json *j, char *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    size_t length = nn__utf8(j->p, (size_t)(j->end - j->p));
    if (length == 0 || (unsigned char)*j->p < ' ')
        return nn__json_null(j, "a string is not UTF-8, or has a control character");
    if (*j->p != '\\') {
        memmove(to, j->p, length);
        j->p += length;
        return to + length;
    }
    char code = 0;
    if (j->end - j->p > 1) code = j->p[1];
    const char *found = code ? strchr(from, code) : NULL;
    if (!found && code != 'u') return nn__json_null(j, "a string has a wrong escape");
    j->p += 2;
    if (!found) return nn__json_unicode(j, to);
    *to++ = into[found - from];
    return to;
}

/* A string, closed with a zero where its quote stood, or NULL. */
static char *nn__json_string(nn__json *j)
{
    char quote = j->python && nn__json_is(j, '\'') ? '\'' : '"';
    if (quote == '"' && !nn__json_is(j, '"')) return nn__json_null(j, "a string is missing");
    char *text = j->p, *to = text;
    while (j->p < j->end && *j->p != quote)
        if (!(to = nn__json_character(j, to))) return NULL;
    if (j->p == j->end) return nn__json_null(j, "a string is not closed");
    j->p++;
    *to = 0;
    return text;
}

/* The key of a member and its colon, or NULL. */
static char *nn__json_key(nn__json *j)
{
    char *key = nn__json_string(j);
    return key && nn__json_need(j, ':') ? key : NULL;
}

/* A whole number without sign, point or exponent. */
static bool nn__json_whole(nn__json *j, uint64_t *x)
{
    nn__json_space(j);
    const char *first = j->p;
    for (*x = 0; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++) {
        uint64_t digit = (uint64_t)(*j->p - '0');
        if (*x > (UINT64_MAX - digit) / 10) return nn__json_fail(j, "a number is too large");
        *x = *x * 10 + digit;
    }
    if (j->p == first || (*first == '0' && j->p > first + 1) ||
        (j->p < j->end && strchr(".eE+-", *j->p) && *j->p))
        return nn__json_fail(j, "a size is no whole number of 0 or more");
    return true;
}

/* An array of at most `most` whole numbers, or a tuple of Python. */
static bool nn__json_sizes(nn__json *j, uint64_t *x, size_t most, size_t *n)
{
    *n = 0;
    if (!nn__json_need(j, j->python ? '(' : '[')) return false;
    for (size_t k = 0; nn__json_more(j, j->python ? ')' : ']', &k); *n = k)
        if (k > most) return nn__json_fail(j, "an array of sizes is too long");
        else if (!nn__json_whole(j, &x[k - 1])) return false;
    return !j->status;
}

/* Any number, true and false (1, 0), null (NaN). */
static bool nn__json_number(nn__json *j, double *x)
{
    static const char *const words[] = { "false", "true", "null", "False", "True" };
    const double values[] = { 0, 1, (double)NAN, 0, 1 };
    char text[64] = "";
    nn__json_space(j);
    size_t n = 0;
    while (n < sizeof text - 1 && j->p + n < j->end && j->p[n] &&
           strchr("+-.0123456789abcdeflnrstuEFT", j->p[n]))
        n++;
    memcpy(text, j->p, n);
    j->p += n;
    for (int i = 0; i < 5; i++)
        if (strcmp(text, words[i]) == 0) return *x = values[i], true;
    return nn__parse_decimal(text, x) ? nn__json_fail(j, "a number is missing") : true;
}

/* An array of any numbers, in a block that the caller frees, also after an error. */
static bool nn__json_reals(nn__json *j, nn_real **x, size_t *n)
{
    double number = 0;
    size_t room = 0;
    *n = 0;
    if (!nn__json_need(j, '[')) return false;
    for (size_t k = 0; nn__json_more(j, ']', &k); ++*n) {
        if (*n == room) *x = (nn_real *)nn__grow(*x, &room, sizeof **x);
        if (!*x) return nn__json_no_memory(j);
        if (!nn__json_number(j, &number)) return false;
        (*x)[*n] = (nn_real)number;
    }
    return !j->status;
}

/* What a header says of an array. */
enum { NN__FILE_RANK = 8, NN__LONGEST_NAME = 255 };
typedef struct nn__entry {
    const char *name;
    const nn__number_type *type;
    size_t rank, count, bytes; /* count: numbers */
    uint64_t dim[NN__FILE_RANK], place[2]; /* where its bytes begin and end in the data */
    bool big, fortran; /* npy: the highest byte first; the first axis runs fastest */
} nn__entry;

/* In npy a type begins with its order of bytes: "<f4". */
static bool nn__json_type(nn__json *j, nn__entry *e)
{
    const char *name = nn__json_string(j);
    char order = j->python && name ? *name : '<';
    if (j->python && name && *name) name++;
    for (size_t i = 0; name && i < sizeof nn__number_types / sizeof *nn__number_types; i++) {
        const nn__number_type *t = &nn__number_types[i];
        bool ordered = order == '<' || order == '>' || (order == '|' && t->size == 1);
        if (ordered && strcmp(j->python ? t->npy : t->tensor, name) == 0) e->type = t;
    }
    e->big = order == '>';
    return e->type || nn__json_fail(j, "nn.h does not read this type of numbers; save float32");
}

/* The object of an array: three members, each once. */
static bool nn__json_array(nn__json *j, nn__entry *e)
{
    static const char *const keys[2][3] = { { "dtype", "shape", "data_offsets" },
                                            { "descr", "shape", "fortran_order" } };
    bool seen[3] = { false, false, false };
    size_t offsets = 2;
    double order = 0;
    if (!nn__json_need(j, '{')) return false;
    for (size_t k = 0; nn__json_more(j, '}', &k);) {
        const char *key = nn__json_key(j);
        int which = 0;
        while (key && which < 3 && strcmp(key, keys[j->python][which]) != 0) which++;
        if (!key) return false;
        if (which == 3 || seen[which])
            return nn__json_fail(j, "an array has a key twice, or one that is not known");
        seen[which] = true;
        if (which == 0) nn__json_type(j, e);
        else if (which == 1) nn__json_sizes(j, e->dim, NN__FILE_RANK, &e->rank);
        else if (!j->python) nn__json_sizes(j, e->place, 2, &offsets);
        else if (nn__json_number(j, &order) && order != 0 && order != 1)
            nn__json_fail(j, "fortran_order is neither True nor False");
    }
    if (!seen[0] || !seen[1] || !seen[2] || offsets != 2)
        return nn__json_fail(j, "an array lacks its type, shape, or place and order");
    e->count = 1, e->fortran = order == 1;
    for (size_t d = 0; d < e->rank; d++)
        if (e->dim[d] > INT_MAX || !nn__mul(e->count, (size_t)e->dim[d], &e->count))
            return nn__json_fail(j, "a shape is too large");
    if (!j->status && !nn__mul(e->count, e->type->size, &e->bytes))
        nn__json_fail(j, "a shape is too large");
    return !j->status;
}

/* ---- safetensors in ---------------------------------------------------- >>files/safetensors */

/* What nn_save leaves in __metadata__. */
static const char *const nn__notes[] = { "nn.model", "nn.data" };
enum { NN__MODEL_NOTE, NN__DATA_NOTE, NN__NOTES };

typedef struct nn__tensors {
    nn__source source;
    const unsigned char *data;
    size_t data_size, entries, room;
    nn__entry *entry; /* sorted by name */
    bool noted;
    char *note[NN__NOTES]; /* or NULL; may be read once: JSON is decoded in place */
} nn__tensors;

static void nn__tensors_free(nn__tensors *f)
{
    nn__source_free(&f->source), nn__free(f->entry);
}

static bool nn__json_notes(nn__json *j, nn__tensors *f)
{
    if (f->noted) return nn__json_fail(j, "__metadata__ comes twice");
    f->noted = true;
    if (!nn__json_need(j, '{')) return false;
    for (size_t k = 0; nn__json_more(j, '}', &k);) {
        const char *key = nn__json_key(j);
        char *text = nn__json_string(j);
        for (int i = 0; text && i < NN__NOTES; i++)
            if (strcmp(nn__notes[i], key) != 0) continue;
            else if (f->note[i]) return nn__json_fail(j, "a note of nn.h comes twice");
            else f->note[i] = text;
    }
    return !j->status;
}

static bool nn__json_tensor(nn__json *j, nn__tensors *f, const char *name)
{
    if (f->entries == f->room)
        f->entry = (nn__entry *)nn__grow(f->entry, &f->room, sizeof *f->entry);
    if (!f->entry) return f->entries = 0, nn__json_no_memory(j);
    if (strlen(name) > NN__LONGEST_NAME) return nn__json_fail(j, "a name is too long");
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ') return nn__json_fail(j, "a name has a control character");
    nn__entry *e = &f->entry[f->entries++];
    memset(e, 0, sizeof *e);
    e->name = name;
    if (!nn__json_array(j, e)) return false;
    return (e->place[1] >= e->place[0] && e->place[1] - e->place[0] == e->bytes) ||
           nn__json_fail(j, "data_offsets do not fit dtype and shape");
}

static int nn__by_name(const void *a, const void *b)
{
    return strcmp(((const nn__entry *)a)->name, ((const nn__entry *)b)->name);
}

static int nn__by_place(const void *a, const void *b)
{
    const nn__entry *p = (const nn__entry *)a, *q = (const nn__entry *)b;
    for (int i = 0; i < 2; i++)
        if (p->place[i] != q->place[i]) return p->place[i] < q->place[i] ? -1 : 1;
    return 0;
}

/* Contiguous from the first byte of the data to its last, and no name twice. */
static nn_status nn__tensors_order(nn__tensors *f)
{
    uint64_t end = 0;
    if (f->entries) qsort(f->entry, f->entries, sizeof *f->entry, nn__by_place);
    for (size_t i = 0; i < f->entries; end = f->entry[i++].place[1])
        if (f->entry[i].place[0] != end)
            return nn__file_fail(&f->source, NN_ERR_FORMAT,
                                 "the bytes of '%.100s' begin at %" PRIu64 ", but those before "
                                 "it end at %" PRIu64 "; the file is damaged",
                                 f->entry[i].name, f->entry[i].place[0], end);
    if (end != f->data_size)
        return nn__file_fail(&f->source, NN_ERR_FORMAT,
                             "it is %s: its tensors take %" PRIu64 " bytes, and there are %zu; "
                             "copy or download it again",
                             end > f->data_size ? "truncated" : "too long", end, f->data_size);
    if (f->entries) qsort(f->entry, f->entries, sizeof *f->entry, nn__by_name);
    for (size_t i = 1; i < f->entries; i++)
        if (strcmp(f->entry[i].name, f->entry[i - 1].name) == 0)
            return nn__file_fail(&f->source, NN_ERR_FORMAT, "two tensors are called '%.100s'",
                                 f->entry[i].name);
    return NN_OK;
}

static const nn__entry *nn__tensors_find(const nn__tensors *f, const char *name)
{
    nn__entry key = NN__EMPTY;
    key.name = name;
    if (f->entries == 0) return NULL;
    return (const nn__entry *)bsearch(&key, f->entry, f->entries, sizeof key, nn__by_name);
}

/* Reads a safetensors file: all that can be wrong with it is found here. */
static nn_status nn__tensors_open(nn__tensors *f, nn_place at, const char *call, const char *path,
                                  const void *bytes, size_t size, size_t limit)
{
    nn__source *s = &f->source;
    nn_status status = nn__source_open(s, at, call, path, bytes, size);
    if (status) return status;
    uint64_t length = s->size < 8 ? 0 : nn__little_endian(s->bytes, 8);
    status = nn__source_header(s, 8, length, limit ? limit : 1 << 20);
    if (status) return status;
    f->data = s->bytes + 8 + length, f->data_size = s->size - 8 - (size_t)length;
    nn__json j = nn__json_from(s, "the header", s->header, (size_t)length);
    nn__json_need(&j, '{');
    for (size_t k = 0; nn__json_more(&j, '}', &k);) {
        const char *name = nn__json_key(&j);
        if (name && strcmp(name, "__metadata__") == 0) nn__json_notes(&j, f);
        else if (name) nn__json_tensor(&j, f, name);
    }
    nn__json_end(&j);
    return j.status ? j.status : nn__tensors_order(f);
}

/* ---- numbers and names in C ------------------------------------------------- >>files/c_text */

/* Dropout and reshape write nothing: they are the tensor that they take. */
static bool nn__c_is_same(const nn_tensor *t)
{
    return t->op == &nn__op_dropout || t->op == &nn__op_reshape;
}

/* The array of t: t with its number, of a parameter or constant w. */
static void nn__c_name(nn__bytes *out, const nn_tensor *t)
{
    int i = 0;
    while (nn__c_is_same(t)) t = t->in[0];
    while (t->model->run->tensor[i] != t) i++;
    nn__putf(out, "%c%d", t->parameter || t->constant ? 'w' : 't', i);
}

static void nn__c_number(nn__bytes *out, double x)
{
    char text[48];
    if (nn__is_nan(x)) out->bad = "a weight is NaN; train the model again";
    x = NN__MAX(NN__MIN(x, (double)FLT_MAX), -(double)FLT_MAX); /* INFINITY is no constant in tcc */
    nn__decimal(text, x, 9);
    nn__putf(out, "%s%sf", text, strpbrk(text, ".en") ? "" : ".0");
}

/* ---- layers in C ------------------------------------------------------------------ >>files/c
   One sample, plain loops. Each layer is a block, in which `out` is its array and a, b, c ... are
   those that it takes. */

static void nn__c_dense(nn__bytes *out, const nn_tensor *t)
{
    nn__putf(out,
             "        enum { N = %zu, I = %d, O = %d };\n"
             "        for (long i = 0; i < N; i++) {\n"
             "            float s = %s;\n"
             "            for (long k = 0; k < I; k++) s += b[i %% O * I + k] * a[i / O * I + k];\n"
             "            out[i] = s;\n"
             "        }\n",
             t->size, t->in[1]->dim[1], t->in[1]->dim[0], t->in[2] ? "c[i % O]" : "0");
}

/* All numbers of an image below a kernel; v is the first one at a place, of this filter's group. */
static void nn__c_window(nn__bytes *out, const nn_tensor *t)
{
    const nn_window *s = &t->window;
    const bool conv = t->op == &nn__op_conv2d;
    nn__putf(out,
             "        enum { N = %zu, H = %d, W = %d, C = %d, KH = %d, KW = %d, SH = %d, SW = %d,\n"
             "               TOP = %d, LEFT = %d, OW = %d, O = %d, CG = %d, OG = %d };\n",
             t->size, s->H, s->W, s->C, s->KH, s->KW, s->SH, s->SW, s->top, s->left, s->OW, s->O,
             conv ? s->C / s->G : 1, conv ? s->O / s->G : 1);
    nn__putf(out, "        for (long i = 0; i < N; i++) {\n"
                  "            float s = 0, n = 0;\n"
                  "            for (long j = 0; j < KH * KW; j++) {\n"
                  "                const long h = i / O / OW * SH + j / KW - TOP;\n"
                  "                const long w = i / O %% OW * SW + j %% KW - LEFT;\n"
                  "                if (h < 0 || h >= H || w < 0 || w >= W) continue;\n"
                  "                const float *v = a + (h * W + w) * C + i %% O / OG * CG;\n");
}

static void nn__c_conv2d(nn__bytes *out, const nn_tensor *t)
{
    nn__c_window(out, t);
    nn__putf(out,
             "                for (long k = 0; k < CG; k++, n++)\n"
             "                    s += b[(i %% O * KH * KW + j) * CG + k] * v[k];\n"
             "            }\n"
             "            out[i] = s%s;\n"
             "        }\n",
             t->in[2] ? " + c[i % O]" : "");
}

static void nn__c_pool(nn__bytes *out, const nn_tensor *t)
{
    bool mean = t->op == &nn__op_avg_pool2d;
    nn__c_window(out, t);
    nn__putf(out,
             "                s = %s, n++;\n"
             "            }\n"
             "            out[i] = s%s;\n"
             "        }\n",
             mean ? "s + *v" : "n > 0 && *v <= s ? s : *v", mean ? " / n" : "");
}

static void nn__c_batch_norm(nn__bytes *out, const nn_tensor *t)
{
    nn__putf(out,
             "        enum { N = %zu, C = %d };\n"
             "        for (long i = 0, k = 0; i < N; i++, k = i %% C)\n"
             "            out[i] = (a[i] - d[k]) / sqrtf(e[k] + ",
             t->size, t->dim[t->rank - 1]);
    nn__c_number(out, t->epsilon);
    nn__putf(out, ") * b[k] + c[k];\n");
}

static void nn__c_layer_norm(nn__bytes *out, const nn_tensor *t)
{
    nn__putf(out,
             "        enum { N = %zu, C = %d };\n"
             "        for (long r = 0; r < N; r += C) {\n"
             "            float m = 0, v = 0;\n"
             "            for (long i = 0; i < C; i++) m += a[r + i] / C;\n"
             "            for (long i = 0; i < C; i++) v += (a[r + i] - m) * (a[r + i] - m) / C;\n"
             "            for (long i = 0; i < C; i++)\n"
             "                out[r + i] = (a[r + i] - m) / sqrtf(v + ",
             t->size, t->dim[t->rank - 1]);
    nn__c_number(out, t->epsilon);
    nn__putf(out, ") * b[i] + c[i];\n        }\n");
}

static void nn__c_softmax(nn__bytes *out, const nn_tensor *t)
{
    nn__putf(out,
             "        enum { N = %zu, C = %d };\n"
             "        for (long r = 0; r < N; r += C) {\n"
             "            float m = a[r], s = 0;\n"
             "            for (long i = r; i < r + C; i++) m = a[i] > m ? a[i] : m;\n"
             "            for (long i = r; i < r + C; i++) s += expf(a[i] - m);\n"
             "            for (long i = r; i < r + C; i++) out[i] = %s;\n"
             "        }\n",
             t->size, t->rank ? t->dim[t->rank - 1] : 1,
             t->activation == NN_SOFTMAX ? "expf(a[i] - m) / s" : "a[i] - m - logf(s)");
}

static void nn__c_activation(nn__bytes *out, const nn_tensor *t)
{
    static const char *const texts[] = { "v",
                                         "v < 0 ? 0 : v",
                                         "v < 0 ? alpha * v : v",
                                         "v < 0 ? alpha * expm1f(v) : v",
                                         "1 / (1 + expf(-v))",
                                         "tanhf(v)",
                                         "0.5f * v * erfcf(-0.707106781f * v)",
                                         "v / (1 + expf(-v))",
                                         "(v > 0 ? v : 0) + log1pf(expf(-fabsf(v)))" };
    if (t->activation >= NN_SOFTMAX) {
        nn__c_softmax(out, t);
        return;
    }
    nn__putf(out, "        for (long i = 0; i < %zu; i++) {\n            const float v = a[i]",
             t->size);
    if (strstr(texts[t->activation], "alpha"))
        nn__putf(out, ", alpha = "), nn__c_number(out, t->number);
    nn__putf(out, ";\n            out[i] = %s;\n        }\n", texts[t->activation]);
}

static void nn__c_scale(nn__bytes *out, const nn_tensor *t)
{
    nn__putf(out, "        for (long i = 0; i < %zu; i++) out[i] = ", t->size);
    nn__c_number(out, t->number);
    nn__putf(out, " * a[i];\n");
}

/* out[i] = a[...] op b[...], or a[...] alone, with these steps along the four axes of out. */
static void nn__c_axes(nn__bytes *out, const nn_tensor *t, const size_t *a, const char *op,
                       const size_t *b)
{
    int dim[NN_MAX_RANK] = { 1, 1, 1, 1 };
    for (int d = 0; d < t->rank; d++) dim[NN_MAX_RANK - t->rank + d] = t->dim[d];
    nn__putf(out,
             "        for (long i = 0; i < %zu; i++) {\n"
             "            const long p = i / %d, q = i / %d %% %d, r = i / %d %% %d, s = i %% %d;\n"
             "            out[i] = a[p * %zu + q * %zu + r * %zu + s * %zu]%s",
             t->size, dim[1] * dim[2] * dim[3], dim[2] * dim[3], dim[1], dim[3], dim[2], dim[3],
             a[1], a[2], a[3], a[4], op);
    if (b) nn__putf(out, "b[p * %zu + q * %zu + r * %zu + s * %zu]", b[1], b[2], b[3], b[4]);
    nn__putf(out, ";\n        }\n");
}

static void nn__c_pair(nn__bytes *out, const nn_tensor *t)
{
    size_t a[NN_MAX_RANK + 1], b[NN_MAX_RANK + 1];
    nn__repeat_steps(a, t->in[0], t), nn__repeat_steps(b, t->in[1], t);
    nn__c_axes(out, t, a, t->op == &nn__op_add ? " + " : " * ", b);
}

static void nn__c_permute(nn__bytes *out, const nn_tensor *t)
{
    nn__c_axes(out, t, nn__permute_steps(t).a, "", NULL);
}

static void nn__c_matmul(nn__bytes *out, const nn_tensor *t)
{
    nn__matrices x = nn__matrices_of(t, 1);
    bool ta = t->transpose_a, tb = t->transpose_b;
    nn__putf(out,
             "        enum { N = %zu, M = %d, O = %d, K = %d };\n"
             "        for (long i = 0; i < N; i++) {\n"
             "            const float *u = a + i / (M * O) * %zu + i / O %% M * %d;\n"
             "            const float *v = b + i / (M * O) * %zu + i %% O * %d;\n"
             "            float s = 0;\n"
             "            for (long k = 0; k < K; k++) s += u[k * %d] * v[k * %d];\n"
             "            out[i] = s;\n"
             "        }\n",
             t->size, x.M, x.N, x.K, x.a, ta ? 1 : x.K, x.b, tb ? x.K : 1, ta ? x.M : 1,
             tb ? 1 : x.N);
}

/* Copies input k's part of each stretch of out, whose length along the axis is `step`. */
static void nn__c_part(nn__bytes *out, const nn_tensor *t, int k, size_t to, size_t from)
{
    const nn_tensor *x = t->in[k];
    size_t outer, inner, d = (size_t)t->axis[0];
    nn__axis_parts(x, t->axis[0], &outer, &inner);
    size_t row = (size_t)t->dim[d] * inner, source = (size_t)x->dim[d] * inner;
    nn__putf(out,
             "        for (long i = 0; i < %zu; i++)\n"
             "            for (long k = 0; k < %zu; k++)\n"
             "                out[i * %zu + %zu + k] = %c[i * %zu + %zu + k];\n",
             t->size / row, NN__MIN(row, source), row, to * inner, 'a' + k, source, from * inner);
}

static void nn__c_slice(nn__bytes *out, const nn_tensor *t)
{
    nn__c_part(out, t, 0, 0, (size_t)t->start);
}

static void nn__c_concat(nn__bytes *out, const nn_tensor *t)
{
    size_t to = 0;
    for (int k = 0; k < 4 && t->in[k]; to += (size_t)t->in[k++]->dim[t->axis[0]])
        nn__c_part(out, t, k, to, 0);
}

static void nn__c_reduce(nn__bytes *out, const nn_tensor *t)
{
    size_t outer, inner;
    nn__axis_parts(t->in[0], t->axis[0], &outer, &inner);
    nn__putf(
        out,
        "        enum { N = %zu, K = %d, STEP = %zu };\n"
        "        for (long i = 0; i < N; i++) {\n"
        "            float s = 0;\n"
        "            for (long k = 0; k < K; k++) s += a[(i / STEP * K + k) * STEP + i %% STEP];\n"
        "            out[i] = s%s;\n"
        "        }\n",
        t->size, t->in[0]->dim[t->axis[0]], inner, t->op == &nn__op_mean ? " / (float)K" : "");
}

/* ---- the graph as text --------------------------------------------------- >>files/graph
   Each call of a constructor is an entry: its op, its name if the program gave one, the entries
   that it takes, its shape, and what else it was told, as far as it is not 0. Reading calls the
   constructors again in the same order, which checks everything and gives every tensor its old
   place. A new kind of layer needs a line in NN__KIND_LIST, its loop in C (>>files/c), and for each
   field of nn_tensor that only it has a line in NN__LAYER_LIST. Its own parameters are found by
   themselves. */

typedef struct nn__draft {
    nn_place at;
    nn_model *model;
    nn_tensor t; /* as the constructor shall make it; in: what it takes */
    nn_tensor *shared; /* the layer whose parameters it uses */
    const char *name; /* NULL: the automatic one */
    bool no_bias;
    bool same; /* padding is NN_SAME */
    int frozen; /* bit 0: a parameter itself; bit k: in[k] */
    int share; /* number of the entry of `shared`, from 1 */
    const nn_real *values; /* of a constant */
} nn__draft;

/* X(key, type, member, the largest value). */
enum { NN__WHOLE = INT_MAX - 1 };
#define NN__LAYER_LIST(X)                                                                          \
    X("activation", nn_activation, t.activation, NN_ACTIVATION_COUNT - 1)                          \
    X("number", double, t.number, HUGE_VAL)                                                        \
    X("start", int, t.start, NN__WHOLE)                                                            \
    X("transpose_a", bool, t.transpose_a, 1)                                                       \
    X("transpose_b", bool, t.transpose_b, 1)                                                       \
    X("tokens", bool, t.tokens, 1)                                                                 \
    X("init", nn_init, t.init, NN_INIT_COUNT - 1)                                                  \
    X("init_scale", double, t.init_scale, HUGE_VAL)                                                \
    X("l1", double, t.l1, HUGE_VAL)                                                                \
    X("l2", double, t.l2, HUGE_VAL)                                                                \
    X("frozen", int, frozen, 31)                                                                   \
    X("no_bias", bool, no_bias, 1)                                                                 \
    X("epsilon", double, t.epsilon, HUGE_VAL)                                                      \
    X("kernel_h", int, t.window.KH, NN__WHOLE)                                                     \
    X("kernel_w", int, t.window.KW, NN__WHOLE)                                                     \
    X("stride_h", int, t.window.SH, NN__WHOLE)                                                     \
    X("stride_w", int, t.window.SW, NN__WHOLE)                                                     \
    X("groups", int, t.window.G, NN__WHOLE)                                                        \
    X("same", bool, same, 1)                                                                       \
    X("share", int, share, NN__WHOLE)
#define NN__PUT_MEMBER(key, type, member, most) nn__put_member(out, key, (double)from->member);
#define NN__READ_MEMBER(key, type, member, most)                                                   \
    if (strcmp(name, key) == 0) known = true, to->member = (type)nn__json_value(j, most);

static void nn__put_member(nn__bytes *out, const char *name, double x)
{
    if (x == 0) return;
    nn__putf(out, ",\"%s\":", name);
    nn__put_number(out, x);
}

/* The value of a member: any number where `most` is infinite, else a whole one from 0 to most. */
static double nn__json_value(nn__json *j, double most)
{
    double x = 0;
    if (!nn__json_number(j, &x) || most > DBL_MAX) return x;
    if (x >= 0 && x <= most && x == floor(x)) return x;
    nn__json_fail(j, "a number is outside its range");
    return 0;
}

static bool nn__json_unknown(nn__json *j)
{
    return nn__json_fail(j,
                         "this version of nn.h does not know what stands there; get a newer one");
}

/* A shape or axes: up to NN_MAX_RANK numbers, zeros at the end are not written. */
static void nn__put_dims(nn__bytes *out, const char *name, const int *x)
{
    int n = NN_MAX_RANK;
    while (n > 0 && x[n - 1] == 0) n--;
    for (int i = 0; i < n; i++)
        if (i > 0) nn__putf(out, ",%d", x[i]);
        else nn__putf(out, ",\"%s\":[%d", name, x[i]);
    if (n > 0) nn__putf(out, "]");
}

static void nn__json_dims(nn__json *j, int *x)
{
    uint64_t read[NN_MAX_RANK];
    size_t n = 0;
    nn__json_sizes(j, read, NN_MAX_RANK, &n);
    for (size_t i = 0; !j->status && i < n; i++)
        if (read[i] > NN__WHOLE) nn__json_fail(j, "a number is outside its range");
        else x[i] = (int)read[i];
}

/* The first tensor that uses t: of a layer's own parameters, which stand behind it, the layer. NULL
   for what stands alone. */
static const nn_tensor *nn__owner(const nn_tensor *t)
{
    nn_tensor *const *tensor = t->model->run->tensor;
    if (t->op || t->input) return NULL;
    for (int i = 0; tensor[i] != t; i++)
        for (int k = 0; k < NN__MAX_IN; k++)
            if (tensor[i]->in[k] == t) return tensor[i];
    return NULL;
}

/* Whether t is made by the constructor of another tensor. */
static bool nn__is_part(const nn_tensor *t)
{
    return nn__owner(t) || (t->in[0] && t->in[0]->hidden);
}

/* The number of the entry that makes t: how many stand before it. */
static int nn__entry_of(const nn_tensor *t)
{
    int n = 0;
    if (t->in[0] && t->in[0]->hidden) t = t->in[0];
    for (nn_tensor **x = t->model->run->tensor; *x != t; x++) n += !nn__is_part(*x);
    return n;
}

/* What the constructor of t was told, as far as its tensors keep it. */
static nn__draft nn__draft_of(const nn_tensor *t)
{
    nn__draft d = NN__EMPTY;
    nn_tensor *const *next = t->model->run->tensor;
    const nn_tensor *w = t->in[1];
    const nn_window *s = &t->window;
    d.t = *t, d.at = t->at, d.name = t->named ? t->name : NULL, d.values = t->constant;
    while (t->hidden && ((*next)->in[0] != t || (*next)->op != &nn__op_activation)) next++;
    if (t->hidden) d.t.activation = (*next)->activation, d.t.number = (*next)->number;
    const nn_tensor *owner = w && w->parameter ? nn__owner(w) : NULL;
    if (owner) d.t.init = w->init, d.t.init_scale = w->init_scale, d.t.l1 = w->l1, d.t.l2 = w->l2;
    if (owner && owner != t) d.share = nn__entry_of(owner) + 1;
    d.no_bias = owner && !t->in[2];
    d.same =
        s->SH > 0 && s->OH == (s->H + s->SH - 1) / s->SH && s->OW == (s->W + s->SW - 1) / s->SW;
    d.frozen = t->frozen;
    for (int k = 1; k < NN__MAX_IN; k++) {
        if (!t->in[k] || !nn__owner(t->in[k])) continue;
        d.t.in[k] = NULL;
        if (owner == t) d.frozen |= t->in[k]->frozen << k;
    }
    return d;
}

/* Each kind: its name, its op (NULL: input, parameter, constant), how it is written in C (NULL: it
   is the tensor that it takes), its constructor, and what to tell it from draft d. */
/* clang-format off */
#define NN__DIMS(a)                                                                                \
    a.dim0 = d->t.dim[0], a.dim1 = d->t.dim[1], a.dim2 = d->t.dim[2], a.dim3 = d->t.dim[3]
#define NN__INIT(a)                                                                                \
    a.init = d->t.init, a.init_scale = d->t.init_scale, a.l1 = d->t.l1, a.l2 = d->t.l2
#define NN__AXIS(i) (i < d->t.rank ? d->t.axis[i] + 1 : 0)
#define NN__SAME(d) (d->same ? NN_SAME : NN_VALID)
#define NN__LAYER(a)                                                                               \
    a.x = d->t.in[0], a.share = d->shared, a.activation = d->t.activation,                         \
    a.alpha = d->t.number, a.no_bias = d->no_bias, NN__INIT(a)
#define NN__POOL(a)                                                                                \
    a.x = d->t.in[0], a.global = d->t.rank == 1, a.size_h = d->t.window.KH,                        \
    a.size_w = d->t.window.KW, a.padding = NN__SAME(d),                                            \
    a.stride = d->t.window.SH == d->t.window.SW ? d->t.window.SH : 0
#define NN__NORM(a)                                                                                \
    a.x = d->t.in[0], a.epsilon = d->t.epsilon, a.momentum = d->t.number, a.share = d->shared
#define NN__PAIR(a) a.a = d->t.in[0], a.b = d->t.in[1]
#define NN__REDUCE(a)                                                                              \
    a.x = d->t.in[0], a.axis = d->t.axis[0] + 1, a.keep = a.x && d->t.rank == a.x->rank
#define NN__KIND_LIST(X)                                                                           \
    X(input, NULL, NULL, input, nn_input,                                                          \
      a.model = d->model, a.tokens = d->t.tokens, NN__DIMS(a))                                     \
    X(parameter, NULL, NULL, parameter, nn_parameter,                                              \
      a.model = d->model, NN__DIMS(a), NN__INIT(a))                                                \
    X(constant, NULL, NULL, constant, nn_constant,                                                 \
      a.model = d->model, a.values = d->values, NN__DIMS(a))                                       \
    X(dense, &nn__op_dense, nn__c_dense, dense, nn_dense,                                          \
      a.units = d->t.dim[NN__MAX(d->t.rank, 1) - 1], NN__LAYER(a))                                 \
    X(conv2d, &nn__op_conv2d, nn__c_conv2d, conv2d, nn_conv2d,                                     \
      a.filters = d->t.dim[2], a.kernel_h = d->t.window.KH, a.kernel_w = d->t.window.KW,           \
      a.stride = d->t.window.SH, a.padding = NN__SAME(d), a.groups = d->t.window.G, NN__LAYER(a))  \
    X(max_pool2d, &nn__op_max_pool2d, nn__c_pool, pool2d, nn_pool2d, NN__POOL(a))                  \
    X(avg_pool2d, &nn__op_avg_pool2d, nn__c_pool, pool2d, nn_pool2d,                               \
      a.average = true, NN__POOL(a))                                                               \
    X(batch_norm, &nn__op_batch_norm, nn__c_batch_norm, norm, nn_norm,                             \
      a.batch = true, NN__NORM(a))                                                                 \
    X(layer_norm, &nn__op_layer_norm, nn__c_layer_norm, norm, nn_norm, NN__NORM(a))                \
    X(activation, &nn__op_activation, nn__c_activation, activate, nn_activate,                     \
      a.x = d->t.in[0], a.activation = d->t.activation, a.alpha = d->t.number)                     \
    X(dropout, &nn__op_dropout, NULL, dropout, nn_dropout,                                         \
      a.x = d->t.in[0], a.rate = d->t.number)                                                      \
    X(add, &nn__op_add, nn__c_pair, pair, nn_add, NN__PAIR(a))                                     \
    X(mul, &nn__op_mul, nn__c_pair, pair, nn_mul, NN__PAIR(a))                                     \
    X(scale, &nn__op_scale, nn__c_scale, scale, nn_scale,                                          \
      a.x = d->t.in[0], a.factor = d->t.number)                                                    \
    X(matmul, &nn__op_batch_matmul, nn__c_matmul, pair, nn_batch_matmul,                           \
      NN__PAIR(a), a.transpose_a = d->t.transpose_a, a.transpose_b = d->t.transpose_b)             \
    X(reshape, &nn__op_reshape, NULL, reshape, nn_reshape, a.x = d->t.in[0], NN__DIMS(a))          \
    X(permute, &nn__op_permute, nn__c_permute, permute, nn_permute,                                \
      a.x = d->t.in[0], a.axis0 = NN__AXIS(0), a.axis1 = NN__AXIS(1), a.axis2 = NN__AXIS(2),       \
      a.axis3 = NN__AXIS(3))                                                                       \
    X(slice, &nn__op_slice, nn__c_slice, slice, nn_slice,                                          \
      a.x = d->t.in[0], a.axis = d->t.axis[0] + 1, a.start = d->t.start,                           \
      a.length = d->t.dim[d->t.axis[0] % NN_MAX_RANK])                                             \
    X(concat, &nn__op_concat, nn__c_concat, concat, nn_concat,                                     \
      NN__PAIR(a), a.c = d->t.in[2], a.d = d->t.in[3], a.axis = d->t.axis[0] + 1)                  \
    X(sum, &nn__op_sum, nn__c_reduce, reduce, nn_sum, NN__REDUCE(a))                               \
    X(mean, &nn__op_mean, nn__c_reduce, reduce, nn_mean, NN__REDUCE(a))
#define NN__KIND_REMAKE(name_, op_, in_c, type, make, ...)                                         \
    static nn_tensor *nn__remake_##name_(const nn__draft *d)                                       \
    {                                                                                              \
        nn_##type##_args a = NN__EMPTY;                                                            \
        a.at = d->at, a.name = d->name;                                                            \
        __VA_ARGS__;                                                                               \
        return make##_make(a);                                                                     \
    }
#define NN__KIND_ROW(name_, op_, in_c, type, make, ...) { #name_, op_, nn__remake_##name_, in_c },
/* clang-format on */
NN__KIND_LIST(NN__KIND_REMAKE)

typedef struct nn__kind_of_tensor {
    const char *name;
    const nn__op *op;
    nn_tensor *(*remake)(const nn__draft *d);
    void (*in_c)(nn__bytes *out, const nn_tensor *t);
} nn__kind_of_tensor;

static const nn__kind_of_tensor nn__kinds[] = { NN__KIND_LIST(NN__KIND_ROW) };

/* The kind of this name, or of this tensor; NULL where it has no line in the table. */
static const nn__kind_of_tensor *nn__kind_of(const char *name, const nn_tensor *t)
{
    const nn__kind_of_tensor *end = nn__kinds + sizeof nn__kinds / sizeof *nn__kinds;
    if (!name && !t->op) return &nn__kinds[t->input ? 0 : t->parameter ? 1 : 2];
    for (const nn__kind_of_tensor *k = nn__kinds; k < end; k++)
        if (name ? strcmp(k->name, name) == 0 : k->op == t->op) return k;
    return NULL;
}

/* Calls the constructor of a draft. */
static nn_tensor *nn__remake(const nn__kind_of_tensor *kind, const nn__draft *d)
{
    nn_tensor *t = kind->remake(d), *made = t ? nn__before_activation(t) : NULL;
    if (t && t->parameter) t->frozen = d->frozen & 1;
    for (int k = 1; t && k < NN__MAX_IN; k++)
        if (d->frozen >> k & 1 && made->in[k]) made->in[k]->frozen = true;
    return t;
}

static void nn__put_layer(nn__bytes *out, const nn_tensor *t)
{
    const nn__kind_of_tensor *kind = nn__kind_of(NULL, t);
    const nn__draft draft = nn__draft_of(t), *from = &draft;
    if (!kind) out->bad = "the model has a layer of a kind that cannot be saved";
    nn__putf(out, "{\"op\":\"%s\"", kind ? kind->name : "");
    if (draft.name) nn__putf(out, ",\"name\":"), nn__put_string(out, draft.name);
    for (int k = 0; k < NN__MAX_IN; k++)
        if (draft.t.in[k])
            nn__putf(out, k > 0 ? ",%d" : ",\"in\":[%d", nn__entry_of(draft.t.in[k]));
    nn__putf(out, draft.t.in[0] ? "]" : "");
    nn__put_dims(out, "shape", draft.t.dim);
    nn__put_dims(out, "axis", draft.t.axis);
    NN__LAYER_LIST(NN__PUT_MEMBER)
    nn__putf(out, "}");
}

static void nn__put_graph(nn__bytes *out, const nn_model *m)
{
    const char *before = "";
    nn__putf(out, "\"layers\":[");
    for (int i = 0; i < m->run->tensors; i++) {
        if (nn__is_part(m->run->tensor[i])) continue;
        nn__putf(out, "%s\n", before);
        nn__put_layer(out, m->run->tensor[i]);
        before = ",";
    }
    nn__putf(out, "],\n\"output\":%d", nn__entry_of(m->output));
}

/* What nn_compile was told, and how far training has come, which only .checkpoint keeps. */
typedef struct nn__settings {
    nn__run r;
    nn_model m;
} nn__settings;

#define NN__SETTING_LIST(X)                                                                        \
    X("loss", nn_loss, r.loss, NN_LOSS_COUNT - 1)                                                  \
    X("from_logits", bool, r.from_logits, 1)                                                       \
    X("huber_delta", double, r.huber_delta, HUGE_VAL)                                              \
    X("top_k", int, r.top_k, NN__WHOLE)                                                            \
    X("optimizer", nn_optimizer_kind, r.optimizer.kind, NN_RMSPROP)                                \
    X("lr", double, r.optimizer.lr, HUGE_VAL)                                                      \
    X("momentum", double, r.optimizer.momentum, HUGE_VAL)                                          \
    X("nesterov", bool, r.optimizer.nesterov, 1)                                                   \
    X("beta1", double, r.optimizer.beta1, HUGE_VAL)                                                \
    X("beta2", double, r.optimizer.beta2, HUGE_VAL)                                                \
    X("rho", double, r.optimizer.rho, HUGE_VAL)                                                    \
    X("epsilon", double, r.optimizer.epsilon, HUGE_VAL)                                            \
    X("weight_decay", double, r.optimizer.weight_decay, HUGE_VAL)                                  \
    X("clip_norm", double, r.optimizer.clip_norm, HUGE_VAL)                                        \
    X("clip_value", double, r.optimizer.clip_value, HUGE_VAL)                                      \
    X("schedule", nn_schedule_kind, r.optimizer.schedule.kind, NN_REDUCE_ON_PLATEAU)               \
    X("by_epoch", bool, r.optimizer.schedule.by_epoch, 1)                                          \
    X("warmup", long, r.optimizer.schedule.warmup, NN__WHOLE)                                      \
    X("steps", long, r.optimizer.schedule.steps, NN__WHOLE)                                        \
    X("every", long, r.optimizer.schedule.every, NN__WHOLE)                                        \
    X("gamma", double, r.optimizer.schedule.gamma, HUGE_VAL)                                       \
    X("delta", double, r.optimizer.schedule.delta, HUGE_VAL)                                       \
    X("min_lr", double, r.optimizer.schedule.min_lr, HUGE_VAL)                                     \
    X("rise", double, r.optimizer.schedule.rise, HUGE_VAL)                                         \
    X("start_div", double, r.optimizer.schedule.start_div, HUGE_VAL)                               \
    X("end_div", double, r.optimizer.schedule.end_div, HUGE_VAL)                                   \
    X("factor", double, r.optimizer.schedule.factor, HUGE_VAL)                                     \
    X("min_delta", double, r.optimizer.schedule.min_delta, HUGE_VAL)                               \
    X("patience", int, r.optimizer.schedule.patience, NN__WHOLE)                                   \
    X("cooldown", int, r.optimizer.schedule.cooldown, NN__WHOLE)
#define NN__PROGRESS_LIST(X)                                                                       \
    X("t", long, r.t, NN__WHOLE)                                                                   \
    X("schedule_steps", long, r.schedule_steps, NN__WHOLE)                                         \
    X("plateau_begun", bool, r.plateau.begun, 1)                                                   \
    X("plateau_best", double, r.plateau.best, HUGE_VAL)                                            \
    X("plateau_wait", int, r.plateau.wait, NN__WHOLE)                                              \
    X("plateau_cooldown", int, r.plateau.cooldown, NN__WHOLE)                                      \
    X("rate", double, r.rate, HUGE_VAL)                                                            \
    X("rate_by_hand", bool, r.rate_by_hand, 1)                                                     \
    X("updates", long, m.updates, NN__WHOLE)                                                       \
    X("best_epoch", int, m.history.best, NN__WHOLE)                                                \
    X("stopped_early", bool, m.history.stopped_early, 1)

static void nn__put_settings(nn__bytes *out, const nn_model *m, bool checkpoint)
{
    const nn__settings settings = { *m->run, *m }, *from = &settings;
    nn__putf(out, ",\n\"training\":{\"format\":1");
    NN__SETTING_LIST(NN__PUT_MEMBER)
    if (checkpoint) {
        NN__PROGRESS_LIST(NN__PUT_MEMBER)
    }
    nn__putf(out, "}");
}

/* A model that is being read from a file. */
typedef struct nn__loading {
    nn_model *m;
    nn_place at;
    size_t data_size; /* of the file: no constant is larger */
    nn_tensor **made; /* by the entries so far */
    size_t count, room;
    nn_tensor *output;
    bool compiled;
    nn__settings settings;
} nn__loading;

static bool nn__json_settings(nn__json *j, nn__loading *l)
{
    nn__settings *to = &l->settings;
    l->compiled = true;
    if (!nn__json_need(j, '{')) return false;
    for (size_t k = 0; nn__json_more(j, '}', &k);) {
        const char *name = nn__json_key(j);
        if (!name) return false;
        bool known = strcmp(name, "format") == 0 && nn__json_value(j, 1) == 1;
        NN__SETTING_LIST(NN__READ_MEMBER)
        NN__PROGRESS_LIST(NN__READ_MEMBER)
        if (!known) return nn__json_unknown(j);
    }
    return !j->status;
}

/* The members of an entry. */
static const nn__kind_of_tensor *nn__json_draft(nn__json *j, nn__draft *to, nn__loading *l)
{
    const nn__kind_of_tensor *kind = NULL;
    uint64_t in[NN__MAX_IN];
    size_t ins = 0;
    char *text;
    nn__json_need(j, '{');
    for (size_t k = 0; nn__json_more(j, '}', &k);) {
        const char *name = nn__json_key(j);
        if (!name) return NULL;
        bool known = true;
        if (strcmp(name, "op") == 0)
            kind = (text = nn__json_string(j)) != NULL ? nn__kind_of(text, NULL) : NULL;
        else if (strcmp(name, "name") == 0) to->name = nn__json_string(j);
        else if (strcmp(name, "in") == 0) nn__json_sizes(j, in, NN__MAX_IN - 1, &ins);
        else if (strcmp(name, "shape") == 0) nn__json_dims(j, to->t.dim);
        else if (strcmp(name, "axis") == 0) nn__json_dims(j, to->t.axis);
        else known = false;
        NN__LAYER_LIST(NN__READ_MEMBER)
        if (!known) nn__json_unknown(j);
    }
    for (size_t i = 0; !j->status && i < ins; i++)
        if (in[i] >= l->count) nn__json_fail(j, "a layer takes one that comes later");
        else to->t.in[i] = l->made[in[i]];
    if (!j->status && (size_t)to->share > l->count)
        nn__json_fail(j, "a layer shares with one that comes later");
    if (!j->status && to->share > 0) to->shared = l->made[to->share - 1];
    if (!j->status && !kind) nn__json_unknown(j);
    return j->status ? NULL : kind;
}

/* One entry: reads it, calls its constructor, compares the shape. A constant begins with zeros; it
   gets its values when all is read. */
static nn_tensor *nn__json_layer(nn__json *j, nn__loading *l)
{
    nn__draft d = NN__EMPTY;
    size_t size = 1;
    d.at = l->at, d.model = l->m;
    const nn__kind_of_tensor *kind = nn__json_draft(j, &d, l);
    if (!kind) return NULL;
    while (d.t.rank < NN_MAX_RANK && d.t.dim[d.t.rank] > 0)
        if (!nn__mul(size, (size_t)d.t.dim[d.t.rank++], &size)) size = SIZE_MAX;
    nn_real *zeros = NULL;
    if (kind->remake == nn__remake_constant && size <= l->data_size) {
        d.values = zeros = (nn_real *)nn__alloc_zero(size, sizeof *zeros);
        if (!zeros) return nn__json_no_memory(j), (nn_tensor *)NULL;
    }
    nn_tensor *t = nn__remake(kind, &d);
    nn__free(zeros);
    if (!t && l->m->status == NN_ERR_MEMORY) nn__json_no_memory(j);
    else if (!t) nn__json_fail(j, "%s", l->m->status ? l->m->run->error : "a layer lacks an input");
    else if (t->rank != d.t.rank || memcmp(t->dim, d.t.dim, sizeof t->dim) != 0)
        nn__json_fail(j, "a layer has another shape than its inputs give it");
    return j->status ? NULL : t;
}

static bool nn__json_layers(nn__json *j, nn__loading *l)
{
    if (!nn__json_need(j, '[')) return false;
    for (size_t i = 0; nn__json_more(j, ']', &i); l->count++) {
        if (l->count == l->room)
            l->made = (nn_tensor **)nn__grow(l->made, &l->room, sizeof *l->made);
        if (!l->made) return nn__json_no_memory(j);
        if (!(l->made[l->count] = nn__json_layer(j, l))) return false;
    }
    return !j->status;
}

/* All of nn.model: layers, training. */
static nn_status nn__json_model(nn__json *j, nn__loading *l)
{
    uint64_t x = 0;
    nn__json_need(j, '{');
    for (size_t k = 0; nn__json_more(j, '}', &k);) {
        const char *key = nn__json_key(j);
        if (!key) break;
        if (strcmp(key, "seed") == 0) nn__json_whole(j, &l->m->run->seed);
        else if (strcmp(key, "layers") == 0) nn__json_layers(j, l);
        else if (strcmp(key, "training") == 0) nn__json_settings(j, l);
        else if (strcmp(key, "version") == 0) x = nn__json_value(j, 1) > 0;
        else if (strcmp(key, "output") != 0) nn__json_unknown(j);
        else if (nn__json_whole(j, &x) && x < l->count) l->output = l->made[x];
    }
    if (!l->output) nn__json_fail(j, "there is no such output");
    return j->status;
}

/* ---- which tensors a file has -------------------------------------------- >>files/stored */

typedef struct nn__stored {
    char name[NN_NAME_SIZE + 64];
    char kind; /* f: numbers; i: PyTorch's count of batches; h: the history */
    int line; /* where it was made */
    size_t rank, size;
    uint64_t dim[NN_MAX_RANK]; /* in the file */
    size_t row, channels; /* numbers of one output; of them in memory, channels last */
    nn_real *values; /* NULL: there is no memory for them yet */
} nn__stored;

static bool nn__is_norm(const nn_tensor *t)
{
    return t->op == &nn__op_batch_norm || t->op == &nn__op_layer_norm;
}

/* Numbers of one column's place: C where the columns of a dense layer are a flattened (H, W, C). */
static size_t nn__flattened(const nn_tensor *x)
{
    while (x->op == &nn__op_activation || x->op == &nn__op_dropout || x->op == &nn__op_scale ||
           nn__is_norm(x))
        x = x->in[0];
    bool image = x->op == &nn__op_reshape && x->rank == 1 && x->in[0]->rank == 3;
    return image ? (size_t)x->in[0]->dim[2] : 0;
}

/* The name of t in a file: a layer without a name is its number in PyTorch's Sequential. */
static void nn__stored_name(nn__stored *s, const nn_tensor *t, const char *prefix)
{
    const nn_tensor *owner = nn__owner(t);
    const char *part = strrchr(t->name, '.');
    int number = 0;
    if (!part) part = ".weight";
    if (owner)
        for (nn_tensor **x = t->model->run->tensor; *x != owner; x++) number += (*x)->op != NULL;
    if (!owner) snprintf(s->name, sizeof s->name, "%s%s", prefix, t->name);
    else if (owner->named) snprintf(s->name, sizeof s->name, "%s%s%s", prefix, owner->name, part);
    else snprintf(s->name, sizeof s->name, "%s%d%s", prefix, number, part);
}

/* The shape and order of t in a file. In memory channels come last, in PyTorch first: in a layer's
   own kernels (O, K, K, I), and in a dense layer or norm behind a flatten. */
static nn__stored nn__stored_of(const nn_tensor *t, const char *prefix)
{
    nn__stored s = NN__EMPTY;
    const nn_tensor *owner = nn__owner(t);
    nn__stored_name(&s, t, prefix);
    s.kind = 'f', s.line = t->at.line, s.size = t->size;
    s.rank = (size_t)t->rank, s.row = t->rank > 0 ? t->size / (size_t)t->dim[0] : 1;
    for (int d = 0; d < t->rank; d++) s.dim[d] = (uint64_t)t->dim[d];
    if (owner && t->rank > 2) {
        s.channels = (size_t)s.dim[s.rank - 1];
        memmove(s.dim + 2, s.dim + 1, (s.rank - 2) * sizeof *s.dim);
        s.dim[1] = s.channels;
    } else if (owner && (nn__is_norm(owner) || (owner->op == &nn__op_dense && t == owner->in[1]))) {
        s.channels = nn__flattened(owner->in[0]);
        s.row = (size_t)t->dim[t->rank - 1];
    }
    return s;
}

/* Where number i of the file's order lies in memory. */
static size_t nn__memory_index(const nn__stored *s, size_t i)
{
    if (s->channels <= 1) return i;
    size_t places = s->row / s->channels, within = i % s->row;
    return i - within + within % places * s->channels + within / places;
}

/* All parameters and constants, in a checkpoint with the optimizer's numbers for them; NULL where
   there is no memory. */
static nn__stored *nn__stored_list(const nn_model *m, bool checkpoint, size_t *n)
{
    static const char *const prefix[] = { "", "opt.m.", "opt.v." };
    const nn__run *r = m->run;
    nn_real *const state[] = { m->values, r->state1, r->state2 };
    nn__stored *list = (nn__stored *)nn__alloc(4 * (size_t)r->tensors + 1, sizeof *list);
    *n = 0;
    for (int k = 0; list && k < (checkpoint ? 3 : 1); k++)
        for (int i = 0; i < r->tensors; i++) {
            const nn_tensor *t = r->tensor[i];
            if (!t->parameter && !(t->constant && k == 0)) continue;
            if (k > 0 && (!state[k] || t->state)) continue;
            nn__stored *s = &list[(*n)++];
            *s = nn__stored_of(t, prefix[k]);
            s->values = t->constant ? t->constant : k == 0 ? t->value : state[k] + t->offset;
            if (k > 0 || !t->state || nn__owner(t)->in[4] != t) continue;
            s[1] = s[0], ++*n; /* beside the running statistics of a batch norm */
            s[1].kind = 'i', s[1].rank = 0, s[1].size = 1;
            snprintf(strrchr(s[1].name, '.'), 21, ".num_batches_tracked");
        }
    return list;
}

/* ---- save ------------------------------------------------------------------- >>files/save */

static void nn__put_values(nn__bytes *out, const nn_model *m, const nn__stored *s)
{
    if (s->kind == 'i') nn__put_bits(out, (uint64_t)m->updates, 8);
    for (size_t i = 0; s->kind != 'i' && i < s->size; i++)
        if (s->kind == 'f')
            nn__put_real(out, (double)s->values[nn__memory_index(s, i)], sizeof(nn_real));
        else {
            nn_epoch *e = &m->history.epoch[i / NN__EPOCH_NUMBERS];
            nn__put_real(out, *nn__epoch_number(e, i % NN__EPOCH_NUMBERS), 8);
        }
}

static void nn__put_entry(nn__bytes *out, const nn__stored *s, size_t *place)
{
    bool narrow = s->kind == 'f' && sizeof(nn_real) == 4;
    size_t end = *place + s->size * (narrow ? 4 : 8);
    for (const char *c = s->name; *c; c++)
        if ((unsigned char)*c < ' ') out->bad = "a name of a layer has a control character";
    nn__putf(out, ",");
    nn__put_string(out, s->name);
    nn__putf(out, ":{\"dtype\":\"%s\",\"shape\":[",
             s->kind == 'i' ? "I64"
             : narrow       ? "F32"
                            : "F64");
    for (size_t d = 0; d < s->rank; d++) nn__putf(out, "%s%d", d ? "," : "", (int)s->dim[d]);
    nn__putf(out, "],\"data_offsets\":[%zu,%zu]}", *place, end);
    *place = end;
}

/* The names of the classes, and for each input its scaling: offsets, then factors. */
static void nn__put_learned(nn__bytes *out, const nn__run *r)
{
    nn__putf(out, "{\"classes\":[");
    for (int i = 0; i < r->class_names; i++) {
        nn__putf(out, i > 0 ? "," : "");
        nn__put_string(out, r->class_name[i]);
    }
    nn__putf(out, "],\"scaling\":[");
    for (int i = 0; i < r->inputs; i++) {
        nn__putf(out, i > 0 ? ",[" : "[");
        for (size_t k = 0; k < 2 * r->scaling[i].scalings; k++) {
            nn__putf(out, k > 0 ? "," : "");
            nn__put_number(out, (double)r->scaling[i].offset[k]);
        }
        nn__putf(out, "]");
    }
    nn__putf(out, "]}");
}

/* A JSON text as a string of metadata; frees it. */
static void nn__put_note(nn__bytes *out, int note, nn__bytes *text)
{
    nn__put(text, "", 1);
    nn__putf(out, ",\"%s\":", nn__notes[note]);
    if (!text->failed) nn__put_string(out, text->at);
    if (text->bad) out->bad = text->bad;
    out->failed = out->failed || text->failed;
    nn__free(text->at);
}

static void nn__put_header(nn__bytes *out, const nn_model *m, const nn__stored *list, size_t n,
                           bool checkpoint)
{
    nn__bytes model = NN__EMPTY, data = NN__EMPTY;
    size_t place = 0;
    nn__putf(out, "{\"__metadata__\":{\"format\":\"pt\"");
    nn__putf(&model, "{\"version\":1,\"seed\":%" PRIu64 ",", m->run->seed);
    nn__put_graph(&model, m);
    if (m->run->loss != NN_LOSS_NONE) nn__put_settings(&model, m, checkpoint);
    nn__putf(&model, "}");
    nn__put_note(out, NN__MODEL_NOTE, &model);
    nn__put_learned(&data, m->run);
    nn__put_note(out, NN__DATA_NOTE, &data);
    nn__putf(out, "}");
    for (size_t i = 0; i < n; i++) nn__put_entry(out, &list[i], &place);
    nn__putf(out, "}");
    while (out->used % 8) nn__putf(out, " ");
}

/* Names that would make a file which cannot be read. */
static nn_status nn__check_names(const nn__stored *list, size_t n, nn_place at)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++)
            if (strcmp(list[a].name, list[b].name) == 0)
                return nn__fail(at, NN_ERR_ARGUMENT, "nn_save",
                                "the parameters of line %d and line %d would both be called '%s'; "
                                "give one of the layers another .name",
                                list[b].line, list[a].line, list[a].name);
    return NN_OK;
}

static nn_status nn__save(const nn_save_args *args, nn__stored *list, size_t n, bool checkpoint)
{
    const nn_model *m = args->model;
    nn__bytes out = NN__EMPTY;
    nn_status status = nn__check_names(list, n, args->at);
    if (status) return status;
    if (checkpoint) {
        nn__stored *s = &list[n++];
        memset(s, 0, sizeof *s);
        nn__copy_text(s->name, sizeof s->name, "nn.history");
        s->kind = 'h', s->rank = 2, s->dim[0] = (uint64_t)m->history.epochs;
        s->dim[1] = NN__EPOCH_NUMBERS, s->size = (size_t)(s->dim[0] * s->dim[1]);
    }
    nn__put_bits(&out, 0, 8); /* the length, when it is known */
    nn__put_header(&out, m, list, n, checkpoint);
    nn__set_bits(&out, 0, out.used - 8, 8);
    for (size_t i = 0; i < n; i++) nn__put_values(&out, m, &list[i]);
    return nn__publish(&out, args->at, "nn_save", args->path, args->bytes, args->room, args->size);
}

NN_API nn_status nn_save_make(nn_save_args args)
{
    size_t n = 0;
    nn_status status = nn__need(args.model, false, args.at, "nn_save");
    if (status) return nn__report(status);
    const bool checkpoint = args.checkpoint && args.model->run->loss != NN_LOSS_NONE;
    nn__stored *list = nn__stored_list(args.model, checkpoint, &n);
    status = list ? nn__save(&args, list, n, checkpoint)
                  : nn__fail_memory(args.at, "nn_save", "a list of names");
    nn__free(list);
    return nn__report(status);
}

/* ---- load ------------------------------------------------------------------- >>files/load */

/* "(5, 3)", of up to NN__FILE_RANK sizes. */
static const char *nn__sizes_text(char text[2 * NN__SHAPE_SIZE], const uint64_t *dim, size_t rank)
{
    size_t used = (size_t)snprintf(text, 2, "(");
    for (size_t d = 0; d < rank; d++)
        used += (size_t)snprintf(text + used, 2 * NN__SHAPE_SIZE - used, "%s%d", d ? ", " : "",
                                 (int)dim[d]);
    snprintf(text + used, 2 * NN__SHAPE_SIZE - used, ")");
    return text;
}

/* Whether the file has this tensor in its shape. */
static nn_status nn__check_stored(const nn__tensors *f, const nn__stored *s)
{
    char mine[2 * NN__SHAPE_SIZE], theirs[2 * NN__SHAPE_SIZE];
    const nn__entry *e = nn__tensors_find(f, s->name);
    bool same = e && e->rank == s->rank;
    for (size_t d = 0; same && d < s->rank; d++) same = e->dim[d] == s->dim[d];
    if (same) return NN_OK;
    nn__sizes_text(mine, s->dim, s->rank);
    if (!e)
        return nn__file_fail(&f->source, NN_ERR_SHAPE,
                             "it has no tensor '%s'; the model (line %d) needs one of shape %s; "
                             "build the same layers, name them as in the file, or use .partial",
                             s->name, s->line, mine);
    return nn__file_fail(&f->source, NN_ERR_SHAPE,
                         "the tensor '%s' has shape %s in the file, but %s in the model "
                         "(line %d); build the layers that the file was made with",
                         s->name, nn__sizes_text(theirs, e->dim, e->rank), mine, s->line);
}

/* Whether a tensor of the file has no counterpart in the list. nn_save's own do not count. */
static bool nn__is_surplus(const nn__entry *e, const nn__stored *list, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(list[i].name, e->name) != 0) i++;
    return i == n && strncmp(e->name, "opt.", 4) != 0 && strcmp(e->name, "nn.history") != 0;
}

static nn_status nn__match(const nn__tensors *f, const nn__stored *list, size_t n, bool partial)
{
    nn_status status = NN_OK;
    size_t used = 0;
    for (size_t i = 0; !status && i < n; i++) {
        if (list[i].kind != 'f' || (partial && !nn__tensors_find(f, list[i].name))) continue;
        status = nn__check_stored(f, &list[i]);
        used++;
    }
    for (size_t i = 0; !status && !partial && i < f->entries; i++)
        if (nn__is_surplus(&f->entry[i], list, n))
            status = nn__file_fail(&f->source, NN_ERR_SHAPE,
                                   "its tensor '%.100s' has no counterpart in the model; build "
                                   "the same layers, name them as in the file, or use .partial",
                                   f->entry[i].name);
    if (!status && partial && used == 0)
        status = nn__file_fail(&f->source, NN_ERR_SHAPE, "no tensor has the name of a parameter");
    return status;
}

/* The numbers of a model, if every tensor fits: parameters have no memory, and are only compared,
   before the graph is planned. */
static nn_status nn__take_tensors(const nn__tensors *f, nn_model *m, bool checkpoint, bool partial)
{
    size_t n = 0;
    nn__stored *list = nn__stored_list(m, checkpoint, &n);
    if (!list) return nn__fail_memory(f->source.at, f->source.call, "a list of names");
    nn_status status = nn__match(f, list, n, partial);
    for (size_t k = 0; !status && k < n; k++) {
        const nn__stored *s = &list[k];
        const nn__entry *e = nn__tensors_find(f, s->name);
        for (size_t i = 0; e && s->kind == 'f' && s->values && i < s->size; i++)
            s->values[nn__memory_index(s, i)] =
                (nn_real)nn__number_at(f->data + e->place[0] + i * e->type->size, e->type, false);
    }
    nn__free(list);
    return status;
}

/* Class names and scalings from nn.data. */
static bool nn__json_classes(nn__json *j, nn_model *m)
{
    char **name = NULL;
    size_t n = 0, room = 0;
    nn__json_need(j, '[');
    for (size_t k = 0; nn__json_more(j, ']', &k); n++) {
        if (n == room) name = (char **)nn__grow(name, &room, sizeof *name);
        if (!name) return nn__json_no_memory(j);
        if (!(name[n] = nn__json_string(j))) break;
    }
    if (!j->status && nn__learn_names(m, name, (int)n, j->source->at)) nn__json_no_memory(j);
    nn__free(name);
    return !j->status;
}

static void nn__json_scaling(nn__json *j, nn_model *m, int input)
{
    nn_real *x = NULL;
    size_t n = 0;
    nn__json_reals(j, &x, &n);
    if (!j->status &&
        (input >= m->run->inputs || (n != 0 && n != 2 && n != 2 * m->run->input[input]->size)))
        nn__json_fail(j, "a scaling has another size than its input");
    if (!j->status && nn__learn_scaling(m, input, n / 2, x, x + n / 2, j->source->at))
        nn__json_no_memory(j);
    nn__free(x);
}

static nn_status nn__read_learned(const nn__tensors *f, nn_model *m)
{
    char *text = f->note[NN__DATA_NOTE];
    if (!text) return NN_OK;
    nn__json j = nn__json_from(&f->source, "nn.data", text, strlen(text));
    nn__json_need(&j, '{');
    for (size_t k = 0; nn__json_more(&j, '}', &k);) {
        const char *key = nn__json_key(&j);
        int input = 0;
        if (key && strcmp(key, "classes") == 0) nn__json_classes(&j, m);
        else if (!key || strcmp(key, "scaling") != 0) nn__json_unknown(&j);
        else if (nn__json_need(&j, '['))
            for (size_t i = 0; nn__json_more(&j, ']', &i);) nn__json_scaling(&j, m, input++);
    }
    return j.status;
}

static nn_status nn__read_history(const nn__tensors *f, const nn__entry *e, nn_model *m)
{
    if (e->rank != 2 || e->dim[1] != NN__EPOCH_NUMBERS)
        return nn__file_fail(&f->source, NN_ERR_FORMAT, "nn.history is not (epochs, %d)",
                             NN__EPOCH_NUMBERS);
    size_t epochs = (size_t)e->dim[0];
    m->history.epoch = (nn_epoch *)nn__alloc_zero(epochs + 1, sizeof *m->history.epoch);
    if (!m->history.epoch) return nn__fail_memory(f->source.at, f->source.call, "the history");
    for (size_t i = 0; i < e->count; i++) {
        nn_epoch *epoch = &m->history.epoch[i / NN__EPOCH_NUMBERS];
        epoch->epoch = (int)(i / NN__EPOCH_NUMBERS) + 1;
        *nn__epoch_number(epoch, i % NN__EPOCH_NUMBERS) =
            nn__number_at(f->data + e->place[0] + i * e->type->size, e->type, false);
    }
    m->history.epochs = (int)epochs;
    if (m->history.best >= m->history.epochs) m->history.best = NN__MAX(m->history.epochs - 1, 0);
    return NN_OK;
}

/* Compiles with the settings of the file; with a history, training goes on where it stopped. */
static nn_status nn__load_training(const nn__tensors *f, nn__loading *l, const nn__entry *history)
{
    const nn__settings *s = &l->settings;
    nn_compile_args args = NN__EMPTY;
    nn__run *r = l->m->run;
    args.at = l->at, args.model = l->m, args.output = l->output, args.loss = s->r.loss;
    args.optimizer = s->r.optimizer, args.from_logits = s->r.from_logits;
    args.huber_delta = s->r.huber_delta, args.top_k = s->r.top_k;
    nn_status status = nn__compile(&args);
    if (status || !history) return status;
    r->t = s->r.t, r->schedule_steps = s->r.schedule_steps, r->plateau = s->r.plateau;
    r->rate = s->r.rate, r->rate_by_hand = s->r.rate_by_hand;
    l->m->updates = s->m.updates, l->m->history = s->m.history;
    return nn__read_history(f, history, l->m);
}

static nn_status nn__load(nn__tensors *f, nn__loading *l)
{
    char *text = f->note[NN__MODEL_NOTE];
    if (!text)
        return nn__file_fail(&f->source, NN_ERR_FORMAT,
                             "it has weights, but no graph (nn.model); build the layers, then "
                             "call nn_build and nn_load_weights");
    nn__json j = nn__json_from(&f->source, "nn.model", text, strlen(text));
    nn_status status = nn__json_model(&j, l);
    const nn__entry *history = l->compiled ? nn__tensors_find(f, "nn.history") : NULL;
    if (!status) status = nn__take_tensors(f, l->m, false, false);
    if (!status)
        status = l->compiled ? nn__load_training(f, l, history) : nn__build(l->m, l->output);
    if (!status) status = nn__read_learned(f, l->m);
    return status ? status : nn__take_tensors(f, l->m, history != NULL, false);
}

NN_API nn_model *nn_load_make(nn_load_args args)
{
    nn__tensors f = NN__EMPTY;
    nn__loading l = NN__EMPTY;
    nn_model_args fresh = NN__EMPTY;
    fresh.at = l.at = args.at;
    nn_status status = nn__tensors_open(&f, args.at, "nn_load", args.path, args.bytes, args.size,
                                        args.header_limit);
    if (!status && !(l.m = nn_model_new_make(fresh))) status = NN_ERR_MEMORY;
    l.data_size = f.data_size;
    if (!status) status = nn__load(&f, &l);
    nn__tensors_free(&f), nn__free(l.made);
    if (!nn__report(status)) return l.m;
    nn_model_free(l.m);
    return NULL;
}

static bool nn__has_learned(const nn_model *m)
{
    bool has = m->run->class_name != NULL;
    for (int i = 0; i < NN_MAX_INPUTS; i++) has = has || m->run->scaling[i].scalings > 0;
    return has;
}

static void nn__forget_learned(nn_model *m)
{
    nn__free(m->run->class_name);
    m->run->class_name = NULL, m->run->class_names = 0;
    for (int i = 0; i < NN_MAX_INPUTS; i++) nn__free(m->run->scaling[i].offset);
    memset(m->run->scaling, 0, sizeof m->run->scaling);
}

NN_API nn_status nn_load_weights_make(nn_load_weights_args args)
{
    nn__tensors f = NN__EMPTY;
    const char *call = "nn_load_weights";
    nn_status status = nn__need(args.model, false, args.at, call);
    if (status) return nn__report(status);
    bool learns = !args.partial && !nn__has_learned(args.model);
    status =
        nn__tensors_open(&f, args.at, call, args.path, args.bytes, args.size, args.header_limit);
    if (!status && learns) status = nn__read_learned(&f, args.model);
    if (!status) status = nn__take_tensors(&f, args.model, false, args.partial);
    if (status && learns) nn__forget_learned(args.model);
    nn__tensors_free(&f);
    return nn__report(status);
}

/* Calls the constructors of `model` again in a model that shares its parameters. */
static nn_status nn__copy_graph(nn_model *m, const nn_model *model, nn_tensor **made)
{
    int n = 0;
    for (int i = 0; i < model->run->tensors; i++) {
        const nn_tensor *t = model->run->tensor[i];
        const nn__kind_of_tensor *kind = nn__kind_of(NULL, t);
        if (nn__is_part(t)) continue;
        nn__draft d = nn__draft_of(t);
        d.model = m, d.shared = d.share ? made[d.share - 1] : NULL;
        for (int k = 0; k < NN__MAX_IN; k++)
            if (d.t.in[k]) d.t.in[k] = made[nn__entry_of(d.t.in[k])];
        made[n] = kind ? nn__remake(kind, &d) : NULL;
        if (!made[n++]) return m->status ? m->status : NN_ERR_STATE;
    }
    return nn__build(m, made[nn__entry_of(model->output)]);
}

NN_API nn_model *nn_share(nn_model *model)
{
    nn_model_args fresh = NN__EMPTY;
    nn_status status = nn__need(model, false, nn__nowhere, "nn_share");
    if (nn__report(status)) return NULL;
    fresh.share = model, fresh.seed = model->run->seed, fresh.at = model->run->compile_at;
    nn_tensor **made = (nn_tensor **)nn__alloc((size_t)model->run->tensors, sizeof *made);
    nn_model *m = made ? nn_model_new_make(fresh) : NULL;
    status =
        m ? nn__copy_graph(m, model, made) : nn__fail_memory(fresh.at, "nn_share", "the graph");
    nn__free(made);
    if (!nn__report(status)) return m;
    nn_model_free(m);
    return NULL;
}

/* ---- npy --------------------------------------------------------------------- >>files/npy */

/* The header as NumPy writes it: keys sorted, spaces up to a multiple of 64, a newline. */
static void nn__put_npy_header(nn__bytes *out, const char *type, const int *shape, size_t rank)
{
    nn__put(out, "\x93NUMPY\1\0", 8);
    nn__put_bits(out, 0, 2); /* the length, when it is known */
    nn__putf(out, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (size_t d = 0; d < rank; d++) nn__putf(out, "%s%d", d ? ", " : "", shape[d]);
    nn__putf(out, rank == 1 ? ",), }" : "), }");
    while (out->used % 64 != 63) nn__putf(out, " ");
    nn__putf(out, "\n");
    nn__set_bits(out, 8, out->used - 10, 2);
}

NN_API nn_status nn_save_npy_make(nn_save_npy_args args)
{
    static const char *const types[] = { sizeof(nn_real) == 4 ? "<f4" : "<f8", "|u1", "<i4" };
    nn__bytes out = NN__EMPTY;
    size_t n = 1, rank = 0;
    bool good = args.values && (int)args.type >= 0 && args.type <= NN_TOKEN;
    for (; rank < NN_MAX_RANK + 1 && args.shape[rank] != 0; rank++)
        good = good && args.shape[rank] > 0 && nn__mul(n, (size_t)args.shape[rank], &n);
    if (!good)
        return nn__fail(args.at, NN_ERR_ARGUMENT, "nn_save_npy",
                        "needs values, one of nn_type and a shape of positive sizes");
    nn__put_npy_header(&out, types[args.type], args.shape, rank);
    for (size_t i = 0; i < n; i++)
        if (args.type == NN_REAL)
            nn__put_real(&out, (double)((const nn_real *)args.values)[i], sizeof(nn_real));
        else if (args.type == NN_BYTE) nn__put_bits(&out, ((const uint8_t *)args.values)[i], 1);
        else nn__put_bits(&out, (uint32_t)((const int32_t *)args.values)[i], 4);
    return nn__publish(&out, args.at, "nn_save_npy", args.path, args.bytes, args.room, args.size);
}

enum { NN__LONGEST_NPY_HEADER = 10000 }; /* NumPy's own limit */

typedef struct nn__npy {
    nn__source source;
    const unsigned char *data;
    nn__entry e;
} nn__npy;

static nn_status nn__npy_open(nn__npy *a, nn_place at, const char *path, const void *bytes,
                              size_t size)
{
    nn__source *s = &a->source;
    nn_status status = nn__source_open(s, at, "nn_load_npy", path, bytes, size);
    if (status) return status;
    if (s->size < 12 || memcmp(s->bytes, "\x93NUMPY", 6) != 0 || s->bytes[6] < 1 || s->bytes[6] > 3)
        return nn__file_fail(s, NN_ERR_FORMAT,
                             "it does not begin as an npy file of version 1 to 3 does; save it "
                             "with numpy.save");
    size_t begin = s->bytes[6] == 1 ? 10 : 12;
    size_t length = (size_t)nn__little_endian(s->bytes + 8, begin - 8);
    status = nn__source_header(s, begin, length, NN__LONGEST_NPY_HEADER);
    if (status) return status;
    nn__json j = nn__json_from(s, "the header", s->header, length);
    j.python = true;
    if (nn__json_array(&j, &a->e)) nn__json_end(&j);
    if (!j.status && (a->e.rank == 0 || a->e.rank > NN_MAX_RANK + 1 || a->e.count == 0))
        nn__json_fail(&j,
                      "the shape has no samples, which the first axis counts, or more than 5 axes");
    if (j.status) return j.status;
    a->data = s->bytes + begin + length;
    size_t rest = s->size - begin - length;
    if (a->e.bytes == rest) return NN_OK;
    return nn__file_fail(s, NN_ERR_FORMAT,
                         "it is %s: its shape asks for %zu bytes, and %zu follow; copy it again",
                         a->e.bytes > rest ? "truncated" : "too long", a->e.bytes, rest);
}

/* Number i in C order. */
static double nn__npy_number(const nn__npy *a, size_t i)
{
    const nn__entry *e = &a->e;
    size_t index = e->fortran ? 0 : i, step = e->count;
    for (size_t d = e->rank; e->fortran && d-- > 0; i /= (size_t)e->dim[d]) {
        step /= (size_t)e->dim[d];
        index += i % (size_t)e->dim[d] * step;
    }
    return nn__number_at(a->data + index * e->type->size, e->type, e->big);
}

/* All numbers as this type in a new block, which the caller frees. */
static nn_status nn__npy_take(const nn__npy *a, nn_type type, void **block)
{
    *block = nn__alloc(a->e.count, nn__type_size[type]);
    if (!*block) return nn__fail_memory(a->source.at, "nn_load_npy", a->source.path);
    for (size_t i = 0; i < a->e.count; i++) {
        double x = nn__npy_number(a, i);
        if (type == NN_TOKEN && !(x >= INT32_MIN && x <= INT32_MAX && x == floor(x)))
            return nn__file_fail(&a->source, NN_ERR_DATA,
                                 "entry %zu is %g; tokens and classes are whole numbers of 32 bits",
                                 i, x);
        if (type == NN_REAL) ((nn_real *)*block)[i] = (nn_real)x;
        else if (type == NN_BYTE) ((uint8_t *)*block)[i] = (uint8_t)x;
        else ((int32_t *)*block)[i] = (int32_t)x;
    }
    return NN_OK;
}

/* Both arrays into an empty set. */
static nn_status nn__npy_data(const nn_load_npy_args *args, nn__npy *x, nn__npy *y, void *block[2])
{
    const char *call = "nn_load_npy";
    const bool targets = args->y || args->y_bytes;
    nn_array_args a = NN__EMPTY;
    nn_status status = nn__npy_open(x, args->at, args->x, args->x_bytes, args->x_size);
    if (!status && targets)
        status = nn__npy_open(y, args->at, args->y, args->y_bytes, args->y_size);
    if (!status && targets && x->e.dim[0] != y->e.dim[0])
        status = nn__fail(args->at, NN_ERR_SHAPE, call,
                          "'%.100s' has %d samples, '%.100s' has %d; are they of one set?",
                          x->source.path, (int)x->e.dim[0], y->source.path, (int)y->e.dim[0]);
    if (status) return status;
    bool classes = targets && y->e.type->kind != 'f' && !args->numbers;
    bool bytes = x->e.type->kind == 'u' && x->e.type->size == 1;
    a.at = args->at, a.n = (int)x->e.dim[0], a.shape[0] = a.target_shape[0] = 1;
    a.type = args->tokens ? NN_TOKEN : bytes ? NN_BYTE : NN_REAL;
    for (size_t d = 1; d < x->e.rank; d++) a.shape[d - 1] = (int)x->e.dim[d];
    for (size_t d = 1; targets && d < y->e.rank; d++) a.target_shape[d - 1] = (int)y->e.dim[d];
    status = nn__npy_take(x, a.type, &block[0]);
    if (!status && targets) status = nn__npy_take(y, classes ? NN_TOKEN : NN_REAL, &block[1]);
    a.values = block[0], a.labels = (const int *)block[1], a.targets = (const nn_real *)block[1];
    if (!status) status = nn__add_values(args->data, &a, call);
    if (!status && targets)
        status =
            classes ? nn__add_labels(args->data, &a, call) : nn__add_targets(args->data, &a, call);
    return status;
}

NN_API nn_status nn_load_npy_make(nn_load_npy_args args)
{
    nn__npy x = NN__EMPTY, y = NN__EMPTY;
    void *block[2] = { NULL, NULL };
    if (!args.data)
        return nn__fail(args.at, NN_ERR_ARGUMENT, "nn_load_npy", "the data set is NULL");
    memset(args.data, 0, sizeof *args.data);
    nn_status status = nn__npy_data(&args, &x, &y, block);
    nn__free(block[0]), nn__free(block[1]);
    nn__source_free(&x.source), nn__source_free(&y.source);
    return status ? nn__data_failed(args.data, status) : NN_OK;
}

/* ---- C source ---------------------------------------------------------------- >>files/export */

static void nn__c_array(nn__bytes *out, const nn_real *x, size_t n)
{
    nn__putf(out, "[%zu] = {", n);
    for (size_t i = 0; i < n; i++) {
        nn__putf(out, i % 8 ? " " : "\n    ");
        nn__c_number(out, (double)x[i]);
        nn__putf(out, ",");
    }
    nn__putf(out, "\n};\n");
}

/* A C string: what is not plain ASCII in octal; ? too, since ??x can mean something. */
static void nn__c_string(nn__bytes *out, const char *text)
{
    nn__putf(out, "    \"");
    for (; *text; text++)
        if (*text >= ' ' && *text < 127 && !strchr("\"\\?", *text)) nn__put(out, text, 1);
        else nn__putf(out, "\\%03o", (unsigned)(unsigned char)*text);
    nn__putf(out, "\",\n");
}

/* Everything before the function: class names, weights, scaling. */
static void nn__c_head(nn__bytes *out, const nn_model *m, const char *name)
{
    const nn__run *r = m->run;
    size_t inputs = 0;
    for (int i = 0; i < r->inputs; i++) inputs += r->input[i]->size;
    nn__putf(out,
             "/* A network as C source, written by nn.h " NN_VERSION ". Declare in your program:\n"
             "       void %s_predict(const float *x, float *y);\n"
             "   x: %zu numbers of one sample, as the training data had them; y: %zu outputs.\n"
             "   It keeps its values in static memory: one call at a time. */\n#include <math.h>\n"
             "\nvoid %s_predict(const float *x, float *y);\n",
             name, inputs, m->output->size, name);
    if (r->class_names > 0)
        nn__putf(out,
                 "extern const char *const %s_class[%d];\n\nconst char *const %s_class[%d] = {\n",
                 name, r->class_names, name, r->class_names);
    for (int i = 0; i < r->class_names; i++) nn__c_string(out, r->class_name[i]);
    nn__putf(out, r->class_names > 0 ? "};\n" : "");
    for (int i = 0; i < r->tensors; i++) {
        const nn_tensor *t = r->tensor[i];
        if (!t->used || !(t->parameter || t->constant)) continue;
        nn__putf(out, "\nstatic const float "), nn__c_name(out, t);
        nn__c_array(out, t->constant ? t->constant : t->value, t->size);
    }
    for (int i = 0; i < r->inputs; i++) {
        const nn__scaling *s = &r->scaling[i];
        if (!s->scalings) continue;
        nn__putf(out, "\nstatic const float offset%d", i), nn__c_array(out, s->offset, s->scalings);
        nn__putf(out, "\nstatic const float factor%d", i), nn__c_array(out, s->factor, s->scalings);
    }
}

/* An input, scaled as the model has learned it. */
static void nn__c_input(nn__bytes *out, const nn__run *r, const nn_tensor *t)
{
    size_t first = 0;
    int i = 0;
    while (r->input[i] != t) first += r->input[i++]->size;
    const char *k = r->scaling[i].scalings > 1 ? "i" : "0";
    nn__putf(out, "        for (long i = 0; i < %zu; i++) out[i] = ", t->size);
    if (r->scaling[i].scalings)
        nn__putf(out, "factor%d[%s] * (x[%zu + i] - offset%d[%s]);\n", i, k, first, i, k);
    else nn__putf(out, "x[%zu + i];\n", first);
}

/* The block of one tensor. */
static void nn__c_layer(nn__bytes *out, const nn_tensor *t)
{
    const nn__kind_of_tensor *kind = nn__kind_of(NULL, t);
    if (!kind) out->bad = "the model has a layer of a kind that cannot be written as C";
    if (!kind || !t->used || nn__c_is_same(t) || !(t->op || t->input)) return;
    nn__putf(out, "\n    static float "), nn__c_name(out, t);
    nn__putf(out, "[%zu];\n    { /* %s */\n        float *out = ", t->size, kind->name);
    nn__c_name(out, t);
    for (int k = 0; k < NN__MAX_IN; k++)
        if (t->in[k])
            nn__putf(out, ";\n        const float *%c = ", 'a' + k), nn__c_name(out, t->in[k]);
    nn__putf(out, ";\n");
    if (t->input) nn__c_input(out, t->model->run, t);
    else kind->in_c(out, t);
    nn__putf(out, "    }\n");
}

NN_API nn_status nn_export_c_make(nn_export_args args)
{
    nn__bytes out = NN__EMPTY;
    const nn_model *m = args.model;
    const char *name = args.name && *args.name ? args.name : "model";
    nn_status status = nn__need(m, false, args.at, "nn_export_c");
    if (!status &&
        (strlen(name) > 60 || (*name >= '0' && *name <= '9') ||
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
             strlen(name)))
        status = nn__fail(args.at, NN_ERR_ARGUMENT, "nn_export_c",
                          "'%.60s' is no name in C; use up to 60 letters, digits and _", name);
    if (status) return nn__report(status);
    nn__c_head(&out, m, name);
    nn__putf(&out, "\nvoid %s_predict(const float *x, float *y)\n{", name);
    for (int i = 0; i < m->run->tensors; i++) nn__c_layer(&out, m->run->tensor[i]);
    nn__putf(&out, "\n    for (long i = 0; i < %zu; i++) y[i] = ", m->output->size);
    nn__c_name(&out, m->output);
    nn__putf(&out, "[i];\n}\n");
    return nn__report(
        nn__publish(&out, args.at, "nn_export_c", args.path, args.bytes, args.room, args.size));
}

#endif /* NN_IMPLEMENTATION_REST_DONE */
#endif /* NN_IMPLEMENTATION */

/* This software is available under two licences; choose whichever you prefer.

   A. Public domain (unlicense.org)
   This is free and unencumbered software released into the public domain. Anyone is free to copy,
   modify, publish, use, compile, sell, or distribute this software, either in source code form or
   as a compiled binary, for any purpose, commercial or non-commercial, and by any means.
   In jurisdictions that recognize copyright laws, the author or authors of this software dedicate
   any and all copyright interest in the software to the public domain. We make this dedication for
   the benefit of the public at large and to the detriment of our heirs and successors. We intend
   this dedication to be an overt act of relinquishment in perpetuity of all present and future
   rights to this software under copyright law.

   B. MIT No Attribution (MIT-0). Copyright 2026 the authors of nn.h
   Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
   associated documentation files (the "Software"), to deal in the Software without restriction,
   including without limitation the rights to use, copy, modify, merge, publish, distribute,
   sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
   furnished to do so.

   In both cases: THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
   IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
   PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS BE LIABLE FOR ANY CLAIM,
   DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
   OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
