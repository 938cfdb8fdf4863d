"""Policies of PPO with memory, under the names and with the parameter names of sb3-contrib's RecurrentPPO."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor, nn

from sandbox.core.errors import UsageError

from .actions import for_env
from .memory import MEMORIES, Cell, Memory
from .networks import ActorCritic, CnnActorCritic, MultiInputActorCritic, PolicyState
from .observations import Tensors
from .segments import Remembered

CRITICS = ("shared", "separate", "none")


def check_sizes(units: int, layers: int) -> None:
    """Raise UsageError for a memory without units or layers."""
    if units < 1 or layers < 1:
        raise UsageError(f"a memory needs units and layers, not {units} and {layers}")


class Remembers(BasePolicy):
    """What policies with memory have in common: states, and contrib's way to pass them to `predict`."""

    cell: ClassVar[Cell]

    @property
    def memory(self) -> Memory:
        """That of the network that acts."""
        raise NotImplementedError(f"{type(self).__name__} does not implement memory")

    @property
    def numbers(self) -> int:
        """In the state of one environment; those of the acting memory come first."""
        return self.memory.numbers

    def initial_state(self, n_envs: int) -> Tensor:
        """Memory at the start of `n_envs` episodes: (envs, numbers) zeros."""
        return torch.zeros(n_envs, self.numbers, device=self.device)

    def activations(self, state: PolicyState) -> Tensor | None:
        """What came out of each layer of the acting memory last: (envs, units), from -1 to 1."""
        assert state is not None
        return self.memory.activations(state)

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """As in sb3-contrib: actions, and the memory to pass to the next call.

        Args:
            observation: one, or a batch of them.
            state: from the call before; None: nothing is remembered. Arrays (layers, envs, hidden): what came
                out, and an LSTM's cells.
            episode_start: (envs,) where the memory is to be forgotten.
            deterministic: the most likely actions instead of drawn ones.
        """
        self.set_training_mode(False)
        tensors, several = self.obs_to_tensor(observation)
        count = len(next(iter(tensors.values())) if isinstance(tensors, dict) else tensors)
        begun = self._taken_up(state, count)
        starts = None if episode_start is None else torch.as_tensor(episode_start, device=self.device).bool()
        with torch.inference_mode():
            chosen, begun = self.choose(tensors, begun, starts, deterministic=deterministic)  # type: ignore[operator]
        actions = for_env(chosen, self.action_space)
        return (actions if several else actions.squeeze(0)), self._given_out(begun)

    def _taken_up(self, state: tuple[np.ndarray, ...] | None, count: int) -> Tensor:
        begun = self.initial_state(count)
        if state is not None:
            parts = torch.as_tensor(np.stack(state), device=self.device)  # (parts, layers, envs, hidden)
            begun[:, : self.memory.numbers] = parts.permute(2, 0, 1, 3).reshape(count, -1)
        return begun

    def _given_out(self, state: Tensor) -> tuple[np.ndarray, ...]:
        memory = self.memory
        shape = (len(state), memory.parts, memory.num_layers, memory.hidden_size)
        return tuple(state[:, : memory.numbers].view(shape).permute(1, 2, 0, 3).cpu().numpy())


class RecurrentActorCritic(Remembers, ActorCritic):
    """Policy and value network that remember (MlpLstmPolicy, MlpGruPolicy).

    Args:
        memory_size: units of each layer.
        memory_layers: one upon another.
        critic_memory: what the value function reads: "shared", the memory that acts; "separate", one of its
            own; "none", what is seen now, through a linear layer.
        **kwargs: as of `ActorCritic`. Also contrib's `lstm_hidden_size`, `n_lstm_layers`, `shared_lstm` and
            `enable_critic_lstm`; its shared memory learns nothing from values, ours does.

    Raises:
        UsageError: a size below 1, or no such `critic_memory`.
    """

    def __init__(
        self,
        *args: Any,
        memory_size: int = 64,
        memory_layers: int = 1,
        critic_memory: str = "shared",
        lstm_hidden_size: int | None = None,
        n_lstm_layers: int | None = None,
        shared_lstm: bool | None = None,
        enable_critic_lstm: bool | None = None,
        **kwargs: Any,
    ) -> None:
        memory_size, memory_layers = lstm_hidden_size or memory_size, n_lstm_layers or memory_layers
        if shared_lstm is not None or enable_critic_lstm is not None:
            without = "none" if enable_critic_lstm is False else "separate"
            critic_memory = "shared" if shared_lstm else without
        check_sizes(memory_size, memory_layers)
        if critic_memory not in CRITICS:
            raise UsageError(f"critic_memory is {', '.join(CRITICS)}, not {critic_memory!r}")
        if critic_memory == "shared" and not kwargs.get("share_features_extractor", True):
            raise UsageError("a shared memory sees through shared eyes", hint='critic_memory="separate"')
        self._sizes, self.critic_memory = (memory_size, memory_layers), critic_memory
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        size, layers = self._sizes
        make = MEMORIES[self.cell]
        self.add_module(f"{self.cell}_actor", make(self.features_dim, size, layers))
        if self.critic_memory == "separate":
            self.add_module(f"{self.cell}_critic", make(self.features_dim, size, layers))
        elif self.critic_memory == "none":
            self.critic = nn.Linear(self.features_dim, size)
        self.mlp_extractor = MlpExtractor(size, self.net_arch, self.activation_fn, device=self.device)

    @property
    def memory(self) -> Memory:
        return getattr(self, f"{self.cell}_actor")

    @property
    def _memory_of_critic(self) -> Memory:
        return getattr(self, f"{self.cell}_critic")

    @property
    def numbers(self) -> int:
        return self.memory.numbers * (2 if self.critic_memory == "separate" else 1)

    def evaluate_actions(
        self, obs: PyTorchObs, actions: Tensor, remembered: Remembered | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """As `ActorCritic.evaluate_actions`, for rows that belong together; else each begins an episode."""
        for_actor, for_critic = self._both_features(obs)
        if remembered is None:
            remembered = Remembered.nothing(len(for_actor), self.numbers, for_actor.device)
        segments, states, own = remembered.segments, remembered.states, self.memory.numbers
        latent = self.memory.along(for_actor, segments, states[:, :own])
        if self.critic_memory == "separate":
            for_critic = self._memory_of_critic.along(for_critic, segments, states[:, own:])
        else:
            for_critic = latent if self.critic_memory == "shared" else self.critic(for_critic)
        extractor = self.mlp_extractor
        return self._judged(extractor.forward_actor(latent), extractor.forward_critic(for_critic), actions)

    def _latent_actor(
        self, observation: Tensors, state: PolicyState, episode_start: Tensor | None
    ) -> tuple[Tensor, PolicyState]:
        # For evaluation: the critic's own memory stays behind.
        features = self._features(observation, self.pi_features_extractor)
        own, critics = self._apart(state, len(features))
        latent, own = self.memory.step(features, own, episode_start)
        return self.mlp_extractor.forward_actor(latent), torch.cat([own, critics], 1)

    def _latent_critic(
        self, observation: Tensors, state: PolicyState, episode_start: Tensor | None
    ) -> Tensor:
        return self._latents(observation, state, episode_start)[1]

    def _latents(
        self, observation: Tensors, state: PolicyState = None, episode_start: Tensor | None = None
    ) -> tuple[Tensor, Tensor, PolicyState]:
        for_actor, for_critic = self._both_features(observation)
        own, critics = self._apart(state, len(for_actor))
        latent, own = self.memory.step(for_actor, own, episode_start)
        if self.critic_memory == "separate":
            for_critic, critics = self._memory_of_critic.step(for_critic, critics, episode_start)
        else:
            for_critic = latent if self.critic_memory == "shared" else self.critic(for_critic)
        extractor = self.mlp_extractor
        after = torch.cat([own, critics], 1)
        return extractor.forward_actor(latent), extractor.forward_critic(for_critic), after

    def _apart(self, state: PolicyState, count: int) -> tuple[Tensor, Tensor]:
        """The numbers of the acting memory, and of the critic's."""
        state = self.initial_state(count) if state is None else state
        own = self.memory.numbers
        return state[:, :own], state[:, own:]


class MlpLstmPolicy(RecurrentActorCritic):
    """An LSTM behind a vector."""

    cell = "lstm"


class MlpGruPolicy(RecurrentActorCritic):
    """A GRU behind a vector."""

    cell = "gru"


class CnnLstmPolicy(RecurrentActorCritic, CnnActorCritic):
    """An LSTM behind a backbone that sees pictures."""

    cell = "lstm"


class CnnGruPolicy(RecurrentActorCritic, CnnActorCritic):
    """A GRU behind a backbone that sees pictures."""

    cell = "gru"


class MultiInputLstmPolicy(RecurrentActorCritic, MultiInputActorCritic):
    """An LSTM behind flat dicts of observations."""

    cell = "lstm"


class MultiInputGruPolicy(RecurrentActorCritic, MultiInputActorCritic):
    """A GRU behind flat dicts of observations."""

    cell = "gru"


RECURRENT: dict[str, type[RecurrentActorCritic]] = {
    policy.__name__: policy
    for policy in (
        MlpLstmPolicy,
        MlpGruPolicy,
        CnnLstmPolicy,
        CnnGruPolicy,
        MultiInputLstmPolicy,
        MultiInputGruPolicy,
    )
}
"""by the names that `PPO` knows"""

CONTRIB: dict[str, str] = {
    "RecurrentActorCriticPolicy": "MlpLstmPolicy",
    "RecurrentActorCriticCnnPolicy": "CnnLstmPolicy",
    "RecurrentMultiInputActorCriticPolicy": "MultiInputLstmPolicy",
}
"""sb3-contrib's classes, and the names of ours with the same parameters"""
CONTRIBS_MEMORY: dict[str, Any] = {"lstm_hidden_size": 256, "enable_critic_lstm": True}
"""its defaults"""
