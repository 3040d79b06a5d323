"""Factorisations and solvers, on matrices of good condition.

What is not unique (signs of eigenvectors) goes through something that is.
"""

from fuzz.operands import array, choice, shaped, square
from fuzz.table import row

SQUARE, FLAG = square(), choice("True", "False")
REAL = square("f")


def _columns(draft, chosen):
    return [*chosen[0].shape[:-1], draft.random.choice([0, 1, 2, 3])]


COLUMNS = shaped(_columns, "f")
VECTOR = shaped(lambda draft, chosen: chosen[0].shape[-1:], "f")

ROWS = [
    row("pt.linalg.cholesky(positive_definite({0}), lower={1})", REAL, FLAG),
    row('pt.linalg.cholesky({0}, on_error="nan")', REAL),
    row("pt.linalg.cholesky({0})", REAL),
    row("pt.linalg.solve(well_conditioned({0}), {1})", REAL, COLUMNS),
    row("pt.linalg.solve(well_conditioned({0}), {1}, b_ndim=1)", square("f", batch=(0,)), VECTOR),
    row(
        'pt.linalg.solve(positive_definite({0}), {1}, assume_a="{2}")',
        REAL,
        COLUMNS,
        choice("pos", "sym", "gen"),
    ),
    row("pt.linalg.solve_triangular(triangular({0}), {1}, lower=True)", REAL, COLUMNS),
    row(
        "pt.linalg.solve_triangular(triangular({0}, False), {1}, lower=False, trans={2})",
        REAL,
        COLUMNS,
        choice("0", "1"),
    ),
    row(
        "pt.linalg.solve_triangular(triangular({0}), {1}, lower=True, b_ndim=1, unit_diagonal={2})",
        square("f", batch=(0,)),
        VECTOR,
        FLAG,
    ),
    row(
        "pt.linalg.cho_solve((pt.linalg.cholesky(positive_definite({0})), True), {1})",
        REAL,
        COLUMNS,
    ),
    row("pt.linalg.inv(well_conditioned({0}))", REAL),
    row("pt.linalg.det(well_conditioned({0}))", REAL),
    row("pt.linalg.slogdet(well_conditioned({0}))", REAL),
    row("pt.linalg.eigh(positive_definite({0}))[0]", REAL),
    row("abs(pt.linalg.eigh(positive_definite({0}))[1])", REAL),
    row("pt.linalg.eigvalsh(positive_definite({0}), None)", square("f", batch=(0,))),
    row("pt.linalg.block_diag({0}, {1})", array("fff", 2), array("fff", 2)),
    row("pt.diagonal({0}, offset={1})", array("fffi", (2, 3)), choice("0", "1", "-1")),
    row("pt.diag({0})", array("fffi", (1, 2))),
    row("pt.tril({0}, {1})", array("fffi", (2, 3)), choice("0", "1", "-1")),
    row("pt.triu({0}, {1})", array("fffi", (2, 3)), choice("0", "1", "-1")),
    row("pt.trace({0})", array("fff", 2)),
    row(
        "pt.eye({1}, {2}, {3}) * {0}",
        array("f", 0),
        choice("0", "1", "3"),
        choice("1", "3", "4"),
        choice("0", "1", "-2"),
    ),
    row("pt.linalg.solve({0}, {1})", REAL, COLUMNS),
]
