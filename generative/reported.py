"""What `report` tells of a generative run: what it draws and makes of pictures, and what its preset was."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generative.config import GeneratorConfig
from generative.generate.command import Generate
from generative.measure.reconstruct import Reconstruct
from generative.resolve import resolve_config
from sandbox.core.config import to_mapping
from sandbox.core.errors import SandboxError, UsageError
from sandbox.core.run import Run
from sandbox.data.catalog import FOLDER, FRAMES
from sandbox.nn.budget import Budget
from sandbox.ui.console import Console
from sandbox.ui.report.exhibit import Exhibit, is_fresh, others

FILM, RECONSTRUCTIONS, DRAWN, WALK = (
    "samples/training.gif",
    "plots/reconstructions.png",
    "samples/report.png",
    "samples/report-walk.png",
)
KNOWN = (FILM, RECONSTRUCTIONS, DRAWN, WALK, "samples/step-*.png", "plots/loss.png")
LOOK = re.compile(r"step-(\d+)\.png")
"""names of pictures on the way; people's own files may be beside them"""
CODERS = ("autoencoder", "vae")
SAMPLERS = ("vae", "ddpm")


def exhibits(run: Run, note: Callable[[str], None], make: bool) -> list[Exhibit]:
    """Its pictures, those on the way, and what latents do; with `make` those that are not there are drawn."""
    if make:
        _make(run, note)
    data, kind = str(run.info.get("data")), str(run.info["kind"])
    shown = [_last_look(run, kind, data)]
    shown += [_drawn(run, data), _reconstructions(run, data), _walk(run, data), _film(run, kind)]
    return [one for one in shown if one is not None and one.path.is_file()] + others(run, KNOWN)


def preset_of(config: GeneratorConfig) -> dict[str, Any]:
    """The config of such a model of such data, had nothing else been asked for.

    Raises:
        UsageError: the preset follows from pictures that would have to be counted.
    """
    if config.data.startswith((FOLDER, FRAMES)):
        raise UsageError("its budget follows from how many pictures there are")
    steps = int(config.fit.steps)
    usual = resolve_config(config.kind, config.data, {}, budget=Budget())
    # What follows from the budget, such as how often it is looked at, is no difference of its own.
    alike = to_mapping(resolve_config(config.kind, config.data, {}, budget=Budget(steps=steps)))
    return {**alike, "fit": {**alike["fit"], "steps": int(usual.fit.steps)}}


def _make(run: Run, note: Callable[[str], None]) -> None:
    """Draw what is not there, or older than the best weights."""
    kind, name = run.info["kind"], str(run.path)
    wanted: dict[str, Any] = {}
    if kind in SAMPLERS:
        wanted[DRAWN] = Generate(name, picture=run.path / DRAWN)
    if kind in CODERS:
        wanted[RECONSTRUCTIONS] = Reconstruct(name, drawing=run.path / RECONSTRUCTIONS)
        wanted[WALK] = Generate(name, walk=True, picture=run.path / WALK)
    for file, command in wanted.items():
        if is_fresh(run, file):
            continue
        try:
            (run.path / file).parent.mkdir(exist_ok=True)
            command.run(Console(json=True, quiet=True))
        except SandboxError as error:
            note(f"{Path(file).name} could not be drawn: {error.message}.")
        except OSError as error:  # such as a folder that may only be read
            note(f"{Path(file).name} could not be drawn: {error}.")


def _last_look(run: Run, kind: str, data: str) -> Exhibit | None:
    """The newest picture of the training, where there is nothing better."""
    files = run.samples_dir.iterdir() if run.samples_dir.is_dir() else []
    looks = [(int(found[1]), path) for path in files if (found := LOOK.fullmatch(path.name))]
    if not looks or (run.path / DRAWN).is_file() or (run.path / RECONSTRUCTIONS).is_file():
        return None
    what = "pictures over their reconstructions" if kind == "autoencoder" else "pictures that it draws"
    step, path = max(looks)
    return Exhibit(
        path, "On the way", f"Grid of {what}, learned from {data}", f"after {step:,} step{'s' * (step != 1)}"
    )


def _drawn(run: Run, data: str) -> Exhibit:
    alt = f"Grid of new pictures, drawn by the {run.info['kind']} that learned from {data}"
    return Exhibit(run.path / DRAWN, "What it draws", alt, "not chosen: the first ones of seed 0")


def _reconstructions(run: Run, data: str) -> Exhibit:
    alt = f"Test pictures of {data}, each over what is left of it after its way through the model"
    caption = "test pictures over their reconstructions, with their squared errors"
    return Exhibit(run.path / RECONSTRUCTIONS, "What it makes of pictures", alt, caption)


def _walk(run: Run, data: str) -> Exhibit:
    alt = f"Rows of pictures like {data}, in each of which one latent goes from low to high"
    return Exhibit(run.path / WALK, "What latents do", alt, "one latent changes in each row, all others stay")


def _film(run: Run, kind: str) -> Exhibit:
    what = "reconstructions" if kind == "autoencoder" else "pictures that it draws"
    alt = f"Animation of {what} from the first step of the training to the last"
    return Exhibit(run.path / FILM, "How it learned", alt, "the same inputs at every look on the way")
