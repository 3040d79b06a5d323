"""Loops: PyTensor's `Scan` as the IR's `scan`, whose body is compiled once."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.scan.op import Scan

from gemmule.frontend.expand import Expanded, expand, expands
from gemmule.frontend.generators import generator_uses
from gemmule.frontend.registry import lowers, unsupported


def _positions(taps) -> list[int]:
    """Taps counted from the first element that is read."""
    return [tap - min(taps) for tap in taps]


def _clause(kind: str, reads, writes) -> str:
    return " ".join([kind, *map(str, reads), "->", *map(str, writes)])


def _states(info) -> list[str]:
    """A clause of the attribute `states` for every state, in the order of the outputs."""
    clauses = []
    for reads, writes in zip(info.mit_mot_in_slices, info.mit_mot_out_slices, strict=True):
        first = min(reads)
        clauses.append(_clause("update", _positions(reads), [tap - first for tap in writes]))
    for taps in (*info.mit_sot_in_slices, *info.sit_sot_in_slices):
        clauses.append(_clause("trace", _positions(taps), [-min(taps)]))
    clauses += ["output -> 0"] * info.n_nit_sot
    clauses += ["update 0 -> 0"] * info.n_untraced_sit_sot
    return clauses


class _Body:
    """The graph of one step."""

    def __init__(self, op: Scan):
        from gemmule.frontend.convert import Segment, ir_type

        self.op = op
        self.segment = Segment()
        self.builder = self.segment.builder
        inputs = op.fgraph.inputs
        constants = len(inputs) - op.info.n_non_seqs
        for index, variable in enumerate(inputs):
            kind = ir_type(variable)
            if kind is None:
                raise unsupported(f"a value of type {variable.type} in a loop")
            make = self.builder.input if index >= constants else self.builder.data_input
            self.segment.values[variable] = make(*kind, variable.name or "")
        self._lower_nodes()
        self.outputs = [self._value(variable) for variable in op.fgraph.outputs]

    def _lower_nodes(self) -> None:
        from gemmule.frontend.convert import _lower_into

        graph = self.op.fgraph
        self._expanded = expand(graph.toposort())
        # A state is read by its own step only; what does not change is read by all of them.
        states = graph.inputs[: len(graph.inputs) - self.op.info.n_non_seqs]
        self.segment.uses = generator_uses(
            self._expanded.nodes, graph.inputs, graph.outputs, states, self._expanded.resolve
        )
        for node in self._expanded.nodes:
            if _lower_into(self.segment, node, self._expanded):
                raise unsupported("a size in a loop depends on what its steps compute")

    def _value(self, variable) -> int:
        from gemmule.frontend.convert import _value_of

        return _value_of(self.segment, self._expanded.resolve(variable))

    def graph(self, clauses: list[str], until: int | None):
        """The graph, one bool[] more per check in it: whether it has held in all steps so far."""
        outputs = list(self.outputs[: len(self.outputs) - (until is not None)])
        reads = []
        for condition, _ in self.builder.checks:
            so_far = self.builder.data_input("bool", ())
            outputs.append(self.builder.add("bitwise_and", so_far, condition))
            reads.append(so_far)
            clauses.append("update 0 -> 0")
        if until is not None:
            outputs.append(self.builder.cast(until, "bool"))
        graph = self.builder.graph
        graph.set_outputs(outputs)
        if reads:
            constants = self.op.info.n_non_seqs
            inputs = [value for value in graph.inputs if value not in reads]
            states = len(inputs) - constants
            graph.set_inputs([*inputs[:states], *reads, *inputs[states:]])
        return graph


class WholeScan(Op):
    """A `Scan` that may stop early, with the buffers of its outputs whole.

    Outputs: those of the `Scan`; then, for each that grows with the steps, how many of its elements
    count, int64[].
    """

    __props__ = ("scan",)

    def __init__(self, scan: Scan):
        self.scan = scan
        self._function = None

    def make_node(self, *inputs):
        node = self.scan.make_node(*inputs)
        outputs = [variable.type() for variable in node.outputs]
        first, last = self.traced()
        for index in range(first, last):
            type_ = node.outputs[index].type
            outputs[index] = type_.clone(shape=(None, *type_.shape[1:]))()
        return Apply(self, list(inputs), [*outputs, *(pt.lscalar() for _ in range(first, last))])

    def traced(self) -> tuple[int, int]:
        """The outputs that may be cut: from, to."""
        info = self.scan.info
        return info.n_mit_mot, info.n_mit_mot + info.n_mit_sot + info.n_sit_sot + info.n_nit_sot

    def perform(self, node, inputs, output_storage):
        if self._function is None:
            variables = [variable.type() for variable in node.inputs]
            outputs = self.scan(*variables, return_list=True)
            self._function = pytensor.function(variables, outputs, mode=Mode("py", None))
        results = self._function(*inputs)
        first, last = self.traced()
        results += [np.asarray(results[index].shape[0], "int64") for index in range(first, last)]
        for cell, result in zip(output_storage, results, strict=True):
            cell[0] = result


@expands(Scan)
def cut_at_the_end(node: Apply, expanded: Expanded) -> list | None:
    """A loop with a condition: what it computes, cut to the steps that it ran."""
    if not node.op.info.as_while:
        return None
    whole = WholeScan(node.op)
    outputs = whole(*node.inputs, return_list=True)
    results, lengths = outputs[: len(node.outputs)], outputs[len(node.outputs) :]
    first, _ = whole.traced()
    for index, length in enumerate(lengths, start=first):
        results[index] = results[index][:length]
    return results


@lowers(Scan)
def lower_scan(node: Apply, inputs: list[int], builder) -> list[int]:
    return lower_loop(node.op, inputs, builder)


@lowers(WholeScan)
def lower_whole_scan(node: Apply, inputs: list[int], builder) -> list[int]:
    op = node.op.scan
    *results, ran = lower_loop(op, inputs, builder)
    first, last = node.op.traced()
    steps = builder.cast(inputs[0], "int64")
    missing = builder.add("subtract", steps, ran)
    starts = [-min(taps) for taps in (*op.info.mit_sot_in_slices, *op.info.sit_sot_in_slices)]
    starts += [0] * op.info.n_nit_sot
    for result, start in zip(results[first:last], starts, strict=True):
        length = builder.dim(result, 0)
        written = builder.add("add", ran, builder.integer(start))
        cut = builder.add("subtract", length, missing)
        longer = builder.add("greater", length, written)
        results.append(builder.add("where", longer, cut, length))
    return results


def lower_loop(op: Scan, inputs: list[int], builder) -> list[int]:
    """The outputs of a `Scan`; with a condition also the number of steps that were run, int64[]."""
    info = op.info
    body = _Body(op)
    until = body.outputs[-1] if info.as_while else None
    clauses = _states(info)
    graph = body.graph(clauses, until)

    def operands(first: int, count: int) -> list[int]:
        return inputs[first : first + count]

    steps = builder.cast(inputs[0], "int64")
    buffers = info.n_mit_mot + info.n_mit_sot + info.n_sit_sot
    sequences = operands(1, info.n_seqs)
    at = 1 + info.n_seqs
    traced = operands(at, buffers)
    at += buffers
    single = [builder.expand_dims(v, [0]) for v in operands(at, info.n_untraced_sit_sot)]
    at += info.n_untraced_sit_sot
    lengths = [_length(value, steps, builder) for value in operands(at, info.n_nit_sot)]
    at += info.n_nit_sot
    constants = operands(at, info.n_non_seqs)

    first = len(graph.inputs) - len(constants)
    for index in graph.static_value_inputs():
        if index < first:
            raise unsupported("a size in a loop depends on what its steps compute")
        builder.size(constants[index - first])

    true = [builder.constant(np.ones(1, "bool")) for _ in body.builder.checks]
    results = builder.add_all(
        "scan",
        [steps, *sequences, *traced, *lengths, *single, *true, *constants],
        {
            "body": graph,
            "sequences": info.n_seqs,
            "states": "; ".join(clauses),
            **({"until": True} if until is not None else {}),
        },
    )
    states = buffers + info.n_nit_sot
    ends = states + info.n_untraced_sit_sot
    for result, (_, inner) in zip(results[ends:], body.builder.checks, strict=False):
        builder.checks.append((builder.squeeze(result, [0]), inner))
    return [
        *results[:states],
        *(builder.squeeze(result, [0]) for result in results[states:ends]),
        *results[ends + len(true) :],
    ]


def _length(length: int, steps: int, builder) -> int:
    """Of an output: none without steps."""
    some = builder.add("greater", steps, builder.integer(0))
    length = builder.cast(length, "int64")
    return builder.size(builder.add("multiply", length, builder.cast(some, "int64")))
