"""A few values of each number of a continuous action, as actions to choose among."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.spaces import Box, Discrete
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.controls import controls_of
from envs.wrappers import BatchWrapper, wrap
from envs.wrappers.discretize import Discretize
from tests.envs.test_base import Walk

PENDULUM = "Sandbox/Pendulum-v0"
MODES = pytest.mark.parametrize("mode", [*AutoresetMode], ids=lambda mode: mode.name)


class Echo(VectorEnv[Any, Any, Any]):
    """Shows nothing, and keeps the actions that reach it."""

    def __init__(self, space: Box, num_envs: int = 1) -> None:
        self.num_envs, self.single_action_space = num_envs, space
        self.single_observation_space = Box(0, 1, (1,), np.float32)
        self.observation_space = Box(0, 1, (num_envs, 1), np.float32)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.taken: Any = None

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        return np.zeros((self.num_envs, 1), np.float32), {}

    def step(self, actions: Any) -> tuple[Any, ...]:
        self.taken = actions
        flags = np.zeros(self.num_envs, bool)
        return np.zeros((self.num_envs, 1), np.float32), np.zeros(self.num_envs), flags, flags.copy(), {}


def pendulums(num_envs: int = 3, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return gymnasium.make_vec(PENDULUM, num_envs, max_episode_steps=7, **arguments)


@settings(max_examples=30)
@given(
    shape=st.sampled_from([(), (1,), (2,), (3,), (2, 2)]),
    levels=st.integers(2, 4),
    low=st.floats(-100, 0, width=32),
    width=st.floats(0.5, 100, width=32),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_the_actions_are_all_combinations_of_evenly_spaced_values(
    shape: tuple[int, ...], levels: int, low: float, width: float, dtype: Any
) -> None:
    numbers = int(np.prod(shape))
    lows = (low - np.arange(numbers)).astype(dtype).reshape(shape)  # other bounds for each number
    highs = (low + width + np.arange(numbers)).astype(dtype).reshape(shape)
    space = Box(lows, highs, dtype=dtype)
    values = np.linspace(lows.ravel(), highs.ravel(), levels).T  # (numbers, levels)
    expected = list(itertools.product(*values))
    env = Echo(space, len(expected))
    wrapped = Discretize(env, levels)
    assert wrapped.single_action_space == Discrete(levels**numbers)
    wrapped.step(np.arange(len(expected)))
    assert env.taken.shape == (len(expected), *shape)
    assert env.taken.dtype == dtype
    assert all(space.contains(action) for action in env.taken)  # not beyond the bounds by a rounding error
    scale = max(abs(low), width) + numbers
    np.testing.assert_allclose(env.taken.reshape(len(expected), -1), expected, atol=1e-6 * scale)


@MODES
def test_a_choice_does_what_its_value_does(mode: AutoresetMode) -> None:
    """Observations, rewards, ends and all."""
    plain, wrapped = pendulums(autoreset_mode=mode), wrap(pendulums(autoreset_mode=mode), ["discretize:5"])
    torques = np.array([-2, -1, 0, 1, 2], np.float32)
    for env in (plain, wrapped):
        env.reset(seed=3)
    numbers, ends = np.random.default_rng(0), 0
    for _ in range(30):
        chosen = numbers.integers(0, 5, 3)
        answers = plain.step(torques[chosen][:, None]), wrapped.step(chosen)
        for ours, theirs in zip(*[answer[:4] for answer in answers], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        ended = answers[0][2] | answers[0][3]
        ends += int(ended.sum())
        if mode is AutoresetMode.DISABLED and ended.any():
            first, _ = plain.reset(options={"reset_mask": ended})
            np.testing.assert_array_equal(first, wrapped.reset(options={"reset_mask": ended.copy()})[0])
    assert ends >= 9


@pytest.mark.parametrize(
    "specs", [["discretize:5"], ["discretize:3", "frame_stack:2", "sticky_actions:0.5"]], ids=str
)
def test_it_continues_bit_identically_from_a_state_and_in_a_copy(specs: list[str]) -> None:
    env: Any = wrap(pendulums(), specs)
    env.reset(seed=0)
    numbers = np.random.default_rng(0)
    choices = numbers.integers(0, 3, (20, 3))
    for row in choices[:9]:
        env.step(row)
    state, twin = copy.deepcopy(env.state_dict()), copy.deepcopy(env)
    went_on = [[np.copy(part) for part in env.step(row)[:4]] for row in choices]
    env.load_state_dict(state)
    for one in (env, twin):
        for row, expected in zip(choices, went_on, strict=True):
            for ours, theirs in zip(one.step(row)[:4], expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_a_choice_sticks_as_any_action() -> None:
    env = wrap(pendulums(50), ["discretize:5", "sticky_actions:0.5"])
    assert env.single_action_space == Discrete(5)
    env.reset(seed=0)
    env.step(np.full(50, 4))
    taken = env.env.env  # type: ignore[attr-defined]
    before = np.copy(taken.observation())
    rewards = env.step(np.full(50, 0))[1]
    assert len(np.unique(np.round(rewards, 6))) > 1
    assert before.shape == (50, 3)


@pytest.mark.parametrize(
    "actions", [[0, 1, 5], [0, 1, -1], [0.0, 1.0, 2.0], [0, 1], [[0], [1], [2]], ["a"] * 3]
)
def test_what_is_no_choice_is_refused(actions: Any) -> None:
    env = wrap(pendulums(), ["discretize:5"])
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="Discretize"):
        env.step(np.array(actions))


@pytest.mark.parametrize(
    ("make", "spec", "message"),
    [
        (lambda: gymnasium.make_vec("Sandbox/CartPole-v0", 2), "discretize:5", "continuous, not Discrete"),
        (lambda: gymnasium.make("FrozenLake-v1"), "discretize:5", "continuous, not Discrete"),
        (lambda: Echo(Box(0, 5, (2,), np.int64)), "discretize:5", "continuous, not Box"),
        (lambda: Echo(Box(-np.inf, 1, (2,))), "discretize:5", "finite bounds"),
        (pendulums, "discretize:1", "levels must be a whole number of at least 2, got 1"),
        (pendulums, "discretize:1001", "1001 levels of 1 numbers are more than 1000 actions"),
        (lambda: Walk(2), "discretize:32", "32 levels of 2 numbers are more than 1000 actions"),
        (lambda: Echo(Box(-1, 1, (4000,))), "discretize:2", "more than 1000 actions"),
        (pendulums, "discretize", "discretize needs a value, such as discretize:5"),
        (pendulums, "discretize:many", "discretize needs a whole number"),
    ],
)
def test_where_there_is_nothing_to_choose_it_says_so(make: Any, spec: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrap(make(), [spec])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# Single environments


@pytest.mark.parametrize("env_id", ["Pendulum-v1", PENDULUM, "MountainCarContinuous-v0"])
def test_a_single_environment(env_id: str) -> None:
    plain, wrapped = gymnasium.make(env_id), wrap(gymnasium.make(env_id), ["discretize:3"])
    assert wrapped.action_space == Discrete(3)
    assert isinstance(plain.action_space, Box)
    for env in (plain, wrapped):
        env.reset(seed=5)
    for number in (0, 1, 2, 2, 0):
        value = plain.action_space.low + number * (plain.action_space.high - plain.action_space.low) / 2
        ours, theirs = wrapped.step(np.int64(number)), plain.step(value.astype(np.float32))
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped")
def test_gymnasium_finds_nothing_wrong() -> None:
    check_env(wrap(gymnasium.make("Pendulum-v1"), ["discretize:5"]))


def test_a_batch_of_gymnasiums_own() -> None:
    env = wrap(SyncVectorEnv([lambda: gymnasium.make("Pendulum-v1")] * 2), ["discretize:4"])
    assert isinstance(env, BatchWrapper)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([4, 4])
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[1].shape == (2,)


@pytest.mark.parametrize("specs", [["discretize:5"], ["discretize:5", "frame_stack:2"]], ids=str)
@pytest.mark.parametrize("env_id", ["Pendulum-v1", PENDULUM])
def test_people_play_with_the_same_keys(env_id: str, specs: list[str]) -> None:
    controls = controls_of(wrap(gymnasium.make(env_id), specs))
    assert controls is not None
    assert {controls.name_of(controls.keys[key]) for key in ("left", "right")} == {"+2", "−2"}
    assert controls.name_of(controls.keys[""]) == "0"
    batch: Any = wrap(pendulums(), specs)
    assert batch.controls.keys == controls.keys


def test_between_two_values_a_key_takes_the_nearer_one() -> None:
    controls = controls_of(wrap(gymnasium.make("MountainCarContinuous-v0"), ["discretize:4"]))
    assert controls is not None  # -1, -1/3, 1/3, 1
    assert (controls.keys["left"], controls.keys["right"]) == (0, 3)
    assert controls.keys[""] in (1, 2)
    no_keys = wrap(gymnasium.make("FrozenLake-v1"), ["sticky_actions:0.1"])
    assert controls_of(no_keys) is controls_of(no_keys.unwrapped)
