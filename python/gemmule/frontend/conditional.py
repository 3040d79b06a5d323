"""IfElse: one of two branches.

A branch is computed only where it is taken: the graph is cut before it, so that its program is
made for the value of the condition. In the body of a loop there is no cut: both are computed.
"""

from pytensor.conditional.op import IfElse

from gemmule._core import UnsupportedError
from gemmule.frontend.builder import SizeFromData
from gemmule.frontend.registry import lowers


@lowers(IfElse)
def lower_if_else(node, inputs, builder):
    condition, *branches = inputs
    if builder.graph.constant_value(condition) is not None or condition in builder.graph.inputs:
        return builder.add_all("choose_branch", inputs, {"static": builder.may_cut})
    if not builder.may_cut:
        return builder.add_all("choose_branch", inputs)
    if all(branch in builder.graph.inputs for branch in branches):
        try:  # nothing to save
            return builder.add_all("choose_branch", inputs, {"provable": True})
        except UnsupportedError:
            pass
    raise SizeFromData(condition)
