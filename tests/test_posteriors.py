"""Posteriors sampled with Gemmule are those sampled with PyTensor's default backend."""

import arviz as az
import numpy as np
import pymc as pm
import pytest
from posterior_models import MODELS

import gemmule

pytestmark = pytest.mark.filterwarnings("ignore")

#: Differences in standard errors. One of a few hundred numbers is 4 away by chance, none 5.
LIMIT = 5.0


def by_pymc(model, seed, **compile_kwargs):
    with model:
        return pm.sample(
            1500,
            tune=1000,
            chains=4,
            cores=2,
            nuts_sampler="pymc",
            target_accept=0.9,
            random_seed=seed,
            compile_kwargs=compile_kwargs,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
        )


def by_nutpie(model, seed):
    return gemmule.sample(
        model,
        draws=2000,
        tune=1000,
        chains=4,
        cores=2,
        target_accept=0.9,
        seed=seed,
        progress_bar=False,
    )


def apart(trace, other) -> dict:
    """By how many standard errors means and standard deviations differ, at most, by variable."""
    result = {}
    for kind in ("mean", "sd"):
        errors = [az.mcse(each, method=kind) for each in (trace, other)]
        for name in other.posterior.data_vars:
            values = [
                each.posterior[name].stack(sample=("chain", "draw")) for each in (trace, other)
            ]
            a, b = (v.mean("sample") if kind == "mean" else v.std("sample") for v in values)
            error = np.sqrt(_of(errors[0], name) ** 2 + _of(errors[1], name) ** 2)
            # What is always one number, such as the first element of a correlation matrix.
            known = error > 1e-12
            np.testing.assert_allclose(a.values[~known], b.values[~known], atol=1e-9)
            distance = abs(a - b).values[known] / error[known]
            result[kind, name] = float(distance.max(initial=0.0))
    return result


def _of(tree, name) -> np.ndarray:
    found = tree.posterior if "posterior" in getattr(tree, "children", {}) else tree
    return np.nan_to_num(np.asarray(found[name].values))


def converged(trace):
    hats = az.rhat(trace)
    for name in trace.posterior.data_vars:
        worst = np.max(_of(hats, name))
        assert worst <= 1.01, f"{name}: r-hat {worst}"


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_a_posterior_is_that_of_the_default_backend(name):
    model = MODELS[name]()
    want = by_pymc(model, seed=100)
    for trace in (by_pymc(model, seed=1, mode="GEMMULE"), by_nutpie(model, seed=2)):
        converged(trace)
        assert set(trace.posterior.data_vars) == set(want.posterior.data_vars)
        differences = apart(trace, want)
        assert max(differences.values()) < LIMIT, differences


def test_other_posteriors_are_told_apart():
    """The comparison can fail: another prior gives another posterior."""
    traces = []
    for sd in (5.0, 4.0):
        with pm.Model() as model:
            mu = pm.Normal("mu", 0, sd)
            pm.Normal("y", mu, 10.0, observed=[10.0])
        traces.append(by_nutpie(model, seed=3))
    assert max(apart(*traces).values()) > LIMIT


@pytest.mark.parametrize("name", MODELS)
def test_nothing_runs_in_python(name):
    compiled = gemmule.compile_model(MODELS[name]())
    assert isinstance(compiled, gemmule.nutpie.CompiledModel)
    assert gemmule.explain(compiled.logp_func).fallbacks == []
    assert gemmule.explain(compiled.expand_func).fallbacks == []
