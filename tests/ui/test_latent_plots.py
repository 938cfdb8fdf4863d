"""Bars of latents: the highest first, and what is not active is grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sandbox.core.theme import LIGHT, rgb
from sandbox.ui.latent_plots import latent_bars


def areas(path: Path, nats: list[float], active: list[bool]) -> dict[str, np.ndarray]:
    """For each colour of the bars, how many pixels of each column of the picture have it."""
    latent_bars(path, nats, active, title="A title", subtitle="and more")
    image = (imread(path)[..., :3] * 255).round().astype(np.uint8)
    colours = {"blue": LIGHT.series[0], "grey": LIGHT.edge}
    return {name: (image == rgb(colour)).all(2)[170:587].sum(0) for name, colour in colours.items()}


def test_the_highest_bar_is_on_the_left_and_grey_means_inactive(tmp_path: Path) -> None:
    found = areas(tmp_path / "bars.png", [0.5, 2.0, 1.0], [False, True, True])
    blue, grey = np.flatnonzero(found["blue"] > 20), np.flatnonzero(found["grey"] > 20)
    assert blue.max() < grey.min()
    heights = found["blue"][blue]
    assert heights[5] == pytest.approx(2 * heights[-5], rel=0.02)
    assert found["grey"][grey].max() == pytest.approx(heights[5] / 4, rel=0.05)


@pytest.mark.parametrize("latents", [1, 64, 300])
def test_any_number_of_latents_and_none_that_tells_anything(tmp_path: Path, latents: int) -> None:
    found = areas(tmp_path / "bars.png", [0.0] * latents, [False] * latents)
    assert found["blue"].max() == 0
