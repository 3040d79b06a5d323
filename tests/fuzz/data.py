"""Results whose sizes depend on data, and other ops on integers and positions."""

from fuzz.operands import array, choice, shaped
from fuzz.table import row

VECTOR, ANY = array("ffiub", 1), array("ffiub", (1, 2, 2, 3))
COUNTS = shaped(lambda draft, chosen: chosen[0].shape, "i")

ROWS = [
    row("pt.nonzero({0})", ANY),
    row("{0}[{0} > 0]", array("ffi", (1, 2))),
    row("pt.unique({0})", array("iiub", (1, 2))),
    row(
        "pt.unique({0}, return_inverse=True, return_counts=True)[{1}]",
        array("ii", 1),
        choice(*"012"),
    ),
    row("pt.repeat({0}, {1})", VECTOR, choice("0", "1", "3")),
    row("pt.repeat({0}, abs({1}) % 3)", VECTOR, COUNTS),
    row("pt.repeat({0}, 2, axis=0)", ANY),
    row(
        'pt.searchsorted(pt.sort({0}), {1}, side="{2}")',
        array("ff", 1),
        array("ff", (0, 1, 2)),
        choice("left", "right"),
    ),
    row("pt.unravel_index(abs({0}) % 6, (2, 3))", array("ii", (0, 1, 2))),
    row("pt.ravel_multi_index((abs({0}) % 2, abs({0}) % 3), (2, 3))", array("ii", (0, 1, 2))),
    row("pt.fill_diagonal({0}, {1})", array("fffi", 2), choice("0", "1", "-2")),
    row(
        "pt.fill_diagonal_offset({0}, {1}, {2})",
        array("ffi", 2),
        choice("0", "1"),
        choice("-1", "0", "2"),
    ),
    row("pt.bartlett({0}) * {1}", choice("0", "1", "5"), array("f", 0)),
    row("pt.choose(abs({0}) % 2, [{0}, -{0}])", array("ii", (1, 2))),
    row("pt.arange({0}.shape[0]) + pt.arange(pt.sum({0} > 0)).sum()", ANY),
    row("pt.zeros((pt.sum({0} > 0), 2)) + 1.0", array("ffi", 1)),
]
