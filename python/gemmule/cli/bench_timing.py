"""How ``gemmule bench`` measures: one call after the other, all modes in turn, several times."""

import math
import statistics
import time
from dataclasses import dataclass, field

from gemmule.cli.errors import first_line

#: Names of modes that are not PyTensor's own.
_PYTENSOR = {"C": "CVM"}

#: Of the largest element of each output, against PyTensor's Python backend.
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}


@dataclass
class Measured:
    """One mode on one case."""

    case: str
    mode: str
    #: One figure per repeat.
    times_us: list[float] = field(default_factory=list)
    #: Compiling and the first call.
    compile_s: float | None = None
    #: The largest error relative to the largest element of an output.
    error: float | None = None
    #: Why there are no times.
    failure: str = ""

    @property
    def best(self) -> float | None:
        return min(self.times_us, default=None)

    @property
    def spread(self) -> float | None:
        """(median - minimum) / minimum."""
        return statistics.median(self.times_us) / self.best - 1 if self.times_us else None


def measure(case, modes, repeats: int, span: float, begins) -> list[Measured]:
    """All modes on one case. Every repeat goes through all of them, beginning with another."""
    from pytensor.compile.mode import Mode

    expected, _ = _compiled(case, Mode(linker="py", optimizer="fast_compile"))
    tolerance = _tolerance([*case.values, *expected])
    rows, running = [], []
    for mode in modes:
        begins(f"{case.name}, {mode}")
        row = Measured(case.name, mode)
        rows.append(row)
        start = time.perf_counter()
        try:
            first, call = _compiled(case, _PYTENSOR.get(mode, mode))
        except Exception as error:
            row.failure = first_line(error)
            continue
        row.compile_s = time.perf_counter() - start
        row.error = max(map(_error, first, expected), default=0.0)
        if not row.error < tolerance:
            row.failure = f"wrong values: relative error {row.error:.1e}"
            continue
        running.append((row, call, _calls(call, span)))
    for turn in range(repeats):
        place = turn % max(1, len(running))
        for row, call, count in running[place:] + running[:place]:
            row.times_us.append(1e6 * _piecewise(call, count, span))
    return rows


def _tolerance(arrays) -> float:
    """That of the least precise of them."""
    low = any(array.dtype.name in ("float16", "float32", "complex64") for array in arrays)
    return TOLERANCE["float32" if low else "float64"]


def _compiled(case, mode):
    """The results of the first call, and a function that calls and waits."""
    import numpy as np

    f = case.compile(mode)
    values = [value.copy() for value in case.values]

    def call():
        results = f(*values)
        for result in results:  # of MLX and JAX they may still be computed
            np.asarray(result)
        return results

    return [np.array(result) for result in call()], call


def _error(got, expected) -> float:
    """The largest difference relative to the largest element. NaN is equal to NaN here."""
    import numpy as np

    if got.shape != expected.shape:
        return math.inf
    kind = complex if "c" in (got.dtype.kind, expected.dtype.kind) else float
    got, expected = got.astype(kind), expected.astype(kind)
    finite = np.abs(expected[np.isfinite(expected)])
    scale = np.max(finite, initial=0.0) or 1.0
    differs = (got != expected) & ~(np.isnan(got) & np.isnan(expected))
    error = np.max(np.abs(got[differs] - expected[differs]), initial=0.0) / scale
    return math.inf if math.isnan(error) else float(error)


#: A repeat is measured in pieces of about so many seconds, of which the fastest counts: some lie
#: between the interruptions by other processes.
_PIECE = 0.005


def _calls(call, span: float) -> int:
    """How many calls make a piece; also warms up."""
    count, piece = 1, min(_PIECE, span / 3)
    while (spent := _timed(call, count)) < piece / 2 and count < 1 << 20:
        count = max(2 * count, int(0.8 * count * piece / max(spent, 1e-9)))
    return count


def _timed(call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def _piecewise(call, count: int, span: float) -> float:
    """Seconds per call in the fastest piece."""
    best, end = math.inf, time.perf_counter() + span
    while best == math.inf or time.perf_counter() < end:
        best = min(best, _timed(call, count) / count)
    return best


def ratio(rows: list[Measured], case: str, mode: str) -> float | None:
    """The mode's time divided by GEMMULE's: above 1, GEMMULE is faster."""
    best = {row.mode: row.best for row in rows if row.case == case}
    ours, theirs = best.get("GEMMULE"), best.get(mode)
    return theirs / ours if ours and theirs else None


def mean_ratios(rows: list[Measured], modes: list[str]) -> dict[str, float]:
    """Geometric means of the ratios."""
    names = list(dict.fromkeys(row.case for row in rows))
    means = {}
    for mode in modes:
        ratios = [found for name in names if (found := ratio(rows, name, mode)) is not None]
        if ratios and mode != "GEMMULE":
            means[mode] = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return means
