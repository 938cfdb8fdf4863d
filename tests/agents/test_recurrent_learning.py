"""Agents with memory solve what nobody solves without: with fixed seeds, the same result on every run."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

from agents import DQN, PPO
from agents.evaluate import evaluate
from agents.simulators import as_simulator
from tests.agents.remembering import attentive_ppo
from tests.agents.tasks import filled_batch

CORRIDOR: dict[str, Any] = {"obs": "features", "length": 4}
"""a cue, four steps on, and a turn to the side that the cue was of: 1 for the right one, 0 for the other"""
STEPS_THERE = 8
"""most of an episode"""


def policy_kwargs(policy: str) -> dict[str, Any]:
    return {"net_arch": []} if policy == "MlpPolicy" else {"net_arch": [], "memory_size": 16}


def learned_ppo(policy: str) -> PPO:
    agent = PPO(
        policy,
        "Sandbox/TMaze-v0",
        n_envs=16,
        env_kwargs=CORRIDOR,
        n_steps=32,
        batch_size=128,
        n_epochs=4,
        learning_rate=5e-3,
        gamma=0.95,
        ent_coef=0.01,
        policy_kwargs=policy_kwargs(policy),
        seed=0,
        device="cpu",
    )
    return agent.learn(12_000)


def learned_dqn(policy: str) -> DQN:
    agent = DQN(
        policy,
        "Sandbox/TMaze-v0",
        n_envs=8,
        env_kwargs=CORRIDOR,
        buffer_size=10_000,
        learning_starts=300,
        batch_size=16,
        train_freq=8,
        learning_rate=5e-3,
        gamma=0.95,
        target_update_interval=200,
        exploration_fraction=0.5,
        sequence_length=STEPS_THERE,
        sequence_overlap=0,
        double=True,
        policy_kwargs=policy_kwargs(policy),
        seed=0,
        device="cpu",
    )
    return agent.learn(7_000)


def mean_return(agent: Any) -> float:
    """Of 200 greedy episodes."""
    batch = gym.make_vec("Sandbox/TMaze-v0", 8, **CORRIDOR)
    return evaluate(agent.policy, as_simulator(batch), 200, seed=9).mean


@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_ppo_remembers_which_way_to_turn(policy: str) -> None:
    assert mean_return(learned_ppo(policy)) >= 0.95


@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_dqn_remembers_which_way_to_turn(policy: str) -> None:
    """From whole episodes."""
    assert mean_return(learned_dqn(policy)) >= 0.95


@pytest.mark.parametrize("learned", [learned_ppo, learned_dqn])
def test_without_memory_it_is_a_coin(learned: Any) -> None:
    assert mean_return(learned("MlpPolicy")) <= 0.6


@pytest.mark.parametrize("critic", ["shared", "separate", "none"])
def test_a_tiny_rollout_is_learned_by_heart(critic: str) -> None:
    """Actions with positive advantage become likely, the others unlikely, and values reach their targets."""
    kwargs = {"critic_memory": critic, "memory_size": 32, "net_arch": [32]}
    agent = attentive_ppo("MlpGruPolicy", policy_kwargs=kwargs, learning_rate=0.01, sequence_length=6)
    batch = filled_batch(agent)
    batch.advantages = torch.where(torch.arange(len(batch.actions)) % 2 == 0, 1.0, -1.0)
    batch.returns = torch.linspace(-1, 1, len(batch.actions))
    for _ in range(120):
        for part in batch.minibatches(len(batch.actions), agent.generator):
            agent.policy.optimizer.zero_grad()
            agent.loss(part, 0.2)[0].backward()
            agent.policy.optimizer.step()
    (whole,) = batch.minibatches(len(batch.actions), agent.generator)
    values, log_probs, _ = agent.policy.evaluate_actions(whole.observations, whole.actions, whole.remembered)  # type: ignore[call-arg]
    ratio = (log_probs - whole.log_probs).exp()
    assert (ratio[whole.advantages > 0] >= 1).all()
    assert (ratio[whole.advantages < 0] < 0.9).all()
    assert (values.squeeze(-1) - whole.returns).abs().mean() < 0.1  # at first 0.5 and more
