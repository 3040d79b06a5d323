"""What all tests share: the switches are restored, and values are tested on both executors."""

from dataclasses import fields

import pytest

import gemmule


@pytest.fixture(autouse=True)
def switches():
    """`gemmule.config` after a test is what it was before."""
    before = {field.name: getattr(gemmule.config, field.name) for field in fields(gemmule.config)}
    yield
    for name, value in before.items():
        setattr(gemmule.config, name, value)


@pytest.fixture(params=["cpu", "mlx"])
def executor(request, switches):
    """Functions compiled in the test run on this executor.

    A module whose tests compare values starts with
    ``pytestmark = pytest.mark.usefixtures("executor")``.
    """
    gemmule.config.executor = request.param
    return request.param
