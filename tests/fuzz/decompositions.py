"""Decompositions and what is made of them.

Signs and orders are not unique: matrices are put together again, or only their sizes compared.
"""

from fuzz.linalg import COLUMNS, VECTOR
from fuzz.operands import array, choice, shaped, square
from fuzz.table import row

ONE, REAL = square("f", batch=(0,)), square("f")
#: LAPACK complains on the terminal about QR of nothing.
SOME = square("f", sizes=(1, 2, 3, 4, 5))
MATRIX = array("f", 2)
BOTH = shaped(lambda draft, chosen: chosen[0].shape, "f")

ROWS = [
    row('abs(pt.linalg.qr(well_conditioned({0}), mode="r"))', SOME),
    row("joined(pt.linalg.qr(well_conditioned({0})))", SOME),
    row("pt.linalg.svd(bounded({0}), compute_uv=False)", array("f", (2, 2, 3))),
    row("scaled(*pt.linalg.svd(well_conditioned({0}), full_matrices=False))", REAL),
    row("pt.linalg.pinv(well_conditioned({0}))", REAL),
    row("joined(pt.linalg.lu(well_conditioned({0})))", REAL),
    row("pt.linalg.lu(well_conditioned({0}), permute_l=True)[1]", ONE),
    row("pt.linalg.lu_solve(pt.linalg.lu_factor(well_conditioned({0})), {1})", ONE, COLUMNS),
    row("similar(*pt.linalg.schur(positive_definite({0})))", ONE),
    row("pt.linalg.expm(bounded({0}))", ONE),
    row("abs(pt.linalg.eig(positive_definite({0}))[0]).sum(-1)", ONE),
    row("pt.linalg.lstsq(well_conditioned({0}), {1}, -1.0)[0]", ONE, COLUMNS),
    row("pt.linalg.matrix_power(bounded({0}), {1})", ONE, choice("0", "1", "2", "3")),
    row("pt.linalg.kron({0}, {1})", MATRIX, MATRIX),
    row("pt.linalg.norm({0}, {1})", MATRIX, choice("None", '"fro"', "1", "inf")),
    row(
        "pt.linalg.solve_sylvester(positive_definite({0}), positive_definite({0}), {1})", ONE, BOTH
    ),
    row("pt.linalg.solve_discrete_lyapunov(bounded({0}) / 9, positive_definite({1}))", ONE, BOTH),
    row("pt.linalg.solve_continuous_lyapunov(positive_definite({0}), {1})", ONE, BOTH),
    row(
        'pt.linalg.solve(well_conditioned({0}), {1}, assume_a="tridiagonal", b_ndim=1)',
        ONE,
        VECTOR,
    ),
    row("pt.linalg.tensorinv(well_conditioned({0}), ind=1)", ONE),
    row("pt.linalg.tensorsolve(well_conditioned({0}), {1})", ONE, VECTOR),
]
