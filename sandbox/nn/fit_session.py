"""A run folder while pictures are fitted: lines of metrics, looks at the validation data, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from sandbox.core.errors import Diverged
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from sandbox.nn.fit import Pictures, Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.session import Reporter, Session


class FitSession(Session):
    """What `fit` reports to after each step.

    Args:
        run, console: as `Session`.
        settings: of the fit.
        description: what is trained on what, for the progress line.
        monitor: the mean over the validation data that decides which weights are the best.
        higher_is_better: of `monitor`.
        checkpoint_every: steps between checkpoints; 0 for as often as evaluations.
        keep_checkpoints: how many of the newest, besides the best.
        on_best: gets the model at each best look, to keep it in the form that others read.
        on_look: gets the model and its step at each look, to show how it grows.
    """

    def __init__(
        self,
        run: Run,
        console: Reporter,
        settings: FitSettings,
        description: str,
        *,
        monitor: str = "loss",
        higher_is_better: bool = False,
        checkpoint_every: int = 0,
        keep_checkpoints: int = 3,
        on_best: Callable[[nn.Module], None] = lambda model: None,
        on_look: Callable[[nn.Module, int], None] = lambda model, step: None,
    ) -> None:
        super().__init__(run, console, settings.steps, description, keep_checkpoints)
        self.settings, self.monitor, self.higher_is_better = settings, monitor, higher_is_better
        self.checkpoint_every, self.on_best, self.on_look = checkpoint_every, on_best, on_look
        self.looks_without_better = 0
        self.sums: dict[str, Tensor] = {}
        """Of the metrics since the last line; on the device, so that nobody waits for it."""
        self.summed = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self._writer = MetricsWriter(self.run.metrics_path)
        self.on_exit(self._writer.close)
        return self

    def own_state(self) -> dict[str, Any]:
        mine = {"looks_without_better": self.looks_without_better, "sums": self.sums, "summed": self.summed}
        return {**super().own_state(), **mine, "reason": self.reason}

    def after_step(self, training: Training, metrics: Mapping[str, Tensor], validation: Pictures) -> None:
        """Log, look and save, each where it is due; sets `reason` where training should end.

        Raises:
            Diverged: a metric is no number.
        """
        step, ends = training.step, training.step >= self.settings.steps
        self._add(metrics)
        logs = ends or step % self.settings.log_every == 0
        looks = ends or step % (self.settings.eval_every or training.steps_per_epoch) == 0
        saves = ends or (looks if self.checkpoint_every == 0 else step % self.checkpoint_every == 0)
        stops = self.stop.requested  # asked once: a signal that comes from here on is for the next step
        if not (logs or looks or saves or stops):
            return
        training.wait()
        self.pause()
        if logs:
            self._log(step)
        improved = looks and self._look(training, validation)
        if looks:
            self.on_look(training.learned, step)
        if improved or saves or stops or self.reason == "patience":
            self.write(step, training.learned.state_dict(), training.state_dict())
        if improved:
            self.checkpoints.mark_best(step)
            self.on_best(training.learned)
        if stops:
            self.reason = "interrupted"
        self.go_on()

    def _add(self, metrics: Mapping[str, Tensor]) -> None:
        before = self.sums or {name: torch.zeros_like(value) for name, value in metrics.items()}
        # Those of a checkpoint are in the CPU's memory.
        self.sums = {name: before[name].to(value.device) + value for name, value in metrics.items()}
        self.summed += 1

    def _log(self, step: int) -> None:
        means = {name: float(total) / self.summed for name, total in self.sums.items()}
        for name, value in means.items():
            if not math.isfinite(value):
                raise Diverged(
                    f"{name} became {value} before step {step:,}", "try a lower learning_rate, or clip_norm=1"
                )
        self.sums, self.summed = {}, 0
        self._writer.write(step, {f"train/{name}": value for name, value in means.items()} | self._time())
        self.shown.update(step, loss=means["loss"], **self._best())

    def _look(self, training: Training, validation: Pictures) -> bool:
        """Evaluate; True where this is the best so far."""
        means = training.evaluate(validation)
        self._writer.write(
            training.step, {f"valid/{name}": value for name, value in means.items()} | self._time()
        )
        better = self.is_best(means[self.monitor], training.step, self.higher_is_better)
        self.looks_without_better = 0 if better else self.looks_without_better + 1
        if 0 < self.settings.patience <= self.looks_without_better:
            self.reason = "patience"
        self.shown.update(training.step, **self._best())
        return better

    def _best(self) -> dict[str, float]:
        return {} if self.best is None else {f"best {self.monitor}": self.best}

    def _time(self) -> dict[str, float]:
        return {"time/seconds": self.train_seconds}
