"""Distributions over actions, one per kind of action space.

The same mathematics as `stable_baselines3.common.distributions`, without the per-call validation that
dominates the time of a small network. Parameters come in as `(batch, …)` tensors; randomness is an argument.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional

_LEAST_VARIANCE = 1e-6  # as SB3: where all features are 0


class ActionDistribution(Protocol):
    """What the engine asks of a distribution over a batch of actions."""

    def sample(self, generator: torch.Generator | None) -> Tensor: ...  # (batch, *action shape)
    def mode(self) -> Tensor: ...  # (batch, *action shape)
    def log_prob(self, actions: Tensor) -> Tensor: ...  # (batch,)
    def entropy(self) -> Tensor: ...  # (batch,)


class Categorical:
    """One choice among n. `logits`: (batch, n); actions: (batch,) int64."""

    def __init__(self, logits: Tensor) -> None:
        self.log_probs = logits.log_softmax(-1)  # (batch, n)

    def sample(self, generator: torch.Generator | None) -> Tensor:
        # Gumbel-max: argmax(log p - log e) with e ~ Exp(1) is a draw from p, without multinomial's checks.
        noise = torch.empty_like(self.log_probs).exponential_(generator=generator)
        return (self.log_probs - noise.log_()).argmax(-1)

    def mode(self) -> Tensor:
        return self.log_probs.argmax(-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        return self.log_probs.gather(-1, actions.long().unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        return -(self.log_probs.exp() * self.log_probs).sum(-1)


class MultiCategorical:
    """Several independent choices. `logits`: (batch, sum(counts)); actions: (batch, len(counts)) int64."""

    def __init__(self, logits: Tensor, counts: list[int]) -> None:
        self.parts = [Categorical(part) for part in logits.split(counts, dim=-1)]

    def sample(self, generator: torch.Generator | None) -> Tensor:
        return torch.stack([part.sample(generator) for part in self.parts], dim=-1)

    def mode(self) -> Tensor:
        return torch.stack([part.mode() for part in self.parts], dim=-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        choices = actions.unbind(-1)
        return torch.stack(
            [part.log_prob(choice) for part, choice in zip(self.parts, choices, strict=True)]
        ).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)


class Bernoulli:
    """Independent switches. `logits`: (batch, n); actions: (batch, n) of 0 and 1."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    def sample(self, generator: torch.Generator | None) -> Tensor:
        uniform = torch.empty_like(self.logits).uniform_(generator=generator)
        return (uniform < self.logits.sigmoid()).to(self.logits.dtype)

    def mode(self) -> Tensor:
        return (self.logits > 0).to(self.logits.dtype)

    def log_prob(self, actions: Tensor) -> Tensor:
        return -functional.binary_cross_entropy_with_logits(
            self.logits, actions.to(self.logits.dtype), reduction="none"
        ).sum(-1)

    def entropy(self) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            self.logits, self.logits.sigmoid(), reduction="none"
        ).sum(-1)


class DiagonalGaussian:
    """Independent normals. `mean`: (batch, n); `log_std`: (n,) or (batch, n); actions: (batch, n), not
    clipped."""

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self.mean = mean
        self.log_std = log_std

    def sample(self, generator: torch.Generator | None) -> Tensor:
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return self.mean + noise * self.log_std.exp()

    def mode(self) -> Tensor:
        return self.mean

    def log_prob(self, actions: Tensor) -> Tensor:
        deviation = (actions - self.mean) * (-self.log_std).exp()
        return (-0.5 * deviation.square() - self.log_std - 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        each = 0.5 + 0.5 * math.log(2 * math.pi) + self.log_std  # (n,) is the same for every mean
        return each.sum(-1).expand(self.mean.shape[0])


class StateDependentGaussian(DiagonalGaussian):
    """Noise that is a linear function of the features (gSDE, Raffin et al. 2020, arXiv:2005.05719).

    With one and the same matrix for several steps the noise is smooth where the features are, so that a
    motor is pushed instead of shaken. Over all matrices an action is normal, which gives its probability.

    Args:
        mean: (batch, n).
        features: (batch, features) that the noise is a function of; no gradient flows into them.
        std: (features, n), the matrices' standard deviation.
        matrices: (batch, features, n), one for each row; None draws new ones for every sample.
    """

    def __init__(self, mean: Tensor, features: Tensor, std: Tensor, matrices: Tensor | None = None) -> None:
        self.features, self.matrices = features.detach(), matrices
        variance = self.features.square() @ std.square()  # (batch, n)
        super().__init__(mean, 0.5 * (variance + _LEAST_VARIANCE).log())

    def sample(self, generator: torch.Generator | None) -> Tensor:
        if self.matrices is None:
            return super().sample(generator)
        return self.mean + (self.features.unsqueeze(1) @ self.matrices).squeeze(1)


def action_distribution(
    space: spaces.Space, output: Tensor, log_std: Tensor | None = None
) -> ActionDistribution:
    """The distribution over `space` that a network's `output` (batch, …) and `log_std` stand for.

    Raises:
        TypeError: for a space that is none of Discrete, MultiDiscrete, MultiBinary and Box.
    """
    if isinstance(space, spaces.Discrete):
        return Categorical(output)
    if isinstance(space, spaces.MultiDiscrete):
        return MultiCategorical(output, space.nvec.tolist())
    if isinstance(space, spaces.MultiBinary):
        return Bernoulli(output)
    if isinstance(space, spaces.Box) and log_std is not None:
        return DiagonalGaussian(output, log_std)
    raise TypeError(f"no distribution over actions of {space}")
