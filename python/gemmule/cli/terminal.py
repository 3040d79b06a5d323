"""What is written where: text or one JSON document, colours, progress."""

import contextlib
import json
import os
import sys

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def _has_codes(stream) -> bool:
    """Whether colours and moving lines may be written to it. See https://no-color.org."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


class Terminal:
    """The streams of one command."""

    def __init__(self, as_json: bool = False):
        self.as_json = as_json
        self._out = sys.stdout
        self._colours = _has_codes(self._out) and not os.environ.get("NO_COLOR")

    @contextlib.contextmanager
    def redirected(self):
        """With --json, what others print goes to stderr: the document is alone on stdout."""
        if not self.as_json:
            yield
            return
        with contextlib.redirect_stdout(sys.stderr):
            yield

    def style(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colours else text

    def show(self, text: str, document) -> None:
        """The result of a command: the text, or with --json the document."""
        if self.as_json:
            text = json.dumps(document, indent=2, allow_nan=False, default=_plain)
        print(text, file=self._out, flush=True)

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None):
        """A bar on stderr, a clock without a total; nothing where that is no terminal.

        Gives a function of the name of what begins now; each call but the first ends a step.
        """
        bar = _bar() if _has_codes(sys.stderr) else None
        if bar is None:
            yield lambda name: None
            return
        with bar:
            task = bar.add_task(what, total=total)
            begun = False

            def begins(name: str) -> None:
                nonlocal begun
                bar.update(task, description=f"{what}: {name}", advance=1 if begun else 0)
                begun = True

            yield begins


def _bar():
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    except ImportError:
        return None
    # The total may be unknown: the bar moves then.
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")) or None),
        transient=True,
    )


def _plain(value):
    """NumPy's numbers and arrays as those of JSON."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def aligned(rows: list[tuple[str, ...]], right: bool = False, indent: str = "") -> list[str]:
    """Columns of text; with `right` all but the first are aligned at the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if right and column else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines
