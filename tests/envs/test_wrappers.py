"""Wrappers on batches: every one of them keeps what the batch promises, in every autoreset mode."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from envs import BatchedEnv
from envs.wrappers import BatchWrapper, wrap
from tests.envs.promises import action_stream, steps
from tests.envs.test_base import Walk

SAME_STEP, NEXT_STEP, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED
every_mode = pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP, DISABLED], ids=lambda mode: mode.name)

VECTORS = [
    ["frame_stack:3"],
    ["flicker:0.4"],
    ["mask_velocity"],
    ["sticky_actions:0.5"],
    ["action_repeat:3"],
    ["action_repeat:2", "mask_velocity", "flicker:0.3", "frame_stack:4", "sticky_actions:0.25"],
]
PICTURES = [
    ["frame_stack:3"],
    ["flicker:0.4"],
    ["grayscale"],
    ["resize:36"],
    ["action_repeat:3"],
    ["action_repeat:2", "grayscale", "resize:20", "flicker:0.3", "frame_stack:4", "sticky_actions:0.25"],
]
every_wrapping = pytest.mark.parametrize(
    ("pixels", "specs"),
    [(False, specs) for specs in VECTORS] + [(True, specs) for specs in PICTURES],
    ids=lambda value: (
        {False: "vectors", True: "pictures"}[value] if isinstance(value, bool) else "+".join(value)
    ),
)


def batch(pixels: bool, mode: AutoresetMode, num_envs: int = 4) -> BatchedEnv:
    """Episodes that end often, by the rules and by the limit."""
    if pixels:
        return Walk(num_envs, length=4, autoreset_mode=mode)
    env = gymnasium.make_vec(
        "Sandbox/CartPole-v0", num_envs=num_envs, max_episode_steps=15, autoreset_mode=mode
    )
    assert isinstance(env, BatchedEnv)
    return env


def wrapped(pixels: bool, mode: AutoresetMode, specs: list[str], num_envs: int = 4) -> BatchWrapper:
    env = wrap(batch(pixels, mode, num_envs), specs)
    assert isinstance(env, BatchWrapper)
    return env


def play(env: VectorEnv, count: int, seed: int = 0) -> list[list[Any]]:
    """Steps by random actions; ended episodes are reset at once where the mode leaves that to the caller."""
    record = []
    for action, _ in zip(action_stream(env, seed), range(count), strict=False):
        observation, reward, terminated, truncated, infos = env.step(action)
        ended = terminated | truncated
        final = infos["final_obs"][ended].copy() if "final_obs" in infos else None
        record.append([observation.copy(), reward, terminated, truncated, final])
        if env.metadata["autoreset_mode"] is DISABLED and ended.any():
            record[-1].append(env.reset(options={"reset_mask": ended})[0].copy())
    return record


def assert_same(one: Any, other: Any) -> None:
    for left, right in zip(one, other, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)


@every_mode
@every_wrapping
def test_observations_are_in_the_space_that_is_declared(
    pixels: bool, specs: list[str], mode: AutoresetMode
) -> None:
    env = wrapped(pixels, mode, specs)
    assert isinstance(env.single_observation_space, Box)
    assert env.observation_space.shape == (4, *env.single_observation_space.shape)
    observation, _ = env.reset(seed=3)
    ends = 0
    for _ in range(40):
        assert env.observation_space.contains(observation)
        observation, reward, terminated, truncated, infos = env.step(env.action_space.sample())
        assert (reward.shape, terminated.dtype, truncated.dtype) == ((4,), np.bool_, np.bool_)
        ended = terminated | truncated
        ends += ended.sum()
        if mode is SAME_STEP and ended.any():
            np.testing.assert_array_equal(infos["_final_obs"], ended)
            assert all(env.single_observation_space.contains(last) for last in infos["final_obs"][ended])
        if mode is DISABLED and ended.any():
            observation, _ = env.reset(options={"reset_mask": ended})
    assert ends > 0


@every_mode
@every_wrapping
def test_what_was_given_out_last_stays_for_one_more_step(
    pixels: bool, specs: list[str], mode: AutoresetMode
) -> None:
    env = wrapped(pixels, mode, specs)
    last, _ = env.reset(seed=0)
    kept = last.copy()
    for action, _ in zip(action_stream(env, 0), range(30), strict=False):
        observation, _, terminated, truncated, _ = env.step(action)
        np.testing.assert_array_equal(last, kept)
        last, kept = observation, observation.copy()
        np.testing.assert_array_equal(env.observation(), kept)
        ended = terminated | truncated
        if mode is DISABLED and ended.any():
            first, _ = env.reset(options={"reset_mask": ended})
            np.testing.assert_array_equal(last, kept)
            np.testing.assert_array_equal(first[~ended], kept[~ended])
            last, kept = first, first.copy()


@every_mode
@every_wrapping
def test_a_saved_state_continues_bit_identically(pixels: bool, specs: list[str], mode: AutoresetMode) -> None:
    env, other = wrapped(pixels, mode, specs), wrapped(pixels, mode, specs)
    env.reset(seed=5)
    play(env, 11)
    state = env.state_dict()
    assert_plain(state)
    given = other.reset(seed=77)[0]
    kept = given.copy()
    other.load_state_dict(copy.deepcopy(state))
    np.testing.assert_array_equal(given, kept)
    np.testing.assert_array_equal(other.observation(), env.observation())
    expected = play(env, 40, seed=1)
    assert_same(play(other, 40, seed=1), expected)
    again = wrapped(pixels, mode, specs)
    again.load_state_dict(state)
    assert_same(play(again, 40, seed=1), expected)


def assert_plain(state: Any) -> None:
    """Dicts with text keys, arrays, and what JSON can write; nothing else."""
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
        for value in state.values():
            assert_plain(value)
    elif isinstance(state, np.ndarray):
        assert state.dtype != object
    else:
        json.dumps(state)


@every_wrapping
def test_copies_and_pickles_go_their_own_way(pixels: bool, specs: list[str]) -> None:
    env = wrapped(pixels, SAME_STEP, specs)
    env.reset(seed=2)
    play(env, 7)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    expected = play(env, 30, seed=1)
    for other in copies:
        assert_same(play(other, 30, seed=1), expected)


@every_wrapping
def test_the_same_seed_gives_the_same_episodes(pixels: bool, specs: list[str]) -> None:
    env = wrapped(pixels, SAME_STEP, specs)
    first, _ = env.reset(seed=9)
    expected = [[first.copy()], *play(env, 20)]
    again, _ = env.reset(seed=9)
    assert_same([[again.copy()], *play(env, 20)], expected)


@pytest.mark.parametrize("specs", [["flicker:0.5"], ["frame_stack:2", "flicker:0.5", "flicker:0.1"]])
def test_a_wrapper_that_draws_leaves_the_episodes_underneath_as_they_were(specs: list[str]) -> None:
    bare, env = batch(False, SAME_STEP), wrapped(False, SAME_STEP, specs)
    bare.reset(seed=1)
    env.reset(seed=1)
    for ours, theirs in zip(steps(env, 60), steps(bare, 60), strict=True):
        for part in (1, 2, 3):
            np.testing.assert_array_equal(ours[part], theirs[part])
    base = env.unwrapped
    assert isinstance(base, BatchedEnv)
    np.testing.assert_array_equal(base.observation(), bare.observation())


def test_two_wrappers_at_different_depths_draw_different_numbers() -> None:
    once, twice = (
        wrapped(True, SAME_STEP, ["flicker:0.5"]),
        wrapped(True, SAME_STEP, ["flicker:0", "flicker:0.5"]),
    )
    seen = []
    for env in (once, twice):
        env.reset(seed=0)
        seen.append([tuple(o[0].any((1, 2, 3))) for o in play(env, 12)])
    assert seen[0] != seen[1]


@every_mode
@pytest.mark.parametrize("specs", [*VECTORS[:4], ["mask_velocity", "flicker:0.3", "frame_stack:4"]])
def test_gymnasiums_vector_environments_can_be_wrapped(mode: AutoresetMode, specs: list[str]) -> None:
    """`SyncVectorEnv` gives `final_obs` as objects with None in the rows that go on."""
    envs = [lambda: gymnasium.make("Sandbox/CartPole-v0", max_episode_steps=15)] * 3
    env, ours = wrap(SyncVectorEnv(envs, autoreset_mode=mode), specs), wrapped(False, mode, specs, 3)
    assert env.single_observation_space == ours.single_observation_space
    env.reset(seed=0)
    ends = 0
    for action, _ in zip(action_stream(env, 0), range(60), strict=False):
        observation, _, terminated, truncated, infos = env.step(action)
        assert env.observation_space.contains(observation)
        ended = terminated | truncated
        ends += ended.sum()
        if mode is SAME_STEP and ended.any():
            assert all(env.single_observation_space.contains(row) for row in infos["final_obs"][ended])
            assert infos["final_obs"].dtype == np.float32 or specs == ["sticky_actions:0.5"]
        if mode is DISABLED and ended.any():
            env.reset(options={"reset_mask": ended})
    assert ends > 0


@every_wrapping
def test_a_state_of_something_else_is_refused_and_changes_nothing(pixels: bool, specs: list[str]) -> None:
    env = wrapped(pixels, SAME_STEP, specs)
    env.reset(seed=0)
    before = env.state_dict()
    smaller = wrapped(pixels, SAME_STEP, specs, 2)
    smaller.reset(seed=0)
    other = wrapped(pixels, SAME_STEP, ["frame_stack:7"])
    other.reset(seed=0)
    lacking = {name: value for name, value in before.items() if name != "started"}
    bare = batch(pixels, SAME_STEP)
    bare.reset(seed=0)
    for state in (smaller.state_dict(), other.state_dict(), lacking, bare.state_dict()):
        with pytest.raises(ValueError, match=f"{env.name}|{bare.name}"):
            env.load_state_dict(state)
    inner = {**before, "env": smaller.state_dict()["env"]}
    with pytest.raises(ValueError):
        env.load_state_dict(inner)
    after = env.state_dict()
    np.testing.assert_equal(after, before)


def test_pictures_controls_and_closing_pass_through() -> None:
    env = wrap(gymnasium.make_vec("Sandbox/CartPole-v0", num_envs=2, render_mode="rgb_array"), VECTORS[-1])
    assert isinstance(env, BatchWrapper)
    env.reset(seed=0)
    base = env.unwrapped
    assert isinstance(base, BatchedEnv)
    np.testing.assert_array_equal(env.picture(1), base.picture(1))
    frames = env.render()
    assert frames is not None
    np.testing.assert_array_equal(frames[1], base.picture(1))
    assert env.controls is base.controls is not None
    assert env.spec is not None
    env.close()
    env.close()


def test_what_foreign_environments_lack_is_said() -> None:
    env = wrap(SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")]), ["flicker:0.1"])
    assert isinstance(env, BatchWrapper)
    env.reset()
    with pytest.raises(ValueError, match=r"Flicker: SyncVectorEnv.* has no state_dict\(\)"):
        env.state_dict()
    silent = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")])
    silent.metadata = {}
    with pytest.raises(ValueError, match="autoreset mode"):
        wrap(silent, ["flicker:0.1"])
