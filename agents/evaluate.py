"""How good an agent is: whole episodes, every environment the same number of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sandbox.core.errors import UnsupportedSpace

from .actions import for_env
from .observations import to_tensors

if TYPE_CHECKING:
    from .networks import ActorCritic
    from .q_policies import QPolicy
    from .simulators import Simulator


@dataclass(frozen=True)
class Evaluation:
    """Undiscounted returns and lengths of finished episodes, `(episodes,)` each."""

    returns: np.ndarray
    lengths: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.returns.mean())

    @property
    def std(self) -> float:
        return float(self.returns.std())

    def summary(self) -> dict[str, Any]:
        """The `evaluation` object of `--json`."""
        low, high = float(self.returns.min()), float(self.returns.max())
        return {"episodes": len(self.returns), "mean": self.mean, "std": self.std, "min": low, "max": high}


def evaluate(
    policy: ActorCritic | QPolicy,
    simulator: Simulator,
    episodes: int,
    seed: int,
    *,
    deterministic: bool = True,
) -> Evaluation:
    """Play `episodes` episodes and forget how the simulator stood before.

    Every environment plays an equal share (within one), counted from its reset: were the first finished
    episodes counted instead, short ones would count too often.

    Args:
        policy: is switched to evaluation mode, and otherwise unchanged.
        simulator: is reset with `seed`.
        episodes: how many, at least 1.
        seed: the same one gives the same episodes.
        deterministic: take the most likely action instead of a sample.

    Raises:
        UnsupportedSpace: the simulator's observations are not those that the agent learned from.
    """
    if simulator.observation_space != policy.observation_space:
        raise UnsupportedSpace(
            f"{simulator} shows {simulator.observation_space}, and the agent sees {policy.observation_space}"
        )
    policy.set_training_mode(False)
    n_envs = simulator.num_envs
    quota = np.full(n_envs, episodes // n_envs) + (np.arange(n_envs) < episodes % n_envs)  # (envs,)
    totals, steps = np.zeros(n_envs), np.zeros(n_envs, np.int64)
    returns: list[float] = []
    lengths: list[int] = []
    device = policy.device
    generator = None if deterministic else torch.Generator(device).manual_seed(seed)
    observation, state = simulator.reset(seed=seed), policy.initial_state(n_envs)
    starts = np.ones(n_envs, bool)
    while quota.any():
        with torch.inference_mode():
            actions, state = policy.choose(
                to_tensors(observation, device),
                state,
                torch.as_tensor(starts, device=device),
                generator=generator,
                deterministic=deterministic,
            )
        step = simulator.step(for_env(actions, simulator.action_space))
        counts = np.ones(n_envs, bool) if step.ignored is None else ~step.ignored
        totals += np.where(counts, step.reward, 0.0)
        steps += counts
        ends = step.terminated | step.truncated
        for env in np.flatnonzero(ends & (quota > 0)):
            returns.append(float(totals[env]))
            lengths.append(int(steps[env]))
        quota -= ends & (quota > 0)
        totals[ends], steps[ends] = 0.0, 0
        observation, starts = step.observation, ends if step.ignored is None else step.ignored
    return Evaluation(np.array(returns), np.array(lengths))
