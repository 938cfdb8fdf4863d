"""Acrobot: swing two links up by the joint between them. The dynamics are gymnasium's `Acrobot-v1`."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.base import BatchedEnv
from envs.classic.flipbook import COLUMNS, ROWS, rod
from envs.classic.pictures.acrobot import LINK_PX as PICTURE_LINK_PX
from envs.classic.pictures.acrobot import MIDDLE, draw_acrobot
from envs.controls import Controls
from envs.options import CoreOptions
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

GRAVITY = 9.8  # m/s²
TICK_S = 0.2
TURN = 2 * math.pi

# Pixels (of 40): the first link hangs from the middle; the second one fits into the picture all around it.
LINK_PX, HALF_LINK_PX = 8.5, 1.25
PATCH = 23  # rows and columns of the square around the joint that the second link can reach
PATCH_BYTES = 40 * (PATCH - 1) + PATCH  # from its first pixel to its last one, in rows of 40
ANGLES, SUBPIXELS = 360, 4

_SPEED_MAX = np.array([[4 * math.pi], [9 * math.pi]])
_HIGH = np.array([1, 1, 1, 1, 4 * math.pi, 9 * math.pi], np.float32)


class Acrobot(BatchedEnv):
    """Swing two links up by turning the joint between them.

    Two links of 1 m and 1 kg hang from a fixed point; only the joint between them has a motor. The free end
    must come 1 m above the fixed point. The task of Sutton, "Generalization in Reinforcement Learning:
    Successful Examples Using Sparse Coarse Coding" (1996), with the dynamics of gymnasium's `Acrobot-v1`
    (the equations of Sutton and Barto's book, integrated by Runge and Kutta's method of fourth order).

    ## Action space
    `Discrete(3)`:

    | action | effect                                        |
    |--------|-----------------------------------------------|
    | 0      | torque of -1 N m on the joint (clockwise)     |
    | 1      | none                                          |
    | 2      | torque of 1 N m (counter-clockwise)           |

    ## Observation space
    `obs="features"`: `Box`, float32 of shape (6,). Angles grow counter-clockwise; the first is 0 where the
    first link hangs, the second one where the links are in line.

    | number | quantity                            | unit  | min            | max          |
    |--------|-------------------------------------|-------|----------------|--------------|
    | 0, 1   | cosine and sine of the first angle  |       | -1             | 1            |
    | 2, 3   | cosine and sine of the second angle |       | -1             | 1            |
    | 4      | angular velocity of the first       | rad/s | -12.567 (-4π)  | 12.567 (4π)  |
    | 5      | angular velocity of the second      | rad/s | -28.274 (-9π)  | 28.274 (9π)  |

    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), the first link in the red channel, the second one in
    the green channel and the line to reach in the blue one. One picture shows no velocities.

    ## Reward
    -1 for every step but the one that ends above the line, which gives 0.

    ## Start
    Both angles and both velocities are drawn uniformly from (-0.1, 0.1).

    ## End
    - Terminated: the free end is more than 1 m above the fixed point.
    - Truncated: after 500 steps.

    ## Arguments
    | name | default      | meaning                       |
    |------|--------------|-------------------------------|
    | obs  | "features"   | "features" or "pixels"        |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of -100, gymnasium's threshold. The expert, a rule on the features, reaches -79; random
    actions about -499.

    ## Versions
    - v0: the first one.
    """

    state_names = ("state", "torque")
    default_max_episode_steps = 500
    render_fps = 15
    picture_size = (480, 480)
    controls = Controls({"left": 0, "": 1, "right": 2, "left+right": 1}, ("left", "nothing", "right"))
    actions = Discrete(3)
    feature_space = Box(-_HIGH, _HIGH, dtype=np.float32)
    pixel_space = PIXELS

    def __init__(self, num_envs: int = 1, obs: str = "features", **core: Unpack[CoreOptions]) -> None:
        super().__init__(num_envs, obs, **core)
        self._quantities = np.zeros((4, num_envs))  # two angles, two velocities
        self.state = self._quantities.T  # (num_envs, 4), a view as the next two
        self._angles, self._velocities = self._quantities[:2], self._quantities[2:]
        self.torque = np.zeros(num_envs)  # the last one, only to be shown to people
        self._scratch = np.zeros((2, num_envs))

    def spawn(self, who: Mask) -> None:
        # float32, as gymnasium's own: its integrator starts from there.
        self.state[who] = self.rng.uniform(-0.1, 0.1, (np.count_nonzero(who), 4)).astype(np.float32)
        self.torque[who] = 0

    def advance(self, action: Array) -> tuple[Array, Array]:
        np.subtract(action, 1.0, out=self.torque)
        if self.num_envs == 1:  # plain numbers: for one episode NumPy's calls cost more than the arithmetic
            state = tuple(self._quantities[:, 0].tolist())
            self._quantities[:, 0] = _swing(state, float(self.torque[0]), math)
        else:
            self._quantities[...] = _swing(tuple(self._quantities), self.torque, np)
        turns = np.divide(self._angles, TURN, out=self._scratch)
        np.rint(turns, out=turns)
        turns *= TURN
        self._angles -= turns
        np.maximum(self._velocities, -_SPEED_MAX, out=self._velocities)
        np.minimum(self._velocities, _SPEED_MAX, out=self._velocities)
        cosines = np.cos(self._directions(), out=self._scratch)
        up = -cosines[0] - cosines[1] > 1.0
        return up - 1.0, up

    def _directions(self) -> Array:
        """The angles of the two links to the vertical, (2, num_envs)."""
        np.add(self._angles[0], self._angles[1], out=self._scratch[1])
        self._scratch[0] = self._angles[0]
        return self._scratch

    def features(self, out: Array) -> None:
        columns = out.T
        columns[0:4:2] = np.cos(self._angles, out=self._scratch)
        columns[1:4:2] = np.sin(self._angles, out=self._scratch)
        columns[4:] = self._velocities

    def paint(self, pixels: Array) -> None:
        _draw_links(pixels, self._directions())

    def repaint(self, pixels: Array, who: Mask) -> None:
        fresh = np.zeros((np.count_nonzero(who), 3, 40, 40), np.uint8)
        fresh[:, 2] = _line()
        _draw_links(fresh, self._directions()[:, who])
        pixels[who] = fresh

    def draw(self, one: int, canvas: Canvas) -> None:
        first, second = self._angles[:, one].tolist()
        draw_acrobot(canvas, first, first + second, float(self.torque[one]), int(self.elapsed[one]))

    def sight(self, one: int) -> Area:
        return around(MIDDLE, PICTURE_LINK_PX / LINK_PX)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Turn the joint against the swing of the first link, as a child on a swing does with its legs.

        Raises:
            ValueError: the observations are pixels, one of which shows no velocities.
        """
        if observation.shape[1:] != (6,):
            raise ValueError(f'{self.name}: the expert needs obs="features"')
        return np.where(observation @ np.array([0, 1.1, 0, 1, 1.2, -0.1]) > 0, 0, 2)


def _swing(state: tuple[Any, ...], torque: Any, lib: Any) -> tuple[Any, ...]:
    """One step of Runge and Kutta: the next angles and velocities, of numbers or of arrays.

    Args:
        state: two angles and two velocities.
        torque: on the joint.
        lib: `math` or `numpy`, for sines and cosines.
    """
    half = TICK_S / 2
    one = _slopes(state, torque, lib)
    two = _slopes([s + half * k for s, k in zip(state, one, strict=True)], torque, lib)
    three = _slopes([s + half * k for s, k in zip(state, two, strict=True)], torque, lib)
    four = _slopes([s + TICK_S * k for s, k in zip(state, three, strict=True)], torque, lib)
    return tuple(
        s + TICK_S / 6 * (a + 2 * b + 2 * c + d)
        for s, a, b, c, d in zip(state, one, two, three, four, strict=True)
    )


def _slopes(state: Any, torque: Any, lib: Any) -> tuple[Any, Any, Any, Any]:
    """How angles and velocities change in a second; masses and lengths of 1, inertias of 1."""
    first, second, speed1, speed2 = state
    sin, cos = lib.sin(second), lib.cos(second)
    d1 = 3.5 + cos
    d2 = 1.25 + 0.5 * cos
    phi2 = 0.5 * GRAVITY * lib.sin(first + second)
    phi1 = phi2 + 1.5 * GRAVITY * lib.sin(first) - (0.5 * speed2 + speed1) * speed2 * sin
    ratio = d2 / d1
    gain2 = (torque + ratio * phi1 - 0.5 * speed1 * speed1 * sin - phi2) / (1.25 - d2 * ratio)
    gain1 = -(d2 * gain2 + phi1) / d1
    return speed1, speed2, gain1, gain2


def _draw_links(pixels: Array, directions: Array) -> None:
    """Draw both links into `pixels`, (n, 3, 40, 40) in one piece, by their `directions` (2, n)."""
    count = len(pixels)
    channels = pixels.reshape(count, 3, 1600)
    upper, lower = _nearest(directions)
    channels[:, 0] = _upper_links()[upper]
    green = channels[:, 1]
    green[...] = 0
    joint = LINK_PX * np.array(
        [np.cos(directions[0]), np.sin(directions[0])]
    )  # row and column from the middle
    whole = np.floor(joint)
    inside = ((joint - whole) * SUBPIXELS).astype(np.intp)
    # Every place where a patch can lie, (n, places, PATCH_BYTES): so each patch is copied in one piece.
    shape = count, 1600 - PATCH_BYTES + 1, PATCH_BYTES
    places = np.lib.stride_tricks.as_strided(green, shape, (green.strides[0], 1, 1))
    corner = (whole[0] * 40 + whole[1]).astype(np.intp) + 9 * 41  # 11 rows and columns before the joint
    places[np.arange(count), corner] = _lower_links()[inside[0], inside[1], lower]


def _nearest(angle: Array) -> Array:
    """The numbers of the angles in the tables, 0 to ANGLES - 1."""
    return np.rint(angle * (ANGLES / TURN)).astype(np.intp) % ANGLES


@lru_cache(maxsize=1)
def _upper_links() -> Array:
    """The first link at each angle, (ANGLES, 1600) uint8."""
    angle = np.arange(ANGLES, dtype=np.float32)[:, None, None] * (TURN / ANGLES)
    joint = (20 + LINK_PX * np.cos(angle), 20 + LINK_PX * np.sin(angle))
    return _bytes(rod(ROWS, COLUMNS, (20.0, 20.0), joint, HALF_LINK_PX)).reshape(ANGLES, 1600)


@lru_cache(maxsize=1)
def _lower_links() -> Array:
    """The second link around the joint, (SUBPIXELS, SUBPIXELS, ANGLES, PATCH_BYTES) uint8.

    By the place of the joint within its pixel (row, column) and the link's direction. The rows are 40 long as
    those of the picture, so that a patch is one piece of memory; what is beyond its 23 columns is empty.
    """
    angle = np.arange(ANGLES, dtype=np.float32)[:, None, None] * (TURN / ANGLES)
    inside = 11 + (np.arange(SUBPIXELS, dtype=np.float32) + 0.5) / SUBPIXELS
    links = np.zeros((SUBPIXELS, SUBPIXELS, ANGLES, PATCH, 40), np.uint8)
    for i, row in enumerate(inside):
        for j, column in enumerate(inside):
            end = (row + LINK_PX * np.cos(angle), column + LINK_PX * np.sin(angle))
            cover = rod(ROWS[:PATCH], COLUMNS[:, :PATCH], (row, column), end, HALF_LINK_PX)
            links[i, j, ..., :PATCH] = _bytes(cover)
    return np.ascontiguousarray(links.reshape(SUBPIXELS, SUBPIXELS, ANGLES, -1)[..., :PATCH_BYTES])


@lru_cache(maxsize=1)
def _line() -> Array:
    """The height to reach, (40, 40) uint8."""
    left, right = (20 - LINK_PX, -9.0), (20 - LINK_PX, 49.0)
    return _bytes(rod(ROWS, COLUMNS, left, right, 1.0))


def _bytes(cover: Array) -> Array:
    return np.rint(255 * cover).astype(np.uint8)


class AcrobotEnv(SingleEnv):
    batched = Acrobot
