"""The nodes of a function in the order in which they run, with inner graphs inlined."""

from collections.abc import Callable
from dataclasses import dataclass

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.basic import AllocDiag, alloc_diag
from pytensor.tensor.blockwise import Blockwise

from gemmule.frontend.registry import lowering_of

#: From a node to variables that compute its outputs in another way; None leaves the node as it is.
Expansion = Callable[[Apply], list[Variable] | None]

_EXPANSIONS: dict[type, Expansion] = {}


def expands(*op_types: type) -> Callable[[Expansion], Expansion]:
    """Registers the decorated function for these op classes and their subclasses."""

    def register(function: Expansion) -> Expansion:
        for op_type in op_types:
            _EXPANSIONS[op_type] = function
        return function

    return register


def expansion_of(op) -> Expansion | None:
    for op_type in type(op).__mro__:
        if op_type in _EXPANSIONS:
            return _EXPANSIONS[op_type]
    return None


@expands(OpFromGraph)
def inline(node: Apply) -> list[Variable] | None:
    return inline_ofg_node(node) if lowering_of(node.op) is None else None


@expands(Blockwise)
def inline_batch(node: Apply) -> list[Variable] | None:
    """The inner graph of a batch of `OpFromGraph`, with the batch in each of its nodes."""
    core = node.op.core_op
    if isinstance(core, AllocDiag):  # its inner graph depends on the number of dimensions
        batch = node.op.batch_ndim(node)
        axes = core.axis1 + batch, core.axis2 + batch
        return [alloc_diag(node.inputs[0], core.offset, *axes)]
    if not isinstance(core, OpFromGraph) or lowering_of(core) is not None:
        return None
    inner = core.fgraph
    if len(inner.inputs) != len(node.inputs):  # shared variables
        return None
    replacements = dict(zip(inner.inputs, node.inputs, strict=True))
    return vectorize_graph(inner.outputs, replacements)


@dataclass
class Expanded:
    """Nodes in order; for each output of a node that was replaced what computes it."""

    nodes: list[Apply]
    aliases: dict[Variable, Variable]

    def resolve(self, variable: Variable) -> Variable:
        while variable in self.aliases:
            variable = self.aliases[variable]
        return variable


def expand(nodes) -> Expanded:
    """Expands every one of ``nodes`` that has an expansion, recursively."""
    result = Expanded([], {})
    _expand_into(result, nodes)
    return result


def _expand_into(result: Expanded, nodes) -> None:
    for node in nodes:
        expansion = expansion_of(node.op)
        outputs = expansion(node) if expansion is not None else None
        if outputs is None:
            result.nodes.append(node)
            continue
        _expand_into(result, io_toposort(node.inputs, outputs))
        result.aliases.update(zip(node.outputs, outputs, strict=True))
