"""Walks through the space of latents.

From one picture to another; along what each latent does: a plane of two, else a row for each of the most
active ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from generative.generate.ends import End
from generative.measure.bounds import ACTIVE
from generative.passes import Coder, decoded, embedded, fitting_labels, unlabelled
from sandbox.data.pictures import Pictures

MOST_ROWS = 12
FAR = 2.5
"""standard deviations that rows go to either side"""


def way(
    model: Coder, ends: tuple[End, End], learned: tuple[str, ...], steps: int
) -> list[tuple[int | None, Tensor]]:
    """Pictures (steps, channels, height, width) uint8 on the straight line between the latents of two.

    A class-conditional model draws the whole way once as either class, where they differ: its latents say how
    something looks, and not what it is.

    Args:
        learned: the classes that were learned from; a picture of unknown class is taken for the one of them
            that fits best.

    Returns:
        (class, pictures) for each; class None where the model is not told any.
    """
    images = torch.stack([end.picture for end in ends])
    if not model.classes:
        return [(None, _line(model, unlabelled(images), None, steps))]
    guessed = fitting_labels(model, images, learned).tolist()
    labels = [guess if end.label is None else end.label for end, guess in zip(ends, guessed, strict=True)]
    pictures = Pictures(images, torch.tensor(labels), model.classes)
    return [(label, _line(model, pictures, label, steps)) for label in dict.fromkeys(labels)]


@dataclass(frozen=True, eq=False)
class Rows:
    """Pictures along some latents."""

    latents: list[int]
    """which, counted from 0; the most active one first"""
    deviations: list[float]
    """of each of them, over test pictures"""
    pictures: Tensor
    """(rows, steps, channels, height, width) uint8"""
    active: int
    """of all latents"""


def walk_rows(model: Coder, codes: Tensor, start: Tensor, label: int | None, steps: int) -> Rows:
    """A row for each of the most active latents, from -2.5 to 2.5 standard deviations around the mean.

    Args:
        codes: (n, latent) of test pictures: mean and deviation of each latent are theirs.
        start: (latent,): the value of all other latents.
        label: the class that a class-conditional model draws.
        steps: pictures in a row.
    """
    deviations, means = codes.std(0), codes.mean(0)
    active = int((deviations.square() > ACTIVE).sum())
    order = deviations.argsort(descending=True, stable=True)[: min(MOST_ROWS, max(1, active))].tolist()
    latents = start.repeat(len(order), steps, 1)  # (rows, steps, latent)
    places = torch.linspace(-FAR, FAR, steps)
    for row, latent in enumerate(order):
        latents[row, :, latent] = means[latent] + places * deviations[latent]
    shown = _shown(model, latents.flatten(0, 1), label)
    return Rows(order, [float(deviations[one]) for one in order], shown.unflatten(0, (-1, steps)), active)


@dataclass(frozen=True, eq=False)
class Plane:
    """Pictures at places of the plane that two latents span."""

    ticks: Tensor
    """(2, side): values of either latent at the pictures, in ascending order"""
    pictures: Tensor
    """(side, side, channels, height, width) uint8: along the first latent from left to right, along the
    second from bottom to top, so that the last row is the lowest"""
    places: Tensor
    """(n, 2): where test pictures lie, as parts of all that there is below and left of them"""


def walk_plane(model: Coder, codes: Tensor, label: int | None, side: int, *, normal: bool) -> Plane:
    """The classic grid of a model with two latents.

    The places divide what is common into equal parts: they are quantiles of the standard normal distribution,
    the prior of a VAE, or else of the codes themselves, each latent on its own.

    Args:
        codes: (n, 2) of test pictures.
        label: the class that a class-conditional model draws.
        side: pictures in a row, and in a column.
        normal: whether the latents are standard normal in the prior.
    """
    parts = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    if normal:
        ticks = torch.special.ndtri(parts).float().expand(2, side)
        places = torch.special.ndtr(codes)
    else:
        ticks = torch.quantile(codes.double(), parts, dim=0).T.float()
        ranks = codes.argsort(dim=0, stable=True).argsort(dim=0)  # (n, 2)
        places = (ranks + 0.5) / len(codes)
    across, up = torch.meshgrid(ticks[0], ticks[1].flip(0), indexing="xy")
    latents = torch.stack([across, up], -1).flatten(0, 1)  # (side * side, 2)
    return Plane(ticks, _shown(model, latents, label).unflatten(0, (side, side)), places)


def _line(model: Coder, ends: Pictures, shown_as: int | None, steps: int) -> Tensor:
    """Both ends are encoded as what they are; all between is decoded as one class."""
    first, last = embedded(model, ends)
    latents = first + torch.linspace(0, 1, steps)[:, None] * (last - first)  # (steps, latent)
    return decoded(model, latents, None if shown_as is None else torch.full((steps,), shown_as))


def _shown(model: Coder, latents: Tensor, label: int | None) -> Tensor:
    return decoded(model, latents, None if label is None else torch.full((len(latents),), label))
