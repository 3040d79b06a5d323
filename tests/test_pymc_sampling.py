"""What PyMC samples, draws and optimises with, in this mode."""

import cloudpickle
import numpy as np
import pymc as pm
import pytensor
import pytest
import xarray

import gemmule
from gemmule import _core

pytestmark = pytest.mark.filterwarnings("ignore")

MODE = {"mode": "GEMMULE"}
QUIET = {"progressbar": False, "quiet": True, "compute_convergence_checks": False}


@pytest.fixture(scope="module")
def model():
    """A regression with a vector, a scalar that is transformed, a deterministic and data."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=40)
    with pm.Model(coords={"feature": list("abc")}) as model:
        X = pm.Data("X", X)
        beta = pm.Normal("beta", 0, 3, dims="feature")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Deterministic("double", 2 * beta, dims="feature")
        pm.Normal("y", X @ beta, sigma, observed=y, shape=X.shape[0])
    return model


TRUE = np.array([1.0, -2.0, 0.5])


def agrees(trace):
    np.testing.assert_allclose(trace.posterior["beta"].mean(("chain", "draw")), TRUE, atol=0.1)
    np.testing.assert_allclose(trace.posterior["double"], 2 * trace.posterior["beta"])


# -- pm.sample ------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_chains_in_processes(model, context):
    with model:
        trace = pm.sample(
            60,
            tune=200,
            chains=2,
            cores=2,
            mp_ctx=context,
            random_seed=1,
            compile_kwargs=MODE,
            **QUIET,
        )
    assert dict(trace.posterior.sizes) == {"chain": 2, "draw": 60, "feature": 3}
    agrees(trace)


def test_chains_in_this_process_are_those_in_others(model):
    options = {"tune": 100, "chains": 2, "random_seed": 3, "compile_kwargs": MODE, **QUIET}
    with model:
        here = pm.sample(20, cores=1, **options)
        there = pm.sample(20, cores=2, mp_ctx="forkserver", **options)
    np.testing.assert_array_equal(here.posterior["beta"], there.posterior["beta"])
    np.testing.assert_array_equal(here.sample_stats["n_steps"], there.sample_stats["n_steps"])


def test_the_backend_by_name(model):
    with model:
        trace = pm.sample(
            20, tune=100, chains=1, cores=1, backend="GEMMULE", random_seed=1, **QUIET
        )
    agrees(trace)


def test_the_mode_as_the_default_computes_the_trace_too(model):
    with pytensor.config.change_flags(mode="GEMMULE"), model:
        draws = pm.sample(
            20,
            tune=100,
            chains=1,
            cores=1,
            random_seed=1,
            return_inferencedata=False,
            **QUIET,
        )
        assert gemmule.explain(draws._straces[0].fn).fallbacks == []
    np.testing.assert_allclose(draws["double"], 2 * draws["beta"])


def test_what_the_step_method_compiled_is_not_compiled_in_the_other_process(model, monkeypatch):
    with model:
        step = pm.NUTS(compile_kwargs=MODE)
    function = step._logp_dlogp_func._pytensor_function
    assert gemmule.explain(function).fallbacks == []
    text = cloudpickle.dumps(step)

    def forbidden(*args, **kwargs):
        raise AssertionError("optimised again")

    monkeypatch.setattr(_core, "optimise", forbidden)
    read = cloudpickle.loads(text)._logp_dlogp_func
    point = np.full(4, 0.2)
    for got, want in zip(read._pytensor_function(point), function(point), strict=True):
        np.testing.assert_array_equal(got, want)


def test_discrete_variables_take_other_steps():
    with pm.Model():
        p = pm.Beta("p", 2, 2)
        k = pm.Binomial("k", 5, p, shape=2)
        pm.Normal("y", k.sum(), 1.0, observed=4.0)
        trace = pm.sample(
            200, tune=200, chains=2, cores=1, random_seed=1, compile_kwargs=MODE, **QUIET
        )
    assert 2.0 < float(trace.posterior["k"].sum("k_dim_0").mean()) < 5.5


@pytest.mark.parametrize("step", [pm.Slice, pm.Metropolis, pm.DEMetropolisZ, pm.HamiltonianMC])
def test_other_steps(model, step):
    with model:
        trace = pm.sample(
            50,
            tune=50,
            chains=1,
            cores=1,
            step=step(compile_kwargs=MODE),
            random_seed=1,
            compile_kwargs=MODE,
            **QUIET,
        )
    assert np.isfinite(trace.posterior["beta"]).all()
    assert trace.posterior["beta"].std() > 0


def test_a_model_with_nodes_in_python_samples():
    import pytensor.tensor as pt
    from pytensor.printing import Print

    seen = []
    watched = Print("x", global_fn=lambda op, value: seen.append(value))
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Potential("p", watched(pt.exp(-(x**2))))
        trace = pm.sample(
            20,
            tune=20,
            chains=2,
            cores=2,
            mp_ctx="fork",
            random_seed=1,
            compile_kwargs=MODE,
            **QUIET,
        )
        f = model.compile_logp(**MODE)
    assert f({"x": 0.0}) == pytest.approx(1 - 0.5 * np.log(2 * np.pi))
    assert seen
    assert trace.posterior.sizes["draw"] == 20


def test_a_bad_start_is_reported_as_ever():
    with pm.Model():
        x = pm.Normal("x", initval=1.0)
        pm.Potential("p", pm.math.log(x - 100.0))
        with pytest.raises(pm.exceptions.SamplingError, match="Initial evaluation of model"):
            pm.sample(10, tune=10, chains=1, cores=1, compile_kwargs=MODE, **QUIET)


# -- forward sampling -----------------------------------------------------------------------------


def test_draws(model):
    draws = pm.draw([model["beta"], model["sigma"]], draws=500, random_seed=4, **MODE)
    want = pm.draw([model["beta"], model["sigma"]], draws=500, random_seed=4, mode="FAST_COMPILE")
    for got, expected in zip(draws, want, strict=True):
        np.testing.assert_allclose(got, expected)


def test_the_prior_and_the_posterior_predictive(model):
    with model:
        got = pm.sample_prior_predictive(50, random_seed=2, compile_kwargs=MODE)
        want = pm.sample_prior_predictive(
            50, random_seed=2, compile_kwargs={"mode": "FAST_COMPILE"}
        )
        for group, name in (("prior", "beta"), ("prior", "double"), ("prior_predictive", "y")):
            np.testing.assert_allclose(got[group][name], want[group][name])
        given = got.prior
        got = pm.sample_posterior_predictive(
            given, random_seed=3, compile_kwargs=MODE, progressbar=False
        )
        want = pm.sample_posterior_predictive(
            given, random_seed=3, compile_kwargs={"mode": "FAST_COMPILE"}, progressbar=False
        )
    np.testing.assert_allclose(got.posterior_predictive["y"], want.posterior_predictive["y"])
    assert got.posterior_predictive["y"].std() > 0


def test_new_data_of_another_size(model):
    with model:
        prior = pm.sample_prior_predictive(5, random_seed=2, compile_kwargs=MODE).prior
        before = model["X"].get_value()
        pm.set_data({"X": np.zeros((7, 3))})
        try:
            got = pm.sample_posterior_predictive(
                prior, random_seed=3, compile_kwargs=MODE, progressbar=False, predictions=True
            )
        finally:
            pm.set_data({"X": before})
    assert got.predictions["y"].shape == (1, 5, 7)


def test_the_log_likelihood(model):
    with model:
        prior = pm.sample_prior_predictive(5, random_seed=2, compile_kwargs=MODE).prior
        trace = xarray.DataTree.from_dict({"posterior": prior.to_dataset()})
        options = {"progressbar": False, "extend_inferencedata": False}
        got = pm.compute_log_likelihood(trace, compile_kwargs=MODE, **options)
        want = pm.compute_log_likelihood(trace, compile_kwargs={"mode": "FAST_COMPILE"}, **options)
    np.testing.assert_allclose(got["y"], want["y"])


# -- optimisation, variational inference, sequential Monte Carlo -----------------------------------


def test_the_mode_of_the_posterior(model):
    with model:
        got = pm.find_MAP(compile_kwargs=MODE, progressbar=False)
    np.testing.assert_allclose(got["beta"], TRUE, atol=0.1)
    np.testing.assert_allclose(got["double"], 2 * got["beta"])


@pytest.mark.parametrize(
    "method", ["advi", pytest.param("fullrank_advi", marks=pytest.mark.slow), "svgd"]
)
def test_variational_inference(model, method):
    steps = {"advi": 8000, "fullrank_advi": 8000, "svgd": 300}[method]
    with model:
        fitted = pm.fit(
            steps,
            method=method,
            random_seed=1,
            compile_kwargs=MODE,
            progressbar=False,
            obj_optimizer=pm.adam(learning_rate=0.02),
        )
        trace = fitted.sample(200, random_seed=1)
    np.testing.assert_allclose(trace.posterior["beta"].mean(("chain", "draw")), TRUE, atol=0.4)


@pytest.mark.parametrize("kernel", [pytest.param(pm.smc.IMH, marks=pytest.mark.slow), pm.smc.MH])
def test_sequential_monte_carlo(model, kernel):
    with model:
        trace = pm.sample_smc(
            200,
            kernel=kernel,
            chains=2,
            cores=2,
            random_seed=1,
            compile_kwargs=MODE,
            progressbar=False,
            compute_convergence_checks=False,
        )
    np.testing.assert_allclose(trace.posterior["beta"].mean(("chain", "draw")), TRUE, atol=0.3)
