"""A head on a frozen body: what was learned elsewhere stays as it is, and is asked about each picture once.

Later, body and head learn together, the body's lower stages more slowly than the upper ones: what they see is
more general, and less is to be gained from changing it (Yosinski et al. 2014; Howard and Ruder 2018).
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from sandbox.core.errors import UsageError
from sandbox.nn.batches import to_model

CHUNK = 500
"""pictures that go through the body at once"""
MOST_KEPT_BYTES = 2 * 2**30
"""features that need more are computed anew in each step"""


class Staged(Protocol):
    """A model whose body may have learned elsewhere. Its `loss` takes features where a batch has them."""

    def stages(self) -> list[nn.Module]:
        """The parts of the body, lowest first; what was added for the task is none of them."""
        ...

    def features(self, images: Tensor) -> Tensor:
        """What the head gets, (batch, …), of pictures (batch, channels, height, width) in [−1, 1]."""
        ...


class Body:
    """The body of a `Staged` model, frozen or not.

    Raises:
        UsageError: the model has no such part.
    """

    def __init__(self, model: nn.Module) -> None:
        if not hasattr(model, "stages"):
            raise UsageError(
                f"frozen_steps needs a model with a backbone, and {type(model).__name__} has none",
                hint="use --model backbone",
            )
        self._model = cast(Any, model)
        self._stages: list[nn.Module] = self._model.stages()
        self._kept: list[tuple[Tensor, Tensor | None]] = []  # pictures, and their features

    def rates(self, stage_rate: float) -> dict[nn.Parameter, float]:
        """The part of the learning rate that each parameter of the body follows: 1 in the highest stage."""
        heights = reversed(range(len(self._stages)))
        return {
            part: stage_rate**height
            for height, stage in zip(heights, self._stages, strict=True)
            for part in stage.parameters()
        }

    def freeze(self, frozen: bool) -> None:
        """Let the body learn, or not; a frozen one computes as in evaluation (dropout, batch norm)."""
        if not frozen:
            self.forget()
        for stage in self._stages:
            stage.requires_grad_(not frozen)
            if frozen:
                stage.eval()

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Of pictures (batch, channels, height, width) in [−1, 1], for the head; without gradients."""
        return self._model.features(images).float()

    def kept(self, images: Tensor, device: torch.device) -> Tensor | None:
        """The features of all `images` (n, channels, height, width) uint8, computed once, on the device.

        None where they would take more than `MOST_KEPT_BYTES`.
        """
        for known, features in self._kept:
            if known is images:
                return features
        features = self._of_all(images, device)
        self._kept.append((images, features))
        return features

    def forget(self) -> None:
        """The body has changed, or will: what is kept is not true any more, and takes room."""
        self._kept.clear()

    def _of_all(self, images: Tensor, device: torch.device) -> Tensor | None:
        generator = torch.Generator(device)  # draws nothing
        parts: list[Tensor] = []
        for some in images.split(CHUNK):
            parts.append(self.features(to_model(some.to(device), None, generator)))
            one = parts[0][0]
            if one.numel() * one.element_size() * len(images) > MOST_KEPT_BYTES:
                return None
        return torch.cat(parts)
