"""The command line before Gemmule is imported, which may fail: that is what `doctor` is for.

The script and ``python -m gemmule`` import the package, and so this, before they call `main`.
"""

import os
import sys


def _is_command_line() -> bool:
    first = (getattr(sys, "argv", None) or [""])[0]
    if first == "-m":
        return any(text in ("gemmule", "-mgemmule") for text in sys.orig_argv)
    return os.path.splitext(os.path.basename(first))[0] == "gemmule"


def prepare() -> None:
    """Runs ``gemmule doctor``; for other commands, one line where the import fails."""
    if not _is_command_line():
        return
    if sys.argv[1:2] == ["doctor"]:
        from gemmule.cli.command_line import main

        sys.exit(main())
    if "--debug" not in sys.argv:
        sys.excepthook = _one_line


def _one_line(kind, error, trace) -> None:
    sys.excepthook = sys.__excepthook__
    if not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
        return
    from gemmule.cli.errors import CommandError, first_line, status_of
    from gemmule.cli.terminal import Terminal

    line = f"{first_line(error)} (gemmule doctor says more)"
    status_of(CommandError(line), "gemmule", Terminal("--json" in sys.argv), debug=False)
