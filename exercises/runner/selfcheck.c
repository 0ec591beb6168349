/* selfcheck.c - grades the graders. For each exercise:

     the stub        compiles without a warning, is "not written yet", and does not pass as it is
     the solution    has full marks on every seed, with each compiler and level, sanitizers on, and
                     does as many checks and rungs as are pinned
     each variant    (first line: passes) passes
     each mutant     fails the checks that its first line names, with its words, and no others
     the catalogue   each entry is met by a mutant, each check is failed by one
     the cheats      (made here from exercise.h) do not pass

   And for each milestone: with the solutions as the learner's files, and with each right variant, it
   reaches its mark; with a stub, or a mutant that its head names for each exercise, it does not.

   Exercises and milestones are shared out over the cores, one process each. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "selfcheck.h"
#include "grade.h"
#include "milestone.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EXERCISES = 99, MAX_MISTAKES = 128, MAX_CHECKS = 32, CHEAT_LIMIT_MS = 150 };

/* What one exercise adds to the last line. */
typedef struct counts {
    int exercises, stubs, full_passes, mutants, variants, entries, checks, rungs, cheats, failures;
    int milestones, reached, refused; /* programs; runs that reached the mark; and that may not */
    double worst; /* the largest part of a tolerance that a solution needed */
} counts;

typedef struct work {
    const char *id;
    char folder[300]; /* where its programs go */
    grade_source source;
    const grade_tools *tools; /* for mutants and cheats */
    char *mistakes[MAX_MISTAKES]; /* "rung\ttext" of the catalogue */
    int met[MAX_MISTAKES], mistake_count;
    char checks[MAX_CHECKS][64];
    int failed[MAX_CHECKS], check_count; /* by how many mutants */
    int mutant_seeds;
    counts n;
} work;

static void fail(work *w, const char *format, ...)
{
    char text[1400];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    printf("FAILED %s: %s\n", w->id, text);
    fflush(stdout);
    w->n.failures++;
}

/* Builds `path` with the grader as `name`. Returns 1, or 0 after saying why not. */
static int build(work *w, const grade_tools *tools, const char *path, const char *name,
                 char program[400])
{
    char *messages;
    snprintf(program, 400, "%s/%.60s", w->folder, name);
    grade_state state = grade_build(tools, &w->source, path, program, &messages);
    if (state != GRADE_PASSED)
        fail(w, "%s does not compile:\n%.600s", path, messages ? messages : "");
    free(messages);
    return state == GRADE_PASSED;
}

static void remove_program(const char *program)
{
    static const char *const ends[] = { "", ".o", ".log", ".link" };
    char path[500];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", program, ends[i]);
        unlink(path);
    }
}

/* ---- stub and solution ---------------------------------------------------------------------- */

static void check_warnings(work *w, const char *file)
{
    char path[300], include[300], log[400];
    snprintf(path, sizeof path, "exercises/%s/%s", w->id, file);
    snprintf(include, sizeof include, "-Iexercises/%s", w->id);
    snprintf(log, sizeof log, "%s/warnings", w->folder);
    const char *argv[] = { w->tools->cc, "-std=c99",     "-Wall",   "-Wextra", "-Wpedantic",
                           "-Wshadow",   "-Wconversion", "-Werror", "-I.",     "-Iexercises/kit",
                           include,      "-c",           path,      "-o",      "/dev/null",
                           NULL };
    if (!grade_command((char *const *)(size_t)argv, log, 60)) return;
    char *text = grade_read_file(log);
    fail(w, "%s has warnings:\n%.600s", path, text ? text : "");
    free(text);
}

static void check_stub(work *w)
{
    char path[300], program[400];
    snprintf(path, sizeof path, "exercises/%s/exercise.c", w->id);
    char *stub = grade_read_file(path);
    grade_todo todo = grade_find_todo(stub ? stub : "", stub ? stub : "");
    free(stub);
    check_warnings(w, "exercise.c");
    if (todo.first != 1) fail(w, "its stub is not 'not written yet'");
    if (!build(w, w->tools, path, "stub", program)) return;
    for (int as_written = 0; as_written < 2; as_written++) {
        grade_report r;
        grade_run run = { 1, 1, CHEAT_LIMIT_MS, 0, 0, as_written ? 0 : todo.unwritten, NULL };
        grade_execute(&r, program, &run);
        grade_state state = grade_judge(&r, &w->source.pin);
        if (!as_written && state != GRADE_UNWRITTEN)
            fail(w, "the stub is '%s', not 'not written yet'", grade_state_name(state));
        if (as_written && state == GRADE_PASSED) fail(w, "the stub passes");
        grade_free(&r);
    }
    w->n.stubs++;
    remove_program(program);
}

/* One seed's part of a report has to be a full pass. */
static void check_full_pass(work *w, const grade_report *r, int from, int checks, const char *how)
{
    int points = 0, rungs = 0;
    const grade_pin *pin = &w->source.pin;
    for (int i = from; i < from + checks; i++) {
        const grade_check *c = &r->checks[i];
        points += c->points, rungs += c->rungs;
        for (int l = c->first; l < c->last; l++) {
            char used[64];
            if (strncmp(r->lines[l], "rung\t", 5)) continue;
            double part = strtod(grade_field(r->lines[l], 3, used, sizeof used), NULL);
            if (part > w->n.worst) w->n.worst = part;
            if (part > 0.1) fail(w, "%s: %s uses %.2f of its tolerance", how, r->lines[l], part);
        }
        if (!strcmp(c->state, "pass")) continue;
        fail(w, "solution, %s: check %s is '%s'", how, c->name, c->state);
        for (int l = c->first; l < c->last; l++) printf("    %s\n", r->lines[l]);
    }
    if (points != pin->points || rungs != pin->rungs)
        fail(w, "solution, %s: %d points and %d rungs; pinned are %d and %d (learn pin %s)", how,
             points, rungs, pin->points, pin->rungs, w->id);
    w->n.full_passes++;
}

/* The lines "mistake" of the first run, and the names of the checks. */
static void keep_catalogue(work *w, const grade_report *r)
{
    for (int i = 0; i < r->line_count; i++)
        if (!strncmp(r->lines[i], "mistake\t", 8) && w->mistake_count < MAX_MISTAKES)
            w->mistakes[w->mistake_count++] = strdup(r->lines[i] + 8);
    for (int i = 0; i < r->check_count && i < w->source.pin.checks && i < MAX_CHECKS; i++)
        snprintf(w->checks[w->check_count++], 64, "%s", r->checks[i].name);
}

static void check_solution(work *w, const grade_tools *tools, int seeds)
{
    char path[300], program[400], how[400];
    grade_report r;
    grade_run run = { 1, seeds, 5000, 0, w->check_count == 0, 0, NULL };
    snprintf(path, sizeof path, "exercises/%s/solution.c", w->id);
    if (!build(w, tools, path, "solution", program)) return;
    grade_execute(&r, program, &run);
    int checks = w->source.pin.checks;
    snprintf(how, sizeof how, "%s %s", tools->cc, tools->level);
    if (run.list) keep_catalogue(w, &r);
    if (checks < 1 || r.check_count != checks * seeds || r.done != r.check_count)
        fail(w, "solution, %s: %d checks on %d seeds, %d reported; pinned are %d (learn pin %s)",
             how, r.check_count, seeds, r.done, checks, w->id);
    else
        for (int s = 0; s < seeds; s++) {
            snprintf(how, sizeof how, "%s %s, seed %d", tools->cc, tools->level, s + 1);
            check_full_pass(w, &r, s * checks, checks, how);
        }
    grade_free(&r);
    remove_program(program);
}

/* ---- mutants -------------------------------------------------------------------------------- */

/* Is `name` one of the words of `list`? */
static int has_word(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == 0)) return 1;
    return 0;
}

/* The entry of the catalogue that this line says, or -1. */
static int find_mistake(const work *w, const char *line)
{
    for (int i = 0; i < w->mistake_count; i++)
        if (!strcmp(strchr(w->mistakes[i], '\t') + 1, line)) return i;
    return -1;
}

/* Marks what a failing check says in the catalogue. Returns 1 if `words` are in it. */
static int look_for_words(work *w, const grade_report *r, const grade_check *c, const char *words)
{
    int found = 0;
    char rung[128] = "", text[1200];
    for (int l = c->first; l < c->last; l++) {
        const char *line = r->lines[l], *tab = strchr(line, '\t');
        if (!strncmp(line, "rung\t", 5)) grade_field(line, 1, rung, sizeof rung);
        if (strncmp(line, "say\t", 4) && strncmp(line, "memory\t", 7)) continue;
        found |= strstr(tab + 1, words) != NULL;
        for (int i = find_mistake(w, tab + 1); i >= 0 && i < w->mistake_count; i++) {
            grade_field(w->mistakes[i], 0, text, sizeof text);
            size_t n = strlen(text);
            if (!strcmp(strchr(w->mistakes[i], '\t') + 1, tab + 1) && !strncmp(text, rung, n) &&
                (rung[n] == 0 || rung[n] == '('))
                w->met[i] = 1;
        }
    }
    return found;
}

static void judge_mutant(work *w, const grade_report *r, const char *name, const char *checks,
                         const char *words, int seed)
{
    int said = 0;
    for (int i = 0; i < r->check_count; i++) {
        const grade_check *c = &r->checks[i];
        int failed = strcmp(c->state, "pass") != 0, expected = has_word(checks, c->name);
        if (failed) {
            said |= look_for_words(w, r, c, words ? words : "");
            if (i < w->check_count) w->failed[i]++;
        }
        if (failed == expected) continue;
        fail(w, "mutant %s, seed %d: check %s %s", name, seed, c->name,
             failed ? "fails, too" : "passes");
        for (int l = c->first; l < c->last; l++) printf("    %s\n", r->lines[l]);
    }
    if (r->check_count != w->source.pin.checks)
        fail(w, "mutant %s, seed %d: %d checks, pinned are %d", name, seed, r->check_count,
             w->source.pin.checks);
    if (said || !words) return;
    fail(w, "mutant %s, seed %d: nobody says '%s', but:", name, seed, words);
    for (int l = 0; l < r->line_count; l++)
        if (!strncmp(r->lines[l], "say\t", 4) || !strncmp(r->lines[l], "memory\t", 7))
            printf("    %s\n", r->lines[l]);
}

/* A mutant's first line: // fails: CHECK [CHECK ...]  says: WORDS */
static void check_mutant(work *w, const char *file)
{
    char path[400], program[400], checks[200] = "", words[400] = "";
    snprintf(path, sizeof path, "exercises/%s/mutants/%s", w->id, file);
    char *text = grade_read_file(path);
    int variant = text && !strncmp(text, "// passes\n", 10); /* another right way to write it */
    int good = variant || !text ? variant
                                : sscanf(text, "// fails: %199[^:]: %399[^\n]", checks, words) == 2;
    char *says = strstr(checks, "says");
    free(text);
    if (!good || (!says && !variant)) {
        fail(w, "%s begins neither with '// fails: CHECKS  says: WORDS' nor with '// passes'",
             path);
        return;
    }
    if (says) *says = 0;
    char copy[200];
    strcpy(copy, checks);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        int known = 0;
        for (int i = 0; i < w->check_count; i++) known |= !strcmp(w->checks[i], word);
        if (!known) fail(w, "%s names a check '%s' that does not exist", path, word);
    }
    if (!build(w, w->tools, path, file, program)) return;
    for (int seed = 1; seed <= w->mutant_seeds; seed++) {
        grade_report r;
        grade_run run = { (unsigned long long)seed, 1, CHEAT_LIMIT_MS, 0, 0, 0, NULL };
        grade_execute(&r, program, &run);
        judge_mutant(w, &r, file, checks, variant ? NULL : words, seed);
        grade_free(&r);
    }
    if (variant) w->n.variants++;
    else w->n.mutants++;
    remove_program(program);
}

static void check_mutants(work *w)
{
    char path[300];
    snprintf(path, sizeof path, "exercises/%s/mutants", w->id);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 2 && !strcmp(e->d_name + n - 2, ".c")) check_mutant(w, e->d_name);
    }
    if (d) closedir(d);
    if (w->n.mutants < 5) fail(w, "it has %d mutants, at least 5 are asked for", w->n.mutants);
    for (int i = 0; i < w->mistake_count; i++)
        if (!w->met[i]) fail(w, "no mutant meets this entry of the catalogue: %s", w->mistakes[i]);
    for (int i = 0; i < w->check_count; i++)
        if (!w->failed[i] && strcmp(w->checks[i], "memory"))
            fail(w, "no mutant fails the check %s", w->checks[i]);
    w->n.entries = w->mistake_count;
    w->n.checks = w->check_count;
    w->n.rungs = w->source.pin.rungs;
}

/* ---- cheats --------------------------------------------------------------------------------- */

/* Removes comments, lines that start with #, and types in braces: prototypes are left. */
static void keep_prototypes(char *text)
{
    char *to = text;
    int depth = 0;
    for (char *c = text; *c;) {
        if (!strncmp(c, "/*", 2)) {
            char *end = strstr(c, "*/");
            c = end ? end + 2 : c + strlen(c);
        } else if (!strncmp(c, "//", 2) || (*c == '#' && (c == text || c[-1] == '\n'))) {
            c += strcspn(c, "\n");
        } else {
            depth += *c == '{';
            if (!depth) *to++ = (char)(isspace((unsigned char)*c) ? ' ' : *c);
            depth -= *c == '}';
            c++;
        }
    }
    *to = 0;
}

/* A prototype in parts. */
typedef struct prototype {
    char type[100], name[100], parameters[1000], arguments[500];
} prototype;

static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The name that a declaration such as "const double *x" or "int n[2]" declares. */
static void append_name(const char *start, const char *end, char *to, size_t size)
{
    const char *bracket = memchr(start, '[', (size_t)(end - start));
    if (bracket) end = bracket;
    while (end > start && !is_word(end[-1])) end--;
    const char *name = end;
    while (name > start && is_word(name[-1])) name--;
    if (end - name == 4 && !strncmp(name, "void", 4)) return;
    size_t used = strlen(to);
    snprintf(to + used, size - used, "%s%.*s", used ? ", " : "", (int)(end - name), name);
}

static int parse_prototype(const char *text, prototype *p)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    memset(p, 0, sizeof *p);
    if (!open || !close || strstr(text, "typedef")) return 0;
    const char *end = open, *name;
    while (end > text && !is_word(end[-1])) end--;
    for (name = end; name > text && is_word(name[-1]);) name--;
    while (*text == ' ') text++;
    snprintf(p->name, sizeof p->name, "%.*s", (int)(end - name), name);
    snprintf(p->type, sizeof p->type, "%.*s", (int)(name - text), text);
    snprintf(p->parameters, sizeof p->parameters, "%.*s", (int)(close - open - 1), open + 1);
    for (const char *c = open + 1; c < close;) {
        const char *comma = memchr(c, ',', (size_t)(close - c));
        append_name(c, comma ? comma : close, p->arguments, sizeof p->arguments);
        c = comma ? comma + 1 : close;
    }
    return 1;
}

static int is_number_type(const char *type)
{
    static const char *const names[] = {
        "double", "float", "int", "long", "char", "size_t", "bool"
    };
    for (int i = 0; i < 7 && !strchr(type, '*'); i++)
        if (strstr(type, names[i])) return 1;
    return 0;
}

typedef struct cheat {
    const char *name, *kind;
    int with_solution, early;
    const char *state; /* every other check's state must be this, or "": anything but a full pass */
} cheat;

static const cheat cheats[] = {
    { "zeros", "KIT_ZEROS", 0, 0, "" },      { "copy", "KIT_COPY", 0, 0, "" },
    { "nan", "KIT_NAN", 0, 0, "" },          { "exit", "KIT_EXIT", 0, 0, "crash" },
    { "loop", "KIT_LOOP", 0, 0, "slow" },    { "overrun", "KIT_OVERRUN", 1, 0, "" },
    { "early exit", "KIT_ZEROS", 0, 1, "" },
};
enum { CHEATS = sizeof cheats / sizeof cheats[0] };

static void write_function(FILE *f, const prototype *p, const cheat *c)
{
    const char *name = p->name;
    int returns = strcmp(p->type, "void ") != 0, number = is_number_type(p->type);
    fprintf(f, "%s %s(%s)\n{\n", p->type, name, p->parameters);
    if (c->with_solution)
        fprintf(f, "    %s%ssolution_%s(%s);\n    kit_cheat(%s);\n%s", returns ? p->type : "",
                returns ? " r = " : "", name, p->arguments, c->kind,
                returns ? "    return r;\n" : "");
    else if (returns && number) fprintf(f, "    return (%s)kit_cheat(%s);\n", p->type, c->kind);
    else
        fprintf(f, "    kit_cheat(%s);\n%s%s%s", c->kind, returns ? "    static " : "",
                returns ? p->type : "", returns ? " nothing;\n    return nothing;\n" : "");
    fprintf(f, "}\n");
}

static int write_cheat(work *w, const cheat *c, const char *path)
{
    char header[300];
    prototype p;
    snprintf(header, sizeof header, "exercises/%s/exercise.h", w->id);
    char *text = grade_read_file(header), *copy;
    FILE *f = fopen(path, "w");
    if (!text || !f) return 0;
    keep_prototypes(text);
    copy = strdup(text);
    fprintf(f, "#include <stdlib.h>\n#include \"kit.h\"\n");
    if (c->with_solution) {
        for (char *s = strtok(copy, ";"); s; s = strtok(NULL, ";"))
            if (parse_prototype(s, &p)) fprintf(f, "#define %s solution_%s\n", p.name, p.name);
        fprintf(f, "#include \"exercises/%s/solution.c\"\n", w->id);
    } else fprintf(f, "#include \"exercise.h\"\n");
    for (char *s = strtok(text, ";"); s; s = strtok(NULL, ";"))
        if (parse_prototype(s, &p)) {
            if (c->with_solution) fprintf(f, "#undef %s\n", p.name);
            write_function(f, &p, c);
        }
    if (c->early) fprintf(f, "__attribute__((constructor)) static void early(void) { exit(0); }\n");
    free(text), free(copy);
    return !fclose(f);
}

static void check_cheat(work *w, const cheat *c)
{
    char path[400], program[400];
    grade_report r;
    grade_run run = { 1, 1, CHEAT_LIMIT_MS, 0, 0, 0, NULL };
    snprintf(path, sizeof path, "%s/cheat.c", w->folder);
    if (!write_cheat(w, c, path) || !build(w, w->tools, path, "cheat", program)) return;
    grade_execute(&r, program, &run);
    if (grade_judge(&r, &w->source.pin) == GRADE_PASSED) fail(w, "the cheat '%s' passes", c->name);
    if (c->early && r.check_count) fail(w, "the cheat '%s' came to the checks", c->name);
    for (int i = 0; i < r.check_count; i++) {
        const char *state = r.checks[i].state;
        int memory = !strcmp(r.checks[i].name, "memory");
        if (memory && c->with_solution && !strcmp(state, "pass"))
            fail(w, "the cheat '%s' passes the check memory", c->name);
        if (!memory && *c->state && strcmp(state, c->state))
            fail(w, "the cheat '%s': check %s is '%s', not '%s'", c->name, r.checks[i].name, state,
                 c->state);
    }
    grade_free(&r);
    w->n.cheats++;
    remove_program(program);
}

/* ---- milestones ----------------------------------------------------------------------------- */

/* Runs it with `path` for the exercise `need`, the solutions for the others. */
static void try_milestone(work *w, const milestone *m, int need, const char *path, int reaches)
{
    char files[MILESTONE_FILES][300], *output;
    const char *paths[MILESTONE_FILES];
    for (int k = 0; k < m->need_count; k++) {
        snprintf(files[k], sizeof files[k], "exercises/%s/solution.c", m->needs[k]);
        paths[k] = k == need ? path : files[k];
    }
    grade_state state = milestone_run(m, w->tools->cc, paths, w->folder, &output);
    if ((state == GRADE_PASSED) != reaches || state == GRADE_NO_COMPILE) {
        fail(w, "%s with %s is '%s':", m->year, path, grade_state_name(state));
        printf("%.2000s\n", output ? output : "");
    }
    free(output);
    w->n.reached += reaches, w->n.refused += !reaches;
}

static void try_variants(work *w, const milestone *m, int need)
{
    char folder[200], path[500];
    snprintf(folder, sizeof folder, "exercises/%s/mutants", m->needs[need]);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 3 || strcmp(e->d_name + n - 2, ".c")) continue;
        snprintf(path, sizeof path, "%s/%.250s", folder, e->d_name);
        char *text = grade_read_file(path);
        if (text && !strncmp(text, "// passes\n", 10)) try_milestone(w, m, need, path, 1);
        free(text);
    }
    if (d) closedir(d);
}

static void check_milestone(work *w, const grade_tools *tools, const milestone *m)
{
    char path[300], file[32];
    snprintf(w->folder, sizeof w->folder, "build/exercises/selfcheck/milestone.%s", m->year);
    grade_make_folder(w->folder);
    w->id = "milestones", w->tools = tools, w->n.milestones = 1;
    snprintf(file, sizeof file, "%s.c", m->year);
    check_warnings(w, file);
    try_milestone(w, m, -1, "the solutions", 1);
    for (int k = 0; k < m->need_count; k++) {
        size_t n = strlen(m->needs[k]);
        int broken = 0;
        snprintf(path, sizeof path, "exercises/%s/exercise.c", m->needs[k]);
        try_milestone(w, m, k, path, 0);
        try_variants(w, m, k);
        for (int b = 0; b < m->broken_count; b++) {
            if (strncmp(m->broken[b], m->needs[k], n) || m->broken[b][n] != '/') continue;
            snprintf(path, sizeof path, "exercises/%s/mutants/%s.c", m->needs[k],
                     m->broken[b] + n + 1);
            try_milestone(w, m, k, path, 0), broken++;
        }
        if (!broken) fail(w, "%s names no broken mutant of %s", m->year, m->needs[k]);
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void check_files(work *w)
{
    static const char *const names[] = { "README.md", "hints.txt", "solution.c", "check.c",
                                         "pinned" };
    char path[300];
    int tiers = 1;
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "exercises/%s/%s", w->id, names[i]);
        if (access(path, R_OK)) fail(w, "there is no %s", path);
    }
    snprintf(path, sizeof path, "exercises/%s/hints.txt", w->id);
    char *hints = grade_read_file(path);
    for (char *at = hints; at && (at = strstr(at, "\n--\n")); at++) tiers++;
    free(hints);
    if (tiers != 3) fail(w, "hints.txt has %d tiers, not 3", tiers);
    if (!grade_pin_is_current(w->id))
        fail(w, "check.c or exercise.h differs from what is pinned: learn pin %s", w->id);
}

static void check_exercise(work *w, const grade_tools *tools, int tool_count, int seeds)
{
    snprintf(w->folder, sizeof w->folder, "build/exercises/selfcheck/%.60s", w->id);
    grade_make_folder(w->folder);
    grade_find_source(&w->source, w->id, 1);
    w->tools = &tools[0];
    w->n.exercises = 1;
    check_files(w);
    check_warnings(w, "solution.c"), check_warnings(w, "check.c");
    for (int t = 0; t < tool_count; t++) check_solution(w, &tools[t], seeds);
    check_stub(w);
    check_mutants(w);
    for (int c = 0; c < CHEATS; c++) check_cheat(w, &cheats[c]);
}

static void add_counts(counts *all, const counts *one)
{
    all->exercises += one->exercises, all->stubs += one->stubs;
    all->full_passes += one->full_passes, all->mutants += one->mutants;
    all->variants += one->variants;
    all->entries += one->entries, all->checks += one->checks, all->rungs += one->rungs;
    all->cheats += one->cheats, all->failures += one->failures;
    all->milestones += one->milestones;
    all->reached += one->reached, all->refused += one->refused;
    if (one->worst > all->worst) all->worst = one->worst;
}

/* What selfcheck looks at. */
typedef struct choice {
    char ids[MAX_EXERCISES][64];
    milestone milestones[MILESTONE_MOST];
    int count, milestone_count, quick;
} choice;

/* One process per exercise and milestone, as many at a time as there are cores. */
static counts run_all(choice *c, const grade_tools *tools, int tool_count, int seeds)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int ends[2], running = 0, next = 0, status, n = c->count + c->milestone_count;
    counts all = { 0 };
    if (pipe(ends)) return all;
    while (next < n || running) {
        if (next < n && running < cores) {
            fflush(stdout);
            pid_t pid = grade_fork(GRADE_WORKER, 0);
            if (pid == 0) {
                static work w;
                w.id = next < c->count ? c->ids[next] : "milestones";
                w.mutant_seeds = c->quick ? 1 : 5;
                if (next < c->count) check_exercise(&w, tools, tool_count, seeds);
                else check_milestone(&w, &tools[0], &c->milestones[next - c->count]);
                fflush(stdout);
                _exit(write(ends[1], &w.n, sizeof w.n) != (ssize_t)sizeof w.n);
            }
            next++, running += pid > 0;
            continue;
        }
        if (grade_wait(-1, &status) < 0) break;
        running--;
        counts one = { 0 };
        if (status || read(ends[0], &one, sizeof one) != (ssize_t)sizeof one) {
            printf("FAILED: a process of selfcheck ended with status %d\n", status);
            one.failures = 1;
        }
        add_counts(&all, &one);
    }
    close(ends[0]), close(ends[1]);
    return all;
}

/* An exercise by the start of its name; a milestone by its year, since 19 is an exercise. */
static int is_wanted(const char *name, int n, char **words)
{
    int named = 0, is_year = strlen(name) == 4;
    for (int k = 0; k < n; k++) {
        if (is_year ? !strcmp(name, words[k]) : strstr(name, words[k]) == name) return 1;
        named += strcmp(words[k], "--quick") != 0;
    }
    return named == 0;
}

/* The exercises and milestones that the words name, all of them without words. */
static choice *choose(int n, char **words)
{
    static choice c;
    int count = grade_list(c.ids, MAX_EXERCISES);
    for (int k = 0; k < n; k++) c.quick |= !strcmp(words[k], "--quick");
    for (int i = 0; i < count; i++)
        if (is_wanted(c.ids[i], n, words)) memmove(c.ids[c.count++], c.ids[i], sizeof c.ids[i]);
    count = milestone_list(c.milestones, MILESTONE_MOST);
    for (int i = 0; i < count; i++)
        if (is_wanted(c.milestones[i].year, n, words))
            c.milestones[c.milestone_count++] = c.milestones[i];
    return &c;
}

int selfcheck(int n, char **words)
{
    static const char *const compilers[] = { "gcc", "clang" };
    static const char *const levels[] = { "-O0", "-O3" };
    grade_tools tools[4];
    int tool_count = 0;
    time_t start = time(NULL);
    choice *chosen = choose(n, words);
    int quick = chosen->quick, count = chosen->count + chosen->milestone_count;
    for (int c = 0; c < 2; c++)
        for (int l = 0; l < 2; l++)
            if (!(quick && tool_count) &&
                grade_tools_find(&tools[tool_count], compilers[c], levels[l]))
                tool_count++;
    if (!tool_count && grade_tools_find(&tools[0], "cc", "-O0")) tool_count = 1;
    if (!tool_count || !count) {
        printf("selfcheck: %s\n",
               count ? "there is no compiler gcc, clang or cc" : "no such exercise or milestone");
        return GRADE_USAGE;
    }
    for (int t = 0; t < tool_count; t++)
        printf("with %s %s, %s sanitizers\n", tools[t].cc, tools[t].level,
               tools[t].sanitizers ? "the" : "WITHOUT");
    int seeds = quick ? 3 : 20;
    counts all = run_all(chosen, tools, tool_count, seeds);
    if (!grade_pin_is_current("kit")) {
        printf("FAILED kit: kit.c or kit.h differs from what is pinned: learn pin\n");
        all.failures++;
    }
    printf("selfcheck: %d exercises, %d stubs not written, %d full passes (%d seeds x %d compilers "
           "and levels), %d mutants for %d entries of the catalogue, %d right variants, "
           "%d checks with %d rungs, %d "
           "cheats, %d milestones reached %d times and refused %d times; worst error %.2g of its "
           "tolerance; %ld s; %d failures\n",
           all.exercises, all.stubs, all.full_passes, seeds, tool_count, all.mutants, all.entries,
           all.variants, all.checks, all.rungs, all.cheats, all.milestones, all.reached,
           all.refused, all.worst, (long)(time(NULL) - start), all.failures);
    return all.failures || all.full_passes != all.exercises * seeds * tool_count ? GRADE_WRONG
                                                                                 : GRADE_PASSED;
}

/* ---- pins ----------------------------------------------------------------------------------- */

static int pin_one(const char *id, const grade_tools *tools)
{
    char path[300], program[400], *messages;
    grade_source source;
    grade_report r;
    grade_run run = { 1, 1, 5000, 0, 0, 0, NULL };
    grade_pin pin = { 0, 0, 0, "", "" };
    grade_find_source(&source, id, 1);
    snprintf(path, sizeof path, "exercises/%.60s/solution.c", id);
    snprintf(program, sizeof program, "%s/%.60s.pin", tools->folder, id);
    if (grade_build(tools, &source, path, program, &messages)) {
        printf("%s does not compile:\n%s\n", path, messages ? messages : "");
        return 0;
    }
    free(messages);
    grade_execute(&r, program, &run);
    int all = r.done == r.check_count && r.done > 0;
    for (int i = 0; i < r.check_count; i++) {
        all &= !strcmp(r.checks[i].state, "pass");
        pin.rungs += r.checks[i].rungs;
    }
    grade_points(&r, &pin.points);
    pin.checks = r.check_count;
    if (!all) printf("%s: its solution does not pass; nothing was pinned\n", id);
    for (int i = 0; !all && i < r.line_count; i++) printf("    %s\n", r.lines[i]);
    grade_free(&r);
    remove_program(program);
    if (!all || !grade_write_pin(id, &pin)) return 0;
    printf("%s: %d points, %d checks, %d rungs\n", id, pin.points, pin.checks, pin.rungs);
    return 1;
}

int selfcheck_pin(int n, char **words)
{
    grade_tools tools;
    grade_pin none = { 0, 0, 0, "", "" };
    choice *chosen = choose(n, words);
    int good = 1;
    const char *cc = getenv("CC");
    if (!grade_tools_find(&tools, cc && *cc ? cc : "cc", "-O0")) return GRADE_USAGE;
    for (int i = 0; i < chosen->count; i++) good &= pin_one(chosen->ids[i], &tools);
    if (!grade_pin_is_current("kit")) good &= grade_write_pin("kit", &none);
    return good && chosen->count ? GRADE_PASSED : GRADE_WRONG;
}
