"""What the two tasks of the car between two hills share: the hill, the start, the looks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np
from gymnasium.spaces import Box

from envs.arguments import number
from envs.classic.flipbook import COLUMNS, ROWS, Flipbook, disc, lay, rod
from envs.classic.pictures import hill as pictures
from envs.options import CoreOptions
from envs.sight import Area
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

X_MIN, X_MAX = -1.2, 0.6
SPEED_MAX = 0.07
GRAVITY = 0.0025

# Pixels (of 40): one scale for both directions, so that slopes are true.
PX_PER_UNIT = 35 / (X_MAX - X_MIN)
LEFT, BOTTOM = 2.5, 36.0  # the column of X_MIN, the row of height 0
SUBPIXELS = 32
AMBER, GREEN, WHITE, RED = (255, 190, 80), (40, 120, 70), (230, 230, 230), (255, 60, 60)

_LOW = np.array([X_MIN, -SPEED_MAX], np.float32)
_HIGH = np.array([X_MAX, SPEED_MAX], np.float32)


class Hill(Flipbook):
    """A car between two hills; a subclass says how it is driven (`advance`)."""

    state_names = ("state", "throttle")
    render_fps = 30
    picture_size = (600, 400)
    feature_space = Box(_LOW, _HIGH, dtype=np.float32)
    pixel_space = PIXELS
    goal: ClassVar[float]
    """Where the flag stands."""
    dtype: ClassVar[type[np.floating[Any]]]
    """In what precision gymnasium's own environment keeps its state."""

    def __init__(
        self, num_envs: int = 1, obs: str = "features", goal_velocity: float = 0, **core: Unpack[CoreOptions]
    ) -> None:
        self.goal_velocity = number(self.name, "goal_velocity", goal_velocity, -SPEED_MAX, SPEED_MAX)
        super().__init__(num_envs, obs, **core)
        quantities = np.zeros((2, num_envs), self.dtype)
        self.state = quantities.T  # (num_envs, 2): x, velocity; a view as the next two
        self._x, self._velocity = quantities
        self.throttle = np.zeros(num_envs, np.float32)  # the last one, -1 to 1, only to be shown to people
        self._slope = np.zeros(num_envs)
        if obs == "pixels":
            self.pages = _pages(self.goal)

    def spawn(self, who: Mask) -> None:
        self.state[who] = 0
        self._x[who] = self.rng.uniform(-0.6, -0.4, np.count_nonzero(who))
        self.throttle[who] = 0

    def roll(self, push: Array) -> Array:
        """Move the cars, faster by `push` (num_envs,); returns who is at the flag, (num_envs,) bool."""
        x, velocity = self._x, self._velocity
        velocity += push
        np.maximum(velocity, -SPEED_MAX, out=velocity)
        np.minimum(velocity, SPEED_MAX, out=velocity)
        x += velocity
        np.maximum(x, X_MIN, out=x)
        np.minimum(x, X_MAX, out=x)
        np.maximum(velocity, 0, out=velocity, where=x == self.dtype(X_MIN))  # the wall stops the car
        return (x >= self.goal) & (velocity >= self.goal_velocity)

    def features(self, out: Array) -> None:
        out[...] = self.state

    def page_numbers(self) -> Array:
        return np.rint((self._x - X_MIN) * (PX_PER_UNIT * SUBPIXELS)).astype(np.intp)

    def draw(self, one: int, canvas: Canvas) -> None:
        x, velocity = self.state[one].tolist()
        pictures.draw_hill(canvas, x, velocity, self.goal, float(self.throttle[one]), int(self.elapsed[one]))

    def sight(self, one: int) -> Area:
        scale = pictures.PX_PER_UNIT / PX_PER_UNIT
        left = pictures.LEFT + pictures.PX_PER_UNIT * X_MIN - LEFT * scale
        return left, pictures.BOTTOM - BOTTOM * scale, 40 * scale, 40 * scale

    def _need_features(self, observation: Array) -> None:
        if observation.shape[1:] != (2,):
            raise ValueError(f'{self.name}: the expert needs obs="features"')


@lru_cache(maxsize=2)
def _pages(goal: float) -> Array:
    """The picture with the car at each `SUBPIXELS`th of a column, (pages, 3, 40, 40) uint8."""
    world = X_MIN + (COLUMNS - LEFT) / PX_PER_UNIT
    below = (ROWS - _row(world)) / np.hypot(1, _steepness(world))  # how far a pixel is under the ground
    picture = lay(np.zeros((3, 40, 40), np.float32), np.clip(below + 0.5, 0, 1), GREEN)
    foot, column = _row(goal), LEFT + (goal - X_MIN) * PX_PER_UNIT
    picture = lay(picture, rod(ROWS, COLUMNS, (foot, column), (foot - 8, column), 0.75), WHITE)
    picture = lay(picture, rod(ROWS, COLUMNS, (foot - 7.5, column + 1), (foot - 7.5, column + 3), 1.5), RED)
    return np.concatenate([_with_car(picture, x) for x in np.array_split(_places(), 16)])


def _with_car(picture: Array, x: Array) -> Array:
    """The picture with the car at each of `x` (cars,): (cars, 3, 40, 40) uint8."""
    slope = _steepness(x)
    right, up = 1 / np.hypot(1, slope), slope / np.hypot(1, slope)  # a step of one pixel along the ground
    row = _row(x) - 2.2 * right  # the car's middle stands off the ground at right angles
    column = LEFT + (x - X_MIN) * PX_PER_UNIT - 2.2 * up
    row, column, right, up = (part.astype(np.float32)[:, None, None] for part in (row, column, right, up))
    body = rod(
        ROWS, COLUMNS, (row + 1.5 * up, column - 1.5 * right), (row - 1.5 * up, column + 1.5 * right), 1.6
    )
    roof = disc(ROWS, COLUMNS, (row - 1.5 * right, column - 1.5 * up), 1.5)
    return np.rint(lay(picture, np.maximum(body, roof), AMBER)).astype(np.uint8)


def _places() -> Array:
    count = round((X_MAX - X_MIN) * PX_PER_UNIT * SUBPIXELS) + 1
    return np.linspace(X_MIN, X_MAX, count)


def _row(x: Array | float) -> Array:
    return BOTTOM - PX_PER_UNIT * height(x)


def height(x: Array | float) -> Array:
    """Of the hill at `x`, from 0.1 to 1."""
    return np.sin(3 * np.asarray(x)) * 0.45 + 0.55


def _steepness(x: Array | float) -> Array:
    return 3 * 0.45 * np.cos(3 * np.asarray(x))
