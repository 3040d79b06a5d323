"""Running one node of the PyTensor graph in Python, for what the core lacks."""

import threading
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import pytensor
from pytensor.compile.inner_function import HasInnerFunction
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Apply
from pytensor.graph.op import _NoPythonOp
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.type import TensorType

from gemmule.frontend.convert import DTYPES
from gemmule.frontend.sparse_parts import is_sparse

# MLX computes these exactly enough; float64 loses precision there, complex128 is narrowed.
_MLX_DTYPES = DTYPES - {"float64", "complex64", "complex128"}

#: How many elements a node that loops over scalars computes in Python, at a few ms each, before
#: PyTensor's Numba backend compiles it, which takes about 5 s.
ELEMENTS_IN_PYTHON = 400


@dataclass
class Fallback:
    """A node that Python runs: which, why, and how (``"perform"`` or ``"mlx"``)."""

    node: str
    op: str
    reason: str
    path: str = "perform"


def to_numpy(value):
    return np.array(value) if isinstance(value, mx.array) else value


def _is_dense(variable) -> bool:
    return isinstance(variable.type, TensorType) and not is_sparse(variable)


class PythonNode:
    """A node as a function of its input values.

    NumPy in gives NumPy out. With an `mx.array` among the inputs PyTensor's MLX dispatch of the op
    is taken where it has one that keeps the declared dtypes.
    """

    def __init__(self, node: Apply, fallback: Fallback):
        self.node = node
        self.fallback = fallback
        self._dtypes = [
            np.dtype(out.type.dtype) if _is_dense(out) else None for out in node.outputs
        ]
        self._destroyed = sorted({i for ids in node.op.destroy_map.values() for i in ids})
        op = node.op
        # An op that only has `perform` is re-entrant; others keep values in a thunk's storage.
        self._plain = not isinstance(op, HasInnerFunction | _NoPythonOp)
        self._loops = isinstance(getattr(op, "scalar_op", op), ScalarLoop)
        self._elements = 0
        self._prepare()

    def _prepare(self) -> None:
        """What belongs to this process."""
        self._mlx = self._mlx_function()
        self._thunk = None
        self._lock = threading.Lock()
        self._compiled = None
        if self._plain:
            self.node.op.prepare_node(self.node, None, None, "py")

    def __getstate__(self):
        state = self.__dict__.copy()
        for name in ("_mlx", "_thunk", "_storage", "_lock", "_compiled"):
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._prepare()

    def __call__(self, values: list) -> list:
        if self._mlx is not None and any(isinstance(value, mx.array) for value in values):
            results = self._run_mlx(values)
            if results is not None:
                return results
        values = [to_numpy(value) for value in values]
        for index in self._destroyed:
            values[index] = np.array(values[index])
        if self._loops and self._compiled is None:
            self._count(max(np.size(value) for value in values))
        if self._compiled is not None:
            with self._lock:  # a PyTensor function keeps its inputs while it runs
                results = self._compiled(*values)
        elif self._plain:
            storage = [[None] for _ in self.node.outputs]
            self.node.op.perform(self.node, values, storage)
            results = [cell[0] for cell in storage]
        else:
            results = self._run_thunk(values)
        return [
            value
            if dtype is None or (type(value) is np.ndarray and value.dtype == dtype)
            else np.asarray(value, dtype=dtype)
            for value, dtype in zip(results, self._dtypes, strict=True)
        ]

    # -- loops over scalars ------------------------------------------------------------------------

    def _count(self, elements: int) -> None:
        """Counts what Python computes, and compiles the loop once that is much."""
        with self._lock:
            self._elements += elements
            if self._elements <= ELEMENTS_IN_PYTHON or self._compiled is not None:
                return
            inputs = [variable.type() for variable in self.node.inputs]
            outputs = self.node.op.make_node(*inputs).outputs
            mode = Mode("numba", optimizer=None)
            self._compiled = pytensor.function(
                inputs, outputs, mode=mode, trust_input=True, on_unused_input="ignore"
            )

    # -- the op's own thunk ----------------------------------------------------------------------

    def _run_thunk(self, values: list) -> list:
        with self._lock:
            if self._thunk is None:
                self._storage = {v: [None] for v in (*self.node.inputs, *self.node.outputs)}
                computed = {v: [True] for v in self._storage}
                self._thunk = self.node.op.make_thunk(
                    self.node, self._storage, computed, [], impl=None
                )
            for variable, value in zip(self.node.inputs, values, strict=True):
                self._storage[variable][0] = value
            try:
                self._thunk()
                return [self._storage[variable][0] for variable in self.node.outputs]
            finally:
                for cell in self._storage.values():
                    cell[0] = None

    # -- PyTensor's MLX dispatch -------------------------------------------------------------------

    def _mlx_function(self):
        variables = (*self.node.inputs, *self.node.outputs)
        if isinstance(self.node.op, HasInnerFunction) or not all(
            _is_dense(v) and v.type.dtype in _MLX_DTYPES for v in variables
        ):
            return None
        from pytensor.link.mlx.dispatch import mlx_funcify

        if mlx_funcify.dispatch(type(self.node.op)) is mlx_funcify.dispatch(object):
            return None
        try:
            return mlx_funcify(self.node.op, node=self.node)
        except Exception:  # the dispatch refuses this instance of the op
            return None

    def _run_mlx(self, values: list) -> list | None:
        try:
            results = self._mlx(*(mx.array(value) for value in values))
        except Exception:  # such as sizes that are not concrete
            self._mlx = None
            return None
        results = list(results) if isinstance(results, list | tuple) else [results]
        kept = all(
            isinstance(value, mx.array)
            and str(value.dtype).removeprefix("mlx.core.").rstrip("_") == dtype.name
            for value, dtype in zip(results, self._dtypes, strict=True)
        )
        if not kept:
            self._mlx = None
            return None
        self.fallback.path = "mlx"
        return results
