/* Grader of 08_mse. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>

typedef struct batch {
    double *y, *t, *dy;
    int n, K;
} batch;

enum {
    RIGHT,
    SUMMED,
    OVER_N,
    OVER_K,
    HALF,
    ROOT,
    ABSOLUTE,
    NOT_SQUARED,
    CUBED,
    LAST_ALONE,
    FIRST_SAMPLE,
    SIGN,
    ADDED,
    SQUARE_OF_SUM,
    Y_ALONE,
    DIFFERENCE_OF_SQUARES,
    RELATIVE,
    DIVIDED_TWICE,
    NO_2,
    NO_2_OVER_N,
    SIGN_ONLY,
    SQUARE,
    TWICE_2,
    TIMES_Y,
    EACH_MEAN,
    TARGET_NOT_DIVIDED,
    ONLY_T_DIVIDED,
    TIMES_K,
    ALL_0,
    TWO_SQUARES,
    WHOLE_NUMBERS,
    FIRST_N
};

static double term(int mistake, double y, double t)
{
    double d = y - t;
    switch (mistake) {
    case ABSOLUTE: return fabs(d);
    case NOT_SQUARED: return d;
    case CUBED: return d * d * d;
    case ADDED: return (y + t) * (y + t);
    case Y_ALONE: return y * y;
    case DIFFERENCE_OF_SQUARES: return y * y - t * t;
    case RELATIVE: return d * d / (t * t);
    default: return d * d;
    }
}

static void loss_formula(const void *problem, int mistake, double *loss)
{
    const batch *b = problem;
    int N = mistake == FIRST_SAMPLE ? b->K : mistake == FIRST_N ? b->n : b->n * b->K, whole = 0;
    double sum = 0, difference = 0;
    for (int i = 0; i < N; i++) {
        double now = term(mistake, b->y[i], b->t[i]);
        sum = mistake == LAST_ALONE ? now : sum + now;
        whole = (int)(whole + now);
        difference += b->y[i] - b->t[i];
    }
    double mean = sum / (b->n * b->K);
    *loss = mean;
    if (mistake == SUMMED) *loss = sum;
    if (mistake == OVER_N) *loss = sum / b->n;
    if (mistake == OVER_K) *loss = sum / b->K;
    if (mistake == FIRST_N) *loss = sum / b->n;
    if (mistake == TIMES_K) *loss = sum / b->n * b->K;
    if (mistake == ALL_0) *loss = 0;
    if (mistake == WHOLE_NUMBERS) *loss = (double)whole / (b->n * b->K);
    if (mistake == HALF) *loss = mean / 2;
    if (mistake == ROOT) *loss = sqrt(mean);
    if (mistake == SIGN) *loss = -mean;
    if (mistake == SQUARE_OF_SUM) *loss = difference * difference / (b->n * b->K);
    if (mistake == DIVIDED_TWICE) *loss = mean / (b->n * b->K);
}

static void dy_formula(const void *problem, int mistake, double *dy)
{
    const batch *b = problem;
    int N = b->n * b->K;
    double mean = 0;
    for (int i = 0; i < N; i++) mean += 2 * (b->y[i] - b->t[i]) / N / N;
    for (int i = 0; i < N; i++) {
        double d = b->y[i] - b->t[i], right = 2 * d / N;
        switch (mistake) {
        case SUMMED: dy[i] = 2 * d; break;
        case OVER_N: dy[i] = 2 * d / b->n; break;
        case OVER_K: dy[i] = 2 * d / b->K; break;
        case NO_2: dy[i] = d / N; break;
        case NO_2_OVER_N: dy[i] = d / b->n; break;
        case Y_ALONE: dy[i] = 2 * b->y[i] / N; break;
        case NOT_SQUARED: dy[i] = d; break;
        case SIGN: dy[i] = -right; break;
        case ADDED: dy[i] = 2 * (b->y[i] + b->t[i]) / N; break;
        case SIGN_ONLY: dy[i] = (d > 0 ? 1.0 : -1.0) / N; break;
        case SQUARE: dy[i] = d * d / N; break;
        case ABSOLUTE: dy[i] = fabs(right); break;
        case TWICE_2: dy[i] = 2 * right; break;
        case TIMES_Y: dy[i] = right * b->y[i]; break;
        case EACH_MEAN: dy[i] = mean; break;
        case TARGET_NOT_DIVIDED: dy[i] = 2 * b->y[i] / N - b->t[i]; break;
        case ONLY_T_DIVIDED: dy[i] = 2 * b->y[i] - b->t[i] / N; break;
        case TIMES_K: dy[i] = 2 * d / b->n * b->K; break;
        case ALL_0: dy[i] = 0; break;
        case TWO_SQUARES: dy[i] = 2 * d * d / N; break;
        default: dy[i] = right;
        }
    }
}

const kit_mistake kit_mistakes[] = {
    { "loss", RIGHT, "F3.1:  L = 1/(n K) sum (y - t)^2" },
    { "loss", SUMMED, "the squares were summed: the loss is their mean, so divide by n K" },
    { "loss", OVER_N, "divided by n alone: the mean goes over the K outputs, too" },
    { "loss", OVER_K, "divided by K alone: the mean goes over the n samples, too" },
    { "loss", HALF, "there is a 1/2 in front: some books have it, this page does not" },
    { "loss", ROOT, "that is the root of it (RMSE): the mean of the squares itself is asked for" },
    { "loss", ABSOLUTE, "absolute values in place of squares: that is the mean absolute error" },
    { "loss", NOT_SQUARED, "y - t is not squared: errors up and down cancel" },
    { "loss", CUBED, "the third power: it is (y - t)^2" },
    { "loss", LAST_ALONE, "only the last square is left: add each one to the sum (+=, not =)" },
    { "loss", FIRST_SAMPLE, "only the first sample's squares were summed: there are n * K" },
    { "loss", SIGN, "the sign is flipped: a loss is positive here" },
    { "loss", ADDED, "(y + t)^2: it is the square of y - t" },
    { "loss", SQUARE_OF_SUM, "the differences were summed before squaring: square each one" },
    { "loss", Y_ALONE, "t was not subtracted: (y - t)^2" },
    { "loss", DIFFERENCE_OF_SQUARES, "y^2 - t^2 is not (y - t)^2: subtract first, then square" },
    { "loss", RELATIVE, "divided by t^2: the errors count as they are" },
    { "loss", DIVIDED_TWICE, "divided by n K twice, such as inside of the loop and after it" },
    { "loss", TIMES_K, "/ n * K multiplies by K: write / (n * K)" },
    { "loss", WHOLE_NUMBERS,
      "the sum is kept in an int, which cuts off the fraction: use a double" },
    { "loss", FIRST_N, "only the first n numbers were summed: there are n * K" },
    { "loss", ALL_0,
      "the loss is 0, whatever y: in C 1 / (n * K) is 0, since both are whole numbers" },
    { "dy", RIGHT, "F3.1:  dL/dy = 2 (y - t) / (n K)" },
    { "dy", NO_2, "the 2 is missing: the derivative of d^2 is 2 d" },
    { "dy", TIMES_K, "/ n * K multiplies by K: write / (n * K)" },
    { "dy", ALL_0,
      "all is 0: in C 2 / (n * K) is 0, since both are whole numbers. Divide at the end, or 2.0" },
    { "dy", SUMMED, "the 1/(n K) is missing: the loss is a mean" },
    { "dy", OVER_N, "divided by n alone: the loss has 1/(n K)" },
    { "dy", OVER_K, "divided by K alone: the loss has 1/(n K)" },
    { "dy", NO_2_OVER_N, "divided by n alone, and the 2 is missing: 2 (y - t) / (n K)" },
    { "dy", NOT_SQUARED, "that is y - t alone: 2 (y - t) / (n K)" },
    { "dy", SIGN, "the sign is flipped: y - t, not t - y. The minus belongs into the step" },
    { "dy", ADDED, "y + t: it is y - t" },
    { "dy", Y_ALONE, "t was not subtracted: 2 (y - t) / (n K)" },
    { "dy", SIGN_ONLY, "only the sign of y - t is left: that belongs to the absolute error" },
    { "dy", SQUARE, "that is the square, not its derivative: 2 (y - t)" },
    { "dy", TWO_SQUARES, "y - t is still squared: the derivative of d^2 is 2 d" },
    { "dy", ABSOLUTE, "the sign of y - t is lost: a y that is too small must have dy below 0" },
    { "dy", TWICE_2, "the 2 is there twice" },
    { "dy", TIMES_Y, "multiplied by y: the derivative of y - t by y is 1" },
    { "dy", EACH_MEAN, "every entry has the mean of all: each y has a gradient of its own" },
    { "dy", TARGET_NOT_DIVIDED, "brackets: 2 and 1/(n K) belong to t as well, 2 (y - t) / (n K)" },
    { "dy", ONLY_T_DIVIDED, "only t was divided by n K: brackets, 2 (y - t) / (n K)" },
    { 0 },
};

static batch new_batch(void)
{
    batch b = { NULL, NULL, NULL, kit_between(0, 1) ? 7 : 11, kit_between(0, 1) ? 3 : 5 };
    kit_size("n, the number of samples", b.n);
    kit_size("K, the number of outputs", b.K);
    kit_size("n K, the number of entries", b.n * b.K);
    b.y = kit_input("y", b.n, b.K), b.t = kit_input("t", b.n, b.K);
    b.dy = kit_output("dy", b.n, b.K);
    return b;
}

static void check_forward(void)
{
    batch b = new_batch();
    double loss = mse_forward(b.y, b.t, b.n, b.K);
    kit_rung("loss", &loss, 1, 1, loss_formula, &b, KIT_TOLERANCE);
    b.n = 1;
    loss = mse_forward(b.y, b.t, 1, b.K);
    kit_rung("loss(n=1)", &loss, 1, 1, loss_formula, &b, KIT_TOLERANCE);
}

static int near(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fabs(b); /* false for NaN; rounding is for `forward` */
}

static void check_laws(void)
{
    batch b = new_batch();
    int N = b.n * b.K;
    double twice_y[2 * 55], twice_t[2 * 55], loss = mse_forward(b.y, b.t, b.n, b.K);
    for (int i = 0; i < 2 * N; i++) twice_y[i] = b.y[i % N], twice_t[i] = b.t[i % N];
    kit_true("y=t", mse_forward(b.y, b.y, b.n, b.K) == 0, "where y = t, the loss must be 0");
    kit_true("above 0", loss > 0, "where y is not t, the loss must be above 0; yours is %.6g",
             loss);
    double swapped = mse_forward(b.t, b.y, b.n, b.K);
    kit_true("swapped", near(swapped, loss),
             "y and t exchanged must give the same loss; yours gives %.6g and %.6g", loss, swapped);
    double doubled = mse_forward(twice_y, twice_t, 2 * b.n, b.K);
    kit_true("doubled", near(doubled, loss),
             "every sample twice must give the same mean; yours gives %.6g and %.6g", loss,
             doubled);
    for (int i = 0; i < N; i++) b.y[i] += b.y[i] - b.t[i];
    double far = mse_forward(b.y, b.t, b.n, b.K);
    kit_true("distance", near(far, 4 * loss),
             "twice the distance must give four times the loss; yours gives %.6g and %.6g", loss,
             far);
}

static void check_backward(void)
{
    batch b = new_batch();
    mse_backward(b.y, b.t, b.n, b.K, b.dy);
    kit_rung("dy", b.dy, b.n, b.K, dy_formula, &b, KIT_TOLERANCE);
}

static double reference_loss(const void *problem, uint64_t *winners)
{
    double loss;
    loss_formula(problem, RIGHT, &loss);
    kit_winner(winners, 0); /* smooth everywhere */
    return loss;
}

static void check_numeric(void)
{
    batch b = new_batch();
    mse_backward(b.y, b.t, b.n, b.K, b.dy);
    kit_gradient("dL/dy", b.dy, b.y, b.n, b.K, reference_loss, &b);
}

const kit_check kit_checks[] = {
    { "forward", 2, 1, check_forward },
    { "laws", 1, 1, check_laws },
    { "backward", 3, 2, check_backward },
    { "numeric", 1, 2, check_numeric },
    { 0 },
};

/* A line y = w x + b, fitted by the learner's gradient and by the reference's. */
void kit_reward(void)
{
    enum { N = 12 };
    double x[N], t[N], w[2] = { 0, 0 }, b[2] = { 0, 0 }, loss[2];
    double slope = kit_uniform(0.5, 2), offset = kit_uniform(-1, 1);
    for (int i = 0; i < N; i++) {
        x[i] = kit_uniform(-1, 1);
        t[i] = slope * x[i] + offset + 0.1 * kit_normal();
    }
    printf("%d points near the line %.3f x %+.3f, fitted by descent on the mean squared error:\n",
           N, slope, offset);
    printf("  step     yours    w        b         reference\n");
    for (int step = 0; step <= 200; step++) {
        double w_now = w[0], b_now = b[0];
        for (int who = 0; who < 2; who++) {
            double y[N], dy[N], dw = 0, db = 0;
            for (int i = 0; i < N; i++) y[i] = w[who] * x[i] + b[who];
            batch p = { y, t, dy, N, 1 };
            if (who) loss_formula(&p, RIGHT, &loss[1]), dy_formula(&p, RIGHT, dy);
            else loss[0] = mse_forward(y, t, N, 1), mse_backward(y, t, N, 1, dy);
            if (who == 1 && (step == 0 || step == 10 || step == 50 || step == 200))
                printf("  %4d  %.6f  %+.4f  %+.4f   %.6f\n", step, loss[0], w_now, b_now, loss[1]);
            for (int i = 0; i < N; i++) dw += dy[i] * x[i], db += dy[i];
            w[who] -= 0.2 * dw, b[who] -= 0.2 * db;
        }
    }
}
