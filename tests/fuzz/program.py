"""A graph as PyTensor source text, with the values that it has for one set of inputs.

A statement is appended by text; it is run at once, node by node, so that whatever is drawn next
knows the sizes and values that there are.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.type import TensorType

from fuzz import helpers

#: Elements of the largest value; arrays of rank up to this.
LARGEST, HIGHEST_RANK = 2000, 4


class Refused(Exception):
    """A statement that PyTensor does not build, or that would be too large."""


@dataclass
class Value:
    name: str
    variable: Variable
    data: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape


@dataclass
class Input:
    """An argument. Each of its sizes has a label; a size that is not static may change."""

    name: str
    dtype: str
    labels: tuple[str, ...]
    static: tuple[bool, ...]
    content: str
    layout: str


def declaration(item: Input, sizes: dict[str, int]) -> str:
    shape = tuple(
        sizes[label] if static else None
        for label, static in zip(item.labels, item.static, strict=True)
    )
    return f'pt.tensor("{item.name}", dtype="{item.dtype}", shape={shape})'


def namespace() -> dict:
    names = {"np": np, "pt": pt, "pytensor": pytensor, "nan": np.nan, "inf": np.inf}
    names.update((name, getattr(helpers, name)) for name in helpers.__all__)
    return names


PREAMBLE = """\
import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy import inf, nan

from fuzz.helpers import *
"""


@dataclass
class Source:
    """What a program is when it is run: lines of text. Reproducers are these."""

    inputs: list[tuple[str, str]]  # name, declaration
    statements: list[tuple[tuple[str, ...], str]]
    outputs: list[str]
    calls: list[list[str]]

    def text(self) -> str:
        lines = [PREAMBLE]
        lines += [f"{name} = {declared}" for name, declared in self.inputs]
        lines += [f"{', '.join(names)} = {code}" for names, code in self.statements]
        lines.append(f"inputs = [{', '.join(name for name, _ in self.inputs)}]")
        lines.append(f"outputs = [{', '.join(self.outputs)}]")
        lines.append("calls = [")
        lines += [f"    [{', '.join(arguments)}]," for arguments in self.calls]
        return "\n".join(lines) + "\n]\n"

    def build(self):
        """(input variables, output variables, arguments of each call)"""
        names = namespace()
        for name, declared in self.inputs:
            names[name] = eval(declared, names)
        for targets, code in self.statements:
            assign(names, targets, eval(code, names))
        inputs = [names[name] for name, _ in self.inputs]
        calls = [[eval(text, names) for text in arguments] for arguments in self.calls]
        return inputs, [names[name] for name in self.outputs], calls


def assign(names: dict, targets: tuple[str, ...], result) -> None:
    if isinstance(result, list | tuple):
        names.update(zip(targets, result, strict=True))
    else:
        [target] = targets
        names[target] = result


# -- values as text --------------------------------------------------------------------------------


def _element(value) -> str:
    if isinstance(value, complex):
        return f"complex({value.real!r}, {value.imag!r})"
    return repr(value)


def _nested(value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_nested(item) for item in value) + "]"
    return _element(value)


def array_text(array: np.ndarray) -> str:
    text = f'np.array({_nested(array.tolist())}, "{array.dtype}")'
    return text if array.size else f'np.zeros({array.shape}, "{array.dtype}")'


#: Layout -> text around the text of an array in rows.
LAYOUTS = {
    "rows": "{}",
    "columns": 'np.array({}, order="F")',
    "reversed": "np.flip(np.flip({}).copy())",
    "steps": "np.repeat(np.atleast_1d({0}), 2, axis=-1)[..., ::2].reshape({1})",
    "repeated": "repeated({})",
}


def argument_text(array: np.ndarray, layout: str) -> str:
    return LAYOUTS[layout].format(array_text(array), array.shape)


# -- running statements as they are drawn ----------------------------------------------------------


class Draft:
    """A program in the making."""

    def __init__(self, random, only_dtype: str | None = None):
        self.random = random
        self.only_dtype = only_dtype
        #: Inputs whose values were chosen, such as indices.
        self.exact: set[str] = set()
        self.inputs: list[Input] = []
        self.statements: list[tuple[tuple[str, ...], str]] = []
        self.names = namespace()
        self.values: list[Value] = []
        self.sizes: dict[str, int] = {}
        self._data: dict[Variable, np.ndarray] = {}

    # -- inputs ------------------------------------------------------------------------------------

    def add_input(self, item: Input, data: np.ndarray) -> Value:
        self.inputs.append(item)
        variable = eval(declaration(item, self.sizes), self.names)
        self.names[item.name] = variable
        self._data[variable] = data
        value = Value(item.name, variable, data)
        self.values.append(value)
        return value

    def set_data(self, value: Value) -> None:
        """Gives an input the values in ``value.data``."""
        self._data[value.variable] = value.data
        self.exact.add(value.name)

    # -- statements --------------------------------------------------------------------------------

    def add(self, code: str) -> list[Value]:
        """Appends a statement. Raises `Refused`, with the program as it was."""
        try:
            result = eval(code, self.names)
        except Exception as error:
            raise Refused(f"{code}: {error}") from error
        several = isinstance(result, list | tuple)
        variables = list(result) if several else [result]
        if not variables or not all(
            isinstance(v, Variable) and isinstance(v.type, TensorType) for v in variables
        ):
            raise Refused(f"{code}: not tensors")
        if any(v.type.ndim > HIGHEST_RANK for v in variables):
            raise Refused(f"{code}: of high rank")
        data = self._evaluate(variables, code)
        start = sum(len(names) for names, _ in self.statements)
        names = tuple(f"v{start + i}" for i in range(len(variables)))
        self.statements.append((names, code))
        values = [Value(*item) for item in zip(names, variables, data, strict=True)]
        self.names.update(zip(names, variables, strict=True))
        self.values += values
        return values

    def _evaluate(self, variables, code: str) -> list[np.ndarray]:
        """PyTensor's own Python code of every node, with no rewrite."""
        data = self._data
        known = [v for v in data if not isinstance(v, Constant)]
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for node in io_toposort(known, variables):
                    if all(output in data for output in node.outputs):
                        continue
                    self._run(node)
        except Exception as error:
            raise Refused(f"{code}: {error}") from error
        results = [v.data if isinstance(v, Constant) else data[v] for v in variables]
        if any(np.size(result) > LARGEST for result in results):
            raise Refused(f"{code}: large")
        if any(
            np.ndim(result) != v.type.ndim for result, v in zip(results, variables, strict=True)
        ):
            raise Refused(f"{code}: not of the rank that PyTensor says")
        return [np.asarray(result) for result in results]

    def _run(self, node) -> None:
        storage = {}
        for variable in node.inputs:
            if isinstance(variable, Constant):
                storage[variable] = [variable.data]
            elif variable in self._data:
                storage[variable] = [self._data[variable]]
            else:  # a shared variable, such as a generator
                storage[variable] = [variable.get_value()]
        storage.update((variable, [None]) for variable in node.outputs)
        computed = {variable: [True] for variable in storage}
        node.op.make_thunk(node, storage, computed, [], "py")()
        self._data.update((variable, storage[variable][0]) for variable in node.outputs)
