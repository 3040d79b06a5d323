"""What Gemmule does, on three examples: kernels, agreement with NumPy, times before and after.

    python examples/demo.py [--quick] [--folder build/demo]

"Before" is PyTensor's own MLX mode, "after" is mode GEMMULE. Each example prints what `explain`
says, the largest relative error against PyTensor's NumPy backend, and times per call.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode

import gemmule

BEFORE, AFTER = "MLX", "GEMMULE"
NUMPY = Mode(linker="py", optimizer="fast_compile")
RNG = np.random.default_rng(1)
# MLX mode leaves out the checks of parameters, and says so once per function.
warnings.filterwarnings("ignore", message="Skipping `CheckParameterValue`")


# -- the examples ----------------------------------------------------------------------------------


def product(n):
    A, B, C = pt.matrices("A", "B", "C")
    values = [RNG.normal(size=(n, n)) for _ in range(3)]
    return [A, B, C], [0.5 * (A @ B) + C], values


def multivariate_normal(n, gradient):
    x, mu, cov = pt.vector("x"), pt.vector("mu"), pt.matrix("cov")
    logp = pm.logp(pm.MvNormal.dist(mu=mu, cov=cov), x)
    root = RNG.normal(size=(n, n))
    values = [RNG.normal(size=n), np.zeros(n), root @ root.T / n + np.eye(n)]
    return [x, mu, cov], [logp, *pt.grad(logp, [mu, cov])] if gradient else [logp], values


def logistic_regression(rows, columns):
    X = RNG.normal(size=(rows, columns))
    with pm.Model() as model:
        pm.Normal("b", 0, 1, shape=columns)
        pm.Bernoulli("y", logit_p=pt.dot(X, model["b"]), observed=X[:, 0] > 0)
    logp = model.logp()
    [b] = model.value_vars
    return [b], [logp, pt.grad(logp, b)], [RNG.normal(size=columns)]


EXAMPLES = [
    ("0.5*(A@B) + C, 64 x 64", "product", lambda: product(64)),
    ("0.5*(A@B) + C, 256 x 256", "product_256", lambda: product(256)),
    ("MvNormal 64, logp", "mvnormal", lambda: multivariate_normal(64, gradient=False)),
    ("MvNormal 64, logp and gradient", "mvnormal_grad", lambda: multivariate_normal(64, True)),
    ("logistic regression 1000 x 25", "logistic", lambda: logistic_regression(1000, 25)),
]


# -- running them ----------------------------------------------------------------------------------


def compiled(inputs, outputs, values, mode):
    """The function and its results, or the first line of the error."""
    try:
        f = pytensor.function(inputs, outputs, mode=mode, trust_input=True)
        return f, [np.asarray(result) for result in f(*values)]
    except Exception as error:
        return None, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"


def largest_error(results, expected):
    return max(
        float(np.max(np.abs(got - want)) / max(np.max(np.abs(want)), 1e-300))
        for got, want in zip(results, expected, strict=True)
    )


def best_times(functions, values, seconds):
    """Microseconds per call of each function: the best of several turns, one after the other."""
    best = [float("inf")] * len(functions)
    for _ in range(5):
        for index, f in enumerate(functions):
            calls, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds / 5:
                _ = [np.asarray(result) for result in f(*values)]
                calls += 1
            best[index] = min(best[index], (time.perf_counter() - start) / calls * 1e6)
    return best


def show(title, name, example, folder, seconds):
    """Runs one example; returns its row of the table."""
    inputs, outputs, values = example()
    _, expected = compiled(inputs, outputs, values, NUMPY)
    after, results = compiled(inputs, outputs, values, AFTER)
    if after is None:
        raise SystemExit(f"{title}: {results}")
    error = largest_error(results, expected)
    before, first = compiled(inputs, outputs, values, BEFORE)

    print(f"\n== {title}\n")
    explanation = gemmule.explain(after)
    print(explanation)
    explanation.svg(folder / f"{name}.svg")
    print(f"\nlargest relative error against NumPy: {error:.1e}")
    if not error < 1e-6:
        raise SystemExit("the values differ")
    if before is None:
        print(f"PyTensor's MLX mode fails: {first}")
        return title, None, best_times([after], values, seconds)[0], error
    return title, *best_times([before, after], values, seconds), error


def table(rows):
    lines = [("", "before, us", "after, us", "ratio", "error")]
    for title, before, after, error in rows:
        shown = ("fails", "") if before is None else (f"{before:,.1f}", f"{before / after:.1f}")
        lines.append((title, shown[0], f"{after:,.1f}", shown[1], f"{error:.0e}"))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for title, *numbers in lines:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
        print("  ".join([title.ljust(widths[0]), *cells]))


def picture(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.7 + 0.8 * len(rows)), layout="constrained")
    for place, (_, before, after, _) in enumerate(rows):
        axes.barh(place + 0.19, after, 0.36, color="#c2621b", label=AFTER if place == 0 else None)
        axes.text(after, place + 0.19, f" {after:,.1f}", va="center", fontsize=9)
        if before is None:
            axes.text(min(row[2] for row in rows), place - 0.19, "MLX mode fails", va="center")
            continue
        label = "PyTensor's MLX mode" if place == 0 else None
        axes.barh(place - 0.19, before, 0.36, color="#8a8a8a", label=label)
        note = f" {before:,.1f}   ({before / after:.1f} times as long)"
        axes.text(before, place - 0.19, note, va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="microseconds per call, float64, NumPy arrays in and out")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.5, high * 30)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, reverse=True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="measure for a short time only")
    parser.add_argument("--folder", type=Path, default=Path("build/demo"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    seconds = 0.05 if options.quick else 1.0
    rows = [show(*example, options.folder, seconds) for example in EXAMPLES]
    print("\n== before (PyTensor's MLX mode) and after (mode GEMMULE)\n")
    table(rows)
    picture(rows, options.folder / "before_after.png")
    print(f"\nsaved {options.folder}/before_after.png and the programs as {options.folder}/*.svg")


if __name__ == "__main__":
    main()
