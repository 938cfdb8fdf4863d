"""One step of what classifier, autoencoder, VAE and DDPM have in common, and one look at how good they are.

A model says what its loss is, and nothing about loops, devices, files or screens. `Training` is everything
that the next step depends on; the loop over the steps is in `sandbox.nn.fit_run`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sandbox.core.errors import CheckpointBroken
from sandbox.core.memory import check_memory
from sandbox.core.seeding import derive_seed
from sandbox.nn.batches import Augment, Batch, balanced_order, batch_rows, to_model
from sandbox.nn.checkpoint import misfit
from sandbox.nn.ema import Ema
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.frozen import Body
from sandbox.nn.optimizers import (
    build_optimizer,
    clip,
    load_optimizer_state,
    optimizer_state,
    set_learning_rate,
)
from sandbox.nn.schedules import learning_rate

Metrics = dict[str, Tensor]
EVALUATION_BATCH = 500
EVALUATION_PIXELS = EVALUATION_BATCH * 128**2
"""at once: of larger pictures fewer are looked at together, whose features would fill the memory"""


class Learner(Protocol):
    """What can be fitted: an `nn.Module` with a loss."""

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Metrics]:
        """The mean loss of a batch, and further means to be logged (scalars, without gradients).

        All that is random in it, but dropout, is drawn from `generator`, which is on the batch's device.
        """
        ...


class Pictures(Protocol):
    """Labelled pictures, as `sandbox.data` has them."""

    @property
    def images(self) -> Tensor:
        """(n, channels, height, width) uint8."""
        ...

    @property
    def labels(self) -> Tensor:
        """(n,) int64."""
        ...


class Training:
    """A model while it learns: everything that the next step depends on.

    The pictures stay on the device as bytes. What is random in a step depends on (seed, step) alone, so a
    resumed run at the same number of threads continues bit for bit on a CPU.

    Args:
        model: a `Learner`; moved to the device.
        pictures: to learn from.
        settings: budget, optimiser, schedule.
        seed: decides order, augmentation, noise and dropout.
        device: where everything is computed.
        augment: changes each batch; never used in evaluation.
        balanced: every class is seen equally often, however many pictures it has.

    Raises:
        UsageError: the settings freeze a body, and the model has none.
        Refused: the pictures do not fit on the GPU.
    """

    def __init__(
        self,
        model: nn.Module,
        pictures: Pictures,
        settings: FitSettings,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        augment: Augment | None = None,
        balanced: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self.settings, self.seed, self.augment = settings, seed, augment
        if self.device.type == "cuda":
            self._check_room(pictures.images)
        self.images, self.labels = pictures.images.to(self.device), pictures.labels.to(self.device)
        self._order = balanced_order(self.labels, seed) if balanced else None
        self._body = Body(self.model) if settings.frozen_steps else None
        rates = None if self._body is None else self._body.rates(settings.stage_rate)
        self.optimizer = build_optimizer(self.model, settings, rates)
        self.ema = None if settings.ema_decay == 0 else Ema(self.model, settings.ema_decay)
        self.step = 0
        """Finished steps."""
        self._generator = torch.Generator(self.device)
        self._compiled: Any = None

    def _check_room(self, images: Tensor) -> None:
        free, _ = torch.cuda.mem_get_info(self.device)
        hint = "use fewer or smaller pictures, or --device cpu"
        check_memory(images.nbytes, free, str(self.device), f"{len(images):,} pictures", hint)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every picture is seen once, rounded up."""
        return math.ceil(len(self.images) / self.settings.batch_size)

    @property
    def learned(self) -> nn.Module:
        """The model to use: the averaged one where weights are averaged."""
        return self.model if self.ema is None else self.ema.average

    def update(self) -> Metrics:
        """One gradient step. Returns the loss and further means, on the device and not yet waited for."""
        self.model.train()
        if self._body is not None:
            self._body.freeze(self.step < self.settings.frozen_steps)
        set_learning_rate(self.optimizer, learning_rate(self.settings, self.step))
        self._draw_from("step", self.step)
        batch = self.batch(self.step)
        with self._precision():
            loss, metrics = self._loss()(batch, self._generator)
        self.optimizer.zero_grad()
        loss.backward()
        length = clip(self.model, self.settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.model, self.step)
        gradient = {} if length is None else {"gradient": length}
        return {"loss": loss.detach(), **metrics, **gradient}

    def batch(self, step: int) -> Batch:
        """The pictures of step number `step`, augmented, as the model sees them."""
        settings = self.settings
        rows = batch_rows(self.seed, step, settings.batch_size, len(self.images), self._order)
        rows = rows.to(self.device)
        images = to_model(self.images[rows], self.augment, self._generator)
        progress = step / settings.steps
        if self._body is None or step >= settings.frozen_steps:
            return Batch(images, self.labels[rows], progress=progress)
        # What is altered looks different each time.
        kept = None if self.augment else self._body.kept(self.images, self.device)
        features = self._body.features(images) if kept is None else kept[rows]
        return Batch(images, self.labels[rows], features, progress)

    @torch.no_grad()
    def evaluate(self, pictures: Pictures) -> dict[str, float]:
        """Means of the loss and the further means over all `pictures`, with the weights that are used later.

        The same noise each time, so that two evaluations can be compared.
        """
        model: Any = self.learned.eval()
        sums: dict[str, float] = {}
        frozen = self._body is not None and self.step <= self.settings.frozen_steps
        kept = self._body.kept(pictures.images, self.device) if self._body is not None and frozen else None
        size = max(1, min(EVALUATION_BATCH, EVALUATION_PIXELS // pictures.images[0, 0].numel()))
        for number, start in enumerate(range(0, len(pictures.images), size)):
            self._draw_from("evaluation", number)
            images = pictures.images[start : start + size].to(self.device)
            labels = pictures.labels[start : start + size].to(self.device)
            features = None if kept is None else kept[start : start + size]
            with self._precision():
                batch = Batch(to_model(images, None, self._generator), labels, features)
                loss, metrics = model.loss(batch, self._generator)
            for name, value in {"loss": loss, **metrics}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(images)
        return {name: total / len(pictures.images) for name, total in sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run continues from."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_state(self.optimizer),
            "step": self.step,
            "threads": torch.get_num_threads(),
        }
        return state if self.ema is None else {**state, "average": self.ema.average.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state.

        Raises:
            CheckpointBroken: it is that of another model or optimiser.
        """
        if self._body is not None:
            self._body.forget()
        try:
            self.model.load_state_dict(state["model"])
            load_optimizer_state(self.optimizer, state["optimizer"])
            if self.ema is not None:
                self.ema.average.load_state_dict(state["average"])
            self.step = int(state["step"])
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            told = misfit(error)
            raise CheckpointBroken(f"the checkpoint does not fit the model of this run: {told}") from error

    def resume(self, state: Mapping[str, Any]) -> list[str]:
        """Continue from a run's checkpoint; returns in sentences what could not be restored."""
        self.load_state_dict(state)
        if state.get("threads") != torch.get_num_threads():
            return [f"{state.get('threads')} torch threads computed before, {torch.get_num_threads()} do now"]
        return []

    def wait(self) -> None:
        """Return when the device has computed all that it was given: so that clocks tell the truth."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _loss(self) -> Any:
        """The model's loss, compiled when it is first needed: a copy made before compiles its own."""
        if self._compiled is None:
            loss: Any = self.model.loss
            self._compiled = torch.compile(loss) if self.settings.compile else loss
        return self._compiled

    def _draw_from(self, purpose: str, number: int) -> None:
        """What is drawn next, from our generator or (dropout) from torch's, follows from these alone."""
        self._generator.manual_seed(derive_seed(self.seed, purpose, number))
        torch.manual_seed(derive_seed(self.seed, purpose, "dropout", number))

    def _precision(self) -> Any:
        if not self.settings.autocast:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)
