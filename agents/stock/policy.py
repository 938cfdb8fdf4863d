"""What our evaluations, videos and windows ask of a policy, answered by a stock one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from agents.actors import SB3Actor
from agents.observations import Arrays, Tensors
from sandbox.ui.actor import View

_STATISTICS = "normalizer"
_MOMENTS = ("mean", "var", "count")


class StockPolicy:
    """The policy of a stock algorithm, together with the statistics that its observations are normalised by.

    Args:
        model: the stock algorithm.
        observation_space: of one environment, as the environment shows it.
        normalizer: whose statistics of observations belong to the policy; None: it sees them as they are.
    """

    def __init__(
        self, model: BaseAlgorithm, observation_space: spaces.Space, normalizer: VecNormalize | None
    ) -> None:
        self.model, self.observation_space, self._normalizer = model, observation_space, normalizer

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.model.device

    def set_training_mode(self, mode: bool) -> None:
        """As SB3's policies."""
        self.model.policy.set_training_mode(mode)

    def initial_state(self, n_envs: int) -> None:
        """What it remembers at the start of an episode: SB3 makes that itself."""
        del n_envs

    def choose(
        self,
        observation: Tensors,
        state: Any,
        starts: Tensor,
        *,
        generator: torch.Generator | None = None,
        deterministic: bool = False,
    ) -> tuple[Tensor, Any]:
        """Actions (envs, *action shape) for observations (envs, …), and what it remembers.

        `generator` is not used: stock algorithms draw from the process-wide one.
        """
        del generator
        if isinstance(observation, dict):
            arrays: Arrays = {name: part.cpu().numpy() for name, part in observation.items()}
        else:
            arrays = observation.cpu().numpy()
        actions, state = self.predict(arrays, state, starts.cpu().numpy(), deterministic)
        return torch.as_tensor(actions), state

    def predict(
        self,
        observation: Arrays,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """As SB3's `predict`, for observations as the environment shows them."""
        return self.model.predict(self.seen(observation), state, episode_start, deterministic)

    @property
    def normalizes(self) -> bool:
        """Whether observations are changed before the network gets them."""
        return self._normalizer is not None and self._normalizer.norm_obs

    def seen(self, observation: Arrays) -> Any:
        """The observation, one or (envs, …), as the network gets it: normalised."""
        return observation if self._normalizer is None else self._normalizer.normalize_obs(observation)

    # Weights and statistics

    def state_dict(self) -> dict[str, Tensor]:
        """Weights under SB3's names, and the statistics beside them."""
        statistics = {
            f"{_STATISTICS}.{name}.{field}": part
            for name, moments in self._moments().items()
            for field, part in moments_of(moments).items()
        }
        return {**self.model.policy.state_dict(), **statistics}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state_dict` gave. Raises KeyError or RuntimeError where it does not fit."""
        weights = {name: part for name, part in state.items() if not name.startswith(f"{_STATISTICS}.")}
        self.model.policy.load_state_dict(weights)
        for name, moments in self._moments().items():
            set_moments(moments, {field: state[f"{_STATISTICS}.{name}.{field}"] for field in _MOMENTS})

    def _moments(self) -> dict[str, RunningMeanStd]:
        if self._normalizer is None:
            return {}
        moments = self._normalizer.obs_rms
        return moments if isinstance(moments, dict) else {"observation": moments}


def moments_of(moments: RunningMeanStd) -> dict[str, Tensor]:
    """Mean and variance (*shape), and count, float64."""
    return {name: torch.as_tensor(getattr(moments, name), dtype=torch.float64).clone() for name in _MOMENTS}


def set_moments(moments: RunningMeanStd, kept: Mapping[str, Tensor]) -> None:
    """Take over what `moments_of` gave. Raises KeyError, or RuntimeError for ones of another shape."""
    mean, variance = kept["mean"].cpu().numpy(), kept["var"].cpu().numpy()
    if mean.shape != np.shape(moments.mean) or variance.shape != mean.shape:
        raise RuntimeError(f"statistics of the shape {mean.shape}, not {np.shape(moments.mean)}")
    moments.mean, moments.var, moments.count = mean.copy(), variance.copy(), float(kept["count"])


class StockActor(SB3Actor):
    """A stock algorithm at play, which sees observations as it learned to."""

    def __init__(self, policy: StockPolicy, name: str) -> None:
        super().__init__(policy.model, name)
        self._policy = policy
        if policy.normalizes and not self.blind:
            self.blind = "its pictures are normalised"

    def act(self, observation: Any) -> View:
        """What to do after one observation (*shape), or a flat dict of such."""
        observation = self._policy.seen(observation)
        view = super().act(observation)
        policy: Any = self.model.policy
        if not hasattr(policy, "quantile_net"):
            return view
        with torch.inference_mode():
            tensors, _ = policy.obs_to_tensor(observation)
            quantiles = policy.quantile_net(tensors)  # (1, quantiles, actions)
        return dataclasses.replace(view, q_values=quantiles.mean(1)[0].cpu().numpy())
