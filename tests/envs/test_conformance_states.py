"""What every environment promises about saved states, pictures, its expert and wrong input."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Entry
from tests.envs.promises import (
    NEXT_STEP,
    SAME_STEP,
    action_stream,
    assert_same_step,
    batch_of,
    every_entry,
    every_variant,
    single_of,
    steps,
)

# States


@every_variant
@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**31),
    num_envs=st.integers(1, 5),
    before=st.integers(0, 40),
    mode=st.sampled_from([SAME_STEP, NEXT_STEP]),
)
def test_a_saved_state_continues_bit_identically(
    entry: Entry, obs: str, seed: int, num_envs: int, before: int, mode: AutoresetMode
) -> None:
    arguments: dict[str, Any] = {"obs": obs, "max_episode_steps": 20, "autoreset_mode": mode}
    env, other = batch_of(entry, num_envs, **arguments), batch_of(entry, num_envs, **arguments)
    env.reset(seed=seed)
    for _ in steps(env, before, seed):
        pass
    state = env.state_dict()
    plain = json.loads(json.dumps({key: value for key, value in state.items() if key != "episodes"}))
    other.load_state_dict({**plain, "episodes": state["episodes"]})
    np.testing.assert_array_equal(env.observation(), other.observation())
    for ours, theirs in zip(steps(env, 25, seed + 1), steps(other, 25, seed + 1), strict=True):
        assert_same_step(ours, theirs)
    assert state["generator"] == plain["generator"]


@every_variant
def test_pickles_and_copies_continue_too(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 3, obs=obs, max_episode_steps=15)
    env.reset(seed=0)
    list(steps(env, 9))
    for other in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert other.spec == env.spec
        for ours, theirs in zip(steps(copy.deepcopy(env), 20, 1), steps(other, 20, 1), strict=True):
            assert_same_step(ours, theirs)


@every_variant
def test_the_single_environment_saves_and_copies_its_state(entry: Entry, obs: str) -> None:
    env, other = (single_of(entry, obs=obs).unwrapped for _ in range(2))
    env.reset(seed=4)
    env.step(next(action_stream(env, 0)))
    other.load_state_dict(env.state_dict())  # pyright: ignore[reportAttributeAccessIssue]
    copies = [other, pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    expected = _episodes_of(env)  # long enough to draw randomness on the way, and in further episodes
    for copied in copies:
        for ours, theirs in zip(expected, _episodes_of(copied), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def _episodes_of(env: Any) -> list[Any]:
    """The observations of 120 steps and of the resets after ended episodes."""
    seen = []
    for action, _ in zip(action_stream(env, 1), range(120), strict=False):
        observation, _, terminated, truncated, _ = env.step(action)
        seen.append(observation)
        if terminated or truncated:
            seen.append(env.reset()[0])
    return [*seen, env.reset()[0]]


@every_entry
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(entry: Entry) -> None:
    env = batch_of(entry, 3)
    env.reset(seed=0)
    before = env.state_dict()
    wrong = [batch_of(entry, 4), batch_of(entry, 3, autoreset_mode=NEXT_STEP)]
    for other in wrong:
        other.reset(seed=1)
        with pytest.raises(ValueError, match=entry.name):
            env.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="another environment"):
        env.load_state_dict({**before, "episodes": {"balls": np.zeros(3)}})
    with pytest.raises(ValueError, match="lacks generator"):
        env.load_state_dict({key: value for key, value in before.items() if key != "generator"})
    for name, array in before["episodes"].items():
        if array.dtype.kind == "f":
            bad = {**before["episodes"], name: np.full_like(array, np.nan)}
            with pytest.raises(ValueError, match=f"{entry.name}: {name} is not finite"):
                env.load_state_dict({**before, "episodes": bad})
    for name, array in env.state_dict()["episodes"].items():
        np.testing.assert_array_equal(array, before["episodes"][name])


# Pictures and windows


@every_variant
def test_pictures_are_drawn_for_people(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 2, obs=obs, render_mode="rgb_array")
    env.reset(seed=0)
    list(steps(env, 3))
    frames = env.render()
    assert frames is not None
    width, height = env.picture_size
    assert [(frame.shape, frame.dtype) for frame in frames] == [((height, width, 3), np.uint8)] * 2
    assert all(frame.std() > 5 for frame in frames)
    state = env.state_dict()["episodes"]
    env.render()
    for name, array in env.state_dict()["episodes"].items():
        np.testing.assert_array_equal(array, state[name])


@every_entry
def test_the_single_environment_shows_itself_and_closes_twice(entry: Entry) -> None:
    for mode in ("human", "rgb_array"):
        env = single_of(entry, render_mode=mode)
        env.reset(seed=0)
        env.step(env.action_space.sample())
        frame = env.render()
        assert (frame is None) == (mode == "human")
        env.close()
        env.close()


@every_entry
def test_a_batch_closes_twice(entry: Entry) -> None:
    env = batch_of(entry, 2)
    env.reset()
    env.close()
    env.close()
    assert env.closed


@every_entry
def test_a_closed_batch_refuses_to_go_on(entry: Entry) -> None:
    env = batch_of(entry, 2)
    env.reset(seed=0)
    action = next(action_stream(env, 0))
    env.close()
    for call in (env.reset, lambda: env.step(action), env.observation, env.picture):
        with pytest.raises(ClosedEnvironmentError, match=rf"{entry.name}: .* after close"):
            call()


@every_entry
def test_the_picture_of_an_episode_that_is_not_there(entry: Entry) -> None:
    env = batch_of(entry, 3)
    env.reset(seed=0)
    for number in (3, -1):
        with pytest.raises(IndexError, match=f"{entry.name}: there is no episode {number}, only 0 to 2"):
            env.picture(number)


# The expert


@every_entry
def test_the_expert_need_not_be_told_that_its_first_call_is_the_first(entry: Entry) -> None:
    actions = []
    for memory in ({}, {"first": np.ones(4, np.bool_)}):
        env = batch_of(entry, 4)
        observation, _ = env.reset(seed=0)
        for _ in range(30):
            actions.append(env.expert(observation, memory))
            observation, _, terminated, truncated, _ = env.step(actions[-1])
            memory["first"] = terminated | truncated
    np.testing.assert_array_equal(actions[:30], actions[30:])


@every_entry
def test_an_expert_that_is_never_told_remembers_its_episode(entry: Entry) -> None:
    """Nobody says where episodes begin: all in the first call, and then none."""
    actions = []
    for memory, told in (({}, False), ({}, True)):
        env = batch_of(entry, 4)
        observation, _ = env.reset(seed=0)
        for step in range(8):
            if told:
                memory["first"] = np.full(4, step == 0)
            actions.append(env.expert(observation, memory))
            observation, _, _, _, _ = env.step(actions[-1])
    np.testing.assert_array_equal(actions[:8], actions[8:])


@every_entry
def test_the_expert_reaches_the_threshold(entry: Entry) -> None:
    env = batch_of(entry, 64, autoreset_mode=SAME_STEP)
    observation, _ = env.reset(seed=0)
    memory: dict[str, Any] = {"first": np.ones(64, np.bool_)}
    running, returns = np.ones(64, np.bool_), np.zeros(64)
    while running.any():  # the first episode of each row: counting later ones would favour short ones
        observation, reward, terminated, truncated, _ = env.step(env.expert(observation, memory))
        returns += reward * running
        memory["first"] = terminated | truncated
        running &= ~memory["first"]
    assert returns.mean() >= entry.reward_threshold


# Wrong input


@every_entry
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_envs": 0}, "num_envs.*0"),
        ({"num_envs": -3}, "num_envs.*-3"),
        ({"num_envs": 2.5}, r"num_envs.*2\.5"),
        ({"num_envs": 10**9}, "num_envs .*from 1 to 1048576, got 1000000000"),
        ({"num_envs": 10**30}, "num_envs .*from 1 to 1048576, got 1000"),
        ({"max_episode_steps": 2**31}, "max_episode_steps .*to 2147483647, got 2147483648"),
        ({"max_episode_steps": 0}, "max_episode_steps.*0"),
        ({"max_episode_steps": -7}, "max_episode_steps.*-7"),
        ({"obs": "sound"}, "obs.*sound"),
        ({"obs": ["pixels"]}, "obs.*pixels"),
        ({"render_mode": "ascii"}, "render_mode.*ascii"),
        ({"autoreset_mode": "sometimes"}, "autoreset_mode.*sometimes"),
    ],
)
def test_a_bad_argument_is_named(entry: Entry, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"{entry.name}.*{said}"):
        batch_of(entry, **{"num_envs": 2, **arguments})


@every_entry
def test_an_unknown_argument_is_named(entry: Entry) -> None:
    with pytest.raises(TypeError, match=f"{entry.name}.*wind"):
        batch_of(entry, 2, wind=3)
    with pytest.raises(TypeError, match=f"{entry.name}.*wind"):
        single_of(entry, wind=3)
    with pytest.raises(TypeError, match=f"{entry.name}.*num_envs"):
        single_of(entry, num_envs=3)


@every_entry
def test_an_action_outside_the_space_is_named_and_changes_nothing(entry: Entry) -> None:
    env = batch_of(entry, 3)
    env.reset(seed=0)
    before = env.observation()
    good = next(action_stream(env, 0))
    bad = good.copy()
    bad[1] = 99
    actions: Any
    for actions in (bad, good[:2], good.astype(object), good[0], None):
        with pytest.raises(InvalidAction, match=entry.name):
            env.step(actions)
    with pytest.raises(InvalidAction, match=r"99.* of episode 1"):
        env.step(bad)
    np.testing.assert_array_equal(env.observation(), before)
    env.step(good.tolist())


@every_entry
def test_nothing_works_before_the_first_reset(entry: Entry) -> None:
    env = batch_of(entry, 2, render_mode="rgb_array")
    single = single_of(entry, render_mode="rgb_array").unwrapped
    for forbidden in (
        lambda: env.step(next(action_stream(env, 0))),
        env.render,
        env.observation,
        lambda: env.reset(options={"reset_mask": np.array([True, False])}),
        lambda: single.step(single.action_space.sample()),
        single.render,
    ):
        with pytest.raises(ResetNeeded, match=entry.name):
            forbidden()


@every_entry
@pytest.mark.parametrize("mask", [np.zeros(2, np.bool_), np.ones(3, np.bool_), np.ones(2, int)])
def test_a_bad_reset_mask_is_refused(entry: Entry, mask: Any) -> None:
    env = batch_of(entry, 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=f"{entry.name}.*reset_mask"):
        env.reset(options={"reset_mask": mask})
