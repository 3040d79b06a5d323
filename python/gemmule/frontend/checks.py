"""CheckAndRaise: the value passes, the conditions are looked at after the run."""

import numpy as np
from pytensor.raise_op import CheckAndRaise
from pytensor.tensor.random.basic import MvNormalRV

from gemmule.frontend.registry import lowers


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
    return ValueError(f"{node.op}: the sizes of the parts do not add up to the length of the axis")
