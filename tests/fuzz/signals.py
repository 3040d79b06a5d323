"""Fourier transforms and convolutions."""

from fuzz.operands import array, choice
from fuzz.table import row

SIGNAL = array("ff", (2, 3), sizes=(1, 2, 3, 4, 5, 7))
NORM = choice("None", '"ortho"', '"no_norm"')

ROWS = [
    row("pt.fft.rfft(bounded({0}), norm={1})", SIGNAL, NORM),
    row("pt.fft.irfft(pt.fft.rfft(bounded({0}), norm={1}), norm={1})", SIGNAL, NORM),
    row(
        'pt.signal.convolve1d(bounded({0}), bounded({1}), mode="{2}")',
        array("ff", 1, sizes=(1, 2, 3, 5)),
        array("ff", 1, sizes=(1, 2, 3, 5)),
        choice("full", "valid", "same"),
    ),
    row(
        # SciPy may go through a Fourier transform, which spreads infinities.
        'pt.signal.convolve2d(bounded({0}), bounded({1}), mode="{2}")',
        array("ff", 2, sizes=(1, 2, 3, 5)),
        array("ff", 2, sizes=(1, 2, 3)),
        choice("full", "valid", "same"),
    ),
]
