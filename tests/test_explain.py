"""`gemmule.explain`: what became of a function, as text, as data and as a picture."""

import json
import xml.etree.ElementTree as ElementTree

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import gemmule

SVG = "{http://www.w3.org/2000/svg}"


def matrices(names):
    return [pt.matrix(name, dtype="float64") for name in names]


def gemm_function():
    A, B, C = matrices("ABC")
    return pytensor.function([A, B, C], 0.5 * (A @ B) + C, mode="GEMMULE")


def example(*shapes):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape) for shape in shapes]


class NotInTheCore(pytensor.graph.op.Op):
    """Doubles a matrix, in Python."""

    __props__ = ()

    def make_node(self, x):
        return pytensor.graph.basic.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = 2 * inputs[0]


def test_no_sum_of_what_is_a_formula():
    x, y = pt.tensor("x", shape=(8,), dtype="float64"), pt.vector("y", dtype="float64")
    explanation = gemmule.explain(pytensor.function([x, y], pt.cumsum(x + y), mode="GEMMULE"))
    assert [type(kernel.flops) for kernel in explanation.kernels] == [int, int]
    assert str in [type(kernel.bytes) for kernel in explanation.kernels]
    assert explanation.text().splitlines()[-1].split() == ["2", "kernels", "16"]


def test_arguments_that_a_call_would_not_take():
    x, y = pt.vectors("x", "y")
    shared = pytensor.shared(np.ones(3), name="s")
    f = pytensor.function([x, y], x + y + shared, mode="GEMMULE")
    with pytest.raises(TypeError, match="the function needs values of: y"):
        gemmule.explain(f, np.ones(3))
    with pytest.raises(TypeError, match="3 arguments for a function of 2 inputs"):
        gemmule.explain(f, np.ones(3), np.ones(3), np.ones(3))
    with pytest.raises(TypeError, match="no input 's'; it has: x, y"):
        gemmule.explain(f, {"x": np.ones(3), "y": np.ones(3), "s": np.ones(3)})
    assert gemmule.explain(f, {"x": np.ones(3), "y": np.ones(3)}).kernels[0].flops == 6


# -- counts ----------------------------------------------------------------------------------------


def test_counts_of_one_gemm():
    explanation = gemmule.explain(gemm_function())
    assert explanation.counts == {"gemm": 1}
    assert explanation.fallbacks == []
    assert explanation.missed == []
    assert explanation.rules == {"gemm": 1}


@pytest.mark.parametrize(
    ("build", "counts"),
    [
        (lambda A, B, C, x, y, T, U: A @ B, {"matmul": 1}),
        (lambda A, B, C, x, y, T, U: 3.0 * (A @ B), {"matmul": 1}),
        (lambda A, B, C, x, y, T, U: A @ x, {"gemv": 1}),
        (lambda A, B, C, x, y, T, U: y - A @ x, {"gemv": 1}),
        (lambda A, B, C, x, y, T, U: pt.dot(x, y), {"dot": 1}),
        (lambda A, B, C, x, y, T, U: A + 0.1 * pt.outer(x, y), {"ger": 1}),
        (lambda A, B, C, x, y, T, U: T @ U, {"batched_matmul": 1}),
        (lambda A, B, C, x, y, T, U: T @ U + T, {"batched_gemm": 1}),
        (lambda A, B, C, x, y, T, U: pt.exp(A) + 1, {"elementwise": 1}),
    ],
)
def test_counts_by_name(build, counts):
    A, B, C = matrices("ABC")
    x, y = pt.vector("x"), pt.vector("y")
    T, U = pt.tensor3("T"), pt.tensor3("U")
    inputs = [A, B, C, x, y, T, U]
    f = pytensor.function(inputs, build(*inputs), mode="GEMMULE", on_unused_input="ignore")
    assert gemmule.explain(f).counts == counts
    f(*example((4, 4), (4, 4), (4, 4), (4,), (4,), (2, 4, 4), (2, 4, 4)))
    assert gemmule.explain(f).counts == counts


def test_nothing_to_compute():
    A = pt.matrix("A")
    explanation = gemmule.explain(pytensor.function([A], A.T, mode="GEMMULE"))
    assert set(explanation.counts) <= {"copy"}
    assert str(explanation)


# -- sizes and costs -------------------------------------------------------------------------------


def test_costs_are_formulas_before_the_first_call():
    [kernel] = gemmule.explain(gemm_function()).kernels
    assert kernel.equation == "0.5*A@B + C"
    assert isinstance(kernel.flops, str) and kernel.flops.startswith("2*")
    assert isinstance(kernel.bytes, str)
    assert [text.split(":")[0] for text in kernel.operands if "[]" not in text] == [
        "%A",
        "%B",
        "%C",
    ]


def test_costs_are_numbers_after_a_call():
    f = gemm_function()
    f(*example((3, 4), (4, 5), (3, 5)))
    [kernel] = gemmule.explain(f).kernels
    assert kernel.flops == 2 * 3 * 4 * 5
    assert kernel.bytes == 8 * (3 * 4 + 4 * 5 + 2 * 3 * 5)
    assert kernel.results[0].endswith(": f64[3,5]")
    assert "%C: f64[3,5]" in kernel.operands


def test_costs_are_numbers_for_given_arguments():
    f = gemm_function()
    values = example((3, 4), (4, 5), (3, 5))
    [kernel] = gemmule.explain(f, *values).kernels
    assert kernel.flops == 120
    [kernel] = gemmule.explain(f, *(mx.array(value) for value in values)).kernels
    assert kernel.flops == 120
    with pytest.raises(TypeError, match="4 arguments for a function of 3 inputs"):
        gemmule.explain(f, *values, values[0])


def test_explaining_with_arguments_changes_nothing():
    A = pt.matrix("A", dtype="float64")
    state = pytensor.shared(np.zeros((3, 3)), name="state")
    f = pytensor.function([A], state.sum(), updates=[(state, state + A @ A)], mode="GEMMULE")
    value = np.eye(3)
    explanation = gemmule.explain(f, value)
    assert explanation.counts["gemm"] == 1
    np.testing.assert_array_equal(state.get_value(), np.zeros((3, 3)))
    np.testing.assert_array_equal(value, np.eye(3))


# -- what was missed and what Python runs ----------------------------------------------------------


def test_a_product_with_two_readers_is_missed_and_says_so():
    A, B, C = matrices("ABC")
    product = A @ B
    product.name = "product"
    total = 0.5 * product + C
    total.name = "total"
    f = pytensor.function([A, B, C], [total, pt.exp(product)], mode="GEMMULE")
    explanation = gemmule.explain(f)
    assert explanation.counts["matmul"] == 1
    reasons = [row["reason"] for row in explanation.missed]
    assert any("other readers and would be computed twice" in reason for reason in reasons)
    assert "nearly matched:" in str(explanation)


def test_a_row_that_would_have_to_stretch_is_missed_and_says_so():
    A, B = matrices("AB")
    v = pt.vector("v", dtype="float64")
    f = pytensor.function([A, B, v], A @ B + v, mode="GEMMULE")
    explanation = gemmule.explain(f)
    assert explanation.counts["matmul"] == 1
    assert any("would have to broadcast to" in row["reason"] for row in explanation.missed)
    assert all(set(row) == {"rule", "node", "reason"} for row in explanation.missed)


def test_fallbacks_are_listed_with_their_reason():
    A = pt.matrix("A", dtype="float64")
    f = pytensor.function([A], pt.exp(NotInTheCore()(pt.tanh(A))) @ A, mode="GEMMULE")
    explanation = gemmule.explain(f)
    [fallback] = explanation.fallbacks
    assert "NotInTheCore" in fallback.op
    assert fallback.reason == "no lowering of NotInTheCore"
    assert "run in Python:" in str(explanation)
    value = np.eye(3)
    np.testing.assert_allclose(f(value), np.exp(2 * np.tanh(value)))
    explanation = gemmule.explain(f, value)
    assert len(explanation.graphs) == 2
    assert "NotInTheCore" in explanation.svg()


def test_other_modes_are_refused():
    A = pt.matrix("A")
    f = pytensor.function([A], A + 1, mode="FAST_COMPILE")
    with pytest.raises(TypeError, match='is not a function compiled with mode="GEMMULE"'):
        gemmule.explain(f)


# -- the native executor ---------------------------------------------------------------------------


def generalised_linear_model(name):
    """Log density of the data and its gradient for b; arguments."""
    X, b, y = pt.matrix("X"), pt.vector("b"), pt.vector("y")
    mu = X @ b
    logp = {
        "logistic": (y * mu - pt.softplus(mu)).sum(),
        "Poisson": (y * mu - pt.exp(mu)).sum(),
        "linear": -0.5 * ((y - mu) ** 2).sum(),
    }[name]
    f = pytensor.function([X, b, y], [logp, pt.grad(logp, b)], mode="GEMMULE")
    rng = np.random.default_rng(5)
    X, b = rng.normal(size=(20000, 64)), 0.1 * rng.normal(size=64)
    return f, (X, b, rng.integers(0, 2, 20000).astype("float64"))


GRADIENTS = {
    "logistic": lambda mu, y: ((y * mu - np.logaddexp(0, mu)).sum(), y - 1 / (1 + np.exp(-mu))),
    "Poisson": lambda mu, y: ((y * mu - np.exp(mu)).sum(), y - np.exp(mu)),
    "linear": lambda mu, y: (-0.5 * ((y - mu) ** 2).sum(), y - mu),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_matrix_that_is_read_once(name):
    gemmule.config.executor = "cpu"
    f, values = generalised_linear_model(name)
    explanation = gemmule.explain(f, *values)
    assert explanation.counts["row_blocks"] == 1
    assert not {"gemv", "matvec", "matmul"} & explanation.counts.keys()
    [kernel] = [kernel for kernel in explanation.kernels if kernel.kernel == "row_blocks"]
    X_bytes = values[0].nbytes
    assert X_bytes <= kernel.bytes < 1.1 * X_bytes  # once
    assert kernel.flops >= 4 * values[0].size  # two products
    assert "X@b" in kernel.equation
    assert "X.T@r" in kernel.equation
    assert kernel.equation in str(explanation)
    X, b, y = values
    logp, residual = GRADIENTS[name](X @ b, y)
    for got, want in zip(f(*values), (logp, X.T @ residual), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10 * abs(logp))


@pytest.mark.parametrize("how", ["switch", "size", "mlx"])
def test_a_matrix_that_is_read_twice(how):
    gemmule.config.executor = "mlx" if how == "mlx" else "cpu"
    gemmule.config.disable = ["row_blocks"] if how == "switch" else []
    f, (X, b, y) = generalised_linear_model("logistic")
    rows = 100 if how == "size" else len(X)
    counts = gemmule.explain(f, X[:rows], b, y[:rows]).counts
    assert counts["gemv"] == 2
    assert "row_blocks" not in counts


def test_sums_of_products_are_products():
    gemmule.config.executor = "cpu"
    a, b, A = pt.vector("a"), pt.vector("b"), pt.matrix("A")
    f = pytensor.function([a, b, A], [(a * b).sum(), (A * b).sum(axis=1)], mode="GEMMULE")
    values = example((6000,), (6000,), (50, 6000))
    explanation = gemmule.explain(f, *values)
    assert explanation.counts == {"dot": 1, "gemv": 1}
    assert "a@b" in str(explanation)
    dot, rows = f(*values)
    np.testing.assert_allclose(dot, values[0] @ values[1], rtol=1e-10)
    np.testing.assert_allclose(rows, values[2] @ values[1], rtol=1e-10)


# -- forms -----------------------------------------------------------------------------------------


def test_text_is_a_table():
    f = gemm_function()
    f(*example((64, 64), (64, 64), (64, 64)))
    header, row = str(gemmule.explain(f)).splitlines()
    assert header.split() == ["pattern", "kernel", "result", "flops", "bytes"]
    assert row.split("  ")[0].strip().endswith("= 0.5*A@B + C")
    assert row.split()[-4:] == ["gemm", "f64[64,64]", "524,288", "131,072"]


def test_data_round_trips_through_json():
    explanation = gemmule.explain(gemm_function())
    data = json.loads(explanation.to_json())
    assert data == explanation.to_dict()
    assert data["counts"] == {"gemm": 1}
    assert [row["name"] for row in data["passes"]] == [name for name, _ in explanation.passes]
    assert data["graph"].startswith("graph(%A: f64[")


def test_passes_are_those_of_the_core():
    names = [name for name, _ in gemmule.explain(gemm_function()).passes]
    assert names == [name for name, _ in gemmule._core.passes()]


@pytest.mark.parametrize("called", [False, True])
def test_picture_is_well_formed_and_shows_everything(tmp_path, called):
    f = gemm_function()
    if called:
        f(*example((3, 4), (4, 5), (3, 5)))
    explanation = gemmule.explain(f)
    path = tmp_path / "gemm.svg"
    text = explanation.svg(path)
    assert path.read_text(encoding="utf-8") == text == explanation._repr_html_()
    root = ElementTree.fromstring(text)
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"A", "B", "C", "gemm", "result"} <= set(words)
    assert len(root.findall(f"{SVG}path")) == 4  # three operands and the result
    width, height = float(root.get("width")), float(root.get("height"))
    for box in root.iter(f"{SVG}rect"):
        x, y = float(box.get("x", 0)), float(box.get("y", 0))
        assert x >= 0
        assert x + float(box.get("width")) <= width + 1
        assert y >= 0
        assert y + float(box.get("height")) <= height + 1


def test_boxes_of_a_layer_do_not_overlap():
    A, B, C = matrices("ABC")
    outputs = [pt.exp(A) @ B + C, pt.tanh(A @ C).sum(), B.sum(axis=0) @ C, pt.linalg.cholesky(C)]
    f = pytensor.function([A, B, C], outputs, mode="GEMMULE")
    root = ElementTree.fromstring(gemmule.explain(f).svg())
    boxes = [
        tuple(float(box.get(key)) for key in ("x", "y", "width", "height"))
        for box in root.findall(f"{SVG}rect")
        if box.get("x")
    ]
    assert len(boxes) > 8
    for i, (x, y, width, height) in enumerate(boxes):
        for x2, y2, width2, height2 in boxes[:i]:
            apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
            assert apart


def test_a_switch_prints_what_is_compiled(monkeypatch, capsys):
    monkeypatch.setattr(gemmule.config, "explain", True)
    gemm_function()
    captured = capsys.readouterr()
    assert "0.5*A@B + C" in captured.err
    assert captured.out == ""
