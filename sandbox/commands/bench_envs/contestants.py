"""What is measured: our batches, the same as single environments, and gymnasium's vector of those."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from envs import Entry
from sandbox.commands.bench_envs.timing import Contestant

DRAWN = 64
"""So many actions are drawn beforehand, and taken in turn."""


def batch(entry: Entry, num_envs: int, obs: str, seed: int, mode: str = "SameStep") -> Contestant:
    """Our batch of `num_envs` episodes, with autoreset as `mode` says."""
    made = gymnasium.make_vec(entry.id, num_envs=num_envs, obs=obs, autoreset_mode=mode)
    return vector(made, seed)


def sync(entry: Entry, num_envs: int, obs: str, seed: int) -> Contestant:
    """Gymnasium's SyncVectorEnv over the single versions of the same environment."""
    make = partial(gymnasium.make, entry.id, obs=obs, disable_env_checker=True)
    return vector(SyncVectorEnv([make] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP), seed)


def alone(entry: Entry, obs: str, seed: int) -> Contestant:
    """The single environment, as `gymnasium.make` gives it."""
    return single(gymnasium.make(entry.id, obs=obs, disable_env_checker=True), seed)


def vector(env: VectorEnv[Any, Any, Any], seed: int) -> Contestant:
    """Any vector environment that starts new episodes by itself."""
    env.reset(seed=seed)

    def step(action: Any) -> None:
        env.step(action)

    return _taking_turns(step, _drawn(env.action_space, seed)), env.num_envs


def single(env: gymnasium.Env[Any, Any], seed: int) -> Contestant:
    """Any single environment, reset after each end as part of the step."""
    env.reset(seed=seed)

    def step(action: Any) -> None:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()

    return _taking_turns(step, _drawn(env.action_space, seed)), 1


def _drawn(space: gymnasium.Space[Any], seed: int) -> list[Any]:
    space.seed(seed)
    return [space.sample() for _ in range(DRAWN)]


def _taking_turns(step: Callable[[Any], None], actions: list[Any]) -> Callable[[int], None]:
    """A loop that adds next to nothing to the steps themselves."""

    def run(calls: int) -> None:
        whole, rest = divmod(calls, len(actions))
        for _ in range(whole):
            for action in actions:
                step(action)
        for action in actions[:rest]:
            step(action)

    return run
