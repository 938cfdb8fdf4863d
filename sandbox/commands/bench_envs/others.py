"""Other people's environments of the kind, each beside the one of ours that is most like it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode

from sandbox.commands.bench_envs.contestants import single, vector
from sandbox.commands.bench_envs.timing import Contestant


@dataclass(frozen=True)
class Other:
    """One of them. What it shows and what its game is differ from ours: read the ratio with that in mind."""

    name: str
    beside: str
    """The name of ours."""
    package: str
    """What is imported to see whether it is there."""
    extra: str
    """Our extra that installs it."""
    observation: str
    """What one of its steps returns."""
    build: Callable[[int], Contestant]
    """From a seed."""


def _atari(game: str) -> Callable[[int], Contestant]:
    def build(seed: int) -> Contestant:
        module: Any = import_module("ale_py.vector_env")
        # One thread, as all the others have. Eight, as more are no quicker on one thread, and slow to start.
        mode = AutoresetMode.SAME_STEP
        return vector(module.AtariVectorEnv(game, num_envs=8, num_threads=1, autoreset_mode=mode), seed)

    return build


def _registered(env_id: str, module: str, register: str = "") -> Callable[[int], Contestant]:
    def build(seed: int) -> Contestant:
        imported: Any = import_module(module)
        if register:
            getattr(imported, register)()
        # ViZDoom leaves its settings in the working directory when it starts.
        with TemporaryDirectory() as folder, chdir(folder):
            return single(gymnasium.make(env_id, disable_env_checker=True), seed)

    return build


_ATARI = "4 × 84 × 84, grey, 4 frames emulated"
_MINIGRID = "7 × 7 × 3, symbols"

OTHERS = (
    Other("ALE Pong, 8 in a batch", "Pong", "ale_py", "atari", _ATARI, _atari("pong")),
    Other("ALE Breakout, 8 in a batch", "Breakout", "ale_py", "atari", _ATARI, _atari("breakout")),
    Other(
        "MinAtar Breakout",
        "Breakout",
        "minatar",
        "bench",
        "10 × 10 × 4, booleans",
        _registered("MinAtar/Breakout-v1", "minatar.gym", "register_envs"),
    ),
    Other(
        "MiniGrid MultiRoom-N4-S5",
        "Rooms",
        "minigrid",
        "bench",
        _MINIGRID,
        _registered("MiniGrid-MultiRoom-N4-S5-v1", "minigrid"),
    ),
    Other(
        "MiniGrid DoorKey-8x8",
        "Rooms",
        "minigrid",
        "bench",
        _MINIGRID,
        _registered("MiniGrid-DoorKey-8x8-v0", "minigrid"),
    ),
    Other(
        "ViZDoom Basic",
        "Maze3D",
        "vizdoom",
        "doom",
        "240 × 320 × 3, colour",
        _registered("VizdoomBasic-v1", "vizdoom.gymnasium_wrapper"),
    ),
)


def installed(other: Other) -> bool:
    """Whether it can be measured here."""
    return find_spec(other.package) is not None
