"""The cases whose bars the native executor for the CPU has to meet, and these bars."""

from functools import partial

import pytensor.tensor as pt

from bench import direct
from bench.bars import Bar
from bench.case import Case
from bench.cases import (
    batched_gemm,
    elementwise,
    gemm,
    gemm_into,
    gemv,
    ger,
    mvnormal,
    normal_terms,
    plus_one,
    product,
)
from bench.models import (
    gp_marginal,
    hierarchical_regression,
    linear_regression,
    lkj_random_effects,
    logistic_regression,
    model,
    negative_binomial,
    normal_mixture,
    poisson_regression,
)

PEERS = ("NUMBA", "JAX", "C")

#: pytensor.function and the first call, without PyTensor's own rewriting, in milliseconds.
COMPILE_MS = 50.0

_PEERS_OF_BARS = ("products", "models", "one thread")

BARS = [
    Bar("products", "NUMBA", ("products",), each=1.05),
    Bar("gemm 8", "NUMBA", ("products",), case="gemm 8", each=0.6),
    Bar("models", "NUMBA", ("models",), mean=0.7, each=1.1),
    Bar(
        "logistic 10000 x 100",
        "NUMBA",
        ("models", "one thread"),
        case="logistic regression 10000 x 100",
        each=0.7,
    ),
    Bar("regressions, one thread", "NUMBA", ("one thread",), match="100000 x 50", each=0.6),
    Bar("products and models", "JAX", _PEERS_OF_BARS, mean=0.5, each=1.1),
    Bar("products and models", "C", _PEERS_OF_BARS, mean=0.5, each=1.1),
    Bar("n at least 256", "cblas", ("products", "direct"), each=1.05),
    Bar("x + 1", "C", ("trivial",), each=1.25),
    Bar("x + 1", "NUMBA", ("trivial",), each=1.0),
    Bar("elementwise, 4096", "NUMBA", ("elementwise",), each=0.5),
]


def cases() -> list[Case]:
    return [
        *_products(),
        *_direct(),
        *_models(),
        *_one_thread(),
        *_elementwise(),
        Case("x + 1, 10 numbers", 10, partial(plus_one, 10), quick=True, group="trivial"),
    ]


def _products() -> list[Case]:
    found = []
    for function in (gemm, gemv, ger):
        for n in (8, 64, 256, 1024):
            blas = direct.copy_and_gemm if function is gemm and n >= 256 else None
            found.append(
                Case(
                    f"{function.__name__} {n}",
                    n,
                    partial(function, n),
                    quick=n in (8, 64),
                    group="products",
                    direct=blas,
                )
            )
    batch = Case("batched gemm 64 x 16", 16, partial(batched_gemm, 64, 16), group="products")
    return [*found, batch]


def _direct() -> list[Case]:
    """Where PyTensor's modes are no peers: the result alone, and the result in place of C."""
    found = []
    for n in (256, 1024):
        found += [
            Case(f"A @ B {n}", n, partial(product, n), group="direct", direct=direct.product),
            Case(
                f"gemm into C {n}",
                n,
                partial(gemm_into, n),
                group="direct",
                direct=direct.gemm_into,
                donates=True,
            ),
        ]
    return found


def _models() -> list[Case]:
    of = partial(model, group="models")
    return [
        *(
            Case(
                f"MvNormal {n}, logp and gradient",
                n,
                partial(mvnormal, n, True),
                quick=n == 8,
                group="models",
            )
            for n in (8, 64, 256)
        ),
        of("logistic regression 1000 x 25", logistic_regression(1000, 25), 1000, quick=True),
        of("logistic regression 10000 x 100", logistic_regression(10000, 100), 10000),
        of("hierarchical regression", hierarchical_regression, 919),
        of("LKJ random effects", lkj_random_effects, 600),
        of("GP marginal 64", gp_marginal(64), 64),
        of("GP marginal 256", gp_marginal(256), 256),
        of("negative binomial", negative_binomial, 1000),
        of("mixture of normals", normal_mixture, 500),
    ]


def _one_thread() -> list[Case]:
    of = partial(model, group="one thread", threads=1)
    return [
        of("logistic regression 10000 x 100", logistic_regression(10000, 100), 10000),
        of("linear regression 100000 x 50", linear_regression(100000, 50), 100000),
        of("Poisson regression 100000 x 50", poisson_regression(100000, 50), 100000),
    ]


def _elementwise() -> list[Case]:
    n = 4096
    functions = {"log1p": pt.log1p, "tanh": pt.tanh, "exp": pt.exp, "gammaln": pt.gammaln}
    of = partial(Case, size=n, group="elementwise", dtypes=("float64",))
    return [
        *(
            of(f"{name} {n}", build=partial(elementwise, function, n), quick=name == "exp")
            for name, function in functions.items()
        ),
        of(f"normal terms {n}, one scale", build=partial(normal_terms, n, False)),
        of(f"normal terms {n}", build=partial(normal_terms, n, True)),
    ]
