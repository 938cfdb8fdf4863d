"""Snake: how it moves, grows and ends, against rules written down by hand and a slow snake."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.snake import APPLE, BODY, DEAD, EMPTY, HEAD, LARGEST, SMALLEST, STEPS, TAIL, WALL, Snake

UP, RIGHT, DOWN, LEFT = range(4)
Cell = tuple[int, int]


def batch(num_envs: int = 1, seed: int = 0, **arguments: Any) -> Snake:
    env = Snake(num_envs, **arguments)
    env.reset(seed=seed)
    return env


def place(env: Snake, snake: list[Cell], apple: Cell | None) -> None:
    """Put a snake, from tail to head in rows and columns from 0, and an apple on all boards."""
    board = env.cells.reshape(-1, env.side, env.side)
    board[:, 1:-1, 1:-1] = EMPTY
    ways = [STEPS.index((b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(snake)]
    kinds = [TAIL + ways[0]]
    kinds += [BODY + 4 * into + out for into, out in itertools.pairwise(ways)]
    kinds += [HEAD + ways[-1]]
    for (row, column), kind in zip(snake, kinds, strict=True):
        board[:, row + 1, column + 1] = kind
    env.tail[...], env.head[...] = number(env, snake[0]), number(env, snake[-1])
    env.apple[...] = env.head if apple is None else number(env, apple)
    env.length[...] = len(snake)
    if apple is not None:
        board[:, apple[0] + 1, apple[1] + 1] = APPLE
    env.load_state_dict(env.state_dict())  # draws the pictures of what was set


def number(env: Snake, cell: Cell) -> int:
    return (cell[0] + 1) * env.side + cell[1] + 1


def cell(env: Snake, place: Any) -> Cell:
    return int(place) // env.side - 1, int(place) % env.side - 1


def snake_of(env: Snake, one: int = 0) -> list[Cell]:
    return [cell(env, part) for part in env.body(one)]


def go(env: Snake, *actions: int) -> tuple[list[float], list[bool]]:
    """Rewards and flags of termination of the first episode."""
    steps = [env.step(np.full(env.num_envs, action)) for action in actions]
    return [float(step[1][0]) for step in steps], [bool(step[2][0]) for step in steps]


def by_hand(snake: list[Cell], apple: Cell | None, size: int = 8, **arguments: Any) -> Snake:
    env = batch(size=size, autoreset_mode="Disabled", **arguments)
    place(env, snake, apple)
    return env


# The rules by hand


def test_the_snake_eats_and_grows() -> None:
    env = by_hand([(4, 2), (4, 3), (4, 4)], apple=(3, 5))
    assert go(env, RIGHT) == ([0], [False])
    assert snake_of(env) == [(4, 3), (4, 4), (4, 5)]
    assert go(env, UP) == ([1], [False])
    assert snake_of(env) == [(4, 3), (4, 4), (4, 5), (3, 5)]  # the tail stays for the step
    assert env.length.tolist() == [4]
    assert cell(env, env.apple[0]) not in snake_of(env)
    place(env, snake_of(env), apple=(0, 0))
    assert go(env, LEFT) == ([0], [False])
    assert snake_of(env) == [(4, 4), (4, 5), (3, 5), (3, 4)]


@pytest.mark.parametrize("heading", [UP, RIGHT, DOWN, LEFT])
def test_a_reversal_goes_straight_on(heading: int) -> None:
    down, right = STEPS[heading]
    env = by_hand([(4 + down * i, 4 + right * i) for i in range(3)], apple=(0, 0))
    assert go(env, (heading + 2) % 4) == ([0], [False])
    assert snake_of(env)[-1] == (4 + 3 * down, 4 + 3 * right)


@pytest.mark.parametrize("heading", [UP, RIGHT, DOWN, LEFT])
def test_the_wall_ends_the_episode(heading: int) -> None:
    down, right = STEPS[heading]
    env = by_hand([(3 + down * i, 3 + right * i) for i in range(3)], apple=(0, 0))
    straight = 2 if heading in (RIGHT, DOWN) else 1
    rewards, terminated = go(env, *[heading] * (straight + 1))
    assert rewards == [0] * straight + [-1]
    assert terminated == [False] * straight + [True]
    assert env.cells[0, env.head[0]] == DEAD
    assert len(snake_of(env)) == 3


def test_a_snake_may_follow_its_tail() -> None:
    """In a square of four cells the head always enters the cell that the tail leaves in that step."""
    env = by_hand([(1, 1), (1, 2), (2, 2), (2, 1)], apple=(0, 0), size=4)
    rewards, terminated = go(env, *[UP, RIGHT, DOWN, LEFT] * 5)
    assert (set(rewards), set(terminated)) == ({0.0}, {False})
    assert snake_of(env) == [(1, 1), (1, 2), (2, 2), (2, 1)]


def test_a_snake_longer_by_one_bites_itself_there() -> None:
    env = by_hand([(0, 1), (1, 1), (1, 2), (2, 2), (2, 1)], apple=(3, 3), size=4)
    assert go(env, UP) == ([-1], [True])
    assert snake_of(env) == [(0, 1), (1, 1), (1, 2), (2, 2), (2, 1)]


def test_the_tail_does_not_give_way_while_the_snake_grows() -> None:
    env = by_hand([(0, 0), (0, 1), (1, 1)], apple=(1, 0), size=4)
    assert go(env, LEFT) == ([1], [False])  # a square of four now, its tail where it was
    assert snake_of(env) == [(0, 0), (0, 1), (1, 1), (1, 0)]
    place(env, snake_of(env), apple=(3, 3))
    assert go(env, UP) == ([0], [False])


def spiral(size: int) -> list[Cell]:
    """All cells of the board, row after row, back and forth."""
    return [
        (row, column if row % 2 == 0 else size - 1 - column) for row in range(size) for column in range(size)
    ]


@pytest.mark.parametrize("obs", ["pixels", "features"])
@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
@pytest.mark.parametrize("size", [4, 5, 8])
def test_the_full_board_is_a_win(size: int, mode: str, obs: str) -> None:
    path = spiral(size)
    env = batch(size=size, obs=obs, autoreset_mode=mode)
    place(env, path[:-2], apple=path[-2])
    last = LEFT if size % 2 == 0 else RIGHT
    assert go(env, last) == ([1], [False])
    assert cell(env, env.apple[0]) == path[-1]  # the only free cell
    observation, reward, terminated, _, infos = env.step(np.array([last]))
    assert (reward.tolist(), terminated.tolist()) == ([1.0], [True])
    assert infos.get("final_obs", observation)[0] in env.single_observation_space
    if mode == "Disabled":
        assert snake_of(env) == path
        assert env.picture().std() > 5
        env.advance(np.array([last]))  # rows of ended episodes may be advanced
    else:
        assert env.length.tolist() == [3]


def test_episodes_start_in_the_middle_to_the_right() -> None:
    for size in range(SMALLEST, LARGEST + 1):
        env = batch(size=size)
        middle = size // 2
        assert snake_of(env) == [(middle, middle - 2), (middle, middle - 1), (middle, middle)]
        assert env.cells[0, env.head[0]] == HEAD + RIGHT


# Apples


def assert_uniform(counts: np.ndarray) -> None:
    expected = counts.sum() / counts.size
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    degrees = counts.size - 1
    assert abs(chi_squared - degrees) < 4 * (2 * degrees) ** 0.5


def test_the_first_apple_is_dealt_uniformly_to_the_free_cells() -> None:
    env = batch(30_000, obs="features")
    free = np.setdiff1d(np.flatnonzero(env.cells[0] != WALL), env.body(0))
    counts = np.bincount(env.apple, minlength=100)
    assert counts.sum() == counts[free].sum()
    assert free.size == 61
    assert_uniform(counts[free])


def test_the_next_apple_is_dealt_uniformly_around_any_snake() -> None:
    """Boards with different numbers of free cells are dealt to in the same step."""
    env = batch(40_000, obs="features", size=4, autoreset_mode="Disabled")
    long = spiral(4)[:11]
    place(env, long[:-1], apple=long[-1])
    other = batch(1, size=4)
    place(other, [(3, 1), (2, 1), (2, 2)], apple=(2, 3))
    for name in env.state_names:
        getattr(env, name)[1::2] = getattr(other, name)
    _, reward, _, _, _ = env.step(np.full(40_000, RIGHT))
    assert (reward == 1).all()
    for snake, rows in ((long, slice(0, None, 2)), ([(3, 1), (2, 1), (2, 2), (2, 3)], slice(1, None, 2))):
        free = [number(env, place) for place in spiral(4) if place not in snake]
        counts = np.bincount(env.apple[rows], minlength=36)
        assert counts.sum() == counts[free].sum() == 20_000
        assert_uniform(counts[free])


# Any actions


class SlowSnake:
    """One snake as one would write it first; told where the apples are."""

    def __init__(self, size: int, snake: list[Cell]) -> None:
        self.size, self.parts = size, deque(snake)

    def step(self, action: int, apple: Cell) -> tuple[float, bool]:
        head, neck = self.parts[-1], self.parts[-2]
        if (head[0] + STEPS[action][0], head[1] + STEPS[action][1]) == neck:
            action = (action + 2) % 4
        target = (head[0] + STEPS[action][0], head[1] + STEPS[action][1])
        if target == apple:
            self.parts.append(target)
            return 1.0, len(self.parts) == self.size**2
        self.parts.popleft()
        if target in self.parts or not (0 <= target[0] < self.size and 0 <= target[1] < self.size):
            return -1.0, True
        self.parts.append(target)
        return 0.0, False


@settings(max_examples=40)
@given(size=st.integers(SMALLEST, LARGEST), seed=st.integers(0, 2**31), wild=st.floats(0, 1))
def test_it_equals_a_slow_snake_and_its_picture_follows_from_the_state(
    size: int, seed: int, wild: float
) -> None:
    """Played by the expert, so that snakes grow, with some random moves."""
    env, rng = batch(3, seed, size=size), np.random.default_rng(seed)
    observation = env.observation()
    slow = [SlowSnake(size, snake_of(env, one)) for one in range(3)]
    for _ in range(60):
        actions = np.where(rng.random(3) < wild, rng.integers(0, 4, 3), env.expert(observation, {}))
        apples = [cell(env, apple) for apple in env.apple]
        observation, rewards, terminated, _, _ = env.step(actions)
        env.repaint(anew := np.full((3, 3, 40, 40), 9, np.uint8), np.ones(3, np.bool_))
        np.testing.assert_array_equal(observation, anew)
        for one in range(3):
            expected = slow[one].step(int(actions[one]), apples[one])
            assert (rewards[one], bool(terminated[one])) == expected
            if expected[1]:
                slow[one] = SlowSnake(size, snake_of(env, one))
            check_board(env, one, list(slow[one].parts))


def check_board(env: Snake, one: int, snake: list[Cell]) -> None:
    """The linked cells are this snake, and beside it there are one apple, nothing and the wall."""
    assert snake_of(env, one) == snake
    board = env.cells[one].reshape(env.side, env.side)
    assert (board[1:-1, 1:-1] > DEAD).sum() == len(snake) == env.length[one]
    assert [cell(env, place) for place in np.flatnonzero(env.cells[one] == APPLE)] == [
        cell(env, env.apple[one])
    ]
    inside = np.zeros_like(board, np.bool_)
    inside[1:-1, 1:-1] = True
    np.testing.assert_array_equal(board == WALL, ~inside)


# What is seen


def test_one_picture_tells_the_way_of_the_snake_through_its_cells() -> None:
    around = [(1, 1), (2, 1), (2, 2), (1, 2)]
    square = [around[i:] + around[:i] for i in range(4)]
    square += [snake[::-1] for snake in square]
    # The same cells with the same head and tail.
    block = [
        [(1, 1), (1, 2), (2, 2), (2, 3), (1, 3), (1, 4), (2, 4), (3, 4), (3, 3), (3, 2), (3, 1), (2, 1)],
        [(1, 1), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4), (3, 3), (2, 3), (2, 2), (3, 2), (3, 1), (2, 1)],
    ]
    for snakes in (square, block):
        pictures = np.stack([by_hand(snake, apple=(5, 5)).observation()[0] for snake in snakes])
        assert len(np.unique(pictures, axis=0)) == len(snakes)


def test_pixels_by_hand() -> None:
    env = by_hand([(0, 0), (0, 1), (1, 1)], apple=(7, 7))
    picture = env.observation()[0].transpose(1, 2, 0)
    assert (picture[:4] == (110, 110, 130)).all()  # the wall, a cell of 4 × 4 pixels wide
    assert (picture[32:36, 32:36] == (255, 40, 40)).all()
    assert (picture[8:12, 8:12] == (240, 240, 80)).all()
    tail = [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]]
    assert (picture[4:8, 4:8].any(-1) == np.array(tail, np.bool_)).all()
    bend = [[0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 0]]
    assert (picture[4:8, 8:12].any(-1) == np.array(bend, np.bool_)).all()


def test_features_by_hand() -> None:
    env = by_hand([(1, 0), (1, 1), (0, 1), (0, 0)], apple=(3, 2), size=4, obs="features")
    expected = [1, 1, 0, 1, 0.75, 0.5, 0, -1, 0.25, 0, 0.25]  # the tail below the head gives way
    np.testing.assert_allclose(env.observation()[0], expected)


def test_the_expert_goes_around_itself_to_the_apple() -> None:
    snake = [(3, 5), (3, 4), (3, 3), (3, 2), (2, 2), (2, 3), (2, 4)]
    env = by_hand(snake, apple=(4, 4))
    rewards, observation = [], env.observation()
    while 1.0 not in rewards:
        observation, reward, _, _, _ = env.step(env.expert(observation, {}))
        rewards.append(reward[0])
    assert rewards == [0, 0, 0, 1]  # (2, 5), (3, 5), which the tail has left, (4, 5), (4, 4)


def test_the_expert_stays_alive_while_there_is_no_way_to_the_apple() -> None:
    """The snake shuts the apple off in the corner, until its own end opens a way."""
    snake = [(2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 3), (1, 3)]
    env = by_hand(snake, apple=(0, 0))
    observation, rewards = env.observation(), []
    for _ in range(20):
        observation, reward, _, _, _ = env.step(env.expert(observation, {}))
        rewards.append(reward[0])
        if reward[0]:
            break
    assert rewards[-1] == 1


def test_the_expert_wants_pixels() -> None:
    env = batch(2, obs="features")
    with pytest.raises(ValueError, match=r"Snake.*pixels"):
        env.expert(env.observation(), {})


@pytest.mark.parametrize("size", [SMALLEST - 1, LARGEST + 1, 0, -8, 8.0, "large", True])
def test_a_bad_size_is_named(size: Any) -> None:
    with pytest.raises(ValueError, match=f"Snake.*size.*{size}"):
        Snake(2, size=size)
