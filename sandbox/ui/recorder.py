"""Episodes into a video, without a window: as fast as the machine can, at the environment's own pace."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from envs.sight import sight_of
from sandbox.core.errors import UsageError
from sandbox.ui.actor import Actor, Seeing
from sandbox.ui.frames import Frames
from sandbox.ui.memory import Trace
from sandbox.ui.overlay import lay_over
from sandbox.ui.video import VideoWriter

USUAL_FPS = 30.0
"""where an environment does not say how fast it is"""
RESIZING_ROUNDS, RESIZING_SECONDS = 10, 0.01


@dataclass(frozen=True)
class Recording:
    """What a video shows."""

    returns: list[float]
    """of each whole episode"""
    lengths: list[int]
    """of each whole episode, in steps"""
    frames: int
    """of all episodes, also of one that was cut off"""


def record_episodes(
    actor: Actor,
    env: gym.Env[Any, Any],
    writer: VideoWriter,
    episodes: int,
    seed: int,
    max_frames: int | None = None,
    saliency: bool = False,
    memory: bool = False,
) -> Recording:
    """Let `actor` play whole episodes in `env`, and write every picture to `writer`.

    An episode has one frame more than steps: how it begins is seen, and how it ends.

    Args:
        env: made with ``render_mode="rgb_array"``.
        writer: stays open.
        episodes: how many; number i (from 0) begins with the seed ``seed + i``.
        max_frames: the video ends with this frame, in the middle of an episode if need be.
        saliency: every picture shows where the decision that follows comes from, if the actor can say so.
        memory: beneath every picture there is a strip with the actor's memory, if it has one.

    Raises:
        UsageError: `env` gives no pictures.
        Refused: the video cannot be written.
    """
    trace, frames = Trace(), Frames(memory)
    returns: list[float] = []
    lengths: list[int] = []
    left = math.inf if max_frames is None else max_frames
    frames_before = writer.frames
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        actor.begin(seed + episode)
        trace.begin()
        total, steps, ended = 0.0, 0, False
        while left > 0:
            picture, view = picture_of(env), None if ended else actor.act(observation)
            if saliency and view is not None and isinstance(actor, Seeing) and not actor.blind:
                picture = lay_over(picture, actor.saliency(), sight_of(env))
            if view is not None:
                trace.add(view.memory)
            writer.add(frames.frame(picture, trace.trail))
            left -= 1
            if view is None or left <= 0:
                break
            observation, reward, terminated, truncated, _ = env.step(view.action)
            total, steps, ended = total + float(reward), steps + 1, terminated or truncated
        if not ended:
            break
        returns.append(total)
        lengths.append(steps)
    return Recording(returns, lengths, writer.frames - frames_before)


def without_window() -> None:
    """Let pygame draw without a display or sound, and in silence. Call it before the environment is made."""
    for name, value in (
        ("SDL_VIDEODRIVER", "dummy"),  # else SDL's search for a display ends in complaints on stderr
        ("SDL_AUDIODRIVER", "dummy"),
        ("PYGAME_HIDE_SUPPORT_PROMPT", "1"),
    ):
        os.environ.setdefault(name, value)


def picture_of(env: gym.Env[Any, Any]) -> np.ndarray:
    """What `env` shows now, (height, width, 3) uint8.

    Raises:
        UsageError: it gives no picture, or something else.
    """
    try:
        picture = _rendered(env)
    except NotImplementedError:
        picture = None
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3:
        if picture.shape[2] == 4:  # with opacity, which a video does not have
            return picture[..., :3]
        if picture.shape[2] == 3:
            return picture
    raise no_pictures(env)


def _rendered(env: gym.Env[Any, Any]) -> Any:
    """What `env` renders, asked again where a window is just being resized.

    For a moment such a window has no format of pixels, and new surfaces of pygame's, gymnasium's among them,
    take theirs from it.
    """
    for _ in range(RESIZING_ROUNDS):
        try:
            return env.render()
        except ValueError as error:
            if "mask" not in str(error):
                raise
            time.sleep(RESIZING_SECONDS)
    return env.render()


def fps_of(env: gym.Env[Any, Any]) -> float:
    """Frames a second at which `env` is meant to be seen."""
    fps = env.metadata.get("render_fps")
    fitting = isinstance(fps, int | float) and math.isfinite(fps) and fps > 0
    return float(fps) if fitting else USUAL_FPS  # type: ignore[arg-type]


def check_render_mode(env: gym.Env[Any, Any]) -> None:
    """Look whether `env` can be made with ``render_mode="rgb_array"``.

    Raises:
        UsageError: it cannot.
    """
    if "rgb_array" not in (env.metadata.get("render_modes") or ()):
        raise no_pictures(env)


def no_pictures(env: gym.Env[Any, Any]) -> UsageError:
    """The error that says so, naming the environment."""
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    modes = ", ".join(map(str, env.metadata.get("render_modes") or ())) or "none"
    return UsageError(
        f"{name} has no pictures: it cannot be watched or recorded",
        hint=f'it needs the render mode "rgb_array"; it has: {modes}',
    )
