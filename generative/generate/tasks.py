"""What `generate` can do, each in one function: open what it needs, draw, and say what was drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generative.generate import drawings, numbered, pictures
from generative.generate.arithmetic import summed
from generative.generate.codes import Codes, chosen_row, codes_of
from generative.generate.formula import parse_formula, written
from generative.generate.interpolation import find_end, way
from generative.generate.plane_plot import draw_plane, plane_marks
from generative.generate.source import Prior, Source
from generative.generate.walk import walk_plane, walk_rows
from generative.opened import Opened, pictures_of
from generative.passes import decoded
from generative.pictures import learned_from
from generative.vae import VAE
from sandbox.core.errors import UsageError
from sandbox.data.pictures import Pictures
from sandbox.ui.console import Console
from sandbox.ui.mosaic import mosaic, save_png

Place = Callable[[Path, str], Path]
"""where a picture goes: (the run's folder, its name there) -> path"""
ANIMATED = 40
"""steps of an animation, about; the strip has some of its pictures"""
PICTURES, ROW_STEPS, PLANE_SIDE = 64, 11, 20


@dataclass(frozen=True)
class Made:
    """Files, and what scripts are told of them."""

    files: dict[str, Path]
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A model that was opened, and what goes with it."""

    opened: Opened
    seed: int
    console: Console
    data_dir: str | None = None

    @property
    def samples(self) -> Path:
        """Where pictures go unless something else is said."""
        return self.opened.run.samples_dir

    @property
    def said(self) -> str:
        """The run and the step, for people."""
        return f"{self.opened.run.name}, step {self.opened.step:,}"

    @cached_property
    def test(self) -> Pictures:
        """The test pictures of the classes that the run learned from."""
        data = pictures_of(self.opened.run, self.opened.config, self.console, self.data_dir)
        return learned_from(self.opened.config, data).test

    def codes(self) -> Codes:
        """The latents of the test pictures."""
        return codes_of(self.opened.model, self.test)

    def source(self) -> Source:
        """What draws new pictures."""
        model = self.opened.model
        assert isinstance(model, VAE)  # an autoencoder has none, and was refused
        return Prior(model, self.seed)


def draw_grid(
    subject: Subject, count: int | None, one: str | None, several: str | None, place: Place
) -> Made:
    """Pictures 0 to `count` - 1 in one PNG; unless that is given, about `PICTURES` in full rows."""
    source = subject.source()
    chosen = pictures.asked_for(source.classes, subject.opened.learned, one, several, subject.opened.run.name)
    names = _named(source, chosen)
    columns = pictures.columns_for(count or PICTURES, source.shape, len(chosen))
    many = [] if count is None else [f"n{count}"]
    count = count or columns * -(-PICTURES // columns)
    pictures.check_grid(count, source.shape)
    parts = [some.numpy() for _, some in pictures.drawn(source, count, chosen)]
    few = names if one is not None or several is not None else []
    path = place(subject.samples, _file("grid", *few, *many, f"seed{subject.seed}"))
    scale = pictures.scale_for(count, columns, source.shape)
    save_png(path, mosaic(np.concatenate(parts), columns, scale=scale))
    if len(names) > 1:
        again = f", {names[0]}, …" if columns > len(names) else ""
        subject.console.print(f"columns   {', '.join(names)}{again}")
    return Made({"grid": path}, {"pictures": count, "classes": names})


def draw_each(
    subject: Subject, count: int | None, one: str | None, several: str | None, folder: Path
) -> Made:
    """Pictures 0 to `count` - 1 in a file each."""
    source, opened = subject.source(), subject.opened
    chosen = pictures.asked_for(source.classes, subject.opened.learned, one, several, opened.run.name)
    names = _named(source, chosen)
    about = {"run": opened.run.name, "steps": opened.step, "seed": subject.seed, "classes": names}
    numbered.prepare_folder(folder, about)
    count = count or PICTURES
    with subject.console.progress(count, "drawing", "pictures") as progress:
        for numbers, some in pictures.drawn(source, count, chosen):
            labels = [names[number % len(names)] if names else None for number in numbers]
            files = [numbered.file_name(*pair) for pair in zip(numbers, labels, strict=True)]
            numbered.write_pictures(folder, files, some.numpy())
            progress.update(numbers.stop)
    return Made({"folder": folder}, {"pictures": count, "classes": names})


def interpolate(subject: Subject, first: str, last: str, steps: int, place: Place) -> Made:
    """A strip from one picture to another, and an animation beside it."""
    model, learned = subject.opened.model, subject.opened.learned
    ends = (
        find_end(first, subject.test, learned, subject.seed, "first"),
        find_end(last, subject.test, learned, subject.seed, "last"),
    )
    smooth = max(1, round(ANIMATED / (steps - 1)))
    finer = way(model, ends, learned, smooth * (steps - 1) + 1)
    ways = [
        ("" if len(finer) == 1 or label is None else f"as {model.classes[label]}", found[::smooth])
        for label, found in finer
    ]
    means = "posterior means" if isinstance(model, VAE) else "codes"
    between = Path(first).stem, Path(last).stem
    path = place(subject.samples, _file("interpolate", *between, f"seed{subject.seed}"))
    drawings.draw_way(path, ends, ways, f"linear between {means}  ·  {subject.said}")
    gif = drawings.animate_way(path.with_suffix(".gif"), [found for _, found in finer])
    labels = [model.classes[label] for label, _ in finer if label is not None]
    about = {"ends": [end.name for end in ends], "frames": steps, "classes": labels}
    return Made({"strip": path, "animation": gif}, about)


def walk(subject: Subject, name: str | None, steps: int | None, place: Place) -> Made:
    """What each latent does: a plane of two, else rows."""
    model, seed = subject.opened.model, subject.seed
    label = _label(subject, name)
    codes = subject.codes()
    normal = isinstance(model, VAE) and model.flow is None
    drawn = [] if label is None else [model.classes[label]]
    drawn_as = "".join(f"drawn as {one}  ·  " for one in drawn)
    if model.latent == 2:
        path = place(subject.samples, _file("walk", *drawn))
        side = steps or PLANE_SIDE
        plane = walk_plane(model, codes.latents, label, side, normal=normal)
        of = "the standard normal prior" if normal else "the test pictures' codes"
        subtitle = f"{drawn_as}at quantiles of {of}  ·  {subject.said}"
        draw_plane(path, plane, plane_marks(codes.latents, normal=normal), codes.pictures, subtitle)
        return Made({"walk": path}, {"latents": [0, 1], "side": side})
    path = place(subject.samples, _file("walk", *drawn, f"seed{seed}"))
    row = chosen_row(subject.test, label, seed) if label is not None else seed % len(subject.test)
    rows = walk_rows(model, codes.latents, codes.latents[row], label, steps or ROW_STEPS)
    vary = f"{rows.active} of {model.latent} latents vary"
    if len(rows.latents) < rows.active:
        most = len(rows.latents)
        vary = f"the {most} latents that vary most, of {rows.active} that do ({model.latent} in all)"
    subtitle = f"{drawn_as}{vary}  ·  all else as in test:{row}  ·  {subject.said}"
    drawings.draw_rows(path, rows, subtitle)
    return Made(
        {"walk": path}, {"latents": rows.latents, "deviations": rows.deviations, "active": rows.active}
    )


def add_up(subject: Subject, formula: str, place: Place) -> Made:
    """The picture of a formula.

    Raises:
        UsageError: the latents say nothing of the class.
    """
    model, learned = subject.opened.model, subject.opened.learned
    if model.classes:
        raise UsageError(
            f"{subject.opened.run.name} is told the class, so its latents do not hold it: "
            "there is nothing to add up",
            hint="train one without --class-conditional",
        )
    terms = parse_formula(formula, learned)
    codes = subject.codes()
    found = summed(codes, terms, learned)
    shown = decoded(model, torch.cat([found.terms, found.result[None]])).numpy()
    text = "".join(f"{'+' if term.sign > 0 else '-'}{_slug(term.name)}" for term in terms).removeprefix("+")
    path = place(subject.samples, f"arithmetic-{text}.png")
    drawings.draw_sum(path, terms, found, shown, subject.said)
    subject.console.print(f"{written(terms)}: nearest to the mean of {found.nearest}")
    about = {"formula": [[term.sign, term.name] for term in terms], "nearest": found.nearest}
    return Made({"picture": path}, about)


def _label(subject: Subject, name: str | None) -> int | None:
    """The one class that a class-conditional model draws: `name`, or the first that was learned."""
    told = subject.opened.model.classes
    chosen = pictures.asked_for(told, subject.opened.learned, name, None, subject.opened.run.name)
    return chosen[0] if chosen else None


def _named(source: Source, chosen: list[int]) -> list[str]:
    return [source.classes[label] for label in chosen]


def _file(*parts: str) -> str:
    """The name of a picture."""
    return "-".join(filter(None, map(_slug, parts))) + ".png"


def _slug(text: str) -> str:
    """Text as a part of a file's name."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")
