"""How it is measured: one call after the other, all modes in turn, several times."""

import statistics
import time
from dataclasses import dataclass, field

import numpy as np
import pytensor
from pytensor.compile.mode import Mode

from bench.cases import Built, Case

#: Relative to the largest element of each output.
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}


@dataclass
class Result:
    """One mode on one case. Times are per call: arguments and results are NumPy arrays."""

    case: str
    dtype: str
    mode: str
    #: Compiling and the first call, in seconds.
    compile_s: float | None = None
    #: One figure per repeat, in microseconds.
    times_us: list[float] = field(default_factory=list)
    #: The largest error of an output relative to PyTensor's NumPy backend.
    error: float | None = None
    #: Why there are no times.
    failure: str = ""

    @property
    def best(self) -> float | None:
        return min(self.times_us, default=None)

    @property
    def spread(self) -> float | None:
        """(median - minimum) / minimum."""
        if not self.times_us:
            return None
        return statistics.median(self.times_us) / min(self.times_us) - 1


def call(function, values) -> list[np.ndarray]:
    """Calls and waits for all results."""
    return [np.asarray(result) for result in function(*values)]


def run_case(
    case: Case, dtype: str, modes: list[str], repeats: int, seconds: float
) -> list[Result]:
    """Measures one case. Every repeat goes through all modes for about ``seconds`` each."""
    built = case.build(dtype)
    expected = call(_compile(built, Mode(linker="py", optimizer="fast_compile")), built.values)
    results, functions = [], []
    for mode in modes:
        result = Result(case.name, dtype, mode)
        function = _prepare(result, built, expected)
        results.append(result)
        if function is not None:
            functions.append((function, result, _inner_count(function, built.values, seconds)))
    for _ in range(repeats):
        for function, result, count in functions:
            result.times_us.append(_time(function, built.values, count))
    return results


def _compile(built: Built, mode):
    function = pytensor.function(
        built.inputs, built.outputs, mode=mode, trust_input=True, on_unused_input="ignore"
    )
    return function


def _prepare(result: Result, built: Built, expected: list[np.ndarray]):
    """Compiles, calls once and compares; None with the reason in ``result.failure``."""
    start = time.perf_counter()
    try:
        function = _compile(built, result.mode)
        first = call(function, built.values)
    except Exception as error:
        result.failure = first_line(error)
        return None
    result.compile_s = time.perf_counter() - start
    result.error = max(map(_relative_error, first, expected))
    if not result.error < TOLERANCE[result.dtype]:
        result.failure = f"wrong values: relative error {result.error:.1e}"
        return None
    return function


def first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line}"


def _relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    if got.shape != expected.shape:
        return float("inf")
    scale = np.max(np.abs(expected), initial=0.0)
    return float(np.max(np.abs(got - expected), initial=0.0) / (scale if scale > 0 else 1.0))


def _time(function, values, count: int) -> float:
    """Microseconds per call, over ``count`` calls."""
    start = time.perf_counter()
    for _ in range(count):
        call(function, values)
    return (time.perf_counter() - start) / count * 1e6


def _inner_count(function, values, seconds: float) -> int:
    """How many calls fill the time; also warms up."""
    count, limit = 1, 1_000_000
    while count < limit:
        spent = _time(function, values, count) * 1e-6 * count
        if spent >= seconds / 4:
            return max(1, round(count * seconds / spent))
        count *= 4
    return limit
