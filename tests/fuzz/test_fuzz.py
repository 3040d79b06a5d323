"""A few random graphs with every run of the tests; `make fuzz` runs many."""

import pytensor
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import gemmule
from fuzz.compare import Failure, check
from fuzz.generate import generate
from fuzz.minimise import minimise


@pytest.fixture(autouse=True)
def no_c_compiler():
    """PyTensor's Python linker compiles some inner functions with C, which takes seconds each."""
    with pytensor.config.change_flags(cxx=""):
        yield


def run(source, executor, own_rewrites):
    try:
        check(source, executor, own_rewrites)
    except Failure as failure:
        kind = failure.kind

        def fails(smaller):
            try:
                check(smaller, executor, own_rewrites)
            except Failure as other:
                return other.kind == kind
            return False

        text = minimise(source, fails).text()
        pytest.fail(f"{failure}\non the executor {executor}:\n\n{text}", pytrace=False)


@settings(
    max_examples=75,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # the programs are made small as text, see minimise.py
    suppress_health_check=list(HealthCheck),
)
@given(random=st.randoms(use_true_random=True), own_rewrites=st.sampled_from([False, False, True]))
@pytest.mark.parametrize("executor", ["cpu", "mlx"])
def test_random_graphs(executor, random, own_rewrites):
    run(generate(random), executor, own_rewrites)


def test_what_is_wrong_is_noticed(monkeypatch):
    """A function that is off by a few roundings more than it may be, and one that is not."""
    from random import Random

    from fuzz.program import Source

    source = Source(
        [("x0", 'pt.tensor("x0", dtype="float64", shape=(None,))')],
        [(("v0",), "pt.exp(x0) - 1")],
        ["v0"],
        [['np.array([0.5, 1e-9, nan], "float64")']],
    )
    check(source)
    run_native = gemmule.compiled.CompiledSegment.run

    def off(self, values):
        return [result * (1 + 1e-12) for result in run_native(self, values)]

    monkeypatch.setattr(gemmule.compiled.CompiledFunction, "direct", lambda self: None)
    monkeypatch.setattr(gemmule.compiled.CompiledSegment, "run", off)
    with pytest.raises(Failure, match="value: output 0 has"):
        check(source)
    monkeypatch.setattr(
        gemmule.compiled.CompiledSegment,
        "run",
        lambda self, values: [result.astype("float32") for result in run_native(self, values)],
    )
    with pytest.raises(Failure, match="dtype: output 0 is float32, not float64"):
        check(source)
    assert generate(Random(3)).text() == generate(Random(3)).text()
