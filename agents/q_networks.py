"""Q-networks: SB3's architecture and parameter names, and what dueling, quantiles and noise change of them.

Every network says quantiles of the return, (batch, quantiles, actions); an ordinary one says a single number,
and keeps every constructor argument, method and state-dict key of SB3's `DQNPolicy`, so that weights move
between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.dqn.policies import QNetwork as SB3QNetwork
from torch import Tensor, nn

from .eyes import extract_features
from .noisy import NoisyLinear
from .observations import Tensors

Linear = Callable[[int, int], nn.Linear]


class QNetwork(SB3QNetwork):
    """Features, then layers that end in one number for each quantile and action.

    Args:
        n_quantiles: of the return, 1 for its mean.
        head_class: of what stands behind the features, made with the arguments that `Dueling` has; None for
            plain layers.
        noisy_std: every linear layer behind the features is a `NoisyLinear` of that standard deviation.
        **kwargs: as SB3's `QNetwork`.
    """

    def __init__(
        self,
        *,
        n_quantiles: int = 1,
        head_class: type[nn.Module] | None = None,
        noisy_std: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_quantiles, self.n_actions = n_quantiles, int(self.action_space.n)
        linear: Linear = nn.Linear if noisy_std is None else partial(NoisyLinear, std=noisy_std)
        make = (self.features_dim, self.net_arch, self.activation_fn, linear)
        if head_class is not None:
            self.q_net = head_class(*make, n_quantiles, self.n_actions)
        elif n_quantiles > 1 or noisy_std is not None:
            self.q_net = layers(*make, n_quantiles * self.n_actions)
        self._noisy = [layer for layer in self.modules() if isinstance(layer, NoisyLinear)]

    def quantiles(self, observation: Tensors, generator: torch.Generator | None = None) -> Tensor:
        """Quantiles of the return, (batch, quantiles, actions), not sorted.

        Args:
            observation: (batch, *shape), or a flat dict of such.
            generator: draws the noise of noisy layers; without one they take their means.
        """
        return self.head(self.features(observation), generator)

    def features(self, observation: Tensors) -> Tensor:
        """What the extractor sees in observations: (batch, features_dim)."""
        space, images = self.observation_space, self.normalize_images
        return extract_features(observation, space, self.features_extractor, images)

    def head(self, features: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """As `quantiles`, from features (batch, width)."""
        if generator is None or not self._noisy:
            return self.q_net(features).unflatten(-1, (self.n_quantiles, self.n_actions))
        for layer in self._noisy:
            layer.draw(len(features), generator)
        out = self.q_net(features).unflatten(-1, (self.n_quantiles, self.n_actions))
        for layer in self._noisy:
            layer.forget()
        return out

    def forward(self, obs: PyTorchObs) -> Tensor:
        """Q-values (batch, actions)."""
        return self.quantiles(obs).mean(1)


class Dueling(nn.Module):
    """Q = V + A - mean of A over the actions, for each quantile (Wang et al. 2016, arXiv:1511.06581).

    The last hidden layer exists twice, once in each stream; those before it are shared.

    Args:
        features: numbers that come in.
        widths: of the hidden layers.
        activation: behind each of them.
        linear: makes a layer of so many numbers in and out: `nn.Linear`, or a noisy one.
        n_quantiles: of the return, 1 for its mean.
        n_actions: to choose from.
    """

    def __init__(
        self,
        features: int,
        widths: Sequence[int],
        activation: type[nn.Module],
        linear: Linear,
        n_quantiles: int,
        n_actions: int,
    ) -> None:
        super().__init__()
        self.n_quantiles, self.n_actions = n_quantiles, n_actions
        self.shared = layers(features, widths[:-1], activation, linear)
        width = widths[-2] if len(widths) > 1 else features
        self.value = layers(width, widths[-1:], activation, linear, n_quantiles)
        self.advantage = layers(width, widths[-1:], activation, linear, n_quantiles * n_actions)

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, features)` -> `(batch, quantiles * actions)`."""
        shared = self.shared(features)
        value = self.value(shared).unsqueeze(-1)  # (batch, quantiles, 1)
        advantage = self.advantage(shared).unflatten(-1, (self.n_quantiles, self.n_actions))
        return self.combined(value, advantage).flatten(1)

    def combined(self, value: Tensor, advantage: Tensor) -> Tensor:
        """Q (batch, quantiles, actions), of value (batch, quantiles, 1) and advantage as Q."""
        return value + advantage - advantage.mean(-1, keepdim=True)


def layers(
    width: int, widths: Sequence[int], activation: type[nn.Module], linear: Linear, out: int | None = None
) -> nn.Sequential:
    """Hidden layers of `widths`, each with its activation, and a last one of `out` numbers without."""
    parts: list[nn.Module] = []
    for wide in widths:
        parts += [linear(width, wide), activation()]
        width = wide
    return nn.Sequential(*parts, *([] if out is None else [linear(width, out)]))
