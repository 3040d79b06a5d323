"""Densities and gradients of many chains at once, against one call for each."""

import numpy as np
import pymc as pm
import pytest
from pymc.blocking import DictToArrayBijection
from zoo import ZOO

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

# What runs chain by chain, and why.
BY_CHAIN: dict[str, str] = {}


def chains_of(model, count):
    """Points around the initial one, as rows."""
    start = DictToArrayBijection.map(model.initial_point()).data
    return start + 0.1 * np.random.default_rng(5).normal(size=(count, start.size))


def zoo():
    for name, entry in ZOO.items():
        yield pytest.param(name, marks=[pytest.mark.long] if entry.slow else [])


@pytest.mark.parametrize("name", zoo())
def test_rows_are_what_single_calls_give(name):
    entry = ZOO[name]
    model = entry.build()
    single = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
    many = gemmule.batched(single, 3)
    assert (many.by_chain or "").startswith(BY_CHAIN.get(name, "")), many
    assert (many.by_chain is None) == (name not in BY_CHAIN), many
    points = chains_of(model, 3)
    density, gradient = many(points)
    assert density.shape == (3,)
    assert gradient.shape == points.shape
    tolerance = 1e-8 if entry.factorises else 1e-10
    for chain, point in enumerate(points):
        want_density, want_gradient = single._pytensor_function(point)
        np.testing.assert_allclose(density[chain], want_density, rtol=tolerance)
        scale = np.abs(want_gradient).max()
        np.testing.assert_allclose(gradient[chain], want_gradient, rtol=0, atol=tolerance * scale)


def test_a_logistic_regression_is_two_products():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(500, 20)), rng.integers(0, 2, 500)
    with pm.Model() as model:
        beta = pm.Normal("beta", 0, 1, shape=20)
        intercept = pm.Normal("intercept")
        pm.Bernoulli("y", logit_p=x @ beta + intercept, observed=y)
    many = gemmule.batched(model)
    counts = many.counts
    assert counts.get("gemm", 0) + counts.get("matmul", 0) == 2
    assert "gemv" not in counts
    single = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")._pytensor_function
    for count in (0, 1, 5):
        points = rng.normal(size=(count, 21))
        density, gradient = many(points)
        assert density.shape == (count,)
        assert gradient.shape == (count, 21)
        for chain in range(count):
            np.testing.assert_allclose(density[chain], single(points[chain])[0], rtol=1e-10)
            np.testing.assert_allclose(gradient[chain], single(points[chain])[1], rtol=1e-9)


def test_what_is_not_finite_stays_in_its_chain():
    model = ZOO["radon"].build()
    many = gemmule.batched(model, 4)
    points = chains_of(model, 4)
    want = many(points)
    points[1, 0], points[3, -1] = np.nan, np.inf
    got = many(points)
    for chain in (0, 2):
        np.testing.assert_allclose(got[0][chain], want[0][chain], rtol=1e-12)
        np.testing.assert_allclose(got[1][chain], want[1][chain], rtol=1e-10)
    assert not np.isfinite(got[0][[1, 3]]).any()


def test_discrete_variables_are_the_same_for_all_chains():
    with pm.Model() as model:
        k = pm.Poisson("k", 3.0)
        x = pm.Normal("x", k, 1.0)
        pm.Normal("y", x, 1.0, observed=0.5)
    made = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
    many = gemmule.batched(made, 2)
    made.set_extra_values({"k": np.array(5)})
    density, _ = many(np.array([[0.1], [0.2]]))
    np.testing.assert_allclose(density[1], made._pytensor_function(np.array([0.2]))[0])
    made.set_extra_values({"k": np.array(2)})
    changed, _ = many(np.array([[0.1], [0.2]]))
    assert (changed != density).all()
