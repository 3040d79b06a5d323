"""The nodes of a function in the order in which they run, with inner graphs inlined."""

from dataclasses import dataclass

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.traversal import io_toposort

from gemmule.frontend.registry import lowering_of


@dataclass
class Expanded:
    """Nodes in order; for each output of an inlined `OpFromGraph` the variable that computes it."""

    nodes: list[Apply]
    aliases: dict[Variable, Variable]

    def resolve(self, variable: Variable) -> Variable:
        while variable in self.aliases:
            variable = self.aliases[variable]
        return variable


def expand(nodes) -> Expanded:
    """Inlines every `OpFromGraph` among ``nodes``, recursively."""
    result = Expanded([], {})
    _expand_into(result, nodes)
    return result


def _expand_into(result: Expanded, nodes) -> None:
    for node in nodes:
        if not isinstance(node.op, OpFromGraph) or lowering_of(node.op) is not None:
            result.nodes.append(node)
            continue
        outputs = inline_ofg_node(node)
        _expand_into(result, io_toposort(node.inputs, outputs))
        result.aliases.update(zip(node.outputs, outputs, strict=True))
