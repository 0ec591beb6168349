#!/usr/bin/env python3
"""Writes models.h: safetensors and npy files as bytes, with the outputs that PyTorch computes, for
tests/test_files.c; and checks files that nn.h wrote.

    python3 tests/reference/make_models.py                 (writes models.h beside this script)
    python3 tests/reference/make_models.py check FOLDER    (reads what test_files left in FOLDER)

Needs PyTorch and NumPy, and to write models.h the safetensors package (pip install safetensors);
the check reads the format by its rules where that is not installed. Nothing here looks at nn.h.
"""
import io
import json
import os
import struct
import sys

import numpy as np
import torch
from torch import nn

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}


def save(tensors):
    from safetensors.torch import save as written
    return written(tensors, metadata={"format": "pt"})


def load(path):
    try:
        from safetensors.torch import load_file
        return load_file(path)
    except ImportError:
        pass
    b = open(path, "rb").read()
    n = struct.unpack("<Q", b[:8])[0]
    header, data, end = json.loads(b[8:8 + n]), b[8 + n:], 0
    out = {}
    for name, e in sorted(((k, v) for k, v in header.items() if k != "__metadata__"),
                          key=lambda x: x[1]["data_offsets"]):
        begin, stop = e["data_offsets"]
        assert begin == end, name
        end = stop
        a = np.frombuffer(data[begin:stop], DTYPES[e["dtype"]]).reshape(e["shape"])
        out[name] = torch.from_numpy(a.copy())
    assert end == len(data)
    return out


def mlp():
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.3), nn.Linear(5, 4), nn.Tanh(),
                         nn.Linear(4, 2), nn.Softmax(dim=1))


def image():     # pictures (2, 3) of 2 channels: channels first here, last in nn.h
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Sigmoid(), nn.Linear(3, 2))


def cnn():       # every layer of images and every norm, for pictures (8, 7) of 2 channels
    return nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(3, 4, (2, 1)), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, groups=4),
                         nn.AvgPool2d(2, stride=1, padding=0), nn.Flatten(), nn.BatchNorm1d(4),
                         nn.Linear(4, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 2))


def wide():      # the columns of a dense layer and a norm behind a flattened image of many channels
    return nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), nn.BatchNorm2d(3), nn.Flatten(),
                         nn.BatchNorm1d(27), nn.ReLU(), nn.Linear(27, 2))


def inputs(n, size):
    return (torch.arange(n * size, dtype=torch.float32).reshape(n, size) % 7 - 3) / 4


def pictures():
    return inputs(4, 112).reshape(4, 8, 7, 2).permute(0, 3, 1, 2)


def array(kind, name, values, text):
    values = list(values)
    lines = [", ".join(text(v) for v in values[i:i + 12]) for i in range(0, len(values), 12)]
    return "static const %s %s[] = {\n    %s\n};\n" % (kind, name, ",\n    ".join(lines))


def write():
    from safetensors import __version__ as version
    torch.manual_seed(1)
    out = ["/* Made by tests/reference/make_models.py with PyTorch %s, safetensors %s and "
           "NumPy %s;\n   do not edit, make it again. */\n" % (torch.__version__, version, np.__version__)]
    bytes_ = lambda name, b: out.append(array("unsigned char", name, b, str))
    reals = lambda name, t: out.append(array("double", name, t.detach().flatten().tolist(),
                                             lambda v: "%.9g" % v))
    m = mlp().eval()
    bytes_("mlp_file", save(m.state_dict()))
    reals("mlp_outputs", m(inputs(4, 3)))
    bytes_("mlp_double_file", save({k: v.double() for k, v in m.state_dict().items()}))
    for name, kind in [("half", torch.float16), ("bfloat", torch.bfloat16)]:
        rounded = {k: v.to(kind) for k, v in m.state_dict().items()}
        bytes_("mlp_%s_file" % name, save(rounded))
        other = mlp().eval()
        other.load_state_dict({k: v.float() for k, v in rounded.items()})
        reals("mlp_%s_outputs" % name, other(inputs(4, 3)))
    g = image().eval()
    bytes_("image_file", save(g.state_dict()))
    reals("image_outputs", g(inputs(4, 12).reshape(4, 2, 3, 2).permute(0, 3, 1, 2)))
    c = cnn()
    for _ in range(5):                                        # running statistics of some batches
        with torch.no_grad():
            c[1].weight.uniform_(0.5, 2), c[1].bias.normal_(), c[12].weight.uniform_(0.5, 2)
        c(torch.randn(6, 2, 8, 7))
    c.eval()
    bytes_("cnn_file", save(c.state_dict()))
    reals("cnn_outputs", c(pictures()))
    arrays = {"f4_2x3": np.arange(6, dtype="<f4").reshape(2, 3), "f4_3": np.arange(3, dtype="<f4"),
              "f4_scalar": np.array(1, "<f4"), "u1_4": np.array([0, 1, 2, 255], "u1"),
              "f4_2x3_fortran": np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)),
              "i4_2x2x2": np.arange(8, dtype="<i4").reshape(2, 2, 2) - 4}
    for kind in ["<f2", "<f8", "|i1", "<i2", "<i4", "<i8", "|b1", "<u2", "<u4", "<u8"]:
        base = np.array([[0, 1, 2], [100, 27, -3]])
        values = np.abs(base).astype(kind) if kind[1] in "bu" else base.astype(kind)
        arrays["any_%s_little" % kind[1:]] = values
        if kind[0] == "<":
            arrays["any_%s_big" % kind[1:]] = values.astype(kind.replace("<", ">"))
    arrays["fortran_3d"] = np.asfortranarray(np.arange(24, dtype="<f8").reshape(2, 3, 4))
    for name, a in arrays.items():
        f = io.BytesIO()
        np.save(f, a)
        bytes_("npy_" + name, f.getvalue())
    f = io.BytesIO()
    np.lib.format.write_array(f, arrays["f4_2x3"], version=(2, 0))
    bytes_("npy_version2", f.getvalue())
    f = io.BytesIO()
    np.lib.format.write_array(f, arrays["f4_2x3"], version=(3, 0))
    bytes_("npy_version3", f.getvalue())
    here = os.path.dirname(os.path.abspath(__file__))
    open(os.path.join(here, "models.h"), "w").write("\n".join(out))


def check(folder):
    path = lambda name: os.path.join(folder, name)
    for name, make in [("mlp", mlp), ("image", image), ("cnn", cnn), ("wide", wide)]:
        m = make().eval()
        m.load_state_dict(load(path(name + ".safetensors")))      # strict
        x = {"mlp": inputs(4, 3), "cnn": pictures(), "wide": pictures(),
             "image": inputs(4, 12).reshape(4, 2, 3, 2).permute(0, 3, 1, 2)}[name]
        with torch.no_grad():
            y = m(x).numpy()
        theirs = np.load(path(name + ".npy"))
        assert theirs.shape == y.shape, (theirs.shape, y.shape)
        assert np.abs(theirs - y).max() <= 1e-5, (name, np.abs(theirs - y).max())
    m = mlp()
    m.load_state_dict(load(path("trained.safetensors")))          # of a compiled and trained model
    missing, extra = m.load_state_dict(load(path("checkpoint.safetensors")), strict=False)
    assert not missing and extra and all(k.startswith(("opt.", "nn.")) for k in extra), (missing, extra)
    print("PyTorch and NumPy read the files of nn.h")


if __name__ == "__main__":
    check(sys.argv[2]) if sys.argv[1:2] == ["check"] else write()
