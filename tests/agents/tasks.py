"""Tasks for tests of agents whose right answers are known, and agents small enough to train in no time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces

from agents import DQN, PPO
from agents.rollout import Batch

BOX = spaces.Box(-1, 1, (3,), np.float32)


class Sampled(gym.Env[Any, Any]):
    """Random observations and rewards; every fifth step ends the episode, in turn by itself and by time.

    It refuses actions outside of its space.
    """

    def __init__(
        self, observation_space: spaces.Space = BOX, action_space: spaces.Space | None = None, length: int = 5
    ) -> None:
        self.observation_space = observation_space
        self.action_space = spaces.Discrete(2) if action_space is None else action_space
        self.length = length
        self.steps = self.episodes = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        self.steps = 0
        self.episodes += 1
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(np.asarray(action, self.action_space.dtype)[()]):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        self.steps += 1
        over = self.steps == self.length
        itself = over and self.episodes % 2 == 0
        reward = float(self.np_random.normal())
        info = {"is_success": itself} if over else {}
        return self.observation_space.sample(), reward, itself, over and not itself, info


gym.register("Tiny/Sampled-v0", Sampled, disable_env_checker=True)


def small_ppo(env: Any = "Tiny/Sampled-v0", policy: str = "MlpPolicy", **arguments: Any) -> PPO:
    """A PPO with a rollout of 8 steps and a network of 8 units."""
    policy_kwargs = {"net_arch": [8], **arguments.pop("policy_kwargs", {})}
    if isinstance(env, str):
        arguments.setdefault("n_envs", 2)
    settings = {"n_steps": 8, "batch_size": 4, "n_epochs": 2, "seed": 0, "device": "cpu", **arguments}
    return PPO(policy, env, policy_kwargs=policy_kwargs, **settings)


def small_dqn(env: Any = "Tiny/Sampled-v0", policy: str = "MlpPolicy", **arguments: Any) -> DQN:
    """A DQN with a network of 8 units that learns after 8 steps, from minibatches of 4."""
    policy_kwargs = {"net_arch": [8], **arguments.pop("policy_kwargs", {})}
    if isinstance(env, str):
        arguments.setdefault("n_envs", 2)
    sizes = {"buffer_size": 400, "learning_starts": 8, "batch_size": 4, "target_update_interval": 20}
    return DQN(policy, env, policy_kwargs=policy_kwargs, **{"seed": 0, "device": "cpu", **sizes, **arguments})


def filled_batch(agent: PPO) -> Batch:
    """The batch of one rollout, as the agent would learn from it now."""
    batches: list[Batch] = []
    train, agent.train = agent.train, lambda: batches.append(agent._finish_rollout())  # type: ignore[method-assign]
    agent.learn(1)
    agent.train = train  # type: ignore[method-assign]
    return batches[0]


def weights_of(agent: Any) -> dict[str, torch.Tensor]:
    """Copies of all that the policy's state dict holds."""
    return {name: part.clone() for name, part in agent.policy.state_dict().items()}


def same_weights(left: Any, right: Any) -> bool:
    """Equal to the last bit."""
    ours, theirs = weights_of(left), weights_of(right)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
