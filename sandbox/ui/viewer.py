"""The window: an environment's picture, what the actor thinks of it, and a keyboard to interfere.

The loop sleeps until an event comes or the next step is due, whichever is first.
"""

from __future__ import annotations

import contextlib
import math
import time

import pygame

from sandbox.ui.hud import Surroundings, hud_of, number
from sandbox.ui.keyboard import ORDERS, key_name, symbols
from sandbox.ui.memory import Trail
from sandbox.ui.orders import Orders
from sandbox.ui.pace import speed_text
from sandbox.ui.panel import draw_help, draw_message, draw_panel
from sandbox.ui.playback import Playback
from sandbox.ui.screen import Screen, open_display
from sandbox.ui.show import Outcome, Show
from sandbox.ui.stage import Stage
from sandbox.ui.strip import strip_of, strip_px

LONGEST_NAP_S = 0.5
"""Ctrl-C is noticed within this time."""


class Viewer:
    """Shows a stage until people close the window, or all episodes are over.

    Args:
        stage: the environment and who acts in it; closed at the end.
        show: what else there is to know.
    """

    def __init__(self, stage: Stage, show: Show) -> None:
        self.show, self.play = show, Playback(stage, show)
        self.helping = False
        self.recording = show.record is not None
        self.saliency = stage.saliency
        """whether the picture says where decisions come from, or will, as soon as the worker is ready"""
        self._orders = Orders(self)
        self._message, self._message_until_s = "", 0.0
        self._dirty = True

    def run(self) -> Outcome:
        """Open the window and stay until it is closed; raises what the environment or the actor raises.

        Raises:
            Refused: there is no display any more.
        """
        screen: Screen | None = None
        try:
            # Before the environment does it, in the other thread: some systems insist on the main one.
            open_display()
            while not self.play.closed:
                self._dirty = self.play.take_result() or self._dirty
                if self.play.scene is not None and screen is None:
                    height, width = self.play.scene.picture.shape[:2]
                    trail = self._trail()
                    units = 0 if trail is None else trail.units
                    screen = self.screen = Screen(self.show.title, (width, height), units)
                    _quiet_devices()
                self.play.go_on()
                if self._dirty and screen is not None:
                    self.draw()
                for event in self._events():
                    self._handle(event)
        finally:
            # First the window: people who close one don't want to wait for an agent that thinks.
            pygame.display.quit()
            self.play.worker.finish(self._finish)
        return self.play.outcome

    def close(self) -> None:
        """Close the window soon; calling it again does nothing."""
        self.play.closed = True

    def say(self, text: str, seconds: float = 4.0) -> None:
        """Show a message for some seconds."""
        self._message, self._message_until_s = text, time.monotonic() + seconds
        self._dirty = True

    def rename(self) -> None:
        """Write into the window's bar how things stand, for who looks at a list of windows."""
        possible = (("paused", self.play.paused), ("you play", self.play.took_over()))
        states = [state for state, on in possible if on]
        pygame.display.set_caption(" – ".join([self.show.title, *states]))

    def draw(self) -> None:
        """Draw the whole window."""
        self._dirty = False
        assert self.play.scene is not None
        self._draw_picture()
        surface, area = self.screen.surface, self.screen.picture_area
        panel, text = self.screen.panel_area, self._message or self.prompt()
        draw_panel(surface, panel, hud_of(self.play.scene, self.surroundings()), text)
        if self.helping:
            draw_help(surface, self.screen.free_area, self._orders.help())
        elif text and not panel.width:
            draw_message(surface, area, text)
        pygame.display.flip()

    def _draw_picture(self) -> None:
        """The picture and, where that is wanted, the memory beneath it."""
        assert self.play.scene is not None
        trail, area = self._trail(), self.screen.free_area
        self.screen.strip_px = 0 if trail is None else strip_px(trail.units, area.height)
        self.screen.show_picture(self.play.scene.shown)
        if trail is not None and self.screen.strip_px:
            self.screen.show_strip(strip_of(trail, (area.width, self.screen.strip_px)))

    def _trail(self) -> Trail | None:
        """The memory to show now, if there is one and that is wanted."""
        return self.play.scene.memory if self.play.scene is not None and self.play.stage.memory else None

    def surroundings(self) -> Surroundings:
        """What the panel says besides the scene."""
        controls, status = self.show.controls, []
        if self.play.paused:
            status.append(("paused", "warn"))
        if self.play.took_over():
            status.append(("you play", "warn"))
        if self.saliency:
            status.append(("what the agent looks at", "look"))
        if self.recording:
            status.append(("recording", "bad"))
        keys: tuple[tuple[str, str], ...] = ()
        if self.play.by_hand and controls is not None:
            idle = controls.keys.get("")
            keys = tuple(
                (symbols(key), controls.name_of(action))
                for key, action in controls.keys.items()
                if "+" not in key or action != idle
            )
        returns = [episode["return"] for episode in self.play.outcome.episodes if episode["by_hand"]]
        return Surroundings(
            self.show.title,
            self.play.stage.actor_name,
            self.play.stage.env.action_space,
            str if controls is None else controls.name_of,
            keys,
            tuple(status),
            f"{speed_text(self.play.pace.speed)} · {self.play.pace.fps:g} fps · h help",
            max(returns, default=None) if self.play.stage.actor is None else None,
        )

    def prompt(self) -> str:
        """What the window waits for, if a person plays."""
        if not self.play.by_hand or self.play.scene is None or self.play.paused:
            return ""
        if self.play.scene.over:
            return f"Return {number(self.play.scene.total)}. Press a key to play again"
        return "" if self.play.begun() or self.play.scene.step else "Press a key to begin"

    def _finish(self) -> None:
        self.play.outcome.steps = self.play.stage.steps
        if self.play.scene is not None and not self.play.scene.over and self.play.scene.step:
            self.play.outcome.count(self.play.scene, finished=False)
        try:
            self._orders.stop_recording()
        finally:
            self.play.stage.close()

    # The person's side

    def _events(self) -> list[pygame.event.Event]:
        """Sleep until something happens or is due; what happened."""
        nap_ms = 0 if self._dirty else self._nap_ms()
        first = [pygame.event.wait(nap_ms)] if nap_ms else []
        return [*first, *pygame.event.get()]

    def _nap_ms(self) -> int:
        now_s = time.monotonic()
        if self._message and now_s >= self._message_until_s:
            self._message, self._dirty = "", True
            return 0
        nap_s = self.play.nap_s(LONGEST_NAP_S)
        if self._message:
            nap_s = min(nap_s, self._message_until_s - now_s)
        return math.ceil(1000 * nap_s)

    def _handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self.close()
        elif event.type == pygame.KEYDOWN:
            self._press(key_name(pygame.key.name(event.key), event.unicode))
        elif event.type == pygame.KEYUP:
            self.play.keyboard.release(key_name(pygame.key.name(event.key), ""))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.play.keyboard.release_all()
        elif event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED, pygame.WINDOWRESTORED):
            self._dirty = True

    def _press(self, key: str) -> None:
        """A key plays the environment if a person does and it can; else it is one of the window's."""
        if self.play.by_hand and self.play.keyboard.knows(key):
            self.play.press(key)
        elif key in ORDERS:
            self._orders.obey(ORDERS[key])
        self._dirty = True


def _quiet_devices() -> None:
    """Switch off what environments initialise along with pygame: both would keep an idle process awake."""
    with contextlib.suppress(pygame.error):
        pygame.joystick.quit()
        pygame.mixer.quit()
