"""Gaussian processes and their approximations."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


@model(factorises=True)
def gp_marginal(rng):
    x = as_float(np.linspace(0, 5, 40)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    eta = pm.HalfNormal("eta", 1.0)
    sigma = pm.HalfNormal("sigma", 1.0)
    gp = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, length))
    gp.marginal_likelihood("y", X=x, y=as_float(rng.normal(size=40)), sigma=sigma)


@model(factorises=True)
def gp_latent(rng):
    x = as_float(np.linspace(0, 5, 25)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern52(1, length))
    f = gp.prior("f", X=x, jitter=1e-3)
    pm.Poisson("y", mu=pt.exp(f), observed=rng.poisson(1.5, 25))


@model()
def hsgp(rng):
    x = as_float(np.linspace(0, 5, 60)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    eta = pm.HalfNormal("eta", 1.0)
    gp = pm.gp.HSGP(m=[15], c=1.5, cov_func=eta**2 * pm.gp.cov.Matern52(1, length))
    f = gp.prior("f", X=x)
    pm.Normal("y", f, 0.5, observed=as_float(rng.normal(size=60)))


@model(factorises=True)
def gp_sparse(rng):
    """FITC: inducing points, and a diagonal that is exact."""
    x = as_float(np.linspace(0, 5, 60)[:, None])
    inducing = as_float(np.linspace(0.2, 4.8, 8)[:, None])
    length, eta = pm.Gamma("length", 2.0, 2.0), pm.HalfNormal("eta", 1.0)
    cov = eta**2 * pm.gp.cov.Matern52(1, length)
    gp = pm.gp.MarginalApprox(cov_func=cov, approx="FITC")
    y = as_float(np.sin(x[:, 0]) + 0.3 * rng.normal(size=60))
    gp.marginal_likelihood("y", X=x, Xu=inducing, y=y, sigma=pm.HalfNormal("sigma", 1.0))


# Of the distance of a point from itself, the root of a difference, nothing is left in float32.
@model(factorises=True, float32=False)
def gp_variational(rng):
    """VFE with inducing points that are parameters, and a mean function."""
    x = as_float(np.linspace(0, 5, 50)[:, None])
    inducing = pm.Normal("inducing", as_float(np.linspace(0.3, 4.7, 6)[:, None]), 0.1)
    cov = pm.gp.cov.Exponential(1, pm.Gamma("length", 3.0, 1.0))
    mean = pm.gp.mean.Linear(coeffs=pm.Normal("slope", 0.0, 1.0, shape=1), intercept=0.5)
    gp = pm.gp.MarginalApprox(mean_func=mean, cov_func=cov, approx="VFE")
    y = as_float(rng.normal(size=50))
    sigma = pm.HalfNormal("sigma", 1.0)
    gp.marginal_likelihood("y", X=x, Xu=inducing, y=y, sigma=sigma)


@model(factorises=True)
def gp_kronecker(rng):
    """A grid: eigendecompositions of the factors."""
    first, second = as_float(np.linspace(0, 1, 6)[:, None]), as_float(np.linspace(0, 2, 7)[:, None])
    lengths = pm.Gamma("lengths", 3.0, 2.0, shape=2)
    covs = [pm.gp.cov.Matern32(1, lengths[0]), pm.gp.cov.Matern52(1, lengths[1])]
    gp = pm.gp.MarginalKron(cov_funcs=covs)
    y = as_float(rng.normal(size=42))
    gp.marginal_likelihood("y", Xs=[first, second], y=y, sigma=pm.HalfNormal("sigma", 1.0))


@model(factorises=True)
def gp_latent_kronecker(rng):
    first, second = as_float(np.linspace(0, 1, 4)[:, None]), as_float(np.linspace(0, 2, 5)[:, None])
    covs = [pm.gp.cov.Matern52(1, 0.4), pm.gp.cov.Matern32(1, pm.Gamma("length", 3.0, 2.0))]
    f = pm.gp.LatentKron(cov_funcs=covs).prior("f", Xs=[first, second], jitter=1e-3)
    pm.Bernoulli("y", logit_p=f, observed=rng.integers(0, 2, 20))


@model(factorises=True)
def gp_additive(rng):
    """A trend, a season that changes, a rational quadratic part and noise: sums and products."""
    x = as_float(np.linspace(0, 4, 45)[:, None])
    eta = pm.HalfNormal("eta", 1.0, shape=4)
    length = pm.Gamma("length", 3.0, 1.0, shape=3)
    trend = eta[0] ** 2 * pm.gp.cov.ExpQuad(1, length[0])
    season = eta[1] ** 2 * pm.gp.cov.Periodic(1, period=1.0, ls=length[1])
    season = season * pm.gp.cov.Matern52(1, 3.0)
    rough = eta[2] ** 2 * pm.gp.cov.RatQuad(1, alpha=pm.Gamma("alpha", 5.0, 2.0), ls=length[2])
    line = eta[3] ** 2 * pm.gp.cov.Linear(1, c=1.0) + pm.gp.cov.WhiteNoise(0.1)
    gp = pm.gp.Marginal(cov_func=trend + season + rough + line)
    y = as_float(rng.normal(size=45))
    gp.marginal_likelihood("y", X=x, y=y, sigma=pm.HalfNormal("sigma", 1.0))


@model(factorises=True)
def gp_coregional(rng):
    """Three outputs: a covariance by position times one by output."""
    x = rng.uniform(0, 3, (36, 1))
    inputs = as_float(np.hstack([x, np.repeat(np.arange(3), 12)[:, None]]))
    w = pm.Normal("w", 0.0, 1.0, shape=(3, 2))
    kappa = pm.Gamma("kappa", 2.0, 2.0, shape=3)
    outputs = pm.gp.cov.Coregion(2, W=w, kappa=kappa, active_dims=[1])
    place = pm.gp.cov.ExpQuad(2, ls=pm.Gamma("length", 2.0, 2.0), active_dims=[0])
    gp = pm.gp.Marginal(cov_func=outputs * place)
    y = as_float(rng.normal(size=36))
    gp.marginal_likelihood("y", X=inputs, y=y, sigma=pm.HalfNormal("sigma", 1.0))


@model(factorises=True)
def gp_hierarchical(rng):
    """A curve for all groups, and one for each that departs from it."""
    x = as_float(np.linspace(0, 3, 15)[:, None])
    shared = pm.gp.Latent(cov_func=pm.gp.cov.ExpQuad(1, pm.Gamma("length", 4.0, 2.0)))
    f = shared.prior("f", X=x, jitter=1e-3)
    spread = pm.HalfNormal("spread", 0.5)
    own = pm.gp.cov.Matern32(1, pm.Gamma("own_length", 4.0, 2.0))(x) + as_float(1e-3) * pt.eye(15)
    z = pm.Normal("z", 0.0, 1.0, shape=(15, 5))
    curves = f[:, None] + spread * (pt.linalg.cholesky(own) @ z)
    y = as_float(rng.normal(size=(15, 5)))
    pm.Normal("y", curves, pm.HalfNormal("sigma", 1.0), observed=y)


@model(factorises=True)
def gp_heteroskedastic(rng):
    """The logarithm of the noise is a process too; automatic relevance determination."""
    x = as_float(rng.uniform(0, 2, (30, 2)))
    noise = pm.gp.Latent(cov_func=0.3 * pm.gp.cov.Matern52(2, as_float([1.0, 1.0])))
    log_sigma = noise.prior("log_sigma", X=x, jitter=1e-3)
    lengths = pm.InverseGamma("lengths", 4.0, 4.0, shape=2)
    cov = pm.gp.cov.Matern52(2, lengths)(x) + pt.diag(pt.exp(2 * log_sigma) + as_float(1e-2))
    y = as_float(rng.normal(size=30))
    pm.MvNormal("y", mu=as_float(np.zeros(30)), cov=cov, observed=y)


@model(factorises=True)
def gp_warped(rng):
    """A length scale that depends on the place, and inputs that are bent."""
    x = as_float(np.linspace(0.1, 3, 25)[:, None])
    slope, bend = pm.Normal("slope", 0.0, 0.3), pm.HalfNormal("bend", 1.0)
    gibbs = pm.gp.cov.Gibbs(1, lambda x, a: pt.exp(a * x), args=(slope,))
    warped = pm.gp.cov.WarpedInput(
        1, pm.gp.cov.Matern52(1, 0.5), lambda x, b: pt.tanh(b * x), args=(bend,)
    )
    gp = pm.gp.Marginal(cov_func=gibbs + warped)
    gp.marginal_likelihood("y", X=x, y=as_float(rng.normal(size=25)), sigma=0.5)


@model(factorises=True)
def student_t_process(rng):
    x = as_float(np.linspace(0, 3, 20)[:, None])
    tp = pm.gp.TP(scale_func=pm.gp.cov.Matern32(1, pm.Gamma("length", 3.0, 2.0)), nu=5.0)
    f = tp.prior("f", X=x, jitter=1e-3)
    pm.Normal("y", f, pm.HalfNormal("sigma", 1.0), observed=as_float(rng.normal(size=20)))


@model()
def hsgp_counts(rng):
    """Two dimensions by the spectral density, by hand from the linearised form."""
    x = as_float(rng.uniform(-1, 1, (50, 2)))
    lengths, eta = pm.InverseGamma("lengths", 5.0, 5.0, shape=2), pm.Exponential("eta", 1.0)
    gp = pm.gp.HSGP(m=[5, 5], c=2.0, cov_func=eta**2 * pm.gp.cov.ExpQuad(2, lengths))
    phi, root = gp.prior_linearized(X=x)
    f = phi @ (pm.Normal("beta", 0.0, 1.0, shape=25) * root)
    pm.NegativeBinomial("y", mu=pt.exp(f), alpha=2.0, observed=rng.poisson(2.0, 50))


@model()
def hsgp_periodic(rng):
    x = as_float(np.linspace(0, 4, 60)[:, None])
    cov = pm.gp.cov.Periodic(1, period=1.0, ls=pm.InverseGamma("length", 5.0, 5.0))
    gp = pm.gp.HSGPPeriodic(m=8, scale=pm.HalfNormal("scale", 1.0), cov_func=cov)
    f = gp.prior("f", X=x)
    pm.Normal("y", f, pm.HalfNormal("sigma", 1.0), observed=as_float(rng.normal(size=60)))
