"""A small world of cells with a goal, a pit and walls: for the lesson about Q-learning."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

WORLD = (
    "......G",
    ".####.P",
    "....#..",
    ".##.#.#",
    ".#.....",
)
"""G is the goal (reward 1), P a pit (reward −1), # a wall; both ends of an episode"""
MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # up, right, down, left, as (row, column)
REWARDS = {"G": 1.0, "P": -1.0}
LIMIT = 50
"""steps of an episode, at most; only where agents of this package learn"""

Table = NDArray[np.float64]  # (rows, columns, actions)
Seen = NDArray[np.float32]  # (cells,)
CELLS = np.array([list(row) for row in WORLD])
FREE = [(int(row), int(column)) for row, column in np.argwhere(CELLS == ".")]


def move(cell: tuple[int, int], action: int) -> tuple[tuple[int, int], float, bool]:
    """Where an action leads, what it gives, and whether it ends the episode."""
    row, column = np.clip(np.array(cell) + MOVES[action], 0, np.array(CELLS.shape) - 1).tolist()
    if CELLS[row, column] == "#":
        return cell, 0.0, False
    reward = REWARDS.get(str(CELLS[row, column]), 0.0)
    return (row, column), reward, reward != 0


def exact(discount: float, sweeps: int = 100) -> Table:
    """What every action is truly worth, by going over all cells again and again (value iteration)."""
    table = np.zeros((*CELLS.shape, len(MOVES)))
    for _ in range(sweeps):
        for cell in FREE:
            for action in range(len(MOVES)):
                after, reward, ended = move(cell, action)
                table[cell][action] = reward if ended else reward + discount * table[after].max()
    return table


class GridWorld(gymnasium.Env[Seen, np.int64]):
    """The same world for agents: the observation is 1 at the cell's place, 0 elsewhere."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 1, (CELLS.size,), np.float32)
        self.action_space = spaces.Discrete(len(MOVES))
        self.cell, self.steps = FREE[0], 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Seen, dict[str, Any]]:
        """Begin in a random cell."""
        super().reset(seed=seed)
        self.cell, self.steps = FREE[self.np_random.integers(len(FREE))], 0
        return seen(self.cell), {}

    def step(self, action: np.int64) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        """Move; after too many steps the episode is cut short."""
        self.cell, reward, ended = move(self.cell, int(action))
        self.steps += 1
        return seen(self.cell), reward, ended, self.steps >= LIMIT, {}


def seen(cell: tuple[int, int]) -> Seen:
    """A cell as a network sees it: (cells,)."""
    observation = np.zeros(CELLS.shape, np.float32)
    observation[cell] = 1
    return observation.reshape(-1)
