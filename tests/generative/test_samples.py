"""Pictures on the way: the same few inputs at each look, and a film of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from generative.autoencoder import Autoencoder
from generative.generate.source import keyed_noise
from generative.passes import as_bytes
from generative.samples import COLUMNS, FILM, MOST_FRAMES, ROWS, STEPS, TILE_PX, Samples, rows_in_turn
from generative.vae import VAE
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Pictures
from sandbox.ui.mosaic import mosaic
from tests.generative.models import ddpm_of, drawn, model_of


def shown(count: int = 70) -> Pictures:
    images = torch.randint(0, 256, (count, 1, 8, 8), generator=drawn()).to(torch.uint8)
    return Pictures(images, torch.arange(count) % 2, ("a", "b"))


def test_an_autoencoders_originals_stand_over_their_reconstructions(tmp_path: Path) -> None:
    model, pictures = model_of(Autoencoder), shown()
    Samples(tmp_path, pictures, 0).write(model, 30)
    rows = torch.linspace(0, 69, 32).long()
    inputs = pictures.images[rows]
    with torch.no_grad():
        outputs = as_bytes(model.eval()(inputs / 127.5 - 1))
    wanted = mosaic(rows_in_turn(inputs, outputs, COLUMNS).numpy(), COLUMNS, scale=TILE_PX // 8)
    found = np.asarray(Image.open(tmp_path / "step-000000030.png"))
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_a_denoising_one_is_shown_what_it_gets(tmp_path: Path) -> None:
    """The same noise at each look."""
    model = model_of(Autoencoder, noise=0.3)
    samples = Samples(tmp_path, shown(), 0)
    for step in (0, 1):
        samples.write(model, step)
        torch.manual_seed(step)
    one, other = ((tmp_path / f"step-{step:09d}.png").read_bytes() for step in (0, 1))
    assert one == other
    Samples(tmp_path / "plain", shown(), 0).write(model_of(Autoencoder), 0)
    assert (tmp_path / "plain" / "step-000000000.png").read_bytes() != one


def test_a_vaes_are_drawn_from_the_prior_by_the_runs_seed(tmp_path: Path) -> None:
    model = model_of(VAE)
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        Samples(tmp_path / name, shown(), seed).write(model, 0)
    one, same, other = (
        (tmp_path / name / "step-000000000.png").read_bytes() for name in ("one", "same", "other")
    )
    assert one == same != other


def test_told_classes_are_dealt_evenly(tmp_path: Path) -> None:
    asked = []

    class Listening(VAE):
        def decode(self, latents: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            asked.append(labels)
            return super().decode(latents, labels)

    Samples(tmp_path, shown(), 0).write(model_of(Listening, classes=("a", "b", "c")), 0)
    counts = torch.bincount(asked[0])
    assert counts.sum() == COLUMNS * ROWS
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("count", [0, 3, 10])
def test_a_ddpms_grid_has_a_column_for_each_class(count: int, tmp_path: Path) -> None:
    """Where they are about as many as columns; ten steps for each picture, and no more."""
    model = ddpm_of(classes=tuple("abcdefghij"[:count])).train()
    seen: list[tuple[int, Any]] = []
    model.unet.register_forward_pre_hook(
        lambda _, words, named: seen.append((len(words[0]), named.get("class_labels"))), with_kwargs=True
    )
    Samples(tmp_path, shown(), 0).write(model, 0)
    columns = 10 if count == 10 else COLUMNS
    assert sum(pictures for pictures, _ in seen) == STEPS * ROWS * columns
    labels = [told for step, (_, told) in enumerate(seen) if step % STEPS == 0]
    if count:
        assert torch.equal(torch.cat(labels), torch.arange(ROWS * columns) % count)
    else:
        assert labels == [None]
    blank = torch.zeros(ROWS * columns, 1, 8, 8, dtype=torch.uint8).numpy()
    wanted = mosaic(blank, columns, scale=TILE_PX // 8).shape
    assert np.asarray(Image.open(tmp_path / "step-000000000.png")).shape == wanted


def test_a_ddpms_pictures_are_what_its_pipeline_draws_from_the_runs_noise(tmp_path: Path) -> None:
    model = ddpm_of()
    for name, seed, guidance in (("one", 0, 2.0), ("same", 0, 2.0), ("plain", 0, 1.0), ("other", 1, 2.0)):
        Samples(tmp_path / name, shown(), seed, guidance).write(model, 0)
        torch.manual_seed(seed)  # of no account
    found = {path.parent.name: path.read_bytes() for path in tmp_path.glob("*/*.png")}
    assert found["one"] == found["same"]
    assert len(set(found.values())) == 3

    noise = keyed_noise(derive_seed(0, "samples"), range(64), (1, 8, 8))
    images = model.eval().pipeline()(
        torch.arange(64) % 3,
        num_inference_steps=STEPS,
        guidance_scale=2.0,
        output_type="pt",
        return_dict=False,
        latents=noise,
    )[0]
    wanted = mosaic(as_bytes(2 * images - 1).numpy(), COLUMNS, scale=TILE_PX // 8)
    png = np.asarray(Image.open(tmp_path / "one" / "step-000000000.png"))
    assert np.abs(png.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("new", [lambda: model_of(VAE), ddpm_of])
def test_a_look_leaves_the_model_as_it_was(new: Callable[[], Any], tmp_path: Path) -> None:
    state = torch.get_rng_state()
    for mode in (True, False):
        model = new().train(mode)
        Samples(tmp_path, shown(), 0).write(model, 0)
        assert model.training == mode
    assert torch.equal(torch.get_rng_state(), state)


def test_few_pictures_are_all_shown_and_the_last_row_is_filled(tmp_path: Path) -> None:
    Samples(tmp_path, shown(3), 0).write(model_of(Autoencoder), 0)
    above, below = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    rows = rows_in_turn(above, below, 2)
    values = [float(part.mean()) for part in rows]
    assert values == [0, 0, 1, 1, 0, 255, 1, 255]
    assert (tmp_path / "step-000000000.png").is_file()


def test_the_film_shows_the_looks_in_their_order(tmp_path: Path) -> None:
    samples = Samples(tmp_path, shown(), 0)
    model = model_of(Autoencoder)
    for step in (0, 5, 10):
        with torch.no_grad():
            model.decoder.out.weight.mul_(step + 1)
        samples.write(model, step)
    assert samples.film() == tmp_path / FILM
    with Image.open(tmp_path / FILM) as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 3
    for step, frame in zip((0, 5, 10), frames, strict=True):
        still = np.asarray(Image.open(tmp_path / f"step-{step:09d}.png"))
        assert np.abs(frame.astype(int) - still).mean() < 4


def test_a_film_of_very_many_looks_has_the_first_and_the_last_of_them(tmp_path: Path) -> None:
    count = MOST_FRAMES + 51
    for step in range(count):
        still = np.zeros((4, count, 3), np.uint8)
        still[:, step] = 255
        Image.fromarray(still).save(tmp_path / f"step-{step:09d}.png")
    Samples(tmp_path, shown(), 0).film()
    with Image.open(tmp_path / FILM) as film:
        steps = [
            int(np.asarray(frame.convert("RGB"))[0, :, 0].argmax()) for frame in ImageSequence.Iterator(film)
        ]
    assert len(steps) == MOST_FRAMES
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, count - 1)


def test_without_pictures_there_is_no_film(tmp_path: Path) -> None:
    assert Samples(tmp_path, shown(), 0).film() is None


def test_levels_become_the_nearest_bytes() -> None:
    levels = torch.arange(256)
    assert torch.equal(as_bytes(levels / 127.5 - 1), levels.to(torch.uint8))
    assert as_bytes(torch.tensor([-9.0, 9.0])).tolist() == [0, 255]
