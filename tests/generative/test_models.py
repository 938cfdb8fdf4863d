"""Autoencoder and VAE: pictures of any size, what they learn by heart, and losses against slow versions."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from generative.autoencoder import Autoencoder
from generative.vae import VAE
from sandbox.nn.backbone import PRESETS
from sandbox.nn.batches import Batch
from sandbox.nn.ema import Ema
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from tests.nn.learners import MadeUp

TINY = {"widths": (8, 16), "hidden": 16, "latent": 3}
SIZES = [(8, 8), (28, 28), (33, 47), (40, 40), (84, 84), (128, 128)]
KINDS: tuple[type[Autoencoder | VAE], ...] = (Autoencoder, VAE)


def model_of(kind: type[Any], seed: int = 0, **options: Any) -> Any:
    """A new tiny model; its weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(**{"height": 8, "width": 8, **TINY, **options})


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, *shape: int, seed: int = 0) -> Tensor:
    """(count, *shape) of the 256 grey levels, in [−1, 1]."""
    levels = torch.randint(0, 256, (count, *(shape or (1, 8, 8))), generator=drawn(seed))
    return levels / 127.5 - 1


# Shapes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pictures_of_any_size_go_through_a_few_numbers(
    kind: type, channels: int, height: int, width: int
) -> None:
    model = model_of(kind, channels=channels, height=height, width=width).eval()
    images = pictures(2, channels, height, width)
    assert model.shape == (channels, height, width)
    with torch.no_grad():
        latents = model.embed(images)
        assert latents.shape == (2, model.latent) == (2, 3)
        back = model.decode(latents)
        assert back.shape == images.shape
        assert -1 <= back.min() <= back.max() <= 1
        assert torch.equal(model(images), back)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("side", [8, 28, 84])
def test_every_preset_is_mirrored(kind: type, preset: str, side: int) -> None:
    shape = PRESETS[preset]
    form = {"widths": shape.widths, "depth": shape.depth, "stem_stride": shape.stem_stride}
    model = model_of(kind, channels=3, height=side, width=side, **form).eval()
    with torch.no_grad():
        assert model(pictures(1, 3, side, side)).shape == (1, 3, side, side)
    assert model.backbone.preset == shape


def test_the_posterior_has_a_mean_and_a_variance_for_each_latent() -> None:
    posterior = model_of(VAE).encode(pictures(5))
    assert posterior.mean.shape == posterior.log_variance.shape == posterior.kl().shape == (5, 3)
    assert torch.equal(posterior.sample(drawn(1)), posterior.sample(drawn(1)))
    assert not torch.equal(posterior.sample(drawn(1)), posterior.sample(drawn(2)))


@pytest.mark.parametrize("kind", KINDS)
def test_in_evaluation_every_picture_is_judged_alone(kind: type) -> None:
    model, images = model_of(kind).eval(), pictures(4)
    alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 8, 8), (1, 0, 8), (3, 1 << 14, 1 << 14)])
def test_impossible_pictures_are_refused(kind: type, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no pictures have"):
        model_of(kind, channels=shape[0], height=shape[1], width=shape[2])


@pytest.mark.parametrize("kind", KINDS)
def test_an_averaged_copy_is_a_model_of_its_own(kind: type) -> None:
    model = model_of(kind)
    average = Ema(model, 0.5).average
    with torch.no_grad():
        next(iter(model.parameters())).add_(1)
    assert type(average) is kind
    assert not torch.equal(next(iter(average.parameters())), next(iter(model.parameters())))
    images = pictures(2)
    assert torch.equal(average(images), copy.deepcopy(average)(images))


# What they learn


def learned(model: Any, steps: int, until: Callable[[Training], bool] = lambda training: False) -> Training:
    """After fitting four pictures for so many steps, or until enough is learned."""
    settings_ = FitSettings(steps=steps, batch_size=4, learning_rate=0.01)
    training = Training(model, MadeUp(4), settings_, seed=0)
    while training.step < steps and not (training.step % 10 == 0 and until(training)):
        training.update()
    return training


def test_an_autoencoder_learns_four_pictures_by_heart() -> None:
    def by_heart(training: Training) -> bool:
        return training.evaluate(MadeUp(4))["mse"] < 2e-3

    training = learned(model_of(Autoencoder), 1)
    assert training.evaluate(MadeUp(4))["mse"] > 0.02
    assert by_heart(learned(model_of(Autoencoder), 400, by_heart))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_a_vae_comes_to_tell_four_pictures_apart(likelihood: str) -> None:
    def apart(training: Training) -> bool:
        after = training.evaluate(MadeUp(4))
        # Its latents say which of the four a picture is, and it is better off for it.
        return after["elbo"] > before["elbo"] + 1 and after["kl"] > math.log(4) / 2

    before = learned(model_of(VAE, likelihood=likelihood), 1).evaluate(MadeUp(4))
    assert apart(learned(model_of(VAE, likelihood=likelihood), 300, apart))


def test_noise_is_removed_and_not_learned() -> None:
    """The error is against the clean picture: below that of returning what came in."""
    images = MadeUp(4).images / 127.5 - 1
    model = model_of(Autoencoder, noise=0.3)
    noised = model.noised(images, drawn(5))
    assert -1 <= noised.min() <= noised.max() <= 1
    assert not torch.equal(noised, images)
    assert torch.equal(model.noised(images, drawn(5)), noised)

    @torch.no_grad()
    def error(training: Training) -> float:
        return float((cast(Any, training.model).eval()(noised) - images).square().mean())

    goal = 0.5 * float((noised - images).square().mean())
    assert error(learned(model, 300, lambda training: error(training) < goal)) < goal


def test_a_plain_autoencoder_sees_its_pictures_as_they_are() -> None:
    images = pictures(3)
    assert torch.equal(model_of(Autoencoder).noised(images, drawn()), images)


# Losses, against slow and obvious versions


def slow_posterior(model: VAE, images: Tensor) -> list[list[tuple[float, float]]]:
    """(mean, variance) of each latent of each picture."""
    both = model.encoder(model.backbone(images)[-1]).detach().double()
    return [[(float(row[i]), math.exp(float(row[i + 3]))) for i in range(3)] for row in both]


def slow_kl(posterior: list[tuple[float, float]]) -> list[float]:
    return [0.5 * (mean**2 + variance - 1 - math.log(variance)) for mean, variance in posterior]


def normal_below(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


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
    model = model_of(VAE, seed, likelihood=likelihood, beta=beta).eval()
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
    model = model_of(VAE, likelihood=likelihood, importance_samples=times).train()
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


# Classes


@pytest.fixture
def told() -> VAE:
    return model_of(VAE, classes=("a", "b", "c")).eval()


def test_a_conditional_model_is_told_the_class_on_both_sides(told: VAE) -> None:
    images, latents = pictures(1).expand(3, -1, -1, -1), torch.zeros(3, 3)
    labels = torch.arange(3)
    with torch.no_grad():
        for found in (told.embed(images, labels), told.decode(latents, labels)):
            assert not any(torch.equal(found[i], found[i - 1]) for i in range(3))
    assert told.classes == ("a", "b", "c")


def test_its_loss_gets_the_batchs_labels(told: VAE) -> None:
    images = pictures(1)
    losses = {
        float(told.loss(Batch(images, torch.tensor([label])), drawn())[0].detach()) for label in range(3)
    }
    assert len(losses) == 3
    plain = model_of(VAE)
    losses = {
        float(plain.loss(Batch(images, torch.tensor([label])), drawn())[0].detach()) for label in range(3)
    }
    assert len(losses) == 1


def test_without_a_class_it_says_what_it_needs(told: VAE) -> None:
    for ask in (lambda: told.embed(pictures(1)), lambda: told.decode(torch.zeros(1, 3))):
        with pytest.raises((TypeError, ValueError), match="labels"):
            ask()


# As diffusers has them


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Autoencoder, {}),
        (Autoencoder, {"noise": 0.25, "channels": 3, "height": 33, "width": 47}),
        (VAE, {"likelihood": "bernoulli", "beta": 2.5, "kl_warmup": 0.25, "free_bits": 0.125}),
        (VAE, {"classes": ("one", "zwei", "três"), "importance_samples": 3, "depth": 2}),
    ],
)
def test_a_saved_model_opens_to_the_bit(kind: Any, options: dict[str, Any], tmp_path: Path) -> None:
    model = model_of(kind, **options).eval()
    model.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    opened = kind.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert not opened.training
    assert opened.shape == model.shape
    assert opened.classes == model.classes
    for name in options:
        kept = opened.config[name]
        assert (tuple(kept) if isinstance(kept, list) else kept) == options[name]
    for name, part in model.state_dict().items():
        assert torch.equal(opened.state_dict()[name], part), name
    batch = Batch(pictures(2, *model.shape), torch.tensor([0, 1]), progress=0.1)
    with torch.no_grad():
        for one in (model, opened):
            one.train()
        # Weights that lie otherwise in memory are summed in another order.
        torch.testing.assert_close(model.loss(batch, drawn())[0], opened.loss(batch, drawn())[0])


def test_the_wing_names_its_models() -> None:
    import generative

    assert (generative.Autoencoder, generative.VAE) == (Autoencoder, VAE)
    assert {"Autoencoder", "VAE"} <= set(dir(generative))
    with pytest.raises(AttributeError, match="Vae"):
        generative.Vae  # noqa: B018
