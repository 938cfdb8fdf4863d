"""Who measures, while an agent learns, what its ingredients are said to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from agents.actions import for_env
from agents.bench.onlooker import Onlooker
from agents.build import build_agent
from agents.config import AgentConfig
from agents.dqn import DQN
from agents.n_step import NO_TRANSITION
from agents.observations import to_tensors
from agents.q_policies import QPolicy
from agents.session import final_evaluation
from agents.simulators import Simulator
from agents.transitions import Transitions
from sandbox.core.seeding import derive_seed

from .claims import calibration_gap, discounted_returns, heading_and_reverse, reward_preference, twin_gap

if TYPE_CHECKING:
    from agents.protocols import AnyAgent

LOOKS, EPISODES = 20, 64
JUDGED = 200
"""The first steps of an evaluation, in which values are compared with what came of them; 300 steps more are
played, after which a reward counts for a ten-thousandth at a discount of 0.97."""
SAMPLES = 4096
"""transitions drawn from the replay at each look"""
LAST_EPISODES, LAST_SEED = 100, 10_000
"""Of the evaluation in the end, the same for all variants."""


class Witness(Onlooker):
    """Looks on while DQN learns Snake: greedy episodes, and a sample of its replay, off the clock."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__(config, config.train_env, max(config.steps // LOOKS, 1))
        self.looks: list[dict[str, Any]] = []
        """what each look found; None where it says nothing about the variant"""

    def look(self, agent: AnyAgent, steps: int) -> None:
        """Add to `looks`; the agent, its generator and its replay go on as if nobody had looked."""
        assert isinstance(agent, DQN)
        length = self.config.env_args["max_episode_steps"]
        seed = derive_seed(self.config.seed, "evaluation", steps)
        agent.policy.set_training_mode(False)
        with torch.inference_mode():
            played = play(agent.policy, self.simulator(EPISODES), length, seed)
            said = values_and_returns(*played, agent.gamma, JUDGED)
            generator = torch.Generator(agent.device).manual_seed(seed)
            self.looks.append({"steps": steps, **said, **from_replay(agent, generator)})


def play(
    policy: QPolicy, simulator: Simulator, length: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Play greedily for `length` steps in each environment, one episode after the other.

    Returns:
        Rewards (length, envs), ends of episodes (length, envs) bool, and what was said of the chosen action
        before each step (length, envs, quantiles).
    """
    n_envs = simulator.num_envs
    rewards, ended = np.zeros((length, n_envs)), np.zeros((length, n_envs), bool)
    said = np.zeros((length, n_envs, policy.q_net.n_quantiles), np.float32)
    everyone = torch.arange(n_envs)
    observation = simulator.reset(seed=seed)
    for at in range(length):
        quantiles = policy.quantiles(to_tensors(observation, policy.device))  # (envs, quantiles, actions)
        actions = quantiles.mean(1).argmax(-1)
        said[at] = quantiles[everyone, :, actions].cpu().numpy()
        step = simulator.step(for_env(actions, simulator.action_space))
        rewards[at], ended[at] = step.reward, step.terminated | step.truncated
        observation = step.observation
    return rewards, ended, said


def values_and_returns(
    rewards: np.ndarray, ended: np.ndarray, said: np.ndarray, gamma: float, judged: int
) -> dict[str, Any]:
    """What `play` found: the mean return of first episodes, and how true the values were.

    Args:
        rewards, ended, said: as `play` returns them.
        gamma: discount per step.
        judged: so many of the first steps are compared with what came of them.
    """
    first = np.cumsum(ended, 0) - ended == 0  # (length, envs), steps of first episodes
    obtained = discounted_returns(rewards, ended, gamma)[:judged].ravel()
    quantiles = said[:judged].reshape(len(obtained), -1)
    several = quantiles.shape[1] > 1
    return {
        "return": float((rewards * first).sum(0).mean()),
        "value_said": float(quantiles.mean()),
        "value_obtained": float(obtained.mean()),
        "calibration_gap": calibration_gap(quantiles, obtained) if several else None,
    }


def from_replay(agent: DQN, generator: torch.Generator) -> dict[str, Any]:
    """What a sample of the replay says about preferences, twin actions and exploration."""
    batch = agent.replay.sample(SAMPLES, generator)
    assert isinstance(batch, Transitions), "these agents have no memory"
    stored = agent.replay.state_dict()
    index = batch.index.cpu().numpy()
    kept = stored["outcomes"] != NO_TRANSITION
    values = agent.policy.quantiles(batch.observations).mean(1)  # (samples, actions)
    if agent.noisy:
        noisy = agent.policy.quantiles(batch.observations, generator).mean(1)
        random = float((noisy.argmax(1) != values.argmax(1)).float().mean())
    else:
        n_actions = values.shape[1]
        random = agent.exploration_rate * (n_actions - 1) / n_actions
    assert isinstance(batch.observations, torch.Tensor)
    return {
        "reward_preference": reward_preference(stored["rewards"].ravel(), kept.ravel(), index),
        "twin_gap": twin_gap(values, *heading_and_reverse(batch.observations)),
        "random_actions": 100 * random,
    }


def measure(config: AgentConfig) -> dict[str, Any]:
    """Train DQN to the end of its steps; what came of it, as JSON values."""
    agent = build_agent(config)
    assert isinstance(agent, DQN)
    witness = Witness(config)
    try:
        agent.learn(config.steps, run=witness)
        last = final_evaluation(agent, config, LAST_EPISODES, LAST_SEED).mean
    finally:
        agent.simulator.close()
    return {
        **summary(witness.looks, config.threshold),
        "last_return": last,
        "updates": agent._n_updates,
        "training_seconds": witness.clock.wall,
        "cpu_seconds": witness.clock.cpu,
        "looks": witness.looks,
    }


def summary(looks: list[dict[str, Any]], threshold: float | None) -> dict[str, Any]:
    """The numbers of a training from those of its looks: means over the whole of it, or over its second half.

    In the first half values have not settled yet. Random actions are those of the first and of the last look.
    """

    def settled(name: str) -> float | None:
        values = [look[name] for look in looks[len(looks) // 2 :]]
        return None if None in values else float(np.mean(values))

    passed = [look["steps"] for look in looks if threshold is not None and look["return"] >= threshold]
    said, obtained = settled("value_said"), settled("value_obtained")
    return {
        "mean_return": float(np.mean([look["return"] for look in looks])),
        "steps_to_threshold": passed[0] if passed else None,
        "reached": bool(passed),
        "overestimation": None if said is None or obtained is None else said - obtained,
        "twin_gap": settled("twin_gap"),
        "reward_preference": settled("reward_preference"),
        "calibration_gap": settled("calibration_gap"),
        "random_actions_first": looks[0]["random_actions"],
        "random_actions_last": looks[-1]["random_actions"],
    }
