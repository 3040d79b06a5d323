"""What becomes of an error: one line on stderr and an exit status."""

import os
import sys
import traceback


class UsageError(Exception):
    """The command line asks for what there is not: exit status 2."""


class CommandError(Exception):
    """A failure whose message says all: exit status 1."""


def first_line(error: BaseException) -> str:
    """What went wrong, in one line. Errors of the command line's own come without their class."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if isinstance(error, UsageError | CommandError | ImportError) and line:
        return line
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def status_of(error: BaseException, name: str, terminal, debug: bool) -> int:
    """Tells the user of an error that ended a command; the exit status."""
    if isinstance(error, BrokenPipeError):  # `gemmule explain ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if debug:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        line, status = "interrupted", 130
    else:
        line, status = first_line(error), 2 if isinstance(error, UsageError) else 1
    print(f"{name}: error: {line}", file=sys.stderr)
    if terminal.as_json:
        terminal.show("", {"error": {"type": type(error).__name__, "message": line}})
    return status
