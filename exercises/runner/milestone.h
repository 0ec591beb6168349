/* milestone.h - programs of history, exercises/milestones/YEAR.c, on the learner's own functions. */
#ifndef MILESTONE_H
#define MILESTONE_H

#include "grade.h"

enum { MILESTONE_MOST = 16, MILESTONE_FILES = 8 };

/* What the first lines of a milestone say. */
typedef struct milestone {
    char year[8], title[100];
    char needs[MILESTONE_FILES][64]; /* exercises whose files it is linked with */
    char broken[MILESTONE_FILES][128]; /* EXERCISE/MUTANT: with it, the mark must not be reached */
    int need_count, broken_count;
} milestone;

/* All of them, by year. Returns how many. */
int milestone_list(milestone *list, int most);

/* Builds a milestone with files[k] for needs[k], in a folder of its own, and runs it. GRADE_PASSED:
   its mark was reached. *output: what it printed, or what the compiler said; the caller frees it. */
grade_state milestone_run(const milestone *m, const char *cc, const char *const files[],
                          const char *folder, char **output);

#endif
