"""Autoencoder and VAE: pictures of any size, what they learn by heart, and how they are kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from generative.autoencoder import Autoencoder
from generative.config import CONFIGS
from generative.ddpm import DDPM
from generative.pictures import load_pictures
from generative.training import build_training
from generative.vae import VAE
from sandbox.nn.backbone import PRESETS
from sandbox.nn.batches import Batch
from sandbox.nn.ema import Ema
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.ui.console import Console
from tests.generative.models import drawn, model_of, pictures
from tests.nn.learners import MadeUp

SIZES = [(8, 8), (28, 28), (33, 47), (40, 40), (84, 84), (128, 128)]
KINDS: tuple[type[Autoencoder | VAE], ...] = (Autoencoder, VAE)


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

    assert (generative.Autoencoder, generative.VAE, generative.DDPM) == (Autoencoder, VAE, DDPM)
    assert {"Autoencoder", "VAE", "DDPM"} <= set(dir(generative))
    with pytest.raises(AttributeError, match="Vae"):
        generative.Vae  # noqa: B018


@pytest.mark.parametrize(
    "sizes", [{"latent": 10**8}, {"hidden": 10**9}, {"widths": (10**5, 4)}, {"depth": 20_000}]
)
def test_sizes_from_a_strangers_file_are_refused_before_memory_is_asked_for(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(sizes))}.* must be 1 to"):
        Autoencoder(**sizes)
    with pytest.raises(ValueError, match=f"{next(iter(sizes))}.* must be 1 to"):
        VAE(**sizes)


@pytest.mark.parametrize("words", [{"likelihood": "os.system"}, {"prior": "none"}])
def test_what_a_vae_does_not_know_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="there is no"):
        VAE(**words)


@pytest.mark.parametrize("kind", ["autoencoder", "vae"])
def test_a_new_model_answers_with_about_the_mean_of_its_pictures(kind: str) -> None:
    config = CONFIGS[kind]("digits", threads=1)
    data = load_pictures(config)
    model: Any = build_training(config, data, Console(quiet=True)).model
    mean = data.train.images.float().mean(0) / 127.5 - 1
    with torch.no_grad():
        drawn = model.decode(0.01 * torch.randn(16, model.latent)).mean(0)
    assert (drawn - mean).abs().mean() < 0.3 * (mean - mean.mean()).abs().mean()
