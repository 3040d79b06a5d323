"""Gemmule: a compiler backend for PyTensor on MLX.

Importing it registers ``mode="GEMMULE"`` and ``mode="MLX_BLAS"``. Where PyTensor is not installed,
`load` still runs programs from files.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from gemmule.cli import early as _early

# `gemmule doctor` runs here: what follows may fail, which is for it to explain.
_early.prepare()

import mlx.core as _mx  # noqa: E402, F401  (loads the library that the extension links to)

from gemmule import _core  # noqa: E402
from gemmule._core import InternalError, UnsupportedError  # noqa: E402


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
from gemmule.runtime import Program, load  # noqa: E402

_forking.register()

__all__ = ["InternalError", "Program", "UnsupportedError", "load"]

try:
    import pytensor as _pytensor  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "pytensor":
        raise
    # Programs from files run without it. The rest says what is missing when it is asked for.
    _WITH_PYTENSOR = (
        *("as_jax", "batched", "compile_model", "config"),
        *("explain", "export", "profile", "sample"),
    )

    def __getattr__(name: str):
        if name in _WITH_PYTENSOR:
            raise ModuleNotFoundError(
                f"gemmule.{name} needs PyTensor, which is not installed", name="pytensor"
            )
        raise AttributeError(f"module 'gemmule' has no attribute {name!r}")

else:
    _early.prepare()  # PyTensor has set its own hook for errors

    from gemmule import linker as _linker
    from gemmule import mlx_blas as _mlx_blas
    from gemmule.batched import Batched, batched
    from gemmule.config import config
    from gemmule.explain import Explanation, explain
    from gemmule.export import export
    from gemmule.linker import GemmuleLinker
    from gemmule.profile import Profile, profile

    # PyMC, nutpie and JAX are imported where one of these is used.
    _LATER = {"as_jax": "jax", "compile_model": "nutpie", "sample": "nutpie"}

    def __getattr__(name: str):
        if name in _LATER:
            return getattr(import_module(f"gemmule.{_LATER[name]}"), name)
        raise AttributeError(f"module 'gemmule' has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *_LATER})

    _linker.register()
    _mlx_blas.register()

    __all__ += [
        "Batched",
        "Explanation",
        "GemmuleLinker",
        "Profile",
        "as_jax",
        "batched",
        "compile_model",
        "config",
        "explain",
        "export",
        "profile",
        "sample",
    ]
