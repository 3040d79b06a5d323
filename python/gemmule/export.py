"""Programs that run without PyTensor, from compiled functions and models.

A `_core.Program` holds the graphs of functions with the values of the shared variables that they
read. It runs from Python, by address, and from a file in C and C++.
"""

import os

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.executor import Function
from pytensor.graph import clone_replace, rewrite_graph
from pytensor.graph.basic import Constant
from pytensor.tensor.type import TensorType

from gemmule import _core
from gemmule.compiled import CompiledFunction, disabled_passes
from gemmule.explain import _pytensor_function
from gemmule.frontend.checks import failure
from gemmule.frontend.convert import ir_type, name_of
from gemmule.frontend.generators import is_generator


def export(model_or_function, path) -> None:
    """Writes a file that runs without Python: see `gemmule.load` and include/gemmule/program.hpp.

    Of a function compiled with ``mode="GEMMULE"``, or what PyMC wraps around one: the function,
    called ``"main"``, and the values of its shared variables. Of a `pymc.Model`: ``"logp"``, its
    log density with the gradient, of the flat float64 vector of its value variables in the order of
    ``model.value_vars``; ``"expand"``, from such a vector to the flat vector of all unobserved
    variables, transformed back, and deterministics; ``"initial_point"``; and ``"expand_shapes"``,
    to the shapes of those, where they follow from data. The values of its data are written with it,
    and ``with_data`` replaces them.

    The file is replaced as a whole or not at all. Raises UnsupportedError for what only Python
    runs: nodes that the core lacks, random draws, updates of shared variables; and for discrete
    variables of a model. Raises OSError where the file cannot be written.
    """
    path = os.fspath(path)
    if hasattr(model_or_function, "value_vars"):
        program = model_program(model_or_function)
    else:
        try:
            function = _pytensor_function(model_or_function)
        except TypeError:
            of_another = isinstance(model_or_function, Function)
            what = "one of another mode" if of_another else type(model_or_function).__name__
            raise TypeError(
                "export takes a function that was compiled with mode='GEMMULE' or a pymc.Model, "
                f"not {what}"
            ) from None
        single = str(function.unpack_single).lower()
        program = program_of({"main": function}, {"single_output": single})
    program.save(path)


def model_program(model) -> _core.Program:
    """The program of a `pymc.Model`: see `export`."""
    from pymc.pytensorf import compile

    discrete = [variable.name for variable in model.discrete_value_vars]
    if discrete:
        _refuse("the model", f"its density has no gradient in {', '.join(discrete)}: discrete")
    values = model.value_vars
    if not values:
        _refuse("the model", "it has no free variables")
    start = model.initial_point()
    sizes = [start[value.name].size for value in values]
    x = pt.tensor(_unique("x", model.named_vars), dtype="float64", shape=(sum(sizes),))
    ends = np.cumsum(sizes).tolist()
    replace = {
        value: value.type.filter_variable(
            x[end - size : end].reshape(start[value.name].shape).astype(value.dtype)
        )
        for value, size, end in zip(values, sizes, ends, strict=True)
    }
    # What is stable is stable to differentiate too: log(sigmoid(x)) before its gradient.
    rewrites = ["canonicalize", "stabilize"]
    if not model.check_bounds:
        rewrites.append("local_remove_check_parameter")
    logp = rewrite_graph(model.logp(), include=rewrites)
    gradients = pt.grad(logp, values, disconnected_inputs="ignore")
    unobserved = model.unobserved_value_vars
    graphs = clone_replace(
        [logp, _flat(gradients), _flat(unobserved)], replace, rebuild_strict=False
    )
    logp, gradient, expanded = (graph.astype("float64") for graph in graphs)
    logp.name, gradient.name, expanded.name = "logp", "gradient", "draw"
    point = pt.constant(np.concatenate([start[v.name].ravel() for v in values]).astype("float64"))
    with model:
        functions = {
            "logp": compile([x], [logp, gradient], mode="GEMMULE"),
            "expand": compile([x], [expanded], mode="GEMMULE"),
            "initial_point": compile([], [point], mode="GEMMULE"),
        }
        shapes = compile(
            [x],
            [v.shape for v in clone_replace(unobserved, replace, rebuild_strict=False)],
            mode="GEMMULE",
            on_unused_input="ignore",
        )
    if any(item.implicit for item in shapes.maker.inputs):
        # Other data may have other sizes: the program asks for the shapes then.
        functions["expand_shapes"] = shapes
    parts = {
        "logp": [(value.name, start[value.name].shape) for value in values],
        "expand": [
            (v.name, np.asarray(shape).tolist())
            for v, shape in zip(unobserved, shapes(point.data), strict=True)
        ],
    }
    return program_of(functions, {"kind": "model"}, parts)


def _flat(variables):
    """The elements of all variables, one variable behind the other."""
    return pt.concatenate(
        [pt.as_tensor(v, allow_xtensor_conversion=True).ravel() for v in variables]
    )


def program_of(
    functions: dict, metadata: dict | None = None, parts: dict | None = None
) -> _core.Program:
    """A program of functions that were compiled with ``mode="GEMMULE"``, by name.

    Shared variables become its data: one datum for a variable that several functions read, with
    the value that it has now, under its name (a number is added where two have one name). What is
    called ``"logp"``, with a float64 vector as its only other input and the outputs density and
    gradient, can be called by ``program.logp_address``; ``"expand"``, from such a vector to
    another, by ``program.expand_address``; both take ``program.model_address`` last. Their outputs
    are given in float64. ``parts`` are the names and shapes of what these vectors are made of:
    ``{"expand": [("mu", ()), ...]}``.

    Raises UnsupportedError for what only Python runs: nodes that the core lacks, random draws,
    updates of shared variables; and for sizes and branches that depend on computed data.
    """
    data = _Data()
    packed = [
        _function(name, function, data, (parts or {}).get(name, []))
        for name, function in functions.items()
    ]
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
    variables = [*compiled.fgraph.inputs, *compiled.fgraph.outputs]
    if compiled.generators is not None or any(is_generator(v) for v in variables):
        _refuse(name, "it draws random numbers")
    updated = [
        item.variable.name or "?" for item in function.maker.inputs if item.update is not None
    ]
    if updated:
        _refuse(name, f"it updates shared variables: {', '.join(updated)}")
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


def _name_inputs(function, compiled, data: _Data) -> tuple[dict, list]:
    """What each variable of the graph is called, and those that a call gives."""
    given, free = {}, []
    for item, variable in zip(function.maker.inputs, compiled.fgraph.inputs, strict=True):
        if item.implicit and isinstance(variable.type, TensorType):
            given[variable] = data.name_of(item.variable)
        else:
            free.append((item.variable, variable))
    names = _unique_names([original for original, _ in free], "input")
    data.keep_for_inputs(names)
    given.update((variable, name) for (_, variable), name in zip(free, names, strict=True))
    return given, [variable for _, variable in free]


def _function(name: str, function, data: _Data, parts: list) -> _core.ProgramFunction:
    compiled = _compiled(name, function)
    _check(name, function, compiled)
    conversion = compiled.conversion
    given, order = _name_inputs(function, compiled, data)

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
    return _core.ProgramFunction(name, graph, inputs, outputs, conditions, messages, parts)


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
