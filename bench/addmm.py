"""`python -m bench.addmm`: 0.5*(A@B) + C under mode GEMMULE against `mx.addmm` called by hand.

float32, `mx.array` in and out on MLX's default device, the wait for the result included; repeats
interleaved. Prints minimum and spread in microseconds and the ratio of the minima, for the
precision of products that is in force (`MLX_ENABLE_TF32`; full float32 unless chosen otherwise).
"""

import os
import sys
import time

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt

import gemmule  # noqa: F401  (registers the mode)


def seconds(call, least=0.02):
    """The time of one call, over as many as take `least` seconds."""
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return elapsed / count
        count = max(2 * count, int(count * least / max(elapsed, 1e-9)))


def main(sizes=(64, 256, 1024, 4096, 8192), repeats=15):
    A, B, C = pt.fmatrices("A", "B", "C")
    f = pytensor.function(
        [A, B, C], np.float32(0.5) * (A @ B) + C, mode="GEMMULE", trust_input=True
    )
    g = pytensor.function([A, B, C], np.float32(0.5) * (A @ B) + C, mode="MLX", trust_input=True)
    precision = "TF32" if os.environ.get("MLX_ENABLE_TF32") == "1" else "float32"
    print(f"device {mx.default_device()}, products in {precision}")
    print(f"{'n':>6} {'GEMMULE':>18} {'mx.addmm':>18} {'MLX mode':>18} ", end="")
    print(f"{'GEMMULE/addmm':>14} {'MLX/GEMMULE':>12}")
    for n in sizes:
        rng = np.random.default_rng(0)
        a, b, c = (mx.array(rng.normal(size=(n, n)).astype("float32")) for _ in range(3))
        calls = {
            "GEMMULE": lambda a=a, b=b, c=c: mx.eval(f(a, b, c)),
            "addmm": lambda a=a, b=b, c=c: mx.eval(mx.addmm(c, a, b, alpha=0.5, beta=1.0)),
            "MLX": lambda a=a, b=b, c=c: mx.eval(g(a, b, c)),
        }
        # The first product decides the precision for the whole process: ours sets it.
        expected = np.asarray(f(a, b, c))
        by_hand = np.asarray(mx.addmm(c, a, b, alpha=0.5, beta=1.0))
        if not np.allclose(expected, by_hand, rtol=1e-3, atol=1e-3 * n**0.5):
            sys.exit(f"n = {n}: values differ by {np.abs(expected - by_hand).max()}")
        times = {name: [] for name in calls}
        for _ in range(repeats):
            for name, call in calls.items():
                times[name].append(1e6 * seconds(call))
        low = {name: min(values) for name, values in times.items()}
        cells = [f"{low[name]:8.1f} -{max(values):8.1f}" for name, values in times.items()]
        ratios = f"{low['GEMMULE'] / low['addmm']:>14.2f} {low['MLX'] / low['GEMMULE']:>12.2f}"
        print(f"{n:>6} " + " ".join(f"{cell:>18}" for cell in cells) + " " + ratios, flush=True)


if __name__ == "__main__":
    main()
