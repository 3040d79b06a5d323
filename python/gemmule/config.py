"""Switches of Gemmule, changed at any time with ``gemmule.config.<name> = value``.

Each starts from an environment variable and is read when a function is compiled.
"""

import os
from dataclasses import dataclass, field, fields

_CHOICES = {
    "fallback": ("allow", "warn", "error"),
    "executor": ("auto", "cpu", "mlx"),
    "device": ("cpu", "gpu", None),
}


def _names(text: str) -> list[str]:
    return [name for name in text.replace(" ", "").split(",") if name]


@dataclass
class Config:
    """The switches. Assigning a value that a switch does not have raises ``ValueError``."""

    #: What happens to a node that the core lacks: ``"allow"`` runs it in Python, ``"warn"`` does so
    #: with a warning, ``"error"`` raises `gemmule.UnsupportedError`. GEMMULE_FALLBACK.
    fallback: str = field(default_factory=lambda: os.environ.get("GEMMULE_FALLBACK", "allow"))
    #: ``"cpu"`` runs at once on the calling thread, ``"mlx"`` through MLX's lazy arrays, ``"auto"``
    #: takes the first where MLX's default device is the CPU. GEMMULE_EXECUTOR.
    executor: str = field(default_factory=lambda: os.environ.get("GEMMULE_EXECUTOR", "auto"))
    #: ``"cpu"``, ``"gpu"`` or ``None`` for MLX's default device. GEMMULE_DEVICE.
    device: str | None = field(default_factory=lambda: os.environ.get("GEMMULE_DEVICE") or None)
    #: Which IR to print while compiling, such as ``"after:blas"``. GEMMULE_DUMP.
    dump: str = field(default_factory=lambda: os.environ.get("GEMMULE_DUMP", ""))
    #: Names of rules and passes to leave out, as a list or with commas between. GEMMULE_DISABLE.
    disable: list[str] = field(default_factory=lambda: os.environ.get("GEMMULE_DISABLE", ""))
    #: Print the explanation of every function that is compiled. GEMMULE_EXPLAIN.
    explain: bool = field(
        default_factory=lambda: os.environ.get("GEMMULE_EXPLAIN", "") not in ("", "0")
    )

    def __setattr__(self, name, value):
        if name not in {field.name for field in fields(self)}:
            raise AttributeError(f"gemmule.config has no switch {name!r}")
        allowed = _CHOICES.get(name)
        if allowed is not None and value not in allowed:
            choices = ", ".join(map(str, allowed))
            raise ValueError(f"gemmule.config.{name} is one of {choices}; got {value!r}")
        if name == "disable":
            value = _names(value) if isinstance(value, str) else list(value)
        super().__setattr__(name, value)


config = Config()
