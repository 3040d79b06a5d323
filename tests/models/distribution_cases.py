"""Every distribution of PyMC with parameters, values inside and outside of its support, and
parameters that it refuses."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import walk_packages

import numpy as np
import pymc as pm
import pymc_extras as pmx
import pytensor
import pytensor.tensor as pt


@dataclass(frozen=True)
class Case:
    """``build(**parameters)`` is a random variable; integers and arrays of them stay integers."""

    name: str
    build: Callable
    parameters: dict
    #: Inside the support: their density is finite.
    inside: object
    #: Of the same shape, with a density of -inf somewhere, or refused.
    outside: object = None
    #: Each replaces some parameters and is refused.
    refused: tuple[dict, ...] = ()
    #: Parameters that the graph holds as constants.
    fixed: dict = field(default_factory=dict)
    #: Parameters and values for which there is no gradient.
    without_gradient: tuple[str, ...] = ()
    #: The density goes through a matrix factorisation.
    factorises: bool = False
    #: By function ("logp", "icdf" ...): why nodes are handed on.
    fallbacks: dict[str, str] = field(default_factory=dict)
    #: What pm.logcdf and pm.icdf need; None where the distribution has none.
    cumulative: bool = True
    #: Relative errors that special functions explain, where they exceed those of a sum.
    tolerance: float | None = None


CASES: dict[str, Case] = {}

#: No distributions, or what cannot be compared: the reason.
LEFT_OUT = {
    "BoundedContinuous": "base class",
    "CircularContinuous": "base class",
    "Continuous": "base class",
    "Discrete": "base class",
    "Distribution": "base class",
    "PositiveContinuous": "base class",
    "PredefinedRandomWalk": "base class",
    "SimplexContinuous": "base class",
    "UnitContinuous": "base class",
    "PolyaGamma": "a Python function of a package that PyMC does not require",
    "Simulator": "its density is random, by a Python function of the user",
}


def all_distributions() -> dict[str, type]:
    """The classes in `pymc.distributions` with a method ``dist``; aliases count once."""
    found = {}
    for module in walk_packages(pm.distributions.__path__, "pymc.distributions."):
        for name, value in vars(import_module(module.name)).items():
            if (
                inspect.isclass(value)
                and hasattr(value, "dist")
                and value.__module__ == module.name
                and not name.startswith("_")
            ):
                found[value.__name__] = value
    return found


def case(name: str, parameters: dict, inside, outside=None, *refused: dict, label="", **more):
    """Lists `pm.<name>.dist` or, with ``build``, what that gives; ``label`` tells several apart."""
    build = more.pop("build", None) or getattr(pm, name).dist
    label = f"{name}, {label}" if label else name
    CASES[label] = Case(label, build, parameters, inside, outside, refused, **more)


def typed(value) -> np.ndarray:
    """Floats in floatX, integers as int64."""
    value = np.asarray(value)
    return value.astype(pytensor.config.floatX if value.dtype.kind == "f" else "int64")


def symbol(name: str, value) -> pt.TensorVariable:
    value = typed(value)
    return pt.tensor(name, dtype=value.dtype, shape=value.shape)


def refusals(entry: Case) -> Iterator[dict]:
    for replaced in entry.refused:
        assert set(replaced) <= set(entry.parameters), entry.name
        yield entry.parameters | replaced


INF = np.inf
REAL = [-3.0, 0.2, 1.7]
POSITIVE = [0.2, 1.0, 3.0]
NEGATIVE = [-0.5, 1.0, INF]
UNIT = [0.2, 0.5, 0.9]
NOT_UNIT = [-0.1, 0.5, 1.1]
COUNTS = [0, 1, 4]
NO_COUNTS = [-1, 1, 4]

# -- continuous ------------------------------------------------------------------------------------

case("Uniform", {"lower": -1.0, "upper": 2.0}, [-0.9, 0.3, 1.9], [-1.1, 0.0, 2.1], {"upper": -2.0})
case("Flat", {}, REAL)
case("HalfFlat", {}, POSITIVE, NEGATIVE)
case("Normal", {"mu": 0.3, "sigma": 1.3}, REAL, [-INF, 0.0, INF], {"sigma": -1.0}, {"sigma": 0.0})
case("Normal", {"mu": 0.3, "tau": 1.3}, REAL, None, {"tau": -1.0}, label="tau")
truncated = {"mu": 0.1, "sigma": 1.3, "lower": -1.0, "upper": 2.0}
case(
    "TruncatedNormal",
    truncated,
    [-0.9, 0.2, 1.9],
    [-1.1, 0.0, 2.1],
    {"sigma": -1.0},
)
case(
    "TruncatedNormal",
    {"mu": 0.1, "sigma": 1.3, "lower": 4.0},
    [4.1, 5.0],
    [3.9, 4.5],
    label="tail",
)
case("HalfNormal", {"sigma": 1.3}, POSITIVE, NEGATIVE, {"sigma": -1.0})
case("SkewNormal", {"mu": 0.1, "sigma": 1.3, "alpha": 2.0}, REAL, None, {"sigma": -1.0})
case(
    "Beta",
    {"alpha": 1.3, "beta": 2.1},
    UNIT,
    NOT_UNIT,
    {"alpha": -1.0},
    {"beta": 0.0},
)
case("Beta", {"mu": 0.4, "nu": 3.0}, UNIT, NOT_UNIT, {"nu": -1.0}, label="mu")
case("Kumaraswamy", {"a": 1.3, "b": 2.1}, UNIT, NOT_UNIT, {"a": -1.0}, {"b": -1.0})
case("Exponential", {"lam": 1.3}, POSITIVE, NEGATIVE, {"lam": -1.0})
case("Laplace", {"mu": 0.1, "b": 1.3}, REAL, None, {"b": -1.0})
asymmetric = {"kappa": 1.3, "mu": 0.1, "b": 1.1}
case("AsymmetricLaplace", asymmetric, REAL, None, {"kappa": -1.0}, {"b": -1.0})
case("LogNormal", {"mu": 0.1, "sigma": 1.3}, POSITIVE, NEGATIVE, {"sigma": -1.0})
case(
    "StudentT",
    {"nu": 3.5, "mu": 0.1, "sigma": 1.3},
    REAL,
    None,
    {"nu": -1.0},
    {"sigma": -1.0},
)
student = {"a": 2.0, "b": 3.0, "mu": 0.1, "sigma": 1.3}
case(
    "SkewStudentT",
    student,
    REAL,
    None,
    {"a": -1.0},
    {"b": -1.0},
    {"sigma": -1.0},
)
case("Pareto", {"alpha": 1.1, "m": 1.3}, [1.4, 2.0, 9.0], [1.2, 2.0, 9.0], {"alpha": -1.0})
case("Cauchy", {"alpha": 0.1, "beta": 1.3}, REAL, None, {"beta": -1.0})
case("HalfCauchy", {"beta": 1.3}, POSITIVE, NEGATIVE, {"beta": -1.0})
case(
    "Gamma",
    {"alpha": 1.7, "beta": 2.1},
    POSITIVE,
    NEGATIVE,
    {"alpha": -1.0},
    {"beta": -1.0},
)
case(
    "Gamma",
    {"mu": 1.7, "sigma": 2.1},
    POSITIVE,
    NEGATIVE,
    {"sigma": 0.0},
    label="mu",
)
case(
    "InverseGamma",
    {"alpha": 1.7, "beta": 2.1},
    POSITIVE,
    NEGATIVE,
    {"alpha": -1.0},
)
case("ChiSquared", {"nu": 3.5}, POSITIVE, NEGATIVE, {"nu": -1.0})
case("Weibull", {"alpha": 1.7, "beta": 2.1}, POSITIVE, NEGATIVE, {"alpha": -1.0}, {"beta": -1.0})
case(
    "HalfStudentT",
    {"nu": 3.5, "sigma": 1.3},
    POSITIVE,
    NEGATIVE,
    {"nu": -1.0},
    {"sigma": -1.0},
)
case("Wald", {"mu": 1.1, "lam": 1.3, "alpha": 0.1}, POSITIVE, NEGATIVE, {"mu": -1.0}, {"lam": -1.0})
case("ExGaussian", {"mu": 0.1, "sigma": 1.3, "nu": 0.8}, [*REAL, 6.0], None, {"nu": -1.0})
case("ExGaussian", {"mu": 0.1, "sigma": 1.3, "nu": 0.01}, REAL, None, label="small nu")
case("VonMises", {"mu": 0.1, "kappa": 1.3}, [0.2, -2.0], [-4.0, 4.0], {"kappa": -1.0})
case("Logistic", {"mu": 0.1, "s": 1.3}, REAL, None, {"s": -1.0})
case("LogitNormal", {"mu": 0.1, "sigma": 1.3}, UNIT, NOT_UNIT, {"sigma": -1.0})
triangle = {"lower": -1.0, "c": 0.2, "upper": 2.0}
case("Triangular", triangle, [-0.5, 0.3, 1.0], [-1.1, 0.3, 2.1], {"c": 3.0}, {"c": -2.0})
case("Gumbel", {"mu": 0.1, "beta": 1.3}, REAL, None, {"beta": -1.0})
case("Rice", {"nu": 0.7, "sigma": 1.3}, POSITIVE, NEGATIVE, {"sigma": -1.0}, {"nu": -1.0})
case("Moyal", {"mu": 0.1, "sigma": 1.3}, REAL, None, {"sigma": -1.0})
case(
    "Interpolated",
    {},
    [-1.3, 0.04, 1.9],
    [-2.1, 0.0, 2.1],
    fixed={"x_points": np.linspace(-2, 2, 9), "pdf_points": np.exp(-(np.linspace(-2, 2, 9) ** 2))},
)

# -- discrete --------------------------------------------------------------------------------------

case("Bernoulli", {"p": 0.3}, [0, 1], [-1, 2], {"p": 1.3}, {"p": -0.1})
case("Bernoulli", {"logit_p": 0.3}, [0, 1], [-1, 2], label="logit")
case("Binomial", {"n": 7, "p": 0.3}, [0, 3, 7], [-1, 3, 8], {"p": 1.3}, {"n": -1})
beta_binomial = {"alpha": 1.3, "beta": 2.1, "n": 7}
refused = {"alpha": -1.0}, {"n": -1}
case("BetaBinomial", beta_binomial, [0, 3, 7], [-1, 3, 8], *refused, cumulative=False)
case("BetaBinomial", beta_binomial, 3, -1, *refused, label="one value")
case("Poisson", {"mu": 1.3}, COUNTS, NO_COUNTS, {"mu": -1.0})
case(
    "NegativeBinomial", {"mu": 1.3, "alpha": 2.1}, COUNTS, NO_COUNTS, {"mu": -1.0}, {"alpha": -1.0}
)
case("NegativeBinomial", {"n": 2.5, "p": 0.4}, COUNTS, NO_COUNTS, {"p": 1.5}, label="n")
case("Geometric", {"p": 0.3}, [1, 2, 5], [0, -1, 5], {"p": 1.3})
hyper = {"N": 20, "k": 7, "n": 12}
refused = {"N": -1}, {"k": 30}
case("HyperGeometric", hyper, [0, 3, 7], [-1, 3, 8], *refused, cumulative=False)
case("HyperGeometric", hyper, 3, -1, *refused, label="one value")
case("DiscreteUniform", {"lower": -1, "upper": 4}, [-1, 2, 4], [-2, 2, 5], {"upper": -3})
case("DiscreteWeibull", {"q": 0.6, "beta": 1.3}, COUNTS, NO_COUNTS, {"q": 1.5}, {"beta": -1.0})
case("Categorical", {"p": [0.2, 0.5, 0.3]}, [0, 2, 1], [-1, 2, 3], {"p": [-0.2, 0.9, 0.3]})
case("Categorical", {"logit_p": [0.2, 0.5, -0.3]}, [0, 2, 1], [-1, 2, 3], label="logit")
cut = {"eta": 0.3, "cutpoints": [-1.0, 0.2, 1.1]}
case("OrderedLogistic", cut, [0, 2, 3], [-1, 2, 4])
case("OrderedProbit", cut | {"sigma": 1.2}, [0, 2, 3], [-1, 2, 4])

# -- mixtures --------------------------------------------------------------------------------------

zero_inflated = {"psi": 0.4}, COUNTS, NO_COUNTS
zip_ = {"psi": 0.4, "mu": 1.3}
case("ZeroInflatedPoisson", zip_, COUNTS, NO_COUNTS, {"mu": -1.0}, {"psi": 1.4})
zib = {"psi": 0.4, "n": 7, "p": 0.3}
case("ZeroInflatedBinomial", zib, [0, 3, 7], [-1, 3, 8], {"p": 1.3}, {"psi": 1.4})
znb = {"psi": 0.4, "mu": 1.3, "alpha": 2.0}
case("ZeroInflatedNegativeBinomial", znb, COUNTS, NO_COUNTS, {"mu": -1.0}, {"alpha": -1.0})
case("HurdlePoisson", {"psi": 0.4, "mu": 1.3}, COUNTS, NO_COUNTS, {"mu": -1.0})
case(
    "HurdleNegativeBinomial",
    znb,
    COUNTS,
    NO_COUNTS,
    {"mu": -1.0},
    {"alpha": -1.0},
)
hurdle = {"psi": 0.4, "alpha": 1.3, "beta": 2.0}
case("HurdleGamma", hurdle, [0.0, 0.3, 2.0], [-1.0, 0.3, 2.0], {"alpha": -1.0})
hurdle = {"psi": 0.4, "mu": 0.3, "sigma": 1.1}
case("HurdleLogNormal", hurdle, [0.0, 0.3, 4.0], [-1.0, 0.3, 2.0], {"sigma": -1.0})
normals = {"w": [0.3, 0.7], "mu": [-1.0, 1.0], "sigma": [1.0, 0.5]}
case("NormalMixture", normals, REAL, None, {"sigma": [1.0, -0.5]}, {"w": [0.3, 0.9]})


def two_kinds(w, mu, rate):
    return pm.Mixture.dist(w=w, comp_dists=[pm.Normal.dist(mu, 1.0), pm.Exponential.dist(rate)])


case(
    "Mixture",
    {"w": [0.3, 0.7], "mu": 0.3, "rate": 1.2},
    REAL,
    None,
    {"rate": -1.0},
    build=two_kinds,
)


def counts_mixture(w, low, high):
    return pm.Mixture.dist(w=w, comp_dists=[pm.Poisson.dist(low), pm.Poisson.dist(high)])


weights = {"w": [0.3, 0.7], "low": 0.3, "high": 4.2}
case("Mixture", weights, COUNTS, NO_COUNTS, {"low": -1.0}, build=counts_mixture, label="counts")

# -- made from others ------------------------------------------------------------------------------


def censored(mu, sigma, lower, upper):
    return pm.Censored.dist(pm.Normal.dist(mu, sigma), lower=lower, upper=upper)


ends = {"mu": 0.3, "sigma": 1.2, "lower": -1.0, "upper": 1.5}
case("Censored", ends, [-1.0, 0.3, 1.5], [-2.0, 0.3, 2.5], {"sigma": -1.0}, build=censored)


def truncated_gamma(alpha, lower, upper):
    return pm.Truncated.dist(pm.Gamma.dist(alpha, 1.0), lower=lower, upper=upper)


ends = {"alpha": 1.2, "lower": 0.3, "upper": 2.5}
case(
    "Truncated",
    ends,
    [0.5, 1.3, 2.4],
    [0.2, 1.0, 2.6],
    {"alpha": -1.0},
    build=truncated_gamma,
    without_gradient=("alpha",),
)


def custom(mu):
    def density(value, mu):
        return pt.switch(value > mu, mu - value, -INF)

    def cumulative(value, mu):
        return pt.log1p(-pt.exp(mu - value))

    return pm.CustomDist.dist(mu, logp=density, logcdf=cumulative, class_name="Shifted")


case("CustomDist", {"mu": 0.3}, [0.5, 2.0], [0.1, 2.0], build=custom)


def custom_by_graph(mu, sigma):
    def draw(mu, sigma, size):
        return pt.exp(mu + sigma * pm.Logistic.dist(0.0, 1.0, size=size))

    return pm.CustomDist.dist(mu, sigma, dist=draw, class_name="LogLogistic")


parameters = {"mu": 0.3, "sigma": 1.2}
case("CustomDist", parameters, POSITIVE, NEGATIVE, build=custom_by_graph, label="of a graph")
case("DiracDelta", {"c": 2}, [2, 2], [1, 2])

# -- multivariate ----------------------------------------------------------------------------------

COV = np.array([[1.3, 0.4, -0.2], [0.4, 0.9, 0.1], [-0.2, 0.1, 0.7]])
CHOL = np.linalg.cholesky(COV)
NOT_COV = COV - np.eye(3)
MU = [0.1, -0.3, 0.5]
POINT = np.array([0.4, 0.1, -0.2])
mv = {"cumulative": False, "factorises": True}
case("MvNormal", {"mu": MU, "cov": COV}, POINT, None, {"cov": NOT_COV}, **mv)
case("MvNormal", {"mu": MU, "chol": CHOL}, [POINT, -POINT], None, label="chol", **mv)
case("MvNormal", {"mu": MU, "tau": COV}, [POINT, -POINT], None, label="tau", **mv)
covs = {"mu": MU, "cov": [COV, 2 * COV]}
case("MvNormal", covs, [POINT, -POINT], None, {"cov": [COV, NOT_COV]}, label="batch", **mv)
t = {"nu": 4.5, "mu": MU, "scale": COV}
case("MvStudentT", t, [POINT, -POINT], None, {"nu": -1.0}, {"scale": NOT_COV}, **mv)
simplex = {"cumulative": False}
p = [0.2, 0.5, 0.3]
case("Dirichlet", {"a": [1.2, 0.7, 3.0]}, p, [-0.1, 0.8, 0.3], {"a": [1.0, -1.0, 1.0]}, **simplex)
case(
    "Multinomial",
    {"n": 7, "p": p},
    [1, 4, 2],
    [1, 4, 3],
    {"p": [0.2, 0.9, 0.3]},
    {"n": -1},
    **simplex,
)
alphas = {"n": 7, "a": [1.2, 0.7, 3.0]}
case("DirichletMultinomial", alphas, [1, 4, 2], [-1, 6, 2], {"a": [1.0, -1.0, 1.0]}, **simplex)
case("OrderedMultinomial", cut | {"n": 7}, [1, 2, 3, 1], [1, 2, 3, 2], {"n": -1}, **simplex)
case(
    "StickBreakingWeights",
    {"alpha": 1.7},
    p,
    [0.2, 0.9, 0.3],
    {"alpha": -1.0},
    fixed={"K": 2},
    **simplex,
)
case(
    "ZeroSumNormal",
    {"sigma": 1.3},
    [-0.7, 0.2, 0.5],
    [0.7, 0.2, 0.5],
    build=lambda sigma: pm.ZeroSumNormal.dist(sigma, support_shape=[3]),
    **simplex,
)
case("Wishart", {"nu": 6, "V": COV}, 5 * COV, None, {"nu": 1}, without_gradient=("nu",), **mv)
# Values are Cholesky factors of correlation matrices.
ROOT = CHOL / np.sqrt((CHOL**2).sum(axis=1, keepdims=True))
case("LKJCorr", {"eta": 1.7}, ROOT, 2 * ROOT, {"eta": -1.0}, fixed={"n": 3}, **mv)


def lkj_cholesky(eta, lam):
    sd = pm.Exponential.dist(lam, shape=3)
    return pm.LKJCholeskyCov.dist(n=3, eta=eta, sd_dist=sd, compute_corr=False)


packed = CHOL[np.tril_indices(3)]
case(
    "LKJCholeskyCov",
    {"eta": 1.7, "lam": 0.8},
    packed,
    None,
    {"lam": -1.0},
    build=lkj_cholesky,
    **mv,
)
rows = {"mu": np.zeros((2, 3)), "rowcov": COV[:2, :2], "colcov": COV}
case("MatrixNormal", rows, [POINT, 2 * POINT], **mv)


def kronecker(mu, first, second, sigma):
    return pm.KroneckerNormal.dist(mu=mu, covs=[first, second], sigma=sigma)


parts = {"mu": np.zeros(6), "first": COV[:2, :2], "second": COV, "sigma": 0.7}
case("KroneckerNormal", parts, np.linspace(-1, 1, 6), build=kronecker, **mv)
W = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
FOUR = [0.3, -0.2, 0.1, 0.5]
car = {"mu": [0.1, 0.2, 0.3, 0.4], "alpha": 0.4, "tau": 1.3}
case("CAR", car, FOUR, None, {"alpha": 1.5}, {"tau": -1.0}, fixed={"W": W.astype(float)}, **mv)
case("ICAR", {"sigma": 1.3}, FOUR, None, {"sigma": -1.0}, fixed={"W": W}, **mv)

# -- time series -----------------------------------------------------------------------------------

series = {"cumulative": False}
WALK = [0.1, 0.4, -0.2, 0.3]


def random_walk(mu, sigma):
    return pm.RandomWalk.dist(pm.Cauchy.dist(0.0, 1.0), pm.Normal.dist(mu, sigma), steps=3)


case(
    "RandomWalk",
    {"mu": 0.1, "sigma": 0.8},
    WALK,
    None,
    {"sigma": -1.0},
    build=random_walk,
    **series,
)


def gaussian_walk(mu, sigma):
    return pm.GaussianRandomWalk.dist(mu, sigma, init_dist=pm.Normal.dist(0.0, 2.0), steps=3)


case(
    "GaussianRandomWalk",
    {"mu": 0.1, "sigma": 0.8},
    WALK,
    None,
    {"sigma": -1.0},
    build=gaussian_walk,
    **series,
)


def vector_walk(mu, cov):
    start = pm.MvNormal.dist(np.zeros(3), np.eye(3))
    return pm.MvGaussianRandomWalk.dist(mu, cov=cov, init_dist=start, steps=1)


case(
    "MvGaussianRandomWalk",
    {"mu": MU, "cov": COV},
    [POINT, -POINT],
    None,
    {"cov": NOT_COV},
    build=vector_walk,
    **mv,
)


def vector_t_walk(nu, mu, scale):
    start = pm.MvNormal.dist(np.zeros(3), np.eye(3))
    return pm.MvStudentTRandomWalk.dist(nu=nu, mu=mu, scale=scale, init_dist=start, steps=1)


case("MvStudentTRandomWalk", t, [POINT, -POINT], None, {"nu": -1.0}, build=vector_t_walk, **mv)


def autoregression(rho, sigma):
    start = pm.Normal.dist(0.0, 2.0, shape=2)
    return pm.AR.dist(rho, sigma, constant=True, init_dist=start, steps=3)


ar = {"rho": [0.1, 0.3, -0.2], "sigma": 0.8}
case("AR", ar, [*WALK, 0.7], None, {"sigma": -1.0}, build=autoregression, **series)


def garch(omega, alpha_1, beta_1, initial_vol):
    return pm.GARCH11.dist(omega, alpha_1, beta_1, initial_vol, steps=3)


case(
    "GARCH11",
    {"omega": 0.3, "alpha_1": 0.2, "beta_1": 0.5, "initial_vol": 0.9},
    WALK,
    None,
    {"omega": -1.0},
    {"beta_1": -0.5},
    build=garch,
    **series,
)


def euler_maruyama(speed, spread):
    def drift_and_diffusion(x, speed, spread):
        return -speed * x, spread

    return pm.EulerMaruyama.dist(
        dt=0.1,
        sde_fn=drift_and_diffusion,
        sde_pars=(speed, spread),
        init_dist=pm.Normal.dist(0.0, 2.0),
        steps=3,
    )


case(
    "EulerMaruyama",
    {"speed": 0.7, "spread": 0.4},
    WALK,
    None,
    {"spread": -1.0},
    build=euler_maruyama,
    **series,
)

# -- pymc-extras -----------------------------------------------------------------------------------

extreme = {"mu": 0.1, "sigma": 1.3, "xi": 0.2}
case(
    "GenExtreme",
    extreme,
    [-2.0, 0.3, 4.0],
    [-9.0, 0.3, 4.0],
    {"sigma": -1.0},
    {"xi": 1.5},
    build=pmx.GenExtreme.dist,
)
case("Chi", {"nu": 2.5}, POSITIVE, NEGATIVE, {"nu": -1.0}, build=pmx.Chi.dist, cumulative=None)
case(
    "Maxwell", {"a": 1.3}, POSITIVE, NEGATIVE, {"a": -1.0}, build=pmx.Maxwell.dist, cumulative=None
)
case(
    "GeneralizedPoisson",
    {"mu": 1.5, "lam": 0.3},
    COUNTS,
    NO_COUNTS,
    {"mu": -1.0},
    build=pmx.GeneralizedPoisson.dist,
    cumulative=None,
)
case(
    "BetaNegativeBinomial",
    {"alpha": 2.5, "beta": 1.5, "r": 3.0},
    COUNTS,
    NO_COUNTS,
    {"alpha": -1.0},
    build=pmx.BetaNegativeBinomial.dist,
    cumulative=None,
)
case(
    "Skellam",
    {"mu1": 1.5, "mu2": 0.7},
    [-2, 0, 3],
    None,
    {"mu1": -1.0},
    build=pmx.Skellam.dist,
    cumulative=None,
)


def markov_chain(P):
    start = pm.Categorical.dist(p=np.array([0.4, 0.6]))
    return pmx.DiscreteMarkovChain.dist(P=P, steps=4, init_dist=start)


case(
    "pymc_extras.DiscreteMarkovChain",
    {"P": np.array([[0.7, 0.3], [0.2, 0.8]])},
    [0, 1, 1, 0, 0],
    None,
    build=markov_chain,
    cumulative=None,
)
