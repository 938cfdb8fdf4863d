"""What a denoiser brings to be explained: its backbone, on noised pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.diffusion import noised
from generative.measure.chosen import Chosen
from generative.opened import Opened
from generative.passes import pass_size
from generative.unet import UNet
from sandbox.core.errors import UsageError
from sandbox.core.seeding import derive_seed
from sandbox.data.catalog import label
from sandbox.nn.explain import Subject

SIGNAL = 0.5
"""part of the variance that the picture still has, where a denoiser is looked at"""


class NoisyEyes:
    """A denoiser's backbone, which is shown pictures with noise on them, the same on all, and told no class.

    Args:
        model: in evaluation mode.
        unet: its network.
        seed: of the noise.
    """

    def __init__(self, model: DDPM, unet: UNet, seed: int) -> None:
        self._unet = unet
        self.timestep = int((model.alphas_cumprod - SIGNAL).abs().argmin())
        self._alpha_bar = model.alphas_cumprod[self.timestep]
        generator = torch.Generator().manual_seed(derive_seed(seed, "explained"))
        self._noise = torch.randn(1, *model.shape, generator=generator).to(self._alpha_bar.device)

    def scales(self, pictures: Tensor, /) -> dict[str, Tensor]:
        """The features of every scale of clean pictures (n, channels, height, width), once noised."""
        count, backbone = len(pictures), self._unet.backbone
        seen = noised(pictures, self._noise.expand_as(pictures), self._alpha_bar.expand(count))
        steering = self._unet.conditioning(torch.full((count,), self.timestep, device=seen.device))
        features = backbone(seen, steering[: len(backbone.block_channels)])
        return {f"stage {number}" if number else "stem": maps for number, maps in enumerate(features)}

    def first_kernels(self) -> Tensor:
        """The stem's weights: (kernels, channels, height, width)."""
        return self._unet.backbone.first_kernels()

    @torch.inference_mode()
    def means(self, pictures: Tensor) -> Tensor:
        """The coarsest features, averaged over their places: (n, channels) float32 on the CPU.

        Args:
            pictures: (n, channels, height, width), 0 to 255.
        """
        _, channels, height, width = pictures.shape
        parts = []
        for part in pictures.split(pass_size((channels, height, width))):
            scaled = part.to(self._noise.device, torch.float32) / 127.5 - 1.0
            parts.append(list(self.scales(scaled).values())[-1].mean((2, 3)).float().cpu())
        return torch.cat(parts)


def denoiser_subject(opened: Opened, model: DDPM, chosen: Chosen, seed: int) -> Subject:
    """The backbone of a denoiser, at the timestep at which picture and noise are equally strong.

    What is asked of single pictures is where the coarsest features come from: by how much their means move,
    in units of the spread that each has over the pictures.

    Args:
        seed: of the noise.

    Raises:
        UsageError: the network is diffusers' own, which has no backbone.
    """
    if not isinstance(model.unet, UNet):
        raise UsageError(
            f"{opened.run.name} learned with diffusers' own network, which has no backbone to look at"
        )
    eyes, pictures = NoisyEyes(model, model.unet, seed), chosen.pictures.images.cpu()
    means = eyes.means(pictures)
    spread = means.std(0, correction=0) if len(means) > 1 else torch.ones_like(means[0])
    units = torch.where(spread > 0, spread, 1.0)  # (channels,)
    noise = f"noised to timestep {eyes.timestep} of {len(model.alphas_cumprod):,} (shown without it)"
    return Subject(
        title=f"ddpm on {label(opened.config.data)}, step {opened.step:,}",
        source=f"{chosen.source}, {noise}",
        eyes=eyes,
        pictures=pictures,
        colours=opened.shape[0],
        answer=lambda number, changed: eyes.means(changed) / units,
        labels=chosen.names,
        labelled="the picture",
        answered="the coarsest features",
    )
