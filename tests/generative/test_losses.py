"""The losses of autoencoder and VAE, against slow and obvious versions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from generative.autoencoder import Autoencoder
from generative.presets import preset
from generative.vae import VAE
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import Batch
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from tests.generative.models import drawn, model_of, pictures


def slow_posterior(model: VAE, images: Tensor) -> list[list[tuple[float, float]]]:
    """(mean, variance) of each latent of each picture."""
    both = model.encoder(model.backbone(images)[-1]).detach().double()
    return [[(float(row[i]), math.exp(float(row[i + 3]))) for i in range(3)] for row in both]


def slow_kl(posterior: list[tuple[float, float]]) -> list[float]:
    return [0.5 * (mean**2 + variance - 1 - math.log(variance)) for mean, variance in posterior]


def normal_below(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def widened(model: VAE) -> VAE:
    """With a deviation at which no grey level is too unlikely to be written down slowly."""
    if model.log_scale is not None:
        torch.nn.init.constant_(model.log_scale, -1.0)
    return model


def slow_likelihood(model: VAE, target: Tensor, latents: Tensor) -> float:
    """Log probability of one picture (1, 8, 8), pixel by pixel."""
    raw = model.decoder(latents[None]).detach()[0]
    total = 0.0
    for pixel, logit in zip(target.flatten().tolist(), raw.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        if model.log_scale is None:
            assert pixel in (-1, 1)
            total += math.log(p if pixel == 1 else 1 - p)
            continue
        mean, deviation = 2 * p - 1, math.exp(float(model.log_scale.detach()))
        upper = 1.0 if pixel > 0.999 else normal_below((pixel + 1 / 255 - mean) / deviation)
        lower = 0.0 if pixel < -0.999 else normal_below((pixel - 1 / 255 - mean) / deviation)
        total += math.log(upper - lower)
    return total


@settings(max_examples=10)
@given(st.integers(1, 3), st.sampled_from(["gaussian", "bernoulli"]), st.floats(0, 3), st.integers(0, 99))
def test_the_vaes_loss_is_summed_over_pixels_and_latents_and_averaged_over_the_batch(
    count: int, likelihood: str, beta: float, seed: int
) -> None:
    model = widened(model_of(VAE, seed, likelihood=likelihood, beta=beta)).eval()
    images = pictures(count, seed=seed)
    loss, terms = model.loss(Batch(images, torch.zeros(count).long()), drawn(seed))

    generator = drawn(seed)
    targets = model.targets(images, generator)
    noise = torch.randn(count, 3, generator=generator)
    reconstruction = kl = 0.0
    for number, posterior in enumerate(slow_posterior(model, targets)):
        latents = [
            mean + math.sqrt(variance) * float(noise[number, latent])
            for latent, (mean, variance) in enumerate(posterior)
        ]
        reconstruction -= slow_likelihood(model, targets[number], torch.tensor(latents)) / count
        kl += sum(slow_kl(posterior)) / count
    assert float(terms["reconstruction"]) == pytest.approx(reconstruction, rel=1e-3)
    assert float(terms["kl"]) == pytest.approx(kl, rel=1e-3, abs=1e-5)
    assert float(terms["elbo"]) == pytest.approx(-reconstruction - kl, rel=1e-3)
    assert float(loss.detach()) == pytest.approx(reconstruction + beta * kl, rel=1e-3)
    assert loss.requires_grad
    assert not any(term.requires_grad for term in terms.values())


@settings(max_examples=10)
@given(st.integers(1, 3), st.floats(0, 0.5), st.integers(0, 99))
def test_the_autoencoders_loss_is_the_squared_error_on_pixels_from_0_to_1(
    count: int, noise: float, seed: int
) -> None:
    model, images = model_of(Autoencoder, seed, noise=noise), pictures(count, seed=seed)
    loss, metrics = model.loss(Batch(images, torch.zeros(count).long()), drawn(seed))
    found = model(model.noised(images, drawn(seed))).detach()
    error = sum(
        ((one + 1) / 2 - (other + 1) / 2) ** 2
        for one, other in zip(found.flatten().tolist(), images.flatten().tolist(), strict=True)
    )
    assert float(loss.detach()) == pytest.approx(error / count, rel=1e-4)
    assert float(metrics["mse"]) == pytest.approx(error / count / 64, rel=1e-4)


def loss_of(model: VAE, progress: float = 1.0, *, training: bool = True) -> tuple[float, dict[str, float]]:
    model.train(training)
    loss, terms = model.loss(Batch(pictures(4), torch.zeros(4).long(), progress=progress), drawn(3))
    return float(loss.detach()), {name: float(term) for name, term in terms.items()}


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 0.0), (0.1, 1.0), (0.2, 2.0), (0.9, 2.0)])
def test_the_divergence_grows_to_its_weight_in_the_warm_up(progress: float, weight: float) -> None:
    loss, terms = loss_of(wide(beta=2.0, kl_warmup=0.2), progress)
    assert loss == pytest.approx(terms["reconstruction"] + weight * terms["kl"], rel=1e-5)


def test_evaluation_knows_neither_warm_up_nor_free_bits_nor_importance_samples() -> None:
    plain, _ = loss_of(wide(), training=False)
    for options in ({"kl_warmup": 0.5}, {"free_bits": 2.0}, {"importance_samples": 7}):
        assert loss_of(wide(**options), 0.1, training=False)[0] == plain
        assert loss_of(wide(**options), 0.1)[0] != plain


def wide(**options: Any) -> VAE:
    """Its posteriors differ from the prior by a few tenths of a nat in each latent."""
    model = model_of(VAE, **options)
    with torch.no_grad():
        model.encoder.out.weight.mul_(4)
    return model


def test_free_bits_are_what_each_latent_may_have_for_nothing() -> None:
    model = wide()
    per_latent = model.encode(pictures(4)).kl().mean(0).tolist()
    level = sorted(per_latent)[1]  # one latent below, one at, one above
    loss, terms = loss_of(wide(free_bits=level))
    charged = sum(max(kl, level) for kl in per_latent)
    assert charged > sum(per_latent)
    assert loss == pytest.approx(terms["reconstruction"] + charged, rel=1e-5)
    assert terms["kl"] == pytest.approx(sum(per_latent), rel=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_several_importance_samples_raise_the_bound_of_burda_et_al(likelihood: str) -> None:
    times, images = 4, pictures(2)
    model = widened(model_of(VAE, likelihood=likelihood, importance_samples=times).train())
    loss, terms = model.loss(Batch(images, torch.zeros(2).long()), drawn(1))

    generator = drawn(1)
    targets = model.targets(images, generator)
    noise = torch.randn(times * 2, 3, generator=generator)
    bound = elbo = 0.0
    for number, posterior in enumerate(slow_posterior(model, targets)):
        weights = []
        for time in range(times):
            weight, latents = 0.0, []
            for latent, (mean, variance) in enumerate(posterior):
                e = float(noise[2 * time + number, latent])
                z = mean + math.sqrt(variance) * e
                latents.append(z)
                weight += -(z**2) / 2 + e**2 / 2 + math.log(variance) / 2
            weights.append(weight + slow_likelihood(model, targets[number], torch.tensor(latents)))
        most = max(weights)
        bound += (most + math.log(sum(math.exp(weight - most) for weight in weights) / times)) / 2
        elbo += sum(weights) / times / 2
    assert float(loss.detach()) == pytest.approx(-bound, rel=1e-3)
    assert float(terms["elbo"]) == pytest.approx(elbo, rel=1e-3)
    assert float(terms["elbo"]) == pytest.approx(-float(terms["reconstruction"] + terms["kl"]), rel=1e-5)
    assert bound >= elbo


# Black and white


def test_bernoulli_targets_are_black_and_white_with_the_grey_values_chance() -> None:
    model = model_of(VAE, likelihood="bernoulli")
    grey = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])[:, None, None, None].expand(5, 1, 80, 80)
    found = model.targets(grey, drawn())
    assert set(found.unique().tolist()) == {-1.0, 1.0}
    white = (found == 1).float().mean((1, 2, 3))
    torch.testing.assert_close(white, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), rtol=0, atol=0.02)


def test_they_are_drawn_anew_each_time_and_from_the_generator_alone() -> None:
    model, images, generator = model_of(VAE, likelihood="bernoulli"), pictures(3), drawn()
    first, second = model.targets(images, generator), model.targets(images, generator)
    assert not torch.equal(first, second)
    torch.manual_seed(99)
    assert torch.equal(model.targets(images, drawn()), first)


def test_gaussian_targets_are_the_pictures() -> None:
    images = pictures(3)
    assert model_of(VAE).targets(images, drawn()) is images


def test_the_gaussians_probabilities_of_the_256_levels_sum_to_one() -> None:
    model = model_of(VAE, height=1, width=1).eval()
    levels = (torch.arange(256) / 127.5 - 1)[:, None, None, None]
    with torch.no_grad():
        for latents in torch.randn(3, 3, generator=drawn()):
            found = model.log_likelihood(levels, latents.expand(256, 3))
            assert found.exp().sum() == pytest.approx(1, abs=1e-4)


def test_latents_are_put_to_use_although_nearly_all_of_a_picture_is_background() -> None:
    """A bright spot somewhere on grey: a VAE that begins by blaming chance for it never looks again."""
    generator = torch.Generator().manual_seed(0)
    images = torch.full((512, 1, 8, 8), 40, dtype=torch.uint8)
    rows, columns = torch.randint(0, 7, (2, 512), generator=generator)
    for image, row, column in zip(images, rows, columns, strict=True):
        image[0, row : row + 2, column : column + 2] = 230
    pictures = Pictures(images, torch.zeros(512, dtype=torch.long), ("spot",))
    torch.manual_seed(0)
    model = VAE(1, 8, 8, latent=8, hidden=64, widths=(16, 32), stem_stride=2)
    model.decoder.begin_at(images)
    tuned = preset("vae", "folder")["fit"]
    training = Training(model, pictures, FitSettings(steps=300, **tuned), seed=0)
    for _ in range(300):
        training.update()
    assert training.evaluate(pictures)["kl"] > 3
