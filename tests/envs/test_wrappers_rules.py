"""What each wrapper does to observations, actions and rewards, worked out by hand."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from envs import BatchedEnv, CoreOptions, Mask
from envs.wrappers import ActionRepeat, FrameStack, Grayscale, Resize, StickyActions, wrap
from envs.wrappers.pictures import resampling
from tests.envs.promises import steps

SAME_STEP, NEXT_STEP, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED


class Count(BatchedEnv):
    """Episode number i counts its steps from 10 (i + 1), ends after i + 2, and rewards actions."""

    actions = Discrete(5)
    feature_space = Box(0, 100, (1,), np.float32)
    state_names = ("count", "given")

    def __init__(self, num_envs: int = 1, **core: Unpack[CoreOptions]) -> None:
        super().__init__(num_envs, "features", **core)
        self.count = np.zeros(num_envs, np.int64)
        self.given = np.zeros(num_envs, np.int64)

    def spawn(self, who: Mask) -> None:
        self.count[who] = (10 * np.arange(1, self.num_envs + 1))[who]

    def advance(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.count += 1
        self.given[:] = action
        return action.astype(np.float64), self.count % 10 == np.arange(2, self.num_envs + 2)

    def features(self, out: np.ndarray) -> None:
        out[:, 0] = self.count


class Screen(BatchedEnv):
    """Pictures of any shape that are set from outside."""

    actions = Discrete(2)
    state_names = ("shown",)

    def __init__(self, picture: np.ndarray, num_envs: int = 1) -> None:
        self.feature_space = Box(0, 255, picture.shape, np.uint8)
        self.shown = np.stack([picture] * num_envs)
        super().__init__(num_envs)

    def spawn(self, who: Mask) -> None:
        pass

    def advance(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)

    def features(self, out: np.ndarray) -> None:
        out[...] = self.shown


def shown(picture: np.ndarray, *specs: str) -> np.ndarray:
    """What `specs` make of one picture."""
    return wrap(Screen(picture), list(specs)).reset()[0][0]


def frames(env: Any, count: int) -> list[list[float]]:
    """The stacks of the only episode, from its reset on."""
    first = [env.reset()[0][0].tolist()]
    return first + [env.step(np.zeros(env.num_envs, np.int64))[0][0].tolist() for _ in range(count)]


def test_a_stack_begins_with_zeros_and_ends_with_the_newest_frame() -> None:
    assert frames(FrameStack(Count(autoreset_mode=NEXT_STEP), 3), 4) == [
        [0, 0, 10],
        [0, 10, 11],
        [10, 11, 12],  # the end
        [0, 0, 10],
        [0, 10, 11],
    ]


def test_a_stack_in_the_same_step_keeps_the_old_frames_for_the_final_one() -> None:
    env = FrameStack(Count(2), 3)
    env.reset()
    env.step(np.zeros(2, np.int64))
    observation, *_, infos = env.step(np.zeros(2, np.int64))
    assert observation.tolist() == [[0, 0, 10], [20, 21, 22]]
    assert infos["final_obs"][0].tolist() == [10, 11, 12]
    assert infos["_final_obs"].tolist() == [True, False]


def test_a_masked_reset_begins_the_stacks_of_its_rows_alone() -> None:
    env = FrameStack(Count(2, autoreset_mode=DISABLED), 2)
    env.reset()
    env.step(np.zeros(2, np.int64))
    env.step(np.zeros(2, np.int64))
    observation, _ = env.reset(options={"reset_mask": np.array([True, False])})
    assert observation.tolist() == [[0, 10], [21, 22]]
    assert env.stack_depth == 2


@pytest.mark.parametrize(
    ("shape", "stacked", "axis"),
    [
        ((7,), (21,), 0),
        ((3, 40, 40), (9, 40, 40), 0),
        ((30, 20, 3), (30, 20, 9), 2),
        ((8, 6), (3, 8, 6), None),
    ],
)
def test_pictures_are_stacked_along_their_channels(
    shape: tuple[int, ...], stacked: tuple[int, ...], axis: int | None
) -> None:
    numbers = np.random.default_rng(0)
    seen = [numbers.integers(0, 256, shape, np.uint8) for _ in range(3)]
    env = Screen(seen[0], 2)
    stack = FrameStack(env, 3)
    observation, _ = stack.reset()
    for frame in seen[1:]:
        env.shown[1] = frame
        observation, *_ = stack.step(np.zeros(2, np.int64))
    expected = np.stack(seen) if axis is None else np.concatenate(seen, axis)
    assert stack.single_observation_space.shape == stacked
    np.testing.assert_array_equal(observation[1], expected)


def test_a_flickering_screen_is_dark_as_often_as_asked() -> None:
    env = wrap(Screen(np.full((3, 8, 8), 9, np.uint8), 200), ["flicker:0.3"])
    env.reset(seed=0)
    seen = np.stack([step[0] for step in steps(env, 50)])
    dark = (seen == 0).all((2, 3, 4))
    assert ((seen == 9).all((2, 3, 4)) | dark).all(), "a frame is dark as a whole, or not at all"
    assert abs(dark.mean() - 0.3) < 0.02


def test_velocities_are_zero_and_places_are_not() -> None:
    import gymnasium

    env = gymnasium.make_vec("Sandbox/CartPole-v0", num_envs=3)
    masked = wrap(gymnasium.make_vec("Sandbox/CartPole-v0", num_envs=3), ["mask_velocity"])
    env.reset(seed=0)
    masked.reset(seed=0)
    for ours, bare in zip(steps(masked, 30), steps(env, 30), strict=True):
        np.testing.assert_array_equal(ours[0], bare[0] * [1, 0, 1, 0])


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP, DISABLED], ids=lambda mode: mode.name)
def test_a_sticky_action_is_the_one_taken_before_but_never_the_first(mode: AutoresetMode) -> None:
    env = Count(3, autoreset_mode=mode)
    sticky = StickyActions(env, 1.0)
    observation, _ = sticky.reset(seed=0)
    numbers = np.random.default_rng(0)
    opening = np.zeros(3, np.int64)
    first, ignored = np.ones(3, np.bool_), np.zeros(3, np.bool_)
    for _ in range(30):
        action = numbers.integers(0, 5, 3)
        opening[first] = action[first]
        observation, _, terminated, truncated, _ = sticky.step(action)
        running = ~ignored & ~(terminated & (mode is SAME_STEP))
        assert env.given[running].tolist() == opening[running].tolist()
        ended = terminated | truncated
        first, ignored = (ignored, ended) if mode is NEXT_STEP else (ended, ignored)
        if mode is DISABLED and ended.any():
            observation, _ = sticky.reset(options={"reset_mask": ended})
    assert observation.shape == (3, 1)


def test_actions_stick_as_often_as_asked_and_the_callers_array_stays() -> None:
    env = Screen(np.zeros((4, 4), np.uint8), 500)
    taken: list[np.ndarray] = []
    env.advance = lambda action: (taken.append(action.copy()), (np.zeros(500), np.zeros(500, np.bool_)))[1]  # type: ignore[method-assign]
    sticky = StickyActions(env, 0.25)
    sticky.reset(seed=0)
    ones, zeros = np.ones(500, np.int64), np.zeros(500, np.int64)
    sticky.step(ones)
    sticky.step(zeros)
    assert zeros.sum() == 0
    assert abs(taken[1].mean() - 0.25) < 0.06


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP, DISABLED], ids=lambda mode: mode.name)
def test_repeated_actions_stop_at_the_end_while_others_go_on(mode: AutoresetMode) -> None:
    env = Count(3, autoreset_mode=mode)
    repeat = ActionRepeat(env, 4)
    repeat.reset()
    observation, reward, terminated, _, infos = repeat.step(np.array([1, 2, 3]))
    assert reward.tolist() == [2.0, 6.0, 12.0]
    assert terminated.tolist() == [True, True, True]
    if mode is SAME_STEP:
        assert observation[:, 0].tolist() == [10, 20, 30]
        assert infos["final_obs"][:, 0].tolist() == [12, 23, 34]
        assert env.elapsed.tolist() == [0, 0, 0]
        return
    assert observation[:, 0].tolist() == [12, 23, 34]
    if mode is DISABLED:
        repeat.reset(options={"reset_mask": np.array([True, True, True])})
    else:
        observation, reward, *_ = repeat.step(np.array([1, 1, 1]))
        assert observation[:, 0].tolist() == [10, 20, 30]
        assert reward.tolist() == [0.0, 0.0, 0.0]
    assert repeat.step(np.array([1, 1, 1]))[1].tolist() == [2.0, 3.0, 4.0]


def test_in_the_next_step_a_new_episode_waits_for_its_first_action() -> None:
    env = Count(2, autoreset_mode=NEXT_STEP)
    repeat = ActionRepeat(env, 2)
    repeat.reset()
    assert repeat.step(np.array([1, 1]))[2].tolist() == [True, False]
    observation, reward, terminated, *_ = repeat.step(np.array([1, 1]))
    assert observation[:, 0].tolist() == [10, 23]
    assert (reward.tolist(), terminated.tolist()) == ([0.0, 1.0], [False, True])


def test_action_repeat_counts_the_environments_own_steps() -> None:
    repeat = ActionRepeat(Count(1, max_episode_steps=1), 5)
    repeat.reset()
    _, reward, terminated, truncated, infos = repeat.step(np.array([3]))
    assert (reward.tolist(), terminated.tolist(), truncated.tolist()) == ([3.0], [False], [True])
    assert infos["final_obs"].tolist() == [[11.0]]


def test_grey_is_what_the_standard_says() -> None:
    numbers = np.random.default_rng(0)
    picture = numbers.integers(0, 256, (3, 12, 10), np.uint8)
    exact = 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2]
    grey = shown(picture, "grayscale")
    assert (grey.shape, grey.dtype) == ((1, 12, 10), np.uint8)
    assert np.abs(grey[0] - exact).max() <= 0.51
    last = shown(np.ascontiguousarray(picture.transpose(1, 2, 0)), "grayscale")
    np.testing.assert_array_equal(last[..., 0], grey[0])
    assert (shown(np.full((3, 4, 4), 255, np.uint8), "grayscale") == 255).all()


def test_shrinking_takes_means_and_growing_goes_linearly() -> None:
    picture = np.zeros((3, 4, 6), np.uint8)
    picture[:, :2, :3] = 100
    picture[:, 0, 0] = 140
    np.testing.assert_array_equal(shown(picture, "resize:2")[0], [[107, 0], [0, 0]])  # 640 over 6 pixels
    line = shown(np.array([[0, 80], [0, 80]], np.uint8), "resize:4")
    np.testing.assert_array_equal(line, [[0, 20, 60, 80]] * 4)
    last = shown(np.ascontiguousarray(picture.transpose(1, 2, 0)), "resize:2")
    np.testing.assert_array_equal(last.transpose(2, 0, 1), shown(picture, "resize:2"))


@given(old=st.integers(1, 90), new=st.integers(1, 90), value=st.integers(0, 255))
def test_a_plain_picture_stays_plain_in_any_size(old: int, new: int, value: int) -> None:
    assert (resampling(old, new).sum(1) == 256).all()
    assert (resampling(old, new) >= 0).all()
    assert (shown(np.full((1, old, old), value, np.uint8), f"resize:{new}") == value).all()


def test_one_picture_is_resized_to_the_same_bits_in_every_batch() -> None:
    numbers = np.random.default_rng(0)
    many = Screen(np.zeros((3, 40, 40), np.uint8), 33)
    many.shown = numbers.integers(0, 256, (33, 3, 40, 40), np.uint8)
    together = Resize(many, 27).reset()[0]
    for one in (0, 17, 32):
        np.testing.assert_array_equal(shown(many.shown[one], "resize:27"), together[one])


def test_grey_small_pictures_can_be_stacked() -> None:
    env = FrameStack(Resize(Grayscale(Screen(np.zeros((210, 160, 3), np.uint8))), 84), 4)
    assert env.single_observation_space == Box(0, 255, (84, 84, 4), np.uint8)
