/* Fuzz targets of the readers, one for each FUZZ_name: make fuzz builds and runs all of them.
   With FUZZ_SEEDS it is a program that writes files to start from: a.out FOLDER writes
   FOLDER/name/seed for each name.
   stb_image 2.27 shifts and adds past the range of int, adds 0 to NULL and copies 0 bytes from or
   to it, where no access to memory depends on that: FUZZ_image does not look at these. */
#ifdef FUZZ_image
#define NN_USE_STB_IMAGE
/* clang-format off */
#pragma clang attribute push(__attribute__((no_sanitize("shift", "signed-integer-overflow", \
                                                        "pointer-overflow", \
                                                        "nonnull-attribute"))), \
                             apply_to = function)
/* clang-format on */
#endif
#define NN_IMPLEMENTATION
#include "nn.h"
#ifdef FUZZ_image
#pragma clang attribute pop
#endif

#ifdef FUZZ_SEEDS
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h> /* Debian: libstb-dev */

static void seed(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) perror(path), exit(1);
}

static nn_tensor *network(nn_model *m)
{
    const nn_real c[2] = { 1, 2 };
    nn_tensor *x = nn_input(m, 2, 2), *h = nn_dense(x, 2, .activation = NN_ELU, .name = "a");
    nn_tensor *p = nn_conv2d(nn_reshape(x, 2, 2, 1), 2, 2, .padding = NN_SAME);
    p = nn_global_avg_pool2d(nn_batch_norm(nn_max_pool2d(p, 1)));
    h = nn_batch_matmul(nn_permute(h, 2, 1),
                        nn_mul(nn_add(h, nn_parameter(m, 2)), nn_constant(m, c, 2)));
    h = nn_concat(nn_slice(h, 1, 1), nn_scale(nn_mean(h, .keep = true, .axis = 1), 2));
    h = nn_concat(nn_flatten(h), nn_layer_norm(p));
    return nn_dense(nn_dropout(h, 0.1), 2, .activation = NN_SOFTMAX);
}

/* stb_image_write hands over a file in parts. The first byte of a seed chooses options. */
static unsigned char image[4096];
static size_t image_size;
static void add(void *user, void *bytes, int size)
{
    (void)user;
    if (image_size + (size_t)size > sizeof image) exit(1);
    memcpy(image + image_size, bytes, (size_t)size);
    image_size += (size_t)size;
}

static void seed_images(const char *folder)
{
    unsigned char pixels[5 * 4 * 3];
    for (int i = 0; i < 60; i++) pixels[i] = (unsigned char)(i * i);
    for (int k = 0; k < 3; k++) {
        char name[32];
        image[0] = (unsigned char)k, image_size = 1;
        if (k == 0) stbi_write_png_to_func(add, NULL, 5, 4, 3, pixels, 15);
        if (k == 1) stbi_write_jpg_to_func(add, NULL, 5, 4, 3, pixels, 90);
        if (k == 2) stbi_write_bmp_to_func(add, NULL, 5, 4, 3, pixels);
        snprintf(name, sizeof name, "image/seed%d", k);
        seed(folder, name, image, image_size);
    }
}

int main(int argc, char **argv)
{
    static unsigned char bytes[1 << 14];
    static const char csv[] = "a,b,k\n1,-2.5e3,x\n\"3\",?,\"y\"\"\"\r\n# no\n,4,z\n";
    static const unsigned char idx[] = {
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6
    };
    const nn_real x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const int label[2] = { 3, 5 };
    const char *folder = argc > 1 ? argv[1] : ".";
    size_t size;
    nn_data d;
    nn_model *m = nn_model_new();
    if (nn_data_from(&d, x, 2, { 2, 2 }, .labels = label) || nn_standardise(&d) ||
        nn_compile(m, network(m), .loss = NN_SPARSE_CROSS_ENTROPY) ||
        nn_fit(m, &d, .quiet = true) ||
        nn_save(m, .bytes = bytes, .room = sizeof bytes, .size = &size, .checkpoint = true))
        return 1;
    seed(folder, "safetensors/seed", bytes, size);
    nn__bytes out = { 0 };
    nn__putf(&out, "{");
    nn__put_graph(&out, m);
    nn__put_settings(&out, m, true);
    nn__putf(&out, "}");
    seed(folder, "graph/seed", out.at, out.used);
    nn__free(out.at);
    if (nn_save_npy(NULL, x, { 2, 4 }, .bytes = bytes, .room = sizeof bytes, .size = &size))
        return 1;
    seed(folder, "npy/seed", bytes, size);
    seed(folder, "csv/seed", csv, sizeof csv - 1);
    seed(folder, "idx/seed", idx, sizeof idx);
    seed_images(folder);
    nn_model_free(m), nn_data_free(&d);
    return 0;
}
#else

/* What was read must be usable, where it is small. */
NN__UNUSED static void use(nn_model *m)
{
    size_t numbers = 0;
    for (int i = 0; i < m->run->tensors; i++) numbers += m->run->tensor[i]->size;
    nn_real *x = (nn_real *)calloc(numbers + 1, sizeof *x),
            *y = (nn_real *)calloc(numbers + 1, sizeof *y);
    if (numbers < 100000 && m->run->inputs == 1) nn_predict(m, y, x, 1);
    if (numbers < 100000) nn_export_c(m, .size = &numbers);
    nn_status status = numbers < 100000 ? nn_save(m, .size = &numbers) : NN_OK;
    if (status && status != NN_ERR_ARGUMENT)
        abort(); /* what was read can be saved, if no name is
                                                         there twice */
    free(x), free(y);
}

#ifdef FUZZ_image
/* An image of the promised size, or an error with a sentence. */
static void read_image(const uint8_t *bytes, size_t size, bool grey)
{
    nn_image image;
    nn_status status =
        nn_load_image(&image, .bytes = bytes, .size = size, .grey = grey, .max_pixels = 65536);
    if (status && (image.pixels || !strstr(nn_last_error(), "nn_load_image: "))) abort();
    if (status) return;
    const size_t n = (size_t)image.height * (size_t)image.width * (size_t)image.channels;
    size_t sum = 0;
    if (!n || image.channels != (grey ? 1 : 3)) abort();
    for (size_t i = 0; i < n; i++) sum += image.pixels[i];
    if (sum > 255 * n) abort(); /* all of it is there */
    nn_image_free(&image);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nn_data d;
    nn_set_log(NULL, NULL);
    memset(&d, 0, sizeof d);
#if defined(FUZZ_safetensors)
    uint8_t *copy = (uint8_t *)malloc(size + 1); /* with a length that leads into the text */
    memcpy(copy, bytes, size);
    if (size > 8 && copy[7] == 0) {
        size_t length = ((size_t)copy[0] | (size_t)copy[1] << 8) % (size - 7);
        memset(copy, 0, 8);
        copy[0] = (uint8_t)length, copy[1] = (uint8_t)(length >> 8),
        copy[2] = (uint8_t)(length >> 16);
    }
    nn_model *m = nn_load("x", .bytes = copy, .size = size);
    if (m) use(m);
    nn_model_free(m), free(copy);
#elif defined(FUZZ_graph)
    nn__source source = { .path = "x", .call = "fuzz" };
    nn__loading l = { .m = nn_model_new(), .data_size = 1000 };
    char *text = (char *)malloc(size + 1);
    size_t parameters = 0;
    memcpy(text, bytes, size);
    nn__json j = nn__json_from(&source, "text", text, size);
    bool good = !nn__json_model(&j, &l);
    for (int k = 0; good && nn_parameter_at(l.m, k); k++)
        parameters += nn_parameter_at(l.m, k)->size;
    if (good && parameters < 100000 && !nn__build(l.m, l.output)) use(l.m);
    nn__free(l.made), nn_model_free(l.m), free(text);
#elif defined(FUZZ_npy)
    nn_load_npy(&d, "x", .x_bytes = bytes, .x_size = size, .tokens = size % 2);
    nn_data_free(&d);
    nn_load_npy(&d, "x", "y", .x_bytes = bytes, .x_size = size / 2, .y_bytes = bytes + size / 2,
                .y_size = size - size / 2);
#elif defined(FUZZ_csv)
    nn_load_csv(&d, "x", .label_column = size % 3 ? -1 : 0, .text = (const char *)bytes,
                .text_size = size, .missing = NN_MISSING_DROP);
#elif defined(FUZZ_idx)
    nn_load_idx(&d, .images_bytes = bytes, .images_size = size, .labels_bytes = bytes + size / 2,
                .labels_size = size - size / 2);
    nn_data_free(&d);
    nn_load_idx(&d, .images_bytes = bytes, .images_size = size);
#elif defined(FUZZ_image)
    if (size > 0) read_image(bytes + 1, size - 1, bytes[0] & 1); /* the first byte: grey or not */
#endif
    nn_data_free(&d);
    return 0;
}
#endif
