"""Gemmule: a compiler backend for PyTensor on MLX.

Importing it registers ``mode="GEMMULE"`` and ``mode="MLX_BLAS"``.
"""

from importlib.metadata import PackageNotFoundError, version

import mlx.core as _mx  # noqa: F401  (loads the library that the extension links to)

from gemmule import _core
from gemmule._core import InternalError, UnsupportedError


def _check_mlx() -> None:
    """The extension and MLX share C++ types: their versions must be the same."""
    try:
        found = version("mlx")
    except PackageNotFoundError:
        return
    if found != _core.built_against_mlx:
        raise ImportError(
            f"gemmule was built against mlx {_core.built_against_mlx}, but mlx {found} is "
            f"installed. Run: pip install mlx=={_core.built_against_mlx}"
        )


_check_mlx()

from gemmule import forking as _forking  # noqa: E402
from gemmule import linker as _linker  # noqa: E402
from gemmule import mlx_blas as _mlx_blas  # noqa: E402
from gemmule.batched import Batched, batched  # noqa: E402
from gemmule.config import config  # noqa: E402
from gemmule.explain import Explanation, explain  # noqa: E402
from gemmule.linker import GemmuleLinker  # noqa: E402
from gemmule.profile import Profile, profile  # noqa: E402

# PyMC and nutpie are imported where one of these is used.
_SAMPLING = ("compile_model", "sample")


def __getattr__(name):
    if name in _SAMPLING:
        from gemmule import nutpie

        return getattr(nutpie, name)
    raise AttributeError(f"module 'gemmule' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SAMPLING})


_forking.register()
_linker.register()
_mlx_blas.register()

__all__ = [
    "Batched",
    "Explanation",
    "GemmuleLinker",
    "InternalError",
    "Profile",
    "UnsupportedError",
    "batched",
    "compile_model",
    "config",
    "explain",
    "profile",
    "sample",
]
