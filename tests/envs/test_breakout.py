"""Breakout's rules, computed by hand, and what its pictures show.

Brick (row, column) reaches from x = 4 · column to 4 more and from y = 7 + 2 · row to 2 more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.breakout import Breakout
from envs.experts.breakout import read, see
from envs.pictures.breakout import FRONT, SPEED

LEFT, STAY, RIGHT = 0, 1, 2
FAR = (0, 0)  # a brick that keeps the game going


def game(state: tuple[float, ...], *bricks: tuple[int, int], **arguments: Any) -> Breakout:
    """One game with this x, y, vx, vy and paddle, and these bricks alone."""
    arguments = {"autoreset_mode": AutoresetMode.DISABLED, "obs": "features", **arguments}
    env = Breakout(1, **arguments)
    env.reset(seed=0)
    env.state[0] = state
    env.bricks[...] = False
    for row, column in bricks:
        env.bricks[0, row, column] = True
    return env


def after(env: Breakout, action: int = STAY) -> tuple[list[float], float, set[tuple[int, int]]]:
    """x, y, vx, vy after a step, the reward, and the bricks that are left (but FAR)."""
    reward = env.step(np.array([action]))[1]
    left = {(row, column) for _, row, column in np.argwhere(env.bricks).tolist()} - {FAR}
    return env.state[0, :4].tolist(), float(reward[0]), left


# Walls and paddle


def test_the_ball_flies_straight_through_the_field() -> None:
    assert after(game((20, 25, 0.5, SPEED, 20), FAR))[0] == [20.5, 26.9, 0.5, SPEED]


def test_walls_reflect_at_the_exact_time() -> None:
    assert after(game((38.5, 25, 1.5, SPEED, 20), FAR))[0] == [38, 26.9, -1.5, SPEED]
    assert after(game((1.5, 25, -1.5, SPEED, 20), FAR))[0] == [2, 26.9, 1.5, SPEED]
    assert after(game((30, 5, 0.5, -SPEED, 20), FAR))[0] == pytest.approx([30.5, 4.9, 0.5, SPEED])


def test_a_corner_of_the_walls_sends_the_ball_back() -> None:
    assert after(game((38.5, 5, 1.5, -SPEED, 20), FAR))[0] == pytest.approx([38, 4.9, -1.5, SPEED])


def test_the_middle_of_the_paddle_returns_straight_up() -> None:
    # The front at y = 36 is met after half a step.
    assert after(game((20, 35.05, 0, SPEED, 20), FAR))[0] == pytest.approx([20, 35.05, 0, -SPEED])


@pytest.mark.parametrize("side", [-1, 1])
def test_the_ends_of_the_paddle_return_at_45_degrees(side: int) -> None:
    flight = after(game((20 + 5 * side, 35.05, 0, SPEED, 20), FAR))[0]
    assert flight == pytest.approx([20 + 5.95 * side, 35.05, SPEED * side, -SPEED])


def test_the_paddle_moves_before_the_ball() -> None:
    assert after(game((26, 35.05, 0, SPEED, 20), FAR), RIGHT)[0][3] == -SPEED
    assert after(game((24, 35.05, 0, SPEED, 20), FAR), LEFT)[0][3] == SPEED


def test_a_ball_into_the_corner_of_wall_and_paddle() -> None:
    # Wall (x = 39) and front are met together after half a step, 3 from the paddle's middle: away at
    # 3 / 5 · 1.9 = 1.14 towards the wall, which reflects it at once.
    assert after(game((38.5, 35.05, 1, SPEED, 36), FAR))[0] == pytest.approx([38.43, 35.05, -1.14, -SPEED])


def test_a_wall_just_before_the_paddle() -> None:
    # The wall after a quarter of a step, the front after a half at x = 38.75, 2.75 from the middle: 1.045.
    flight = after(game((38.75, 35.05, 1, SPEED, 36), FAR))[0]
    assert flight == pytest.approx([39 - 0.2725, 35.05, -1.045, -SPEED])


@given(x=st.floats(1, 39), vx=st.floats(-SPEED, SPEED), before=st.floats(0.001, 0.999))
def test_no_ball_flies_through_the_paddle(x: float, vx: float, before: float) -> None:
    env = game((x, FRONT - SPEED * before, vx, SPEED, 20), FAR)
    met = x + vx * before
    met = 78 - met if met > 39 else 2 - met if met < 1 else met
    flight = after(env)[0]
    if abs(abs(met - 20) - 5) > 1e-6:
        assert (flight[3] < 0) == (abs(met - 20) < 5)


def test_the_paddle_stops_at_the_sides() -> None:
    env = game((20, 20, 0, SPEED, 34), FAR)
    for expected in (36, 36):
        after(env, RIGHT)
        assert env.state[0, 4] == expected


# Bricks


def test_a_brick_from_below() -> None:
    env = game((22, 19, 0, -SPEED, 20), (4, 5), FAR)  # its lower side is at 17
    assert after(env) == ([22, 18, 0, SPEED], 1, set())


def test_a_brick_from_above() -> None:
    env = game((22, 12.5, 0, SPEED, 20), (4, 5), FAR)
    assert after(env) == ([22, 14, 0, -SPEED], 1, set())


@pytest.mark.parametrize(("x", "vx", "stopped"), [(18.5, 1.5, 19), (25.5, -1.5, 25)])
def test_a_brick_from_its_sides(x: float, vx: float, stopped: float) -> None:
    env = game((x, 16, vx, SPEED, 20), (4, 5), FAR)
    assert after(env) == ([stopped, 17.9, -vx, SPEED], 1, set())


def test_touching_a_corner_of_a_brick_is_no_impact_but_going_on_is() -> None:
    env = game((18, 19.9, 1, -SPEED, 20), (4, 5), FAR)
    flight, reward, _ = after(env)  # the corners meet at (20, 17)
    assert (flight, reward) == (pytest.approx([19, 18, 1, -SPEED]), 0)
    # Sideways first, below the brick; then up into it.
    flight, reward, left = after(env)
    assert (flight, reward, left) == (pytest.approx([20, 18, 1, SPEED]), 1, set())


def test_a_corner_of_a_brick_that_is_met_sideways() -> None:
    env = game((18.5, 17.5, 1, -SPEED, 20), (4, 5), FAR)
    flight, reward, left = after(env)
    assert (flight, reward, left) == (pytest.approx([19, 15.6, -1, -SPEED]), 1, set())


def test_of_two_neighbours_the_one_that_is_met_more_breaks() -> None:
    assert after(game((23.5, 19, 0, -SPEED, 20), (4, 5), (4, 6), FAR))[1:] == (1, {(4, 6)})
    assert after(game((24.5, 19, 0, -SPEED, 20), (4, 5), (4, 6), FAR))[1:] == (1, {(4, 5)})
    assert after(game((23.5, 19, 0, -SPEED, 20), (4, 6), FAR))[1:] == (1, set())


def test_an_inner_corner_breaks_both_bricks() -> None:
    env = game((22.5, 16.4, 1.5, -SPEED, 20), (4, 6), (3, 5), FAR)
    assert after(env) == ([23, 16, -1.5, SPEED], 2, set())


def test_the_corner_of_wall_and_brick() -> None:
    env = game((38.5, 18.5, 1.5, -SPEED, 20), (4, 9), FAR)
    assert after(env) == ([38, 18, -1.5, SPEED], 1, set())


def test_the_last_brick_ends_the_game() -> None:
    env = game((22, 19, 0, -SPEED, 20), (4, 5))
    _, reward, terminated, _, _ = env.step(np.array([STAY]))
    assert (reward.tolist(), terminated.tolist()) == ([1], [True])


# Lives


def test_a_lost_ball_costs_a_life_and_is_served_anew() -> None:
    env = game((30, 38, 0, SPEED, 4), FAR)
    observation, reward, terminated, _, _ = env.step(np.array([STAY]))
    assert (reward.tolist(), terminated.tolist(), env.lives.tolist()) == ([0], [False], [2])
    assert env.state[0, [1, 3, 4]].tolist() == [20, SPEED, 20]
    assert observation[0, 5] == pytest.approx(2 / 3)


def test_the_last_life_ends_the_game_with_the_ball_where_it_went() -> None:
    env = game((30, 38, 0, SPEED, 20), FAR, lives=1)
    observation, reward, terminated, _, _ = env.step(np.array([STAY]))
    assert (reward.tolist(), terminated.tolist(), env.lives.tolist()) == ([0], [True], [0])
    assert observation[0, :2] == pytest.approx([0.5, 0.95])


def test_every_serve_can_be_reached() -> None:
    env = Breakout(500, obs="features")
    observation, _ = env.reset(seed=0)
    assert env.state[:, 0].std() > 5
    assert env.state[:, 2].std() > 0.5
    for _ in range(12):
        observation = env.step(env.expert(observation, {"first": np.zeros(500, np.bool_)}))[0]
    assert (env.lives == 3).all()


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 6))
def test_any_game_keeps_to_the_rules(seed: int, rows: int) -> None:
    """No ball is in a brick or beyond a wall, none is caught for long, and each brick is a point."""
    env = Breakout(16, obs="features", rows=rows, lives=10)
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    alone = np.zeros(16, int)
    for _ in range(300):
        bricks, paddle = env.bricks.sum((1, 2)), env.state[:, 4]
        aim = env.state[:, 0] + rng.uniform(-5, 5, 16)
        rising = env.state[:, 3] < 0
        observation, reward, ended, *_ = env.step(
            np.where(aim > paddle + 1, RIGHT, np.where(aim < paddle - 1, LEFT, STAY))
        )
        assert observation in env.observation_space
        x, y, _, vy = env.state[:, :4].T
        assert np.abs(vy).tolist() == [SPEED] * 16
        np.testing.assert_array_equal(np.where(ended, reward, bricks - env.bricks.sum((1, 2))), reward)
        for one in range(16):
            left, right = int((x[one] - 1 + 1e-4) // 4), int((x[one] + 1 - 1e-4) // 4)
            rows_met = {int((y[one] + end - 7) // 2) for end in (1e-4 - 1, 1 - 1e-4)} & set(range(rows))
            assert not any(env.bricks[one, row, left : right + 1].any() for row in rows_met)
        returned = ~rising & (vy < 0) & (y > 30)
        alone = np.where((reward > 0) | returned | (env.elapsed == 0) | (y == 20), 0, alone + 1)
        assert alone.max() < 36


@pytest.mark.parametrize(("argument", "value"), [("rows", 0), ("rows", 7), ("lives", 0), ("lives", 11)])
def test_rows_and_lives_have_bounds(argument: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"Breakout: {argument} .*got {value}"):
        Breakout(1, **{argument: value})  # pyright: ignore[reportArgumentType]


# Pictures


def test_pixels_show_ball_paddle_bricks_and_lives_where_they_are() -> None:
    env = game((30, 25.1, 0, SPEED, 36), (4, 5), obs="pixels", lives=2)
    (picture,) = env.step(np.array([STAY]))[0]  # the ball moves to (30, 27)
    env.repaint(picture[None], np.ones(1, np.bool_))  # as the bricks were taken away by hand
    assert np.argwhere((picture == 255).all(0)).tolist() == [[26, 29], [26, 30], [27, 29], [27, 30]]
    lit = picture.any(0)
    assert np.argwhere(lit[7:20]).tolist() == [[row, column] for row in (8, 9) for column in range(20, 24)]
    assert np.argwhere(lit[30:]).tolist() == [[row, column] for row in (7, 8) for column in range(32, 40)]
    assert lit[2].all()
    assert np.flatnonzero(lit[0]).tolist() == np.flatnonzero(lit[1]).tolist() == [0, 1, 4, 5]


def test_changing_what_moved_draws_what_drawing_anew_would() -> None:
    env = Breakout(32, lives=2)
    observation, _ = env.reset(seed=0)
    rng, memory = np.random.default_rng(0), {"first": np.ones(32, np.bool_)}
    ends = broken = 0
    for _ in range(600):
        actions = np.where(rng.random(32) < 0.75, env.expert(observation, memory), rng.integers(0, 3, 32))
        observation, reward, terminated, _, _ = env.step(actions)
        fresh = np.full_like(observation, 7)
        env.repaint(fresh, np.ones(32, np.bool_))
        np.testing.assert_array_equal(observation, fresh)
        memory["first"] = terminated
        ends += int(terminated.sum())
        broken += int(reward.sum())
    assert ends > 10
    assert broken > 500


def test_the_expert_decodes_what_the_features_say() -> None:
    env, twin = Breakout(32, obs="pixels"), Breakout(32, obs="features")
    memory: dict[str, Any] = {"first": np.ones(32, np.bool_)}
    pixels, _ = env.reset(seed=1)
    features, _ = twin.reset(seed=1)
    errors = []
    for _ in range(200):
        seen, told = see(pixels, 5, memory), read(features, 5)
        np.testing.assert_array_equal(seen[5], told[5])
        np.testing.assert_allclose(seen[4], told[4], atol=1e-5)
        errors.append((np.abs(np.stack(seen[:3]) - np.stack(told[:3])))[:, memory["frames"] >= 6])
        actions = env.expert(pixels, dict(memory))
        pixels, _, terminated, _, _ = env.step(actions)
        features = twin.step(actions)[0]
        memory["first"] = terminated
    error = np.concatenate(errors, 1)
    assert error.shape[1] > 1000
    assert (np.quantile(error, 0.9, axis=1) < [0.6, 0.51, 0.2]).all()
