"""What draws new pictures, of noise keyed by (seed, number of the picture): a VAE, or a diffusion model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from generative.passes import Coder, as_bytes, decoded, device_of, pass_size
from sandbox.core.errors import Diverged, UsageError
from sandbox.core.seeding import derive_seed

Watch = Callable[[int, Tensor], None]
"""is told after each step, and before the first: (steps done, noisy pictures (n, channels, height, width))"""
MOST_PICTURES = 250
MOST_FEATURES = 2**24
"""numbers at full size in one layer of a pass; some ten times as many are kept at once"""


class Source(Protocol):
    """Draws pictures by their numbers; number 7 of a seed is the same in whatever batch it is drawn."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a picture."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be asked for by name; () where nothing can."""
        ...

    @property
    def size(self) -> int:
        """How many pictures are drawn at once, so that they fit into the memory."""
        ...

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """The pictures of these numbers: (n, channels, height, width) uint8, on the CPU.

        Args:
            numbers: n of them, from 0.
            labels: (n,) indices into `classes`; None where there are none.
        """
        ...


class Drawing(Coder, Protocol):
    """A model that has a distribution of latents."""

    def from_noise(self, noise: Tensor) -> Tensor: ...


class Prior:
    """Latents from the prior, decoded.

    Args:
        model: in evaluation mode.
        seed: of all noise.
    """

    def __init__(self, model: Drawing, seed: int) -> None:
        self.shape, self.classes, self.size = model.shape, model.classes, pass_size(model.shape)
        self._model, self._seed = model, seed

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """See `Source`."""
        noise = keyed_noise(self._seed, numbers, (self._model.latent,))
        with torch.inference_mode():
            latents = self._model.from_noise(noise.to(device_of(self._model)))
        return decoded(self._model, latents, labels)


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
        return as_drawn(made * 2 - 1)

    def _told(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        self._watch(step + 1, tensors["latents"])
        return {}


def keyed_noise(seed: int, numbers: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise (n, *shape) on the CPU; each row depends on `seed` and its number alone."""
    return drawn_from(noise_generators(seed, numbers), shape)


def noise_generators(seed: int, numbers: Sequence[int]) -> list[torch.Generator]:
    """A generator for each picture, on the CPU, so that all devices draw the same."""
    return [torch.Generator().manual_seed(derive_seed(seed, "picture", number)) for number in numbers]


def drawn_from(generators: Sequence[torch.Generator], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise (n, *shape), each picture's from its own generator."""
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def check_steps(model: DDPM, sampling: Sampling) -> None:
    """Raise UsageError for more steps than the model has timesteps."""
    most = len(model.alphas_cumprod)
    if sampling.steps > most:
        raise UsageError(f"--steps must be at most {most:,}: the model knows no more")


def as_drawn(images: Tensor) -> Tensor:
    """Pictures in [−1, 1] as uint8 on the CPU.

    Raises:
        Diverged: there is what is no number.
    """
    if not images.isfinite().all():
        raise Diverged("the model draws what is no number: its training went wrong")
    return as_bytes(images).cpu()


def pass_of(model: DDPM, guidance: float = 1.0) -> int:
    """How many pictures go through the network at once; with guidance each goes twice."""
    _, height, width = model.shape
    channels = max(model.shape[0], _width(model.unet.config))
    room = MOST_FEATURES // (channels * height * width)
    return max(1, min(MOST_PICTURES, room // (1 if guidance == 1 else 2)))


def _width(config: Any) -> int:
    """Channels of a network's features where they have the pictures' size; diffusers' widths or ours."""
    return next(iter(config.get("block_out_channels") or config["widths"]))
