// 1957 the perceptron: a neuron finds a line by itself
// needs: 02_dot_bias
// broken: 02_dot_bias/no_bias 02_dot_bias/last_missing 02_dot_bias/relu
#include "milestone.h"
#include "exercises/02_dot_bias/exercise.h"

enum { N = 100, MOST_EPOCHS = 200, ROWS = 17, COLS = 33 };

typedef double neuron(const double *w, const double *x, double b, int n);

typedef struct perceptron {
    neuron *z;
    double w[2], b;
} perceptron;

static double reference(const double *w, const double *x, double b, int n)
{
    for (int i = 0; i < n; i++) b += w[i] * x[i];
    return b;
}

/* Points of 1/64, so that every sum is exact, on both sides of a line and not too near to it. */
static void new_points(double x[N][2], int target[N])
{
    for (int s = 0; s < N;) {
        for (int i = 0; i < 2; i++) x[s][i] = floor(milestone_uniform(-64, 65)) / 64;
        double side = 0.6 * x[s][0] - 0.8 * x[s][1] + 0.25;
        target[s] = side > 0;
        s += fabs(side) > 0.02;
    }
}

/* Rosenblatt's rule: a wrong answer moves the weights towards the point, or away from it. */
static int one_epoch(perceptron *p, double x[N][2], const int *target)
{
    int mistakes = 0;
    for (int s = 0; s < N; s++) {
        int error = target[s] - (p->z(p->w, x[s], p->b, 2) > 0);
        for (int i = 0; i < 2; i++) p->w[i] += error * x[s][i];
        p->b += error, mistakes += error != 0;
    }
    return mistakes;
}

/* Do both neurons say the same of all points? */
static int agree(const perceptron *p, const perceptron *q, double x[N][2])
{
    int same = 1;
    for (int s = 0; s < N; s++)
        same &= milestone_same(p->z(p->w, x[s], p->b, 2), q->z(q->w, x[s], q->b, 2));
    return same;
}

static void draw_row(const perceptron *p, double x[N][2], const int *target, int row)
{
    char line[COLS + 1] = "";
    for (int col = 0; col < COLS; col++) {
        double at[2] = { col * 2.0 / (COLS - 1) - 1, 1 - row * 2.0 / (ROWS - 1) };
        line[col] = p->z(p->w, at, p->b, 2) > 0 ? ':' : ' ';
    }
    for (int s = 0; s < N; s++)
        if ((int)((1 - x[s][1]) / 2 * (ROWS - 1) + 0.5) == row)
            line[(int)((x[s][0] + 1) / 2 * (COLS - 1) + 0.5)] = target[s] ? 'o' : 'x';
    printf("|%s|", line);
}

int main(void)
{
    static double x[N][2];
    static int target[N];
    perceptron yours = { dot_bias, { 0, 0 }, 0 }, other = { reference, { 0, 0 }, 0 };
    int a = 1, b = 1;
    new_points(x, target);
    printf(
        "1957. Frank Rosenblatt describes the perceptron in a report of the Cornell Aeronautical\n"
        "Laboratory: a neuron whose weights are not set by hand, but found from examples.\n\n"
        "%d points, weights 0.\nepoch   your mistakes   the reference's   your line\n",
        N);
    for (int epoch = 1; epoch <= MOST_EPOCHS && b > 0 && a == b; epoch++) {
        a = one_epoch(&yours, x, target), b = one_epoch(&other, x, target);
        printf("%5d %15d %17d   %g x %+g y %+g = 0\n", epoch, a, b, yours.w[0], yours.w[1],
               yours.b);
    }
    printf("\nYour neuron                           The reference's\n");
    for (int row = 0; row < ROWS; row++) {
        draw_row(&yours, x, target, row), printf("   "), draw_row(&other, x, target, row);
        printf("\n");
    }
    int same = a == b && agree(&yours, &other, x);
    if (!same) printf("\nYour neuron answers other than it should: ./learn run 02\n");
    else if (a == 0)
        printf(
            "\nAll %d points are on the right side. If there is such a line, this rule finds one\n"
            "after finitely many mistakes: that was proved a few years later.\n",
            N);
    return milestone_end(same && a == 0);
}
