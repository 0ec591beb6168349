/* Grader of 28_diagnose. Every curve is a real training with nn.h, on data of this run's seed. */
#include "exercise.h"
#include "kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INPUTS = 8, VALIDATION = 120, MOST_ROWS = 160, CURVES = 3, RUNS = 3 };

#define TARGET 0.6 /* of the validation samples right; measured: 0.8 after a repair, 0.2 before */

/* Without the line that nn_fit writes for each epoch. */
static void log_errors(void *user, nn_log_level level, const char *text)
{
    (void)user;
    if (level >= NN_LOG_WARNING) fprintf(stderr, "%s\n", text);
}

/* ---- data and training ---------------------------------------------------------------------- */

/* C clouds on a circle, in two of the inputs; the others are noise. */
static void new_data(nn_data *data, int n, int C, int mixed)
{
    nn_real x[MOST_ROWS * INPUTS];
    int label[MOST_ROWS];
    const double turn = 6.283185307179586, radius = 2, width = 0.6 * radius * sin(turn / 2 / C);
    for (int s = 0; s < n; s++) {
        double at = turn * (s % C) / C;
        for (int i = 0; i < INPUTS; i++) x[s * INPUTS + i] = (nn_real)kit_normal();
        x[s * INPUTS] = (nn_real)(radius * cos(at) + width * kit_normal());
        x[s * INPUTS + 1] = (nn_real)(radius * sin(at) + width * kit_normal());
        label[s] = s % C;
    }
    for (int s = n - 1; s > 0 && mixed; s--) {
        int j = kit_between(0, s), kept = label[s];
        label[s] = label[j], label[j] = kept;
    }
    nn_status status = nn_data_from(data, x, n, { INPUTS }, .labels = label);
    if (status) kit_true("data", 0, "the grader cannot make its data: %s", nn_last_error());
}

static nn_model *build(const recipe *r, int C)
{
    nn_model *m = nn_model_new(.seed = (uint64_t)kit_between(1, 1000000));
    nn_tensor *h = nn_input(m, INPUTS);
    for (int l = 0; l < r->layers; l++)
        h = nn_dense(h, r->units, .activation = r->activation, .l2 = r->l2);
    h = nn_dense(h, C, .activation = NN_SOFTMAX);
    nn_optimizer how = { .kind = r->optimizer, .lr = r->rate };
    nn_compile(m, h, .loss = NN_SPARSE_CROSS_ENTROPY, .optimizer = how);
    return m;
}

/* NULL if the training broke off. */
static nn_model *train(const recipe *r, int rows, int C, int mixed)
{
    nn_data data, validation;
    nn_set_log(log_errors, NULL);
    new_data(&data, rows, C, mixed), new_data(&validation, VALIDATION, C, 0);
    nn_model *m = build(r, C);
    nn_status status = nn_fit(m, &data, .epochs = r->epochs, .batch_size = r->batch,
                              .validation = &validation, .quiet = true);
    nn_data_free(&data), nn_data_free(&validation);
    if (!status) return m;
    nn_model_free(m);
    return NULL;
}

/* A training that is sound but for one thing; `rows` is the size of its training data. */
static recipe ill_recipe(cause why, int *rows)
{
    nn_activation bent = kit_between(0, 1) ? NN_TANH : NN_RELU;
    double rate = kit_uniform(0.004, 0.008);
    recipe r = { 1, kit_between(16, 32), bent, NN_ADAM, rate, 0, 16, kit_between(60, 90) };
    *rows = MOST_ROWS;
    if (why == RATE_TOO_HIGH) r.rate = kit_uniform(1, 3);
    if (why == RATE_TOO_LOW) r.optimizer = NN_SGD, r.rate = kit_uniform(2e-4, 6e-4);
    if (why == OVERFITTING) *rows = 30, r.rate = kit_uniform(0.02, 0.04);
    if (why == TOO_SMALL) r.units = 1, r.rate = kit_uniform(0.05, 0.1);
    if (why == LABELS_MIXED) *rows = 90, r.rate = kit_uniform(0.02, 0.04);
    if (why != VANISHING) return r;
    r.layers = kit_between(7, 8), r.units = 16, r.activation = NN_SIGMOID;
    r.optimizer = NN_SGD, r.rate = kit_uniform(0.05, 0.1);
    return r;
}

static curve copy_curve(const nn_model *m, int C)
{
    int n = m->history.epochs;
    double *loss = kit_output("c->loss", 1, n), *val_loss = kit_output("c->val_loss", 1, n);
    double *accuracy = kit_output("c->accuracy", 1, n);
    double *val_accuracy = kit_output("c->val_accuracy", 1, n);
    for (int e = 0; e < n; e++) {
        const nn_epoch *from = &m->history.epoch[e];
        loss[e] = from->loss, val_loss[e] = from->val_loss;
        accuracy[e] = from->accuracy, val_accuracy[e] = from->val_accuracy;
    }
    curve c = { n, C, loss, val_loss, accuracy, val_accuracy };
    return c;
}

/* Not each training shows its illness: 1 if this one does, with room for other rules than ours. All
   losses in parts of ln C, which is the loss of guessing. */
static int is_clear(const nn_model *m, cause why, int C)
{
    const nn_epoch *e = m->history.epoch;
    int n = m->history.epochs, jumps = 0;
    double guess = log(C), best = e[0].val_loss, most = 0, rise = 0;
    for (int k = 1; k < n; k++) {
        jumps += e[k].loss > 1.1 * e[k - 1].loss;
        rise = fmax(rise, (e[k].loss - e[k - 1].loss) / guess);
        best = fmin(best, e[k].val_loss), most = fmax(most, e[k].loss);
    }
    double first = e[0].loss / guess, last = e[n - 1].loss / guess, fall = first - last;
    double late = e[n - 1 - n / 4].loss / guess - last, turned = e[n - 1].val_loss / best;
    best /= guess;
    if (why == RATE_TOO_HIGH)
        return jumps >= 0.15 * n && rise > 0.5 && last > 0.5 && most > 2 * guess;
    if (jumps > 0.05 * n || rise > 0.15) return 0;
    switch (why) {
    case RATE_TOO_LOW: return fall > 0.1 && late > 0.15 * fall && late > 0.02 && last > 0.5;
    case OVERFITTING: return last < 0.05 && turned > 1.2 && best < 0.7;
    case TOO_SMALL:
        return last > 0.35 && last < 0.85 && late < 0.05 * fall && late < 0.01 && turned < 1.15;
    case LABELS_MIXED: return last < 0.25 && best > 0.95 && e[n - 1].val_accuracy * C < 1.6;
    default: return last > 0.98 && last < 1.02;
    }
}

static curve new_curve(cause why)
{
    int C = kit_between(4, 6), rows;
    for (int tries = 0; tries < 50; tries++) {
        recipe r = ill_recipe(why, &rows);
        nn_model *m = train(&r, rows, C, why == LABELS_MIXED);
        int clear = m && is_clear(m, why, C);
        curve c = { 0, C, NULL, NULL, NULL, NULL };
        if (clear) c = copy_curve(m, C);
        nn_model_free(m);
        if (clear) return c;
    }
    kit_true("curve", 0, "the grader made 50 trainings, and none of them is clear: its own fault");
    return new_curve(why);
}

/* ---- diagnoses ------------------------------------------------------------------------------ */

static void cause_formula(const void *of, int mistake, double *said)
{
    const cause *right = of;
    *said = mistake ? mistake - 1 : (int)*right;
}

#define SAID(why) ((why) + 1) /* mistake 0 is the right formula */

#define HIGH "the rate was too high: the training loss jumps up and down to the end. "
#define LOW                                                                                        \
    "the rate was too low: the training loss falls evenly, and still does in the last quarter. "
#define OVER                                                                                       \
    "it was overfitting: the training loss goes to 0; the validation loss fell well below ln C, "  \
    "then turned. "
#define SMALL                                                                                      \
    "the network was too small: both losses fell together and now stand, below ln C, far above 0. "
#define FLAT "the gradient vanished: the loss stands at ln C, that of guessing. "
#define MIXED                                                                                      \
    "the labels were mixed: the training loss falls, but the validation loss never came below ln " \
    "C, not even early. "

#define NOT_HIGH "Too high a rate would make it jump"
#define NOT_LOW "Too low a rate would let it fall evenly to the end"
#define NOT_OVER "Overfitting would bring the training loss near 0 and turn the validation loss"
#define NOT_SMALL "Too small a network would learn a part, and then stand still"
#define NOT_FLAT "A vanished gradient would hold it at ln C"
#define NOT_MIXED                                                                                  \
    "Mixed labels would be learned by heart: training falls, validation rises from ln C"
#define NONE "Your answer was UNKNOWN"

/* A row for each answer that is not the right one. */
#define ANSWERS(rung, was, a, not_a, b, not_b, c, not_c, d, not_d, e, not_e)                       \
    { rung, SAID(UNKNOWN), was NONE }, { rung, SAID(a), was not_a }, { rung, SAID(b), was not_b }, \
        { rung, SAID(c), was not_c }, { rung, SAID(d), was not_d },                                \
    {                                                                                              \
        rung, SAID(e), was not_e                                                                   \
    }

const kit_mistake kit_mistakes[] = {
    ANSWERS("high", HIGH, RATE_TOO_LOW, NOT_LOW, OVERFITTING, NOT_OVER, TOO_SMALL, NOT_SMALL,
            VANISHING, NOT_FLAT, LABELS_MIXED, NOT_MIXED),
    ANSWERS("low", LOW, RATE_TOO_HIGH, NOT_HIGH, OVERFITTING, NOT_OVER, TOO_SMALL, NOT_SMALL,
            VANISHING, NOT_FLAT, LABELS_MIXED, NOT_MIXED),
    ANSWERS("over", OVER, RATE_TOO_HIGH, NOT_HIGH, RATE_TOO_LOW, NOT_LOW, TOO_SMALL, NOT_SMALL,
            VANISHING, NOT_FLAT, LABELS_MIXED, NOT_MIXED),
    ANSWERS("small", SMALL, RATE_TOO_HIGH, NOT_HIGH, RATE_TOO_LOW, NOT_LOW, OVERFITTING, NOT_OVER,
            VANISHING, NOT_FLAT, LABELS_MIXED, NOT_MIXED),
    ANSWERS("flat", FLAT, RATE_TOO_HIGH, NOT_HIGH, RATE_TOO_LOW, NOT_LOW, OVERFITTING, NOT_OVER,
            TOO_SMALL, NOT_SMALL, LABELS_MIXED, NOT_MIXED),
    ANSWERS("mixed", MIXED, RATE_TOO_HIGH, NOT_HIGH, RATE_TOO_LOW, NOT_LOW, OVERFITTING, NOT_OVER,
            TOO_SMALL, NOT_SMALL, VANISHING, NOT_FLAT),
    { 0 },
};

static const char *cause_name(int why)
{
    static const char *const names[] = { "UNKNOWN",     "RATE_TOO_HIGH", "RATE_TOO_LOW",
                                         "OVERFITTING", "TOO_SMALL",     "VANISHING",
                                         "LABELS_MIXED" };
    return why >= 0 && why < 7 ? names[why] : "something else";
}

/* The curve in eight columns. */
static void show_curve(const curve *c)
{
    const double *rows[] = { c->loss, c->val_loss };
    static const char *const names[] = { "loss", "val_loss" };
    int at[] = { 0, 1, 3, 7, 15, c->epochs / 2, c->epochs * 3 / 4, c->epochs - 1 };
    printf("  %-9s", "epoch");
    for (int k = 0; k < 8; k++) printf("%8d", at[k] + 1);
    for (int row = 0; row < 2; row++) {
        printf("\n  %-9s", names[row]);
        for (int k = 0; k < 8; k++) printf("%8.3f", rows[row][at[k]]);
    }
    printf("\n");
}

/* CURVES trainings with one illness; the first that gets another name is shown. */
static void ask(const char *const names[CURVES], cause right)
{
    for (int k = 0; k < CURVES; k++) {
        curve c = new_curve(right);
        double said = diagnose(&c);
        if (said != (double)right) {
            printf("(by the grader) diagnose called this %s; %d classes, ln C = %.3f:\n",
                   cause_name((int)said), c.classes, log(c.classes));
            show_curve(&c);
        }
        kit_rung(names[k], &said, 1, 1, cause_formula, &right, KIT_TOLERANCE);
    }
}

static void check_high(void)
{
    static const char *const names[CURVES] = { "high(1)", "high(2)", "high(3)" };
    ask(names, RATE_TOO_HIGH);
}

static void check_low(void)
{
    static const char *const names[CURVES] = { "low(1)", "low(2)", "low(3)" };
    ask(names, RATE_TOO_LOW);
}

static void check_over(void)
{
    static const char *const names[CURVES] = { "over(1)", "over(2)", "over(3)" };
    ask(names, OVERFITTING);
}

static void check_small(void)
{
    static const char *const names[CURVES] = { "small(1)", "small(2)", "small(3)" };
    ask(names, TOO_SMALL);
}

static void check_flat(void)
{
    static const char *const names[CURVES] = { "flat(1)", "flat(2)", "flat(3)" };
    ask(names, VANISHING);
}

static void check_mixed(void)
{
    static const char *const names[CURVES] = { "mixed(1)", "mixed(2)", "mixed(3)" };
    ask(names, LABELS_MIXED);
}

/* ---- the repair ----------------------------------------------------------------------------- */

typedef struct field {
    const char *name;
    int differs;
    const char *says; /* where the change of this one does not help */
} field;

enum { FIELDS = 8 };

static int compare(const recipe *a, const recipe *b, field fields[FIELDS])
{
    const field all[FIELDS] = {
        { "layers", a->layers != b->layers,
          "Fewer layers shrink the gradient less often; these are still too many" },
        { "units", a->units != b->units,
          "However many units a layer has: the slope of a sigmoid is a quarter at most, and the "
          "layers multiply it" },
        { "activation", a->activation != b->activation,
          "That one does not let the gradient through, either: look at its slope (F2.6)" },
        { "optimizer", a->optimizer != b->optimizer,
          "Another optimizer scales what comes; it cannot bring back what was lost on the way" },
        { "rate", a->rate != b->rate,
          "Another rate changes the steps of all layers alike: the first ones still get next to "
          "nothing" },
        { "l2", a->l2 != b->l2, "A penalty is against overfitting: here nothing was learned yet" },
        { "batch", a->batch != b->batch,
          "Other batches are other means over the same gradients, which have vanished" },
        { "epochs", a->epochs != b->epochs,
          "The loss does not move: more epochs of that are no "
          "cure" },
    };
    int count = 0;
    for (int k = 0; k < FIELDS; k++) fields[k] = all[k], count += all[k].differs;
    return count;
}

static double norm_of(const nn_tensor *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->size; i++) sum += (double)t->grad[i] * (double)t->grad[i];
    return sqrt(sum);
}

/* The first layer's gradient in parts of the last one's, before any training. */
static double gradient_ratio(const recipe *of, int C)
{
    nn_data data;
    recipe copy = *of, *r = &copy;
    copy.l2 = 0; /* a penalty has a gradient of its own, in each layer */
    nn_set_log(log_errors, NULL);
    new_data(&data, MOST_ROWS, C, 0);
    nn_model *m = build(r, C);
    nn_status status = nn_fit(m, &data, .epochs = -1, .quiet = true);
    if (!status) status = nn_feed(m, &data, NULL, MOST_ROWS);
    if (!status) status = nn_forward(m, NN_TRAINING);
    if (!status) status = nn_backward(m);
    double ratio = (double)NAN;
    if (!status)
        ratio = norm_of(nn_parameter_at(m, 0)) / norm_of(nn_parameter_at(m, 2 * r->layers));
    nn_model_free(m), nn_data_free(&data);
    return ratio;
}

/* The share that is right after training, as a mean over RUNS trainings. */
static double accuracy_of(const recipe *r, int C)
{
    double sum = 0;
    for (int k = 0; k < RUNS; k++) {
        nn_model *m = train(r, MOST_ROWS, C, 0);
        if (!m) kit_true("training", 0, "nn.h broke the training off: %s", nn_last_error());
        else sum += m->history.epoch[m->history.epochs - 1].val_accuracy / RUNS;
        nn_model_free(m);
    }
    return sum;
}

static int within_limits(const recipe *r)
{
    return r->layers >= 1 && r->layers <= 8 && r->units >= 1 && r->units <= 64 && r->rate > 0 &&
           r->l2 >= 0 && r->batch >= 4 && r->epochs >= 1 && r->epochs <= 400 &&
           r->activation < NN_ACTIVATION_COUNT && r->optimizer <= NN_RMSPROP;
}

static void check_repair(void)
{
    int rows, C = kit_between(4, 6);
    recipe ill = ill_recipe(VANISHING, &rows), r = repair(ill);
    field fields[FIELDS];
    int count = compare(&ill, &r, fields);
    char changed[128] = "";
    const char *says = "";
    for (int k = 0; k < FIELDS; k++) {
        if (!fields[k].differs) continue;
        size_t used = strlen(changed);
        snprintf(changed + used, sizeof changed - used, "%s%s", used ? ", " : "", fields[k].name);
        says = fields[k].says;
    }
    kit_true("one", count == 1,
             count ? "%d fields were changed: %s. Change one of them, so that you know what helped"
                   : "no field was changed: the recipe came back as it was",
             count, changed);
    kit_true("limits", within_limits(&r),
             "%s is outside of what exercise.h allows, or of what nn.h knows", changed);
    kit_true("bent", r.activation != NN_LINEAR,
             "linear layers let the gradient through, but all of them together are one layer "
             "(chapter 02): such a network cannot learn what bends");
    double ratio = gradient_ratio(&r, C), right = accuracy_of(&r, C);
    kit_true("target", right >= TARGET,
             "changed was %s: %.0f %% of the validation samples are right, %.0f %% are asked for. "
             "The gradient of the first layer is %.0e of the last one's. %s",
             changed, 100 * right, 100 * TARGET, ratio, says);
}

const kit_check kit_checks[] = {
    { "high", 1, 1, check_high },     { "low", 1, 1, check_low },
    { "over", 1, 1, check_over },     { "small", 1, 1, check_small },
    { "flat", 1, 1, check_flat },     { "mixed", 1, 1, check_mixed },
    { "repair", 3, 2, check_repair }, { 0 },
};

/* The patient before and after, with the learner's own diagnosis. */
void kit_reward(void)
{
    int rows, C = kit_between(4, 6);
    recipe ill = ill_recipe(VANISHING, &rows), well = repair(ill);
    const recipe *recipes[] = { &ill, &well };
    for (int k = 0; k < 2; k++) {
        const recipe *r = recipes[k];
        nn_model *m = train(r, MOST_ROWS, C, 0);
        if (!m) return;
        curve c = copy_curve(m, C);
        printf("%s: %d layers, %s, rate %.3f. First layer's gradient / last one's: %.1e\n",
               k ? "Repaired" : "Before", r->layers, nn_activation_name(r->activation), r->rate,
               gradient_ratio(r, C));
        show_curve(&c);
        printf("  right on validation: %.0f %%", 100 * c.val_accuracy[c.epochs - 1]);
        if (!k) printf("; you say %s", cause_name((int)diagnose(&c)));
        printf("\n");
        nn_model_free(m);
    }
}
