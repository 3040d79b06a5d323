"""The parser of the command line, and options that several commands have."""

import argparse

from gemmule.cli.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line. Options are written out: no abbreviations."""

    def __init__(self, **options):
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def error(self, message: str):
        raise UsageError(f"{message} (see {self.prog} --help)")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def add_name(parser, *, optional: bool = False) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?" if optional else None,
        help="a program that gemmule.export wrote, a Python file (FILE.py, FILE.py:NAME), or "
        "MODULE:NAME",
    )
    parser.add_argument(
        "--name",
        help="which variable of the Python file; otherwise `model`, `f`, or the only one that "
        "fits. A function without arguments is called",
    )


def add_file(parser) -> None:
    add_name(parser)
    parser.add_argument(
        "--function",
        help="which function of a program: main, or logp, expand and initial_point of a model",
    )


def add_inputs(parser) -> None:
    parser.add_argument(
        "--input",
        "-i",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a number, a list such as [[1, 2], [3, 4]], or FILE.npy; FILE.npz alone has several",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=3x4",
        help="random values of this shape (always the same)",
    )
