"""Loops: sequences, states of one and of two taps, loops that stop, gradients of them."""

from fuzz.operands import array, choice, shaped
from fuzz.table import row

SEQUENCE = array("fff", (1, 2), sizes=(1, 2, 3, 4))
FLAG = choice("True", "False")


def _step(draft, chosen):
    return chosen[0].shape[1:]


STATE = shaped(_step, "f")

ROWS = [
    row("loop(lambda x: pt.tanh(x) + 1, [{0}])", SEQUENCE),
    row("loop(lambda x, s: 0.5 * s + x, [{0}], [{1}])", SEQUENCE, STATE),
    row(
        "loop(lambda x, s: 0.5 * s + pt.sin(x), [{0}], [{1}], go_backwards={2})",
        SEQUENCE,
        STATE,
        FLAG,
    ),
    row("loop(lambda x, s: pt.tanh(s - x), [{0}], [{1}])[-1]", SEQUENCE, STATE),
    row(
        "loop(lambda s: 0.9 * s + 1, [], [{0}], n_steps={1})",
        array("fff", (0, 1)),
        choice("1", "3", "5"),
    ),
    row(
        "loop(lambda s, a: pt.tanh(a @ s), [], [{1}], [{0}], n_steps=3)",
        array("f", 2, sizes=(2,)),
        shaped(lambda draft, chosen: [2], "f"),
    ),
    row(
        "loop(lambda x, y: x * y.sum(), [{0}, {1}])",
        SEQUENCE,
        shaped(lambda draft, chosen: chosen[0].shape, "f"),
    ),
    row(
        "loop(lambda x, s2, s1: x + 0.5 * s1 - 0.25 * s2, [{0}], "
        "[dict(initial=pt.stack([{1}, {1}]), taps=[-2, -1])])",
        SEQUENCE,
        STATE,
    ),
    row(
        "pt.grad(loop(lambda x, s: 0.5 * s + pt.sin(x), [{0}], [{1}])[-1].sum(), {0})",
        SEQUENCE,
        STATE,
    ),
    row(
        "pt.grad((loop(lambda x, s: pt.tanh(s * x), [{0}], [{1}]) ** 2).sum(), [{0}, {1}])",
        SEQUENCE,
        STATE,
    ),
    # branches, and what only gradients see
    row("pt.switch(pt.sum({0}) > 0, {0}, -{0})", array("f")),
    row("pytensor.ifelse(pt.gt(pt.sum({0}), 0), pt.exp(-abs({0})), pt.sin({0}))", array("f")),
    row("pt.grad(pytensor.gradient.grad_clip({0} ** 2, -1, 1).sum(), {0})", array("f", (0, 1, 2))),
    row("pt.grad(pytensor.gradient.grad_scale({0} ** 2, 3).sum(), {0})", array("f", (0, 1, 2))),
    row("pt.grad(({0} * pytensor.gradient.zero_grad({0})).sum(), {0})", array("f", (0, 1, 2))),
    row("pt.grad(({0} * pytensor.gradient.disconnected_grad({0})).sum(), {0})", array("f", (0, 1))),
]
