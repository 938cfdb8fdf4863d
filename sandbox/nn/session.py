"""What one process does with one run folder while something learns in it: agents and pictures alike.

Clock, checkpoints, the best so far, interruption, and what run.json says in the end. What decides how
training goes on depends on steps alone, never on the clock, so that a resumed run does the very same things.
"""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

from torch import Tensor

from sandbox.core.errors import CheckpointBroken, Diverged, Interrupted
from sandbox.core.metrics import cut_metrics
from sandbox.core.run import Run
from sandbox.core.signals import StopRequest
from sandbox.nn.checkpoint import Checkpoints

STOPPING = "stopping: this update is finished and saved first (once more stops at once)"


class Progress(Protocol):
    """A bar, or a line now and then."""

    def update(self, done: int, **fields: float | str) -> None: ...


class Reporter(Protocol):
    """Who tells people how it goes; the console is one."""

    def note(self, text: str) -> None: ...
    def progress(self, total: int, description: str, unit: str = ...) -> AbstractContextManager[Progress]: ...


class Session:
    """Training in a run folder. Enter it while holding the run's lock.

    Args:
        run: the folder.
        console: who is told.
        total: steps of training in all.
        description: what is trained, for the progress line.
        keep_checkpoints: how many of the newest, besides the best.
    """

    def __init__(
        self, run: Run, console: Reporter, total: int, description: str, keep_checkpoints: int
    ) -> None:
        self.run, self.console = run, console
        self.checkpoints = Checkpoints(run.checkpoints_dir, keep_checkpoints)
        self.stop = StopRequest(lambda: console.note(STOPPING))
        self.best: float | None = None
        self.best_step: int | None = None
        self.reason = "steps"
        """why training ended: "steps", "interrupted", or what a subclass adds"""
        spent = run.info.get("train_seconds")
        self.seconds = float(spent) if isinstance(spent, int | float) else 0.0
        self._progress = (total, description)
        self._since: float | None = None  # when training last went on; None while it pauses

    # Life

    def __enter__(self) -> Self:
        self._open = contextlib.ExitStack()
        self._open.enter_context(self.stop)
        self.shown = self._open.enter_context(self.console.progress(*self._progress))
        self._since = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()
        try:
            self._open.close()
            self.closing(error)
        finally:  # closing a log may fail once more, on a full disk
            if error is not None:
                self._give_up(error)

    def closing(self, error: BaseException | None) -> None:
        """What else ends with the session; `error` is what ended it, if anything did."""

    def on_exit(self, close: Callable[[], None]) -> None:
        """Call `close` when the session ends, however it ends; for subclasses, once it is entered."""
        self._open.callback(close)

    def _give_up(self, error: BaseException) -> None:
        """Say in run.json how training ended. Raises Diverged anew, with the last good checkpoint named."""
        status = {Diverged: "diverged", KeyboardInterrupt: "interrupted"}
        name = next((text for cls, text in status.items() if isinstance(error, cls)), "failed")
        with contextlib.suppress(OSError):  # a full disk must not hide what went wrong
            self.run.update(status=name, train_seconds=self.seconds)
        if isinstance(error, Diverged):
            last = next(reversed(self.checkpoints.names()), None)
            good = f"the last good checkpoint is {last}" if last else "no checkpoint was written before"
            raise Diverged(f"{error.message}; {good}", error.hint, {"checkpoint": last}) from None

    # The clock of training, which stands still during evaluations and checkpoints

    @property
    def train_seconds(self) -> float:
        """Spent on training until this moment, in all processes, without evaluations and checkpoints."""
        return self.seconds + (0.0 if self._since is None else time.perf_counter() - self._since)

    def pause(self) -> None:
        """Stop the clock."""
        self.seconds, self._since = self.train_seconds, None

    def go_on(self) -> None:
        """Start it again."""
        self._since = time.perf_counter()

    # Checkpoints

    def write(
        self,
        step: int,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
        bulk: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a checkpoint, and the state of the run beside it; ``bulk`` as in `Checkpoints.save`.

        Raises:
            Diverged: its weights are no numbers: the one before stays the last good one.
        """
        if not all(bool(part.isfinite().all()) for part in weights.values()):
            raise Diverged(f"the weights stopped being finite numbers before step {step}")
        self.checkpoints.save(step, {**state, "session": self.own_state()}, bulk)
        self.run.update(steps=step, best=self.best, train_seconds=self.seconds)

    def own_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the session itself."""
        return {"best": self.best, "best_step": self.best_step}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint kept of the session itself.

        Raises:
            CheckpointBroken: it kept something else.
        """
        try:
            for name in self.own_state():
                setattr(self, name, state["session"][name])
        except (KeyError, TypeError) as error:
            raise CheckpointBroken(
                f"the checkpoint is not one of this kind of run: it lacks {error}"
            ) from error
        # The process may have been killed after the best checkpoint was written and before it was marked.
        if self.best_step is not None and self.checkpoints.has(self.best_step):
            self.checkpoints.mark_best(self.best_step)

    def is_best(self, score: float, step: int, higher_is_better: bool = True) -> bool:
        """Whether `score` is a number better than all before; then it is the best from now on."""
        sign = 1 if higher_is_better else -1
        better = math.isfinite(score) and (self.best is None or sign * score > sign * self.best)
        if better:
            self.best, self.best_step = score, step
        return better

    # Going on, and stopping

    def resume_from(self, load: Callable[[dict[str, Any]], list[str]], again: str) -> int:
        """Continue from the newest good checkpoint; returns its step, 0 where there is none yet.

        Args:
            load: takes over the state; returns a sentence about each thing that it could not restore.
            again: the command that trains such a run anew, without the config's path.

        Raises:
            CheckpointBroken: there are checkpoints, and none can be loaded.
        """
        self.checkpoints.tidy()
        step = 0
        if self.checkpoints.were_written():
            step, state = self._newest_good(again)
            troubles = load(state)
            self.restore(state)
            for trouble in troubles:
                self.console.note(f"note: {trouble}; from here on the run differs from an uninterrupted one")
            self.console.note(f"continuing at step {step:,}")
        else:
            self.console.note("there is no checkpoint yet: starting anew, with the same seed")
        cut_metrics(self.run.metrics_path, after_step=step)
        self.run.update(status="running")
        return step

    def _newest_good(self, again: str) -> tuple[int, dict[str, Any]]:
        warn = self.console.note
        try:
            return self.checkpoints.load("last", on_broken=lambda text: warn(f"warning: {text}"))
        except CheckpointBroken as error:
            config = self.run.relative() / self.run.config_path.name
            error.hint = f"start it again: python -m sandbox {again} --config {config}"
            raise

    def interrupted(self, step: int, option: str = "") -> NoReturn:
        """Leave the saved run for later: mark it, and raise what the front door ends with.

        Args:
            step: where it stopped.
            option: what the printed command needs at its end.
        """
        self.run.update(status="interrupted")
        name = self.run.name if self.run.path.parent == Path("runs") else self.run.relative()
        hint = f"python -m sandbox resume {name}{option}"
        data = {"run": str(self.run.path), "steps": step}
        message = f"stopped at step {step:,}; the run is saved"
        raise Interrupted(message, hint, data, signum=self.stop.signum or signal.SIGINT)


def due(before: int, now: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, now]; never for 0."""
    return every > 0 and now // every > before // every
