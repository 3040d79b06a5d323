"""Which function lowers which PyTensor op: one table, filled by the modules of this package.

A lowering is ``function(node, inputs, builder) -> list of values``: ``inputs`` are the IR values of
``node.inputs`` (``None`` for ``None`` constants), the result has one IR value per output of the
node, with the dtypes that the node declares. It raises ``UnsupportedError`` where the IR cannot say
what the op does; the node is then handed on to Python.
"""

from collections.abc import Callable

from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from gemmule._core import UnsupportedError

Lowering = Callable[[Apply, list, "Builder"], list[int]]  # noqa: F821

_LOWERINGS: dict[type, Lowering] = {}


def lowers(*op_types: type) -> Callable[[Lowering], Lowering]:
    """Registers the decorated function for these op classes and their subclasses."""

    def register(function: Lowering) -> Lowering:
        for op_type in op_types:
            _LOWERINGS[op_type] = function
        return function

    return register


def lowering_of(op: Op) -> Lowering | None:
    """The function registered for the nearest class of ``op``, or ``None``."""
    if type(op).__module__.startswith("pymc."):
        from gemmule.frontend import pymc_ops  # noqa: F401  (registers PyMC's)
    for op_type in type(op).__mro__:
        if op_type in _LOWERINGS:
            return _LOWERINGS[op_type]
    return None


_BLOCKWISE: dict[type, Lowering] = {}


def lowers_blockwise(*op_types: type) -> Callable[[Lowering], Lowering]:
    """Registers the decorated function for `Blockwise` nodes with such a core op."""

    def register(function: Lowering) -> Lowering:
        for op_type in op_types:
            _BLOCKWISE[op_type] = function
        return function

    return register


def blockwise_lowering_of(core_op: Op) -> Lowering | None:
    return _BLOCKWISE.get(type(core_op))


def unsupported(reason: str) -> UnsupportedError:
    return UnsupportedError(reason)
