"""Writes docs/how-it-works.md and its pictures; all texts in it are printed by Gemmule itself.

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
from gemmule.drawing import Arrow, Box, draw
from gemmule.explain import KIND_OF_KERNEL

DOCUMENT = Path(__file__).parent.parent / "docs" / "how-it-works.md"
PICTURES = DOCUMENT.parent / "images"
VALUES = [np.ones((64, 64)) for _ in range(3)]


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
    return gemmule.explain(f, *VALUES)


# -- pictures --------------------------------------------------------------------------------------


class Picture:
    """Boxes and arrows; a value is known by any key."""

    def __init__(self):
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self.sources: dict = {}  # of a value: its box, and what arrows from it carry

    def add(self, kind, title, lines=(), reads=(), makes=(), label="") -> None:
        self.boxes.append(Box(kind, title, list(lines)))
        here = len(self.boxes) - 1
        self.arrows += [Arrow(self.sources[v][0], here, self.sources[v][1]) for v in reads]
        self.sources.update((value, (here, label)) for value in makes)


def picture_of_pytensor(fgraph) -> str:
    picture = Picture()
    for variable in fgraph.inputs:
        picture.add("input", variable.name, makes=[variable])
    for node in fgraph.toposort():
        kind = "product" if str(node.op) == "Dot" else "elementwise"
        if "Transpose" in str(node.op):
            kind = "movement"
        # Constants are part of the line below the title.
        texts = [str(v.data.item()) if hasattr(v, "data") else v.name or "" for v in node.inputs]
        line = ", ".join(text or "..." for text in texts)
        reads = [v for v in node.inputs if not hasattr(v, "data")]
        picture.add(kind, str(node.op), [f"({line})"], reads, node.outputs)
    picture.add("output", "result", reads=fgraph.outputs)
    return draw(picture.boxes, picture.arrows, "the graph of PyTensor")


def picture_of_ir(graph, title: str) -> str:
    picture = Picture()
    constants = {}
    for value in graph.inputs:
        name = graph.value_text(value).partition(":")[0].lstrip("%")
        picture.add("input", name, makes=[value], label=graph.type_text(value))
    for node in graph.nodes:
        [result] = node["outputs"]
        if node["op"] == "constant":
            constants[result] = f"{graph.constant_value(result).item():g}"
            continue
        reads = [value for value in node["inputs"] if value not in constants]
        operands = [
            constants.get(v) or graph.value_text(v).partition(":")[0].removeprefix("%")
            if v in constants or v in graph.inputs
            else graph.value_text(v).partition(":")[0]
            for v in node["inputs"]
        ]
        lines = [f"({', '.join(operands)})"]
        for name, value in node["attributes"].items():
            if name == "body":
                ops = [inner["op"] for inner in value.nodes if inner["op"] != "constant"]
                lines.append("body: " + ", then ".join(ops))
            else:
                lines.append(f"{name} = {value}")
        kind = KIND_OF_KERNEL.get(node["kernel"], "movement")
        if node["op"] == "scaled_sum":
            kind = "elementwise"
        name = graph.value_text(result).partition(":")[0]
        label = f"{name}: {graph.type_text(result)}"
        picture.add(kind, node["op"], lines, reads, [result], label)
    picture.add("output", "result", reads=graph.outputs)
    return draw(picture.boxes, picture.arrows, title)


def picture_of_instructions(text: str, names: list[str]) -> str:
    """What each kernel reads and writes: places in memory, in the order of time."""
    picture = Picture()
    for index, name in enumerate(names):
        picture.add("input", f"input {index}: {name}", makes=[f"input {index}"])
    for line in text.splitlines():
        match = re.match(r"(\S+) at (.+?) = (\w+)\((.*?)\)(  in place)?(?:  # (.*))?$", line)
        if match is None:
            continue
        dtype, place, kernel, operands, in_place, equation = match.groups()
        reads = [o for o in operands.split(", ") if o in picture.sources]
        kind = "product" if kernel == "gemm" else "elementwise"
        lines = [equation or operands, "in place" if in_place else f"writes {place}"]
        picture.add(kind, kernel, lines, reads, [place], f"{place}: {dtype}")
    picture.add("output", "output 0", reads=["output 0"])
    return draw(picture.boxes, picture.arrows, "the instructions")


def pictures() -> dict[str, str]:
    """Texts of SVGs by name."""
    explanation = example()
    compiled = explanation.compiled
    segment = compiled.segments[0]
    graph = segment.segment.graph
    after = stages(graph)
    names = [graph.value_text(v).partition(":")[0].lstrip("%") for v in graph.inputs]
    drawn = {
        "pytensor": picture_of_pytensor(compiled.fgraph),
        "ir": picture_of_ir(graph, "the IR"),
        "flatten": picture_of_ir(_core.Graph.parse(after["flatten"]), "after flatten"),
        "blas": picture_of_ir(_core.Graph.parse(after["blas"]), "after blas"),
        "fusion": picture_of_ir(_core.Graph.parse(after["fusion"]), "after fusion"),
        "program": explanation.svg(),
        "instructions": picture_of_instructions(segment.executable.program_text(VALUES), names),
    }
    return {f"how-it-works-{name}.svg": text for name, text in drawn.items()}


# -- the document ----------------------------------------------------------------------------------


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
        instructions=explanation.compiled.segments[0].executable.program_text(VALUES).rstrip(),
        table=explanation,
        rules="\n".join(rules.values()),
    )


TEMPLATE = """\
# How it works

One graph, followed from PyTensor to kernels. Every text and every picture below is made by Gemmule.

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
the graph:

![The graph of PyTensor: a transpose, a product, a difference, a product with 2, a sum with 1, exp]\
(images/how-it-works-pytensor.svg)

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

![The graph of the IR: the same nodes, with types](images/how-it-works-ir.svg)

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

![After flatten: a product, a flat sum of scaled terms, exp](images/how-it-works-flatten.svg)

**blas** applies rules to such sums. A rule is an equation, a replacement and the conditions under
which it holds:

```text
{gemm}
```

Here it fires:

```text
{blas}
```

![After blas: gemm, a sum, exp](images/how-it-works-blas.svg)

A condition that fails gives a reason, which `explain(f).missed` shows.

**absorb** turns the transpose into a flag of the kernel, and **fusion** collects elementwise ops
that feed each other:

```text
{fusion}
```

![After fusion: gemm with a flag, one pass over the elements](images/how-it-works-fusion.svg)

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
calling thread.

```python
executable = gemmule.explain(f).compiled.segments[0].executable
print(executable.program_text(values))
```

```text
{instructions}
```

![The instructions: gemm writes the memory of the result, the second kernel works there in place]\
(images/how-it-works-instructions.svg)

One line is one kernel: a result and where it lies, the kernel, where its operands lie. `gemm`
writes into the memory of the result, and the second kernel works there in place: nothing else is
allocated. Inputs are numbered as the graph above has them.
[native-executor.md](native-executor.md) goes on from here.

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

![The program as a picture: two kernels](images/how-it-works-program.svg)

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
    for name, text in pictures().items():
        (PICTURES / name).write_text(text)
