/* Tests of plots/plot.h: every figure of plots/demo.c is drawn and looked at. Its table has
   numbers, its SVG and PNG have the size that was asked for and are not blank (the PNG is
   decoded), its text fits 80 columns; NN_PLOT is obeyed; bad descriptions are refused with a
   sentence. The file knows nothing of nn.h.                                                   */

#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define main demo_main
#include "../plots/demo.c"
#undef main

typedef struct bytes { unsigned char *at; size_t n; } bytes;

/* The whole file with a zero behind it; at is NULL if there is none. Free it. */
static bytes read_all(const char *stem, const char *end)
{
    char path[1000];
    bytes b = { NULL, 0 };
    snprintf(path, sizeof path, "%s%s", stem, end);
    FILE *f = fopen(path, "rb");
    if (!f) return b;
    fseek(f, 0, SEEK_END);
    b.n = (size_t)ftell(f);
    rewind(f);
    b.at = (unsigned char *)calloc(b.n + 1, 1);
    if (!b.at || fread(b.at, 1, b.n, f) != b.n) b.n = 0;
    fclose(f);
    return b;
}

/* ---- a small PNG decoder: inflate (RFC 1951), then the five filters -------------------------- */

typedef struct stream {
    const unsigned char *in;
    size_t n, at;
    unsigned bit;
    bytes out;
    size_t room;
} stream;

static unsigned take(stream *s, int bits)
{
    unsigned v = 0;
    for (int i = 0; i < bits; i++, s->bit++) {
        if (s->bit == 8) s->bit = 0, s->at++;
        assert_true(s->at < s->n);
        v |= (unsigned)(s->in[s->at] >> s->bit & 1) << i;
    }
    return v;
}

typedef struct code { int count[16], symbol[288]; } code;

static void make_code(code *c, const unsigned char *length, int n)
{
    int next[16] = { 0 };
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    for (int l = 1; l < 15; l++) next[l + 1] = next[l] + c->count[l];
    for (int i = 0; i < n; i++) if (length[i]) c->symbol[next[length[i]]++] = i;
}

static int decode(stream *s, const code *c)
{
    int word = 0, first = 0, index = 0;
    for (int l = 1; l < 16; l++) {
        word |= (int)take(s, 1);
        if (word - first < c->count[l]) return c->symbol[index + word - first];
        index += c->count[l];
        first = (first + c->count[l]) << 1;
        word <<= 1;
    }
    fail_msg("%s", "the PNG has a code that does not exist");
    return 0;
}

static void push(stream *s, unsigned char byte)
{
    assert_true(s->out.n < s->room);
    s->out.at[s->out.n++] = byte;
}

static void read_codes(stream *s, code *literal, code *distance)
{
    static const int order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
    unsigned char length[320] = { 0 };
    int literals = 257 + (int)take(s, 5), all = 1 + (int)take(s, 5) + literals, n = 0;
    int lengths = 4 + (int)take(s, 4);
    for (int i = 0; i < lengths; i++) length[order[i]] = (unsigned char)take(s, 3);
    make_code(literal, length, 19);
    while (n < all) {
        int symbol = decode(s, literal), repeat = 1;
        unsigned char value = symbol < 16 ? (unsigned char)symbol : 0;
        if (symbol == 16) value = length[n - 1], repeat = 3 + (int)take(s, 2);
        if (symbol == 17) repeat = 3 + (int)take(s, 3);
        if (symbol == 18) repeat = 11 + (int)take(s, 7);
        assert_true(n + repeat <= all);
        while (repeat--) length[n++] = value;
    }
    make_code(literal, length, literals);
    make_code(distance, length + literals, all - literals);
}

static void fixed_codes(code *literal, code *distance)
{
    unsigned char length[288];
    for (int i = 0; i < 288; i++)
        length[i] = (unsigned char)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    make_code(literal, length, 288);
    memset(length, 5, 30);
    make_code(distance, length, 30);
}

static void inflate_block(stream *s, const code *literal, const code *distance)
{
    for (int symbol; (symbol = decode(s, literal)) != 256; ) {
        int size = symbol - 254, far, extra;
        if (symbol < 256) { push(s, (unsigned char)symbol); continue; }
        if (symbol > 264 && symbol < 285) {
            extra = (symbol - 261) / 4;
            size = ((4 + (symbol - 265) % 4) << extra) + 3 + (int)take(s, extra);
        }
        if (symbol == 285) size = 258;
        far = decode(s, distance);
        extra = far > 3 ? far / 2 - 1 : 0;
        far = far > 3 ? ((2 + far % 2) << extra) + 1 + (int)take(s, extra) : far + 1;
        assert_true((size_t)far <= s->out.n);
        while (size--) push(s, s->out.at[s->out.n - (size_t)far]);
    }
}

static void inflate_all(stream *s)
{
    code literal, distance;
    for (unsigned last = 0; !last; ) {
        unsigned type;
        last = take(s, 1);
        type = take(s, 2);
        if (type == 0) {                                    /* stored: length, ~length, bytes */
            size_t n = s->in[s->at + 1] + 256u * s->in[s->at + 2];
            for (size_t i = 0; i < n; i++) push(s, s->in[s->at + 5 + i]);
            s->at += 5 + n, s->bit = 0;
            continue;
        }
        if (type == 1) fixed_codes(&literal, &distance);
        else read_codes(s, &literal, &distance);
        inflate_block(s, &literal, &distance);
    }
}

static unsigned big(const unsigned char *p)
{
    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static int paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Undoes the filter of each row in place; rows of 1 + stride bytes, pixels of `size`. */
static void unfilter(unsigned char *row, unsigned h, size_t stride, size_t size)
{
    for (unsigned y = 0; y < h; y++, row += stride + 1)
        for (size_t i = 1; i <= stride; i++) {
            int a = i > size ? row[i - size] : 0, b = y ? row[i - stride - 1] : 0;
            int c = y && i > size ? row[i - stride - 1 - size] : 0;
            const int guess[] = { 0, a, b, (a + b) / 2, paeth(a, b, c) };
            assert_true(row[0] < 5);
            row[i] = (unsigned char)(row[i] + guess[row[0]]);
        }
}

typedef struct picture {
    unsigned w, h;
    double ink, colour;
} picture;

/* The shares of pixels that are not white, and that are neither white nor grey. */
static void look_at(picture *p, const unsigned char *row, size_t size)
{
    size_t ink = 0, colour = 0;
    for (unsigned y = 0; y < p->h; y++, row += 1 + p->w * size)
        for (unsigned x = 0; x < p->w; x++) {
            const unsigned char *v = row + 1 + x * size;
            ink += v[0] < 250 || v[1] < 250 || v[2] < 250;
            colour += abs(v[0] - v[1]) > 40 || abs(v[1] - v[2]) > 40 || abs(v[0] - v[2]) > 40;
        }
    p->ink = (double)ink / p->w / p->h;
    p->colour = (double)colour / p->w / p->h;
}

/* 8-bit RGB or RGBA, as gnuplot writes it. */
static picture read_png(const char *stem)
{
    bytes file = read_all(stem, ".png"), packed = { NULL, 0 };
    picture p = { 0, 0, 0, 0 };
    size_t size;
    assert_non_null(file.at);
    assert_memory_equal(file.at, "\211PNG\r\n\032\n", 8);
    p.w = big(file.at + 16), p.h = big(file.at + 20);
    assert_int_equal(file.at[24], 8);
    assert_true(file.at[25] == 2 || file.at[25] == 6);
    size = file.at[25] == 2 ? 3 : 4;
    packed.at = (unsigned char *)malloc(file.n);
    assert_non_null(packed.at);
    for (size_t at = 8; at + 12 <= file.n; at += 12 + big(file.at + at))
        if (!memcmp(file.at + at + 4, "IDAT", 4)) {
            memcpy(packed.at + packed.n, file.at + at + 8, big(file.at + at));
            packed.n += big(file.at + at);
        }
    stream s = { packed.at, packed.n, 2, 0, { NULL, 0 }, (1 + p.w * size) * p.h };
    s.out.at = (unsigned char *)malloc(s.room);
    assert_non_null(s.out.at);
    inflate_all(&s);
    assert_int_equal(s.out.n, s.room);
    unfilter(s.out.at, p.h, p.w * size, size);
    look_at(&p, s.out.at, size);
    free(s.out.at), free(packed.at), free(file.at);
    return p;
}

/* ---- the demo's figures ---------------------------------------------------------------------- */

/* What demo.c draws: sizes in SVG units (0: chosen from the content), and words that the SVG has
   beside the title: axis, legend, tick.                                                        */
static const struct { const char *name; int w, h; const char *word[3]; int grey; } drawn[] = {
    { "lines", 800, 500, { "epoch", "validation", "best epoch: weights kept" }, 0 },
    { "lines_log", 800, 500, { "step", "1.04", "warm-up" }, 0 },
    { "lines_ticks", 800, 500, { "threshold", "relu", "gradient 0" }, 0 },
    { "scatter", 680, 520, { "petal length (cm)", "setosa", "virginica" }, 0 },
    { "boundary", 680, 540, { "petal width (cm)", "versicolor", "<image" }, 0 },
    { "boundary_value", 680, 540, { "probability", "virginica", "<image" }, 0 },
    { "heatmap", 700, 560, { "attention weight", "mat", "0.62" }, 0 },
    { "heatmap_diverging", 700, 560, { "position", "value", "dimension" }, 0 },
    { "confusion_3", 660, 580, { "predicted class", "true class", "92%" }, 0 },
    { "confusion_10", 660, 580, { "predicted class", "310", "944" }, 0 },
    { "images", 0, 0, { "0 read as 1", "99 %", "<image" }, 1 },
    { "filters", 0, 0, { "<image", "Twelve", "blue" }, 0 },
    { "histogram", 800, 460, { "weight", "L2", "none" }, 0 },
    { "bars", 800, 460, { "optimizer", "AdamW", "0.978" }, 0 },
    { "contour", 720, 560, { "w1", "rate 0.03, momentum 0.8", "loss" }, 0 },
    { "graph", 960, 520, { "gradient", "w1 = 0.5", "b = 0.1" }, 0 },
    { "graph_weights", 500, 520, { "Thick", "<polygon", "weights" }, 0 },
    { "panels", 1000, 450, { "Accuracy", "validation", "best" }, 0 },
    { "evolution", 990, 842, { "epoch 192", "petal width (cm)", "setosa" }, 0 } };

enum { DRAWN = sizeof drawn / sizeof *drawn };

static char out[200];

static const char *stem_of(int k)
{
    static char path[900];
    snprintf(path, sizeof path, "%.200s/%s", out, drawn[k].name);
    return path;
}

static int draw_all(void **state)
{
    char *argv[] = { "demo", out };
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(out, sizeof out, "%.150s/nn plot XXXXXX", tmp ? tmp : "/tmp");
    setenv("NN_PLOT", "svg,png", 1);
    return !mkdtemp(out) || demo_main(2, argv);
}

static int remove_all(void **state)
{
    static const char *const end[] = { ".txt", ".svg", ".png" };
    char path[1000];
    (void)state;
    for (int k = 0; k < DRAWN; k++)
        for (int e = 0; e < 3; e++) {
            snprintf(path, sizeof path, "%s%s", stem_of(k), end[e]);
            remove(path);
        }
    return rmdir(out);                              /* fails if something else was left behind */
}

static int need_gnuplot(void)
{
    if (plot__have_gnuplot()) return 1;
    print_message("gnuplot is not installed: figures are not looked at\n");
    skip();
    return 0;
}

static void test_tables(void **state)
{
    (void)state;
    for (int k = 0; k < DRAWN; k++) {
        bytes table = read_all(stem_of(k), ".txt");
        int numbers = 0;
        if (!table.at || table.at[0] != '#') fail_msg("%s: no table with a title", drawn[k].name);
        for (char *line = strtok((char *)table.at, "\n"); line; line = strtok(NULL, "\n"))
            for (char *s = line, *end = line; *line != '#'; s = end, numbers++) {
                strtod(s, &end);
                if (end == s) break;
            }
        if (numbers < 9) fail_msg("%s: a table with %d numbers", drawn[k].name, numbers);
        free(table.at);
    }
}

static void test_svg(void **state)
{
    (void)state;
    if (!need_gnuplot()) return;
    for (int k = 0; k < DRAWN; k++) {
        bytes svg = read_all(stem_of(k), ".svg");
        const char *text = (const char *)svg.at, *size;
        int w = 0, h = 0;
        if (!text || strncmp(text, "<?xml", 5) || !strstr(text, "</svg>"))
            fail_msg("%s.svg is missing or cut off", drawn[k].name);
        size = strstr(text, "viewBox=\"0 0 ");
        if (!size || sscanf(size + 13, "%d %d", &w, &h) != 2 || w < 200 || h < 100 ||
            (drawn[k].w && (w != drawn[k].w || h != drawn[k].h)))
            fail_msg("%s.svg has the size %d x %d, not %d x %d", drawn[k].name, w, h, drawn[k].w,
                     drawn[k].h);
        for (int i = 0; i < 3; i++)
            if (!strstr(text, drawn[k].word[i]))
                fail_msg("%s.svg lacks '%s'", drawn[k].name, drawn[k].word[i]);
        free(svg.at);
    }
}

static void test_png(void **state)
{
    (void)state;
    if (!need_gnuplot()) return;
    for (int k = 0; k < DRAWN; k++) {
        picture p = read_png(stem_of(k));
        if (drawn[k].w && ((int)p.w != drawn[k].w * 3 / 2 || (int)p.h != drawn[k].h * 3 / 2))
            fail_msg("%s.png has %u x %u pixels, 3/2 of %d x %d were asked for", drawn[k].name, p.w,
                     p.h, drawn[k].w, drawn[k].h);
        if (!(p.ink > 0.02 && p.ink < 0.9) || !(p.colour > 0.002 || drawn[k].grey))
            fail_msg("%s.png: %.1f %% of it is not white, %.2f %% is coloured", drawn[k].name,
                     100 * p.ink, 100 * p.colour);
    }
}

/* ---- NN_PLOT --------------------------------------------------------------------------------- */

static const double few[] = { 3, 1, 2 };

static int draw_few(void)
{
    char path[300];
    snprintf(path, sizeof path, "%s/few", out);
    return plot_lines(path, "Three points", "step", "loss", .n = 3,
                      .series = {{ "run", .y = few }});
}

/* Draws with this NN_PLOT; which files are there then: 1 table, 2 SVG, 4 PNG, 8 script. */
static int files_of(const char *mode)
{
    static const char *const end[] = { ".txt", ".svg", ".png", ".gp" };
    char path[300];
    int found = 0;
    setenv("NN_PLOT", mode, 1);
    assert_int_equal(draw_few(), 0);
    for (int e = 0; e < 4; e++) {
        snprintf(path, sizeof path, "%s/few%s", out, end[e]);
        if (!remove(path)) found |= 1 << e;
    }
    return found;
}

static void test_modes(void **state)
{
    (void)state;
    assert_int_equal(files_of("none"), 1);
    assert_int_equal(files_of("text"), 0);
    if (!need_gnuplot()) return;
    assert_int_equal(files_of(""), 1 | 2 | 4);
    assert_int_equal(files_of("svg"), 1 | 2);
    assert_int_equal(files_of("png"), 1 | 4);
    assert_int_equal(files_of("svg,script"), 1 | 2 | 8);
}

/* ---- logarithmic axes ------------------------------------------------------------------------ */

/* The numbers that the script puts on the y axis from low to high; "" where gnuplot chooses. */
static void log_tics(char *tics, size_t size, double low, double high)
{
    static const char *const end[] = { ".txt", ".svg", ".gp" };
    const double y[] = { low, high };
    char path[300], line[400];
    snprintf(path, sizeof path, "%s/log", out);
    setenv("NN_PLOT", "svg,script", 1);
    assert_int_equal(plot_lines(path, "Two points", "step", "loss", .n = 2, .log_y = 1,
                                .y_min = low, .y_max = high, .series = {{ "run", .y = y }}), 0);
    snprintf(path, sizeof path, "%s/log.gp", out);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    snprintf(tics, size, "%s", "");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "set ytics (", 11))
            snprintf(tics, size, "%.*s", (int)strcspn(line + 11, ")"), line + 11);
    fclose(f);
    for (int e = 0; e < 3; e++) {
        snprintf(path, sizeof path, "%s/log%s", out, end[e]);
        remove(path);
    }
}

/* Less than two decades: 1, 2 and 5 of each, where powers of ten alone leave one number or none. */
static void test_log_axis(void **state)
{
    char tics[200];
    (void)state;
    if (!need_gnuplot()) return;
    log_tics(tics, sizeof tics, 0.25, 4);
    assert_string_equal(tics, "0.5, 1, 2");
    log_tics(tics, sizeof tics, 30, 1500);
    assert_string_equal(tics, "50, 100, 200, 500, 1000");
    log_tics(tics, sizeof tics, 0.001, 1);
    assert_string_equal(tics, "");
}

/* ---- text ------------------------------------------------------------------------------------ */

/* A figure as text: lines of at most 80 columns, among them the words. */
static void check_text(const plot_figure *fig, const char *const *word)
{
    char line[400];
    FILE *f = tmpfile();
    int found = 0, lines = 0;
    assert_non_null(f);
    assert_int_equal(plot_print(f, fig), 0);
    rewind(f);
    for (; fgets(line, sizeof line, f); lines++) {
        if (plot__width(line) > 81) fail_msg("a line of %d columns: %s", plot__width(line), line);
        for (int i = 0; i < 3; i++) if (strstr(line, word[i])) found |= 1 << i;
    }
    fclose(f);
    if (found != 7)
        fail_msg("of '%s', '%s', '%s' not all stand in the text", word[0], word[1], word[2]);
    assert_in_range(lines, 5, 60);
}

static void test_text(void **state)
{
    static const double y[] = { 1, 4, 2, 8 }, x[] = { 1, 2, 3, 4 };
    static const int label[] = { 0, 1, 1, 0 }, counts[] = { 5, 1, 0, 6 };
    static const char *const names[] = { "cat", "dog", "cow", "hen" };
    const plot_node node[] = { { 0, 0, "x", 0 }, { 1, 0, "z\nsum", 0 }, { 2, 0, "a", 0 },
                               { 3, 0, "L", 0 } };
    const plot_edge edge[] = { { 0, 1, "0.5", "-0.25", 0, 0 }, { 1, 2, "1", "2", 0, 0 },
                               { 2, 3, "7", "1", 0, 0 } };
    const plot_series named = { "cat", .y = y, .x = x, .n = 4 };
    const plot_series classed = { "all", .y = y, .x = x, .n = 4, .labels = label };
    (void)state;
    const struct { plot_figure fig; const char *word[3]; } all[] = {
        { { PLOT_LINES, .title = "T", .x_label = "step", .series = { named } },
          { "step", "A cat", "A" } },
        { { PLOT_SCATTER, .title = "T", .names = names, .series = { classed } },
          { "A cat", "B dog", "B" } },
        { { PLOT_HISTOGRAM, .title = "T", .x_label = "weight", .series = { named } },
          { "weight", "###", " to " } },
        { { PLOT_BARS, .title = "T", .names = names, .n = 4, .series = { { "s", .y = y } } },
          { "hen", "####", "8" } },
        { { PLOT_HEATMAP, .title = "T", .grid = y, .rows = 2, .cols = 2, .numbers = 1,
            .x_label = "key", .row_names = names }, { "key", "dog", "8" } },
        { { PLOT_CONFUSION, .title = "T", .counts = counts, .classes = 2, .names = names },
          { "predicted", "dog", "6" } },
        { { PLOT_GRAPH, .title = "T", .nodes = node, .n_nodes = 4, .edges = edge, .n_edges = 3 },
          { "x --> z", "-0.25", "a --> L" } } };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) check_text(&all[k].fig, all[k].word);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void refuses(const plot_figure *fig, const char *word)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    if (!plot_print(f, fig)) fail_msg("a figure that should say '%s' was drawn", word);
    fclose(f);
    if (!strstr(plot_last_error(), word))
        fail_msg("the error should say '%s', and says: %s", word, plot_last_error());
}

static void test_errors(void **state)
{
    static const double y[] = { 1, 2 };
    static const int label[] = { 0, 7 };
    const plot_node node[] = { { 0, 0, "a", 0 }, { 1, 0, "b", 0 } };
    const plot_edge edge[] = { { 0, 2, NULL, NULL, 0, 0 } };
    (void)state;
    refuses(&(plot_figure){ .kind = PLOT_LINES }, "no series");
    refuses(&(plot_figure){ PLOT_LINES, .series = {{ .name = "s" }} }, "no values");
    refuses(&(plot_figure){ PLOT_LINES, .series = {{ "s", .y = y }} }, "0 values");
    refuses(&(plot_figure){ PLOT_SCATTER, .n = 2, .series = {{ "s", .y = y }} }, "no x");
    refuses(&(plot_figure){ PLOT_SCATTER, .n = 2, .classes = 2,
                            .series = {{ "s", .y = y, .x = y, .labels = label }} }, "label 1");
    refuses(&(plot_figure){ PLOT_LINES, .n = 2, .series = {{ "s", .y = y }}, .y_min = 2,
                            .y_max = 1 }, "is empty");
    refuses(&(plot_figure){ PLOT_LINES, .n = 2, .series = {{ "s", .y = y }}, .log_y = 1,
                            .y_max = 1 }, "start above 0");
    refuses(&(plot_figure){ .kind = PLOT_HEATMAP }, "no grid");
    refuses(&(plot_figure){ .kind = PLOT_CONFUSION }, "no counts");
    refuses(&(plot_figure){ PLOT_CONTOUR, .grid = y, .rows = 1, .cols = 2 }, "no area");
    refuses(&(plot_figure){ .kind = PLOT_GRAPH }, "no nodes");
    refuses(&(plot_figure){ PLOT_GRAPH, .nodes = node, .n_nodes = 2, .edges = edge, .n_edges = 1 },
            "from node 0 to 2");
    refuses(&(plot_figure){ .kind = PLOT_PANELS }, "no panels");
    refuses(&(plot_figure){ PLOT_LINES, .width = 9000, .n = 2, .series = {{ "s", .y = y }} },
            "cannot be drawn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables), cmocka_unit_test(test_svg), cmocka_unit_test(test_png),
        cmocka_unit_test(test_modes), cmocka_unit_test(test_log_axis), cmocka_unit_test(test_text),
        cmocka_unit_test(test_errors) };
    return cmocka_run_group_tests_name("plot", tests, draw_all, remove_all);
}
