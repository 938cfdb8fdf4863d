"""Pong's rules, computed by hand, and what its pictures show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from envs.pong import FRONT, OUT, REACH, SERVE_PLACE, TOP_SPEED, WALL, Pong, _seen

STAY, UP, DOWN = 0, 1, 2


def game(*states: tuple[float, ...], **arguments: Any) -> Pong:
    """A batch with these states: x, y, vx, vy of the ball, their paddle, ours."""
    arguments = {"autoreset_mode": AutoresetMode.DISABLED, "obs": "features", **arguments}
    env = Pong(len(states), **arguments)
    env.reset(seed=0)
    env.state[:, :6] = states
    env.state[:, 6] = 0
    return env


def after(*state: float, action: int = STAY, **arguments: Any) -> list[float]:
    """The state after one step from `state`."""
    env = game(state, **arguments)
    env.step(np.array([action]))
    return env.state[0, :6].tolist()


def test_the_ball_flies_straight_through_the_court() -> None:
    assert after(1, 2, -2, 0.5, 0, 0)[:4] == [-1, 2.5, -2, 0.5]


@pytest.mark.parametrize("side", [1, -1])
def test_walls_reflect_at_the_exact_time(side: int) -> None:
    assert after(0, 17 * side, 2, 3 * side, 0, 0)[:4] == [2, 16 * side, 2, -3 * side]


@pytest.mark.parametrize("side", [1, -1])
def test_the_middle_of_a_paddle_returns_straight(side: int) -> None:
    # The front is met after half a step; the other half is flown at 2.2.
    assert after(14 * side, 0, 2 * side, 0, 0, 0)[:4] == pytest.approx([13.9 * side, 0, -2.2 * side, 0])


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("end", [1, -1])
def test_the_ends_of_a_paddle_return_steeply(side: int, end: int) -> None:
    x, y, vx, vy = after(14 * side, 4 * end, 2 * side, 0, 0, 0, skill=0)[:4]
    assert (x, vx) == pytest.approx((13.9 * side, -2.2 * side))
    assert vy == pytest.approx(1.2 * 2.2 * end)
    assert y == pytest.approx(4 * end + 1.32 * end)


def test_a_ball_just_beyond_the_end_flies_past() -> None:
    assert after(14, 4.01, 2, 0, 0, 0)[:4] == [16, 4.01, 2, 0]
    assert after(16, 0, 2, 0, 0, 0)[:4] == [18, 0, 2, 0]  # behind the front no paddle reaches it


@pytest.mark.parametrize("speed", np.linspace(2, TOP_SPEED, 40).tolist())
def test_a_ball_that_stopped_exactly_at_the_front_is_met_in_the_next_step(speed: float) -> None:
    assert after(FRONT, 0, speed, 0, 0, 0)[2] < 0


def test_paddles_move_before_the_ball() -> None:
    assert after(14, 5, 2, 0, 0, 0, action=DOWN)[2] == pytest.approx(-2.2)
    assert after(14, 3, 2, 0, 0, 0, action=UP)[2] == 2


def test_a_ball_into_the_corner_of_wall_and_paddle() -> None:
    # Wall (y = 18) and front (x = 15) are met together after half a step, 2 below the paddle's middle: back
    # at 4.2, and downwards at 2 · 1.2 / 4 · 4.2 = 2.52, so that the wall reflects it at once.
    assert after(13, 16.5, 4, 3, 0, 16)[:4] == pytest.approx([12.9, 16.74, -4.2, -2.52])


def test_a_wall_just_before_the_paddle() -> None:
    # The wall after a third of a step, the front after a half at y = 17.5; 1.5 from the middle: 1.89 steep.
    assert after(13, 17, 4, 3, 0, 16)[:4] == pytest.approx([12.9, 17.555, -4.2, -1.89])


def test_a_wall_before_the_front_decides_whether_the_paddle_reaches_the_ball() -> None:
    # At y = 18.5 if there were no wall, at 17.5 with it: 4.1 or 3.1 from a paddle at 14.4.
    assert after(13, 17, 4, 3, 0, 14.4)[2] == pytest.approx(-4.2)


def test_the_ball_gets_no_faster_than_its_top_speed() -> None:
    assert after(14, 0, 4.9, 0, 0, 0)[2] == after(14, 0, 5, 0, 0, 0)[2] == -TOP_SPEED


@given(
    side=st.sampled_from([-1, 1]),
    before=st.floats(0.001, 0.999),
    speed=st.floats(2, TOP_SPEED),
    slope=st.floats(-1.2, 1.2),
    offset=st.floats(-REACH - 2, REACH + 2),
)
def test_no_speed_takes_a_ball_through_a_paddle(
    side: int, before: float, speed: float, slope: float, offset: float
) -> None:
    vx, vy = speed * side, speed * slope
    x, _, after_vx, _ = after(FRONT * side - vx * before, offset - vy * before, vx, vy, 0, 0, skill=0)[:4]
    if abs(offset) < REACH - 1e-9:
        assert np.sign(after_vx) == -side
        assert abs(x) <= FRONT
    elif abs(offset) > REACH + 1e-9:
        assert after_vx == vx or x == 0  # flies on, unless the point is over already


@given(seed=st.integers(0, 2**31), skill=st.floats(0, 1))
def test_balls_and_paddles_stay_in_the_court(seed: int, skill: float) -> None:
    env = Pong(16, obs="features", skill=skill)
    env.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(0, 3, (60, 16))
    for action in actions:
        assert env.step(action)[0] in env.observation_space
        assert np.abs(env.state[:, 0]).max() <= OUT
        assert np.abs(env.state[:, 1]).max() <= WALL
        assert np.abs(env.state[:, 4:6]).max() <= 16
        assert np.abs(env.state[:, 2]).min() >= 2


# Points


def test_a_ball_behind_a_paddle_is_a_point_and_the_next_serve() -> None:
    env = game((18, 9, 2, 0, 0, 0), (-18, 9, -2, 0, 0, 0), (0, 0, 2, 0, 0, 0))
    _, reward, terminated, _, _ = env.step(np.zeros(3, int))
    assert reward.tolist() == [-1, 1, 0]
    assert not terminated.any()
    assert env.scores.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert env.state[:, 0].tolist() == [0, 0, 2]
    assert np.abs(env.state[:2, 1]).max() <= SERVE_PLACE


def test_the_last_point_ends_the_game_with_the_ball_where_it_went() -> None:
    env = game((18, 9, 5, 0, 0, 0), (-18, 9, -5, 0, 0, 0), (18, 9, 5, 0, 0, 0), points=3)
    env.scores[...] = [[2, 2], [2, 2], [1, 2]]
    observation, reward, terminated, _, _ = env.step(np.zeros(3, int))
    assert reward.tolist() == [-1, 1, -1]
    assert terminated.tolist() == [True, True, False]
    assert env.scores.tolist() == [[3, 2], [2, 3], [2, 2]]
    assert observation[:2, 0] == pytest.approx([OUT / 20, -OUT / 20])


def test_serves_are_random_in_side_place_and_angle() -> None:
    env = Pong(4000, obs="features")
    env.reset(seed=0)
    x, y, vx, vy = env.state[:, :4].T
    assert not x.any()
    assert set(vx) == {-2, 2}
    assert abs(vx.mean()) < 0.15
    assert (y.min() < -7, y.max() > 7, vy.min() < -0.9, vy.max() > 0.9) == (True,) * 4
    assert abs(np.corrcoef([y, vx, vy]) - np.eye(3)).max() < 0.1


# The opponent


@pytest.mark.parametrize(("skill", "moved"), [(0, 0), (0.5, 1), (1, 2)])
def test_skill_is_how_quickly_the_opponent_follows_the_ball(skill: float, moved: float) -> None:
    assert after(0, 10, 2, 0, 0, 0, skill=skill)[4] == moved
    assert after(0, -10, 2, 0, 0, 0, skill=skill)[4] == -moved


def test_the_opponent_stops_at_its_aim() -> None:
    env = game((0, 5, 2, 0, 4.5, 0))
    env.state[0, 6] = 1
    env.step(np.array([STAY]))
    assert env.state[0, 4] == pytest.approx(5.7)  # 1.2 of the 1.5 to go
    env.step(np.array([STAY]))
    assert env.state[0, 4] == 6


def test_the_opponent_aims_anew_after_each_hit() -> None:
    env = game(*[(14, 0, 2, 0, 0, 0)] * 50)
    env.step(np.zeros(50, int))
    assert len(set(env.state[:, 6])) == 50


def test_a_better_opponent_wins_more_points() -> None:
    won = []
    for skill in (0.0, 0.5, 1.0):
        env = Pong(64, obs="features", skill=skill)
        env.reset(seed=0)
        actions = np.random.default_rng(0).integers(0, 3, (400, 64))
        won.append(sum(env.step(action)[1].sum() for action in actions))
    assert won[0] > won[1] > won[2]


@pytest.mark.parametrize("skill", [-0.1, 1.1, float("nan"), "good"])
def test_skill_is_between_0_and_1(skill: Any) -> None:
    with pytest.raises(ValueError, match=r"Pong: skill .*got"):
        Pong(skill=skill)


def test_points_are_positive() -> None:
    with pytest.raises(ValueError, match=r"Pong: points .*got 0"):
        Pong(points=0)


# Pictures


def test_pixels_show_ball_and_paddles_where_they_are() -> None:
    env = game((4, -2, 2, 0, -16, 16), obs="pixels", skill=0)
    (picture,) = env.step(np.array([STAY]))[0]  # the ball moves to (6, -2)
    white = np.argwhere((picture == 255).all(0)).tolist()
    assert white == [[17, 25], [17, 26], [18, 25], [18, 26]]
    for column, rows in ((2, range(1, 7)), (3, range(1, 7)), (36, range(33, 39)), (37, range(33, 39))):
        assert np.flatnonzero(picture[1, 1:39, column]).tolist() == [row - 1 for row in rows]
    assert np.count_nonzero(picture[0, 1:39]) == 4 + 12 + 12


def test_changing_what_moved_draws_what_drawing_anew_would() -> None:
    env = Pong(32, points=2, skill=0.3)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 3, (300, 32))
    ends = 0
    for action in actions:
        observation, _, terminated, _, _ = env.step(action)
        fresh = np.full_like(observation, 7)
        env.repaint(fresh, np.ones(32, np.bool_))
        np.testing.assert_array_equal(observation, fresh)
        ends += int(terminated.sum())
    assert ends > 32


def test_the_expert_sees_velocities_in_a_few_frames() -> None:
    env = Pong(64)
    observation, _ = env.reset(seed=0)
    memory: dict[str, Any] = {"first": np.ones(64, np.bool_)}
    errors = []
    for _ in range(150):
        seen = np.stack(_seen(observation, memory), 1)
        long_enough = memory["frames"] >= 6
        errors.append(np.abs(seen - env.state[:, :6])[long_enough])
        observation, _, terminated, truncated, _ = env.step(np.full(64, STAY))
        memory["first"] = terminated | truncated
    error = np.concatenate(errors)
    assert len(error) > 1000
    assert (np.quantile(error, 0.95, axis=0) < [0.8, 0.8, 0.2, 0.2, 0.51, 0.01]).all()


@pytest.mark.parametrize("points", [1_000_001, 10**30])
def test_points_have_an_upper_bound(points: int) -> None:
    Pong(points=1_000_000).reset(seed=0)
    with pytest.raises(ValueError, match=rf"Pong: points .*from 1 to 1000000, got {points}"):
        Pong(points=points)
