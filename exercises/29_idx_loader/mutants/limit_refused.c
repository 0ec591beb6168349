// fails: size  says: which is 2^28 and no more
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned number(const unsigned char *b)
{
    return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

static idx_result load(images *out, FILE *f)
{
    unsigned char h[16];
    if (fread(h, 1, 16, f) != 16) return IDX_SHORT;
    if (number(h) != 0x803) return IDX_FORMAT;
    unsigned n = number(h + 4), rows = number(h + 8), cols = number(h + 12);
    if (n == 0 || rows == 0 || cols == 0) return IDX_SIZE;
    if ((size_t)n * rows >= IDX_LARGEST || n > IDX_LARGEST || rows > IDX_LARGEST / n ||
        cols >= IDX_LARGEST / n / rows)
        return IDX_SIZE;
    size_t size = (size_t)n * rows * cols;
    unsigned char *pixels = malloc(size);
    if (pixels == NULL) return IDX_MEMORY;
    if (fread(pixels, 1, size, f) != size) {
        free(pixels);
        return IDX_SHORT;
    }
    out->n = (int)n, out->rows = (int)rows, out->cols = (int)cols;
    out->pixels = pixels;
    return IDX_OK;
}

idx_result idx_load(images *out, const char *path)
{
    *out = (images){ 0, 0, 0, NULL };
    FILE *f = fopen(path, "rb");
    if (f == NULL) return IDX_NO_FILE;
    idx_result r = load(out, f);
    fclose(f);
    return r;
}
