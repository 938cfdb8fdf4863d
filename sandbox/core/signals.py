"""Stopping politely: the first Ctrl-C or SIGTERM is a request, the second one an order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Terminated(KeyboardInterrupt):
    """SIGTERM, where nobody is there to finish and save; ends the process with exit code 143."""

    exit_code = 128 + signal.SIGTERM


class StopRequest:
    """While this is entered, the first SIGINT or SIGTERM is only noted, and the second one raises.

    The loop asks ``stop.requested`` where it is safe to stop:

        with StopRequest(on_first=lambda: console.note("finishing this update, then saving …")) as stop:
            while not stop.requested:
                …

    Outside of the main thread, where Python cannot handle signals, it does nothing.

    Args:
        on_first: Called once, from the signal handler, at the first signal.

    Raises:
        KeyboardInterrupt: At the second signal (`Terminated`, a subclass, if that is SIGTERM).
    """

    def __init__(self, on_first: Callable[[], None] | None = None) -> None:
        self.signum: int | None = None
        self._on_first = on_first
        self._previous: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signum is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal: 130 for Ctrl-C, 143 for SIGTERM; 0 without one."""
        return 0 if self.signum is None else 128 + self.signum

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            # What is ignored stays ignored: nohup's SIGHUP, say.
            heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._previous = {number: signal.signal(number, self._receive) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous = {}

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise_interrupt(signum, frame)
        self.signum = int(signum)
        if self._on_first is not None:
            # In the middle of a write to the same stream Python refuses another; a note is not worth a crash.
            with contextlib.suppress(RuntimeError):
                self._on_first()


def raise_interrupt(signum: int, frame: FrameType | None) -> None:
    """Signal handler that raises KeyboardInterrupt, or `Terminated` for SIGTERM."""
    raise Terminated if signum == signal.SIGTERM else KeyboardInterrupt
