"""One thread for the environment and the agent, so that the window's own never waits for either."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pygame


class Worker:
    """Does one thing at a time, aside; tells the window by an event when it is done.

    All of it happens in the same thread: some simulators and graphics contexts insist on that.
    """

    def __init__(self) -> None:
        self.wake = pygame.event.custom_type()
        """type of the event"""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="stage")
        self._doing: Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether something was started whose result nobody has taken yet."""
        return self._doing is not None

    def start(self, work: Callable[[], Any]) -> None:
        """Begin; only when not `busy`."""
        assert self._doing is None
        self._doing = self._pool.submit(work)
        self._doing.add_done_callback(self._tell)

    def result(self) -> Any:
        """What was done returned, or None while nothing is ready; raises what it raised."""
        if self._doing is None or not self._doing.done():
            return None
        done, self._doing = self._doing, None
        return done.result()

    def finish(self, work: Callable[[], Any]) -> None:
        """Wait for what is being done, whatever becomes of it, then do one last thing."""
        try:
            self._pool.submit(work).result()
        finally:
            self._pool.shutdown()

    def _tell(self, _: Future[Any]) -> None:
        with contextlib.suppress(pygame.error):  # the window was closed meanwhile
            pygame.event.post(pygame.event.Event(self.wake))
