"""CartPole: balance a pole on a cart. The dynamics are gymnasium's `CartPole-v1`, bit for bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.base import Array, BatchedEnv, CoreOptions, Mask
from envs.single import SingleEnv
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

_FORCES = np.array([-FORCE, FORCE])
_LIMITS = np.array([[X_LIMIT], [ANGLE_LIMIT]])
_HIGH = np.array([2 * X_LIMIT, np.inf, 2 * ANGLE_LIMIT, np.inf], np.float32)


class CartPole(BatchedEnv):
    state_names = ("state",)
    default_max_episode_steps = 500
    metadata = {**BatchedEnv.metadata, "render_fps": 50}
    picture_size = (600, 400)
    actions = Discrete(2)
    observations = {"features": Box(-_HIGH, _HIGH, dtype=np.float32), "pixels": PIXELS}

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

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Push towards the side to which the pole falls, leaning against drift; needs `obs="features"`."""
        return (observation @ np.array([0.1, 0.3, 3.0, 1.0]) > 0).astype(np.int64)


class CartPoleEnv(SingleEnv):
    batched = CartPole
