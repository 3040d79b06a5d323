"""A compiled function is pickled with its program, and copied in every way that PyTensor has."""

import copy
import pickle
import subprocess
import sys
import threading

import cloudpickle
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import FunctionMaker
from pytensor.conditional.op import ifelse
from pytensor.printing import Print
from pytensor.raise_op import Assert

import gemmule
from gemmule import _core, compiled, fallback

pytestmark = pytest.mark.usefixtures("executor")


@pytest.fixture
def nothing_compiles(monkeypatch):
    """From the call of the returned function on nothing is rewritten, translated or optimised."""

    def forbid():
        def forbidden(*args, **kwargs):
            raise AssertionError("compiled again")

        monkeypatch.setattr(FunctionMaker, "prepare_fgraph", staticmethod(forbidden))
        monkeypatch.setattr(FunctionMaker, "__init__", forbidden)
        monkeypatch.setattr(compiled, "convert", forbidden)
        monkeypatch.setattr(_core, "optimise", forbidden)

    return forbid


def by_pickle(f):
    return pickle.loads(pickle.dumps(f, protocol=5))


def by_cloudpickle(f):
    return cloudpickle.loads(cloudpickle.dumps(f))


WAYS = [by_pickle, by_cloudpickle, copy.deepcopy]


def program_of(f):
    return [str(segment.optimised.graph) for segment in f.vm.jit_fn.gemmule.segments]


# -- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_the_program_travels_and_nothing_compiles(way, nothing_compiles):
    A, B = pt.matrices("A", "B")
    y = pt.vector("y")
    f = pytensor.function([A, B, y], [0.5 * A @ B + 2.0, pt.exp(y).sum()], mode="GEMMULE")
    values = np.arange(6.0).reshape(2, 3), np.ones((3, 2)), np.linspace(-1, 1, 5)
    want = f(*values)
    nothing_compiles()
    g = way(f)
    for got, expected in zip(g(*values), want, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert program_of(g) == program_of(f)
    assert str(gemmule.explain(g)) == str(gemmule.explain(f))
    with pytest.raises(TypeError, match="Missing input"):
        g(*values[:2])


def test_a_pickle_of_a_pickle():
    x = pt.vector("x")
    f = pytensor.function([x], pt.tanh(x), mode="GEMMULE")
    value = np.linspace(-2, 2, 7)
    np.testing.assert_array_equal(by_pickle(by_pickle(f))(value), f(value))


def test_what_else_is_made_of_functions_is_made_of_a_pickled_one(tmp_path):
    x = pt.vector("x", shape=(4,))
    f = by_pickle(pytensor.function([x], [pt.exp(x).sum(), pt.cumsum(x)], mode="GEMMULE"))
    value = np.linspace(0, 1, 4)
    for got, want in zip(gemmule.batched(f)(np.stack([value] * 3)), f(value), strict=True):
        np.testing.assert_allclose(got, np.stack([want] * 3))
    gemmule.export(f, tmp_path / "f.gemmule")
    for got, want in zip(gemmule.load(tmp_path / "f.gemmule")(value), f(value), strict=True):
        np.testing.assert_allclose(got, want)
    assert len(gemmule.profile(f, value).rows) > 0


def test_another_process_runs_the_program(tmp_path):
    x = pt.matrix("x")
    f = pytensor.function([x], [x @ x.T, pt.sort(x, axis=1)], mode="GEMMULE")
    value = np.arange(6.0).reshape(2, 3)[:, ::-1]
    (tmp_path / "f.pickle").write_bytes(pickle.dumps(f))
    np.save(tmp_path / "x.npy", value)
    script = """
import pickle, sys, numpy as np
with open("f.pickle", "rb") as file:
    f = pickle.load(file)
gemmule = sys.modules["gemmule"]
def forbidden(*args, **kwargs):
    raise AssertionError("compiled again")
gemmule._core.optimise = forbidden
np.savez("results.npz", *f(np.load("x.npy")))
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    results = np.load(tmp_path / "results.npz")
    for name, want in zip(results.files, f(value), strict=True):
        np.testing.assert_array_equal(results[name], want)


def test_the_program_shares_large_constants_with_the_graph():
    data = np.random.default_rng(0).normal(size=(400, 50))  # 160 kB
    constant = pt.constant(data)
    x = pt.vector("x")
    f = pytensor.function([x], [constant @ x, pt.exp(constant) @ x], mode="GEMMULE")
    text = pickle.dumps(f)
    assert len(text) - len(pickle.dumps(f.maker.fgraph)) < 0.1 * data.nbytes
    value = np.ones(50)
    for got, want in zip(pickle.loads(text)(value), f(value), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", "complex128"])
def test_constants_of_all_dtypes(dtype):
    constant = np.array([0, 1, 1, 0, 1]).astype(dtype)
    x = pt.vector("x", dtype=dtype)
    f = pytensor.function([x], pt.eq(x, pt.constant(constant)), mode="GEMMULE")
    np.testing.assert_array_equal(by_pickle(f)(constant), np.ones(5, dtype=bool))


def test_constants_that_are_no_numbers():
    x = pt.vector("x")
    constant = pt.constant(np.array([np.nan, np.inf, -np.inf, -0.0]))
    f = pytensor.function([x], pt.concatenate([x, constant]), mode="GEMMULE")
    got = by_pickle(f)(np.ones(1))
    np.testing.assert_array_equal(got, f(np.ones(1)))
    assert np.signbit(got[-1])


# -- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_shared_variables_and_updates_are_the_copys_own(way, nothing_compiles):
    total = pytensor.shared(np.zeros(3), "total")
    x = pt.vector("x")
    f = pytensor.function([x], total.sum(), updates={total: total + x}, mode="GEMMULE")
    f(np.ones(3))
    nothing_compiles()
    g = way(f)
    assert g(np.ones(3)) == 3.0
    assert g(np.ones(3)) == 6.0
    np.testing.assert_array_equal(total.get_value(), np.ones(3))
    assert f(np.zeros(3)) == 3.0


@pytest.mark.parametrize("way", WAYS)
def test_random_generators_travel_in_their_state(way, nothing_compiles):
    rng = pt.random.shared_rng(seed=3)
    next_rng, draw = rng.normal(size=(4,))
    f = pytensor.function([], draw, mode="GEMMULE", updates={rng: next_rng})
    f()
    nothing_compiles()
    g = way(f)
    first, second = f(), f()
    np.testing.assert_array_equal(g(), first)
    np.testing.assert_array_equal(g(), second)
    assert not np.array_equal(first, second)


def test_a_loop_travels(nothing_compiles):
    x0 = pt.scalar("x0")
    states = pytensor.scan(
        lambda x: 3.7 * x * (1 - x), outputs_info=[x0], n_steps=6, return_updates=False
    )
    f = pytensor.function([x0], [states, pt.grad(states[-1], x0)], mode="GEMMULE")
    text = pickle.dumps(f)  # PyTensor links the inner function here
    nothing_compiles()
    for got, want in zip(pickle.loads(text)(0.3), f(0.3), strict=True):
        np.testing.assert_array_equal(got, want)


def test_several_segments_and_nodes_in_python(nothing_compiles):
    x = pt.vector("x")
    y = Print("y")(pt.exp(x))
    f = pytensor.function([x], [pt.nonzero(x)[0] + 1, y.sum()], mode="GEMMULE")
    value = np.array([0.0, 2.0, 0.0, 3.0])
    assert f.vm.jit_fn.gemmule.fallbacks
    assert len(f.vm.jit_fn.gemmule.segments) > 1
    want = f(value)
    nothing_compiles()
    g = by_pickle(f)
    for got, expected in zip(g(value), want, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert [item.op for item in g.vm.jit_fn.gemmule.fallbacks] == [
        item.op for item in f.vm.jit_fn.gemmule.fallbacks
    ]


def test_sparse_inputs_and_outputs(nothing_compiles):
    import pytensor.sparse as ps
    import scipy.sparse

    matrix = ps.csr_matrix("m", dtype="float64")
    f = pytensor.function(
        [matrix], [ps.transpose(matrix), ps.dense_from_sparse(matrix)], mode="GEMMULE"
    )
    value = scipy.sparse.csr_matrix(np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]]))
    nothing_compiles()
    transposed, dense = by_pickle(f)(value)
    np.testing.assert_array_equal(transposed.toarray(), value.toarray().T)
    np.testing.assert_array_equal(dense, value.toarray())


def test_a_branch_with_a_node_in_python(nothing_compiles):
    c, x = pt.scalar("c"), pt.vector("x")
    f = pytensor.function([c, x], ifelse(c > 0, Print("x")(x), pt.exp(x)), mode="GEMMULE")
    value = np.ones(2)
    nothing_compiles()
    g = by_pickle(f)
    for condition in (1.0, -1.0):
        np.testing.assert_array_equal(g(condition, value), f(condition, value))


def test_a_check_that_fails_says_the_same():
    x = pt.vector("x")
    checked = Assert("x has to be positive")(pt.log(x), pt.all(x > 0))
    f = pytensor.function([x], checked, mode="GEMMULE")
    g = by_pickle(f)
    np.testing.assert_array_equal(g(np.ones(2)), np.zeros(2))
    with pytest.raises(AssertionError, match="x has to be positive"):
        g(-np.ones(2))


def test_two_threads_run_and_pickle_at_once():
    x = pt.matrix("x")
    f = pytensor.function([x], [(x @ x.T).sum(), pt.cumsum(x)], mode="GEMMULE", trust_input=True)
    copies = [by_pickle(f), by_pickle(f)]
    values = [np.full((3, 4), 1.0), np.full((5, 2), 2.0)]
    want = [f(value) for value in values]
    wrong = []

    def work(g, value, expected):
        for round_ in range(50):
            results = g(value)
            if not all(np.array_equal(a, b) for a, b in zip(results, expected, strict=True)):
                wrong.append(results)
            if round_ % 10 == 0:
                pickle.dumps(g.maker.linker._compiled.segments[0].optimised)

    threads = [
        threading.Thread(target=work, args=arguments)
        for arguments in zip(copies, values, want, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- PyTensor's own copies ------------------------------------------------------------------------


@pytest.mark.parametrize("share_memory", [False, True])
def test_copy_shares_what_is_not_updated(share_memory):
    weights = pytensor.shared(np.array([1.0, 2.0]), "weights")
    x = pt.vector("x")
    f = pytensor.function([x], weights * x, mode="GEMMULE")
    g = f.copy(share_memory=share_memory)
    weights.set_value(np.array([10.0, 20.0]))
    np.testing.assert_array_equal(g(np.ones(2)), [10.0, 20.0])
    np.testing.assert_array_equal(copy.copy(f)(np.ones(2)), f(np.ones(2)))


def test_copy_swaps_and_drops_updates():
    state, other = pytensor.shared(np.zeros(2)), pytensor.shared(np.full(2, 100.0))
    x = pt.vector("x")
    f = pytensor.function([x], state + 0, updates={state: state + x}, mode="GEMMULE")
    g = f.copy(swap={state: other})
    g(np.ones(2))
    np.testing.assert_array_equal(other.get_value(), np.full(2, 101.0))
    np.testing.assert_array_equal(state.get_value(), np.zeros(2))
    h = f.copy(delete_updates=True)
    h(np.ones(2))
    np.testing.assert_array_equal(state.get_value(), np.zeros(2))


def test_a_function_over_mx_arrays_keeps_taking_them():
    import mlx.core as mx

    x = pt.vector("x", dtype="float32")
    f = by_pickle(pytensor.function([x], 2 * x, mode="GEMMULE"))
    assert isinstance(f(mx.array([1.0, 2.0])), mx.array)


# -- what is pickled ------------------------------------------------------------------------------


def test_a_graph_keeps_what_its_text_leaves_out():
    graph = _core.Graph()
    a = graph.input("float64", (None, 3), "no identifier")
    b = graph.input("float64", (3, None), "b")
    [product] = graph.add("matmul", [a, b, graph.constant(np.array(0.5))], {}, "the product")
    graph.set_outputs([product])
    optimised = _core.optimise(graph)
    for given in (graph, optimised.graph):
        read = pickle.loads(pickle.dumps(given))
        assert read.text() == given.text()
        assert [row["equation"] for row in read.nodes] == [row["equation"] for row in given.nodes]
        assert read.__getstate__()[2] == given.__getstate__()[2]  # values with their names
    read = pickle.loads(pickle.dumps(optimised))
    assert (read.counts, read.fired, read.missed, read.timings) == (
        optimised.counts,
        optimised.fired,
        optimised.missed,
        optimised.timings,
    )


def test_an_executable_is_pickled_with_its_options():
    graph = _core.Graph.parse("graph(%x: f64[n]) {\n  %1: f64[n] = exp(%x)\n  return %1\n}\n")
    executable = _core.Executable(graph, donatable=[0], device="cpu", executor="cpu")
    read = pickle.loads(pickle.dumps(executable))
    assert read.__getstate__()[1:] == ([0], "cpu", "cpu", [])
    np.testing.assert_array_equal(read.run([np.zeros(2)])[0], np.ones(2))


def test_what_is_no_graph_is_refused():
    graph = _core.Graph.parse("graph(%x: f64[n]) {\n  %1: f64[n] = exp(%x)\n  return %1\n}\n")
    version, symbols, values, nodes, inputs, outputs = graph.__getstate__()

    def load(*state):
        _core.Graph.__new__(_core.Graph).__setstate__(state)

    with pytest.raises(ValueError, match=r"pickled by gemmule 0\.0\.0, this is gemmule"):
        load("0.0.0", symbols, values, nodes, inputs, outputs)
    with pytest.raises(ValueError, match="not a pickled graph: parts are missing"):
        load(version)
    with pytest.raises(ValueError, match="not a pickled graph: a value does not exist"):
        load(version, symbols, values, nodes, inputs, [7])
    with pytest.raises(ValueError, match="not a pickled graph: a symbol does not exist"):
        load(version, [], values, nodes, inputs, outputs)
    with pytest.raises(ValueError, match="not a pickled graph: unknown op 'expp'"):
        load(version, symbols, values, [("expp", *nodes[0][1:])], inputs, outputs)
    wrong = [values[0], ("float32", *values[1][1:])]
    with pytest.raises(
        ValueError, match=r"not a pickled graph: .*type is not what inference gives"
    ):
        load(version, symbols, wrong, nodes, inputs, outputs)


def test_a_node_in_python_is_ready_again():
    x = pt.vector("x")
    node = Print("x")(x).owner
    python_node = fallback.PythonNode(node, fallback.Fallback("x", "Print", "it prints"))
    read = pickle.loads(pickle.dumps(python_node))
    np.testing.assert_array_equal(read([np.ones(2)])[0], np.ones(2))
