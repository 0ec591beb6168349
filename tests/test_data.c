/* Tests of >>data: CSV, IDX, arrays, scaling, splitting, shuffling, and memory that runs out.
     cc tests/test_data.c -lcmocka -lm && ./a.out     from the root, where datasets/iris.csv is */

#if defined(__unix__)
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#endif
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* A comma locale can be simulated: the library's strtod and localeconv are these two. */
static char test_point[8] = "";
static double test_strtod(const char *text, char **end);
static struct lconv *test_localeconv(void);
#define strtod test_strtod
#define localeconv test_localeconv

#define NN_IMPLEMENTATION
#ifndef NN_HEADER
#define NN_HEADER "../nn.h"
#endif
#include NN_HEADER

#undef strtod
#undef localeconv

static double test_strtod(const char *text, char **end)
{
    char copy[512];
    const char *point = strstr(text, test_point);
    if (!*test_point) return strtod(text, end);
    size_t whole = point ? (size_t)(point - text) : strlen(text);
    if (memchr(text, '.', whole)) whole = strcspn(text, "."); /* such a strtod stops at a point */
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)whole, text, point ? "." : "",
             point ? point + strlen(test_point) : "");
    return strtod(copy, end);
}

static struct lconv *test_localeconv(void)
{
    static struct lconv simulated;
    if (!*test_point) return localeconv();
    simulated.decimal_point = test_point;
    return &simulated;
}

/* Sizes that no machine has are asked for on purpose: the address sanitizer shall answer NULL, as
   malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- helpers ----------------------------------------------------------------------------- */

#define TEXT(literal) .text = literal, .text_size = sizeof(literal) - 1
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

#define near(what, got, want, tolerance)                                                           \
    near_at(what, (double)(got), (double)(want), tolerance, __LINE__)
static void near_at(const char *what, double got, double want, double tolerance, int line)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("line %d: %s is %.9g, expected %.9g within %g", line, what, got, want, tolerance);
}

#define same(what, got, want) same_at(what, (long)(got), (long)(want), __LINE__)
static void same_at(const char *what, long got, long want, int line)
{
    if (got != want) fail_msg("line %d: %s is %ld, expected %ld", line, what, got, want);
}

#define same_text(what, got, want) same_text_at(what, got, want, __LINE__)
static void same_text_at(const char *what, const char *got, const char *want, int line)
{
    if (!got || strcmp(got, want))
        fail_msg("line %d: %s is '%s', expected '%s'", line, what, got ? got : "NULL", want);
}

#define works(call) works_at(call, #call, __LINE__)
static void works_at(nn_status status, const char *call, int line)
{
    if (status) fail_msg("line %d: %s: status %d, %s", line, call, (int)status, nn_last_error());
}

static void is_empty_at(const nn_data *d, nn_status status, int line)
{
    nn_data empty;
    memset(&empty, 0, sizeof empty);
    if (d->status != status)
        fail_msg("line %d: data.status is %d, expected %d", line, (int)d->status, (int)status);
    if (d->n || d->inputs || d->classes || d->weight || d->class_name || d->feature_name ||
        memcmp(d->x, empty.x, sizeof empty.x) || memcmp(&d->y, &empty.y, sizeof empty.y))
        fail_msg("line %d: the data of a failed call is not empty (n = %d)", line, d->n);
}

/* The call failed with this status; the sentence has each of the words (separated by |) in it;
   data (or NULL) is empty and remembers. */
#define fails(call, status, data, words) fails_at(call, status, data, words, #call, __LINE__)
static void fails_at(nn_status got, nn_status want, const nn_data *data, const char *words,
                     const char *call, int line)
{
    if (got != want)
        fail_msg("line %d: %.80s: status %d, expected %d; the sentence is: %s", line, call,
                 (int)got, (int)want, nn_last_error());
    while (*words) {
        char word[80];
        size_t length = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        if (!strstr(nn_last_error(), word))
            fail_msg("line %d: '%s' is not in the sentence: %s", line, word, nn_last_error());
        words += length + (words[length] == '|');
    }
    if (data) is_empty_at(data, want, line);
}

/* The same for a call that changes a set: the set still has its samples, and remembers. */
#define spoils(call, status, data, words) spoils_at(call, status, data, words, #call, __LINE__)
static void spoils_at(nn_status got, nn_status want, nn_data *data, const char *words,
                      const char *call, int line)
{
    fails_at(got, want, NULL, words, call, line);
    if (data->status != want || data->n < 1 || !data->x[0].values)
        fail_msg("line %d: after %.80s the set has %d samples and status %d", line, call, data->n,
                 (int)data->status);
    nn_data_free(data);
}

static nn_real x_of(const nn_data *d, int row, int column)
{
    return ((nn_real *)d->x[0].values)[(size_t)row * d->x[0].size + (size_t)column];
}

static int label_of(const nn_data *d, int row)
{
    return ((int32_t *)d->y.values)[row];
}

/* A file with these bytes in the system's folder for temporary ones. */
static void write_temporary(char path[64], const void *bytes, size_t size)
{
#if defined(__unix__)
    strcpy(path, "/tmp/nn_test_XXXXXX");
    int handle = mkstemp(path);
    FILE *f = handle < 0 ? NULL : fdopen(handle, "wb");
#else
    tmpnam(path);
    FILE *f = fopen(path, "wb");
#endif
    if (!f) fail_msg("no temporary file");
    if (fwrite(bytes, 1, size, f) != size || fclose(f)) fail_msg("cannot write %s", path);
}

/* ---- CSV: values ------------------------------------------------------------------------- */

static void csv_plain(void **state)
{
    (void)state;
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .label = "kind",
                      TEXT("a,b,kind\n1,2.5,dog\n-3e2,+.5,cat\n7.,0,dog\n")));
    same("n", d.n, 3);
    same("inputs", d.inputs, 1);
    same("type", d.x[0].type, NN_REAL);
    same("rank", d.x[0].rank, 1);
    same("dim", d.x[0].dim[0], 2);
    same("size", d.x[0].size, 2);
    same("scalings", d.x[0].scalings, 0);
    const double want[] = { 1, 2.5, -300, .5, 7, 0 };
    for (int i = 0; i < 6; i++) near("x", x_of(&d, i / 2, i % 2), want[i], 0);
    same("classes", d.classes, 2);
    same("y.type", d.y.type, NN_TOKEN);
    same("y.rank", d.y.rank, 0);
    same("y.size", d.y.size, 1);
    same_text("class 0", d.class_name[0], "cat");
    same_text("class 1", d.class_name[1], "dog");
    same("label 0", label_of(&d, 0), 1);
    same("label 1", label_of(&d, 1), 0);
    same("label 2", label_of(&d, 2), 1);
    same_text("feature 0", d.feature_name[0], "a");
    same_text("feature 1", d.feature_name[1], "b");
    nn_data_free(&d);
    is_empty_at(&d, NN_OK, __LINE__);
    nn_data_free(&d); /* twice is no harm, nor is NULL */
    nn_data_free(NULL);
}

static void csv_oddities_that_are_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        size_t size;
    } same_table[] = {
#define TABLE(what, text) { what, text, sizeof(text) - 1 }
        TABLE("no last newline", "a,b\n1,2\n3,4"),
        TABLE("CRLF", "a,b\r\n1,2\r\n3,4\r\n"),
        TABLE("CR", "a,b\r1,2\r3,4"),
        TABLE("byte-order mark", "\xEF\xBB\xBF\x61,b\n1,2\n3,4\n"),
        TABLE("mark and quotes", "\xEF\xBB\xBF\"a\",b\n1,2\n3,4\n"),
        TABLE("blank lines", "\n\r\n  \t\na,b\n\n1,2\n \n3,4\n\n\n"),
        TABLE("comments", "# by hand, 2024\na,b\n#\n1,2\n#x,y,z\n3,4\n# end"),
        TABLE("spaces", " a , b\t\n 1 ,\t2\n3  ,  4 \n"),
        TABLE("quotes", "\"a\",\"b\"\n\"1\",\"2\"\n 3 , \" 4 \" \n"),
        TABLE("signs and exponents", "a,b\n+1,2E0\n30e-1,.4e+1\n"),
        TABLE("zeros", "a,b\n0001,2.000\n3.,00004.0\n"),
        TABLE("many digits",
              "a,b\n1.0000000000000000000000000000000000000000000000000000000,2\n3,4\n"),
    };
    for (int t = 0; t < COUNT(same_table); t++) {
        nn_data d;
        nn_status s =
            nn_load_csv(&d, "t.csv", .text = same_table[t].text, .text_size = same_table[t].size);
        if (s) fail_msg("%s: %s", same_table[t].what, nn_last_error());
        if (d.n != 2) fail_msg("%s: %d rows, expected 2", same_table[t].what, d.n);
        for (int i = 0; i < 4; i++) near(same_table[t].what, x_of(&d, i / 2, i % 2), i + 1, 0);
        same_text(same_table[t].what, d.feature_name[0], "a");
        same_text(same_table[t].what, d.feature_name[1], "b");
        same("y.size", d.y.size, 0);
        nn_data_free(&d);
    }
}

static void csv_quotes(void **state)
{
    (void)state;
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .label = "say \"it\"",
                      TEXT("x,\"say \"\"it\"\"\"\n1,\"a,b\"\n2,\"two\nlines\"\n"
                           "3,\"\"\"\"\n4,5\" disk\n5,\"a,b\"\n")));
    same("n", d.n, 5);
    same("classes", d.classes, 4);
    same_text("class 0", d.class_name[0], "\"");
    same_text("class 1", d.class_name[1], "5\" disk");
    same_text("class 2", d.class_name[2], "a,b");
    same_text("class 3", d.class_name[3], "two\nlines");
    same("label of the last row", label_of(&d, 4), 2);
    nn_data_free(&d);
    /* lines inside of quotes are counted */
    fails(nn_load_csv(&d, "t.csv", .label = "k", TEXT("x,k\n1,\"a\nb\nc\"\nz,d\n")), NN_ERR_FORMAT,
          &d, "line 5, column 1|'z'");
}

static void csv_separators(void **state)
{
    (void)state;
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .separator = '\t', TEXT("a\tb c\n1\t 2\n")));
    near("tab", x_of(&d, 0, 1), 2, 0);
    same_text("name", d.feature_name[1], "b c");
    nn_data_free(&d);
    works(nn_load_csv(&d, "t.csv", .separator = ';', TEXT("a;b\n1;2\n")));
    near("semicolon", x_of(&d, 0, 1), 2, 0);
    nn_data_free(&d);
    works(nn_load_csv(&d, "t.csv", .separator = ' ', TEXT("a b\n1 2\n")));
    near("space", x_of(&d, 0, 1), 2, 0);
    nn_data_free(&d);
    /* a tab that separates is no blank: the cell before it is empty */
    fails(nn_load_csv(&d, "t.csv", .separator = '\t', TEXT("a\tb\n\t2\n")), NN_ERR_FORMAT, &d,
          "line 2, column 1|missing");
    fails(nn_load_csv(&d, "t.csv", .separator = '"', TEXT("a\n1\n")), NN_ERR_ARGUMENT, &d,
          "separator");
    fails(nn_load_csv(&d, "t.csv", .separator = '\n', TEXT("a\n1\n")), NN_ERR_ARGUMENT, &d,
          "separator");
}

static void csv_choosing_columns(void **state)
{
    (void)state;
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .target = "d, b", .skip = "name",
                      TEXT("a,b,name,c,d\n1,2,x,3,4\n5,6,y,7,8\n")));
    same("features", d.x[0].size, 2);
    same("classes", d.classes, 0);
    same("y.type", d.y.type, NN_REAL);
    same("y.rank", d.y.rank, 1);
    same("y.dim", d.y.dim[0], 2);
    near("target d, named first", ((nn_real *)d.y.values)[2], 8, 0);
    near("target b", ((nn_real *)d.y.values)[3], 6, 0);
    near("feature c", x_of(&d, 1, 1), 7, 0);
    same_text("name of c", d.feature_name[1], "c");
    nn_data_free(&d);

    works(nn_load_csv(&d, "t.csv", .label_column = -1, .no_header = true, TEXT("1,2,u\n3,4,v\n")));
    same("n", d.n, 2);
    same("classes", d.classes, 2);
    same_text("name", d.feature_name[1], "2");
    nn_data_free(&d);
    works(nn_load_csv(&d, "t.csv", .target_column = 1, .no_header = true, .skip = "3",
                      TEXT("1,2,u\n3,4,v")));
    near("target", ((nn_real *)d.y.values)[1], 3, 0);
    same_text("name", d.feature_name[0], "2");
    nn_data_free(&d);
    works(nn_load_csv(&d, "t.csv", .label = "b", .label_column = 1,
                      TEXT("a,b\n1,2\n"))); /* the name wins */
    same_text("feature", d.feature_name[0], "a");
    nn_data_free(&d);

    fails(nn_load_csv(&d, "t.csv", .label = "kind", TEXT("a,b\n1,2\n")), NN_ERR_FORMAT, &d,
          "no column 'kind'|a, b|t.csv");
    fails(nn_load_csv(&d, "t.csv", .target = "a,q", TEXT("a,b\n1,2\n")), NN_ERR_FORMAT, &d,
          "no column 'q'");
    fails(nn_load_csv(&d, "t.csv", .skip = "a,", TEXT("a,b\n1,2\n")), NN_ERR_FORMAT, &d,
          "no column ''");
    fails(nn_load_csv(&d, "t.csv", .label_column = 3, TEXT("a,b\n1,2\n")), NN_ERR_FORMAT, &d,
          "no column '3'");
    fails(nn_load_csv(&d, "t.csv", .target_column = -2, TEXT("a,b\n1,2\n")), NN_ERR_FORMAT, &d,
          "no column '-2'");
    fails(nn_load_csv(&d, "t.csv", .label = "a", .skip = "a", TEXT("a,b\n1,2\n")), NN_ERR_ARGUMENT,
          &d, "twice|'a'");
    fails(nn_load_csv(&d, "t.csv", .target = "a,a", TEXT("a,b\n1,2\n")), NN_ERR_ARGUMENT, &d,
          "twice");
    fails(nn_load_csv(&d, "t.csv", .label = "a", .target = "b", TEXT("a,b\n1,2\n")),
          NN_ERR_ARGUMENT, &d, "label|target");
    fails(nn_load_csv(&d, "t.csv", .label = "a", TEXT("a\n1\n")), NN_ERR_FORMAT, &d,
          "no column is left");
    fails(nn_load_csv(NULL, "t.csv", TEXT("a\n1\n")), NN_ERR_ARGUMENT, NULL, "NULL|test_data.c");
    fails(nn_load_csv(&d, NULL), NN_ERR_ARGUMENT, &d, "path");
}

static void csv_labels_are_sorted(void **state)
{
    (void)state;
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .label = "k", TEXT("x,k\n0,10\n0,9\n0,-1\n0,9.0\n0,1e1\n")));
    same("classes", d.classes, 3); /* by number, not by text, and 9.0 is 9 */
    same_text("class 0", d.class_name[0], "-1");
    same_text("class 1", d.class_name[1], "9"); /* as it stood first */
    same_text("class 2", d.class_name[2], "10");
    const int want[] = { 2, 1, 0, 1, 2 };
    for (int i = 0; i < 5; i++) same("label", label_of(&d, i), want[i]);
    nn_data_free(&d);
    works(nn_load_csv(&d, "t.csv", .label = "k", TEXT("x,k\n0,10\n0,9\n0,b\n0,B\n0,\xC3\xA4\n")));
    same("classes", d.classes, 5); /* one is text, so all are: by bytes */
    same_text("class 0", d.class_name[0], "10");
    same_text("class 1", d.class_name[1], "9");
    same_text("class 2", d.class_name[2], "B");
    same_text("class 3", d.class_name[3], "b");
    same_text("class 4", d.class_name[4], "\xC3\xA4");
    nn_data_free(&d);
}

static void csv_missing(void **state)
{
    (void)state;
    static const char *const missing[] = { "", " ", "\"\"", "?", "NA", "nan", "NaN" };
    for (int i = 0; i < COUNT(missing); i++) {
        char text[80];
        nn_data d;
        snprintf(text, sizeof text, "a,b,k\n1,2,u\n3,%s,v\n5,6,w\n", missing[i]);
        fails(nn_load_csv(&d, "t.csv", .label = "k", .text = text, .text_size = strlen(text)),
              NN_ERR_FORMAT, &d, "line 3, column 2 (b)|missing|NN_MISSING_DROP");
        works(nn_load_csv(&d, "t.csv", .label = "k", .missing = NN_MISSING_DROP, .text = text,
                          .text_size = strlen(text)));
        same("rows left", d.n, 2);
        near("the row behind it", x_of(&d, 1, 1), 6, 0);
        same("classes left", d.classes, 2);
        same_text("class 1", d.class_name[1], "w");
        nn_data_free(&d);
    }
    nn_data d;
    works(nn_load_csv(&d, "t.csv", .skip = "a", TEXT("a,b\n?,2\n"))); /* what is skipped may miss */
    nn_data_free(&d);
    fails(nn_load_csv(&d, "t.csv", .label = "k", TEXT("a,k\n1,\n")), NN_ERR_FORMAT, &d,
          "line 2, column 2 (k)|missing");
    fails(nn_load_csv(&d, "t.csv", .missing = NN_MISSING_DROP, TEXT("a\n?\nNA\n")), NN_ERR_FORMAT,
          &d, "no rows|are left");
}

/* ---- CSV: errors, each with its line and column ------------------------------------------ */

static void csv_bad_cells(void **state)
{
    (void)state;
    static const struct {
        const char *cell, *words;
    } bad[] = {
        { "abc", "'abc'|not a number" },
        { "0x10", "hex" },
        { "-0X1p3", "hex" },
        { "inf", "finite" },
        { "-Infinity", "finite" },
        { "INF", "finite" },
        { "1e999", "too large" },
        { "-1e999", "too large" },
        { "\"1,5\"", "comma" },
        { "1.2.3", "not a number" },
        { "1e", "not a number" },
        { "1e+", "not a number" },
        { ".", "not a number" },
        { "-", "not a number" },
        { "1 2", "not a number" },
        { "--1", "not a number" },
        { "nan(1)", "not a number" },
        { "1f", "not a number" },
        { "\xD9\xA1", "not a number" },
        { "e5", "not a number" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        char text[80], words[80];
        nn_data d;
        int size = snprintf(text, sizeof text, "first,second\n1,2\n# note\n\n3,%s\n", bad[i].cell);
        snprintf(words, sizeof words,
                 "test_data.c|nn_load_csv|'t.csv'|line 5, column 2 (second)|%s", bad[i].words);
        fails(nn_load_csv(&d, "t.csv", .text = text, .text_size = (size_t)size), NN_ERR_FORMAT, &d,
              words);
    }
    char text[600];
    nn_data d;
    int size = snprintf(text, sizeof text, "a\n%0500d\n", 1);
    fails(nn_load_csv(&d, "t.csv", .text = text, .text_size = (size_t)size), NN_ERR_FORMAT, &d,
          "line 2, column 1|digits");
    if (sizeof(nn_real) == sizeof(float))
        fails(nn_load_csv(&d, "t.csv", TEXT("a\n1e39\n")), NN_ERR_FORMAT, &d,
              "line 2, column 1|too large");
    works(nn_load_csv(&d, "t.csv", TEXT("a,b\n1e-999,3.4e38\n")));
    near("underflow", x_of(&d, 0, 0), 0, 0);
    near("near the largest float", x_of(&d, 0, 1), 3.4e38, 1e31);
    nn_data_free(&d);
}

static void csv_bad_rows(void **state)
{
    (void)state;
    nn_data d;
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,2\n3\n")), NN_ERR_FORMAT, &d,
          "line 3, column 2|1 cells|2");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,2,3\n")), NN_ERR_FORMAT, &d,
          "line 2, column 3|3 cells|2");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\r\n1,2\r\n\r\n3\r\n")), NN_ERR_FORMAT, &d,
          "line 4, column 2|1 cells");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\r1,2\r\r3\r")), NN_ERR_FORMAT, &d,
          "line 4, column 2|1 cells");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,2,\n")), NN_ERR_FORMAT, &d, "line 2, column 3");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,\"2\n3,4\n")), NN_ERR_FORMAT, &d,
          "line 2, column 2|not closed");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,\"")), NN_ERR_FORMAT, &d,
          "line 2, column 2|not closed");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n\"1\"2,3\n")), NN_ERR_FORMAT, &d,
          "line 2, column 1|closing quote");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,2\0\n")), NN_ERR_FORMAT, &d,
          "line 2, column 2|NUL");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n1,\"\0\"\n")), NN_ERR_FORMAT, &d,
          "line 2, column 2|NUL");
    fails(nn_load_csv(&d, "t.csv", TEXT("\xFF\xFE\x61\0,\0b\0\n\0")), NN_ERR_FORMAT, &d,
          "line 1, column 1|NUL|UTF-8");
    fails(nn_load_csv(&d, "t.csv", TEXT("")), NN_ERR_FORMAT, &d, "no rows|line 1, column 1");
    fails(nn_load_csv(&d, "t.csv", TEXT("\xEF\xBB\xBF")), NN_ERR_FORMAT, &d, "no rows");
    fails(nn_load_csv(&d, "t.csv", TEXT("\xEF\xBB")), NN_ERR_FORMAT, &d, "no rows");
    fails(nn_load_csv(&d, "t.csv", TEXT("# only\n\n")), NN_ERR_FORMAT, &d,
          "no rows|line 3, column 1");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b\n")), NN_ERR_FORMAT, &d, "no rows");
    fails(nn_load_csv(&d, "t.csv", TEXT("a,b")), NN_ERR_FORMAT, &d, "no rows");
    /* every prefix of a valid text is an error or a table, and no prefix is read beyond its end */
    static const char text[] =
        "\xEF\xBB\xBF# c\r\n\"a\",b,k\r\n1,\"2\",x\r\n\r\n3.5e1,-4,\"y\"\"z\"\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        char *exact = (char *)malloc(size ? size : 1);
        memcpy(exact, text, size);
        nn_status s = nn_load_csv(&d, "t.csv", .label = "k", .text = exact, .text_size = size);
        if (s) is_empty_at(&d, NN_ERR_FORMAT, __LINE__);
        nn_data_free(&d);
        free(exact);
    }
    /* and every byte of it at every value */
    for (size_t at = 0; at < sizeof text - 1; at++)
        for (int value = 0; value < 256; value++) {
            char copy[sizeof text - 1];
            memcpy(copy, text, sizeof copy);
            copy[at] = (char)value;
            nn_status s =
                nn_load_csv(&d, "t.csv", .label = "k", .text = copy, .text_size = sizeof copy);
            if (s) is_empty_at(&d, s, __LINE__);
            if (s && s != NN_ERR_FORMAT && !strstr(nn_last_error(), "no column"))
                fail_msg("byte %d = %d: %s", (int)at, value, nn_last_error());
            if (!s) assert_true(d.n >= 1 && d.n <= 4);
            nn_data_free(&d);
        }
}

static void csv_bytes_at_random(void **state)
{
    (void)state;
    static const char letters[] = "0123456789.,-+e\"\"\n\n\r \t#;?abNA\0\xEF\xBB\xBF";
    nn_random random = nn_random_seed(7);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)nn_random_below(&random, 40);
        char *text = (char *)malloc(size ? size : 1); /* of the exact size, for the sanitizer */
        for (size_t i = 0; i < size; i++)
            text[i] = letters[nn_random_below(&random, sizeof letters)];
        nn_data d;
        nn_status s = nn_load_csv(&d, "t.csv", .text = text, .text_size = size,
                                  .no_header = round % 2, .label_column = round % 3 ? 0 : -1,
                                  .missing = round % 5 ? NN_MISSING_ERROR : NN_MISSING_DROP);
        if (s) is_empty_at(&d, NN_ERR_FORMAT, __LINE__);
        else
            for (int i = 0; i < d.n; i++)
                for (int c = 0; c < (int)d.x[0].size; c++)
                    near("a value is finite", x_of(&d, i, c), x_of(&d, i, c), 0);
        nn_data_free(&d);
        free(text);
    }
}

static void csv_files(void **state)
{
    (void)state;
    nn_data d;
    char path[64];
    fails(nn_load_csv(&d, "no/such/file.csv"), NN_ERR_FILE, &d,
          "cannot open|no/such/file.csv|test_data.c");
    fails(nn_standardise(&d), NN_ERR_FILE, &d,
          "cannot open|no/such/file.csv"); /* the first sentence survives */
    FILE *folder = fopen(".", "rb"); /* on some systems a folder opens and then cannot be read */
    if (folder) fclose(folder);
    fails(nn_load_csv(&d, "."), NN_ERR_FILE, &d, folder ? "cannot read '.'" : "cannot open '.'");
    write_temporary(path, "a,b\n1,2\n", 8);
    works(nn_load_csv(&d, path));
    near("x", x_of(&d, 0, 1), 2, 0);
    nn_data_free(&d);
    remove(path);
    /* longer than the first buffer, and ending exactly where a buffer ends */
    for (size_t size = 65536 - 2; size <= 65536 + 2; size++) {
        char *text = (char *)malloc(size);
        for (size_t i = 0; i < size; i++) text[i] = "1\n"[i % 2];
        write_temporary(path, text, size);
        works(nn_load_csv(&d, path, .no_header = true));
        same("rows", d.n, (size + 1) / 2);
        nn_data_free(&d);
        remove(path);
        free(text);
    }
#if defined(__linux__)
    int ends[2];
    if (pipe(ends)) fail_msg("no pipe");
    if (write(ends[1], "a,b\n1,2\n", 8) != 8) fail_msg("cannot write to a pipe");
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    works(nn_load_csv(&d, path));
    near("x from a pipe", x_of(&d, 0, 1), 2, 0);
    nn_data_free(&d);
    close(ends[0]);
#endif
}

static void csv_iris(void **state)
{
    (void)state;
    nn_data d;
    const char *path = "datasets/iris.csv";
    FILE *f = fopen(path, "rb");
    if (!f) f = fopen(path = "../datasets/iris.csv", "rb");
    if (!f) {
        print_message("datasets/iris.csv is not here: skipped\n");
        skip();
    }
    fclose(f);
    works(nn_load_csv(&d, path, .label = "species"));
    same("n", d.n, 150);
    same("features", d.x[0].size, 4);
    same("classes", d.classes, 3);
    int count[3] = { 0 };
    for (int i = 0; i < d.n; i++) count[label_of(&d, i)]++;
    for (int c = 0; c < 3; c++) same("flowers of a class", count[c], 50);
    near("row 35, last", x_of(&d, 34, 3), 0.2, 1e-6);
    near("row 38, second", x_of(&d, 37, 1), 3.6, 1e-6);
    nn_data_free(&d);
}

/* ---- locale ------------------------------------------------------------------------------ */

static void check_numbers_of_this_locale(void)
{
    nn_data d;
    works(nn_load_csv(&d, "t.csv", TEXT("a,b,c,d\n1.5,-.25,2.5e-1,3.\n")));
    const double want[] = { 1.5, -.25, .25, 3 };
    for (int i = 0; i < 4; i++) near("a number", x_of(&d, 0, i), want[i], 0);
    nn_data_free(&d);
    fails(nn_load_csv(&d, "t.csv", .separator = ';', TEXT("a;b\n1,5;2\n")), NN_ERR_FORMAT, &d,
          "line 2, column 1|comma");
    works(nn_load_csv(&d, "t.csv", .label = "k",
                      TEXT("a,k\n1,10.5\n2,9.5\n"))); /* numbers as labels, too */
    same_text("class 0", d.class_name[0], "9.5");
    nn_data_free(&d);
}

static void locale_simulated(void **state)
{
    (void)state;
    check_numbers_of_this_locale();
    strcpy(test_point, ",");
    near("the simulated strtod stops at a point", test_strtod("1.5", NULL), 1, 0);
    near("and takes a comma", test_strtod("1,5", NULL), 1.5, 0);
    check_numbers_of_this_locale();
    strcpy(test_point, "\xD9\xAB"); /* the Arabic decimal separator: two bytes */
    check_numbers_of_this_locale();
    test_point[0] = 0;
}

static void locale_real(void **state)
{
    (void)state;
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8",  "de_DE", "fr_FR.UTF-8",
                                         "pt_BR.UTF-8", "ru_RU.UTF-8", "German" };
    for (int i = 0; i < COUNT(names); i++) {
        if (!setlocale(LC_ALL, names[i]) || strcmp(localeconv()->decimal_point, ",")) continue;
        check_numbers_of_this_locale();
        setlocale(LC_ALL, "C");
        return;
    }
    setlocale(LC_ALL, "C");
    print_message("no comma locale is installed: skipped (the simulated one has run)\n");
    skip();
}

/* ---- IDX --------------------------------------------------------------------------------- */

/* Writes an IDX header with these sizes; returns its length. */
static size_t idx_header(unsigned char *to, int type, int rank, const uint32_t *dim)
{
    to[0] = to[1] = 0;
    to[2] = (unsigned char)type;
    to[3] = (unsigned char)rank;
    for (int i = 0; i < rank; i++)
        for (int k = 0; k < 4; k++) to[4 + 4 * i + k] = (unsigned char)(dim[i] >> (24 - 8 * k));
    return 4 + 4 * (size_t)rank;
}

typedef struct idx_set {
    unsigned char images[64], labels[32];
    size_t images_size, labels_size;
} idx_set;

/* Three images of 2 x 3 with the labels 7, 1, 7. */
static idx_set small_idx(void)
{
    idx_set s;
    const uint32_t dim[3] = { 3, 2, 3 };
    s.images_size = idx_header(s.images, 8, 3, dim);
    for (int i = 0; i < 18; i++) s.images[s.images_size++] = (unsigned char)(i * 15);
    s.labels_size = idx_header(s.labels, 8, 1, dim);
    s.labels[s.labels_size++] = 7;
    s.labels[s.labels_size++] = 1;
    s.labels[s.labels_size++] = 7;
    return s;
}

#define BYTES(s)                                                                                   \
    .images_bytes = (s).images, .images_size = (s).images_size, .labels_bytes = (s).labels,        \
    .labels_size = (s).labels_size
#define IMAGES(s) .images_bytes = (s).images, .images_size = (s).images_size

static void idx_plain(void **state)
{
    (void)state;
    idx_set s = small_idx();
    nn_data d;
    works(nn_load_idx(&d, BYTES(s)));
    same("n", d.n, 3);
    same("type", d.x[0].type, NN_BYTE);
    same("rank", d.x[0].rank, 3);
    same("H", d.x[0].dim[0], 2);
    same("W", d.x[0].dim[1], 3);
    same("C", d.x[0].dim[2], 1);
    same("raw", ((uint8_t *)d.x[0].values)[17], 255);
    same("scalings", d.x[0].scalings, 1);
    near("seen from 0 to 1", nn_data_value(&d, 0, 2, 5), 1, 1e-7);
    near("seen", nn_data_value(&d, 0, 1, 0), 90 / 255.0, 1e-7);
    same("classes", d.classes, 2);
    same_text("class 1", d.class_name[1], "7");
    same("label 0", label_of(&d, 0), 1);
    same("label 1", label_of(&d, 1), 0);
    nn_data_free(&d);

    works(nn_load_idx(&d, .limit = 2, BYTES(s)));
    same("n with a limit", d.n, 2);
    nn_data_free(&d);
    works(nn_load_idx(&d, .limit = 99, BYTES(s)));
    same("n with a large limit", d.n, 3);
    nn_data_free(&d);
    works(nn_load_idx(&d, IMAGES(s)));
    same("classes without labels", d.classes, 0);
    same("targets without labels", d.y.size, 0);
    nn_data_free(&d);

    const uint32_t flat[2] = { 9, 2 }, colour[4] = { 1, 2, 3, 3 };
    idx_header(s.images, 8, 2, flat);
    s.images_size = 12 + 18;
    works(nn_load_idx(&d, IMAGES(s)));
    same("rank of rows", d.x[0].rank, 1);
    same("size of rows", d.x[0].dim[0], 2);
    nn_data_free(&d);
    idx_header(s.images, 8, 4, colour);
    s.images_size = 20 + 18;
    works(nn_load_idx(&d, IMAGES(s)));
    same("rank in colour", d.x[0].rank, 3);
    same("channels", d.x[0].dim[2], 3);
    nn_data_free(&d);
}

static void idx_errors(void **state)
{
    (void)state;
    idx_set good = small_idx(), s = good;
    nn_data d;
    fails(nn_load_idx(&d, "no/such.idx", "no/labels.idx"), NN_ERR_FILE, &d,
          "no/such.idx|test_data.c|nn_load_idx");
    fails(nn_load_idx(&d, NULL), NN_ERR_ARGUMENT, &d, "images");
    fails(nn_load_idx(NULL, "x"), NN_ERR_ARGUMENT, NULL, "NULL");
    fails(nn_load_idx(&d, .limit = -1, BYTES(good)), NN_ERR_ARGUMENT, &d, "limit");
    fails(nn_load_idx(&d, .labels = "no/labels.idx", IMAGES(good)), NN_ERR_FILE, &d,
          "no/labels.idx");
    for (size_t size = 0; size < good.images_size;
         size++) { /* every prefix, in a block of its exact size */
        unsigned char *exact = (unsigned char *)malloc(size ? size : 1);
        memcpy(exact, good.images, size);
        fails(nn_load_idx(&d, "img", .images_bytes = exact, .images_size = size), NN_ERR_FORMAT, &d,
              size < 4 ? "header" : "truncated|img");
        free(exact);
    }
    for (size_t size = 0; size < good.labels_size; size++) {
        unsigned char *exact = (unsigned char *)malloc(size ? size : 1);
        memcpy(exact, good.labels, size);
        fails(
            nn_load_idx(&d, "img", "lab", IMAGES(good), .labels_bytes = exact, .labels_size = size),
            NN_ERR_FORMAT, &d, size < 4 ? "header|lab" : "truncated|lab");
        free(exact);
    }
    s.images_size++;
    fails(nn_load_idx(&d, "img", BYTES(s)), NN_ERR_FORMAT, &d, "too long|img");
    s = good, s.images[0] = 1;
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "header");
    s = good, s.images[1] = 1;
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "header");
    s = good, s.images[2] = 0x0D; /* floats */
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "header|bytes");
    s = good, s.images[3] = 0;
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "rank");
    s = good, s.images[3] = 6;
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "rank");
    s = good, s.images[0] = 0x1f, s.images[1] = 0x8b;
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "compressed|gunzip");
    s = good, s.images[7] = 0; /* no images */
    fails(nn_load_idx(&d, BYTES(s)), NN_ERR_FORMAT, &d, "size 1 is 0");
    s = good, s.labels[7] = 2, s.labels_size--;
    fails(nn_load_idx(&d, "img", "lab", BYTES(s)), NN_ERR_FORMAT, &d, "2 labels|3 images|lab");
    fails(nn_load_idx(&d, .limit = 2, BYTES(s)), NN_ERR_FORMAT, &d,
          "2 labels|3 images"); /* before the limit */
    fails(nn_load_idx(&d, .images_bytes = good.labels, .images_size = good.labels_size),
          NN_ERR_FORMAT, &d, "swapped");
    fails(
        nn_load_idx(&d, IMAGES(good), .labels_bytes = good.images, .labels_size = good.images_size),
        NN_ERR_FORMAT, &d, "swapped");
}

static void idx_huge_sizes(void **state)
{
    (void)state;
    static const uint32_t dims[][5] = {
        { 0x10000, 0x10000, 0x10000, 0x10000, 1 }, /* 2^64: the product is 0 if it wraps */
        { 0x80000000u, 1, 1, 1, 1 }, /* 2^31: no int */
        { 0xFFFFFFFFu, 0xFFFFFFFFu, 1, 1, 1 },
        { 0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF, 1, 1 },
        { 0x10000, 0x10000, 1, 1, 1 }, /* 2^32: 0 in 32 bits */
        { 0x40000000, 0x40000000, 0x10, 1, 1 }, /* 2^64 again */
        { 1, 0xFFFFFFFFu, 1, 1, 1 },
        { 3, 0, 5, 1, 1 },
    };
    for (int i = 0; i < COUNT(dims); i++)
        for (int rank = 2; rank <= 5; rank++)
            for (size_t rest = 0; rest <= 2; rest++) {
                unsigned char bytes[32] = { 0 };
                nn_data d;
                size_t size = idx_header(bytes, 8, rank, dims[i]) + rest;
                fails(nn_load_idx(&d, "img", .images_bytes = bytes, .images_size = size),
                      NN_ERR_FORMAT, &d, "img");
            }
    /* every byte at every value: one of a header is an error, also with a limit of 1, and any other
       a set of three samples */
    idx_set good = small_idx();
    for (size_t at = 0; at < good.images_size + good.labels_size; at++)
        for (int value = 0; value < 256; value++) {
            idx_set s = good;
            nn_data d;
            const bool in_images = at < good.images_size;
            const size_t from = in_images ? at : at - good.images_size;
            unsigned char *byte = in_images ? s.images + from : s.labels + from;
            const bool header = from < (in_images ? 16 : 8), changed = *byte != value;
            *byte = (unsigned char)value;
            nn_status status = nn_load_idx(&d, .limit = header, BYTES(s));
            if (status) is_empty_at(&d, NN_ERR_FORMAT, __LINE__);
            else same("n", d.n, header ? 1 : 3);
            if (!status != !(header && changed))
                fail_msg("byte %d = %d: %s", (int)at, value, nn_status_text(status));
            nn_data_free(&d);
        }
}

static void idx_files(void **state)
{
    (void)state;
    idx_set s = small_idx();
    char images[64], labels[64];
    nn_data d;
    write_temporary(images, s.images, s.images_size);
    write_temporary(labels, s.labels, s.labels_size);
    works(nn_load_idx(&d, images, labels));
    same("n", d.n, 3);
    same("label", label_of(&d, 2), 1);
    nn_data_free(&d);
    remove(images);
    remove(labels);
}

/* ---- arrays ------------------------------------------------------------------------------ */

static void arrays(void **state)
{
    (void)state;
    const nn_real x[12] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
                  targets[6] = { 1, 2, 3, 4, 5, 6 };
    const nn_real weights[3] = { 1, 0, (nn_real).5 };
    nn_data d;
    works(nn_data_from(&d, x, 3, { 2, 2 }, .targets = targets, .target_shape = { 2 },
                       .weights = weights));
    same("n", d.n, 3);
    same("rank", d.x[0].rank, 2);
    same("size", d.x[0].size, 4);
    same("scalings", d.x[0].scalings, 0);
    near("value", nn_data_value(&d, 0, 2, 3), 11, 0);
    same("y.size", d.y.size, 2);
    near("target", ((nn_real *)d.y.values)[5], 6, 0);
    near("weight", d.weight[2], .5, 0);
    assert_null(d.feature_name);
    assert_ptr_not_equal(d.x[0].values, x);
    nn_data_free(&d);

    works(nn_data_from(&d, x, 3, { 4 }, .targets = targets)); /* one number for each sample */
    same("y.rank", d.y.rank, 1);
    same("y.dim", d.y.dim[0], 1);
    nn_data_free(&d);

    const uint8_t bytes[4] = { 0, 51, 102, 255 };
    const int32_t tokens[4] = { 5, 0, 7, 100000 };
    works(nn_data_from(&d, bytes, 2, { 2 }, NN_BYTE));
    works(nn_data_add_input(&d, tokens, 2, { 2 }, NN_TOKEN));
    works(nn_data_add_input(&d, x, 2, { 2, 3 }));
    works(nn_data_add_input(&d, x, 2, { 1, 1, 1, 2 }));
    same("inputs", d.inputs, 4);
    near("byte", nn_data_value(&d, 0, 0, 1), .2, 1e-7);
    near("byte", nn_data_value(&d, 0, 1, 1), 1, 1e-7);
    near("token", nn_data_value(&d, 1, 1, 1), 100000, 0);
    near("third input", nn_data_value(&d, 2, 1, 5), 11, 0);
    same("rank of the fourth", d.x[3].rank, 4);
    spoils(nn_data_add_input(&d, x, 2, { 1 }), NN_ERR_ARGUMENT, &d, "4 inputs|test_data.c");
}

static void array_errors(void **state)
{
    (void)state;
    nn_real x[4] = { 1, 2, 3, 4 }, bad[4] = { 1, 2, (nn_real)NAN, 4 };
    const int labels[4] = { 0, 1, 0, 1 };
    nn_data d;
    fails(nn_data_from(NULL, x, 4, { 1 }), NN_ERR_ARGUMENT, NULL, "NULL");
    fails(nn_data_from(&d, NULL, 4, { 1 }), NN_ERR_ARGUMENT, &d, "values|test_data.c|nn_data_from");
    fails(nn_data_from(&d, x, 0, { 1 }), NN_ERR_ARGUMENT, &d, "n is 0");
    fails(nn_data_from(&d, x, -1, { 1 }), NN_ERR_ARGUMENT, &d, "n is -1");
    fails(nn_data_from(&d, x, 4, { 0 }), NN_ERR_ARGUMENT, &d, "shape");
    fails(nn_data_from(&d, x, 4, { 1, -2 }), NN_ERR_ARGUMENT, &d, "(1, -2, 0, 0)");
    fails(nn_data_from(&d, x, 4, { 1, 0, 2 }), NN_ERR_ARGUMENT, &d, "(1, 0, 2, 0)");
    fails(nn_data_from(&d, x, 4, { 1 }, (nn_type)7), NN_ERR_ARGUMENT, &d, "type is 7");
    fails(nn_data_from(&d, x, 4, { 1 }, .labels = labels, .targets = x), NN_ERR_ARGUMENT, &d,
          "labels and targets");
    fails(nn_data_from(&d, x, 4, { 1 }, .targets = bad), NN_ERR_DATA, &d,
          "target 0 of sample 2|nan");
    fails(nn_data_from(&d, x, 4, { 1 }, .weights = bad), NN_ERR_DATA, &d, "weight 0 of sample 2");
    bad[2] = -1;
    fails(nn_data_from(&d, x, 4, { 1 }, .weights = bad), NN_ERR_DATA, &d,
          "weight 0 of sample 2|-1");
    bad[2] = (nn_real)INFINITY;
    fails(nn_data_from(&d, x, 2, { 1 }, .targets = bad, .target_shape = { 2 }), NN_ERR_DATA, &d,
          "target 0 of sample 1|inf");
    fails(nn_data_from(&d, x, 4, { 1 }, .weights = bad), NN_ERR_DATA, &d, "inf");
    /* products of sizes: 2^64 entries, which is 0 if it wraps; 2^93; 2^64 and 2^62 bytes */
    fails(nn_data_from(&d, x, 1, { 1 << 16, 1 << 16, 1 << 16, 1 << 16 }), NN_ERR_MEMORY, &d,
          "memory");
    fails(nn_data_from(&d, x, INT_MAX, { INT_MAX, INT_MAX }), NN_ERR_MEMORY, &d, "memory");
    fails(nn_data_from(&d, x, 1 << 16, { 1 << 16, 1 << 16, 1 << 16 }), NN_ERR_MEMORY, &d, "memory");
    fails(nn_data_from(&d, x, 1 << 16, { 1 << 16, 1 << 16, 1 << 14 }, NN_BYTE), NN_ERR_MEMORY, &d,
          "memory");
    fails(nn_data_from(&d, x, INT_MAX, { INT_MAX }), NN_ERR_MEMORY, &d, "memory");
    fails(nn_data_from(&d, x, 1, { 1 }, .labels = labels,
                       .target_shape = { INT_MAX, INT_MAX, INT_MAX }),
          NN_ERR_MEMORY, &d, "memory");
    works(nn_data_from(&d, x, 4, { 1 }));
    spoils(nn_data_add_input(&d, x, 3, { 1 }), NN_ERR_SHAPE, &d, "n is 3|4 samples");
    works(nn_data_from(&d, x, 4, { 1 }));
    spoils(nn_data_add_input(&d, x, 4, { 1 }, .labels = labels), NN_ERR_ARGUMENT, &d,
           "nn_data_from");
    memset(&d, 0, sizeof d);
    fails(nn_data_add_input(&d, x, 4, { 1 }), NN_ERR_STATE, &d, "empty|nn_load_csv");
}

static void labels_are_mapped(void **state)
{
    (void)state;
    const nn_real x[6] = { 0 };
    static const struct {
        int label[6], classes, want[6];
        const char *name[6];
    } cases[] = {
        { { 7, 1, 3, 3, 7, 1 }, 3, { 2, 0, 1, 1, 2, 0 }, { "1", "3", "7" } },
        { { 2, 0, 1, 1, 2, 0 }, 3, { 2, 0, 1, 1, 2, 0 }, { "0", "1", "2" } },
        { { -5, 10, 9, 100, -5, 9 }, 4, { 0, 2, 1, 3, 0, 1 }, { "-5", "9", "10", "100" } },
        { { 4, 4, 4, 4, 4, 4 }, 1, { 0, 0, 0, 0, 0, 0 }, { "4" } },
        { { INT_MAX, INT_MIN, 0, 0, 0, 0 },
          3,
          { 2, 0, 1, 1, 1, 1 },
          { "-2147483648", "0", "2147483647" } },
    };
    for (int t = 0; t < COUNT(cases); t++)
        for (int positions = 1; positions <= 3;
             positions += 2) { /* one label for each sample, or a row of them */
            nn_data d;
            works(nn_data_from(&d, x, 6 / positions, { 1 }, .labels = cases[t].label,
                               .target_shape = { positions > 1 ? positions : 0 }));
            same("classes", d.classes, cases[t].classes);
            same("y.rank", d.y.rank, positions > 1);
            same("y.size", d.y.size, positions);
            for (int i = 0; i < 6; i++) same("label", label_of(&d, i), cases[t].want[i]);
            for (int c = 0; c < d.classes; c++)
                same_text("class", d.class_name[c], cases[t].name[c]);
            nn_data_free(&d);
        }
}

static void one_hot(void **state)
{
    (void)state;
    const nn_real x[6] = { 0 }, w[6] = { 1, 2, 3, 4, 5, 6 };
    const int labels[6] = { 7, 1, 3, 3, 7, 1 }, want[6] = { 2, 0, 1, 1, 2, 0 };
    for (int positions = 1; positions <= 3; positions += 2) {
        nn_data d;
        works(nn_data_from(&d, x, 6 / positions, { 1 }, .labels = labels, .weights = w,
                           .target_shape = { positions > 1 ? positions : 0 }));
        works(nn_one_hot(&d));
        same("type", d.y.type, NN_REAL);
        same("rank", d.y.rank, positions > 1 ? 2 : 1);
        same("last dimension", d.y.dim[d.y.rank - 1], 3);
        for (int i = 0; i < 18; i++)
            near("entry", ((nn_real *)d.y.values)[i], want[i / 3] == i % 3, 0);
        same_text("the names stay", d.class_name[2], "7");
        works(nn_shuffle(&d, 3)); /* weights and one-hot rows move together */
        for (int i = 0; i < 6; i++)
            near("row of a weight", ((nn_real *)d.y.values)[3 * i + want[(int)d.weight[i] - 1]], 1,
                 0);
        spoils(nn_one_hot(&d), NN_ERR_STATE, &d, "not class labels");
    }
    nn_data d;
    works(nn_data_from(&d, x, 6, { 1 }, .targets = w));
    spoils(nn_one_hot(&d), NN_ERR_STATE, &d, "not class labels");
    works(nn_data_from(&d, x, 6, { 1 }, .labels = labels, .target_shape = { 1, 1, 1, 1 }));
    spoils(nn_one_hot(&d), NN_ERR_SHAPE, &d, "dimensions");
}

/* ---- scaling ----------------------------------------------------------------------------- */

/* Mean and deviation (or least and largest) of column c of input 0, as training sees it. */
static void see_column(const nn_data *d, size_t c, double *mean, double *deviation, double *low,
                       double *high)
{
    *mean = *deviation = 0;
    *low = INFINITY, *high = -INFINITY;
    for (int r = 0; r < d->n; r++) *mean += nn_data_value(d, 0, r, c) / d->n;
    for (int r = 0; r < d->n; r++) {
        double v = nn_data_value(d, 0, r, c);
        *deviation += (v - *mean) * (v - *mean) / d->n;
        if (v < *low) *low = v;
        if (v > *high) *high = v;
    }
    *deviation = sqrt(*deviation);
}

/* 200 rows of 4: around 5, tiny, far from zero with a small spread, constant 0.1. */
static void make_columns(nn_data *d)
{
    nn_real x[200][4];
    nn_random random = nn_random_seed(1);
    for (int r = 0; r < 200; r++) {
        x[r][0] = (nn_real)nn_random_normal(&random, 5, 2);
        x[r][1] = (nn_real)(1e-6 * nn_random_uniform(&random, 0, 1));
        x[r][2] = (nn_real)(4096 + nn_random_normal(&random, 0, 1));
        x[r][3] = (nn_real)0.1;
    }
    works(nn_data_from(d, x, 200, { 4 }));
}

static void standardise(void **state)
{
    (void)state;
    nn_data d;
    double mean, deviation, low, high;
    make_columns(&d);
    works(nn_standardise(&d));
    same("scalings", d.x[0].scalings, 4);
    for (size_t c = 0; c < 3; c++) {
        see_column(&d, c, &mean, &deviation, &low, &high);
        near("mean", mean, 0, c == 2 ? 5e-4 : 1e-5); /* 4096 in float: its last digit is 5e-4 */
        near("deviation", deviation, 1, 1e-4);
    }
    for (int r = 0; r < d.n; r++)
        near("a constant column is moved to 0", nn_data_value(&d, 0, r, 3), 0, 0);
    near("and has factor 1", d.x[0].factor[3], 1, 0);
    near("values stay raw", x_of(&d, 0, 3), (nn_real)0.1, 0);
    works(nn_standardise(&d)); /* of the raw values: a second time changes nothing */
    see_column(&d, 0, &mean, &deviation, &low, &high);
    near("deviation again", deviation, 1, 1e-4);
    nn_data_free(&d);

    const nn_real small[4] = { 1, 2, 3, 6 }; /* mean 3, population deviation sqrt(14 / 4) */
    works(nn_data_from(&d, small, 4, { 1 }));
    works(nn_standardise(&d));
    near("mean", d.x[0].offset[0], 3, 1e-6);
    near("population deviation", 1 / d.x[0].factor[0], sqrt(3.5), 1e-6);
    nn_data_free(&d);
}

static void min_max(void **state)
{
    (void)state;
    nn_data d;
    double mean, deviation, low, high;
    make_columns(&d);
    works(nn_min_max(&d));
    for (size_t c = 0; c < 3; c++) {
        see_column(&d, c, &mean, &deviation, &low, &high);
        near("low", low, 0, 1e-6);
        near("high", high, 1, 1e-6);
    }
    near("constant", nn_data_value(&d, 0, 7, 3), 0, 0);
    near("factor of the constant", d.x[0].factor[3], 1, 0);
    nn_data_free(&d);
}

static void scaling_of_bytes_and_tokens(void **state)
{
    (void)state;
    const uint8_t bytes[6] = { 10, 20, 30, 40, 50, 60 };
    const int32_t tokens[3] = { 1, 2, 3 };
    nn_data d;
    double sum = 0, squares = 0;
    works(nn_data_from(&d, bytes, 3, { 2 }, NN_BYTE));
    works(nn_data_add_input(&d, tokens, 3, { 1 }, NN_TOKEN));
    works(nn_standardise(&d));
    same("one pair for bytes", d.x[0].scalings, 1);
    same("none for tokens", d.x[1].scalings, 0);
    for (int i = 0; i < 6; i++) {
        double v = nn_data_value(&d, 0, i / 2, (size_t)i % 2);
        sum += v, squares += v * v;
    }
    near("mean of bytes", sum / 6, 0, 1e-6);
    near("variance of bytes", squares / 6, 1, 1e-6);
    near("token", nn_data_value(&d, 1, 2, 0), 3, 0);
    works(nn_min_max(&d));
    near("least", nn_data_value(&d, 0, 0, 0), 0, 0);
    near("largest", nn_data_value(&d, 0, 2, 1), 1, 1e-7);
    nn_data_free(&d);
}

static void scaling_of_train_only(void **state)
{
    (void)state;
    nn_data all, train, test;
    make_columns(&all);
    works(nn_split(&all, &train, &test, .fraction = 0.25, .seed = 5));
    works(nn_standardise(&train));
    same("test is not scaled", test.x[0].scalings, 0);
    same("nor is all", all.x[0].scalings, 0);
    double mean = 0;
    for (int r = 0; r < train.n; r++) mean += (double)x_of(&train, r, 0) / train.n;
    near("offset is the mean of train", train.x[0].offset[0], mean, 1e-5);
    nn_data_free(&all);
    nn_data_free(&test);
    works(nn_split(&train, &all, &test)); /* copies keep a scaling, and own it */
    nn_data_free(&train);
    near("offset of a copy", all.x[0].offset[0], mean, 1e-5);
    near("offset of the other", test.x[0].offset[0], mean, 1e-5);
    same("scalings of a copy", all.x[0].scalings, 4);
    nn_data_free(&all);
    nn_data_free(&test);
}

static void scaling_errors(void **state)
{
    (void)state;
    nn_real x[6] = { 1, 2, 3, 4, 5, 6 };
    const double bad[] = { NAN, INFINITY, -INFINITY };
    nn_data d;
    for (int i = 0; i < 3; i++) {
        x[3] = (nn_real)bad[i];
        works(nn_data_from(&d, x, 3, { 2 }));
        spoils(nn_standardise(&d), NN_ERR_DATA, &d, "row 1, column 1|nn_standardise");
        works(nn_data_from(&d, x, 3, { 2 }));
        spoils(nn_min_max(&d), NN_ERR_DATA, &d, "row 1, column 1|nn_min_max");
    }
    works(nn_load_csv(&d, "t.csv", TEXT("width,height\n1,2\n3,4\n")));
    ((nn_real *)d.x[0].values)[3] = (nn_real)NAN;
    spoils(nn_standardise(&d), NN_ERR_DATA, &d, "row 1, column 1 height");
    memset(&d, 0, sizeof d);
    fails(nn_standardise(&d), NN_ERR_STATE, &d, "empty");
    fails(nn_standardise(NULL), NN_ERR_ARGUMENT, NULL, "NULL");
    /* a spread whose inverse is no float counts as constant */
    const nn_real tiny[2] = { 0, (nn_real)1e-44 };
    works(nn_data_from(&d, tiny, 2, { 1 }));
    works(nn_min_max(&d));
    near("finite", nn_data_value(&d, 0, 1, 0), sizeof(nn_real) == 4 ? 1e-44 : 1, 1e-44);
    nn_data_free(&d);
}

/* What training gets is factor * (raw - offset), for every type, scaling and choice of rows. */
static void gather(void **state)
{
    (void)state;
    nn_real x[5 * 37], out[3 * 37], offset[37], factor[37];
    uint8_t bytes[5 * 37];
    int32_t tokens[5 * 37];
    const int rows[3] = { 4, 0, 4 };
    for (int i = 0; i < 5 * 37; i++) {
        x[i] = (nn_real)(i * .37 - 9);
        bytes[i] = (uint8_t)(i * 7);
        tokens[i] = i * 1000;
    }
    for (int i = 0; i < 37; i++) offset[i] = (nn_real)(i - 3), factor[i] = (nn_real)(1.0 / (i + 1));
    const void *values[3] = { x, bytes, tokens };
    for (int type = NN_REAL; type <= NN_TOKEN; type++)
        for (size_t scalings = 0; scalings <= 37; scalings += scalings == 1 ? 36 : 1)
            for (int chosen = 0; chosen < 2; chosen++) {
                nn_data d;
                works(nn_data_from(&d, values[type], 5, { 37 }, (nn_type)type));
                for (int i = 0; i < 3 * 37; i++) out[i] = (nn_real)NAN;
                nn__gather(out, &d.x[0], offset, factor, scalings, chosen ? rows : NULL, 3);
                for (int i = 0; i < 3 * 37; i++) {
                    int row = chosen ? rows[i / 37] : i / 37, c = i % 37, at = row * 37 + c,
                        s = scalings > 1 ? c : 0;
                    double raw = type == NN_REAL   ? (double)x[at]
                                 : type == NN_BYTE ? bytes[at]
                                                   : tokens[at];
                    bool scaled = scalings && type != NN_TOKEN;
                    double want = scaled ? (double)factor[s] * (raw - (double)offset[s]) : raw;
                    near("gathered", out[i], want, 1e-6 * (1 + fabs(want)));
                }
                nn_data_free(&d);
            }
}

/* ---- rows, split, shuffle ---------------------------------------------------------------- */

/* Row r of n: x is (r, 2 r, ...) of 300 numbers, a token input 10 r, label r % 3, weight r + 1. */
static void make_rows(nn_data *d, int n)
{
    nn_real *x = (nn_real *)malloc((size_t)n * 300 * sizeof *x),
            *w = (nn_real *)malloc((size_t)n * sizeof *w);
    int32_t *t = (int32_t *)malloc((size_t)n * sizeof *t);
    int *labels = (int *)malloc((size_t)n * sizeof *labels);
    for (int r = 0; r < n; r++) {
        for (int i = 0; i < 300; i++) x[r * 300 + i] = (nn_real)(r * (i + 1));
        w[r] = (nn_real)(r + 1), t[r] = 10 * r, labels[r] = r % 3;
    }
    works(nn_data_from(d, x, n, { 300 }, .labels = labels, .weights = w));
    works(nn_data_add_input(d, t, n, { 1 }, NN_TOKEN));
    free(x), free(w), free(t), free(labels);
}

/* Which of make_rows' rows stands at r; fails if its parts do not belong together. */
static int row_at(const nn_data *d, int r)
{
    int id = ((int32_t *)d->x[1].values)[r] / 10;
    for (int i = 0; i < 300; i++) near("entry of a row", x_of(d, r, i), id * (i + 1), 0);
    near("weight of a row", d->weight[r], id + 1, 0);
    same("label of a row", label_of(d, r), id % 3);
    return id;
}

/* Every row of 0 .. n-1 is in a or b (or NULL), once. */
static void check_partition(const nn_data *a, const nn_data *b, int n)
{
    int *seen = (int *)calloc((size_t)n, sizeof *seen);
    for (int r = 0; r < a->n; r++) seen[row_at(a, r)]++;
    for (int r = 0; b && r < b->n; r++) seen[row_at(b, r)]++;
    for (int i = 0; i < n; i++) same("times that a row was seen", seen[i], 1);
    free(seen);
}

static void split_sizes(void **state)
{
    (void)state;
    static const struct {
        int n;
        double fraction;
        int test;
    } cases[] = { { 150, .2, 30 }, { 150, 0, 30 }, { 10, .25, 3 }, { 7, .5, 4 },
                  { 3, .1, 1 },    { 2, .5, 1 },   { 11, .9, 10 } };
    for (int t = 0; t < COUNT(cases); t++)
        for (int no_shuffle = 0; no_shuffle < 2; no_shuffle++) {
            nn_data d, train, test;
            make_rows(&d, cases[t].n);
            works(nn_split(&d, &train, &test, .fraction = cases[t].fraction, .seed = 9,
                           .no_shuffle = no_shuffle));
            same("test", test.n, cases[t].test);
            same("train", train.n, cases[t].n - cases[t].test);
            check_partition(&train, &test, cases[t].n);
            if (no_shuffle) {
                for (int r = 0; r < train.n; r++) same("first rows", row_at(&train, r), r);
                for (int r = 0; r < test.n; r++) same("last rows", row_at(&test, r), train.n + r);
            }
            same("classes are kept", test.classes, d.classes);
            same_text("names are kept", train.class_name[0], "0");
            nn_data_free(&d), nn_data_free(&train), nn_data_free(&test);
        }
}

static void split_seeds(void **state)
{
    (void)state;
    nn_data d, train[3], test[3];
    make_rows(&d, 60);
    for (int stratify = 0; stratify < 2; stratify++) {
        int differ = 0, moved = 0;
        for (int i = 0; i < 3; i++)
            works(
                nn_split(&d, &train[i], &test[i], .seed = i == 2 ? 43 : 42, .stratify = stratify));
        for (int r = 0; r < test[0].n; r++) {
            same("row of the same seed", row_at(&test[1], r), row_at(&test[0], r));
            differ += row_at(&test[2], r) != row_at(&test[0], r);
            moved += row_at(&test[0], r) != 48 + r;
        }
        if (!differ) fail_msg("seeds 42 and 43 give the same split");
        if (!moved) fail_msg("the split is not shuffled");
        for (int i = 0; i < 3; i++) nn_data_free(&train[i]), nn_data_free(&test[i]);
    }
    nn_data_free(&d);
}

static void split_stratified(void **state)
{
    (void)state;
    static const struct {
        int count[4];
        double fraction;
        int test[4];
    } cases[] = {
        { { 50, 50, 50, 0 }, .2, { 10, 10, 10, 0 } },
        { { 90, 10, 0, 0 }, .2, { 18, 2, 0, 0 } },
        { { 96, 2, 2, 0 }, .1, { 8, 1, 1, 0 } }, /* each has one, though its share is 0.2 */
        { { 96, 2, 2, 0 }, .9, { 88, 1, 1, 0 } }, /* and leaves one */
        { { 7, 6, 4, 3 },
          .5,
          { 4, 3, 2, 1 } }, /* 3.5, 3, 2, 1.5: the first of equals gets one more */
        { { 2, 2, 2, 2 }, .5, { 1, 1, 1, 1 } },
        { { 5, 3, 2, 0 }, .35, { 2, 1, 1, 0 } }, /* 4 of 10: 2, 1.2, 0.8 */
    };
    for (int t = 0; t < COUNT(cases); t++)
        for (int no_shuffle = 0; no_shuffle < 2; no_shuffle++) {
            int labels[200], n = 0, count[4] = { 0 };
            nn_real x[200];
            for (int c = 0; c < 4; c++)
                for (int i = 0; i < cases[t].count[c]; i++)
                    x[n] = (nn_real)n, labels[n++] = 100 * c;
            nn_data d, train, test;
            works(nn_data_from(&d, x, n, { 1 }, .labels = labels));
            works(nn_split(&d, &train, &test, .fraction = cases[t].fraction, .stratify = true,
                           .no_shuffle = no_shuffle));
            same("test", test.n, ceil(cases[t].fraction * n));
            for (int r = 0; r < test.n; r++) count[label_of(&test, r)]++;
            for (int c = 0; c < 4; c++)
                same("samples of a class in test", count[c], cases[t].test[c]);
            int seen[200] = { 0 };
            for (int r = 0; r < train.n; r++) seen[(int)x_of(&train, r, 0)]++;
            for (int r = 0; r < test.n; r++) seen[(int)x_of(&test, r, 0)]++;
            for (int i = 0; i < n; i++) same("times a row was seen", seen[i], 1);
            if (no_shuffle && n > 100) near("last row of train", x_of(&train, 0, 0), 0, 0);
            nn_data_free(&d), nn_data_free(&train), nn_data_free(&test);
        }
}

static void split_errors(void **state)
{
    (void)state;
    const nn_real x[6] = { 1, 2, 3, 4, 5, 6 };
    const int labels[6] = { 0, 0, 0, 1, 1, 2 }, pairs[6] = { 0, 0, 1, 1, 2, 2 };
    const double bad[] = { 1, -.1, 2, NAN, .99, 1e300, INFINITY };
    nn_data d, train, test;
    works(nn_data_from(&d, x, 6, { 1 }, .labels = labels));
    for (int i = 0; i < COUNT(bad); i++) {
        memset(&train, 0xA5, sizeof train), memset(&test, 0xA5, sizeof test);
        fails(nn_split(&d, &train, &test, .fraction = bad[i]), NN_ERR_ARGUMENT, &train,
              "fraction|test_data.c|nn_split");
        is_empty_at(&test, NN_ERR_ARGUMENT, __LINE__);
    }
    fails(nn_split(&d, &train, &test, .stratify = true), NN_ERR_ARGUMENT, &test,
          "class '2'|one sample");
    fails(nn_split(&d, &train, &train), NN_ERR_ARGUMENT, &train, "three");
    fails(nn_split(&d, &d, &test), NN_ERR_ARGUMENT, &test, "three");
    fails(nn_split(&d, &train, &d), NN_ERR_ARGUMENT, &train, "three");
    fails(nn_split(&d, &train, NULL), NN_ERR_ARGUMENT, &train, "three");
    fails(nn_split(NULL, &train, &test), NN_ERR_ARGUMENT, &train, "NULL");
    same("data is as it was", d.n, 6);
    nn_data_free(&d);
    fails(nn_split(&d, &train, &test), NN_ERR_STATE, &train, "empty");
    works(nn_data_from(&d, x, 6, { 1 }, .labels = pairs));
    fails(nn_split(&d, &train, &test, .fraction = .3, .stratify = true), NN_ERR_ARGUMENT, &train,
          "all 3 classes");
    works(nn_one_hot(&d));
    fails(nn_split(&d, &train, &test, .stratify = true), NN_ERR_ARGUMENT, &train, "label");
    nn_data_free(&d);
    works(nn_data_from(&d, x, 6, { 1 }));
    fails(nn_split(&d, &train, &test, .stratify = true), NN_ERR_ARGUMENT, &train, "label");
    nn_data_free(&d);
    /* a failure goes through every later call with its first sentence */
    fails(nn_load_csv(&d, "nowhere.csv", .label = "species"), NN_ERR_FILE, &d, "nowhere.csv");
    fails(nn_split(&d, &train, &test, .stratify = true), NN_ERR_FILE, &train, "nowhere.csv");
    is_empty_at(&test, NN_ERR_FILE, __LINE__);
    fails(nn_standardise(&train), NN_ERR_FILE, &train, "nowhere.csv");
    fails(nn_min_max(&train), NN_ERR_FILE, &train, "nowhere.csv");
    fails(nn_shuffle(&train, 1), NN_ERR_FILE, &train, "nowhere.csv");
    fails(nn_one_hot(&train), NN_ERR_FILE, &train, "nowhere.csv");
    fails(nn_data_add_input(&train, x, 6, { 1 }), NN_ERR_FILE, &train, "nowhere.csv");
    fails(nn_data_rows(&test, &train, NULL, 1), NN_ERR_FILE, &test, "nowhere.csv");
}

static void rows(void **state)
{
    (void)state;
    const int index[5] = { 4, 0, 0, 9, 4 };
    nn_data d, out;
    make_rows(&d, 10);
    works(nn_data_rows(&out, &d, index, 5));
    same("n", out.n, 5);
    for (int r = 0; r < 5; r++) same("row", row_at(&out, r), index[r]);
    nn_data_free(&out);
    works(nn_data_rows(&out, &d, NULL, 3));
    for (int r = 0; r < 3; r++) same("row", row_at(&out, r), r);
    nn_data_free(&out);
    works(nn_load_csv(&out, "t.csv", .label = "k", TEXT("a,b,k\n1,2,x\n3,4,y\n")));
    nn_data_free(&d);
    works(nn_data_rows(&d, &out, index + 1, 2));
    nn_data_free(&out); /* the copy owns its names */
    same_text("feature name", d.feature_name[1], "b");
    same_text("class name", d.class_name[1], "y");
    same("classes", d.classes, 2);
    const int high[2] = { 0, 2 }, low[2] = { 0, -1 };
    fails(nn_data_rows(&out, &d, high, 2), NN_ERR_ARGUMENT, &out, "index[1] is 2|0 to 1");
    fails(nn_data_rows(&out, &d, low, 2), NN_ERR_ARGUMENT, &out, "index[1] is -1");
    fails(nn_data_rows(&out, &d, NULL, 3), NN_ERR_ARGUMENT, &out, "n is 3");
    fails(nn_data_rows(&out, &d, index, 0), NN_ERR_ARGUMENT, &out, "n is 0");
    fails(nn_data_rows(&out, &d, NULL, -1), NN_ERR_ARGUMENT, &out, "n is -1");
    fails(nn_data_rows(&d, &d, NULL, 1), NN_ERR_ARGUMENT, NULL, "of its own");
    same("data is as it was", d.n, 2);
    nn_data_free(&d);
    fails(nn_data_rows(NULL, &d, NULL, 1), NN_ERR_ARGUMENT, NULL, "out");
    fails(nn_data_rows(&out, &d, NULL, 1), NN_ERR_STATE, &out, "empty");
}

static void shuffle(void **state)
{
    (void)state;
    nn_data a, b, c;
    int moved = 0, differ = 0;
    make_rows(&a, 50), make_rows(&b, 50), make_rows(&c, 50);
    works(nn_shuffle(&a, 7));
    works(nn_shuffle(&b, 7));
    works(nn_shuffle(&c, 8));
    check_partition(&a, NULL, 50);
    for (int r = 0; r < 50; r++) {
        same("row of the same seed", row_at(&b, r), row_at(&a, r));
        moved += row_at(&a, r) != r;
        differ += row_at(&c, r) != row_at(&a, r);
    }
    if (moved < 40 || differ < 40)
        fail_msg("%d of 50 rows moved, %d differ between two seeds", moved, differ);
    nn_data_free(&a), nn_data_free(&b), nn_data_free(&c);
    make_rows(&a, 1);
    works(nn_shuffle(&a, 1));
    nn_data_free(&a);
    /* every order of three equally often */
    int orders[27] = { 0 };
    for (uint64_t seed = 0; seed < 6000; seed++) {
        const nn_real x[3] = { 0, 1, 2 };
        works(nn_data_from(&a, x, 3, { 1 }));
        works(nn_shuffle(&a, seed));
        orders[(int)(x_of(&a, 0, 0) * 9 + x_of(&a, 1, 0) * 3 + x_of(&a, 2, 0))]++;
        nn_data_free(&a);
    }
    const int order[6] = { 5, 7, 11, 15, 19, 21 };
    for (int i = 0; i < 6; i++)
        near("times of an order", orders[order[i]], 1000, 120); /* 4 deviations of 29 */
}

/* ---- memory runs out --------------------------------------------------------------------- */

typedef struct failing {
    long calls, fail_at, live;
    bool for_good;
} failing;

static void *failing_allocate(void *user, size_t bytes)
{
    failing *f = (failing *)user;
    long call = f->calls++;
    if (call == f->fail_at || (f->for_good && call > f->fail_at)) return NULL;
    void *memory = malloc(bytes);
    if (memory) memset(memory, 0xA5, bytes), f->live++;
    return memory;
}

static void failing_release(void *user, void *memory)
{
    ((failing *)user)->live--;
    free(memory);
}

/* A scenario fills d (and e), and returns the status of its last call. */
typedef nn_status scenario(nn_data *d, nn_data *e);

static const char memory_csv[] = "a,b,c,k\n1,2,3,x\n4,5,6,y\n7,8,9,x\n1,1,1,y\n";

static nn_status run_csv_label(nn_data *d, nn_data *e)
{
    (void)e;
    return nn_load_csv(d, "t.csv", .label = "k", .text = memory_csv,
                       .text_size = sizeof memory_csv - 1);
}

static nn_status run_csv_target(nn_data *d, nn_data *e)
{
    (void)e;
    return nn_load_csv(d, "t.csv", .target = "b,a", .skip = "k", .text = memory_csv,
                       .text_size = sizeof memory_csv - 1);
}

static char memory_path[64];

static nn_status run_csv_file(nn_data *d, nn_data *e)
{
    (void)e;
    return nn_load_csv(d, memory_path, .no_header = true);
}

static nn_status run_idx(nn_data *d, nn_data *e)
{
    (void)e;
    idx_set s = small_idx();
    return nn_load_idx(d, BYTES(s));
}

static nn_status run_arrays(nn_data *d, nn_data *e)
{
    (void)e;
    static const uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    static const int labels[8] = { 5, 3, 5, 3, 1, 1, 1, 1 };
    static const nn_real weights[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    nn_data_from(d, bytes, 4, { 2 }, NN_BYTE, .labels = labels, .target_shape = { 2 },
                 .weights = weights);
    return nn_data_add_input(d, labels, 4, { 2 }, NN_TOKEN); /* passes the status of the first on */
}

static nn_status run_targets(nn_data *d, nn_data *e)
{
    (void)e;
    static const nn_real x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    return nn_data_from(d, x, 4, { 2 }, .targets = x, .target_shape = { 2 }, .weights = x);
}

static nn_status run_prepare(nn_data *d, nn_data *e)
{
    (void)e;
    run_csv_label(d, NULL);
    nn_standardise(d);
    nn_min_max(d);
    nn_shuffle(d, 3);
    return nn_one_hot(d);
}

static nn_status run_split(nn_data *d, nn_data *e)
{
    nn_data all;
    run_csv_label(&all, NULL);
    nn_standardise(&all);
    nn_status s = nn_split(&all, d, e, .fraction = .5, .stratify = true);
    if (e->status != s)
        fail_msg("test.status is %d after nn_split gave %d", (int)e->status, (int)s);
    nn_data_free(&all);
    return s;
}

static nn_status run_rows(nn_data *d, nn_data *e)
{
    static const int index[3] = { 2, 0, 2 };
    run_arrays(e, NULL);
    return nn_data_rows(d, e, index, 3);
}

static void run_until_success(const char *name, scenario *run, bool for_good)
{
    for (long k = 0;; k++) {
        failing f = { 0, k, 0, for_good };
        nn_allocator allocator = { failing_allocate, failing_release, &f };
        nn_data d, e;
        memset(&d, 0xA5, sizeof d);
        memset(&e, 0, sizeof e);
        nn_set_allocator(&allocator);
        nn_status s = run(&d, &e);
        bool failed = f.calls > k;
        if (failed && s != NN_ERR_MEMORY)
            fail_msg("%s: allocation %ld failed, and the status is %d: %s", name, k, (int)s,
                     nn_last_error());
        if (!failed && s)
            fail_msg("%s: status %d without a failure: %s", name, (int)s, nn_last_error());
        if (failed && d.status != NN_ERR_MEMORY)
            fail_msg("%s: allocation %ld: data.status is %d", name, k, (int)d.status);
        if (failed && !strstr(nn_last_error(), "no memory for"))
            fail_msg("%s: allocation %ld: the sentence is: %s", name, k, nn_last_error());
        nn_data_free(&d);
        nn_data_free(&e);
        nn_set_allocator(NULL);
        if (f.live) fail_msg("%s: allocation %ld failed, and %ld blocks leak", name, k, f.live);
        if (!failed) {
            if (k < 2) fail_msg("%s: only %ld allocations: does it use the allocator?", name, k);
            return;
        }
    }
}

static void allocations_that_fail(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        scenario *run;
    } scenarios[] = {
        { "csv with a label", run_csv_label },
        { "csv with targets", run_csv_target },
        { "csv from a file", run_csv_file },
        { "idx", run_idx },
        { "arrays", run_arrays },
        { "targets", run_targets },
        { "prepare", run_prepare },
        { "split", run_split },
        { "rows", run_rows },
    };
    char text[80000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = "1,1\n"[i % 4]; /* the buffer has to grow */
    write_temporary(memory_path, text, sizeof text);
    for (int i = 0; i < COUNT(scenarios); i++)
        for (int for_good = 0; for_good < 2; for_good++)
            run_until_success(scenarios[i].name, scenarios[i].run, for_good);
    remove(memory_path);
}

/* ---- images, without NN_USE_STB_IMAGE (with it: test_images.c) ----------------------------- */

static void images_without_stb(void **state)
{
    (void)state;
    nn_data d;
    nn_image image;
    fails(nn_load_image(&image, "datasets/iris.csv"), NN_ERR_STATE, NULL,
          "nn_load_image: |iris.csv|libstb-dev|#define NN_USE_STB_IMAGE");
    fails(nn_load_images(&d, "datasets"), NN_ERR_STATE, &d, "nn_load_images: |libstb-dev");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_without_stb),
        cmocka_unit_test(csv_plain),
        cmocka_unit_test(csv_oddities_that_are_accepted),
        cmocka_unit_test(csv_quotes),
        cmocka_unit_test(csv_separators),
        cmocka_unit_test(csv_choosing_columns),
        cmocka_unit_test(csv_labels_are_sorted),
        cmocka_unit_test(csv_missing),
        cmocka_unit_test(csv_bad_cells),
        cmocka_unit_test(csv_bad_rows),
        cmocka_unit_test(csv_bytes_at_random),
        cmocka_unit_test(csv_files),
        cmocka_unit_test(csv_iris),
        cmocka_unit_test(locale_simulated),
        cmocka_unit_test(locale_real),
        cmocka_unit_test(idx_plain),
        cmocka_unit_test(idx_errors),
        cmocka_unit_test(idx_huge_sizes),
        cmocka_unit_test(idx_files),
        cmocka_unit_test(arrays),
        cmocka_unit_test(array_errors),
        cmocka_unit_test(labels_are_mapped),
        cmocka_unit_test(one_hot),
        cmocka_unit_test(standardise),
        cmocka_unit_test(min_max),
        cmocka_unit_test(scaling_of_bytes_and_tokens),
        cmocka_unit_test(scaling_of_train_only),
        cmocka_unit_test(scaling_errors),
        cmocka_unit_test(gather),
        cmocka_unit_test(split_sizes),
        cmocka_unit_test(split_seeds),
        cmocka_unit_test(split_stratified),
        cmocka_unit_test(split_errors),
        cmocka_unit_test(rows),
        cmocka_unit_test(shuffle),
        cmocka_unit_test(allocations_that_fail),
    };
    return cmocka_run_group_tests_name(">>data", tests, NULL, NULL);
}
