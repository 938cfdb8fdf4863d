"""MountainCarContinuous: the same with a throttle; equal to gymnasium's `MountainCarContinuous-v0`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box

from envs.classic.hill import GRAVITY, Hill
from envs.controls import Controls
from envs.single import SingleEnv
from envs.task import Array

POWER = 0.0015
FUEL_COST = 0.1
GOAL_REWARD = 100.0
EXPERT_THROTTLE = 0.3


class MountainCarContinuous(Hill):
    """Swing a car up to the flag by a throttle, and save fuel.

    The car of `MountainCar`, half as strong again, whose driver chooses how hard to push. Gentle swings use
    less fuel but take longer; doing nothing costs nothing, and that is the trap. The dynamics are those of
    gymnasium's `MountainCarContinuous-v0`.

    ## Action space
    `Box(-1, 1)`, float32 of shape (1,): the throttle, from full to the left (-1) to full to the right (1).
    Gymnasium's own environment clips what lies outside; this one refuses it.

    ## Observation space
    `obs="features"`: `Box`, float32 of shape (2,).

    | number | quantity              | unit             | min   | max  |
    |--------|-----------------------|------------------|-------|------|
    | 0      | position of the car   | length           | -1.2  | 0.6  |
    | 1      | velocity of the car   | length per step  | -0.07 | 0.07 |

    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), the car in amber on the green hill, beside the flag's
    pole. One picture shows no velocity.

    ## Reward
    -0.1 · throttle² in every step, and 100 in the one that ends at the flag.

    ## Start
    The position is drawn uniformly from (-0.6, -0.4), around the bottom of the valley; the car rests.

    ## End
    - Terminated: the car is at the flag, at 0.45, or beyond, with at least the goal velocity.
    - Truncated: after 999 steps.

    ## Arguments
    | name          | default      | meaning                                                       |
    |---------------|--------------|---------------------------------------------------------------|
    | obs           | "features"   | "features" or "pixels"                                        |
    | goal_velocity | 0            | velocity to the right that is needed at the flag, to 0.07     |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 90, gymnasium's threshold. The expert, three tenths of the throttle in the direction
    of the velocity, reaches 97.7; random actions about -33. Full throttle in that direction reaches 89.3.

    ## Versions
    - v0: the first one.
    """

    default_max_episode_steps = 999
    controls = Controls({"left": (-1.0,), "": (0.0,), "right": (1.0,)})
    actions = Box(-1.0, 1.0, (1,), np.float32)
    goal = 0.45
    dtype = np.float32  # gymnasium's own rounds its state after each step

    def advance(self, action: Array) -> tuple[Array, Array]:
        self.throttle[...] = action[:, 0]
        # force * power - 0.0025 * cos(3 * position): all in float32 but the cosine and its product
        slope = self._slope
        slope[...] = 3 * self._x
        np.cos(slope, out=slope)
        slope *= GRAVITY
        push = self.throttle * np.float32(POWER)
        push -= slope.astype(np.float32)
        arrived = self.roll(push)
        reward = np.square(self.throttle, dtype=np.float64)
        reward *= -FUEL_COST
        reward += GOAL_REWARD * arrived
        return reward, arrived

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Push gently to where the car rolls.

        Raises:
            ValueError: the observations are pixels, one of which shows no velocity.
        """
        self._need_features(observation)
        return np.where(observation[:, 1:] >= 0, EXPERT_THROTTLE, -EXPERT_THROTTLE).astype(np.float32)


class MountainCarContinuousEnv(SingleEnv):
    batched = MountainCarContinuous
