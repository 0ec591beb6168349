/* grade.c - see grade.h */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "grade.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

const char *grade_state_name(grade_state state)
{
    static const char *const names[] = { "passed",           "wrong",     "usage",
                                         "does not compile", "crashed",   "too slow",
                                         "not written yet",  "not scored" };
    return names[state];
}

/* ---- files ---------------------------------------------------------------------------------- */

char *grade_read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t used = 0, room = 4096;
    char *text = f ? malloc(room) : NULL;
    for (size_t n; text && (n = fread(text + used, 1, room - used - 1, f)) > 0;) {
        used += n;
        if (room - used > 1) continue;
        char *more = realloc(text, room *= 2);
        if (!more) free(text);
        text = more;
    }
    if (f) fclose(f);
    if (text) text[used] = 0;
    return text;
}

int grade_write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    int good = fputs(text, f) >= 0;
    return !fclose(f) && good;
}

int grade_make_folder(const char *path)
{
    char part[512];
    snprintf(part, sizeof part, "%s", path);
    for (char *c = part + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(part, 0755);
            *c = '/';
        }
    return !mkdir(part, 0755) || errno == EEXIST;
}

unsigned long long grade_file_time(const char *path)
{
    struct stat s;
    if (stat(path, &s)) return 0;
#ifdef __APPLE__
    return (unsigned long long)s.st_mtimespec.tv_sec * 1000000000u +
           (unsigned long long)s.st_mtimespec.tv_nsec;
#else
    return (unsigned long long)s.st_mtim.tv_sec * 1000000000u +
           (unsigned long long)s.st_mtim.tv_nsec;
#endif
}

static int is_newer(const char *made, const char *from)
{
    unsigned long long a = grade_file_time(made), b = grade_file_time(from);
    return a && b && a > b;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int grade_list(char (*ids)[64], int most)
{
    DIR *d = opendir("exercises");
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d)) && n < most;) {
        char stub[512];
        snprintf(stub, sizeof stub, "exercises/%s/exercise.c", e->d_name);
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || access(stub, R_OK)) continue;
        snprintf(ids[n++], 64, "%.63s", e->d_name);
    }
    if (d) closedir(d);
    qsort(ids, (size_t)n, sizeof ids[0], by_name);
    return n;
}

/* FNV-1a, 64 bits: it notices a change; it does not withstand an attack. "-" for no file. */
static void hash_file(const char *path, char hash[20])
{
    char *text = grade_read_file(path);
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *c = text; c && *c; c++)
        if (*c != '\r') h = (h ^ (unsigned char)*c) * 0x100000001b3u;
    snprintf(hash, 20, text ? "%016llx" : "-", (unsigned long long)h);
    free(text);
}

/* ---- processes: none outlives the runner ----------------------------------------------------
   Three ways, since no one of them is enough: a signal that ends the runner ends what it started;
   where the runner is killed outright, Linux tells its children; everywhere else a limit of
   processor time ends a loop. */

enum { MAX_STARTED = 64 };
static volatile sig_atomic_t started[MAX_STARTED]; /* negative: a group of its own */

static void end_all(int number)
{
    for (int k = 0; k < MAX_STARTED; k++) /* what is no group of its own may have children itself */
        if (started[k]) kill((pid_t)started[k], started[k] < 0 ? SIGKILL : SIGTERM);
    signal(number, SIG_DFL);
    raise(number);
}

static void set_handlers(void (*handler)(int))
{
    static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM };
    for (int k = 0; k < 5; k++)
        if (signal(numbers[k], handler) == SIG_IGN) signal(numbers[k], SIG_IGN); /* nohup */
}

static void keep_process(int from, int to)
{
    for (int k = 0; k < MAX_STARTED; k++)
        if (started[k] == from) {
            started[k] = to;
            return;
        }
}

pid_t grade_fork(grade_process kind, int seconds)
{
    static int handlers;
    sigset_t all, before;
    pid_t runner = getpid();
    if (!handlers++) set_handlers(end_all);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* until it is known, or has no list of its own */
    pid_t pid = fork();
    if (pid > 0) keep_process(0, kind == GRADE_GROUP ? -(int)pid : (int)pid);
    if (pid == 0) {
        for (int k = 0; k < MAX_STARTED; k++) started[k] = 0;
        if (kind != GRADE_WORKER) set_handlers(SIG_DFL);
        if (kind == GRADE_GROUP) setpgid(0, 0);
        struct rlimit limit = { (rlim_t)seconds, (rlim_t)seconds };
        if (seconds) setrlimit(RLIMIT_CPU, &limit);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        if (getppid() != runner) _exit(127);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

pid_t grade_wait(pid_t pid, int *status)
{
    pid_t ended;
    while ((ended = waitpid(pid, status, 0)) < 0 && errno == EINTR) {
    }
    if (ended > 0) keep_process((int)ended, 0), keep_process(-(int)ended, 0);
    return ended;
}

/* ---- commands ------------------------------------------------------------------------------- */

int grade_command(char *const argv[], const char *output, int seconds)
{
    int status = 0;
    pid_t pid = grade_fork(GRADE_COMMAND, seconds);
    if (pid < 0) return -1;
    if (pid == 0) {
        int in = open("/dev/null", O_RDONLY);
        int out = open(output ? output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(in, 0), dup2(out, 1), dup2(out, 2);
        alarm((unsigned)seconds); /* stays across exec */
        execvp(argv[0], argv);
        _exit(127);
    }
    grade_wait(pid, &status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* An argument list that grows; words are split at spaces only where we wrote them ourselves. */
typedef struct arguments {
    char *word[64];
    int n;
} arguments;

static void add(arguments *a, const char *words)
{
    char *copy = strdup(words);
    for (char *w = copy ? strtok(copy, " ") : NULL; w && a->n < 63; w = strtok(NULL, " "))
        a->word[a->n++] = strdup(w);
    free(copy);
}

static void add_one(arguments *a, const char *before, const char *word)
{
    size_t size = strlen(before) + strlen(word) + 1;
    char *both = malloc(size);
    if (both && a->n < 63) {
        snprintf(both, size, "%s%s", before, word);
        a->word[a->n++] = both;
    } else free(both);
}

static int run_arguments(arguments *a, const char *output)
{
    a->word[a->n] = NULL;
    int status = grade_command(a->word, output, 60);
    for (int i = 0; i < a->n; i++) free(a->word[i]);
    a->n = 0;
    return status;
}

/* ---- building ------------------------------------------------------------------------------- */

static const char sanitize[] = "-fsanitize=address,undefined -fno-sanitize-recover=undefined";
static const char strict[] = "-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion";

/* tcc takes -fsanitize and does nothing; so ask the compiler from inside. */
static const char probe[] = "#if defined(__has_feature)\n"
                            "#if __has_feature(address_sanitizer)\n"
                            "#define __SANITIZE_ADDRESS__ 1\n"
                            "#endif\n"
                            "#endif\n"
                            "#if defined(SANITIZED) && !defined(__SANITIZE_ADDRESS__)\n"
                            "#error no sanitizers\n"
                            "#endif\n"
                            "int main(void) { return 0; }\n";

int grade_tools_find(grade_tools *tools, const char *cc, const char *level)
{
    char path[300], program[300];
    arguments a = { { 0 }, 0 };
    tools->cc = cc, tools->level = level;
    snprintf(tools->folder, sizeof tools->folder, "build/exercises/%s", cc);
    for (char *c = tools->folder + strlen("build/exercises/"); *c; c++)
        if (*c == '/' || *c == ' ') *c = '_';
    snprintf(tools->folder + strlen(tools->folder), 16, "%s", level);
    grade_make_folder(tools->folder);
    snprintf(path, sizeof path, "%s/probe.c", tools->folder);
    snprintf(program, sizeof program, "%s/probe", tools->folder);
    char answer[300];
    snprintf(answer, sizeof answer, "%s/sanitizers", tools->folder);
    char *cached = grade_read_file(answer);
    tools->sanitizers = cached && cached[0] == '1';
    if (cached) {
        free(cached);
        return 1;
    }
    grade_write_file(path, probe);
    add(&a, cc), add_one(&a, "", path), add(&a, "-o"), add_one(&a, "", program);
    if (run_arguments(&a, NULL)) return 0;
    add(&a, cc), add(&a, sanitize), add(&a, "-DSANITIZED"), add_one(&a, "", path);
    add(&a, "-o"), add_one(&a, "", program);
    char *const run[] = { program, NULL };
    tools->sanitizers = !run_arguments(&a, NULL) && !grade_command(run, NULL, 10);
    grade_write_file(answer, tools->sanitizers ? "1\n" : "0\n");
    return 1;
}

/* Compiles one file. Returns 1 if that worked; what the compiler says goes to `log`. */
static int compile(const grade_tools *tools, const grade_source *source, const char *flags,
                   const char *from, const char *to, const char *log)
{
    arguments a = { { 0 }, 0 };
    add(&a, tools->cc), add(&a, tools->level), add(&a, "-g"), add(&a, flags);
    if (tools->sanitizers) add(&a, sanitize);
    add_one(&a, "-I", source->exercise), add_one(&a, "-I", source->kit), add(&a, "-I.");
    char part[700];
    snprintf(part, sizeof part, "%s.%ld", to,
             (long)getpid()); /* two builds at once: no half file */
    add(&a, "-c"), add_one(&a, "", from), add(&a, "-o"), add_one(&a, "", part);
    return run_arguments(&a, log) == 0 && !rename(part, to);
}

/* The kit and the grader: only when they have changed. */
static int compile_grader(const grade_tools *tools, const grade_source *source, const char *kit_o,
                          const char *check_o, const char *log)
{
    char kit_c[300], kit_h[300], check_c[300], header[300];
    snprintf(kit_c, sizeof kit_c, "%s/kit.c", source->kit);
    snprintf(kit_h, sizeof kit_h, "%s/kit.h", source->kit);
    snprintf(check_c, sizeof check_c, "%s/check.c", source->exercise);
    snprintf(header, sizeof header, "%s/exercise.h", source->exercise);
    if (!(is_newer(kit_o, kit_c) && is_newer(kit_o, kit_h)) &&
        !compile(tools, source, strict, kit_c, kit_o, log))
        return 0;
    if (is_newer(check_o, check_c) && is_newer(check_o, header) && is_newer(check_o, kit_h))
        return 1;
    return compile(tools, source, strict, check_c, check_o, log);
}

/* "x" for exercises/x and build/exercises/published/x */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void grade_prepare(const grade_tools *tools, const grade_source *source)
{
    char kit_o[600], check_o[600];
    if (*source->notice) return; /* other objects: grade_build makes them */
    snprintf(kit_o, sizeof kit_o, "%s/kit.o", tools->folder);
    snprintf(check_o, sizeof check_o, "%s/%s.o", tools->folder, last_part(source->exercise));
    compile_grader(tools, source, kit_o, check_o, NULL);
}

/* nn.h becomes one object, once; only exercises that include it are linked with it. */
static int compile_library(const char *cc, const char *object, const char *log)
{
    arguments a = { { 0 }, 0 };
    char part[700];
    if (is_newer(object, "nn.h")) return 1;
    snprintf(part, sizeof part, "%s.%ld", object, (long)getpid());
    add(&a, cc), add(&a, "-std=c99 -O2 -DNN_IMPLEMENTATION -x c -c nn.h -o"), add_one(&a, "", part);
    return run_arguments(&a, log) == 0 && !rename(part, object);
}

static int uses_library(const grade_source *source)
{
    char path[300];
    snprintf(path, sizeof path, "%s/exercise.h", source->exercise);
    char *text = grade_read_file(path);
    int uses = text && strstr(text, "#include \"nn.h\"");
    free(text);
    return uses;
}

grade_state grade_build(const grade_tools *tools, const grade_source *source, const char *mine,
                        const char *program, char **messages)
{
    char kit_o[600], check_o[600], mine_o[600], library[600], log[600];
    const char *edited = *source->notice ? "-published" : "";
    snprintf(kit_o, sizeof kit_o, "%s/kit%s.o", tools->folder, edited);
    snprintf(check_o, sizeof check_o, "%s/%s%s.o", tools->folder, last_part(source->exercise),
             edited);
    snprintf(library, sizeof library, "%s/nn.o", tools->folder);
    snprintf(mine_o, sizeof mine_o, "%s.o", program);
    snprintf(log, sizeof log, "%s.log", program);
    *messages = NULL;
    int uses = uses_library(source);
    int good = compile_grader(tools, source, kit_o, check_o, log);
    if (good && uses) good = compile_library(tools->cc, library, log);
    /* -Dfork stops fork bombs; the other limits are the kit's */
    if (good)
        good = compile(tools, source,
                       "-std=gnu99 -Wall -Wextra -Dfork=kit_no_process -Dvfork=kit_no_process",
                       mine, mine_o, log);
    if (good) {
        char *warnings = grade_read_file(log), link_log[600];
        snprintf(link_log, sizeof link_log, "%s.link", program);
        arguments a = { { 0 }, 0 };
        add(&a, tools->cc);
        if (tools->sanitizers) add(&a, sanitize);
        add_one(&a, "", mine_o), add_one(&a, "", check_o), add_one(&a, "", kit_o);
        if (uses) add_one(&a, "", library);
        add(&a, "-o"), add_one(&a, "", program), add(&a, "-lm");
        good = run_arguments(&a, link_log) == 0;
        *messages = good ? warnings : grade_read_file(link_log);
        if (!good) free(warnings);
    } else *messages = grade_read_file(log);
    return good ? GRADE_PASSED : GRADE_NO_COMPILE;
}

int grade_build_files(const char *cc, const char *const paths[], const char *const includes[],
                      int n, const char *program, char **messages)
{
    char object[700], log[700];
    arguments a = { { 0 }, 0 };
    int good = 1;
    snprintf(log, sizeof log, "%s.log", program);
    for (int k = 0; k < n && good; k++) {
        snprintf(object, sizeof object, "%s.%d.o", program, k);
        add(&a, cc), add(&a, "-std=gnu99 -O2 -Wall -Wextra -I."), add_one(&a, "-I", includes[k]);
        add(&a, "-c"), add_one(&a, "", paths[k]), add(&a, "-o"), add_one(&a, "", object);
        good = run_arguments(&a, log) == 0;
    }
    for (int k = 0; k < n && good; k++) {
        if (k == 0) add(&a, cc), add(&a, "-o"), add_one(&a, "", program);
        snprintf(object, sizeof object, "%s.%d.o", program, k);
        add_one(&a, "", object);
    }
    if (good) add(&a, "-lm"), good = run_arguments(&a, log) == 0;
    *messages = good ? NULL : grade_read_file(log);
    return good;
}

/* ---- pins ----------------------------------------------------------------------------------- */

static int parse_pin(const char *text, grade_pin *pin)
{
    memset(pin, 0, sizeof *pin);
    const char *at = text ? strstr(text, "points ") : NULL;
    return at && sscanf(at, "points %d checks %d rungs %d %19s %19s", &pin->points, &pin->checks,
                        &pin->rungs, pin->check_hash, pin->header_hash) == 5;
}

int grade_read_pin(const char *id, grade_pin *pin)
{
    char path[300];
    snprintf(path, sizeof path, "exercises/%s/pinned", id);
    char *text = grade_read_file(path);
    int good = parse_pin(text, pin);
    free(text);
    return good;
}

/* The two files that make the grader of an exercise, or the kit. */
static void pinned_files(const char *id, const char *folder, char a[300], char b[300])
{
    int kit = !strcmp(id, "kit");
    snprintf(a, 300, "%s/%s", folder, kit ? "kit.c" : "check.c");
    snprintf(b, 300, "%s/%s", folder, kit ? "kit.h" : "exercise.h");
}

int grade_write_pin(const char *id, const grade_pin *pin)
{
    char path[300], folder[300], a[300], b[300], text[400], hash_a[20], hash_b[20];
    snprintf(folder, sizeof folder, "exercises/%s", id);
    snprintf(path, sizeof path, "exercises/%s/pinned", id);
    pinned_files(id, folder, a, b);
    hash_file(a, hash_a), hash_file(b, hash_b);
    snprintf(text, sizeof text, "points %d checks %d rungs %d\n%s %s\n", pin->points, pin->checks,
             pin->rungs, hash_a, hash_b);
    return grade_write_file(path, text);
}

int grade_pin_is_current(const char *id)
{
    char folder[300], a[300], b[300], hash_a[20], hash_b[20];
    grade_pin pin;
    snprintf(folder, sizeof folder, "exercises/%s", id);
    pinned_files(id, folder, a, b);
    hash_file(a, hash_a), hash_file(b, hash_b);
    return grade_read_pin(id, &pin) && !strcmp(hash_a, pin.check_hash) &&
           !strcmp(hash_b, pin.header_hash);
}

/* A file as it was committed, written to `to`. Returns 0 without git or without such a file. */
static int committed(const char *path, const char *to)
{
    char name[400];
    snprintf(name, sizeof name, "HEAD:./%s", path);
    char *const argv[] = { (char *)"git", (char *)"show", name, NULL };
    if (!grade_command(argv, to, 10)) return 1;
    unlink(to);
    return 0;
}

/* Looks at the two files of a grader; where they differ from their pin, fetches the committed ones.
   Returns 1 for as published, 2 for fetched, 0 for edited without a way back. */
static int find_published(const char *id, char folder[256], grade_pin *pin)
{
    char path[300], copy[300], files[2][300], copies[2][300], hash[2][20];
    snprintf(folder, 256, "exercises/%s", id);
    snprintf(path, sizeof path, "exercises/%s/pinned", id);
    snprintf(copy, sizeof copy, "build/exercises/published/%s", id);
    grade_make_folder(copy);
    pinned_files(id, folder, files[0], files[1]);
    pinned_files(id, copy, copies[0], copies[1]);
    snprintf(copy, sizeof copy, "build/exercises/published/%s/pinned", id);
    char *text = grade_read_file(committed(path, copy) ? copy : path);
    int known = parse_pin(text, pin);
    free(text);
    hash_file(files[0], hash[0]), hash_file(files[1], hash[1]);
    if (!known) return 0;
    if (!strcmp(hash[0], pin->check_hash) && !strcmp(hash[1], pin->header_hash)) return 1;
    snprintf(folder, 256, "build/exercises/published/%s", id);
    if (!committed(files[0], copies[0]) || !committed(files[1], copies[1])) return 0;
    hash_file(copies[0], hash[0]), hash_file(copies[1], hash[1]);
    return !strcmp(hash[0], pin->check_hash) && !strcmp(hash[1], pin->header_hash) ? 2 : 0;
}

void grade_find_source(grade_source *source, const char *id, int author)
{
    memset(source, 0, sizeof *source);
    snprintf(source->exercise, sizeof source->exercise, "exercises/%.200s", id);
    snprintf(source->kit, sizeof source->kit, "exercises/kit");
    source->trusted = 1;
    if (author) {
        grade_read_pin(id, &source->pin);
        return;
    }
    grade_pin ignored;
    int a = find_published(id, source->exercise, &source->pin);
    int b = find_published("kit", source->kit, &ignored);
    source->trusted = a && b;
    if (a == 1 && b == 1) return;
    const char *what = a != 1 ? id : "kit";
    if (source->trusted)
        snprintf(source->notice, sizeof source->notice,
                 "the grader in exercises/%s was edited: the published one is used instead", what);
    else
        snprintf(
            source->notice, sizeof source->notice,
            "the grader in exercises/%s is not the published one, and git cannot bring it back: "
            "fetch that folder again (or, as an author: learn pin %s)",
            what, id);
}

/* ---- TODO marks ----------------------------------------------------------------------------- */

/* The start of "TODO(k/" in text, or NULL. */
static const char *find_mark(const char *text, int k)
{
    char mark[32];
    snprintf(mark, sizeof mark, "TODO(%d/", k);
    return strstr(text, mark);
}

/* Where the part that a mark asks for ends: the next mark, or a } at the start of a line. */
static const char *end_of_part(const char *mark)
{
    const char *brace = strstr(mark, "\n}"), *next = strstr(mark + 1, "TODO(");
    const char *end = mark + strlen(mark);
    if (brace && brace < end) end = brace;
    return next && next < end ? next : end;
}

static int same_but_space(const char *a, const char *a_end, const char *b, const char *b_end)
{
    for (;;) {
        while (a < a_end && strchr(" \t\r\n", *a)) a++;
        while (b < b_end && strchr(" \t\r\n", *b)) b++;
        if (a == a_end || b == b_end) return a == a_end && b == b_end;
        if (*a++ != *b++) return 0;
    }
}

grade_todo grade_find_todo(const char *stub, const char *mine)
{
    grade_todo t = { 0, 0, 0, 1 };
    while (find_mark(stub, t.total + 1)) t.total++;
    for (int k = 1; k <= t.total; k++) {
        const char *theirs = find_mark(stub, k), *own = find_mark(mine, k);
        if (!own || !same_but_space(theirs, end_of_part(theirs), own, end_of_part(own))) continue;
        t.unwritten |= 1u << k;
        if (t.first) continue;
        t.first = k;
        for (const char *c = mine; c < own; c++) t.line += *c == '\n';
    }
    if (t.total) return t;
    t.total = 1; /* nothing marked: the whole file is one part, until something in it differs */
    t.first = same_but_space(stub, stub + strlen(stub), mine, mine + strlen(mine));
    t.unwritten = t.first ? ~0u : 0;
    return t;
}

/* ---- running -------------------------------------------------------------------------------- */

const char *grade_field(const char *line, int k, char *text, size_t size)
{
    for (; k > 0 && line; k--) {
        line = strchr(line, '\t');
        if (line) line++;
    }
    if (!line) line = "";
    size_t n = strcspn(line, "\t");
    snprintf(text, size, "%.*s", (int)n, line);
    return text;
}

static void keep_line(grade_report *r, const char *text)
{
    char field[64];
    if (r->line_count % 64 == 0) {
        char **more = realloc(r->lines, (size_t)(r->line_count + 64) * sizeof *more);
        if (!more) abort();
        r->lines = more;
    }
    char *line = r->lines[r->line_count++] = strdup(text);
    grade_check *last = r->check_count ? &r->checks[r->check_count - 1] : NULL;
    if (!strncmp(line, "check\t", 6)) {
        if (r->check_count % 16 == 0) {
            grade_check *more = realloc(r->checks, (size_t)(r->check_count + 16) * sizeof *more);
            if (!more) abort();
            r->checks = more;
        }
        grade_check c = { NULL, "", 0, r->line_count, r->line_count, 0 };
        c.name = strdup(grade_field(line, 1, field, sizeof field));
        c.points = atoi(grade_field(line, 2, field, sizeof field));
        r->checks[r->check_count++] = c;
    } else if (!strncmp(line, "end\t", 4) && last) {
        last->state = strchr(line + 4, '\t') ? strchr(line + 4, '\t') + 1 : "";
    } else if (!strncmp(line, "done\t", 5)) {
        r->done = atoi(line + 5);
    } else if (last) {
        last->last = r->line_count;
        last->rungs += !strncmp(line, "rung\t", 5);
    }
}

void grade_free(grade_report *r)
{
    for (int i = 0; i < r->line_count; i++) free(r->lines[i]);
    for (int i = 0; i < r->check_count; i++) free((char *)(size_t)r->checks[i].name);
    free(r->lines);
    free(r->checks);
    memset(r, 0, sizeof *r);
}

/* Reads the records until the program ends. A learner's code that runs before main() can hang the
   program itself, so this has a limit of its own. */
static void read_report(grade_report *r, int from, pid_t pid, const char *token, long seconds)
{
    char line[2048];
    size_t used = 0, head = strlen(token);
    time_t quiet_since = time(NULL);
    for (;;) {
        struct pollfd p = { from, POLLIN, 0 };
        char block[4096];
        ssize_t n = poll(&p, 1, 100) > 0 ? read(from, block, sizeof block) : -1;
        if (n == 0) break;
        if (n < 0 && time(NULL) - quiet_since > seconds) {
            kill(-pid, SIGKILL);
            break;
        }
        if (n > 0) quiet_since = time(NULL);
        for (ssize_t i = 0; i < n; i++) {
            if (block[i] != '\n' && used < sizeof line - 1) line[used++] = block[i];
            if (block[i] != '\n') continue;
            line[used] = 0;
            used = 0;
            if (!strncmp(line, token, head) && line[head] == '\t') keep_line(r, line + head + 1);
        }
    }
}

void grade_execute(grade_report *r, const char *program, const grade_run *run)
{
    static unsigned count;
    int ends[2], status = 0, limit = run->limit_ms ? run->limit_ms : 2000;
    char token[64], words[5][32], path[512];
    memset(r, 0, sizeof *r);
    r->done = -1;
    if (pipe(ends)) return;
    snprintf(token, sizeof token, "%lx%lx%x", (long)getpid(), (long)time(NULL),
             ++count * 2654435761u);
    snprintf(words[0], 32, "0x%llx", run->seed);
    snprintf(words[1], 32, "%d", run->seeds ? run->seeds : 1);
    snprintf(words[2], 32, "%d", limit);
    snprintf(words[3], 32, "%u", run->skip);
    snprintf(path, sizeof path, "%s/output", run->folder ? run->folder : ".");
    if (run->folder) unlink(path);
    fflush(NULL);
    pid_t pid = grade_fork(GRADE_GROUP, 10 + limit / 1000);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        close(ends[0]);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        dup2(ends[1], 3);
        if (ends[1] != 3) close(ends[1]);
        unsetenv("ASAN_OPTIONS"), unsetenv("UBSAN_OPTIONS");
        execl(program, program, "--fd", "3", "--token", token, "--seed", words[0], "--seeds",
              words[1], "--limit", words[2], "--skip", words[3], "--reward",
              run->reward ? "1" : "0", "--list", run->list ? "1" : "0",
              run->folder ? "--directory" : NULL, run->folder, NULL);
        _exit(127);
    }
    close(ends[1]);
    read_report(r, ends[0], pid, token, 3 + 4L * limit / 1000);
    close(ends[0]);
    kill(-pid, SIGKILL); /* whatever the learner's code left behind */
    grade_wait(pid, &status);
    r->exit_status = status;
}

int grade_points(const grade_report *r, int *of)
{
    int points = 0;
    *of = 0;
    for (int i = 0; i < r->check_count; i++) {
        *of += r->checks[i].points;
        if (!strcmp(r->checks[i].state, "pass")) points += r->checks[i].points;
    }
    return points;
}

grade_state grade_judge(const grade_report *r, const grade_pin *pin)
{
    int failed = 0, crashed = 0, slow = 0, unwritten = 0, rungs = 0, points = 0;
    for (int i = 0; i < r->check_count; i++) {
        const char *s = r->checks[i].state;
        crashed += !strcmp(s, "crash");
        slow += !strcmp(s, "slow");
        unwritten += !strcmp(s, "unwritten");
        failed += strcmp(s, "pass") && strcmp(s, "unwritten");
        rungs += r->checks[i].rungs;
        points += r->checks[i].points;
    }
    if (r->done < 0) /* the learner's code ran before main(), and ended or hung the program */
        return r->exit_status && WIFSIGNALED(r->exit_status) && WTERMSIG(r->exit_status) == SIGKILL
                   ? GRADE_SLOW
                   : GRADE_CRASHED;
    if (failed) return crashed ? GRADE_CRASHED : slow ? GRADE_SLOW : GRADE_WRONG;
    if (unwritten) return GRADE_UNWRITTEN;
    if (r->check_count != pin->checks || r->done != pin->checks || rungs != pin->rungs ||
        points != pin->points || points == 0)
        return GRADE_UNTRUSTED;
    return GRADE_PASSED;
}
