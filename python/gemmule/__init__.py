"""Gemmule: a compiler backend for PyTensor on MLX.

Importing it registers ``mode="GEMMULE"`` and ``mode="MLX_BLAS"``. Where PyTensor is not installed,
`load` still runs programs from files.
"""

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec

from gemmule.cli import early as _early
from gemmule.cli import mlx_packages as _mlx_packages

# `gemmule doctor` runs here: what follows may fail, which is for it to explain.
_early.prepare()

import mlx.core as _mx  # noqa: E402, F401  (loads the library that the extension links to)

from gemmule import _core  # noqa: E402
from gemmule._core import InternalError, UnsupportedError, wait  # noqa: E402


def _check_mlx() -> None:
    """The extension and MLX share C++ types: their versions must be the same."""
    built = _core.built_against_mlx
    for name, found in _mlx_packages.installed().items():
        if found != built:
            raise ImportError(
                f"gemmule was built against mlx {built}, but {name} {found} is installed. "
                f"Run: {_mlx_packages.command(built)}"
            )


_check_mlx()

from gemmule import forking as _forking  # noqa: E402
from gemmule.runtime import Program, load  # noqa: E402

_forking.register()

__version__: str = _core.__version__
__all__ = ["InternalError", "Program", "UnsupportedError", "load", "wait"]

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

    def _is_installed(name: str) -> bool:
        try:
            return _find_spec(name) is not None
        except (ImportError, ValueError):
            return False

    # PyMC, nutpie and JAX are imported where one of these is used.
    _LATER = {"as_jax": "jax", "compile_model": "nutpie", "sample": "nutpie"}

    def __getattr__(name: str):
        if name in _LATER:
            return getattr(_import_module(f"gemmule.{_LATER[name]}"), name)
        raise AttributeError(f"module 'gemmule' has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})

    _linker.register()
    _mlx_blas.register()

    __all__ += [
        "Batched",
        "Explanation",
        "GemmuleLinker",
        "Profile",
        "batched",
        "config",
        "explain",
        "export",
        "profile",
    ]
    # `from gemmule import *` and `help(gemmule)` get every name that is listed.
    if _is_installed("jax"):
        __all__ += ["as_jax"]
    if _is_installed("nutpie") and _is_installed("pymc"):
        __all__ += ["compile_model", "sample"]
