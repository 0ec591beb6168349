/* Early stopping. The caller sets the first four; the functions keep the others. */
typedef struct early_stopping {
    int patience; /* stop after so many epochs in a row without an improvement, >= 1 */
    double min_delta; /* an improvement is lower than the best loss by more than this, >= 0 */
    int n; /* how many weights there are */
    double *best_weights; /* (n): room for a copy */
    double best_loss; /* the lowest so far that was an improvement */
    int best_epoch; /* when that was, from 0; -1: never */
    int waited; /* epochs in a row without an improvement */
    int epoch; /* how many epochs were seen */
} early_stopping;

/* Before the first epoch: best_loss so that any number is an improvement, best_epoch -1, the
   others 0. patience, min_delta, n and best_weights stay as they are. */
void early_start(early_stopping *e);

/* After each epoch, with its validation loss and weights. Returns 1 if training is to stop, else 0.
   A loss that is NaN is no improvement. */
int early_step(early_stopping *e, double loss, const double *weights);

/* After training: the best epoch's weights. If there was none, the weights stay as they are. */
void early_restore(const early_stopping *e, double *weights);
