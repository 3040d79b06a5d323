"""Log densities of distributions that the models leave out, with gradients for every parameter."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from test_models import REFERENCE, assert_close

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

# Name, parameters, values inside the support.
CONTINUOUS = [
    ("Kumaraswamy", {"a": 1.3, "b": 2.1}, [0.2, 0.9]),
    ("AsymmetricLaplace", {"kappa": 1.3, "mu": 0.1, "b": 1.1}, [0.2, -3.0]),
    ("InverseGamma", {"alpha": 1.7, "beta": 2.1}, [0.2, 3.0]),
    ("SkewNormal", {"mu": 0.1, "sigma": 1.3, "alpha": 2.0}, [0.2, -3.0]),
    ("SkewStudentT", {"a": 2.0, "b": 3.0, "mu": 0.1, "sigma": 1.3}, [0.2, -3.0]),
    ("ExGaussian", {"mu": 0.1, "sigma": 1.3, "nu": 0.8}, [0.2, -3.0, 5.0]),
    ("VonMises", {"mu": 0.1, "kappa": 1.3}, [0.2, -2.0]),
    ("Triangular", {"lower": -1.0, "c": 0.2, "upper": 2.0}, [-0.5, 1.0]),
    ("TruncatedNormal", {"mu": 0.1, "sigma": 1.3, "lower": -1.0, "upper": 2.0}, [0.2, 1.0]),
    ("Wald", {"mu": 1.1, "lam": 1.3}, [0.2, 2.0]),
    ("Pareto", {"alpha": 1.1, "m": 1.3}, [1.4, 2.0]),
    ("LogitNormal", {"mu": 0.1, "sigma": 1.3}, [0.2, 0.8]),
    ("Moyal", {"mu": 0.1, "sigma": 1.3}, [0.2, -1.0]),
    ("Rice", {"nu": 0.7, "sigma": 1.3}, [0.2, 1.0]),
    ("HurdleLogNormal", {"psi": 0.4, "mu": 0.3, "sigma": 1.1}, [0.0, 4.0]),
]
DISCRETE = [
    ("Geometric", {"p": 0.3}, [1, 3]),
    ("DiscreteWeibull", {"q": 0.6, "beta": 1.3}, [0, 3]),
    ("ZeroInflatedNegativeBinomial", {"psi": 0.4, "mu": 1.3, "alpha": 2.0}, [0, 4]),
    ("HurdlePoisson", {"psi": 0.4, "mu": 1.3}, [0, 4]),
]


@pytest.mark.parametrize("name, parameters, values", CONTINUOUS + DISCRETE)
def test_logp_and_gradient(name, parameters, values):
    symbols = {key: pt.scalar(key) for key in parameters}
    x = pt.vector("x", dtype="float64" if isinstance(values[0], float) else "int64")
    density = pm.logp(getattr(pm, name).dist(**symbols), x)
    wanted = [*symbols.values()] + ([x] if x.dtype == "float64" else [])
    outputs = [density, *pt.grad(density.sum(), wanted)]
    f = pytensor.function([x, *symbols.values()], outputs, mode="GEMMULE")
    assert gemmule.explain(f).fallbacks == []
    reference = pytensor.function([x, *symbols.values()], outputs, mode=REFERENCE)
    arguments = np.array(values, x.dtype), *parameters.values()
    with np.errstate(all="ignore"):
        for got, want in zip(f(*arguments), reference(*arguments), strict=True):
            assert_close(got, want, 1e-12)
