/* learn - shows one exercise at a time, and grades it whenever its file is saved.

       learn [ID]                    watch: what `make learn` starts
       learn run|hint|list|reset|solution|explain [ID]
       learn grade                   all exercises, once, as a table
       learn milestone [YEAR]        history, on the learner's own functions
       learn pin ID | selfcheck      for authors: AUTHORS.md

   The learner's files are exercises/mine/NN_name.c; progress is kept beside them. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "grade.h"
#include "milestone.h"
#include "selfcheck.h"

#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EXERCISES = 99, WIDTH = 80, HINTS = 3, TRIES = 3 };

static struct {
    const char *mine;
    int json, author, color, utf8;
    unsigned long long seed; /* 0: a new one each run */
} option = { "exercises/mine", 0, 0, 0, 0, 0 };

/* ---- progress: one line per exercise in mine/progress --------------------------------------- */

typedef struct progress {
    char id[64];
    int passed, best, of, hints, tries;
    unsigned long long last; /* hash of the file at the last try, so that a rerun is not counted */
} progress;

static char ids[MAX_EXERCISES][64];
static progress done[MAX_EXERCISES];
static int exercise_count;

static void load_progress(void)
{
    char path[512];
    exercise_count = grade_list(ids, MAX_EXERCISES);
    for (int i = 0; i < exercise_count; i++) {
        memset(&done[i], 0, sizeof done[i]);
        strcpy(done[i].id, ids[i]);
    }
    snprintf(path, sizeof path, "%s/progress", option.mine);
    char *text = grade_read_file(path);
    for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
        progress p = { "", 0, 0, 0, 0, 0, 0 };
        if (sscanf(line, "%63s passed %d points %d/%d hints %d tries %d last %llx", p.id, &p.passed,
                   &p.best, &p.of, &p.hints, &p.tries, &p.last) != 7)
            continue;
        for (int i = 0; i < exercise_count; i++)
            if (!strcmp(ids[i], p.id)) done[i] = p;
    }
    free(text);
}

static void save_progress(void)
{
    char path[512], text[MAX_EXERCISES * 200] = "", part[512];
    for (int i = 0; i < exercise_count; i++) {
        const progress *p = &done[i];
        snprintf(text + strlen(text), 200,
                 "%.63s passed %d points %d/%d hints %d tries %d last %llx\n", p->id, p->passed,
                 p->best, p->of, p->hints, p->tries, p->last);
    }
    snprintf(path, sizeof path, "%s/progress", option.mine);
    snprintf(part, sizeof part, "%s/progress.tmp", option.mine);
    if (!grade_write_file(part, text) || rename(part, path))
        fprintf(stderr, "learn: cannot write %s; your progress is not kept\n", path);
}

static int passed_count(void)
{
    int n = 0;
    for (int i = 0; i < exercise_count; i++) n += done[i].passed;
    return n;
}

/* ---- exercises and the learner's copies ----------------------------------------------------- */

/* "10", "softmax" or "10_softmax_ce"; nothing: the first that has not passed. -1: no such one. */
static int find_exercise(const char *word)
{
    int found = -1;
    for (int i = 0; i < exercise_count; i++) {
        if (!word) {
            if (!done[i].passed) return i;
        } else if (!strcmp(ids[i], word)) return i;
        else if (strstr(ids[i], word) && found < 0) found = i;
    }
    return word ? found : exercise_count - 1;
}

static const char *mine_path(int k)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s.c", option.mine, ids[k]);
    return path;
}

static const char *file_of(int k, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "exercises/%s/%s", ids[k], name);
    return path;
}

/* So that editors know the include paths. */
static void write_compile_commands(void)
{
    char here[2048];
    FILE *f = getcwd(here, sizeof here) ? fopen("compile_commands.json", "w") : NULL;
    if (!f) return;
    fprintf(f, "[\n");
    for (int i = 0; i < exercise_count; i++) {
        const char *files[] = { mine_path(i), file_of(i, "check.c") };
        for (int k = 0; k < 2; k++)
            fprintf(f,
                    "%s{ \"directory\": \"%s\", \"file\": \"%s\",\n  \"arguments\": [\"cc\", "
                    "\"-std=gnu99\", \"-Wall\", \"-Wextra\", \"-Iexercises/%s\", "
                    "\"-Iexercises/kit\", \"-I.\", \"-c\", \"%s\"] }",
                    i + k ? ",\n" : "", here, files[k], ids[i], files[k]);
    }
    fprintf(f, "\n]\n");
    fclose(f);
}

/* Copies the stub to mine/ where there is no copy yet. Returns 0 if that failed. */
static int make_copy(int k)
{
    if (!access(mine_path(k), F_OK)) return 1;
    char *stub = grade_read_file(file_of(k, "exercise.c"));
    grade_make_folder(option.mine);
    int good = stub && grade_write_file(mine_path(k), stub);
    free(stub);
    if (!good) fprintf(stderr, "learn: cannot write %s\n", mine_path(k));
    write_compile_commands();
    return good;
}

/* ---- the screen ----------------------------------------------------------------------------- */

static const char *colour(const char *code)
{
    return option.color ? code : "";
}
#define GREEN colour("\033[32m")
#define RED colour("\033[31m")
#define BOLD colour("\033[1m")
#define DIM colour("\033[2m")
#define PLAIN colour("\033[0m")

/* The columns that text takes: bytes that do not continue a UTF-8 character. */
static int columns(const char *text)
{
    int n = 0;
    for (; *text; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

static const char *mark(int good)
{
    return option.utf8 ? good ? "✓" : "✗" : good ? "ok" : "WRONG";
}

/* Prints text, broken at spaces, with `indent` columns before each line but the first. */
static void print_wrapped(const char *text, int indent)
{
    int at = indent;
    for (const char *word = text; *word;) {
        size_t n = strcspn(word, " ");
        char copy[512];
        snprintf(copy, sizeof copy, "%.*s", (int)n, word);
        int w = columns(copy);
        if (at > indent && at + 1 + w > WIDTH - 2) {
            printf("\n%*s", indent, "");
            at = indent;
        } else if (at > indent) at += printf(" ");
        printf("%s", copy);
        at += w;
        word += n;
        while (*word == ' ') word++;
    }
    printf("\n");
}

/* The line of a check: its name, its rungs, its points. */
static void print_check(const grade_report *r, const grade_check *c, int unwritten_todo)
{
    char name[256], state[16], note[256], points[32];
    int at = printf("  %-9s ", c->name), good = !strcmp(c->state, "pass");
    for (int i = c->first; i < c->last; i++) {
        if (!strncmp(r->lines[i], "rung\t", 5)) {
            grade_field(r->lines[i], 1, name, sizeof name);
            grade_field(r->lines[i], 2, state, sizeof state);
            int ok = !strcmp(state, "ok");
            if (at + columns(name) + columns(mark(ok)) + 3 > WIDTH - 8)
                at = printf("\n%12s", "") - 1;
            printf("%s %s%s%s  ", name, ok ? GREEN : RED, mark(ok), PLAIN);
            at += columns(name) + columns(mark(ok)) + 3;
        } else if (!strncmp(r->lines[i], "note\t", 5)) {
            grade_field(r->lines[i], 1, note, sizeof note);
            at += printf("%s", note);
        }
    }
    if (!strcmp(c->state, "unwritten"))
        at += printf("not written yet%s", unwritten_todo ? "" : ": waits for the rest");
    else if (!good && strcmp(c->state, "fail"))
        printf("%s%s%s", RED, !strcmp(c->state, "slow") ? "too slow" : "crashed", PLAIN), at += 8;
    snprintf(points, sizeof points, "%d/%d", good ? c->points : 0, c->points);
    printf("%*s%s%s%s\n",
           WIDTH - 2 - at - (int)strlen(points) > 0 ? WIDTH - 2 - at - (int)strlen(points) : 1, "",
           good ? GREEN : "", points, PLAIN);
}

/* What stands below it: the numbers, what they mean, the formula. */
static void print_details(const grade_report *r, const grade_check *c)
{
    char a[128], y[64], e[64], n[128], text[1024];
    for (int i = c->first; i < c->last; i++) {
        const char *line = r->lines[i];
        if (!strncmp(line, "where\t", 6)) {
            grade_field(line, 1, a, sizeof a), grade_field(line, 2, y, sizeof y);
            grade_field(line, 3, e, sizeof e), grade_field(line, 4, n, sizeof n);
            printf("      %s   yours %s%s%s   expected %s%s%s%s\n", a, BOLD, y, PLAIN, e,
                   *n ? "   (" : "", n, *n ? ")" : "");
        } else if (!strncmp(line, "say\t", 4) || !strncmp(line, "memory\t", 7)) {
            printf("      %s ", option.utf8 ? "→" : "->");
            print_wrapped(grade_field(line, 1, text, sizeof text), option.utf8 ? 8 : 9);
        } else if (!strncmp(line, "formula\t", 8)) {
            printf("        formula %s\n", grade_field(line, 1, text, sizeof text));
        }
    }
}

/* At most `most` lines of a text, with a title before them. */
static void print_lines(const char *title, const char *text, int most)
{
    if (!text || !*text) return;
    printf("\n  %s%s%s\n", DIM, title, PLAIN);
    int n = 0;
    for (const char *line = text; *line && n < most; n++) {
        size_t length = strcspn(line, "\n");
        printf("    %.*s\n", length > 600 ? 600 : (int)length, line);
        line += length + (line[length] == '\n');
        if (n == most - 1 && *line) printf("    ...\n");
    }
}

static void print_bar(int k)
{
    char bar[12];
    int n = passed_count(), filled = exercise_count ? n * 10 / exercise_count : 0;
    memset(bar, '-', 10), memset(bar, '#', (size_t)filled), bar[10] = 0;
    if (filled < 10) bar[filled] = '>';
    char hint[40];
    snprintf(hint, sizeof hint, done[k].hints < HINTS ? "hint %d of %d" : "hints",
             done[k].hints + 1, HINTS);
    printf("\n  [h] %s   [r] run again   [n] next   [l] list   [q] quit   [%s] %d/%d\n", hint, bar,
           n, exercise_count);
}

/* ---- milestones ----------------------------------------------------------------------------- */

static milestone milestones[MILESTONE_MOST];
static int milestone_count;

/* Prints the exercises that a milestone still needs, after `before`. Returns how many. */
static int print_missing(const milestone *m, const char *before)
{
    int missing = 0;
    for (int k = 0; k < m->need_count; k++) {
        int i = find_exercise(m->needs[k]);
        if (i >= 0 && done[i].passed) continue;
        printf("%s%s", missing++ ? ", " : before, m->needs[k]);
    }
    return missing;
}

static void list_milestones(void)
{
    for (int i = 0; i < milestone_count; i++) {
        const milestone *m = &milestones[i];
        printf("  milestone %s %s\n", m->year, m->title);
        if (!print_missing(m, "    needs ")) printf("    open: ./learn milestone %s", m->year);
        printf("\n");
    }
}

/* Those that a first pass of exercise k has opened. */
static void announce_milestones(int k)
{
    for (int i = 0; i < milestone_count; i++) {
        const milestone *m = &milestones[i];
        int needed = 0, missing = 0;
        for (int n = 0; n < m->need_count; n++) {
            int e = find_exercise(m->needs[n]);
            needed |= e == k, missing += e < 0 || !done[e].passed;
        }
        if (needed && !missing)
            printf("\n  %smilestone %s is open%s: %s\n  see it: ./learn milestone %s\n", BOLD,
                   m->year, PLAIN, m->title, m->year);
    }
}

/* ---- one run -------------------------------------------------------------------------------- */

typedef struct result {
    grade_state state;
    int points, of, ran; /* ran: there is a report */
    int first_pass;
    unsigned long long seed;
    grade_todo todo;
    grade_source source;
    grade_report report;
    char *messages; /* of the compiler */
    char folder[512]; /* with what the learner's code printed */
} result;

static void free_result(result *x)
{
    free(x->messages);
    if (x->ran) grade_free(&x->report);
}

static unsigned long long text_hash(const char *text)
{
    unsigned long long h = 0xcbf29ce484222325u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

/* Counts a try, a pass, the best score. */
static void keep_score(int k, result *x, const char *text)
{
    progress *p = &done[k];
    unsigned long long hash = text_hash(text);
    if (x->state != GRADE_PASSED && x->state != GRADE_UNWRITTEN && x->state != GRADE_UNTRUSTED &&
        p->last != hash)
        p->tries++;
    p->last = hash;
    if (x->points > p->best) p->best = x->points;
    p->of = x->of;
    x->first_pass = x->state == GRADE_PASSED && !p->passed;
    if (x->state == GRADE_PASSED) p->passed = 1;
    save_progress();
}

/* Grades the learner's file of exercise k. */
static void grade_one(int k, const grade_tools *tools, result *x)
{
    char program[600];
    memset(x, 0, sizeof *x);
    grade_find_source(&x->source, ids[k], option.author);
    x->of = x->source.pin.points;
    x->state = GRADE_UNTRUSTED;
    if (!x->source.trusted) return;
    char *stub = grade_read_file(file_of(k, "exercise.c")), *mine = grade_read_file(mine_path(k));
    if (!stub || !mine) {
        snprintf(x->source.notice, sizeof x->source.notice, "cannot read %s", mine_path(k));
        free(stub), free(mine);
        return;
    }
    x->todo = grade_find_todo(stub, mine);
    x->seed = option.seed ? option.seed
                          : ((unsigned long long)time(NULL) * 2654435761u ^
                             (unsigned long long)getpid() * 40503u) &
                                0xffffff;
    int written = x->todo.total;
    for (int t = 1; t <= x->todo.total; t++)
        if (x->todo.unwritten >> t & 1) written--;
    if (written == 0) {
        x->state = GRADE_UNWRITTEN;
    } else {
        snprintf(x->folder, sizeof x->folder, "%s/%s.run", tools->folder, ids[k]);
        grade_make_folder(x->folder);
        snprintf(program, sizeof program, "%s/program", x->folder);
        x->state = grade_build(tools, &x->source, mine_path(k), program, &x->messages);
        if (x->state == GRADE_PASSED) {
            grade_run run = { x->seed, 1, 2000, 0, 0, x->todo.unwritten, x->folder };
            grade_execute(&x->report, program, &run);
            x->ran = 1;
            x->state = grade_judge(&x->report, &x->source.pin);
            x->points = grade_points(&x->report, &x->of);
        }
        keep_score(k, x, mine);
    }
    if (x->state == GRADE_PASSED) {
        grade_report ignored;
        grade_run run = { x->seed, 1, 5000, 1, 0, 0, x->folder };
        char output[600], kept[600];
        snprintf(output, sizeof output, "%s/output", x->folder);
        snprintf(kept, sizeof kept, "%s/printed", x->folder);
        rename(output, kept);
        grade_execute(&ignored, program, &run);
        grade_free(&ignored);
    }
    if (!x->of) x->of = x->source.pin.points;
    free(stub), free(mine);
}

static void print_unwritten(int k, const result *x)
{
    if (x->todo.unwritten == ~0u) /* a stub without marks */
        printf("\n  not begun yet: %s is as it was\n", mine_path(k));
    else
        printf("\n  not written yet: TODO %d of %d, line %d of %s\n", x->todo.first, x->todo.total,
               x->todo.line, mine_path(k));
    if (x->ran) return;
    printf("\n  Open that file in your editor. Each time you save it, it is graded here.\n");
    printf("  What to write: exercises/%s/README.md, or: ./learn explain %.2s\n", ids[k], ids[k]);
    if (passed_count() == 0)
        printf(
            "  It will fail at first. That is how it starts: each failure says what to look at.\n");
}

static void print_result(int k, const result *x)
{
    char seed[40] = "", path[700];
    int at;
    if (x->ran) snprintf(seed, sizeof seed, "seed 0x%llx", x->seed);
    at = printf("%s %s   (%d/%d points)", option.utf8 ? "▶" : ">", ids[k], x->points, x->of);
    if (option.utf8) at -= 2;
    printf("%*s%s\n",
           WIDTH - 2 - at - (int)strlen(seed) > 0 ? WIDTH - 2 - at - (int)strlen(seed) : 1, "",
           seed);
    if (*x->source.notice) printf("  %s%s%s\n", RED, x->source.notice, PLAIN);
    for (int i = 0; x->ran && i < x->report.check_count; i++) {
        print_check(&x->report, &x->report.checks[i], 1);
        print_details(&x->report, &x->report.checks[i]);
    }
    if (x->ran && x->report.done < 0)
        printf("  %s\n", x->report.check_count == 0
                             ? "your code ended or hung the program before any check could run: is "
                               "there a function\n  that runs before main()?"
                             : "the grader did not come to its end: your code stopped it");
    else if (x->ran && x->state == GRADE_UNTRUSTED)
        printf("  %sfewer checks ran than are pinned: not a pass%s\n", RED, PLAIN);
    if (x->state == GRADE_UNWRITTEN) print_unwritten(k, x);
    if (x->state == GRADE_NO_COMPILE) printf("  %sdoes not compile%s\n", RED, PLAIN);
    if (x->messages && strstr(x->messages, "multiple definition of"))
        printf("  leave main() and the names kit_... to the grader: delete yours\n");
    if (x->messages &&
        (strstr(x->messages, "undefined reference to") || strstr(x->messages, "ndefined symbol")))
        printf("  a function is missing, or has another name: exercise.h has the names\n");
    print_lines("the compiler says:", x->messages, 24);
    snprintf(path, sizeof path, "%s/%s", x->folder,
             x->state == GRADE_PASSED ? "printed" : "output");
    char *printed = x->ran ? grade_read_file(path) : NULL;
    print_lines("your code printed:", printed, 12);
    free(printed);
    if (x->state != GRADE_PASSED) return;
    snprintf(path, sizeof path, "%s/output", x->folder);
    char *reward = grade_read_file(path);
    print_lines("passed. Yours, against the reference:", reward, 40);
    free(reward);
    printf("\n  compare with another way to write it: ./learn solution %.2s\n", ids[k]);
    if (x->first_pass) announce_milestones(k);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void print_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') putchar('\\');
        if (c < 32) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void print_json(int k, const result *x)
{
    char text[1024];
    printf(
        "{\"id\": \"%s\", \"state\": \"%s\", \"code\": %d, \"points\": %d, \"of\": %d, \"seed\": "
        "\"0x%llx\", \"hints\": %d, \"tries\": %d, \"checks\": [",
        ids[k], grade_state_name(x->state), (int)x->state, x->points, x->of, x->seed, done[k].hints,
        done[k].tries);
    for (int i = 0; x->ran && i < x->report.check_count; i++) {
        const grade_check *c = &x->report.checks[i];
        int says = 0;
        printf("%s{\"name\": \"%s\", \"state\": \"%s\", \"points\": %d, \"says\": [", i ? ", " : "",
               c->name, c->state, c->points);
        for (int n = c->first; n < c->last; n++) {
            const char *line = x->report.lines[n];
            if (strncmp(line, "say\t", 4) && strncmp(line, "memory\t", 7)) continue;
            if (says++) printf(", ");
            print_string(grade_field(line, 1, text, sizeof text));
        }
        printf("]}");
    }
    printf("], \"notice\": ");
    print_string(x->source.notice);
    printf("}");
}

/* ---- commands ------------------------------------------------------------------------------- */

static grade_tools tools;

static int find_tools(void)
{
    const char *cc = getenv("CC");
    if (!cc || !*cc) cc = "cc";
    if (grade_tools_find(&tools, cc, "-O1")) return 1;
    fprintf(stderr, "learn: the compiler '%s' does not work; name another: make learn CC=gcc\n",
            cc);
    return 0;
}

static grade_state command_run(int k, int with_keys)
{
    result x;
    if (!make_copy(k)) return GRADE_USAGE;
    grade_one(k, &tools, &x);
    if (option.json) {
        print_json(k, &x);
        printf("\n");
    } else {
        print_result(k, &x);
        if (with_keys) print_bar(k);
    }
    fflush(stdout);
    grade_state state = x.state;
    free_result(&x);
    return state;
}

/* Tier `tier` of hints.txt, where a line "--" divides them. */
static void print_hint(int k, int tier)
{
    char *text = grade_read_file(file_of(k, "hints.txt"));
    const char *at = text;
    for (int t = 1; at && t < tier; t++) {
        at = strstr(at, "\n--\n");
        if (at) at += 4;
    }
    if (!at) return;
    const char *end = strstr(at, "\n--\n");
    printf("\n  %shint %d of %d%s\n", BOLD, tier, HINTS, PLAIN);
    for (const char *line = at; *line && (!end || line < end);) {
        char copy[1024];
        size_t n = strcspn(line, "\n");
        snprintf(copy, sizeof copy, "%.*s", (int)n, line);
        if (copy[0] == ' ' || columns(copy) < WIDTH - 5) printf("    %s\n", copy);
        else printf("    "), print_wrapped(copy, 4);
        line += n + (line[n] == '\n');
    }
    free(text);
}

static grade_state command_hint(int k)
{
    if (done[k].hints < HINTS) done[k].hints++;
    save_progress();
    for (int tier = 1; tier <= done[k].hints; tier++) print_hint(k, tier);
    return GRADE_PASSED;
}

static grade_state command_list(void)
{
    for (int i = 0; i < exercise_count; i++) {
        const progress *p = &done[i];
        printf("  %s %-24s", p->passed ? mark(1) : p->tries ? "." : " ", ids[i]);
        if (p->passed || p->tries) printf(" %2d/%-2d points", p->best, p->of);
        if (p->tries || p->hints) printf("   %d failed tries, %d hints", p->tries, p->hints);
        printf("\n");
    }
    printf("  %d of %d passed\n", passed_count(), exercise_count);
    list_milestones();
    return GRADE_PASSED;
}

/* Puts the stub back; the old file becomes NAME.c.1, .2 ... */
static grade_state command_reset(int k)
{
    char backup[600];
    if (!access(mine_path(k), F_OK)) {
        int n = 1;
        do snprintf(backup, sizeof backup, "%s.%d", mine_path(k), n++);
        while (!access(backup, F_OK));
        if (rename(mine_path(k), backup)) {
            fprintf(stderr, "learn: cannot write %s; nothing was changed\n", backup);
            return GRADE_USAGE;
        }
        printf("  your old file is kept as %s\n", backup);
    }
    if (!make_copy(k)) return GRADE_USAGE;
    printf("  %s is new\n", mine_path(k));
    return GRADE_PASSED;
}

static grade_state command_solution(int k)
{
    const progress *p = &done[k];
    if (!p->passed && (p->hints < HINTS || p->tries < TRIES)) {
        printf("  The solution opens when you pass, or after all %d hints and %d tries.\n"
               "  So far: %d hints, %d tries. Next: ./learn hint %.2s\n",
               HINTS, TRIES, p->hints, p->tries, ids[k]);
        return GRADE_WRONG;
    }
    char *text = grade_read_file(file_of(k, "solution.c"));
    if (text) fputs(text, stdout);
    free(text);
    return GRADE_PASSED;
}

static grade_state command_explain(int k)
{
    char *text = grade_read_file(file_of(k, "README.md"));
    if (text) fputs(text, stdout);
    free(text);
    return GRADE_PASSED;
}

/* All of them once. 0 only if everything passes. */
static grade_state command_grade(void)
{
    int points = 0, of = 0, passed = 0;
    if (option.json) printf("[");
    for (int k = 0; k < exercise_count; k++) {
        result x;
        memset(&x, 0, sizeof x);
        if (access(mine_path(k), F_OK)) { /* never begun */
            grade_pin pin;
            x.state = GRADE_UNWRITTEN;
            x.of = grade_read_pin(ids[k], &pin) ? pin.points : 0;
        } else grade_one(k, &tools, &x);
        if (option.json) {
            printf("%s", k ? ",\n " : "");
            print_json(k, &x);
        } else
            printf("  %-24s %-18s %2d/%-2d%s%s\n", ids[k], grade_state_name(x.state), x.points,
                   x.of, *x.source.notice ? "  " : "", x.source.notice);
        fflush(stdout);
        points += x.points, of += x.of, passed += x.state == GRADE_PASSED;
        free_result(&x);
    }
    if (option.json) printf("]\n");
    else printf("  %-24s %d of %d passed  %3d/%d\n", "all", passed, exercise_count, points, of);
    return passed == exercise_count ? GRADE_PASSED : GRADE_WRONG;
}

/* Runs a milestone on the learner's own files, or says what it still needs. */
static grade_state command_milestone(const char *year)
{
    char files[MILESTONE_FILES][512], folder[400], *output;
    const char *paths[MILESTONE_FILES];
    int which = -1;
    for (int i = 0; year && i < milestone_count; i++)
        if (!strcmp(milestones[i].year, year)) which = i;
    if (which < 0) {
        list_milestones();
        return year ? GRADE_USAGE : GRADE_PASSED;
    }
    const milestone *m = &milestones[which];
    if (print_missing(m, "  it runs on your own functions, and needs a pass of ")) {
        printf("\n");
        return GRADE_UNWRITTEN;
    }
    for (int k = 0; k < m->need_count; k++) {
        snprintf(files[k], sizeof files[k], "%s", mine_path(find_exercise(m->needs[k])));
        paths[k] = files[k];
    }
    snprintf(folder, sizeof folder, "%s/milestone.%s", tools.folder, m->year);
    grade_state state = milestone_run(m, tools.cc, paths, folder, &output);
    if (state == GRADE_NO_COMPILE) print_lines("the compiler says:", output, 24);
    else if (output) fputs(output, stdout);
    if (state == GRADE_NO_COMPILE && output &&
        (strstr(output, "multiple definition") || strstr(output, "duplicate symbol")))
        printf("  Two of your files define the same name: write static before a helper's.\n");
    if (state == GRADE_CRASHED || state == GRADE_SLOW)
        printf("\nnot reached: %s\n",
               state == GRADE_SLOW ? "stopped after a minute" : "your code ended the program");
    free(output);
    return state;
}

/* ---- watching ------------------------------------------------------------------------------- */

static struct termios terminal_before;

static void restore_terminal(void)
{
    tcsetattr(0, TCSANOW, &terminal_before);
}

/* A key, or 0 after a fifth of a second. */
static int read_key(void)
{
    struct pollfd p = { 0, POLLIN, 0 };
    char c = 0;
    if (poll(&p, 1, 200) <= 0) return 0;
    return read(0, &c, 1) == 1 ? c : 'q';
}

static void show(int k)
{
    grade_source source;
    if (option.color) printf("\033[2J\033[3J\033[H"); /* clear the screen */
    command_run(k, 1);
    grade_find_source(&source, ids[k], option.author);
    if (source.trusted) grade_prepare(&tools, &source); /* while the learner reads */
}

/* Never moves on by itself: [n] does. */
static grade_state command_watch(int k)
{
    if (!isatty(0) || !isatty(1)) { /* a script: show it once */
        grade_state state = command_run(k, 0);
        return state == GRADE_USAGE ? state : GRADE_PASSED;
    }
    tcgetattr(0, &terminal_before);
    atexit(restore_terminal);
    struct termios raw = terminal_before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(0, TCSANOW, &raw);
    for (unsigned long long seen = 0;;) {
        unsigned long long now = grade_file_time(mine_path(k));
        if (!seen || (now && now != seen)) {
            show(k);
            seen = now ? now : grade_file_time(mine_path(k)); /* a save meanwhile is seen next */
        }
        int key = read_key();
        if (key == 'q') return GRADE_PASSED;
        if (key == 'h') command_hint(k);
        if (key == 'l') command_list();
        if (key == 'n') k = (k + 1) % exercise_count;
        if (key == 'n' || key == 'r') seen = 0;
        fflush(stdout);
    }
}

/* ---- main ----------------------------------------------------------------------------------- */

static int usage(void)
{
    printf("learn [ID]             watch an exercise: the first that has not passed, or ID\n"
           "learn run [ID]         grade it once\n"
           "learn hint [ID]        the next of three hints\n"
           "learn explain [ID]     its page\n"
           "learn reset [ID]       start again; your file is kept\n"
           "learn solution [ID]    after a pass, or after all hints and three tries\n"
           "learn list             all exercises and your points\n"
           "learn grade            grade all of them\n"
           "learn milestone [YEAR] history, on your own functions\n"
           "learn selfcheck, pin   for authors: exercises/AUTHORS.md\n"
           "options: --json, --seed N (repeat a run), --mine FOLDER (another's files), --author\n"
           "exit codes: 0 passed, 1 wrong, 2 usage, 3 does not compile, 4 crashed, 5 too slow,\n"
           "            6 not written yet, 7 not scored (the grader was edited)\n");
    return GRADE_USAGE;
}

/* Goes up to the folder that holds exercises/kit. */
static int find_root(void)
{
    for (int up = 0; up < 8; up++) {
        if (!access("exercises/kit/kit.h", R_OK)) return 1;
        if (chdir("..")) return 0;
    }
    return 0;
}

static void find_terminal(void)
{
    const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" }, *value = NULL;
    for (int i = 0; i < 3 && !(value && *value); i++) value = getenv(names[i]);
    option.utf8 = value && (strstr(value, "UTF-8") || strstr(value, "utf8") ||
                            strstr(value, "UTF8") || strstr(value, "utf-8"));
    option.color = isatty(1) && !getenv("NO_COLOR");
}

enum { WORDS = 64 };

/* Takes the options out of argv. Returns the number of words left, or -1; too many are refused. */
static int read_options(int argc, char **argv, char **words)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) option.json = 1;
        else if (!strcmp(argv[i], "--author")) option.author = 1;
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            option.seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--mine") && i + 1 < argc) option.mine = argv[++i];
        else if (argv[i][0] == '-' && strcmp(argv[i], "--quick")) return -1;
        else if (n == WORDS - 1) return -1;
        else words[n++] = argv[i];
    }
    return n;
}

int main(int argc, char **argv)
{
    static const char *const commands[] = { "run",      "hint",    "list",  "reset",
                                            "solution", "explain", "grade", "watch" };
    char *words[WORDS] = { 0 };
    int n = read_options(argc, argv, words), which = -1;
    if (n < 0) return usage();
    if (!find_root()) {
        fprintf(stderr, "learn: start it inside the repository: there is no exercises/kit here\n");
        return GRADE_USAGE;
    }
    find_terminal();
    load_progress();
    milestone_count = milestone_list(milestones, MILESTONE_MOST);
    if (n > 0 && !strcmp(words[0], "selfcheck")) return selfcheck(n - 1, words + 1);
    if (n > 0 && !strcmp(words[0], "pin")) return selfcheck_pin(n - 1, words + 1);
    if (n > 0 && !strcmp(words[0], "milestone"))
        return find_tools() ? (int)command_milestone(words[1]) : GRADE_USAGE;
    for (int i = 0; n > 0 && i < 8; i++)
        if (!strcmp(words[0], commands[i])) which = i;
    const char *id = which < 0 ? words[0] : words[1];
    int k = find_exercise(id);
    if (k < 0) {
        if (!strcmp(id, "help")) return usage();
        fprintf(stderr,
                "learn: there is no exercise or command '%s'; see: ./learn list, ./learn help\n",
                id);
        return GRADE_USAGE;
    }
    if (which == 1) return (int)command_hint(k);
    if (which == 2) return (int)command_list();
    if (which == 3) return (int)command_reset(k);
    if (which == 4) return (int)command_solution(k);
    if (which == 5) return (int)command_explain(k);
    if (!find_tools()) return GRADE_USAGE;
    if (which == 0) return (int)command_run(k, 0);
    if (which == 6) return (int)command_grade();
    return (int)command_watch(k);
}
