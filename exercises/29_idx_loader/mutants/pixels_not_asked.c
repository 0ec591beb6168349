// fails: short size left  says: a file that ends after its header
#include "exercise.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t number(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static idx_result read_images(images *out, FILE *f)
{
    unsigned char head[16];
    if (fread(head, 1, 16, f) != 16) return IDX_SHORT;
    if (number(head) != 0x803) return IDX_FORMAT;
    uint32_t n = number(head + 4), rows = number(head + 8), cols = number(head + 12);
    if (n == 0 || rows == 0 || cols == 0) return IDX_SIZE;
    if (rows > IDX_LARGEST / n || cols > IDX_LARGEST / n / rows) return IDX_SIZE;
    size_t size = (size_t)n * rows * cols;
    unsigned char *pixels = malloc(size);
    if (!pixels) return IDX_MEMORY;
    memset(pixels, 0, size);
    if (fread(pixels, 1, size, f) == size + 1) return IDX_SHORT;
    out->n = (int)n, out->rows = (int)rows, out->cols = (int)cols, out->pixels = pixels;
    return IDX_OK;
}

idx_result idx_load(images *out, const char *path)
{
    memset(out, 0, sizeof *out);
    FILE *f = fopen(path, "rb");
    if (!f) return IDX_NO_FILE;
    idx_result result = read_images(out, f);
    fclose(f);
    return result;
}
