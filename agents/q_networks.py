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
from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.dqn.policies import DQNPolicy, MultiInputPolicy
from stable_baselines3.dqn.policies import QNetwork as SB3QNetwork
from torch import Tensor, nn

from .eyes import BackboneExtractor, CombinedEyes, extract_features, with_eyes
from .networks import PolicyState
from .noisy import NoisyLinear
from .normalize import ObservationNormalizer
from .observations import Tensors
from .optimizers import lean_optimizer
from .q_learning import unsquashed
from .sequences import Sequences
from .transitions import Transitions

Linear = Callable[[int, int], nn.Linear]


class QNetwork(SB3QNetwork):
    """Features, then layers that end in one number for each quantile and action.

    Args:
        n_quantiles: of the return, 1 for its mean.
        dueling: value and advantages come from streams of their own (Wang et al. 2016, arXiv:1511.06581).
        noisy_std: every linear layer behind the features is a `NoisyLinear` of that standard deviation.
        **kwargs: as SB3's `QNetwork`.
    """

    def __init__(
        self, *, n_quantiles: int = 1, dueling: bool = False, noisy_std: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_quantiles, self.n_actions = n_quantiles, int(self.action_space.n)
        linear: Linear = nn.Linear if noisy_std is None else partial(NoisyLinear, std=noisy_std)
        make = (self.features_dim, self.net_arch, self.activation_fn, linear)
        if dueling:
            self.q_net = Dueling(*make, n_quantiles, self.n_actions)
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
    """Q = V + A - mean of A over the actions, for each quantile.

    The last hidden layer exists twice, once in each stream; those before it are shared.
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
        return (value + advantage - advantage.mean(-1, keepdim=True)).flatten(1)


def layers(
    width: int, widths: Sequence[int], activation: type[nn.Module], linear: Linear, out: int | None = None
) -> nn.Sequential:
    """Hidden layers of `widths`, each with its activation, and a last one of `out` numbers without."""
    parts: list[nn.Module] = []
    for wide in widths:
        parts += [linear(width, wide), activation()]
        width = wide
    return nn.Sequential(*parts, *([] if out is None else [linear(width, out)]))


class QPolicy(DQNPolicy):
    """Q-network, its target, and how to act on what they say (MlpPolicy).

    Args:
        n_quantiles, dueling, noisy_std: see `QNetwork`.
        rescale_values: the networks say squashed returns (`agents.q_learning.squashed`).
        normalize_observations: keep running moments of the observations in the policy and apply them.
        **kwargs: as SB3's `DQNPolicy`; Adam is fused unless `optimizer_kwargs` says otherwise.
    """

    q_net: QNetwork  # pyright: ignore[reportIncompatibleVariableOverride]
    q_net_target: QNetwork  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Discrete,
        lr_schedule: Schedule,
        *args: Any,
        n_quantiles: int = 1,
        dueling: bool = False,
        noisy_std: float | None = None,
        rescale_values: bool = False,
        normalize_observations: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.rescale_values = rescale_values
        optimizer_class, optimizer_kwargs = lean_optimizer(optimizer_class, optimizer_kwargs or {})
        self._head = {"n_quantiles": n_quantiles, "dueling": dueling, "noisy_std": noisy_std}
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            *args,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            **kwargs,
        )
        self.observation_normalizer = (
            ObservationNormalizer(observation_space) if normalize_observations else None
        )

    def make_q_net(self) -> QNetwork:
        """One of the two networks, with a features extractor of its own."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return QNetwork(**self._head, **arguments).to(self.device)

    def initial_state(self, n_envs: int) -> PolicyState:
        """Memory at the start of `n_envs` episodes: none for a network without memory."""
        del n_envs
        return None

    def activations(self, state: PolicyState) -> Tensor | None:
        """What there is to see of a memory (envs, units), from -1 to 1; None without one."""
        del state
        return None

    def explore(
        self,
        observation: Tensors,
        state: PolicyState = None,
        episode_start: Tensor | None = None,
        *,
        generator: torch.Generator,
        epsilon: float,
    ) -> tuple[Tensor, PolicyState]:
        """Actions (batch,), each one random with probability `epsilon`, else greedy; and the next memory.

        Args:
            observation: (batch, *shape), or a flat dict of such.
            state: memory from the step before; always None without memory.
            episode_start: (batch,) bool, where memory is to be forgotten.
            generator: source of randomness, on the policy's device; also of noisy layers' noise.
            epsilon: 0 to 1; at 1 a network without memory is not asked.
        """
        batch = len(next(iter(observation.values())) if isinstance(observation, dict) else observation)
        actions, device = self.q_net.n_actions, generator.device
        randoms = torch.randint(actions, (batch,), generator=generator, device=device)
        if epsilon >= 1 and state is None:
            return randoms, state
        quantiles, state = self._step(observation, state, episode_start, generator)
        greedy = quantiles.mean(1).argmax(-1)
        if epsilon <= 0:
            return greedy, state
        dice = torch.rand(batch, generator=generator, device=device)
        return torch.where(dice < epsilon, randoms, greedy), state

    def choose(
        self,
        observation: Tensors,
        state: PolicyState = None,
        episode_start: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        deterministic: bool = True,
    ) -> tuple[Tensor, PolicyState]:
        """The greedy actions (batch,) and the next memory, for evaluation."""
        del generator, deterministic
        quantiles, state = self._step(observation, state, episode_start)
        return quantiles.mean(1).argmax(-1), state

    def q_values(
        self, observation: Tensors, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> Tensor:
        """Expected returns (batch, actions), for people; arguments as of `explore`."""
        values = self._step(observation, state, episode_start)[0].mean(1)
        return unsquashed(values) if self.rescale_values else values

    def _step(
        self,
        observation: Tensors,
        state: PolicyState,
        episode_start: Tensor | None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, PolicyState]:
        """Quantiles of the return (batch, quantiles, actions), and the next memory."""
        del episode_start
        return self.quantiles(observation, generator), state

    # What the networks say about what there is to learn from, each (transitions, quantiles, actions)

    def said(
        self, batch: Transitions | Sequences, generator: torch.Generator, afterwards: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Before each transition; and, without a gradient, behind it, if `afterwards`."""
        assert isinstance(batch, Transitions)
        later = None
        if afterwards:
            with torch.no_grad():
                later = self.quantiles(batch.next_observations, generator)
        return self.quantiles(batch.observations, generator), later

    @torch.no_grad()
    def said_by_target(self, batch: Transitions | Sequences, generator: torch.Generator) -> Tensor:
        """Behind each transition, by the target network."""
        assert isinstance(batch, Transitions)
        return self.target_quantiles(batch.next_observations, generator)

    def quantiles(self, observation: Tensors, generator: torch.Generator | None = None) -> Tensor:
        """What the network says about observations: see `QNetwork.quantiles`."""
        return self.q_net.quantiles(self._normalized(observation), generator)

    def target_quantiles(self, observation: Tensors, generator: torch.Generator | None = None) -> Tensor:
        """The same of the target network."""
        return self.q_net_target.quantiles(self._normalized(observation), generator)

    @torch.no_grad()
    def update_target(self, tau: float = 1.0) -> None:
        """Move the target network towards the network: all the way at 1."""
        ours: list[Tensor] = list(self.q_net.parameters())
        theirs: list[Tensor] = list(self.q_net_target.parameters())
        if tau >= 1:
            torch._foreach_copy_(theirs, ours)
        else:
            torch._foreach_lerp_(theirs, ours, tau)
        for target, buffer in zip(self.q_net_target.buffers(), self.q_net.buffers(), strict=True):
            target.copy_(buffer)

    def _predict(self, obs: PyTorchObs, deterministic: bool = True) -> Tensor:
        return self.choose(obs)[0]

    def _normalized(self, observation: Tensors) -> Tensors:
        normalizer = self.observation_normalizer
        return observation if normalizer is None else normalizer(observation)


class CnnQPolicy(QPolicy):
    """Q-network for pictures, on the shared backbone (CnnPolicy).

    Args:
        net_arch: layers behind the features; none, unless given, as in SB3 behind a CNN.
        **kwargs: as of `QPolicy`; `backbone`, `freeze`, … as of `BackboneExtractor`.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Discrete,
        lr_schedule: Schedule,
        net_arch: list[int] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs = with_eyes(BackboneExtractor, kwargs)
        super().__init__(observation_space, action_space, lr_schedule, net_arch or [], **kwargs)


class MultiInputQPolicy(QPolicy):
    """Q-network for flat dicts of observations, pictures among them (MultiInputPolicy).

    Args:
        **kwargs: as of `QPolicy`; `backbone`, `freeze`, … as of `CombinedEyes`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **with_eyes(CombinedEyes, kwargs))


SB3_POLICIES: dict[type, str] = {DQNPolicy: "MlpPolicy", MultiInputPolicy: "MultiInputPolicy"}
"""Stock SB3's classes, which people pass too, and the names of ours with the same networks."""
