"""Every distribution of PyMC: density, gradient and cumulative functions, against PyTensor's Python
backend; inside and outside of the support, and with parameters that are refused."""

from functools import lru_cache

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from distribution_cases import CASES, LEFT_OUT, all_distributions, refusals, symbol, typed
from pymc.logprob.utils import ParameterValueError
from test_models import REFERENCE, TOLERANCE, assert_close, both_dtypes, outcome

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

CUMULATIVE = {"logcdf": pm.logcdf, "logccdf": pm.logccdf, "icdf": pm.icdf}


def test_every_distribution_is_listed():
    listed = {name.partition(",")[0] for name in CASES}
    assert listed & set(LEFT_OUT) == set()
    # PyMC's older name of CustomDist gives the same.
    missing = set(all_distributions()) - listed - set(LEFT_OUT) - {"DensityDist"}
    assert missing == set()


class Graph:
    """Symbols of a case, and what is computed of them."""

    def __init__(self, entry):
        self.entry = entry
        fixed = {
            key: typed(value) if np.ndim(value) else value for key, value in entry.fixed.items()
        }
        self.parameters = {key: symbol(key, value) for key, value in entry.parameters.items()}
        self.variable = entry.build(**self.parameters, **fixed)
        self.value = symbol("value", entry.inside)
        self.probability = symbol("probability", np.zeros(np.shape(entry.inside)))

    def arguments(self, value, parameters=None):
        parameters = self.entry.parameters if parameters is None else parameters
        return [typed(value), *map(typed, parameters.values())]

    def density(self):
        """logp and its gradient for each float."""
        density = pm.logp(self.variable, self.value)
        wanted = [
            variable
            for variable in (self.value, *self.parameters.values())
            if variable.dtype.startswith("float")
            and variable.name not in self.entry.without_gradient
        ]
        return [density, *pt.grad(density.sum(), wanted, disconnected_inputs="ignore")]

    def cumulative(self, kind):
        value = self.probability if kind == "icdf" else self.value
        return [CUMULATIVE[kind](self.variable, value)]

    def function(self, kind, outputs, mode):
        value = self.probability if kind == "icdf" else self.value
        inputs = [value, *self.parameters.values()]
        return pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")


def calls(graph, kind):
    """Arguments: inside of the support, outside, with parameters that are refused."""
    entry = graph.entry
    if kind == "icdf":
        probabilities = np.linspace(0.1, 0.9, np.size(entry.inside))
        yield "inside", graph.arguments(probabilities.reshape(np.shape(entry.inside)))
        yield "outside", graph.arguments(2 * probabilities.reshape(np.shape(entry.inside)) - 0.5)
    else:
        yield "inside", graph.arguments(entry.inside)
        if entry.outside is not None:
            yield "outside", graph.arguments(entry.outside)
    for parameters in refusals(entry):
        yield "refused", graph.arguments(entry.inside, parameters)


@lru_cache(maxsize=8)  # the executors follow each other
def expected(name, kind, floatx):
    """The graph, its outputs, and what the reference makes of each call."""
    graph = Graph(CASES[name])
    outputs = graph.density() if kind == "logp" else graph.cumulative(kind)
    reference = graph.function(kind, outputs, REFERENCE)
    with np.errstate(all="ignore"):
        wanted = [
            (place, values, outcome(reference, *values)) for place, values in calls(graph, kind)
        ]
    return graph, outputs, wanted


def check(name, kind, floatx):
    graph, outputs, wanted = expected(name, kind, floatx)
    entry = graph.entry
    tolerance = entry.tolerance or TOLERANCE[floatx][0 if entry.factorises else 1]
    f = graph.function(kind, outputs, "GEMMULE")
    for place, values, want in wanted:
        with np.errstate(all="ignore"):
            got = outcome(f, *values)
        if kind == "logp":
            refused = place == "refused" or (place == "outside" and isinstance(want, type))
            assert (want is ParameterValueError) == refused
            assert place != "outside" or refused or np.isneginf(want[0]).any()
        if isinstance(want, type):
            assert got is want
            continue
        assert not isinstance(got, type), f"raises {got}"
        if place == "outside":
            got, want = got[:1], want[:1]
        for a, b in zip(got, want, strict=True):
            if kind == "logp" and place == "inside":
                assert_close(a, b, tolerance)
            else:  # there are infinities and NaN
                assert (a.dtype, a.shape) == (b.dtype, b.shape)
                largest = np.abs(b[np.isfinite(b)]).max(initial=0.0)
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * largest)
    reasons = [item.reason for item in gemmule.explain(f).fallbacks]
    if kind in entry.fallbacks:
        assert reasons
        assert all(entry.fallbacks[kind] in reason for reason in reasons)
    else:
        assert reasons == []


@both_dtypes
@pytest.mark.parametrize("name", CASES)
def test_density_and_gradient(name, floatx):
    check(name, "logp", floatx)


def with_cumulative():
    """Names and kinds for those that PyMC knows the function of."""
    for name, entry in CASES.items():
        for kind in CUMULATIVE if entry.cumulative else ():
            yield name, kind


@both_dtypes
@pytest.mark.parametrize(("name", "kind"), list(with_cumulative()))
def test_cumulative(name, kind, floatx):
    try:
        Graph(CASES[name]).cumulative(kind)
    except NotImplementedError:
        pytest.skip("PyMC has none")
    check(name, kind, floatx)


SCALAR = [
    name
    for name, entry in CASES.items()
    if entry.parameters
    and np.ndim(entry.inside) == 1
    and all(np.ndim(value) == 0 for value in entry.parameters.values())
    and entry.cumulative
    and "logp" not in entry.fallbacks
]


@pytest.mark.parametrize("name", SCALAR)
def test_parameters_broadcast(name):
    """A column of values, and a row of each parameter of which no two are the same."""
    entry = CASES[name]
    parameters = {
        key: typed(np.array([1.0, 0.99, 1.01]) * value if isinstance(value, float) else [value] * 3)
        for key, value in entry.parameters.items()
    }
    symbols = {
        key: pt.tensor(key, dtype=value.dtype, shape=(None,)) for key, value in parameters.items()
    }
    values = typed(entry.inside)[:, None]
    value = pt.tensor("value", dtype=values.dtype, shape=(None, 1))
    density = pm.logp(entry.build(**symbols), value)
    wanted = [
        variable
        for variable in (value, *symbols.values())
        if variable.dtype.startswith("float") and variable.name not in entry.without_gradient
    ]
    outputs = [density, *pt.grad(density.sum(), wanted, disconnected_inputs="ignore")]
    functions = [
        pytensor.function([value, *symbols.values()], outputs, mode=mode, on_unused_input="ignore")
        for mode in ("GEMMULE", REFERENCE)
    ]
    assert gemmule.explain(functions[0]).fallbacks == []
    with np.errstate(all="ignore"):
        got, want = (f(values, *parameters.values()) for f in functions)
    for a, b in zip(got, want, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        tolerance = entry.tolerance or 1e-12
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())
