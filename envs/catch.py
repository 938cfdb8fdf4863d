"""Catch: balls fall, a paddle catches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.arguments import MANY, one_of, whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.options import CoreOptions
from envs.palette import (
    AMBER,
    AMBER_LIGHT,
    BLUE,
    BLUE_LIGHT,
    GREEN,
    GROUND,
    RED,
    SKY_BOTTOM,
    SKY_TOP,
    UPRIGHT,
    scoreboard,
)
from envs.pictures.tiles import Tiles, plain
from envs.sight import Area
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

SIZES = (4, 5, 8, 10, 20)
"""Rows and columns that divide 40 pixels into cells of at least two."""

EMPTY, PADDLE, BALL, CAUGHT = range(4)
# The ball alone is full of red, the paddle alone of blue, and a caught ball of both.
_COLORS = ((0, 0, 0), (40, 120, 255), (255, 170, 0), (255, 255, 255))

BOARD_LEFT, BOARD_TOP, BOARD_PX = 20, 100, 440  # of the picture for people


class Catch(BatchedEnv):
    """Catch the falling balls with the paddle.

    Balls fall one after the other, each a row a step; the paddle moves along the lowest row. Whether a move
    was good shows only when the ball arrives: the simplest delayed reward.

    ## Action space
    `Discrete(3)`:

    | action | effect                                |
    |--------|---------------------------------------|
    | 0      | move the paddle a column to the left  |
    | 1      | stay                                  |
    | 2      | move the paddle a column to the right |

    At the walls the paddle stays where it is.

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), the ball in orange, the paddle in blue, a ball that
    was just caught in white. One picture shows all but the number of balls left.

    `obs="features"`: `Box`, float32 of shape (3,).

    | number | quantity              | unit            | min | max |
    |--------|-----------------------|-----------------|-----|-----|
    | 0      | column of the ball    | -1 left, 1 right | -1  | 1   |
    | 1      | row of the ball       | -1 top, 1 bottom | -1  | 1   |
    | 2      | column of the paddle  | -1 left, 1 right | -1  | 1   |

    ## Reward
    1 when a ball arrives in the lowest row where the paddle is after its move, -1 when it arrives beside it,
    else 0. A return is between -`balls` and `balls`.

    ## Start
    The first ball is in the uppermost row and the paddle in the lowest, each in a column drawn uniformly.
    The step after a ball has arrived, the next one appears in the uppermost row in the same way. As there
    are no more columns than rows, the paddle can reach every ball in time from wherever it is.

    ## End
    - Terminated: the last ball has arrived, after `balls * rows - 1` steps, 99 by default.
    - Truncated: after 1000 steps; more balls ask for a larger `max_episode_steps`.

    ## Arguments
    | name    | default  | meaning                                                            |
    |---------|----------|--------------------------------------------------------------------|
    | obs     | "pixels" | "pixels" or "features"                                             |
    | balls   | 10       | balls in an episode, 1 to 10⁶                                      |
    | rows    | 10       | height of the grid: 4, 5, 8, 10 or 20                              |
    | columns | 10       | width of the grid: 4, 5, 8, 10 or 20, and not more than the rows   |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 8. The expert, which walks under the ball, reaches 10; random actions about -8.

    ## Versions
    - v0: the first one.
    """

    state_names = ("ball", "paddle", "left", "score")
    default_max_episode_steps = 1_000
    render_fps = 8
    picture_size = (480, 560)
    controls = Controls({"left": 0, "": 1, "right": 2, "left+right": 1}, ("left", "stay", "right"))
    actions = Discrete(3)
    feature_space = Box(-1, 1, (3,), np.float32)
    pixel_space = PIXELS

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "pixels",
        balls: int = 10,
        rows: int = 10,
        columns: int = 10,
        **core: Unpack[CoreOptions],
    ) -> None:
        self.balls = whole(self.name, "balls", balls, 1, MANY)
        self.rows, self.columns = (
            one_of(self.name, argument, size, SIZES)
            for argument, size in (("rows", rows), ("columns", columns))
        )
        if columns > rows:
            raise ValueError(f"{self.name}: columns must be at most rows ({rows}), got {columns!r}")
        super().__init__(num_envs, obs, **core)
        self._grid = rows * columns
        self._floor = self._grid - columns  # the first cell of the lowest row
        cells = np.zeros((2, num_envs), np.intp)  # row · columns + column
        self.paddle, self.ball = cells
        self.left = np.zeros(num_envs, np.int32)
        """Balls that have not arrived yet, (num_envs,)."""
        self.score = np.zeros(num_envs)
        """The sum of the rewards so far, (num_envs,)."""

        self._cells, self._first = cells, np.arange(num_envs) * self._grid
        self._old_and_new = np.zeros((4, num_envs), np.intp)  # cells in which a step changes the picture
        self._kinds = np.zeros((4, num_envs), np.intp)  # and what is there: nothing, nothing, paddle, ball
        self._kinds[2] = PADDLE
        atlas = np.stack([plain(color, 40 // rows, 40 // columns) for color in _COLORS])
        self._tiles = Tiles(atlas, rows, columns, num_envs)
        row, column = np.divmod(np.arange(self._grid), columns)
        self._scaled = np.stack([2 * column / (columns - 1) - 1, 2 * row / (rows - 1) - 1], 1)

    def spawn(self, who: Mask) -> None:
        column = self.rng.integers(0, self.columns, (2, np.count_nonzero(who)))
        self.ball[who] = column[0]
        self.paddle[who] = self._floor + column[1]
        self.left[who] = self.balls
        self.score[who] = 0

    def advance(self, action: Array) -> tuple[Array, Array]:
        np.add(self._cells, self._first, out=self._old_and_new[:2])
        self.paddle += action
        self.paddle -= 1
        np.maximum(self.paddle, self._floor, out=self.paddle)
        np.minimum(self.paddle, self._grid - 1, out=self.paddle)
        self.ball += self.columns
        gone = self.ball >= self._grid
        if new := np.count_nonzero(gone):
            self.ball[gone] = self.rng.integers(0, self.columns, new)
        np.add(self._cells, self._first, out=self._old_and_new[2:])
        arrived = self.ball >= self._floor
        self.left -= arrived
        reward = np.multiply(self.ball == self.paddle, 2.0)
        reward -= arrived
        self.score += reward
        return reward, self.left <= 0

    def features(self, out: Array) -> None:
        out[:, :2] = self._scaled.take(self.ball, axis=0)
        out[:, 2] = self._scaled[:, 0].take(self.paddle)

    def paint(self, pixels: Array) -> None:
        np.add(self.ball == self.paddle, BALL, out=self._kinds[3])  # CAUGHT = BALL + 1
        self._tiles.put(pixels, self._old_and_new, self._kinds)

    def repaint(self, pixels: Array, who: Mask) -> None:
        ball, paddle = self.ball[who], self.paddle[who]
        kinds = np.zeros((len(ball), self._grid), np.intp)
        each = np.arange(len(ball))
        kinds[each, paddle] = PADDLE
        kinds[each, ball] = BALL + (ball == paddle)
        self._tiles.lay(pixels, who, kinds)

    def draw(self, one: int, canvas: Canvas) -> None:
        wide, high = BOARD_PX / self.columns, BOARD_PX / self.rows
        row, column = divmod(int(self.ball[one]), self.columns)
        paddle = int(self.paddle[one]) - self._floor
        arrived, caught = row == self.rows - 1, self.ball[one] == self.paddle[one]
        canvas.fill(SKY_TOP, SKY_BOTTOM)
        canvas.rectangle(BOARD_LEFT - 8, BOARD_TOP - 8, BOARD_PX + 16, BOARD_PX + 16, UPRIGHT, radius=12)
        canvas.rectangle(BOARD_LEFT, BOARD_TOP, BOARD_PX, BOARD_PX, GROUND)
        for line in range(1, self.columns):
            canvas.rectangle(BOARD_LEFT + line * wide - 1, BOARD_TOP, 2, BOARD_PX, SKY_TOP)
        x, y = BOARD_LEFT + (paddle + 0.04) * wide, BOARD_TOP + (self.rows - 0.34) * high
        canvas.rectangle(x, y, 0.92 * wide, 0.3 * high, GREEN if caught else BLUE, radius=0.12 * high)
        canvas.rectangle(x + 4, y + 2, 0.92 * wide - 8, 0.08 * high, BLUE_LIGHT, radius=0.04 * high)
        radius = 0.36 * min(wide, high)
        # A caught ball rests on the paddle, a missed one lies on the ground.
        y = BOARD_TOP + (row + 0.66) * high - radius if caught else BOARD_TOP + (row + 0.5) * high
        x = BOARD_LEFT + (column + 0.5) * wide
        canvas.circle((x, y), radius, RED if arrived and not caught else AMBER)
        canvas.circle((x - 0.3 * radius, y - 0.3 * radius), 0.3 * radius, AMBER_LIGHT)
        scoreboard(canvas, int(self.score[one]))
        scoreboard(canvas, str(max(0, int(self.left[one]))), "BALLS LEFT", right=True)

    def sight(self, one: int) -> Area:
        return BOARD_LEFT, BOARD_TOP, BOARD_PX, BOARD_PX

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Walk under the ball."""
        if observation.ndim == 2:
            ball, paddle = observation[:, 0], observation[:, 2]
        else:
            cells = observation[:, :, :: 40 // self.rows, :: 40 // self.columns]  # a pixel of each
            lit = (cells[:, (0, 2)] == 255).any(2)  # (num_envs, ball and paddle, columns)
            ball, paddle = lit.argmax(2).T
        return 1 + np.sign(ball - paddle).astype(np.int64)


class CatchEnv(SingleEnv):
    batched = Catch
