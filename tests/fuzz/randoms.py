"""Draws: what is drawn is the reference's, from a generator in the same state."""

from fuzz.operands import array, choice
from fuzz.table import row

PARAMETER = array("f", (0, 1), domain="inner")
POSITIVE = array("f", (0, 1), domain="positive!")
UNIT = array("f", (0, 1), domain="unit")

ROWS = [
    row("draws.normal({0}, 1.5)", PARAMETER),
    row("draws.normal(0, {0})", POSITIVE),
    *[
        row(f"draws.{name}(size={{0}})", choice("()", "(3,)", "(2, 0)", "(2, 3)"))
        for name in ("normal", "uniform", "exponential", "logistic", "laplace")
    ],
    row("draws.gamma({0}, scale=2.0)", POSITIVE),
    row("draws.beta({0}, 2.0)", POSITIVE),
    row("draws.poisson({0})", POSITIVE),
    row("draws.bernoulli({0})", UNIT),
    row("draws.binomial(7, {0})", UNIT),
    row("draws.geometric({0})", UNIT),
    row("draws.integers(0, 10, size={0})", choice("()", "(4,)")),
    row("draws.gumbel({0}, 2.0)", PARAMETER),
    row("draws.t({0}, 0, 1)", POSITIVE),
    row("draws.lognormal({0}, 0.5)", PARAMETER),
    row("draws.cauchy({0}, 1.5)", PARAMETER),
    row("draws.halfcauchy({0}, 1.5)", PARAMETER),
    row("draws.halfnormal(0, {0})", POSITIVE),
    row("draws.invgamma({0}, 2.0)", POSITIVE),
    row("draws.gengamma({0}, 2.0, 1.5)", POSITIVE),
    row("draws.pareto({0}, 2.0)", POSITIVE),
    row("draws.triangular(-3, {0}, 4)", UNIT),
    row("draws.truncexpon({0}, 0, 1)", POSITIVE),
    row("draws.vonmises({0}, 2.0)", PARAMETER),
    row("draws.wald({0}, 2.0)", POSITIVE),
    row("draws.weibull({0})", POSITIVE),
    row("draws.betabinom(7, {0}, 2.0)", POSITIVE),
    row("draws.nbinom(4, {0})", UNIT),
    row("draws.hypergeometric(7, 5, pt.ceil(4 * {0}).astype('int64'))", UNIT),
    row(
        "draws.multinomial(5, pt.special.softmax({0}))",
        array("f", 1, sizes=(2, 3), domain="small!"),
    ),
    row("draws.choice({0}, size=(2,), replace=False)", array("ffi", 1, sizes=(2, 4))),
    row("draws.permutation({0})", array("ffi", 1)),
    row("draws.choice({0}, size=(3,))", array("ffi", 1, sizes=(1, 2, 4))),
    row(
        "draws.categorical(pt.special.softmax({0}, axis=-1))",
        array("f", (1, 2), domain="small", sizes=(1, 2, 4)),
    ),
    row("draws.dirichlet(pt.abs({0}) + 1)", array("f", 1, sizes=(2, 3), domain="inner")),
    row(
        "draws.multivariate_normal({0}, pt.eye({0}.shape[0]))",
        array("f", 1, sizes=(1, 2, 3), domain="inner"),
    ),
]
