"""The command line: what it prints, JSON, errors and exit statuses."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytest

import gemmule
from gemmule.cli import bench, doctor, mlx_packages, system, terminal
from gemmule.cli.command_line import main

SOURCES = str(Path(gemmule.__file__).parent.parent)

FUNCTION = """
import pytensor
import pytensor.tensor as pt

A, B, C = pt.matrices("A", "B", "C")
f = pytensor.function([A, B, C], 0.5 * (A @ B) + C, mode="GEMMULE")
"""

MODEL = """
import numpy as np
import pymc as pm

print("a line of the file's own")
with pm.Model() as model:
    mu = pm.Normal("mu", 1, 2)
    sigma = pm.HalfNormal("sigma", 1)
    pm.Normal("y", mu, sigma, observed=np.arange(5.0))

if __name__ == "__main__":
    raise AssertionError("this is not the main program")
"""

INPUTS = ["-i", "A=[[1, 2]]", "-i", "B=[[1], [0.5]]", "-i", "C=[[10]]"]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a Python file of a name that no other test has; its path."""
    numbers = iter(range(100))
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)

    def write(text):
        path = tmp_path / f"{tmp_path.name.replace('-', '_')}_{next(numbers)}.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    yield write
    for name in set(sys.modules) - modules:
        if name.startswith(tmp_path.name.replace("-", "_")):
            del sys.modules[name]


@pytest.fixture
def call(capsys):
    """Runs a command in this process: (status, stdout, stderr)."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def document(call):
    """The JSON document of a command that succeeds."""

    def document(*arguments):
        status, out, err = call(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)

    return document


def process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gemmule", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SOURCES, "TERM": "xterm-256color", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


# -- run ------------------------------------------------------------------------------------------


def test_run_shows_the_outputs_by_name(call, write):
    status, out, err = call("run", write(FUNCTION), *INPUTS)
    assert (status, err) == (0, "")
    assert out == "output_0  float64[1,1]\n[[11.]]\n"


def test_run_gives_values_types_and_shapes_as_json(document, write):
    path = write(FUNCTION)
    assert document("run", path, *INPUTS) == {
        "file": path,
        "kind": "function",
        "function": "main",
        "inputs": {
            "A": {"dtype": "float64", "shape": [1, 2]},
            "B": {"dtype": "float64", "shape": [2, 1]},
            "C": {"dtype": "float64", "shape": [1, 1]},
        },
        "outputs": {"output_0": {"dtype": "float64", "shape": [1, 1], "value": [[11.0]]}},
    }


def test_run_reads_and_writes_files_of_numpy(call, write, tmp_path):
    a, b, c = (np.random.default_rng(0).normal(size=(3, 3)) for _ in range(3))
    np.savez(tmp_path / "two.npz", A=a, B=b)
    np.save(tmp_path / "c.npy", c.astype("float32"))  # the function wants float64
    out = tmp_path / "out.npz"
    inputs = ("-i", tmp_path / "two.npz", "-i", f"C={tmp_path / 'c.npy'}")
    status, text, err = call("run", write(FUNCTION), *inputs, "-o", out)
    assert (status, err) == (0, "")
    assert text == f"output_0  float64[3,3]\nwritten to {out}\n"
    with np.load(out) as saved:
        expected = 0.5 * (a @ b) + c.astype("float32")
        np.testing.assert_allclose(saved["output_0"], expected, rtol=1e-14)


def test_run_takes_one_array_of_several(document, write, tmp_path):
    np.savez(tmp_path / "all.npz", x=np.full((1, 1), 7.0), C=np.zeros((1, 1)))
    inputs = ["-i", "A=[[1, 2]]", *INPUTS[2:4], "-i", f"C={tmp_path}/all.npz"]
    assert document("run", write(FUNCTION), *inputs)["outputs"]["output_0"]["value"] == [[1.0]]


def test_run_evaluates_a_model_at_its_initial_point(document, write):
    result = document("run", write(MODEL))
    assert result["kind"] == "model"
    assert list(result["inputs"]) == ["mu", "sigma_log__"]
    assert list(result["outputs"]) == ["logp", "gradient.mu", "gradient.sigma_log__"]
    y, mu = np.arange(5.0), 1.0  # sigma is 1
    assert result["outputs"]["gradient.mu"]["value"] == pytest.approx((y - mu).sum())
    expected = (
        -0.5 * ((y - mu) ** 2).sum()
        - 2.5 * np.log(2 * np.pi)
        - np.log(2 * np.sqrt(2 * np.pi))
        - 0.5
        + 0.5 * np.log(2 / np.pi)
    )
    assert result["outputs"]["logp"]["value"] == pytest.approx(expected)


def test_run_evaluates_a_model_elsewhere(document, write):
    at = document("run", write(MODEL), "-i", "mu=3", "-i", "sigma_log__=0")
    assert at["outputs"]["gradient.mu"]["value"] == pytest.approx(10 - 5 * 3 - (3 - 1) / 4)


def test_what_is_not_finite_and_complex_numbers_in_json(document, write):
    path = write("import pytensor.tensor as pt\nx = pt.vector('x')\nmodel = [pt.log(x), x + 1j]\n")
    values = document("run", path, "-i", "x=[0, -1, 1]")["outputs"]
    assert values["output_0"]["value"] == ["-inf", "nan", 0.0]
    assert values["output_1"]["value"] == [[0.0, 1.0], [-1.0, 1.0], [1.0, 1.0]]


# -- which variable -------------------------------------------------------------------------------


SEVERAL = """
import pytensor
import pytensor.tensor as pt

x = pt.vector("x")
double = pytensor.function([x], 2 * x, mode="GEMMULE")
triple = pytensor.function([x], 3 * x, mode="FAST_RUN")
halved = x / 2
number = 5

def make():
    return pytensor.function([x], 10 * x, mode="GEMMULE")
"""


@pytest.mark.parametrize(
    "name, factor", [("double", 2), ("triple", 3), ("halved", 0.5), ("make", 10)]
)
def test_a_variable_is_chosen_by_name(document, write, name, factor):
    """A function of another mode is compiled again; an expression and what a function makes too."""
    path = write(SEVERAL)
    for file in ([path, "--name", name], [f"{path}:{name}"]):
        result = document("run", *file, "-i", "x=[1, 2]")
        assert result["outputs"]["output_0"]["value"] == [factor, 2 * factor]


def test_a_module_names_a_function(document, tmp_path, monkeypatch, write):
    folder = tmp_path / "package_of_test_cli"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "models.py").write_text(SEVERAL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = document("run", "package_of_test_cli.models:make", "-i", "x=[1]")
    assert result["outputs"]["output_0"]["value"] == [10]


def test_what_pymc_makes_is_a_function(document, write):
    path = write(MODEL + "\nlogp = model.compile_logp(mode='GEMMULE')\n")
    result = document("run", path, "--name", "logp", "-i", "mu=1", "-i", "sigma_log__=0")
    assert result["kind"] == "function"
    assert list(result["inputs"]) == ["mu", "sigma_log__"]
    [logp] = result["outputs"].values()
    at_start = document("run", path, "--name", "model")["outputs"]["logp"]
    assert logp["value"] == pytest.approx(at_start["value"])


def test_shared_variables_and_updates_are_kept(document, write):
    path = write(
        "import numpy as np, pytensor, pytensor.tensor as pt\n"
        "x, s = pt.vector('x'), pytensor.shared(np.array(3.0), name='s')\n"
        "f = pytensor.function([x], x * s, updates={s: s + 1}, mode='FAST_RUN')\n"
    )
    assert document("run", path, "-i", "x=[1, 2]")["outputs"]["output_0"]["value"] == [3, 6]


USAGE = [
    (["--name", "none"], "has no 'none'; it has: double, triple"),
    ([], "has several: choose with --name: double, triple"),
    (["--name", "double", "-i", "y=1"], "no input is called 'y'; there are: x"),
    (["--name", "double", "-i", "x"], "--input x: write NAME=VALUE, NAME=FILE.npy or FILE.npz"),
    (["--name", "double", "-i", "x=one"], "'one' is no number, no list of numbers, and no .npy"),
    (["--name", "double", "-i", "x=[1]", "-i", "x=[2]"], "input 'x' is given twice"),
    (["--name", "double", "-i", "x=[1]", "--shape", "x=2"], "input 'x' is given twice"),
    (["--name", "double", "-i", "x=1"], "input 'x' has 1 dimensions, and not 0: ()"),
    (["--name", "double", "-i", "x=['a']"], "is no number"),
    (["--name", "double", "-i", "x=[1j]"], "input 'x' is float64, and not complex128"),
    (["--name", "double", "--shape", "x=two"], "sizes are written as 3x4"),
    (["--name", "double", "--shape", "y=2"], "write NAME=3x4; the inputs are: x"),
    (["--name", "double"], "input 'x', float64[?], has no value: give --input x=VALUE or --shape"),
    (["--name", "double", "-o", "x.txt"], "the name has to end with .npz"),
    (["--name", "double", "--function", "main"], "--function is for programs"),
    (["--nam", "double"], "unrecognized arguments"),
]


@pytest.mark.parametrize("arguments, message", USAGE, ids=[message for _, message in USAGE])
def test_wrong_usage_is_one_line_and_status_2(call, write, arguments, message):
    status, out, err = call("run", write(SEVERAL), *arguments)
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith("gemmule") and ": error: " in line
    assert message in line


def test_failures_are_one_line_and_status_1(call, write, tmp_path):
    (tmp_path / "data.csv").write_text("1,2\n")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    for arguments, message in [
        (["none.py"], "none.py: no such file"),
        (["none.py:f"], "none.py: no such file"),
        (["no.such.module:f"], "no module is called 'no.such.module'"),
        ([tmp_path / "data.csv"], "is neither a program of gemmule.export nor a Python file"),
        ([tmp_path], "is a folder"),
        ([write("x = 1\n")], "has no pymc.Model and no PyTensor function"),
        ([write("f = lambda: 1\n")], "'f' is a int: neither a pymc.Model"),
        ([write("x = = 1\n")], "SyntaxError: invalid syntax"),
        ([write("raise ValueError('two\\nlines')\n")], "ValueError: two"),
        ([write("import no_such_module\n")], "No module named 'no_such_module'"),
        ([write("import sys; sys.exit(3)\n")], "ends the process: sys.exit(3)"),
        ([write(FUNCTION), *INPUTS[2:], "-i", "A=none.npy"], "none.npy: No such file or directory"),
        ([write(FUNCTION), *INPUTS[2:], "-i", f"A={tmp_path}/cut.npy"], "Error: "),
        ([write(FUNCTION), *INPUTS[2:], "-i", "A=[[1, 2, 3]]"], "ValueError: "),
        (
            [write(FUNCTION), *INPUTS, "-o", tmp_path / "none" / "x.npz"],
            "No such file or directory",
        ),
    ]:
        status, out, err = call("run", *arguments)
        assert (status, out) == (1, ""), message
        [line] = err.splitlines()
        assert line.startswith("gemmule run: error: ")
        assert message in line


def test_an_error_is_a_document_too(call):
    status, out, err = call("run", "none.py", "--json")
    assert status == 1
    assert err == "gemmule run: error: none.py: no such file\n"
    assert json.loads(out) == {
        "error": {"type": "CommandError", "message": "none.py: no such file"}
    }


def test_debug_shows_the_traceback(call, write):
    status, _, err = call("run", write("raise ValueError('here')\n"), "--debug")
    assert status == 1
    assert "Traceback" in err and "raise ValueError('here')" in err
    assert err.endswith("gemmule run: error: ValueError: here\n")


def test_a_command_is_needed(call):
    status, _, err = call()
    assert status == 2
    assert (
        err
        == "gemmule: error: the following arguments are required: command (see gemmule --help)\n"
    )


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"]])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert gemmule._core.__version__ in capsys.readouterr().out or "--help" in arguments


# -- explain and profile --------------------------------------------------------------------------


def compiled():
    namespace = {}
    exec(FUNCTION, namespace)
    return namespace["f"]


def test_explain_prints_what_gemmule_explain_does(call, write):
    path = write(FUNCTION)
    assert call("explain", path) == (0, f"{gemmule.explain(compiled())}\n", "")
    values = [np.ones((4, 4))] * 3
    shapes = [item for name in "ABC" for item in ("--shape", f"{name}=4x4")]
    assert call("explain", path, *shapes) == (0, f"{gemmule.explain(compiled(), *values)}\n", "")


def test_explain_as_json_with_a_picture(document, write, tmp_path):
    picture = tmp_path / "f.svg"
    result = document("explain", write(FUNCTION), "--svg", picture)
    assert result["counts"] == {"gemm": 1}
    assert result["kernels"][0]["kernel"] == "gemm"
    assert result["fallbacks"] == [] and result["kind"] == "function"
    assert picture.read_text().startswith("<svg")


def test_explain_shows_the_graph(call, write):
    _, out, _ = call("explain", write(FUNCTION), "--graph")
    assert "graph(" in out and "gemm(" in out


def test_explain_of_a_model_has_sizes(document, write):
    """Its initial point is the input."""
    result = document("explain", write(MODEL))
    assert result["kind"] == "model" and result["function"] == "logp"
    assert all(isinstance(kernel["flops"], int) for kernel in result["kernels"])


def test_profile_times_the_kernels(document, write):
    shapes = [item for name in "ABC" for item in ("--shape", f"{name}=16x16")]
    result = document("profile", write(FUNCTION), *shapes, "--repeats", 2)
    assert result["repeats"] == 2 and result["call"] > 0
    assert [row["kernel"] for row in result["rows"]] == ["gemm"]


def test_profile_needs_sizes_only(call, write, tmp_path):
    """Inputs of known sizes get random values."""
    path = write(
        "import pytensor.tensor as pt\n"
        "model = pt.exp(pt.tensor('x', shape=(8,), dtype='float64'))\n"
    )
    status, out, err = call("profile", path, "--svg", tmp_path / "p.svg")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].split()[:3] == ["us", "share", "kernel"]
    assert (tmp_path / "p.svg").exists()
    status, _, err = call("profile", write(FUNCTION))
    assert status == 2
    assert "--shape A=3x3" in err


def test_the_document_shows_what_is_printed(call, write, tmp_path, monkeypatch):
    """The tables of docs/command-line.md, but for times."""
    text = (Path(__file__).parent.parent / "docs" / "command-line.md").read_text(encoding="utf-8")
    path = write(text.partition("```python\n")[2].partition("```")[0])
    shapes = ("--shape", "A=64x32", "--shape", "B=32x48", "--shape", "C=64x48")
    for arguments in (["explain", f"{path}:f"], ["explain", f"{path}:f", *shapes], ["run", path]):
        status, out, _ = call(*arguments)
        assert status == 0
        assert f"```text\n{out}```" in text
    monkeypatch.chdir(tmp_path)
    status, out, _ = call("export", path, "-o", "model.gemmule")
    assert status == 0 and f"```text\n{out}```" in text


# -- programs in files ----------------------------------------------------------------------------


DATA = """
import numpy as np
import pymc as pm

with pm.Model() as model:
    t = pm.Data("t", np.arange(4.0))
    b = pm.Normal("b", 0, 1, shape=2)
    pm.Deterministic("twice", 2 * b)
    pm.Normal("y", b[0] + b[1] * t, pm.HalfNormal("s"), observed=np.array([1.0, 1, 2, 3]))
"""


@pytest.fixture
def exported(document, write, tmp_path):
    """The paths of a Python file and of the program that `gemmule export` made of it."""

    def exported(text, *arguments):
        source, path = write(text), tmp_path / "it.gemmule"
        result = document("export", source, "-o", path, *arguments)
        assert result["file"] == source and result["output"] == str(path)
        return source, path, result

    return exported


def test_a_program_runs_as_the_file_that_it_is_from(document, exported):
    source, path, result = exported(DATA)
    assert result["functions"] == ["logp", "expand", "initial_point"] and result["data"] == ["t"]
    inputs = ("-i", "b=[0.5, -1]", "-i", "s_log__=0.25")
    for arguments in ((), inputs):
        ours, its = (document("run", file, *arguments) for file in (path, source))
        assert ours["kind"] == its["kind"] == "model"
        assert ours["inputs"] == its["inputs"]
        assert list(ours["outputs"]) == list(its["outputs"])
        for name, value in its["outputs"].items():
            np.testing.assert_allclose(ours["outputs"][name]["value"], value["value"], rtol=1e-12)
    drawn = document("run", path, "--function", "expand", *inputs)["outputs"]
    assert drawn["twice"]["value"] == [1.0, -2.0]
    assert drawn["s"]["value"] == pytest.approx(np.exp(0.25))


def test_a_program_takes_other_data(document, exported):
    _, path, _ = exported(DATA)
    at = ("-i", "b=[0, 1]", "-i", "s_log__=0")
    [flat, steep] = (
        document("run", path, *at, "-i", f"t={t}")["outputs"]["logp"]["value"]
        for t in ("[0, 0, 0, 0]", "[1, 1, 2, 3]")
    )
    assert steep - flat == pytest.approx(0.5 * (1 + 1 + 4 + 9))


SIZES = """
import numpy as np
import pymc as pm

with pm.Model() as model:
    t = pm.Data("t", np.arange(4.0))
    b = pm.Normal("b", 0, 1, shape=2)
    pm.Deterministic("eta", b[1] * t)
    pm.Deterministic("twice", 2 * b)
"""


def test_a_program_takes_data_of_other_sizes(document, exported):
    _, path, result = exported(SIZES)
    assert result["functions"] == ["logp", "expand", "initial_point", "expand_shapes"]
    at = ("--function", "expand", "-i", "b=[0, 3]")
    outputs = document("run", path, *at, "-i", "t=[1, 2]")["outputs"]
    assert outputs["eta"] == {"dtype": "float64", "shape": [2], "value": [3.0, 6.0]}
    assert outputs["twice"]["value"] == [0.0, 6.0]


def test_a_program_is_explained_and_profiled(document, exported):
    _, path, _ = exported(DATA)
    result = document("explain", path)
    assert (result["kind"], result["function"]) == ("model", "logp")
    assert result["kernels"] and all(isinstance(row["flops"], int) for row in result["kernels"])
    result = document("profile", path, "--repeats", 2, "--function", "expand")
    assert result["function"] == "expand" and result["rows"]


def test_a_program_of_a_function(call, exported):
    _, path, result = exported(FUNCTION)
    assert result["functions"] == ["main"]
    assert call("run", path, *INPUTS) == (0, "output_0  float64[1,1]\n[[11.]]\n", "")
    assert call("explain", path) == (0, f"{gemmule.explain(compiled())}\n", "")
    for arguments, status, message in [
        (["run", path, "--function", "logp"], 2, "has no function 'logp'; it has: main"),
        (["run", path, "--name", "f"], 2, "--name is for Python files"),
        (["explain", path, "--svg", "x.svg"], 1, "--svg draws what a Python file defines"),
        (["bench", path, *INPUTS], 1, "it takes a Python file, and no program"),
    ]:
        ended, _, err = call(*arguments)
        assert ended == status and message in err


def test_a_damaged_program_is_one_line(call, exported):
    _, path, _ = exported(FUNCTION)
    path.write_bytes(path.read_bytes()[:-100])
    status, out, err = call("run", path)
    assert (status, out) == (1, "")
    [line] = err.splitlines()
    assert line.startswith("gemmule run: error: ValueError: ") and str(path) in line


def test_what_python_runs_is_not_exported(call, write, tmp_path):
    path = write(
        "import numpy as np, pytensor, pytensor.tensor as pt\n"
        "rng = pytensor.shared(np.random.default_rng(1))\n"
        "_, draw = pt.random.normal(size=3, rng=rng, return_next_rng=True)\n"
        "f = pytensor.function([], draw, mode='GEMMULE')\n"
    )
    status, out, err = call("export", path, "-o", tmp_path / "x.gemmule")
    assert (status, out) == (1, "")
    assert "UnsupportedError: main cannot be a program" in err
    assert not (tmp_path / "x.gemmule").exists()


def test_a_program_runs_without_pytensor(exported, installation):
    _, path, _ = exported(DATA)
    environment = installation(missing=["pytensor", "pymc"])
    done = process("run", path, "--json", **environment)
    assert done.returncode == 0, done.stderr
    assert "logp" in json.loads(done.stdout)["outputs"]
    done = process("explain", path, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gemmule explain: error: No module named 'pytensor'\n"


# -- where it is written --------------------------------------------------------------------------


class _Screen(io.StringIO):
    def isatty(self):
        return True


def test_codes_are_written_to_terminals_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", _Screen())
    assert terminal.Terminal().style("x", "bold") == "\x1b[1mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.Terminal().style("x", "bold") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.Terminal().style("x", "bold") == "x"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.Terminal().style("x", "bold") == "x"


@pytest.mark.parametrize("screen", [True, False])
def test_progress_is_on_stderr_of_terminals_only(monkeypatch, screen):
    monkeypatch.setenv("TERM", "xterm")
    err, out = _Screen() if screen else io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdout", out)
    with terminal.Terminal().progress("measuring", 2) as begins:
        begins("one")
        begins("two")
    assert ("measuring: two" in err.getvalue()) == screen
    assert out.getvalue() == ""


def test_without_rich_there_is_no_progress(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    err = _Screen()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with terminal.Terminal().progress("measuring") as begins:
        begins("one")
    assert err.getvalue() == ""


def test_what_a_file_prints_is_not_in_the_document(call, write):
    path = write(MODEL)
    _, out, err = call("run", path, "--json")
    assert json.loads(out)["file"] == path
    assert "a line of the file's own" in err
    _, out, err = call("run", path)
    assert out.startswith("a line of the file's own\n")


def test_who_reads_no_further_ends_it(write):
    command = [sys.executable, "-m", "gemmule", "explain", write(FUNCTION)]
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe) as running:
        running.stdout.close()
        errors = running.stderr.read()
    assert (running.returncode, errors) == (1, b"")


def test_interrupted(call, write):
    status, _, err = call("run", write("raise KeyboardInterrupt\n"))
    assert (status, err) == (130, "gemmule run: error: interrupted\n")


@pytest.mark.slow
def test_a_process_writes_no_codes_into_a_pipe(write):
    path = write(MODEL)
    done = process("run", path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "model"
    assert "\x1b" not in done.stdout + done.stderr
    done = process("explain", path)
    assert "\x1b" not in done.stdout + done.stderr
    assert "kernels" in done.stdout


# -- doctor ---------------------------------------------------------------------------------------

PREPARED = """
import importlib.metadata
import sys

_version = importlib.metadata.version
_missing, _other = {missing!r}, {other!r}

def version(name):
    if name in _missing:
        raise importlib.metadata.PackageNotFoundError(name)
    return _other.get(name) or _version(name)

importlib.metadata.version = version

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in _missing:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def installation(tmp_path):
    """The environment of processes in which packages are missing, or have other versions."""

    def make(missing=(), other=None):
        (tmp_path / "sitecustomize.py").write_text(
            PREPARED.format(missing=tuple(missing), other=other or {})
        )
        return {"PYTHONPATH": f"{tmp_path}{os.pathsep}{SOURCES}"}

    return make


SECTIONS = {
    "ok", "versions", "machine", "environment", "device", "blas", "features", "self_test",
    "problems", "notes",
}  # fmt: skip


@pytest.mark.slow
def test_doctor_finds_all_well():
    done = process("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report.keys() == SECTIONS
    assert report["ok"] is True and report["problems"] == []
    assert report["versions"]["gemmule"] == gemmule._core.__version__
    assert report["versions"]["mlx"] == report["versions"]["built_against_mlx"]
    assert report["machine"]["cores"] >= 1
    assert report["device"]["executor"] in ("cpu", "mlx")
    assert report["blas"]["kind"] in ("openblas", "accelerate")
    assert report["blas"]["gflops"] > 0
    assert {row["test"] for row in report["self_test"]} == {"product", "density"}
    assert all(row["ok"] and row["error"] < 1e-4 for row in report["self_test"])
    names = {row["name"]: row for row in report["features"]}
    assert names["mode GEMMULE"]["available"] and names["mode MLX_BLAS"]["available"]


def test_doctor_without_optional_packages_is_well(installation):
    environment = installation(missing=["nutpie", "matplotlib", "rich"])
    done = process("doctor", "--json", "--no-self-test", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["versions"]["nutpie"] is None
    row = next(row for row in report["features"] if row["name"] == "nutpie")
    assert row["available"] is False
    assert row["missing"] == ["nutpie"]
    assert row["detail"] == "needs nutpie: pip install 'gemmule[nutpie]'"


def test_doctor_names_another_version_of_mlx(installation):
    built = gemmule._core.built_against_mlx
    environment = installation(other={"mlx": "0.99.0"})
    done = process("doctor", **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"0.99.0 (not {built})" in done.stdout
    assert f"problem: Gemmule was built against mlx {built}, and mlx 0.99.0 is" in done.stdout
    assert mlx_packages.command(built) in done.stdout
    assert "all is well" not in done.stdout
    # Other commands end with one line.
    done = process("explain", "model.py", **environment)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"gemmule: error: gemmule was built against mlx {built}, but mlx 0.99.0")
    assert line.endswith("(gemmule doctor says more)")


def test_the_library_of_mlx_has_the_same_version(installation, monkeypatch):
    """On Linux it is a package of its own, which `pip install mlx==VERSION` leaves as it is."""
    built = gemmule._core.built_against_mlx
    environment = installation(other={"mlx-cpu": "0.99.0"})
    done = process("doctor", "--no-self-test", **environment)
    assert done.returncode == 1
    assert f"built against mlx {built}, and mlx-cpu 0.99.0 is installed" in done.stdout
    assert f"  pip install 'mlx[cpu]=={built}'\n" in done.stdout
    done = process("explain", "model.py", **environment)
    assert f"built against mlx {built}, but mlx-cpu 0.99.0 is installed. Run: pip " in done.stderr
    for found, command in [
        ({"mlx": "1", "mlx-metal": "1"}, "pip install mlx==2"),
        ({"mlx": "1", "mlx-cpu": "1"}, "pip install 'mlx[cpu]==2'"),
        ({"mlx": "1", "mlx-cpu": "1", "mlx-cuda-13": "1"}, "pip install 'mlx[cpu,cuda13]==2'"),
    ]:
        monkeypatch.setattr(mlx_packages, "installed", lambda found=found: found)
        assert mlx_packages.command("2") == command


def test_optional_packages_are_optional_for_all_names(installation):
    """`from gemmule import *` and `help(gemmule)` get every name."""
    environment = installation(missing=["nutpie", "jax"])
    code = (
        "from gemmule import *\nimport gemmule, inspect\ninspect.getmembers(gemmule)\n"
        "print(gemmule.__version__, 'sample' in dir(gemmule), 'as_jax' in dir(gemmule))\n"
        "try:\n    gemmule.sample\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == f"{gemmule._core.__version__} False False"
    assert second.startswith("gemmule.sample and gemmule.compile_model need PyMC and nutpie 0.16")


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("device", "cuda", "one of cpu, gpu, None; got 'cuda'"),
        ("executor", "gpu", "auto, cpu, mlx"),
    ],
)
def test_switches_have_choices(name, value, message):
    with pytest.raises(ValueError, match=message):
        setattr(gemmule.config, name, value)


def test_names_to_leave_out_are_a_list_or_a_text():
    gemmule.config.disable = "gemm, fusion"
    assert gemmule.config.disable == ["gemm", "fusion"]
    gemmule.config.disable = ("gemm",)
    assert gemmule.config.disable == ["gemm"]


def test_the_script_of_an_installation_does_the_same(installation, tmp_path):
    """The one that pip writes imports the package before it calls anything."""
    script = tmp_path / "gemmule"
    script.write_text("import sys\nfrom gemmule.cli.command_line import main\nsys.exit(main())\n")

    def installed(*arguments, **environment):
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    done = installed("run", PYTHONPATH=SOURCES)
    assert done.returncode == 2
    assert done.stderr == (
        "gemmule: error: the following arguments are required: FILE (see gemmule run --help)\n"
    )
    environment = installation(other={"mlx": "0.99.0"})
    done = installed("doctor", **environment)
    assert done.returncode == 1 and "problem: Gemmule was built against mlx" in done.stdout
    done = installed("run", "x.py", **environment)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_a_switch_with_a_wrong_value_is_one_line():
    done = process("run", "x.py", GEMMULE_EXECUTOR="none")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "gemmule: error: ValueError: gemmule.config.executor is one of auto, cpu, mlx; "
        "got 'none' (gemmule doctor says more)\n"
    )


@pytest.mark.parametrize("name", ["mlx", "pytensor"])
def test_doctor_names_a_missing_package(installation, name):
    environment = installation(missing=["mlx", "mlx.core"] if name == "mlx" else [name])
    done = process("doctor", "--json", **environment)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    [problem] = report["problems"]
    assert problem["what"].startswith(f"{name} is not installed")
    assert name in problem["advice"]
    assert report["self_test"] == []
    mode = next(row for row in report["features"] if row["name"] == "mode GEMMULE")
    assert mode["available"] is False


STAGES = {
    "import": {"version": "1", "built_against_mlx": "1", "folder": "", "has_load": False},
    "device": {
        "mlx_default": "cpu", "device": "cpu", "executor": "cpu", "executor_setting": "auto",
        "disabled": [], "has_device": True, "fallback": "allow", "floatX": "float64", "cxx": "",
    },
    "blas": {
        "kind": "openblas", "library": "lib", "config": "OpenBLAS", "core": "Haswell",
        "threads": 1, "gflops": 1.0, "numpy": "", "mlx": "libblas.so",
    },
    "self_test": {"tests": []},
    "sampling": {"nutpie": "ok"},
}  # fmt: skip


@pytest.fixture
def look(monkeypatch):
    """The report for what a probe finds; ``stage={...}`` changes what it finds."""

    def look(ending="", cores=2, quota=None, level="x86-64-v3", **changes):
        stages = {name: {**facts, **(changes.get(name) or {})} for name, facts in STAGES.items()}
        stages["import"]["built_against_mlx"] = doctor.versions()["mlx"]
        for name, facts in changes.items():
            if facts is None:
                del stages[name]
            elif "error" in facts:
                stages[name] = facts  # and nothing else
        monkeypatch.setattr(doctor, "_probe", lambda *arguments: (stages, ending))
        monkeypatch.setattr(system, "cores", lambda: cores)
        monkeypatch.setattr(system, "cpu_quota", lambda: quota)
        monkeypatch.setattr(system, "load", lambda: 0.0)
        monkeypatch.setattr(system, "simd_level", lambda *arguments: level)
        return doctor.examine()

    return look


def test_doctor_on_what_a_probe_finds(look, monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert look().problems == []
    [note] = look(cores=8).notes
    assert note.startswith("OpenBLAS uses 1 of 8 cores")
    [problem] = look(blas={"threads": 16}).problems
    assert problem.what == "OpenBLAS uses 16 threads with 2 cores: they wait for each other"
    assert problem.advice == "export OPENBLAS_NUM_THREADS=2"
    [problem] = look(cores=64, quota=4.0, blas={"threads": 64}).problems
    assert "a limit of 4 of 64 cores" in problem.what
    assert problem.advice == "export OPENBLAS_NUM_THREADS=4"
    [problem] = look(blas={"core": "Prescott"}).problems
    assert problem.what == (
        "OpenBLAS uses its kernels for Prescott, and this machine has x86-64-v3 (AVX2)"
    )
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert look(blas={"core": "Prescott"}).problems[0].advice == "unset OPENBLAS_CORETYPE"
    assert look(blas={"core": "Prescott"}, level="x86-64-v2").problems == []
    [problem] = look(blas={"kind": "unknown", "library": "libblas.so.3"}).problems
    assert problem.what == ("the BLAS library is neither OpenBLAS nor Accelerate: libblas.so.3")
    [problem] = look(device={"error": "no such device"}).problems
    assert "GEMMULE_DEVICE" in problem.advice
    [problem] = look(device={"device": "gpu", "has_device": False}, self_test=None).problems
    assert problem.what == "GEMMULE_DEVICE is gpu, and MLX has none here"
    [problem] = look(sampling={"error": "nutpie 9 is installed. Run: pip install x"}).problems
    assert problem.advice == "pip install x"
    failed = {"test": "product", "executor": "cpu", "ok": False, "problem": "wrong values"}
    [problem] = look(self_test={"tests": [failed]}).problems
    assert problem.what == "the self-test product on the executor cpu fails: wrong values"
    [problem] = look(self_test={"error": "the process ended with signal 11"}).problems
    assert problem.what == "the self-test does not run: the process ended with signal 11"
    [problem] = look(self_test=None).problems
    assert problem.what == "the self-test did not run"


IMPORT_ERRORS = [
    ("No module named 'numpy'", "pip install numpy"),
    ("cannot import name '_core' from 'gemmule'", "build the extension"),
    ("x.so: undefined symbol: _ZN3mlx", "do not fit"),
    ("libmlx.so: cannot open shared object file", "a library is missing"),
    ("gemmule.config.executor is one of auto, cpu, mlx; got 'x'", "unset or correct the variable"),
    ("something else", "gemmule doctor --debug"),
]


@pytest.mark.parametrize("error, advice", IMPORT_ERRORS)
def test_doctor_on_errors_of_the_import(look, error, advice):
    rest = dict.fromkeys(("device", "blas", "self_test", "sampling"))
    [problem] = look("import", **{"import": {"error": error}}, **rest).problems
    assert problem.what == f"gemmule cannot be imported: {error}"
    assert advice in problem.advice


def test_doctor_compares_versions_with_the_package(look, monkeypatch):
    """Of an installed Gemmule: a checkout has no such list."""
    needs = [
        "mlx==0.1; sys_platform == 'nowhere'",
        "mlx[cpu]==0.2",
        "numpy<1",
        "pytensor>=1,<1000",
        "nutpie==9; extra == 'nutpie'",
    ]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: needs)
    found = doctor.versions()["numpy"]
    [problem] = look().problems
    assert problem.what == f"numpy {found} is installed, and Gemmule needs numpy<1"
    assert problem.advice == "pip install 'numpy<1'"
    # What the extension was built against, where it does not load.
    rest = dict.fromkeys(("device", "blas", "self_test", "sampling"))
    error = {"error": "x.so: undefined symbol: _ZN3mlx"}
    problems = look("import", **{"import": error}, **rest).problems
    assert [problem.advice for problem in problems] == [
        "pip install 'numpy<1'",
        mlx_packages.command("0.2"),
    ]


def test_a_probe_that_dies_leaves_its_stages():
    """What began last is what ended it."""
    said = [{"begins": "import"}, {"stage": "import", "version": "1"}, {"begins": "blas"}]
    from gemmule.cli.probe import MARK

    output = "noise\n" + "".join(f"{MARK}{json.dumps(line)}\n" for line in said)
    stages, ending = doctor._read_stages(output, "", -11)
    assert (stages["blas"], ending) == ({"error": "the process ended with signal 11"}, "blas")
    assert stages["import"] == {"version": "1"}
    stages, _ = doctor._read_stages("", "Traceback\n  x\nImportError: no: such: thing\n", 1)
    assert stages == {"import": {"error": "no: such: thing"}}
    stages, _ = doctor._read_stages(output, "", None)
    assert stages["blas"]["error"] == "nothing after 300 s"


def test_levels_of_processors():
    v2 = {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}
    v3 = v2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
    v4 = v3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    assert [system.simd_level("x86_64", flags) for flags in (set(), v2, v3, v4, v4 - {"fma"})] == [
        "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v2",
    ]  # fmt: skip
    assert system.simd_level("arm64", set()) == "NEON"
    assert system.simd_text("x86-64-v4") == "x86-64-v4 (AVX-512)"


# -- bench ----------------------------------------------------------------------------------------

QUICK = ("--repeats", 2, "--seconds", 0.002)


def test_bench_compares_modes(document, tmp_path):
    picture = tmp_path / "bench.png"
    result = document(
        "bench", *QUICK, "--match", "gemm 8", "--modes", "gemmule,mlx", "--plot", picture
    )
    assert result["modes"] == ["GEMMULE", "MLX"] and result["left_out"] == {}
    assert result["dtype"] == "float64" and result["repeats"] == 2
    [case] = result["cases"]
    assert case["case"] == "gemm 8"
    ours, theirs = case["modes"]
    for row in (ours, theirs):
        assert row["failure"] == ""
        assert len(row["times_us"]) == 2 and row["best_us"] == min(row["times_us"])
        assert row["spread"] >= 0 and row["compile_s"] > 0 and row["error"] < 1e-6
    assert ours["ratio"] == 1
    assert theirs["ratio"] == pytest.approx(theirs["best_us"] / ours["best_us"])
    assert result["mean_ratios"] == {"MLX": pytest.approx(theirs["ratio"])}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_bench_prints_a_table(call):
    status, out, err = call("bench", *QUICK, "--match", "gemm", "--modes", "GEMMULE,MLX")
    assert (status, err) == (0, "")
    title, _, head, *rows = out.splitlines()
    assert title.startswith("float64 on the CPU: ") and "minimum of 2 repeats" in title
    assert head.split() == ["us", "per", "call", "(spread)", "GEMMULE", "MLX", "MLX/GEMMULE"]
    assert [row.split("  ")[0] for row in rows[:4]] == [
        "gemm 8", "gemm 64", "gemm 256", "geometric mean",
    ]  # fmt: skip


@pytest.mark.slow
def test_all_cases_are_right_in_mode_gemmule(document):
    """Small times only: this is about values."""
    result = document("bench", "--repeats", 1, "--seconds", 0.001, "--modes", "GEMMULE")
    assert len(result["cases"]) >= 7
    for case in result["cases"]:
        [row] = case["modes"]
        assert row["failure"] == "" and row["error"] < 1e-6


def test_bench_of_a_file_of_ones_own(document, write):
    result = document("bench", *QUICK, write(MODEL), "--modes", "GEMMULE,MLX_BLAS")
    [case] = result["cases"]
    assert [row["mode"] for row in case["modes"]] == ["GEMMULE", "MLX_BLAS"]
    assert case["modes"][0]["failure"] == ""


def test_bench_leaves_out_what_is_missing(document, monkeypatch):
    monkeypatch.setitem(bench.MODES, "JAX", "no_such_package")
    monkeypatch.setattr(pytensor.config, "cxx", "")
    result = document("bench", *QUICK, "--match", "gemm 8", "--modes", "GEMMULE,JAX,C")
    assert result["modes"] == ["GEMMULE"]
    assert result["left_out"] == {
        "JAX": "needs no_such_package: pip install no_such_package",
        "C": "needs a C++ compiler",
    }


def test_errors_of_results():
    from gemmule.cli.bench_timing import _error

    inf, nan = np.inf, np.nan
    for got, expected, error in [
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([inf, nan, 2.0], [inf, nan, 2.0], 0),
        ([inf, 1.0], [-inf, 1.0], inf),
        ([nan, 1.0], [2.0, 1.0], inf),
        ([True, False], [True, True], 1),
        ([1j], [2j], 0.5),
        ([0.0], [0.0], 0),
        ([], [], 0),
        ([1.0], [1.0, 2.0], inf),
    ]:
        assert _error(np.array(got), np.array(expected)) == error


def test_bench_has_no_times_for_wrong_values(call, monkeypatch):
    from gemmule.cli import bench_timing

    monkeypatch.setitem(bench_timing.TOLERANCE, "float64", 0.0)
    status, out, _ = call("bench", *QUICK, "--match", "gemm 8", "--modes", "GEMMULE", "--json")
    assert status == 1
    [row] = json.loads(out)["cases"][0]["modes"]
    assert row["failure"].startswith("wrong values: relative error")
    assert row["times_us"] == [] and row["best_us"] is None


def test_wrong_usage_of_bench(call, monkeypatch):
    for arguments, message in [
        (["--modes", "FASTEST"], "choose from GEMMULE, MLX, MLX_BLAS, NUMBA, JAX, C"),
        (["--match", "svd"], "no case has 'svd' in its name; there are: gemm 8, gemm 64"),
        (["--repeats", "0"], "must be at least 1"),
        (["--seconds", "-1"], "must be above 0"),
        (["--plot", "x.doc"], "--plot x.doc: the name has to end with .png, .svg or .pdf"),
        (["-i", "x=1"], "--input and --shape are for the inputs of FILE"),
    ]:
        status, out, err = call("bench", *arguments)
        assert (status, out) == (2, "")
        assert message in err and len(err.splitlines()) == 1
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    status, _, err = call("bench", "--plot", "x.png")
    assert status == 1
    assert err == "gemmule bench: error: --plot needs matplotlib: pip install matplotlib\n"
