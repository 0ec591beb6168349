/* grade.h - builds one exercise with its grader, runs it, and keeps what the grader reports.
   learn.c shows it to a learner; selfcheck.c holds it against what it should be. */
#ifndef GRADE_H
#define GRADE_H

#include <stddef.h>
#include <sys/types.h>

/* How a run ended. The numbers are the exit codes of `learn`. */
typedef enum grade_state {
    GRADE_PASSED = 0,
    GRADE_WRONG = 1,
    GRADE_USAGE = 2, /* of learn itself */
    GRADE_NO_COMPILE = 3,
    GRADE_CRASHED = 4,
    GRADE_SLOW = 5,
    GRADE_UNWRITTEN = 6,
    GRADE_UNTRUSTED = 7 /* the grader was edited, or did fewer checks than are pinned */
} grade_state;

const char *grade_state_name(grade_state state);

/* A compiler and how it is called. `folder` is where its objects go. */
typedef struct grade_tools {
    const char *cc, *level; /* "gcc", "-O1" */
    int sanitizers; /* 1 if this compiler has them: found out by grade_tools_find */
    char folder[256];
} grade_tools;

/* Returns 0 if there is no such compiler. */
int grade_tools_find(grade_tools *tools, const char *cc, const char *level);

/* What a full run is, and which files it is made of: exercises/ID/pinned. */
typedef struct grade_pin {
    int points, checks, rungs; /* of one seed */
    char check_hash[20], header_hash[20];
} grade_pin;

/* Where the grader's files are taken from: the folders themselves, or copies of the committed files
   where the learner has edited them. */
typedef struct grade_source {
    char exercise[256], kit[256]; /* folders with check.c and exercise.h; kit.c and kit.h */
    char notice[512]; /* what was edited, or empty */
    int trusted;
    grade_pin pin;
} grade_source;

/* author: take the files as they are. */
void grade_find_source(grade_source *source, const char *id, int author);

/* Writes exercises/ID/pinned (id "kit": exercises/kit/pinned). Returns 0 if that failed. */
int grade_write_pin(const char *id, const grade_pin *pin);
int grade_read_pin(const char *id, grade_pin *pin);
int grade_pin_is_current(const char *id); /* the files are those that were pinned */

/* The parts of the learner's file that are still as in the stub: bit k for TODO(k/n). */
typedef struct grade_todo {
    unsigned unwritten;
    int total, first, line; /* number of marks; the first unwritten one and its line */
} grade_todo;
grade_todo grade_find_todo(const char *stub, const char *mine);

/* Compiles `mine` with the grader into `program`. Returns GRADE_PASSED, or GRADE_NO_COMPILE with
   what the compiler said; warnings are kept as well. The caller frees *messages. */
grade_state grade_build(const grade_tools *tools, const grade_source *source, const char *mine,
                        const char *program, char **messages);

/* Compiles n files without a grader, each with the folder of its exercise.h, and links them: -O2, no
   sanitizers. Returns 1, or 0 with what the compiler or the linker said; the caller frees it. */
int grade_build_files(const char *cc, const char *const paths[], const char *const includes[],
                      int n, const char *program, char **messages);

/* Compiles the kit and the grader, so that the first real run is as quick as all others. */
void grade_prepare(const grade_tools *tools, const grade_source *source);

/* One check of a report: lines first to last - 1 are its records. */
typedef struct grade_check {
    const char *name, *state; /* pass, fail, crash, slow, unwritten, or "" if it did not end */
    int points, first, last, rungs;
} grade_check;

/* What the grader said: its records without the token, and the checks of all seeds in order. */
typedef struct grade_report {
    char **lines;
    grade_check *checks;
    int line_count, check_count;
    int done; /* the number of checks that it says it did; -1 if it never came to its end */
    int exit_status;
} grade_report;

typedef struct grade_run {
    unsigned long long seed;
    int seeds, limit_ms, reward, list; /* list: report the catalogue of mistakes first */
    unsigned skip;
    const char *folder; /* gets a file "output" with what the learner's code prints; or NULL */
} grade_run;

void grade_execute(grade_report *report, const char *program, const grade_run *run);
void grade_free(grade_report *report);

/* Field k of a record, copied to text. */
const char *grade_field(const char *record, int k, char *text, size_t size);
int grade_points(const grade_report *report, int *of);
/* The state of a run of one seed, the pin included. */
grade_state grade_judge(const grade_report *report, const grade_pin *pin);

/* ---- small things that both programs need */
char *grade_read_file(const char *path); /* the whole text, or NULL; the caller frees it */
int grade_write_file(const char *path, const char *text);
unsigned long long grade_file_time(const char *path); /* of its last change, in ns; 0: no file */
int grade_make_folder(const char *path); /* and those above it */
/* fork() for a process that ends with this one, however that ends; seconds: of processor time, or
   0 for no limit. grade_wait waits for it, or for any (-1). */
typedef enum grade_process {
    GRADE_COMMAND, /* such as the compiler */
    GRADE_GROUP, /* becomes a process group: all of it is ended */
    GRADE_WORKER /* a runner itself */
} grade_process;
pid_t grade_fork(grade_process kind, int seconds);
pid_t grade_wait(pid_t pid, int *status);
/* Runs a command with its output in a file. Returns its exit status, or -1. */
int grade_command(char *const argv[], const char *output, int seconds);
/* The exercises in order: folders NN_name. Returns how many. */
int grade_list(char (*ids)[64], int most);

#endif
