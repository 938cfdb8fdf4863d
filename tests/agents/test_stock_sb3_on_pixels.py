"""Stock stable-baselines3 trains PPO("CnnPolicy") on the pixels of every environment, single and batched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import pytest
import stable_baselines3 as sb3

import envs
from agents import SB3VecEnv
from envs import Entry

SHOWN = [entry for entry in envs.listing() if "pixels" in entry.observations]
SOURCES: dict[str, Callable[[Entry], Any]] = {
    "single": lambda entry: gymnasium.make(entry.id, obs="pixels"),
    "batched": lambda entry: SB3VecEnv(gymnasium.make_vec(entry.id, num_envs=4, obs="pixels")),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("entry", SHOWN, ids=lambda entry: entry.name)
def test_stock_ppo_with_a_cnn_trains(entry: Entry, source: str) -> None:
    env = SOURCES[source](entry)
    small = {"features_extractor_kwargs": {"features_dim": 16}}
    agent = sb3.PPO("CnnPolicy", env, n_steps=8, batch_size=8, n_epochs=1, policy_kwargs=small, seed=0)
    before = [weights.clone() for weights in agent.policy.parameters()]
    agent.learn(32)
    assert agent.num_timesteps == 32
    after = list(agent.policy.parameters())
    assert any(not one.equal(other) for one, other in zip(before, after, strict=True))
    assert all(weights.isfinite().all() for weights in after)
