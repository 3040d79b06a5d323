"""Writes docs/how-it-works.md, whose texts are printed by the tool itself.

Run it after a pass or a rule has changed: .venv/bin/python tools/how_it_works.py
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt

import gemmule
from gemmule import _core

DOCUMENT = Path(__file__).parent.parent / "docs" / "how-it-works.md"


def stages(graph) -> dict[str, str]:
    """The graph after each pass that changes it, as GEMMULE_DUMP=all prints it."""
    code = (
        "import sys; from gemmule import _core; "
        "_core.optimise(_core.Graph.parse(sys.stdin.read()), dump='all')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=str(graph), capture_output=True, text=True, check=True
    )
    return dict(re.findall(r"-- after (\w+)\n(graph.*?\n}\n)", run.stderr, re.S))


def example() -> gemmule.Explanation:
    A, B, C = pt.matrices("A", "B", "C")
    f = pytensor.function([A, B, C], pt.exp(2 * (C - A @ B.T) + 1), mode="GEMMULE")
    return gemmule.explain(f, *(np.ones((64, 64)) for _ in range(3)))


def document() -> str:
    explanation = example()
    graph = explanation.compiled.segments[0].segment.graph
    after = stages(graph)
    rules = dict(_core.rules())
    return TEMPLATE.format(
        graph=str(graph).rstrip(),
        passes="\n".join(f"| `{name}` | {summary} |" for name, summary in _core.passes()),
        flatten=after["flatten"].rstrip(),
        gemm=rules["gemm"],
        blas=after["blas"].rstrip(),
        fusion=after["fusion"].rstrip(),
        program=explanation.graph.rstrip(),
        table=explanation,
        rules="\n".join(rules.values()),
    )


TEMPLATE = """\
# How it works

One graph, followed from PyTensor to kernels. Every text below is printed by the tool itself.

```python
import numpy as np
import pytensor
import pytensor.tensor as pt

import gemmule

A, B, C = pt.matrices("A", "B", "C")
f = pytensor.function([A, B, C], pt.exp(2 * (C - A @ B.T) + 1), mode="GEMMULE")
```

## 1. PyTensor

PyTensor merges, canonicalises, stabilises and specialises the graph as for its other backends,
but does not look for BLAS calls and does not fuse: that is the core's work. Then the linker gets
the graph.

## 2. Frontend: from PyTensor's ops to the IR

`python/gemmule/frontend/` translates node by node. The IR has few ops, named as BLAS, LAPACK and
NumPy name them (`src/ir/ops.def`). Sizes that are not known are symbols. A node that the core
lacks cuts the graph in two segments, and Python runs it in between; this graph is one segment:

```python
segment = gemmule.explain(f).compiled.segments[0].segment
print(segment.graph)
```

```text
{graph}
```

## 3. Passes

`src/passes/pipeline.cpp` lists the passes in order; one loop runs, verifies, times and dumps
them. `GEMMULE_DUMP=all` prints the graph after each, `GEMMULE_DUMP=after:blas` after one, and so
does this:

```python
optimised = gemmule._core.optimise(segment.graph, dump="all")
```

| pass | what it does |
| --- | --- |
{passes}

**flatten** writes a sum in which a product takes part as one flat sum of scaled terms, whatever
its spelling. The factor 2 and the minus sign have become scales:

```text
{flatten}
```

**blas** applies rules to such sums. A rule is an equation, a replacement and the conditions under
which it holds:

```text
{gemm}
```

Here it fires:

```text
{blas}
```

A condition that fails gives a reason, which `explain(f).missed` shows.

**absorb** turns the transpose into a flag of the kernel, and **fusion** collects elementwise ops
that feed each other:

```text
{fusion}
```

## 4. Program: one per set of input shapes

At the first call with some shapes the sizes are put in, everything that depends on sizes and
constants alone is folded, and errors about sizes are raised, with the name of the node. The
program is kept for the next call with these shapes.

```python
values = [np.ones((64, 64)) for _ in range(3)]
print(gemmule.explain(f, *values).graph)
```

```text
{program}
```

## 5. Executor

On the CPU the program runs natively: instructions over memory planned beforehand, at once on the
calling thread. [native-executor.md](native-executor.md) goes on from here.

On other devices, or with `gemmule.config.executor = "mlx"`, it runs on MLX arrays: as MLX's own ops
where these do what is asked, and as Gemmule's primitives where MLX has none or loses something
(scales that are arrays or need double precision, BLAS and LAPACK of a real library on Linux).

NumPy inputs are read where they lie; Python's lock is released while a program runs that takes
long enough for another thread to make use of it.

## 6. Explanation

```python
print(gemmule.explain(f, *values))
gemmule.explain(f, *values).svg("program.svg")
```

```text
{table}
```

![The program as a picture](how-it-works.svg)

flops count `2*m*k*n` for a product and one per element and operation elsewhere; bytes count every
operand and result once (`src/plan/cost.h`).

## The rules

In the order in which they are tried, as `gemmule._core.rules()` gives them:

```text
{rules}
```
"""


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    example().svg(DOCUMENT.with_suffix(".svg"))
