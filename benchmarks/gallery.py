"""The picture of all environments for the docs: ``python -m benchmarks.gallery``.

Each environment's scripted expert plays it from a fixed seed to a moment that shows what the game is about.
docs/gallery.png shows the picture for people and, beside it, the 40 × 40 pixels that the agent sees;
docs/gallery.gif shows the same in motion, smaller.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from imageio.v3 import imwrite
from numpy.typing import NDArray

import envs
from envs import BatchedEnv, Entry
from envs.canvas import Canvas
from envs.palette import GROUND, PALE, SKY_TOP, WHITE
from sandbox.ui.video import VideoWriter

DOCS = Path(__file__).resolve().parents[1] / "docs"
MOMENTS = {
    "CartPole": 40,
    "MountainCar": 75,
    "MountainCarContinuous": 60,
    "Acrobot": 60,
    "Pendulum": 22,
    "Catch": 60,
    "Snake": 260,
    "Pong": 150,
    "Breakout": 400,
    "TMaze": 0,
    "Rooms": 30,
    "Maze3D": 60,
}
"""The step of the expert's that is shown."""
SEED = 3
COLUMNS = 3
VIEW, GAP, LABEL = 200, 10, 36
"""Height of both pictures, and the space around and above them."""
GIF_FPS = 20

Pixels = NDArray[np.uint8]


class Scene:
    """One environment at play: what people see, and what the agent sees."""

    def __init__(self, entry: Entry, seed: int = SEED) -> None:
        self.entry = entry
        self.env = _batch(entry)
        # A second one shows the same state as pixels, as not every expert plays from pixels.
        self.eyes = _batch(entry, obs="pixels")
        self.observation, _ = self.env.reset(seed=seed)
        self.memory: dict[str, Any] = {"first": np.ones(1, np.bool_)}

    def step(self, count: int = 1) -> None:
        """Let the expert play."""
        for _ in range(count):
            action = self.env.expert(self.observation, self.memory)
            self.observation, _, terminated, truncated, _ = self.env.step(action)
            self.memory["first"] = terminated | truncated

    def for_people(self) -> Pixels:
        """(height, width, 3)."""
        return self.env.picture(0)

    def for_the_agent(self) -> Pixels:
        """(40, 40, 3)."""
        self.eyes.load_state_dict(self.env.state_dict())
        return self.eyes.observation()[0].transpose(1, 2, 0)


def sheet(scenes: list[Scene], scale: float) -> Pixels:
    """All scenes on one page, (height, width, 3)."""
    # As wide as the widest picture for people, so that all stand in columns.
    width = max(round(VIEW * scene.env.picture_size[0] / scene.env.picture_size[1]) for scene in scenes)
    across, down = width + VIEW + 3 * GAP, VIEW + LABEL + GAP
    rows = -(-len(scenes) // COLUMNS)
    canvas = Canvas(COLUMNS * across + GAP, rows * down + GAP, scale)
    canvas.fill(GROUND)
    for number, scene in enumerate(scenes):
        x, y = GAP + number % COLUMNS * across, GAP + number // COLUMNS * down
        people = scene.for_people()
        shown = VIEW * people.shape[1] / people.shape[0]
        canvas.text(scene.entry.name, (x, y + 6), 26, WHITE)
        needs = ", ".join(scene.entry.needs)
        canvas.text(needs, (x + width + GAP + VIEW, y + 9), 19, PALE, anchor="topright")
        canvas.rectangle(x, y + LABEL - 6, width, VIEW, SKY_TOP)
        canvas.image(people, x + (width - shown) / 2, y + LABEL - 6, shown, VIEW, smooth=True)
        canvas.image(scene.for_the_agent(), x + width + GAP, y + LABEL - 6, VIEW, VIEW)
    return canvas.array()


def still(entries: list[Entry], scale: float) -> Pixels:
    """All environments at their moments."""
    scenes = [Scene(entry) for entry in entries]
    for scene in scenes:
        scene.step(MOMENTS.get(scene.entry.name, 30))
    return sheet(scenes, scale)


def motion(entries: list[Entry], scale: float, frames: int, fps: int) -> Iterator[Pixels]:
    """All environments from their moments on, each at its own pace."""
    scenes = [Scene(entry) for entry in entries]
    for scene in scenes:
        scene.step(max(0, MOMENTS.get(scene.entry.name, 30) - 5))
    due = np.zeros(len(scenes))
    for _ in range(frames):
        yield sheet(scenes, scale)
        for number, scene in enumerate(scenes):
            due[number] += scene.env.render_fps / fps
            scene.step(int(due[number]))
            due[number] %= 1


def _batch(entry: Entry, **arguments: Any) -> BatchedEnv:
    env = gymnasium.make_vec(entry.id, num_envs=1, **arguments)
    assert isinstance(env, BatchedEnv)
    return env


def main(argv: list[str] | None = None) -> int:
    """Write both pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description="Draw the gallery.")
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=DOCS, help="folder (docs)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the gif; 0 for none")
    options = parser.parse_args(argv)
    entries = [entry for entry in envs.listing() if not options.only or entry.name in options.only]
    imwrite(options.out / "gallery.png", still(entries, scale=1.0))
    if options.seconds > 0:
        with VideoWriter(options.out / "gallery.gif", GIF_FPS) as video:
            for frame in motion(entries, 0.5, round(options.seconds * GIF_FPS), GIF_FPS):
                video.add(frame)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
