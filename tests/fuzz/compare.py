"""One program through Gemmule and through PyTensor's Python linker.

How far values may be apart is found out, not guessed: the reference runs several times more, with
every float that a node computes moved by a few roundings at random. An element may differ by some
multiple of what that does to it. Where it turns a number into NaN, or changes an integer or a
shape, nothing is asked of the element. Everything else is equal: dtype, shape, integers, bools,
NaN, infinities, and the class of an error.
"""

import warnings
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.fg import FunctionGraph
from pytensor.link.basic import PerformLinker
from pytensor.scalar.basic import ScalarOp
from pytensor.tensor.elemwise import Elemwise

import gemmule
from fuzz.program import Source

REFERENCE = Mode("py", "fast_run").excluding("fusion", "inplace", "BlasOpt", "cxx_only")

#: Roundings by which a node's result is moved: arithmetic; functions of pytensor.scalar.math and
#: linear algebra, whose implementations differ.
ROUNDINGS, ROUNDINGS_OF_FUNCTIONS = 8, 256
#: How often, and what multiple of the largest movement is allowed.
RUNS, RUNS_TO_BE_SURE, MARGIN = 4, 60, 6


@dataclass
class Failure(Exception):
    kind: str  # value, dtype, shape, error, fallback, changed, alias, compile
    detail: str

    def __str__(self):
        return f"{self.kind}: {self.detail}"


@dataclass
class Report:
    ops: Counter = field(default_factory=Counter)
    fallbacks: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)


# -- the reference ---------------------------------------------------------------------------------


def _roundings(node) -> int:
    op = getattr(node.op, "scalar_op", node.op)
    op = getattr(op, "core_op", op)
    if isinstance(op, ScalarOp) and "scalar.basic" in type(op).__module__:
        return ROUNDINGS
    if isinstance(node.op, Elemwise) or "linalg" in type(op).__module__:
        return ROUNDINGS_OF_FUNCTIONS
    return ROUNDINGS


def _precision(node) -> float:
    """The largest rounding inside: that of its coarsest operand where it is a graph by itself."""
    if not hasattr(getattr(node.op, "core_op", node.op), "fgraph"):
        return 0.0
    dtypes = [np.dtype(v.type.dtype) for v in node.inputs if hasattr(v.type, "dtype")]
    return max((float(np.finfo(d).eps) for d in dtypes if d.kind in "fc"), default=0.0)


class Reference:
    """PyTensor's Python linker on a rewritten graph, with or without noise."""

    def __init__(self, function, fgraph: FunctionGraph | None = None):
        fgraph = fgraph or function.maker.fgraph
        #: Values of shared variables, such as generators, which come after the arguments.
        self.shared = [container.storage[0] for container in function.input_storage]
        _, self.inputs, self.outputs, self.thunks, self.order = (
            PerformLinker(allow_gc=False).accept(fgraph).make_all()
        )
        self.roundings = [_roundings(node) for node in self.order]
        self.precisions = [_precision(node) for node in self.order]

    def run(self, values: list, generator=None) -> list:
        values = [*values, *deepcopy(self.shared[len(values) :])]
        for container, value in zip(self.inputs, values, strict=True):
            value = np.array(value) if isinstance(value, np.ndarray) else value
            container.storage[0] = _moved(value, generator, 1)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for node, thunk, roundings, precision in zip(
                self.order, self.thunks, self.roundings, self.precisions, strict=True
            ):
                thunk()
                for cell, output in zip(thunk.outputs, node.outputs, strict=True):
                    cell[0] = _as_declared(cell[0], output)
                if generator is not None and not node.op.view_map:
                    for cell in thunk.outputs:
                        cell[0] = _moved(cell[0], generator, roundings, precision)
        return [np.array(container.storage[0]) for container in self.outputs]


def _as_declared(value, variable):
    """NumPy promotes where PyTensor declares that it does not, as for a running sum of int8."""
    if isinstance(value, np.ndarray) and value.dtype != variable.type.dtype:
        return value.astype(variable.type.dtype)
    return value


def _moved(value, generator, roundings: int, precision: float = 0.0):
    if generator is None or not isinstance(value, np.ndarray | np.floating | np.complexfloating):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        return value
    size = max(float(np.finfo(array.dtype).eps), precision) * roundings
    noise = generator.uniform(-size, size, array.shape)
    if array.dtype.kind == "c":
        noise = noise + 1j * generator.uniform(-size, size, array.shape)
        moved = np.where(np.isfinite(array), array * (1 + noise), array)
    else:
        moved = array * (1 + noise)
    moved = np.asarray(moved).astype(array.dtype)
    return moved if isinstance(value, np.ndarray) else moved[()]


def outcome(function, values) -> list | Exception:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = function(values)
    except Exception as error:
        return error
    return [np.asarray(result) for result in results]


# -- comparison ------------------------------------------------------------------------------------


def _allowed(want: np.ndarray, moved: list[np.ndarray]) -> np.ndarray | None:
    """How far each element may be off: infinite where noise decides; None if it changes sizes."""
    if any(other.shape != want.shape for other in moved):
        return None
    if want.dtype.kind not in "fc":
        changed = np.zeros(want.shape, bool)
        for other in moved:
            changed |= other != want
        return np.where(changed, np.inf, 0.0)
    info = np.finfo(want.dtype)
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    allowed = np.zeros(want.shape)
    exact = want.astype(wide)
    with np.errstate(all="ignore"):
        for other in moved:
            distance = np.abs(other.astype(wide) - exact)
            same = (exact == other) | (np.isnan(exact) & np.isnan(other))
            allowed = np.maximum(
                allowed, np.where(same, 0, np.where(np.isnan(distance), np.inf, distance))
            )
        size = np.where(np.isfinite(exact), np.abs(exact), 0)
    return MARGIN * allowed + 4 * float(info.eps) * size + 8 * float(info.tiny)


def _differs(got: np.ndarray, want: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if want.dtype.kind not in "fc":
            return (got != want) & ~np.isinf(allowed)
        wide = np.complex128 if want.dtype.kind == "c" else np.float64
        a, b = got.astype(wide), want.astype(wide)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        return ~same & ~(np.abs(a - b) <= allowed) & ~np.isinf(allowed)


def compare(got: list, want: list, moved: list[list]) -> Failure | None:
    for index, (a, b) in enumerate(zip(got, want, strict=True)):
        if a.dtype != b.dtype:
            return Failure("dtype", f"output {index} is {a.dtype}, not {b.dtype}")
        allowed = _allowed(b, [other[index] for other in moved])
        if allowed is None:
            continue
        if a.shape != b.shape:
            return Failure("shape", f"output {index} is {a.shape}, not {b.shape}")
        wrong = _differs(a, b, allowed)
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            return Failure(
                "value",
                f"output {index} has {a[at]!r} at {at}, not {b[at]!r} +- {allowed[at]:.3g}; "
                f"{int(wrong.sum())} of {wrong.size} differ",
            )
    return None


#: Errors of the reference where there is a result: NumPy takes no -1 for a size of an empty array.
NO_ERRORS = ["cannot reshape array of size 0"]


#: Of sizes that do not fit and of positions out of bounds. A call may have several such errors, of
#: which each side finds another one first; and the class of some is another one (docs/numerics.md).
ABOUT_SIZES = (AssertionError, IndexError, TypeError, ValueError)


def _same_error(got: Exception, want: Exception) -> bool:
    if isinstance(want, ABOUT_SIZES):
        return isinstance(got, (type(want), IndexError, ValueError))
    return isinstance(got, type(want))


# -- fallbacks -------------------------------------------------------------------------------------


def _check_fallbacks(compiled, report: Report) -> None:
    from fuzz.reasons import is_documented

    for item in compiled.fallbacks:
        report.fallbacks[f"{item.op.split('{')[0]}: {item.reason}"[:100]] += 1
        if not is_documented(item.reason) and not report.errors:
            raise Failure("fallback", f"{item.op}: {item.reason}")


# -- one program -----------------------------------------------------------------------------------


def check(source: Source, executor: str = "cpu", own_rewrites: bool = False) -> Report:
    """Runs a program both ways. Raises `Failure`.

    ``own_rewrites``: the reference is rewritten by its own mode, and does not share the graph.
    """
    report = Report()
    inputs, outputs, calls = source.build()
    gemmule.config.executor = executor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function = pytensor.function(inputs, outputs, mode="GEMMULE", on_unused_input="ignore")
        except Exception as error:
            return _check_error_of_compilation(source, error, report)
        compiled = function.vm.jit_fn.gemmule
        if own_rewrites:
            other = pytensor.function(inputs, outputs, mode=REFERENCE, on_unused_input="ignore")
            reference = Reference(other)
        else:
            reference = Reference(function, compiled.fgraph)
    for node in compiled.fgraph.apply_nodes:
        op = node.op
        report.ops[str(op.scalar_op if isinstance(op, Elemwise) else type(op).__name__)] += 1
    kept: list[tuple[list, list]] = []
    for arguments in calls:
        _check_call(function, reference, arguments, report, kept)
    for results, copies in kept:
        for result, copy in zip(results, copies, strict=True):
            if not np.array_equal(result, copy, equal_nan=copy.dtype.kind in "fc"):
                raise Failure("alias", "a later call changed the result of an earlier one")
    _check_fallbacks(compiled, report)
    return report


def _check_error_of_compilation(source, error, report) -> Report:
    inputs, outputs, _ = source.build()
    try:
        pytensor.function(inputs, outputs, mode=REFERENCE, on_unused_input="ignore")
    except Exception as expected:
        report.errors[f"while compiling: {type(expected).__name__}"] += 1
        return report
    raise Failure("compile", f"{type(error).__name__}: {error}") from error


def _check_call(function, reference: Reference, arguments, report: Report, kept) -> None:
    copies = [np.array(value) for value in arguments]
    want = outcome(reference.run, arguments)
    got = outcome(lambda values: function(*values), arguments)
    for value, copy in zip(arguments, copies, strict=True):
        if not np.array_equal(value, copy, equal_nan=copy.dtype.kind in "fc"):
            raise Failure("changed", "an argument was changed")
    if isinstance(want, Exception) or isinstance(got, Exception):
        _check_errors(got, want, reference, arguments, report)
        return
    for result in got:
        if any(np.may_share_memory(result, value) for value in arguments):
            raise Failure("alias", "a result lies in the memory of an argument")
    kept.append((got, [np.array(result) for result in got]))
    for runs in (RUNS, RUNS_TO_BE_SURE):
        failure = compare(got, want, _noisy(reference, arguments, runs))
        if failure is None:
            return
    if not _comes_of_collecting(function, arguments, want, reference):
        raise failure


def _comes_of_collecting(function, arguments, want, reference: Reference) -> bool:
    """Whether the results are as expected without the pass that makes x/2 of x - x/2.

    What is infinite stays infinite then, where inf - inf is NaN (docs/numerics.md).
    """
    if not any(result.dtype.kind in "fc" and np.isnan(result).any() for result in want):
        return False
    before = gemmule.config.disable
    wanted = list(arguments)
    gemmule.config.disable = [*before, "flatten"]
    try:
        fgraph = function.maker.fgraph
        graph = fgraph.clone()
        other = pytensor.function(
            graph.inputs, graph.outputs, mode="GEMMULE", on_unused_input="ignore"
        )
        arguments = [*arguments, *deepcopy(reference.shared[len(arguments) :])]
        got = outcome(lambda values: other(*values), arguments)
    finally:
        gemmule.config.disable = before
    if isinstance(got, Exception):
        return False
    return compare(got, want, _noisy(reference, wanted, RUNS_TO_BE_SURE)) is None


def _noisy(reference: Reference, arguments, runs: int) -> list[list]:
    generator = np.random.default_rng(runs)
    moved = (outcome(lambda v: reference.run(v, generator), arguments) for _ in range(runs))
    return [results for results in moved if not isinstance(results, Exception)]


def _check_errors(got, want, reference: Reference, arguments, report: Report) -> None:
    if isinstance(want, Exception) and isinstance(got, Exception):
        report.errors[f"{type(want).__name__} / {type(got).__name__}"] += 1
        if not _same_error(got, want):
            raise Failure(
                "error", f"{type(got).__name__}: {got}\ninstead of {type(want).__name__}: {want}"
            )
        return
    moved = _noisy(reference, arguments, RUNS_TO_BE_SURE)
    if 0 < len(moved) < RUNS_TO_BE_SURE:
        return  # noise decides whether there is an error
    if isinstance(want, Exception):
        if any(part in str(want) for part in NO_ERRORS):
            return
        raise Failure("error", f"none, instead of {type(want).__name__}: {want}")
    raise Failure("error", f"{type(got).__name__}: {got}")
