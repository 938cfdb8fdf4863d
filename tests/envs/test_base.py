"""The batched core on an environment that asks more of it than CartPole does."""

from __future__ import annotations

import copy
from typing import Any, Unpack

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode

from envs import PIXELS, BatchedEnv, CoreOptions, Mask, SingleEnv


class Walk(BatchedEnv):
    """A point pushed about by actions and chance; pixels only, and a limit of twice `length`."""

    actions = Box(-1.0, 1.0, (2,), np.float32)
    pixel_space = PIXELS
    state_names = ("place",)

    def __init__(
        self, num_envs: int = 1, obs: str = "pixels", length: int = 10, **core: Unpack[CoreOptions]
    ) -> None:
        if core.get("max_episode_steps") is None:
            core["max_episode_steps"] = 2 * length
        super().__init__(num_envs, obs, **core)
        self.length = length
        self.place = np.zeros((num_envs, 2))
        self._drawn = np.zeros((num_envs, 2), np.intp)  # the pixels that are lit

    def spawn(self, who: Mask) -> None:
        self.place[who] = self.rng.uniform(-3, 3, (np.count_nonzero(who), 2))

    def advance(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.place = self.place + action + self.rng.normal(size=(self.num_envs, 2))
        away = np.abs(self.place).max(1)
        return -away, away > self.length

    def paint(self, pixels: np.ndarray) -> None:
        self._light(pixels, np.arange(self.num_envs), 0)
        self._drawn = np.clip(self.place + 20, 0, 39).astype(np.intp)
        self._light(pixels, np.arange(self.num_envs), 255)

    def repaint(self, pixels: np.ndarray, who: Mask) -> None:
        pixels[who] = 0
        self._drawn[who] = np.clip(self.place[who] + 20, 0, 39)
        self._light(pixels, np.flatnonzero(who), 255)

    def _light(self, pixels: np.ndarray, rows: np.ndarray, value: int) -> None:
        pixels[rows, :, self._drawn[rows, 0], self._drawn[rows, 1]] = value


class WalkEnv(SingleEnv):
    batched = Walk


def lit(observation: np.ndarray) -> list[int]:
    return (observation > 0).sum((1, 2, 3)).tolist()


def random_actions(num_envs: int, count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, num_envs, 2)).astype(np.float32)


def test_painting_only_what_moved_equals_painting_anew() -> None:
    env = Walk(6)
    env.reset(seed=0)
    ends = 0
    for action in random_actions(6, 200):
        observation, _, terminated, truncated, _ = env.step(action)
        anew = np.full_like(observation, 7)
        copy.deepcopy(env).repaint(anew, np.ones(6, np.bool_))
        np.testing.assert_array_equal(observation, anew)
        ends += int((terminated | truncated).sum())
    assert ends > 20


def test_the_final_picture_is_of_the_ended_episode() -> None:
    env = Walk(3, autoreset_mode="SameStep")
    env.reset(seed=0)
    env.place[1] = 19.0, -19.0
    observation, _, terminated, _, infos = env.step(np.zeros((3, 2), np.float32))
    assert terminated.tolist() == [False, True, False]
    assert lit(observation) == [3, 3, 3]
    rows, columns = np.nonzero(infos["final_obs"][1, 0])
    assert rows[0] > 34
    assert columns[0] < 5
    assert np.abs(np.argwhere(observation[1, 0]) - 20).max() <= 3


def test_new_episodes_rest_while_others_move() -> None:
    """In NEXT_STEP a new episode is not advanced in its first step, though the program advances all."""
    env = Walk(4, autoreset_mode="NextStep", length=1000)
    env.reset(seed=0)
    env.place[2] = 2000.0
    action = np.zeros((4, 2), np.float32)
    assert env.step(action)[2].tolist() == [False, False, True, False]
    before = env.place.copy()
    observation, reward, terminated, truncated, _ = env.step(action)
    assert np.abs(env.place[2]).max() <= 3
    assert (env.place != before)[[0, 1, 3]].all()
    assert (reward[2], terminated[2], truncated[2]) == (0.0, False, False)
    assert env.elapsed.tolist() == [2, 2, 0, 2]
    assert lit(observation) == [3] * 4


def test_two_modes_agree_where_chance_is_drawn_in_every_step() -> None:
    same, manual = Walk(4), Walk(4, autoreset_mode=AutoresetMode.DISABLED)
    np.testing.assert_array_equal(same.reset(seed=1)[0], manual.reset(seed=1)[0])
    for action in random_actions(4, 100):
        one, other = same.step(action), manual.step(action)
        ended = one[2] | one[3]
        np.testing.assert_array_equal(one[1], other[1])
        if ended.any():
            np.testing.assert_array_equal(one[4]["final_obs"][ended], other[0][ended])
            np.testing.assert_array_equal(one[0], manual.reset(options={"reset_mask": ended})[0])


@pytest.mark.parametrize(
    ("arguments", "limit"), [({}, 20), ({"length": 7}, 14), ({"max_episode_steps": 3}, 3)]
)
def test_a_subclass_may_compute_its_limit(arguments: dict[str, Any], limit: int) -> None:
    for env in (Walk(2, **arguments), WalkEnv(**arguments).batch):
        assert env.max_episode_steps == limit
    env = WalkEnv(**arguments)
    env.reset(seed=0)
    for step in range(1, limit + 1):
        env.batch.place[...] = 0  # pyright: ignore[reportAttributeAccessIssue]
        _, _, terminated, truncated, _ = env.step(np.zeros(2, np.float32))
        assert (terminated, truncated) == (False, step == limit)
    with pytest.raises(ResetNeeded, match="Walk"):
        env.step(np.zeros(2, np.float32))


def test_only_offered_observations_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match=r"Walk: obs must be one of 'pixels', got 'features'"):
        Walk(2, obs="features")


def test_what_a_subclass_left_out_is_named() -> None:
    env = Walk(2, render_mode="rgb_array")
    env.reset()
    with pytest.raises(NotImplementedError, match="Walk does not implement draw"):
        env.render()
    with pytest.raises(NotImplementedError, match="Walk has no expert"):
        env.expert(env.observation(), {})


def test_the_single_environment_uses_the_generator_it_was_given() -> None:
    places = []
    for _ in range(2):
        env: gymnasium.Env[Any, Any] = WalkEnv()
        env.np_random = np.random.default_rng(5)
        env.reset()
        places.append(env.unwrapped.batch.place.copy())  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_array_equal(*places)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_rows_that_rest_stay_as_they_are_and_the_others_step_as_ever(mode: AutoresetMode) -> None:
    alone, beside = Walk(3, autoreset_mode=mode), Walk(3, autoreset_mode=mode)
    before, _ = alone.reset(seed=1)
    before, action = before.copy(), np.zeros((3, 2), np.float32)
    beside.reset(seed=1)
    all_of_them, some = alone.step(action), beside.step_only(action, np.array([True, False, True]))
    for every, few in zip(all_of_them[:4], some[:4], strict=True):
        np.testing.assert_array_equal(every[[0, 2]], few[[0, 2]])
    np.testing.assert_array_equal(some[0][1], before[1])
    assert some[1][1] == 0.0
    assert beside.elapsed.tolist() == [1, 0, 1]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
def test_an_ended_row_can_rest_and_is_still_over_afterwards(mode: AutoresetMode) -> None:
    env = Walk(3, length=2, autoreset_mode=mode)
    env.reset(seed=0)
    env.place[:] = [[0, 0], [90, 90], [0, 0]]
    action = np.zeros((3, 2), np.float32)
    assert env.step(action)[2].tolist() == [False, True, False]
    _, reward, terminated, truncated, _ = env.step_only(action, np.array([True, False, False]))
    assert not (terminated | truncated)[1:].any()
    assert reward[1:].tolist() == [0.0, 0.0]
    assert (env.place[1] > 80).all()
    if mode is AutoresetMode.DISABLED:
        with pytest.raises(ResetNeeded, match=r"\[1\]"):
            env.step_only(action, np.array([False, True, False]))
    else:
        env.step_only(action, np.array([False, True, False]))
        assert (np.abs(env.place[1]) <= 3).all(), "the new episode had to begin"
        assert env.elapsed.tolist()[1] == 0


def test_a_mask_of_rows_to_step_must_select_some() -> None:
    env = Walk(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="Walk: who must be bool"):
        env.step_only(np.zeros((2, 2), np.float32), np.array([False, False]))
