"""Loops against PyTensor's Python backend: all kinds of states, gradients, conditions, lengths."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native, reference
from pytensor.raise_op import Assert
from pytensor.scan.utils import until

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

rng = np.random.default_rng(5)


def scan(step, **arguments):
    return pytensor.scan(step, return_updates=False, **arguments)


def zero(dtype="float64"):
    return pt.zeros((), dtype=dtype)


x = pt.dvector("x")
v = pt.dscalar("v")
A = pt.dmatrix("A")
b = pt.dvector("b")
n = pt.iscalar("n")

VALUES = rng.normal(size=7)


# -- states ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_sequence_without_state(length):
    check([x], scan(lambda e: e**2 + 1, sequences=[x]), VALUES[:length])


@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("kept", [slice(None), -1, slice(-2, None), slice(None, None, 2)])
def test_running_sum(length, kept):
    total = scan(lambda e, s: s + e, sequences=[x], outputs_info=[zero()])
    check([x], total[kept], VALUES[:length])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "complex128", "bool"])
def test_dtypes(dtype):
    s = pt.vector("s", dtype=dtype)
    values = (rng.normal(size=5) * 3).astype(dtype)
    combine = (lambda e, a: a ^ e) if dtype == "bool" else (lambda e, a: a * 2 + e)
    check([s], scan(combine, sequences=[s[1:]], outputs_info=[s[0]]), values)


@pytest.mark.parametrize("kept", [slice(None), -1, slice(-3, None)])
def test_several_taps(kept):
    """An autoregression of order 3 with lags 1 and 3 and inputs from two places of a sequence."""
    result = scan(
        lambda e0, e1, a3, a1: 0.5 * a1 - 0.2 * a3 + e0 * e1,
        sequences=[{"input": x, "taps": [0, 2]}],
        outputs_info=[{"initial": b, "taps": [-3, -1]}],
    )
    check([x, b], result[kept], rng.normal(size=9), np.array([1.0, 2.0, 3.0]))


def test_matrix_state():
    P = pt.dmatrix("P")
    result = scan(
        lambda P, A: A @ P @ A.T + pt.eye(3), outputs_info=[P], non_sequences=[A], n_steps=5
    )
    f = check([A, P], [result, result[-1]], 0.5 * rng.normal(size=(3, 3)), np.eye(3))
    counts = gemmule.explain(f).counts
    assert counts["gemm"] + counts.get("matmul", 0) >= 2


def test_several_outputs_of_different_dtypes():
    results = scan(
        lambda i, a: (a + i, i * 2, pt.cast(a, "float32"), pt.stack([a, a * a])),
        sequences=[pt.arange(6)],
        outputs_info=[v, None, None, None],
    )
    check([v], results, 2.0)


@pytest.mark.parametrize("step", [-1, 2, -2])
def test_strided_sequences(step):
    rows = scan(lambda row, s: s + row * 2, sequences=[A[::step]], outputs_info=[pt.zeros(3)])
    check([A], rows, rng.normal(size=(7, 3)))
    columns = scan(lambda c: c.sum(), sequences=[A.T[::step]])
    check([A], columns, rng.normal(size=(7, 3))[::-1, ::-1])


def test_go_backwards():
    result = scan(lambda e, s: s * 0.5 + e, sequences=[x], outputs_info=[v], go_backwards=True)
    check([x, v], [result, pt.grad(result[-1], x)], VALUES, 2.0)


def test_nan_and_infinity_travel_along():
    result = scan(lambda e, s: s + e, sequences=[x], outputs_info=[zero()])
    check([x], result, np.array([1.0, np.inf, -np.inf, 2.0, np.nan]))


def test_nested_loops():
    inner = lambda row: scan(lambda e, s: s * e + 1, sequences=[row], outputs_info=[zero()])[-1]  # noqa: E731
    rows = scan(inner, sequences=[A])
    check([A], [rows, pt.grad((rows**2).sum(), A)], rng.normal(size=(4, 3)))


# -- number of steps and sizes --------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2, 9])
def test_number_of_steps_at_run_time(steps):
    result = scan(lambda s, A: pt.tanh(A @ s), outputs_info=[b], non_sequences=[A], n_steps=n)
    check([A, b, n], result, rng.normal(size=(3, 3)), np.ones(3), np.int32(steps))


def test_number_of_steps_from_data():
    steps = pt.abs(x).sum().astype("int64")
    result = scan(lambda s: s * 1.5, outputs_info=[v], n_steps=steps)
    f = check([x, v], [result, result[-1]], np.array([1.0, -2.0, 3.5]), 2.0)
    g = reference([x, v], [result, result[-1]])
    for data in ([1.0], [9.0, 2.0]):
        for got, want in zip(f(np.array(data), 1.0), g(np.array(data), 1.0), strict=True):
            np.testing.assert_allclose(got, want)


def test_sizes_from_constants_of_the_loop():
    result = scan(lambda e, k: (pt.arange(k) * e).sum(), sequences=[x], non_sequences=[n])
    check([x, n], result, VALUES, np.int32(4))
    computed = pt.abs(x).sum().astype("int64")
    result = scan(lambda e, k: (pt.arange(k) * e).sum(), sequences=[x], non_sequences=[computed])
    check([x], result, VALUES)


def test_one_function_for_many_lengths():
    total = scan(lambda e, s: s + e, sequences=[x], outputs_info=[zero()])
    f = compile_native([x], total)
    for length in (1, 5, 2, 5, 40):
        np.testing.assert_allclose(f(np.arange(float(length))), np.cumsum(np.arange(float(length))))


def test_a_size_that_changes_from_step_to_step_is_handed_on():
    result = scan(lambda i: x[:i].sum(), sequences=[pt.arange(3)])
    f = check([x], result, VALUES, native=False)
    assert [item.reason for item in gemmule.explain(f).fallbacks] == [
        "a size in a loop depends on what its steps compute"
    ]


# -- gradients ------------------------------------------------------------------------------------


def test_gradients_of_a_recurrence():
    last = scan(lambda s, A: pt.tanh(A @ s), outputs_info=[b], non_sequences=[A], n_steps=7)[-1]
    f = check([A, b], pt.grad(last.sum(), [A, b]), rng.normal(size=(3, 3)), np.ones(3))
    counts = gemmule.explain(f).counts
    assert counts["loop"] == 2
    assert counts["gemv"] >= 2


def test_gradients_of_several_taps():
    result = scan(
        lambda e, a2, a1: pt.tanh(0.5 * a1 - 0.2 * a2) + e,
        sequences=[x],
        outputs_info=[{"initial": b, "taps": [-2, -1]}],
    )
    check([x, b], pt.grad((result**2).sum(), [x, b]), VALUES, np.array([1.0, 2.0]))


def test_truncated_gradient():
    result = scan(lambda e, s: s * e, sequences=[x], outputs_info=[v], truncate_gradient=2)
    check([x, v], pt.grad(result[-1], x), VALUES, 2.0)


def test_second_derivative():
    last = scan(lambda s: pt.sin(s) * v, outputs_info=[v], n_steps=4)[-1]
    check([v], pt.grad(pt.grad(last, v), v), 0.7)


def test_gradient_of_kalman_filter():
    y = rng.normal(size=(12, 2))
    H = np.eye(3)[:2]

    def step(y, m, P, F, Q):
        m, P = F @ m, F @ P @ F.T + Q
        error, S = y - H @ m, H @ P @ H.T + np.eye(2)
        K = pt.linalg.solve(S, H @ P).T
        density = -0.5 * (pt.linalg.slogdet(S)[1] + error @ pt.linalg.solve(S, error))
        return m + K @ error, P - K @ H @ P, density

    F = 0.9 * pt.eye(3) + v * 0.1
    _, _, density = scan(
        step,
        sequences=[pt.constant(y)],
        outputs_info=[pt.zeros(3), pt.eye(3), None],
        non_sequences=[F, 0.1 * pt.eye(3)],
    )
    check([v], [density.sum(), pt.grad(density.sum(), v)], 0.3, rtol=1e-10)


# -- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [slice(None), -1, slice(None, None, -1)])
@pytest.mark.parametrize("bound", [50.0, 1e9, -1.0])
def test_stops_when_the_condition_holds(kept, bound):
    result = scan(
        lambda s, top: (s * 2, until(s > top)), outputs_info=[v], non_sequences=[x[0]], n_steps=20
    )
    check([x, v], result[kept], np.array([bound]), 1.5)


def test_condition_with_several_outputs():
    results = scan(
        lambda e, s: ((s + e, s - e), until(s > 3)), sequences=[x], outputs_info=[v, None]
    )
    check([x, v], [results[0], results[1][::-1], results[0].sum()], np.arange(7.0), 0.0)


def test_condition_with_zero_steps():
    result = scan(lambda s: (s * 2, until(s > 5)), outputs_info=[v], n_steps=n)
    check([v, n], result, 1.0, np.int32(0))


def test_gradient_through_a_condition():
    result = scan(lambda s: (s * s, until(s > 50)), outputs_info=[v], n_steps=20)
    check([v], pt.grad(result[-1], v), 1.5)


# -- errors ---------------------------------------------------------------------------------------


def test_failing_check_in_a_step():
    result = scan(
        lambda e, s: s + Assert("no negative numbers")(e, e >= 0),
        sequences=[x],
        outputs_info=[zero()],
    )
    f = check([x], result, np.arange(4.0))
    with pytest.raises(AssertionError, match="no negative numbers"):
        f(np.array([1.0, -1.0, 2.0]))
    np.testing.assert_allclose(f(np.arange(3.0))[0], [0, 1, 3])


def test_sequence_that_is_too_short():
    total = scan(lambda e, s: s + e, sequences=[x], outputs_info=[zero()], n_steps=5)
    f = compile_native([x], total)
    with pytest.raises(ValueError, match="sequence 0 has 3 elements, the loop has 5 steps"):
        f(np.arange(3.0))


def test_negative_number_of_steps():
    f = compile_native([v, n], scan(lambda s: s + 1, outputs_info=[v], n_steps=n))
    with pytest.raises((IndexError, ValueError), match=r"-2|-1"):
        f(1.0, np.int32(-2))


def test_index_out_of_bounds_in_a_step():
    result = scan(lambda i: x[i], sequences=[pt.arange(5)])
    f = compile_native([x], result)
    np.testing.assert_allclose(f(np.arange(5.0)), np.arange(5.0))
    with pytest.raises(IndexError):
        f(np.arange(3.0))


# -- what explain says -----------------------------------------------------------------------------


def test_what_no_step_changes_is_computed_before():
    """The product of two constants of the loop is outside of it."""
    result = scan(
        lambda s, A: pt.tanh((A @ A.T) @ s), outputs_info=[b], non_sequences=[A], n_steps=7
    )
    f = check([A, b], result[-1], rng.normal(size=(3, 3)), np.ones(3))
    outside = [k.kernel for k in gemmule.explain(f).kernels if k.depth == 0]
    inside = [k.kernel for k in gemmule.explain(f).kernels if k.depth == 1]
    assert "matmul" in outside
    assert "matmul" not in inside
    assert "gemv" in inside
