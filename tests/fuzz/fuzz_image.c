/* Any bytes as an image: an image of the promised size, or an error with a sentence, and never more
   memory than a small image may take. The first byte of the input chooses the options.
     clang -g -O1 -fsanitize=fuzzer,address,undefined -I/usr/include/stb tests/fuzz/fuzz_image.c -lm
   stb_image 2.27 shifts and adds past the range of int, adds 0 to NULL and copies 0 bytes from it,
   where no access to memory depends on it: these are not looked at. */
#if defined(__clang__)
/* clang-format off */
#pragma clang attribute push(__attribute__((no_sanitize("shift", "signed-integer-overflow", \
                                                        "pointer-overflow", "nonnull-attribute"))), \
                             apply_to = function)
/* clang-format on */
#endif
#define NN_USE_STB_IMAGE
#define NN_IMPLEMENTATION
#include "../../nn.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nn_image image;
    const bool grey = size > 0 && (bytes[0] & 1) != 0;
    if (size == 0) return 0;
    nn_status status = nn_load_image(&image, .bytes = bytes + 1, .size = size - 1, .grey = grey,
                                     .max_pixels = 65536);
    if (status && (image.pixels || !strstr(nn_last_error(), "nn_load_image: "))) abort();
    if (status) return 0;
    const size_t n = (size_t)image.height * (size_t)image.width * (size_t)image.channels;
    volatile unsigned sum = 0;
    if (!n || image.channels != (grey ? 1 : 3)) abort();
    for (size_t i = 0; i < n; i++) sum += image.pixels[i]; /* all of it is there */
    nn_image_free(&image);
    return 0;
}
