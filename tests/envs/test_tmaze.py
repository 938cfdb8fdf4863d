"""TMaze: what the cue is worth, and that nothing but memory carries it to the junction."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from envs.tmaze import BACK, FORWARD, NORTH, SOUTH, TMaze

KINDS = ("pixels", "features")


def batch(num_envs: int = 2, **arguments: Any) -> TMaze:
    """Episodes in DISABLED mode, with the cues 0 (north) and 1 (south) in turn."""
    env = TMaze(num_envs, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0)
    env.cue[...] = np.arange(num_envs) % 2
    env.load_state_dict(env.state_dict())  # so that the pictures follow
    return env


def walk(env: TMaze, *actions: int) -> tuple[Any, ...]:
    """The same actions in all episodes; what the last step returned."""
    result: tuple[Any, ...] = ()
    for action in actions:
        result = env.step(np.full(env.num_envs, action))
    return result


def test_the_cue_decides_which_arm_pays() -> None:
    env = batch(length=3)
    walk(env, FORWARD, FORWARD, FORWARD)
    _, reward, terminated, truncated, _ = env.step(np.array([NORTH, NORTH]))
    assert reward.tolist() == [1.0, 0.0]
    assert terminated.all()
    assert not truncated.any()
    env = batch(length=3)
    walk(env, FORWARD, FORWARD, FORWARD)
    assert walk(env, SOUTH)[1].tolist() == [0.0, 1.0]


def test_bumps_cost_and_leave_the_walker_in_place() -> None:
    env = batch(length=2, max_episode_steps=envs.NO_LIMIT)
    for action in (BACK, NORTH, SOUTH):  # at the start
        _, reward, terminated, _, _ = walk(env, action)
        assert (reward.tolist(), terminated.any(), env.position.tolist()) == ([-0.01] * 2, False, [0, 0])
    walk(env, FORWARD)
    for action in (BACK, NORTH, SOUTH):  # in the corridor, whose door back is shut
        _, reward, terminated, _, _ = walk(env, action)
        assert (reward.tolist(), terminated.any(), env.position.tolist()) == ([-0.01] * 2, False, [1, 1])
    assert walk(env, FORWARD)[1].tolist() == [0.0, 0.0]
    for action in (FORWARD, BACK):  # at the junction
        _, reward, terminated, _, _ = walk(env, action)
        assert (reward.tolist(), terminated.any(), env.position.tolist()) == ([-0.01] * 2, False, [2, 2])


@pytest.mark.parametrize("length", [1, 2, 10, 100, 1000])
def test_the_limit_is_twice_the_length(length: int) -> None:
    env = batch(length=length)
    for step in range(1, 2 * length + 1):
        _, _, terminated, truncated, _ = walk(env, BACK)
        assert not terminated.any()
        assert truncated.tolist() == [step == 2 * length] * 2


def test_another_limit_can_be_asked_for() -> None:
    assert batch(length=7).max_episode_steps == 14
    assert batch(length=7, max_episode_steps=9).max_episode_steps == 9
    assert batch(length=7, max_episode_steps=envs.NO_LIMIT).max_episode_steps is None


@pytest.mark.parametrize("obs", KINDS)
@settings(max_examples=40)
@given(
    length=st.integers(1, 120),
    before=st.lists(st.integers(BACK, SOUTH), max_size=3),
    after=st.lists(st.integers(FORWARD, SOUTH), max_size=300),
)
def test_past_the_start_nothing_tells_the_cue(
    obs: str, length: int, before: list[int], after: list[int]
) -> None:
    """Whatever is done, two episodes with different cues look alike once the start is left."""
    env = batch(obs=obs, length=length, max_episode_steps=envs.NO_LIMIT)
    first = env.observation()
    assert (first[0] != first[1]).any()
    for action in before:
        np.testing.assert_array_equal(walk(env, action)[0], first)
    for action in [FORWARD, *after]:
        observation, _, terminated, _, _ = walk(env, action)
        np.testing.assert_array_equal(observation[0], observation[1])
        if terminated.any():
            break


@pytest.mark.parametrize("obs", KINDS)
def test_no_step_through_the_corridor_can_be_seen(obs: str) -> None:
    """So that a stack of frames cannot hold the cue in a pattern of waiting and walking either."""
    env = batch(obs=obs, length=50)
    walk(env, FORWARD, FORWARD, FORWARD)
    seen = env.observation()
    for _ in range(44):
        np.testing.assert_array_equal(walk(env, FORWARD)[0], seen)
    walk(env, FORWARD, FORWARD)
    assert (walk(env, FORWARD)[0] != seen).any(axis=tuple(range(1, seen.ndim))).all()


def test_a_walker_without_memory_wins_no_more_than_a_coin() -> None:
    """All 256 rules from what is seen (two starts, corridor, junction) to an action, under both cues."""
    rules = np.array(list(itertools.product(range(4), repeat=4))).repeat(2, axis=0)  # (512, seen)
    env = batch(512, obs="features", length=4)
    observation, returns, running = env.observation(), np.zeros(512), np.ones(512, np.bool_)
    while running.any():
        actions = np.where(running, rules[np.arange(512), observation.argmax(1)], BACK)
        ended = ~running
        if ended.any():
            env.reset(options={"reset_mask": ended})
        observation, reward, terminated, truncated, _ = env.step(actions)
        returns += reward * running
        running &= ~(terminated | truncated)
    assert returns.reshape(256, 2).mean(1).max() == 0.5


def test_cues_are_even() -> None:
    env = TMaze(20_000, obs="features")
    observation, _ = env.reset(seed=0)
    assert observation.mean(0).tolist() == pytest.approx([0.5, 0.5, 0, 0], abs=0.02)


def test_features_name_the_place() -> None:
    env = batch(obs="features", length=2)
    assert env.observation().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert walk(env, FORWARD)[0].tolist() == [[0, 0, 1, 0]] * 2
    assert walk(env, FORWARD)[0].tolist() == [[0, 0, 0, 1]] * 2
    assert walk(env, NORTH)[0].tolist() == [[0, 0, 0, 0]] * 2


def test_pixels_show_the_cells_around_the_walker() -> None:
    env = batch(length=20)
    amber, blue, dark, grey = (255, 180, 40), (50, 120, 255), (16, 18, 28), (96, 104, 132)

    def at(picture: np.ndarray, row: int, column: int) -> tuple[int, ...]:
        """The colour of a cell, counted from the walker's."""
        return tuple(picture[:, 8 * (2 + row), 8 * (2 + column)].tolist())

    start = env.observation()
    assert [at(picture, 0, 1) for picture in start] == [amber, blue]
    assert at(start[0], 0, -1) == at(start[0], 1, 0) == at(start[0], -1, 2) == grey
    corridor = walk(env, FORWARD)[0][0].copy()
    assert [at(corridor, 0, column) for column in range(-2, 3)] == [grey, dark, dark, dark, dark]
    assert (corridor[:, 18:22, 18:22] == 255).all()
    for steps, column in [(17, 2), (2, 0)]:  # two cells before the junction, and at it
        picture = walk(env, *[FORWARD] * steps)[0][0]
        assert [at(picture, row, column) for row in (-2, -1, 0, 1, 2)] == [grey, amber, dark, blue, grey]


@settings(max_examples=30)
@given(length=st.integers(1, 12), actions=st.lists(st.integers(0, 3), max_size=40), seed=st.integers(0, 99))
def test_painting_equals_repainting(length: int, actions: list[int], seed: int) -> None:
    env = TMaze(3, length=length)
    env.reset(seed=seed)
    for action in actions:
        seen = env.step((np.arange(3) + action) % 4)[0]
        afresh = np.zeros_like(seen)
        env.repaint(afresh, np.ones(3, np.bool_))
        np.testing.assert_array_equal(seen, afresh)


@pytest.mark.parametrize("obs", KINDS)
@pytest.mark.parametrize("length", [1, 2, 5, 6, 7, 100])
def test_the_expert_wins_always_and_by_the_shortest_way(obs: str, length: int) -> None:
    env = TMaze(32, obs=obs, length=length)
    observation, _ = env.reset(seed=0)
    memory: dict[str, Any] = {"first": np.ones(32, np.bool_)}
    for step in range(3 * (length + 1)):
        observation, reward, terminated, _, _ = env.step(env.expert(observation, memory))
        memory["first"] = terminated
        last = step % (length + 1) == length
        assert terminated.tolist() == [last] * 32
        assert reward.tolist() == [float(last)] * 32


@pytest.mark.parametrize("length", [1, 3, 12, 13, 100])
def test_people_see_the_end(length: int) -> None:
    env = batch(length=length)
    pictures = [env.picture(0), env.picture(1)]
    assert (pictures[0] != pictures[1]).any()
    walk(env, *[FORWARD] * length)
    np.testing.assert_array_equal(env.picture(0), env.picture(1))
    walk(env, NORTH)
    assert (env.picture(0) != env.picture(1)).any()


@pytest.mark.parametrize("length", [0, -5, 2.5, "ten", None])
def test_a_bad_length_is_named(length: Any) -> None:
    with pytest.raises(ValueError, match=f"TMaze.*length.*{length}"):
        TMaze(length=length)


@pytest.mark.parametrize("length", [1_000_001, 10**30])
def test_the_length_has_an_upper_bound(length: int) -> None:
    TMaze(length=1_000_000).reset(seed=0)
    with pytest.raises(ValueError, match=rf"TMaze: length .*from 1 to 1000000, got {length}"):
        TMaze(length=length)
