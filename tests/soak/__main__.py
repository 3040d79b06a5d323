"""``python -m soak`` (in `tests/`), or ``make soak``: does memory stay flat?

Functions over graphs as models have them are called with inputs of ever other sizes (more than the
caches of programs hold), fail now and then, are compiled and deleted, from several threads, on both
executors. The resident memory is recorded. Fails when it grows: see `verdict`.
"""

import argparse
import csv
import gc
import os
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.raise_op import assert_op

import gemmule

ROOT = Path(__file__).parents[2]
THREADS = 2
#: MB per minute, over the last two thirds; and MB between the least and the most there.
LARGEST_SLOPE, LARGEST_SPAN = 0.5, 40.0


# -- functions -------------------------------------------------------------------------------------


def regression():
    X, y, b = pt.matrix("X"), pt.vector("y"), pt.vector("b")
    residual = y - X @ b
    loss = 0.5 * (residual**2).sum() + pt.log1p(b**2).sum()
    f = [X, y, b], [loss, pt.grad(loss, b)]
    return f, lambda r, n, k: (r.normal(size=(n, k)), r.normal(size=n), r.normal(size=k))


def gaussian_process():
    x, y, scale = pt.vector("x"), pt.vector("y"), pt.scalar("scale")
    K = pt.exp(-((x[:, None] - x[None, :]) ** 2) / scale) + pt.eye(x.shape[0])
    L = pt.linalg.cholesky(K)
    z = pt.linalg.solve_triangular(L, y, lower=True)
    loss = 0.5 * (z**2).sum() + pt.log(pt.diagonal(L)).sum()
    f = [x, y, scale], [loss, pt.grad(loss, scale)]
    return f, lambda r, n, k: (r.normal(size=n), r.normal(size=n), 1.0 + k)


def hierarchical():
    mu, group, y = pt.vector("mu"), pt.lvector("group"), pt.vector("y")
    loss = -pt.softplus(y * mu[group]).sum()
    f = [mu, group, y], [loss, pt.grad(loss, mu)]
    return f, lambda r, n, k: (r.normal(size=k), r.integers(0, k, n), r.normal(size=n))


def network():
    X, W, V = pt.matrix("X"), pt.matrix("W"), pt.matrix("V")
    out = pt.special.softmax(pt.tanh(X @ W) @ V, axis=-1)
    f = [X, W, V], [out, pt.grad((out**2).sum(), W)]
    return f, lambda r, n, k: (r.normal(size=(n, k)), r.normal(size=(k, 4)), r.normal(size=(4, 3)))


def walk():
    x, s = pt.vector("x"), pt.scalar("s")
    states = pytensor.scan(
        lambda e, h: 0.9 * h + e, sequences=[x], outputs_info=[s], return_updates=False
    )
    f = [x, s], [states, pt.grad((states**2).sum(), x)]
    return f, lambda r, n, k: (r.normal(size=n), 0.5)


GRAPHS = (regression, gaussian_process, hierarchical, network, walk)


def failures():
    """(function, arguments that it refuses)"""
    x, i, A = pt.vector("x"), pt.lscalar("i"), pt.matrix("A")
    checked = assert_op(x.sum(), pt.all(x > 0))
    return [
        (pytensor.function([x, A], A @ x, mode="GEMMULE"), (np.ones(3), np.ones((2, 4)))),
        (pytensor.function([x, i], x[i] * 2, mode="GEMMULE"), (np.ones(3), 7)),
        (pytensor.function([A], pt.linalg.cholesky(A), mode="GEMMULE"), (-np.eye(3),)),
        (pytensor.function([x], checked, mode="GEMMULE"), (-np.ones(3),)),
        (pytensor.function([x, A], (A + x).sum(), mode="GEMMULE"), (np.ones(3), np.ones((2, 4)))),
    ]


def compiled(graph):
    (inputs, outputs), arguments = graph()
    return pytensor.function(inputs, outputs, mode="GEMMULE"), arguments


# -- the load --------------------------------------------------------------------------------------


class Load:
    def __init__(self):
        self.done, self.counts, self.errors = threading.Event(), Counter(), []
        self.functions = []
        for executor in ("cpu", "mlx"):
            gemmule.config.executor = executor
            self.functions += [compiled(graph) for graph in GRAPHS]
        self.failing = failures()

    def call(self, seed: int) -> None:
        r = np.random.default_rng(seed)
        # A function keeps its arguments while it runs: each thread has its own.
        functions = [(f.copy(), arguments) for f, arguments in self.functions]
        failing = [(f.copy(), arguments) for f, arguments in self.failing]
        while not self.done.is_set():
            for f, arguments in functions:
                n, k = int(r.integers(1, 120)), int(r.integers(1, 12))
                f(*arguments(r, n, k))
                self.counts["calls"] += 1
            for f, arguments in failing:
                try:
                    f(*arguments)
                except Exception:
                    self.counts["errors"] += 1

    def compile(self) -> None:
        """Compiles, calls and forgets. One at a time: PyTensor's rewriting takes one thread."""
        r = np.random.default_rng(0)
        while not self.done.is_set():
            for graph in GRAPHS:
                gemmule.config.executor = "mlx" if r.random() < 0.3 else "cpu"
                f, arguments = compiled(graph)
                for n in (3, 17):
                    f(*arguments(r, n, 4))
                del f
                self.counts["functions"] += 1
                time.sleep(0.05)

    def guarded(self, function, *arguments) -> None:
        try:
            function(*arguments)
        except Exception as error:
            self.errors.append(error)
            self.done.set()


def resident() -> float:
    """Resident memory in MB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def run(minutes: float) -> tuple[list[tuple[float, float]], Counter]:
    load = Load()
    threads = [
        threading.Thread(target=load.guarded, args=(load.call, seed)) for seed in range(THREADS)
    ]
    threads.append(threading.Thread(target=load.guarded, args=(load.compile,)))
    start = time.monotonic()
    for thread in threads:
        thread.start()
    curve = []
    while not load.done.wait(2.0) and time.monotonic() - start < 60 * minutes:
        gc.collect()  # PyTensor's functions are cycles
        curve.append(((time.monotonic() - start) / 60, resident()))
        if sys.stdout.isatty() or len(curve) % 15 == 0:
            print(
                f"{curve[-1][0]:6.2f} min {curve[-1][1]:8.1f} MB  {dict(load.counts)}", flush=True
            )
    load.done.set()
    for thread in threads:
        thread.join()
    if load.errors:
        raise load.errors[0]
    return curve, load.counts


# -- what came of it -------------------------------------------------------------------------------


def verdict(curve) -> tuple[float, float]:
    """Slope in MB per minute and span in MB, over the last two thirds."""
    last = np.array(curve[len(curve) // 3 :])
    slope = np.polyfit(last[:, 0], last[:, 1], 1)[0]
    return float(slope), float(np.ptp(last[:, 1]))


def picture(curve, path: Path, title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3))
    axes.plot(*zip(*curve, strict=True))
    axes.set(xlabel="minutes", ylabel="resident memory, MB", ylim=(0, None), title=title)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "memory.png")
    parser.add_argument("--csv", type=Path, default=ROOT / "build" / "memory.csv")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    curve, counts = run(options.minutes)
    slope, span = verdict(curve)
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        csv.writer(file).writerows([("minutes", "MB"), *curve])
    calls = f"{counts['calls']} calls, {counts['functions']} functions compiled"
    picture(curve, options.picture, f"{calls}, {counts['errors']} errors")
    print(f"{calls}, {counts['errors']} errors: {slope:.2f} MB/min, within {span:.1f} MB")
    if slope > LARGEST_SLOPE or span > LARGEST_SPAN:
        print(f"not flat: at most {LARGEST_SLOPE} MB/min and {LARGEST_SPAN} MB are expected")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
