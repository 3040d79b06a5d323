"""Views, shapes and the making of arrays against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native, reference
from pytensor.tensor.basic import AllocEmpty, Split
from pytensor.tensor.reshape import join_dims, split_dims

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (1, 1)])
def test_dimshuffle(shape):
    x, row = pt.matrix(), pt.row()
    outputs = [x.T, x.dimshuffle(1, "x", 0), x[None, :, None], row.dimshuffle(1), row.squeeze()]
    check([x, row], outputs, normal(*shape), normal(1, 5))


def test_shape_ops():
    x = pt.tensor3()
    outputs = [x.shape, x.shape[1], x.size, x.shape * 2, x.flatten(), x.flatten(2)]
    check([x], outputs, normal(2, 0, 4))
    check([x], outputs, normal(2, 3, 4))


def test_reshape():
    x, n, shape = pt.matrix(), pt.lscalar(), pt.lvector()
    outputs = [
        x.reshape((4, 3)),
        x.reshape((-1,)),
        x.reshape((n, -1)),
        x.reshape((x.shape[1], x.shape[0])),
        x.reshape(shape, ndim=3),
        join_dims(x),
        split_dims(x, (2, n), axis=1),
        join_dims(x, 1, 0),
    ]
    check([x, n, shape], outputs, normal(3, 4), np.array(2), np.array([2, 3, 2]))


def test_reshape_to_a_wrong_size():
    x = pt.matrix()
    f = compile_native([x], x.reshape((4, 3)))
    with pytest.raises(ValueError):
        f(normal(3, 3))


def test_specify_shape():
    x = pt.matrix()
    y = pt.specify_shape(x, (None, 3))
    f = check([x], y * 2, normal(2, 3))
    with pytest.raises((ValueError, AssertionError)):
        f(normal(2, 4))
    check([x], pt.specify_shape(x, (2, 1)) + pt.specify_shape(x, (2, 1)).T, normal(2, 1))


def test_alloc():
    x, v, n = pt.scalar(), pt.vector(), pt.lscalar()
    outputs = [
        pt.alloc(x, n, 3),
        pt.alloc(v, n, v.shape[0]),
        pt.zeros((n, 2)),
        pt.full((2, n), x),
        pt.zeros_like(v),
        pt.ones((0, n)),
    ]
    check([x, v, n], outputs, np.array(1.5), normal(4), np.array(3))


def test_sizes_that_turn_out_to_be_1_are_not_stretched():
    x, v, n = pt.matrix(), pt.vector(), pt.lscalar()
    f = compile_native([x], pt.specify_shape(x, (None, 3)) * 2)
    g = compile_native([v, n], pt.alloc(v, 2, n))
    with pytest.raises(ValueError, match="broadcasting"):
        f(normal(2, 1))
    with pytest.raises(ValueError, match="broadcasting"):
        g(normal(1), 3)


def test_alloc_empty_has_the_shape_asked_for():
    n = pt.lscalar()
    f = pytensor.function([n], AllocEmpty("float32")(n, 2), mode="GEMMULE")
    result = f(3)
    assert result.shape == (3, 2)
    assert result.dtype == np.float32


def test_arange():
    n, x = pt.lscalar(), pt.vector()
    outputs = [pt.arange(n), pt.arange(1, n, 2), pt.arange(n, 0, -1), pt.arange(x.shape[0]) * 2.0]
    check([n, x], outputs, np.array(7), normal(3))
    check([n, x], outputs, np.array(0), normal(0))
    a = pt.dscalar()
    check([a], pt.arange(0.5, a, 0.25), np.array(2.0))


def test_eye_and_triangles():
    n, x = pt.lscalar(), pt.matrix()
    outputs = [
        pt.eye(n), pt.eye(3, n, 1, dtype="int32"), pt.tril(x), pt.triu(x, 1), pt.identity_like(x),
    ]  # fmt: skip
    check([n, x], outputs, np.array(4), normal(3, 3))


@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_diagonals(offset):
    x, v = pt.matrix(), pt.vector()
    check([x, v], [pt.diagonal(x, offset), pt.diag(v, offset)], normal(3, 4), normal(3))


def test_diagonals_of_batches():
    x = pt.tensor3()
    outputs = [pt.diagonal(x, 0, 1, 2), pt.diagonal(x, 0, 0, 2), pt.linalg.trace(x[0])]
    check([x], outputs, normal(2, 3, 3))


def test_stack_and_join():
    x, y, i = pt.matrix(), pt.matrix(dtype="float32"), pt.lscalar()
    outputs = [
        pt.join(0, x, y),
        pt.concatenate([x, x * 2, x], axis=1),
        pt.stack([x, x], axis=1),
        pt.stack([i, i + 1, 3]),
        pt.stack([i, x[0, 0]]),
    ]
    check([x, y, i], outputs, normal(2, 3), normal(1, 3).astype("float32"), np.array(4))


def test_join_of_sizes_that_differ():
    x, y = pt.matrix(), pt.matrix()
    f = compile_native([x, y], pt.join(0, x, y))
    with pytest.raises(ValueError):
        f(normal(2, 3), normal(2, 4))


def test_split():
    x, sizes = pt.matrix(), pt.lvector()
    check([x], Split(3, 1)(x, np.array([1, 0, 3])), normal(2, 4))
    f = check([x, sizes], Split(2, 0)(x, sizes), normal(5, 2), np.array([2, 3]))
    with pytest.raises(ValueError):
        f(normal(5, 2), np.array([2, 2]))
    g = compile_native([x], Split(2, 0)(x, np.array([2, 3])))
    with pytest.raises(ValueError):
        g(normal(4, 2))


def test_repeat_tile_and_pad():
    x = pt.matrix()
    known = pt.specify_shape(x, (2, 3))
    outputs = [
        pt.tile(x, (2, 3)),
        pt.repeat(x, 2, axis=1),
        pt.repeat(known, [2, 0], axis=0),
        pt.pad(x, ((1, 2), (0, 1))),
    ]
    check([x], outputs, normal(2, 3))


def test_sizes_from_data_make_two_programs():
    x = pt.vector()
    n = pt.cast(pt.sum(x), "int64")
    check([x], [pt.arange(n) + x[0], pt.zeros((n, 2))], np.array([1.0, 3.0]))


def test_inner_graphs_are_inlined():
    x, y = pt.vector(), pt.vector()
    inner = pytensor.compile.builders.OpFromGraph([x, y], [x * y, pt.exp(x)])
    nested = pytensor.compile.builders.OpFromGraph([x, y], [inner(y, x)[0] + inner(x, x)[1]])
    a, b = pt.vector(), pt.vector()
    check([a, b], [*inner(a, b), nested(b, a)], normal(3), normal(3))
    check([a], [pt.special.softmax(a), pt.special.log_softmax(a), pt.logsumexp(a)], normal(4))


def test_views_of_inputs_are_not_returned():
    x = pt.matrix()
    value = normal(3, 4)
    for output in (x, x.T, x[1:], x.reshape((-1,)), x[None]):
        result = compile_native([x], output)(value)
        assert not np.shares_memory(result, value)


def test_constants_as_outputs():
    x = pt.vector()
    constant = pt.constant(np.arange(3.0))
    f = check([x], [constant, constant * 2], normal(2))
    first = f(normal(2))[0]
    first[:] = 7
    np.testing.assert_array_equal(f(normal(2))[0], reference([x], constant)(normal(2)))
