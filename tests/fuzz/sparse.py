"""Sparse matrices: constants with dense operands, and some that are made from dense ones."""

from fuzz.operands import array, choice, setting, shaped
from fuzz.table import row

MATRIX = array("ff", 2)
SAME = shaped(lambda draft, chosen: chosen[0].shape, "f")
COLUMNS = shaped(lambda draft, chosen: [chosen[0].shape[1], draft.random.choice([0, 1, 2, 3])], "f")


def _constant(rows, columns):
    """A matrix of these sizes, which follow from operand 0."""

    def draw(draft, chosen):
        sizes = [rows(draft, chosen[0].shape), columns(draft, chosen[0].shape)]
        layout, seed = draft.random.choice(["csr", "csc"]), draft.random.randrange(100)
        return f'sparse_matrix({sizes[0]}, {sizes[1]}, "{layout}", {seed})'

    return setting(draw)


def _any(draft, shape):
    return draft.random.choice([1, 2, 3, 5])


LIKE = _constant(lambda draft, shape: shape[0], lambda draft, shape: shape[1])
ROWS_TWICE = _constant(lambda draft, shape: shape[0], lambda draft, shape: shape[0])
BEFORE = _constant(_any, lambda draft, shape: shape[0])
AFTER = _constant(lambda draft, shape: shape[1], _any)

ROWS = [
    row("sparse.structured_dot({1}, {0})", MATRIX, BEFORE),
    row("sparse.dot({1}, {0})", MATRIX, BEFORE),
    row("sparse.dot({0}, {1})", MATRIX, AFTER),
    row("pt.grad(sparse.dot({1}, {0} ** 2).sum(), {0})", MATRIX, BEFORE),
    row("sparse.add({1}, {0})", MATRIX, LIKE),
    row("dense(sparse.multiply({1}, {0}))", MATRIX, LIKE),
    row("dense(sparse.multiply({1}, {2}[0]))", MATRIX, LIKE, SAME),
    row("dense(sparse.add({1}, {1})) + {0}", MATRIX, LIKE),
    row("dense(sparse.multiply({1}, {1})) * {0}", MATRIX, LIKE),
    row("sparse.sp_sum({1}, axis={2}) + pt.sum({0})", MATRIX, LIKE, choice("None", "0", "1")),
    row("dense(sparse.transpose({1})) * {0}.T", MATRIX, LIKE),
    row("dense(sparse.col_scale({1}, {0}[0]))", MATRIX, LIKE),
    row("dense(sparse.row_scale({1}, {0}[:, 0]))", MATRIX, LIKE),
    row("dense(sparse.sampling_dot({0}, {2}, {1}))", MATRIX, ROWS_TWICE, SAME),
    row("sparse.structured_dot(csr({0}), {1})", MATRIX, COLUMNS),
    row("sparse.structured_dot(csc({0}), {1})", MATRIX, COLUMNS),
    row(
        "pt.grad(sparse.structured_dot({2}({0}), {1}).sum(), {0})",
        MATRIX,
        COLUMNS,
        choice("csr", "csc"),
    ),
]
