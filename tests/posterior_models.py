"""Small models of five kinds whose posteriors are well known, for tests and benchmarks."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt


def eight_schools() -> pm.Model:
    effects = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    errors = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, errors, observed=effects)
    return model


def hierarchical_regression() -> pm.Model:
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(8), 12)
    x = rng.normal(size=96)
    y = rng.normal(1.0, 0.7, 8)[group] - 0.5 * x + 0.4 * rng.normal(size=96)
    with pm.Model(coords={"group": range(8)}) as model:
        x = pm.Data("x", x)
        center = pm.Normal("center", 0, 2)
        spread = pm.HalfNormal("spread", 1)
        offset = pm.Normal("offset", dims="group")
        level = pm.Deterministic("level", center + spread * offset, dims="group")
        slope = pm.Normal("slope", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", level[group] + slope * x, sigma, observed=y)
    return model


def correlations() -> pm.Model:
    """LKJ: a covariance from its Cholesky factor."""
    rng = np.random.default_rng(12)
    true = np.array([[1.0, 0.6, -0.3], [0.6, 2.0, 0.2], [-0.3, 0.2, 0.5]])
    y = rng.multivariate_normal(np.array([0.5, -1.0, 0.0]), true, size=80)
    with pm.Model(coords={"axis": range(3)}) as model:
        mean = pm.Normal("mean", 0, 2, dims="axis")
        factor, _, _ = pm.LKJCholeskyCov(
            "factor", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=3)
        )
        pm.MvNormal("y", mean, chol=factor, observed=y)
    return model


def gaussian_process() -> pm.Model:
    """The marginal likelihood of a Gaussian process."""
    rng = np.random.default_rng(13)
    x = np.linspace(0, 4, 25)[:, None]
    y = np.sin(2 * x[:, 0]) + 0.2 * rng.normal(size=25)
    with pm.Model() as model:
        length = pm.InverseGamma("length", 5, 5)
        scale = pm.HalfNormal("scale", 2)
        noise = pm.HalfNormal("noise", 1)
        gp = pm.gp.Marginal(cov_func=scale**2 * pm.gp.cov.ExpQuad(1, ls=length))
        gp.marginal_likelihood("y", X=x, y=y, sigma=noise)
    return model


def state_space() -> pm.Model:
    """A level that is drawn to zero, by a loop over time."""
    rng = np.random.default_rng(14)
    steps = 25
    level = np.zeros(steps)
    for t in range(1, steps):
        level[t] = 0.8 * level[t - 1] + 0.5 * rng.normal()
    y = level + 0.3 * rng.normal(size=steps)
    with pm.Model(coords={"time": range(steps)}) as model:
        decay = pm.Beta("decay", 6, 2)
        step = pm.HalfNormal("step", 0.5)
        shocks = pm.Normal("shocks", dims="time")
        states = pytensor.scan(
            lambda shock, before, decay: decay * before + shock,
            sequences=[step * shocks],
            outputs_info=[pt.zeros(())],
            non_sequences=[decay],
            return_updates=False,
        )
        level = pm.Deterministic("level", states, dims="time")
        pm.Normal("y", level, 0.3, observed=y)
    return model


MODELS = {
    build.__name__: build
    for build in (
        eight_schools,
        hierarchical_regression,
        correlations,
        gaussian_process,
        state_space,
    )
}
