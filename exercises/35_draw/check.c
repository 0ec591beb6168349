/* Grader of 35_draw. What was written is read back, here and by strtod alone. gnuplot is not
   needed: a script is judged by what it says. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "exercise.h"
#include "kit.h"

#include <ctype.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 65536, OLD_LINES = 200, EPOCHS = 13 };

enum {
    RIGHT,
    FROM_0,
    BACKWARDS,
    /* losses */
    OTHER_COLUMN,
    SIX_DECIMALS,
    SIX_DIGITS,
    WHOLE_NUMBERS,
    SUMMED,
    BEST_SO_FAR,
    LOGARITHM,
    /* coordinates */
    ORDER,
    EXCHANGED,
    BY_N,
    BY_N_PLUS_1,
    CENTRES,
    INDICES,
    NO_LOW,
    NO_RANGE,
    OTHER_SIZE,
    OTHER_LOOPS,
    DOWNWARDS,
    WHOLE_STEPS,
    /* classes */
    CALLED_Y_X,
    CLASS_ORDER,
    CLASS_DOWN,
    FROM_1,
    AT_INDICES,
    AT_CENTRES,
    FIRST_POINT
};

/* ---- files ---------------------------------------------------------------------------------- */

/* A file without a name that could be left behind, and the path by which it can be opened. */
typedef struct target {
    int fd, open; /* how many files were open before */
    char path[64];
} target;

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static const char old_content[] = "what was in this file before\n";

static target new_target(void)
{
    char name[] = "/tmp/drawXXXXXX";
    target t = { mkstemp(name), 0, "" };
    if (t.fd < 0) kit_true("grader", 0, "the grader cannot write a file in /tmp");
    unlink(name);
#ifdef __linux__ /* elsewhere this path is no new opening, which would empty the file */
    for (int k = 0; k < OLD_LINES; k++)
        if (write(t.fd, old_content, sizeof old_content - 1) < 0)
            kit_true("grader", 0, "the grader cannot write a file in /tmp");
    lseek(t.fd, 0, SEEK_SET);
#endif
    snprintf(t.path, sizeof t.path, "/dev/fd/%d", t.fd);
    t.open = open_files();
    return t;
}

/* What is in the file now, with a zero at the end. */
static char *read_back(const target *t)
{
    static char text[MOST];
    ssize_t n = pread(t->fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    close(t->fd);
    return text;
}

/* What has to be so before a file can be read. Returns its content. */
static char *written(const target *t, int result)
{
    static const char rung[] = "written";
    if (result)
        kit_true(rung, 0,
                 "the result is %d: 0 means that all went well. The file can be opened with \"w\"",
                 result);
    if (open_files() != t->open)
        kit_true(rung, 0,
                 "the file is still open: fclose it. What is in its buffer is not in the file yet");
    if (strcmp(localeconv()->decimal_point, "."))
        kit_true(rung, 0,
                 "the locale was changed (setlocale): numbers get a decimal comma, here and in all "
                 "of the program");
    char *text = read_back(t);
    if (!*text) kit_true(rung, 0, "the file is empty: nothing was written to `path`");
    if (strlen(text) == OLD_LINES * (sizeof old_content - 1) && strstr(text, old_content) == text)
        kit_true(rung, 0, "the file is as it was before: was another one written than `path`?");
    if (strstr(text, old_content))
        kit_true(rung, 0,
                 "what was in the file before is still there: \"w\" begins anew, \"a\" appends, "
                 "\"r+\" writes over it");
    kit_true(rung, 1, "");
    return text;
}

/* ---- a table, read back --------------------------------------------------------------------- */

typedef struct table {
    int rows, cols;
    const grid *g; /* of a boundary, else NULL */
    const char *suffix; /* of the names of its rungs */
} table;

static const char *name_of(const char *rung, const table *t)
{
    static char name[80];
    snprintf(name, sizeof name, "%s%s", rung, t->suffix);
    return name;
}

/* "semicolons" where fields are not divided by commas alone, or NULL. */
static const char *separator(const char *line)
{
    if (strchr(line, ';')) return "semicolons";
    if (strchr(line, '\t')) return "tabs";
    return strchr(line, ' ') ? "blanks" : NULL;
}

static void check_header(const table *t, const char *line, const char *header)
{
    const char *name = name_of("header", t), *other = separator(line);
    int number = isdigit((unsigned char)*line) || *line == '-' || *line == '.';
    if (strcmp(line, header) == 0) kit_true(name, 1, "");
    else if (number)
        kit_true(name, 0, "the header is missing: the first line is \"%s\", not \"%s\"", line,
                 header);
    else if (strchr(line, '\r'))
        kit_true(name, 0, "a line ends with \\r\\n: \\n alone, which is what \"w\" and \\n give");
    else if (other)
        kit_true(name, 0, "the header has %s: commas alone lie between the fields, \"%s\"", other,
                 header);
    else kit_true(name, 0, "the header is \"%s\", and has to be \"%s\"", line, header);
}

/* Why there are `lines` and not as many as there should be. */
static const char *why_lines(const table *t, int lines)
{
    const grid *g = t->g;
    if (lines == 0) return "there is nothing below the header";
    if (!g)
        return lines == t->rows - 1   ? "one is missing: as many as there are epochs"
               : lines == t->rows + 1 ? "one is too many: the last epoch is number `epochs`"
                                      : "one for each epoch";
    if (lines == (g->nx - 1) * (g->ny - 1))
        return "the last row and column are missing: nx points in a row, i < nx, and ny rows";
    if (lines == (g->nx - 1) * g->ny) return "a column is missing: nx points in each row";
    if (lines == g->nx * (g->ny - 1)) return "a row is missing: ny of them";
    if (lines == (g->nx + 1) * (g->ny + 1))
        return "a row and a column are too many: nx and ny count points, not steps";
    if (lines == g->nx || lines == g->ny) return "one loop is missing: each row with each column";
    return "one for each point, nx times ny";
}

static void check_lines(const table *t, const char *text)
{
    int lines = -1, blank = 0;
    const char *end = text;
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
        blank += *c == '\n' && c > text && c[-1] == '\n';
        end = c;
    }
    const char *name = name_of("lines", t);
    if (blank)
        kit_true(name, 0, "%d of the lines are blank: a table has none, also between two rows",
                 blank);
    else if (*end != '\n')
        kit_true(name, 0, "the last line has no end: write \\n after each line, also the last");
    else
        kit_true(name, lines == t->rows, "%d lines below the header, not %d: %s", lines, t->rows,
                 why_lines(t, lines));
}

/* Ends the check: line number k has not `cols` numbers. */
static void bad_line(const table *t, const char *line, int k, int fields)
{
    const char *name = name_of("fields", t), *other = separator(line);
    size_t n = strlen(line);
    if (n && line[n - 1] == '\r')
        kit_true(name, 0, "line %d ends with \\r\\n: \\n alone, as the header does", k);
    if (other)
        kit_true(name, 0, "line %d has %s: commas alone lie between the fields: \"%s\"", k, other,
                 line);
    if (n && line[n - 1] == ',')
        kit_true(name, 0, "line %d ends with a comma: commas lie between the fields: \"%s\"", k,
                 line);
    if (fields > t->cols)
        kit_true(name, 0,
                 "line %d has %d fields, not %d: \"%s\". Is one of the commas a decimal comma? A "
                 "number has a dot, whatever the locale",
                 k, fields, t->cols, line);
    if (fields < t->cols)
        kit_true(name, 0, "line %d has %d fields, not %d: \"%s\"", k, fields, t->cols, line);
    kit_true(name, 0, "line %d has something that is no number: \"%s\"", k, line);
}

/* The numbers of one line. */
static void read_line(const table *t, char *line, int k, double *v)
{
    int fields = 0, good = 1;
    for (char *c = line; c;) {
        char *comma = strchr(c, ','), *end;
        if (comma) *comma = 0;
        double number = strtod(c, &end);
        good &= end != c && *end == 0 && !isspace((unsigned char)*c);
        if (fields < t->cols) v[fields] = number;
        fields++;
        if (comma) *comma = ',';
        c = comma ? comma + 1 : NULL;
    }
    if (!good || fields != t->cols) bad_line(t, line, k, fields);
}

/* Column c of the table is at c * rows of what it returns. Whatever is no such table ends here. */
static double *read_table(const table *t, char *text, const char *header)
{
    double *v = kit_output("the table", t->cols, t->rows), line[3] = { 0 };
    char *next = text + strcspn(text, "\n"), end = *next, *body = text;
    *next = 0;
    check_header(t, text, header);
    *next = end;
    check_lines(t, text);
    body = strchr(text, '\n') + 1;
    for (int k = 0; k < t->rows; k++) {
        next = strchr(body, '\n');
        *next = 0;
        read_line(t, body, k + 2, line);
        for (int c = 0; c < t->cols; c++) v[c * t->rows + k] = line[c];
        body = next + 1;
    }
    kit_true(name_of("fields", t), 1, "");
    return v;
}

/* ---- the loss curve ------------------------------------------------------------------------- */

typedef struct losses {
    const double *training, *validation;
    int epochs, column; /* which one is looked at: 1 or 2 */
} losses;

static void epoch_formula(const void *problem, int mistake, double *out)
{
    const losses *c = problem;
    for (int e = 0; e < c->epochs; e++) {
        out[e] = e + 1;
        if (mistake == FROM_0) out[e] = e;
        if (mistake == BACKWARDS) out[e] = c->epochs - e;
    }
}

static double as_printed(const char *format, double v)
{
    char text[400];
    snprintf(text, sizeof text, format, v);
    return strtod(text, NULL);
}

static void loss_formula(const void *problem, int mistake, double *out)
{
    const losses *c = problem;
    const double *own = c->column == 1 ? c->training : c->validation;
    const double *other = c->column == 1 ? c->validation : c->training;
    double sum = 0, best = own[0];
    for (int e = 0; e < c->epochs; e++) {
        sum += own[e];
        best = fmin(best, own[e]);
        out[e] = own[e];
        if (mistake == OTHER_COLUMN && other) out[e] = other[e];
        if (mistake == SIX_DECIMALS) out[e] = as_printed("%f", own[e]);
        if (mistake == SIX_DIGITS) out[e] = as_printed("%g", own[e]);
        if (mistake == WHOLE_NUMBERS) out[e] = trunc(own[e]);
        if (mistake == SUMMED) out[e] = sum;
        if (mistake == BEST_SO_FAR) out[e] = best;
        if (mistake == LOGARITHM) out[e] = log(own[e]);
        if (mistake == BACKWARDS) out[e] = own[c->epochs - 1 - e];
    }
}

/* They fall to 1e-8, and rise once. */
static double *new_losses(const char *name, int n)
{
    double *loss = kit_input(name, 1, n);
    for (int e = 0; e < n; e++) loss[e] = fabs(loss[e]) * exp(-1.5 * e);
    loss[n / 2] = 2 * loss[n / 2 - 1];
    return loss;
}

/* Reading back has to give the same double, also where it is small. */
static void check_digits(const table *t, const double *yours, const double *right)
{
    int worst = -1;
    for (int e = 0; e < t->rows && worst < 0; e++)
        if (yours[e] != right[e]) worst = e;
    kit_true(name_of("digits", t), worst < 0,
             "%.17g came back as %.17g: %%.17g has as many digits as a double needs",
             worst < 0 ? 0 : right[worst], worst < 0 ? 0 : yours[worst]);
}

static void try_curve(const char *suffix, int with_validation)
{
    losses c = { new_losses("training", EPOCHS), NULL, EPOCHS, 1 };
    if (with_validation) c.validation = new_losses("validation", EPOCHS);
    table t = { EPOCHS, 2 + with_validation, NULL, suffix };
    target to = new_target();
    int result = write_curve(to.path, c.training, c.validation, EPOCHS);
    char *text = written(&to, result);
    double *v =
        read_table(&t, text, with_validation ? "epoch,training,validation" : "epoch,training");
    kit_rung(name_of("epoch", &t), v, 1, EPOCHS, epoch_formula, &c, KIT_TOLERANCE);
    for (; c.column < t.cols; c.column++) {
        const char *name = c.column == 1 ? "training" : "validation";
        const double *own = v + c.column * EPOCHS;
        kit_rung(name_of(name, &t), own, 1, EPOCHS, loss_formula, &c, KIT_TOLERANCE);
        check_digits(&t, own, c.column == 1 ? c.training : c.validation);
    }
}

static void check_curve(void)
{
    try_curve("", 1);
    try_curve("(no validation)", 0);
}

/* ---- the decision boundary ------------------------------------------------------------------ */

typedef struct field {
    double a, b, c; /* stripes of three classes */
} field;

typedef struct area {
    grid g;
    field f;
    const double *x, *y; /* as they were read back */
    int axis; /* 0: x, 1: y */
} area;

static int class_of(const field *f, double x, double y)
{
    double s = f->a * x + f->b * y + f->c;
    return (int)(s - 3 * floor(s / 3));
}

static const field *the_field;
static int other_model;

static int class_at(const void *model, double x, double y)
{
    other_model |= model != (const void *)the_field;
    return class_of(the_field, x, y);
}

static double coordinate(const area *b, int axis, int k, int mistake)
{
    double low = axis ? b->g.y_low : b->g.x_low, high = axis ? b->g.y_high : b->g.x_high;
    int n = axis ? b->g.ny : b->g.nx, other = axis ? b->g.nx : b->g.ny;
    double range = high - low;
    switch (mistake) {
    case BY_N: return low + range * k / n;
    case BY_N_PLUS_1: return low + range * k / (n + 1);
    case CENTRES: return low + range * (k + 0.5) / n;
    case INDICES: return k;
    case NO_LOW: return range * k / (n - 1);
    case NO_RANGE: return low + high * k / (n - 1);
    case OTHER_SIZE: return low + range * k / (other - 1);
    case WHOLE_STEPS: return low + range * (k / (n - 1));
    case DOWNWARDS: return high - range * k / (n - 1);
    default: return low + range * k / (n - 1);
    }
}

static void coordinate_formula(const void *problem, int mistake, double *out)
{
    const area *b = problem;
    for (int k = 0; k < b->g.nx * b->g.ny; k++) {
        int i = k % b->g.nx, j = k / b->g.nx, axis = b->axis;
        if (mistake == ORDER) i = k / b->g.ny, j = k % b->g.ny;
        if (mistake == OTHER_LOOPS) i = k % b->g.ny, j = k / b->g.ny;
        if (mistake == EXCHANGED) axis = !axis;
        out[k] = coordinate(b, axis, axis ? j : i, mistake);
        if (mistake == SIX_DECIMALS) out[k] = as_printed("%f", out[k]);
        if (mistake == SIX_DIGITS) out[k] = as_printed("%g", out[k]);
    }
}

/* The class where the learner's point is: a wrong grid was named before. */
static void class_formula(const void *problem, int mistake, double *out)
{
    const area *b = problem;
    int nx = b->g.nx, ny = b->g.ny;
    for (int k = 0; k < nx * ny; k++) {
        int i = k % nx, j = k / nx, from = k;
        if (mistake == CLASS_ORDER) from = k % ny * nx + k / ny;
        if (mistake == CLASS_DOWN) from = (ny - 1 - j) * nx + i;
        if (mistake == FIRST_POINT) from = 0;
        double x = b->x[from], y = b->y[from];
        if (mistake == AT_INDICES) x = i, y = j;
        if (mistake == AT_CENTRES)
            x += (b->g.x_high - b->g.x_low) / (nx - 1) / 2,
                y += (b->g.y_high - b->g.y_low) / (ny - 1) / 2;
        out[k] = mistake == CALLED_Y_X ? class_of(&b->f, y, x) : class_of(&b->f, x, y);
        if (mistake == FROM_1) out[k]++;
    }
}

/* A random box, and stripes that cross it three or four times. */
static area new_area(int nx, int ny)
{
    double x = kit_uniform(-9, 4), y = kit_uniform(20, 30);
    double wide = kit_uniform(6, 9), high = kit_uniform(1, 3);
    area b = { { x, x + wide, y, y + high, nx, ny }, { 0, 0, 0 }, NULL, NULL, 0 };
    b.f.a = kit_uniform(5, 7) / wide, b.f.b = kit_uniform(3, 4) / high, b.f.c = kit_uniform(0, 3);
    return b;
}

static void try_boundary(const char *suffix, int nx, int ny)
{
    area b = new_area(nx, ny);
    table t = { nx * ny, 3, &b.g, suffix };
    target to = new_target();
    the_field = &b.f, other_model = 0;
    int result = write_boundary(to.path, &b.g, class_at, &b.f);
    char *text = written(&to, result);
    if (other_model)
        kit_true("model", 0, "class_at was given another model than the one that came in");
    b.x = read_table(&t, text, "x,y,class");
    b.y = b.x + nx * ny;
    kit_rung(name_of("x", &t), b.x, ny, nx, coordinate_formula, &b, KIT_TOLERANCE);
    b.axis = 1;
    kit_rung(name_of("y", &t), b.y, ny, nx, coordinate_formula, &b, KIT_TOLERANCE);
    kit_rung(name_of("class", &t), b.x + 2 * nx * ny, ny, nx, class_formula, &b, KIT_TOLERANCE);
}

static void check_boundary(void)
{
    kit_size("nx", 11), kit_size("ny", 7);
    try_boundary("", 11, 7);
    try_boundary("(2 x 3)", 2, 3);
}

/* ---- what can go wrong outside -------------------------------------------------------------- */

/* The three functions, each with a small and a large file. */
static int try_write(int which, const char *path, int large)
{
    static double loss[2000];
    static const grid small = { 0, 1, 0, 1, 2, 2 }, wide = { 0, 1, 0, 1, 60, 60 };
    static field f = { 1, 2, 3 };
    static char name[20000];
    the_field = &f;
    memset(name, 'n', large ? sizeof name - 1 : 9);
    if (which == 0) return write_curve(path, loss, loss, large ? 2000 : 3);
    if (which == 1) return write_boundary(path, large ? &wide : &small, class_at, &f);
    return write_script(path, name, name, name);
}

static void check_errors(int which)
{
    int open = open_files();
    int r = try_write(which, "/nowhere/at/all", 0);
    kit_true("no folder", r == -1,
             "the file could not be opened, and the result is %d: fopen gives NULL; -1 then", r);
    int full = access("/dev/full", W_OK) == 0; /* Linux and its like */
    int small = full ? try_write(which, "/dev/full", 0) : -1;
    int large = full ? try_write(which, "/dev/full", 1) : -1;
    kit_true("full disk", small == -1 && large == -1,
             "the disk is full, and the result is %d: what fprintf wrote lies in a buffer until "
             "fclose, and only what fclose returns tells whether it came to the disk",
             small == -1 ? large : small);
    kit_true("closed(error)", open_files() == open,
             "after an error the file is still open: fclose on every way out");
}

static void check_curve_errors(void)
{
    check_errors(0);
}

static void check_boundary_errors(void)
{
    check_errors(1);
}

/* ---- the script ----------------------------------------------------------------------------- */

/* Without comments and blanks, and with one kind of quotes. */
static void squeeze(char *text)
{
    char *to = text, quote = 0;
    for (char *c = text; *c; c++) {
        if (*c == '#' && !quote) c += strcspn(c, "\n") - 1;
        else if (*c == '\\' && c[1] == '\n') c++;
        else if (*c == '\n') *to++ = ';';
        else if (*c != ' ' && *c != '\t') {
            if (*c == '"' || *c == '\'') quote = quote == *c ? 0 : quote ? quote : *c;
            *to++ = *c == '"' ? '\'' : *c;
        }
    }
    *to = 0;
}

/* Where one of two spellings begins, or NULL. */
static char *find(char *text, const char *word, const char *brief)
{
    char *a = strstr(text, word), *b = strstr(text, brief);
    return a && (!b || a < b) ? a : b;
}

/* 1: `columns` are used, and not as the beginning of others. */
static int uses(char *text, const char *end, const char *columns)
{
    char word[2][40];
    snprintf(word[0], sizeof word[0], "using%s", columns);
    snprintf(word[1], sizeof word[1], "u%s", columns);
    for (int k = 0; k < 2; k++)
        for (char *at = text; (at = strstr(at, word[k])) && at < end; at++) {
            char after = at[strlen(word[k])];
            if (after != ':' && !isdigit((unsigned char)after)) return 1;
        }
    return 0;
}

static void check_names(char *text, const char *const names[3], char quoted[3][40])
{
    static const char *const what[3] = { "curve", "boundary", "image" };
    for (int k = 0; k < 3; k++) {
        snprintf(quoted[k], 40, "'%s'", names[k]);
        if (!strstr(text, quoted[k]))
            kit_true("names", 0,
                     "the script does not name %s, which is \"%s\" here: in quotes, as it came in",
                     what[k], names[k]);
    }
    kit_true("names", 1, "");
}

/* What has to be said before the first plot. */
static void check_settings(char *text, const char *plot, const char *image)
{
    char output[2][60];
    snprintf(output[0], sizeof output[0], "setoutput%s", image);
    snprintf(output[1], sizeof output[1], "seto%s", image);
    char *comma = find(text, "separator','", "separatorcomma"),
         *term = find(text, "setterminalsvg", "settermsvg");
    char *out = find(text, output[0], output[1]);
    kit_true("separator", comma && comma < plot,
             "gnuplot takes blanks for separators: set datafile separator ',' before the first "
             "plot");
    kit_true("terminal", term && term < plot,
             "set terminal svg comes before the first plot; else gnuplot opens a window");
    kit_true("output", out && out < plot,
             "set output \"...\" names the image, before the first plot");
}

/* 1: this part of a plot shows each point by its class. */
static int draws_area(const char *part)
{
    static const char *const words[3] = { "image", "pal", "variable" };
    size_t length = strcspn(part, ";");
    for (int k = 0; k < 3; k++) {
        const char *at = strstr(part, words[k]);
        if (at && (size_t)(at - part) < length) return 1;
    }
    return 0;
}

static void check_script(void)
{
    static const char *const names[3] = { "losses7.csv", "classes7.csv", "both7.svg" };
    char quoted[3][40];
    target to = new_target();
    int result = write_script(to.path, names[0], names[1], names[2]);
    char *text = written(&to, result);
    squeeze(text);
    check_names(text, names, quoted);
    char *curve = strstr(text, quoted[0]), *boundary = strstr(text, quoted[1]);
    char *plot = find(text, "plot'", "plot[");
    kit_true("plot", plot && plot < curve && plot < boundary,
             "the tables are not plotted: plot '%s' ..., and plot '%s' ...", names[0], names[1]);
    check_settings(text, plot, quoted[2]);
    kit_true("multiplot", strstr(text, "setmultiplot") != NULL,
             "two plots in one file: set multiplot layout 1,2 before them; else the second spoils "
             "the first");
    char *end = text + strlen(text);
    const char *curve_end = boundary > curve ? boundary : end;
    const char *boundary_end = boundary > curve ? end : curve;
    kit_true("training", uses(curve, curve_end, "1:2"),
             "the training loss is column 2 of the curve, above the epoch: using 1:2");
    kit_true("validation", uses(curve, curve_end, "1:3"),
             "the validation loss is column 3 of the curve: using 1:3");
    kit_true("classes", uses(boundary, boundary_end, "1:2:3"),
             "the class at (x, y) is column 3 of the boundary: using 1:2:3");
    kit_true("image", draws_area(boundary),
             "a line through the points of a grid shows nothing: with image, or with points "
             "palette");
    check_errors(2);
}

const kit_mistake kit_mistakes[] = {
    { "epoch", RIGHT, "the epochs are 1, 2, ... `epochs`, in the first column" },
    { "epoch", FROM_0, "the epochs count from 0: the first one is 1" },
    { "epoch", BACKWARDS, "the epochs run backwards: the first one comes first" },
    { "training", RIGHT, "column 2 has training[e], column 3 validation[e], with %.17g" },
    { "training", OTHER_COLUMN, "column 2 has the validation loss: training comes first" },
    { "training", SIX_DECIMALS,
      "%f writes six digits behind the dot, and 0.000000 for a small loss: %.17g" },
    { "training", SIX_DIGITS, "%g writes six digits, a double has 16 to 17: %.17g" },
    { "training", WHOLE_NUMBERS, "the digits behind the dot are lost: %.17g, and no (int)" },
    { "training", SUMMED, "the losses are summed up: each epoch has its own" },
    { "training", BEST_SO_FAR,
      "that is the best loss so far: each epoch has its own, also a worse" },
    { "training", LOGARITHM,
      "that is the logarithm: the table has the loss, and gnuplot a logarithmic axis" },
    { "training", BACKWARDS, "the losses run backwards: training[0] is epoch 1" },
    { "validation", RIGHT, "column 3 has validation[e], with %.17g" },
    { "validation", OTHER_COLUMN, "column 3 has the training loss once more: validation[e]" },
    { "validation", SIX_DECIMALS,
      "%f writes six digits behind the dot, and 0.000000 for a small loss: %.17g here, too" },
    { "x", RIGHT, "x_i = x_low + (x_high - x_low) i / (nx - 1), i = 0 ... nx - 1, in each row" },
    { "x", ORDER, "the points go column after column: x runs in the inner loop, y in the outer" },
    { "x", EXCHANGED, "x and y are exchanged: x is the first column" },
    { "x", BY_N,
      "the range was divided by nx: nx points have nx - 1 steps, and the last is x_high" },
    { "x", BY_N_PLUS_1, "the range was divided by nx + 1: nx points have nx - 1 steps" },
    { "x", CENTRES, "these are the middles of nx cells: the first point is x_low itself" },
    { "x", INDICES, "that is the index i: the point is x_low + i steps" },
    { "x", NO_LOW, "x_low is missing: the range begins there, not at 0" },
    { "x", NO_RANGE, "x_high was taken for the width: that is x_high - x_low" },
    { "x", OTHER_SIZE, "the steps in x were counted with ny: there are nx - 1" },
    { "x", OTHER_LOOPS, "nx and ny are exchanged in the loops: a row has nx points" },
    { "x", DOWNWARDS, "x runs from x_high down to x_low: from x_low to the right" },
    { "x", WHOLE_STEPS,
      "i / (nx - 1) was divided as whole numbers, 0 up to the last point: multiply by i first" },
    { "x", SIX_DECIMALS, "%f writes six digits behind the dot: %.17g" },
    { "x", SIX_DIGITS, "%g writes six digits: %.17g" },
    { "y", RIGHT, "y_j = y_low + (y_high - y_low) j / (ny - 1), the same along a row" },
    { "y", BY_N, "the range was divided by ny: ny rows have ny - 1 steps" },
    { "y", OTHER_SIZE, "the steps in y were counted with nx: there are ny - 1" },
    { "y", CENTRES, "these are the middles of ny cells: the first row is at y_low itself" },
    { "y", INDICES, "that is the index j: the row is at y_low + j steps" },
    { "y", NO_LOW, "y_low is missing: the range begins there, not at 0" },
    { "y", WHOLE_STEPS,
      "j / (ny - 1) was divided as whole numbers, 0 up to the last row: multiply by j first" },
    { "y", DOWNWARDS, "y runs downwards, as in a picture: the table begins with y_low" },
    { "class", RIGHT, "class_at(model, x, y), with the x and y of the line" },
    { "class", CALLED_Y_X, "class_at was called with y and x: x comes first" },
    { "class", CLASS_ORDER,
      "the classes lie column after column, the points row after row: point k = j nx + i" },
    { "class", CLASS_DOWN, "the classes lie upside down: row j belongs to y_j, from y_low up" },
    { "class", FROM_1, "1 was added to the class: classes count from 0" },
    { "class", AT_INDICES, "class_at was asked about i and j: it is about x_i and y_j" },
    { "class", AT_CENTRES, "class_at was asked half a step beside the point" },
    { "class", FIRST_POINT, "every class is that of the first point" },
    { 0 },
};

const kit_check kit_checks[] = {
    { "curve", 2, 1, check_curve },        { "boundary", 3, 2, check_boundary },
    { "saved", 1, 1, check_curve_errors }, { "stored", 1, 2, check_boundary_errors },
    { "script", 2, 3, check_script },      { 0 },
};

/* ---- reward --------------------------------------------------------------------------------- */

/* Two moons, one in the other. */
static void make_moons(nn_data *data, int n)
{
    float *x = malloc(2 * (size_t)n * sizeof *x);
    int *label = malloc((size_t)n * sizeof *label);
    if (!x || !label) exit(3);
    for (int i = 0; i < n; i++) {
        double t = kit_uniform(0, 3.14159), side = i % 2 ? 1 : -1;
        label[i] = i % 2;
        x[2 * i] = (float)(side * cos(t) + 0.5 * (i % 2) + 0.15 * kit_normal());
        x[2 * i + 1] = (float)(0.25 - side * (sin(t) - 0.25) + 0.15 * kit_normal());
    }
    nn_data_from(data, x, n, { 2 }, .labels = label);
    free(x), free(label);
}

static int class_by_network(const void *model, double x, double y)
{
    nn_model *m = (nn_model *)(size_t)model;
    nn_real at[2] = { (nn_real)x, (nn_real)y }, p[2];
    return nn_predict(m, p, at, 1) ? 0 : nn_argmax(p, 2);
}

static void print_curve(const nn_history *h)
{
    for (int e = 0; e < h->epochs; e += h->epochs / 8) {
        double loss = h->epoch[e].loss;
        printf("  epoch %3d  loss %.3f  ", e + 1, loss);
        for (int k = 0; k < 60 * loss; k++) putchar('#');
        putchar('\n');
    }
}

/* From the file: the learner's table, the upper row first. */
static void print_boundary(const char *path, int nx, int ny)
{
    char line[200];
    FILE *f = fopen(path, "r");
    char *picture = calloc((size_t)(nx * ny), 1);
    if (!f || !picture || !fgets(line, sizeof line, f)) exit(3);
    for (int k = 0; k < nx * ny && fgets(line, sizeof line, f); k++)
        picture[k] = strstr(strchr(line, ',') + 1, ",1") ? '#' : '.';
    for (int j = ny - 1; j >= 0; j--) printf("  %.*s\n", nx, picture + j * nx);
    fclose(f);
    free(picture);
}

/* A network learns two moons; the learner's functions write down how, and where it divides them. */
void kit_reward(void)
{
    enum { TRAINED = 90, NX = 61, NY = 21 };
    static const char curve[] = "build/35_draw/curve.csv",
                      boundary[] = "build/35_draw/boundary.csv";
    static const char script[] = "build/35_draw/draw.gp", image[] = "build/35_draw/draw.svg";
    nn_data data, validation;
    double loss[TRAINED], val[TRAINED];
    nn_set_log(NULL, NULL);
    make_moons(&data, 200), make_moons(&validation, 100);
    nn_model *m = nn_model_new(.seed = 1);
    nn_tensor *h = nn_dense(nn_input(m, 2), 16, .activation = NN_TANH);
    nn_compile(m, nn_dense(h, 2, .activation = NN_SOFTMAX), .loss = NN_SPARSE_CROSS_ENTROPY,
               .optimizer = nn_adam(.lr = 0.02));
    if (nn_fit(m, &data, .epochs = TRAINED, .validation = &validation, .quiet = true)) exit(3);
    for (int e = 0; e < TRAINED; e++)
        loss[e] = m->history.epoch[e].loss, val[e] = m->history.epoch[e].val_loss;
    grid g = { -1.5, 2, -1.2, 1.4, NX, NY };
    mkdir("build", 0777), mkdir("build/35_draw", 0777);
    if (write_curve(curve, loss, val, TRAINED) ||
        write_boundary(boundary, &g, class_by_network, m) ||
        write_script(script, curve, boundary, image))
        return;
    printf("A network learns to divide two moons. Your files have:\n");
    print_curve(&m->history);
    print_boundary(boundary, NX, NY);
    printf("They are %s and %s.\n", curve, boundary);
    printf("With gnuplot,  gnuplot %s  draws them into %s.\n", script, image);
}
