"""Environments as users of stable-baselines3 and its zoo make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from agents.simulators.from_id import find_spec, is_batch, make_single
from agents.vec import SB3VecEnv


def make_environments(
    env: str, n_envs: int, arguments: Mapping[str, Any], wrap: Sequence[str], vec: str
) -> VecEnv:
    """`n_envs` environments of the id `env`: ours as one batch, others one by one, each in a `Monitor`.

    Args:
        env: id of the environment.
        n_envs: how many.
        arguments: for each of them.
        wrap: wrappers around each, the first one innermost.
        vec: "async" gives every environment that is not ours a process of its own.

    Raises:
        SandboxError: there is no such environment, it cannot be made, or a wrapper does not fit.
    """
    spec = find_spec(env)
    if is_batch(spec):
        return SB3VecEnv(env, n_envs, env_kwargs=dict(arguments), wrap=wrap)
    make = partial(_monitored, spec, list(wrap), dict(arguments))
    if vec == "async":
        make().close()  # what is wrong with it is said here, not in another process
        return SubprocVecEnv([make] * n_envs)
    return DummyVecEnv([make] * n_envs)


def _monitored(spec: Any, wrap: list[str], arguments: dict[str, Any]) -> gym.Env[Any, Any]:
    return Monitor(make_single(spec, wrap, arguments))
