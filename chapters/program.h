/* program.h - what the chapters' programs share: the command line, the first line, the digits, and
   where figures go. Include it after nn.h. A program begins like this:

       program p = program_start(argc, argv, "06_first_network", 42, "what --help says");
       ...                                                 load the data
       program_announce(&p, "two networks on Iris");       the first line

   A program that prints the worked numbers of its page says #define PROGRAM_WORKED before it
   includes this file, and looks at p.worked. One that can draw its loss while it trains says
   #define PROGRAM_LIVE after plot.h, and gives nn_fit .on_epoch = program_live, .user = &p and
   .quiet = p.live.

   Programs run from the project's root, where datasets/ and plots/ are. They return 0, or 1 after
   a sentence on stderr that says what went wrong; a wrong command line ends with 2.              */

#ifndef PROGRAM_H
#define PROGRAM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct program {
    const char *chapter;        /* such as "06_first_network"                                   */
    bool quick;                 /* seconds instead of minutes: fewer epochs, fewer samples      */
    bool worked;                /* print the page's worked numbers and nothing else             */
    bool live;                  /* draw the loss in the terminal while training                 */
    int live_lines;             /* how many lines of the terminal the last drawing took         */
    uint64_t seed;              /* of weights, shuffling and made-up data                       */
    char out[700];              /* the folder for figures                                       */
    char path[800];             /* room for program_figure                                      */
} program;

/* ---- the command line ----------------------------------------------------------------------- */

#ifdef PROGRAM_WORKED
enum { PROGRAM_HAS_WORKED = 1 };
#else
enum { PROGRAM_HAS_WORKED = 0 };
#endif
#ifdef PROGRAM_LIVE
enum { PROGRAM_HAS_LIVE = 1 };
#else
enum { PROGRAM_HAS_LIVE = 0 };
#endif

static inline void program_help(const program *p, const char *name, const char *about)
{
    printf("%s\n\n"
           "usage: %s [--quick]%s%s [--seed N] [--out DIR] [--help]\n"
           "  --quick     a small run of seconds; its numbers mean little\n"
           "%s%s"
           "  --seed N    of weights, shuffling and made-up data (default %llu)\n"
           "  --out DIR   where figures go (default plots/figures/%s;\n"
           "              with --quick build/figures/%s, so that good figures stay)\n"
           "  --help      this text\n"
           "In the environment: NN_PLOT=svg, png, window, text or none; NN_CPU=scalar\n",
           about, name, PROGRAM_HAS_WORKED ? " [--worked]" : "",
           PROGRAM_HAS_LIVE ? " [--live]" : "", PROGRAM_HAS_WORKED ?
           "  --worked    only the numbers that the page works out by hand\n" : "",
           PROGRAM_HAS_LIVE ? "  --live      draw the loss in the terminal while training\n" : "",
           (unsigned long long)p->seed, p->chapter, p->chapter);
}

/* One sentence about a wrong command line, then the end. */
static inline void program_usage(const char *name, const char *what, const char *word)
{
    fprintf(stderr, "%s: %s '%s'; try --help\n", name, what, word);
    exit(2);
}

static inline uint64_t program_number(const char *name, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)     /* strtoull would take " -1" */
        program_usage(name, "--seed needs a whole number from 0 on, not", text);
    return n;
}

/* Reads the command line. It ends the program for --help (0) and for what it does not know (2). */
static inline program program_start(int argc, char **argv, const char *chapter, uint64_t seed,
                                    const char *about)
{
    program p = { chapter, false, false, false, 0, seed, "", "" };
    const char *name = argc > 0 ? argv[0] : chapter, *out = NULL;
    for (int i = 1; i < argc; i++) {
        bool seeds = !strcmp(argv[i], "--seed"), outs = !strcmp(argv[i], "--out");
        if ((seeds || outs) && i + 1 == argc) program_usage(name, "nothing follows", argv[i]);
        if (seeds) p.seed = program_number(name, argv[++i]);
        else if (outs) out = argv[++i];
        else if (!strcmp(argv[i], "--quick")) p.quick = true;
        else if (PROGRAM_HAS_LIVE && !strcmp(argv[i], "--live")) p.live = true;
        else if (PROGRAM_HAS_WORKED && !strcmp(argv[i], "--worked")) p.worked = true;
        else if (!strcmp(argv[i], "--help")) { program_help(&p, name, about); exit(0); }
        else program_usage(name, "unknown option", argv[i]);
    }
#ifdef PROGRAM_LIVE
    p.live = p.live && PLOT__TERMINAL(stdout);      /* elsewhere, nn_fit's lines are better     */
#endif
    if (out && (!*out || strlen(out) >= sizeof p.out))
        program_usage(name, "--out needs the name of a folder, not", out);
    if (out) strcpy(p.out, out);
    else snprintf(p.out, sizeof p.out, "%s/figures/%s", p.quick ? "build" : "plots", chapter);
    return p;
}

/* The first line: what is trained on what, the seed, the CPU path. */
static inline void program_announce(const program *p, const char *what)
{
    printf("%s: %s; seed %llu; CPU path %s%s\n", p->chapter, what, (unsigned long long)p->seed,
           nn_cpu_name(), p->quick ? "; quick" : "");
}

/* ---- errors --------------------------------------------------------------------------------- */

/* What a failed call on data has to say. (Calls on a model print their sentence themselves.) It
   returns 1, so that main can say: if (nn_split(...)) return program_failed(&p);               */
static inline int program_failed(const program *p)
{
    fprintf(stderr, "%s: %s\n", p->chapter, nn_last_error());
    return 1;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* "curves" becomes "plots/figures/06_first_network/curves", until the next call. */
static inline const char *program_figure(program *p, const char *name)
{
    snprintf(p->path, sizeof p->path, "%s/%.60s", p->out, name);
    return p->path;
}

/* Figures take floats, and nn_real may be double: copies n numbers, and returns where to. */
static inline const float *program_floats(float *to, const nn_real *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (float)from[i];
    return to;
}

#ifdef PROGRAM_LIVE
/* For nn_fit's .on_epoch: with --live, the losses so far, each drawing over the last one. */
static inline int program_live(nn_model *m, void *user)
{
    static double loss[10000], validation[10000];
    program *p = (program *)user;
    const nn_history *h = &m->history;
    int n = h->epochs < 10000 ? h->epochs : 10000;
    if (!p->live || n < 2) return 0;
    for (int i = 0; i < n; i++) {
        loss[i] = h->epoch[i].loss;
        validation[i] = h->epoch[i].val_loss;
    }
    plot_figure fig = { .kind = PLOT_LINES, .title = "Loss so far", .x_label = "epoch",
                        .y_label = "loss", .n = n, .x0 = 1 };
    fig.series[0] = (plot_series){ "training", .y = loss };
    if (isfinite(validation[0])) fig.series[1] = (plot_series){ "validation", .y = validation };
    p->live_lines = plot_live(p->live_lines, &fig);
    return 0;
}
#endif

/* ---- digits --------------------------------------------------------------------------------- */

static inline bool program_has_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

/* MNIST if it is there, else made digits: fills train and test with at most so many samples (0:
   all). Returns the name for the first line, or NULL after a sentence; free both sets then too. */
static inline const char *program_load_digits(const program *p, nn_data *train, nn_data *test,
                                              int train_limit, int test_limit)
{
    static const char *const set[2][5] = {
        { "MNIST", "datasets/mnist/train-images-idx3-ubyte",
          "datasets/mnist/train-labels-idx1-ubyte", "datasets/mnist/t10k-images-idx3-ubyte",
          "datasets/mnist/t10k-labels-idx1-ubyte" },
        { "made digits", "datasets/made/train-images-idx3-ubyte",
          "datasets/made/train-labels-idx1-ubyte", "datasets/made/t10k-images-idx3-ubyte",
          "datasets/made/t10k-labels-idx1-ubyte" } };
    int k = program_has_file(set[0][1]) ? 0 : 1;
    memset(train, 0, sizeof *train);
    memset(test, 0, sizeof *test);
    if (k == 1 && !program_has_file(set[1][1])) {
        fprintf(stderr, "%s: no digits in datasets/mnist or datasets/made; run it from the "
                "project's root, after 'make mnist' (fetches MNIST) or 'make digits' (draws "
                "digits)\n", p->chapter);
        return NULL;
    }
    if (nn_load_idx(train, set[k][1], set[k][2], .limit = train_limit) ||
        nn_load_idx(test, set[k][3], set[k][4], .limit = test_limit)) {
        program_failed(p);
        return NULL;
    }
    return set[k][0];
}

#endif
