"""Reductions, running sums, sorting."""

from fuzz.operands import array, axes, axis, choice
from fuzz.table import row

REAL, NUMBER = array("ffffiub"), array("ffffiubc")
KEEP = choice("True", "False")
FULL = array("ffffiub", (1, 2, 2, 3), sizes=(1, 2, 3, 4, 5))

ROWS = [
    *[
        row(f"{{0}}.{name}(axis={{1}}, keepdims={{2}})", NUMBER, axes(), KEEP)
        for name in ("sum", "sum", "prod", "mean")
    ],
    row(
        'pt.sum({0}, axis={1}, dtype="{2}")',
        array("fiub"),
        axes(),
        choice("float64", "int64", "float32"),
    ),
    row("pt.prod({0}, axis={1}, no_zeros_in_input=True)", array("f"), axes()),
    *[
        row(f"{{0}}.{name}(axis={{1}}, keepdims={{2}})", FULL, axes(), KEEP)
        for name in ("max", "min", "argmax", "argmin", "any", "all")
    ],
    row("{0}.var(axis={1}, ddof={2})", array("fff", (1, 2, 3)), axes(), choice("0", "1")),
    row("{0}.std(axis={1})", array("fff", (1, 2, 3), sizes=(2, 3, 5)), axes()),
    *[
        row(f"pt.{name}({{0}}, axis={{1}})", array("ffffiub", (1, 2, 3)), axis())
        for name in ("cumsum", "cumprod", "sort")
    ],
    *[row(f"pt.{name}({{0}})", array("ffffiub", (1, 2, 3))) for name in ("cumsum", "cumprod")],
    # Which of equal elements comes first is said of a stable sort only.
    row('pt.argsort({0}, axis={1}, kind="stable")', array("ffffiub", (1, 2, 3)), axis()),
    row("pt.sort({0}, axis=None)", array("ffi", (1, 2))),
    row("pt.diff({0}, n={1})", array("ffi", (1, 2)), choice("1", "2")),
    row("pt.linalg.norm({0})", array("f", (1, 2))),
    row("pt.ptp({0}, axis={1})", array("ffi", (1, 2), sizes=(1, 2, 3)), axis()),
]
