"""Pendulum: swing up and hold. The dynamics are gymnasium's `Pendulum-v1`."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box

from envs.arguments import number
from envs.classic.flipbook import COLUMNS, ROWS, Flipbook, disc, lay, rod
from envs.classic.pictures.pendulum import MIDDLE, draw_pendulum
from envs.classic.pictures.pendulum import ROD_PX as PICTURE_ROD_PX
from envs.controls import Controls
from envs.options import CoreOptions
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

GRAVITY = 10.0  # m/s²
TORQUE_MAX = 2.0  # N m
SPEED_MAX = 8.0  # rad/s
TICK_S = 0.05

PAGES_PER_TURN = 1440
ROD_PX = 14.0
AMBER, RED, GREY = (255, 190, 80), (255, 70, 70), (120, 120, 140)

_HIGH = np.array([1.0, 1.0, SPEED_MAX], np.float32)


class Pendulum(Flipbook):
    """Swing a pendulum up and hold it there, with a torque too small to lift it straight.

    A rod of 1 m and 1 kg hangs from an axle with a motor. The dynamics are those of gymnasium's
    `Pendulum-v1`.

    ## Action space
    `Box(-2, 2)`, float32 of shape (1,): the torque in N m, counter-clockwise. Gymnasium's own environment
    clips what lies outside; this one refuses it.

    ## Observation space
    `obs="features"`: `Box`, float32 of shape (3,). The angle is 0 upright and grows counter-clockwise.

    | number | quantity               | unit  | min  | max  |
    |--------|------------------------|-------|------|------|
    | 0      | cosine of the angle    |       | -1   | 1    |
    | 1      | sine of the angle      |       | -1   | 1    |
    | 2      | angular velocity       | rad/s | -8   | 8    |

    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), the rod in amber with a red bob. One picture shows no
    velocity.

    ## Reward
    -(angle² + 0.1 · velocity² + 0.001 · torque²), of the state before the step and the angle within ±π: from
    -16.27 to 0.

    ## Start
    The angle is drawn uniformly from (-π, π), the angular velocity from (-1, 1).

    ## End
    - Terminated: never.
    - Truncated: after 200 steps.

    ## Arguments
    | name | default      | meaning                                    |
    |------|--------------|--------------------------------------------|
    | obs  | "features"   | "features" or "pixels"                     |
    | g    | 10.0         | gravity in m/s², from 0 to 1000            |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of -200; gymnasium names no threshold. The expert, which pumps energy and then balances,
    reaches about -148, random actions -1220.

    ## Versions
    - v0: the first one.
    """

    state_names = ("state", "torque")
    default_max_episode_steps = 200
    render_fps = 30
    picture_size = (480, 480)
    controls = Controls({"left": (2.0,), "": (0.0,), "right": (-2.0,)})
    actions = Box(-TORQUE_MAX, TORQUE_MAX, (1,), np.float32)
    feature_space = Box(-_HIGH, _HIGH, dtype=np.float32)
    pixel_space = PIXELS

    def __init__(
        self, num_envs: int = 1, obs: str = "features", g: float = GRAVITY, **core: Unpack[CoreOptions]
    ) -> None:
        self.g = number(self.name, "g", g, 0, 1000)
        super().__init__(num_envs, obs, **core)
        quantities = np.zeros((2, num_envs))
        self.state = quantities.T  # (num_envs, 2): angle (not wrapped), its velocity; a view as the next two
        self._angle, self._velocity = quantities
        self.torque = np.zeros(num_envs, np.float32)  # the last one, only to be shown to people
        self._scratch = np.zeros(num_envs)
        if obs == "pixels":
            self.pages = _pages()

    def spawn(self, who: Mask) -> None:
        self.state[who] = self.rng.uniform([-math.pi, -1.0], [math.pi, 1.0], (np.count_nonzero(who), 2))
        self.torque[who] = 0

    def advance(self, action: Array) -> tuple[Array, Array]:
        self.torque[...] = action[:, 0]
        reward = self._cost()
        np.negative(reward, out=reward)
        # velocity += (3 * g / 2 * sin(angle) + 3 * torque) * tick, in gymnasium's order of operations
        gain = np.sin(self._angle, out=self._scratch)
        gain *= 3 * self.g / 2
        gain += 3 * self.torque  # float32, as there
        gain *= TICK_S
        self._velocity += gain
        np.maximum(self._velocity, -SPEED_MAX, out=self._velocity)
        np.minimum(self._velocity, SPEED_MAX, out=self._velocity)
        self._angle += np.multiply(self._velocity, TICK_S, out=gain)
        return reward, np.zeros(self.num_envs, np.bool_)

    def _cost(self) -> Array:
        """Of the state and torque as they are, (num_envs,) float64."""
        cost = self._angle + math.pi
        np.remainder(cost, 2 * math.pi, out=cost)
        cost -= math.pi
        cost *= cost
        spin = np.square(self._velocity, out=self._scratch)
        spin *= 0.1
        cost += spin
        effort = self.torque * self.torque
        effort *= 0.001
        cost += effort
        return cost

    def features(self, out: Array) -> None:
        np.cos(self._angle, out=self._scratch)
        out[:, 0] = self._scratch
        np.sin(self._angle, out=self._scratch)
        out[:, 1] = self._scratch
        out[:, 2] = self._velocity

    def page_numbers(self) -> Array:
        pages = self._angle * (PAGES_PER_TURN / (2 * math.pi))
        return np.rint(pages, out=pages).astype(np.intp) % PAGES_PER_TURN

    def draw(self, one: int, canvas: Canvas) -> None:
        angle = float(self._angle[one])
        draw_pendulum(canvas, angle, float(self.torque[one]) / TORQUE_MAX, int(self.elapsed[one]))

    def sight(self, one: int) -> Area:
        return around(MIDDLE, PICTURE_ROD_PX / ROD_PX)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Bring the energy to that of standing upright at rest; near there, balance (for g = 10).

        Raises:
            ValueError: the observations are pixels, one of which shows no velocity.
        """
        if observation.shape[1:] != (3,):
            raise ValueError(f'{self.name}: the expert needs obs="features"')
        cos, sin, velocity = observation.T
        angle = np.arctan2(sin, cos)
        lacking = 0.5 - velocity**2 / 2 - 15 * (cos - 1)  # energy, with a little to spare
        swing = 2 * lacking * np.where(velocity >= 0, 1, -1)
        balance = -12 * angle - 3 * velocity
        torque = np.where(np.abs(angle) + 0.1 * np.abs(velocity) < 0.7, balance, swing)
        return np.clip(torque, -TORQUE_MAX, TORQUE_MAX)[:, None].astype(np.float32)


@lru_cache(maxsize=1)
def _pages() -> Array:
    """The pendulum at each of `PAGES_PER_TURN` angles, (pages, 3, 40, 40) uint8."""
    angles = np.arange(PAGES_PER_TURN) * (2 * math.pi / PAGES_PER_TURN)
    return np.concatenate([_at(some) for some in np.array_split(angles, 16)])


def _at(angle: Array) -> Array:
    angle = angle.astype(np.float32)[:, None, None]
    axle, end = (20.0, 20.0), (20 - ROD_PX * np.cos(angle), 20 - ROD_PX * np.sin(angle))
    picture = np.zeros((3, 40, 40), np.float32)
    picture = lay(picture, rod(ROWS, COLUMNS, axle, end, 1.25), AMBER)
    picture = lay(picture, disc(ROWS, COLUMNS, end, 3.5), RED)
    picture = lay(picture, disc(ROWS, COLUMNS, axle, 2.0), GREY)
    return np.rint(picture).astype(np.uint8)


class PendulumEnv(SingleEnv):
    batched = Pendulum
