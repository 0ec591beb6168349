/* Chapter 01: one neuron, and the half of the plane in which it says yes.

   Two numbers go in: hours slept and cups of coffee. One comes out: how sure the neuron is that
   somebody is awake. Nothing is learned here; the weights are chosen by hand. All data is made up.

     1. by hand    four people, every step printed
     2. kernels    the same four as one batch, by nn_dense_forward and nn_activation_forward
     3. people     40 made-up people, and how many of them the neuron judges rightly
     4. what if    other weights: the line moves, turns, or gets sharper
     5. a limit    AND and OR are easy for a neuron; XOR is impossible                          */

#define NN_IMPLEMENTATION
#include "../../nn.h"
#include "../../plots/plot.h"
#define PROGRAM_WORKED
#include "../program.h"

#include <math.h>

enum { I = 2, FOUR = 4, PEOPLE = 40, SIDE = 61 };

typedef struct neuron {
    const char *name;
    nn_real w[I], b;
} neuron;

static const neuron awake = { "w = (0.8, 0.5), b = -5", { (nn_real)0.8, (nn_real)0.5 }, -5 };

/* ---- the formula ---------------------------------------------------------------------------- */

static nn_real weighted_sum(const nn_real *x, const nn_real *w, nn_real b)
{
    nn_real z = b;
    for (int i = 0; i < I; i++)
        z += w[i] * x[i];                               /* F1.1: z = w1 x1 + w2 x2 + b          */
    return z;
}

static nn_real sigmoid(nn_real z)
{
    return 1 / (1 + (nn_real)exp(-(double)z));          /* F2.1: from any number to 0 .. 1      */
}

/* The same for B people at once, with nn.h: Z = X Wᵀ + b, A = g(Z). Here W has one row. */
static bool neuron_forward(nn_real *z, nn_real *a, const nn_real *x, const neuron *n, int B)
{
    nn_real *work = (nn_real *)malloc(nn_dense_work_size(B, I, 1) * sizeof *work);
    if (!work) return false;
    nn_dense_forward(z, x, n->w, &n->b, B, I, 1, work);         /* F1.1 */
    nn_activation_forward(NN_SIGMOID, 0, a, z, (size_t)B);      /* F2.1 */
    free(work);
    return true;
}

/* ---- by hand -------------------------------------------------------------------------------- */

static const nn_real four[FOUR][I] = { { 7, 1 }, { 4, 2 }, { 5, 2 }, { 8, 3 } };

static void print_by_hand(void)
{
    const neuron *n = &awake;
    printf("| x1 (hours) | x2 (cups) | w1 x1 | w2 x2 | b | z | e^-z | a | it says |\n");
    printf("|---|---|---|---|---|---|---|---|---|\n");
    for (int s = 0; s < FOUR; s++) {
        const nn_real *x = four[s];
        nn_real z = weighted_sum(x, n->w, n->b), a = sigmoid(z);
        if (fabs((double)z) < 1e-6) z = 0;              /* float: 0.8 is not exactly 0.8        */
        printf("| %g | %g | %.2g | %.2g | %g | %.2g | %.5f | %.4f | %s |\n", (double)x[0],
               (double)x[1],
               (double)(n->w[0] * x[0]), (double)(n->w[1] * x[1]), (double)n->b, (double)z,
               exp(-(double)z), (double)a, z > 0 ? "awake" : z < 0 ? "asleep" : "on the line");
    }
}

/* The kernels must agree with the loop above. */
static int print_kernels(void)
{
    nn_real z[FOUR], a[FOUR];
    double worst = 0;
    if (!neuron_forward(z, a, four[0], &awake, FOUR)) return 1;
    printf("\nby nn.h, X (4, 2), W (1, 2), Z (4, 1):   a =");
    for (int s = 0; s < FOUR; s++) {
        nn_real mine = sigmoid(weighted_sum(four[s], awake.w, awake.b));
        printf(" %.4f", (double)a[s]);
        worst = fmax(worst, fabs((double)(a[s] - mine)));
    }
    printf("\nlargest difference to the loop: %s\n", worst < 1e-6 ? "below 0.000001" : "TOO LARGE");
    return worst >= 1e-6;
}

/* Where z = 0: the line of school mathematics, and its end at the lower edge of the picture. */
static void print_line(void)
{
    double w1 = (double)awake.w[0], w2 = (double)awake.w[1], b = (double)awake.b;
    printf("\nthe line: x2 = -(w1/w2) x1 - b/w2 = %g x1 + %g; without coffee at x1 = %g hours\n",
           -w1 / w2, -b / w2, -b / w1);
}

/* ---- made-up people ------------------------------------------------------------------------- */

typedef struct people {
    nn_real x[PEOPLE][I];
    int awake[PEOPLE];                                  /* 1: was awake, 0: was not             */
} people;

/* Sleep counts 0.8 an hour and coffee 0.5 a cup, and the rest is life: a normal number. */
static void make_people(people *all, uint64_t seed)
{
    nn_random random = nn_random_seed(seed);
    for (int s = 0; s < PEOPLE; s++) {
        double hours = nn_random_uniform(&random, 2, 10), cups = nn_random_uniform(&random, 0, 5);
        all->x[s][0] = (nn_real)hours;
        all->x[s][1] = (nn_real)cups;
        all->awake[s] = 0.8 * hours + 0.5 * cups - 5 + nn_random_normal(&random, 0, 0.7) > 0;
    }
}

/* How many people lie on the side where they belong, or -1 without memory. */
static int count_right(const neuron *n, const people *all)
{
    nn_real z[PEOPLE], a[PEOPLE];
    int right = 0;
    if (!neuron_forward(z, a, all->x[0], n, PEOPLE)) return -1;
    for (int s = 0; s < PEOPLE; s++) right += (a[s] > (nn_real)0.5) == (all->awake[s] == 1);
    return right;
}

enum { CHANGES = 4 };
static const neuron change[CHANGES] = {
    { "w = (0.8, 0.5), b = -5", { (nn_real)0.8, (nn_real)0.5 }, -5 },
    { "b = -7", { (nn_real)0.8, (nn_real)0.5 }, -7 },
    { "everything times 4", { (nn_real)3.2, 2 }, -20 },
    { "w2 = 0", { (nn_real)0.8, 0 }, -5 } };

static void print_changes(const people *all)
{
    printf("\n| neuron | z of (7, 1) | a of (7, 1) | right, of %d people |\n|---|---|---|---|\n",
           PEOPLE);
    for (int k = 0; k < CHANGES; k++) {
        const neuron *n = &change[k];
        nn_real z = weighted_sum(four[0], n->w, n->b);
        printf("| %s | %.2g | %.4f | %d |\n", n->name, (double)z, (double)sigmoid(z),
               count_right(n, all));
    }
}

/* ---- a limit -------------------------------------------------------------------------------- */

/* Rows of a truth table that the neuron gets right, and how far its z stays away from 0. */
static int count_rows(const neuron *n, const int *label, double *margin)
{
    static const nn_real corner[4][I] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } };
    int right = 0;
    *margin = HUGE_VAL;
    for (int s = 0; s < 4; s++) {
        double z = (double)weighted_sum(corner[s], n->w, n->b);
        right += (z > 0) == (label[s] == 1);
        *margin = fmin(*margin, fabs(z));
    }
    return right;
}

/* The best of all neurons with weights and bias in -2, -1.5, ... 2; of equals the clearest. A finer
   or wider grid finds no better one for XOR; the page says why.                                */
static int best_neuron(const int *label, neuron *best)
{
    int most = -1;
    double margin, widest = 0;
    for (int k = 0; k < 9 * 9 * 9; k++) {
        neuron n = { "", { (nn_real)(k % 9 - 4) / 2, (nn_real)(k / 9 % 9 - 4) / 2 },
                     (nn_real)(k / 81 - 4) / 2 };
        int right = count_rows(&n, label, &margin);
        if (right < most || (right == most && margin <= widest)) continue;
        most = right;
        widest = margin;
        *best = n;
    }
    return most;
}

static void print_limit(void)
{
    static const int label[3][4] = { { 0, 0, 0, 1 }, { 0, 1, 1, 1 }, { 0, 1, 1, 0 } };
    static const char *const name[] = { "AND", "OR", "XOR" };
    printf("\n| (x1, x2) | (0, 0) | (0, 1) | (1, 0) | (1, 1) | best neuron of 729 | right |\n"
           "|---|---|---|---|---|---|---|\n");
    for (int k = 0; k < 3; k++) {
        neuron n = awake;
        int right = best_neuron(label[k], &n);
        printf("| %s | %d | %d | %d | %d | w = (%g, %g), b = %g | %d of 4 |\n", name[k],
               label[k][0], label[k][1], label[k][2], label[k][3], (double)n.w[0],
               (double)n.w[1], (double)n.b, right);
    }
}

/* ---- figures -------------------------------------------------------------------------------- */

static float plane[SIDE * SIDE][2];                     /* points of the plane                  */
static double sure[CHANGES][SIDE * SIDE];               /* a at each of them, for each neuron   */

static void fill_plane(void)
{
    plot_grid_points(plane[0], 2, 10, 0, 5, SIDE, SIDE);
    for (int k = 0; k < CHANGES; k++)
        for (int i = 0; i < SIDE * SIDE; i++) {
            const nn_real x[I] = { (nn_real)plane[i][0], (nn_real)plane[i][1] };
            sure[k][i] = (double)sigmoid(weighted_sum(x, change[k].w, change[k].b));
        }
}

/* What neuron k says of the plane, with the people on top. */
static plot_figure panel(int k, const float *xy, const people *all)
{
    static const char *const names[] = { "asleep", "awake" };
    return (plot_figure){ PLOT_BOUNDARY, .title = change[k].name, .grid = sure[k], .rows = SIDE,
        .cols = SIDE, .x_min = 2, .x_max = 10, .y_max = 5, .names = names, .classes = 2,
        .x_label = "x1: hours slept", .y_label = "x2: cups of coffee",
        .series = {{ "people", .xf = xy, .yf = xy + 1, .stride = 2, .n = PEOPLE,
                     .labels = all->awake }} };
}

static int draw(program *p, const people *all)
{
    static float xy[PEOPLE][I];                         /* plot.h takes float, also in double   */
    plot_figure four_panels[CHANGES], one;
    for (int s = 0; s < PEOPLE; s++)
        for (int i = 0; i < I; i++) xy[s][i] = (float)all->x[s][i];
    fill_plane();
    one = panel(0, xy[0], all);
    one.at = PLOT_HERE;
    one.path = program_figure(p, "half_plane");
    one.title = "A neuron cuts the plane in two: on the line it is 50 % sure";
    one.z_label = "a: how sure that awake";
    if (plot_draw(&one)) return 1;
    for (int k = 0; k < CHANGES; k++) four_panels[k] = panel(k, xy[0], all);
    return plot_panels(program_figure(p, "changes"),
                       "b moves the line, large w sharpen it, a weight of 0 ignores an input",
                       .panels = four_panels, .n = CHANGES, .columns = 2, .shared_legend = 1);
}

/* ---- the program ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    program p = program_start(argc, argv, "01_one_neuron", 1,
                              "One neuron: a weighted sum, a bias, a sigmoid; and the line at "
                              "which it changes its mind.");
    static people all;
    make_people(&all, p.seed);
    if (!p.worked) program_announce(&p, "one neuron on made-up people");
    print_by_hand();
    if (print_kernels()) return 1;
    print_line();
    print_changes(&all);
    print_limit();
    return p.worked ? 0 : draw(&p, &all);
}
