"""What BLAS takes when nothing stands before it: `cblas_?gemm` called by ctypes."""

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

_ROW_MAJOR, _NO_TRANSPOSE = 101, 111


@cache
def _library() -> tuple[ctypes.CDLL, str]:
    """The library that Gemmule uses, and what its names begin with. OSError where there is none."""
    if sys.platform == "darwin":
        return ctypes.CDLL("/System/Library/Frameworks/Accelerate.framework/Accelerate"), ""
    try:
        import scipy_openblas32
    except ImportError as error:
        raise OSError("scipy-openblas32 is not installed") from error
    folder = Path(scipy_openblas32.get_lib_dir())
    return ctypes.CDLL(str(next(folder.glob("lib*openblas*")))), "scipy_"


def gemm(alpha: float, a: np.ndarray, b: np.ndarray, beta: float, c: np.ndarray) -> Callable:
    """A function without arguments that does c = alpha * a @ b + beta * c, row by row in memory."""
    library, prefix = _library()
    letter, real = {"float64": ("d", ctypes.c_double), "float32": ("s", ctypes.c_float)}[
        a.dtype.name
    ]
    function = getattr(library, f"{prefix}cblas_{letter}gemm")
    function.restype = None
    (m, k), n = a.shape, b.shape[1]
    integers = [ctypes.c_int(value) for value in (_ROW_MAJOR, _NO_TRANSPOSE, _NO_TRANSPOSE)]
    sizes = [ctypes.c_int(size) for size in (m, n, k)]
    lda, ldb, ldc = (ctypes.c_int(size) for size in (k, n, n))
    pa, pb, pc = (ctypes.c_void_p(array.ctypes.data) for array in (a, b, c))
    arguments = (*integers, *sizes, real(alpha), pa, lda, pb, ldb, real(beta), pc, ldc)

    def run():
        function(*arguments)

    run.keeps = (a, b, c)  # the library sees addresses only
    return run


# -- as cases ask for them: from the values of the case to a function that returns the result -----


def product(values: list[np.ndarray]) -> Callable:
    """A @ B, always into the same memory"""
    a, b = values
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    run = gemm(1.0, a, b, 0.0, out)

    def call():
        run()
        return [out]

    return call


def copy_and_gemm(values: list[np.ndarray]) -> Callable:
    """0.5 * (A @ B) + C, always into the same memory: C is copied there first"""
    a, b, c = values
    out = np.empty_like(c)
    run = gemm(0.5, a, b, 1.0, out)

    def call():
        np.copyto(out, c)
        run()
        return [out]

    return call


def gemm_into(values: list[np.ndarray]) -> Callable:
    """C += 0.5 * (A @ B)"""
    a, b, c = values
    run = gemm(0.5, a, b, 1.0, c)

    def call():
        run()
        return [c]

    return call
