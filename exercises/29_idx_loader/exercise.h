/* Images in the IDX format of MNIST. A file starts with four numbers of four bytes, the most
   significant byte first: 0x803, n, rows, cols. Then come n rows cols pixels of one byte. */
typedef enum idx_result {
    IDX_OK,
    IDX_NO_FILE, /* it cannot be opened */
    IDX_FORMAT, /* the first number is not 0x803 */
    IDX_SIZE, /* n, rows or cols is 0, or n rows cols is more than IDX_LARGEST */
    IDX_SHORT, /* the file ends before its header, or before its pixels */
    IDX_MEMORY /* malloc gave NULL */
} idx_result;

#define IDX_LARGEST 268435456u /* pixels: 2^28 */

typedef struct images {
    int n, rows, cols;
    unsigned char *pixels; /* (n, rows, cols), from malloc; the caller frees it */
} images;

/* Reads a file. After an error *out is 0 and NULL throughout, nothing is left open or allocated.
   The size is judged before memory is asked for. Bytes behind the last pixel do not count. */
idx_result idx_load(images *out, const char *path);
