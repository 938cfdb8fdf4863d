"""Pictures on the way: what a model makes of the same few inputs at each look, and a film of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from generative.autoencoder import Autoencoder
from generative.ddpm import DDPM
from generative.generate.pictures import drawn
from generative.generate.sampling import Sampling
from generative.generate.source import Diffused, Prior, Source
from generative.passes import as_bytes, as_seen, device_of, spread
from generative.vae import VAE
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Pictures
from sandbox.ui.mosaic import Picture, mosaic, save_gif, save_png

FILM = "training.gif"
COLUMNS, ROWS, MOST_COLUMNS = 8, 8, 12
STEPS = 10
"""in which a DDPM draws: to see how it grows, it need not do its best"""
TILE_PX = 56
"""about: there are many of them"""
SECONDS, LAST_SECONDS = 0.25, 2.0
MOST_FRAMES = 100
"""of the film, which is made in memory"""


class Samples:
    """Writes `samples/step-….png` at each look, and `samples/training.gif` of them.

    Of an autoencoder pictures of the validation data, each over its reconstruction. Of a VAE pictures from
    the prior, and of a DDPM pictures out of noise: of latents, or noise, and classes (evenly dealt) that stay
    the same.

    Args:
        folder: of the run.
        pictures: of the validation data.
        seed: of the run.
        guidance: with which a class-conditional DDPM draws.
    """

    def __init__(self, folder: Path, pictures: Pictures, seed: int, guidance: float = 1.0) -> None:
        self.folder, self._guidance = folder, guidance
        self._seed = derive_seed(seed, "samples")
        rows = spread(len(pictures), COLUMNS * ROWS // 2)
        self._images = pictures.images[rows.to(pictures.images.device)]

    @torch.no_grad()
    def write(self, model: nn.Module, step: int) -> None:
        """Draw what the model, which is being trained, makes at this step."""
        was_training = model.training
        pictures = self._made(model.eval())
        model.train(was_training)
        scale = max(1, round(TILE_PX / max(pictures.shape[-2:])))
        grid = mosaic(pictures.cpu().numpy(), columns_of(getattr(model, "classes", ())), scale=scale)
        save_png(self.folder / f"step-{step:09d}.png", grid)

    def film(self) -> Path | None:
        """Pictures from the first to the last, as a GIF; None where there are none any more."""
        paths = sorted(self.folder.glob("step-*.png"))
        count = min(len(paths), MOST_FRAMES)
        chosen = [paths[row] for row in np.linspace(0, len(paths) - 1, count).round().astype(int)]
        frames = [frame for frame in map(_picture, chosen) if frame is not None]
        if not frames:
            return None
        return save_gif(self.folder / FILM, frames, SECONDS, last_seconds=LAST_SECONDS)

    def _made(self, model: nn.Module) -> Tensor:
        assert isinstance(model, (Autoencoder, VAE, DDPM))
        if isinstance(model, Autoencoder):
            images = self._images.to(device_of(model))
            # On the CPU, so that all devices draw the same.
            generator = torch.Generator().manual_seed(self._seed)
            inputs = model.noised(as_seen(images).cpu(), generator).to(images.device)
            return rows_in_turn(as_bytes(inputs), as_bytes(model(inputs)), COLUMNS)
        count = ROWS * columns_of(model.classes)
        chosen = range(len(model.classes))
        return torch.cat([some for _, some in drawn(self._source(model), count, chosen)])

    def _source(self, model: VAE | DDPM) -> Source:
        if isinstance(model, VAE):
            return Prior(model, self._seed)
        guidance = self._guidance if model.classes else 1.0
        return Diffused(model, self._seed, Sampling(steps=STEPS, guidance=guidance))


def columns_of(classes: Sequence[str]) -> int:
    """Columns of a grid: one for each class, where these are neither few nor many."""
    return len(classes) if COLUMNS <= len(classes) <= MOST_COLUMNS else COLUMNS


def _picture(path: Path) -> Picture | None:
    """A picture (height, width, 3) as it was written; None for a damaged file, which spoils no run."""
    try:
        return np.asarray(Image.open(path).convert("RGB"))
    except OSError:
        return None


def rows_in_turn(above: Tensor, below: Tensor, columns: int) -> Tensor:
    """A row of the one, then a row of the other: what a mosaic of so many columns shows over each other.

    Where the last row is not full, it is filled with pictures of the background's grey.
    """
    missing = -len(above) % columns
    filled = [torch.cat([part, part.new_full((missing, *part.shape[1:]), 255)]) for part in (above, below)]
    pairs = zip(*(part.split(columns) for part in filled), strict=True)
    return torch.cat([part for pair in pairs for part in pair])
