"""New pictures, drawn by a VAE or a diffusion model: all in one grid, or each in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from generative.ddpm import DDPM
from generative.drawings import short
from generative.generate import numbered, pictures
from generative.generate.film import Film, check_film
from generative.generate.sampling import Sampling
from generative.generate.source import Diffused, Prior, Source, Watch
from generative.generate.subject import Made, Place, Subject
from generative.vae import VAE
from sandbox.ui.mosaic import headed, mosaic, save_png

PICTURES = 64


@dataclass(frozen=True)
class Wanted:
    """Which pictures."""

    count: int | None = None
    """how many; None for about `PICTURES`, in a grid in full rows"""
    one: str | None = None
    """the class to draw"""
    several: str | None = None
    """the classes to draw in turn, with commas"""


def draw_grid(
    subject: Subject, wanted: Wanted, sampling: Sampling, place: Place, film: Path | None = None
) -> Made:
    """Pictures 0 to count - 1 in one PNG.

    Args:
        sampling: of a diffusion model; of others all is usual.
        film: a GIF of a diffusion model's way from noise to the grid.

    Raises:
        UsageError: the model knows no such class, or they are too many for a grid or a GIF.
    """
    shape = subject.shape
    chosen, names = classes_asked_for(subject, wanted)
    columns = pictures.columns_for(wanted.count or PICTURES, shape, len(chosen))
    count = wanted.count or columns * -(-PICTURES // columns)
    pictures.check_grid(count, shape)
    if film is not None:
        check_film(count, columns, shape)
    kept = Film(sampling.steps)
    with _drawing(subject, count, sampling, kept.watch if film else None) as source:
        parts = [some.numpy() for _, some in pictures.drawn(source, count, chosen)]
    few = names if wanted.one is not None or wanted.several is not None else []
    many = [] if wanted.count is None else [f"n{count}"]
    how = sampling.unlike(subject.usual)
    path = place(subject.samples, subject.file_name("grid", *few, *many, *how))
    grid = mosaic(np.concatenate(parts), columns, scale=pictures.scale_for(count, columns, shape))
    heads = _heads(names, columns)
    save_png(path, headed(grid, heads) if heads else grid)
    files = {"grid": path} | ({} if film is None else {"animation": kept.save(film, columns)})
    if len(names) > 1:
        subject.console.print(_where(names, count, columns))
    return Made(files, {"pictures": count, "classes": names, **_about(subject, sampling)})


def draw_each(subject: Subject, wanted: Wanted, sampling: Sampling, folder: Path) -> Made:
    """Pictures 0 to count - 1 in a file each."""
    chosen, names = classes_asked_for(subject, wanted)
    how = _about(subject, sampling)
    numbered.prepare_folder(folder, {**subject.about, "classes": names, **how})
    count = wanted.count or PICTURES
    with _drawing(subject, count, sampling) as source:
        for numbers, some in pictures.drawn(source, count, chosen):
            labels = [names[number % len(names)] if names else None for number in numbers]
            files = [numbered.file_name(*pair) for pair in zip(numbers, labels, strict=True)]
            numbered.write_pictures(folder, files, some.numpy())
    return Made({"folder": folder}, {"pictures": count, "classes": names, **how})


def classes_asked_for(subject: Subject, wanted: Wanted) -> tuple[list[int], list[str]]:
    """The classes to draw in turn, as indices, and their names; none where the model is told none."""
    told = subject.model.classes
    chosen = pictures.asked_for(told, subject.learned, wanted.one, wanted.several, subject.name)
    return chosen, [told[label] for label in chosen]


@contextmanager
def _drawing(
    subject: Subject, count: int, sampling: Sampling, watch: Watch | None = None
) -> Iterator[Source]:
    """What draws `count` pictures, while a line says how far it is."""
    if not isinstance(subject.model, DDPM):
        assert isinstance(subject.model, VAE)  # an autoencoder has no distribution, and was refused
        yield Prior(subject.model, subject.seed)
        return
    done = 0
    with subject.console.progress(count * sampling.steps, "drawing", "steps of pictures") as progress:

        def told(step: int, noisy: Tensor) -> None:
            nonlocal done
            done += len(noisy) if step else 0
            progress.update(done)
            if watch is not None:
                watch(step, noisy)

        yield Diffused(subject.model, subject.seed, sampling, told)


def _heads(names: list[str], columns: int) -> list[str]:
    """What stands over the columns of a grid: the class of each, where it has one."""
    if len(names) < 2 or columns % len(names):
        return []
    return [short(names[column % len(names)]) for column in range(columns)]


def _where(names: list[str], count: int, columns: int) -> str:
    """Which classes a grid shows where: one in each column, unless they are too many."""
    if count > columns and columns % len(names):
        return f"in turn   {', '.join(names)}"
    again = f", {names[0]}, …" if columns > len(names) else ""
    return f"columns   {', '.join(names[:columns])}{again}"


def _about(subject: Subject, sampling: Sampling) -> dict[str, object]:
    return sampling.about if isinstance(subject.model, DDPM) else {}
