"""Where an observation lies in the picture for people: what changes here changes there."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import envs  # noqa: F401 - registers them
from envs.sight import sight_of

EXACT = ("Acrobot", "Breakout", "Catch", "Pendulum", "Pong", "Snake")
ALIKE = ("MountainCar", "MountainCarContinuous")
"""what moves is drawn in another shape, so that its middle is elsewhere"""


def make(name: str, **arguments: Any) -> gym.Env[Any, Any]:
    return gym.make(f"Sandbox/{name}-v0", obs="pixels", render_mode="rgb_array", **arguments)


def seen_in(env: gym.Env[Any, Any]) -> np.ndarray:
    """The picture's part that the agent sees, shrunk to the observation's 40 × 40 pixels: float64."""
    picture: Any = env.render()
    left, top, width, height = sight_of(env) or (0, 0, picture.shape[1], picture.shape[0])
    rows = top + (np.arange(400) + 0.5) * height / 400
    columns = left + (np.arange(400) + 0.5) * width / 400
    inside = (rows >= 0) & (rows < picture.shape[0])
    rows, columns = (
        np.clip(part, 0, size - 1).astype(int) for part, size in ((rows, 1e9), (columns, picture.shape[1]))
    )
    part = np.zeros((400, 400, 3))
    part[inside] = picture[rows[inside]][:, columns]
    return part.reshape(40, 10, 40, 10, 3).mean((1, 3))


def middle(changed: np.ndarray) -> np.ndarray:
    """Row and column of the middle of what changed."""
    return np.argwhere(changed > changed.max() / 2).mean(0)


@pytest.mark.parametrize(
    ("name", "pixels"), [*((name, 1.5) for name in EXACT), *((name, 3.5) for name in ALIKE)]
)
def test_what_moves_in_the_observation_moves_there_in_the_picture(name: str, pixels: float) -> None:
    env = make(name)
    before, _ = env.reset(seed=1)
    people = seen_in(env)
    env.action_space.seed(1)
    apart = []
    for _ in range(8):
        action = env.action_space.sample()
        for _ in range(6):  # slow things move by a part of a pixel in a step
            after, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                after, _ = env.reset()
        now = seen_in(env)
        ours = np.abs(after.astype(float) - before).max(0)
        theirs = np.abs(now - people).max(2) * _near(ours)
        apart.append(np.abs(middle(ours) - middle(theirs)).max() if theirs.max() > 5 else 40.0)
        before, people = after, now
    assert np.median(apart) < pixels


def _near(changed: np.ndarray) -> np.ndarray:
    """Where something changed at most three pixels away: people see scores and shadows move, too."""
    padded = np.pad(changed > changed.max() / 2, 3)
    return sum(padded[r : r + 40, c : c + 40] for r in range(7) for c in range(7)) > 0


@pytest.mark.parametrize(
    ("name", "arguments"), [("Catch", {"rows": 20, "columns": 5}), ("Snake", {"size": 5})]
)
def test_boards_of_other_sizes_stay_in_place(name: str, arguments: dict[str, int]) -> None:
    env = make(name, **arguments)
    observation, _ = env.reset(seed=0)
    ours = (observation.max(0) > 200).astype(float)  # ball and paddle, apple and head
    theirs = np.ptp(seen_in(env), axis=2)
    assert np.corrcoef(ours.ravel(), (theirs > 60).ravel())[0, 1] > 0.4


def test_the_window_of_rooms_moves_with_the_agent() -> None:
    env = make("Rooms")
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    places, alike = set(), []
    for _ in range(60):
        wall = (observation == np.array([96, 104, 132])[:, None, None]).all(0)
        left, top, width, height = sight_of(env) or (0, 0, 0, 0)
        places.add((left, top))
        if left >= 0 and top >= 80 and left + width <= 480 and top + height <= 560 and wall.any():
            plain = wall | (observation.max(0) < 30)  # walls and floors
            alike.append(np.corrcoef(seen_in(env).mean(2)[plain], wall[plain])[0, 1])
        observation, *_ = env.step(env.action_space.sample())
    assert len(places) > 3
    assert len(alike) > 3
    assert np.median(alike) > 0.8


def test_the_walker_of_the_t_maze_is_in_the_middle_of_what_it_sees() -> None:
    env = make("TMaze", length=20)
    env.reset(seed=0)
    for action in [0, 0, 0, 0]:
        env.step(action)
        seen = seen_in(env)
        assert seen[18:22, 18:22].mean() > 180  # the walker is white
        assert np.argwhere(seen.mean(2) > 180).mean(0) == pytest.approx([19.5, 19.5], abs=1)


def test_maze3d_shows_people_less_above_and_below() -> None:
    env = make("Maze3D")
    env.reset(seed=0)
    assert sight_of(env) == (0, -120, 640, 640)


def test_cart_and_joint_are_where_the_agent_sees_them() -> None:
    env = make("CartPole")
    observation, _ = env.reset(seed=0)
    for _ in range(8):
        observation, *_ = env.step(1)
    people = seen_in(env)
    carts = [
        np.argwhere(blue - red > 60)
        for red, _, blue in (observation.astype(float), people.transpose(2, 0, 1))
    ]
    (ours, first), (theirs, other) = ((cart[:, 1].mean(), cart[:, 0].min()) for cart in carts)
    assert theirs == pytest.approx(ours, abs=0.6)
    assert abs(first - other) <= 1


class Plain(gym.Env[Any, Any]):
    observation_space, action_space = spaces.Box(0, 255, (8, 8, 3), np.uint8), spaces.Discrete(2)


def test_others_see_the_whole_picture() -> None:
    assert sight_of(Plain()) is None
    assert sight_of(gym.make("CartPole-v1")) is None
