"""The denoising diffusion model (Ho, Jain and Abbeel 2020): a network that takes noise away, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers import DDPMScheduler, UNet2DModel
from torch import Tensor, nn

from generative.config import Prediction
from generative.diffusion import min_snr_weight, noised, prediction_of, target_of
from generative.pipeline import ConditionalPipeline
from generative.unet import UNet, shape_of
from sandbox.nn.batches import Batch

if TYPE_CHECKING:
    from sandbox.nn.backbone import Backbone


class DDPM(nn.Module):
    """A denoising network and the schedule of noise that it learns by. All pictures are in [−1, 1].

    Example:
        >>> from diffusers import DDPMScheduler
        >>> from generative import DDPM, UNet
        >>> model = DDPM(UNet(sample_size=28), DDPMScheduler(prediction_type="v_prediction"))
        >>> model.shape
        (1, 28, 28)

    Args:
        unet: the network: ours, or diffusers' own.
        scheduler: says how much noise each timestep has, and what the network predicts.
        classes: names of the classes that the network is told; none for an unconditional one. A conditional
            network knows one class more, the null class: "not told".
        label_dropout: part of the pictures whose class is not told in training, for classifier-free guidance
            (Ho and Salimans 2022).
        min_snr: bound γ of the weight of little noise in the loss (Hang et al. 2023); 0 for no weights.
    """

    alphas_cumprod: Tensor

    def __init__(
        self,
        unet: UNet | UNet2DModel,
        scheduler: DDPMScheduler,
        classes: tuple[str, ...] = (),
        label_dropout: float = 0.1,
        min_snr: float = 0.0,
    ) -> None:
        super().__init__()
        self.unet, self.scheduler, self.classes = unet, scheduler, classes
        self.label_dropout, self.min_snr = label_dropout, min_snr
        self.prediction: Prediction = prediction_of(scheduler)
        # Follows from the config: neither kept in checkpoints nor averaged.
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod.clone(), persistent=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the pictures."""
        return shape_of(self.unet)

    @property
    def backbone(self) -> Backbone | None:
        """The network's encoder, which other networks can start from; diffusers' own has none."""
        return self.unet.backbone if isinstance(self.unet, UNet) else None

    def pipeline(self, sampler: str = "dpm++") -> ConditionalPipeline:
        """What draws pictures with this network as it is now; see `generative.samplers` for the names.

        Raises:
            UnknownName, UsageError: there is no such sampler, or none for this schedule.
        """
        from generative.samplers import build_sampler

        return ConditionalPipeline(self.unet, build_sampler(sampler, self.scheduler), list(self.classes))

    def forward(self, images: Tensor, timesteps: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the network predicts of noised pictures: noise, picture or velocity, as the schedule says.

        Args:
            images: (batch, channels, height, width), noised.
            timesteps: (batch,) int64, from 0.
            labels: (batch,) int64; `len(classes)`, or none at all, for "not told".
        """
        if not self.classes:
            return self.unet(images, timesteps).sample.float()
        labels = self.null_labels(len(images), images.device) if labels is None else labels
        return self.unet(images, timesteps, class_labels=labels).sample.float()

    def null_labels(self, count: int, device: torch.device | None = None) -> Tensor:
        """Labels (count,) that tell nothing."""
        return torch.full((count,), len(self.classes), dtype=torch.int64, device=device)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the prediction at random timesteps: a weighted mean over pixels and pictures.

        Beside it the squared error of the noise that follows from it, unweighted: it can be compared between
        networks that predict other things.
        """
        times = self.timesteps(len(batch), generator)  # (batch,)
        noise = torch.randn(batch.images.shape, generator=generator, device=batch.images.device)
        alpha_bar = self.alphas_cumprod[times]  # (batch,)
        labels = self.told(batch.labels, generator) if self.classes else None
        found = self(noised(batch.images, noise, alpha_bar), times, labels)
        target = target_of(self.prediction, batch.images, noise, alpha_bar)
        errors = (found - target).square().flatten(1).mean(1)  # (batch,)
        weighted = errors * min_snr_weight(self.prediction, alpha_bar, self.min_snr)
        return weighted.mean(), {"noise_mse": self._noise_mse(errors.detach(), alpha_bar)}

    def timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """Random timesteps (count,), each as likely as any other, but evenly spread over a batch.

        One from each of `count` equal parts of the chain, as Kingma et al. ("Variational Diffusion Models",
        2021) draw them: the loss of a batch varies less.
        """
        device = self.alphas_cumprod.device
        start = torch.rand((), generator=generator, device=device)
        places = (start + torch.arange(count, device=device) / count) % 1.0
        return (places * len(self.alphas_cumprod)).long().clamp(max=len(self.alphas_cumprod) - 1)

    def told(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The labels (batch,) that the network gets: in training some are replaced by the null class."""
        if not self.training:
            return labels
        hidden = torch.rand(labels.shape, generator=generator, device=labels.device) < self.label_dropout
        return torch.where(hidden, len(self.classes), labels)

    def _noise_mse(self, errors: Tensor, alpha_bar: Tensor) -> Tensor:
        """Of errors (batch,) of the prediction: the noise's is that of v times ᾱ, of x0 times ᾱ / (1 − ᾱ)."""
        if self.prediction == "epsilon":
            return errors.mean()
        share = alpha_bar if self.prediction == "v" else alpha_bar / (1 - alpha_bar)
        return (errors * share).mean()
