"""Commands, their options, and what becomes of errors.

Nothing that is imported here imports more of Gemmule, PyTensor or MLX before it is needed:
``gemmule doctor`` works where these do not import.
"""

import argparse
import sys

from gemmule.cli import bench, doctor, explain, export, profile, run
from gemmule.cli.arguments import Parser
from gemmule.cli.errors import status_of
from gemmule.cli.terminal import Terminal

COMMANDS = {
    "doctor": doctor,
    "explain": explain,
    "profile": profile,
    "run": run,
    "export": export,
    "bench": bench,
}


class _Version(argparse.Action):
    def __init__(self, option_strings, dest, **options):
        super().__init__(option_strings, dest, nargs=0, help="the versions of Gemmule and MLX")

    def __call__(self, parser, namespace, values, option_string=None):
        from gemmule import _core

        print(f"gemmule {_core.__version__}, built against mlx {_core.built_against_mlx}")
        parser.exit()


def make_parser() -> Parser:
    parser = Parser(prog="gemmule", description="A compiler backend for PyTensor on MLX.")
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, module in COMMANDS.items():
        [summary, *_] = module.__doc__.splitlines()
        command = commands.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="one JSON document on stdout")
        command.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; its exit status: 0, 1 for a failure, 2 for wrong usage."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    terminal = Terminal(as_json="--json" in given)
    debug = "--debug" in given
    name = "gemmule"
    try:
        options = make_parser().parse_args(given)
        name = f"gemmule {options.command}"
        with terminal.redirected():
            return COMMANDS[options.command].run(options, terminal)
    except (Exception, KeyboardInterrupt) as error:
        return status_of(error, name, terminal, debug)
