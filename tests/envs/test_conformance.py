"""What every environment of the sandbox promises, for each of its kinds of observation."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st

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


# Spaces and what is returned


@every_variant
def test_everything_returned_belongs_to_the_spaces(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 4, obs=obs)
    observation, infos = env.reset(seed=1)
    assert observation in env.observation_space
    assert infos == {}
    for observation, reward, terminated, truncated, _ in steps(env, 60):
        assert observation in env.observation_space
        assert (reward.shape, reward.dtype) == ((4,), np.float64)
        assert (terminated.shape, terminated.dtype) == ((4,), np.bool_)
        assert (truncated.shape, truncated.dtype) == ((4,), np.bool_)


@every_variant
def test_pixels_are_small_colour_pictures(entry: Entry, obs: str) -> None:
    space = batch_of(entry, 2, obs=obs).single_observation_space
    if obs == "pixels":
        assert (space.shape, space.dtype) == ((3, 40, 40), np.uint8)
    else:
        assert space.dtype == np.float32


@every_entry
def test_the_registry_tells_the_truth(entry: Entry) -> None:
    env = batch_of(entry, 1)
    assert env.name == entry.name
    assert env.obs == entry.observations[0]
    assert env.default_max_episode_steps == entry.max_episode_steps
    offered = {"features": env.feature_space, "pixels": env.pixel_space}
    assert {key for key, space in offered.items() if space is not None} == set(entry.observations)
    for title in ("Action space", "Observation space", "Reward", "Start", "End", "Arguments", "Versions"):
        assert f"## {title}" in str(type(env).__doc__)


@every_variant
def test_gymnasium_finds_nothing_wrong(entry: Entry, obs: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box observation space m..imum value is -?infinity.*")
        check_env(single_of(entry, obs=obs).unwrapped)


@every_variant
def test_stable_baselines_finds_nothing_wrong(entry: Entry, obs: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(single_of(entry, obs=obs))


@every_entry
def test_stable_baselines_vectorises_the_single_environment(entry: Entry) -> None:
    vec = pytest.importorskip("stable_baselines3.common.env_util")
    env = vec.make_vec_env(entry.id, n_envs=2, seed=0)
    env.reset()
    _, reward, _, _ = env.step(np.array([env.action_space.sample() for _ in range(2)]))
    assert reward.shape == (2,)
    env.close()


@every_entry
@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_gymnasium_vectorises_in_both_ways(entry: Entry, mode: str) -> None:
    env = gymnasium.make_vec(entry.id, num_envs=3, vectorization_mode=mode)
    assert env.metadata["autoreset_mode"] in AutoresetMode
    assert env.spec is not None
    assert env.spec.reward_threshold == entry.reward_threshold
    env.reset(seed=0)
    assert len(list(steps(env, 30))) == 30
    env.close()


@every_entry
def test_gymnasiums_episode_statistics_wrap_the_batch(entry: Entry) -> None:
    env = RecordEpisodeStatistics(batch_of(entry, 3, max_episode_steps=7))
    env.reset(seed=0)
    lengths = [infos["episode"]["l"][infos["_episode"]] for *_, infos in steps(env, 30) if "episode" in infos]
    assert lengths
    assert np.concatenate(lengths).max() <= 7


# Seeds


@every_variant
def test_the_same_seed_gives_the_same_episodes(entry: Entry, obs: str) -> None:
    one, other = batch_of(entry, 3, obs=obs), batch_of(entry, 3, obs=obs)
    np.testing.assert_array_equal(one.reset(seed=7)[0], other.reset(seed=7)[0])
    for ours, theirs in zip(steps(one, 80), steps(other, 80), strict=True):
        assert_same_step(ours, theirs)
    np.testing.assert_array_equal(one.reset(seed=7)[0], batch_of(entry, 3, obs=obs).reset(seed=7)[0])


@every_entry
def test_a_reset_without_seed_goes_on_with_new_episodes(entry: Entry) -> None:
    env = batch_of(entry, 8)
    env.reset(seed=7)
    first = env.state_dict()["episodes"]
    env.reset()
    second = env.state_dict()["episodes"]
    assert any(not np.array_equal(first[name], second[name]) for name in env.state_names)


# Autoreset


@every_variant
@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
def test_a_batch_of_one_is_gymnasiums_vector_of_the_single_one(
    entry: Entry, obs: str, mode: AutoresetMode
) -> None:
    ours = batch_of(entry, 1, obs=obs, autoreset_mode=mode, max_episode_steps=13)
    theirs = SyncVectorEnv([lambda: single_of(entry, obs=obs, max_episode_steps=13)], autoreset_mode=mode)
    np.testing.assert_array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for one, other in zip(steps(ours, 60), steps(theirs, 60), strict=True):
        assert_same_step(one, other)


@every_variant
def test_same_step_is_disabled_plus_an_immediate_reset(entry: Entry, obs: str) -> None:
    same = batch_of(entry, 5, obs=obs, max_episode_steps=20)
    manual = batch_of(entry, 5, obs=obs, max_episode_steps=20, autoreset_mode=DISABLED)
    same.reset(seed=5)
    manual.reset(seed=5)
    ends = 0
    for ours, theirs in zip(steps(same, 100), _steps_with_resets(manual, 100), strict=True):
        assert_same_step(ours, theirs)
        ends += int((ours[2] | ours[3]).sum())
    assert ends >= 5 * (100 // 20)


def _steps_with_resets(env: BatchedEnv, count: int) -> Iterator[Any]:
    for observation, reward, terminated, truncated, _ in steps(env, count):
        ended, infos = terminated | truncated, {}
        after = observation
        if ended.any():
            infos = {"final_obs": observation, "_final_obs": ended}
            after = env.reset(options={"reset_mask": ended})[0].copy()
            np.testing.assert_array_equal(after[~ended], observation[~ended])
        yield after, reward, terminated, truncated, infos


@every_variant
def test_next_step_ignores_the_action_after_an_end(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 6, obs=obs, max_episode_steps=9, autoreset_mode=NEXT_STEP)
    env.reset(seed=2)
    list(steps(env, 4))
    env.reset(options={"reset_mask": np.array([True, False] * 3)})  # so that not all end together
    ended, seen = np.zeros(6, np.bool_), 0
    elapsed = env.elapsed.copy()
    for _, reward, terminated, truncated, infos in steps(env, 60):
        elapsed = np.where(ended, 0, elapsed + 1)
        np.testing.assert_array_equal(env.elapsed, elapsed)
        assert not (terminated | truncated)[ended].any()
        assert not reward[ended].any()
        assert infos == {}
        seen += int(ended.sum())
        ended = terminated | truncated
    assert seen


@every_entry
def test_episodes_begin_alike_in_next_step_and_same_step(entry: Entry) -> None:
    """A new episode that waits beside running ones is what it was when it was spawned."""
    env = batch_of(entry, 4, max_episode_steps=1, autoreset_mode=NEXT_STEP)
    env.reset(seed=0)
    actions = action_stream(env, 0)
    env.step(next(actions))  # all end
    env.reset(options={"reset_mask": np.array([True, True, False, False])})
    generator = copy.deepcopy(env.rng)
    expected = batch_of(entry, 4)
    expected.reset(seed=0)
    expected.load_state_dict({**env.state_dict(), "autoreset_mode": SAME_STEP.value})
    expected.np_random = generator
    new = np.array([False, False, True, True])
    expected.spawn(new)
    env.step(next(actions))
    for name in env.state_names:
        np.testing.assert_array_equal(getattr(env, name)[new], getattr(expected, name)[new])


@every_entry
def test_disabled_refuses_to_step_ended_episodes(entry: Entry) -> None:
    env = batch_of(entry, 2, max_episode_steps=1, autoreset_mode=DISABLED)
    env.reset(seed=0)
    actions = action_stream(env, 0)
    env.step(next(actions))
    with pytest.raises(ResetNeeded, match=rf"{entry.name}.*\[0, 1\]"):
        env.step(next(actions))
    env.reset()
    env.step(next(actions))


# Time limits


@every_variant
def test_the_time_limit_truncates(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 3, obs=obs, max_episode_steps=4, autoreset_mode=DISABLED)
    env.reset(seed=0)
    truncations = [truncated.tolist() for _, _, _, truncated, _ in steps(env, 4)]
    assert truncations == [[False] * 3] * 3 + [[True] * 3]


@every_entry
def test_only_gymnasiums_wrapper_limits_the_single_environment(entry: Entry) -> None:
    if entry.max_episode_steps is None:
        pytest.skip("its limit follows from its arguments")
    env = single_of(entry, max_episode_steps=entry.max_episode_steps + 100)
    assert env.unwrapped.batch.max_episode_steps is None  # pyright: ignore[reportAttributeAccessIssue]
    assert batch_of(entry, 1).max_episode_steps == entry.max_episode_steps
    assert batch_of(entry, 1, max_episode_steps=envs.NO_LIMIT).max_episode_steps is None


# Arrays


@every_variant
def test_observations_stay_valid_for_one_more_step(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 3, obs=obs, max_episode_steps=5)
    given_out = [env.reset(seed=0)[0]]
    copies, finals = [given_out[0].copy()], []
    for action, _ in zip(action_stream(env, 0), range(30), strict=False):
        observation, _, _, _, infos = env.step(action)
        given_out.append(observation)
        copies.append(observation.copy())
        np.testing.assert_array_equal(given_out[-2], copies[-2])
        assert not np.shares_memory(given_out[-1], given_out[-2])
        finals += [infos["final_obs"]] if infos else []
    assert given_out[-1] is given_out[-3]
    assert not np.shares_memory(finals[-1], finals[-2])


@every_variant
def test_nothing_else_that_was_given_out_changes_later(entry: Entry, obs: str) -> None:
    env = batch_of(entry, 3, obs=obs, max_episode_steps=5)
    env.reset(seed=0)
    given_out, copies = [], []
    for action, _ in zip(action_stream(env, 0), range(20), strict=False):
        given_out.append(env.step(action)[1:4])
        copies.append(copy.deepcopy(given_out[-1]))
    np.testing.assert_array_equal(given_out, copies)


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
    action = env.action_space.sample()
    env.step(action)
    other.load_state_dict(env.state_dict())  # pyright: ignore[reportAttributeAccessIssue]
    third = pickle.loads(pickle.dumps(env))
    result = env.step(action)
    assert_same_step(result, other.step(action))
    assert_same_step(result, third.step(action))
    expected = env.reset()[0]
    np.testing.assert_array_equal(expected, other.reset()[0])
    np.testing.assert_array_equal(expected, third.reset()[0])


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


# The expert


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
