"""Programs that run without PyTensor, from compiled functions.

A `_core.Program` holds the graphs of functions with the values of the shared variables that they
read. It runs from Python, by address, and from a file in C and C++.
"""

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.tensor.type import TensorType

from gemmule import _core
from gemmule.compiled import CompiledFunction, disabled_passes
from gemmule.frontend.checks import failure
from gemmule.frontend.convert import ir_type, name_of
from gemmule.frontend.generators import is_generator


def program_of(functions: dict, metadata: dict | None = None) -> _core.Program:
    """A program of functions that were compiled with ``mode="GEMMULE"``, by name.

    Shared variables become its data: one datum for a variable that several functions read, with
    the value that it has now, under its name (a number is added where two have one name). What is
    called ``"logp"``, with a float64 vector as its only other input and the outputs density and
    gradient, can be called by ``program.logp_address``; ``"expand"``, from such a vector to
    another, by ``program.expand_address``; both take ``program.model_address`` last. Their outputs
    are given in float64.

    Raises UnsupportedError for what only Python runs: nodes that the core lacks, random draws,
    updates of shared variables; and for sizes and branches that depend on computed data.
    """
    data = _Data()
    packed = [_function(name, function, data) for name, function in functions.items()]
    text = {"gemmule_version": _core.__version__, **(metadata or {})}
    return _core.Program(packed, data.values, text)


class _Data:
    """Names and values of shared variables."""

    def __init__(self):
        self.values: dict[str, np.ndarray] = {}
        self._names: dict = {}
        self._inputs: set[str] = set()

    def name_of(self, variable) -> str:
        if variable not in self._names:
            name = _unique(variable.name or "data", self.values)
            self._differ(name, self._inputs)
            self._names[variable] = name
            self.values[name] = np.asarray(variable.get_value(), dtype=variable.type.dtype)
        return self._names[variable]

    def keep_for_inputs(self, names) -> None:
        """An input of the name of a datum would have its value."""
        self._inputs.update(names)
        for name in names:
            self._differ(name, self.values)

    def _differ(self, name, others) -> None:
        if name in others:
            raise ValueError(
                f"an input and a shared variable are called {name!r}: give one another name"
            )


def _unique(name: str, taken) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _unique_names(variables, kind: str) -> list[str]:
    names: list[str] = []
    for index, variable in enumerate(variables):
        names.append(_unique(variable.name or f"{kind}_{index}", names))
    return names


def _compiled(name: str, function) -> CompiledFunction:
    compiled = getattr(getattr(function, "vm", None), "jit_fn", None)
    compiled = getattr(compiled, "gemmule", None)
    if compiled is None:
        raise TypeError(
            f"{name}: a program is made of functions that were compiled with mode='GEMMULE'"
        )
    return compiled


def _refuse(name: str, what: str):
    raise _core.UnsupportedError(f"{name} cannot be a program: {what}")


def _check(name: str, function, compiled: CompiledFunction) -> None:
    """Raises UnsupportedError where Python has a part in the function."""
    if compiled.fallbacks:
        nodes = "; ".join(f"{item.op} ({item.node}): {item.reason}" for item in compiled.fallbacks)
        _refuse(name, f"nodes run in Python: {nodes}")
    updated = [
        item.variable.name or "?" for item in function.maker.inputs if item.update is not None
    ]
    if updated:
        _refuse(name, f"it updates shared variables: {', '.join(updated)}")
    variables = [*compiled.fgraph.inputs, *compiled.fgraph.outputs]
    if compiled.generators is not None or any(is_generator(v) for v in variables):
        _refuse(name, "it draws random numbers")
    conversion = compiled.conversion
    if len(conversion.stages) > 1:
        # The sizes are inputs of a later segment.
        known = set(conversion.inputs)
        later = [stage.segment for stage in conversion.stages[1:] if stage.segment is not None]
        sizes = {v for segment in later for v in segment.inputs if v not in known}
        nodes = sorted({name_of(v.owner) for v in sizes if v.owner is not None})
        _refuse(name, f"sizes or branches depend on computed data: {', '.join(nodes)}")
    for variable in variables:
        if ir_type(variable) is None:
            _refuse(name, f"{variable} is {variable.type}")


def _function(name: str, function, data: _Data) -> _core.ProgramFunction:
    compiled = _compiled(name, function)
    _check(name, function, compiled)
    conversion = compiled.conversion
    given = {}  # what a variable of the graph is called
    free = []
    for item, variable in zip(function.maker.inputs, compiled.fgraph.inputs, strict=True):
        if item.implicit and isinstance(variable.type, TensorType):
            given[variable] = data.name_of(item.variable)
        else:
            free.append((item.variable, variable))
    names = _unique_names([original for original, _ in free], "input")
    data.keep_for_inputs(names)
    given.update((variable, name) for (_, variable), name in zip(free, names, strict=True))
    order = [variable for _, variable in free]

    if conversion.stages:
        [compiled_segment] = compiled.segments
        segment = compiled_segment.segment
        graph = compiled_segment.optimised.graph
        order += [variable for variable in segment.inputs if variable not in set(order)]
        known = dict(zip(segment.outputs, graph.outputs, strict=False))
        all_hold = [] if segment.all_hold is None else [graph.outputs[-1]]
        known.update(_reorder_inputs(graph, segment.inputs, order))
    else:
        segment, graph, all_hold = None, _core.Graph(), []
        known = _reorder_inputs(graph, [], order)
    outputs = _unique_names([item.variable for item in function.maker.outputs], "output")
    values = _outputs(graph, conversion.outputs, known)
    if name in _BY_ADDRESS:
        values = [_float64(graph, value) for value in values]
    graph.set_outputs(values + all_hold)

    conditions, messages = None, []
    if all_hold:
        conditions = segment.graph.copy()
        conditions.set_outputs([condition for condition, _ in segment.checks])
        conditions = _core.optimise(conditions, disabled=disabled_passes(segment)).graph
        _reorder_inputs(conditions, segment.inputs, order)
        messages = [str(failure(node)) for _, node in segment.checks]
    inputs = [given[variable] for variable in order]
    return _core.ProgramFunction(name, graph, inputs, outputs, conditions, messages)


# Functions whose results are float64 in memory, whatever they are computed in.
_BY_ADDRESS = frozenset({"logp", "expand"})


def _float64(graph, value: int) -> int:
    if graph.dtype(value) == "float64":
        return value
    return graph.add("cast", [value], {"dtype": "float64"})[0]


def _reorder_inputs(graph, had, wanted) -> dict:
    """Gives the graph inputs for the variables ``wanted``; the value of each."""
    values = dict(zip(had, graph.inputs, strict=True))
    for variable in wanted:
        if variable not in values:
            values[variable] = graph.input(*ir_type(variable), variable.name or "")
    graph.set_inputs([values[variable] for variable in wanted])
    return values


def _outputs(graph, variables, known) -> list[int]:
    """A value for each output: one of its own where a variable is given twice, or was given."""
    own = set(known.values()) - set(graph.inputs)
    values = []
    for variable in variables:
        if variable not in known and isinstance(variable, Constant):
            known[variable] = graph.constant(np.asarray(variable.data, dtype=variable.type.dtype))
        value = known[variable]
        if value not in own:
            [value] = graph.add("copy", [value])
        own.discard(value)
        values.append(value)
    return values
