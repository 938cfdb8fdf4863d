"""The clock of a training, which others stop while they look at it."""

from __future__ import annotations

import time


class Stopwatch:
    """Wall and CPU seconds of the stretches between `go` and `halt`."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._since: tuple[float, float] | None = None

    def go(self) -> None:
        """Start it; it goes on where it stood."""
        self._since = (time.perf_counter(), time.process_time())

    def halt(self) -> None:
        """Stop it, if it runs."""
        if self._since is not None:
            self.wall += time.perf_counter() - self._since[0]
            self.cpu += time.process_time() - self._since[1]
            self._since = None
