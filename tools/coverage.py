"""Writes docs/coverage.md: which ops of PyTensor run where, found by lowering examples of each.

The examples are the rows of the fuzzer's table (tests/fuzz), on operands of every dtype.
Run it after ops were added: .venv/bin/python tools/coverage.py
"""

import importlib
import inspect
import pkgutil
import re
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytensor
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import get_mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Constant
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.traversal import ancestors
from pytensor.scalar.basic import ScalarOp
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.random.op import RandomVariable
from pytensor.tensor.type import TensorType

from gemmule.frontend import convert
from gemmule.frontend.expand import _EXPANSIONS
from gemmule.frontend.registry import _LOWERINGS

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "coverage.md"
sys.path.insert(0, str(ROOT / "tests"))

from fuzz.program import Draft, Refused  # noqa: E402
from fuzz.table import families  # noqa: E402

DTYPES = [
    "bool",
    *[f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)],
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
#: Examples of each row per dtype.
EXAMPLES = 1
#: Where ops are defined that a function can hold.
PACKAGES = ["compile", "ifelse", "raise_op", "scalar", "scan", "sparse", "tensor"]
#: Ops of PyTensor's own backends: C, in place, or for debugging.
NOT_FOR_OTHERS = ("blas_c", "blas_headers", "debug", "Print", "PdbBreakpoint", "rewriting")


@dataclass
class Found:
    """What examples of one op showed."""

    native: set[str] = field(default_factory=set)  # dtypes
    reasons: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ir: set[str] = field(default_factory=set)


# -- which ops there are ---------------------------------------------------------------------------


def op_classes() -> list[type]:
    """Every op class of PyTensor that is no base of others and can be part of a function."""
    for package in PACKAGES:
        module = importlib.import_module(f"pytensor.{package}")
        for item in pkgutil.walk_packages(getattr(module, "__path__", []), module.__name__ + "."):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    importlib.import_module(item.name)
                except ImportError:  # an optional dependency
                    continue
    classes, found = [Op], set()
    while classes:
        for child in classes.pop().__subclasses__():
            if child not in found:
                found.add(child)
                classes.append(child)
    return sorted(
        (c for c in found if _can_be_used(c)), key=lambda c: (c.__module__, c.__qualname__)
    )


def _can_be_used(op: type) -> bool:
    name = f"{op.__module__}.{op.__qualname__}"
    if not op.__module__.startswith("pytensor.") or "<locals>" in name:
        return False
    if any(part in name for part in NOT_FOR_OTHERS) or issubclass(op, ScalarOp):
        return False
    makes = op.make_node is not Op.make_node or issubclass(op, OpFromGraph | RandomVariable)
    base = any(child.__module__.startswith("pytensor.") for child in op.__subclasses__())
    runs = op.perform is not Op.perform or op.make_thunk is not Op.make_thunk
    return makes and not inspect.isabstract(op) and (runs or not base)


def scalar_ops() -> dict[str, ScalarOp]:
    found = {}
    for module in (pytensor.scalar.basic, pytensor.scalar.math):
        for value in vars(module).values():
            if isinstance(value, ScalarOp) and not isinstance(value, ScalarLoop):
                found.setdefault(type(value).__name__, value)
    return found


# -- examples --------------------------------------------------------------------------------------


def examples():
    """(dtype, inputs, outputs) of rows of the fuzzer's table, for operands of every dtype."""
    for rows in families().values():
        for number, row in enumerate(rows):
            for dtype in DTYPES:
                for example in range(EXAMPLES):
                    draft = Draft(Random(1000 * number + example), only_dtype=dtype)
                    try:
                        values = row.add(draft)
                    except Refused:
                        continue
                    inputs = [value.variable for value in draft.values if value.name[0] == "x"]
                    yield dtype, inputs, [value.variable for value in values]


def rewritten(inputs, outputs) -> FunctionGraph:
    """The graph as the linker gets it, ops that only rewrites make included."""
    shared = [v for v in ancestors(outputs) if isinstance(v, SharedVariable)]
    fgraph = FunctionGraph([*inputs, *shared], outputs, clone=True)
    mode = get_mode("GEMMULE")
    fgraph._compile_mode = mode
    mode.optimizer.rewrite(fgraph)
    return fgraph


def example_nodes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype, inputs, outputs in examples():
            yield from (v.owner for v in ancestors(outputs) if v.owner is not None)
            if dtype == "float64":
                yield from rewritten(inputs, outputs).apply_nodes


# -- what becomes of them --------------------------------------------------------------------------


def lower(node):
    """(IR ops, reasons for handing on) of a function that is this node alone."""
    inputs = [v if isinstance(v, Constant) else v.type() for v in node.inputs]
    copy = node.clone_with_new_inputs(inputs)
    given = [v for v in dict.fromkeys(inputs) if not isinstance(v, Constant)]
    fgraph = FunctionGraph(given, copy.outputs, clone=False)
    conversion = convert(fgraph)
    names = set()
    for stage in conversion.stages:
        if stage.segment is not None:
            names |= ops_of(stage.segment.graph)
    return names, [handed.reason for handed in conversion.handed_on]


def ops_of(graph) -> set[str]:
    """The ops of a graph; those that only make constants, sizes and casts are no news."""
    return set(re.findall(r" = (\w+)\(", str(graph))) - {"constant", "dim", "copy"}


def survey() -> dict[str, Found]:
    """Op name -> what its examples showed."""
    found: dict[str, Found] = defaultdict(Found)
    seen = set()
    for node in example_nodes():
        key = (
            node.op,
            tuple(v.type if not isinstance(v, Constant) else v.signature() for v in node.inputs),
        )
        if key in seen:
            continue
        seen.add(key)
        names, reasons = lower(node)
        dtype = next((v.type.dtype for v in node.inputs if isinstance(v.type, TensorType)), "")
        for name in names_of(node.op):
            entry = found[name]
            if reasons:
                for reason in reasons:
                    entry.reasons[reason.splitlines()[0]].add(dtype)
            else:
                entry.native.add(dtype)
                entry.ir |= names
    return found


def names_of(op) -> list[str]:
    """Under which names an op is counted: its class, and the scalar or core op that it applies."""
    names = [type(op).__name__]
    if isinstance(op, Elemwise):
        names.append("scalar " + type(op.scalar_op).__name__)
    elif isinstance(op, ScalarOp):
        names = ["scalar " + type(op).__name__]
    elif isinstance(op, Blockwise):
        names += names_of(op.core_op)
    return names


# -- the document ----------------------------------------------------------------------------------

#: Ops whose kernels are on the host only: the rows HOST(...) of the table.
HOST_ONLY = set(re.findall(r"^HOST\((\w+)", (ROOT / "src/ir/ops.def").read_text(), re.M))


def dtypes_text(dtypes: set[str]) -> str:
    """Dtypes by kind: "bool, int, float64"."""
    names = []
    for kind, sizes in (
        ("int", (8, 16, 32, 64)),
        ("uint", (8, 16, 32, 64)),
        ("float", (16, 32, 64)),
        ("complex", (64, 128)),
    ):
        present = [f"{kind}{size}" for size in sizes if f"{kind}{size}" in dtypes]
        names += [kind] if len(present) == len(sizes) else present
    return ", ".join((["bool"] if "bool" in dtypes else []) + names)


def _code(names) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def row_of(name: str, known: bool, inlined: bool, found: Found | None) -> str:
    if found is None or not (found.native or found.reasons):
        state = "inlined" if inlined else "native" if known else "handed on"
        note = "no example" if known and not inlined else "" if inlined else "no lowering"
        return f"| `{name}` | {state} | | | | {note} |"
    notes = [
        f"{reason} ({dtypes_text(dtypes)})" if dtypes - {""} and dtypes_text(dtypes) else reason
        for reason, dtypes in sorted(found.reasons.items())
    ]
    if not found.native:
        return f"| `{name}` | handed on | | | | {'; '.join(notes)} |"
    mlx = "CPU stream" if found.ir & HOST_ONLY else "CPU, GPU"
    state = "inlined" if inlined else "native"
    notes = ["handed on: " + note for note in notes]
    text = "; ".join(notes).replace("|", "\\|")
    return (
        f"| `{name}` | {state} | {dtypes_text(found.native)} | {_code(found.ir)} | {mlx} | {text} |"
    )


HEADING = """\
| op | runs | dtypes | in the IR | MLX executor | else |
| --- | --- | --- | --- | --- | --- |
"""


def tables() -> str:
    found = survey()
    sections = defaultdict(list)
    for op in op_classes():
        known = any(base in _LOWERINGS or base in _EXPANSIONS for base in op.__mro__)
        name = op.__qualname__
        row = row_of(name, known, issubclass(op, OpFromGraph) and not known, found.get(name))
        sections[op.__module__.removeprefix("pytensor.")].append(row)
    parts = [
        "## Scalar functions\n\nOf `pytensor.scalar`, in `Elemwise` and by themselves.\n\n"
        + HEADING
    ]
    rows = [
        row_of(name, False, False, found.get("scalar " + name)) for name in sorted(scalar_ops())
    ]
    parts[0] += "\n".join(rows) + "\n"
    for module, rows in sorted(sections.items()):
        parts.append(f"## {module}\n\n{HEADING}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


TEMPLATE = """\
# What runs where

Written by `tools/coverage.py`, which lowers examples of every op: the rows of the fuzzer's table
(`tests/fuzz`), on operands of every dtype.

- *native*: the core runs it, on both executors. What has kernels on the host only runs on MLX's CPU
  stream under the MLX executor.
- *inlined*: the graph inside of it is compiled as a part of the function.
- *handed on*: PyTensor's Python code runs it, between segments of the core.

The dtypes are those of the first operand that the examples were native for; the last column says
for which operands an op is handed on although others are native, and why.

{tables}"""


def document() -> str:
    text = TEMPLATE.format(tables=tables())
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
