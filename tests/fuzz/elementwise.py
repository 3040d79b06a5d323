"""Elementwise ops: every scalar function, on its domain and now and then outside."""

from fuzz.operands import array, choice, partner, real
from fuzz.table import row

ANY, NUMBER, FLOAT = array(), array("ffffiuc"), array("fffc")


def _unary(names: str, operand):
    return [row(f"pt.{name}({{0}})", operand) for name in names.split()]


def _binary(names: str, first=NUMBER, second=None):
    second = second or partner(0)
    return [row(f"pt.{name}({{0}}, {{1}})", first, second) for name in names.split()]


ROWS = [
    # arithmetic
    *_binary("add sub mul"),
    *_binary("add mul", ANY),
    *_binary("true_div", NUMBER),
    *_binary("floor_div mod", real(), partner(0, "ffffiiu")),
    *_binary("pow", real("positive"), partner(0, "f", "small")),
    row("{0} ** {1}", real("small"), choice("0", "1", "2", "3", "-1", "0.5", "-2", "1.5")),
    row("{0} * {1}", NUMBER, choice("2", "0.5", "-1", "3.0", "0", "1", "-1.5")),
    row("{1} - {0}", NUMBER, choice("2", "0.5", "-1", "3.0", "0", "1")),
    row("{0} / {1}", NUMBER, choice("2", "0.5", "-1", "3.0", "7")),
    row("pt.add({0}, {1}, {2})", NUMBER, partner(0), partner(0)),
    row("pt.mul({0}, {1}, {2})", NUMBER, partner(0), partner(0)),
    *_binary("maximum minimum", array("ffffiub"), partner(0, "ffffiub")),
    *_binary("arctan2", real(), partner(0, "fffi")),
    *_unary("neg abs sqr reciprocal", NUMBER),
    *_unary("sign floor ceil trunc", array("ffffiu")),
    row('pt.round({0}, mode="{1}")', array("fff"), choice("half_to_even", "half_away_from_zero")),
    *_unary("sqrt", real("positive")),
    *_unary("sqrt", FLOAT),
    # exponentials and trigonometry
    *_unary("exp exp2 expm1 sinh cosh sin cos tan tanh arctan arcsinh", real("small")),
    *_unary("exp sin cos tanh", FLOAT),
    *_unary("log log2 log10 log1p", real("positive")),
    *_unary("log", FLOAT),
    *_unary("arcsin arccos arctanh", real("inner")),
    row("pt.arccosh(1 + {0})", real("positive")),
    # statistics and special functions
    *_unary("sigmoid softplus erf erfc i0 i1 j0 j1", real("small")),
    *_unary("sigmoid softplus erf erfc", array("ff")),
    *_unary("erfcx", real("positive")),
    *_unary("erfinv", real("inner")),
    row("pt.erfcinv(2 * {0})", real("unit")),
    *_unary("gamma gammaln digamma", real("positive")),
    # SciPy's polygamma takes minutes for large negative numbers.
    *_unary("tri_gamma", real("positive!")),
    *_unary("log1mexp", real("negative")),
    *_binary("logaddexp", real("small"), partner(0, "ffi", "small")),
    *_binary("gammainc gammaincc", real("positive"), partner(0, "ffi", "positive")),
    # SciPy gives NaN for huge orders, where the limits are known.
    *_binary("ive kve jv", real("positive!"), partner(0, "ff", "positive!")),
    row(
        "pt.betainc({0}, {1}, {2})",
        real("positive"),
        partner(0, "f", "positive"),
        partner(0, "f", "unit"),
    ),
    *_binary("polygamma", array("i", domain="count"), partner(0, "ff", "positive!")),
    *_binary("gammaincinv gammainccinv", real("positive"), partner(0, "ff", "unit")),
    row(
        "pt.betaincinv({0}, {1}, {2})",
        real("positive"),
        partner(0, "f", "positive"),
        partner(0, "f", "unit"),
    ),
    # SciPy's owens_t has an error of 3e-8 where its second operand is tiny.
    row("pt.owens_t({0}, 0.5 + abs({1}))", real("small!"), partner(0, "ff", "small!")),
    # SciPy gives NaN for huge parameters, and numbers for NaN beside a 0.
    row(
        "pt.hyp2f1({0}, {1}, 2 + {2}, {3})",
        real("positive!"),
        partner(0, "f", "positive!"),
        partner(0, "f", "positive!"),
        partner(0, "f", "inner"),
    ),
    # comparison, logic and choice
    *_binary("eq neq", ANY),
    *_binary("lt le gt ge", array("ffffiub"), partner(0, "ffffiub")),
    *_unary("isnan isinf", ANY),
    *_binary("bitwise_and bitwise_or bitwise_xor", array("iub"), partner(0, "iub")),
    *_unary("invert", array("iub")),
    row("pt.switch({0}, {1}, {2})", array("bbif"), partner(0), partner(0)),
    row("pt.where({0} > 0, {0}, {1})", array("ffi"), partner(0)),
    row("pt.clip({0}, {1}, {2})", array("ffffi"), partner(0, "ffi"), partner(0, "ffi")),
    row("pt.clip({0}, {1}, {2})", array("ffffiu"), choice("-1", "0", "0.5"), choice("1", "2")),
    # dtypes
    row(
        '{0}.astype("{1}")',
        array("ffffiub", domain="small"),
        choice(
            "bool",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float32",
            "float64",
        ),
    ),
    row('{0}.astype("{1}")', array("ffffiubc"), choice("complex64", "complex128")),
    *_unary("conjugate real imag angle", FLOAT),
    row("pt.complex({0}, {1})", array("fff"), partner(0, "f")),
    # one function of several
    row("inner(lambda a, b: pt.exp(-pt.abs(a)) * b + a, {0}, {1})", array("fff"), partner(0, "f")),
    row("inner(lambda a: a - a.max(), {0})", array("f", (1, 2), sizes=(1, 2, 3, 5))),
    row("pt.special.softmax({0}, axis=-1)", array("f", (1, 2, 3), domain="small")),
    row("pt.special.log_softmax({0}, axis=-1)", array("f", (1, 2, 3), domain="small")),
    row("pt.logsumexp({0}, axis=-1)", array("f", (1, 2, 3), domain="small")),
]
