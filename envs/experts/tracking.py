"""Follow a ball from where its pixels are: positions and velocities finer than a pixel, over many frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.task import Array

LOST_PX = 3.0
"""A ball seen farther than this from where it was expected is a new one."""


def mirror(position: Array, limit: Array | float) -> Array:
    """Where a straight path ends between mirrors at `-limit` and `limit`."""
    across = np.mod(position + limit, 4 * limit)
    return np.where(across > 2 * limit, 4 * limit - across, across) - limit


def track(seen: Array, walls: Array, new: Array, memory: dict[str, Any]) -> tuple[Array, Array]:
    """Estimate a ball that flies straight between walls from whole-pixel positions, frame by frame.

    A recursive least-squares fit of a straight line: after k frames the gains are those of the regression
    over k points, so that errors of rounding average out.

    Args:
        seen: (num_envs, 2) positions in this frame.
        walls: (2,) limits at which each coordinate is reflected (inf: nowhere).
        new: (num_envs,) bool, rows where what was seen before tells nothing any more.
        memory: what is kept between frames, under "position", "velocity", "frames".

    Returns:
        position and velocity, (num_envs, 2) each; the velocity is 0 where only one frame was seen.
    """
    if "position" not in memory:
        memory |= {"position": seen, "velocity": np.zeros_like(seen), "frames": np.zeros(len(seen))}
    expected = memory["position"] + memory["velocity"]
    beyond = np.abs(expected) > walls
    expected = np.where(beyond, np.sign(expected) * 2 * np.where(beyond, walls, 0) - expected, expected)
    velocity = np.where(beyond, -memory["velocity"], memory["velocity"])
    error = seen - expected
    lost = (memory["frames"] > 1) & (np.abs(error) > LOST_PX).any(1)
    k = np.where(new | lost, 1, memory["frames"] + 1)[:, None]
    first = k == 1
    memory["position"] = np.where(first, seen, expected + error * (4 * k - 2) / (k * (k + 1)))
    memory["velocity"] = np.where(first, 0.0, velocity + error * 6 / (k * (k + 1)))
    memory["frames"] = k[:, 0]
    return memory["position"], memory["velocity"]
