"""Catch: what falls, what is caught, and what the pictures show of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.catch import SIZES, Catch

LEFT, STAY, RIGHT = range(3)
GRIDS = [(rows, columns) for rows in SIZES for columns in SIZES if columns <= rows]


def batch(num_envs: int = 1, seed: int = 0, **arguments: Any) -> Catch:
    env = Catch(num_envs, **arguments)
    env.reset(seed=seed)
    return env


def place(env: Catch, ball: tuple[Any, Any], paddle: Any) -> None:
    """Put the ball in (row, column) and the paddle in a column, in all episodes."""
    env.ball[...] = np.asarray(ball[0]) * env.columns + ball[1]
    env.paddle[...] = (env.rows - 1) * env.columns + np.asarray(paddle)


def play(env: Catch, actions: list[int]) -> tuple[list[float], list[bool]]:
    """Rewards and flags of termination of the first episode."""
    steps = [env.step(np.full(env.num_envs, action)) for action in actions]
    return [step[1][0] for step in steps], [bool(step[2][0]) for step in steps]


def test_an_episode_by_hand() -> None:
    env = batch(rows=4, columns=4, balls=2, obs="features", autoreset_mode="Disabled")
    place(env, ball=(0, 3), paddle=1)
    rewards, terminated = play(env, [RIGHT, STAY, RIGHT])  # rows 1, 2, 3: under the ball in the last move
    assert (rewards, terminated) == ([0, 0, 1], [False] * 3)
    assert env.left.tolist() == [1]
    env.step(np.array([LEFT]))  # the paddle moves while the next ball appears
    assert (env.ball[0] // 4, env.paddle[0] % 4) == (0, 2)
    place(env, ball=(0, 0), paddle=2)
    rewards, terminated = play(env, [STAY, STAY, LEFT])
    assert (rewards, terminated) == ([0, 0, -1], [False, False, True])
    assert (env.left.tolist(), env.score.tolist()) == ([0], [0.0])


def test_the_paddle_stays_inside_the_walls() -> None:
    env = batch(2, rows=5, columns=4)
    place(env, ball=(0, 1), paddle=[0, 3])
    env.step(np.array([LEFT, RIGHT]))
    assert (env.paddle % 4).tolist() == [0, 3]
    assert (env.paddle // 4).tolist() == [4, 4]


@pytest.mark.parametrize(("balls", "rows"), [(1, 4), (3, 5), (10, 10)])
def test_an_episode_ends_when_the_last_ball_arrives(balls: int, rows: int) -> None:
    env = batch(3, balls=balls, rows=rows, columns=4, autoreset_mode="Disabled")
    for _ in range(balls * rows - 2):
        assert not env.step(np.full(3, STAY))[2].any()
    _, reward, terminated, truncated, _ = env.step(np.full(3, STAY))
    assert terminated.all()
    assert not truncated.any()
    assert set(np.abs(reward)) == {1.0}


@pytest.mark.parametrize(("rows", "columns"), GRIDS)
def test_every_ball_can_be_reached_from_where_the_last_one_ended(rows: int, columns: int) -> None:
    """From each column to each column, for the first ball (no step to spare) as for the next ones."""
    ball, paddle = np.divmod(np.arange(columns**2), columns)
    env = batch(columns**2, rows=rows, columns=columns, balls=3, obs="features")
    place(env, ball=(0, ball), paddle=paddle)
    observation, total = env.observation(), np.zeros(columns**2)
    for _ in range(3 * rows - 1):
        observation, reward, _, _, _ = env.step(env.expert(observation, {}))
        total += reward
    assert (total == 3).all()


def test_balls_and_paddles_start_in_every_column_alike() -> None:
    env = batch(20_000, balls=2, obs="features")
    counts = [np.bincount(env.ball, minlength=10), np.bincount(env.paddle - 90, minlength=10)]
    for _ in range(10):
        env.step(np.full(20_000, STAY))
    counts.append(np.bincount(env.ball, minlength=10))  # the second ball
    for count in counts:
        assert count.shape == (10,)
        assert ((count - 2000) ** 2 / 2000).sum() < 35  # chi squared of 9 degrees: p < 0.0001


def test_features_by_hand() -> None:
    env = batch(rows=5, columns=4, obs="features")
    place(env, ball=(1, 3), paddle=0)
    np.testing.assert_allclose(env.observation(), [[1, -0.5, -1]])
    place(env, ball=(4, 0), paddle=2)
    np.testing.assert_allclose(env.observation(), [[-1, 1, 1 / 3]], rtol=1e-6)


def test_pixels_by_hand() -> None:
    env = batch(rows=10, columns=5)  # cells of 4 × 8 pixels
    place(env, ball=(2, 1), paddle=3)
    env.repaint(pixels := np.ones((1, 3, 40, 40), np.uint8), np.array([True]))
    expected = np.zeros((3, 40, 40), np.uint8)
    expected[:, 8:12, 8:16] = np.array([255, 170, 0])[:, None, None]
    expected[:, 36:40, 24:32] = np.array([40, 120, 255])[:, None, None]
    np.testing.assert_array_equal(pixels[0], expected)
    place(env, ball=(9, 3), paddle=3)
    env.repaint(pixels, np.array([True]))
    assert np.unique(pixels[0, :, 36:40, 24:32]).tolist() == [255]


@settings(max_examples=30)
@given(grid=st.sampled_from(GRIDS), seed=st.integers(0, 2**31), balls=st.integers(1, 4))
def test_what_is_painted_follows_from_the_state_alone(grid: tuple[int, int], seed: int, balls: int) -> None:
    env = batch(4, seed, rows=grid[0], columns=grid[1], balls=balls)
    actions = np.random.default_rng(seed).integers(0, 3, (50, 4))
    for action in actions:
        observation = env.step(action)[0]
        env.repaint(anew := np.full((4, 3, 40, 40), 9, np.uint8), np.ones(4, np.bool_))
        np.testing.assert_array_equal(observation, anew)


@pytest.mark.parametrize(("rows", "columns"), GRIDS)
def test_the_expert_sees_in_pixels_what_stands_in_features(rows: int, columns: int) -> None:
    ball, paddle = np.divmod(np.arange(rows * columns * columns), columns)
    actions = []
    for obs in ("pixels", "features"):
        env = batch(rows * columns**2, rows=rows, columns=columns, obs=obs)
        env.ball[...] = ball
        env.paddle[...] = (rows - 1) * columns + paddle
        env.load_state_dict(env.state_dict())  # draws the pictures of what was set
        actions.append(env.expert(env.observation(), {}))
    np.testing.assert_array_equal(actions[0], 1 + np.sign(ball % columns - paddle))
    np.testing.assert_array_equal(actions[0], actions[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"balls": 0}, "balls.*0"),
        ({"balls": -2}, "balls.*-2"),
        ({"balls": "many"}, "balls.*many"),
        ({"rows": 0}, "rows.*0"),
        ({"rows": 40}, "rows.*40"),
        ({"rows": 9}, "rows.*9"),
        ({"rows": True}, "rows.*True"),
        ({"columns": -5}, "columns.*-5"),
        ({"columns": 5.0}, r"columns.*5\.0"),
        ({"columns": [5]}, r"columns.*\[5\]"),
        ({"rows": 5, "columns": 10}, r"columns.*rows \(5\).*10"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"Catch.*{said}"):
        Catch(2, **arguments)


@pytest.mark.parametrize("balls", [1_000_001, 10**30])
def test_balls_have_an_upper_bound(balls: int) -> None:
    Catch(balls=1_000_000).reset(seed=0)
    with pytest.raises(ValueError, match=rf"Catch: balls .*from 1 to 1000000, got {balls}"):
        Catch(balls=balls)
