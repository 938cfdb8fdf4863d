"""The window: an environment's picture, what the actor thinks of it, and a keyboard to interfere.

The loop sleeps until an event comes or the next step is due, whichever is first.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

import pygame

from sandbox.ui.hud import Surroundings, hud_of, number
from sandbox.ui.keyboard import ORDERS, Keyboard, key_name, symbols
from sandbox.ui.orders import Orders
from sandbox.ui.pace import Pace, speed_text
from sandbox.ui.panel import draw_help, draw_message, draw_panel
from sandbox.ui.recorder import fps_of
from sandbox.ui.screen import Screen, prepare
from sandbox.ui.show import Outcome, Show
from sandbox.ui.stage import Scene, Stage
from sandbox.ui.worker import Worker

LONGEST_NAP_MS = 500
"""Ctrl-C is noticed within this time."""
END_SHOWN_S = 0.9
"""how long the last picture of an episode stays"""


class Viewer:
    """Shows a stage until people close the window, or all episodes are over.

    Args:
        stage: the environment and who acts in it; closed at the end.
        show: what else there is to know.
    """

    def __init__(self, stage: Stage, show: Show) -> None:
        self.stage, self.show = stage, show
        self.outcome = Outcome()
        self.pace = Pace(fps_of(stage.env), show.speed)
        keys = {} if show.controls is None else show.controls.keys
        self.keyboard = Keyboard(keys, stage.env.action_space)
        self.by_hand = stage.actor is None
        self.paused = False
        self.helping = False
        self.recording = show.record is not None
        self.single_steps = 0
        """steps asked for one by one"""
        self.scene: Scene | None = None
        self.todo: list[Callable[[], Any]] = []
        """what the worker does next, before any step"""
        self.closed = False
        self._orders = Orders(self)
        self._message, self._message_until_s = "", 0.0
        self._dirty = True

    def run(self) -> Outcome:
        """Open the window and stay until it is closed; raises what the environment or the actor raises."""
        prepare()
        # Before the environment does it, in the other thread: some systems insist on the main one.
        pygame.display.init()
        self.worker = Worker()
        if self.show.record is not None:
            self.todo.append(lambda: self.stage.record(self.show.record))  # type: ignore[arg-type]
        self.todo.append(self.stage.begin)
        screen: Screen | None = None
        try:
            while not self.closed:
                self._take_result()
                if self.scene is not None and screen is None:
                    height, width = self.scene.picture.shape[:2]
                    screen = self.screen = Screen(self.show.title, (width, height))
                    _quiet_devices()
                self._start_work()
                if self._dirty and screen is not None:
                    self.draw()
                for event in self._events():
                    self._handle(event)
        finally:
            # First the window: people who close one don't want to wait for an agent that thinks.
            pygame.display.quit()
            self.worker.finish(self._finish)
        return self.outcome

    def close(self) -> None:
        """Close the window soon; calling it again does nothing."""
        self.closed = True

    def say(self, text: str, seconds: float = 4.0) -> None:
        """Show a message for some seconds."""
        self._message, self._message_until_s = text, time.monotonic() + seconds
        self._dirty = True

    def rename(self) -> None:
        """Write into the window's bar how things stand, for who looks at a list of windows."""
        states = [state for state, on in (("paused", self.paused), ("you play", self._took_over())) if on]
        pygame.display.set_caption(" – ".join([self.show.title, *states]))

    def draw(self) -> None:
        """Draw the whole window."""
        self._dirty = False
        assert self.scene is not None
        self.screen.show_picture(self.scene.picture)
        surface, area = self.screen.surface, self.screen.picture_area
        draw_panel(surface, self.screen.panel_area, hud_of(self.scene, self.surroundings()))
        if self.helping:
            draw_help(surface, area, self._orders.help())
        elif text := self._message or self._prompt():
            draw_message(surface, area, text)
        pygame.display.flip()

    def surroundings(self) -> Surroundings:
        """What the panel says besides the scene."""
        controls, status = self.show.controls, []
        if self.paused:
            status.append(("paused", "warn"))
        if self._took_over():
            status.append(("you play", "warn"))
        if self.recording:
            status.append(("recording", "bad"))
        keys: tuple[tuple[str, str], ...] = ()
        if self.by_hand and controls is not None:
            idle = controls.keys.get("")
            keys = tuple(
                (symbols(key), controls.name_of(action))
                for key, action in controls.keys.items()
                if "+" not in key or action != idle
            )
        returns = [episode["return"] for episode in self.outcome.episodes if episode["by_hand"]]
        return Surroundings(
            self.show.title,
            self.stage.actor_name,
            self.stage.env.action_space,
            str if controls is None else controls.name_of,
            keys,
            tuple(status),
            f"{speed_text(self.pace.speed)} · {self.pace.fps:g} fps · h help",
            max(returns, default=None) if self.stage.actor is None else None,
        )

    # The environment's side

    def _take_result(self) -> None:
        """Show what the worker has done."""
        result = self.worker.result()
        if not isinstance(result, Scene):
            return
        self.scene, self._dirty = result, True
        self.outcome.frames += 1
        if result.over:
            self.outcome.count(result, finished=True)
            self.pace.hold(time.monotonic(), END_SHOWN_S / max(self.pace.speed, 1.0))
            self.keyboard.forget()

    def _start_work(self) -> None:
        """Let the worker do what is due, if anything."""
        if self.worker.busy:
            return
        if self.todo:
            self.worker.start(self.todo.pop(0))
        elif self.scene is not None and self.scene.over:
            self._after_end()
        elif self.scene is not None and self._may_step():
            self._step()

    def _after_end(self) -> None:
        """Begin the next episode: when it is time, by a single step, or by the key of a person who plays."""
        due = self.pace.left_s(time.monotonic()) == 0
        if self.show.episodes is not None and len(self.outcome.episodes) >= self.show.episodes:
            self.closed = self.closed or due
        elif self.single_steps or (self.keyboard.tapped if self.by_hand else due and not self.paused):
            self.single_steps = 0
            self.keyboard.forget()
            self.worker.start(self.stage.begin)

    def _may_step(self) -> bool:
        """Whether a step is asked for or due; people begin an episode, and take turns, by a key."""
        if self.single_steps:
            return True
        if self.paused:
            return False
        if self._takes_turns():
            return self.keyboard.tapped
        if self.by_hand and not self._begun():
            return False
        return self.pace.left_s(time.monotonic()) == 0

    def _step(self) -> None:
        action = self.keyboard.action() if self.by_hand else None
        steps = 1 if self.single_steps or self._takes_turns() else self.pace.steps_per_picture
        self.single_steps = max(0, self.single_steps - 1)
        self.pace.took_step(time.monotonic())
        if action is not None or not self.by_hand:
            self.worker.start(lambda: self.stage.advance(action, steps))

    def _took_over(self) -> bool:
        return self.by_hand and self.stage.actor is not None

    def _takes_turns(self) -> bool:
        return self.by_hand and self.show.controls is not None and self.show.controls.turn_based

    def _begun(self) -> bool:
        """Whether the person who plays has pressed a key in this episode, or took it over."""
        assert self.scene is not None
        return self.keyboard.in_use or (self.scene.step > 0 and self.keyboard.has_idle_action)

    def _prompt(self) -> str:
        """What the window waits for, if a person plays."""
        if not self.by_hand or self.scene is None or self.paused:
            return ""
        if self.scene.over:
            return f"Score {number(self.scene.total)}. Press a key to play again"
        return "" if self._begun() or self.scene.step else "Press a key to begin"

    def _finish(self) -> None:
        self.outcome.steps = self.stage.steps
        if self.scene is not None and not self.scene.over and self.scene.step:
            self.outcome.count(self.scene, finished=False)
        try:
            self._orders.stop_recording()
        finally:
            self.stage.close()

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
        nap_s = LONGEST_NAP_MS / 1000
        if self._message:
            nap_s = min(nap_s, self._message_until_s - now_s)
        waiting = self.worker.busy or self.paused or self._takes_turns()
        if self.scene is not None and not waiting and (self.scene.over or not self.by_hand or self._begun()):
            left_s = self.pace.left_s(now_s)
            nap_s = min(nap_s, left_s) if left_s or not self.by_hand else nap_s
        if self.todo and not self.worker.busy:
            return 0
        return math.ceil(1000 * nap_s)

    def _handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self.close()
        elif event.type == pygame.KEYDOWN:
            self._press(key_name(pygame.key.name(event.key), event.unicode))
        elif event.type == pygame.KEYUP:
            self.keyboard.release(key_name(pygame.key.name(event.key), ""))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.keyboard.release_all()
        elif event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED, pygame.WINDOWRESTORED):
            self._dirty = True

    def _press(self, key: str) -> None:
        """A key plays the environment if a person does and it can; else it is one of the window's."""
        if self.by_hand and self.keyboard.knows(key):
            self.keyboard.press(key)
        elif key in ORDERS:
            self._orders.obey(ORDERS[key])
        self._dirty = True


def _quiet_devices() -> None:
    """Switch off what environments initialise along with pygame: both would keep an idle process awake."""
    with contextlib.suppress(pygame.error):
        pygame.joystick.quit()
        pygame.mixer.quit()
