"""What became of a compiled function: kernels, what nearly matched, what Python runs."""

import json
from collections import Counter
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import mlx.core as mx

from gemmule import _core
from gemmule.compiled import CompiledFunction, CompiledSegment, nodes_in_python
from gemmule.drawing import Arrow, Box, draw
from gemmule.fallback import Fallback


def compiled_function(f) -> CompiledFunction:
    """The `CompiledFunction` behind a PyTensor function, or behind what PyMC wraps around one.

    Raises ``TypeError`` for anything that was not compiled with ``mode="GEMMULE"``.
    """
    return _pytensor_function(f).vm.jit_fn.gemmule


def _pytensor_function(f):
    seen = f
    for _ in range(4):
        jit_fn = getattr(getattr(seen, "vm", None), "jit_fn", None)
        if isinstance(getattr(jit_fn, "gemmule", None), CompiledFunction):
            return seen
        for attribute in ("f", "_pytensor_function", "fn", "func"):
            inner = getattr(seen, attribute, None)
            if inner is not None:
                seen = inner
                break
        else:
            break
    raise TypeError(f'{f!r} is not a function compiled with mode="GEMMULE"')


@dataclass(frozen=True)
class Kernel:
    """One kernel of the program.

    ``kernel`` is the name that `Explanation.counts` counts, ``op`` the op of the IR. ``equation``
    is what it computes, in the names of the program; ``pattern`` the equation of the rule that
    made it ("" where none had to); ``origin`` the node of the PyTensor graph that it comes from.
    ``operands`` and ``results`` are typed values: ``"%A: f64[3,4]"``. ``flops`` and ``bytes`` are
    numbers where all sizes are known, formulas such as ``"2*m*k*n"`` otherwise. ``depth`` is how
    many loops the kernel is in, whose own rows come before; it costs so much in every step then.
    """

    kernel: str
    op: str
    equation: str
    pattern: str
    origin: str
    node: int
    operands: list[str]
    results: list[str]
    flops: int | str
    bytes: int | str
    depth: int = 0

    @property
    def assignment(self) -> str:
        """The equation with the name of the result: ``"%5 = 0.5*A@B + C"``."""
        return f"{', '.join(text.partition(':')[0] for text in self.results)} = {self.equation}"


class Explanation:
    """The kernels of a compiled function, and what the core did not take.

    Sizes are symbols until they are known: from the arguments given to `explain`, or from the last
    shapes that the function was called with.
    """

    def __init__(self, compiled: CompiledFunction, graphs: list | None = None):
        self.compiled = compiled
        #: The IR of each segment of the program, in the order in which they run.
        self.graphs = graphs or [_latest(segment) for segment in _active(compiled)]
        self.kernels: list[Kernel] = [
            Kernel(**row) for graph in self.graphs for row in _core.kernels(graph)
        ]

    @property
    def counts(self) -> dict[str, int]:
        """How many kernels of each name the program has: ``{"gemm": 1}``."""
        return dict(Counter(kernel.kernel for kernel in self.kernels))

    @property
    def fallbacks(self) -> list[Fallback]:
        """Nodes that Python runs: node, op, reason, path."""
        return self.compiled.fallbacks

    @property
    def missed(self) -> list[dict]:
        """Patterns that almost matched: dicts of rule, node and the reason why it did not."""
        return [row for segment in _active(self.compiled) for row in segment.optimised.missed]

    @property
    def rules(self) -> dict[str, int]:
        """How often each rule fired."""
        total = Counter()
        for segment in _active(self.compiled):
            total.update(segment.optimised.fired)
        return dict(total)

    @property
    def passes(self) -> list[tuple[str, float]]:
        """(name, milliseconds) of every pass, in order."""
        total: dict[str, float] = {}
        for segment in _active(self.compiled):
            for name, seconds in segment.optimised.timings:
                total[name] = total.get(name, 0.0) + 1000 * seconds
        return list(total.items())

    @property
    def graph(self) -> str:
        """The IR of the program as text; its segments in order."""
        return "\n".join(str(graph) for graph in self.graphs)

    # -- as text ----------------------------------------------------------------------------------

    def text(self) -> str:
        """A table of the kernels, then what nearly matched, then what Python runs."""
        parts = [self._kernel_table()]
        if self.missed:
            lines = [f"  {row['rule']} at {row['node']}: {row['reason']}" for row in self.missed]
            parts.append("nearly matched:\n" + "\n".join(lines))
        if self.fallbacks:
            lines = [f"  {item.op} ({item.path}): {item.reason}" for item in self.fallbacks]
            parts.append("run in Python:\n" + "\n".join(lines))
        return "\n\n".join(parts)

    def _kernel_table(self) -> str:
        if not self.kernels:
            return "no kernels: nothing to compute"
        rows = [("pattern", "", "kernel", "result", "flops", "bytes")]
        for kernel in self.kernels:
            result = ", ".join(text.partition(": ")[2] for text in kernel.results)
            name = (
                "elementwise"
                if kernel.kernel == "elementwise"
                else long_name(kernel.kernel, kernel.op)
            )
            rows.append(
                (
                    shortened("  " * kernel.depth + kernel.assignment, 64),
                    "->",
                    name,
                    result,
                    _number(kernel.flops),
                    _number(kernel.bytes),
                )
            )
        outer = [kernel for kernel in self.kernels if kernel.depth == 0]
        if len(self.kernels) > 1 and all(isinstance(kernel.flops, int) for kernel in outer):
            total = [_sum(getattr(kernel, what) for kernel in outer) for what in ("flops", "bytes")]
            rows.append((f"{len(self.kernels)} kernels", "", "", "", *total))
        return aligned(rows)

    __str__ = text

    def __repr__(self) -> str:
        return f"<Explanation: {self.counts}; {nodes_in_python(len(self.fallbacks))}>"

    # -- as data ----------------------------------------------------------------------------------

    def to_dict(self) -> dict:
        """All of it as plain Python data."""
        return {
            "counts": self.counts,
            "kernels": [asdict(kernel) for kernel in self.kernels],
            "missed": self.missed,
            "fallbacks": [asdict(item) for item in self.fallbacks],
            "rules": self.rules,
            "passes": [{"name": name, "milliseconds": ms} for name, ms in self.passes],
            "graph": self.graph,
        }

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(self.to_dict(), indent=indent)

    # -- as a picture -----------------------------------------------------------------------------

    def svg(self, path=None) -> str:
        """The program as a picture: kernels as boxes, inputs and results as pills.

        Returns the text of the SVG and writes it to ``path`` where one is given.
        """
        text = _Picture(self).draw()
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_html_(self) -> str:
        return self.svg()


def explain(f, *args) -> Explanation:
    """Explains a function compiled with ``mode="GEMMULE"``; it need not have been called.

    With ``args``, what a call with these arguments runs: sizes, flops and bytes are numbers. The
    function is then run once on copies, and shared variables stay as they are. What PyMC wraps
    around a function (``model.compile_logp()``) takes a point there, as in a call. Raises
    ``TypeError`` for a function of another mode, and for arguments that a call would not take.
    """
    compiled = compiled_function(f)
    return Explanation(compiled, _graphs_for(compiled, f, args) if args else None)


# -- the graphs of the program --------------------------------------------------------------------


def _active(compiled: CompiledFunction) -> list[CompiledSegment]:
    """The segments that the core runs."""
    return [segment for segment in compiled.segments if not segment.runs_in_python]


def segments_and_steps(compiled: CompiledFunction) -> list[tuple]:
    """(segment or None, step) in order."""
    owners = [getattr(step.run, "__self__", None) for step in compiled.steps]
    return [
        (owner if isinstance(owner, CompiledSegment) else None, step)
        for owner, step in zip(owners, compiled.steps, strict=True)
    ]


def _latest(segment: CompiledSegment):
    """The graph that ran last, or the one for all sizes where none ran."""
    graph = segment.optimised.graph
    programs = segment.executable.programs
    if not programs:
        return graph
    # The head of the text names the types of the inputs.
    head = _core.Graph.parse(programs[-1].partition("{\n")[0] + "{\n  return\n}\n")
    try:
        return segment.executable.program_graph([head.shape(value) for value in head.inputs])
    except _core.UnsupportedError:  # sizes that depend on the values of inputs
        return graph


def _graphs_for(compiled: CompiledFunction, f, args) -> list:
    """The graphs that a call with these arguments runs."""
    registers = registers_of_call(compiled, f, args)
    graphs = []
    for segment, step in segments_and_steps(compiled):
        inputs = [registers[index] for index in step.inputs]
        if segment is not None and not segment.runs_in_python:
            graphs.append(segment.executable.specialised(inputs))
        for index, result in zip(step.outputs, step.run(inputs), strict=True):
            registers[index] = result
    return graphs


def registers_of_call(compiled: CompiledFunction, f, args) -> list:
    """The registers before the first step of a call, with copies of all inputs.

    What PyMC makes of a function takes a point: a dict of values by name, or all of them raveled.
    Raises TypeError for arguments that are too few or too many.
    """
    function = _pytensor_function(f)
    storages = function.input_storage
    explicit = [i for i, item in enumerate(function.maker.inputs) if not item.implicit]
    if len(args) == 1 and isinstance(args[0], dict):
        places = {storages[index].name: index for index in explicit}
        unknown = [name for name in args[0] if name not in places]
        if unknown:
            names = ", ".join(map(str, places))
            raise TypeError(f"the function has no input {unknown[0]!r}; it has: {names}")
        given = {places[name]: value for name, value in args[0].items()}
    else:
        if len(args) > len(explicit):
            raise TypeError(f"{len(args)} arguments for a function of {len(explicit)} inputs")
        given = dict(zip(explicit, args, strict=False))
    values = [container.data for container in storages]
    missing = [index for index in explicit if index not in given and values[index] is None]
    if missing:
        names = ", ".join(str(storages[i].name or f"input {explicit.index(i)}") for i in missing)
        raise TypeError(f"the function needs values of: {names}")
    for index, value in given.items():
        raveled = value.data if hasattr(value, "point_map_info") else value
        values[index] = storages[index].type.filter(raveled, allow_downcast=True)
    registers = compiled._template.copy()
    values = [value if type(value) is mx.array else deepcopy(value) for value in values]
    if compiled.generators is not None:
        values = compiled.generators.as_values(values)
    registers[: len(values)] = values
    return registers


# -- text -----------------------------------------------------------------------------------------


def long_name(kernel: str, op: str) -> str:
    """The name of a kernel that several ops share."""
    return kernel if op in ("fused", kernel) else f"{kernel} ({op})"


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _sum(numbers) -> str:
    """Nothing where one of them is a formula: the bytes may be that where the flops are known."""
    numbers = list(numbers)
    return _number(sum(numbers)) if all(isinstance(n, int) for n in numbers) else ""


def _number(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def aligned(rows: list[tuple], right: tuple[int, ...] = (-2, -1)) -> str:
    """Columns of text; those of ``right``, which hold numbers, are aligned at the right."""
    numbers = {column % len(rows[0]) for column in right}
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


# -- picture --------------------------------------------------------------------------------------

_KINDS = {
    "product": "gemm matmul gemv dot ger batched_gemm batched_matmul",
    "factorisation": "potrf trsm gesv getri getrf syevd",
    "elementwise": "elementwise",
    "reduction": "reduce scan",
    "loop": "loop",
}
KIND_OF_KERNEL = {kernel: kind for kind, kernels in _KINDS.items() for kernel in kernels.split()}


class _Picture:
    """Collects boxes and arrows. A source is a box and the label that arrows from it carry."""

    def __init__(self, explanation: Explanation):
        self.explanation = explanation
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []

    def draw(self) -> str:
        compiled = self.explanation.compiled
        sources: dict[int, tuple[int, str]] = {}  # of registers
        for register, variable in enumerate(compiled.conversion.inputs):
            sources[register] = (self._box("input", variable.name or f"input {register}"), "")
        graphs = iter(self.explanation.graphs)
        fallbacks = iter(compiled.fallbacks)
        for segment, step in segments_and_steps(compiled):
            inputs = [sources.get(register) for register in step.inputs]
            if segment is not None and not segment.runs_in_python:
                results = self._segment(next(graphs), inputs, len(step.outputs))
            else:
                what = "segment" if segment is not None else shortened(next(fallbacks).op, 40)
                results = [(self._box("python", what, ["in Python"]), "")] * len(step.outputs)
                self._connect(inputs, results[0][0] if results else None)
            sources.update(zip(step.outputs, results, strict=False))
        for variable, register in zip(compiled.fgraph.outputs, compiled._outputs, strict=True):
            if register in sources:
                pill = self._box("output", variable.name or "result")
                self._connect([sources[register]], pill)
        used = {arrow.source for arrow in self.arrows} | {arrow.target for arrow in self.arrows}
        return self._drawn(used)

    def _drawn(self, used: set[int]) -> str:
        """Without inputs that nothing reads."""
        kept = [i for i, box in enumerate(self.boxes) if i in used or box.kind != "input"]
        place = {old: new for new, old in enumerate(kept)}
        arrows = [Arrow(place[a.source], place[a.target], a.label) for a in self.arrows]
        title = ", ".join(f"{count} {name}" for name, count in self.explanation.counts.items())
        return draw([self.boxes[index] for index in kept], arrows, title)

    def _box(self, kind: str, title: str, lines=()) -> int:
        self.boxes.append(Box(kind, title, list(lines)))
        return len(self.boxes) - 1

    def _connect(self, sources, target: int | None) -> None:
        known = {(a.source, a.target) for a in self.arrows}
        for source in sources:
            if source is not None and target is not None and (source[0], target) not in known:
                known.add((source[0], target))
                self.arrows.append(Arrow(source[0], target, source[1]))

    def _segment(self, graph, inputs, outputs: int) -> list[tuple[int, str] | None]:
        """Adds the kernels of a graph; returns the sources of its outputs.

        What comes after the first ``outputs`` says whether checks hold.
        """
        nodes = graph.nodes
        rows = {row["node"]: Kernel(**row) for row in _core.kernels(graph) if row["depth"] == 0}
        sources = {}
        for value, source in zip(graph.inputs, inputs, strict=True):
            if source is not None:
                sources[value] = (source[0], source[1] or graph.type_text(value))
        for index, node in enumerate(nodes):
            if index in rows:
                box = self._kernel(rows[index])
                self._connect([self._operand(graph, v, sources) for v in node["inputs"]], box)
                sources.update((v, (box, graph.type_text(v))) for v in node["outputs"])
            elif node["op"] not in ("constant", "dim"):  # a view: what it looks at, reshaped
                source = self._operand(graph, node["inputs"][0], sources)
                if source is not None:
                    sources[node["outputs"][0]] = source
        results = [self._operand(graph, value, sources) for value in graph.outputs]
        for check in results[outputs:]:
            self._connect([check], self._box("output", "checks"))
        return results

    def _operand(self, graph, value, sources) -> tuple[int, str] | None:
        """The source of a value; arrays that are constants get a pill when first read."""
        if value not in sources:
            constant = graph.constant_value(value)
            if constant is not None and constant.size > 1:
                sources[value] = (self._box("input", "constant"), graph.type_text(value))
        return sources.get(value)

    def _kernel(self, kernel: Kernel) -> int:
        lines = [shortened(kernel.assignment, 44)]
        if kernel.flops:
            lines.append(f"{_number(kernel.flops)} flops")
        lines.append(f"{_number(kernel.bytes)} bytes")
        if all(isinstance(number, int) for number in (kernel.flops, kernel.bytes)):
            lines[1:] = [", ".join(lines[1:])]
        return self._box(
            KIND_OF_KERNEL.get(kernel.kernel, "movement"),
            long_name(kernel.kernel, kernel.op),
            lines,
        )
