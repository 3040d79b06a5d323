"""The linker: updates, outputs, errors, modes, NumPy and MLX in and out."""

import pickle
import threading
import warnings

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check
from pytensor.printing import Print
from pytensor.raise_op import Assert, CheckAndRaise

import gemmule

pytestmark = pytest.mark.usefixtures("executor")


def function(inputs, outputs=None, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


# -- updates --------------------------------------------------------------------------------------


def test_update_of_a_shared_variable():
    s = pytensor.shared(np.ones((2, 2)), "s")
    x = pt.matrix()
    f = function([x], s.sum(), updates={s: 0.5 * s + x @ x})
    want = np.ones((2, 2))
    for _ in range(3):
        assert f(np.eye(2)) == want.sum()  # the old value
        want = 0.5 * want + np.eye(2)
        np.testing.assert_array_equal(s.get_value(), want)


def test_updates_read_old_values():
    a, b = pytensor.shared(np.array([1.0])), pytensor.shared(np.array([2.0]))
    f = function([], [a + b], updates={a: b, b: a})
    assert f()[0] == [3.0]
    assert (a.get_value(), b.get_value()) == ([2.0], [1.0])
    f()
    assert (a.get_value(), b.get_value()) == ([1.0], [2.0])


def test_old_value_that_is_returned_survives():
    s = pytensor.shared(np.zeros(3))
    f = function([], s, updates={s: s + 1})
    first = f()
    second = f()
    np.testing.assert_array_equal(first, np.zeros(3))
    np.testing.assert_array_equal(second, np.ones(3))


def test_old_value_held_by_the_caller_survives():
    s = pytensor.shared(np.zeros(3))
    f = function([], [], updates={s: s + 1})
    before = s.get_value()
    f()
    np.testing.assert_array_equal(before, np.zeros(3))
    np.testing.assert_array_equal(s.get_value(), np.ones(3))


@pytest.mark.parametrize("view", [lambda v: v, lambda v: v.T, lambda v: v[::-1]])
def test_update_of_memory_that_another_input_shares(view):
    value = np.arange(9.0).reshape(3, 3)
    s = pytensor.shared(value, borrow=True)
    x = pt.matrix()
    f = function([pytensor.In(x, borrow=True)], [], updates={s: s + x @ x})
    alias = view(s.get_value(borrow=True))
    want = s.get_value() + alias.copy() @ alias.copy()
    f(alias)
    np.testing.assert_allclose(s.get_value(), want)


def test_failing_call_leaves_shared_variables():
    s = pytensor.shared(np.zeros(3), "s")
    x = pt.vector("x")
    f = function([x], [], updates={s: s + x})
    with pytest.raises(ValueError):
        f(np.ones(4))
    np.testing.assert_array_equal(s.get_value(), np.zeros(3))
    check_x = Assert("x must be positive")(x, pt.all(x > 0))
    g = function([x], [], updates={s: s + check_x})
    with pytest.raises(AssertionError, match="x must be positive"):
        g(-np.ones(3))
    np.testing.assert_array_equal(s.get_value(), np.zeros(3))


def test_update_at_an_index_out_of_range_leaves_the_shared_variable():
    s = pytensor.shared(np.arange(3.0), "s")
    i = pt.lvector("i")
    f = function([i], [], updates={s: pt.inc_subtensor((s + 1)[i], 1.0)})
    with pytest.raises(IndexError):
        f(np.array([0, 5]))
    np.testing.assert_array_equal(s.get_value(), np.arange(3.0))


def test_givens_and_keyword_inputs():
    s = pytensor.shared(np.array(3.0))
    x, y = pt.scalar("x"), pt.scalar("y")
    z = pt.scalar("z")
    f = function([x, y], z + 2 * y, givens={z: s * x})
    assert f(2.0, y=1.0) == 8.0


def test_mutable_input_may_be_destroyed_and_the_result_is_right():
    x = pt.vector()
    f = function([pytensor.In(x, mutable=True)], x * 2 + 1)
    np.testing.assert_array_equal(f(np.arange(3.0)), [1.0, 3.0, 5.0])


# -- outputs --------------------------------------------------------------------------------------


def test_no_outputs():
    assert function([])() == []
    assert function([], []) is not None


def test_identity_is_copied():
    x = pt.vector()
    value = np.arange(3.0)
    result = function([x], x)(value)
    np.testing.assert_array_equal(result, value)
    assert not np.shares_memory(result, value)


def test_one_variable_returned_twice():
    x = pt.vector()
    y = x + 1
    first, second = function([x], [y, y])(np.zeros(2))
    first[:] = 5
    np.testing.assert_array_equal(second, np.ones(2))


def test_results_of_two_calls_do_not_share_memory():
    x = pt.vector()
    f = function([x], x + 1)
    first = f(np.zeros(2))
    second = f(np.ones(2))
    np.testing.assert_array_equal(first, np.ones(2))
    assert not np.shares_memory(first, second)


def test_borrowed_output():
    x = pt.vector()
    f = function([x], pytensor.Out(pt.exp(x), borrow=True))
    np.testing.assert_allclose(f(np.zeros(2)), np.ones(2))


def test_shapes_may_change_between_calls():
    x = pt.matrix()
    f = function([x], [x.sum(axis=0), x @ x.T])
    for shape in [(2, 3), (3, 2), (0, 4), (2, 3)]:
        value = np.ones(shape)
        sums, product = f(value)
        np.testing.assert_array_equal(sums, value.sum(0))
        np.testing.assert_array_equal(product, value @ value.T)


# -- NumPy and MLX --------------------------------------------------------------------------------


@pytest.mark.parametrize("trust_input", [False, True])
def test_results_follow_the_inputs(trust_input):
    x = pt.matrix(dtype="float32")
    f = function([x], pt.tanh(x @ x) + 1, trust_input=trust_input)
    value = np.ones((2, 2), "float32")
    of_numpy, of_mlx = f(value), f(mx.array(value))
    assert isinstance(of_numpy, np.ndarray)
    assert isinstance(of_mlx, mx.array)
    np.testing.assert_allclose(np.array(of_mlx), of_numpy, rtol=1e-6)


def test_mlx_array_of_another_dtype_is_converted_or_refused():
    x = pt.vector(dtype="float64")
    f = function([x], x + 1)
    np.testing.assert_array_equal(np.asarray(f(mx.array([1, 2]))), [2.0, 3.0])
    i = pt.lvector("i")
    g = function([i], i + 1)
    with pytest.raises(TypeError):
        g(mx.array([0.5]))


def test_shared_variables_stay_numpy():
    s = pytensor.shared(np.zeros(2, "float32"))
    x = pt.vector(dtype="float32")
    f = function([x], s, updates={s: s + x})
    f(mx.array([1.0, 2.0]))
    assert isinstance(s.get_value(borrow=True), np.ndarray)


def test_mlx_through_a_node_that_is_handed_on():
    x = pt.vector(dtype="float32")
    f = function([x], pt.exp(Print("x")(x)))
    result = f(mx.array([1.0, 1.0, 0.0]))
    assert isinstance(result, mx.array)
    np.testing.assert_allclose(np.array(result), np.exp([1.0, 1.0, 0.0]), rtol=1e-6)


# -- checks ---------------------------------------------------------------------------------------


def test_checks_raise_what_they_say():
    x, y = pt.scalar("x"), pt.scalar("y")
    first = CheckAndRaise(ZeroDivisionError, "x is 0")(x, pt.neq(x, 0))
    second = CheckAndRaise(OverflowError, "y is large")(y, y < 10, y > -10)
    f = function([x, y], first + second)
    assert gemmule.explain(f).fallbacks == []
    assert f(1.0, 2.0) == 3.0
    with pytest.raises(ZeroDivisionError, match="x is 0"):
        f(0.0, 2.0)
    with pytest.raises(OverflowError, match="y is large"):
        f(1.0, 20.0)
    with pytest.raises(OverflowError, match="y is large"):
        f(1.0, -20.0)


# -- nodes handed on ------------------------------------------------------------------------------


def test_node_in_the_middle():
    x = pt.vector()
    f = check(
        [x], [pt.exp(Print("x")(x * 2)) + 1, x.sum()], np.array([1.0, 2.0, 1.0]), native=False
    )
    [fallback] = gemmule.explain(f).fallbacks
    assert "Print" in fallback.op
    assert fallback.path == "perform"
    assert fallback.reason


def test_fallback_switch(monkeypatch):
    x = pt.vector()
    monkeypatch.setattr(gemmule.config, "fallback", "error")
    with pytest.raises(gemmule.UnsupportedError, match="Print"):
        function([x], Print("x")(x))
    monkeypatch.setattr(gemmule.config, "fallback", "warn")
    with pytest.warns(UserWarning, match="^1 node runs in Python:\n  Print"):
        function([x], Print("x")(x))
    with pytest.warns(UserWarning, match="^2 nodes run in Python:\n  Print"):
        function([x], [Print("x")(x), Print("y")(x)])
    with pytest.raises(ValueError, match="allow, warn, error"):
        gemmule.config.fallback = "perhaps"


def test_random_variables():
    rng = pytensor.shared(np.random.default_rng(1))
    draw_rng, draw = pt.random.normal(size=3, rng=rng).owner.outputs
    f = function([], draw * 2, updates={rng: draw_rng})
    want = np.random.default_rng(1)
    for _ in range(2):
        np.testing.assert_allclose(f(), want.normal(size=3) * 2)


def test_ifelse():
    from pytensor.ifelse import ifelse

    c, x = pt.scalar(), pt.vector()
    y = ifelse(pt.gt(c, 0), x[:2] + 1, x * 2)
    check([c, x], y.sum(), np.array(1.0), np.arange(3.0), native=False)
    check([c, x], y.sum(), np.array(-1.0), np.arange(3.0), native=False)


def test_scan_and_its_gradient():
    x, a = pt.vector(), pt.scalar()
    states = pytensor.scan(
        lambda x_t, s, a: a * s + pt.tanh(x_t),
        sequences=[x],
        outputs_info=[pt.zeros(())],
        non_sequences=[a],
        return_updates=False,
    )
    cost = pt.sqr(states).sum()
    check([x, a], [cost, *pt.grad(cost, [x, a])], np.arange(4.0), np.array(0.5), native=False)


def test_error_in_a_node_that_is_handed_on():
    x = pt.matrix()
    f = function([x], pt.linalg.svd(x + 1)[0])
    with pytest.raises(np.linalg.LinAlgError):
        f(np.full((2, 2), np.nan))


# -- modes ----------------------------------------------------------------------------------------


def test_mode_from_the_configuration():
    x = pt.vector()
    with pytensor.config.change_flags(mode="GEMMULE"):
        f = pytensor.function([x], x + 1)
    assert gemmule.explain(f).fallbacks == []
    np.testing.assert_array_equal(f(np.zeros(2)), np.ones(2))


def test_linker_by_name():
    x = pt.vector()
    f = pytensor.function([x], x + 1, mode=pytensor.compile.mode.Mode("gemmule", "fast_run"))
    np.testing.assert_array_equal(f(np.zeros(2)), np.ones(2))


def test_mlx_mode_is_left_as_it_was():
    mode = pytensor.compile.mode.get_mode("MLX")
    assert "BlasOpt" in mode.linker.incompatible_rewrites
    assert type(mode.linker).__name__ == "MLXLinker"


def test_copy_of_a_function():
    s = pytensor.shared(np.zeros(2))
    x = pt.vector()
    f = function([x], s + x, updates={s: s + x})
    g = f.copy()
    np.testing.assert_array_equal(g(np.ones(2)), np.ones(2))
    h = f.copy(swap={s: pytensor.shared(np.full(2, 7.0))})
    np.testing.assert_array_equal(h(np.ones(2)), np.full(2, 8.0))


def test_pickle():
    x = pt.vector()
    s = pytensor.shared(np.ones(2))
    f = function([x], s + x, updates={s: s * 2})
    g = pickle.loads(pickle.dumps(f))
    for _ in range(2):
        np.testing.assert_array_equal(g(np.zeros(2)), f(np.zeros(2)))


def test_explain_needs_a_function_of_ours():
    x = pt.vector()
    with pytest.raises(TypeError, match="GEMMULE"):
        gemmule.explain(pytensor.function([x], x + 1, mode="FAST_COMPILE"))


def test_two_threads():
    x = pt.matrix()
    f = function([x], pt.tanh(x @ x).sum(axis=0), trust_input=True)
    run = f.vm.jit_fn
    failures = []

    def work(seed):
        value = np.random.default_rng(seed).normal(size=(20, 20))
        want = np.tanh(value @ value).sum(axis=0)
        for _ in range(200):
            [got] = run(value)
            if not np.allclose(got, want):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_nothing_is_printed_or_warned():
    x = pt.vector()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function([x], pt.exp(x))(np.zeros(2))
