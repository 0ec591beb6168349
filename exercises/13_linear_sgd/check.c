/* Grader of 13_linear_sgd. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 64, MOST_STEPS = 256 };

typedef struct task {
    double *X, *y, *w, b, alpha;
    int *pick, rows, n, I;
} task;

enum {
    RIGHT,
    SUMMED,
    HALF,
    SIGN,
    NO_RATE,
    PICK_IGNORED,
    X_NOT_PICKED,
    Y_NOT_PICKED,
    ONE_AFTER_THE_OTHER,
    ONLY_W_AT_ONCE,
    NO_BIAS_IN_ERROR,
    TARGET_ADDED,
    LAST_INPUT,
    LAST_LOSS,
    REPLACED,
    LAST_SAMPLE,
    ERROR_ALONE,
    NO_ERROR,
    ROOT,
    ABSOLUTE,
    NOT_CHANGED,
    W_FIRST,
    AFTER_THE_STEP
};

/* The model after one step, and the loss before it. */
static double reference_step(const task *t, int mistake, double *w, double *b)
{
    double dw[8] = { 0 }, db = 0, loss = 0;
    memcpy(w, t->w, (size_t)t->I * sizeof *w);
    *b = t->b;
    for (int k = 0; k < t->n; k++) {
        int row = mistake == PICK_IGNORED ? k : t->pick[k];
        const double *x = t->X + (mistake == X_NOT_PICKED ? k : row) * t->I;
        double e = mistake == NO_BIAS_IN_ERROR ? 0 : *b;
        for (int i = 0; i < t->I; i++) e += w[i] * x[i];
        if (mistake == LAST_INPUT) e = w[t->I - 1] * x[t->I - 1] + t->y[row];
        if (mistake == TARGET_ADDED) e += 2 * t->y[row];
        e -= t->y[mistake == Y_NOT_PICKED ? k : row];
        if (mistake == LAST_LOSS) loss = 0;
        loss += mistake == ABSOLUTE ? fabs(e) : e * e;
        double d = 2 * e / t->n;
        if (mistake == SUMMED) d = 2 * e;
        if (mistake == HALF) d = e / t->n;
        if (mistake == SIGN) d = -d;
        if (mistake == ONE_AFTER_THE_OTHER || mistake == LAST_SAMPLE)
            memset(dw, 0, sizeof dw), db = 0;
        for (int i = 0; i < t->I; i++)
            dw[i] += mistake == ERROR_ALONE ? d : mistake == NO_ERROR ? 2 * x[i] / t->n : d * x[i];
        db += d;
        for (int i = 0; i < t->I && mistake == ONE_AFTER_THE_OTHER; i++) w[i] -= t->alpha * dw[i];
        for (int i = 0; i < t->I && mistake == ONLY_W_AT_ONCE; i++) w[i] -= t->alpha * d * x[i];
        if (mistake == ONE_AFTER_THE_OTHER) *b -= t->alpha * db;
    }
    double alpha = mistake == NO_RATE ? 1 : mistake == NOT_CHANGED ? 0 : t->alpha;
    if (mistake == ONE_AFTER_THE_OTHER) alpha = 0;
    if (mistake == REPLACED) memset(w, 0, (size_t)t->I * sizeof *w), *b = 0, alpha = -alpha;
    for (int i = 0; i < t->I && mistake != ONLY_W_AT_ONCE; i++) w[i] -= alpha * dw[i];
    *b -= alpha * db;
    if (mistake == SUMMED) return loss;
    return mistake == ROOT ? sqrt(loss / t->n) : loss / t->n;
}

static void loss_formula(const void *problem, int mistake, double *loss)
{
    double w[8], b;
    *loss = reference_step(problem, mistake, w, &b);
    if (mistake == HALF) *loss /= 2;
    if (mistake == AFTER_THE_STEP) {
        task t = *(const task *)problem;
        t.w = w, t.b = b;
        double w_next[8], b_next;
        *loss = reference_step(&t, RIGHT, w_next, &b_next);
    }
}

static void w_formula(const void *problem, int mistake, double *w)
{
    double b;
    reference_step(problem, mistake, w, &b);
}

static void b_formula(const void *problem, int mistake, double *b)
{
    double w[8];
    reference_step(problem, mistake, w, b);
    if (mistake == W_FIRST) { /* the errors for b were taken with the new w */
        task t = *(const task *)problem;
        double ignored[8];
        t.w = w;
        reference_step(&t, RIGHT, ignored, b);
    }
}

#define BOTH(number, says)                                                                         \
    { "w", number, says },                                                                         \
    {                                                                                              \
        "b", number, says                                                                          \
    }

const kit_mistake kit_mistakes[] = {
    { "loss", RIGHT, "F3.1:  L = 1/n sum_k e_k²,  e_k = w·x_k + b - y_k" },
    { "loss", SUMMED, "the squares were summed: the loss is their mean, so divide by n" },
    { "loss", HALF, "half of it: this mean squared error has no 1/2 in front" },
    { "loss", PICK_IGNORED, "the first n rows were taken: sample k is row pick[k]" },
    { "loss", X_NOT_PICKED,
      "y is that of row pick[k], but x that of row k: both are of row pick[k]" },
    { "loss", Y_NOT_PICKED, "x is row pick[k], but y was taken at k: both are of row pick[k]" },
    { "loss", NO_BIAS_IN_ERROR, "b is missing in the prediction" },
    { "loss", TARGET_ADDED, "y was added: the error is the prediction minus y" },
    { "loss", LAST_INPUT,
      "the error is only the last w_i x_i: add them up, with b and -y (+=, not =)" },
    { "loss", LAST_LOSS, "only the last sample's square is left: add them up (+=)" },
    { "loss", ONE_AFTER_THE_OTHER,
      "w changes after every sample: all errors of a batch are taken with the old w and b" },
    { "loss", ONLY_W_AT_ONCE,
      "w changes inside of the loop over the samples: it steps once, after all of them" },
    { "loss", AFTER_THE_STEP, "that is the loss after the step: the one before it is asked for" },
    { "loss", ROOT, "the root was taken: the mean of the squares is asked for" },
    { "loss", ABSOLUTE, "that is the mean of |e|: square the errors" },
    { "w", RIGHT, "F5.1:  w_i = w_i - alpha 2/n sum_k e_k x_k[i]" },
    { "b", RIGHT, "F5.1:  b = b - alpha 2/n sum_k e_k" },
    BOTH(SUMMED, "the gradient was summed over the batch: the loss is a mean, so divide by n"),
    BOTH(HALF, "the 2 from the square is missing in the gradient"),
    BOTH(SIGN, "it steps uphill: alpha times the gradient is subtracted (F5.1)"),
    BOTH(NO_RATE, "alpha is missing: a step is alpha times the gradient"),
    BOTH(LAST_SAMPLE, "only the last sample's gradient is left: add them up (+=)"),
    { "w", ERROR_ALONE, "the input is missing: dw_i is the mean of 2 e_k x_k[i]" },
    { "w", NO_ERROR, "the error is missing: dw_i is the mean of 2 e_k x_k[i]" },
    BOTH(REPLACED, "the step stands in the weight's place: it is subtracted from it (-=)"),
    BOTH(NOT_CHANGED, "it is as before: did the step go into a copy?"),
    { "b", W_FIRST,
      "the errors for b were taken with the new w: finish the whole gradient, then step" },
    { 0 },
};

static task new_task(void)
{
    task t = { 0 };
    t.rows = kit_size("the number of all rows", kit_between(0, 1) ? 17 : 19);
    t.n = kit_size("n, the size of the batch", kit_between(0, 1) ? 7 : 11);
    t.I = kit_size("I, the number of inputs", kit_between(3, 4));
    t.X = kit_input("X", t.rows, t.I), t.y = kit_input("y", 1, t.rows);
    t.w = kit_input("w", 1, t.I), t.b = kit_uniform(0.5, 1), t.alpha = kit_uniform(0.05, 0.2);
    t.pick = kit_labels("pick", t.n, 1);
    for (int k = 0; k < t.n; k++) t.pick[k] = (5 * k + 3) % t.rows; /* each row at most once */
    return t;
}

static double step_of(const task *t, double *w, double *b)
{
    memcpy(w, t->w, (size_t)t->I * sizeof *w);
    *b = t->b;
    return linear_step(t->X, t->y, t->pick, t->n, t->I, t->alpha, w, b);
}

static void check_step(void)
{
    task t = new_task();
    double *w = kit_output("w", 1, t.I), *b = kit_output("b", 1, 1), loss = step_of(&t, w, b);
    kit_rung("loss", &loss, 1, 1, loss_formula, &t, KIT_TOLERANCE);
    kit_rung("w", w, 1, t.I, w_formula, &t, KIT_TOLERANCE);
    kit_rung("b", b, 1, 1, b_formula, &t, KIT_TOLERANCE);
}

static double reference_loss(const void *problem, uint64_t *winners)
{
    double loss;
    loss_formula(problem, RIGHT, &loss);
    kit_winner(winners, 0); /* smooth everywhere */
    return loss;
}

/* The step tells the gradient: (before - after) / alpha. */
static void check_numeric(void)
{
    task t = new_task();
    double *w = kit_output("w", 1, t.I), *b = kit_output("b", 1, 1);
    step_of(&t, w, b);
    for (int i = 0; i < t.I; i++) w[i] = (t.w[i] - w[i]) / t.alpha;
    *b = (t.b - *b) / t.alpha;
    kit_gradient("dL/dw", w, t.w, 1, t.I, reference_loss, &t);
    kit_gradient("dL/db", b, &t.b, 1, 1, reference_loss, &t);
}

/* ---- shuffle -------------------------------------------------------------------------------- */

static int smallest_k;

static int below(int k)
{
    if (k < smallest_k) smallest_k = k;
    return k < 1 ? 0 : kit_between(0, k - 1);
}

/* 1 if order holds each of 0 to n - 1 once. */
static int is_permutation(const int *order, int n)
{
    int seen[MOST_ROWS] = { 0 };
    for (int i = 0; i < n; i++) {
        if (order[i] < 0 || order[i] >= n || seen[order[i]]) return 0;
        seen[order[i]] = 1;
    }
    return 1;
}

static int *new_order(int n)
{
    int *order = kit_labels("order", n, 1);
    for (int i = 0; i < n; i++) order[i] = i;
    return order;
}

/* How often each of the 24 orders of four things comes, and how often each stays where it is. */
static void count_orders(int *order, int times, int counts[24], int stays[4])
{
    for (int k = 0; k < times; k++) {
        int rank = 0;
        for (int i = 0; i < 4; i++) order[i] = i;
        shuffle(order, 4, below);
        for (int i = 0; i < 4; i++) {
            int smaller = 0;
            for (int j = i + 1; j < 4; j++) smaller += order[j] < order[i];
            rank = rank * (4 - i) + smaller;
            stays[i] += order[i] == i;
        }
        counts[rank]++;
    }
}

static void check_shuffle(void)
{
    enum { TIMES = 24000 };
    int *order = new_order(13), *four = new_order(4), *one = new_order(1), counts[24] = { 0 };
    int stays[4] = { 0 }, rarest = 0, commonest = 0;
    smallest_k = 1;
    for (int i = 0; i < 3; i++) shuffle(order, 13, below);
    kit_true("below(k)", smallest_k >= 1,
             "below(%d) was called: there must be at least one number "
             "to draw from",
             smallest_k);
    kit_true("all there", is_permutation(order, 13),
             "after the shuffle an entry is lost and another one twice there: a swap needs a third "
             "variable, and both its indices must lie from 0 to n - 1");
    shuffle(one, 1, below);
    kit_true("n=1", one[0] == 0, "a single entry was changed");
    count_orders(four, TIMES, counts, stays);
    for (int i = 0; i < 4; i++)
        if (stays[i] == TIMES)
            kit_true("moves", 0, "entry %d never moves: all places take part", i);
    for (int i = 1; i < 24; i++) {
        if (counts[i] < counts[rarest]) rarest = i;
        if (counts[i] > counts[commonest]) commonest = i;
    }
    kit_true("may stay", stays[0] + stays[1] + stays[2] + stays[3] > 0,
             "no entry ever stays where it is: with below(i + 1), not below(i), an entry may be "
             "swapped with itself");
    kit_true(
        "fair", counts[rarest] > 800 && counts[commonest] < 1200,
        "of the 24 orders of four things one came %d times in 24000, another %d times; 1000 "
        "each is fair. Draw from the entries without a final place, below(i + 1), not from all",
        counts[rarest], counts[commonest]);
}

/* ---- epoch ---------------------------------------------------------------------------------- */

static struct {
    int mixes, mixed_rows, steps_before_mix, steps, used[MOST_ROWS], sizes[MOST_STEPS];
    int rows, sequence[MOST_STEPS * 4], taken;
    const int *order;
} seen;

static void mix(int *order, int n)
{
    seen.mixes++, seen.mixed_rows = n, seen.steps_before_mix = seen.steps;
    for (int i = n - 1; i > 0; i--) {
        int j = kit_between(0, i), kept = order[i];
        order[i] = order[j], order[j] = kept;
    }
}

/* A batch that reaches beyond the end of order counts with its size, but is not read there. */
static int readable(const int *pick, int n)
{
    const int *end = seen.order + seen.rows;
    return pick >= seen.order && pick <= end && n > end - pick ? (int)(end - pick) : n;
}

static void record_step(const int *pick, int n)
{
    if (seen.steps < MOST_STEPS) seen.sizes[seen.steps] = n;
    seen.steps++;
    n = readable(pick, n);
    for (int k = 0; k < n && n <= MOST_ROWS; k++) {
        if (pick[k] >= 0 && pick[k] < seen.rows) seen.used[pick[k]]++;
        if (seen.taken < MOST_STEPS * 4) seen.sequence[seen.taken++] = pick[k];
    }
}

static void watch_epoch(int *order, int rows, int batch)
{
    memset(&seen, 0, sizeof seen);
    seen.rows = rows, seen.order = order;
    epoch(order, rows, batch, mix, record_step);
}

/* Climbs five rungs; `name` is for the first. */
static void judge_epoch(const char *name, int rows, int batch)
{
    int *order = new_order(rows), steps = (rows + batch - 1) / batch, left = rows % batch;
    watch_epoch(order, rows, batch);
    int last = seen.steps > 0 && seen.steps < MOST_STEPS ? seen.sizes[seen.steps - 1] : 0;
    int total = 0, unused = 0, again = 0;
    for (int i = 0; i < rows; i++) unused += !seen.used[i], again += seen.used[i] > 1;
    for (int i = 0; i < seen.steps && i < MOST_STEPS; i++) total += seen.sizes[i];
    kit_true(name, seen.mixes == 1 && seen.mixed_rows == rows && !seen.steps_before_mix,
             seen.mixes > 1 ? "mix was called %d times in one epoch: once, before the first batch"
             : seen.mixes == 0
                 ? "mix was called %d times: without a shuffle every epoch has the same batches"
                 : "mix was called %d times, but not for all rows, or not before the first batch",
             seen.mixes);
    kit_true(
        "last batch", seen.steps != steps - 1 || !left || unused != left,
        "%d rows in batches of %d: the last %d were left out. The last batch holds what is left",
        rows, batch, left);
    kit_true("steps", seen.steps == steps, "%d rows in batches of %d make %d steps; yours are %d",
             rows, batch, steps, seen.steps);
    kit_true(
        "sizes",
        total == rows && last == (left           ? left
                                  : batch < rows ? batch
                                                 : rows),
        "the last of %d rows in batches of %d has %d; yours has %d, and the sum of your sizes is "
        "%d",
        rows, batch, left ? left : batch, last, total);
    kit_true("each once", !unused && !again,
             "in an epoch every row is used once; here %d were not used, and %d more than once: "
             "batch k begins at order + k * batch",
             unused, again);
}

static void check_epoch(void)
{
    int *order = new_order(13), first[13];
    judge_epoch("13 in 4", 13, 4);
    judge_epoch("12 in 4", 12, 4);
    judge_epoch("13 in 1", 13, 1);
    judge_epoch("13 in 13", 13, 13);
    judge_epoch("5 in 8", 5, 8);
    watch_epoch(order, 13, 4);
    memcpy(first, seen.sequence, sizeof first);
    watch_epoch(order, 13, 4);
    kit_true("differs", memcmp(first, seen.sequence, sizeof first) != 0,
             "two epochs had the same batches: take the rows from order, which mix has shuffled");
}

/* ---- all together --------------------------------------------------------------------------- */

enum { ROWS = 50, INPUTS = 3 };
static struct {
    double X[ROWS * INPUTS], y[ROWS], w[INPUTS], b, alpha, loss;
    int steps;
} data;

static void yours_mix(int *order, int n)
{
    shuffle(order, n, below);
}

static void yours_step(const int *pick, int n)
{
    data.loss += linear_step(data.X, data.y, pick, n, INPUTS, data.alpha, data.w, &data.b);
    data.steps++;
}

/* y = 2 x0 - x1 + 0.5 x2 - 1, with noise. */
static void make_data(double noise)
{
    for (int i = 0; i < ROWS * INPUTS; i++) data.X[i] = kit_uniform(-1, 1);
    for (int r = 0; r < ROWS; r++) {
        const double *x = data.X + r * INPUTS;
        data.y[r] = 2 * x[0] - x[1] + 0.5 * x[2] - 1 + noise * kit_normal();
    }
}

/* The mean loss of the batches of the last epoch. */
static double run_epochs(int epochs, int batch, double alpha)
{
    int order[ROWS];
    for (int i = 0; i < ROWS; i++) order[i] = i;
    memset(data.w, 0, sizeof data.w);
    data.b = 0, data.alpha = alpha;
    for (int e = 0; e < epochs; e++) {
        data.loss = 0, data.steps = 0;
        epoch(order, ROWS, batch, yours_mix, yours_step);
    }
    return data.steps ? data.loss / data.steps : 0;
}

static void check_train(void)
{
    static const double right[] = { 2, -1, 0.5 };
    double off;
    make_data(0);
    run_epochs(100, 8, 0.1);
    off = fabs(data.b + 1);
    for (int i = 0; i < INPUTS; i++) off = fmax(off, fabs(data.w[i] - right[i]));
    kit_true(
        "finds w, b", off < 1e-3,
        "the data was made with w = 2, -1, 0.5 and b = -1; your functions found w = %.4g, %.4g, "
        "%.4g and b = %.4g in 100 epochs. If the checks above pass, look at what they share",
        data.w[0], data.w[1], data.w[2], data.b);
}

const kit_check kit_checks[] = {
    { "step", 3, 1, check_step },       { "numeric", 1, 1, check_numeric },
    { "shuffle", 2, 2, check_shuffle }, { "epoch", 3, 3, check_epoch },
    { "train", 1, 3, check_train },     { 0 },
};

void kit_reward(void)
{
    static const int batches[] = { 1, 8, ROWS };
    make_data(0.1);
    printf("Your SGD on 50 rows with noise of 0.1 (a loss of 0.01 is all that can be had):\n");
    printf("  batch   steps   loss after 1, 5 and 30 epochs      w0, w1, w2, b found\n");
    for (int k = 0; k < 3; k++) {
        double one = run_epochs(1, batches[k], 0.05), five = run_epochs(5, batches[k], 0.05);
        double thirty = run_epochs(30, batches[k], 0.05);
        printf("  %5d   %5d   %.4f   %.4f   %.4f         %6.3f %6.3f %6.3f %6.3f\n", batches[k],
               30 * data.steps, one, five, thirty, data.w[0], data.w[1], data.w[2], data.b);
    }
    printf("  the data was made with                           2.000 -1.000  0.500 -1.000\n");
}
