"""The packages of MLX: Python's part, and on Linux one with the library itself."""

from importlib.metadata import PackageNotFoundError, version

#: Packages with the library: the extra of ``mlx`` that installs one ("" where all of them have it).
_EXTRAS = {"mlx-cpu": "cpu", "mlx-cuda-12": "cuda12", "mlx-cuda-13": "cuda13", "mlx-metal": ""}


def installed() -> dict[str, str]:
    """The versions of those that are installed, by name."""
    found = {}
    for name in ("mlx", *_EXTRAS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def command(wanted: str) -> str:
    """What installs this version of all of them.

    ``pip install mlx==VERSION`` would leave the package with the library as it is.
    """
    extras = ",".join(_EXTRAS[name] for name in installed() if _EXTRAS.get(name))
    return f"pip install 'mlx[{extras}]=={wanted}'" if extras else f"pip install mlx=={wanted}"
