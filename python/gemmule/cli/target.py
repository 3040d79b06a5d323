"""What commands work on: a compiled function of named inputs and outputs, whatever FILE was."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from gemmule.cli.errors import CommandError, UsageError
from gemmule.cli.source import kind_of, load, unwrapped
from gemmule.cli.values import Input, random_values, read_inputs, shape_text


def open_target(options, terminal, function: str | None = None):
    """The target of the options of `arguments.add_file`."""
    with terminal.progress("reading") as begins:
        begins(Path(options.file).name)
        value = load(options.file, options.name)
        kind = kind_of(value)
        if kind == "program":
            return ProgramTarget(value, function)
        if function is not None:
            raise UsageError("--function is for programs; a variable of a Python file is --name")
        begins("compiling")
        return CompiledTarget(graph_of(value, kind))


def take_values(target, options) -> dict:
    """Values of inputs, from the options of `arguments.add_inputs`; data are put in place."""
    values = read_inputs(options, target.inputs, target.data)
    data = {name: values.pop(name) for name in target.data if name in values}
    if data:
        target.with_data(data)
    return values


def complete(target, values: dict) -> list[np.ndarray]:
    """A value for every input: given, the target's own, or random where the shape is known."""
    complete = []
    for name, dtype, shape in target.inputs:
        if name in values:
            complete.append(values[name])
        elif name in target.defaults:
            complete.append(target.defaults[name])
        else:
            sizes = "x".join("3" if size is None else str(size) for size in shape)
            instead = f" or --shape {name}={sizes}" if shape else ""
            raise UsageError(
                f"input {name!r}, {dtype}{shape_text(shape)}, has no value: give "
                f"--input {name}=VALUE{instead}"
            )
    return complete


def complete_or_random(target, values: dict) -> list[np.ndarray]:
    """The same for measuring: inputs of known sizes need no value."""
    filled = dict(values)
    for name, dtype, shape in target.inputs:
        if name not in values and name not in target.defaults and None not in shape:
            filled[name] = random_values(dtype, shape)
    return complete(target, filled)


# -- functions and models of Python files ---------------------------------------------------------


class Graph:
    """Inputs and outputs that can be compiled in any mode."""

    def __init__(self, kind, inputs, outputs, names, updates=None, defaults=None, compiled=None):
        self.kind = kind
        self.inputs = inputs
        self.outputs = outputs
        self.output_names = names
        self.updates = updates or {}
        self.defaults = defaults or {}
        #: A function of mode GEMMULE that there is already.
        self.compiled = compiled
        self.input_names = unique([v.name or f"input_{i}" for i, v in enumerate(inputs)])

    @property
    def compiler(self):
        """What compiles it: PyMC has rewrites of its own for models."""
        if self.kind == "model":
            from pymc.pytensorf import compile
        else:
            from pytensor import function as compile
        return compile

    def compile(self):
        """In mode GEMMULE."""
        options = {"updates": self.updates} if self.updates else {}
        return self.compiler(
            self.inputs, self.outputs, mode="GEMMULE", on_unused_input="ignore", **options
        )


def unique(names: list[str]) -> list[str]:
    """The names, numbered where one is there twice."""
    seen: list[str] = []
    for name in names:
        number = 1
        result = name
        while result in seen:
            result = f"{name}_{number}"
            number += 1
        seen.append(result)
    return seen


def graph_of(value, kind: str) -> Graph:
    if kind == "model":
        return _graph_of_model(value)
    if kind == "function":
        return _graph_of_function(unwrapped(value))
    outputs = list(value) if isinstance(value, list | tuple) else [value]
    from pytensor.graph.traversal import explicit_graph_inputs

    inputs = list(explicit_graph_inputs(outputs))
    return Graph("expression", inputs, outputs, _output_names(outputs))


def _output_names(outputs) -> list[str]:
    return unique([v.name or f"output_{i}" for i, v in enumerate(outputs)])


def _graph_of_model(model) -> Graph:
    """The log density and its gradient at a point, variable by variable."""
    import pytensor

    values = model.value_vars
    if not values:
        raise CommandError("the model has no free variables")
    density = model.logp()
    continuous = model.continuous_value_vars
    gradients = pytensor.grad(density, continuous, disconnected_inputs="ignore")
    names = ["logp", *(f"gradient.{value.name}" for value in continuous)]
    point = model.initial_point()
    defaults = {value.name: np.asarray(point[value.name]) for value in values}
    return Graph("model", values, [density, *gradients], names, defaults=defaults)


def _graph_of_function(function) -> Graph:
    from gemmule.explain import compiled_function

    maker = function.maker
    explicit = [item for item in maker.inputs if not item.implicit]
    outputs = [output.variable for output in maker.outputs]
    updates = {item.variable: item.update for item in maker.inputs if item.update is not None}
    inputs = [item.variable for item in explicit]
    compiled = function
    try:
        compiled_function(function)
    except TypeError:  # of another mode: compiled again
        compiled = None
    graph = Graph("function", inputs, outputs, _output_names(outputs), updates, {}, compiled)
    for name, container in zip(graph.input_names, function.input_storage, strict=False):
        if container.data is not None:
            graph.defaults[name] = np.asarray(container.data)
    return graph


class CompiledTarget:
    """A function in mode GEMMULE."""

    #: Names of data that a call may replace.
    data: tuple[str, ...] = ()

    def __init__(self, graph: Graph):
        self.graph = graph
        self.kind = graph.kind
        self.function_name = "logp" if graph.kind == "model" else "main"
        self.compiled = graph.compiled if graph.compiled is not None else graph.compile()
        self.inputs: list[Input] = [
            (name, _dtype(v), tuple(getattr(v.type, "shape", ())))
            for name, v in zip(graph.input_names, graph.inputs, strict=True)
        ]
        self.defaults = graph.defaults

    def run(self, values: list) -> dict[str, np.ndarray]:
        results = self.compiled(*values)
        if not isinstance(results, list | tuple):
            results = [results]
        return {
            name: np.asarray(result)
            for name, result in zip(self.graph.output_names, results, strict=True)
        }

    def explain(self, values: list | None):
        from gemmule import explain

        return explain(self.compiled, *(values or []))

    def profile(self, values: list, repeats: int):
        from gemmule import profile

        return profile(self.compiled, *values, repeats=repeats)


def _dtype(variable) -> str:
    dtype = getattr(variable.type, "dtype", None)
    if dtype is None:
        raise CommandError(
            f"input {variable} is {variable.type}: the command line has no such values"
        )
    return dtype


# -- programs from files --------------------------------------------------------------------------


class ProgramTarget:
    """A function of a program that `gemmule.export` wrote.

    The flat vector of a model is given and shown variable by variable, as that of a Python file.
    """

    graph = None  # there are none of PyTensor's

    def __init__(self, program, function: str | None):
        names = program.core.functions
        self.kind = program.core.metadata.get("kind", "function")
        usual = "logp" if "logp" in names else "main" if "main" in names else names[0]
        self.function_name = function or usual
        if self.function_name not in names:
            raise UsageError(
                f"the program has no function {function!r}; it has: {', '.join(names)}"
            )
        self.defaults: dict[str, np.ndarray] = {}
        self._set(program)

    def _set(self, program) -> None:
        self.program, self.core = program, program.core
        self.data = tuple(program.data)
        self.inputs: list[Input] = self.core.inputs(self.function_name)
        #: (name, shape) of what the only input is made of; empty where it is not a model's vector.
        self.variables = []
        if self.function_name in ("logp", "expand") and len(self.inputs) == 1:
            self.variables = self.core.parts("logp")
        if self.variables:
            self.inputs = [(name, "float64", shape) for name, shape in self.variables]
            if "initial_point" in self.core.functions:
                [point] = self.core.run("initial_point", [])
                self.defaults = _parts(point, self.variables)

    def with_data(self, values: dict) -> None:
        self._set(self.program.with_data(**values))

    def _arguments(self, values: list) -> list[np.ndarray]:
        """What the function takes."""
        if not self.variables:
            return values
        return [np.concatenate([value.ravel() for value in values])]

    def run(self, values: list) -> dict[str, np.ndarray]:
        results = self.core.run(self.function_name, self._arguments(values))
        names = unique([name for name, *_ in self.core.outputs(self.function_name)])
        outputs = dict(zip(names, results, strict=True))
        parts = self.core.parts("expand") if self.function_name == "expand" else self.variables
        if parts and self.function_name == "expand":
            return _parts(results[0], parts)
        if parts and list(outputs) == ["logp", "gradient"]:
            gradients = _parts(outputs.pop("gradient"), parts)
            outputs |= {f"gradient.{name}": value for name, value in gradients.items()}
        return outputs

    @property
    def _function(self):
        return self.core.function(self.function_name)

    def _inputs_of_graph(self, values: list) -> list[np.ndarray]:
        """The arguments and the data."""
        names = [name for name, *_ in self.core.inputs(self.function_name)]
        known = {**self.program.data, **dict(zip(names, self._arguments(values), strict=True))}
        return [known[name] for name in self._function.inputs]

    def explain(self, values: list | None):
        from gemmule.explain import Explanation

        graph = self._function.graph
        if values is not None:
            graph = _executable(graph).specialised(self._inputs_of_graph(values))
        nothing_else = SimpleNamespace(segments=[], fallbacks=[])
        return Explanation(nothing_else, [graph])

    def profile(self, values: list, repeats: int):
        from gemmule.profile import profile_executable

        executable = _executable(self._function.graph)
        return profile_executable(executable, self._inputs_of_graph(values), repeats)


def _parts(flat: np.ndarray, parts: list) -> dict[str, np.ndarray]:
    """The variables in a flat vector, by name."""
    values, end = {}, 0
    for name, shape in parts:
        begin, end = end, end + int(np.prod(shape, dtype=int))
        values[name] = flat[begin:end].reshape(shape)
    return values


def _executable(graph):
    """What runs the graph as a program does: on the CPU."""
    from gemmule import _core

    return _core.Executable(graph, [], "cpu", "cpu")
