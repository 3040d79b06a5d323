"""Exported files: the same values in a fresh process, without PyTensor, in C and in C++."""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest

import gemmule
from gemmule import _core

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "models"))
from zoo import ZOO  # noqa: E402


def compiled(inputs, outputs, **kwargs):
    return pytensor.function(inputs, outputs, mode="GEMMULE", **kwargs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "program.gemmule"


# -- functions -------------------------------------------------------------------------------------


def test_a_function_runs_from_its_file(path):
    x, n = pt.matrix("x"), pt.lscalar("n")
    table = pytensor.shared(np.arange(100.0).reshape(4, 25), name="table")
    f = compiled([x, n], [pt.exp(-x) @ table, pt.arange(n)])
    gemmule.export(f, path)
    loaded = gemmule.load(path)
    assert loaded.inputs == [("x", "float64", (None, None)), ("n", "int64", ())]
    assert [name for name, _, _ in loaded.outputs] == ["output_0", "output_1"]
    value = np.random.default_rng(1).normal(size=(3, 4))
    for got, want in zip(loaded(value, 7), f(value, 7), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype
    np.testing.assert_array_equal(loaded.data["table"], table.get_value())
    changed = loaded.with_data(table=np.ones((4, 2), "int64"))
    np.testing.assert_allclose(changed(value, 0)[0], np.exp(-value) @ np.ones((4, 2)))
    with pytest.raises(TypeError, match=r"it cannot become c128"):
        loaded.with_data(table=np.ones((4, 2), complex))
    assert repr(loaded) == "<gemmule.Program: main; data: table>"


def test_a_single_output_is_an_array(path):
    x = pt.vector("x")
    gemmule.export(compiled([x], pt.exp(x)), path)
    np.testing.assert_array_equal(gemmule.load(path)(np.zeros(2)), [1.0, 1.0])
    gemmule.export(compiled([x], [pt.exp(x)]), str(path))
    [result] = gemmule.load(str(path))(np.zeros(2))
    np.testing.assert_array_equal(result, [1.0, 1.0])


def test_programs_are_pickled(path):
    x = pt.vector("x")
    gemmule.export(compiled([x], pt.exp(x)), path)
    loaded = pickle.loads(pickle.dumps(gemmule.load(path)))
    np.testing.assert_array_equal(loaded(np.zeros(2)), [1.0, 1.0])
    loaded.save(path.with_suffix(".again"))
    assert path.with_suffix(".again").read_bytes() == path.read_bytes()


def test_what_cannot_be_exported(path):
    with pytest.raises(TypeError, match=r"a pymc.Model, not int"):
        gemmule.export(3, path)
    x = pt.vector("x")
    with pytest.raises(TypeError, match="not one of another mode"):
        gemmule.export(pytensor.function([x], x.sum(), mode="FAST_COMPILE"), path)
    with pm.Model() as model:
        pm.Poisson("count", 3.0)
        pm.Normal("x")
    with pytest.raises(gemmule.UnsupportedError, match="no gradient in count: discrete"):
        gemmule.export(model, path)
    with pytest.raises(gemmule.UnsupportedError, match="it has no free variables"):
        gemmule.export(pm.Model(), path)
    x = pt.vector("x")
    rng = pytensor.shared(np.random.default_rng(1))
    draw = rng_draw = pt.random.normal(x, rng=rng, return_next_rng=True)[1]
    with pytest.raises(gemmule.UnsupportedError, match="it draws random numbers"):
        gemmule.export(compiled([x], draw + 0 * rng_draw), path)
    with pytest.raises(FileNotFoundError):
        gemmule.export(compiled([x], pt.exp(x)), path.parent / "nowhere" / "program")
    assert not path.exists()


def test_files_that_are_damaged(path):
    x = pt.vector("x")
    gemmule.export(compiled([x], pt.exp(x)), path)
    good = path.read_bytes()
    with pytest.raises(FileNotFoundError):
        gemmule.load(path.parent / "nowhere")
    path.write_bytes(good[:-10])
    with pytest.raises(
        ValueError, match=r"program.gemmule: the file ends early: 10 bytes are missing"
    ):
        gemmule.load(path)
    middle = len(good) // 2
    path.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    with pytest.raises(ValueError, match="the file is damaged: section"):
        gemmule.load(path)
    path.write_text("import gemmule")
    with pytest.raises(ValueError, match="this is no program of Gemmule's"):
        gemmule.load(path)


# -- models ----------------------------------------------------------------------------------------

MODELS = [
    pytest.param(name, marks=[pytest.mark.long] if entry.slow else [])
    for name, entry in ZOO.items()
    if not entry.fallbacks
]
EVERY_DAY = [
    "eight_schools", "radon", "gp_latent", "stochastic_volatility", "ordered_regression",
    "hidden_markov", "mvnormal_64",
]  # fmt: skip


def point_of(model, seed=1):
    start = model.initial_point()
    rng = np.random.default_rng(seed)
    return {
        v.name: start[v.name] + 0.1 * rng.normal(size=start[v.name].shape) for v in model.value_vars
    }


def flat(point, model):
    return np.concatenate([np.ravel(point[v.name]) for v in model.value_vars])


@pytest.mark.parametrize("name", [name for name in EVERY_DAY if name in ZOO])
def test_a_model_runs_from_its_file(name, path):
    model = ZOO[name].build()
    gemmule.export(model, path)
    loaded = gemmule.load(path)
    assert list(loaded.variables) == [v.name for v in model.value_vars]
    np.testing.assert_array_equal(loaded.initial_point, flat(model.initial_point(), model))
    unobserved = model.unobserved_value_vars
    outputs = [model.logp(), model.dlogp(), *unobserved]
    f = compiled(model.value_vars, outputs, on_unused_input="ignore")
    for seed in range(3):
        point = point_of(model, seed)
        want_logp, want_gradient, *want_draw = f(*[point[v.name] for v in model.value_vars])
        logp, gradient = loaded.logp_and_gradient(flat(point, model))
        np.testing.assert_allclose(logp, want_logp, rtol=1e-9)
        scale = np.abs(want_gradient).max()
        np.testing.assert_allclose(gradient, want_gradient, rtol=1e-8, atol=1e-8 * scale)
        draw = loaded.expand(flat(point, model))
        assert list(draw) == [v.name for v in unobserved]
        for got, want in zip(draw.values(), want_draw, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
            assert got.shape == want.shape


def test_data_of_a_model_are_replaced(path):
    def build(x, y):
        with pm.Model() as model:
            slope = pm.Normal("slope")
            covariate = pm.Data("x", x)
            pm.Normal("y", slope * covariate, 0.5, observed=pm.Data("observed", y))
        return model

    rng = np.random.default_rng(1)
    gemmule.export(build(np.ones(3), np.zeros(3)), path)
    loaded = gemmule.load(path)
    assert sorted(loaded.data) == ["observed", "x"]
    x, y = rng.normal(size=8), rng.normal(size=8)
    logp, gradient = loaded.with_data(x=x, observed=y).logp_and_gradient([0.3])
    model = build(x, y)
    point = {"slope": np.array(0.3)}
    np.testing.assert_allclose(logp, model.compile_logp()(point), rtol=1e-12)
    np.testing.assert_allclose(gradient, model.compile_dlogp()(point), rtol=1e-12)


def test_shapes_of_variables_follow_from_data(path):
    """Other data have other sizes: what follows from them is cut out of a draw at other places."""
    with pm.Model() as model:
        slope = pm.Normal("slope")
        x, w = pm.Data("x", np.arange(3.0)), pm.Data("w", np.ones((2, 2)))
        pm.Deterministic("line", slope * x)
        pm.Deterministic("outer", pt.outer(w[0], x) * slope)
        pm.Deterministic("double", 2 * slope)
    gemmule.export(model, path)
    loaded = gemmule.load(path)
    draw = loaded.expand([2.0])
    assert {k: v.shape for k, v in draw.items()} == {
        "slope": (), "line": (3,), "outer": (2, 3), "double": ()
    }  # fmt: skip
    changed = loaded.with_data(x=np.array([5.0, 7, 9, 11]), w=np.full((1, 3), 10.0))
    changed.save(path)
    for program in (changed, gemmule.load(path)):
        draw = program.expand([2.0])
        assert draw["slope"] == 2 and draw["double"] == 4
        np.testing.assert_array_equal(draw["line"], [10, 14, 18, 22])
        np.testing.assert_array_equal(draw["outer"], np.outer([10.0] * 3, [10, 14, 18, 22]))
    assert loaded.with_data(x=np.zeros(0)).expand([2.0])["line"].shape == (0,)
    assert loaded.expand([1.0])["line"].shape == (3,)


def test_what_pymc_makes_of_a_function_is_exported(path):
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, observed=1.0)
    gemmule.export(model.compile_logp(mode="GEMMULE"), path)
    loaded = gemmule.load(path)
    assert loaded.inputs == [("mu", "float64", ())]
    np.testing.assert_allclose(loaded(0.25), model.compile_logp()({"mu": 0.25}))


def test_sizes_beyond_all_memory_are_an_error():
    n, x = pt.lscalar("n"), pt.scalar("x")
    f = compiled([n, x], pt.cumsum(pt.alloc(x, n, n), axis=0).sum())
    assert f(3, 1) == 18
    # The number of elements is 0 modulo 2**64, that of bytes for the second.
    for size in (2**32, 2**31):
        with pytest.raises(ValueError, match="larger than any memory"):
            f(size, 1)


def test_a_parameter_out_of_range_is_minus_infinity(path):
    with pm.Model() as model:
        sigma = pm.Normal("sigma")
        pm.Normal("y", 0, sigma, observed=[1.0])
    gemmule.export(model, path)
    assert gemmule.load(path).logp_and_gradient([-1.0])[0] == -np.inf


def test_files_of_format_1_stay_readable():
    """What examples/cpp/export_model.py wrote when there was no other format."""
    loaded = gemmule.load(ROOT / "tests" / "files" / "format_1.gemmule")
    assert loaded.variables == {"mu": (), "tau_log__": (), "z": (8,)}
    x = np.linspace(-1, 1, 10)
    mu, log_tau, z = x[0], x[1], x[2:]
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def normal(value, mean, scale):
        d = (value - mean) / scale
        return np.sum(-0.5 * d**2 - np.log(scale) - 0.5 * np.log(2 * np.pi))

    # A half-normal tau, with the Jacobian of its logarithm.
    prior = normal(mu, 0, 5) + normal(np.exp(log_tau), 0, 5) + np.log(2) + log_tau
    want = prior + normal(z, 0, 1) + normal(y, mu + np.exp(log_tau) * z, sigma)
    logp, gradient = loaded.logp_and_gradient(x)
    # PyMC's half-normal has a constant in float32.
    np.testing.assert_allclose(logp, want, rtol=1e-8)
    d_mu = -mu / 25 + np.sum((y - mu - np.exp(log_tau) * z) / sigma**2)
    np.testing.assert_allclose(gradient[0], d_mu, rtol=1e-12)
    draw = loaded.expand(x)
    np.testing.assert_allclose(draw["theta"], mu + np.exp(log_tau) * z, rtol=1e-14)


# -- without PyTensor ------------------------------------------------------------------------------

WITHOUT = """
import importlib.abc, json, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pytensor", "pymc", "arviz", "scipy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import gemmule

results = []
for path, x in json.load(sys.stdin):
    loaded = gemmule.load(path)
    logp, gradient = loaded.logp_and_gradient(x)
    results.append([logp, gradient.tolist(), {k: v.tolist() for k, v in loaded.expand(x).items()}])
try:
    gemmule.explain
except ModuleNotFoundError as error:
    message = str(error)
assert "pytensor" not in sys.modules and "pymc" not in sys.modules
print(json.dumps([message, results]))
"""


def test_a_fresh_process_needs_neither_pytensor_nor_pymc(tmp_path):
    files, expected = [], []
    for name in ("eight_schools", "radon", "hidden_markov"):
        model = ZOO[name].build()
        path = tmp_path / f"{name}.gemmule"
        gemmule.export(model, path)
        x = flat(point_of(model), model)
        loaded = gemmule.load(path)
        logp, gradient = loaded.logp_and_gradient(x)
        draw = {name: value.tolist() for name, value in loaded.expand(x).items()}
        files.append([str(path), x.tolist()])
        expected.append([logp, gradient.tolist(), draw])
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(files), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    message, results = json.loads(run.stdout)
    assert message == "gemmule.explain needs PyTensor, which is not installed"
    assert results == expected


# -- in C and C++ ----------------------------------------------------------------------------------


def build_folder() -> Path:
    """Of CMake, in which the module was built."""
    return Path(_core.__file__).resolve().parents[2]


def cmake() -> str:
    found = Path(sys.executable).parent / "cmake"
    return str(found) if found.exists() else "cmake"


def run(*command, **kwargs):
    result = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The programs of examples/cpp, built as a user would: against an installed Gemmule."""
    built = build_folder()
    run(cmake(), "--build", str(built), "--target", "gemmule")
    folder = tmp_path_factory.mktemp("cpp")
    run(
        cmake(),
        "--install",
        str(built),
        "--component",
        "gemmule_cpp",
        "--prefix",
        f"{folder}/installed",
    )
    run(
        cmake(), "-S", str(ROOT / "examples" / "cpp"), "-B", str(folder / "build"),
        f"-DCMAKE_PREFIX_PATH={folder}/installed", "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror",
        "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror",
    )  # fmt: skip
    run(cmake(), "--build", str(folder / "build"))
    return folder / "build"


#: Of a process that finds no Python package.
BARE = {"PATH": "/usr/bin:/bin"}


def test_c_program(examples, path):
    model = ZOO["eight_schools"].build()
    gemmule.export(model, path)
    lines = run(str(examples / "density"), str(path), env=BARE).splitlines()
    loaded = gemmule.load(path)
    logp, gradient = loaded.logp_and_gradient(loaded.initial_point)
    name, value = lines[0].split()
    assert (name, float(value)) == ("logp", logp)
    end = 0
    for line, (name, shape) in zip(lines[1:], loaded.variables.items(), strict=True):
        assert line.split()[0] == name
        assert float(line.split()[1]) == gradient[end]
        end += int(np.prod(shape, dtype=int))
    path.write_bytes(path.read_bytes()[:100])
    failed = subprocess.run([examples / "density", path], capture_output=True, text=True)
    assert failed.returncode == 1
    assert re.search(r"the file ends early: \d+ bytes are missing", failed.stderr)


def conjugate():
    """A regression with a known posterior: its model, means and standard deviations."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 3))
    y = x @ [1.0, -2.0, 0.5] + rng.normal(size=60)
    with pm.Model() as model:
        slope = pm.Normal("slope", 0, 2, shape=3)
        pm.Deterministic("first_two", slope[:2].sum())
        pm.Normal("y", x @ slope, 1, observed=y)
    covariance = np.linalg.inv(x.T @ x + np.eye(3) / 4)
    mean = covariance @ (x.T @ y)
    both = np.array([1.0, 1.0, 0.0])
    means = [*mean, both @ mean]
    sds = [*np.sqrt(np.diag(covariance)), np.sqrt(both @ covariance @ both)]
    return model, ["slope[0]", "slope[1]", "slope[2]", "first_two"], means, sds


def test_cpp_program_samples_the_posterior(examples, path):
    model, names, means, sds = conjugate()
    gemmule.export(model, path)
    out = run(str(examples / "sample"), str(path), "4000", "7", env=BARE)
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == names
    for (_, mean, sd, draws), want_mean, want_sd in zip(rows, means, sds, strict=True):
        assert float(draws) > 1000
        error = want_sd / np.sqrt(float(draws))
        assert abs(float(mean) - want_mean) < 5 * error
        assert abs(float(sd) - want_sd) < 5 * error
    again = run(str(examples / "sample"), str(path), "4000", "7", env=BARE)
    assert again == out


def test_cpp_program_says_what_is_wrong(examples, path):
    """Each chain is a thread: its errors are told, and end the program."""

    def error_of(*arguments):
        failed = subprocess.run(
            [examples / "sample", path, *arguments], capture_output=True, text=True, timeout=60
        )
        return failed.returncode, failed.stderr.strip()

    index = pytensor.shared(np.array([0, 1]), name="index")
    with pm.Model() as model:
        a = pm.Normal("a", shape=2)
        pm.Potential("p", a[index].sum())
    gemmule.export(model, path)
    for draws in ("0", "-3", "many"):
        assert error_of(draws) == (2, f"the number of draws is at least 1, not {draws}")
    gemmule.load(path).with_data(index=np.array([0, 7])).save(path)
    status, error = error_of("10")
    assert status == 1 and "out of bounds" in error
    with pm.Model() as model:
        pm.Normal("b")
        pm.Potential("p", pt.constant(-np.inf))
    gemmule.export(model, path)
    assert error_of("10") == (1, "the density is not finite at the initial point")


def test_cpp_program_samples_eight_schools(examples, path):
    """A normal with scale 5 for mu, a half-Cauchy for tau: means that every sampler finds."""
    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", shape=8)
        pm.Normal("y", mu + tau * z, sigma, observed=y)
    gemmule.export(model, path)
    out = run(str(examples / "sample"), str(path), "8000", "3", env=BARE)
    rows = {line.split()[0]: [float(v) for v in line.split()[1:]] for line in out.splitlines()[1:]}
    mean, sd, draws = rows["mu"]
    assert abs(mean - 4.4) < 0.25
    assert abs(sd - 3.3) < 0.25
    assert draws > 1000
    mean, _, _ = rows["tau"]
    assert abs(mean - 3.6) < 0.4


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.M | re.S)


def test_c_and_cpp_in_the_document_run(examples, tmp_path, monkeypatch):
    document = ROOT / "docs" / "c-and-cpp.md"
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks(document, "python")), document.name, "exec"), {})
    for name, language in (("CMakeLists.txt", "cmake"), ("main.cpp", "cpp"), ("main.c", "c")):
        [text] = blocks(document, language)
        (tmp_path / name).write_text(text)
    installed = examples.parent / "installed"
    run(cmake(), "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run(cmake(), "--build", "build")
    loaded = gemmule.load("model.gemmule")
    logp, gradient = loaded.logp_and_gradient(loaded.initial_point)
    first = f"{logp:g} {gradient[0]:g}"
    lines = run("build/mine", env=BARE).splitlines()
    assert lines[:3] == [f"{np.exp(-1):g} 1.5", "1", first]
    draw = loaded.expand(loaded.initial_point)
    assert lines[3:] == [f"{name} {value:g}" for name, value in draw.items()]
    wrong = 'x has 3 elements, function "logp" takes 2'
    assert run("build/mine_in_c", env=BARE).splitlines() == [first, wrong]


def test_the_example_exports_its_model(tmp_path):
    path = tmp_path / "eight_schools.gemmule"
    run(sys.executable, str(ROOT / "examples" / "cpp" / "export_model.py"), str(path))
    assert set(gemmule.load(path).variables) == {"mu", "tau_log__", "z"}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_zoo_runs_from_its_file(name, path):
    model = ZOO[name].build()
    gemmule.export(model, path)
    loaded = gemmule.load(path)
    point = point_of(model)
    logp, gradient = loaded.logp_and_gradient(flat(point, model))
    want_logp = model.compile_logp(mode="GEMMULE")(point)
    want_gradient = model.compile_dlogp(mode="GEMMULE")(point)
    np.testing.assert_allclose(logp, want_logp, rtol=1e-9)
    np.testing.assert_allclose(
        gradient, want_gradient, rtol=1e-7, atol=1e-8 * np.abs(want_gradient).max()
    )
