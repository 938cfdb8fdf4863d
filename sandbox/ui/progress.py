"""How far the work is: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Protocol

PLAIN_EVERY_S = 5.0
LIVE_EVERY_S = 0.1


class Notes(Protocol):
    """What of a `Console` is needed here."""

    quiet: bool
    live: Any

    def note(self, text: str) -> None: ...


class Progress:
    """Made by `Console.progress`, used as a context manager.

    Nested or repeated use on one terminal is fine as long as one ends before the next begins.
    """

    def __init__(self, console: Notes, total: int, description: str, unit: str) -> None:
        self.total = total
        self.description = description
        self.unit = unit
        self._console = console
        self._live: Any = None
        self._task: Any = None
        self._first: tuple[float, int] | None = None
        self._shown_at = 0.0
        self._shown: str | None = None
        self._line = ""

    def __enter__(self) -> Progress:
        self._shown_at = time.monotonic()
        if not self._console.quiet and sys.stderr.isatty():
            self._start_live()
        return self

    def update(self, done: int, **fields: float | str) -> None:
        """Show that ``done`` of the total is reached, with ``fields`` such as ``episode_return=123.4``."""
        if self._console.quiet:
            return
        now = time.monotonic()
        if self._first is None:
            # The speed counts from the first report on: a resumed run does not start at 0.
            self._first = (now, done)
        if now - self._shown_at < LIVE_EVERY_S and done < self.total:
            return
        self._line = self._describe(done, now, fields)
        if self._live is not None:
            self._live.update(self._task, completed=done, text=self._line)
            self._shown_at = now
        elif now - self._shown_at >= PLAIN_EVERY_S:
            self._print(now)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._console.live = None
        elif self._line and self._line != self._shown:
            self._print(time.monotonic())

    def _print(self, now: float) -> None:
        self._console.note(f"{self.description}: {self._line}")
        self._shown, self._shown_at = self._line, now

    def _describe(self, done: int, now: float, fields: dict[str, float | str]) -> str:
        """``12,288/100,000 steps (12%) · 31,000/s · episode return 123.4``."""
        parts = [f"{done:,}/{self.total:,} {self.unit} ({min(100 * done // max(self.total, 1), 100)}%)"]
        started, first = self._first or (now, done)
        if now > started and done > first:
            parts.append(_speed((done - first) / (now - started)))
        parts += [f"{name.replace('_', ' ')} {_show(value)}" for name, value in fields.items()]
        return " · ".join(parts)

    def _start_live(self) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._live = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=RichConsole(stderr=True, highlight=False),
            refresh_per_second=8,
        )
        self._task = self._live.add_task(self.description, total=max(self.total, 1), text="")
        self._live.start()
        self._console.live = self._live.console


def _speed(per_second: float) -> str:
    """``31,000/s``, ``2.4/s``, and ``12 s each`` for what is slower than one a second."""
    if per_second < 1:
        return f"{1 / per_second:.2g} s each" if per_second > 0.01 else f"{1 / per_second:,.0f} s each"
    return f"{per_second:.1f}/s" if per_second < 10 else f"{per_second:,.0f}/s"


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
