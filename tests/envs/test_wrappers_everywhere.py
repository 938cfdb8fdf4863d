"""Every environment of ours lets rows rest, and works within wrappers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envs import Entry
from envs.wrappers import BatchWrapper, wrap
from tests.envs.promises import action_stream, batch_of, every_variant


@pytest.mark.parametrize(
    "mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP], ids=lambda mode: mode.name
)
@every_variant
def test_rows_that_rest_keep_their_state_and_their_picture(
    entry: Entry, obs: str, mode: AutoresetMode
) -> None:
    env = batch_of(entry, 5, obs=obs, max_episode_steps=15, autoreset_mode=mode)
    before = env.reset(seed=0)[0].copy()
    numbers = np.random.default_rng(0)
    for action, _ in zip(action_stream(env, 0), range(50), strict=False):
        who = numbers.random(5) < 0.5
        if not who.any():
            continue
        state = env.state_dict()["episodes"]
        observation, reward, terminated, truncated, _ = env.step_only(action, who)
        np.testing.assert_array_equal(observation[~who], before[~who])
        for name, array in env.state_dict()["episodes"].items():
            np.testing.assert_array_equal(array[~who], state[name][~who], err_msg=name)
        assert not reward[~who].any()
        assert not (terminated | truncated)[~who].any()
        np.testing.assert_array_equal(observation, copy.deepcopy(env).observation())
        before = observation.copy()


@every_variant
def test_it_works_within_wrappers(entry: Entry, obs: str) -> None:
    specs = ["action_repeat:2", "flicker:0.2", "frame_stack:3", "sticky_actions:0.25"]
    env = wrap(batch_of(entry, 4, obs=obs, max_episode_steps=11), specs)
    assert isinstance(env, BatchWrapper)
    observation, _ = env.reset(seed=0)
    ends = 0
    for action, _ in zip(action_stream(env, 0), range(30), strict=False):
        observation, _, terminated, truncated, infos = env.step(action)
        ended = terminated | truncated
        ends += ended.sum()
        assert env.observation_space.contains(observation)
        if ended.any():
            assert env.single_observation_space.contains(infos["final_obs"][ended][0])
    assert ends >= 16, "11 steps are 6 of these"
