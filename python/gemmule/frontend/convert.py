"""From a PyTensor graph to segments of IR, and the nodes between them that Python runs.

Nodes are lowered in order into one graph. Where all of them could be, that graph is the program. A
node that could not is handed on, and the graph is cut there: what it needs is computed by the
segments before, what needs it by the segments after. The same cut is made where a size depends on
computed data: the next segment gets the size as an input.
"""

from dataclasses import dataclass, field

import numpy as np
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.printing import Print
from pytensor.scalar.basic import ScalarType
from pytensor.tensor.type import TensorType
from pytensor.tensor.type_other import NoneTypeT

from gemmule.frontend.builder import Builder, SizeFromData
from gemmule.frontend.expand import Expanded, Guard, expand
from gemmule.frontend.generators import DTYPE as GENERATOR
from gemmule.frontend.generators import GeneratorUses, copied, generator_uses, is_generator
from gemmule.frontend.registry import lowering_of, unsupported
from gemmule.frontend.sparse_parts import Sparse, is_sparse

DTYPES = frozenset(
    {"bool", "float16", "float32", "float64", "complex64", "complex128"}
    | {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
)


@dataclass
class Segment:
    """A part of the function that the core runs."""

    builder: Builder = field(default_factory=Builder)
    uses: GeneratorUses = field(default_factory=GeneratorUses)
    inputs: list[Variable] = field(default_factory=list)
    outputs: list[Variable] = field(default_factory=list)
    nodes: list[Apply] = field(default_factory=list)
    #: IR value of each variable that is known in this segment.
    values: dict[Variable, int] = field(default_factory=dict)
    #: One more output, bool[]: all checks hold. None without checks.
    all_hold: int | None = None

    @property
    def graph(self):
        return self.builder.graph

    @property
    def checks(self) -> list[tuple[int, Apply]]:
        return self.builder.checks


@dataclass
class HandedOn:
    """A node that Python runs, and why."""

    node: Apply
    reason: str
    #: What has to hold for it to run.
    guards: tuple[Guard, ...] = ()


@dataclass
class Stage:
    """A segment (None when empty), then nodes handed on, in order."""

    segment: Segment | None
    nodes: list[HandedOn]


@dataclass
class Conversion:
    inputs: list[Variable]
    outputs: list[Variable]
    stages: list[Stage]
    expanded: Expanded
    uses: GeneratorUses
    #: Sparse inputs, and the parts that they are split into.
    split: list[tuple[Variable, Sparse]] = field(default_factory=list)
    #: Sparse outputs, and the parts that they are put together from.
    joined: list[tuple[Variable, Sparse]] = field(default_factory=list)

    @property
    def handed_on(self) -> list[HandedOn]:
        return [handed for stage in self.stages for handed in stage.nodes]


def ir_type(variable: Variable) -> tuple[str, tuple] | None:
    """dtype and shape of a tensor, scalar or generator variable, None for other types."""
    type_ = variable.type
    if isinstance(type_, TensorType) and not is_sparse(variable) and type_.dtype in DTYPES:
        return type_.dtype, type_.shape
    if isinstance(type_, ScalarType) and type_.dtype in DTYPES:
        return type_.dtype, ()
    if is_generator(variable):
        return GENERATOR, ()
    return None


def _is_none(variable: Variable) -> bool:
    return isinstance(variable.type, NoneTypeT)


def name_of(node: Apply) -> str:
    """What messages call a node: the name that the user gave to its result, else the op."""
    for output in node.outputs:
        if output.name:
            return output.name
    text = str(node.op)
    return text if len(text) <= 60 else text[:57] + "..."


def convert(fgraph, moved=()) -> Conversion:
    """Lowers all nodes of a `FunctionGraph`, which is not changed.

    ``moved`` are the inputs, generators, whose state may be moved on.
    """
    expanded = expand(fgraph.toposort(), fgraph.outputs)
    inputs = list(fgraph.inputs)
    outputs = [expanded.value_of(output) for output in fgraph.outputs]
    split = [(v, expanded.sparse[v]) for v in inputs if v in expanded.sparse]
    joined = [(v, expanded.sparse[v]) for v in dict.fromkeys(outputs) if v in expanded.sparse]
    joined = [(v, parts) for v, parts in joined if v.owner is not None]
    read = [v for v in outputs if v not in dict(joined)]
    read += [expanded.resolve(part) for _, parts in joined for part in parts.variables]
    uses = generator_uses(expanded.nodes, inputs, outputs, moved, expanded.resolve)

    whole = Segment(uses=uses)
    reasons: dict[Apply, str] = {}
    cuts: dict[Apply, set[Variable]] = {}
    for node in expanded.nodes:
        try:
            cuts_of_node = _lower_into(whole, node, expanded)
        except (ValueError, TypeError, NotImplementedError, IndexError) as error:
            reasons[node] = str(error) or type(error).__name__
        else:
            if cuts_of_node:
                cuts[node] = cuts_of_node

    if not reasons and not cuts:
        stages = [Stage(whole, [])] if whole.nodes else []
    else:
        stages = _cut(expanded, reasons, cuts, uses)
    for stage in stages:
        if stage.segment is not None:
            _set_outputs(stage.segment, stages, read, expanded)
    return Conversion(inputs, outputs, stages, expanded, uses, split, joined)


# -- one node --------------------------------------------------------------------------------------


def _value_of(segment: Segment, variable: Variable) -> int:
    """The value of a variable in this segment; a variable from elsewhere becomes an input.

    Of a generator, a value that the caller alone reads.
    """
    if is_generator(variable):
        if isinstance(variable, Constant):
            raise unsupported("a generator that is a constant")
        if variable not in segment.values:
            segment.values[variable] = _import(segment, variable)
        value = segment.values[variable]
        return value if segment.uses.may_move(variable) else copied(value, segment.builder)
    if variable in segment.values:
        return segment.values[variable]
    if isinstance(variable, Constant):
        value = segment.builder.constant(np.asarray(variable.data, dtype=variable.type.dtype))
    else:
        value = _import(segment, variable)
    segment.values[variable] = value
    return value


def _import(segment: Segment, variable: Variable) -> int:
    dtype, shape = ir_type(variable)
    segment.inputs.append(variable)
    return segment.builder.input(dtype, shape, variable.name or "")


def _lower_into(segment: Segment, node: Apply, expanded: Expanded) -> set[Variable]:
    """Adds a node to a segment and returns the variables that have to be inputs of its segment."""
    lowering = lowering_of(node.op)
    if lowering is None:
        if isinstance(node.op, Print):
            raise unsupported("it prints, which Python does")
        if any(is_sparse(variable) for variable in (*node.inputs, *node.outputs)):
            raise unsupported(f"no lowering of {type(node.op).__name__} of sparse matrices")
        raise unsupported(f"no lowering of {type(node.op).__name__}")
    operands = [expanded.resolve(variable) for variable in node.inputs]
    for variable in (*operands, *node.outputs):
        if ir_type(variable) is None and not (_is_none(variable) and variable in operands):
            raise unsupported(f"a value of type {variable.type}")
    builder = segment.builder
    builder.origin = name_of(node)
    builder.may_cut = expanded.lazy
    inputs = [None if _is_none(v) else _value_of(segment, v) for v in operands]
    cuts: set[Variable] = set()
    checks = len(builder.checks)
    while True:
        try:
            results = lowering(node, inputs, builder)
            break
        except SizeFromData as size:
            del builder.checks[checks:]
            # Found out while everything is in one graph, which will be cut: stand in for the input.
            variables = {
                v for v, value in zip(operands, inputs, strict=True) if value == size.value
            }
            if not variables or variables & cuts:
                raise unsupported("a size depends on computed data") from None
            cuts |= variables
            stand_ins = {v: builder.input(*ir_type(v)) for v in variables}
            inputs = [stand_ins.get(v, value) for v, value in zip(operands, inputs, strict=True)]
    for variable, value in zip(node.outputs, results, strict=True):
        dtype, shape = ir_type(variable)
        if builder.dtype(value) != dtype:
            raise unsupported(f"the core computes {builder.dtype(value)} where {dtype} is declared")
        segment.values[variable] = builder.with_ones(value, shape)
    _guard_checks(segment, expanded.guards_of(node), checks)
    segment.nodes.append(node)
    return cuts


# -- branches --------------------------------------------------------------------------------------


def _guarded(segment: Segment, value: int, guards: tuple[Guard, ...], otherwise: int) -> int:
    """``value`` where all guards hold. Nothing that makes it is computed elsewhere."""
    for condition, taken in reversed(guards):
        condition = _value_of(segment, condition)
        branches = [value, otherwise] if taken else [otherwise, value]
        is_known = condition in segment.graph.inputs
        value = segment.builder.add("choose_branch", condition, *branches, static=is_known)
    return value


def _guard_checks(segment: Segment, guards: tuple[Guard, ...], first: int) -> None:
    """The checks from the ``first`` on are made in a branch: they hold where it is not taken."""
    checks = segment.builder.checks
    if guards and len(checks) > first:
        holds = segment.builder.constant(np.array(True))
        checks[first:] = [
            (_guarded(segment, condition, guards, holds), node)
            for condition, node in checks[first:]
        ]


def _placeholder(segment: Segment, variable: Variable) -> int:
    """What stands for a result that is not computed."""
    return segment.builder.constant(placeholder(variable))


def placeholder(variable: Variable):
    """A value of the type of a variable that nobody reads."""
    kind = ir_type(variable)
    if kind is None:
        return None
    dtype, shape = kind
    return np.zeros([size or 0 for size in shape], dtype=dtype)


# -- segments --------------------------------------------------------------------------------------


def _cut(expanded: Expanded, reasons, cuts, uses: GeneratorUses) -> list[Stage]:
    """Stages in order. A segment computes as early as it can."""
    native: dict[Variable, int] = {}  # first segment that has the variable
    python: dict[Variable, int] = {}  # first stage whose handed-on nodes have it
    segments: dict[int, Segment] = {}
    handed: dict[int, list[HandedOn]] = {}
    for node in expanded.nodes:
        operands = [expanded.resolve(variable) for variable in node.inputs]
        if node not in reasons:
            wanted = cuts.get(node, ())
            level = max((native.get(v, 0) + (v in wanted) for v in operands), default=0)
            # A branch waits for its condition.
            for condition, _ in expanded.guards_of(node):
                level = max(level, native.get(condition, -1) + 1)
            _lower_into(segments.setdefault(level, Segment(uses=uses)), node, expanded)
            native.update((output, level) for output in node.outputs)
            python.update((output, level) for output in node.outputs)
        else:
            guards = expanded.guards_of(node)
            operands += [condition for condition, _ in guards]
            level = max((python.get(v, 0) for v in operands), default=0)
            handed.setdefault(level, []).append(HandedOn(node, reasons[node], guards))
            native.update((output, level + 1) for output in node.outputs)
            python.update((output, level) for output in node.outputs)
    levels = sorted(segments.keys() | handed.keys())
    return [Stage(segments.get(level), handed.get(level, [])) for level in levels]


def _set_outputs(segment: Segment, stages, outputs, expanded: Expanded) -> None:
    """The outputs of a segment: what the caller, other segments and handed-on nodes read of it."""
    made = {output for node in segment.nodes for output in node.outputs}
    readers = list(outputs)
    for stage in stages:
        if stage.segment is not None:
            readers += stage.segment.inputs
        for handed in stage.nodes:
            readers += [expanded.resolve(variable) for variable in handed.node.inputs]
            readers += [condition for condition, _ in handed.guards]
    segment.outputs = list(dict.fromkeys(v for v in readers if v in made))
    builder = segment.builder
    # What inlining makes an input by another name must not share its memory.
    given = set(segment.graph.inputs)
    values = [segment.values[variable] for variable in segment.outputs]
    values = [builder.add("copy", value) if value in given else value for value in values]
    guards = {output: expanded.guards_of(node) for node in segment.nodes for output in node.outputs}
    values = [
        _guarded(segment, value, guards[v], _placeholder(segment, v)) if guards[v] else value
        for v, value in zip(segment.outputs, values, strict=True)
    ]
    if builder.checks:
        builder.origin = "checks"
        all_hold = builder.checks[0][0]
        for condition, _ in builder.checks[1:]:
            all_hold = builder.add("bitwise_and", all_hold, condition)
        segment.all_hold = all_hold
        values.append(all_hold)
    segment.graph.set_outputs(values)
