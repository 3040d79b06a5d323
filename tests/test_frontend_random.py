"""Random variables: draws and generators are those of PyTensor's Python backend."""

import threading

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor.random import basic
from pytensor.tensor.random.op import RandomVariable, default_rng
from pytensor.tensor.random.type import random_generator_type

import gemmule

pytestmark = [
    pytest.mark.usefixtures("executor"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

#: op, parameters of one draw
NUMBERS = {
    "uniform": (-1.0, 2.5),
    "normal": (1.0, 2.0),
    "lognormal": (0.5, 0.7),
    "gamma": (2.5, 3.0),
    "beta": (0.7, 3.0),
    "exponential": (2.0,),
    "weibull": (1.5,),
    "logistic": (1.0, 2.0),
    "laplace": (1.0, 2.0),
    "vonmises": (0.5, 2.0),
    "wald": (1.5, 2.0),
    "triangular": (-1.0, 0.5, 3.0),
    "poisson": (13.5,),
    "geometric": (0.3,),
    "binomial": (40, 0.45),
    "hypergeometric": (10, 20, 7),
    "integers": (-5, 1000),
    "halfnormal": (1.0, 2.0),
    "pareto": (2.5, 3.0),
    "gumbel": (1.0, 2.0),
    "cauchy": (1.0, 2.0),
    "halfcauchy": (1.0, 2.0),
    "truncexpon": (2.5, 1.0, 3.0),
    "t": (4.5, 1.0, 2.0),
    "gengamma": (2.0, 3.0, 4.0),
    "invgamma": (3.0, 2.0),
    "bernoulli": (0.4,),
    "negative_binomial": (5.5, 0.3),
    "betabinom": (10, 2.0, 3.0),
}
# Functions in which NumPy and SciPy have code of their own beside the C library's.
ROUNDED = {"pareto", "gumbel", "cauchy", "halfcauchy", "truncexpon", "gengamma"}

MODES = ("FAST_COMPILE", "GEMMULE")


def draw_with(
    op, parameters, inputs=(), values=(), seed=11, calls=2, bits=np.random.PCG64, **kwargs
):
    """(draws of some calls, generator after them) for both modes; the core runs every node."""
    results = []
    for mode in MODES:
        rng = pytensor.shared(np.random.Generator(bits(seed)))
        following, out = op(*parameters, rng=rng, return_next_rng=True, **kwargs)
        f = pytensor.function(list(inputs), out, updates={rng: following}, mode=mode)
        if mode == "GEMMULE":
            assert gemmule.explain(f).fallbacks == []
        drawn = [f(*values) for _ in range(calls)]
        results.append((drawn, rng.get_value(borrow=True)))
    return results


def assert_same_state(a: np.random.Generator, b: np.random.Generator):
    assert type(a) is type(b) is np.random.Generator
    assert random_generator_type.values_eq(a, b)


def check_draws(op, *parameters, rounded=False, **kwargs):
    (want, expected), (got, generator) = draw_with(op, parameters, **kwargs)
    for a, b in zip(got, want, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if rounded:
            np.testing.assert_array_max_ulp(a, b, maxulp=4)
        else:
            np.testing.assert_array_equal(a, b)
    assert_same_state(generator, expected)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("size", [None, (), (7,), (3, 1, 4), (0, 2)], ids=str)
def test_numbers(name, size):
    check_draws(getattr(basic, name), *NUMBERS[name], size=size, rounded=name in ROUNDED)


@pytest.mark.parametrize("name", NUMBERS)
def test_parameters_broadcast(name):
    """One parameter is a column, another a row that comes at the call."""
    parameters = [
        np.multiply(p, [[1], [1], [1]]).astype(np.asarray(p).dtype) for p in NUMBERS[name]
    ]
    last = np.asarray(NUMBERS[name][-1])
    row = pt.tensor("row", dtype=last.dtype, shape=(None,))
    kwargs = {
        "inputs": [row],
        "values": [np.repeat(last, 5)],
        "rounded": name in ROUNDED,
    }
    op = getattr(basic, name)
    check_draws(op, *parameters[:-1], row, **kwargs)
    check_draws(op, *parameters[:-1], row, size=(2, 3, 5), **kwargs)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int8", "float16"])
@pytest.mark.parametrize(
    "name",
    [
        "normal",
        "gamma",
        "pareto",
        "truncexpon",
        "t",
        "gengamma",
        "invgamma",
        "halfnormal",
        "poisson",
    ],
)
def test_parameters_of_other_dtypes(name, dtype):
    parameters = [np.full(4, 2 + i, dtype=dtype) for i, _ in enumerate(NUMBERS[name])]
    check_draws(getattr(basic, name), *parameters, rounded=name in ROUNDED)


@pytest.mark.parametrize(
    "name", ["normal", "gamma", "halfnormal", "dirichlet", "multivariate_normal"]
)
def test_float32_draws(name):
    vector, matrix = np.ones(3, "float32"), np.eye(3, dtype="float32")
    parameters = {"dirichlet": (vector,), "multivariate_normal": (vector, matrix)}
    check_draws(getattr(basic, name), *parameters.get(name, (2, 3)), size=(4,), dtype="float32")


def test_other_integers_of_discrete_draws():
    check_draws(basic.poisson, 3.0, size=(9,), dtype="int16")
    check_draws(basic.integers, 0, 2**32, size=(9,))  # the range that is drawn in 32 bits
    check_draws(basic.integers, np.array([0]), np.array([2**32, 2**40]))
    check_draws(basic.bernoulli, 0.3, size=(9,), dtype="bool")


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_bit_generators(bits):
    bits = getattr(np.random, bits)
    check_draws(basic.normal, 0, 1, size=(5,), bits=bits)
    # An odd number of 32-bit draws leaves a half to the next.
    check_draws(basic.integers, 0, 100, size=(5,), bits=bits)


# -- draws that are vectors, or whose parameters are -----------------------------------------------


@pytest.mark.parametrize("size", [None, (), (4,), (2, 3)], ids=str)
def test_vectors(size):
    alpha = np.array([0.5, 2.0, 3.5])
    check_draws(basic.dirichlet, alpha, size=size)
    check_draws(basic.dirichlet, alpha / 100, size=size)
    check_draws(basic.multinomial, 20, alpha / alpha.sum(), size=size)
    check_draws(basic.categorical, alpha / alpha.sum(), size=size)
    check_draws(basic.categorical, (alpha / alpha.sum()).astype("float32"), size=size)


@pytest.mark.parametrize("size", [None, (2, 3)], ids=str)
def test_batches_of_vectors(size):
    alpha = np.arange(1.0, 13.0).reshape(3, 4)
    p = alpha / alpha.sum(1, keepdims=True)
    check_draws(basic.dirichlet, alpha, size=size)
    check_draws(basic.multinomial, np.array([5, 0, 30]), p, size=size)
    check_draws(basic.categorical, p, size=size)
    x = pt.matrix("x")
    check_draws(basic.dirichlet, x[:, ::-1], inputs=[x], values=[alpha.T.copy()])


@pytest.mark.parametrize("method", ["cholesky", "svd"])
@pytest.mark.parametrize("size", [None, (), (5,), (2, 3)], ids=str)
def test_multivariate_normal(method, size):
    root = np.random.default_rng(0).normal(size=(3, 4, 4))
    covs = root @ root.swapaxes(1, 2) + np.eye(4)
    mean = np.arange(4.0)
    cases = [(mean, covs[0]), (np.ones((3, 4)), covs[1]), (mean, covs)]
    for parameters in cases:
        if size not in (None, (2, 3)) and parameters is not cases[0]:
            continue
        (want, a), (got, b) = draw_with(
            basic.multivariate_normal, parameters, size=size, method=method
        )
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        assert_same_state(a, b)


def test_multivariate_normal_by_eigenvectors():
    cov = np.array([[2.0, 0.3], [0.3, 1.0]])
    draws = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(2))
        x = basic.multivariate_normal(np.zeros(2), cov, size=(3,), method="eigh", rng=rng)
        f = pytensor.function([], x, mode=mode)
        draws.append(f())
    np.testing.assert_array_equal(*draws)
    [fallback] = gemmule.explain(f).fallbacks
    assert fallback.reason == "numpy.linalg.eigh has other signs of the eigenvectors"


def test_multivariate_normal_of_no_covariance():
    rng = pytensor.shared(np.random.default_rng(3))
    before = np.random.default_rng(3)
    cov = pt.matrix("cov")
    following, x = basic.multivariate_normal(np.zeros(2), cov, rng=rng, return_next_rng=True)
    f = pytensor.function([cov], x, updates={rng: following}, mode="GEMMULE")
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        f(-np.eye(2))
    assert_same_state(rng.get_value(), before)
    assert f(np.eye(2)).shape == (2,)


def test_permutation():
    check_draws(basic.permutation, 9)
    check_draws(basic.permutation, np.arange(6) * 1.5)
    check_draws(basic.permutation, np.arange(12, dtype="int16").reshape(4, 3))
    n, x, y = pt.lscalar("n"), pt.vector("x"), pt.tensor3("y")
    check_draws(basic.permutation, n, inputs=[n], values=[5])
    check_draws(basic.permutation, x[::-2], inputs=[x], values=[np.arange(9.0)])
    check_draws(basic.permutation, y, inputs=[y], values=[np.arange(24.0).reshape(4, 3, 2)])
    for length in (0, 1):
        check_draws(basic.permutation, x, inputs=[x], values=[np.arange(float(length))])


def test_permutation_of_batches():
    """Rows are permuted by themselves."""
    op = basic.PermutationRV(signature="(x)->(x)", dtype="float64")
    x = pt.matrix("x")
    values = np.arange(12.0).reshape(3, 4)
    check_draws(op, x, inputs=[x], values=[values])
    check_draws(op, x, size=(2, 3), inputs=[x], values=[values])


@pytest.mark.parametrize("size", [(), (3,), (2, 2)], ids=str)
def test_choice_without_replacement(size):
    p = np.array([0.1, 0.0, 0.3, 0.2, 0.15, 0.25])
    for a in (6, np.arange(6.0) * 2, np.arange(12.0).reshape(6, 2)):
        check_draws(basic.choice, a, size=size, replace=False)
        check_draws(basic.choice, a, size=size, replace=False, p=p)
        check_draws(basic.choice, a, size=size, replace=False, p=p.astype("float32"))
    check_draws(basic.choice, 20_000, size=(500,), replace=False)  # shuffles the tail
    check_draws(basic.choice, 20_000, size=(50,), replace=False)


def test_choice_of_batches():
    op = basic.ChoiceWithoutReplacement(signature="(a0),(1)->(s0)", dtype="float64")
    check_draws(op, np.arange(12.0).reshape(3, 4), np.array([2]))
    op = basic.ChoiceWithoutReplacement(signature="(a0),(a0),(1)->(s0)", dtype="float64")
    p = np.array([[[0.25, 0.25, 0.25, 0.25]], [[0.7, 0.1, 0.1, 0.1]]])
    check_draws(op, np.arange(12.0).reshape(3, 4), p, np.array([3]))


def test_choice_with_replacement():
    check_draws_of = {"size": (5,), "replace": True}
    for a in (6, np.arange(6.0)):
        for p in (None, np.full(6, 1 / 6)):
            results = []
            for mode in MODES:
                rng = pytensor.shared(np.random.default_rng(2))
                following, out = basic.choice(
                    a, p=p, rng=rng, return_next_rng=True, **check_draws_of
                )
                f = pytensor.function([], out, updates={rng: following}, mode=mode)
                results.append([f(), f()])
            np.testing.assert_array_equal(*results)


def test_sizes_at_the_call():
    n, shape = pt.lscalar("n"), pt.tensor("shape", dtype="int64", shape=(2,))
    x = pt.vector("x")
    check_draws(basic.normal, 0, 1, size=(n, 2), inputs=[n], values=[3])
    check_draws(basic.normal, 0, 1, size=shape, inputs=[shape], values=[np.array([2, 3])])
    check_draws(basic.normal, x.sum(), 1, size=x.shape, inputs=[x], values=[np.ones(4)])


def test_size_that_is_drawn():
    results = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(5))
        following, n = basic.poisson(9.0, rng=rng, return_next_rng=True)
        last, x = basic.normal(size=(n,), rng=following, return_next_rng=True)
        f = pytensor.function([], x, updates={rng: last}, mode=mode)
        results.append(([f(), f(), f()], rng.get_value(borrow=True)))
    for a, b in zip(*(drawn for drawn, _ in results), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same_state(results[0][1], results[1][1])


# -- who moves a generator on ----------------------------------------------------------------------


def test_without_updates_every_call_draws_the_same():
    rng = pytensor.shared(np.random.default_rng(1))
    held = rng.get_value(borrow=True)
    f = pytensor.function([], basic.normal(size=(3,), rng=rng), mode="GEMMULE")
    np.testing.assert_array_equal(f(), f())
    np.testing.assert_array_equal(f(), np.random.default_rng(1).normal(size=3))
    assert_same_state(held, np.random.default_rng(1))


def test_a_generator_that_is_read_twice():
    def build(rng):
        after_normal, a = basic.normal(size=(3,), rng=rng, return_next_rng=True)
        after_gamma, b = basic.gamma(2.0, 1.0, size=(2,), rng=rng, return_next_rng=True)
        after_all, c = basic.normal(size=(3,), rng=after_normal, return_next_rng=True)
        _, d = basic.integers(0, 9, size=(5,), rng=after_normal, return_next_rng=True)
        return [a, b, c, d], after_gamma, after_all

    results = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(8))
        outputs, _, after_all = build(rng)
        f = pytensor.function([], outputs, updates={rng: after_all}, mode=mode)
        if mode == "GEMMULE":
            assert gemmule.explain(f).fallbacks == []
        results.append((f() + f(), rng.get_value(borrow=True)))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same_state(results[0][1], results[1][1])


def test_equal_nodes_draw_the_same():
    rng = random_generator_type("rng")
    a, b = (basic.normal(size=(4,), rng=rng) for _ in range(2))
    f = pytensor.function([rng], [a, b, a - b], mode="GEMMULE")
    first, second, difference = f(np.random.default_rng(0))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(difference, np.zeros(4))


def test_generators_as_arguments_and_results():
    rng = random_generator_type("rng")
    following, x = basic.normal(size=(3,), rng=rng, return_next_rng=True)
    f = pytensor.function([rng], [x, following, rng], mode="GEMMULE")
    given = np.random.default_rng(4)
    x, after, same = f(given)
    assert_same_state(given, np.random.default_rng(4))
    assert_same_state(same, given)
    assert same is not given
    expected = np.random.default_rng(4)
    np.testing.assert_array_equal(x, expected.normal(size=3))
    assert_same_state(after, expected)
    # It is one of its own.
    f(given)
    assert_same_state(after, expected)
    np.testing.assert_array_equal(after.spawn(1)[0].normal(), expected.spawn(1)[0].normal())


def test_updates_that_swap_generators():
    results = []
    for mode in MODES:
        one, two = (pytensor.shared(np.random.default_rng(seed)) for seed in (1, 2))
        after_one, x = basic.normal(rng=one, return_next_rng=True)
        after_two, y = basic.gamma(2.0, 1.0, rng=two, return_next_rng=True)
        f = pytensor.function([], [x, y], updates={one: after_two, two: after_one}, mode=mode)
        results.append([f() for _ in range(3)])
    np.testing.assert_array_equal(*results)


def test_one_generator_in_two_variables():
    """Each variable moves it on by itself."""
    results = []
    for mode in MODES:
        same = np.random.default_rng(1)
        one, two = (pytensor.shared(same, borrow=True) for _ in range(2))
        after_one, x = basic.normal(rng=one, return_next_rng=True)
        after_two, y = basic.normal(rng=two, return_next_rng=True)
        f = pytensor.function([], [x, y], updates={one: after_one, two: after_two}, mode=mode)
        results.append([f() for _ in range(3)])
    np.testing.assert_array_equal(*results)


def test_a_new_generator_in_the_variable():
    rng = pytensor.shared(np.random.default_rng(1))
    following, x = basic.normal(rng=rng, return_next_rng=True)
    f = pytensor.function([], x, updates={rng: following}, mode="GEMMULE")
    f()
    rng.set_value(np.random.default_rng(7))
    expected = np.random.default_rng(7)
    assert [f(), f()] == [expected.normal(), expected.normal()]


def test_a_generator_that_the_core_does_not_know():
    class Mine(np.random.PCG64):
        pass

    rng = pytensor.shared(np.random.Generator(Mine(3)))
    following, x = basic.normal(size=(3,), rng=rng, return_next_rng=True)
    f = pytensor.function([], x, updates={rng: following}, mode="GEMMULE")
    expected = np.random.default_rng(3)
    for _ in range(2):
        np.testing.assert_array_equal(f(), expected.normal(size=3))
    assert "not one of NumPy's" in gemmule.explain(f).fallbacks[0].reason
    rng.set_value(np.random.default_rng(5))
    np.testing.assert_array_equal(f(), np.random.default_rng(5).normal(size=3))


class Doubled(basic.NormalRV):
    """What draws with Python code of the user's."""

    @classmethod
    def rng_fn(cls, rng, loc, scale, size):
        return 2 * rng.normal(loc, scale, size)


def test_draws_in_python_between_native_ones():
    results = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(3))
        first, x = basic.normal(size=(3,), rng=rng, return_next_rng=True)
        second, y = Doubled()(x, 1.0, rng=first, return_next_rng=True)
        third, z = basic.gamma(2.0, pt.exp(y), rng=second, return_next_rng=True)
        f = pytensor.function([], [x, y, z], updates={rng: third}, mode=mode)
        results.append((f() + f(), rng.get_value(borrow=True)))
    [fallback] = gemmule.explain(f).fallbacks
    assert fallback.reason == "Doubled draws with Python code"
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-14)  # exp is rounded otherwise
    assert_same_state(results[0][1], results[1][1])


def test_a_user_s_op_by_the_name_of_a_method_of_numpy():
    class Rayleigh(RandomVariable):
        name = "rayleigh"
        signature = "()->()"
        dtype = "floatX"

    rng = pytensor.shared(np.random.default_rng(3))
    f = pytensor.function([], Rayleigh()(2.0, size=(3,), rng=rng), mode="GEMMULE")
    np.testing.assert_array_equal(f(), np.random.default_rng(3).rayleigh(2.0, size=3))
    assert gemmule.explain(f).fallbacks[0].reason == "numpy.random.Generator.rayleigh"


def test_default_rng_in_the_graph():
    seed = pt.lscalar("seed")
    following, x = basic.normal(size=(3,), rng=default_rng(seed), return_next_rng=True)
    y = basic.normal(rng=following)
    f = pytensor.function([seed], [x, y], mode="GEMMULE")
    expected = np.random.default_rng(9)
    x, y = f(9)
    np.testing.assert_array_equal(x, expected.normal(size=3))
    np.testing.assert_array_equal(y, expected.normal())


def test_loops_draw_from_a_state():
    results = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(3))

        def step(x, rng):
            following, x = basic.normal(x, 1.0, rng=rng, return_next_rng=True)
            _, y = basic.normal(size=(2,), rng=following, return_next_rng=True)
            last, _ = basic.gamma(2.0, 1.0, rng=following, return_next_rng=True)
            return x, last, y

        start = [pt.zeros(()), rng, None]
        xs, last, ys = pytensor.scan(step, outputs_info=start, n_steps=5, return_updates=False)
        f = pytensor.function([], [xs, ys], updates={rng: last}, mode=mode)
        results.append((f() + f(), rng.get_value(borrow=True)))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same_state(results[0][1], results[1][1])


# -- errors ----------------------------------------------------------------------------------------

BAD = {
    "normal": (0.0, -1.0),
    "uniform": (1.0, 0.0),
    "gamma": (-1.0, 1.0),
    "beta": (0.0, 1.0),
    "exponential": (-1.0,),
    "wald": (0.0, 1.0),
    "triangular": (2.0, 1.0, 3.0),
    "poisson": (np.nan,),
    "geometric": (0.0,),
    "binomial": (5, 1.5),
    "hypergeometric": (1, 2, 5),
    "integers": (5, 5),
    "halfnormal": (0.0, -1.0),
    "pareto": (0.0, 1.0),
    "t": (np.nan, 0.0, 1.0),
    "gengamma": (1.0, 0.0, 1.0),
    "bernoulli": (1.5,),
    "negative_binomial": (1e15, 1e-10),
    "betabinom": (-1, 1.0, 1.0),
}


def both_errors(op, parameters, **kwargs):
    messages = []
    for mode in MODES:
        rng = pytensor.shared(np.random.default_rng(3))
        following, x = op(*parameters, rng=rng, return_next_rng=True, **kwargs)
        f = pytensor.function([], x, updates={rng: following}, mode=mode)
        with pytest.raises((ValueError, OverflowError)) as raised:
            f()
        messages.append((raised.type, str(raised.value).splitlines()[0]))
        assert_same_state(rng.get_value(), np.random.default_rng(3))
    return messages


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [None, (3,)], ids=str)
def test_parameters_out_of_range(name, size):
    want, got = both_errors(getattr(basic, name), BAD[name], size=size)
    assert got == want


def test_more_parameters_out_of_range():
    for op, parameters in (
        (basic.uniform, (-np.inf, 0.0)),
        (basic.uniform, (0.0, np.array([1.0, np.inf]))),
        (basic.integers, (0, 0)),
        (basic.poisson, (1e300,)),
        (basic.dirichlet, (np.array([1.0, -1.0]),)),
        (basic.multinomial, (3, np.array([0.9, 0.9, 0.0]))),
        (basic.multinomial, (3, np.array([1.1, 0.0]))),
        (basic.multinomial, (-3, np.array([0.5, 0.5]))),
    ):
        want, got = both_errors(op, parameters)
        assert got == want


@pytest.mark.parametrize(
    "kwargs",
    [
        {"a": 3, "size": (4,)},
        {"a": 3, "size": (2,), "p": np.array([0.5, 0.5, 0.5])},
        {"a": 3, "size": (2,), "p": np.array([1.0, 0.0, 0.0])},
        {"a": 3, "size": (2,), "p": np.array([1.5, -0.5, 0.0])},
        {"a": 3, "size": (2,), "p": np.array([1.5, np.nan, 0.0])},
    ],
    ids=str,
)
def test_choices_that_cannot_be_made(kwargs):
    def op(rng, return_next_rng):
        return basic.choice(**kwargs, replace=False, rng=rng, return_next_rng=return_next_rng)

    want, got = both_errors(op, ())
    assert got == want


def test_a_size_that_does_not_fit():
    x = pt.vector("x")
    rng = pytensor.shared(np.random.default_rng(3))
    f = pytensor.function([x], basic.normal(x, 1.0, size=(3,), rng=rng), mode="GEMMULE")
    with pytest.raises(ValueError, match=r"Output size \[3\] is not compatible"):
        f(np.zeros(4))
    assert f(np.zeros(1)).shape == (3,)


def test_a_late_error_leaves_all_generators_alone():
    one, two = (pytensor.shared(np.random.default_rng(seed)) for seed in (1, 2))
    scale = pt.scalar("scale")
    after_one, x = basic.normal(size=(3,), rng=one, return_next_rng=True)
    after_two, y = basic.normal(Doubled()(x, 1.0, rng=one), scale, rng=two, return_next_rng=True)
    f = pytensor.function([scale], [x, y], updates={one: after_one, two: after_two}, mode="GEMMULE")
    with pytest.raises(ValueError, match="scale < 0"):
        f(-1.0)
    assert_same_state(one.get_value(), np.random.default_rng(1))
    assert_same_state(two.get_value(), np.random.default_rng(2))
    np.testing.assert_array_equal(f(1.0)[0], np.random.default_rng(1).normal(size=3))


# -- threads ---------------------------------------------------------------------------------------


def test_threads_that_share_a_generator():
    """Functions of different threads never see a generator half moved on: no draw comes twice."""
    rng = pytensor.shared(np.random.default_rng(1), borrow=True)
    functions, drawn = [], []
    for _ in range(4):
        following, x = basic.normal(size=(2000,), rng=rng, return_next_rng=True)
        functions.append(pytensor.function([], x, updates={rng: following}, mode="GEMMULE"))

    def work(f):
        for _ in range(20):
            drawn.append(f())

    threads = [threading.Thread(target=work, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = np.sort(np.concatenate(drawn))
    want = np.sort(np.random.default_rng(1).normal(size=4 * 20 * 2000))
    np.testing.assert_array_equal(got, want)


def test_threads_that_share_a_function():
    """Without updates: each call works on a copy."""
    rng = random_generator_type("rng")
    following, x = basic.normal(size=(500,), rng=rng, return_next_rng=True)
    f = pytensor.function([rng], [x, following], mode="GEMMULE", trust_input=True)
    run = f.vm.jit_fn.gemmule.run
    wrong = []

    def work(seed):
        for _ in range(50):
            expected = np.random.default_rng(seed)
            x, after = run([np.random.default_rng(seed)])
            if not np.array_equal(x, expected.normal(size=500)):
                wrong.append(seed)
            if not random_generator_type.values_eq(after, expected):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- arrays of MLX ---------------------------------------------------------------------------------


def test_parameters_in_arrays_of_mlx():
    rng = pytensor.shared(np.random.default_rng(3))
    scale = pt.scalar("scale", dtype="float32")
    following, x = basic.normal(0, scale, size=(3,), rng=rng, return_next_rng=True)
    f = pytensor.function([scale], x, updates={rng: following}, mode="GEMMULE")
    expected = np.random.default_rng(3)
    assert isinstance(f(mx.array(1.0)), mx.array)
    expected.normal(size=3)
    with pytest.raises(ValueError, match="scale < 0"):
        f(mx.array(-1.0))
    np.testing.assert_array_equal(np.array(f(mx.array(2.0))), expected.normal(0, 2, size=3))
