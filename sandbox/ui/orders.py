"""What the keys of the window do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sandbox.core.errors import SandboxError
from sandbox.ui.actor import blindness, forgetfulness
from sandbox.ui.keyboard import HELP, ORDERS, Order, symbols
from sandbox.ui.pace import speed_text
from sandbox.ui.playback import Playback
from sandbox.ui.screen import Screen, fresh_path
from sandbox.ui.show import Show
from sandbox.ui.stage import Scene


class Window(Protocol):
    """What orders change: see `sandbox.ui.viewer.Viewer`."""

    show: Show
    play: Playback
    screen: Screen
    helping: bool
    recording: bool
    saliency: bool

    def say(self, text: str, seconds: float = 4.0) -> None:
        """Show a message for some seconds."""
        ...

    def rename(self) -> None:
        """Write into the window's bar how things stand."""
        ...

    def draw(self) -> None:
        """Draw the whole window."""
        ...

    def close(self) -> None:
        """Close the window soon."""
        ...


class Orders:
    """Obeys orders on behalf of a viewer."""

    def __init__(self, viewer: Window) -> None:
        self._viewer = viewer
        self._table: dict[Order, Callable[[], None]] = {
            "pause": self._pause,
            "step": self._step,
            "faster": lambda: self._speed(viewer.play.pace.faster),
            "slower": lambda: self._speed(viewer.play.pace.slower),
            "next": lambda: viewer.play.todo.append(viewer.play.stage.begin),
            "checkpoint": self._checkpoint,
            "take": self._take,
            "saliency": self._saliency,
            "memory": self._memory,
            "record": self._record,
            "screenshot": self._screenshot,
            "help": self._help,
            "quit": viewer.close,
        }

    def obey(self, order: Order) -> None:
        """Do it now, or have it done after what is being done."""
        self._table[order]()

    def help(self) -> list[tuple[str, str]]:
        """Keys that do something at the moment, and what they do."""
        viewer = self._viewer
        impossible = {
            "c" if viewer.show.next_actor is None else "",
            "t" if viewer.show.controls is None or viewer.play.stage.actor is None else "",
            "e" if blindness(viewer.play.stage.actor) else "",
            "m" if forgetfulness(viewer.play.stage.actor) else "",
        }
        taken = {key for key in ORDERS if viewer.play.by_hand and viewer.play.keyboard.knows(key)}
        lines = [(key, what) for key, what in HELP if key not in impossible | taken]
        if viewer.show.controls is not None and not viewer.play.by_hand:
            keys = "  ".join(symbols(key) for key in viewer.show.controls.keys if key and "+" not in key)
            lines.append((keys, "to play, after t"))
        return lines

    def stop_recording(self) -> None:
        """Complete a recording, if there is one; called in the worker's thread."""
        done = self._viewer.play.stage.stop_recording()
        if done is not None:
            self._viewer.play.outcome.videos.append(done[0])
            self._viewer.say(f"{_short(done[0])}: {done[1]:,} frames")

    def _pause(self) -> None:
        self._viewer.play.paused = not self._viewer.play.paused
        self._viewer.rename()

    def _step(self) -> None:
        if not self._viewer.play.paused:
            self._pause()
        self._viewer.play.single_steps += 1

    def _speed(self, change: Callable[[], None]) -> None:
        change()
        self._viewer.say(f"speed {speed_text(self._viewer.play.pace.speed)}", 1.0)

    def _checkpoint(self) -> None:
        if self._viewer.show.next_actor is None:
            self._viewer.say("there is no other checkpoint")
            return
        self._viewer.play.todo.append(self._swap)

    def _swap(self) -> Scene | None:
        """Load the next checkpoint; in the worker's thread, as it takes a moment."""
        assert self._viewer.show.next_actor is not None
        try:
            actor = self._viewer.show.next_actor()
        except SandboxError as error:
            self._viewer.say(error.message)
            return None
        self._viewer.say(actor.name, 2.0)
        return self._viewer.play.stage.swap(actor)

    def _take(self) -> None:
        viewer = self._viewer
        if viewer.play.stage.actor is None:
            viewer.say("you play already, and there is no agent to give back to")
        elif viewer.show.controls is None:
            viewer.say(f"nobody has said which keys play {viewer.show.title}")
        else:
            viewer.play.by_hand = not viewer.play.by_hand
            viewer.play.keyboard.forget()
            viewer.rename()

    def _saliency(self) -> None:
        viewer = self._viewer
        if reason := blindness(viewer.play.stage.actor):
            viewer.say(f"no saliency: {reason}")
            return
        viewer.saliency = wanted = not viewer.saliency
        viewer.play.todo.append(lambda: viewer.play.stage.explain(wanted))

    def _memory(self) -> None:
        """The strip beneath the picture; a video that is being recorded keeps the form that it has."""
        viewer = self._viewer
        if reason := forgetfulness(viewer.play.stage.actor):
            viewer.say(f"no memory to show: {reason}")
            return
        viewer.play.stage.memory = not viewer.play.stage.memory

    def _record(self) -> None:
        viewer = self._viewer
        viewer.recording = not viewer.recording
        viewer.play.todo.append(self._begin_recording if viewer.recording else self.stop_recording)

    def _begin_recording(self) -> None:
        path = fresh_path(self._viewer.show.folder, "watch", ".mp4")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._viewer.play.stage.record(path)
        except (SandboxError, OSError) as error:
            self._viewer.recording = False
            self._viewer.say(f"cannot record: {getattr(error, 'message', error)}")

    def _screenshot(self) -> None:
        path = fresh_path(self._viewer.show.folder, "screenshot", ".png")
        self._viewer.say("", 0.0)
        self._viewer.draw()  # without a message, such as that of the last screenshot
        try:
            self._viewer.screen.save(path)
        except OSError as error:
            self._viewer.say(f"no screenshot: {error.strerror}: {path}")
            return
        self._viewer.play.outcome.screenshots.append(path)
        self._viewer.say(f"screenshot: {_short(path)}")

    def _help(self) -> None:
        self._viewer.helping = not self._viewer.helping


def _short(path: Path) -> str:
    """A path as a person would type it here."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
