"""Indexing and updates of what is indexed, against PyTensor's Python backend and NumPy."""

import numpy as np
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.normal(size=shape)


SLICES = [
    np.s_[1:], np.s_[:-1], np.s_[::2], np.s_[::-1], np.s_[3:0:-2], np.s_[-1], np.s_[0], np.s_[1:1],
    np.s_[:, 1], np.s_[1, 2], np.s_[:, ::-1], np.s_[-2:, :-3:-1], np.s_[10:], np.s_[..., 0],
    np.s_[None, 1], np.s_[1:100:3, -3],
]  # fmt: skip


@pytest.mark.parametrize("half", [SLICES[::2], SLICES[1::2]])
def test_constant_slices(half):
    x, known = pt.matrix(), pt.matrix(shape=(4, 5))
    check([x, known], [y[index] for y in (x, known) for index in half], normal(4, 5), normal(4, 5))


def test_symbolic_slices():
    x, i, j, k = pt.matrix(), pt.lscalar(), pt.lscalar(), pt.iscalar()
    outputs = [
        x[i:j], x[:j], x[i:], x[i], x[:, i], x[i, j], x[i, 1:], x[1:, i], x[::k], x[i::k],
        x[j:i:-1], x[x.shape[0] - 1], x[: x.shape[1] - 2],
    ]  # fmt: skip
    f = check([x, i, j, k], outputs, normal(4, 5), np.array(1), np.array(3), np.array(2, "int32"))
    value = normal(4, 5)
    for bounds in [(-2, 3, -1), (0, -1, 3), (3, 1, -2)]:
        i_, j_, k_ = bounds
        results = f(value, i_, j_, np.int32(k_))
        np.testing.assert_array_equal(results[0], value[i_:j_])
        np.testing.assert_array_equal(results[8], value[::k_])
        np.testing.assert_array_equal(results[9], value[i_::k_])


def test_out_of_range():
    x, i = pt.vector(), pt.lscalar()
    f = compile_native([x, i], x[i])
    for position in (3, -4):
        with pytest.raises(Exception, match=r"(?i)range|bounds|index"):
            f(normal(3), position)


def test_integer_arrays():
    x, i, m = pt.matrix(), pt.lvector(), pt.imatrix()
    outputs = [
        x[i],
        x[:, i],
        x[i, i],
        x[m],
        x[i, 1:],
        x[1:, i],
        x[i[:, None], i],
        x[m, m],
        x[[0, 2]],
    ]
    indices = np.array([0, -1, 2])
    check([x, i, m], outputs, normal(4, 5), indices, np.array([[0, 1], [2, -1]], "int32"))
    check([x, i, m], outputs, normal(4, 5), indices[:0], np.zeros((0, 2), "int32"))


def test_index_groups_that_are_apart():
    x, i = pt.tensor4(), pt.lvector()
    outputs = [x[i, :, i], x[:, i, :, i], x[0, :, i], x[:, i, 1:, 0], x[i, 1:, i, ::-1]]
    check([x, i], outputs, normal(3, 4, 3, 4), np.array([0, 2, 1]))


def test_constant_mask():
    x, matrix = pt.vector(shape=(4,)), pt.matrix(shape=(2, 2))
    mask = np.array([True, False, True, True])
    outputs = [x[mask], matrix[mask.reshape(2, 2)], pt.set_subtensor(x[mask], 0.0)]
    check([x, matrix], outputs, normal(4), normal(2, 2))


def test_computed_mask():
    """Its result has a size that depends on data: Python runs it, the rest is compiled."""
    x = pt.vector()
    f = check([x], [pt.exp(x[x > 0]) * 2, x + 1], normal(6), native=False)
    np.testing.assert_allclose(f(-np.ones(3))[0], np.zeros(0))


UPDATES = [
    np.s_[1:], np.s_[::-2], np.s_[0], np.s_[:, -1], np.s_[1, 2], np.s_[:], np.s_[1:, 0], np.s_[2:2],
]  # fmt: skip


@pytest.mark.parametrize("function", [pt.set_subtensor, pt.inc_subtensor])
def test_updates_of_slices(function):
    x, y = pt.matrix(), pt.scalar()
    outputs = [function(x[index], y) for index in UPDATES]
    outputs += [function(x[1:], x[:-1]), function(x[:, 2:], x[:, :1]), function(x[::-1], x)]
    check([x, y], outputs, normal(4, 5), np.array(2.0))


@pytest.mark.parametrize("function", [pt.set_subtensor, pt.inc_subtensor])
def test_updates_of_symbolic_indices(function):
    x, i, v = pt.matrix(), pt.lscalar(), pt.vector()
    outputs = [
        function(x[i], v), function(x[i, 1:], v[1:]), function(x[i:], v), function(x[1:, i], 3.0),
        function(x[i, 0], v[0]), function(x[0, i], v[0]),
    ]  # fmt: skip
    check([x, i, v], outputs, normal(4, 5), np.array(-1), normal(5))


@pytest.mark.parametrize("function", [pt.set_subtensor, pt.inc_subtensor])
def test_updates_of_integer_arrays(function):
    x, i, y = pt.matrix(), pt.lvector(), pt.matrix()
    outputs = [
        function(x[i], y), function(x[i], 2.0), function(x[i, 1:], y[:, 1:]),
        function(x[:, i], y[:, :3].T[0]), function(x[i, i], y[:, 0]), function(x[1:, i], 1.0),
    ]  # fmt: skip
    check([x, i, y], outputs, normal(4, 5), np.array([0, 2, 3]), normal(3, 5))


def test_repeated_indices_accumulate():
    x, i, y = pt.vector(), pt.lvector(), pt.vector()
    f = check([x, i, y], pt.inc_subtensor(x[i], y), normal(3), np.array([1, 1, 1, 0]), normal(4))
    np.testing.assert_array_equal(f(np.zeros(2), np.array([1, 1]), np.ones(2))[0], [0.0, 2.0])
    check(
        [x, i, y],
        pt.inc_subtensor(x[i], y, ignore_duplicates=True),
        np.zeros(3), np.array([1, 1, 2]), np.ones(3),
    )  # fmt: skip


def test_updates_apart():
    x, i = pt.tensor3(), pt.lvector()
    outputs = [
        pt.inc_subtensor(x[i, :, i], 1.0), pt.set_subtensor(x[i, 1:, i], x[:2, 1:, 0]),
    ]  # fmt: skip
    check([x, i], outputs, normal(3, 4, 3), np.array([0, 2]))


def test_masked_updates_by_one_value():
    x, y = pt.matrix(), pt.scalar()
    outputs = [pt.set_subtensor(x[x > 0], y), pt.inc_subtensor(x[x > 0], 2.0)]
    check([x, y], outputs, normal(3, 4), np.array(9.0))


def test_update_of_another_dtype():
    x, y = pt.vector(dtype="float32"), pt.vector(dtype="int8")
    values = normal(4).astype("float32"), np.array([1, 2], "int8")
    check([x, y], [pt.set_subtensor(x[:2], y), pt.inc_subtensor(x[[0, 1]], y)], *values)


def test_gradients():
    x, i = pt.matrix(), pt.lvector()
    cost = (pt.exp(x[i, 1:]).sum() + x[::-1, 0].prod() + x[1, 2] ** 2).sum()
    check([x, i], pt.grad(cost, x), normal(4, 5), np.array([1, 1, 3]))
