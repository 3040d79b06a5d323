"""What graphs are made of: one line per op, in a module per family.

``row("pt.exp({0})", array("fc"))`` is text with operands in it; a name is needed only where several
rows have the same function.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.program import Draft, Value


@dataclass(frozen=True)
class Row:
    code: str
    operands: tuple[Callable, ...]

    def add(self, draft: Draft) -> list[Value]:
        """Appends a statement that this row describes. Raises `Refused`."""
        chosen: list = []
        texts = [operand(draft, chosen) for operand in self.operands]
        return draft.add(self.code.format(*texts))


def row(code: str, *operands) -> Row:
    return Row(code, operands)


def families() -> dict[str, list[Row]]:
    from fuzz import (
        data,
        decompositions,
        elementwise,
        indexing,
        linalg,
        loops,
        products,
        randoms,
        reductions,
        shapes,
        signals,
        sparse,
    )

    modules = (
        *(elementwise, reductions, products, linalg, indexing, shapes, loops, randoms),
        *(decompositions, data, signals, sparse),
    )
    return {module.__name__.rpartition(".")[2]: module.ROWS for module in modules}
