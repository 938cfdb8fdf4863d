"""The window in which people watch a single environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pygame
from gymnasium.error import Error
from numpy.typing import NDArray

INVISIBLE = ("offscreen", "dummy")
"""SDL's drivers that draw to nowhere; without a display SDL takes the first by itself and says nothing."""


class Window:
    """Shows frames at `fps`, until closed.

    Raises:
        gymnasium.error.Error: there is no display. SDL would silently draw to nowhere instead; who wants
            that sets SDL_VIDEODRIVER=dummy.
    """

    def __init__(self, title: str, size: tuple[int, int], fps: int) -> None:
        if not start_display():
            raise Error(f'{title}: render_mode="human" needs a display, and there is none; use "rgb_array"')
        self._surface = pygame.display.set_mode(size)
        pygame.display.set_caption(title)
        self._frame_s = 1.0 / fps
        self._due = time.monotonic()
        self._closed = False

    def show(self, frame: NDArray[Any]) -> None:
        """Show a frame (height, width, 3) uint8 when its time has come; nothing once the user closed it."""
        if self._closed:
            return
        # Without asking for events, window managers take the program for hung.
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()
            return
        picture = pygame.surfarray.make_surface(np.ascontiguousarray(frame.swapaxes(0, 1)))
        self._surface.blit(picture, (0, 0))
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic()) + self._frame_s
        pygame.display.flip()

    def close(self) -> None:
        """Close the window; calling it again does nothing."""
        if not self._closed:
            pygame.display.quit()
        self._closed = True


def start_display() -> bool:
    """Start pygame's display; False, and stopped again, where SDL would draw to nowhere without being told.

    Raises:
        pygame.error: SDL has no such driver as SDL_VIDEODRIVER names.
    """
    with _quiet_wayland():
        pygame.display.init()
    if pygame.display.get_driver() in INVISIBLE and not os.environ.get("SDL_VIDEODRIVER"):
        pygame.display.quit()
        return False
    return True


@contextmanager
def _quiet_wayland() -> Iterator[None]:
    """Name a folder where Wayland's library looks for its socket: without any it complains on stderr."""
    name = "XDG_RUNTIME_DIR"
    before = os.environ.get(name)
    if before is not None and os.path.isabs(before):  # noqa: PTH117 - as Wayland's library looks at it
        yield
        return
    os.environ[name] = os.devnull  # absolute, which is all that is asked, and surely without a socket
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
