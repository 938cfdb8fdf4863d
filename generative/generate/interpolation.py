"""From one picture to another through the space of latents."""

from __future__ import annotations

import torch
from torch import Tensor

from generative.generate.ends import End
from generative.passes import Coder, decoded, embedded, fitting_labels, unlabelled
from sandbox.data.pictures import Pictures


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


def _line(model: Coder, ends: Pictures, shown_as: int | None, steps: int) -> Tensor:
    """Both ends are encoded as what they are; all between is decoded as one class."""
    first, last = embedded(model, ends)
    latents = first + torch.linspace(0, 1, steps)[:, None] * (last - first)  # (steps, latent)
    return decoded(model, latents, None if shown_as is None else torch.full((steps,), shown_as))
