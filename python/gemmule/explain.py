"""What became of a compiled function."""

from collections import Counter

from gemmule.compiled import CompiledFunction
from gemmule.fallback import Fallback


def compiled_function(f) -> CompiledFunction:
    """The `CompiledFunction` behind a PyTensor function, or behind what PyMC wraps around one.

    Raises ``TypeError`` for anything that was not compiled with ``mode="GEMMULE"``.
    """
    seen = f
    for _ in range(4):
        jit_fn = getattr(getattr(seen, "vm", None), "jit_fn", None)
        if isinstance(getattr(jit_fn, "gemmule", None), CompiledFunction):
            return jit_fn.gemmule
        for attribute in ("f", "_pytensor_function", "fn", "func"):
            inner = getattr(seen, attribute, None)
            if inner is not None:
                seen = inner
                break
        else:
            break
    raise TypeError(f'{f!r} is not a function compiled with mode="GEMMULE"')


class Explanation:
    """The kernels of a compiled function, and what the core did not take."""

    def __init__(self, compiled: CompiledFunction):
        self.compiled = compiled

    @property
    def counts(self) -> dict[str, int]:
        """How many kernels of each name the program has: ``{"gemm": 1}``."""
        total = Counter()
        for optimised in self.compiled.optimised:
            total.update(optimised.counts)
        return dict(total)

    @property
    def fallbacks(self) -> list[Fallback]:
        """Nodes that Python runs: node, op, reason, path."""
        return self.compiled.fallbacks

    @property
    def missed(self) -> list[dict]:
        """Patterns that almost matched, and why they did not."""
        return [row for optimised in self.compiled.optimised for row in optimised.missed]

    @property
    def kernels(self) -> list[dict]:
        return [row for optimised in self.compiled.optimised for row in optimised.kernels]

    @property
    def timings(self) -> list:
        return [optimised.timings for optimised in self.compiled.optimised]

    @property
    def graph(self) -> str:
        """The IR of the program; its segments in order."""
        return "\n".join(str(graph) for graph in self.compiled.graphs)

    def __str__(self) -> str:
        lines = [f"{name}: {count}" for name, count in sorted(self.counts.items())]
        lines += [f"in Python ({item.path}): {item.op}: {item.reason}" for item in self.fallbacks]
        return "\n".join(lines) or "nothing to compute"


def explain(f) -> Explanation:
    """Explains a function compiled with ``mode="GEMMULE"``; it need not have been called."""
    return Explanation(compiled_function(f))
