"""Actor-critic networks: SB3's architecture and parameter names, with a lean path for the engine.

`ActorCritic` keeps every constructor argument, method and state-dict key of SB3's `ActorCriticPolicy`, so
weights move between the two (`ours.set_parameters(theirs.get_parameters())`). It adds observation
normalisation inside the network, `act` (one call per vector step, an opaque memory state in and out, a
generator as an argument), and distributions without per-call validation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import StateDependentNoiseDistribution
from stable_baselines3.common.policies import (
    ActorCriticPolicy,
    MultiInputActorCriticPolicy,
)
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from sandbox.core.errors import UsageError

from .distributions import ActionDistribution, StateDependentGaussian, action_distribution
from .eyes import BackboneExtractor, CombinedEyes, extract_features, with_eyes
from .normalize import ObservationNormalizer, RewardNormalizer
from .observations import Tensors
from .optimizers import lean_optimizer

PolicyState = Tensor | None
"""What a policy carries from step to step: (envs, numbers); None without memory."""


class Decision(NamedTuple):
    """What a policy says about a batch of observations."""

    actions: Tensor  # (batch, *action shape), not clipped
    log_probs: Tensor  # (batch,)
    values: Tensor  # (batch,)
    state: PolicyState


class ActorCritic(ActorCriticPolicy):
    """Policy and value network for vectors (MlpPolicy).

    Args:
        normalize_observations: keep running moments of the observations in the network and apply them.
        **kwargs: as SB3's `ActorCriticPolicy`; Adam is fused unless `optimizer_kwargs` says otherwise.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Schedule,
        *args: Any,
        normalize_observations: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("use_sde") and not isinstance(action_space, spaces.Box):
            raise UsageError(
                f"state-dependent exploration (use_sde) is for continuous actions, not {action_space}"
            )
        if kwargs.get("squash_output"):
            raise UsageError("squash_output is not supported", hint="actions are clipped to their bounds")
        if optimizer_class is torch.optim.Adam and optimizer_kwargs is None:
            optimizer_kwargs = {"eps": 1e-5}  # as SB3
        optimizer_class, optimizer_kwargs = lean_optimizer(optimizer_class, optimizer_kwargs or {})
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            *args,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            **kwargs,
        )
        # SB3 made the optimiser already; these hold buffers alone, so nothing of theirs is to be optimised.
        self.observation_normalizer = (
            ObservationNormalizer(observation_space) if normalize_observations else None
        )
        self.reward_normalizer: RewardNormalizer | None = None

    def initial_state(self, n_envs: int) -> PolicyState:
        """Memory at the start of `n_envs` episodes: none for a network without memory."""
        del n_envs
        return None

    def activations(self, state: PolicyState) -> Tensor | None:
        """What there is to see of a memory (envs, units), from -1 to 1; None without one."""
        del state
        return None

    def exploration(self, n_envs: int, generator: torch.Generator | None = None) -> Tensor:
        """Matrices that explore each environment in a way of its own, for as long as they are passed on.

        Returns:
            (envs, features, actions), drawn with the standard deviations of now; for `use_sde` alone.
        """
        std = self._exploration_std()
        noise = torch.empty(n_envs, *std.shape, device=std.device).normal_(generator=generator)
        return noise * std.detach()

    def act(
        self,
        observation: Tensors,
        state: PolicyState = None,
        episode_start: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        deterministic: bool = False,
        noise: Tensor | None = None,
    ) -> Decision:
        """Choose one action for each observation.

        Args:
            observation: (batch, *shape), or a flat dict of such.
            state: memory from the step before; None at the start of episodes, and always without memory.
            episode_start: (batch,) bool, where memory is to be forgotten.
            generator: source of randomness, on the policy's device; None is torch's global one.
            deterministic: take the mode instead of a sample.
            noise: from `exploration`; None draws anew.
        """
        latent_actor, latent_critic, state = self._latents(observation, state, episode_start)
        distribution = self._distribution(latent_actor, noise)
        actions = distribution.mode() if deterministic else distribution.sample(generator)
        values = self.value_net(latent_critic).squeeze(-1)
        return Decision(self._shaped(actions), distribution.log_prob(actions), values, state)

    def choose(
        self,
        observation: Tensors,
        state: PolicyState = None,
        episode_start: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        deterministic: bool = True,
    ) -> tuple[Tensor, PolicyState]:
        """`act` without the critic, for evaluation: actions (batch, *action shape) and the next memory."""
        latent_actor, state = self._latent_actor(observation, state, episode_start)
        distribution = self._distribution(latent_actor)
        actions = distribution.mode() if deterministic else distribution.sample(generator)
        return self._shaped(actions), state

    def values(
        self, observation: Tensors, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> Tensor:
        """State values (batch,); arguments as in `act`."""
        return self.predict_values(observation, state, episode_start).squeeze(-1)

    # SB3's public methods, on normalised observations.

    def forward(self, obs: PyTorchObs, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        decision = self.act(obs, deterministic=deterministic)
        return decision.actions, decision.values.unsqueeze(-1), decision.log_probs

    def evaluate_actions(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values (batch, 1), log-probabilities (batch,) and entropies (batch,) of given actions."""
        latent_actor, latent_critic, _ = self._latents(obs)
        return self._judged(latent_actor, latent_critic, actions)

    def _judged(
        self, latent_actor: Tensor, latent_critic: Tensor, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        distribution = self._distribution(latent_actor)
        flat = actions.reshape(len(actions), -1) if isinstance(self.action_space, spaces.Box) else actions
        return self.value_net(latent_critic), distribution.log_prob(flat), distribution.entropy()

    def get_distribution(
        self, obs: PyTorchObs, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> Any:
        """SB3's `Distribution` over actions (for people; the engine uses its own)."""
        if self.use_sde:
            self.reset_noise()  # its matrix is as old as its last call of this
        return self._get_action_dist_from_latent(self._latent_actor(obs, state, episode_start)[0])

    def predict_values(
        self, obs: PyTorchObs, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> Tensor:
        """State values (batch, 1)."""
        return self.value_net(self._latent_critic(obs, state, episode_start))

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        return self.choose(observation, deterministic=deterministic)[0]

    # What actor and critic make of observations; a policy with memory makes more of them.

    def _latent_actor(
        self, observation: Tensors, state: PolicyState, episode_start: Tensor | None
    ) -> tuple[Tensor, PolicyState]:
        del episode_start
        features = self._features(observation, self.pi_features_extractor)
        return self.mlp_extractor.forward_actor(features), state

    def _latent_critic(
        self, observation: Tensors, state: PolicyState, episode_start: Tensor | None
    ) -> Tensor:
        del state, episode_start
        features = self._features(observation, self.vf_features_extractor)
        return self.mlp_extractor.forward_critic(features)

    def _latents(
        self, observation: Tensors, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> tuple[Tensor, Tensor, PolicyState]:
        del episode_start
        for_actor, for_critic = self._both_features(observation)
        extractor = self.mlp_extractor
        return extractor.forward_actor(for_actor), extractor.forward_critic(for_critic), state

    def _both_features(self, observation: Tensors) -> tuple[Tensor, Tensor]:
        for_actor = for_critic = self._features(observation, self.pi_features_extractor)
        if not self.share_features_extractor:
            for_critic = self._features(observation, self.vf_features_extractor)
        return for_actor, for_critic

    def _features(self, observation: Tensors, extractor: BaseFeaturesExtractor) -> Tensor:
        seen = self._normalized(observation)
        return extract_features(seen, self.observation_space, extractor, self.normalize_images)

    def _normalized(self, observation: Tensors) -> Tensors:
        return (
            observation if self.observation_normalizer is None else self.observation_normalizer(observation)
        )

    def _distribution(self, latent_actor: Tensor, noise: Tensor | None = None) -> ActionDistribution:
        output = self.action_net(latent_actor)
        if self.use_sde:
            return StateDependentGaussian(output, latent_actor, self._exploration_std(), noise)
        return action_distribution(self.action_space, output, getattr(self, "log_std", None))

    def _exploration_std(self) -> Tensor:
        """(features, actions), from the parameter as `full_std` and `use_expln` say."""
        assert isinstance(self.action_dist, StateDependentNoiseDistribution)
        return self.action_dist.get_std(self.log_std)

    def _shaped(self, actions: Tensor) -> Tensor:
        if isinstance(self.action_space, spaces.Box):
            return actions.reshape(-1, *self.action_space.shape)
        return actions


class CnnActorCritic(ActorCritic):
    """Policy and value network for pictures, on the shared backbone (CnnPolicy).

    Args:
        net_arch: layers behind the features; none, unless given, as in SB3 behind a CNN.
        **kwargs: as of `ActorCritic`; `backbone`, `freeze`, … as of `BackboneExtractor`.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Schedule,
        net_arch: list[int] | dict[str, list[int]] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs = with_eyes(BackboneExtractor, kwargs)
        super().__init__(observation_space, action_space, lr_schedule, net_arch or [], **kwargs)


class MultiInputActorCritic(ActorCritic):
    """Policy and value network for flat dicts of observations, pictures among them (MultiInputPolicy).

    Args:
        **kwargs: as of `ActorCritic`; `backbone`, `freeze`, … as of `CombinedEyes`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **with_eyes(CombinedEyes, kwargs))


SB3_POLICIES: dict[type, str] = {
    ActorCriticPolicy: "MlpPolicy",
    MultiInputActorCriticPolicy: "MultiInputPolicy",
}
"""Stock SB3's classes, which people pass too, and the names of ours with the same networks."""
