/* A learning rate that drops when the loss stops falling (Keras's ReduceLROnPlateau).  [F5.6] */
typedef struct plateau {
    double factor, min_delta, min_lr; /* the caller sets these five */
    int patience, cooldown;
    double lr, best; /* plateau_start sets these four, plateau_epoch changes them */
    int wait, cooling;
} plateau;

/* Begins: rate lr, no loss seen yet. */
void plateau_start(plateau *p, double lr);

/* After each epoch, with its loss, which may be NaN or infinite. Returns the rate of the next. */
double plateau_epoch(plateau *p, double loss);
