"""The native executor: what goes in and out, memory, threads, and its programs."""

import copy
import pickle
import threading
import tracemalloc

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.printing import Print

import gemmule


@pytest.fixture(autouse=True)
def on_the_cpu():
    gemmule.config.executor = "cpu"


def function(inputs, outputs=None, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


def executable(f):
    """The core's part of a function, and its inputs' places among those of the function."""
    direct = gemmule.explain(f).compiled.direct()
    assert direct is not None
    segment, places = direct
    return segment.executable, places


def program_text(f, *values):
    core, places = executable(f)
    return core.program_text([values[place] for place in places])


def address(array):
    return array.ctypes.data


def memory(shared):
    return shared.get_value(borrow=True)


# -- NumPy arrays of every layout ------------------------------------------------------------------

VALUE = np.random.default_rng(5).normal(size=(6, 8))


def unaligned(value):
    raw = np.zeros(value.nbytes + 1, "uint8")
    result = raw[1:].view(value.dtype).reshape(value.shape)
    result[...] = value
    assert not result.flags.aligned
    return result


def read_only(value):
    result = value.copy()
    result.flags.writeable = False
    return result


def field_of_records(value):
    """Strides that are no multiple of the size of an element."""
    result = np.zeros(value.shape, [("a", "i1"), ("b", value.dtype)])["b"]
    result[...] = value
    return result


LAYOUTS = {
    "row-major": lambda v: v,
    "column-major": np.asfortranarray,
    "every second": lambda v: np.repeat(np.repeat(v, 2, 0), 2, 1)[::2, ::2],
    "transposed": lambda v: v.T.copy().T,
    "rows backwards": lambda v: v[::-1].copy()[::-1],
    "columns backwards": lambda v: v[:, ::-1].copy()[:, ::-1],
    "both backwards": lambda v: v[::-1, ::-1].copy()[::-1, ::-1],
    "part of a larger one": lambda v: np.pad(v, 3)[3:-3, 3:-3],
    "rows repeated": lambda v: np.broadcast_to(v[0], v.shape),
    "one element repeated": lambda v: np.broadcast_to(v[0, 0], v.shape),
    "read-only": read_only,
    "unaligned": unaligned,
    "byte-swapped": lambda v: v.astype(v.dtype.newbyteorder()),
    "field of records": field_of_records,
}


@pytest.mark.parametrize("trust_input", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout, dtype, trust_input):
    if layout in (unaligned, field_of_records) and not trust_input:
        pytest.skip("PyTensor itself refuses them")
    x, y = pt.matrix("x", dtype=dtype), pt.vector("y", dtype=dtype)
    outputs = [x @ y, x.T @ x, pt.exp(x).sum(axis=0), x + y, x[::-2, 1:], pt.tanh(x).sum()]
    f = function([x, y], outputs, trust_input=trust_input)
    value = layout(VALUE.astype(dtype))
    before = np.array(value)
    y_value = np.arange(8, dtype=dtype)
    v = before.astype(dtype)
    want = [v @ y_value, v.T @ v, np.exp(v).sum(0), v + y_value, v[::-2, 1:], np.tanh(v).sum()]
    rtol = 1e-12 if dtype == "float64" else 1e-5
    for got, expected in zip(f(value, y_value), want, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)
        assert got.flags.c_contiguous
        assert got.flags.writeable
        assert not np.shares_memory(got, value)
    np.testing.assert_array_equal(value, before)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_empty_and_size_1(shape, order):
    x = pt.matrix("x")
    f = function([x], [x @ x.T, pt.exp(x).sum(axis=0), x.sum(), x.T, 2 * x + 1])
    value = np.full(shape, 0.5, order=order)
    want = [value @ value.T, np.exp(value).sum(0), value.sum(), value.T, 2 * value + 1]
    for got, expected in zip(f(value), want, strict=True):
        assert got.shape == np.shape(expected)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_scalars_are_arrays_without_dimensions():
    x, y = pt.scalar("x"), pt.vector("y")
    total, product = function([x, y], [x + 1, x * y])(np.array(2.0), np.ones(3))
    assert (type(total), total.shape, float(total)) == (np.ndarray, (), 3.0)
    np.testing.assert_array_equal(product, np.full(3, 2.0))


# -- numbers, and what does not fit ----------------------------------------------------------------


@pytest.mark.parametrize("trust_input", [False, True])
def test_python_numbers(trust_input):
    x, i, b = pt.scalar("x"), pt.lscalar("i"), pt.scalar("b", dtype="bool")
    f = function([x, i, b], [x * 2, i + 1, ~b], trust_input=trust_input)
    for values in (2.5, 3, True), (np.float64(2.5), np.int64(3), np.bool_(True)):
        assert [result.item() for result in f(*values)] == [5.0, 4, False]
    assert [result.item() for result in f(2, 3, False)] == [4.0, 4, True]


@pytest.mark.parametrize("trust_input", [False, True])
def test_a_number_of_another_kind_is_refused(trust_input):
    i = pt.lscalar("i")
    f = function([i], i + 1, trust_input=trust_input)
    for number in 2.5, 2j, 2**70:
        with pytest.raises((TypeError, OverflowError)):
            f(number)


MISFITS = [
    (np.ones(3), ValueError, "an array with 1 dimension was given"),
    (np.ones((2, 2, 2)), ValueError, "an array with 3 dimensions was given"),
    (np.ones((2, 2), "float32"), TypeError, "an array of float32 was given"),
    (np.ones((2, 2), "int64"), TypeError, "an array of int64 was given"),
    (np.array([["a"]]), TypeError, "an array of str"),
    (np.array([[None]]), TypeError, "an array of object was given"),
    (2.0, ValueError, "an array with 0 dimensions was given"),
    ([[1.0]], TypeError, "an object of type list was given: pass NumPy arrays, mx.arrays or numb"),
    (None, TypeError, "an object of type NoneType was given"),
    (mx.array([[1]]), TypeError, "an mx.array of int32 was given"),
    (mx.array([1.0]), TypeError, "an mx.array of float32 was given"),
]


@pytest.mark.parametrize(("value", "error", "message"), MISFITS)
def test_what_does_not_fit_is_refused_by_name(value, error, message):
    x = pt.matrix("x")
    f = function([x], pt.exp(x), trust_input=True)
    with pytest.raises(error) as raised:
        f(value)
    assert 'input 0 "x" must be float64 with 2 dimensions, and ' + message in str(raised.value)
    np.testing.assert_allclose(f(np.zeros((2, 2))), np.ones((2, 2)))  # the next call is right


def test_number_of_inputs():
    x = pt.vector("x")
    core, _ = executable(function([x], x + 1))
    with pytest.raises(ValueError, match="1 inputs are needed, 5 were given"):
        core.run([np.ones(1)] * 5)


def test_sizes_that_do_not_fit_are_refused():
    x, y = pt.matrix("x"), pt.matrix("y")
    f = function([x, y], x @ y)
    with pytest.raises(ValueError, match="2 and 3 differ"):
        f(np.ones((2, 2)), np.ones((3, 2)))
    np.testing.assert_array_equal(f(np.ones((2, 2)), np.ones((2, 2))), np.full((2, 2), 2.0))


# -- mx.array --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trust_input", [False, True])
def test_mlx_in_mlx_out(trust_input):
    x, y = pt.fmatrix("x"), pt.fmatrix("y")
    f = function([x, y], [pt.tanh(x @ y), x.T, x], trust_input=trust_input)
    a, b = np.random.default_rng(2).normal(size=(2, 4, 4)).astype("float32")
    want = [np.tanh(a @ b), a.T, a]
    for values in [
        (mx.array(a), mx.array(b)),
        (mx.array(a), b),
        (a, mx.array(b)),
        (mx.array(a.T.copy()).T, mx.array(b[::-1].copy())[::-1]),  # strided
        (mx.array(a) + 0, mx.array(b) * 1),  # not evaluated yet
    ]:
        for got, expected in zip(f(*values), want, strict=True):
            assert type(got) is mx.array
            np.testing.assert_allclose(np.array(got), expected, rtol=1e-5)
    assert all(type(result) is np.ndarray for result in f(a, b))


def test_results_are_evaluated():
    x = pt.fvector("x")
    result = function([x], x + 1, trust_input=True)(mx.array([1.0, 2.0]))
    # An array that is not evaluated yet names the primitive that will compute it.
    assert gemmule._core.primitives([result], views=True) == []


@pytest.mark.parametrize("dtype", ["float64", "int64", "int8", "bool", "complex64"])
def test_mlx_of_other_dtypes(dtype):
    x = pt.vector("x", dtype=dtype)
    value = np.array([0, 1, 1]).astype(dtype)
    result = function([x], x[::-1])(mx.array(value, getattr(mx, dtype.replace("bool", "bool_"))))
    assert type(result) is mx.array
    np.testing.assert_array_equal(np.array(result), value[::-1])


def test_empty_mlx_arrays():
    x = pt.fmatrix("x")
    sums, product = function([x], [x.sum(axis=1), x @ x.T])(mx.zeros((3, 0)))
    np.testing.assert_array_equal(np.array(sums), np.zeros(3))
    np.testing.assert_array_equal(np.array(product), np.zeros((3, 3)))


def test_complex128_stays_with_numpy():
    z, x = pt.zmatrix("z"), pt.fmatrix("x")
    f = function([z], z @ z + 1)
    value = np.full((2, 2), 1j)
    np.testing.assert_allclose(f(value), value @ value + 1)
    g = function([z, x], [z + 1, x + 1])
    with pytest.raises(TypeError, match="is complex128, which MLX lacks: pass NumPy arrays only"):
        g(value, mx.ones((2, 2)))


def test_inside_a_transformation_mlx_runs_it():
    x = pt.fmatrix("x")
    f = function([x], pt.tanh(x @ x))
    core, _ = executable(f)
    a = np.random.default_rng(4).normal(size=(3, 2, 2)).astype("float32")
    want = np.tanh(a @ a)
    call = lambda value: core.run([value])[0]  # noqa: E731
    np.testing.assert_allclose(np.array(mx.compile(call)(mx.array(a[0]))), want[0], rtol=1e-5)
    np.testing.assert_allclose(np.array(mx.vmap(call)(mx.array(a))), want, rtol=1e-5)
    through_the_function = mx.compile(lambda value: f.vm.jit_fn(value)[0])
    np.testing.assert_allclose(np.array(through_the_function(mx.array(a[1]))), want[1], rtol=1e-5)


# -- shared variables in place ---------------------------------------------------------------------

N = 300  # a matrix of 720 kB


def accumulating():
    """C <- C + a*A@B."""
    C = pytensor.shared(np.zeros((N, N)), "C")
    a, A, B = pt.scalar("a"), pt.matrix("A"), pt.matrix("B")
    return C, function([a, A, B], [], updates={C: C + a * (A @ B)}, trust_input=True)


def test_accumulation_allocates_nothing_of_its_size():
    C, f = accumulating()
    values = np.array(0.5), np.ones((N, 4)), np.ones((4, N))
    f(*values)
    before = address(memory(C))
    tracemalloc.start()
    try:
        for _ in range(5):
            f(*values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < C.get_value().nbytes / 20
    assert address(memory(C)) == before
    np.testing.assert_array_equal(C.get_value(), np.full((N, N), 12.0))


IN_PLACE = {
    "sum": lambda s, x: s + x.sum(),
    "several passes": lambda s, x: 0.9 * s + 0.1 * pt.exp(s - x),
    "with a vector": lambda s, x: s * x[0] + x,
    "rank one": lambda s, x: s + 2 * pt.outer(x[:, 0], x[0]),
    "row": lambda s, x: pt.set_subtensor(s[1], x[0]),
    "increment": lambda s, x: pt.inc_subtensor(s[1:, :2], x[1, 1]),
    "decay": lambda s, x: 0.5 * s - (x @ x),
}


@pytest.mark.parametrize("update", IN_PLACE.values(), ids=IN_PLACE)
def test_updates_in_place(update):
    start = np.random.default_rng(3).normal(size=(4, 4))
    s, x = pytensor.shared(start, "s"), pt.matrix("x")
    f = function([x], [], updates={s: update(s, x)})
    old = pt.matrix("old")
    reference = pytensor.function([old, x], update(old, x), mode="FAST_COMPILE")
    value = np.random.default_rng(4).normal(size=(4, 4))
    before = address(memory(s))
    want = start
    for _ in range(3):
        f(value)
        want = reference(want, value)
        np.testing.assert_allclose(s.get_value(), want, rtol=1e-12)
        assert address(memory(s)) == before


def test_two_variables_in_place_at_once():
    m, v = pytensor.shared(np.zeros(50), "m"), pytensor.shared(np.ones(50), "v")
    g = pt.vector("g")
    f = function([g], [], updates={m: 0.9 * m + 0.1 * g, v: 0.9 * v + 0.1 * g**2})
    before = address(memory(m)), address(memory(v))
    f(np.full(50, 2.0))
    np.testing.assert_allclose(m.get_value(), np.full(50, 0.2))
    np.testing.assert_allclose(v.get_value(), np.full(50, 1.3))
    assert (address(memory(m)), address(memory(v))) == before


NEEDED = {
    "transposed": lambda s: s + s.T,
    "product": lambda s: s + s @ s,
    "reversed": lambda s: s + s[::-1],
    "shifted": lambda s: pt.set_subtensor(s[1:], s[:-1]),
    "sum first": lambda s: s - s.sum(axis=0),
    "permuted": lambda s: s[np.array([2, 0, 3, 1])] * 2,
    "running": lambda s: pt.cumsum(s, axis=0),
    "sorted": lambda s: pt.sort(s, axis=0),
    "factor": lambda s: pt.linalg.cholesky(s @ s.T + pt.eye(4)) + s,
    "inverse": lambda s: pt.linalg.inv(s) + s,
}


@pytest.mark.parametrize("update", NEEDED.values(), ids=NEEDED)
def test_old_values_that_are_still_needed(update):
    start = np.random.default_rng(6).normal(size=(4, 4))
    s, old = pytensor.shared(start, "s"), pt.matrix("old")
    f = function([], [s.sum(), s * 2], updates={s: update(s)})
    alone = pytensor.shared(start, "s")
    g = function([], [], updates={alone: update(alone)})
    reference = pytensor.function([old], update(old), mode="FAST_COMPILE")
    want = start
    for _ in range(3):
        total, double = f()
        g()
        np.testing.assert_allclose(total, want.sum(), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(double, 2 * want, rtol=1e-10)
        want = reference(want)
        np.testing.assert_allclose(s.get_value(), want, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(alone.get_value(), want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "view",
    [lambda v: v, lambda v: v.T, lambda v: v[::-1], lambda v: v[:, ::-1]],
    ids=["same", "transposed", "rows backwards", "columns backwards"],
)
@pytest.mark.parametrize("update", [lambda s, x: s + x, lambda s, x: s + x @ x], ids=["+", "@"])
def test_arrays_that_overlap_are_not_overwritten(view, update):
    start = np.arange(16.0).reshape(4, 4)
    s, x = pytensor.shared(start.copy(), "s", borrow=True), pt.matrix("x")
    f = function([pytensor.In(x, borrow=True)], [], updates={s: update(s, x)}, trust_input=True)
    alias = view(memory(s))
    want = update(start, alias.copy())
    kept = alias.copy()
    f(alias)
    np.testing.assert_allclose(s.get_value(), want)
    np.testing.assert_array_equal(alias, kept)


def test_two_variables_that_share_memory():
    value = np.arange(6.0)
    a, b = pytensor.shared(value[:4], borrow=True), pytensor.shared(value[2:], borrow=True)
    f = function([], [], updates={a: a + b, b: a * b})
    f()
    np.testing.assert_array_equal(a.get_value(), [2.0, 4.0, 6.0, 8.0])
    np.testing.assert_array_equal(b.get_value(), [0.0, 3.0, 8.0, 15.0])


def test_swapped_variables():
    a, b = pytensor.shared(np.zeros(3)), pytensor.shared(np.ones(3))
    f = function([], [], updates={a: b, b: a})
    f()
    assert (a.get_value()[0], b.get_value()[0]) == (1.0, 0.0)
    memory(a)[:] = 7.0
    np.testing.assert_array_equal(b.get_value(), np.zeros(3))


def test_read_only_and_strided_values_are_replaced():
    for value in read_only(np.ones((3, 3))), np.ones((3, 6))[:, ::2], np.ones((3, 3), order="F"):
        s = pytensor.shared(value, borrow=True)
        f = function([], [], updates={s: 2 * s + 1})
        f()
        f()
        np.testing.assert_array_equal(s.get_value(), np.full((3, 3), 7.0))
        np.testing.assert_array_equal(value[0, 0], 1.0)


def test_a_variable_that_changes_its_shape():
    s = pytensor.shared(np.ones(2), "s")
    f = function([], s.sum(), updates={s: pt.concatenate([s, s])})
    assert [float(f()) for _ in range(4)] == [2.0, 4.0, 8.0, 16.0]


# Of two 4x4 matrices one.
STEPS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b.T,
    lambda a, b: a @ b / 4,
    lambda a, b: pt.tanh(a) @ b.T,
    lambda a, b: a[::-1] + b,
    lambda a, b: a + b.sum(axis=0),
    lambda a, b: a * b.sum(axis=1, keepdims=True) / 4,
    lambda a, b: pt.set_subtensor(a[1:3], b[:2]),
    lambda a, b: pt.inc_subtensor(a[:, ::2], b[:, 1::2]),
    lambda a, b: pt.where(a > b, a, b),
    lambda a, b: pt.concatenate([a[:2], b[2:]]),
    lambda a, b: pt.cumsum(a, axis=1) / 3 - b,
    lambda a, b: a.T.reshape((4, 4)) / 2,
    lambda a, b: a[np.array([3, 1, 0, 2])] + b.mean(),
    lambda a, b: a + 2 * pt.outer(b[0], a[:, 0]),
]


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_that_update_what_they_read(seed):
    rng = np.random.default_rng(seed)

    def draw(leaves, depth):
        if depth == 0:
            return leaves[rng.integers(len(leaves))]
        step = STEPS[rng.integers(len(STEPS))]
        return step(draw(leaves, depth - 1), draw(leaves, depth - 1))

    start = rng.normal(size=(2, 4, 4))
    s, t = pytensor.shared(start[0], "s"), pytensor.shared(start[1], "t")
    x, old_s, old_t = pt.matrices("x", "old_s", "old_t")
    new_s, new_t, out = (pt.tanh(draw([x, s, t], 3)) for _ in range(3))
    outputs = [out, new_s.sum(), s.T]
    options = {"on_unused_input": "ignore"}
    f = function([x], outputs, updates={s: new_s, t: new_t}, trust_input=True, **options)
    reference = pytensor.function(
        [x, old_s, old_t],
        [*outputs, new_s, new_t],
        givens={s: old_s, t: old_t},
        mode="FAST_COMPILE",
        **options,
    )
    s_value, t_value = start
    for layout in (np.array, np.transpose, np.flipud):
        value = layout(rng.normal(size=(4, 4)))
        *wanted, s_value, t_value = reference(value, s_value, t_value)
        found = [*f(value), s.get_value(), t.get_value()]
        for got, want in zip(found, [*wanted, s_value, t_value], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


# -- errors ----------------------------------------------------------------------------------------


def test_an_exception_in_the_middle_leaves_shared_variables():
    s, t = pytensor.shared(np.zeros(4), "s"), pytensor.shared(np.zeros(4), "t")
    x, i = pt.vector("x"), pt.lvector("i")
    f = function([x, i], x[i].sum(), updates={s: s + x, t: t * 2 + s[i]})
    before = address(memory(s)), address(memory(t))
    for values, error in [
        ((np.ones(4), np.array([0, 1, 2, 9])), IndexError),
        ((np.ones(5), np.arange(4)), ValueError),
        ((np.ones(4), np.arange(3)), ValueError),
    ]:
        with pytest.raises(error):
            f(*values)
        np.testing.assert_array_equal(s.get_value(), np.zeros(4))
        np.testing.assert_array_equal(t.get_value(), np.zeros(4))
        assert (address(memory(s)), address(memory(t))) == before
    assert f(np.ones(4), np.arange(4)) == 4.0
    np.testing.assert_array_equal(s.get_value(), np.ones(4))


def test_an_exception_in_a_python_node_leaves_shared_variables():
    class Refuses(pytensor.graph.op.Op):
        __props__ = ()

        def make_node(self, x):
            return pytensor.graph.basic.Apply(self, [x], [x.type()])

        def perform(self, node, inputs, outputs):
            raise RuntimeError("refused")

    s, x = pytensor.shared(np.zeros(4), "s"), pt.vector("x")
    f = function([x], pt.exp(Refuses()(x * 2)), updates={s: s + x})
    with pytest.raises(RuntimeError, match="refused"):
        f(np.ones(4))
    np.testing.assert_array_equal(s.get_value(), np.zeros(4))


# -- outputs ---------------------------------------------------------------------------------------


def test_outputs_alias_neither_inputs_nor_each_other():
    x, s = pt.matrix("x"), pytensor.shared(np.ones((3, 3)), "s")
    y = pt.exp(x)
    outputs = [
        x,
        x,
        x.T,
        x[1:],
        x.ravel(),
        s,
        s.T,
        y,
        y,
        y.T,
        y[::-1],
        y.ravel(),
        y + 0,
        x.diagonal(),
    ]
    f = function([x], outputs, updates={s: y}, trust_input=True)
    value = np.arange(9.0).reshape(3, 3)
    first, second = f(value), f(value)
    arrays = [value, memory(s), *first, *second]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
    for result in first:
        assert result.flags.writeable
        result[...] = -1.0
    np.testing.assert_array_equal(value, np.arange(9.0).reshape(3, 3))
    np.testing.assert_array_equal(second[2], value.T)
    np.testing.assert_allclose(memory(s), np.exp(value))


def test_constants_are_copied():
    c = pt.constant(np.arange(3.0))
    x = pt.vector("x")
    f = function([x], [c, x + c, pt.zeros(3)])
    for _ in range(2):
        constant, _, zeros = f(np.ones(3))
        np.testing.assert_array_equal(constant, np.arange(3.0))
        np.testing.assert_array_equal(zeros, np.zeros(3))
        constant[:] = zeros[:] = 9.0


# -- threads ---------------------------------------------------------------------------------------


def in_threads(*works):
    """Runs them at once; raises what one of them raised."""
    errors = []
    start = threading.Barrier(len(works))

    def guarded(work):
        try:
            start.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("size", [5, 120])  # below and above what releases the interpreter's lock
def test_one_executable_in_many_threads(size):
    x = pt.matrix("x")
    core, _ = executable(function([x], [pt.tanh(x @ x).sum(axis=0), pt.exp(x).sum()]))

    def work(seed):
        value = np.random.default_rng(seed).normal(size=(size + seed % 2, size + seed % 2))
        want = core.run([value])
        for _ in range(100):
            for a, b in zip(core.run([value]), want, strict=True):
                np.testing.assert_array_equal(a, b)  # to the last bit
        np.testing.assert_allclose(want[0], np.tanh(value @ value).sum(0), rtol=1e-9)

    in_threads(*(lambda seed=seed: work(seed) for seed in range(4)))


def test_two_functions_in_two_threads():
    x = pt.matrix("x")
    value = np.random.default_rng(1).normal(size=(60, 60))
    cases = [
        (function([x], pt.exp(x @ x.T / 60)), np.exp(value @ value.T / 60)),
        (function([x], pt.linalg.inv(x @ x.T + 1)), np.linalg.inv(value @ value.T + 1)),
    ]

    def work(f, want):
        for _ in range(100):
            np.testing.assert_allclose(f(value), want, rtol=1e-6)

    in_threads(*(lambda case=case: work(*case) for case in cases))


def test_new_shapes_in_many_threads():
    x = pt.vector("x")
    core, _ = executable(function([x], (x * x).sum()))

    def work():
        for n in range(1, 60):
            assert core.run([np.full(n, 2.0)])[0] == 4.0 * n

    in_threads(*[work] * 4)
    assert len(core.programs) == 59


# -- switches, copies ------------------------------------------------------------------------------


def test_switch_of_the_executor():
    x = pt.matrix("x")
    value = np.full((3, 3), 0.5)
    for name in "auto", "cpu", "mlx":
        gemmule.config.executor = name
        f = function([x], pt.exp(x @ x))
        np.testing.assert_allclose(f(value), np.exp(value @ value))
        native = name == "cpu" or (name == "auto" and mx.default_device() == mx.cpu)
        if native:
            assert "= matmul(" in program_text(f, value)
        else:
            with pytest.raises(ValueError, match="the native executor does not run this function"):
                program_text(f, value)
    with pytest.raises(ValueError, match="executor is one of auto, cpu, mlx; got 'numba'"):
        gemmule.config.executor = "numba"


def test_a_switch_is_read_when_a_function_is_compiled():
    x = pt.vector("x")
    f = function([x], pt.exp(x))
    gemmule.config.executor = "mlx"
    assert program_text(f, np.ones(3))


def regression():
    """A linear model and its gradient: X is read twice, and large enough to be read once."""
    X, b, y = pt.matrix("X"), pt.vector("b"), pt.vector("y")
    residual = y - X @ b
    rng = np.random.default_rng(8)
    values = rng.normal(size=(20000, 64)), rng.normal(size=64), rng.normal(size=20000)
    return [X, b, y], [(residual**2).sum(), X.T @ residual], values


def test_passes_can_be_left_out():
    inputs, outputs, values = regression()
    X, b, y = values
    want = ((y - X @ b) ** 2).sum(), X.T @ (y - X @ b)
    with_pass = function(inputs, outputs)
    gemmule.config.disable = ["row_blocks"]
    without = function(inputs, outputs)
    gemmule.config.disable = [name for name, _ in gemmule._core.native_passes()]
    bare = function(inputs, outputs)
    for f, has in (with_pass, True), (without, False), (bare, False):
        for got, expected in zip(f(*values), want, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
        assert ("row_blocks" in program_text(f, *values)) == has
    assert "fused" not in program_text(bare, *values)


@pytest.mark.parametrize(
    "make", [copy.copy, lambda f: f.copy(), lambda f: pickle.loads(pickle.dumps(f))]
)
def test_copies_and_pickles(make):
    s, x = pytensor.shared(np.ones(3), "s"), pt.vector("x")
    f = function([x], (s * x).sum(), updates={s: s + x})
    f(np.ones(3))
    g = make(f)
    value = float(s.get_value()[0])
    assert g(np.ones(3)) == 3 * value
    core, places = executable(g)
    assert "output 0" in core.program_text([[np.ones(3), np.ones(3)][place] for place in places])


# -- programs --------------------------------------------------------------------------------------


def test_programs_are_kept_by_shapes_and_strides():
    x = pt.matrix("x")
    f = function([x], pt.exp(x).sum(axis=0))
    core, _ = executable(f)
    calls = [
        (np.ones((3, 4)), 1),
        (np.zeros((3, 4)), 1),
        (np.ones((4, 3)), 2),
        (np.ones((3, 4), order="F"), 3),
        (np.ones((3, 8))[:, ::2], 4),
        (np.ones((3, 4))[::-1], 5),
        (np.ones((3, 4), order="F"), 5),
        (np.ones((3, 4)), 5),
        (np.ones((4, 3)), 5),
        (np.ones((1, 4)), 6),
        (np.ones((1, 4), order="F"), 6),  # the same memory
        (mx.array(np.ones((3, 4)), mx.float64), 6),
    ]
    for value, programs in calls:
        f(value)
        assert len(core.programs) == programs
    core.run([unaligned(np.ones((3, 4)))])  # copied
    assert len(core.programs) == 6


def test_many_shapes_stay_within_the_limit():
    x = pt.vector("x")
    core, _ = executable(function([x], x.sum()))
    for n in range(600):
        assert core.run([np.ones(n)])[0] == n
    assert len(core.programs) == 512
    for n in range(0, 600, 37):
        assert core.run([np.ones(n)])[0] == n
    assert len(core.programs) == 512


def test_text_of_a_program():
    A, B, C = pt.matrices("A", "B", "C")
    f = function([A, B, C], pt.exp(0.5 * (A @ B.T) + C).sum(axis=0))
    values = np.ones((6, 4)), np.ones((6, 4)), np.ones((6, 6))
    text = program_text(f, *values)
    first, second, *_, last = text.strip().splitlines()
    assert first.startswith("f64[6,6] at workspace+0 = gemm(")
    assert first.endswith("# 0.5*A@B.T + C")
    assert second.startswith("f64[6] at output 0 = fused(workspace+0")
    assert last == "workspace: 320 bytes, of which 288 are alive at once at most"


def test_text_of_a_program_in_place():
    C, f = accumulating()
    core, places = executable(f)
    values = [np.array(0.5), np.ones((N, 4)), np.ones((4, N)), C.get_value()]
    text = core.program_text([values[place] for place in places])
    assert f"output 0 may lie in the memory of input {places.index(3)}" in text
    assert "workspace: 0 bytes" in text


def test_views_move_nothing():
    x = pt.tensor3("x")
    f = function([x], (x.transpose(2, 0, 1)[::-1, 1:, ::2] ** 2).sum())
    value = np.random.default_rng(1).normal(size=(4, 5, 6))
    np.testing.assert_allclose(f(value), (value[1:, ::2] ** 2).sum(), rtol=1e-12)
    text = program_text(f, value)
    assert not any(word in text for word in ("transpose(", "slice(", "copy"))


def test_a_segment_beside_python_nodes():
    x = pt.vector("x")
    f = function([x], pt.exp(Print("x")(x)) * 2)
    assert gemmule.explain(f).compiled.direct() is None
    np.testing.assert_allclose(f(np.array([1.0, 0.0, 1.0])), 2 * np.exp([1.0, 0.0, 1.0]))


# -- sums ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", [(1_000_000,), (1000, 1000), (4, 250_000)])
def test_sums_are_as_accurate_as_numpys(dtype, layout):
    """In the worst case for a running sum: a large offset, accumulated in the dtype itself."""
    x = pt.tensor("x", dtype=dtype, shape=(None,) * len(layout))
    value = (np.random.default_rng(2).random(layout) + 10).astype(dtype)
    f = function([x], [x.sum(acc_dtype=dtype), x.sum(axis=-1, acc_dtype=dtype)])
    total, rows = f(value)
    epsilon = np.finfo(dtype).eps
    exact = value.astype("float128")
    assert abs(total - exact.sum()) <= 8 * epsilon * exact.sum()
    assert (abs(rows - exact.sum(axis=-1)) <= 8 * epsilon * exact.sum(axis=-1)).all()
