"""What draws new pictures by taking noise away, of noise that is keyed by (seed, number of the picture)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from generative.generate.source import drawn_from, noise_generators
from sandbox.core.errors import Diverged, UsageError

Watch = Callable[[int, Tensor], None]
"""is told after each step, and before the first: (steps done, noisy pictures (n, channels, height, width))"""
MOST_PICTURES = 250
MOST_FEATURES = 2**24
"""numbers at full size in one layer of a pass; some ten times as many are kept at once"""


class Diffused:
    """Pictures from noise, as a sampler of diffusers' makes them.

    Args:
        model: in evaluation mode.
        seed: of all noise.
        sampling: how.
        watch: is told of each step.

    Raises:
        UsageError: there are more steps than the model knows, or the sampler cannot follow its schedule.
    """

    def __init__(self, model: DDPM, seed: int, sampling: Sampling, watch: Watch | None = None) -> None:
        check_steps(model, sampling)
        self.shape, self.classes, self.size = model.shape, model.classes, pass_of(model, sampling.guidance)
        self._pipeline: Any = model.pipeline(sampling.sampler)  # whose answer depends on its options
        self._seed, self._sampling = seed, sampling
        self._watch = watch or (lambda step, noisy: None)

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """See `Source`.

        Raises:
            Diverged: the model answers with what is no number.
        """
        generators = noise_generators(self._seed, numbers)
        noise = drawn_from(generators, self.shape)
        self._watch(0, noise)
        (made,) = self._pipeline(
            class_labels=None if labels is None else labels.tolist(),
            generator=generators,
            num_inference_steps=self._sampling.steps,
            guidance_scale=self._sampling.guidance,
            output_type="pt",
            callback_on_step_end=self._told,
            latents=noise,
            return_dict=False,
        )  # (n, channels, height, width) in [0, 1]
        return as_levels(made)

    def _told(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        self._watch(step + 1, tensors["latents"])
        return {}


def check_steps(model: DDPM, sampling: Sampling) -> None:
    """Raise UsageError for more steps than the model has timesteps."""
    most = len(model.alphas_cumprod)
    if sampling.steps > most:
        raise UsageError(f"--steps must be at most {most:,}: the model knows no more")


def as_levels(images: Tensor) -> Tensor:
    """Pictures in [0, 1] as uint8 on the CPU.

    Raises:
        Diverged: there is what is no number.
    """
    if not images.isfinite().all():
        raise Diverged("the model draws what is no number: its training went wrong")
    return images.float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()


def pass_of(model: DDPM, guidance: float = 1.0) -> int:
    """How many pictures go through the network at once; with guidance each goes twice."""
    _, height, width = model.shape
    channels = max(model.shape[0], _width(model.unet.config))
    room = MOST_FEATURES // (channels * height * width)
    return max(1, min(MOST_PICTURES, room // (1 if guidance == 1 else 2)))


def _width(config: Any) -> int:
    """Channels of a network's features where they have the pictures' size; diffusers' widths or ours."""
    return next(iter(config.get("block_out_channels") or config["widths"]))
