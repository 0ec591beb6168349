#!/usr/bin/env python3
"""Writes layers.h: what PyTorch computes for the layers on images and the norms, in float64.

    python3 tests/reference/make_layers.py        (from anywhere; takes a second)

Inputs come from fill(), as in make_reference.py, whose helpers this script uses. Images are
(B, H, W, C) and weights (O, KH, KW, C / G), as nn.h has them; PyTorch gets them permuted.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
import make_reference
from make_reference import array, fill, out, quoted, section, table

make_reference.number = lambda v: repr(float("%.13g" % v))     # 1e-13 is enough, and shorter


def leaf(shape, seed, scale=2.0, offset=0.0):
    return torch.tensor(fill(shape, seed, scale, offset), requires_grad=True)


def coarse(shape, seed, scale, offset):
    """Inputs of norms: multiples of 1/1024, so that they are exact in float far from 0 too."""
    x = np.floor(fill(shape, seed, scale) * 1024) / 1024 + offset
    return torch.tensor(x, requires_grad=True)


def same(size, kernel, stride):
    """Keras's rule: ceil(size / stride) outputs; what is odd goes behind."""
    total = max(((size + stride - 1) // stride - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad(x, c, value):
    """x (B, H, W, C) as (B, C, H, W), padded for the case c."""
    x = x.permute(0, 3, 1, 2)
    if not c["same"]:
        return x
    top, bottom = same(x.shape[2], c["KH"], c["SH"])
    left, right = same(x.shape[3], c["KW"], c["SW"])
    return F.pad(x, (left, right, top, bottom), value=value)


def back(y):
    return y.permute(0, 2, 3, 1)


def row(c, arrays):
    return [("name", quoted(c["name"]))] + [(k, c[k]) for k in c if k != "name"] + arrays


# ---- convolution -----------------------------------------------------------------------------

CONV = [  # name, B, H, W, C, KH, KW, stride, same, O, G
    ("plain", 2, 5, 6, 3, 3, 3, 1, 0, 4, 1),
    ("one channel", 3, 7, 5, 1, 3, 3, 1, 0, 9, 1),
    ("same", 2, 5, 4, 2, 3, 3, 1, 1, 3, 1),
    ("stride 2", 2, 7, 8, 3, 3, 3, 2, 0, 5, 1),
    ("stride 2, same, even image", 2, 6, 8, 2, 3, 3, 2, 1, 4, 1),
    ("stride 2, same, odd image", 2, 7, 5, 2, 3, 3, 2, 1, 4, 1),
    ("stride 3, larger than the kernel", 1, 9, 8, 2, 2, 2, 3, 0, 3, 1),
    ("stride 3, same, larger than the kernel", 1, 7, 8, 2, 2, 2, 3, 1, 3, 1),
    ("even kernel, same", 2, 5, 6, 2, 2, 4, 1, 1, 3, 1),
    ("even kernel, same, stride 2", 1, 6, 7, 3, 4, 2, 2, 1, 2, 1),
    ("1 x 1", 2, 4, 3, 5, 1, 1, 1, 0, 6, 1),
    ("1 x 1, stride 2", 2, 5, 4, 5, 1, 1, 2, 0, 3, 1),
    ("1 x 5 on a line", 3, 1, 11, 2, 1, 5, 1, 0, 4, 1),
    ("5 x 1 on a column, same", 2, 9, 1, 3, 5, 1, 1, 1, 2, 1),
    ("one pixel, same", 2, 1, 1, 3, 3, 3, 1, 1, 4, 1),
    ("kernel larger than the image, same", 2, 2, 3, 2, 5, 7, 1, 1, 3, 1),
    ("as large as the image", 2, 4, 5, 3, 4, 5, 1, 0, 6, 1),
    ("2 groups", 2, 5, 5, 4, 3, 3, 1, 0, 6, 2),
    ("3 groups, same, stride 2", 1, 6, 5, 6, 3, 2, 2, 1, 9, 3),
    ("depthwise, few channels", 2, 5, 6, 3, 3, 3, 1, 1, 3, 3),
    ("depthwise", 1, 6, 5, 19, 3, 3, 2, 1, 19, 19),
    ("depthwise, two filters for each channel", 2, 5, 4, 3, 3, 3, 1, 0, 6, 3),
]


def write_conv():
    section("convolution: x = ref_fill(seed), w seed + 1, b seed + 2, dy seed + 3, scale 2 (F7.1)")
    rows = []
    for i, (name, B, H, W, C, KH, KW, S, is_same, O, G) in enumerate(CONV):
        seed = 1000 + 10 * i
        c = dict(name=name, seed=seed, B=B, H=H, W=W, C=C, KH=KH, KW=KW, SH=S, SW=S,
                 same=is_same, O=O, G=G)
        x, w, b = leaf((B, H, W, C), seed), leaf((O, KH, KW, C // G), seed + 1), leaf(O, seed + 2)
        y = back(F.conv2d(pad(x, c, 0.0), w.permute(0, 3, 1, 2), b, stride=S, groups=G))
        y.backward(torch.tensor(fill(y.shape, seed + 3, 2.0)))
        name = "ref_conv%d_" % i
        rows.append(row(c, [("OH", y.shape[1]), ("OW", y.shape[2])] +
                        [(k, array(name + k, v)) for k, v in
                         (("y", y), ("dx", x.grad), ("dw", w.grad), ("db", b.grad))]))
    table("ref_window_case", "ref_convs", rows, ["Convolutions, forward and backward."])


# ---- pooling ---------------------------------------------------------------------------------

POOL = [  # name, B, H, W, C, KH, KW, SH, SW, same
    ("2 x 2", 2, 6, 4, 3, 2, 2, 2, 2, 0),
    ("2 x 2, odd image", 2, 5, 7, 9, 2, 2, 2, 2, 0),
    ("2 x 2, same, odd image", 2, 5, 7, 9, 2, 2, 2, 2, 1),
    ("3 x 3, stride 2, same", 1, 6, 7, 17, 3, 3, 2, 2, 1),
    ("3 x 3, overlapping", 2, 5, 6, 8, 3, 3, 1, 1, 0),
    ("2 x 3, stride 3", 2, 7, 9, 2, 2, 3, 3, 3, 0),
    ("1 x 2 on a line", 2, 1, 9, 5, 1, 2, 1, 2, 0),
    ("one pixel", 3, 1, 1, 2, 1, 1, 1, 1, 0),
    ("the whole image", 2, 4, 3, 10, 4, 3, 1, 1, 0),
    ("larger than the image, same", 1, 2, 3, 4, 5, 5, 1, 1, 1),
]


def write_pool():
    section("pooling: x = floor of ref_fill(seed, scale 6), so that there are ties; dy seed + 1")
    rows = []
    for i, (name, B, H, W, C, KH, KW, SH, SW, is_same) in enumerate(POOL):
        seed = 2000 + 10 * i
        c = dict(name=name, seed=seed, B=B, H=H, W=W, C=C, KH=KH, KW=KW, SH=SH, SW=SW,
                 same=is_same, O=C, G=1)
        arrays = []
        for kind in ("max", "mean"):
            x = torch.tensor(np.floor(fill((B, H, W, C), seed, 6.0)), requires_grad=True)
            if kind == "max":
                y = F.max_pool2d(pad(x, c, -np.inf), (KH, KW), (SH, SW))
            else:           # what is outside does not count
                y = F.avg_pool2d(pad(x, c, 0.0), (KH, KW), (SH, SW))
                y = y / F.avg_pool2d(pad(torch.ones(B, H, W, C), c, 0.0), (KH, KW), (SH, SW))
            y = back(y)
            y.backward(torch.tensor(fill(y.shape, seed + 1, 2.0)))
            name = "ref_pool%d_%s_" % (i, kind)
            fields = ("y", "dx") if kind == "max" else ("mean_y", "mean_dx")
            arrays += [(fields[0], array(name + "y", y)), (fields[1], array(name + "dx", x.grad))]
        rows.append(row(c, [("OH", y.shape[1]), ("OW", y.shape[2])] + arrays))
    table("ref_window_case", "ref_pools", rows, ["Max and average pooling."])


# ---- norms -----------------------------------------------------------------------------------

BATCH = [  # name, B, H, W, C, epsilon, momentum, offset of x
    ("images", 3, 4, 2, 5, 1e-5, 0.1, 0.0),
    ("rows", 7, 1, 1, 4, 1e-5, 0.1, 0.5),
    ("two values", 2, 1, 1, 3, 1e-3, 0.25, 0.0),
    ("many channels", 2, 2, 1, 37, 1e-5, 0.5, 0.0),
    ("far from 0", 4, 2, 2, 3, 1e-5, 0.1, 32.0),
]


def write_batch():
    section("batch norm: x seed, dy seed + 1, gamma seed + 2, beta seed + 3")
    rows = []
    for i, (name, B, H, W, C, eps, momentum, offset) in enumerate(BATCH):
        seed = 3000 + 10 * i
        c = dict(name=name, seed=seed, N=B * H * W, B=B, H=H, W=W, C=C, epsilon=repr(eps),
                 momentum=repr(momentum), offset=repr(offset))
        layer = torch.nn.BatchNorm2d(C, eps=eps, momentum=momentum)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(fill(C, seed + 2, 2.0)))
            layer.bias.copy_(torch.tensor(fill(C, seed + 3, 2.0)))
        x = coarse((B, H, W, C), seed, 2.0, offset)
        dy = torch.tensor(fill((B, H, W, C), seed + 1, 2.0))
        y = back(layer(x.permute(0, 3, 1, 2)))
        y.backward(dy)
        grads = [g.grad.clone() for g in (x, layer.weight, layer.bias)]
        for k in range(3):          # three more batches for the running statistics
            layer(coarse((B, H, W, C), seed + 4 + k, 1.0 + k, offset).permute(0, 3, 1, 2))
        layer.eval()
        x.grad = None
        still = back(layer(x.permute(0, 3, 1, 2)))
        still.backward(dy)
        name = "ref_batch%d_" % i
        rows.append(row(c, [(k, array(name + k, v)) for k, v in
                            (("y", y), ("dx", grads[0]), ("dgamma", grads[1]), ("dbeta", grads[2]),
                             ("mean", layer.running_mean), ("variance", layer.running_var),
                             ("still_y", still), ("still_dx", x.grad))]))
    table("ref_norm_case", "ref_batches", rows, [
        "Batch norm. y and dx in training; then three more batches, x of seed + 4 + k with scale",
        "1 + k, k = 0, 1, 2; mean and variance are the running ones after these, still_y and",
        "still_dx what x and dy give with them."])


LAYER = [  # name, N, C, epsilon, offset
    ("rows", 5, 7, 1e-5, 0.0), ("one number", 3, 1, 1e-5, 0.0), ("two", 4, 2, 1e-3, 0.0),
    ("wide", 3, 67, 1e-5, 0.0), ("far from 0", 3, 9, 1e-5, 32.0),
]


def write_layer():
    section("layer norm: seeds as for batch norm")
    rows = []
    for i, (name, N, C, eps, offset) in enumerate(LAYER):
        seed = 4000 + 10 * i
        c = dict(name=name, seed=seed, N=N, C=C, epsilon=repr(eps), offset=repr(offset))
        x = coarse((N, C), seed, 2.0, offset)
        gamma, beta = leaf(C, seed + 2), leaf(C, seed + 3)
        y = F.layer_norm(x, (C,), gamma, beta, eps)
        y.backward(torch.tensor(fill((N, C), seed + 1, 2.0)))
        name = "ref_layer%d_" % i
        rows.append(row(c, [(k, array(name + k, v)) for k, v in
                            (("y", y), ("dx", x.grad), ("dgamma", gamma.grad),
                             ("dbeta", beta.grad))]))
    table("ref_norm_case", "ref_layers", rows, ["Layer norm."])


# ---- the header ------------------------------------------------------------------------------

HEAD = r"""/* layers.h: numbers that the tests of nn.h compare with, in float64.
   Made by tests/reference/make_layers.py with Python %s, PyTorch %s, NumPy %s;
   do not edit, make it again. Include it after reference.h, which has ref_fill.
   Tables: ref_convs, ref_pools, ref_batches, ref_layers. Inputs have scale 2 where nothing else is
   said. Those of norms are multiples of 1/1024, floor(1024 ref_fill) / 1024 + offset, so that they
   are exact in float far from 0 too. */
#ifndef NN_TESTS_LAYERS_H
#define NN_TESTS_LAYERS_H

typedef struct {
    const char *name;
    unsigned seed;
    int B, H, W, C, KH, KW, SH, SW, same, O, G, OH, OW;
    const double *y, *dx;           /* (B, OH, OW, O), (B, H, W, C); of pools: the largest */
    const double *dw, *db;          /* (O, KH, KW, C / G), (O) */
    const double *mean_y, *mean_dx; /* of pools */
} ref_window_case;

typedef struct {
    const char *name;
    unsigned seed;
    int N, B, H, W, C; /* N rows: B H W for batch norm */
    double epsilon, momentum, offset;
    const double *y, *dx, *dgamma, *dbeta, *mean, *variance, *still_y, *still_dx;
} ref_norm_case;
"""


def main():
    versions = (sys.version.split()[0], torch.__version__, np.__version__)
    out.extend((HEAD % versions).rstrip().split("\n"))
    write_conv()
    write_pool()
    write_batch()
    write_layer()
    out.extend(["", "#endif /* NN_TESTS_LAYERS_H */", ""])
    text = "\n".join(s.rstrip() for s in out)
    assert text.isascii()
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.h"), "w") as f:
        f.write(text)
    print("layers.h: %d convolutions, %d pools, %d batch norms, %d layer norms, %d bytes"
          % (len(CONV), len(POOL), len(BATCH), len(LAYER), len(text)))


if __name__ == "__main__":
    main()
