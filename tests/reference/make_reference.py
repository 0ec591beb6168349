#!/usr/bin/env python3
"""Writes reference.h: float64 numbers, made with PyTorch, that the C tests of nn.h compare with.

    python3 tests/reference/make_reference.py        (from anywhere; takes some seconds)

Nothing here looks at nn.h: the formulas are PyTorch's own wherever it has them. Inputs come from
one small generator, fill() here and ref_fill() in the header, so that mostly results are stored.
"""
import math
import os
import re
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)          # one order of summation, so that two runs of this script agree
warnings.filterwarnings("ignore", module="torch.optim")   # SequentialLR warns about its own call
STEPS = 20


# ---- inputs ----------------------------------------------------------------------------------

def fill(shape, seed, scale, offset=0.0):
    """Uniform in [-scale/2, scale/2), plus offset. The same as ref_fill() in the header."""
    n, state = int(np.prod(shape)), seed & 0xFFFFFFFF
    x = np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        x[i] = ((state >> 8) / 16777216.0 - 0.5) * scale
    return (x + offset).reshape(shape)


def labels(n, classes, seed):
    return np.floor(fill(n, seed, 1.0, 0.5) * classes).astype(np.int64)


def distribution(shape, seed):
    """Rows of positive numbers whose sum is 1: soft targets, or predicted probabilities."""
    p = fill(shape, seed, 1.0, 0.6)
    return p / p.sum(axis=1, keepdims=True)


# ---- C text ----------------------------------------------------------------------------------

out = []
names = set()


def number(v):
    v = float(v)
    if math.isnan(v):
        return "NAN"
    s = "%.17g" % v
    assert "inf" not in s
    return s if any(c in s for c in ".e") else s + ".0"


def wrap(words, indent="    ", width=98):
    lines, line = [], indent
    for w in words:
        if len(line) + len(w) + 1 > width and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += w + " "
    lines.append(line.rstrip())
    return lines


def array(name, values, comment=""):
    """Writes one static array and returns its name."""
    assert name not in names, name
    names.add(name)
    a = values.detach().cpu().numpy() if torch.is_tensor(values) else np.asarray(values)
    integral = a.dtype.kind == "i"
    shape = " x ".join(str(d) for d in a.shape)
    text = [str(v) if integral else number(v) for v in a.ravel()]
    out.append("static const %s %s[] = { /* (%s)%s */" % (
        "int" if integral else "double", name, shape, " " + comment if comment else ""))
    out.extend(wrap([t + "," for t in text]))
    out.append("};")
    return name


def table(ctype, name, rows, comment):
    """Writes a table of structs; a row is a list of (field, C text), absent fields are zero."""
    out.append("")
    out.extend(["/* " + comment[0]] + ["   " + c for c in comment[1:]])
    out[-1] += " */"
    out.append("static const %s %s[] = {" % (ctype, name))
    for row in rows:
        text = " ".join(".%s = %s," % f for f in row)
        lines = wrap(re.split(r"(?<=,) (?=[.{])", text), "      ")
        lines[0] = "    { " + lines[0].strip()
        lines[-1] = lines[-1].rstrip(",") + " },"
        out.extend(lines)
    out.append("};")
    out.append("#define %s_COUNT ((int)(sizeof %s / sizeof %s[0]))" % (name.upper(), name, name))


def section(title):
    out.append("")
    out.append("/* ---- %s %s */" % (title, "-" * (88 - len(title))))


def quoted(s):
    return '"%s"' % s


# ---- activations and losses ------------------------------------------------------------------

ACTIVATIONS = [  # name, kind, parameter, function
    ("linear", "LINEAR", 0, lambda x: x * 1.0),
    ("sigmoid", "SIGMOID", 0, torch.sigmoid),
    ("tanh", "TANH", 0, torch.tanh),
    ("relu", "RELU", 0, torch.relu),
    ("leaky_relu_001", "LEAKY_RELU", 0.01, lambda x: F.leaky_relu(x, 0.01)),
    ("leaky_relu_02", "LEAKY_RELU", 0.2, lambda x: F.leaky_relu(x, 0.2)),
    ("elu", "ELU", 1, lambda x: F.elu(x, 1.0)),
    ("gelu", "GELU", 0, F.gelu),
    ("silu", "SILU", 0, F.silu),
    # torch's softplus returns x itself above its threshold (20 by default); a threshold that no
    # input reaches leaves log1p(exp(x)) everywhere
    ("softplus", "SOFTPLUS", 0, lambda x: F.softplus(x, beta=1, threshold=600)),
    ("softmax", "SOFTMAX", 0, lambda x: F.softmax(x, dim=-1)),
    ("log_softmax", "LOG_SOFTMAX", 0, lambda x: F.log_softmax(x, dim=-1)),
]
FUNCTION = {name: f for name, _, _, f in ACTIVATIONS}
KIND = {name: (kind, param) for name, kind, param, _ in ACTIVATIONS}


def per_sample(loss, from_logits, x, t):
    """(B, C) predictions to B losses."""
    if loss == "MSE":
        return F.mse_loss(x, t, reduction="none").mean(1)
    if loss == "MAE":
        return F.l1_loss(x, t, reduction="none").mean(1)
    if loss == "HUBER":
        return F.huber_loss(x, t, reduction="none", delta=1.0).mean(1)
    if loss in ("BCE", "MULTI_LABEL"):
        f = F.binary_cross_entropy_with_logits if from_logits else F.binary_cross_entropy
        l = f(x, t, reduction="none")
        return l.mean(1) if loss == "BCE" else l.sum(1)
    if loss == "CATEGORICAL":
        return F.cross_entropy(x, t, reduction="none") if from_logits else -(t * x.log()).sum(1)
    if loss == "SPARSE":
        return F.cross_entropy(x, t, reduction="none") if from_logits else \
            F.nll_loss(x.log(), t, reduction="none")
    raise ValueError(loss)


def write_activations():
    section("A. activations")
    edges = [0, -30, 30, -20.5, 20.5, -12, 12, -8, 8, -5, 5, -3, 3, -1, 1, -0.5, 0.5,
             -1e-3, 1e-3, -1e-8, 1e-8]
    x = np.concatenate([np.array(edges, float), fill(20, 101, 8.0)])
    xm = fill((5, 7), 102, 8.0)
    xm[1, 2], xm[1, 5] = 30, -30           # one class takes nearly all
    xm[2, :] = 0.25                        # all equal
    xm[3, :] += 1000                       # overflows unless the maximum is subtracted
    xm[4, 0], xm[4, 6] = 300, 290
    dy, dym = fill(x.shape, 103, 2.0), fill(xm.shape, 104, 2.0)
    array("ref_act_x", x)
    array("ref_act_dy", dy)
    array("ref_act_rows_x", xm)
    array("ref_act_rows_dy", dym)
    rows = []
    for name, kind, param, f in ACTIVATIONS:
        matrix = kind in ("SOFTMAX", "LOG_SOFTMAX")
        v = torch.tensor(xm if matrix else x, requires_grad=True)
        y = f(v)
        y.backward(torch.tensor(dym if matrix else dy))
        r, c = xm.shape if matrix else (1, len(x))
        row = [("name", quoted(name)), ("act", "REF_ACT_" + kind)]
        row += [("param", repr(float(param)))] if param else []
        row += [("rows", r), ("cols", c)]
        row += [("x", "ref_act_rows_x" if matrix else "ref_act_x"),
                ("dy", "ref_act_rows_dy" if matrix else "ref_act_dy")]
        row += [("y", array("ref_act_%s_y" % name, y)),
                ("dx", array("ref_act_%s_dx" % name, v.grad))]
        rows.append(row)
    table("ref_activation", "ref_activations", rows, [
        "Every activation, forward and backward. Softmax and log-softmax go along each row."])
    return len(rows)


def write_losses():
    section("B. losses")
    B, C = 5, 4
    dloss = fill(B, 201, 2.0)
    array("ref_loss_dloss", dloss)
    real, real_t = fill((B, C), 202, 2.0), fill((B, C), 203, 5.0)
    prob, prob_t = fill((B, C), 204, 0.9, 0.5), fill((B, C), 205, 1.0, 0.5)
    logit, bits = fill((B, C), 206, 8.0), (fill((B, C), 207, 1.0) > 0) * 1.0
    large = fill((B, C), 208, 8.0)
    large[0, 0], large[0, 1], large[1, 2], large[2, 3], large[3] = 30, -30, 200, -200, 700
    pdist, tdist, lab = distribution((B, C), 209), distribution((B, C), 210), labels(B, C, 211)
    d = np.abs(real - real_t)
    assert (d < 1).any() and (d > 1).any() and d.min() > 1e-3
    data = dict(real=real, real_t=real_t, prob=prob, prob_t=prob_t, logit=logit, bits=bits,
                large=large, pdist=pdist, tdist=tdist, label=lab)
    for k, v in data.items():
        array("ref_loss_in_" + k, v)
    cases = [  # name, loss, from logits, prediction, target
        ("mse", "MSE", 0, "real", "real_t"),
        ("mae", "MAE", 0, "real", "real_t"),
        ("huber", "HUBER", 0, "real", "real_t"),
        ("bce_probs", "BCE", 0, "prob", "prob_t"),
        ("bce_probs_hard", "BCE", 0, "prob", "bits"),
        ("bce_logits", "BCE", 1, "logit", "prob_t"),
        ("bce_logits_hard_large", "BCE", 1, "large", "bits"),
        ("multi_label_probs", "MULTI_LABEL", 0, "prob", "bits"),
        ("multi_label_probs_soft", "MULTI_LABEL", 0, "prob", "prob_t"),
        ("multi_label_logits", "MULTI_LABEL", 1, "logit", "bits"),
        ("multi_label_logits_large", "MULTI_LABEL", 1, "large", "bits"),
        ("categorical_probs", "CATEGORICAL", 0, "pdist", "tdist"),
        ("categorical_logits", "CATEGORICAL", 1, "logit", "tdist"),
        ("categorical_logits_large", "CATEGORICAL", 1, "large", "tdist"),
        ("sparse_probs", "SPARSE", 0, "pdist", "label"),
        ("sparse_logits", "SPARSE", 1, "logit", "label"),
        ("sparse_logits_large", "SPARSE", 1, "large", "label"),
    ]
    rows = []
    for name, loss, logits, px, pt in cases:
        x = torch.tensor(data[px], requires_grad=True)
        l = per_sample(loss, logits, x, torch.tensor(data[pt]))
        l.backward(torch.tensor(dloss))
        target = "label" if loss == "SPARSE" else "t"
        rows.append([
            ("name", quoted(name)), ("loss", "REF_LOSS_" + loss), ("from_logits", logits),
            ("B", B), ("C", C), ("x", "ref_loss_in_" + px), (target, "ref_loss_in_" + pt),
            ("dloss", "ref_loss_dloss"), ("y", array("ref_loss_%s_y" % name, l)),
            ("dx", array("ref_loss_%s_dx" % name, x.grad))])
    table("ref_loss_case", "ref_losses", rows, [
        "Every loss: y (B) is the loss of each sample, dx (B, C) = sum_b dloss_b * dy_b/dx."])
    return len(rows)


def write_dense():
    section("C. dense layer: y = x W^T + b (F1.1)")
    B, I, O = 5, 7, 3
    x, W, b, dy = (torch.tensor(fill(s, seed, 2.0), requires_grad=True) for s, seed in
                   (((B, I), 301), ((O, I), 302), ((O,), 303), ((B, O), 304)))
    y = F.linear(x, W, b)
    y.backward(dy.detach())
    row = [("B", B), ("in", I), ("out", O)]
    for name, v in (("x", x), ("W", W), ("b", b), ("dy", dy), ("y", y),
                    ("dx", x.grad), ("dW", W.grad), ("db", b.grad)):
        row.append((name, array("ref_dense_" + name, v)))
    table("ref_dense_case", "ref_dense", [row], ["One dense layer, forward and backward."])


# ---- D. training -----------------------------------------------------------------------------

SMALL = dict(size=[5, 8, 6, 3], acts=["tanh", "relu", "linear"], batch=16,
             x_seed=401, x_scale=4.0, x_offset=0.0,
             w_seed=411, w_scale=[1.0, 1.0, 1.0], b_scale=0.5,
             loss="SPARSE", from_logits=1, target="run_label",
             opt=dict(kind="SGD", lr=0.1), schedule=dict(kind="CONSTANT"))
ADAM = dict(kind="ADAM", beta1=0.9, beta2=0.999, eps=1e-8)
RMSPROP = dict(kind="RMSPROP", lr=1e-2, alpha=0.99, eps=1e-8)
STEP_ADAM = dict(ADAM, lr=1e-2)

TARGETS = {
    "run_label": labels(16, 3, 421),
    "run_real": fill((16, 3), 422, 4.0),
    "run_unit": fill((16, 3), 423, 1.0, 0.5),
    "run_bits": (fill((16, 3), 424, 1.0) > 0) * 1.0,
    "run_dist": distribution((16, 3), 425),
    "p5_label": labels(10, 3, 426),
    "p2_label": labels(128, 10, 427),
}
SAMPLE_WEIGHT = fill(16, 431, 2.0, 1.25)
CLASS_WEIGHT = np.array([0.5, 2.0, 1.25])
WEIGHTS = {"run_sample_weight": SAMPLE_WEIGHT, "run_class_weight": CLASS_WEIGHT}


def make_optimizer(o, weights, biases):
    wd = o.get("weight_decay", 0.0)
    if wd and not o.get("decay_biases", 1):
        groups = [dict(params=weights, weight_decay=wd), dict(params=biases, weight_decay=0.0)]
    else:
        groups = [dict(params=weights + biases, weight_decay=wd)]
    if o["kind"] == "SGD":
        return torch.optim.SGD(groups, lr=o["lr"], momentum=o.get("momentum", 0),
                               nesterov=bool(o.get("nesterov", 0)))
    if o["kind"] == "RMSPROP":
        return torch.optim.RMSprop(groups, lr=o["lr"], alpha=o["alpha"], eps=o["eps"],
                                   momentum=o.get("momentum", 0))
    cls = torch.optim.Adam if o["kind"] == "ADAM" else torch.optim.AdamW
    return cls(groups, lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"])


def make_schedule(s, optimizer):
    from torch.optim import lr_scheduler as L
    k = s["kind"]
    if k == "CONSTANT":
        return None
    if k == "INVERSE_SQRT":
        return L.LambdaLR(optimizer, lambda t: 1 / math.sqrt(1 + s["delta"] * t))
    if k == "STEP":
        return L.StepLR(optimizer, step_size=s["every"], gamma=s["gamma"])
    if k == "EXPONENTIAL":
        return L.ExponentialLR(optimizer, gamma=s["gamma"])
    if k == "COSINE":
        return L.CosineAnnealingLR(optimizer, T_max=s["total"], eta_min=s["eta_min"])
    if k == "WARMUP":
        return L.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / s["warmup"]))
    if k == "WARMUP_COSINE":
        w = s["warmup"]
        return L.SequentialLR(optimizer, [
            L.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / w)),
            L.CosineAnnealingLR(optimizer, T_max=s["total"] - w, eta_min=s["eta_min"])],
            milestones=[w])
    if k == "ONE_CYCLE":
        return L.OneCycleLR(optimizer, max_lr=0.1, total_steps=s["total"], pct_start=s["pct_start"],
                            anneal_strategy="cos", cycle_momentum=False, div_factor=s["div"],
                            final_div_factor=s["final_div"])
    raise ValueError(k)


def closed_form(s, base):
    """The same rates from the formulas in the header's comment: a check on PyTorch's recursions."""
    def cosine(a, b, p):
        return b + (a - b) * (1 + math.cos(math.pi * p)) / 2

    def at(t):
        k, w = s["kind"], s.get("warmup", 0)
        if k == "INVERSE_SQRT":
            return base / math.sqrt(1 + s["delta"] * t)
        if k == "STEP":
            return base * s["gamma"] ** (t // s["every"])
        if k == "EXPONENTIAL":
            return base * s["gamma"] ** t
        if t < w:
            return base * (t + 1) / w
        if k == "WARMUP":
            return base
        if k in ("COSINE", "WARMUP_COSINE"):
            return cosine(base, s["eta_min"], (t - w) / (s["total"] - w))
        first, top, last = base / s["div"], s["pct_start"] * s["total"] - 1, s["total"] - 1
        if t <= top:
            return cosine(first, base, t / top)
        return cosine(base, first / s["final_div"], (t - top) / (last - top))
    return [at(t) for t in range(STEPS)]


def train(run, dtype=torch.float64, disturb=False):
    """Returns losses, learning rates, final parameters and the number of clipped steps of one run.
    With disturb, the batch is reversed and every weight is moved by one unit in the last place:
    how far the result then moves says what tolerance the run can be held to."""
    n, size = run["batch"], run["size"]
    x = fill((n, size[0]), run["x_seed"], run["x_scale"], run["x_offset"])
    t = TARGETS[run["target"]]
    w = np.ones(n)
    if "class_weight" in run:
        w = w * CLASS_WEIGHT[t]
    if "sample_weight" in run:
        w = w * SAMPLE_WEIGHT
    if disturb:
        x, t, w = x[::-1].copy(), t[::-1].copy(), w[::-1].copy()
    x, w = torch.tensor(x, dtype=dtype), torch.tensor(w, dtype=dtype)
    t = torch.tensor(t) if t.dtype.kind == "i" else torch.tensor(t, dtype=dtype)
    weights, biases = [], []
    for l in range(len(size) - 1):
        W = fill((size[l + 1], size[l]), run["w_seed"] + 2 * l, run["w_scale"][l])
        b = fill(size[l + 1], run["w_seed"] + 2 * l + 1, run["b_scale"])
        if disturb:
            W = W * (1 + 2.0 ** -52 * np.where(np.arange(W.size).reshape(W.shape) % 2, 1, -1))
        weights.append(torch.tensor(W, dtype=dtype, requires_grad=True))
        biases.append(torch.tensor(b, dtype=dtype, requires_grad=True))
    optimizer = make_optimizer(run["opt"], weights, biases)
    schedule = make_schedule(run["schedule"], optimizer)
    parameters = weights + biases
    losses, rates, clipped = [], [], 0
    for _ in range(STEPS):
        h = x
        for W, b, act in zip(weights, biases, run["acts"]):
            h = FUNCTION[act](F.linear(h, W, b))
        loss = (w * per_sample(run["loss"], run["from_logits"], h, t)).sum() / n
        if "l1" in run:
            loss = loss + run["l1"] * sum(W.abs().sum() for W in weights)
        if "l2" in run:
            loss = loss + run["l2"] * sum((W * W).sum() for W in weights)
        optimizer.zero_grad()
        loss.backward()
        if "clip_norm" in run:
            norm = torch.cat([p.grad.ravel() for p in parameters]).norm().item()
            clipped += norm > run["clip_norm"]
            if run["clip_eps"]:
                torch.nn.utils.clip_grad_norm_(parameters, run["clip_norm"])
            elif norm > run["clip_norm"]:
                for p in parameters:
                    p.grad *= run["clip_norm"] / norm
        if "clip_value" in run:
            clipped += max(p.grad.abs().max().item() for p in parameters) > run["clip_value"]
            torch.nn.utils.clip_grad_value_(parameters, run["clip_value"])
        losses.append(loss.item())
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
    final = []
    for l, (W, b) in enumerate(zip(weights, biases)):
        final += [("W%d" % (l + 1), W.detach().double()), ("b%d" % (l + 1), b.detach().double())]
    return losses, rates, final, clipped


def spread(a, b):
    """The largest difference of two results of train(): in the parameters, in the losses."""
    return (max((p - q).abs().max().item() for (_, p), (_, q) in zip(a[2], b[2])),
            max(abs(p - q) for p, q in zip(a[0], b[0])))


def all_runs():
    runs = []

    def add(name, **changes):
        runs.append({**SMALL, **changes, "name": name})

    sgd = SMALL["opt"]
    # optimizers
    add("opt_sgd")
    add("opt_sgd_momentum", opt=dict(sgd, momentum=0.9))
    add("opt_sgd_nesterov", opt=dict(sgd, momentum=0.9, nesterov=1))
    add("opt_sgd_momentum_decay", opt=dict(sgd, momentum=0.9, weight_decay=1e-2, decay_biases=1))
    add("opt_sgd_momentum_decay_weights_only",
        opt=dict(sgd, momentum=0.9, weight_decay=1e-2, decay_biases=0))
    add("opt_rmsprop", opt=RMSPROP)
    add("opt_rmsprop_momentum", opt=dict(RMSPROP, momentum=0.9))
    add("opt_adam", opt=STEP_ADAM)
    add("opt_adam_betas", opt=dict(STEP_ADAM, beta1=0.7, beta2=0.9))
    add("opt_adam_decay", opt=dict(STEP_ADAM, weight_decay=1e-2, decay_biases=1))
    add("opt_adamw", opt=dict(STEP_ADAM, kind="ADAMW", weight_decay=1e-2, decay_biases=1))
    add("opt_adamw_weights_only",
        opt=dict(STEP_ADAM, kind="ADAMW", weight_decay=1e-2, decay_biases=0))
    # losses
    for name, loss, logits, last, target in [
            ("mse", "MSE", 0, "linear", "run_real"),
            ("mae", "MAE", 0, "linear", "run_real"),
            ("huber", "HUBER", 0, "linear", "run_real"),
            ("bce_sigmoid", "BCE", 0, "sigmoid", "run_unit"),
            ("bce_logits", "BCE", 1, "linear", "run_unit"),
            ("multi_label_sigmoid", "MULTI_LABEL", 0, "sigmoid", "run_bits"),
            ("multi_label_logits", "MULTI_LABEL", 1, "linear", "run_bits"),
            ("categorical_softmax", "CATEGORICAL", 0, "softmax", "run_dist"),
            ("categorical_logits", "CATEGORICAL", 1, "linear", "run_dist"),
            ("sparse_softmax", "SPARSE", 0, "softmax", "run_label"),
            ("sparse_logits", "SPARSE", 1, "linear", "run_label")]:
        add("loss_" + name, loss=loss, from_logits=logits, acts=["tanh", "relu", last],
            target=target, opt=STEP_ADAM)
    # activations, in the second hidden layer
    for name, _, _, _ in ACTIVATIONS:
        add("act_" + name, acts=["tanh", name, "linear"], opt=STEP_ADAM)
    # schedules
    for name, s in [
            ("inverse_sqrt", dict(kind="INVERSE_SQRT", delta=0.5)),
            ("step", dict(kind="STEP", every=5, gamma=0.5)),
            ("exponential", dict(kind="EXPONENTIAL", gamma=0.9)),
            ("cosine", dict(kind="COSINE", total=20, eta_min=0.001)),
            ("warmup", dict(kind="WARMUP", warmup=5)),
            ("warmup_cosine", dict(kind="WARMUP_COSINE", warmup=5, total=20, eta_min=0.001)),
            ("one_cycle", dict(kind="ONE_CYCLE", total=20, pct_start=0.3, div=25.0,
                               final_div=1e4))]:
        add("schedule_" + name, schedule=s)
    # penalties
    add("l1_sgd", l1=1e-2)
    add("l2_sgd", l2=1e-2)
    add("l1_l2_adam", l1=3e-3, l2=5e-3, opt=STEP_ADAM)
    # clipping
    add("clip_norm_always", clip_norm=0.1, clip_eps=1e-6)
    add("clip_norm_sometimes", clip_norm=0.25, clip_eps=1e-6, opt=dict(sgd, momentum=0.9))
    add("clip_norm_without_epsilon", clip_norm=0.25, clip_eps=0.0, opt=dict(sgd, momentum=0.9))
    add("clip_norm_after_l2", l2=1e-2, clip_norm=0.1, clip_eps=1e-6)
    add("clip_value", clip_value=0.02)
    # weights
    add("class_weight", class_weight="run_class_weight")
    add("sample_weight", sample_weight="run_sample_weight")
    add("class_and_sample_weight", class_weight="run_class_weight",
        sample_weight="run_sample_weight", opt=STEP_ADAM)
    add("sample_weight_mse", sample_weight="run_sample_weight", loss="MSE", from_logits=0,
        target="run_real", opt=STEP_ADAM)
    # the shapes of two programs of formulas.md
    program = dict(opt=dict(ADAM, lr=1e-3))
    add("p5", size=[4, 4, 3], acts=["relu", "linear"], batch=10, x_seed=451, w_seed=461,
        w_scale=[2.0, 2.0], b_scale=0.25, target="p5_label", **program)
    add("p2", size=[784, 64, 64, 10], acts=["relu", "relu", "linear"], batch=128, x_seed=471,
        x_scale=1.0, x_offset=0.5, w_seed=481, w_scale=[0.125, 0.5, 0.5], b_scale=0.125,
        target="p2_label", stride=37, **program)
    return runs


def fields(d, prefix=""):
    r = []
    for k, v in d.items():
        if k == "kind":
            r.append((k, prefix + v))
        elif v:
            r.append((k, repr(v)))
    return "{ " + ", ".join(".%s = %s" % f for f in r) + " }"


OPT_ORDER = ["kind", "lr", "momentum", "nesterov", "alpha", "beta1", "beta2", "eps", "weight_decay",
             "decay_biases"]
SCHEDULE_ORDER = ["kind", "delta", "gamma", "every", "warmup", "total", "eta_min", "pct_start",
                  "div", "final_div"]


def ordered(d, order):
    assert set(d) <= set(order), d
    return {k: d[k] for k in order if k in d}


def write_runs():
    section("D. training runs")
    for k, v in {**TARGETS, **WEIGHTS}.items():
        array("ref_" + k, v)
    rows, report = [], []
    for run in all_runs():
        name = run["name"]
        result = train(run)
        s64 = max(spread(result, train(run, disturb=True)))
        s32, s32_loss = spread(result, train(run, torch.float32))
        assert s64 < 1e-12
        losses, rates, final, clipped = result
        assert all(math.isfinite(l) for l in losses)
        scheduled = run["schedule"]["kind"] != "CONSTANT"
        if scheduled:
            check = closed_form(run["schedule"], run["opt"]["lr"])
            assert np.allclose(rates, check, rtol=1e-12, atol=1e-15), (name, rates, check)
        else:
            assert set(rates) == {run["opt"]["lr"]}
        params = []
        for pname, p in final:
            stride = run.get("stride", 1) if p.numel() > 1000 else 1
            v = p.ravel()[::stride]
            r, c = p.shape if p.dim() == 2 else (1, len(p))
            note = "every %dth entry of (%d x %d)" % (stride, r, c) if stride > 1 else \
                "%d x %d" % (r, c)
            params.append("{ %s, %d, %d, %d, %s }" % (
                quoted(pname), r, c, stride, array("ref_%s_%s" % (name, pname), v, note)))
        arrays_loss = array("ref_%s_loss" % name, losses)
        arrays_lr = array("ref_%s_lr" % name, rates) if scheduled else None
        sparse = run["loss"] == "SPARSE"
        row = [("name", quoted(name)), ("layers", len(run["acts"])), ("batch", run["batch"]),
               ("steps", STEPS), ("size", "{ %s }" % ", ".join(map(str, run["size"]))),
               ("act", "{ %s }" % ", ".join("REF_ACT_" + KIND[a][0] for a in run["acts"])),
               ("act_param", "{ %s }" % ", ".join(repr(float(KIND[a][1])) for a in run["acts"])),
               ("x_seed", "%du" % run["x_seed"]), ("x_scale", number(run["x_scale"])),
               ("x_offset", number(run["x_offset"])), ("w_seed", "%du" % run["w_seed"]),
               ("w_scale", "{ %s }" % ", ".join(map(number, run["w_scale"]))),
               ("b_scale", number(run["b_scale"])), ("loss", "REF_LOSS_" + run["loss"]),
               ("from_logits", run["from_logits"]),
               ("label" if sparse else "t", "ref_" + run["target"])]
        row += [(k, "ref_" + run[k]) for k in ("class_weight", "sample_weight") if k in run]
        row += [("opt", fields(ordered(run["opt"], OPT_ORDER), "REF_OPT_")),
                ("schedule", fields(ordered(run["schedule"], SCHEDULE_ORDER), "REF_SCHEDULE_"))]
        row += [(k, repr(run[k])) for k in ("l1", "l2", "clip_norm", "clip_eps", "clip_value")
                if k in run]
        row += [("losses", arrays_loss)] + ([("lr", arrays_lr)] if scheduled else [])
        row += [("n_params", len(params)), ("param", "{ %s }" % ", ".join(params)),
                ("spread64", "%.1e" % s64), ("spread32", "%.1e" % s32),
                ("spread32_loss", "%.1e" % s32_loss)]
        rows.append(row)
        clips = "clip_norm" in run or "clip_value" in run
        extra = "  clipped %d of %d" % (clipped, STEPS) if clips else ""
        report.append("  %-36s loss %8.5f -> %8.5f   spread64 %.0e   spread32 %.0e %.0e%s" % (
            name, losses[0], losses[-1], s64, s32, s32_loss, extra))
        if name in ("clip_norm_sometimes", "clip_norm_without_epsilon"):
            assert 0 < clipped < STEPS, clipped
        elif extra:
            assert clipped > 0
    table("ref_run", "ref_runs", rows, ["Training runs; what each field means stands at ref_run."])
    return report


# ---- E. ReduceLROnPlateau --------------------------------------------------------------------

def plateau(losses, lr, factor, patience, min_delta, cooldown, min_lr):
    """Keras's rule (mode "min"); the rate after each epoch."""
    best, wait, counter, rates = math.inf, 0, 0, []
    for current in losses:
        if counter > 0:
            counter -= 1
            wait = 0
        if current < best - min_delta:
            best, wait = current, 0
        elif counter <= 0:
            wait += 1
            if wait >= patience:
                if lr > min_lr:
                    lr = max(lr * factor, min_lr)
                    counter, wait = cooldown, 0
        rates.append(lr)
    return rates


def write_plateau():
    section("E. ReduceLROnPlateau")
    nan = math.nan
    noise = fill(24, 501, 0.125)
    base = dict(lr=0.1, factor=0.5, patience=3, min_delta=1e-4, cooldown=0, min_lr=0.0)
    cases = [
        ("steady_fall", base, [2.0 - 0.0625 * i for i in range(20)]),
        ("plateau", base, [1.0, 0.75, 0.5] + [0.5] * 17),
        ("noisy", base, [2.0 * 0.9 ** i + noise[i] for i in range(24)]),
        ("nan", base, [1.0, nan, nan, 0.75, nan, nan, nan, 0.5, 0.5, nan, 0.5, 0.25, nan]),
        ("nan_first", base, [nan, nan, nan, nan, 1.0, nan, 0.5, 0.5, 0.5, 0.5]),
        ("cooldown", dict(base, cooldown=4), [1.0] * 24),
        ("cooldown_improves", dict(base, cooldown=3, patience=2),
         [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]),
        ("min_lr", dict(base, min_lr=0.01, patience=2), [1.0] * 20),
        ("min_lr_at_start", dict(base, min_lr=0.1, patience=1), [1.0] * 6),
        ("min_delta", dict(base, min_delta=0.125, patience=2),
         [1.0, 0.9375, 0.875, 0.8125, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0]),
        ("rises", dict(base, factor=0.1, patience=1, min_lr=1e-5),
         [1.0 + 0.25 * i for i in range(8)]),
        ("patience_zero", dict(base, patience=0), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]),
    ]
    rows = []
    for name, c, losses in cases:
        rates = plateau(losses, **c)
        row = [("name", quoted(name)), ("n", len(losses)), ("patience", c["patience"]),
               ("cooldown", c["cooldown"])]
        row += [("lr0", repr(c["lr"]))]
        row += [(k, repr(c[k])) for k in ("factor", "min_delta", "min_lr")]
        row += [("losses", array("ref_plateau_%s_losses" % name, losses)),
                ("lr", array("ref_plateau_%s_lr" % name, rates))]
        rows.append(row)
    table("ref_plateau_case", "ref_plateaus", rows, [
        "Scripted losses, and the rate after each epoch."])
    return len(rows)


# ---- the header ------------------------------------------------------------------------------

HEAD = r"""/* reference.h: numbers that the tests of nn.h compare with, in float64.
   Made by tests/reference/make_reference.py with Python %s, PyTorch %s, NumPy %s;
   do not edit, make it again.

   Tables to loop over, each with its count in a macro (REF_RUNS_COUNT and so on):
     ref_activations, ref_losses, ref_dense, ref_runs, ref_plateaus
   All arrays are row-major. A reasonable test is fabs(a - b) <= 1e-12 * (1 + fabs(b)), with NaN
   failing. Purely relative comparison asks too much: PyTorch itself computes 1 - tanh^2, say, with
   an absolute error of 1e-16, more than the whole value far out in the tails. */
#ifndef NN_TESTS_REFERENCE_H
#define NN_TESTS_REFERENCE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* All inputs that are not stored: uniform in [-scale/2, scale/2), of 24 random bits each, so exact
   in float where scale is a power of two (as in every run below). */
static void ref_fill(double *x, size_t n, unsigned seed, double scale)
{
    uint32_t state = (uint32_t)seed;
    for (size_t i = 0; i < n; i++) {
        state = state * UINT32_C(1664525) + UINT32_C(1013904223);
        x[i] = ((double)(state >> 8) / 16777216.0 - 0.5) * scale;
    }
}

typedef enum {
    REF_ACT_LINEAR, REF_ACT_SIGMOID, REF_ACT_TANH,
    REF_ACT_RELU,       /* derivative at 0: 0 */
    REF_ACT_LEAKY_RELU, /* param is the slope, also the derivative at 0 */
    REF_ACT_ELU,        /* param is alpha */
    REF_ACT_GELU,       /* exact: x Phi(x), with erf */
    REF_ACT_SILU,
    REF_ACT_SOFTPLUS,   /* log(1 + e^x) everywhere, without PyTorch's switch to x above 20 */
    REF_ACT_SOFTMAX, REF_ACT_LOG_SOFTMAX /* along each row */
} ref_act;

typedef struct {
    const char *name;
    ref_act act;
    double param;
    int rows, cols;
    const double *x, *dy, *y, *dx; /* (rows, cols) each */
} ref_activation;

typedef enum { /* the loss of one sample with outputs x_c and targets t_c, c < C */
    REF_LOSS_MSE,         /* mean_c (x - t)^2 */
    REF_LOSS_MAE,         /* mean_c |x - t| */
    REF_LOSS_HUBER,       /* mean_c (d^2/2 if |d| <= 1, else |d| - 1/2), d = x - t */
    REF_LOSS_BCE,         /* mean_c -[t log p + (1 - t) log(1 - p)]; p = x, or sigmoid(x) */
    REF_LOSS_MULTI_LABEL, /* the same, summed over c */
    REF_LOSS_CATEGORICAL, /* -sum_c t log p; p = x, or softmax(x) */
    REF_LOSS_SPARSE       /* -log p_label */
} ref_loss;

typedef struct {
    const char *name;
    ref_loss loss;
    int from_logits;     /* 1: x are logits, p = sigmoid or softmax of them; 0: p = x */
    int B, C;
    const double *x, *t; /* (B, C); t is NULL where there are labels */
    const int *label;    /* (B), REF_LOSS_SPARSE only */
    const double *dloss; /* (B) upstream */
    const double *y;     /* (B) the loss of each sample */
    const double *dx;    /* (B, C) dloss_b * dy_b/dx */
} ref_loss_case;

typedef struct {
    int B, in, out;
    const double *x, *W, *b, *dy, *y, *dx, *dW, *db; /* W is (out, in) */
} ref_dense_case;

/* Optimizers as PyTorch computes them. g is the gradient (after penalties and clipping); all state
   begins at 0. Decay is coupled in all but ADAMW: g += weight_decay w (b too if decay_biases).
     SGD      without momentum: w -= lr g
              otherwise: v = momentum v + g; w -= lr v, or with nesterov w -= lr (g + momentum v)
     RMSPROP  s = alpha s + (1 - alpha) g^2; u = g / (sqrt(s) + eps); w -= lr u
              with momentum: v = momentum v + u; w -= lr v
     ADAM     in step k = 1, 2, ...: m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
              w -= lr (m / (1 - beta1^k)) / (sqrt(s / (1 - beta2^k)) + eps)
     ADAMW    w -= lr weight_decay w (b too if decay_biases), then ADAM */
typedef enum { REF_OPT_SGD, REF_OPT_RMSPROP, REF_OPT_ADAM, REF_OPT_ADAMW } ref_opt_kind;

typedef struct {
    ref_opt_kind kind;
    double lr, momentum;
    int nesterov;
    double alpha, beta1, beta2, eps, weight_decay;
    int decay_biases;
} ref_opt;

/* The learning rate of step t = 0, 1, ..., with cos(a, b, p) = b + (a - b) (1 + cos(pi p)) / 2
     INVERSE_SQRT   lr / sqrt(1 + delta t)                                                   [F5.3]
     STEP           lr gamma^floor(t / every)
     EXPONENTIAL    lr gamma^t
     COSINE         cos(lr, eta_min, t / total)
     WARMUP         lr min(1, (t + 1) / warmup)
     WARMUP_COSINE  lr (t + 1) / warmup for t < warmup, then
                    cos(lr, eta_min, (t - warmup) / (total - warmup))
     ONE_CYCLE      cos(lr / div, lr, t / top) for t <= top = pct_start total - 1, then
                    cos(lr, lr / div / final_div, (t - top) / (total - 1 - top)) */
typedef enum {
    REF_SCHEDULE_CONSTANT, REF_SCHEDULE_INVERSE_SQRT, REF_SCHEDULE_STEP, REF_SCHEDULE_EXPONENTIAL,
    REF_SCHEDULE_COSINE, REF_SCHEDULE_WARMUP, REF_SCHEDULE_WARMUP_COSINE, REF_SCHEDULE_ONE_CYCLE
} ref_schedule_kind;

typedef struct {
    ref_schedule_kind kind;
    double delta, gamma;
    int every, warmup, total;
    double eta_min, pct_start, div, final_div;
} ref_schedule;

/* v holds entries 0, stride, 2 stride, ... of a (rows, cols) tensor in row-major order, which are
   (rows cols + stride - 1) / stride. stride is 1, but 37 for W1 and W2 of run "p2". A bias has one
   row. */
typedef struct {
    const char *name;
    int rows, cols, stride;
    const double *v;
} ref_tensor;

/* Full-batch training of a stack of dense layers: h = act_l(h W_l^T + b_l), l = 0 .. layers - 1.
     x    (batch, size[0])        ref_fill(x, n, x_seed, x_scale), then x_offset added
     W_l  (size[l + 1], size[l])  ref_fill(W, n, w_seed + 2 l, w_scale[l])
     b_l  (size[l + 1])           ref_fill(b, n, w_seed + 2 l + 1, b_scale)
   The loss is 1/batch sum_i w_i loss_i + l1 sum |W| + l2 sum W^2. Penalties leave out the biases;
   the gradient of the last is 2 l2 W. w_i = class_weight[label_i] sample_weight[i], each 1 where
   absent; the divisor stays batch (as in Keras). Where the loss is from logits the last activation
   is linear; a network that ends in softmax or sigmoid, with the loss from probabilities, has the
   same result.
   Clipping: clip_norm multiplies all gradients (penalties included) by
   min(1, clip_norm / (norm + clip_eps)), norm over all parameters together (PyTorch has
   clip_eps = 1e-6, Keras 0); clip_value clamps each entry to [-clip_value, clip_value].
   0 in l1, l2, clip_norm, clip_value means none.
   spread64 is how far the result moves (largest absolute difference of parameters and losses) when
   the batch is reversed and each weight is moved by one ulp: hold a build in double to 1e-11.
   spread32, spread32_loss: how far PyTorch in float32 ends from the parameters and from the losses
   here: hold a build in float to a few times that. (In "p2" a few weights have gradients near
   Adam's epsilon, hence the large figure.) */
typedef struct {
    const char *name;
    int layers, batch, steps, size[4];
    ref_act act[3];
    double act_param[3];
    unsigned x_seed;
    double x_scale, x_offset;
    unsigned w_seed;
    double w_scale[3], b_scale;
    ref_loss loss;
    int from_logits;
    const double *t;             /* (batch, size[layers]), or NULL where there are labels */
    const int *label;            /* (batch) */
    const double *class_weight;  /* (size[layers]) or NULL */
    const double *sample_weight; /* (batch) or NULL */
    ref_opt opt;
    ref_schedule schedule;
    double l1, l2, clip_norm, clip_eps, clip_value;
    const double *losses;        /* (steps) before each step, penalties included */
    const double *lr;            /* (steps) used by each step, or NULL: opt.lr throughout */
    int n_params;                /* 2 layers */
    ref_tensor param[6];         /* W1, b1, W2, b2, ... after the last step */
    double spread64, spread32, spread32_loss;
} ref_run;

/* Keras's ReduceLROnPlateau, mode "min". At first best = infinity, wait = counter = 0, lr = lr0;
   after each epoch (NaN is no improvement):
     if (counter > 0) { counter--; wait = 0; }
     if (loss < best - min_delta) { best = loss; wait = 0; }
     else if (counter <= 0 && ++wait >= patience && lr > min_lr)
         { lr = max(lr * factor, min_lr); counter = cooldown; wait = 0; } */
typedef struct {
    const char *name;
    int n, patience, cooldown;
    double lr0, factor, min_delta, min_lr;
    const double *losses; /* (n) */
    const double *lr;     /* (n) after each epoch */
} ref_plateau_case;
"""


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    versions = (sys.version.split()[0], torch.__version__, np.__version__)
    out.extend((HEAD % versions).rstrip().split("\n"))
    section("the generator itself: ref_fill(x, 40, 12345u, 3.0)")
    array("ref_fill_check", fill(40, 12345, 3.0))
    a = write_activations()
    l = write_losses()
    write_dense()
    report = write_runs()
    p = write_plateau()
    out.extend(["", "#endif /* NN_TESTS_REFERENCE_H */", ""])
    text = "\n".join(s.rstrip() for s in out)
    assert text.isascii() and len(text) < 500000, len(text)
    with open(os.path.join(here, "reference.h"), "w") as f:
        f.write(text)
    print("\n".join(report))
    print("reference.h: %d activations, %d losses, 1 dense layer, %d runs, %d plateaus, %d bytes"
          % (a, l, len(report), p, len(text)))


if __name__ == "__main__":
    main()
