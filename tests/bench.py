"""Compares nn.h with PyTorch on the same work, in turn, several rounds on one machine.

    python3 tests/bench.py [rounds]

Prints a line for each work and round on stderr, and for each work
    RATIO work threads peer ours_seconds theirs_seconds ratio
with medians over the rounds; a ratio above 1 means that nn.h is faster. Training time only, one
thread, the same network, batch size, epochs and optimizer; accuracy is printed beside the time, so
that a fast wrong answer shows. PyTorch trains with its parameters in one flat tensor and Adam on
that, the fastest variant found for such small networks.
"""
import gzip
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKS = {"mlp64": (784, [64, 64], 10, 128, 2), "iris": (4, [4], 3, 10, 100)}  # last: epochs


def ours(work, epochs):
    env = dict(os.environ, OMP_NUM_THREADS="1")
    out = subprocess.run([os.path.join(ROOT, "build", "bench"), work, str(epochs)], cwd=ROOT, env=env,
                         check=True, capture_output=True, text=True).stdout.split()
    return float(out[4]), float(out[5]), out[6]


def read_idx(folder, name, header):
    import numpy as np
    path = os.path.join(ROOT, folder, name)
    data = open(path, "rb").read() if os.path.exists(path) else gzip.open(path + ".gz").read()
    return np.frombuffer(data, np.uint8, offset=header)


def digits(folder):
    import numpy as np
    sets = []
    for part in ("train", "t10k"):
        sets.append(read_idx(folder, part + "-images-idx3-ubyte", 16).reshape(-1, 784)
                    .astype(np.float32) / np.float32(255))
        sets.append(read_idx(folder, part + "-labels-idx1-ubyte", 8).astype(np.int64))
    return sets


def iris():
    import numpy as np
    rows = [line.strip().split(",") for line in open(os.path.join(ROOT, "datasets", "iris.csv"))][1:]
    names = sorted({row[4] for row in rows})
    x = np.array([[float(v) for v in row[:4]] for row in rows], np.float32)
    y = np.array([names.index(row[4]) for row in rows], np.int64)
    order = np.random.default_rng(1).permutation(150)
    x, y = x[order], y[order]
    x = (x - x[:120].mean(0)) / x[:120].std(0)
    return [x[:120], y[:120], x[120:], y[120:]]


class FlatAdam:
    """Adam on one flat tensor of which all parameters are views."""

    def __init__(self, torch, parameters, lr=1e-3):
        parameters = list(parameters)
        n = sum(p.numel() for p in parameters)
        self.torch, self.lr, self.t = torch, lr, 0
        self.p, self.g, self.m, self.v = (torch.zeros(n) for _ in range(4))
        at = 0
        for p in parameters:
            k = p.numel()
            self.p[at:at + k] = p.data.reshape(-1)
            p.data = self.p[at:at + k].view(p.shape)
            p.grad = self.g[at:at + k].view(p.shape)
            at += k

    def step(self):
        with self.torch.no_grad():
            self.t += 1
            self.m.mul_(0.9).add_(self.g, alpha=0.1)
            self.v.mul_(0.999).addcmul_(self.g, self.g, value=0.001)
            c = (1 - 0.999 ** self.t) ** 0.5
            self.p.addcdiv_(self.m, self.v.sqrt().add_(1e-8 * c),
                            value=-self.lr * c / (1 - 0.9 ** self.t))


def torch_mlp(torch, inputs, hidden, outputs):
    layers, size = [], inputs
    for h in hidden:
        layers += [torch.nn.Linear(size, h), torch.nn.ReLU()]
        size = h
    return torch.nn.Sequential(*layers, torch.nn.Linear(size, outputs))


def theirs(torch, data, inputs, hidden, outputs, batch, epochs):
    torch.manual_seed(1)
    x, y, x_test, y_test = (torch.from_numpy(a) for a in data)
    model = torch_mlp(torch, inputs, hidden, outputs)
    adam = FlatAdam(torch, model.parameters())
    start = time.perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            adam.g.zero_()
            out = model(x.index_select(0, rows))
            torch.nn.functional.cross_entropy(out, y.index_select(0, rows)).backward()
            adam.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return seconds, (model(x_test).argmax(1) == y_test).float().mean().item()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    try:
        import torch
    except ImportError:
        print("skipped: no PyTorch for %s; install python3-torch, or choose another interpreter with "
              "make bench PYTHON=..." % sys.executable)
        return
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for work, (inputs, hidden, outputs, batch, epochs) in WORKS.items():
        a, b = [], []
        folder = ours(work, 1)[2]
        data = iris() if work == "iris" else digits(folder)
        for k in range(rounds):
            s, accuracy, _ = ours(work, epochs)
            p, torch_accuracy = theirs(torch, data, inputs, hidden, outputs, batch, epochs)
            a.append(s)
            b.append(p)
            print("%s round %d on %s: nn.h %.4f s (accuracy %.4f), PyTorch %.4f s (%.4f)"
                  % (work, k + 1, folder, s, accuracy, p, torch_accuracy), file=sys.stderr)
        ours_s, theirs_s = statistics.median(a), statistics.median(b)
        print("RATIO %s 1 pytorch-%s %.4f %.4f %.2f" % (work, torch.__version__.split("+")[0], ours_s, theirs_s,
                                                  statistics.median(y / x for x, y in zip(a, b))))


main()
