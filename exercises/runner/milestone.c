/* milestone.c - see milestone.h */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "milestone.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 60 };

/* The words of a line, into rows of `size` characters. */
static int read_words(char *words, int size, int n, int most, char *line)
{
    for (char *w = strtok(line, " \r\n"); w && n < most; w = strtok(NULL, " \r\n"))
        snprintf(words + (size_t)n++ * (size_t)size, (size_t)size, "%s", w);
    return n;
}

static int read_head(milestone *m, const char *name)
{
    char path[300], line[200];
    memset(m, 0, sizeof *m);
    snprintf(path, sizeof path, "exercises/milestones/%.20s", name);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fgets(line, sizeof line, f)) sscanf(line, "// %7s %99[^\r\n]", m->year, m->title);
    while (fgets(line, sizeof line, f) && !strncmp(line, "// ", 3)) {
        if (!strncmp(line, "// needs:", 9))
            m->need_count = read_words(m->needs[0], 64, m->need_count, MILESTONE_FILES, line + 9);
        if (!strncmp(line, "// broken:", 10))
            m->broken_count =
                read_words(m->broken[0], 128, m->broken_count, MILESTONE_FILES, line + 10);
    }
    fclose(f);
    return m->need_count > 0 && !strncmp(m->year, name, 4);
}

static int by_year(const void *a, const void *b)
{
    return strcmp(((const milestone *)a)->year, ((const milestone *)b)->year);
}

int milestone_list(milestone *list, int most)
{
    DIR *d = opendir("exercises/milestones");
    int n = 0;
    for (struct dirent *e; d && n < most && (e = readdir(d));)
        n += strlen(e->d_name) == 6 && !strcmp(e->d_name + 4, ".c") &&
             read_head(&list[n], e->d_name);
    if (d) closedir(d);
    qsort(list, (size_t)n, sizeof *list, by_year);
    return n;
}

grade_state milestone_run(const milestone *m, const char *cc, const char *const files[],
                          const char *folder, char **output)
{
    char program[600], printed[600], own[64], include[MILESTONE_FILES][100];
    const char *paths[MILESTONE_FILES + 1], *includes[MILESTONE_FILES + 1];
    for (int k = 0; k < m->need_count; k++) {
        snprintf(include[k], sizeof include[k], "exercises/%s", m->needs[k]);
        paths[k] = files[k], includes[k] = include[k];
    }
    snprintf(own, sizeof own, "exercises/milestones/%s.c", m->year);
    paths[m->need_count] = own, includes[m->need_count] = "exercises/milestones";
    snprintf(program, sizeof program, "%s/program", folder);
    snprintf(printed, sizeof printed, "%s/output", folder);
    grade_make_folder(folder);
    if (!grade_build_files(cc, paths, includes, m->need_count + 1, program, output))
        return GRADE_NO_COMPILE;
    char *const argv[] = { program, NULL };
    time_t start = time(NULL);
    int status = grade_command(argv, printed, SECONDS);
    *output = grade_read_file(printed);
    unlink(program);
    if (status < 0) return time(NULL) - start < SECONDS - 1 ? GRADE_CRASHED : GRADE_SLOW;
    if (status == 1) return GRADE_WRONG;
    /* a function that ends the program does not reach the last line */
    return status == 0 && *output && strstr(*output, "\nreached: ") ? GRADE_PASSED : GRADE_CRASHED;
}
