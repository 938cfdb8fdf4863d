"""VAEs of other projects, each with its own net, settings and way to its pictures, on the same pictures.

pytorch/examples (https://github.com/pytorch/examples/tree/main/vae): one dense layer of 400 units on either
side of 20 latents; Adam at 1e-3; batches of 128 out of a `DataLoader` that reads picture by picture. pythae
(https://github.com/clementchadebec/benchmark_VAE, arXiv:2206.08309) is used as installed, with its data set,
loader and loss: its dense net, and the convolutional one that it has for MNIST; Adam, a rate of 1e-3 and
batches of 200, as in its introduction. All learn black and white pictures, drawn anew each time, as ours do:
the bound that is measured is that of such pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from generative.objective import bernoulli_log_likelihood, gaussian_kl
from generative.vae import VAE, Posterior
from sandbox.nn.batches import Batch

RATE = 1e-3
EXAMPLES_BATCH, PYTHAE_BATCH = 128, 200
PYTHAE_LATENTS = 16


class DescribedVAE(nn.Module):
    """What a model has to have for its bound to be measured: as `generative.vae.VAE`, Bernoulli."""

    likelihood, log_scale, classes = "bernoulli", None, ()
    shape: tuple[int, int, int] = (1, 28, 28)
    latent: int
    targets, log_weights, _drawn = VAE.targets, VAE.log_weights, VAE._drawn
    flow, divergence, prior_log_density = None, VAE.divergence, VAE.prior_log_density

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Posterior:
        """Of pictures (n, 1, 28, 28) in [−1, 1], black and white."""
        raise NotImplementedError

    def log_likelihood(self, targets: Tensor, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Of `targets`, as `encode` has them, given latents (n, latent): (n,) in nats."""
        raise NotImplementedError


class DenseVAE(DescribedVAE):
    """The net of pytorch/examples, written from its description."""

    latent, hidden = 20, 400

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Sequential(nn.Flatten(), nn.Linear(784, self.hidden), nn.ReLU())
        self.mean, self.log_variance = (nn.Linear(self.hidden, self.latent) for _ in range(2))
        self.out = nn.Sequential(
            nn.Linear(self.latent, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 784),
            nn.Unflatten(1, self.shape),
        )

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Posterior:
        """See `DescribedVAE`."""
        return self.posterior((images + 1) / 2)

    def posterior(self, white: Tensor) -> Posterior:
        """Of pictures (n, 1, 28, 28) of 0 and 1."""
        h = self.into(white)
        return Posterior(self.mean(h), self.log_variance(h))

    def log_likelihood(self, targets: Tensor, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `DescribedVAE`."""
        return bernoulli_log_likelihood((targets + 1) / 2, self.out(latents))

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The same objective under `sandbox.nn.fit`'s loop."""
        targets = self.targets(batch.images, generator)
        posterior = self.encode(targets)
        likelihood = self.log_likelihood(targets, posterior.sample(generator))
        return (posterior.kl().sum(1) - likelihood).mean(), {}


class PythaeVAE(DescribedVAE):
    """A VAE of pythae's, seen as ours are."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net, self.latent = net, net.latent_dim

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Posterior:
        """See `DescribedVAE`."""
        found = self.net.encoder((images + 1) / 2)
        return Posterior(found.embedding, found.log_covariance)

    def log_likelihood(self, targets: Tensor, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `DescribedVAE`."""
        white = self.net.decoder(latents)["reconstruction"].reshape(targets.shape)
        return -F.binary_cross_entropy(white, (targets + 1) / 2, reduction="none").flatten(1).sum(1)


@dataclass
class Peer:
    """A model that learns in its own project's way."""

    model: DescribedVAE
    loader: DataLoader[Any]
    loss: Callable[[Any], Tensor]
    """of what comes out of the loader"""
    batch_size: int

    def __post_init__(self) -> None:
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self._batches: Iterator[Any] = itertools.chain.from_iterable(iter(lambda: iter(self.loader), None))

    def update(self, steps: int = 1) -> None:
        """So many gradient steps."""
        self.model.train()
        for _ in range(steps):
            loss = self.loss(next(self._batches))
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()


class Grey(Dataset[tuple[Tensor, Tensor]]):
    """Pictures one by one, (1, height, width) from 0 to 1, and their labels."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index].float() / 255, self.labels[index]


def examples(images: Tensor, labels: Tensor) -> Peer:
    """pytorch/examples' VAE, of pictures (n, 1, 28, 28) uint8."""
    model = DenseVAE()

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        white = torch.bernoulli(batch[0])
        posterior = model.posterior(white)
        noise = torch.randn_like(posterior.mean)
        latents = posterior.mean + torch.exp(0.5 * posterior.log_variance) * noise
        entropy = F.binary_cross_entropy(model.out(latents).sigmoid(), white, reduction="sum")
        return entropy + gaussian_kl(*posterior).sum()

    loader = DataLoader(Grey(images, labels), EXAMPLES_BATCH, shuffle=True)
    return Peer(model, loader, loss, EXAMPLES_BATCH)


def pythae(images: Tensor, labels: Tensor, *, convolutional: bool = False) -> Peer:
    """pythae's VAE with its dense net, or with its convolutional one for MNIST.

    Raises:
        ImportError: it is not installed.
    """
    models, datasets = import_module("pythae.models"), import_module("pythae.data.datasets")
    config = models.VAEConfig(input_dim=(1, 28, 28), latent_dim=PYTHAE_LATENTS, reconstruction_loss="bce")
    nets = ()
    if convolutional:
        theirs = import_module("pythae.models.nn.benchmarks.mnist")
        nets = theirs.Encoder_Conv_VAE_MNIST(config), theirs.Decoder_Conv_AE_MNIST(config)
    net = models.VAE(config, *nets)
    data = datasets.BaseDataset(images.float() / 255, labels)
    loader = DataLoader(data, PYTHAE_BATCH, shuffle=True, collate_fn=datasets.collate_dataset_output)

    def loss(batch: Any) -> Tensor:
        return net(datasets.DatasetOutput(data=torch.bernoulli(batch["data"]))).loss

    return Peer(PythaeVAE(net), loader, loss, PYTHAE_BATCH)


def pythae_convolutional(images: Tensor, labels: Tensor) -> Peer:
    """See `pythae`."""
    return pythae(images, labels, convolutional=True)


PEERS: dict[str, Callable[[Tensor, Tensor], Peer]] = {
    "pytorch/examples": examples,
    "pythae": pythae,
    "pythae, its net for MNIST": pythae_convolutional,
}
"""name -> what makes it, from pictures (n, 1, 28, 28) uint8 and labels (n,)"""
TOO_SLOW = "pythae, its net for MNIST"
"""on CPUs such as these: it would not see every picture once in the time that all have"""
