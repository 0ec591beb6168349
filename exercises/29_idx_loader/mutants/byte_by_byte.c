// passes
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

static int get32(FILE *f, unsigned long long *v)
{
    *v = 0;
    for (int i = 0; i < 4; i++) {
        int c = fgetc(f);
        if (c == EOF) return 0;
        *v = *v * 256 + (unsigned)c;
    }
    return 1;
}

idx_result idx_load(images *out, const char *path)
{
    unsigned long long v[4];
    idx_result r = IDX_OK;
    unsigned char *p = NULL;
    images none = { 0, 0, 0, NULL };
    FILE *f = fopen(path, "rb");
    *out = none;
    if (!f) return IDX_NO_FILE;
    for (int i = 0; i < 4 && r == IDX_OK; i++) {
        if (!get32(f, &v[i])) r = IDX_SHORT;
        else if (i == 0 && v[0] != 2051) r = IDX_FORMAT;
        else if (i > 0 && (v[i] == 0 || v[i] > IDX_LARGEST)) r = IDX_SIZE;
    }
    if (r == IDX_OK && (v[1] * v[2] > IDX_LARGEST || v[1] * v[2] * v[3] > IDX_LARGEST))
        r = IDX_SIZE;
    if (r == IDX_OK && !(p = malloc((size_t)(v[1] * v[2] * v[3])))) r = IDX_MEMORY;
    for (size_t i = 0; r == IDX_OK && i < v[1] * v[2] * v[3]; i++) {
        int c = fgetc(f);
        if (c == EOF) r = IDX_SHORT;
        p[i] = (unsigned char)c;
    }
    fclose(f);
    if (r != IDX_OK) free(p);
    else {
        out->n = (int)v[1], out->rows = (int)v[2], out->cols = (int)v[3];
        out->pixels = p;
    }
    return r;
}
