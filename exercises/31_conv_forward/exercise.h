/* A convolution of one image. All arrays row-major, the channel last, as in nn.h. */
typedef struct conv {
    int H, W, C; /* the image: rows, columns, channels */
    int K, S, P; /* the kernel is K x K; the stride; rows and columns of zeros on each side */
    int OH, OW, O; /* the output: rows, columns, filters; OH and OW are already right */
    const double *x, *w, *b; /* (H, W, C); (O, K, K, C), (O) */
    double *y; /* (OH, OW, O) */
} conv;

/* How many places a kernel of K has along a side of n with P zeros at both ends, S apart. 0 if it
   is larger than the padded side. */
int conv_size(int n, int K, int S, int P);

/* y[oy][ox][o] = b[o] + sum over ky, kx, c of w[o][ky][kx][c] x[oy S + ky - P][ox S + kx - P][c],
   where x is 0 outside of the image.  [F7.1] */
void conv_forward(const conv *t);
