"""What a diffusion model takes a noisy picture to be, told one class or a mixture of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.diffusion import predicted_x0

Denoise = Callable[[Tensor, int], Tensor]
"""(noisy pictures (n, channels, height, width), timestep) -> the clean ones that they are taken for"""


class Denoiser:
    """A weighted sum of what the network says when it is told each of some classes.

    Guidance g is such a sum, of g times the class and 1 − g times the null class; and where the weights go
    over from one class to another, so does what is drawn.

    Args:
        model: in evaluation mode.
        labels: of the classes, as indices; `len(model.classes)` is the null class. Of a model that is told
            no classes `[0]`.
        weights: (n, labels), of which each row sums to 1; None for one label.
        clamped: no picture is darker than black or lighter than white.
    """

    def __init__(
        self, model: DDPM, labels: Sequence[int], weights: Tensor | None = None, *, clamped: bool = False
    ) -> None:
        self._model, self._labels = model, labels
        self._weights, self._clamped = weights, clamped

    def __call__(self, noisy: Tensor, timestep: int) -> Tensor:
        """The clean pictures (n, channels, height, width)."""
        times = torch.full((len(noisy),), timestep, device=noisy.device)
        if self._weights is None:
            output = self._output(noisy, times, self._labels[0])
        else:
            output = torch.zeros_like(noisy)
            for label, share in zip(self._labels, self._weights.to(noisy).T, strict=True):
                output += share[:, None, None, None] * self._output(noisy, times, label)
        alpha_bar = self._model.alphas_cumprod[times]
        clean = predicted_x0(self._model.prediction, output, noisy, alpha_bar)
        return clean.clamp(-1, 1) if self._clamped else clean

    def _output(self, noisy: Tensor, times: Tensor, label: int) -> Tensor:
        return self._model(noisy, times, torch.full_like(times, label) if self._model.classes else None)


def dense_timesteps(timesteps: int, steps: int) -> list[int]:
    """Timesteps from the last one down, quadratically spaced: dense where there is little noise.

    Song et al. 2021 (DDIM) chose such steps for small pictures.
    """
    return [max(round(timesteps * (step / steps) ** 2), step) - 1 for step in range(steps, 0, -1)]


def even_timesteps(timesteps: int, steps: int) -> list[int]:
    """Timesteps evenly spread over the chain, from the last one down; as samplers take them."""
    return [round(timesteps * (1 - step / steps)) - 1 for step in range(steps)]
