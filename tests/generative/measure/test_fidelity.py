"""How near reconstructions come, and what principal components come to beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from generative import passes
from generative.autoencoder import Autoencoder
from generative.measure import components
from generative.measure.components import Components, measure_components
from generative.measure.fidelity import measure_fidelity, psnr
from sandbox.data.catalog import load

CPU = torch.device("cpu")


def small_autoencoder(noise: float = 0.0) -> Autoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Autoencoder(1, 8, 8, 5, 16, (8, 16), noise=noise).eval()


def test_the_error_is_the_mean_over_pixels_from_0_to_1(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pictures = small_autoencoder(), load("digits").test
    with torch.no_grad():
        found = (model(pictures.images / 127.5 - 1) + 1) / 2
    expected = (found - pictures.images / 255).square().mean().item()
    measured = measure_fidelity(model, pictures, CPU)
    assert measured.mse == pytest.approx(expected, rel=1e-5)
    assert measured.denoised is None
    monkeypatch.setattr(passes, "MOST_PICTURES", 50)
    assert measure_fidelity(model, pictures, CPU).mse == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("mse", "decibels"), [(1.0, 0.0), (0.01, 20.0), (0.0, math.inf)])
def test_the_peak_signal_to_noise_ratio(mse: float, decibels: float) -> None:
    assert psnr(mse) == pytest.approx(decibels)


def test_of_a_denoising_one_the_noise_and_what_is_left_of_it_are_told() -> None:
    """Half of the noise on black pixels is cut off, so its error is below its variance."""
    found = measure_fidelity(small_autoencoder(noise=0.2), load("digits").test, CPU)
    assert found.denoised is not None
    assert 0.4 * 0.2**2 < found.denoised.before < 0.2**2
    again = measure_fidelity(small_autoencoder(noise=0.2), load("digits").test, CPU)
    assert again == found
    assert found.summary()["noised"]["input_mse"] == found.denoised.before


def test_principal_components_are_scikit_learns() -> None:
    data = load("digits")
    train, test = (part.images.flatten(1).numpy() / 255.0 for part in (data.train, data.test))
    pca = PCA(6).fit(train)
    expected = np.square(pca.inverse_transform(pca.transform(test)) - test).mean()
    found = measure_components(data.train, data.test, 6)
    assert isinstance(found, Components)
    assert found.mse == pytest.approx(expected, rel=1e-3)
    assert (found.components, found.learned_from, found.n) == (6, len(data.train), 359)


def test_where_all_pictures_are_too_many_some_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load("digits")
    monkeypatch.setattr(components, "MOST_NUMBERS", 64 * 300)
    found = measure_components(data.train, data.test, 6)
    assert isinstance(found, Components)
    assert (found.learned_from, found.n) == (300, 300)


@pytest.mark.parametrize(("count", "pictures"), [(65, 500), (32, 100)])
def test_where_that_would_mean_little_they_are_left_out(
    monkeypatch: pytest.MonkeyPatch, count: int, pictures: int
) -> None:
    data = load("digits")
    monkeypatch.setattr(components, "MOST_NUMBERS", 64 * pictures)
    found = measure_components(data.train, data.test, count)
    assert isinstance(found, str)
    assert "of 64 numbers" in found
