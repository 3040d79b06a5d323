"""`gemmule.as_jax`: programs as functions of JAX."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.raise_op import Assert

import gemmule

jax = pytest.importorskip("jax")
jnp = jax.numpy

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def x64():
    """float64 in JAX while a test runs."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def rng():
    return np.random.default_rng(3)


def function(inputs, outputs, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


def quadratic(size=4):
    """f(x, s) -> -s * |A x|^2 and its gradients."""
    x, s = pt.vector("x"), pt.scalar("s")
    matrix = pytensor.shared(rng().normal(size=(6, size)), name="A")
    value = -s * pt.sqr(matrix @ x).sum()
    return function([x, s], [value, *pt.grad(value, [x, s])]), matrix


def eight_schools():
    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", 0, 1, shape=8)
        pm.Normal("y", mu + tau * theta, sigma, observed=y)
    return model


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_outputs_are_those_of_the_function(wrap):
    f, _ = quadratic()
    x = rng().normal(size=4)
    got = wrap(gemmule.as_jax(f))(x, 2.0)
    assert all(isinstance(value, jax.Array) for value in got)
    for g, w in zip(got, f(x, 2.0), strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        np.testing.assert_allclose(g, w, rtol=1e-12)


def test_sizes_are_those_of_the_call():
    x = pt.matrix("x")
    call = jax.jit(gemmule.as_jax(function([x], [x @ x.T, x.sum(axis=0)])))
    for shape in [(2, 3), (5, 1), (0, 3), (2, 3)]:
        value = rng().normal(size=shape)
        got = call(value)
        np.testing.assert_allclose(got[0], value @ value.T, rtol=1e-12)
        np.testing.assert_allclose(got[1], value.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint16", "int32", "int64", "float16", "float32", "complex64", "complex128"],
)
def test_dtypes(dtype):
    x = pt.tensor("x", dtype=dtype, shape=(3,))
    y = pt.stack([x, x], axis=1)
    value = np.array([1, 0, 1]).astype(dtype)
    got = gemmule.as_jax(function([x], y))(value)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.stack([value, value], axis=1))


def test_inputs_are_converted():
    x, n = pt.vector("x"), pt.iscalar("n")
    call = gemmule.as_jax(function([x, n], x * n))
    np.testing.assert_array_equal(call(jnp.arange(3), 2), [0, 2, 4])
    with pytest.raises(TypeError, match="'n' is int32, float64 is given"):
        call(jnp.arange(3), 2.0)
    with pytest.raises(ValueError, match="'x' has 1 dimensions, 2 are given"):
        call(jnp.ones((2, 2)), 2)
    with pytest.raises(TypeError, match="2 inputs expected, 1 given"):
        call(jnp.arange(3))


def test_forms_of_what_is_returned():
    x = pt.vector("x")
    assert gemmule.as_jax(function([x], x + 1))(jnp.zeros(2)).shape == (2,)
    assert len(gemmule.as_jax(function([x], [x + 1]))(jnp.zeros(2))) == 1
    total, same, one = gemmule.as_jax(([x], [x.sum(), x, pt.constant(1.5)]))(jnp.ones(2))
    assert (float(total), list(same), float(one)) == (2.0, [1, 1], 1.5)


def test_shared_variables_are_those_of_now():
    f, matrix = quadratic()
    before = gemmule.as_jax(f)
    want = before(np.ones(4), 1.0)[0]
    matrix.set_value(np.zeros((6, 4)))
    assert before(np.ones(4), 1.0)[0] == want
    assert gemmule.as_jax(f)(np.ones(4), 1.0)[0] == 0


# -- gradients -------------------------------------------------------------------------------------


def test_gradients_are_those_of_the_function():
    f, _ = quadratic()
    density = gemmule.as_jax(f, gradient=True)
    x, s = rng().normal(size=4), 0.7
    want = f(x, s)
    np.testing.assert_allclose(density(x, s), want[0], rtol=1e-12)
    value, gradients = jax.jit(jax.value_and_grad(density, argnums=(0, 1)))(x, s)
    np.testing.assert_allclose(value, want[0], rtol=1e-12)
    for g, w in zip(gradients, want[1:], strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12)
    # Through what surrounds it, and with respect to float32.
    outer = jax.grad(lambda q: 3 * density(jnp.sin(q), s))(x)
    np.testing.assert_allclose(outer, 3 * f(np.sin(x), s)[1] * np.cos(x), rtol=1e-12)
    assert jax.grad(density)(jnp.ones(4, "float32"), s).dtype == "float32"


def test_inputs_that_are_no_floats_have_no_gradient():
    x, n = pt.vector("x"), pt.lscalar("n")
    value = (x * n).sum()
    f = function([x, n], [value, pt.grad(value, x), pt.zeros((), dtype="int64")])
    density = gemmule.as_jax(f, gradient=True)
    np.testing.assert_array_equal(jax.grad(density)(np.ones(3), 4), [4, 4, 4])


def test_there_are_no_other_derivatives():
    f, _ = quadratic()
    with pytest.raises(ValueError, match="cannot be differentiated"):
        jax.grad(lambda x: gemmule.as_jax(f)(x, 1.0)[0])(np.ones(4))
    with pytest.raises(ValueError, match="cannot be differentiated"):
        jax.hessian(gemmule.as_jax(f, gradient=True))(np.ones(4), 1.0)


def test_outputs_that_are_no_gradient():
    x = pt.vector("x")
    with pytest.raises(ValueError, match="2 outputs for 1 inputs, not 1"):
        gemmule.as_jax(function([x], x.sum()), gradient=True)
    with pytest.raises(ValueError, match="it has to be one number"):
        gemmule.as_jax(function([x], [x, x]), gradient=True)
    wrong = gemmule.as_jax(function([x], [x.sum(), x[1:]]), gradient=True)
    with pytest.raises(ValueError, match=r"output 1 has shape \(2,\): no gradient"):
        jax.grad(wrong)(np.ones(3))


# -- vmap ------------------------------------------------------------------------------------------


def expect_mapped(call, f, in_axes, *inputs):
    got = jax.vmap(call, in_axes)(*inputs)
    count = next(np.shape(x)[a] for x, a in zip(inputs, in_axes, strict=True) if a is not None)
    for i in range(count):
        own = [
            x if a is None else np.take(x, i, axis=a) for x, a in zip(inputs, in_axes, strict=True)
        ]
        for g, w in zip(got, f(*own), strict=True):
            np.testing.assert_allclose(g[i], w, rtol=1e-10, atol=1e-12)


def test_vmap():
    f, _ = quadratic()
    call = gemmule.as_jax(f)
    x, s = rng().normal(size=(5, 4)), rng().normal(size=5)
    expect_mapped(call, f, (0, None), x, 0.5)
    expect_mapped(call, f, (1, 0), np.ascontiguousarray(x.T), s)
    expect_mapped(call, f, (None, 0), x[0], s)
    expect_mapped(jax.jit(call), f, (0, 0), x[:1], s[:1])
    assert jax.vmap(call)(x[:0], s[:0])[1].shape == (0, 4)


def test_vmap_is_one_call_for_all_chains():
    f, _ = quadratic()
    call = gemmule.as_jax(f)
    text = str(jax.make_jaxpr(jax.vmap(call, (0, None)))(np.ones((5, 4)), 1.0))
    assert text.count("ffi_call[") == 1
    assert "scan[" not in text and "while[" not in text


def test_vmap_of_vmap():
    f, _ = quadratic()
    density = gemmule.as_jax(f, gradient=True)
    x, s = rng().normal(size=(2, 3, 4)), rng().normal(size=2)
    got = jax.vmap(jax.vmap(jax.grad(density), (0, None)))(x, s)
    grid = jax.vmap(jax.vmap(jax.grad(density), (None, 0)), (0, None))(x[0], s)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(got[i, j], f(x[i, j], s[i])[1], rtol=1e-10)
            np.testing.assert_allclose(grid[j, i], f(x[0, j], s[i])[1], rtol=1e-10)
    summed = jax.grad(lambda q: jax.vmap(density, (0, None))(q, 0.5).sum())(x[0])
    np.testing.assert_allclose(summed[1], f(x[0, 1], 0.5)[1], rtol=1e-10)


def test_vmap_of_what_cannot_be_batched(monkeypatch):
    def batched(*arguments):
        raise gemmule.UnsupportedError("a size differs between chains")

    monkeypatch.setattr(gemmule._core, "batched", batched)
    f, _ = quadratic()
    call = gemmule.as_jax(f)
    x, s = rng().normal(size=(5, 4)), rng().normal(size=5)
    expect_mapped(call, f, (0, 0), x, s)
    expect_mapped(jax.jit(call), f, (0, None), x, 0.5)
    assert "scan[" in str(jax.make_jaxpr(jax.vmap(call))(x, s))


def test_loops_of_jax():
    f, _ = quadratic()
    density = gemmule.as_jax(f, gradient=True)

    def descend(x):
        return jax.lax.fori_loop(0, 20, lambda _, q: q + 0.01 * jax.grad(density)(q, 1.0), x)

    start = rng().normal(size=(3, 4))
    got = jax.jit(jax.vmap(descend))(start)
    want = start[1]
    for _ in range(20):
        want = want + 0.01 * f(want, 1.0)[1]
    np.testing.assert_allclose(got[1], want, rtol=1e-10)


# -- errors ----------------------------------------------------------------------------------------


def checked():
    x = pt.vector("x")
    positive = Assert("x must be positive")(x, pt.all(x > 0))
    value = pt.log(positive).sum()
    return function([x], [value, 1 / positive])


def test_a_check_that_does_not_hold():
    good, bad = np.array([1.0, 2.0]), np.array([1.0, -2.0])
    call = jax.jit(gemmule.as_jax(checked()))
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"gemmule: .*x must be positive"):
        call(bad)[0].block_until_ready()
    np.testing.assert_allclose(call(good)[0], np.log(2))
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"x must be positive.*\(chain 1\)"):
        jax.vmap(call)(np.stack([good, bad]))[0].block_until_ready()
    np.testing.assert_allclose(jax.vmap(call)(np.stack([good, good]))[0], np.log([2, 2]))


def test_a_check_that_rejects():
    good, bad = np.array([1.0, 2.0]), np.array([1.0, -2.0])
    density = gemmule.as_jax(checked(), gradient=True, failed="reject")
    value, gradient = jax.value_and_grad(density)(bad)
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, [0, 0])
    values, gradients = jax.vmap(jax.value_and_grad(density))(np.stack([good, bad]))
    np.testing.assert_allclose(values, [np.log(2), -np.inf])
    np.testing.assert_allclose(gradients, [[1, 0.5], [0, 0]])


def test_a_factorisation_that_raises():
    a = pt.matrix("a")
    f = function([a], [pt.linalg.inv(a).sum(), pt.linalg.inv(a)])
    matrices = np.stack([np.eye(2), np.zeros((2, 2)), 2 * np.eye(2)])
    raising = gemmule.as_jax(f)
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"[Ss]ingular"):
        raising(matrices[1])[0].block_until_ready()
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"[Ss]ingular.*\(chain 1\)"):
        jax.vmap(raising)(matrices)[0].block_until_ready()
    rejecting = gemmule.as_jax(f, failed="reject")
    assert rejecting(matrices[1])[0] == -np.inf
    values, inverses = jax.vmap(rejecting)(matrices)
    np.testing.assert_allclose(values, [2, -np.inf, 1])
    np.testing.assert_allclose(inverses[:, 0, 0], [1, 0, 0.5])


def test_an_index_out_of_bounds():
    x, i = pt.vector("x"), pt.lvector("i")
    call = jax.jit(gemmule.as_jax(function([x, i], x[i]), failed="reject"))
    with pytest.raises(jax.errors.JaxRuntimeError, match="out of bounds"):
        call(np.ones(3), np.array([0, 3])).block_until_ready()


def test_a_number_of_another_process():
    from gemmule import jax as adapter

    adapter._register()
    result = jax.ShapeDtypeStruct((2,), "float64")
    with pytest.raises(jax.errors.JaxRuntimeError, match="belongs to another process"):
        jax.ffi.ffi_call("gemmule", result)(np.ones(2), function=np.int64(5))


def test_float64_has_to_be_enabled():
    x, y = pt.vector("x"), pt.fvector("y")
    double = gemmule.as_jax(function([x], x + 1))
    single = gemmule.as_jax(function([y], y + 1))
    mixed = gemmule.as_jax(function([y], y.astype("float64")))
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(TypeError, match=r"'x' is float64, .* makes float32: .*enable_x64"):
        double(np.ones(2))
    with pytest.raises(TypeError, match=r"an output is float64: .*enable_x64"):
        mixed(np.ones(2, "float32"))
    np.testing.assert_array_equal(jax.jit(single)(np.ones(2)), [2, 2])


def test_what_is_refused():
    x, n = pt.vector("x"), pt.lscalar("n")
    counter = pytensor.shared(0.0, name="counter")
    generator = pt.random.shared_rng(seed=1)
    with pytest.raises(gemmule.UnsupportedError, match="updates shared variables: counter"):
        gemmule.as_jax(function([x], x, updates={counter: counter + 1}))
    with pytest.raises(gemmule.UnsupportedError, match="draws random numbers"):
        gemmule.as_jax(function([x], pt.random.normal(x, rng=generator, return_next_rng=True)[1]))
    with pytest.raises(gemmule.UnsupportedError, match="a size is made of the value of 'n'"):
        gemmule.as_jax(function([n], pt.exp(pt.arange(n))))
    with pytest.raises(gemmule.UnsupportedError, match="depend on computed data"):
        gemmule.as_jax(function([x], x[x > 0]))
    with pytest.raises(TypeError, match='compiled with mode="GEMMULE"'):
        gemmule.as_jax(pytensor.function([x], x, mode="FAST_COMPILE"))
    with pytest.raises(ValueError, match="failed is one of raise, reject"):
        gemmule.as_jax(function([x], x), failed="ignore")


def test_discrete_variables_are_no_constants():
    with pm.Model() as model:
        pm.Poisson("k", 3.0)
        pm.Normal("x")
    with pytest.raises(gemmule.UnsupportedError, match=r"discrete variables \(k\)"):
        gemmule.as_jax(model)


def test_a_build_without_the_handler(monkeypatch):
    from gemmule import _core

    monkeypatch.setattr(_core, "xla_handler", None)
    x = pt.vector("x")
    with pytest.raises(gemmule.UnsupportedError, match="build it where jaxlib is installed"):
        gemmule.as_jax(function([x], x))


# -- life and threads ------------------------------------------------------------------------------


def test_an_executable_outlives_the_function():
    f, _ = quadratic()
    x = rng().normal(size=4)
    want = f(x, 1.0)[0]
    compiled = jax.jit(gemmule.as_jax(f)).lower(x, 1.0).compile()
    del f
    jax.clear_caches()
    gc.collect()
    np.testing.assert_allclose(compiled(x, 1.0)[0], want)


def test_several_threads_at_once():
    f, _ = quadratic()
    call = jax.jit(jax.vmap(jax.grad(gemmule.as_jax(f, gradient=True)), (0, None)))
    points = [rng().normal(size=(8, 4)) * k for k in range(1, 5)]
    want = [np.asarray(call(p, 1.0)) for p in points]
    wrong = []

    def run(k):
        for _ in range(50):
            if not np.array_equal(call(points[k], 1.0), want[k]):
                wrong.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_jax_is_imported_where_it_is_used():
    code = (
        "import sys, gemmule; assert 'jax' not in sys.modules; assert 'as_jax' in dir(gemmule); "
        "assert 'as_jax' in gemmule.__all__"
    )
    path = os.pathsep.join(filter(None, [str(ROOT / "python"), os.environ.get("PYTHONPATH")]))
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": path})


# -- models and samplers ---------------------------------------------------------------------------


def test_a_model_is_its_density():
    model = eight_schools()
    density = gemmule.as_jax(model)
    f = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")._pytensor_function
    points = 0.3 * rng().normal(size=(3, 10))
    values, gradients = jax.vmap(jax.value_and_grad(density))(points)
    for value, gradient, point in zip(values, gradients, points, strict=True):
        np.testing.assert_allclose(value, f(point)[0], rtol=1e-12)
        np.testing.assert_allclose(gradient, f(point)[1], rtol=1e-10)


def expect_eight_schools(draws):
    """Draws of [mu, log tau, theta ...]; limits are some standard errors wide."""
    assert np.isfinite(draws).all()
    assert 2.0 < draws[:, 0].mean() < 7.0
    assert 1.0 < np.exp(draws[:, 1]).mean() < 7.0
    assert np.abs(draws[:, 2:].mean(axis=0)).max() < 1.0


def test_blackjax():
    blackjax = pytest.importorskip("blackjax")
    density = gemmule.as_jax(eight_schools())
    key = jax.random.key(1)
    warmup = blackjax.window_adaptation(blackjax.nuts, density, target_acceptance_rate=0.9)
    (state, parameters), _ = warmup.run(key, jnp.zeros(10), num_steps=200)
    step = jax.vmap(blackjax.nuts(density, **parameters).step)
    states = jax.tree.map(lambda x: jnp.repeat(x[None], 4, axis=0), state)

    def one(states, key):
        states, _ = step(jax.random.split(key, 4), states)
        return states, states.position

    _, draws = jax.jit(lambda s, k: jax.lax.scan(one, s, jax.random.split(k, 200)))(states, key)
    assert draws.shape == (200, 4, 10)
    expect_eight_schools(np.asarray(draws).reshape(-1, 10))


@pytest.mark.parametrize(
    "method", [pytest.param("sequential", marks=pytest.mark.slow), "vectorized"]
)
def test_numpyro(method):
    infer = pytest.importorskip("numpyro.infer")
    density = gemmule.as_jax(eight_schools())
    kernel = infer.NUTS(potential_fn=lambda q: -density(q), target_accept_prob=0.9)
    chains = 2
    sampler = infer.MCMC(
        kernel,
        num_warmup=200,
        num_samples=300,
        num_chains=chains,
        chain_method=method,
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(2), init_params=jnp.zeros((chains, 10)))
    expect_eight_schools(np.asarray(sampler.get_samples()))
