"""`gemmule.batched`: functions for many chains."""

import pickle
import sys
import threading

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.ops import wrap_py
from pytensor.ifelse import ifelse
from pytensor.raise_op import Assert
from pytensor.scan.utils import until

import gemmule

pytestmark = pytest.mark.usefixtures("executor")


def rng():
    return np.random.default_rng(11)


def function(inputs, outputs, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


def check(inputs, outputs, *values, chains=3, batched=None, one_program=True):
    """Rows of the batched function are what single calls give. Returns the batched function."""
    f = function(inputs, outputs)
    many = gemmule.batched(f, chains, inputs=batched)
    assert (many.by_chain is None) == one_program, many
    got = many(*values)
    which = range(len(inputs)) if batched is None else batched
    for chain in range(chains):
        want = f(*(v[chain] if i in which else v for i, v in enumerate(values)))
        for g, w in zip(got, want, strict=True):
            assert g.dtype == w.dtype
            assert g.shape[1:] == w.shape
            np.testing.assert_allclose(g[chain], w, rtol=1e-10, atol=1e-12)
    return many


def test_all_explicit_inputs_are_batched():
    x, s = pt.vector("x"), pt.scalar("s")
    shared = pytensor.shared(np.arange(6.0).reshape(2, 3), name="A")
    y = pt.exp(shared @ x) * s
    many = check([x, s], [y, y.sum()], rng().normal(size=(3, 3)), rng().normal(size=3))
    assert many.counts.get("matmul") == 1
    # A shared variable is read at the time of the call.
    shared.set_value(np.zeros((2, 3)))
    assert (many(np.ones((3, 3)), np.ones(3))[0] == 1).all()


@pytest.mark.parametrize("chosen", ["x", 0, None])
def test_chosen_inputs(chosen):
    x, y = pt.vector("x"), pt.vector("y")
    f = function([x, y], x * y)
    many = gemmule.batched(f, inputs=[x] if chosen is None else [chosen])
    got = many(np.ones((4, 2)), np.array([2.0, 3.0]))
    np.testing.assert_array_equal(got, np.tile([2.0, 3.0], (4, 1)))


def test_any_number_of_chains():
    x = pt.matrix("x")
    many = gemmule.batched(function([x], [x @ x.T, x.sum(), x[0]]))
    for chains in (0, 1, 2, 7):
        value = rng().normal(size=(chains, 2, 3))
        got = many(value)
        assert [g.shape for g in got] == [(chains, 2, 2), (chains,), (chains, 3)]
        np.testing.assert_allclose(got[0], value @ value.swapaxes(1, 2))


def test_outputs_that_do_not_depend_on_the_chain():
    x, y = pt.vector("x"), pt.vector("y")
    check(
        [x, y],
        [x, y, pt.exp(y), pt.constant(2.5) * x, x],
        rng().normal(size=(3, 2)),
        rng().normal(size=2),
        batched=[0],
    )


def test_outputs_have_memory_of_their_own():
    x = pt.vector("x")
    many = gemmule.batched(function([x], [x, x + 1, x + 1, pt.ones(3)]), 2)
    value = np.zeros((2, 3))
    first = many(value)
    for output in first:
        output += 7
    assert (value == 0).all()
    assert [o[0, 0] for o in many(value)] == [0, 1, 1, 1]


def test_forms_of_what_is_returned():
    x = pt.vector("x")
    assert gemmule.batched(function([x], x + 1))(np.zeros((2, 3))).shape == (2, 3)
    assert len(gemmule.batched(function([x], [x + 1]))(np.zeros((2, 3)))) == 1
    assert gemmule.batched(([x], [x + 1, x.sum()]), 2)(np.zeros((2, 3)))[1].shape == (2,)


def test_mlx_arrays():
    x = pt.fvector("x")
    many = gemmule.batched(function([x], [pt.exp(x), x.sum()]))
    got = many(mx.array(np.ones((2, 3), "float32")))
    assert all(isinstance(value, mx.array) for value in got)
    np.testing.assert_allclose(np.array(got[1]), 3)


def test_linear_algebra():
    a, b = pt.matrix("a"), pt.vector("b")
    matrix = rng().normal(size=(3, 4, 4))
    matrix = matrix @ matrix.swapaxes(1, 2) + np.eye(4)
    vectors = rng().normal(size=(3, 4))
    chol = pt.linalg.cholesky(a)
    outputs = [
        chol,
        pt.linalg.solve_triangular(chol, b, lower=True),
        pt.linalg.solve(a, b),
        pt.linalg.slogdet(a)[1],
        pt.linalg.svd(a)[1],
    ]
    check([a, b], outputs, matrix, vectors)
    check([a, b], outputs, matrix[0], vectors, batched=[1])
    check([a, b], outputs, matrix, vectors[0], batched=[0])


def test_a_factorisation_that_fails_in_one_chain():
    a = pt.matrix("a")
    matrix = np.stack([np.eye(3), -np.eye(3), 2 * np.eye(3)])
    log_det = pt.log(pt.diagonal(pt.linalg.cholesky(a, on_error="nan"))).sum()
    many = gemmule.batched(function([a], log_det), 3)
    got = many(matrix)
    assert np.isnan(got[1])
    np.testing.assert_allclose(got[[0, 2]], [0, 1.5 * np.log(2)], atol=1e-12)


def test_an_error_names_the_chain():
    a, b = pt.matrix("a"), pt.vector("b")
    f = function([a, b], [pt.linalg.inv(a).sum(), b])
    matrix = np.stack([np.eye(2), np.zeros((2, 2)), np.eye(2)])
    with pytest.raises(np.linalg.LinAlgError) as error:
        gemmule.batched(f, 3)(matrix, np.ones((3, 2)))
    assert "in chain 1" in error.value.__notes__
    total, rest = gemmule.batched(f, 3, failed="reject")(matrix, np.ones((3, 2)))
    np.testing.assert_array_equal(total, [2, -np.inf, 2])
    np.testing.assert_array_equal(rest, [[1, 1], [0, 0], [1, 1]])


def test_all_chains_fail():
    a, b = pt.matrix("a"), pt.vector("b")
    f = function([a, b], [pt.linalg.inv(a).sum(), pt.linalg.inv(a), b])
    many = gemmule.batched(f, failed="reject")
    total, inverse, rest = many(np.zeros((2, 3, 3)), np.ones((2, 4)))
    np.testing.assert_array_equal(total, [-np.inf, -np.inf])
    assert inverse.shape == (2, 3, 3) and rest.shape == (2, 4)
    assert not inverse.any() and not rest.any()


def test_checks():
    x = pt.vector("x")
    checked = Assert("x must be positive")(x, pt.all(x > 0))
    f = function([x], [pt.log(checked).sum(), checked * 2])
    values = np.array([[1.0, 2.0], [3.0, -1.0], [np.nan, 1.0], [1.0, 1.0]])
    with pytest.raises(AssertionError, match="x must be positive") as error:
        gemmule.batched(f)(values)
    assert "in chain 1" in error.value.__notes__
    density, gradient = gemmule.batched(f, failed="reject")(values)
    np.testing.assert_array_equal(density, [np.log(2), -np.inf, -np.inf, 0])
    np.testing.assert_array_equal(gradient, [[2, 4], [0, 0], [0, 0], [2, 2]])
    # All of them are right: no chain is named.
    np.testing.assert_array_equal(gemmule.batched(f)(values[[0, 3]])[0], [np.log(2), 0])


def test_an_index_out_of_bounds_names_the_chain():
    x, i = pt.vector("x"), pt.lvector("i")
    f = function([x, i], x[i])
    with pytest.raises(IndexError) as error:
        gemmule.batched(f)(np.ones((2, 3)), np.array([[0, 1], [2, 3]]))
    assert "in chain 1" in error.value.__notes__


def test_loops():
    x, c = pt.vector("x"), pt.scalar("c")
    walk = pytensor.scan(
        lambda e, p, c: p * c + e,
        sequences=[x],
        outputs_info=[c],
        non_sequences=[c],
        return_updates=False,
    )
    total = walk.sum()
    check(
        [x, c],
        [walk, total, pytensor.grad(total, c)],
        rng().normal(size=(3, 5)),
        rng().normal(size=3),
    )


def test_loops_that_stop_early():
    x = pt.scalar("x")
    steps = pytensor.scan(
        lambda p: (p * 2, until(p > 50)),
        outputs_info=[x],
        n_steps=20,
        return_updates=False,
    )
    check([x], [steps[-1]], np.array([1.0, 7.0, 60.0]), one_program=False)


def test_what_has_no_rule():
    x = pt.vector("x")
    value = rng().normal(size=(3, 6))
    many = check([x], [pt.unique(x, return_inverse=True)[1]], value)
    assert many.counts["loop"] == 1


def test_sizes_that_depend_on_data_run_chain_by_chain():
    x = pt.vector("x")
    value = np.array([[1.0, -1.0, 2.0], [-3.0, 4.0, 5.0]])
    many = check([x], [x[x > 0].sum()], value, chains=2, one_program=False)
    assert "chain by chain" in repr(many)
    ragged = gemmule.batched(function([x], x[x > 1]))
    with pytest.raises(ValueError, match="another shape in each chain"):
        ragged(value)
    assert gemmule.batched(function([x], x[x > 0].sum()))(np.zeros((0, 3))).shape == (0,)


def test_a_size_that_is_an_input():
    n, x = pt.lscalar("n"), pt.vector("x")
    f = function([n, x], [pt.exp(pt.arange(n)).sum() + x])
    many = gemmule.batched(f)
    assert "a size or position of arange differs between chains" in many.by_chain
    got = many(np.array([1, 2]), np.zeros((2, 3)))[0]
    np.testing.assert_allclose(got, [[1] * 3, [1 + np.e] * 3])
    assert gemmule.batched(f, inputs="x").by_chain is None


def test_python_nodes_run_chain_by_chain():
    x = pt.vector("x")

    @wrap_py(itypes=[pt.dvector], otypes=[pt.dvector])
    def twice(value):
        return 2 * value

    many = check([x], [twice(x)], np.ones((2, 3)), chains=2, one_program=False)
    assert many.by_chain == "1 node runs in Python"


def test_what_is_refused():
    x = pt.vector("x")
    draw = pt.random.normal(x)
    with pytest.raises(gemmule.UnsupportedError, match="draws random numbers"):
        gemmule.batched(function([x], draw))
    counter = pytensor.shared(0.0)
    with pytest.raises(gemmule.UnsupportedError, match="updates shared variables"):
        gemmule.batched(function([x], x, updates={counter: counter + 1}))
    f = function([x], x + 1)
    with pytest.raises(TypeError, match='not a function compiled with mode="GEMMULE"'):
        gemmule.batched(pytensor.function([x], x, mode="FAST_COMPILE"))
    with pytest.raises(ValueError, match="cannot be negative"):
        gemmule.batched(f, -1)
    with pytest.raises(TypeError, match="an integer or None"):
        gemmule.batched(f, 2.0)
    with pytest.raises(ValueError, match="'y' is not an explicit input"):
        gemmule.batched(f, inputs=["y"])
    with pytest.raises(ValueError, match="chains would not differ"):
        gemmule.batched(f, inputs=[])
    with pytest.raises(ValueError, match="failed is one of raise, reject"):
        gemmule.batched(f, failed="ignore")


def test_a_model_without_continuous_variables():
    pm = pytest.importorskip("pymc")
    with pm.Model() as model:
        pm.Poisson("k", 3.0)
    with pytest.raises(ValueError, match="no continuous free variables"):
        gemmule.batched(model)


def test_calls_that_do_not_fit():
    x, y = pt.vector("x"), pt.vector("y")
    many = gemmule.batched(function([x, y], x * y), 2)
    with pytest.raises(TypeError, match="2 inputs expected, 1 given"):
        many(np.ones((2, 3)))
    with pytest.raises(TypeError) as error:
        many(np.ones(3), np.ones((2, 3)))
    assert "in input 0" in error.value.__notes__[-1]
    with pytest.raises(TypeError):
        many(np.ones((3, 3)), np.ones((3, 3)))
    anything = gemmule.batched(function([x, y], x * y))
    with pytest.raises(ValueError, match="input 1 has 4 chains, others have 2"):
        anything(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError):
        many(np.ones((2, 3)), np.ones((2, 4)))


def test_it_is_pickled_with_its_program():
    x = pt.vector("x")
    value = rng().normal(size=(3, 4))
    for outputs in ([pt.exp(x).sum()], [x[x > 0].sum()]):
        many = gemmule.batched(function([x], outputs), 3)
        copy = pickle.loads(pickle.dumps(many))
        np.testing.assert_array_equal(copy(value), many(value))
        assert repr(copy) == repr(many)


def test_branches():
    c, k, x = pt.scalar("c"), pt.bscalar("k"), pt.vector("x")
    values = rng().normal(size=(3, 4))
    # Each chain takes its own.
    check([k, x], [ifelse(k, pt.exp(x), -x)], np.array([1, 0, 2], "int8"), values)
    check([k, x], [ifelse(k, pt.exp(x), -x)], np.array(1, "int8"), values, batched=[1])
    # The condition is computed before the branches are.
    chosen = ifelse(c > 0, pt.exp(x), -x)
    check([c, x], [chosen], np.array([1.0, -1.0, 0.0]), values, one_program=False)


def differ_at_once(many, points, times):
    """Which of these give other results in threads of their own than one after the other."""
    want = [many(p) for p in points]
    wrong = []

    def run(k):
        for _ in range(times):
            got = many(points[k])
            if not all(np.array_equal(g, w) for g, w in zip(got, want[k], strict=True)):
                wrong.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(points))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_several_threads_at_once():
    x = pt.vector("x")
    matrix = rng().normal(size=(300, 200))
    many = gemmule.batched(
        function([x], [pt.tanh(matrix @ x).sum(), matrix.T @ pt.tanh(matrix @ x)]), 16
    )
    points = [rng().normal(size=(16, 200)) * k for k in range(4)]
    assert differ_at_once(many, points, 20) == []


def test_several_threads_at_once_chain_by_chain():
    """A PyTensor function keeps its inputs while it runs."""
    x = pt.vector("x")
    matrix = rng().normal(size=(300, 300))
    many = gemmule.batched(function([x], [x[x > 0].sum(), pt.tanh(matrix @ x).sum()]))
    assert many.by_chain is not None
    points = [rng().normal(size=(3, 300)) * (k + 1) for k in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        assert differ_at_once(many, points, 30) == []
    finally:
        sys.setswitchinterval(interval)
