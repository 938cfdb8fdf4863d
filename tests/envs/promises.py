"""What the conformance tests share: every environment and kind of observation, and ways to step them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs
from envs import BatchedEnv, Entry

SAME_STEP, NEXT_STEP, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED
VARIANTS = [(entry, obs) for entry in envs.listing() for obs in entry.observations]
every_variant = pytest.mark.parametrize(
    ("entry", "obs"), VARIANTS, ids=[f"{entry.name}-{obs}" for entry, obs in VARIANTS]
)
every_entry = pytest.mark.parametrize("entry", envs.listing(), ids=lambda entry: entry.name)


def batch_of(entry: Entry, num_envs: int, **arguments: Any) -> BatchedEnv:
    env = gymnasium.make_vec(entry.id, num_envs=num_envs, **arguments)
    assert isinstance(env, BatchedEnv)
    return env


def single_of(entry: Entry, **arguments: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(entry.id, **arguments)


def action_stream(env: Any, seed: int) -> Iterator[Any]:
    """Endless random actions, the same for the same space and seed."""
    space = copy.deepcopy(env.action_space)
    space.seed(seed)
    while True:
        yield space.sample()


def steps(env: Any, count: int, seed: int = 0) -> Iterator[Any]:
    """`count` steps by random actions, with copies of the observations."""
    for action, _ in zip(action_stream(env, seed), range(count), strict=False):
        yield copy.deepcopy(env.step(action))


def assert_same_step(one: Any, other: Any) -> None:
    for ours, theirs in zip(one[:4], other[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert ("final_obs" in one[4]) == ("final_obs" in other[4])
    if "final_obs" in one[4]:
        rows = one[4]["_final_obs"]
        np.testing.assert_array_equal(rows, other[4]["_final_obs"])
        np.testing.assert_array_equal(one[4]["final_obs"][rows], np.stack(other[4]["final_obs"][rows]))


def repainted(env: BatchedEnv) -> Any:
    """The pictures of the running episodes, drawn from nothing (num_envs, 3, 40, 40)."""
    pixels = np.random.default_rng(0).integers(0, 256, (env.num_envs, 3, 40, 40)).astype(np.uint8)
    env.repaint(pixels, np.ones(env.num_envs, np.bool_))
    return pixels
