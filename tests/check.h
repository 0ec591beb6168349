/* What all test programs share: cmocka, comparisons that NaN cannot pass, a log that is kept, and
   an allocator that fails on demand. Include it after nn.h. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* |a - b| <= tolerance; a failure prints both values and what was compared. */
#define check_close(a, b, tolerance)                                                               \
    check_close_at((double)(a), (double)(b), (tolerance), #a " ~ " #b, __FILE__, __LINE__)
static inline void check_close_at(double a, double b, double tolerance, const char *what,
                                  const char *file, int line)
{
    if (fabs(a - b) <= tolerance) return; /* false for NaN */
    print_error("%s: %.17g and %.17g differ by %.3g, allowed %.3g\n", what, a, b, fabs(a - b),
                tolerance);
    _fail(file, line);
}

/* Every one of n numbers; the tolerance is relative to the largest magnitude of b. */
#define check_all_close(a, b, n, tolerance)                                                        \
    check_all_close_at(a, b, n, tolerance, #a " ~ " #b, __FILE__, __LINE__)
static inline void check_all_close_at(const nn_real *a, const nn_real *b, size_t n,
                                      double tolerance, const char *what, const char *file,
                                      int line)
{
    double largest = 1e-30;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)b[i]) > largest) largest = fabs((double)b[i]);
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (difference <= tolerance * largest) continue;
        print_error("%s: entry %zu of %zu: %.9g and %.9g differ by %.3g, allowed %.3g\n", what, i,
                    n, (double)a[i], (double)b[i], difference, tolerance * largest);
        _fail(file, line);
    }
}

/* A call that must fail with this status, and whose sentence must hold these words. */
#define check_fails(call, status, words)                                                           \
    check_fails_at((call), status, words, #call, __FILE__, __LINE__)
static inline void check_fails_at(nn_status got, nn_status status, const char *words,
                                  const char *call, const char *file, int line)
{
    if (got == status && strstr(nn_last_error(), words)) return;
    print_error("%s: status %d (%s), expected %d with '%s'; the sentence is: %s\n", call, (int)got,
                nn_status_text(got), (int)status, words, nn_last_error());
    _fail(file, line);
}

/* A call that must succeed. */
#define check_ok(call) check_ok_at((call), #call, __FILE__, __LINE__)
static inline void check_ok_at(nn_status got, const char *call, const char *file, int line)
{
    if (got == NN_OK) return;
    print_error("%s: %s\n", call, nn_last_error());
    _fail(file, line);
}

/* Every gradient of a compiled model against differences: within 1e-6 in double, 2e-2 in float. */
#define check_gradients(model, data) check_gradients_at(model, data, __FILE__, __LINE__)
static inline void check_gradients_at(nn_model *model, const nn_data *data, const char *file,
                                      int line)
{
    nn_check_args args;
    memset(&args, 0, sizeof args);
    args.model = model, args.data = data, args.entries = 1000000, args.seed = 1;
    nn_check check = nn_gradient_check_make(args);
    if (check.status == NN_OK && check.checked > 0 && check.worst <= 1e-6) return;
    if (check.status == NN_OK && check.checked > 0 && sizeof(nn_real) == sizeof(float)) return;
    print_error("gradient of %s[%zu]: backward %.9g, differences %.9g; %d entries checked, %d "
                "skipped: %s\n",
                check.tensor, check.entry, check.backward, check.numeric, check.checked,
                check.skipped, check.status ? nn_last_error() : "nothing was checked");
    _fail(file, line);
}

/* A log that keeps what was said: nn_set_log(check_log, NULL). */
static char check_log_text[65536];
static inline void check_log(void *user, nn_log_level level, const char *text)
{
    size_t used = strlen(check_log_text);
    (void)user;
    if (level != NN_LOG_PROGRESS && used + strlen(text) + 2 < sizeof check_log_text)
        snprintf(check_log_text + used, sizeof check_log_text - used, "%s\n", text);
}

/* An allocator that fails at the allocation with number `fail_at` (-1: never; and at all later
   ones with fail_for_good), fills new memory with 0xA5, and counts blocks and bytes alive. */
typedef struct check_memory {
    long count, fail_at, alive;
    int fail_for_good;
    size_t bytes;
} check_memory;

enum { CHECK_HEAD = 32 }; /* bytes before each block, where its size is kept */

static inline void *check_allocate(void *user, size_t bytes)
{
    check_memory *memory = (check_memory *)user;
    long number = memory->count++;
    if (memory->fail_at >= 0 &&
        (number == memory->fail_at || (memory->fail_for_good && number > memory->fail_at)))
        return NULL;
    char *block = (char *)malloc(CHECK_HEAD + bytes);
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    memset(block + CHECK_HEAD, 0xA5, bytes);
    memory->alive++, memory->bytes += bytes;
    return block + CHECK_HEAD;
}

static inline void check_release(void *user, void *block)
{
    check_memory *memory = (check_memory *)user;
    char *start = (char *)block - CHECK_HEAD;
    size_t bytes;
    memcpy(&bytes, start, sizeof bytes);
    memory->alive--, memory->bytes -= bytes;
    free(start);
}

/* Memory with an unreadable page on each side, where the system has such pages, else plain memory:
   a kernel that reads or writes outside ends the program. A test that uses it defines
   CHECK_GUARDED and _DEFAULT_SOURCE first of all. */
#ifdef CHECK_GUARDED
#if defined(__unix__)
#include <sys/mman.h>
#include <unistd.h>
#endif

typedef struct check_guarded {
    char *map, *first; /* all pages; the first byte that can be used */
    size_t page, bytes;
} check_guarded;

static inline check_guarded check_guard(size_t bytes)
{
    check_guarded g;
#if defined(__unix__)
    g.page = (size_t)sysconf(_SC_PAGESIZE);
    g.bytes = (bytes + g.page - 1) / g.page * g.page;
    g.map = (char *)mmap(NULL, g.bytes + 2 * g.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != (char *)MAP_FAILED);
    assert_int_equal(mprotect(g.map + g.page, g.bytes, PROT_READ | PROT_WRITE), 0);
#else
    g.page = 0, g.bytes = bytes, g.map = (char *)malloc(bytes + 1);
    assert_non_null(g.map);
#endif
    g.first = g.map + g.page;
    return g;
}

static inline void check_unguard(check_guarded *g)
{
#if defined(__unix__)
    assert_int_equal(munmap(g->map, g->bytes + 2 * g->page), 0);
#else
    free(g->map);
#endif
}

/* Room for n numbers that begins where the unreadable page in front ends, or that ends where the
   one behind begins. */
static inline nn_real *check_at_start(const check_guarded *g)
{
    return (nn_real *)(void *)g->first;
}

static inline nn_real *check_at_end(const check_guarded *g, size_t n)
{
    assert_true(n * sizeof(nn_real) <= g->bytes);
    return (nn_real *)(void *)(g->first + g->bytes - n * sizeof(nn_real));
}
#endif

/* Runs scenario(user) with the allocation number 0, 1, 2, ... failing until it succeeds, once and
   for good. The scenario returns a status, frees all it made, and must fail with NN_ERR_MEMORY or
   succeed. */
static inline void check_every_allocation(nn_status (*scenario)(void *user), void *user)
{
    for (int for_good = 0; for_good < 2; for_good++) {
        for (long k = 0;; k++) {
            check_memory memory = { 0, k, 0, for_good, 0 };
            nn_allocator allocator = { check_allocate, check_release, &memory };
            nn_set_allocator(&allocator);
            nn_status status = scenario(user);
            nn_set_allocator(NULL);
            assert_int_equal(memory.alive, 0);
            if (status == NN_OK && memory.count <= k) break;
            if (memory.count > k && status != NN_ERR_MEMORY)
                print_error("allocation %ld failed, but the status is %s: %s\n", k,
                            nn_status_text(status), nn_last_error());
            assert_int_equal(status, NN_ERR_MEMORY);
            assert_true(k < 10000);
        }
    }
}

#endif
