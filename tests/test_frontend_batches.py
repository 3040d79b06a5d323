"""Batches of ops that are inner graphs."""

import numpy as np
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor.blockwise import Blockwise

pytestmark = pytest.mark.usefixtures("executor")


@pytest.mark.parametrize("offset", [0, 1, -2])
@pytest.mark.parametrize("shape", [(2, 3), (2, 0), (1, 1), (2, 3, 4)])
def test_batch_of_diagonal_matrices(offset, shape):
    core = pt.dvector("core")
    x = pt.tensor("x", dtype="float64", shape=(None,) * len(shape))
    matrices = vectorize_graph(pt.diag(core, offset), {core: x})
    assert isinstance(matrices.owner.op, Blockwise)
    check([x], [matrices], np.random.default_rng(1).normal(size=shape))


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (2, 4, 3)])
def test_batch_of_an_inner_graph(shape):
    a, b = pt.dvector("a"), pt.dscalar("b")
    core = OpFromGraph([a, b], [pt.exp(a - a.max()) * b, a.sum() + b])
    x = pt.tensor("x", dtype="float64", shape=(None,) * len(shape))
    y = pt.dvector("y")
    outputs = Blockwise(core, signature="(n),()->(n),()")(x, y)
    rng = np.random.default_rng(1)
    check([x, y], outputs, rng.normal(size=shape), rng.normal(size=shape[-2]))


def test_empty_batch():
    """PyTensor's Python backend does not run it."""
    core = pt.dvector("core")
    x = pt.dmatrix("x")
    f = compile_native([x], [vectorize_graph(pt.diag(core), {core: x})])
    assert f(np.ones((0, 3)))[0].shape == (0, 3, 3)
