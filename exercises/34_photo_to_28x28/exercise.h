/* From a photo of a digit to what MNIST's images look like: one struct, a step each. All pictures
   row-major, brightness 0 to 255, not rounded. Chapter 12 has the same steps for real photos. */
enum { SIDE = 28, LONGEST = 20 };

typedef struct photo {
    int rows, cols;
    const double *rgb; /* (rows, cols, 3): red, green, blue */
    double *grey; /* (rows, cols); to_grey writes it */
    double *ink; /* (rows, cols): ink bright, paper 0; to_ink writes it */
    int top, left, height, width; /* find_box writes them: the box around the ink */
    int small_rows, small_cols; /* shrink writes them, and as many numbers of small; */
    double *small; /* (small_rows, small_cols), with room for 20 x 20 */
    double *digit; /* (28, 28); centre writes it */
} photo;

/* grey = 0.299 red + 0.587 green + 0.114 blue, as the eye weighs them (ITU-R BT.601). */
void to_grey(photo *p);

/* From grey: inverted if the ink is dark, stretched to 0 to 255, paper 0. Where the brightest and
   the darkest pixel differ by less than 25 there is no ink: all 0. */
void to_ink(photo *p);

/* The smallest box that holds all of the ink (ink > 0): its first row and column, and how many of
   each. All 0 where there is no ink. */
void find_box(photo *p);

/* The ink in the box, its longer side 20, proportions kept: each pixel is the mean of what lies
   below it. Without ink (height 0) small_rows and small_cols are 0. */
void shrink(photo *p);

/* small in 28 x 28, its centre of mass in the middle; all else is 0. */
void centre(photo *p);
