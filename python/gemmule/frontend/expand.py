"""The nodes of a function in the order in which they run, in terms of tensors that the core has.

Inner graphs are inlined, and a node that is several steps for the core is replaced by them: see
`expands`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.conditional.op import IfElse
from pytensor.graph.basic import Apply, Variable

from gemmule.frontend.registry import lowering_of
from gemmule.frontend.sparse_parts import Sparse

#: A condition of an `IfElse`, and whether it must hold.
Guard = tuple[Variable, bool]


@dataclass
class Expanded:
    """Nodes in order; for each output of a replaced node the variable that computes it."""

    nodes: list[Apply] = field(default_factory=list)
    aliases: dict[Variable, Variable] = field(default_factory=dict)
    #: What has to hold for a node to be needed: it is in branches only. Outermost condition first.
    guards: dict[Apply, tuple[Guard, ...]] = field(default_factory=dict)
    #: Whether the graph may be cut, so that only the branch that is taken runs.
    lazy: bool = False
    #: The parts of sparse matrices.
    sparse: dict[Variable, Sparse] = field(default_factory=dict)
    #: Nodes of the original graph and new ones that have been dealt with.
    done: set[Apply] = field(default_factory=set)

    def resolve(self, variable: Variable) -> Variable:
        while variable in self.aliases:
            variable = self.aliases[variable]
        return variable

    def value_of(self, variable: Variable) -> Variable:
        """As `resolve`, but a matrix that is known in its parts stays."""
        while variable in self.aliases and variable not in self.sparse:
            variable = self.aliases[variable]
        return variable

    def guards_of(self, node: Apply) -> tuple[Guard, ...]:
        return self.guards.get(node, ())


#: node, what is known so far -> what computes its outputs (`Sparse` for a sparse matrix), or None
#: to keep the node.
Expansion = Callable[[Apply, Expanded], list | None]

_EXPANSIONS: dict[type, Expansion] = {}


def expands(*op_types: type) -> Callable[[Expansion], Expansion]:
    """Registers the decorated function for nodes of these op classes and their subclasses."""

    def register(function: Expansion) -> Expansion:
        for op_type in op_types:
            _EXPANSIONS[op_type] = function
        return function

    return register


def expand(nodes, outputs=None) -> Expanded:
    """Replaces nodes among ``nodes``, recursively.

    With the ``outputs`` of the function given it finds out which nodes are in branches only.
    """
    result = Expanded(lazy=outputs is not None)
    _expand_into(result, nodes)
    if outputs is not None:
        roots = []
        for output in map(result.value_of, outputs):
            roots += result.sparse[output].variables if output in result.sparse else [output]
        _drop_unused(result, roots)
        _find_guards(result, roots)
    return result


def _expand_into(result: Expanded, nodes) -> None:
    for node in nodes:
        replacement = _replacement(node, result)
        if replacement is None:
            _give_matrices(result, node)
            _keep(result, node)
            continue
        roots = []
        for new in replacement:
            roots += new.variables if isinstance(new, Sparse) else [new]
        _expand_into(result, _new_nodes(result, node, roots))
        for old, new in zip(node.outputs, replacement, strict=True):
            if isinstance(new, Sparse):
                result.sparse[old] = new
            elif old is not new:
                result.aliases[old] = new
        result.done.add(node)


def _keep(result: Expanded, node: Apply) -> None:
    result.nodes.append(node)
    result.done.add(node)


def _new_nodes(result: Expanded, replaced: Apply, roots) -> list[Apply]:
    """What computes ``roots`` and is not there yet, in order."""
    given = set(replaced.inputs)
    ordered: dict[Apply, None] = {}

    def is_new(variable: Variable) -> bool:
        owner = variable.owner
        return variable not in given and owner is not None and owner not in result.done

    for root in roots:
        stack = [root.owner] if is_new(root) else []
        while stack:
            node = stack[-1]
            before = [v.owner for v in node.inputs if is_new(v) and v.owner not in ordered]
            if before:
                stack += before
            else:
                ordered.setdefault(stack.pop())
    return list(ordered)


def _give_matrices(result: Expanded, node: Apply) -> None:
    """Puts sparse matrices together that Python needs as a whole."""
    for variable in node.inputs:
        whole = result.value_of(variable)
        parts = result.sparse.get(whole)
        if parts is None or whole.owner is None or whole in result.aliases:
            continue
        matrix = parts.as_variable()
        for new in _new_nodes(result, node, [matrix]):
            _keep(result, new)
        result.aliases[whole] = matrix


def _drop_unused(result: Expanded, outputs) -> None:
    """Without what only replaced nodes have read."""
    needed = {result.resolve(output) for output in outputs}
    kept = []
    for node in reversed(result.nodes):
        if needed.isdisjoint(node.outputs):
            continue
        kept.append(node)
        needed.update(result.resolve(variable) for variable in node.inputs)
    result.nodes = kept[::-1]


def _replacement(node: Apply, result: Expanded) -> list | None:
    for op_type in type(node.op).__mro__:
        if op_type in _EXPANSIONS:
            return _EXPANSIONS[op_type](node, result)
    if isinstance(node.op, OpFromGraph) and lowering_of(node.op) is None:
        return inline_ofg_node(node)
    return None


# -- branches --------------------------------------------------------------------------------------


def branches_of(node: Apply) -> list[bool | None]:
    """For each input of an `IfElse` the value of the condition for which it is needed."""
    count = node.op.n_outs
    return [None] + [True] * count + [False] * count


def _common(a: tuple[Guard, ...], b: tuple[Guard, ...]) -> tuple[Guard, ...]:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _find_guards(result: Expanded, outputs) -> None:
    if not any(isinstance(node.op, IfElse) for node in result.nodes):
        return
    needed: dict[Variable, tuple[Guard, ...]] = {}

    def need(variable: Variable, guards: tuple[Guard, ...]) -> None:
        variable = result.resolve(variable)
        needed[variable] = _common(needed[variable], guards) if variable in needed else guards

    for output in outputs:
        need(output, ())
    for node in reversed(result.nodes):
        wanted = [needed[output] for output in node.outputs if output in needed]
        guards = wanted[0] if wanted else ()
        for other in wanted:
            guards = _common(guards, other)
        if guards:
            result.guards[node] = guards
        branches = branches_of(node) if isinstance(node.op, IfElse) else [None] * len(node.inputs)
        for variable, taken in zip(node.inputs, branches, strict=True):
            if taken is None:
                need(variable, guards)
            else:
                need(variable, (*guards, (result.resolve(node.inputs[0]), taken)))
    _order(result)


def _order(result: Expanded) -> None:
    """Conditions before what they guard."""
    made_by = {output: node for node in result.nodes for output in node.outputs}
    ordered: dict[Apply, None] = {}
    for last in result.nodes:
        stack = [last]
        while stack:
            node = stack[-1]
            variables = [result.resolve(variable) for variable in node.inputs]
            variables += [condition for condition, _ in result.guards_of(node)]
            before = [made_by[v] for v in variables if v in made_by and made_by[v] not in ordered]
            if before:
                stack += before
            else:
                ordered.setdefault(stack.pop())
    result.nodes = list(ordered)
