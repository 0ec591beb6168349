/* Grader of 17_three_bugs. Each bug is looked for by itself, whatever else still stands. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 90, MOST_UNITS = 8, WEIGHTS = MOST_UNITS * (2 * MOST_UNITS + 2) };

/* Also bits: which of the three the grader's own program has. */
enum { BUG_1 = 1, BUG_2 = 2, BUG_3 = 4 };

enum {
    RIGHT,
    STANDS, /* the planted one */
    /* dz1 */
    NO_SLOPE,
    ONE_TANH,
    NO_SQUARE,
    SQUARE_OUTSIDE,
    SIGMOID_SLOPE,
    RELU_SLOPE,
    FROM_Z,
    SLOPE_TWICE,
    TRANSPOSED,
    MEAN_AGAIN,
    /* db, dW */
    LAST_SAMPLE,
    CLEARED,
    FIRST_ALONE,
    FIRST_TWICE,
    BYTES,
    ADDED,
    /* weights after an epoch, its loss */
    INPUTS_OF_FIRST,
    BATCH_NUMBER,
    LAST_DROPPED,
    ONE_STEP,
    LOSS_OF_FIRST,
    LAST_BATCH,
    BATCH_MEANS,
    /* what was right */
    NO_TANH,
    TANH_TWICE,
    NO_SOFTMAX,
    UNSHIFTED,
    SIGN,
    NO_MEAN,
    TIMES_SLOPE,
    UPHILL,
    NO_BIASES
};

/* Samples for one call. */
typedef struct problem {
    net t;
    const double *X;
    const int *label;
    int n;
} problem;

/* One layer's part of backward, with what its gradients held before. */
typedef struct product {
    const double *dz, *x, *held;
    int n, I, O;
} product;

static void linear(double *y, const double *x, const double *W, const double *b, int n, int I,
                   int O)
{
    for (int k = 0; k < n * O; k++) {
        y[k] = b[k % O];
        for (int i = 0; i < I; i++) y[k] += x[k / O * I + i] * W[k % O * I + i];
    }
}

static void a1_formula(const void *of, int mistake, double *a1)
{
    const problem *q = of;
    const net *t = &q->t;
    linear(a1, q->X, t->W1, t->b1, q->n, t->I, t->H);
    for (int k = 0; k < q->n * t->H && mistake != NO_TANH; k++) a1[k] = tanh(a1[k]);
    for (int k = 0; k < q->n * t->H && mistake == TANH_TWICE; k++) a1[k] = tanh(a1[k]);
}

static void p_formula(const void *of, int mistake, double *p)
{
    const problem *q = of;
    const net *t = &q->t;
    linear(p, t->a1, t->W2, t->b2, q->n, t->H, t->C);
    for (int s = 0; s < q->n && mistake != NO_SOFTMAX; s++) {
        double *row = p + s * t->C, sum = 0;
        for (int c = 0; c < t->C && mistake == UNSHIFTED; c++) row[c] += 1000;
        for (int c = 0; c < t->C; c++) sum += row[c] = exp(row[c]);
        for (int c = 0; c < t->C; c++) row[c] /= sum;
    }
}

static void dz2_formula(const void *of, int mistake, double *dz2)
{
    const problem *q = of;
    int C = q->t.C;
    for (int k = 0; k < q->n * C; k++) {
        double p = q->t.p[k], d = p - (q->label[k / C] == k % C);
        if (mistake == SIGN) d = -d;
        if (mistake == TIMES_SLOPE) d *= 1 - p * p;
        dz2[k] = mistake == NO_MEAN ? d : d / q->n;
    }
}

static double slope(double a, int mistake)
{
    switch (mistake) {
    case STANDS: return 1 - tanh(a) * tanh(a);
    case NO_SLOPE: return 1;
    case ONE_TANH: return 1 - a * tanh(a);
    case NO_SQUARE: return 1 - a;
    case SQUARE_OUTSIDE: return (1 - a) * (1 - a);
    case SIGMOID_SLOPE: return a * (1 - a);
    case RELU_SLOPE: return a > 0;
    case FROM_Z: return 1 - atanh(a) * atanh(a);
    case SLOPE_TWICE: return (1 - a * a) * (1 - a * a);
    default: return 1 - a * a;
    }
}

static void dz1_formula(const void *of, int mistake, double *dz1)
{
    const problem *q = of;
    int H = q->t.H, C = q->t.C;
    for (int k = 0; k < q->n * H; k++) {
        double da = 0;
        for (int c = 0; c < C; c++) {
            int w = mistake == TRANSPOSED ? k % H * C + c : c * H + k % H;
            da += q->t.dz2[k / H * C + c] * q->t.W2[w];
        }
        dz1[k] = da * slope(q->t.a1[k], mistake);
        if (mistake == MEAN_AGAIN) dz1[k] /= q->n;
    }
}

static void dW_formula(const void *of, int mistake, double *dW)
{
    const product *q = of;
    for (int k = 0; k < q->O * q->I; k++) {
        double sum = mistake == ADDED ? q->held[k] : 0;
        for (int s = mistake == LAST_SAMPLE ? q->n - 1 : 0; s < q->n; s++)
            sum += q->dz[s * q->O + k / q->I] * q->x[s * q->I + k % q->I];
        dW[k] = mistake == MEAN_AGAIN ? sum / q->n : sum;
    }
}

static void db_formula(const void *of, int mistake, double *db)
{
    const product *q = of;
    double from[MOST_UNITS] = { 0 };
    if (mistake == STANDS || mistake == FIRST_ALONE || mistake == BYTES)
        memcpy(from, q->held, (size_t)q->O * sizeof *from);
    if (mistake == FIRST_ALONE) from[0] = 0;
    if (mistake == BYTES) memset(from, 0, (size_t)q->O);
    for (int o = 0; o < q->O; o++) {
        double sum = mistake == FIRST_TWICE ? q->dz[o] : from[o];
        for (int s = mistake == LAST_SAMPLE ? q->n - 1 : 0; s < q->n; s++)
            sum += q->dz[s * q->O + o];
        db[o] = mistake == CLEARED ? 0 : mistake == MEAN_AGAIN ? sum / q->n : sum;
    }
}

/* ---- whole epochs --------------------------------------------------------------------------- */

/* The four tensors of a net in a row: its weights, or its gradients. */
static void gather(const net *t, int gradients, double *to)
{
    const double *from[4] = { t->W1, t->b1, t->W2, t->b2 };
    const double *d[4] = { t->dW1, t->db1, t->dW2, t->db2 };
    int n[4] = { t->H * t->I, t->H, t->C * t->H, t->C };
    for (int k = 0; k < 4; to += n[k++])
        memcpy(to, gradients ? d[k] : from[k], (size_t)n[k] * sizeof *to);
}

static int weight_count(const net *t)
{
    return t->H * t->I + t->H + t->C * t->H + t->C;
}

/* A net in arrays of the grader's, with the weights of another, and gradients of 0. */
typedef struct copy {
    net t;
    double w[WEIGHTS], dw[WEIGHTS], units[4][MOST_ROWS * MOST_UNITS];
} copy;

static net *new_copy(copy *c, const net *of)
{
    int W1 = of->H * of->I, b1 = W1 + of->H, W2 = b1 + of->C * of->H;
    double *w = c->w, *dw = c->dw;
    net t = { of->I,   of->H,   of->C,   w,           w + W1,      w + b1,      w + W2,     dw,
              dw + W1, dw + b1, dw + W2, c->units[0], c->units[1], c->units[2], c->units[3] };
    gather(of, 0, w);
    memset(dw, 0, sizeof c->dw);
    c->t = t;
    return &c->t;
}

/* What an epoch was given, its rows in the order in which the learner's left them. */
typedef struct trial {
    const net *start;
    const double *X;
    const int *label;
    int rows, batch, cleared; /* the learner clears the gradients outside of backward */
    double alpha;
} trial;

static double loss_of(const net *t, const int *label, int n)
{
    double loss = 0;
    for (int s = 0; s < n; s++) loss -= log(t->p[s * t->C + label[s]]);
    return loss;
}

/* The epoch with the learner's own forward, backward and step: only the way through the batches is
   the grader's. */
static double replay(const trial *q, int mistake, double *weights)
{
    static copy own;
    net *t = new_copy(&own, q->start);
    double loss = 0;
    for (int first = 0; first < q->rows; first += q->batch) {
        int n = q->rows - first < q->batch ? q->rows - first : q->batch;
        const double *X = q->X + first * t->I;
        const int *label = q->label + first;
        if (mistake == LAST_DROPPED && n < q->batch) break;
        forward(t, X, n);
        if (mistake == LAST_BATCH) loss = 0;
        double sum = loss_of(t, mistake == LOSS_OF_FIRST ? q->label : label, n);
        loss += mistake == BATCH_MEANS ? sum / n / ((q->rows - 1) / q->batch + 1) : sum / q->rows;
        if (q->cleared) memset(own.dw, 0, sizeof own.dw);
        if (mistake == STANDS || mistake == LOSS_OF_FIRST) label = q->label;
        if (mistake == BATCH_NUMBER) label = q->label + first / q->batch;
        backward(t, mistake == INPUTS_OF_FIRST ? q->X : X, label, n);
        if (mistake != ONE_STEP || first + n == q->rows) step(t, q->alpha);
    }
    gather(t, 0, weights);
    return loss;
}

static void weights_formula(const void *of, int mistake, double *weights)
{
    replay(of, mistake, weights);
}

static void loss_formula(const void *of, int mistake, double *loss)
{
    double weights[WEIGHTS];
    *loss = replay(of, mistake, weights);
}

/* The grader's own epoch, over rows that are shuffled already, with bugs or without. */
static double machine_epoch(net *t, const double *X, const int *label, int rows, int batch,
                            double alpha, int bugs)
{
    double loss = 0, held1[MOST_UNITS], held2[MOST_UNITS], weights[WEIGHTS], dw[WEIGHTS];
    for (int first = 0; first < rows; first += batch) {
        int n = rows - first < batch ? rows - first : batch, count = weight_count(t);
        problem q = { *t, X + first * t->I, bugs & BUG_3 ? label : label + first, n };
        product one = { t->dz1, q.X, held1, n, t->I, t->H };
        product two = { t->dz2, t->a1, held2, n, t->H, t->C };
        memcpy(held1, t->db1, (size_t)t->H * sizeof *held1);
        memcpy(held2, t->db2, (size_t)t->C * sizeof *held2);
        a1_formula(&q, RIGHT, t->a1), p_formula(&q, RIGHT, t->p);
        loss += loss_of(t, label + first, n) / rows;
        dz2_formula(&q, RIGHT, t->dz2), dz1_formula(&q, bugs & BUG_1 ? STANDS : RIGHT, t->dz1);
        dW_formula(&one, RIGHT, t->dW1), db_formula(&one, bugs & BUG_2 ? STANDS : RIGHT, t->db1);
        dW_formula(&two, RIGHT, t->dW2), db_formula(&two, bugs & BUG_2 ? STANDS : RIGHT, t->db2);
        gather(t, 0, weights), gather(t, 1, dw);
        for (int k = 0; k < count; k++) t->W1[k] = weights[k] - alpha * dw[k]; /* W1 is the first */
    }
    return loss;
}

static void step_formula(const void *of, int mistake, double *weights)
{
    const trial *q = of;
    const net *t = q->start;
    double dw[WEIGHTS];
    gather(t, 0, weights), gather(t, 1, dw);
    int W1 = t->H * t->I, b1 = W1 + t->H, W2 = b1 + t->C * t->H;
    for (int k = 0; k < weight_count(t); k++) {
        int bias = (k >= W1 && k < b1) || k >= W2;
        if (mistake == NO_BIASES && bias) continue;
        weights[k] -= (mistake == UPHILL ? -1 : 1) * q->alpha * dw[k];
    }
}

const kit_mistake kit_mistakes[] = {
    { "dz1", NO_SLOPE, "the slope of tanh is gone: it was there, only wrong" },
    { "dz1", ONE_TANH, "1 - a tanh(a): one of the two factors was mended, the other was not" },
    { "dz1", NO_SQUARE, "1 - a was taken for the slope: that of tanh has a square" },
    { "dz1", SQUARE_OUTSIDE, "(1 - a)² was taken for the slope: square a, not the difference" },
    { "dz1", SIGMOID_SLOPE, "a (1 - a) is the slope of a sigmoid: this network has tanh" },
    { "dz1", RELU_SLOPE, "1 or 0 is the slope of a ReLU: this network has tanh" },
    { "dz1", FROM_Z, "1 - z² was taken, z before the tanh: the slope is 1 - a²" },
    { "dz1", SLOPE_TWICE, "multiplied by the slope twice" },
    { "dz1", TRANSPOSED, "W2[c][h] is W2[c * H + h], as it stood there: that was no bug" },
    { "dz1", MEAN_AGAIN, "divided by n once more: the 1/n is in dz2, and that was no bug" },
    { "db", RIGHT, "F4.4:  db = sum over the samples of dz" },
    { "db", LAST_SAMPLE,
      "only the last sample is left: set db to 0 before the loop over the samples, not in it" },
    { "db", CLEARED, "db is 0: set it to 0 before the sum, not after it" },
    { "db", FIRST_ALONE, "only db[0] is set to 0: each entry of db starts there" },
    { "db", FIRST_TWICE, "the first sample is counted twice: start at 0, or the loop at 1" },
    { "db", BYTES, "memset counts bytes: O of them are not O numbers. O * sizeof *db" },
    { "db", MEAN_AGAIN, "divided by n once more: the 1/n is in dz already, and that was no bug" },
    { "weights", RIGHT, "F5.2: each step sees the rows first to first + n - 1, and their labels" },
    { "weights", INPUTS_OF_FIRST,
      "backward gets the right labels now, but the inputs of the first batch" },
    { "weights", BATCH_NUMBER,
      "label + first / batch is moved by one for each batch: the batch begins at sample `first`" },
    { "weights", LAST_DROPPED, "the last, smaller batch is left out: each row is used once" },
    { "weights", ONE_STEP, "one step an epoch: each batch has its own, and that was no bug" },
    { "a1", RIGHT, "F1.1, F2.3:  a1 = tanh(X W1ᵀ + b1)" },
    { "a1", NO_TANH, "forward has lost its tanh: it was right there" },
    { "a1", TANH_TWICE, "tanh is taken twice in forward: once was right" },
    { "p", RIGHT, "F2.5:  p = softmax of each row of a1 W2ᵀ + b2" },
    { "p", NO_SOFTMAX, "forward has lost its softmax: it was right there" },
    { "p(z=1000)", UNSHIFTED,
      "softmax no longer subtracts the largest logit, and exp overflows: it was right" },
    { "dz2", RIGHT, "F3.6:  dz2 = (p - y)/n" },
    { "dz2", SIGN, "the sign was turned: p - y was right" },
    { "dz2", NO_MEAN, "the 1/n was taken out: the loss is a mean, it was right" },
    { "dz2", TIMES_SLOPE,
      "multiplied by a slope: the last layer has softmax, and p - y has it all" },
    { "dW", RIGHT, "F4.4:  dW = dzᵀ x, x the input of the layer" },
    { "dW", ADDED, "dW is no longer set to 0: it was right, db was not" },
    { "dW", LAST_SAMPLE, "dW is set to 0 for each sample: once for the batch was right" },
    { "dW", MEAN_AGAIN, "divided by n once more: the 1/n is in dz already" },
    { "step", RIGHT, "F5.1:  w = w - alpha dw, for all four tensors" },
    { "step", UPHILL, "the step goes uphill: minus was right" },
    { "step", NO_BIASES, "the biases no longer step: their gradients have to be right instead" },
    { "loss", RIGHT, "the mean over all rows of -log p of its own label, before the step" },
    { "loss", LOSS_OF_FIRST,
      "now the loss takes the labels of the first batch, too: it had the right ones" },
    { "loss", LAST_BATCH, "only the last batch is counted: loss starts at 0 once an epoch" },
    { "loss", BATCH_MEANS, "the mean of the batches' means: the last batch is smaller" },
    { 0 },
};

/* ---- random nets ---------------------------------------------------------------------------- */

static double *random_numbers(const char *name, int rows, int cols)
{
    double *p = kit_output(name, rows, cols);
    for (int k = 0; k < rows * cols; k++)
        p[k] = kit_uniform(0.5, 1.5) * (kit_between(0, 1) ? 1 : -1);
    return p;
}

/* Sizes of which none is another; gradients that hold random numbers; room for n samples. */
static net new_net(int n)
{
    net t = { 0 };
    int I = t.I = kit_size("I, the number of inputs", kit_between(4, 5));
    int H = t.H = kit_size("H, the number of hidden units", kit_between(6, 7));
    int C = t.C = kit_size("C, the number of classes", 3);
    t.W1 = kit_input("W1", H, I), t.b1 = kit_input("b1", 1, H);
    t.W2 = kit_input("W2", C, H), t.b2 = kit_input("b2", 1, C);
    t.dW1 = random_numbers("dW1", H, I), t.db1 = random_numbers("db1", 1, H);
    t.dW2 = random_numbers("dW2", C, H), t.db2 = random_numbers("db2", 1, C);
    t.a1 = kit_output("a1", n, H), t.p = kit_output("p", n, C);
    t.dz1 = kit_output("dz1", n, H), t.dz2 = kit_output("dz2", n, C);
    return t;
}

static problem new_problem(void)
{
    int n = kit_size("n, the batch size", kit_between(0, 1) ? 11 : 13);
    problem q = { new_net(n), NULL, NULL, n };
    q.X = kit_input("X", n, q.t.I), q.label = kit_labels("label", n, q.t.C);
    for (int k = 0; k < q.t.H * q.t.I; k++) q.t.W1[k] *= 0.5; /* tanh is not at its end */
    return q;
}

/* The learner's backward, from right a1 and p. `held` gets what the gradients were before. */
static problem after_backward(double *held)
{
    problem q = new_problem();
    a1_formula(&q, RIGHT, q.t.a1), p_formula(&q, RIGHT, q.t.p);
    gather(&q.t, 1, held);
    backward(&q.t, q.X, q.label, q.n);
    return q;
}

static int same(const double *a, const double *b, int n)
{
    for (int k = 0; k < n; k++)
        if (!(fabs(a[k] - b[k]) <= 1e-12 * (1 + fabs(b[k])))) return 0;
    return 1;
}

/* ---- the bugs ------------------------------------------------------------------------------- */

static void check_bug1(void)
{
    double held[WEIGHTS], as_it_was[MOST_ROWS * MOST_UNITS];
    problem q = after_backward(held);
    dz1_formula(&q, STANDS, as_it_was);
    kit_true(
        "gone", !same(q.t.dz1, as_it_was, q.n * q.t.H),
        "bug 1 still stands. What can be seen of it: dW2 and db2 agree with differences of the "
        "loss (exercise 12), dW1 and db1 do not");
    kit_rung("dz1", q.t.dz1, q.n, q.t.H, dz1_formula, &q, KIT_TOLERANCE);
}

static product of_layer(const problem *q, int layer, const double *held)
{
    const net *t = &q->t;
    product one = { t->dz1, q->X, held, q->n, t->I, t->H };
    product two = { t->dz2, t->a1, held, q->n, t->H, t->C };
    return layer == 1 ? one : two;
}

static double below_state;

static int below(int k)
{
    below_state = fmod(below_state * 16807, 2147483647);
    return (int)(below_state / 2147483647 * k);
}

static void clear_gradients(net *t)
{
    memset(t->dW1, 0, (size_t)(t->H * t->I) * sizeof *t->dW1);
    memset(t->dW2, 0, (size_t)(t->C * t->H) * sizeof *t->dW2);
    memset(t->db1, 0, (size_t)t->H * sizeof *t->db1);
    memset(t->db2, 0, (size_t)t->C * sizeof *t->db2);
}

/* 1: step or epoch clears the gradients of the biases. With alpha = 0 the weights stay, and after
   two batches db2 is the sum over the second one's dz2, or 0: not the sum over both. */
static int cleared_elsewhere(void)
{
    enum { HALF = 9 };
    net t = new_net(HALF);
    double *X = kit_output("X", 2 * HALF, t.I), last[MOST_UNITS], none[MOST_UNITS] = { 0 };
    int *label = kit_labels("label", 2 * HALF, t.C);
    for (int k = 0; k < 2 * HALF * t.I; k++) X[k] = kit_uniform(-1, 1);
    clear_gradients(&t);
    below_state = kit_between(1, 1000000);
    epoch(&t, X, label, 2 * HALF, HALF, 0, below);
    product two = { t.dz2, NULL, NULL, HALF, 0, t.C };
    db_formula(&two, RIGHT, last);
    return same(t.db2, last, t.C) || same(t.db2, none, t.C);
}

static void check_bug2(void)
{
    double held[WEIGHTS], as_it_was[MOST_UNITS];
    problem q = after_backward(held);
    const net *t = &q.t;
    product one = of_layer(&q, 1, held + t->H * t->I);
    product two = of_layer(&q, 2, held + weight_count(t) - t->C);
    db_formula(&one, STANDS, as_it_was);
    int stands1 = same(t->db1, as_it_was, t->H);
    db_formula(&two, STANDS, as_it_was);
    int stands2 = same(t->db2, as_it_was, t->C);
    const char *says = "bug 2 still stands. What can be seen of it: the gradients of a first batch "
                       "are right, those of a second one are not all";
    if (stands1 != stands2) says = "bug 2 is mended in one layer: it stands in the other, too";
    else if (stands1 && cleared_elsewhere())
        says = "bug 2 is mended in the wrong place, outside of backward: exercise.h says that "
               "backward sets the gradients, whatever was there before, also where it is called "
               "alone";
    kit_true("gone", !stands1 && !stands2, says);
    kit_rung("db(2)", t->db2, 1, t->C, db_formula, &two, KIT_TOLERANCE);
    kit_rung("db(1)", t->db1, 1, t->H, db_formula, &one, KIT_TOLERANCE);
}

/* The learner's epoch of three batches, and what is needed to go the same way again. */
typedef struct lap {
    trial q;
    net t;
    double old_X[MOST_ROWS * MOST_UNITS], weights[WEIGHTS], loss;
    int moved;
} lap;

static copy start;

static const lap *run_lap(double alpha)
{
    static lap l;
    int rows = kit_size("the number of rows", 19), batch = 8, n;
    l.t = new_net(batch);
    n = rows * l.t.I;
    double *X = kit_output("X", rows, l.t.I);
    int *label = kit_labels("label", rows, l.t.C);
    for (int k = 0; k < n; k++) l.old_X[k] = X[k] = kit_uniform(-1.5, 1.5);
    clear_gradients(&l.t);
    trial q = { new_copy(&start, &l.t), X, label, rows, batch, 0, alpha };
    below_state = kit_between(1, 1000000);
    l.loss = epoch(&l.t, X, label, rows, batch, q.alpha, below);
    gather(&l.t, 0, l.weights);
    l.moved = !same(X, l.old_X, n);
    double again[WEIGHTS];
    replay(&q, RIGHT, again);
    q.cleared = !same(l.weights, again, weight_count(&l.t)) && cleared_elsewhere();
    l.q = q;
    return &l;
}

static void check_bug3(void)
{
    const lap *l = run_lap(0.3);
    double as_it_was[WEIGHTS];
    int n = weight_count(&l->t);
    replay(&l->q, STANDS, as_it_was);
    kit_true("gone", !same(l->weights, as_it_was, n),
             "bug 3 still stands. What can be seen of it: with all rows in one batch an epoch goes "
             "right; with several batches only its first step does");
    kit_true("order", l->moved, "the rows are in their old order: an epoch shuffles them first");
    kit_rung("weights", l->weights, 1, n, weights_formula, &l->q, KIT_TOLERANCE);
}

/* ---- what was right, and all together ------------------------------------------------------- */

static void climb_calls(void)
{
    double held[WEIGHTS], weights[WEIGHTS];
    problem q = new_problem();
    forward(&q.t, q.X, q.n);
    kit_rung("a1", q.t.a1, q.n, q.t.H, a1_formula, &q, KIT_TOLERANCE);
    kit_rung("p", q.t.p, q.n, q.t.C, p_formula, &q, KIT_TOLERANCE);
    for (int c = 0; c < q.t.C; c++) q.t.b2[c] += 1000; /* exp overflows */
    forward(&q.t, q.X, q.n);
    for (int c = 0; c < q.t.C; c++) q.t.b2[c] -= 1000;
    kit_rung("p(z=1000)", q.t.p, q.n, q.t.C, p_formula, &q, 1e-8); /* 1000 takes 3 digits of z */
    q = after_backward(held);
    net *t = &q.t;
    product one = of_layer(&q, 1, held), two = of_layer(&q, 2, held + t->H * t->I + t->H);
    kit_rung("dz2", t->dz2, q.n, t->C, dz2_formula, &q, KIT_TOLERANCE);
    kit_rung("dW(2)", t->dW2, t->C, t->H, dW_formula, &two, KIT_TOLERANCE);
    kit_rung("dW(1)", t->dW1, t->H, t->I, dW_formula, &one, KIT_TOLERANCE);
    copy before;
    trial s = { new_copy(&before, t), NULL, NULL, 0, 0, 0, 0.37 };
    gather(t, 1, before.dw);
    step(t, s.alpha);
    gather(t, 0, weights);
    kit_rung("step", weights, 1, weight_count(t), step_formula, &s, KIT_TOLERANCE);
}

/* The row of `old` that row k of X is, or -1. */
static int came_from(const double *X, const double *old, int k, int rows, int I)
{
    for (int r = 0; r < rows; r++)
        if (!memcmp(X + k * I, old + r * I, (size_t)I * sizeof *X)) return r;
    return -1;
}

static void climb_shuffle(void)
{
    enum { ROWS = 17, COLUMNS = 4 };
    double *X = kit_output("X", ROWS, COLUMNS), old[ROWS * COLUMNS];
    int *label = kit_labels("label", ROWS, 5), old_label[ROWS], seen[ROWS] = { 0 };
    int whole = 1, together = 1;
    for (int k = 0; k < ROWS * COLUMNS; k++) old[k] = X[k] = kit_uniform(-1, 1);
    memcpy(old_label, label, sizeof old_label);
    below_state = kit_between(1, 1000000);
    shuffle(X, label, ROWS, COLUMNS, below);
    for (int k = 0; k < ROWS; k++) {
        int from = came_from(X, old, k, ROWS, COLUMNS);
        whole &= from >= 0 && !seen[from]++;
        together &= from >= 0 && label[k] == old_label[from];
    }
    kit_true("rows", whole, "shuffle tears rows apart, or loses some: it was right");
    kit_true("labels", together, "in shuffle a label no longer goes with its row: it did");
}

/* The six orders of three rows: each should come 5000 times, with a deviation of 65. */
static void climb_orders(void)
{
    enum { ORDERS = 6, TIMES = 30000 };
    int counts[ORDERS] = { 0 }, label[3] = { 0 }, least = TIMES, most = 0;
    for (int k = 0; k < TIMES; k++) {
        double X[3] = { 0, 1, 2 };
        shuffle(X, label, 3, 1, below);
        counts[(X[0] > 1.5 ? 4 : X[0] > 0.5 ? 2 : 0) + (X[1] > X[2])]++;
    }
    for (int k = 0; k < ORDERS; k++) {
        least = counts[k] < least ? counts[k] : least;
        most = counts[k] > most ? counts[k] : most;
    }
    kit_true("fair", least > 4650 && most < 5350,
             "shuffle no longer gives each order equally often (of %d times, one came %d times and "
             "one %d): it did",
             TIMES, least, most);
}

static void check_intact(void)
{
    climb_calls();
    climb_shuffle();
    climb_orders();
    const lap *l = run_lap(0); /* the weights stay: what backward does is not asked here */
    kit_rung("loss", &l->loss, 1, 1, loss_formula, &l->q, KIT_TOLERANCE);
}

/* Three classes in the plane, each a third of a turn. */
static void new_sectors(double *X, int *label, int rows)
{
    for (int k = 0; k < rows; k++) {
        double at = kit_uniform(0, 6.283185307179586), far = kit_uniform(0.3, 1);
        X[2 * k] = far * cos(at), X[2 * k + 1] = far * sin(at);
        label[k] = (int)(at / 6.283185307179586 * 2.999999);
    }
}

/* A small network, with room for `batch` samples. */
static net *new_learner(copy *c, int hidden)
{
    static double w[WEIGHTS];
    net t = { 2,    hidden, 3,    w,   w + 2 * hidden, w + 3 * hidden, w + 6 * hidden, w, w, w, w,
              NULL, NULL,   NULL, NULL };
    for (int k = 0; k < weight_count(&t); k++) w[k] = kit_normal();
    return new_copy(c, &t);
}

static void check_train(void)
{
    enum { ROWS = 31, BATCH = 7, EPOCHS = 6 };
    static copy yours, reference;
    double X[ROWS * 2], a[EPOCHS], b[EPOCHS];
    int label[ROWS];
    new_sectors(X, label, ROWS);
    net *t = new_learner(&yours, 5), *r = new_copy(&reference, t);
    below_state = kit_between(1, 1000000);
    for (int e = 0; e < EPOCHS; e++) {
        a[e] = epoch(t, X, label, ROWS, BATCH, 0.4, below);
        b[e] = machine_epoch(r, X, label, ROWS, BATCH, 0.4, 0);
    }
    kit_same("losses", a, b, EPOCHS, 1e-9,
             "all of it together does not yet learn as a program without a bug does. If something "
             "is wrong above, mend that first");
}

const kit_check kit_checks[] = {
    { "bug1", 3, 1, check_bug1 },     { "bug2", 3, 1, check_bug2 },   { "bug3", 3, 1, check_bug3 },
    { "intact", 1, 1, check_intact }, { "train", 1, 1, check_train }, { 0 },
};

/* ---- reward: what each bug did --------------------------------------------------------------- */

static double accuracy(net *t, const double *X, const int *label, int rows)
{
    int right = 0;
    problem q = { *t, X, label, rows };
    a1_formula(&q, RIGHT, t->a1), p_formula(&q, RIGHT, t->p);
    for (int s = 0; s < rows; s++) {
        const double *p = t->p + s * t->C;
        right += label[s] == (p[1] > p[0] ? (p[2] > p[1] ? 2 : 1) : (p[2] > p[0] ? 2 : 0));
    }
    return (double)right / rows;
}

void kit_reward(void)
{
    enum { ROWS = 90, EPOCHS = 40 };
    static const char *const names[] = { "all three bugs", "bug 1 alone", "bug 2 alone",
                                         "bug 3 alone",    "no bug",      "yours" };
    static const int bugs[] = { BUG_1 | BUG_2 | BUG_3, BUG_1, BUG_2, BUG_3, 0, 0 };
    static copy first, c;
    double given[ROWS * 2];
    int given_label[ROWS];
    new_sectors(given, given_label, ROWS);
    const net *begin = new_learner(&first, MOST_UNITS);
    printf("90 points in three thirds of a disk, 40 epochs. The loss after\n"
           "                   1       10       20       40   right\n");
    for (int k = 0; k < 6; k++) {
        double X[ROWS * 2];
        int label[ROWS];
        memcpy(X, given, sizeof X), memcpy(label, given_label, sizeof label);
        net *t = new_copy(&c, begin);
        below_state = 12345;
        printf("  %-14s", names[k]);
        for (int e = 1; e <= EPOCHS; e++) {
            if (k < 5) shuffle(X, label, ROWS, 2, below);
            double loss = k == 5 ? epoch(t, X, label, ROWS, 16, 0.5, below)
                                 : machine_epoch(t, X, label, ROWS, 16, 0.5, bugs[k]);
            if (e == 1 || e == 10 || e == 20 || e == 40) printf(" %8.4f", loss);
        }
        printf("   %3.0f %%\n", 100 * accuracy(t, X, label, ROWS));
    }
}
