"""CartPole: balance a pole on a cart. The dynamics are gymnasium's `CartPole-v1`, bit for bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.base import BatchedEnv
from envs.classic.pictures.cart_pole import JOINT_Y, MIDDLE_X, POLE_PX, PX_PER_M, draw_cart_pole
from envs.controls import Controls
from envs.options import CoreOptions
from envs.sight import Area
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

GRAVITY = 9.8  # m/s²
POLE_MASS, TOTAL_MASS = 0.1, 1.1  # kg
HALF_POLE = 0.5  # m
POLE_MOMENT = POLE_MASS * HALF_POLE  # kg·m
FORCE = 10.0  # N
TICK_S = 0.02
X_LIMIT = 2.4  # m
ANGLE_LIMIT = 12 * 2 * math.pi / 360  # rad

# Pixels (rows, columns of 40): the pole is longer than to scale, as 12° would else move it by two pixels.
POLE_ROWS, CART_ROWS, TRACK_ROW = slice(5, 32), slice(32, 36), 36
COLUMNS_PER_M = 5.0
SUBPIXELS = 16

AMBER, BLUE, GREY = (255, 190, 80), (60, 140, 255), (90, 90, 100)

_FORCES = np.array([-FORCE, FORCE])
_LIMITS = np.array([[X_LIMIT], [ANGLE_LIMIT]])
_HIGH = np.array([2 * X_LIMIT, np.inf, 2 * ANGLE_LIMIT, np.inf], np.float32)


def _bars(width: float, color: tuple[int, int, int]) -> Array:
    """Rows of pixels with a bar around each sixteenth of a column: (40 · SUBPIXELS, 3, 40) uint8."""
    centers = (np.arange(40 * SUBPIXELS) + 0.5)[:, None] / SUBPIXELS
    columns = np.arange(40) + 0.5
    cover = np.clip(width / 2 + 0.5 - np.abs(columns - centers), 0, 1)  # (40 · SUBPIXELS, 40)
    return np.rint(cover[:, None] * np.array(color)[:, None]).astype(np.uint8)


_POLE_BARS, _CART_BARS = _bars(2, AMBER), _bars(8, BLUE)
_POLE_HEIGHTS = np.arange(POLE_ROWS.stop - POLE_ROWS.start, 0, -1) - 0.5  # of the rows above the joint


class CartPole(BatchedEnv):
    """Balance a pole on a cart by pushing the cart left and right.

    A pole stands on a cart that moves along a track without friction; a joint without a motor connects the
    two. The task of Barto, Sutton and Anderson, "Neuronlike Adaptive Elements That Can Solve Difficult
    Learning Control Problems" (1983), with the dynamics of gymnasium's `CartPole-v1`, equal to the last bit.

    ## Action space
    `Discrete(2)`:

    | action | effect                                  |
    |--------|-----------------------------------------|
    | 0      | push the cart to the left, with 10 N    |
    | 1      | push the cart to the right, with 10 N   |

    ## Observation space
    `obs="features"`: `Box`, float32 of shape (4,).

    | number | quantity                    | unit  | min            | max            |
    |--------|-----------------------------|-------|----------------|----------------|
    | 0      | position of the cart        | m     | -4.8           | 4.8            |
    | 1      | velocity of the cart        | m/s   | -inf           | inf            |
    | 2      | angle of the pole           | rad   | -0.419 (-24°)  | 0.419 (24°)    |
    | 3      | angular velocity            | rad/s | -inf           | inf            |

    The bounds of position and angle are twice what ends the episode. `obs="pixels"`: `Box`, uint8 of shape
    (3, 40, 40), the cart in blue and the pole, lengthened, in amber. One picture shows no velocities.

    ## Reward
    1 for every step, the last one included.

    ## Start
    All four quantities are drawn uniformly from (-0.05, 0.05).

    ## End
    - Terminated: the pole leans by more than 12°, or the cart is more than 2.4 m from the middle.
    - Truncated: after 500 steps.

    ## Arguments
    | name | default      | meaning                       |
    |------|--------------|-------------------------------|
    | obs  | "features"   | "features" or "pixels"        |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 475. The expert, a linear rule on the features, reaches 500; random actions about 22.

    ## Versions
    - v0: the first one.
    """

    state_names = ("state",)
    default_max_episode_steps = 500
    render_fps = 50
    picture_size = (600, 400)
    controls = Controls({"left": 0, "right": 1}, ("left", "right"))
    actions = Discrete(2)
    feature_space = Box(-_HIGH, _HIGH, dtype=np.float32)
    pixel_space = PIXELS

    def __init__(self, num_envs: int = 1, obs: str = "features", **core: Unpack[CoreOptions]) -> None:
        super().__init__(num_envs, obs, **core)
        quantities = np.zeros((4, num_envs))  # x, its velocity, angle, its velocity; float64
        self.state = quantities.T  # (num_envs, 4), a view as everything below
        self._angle, self._angular_velocity = quantities[2:]
        pairs = quantities.reshape(2, 2, num_envs)
        self._positions, self._velocities = pairs[:, 0], pairs[:, 1]  # (2, num_envs) each: cart, pole
        self._accelerations = np.zeros((2, num_envs))
        self._scratch = np.zeros((5, num_envs))
        self._moved = np.zeros((2, num_envs))
        self._beyond = np.zeros((2, num_envs), np.bool_)

    def spawn(self, who: Mask) -> None:
        self.state[who] = self.rng.uniform(-0.05, 0.05, (np.count_nonzero(who), 4))

    def advance(self, action: Array) -> tuple[Array, Array]:
        self._accelerate(action)
        np.multiply(self._velocities, TICK_S, out=self._moved)
        self._positions += self._moved
        np.multiply(self._accelerations, TICK_S, out=self._moved)
        self._velocities += self._moved
        np.abs(self._positions, out=self._moved)
        np.greater(self._moved, _LIMITS, out=self._beyond)
        return np.ones(self.num_envs), self._beyond[0] | self._beyond[1]

    def _accelerate(self, action: Array) -> None:
        """Fill `_accelerations` (cart, pole); the order of operations is gymnasium's, so that each bit is."""
        cart, pole = self._accelerations
        sin, cos, push, drag, moment = self._scratch
        np.sin(self._angle, out=sin)
        np.cos(self._angle, out=cos)
        # push = (force + pole_moment · angular_velocity² · sin) / total_mass
        np.square(self._angular_velocity, out=push)
        push *= POLE_MOMENT
        push *= sin
        push += _FORCES.take(action)
        push /= TOTAL_MASS
        # pole = (gravity · sin − cos · push) / (half_pole · (4/3 − pole_mass · cos² / total_mass))
        np.square(cos, out=moment)
        moment *= POLE_MASS
        moment /= TOTAL_MASS
        np.subtract(4.0 / 3.0, moment, out=moment)
        moment *= HALF_POLE
        np.multiply(sin, GRAVITY, out=pole)
        np.multiply(cos, push, out=drag)
        pole -= drag
        pole /= moment
        # cart = push − pole_moment · pole · cos / total_mass
        np.multiply(pole, POLE_MOMENT, out=drag)
        drag *= cos
        drag /= TOTAL_MASS
        np.subtract(push, drag, out=cart)

    def features(self, out: Array) -> None:
        out[...] = self.state

    def paint(self, pixels: Array) -> None:
        self._paint(pixels, slice(None))

    def repaint(self, pixels: Array, who: Mask) -> None:
        pixels[who] = 0
        pixels[who, :, TRACK_ROW] = np.array(GREY)[:, None]
        self._paint(pixels, who)

    def _paint(self, pixels: Array, who: Mask | slice) -> None:
        """Look up each row of pixels that can change in the tables of bars."""
        cart = 20 + COLUMNS_PER_M * self.state[who, 0]  # (some,) in columns
        pole = cart[:, None] + np.tan(self.state[who, 2])[:, None] * _POLE_HEIGHTS  # (some, rows)
        pixels[who, :, CART_ROWS] = _CART_BARS[_bar_numbers(cart)][:, :, None]
        pixels[who, :, POLE_ROWS] = _POLE_BARS[_bar_numbers(pole)].swapaxes(1, 2)

    def draw(self, one: int, canvas: Canvas) -> None:
        x, _, angle, _ = self.state[one].tolist()
        draw_cart_pole(canvas, x, angle, score=int(self.elapsed[one]))

    def sight(self, one: int) -> Area:
        """Stretched: the small picture has the joint in row 32 and the tip of an upright pole in row 5."""
        across, down = PX_PER_M / COLUMNS_PER_M, POLE_PX / (POLE_ROWS.stop - POLE_ROWS.start)
        return MIDDLE_X - 20 * across, JOINT_Y - POLE_ROWS.stop * down, 40 * across, 40 * down

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Push towards the side to which the pole falls, leaning against drift; needs `obs="features"`.

        Raises:
            ValueError: the observations are pixels, one of which shows no velocities.
        """
        if observation.shape[1:] != (4,):
            raise ValueError(f'{self.name}: the expert needs obs="features"')
        return (observation @ np.array([0.1, 0.3, 3.0, 1.0]) > 0).astype(np.int64)


def _bar_numbers(columns: Array) -> Array:
    return np.clip(columns * SUBPIXELS, 0, 40 * SUBPIXELS - 1).astype(np.intp)


class CartPoleEnv(SingleEnv):
    batched = CartPole
