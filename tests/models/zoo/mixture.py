"""Mixtures, compositions and discrete variables that are summed out."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


@model()
def dirichlet_multinomial(rng):
    fraction = pm.Dirichlet("fraction", a=as_float(np.ones(5)))
    concentration = pm.LogNormal("concentration", 1.0, 1.0)
    counts = rng.multinomial(50, np.full(5, 0.2), size=12)
    pm.DirichletMultinomial("y", n=50, a=fraction * concentration, observed=counts)


@model()
def normal_mixture(rng):
    weights = pm.Dirichlet("weights", a=as_float(np.ones(3)))
    mu = pm.Normal("mu", as_float([-2.0, 0.0, 2.0]), 1.0, shape=3)
    sigma = pm.HalfNormal("sigma", 1.0, shape=3)
    pm.NormalMixture("y", w=weights, mu=mu, sigma=sigma, observed=as_float(rng.normal(size=150)))


@model()
def marginal_mixture_of_counts(rng):
    weight = pm.Beta("weight", 2.0, 2.0)
    low, high = pm.Gamma("low", 2.0, 1.0), pm.Gamma("high", 9.0, 1.0)
    parts = [pm.Poisson.dist(low), pm.NegativeBinomial.dist(mu=high, alpha=2.0)]
    pm.Mixture("y", w=pt.stack([weight, 1 - weight]), comp_dists=parts, observed=rng.poisson(4, 60))


@model(factorises=True)
def mixture_of_mvnormals(rng):
    """A full covariance per component."""
    parts, size = 3, 2
    weights = pm.Dirichlet("weights", as_float(np.ones(parts)))
    components = []
    for k in range(parts):
        mu = pm.Normal(f"mu{k}", k - 1.0, 1.0, shape=size)
        sd = pm.Exponential.dist(1.0, shape=size)
        chol, _, _ = pm.LKJCholeskyCov(f"chol{k}", n=size, eta=2.0, sd_dist=sd)
        components.append(pm.MvNormal.dist(mu=mu, chol=chol))
    pm.Mixture("y", w=weights, comp_dists=components, observed=as_float(rng.normal(size=(60, 2))))


@model()
def stick_breaking_mixture(rng):
    """A Dirichlet process cut off after eight components."""
    parts = 8
    alpha = pm.Gamma("alpha", 2.0, 2.0)
    weights = pm.StickBreakingWeights("weights", alpha=alpha, K=parts - 1)
    mu = pm.Normal("mu", 0.0, 3.0, shape=parts)
    sigma = pm.InverseGamma("sigma", 3.0, 2.0, shape=parts)
    y = as_float(rng.normal([-2.0, 2.0], 0.7, size=(40, 2)).ravel())
    pm.NormalMixture("y", w=weights, mu=mu, sigma=sigma, observed=y)


@model()
def mixture_of_regressions(rng):
    """Lines whose weights depend on the predictor."""
    x = as_float(rng.uniform(-1, 1, 120))
    a, b = pm.Normal("a", as_float([-1, 0, 1]), 1.0, shape=3), pm.Normal("b", 0.0, 1.0, shape=3)
    gate = pm.Normal("gate", 0.0, 1.0, shape=(2, 3))
    weights = pm.math.softmax(gate[0] + gate[1] * x[:, None], axis=-1)
    sigma = pm.HalfNormal("sigma", 1.0, shape=3)
    lines = pm.Normal.dist(a + b * x[:, None], sigma, shape=(120, 3))
    pm.Mixture("y", w=weights, comp_dists=lines, observed=as_float(rng.normal(size=120)))


@model()
def robust_mixture(rng):
    """Outliers: normal or Student-t errors, a Laplace one too."""
    w = pm.Dirichlet("w", as_float([8.0, 1.0, 1.0]))
    mu, sigma = pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("sigma", 1.0)
    parts = [
        pm.Normal.dist(mu, sigma),
        pm.StudentT.dist(nu=3.0, mu=mu, sigma=3 * sigma),
        pm.Laplace.dist(mu, 5 * sigma),
    ]
    pm.Mixture("y", w=w, comp_dists=parts, observed=as_float(rng.standard_t(3, 90)))


@model()
def latent_classes(rng):
    """Binary answers given a class that is summed out."""
    classes, questions = 3, 8
    y = rng.integers(0, 2, (100, questions))
    log_weights = pt.log(pm.Dirichlet("weights", as_float(np.ones(classes))))
    p = pm.Beta("p", 2.0, 2.0, shape=(classes, questions))
    terms = pm.logp(pm.Bernoulli.dist(p=p), y[:, None, :]).sum(axis=-1)
    pm.Potential("y", pt.logsumexp(terms + log_weights, axis=1).sum())


@model()
def topics(rng):
    """Latent Dirichlet allocation: words are mixtures over topics."""
    documents, words, parts = 12, 20, 3
    theta = pm.Dirichlet("theta", as_float(np.ones((documents, parts))))
    phi = pm.Dirichlet("phi", as_float(np.full((parts, words), 0.7)))
    counts = rng.poisson(1.5, (documents, words))
    pm.Potential("y", (counts * pt.log(theta @ phi)).sum())


@model()
def change_point(rng):
    """Rates before and after a year that is summed out, and one that is continuous."""
    years = np.arange(40)
    counts = rng.poisson(3.0, 40)
    early, late, last = (pm.Gamma(name, 3.0, 1.0) for name in ("early", "late", "last"))
    middle = pm.Uniform("middle", 20.0, 35.0)
    after = pm.math.sigmoid(as_float(years) - middle)
    rate = pt.where(years < years[1:, None], early, late) * (1 - after) + last * after
    terms = pm.logp(pm.Poisson.dist(rate), counts).sum(axis=1)
    pm.Potential("y", pt.logsumexp(terms) - np.log(39.0))


@model()
def multinomial_regression(rng):
    """Compositions of counts: softmax against a reference class, and ordered categories."""
    x = as_float(rng.normal(size=(40, 2)))
    logit = x @ pm.Normal("b", 0.0, 1.0, shape=(2, 3))
    p = pm.math.softmax(pt.concatenate([logit, pt.zeros((40, 1))], axis=1), axis=1)
    pm.Multinomial("y", n=30, p=p, observed=rng.multinomial(30, np.full(4, 0.25), size=40))
    cutpoints = pm.Normal(
        "cutpoints",
        0.0,
        2.0,
        shape=3,
        transform=pm.distributions.transforms.ordered,
        initval=as_float([-1.0, 0.0, 1.0]),
    )
    pm.OrderedMultinomial(
        "z",
        eta=x[:, 0] * pm.Normal("c", 0.0, 1.0),
        cutpoints=cutpoints,
        n=10,
        observed=rng.multinomial(10, np.full(4, 0.25), size=40),
    )


@model()
def discrete_markov_chain(rng):
    """Transitions of a chain that is seen: rows of the matrix are simplices."""
    states = rng.integers(0, 4, 150)
    rows = pm.Dirichlet("rows", as_float(np.ones((4, 4)) + 2 * np.eye(4)))
    start = pm.Dirichlet("start", as_float(np.ones(4)))

    pm.Potential("y", pt.log(start[states[0]]) + pt.log(rows[states[:-1], states[1:]]).sum())


@model()
def stochastic_blocks(rng):
    """A network whose nodes have mixed membership of blocks."""
    nodes, blocks = 14, 3
    member = pm.Dirichlet("member", as_float(np.ones((nodes, blocks))))
    within = pm.Beta("within", 2.0, 2.0, shape=(blocks, blocks))
    p = (member @ within @ member.T)[np.triu_indices(nodes, 1)]
    pm.Bernoulli("y", p=p, observed=rng.integers(0, 2, nodes * (nodes - 1) // 2))
