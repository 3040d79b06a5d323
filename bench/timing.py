"""How it is measured: one call after the other, all modes in turn, several times."""

import statistics
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytensor
from pytensor.compile.debug import profiling
from pytensor.compile.mode import Mode

from bench.case import Built, Case

#: Relative to the largest element of each output.
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}

#: Names of peers that are not PyTensor's names of modes.
MODES = {"C": "CVM"}

#: The peer that is no mode at all: `Case.direct`.
DIRECT = "cblas"

#: A repeat is measured in pieces of about so many seconds, of which the fastest counts. They are
#: short, so that some lie between the interruptions by others, and three at least: the first ones
#: still meet caches and waiting threads as the mode before left them.
PIECE = 0.002
PIECES = 3


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
    #: The largest error of an output relative to the reference.
    error: float | None = None
    #: Why there are no times.
    failure: str = ""
    #: How much of `compile_s` went into PyTensor's rewriting.
    rewriting_s: float | None = None
    #: Seconds of processor time per second, over all threads.
    cores: float | None = None
    #: Nodes that GEMMULE hands on to Python.
    fallbacks: int = 0
    #: As in the case.
    group: str = ""

    @property
    def best(self) -> float | None:
        return min(self.times_us, default=None)

    @property
    def spread(self) -> float | None:
        """(median - minimum) / minimum."""
        if not self.times_us:
            return None
        return statistics.median(self.times_us) / min(self.times_us) - 1

    @property
    def backend_ms(self) -> float | None:
        """Compiling and the first call without PyTensor's rewriting, in milliseconds."""
        if self.compile_s is None or self.rewriting_s is None:
            return None
        return 1e3 * (self.compile_s - self.rewriting_s)


def run_case(
    case: Case,
    dtype: str,
    modes: list[str],
    repeats: int,
    seconds: float,
    reference: str = "",
    compilations: int = 1,
    begins: Callable[[str], None] = lambda mode: None,
) -> list[Result]:
    """Measures one case. Every repeat goes through all modes for about ``seconds`` each.

    ``reference`` is the mode whose values are right, by default PyTensor's Python backend. GEMMULE
    is compiled ``compilations`` times; the fastest is the one that is told. ``begins`` hears of a
    mode before it is compiled, and before each time it is measured.
    """
    with pytensor.config.change_flags(floatX=dtype):
        built = case.build(dtype)
        expected = _reference(built, reference)
        results, timers = [], []
        for mode in modes:
            if mode == DIRECT and case.direct is None:
                continue
            result = Result(case.name, dtype, mode, group=case.group)
            results.append(result)
            begins(mode)
            if mode == DIRECT:
                timer = _prepare_direct(result, case, built, expected)
            else:
                times = compilations if mode == "GEMMULE" else 1
                timer = _prepare(result, case, built, expected, times)
            if timer is not None:
                timers.append((timer, result, *_counts(timer, seconds)))
        spent = {id(result): [0.0, 0.0] for _, result, *_ in timers}
        for turn in range(repeats):
            first = turn % max(1, len(timers))  # who comes after whom changes
            for timer, result, count, pieces in timers[first:] + timers[:first]:
                begins(result.mode)
                cpu, wall = time.process_time(), time.perf_counter()
                figures = [timer.timeit(count) / count for _ in range(pieces)]
                spent[id(result)][0] += time.process_time() - cpu
                spent[id(result)][1] += time.perf_counter() - wall
                result.times_us.append(1e6 * min(figures))
        for _, result, *_ in timers:
            cpu, wall = spent[id(result)]
            result.cores = cpu / wall if wall else None
    return results


def _reference(built: Built, mode: str) -> list[np.ndarray]:
    python = Mode(linker="py", optimizer="fast_compile")
    if mode == "C" and not pytensor.config.cxx:
        mode = ""
    function = _compile(built, MODES.get(mode, mode) or python)
    return [np.array(result) for result in function(*_copies(built.values))]


def _copies(values: list[np.ndarray]) -> list[np.ndarray]:
    return [value.copy() for value in values]


def _compile(built: Built, mode):
    function = pytensor.function(
        built.inputs, built.outputs, mode=mode, trust_input=True, on_unused_input="ignore"
    )
    return function


def _prepare(
    result: Result, case: Case, built: Built, expected: list[np.ndarray], compilations: int
) -> timeit.Timer | None:
    """Compiles, calls once and compares; None with the reason in ``result.failure``."""
    values = _copies(built.values) if case.donates else built.values
    try:
        for _ in range(compilations):
            function, first, compile_s, rewriting_s = compile_and_call(built, result.mode)
            backend_ms = 1e3 * (compile_s - rewriting_s)
            if result.backend_ms is None or backend_ms < result.backend_ms:
                result.compile_s, result.rewriting_s = compile_s, rewriting_s
    except Exception as error:
        result.failure = first_line(error)
        result.compile_s = result.rewriting_s = None
        return None
    if result.mode == "GEMMULE":
        result.fallbacks = _fallbacks(function)
    if not _right(result, first, expected):
        return None
    return _timer(function, values)


def compile_and_call(built: Built, mode: str) -> tuple[Callable, list[np.ndarray], float, float]:
    """The function, its first results, seconds of both, and how many of them were rewriting."""
    values = _copies(built.values)
    rewriting = profiling.total_graph_rewrite_time
    start = time.perf_counter()
    function = _compile(built, MODES.get(mode, mode))
    first = [np.asarray(result) for result in function(*values)]
    seconds = time.perf_counter() - start
    return function, first, seconds, profiling.total_graph_rewrite_time - rewriting


def _prepare_direct(
    result: Result, case: Case, built: Built, expected: list[np.ndarray]
) -> timeit.Timer | None:
    try:
        function = case.direct(_copies(built.values))
        first = function()
    except (OSError, AttributeError) as error:
        result.failure = first_line(error)
        return None
    return _timer(function, []) if _right(result, first, expected) else None


def _right(result: Result, got: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    result.error = max(map(_relative_error, got, expected))
    if result.error < TOLERANCE[result.dtype]:
        return True
    result.failure = f"wrong values: relative error {result.error:.1e}"
    return False


def _fallbacks(function) -> int:
    from gemmule.explain import compiled_function

    return len(compiled_function(function).fallbacks)


def first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line}"


def _relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    if got.shape != expected.shape:
        return float("inf")
    scale = np.max(np.abs(expected), initial=0.0)
    error = float(np.max(np.abs(got - expected), initial=0.0) / (scale if scale > 0 else 1.0))
    return float("inf") if np.isnan(error) else error


def _timer(function, values: list[np.ndarray]) -> timeit.Timer:
    """Calls the function with as little around it as possible, and waits for its results."""
    names = {f"value{number}": value for number, value in enumerate(values)}
    call = f"function({', '.join(names)})"
    wait = _wait_for(function(*values))
    return timeit.Timer(
        f"wait({call})" if wait else call, globals={"function": function, "wait": wait, **names}
    )


def _wait_for(results) -> Callable | None:
    """What waits for results such as these; None where they are there already."""
    if all(isinstance(result, np.ndarray | np.generic) for result in results):
        return None
    if all(hasattr(result, "block_until_ready") for result in results):
        return lambda results: [result.block_until_ready() for result in results]
    return lambda results: [np.asarray(result) for result in results]


def _counts(timer: timeit.Timer, seconds: float) -> tuple[int, int]:
    """How many calls make a piece, and how many pieces fill the time; also warms up."""
    piece = min(PIECE, seconds / PIECES)
    count = 1
    while (spent := timer.timeit(count)) < piece / 4:
        count *= 4
    count = max(1, round(count * piece / spent))
    return count, max(PIECES, round(seconds / (timer.timeit(count) or piece)))
