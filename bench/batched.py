"""Gradients of many chains: one call for all against one for each, on one thread and on two."""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

CHAINS = 64

#: How many times the gradients per second of separate calls in turn.
BAR = {"logistic 10000 x 100": 4.0}


@dataclass
class Row:
    """Times are in seconds, for the gradients of all chains: the best, and the median."""

    case: str
    chains: int
    separate: float
    separate_median: float
    separate_on_two: float
    separate_on_two_median: float
    batched: float
    batched_median: float
    #: The largest error of a gradient, relative to the largest element.
    error: float

    @property
    def ratio(self) -> float:
        """Gradients per second, of those of separate calls in turn."""
        return self.separate / self.batched

    @property
    def ratio_on_two(self) -> float:
        return self.separate_on_two / self.batched


def logistic(rows: int, columns: int):
    def build():
        import pymc as pm

        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(rows, columns)), rng.integers(0, 2, rows)
        with pm.Model() as model:
            beta = pm.Normal("beta", 0, 1, shape=columns)
            intercept = pm.Normal("intercept", 0, 1)
            pm.Bernoulli("y", logit_p=x @ beta + intercept, observed=y)
        return model

    return build


def eight_schools():
    import pymc as pm

    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", 0, 1, shape=8)
        pm.Normal("y", mu + tau * theta, sigma, observed=y)
    return model


CASES: dict[str, Callable] = {
    "logistic 10000 x 100": logistic(10000, 100),
    "logistic 1000 x 20": logistic(1000, 20),
    "eight schools": eight_schools,
}


def measure(name: str, repeats: int, chains: int = CHAINS) -> Row:
    import gemmule

    model = CASES[name]()
    f = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")._pytensor_function
    g = f.copy()
    f.trust_input = g.trust_input = True
    many = gemmule.batched(f, chains)
    size = sum(int(np.size(value)) for value in model.initial_point().values())
    points = 0.1 * np.random.default_rng(2).normal(size=(chains, size))

    def run(function, rows) -> list:
        return [function(row) for row in rows]

    def on_two() -> None:
        other = threading.Thread(target=run, args=(g, points[chains // 2 :]))
        other.start()
        run(f, points[: chains // 2])
        other.join()

    times = {}
    ways = {"separate": lambda: run(f, points), "on two": on_two, "batched": lambda: many(points)}
    for way, call in ways.items():
        call()
        found = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
        times[way] = (min(found), statistics.median(found))
    want = np.stack([row[1] for row in run(f, points)])
    error = np.abs(many(points)[1] - want).max() / np.abs(want).max()
    return Row(name, chains, *times["separate"], *times["on two"], *times["batched"], float(error))


def table(rows: list[Row]) -> str:
    header = ["case", "chains", "separate", "on two", "batched", "ratio", "to two", "error", "bar"]
    lines = [header]
    for row in rows:
        bar = BAR.get(row.case)
        verdict = "" if bar is None else f"{bar} {'met' if row.ratio >= bar else 'NOT met'}"
        times = [
            f"{1e3 * best:.3f} ({1e3 * median:.3f}) ms"
            for best, median in (
                (row.separate, row.separate_median),
                (row.separate_on_two, row.separate_on_two_median),
                (row.batched, row.batched_median),
            )
        ]
        ratios = [f"{row.ratio:.1f}", f"{row.ratio_on_two:.1f}", f"{row.error:.0e}"]
        lines.append([row.case, str(row.chains), *times, *ratios, verdict])
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def run(match: str, repeats: int) -> list[dict]:
    """Measures the cases with one of the words of ``match`` in their names, and prints them."""
    names = [name for name in CASES if any(part in name for part in match.split(","))]
    rows = [measure(name, repeats) for name in names]
    if rows:
        print(table(rows), end="\n\n")
    return [asdict(row) | {"ratio": row.ratio, "ratio_on_two": row.ratio_on_two} for row in rows]
