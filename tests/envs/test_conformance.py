"""What every environment promises about spaces, seeds, episodes and the arrays that it gives out."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import envs
from envs import BatchedEnv, Entry
from tests.envs.promises import (
    DISABLED,
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
        warnings.filterwarnings("ignore", message=".*recommend using a symmetric and normalized space.*")
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
def test_seeding_the_spaces_of_one_environment_leaves_others_alone(entry: Entry) -> None:
    one, other = (single_of(entry).action_space for _ in range(2))
    one.seed(5)
    expected = [one.sample() for _ in range(20)]
    one.seed(5)
    samples = [(one.sample(), other.sample())[0] for _ in range(20)]
    np.testing.assert_array_equal(samples, expected)


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
