"""The autoencoder: a picture through a few numbers, and back (Hinton and Salakhutdinov 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor

from generative.coder import Decoder, Encoder, check_sizes, plain_shape
from generative.saved import SavedModel
from sandbox.nn.backbone import Backbone
from sandbox.nn.batches import Batch


class Autoencoder(SavedModel):
    """Encoder: the shared backbone and dense layers. Decoder: its mirror. All pictures are in [−1, 1].

    A model of diffusers': `save_pretrained` and `Autoencoder.from_pretrained` write and read a folder.

    Example:
        >>> import torch
        >>> from generative import Autoencoder
        >>> model = Autoencoder(channels=1, height=28, width=28, latent=16)
        >>> model.embed(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 16])

    Args:
        channels, height, width: of the pictures.
        latent: numbers that a picture is brought to.
        hidden: units of the dense layer on either side of them.
        widths, depth, stem_stride: shape of the backbone, see `sandbox.nn.backbone.Backbone`.
        noise: standard deviation, on pixels from 0 to 1, of the noise that it learns to remove (Vincent et
            al. 2008); 0 for a plain autoencoder.
    """

    classes: tuple[str, ...] = ()

    @register_to_config
    def __init__(
        self,
        channels: int = 1,
        height: int = 28,
        width: int = 28,
        latent: int = 32,
        hidden: int = 256,
        widths: Sequence[int] = (16, 32, 64),
        depth: int = 1,
        stem_stride: int = 1,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(latent, hidden, widths, depth)
        self.shape, self.latent, self.noise = plain_shape(channels, height, width), latent, noise
        self.backbone = Backbone(channels, widths, depth, stem_stride)
        self.encoder = Encoder(self.backbone, self.shape, hidden, latent)
        self.decoder = Decoder(self.backbone, self.shape, latent, hidden)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions (batch, channels, height, width) in [−1, 1]."""
        return self.decode(self.embed(images))

    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The codes (batch, latent) of pictures."""
        del labels  # no autoencoder is told the class
        return self.encoder(self.backbone(images)[-1])

    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures (batch, channels, height, width) in [−1, 1] of codes (batch, latent)."""
        del labels
        return self.decoder(latents).float().sigmoid().mul(2).sub(1)

    def noised(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures with the noise that the model learns to remove; clipped to [−1, 1], as a camera would."""
        if not self.noise:
            return images
        noise = torch.randn(images.shape, generator=generator, device=images.device)
        return (images + 2 * self.noise * noise).clamp(-1, 1)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error on pixels from 0 to 1: summed over the pixels, averaged over the batch.

        Beside it the same as a mean over the pixels, `mse`. A denoising autoencoder gets noised pictures, and
        is measured against the clean ones.
        """
        found = self(self.noised(batch.images, generator))
        error = (found - batch.images).square().flatten(1).sum(1).mean() / 4
        return error, {"mse": error.detach() / batch.images[0].numel()}
