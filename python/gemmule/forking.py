"""Forked processes, which PyMC samples in: MLX's threads are not in the child.

The first evaluation there would wait for them for ever. The child gets a stream of its own, and so
a thread. Only for the CPU: no GPU survives a fork.
"""

import os

import mlx.core as mx


def _new_stream() -> None:
    mx.set_default_stream(mx.new_stream(mx.cpu))


def register() -> None:
    """From now on every forked child can evaluate on the CPU."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_new_stream)
