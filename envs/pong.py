"""Pong: table tennis against a scripted opponent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs import palette
from envs.arguments import MANY, number, whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.experts.episodes import begins
from envs.experts.tracking import mirror, track
from envs.options import CoreOptions
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

# Lengths are pixels of the small picture, from its middle; x to the right, y down.
FRONT = 15.0  # where the middle of the ball meets the front of a paddle
WALL = 18.0  # where it meets a wall
OUT = 19.0  # beyond: the point is over
HALF_PADDLE, REACH = 3.0, 4.0  # the ball, of 2 × 2, is hit up to REACH from the middle of a paddle
PADDLE_LIMIT = 16.0
ROUNDING = 1e-9  # a ball that ended a step exactly at the front is met in the next one
PADDLE_SPEED = 2.0  # a step
SERVE_SPEED, SPEED_UP, TOP_SPEED = 2.0, 0.2, 5.0  # along x
AIM = 2.5  # how far from the middle of its paddle the opponent may mean to hit the ball
STEEPEST = 1.2  # vy / vx off the end of a paddle
SERVE_SLOPE, SERVE_PLACE = 0.5, 8.0

BALL, OURS, THEIRS, GREY = (255, 255, 255), (60, 200, 120), (255, 120, 40), (90, 90, 100)

_MOVES = np.array([0.0, -PADDLE_SPEED, PADDLE_SPEED])
_LIMITS = np.array([[FRONT], [WALL]])
_SCALE = np.array([20, 20, TOP_SPEED, TOP_SPEED * STEEPEST, 20, 20])
_BALL_PIXELS = np.array([c * 1600 + r * 40 + d for c in range(3) for r in (0, 1) for d in (0, 1)])


def _paddles(color: tuple[int, int, int]) -> Array:
    """Two columns, as one of 16-bit pixels, with the paddle at each of 33 heights: (33, 3, 38)."""
    lit = np.abs(np.arange(38) - 18.5 - np.arange(-16, 17)[:, None]) < HALF_PADDLE  # (33, 38)
    return lit[:, None] * (np.array(color, np.uint16)[:, None] * 257)


_PADDLES = np.concatenate([_paddles(THEIRS), _paddles(OURS)]).astype(np.uint16)


class Pong(BatchedEnv):
    """Play table tennis on the right-hand side; win points by getting the ball past the opponent.

    ## Action space
    `Discrete(3)`:

    | action | effect                             |
    |--------|------------------------------------|
    | 0      | stay                               |
    | 1      | move the paddle up by 2 pixels     |
    | 2      | move the paddle down by 2 pixels   |

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40): the own paddle green on the right, the opponent's
    orange on the left, the ball white. One picture does not show where the ball flies; two do.

    `obs="features"`: `Box`, float32 of shape (6,), all in [-1, 1]. The middle of the court is (0, 0), a unit
    20 pixels; y points down.

    | number | quantity                        | unit                  |
    |--------|---------------------------------|-----------------------|
    | 0, 1   | x, y of the ball                | 20 pixels             |
    | 2      | velocity of the ball along x    | 5 pixels a step       |
    | 3      | velocity of the ball along y    | 6 pixels a step       |
    | 4      | y of the opponent's paddle      | 20 pixels             |
    | 5      | y of the own paddle             | 20 pixels             |

    ## Reward
    1 for a point won, -1 for a point lost.

    ## Rules
    Paddles move first, then the ball. The ball is reflected at the walls. Where it meets the front of a
    paddle it flies back at an angle that depends on the place: straight from the middle, with 1.2 pixels up
    or down for each one along x from the ends. Impacts are computed at their exact time within the step. Each
    hit makes the ball faster along x by 0.2, from 2 to at most 5 pixels a step: 15 to 6 steps from paddle to
    paddle, so that no rally lasts. The opponent follows the ball's height at `2 * skill` pixels a step and
    means to hit it with a part of its paddle that it chooses at random for each of its shots.

    ## Start
    Paddles in the middle. The ball starts on the middle line at a random height, to a random side, at a
    random angle; so does every point.

    ## End
    - Terminated: a player has `points` points.
    - Truncated: after 10,000 steps. Games to 21 are over long before: those of random actions last 520
      steps, the expert's 930, those of a player who only returns balls, straight, at most about 4,300 (6,600
      against `skill=1`). Many more `points` may want a larger limit.

    ## Arguments
    | name   | default   | meaning                                                        |
    |--------|-----------|----------------------------------------------------------------|
    | points | 21        | who has so many first wins the game; 1 to 10⁶                  |
    | skill  | 0.6       | of the opponent: 0 stands still, 1 is as quick as the player   |
    | obs    | "pixels"  | "pixels" or "features"                                         |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 17. The expert, who places its shots away from the opponent, reaches 21.0 from either
    observation; random actions -16.8. A paddle that keeps its middle at the ball's height reaches 9 to 13,
    depending on how soon it moves, and one that keeps a constant 2 or 3 pixels aside of it, so as to hit it
    at an angle, at most 16.5. To wait where the ball will arrive and return it straight from the middle of
    the paddle gives 17.0, from 2 pixels aside 20.8.

    ## Versions
    - v0: the first one.
    """

    state_names = ("state", "scores")
    default_max_episode_steps = 10_000
    render_fps = 30
    controls = Controls({"": 0, "up": 1, "down": 2, "up+down": 0}, ("stay", "up", "down"))
    actions = Discrete(3)
    feature_space = Box(-1, 1, (6,), np.float32)
    pixel_space = PIXELS

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "pixels",
        points: int = 21,
        skill: float = 0.6,
        **core: Unpack[CoreOptions],
    ) -> None:
        self.points = whole(self.name, "points", points, 1, MANY)
        self.skill = number(self.name, "skill", skill, 0, 1)
        super().__init__(num_envs, obs, **core)
        quantities = np.zeros((7, num_envs))  # x, y, vx, vy, their paddle, our paddle, their aim
        self.state = quantities.T  # (num_envs, 7), a view as everything below
        self._ball, self._velocity, self._paddles = quantities[:2], quantities[2:4], quantities[4:6]
        self._aim = quantities[6]
        self.scores = np.zeros((num_envs, 2), np.int32)  # theirs, ours
        self._moves = np.zeros((2, num_envs))
        self._distance = np.zeros((2, num_envs))
        self._beyond = np.zeros((2, num_envs), np.bool_)
        self._first_pixel = np.arange(num_envs) * 4800
        self._drawn = np.zeros(num_envs, np.int64)  # the ball's upper left pixel in the flat screen

    def spawn(self, who: Mask) -> None:
        self.state[who, 4:6] = 0
        self.scores[who] = 0
        self._serve(np.flatnonzero(who))

    def _serve(self, rows: Array) -> None:
        side, place, slope, aim = self.rng.uniform(-1, 1, (4, rows.size))
        vx = np.copysign(SERVE_SPEED, side)
        state = (0 * side, place * SERVE_PLACE, vx, slope * SERVE_SLOPE * SERVE_SPEED)
        self.state[rows, :4] = np.stack(state, 1)
        self._aim[rows] = aim * AIM

    def advance(self, action: Array) -> tuple[Array, Array]:
        self._move_paddles(action)
        self._ball += self._velocity
        np.abs(self._ball, out=self._distance)
        np.greater(self._distance, _LIMITS, out=self._beyond)
        reward, terminated = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        rows = (self._beyond[0] | self._beyond[1]).nonzero()[0]
        if rows.size:
            self._bounce(rows)
            out = rows[np.abs(self._ball[0, rows]) > OUT]
            if out.size:
                self._score(out, reward, terminated)
        return reward, terminated

    def _move_paddles(self, action: Array) -> None:
        theirs, top = self._moves[0], PADDLE_SPEED * self.skill
        np.add(self._ball[1], self._aim, out=theirs)
        theirs -= self._paddles[0]
        np.minimum(theirs, top, out=theirs)
        np.maximum(theirs, -top, out=theirs)
        _MOVES.take(action, out=self._moves[1], mode="clip")  # "clip" as "raise" would buffer
        self._paddles += self._moves
        np.minimum(self._paddles, PADDLE_LIMIT, out=self._paddles)
        np.maximum(self._paddles, -PADDLE_LIMIT, out=self._paddles)

    def _bounce(self, rows: Array) -> None:
        """Reflect balls that are beyond a front or a wall, as if stopped at the time of the impact."""
        (x, y), (vx, vy) = self._ball[:, rows], self._velocity[:, rows]
        speed = np.abs(vx)
        since = (np.abs(x) - FRONT) / speed  # steps since the ball met the front
        at = _reflected(y - vy * since)  # a wall may have come before
        ours = (vx > 0).astype(np.intp)
        offset = at - self._paddles[ours, rows]
        hit = (since > 0) & (since <= 1 + ROUNDING) & (np.abs(offset) <= REACH)
        faster = np.minimum(speed + SPEED_UP, TOP_SPEED)
        back = np.copysign(faster, -vx)
        steep = offset * (STEEPEST / REACH) * faster
        self._ball[0, rows] = np.where(hit, np.copysign(FRONT, vx) + back * since, x)
        y = np.where(hit, at + steep * since, y)
        vy = np.where(hit, steep, vy)
        self._velocity[0, rows] = np.where(hit, back, vx)
        self._velocity[1, rows] = np.where(np.abs(y) > WALL, -vy, vy)
        self._ball[1, rows] = _reflected(y)
        if hit.any():
            self._aim[rows[hit]] = self.rng.uniform(-AIM, AIM, np.count_nonzero(hit))

    def _score(self, out: Array, reward: Array, terminated: Array) -> None:
        ours = (self._ball[0, out] > 0).astype(np.intp)  # on our side: their point
        self.scores[out, 1 - ours] += 1
        reward[out] = 1 - 2 * ours
        over = self.scores[out].max(1) >= self.points
        terminated[out] = over
        self._ball[0, out] = np.copysign(OUT, self._ball[0, out])  # where it is seen if the game is over
        if not over.all():
            self._serve(out[~over])

    def features(self, out: Array) -> None:
        np.divide(self.state[:, :6], _SCALE, out=out, casting="same_kind")

    def paint(self, pixels: Array) -> None:
        pixels.reshape(-1)[self._drawn[:, None] + _BALL_PIXELS] = 0
        self._paint(pixels, slice(None))

    def repaint(self, pixels: Array, who: Mask) -> None:
        pixels[who] = 0
        pixels[who, :, ::39] = np.array(GREY)[:, None, None]
        self._paint(pixels, np.flatnonzero(who))

    def _paint(self, pixels: Array, who: Array | slice) -> None:
        heights = np.rint(self._paddles[:, who]).astype(np.intp)  # (2, some)
        heights += [[16], [33 + 16]]
        pairs = pixels.view(np.uint16)  # (num_envs, 3, 40, 20)
        pairs[who, :, 1:39, 1] = _PADDLES[heights[0]]
        pairs[who, :, 1:39, 18] = _PADDLES[heights[1]]
        column, row = np.rint(self._ball[:, who] + 19).astype(np.intp)
        self._drawn[who] = place = self._first_pixel[who] + row * 40 + column
        pixels.reshape(-1)[place[:, None] + _BALL_PIXELS] = 255

    def draw(self, one: int, canvas: Canvas) -> None:
        x, y, vx, vy, theirs, ours, _ = ((self.state[one] + [20, 20, 0, 0, 20, 20, 0]) * 12).tolist()
        canvas.fill(palette.SKY_TOP, palette.SKY_BOTTOM)
        for dash in range(24, 468, 24):
            canvas.rectangle(238, dash, 4, 12, palette.UPRIGHT)
        theirs_won, ours_won = self.scores[one].tolist()
        canvas.text(str(theirs_won), (208, 28), 84, palette.PALE, anchor="topright", bold=True)
        canvas.text(str(ours_won), (272, 28), 84, palette.PALE, anchor="topleft", bold=True)
        for top in (0, 468):
            canvas.rectangle(0, top, 480, 12, palette.TRACK)
        canvas.rectangle(24, theirs - 36, 24, 72, palette.AMBER, radius=8)
        canvas.rectangle(432, ours - 36, 24, 72, palette.GREEN, radius=8)
        for back, opacity in ((0.7, 40), (0.35, 80)):
            canvas.circle((x - vx * back, y - vy * back), 11, (*palette.WHITE, opacity))
        canvas.circle((x, y), 12, palette.WHITE)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Go where the ball will arrive, so that the hit sends it far from the opponent.

        Pixels are decoded; the velocity is fitted to where the ball was seen since its last hit.
        """
        if observation.ndim == 4:
            x, y, vx, vy, theirs, ours = _seen(observation, memory)
        else:
            x, y, vx, vy, theirs, ours = observation.T * _SCALE[:, None]
        steps = np.where(vx > 0, np.maximum(FRONT - x, 0) / np.maximum(vx, SERVE_SPEED), 0)
        arrival = mirror(y + vy * steps, WALL)[:, None]
        places = ours[:, None] + np.arange(-16, 17) * PADDLE_SPEED  # (num_envs, 33)
        places = np.clip(places, -PADDLE_LIMIT, PADDLE_LIMIT)
        offset = arrival - places
        goal = mirror(arrival + offset * (STEEPEST / REACH) * 2 * FRONT, WALL)  # where the shot goes
        worth = np.abs(goal - theirs[:, None])
        worth -= 100 * np.maximum(np.abs(offset) - (REACH - 0.6), 0)
        worth -= 1000 * np.maximum(np.abs(places - ours[:, None]) - PADDLE_SPEED * np.ceil(steps)[:, None], 0)
        target = np.where(vx > 0, places[np.arange(len(x)), worth.argmax(1)], 0)
        return np.where(target - ours > 1, 2, np.where(target - ours < -1, 1, 0))


def _reflected(y: Array) -> Array:
    """Positions after at most one reflection at a wall."""
    return np.where(np.abs(y) > WALL, np.copysign(2 * WALL, y) - y, y)


def _seen(pixels: Array, memory: dict[str, Any]) -> tuple[Array, ...]:
    """Positions and velocities, (num_envs,) each, from pictures."""
    row, column = np.divmod((pixels[:, 2] == 255).reshape(len(pixels), -1).argmax(1), 40)
    ball = np.stack([column, row], 1) - 19.0
    paddles = ((2, THEIRS), (37, OURS))
    theirs, ours = ((pixels[:, 1, 1:39, at] == color[1]).argmax(1) - 16.0 for at, color in paddles)
    moved = ball - memory.get("ball", ball)
    turned = "velocity" in memory and (moved[:, 0] * memory["velocity"][:, 0] <= 0) & (memory["frames"] > 1)
    memory["ball"] = ball
    position, velocity = track(ball, np.array([np.inf, WALL]), begins(memory, len(ball)) | turned, memory)
    return *position.T, *velocity.T, theirs, ours


class PongEnv(SingleEnv):
    batched = Pong
