"""Policies of DQN: a Q-network, its target, and how to act on what they say.

They keep every constructor argument, method and state-dict key of SB3's `DQNPolicy`, so that weights move
between the two.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.dqn.policies import DQNPolicy, MultiInputPolicy
from torch import Tensor, nn

from .eyes import BackboneExtractor, CombinedEyes, with_eyes
from .networks import PolicyState
from .normalize import ObservationNormalizer
from .observations import Tensors
from .optimizers import lean_optimizer
from .q_learning import unsquashed
from .q_networks import Dueling, QNetwork
from .sequences import Sequences
from .transitions import Transitions


class QPolicy(DQNPolicy):
    """Q-network, its target, and how to act on what they say (MlpPolicy).

    Args:
        n_quantiles, noisy_std: see `QNetwork`.
        dueling: `Dueling` behind the features.
        head_class: another class there, see `QNetwork`; then `dueling` means nothing.
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
        head_class: type[nn.Module] | None = None,
        noisy_std: float | None = None,
        rescale_values: bool = False,
        normalize_observations: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.rescale_values = rescale_values
        optimizer_class, optimizer_kwargs = lean_optimizer(optimizer_class, optimizer_kwargs or {})
        chosen = head_class or (Dueling if dueling else None)
        self._head = {"n_quantiles": n_quantiles, "head_class": chosen, "noisy_std": noisy_std}
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
