"""`gemmule.profile`: where the time of a call goes, as text, as data and as a picture."""

import json
import xml.etree.ElementTree as ElementTree

import mlx.core as mx
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.blocking import DictToArrayBijection
from pytensor.printing import Print

import gemmule
from gemmule.profile import Profile

SVG = "{http://www.w3.org/2000/svg}"
VALUES = [np.random.default_rng(3).normal(size=(32, 32)) for _ in range(3)]


@pytest.fixture(autouse=True)
def on_the_cpu():
    gemmule.config.executor = "cpu"


def example():
    A, B, C = pt.matrices("A", "B", "C")
    outputs = [pt.exp(0.5 * (A @ B) + C).sum(axis=0), pt.linalg.cholesky(A @ A.T + pt.eye(32))]
    return pytensor.function([A, B, C], outputs, mode="GEMMULE")


def test_rows_are_the_instructions_in_order():
    profile = gemmule.profile(example(), *VALUES, repeats=3)
    kernels = [row.kernel for row in profile.rows]
    assert {"gemm", "elementwise", "potrf (cholesky)"} <= set(kernels)
    gemm = next(row for row in profile.rows if row.pattern == "0.5*A@B + C")
    assert (gemm.kernel, gemm.kind, gemm.results) == ("gemm", "product", "f64[32,32]")
    assert gemm.flops == 2 * 32**3
    assert gemm.bytes == 4 * 32 * 32 * 8
    assert gemm.gflops == gemm.flops / gemm.seconds / 1e9
    assert gemm.gigabytes == gemm.bytes / gemm.seconds / 1e9
    assert all(row.seconds >= 0 for row in profile.rows)
    assert profile.seconds == sum(row.seconds for row in profile.rows)
    assert profile.call > 0


def test_text_is_a_table():
    profile = gemmule.profile(example(), *VALUES, repeats=2)
    head, *rows, total, call = str(profile).splitlines()
    assert head.split() == ["us", "share", "kernel", "pattern", "result", "GFLOP/s", "GB/s"]
    assert len(rows) == len(profile.rows)
    assert all(row.kernel in line for row, line in zip(profile.rows, rows, strict=True))
    shares = [float(line.split()[1].rstrip("%")) for line in rows]
    assert abs(sum(shares) - 100) <= len(rows)
    assert total.endswith(f"{len(rows)} instructions")
    assert call == f"one call: {1e6 * profile.call:.2f} us"
    assert repr(profile) == f"<Profile: {len(rows)} instructions, {1e6 * profile.call:.2f} us>"


def test_data_round_trips_through_json():
    profile = gemmule.profile(example(), *VALUES, repeats=1)
    data = json.loads(profile.to_json())
    assert data == profile.to_dict()
    assert data["call"] == profile.call
    assert {"kernel", "pattern", "seconds", "flops", "bytes"} <= set(data["rows"][0])


def test_picture_is_well_formed(tmp_path):
    profile = gemmule.profile(example(), *VALUES, repeats=1)
    path = tmp_path / "profile.svg"
    text = profile.svg(path)
    assert path.read_text(encoding="utf-8") == text == profile._repr_html_()
    root = ElementTree.fromstring(text)
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert any(word.startswith("gemm  0.5*A@B + C") for word in words)
    width, height = float(root.get("width")), float(root.get("height"))
    bars = [box for box in root.iter(f"{SVG}rect") if box.get("x")]
    assert len(bars) == len(profile.rows)
    for bar in bars:
        assert float(bar.get("x")) + float(bar.get("width")) <= width
        assert float(bar.get("y")) + float(bar.get("height")) <= height


def test_pictures_escape_what_markup_would_read():
    x = pt.vector("x<&>")
    f = pytensor.function([x], pt.switch(x < 1, x, x * 2), mode="GEMMULE")
    ElementTree.fromstring(gemmule.profile(f, np.ones(3), repeats=1).svg())


def test_nothing_to_run():
    profile = Profile([], 0.0)
    assert str(profile) == "nothing to run"
    ElementTree.fromstring(profile.svg())


def test_copies_are_rows():
    x = pt.matrix("x")
    profile = gemmule.profile(
        pytensor.function([x], x.T, mode="GEMMULE"), np.ones((2, 3)), repeats=1
    )
    assert [row.kind for row in profile.rows] == ["movement"]


def test_functions_of_other_modes_are_refused():
    x = pt.vector("x")
    f = pytensor.function([x], x + 1, mode="FAST_COMPILE")
    with pytest.raises(TypeError, match='is not a function compiled with mode="GEMMULE"'):
        gemmule.profile(f, np.ones(2))


@pytest.mark.parametrize("repeats", [0, -1])
def test_repeats_are_at_least_one(repeats):
    with pytest.raises(ValueError, match=f"repeats must be at least 1; got {repeats}"):
        gemmule.profile(example(), *VALUES, repeats=repeats)


def test_too_many_arguments():
    with pytest.raises(TypeError, match="4 arguments for a function of 3 inputs"):
        gemmule.profile(example(), *VALUES, VALUES[0])


def test_nodes_in_python_are_rows():
    x = pt.vector("x")
    f = pytensor.function([x], pt.exp(Print("x")(x * 2)).sum(), mode="GEMMULE")
    profile = gemmule.profile(f, np.array([1.0, 2.0, 1.0]), repeats=2)
    assert [row.kind == "python" for row in profile.rows] == [False, True, False]
    [row] = [row for row in profile.rows if row.kind == "python"]
    assert row.kernel == "in Python"
    assert "Print" in row.pattern
    assert row.seconds > 0
    assert row.gflops == 0
    ElementTree.fromstring(profile.svg())


def test_through_mlx_a_segment_is_one_row():
    gemmule.config.executor = "mlx"
    profile = gemmule.profile(example(), *VALUES, repeats=2)
    [row] = profile.rows
    kernels = gemmule.explain(example(), *VALUES).kernels
    assert row.kernel == "mlx"
    assert row.pattern == f"{len(kernels)} kernels"
    assert row.flops == sum(kernel.flops for kernel in kernels)
    assert row.seconds > 0


@pytest.mark.parametrize("executor", ["cpu", "mlx"])
def test_shared_variables_stay_as_they_are(executor):
    gemmule.config.executor = executor
    s, x = pytensor.shared(np.arange(3.0), "s"), pt.vector("x")
    f = pytensor.function([x], s.sum(), updates={s: s * 2 + x}, mode="GEMMULE")
    value = np.ones(3)
    gemmule.profile(f, value, repeats=3)
    np.testing.assert_array_equal(s.get_value(), np.arange(3.0))
    np.testing.assert_array_equal(value, np.ones(3))
    assert f(value) == 3.0
    np.testing.assert_array_equal(s.get_value(), [1.0, 3.0, 5.0])


def test_arguments_may_be_mlx_arrays():
    x = pt.fmatrix("x")
    f = pytensor.function([x], pt.exp(x @ x), mode="GEMMULE")
    profile = gemmule.profile(f, mx.ones((4, 4)), repeats=1)
    assert [row.kernel for row in profile.rows] == ["matmul", "elementwise (exp)"]


def test_functions_of_pymc():
    with pm.Model() as model:
        x = pm.MvNormal("x", mu=np.zeros(3), cov=np.eye(3))
        pm.Normal("y", x.sum(), 1, observed=0.5)
    point = {"x": np.zeros(3)}
    logp = model.compile_logp(mode="GEMMULE")
    gradient = model.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
    raveled = DictToArrayBijection.map(point)
    for f, argument in (logp, point), (gradient, raveled), (gradient, raveled.data):
        assert gemmule.profile(f, argument, repeats=1).rows
        kernels = gemmule.explain(f, argument).kernels
        assert all(isinstance(kernel.flops, int) for kernel in kernels)
