"""Breakout: break a wall of bricks with a ball that must not be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.arguments import whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.experts.breakout import play, read, see
from envs.options import CoreOptions
from envs.pictures.breakout import (
    BALL_PIXELS,
    BRICK_HEIGHT,
    BRICK_PIXELS,
    BRICK_WIDTH,
    BRICKS_Y,
    CEILING,
    CELL_ROWS,
    CELLS_Y,
    COLORS,
    COLUMNS,
    FIELD_AREA,
    FIRST_ROW,
    FRONT,
    GREY,
    LIFE_ROWS,
    LOST,
    MAX_LIVES,
    MAX_ROWS,
    MIDDLE,
    PADDLE_LIMIT,
    PADDLE_ROWS,
    PADDLE_SPEED,
    REACH,
    SIDE,
    SPEED,
    ahead,
    beside,
    between_walls,
    draw_field,
)
from envs.sight import Area
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

ROUNDING = 1e-9  # so that a ball just before the paddle after one step is not taken to be behind it

_SERVED = (MIDDLE, 20.0, 0.0, SPEED, MIDDLE)  # x, y, vx, vy, paddle
_SERVED_WITHIN = (12.0, 0.6 * SPEED)  # of x and vx
_MOVES = np.array([-PADDLE_SPEED, 0.0, PADDLE_SPEED])


class Breakout(BatchedEnv):
    """Keep the ball in play with the paddle and break all bricks of the wall.

    ## Action space
    `Discrete(3)`:

    | action | effect                              |
    |--------|-------------------------------------|
    | 0      | move the paddle left by 2 pixels    |
    | 1      | stay                                |
    | 2      | move the paddle right by 2 pixels   |

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40): the ball white, the paddle cyan, each row of bricks in
    its colour, a mark above the wall for each life. Only two pictures show where the ball flies.

    `obs="features"`: `Box`, float32 of shape (6 + 10 * rows,), all in [-1, 1].

    | number | quantity                                      | unit                            |
    |--------|-----------------------------------------------|---------------------------------|
    | 0, 1   | x, y of the ball, from the picture's middle   | 20 pixels; y points down        |
    | 2, 3   | velocity of the ball along x and y            | 1.9 pixels a step               |
    | 4      | x of the paddle, from the middle              | 20 pixels                       |
    | 5      | lives left                                    | all of them                     |
    | 6...   | bricks, row by row from above                 | 1 for a brick, 0 where it broke |

    ## Reward
    1 for each broken brick, of whatever colour.

    ## Rules
    The paddle moves first, then the ball: sideways, then up or down. It breaks the brick that it runs into on
    either way (of two, the one that more of its side meets) and turns back from there. Walls and paddle
    reflect it at the exact time within the step. Off the paddle its angle depends on the place alone:
    straight up from the middle, 45° from the ends.

    Along y the ball always makes 1.9 pixels a step, so it cannot be caught between walls: it breaks bricks,
    one fewer each time, or is back at the paddle within some 35 steps, where the player decides on its way.

    ## Start
    A wall of 10 * `rows` bricks and the paddle in the middle. The ball is served from below the bricks,
    downwards, from a random place and at a random angle; so it is after each ball lost.

    ## End
    - Terminated: all bricks are broken, or the last life is lost.
    - Truncated: after 5,000 steps.

    ## Arguments
    | name   | default    | meaning                                     |
    |--------|------------|---------------------------------------------|
    | rows   | 5          | of bricks, at most 6                        |
    | lives  | 3          | the game ends with the last; at most 10     |
    | obs    | "pixels"   | "pixels" or "features"                      |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 45. The expert, who aims at bricks that are left, breaks all 50 from either
    observation, in some 1,050 steps; random actions break 1.5. A paddle that keeps its middle below the ball
    breaks 49.9 in 2,900 steps; one that keeps 1 or 2 pixels aside breaks 41 to 42 before the time is over.

    ## Versions
    - v0: the first one.
    """

    state_names = ("state", "bricks", "lives")
    default_max_episode_steps = 5_000
    render_fps = 18
    picture_size = (480, 528)
    controls = Controls({"left": 0, "": 1, "right": 2, "left+right": 1}, ("left", "stay", "right"))
    actions = Discrete(3)
    pixel_space = PIXELS

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "pixels",
        rows: int = 5,
        lives: int = 3,
        **core: Unpack[CoreOptions],
    ) -> None:
        self.rows = whole(self.name, "rows", rows, 1, MAX_ROWS)
        self.full_lives = whole(self.name, "lives", lives, 1, MAX_LIVES)
        self.feature_space = Box(-1, 1, (6 + COLUMNS * self.rows,), np.float32)
        super().__init__(num_envs, obs, **core)
        quantities = np.zeros((5, num_envs))  # x, y, vx, vy, paddle
        self.state = quantities.T  # (num_envs, 5), a view as everything below
        self._flight, self._paddle = quantities[:4], quantities[4]
        self._ball, self._velocity = quantities[:2], quantities[2:4]
        self._cells = np.zeros((num_envs, CELL_ROWS, COLUMNS), np.bool_)
        self._flat_cells = self._cells.reshape(-1)
        self.bricks = self._cells[:, FIRST_ROW : FIRST_ROW + self.rows]  # (num_envs, rows, columns)
        self.lives = np.zeros(num_envs, np.int32)
        self._colors = np.array(COLORS[: self.rows], np.uint8).T.repeat(BRICK_HEIGHT, 1)[:, :, None]
        # Below the first of these heights no brick is met, above the second no paddle.
        self._bricks_end = BRICKS_Y + BRICK_HEIGHT * self.rows + 1 + SPEED
        free = (self._bricks_end + FRONT) / 2
        self._centers = np.array([[MIDDLE], [free]])
        self._limits = np.array([[SIDE], [FRONT - free]])
        self._distance = np.zeros((2, num_envs))
        self._eventful = np.zeros((2, num_envs), np.bool_)
        self._broken = np.zeros(0, np.intp)  # flat cells, in this step
        self._first_pixel = np.arange(num_envs) * 4800
        self._drawn = np.zeros(num_envs, np.intp)  # the ball's upper left pixel in the flat screen

    def spawn(self, who: Mask) -> None:
        self.bricks[who] = True
        self.lives[who] = self.full_lives
        self._serve(np.flatnonzero(who))

    def _serve(self, rows: Array) -> None:
        self.state[rows] = _SERVED
        self.state[rows, :3:2] += self.rng.uniform(-1, 1, (rows.size, 2)) * _SERVED_WITHIN

    def advance(self, action: Array) -> tuple[Array, Array]:
        self._paddle += _MOVES.take(action)
        np.minimum(self._paddle, MIDDLE + PADDLE_LIMIT, out=self._paddle)
        np.maximum(self._paddle, MIDDLE - PADDLE_LIMIT, out=self._paddle)
        self._ball += self._velocity
        np.subtract(self._ball, self._centers, out=self._distance)
        np.abs(self._distance, out=self._distance)
        np.greater_equal(self._distance, self._limits, out=self._eventful)
        reward, terminated = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        self._broken = self._broken[:0]
        sides, ends = self._eventful
        if (rows := sides.nonzero()[0]).size:
            self._flight[::2, rows] = between_walls(*self._flight[::2, rows])
        if (rows := ends.nonzero()[0]).size:
            low = self._ball[1, rows] >= FRONT
            if (near := rows[~low]).size:
                self._meet_bricks(near, reward, terminated)
            if (low := rows[low]).size:
                self._meet_paddle(low, terminated)
        return reward, terminated

    def _meet_bricks(self, rows: Array, reward: Array, terminated: Array) -> None:
        x, y, vx, vy = self._flight[:, rows]
        first_cell = rows * (CELL_ROWS * COLUMNS)
        # Sideways, at the height where the step began.
        column, heading = ahead(x, vx, 0, BRICK_WIDTH)
        cells = (beside(y - vy, CELLS_Y, BRICK_HEIGHT) * COLUMNS + column) + first_cell
        met = self._flat_cells[cells]
        if (hit := met[0] | met[1]).any():
            self._break(cells, hit)
            x = np.where(hit, column * BRICK_WIDTH + 2 - 3 * heading, x)
            self._flight[::2, rows] = x, np.where(hit, -vx, vx)
        # Up or down, where that led.
        if (up := y < CEILING).any():
            y, vy = np.where(up, 2 * CEILING - y, y), np.where(up, -vy, vy)
            self._flight[1::2, rows] = y, vy
        row, heading = ahead(y, vy, CELLS_Y, BRICK_HEIGHT)
        cells = (row * COLUMNS + beside(x, 0, BRICK_WIDTH)) + first_cell
        met = self._flat_cells[cells]
        if (hit := met[0] | met[1]).any():
            self._break(cells, hit)
            y = np.where(hit, CELLS_Y + row * BRICK_HEIGHT + 1 - 2 * heading, y)
            self._flight[1::2, rows] = y, np.where(hit, -vy, vy)
        if self._broken.size:
            broke = self._broken // (CELL_ROWS * COLUMNS)
            np.add.at(reward, broke, 1)
            terminated[broke] = ~self.bricks[broke].any((1, 2))

    def _break(self, cells: Array, hit: Array) -> None:
        """Break one brick of two neighbouring `cells` (2, some), where `hit` (some,)."""
        nearer, farther = cells[:, hit]
        broken = np.where(self._flat_cells[nearer], nearer, farther)
        self._flat_cells[broken] = False
        self._broken = np.concatenate((self._broken, broken))

    def _meet_paddle(self, rows: Array, terminated: Array) -> None:
        """Reflect balls that flew through the front of the paddle, as if stopped at that time."""
        x, y, vx, vy = self._flight[:, rows]
        since = (y - FRONT) / SPEED  # steps since the ball met the front
        at, _ = between_walls(x - vx * since, vx)  # if a wall came later
        offset = at - self._paddle[rows]
        hit = (vy > 0) & (since < 1 + ROUNDING) & (np.abs(offset) <= REACH)
        if hit.any():
            away = offset * (SPEED / REACH)
            back, back_vx = between_walls(at + away * since, away)
            back = np.stack((back, FRONT - SPEED * since, back_vx, -vy))
            self._flight[:, rows[hit]] = back[:, hit]
        if (lost := rows[~hit & (y > LOST)]).size:
            self._lose(lost, terminated)

    def _lose(self, rows: Array, terminated: Array) -> None:
        self.lives[rows] = np.maximum(self.lives[rows] - 1, 0)  # 0: of an episode that has ended
        self._ball[1, rows] = LOST  # where it is seen if the game is over
        terminated[rows] = over = self.lives[rows] == 0
        if not over.all():
            self._serve(rows[~over])

    def features(self, out: Array) -> None:
        np.divide(self.state[:, :2], 20, out=out[:, :2], casting="same_kind")
        np.divide(self.state[:, 2:4], SPEED, out=out[:, 2:4], casting="same_kind")
        np.divide(self._paddle, 20, out=out[:, 4], casting="same_kind")
        out[:, [0, 1, 4]] -= 1
        np.divide(self.lives, self.full_lives, out=out[:, 5], casting="same_kind")
        out[:, 6:].reshape(self.bricks.shape)[...] = self.bricks

    def paint(self, pixels: Array) -> None:
        flat = pixels.reshape(-1)
        flat[self._drawn[:, None] + BALL_PIXELS] = 0
        if self._broken.size:
            env, cell = np.divmod(self._broken, CELL_ROWS * COLUMNS)
            row, column = np.divmod(cell, COLUMNS)
            place = env * 4800 + (CELLS_Y + row * BRICK_HEIGHT) * 40 + column * BRICK_WIDTH
            flat[place[:, None] + BRICK_PIXELS] = 0
        self._paint(pixels, slice(None))

    def repaint(self, pixels: Array, who: Mask) -> None:
        rows = np.flatnonzero(who)
        pixels[rows] = 0
        pixels[rows, :, 2] = np.array(GREY)[:, None]
        lit = self.bricks[rows].repeat(BRICK_WIDTH, 2).repeat(BRICK_HEIGHT, 1)  # (some, 2 · rows, 40)
        pixels[rows, :, BRICKS_Y : BRICKS_Y + BRICK_HEIGHT * self.rows] = self._colors * lit[:, None]
        self._paint(pixels, rows)

    def _paint(self, pixels: Array, who: Array | slice) -> None:
        pixels[who, :, :2] = LIFE_ROWS[self.lives[who]][:, :, None]
        paddle = ((self._paddle[who] - 4) / 2).astype(np.intp)
        pixels[who, :, 37:39] = PADDLE_ROWS[paddle][:, :, None]
        column, row = np.rint(self._ball[:, who] - 1).astype(np.intp)
        self._drawn[who] = place = self._first_pixel[who] + row * 40 + column
        pixels.reshape(-1)[place[:, None] + BALL_PIXELS] = 255

    def draw(self, one: int, canvas: Canvas) -> None:
        *flight, paddle = self.state[one].tolist()
        draw_field(canvas, flight, paddle, self.bricks[one], int(self.lives[one]))

    def sight(self, one: int) -> Area:
        return FIELD_AREA

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Be where the ball comes down, and hit it with the part of the paddle that sends it to a brick."""
        seen = see(observation, self.rows, memory) if observation.ndim == 4 else read(observation, self.rows)
        return play(seen, memory)


class BreakoutEnv(SingleEnv):
    batched = Breakout
