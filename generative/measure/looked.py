"""What becomes of a few pictures on their way through a model, for drawings and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generative.autoencoder import Autoencoder
from generative.drawings import short, title_of
from generative.measure.chosen import Chosen
from generative.measure.drawn import Version, draw_reconstructions
from generative.measure.fidelity import noise_of
from generative.opened import Opened
from generative.passes import as_bytes, passes, squared_errors


@dataclass(frozen=True, eq=False)
class Looked:
    """A few pictures and their reconstructions."""

    original: Tensor
    """(n, channels, height, width) uint8"""
    noised: Tensor | None
    """likewise, what a denoising autoencoder was given in their place"""
    reconstructed: Tensor
    """likewise"""
    errors: list[float]
    """mean squared error of each against the original, on pixels from 0 to 1"""

    @property
    def versions(self) -> Sequence[Version]:
        """What is drawn, from above to below."""
        parts = [("original", self.original), ("noised", self.noised), ("reconstructed", self.reconstructed)]
        return [Version(label, np.asarray(part)) for label, part in parts if part is not None]


@torch.inference_mode()
def look(opened: Opened, chosen: Chosen, seed: int = 0) -> Looked:
    """Reconstruct a few pictures; a denoising autoencoder gets them noised.

    Args:
        seed: of the noise.
    """
    (images, labels), *_ = passes(opened.coder, chosen.pictures, size=len(chosen.pictures))
    inputs, noised = images, None
    if isinstance(opened.model, Autoencoder) and opened.model.noise:
        generator = torch.Generator().manual_seed(seed)  # on the CPU, so that all devices draw the same
        inputs = opened.model.noised(images.cpu(), generator).to(images.device)
        noised = as_bytes(inputs).cpu()
    found = opened.coder(inputs, labels)
    errors = squared_errors(found, images).tolist()
    return Looked(chosen.pictures.images.cpu(), noised, as_bytes(found).cpu(), errors)


def draw_looked(path: Path, opened: Opened, chosen: Chosen, looked: Looked) -> Path:
    """Draw originals over reconstructions, with names above and errors below, to the PNG `path`."""
    noise = noise_of(opened.coder)
    parts = [chosen.source, *([f"noise of {noise:g}"] if noise else []), "mean squared error of each below"]
    if opened.model.classes:
        parts.insert(1, "told the class above")
    return draw_reconstructions(
        path,
        looked.versions,
        title=title_of(opened.run.info),
        subtitle="  ·  ".join(parts),
        above=_above(opened, chosen),
        below=[f"{error:.4f}" for error in looked.errors],
    )


def _above(opened: Opened, chosen: Chosen) -> list[str]:
    """Names of the pictures; of files, where the model is told a class, the class."""
    if opened.model.classes:
        return [opened.classes[label] for label in chosen.pictures.labels.tolist()]
    return [short(name) for name in chosen.names]
