/* Max pooling of one image, without padding. All arrays row-major, the channel last, as in nn.h. */
typedef struct pool {
    int H, W, C; /* the image: rows, columns, channels */
    int K, S; /* the window is K x K; the stride, which may be smaller or larger than K */
    int OH, OW; /* the output: (H - K)/S + 1 rows, (W - K)/S + 1 columns, both rounded down */
    const double *x; /* (H, W, C) */
    double *y; /* (OH, OW, C): the largest number of each window and channel */
    int *from; /* (OH, OW, C): which number of x that is, 0 to H W C - 1; of equals, the first */
    const double *dy; /* (OH, OW, C): dL/dy */
    double *dx; /* (H, W, C): dL/dx */
} pool;

/* y and from, out of x. */
void pool_forward(const pool *t);

/* dx, out of dy and from. x and y are not needed. */
void pool_backward(const pool *t);
