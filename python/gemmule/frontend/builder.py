"""A `_core.Graph` while nodes are added to it, with the small idioms that lowerings share."""

import numpy as np

from gemmule._core import Graph, evaluated_ops

INT_MAX = np.iinfo(np.int64).max
INT_MIN = np.iinfo(np.int64).min

#: Vectors of integers up to this length may decide about shapes (a shape given as an argument).
LONGEST_SHAPE = 16

#: Bytes from which a constant is looked up by its memory.
LARGE_CONSTANT = 1 << 16

_EVALUATED = frozenset(evaluated_ops())


class SizeFromData(Exception):
    """A size depends on computed data: the node needs ``value`` as an input of a later segment."""

    def __init__(self, value: int):
        self.value = value


class Builder:
    """Adds nodes to a graph. Values are integers, as in `_core.Graph`."""

    def __init__(self):
        self.graph = Graph()
        #: What messages call the node that is being lowered.
        self.origin = ""
        #: (value of the condition, node) of every check, in order.
        self.checks: list[tuple[int, object]] = []
        #: Whether a size that depends on data may cut the graph: not in the body of a loop.
        self.may_cut = False
        self._integers: dict[int, int] = {}
        #: Values that shapes and small arguments decide: what sizes may be made of.
        self._host: set[int] = set()
        self._vector_inputs: set[int] = set()
        self._elements: dict[int, list[int]] = {}
        self._large_constants: dict[tuple, int] = {}

    def __getstate__(self):
        """What is read after the conversion. Nothing is added to a graph that was pickled."""
        return self.checks, self.graph

    def __setstate__(self, state):
        self.__init__()
        self.checks, self.graph = state

    # -- nodes ---------------------------------------------------------------------------------

    def input(self, dtype: str, shape, name: str = "") -> int:
        value = self.graph.input(dtype, shape, name)
        # As `static_value_inputs` of the core has it: other vectors are data.
        is_vector = len(shape) == 1 and np.dtype(dtype).kind in "iu"
        if len(shape) == 0 or (is_vector and (shape[0] or INT_MAX) <= LONGEST_SHAPE):
            self._host.add(value)
        elif is_vector:
            self._vector_inputs.add(value)
        return value

    def data_input(self, dtype: str, shape, name: str = "") -> int:
        """An input whose values no size may depend on."""
        return self.graph.input(dtype, shape, name)

    def add_all(self, op: str, inputs, attributes: dict | None = None) -> list[int]:
        values = self.graph.add(op, inputs, attributes or {}, self.origin)
        if op == "dim" or (inputs and op in _EVALUATED and self._host.issuperset(inputs)):
            self._host.update(values)
        return values

    def add(self, op: str, *inputs: int, **attributes) -> int:
        return self.add_all(op, list(inputs), attributes)[0]

    def constant(self, array) -> int:
        array = np.asarray(array)
        if array.nbytes >= LARGE_CONSTANT:
            return self._large_constant(array)
        value = self.graph.constant(array)
        self._host.add(value)
        if array.ndim == 1 and array.dtype.kind in "iu" and array.size <= LONGEST_SHAPE:
            # Above the largest i64 an element is no size.
            self._elements[value] = [self.integer(min(int(n), 2**63 - 1)) for n in array]
        return value

    def _large_constant(self, array: np.ndarray) -> int:
        """One value for all constants over the same memory: PyTensor folds X.T of a constant X."""
        if array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous:
            return self.add("transpose", self._large_constant(array.T), perm=[1, 0])
        memory = (array.ctypes.data, array.shape, array.strides, array.dtype.str)
        if memory not in self._large_constants:
            self._large_constants[memory] = self.graph.constant(array)
            self._host.add(self._large_constants[memory])
        return self._large_constants[memory]

    def integer(self, number: int) -> int:
        """A constant i64[]."""
        if number not in self._integers:
            value = self.graph.constant(np.asarray(number, dtype="int64"))
            self._integers[number] = value
            self._host.add(value)
        return self._integers[number]

    # -- types ---------------------------------------------------------------------------------

    def dtype(self, value: int) -> str:
        return self.graph.dtype(value)

    def shape(self, value: int) -> tuple[int | None, ...]:
        return self.graph.shape(value)

    def rank(self, value: int) -> int:
        return len(self.graph.shape(value))

    # -- idioms --------------------------------------------------------------------------------

    def cast(self, value: int, dtype: str) -> int:
        """``value`` in ``dtype``; itself when it has that dtype."""
        return value if self.dtype(value) == dtype else self.add("cast", value, dtype=dtype)

    def dim(self, value: int, axis: int) -> int:
        """Size of an axis, i64[]: a constant where it is known."""
        size = self.shape(value)[axis]
        return self.integer(size) if size is not None else self.add("dim", value, axis=axis)

    def dims(self, value: int) -> list[int]:
        return [self.dim(value, axis) for axis in range(self.rank(value))]

    def transpose(self, value: int, perm) -> int:
        perm = [int(axis) for axis in perm]
        if perm == list(range(len(perm))):
            return value
        return self.add("transpose", value, perm=perm)

    def swap_last(self, value: int) -> int:
        """The matrices of ``value`` transposed."""
        rank = self.rank(value)
        return self.transpose(value, [*range(rank - 2), rank - 1, rank - 2])

    def expand_dims(self, value: int, axes) -> int:
        axes = [int(axis) for axis in axes]
        return self.add("expand_dims", value, axes=axes) if axes else value

    def squeeze(self, value: int, axes) -> int:
        axes = [int(axis) for axis in axes]
        return self.add("squeeze", value, axes=axes) if axes else value

    def broadcast_to(self, value: int, sizes: list[int]) -> int:
        return self.add("broadcast_to", value, *sizes)

    def zeros(self, dtype: str, sizes: list[int]) -> int:
        return self.broadcast_to(self.constant(np.zeros((), dtype=dtype)), sizes)

    def slice_axis(self, value: int, axis: int, start: int, stop: int, step: int = 1) -> int:
        """``value[..., start:stop:step, ...]`` for Python integers."""
        bounds = [self.integer(bound) for bound in (start, stop, step)]
        return self.add("slice", value, *bounds, axes=[axis])

    # -- sizes ---------------------------------------------------------------------------------

    def size(self, value: int) -> int:
        """``value``, checked to be something that a size may depend on.

        Raises `SizeFromData` when it is computed from data.
        """
        if value not in self._host:
            raise SizeFromData(value)
        return value

    def elements(self, vector: int, count: int | None = None) -> list[int]:
        """The elements of a vector of sizes, 0-d; ``count`` where its length is not static."""
        if vector in self._elements:
            return self._elements[vector]
        if vector not in self._vector_inputs:
            self.size(vector)
        length = self.shape(vector)[0]
        length = count if length is None else length
        parts = [
            self.squeeze(self.slice_axis(vector, 0, index, index + 1), [0])
            for index in range(length)
        ]
        self._host.update(parts)
        self._elements[vector] = parts
        return parts

    def set_elements(self, vector: int, elements: list[int]) -> None:
        """Remembers what a vector was stacked from."""
        self._elements[vector] = elements

    def with_ones(self, value: int, shape) -> int:
        """``value`` with size 1 made static on the axes where ``shape`` says so."""
        known = self.shape(value)
        axes = [axis for axis, size in enumerate(shape) if size == 1 and known[axis] is None]
        return self.expand_dims(self.squeeze(value, axes), axes) if axes else value
