"""Mistakes that were found by `make fuzz`, each with a line on what was wrong."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native

import gemmule

pytestmark = pytest.mark.usefixtures("executor")


@pytest.mark.parametrize("index", [5, -4])
@pytest.mark.parametrize("update", [None, "set", "inc"])
def test_constant_index_out_of_bounds(index, update):
    """Reading raised ValueError; writing wrote nothing and raised nothing."""
    x = pt.matrix("x")
    part = x[:, index]
    f = compile_native([x], part if update is None else getattr(part, update)(1.0))
    with pytest.raises(IndexError, match=f"index {index} is out of bounds for axis 1 with size 3"):
        f(np.ones((2, 3)))
    assert f(np.ones((2, 6))).shape == ((2,) if update is None else (2, 6))


@pytest.mark.parametrize("size", [2, 4, 1, 0])
def test_constant_mask_of_another_size(size):
    """The mask was taken for positions, and the size of the axis did not matter."""
    x = pt.vector("x")
    mask = np.array([True, False, True])
    for output in (x[mask], x[mask].set(2), x[mask].inc(2)):
        f = compile_native([x], output)
        with pytest.raises(ValueError, match="broadcast"):
            f(np.ones(size))


def test_constant_mask_beside_other_indices():
    x = pt.tensor3("x")
    mask = np.array([True, False, True])
    value = np.arange(24.0).reshape(2, 3, 4)
    check([x], [x[1, mask], x[:, mask, ::2], x[:, mask].set(0)], value)


def test_argmax_of_complex_numbers():
    """The kernel refused it when the function was called, and the call failed."""
    z = pt.zvector("z")
    check([z], pt.argmax(z), np.array([1 + 1j, 2 - 1j, 2 + 0j]), native=False)


def test_sum_with_a_result_of_a_node_that_has_several():
    """`flatten` took the first result, a generator, for the draws; of slogdet it mixed up both."""
    x, y = pt.dvector("x"), pt.dvector("y")
    generator = pytensor.shared(np.random.default_rng(1))
    draws = pt.random.normal(size=(2, 3), rng=generator)
    f = pytensor.function([x, y], draws - pt.outer(x, y), mode="GEMMULE")
    want = np.random.default_rng(1).normal(size=(2, 3)) - np.outer([1.0, 2.0], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(f([1.0, 2.0], [1.0, 2.0, 3.0]), want, rtol=1e-12)
    A = pt.dmatrix("A")
    sign, logdet = pt.linalg.slogdet(A)
    check([A, x], 3 * sign - 2 * logdet + 5 * x @ x, np.diag([-1.0, 2.0, 4.0]), np.ones(3))


@pytest.mark.parametrize("shape", [(2, 0), (0, 0), (0, 3), (2, 3)])
def test_logsumexp_of_nothing(shape):
    """An extremum that starts from an infinity has a value where there is nothing."""
    x = pt.dmatrix("x")
    check([x], [pt.logsumexp(x, axis=1), pt.max(x, axis=0, initial=-np.inf)], np.ones(shape))


def test_extremum_of_uint64():
    """Its gradient-free form subtracts from the largest uint64, which is no i64."""
    x = pt.matrix("x", dtype="uint64")
    value = np.array([[3, 2**64 - 1], [2**63, 2**63 + 1]], "uint64")
    check([x], [x.min(axis=0), x.max(axis=0), x + np.array([2**64 - 2, 1], "uint64")], value)


@pytest.mark.parametrize("executor", ["cpu", "mlx"])
def test_size_from_a_short_vector_of_floats(executor, monkeypatch):
    """Vectors of a static length were sizes whatever their dtype, and all ran in Python."""
    monkeypatch.setattr(gemmule.config, "executor", executor)
    x = pt.tensor("x", dtype="float64", shape=(4,))
    y = pt.tensor("y", dtype="float64", shape=(4, 3))
    f = pytensor.function([x, y], [pt.zeros((pt.sum(x > 0), 2)) + 1.0, pt.real(y)], mode="GEMMULE")
    assert gemmule.explain(f).fallbacks == []
    values = np.array([1.0, -1.0, 2.0, 3.0]), np.ones((4, 3))
    ones, same = f(*values)
    assert ones.shape == (3, 2)
    np.testing.assert_array_equal(same, values[1])
    assert not np.shares_memory(same, values[1])
    assert gemmule.explain(f).fallbacks == []
