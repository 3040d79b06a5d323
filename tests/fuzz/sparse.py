"""Sparse matrices, made from dense ones in the graph; results are dense again."""

from fuzz.operands import array, choice, shaped
from fuzz.table import row

MATRIX = array("ff", 2)
SAME = shaped(lambda draft, chosen: chosen[1].shape, "f")
FORMAT = choice("csr", "csc")


def _columns(draft, chosen):
    return [chosen[1].shape[1], draft.random.choice([0, 1, 2, 3])]


def _rows(draft, chosen):
    return [draft.random.choice([0, 1, 2, 3]), chosen[1].shape[0]]


ROWS = [
    row("dense({0}({1}))", FORMAT, MATRIX),
    row("sparse.structured_dot({0}({1}), {2})", FORMAT, MATRIX, shaped(_columns, "f")),
    row("sparse.dot({0}({1}), {2})", FORMAT, MATRIX, shaped(_columns, "f")),
    row("sparse.dot({2}, {0}({1}))", FORMAT, MATRIX, shaped(_rows, "f")),
    row("dense(sparse.dot({0}({1}), {0}({2})))", FORMAT, MATRIX, shaped(_columns, "f")),
    row("dense(sparse.add({0}({1}), {0}({2})))", FORMAT, MATRIX, SAME),
    row("sparse.add({0}({1}), {2})", FORMAT, MATRIX, SAME),
    row("dense(sparse.mul({0}({1}), {0}({2})))", FORMAT, MATRIX, SAME),
    row("dense(sparse.mul({0}({1}), {2}))", FORMAT, MATRIX, SAME),
    row("sparse.sp_sum({0}({1}), axis={2})", FORMAT, MATRIX, choice("None", "0", "1")),
    row("dense(sparse.transpose({0}({1})))", FORMAT, MATRIX),
    row("dense(sparse.structured_exp({0}({1})))", FORMAT, MATRIX),
    row("dense(sparse.col_scale({0}({1}), {2}[0]))", FORMAT, MATRIX, SAME),
    row("dense(sparse.row_scale({0}({1}), {2}[:, 0]))", FORMAT, MATRIX, SAME),
    row("dense(sparse.mul({0}({1}), {2}[0]))", FORMAT, MATRIX, SAME),
    row("dense(sparse.sampling_dot({2}, {2}, {0}({2} @ {2}.T)))", FORMAT, MATRIX, SAME),
    row(
        "pt.grad(sparse.structured_dot({0}({1}), {2}).sum(), {1})",
        FORMAT,
        MATRIX,
        shaped(_columns, "f"),
    ),
]
