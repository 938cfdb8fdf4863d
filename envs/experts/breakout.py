"""The scripted player of Breakout: it sees what an agent sees, and aims."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.experts.episodes import begins
from envs.experts.tracking import mirror, track
from envs.pictures.breakout import (
    BRICK_HEIGHT,
    BRICK_WIDTH,
    BRICKS_Y,
    CEILING,
    COLUMNS,
    FRONT,
    MIDDLE,
    PADDLE,
    PADDLE_LIMIT,
    PADDLE_SPEED,
    REACH,
    SIDE,
    SPEED,
)
from envs.task import Array

SAFE_REACH = REACH - 0.7  # where the ball comes down is not known to the last half of a pixel
OFFSETS = np.arange(-4, 5, 2)  # of the places for the paddle that are weighed
RISE = round((FRONT - CEILING) / SPEED)  # steps from the paddle to the upper wall


def read(features: Array, rows: int) -> tuple[Array, ...]:
    """x, y, vx, vy, paddle, (num_envs,) each, and bricks (num_envs, rows, columns) from features."""
    x, y, vx, vy, paddle = features.T[:5]
    bricks = features[:, 6:].reshape(-1, rows, COLUMNS) > 0.5
    return MIDDLE + 20 * x, MIDDLE + 20 * y, SPEED * vx, SPEED * vy, MIDDLE + 20 * paddle, bricks


def see(pixels: Array, rows: int, memory: dict[str, Any]) -> tuple[Array, ...]:
    """The same from pictures; vx is fitted to where the ball was since it last turned up or down."""
    row, column = np.divmod((pixels[:, 1] == 255).reshape(len(pixels), -1).argmax(1), 40)
    ball = np.stack([column + 1.0, row + 1.0], 1)
    moved = np.sign(ball[:, 1] - memory.get("ball", ball)[:, 1])
    new = begins(memory, len(pixels)) | (moved != memory.get("moved", moved))
    memory |= {"ball": ball, "moved": moved}
    position, velocity = track(ball - MIDDLE, np.array([SIDE, np.inf]), new, memory)
    paddle = (pixels[:, 0, 37:39] == PADDLE[0]).any(1).argmax(1) + 4.0
    bricks = pixels[:, 0, BRICKS_Y : BRICKS_Y + BRICK_HEIGHT * rows : BRICK_HEIGHT, ::BRICK_WIDTH]
    bricks = (bricks > 0) & (bricks < 255)  # 255: the ball
    return position[:, 0] + MIDDLE, ball[:, 1], velocity[:, 0], SPEED * moved, paddle, bricks


def play(seen: tuple[Array, ...], memory: dict[str, Any]) -> Array:
    """Actions (num_envs,): follow a ball that rises; for one that falls, choose where to meet it."""
    x, y, vx, vy, paddle, bricks = seen
    steps = np.maximum(FRONT - y, 0) / SPEED
    landing = (MIDDLE + mirror(x - MIDDLE + vx * steps, SIDE))[:, None]
    places = 2 * np.rint(landing / 2) + OFFSETS  # (num_envs, 5)
    places = np.clip(places, MIDDLE - PADDLE_LIMIT, MIDDLE + PADDLE_LIMIT)
    worth = _promise(landing, (landing - places) * (SPEED / REACH), bricks)
    # Prefer another place each time, else it might repeat a shot that meets nothing.
    memory["turns"] = memory.get("turns", 0) + (np.abs(y - 24) < 1)
    worth += 0.5 * (np.arange(len(OFFSETS)) == (memory["turns"] % len(OFFSETS))[:, None])
    worth -= 100 * (np.abs(landing - places) > SAFE_REACH)
    missing = np.abs(places - paddle[:, None]) - PADDLE_SPEED * np.ceil(steps)[:, None]
    worth -= 1000 * np.maximum(missing, 0)
    target = np.where(vy > 0, places[np.arange(len(x)), worth.argmax(1)], x)
    return np.where(target - paddle > 1, 2, np.where(target - paddle < -1, 0, 1))


def _promise(x: Array, vx: Array, bricks: Array) -> Array:
    """How surely balls hit from `x` (n, 1) with `vx` (n, choices) meet bricks: (n, choices), from 0 to 3.

    The flight is followed up to the wall and down again, as if no brick were in the way.
    """
    steps = np.arange(1, 30)
    y = CEILING + np.abs(FRONT - CEILING - SPEED * steps)
    row = np.floor((y + np.where(steps <= RISE, -1, 1) - BRICKS_Y) / BRICK_HEIGHT).astype(np.intp)
    there = (row >= 0) & (row < bricks.shape[1])
    path = MIDDLE + mirror((x - MIDDLE)[:, :, None] + vx[:, :, None] * steps[there], SIDE)
    worth = np.zeros(vx.shape)
    for aside in (-0.8, 0.0, 0.8):
        column = np.clip((path + aside) // BRICK_WIDTH, 0, COLUMNS - 1).astype(np.intp)
        worth += bricks[np.arange(len(x))[:, None, None], row[there], column].any(2)
    return worth
