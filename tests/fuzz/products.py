"""Products and the sums that BLAS computes with them."""

from fuzz.operands import array, choice, partner, shaped
from fuzz.table import row

MATRIX, VECTOR = array("ffffffic", 2), array("ffffffic", 1)
SCALE = choice("2", "0.5", "-1", "1", "-0.25", "1e-3")


def _of(*axes):
    """The shape whose sizes are ``(operand, axis)`` or are drawn (None)."""

    def shape(draft, chosen):
        return [
            draft.random.choice([0, 1, 2, 3, 4, 6])
            if item is None
            else chosen[item[0]].shape[item[1]]
            for item in axes
        ]

    return shape


def factor(*axes):
    return shaped(_of(*axes), "fffffic")


RIGHT, RIGHT_T, LEFT_T = factor((0, 1), None), factor(None, (0, 1)), factor((0, 0), None)

ROWS = [
    row("{0} @ {1}", MATRIX, RIGHT),
    row("{0} @ {1}.T", MATRIX, RIGHT_T),
    row("{0}.T @ {1}", MATRIX, LEFT_T),
    row("{0} @ {1}", MATRIX, factor((0, 1))),
    row("{0}.T @ {1}", MATRIX, factor((0, 0))),
    row("{1} @ {0}", MATRIX, factor((0, 0))),
    row("{0} @ {1}", VECTOR, factor((0, 0))),
    row("pt.outer({0}, {1})", VECTOR, VECTOR),
    row("{2} * ({0} @ {1}) + {3} * {4}", MATRIX, RIGHT, SCALE, SCALE, factor((0, 0), (1, 1))),
    row("{3} * {2} - {0}.T @ {1}", MATRIX, LEFT_T, factor((0, 1), (1, 1)), SCALE),
    row("{2} + {3} * ({0} @ {1}.T)", MATRIX, RIGHT_T, factor((1, 0)), SCALE),
    row("{0} @ {1} + {2}", MATRIX, RIGHT, factor((1, 1))),
    row("{0} @ {1} + {2}[:, None]", MATRIX, RIGHT, factor((0, 0))),
    row("{2} * ({0} @ {1}) + {3}", MATRIX, RIGHT, factor(), factor((0, 0), (1, 1))),
    row("({2} * {0}) @ {1} - {0} @ {1} / {3}", MATRIX, RIGHT, SCALE, choice("2", "7")),
    row("{2} * ({0} @ {1}) + {3} * {4}", MATRIX, factor((0, 1)), SCALE, SCALE, factor((0, 0))),
    row("{2} - {0}.T @ {1}", MATRIX, factor((0, 0)), factor((0, 1))),
    row("{0} + {3} * pt.outer({1}, {2})", MATRIX, factor((0, 0)), factor((0, 1)), SCALE),
    row("{0} - {1}[:, None] * {2}[None, :]", MATRIX, factor((0, 0)), factor((0, 1))),
    row("{0} @ {1} @ {2}", MATRIX, RIGHT, factor((1, 1))),
    row("({0} @ {1}) * ({0} @ {1} + {2})", MATRIX, RIGHT, SCALE),
    row("pt.exp(-(({0} @ {1}) ** 2))", array("f", 2), RIGHT),
    row("{0}.T @ ({0} @ {1} - {2})", MATRIX, factor((0, 1)), factor((0, 0))),
    row("({0} * {0}) @ {1} + {1}.sum()", MATRIX, factor((0, 1))),
    row("pt.dot({0}, {1})", MATRIX, RIGHT),
    row("pt.matmul({0}, {1})", array("ffffic", 3), factor((0, 0), (0, 2), None)),
    row("pt.matmul({0}, {1})", array("ffffic", 3), factor((0, 2), None)),
    row("pt.matmul({0}, {1})", MATRIX, factor(None, (0, 1), None)),
    row(
        "pt.matmul({0}, {1}) * {3} + {2}",
        array("fff", 3),
        factor((0, 0), (0, 2), None),
        factor((0, 0), (0, 1), (1, 2)),
        SCALE,
    ),
    row("pt.matvec({0}, {1})", array("fff", (2, 3)), factor((0, -1))),
    row("pt.vecmat({1}, {0})", array("fff", (2, 3)), factor((0, -2))),
    row("pt.vecdot({0}, {1})", array("fffc", (1, 2)), factor((0, -1))),
    row("pt.tensordot({0}, {1}, axes=1)", array("fff", (2, 3)), factor((0, -1), None)),
    row('pt.einsum("ij,kj->ik", {0}, {1})', array("fff", 2), RIGHT_T),
    row('pt.einsum("ij,ij->i", {0}, {1})', array("fff", 2), factor((0, 0), (0, 1))),
    row('pt.einsum("bij,bjk->bik", {0}, {1})', array("fff", 3), factor((0, 0), (0, 2), None)),
    row("({0} * {1}).sum()", array("fffi"), partner(0)),
    row("({0} * {1}).sum(axis=-1)", array("fffi", (1, 2, 3)), partner(0)),
    row("pt.sqrt(({0} ** 2).sum(axis=0)) + {1}", array("fff", (1, 2)), SCALE),
    row(
        "pt.linalg.kron({0}, {1})",
        array("fff", 2, sizes=(1, 2, 3)),
        array("fff", 2, sizes=(1, 2, 3)),
    ),
]
