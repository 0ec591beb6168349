/* kit.h - what every grader (NN_name/check.c) is written with.

   A grader is a list of checks and a list of known mistakes. The kit brings main(): it runs each
   check in a child process with limits of time and memory, so that a crash or an endless loop
   costs that check alone, and it tells the runner what came out.

       static void z_right(const void *problem, int mistake, double *z);  // z, or a wrong z

       static void check_value(void)
       {
           double *w = kit_input("w", 1, 5), *x = kit_input("x", 1, 5);
           double z = dot_bias(w, x, 0.5, 5);                     // the learner's function
           kit_rung("z", &z, 1, 1, z_right, &problem, KIT_TOLERANCE);
       }
       const kit_check kit_checks[] = { { "value", 2, 1, check_value }, { 0 } };
       const kit_mistake kit_mistakes[] = { { "z", NO_BIAS, "b is not added" }, { 0 } };

   A rung that is wrong ends its check: what comes after it would be wrong for the same reason.
   exercises/AUTHORS.md says how to write a whole exercise. */
#ifndef KIT_H
#define KIT_H

#include <stddef.h>
#include <stdint.h>

/* Relative to the largest expected number. Sums of doubles in another order differ by less than
   1e-13; a float anywhere in the computation by more than 1e-8. */
#define KIT_TOLERANCE 1e-10

/* ---- what check.c defines -------------------------------------------------------------------
   Both lists end with { 0 }. */
typedef struct kit_check {
    const char *name; /* one word: it starts the line on the screen */
    int points;
    int todo; /* the TODO(todo/n) of exercise.c that must be written before this can be run */
    void (*run)(void);
} kit_check;

typedef struct kit_mistake {
    const char *rung; /* where it shows; "z" is also for the rungs "z(n=5)", "z(large)" ... */
    int number; /* what kit_formula gets as `mistake`. 0: the right formula, shown with any error */
    const char *says; /* what was done, and what is right instead. For 0: "F1.1: z = w·x + b" */
} kit_mistake;

extern const kit_check kit_checks[];
extern const kit_mistake kit_mistakes[];

/* Draws something with the learner's own functions after a full pass: printf as you like. */
extern void kit_reward(void);

/* ---- random problems ------------------------------------------------------------------------
   Everything follows from the printed seed; each check has its own stream of numbers. */
double kit_uniform(double low, double high);
double kit_normal(void);
int kit_between(int low, int high); /* low <= number <= high */

/* Names a size for the diagnosis: kit_size("the batch size", 32). Returns it. */
int kit_size(const char *name, int value);

/* Arrays (rows, cols) that belong to the kit, of exactly that size, so that one step past the end
   is noticed. Inputs are random, and never zero or symmetric. Outputs hold KIT_UNWRITTEN, so that
   an entry which nobody wrote, or only added to, is noticed. */
#define KIT_UNWRITTEN 1234.5
double *kit_input(const char *name, int rows, int cols);
double *kit_output(const char *name, int rows, int cols);
float *kit_input_float(const char *name, int rows, int cols);
float *kit_output_float(const char *name, int rows, int cols);
int *kit_labels(const char *name, int n, int classes); /* 0 .. classes - 1 */
double *kit_widen(const float *from, int n); /* a copy in double, for kit_rung */

/* ---- rungs ----------------------------------------------------------------------------------
   Each returns if all is right. If not, it tells the learner what is wrong and ends the check. A
   check must climb the same number of rungs for every seed: that number is pinned. */

/* Writes what the right formula gives (mistake 0), or what a mistake would have given. Let it start
   from the learner's own earlier results: who follows an earlier mistake rightly is right here. */
typedef void kit_formula(const void *problem, int mistake, double *out);

/* Compares (rows, cols) numbers with a formula. If they differ: the first of kit_mistakes for this
   rung that explains all of them, else a pattern (ratio, sign, transpose, shift, NaN ...). */
void kit_rung(const char *name, const double *yours, int rows, int cols, kit_formula *formula,
              const void *problem, double tolerance);

/* A number that was found on paper: as kit_rung, but the right one is not shown. */
void kit_answer(const char *name, double yours, kit_formula *formula, const void *problem,
                double tolerance);

/* A property: the sentence is for when it does not hold. */
void kit_true(const char *name, int holds, const char *says, ...);

/* Two results that have to be the same, such as before and after a shift. */
void kit_same(const char *name, const double *a, const double *b, int n, double tolerance,
              const char *says);

/* The loss as a function of all weights, by the reference's forward pass in double. It adds to
   *winners whatever tells on which side of a kink it is: kit_winner(winners, z > 0). */
typedef double kit_loss(const void *problem, uint64_t *winners);
void kit_winner(uint64_t *winners, int which);

/* Compares a gradient with central differences (L(w + h) - L(w - h)) / 2h for each weight,
   h scaled to the weight. A weight whose step crosses a kink is skipped; at least half must be
   left. Two conditions are the author's: a random upstream, and random weights. */
void kit_gradient(const char *name, const double *yours, double *weights, int rows, int cols,
                  kit_loss *loss, const void *problem);

/* ---- for the cheats that `make selfcheck` writes; a grader does not need it ------------------ */
typedef enum kit_cheat_kind {
    KIT_ZEROS, /* zeros in all outputs */
    KIT_COPY, /* the inputs in the outputs */
    KIT_NAN,
    KIT_EXIT,
    KIT_LOOP,
    KIT_OVERRUN /* writes one number past the end of every array */
} kit_cheat_kind;
double kit_cheat(kit_cheat_kind kind); /* what a function with a result returns */

#endif
