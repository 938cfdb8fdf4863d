"""The classic control tasks have the dynamics of gymnasium's own, and their pictures show them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode

import envs
from envs import BatchedEnv
from envs.classic.acrobot import Acrobot
from envs.classic.mountain_car import MountainCar
from envs.classic.mountain_car_continuous import MountainCarContinuous
from envs.classic.pendulum import Pendulum

KINDS = {kind.__name__: kind for kind in (MountainCar, MountainCarContinuous, Acrobot, Pendulum)}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)

REACHABLE = {
    "MountainCar": ([-1.2, -0.07], [0.6, 0.07]),
    "MountainCarContinuous": ([-1.2, -0.07], [0.6, 0.07]),
    "Acrobot": ([-np.pi, -np.pi, -4 * np.pi, -9 * np.pi], [np.pi, np.pi, 4 * np.pi, 9 * np.pi]),
    "Pendulum": ([-7.0, -8.0], [7.0, 8.0]),
}
"""The least and the greatest values of the state."""


def batch(kind: type[Any], num_envs: int, seed: int = 0, **arguments: Any) -> Any:
    env = kind(num_envs, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=seed)
    return env


def theirs(kind: type[BatchedEnv], **arguments: Any) -> Any:
    env = gymnasium.make(own_id(kind), **arguments).unwrapped
    env.reset(seed=0)
    return env


def own_id(kind: type[BatchedEnv]) -> str:
    return next(entry.twin or "" for entry in envs.listing() if entry.name == kind.__name__)


def random_states(kind: type[BatchedEnv], count: int, seed: int = 0) -> np.ndarray:
    """States from all over the space that an episode can reach, (count, quantities)."""
    low, high = (np.array(bound) for bound in REACHABLE[kind.__name__])
    states = np.random.default_rng(seed).uniform(low, high, (count, len(low)))
    return states.astype(np.float32) if kind is MountainCarContinuous else states


def actions_of(env: BatchedEnv, seed: int = 1) -> np.ndarray:
    env.action_space.seed(seed)
    return env.action_space.sample()


# The dynamics


@every_kind
def test_one_step_from_thousands_of_random_states_equals_gymnasiums(kind: type[BatchedEnv]) -> None:
    ours, other = batch(kind, 4096), theirs(kind)
    ours.state[...] = states = random_states(kind, 4096)
    actions = actions_of(ours)
    observation, reward, terminated, truncated, _ = ours.step(actions)
    assert not truncated.any()
    for row, (state, action) in enumerate(zip(states, actions, strict=True)):
        other.state = state.copy()
        expected, gain, end, _, _ = other.step(action)
        # Not to the last bit: gymnasium squares by `pow`, and Acrobot's sums are rounded in another order.
        np.testing.assert_allclose(ours.state[row], np.array(other.state), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(observation[row], expected, rtol=2e-7, atol=1e-9)
        assert reward[row] == pytest.approx(gain, abs=1e-9)
        assert terminated[row] == end
    assert terminated.any() != (kind is Pendulum)


@pytest.mark.parametrize("kind", [MountainCar, MountainCarContinuous, Pendulum])
def test_whole_episodes_equal_gymnasiums_to_the_last_bit(kind: type[BatchedEnv]) -> None:
    ours, singles = batch(kind, 20, max_episode_steps=envs.NO_LIMIT), [theirs(kind) for _ in range(20)]
    for single, state in zip(singles, ours.state, strict=True):
        single.state = state.copy()
    memory, observation, running = {}, ours.observation(), np.ones(20, np.bool_)
    rng = np.random.default_rng(0)
    for step in range(300):
        wild = rng.random(20) < 0.3
        actions = ours.expert(observation, memory)
        actions[wild] = actions_of(ours, step)[wild]
        ours.load_state_dict({**ours.state_dict(), "episodes": _running(ours)})
        observation, rewards, terminated, _, _ = ours.step(actions)
        for row in np.flatnonzero(running):
            expected, reward, end, _, _ = singles[row].step(actions[row])
            np.testing.assert_array_equal(observation[row], expected)
            np.testing.assert_array_equal(ours.state[row], np.array(singles[row].state))
            assert rewards[row] == pytest.approx(reward, abs=1e-9)
            assert terminated[row] == end
        running &= ~terminated
    assert running.all() == (kind is Pendulum)


def _running(env: BatchedEnv) -> dict[str, np.ndarray]:
    """The state of `env` with all episodes running: those that ended may go on, and nobody looks."""
    return {**env.state_dict()["episodes"], "ended": np.zeros(env.num_envs, np.bool_)}


def test_acrobots_single_episodes_are_those_of_its_batches() -> None:
    """A batch of one is computed with plain numbers."""
    many = batch(Acrobot, 200)
    many.state[...] = random_states(Acrobot, 200, seed=3)
    actions, states = actions_of(many), many.state.copy()
    observation, reward, terminated, _, _ = many.step(actions)
    for row in range(200):
        one = batch(Acrobot, 1)
        one.state[...] = states[row]
        result = one.step(actions[row : row + 1])
        np.testing.assert_allclose(result[0][0], observation[row], rtol=2e-7, atol=1e-9)
        assert (result[1][0], result[2][0]) == (reward[row], terminated[row])
        np.testing.assert_allclose(one.state[0], many.state[row], rtol=1e-11, atol=1e-11)


@every_kind
def test_spaces_limits_and_thresholds_are_gymnasiums(kind: type[BatchedEnv]) -> None:
    ours, other = gymnasium.make(f"Sandbox/{kind.__name__}-v0"), gymnasium.make(own_id(kind))
    assert ours.observation_space == other.observation_space
    assert ours.action_space == other.action_space
    assert ours.spec is not None
    assert other.spec is not None
    assert ours.spec.max_episode_steps == other.spec.max_episode_steps
    assert ours.spec.reward_threshold == (-200 if kind is Pendulum else other.spec.reward_threshold)
    assert ours.metadata["render_fps"] == other.metadata["render_fps"]


@every_kind
def test_episodes_start_as_gymnasiums(kind: type[BatchedEnv]) -> None:
    start = batch(kind, 20_000).state.astype(float)
    other = theirs(kind)
    samples = []
    for seed in range(2000):
        other.reset(seed=seed)
        samples.append(np.array(other.state, float))
    low, high = np.min(samples, 0), np.max(samples, 0)
    reach = high - low
    assert (start >= low - 0.01 * reach - 1e-7).all()
    assert (start <= high + 0.01 * reach + 1e-7).all()
    np.testing.assert_allclose(start.mean(0), np.mean(samples, 0), atol=0.05 * reach.max())
    np.testing.assert_allclose(start.std(0), np.std(samples, 0), rtol=0.05, atol=1e-12)


@pytest.mark.parametrize("kind", [MountainCarContinuous, Pendulum])
def test_actions_that_gymnasium_would_clip_are_refused(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 2)
    with pytest.raises(InvalidAction, match=rf"{kind.__name__}.*2\.5.*episode 1"):
        env.step(np.array([[0.0], [2.5]]))


@pytest.mark.parametrize("kind", [MountainCarContinuous, Pendulum])
def test_actions_in_other_precisions_are_rounded_to_the_spaces(kind: type[BatchedEnv]) -> None:
    one, other = batch(kind, 3), batch(kind, 3)
    actions = np.array([[0.1], [-1.0], [1.0]])
    first, second = one.step(actions), other.step(actions.astype(np.float32))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


# The hill


@pytest.mark.parametrize(("kind", "goal"), [(MountainCar, 0.5), (MountainCarContinuous, 0.45)])
def test_the_flag_ends_the_episode_only_at_the_goal_velocity(kind: type[BatchedEnv], goal: float) -> None:
    states = [[goal - 0.005, 0.03], [goal - 0.005, 0.001], [goal - 0.05, 0.03], [goal + 0.005, 0.01]]
    for goal_velocity, expected in ((0, [True, False, False, True]), (0.02, [True, False, False, False])):
        env = batch(kind, 4, goal_velocity=goal_velocity)
        env.state[...] = states
        _, reward, terminated, _, _ = env.step(np.ones(env.action_space.shape, env.action_space.dtype))
        assert terminated.tolist() == expected
        bonus, step = (100.0, -0.1) if kind is MountainCarContinuous else (0.0, -1.0)
        assert reward.tolist() == pytest.approx([bonus * end + step for end in expected])


@pytest.mark.parametrize("kind", [MountainCar, MountainCarContinuous])
def test_the_left_wall_stops_the_car(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 2)
    env.state[...] = [[-1.19, -0.05], [-1.1, -0.05]]
    env.step(np.zeros(env.action_space.shape, env.action_space.dtype))
    assert env.state[0].tolist() == pytest.approx([-1.2, 0])
    assert env.state[1, 1] < -0.04


def test_the_throttle_costs_its_square() -> None:
    env = batch(MountainCarContinuous, 4)
    assert env.step(np.array([[0.0], [0.5], [-0.5], [1.0]]))[1].tolist() == pytest.approx(
        [0, -0.025, -0.025, -0.1]
    )


@pytest.mark.parametrize("kind", [MountainCar, MountainCarContinuous])
@pytest.mark.parametrize("bad", [0.08, -1, float("nan"), "fast", None, True])
def test_a_goal_velocity_that_no_car_can_have_is_refused(kind: type[Any], bad: object) -> None:
    with pytest.raises(ValueError, match=rf"{kind.__name__}: goal_velocity.*{bad}"):
        kind(2, goal_velocity=bad)


# The pendulum


def test_the_pendulums_reward_is_that_of_the_state_before_the_step() -> None:
    env = batch(Pendulum, 4)
    env.state[...] = [[0, 0], [np.pi / 2, 0], [2 * np.pi, 2], [-np.pi / 2 - 4 * np.pi, 0]]
    reward = env.step(np.array([[0.0], [0.0], [0.0], [2.0]]))[1]
    quarter = np.pi**2 / 4
    assert reward.tolist() == pytest.approx([0, -quarter, -0.4, -quarter - 0.004], abs=1e-9)


def test_gravity_can_be_changed_as_in_gymnasiums() -> None:
    ours, other = batch(Pendulum, 1, g=3.7), theirs(Pendulum, g=3.7)
    other.state = ours.state[0].copy()
    for action in ([1.5], [-2.0], [0.3]):
        expected = other.step(np.array(action, np.float32))[0]
        np.testing.assert_array_equal(ours.step(np.array([action], np.float32))[0][0], expected)


def test_without_gravity_and_torque_the_pendulum_turns_on() -> None:
    env = batch(Pendulum, 3, g=0)
    velocities = env.state[:, 1].copy()
    for _ in range(50):
        env.step(np.zeros((3, 1)))
    np.testing.assert_array_equal(env.state[:, 1], velocities)


@pytest.mark.parametrize("bad", [-1, 2000, float("inf"), float("nan"), "10", None])
def test_a_gravity_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=f"Pendulum: g must.*{bad}"):
        Pendulum(2, g=bad)


# The acrobot


def test_the_acrobots_energy_is_kept_without_torque() -> None:
    """Runge and Kutta's fourth order is nearly exact in slow swings."""
    env = batch(Acrobot, 50)
    before = _energy(env.state)
    for _ in range(20):
        env.step(np.ones(50, int))
    np.testing.assert_allclose(_energy(env.state), before, rtol=1e-4)


def _energy(state: np.ndarray) -> np.ndarray:
    """Of two rods of 1 m and 1 kg with inertias of 1 about their middles, in J."""
    first, second, speed1, speed2 = state.T
    speed_end = speed1 + speed2
    middle = 0.5 * speed_end  # the second middle moves with the joint and around it
    squares = speed1**2 + middle**2 + 2 * speed1 * middle * np.cos(second)
    kinetic = 0.5 * (0.25 * speed1**2 + speed1**2 + squares + speed_end**2)
    return kinetic - 9.8 * (0.5 * np.cos(first) + np.cos(first) + 0.5 * np.cos(first + second))


@pytest.mark.parametrize(
    ("state", "up"),
    [([np.pi, 0, 0, 0], True), ([np.pi * 0.7, np.pi * 0.3, 0, 0], True), ([np.pi, np.pi, 0, 0], False)],
)
def test_the_acrobot_ends_above_the_line(state: list[float], up: bool) -> None:
    env = batch(Acrobot, 2)
    env.state[...] = [state, [0, 0, 0, 0]]
    _, reward, terminated, _, _ = env.step(np.ones(2, int))
    assert terminated.tolist() == [up, False]
    assert reward.tolist() == [0.0 if up else -1.0, -1.0]


def test_the_acrobots_angles_stay_within_half_a_turn_and_its_velocities_bounded() -> None:
    env = batch(Acrobot, 100)
    env.state[...] = random_states(Acrobot, 100)
    for step in range(100):
        env.load_state_dict({**env.state_dict(), "episodes": _running(env)})
        env.step(actions_of(env, step))
        assert (np.abs(env.state) <= [np.pi, np.pi, 4 * np.pi, 9 * np.pi]).all()


# Small pictures


@every_kind
def test_pictures_follow_from_the_state_alone(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 30, obs="pixels", max_episode_steps=envs.NO_LIMIT)
    env.state[...] = random_states(kind, 30)
    for step in range(40):
        env.load_state_dict({**env.state_dict(), "episodes": _running(env)})
        pixels = env.step(actions_of(env, step))[0]
        env.repaint(fresh := np.full_like(pixels, 77), np.ones(30, np.bool_))
        np.testing.assert_array_equal(pixels, fresh)
        env.repaint(fresh, np.arange(30) < 0)  # nobody: nothing changes
        np.testing.assert_array_equal(pixels, fresh)


@pytest.mark.parametrize(
    ("kind", "quantity", "step"),
    [
        (MountainCar, 0, 0.002),
        (MountainCarContinuous, 0, 0.002),
        (Acrobot, 0, 0.02),
        (Acrobot, 1, 0.02),
        (Pendulum, 0, 0.005),
    ],
)
def test_pictures_tell_small_differences(kind: type[BatchedEnv], quantity: int, step: float) -> None:
    env = batch(kind, 80, obs="pixels")
    env.state[...] = 0
    env.state[:, quantity] = -0.5 + step * np.arange(80)
    env.paint(pixels := np.zeros((80, 3, 40, 40), np.uint8))
    assert len(np.unique(pixels.reshape(80, -1), axis=0)) == 80


def center(light: np.ndarray) -> tuple[float, float]:
    """The mean row and column of what is lit in a channel (40, 40)."""
    rows, columns = (np.arange(40) + 0.5)[:, None], np.arange(40) + 0.5
    return float((light * rows).sum() / light.sum()), float((light * columns).sum() / light.sum())


def test_the_pendulums_picture_turns_counter_clockwise() -> None:
    env = batch(Pendulum, 5, obs="pixels")
    env.state[:, 0] = [0, np.pi / 2, np.pi, -np.pi / 2, 8 * np.pi + 0.3]
    env.paint(pixels := np.zeros((5, 3, 40, 40), np.uint8))
    bobs = [center((picture[0] > 200) & (picture[1] < 100)) for picture in pixels]
    expected = [(20 - 14 * np.cos(angle), 20 - 14 * np.sin(angle)) for angle in env.state[:, 0]]
    np.testing.assert_allclose(bobs, expected, atol=0.6)


def test_the_acrobots_picture_has_its_links_where_they_are() -> None:
    env = batch(Acrobot, 300, obs="pixels")
    env.state[...] = random_states(Acrobot, 300)
    env.repaint(pixels := np.zeros((300, 3, 40, 40), np.uint8), np.ones(300, np.bool_))
    for picture, (first, second, _, _) in zip(pixels, env.state, strict=True):
        joint = np.array([20 + 8.5 * np.cos(first), 20 + 8.5 * np.sin(first)])
        half = 4.25 * np.array([np.cos(first + second), np.sin(first + second)])
        np.testing.assert_allclose(center(picture[0].astype(float)), (joint + 20) / 2, atol=0.1)
        np.testing.assert_allclose(center(picture[1].astype(float)), joint + half, atol=0.25)
        assert (picture[2, 11:12] == 255).all()


@pytest.mark.parametrize("kind", [MountainCar, MountainCarContinuous])
def test_the_small_car_stands_on_the_hill_everywhere(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 50, obs="pixels")
    env.state[:, 0] = np.linspace(-1.2, 0.6, 50)
    env.paint(pixels := np.zeros((50, 3, 40, 40), np.uint8))
    bare = np.median(pixels, axis=0)  # without any car, which is nowhere most of the time
    for picture, x in zip(pixels, env.state[:, 0], strict=True):
        row, column = center(np.abs(picture - bare).sum(0))
        scale = 35 / 1.8
        assert column == pytest.approx(2.5 + (x + 1.2) * scale, abs=3)
        assert row == pytest.approx(36 - scale * (0.45 * np.sin(3 * x) + 0.55) - 2, abs=2)


# People


@every_kind
def test_large_pictures_show_state_and_action(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 2, render_mode="rgb_array")
    still = env.picture(0)
    env.step(np.full(env.action_space.shape, 2 if kind in (MountainCar, Acrobot) else 1))
    pushed = env.picture(0)
    assert (still != pushed).any()
    other = batch(kind, 2)
    other.load_state_dict(env.state_dict())
    np.testing.assert_array_equal(other.picture(0), pushed)
    env.spawn(np.ones(2, np.bool_))
    env.state[...] = other.state
    assert (env.picture(0) != pushed).any()  # the same place, with the engine at rest


@every_kind
def test_controls_are_those_of_gymnasiums_environment(kind: type[BatchedEnv]) -> None:
    from envs.controls import GYMNASIUM

    assert kind.controls == GYMNASIUM[kind.__name__]


@every_kind
def test_the_expert_wants_features(kind: type[BatchedEnv]) -> None:
    env = batch(kind, 2, obs="pixels")
    with pytest.raises(ValueError, match=rf"{kind.__name__}.*features"):
        env.expert(env.observation(), {})
