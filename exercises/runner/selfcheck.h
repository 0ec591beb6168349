/* selfcheck.h - grades the graders: `make selfcheck`, and the pins. See selfcheck.c. */
#ifndef SELFCHECK_H
#define SELFCHECK_H

/* Words: exercises to look at (none: all), and "--quick". Returns an exit code. */
int selfcheck(int n, char **words);

/* Counts what a full run of each solution is, and writes exercises/ID/pinned; the kit's too. */
int selfcheck_pin(int n, char **words);

#endif
