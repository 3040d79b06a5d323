"""PyTensor graphs as IR. `convert` does it; one module per family of ops says how."""

from gemmule.frontend import (  # noqa: F401  (each registers its ops)
    batched_index,
    blas,
    checks,
    conditional,
    creation,
    data,
    decompositions,
    elemwise,
    fourier,
    linalg,
    random,
    reductions,
    scan,
    shape,
    signal,
    sparse,
    subtensor,
)
from gemmule.frontend.convert import Conversion, HandedOn, Segment, Stage, convert
from gemmule.frontend.registry import lowering_of, lowers

__all__ = ["Conversion", "HandedOn", "Segment", "Stage", "convert", "lowering_of", "lowers"]
