"""Programs: compiled functions that run without PyTensor, by name and by address."""

import ctypes
import threading

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.conditional.op import ifelse
from pytensor.raise_op import Assert

import gemmule
from gemmule import _core
from gemmule.export import program_of


def compiled(inputs, outputs, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


def test_file_is_the_sources():
    assert gemmule.__file__.endswith("python/gemmule/__init__.py")


# -- by name ---------------------------------------------------------------------------------------


def test_runs_as_the_function_does():
    x, y = pt.matrix("x"), pt.vector("y", dtype="float32")
    f = compiled([x, y], [pt.exp(x).sum(axis=0), x @ y, y[::-1], x.T])
    program = program_of({"main": f})
    assert program.functions == ["main"]
    assert program.inputs("main") == [
        ("x", "float64", (None, None)),
        ("y", "float32", (None,)),
    ]
    assert program.outputs("main")[0] == ("output_0", "float64", (None,))
    rng = np.random.default_rng(1)
    for rows in (3, 0, 1, 200):
        values = rng.normal(size=(rows, 4)), rng.normal(size=4).astype("float32")
        for got, want in zip(program.run("main", list(values)), f(*values), strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            np.testing.assert_allclose(got, want, rtol=1e-12)


def test_arguments_are_in_the_order_of_the_function():
    a, b, unused = pt.scalars("a", "b", "unused")
    f = compiled([unused, b, a], a / b, on_unused_input="ignore")
    program = program_of({"main": f})
    assert [name for name, _, _ in program.inputs("main")] == ["unused", "b", "a"]
    assert program.run("main", [0.0, 2.0, 3.0])[0] == 1.5


def test_outputs_that_are_inputs_constants_or_twice_the_same():
    x = pt.vector("x")
    y = pt.exp(x)
    y.name = "y"
    f = compiled([x], [x, y, y, pt.constant([1.0, 2.0])])
    program = program_of({"main": f})
    assert [name for name, _, _ in program.outputs("main")] == ["x", "y", "y_1", "output_3"]
    value = np.array([0.0, 1.0])
    results = program.run("main", [value])
    for got, want in zip(results, f(value), strict=True):
        np.testing.assert_array_equal(got, want)
    assert not any(np.shares_memory(a, b) for a in results for b in (value, *results) if a is not b)
    alone = program_of({"main": compiled([x], x)})
    np.testing.assert_array_equal(alone.run("main", [value])[0], value)


def test_a_length_that_is_an_input():
    n, x = pt.lscalar("n"), pt.vector("x")
    program = program_of({"main": compiled([n, x], pt.arange(n) * x[0])})
    for length in (3, 5, 0, 3):
        got = program.run("main", [np.array(length), np.array([2.0])])[0]
        np.testing.assert_array_equal(got, 2.0 * np.arange(length))


def test_shapes_and_dtypes_that_do_not_fit():
    x = pt.tensor("x", shape=(None, 3))
    program = program_of({"main": compiled([x], x.sum())})
    with pytest.raises(ValueError, match=r'input "x" is f64\[2,4\].*declares f64\[s0,3\]'):
        program.run("main", [np.zeros((2, 4))])
    with pytest.raises(TypeError):
        program.run("main", [np.zeros((2, 3), "float32")])
    with pytest.raises(ValueError, match="takes 1 inputs, 2 were given"):
        program.run("main", [np.zeros((2, 3))] * 2)
    with pytest.raises(ValueError, match='no function "other": it has "main"'):
        program.run("other", [])


def test_views_are_read_as_they_are():
    x = pt.matrix("x")
    program = program_of({"main": compiled([x], x * 2)})
    value = np.arange(24.0).reshape(4, 6)[::-2, ::3]
    np.testing.assert_array_equal(program.run("main", [value])[0], value * 2)
    np.testing.assert_array_equal(program.run("main", [value.T])[0], value.T * 2)


# -- checks ----------------------------------------------------------------------------------------


def test_the_check_that_fails_speaks():
    x = pt.vector("x")
    y = Assert("not positive")(x, pt.all(x > 0))
    y = Assert("too large")(y, pt.all(x < 10))
    program = program_of({"main": compiled([x], pt.log(y).sum())})
    assert program.run("main", [np.ones(3)])[0] == 0
    with pytest.raises(ValueError, match=r"^not positive$"):
        program.run("main", [np.array([1.0, -1.0])])
    with pytest.raises(ValueError, match=r"^too large$"):
        program.run("main", [np.array([1.0, 11.0])])


def test_a_branch_that_is_not_taken_is_not_run():
    c, x = pt.lscalar("c"), pt.vector("x")
    y = ifelse(c, pt.exp(x), pt.log(Assert("not positive")(x, pt.all(x > 0))))
    program = program_of({"main": compiled([c, x], y)})
    got = program.run("main", [np.array(1), -np.ones(2)])[0]
    np.testing.assert_allclose(got, np.exp([-1, -1]), rtol=1e-15)
    with pytest.raises(ValueError, match="not positive"):
        program.run("main", [np.array(0), -np.ones(2)])


# -- data ------------------------------------------------------------------------------------------


def test_shared_variables_are_data():
    x = pt.vector("x", shape=(3,))
    table = pytensor.shared(np.arange(6.0).reshape(2, 3), name="table")
    other = pytensor.shared(np.array([1.0]), name="table")
    f = compiled([x], table @ x + other[0])
    program = program_of({"main": f, "again": compiled([x], table.sum() + x)})
    assert sorted(program.data) == ["table", "table_1"]
    assert [name for name, _, _ in program.inputs("main")] == ["x"]
    value = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(program.run("main", [value])[0], f(value))
    # Of the data alone the size changes too.
    rows = np.ones((4, 3))
    changed = program.with_data(table=rows)
    rows[:] = np.nan
    np.testing.assert_array_equal(changed.run("main", [value])[0], np.full(4, 7.0))
    np.testing.assert_array_equal(changed.run("again", [value])[0], value + 12)
    np.testing.assert_array_equal(program.run("main", [value])[0], f(value))
    np.testing.assert_array_equal(changed.data["table"], np.ones((4, 3)))


def test_data_that_do_not_fit():
    table = pytensor.shared(np.zeros(3), name="table")
    program = program_of({"main": compiled([], table.sum())})
    with pytest.raises(ValueError, match='no data "tabel": it has "table"'):
        program.with_data(tabel=np.zeros(3))
    with pytest.raises(TypeError, match=r'"table" is f64\[3\], it cannot become f32\[3\]'):
        program.with_data(table=np.zeros(3, "float32"))
    with pytest.raises(ValueError, match=r"it cannot become f64\[3,1\]"):
        program.with_data(table=np.zeros((3, 1)))
    with pytest.raises(TypeError, match="a NumPy array is needed"):
        program.with_data(table=[0.0])
    with pytest.raises(TypeError, match="arrays of object are no data"):
        program.with_data(table=np.array([None]))


def test_an_input_and_data_of_one_name():
    x = pt.vector("x")
    shared = pytensor.shared(np.ones(2), name="x")
    with pytest.raises(ValueError, match="are called 'x'"):
        program_of({"main": compiled([x], x + shared)})
    with pytest.raises(ValueError, match="are called 'x'"):
        program_of({"a": compiled([x], x + 1), "b": compiled([], shared + 1)})
    with pytest.raises(ValueError, match="are called 'x'"):
        program_of({"b": compiled([], shared + 1), "a": compiled([x], x + 1)})


# -- what is refused -------------------------------------------------------------------------------


def test_what_only_python_runs_is_refused():
    x = pt.vector("x")
    rng = pytensor.shared(np.random.default_rng(1), name="rng")
    count = pytensor.shared(0, name="count")
    printed = pytensor.printing.Print("x")(x)
    for function, reason in (
        (compiled([x], printed.sum()), "nodes run in Python: .*Print"),
        (compiled([], pt.random.normal(rng=rng)), "it draws random numbers"),
        (compiled([x], x, updates={count: count + 1}), "it updates shared variables: count"),
        (
            compiled([x], pt.nonzero(pt.exp(x) > 1)[0] * 2),
            "sizes or branches depend on computed data",
        ),
    ):
        with pytest.raises(gemmule.UnsupportedError, match=reason):
            program_of({"main": function})
    with pytest.raises(TypeError, match=r"main: .*compiled with mode='GEMMULE'"):
        program_of({"main": pytensor.function([x], x, mode="FAST_COMPILE")})


# -- by address ------------------------------------------------------------------------------------

LOGP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, *[ctypes.c_void_p] * 4)
EXPAND = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64, *[ctypes.c_void_p] * 3)


def density_program():
    """A density of an unknown mean and a matrix that is singular where x[1] is 0."""
    x = pt.vector("x", shape=(2,))
    y = pytensor.shared(np.array([0.5, 1.5]), name="y")
    d = y - x[0]
    precision = pt.linalg.inv(pt.stack([pt.stack([x[1], 0.0]), [0.5, 1.0]]))
    logp = -0.5 * ((precision * pt.outer(d, d)).sum() + pt.log(x[1]))
    logp = Assert("x is too large")(logp, x[0] < 100)
    density = compiled([x], [logp, pt.grad(logp, x)])
    expand = compiled([x], pt.concatenate([x, [x[0] * 2]]))
    return program_of({"logp": density, "expand": expand}), density


def call(program, x, dim=None):
    x = np.asarray(x, dtype="float64")
    gradient, logp = np.full(x.shape, -7.0), np.array(-7.0)
    status = LOGP(program.logp_address)(
        len(x) if dim is None else dim,
        x.ctypes.data,
        gradient.ctypes.data,
        logp.ctypes.data,
        program.model_address,
    )
    return status, logp, gradient


def test_density_by_address():
    program, density = density_program()
    program.prepare()
    assert (program.dim, program.expanded) == (2, 3)
    for x in ([0.5, 1.0], [-3.0, 0.25]):
        status, logp, gradient = call(program, x)
        want = density(x)
        assert status == 0
        np.testing.assert_allclose(logp, want[0], rtol=1e-12)
        np.testing.assert_allclose(gradient, want[1], rtol=1e-12)
    changed = program.with_data(y=np.zeros(2))
    assert call(changed, [0.0, 1.0])[1] == 0


def test_codes_by_address():
    program, _ = density_program()
    assert call(program, [200.0, 1.0])[0] == 1
    assert _core.last_error() == "x is too large"
    assert call(program, [np.nan, 1.0])[0] == 1  # no comparison holds with NaN
    assert call(program, [0.0, 0.0])[0] == 2
    assert "ingular" in _core.last_error()
    assert call(program, [-np.inf, 1.0])[0] == 3
    assert _core.last_error() == "the gradient is not finite"
    assert call(program, [1.0, 2.0, 3.0])[0] == -1
    assert _core.last_error() == 'x has 3 elements, function "logp" takes 2'
    assert LOGP(program.logp_address)(2, None, None, None, program.model_address) == -1
    assert _core.last_error() == "a pointer is null"
    x = pt.vector("x")
    steep = compiled([x], [(x**2).sum() + np.inf, 2 * x])
    assert call(program_of({"logp": steep}), [1.0, 2.0])[0] == 4
    assert _core.last_error() == "the density is not finite"
    assert call(program_of({"main": steep}), [1.0, 2.0])[0] == -1
    assert _core.last_error() == 'the program has no function "logp"'
    wrong = program_of({"logp": compiled([x], [x, x.sum()])})
    assert call(wrong, [1.0, 2.0])[0] == -1
    assert 'function "logp" gives f64[s0] as' in _core.last_error()


def test_an_index_out_of_bounds_is_no_point_to_reject():
    x, table = pt.vector("x", shape=(1,)), pt.constant([1.0, 2.0])
    logp = table[pt.cast(x[0], "int64")] * x[0]
    program = program_of({"logp": compiled([x], [logp, pt.grad(logp, x)])})
    assert call(program, [1.0])[:2] == (0, 2.0)
    assert call(program, [2.0])[0] == -2


def test_expand_by_address():
    program, _ = density_program()
    expand = EXPAND(program.expand_address)
    x, out = np.array([1.5, 2.0]), np.zeros(3)
    assert expand(2, 3, x.ctypes.data, out.ctypes.data, program.model_address) == 0
    np.testing.assert_array_equal(out, [1.5, 2.0, 3.0])
    assert expand(2, 4, x.ctypes.data, out.ctypes.data, program.model_address) == -1
    assert _core.last_error() == 'function "expand" gives 3 elements, not 4'


def test_any_length_is_bound_by_the_first_call():
    x = pt.vector("x")
    program = program_of({"logp": compiled([x], [(x**2).sum(), 2 * x])})
    with pytest.raises(ValueError, match="takes vectors of any length"):
        program.dim  # noqa: B018
    assert call(program, [1.0, 2.0])[:2] == (0, 5.0)
    assert program.dim == 2
    assert call(program, [1.0])[0] == -1


def test_threads_call_at_once():
    program, density = density_program()
    points = np.random.default_rng(3).uniform(0.5, 2, size=(4, 2))
    wrong = []

    def work(x):
        want = density(x)
        for _ in range(500):
            status, logp, gradient = call(program, x)
            if status or not np.allclose(logp, want[0]) or not np.allclose(gradient, want[1]):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(x,)) for x in points]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
