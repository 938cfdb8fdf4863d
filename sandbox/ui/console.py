"""What a command says, and where: people on stdout and stderr, scripts (``--json``) on stdout alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from sandbox.core.files import to_json

if TYPE_CHECKING:
    from sandbox.core.run import Run
    from sandbox.ui.progress import Progress


class Console:
    """Prints for people, or one JSON object for scripts.

    A reader that goes away (``| head``) never stops the work: what cannot be printed is dropped.

    Args:
        json: Nothing but `emit` writes to stdout.
        quiet: No progress.
    """

    def __init__(self, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self.run: Run | None = None
        """The run being worked on, once a command has one; a crash leaves its traceback there."""
        self.live: Any = None
        """rich's console while a progress line is live: other text goes above that line."""

    def print(self, *text: Any) -> None:
        """Write for people, on stdout; nothing under ``--json``. Markup is not interpreted."""
        if not self.json:
            self._write(sys.stdout, " ".join(str(part) for part in text))

    def note(self, text: str) -> None:
        """Write a remark or a warning for people, on stderr, also under ``--json``."""
        self._write(sys.stderr, text)

    def emit(self, value: Mapping[str, Any]) -> None:
        """Write the one JSON object of ``--json`` to stdout; nothing without that option."""
        if self.json:
            self._write(sys.stdout, to_json(value))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
        """Print a table: drawn on a terminal, plain aligned columns elsewhere; None shows as ``–``."""
        if self.json:
            return
        cells = [["–" if cell is None else str(cell) for cell in row] for row in rows]
        if sys.stdout.isatty():
            self._rich_table(columns, cells, title)
            return
        if title:
            self.print(title)
        self.print(plain_table(columns, cells))

    def progress(self, total: int, description: str, unit: str = "steps") -> Progress:
        """Return a context manager whose ``update(done, **fields)`` shows how far the work is, on stderr.

        One live line on a terminal, a plain line every few seconds elsewhere, nothing when quiet.

        Args:
            total: What ``done`` will be at the end.
            description: What is being done, in a word or two.
            unit: What ``done`` counts.
        """
        from sandbox.ui.progress import Progress

        return Progress(self, total, description, unit)

    def _rich_table(self, columns: Sequence[str], cells: list[list[str]], title: str | None) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console as RichConsole
        from rich.table import Table

        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for index, column in enumerate(columns):
            right = bool(cells) and all(_is_number(row[index]) for row in cells)
            # The first column is what one copies: it is never broken.
            table.add_column(
                column, justify="right" if right else "left", overflow="fold", no_wrap=index == 0
            )
        for row in cells:
            table.add_row(*row)
        RichConsole(markup=False, highlight=False).print(table)

    def _write(self, stream: TextIO, text: str) -> None:
        if self.live is not None and stream.isatty():
            self.live.print(text, markup=False, highlight=False, soft_wrap=True)
            return
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            _detach(stream)
        except OSError:  # A full disk behind ``> file``; Python must not try again at its exit.
            _detach(stream)
            raise


def plain_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return columns aligned by spaces, numbers to the right, without trailing blanks."""
    lines = [list(columns), *[list(row) for row in cells]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    right = [bool(cells) and all(_is_number(row[index]) for row in cells) for index in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush_right else cell.ljust(width)
            for cell, width, flush_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    return cell == "–" or cell.replace(",", "").replace(".", "", 1).lstrip("-+").isdigit()


def _detach(stream: TextIO) -> None:
    """Let everything further written to a stream without a reader vanish, also at the exit of Python."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # Not a real file (a test's): it has no reader to lose.
