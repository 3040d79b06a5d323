"""Densities and gradients of PyMC models, against PyTensor's Python backend."""

from functools import lru_cache
from itertools import product

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.blocking import DictToArrayBijection, RaveledVars
from pymc.pytensorf import join_nonshared_inputs
from pytensor.compile.mode import Mode
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise
from zoo import ZOO

import gemmule
from gemmule import fallback
from gemmule.frontend.registry import _LOWERINGS, lowering_of, unsupported

pytestmark = pytest.mark.usefixtures("executor")

# All of PyTensor's rewrites but those that serve its C backend.
REFERENCE = Mode("py", "fast_run").excluding("fusion", "inplace", "BlasOpt", "cxx_only")

# Relative error that rounding explains: (models with a factorisation, others).
TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (1e-3, 1e-5)}

both_dtypes = pytest.mark.parametrize(
    ("floatx", "executor"),
    [("float64", "cpu"), ("float32", "cpu"), ("float64", "mlx")],
    indirect=True,
)


def points(model):
    """The initial point of a model, and points around it."""
    start = DictToArrayBijection.map(model.initial_point())
    rng = np.random.default_rng(7)
    for spread in (0.0, 0.1, 0.5):
        moved = start.data + spread * rng.normal(size=start.data.shape)
        yield RaveledVars(moved.astype(start.data.dtype), start.point_map_info)


def assert_close(got, want, tolerance):
    """Equal dtype and shape; errors are relative to the largest element."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert np.isfinite(want).all()
    assert np.abs(got - want).max() <= tolerance * np.abs(want).max()


@lru_cache(maxsize=2)  # the executors follow each other
def expected(name, floatx):
    """Input and outputs of a density and its gradient, and points with both.

    As in `logp_dlogp_function`, but the graph, which takes longest, is made once for all modes.
    """
    model = ZOO[name].build()
    start = model.initial_point()
    [density, gradient], joined = join_nonshared_inputs(
        point={variable.name: start[variable.name] for variable in model.value_vars},
        outputs=[model.logp(), model.dlogp()],
        inputs=model.value_vars,
    )
    graph = [joined], [density, gradient]
    reference = pytensor.function(*graph, mode=REFERENCE)
    return graph, [(point.data, reference(point.data)) for point in points(model)]


def zoo(executor, floatx):
    """The models that are compared in this dtype; those that take long are marked."""
    for name, entry in ZOO.items():
        if floatx == "float64" or entry.float32:
            marks = [pytest.mark.slow] if entry.slow else []
            yield pytest.param(
                name, floatx, executor, marks=marks, id=f"{name}-{floatx}-{executor}"
            )


# A model after the other, so that what is expected of it is computed once.
ALL_MODELS = sorted(
    (p for which in product(("cpu", "mlx"), ("float64", "float32")) for p in zoo(*which)),
    key=lambda p: list(ZOO).index(p.values[0]),
)


@pytest.mark.parametrize(
    ("name", "floatx", "executor"), ALL_MODELS, indirect=["floatx", "executor"]
)
def test_density_and_gradient(name, floatx):
    entry = ZOO[name]
    graph, wanted = expected(name, floatx)
    f = pytensor.function(*graph, mode="GEMMULE")
    tolerance = TOLERANCE[floatx][0 if entry.factorises else 1]
    for point, (want_density, want_gradient) in wanted:
        density, gradient = f(point)
        assert_close(density, want_density, tolerance)
        assert_close(gradient, want_gradient, tolerance)
    reasons = [item.reason for item in gemmule.explain(f).fallbacks]
    if entry.fallbacks:
        assert reasons
        assert all(entry.fallbacks in reason for reason in reasons)
    else:
        assert reasons == []


def test_loop_over_many_scalars_is_compiled(monkeypatch):
    """The second call passes the limit; Numba is replaced by what compiles quickly."""
    lower = lowering_of(pt.add)

    def without_loops(node, inputs, builder):
        if isinstance(node.op.scalar_op, ScalarLoop):
            raise unsupported("no loops in this test")
        return lower(node, inputs, builder)

    monkeypatch.setitem(_LOWERINGS, Elemwise, without_loops)
    monkeypatch.setattr(fallback, "ELEMENTS_IN_PYTHON", 3)
    monkeypatch.setattr(fallback, "Mode", lambda linker, optimizer: Mode("py", optimizer))
    a, x = pt.scalar("a"), pt.vector("x")
    slope = pt.grad(pt.gammainc(a, x).sum(), a)
    f = pytensor.function([a, x], slope, mode="GEMMULE")
    assert gemmule.explain(f).fallbacks
    for values in (2.5, [0.5, 1.0, 4.0]), (1.5, [0.25, 3.0]):
        want = pytensor.function([a, x], slope, mode=REFERENCE)(*values)
        np.testing.assert_allclose(f(*values), want, rtol=1e-12)


@pytest.mark.parametrize("name", ["eight_schools", "radon", "gp_latent", "stochastic_volatility"])
def test_parameters_that_are_not_finite(name):
    model = ZOO[name].build()
    f = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
    reference = model.logp_dlogp_function(ravel_inputs=True, mode=REFERENCE)
    start = DictToArrayBijection.map(model.initial_point())
    for index, value in product((0, start.data.size - 1), (np.nan, np.inf, -np.inf)):
        data = start.data.copy()
        data[index] = value
        point = RaveledVars(data, start.point_map_info)
        with np.errstate(all="ignore"):
            want = outcome(reference, point)
            got = outcome(f, point)
        if isinstance(want, type):
            assert got is want
        else:
            for a, b in zip(got, want, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9)


def outcome(f, *values):
    """The results, or the type of what was raised."""
    try:
        return f(*values)
    except Exception as error:
        return type(error)


# -- covariances that are none ---------------------------------------------------------------------

NOT_POSITIVE_DEFINITE = {
    "negative": -np.eye(4),
    "indefinite": np.eye(4) - 0.9 * (np.ones((4, 4)) - np.eye(4)),
    "last pivot": np.diag([1.0, 1.0, 1.0, -1e-3]),
    "zero": np.zeros((4, 4)),
    "nan": np.full((4, 4), np.nan),
}
not_positive_definite = pytest.mark.parametrize(
    "cov", NOT_POSITIVE_DEFINITE.values(), ids=NOT_POSITIVE_DEFINITE
)


@both_dtypes
@not_positive_definite
@pytest.mark.parametrize("parameter", ["cov", "tau"])
def test_mvnormal_refuses_what_is_no_covariance(cov, parameter, floatx):
    matrix = pt.matrix("matrix", shape=(4, 4))
    x = pt.vector("x", shape=(4,))
    density = pm.logp(pm.MvNormal.dist(mu=np.zeros(4), **{parameter: matrix}), x)
    f = pytensor.function([x, matrix], density, mode="GEMMULE")
    assert gemmule.explain(f).fallbacks == []
    reference = pytensor.function([x, matrix], density, mode=REFERENCE)
    values = np.ones(4, floatx), cov.astype(floatx)
    with np.errstate(all="ignore"):
        want = outcome(reference, *values)
    singular = want is np.linalg.LinAlgError  # the inverse of tau comes before the check
    with pytest.raises(want, match="Singular" if singular else "posdef"):
        f(*values)
    good = np.eye(4, dtype=floatx)
    np.testing.assert_allclose(f(values[0], good), reference(values[0], good), rtol=1e-6)


@both_dtypes
@not_positive_definite
@pytest.mark.parametrize("lower", [True, False])
def test_cholesky_of_what_is_no_covariance_is_nan(cov, lower, floatx):
    matrix = pt.matrix("matrix")
    f = pytensor.function([matrix], pt.linalg.cholesky(matrix, lower=lower), mode="GEMMULE")
    result = f(cov.astype(floatx))
    assert result.shape == (4, 4)
    if np.isnan(cov).any():  # as LAPACK: NaN stays, and the other triangle is zero as ever
        assert np.isnan(result[np.tril_indices(4) if lower else np.triu_indices(4)]).all()
    else:
        assert np.isnan(result).all()


def test_one_bad_matrix_of_a_batch():
    matrices = pt.tensor3("matrices")
    f = pytensor.function([matrices], pt.linalg.cholesky(matrices), mode="GEMMULE")
    result = f(np.stack([np.eye(3), -np.eye(3), 4 * np.eye(3)]))
    np.testing.assert_array_equal(result[0], np.eye(3))
    assert np.isnan(result[1]).all()
    np.testing.assert_array_equal(result[2], 2 * np.eye(3))


# -- PyMC's functions ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_sample():
    with ZOO["eight_schools"].build():
        trace = pm.sample(
            draws=20,
            tune=20,
            chains=2,
            cores=1,
            random_seed=1,
            progressbar=False,
            compute_convergence_checks=False,
            compile_kwargs={"mode": "GEMMULE"},
        )
        assert trace.posterior["theta"].shape == (2, 20, 8)
        assert np.isfinite(trace.posterior["tau"]).all()
        again = pm.sample_posterior_predictive(
            trace, random_seed=1, progressbar=False, compile_kwargs={"mode": "GEMMULE"}
        )
        assert again.posterior_predictive["y"].shape == (2, 20, 8)


@pytest.mark.parametrize("name", ["eight_schools", "radon", "lkj_random_effects", "gp_latent"])
def test_sample_prior_predictive(name):
    draws = []
    for mode in ("GEMMULE", "FAST_COMPILE"):
        with ZOO[name].build():
            prior = pm.sample_prior_predictive(3, random_seed=1, compile_kwargs={"mode": mode})
        draws.append(prior.prior_predictive["y"].to_numpy())
    np.testing.assert_allclose(*draws, rtol=1e-6)


def test_draw():
    x = pm.Normal.dist(0.0, 1.0, shape=5)
    y = pt.exp(x) + pm.Poisson.dist(3.0, shape=5)
    got = pm.draw(y, draws=4, random_seed=3, mode="GEMMULE")
    np.testing.assert_allclose(got, pm.draw(y, draws=4, random_seed=3, mode="FAST_COMPILE"))
