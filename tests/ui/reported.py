"""Runs for tests of reports: written by hand, with a video, pictures, and names that mean harm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sandbox.core.files import to_json
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from sandbox.core.runs import create_run
from sandbox.ui.video import VideoWriter

HARM = '<script>alert("x")</script><img src=x onerror=alert(1)>'
"""what a stranger's file may hold"""


def agent(
    root: Path,
    name: str = "one",
    *,
    seed: int = 0,
    env: str = "CartPole-v1",
    values: Sequence[float] = (100.0, 300.0, 480.0),
    parent: str | None = None,
    command: Sequence[str] = ("python", "-m", "sandbox", "train-agent", "CartPole"),
    **settings: Any,
) -> Run:
    """A finished PPO run with an evaluation every 1000 steps and every half second."""
    evaluation = {"episodes": 100, "mean": 490.0, "std": 20.0, "min": 400.0, "max": 500.0}
    run = create_run(
        root, "train-agent", env, seed, "ppo", name, parent, env=env, algo="ppo", evaluation=evaluation
    )
    lines = [f'env = "{env}"', 'train_env = "Sandbox/CartPole-v0"', f"seed = {seed}", "threshold = 475.0"]
    lines += ["[settings]", *(f"{key} = {value}" for key, value in settings.items())]
    run.config_path.write_text("\n".join(lines), encoding="utf-8")
    about = {
        "command": list(command),
        "git": {"revision": "0123456789abcdef", "dirty": True},
        "python": "3.11.7",
        "versions": {"torch": "2.13.0"},
        "data": {"pictures.gz": "ba89"},
    }
    run.manifest_path.write_text(to_json(about), encoding="utf-8")
    with MetricsWriter(run.metrics_path) as writer:
        for index, value in enumerate(values, 1):
            seconds = {"time/seconds": index / 2}
            writer.write(1000 * index, {"train/loss": 1 / index, "train/n_updates": index, **seconds})
            writer.write(1000 * index, {"eval/mean_reward": value, **seconds})
    run.update(status="finished", steps=1000 * len(values), train_seconds=1.5)
    return run


def film(run: Run, name: str = "play.mp4", frames: int = 40) -> Path:
    """A short video in the run's folder: a bar that moves."""
    run.videos_dir.mkdir(exist_ok=True)
    path = run.videos_dir / name
    with VideoWriter(path, 20.0) as writer:
        for index in range(frames):
            frame = np.full((48, 64, 3), 200, np.uint8)
            frame[:, index : index + 8] = (20, 60, 200)
            writer.add(frame)
    return path


def picture(run: Run, name: str = "plots/saliency.png", size: tuple[int, int] = (300, 200)) -> Path:
    """A picture in the run's folder."""
    path = run.path / name
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, (180, 40, 40)).save(path)
    return path
