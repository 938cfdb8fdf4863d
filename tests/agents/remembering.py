"""Agents so attentive that every mistake with their memory shows, and episodes that begin at all times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from agents import DQN, PPO
from tests.agents.slow_memory import made_attentive
from tests.agents.tasks import BOX, Sampled, small_dqn, small_ppo

LENGTHS = (2, 5, 8)
"""steps of each environment's episodes, every other one of which is cut off by time"""
STEPS = 12
"""of a rollout"""
PICTURE = spaces.Box(0, 255, (3, 16, 16), np.uint8)
SEEN: dict[str, spaces.Space] = {
    "Mlp": BOX,
    "Cnn": PICTURE,
    "MultiInput": spaces.Dict({"eye": PICTURE, "ear": BOX, "tag": spaces.Discrete(3)}),
}
"""by the beginning of a policy's name"""
SAME_STEP, NEXT_STEP = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP


class Somebodys(VectorEnv[Any, Any, Any]):
    """A vector environment of unknown make, of which nobody knows how to reset single rows."""

    def __init__(self, hidden: VectorEnv[Any, Any, Any]) -> None:
        self._hidden, self.num_envs, self.metadata = hidden, hidden.num_envs, hidden.metadata
        self.single_observation_space = hidden.single_observation_space
        self.single_action_space = hidden.single_action_space

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        return self._hidden.reset(seed=seed, options=options)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        return self._hidden.step(actions)


def tasks(
    mode: AutoresetMode = SAME_STEP, seen: spaces.Space = BOX, acts: spaces.Space | None = None
) -> VectorEnv[Any, Any, Any]:
    """Three environments with episodes of `LENGTHS`; in mode NEXT_STEP resets take steps of their own."""
    makers: list[Callable[[], gym.Env[Any, Any]]] = [
        lambda length=length: Sampled(seen, acts, length) for length in LENGTHS
    ]
    return Somebodys(SyncVectorEnv(makers, autoreset_mode=mode))


def attentive_ppo(
    policy: str = "MlpLstmPolicy",
    mode: AutoresetMode = SAME_STEP,
    acts: spaces.Space | None = None,
    **options: Any,
) -> PPO:
    """One that acts in `tasks`, on what it remembers."""
    settings = {"n_steps": STEPS, "batch_size": 12, "n_epochs": 2, **options}
    settings["policy_kwargs"] = _sizes(policy, settings)
    agent = small_ppo(tasks(mode, SEEN[_kind(policy)], acts), policy, **settings)
    made_attentive(agent.policy)
    with torch.no_grad():  # at the start it is small, so that actions hardly depend on anything
        for part in agent.policy.action_net.parameters():
            part *= 100
    return agent


def attentive_dqn(
    policy: str = "MlpLstmPolicy",
    mode: AutoresetMode = SAME_STEP,
    acts: spaces.Discrete | None = None,
    **options: Any,
) -> DQN:
    """One that acts in `tasks`, on what it remembers, and learns from sequences of 4 steps."""
    settings = {"sequence_length": 4, "sequence_overlap": 2, **options}
    settings["policy_kwargs"] = _sizes(policy, settings)
    agent = small_dqn(tasks(mode, SEEN[_kind(policy)], acts or spaces.Discrete(3)), policy, **settings)
    made_attentive(agent.policy)
    return agent


def _kind(policy: str) -> str:
    return policy.removesuffix("Policy").removesuffix("Lstm").removesuffix("Gru")


def _sizes(policy: str, settings: dict[str, Any]) -> dict[str, Any]:
    seeing = {} if _kind(policy) == "Mlp" else {"features_dim": 8}
    return {"memory_size": 6, **seeing, **settings.get("policy_kwargs", {})}
