"""CheckAndRaise: the value passes, the conditions are looked at after the run."""

import numpy as np
from pytensor.raise_op import CheckAndRaise
from pytensor.tensor.basic import Choose, Split
from pytensor.tensor.extra_ops import FillDiagonal, RavelMultiIndex, UnravelIndex
from pytensor.tensor.random.basic import MvNormalRV

from gemmule.frontend.data import Alternatives
from gemmule.frontend.registry import lowers

_FAILURES = {
    Alternatives: (ValueError, "an index has no choice"),
    Choose: (ValueError, "an index has no choice"),
    FillDiagonal: (ValueError, "all dimensions of the input must be of equal length"),
    RavelMultiIndex: (ValueError, "an index is out of bounds for the dimensions"),
    Split: (ValueError, "the sizes of the parts do not add up to the length of the axis"),
    UnravelIndex: (ValueError, "an index is out of bounds for the dimensions"),
}


@lowers(CheckAndRaise)
def lower_check(node, inputs, builder):
    value, *conditions = inputs
    builder.checks.extend((builder.cast(condition, "bool"), node) for condition in conditions)
    return [value]


def failure(node) -> Exception:
    """The exception of a check of `node` that did not hold."""
    if isinstance(node.op, CheckAndRaise):
        return node.op.exc_type(node.op.msg)
    if isinstance(node.op, MvNormalRV):
        return np.linalg.LinAlgError("Matrix is not positive definite")
    for op_type in type(node.op).__mro__:
        if op_type in _FAILURES:
            error, text = _FAILURES[op_type]
            return error(f"{node.op}: {text}")
    raise AssertionError(f"a check of {node.op} without a message")
