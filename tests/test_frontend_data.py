"""Results whose size or value depends on data: against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import assert_same, check, compile_native, reference
from pytensor.conditional import ifelse
from pytensor.raise_op import Assert

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.normal(size=shape)


def same_for(f, inputs, outputs, *calls):
    """The function gives what PyTensor's Python backend gives, for data of several sizes."""
    want = reference(inputs, outputs)
    for values in calls:
        for got, expected in zip(f(*values), want(*values), strict=True):
            assert_same(got, expected)


# -- positions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint16", "int64", "float32", "float64", "complex128"]
)
def test_nonzero(dtype):
    x = pt.tensor3(dtype=dtype)
    data = (RNG.integers(-1, 2, (3, 4, 5)) * 1.5).astype(dtype)
    f = check([x], list(x.nonzero()), data)
    outputs = list(x.nonzero())
    calls = [(data[:0],), (data[:, ::-2],), (np.zeros_like(data),), (np.ones_like(data),)]
    same_for(f, [x], outputs, *calls)


def test_nan_and_infinity_are_not_zero():
    x = pt.vector()
    data = np.array([np.nan, 0.0, -0.0, np.inf, -np.inf, 1e-320])
    check([x], [x.nonzero()[0], pt.flatnonzero(x), pt.nonzero_values(x)], data)


def test_what_is_not_zero():
    x, m = pt.vector(), pt.matrix()
    outputs = [
        x[x.nonzero()],
        m[m.nonzero()],
        pt.flatnonzero(m),
        pt.set_subtensor(x[x.nonzero()], 7.0),
    ]
    check([x, m], outputs, np.array([0.0, 2, 0, -1]), np.array([[0.0, 1], [3, 0], [0, 0]]))


MASKS = {
    "vector": (lambda x, v, m: x[0, 0][v]),
    "first": (lambda x, v, m: x[v]),
    "two axes": (lambda x, v, m: x[m]),
    "middle": (lambda x, v, m: x[:, m[0]]),
    "slice": (lambda x, v, m: x[v, 1:]),
    "step": (lambda x, v, m: x[v, ::-2]),
    "integer": (lambda x, v, m: x[v, 1]),
    "integer in front": (lambda x, v, m: x[1, m[0]]),
    "integers": (lambda x, v, m: x[v, :, [0, 2, 1]]),
    "last": (lambda x, v, m: x[..., m[0]]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(name):
    x, v, m = pt.tensor3(), pt.vector(dtype="bool"), pt.matrix(dtype="bool")
    size = 4 if name in ("middle", "last", "integer in front", "vector") else 3
    data = normal(3, 4, 4)
    vector = np.array([True, False, True, True])[-size:]
    vector = np.array([True, True, True]) if name == "integers" else vector
    matrix = RNG.integers(0, 2, (3, 4)).astype(bool)
    matrix[0] = [True, False, True, True]
    picked = MASKS[name](x, v, m)
    updates = [pt.set_subtensor(picked, 2.0), pt.inc_subtensor(picked, 2 * picked)]
    check([x, v, m], [picked, *updates], data, vector, matrix)


def test_masks_that_are_constant():
    x = pt.matrix(shape=(3, 4))
    rows = np.array([True, False, True])
    both = RNG.integers(0, 2, (3, 4)).astype(bool)
    outputs = [x[rows], x[both], x[rows, 1:], x[rows, 1], pt.inc_subtensor(x[both], 1.0)]
    check([x], outputs, normal(3, 4))


@pytest.mark.parametrize("dtype", ["bool", "int32", "float32", "complex64"])
def test_masks_of_every_size(dtype):
    """One function, called with data of other sizes and other numbers of elements."""
    x, threshold = pt.vector(), pt.scalar()
    picked = pt.cast(x, dtype)[x > threshold]
    outputs = [picked, pt.set_subtensor(x[x > threshold], x[x > threshold] * 2), picked.shape[0]]
    f = compile_native([x, threshold], outputs)
    data = normal(9)
    calls = [
        (data, 0.0),
        (data, 9.0),
        (data, -9.0),
        (data[:1], 0.0),
        (data[:0], 0.0),
        (data[::-2], 0.1),
    ]
    same_for(f, [x, threshold], outputs, *calls)
    assert gemmule.explain(f).fallbacks == []


def test_mask_of_another_size():
    x, mask = pt.matrix(), pt.vector(dtype="bool")
    f = compile_native([x, mask], x[mask])
    for size in (2, 4):
        with pytest.raises(IndexError, match="boolean index did not match"):
            f(normal(3, 2), np.ones(size, dtype=bool))


def test_value_of_another_size():
    x, y = pt.vector(), pt.vector()
    f = compile_native([x, y], pt.set_subtensor(x[x > 0], y))
    with pytest.raises(ValueError):
        f(np.array([1.0, -1.0, 2.0]), normal(3))


def test_gradients_of_masks():
    x = pt.vector()
    picked = x[x > 0]
    check(
        [x],
        [pt.grad((picked**2).sum(), x), pt.grad(pt.prod(x[1:][x[1:] > 0] * x[0]), x)],
        normal(8),
    )


# -- several cuts in a row -------------------------------------------------------------------------


def test_cuts_in_a_row():
    x = pt.vector()
    once = x[x > -1] * 2
    twice = once[once < 1]
    values, counts = pt.extra_ops.unique(pt.floor(twice * 3), return_counts=True)
    repeated = pt.repeat(values, counts)
    outputs = [
        twice,
        values,
        counts,
        repeated,
        pt.arange(counts.sum()),
        repeated.reshape((counts.sum(), 1)),
    ]
    f = check([x], outputs, normal(40))
    same_for(f, [x], outputs, *[(normal(size),) for size in (5, 17, 40)])


def test_cuts_that_feed_checks():
    x = pt.vector()
    picked = x[x > 0]
    held = Assert("too many")(picked, picked.shape[0] < 4, picked.sum() < 100)
    outputs = [held * 2]
    f = compile_native([x], outputs)
    same_for(f, [x], outputs, (np.array([1.0, -1, 2]),), (-np.ones(3),))
    with pytest.raises(AssertionError, match="too many"):
        f(np.ones(4))


def test_nothing_is_left():
    x = pt.vector()
    picked = x[x > 0]
    outputs = [
        picked.sum(),
        pt.outer(picked, picked),
        picked.sort(),
        picked.cumsum(),
        picked[None].dot(picked),
    ]
    f = check([x], outputs, -np.ones(4))
    same_for(f, [x], outputs, (normal(6),), (np.zeros(0),))


def test_lengths_that_are_computed():
    x, n = pt.vector(), pt.lvector()
    size = pt.cast(x.sum(), "int64")
    outputs = [
        pt.arange(size),
        pt.zeros((size, 2)),
        pt.eye(size),
        x[: size - 1],
        x[size:],
        x[:: size - 2],
        x[size - 3],
        pt.tril_indices(size)[0],
        pt.tri(size),
        pt.arange(n[0], n[1], n[0] + 1),
        pt.alloc(x[0], n.sum(), 2),
        pt.arange(12).reshape((size - 2, -1)),
        pt.arange(12).reshape(n, ndim=2),
    ]
    f = check([x, n], outputs, np.array([3.0, 1.0]), np.array([2, 6]))
    same_for(f, [x, n], outputs, (np.array([1.0, 2.0, 2.0]), np.array([3, 4])))


def test_split_by_computed_sizes():
    x, sizes = pt.matrix(), pt.lvector()
    outputs = list(pt.split(x, sizes * 2, n_splits=3, axis=1))
    outputs += pt.split(x, pt.stack([sizes[0], 2 - sizes[0]]), n_splits=2, axis=0)
    f = check([x, sizes], outputs, normal(2, 8), np.array([1, 0, 3]))
    same_for(f, [x, sizes], outputs, (normal(2, 4), np.array([2, 0, 0])))
    for wrong in ([1, 1, 1], [5, -1, 0], [4, -1, 1], [2, 2]):
        with pytest.raises(ValueError):
            f(normal(2, 8), np.array(wrong))


def test_many_sizes_make_few_programs():
    """A program per number of elements; the oldest go."""
    x = pt.vector()
    f = compile_native([x], x[x > 0] + 1)
    data = -np.ones(700)
    for count in range(700):
        data[count] = 1.0
        assert len(f(data)) == count + 1
    kept = sum(len(segment.executable.programs) for segment in f.vm.jit_fn.gemmule.segments)
    assert kept <= 2 * 512


# -- distinct values -------------------------------------------------------------------------------

FLAGS = [
    (),
    ("return_index",),
    ("return_inverse", "return_counts"),
    ("return_index", "return_inverse", "return_counts"),
]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_unique(flags, axis):
    x = pt.matrix()
    outputs = pt.extra_ops.unique(x, axis=axis, **dict.fromkeys(flags, True))
    outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    data = RNG.integers(0, 2, (5, 3)).astype(float)
    f = check([x], outputs, data)
    same_for(
        f, [x], outputs, (np.ones((4, 2)),), (data[::-1, ::2],), (np.arange(6.0).reshape(2, 3),)
    )


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint64", "float16", "float32", "complex64", "complex128"]
)
def test_unique_of_dtypes(dtype):
    x = pt.vector(dtype=dtype)
    outputs = list(pt.extra_ops.unique(x, True, True, True))
    data = (RNG.integers(0, 4, 30) * (1 if dtype == "bool" else 1.5)).astype(dtype)
    f = check([x], outputs, data)
    same_for(f, [x], outputs, (data[:0],), (data[:1],))


def test_unique_of_nan():
    x, m = pt.vector(), pt.matrix()
    outputs = list(pt.extra_ops.unique(x, True, True, True))
    nan, inf = np.nan, np.inf
    check([x], outputs, np.array([nan, 1.0, inf, nan, -inf, 1.0, nan]))
    outputs = list(pt.extra_ops.unique(m, True, False, True, axis=0))
    check([m], outputs, np.array([[1.0, nan], [1.0, 2.0], [1.0, nan], [1.0, 2.0]]))


def test_unique_of_a_tensor():
    x = pt.tensor3(dtype="int64")
    data = RNG.integers(0, 2, (3, 4, 2))
    for axis in (None, 0, 1, 2):
        outputs = list(pt.extra_ops.unique(x, True, True, True, axis=axis))
        f = check([x], outputs, data)
    same_for(f, [x], outputs, (np.ones((2, 2, 3), dtype="int64"),))


# -- repetition, search, counting ------------------------------------------------------------------


def test_repeat():
    x, n, k = pt.matrix(), pt.lvector(), pt.lscalar()
    outputs = [
        pt.repeat(x, n, axis=0),
        pt.repeat(x.T, n, axis=1),
        pt.repeat(x, k),
        pt.repeat(x, k, axis=1),
        pt.repeat(x[:, 0], n),
        pt.repeat(x, [2, 0], axis=1),
        pt.repeat(x, n * 2, axis=0),
        pt.repeat(x, [2], axis=0),
        pt.grad(pt.repeat(x, n, axis=0).sum(), x),
    ]
    f = check([x, n, k], outputs, normal(3, 2), np.array([2, 0, 1]), np.array(3))
    same_for(
        f,
        [x, n, k],
        outputs,
        (normal(3, 2), np.array([0, 0, 0]), 0),
        (normal(3, 2), np.array([1, 1, 7]), 1),
    )


def test_repeat_of_wrong_counts():
    x, n = pt.vector(), pt.lvector()
    f = compile_native([x, n], pt.repeat(x, n))
    for counts in ([1, -1, 2], [1, 1]):
        with pytest.raises(ValueError):
            f(normal(3), np.array(counts))


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(side):
    x, v, s, order = pt.vector(), pt.matrix(), pt.scalar(), pt.lvector()
    outputs = [
        pt.searchsorted(x, v, side),
        pt.searchsorted(x, s, side),
        pt.searchsorted(x[::-1], v, side, order),
        pt.searchsorted(x, pt.cast(v, "int32"), side),
        pt.searchsorted(pt.cast(x, "float32"), v, side),
    ]
    data = np.array([-1.0, 0.0, 0.0, 2.0, 2.0, np.inf, np.nan])
    values = np.array([[0.0, 2.0, -5.0], [np.inf, np.nan, 1.0]])
    f = check([x, v, s, order], outputs, data, values, np.array(2.0), np.arange(7)[::-1].copy())
    same_for(f, [x, v, s, order], outputs, (data[:0], values, 1.0, np.arange(0)))
    for wrong in (np.arange(1, 8), np.arange(6)):
        with pytest.raises(ValueError):
            f(data, values, 1.0, wrong)


def test_searchsorted_over_batches():
    x, v = pt.matrix(), pt.matrix()
    core = pt.searchsorted(pt.vector("x"), pt.vector("v"))
    f = pytensor.graph.replace.vectorize_graph(
        core, {core.owner.inputs[0]: x, core.owner.inputs[1]: v}
    )
    check([x, v], f, np.sort(normal(3, 5)), normal(3, 2))


def test_bincount():
    x, w = pt.lvector(), pt.vector()
    outputs = [pt.bincount(x), pt.bincount(x, minlength=9), pt.bincount(x, weights=w)]
    f = check([x, w], outputs, np.array([1, 1, 5, 0]), normal(4))
    same_for(f, [x, w], outputs, (np.array([2]), normal(1)))


# -- choices, positions, diagonals -----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_choose(mode):
    a, x, y, all_ = pt.lmatrix(), pt.matrix(), pt.dmatrix(shape=(1, 3)), pt.tensor3()
    outputs = [
        pt.choose(a, [x, y, x * 2], mode=mode),
        pt.choose(a, all_, mode=mode),
        pt.choose(pt.cast(a, "int8"), all_, mode=mode),
    ]
    index = np.array([[0, 2, 1], [1, 1, 0]])
    if mode != "raise":
        index = index * 5 - 4
    f = check([a, x, y, all_], outputs, index, normal(2, 3), normal(1, 3), normal(3, 2, 3))
    if mode == "raise":
        for wrong in (3, -1):
            with pytest.raises(ValueError, match="choice"):
                f(index * 0 + wrong, normal(2, 3), normal(1, 3), normal(3, 2, 3))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_ravel_multi_index(mode, order):
    i, j, dims = pt.lmatrix(), pt.imatrix(), pt.lvector()
    outputs = [
        pt.ravel_multi_index((i, j), dims, mode=mode, order=order),
        pt.ravel_multi_index((i, j), (4, 5), mode=mode, order=order),
        pt.ravel_multi_index((i,), (4,), mode=mode, order=order),
    ]
    rows, columns = np.array([[0, 3, 2]]), np.array([[4, 0, 1]], "int32")
    if mode != "raise":
        rows, columns = rows * 3 - 2, columns * 4 - 5
    f = check([i, j, dims], outputs, rows, columns.astype("int32"), np.array([4, 5]))
    if mode == "raise":
        for wrong in (4, -1):
            with pytest.raises(ValueError, match="out of bounds"):
                f(rows * 0 + wrong, columns, np.array([4, 5]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_unravel_index(order):
    index, dims = pt.lmatrix(), pt.lvector(shape=(3,))
    outputs = [
        *pt.unravel_index(index, dims, order=order),
        *pt.unravel_index(index, (4, 9), order=order),
    ]
    f = check([index, dims], outputs, np.array([[0, 23, 7], [11, 3, 8]]), np.array([2, 3, 4]))
    same_for(f, [index, dims], outputs, (np.zeros((0, 2), "int64"), np.array([2, 3, 4])))
    for wrong in (24, -1):
        with pytest.raises(ValueError, match="out of bounds"):
            f(np.array([[wrong]]), np.array([2, 3, 4]))


def test_fill_diagonal():
    x, value, offset, cube = pt.matrix(), pt.scalar(), pt.iscalar(), pt.tensor3()
    outputs = [
        pt.fill_diagonal(x, value),
        pt.fill_diagonal(x.T, value),
        pt.fill_diagonal(cube, value),
        pt.fill_diagonal_offset(x, value, offset),
        pt.fill_diagonal_offset(x.T, value, offset),
        pt.grad(pt.fill_diagonal(x, value).sum(), [x, value])[0],
    ]
    f = check(
        [x, value, offset, cube],
        outputs,
        normal(3, 5),
        np.array(2.0),
        np.array(1, "int32"),
        normal(3, 3, 3),
    )
    same_for(f, [x, value, offset, cube], outputs, (normal(3, 5), 1.0, -2, normal(2, 2, 2)))
    with pytest.raises(ValueError, match="equal length"):
        f(normal(3, 5), 1.0, 0, normal(3, 3, 2))


def test_diagonals():
    from pytensor.tensor.basic import alloc_diag

    x, v = pt.matrix(), pt.vector()
    outputs = [
        pt.diag(v),
        pt.diag(v, 2),
        pt.diag(v, -1),
        pt.diag(x, 1),
        alloc_diag(x, offset=1, axis1=0, axis2=2),
    ]
    check([x, v], outputs, normal(3, 4), normal(3))


def test_permuted_rows():
    from pytensor.tensor.basic import inverse_permutation, permute_row_elements

    x, p, v, q = pt.matrix(), pt.lmatrix(), pt.vector(), pt.lvector()
    outputs = [
        permute_row_elements(x, p),
        permute_row_elements(x, p, inverse=True),
        permute_row_elements(v, p),
        permute_row_elements(x, q),
        permute_row_elements(v, q),
        permute_row_elements(v, q, inverse=True),
        permute_row_elements(v, p, inverse=True),
        inverse_permutation(q),
        inverse_permutation(p),
    ]
    p_ = np.array([[2, 0, 1], [1, 2, 0]])
    check([x, p, v, q], outputs, normal(2, 3), p_, normal(3), np.array([1, 2, 0]))


def test_windows_and_triangles():
    m = pt.lscalar()
    outputs = [
        pt.bartlett(m),
        pt.tri(m, 3),
        pt.tri(3, m, k=1),
        *pt.tril_indices(m),
        *pt.triu_indices(m, k=1),
        *pt.tril_indices_from(pt.zeros((m, 4))),
    ]
    f = check([m], outputs, np.array(6))
    same_for(f, [m], outputs, (5,), (2,), (1,))
    g = check([m], pt.bartlett(m), np.array(0))
    assert g(-3)[0].shape == (0,)


PADS = [
    "constant",
    "edge",
    "linear_ramp",
    "maximum",
    "minimum",
    "mean",
    "reflect",
    "symmetric",
    "wrap",
]


@pytest.mark.parametrize("mode", PADS)
def test_pad(mode):
    x = pt.matrix()
    outputs = [pt.pad(x, 2, mode=mode), pt.pad(x, ((1, 2), (0, 3)), mode=mode)]
    f = pytensor.function([x], outputs, mode="GEMMULE")
    for got, want in zip(
        f(np.arange(12.0).reshape(3, 4)),
        reference([x], outputs)(np.arange(12.0).reshape(3, 4)),
        strict=True,
    ):
        assert_same(got, want)
    if mode not in ("reflect", "symmetric", "wrap"):  # loops
        assert gemmule.explain(f).fallbacks == []


# -- indexing over batches -------------------------------------------------------------------------


def batched(build, *cores):
    """`build` of these vectors and matrices, with a batch of each."""
    output = build(*cores)
    wide = [pt.tensor(dtype=c.type.dtype, shape=(None, *c.type.shape)) for c in cores]
    return wide, pytensor.graph.replace.vectorize_graph(output, dict(zip(cores, wide, strict=True)))


BATCHED = {
    "vector": lambda x, i, k: x[0][i],
    "rows": lambda x, i, k: x[i],
    "columns": lambda x, i, k: x[:, i],
    "points": lambda x, i, k: x[i, i],
    "matrix of indices": lambda x, i, k: x[:, abs(i[:, None]) - 1 + i * 0],
    "slice": lambda x, i, k: x[i, 1:],
    "scalar": lambda x, i, k: x[k],
    "scalar of columns": lambda x, i, k: x[::-1, k],
    "scalar and vector": lambda x, i, k: x[k, i],
}


@pytest.mark.parametrize("name", BATCHED)
def test_indices_over_batches(name):
    def build(x, i, k):
        return BATCHED[name](x, i, k)

    x, i, k = pt.matrix(), pt.lvector(), pt.lscalar()
    wide, output = batched(build, x, i, k)
    data, indices, scalars = (
        normal(3, 4, 4),
        np.array([[0, 1], [1, -3], [1, 1]]),
        np.array([0, -1, 2]),
    )
    check(wide, output, data, indices, scalars)
    for function in (pt.set_subtensor, pt.inc_subtensor):
        for value in (2.0, "twice"):

            def update(x, i, k, function=function, value=value):
                part = BATCHED[name](x, i, k)
                return function(part, 2 * part if value == "twice" else value)

            wide, output = batched(update, x, i, k)
            check(wide, output, data, indices, scalars)


# -- branches --------------------------------------------------------------------------------------


def test_ifelse():
    c, x, y = pt.scalar(), pt.vector(), pt.vector()
    outputs = [ifelse(c > 0, x * 2, y), *ifelse(x.sum() > c, [x, y.sum()], [x + 1, pt.zeros(())])]
    f = check([c, x, y], outputs, np.array(1.0), normal(3), normal(3))
    same_for(f, [c, x, y], outputs, (-1.0, normal(3), normal(5)), (0.5, np.ones(4), normal(2)))


def test_ifelse_of_an_input():
    c, x = pt.bscalar(), pt.matrix()
    outputs = [ifelse(c, x, x.T), ifelse(c, x.sum(), x[0, 0])]
    f = check([c, x], outputs, np.array(1, "int8"), normal(2, 3))
    same_for(f, [c, x], outputs, (np.int8(0), normal(3, 2)))
    f.trust_input = False
    data = normal(2, 2)
    result = f(1, data)[0]
    result[:] = 0
    assert (data != 0).all()


def test_a_branch_that_is_not_taken():
    """It may be at fault."""
    c, x, i = pt.lscalar(), pt.vector(), pt.lvector()
    checked = Assert("negative")(x, (x >= 0).all())
    outputs = [
        ifelse(c > 0, pt.sqrt(checked), x),
        ifelse(c > 0, x[i].sum(), x.sum()),
        ifelse(c > 0, x[7] + x.max(), x.sum()),
        ifelse(c > 0, (x[x > 0] + x[: x[x > 0].shape[0]]).sum(), x.sum()),
        ifelse(c > 0, ifelse(x.sum() > 0, checked[i], x), x * 3),
    ]
    f = compile_native([c, x, i], outputs)
    same_for(
        f,
        [c, x, i],
        outputs,
        (0, -np.ones(3), np.array([9])),
        (0, np.zeros(0), np.array([9])),
        (1, np.ones(9), np.array([2, 3])),
    )
    with pytest.raises(AssertionError, match="negative"):
        f(1, -np.ones(9), np.array([0]))
    with pytest.raises(IndexError):
        f(1, np.ones(9), np.array([9]))


def test_ifelse_with_nodes_of_python():
    """What Python runs in a branch does not run where the branch is not taken."""
    from pytensor.compile.ops import wrap_py

    calls = []

    @wrap_py(itypes=[pt.dvector], otypes=[pt.dvector])
    def through_python(x):
        calls.append(1)
        return x * 2

    c, x = pt.lscalar(), pt.dvector()
    f = pytensor.function([c, x], ifelse(c > 0, through_python(x) + 1, x), mode="GEMMULE")
    np.testing.assert_array_equal(f(0, np.ones(3)), np.ones(3))
    assert not calls
    np.testing.assert_array_equal(f(1, np.ones(3)), 3 * np.ones(3))
    assert calls


def test_gradient_of_ifelse():
    c, x = pt.scalar(), pt.vector()
    cost = ifelse(c > 0, (x**2).sum(), x.prod())
    check([c, x], pt.grad(cost, x), np.array(1.0), normal(3))
    check([c, x], pt.grad(cost, x), np.array(-1.0), normal(3))


def test_print_runs_in_python(capsys):
    x = pt.vector()
    f = pytensor.function([x], pytensor.printing.Print("x is")(x) * 2, mode="GEMMULE")
    np.testing.assert_array_equal(f(np.ones(2)), [2.0, 2.0])
    assert "x is" in capsys.readouterr().out
    [fallback] = gemmule.explain(f).fallbacks
    assert "prints" in fallback.reason
