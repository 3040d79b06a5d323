"""nutpie samples PyMC models by the address of their programs."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import cloudpickle
import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.printing import Print
from pytensor.raise_op import Assert

import gemmule
from gemmule import _core
from gemmule import nutpie as gemmule_nutpie

LOGP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, *[ctypes.c_void_p] * 4)
QUIET = {"progress_bar": False}

rng = np.random.default_rng(5)
X = rng.normal(size=(60, 2))
Y = X @ [1.0, -1.0] + 0.3 * rng.normal(size=60)


def regression(**coords):
    """Transforms, a deterministic that is a matrix, dims with and without names, data."""
    coords = {"feature": ["a", "b"], **coords}
    with pm.Model(coords=coords) as model:
        data = pm.Data("X", X)
        observed = pm.Data("y", Y)
        beta = pm.Normal("beta", 0, 2, dims="feature")
        sigma = pm.HalfNormal("sigma", 1)
        weights = pm.Dirichlet("weights", np.ones(3))
        pm.Deterministic("outer", pt.outer(beta, beta), dims=("feature", "feature_"))
        pm.Deterministic("entropy", -(weights * pm.math.log(weights)).sum())
        pm.Normal("obs", data @ beta, sigma, observed=observed)
    return model


@pytest.fixture(scope="module")
def model():
    return regression(feature_=["a", "b"])


@pytest.fixture(scope="module")
def compiled(model):
    return gemmule.compile_model(model)


def density(compiled, x):
    x = np.ascontiguousarray(x)
    gradient, logp = np.empty(len(x)), np.empty(())
    program = compiled.program
    status = LOGP(program.logp_address)(
        len(x), x.ctypes.data, gradient.ctypes.data, logp.ctypes.data, program.model_address
    )
    return status, logp[()], gradient


# -- the model ------------------------------------------------------------------------------------


def test_the_density_by_address_is_that_of_the_function(model, compiled):
    f = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
    f.set_extra_values({})
    for _ in range(5):
        x = rng.normal(size=compiled.n_dim)
        status, logp, gradient = density(compiled, x)
        want, want_gradient = f(x)
        assert status == 0
        np.testing.assert_allclose(logp, want, rtol=1e-12)
        np.testing.assert_allclose(gradient, want_gradient, rtol=1e-10)
        np.testing.assert_array_equal(compiled.logp_func(x)[1], gradient)
    assert gemmule.explain(compiled.logp_func).fallbacks == []


def test_the_context_of_a_model_is_enough(model):
    with model:
        trace = gemmule.sample(draws=20, tune=50, chains=1, seed=1, **QUIET)
    assert trace.posterior.sizes["draw"] == 20
    with pytest.raises(TypeError, match="No model on context stack"):
        gemmule.compile_model()


def test_a_model_without_variables_is_refused():
    with pm.Model() as model:
        pm.Data("x", 1.0)
    with pytest.raises(ValueError, match="nothing to sample"):
        gemmule.compile_model(model)


def test_what_is_no_model_is_refused():
    with pytest.raises(
        TypeError, match=r"a pymc\.Model is needed, not int: draws=\.\.\. has a name"
    ):
        gemmule.sample(1000)
    with pytest.raises(TypeError, match=r"a pymc\.Model is needed, not str"):
        gemmule.compile_model("model")


def test_a_density_that_draws_is_refused():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        batch = pm.Minibatch(rng.normal(size=100), batch_size=10)
        pm.Normal("y", mu, 1.0, observed=batch, total_size=100)
    with pytest.raises(ValueError, match=r"draws random numbers in its density \(pm\.Minibatch\)"):
        gemmule.compile_model(model)


def test_a_discrete_variable_is_refused():
    with pm.Model() as model:
        p = pm.Beta("p", 1, 1)
        pm.Bernoulli("switch", p)
    with pytest.raises(ValueError, match="continuous variables only; discrete are: switch"):
        gemmule.compile_model(model)


def test_a_compiled_model_travels(compiled):
    read = cloudpickle.loads(cloudpickle.dumps(compiled.with_data(X=2 * X)))
    traces = [
        gemmule.sample(each, draws=20, tune=50, chains=2, seed=6, **QUIET)
        for each in (read, compiled.with_data(X=2 * X), compiled)
    ]
    first, second, other = (trace.posterior["beta"].values for trace in traces)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "options", [{"sampler": "mclmc"}, {"adaptation": "low_rank"}, {"save_warmup": False}]
)
def test_nutpies_options(compiled, options):
    trace = gemmule.sample(compiled, draws=300, tune=300, chains=2, seed=6, **options, **QUIET)
    assert ("warmup_posterior" in trace.children) == options.get("save_warmup", True)
    np.testing.assert_allclose(
        trace.posterior["beta"].mean(("chain", "draw")), [1.0, -1.0], atol=0.2
    )


def test_what_is_kept_can_be_chosen(model):
    trace = gemmule.sample(model, var_names=["outer"], draws=10, tune=20, chains=1, seed=1, **QUIET)
    assert "outer" in trace.posterior
    assert "entropy" not in trace.posterior


@pytest.mark.parametrize("kind", [str, int], ids=["unknown", "number"])
def test_what_is_kept_has_to_be_there(model, kind):
    with pytest.raises(ValueError, match=r"no unobserved variable .*: beta, sigma, .*outer"):
        gemmule.compile_model(model, var_names=["outer", kind(3)])
    with pytest.raises(TypeError, match=r"write \['outer'\]"):
        gemmule.compile_model(model, var_names="outer")
    # Variables have names too.
    compiled = gemmule.compile_model(model, var_names=(model["outer"],))
    assert "outer" in compiled.shapes and "entropy" not in compiled.shapes


def test_initial_points(model):
    start = {"beta": np.array([30.0, -30.0])}
    compiled = gemmule.compile_model(model, initial_points=start, jitter_rvs=set())
    assert 30.0 in compiled.initial_point_func(3)


def test_float32_models_sample():
    with pytensor.config.change_flags(floatX="float32"), pm.Model() as model:
        x = pm.Normal("x", np.float32(1.0), np.float32(0.5), shape=2)
        pm.Deterministic("twice", 2 * x)
        compiled = gemmule.compile_model(model)
    assert isinstance(compiled, gemmule_nutpie.CompiledModel)
    trace = gemmule.sample(compiled, draws=500, tune=300, chains=2, seed=1, **QUIET)
    assert trace.posterior["x"].dtype == "float64"
    np.testing.assert_allclose(trace.posterior["x"].mean(), 1.0, atol=0.1)


# -- the trace ------------------------------------------------------------------------------------


def layout(trace):
    """Groups, variables, dtypes, dims and coordinates."""
    return {
        group: {
            name: (
                str(variable.dtype),
                tuple(variable.dims),
                {dim: list(variable.coords[dim].values) for dim in variable.coords},
            )
            for name, variable in trace[group].data_vars.items()
        }
        for group in trace.children
    }


@pytest.mark.slow
def test_the_trace_is_laid_out_as_by_nutpies_numba_backend():
    with pm.Model(coords={"group": ["u", "v"], "time": [1, 2, 3]}) as model:
        a = pm.HalfNormal("a", dims="group")
        pm.Deterministic("b", a[:, None] * np.arange(3), dims=("group", "time"))
        pm.Deterministic("c", a.sum())
        pm.Uniform("d")
        pm.Normal("y", a[0], 1, observed=pm.Data("data", [1.0, 2.0]))
    options = {"draws": 6, "tune": 5, "chains": 2, "seed": 1, "store_unconstrained": True, **QUIET}
    ours = gemmule.sample(model, **options)
    theirs = nutpie.sample(nutpie.compile_pymc_model(model, backend="numba"), **options)
    assert layout(ours) == layout(theirs)
    np.testing.assert_allclose(ours.posterior["b"], theirs.posterior["b"])  # the same draws
    np.testing.assert_array_equal(ours.sample_stats["depth"], theirs.sample_stats["depth"])


def test_dims_coordinates_and_deterministics(compiled):
    trace = gemmule.sample(compiled, draws=50, tune=100, chains=2, cores=2, seed=4, **QUIET)
    posterior = trace.posterior
    assert posterior["beta"].dims == ("chain", "draw", "feature")
    assert posterior["outer"].dims == ("chain", "draw", "feature", "feature_")
    assert list(posterior.coords["feature"].values) == ["a", "b"]
    assert posterior["weights"].shape == (2, 50, 3)
    beta = posterior["beta"].values
    np.testing.assert_allclose(posterior["outer"], beta[..., :, None] * beta[..., None, :])
    np.testing.assert_allclose(posterior["weights"].sum(axis=-1), 1.0)
    w = posterior["weights"].values
    np.testing.assert_allclose(posterior["entropy"], -(w * np.log(w)).sum(axis=-1))
    assert (posterior["sigma"] > 0).all()
    assert not any(name.endswith("__") for name in posterior.data_vars)
    assert {"diverging", "depth", "step_size", "n_steps"} <= set(trace.sample_stats.data_vars)


def test_coordinates_can_be_changed(compiled):
    other = compiled.with_coords(feature=["c", "d"])
    trace = gemmule.sample(other, draws=5, tune=5, chains=1, seed=1, **QUIET)
    assert list(trace.posterior.coords["feature"].values) == ["c", "d"]
    assert list(compiled.coords["feature"]) == ["a", "b"]


def test_coordinates_that_do_not_fit(compiled):
    with pytest.raises(KeyError, match="the model has no dimension 'row'; it has: feature, "):
        compiled.with_coords(row=range(2))
    with pytest.raises(ValueError, match="dimension 'feature' has 2 coordinates, not 3"):
        compiled.with_coords(feature=["a", "b", "c"])


def test_the_progress_callback_is_called(compiled):
    seen = []
    gemmule.sample(
        compiled,
        draws=200,
        tune=100,
        chains=2,
        seed=1,
        progress_callback=lambda chains: seen.append(len(chains)),
        progress_rate=1,
        **QUIET,
    )
    assert seen
    assert set(seen) == {2}


def test_the_progress_bar_is_shown():
    script = """
import pymc as pm, gemmule
with pm.Model():
    pm.Normal("x")
    gemmule.sample(draws=50, tune=50, chains=2, seed=1)
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


# -- data -----------------------------------------------------------------------------------------


def test_other_data_of_another_size(model, compiled):
    X2, y2 = np.concatenate([X, X[:7]]), np.concatenate([-Y, -Y[:7]])
    changed = compiled.with_data(X=X2, y=y2)
    with model:
        pm.set_data({"X": X2, "y": y2})
        try:
            f = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
            f.set_extra_values({})
            x = rng.normal(size=compiled.n_dim)
            want = f(x)[0]
        finally:
            pm.set_data({"X": X, "y": Y})
    np.testing.assert_allclose(density(changed, x)[1], want, rtol=1e-12)
    assert density(compiled, x)[1] != density(changed, x)[1]
    trace = gemmule.sample(changed, draws=200, tune=200, chains=2, seed=1, **QUIET)
    np.testing.assert_allclose(
        trace.posterior["beta"].mean(("chain", "draw")), [-1.0, 1.0], atol=0.2
    )


def test_data_that_do_not_fit(compiled):
    with pytest.raises(KeyError, match="no shared variable is called 'z'; there are: X, y"):
        compiled.with_data(z=1.0)
    with pytest.raises(ValueError, match="shared variable 'X' has rank 2, not 1"):
        compiled.with_data(X=np.zeros(3))
    with pytest.raises(ValueError, match="60"):
        compiled.with_data(y=np.zeros(3))


def test_data_that_would_change_the_trace():
    with pm.Model() as model:
        data = pm.Data("data", np.zeros(3))
        x = pm.Normal("x")
        pm.Deterministic("shifted", x + data)
    compiled = gemmule.compile_model(model)
    with pytest.raises(ValueError, match="have 6 elements instead of 4: compile the model"):
        compiled.with_data(data=np.zeros(5))


def test_data_that_would_give_the_trace_other_shapes():
    with pm.Model() as model:
        data = pm.Data("data", np.arange(6.0).reshape(2, 3))
        x = pm.Normal("x")
        pm.Deterministic("scaled", data * x)
        pm.Deterministic("head", data[0].sum() * pt.ones(2) * x)
    compiled = gemmule.compile_model(model)
    message = r"'scaled' has the shape \(3, 2\) instead of \(2, 3\): compile the model with them"
    with pytest.raises(ValueError, match=message):
        compiled.with_data(data=np.arange(6.0).reshape(3, 2))
    changed = cloudpickle.loads(cloudpickle.dumps(compiled)).with_data(data=np.ones((2, 3)))
    trace = gemmule.sample(changed, draws=5, tune=20, chains=1, seed=1, **QUIET).posterior
    np.testing.assert_array_equal(trace["scaled"][0, 0], np.full((2, 3), trace["x"][0, 0]))


@pytest.mark.parametrize(
    "value",
    [[0.5, 1.0], [np.nan, 1.0], ["a", "b"], [1j, 0], [300, 0], [-1, 0], None],
    ids=str,
)
def test_data_that_the_dtype_cannot_hold(value):
    with pm.Model() as model:
        data = pm.Data("data", np.zeros(2, "uint8"))
        x = pm.Normal("x")
        pm.Potential("p", (data * x).sum())
    compiled = gemmule.compile_model(model)
    with pytest.raises(TypeError, match="shared variable 'data' is uint8, "):
        compiled.with_data(data=value)
    np.testing.assert_array_equal(compiled.with_data(data=[7, 255]).program.data["data"], [7, 255])


def test_a_frozen_model_has_no_data(model):
    compiled = gemmule.compile_model(model, freeze_model=True)
    with pytest.raises(KeyError, match="there are: none"):
        compiled.with_data(X=X)


# -- chains ---------------------------------------------------------------------------------------


def test_four_chains_in_two_threads(compiled):
    options = {"draws": 300, "tune": 300, "chains": 4, "seed": 7, **QUIET}
    two = gemmule.sample(compiled, cores=2, **options)
    one = gemmule.sample(compiled, cores=1, **options)
    assert two.posterior.sizes["chain"] == 4
    for name in two.posterior.data_vars:
        np.testing.assert_array_equal(two.posterior[name], one.posterior[name])
    assert len({float(v) for v in two.posterior["sigma"].isel(draw=-1)}) == 4
    other = gemmule.sample(compiled, cores=2, **{**options, "seed": 8})
    assert not np.array_equal(other.posterior["sigma"], two.posterior["sigma"])
    np.testing.assert_allclose(
        two.posterior["beta"].mean(("chain", "draw")), [1.0, -1.0], atol=0.15
    )


@pytest.mark.parametrize(
    ("processors", "chains", "alone"), [(2, 1, False), (2, 2, True), (8, 4, False), (7, 4, True)]
)
def test_a_density_takes_other_cores_where_chains_leave_some(
    processors, chains, alone, compiled, monkeypatch
):
    monkeypatch.setattr(os, "process_cpu_count", lambda: processors, raising=False)
    made = []

    def watch(program, one_thread):
        made.append(one_thread)
        return SamplerModel(program, one_thread)

    SamplerModel = _core.SamplerModel
    monkeypatch.setattr(gemmule_nutpie._core, "SamplerModel", watch)
    gemmule.sample(compiled, draws=5, tune=5, chains=chains, cores=4, seed=1, **QUIET)
    assert made == [alone]


def test_python_is_free_while_chains_run(compiled):
    sampler = gemmule.sample(
        compiled, draws=100_000, tune=300, chains=2, cores=2, seed=7, blocking=False, **QUIET
    )
    counted, stop = [0], time.perf_counter() + 0.3
    while time.perf_counter() < stop:
        counted[0] += 1
    sampler.abort()
    # With a chain that holds the lock the loop gets a turn every 5 ms.
    assert counted[0] > 10_000


def test_two_samplers_at_once(compiled):
    options = {"draws": 100, "tune": 100, "chains": 2, "cores": 2, **QUIET}
    traces = {}

    def work(seed):
        traces[seed] = gemmule.sample(compiled, seed=seed, **options)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, trace in traces.items():
        again = gemmule.sample(compiled, seed=seed, **options)
        np.testing.assert_array_equal(again.posterior["beta"], trace.posterior["beta"])


def test_a_sampler_outlives_its_model():
    sampler = gemmule.sample(
        regression(feature_=["a", "b"]),
        draws=500,
        tune=100,
        chains=2,
        seed=7,
        blocking=False,
        **QUIET,
    )
    gc.collect()
    assert sampler.wait().posterior.sizes["draw"] == 500


def test_aborting_keeps_the_draws_so_far(compiled):
    sampler = gemmule.sample(
        compiled, draws=10_000_000, tune=100, chains=2, cores=2, seed=7, blocking=False, **QUIET
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.2)
        if sampler.inspect().posterior.sizes.get("draw", 0) > 10:
            break
    trace = sampler.abort()
    assert 10 < trace.posterior.sizes["draw"] < 10_000_000
    assert np.isfinite(trace.posterior["sigma"].isel(draw=0)).all()


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="there are no signals here")
def test_control_c_keeps_the_draws_so_far():
    script = """
import os, signal
import pymc as pm, gemmule
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
with pm.Model() as model:
    pm.Normal("x", shape=3)
compiled = gemmule.compile_model(model)
interrupted = []

def interrupt(chains):
    if min(chain.finished_draws for chain in chains) > 200 and not interrupted:
        interrupted.append(True)
        os.kill(os.getpid(), signal.SIGINT)

options = {"draws": 2_000_000, "tune": 100, "chains": 2, "cores": 2, "progress_bar": False}
trace = gemmule.sample(compiled, seed=1, progress_callback=interrupt, **options)
assert 0 < trace.posterior.sizes["draw"] < 2_000_000, trace.posterior.sizes
print("kept")
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(os.environ),
    )
    assert run.stdout.strip() == "kept", run.stderr


# -- where there is no density --------------------------------------------------------------------


def diverges(model, **options):
    trace = gemmule.sample(
        model, **{"draws": 300, "tune": 300, "chains": 2, "seed": 3, **options}, **QUIET
    )
    assert trace.posterior.sizes["draw"] == 300
    both = [trace.sample_stats["diverging"], trace.warmup_sample_stats["diverging"]]
    return trace, sum(int(part.sum()) for part in both)


def test_a_density_that_is_not_finite_is_a_divergence():
    with pm.Model() as model:
        x = pm.Normal("x", 1.0, 1.0, initval=1.0)
        pm.Potential("positive", pm.math.log(x))
    trace, divergences = diverges(model)
    assert divergences > 0
    assert (trace.posterior["x"] > 0).all()
    assert trace.posterior["x"].std() > 0.2


def test_a_check_that_fails_is_a_divergence():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, initval=0.1)
        pm.Potential("small", Assert("x is too large")(0.0 * x, x < 0.7))
    trace, divergences = diverges(model)
    assert divergences > 0
    assert (trace.posterior["x"] < 0.7).all()


def test_a_matrix_that_is_not_positive_definite_is_a_divergence():
    with pm.Model() as model:
        r = pm.Normal("r", 0.0, 1.0, initval=0.1)
        covariance = pt.stack([pt.stack([1.0, r]), pt.stack([r, 1.0])])
        factor = pt.linalg.cholesky(covariance, on_error="raise")
        pm.Potential("p", -pt.log(pt.diag(factor)).sum())
    trace, divergences = diverges(model)
    assert divergences > 0
    assert (abs(trace.posterior["r"]) < 1).all()


def test_an_index_out_of_bounds_is_a_divergence():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 2.0, initval=0.5)
        table = pt.constant([1.0, 2.0])
        pm.Potential("p", table[pt.cast(pt.floor(pt.abs(x)), "int64")])
    trace, divergences = diverges(model)
    assert divergences > 0
    assert (abs(trace.posterior["x"]) < 2).all()


@pytest.mark.parametrize("watch", [False, True], ids=["natively", "in Python"])
@pytest.mark.filterwarnings("ignore:nutpie calls the model through Python")
def test_draws_from_which_nothing_can_be_computed(watch):
    with pm.Model() as model:
        x = pm.Normal("x", shape=2)
        value = Print("x", global_fn=lambda op, value: None)(x) if watch else x
        pm.Deterministic("y", Assert("too small")(2 * value, pt.all(x > -1.0)))
    posterior = gemmule.sample(model, draws=300, tune=300, chains=2, seed=3, **QUIET).posterior
    missing = np.isnan(posterior["y"]).all("y_dim_0")
    assert missing.any()
    np.testing.assert_array_equal(missing, (posterior["x"] <= -1.0).any("x_dim_0"))
    known = ~missing.values
    np.testing.assert_allclose(posterior["y"].values[known], 2 * posterior["x"].values[known])


def test_no_start_is_an_error_and_no_endless_search():
    with pm.Model() as model:
        x = pm.Normal("x", initval=1.0)
        pm.Potential("p", pm.math.log(x - 1e6))
    with pytest.raises(RuntimeError):
        gemmule.sample(model, draws=10, tune=10, chains=1, seed=1, **QUIET)


# -- what runs in Python --------------------------------------------------------------------------


def in_python():
    with pm.Model(coords={"group": ["u", "v"]}) as model:
        data = pm.Data("data", 2.0)
        x = pm.HalfNormal("x", dims="group")
        pm.Deterministic("double", 2 * x, dims="group")
        watched = Print("x", global_fn=lambda op, value: None)(x)
        pm.Normal("y", watched, 1.0, observed=[1.0, 2.0])
        pm.Potential("p", pm.math.log(data - x[0]))
    return model


def test_a_model_with_nodes_in_python_samples_through_python():
    with pytest.warns(UserWarning, match="calls the model through Python.*it prints"):
        compiled = gemmule.compile_model(in_python())
    trace = gemmule.sample(compiled, draws=200, tune=200, chains=2, cores=2, seed=2, **QUIET)
    posterior = trace.posterior
    assert posterior["x"].dims == ("chain", "draw", "group")
    np.testing.assert_allclose(posterior["double"], 2 * posterior["x"])
    assert (posterior["x"].isel(group=0) < 2.0).all()
    changed = gemmule.sample(
        compiled.with_data(data=np.array(0.5)), draws=100, tune=200, chains=1, seed=2, **QUIET
    )
    assert (changed.posterior["x"].isel(group=0) < 0.5).all()


def test_a_model_with_sizes_from_data_samples_through_python():
    with pm.Model() as model:
        x = pm.Normal("x", shape=3)
        pm.Potential("p", -(x[pt.nonzero(x > 0)] ** 2).sum())
    with pytest.warns(UserWarning, match="through Python.*depend on computed data"):
        trace = gemmule.sample(model, draws=400, tune=300, chains=2, seed=2, **QUIET)
    assert trace.posterior["x"].max() < -trace.posterior["x"].min()


def test_a_model_with_nodes_in_python_can_be_refused():
    gemmule.config.fallback = "error"
    with pytest.raises(gemmule.UnsupportedError, match=r"^1 node runs in Python"):
        gemmule.compile_model(in_python())


# -- arguments ------------------------------------------------------------------------------------


def test_names_of_pm_sample_are_answered_with_nutpies(model):
    for name, answer in (("random_seed", "seed"), ("progressbar", "progress_bar")):
        with pytest.raises(TypeError, match=f"no argument '{name}': it is {answer}"):
            gemmule.sample(model, **{name: 1})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tune": 0}, ValueError, "tune is at least 1; got 0"),
        ({"chains": 0}, ValueError, "chains is at least 1; got 0"),
        ({"cores": 0}, ValueError, "cores is at least 1; got 0"),
        ({"draws": -1}, ValueError, "draws is at least 0; got -1"),
        ({"draws": 2.5}, TypeError, "draws is an integer or None, not float"),
        ({"seed": -1}, ValueError, "seed is at least 0; got -1"),
        ({"seed": 2**64}, ValueError, r"seed is below 2\*\*64"),
        ({"seed": [1, 2]}, TypeError, "seed is an integer or None, not list"),
        ({"seed": np.random.default_rng(1)}, TypeError, r"not Generator: int\(rng\.integers"),
        ({"step": None}, TypeError, r"no argument 'step': see nutpie\.sample"),
    ],
    # Workers of pytest-xdist must agree: an object's address is in its text.
    ids=lambda value: str(value).split(" at 0x")[0],
)
def test_options_that_do_not_work(compiled, options, error, message):
    with pytest.raises(error, match=message):
        gemmule.sample(compiled, **options, **QUIET)


def test_no_draws_and_numbers_of_numpy(compiled):
    options = {"tune": np.int64(1), "chains": np.int32(2), "seed": np.uint64(2**64 - 1), **QUIET}
    trace = gemmule.sample(compiled, draws=0, **options)
    assert trace.posterior["outer"].shape == (2, 0, 2, 2)


def test_variables_are_named_or_given(model):
    for freeze in (False, True):
        start = {model["beta"]: [5.0, 6.0], "sigma_log__": 2.0}
        for jitter in (["sigma"], {model["sigma"]}):
            compiled = gemmule.compile_model(
                model, initial_points=start, jitter_rvs=jitter, freeze_model=freeze
            )
            parts = dict(zip(*compiled.shape_info[:2], strict=True))
            points = [compiled.initial_point_func(seed) for seed in range(2)]
            for point in points:
                np.testing.assert_array_equal(point[parts["beta"]], [5.0, 6.0])
                assert 1.0 <= point[parts["sigma_log__"]] <= 3.0
            assert points[0][parts["sigma_log__"]] != points[1][parts["sigma_log__"]]
    for argument, value in (("jitter_rvs", ["outer"]), ("initial_points", {"outer": 1.0})):
        with pytest.raises(ValueError, match=f"{argument}: the model has no free variable 'outer'"):
            gemmule.compile_model(model, **{argument: value})


def test_a_compiled_model_takes_no_arguments_of_compilation(compiled):
    with pytest.raises(TypeError, match="'var_names' is an argument of compile_model"):
        gemmule.sample(compiled, var_names=["beta"])
    with pytest.raises(TypeError, match="'var_names' is an argument of compile_model"):
        gemmule.sample(compiled, var_names=np.array(["beta", "sigma"]))
    assert repr(compiled) == (
        "<gemmule CompiledModel: beta, sigma_log__, weights_simplex__, sigma, weights, outer, "
        "entropy; data: y, X>"
    )


def test_another_nutpie_is_refused(model, monkeypatch):
    monkeypatch.setattr(nutpie.compile_pymc, "_make_functions", lambda model, mode: None)
    with pytest.raises(ImportError, match=r"nutpie .* is installed, whose _make_functions is not"):
        gemmule.compile_model(model)
