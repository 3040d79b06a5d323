"""PyMC's draws: those of PyTensor's Python backend for the same seed."""

import numpy as np
import pymc as pm
import pymc_extras as pmx
import pytest
from pymc.distributions import distribution

import gemmule

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

_COV = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]])
_P = [0.2, 0.3, 0.5]
_ADJACENCY = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
_CUTS = np.array([-1.0, 1.0])


def _normal(**kwargs):
    return pm.Normal.dist(0.0, 1.0, **kwargs)


def _mvnormal():
    return pm.MvNormal.dist(np.zeros(2), np.eye(2))


#: Parameters of every distribution that has draws.
DISTRIBUTIONS = {
    "AR": lambda: {"rho": [0.5, 0.2], "sigma": 1.0, "init_dist": _normal(shape=2), "steps": 6},
    "AsymmetricLaplace": {"kappa": 2.0, "mu": 1.0, "b": 2.0},
    "Bernoulli": {"p": 0.3},
    "Beta": {"alpha": 2.0, "beta": 3.0},
    "BetaBinomial": {"n": 10, "alpha": 2.0, "beta": 3.0},
    "Binomial": {"n": 10, "p": 0.3},
    "CAR": {"mu": np.zeros(3), "W": _ADJACENCY, "alpha": 0.5, "tau": 2.0},
    "Categorical": {"p": _P},
    "Cauchy": {"alpha": 1.0, "beta": 2.0},
    "Censored": lambda: {"dist": _normal(), "lower": -0.5, "upper": 1.0},
    "ChiSquared": {"nu": 3.0},
    "DiracDelta": {"c": 3.0},
    "Dirichlet": {"a": np.array([0.5, 1.0, 2.0])},
    "DirichletMultinomial": {"n": 5, "a": np.ones(3)},
    "DiscreteUniform": {"lower": 0, "upper": 9},
    "DiscreteWeibull": {"q": 0.4, "beta": 1.5},
    "EulerMaruyama": lambda: {
        "dt": 0.1,
        "sde_fn": lambda x, a: (-a * x, 0.1),
        "sde_pars": (0.5,),
        "init_dist": _normal(),
        "steps": 5,
    },
    "ExGaussian": {"mu": 1.0, "sigma": 2.0, "nu": 3.0},
    "Exponential": {"lam": 2.0},
    "GARCH11": {"omega": 0.1, "alpha_1": 0.2, "beta_1": 0.3, "initial_vol": 1.0, "steps": 5},
    "Gamma": {"alpha": 2.0, "beta": 3.0},
    "GaussianRandomWalk": lambda: {"mu": 0.1, "sigma": 1.0, "init_dist": _normal(), "steps": 5},
    "Geometric": {"p": 0.3},
    "Gumbel": {"mu": 0.0, "beta": 2.0},
    "HalfCauchy": {"beta": 2.0},
    "HalfNormal": {"sigma": 2.0},
    "HalfStudentT": {"nu": 4.0, "sigma": 2.0},
    "HurdleGamma": {"psi": 0.4, "alpha": 2.0, "beta": 3.0},
    "HurdleLogNormal": {"psi": 0.4, "mu": 0.0, "sigma": 1.0},
    "HurdleNegativeBinomial": {"psi": 0.4, "mu": 3.0, "alpha": 2.0},
    "HurdlePoisson": {"psi": 0.4, "mu": 3.0},
    "HyperGeometric": {"N": 20, "k": 7, "n": 5},
    "Interpolated": {
        "x_points": np.linspace(0, 1, 9),
        "pdf_points": np.linspace(0, 1, 9) ** 2 + 0.1,
    },
    "InverseGamma": {"alpha": 3.0, "beta": 2.0},
    "KroneckerNormal": {"mu": np.zeros(6), "covs": [np.eye(2) + 0.1, _COV]},
    "Kumaraswamy": {"a": 2.0, "b": 3.0},
    "LKJCorr": {"n": 3, "eta": 2.0},
    "LKJCholeskyCov": lambda: {"n": 3, "eta": 2.0, "sd_dist": pm.Exponential.dist(1.0)},
    "Laplace": {"mu": 0.0, "b": 2.0},
    "LogNormal": {"mu": 0.0, "sigma": 1.0},
    "Logistic": {"mu": 0.0, "s": 2.0},
    "LogitNormal": {"mu": 0.0, "sigma": 1.0},
    "MatrixNormal": {"mu": np.zeros((3, 2)), "rowcov": _COV, "colcov": np.eye(2) + 0.1},
    "Mixture": lambda: {"w": [0.3, 0.7], "comp_dists": [_normal(), pm.Gamma.dist(2.0, 1.0)]},
    "Moyal": {"mu": 0.0, "sigma": 2.0},
    "Multinomial": {"n": 5, "p": _P},
    "MvGaussianRandomWalk": lambda: {
        "mu": np.zeros(2),
        "cov": np.eye(2),
        "init_dist": _mvnormal(),
        "steps": 5,
    },
    "MvNormal": {"mu": np.arange(3.0), "cov": _COV},
    "MvStudentT": {"nu": 4.0, "mu": np.zeros(3), "scale": _COV},
    "MvStudentTRandomWalk": lambda: {
        "mu": np.zeros(2),
        "scale": np.eye(2),
        "nu": 4.0,
        "init_dist": _mvnormal(),
        "steps": 5,
    },
    "NegativeBinomial": {"mu": 3.0, "alpha": 2.0},
    "Normal": {"mu": 1.0, "sigma": 2.0},
    "NormalMixture": {"w": [0.3, 0.7], "mu": [0.0, 5.0], "sigma": [1.0, 2.0]},
    "OrderedLogistic": {"eta": 0.0, "cutpoints": _CUTS},
    "OrderedMultinomial": {"eta": 0.0, "cutpoints": _CUTS, "n": 5},
    "OrderedProbit": {"eta": 0.0, "cutpoints": _CUTS},
    "Pareto": {"alpha": 2.0, "m": 3.0},
    "Poisson": {"mu": 3.0},
    "RandomWalk": lambda: {"innovation_dist": _normal(), "init_dist": _normal(), "steps": 5},
    "Rice": {"nu": 2.0, "sigma": 1.0},
    "SkewNormal": {"mu": 0.0, "sigma": 1.0, "alpha": 3.0},
    "SkewStudentT": {"a": 2.0, "b": 3.0},
    "StickBreakingWeights": {"alpha": 2.0, "K": 4},
    "StudentT": {"nu": 4.0, "mu": 1.0, "sigma": 2.0},
    "Triangular": {"lower": 0.0, "c": 1.0, "upper": 3.0},
    "Truncated": lambda: {"dist": pm.Gamma.dist(2.0, 3.0), "lower": 0.1, "upper": 2.0},
    "TruncatedNormal": {"mu": 1.0, "sigma": 2.0, "lower": 0.0, "upper": 3.0},
    "Uniform": {"lower": 0.0, "upper": 2.0},
    "VonMises": {"mu": 0.0, "kappa": 2.0},
    "Wald": {"mu": 1.0, "lam": 2.0, "alpha": 0.5},
    "Weibull": {"alpha": 2.0, "beta": 3.0},
    "Wishart": {"nu": 5, "V": _COV},
    "ZeroInflatedBinomial": {"psi": 0.4, "n": 10, "p": 0.3},
    "ZeroInflatedNegativeBinomial": {"psi": 0.4, "mu": 3.0, "alpha": 2.0},
    "ZeroInflatedPoisson": {"psi": 0.4, "mu": 3.0},
    "ZeroSumNormal": {"sigma": 1.0, "support_shape": (4,)},
}
#: No draws, or (PolyaGamma) not without another package; Simulator is a user's Python code.
NO_DRAWS = {"Flat", "HalfFlat", "ICAR", "PolyaGamma", "Simulator", "CustomDist", "DensityDist"}
ABSTRACT = {"Continuous", "Discrete", "Distribution"}
ALIASES = {"Lognormal"}

#: What Python runs of a distribution, and why.
HANDED_ON = {
    "CAR": "CARRV draws with Python code",  # sparse matrices, reordered and factored
}


def dist(name: str):
    arguments = DISTRIBUTIONS[name]
    arguments = arguments() if callable(arguments) else arguments
    result = getattr(pm, name).dist(**arguments)
    return list(result) if isinstance(result, tuple) else result


def test_every_distribution_is_here():
    classes = {
        name
        for name in pm.distributions.__all__
        if isinstance(getattr(pm.distributions, name), type)
        and issubclass(getattr(pm.distributions, name), distribution.Distribution)
    }
    missing = classes - set(DISTRIBUTIONS) - NO_DRAWS - ABSTRACT - ALIASES
    assert missing == set()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws(name):
    """Three calls each, so that the second begins where the first left the generators."""
    want = pm.draw(dist(name), 3, random_seed=4, mode="FAST_COMPILE")
    got = pm.draw(dist(name), 3, random_seed=4, mode="GEMMULE")
    if not isinstance(got, list):
        got, want = [got], [want]
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(None, 1.0), (-1.0, None), (-1.0, 2.0), (3.0, 9.0), (-9.0, -8.0), (45.0, None), (None, -50.0)],
)
def test_truncated_normal(lower, upper):
    """Both tails, as far out as no probability is a number."""
    draws = [
        pm.draw(
            pm.TruncatedNormal.dist(0.0, [1.0, 0.5], lower=lower, upper=upper, shape=(20, 2)),
            random_seed=1,
            mode=mode,
        )
        for mode in ("FAST_COMPILE", "GEMMULE")
    ]
    np.testing.assert_allclose(*draws, rtol=1e-12)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_all_is_native(name):
    f = pm.pytensorf.compile([], dist(name), mode="GEMMULE")
    f()
    reasons = {fallback.reason for fallback in gemmule.explain(f).fallbacks}
    assert reasons == ({HANDED_ON[name]} if name in HANDED_ON else set())


@pytest.mark.parametrize("name", ["Normal", "Gamma", "Poisson", "HalfNormal", "SkewNormal", "Wald"])
def test_shapes_of_draws(name):
    arguments = {
        key: np.full((3, 1), value, dtype="float32") for key, value in DISTRIBUTIONS[name].items()
    }
    for kwargs in ({}, {"shape": (2, 3, 4)}, {"shape": (3, 0)}):
        draws = [
            pm.draw(getattr(pm, name).dist(**arguments, **kwargs), 2, random_seed=1, mode=mode)
            for mode in ("FAST_COMPILE", "GEMMULE")
        ]
        assert draws[0].shape == draws[1].shape
        np.testing.assert_allclose(*draws, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("GenExtreme", {"mu": 0.1, "sigma": 1.3, "xi": 0.2}),
        ("Chi", {"nu": 2.5}),
        ("Maxwell", {"a": 1.3}),
        ("GeneralizedPoisson", {"mu": 1.5, "lam": 0.3}),
        ("BetaNegativeBinomial", {"alpha": 2.5, "beta": 1.5, "r": 3.0}),
        ("Skellam", {"mu1": 1.5, "mu2": 0.7}),
    ],
)
def test_draws_of_pymc_extras(name, parameters):
    draws = [
        pm.draw(getattr(pmx, name).dist(**parameters, size=(3, 2)), 4, random_seed=5, mode=mode)
        for mode in ("FAST_COMPILE", "GEMMULE")
    ]
    np.testing.assert_allclose(draws[1], draws[0], rtol=1e-12)


def regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 2))
    with pm.Model() as model:
        data = pm.Data("x", x)
        intercept = pm.Normal("intercept", 0, 2)
        slopes = pm.Normal("slopes", 0, 1, shape=2)
        sigma = pm.HalfNormal("sigma", 1)
        mu = pm.Deterministic("mu", intercept + data @ slopes)
        pm.Normal("y", mu, sigma, observed=x @ [1.0, -1.0] + rng.normal(size=20))
    return model


def hierarchy():
    with pm.Model(coords={"group": range(4)}) as model:
        spread = pm.Exponential("spread", 1.0)
        p = pm.Beta("p", 1 + spread, 2.0, dims="group")
        w = pm.Dirichlet("w", np.ones(3))
        pm.Categorical("kind", p=w, shape=5)
        pm.Binomial("successes", n=[5, 10, 20, 40], p=p, observed=[2, 4, 9, 22], dims="group")
    return model


def counts():
    with pm.Model() as model:
        mu = pm.Gamma("mu", 2.0, 1.0, shape=3)
        alpha = pm.InverseGamma("alpha", 3.0, 2.0)
        chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=pm.HalfCauchy.dist(1.0))
        pm.MvNormal("z", np.zeros(3), chol=chol)
        pm.NegativeBinomial("y", mu=mu, alpha=alpha, observed=np.array([[1, 2, 3], [0, 5, 2]]))
        pm.ZeroInflatedPoisson("zeros", psi=0.4, mu=mu, observed=[0, 2, 0])
    return model


@pytest.mark.parametrize("build", [regression, hierarchy, counts])
def test_prior_and_posterior_predictive(build):
    model = build()
    results = []
    for mode in ("FAST_COMPILE", "GEMMULE"):
        kwargs = {"model": model, "random_seed": 9, "compile_kwargs": {"mode": mode}}
        prior = pm.sample_prior_predictive(6, **kwargs)
        posterior = prior["prior"].to_dataset().isel(draw=slice(0, 4))
        predictive = pm.sample_posterior_predictive(posterior, progressbar=False, **kwargs)
        results.append((prior, predictive))
    for want, got in zip(*results, strict=True):
        assert set(want.children) == set(got.children)
        for group in want.children:
            for name, value in want[group].data_vars.items():
                np.testing.assert_allclose(got[group][name], value, rtol=1e-9, err_msg=name)
