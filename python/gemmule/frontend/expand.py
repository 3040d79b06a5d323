"""The nodes of a function in the order in which they run, with inner graphs inlined."""

from collections.abc import Callable
from dataclasses import dataclass

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.traversal import io_toposort

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
