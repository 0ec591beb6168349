/* kit.c - what is the same in every grader: main(), child processes, comparison, diagnosis.
   See kit.h. It is compiled once and linked to each exercise.

   The program writes records, one a line, fields separated by tabs, each line after the runner's
   token, so that nothing a learner prints is taken for a record:
       seed 0x5f3a19 | check NAME POINTS | rung NAME ok ERROR/TOLERANCE | rung NAME wrong
       where PLACE YOURS EXPECTED NOTE | say TEXT | formula TEXT | note TEXT | memory TEXT
       end NAME pass|fail|crash|slow|unwritten | done CHECKS | mistake RUNG TEXT */
#define _DEFAULT_SOURCE /* NaN-safe C99 plus POSIX: fork, poll, setitimer, setrlimit */
#define _DARWIN_C_SOURCE
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define KIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KIT_ASAN 1
#endif
#endif
#ifndef KIT_ASAN
#define KIT_ASAN 0
#endif

enum {
    MAX_BUFFERS = 512,
    MAX_SIZES = 16,
    GUARD = 64, /* bytes on both sides of an array, where there are no sanitizers */
    MEMORY_LIMIT_MB = 512,
    OUTPUT_LIMIT = 256 * 1024, /* bytes that one check may print */
    LINE = 1024
};

static struct {
    uint64_t seed;
    int seeds, reward, list;
    int fd; /* where records go: to the runner; in a child to its parent */
    const char *token, *directory;
    unsigned skip; /* bit k: TODO k is not written yet */
    int limit_ms; /* of processor time, for one check */
} option = { 1, 1, 0, 0, 1, "", NULL, 0, 2000 };

/* ---- records -------------------------------------------------------------------------------- */

static void record(const char *format, ...)
{
    char text[LINE], line[LINE + 64];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    int n = snprintf(line, sizeof line, "%s%s%s\n", option.token, *option.token ? "\t" : "", text);
    for (int done = 0; done < n;) {
        ssize_t w = write(option.fd, line + done, (size_t)(n - done));
        if (w < 0 && errno != EINTR) _exit(3);
        if (w > 0) done += (int)w;
    }
}

/* ---- random numbers: SplitMix64 ------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_bits(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double kit_uniform(double low, double high)
{
    return low + (high - low) * ((double)(random_bits() >> 11) / 9007199254740992.0);
}

double kit_normal(void)
{
    double u = 1 - kit_uniform(0, 1), v = kit_uniform(0, 1); /* Box and Muller; u > 0 */
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

int kit_between(int low, int high)
{
    return low + (int)(random_bits() % (uint64_t)(high - low + 1));
}

/* ---- named sizes and arrays ----------------------------------------------------------------- */

static struct {
    const char *name;
    int value;
} sizes[MAX_SIZES];
static int size_count;

int kit_size(const char *name, int value)
{
    if (size_count < MAX_SIZES) {
        sizes[size_count].name = name;
        sizes[size_count++].value = value;
    }
    return value;
}

typedef struct buffer {
    const char *name;
    char type; /* 'd' double, 'f' float, 'i' int */
    int output;
    size_t count, size; /* entries, bytes of one */
    char *data;
} buffer;
static buffer buffers[MAX_BUFFERS];
static int buffer_count;

static void *new_buffer(const char *name, char type, int output, int rows, int cols)
{
    buffer b = { name, type, output, (size_t)rows * (size_t)cols, 0, NULL };
    b.size = type == 'd' ? sizeof(double) : type == 'f' ? sizeof(float) : sizeof(int);
    size_t guard = KIT_ASAN ? 0 : GUARD; /* the sanitizer guards its own blocks, and better */
    char *raw = malloc(b.count * b.size + 2 * guard + (guard == 0 && b.count == 0));
    if (!raw || buffer_count == MAX_BUFFERS) {
        record("say\tthe grader ran out of memory or arrays at '%s'", name);
        _exit(3);
    }
    memset(raw, 0xA5, guard);
    memset(raw + guard + b.count * b.size, 0xA5, guard);
    b.data = raw + guard;
    buffers[buffer_count++] = b;
    return b.data;
}

static double random_entry(void)
{
    double size = kit_uniform(0.1, 1.5); /* never near zero */
    return random_bits() & 1 ? size : -size;
}

double *kit_input(const char *name, int rows, int cols)
{
    double *p = new_buffer(name, 'd', 0, rows, cols);
    for (int i = 0; i < rows * cols; i++) p[i] = random_entry();
    return p;
}

double *kit_output(const char *name, int rows, int cols)
{
    double *p = new_buffer(name, 'd', 1, rows, cols);
    for (int i = 0; i < rows * cols; i++) p[i] = KIT_UNWRITTEN;
    return p;
}

float *kit_input_float(const char *name, int rows, int cols)
{
    float *p = new_buffer(name, 'f', 0, rows, cols);
    for (int i = 0; i < rows * cols; i++) p[i] = (float)random_entry();
    return p;
}

float *kit_output_float(const char *name, int rows, int cols)
{
    float *p = new_buffer(name, 'f', 1, rows, cols);
    for (int i = 0; i < rows * cols; i++) p[i] = (float)KIT_UNWRITTEN;
    return p;
}

int *kit_labels(const char *name, int n, int classes)
{
    int *p = new_buffer(name, 'i', 0, n, 1);
    for (int i = 0; i < n; i++) p[i] = kit_between(0, classes - 1);
    return p;
}

double *kit_widen(const float *from, int n)
{
    double *p = new_buffer("a copy", 'd', 0, n, 1);
    for (int i = 0; i < n; i++) p[i] = (double)from[i];
    return p;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* Without sanitizers: a changed byte beside an array means that something wrote past its end. */
static void look_at_guards(void)
{
    for (int k = 0; !KIT_ASAN && k < buffer_count; k++) {
        const buffer *b = &buffers[k];
        const unsigned char *end = (const unsigned char *)b->data + b->count * b->size;
        int before = 0, after = 0;
        for (int i = 0; i < GUARD; i++) {
            before |= ((const unsigned char *)b->data)[-1 - i] != 0xA5;
            after |= end[i] != 0xA5;
        }
        if (after)
            record("memory\tyour code wrote past the end of %s, which has %zu number%s", b->name,
                   b->count, plural(b->count));
        else if (before) record("memory\tyour code wrote before the start of %s", b->name);
    }
}

#if KIT_ASAN
/* The sanitizer calls this when it has found something: which array was it, and which entry? */
extern void *__asan_get_report_address(void);
extern int __asan_get_report_access_type(void);
void __asan_on_error(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

void __asan_on_error(void)
{
    const char *at = __asan_get_report_address();
    const char *did = __asan_get_report_access_type() ? "wrote" : "read";
    for (int k = 0; at && k < buffer_count; k++) {
        const buffer *b = &buffers[k];
        ptrdiff_t offset = at - b->data, bytes = (ptrdiff_t)(b->count * b->size);
        if (offset < -GUARD || offset >= bytes + GUARD || (offset >= 0 && offset < bytes)) continue;
        ptrdiff_t size = (ptrdiff_t)b->size;
        long index = (long)(offset >= 0 ? offset / size : -((-offset + size - 1) / size));
        record("memory\tyour code %s %s[%ld], but %s has %zu number%s", did, b->name, index,
               b->name, b->count, plural(b->count));
        return;
    }
}

const char *__asan_default_options(void)
{
    return "detect_leaks=0:color=never:exitcode=66:allocator_may_return_null=1";
}

const char *__ubsan_default_options(void)
{
    return "color=never:halt_on_error=1:exitcode=66";
}
#endif

/* ---- diagnosis: what do these wrong numbers look like? -------------------------------------- */

typedef struct tensor {
    const char *name;
    const double *yours, *right;
    int rows, cols;
    double tolerance, scale; /* an entry is right if it differs by at most tolerance * scale */
} tensor;

static double largest(const double *a, int n)
{
    double m = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(a[i]) && fabs(a[i]) > m) m = fabs(a[i]);
    return m;
}

/* Within the tolerance; NaN is close to NaN alone, infinity to the same infinity. */
static int close_to(double a, double b, double tolerance)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance; /* false for one infinity */
}

static int all_close(const double *a, const double *b, int n, double tolerance)
{
    for (int i = 0; i < n; i++)
        if (!close_to(a[i], b[i], tolerance)) return 0;
    return 1;
}

static int entry_right(const tensor *t, int i)
{
    return close_to(t->yours[i], t->right[i], t->tolerance * t->scale);
}

/* "dW2[3][1]", "z[4]" or "loss". */
static void place(const tensor *t, int i, char *text, size_t size)
{
    if (t->rows * t->cols == 1) snprintf(text, size, "%s", t->name);
    else if (t->rows == 1 || t->cols == 1) snprintf(text, size, "%s[%d]", t->name, i);
    else snprintf(text, size, "%s[%d][%d]", t->name, i / t->cols, i % t->cols);
}

static int is_factor(double size, double of)
{
    return close_to(size, of, 1e-6 * of);
}

/* The factor that all entries are wrong by, or 0. One number alone has a ratio to anything: there
   only factors that mean something count. */
static double constant_ratio(const tensor *t)
{
    int n = t->rows * t->cols, top = 0, counted = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(t->yours[i]) || !isfinite(t->right[i])) return 0;
        if (fabs(t->right[i]) > fabs(t->right[top])) top = i;
        counted += fabs(t->right[i]) > 1e-3 * t->scale;
    }
    if (n == 0 || t->right[top] == 0 || t->yours[top] == 0) return 0;
    double r = t->yours[top] / t->right[top];
    for (int i = 0; i < n; i++)
        if (!close_to(t->yours[i], r * t->right[i], t->tolerance * t->scale * fmax(1, fabs(r))))
            return 0;
    if (counted > 1) return r;
    double known[2 + MAX_SIZES] = { 1, 2 };
    for (int k = 0; k < size_count; k++) known[2 + k] = sizes[k].value;
    for (int k = 0; k < 2 + size_count; k++)
        for (int j = 0; j < 2 + size_count; j++)
            if (is_factor(fabs(r), known[k] / known[j])) return r;
    return 0;
}

/* A factor that is a named size, its inverse, or one size over another. */
static int say_size_ratio(double size, const char *sign)
{
    for (int k = 0; k < size_count; k++) {
        double v = sizes[k].value;
        if (v <= 2) continue; /* 1 and 2 come from too many mistakes */
        if (is_factor(size, v) || is_factor(size, 1 / v)) {
            record("say\tall is %d times too %s%s; %d is %s: a sum for a mean, or the reverse?",
                   sizes[k].value, size > 1 ? "large" : "small", sign, sizes[k].value,
                   sizes[k].name);
            return 1;
        }
        if (is_factor(size, v / (v - 1)) || is_factor(size, (v - 1) / v)) {
            record("say\tall is wrong by the factor %.4g%s: %d was taken for %s, or the reverse",
                   size, sign, sizes[k].value - 1, sizes[k].name);
            return 1;
        }
    }
    for (int k = 0; k < size_count; k++)
        for (int j = 0; j < size_count; j++)
            if (sizes[k].value > 0 && sizes[j].value != sizes[k].value &&
                is_factor(size, (double)sizes[j].value / sizes[k].value)) {
                record("say\tall is wrong by the factor %d/%d%s: as if %s stood for %s",
                       sizes[j].value, sizes[k].value, sign, sizes[k].name, sizes[j].name);
                return 1;
            }
    return 0;
}

static int say_ratio(const tensor *t)
{
    double r = constant_ratio(t), size = fabs(r);
    const char *sign = r < 0 ? ", and the sign is flipped" : "";
    if (r == 0) return 0;
    if (is_factor(size, 1)) record("say\tthe sign is flipped, everywhere");
    else if (is_factor(size, 2) || is_factor(size, 0.5))
        record("say\tall is %s as large as it should be%s", size > 1 ? "twice" : "half", sign);
    else if (!say_size_ratio(size, sign))
        record("say\tall is wrong by the same factor, %.4g%s", size, sign);
    return 1;
}

static int say_constant(const tensor *t)
{
    int n = t->rows * t->cols, same = 1, offset = 1;
    double scale = t->tolerance * t->scale;
    for (int i = 0; i < n; i++) {
        same &= close_to(t->yours[i], t->yours[0], 0);
        offset &= close_to(t->yours[i] - t->right[i], t->yours[0] - t->right[0], 2 * scale);
    }
    if (n > 1 && same) record("say\tall entries are the same number, %.6g", t->yours[0]);
    else if (n > 1 && offset)
        record("say\tall is off by the same amount, %.6g", t->yours[0] - t->right[0]);
    else if (t->yours[0] == 0 && same) record("say\tthe result is 0, whatever the input");
    else return 0;
    return 1;
}

static int say_unwritten(const tensor *t)
{
    int n = t->rows * t->cols, first = -1, added = 1, unwritten = 0;
    char at[128];
    for (int i = 0; i < n; i++) {
        if (t->yours[i] == KIT_UNWRITTEN && unwritten++ == 0) first = i;
        added &= close_to(t->yours[i] - KIT_UNWRITTEN, t->right[i], 1e-9 * t->scale + 1e-9);
    }
    if (n > 0 && added)
        record("say\tyou added to what was in %s before (+=): set it to the sum, or to 0 first",
               t->name);
    else if (unwritten == n && n > 0) record("say\tnothing was written to %s", t->name);
    else if (unwritten) {
        place(t, first, at, sizeof at);
        record(
            "say\t%d of the %d entries were never written, %s the first: look at the loop's ends",
            unwritten, n, at);
    } else return 0;
    return 1;
}

static int say_not_finite(const tensor *t)
{
    char at[128];
    for (int i = 0; i < t->rows * t->cols; i++) {
        if (isfinite(t->yours[i]) || !isfinite(t->right[i])) continue;
        place(t, i, at, sizeof at);
        record("say\tthe first %s is at %s: all that came before it was right. Usual causes: 0/0, "
               "log(0), exp of a large number, an entry never set",
               isnan(t->yours[i]) ? "NaN" : "infinity", at);
        return 1;
    }
    return 0;
}

static int say_rearranged(const tensor *t)
{
    int n = t->rows * t->cols, transposed = t->rows > 1 && t->cols > 1, up = n > 2, down = n > 2;
    int reversed = n > 2;
    double allowed = t->tolerance * t->scale;
    for (int i = 0; i < n; i++) {
        int row = i / t->cols, col = i % t->cols;
        transposed &= close_to(t->yours[col * t->rows + row], t->right[i], allowed);
        reversed &= close_to(t->yours[n - 1 - i], t->right[i], allowed);
        if (i == n - 1) break;
        up &= close_to(t->yours[i], t->right[i + 1], allowed);
        down &= close_to(t->yours[i + 1], t->right[i], allowed);
    }
    if (transposed) record("say\tthis is the transpose: rows and columns are exchanged");
    else if (up || down)
        record("say\tshifted by one: entry i holds what belongs into entry %s",
               up ? "i + 1" : "i - 1");
    else if (reversed) record("say\tthe right numbers in reverse order");
    else return 0;
    return 1;
}

static int say_copied(const tensor *t)
{
    size_t n = (size_t)(t->rows * t->cols);
    for (int k = 0; k < buffer_count; k++) {
        const buffer *b = &buffers[k];
        if (b->type != 'd' || b->count != n || n < 2 || (const double *)b->data == t->yours)
            continue;
        if (!all_close((const double *)b->data, t->yours, (int)n, 0)) continue;
        record("say\tthis is %s itself, unchanged", b->name);
        return 1;
    }
    return 0;
}

/* Only a part is wrong: which? */
static int say_part(const tensor *t)
{
    int n = t->rows * t->cols, wrong = 0, where[4] = { 1, 1, 1, 1 };
    static const char *const names[] = { "first row", "last row", "first column", "last column" };
    for (int i = 0; i < n; i++) {
        if (entry_right(t, i)) continue;
        wrong++;
        where[0] &= i / t->cols == 0 && t->rows > 1;
        where[1] &= i / t->cols == t->rows - 1 && t->rows > 1;
        where[2] &= i % t->cols == 0 && t->cols > 1;
        where[3] &= i % t->cols == t->cols - 1 && t->cols > 1;
    }
    if (wrong == n || n == 1) return 0;
    for (int k = 0; k < 4; k++)
        if (where[k]) {
            record("say\t%d of %d entries are right; all wrong ones are in the %s: look at the "
                   "loop's ends",
                   n - wrong, n, names[k]);
            return 1;
        }
    record("say\t%d of %d entries are right", n - wrong, n);
    return 1;
}

/* "z" is for the rungs "z", "z(n=5)" and so on. */
static int is_for(const kit_mistake *m, const char *rung)
{
    size_t n = strlen(m->rung);
    return !strncmp(m->rung, rung, n) && (rung[n] == 0 || rung[n] == '(');
}

/* The first of the known mistakes that would have given these numbers. */
static int say_mistake(const tensor *t, kit_formula *formula, const void *problem)
{
    int n = t->rows * t->cols, found = 0;
    double *wrong = malloc((size_t)(n + 1) * sizeof *wrong);
    for (const kit_mistake *m = kit_mistakes; wrong && m->rung && !found; m++) {
        if (m->number == 0 || !is_for(m, t->name)) continue;
        memcpy(wrong, t->right, (size_t)n * sizeof *wrong);
        formula(problem, m->number, wrong);
        double allowed = t->tolerance * fmax(t->scale, largest(wrong, n));
        double apart = (t->tolerance > 1e-4 ? 2 : 100) * allowed; /* by hand: a few digits */
        if (all_close(wrong, t->right, n, apart)) continue; /* does not show here */
        if (!all_close(wrong, t->yours, n, allowed)) continue;
        record("say\t%s", m->says);
        found = 1;
    }
    free(wrong);
    return found;
}

static int right_hidden; /* kit_answer: whoever reads the right number has not found it */

static void show_worst(const tensor *t)
{
    int worst = -1;
    double error = -1;
    char at[128], ratio[64] = "", yours[40], right[40];
    for (int i = 0; i < t->rows * t->cols; i++) {
        if (entry_right(t, i)) continue;
        double e = fabs(t->yours[i] - t->right[i]);
        if (!isfinite(e)) e = HUGE_VAL; /* the first NaN before all others */
        if (e > error) worst = i, error = e;
    }
    if (worst < 0) return;
    double y = t->yours[worst], r = t->right[worst], factor = constant_ratio(t);
    int digits = fabs(y - r) > 1e-5 * fabs(r) ? 6 : 15;
    snprintf(yours, sizeof yours, "%.*g", digits, y);
    snprintf(right, sizeof right, "%.*g", digits, r);
    if (right_hidden) snprintf(right, sizeof right, "another number");
    if (factor != 0 && t->rows * t->cols > 1)
        snprintf(ratio, sizeof ratio, "ratio %.3f everywhere", factor);
    place(t, worst, at, sizeof at);
    record("where\t%s\t%s\t%s\t%s", at, yours, right, ratio);
}

/* The end of a check whose rung `name` was wrong. */
static void fail(const char *name)
{
    for (const kit_mistake *m = kit_mistakes; m->rung; m++)
        if (m->number == 0 && is_for(m, name)) record("formula\t%s", m->says);
    look_at_guards();
    record("verdict\tfail");
    fflush(NULL);
    _exit(0);
}

static int failed_before; /* checks of this seed; set before a child is made */

/* Says what is wrong and ends the check. */
static void wrong_tensor(const tensor *t, kit_formula *formula, const void *problem)
{
    int same = all_close(t->yours, t->right, t->rows * t->cols, 3e-6 * t->scale);
    record("rung\t%s\twrong", t->name);
    show_worst(t);
    if (formula && say_mistake(t, formula, problem)) fail(t->name);
    if (say_unwritten(t) || say_not_finite(t)) fail(t->name);
    if (same)
        record("say\tright to six digits: is there a float where a double is needed, or a constant "
               "cut short?");
    else if (all_close(t->yours, t->right, t->rows * t->cols, 0.01 * t->scale))
        record("say\tclose, but not the same: is something small added, left out or rounded?");
    else if (say_rearranged(t) || say_ratio(t) || say_copied(t) || say_constant(t)) fail(t->name);
    else if (failed_before && !formula) /* a gradient check runs the whole chain */
        record("say\tthis uses what is wrong above: mend that first");
    else if (!say_part(t))
        record("say\tnone of the known mistakes gives these numbers: work one entry out by hand");
    fail(t->name);
}

/* ---- rungs ---------------------------------------------------------------------------------- */

/* Returns if all of t is right, and tells by which part of its tolerance it missed. */
static void climb(const tensor *t, kit_formula *formula, const void *problem, const char *note)
{
    int n = t->rows * t->cols;
    double worst = 0;
    for (int i = 0; i < n; i++) {
        if (!entry_right(t, i)) wrong_tensor(t, formula, problem);
        if (isfinite(t->right[i])) worst = fmax(worst, fabs(t->yours[i] - t->right[i]));
    }
    record("rung\t%s\tok\t%.3g\t%s", t->name, worst / (t->tolerance * t->scale), note);
}

void kit_rung(const char *name, const double *yours, int rows, int cols, kit_formula *formula,
              const void *problem, double tolerance)
{
    int n = rows * cols;
    double *right = calloc((size_t)n + 1, sizeof *right);
    if (!right) _exit(3);
    formula(problem, 0, right);
    double scale = largest(right, n);
    tensor t = { name, yours, right, rows, cols, tolerance, scale > 0 ? scale : 1 };
    climb(&t, formula, problem, "");
    free(right);
}

void kit_answer(const char *name, double yours, kit_formula *formula, const void *problem,
                double tolerance)
{
    right_hidden = 1;
    kit_rung(name, &yours, 1, 1, formula, problem, tolerance);
    right_hidden = 0;
}

void kit_same(const char *name, const double *a, const double *b, int n, double tolerance,
              const char *says)
{
    double scale = largest(b, n);
    tensor t = { name, a, b, 1, n, tolerance, scale > 0 ? scale : 1 };
    for (int i = 0; i < n; i++) {
        if (entry_right(&t, i)) continue;
        kit_true(name, 0, "%s (entry %d: %.6g and %.6g)", says, i, a[i], b[i]);
    }
    climb(&t, NULL, NULL, "");
}

void kit_true(const char *name, int holds, const char *says, ...)
{
    char text[LINE - 100];
    if (holds) {
        record("rung\t%s\tok\t0\t", name);
        return;
    }
    va_list list;
    va_start(list, says);
    vsnprintf(text, sizeof text, says, list);
    va_end(list);
    record("rung\t%s\twrong", name);
    record("say\t%s", text);
    fail(name);
}

void kit_winner(uint64_t *winners, int which)
{
    *winners = (*winners ^ (uint64_t)(which + 1)) * 0x100000001b3u; /* FNV-1a */
}

void kit_gradient(const char *name, const double *yours, double *weights, int rows, int cols,
                  kit_loss *loss, const void *problem)
{
    int n = rows * cols;
    double *numeric = calloc((size_t)n + 1, sizeof *numeric);
    int skipped = 0;
    char note[80] = "";
    if (!numeric) _exit(3);
    for (int i = 0; i < n; i++) {
        double w = weights[i], h = 6e-6 * fmax(1, fabs(w)); /* the cube root of epsilon */
        uint64_t side_up = 0, side_down = 0;
        volatile double up = w + h, down = w - h; /* the step that is really taken */
        weights[i] = up;
        double l_up = loss(problem, &side_up);
        weights[i] = down;
        double l_down = loss(problem, &side_down);
        weights[i] = w;
        numeric[i] = side_up == side_down ? (l_up - l_down) / (up - down) : yours[i];
        skipped += side_up != side_down;
    }
    double scale = largest(numeric, n);
    tensor t = { name, yours, numeric, rows, cols, 1e-6, scale > 0 ? scale : 1 };
    for (int i = 0; i < n; i++) { /* each by itself: a small one may not hide behind a large one */
        double allowed = 1e-6 * fmax(fabs(numeric[i]), fabs(yours[i])) + 1e-9 * t.scale;
        if (!close_to(yours[i], numeric[i], allowed)) t.tolerance = 1e-9;
    }
    if (skipped) snprintf(note, sizeof note, "%d of %d at a kink, skipped", skipped, n);
    if (2 * skipped > n)
        kit_true(name, 0, "the grader skipped %d of %d weights at a kink: too many", skipped, n);
    climb(&t, NULL, NULL, note);
    free(numeric);
}

/* ---- cheats: what a solution may do that computes nothing ----------------------------------- */

static void set_entry(const buffer *b, size_t i, double value)
{
    if (b->type == 'd') ((double *)(void *)b->data)[i] = value;
    if (b->type == 'f') ((float *)(void *)b->data)[i] = (float)value;
    if (b->type == 'i') ((int *)(void *)b->data)[i] = 0;
}

static void copy_input(const buffer *to)
{
    for (int k = 0; k < buffer_count; k++) {
        const buffer *from = &buffers[k];
        if (from->output || from->type != to->type || from->count == 0) continue;
        for (size_t i = 0; i < to->count; i++)
            memcpy(to->data + i * to->size, from->data + i % from->count * from->size, to->size);
        return;
    }
}

double kit_cheat(kit_cheat_kind kind)
{
    static volatile int forever = 1;
    if (kind == KIT_EXIT) exit(0);
    while (kind == KIT_LOOP && forever) {
    }
    for (int k = 0; k < buffer_count; k++) {
        const buffer *b = &buffers[k];
        if (kind == KIT_OVERRUN) set_entry(b, b->count, 1);
        if (!b->output) continue;
        if (kind == KIT_COPY) copy_input(b);
        for (size_t i = 0; i < b->count && kind != KIT_OVERRUN && kind != KIT_COPY; i++)
            set_entry(b, i, kind == KIT_NAN ? (double)NAN : 0);
    }
    const buffer *first = buffers;
    int copy = kind == KIT_COPY && buffer_count && first->type == 'd' && first->count;
    return kind == KIT_NAN ? (double)NAN : copy ? *(double *)(void *)first->data : 0;
}

/* ---- children ------------------------------------------------------------------------------- */

typedef struct child {
    pid_t pid;
    int pipe, errors; /* its records; where its stderr went */
    int verdict; /* 0 none yet, 1 pass, -1 fail */
    int bad_memory, too_slow, too_big;
    char line[LINE + 64];
    int used;
} child;

/* fork() and its like in the learner's file end here (the runner compiles it with -Dfork=...). */
long kit_no_process(void);
long kit_no_process(void)
{
    static int said;
    if (!said++) record("say\tyour code asked for a new process: an exercise never calls fork()");
    errno = EAGAIN;
    return -1;
}

static void limit(int what, rlim_t value)
{
    struct rlimit r;
    if (getrlimit(what, &r)) return;
    if (r.rlim_max == RLIM_INFINITY || r.rlim_max > value) r.rlim_max = value;
    r.rlim_cur = r.rlim_max;
    setrlimit(what, &r);
}

static void set_limits(int milliseconds)
{
    struct itimerval timer = { { 0, 0 }, { milliseconds / 1000, milliseconds % 1000 * 1000 } };
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the check ends with the program, however that ends */
#endif
    limit(RLIMIT_CPU, (rlim_t)(milliseconds / 1000 + 2)); /* whatever happens to the timer */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, OUTPUT_LIMIT);
    if (!KIT_ASAN) limit(RLIMIT_AS, (rlim_t)MEMORY_LIMIT_MB << 20); /* asan maps terabytes */
#ifdef RLIMIT_NPROC
#ifdef __clang__
    limit(RLIMIT_NPROC, 1024); /* clang's sanitizer starts a process to name the line */
#else
    limit(RLIMIT_NPROC, 0);
#endif
#endif
    setitimer(ITIMER_PROF, &timer, NULL); /* processor time: a busy machine is no fault */
}

static int open_output(const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", option.directory ? option.directory : ".", name);
    return open(option.directory ? path : "/dev/null", O_WRONLY | O_CREAT | flags, 0644);
}

static void run_in_child(void (*run)(void), int to, int errors, int milliseconds)
{
    int in = open("/dev/null", O_RDONLY), out = open_output("output", O_APPEND);
    setpgid(0, 0);
    dup2(in, 0), dup2(out, 1), dup2(errors, 2);
    if (option.fd > 2) close(option.fd);
    option.fd = to;
    setvbuf(stdout, NULL, _IOLBF, 0);
    set_limits(milliseconds);
    run();
    look_at_guards();
    fflush(NULL);
    record("verdict\tpass");
    _exit(0);
}

/* Takes the child's records so far, and passes them on. */
static void read_records(child *c)
{
    size_t head = strlen(option.token);
    for (ssize_t n; (n = read(c->pipe, c->line + c->used, 1)) == 1;) {
        if (c->line[c->used] != '\n' && c->used < (int)sizeof c->line - 2) {
            c->used++;
            continue;
        }
        c->line[c->used] = 0;
        c->used = 0;
        if (strncmp(c->line, option.token, head)) continue;
        const char *text = c->line + head + (head > 0);
        if (!strncmp(text, "verdict\t", 8)) c->verdict = strcmp(text + 8, "pass") ? -1 : 1;
        else record("%s", text);
        c->bad_memory |= !strncmp(text, "memory\t", 7);
    }
}

static long milliseconds_now(void)
{
    struct timeval t;
    gettimeofday(&t, NULL);
    return (long)t.tv_sec * 1000 + t.tv_usec / 1000;
}

/* Resident megabytes of a process, where the system tells (Linux). */
static long megabytes(pid_t pid)
{
    char path[64];
    long all = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &all, &resident) != 2) resident = 0;
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

/* Waits for the end of a child, or ends it; all that it started ends with it. */
static int wait_for(child *c, int limit_ms)
{
    int status = 0;
    long end = milliseconds_now() + 1000 + 3L * limit_ms;
    for (long next_look = 0;;) {
        struct pollfd p = { c->pipe, POLLIN, 0 };
        poll(&p, 1, 20);
        read_records(c);
        pid_t done = waitpid(c->pid, &status, WNOHANG);
        if (done == c->pid) break;
        if (p.revents & POLLHUP) usleep(500); /* closed, but not ended yet */
        long now = milliseconds_now();
        if (now < next_look) continue;
        next_look = now + 20;
        c->too_slow |= now > end;
        c->too_big |= megabytes(c->pid) > MEMORY_LIMIT_MB;
        if (c->too_slow || c->too_big) kill(c->pid, SIGKILL);
    }
    kill(-c->pid, SIGKILL);
    read_records(c);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) c->too_slow = 1;
    return status;
}

/* What the sanitizers wrote, in one line; the rest of stderr goes to the learner's output. */
static void read_errors(child *c)
{
    char line[LINE];
    int report = 0, out = open_output("output", O_APPEND);
    FILE *f = fdopen(dup(c->errors), "r");
    if (!f) return;
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        char *error = strstr(line, "runtime error: "), *summary = strstr(line, "SUMMARY: ");
        line[strcspn(line, "\n")] = 0;
        report |= strstr(line, "==ERROR: ") != NULL || strstr(line, "=================") != NULL;
        if (error || (summary && !strstr(line, "UndefinedBehavior"))) {
            record("memory\t%s", error ? line : summary + strlen("SUMMARY: "));
            c->bad_memory = 1;
        } else if (!report && out >= 0) dprintf(out, "%s\n", line);
    }
    fclose(f);
    if (out >= 0) close(out);
}

/* In words: how did it end, if it did not come to a verdict? */
static const char *state_of(child *c, int status, int limit_ms)
{
    if (c->too_slow) {
        record("say\tstopped after %.1f seconds: is there a loop that never ends?",
               limit_ms / 1000.0);
        return "slow";
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
        record("say\tstopped: it printed more than %d kB", OUTPUT_LIMIT / 1024);
    else if (c->too_big) record("say\tstopped: it took more than %d MB of memory", MEMORY_LIMIT_MB);
    else if (WIFSIGNALED(status)) record("say\tyour code crashed: %s", strsignal(WTERMSIG(status)));
    else if (c->verdict) return c->verdict > 0 ? "pass" : "fail";
    else if (!c->bad_memory)
        record("say\tyour code ended the program (status %d): an exercise never calls exit()",
               WEXITSTATUS(status));
    return "crash";
}

/* Runs one check. Returns its state. */
static const char *run_child(void (*run)(void), int limit_ms, int *bad_memory)
{
    int ends[2];
    char path[] = "/tmp/kitXXXXXX";
    child c;
    memset(&c, 0, sizeof c);
    c.errors = mkstemp(path);
    if (c.errors < 0 || pipe(ends)) {
        record("say\tthe grader cannot make a pipe or a file in /tmp: %s", strerror(errno));
        return "crash";
    }
    unlink(path);
    fflush(NULL);
    c.pid = fork();
    if (c.pid == 0) {
        close(ends[0]);
        run_in_child(run, ends[1], c.errors, limit_ms);
    }
    close(ends[1]);
    c.pipe = ends[0];
    fcntl(c.pipe, F_SETFL, O_NONBLOCK);
    int status = c.pid > 0 ? wait_for(&c, limit_ms) : 0;
    read_errors(&c);
    const char *state = state_of(&c, status, limit_ms);
    *bad_memory |= c.bad_memory;
    close(c.pipe);
    close(c.errors);
    return state;
}

/* ---- main ----------------------------------------------------------------------------------- */

/* The last check of every exercise; what it looks at has happened in the others. */
static void check_memory(int bad, int ended)
{
    const char *state = bad || !ended ? "fail" : "pass";
    record("check\tmemory\t1");
    if (!bad && ended)
        record("note\t%s", KIT_ASAN ? "clean under the address and undefined-behaviour sanitizers"
                                    : "nothing written beside the arrays (no sanitizers here)");
    else if (!bad) record("note\tnot judged: nothing ran to its end");
    record("end\tmemory\t%s", state);
}

static int run_checks(uint64_t seed)
{
    int bad = 0, ended = 0, limit_ms = option.limit_ms, n = 0, unwritten = 0;
    failed_before = 0;
    record("seed\t0x%llx", (unsigned long long)seed);
    for (; kit_checks[n].name; n++) {
        const kit_check *check = &kit_checks[n];
        const char *state = "unwritten";
        record("check\t%s\t%d", check->name, check->points);
        random_state = seed * 0x9e3779b97f4a7c15u + (uint64_t)(n + 1) * 0xd1342543de82ef95u;
        if (option.skip >> check->todo & 1) unwritten++;
        else state = run_child(check->run, limit_ms, &bad);
        ended += !strcmp(state, "pass") || !strcmp(state, "fail");
        failed_before += strcmp(state, "pass") && strcmp(state, "unwritten");
        if (!strcmp(state, "slow") && limit_ms > 300) limit_ms = 300; /* one long wait is enough */
        record("end\t%s\t%s", check->name, state);
    }
    if (unwritten == n) record("check\tmemory\t1"), record("end\tmemory\tunwritten");
    else check_memory(bad, ended);
    return n + 1;
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--seed")) option.seed = strtoull(value, NULL, 0);
        if (!strcmp(name, "--seeds")) option.seeds = atoi(value);
        if (!strcmp(name, "--fd")) option.fd = atoi(value);
        if (!strcmp(name, "--token")) option.token = value;
        if (!strcmp(name, "--directory")) option.directory = value;
        if (!strcmp(name, "--skip")) option.skip = (unsigned)strtoul(value, NULL, 0);
        if (!strcmp(name, "--limit")) option.limit_ms = atoi(value);
        if (!strcmp(name, "--reward")) option.reward = atoi(value);
        if (!strcmp(name, "--list")) option.list = atoi(value);
    }
}

int main(int argc, char **argv)
{
    int checks = 0, ignored = 0;
    read_options(argc, argv);
    if (option.reward) { /* after a pass: the learner's functions, drawn */
        random_state = option.seed;
        run_child(kit_reward, option.limit_ms, &ignored);
        record("done\t0");
        _exit(0);
    }
    for (const kit_mistake *m = kit_mistakes; option.list && m->rung; m++)
        if (m->number) record("mistake\t%s\t%s", m->rung, m->says);
    for (int k = 0; k < option.seeds; k++) checks += run_checks(option.seed + (uint64_t)k);
    record("done\t%d", checks);
    _exit(0); /* not return: no atexit function of the learner's runs here */
}
