"""What a window is asked to show, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs.controls import Controls
from sandbox.ui.actor import Actor
from sandbox.ui.stage import Scene


@dataclass(frozen=True)
class Show:
    """What a window shows, and what may be done in it."""

    title: str
    """the environment"""
    controls: Controls | None = None
    """the keys that play it; None: nobody can take over"""
    next_actor: Callable[[], Actor] | None = None
    """gives the next checkpoint of a run, the first after the last; None: there is only one actor"""
    episodes: int | None = None
    """the window closes after so many; None: when people close it"""
    speed: float = 1.0
    record: Path | None = None
    """record everything from the beginning"""
    folder: Path = field(default_factory=Path)
    """for recordings and screenshots that people ask for"""


@dataclass
class Outcome:
    """What happened in a window."""

    episodes: list[dict[str, Any]] = field(default_factory=list)
    """of each: return, steps, by_hand, finished"""
    frames: int = 0
    """pictures that were shown"""
    steps: int = 0
    videos: list[Path] = field(default_factory=list)
    screenshots: list[Path] = field(default_factory=list)

    def count(self, scene: Scene, *, finished: bool) -> None:
        """Add an episode whose last scene is `scene`."""
        entry = {"return": scene.total, "steps": scene.step, "by_hand": scene.by_hand, "finished": finished}
        self.episodes.append(entry)
