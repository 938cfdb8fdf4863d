"""MountainCar: a car that is too weak for the hill. The dynamics are gymnasium's `MountainCar-v0`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Discrete

from envs.classic.hill import GRAVITY, Hill
from envs.controls import Controls
from envs.single import SingleEnv
from envs.task import Array

FORCE = 0.001

_THROTTLES = np.array([-1.0, 0.0, 1.0])
_PUSHES = _THROTTLES * FORCE


class MountainCar(Hill):
    """Swing a car up to the flag that is too weak to drive there straight.

    A car stands in a valley between two hills; on the right one is a flag. Its engine is weaker than gravity
    on the slope, so it must swing to and fro. The task of Moore's thesis, "Efficient Memory-based Learning
    for Robot Control" (1990), with the dynamics of gymnasium's `MountainCar-v0`.

    ## Action space
    `Discrete(3)`:

    | action | effect                    |
    |--------|---------------------------|
    | 0      | accelerate to the left    |
    | 1      | let the car roll          |
    | 2      | accelerate to the right   |

    ## Observation space
    `obs="features"`: `Box`, float32 of shape (2,).

    | number | quantity              | unit             | min   | max  |
    |--------|-----------------------|------------------|-------|------|
    | 0      | position of the car   | length           | -1.2  | 0.6  |
    | 1      | velocity of the car   | length per step  | -0.07 | 0.07 |

    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), the car in amber on the green hill, beside the flag's
    pole. It moves by a third of a pixel in the first steps; one picture shows no velocity.

    ## Reward
    -1 for every step, the last one included.

    ## Start
    The position is drawn uniformly from (-0.6, -0.4), around the bottom of the valley; the car rests.

    ## End
    - Terminated: the car is at the flag, at 0.5, or beyond, with at least the goal velocity.
    - Truncated: after 200 steps.

    ## Arguments
    | name          | default      | meaning                                                       |
    |---------------|--------------|---------------------------------------------------------------|
    | obs           | "features"   | "features" or "pixels"                                        |
    | goal_velocity | 0            | velocity to the right that is needed at the flag, to 0.07     |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of -110, gymnasium's threshold. The expert, a rule on the features, reaches -105; random
    actions -200. Always pushing to where the car rolls takes 119 steps.

    ## Versions
    - v0: the first one.
    """

    default_max_episode_steps = 200
    controls = Controls({"left": 0, "": 1, "right": 2, "left+right": 1}, ("left", "nothing", "right"))
    actions = Discrete(3)
    goal = 0.5
    dtype = np.float64

    def advance(self, action: Array) -> tuple[Array, Array]:
        _THROTTLES.take(action, out=self.throttle, mode="clip")
        # (action - 1) * force + cos(3 * position) * -gravity, in gymnasium's order of operations
        slope = np.multiply(self._x, 3, out=self._slope)
        np.cos(slope, out=slope)
        slope *= -GRAVITY
        slope += _PUSHES.take(action)
        return np.full(self.num_envs, -1.0), self.roll(slope)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Push to the right where the car rolls that way quickly enough for its place, else to the left.

        The curve that parts the two, found by random search, goes through the bottom of the valley: there
        it says which way to swing first, and on the slopes how early to turn round.

        Raises:
            ValueError: the observations are pixels, one of which shows no velocity.
        """
        self._need_features(observation)
        x, velocity = observation.T + np.array([[0.5], [0.0]])
        return np.where(velocity > -0.0003 + 0.0136 * x - 0.0108 * x * x, 2, 0)


class MountainCarEnv(SingleEnv):
    batched = MountainCar
