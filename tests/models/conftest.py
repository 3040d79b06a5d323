"""What tests of models share: PyTensor without a C compiler, whose start-up they would wait for."""

import pytensor
import pytest


@pytest.fixture(autouse=True, params=["float64"])
def floatx(request):
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE", floatX=request.param):
        yield request.param
