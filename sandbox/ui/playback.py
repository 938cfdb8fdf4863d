"""When what happens on a stage: steps in their time, people's turns, pauses, one episode after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.ui.keyboard import Keyboard
from sandbox.ui.pace import Pace, Repeat
from sandbox.ui.recorder import fps_of
from sandbox.ui.show import Outcome, Show
from sandbox.ui.stage import Scene, Stage
from sandbox.ui.worker import Worker

END_SHOWN_S = 0.9
"""how long the last picture of an episode stays"""


class Playback:
    """Decides, whenever it is asked, what the worker does next. Draws nothing and reads no events.

    Args:
        stage: the environment and who acts in it.
        show: what else there is to know.
    """

    def __init__(self, stage: Stage, show: Show) -> None:
        self.stage, self.show = stage, show
        self.worker = Worker()
        self.outcome = Outcome()
        self.pace = Pace(fps_of(stage.env), show.speed)
        keys = {} if show.controls is None else show.controls.keys
        self.keyboard = Keyboard(keys, stage.env.action_space)
        self._repeat = Repeat()
        self.by_hand = stage.actor is None
        self.paused = False
        self.closed = False
        self.single_steps = 0
        """steps asked for one by one"""
        self.scene: Scene | None = None
        """what is shown; None before the first episode began"""
        self.todo: list[Callable[[], Any]] = [stage.begin]
        """what the worker does next, before any step"""
        if (path := show.record) is not None:
            self.todo.insert(0, lambda: stage.record(path))

    def take_result(self) -> bool:
        """Take what the worker has done; whether there is a new scene. Raises what it raised."""
        result = self.worker.result()
        if not isinstance(result, Scene):
            return False
        self.scene = result
        self.outcome.frames += 1
        if result.over:
            self.outcome.count(result, finished=True)
            self.pace.hold(time.monotonic(), END_SHOWN_S / max(self.pace.speed, 1.0))
            self.keyboard.forget()
        return True

    def press(self, key: str) -> None:
        """A key that plays the environment goes down."""
        self.keyboard.press(key)
        self._repeat.pressed(time.monotonic())

    def go_on(self) -> None:
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
        if self.takes_turns():
            self._repeat_held()
            return self.keyboard.tapped
        if self.by_hand and not self.begun():
            return False
        return self.pace.left_s(time.monotonic()) == 0

    def _repeat_held(self) -> None:
        """In turns, an arrow that is held counts again and again, in its time."""
        now_s = time.monotonic()
        if self.keyboard.arrow and not self.keyboard.tapped and self._repeat.left_s(now_s) == 0:
            self._repeat.repeated(now_s)
            self.keyboard.press(self.keyboard.arrow)

    def _step(self) -> None:
        turn = self.takes_turns() and self.keyboard.tapped
        action = None if not self.by_hand else self.keyboard.turn() if turn else self.keyboard.action()
        steps = 1 if self.single_steps or self.takes_turns() else self.pace.steps_per_picture
        self.single_steps = max(0, self.single_steps - 1)
        self.pace.took_step(time.monotonic())
        if action is not None or not self.by_hand:
            self.worker.start(lambda: self.stage.advance(action, steps))

    def nap_s(self, longest_s: float) -> float:
        """For how long nothing can be due, unless the worker or a person makes it so."""
        if self.todo and not self.worker.busy:
            return 0.0
        if self.scene is None or self.worker.busy or self.paused:
            return longest_s
        if self.takes_turns():
            held = self.keyboard.arrow is not None and not self.scene.over
            return min(longest_s, self._repeat.left_s(time.monotonic())) if held else longest_s
        if self.by_hand and not self.scene.over and not self.begun():
            return longest_s
        left_s = self.pace.left_s(time.monotonic())
        return min(longest_s, left_s) if left_s or not self.by_hand else longest_s

    def took_over(self) -> bool:
        """Whether a person plays in an agent's place."""
        return self.by_hand and self.stage.actor is not None

    def takes_turns(self) -> bool:
        """Whether nothing happens until a person presses a key."""
        return self.by_hand and self.show.controls is not None and self.show.controls.turn_based

    def begun(self) -> bool:
        """Whether the person who plays has pressed a key in this episode, or took it over."""
        assert self.scene is not None
        return self.keyboard.in_use or (self.scene.step > 0 and self.keyboard.has_idle_action)
