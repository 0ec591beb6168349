/* milestone.h - what the milestones share. A milestone is one program, linked with the learner's own
   files of the exercises that its second line names; exercises/AUTHORS.md says how to write one. */
#ifndef MILESTONE_H
#define MILESTONE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* Always the same numbers, so that yours and the reference's start alike (Steele et al. 2014). */
static inline double milestone_uniform(double low, double high)
{
    static uint64_t state;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return low + (high - low) * (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* Right to rounding, which training makes larger; NaN is not. */
static inline int milestone_same(double yours, double reference)
{
    return fabs(yours - reference) <= 1e-6 * fmax(1e-3, fabs(reference));
}

/* main returns this; without the line the runner does not believe it. */
static inline int milestone_end(int reached)
{
    printf(reached ? "\nreached: this was computed by your own functions\n" : "\nnot reached\n");
    return !reached;
}

#endif
