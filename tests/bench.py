"""Compares the speed of nn.h with that of other libraries on the same work, in turn, in one run.

    make bench [ROUNDS=5] [THREADS=1] [WORKS="mlp64 iris"]

builds the nn.h side (tests/bench.c, tests/bench_matmul.c) and runs this with the same three in the
environment. For each work and each peer that is installed it prints
    RATIO work threads peer ours_seconds theirs_seconds ratio
with medians over the rounds, and at the end a table and a figure of them, build/bench.svg; a ratio
above 1 means that nn.h is faster. Each round goes to stderr. The same network, data, batch size,
epochs and optimizer; loading is not timed; accuracy is printed beside the time, so that a fast wrong
answer shows.

Works: mlp64, mlp512, iris and sgd1 train (mlp64-dense: on noisy images without zeros),
infer-mlp512-b1 and -b1024 predict, gemm is all matrix products, gemm-128x64x784-NT one of them.

PyTorch trains with its parameters in one flat tensor and Adam on that, and gathers each batch with
index_select: the fastest variant found. With two threads, install libopenblas0-openmp, or PyTorch's
two thread pools fight and it looks slower than it is.
"""
import collections
import functools
import os
import re
import statistics
import struct
import subprocess
import sys
import time
import warnings

try:
    import numpy as np
except ImportError:
    np = None
try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None
try:
    import sklearn
    from sklearn.neural_network import MLPClassifier
except ImportError:
    sklearn = None

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THREADS = int(os.environ.get("THREADS") or 1)
# Where full training would take long, fewer epochs or samples (0: all), on both sides.
Work = collections.namedtuple("Work", "inputs hidden outputs batch epochs samples")
WORKS = {
    "mlp64": Work(784, [64, 64], 10, 128, 2, 0),
    "mlp64-dense": Work(784, [64, 64], 10, 128, 2, 0),
    "mlp512": Work(784, [512, 512], 10, 128, 1, 20000),
    "iris": Work(4, [4], 3, 10, 100, 0),
    "sgd1": Work(784, [100], 10, 1, 1, 5000),
    "cnn": Work(784, [128], 10, 128, 1, 12000),
    "race99": Work(784, [256], 10, 256, 1, 0),
    "infer-mlp512-b1": Work(784, [512, 512], 10, 1, 0, 0),
    "infer-mlp512-b1024": Work(784, [512, 512], 10, 1024, 0, 0),
    "infer-cnn-b1": Work(784, [128], 10, 1, 0, 0),
    "infer-cnn-b1024": Work(784, [128], 10, 1024, 0, 0),
}
Peer = collections.namedtuple("Peer", "name run")  # run(data, work): seconds, accuracy


def note(text):
    print(text, file=sys.stderr, flush=True)


# ---- data

def idx_names(folder, part):
    return [os.path.join(ROOT, folder, part + name)
            for name in ("-images-idx3-ubyte", "-labels-idx1-ubyte")]


def digits_folder():
    """MNIST where it is present, else the made digits."""
    for folder in ("datasets/mnist", "datasets/made"):
        if os.path.exists(idx_names(folder, "train")[0]):
            return folder
    sys.exit("no digits: run make mnist or make digits first")


def dense_folder():
    """Writes images without a zero in MNIST's format: a faint pattern for each class, and noise."""
    folder = "build/dense"
    random = np.random.default_rng(1)
    patterns = random.integers(0, 32, (10, 784), np.uint8)
    os.makedirs(os.path.join(ROOT, folder), exist_ok=True)
    for part, n in (("train", 60000), ("t10k", 10000)):
        y = random.integers(0, 10, n, np.uint8)
        x = patterns[y] + random.integers(1, 225, (n, 784), np.uint8)
        images, labels = idx_names(folder, part)
        with open(images, "wb") as file:
            file.write(struct.pack(">IIII", 0x803, n, 28, 28) + x.tobytes())
        with open(labels, "wb") as file:
            file.write(struct.pack(">II", 0x801, n) + y.tobytes())
    return folder


def load_digits(folder, samples):
    sets = []
    for part in ("train", "t10k"):
        images, labels = (np.fromfile(name, np.uint8) for name in idx_names(folder, part))
        sets += [images[16:].reshape(-1, 784).astype(np.float32) / np.float32(255),
                 labels[8:].astype(np.int64)]
    return [sets[0][:samples or None], sets[1][:samples or None], sets[2], sets[3]]


def load_iris():
    rows = [line.strip().split(",") for line in open(os.path.join(ROOT, "datasets/iris.csv"))][1:]
    names = sorted({row[4] for row in rows})
    x = np.array([[float(v) for v in row[:4]] for row in rows], np.float32)
    y = np.array([names.index(row[4]) for row in rows], np.int64)
    order = np.random.default_rng(1).permutation(150)
    x, y = x[order], y[order]
    x = (x - x[:120].mean(0)) / x[:120].std(0)
    return [x[:120], y[:120], x[120:], y[120:]]


# ---- nn.h

def nn_h(name, work, folder):
    args = [os.path.join(ROOT, "build", "bench"), name.replace("-dense", ""), str(work.epochs),
            str(work.samples), folder]
    result = subprocess.run(args, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    out = result.stdout.split()
    return float(out[4]), float(out[5])


# ---- PyTorch

class FlatAdam:
    """Adam on one flat tensor of which all parameters are views."""

    def __init__(self, parameters, lr=1e-3):
        parameters = list(parameters)
        n = sum(p.numel() for p in parameters)
        self.lr, self.t = lr, 0
        self.p, self.g, self.m, self.v = (torch.zeros(n) for _ in range(4))
        at = 0
        for p in parameters:
            k = p.numel()
            self.p[at:at + k] = p.data.reshape(-1)
            p.data = self.p[at:at + k].view(p.shape)
            p.grad = self.g[at:at + k].view(p.shape)
            at += k

    def step(self):
        with torch.no_grad():
            self.t += 1
            self.m.mul_(0.9).add_(self.g, alpha=0.1)
            self.v.mul_(0.999).addcmul_(self.g, self.g, value=0.001)
            c = (1 - 0.999 ** self.t) ** 0.5
            self.p.addcdiv_(self.m, self.v.sqrt().add_(1e-8 * c),
                            value=-self.lr * c / (1 - 0.9 ** self.t))


CONVOLUTIONS = {"cnn": (32, 3, 64), "race99": (24, 5, 32)}  # filters, size, filters; then 3x3


def torch_network(name, work):
    nn, layers, size = torch.nn, [], work.inputs
    for key, (first, kernel, second) in CONVOLUTIONS.items():
        if key in name:
            layers = [nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, first, kernel), nn.ReLU(),
                      nn.MaxPool2d(2), nn.Conv2d(first, second, 3), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Flatten()]
            size = second * 25
    for h in work.hidden:
        layers += [nn.Linear(size, h), nn.ReLU()]
        size = h
    model = nn.Sequential(*layers, nn.Linear(size, work.outputs))
    return model.to(memory_format=torch.channels_last) if size != work.inputs else model


def torch_race(model, x, y, work):
    """One-cycle Adam, batch after batch as they lie."""
    adam = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    steps = (len(x) - 1) // work.batch + 1
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=1e-2, total_steps=steps,
                                                pct_start=0.2, cycle_momentum=False)
    start = time.perf_counter()
    for a, b in zip(x.split(work.batch), y.split(work.batch)):
        adam.zero_grad(set_to_none=True)
        F.cross_entropy(model(a), b).backward()
        adam.step()
        cycle.step()
    return time.perf_counter() - start


def torch_adam(model, x, y, work):
    adam = FlatAdam(model.parameters())
    start = time.perf_counter()
    for _ in range(work.epochs):
        for rows in torch.randperm(len(x)).split(work.batch):
            adam.g.zero_()
            F.cross_entropy(model(x.index_select(0, rows)), y.index_select(0, rows)).backward()
            adam.step()
    return time.perf_counter() - start


def torch_sgd1(model, x, y, lr=0.01):
    parameters = list(model.parameters())
    start = time.perf_counter()
    rows = torch.randperm(len(x))
    for a, b in zip(x.index_select(0, rows).split(1), y.index_select(0, rows).split(1)):
        gradients = torch.autograd.grad(F.cross_entropy(model(a), b), parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-lr)
    return time.perf_counter() - start


def torch_train(name, data, work):
    torch.manual_seed(1)
    x, y, x_test, y_test = (torch.from_numpy(a) for a in data)
    model = torch_network(name, work)
    run = torch_race if name == "race99" else torch_adam
    seconds = torch_sgd1(model, x, y) if work.batch == 1 else run(model, x, y, work)
    with torch.no_grad():
        guess = torch.cat([model(part).argmax(1) for part in x_test.split(1000)])
        return seconds, (guess == y_test).float().mean().item()


def torch_infer(variants, _, work):
    """Seconds of one call: the fastest of the variants."""
    batches, calls = torch.rand(4, work.batch, work.inputs), 2000 if work.batch == 1 else 20
    best = float("inf")
    with torch.inference_mode():
        for model in variants:
            for x in batches:
                model(x)
            start = time.perf_counter()
            for i in range(calls):
                model(batches[i % 4])
            best = min(best, (time.perf_counter() - start) / calls)
    return best, float("nan")


def torch_variants(name, work):
    model = torch_network(name, work).eval()
    return [model, torch.jit.freeze(torch.jit.script(model))]


# ---- scikit-learn

def sklearn_train(data, work):
    x, y, x_test, y_test = data
    model = MLPClassifier(tuple(work.hidden), alpha=0.0, batch_size=work.batch, random_state=1,
                          max_iter=work.epochs, tol=0, n_iter_no_change=10 ** 9)
    start = time.perf_counter()
    model.fit(x, y)
    return time.perf_counter() - start, (model.predict(x_test) == y_test).mean()


# ---- the comparison

def peers_of(name, work):
    peers = []
    if torch:
        version = "pytorch-" + torch.__version__.split("+")[0]
        run = functools.partial(torch_train, name)
        if not work.epochs:
            run = functools.partial(torch_infer, torch_variants(name, work))
        peers.append(Peer(version, run))
    if sklearn and work.epochs and work.batch > 1 and name not in CONVOLUTIONS:
        peers.append(Peer("sklearn-" + sklearn.__version__, sklearn_train))
    return peers


def ratio_line(*fields):
    line = "RATIO %s %d %s %.4g %.4g %.2f" % fields
    print(line, flush=True)
    return line.split()


def compare(name, work, rounds):
    peers = peers_of(name, work)
    if not peers:
        return []
    folder, data = "-", None
    if name == "iris":
        data = load_iris()
    elif work.epochs:
        folder = dense_folder() if name == "mlp64-dense" else digits_folder()
        data = load_digits(folder, work.samples)
    if work.epochs:
        note("%s: epochs %d, samples %d, batch %d%s" % (
            name, work.epochs, len(data[0]), work.batch, ", " + folder if folder != "-" else ""))
    seconds = {peer.name: [] for peer in peers}
    ours = []
    for k in range(rounds):
        s, accuracy = nn_h(name, work, folder)
        ours.append(s)
        line = "%s round %d: nn.h %.4g s (accuracy %.4f)" % (name, k + 1, s, accuracy)
        for peer in peers:
            s, accuracy = peer.run(data, work)
            seconds[peer.name].append(s)
            line += ", %s %.4g s (%.4f)" % (peer.name, s, accuracy)
        note(line.replace(" (accuracy nan)", "").replace(" (nan)", ""))
    return [ratio_line(name, THREADS, peer, statistics.median(ours), statistics.median(theirs),
                       statistics.median(t / o for o, t in zip(ours, theirs)))
            for peer, theirs in seconds.items()]


def compare_matmul(rounds, shapes):
    """The C program prints the lines itself."""
    args = [os.path.join(ROOT, "build", "bench_matmul"), str(rounds)] + shapes
    lines = []
    with subprocess.Popen(args, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            print(line, end="", flush=True)
            lines.append(line.split())
    if program.returncode:
        sys.exit("bench_matmul failed")
    return lines


def by_work(line):
    """The order of the table: numbers in names count as numbers."""
    parts = re.split(r"(\d+)", line[1])
    return [(int(t), "") if t.isdigit() else (0, t) for t in parts], line[3]


def table(lines):
    row = "%-23s %7s  %-16s %11s %11s %7s"
    print("\n" + row % ("work", "threads", "peer", "nn.h s", "peer s", "ratio"))
    for line in lines:
        print(row % tuple(line[1:]))


def figure(lines):
    """The same as a figure: a row for each work, a point for each peer, how many times as fast."""
    works = list(dict.fromkeys(line[1] for line in reversed(lines)))
    peers = sorted({line[3] for line in lines})
    blocks = ["\n".join("%s %d" % (line[6], works.index(line[1])) for line in lines
                        if line[3] == peer) for peer in peers]
    tics = ", ".join('"%s" %d' % (work, i) for i, work in enumerate(works))
    plots = ", ".join('"build/bench.dat" index %d with points pt %d ps 1 title "%s"' %
                      (i, (7, 5, 9, 13)[i % 4], peer) for i, peer in enumerate(peers))
    script = """set terminal %%s
        set output "build/bench.%%s"
        set title "nn.h against other libraries, %d thread(s): right of the line nn.h is faster"
        set xlabel "time of the other library / time of nn.h, medians"
        set logscale x; set xrange [0.5:*]; set yrange [-1:%d]; set ytics (%s)
        set xtics (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
        set grid; set key outside bottom center horizontal; set bmargin 6
        set colorsequence podo
        set arrow from 1, graph 0 to 1, graph 1 nohead lw 2 front
        plot %s
        """ % (THREADS, len(works), tics, plots)
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "bench.dat"), "w") as file:
        file.write("\n\n\n".join(blocks) + "\n")
    size = "size 900,%d" % (200 + 22 * len(works))
    for terminal, name in (("svg noenhanced background 'white' " + size, "svg"),
                           ("pngcairo noenhanced " + size, "png")):
        try:
            subprocess.run(["gnuplot"], input=script % (terminal, name), text=True, cwd=ROOT,
                           check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return note("no figure: %s; install gnuplot (the table has all numbers)" % error)
    print("figure: build/bench.svg and build/bench.png")


def main():
    chosen = (os.environ.get("WORKS") or "gemm " + " ".join(WORKS)).split()
    rounds = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROUNDS") or 0)
    unknown = [w for w in chosen if w not in WORKS and not w.startswith("gemm")]
    if unknown:
        sys.exit("no such work: %s; there are gemm %s" % (" ".join(unknown), " ".join(WORKS)))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(THREADS)  # for the programs; make sets them for Python too
    if torch:
        torch.set_num_threads(THREADS)
        if THREADS > 1:
            note("PyTorch on several threads is at its best with libopenblas0-openmp only")
        torch.set_flush_denormal(True)
    else:
        note("without PyTorch: install python3-torch, or choose another interpreter with PYTHON=")
    if not sklearn:
        note("without scikit-learn: install python3-sklearn")
    warnings.filterwarnings("ignore")  # scikit-learn's on the few epochs
    lines = []
    gemm = [w for w in chosen if w.startswith("gemm")]
    if gemm:
        lines += compare_matmul(rounds or 11, [] if "gemm" in gemm else gemm)
    for name in chosen:
        if name in WORKS:
            lines += compare(name, WORKS[name], rounds or 5)
    lines.sort(key=by_work)
    table(lines)
    if lines:
        figure(lines)


main()
