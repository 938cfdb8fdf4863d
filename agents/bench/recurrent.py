"""The contestants of `bench agents --only recurrent`: agents with memory, how fast they act and learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from agents.bench.stopwatch import Stopwatch
from agents.bench.training import ZOO, ZOO_ENVS, Maker
from agents.build import build_agent
from agents.dqn import DQN
from agents.ppo import PPO
from agents.resolve import resolve_config

STEPS = 16_384
"""environment steps of a training, at most"""
UNITS = 64
"""of each memory, and of the one layer behind it"""
HIDDEN = ("mask_velocity",)
SEQUENCES, LENGTH = 32, 20
"""of a recurrent DQN's batch; the other one's holds as many transitions"""
GRADIENT_STEPS, TURNS = 100, 4
"""of a turn, and how many turns each takes"""
STORED = 4_096
"""transitions to learn from"""

Row = dict[str, Any]


def ours_tuned(seed: int, steps: int) -> Any:
    """The agent that `train-agent CartPole --wrap mask_velocity --policy lstm` trains, of that size."""
    changes = {"policy": "lstm", "wrap": [*HIDDEN], "seed": seed, "steps": steps, "device": "cpu"}
    config = resolve_config("CartPole", changes | {"threads": torch.get_num_threads()})
    sizes: dict[str, Any] = {"memory_size": UNITS, "memory_layers": 1, "net_arch": [UNITS]}
    return build_agent(replace(config, settings=replace(config.settings, **sizes)))


def ours_like_contrib(seed: int, steps: int) -> PPO:
    """Our PPO on our CartPole, with the peer's settings and a network like the peer's."""
    del steps
    sizes = {"memory_size": UNITS, "critic_memory": "separate"}
    policy = {**sizes, "net_arch": {"pi": [UNITS], "vf": [UNITS]}, "activation_fn": nn.ReLU}
    return PPO(
        "MlpLstmPolicy", "Sandbox/CartPole-v0", n_envs=ZOO_ENVS, wrap=HIDDEN, seed=seed, device="cpu",
        policy_kwargs=policy, **ZOO,
    )  # fmt: skip


def contrib(seed: int, steps: int) -> RecurrentPPO:
    """sb3-contrib's with rl-baselines3-zoo's settings, on gymnasium's CartPole in SB3's usual DummyVecEnv."""
    del steps
    sizes = {"lstm_hidden_size": UNITS, "enable_critic_lstm": True}
    policy = {**sizes, "net_arch": {"pi": [UNITS], "vf": [UNITS]}, "activation_fn": nn.ReLU}
    env = make_vec_env("CartPole-v1", ZOO_ENVS, seed=seed, wrapper_class=_masked)
    return RecurrentPPO("MlpLstmPolicy", env, seed=seed, device="cpu", policy_kwargs=policy, **ZOO)


def _masked(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """CartPole without velocities, as cheaply as can be."""
    kept = np.array([1, 0, 1, 0], np.float32)
    return gym.wrappers.TransformObservation(env, lambda seen: seen * kept, env.observation_space)


CONTESTS: dict[str, Maker] = {
    "each its tuned settings": ours_tuned,
    "both the zoo's settings": ours_like_contrib,
}
"""what is said about the settings -> ours; the other one is always `contrib`"""


def prepare(threads: int) -> None:
    """torch's threads, and a short training of everybody: what happens only once must not hit the first."""
    torch.set_num_threads(threads)
    for make in (*CONTESTS.values(), contrib):
        train(make, seed=0, steps=1)


def measure_pairs(seed: int, steps: int) -> list[Row]:
    """Train the pairs of one seed, from nothing, for as many steps; odd seeds let contrib begin."""
    pairs = []
    for settings, ours in CONTESTS.items():
        contestants = [("ours", ours), ("contrib", contrib)]
        order = contestants[:: -1 if seed % 2 else 1]
        results = {name: train(make, seed, min(steps, STEPS)) for name, make in order}
        about = {"settings": settings, "threads": f"{torch.get_num_threads()}", "seed": seed}
        pairs.append({**about, **results})
    return pairs


def train(make: Maker, seed: int, steps: int) -> Row:
    """Learn that long, at least one rollout; making the agent is not on the clock."""
    agent, clock = make(seed, steps), Stopwatch()
    clock.go()
    agent.learn(steps)
    clock.halt()
    assert agent.env is not None
    agent.env.close()
    return {
        "steps": agent.num_timesteps,
        "steps_per_second": agent.num_timesteps / clock.wall,
        "steps_per_cpu_second": agent.num_timesteps / clock.cpu,
        "cpu_over_wall": clock.cpu / clock.wall,
    }


# Gradient steps of DQN

POLICIES = {"none": "MlpPolicy", "LSTM": "MlpLstmPolicy", "GRU": "MlpGruPolicy"}
"""memory -> policy"""


def learner(memory: str, seed: int) -> DQN:
    """DQN on MountainCar without velocities, with transitions to learn from: in long episodes nearly all
    sequences are whole ones."""
    widths = {"net_arch": [UNITS, UNITS]} if memory == "none" else {"memory_size": UNITS, "net_arch": [UNITS]}
    batch: dict[str, Any] = {"batch_size": SEQUENCES, "sequence_length": LENGTH}
    batch["sequence_overlap"] = LENGTH // 2
    if memory == "none":
        batch = {"batch_size": SEQUENCES * LENGTH}
    agent = DQN(
        POLICIES[memory], "Sandbox/MountainCar-v0", n_envs=16, wrap=HIDDEN, seed=seed, device="cpu",
        policy_kwargs=widths, buffer_size=4 * STORED, learning_starts=2 * STORED, train_freq=16,
        gradient_steps=GRADIENT_STEPS, target_update_interval=1_000, **batch,
    )  # fmt: skip
    return agent.learn(STORED, log_interval=None)


def measure_updates(seed: int) -> list[Row]:
    """Milliseconds of a gradient step with each memory and without one, in turns: there and back again."""
    learners = {memory: learner(memory, seed) for memory in POLICIES}
    clocks = {memory: Stopwatch() for memory in POLICIES}
    for agent in learners.values():
        agent.train(1)
    for turn in range(TURNS):
        for memory in list(learners)[:: -1 if turn % 2 else 1]:
            clocks[memory].go()
            learners[memory].train(1)
            clocks[memory].halt()
    for agent in learners.values():
        assert agent.env is not None
        agent.env.close()
    count = TURNS * GRADIENT_STEPS
    each = {
        memory: {"milliseconds": 1e3 * clock.wall / count, "cpu_over_wall": clock.cpu / clock.wall}
        for memory, clock in clocks.items()
    }
    return [{"threads": f"{torch.get_num_threads()}", "seed": seed, **each}]
