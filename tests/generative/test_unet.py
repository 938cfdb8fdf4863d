"""The denoiser: pictures of any size, what it is told, and how it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMPipeline, DDPMPipeline, DDPMScheduler
from torch import Tensor, nn

from generative.conditioning import sinusoids
from generative.unet import UNet
from sandbox.nn.backbone import Backbone
from sandbox.nn.presets import PRESETS

SIZES = [(8, 8), (9, 13), (25, 30), (28, 28), (40, 40), (84, 84)]
CLASSES = ("zero", "one", "two")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def awake(**options: Any) -> UNet:
    """A small denoiser in which nothing is zero any more."""
    torch.manual_seed(0)
    model = UNet(**{"widths": (8, 16, 32), "classes": CLASSES, **options})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return model.eval()


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


# Shapes


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_pictures_of_any_size_keep_it(size: tuple[int, int], channels: int, attention: bool) -> None:
    model = awake(sample_size=size, in_channels=channels, attention=attention)
    assert model.shape == (channels, *size)
    output = model(drawn(2, channels, *size), 3).sample
    assert output.shape == (2, channels, *size)
    assert output.isfinite().all()
    assert output.std() > 0


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", SIZES)
def test_every_preset_can_be_its_encoder(preset: str, size: tuple[int, int]) -> None:
    form = asdict(PRESETS[preset])
    model = awake(sample_size=size, in_channels=3, **form)
    assert model(drawn(1, 3, *size), 3).sample.shape == (1, 3, *size)
    assert model.backbone.preset == PRESETS[preset]
    assert model.backbone.state_dict().keys() == Backbone(3, **form).state_dict().keys()


def test_more_can_be_said_of_a_picture_than_it_has_channels() -> None:
    model = awake(sample_size=8, in_channels=1, out_channels=2)
    sample = drawn(3, 1, 8, 8)
    assert model(sample, 3).sample.shape == (3, 2, 8, 8)
    assert torch.equal(model(sample, 3, return_dict=False)[0], model(sample, 3).sample)


@pytest.mark.parametrize(
    "absurd",
    [
        {"widths": (1 << 20, 1 << 20)},
        {"widths": (4096,) * 16, "depth": 64},
        {"widths": (8,) * 1000},
        {"widths": (8, -8)},
        {"widths": (8.5, 16)},
        {"widths": ("8", "16")},
        {"depth": 1 << 40},
        {"stem_stride": 3},
        {"sample_size": 1 << 30},
        {"sample_size": (8, 8, 8)},
        {"sample_size": 0},
        {"sample_size": "28"},
        {"sample_size": None},
        {"in_channels": 1 << 25},
        {"in_channels": None},
        {"out_channels": 1 << 25},
        {"out_channels": 0},
        {"classes": ("many",) * (1 << 17)},
        {"classes": None},
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_asked_for(absurd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        UNet(**absurd)


# What it is told


def test_a_new_one_says_nothing() -> None:
    assert not UNet(8, widths=(8, 16))(drawn(2, 1, 8, 8), 500).sample.any()


def test_a_timestep_may_be_one_number_or_many() -> None:
    model, sample = awake(sample_size=8), drawn(3, 1, 8, 8)
    expected = model(sample, torch.tensor([7, 7, 7])).sample
    for timestep in (7, 7.0, torch.tensor(7), torch.tensor(7.0), torch.tensor([7]), torch.full((3,), 7.0)):
        assert torch.equal(model(sample, timestep).sample, expected)


def test_every_timestep_is_another() -> None:
    times = torch.arange(1000)
    waves = sinusoids(times, 128)
    assert waves.shape == (1000, 128)
    apart = torch.cdist(waves, waves) + 10 * torch.eye(1000)
    assert apart.min() > 0.5
    model = awake(sample_size=8)
    output = model(drawn(1, 1, 8, 8).expand(4, -1, -1, -1), torch.tensor([0, 1, 500, 999])).sample
    assert (output.flatten(1).diff(dim=0).abs().amax(1) > 1e-4).all()


def test_it_is_told_the_class() -> None:
    model, sample = awake(sample_size=8), drawn(1, 1, 8, 8).expand(4, -1, -1, -1)
    output = model(sample, 500, torch.arange(4)).sample
    assert (torch.cdist(output.flatten(1), output.flatten(1)) + torch.eye(4)).min() > 1e-3


def test_no_class_is_the_null_class() -> None:
    model, sample = awake(sample_size=8), drawn(2, 1, 8, 8)
    null = torch.full((2,), len(model.classes))
    assert torch.equal(model(sample, 5).sample, model(sample, 5, null).sample)


def test_a_model_without_classes_takes_none() -> None:
    model, sample = awake(sample_size=8, classes=()), drawn(2, 1, 8, 8)
    assert model(sample, 5).sample.shape == sample.shape
    with pytest.raises(ValueError, match="no classes"):
        model(sample, 5, torch.zeros(2, dtype=torch.long))


def test_every_picture_is_judged_alone() -> None:
    model, sample = awake(sample_size=28, attention=True), drawn(4, 1, 28, 28)
    times, labels = torch.tensor([1, 10, 100, 900]), torch.tensor([0, 1, 2, 3])
    alone = [model(sample[i : i + 1], times[i], labels[i : i + 1]).sample for i in range(4)]
    torch.testing.assert_close(model(sample, times, labels).sample, torch.cat(alone), rtol=1e-3, atol=1e-4)


# Attention


def test_attention_begins_by_changing_nothing() -> None:
    torch.manual_seed(0)
    model = UNet(28, widths=(8, 16, 32), attention=True)
    features = drawn(2, 32, 7, 7).contiguous(memory_format=torch.channels_last)
    assert torch.equal(model.decoder.attention(features), features)


def test_attention_carries_what_is_in_one_corner_to_the_other() -> None:
    attention: Any = awake(sample_size=28, attention=True).decoder.attention
    features = drawn(1, 32, 7, 7)
    other = features.clone()
    other[..., 0, 0] += drawn(32)
    # GroupNorm alone would do it, too.
    attention.norm = nn.Identity()
    assert (attention(other) - attention(features))[..., 6, 6].abs().max() > 1e-5


# As diffusers has them


@pytest.mark.parametrize(
    "options",
    [{}, {"attention": True, "classes": ()}, {"sample_size": (9, 13), "in_channels": 3, "stem_stride": 2}],
)
def test_a_saved_one_opens_to_the_bit(options: dict[str, Any], tmp_path: Path) -> None:
    model = awake(**options)
    model.save_pretrained(tmp_path)
    again = UNet.from_pretrained(tmp_path)
    assert not again.training
    assert (again.classes, again.shape, again.backbone.preset) == (
        model.classes,
        model.shape,
        model.backbone.preset,
    )
    sample = drawn(2, *model.shape)
    assert torch.equal(again(sample, 500).sample, model(sample, 500).sample)
    # In another layout it would be slower, and round differently after the next update.
    strides = [parameter.stride() for parameter in model.parameters()]
    assert [parameter.stride() for parameter in again.parameters()] == strides


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    awake().save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(OSError, match="safetensors"):
        UNet.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", [DDPMPipeline, DDIMPipeline])
def test_diffusers_pipelines_open_it(kind: Any, tmp_path: Path) -> None:
    model = awake(sample_size=(9, 13), attention=True)
    DDPMPipeline(model, DDPMScheduler()).save_pretrained(tmp_path)  # type: ignore[arg-type]
    pipeline = kind.from_pretrained(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    assert type(pipeline.unet) is UNet
    sample = drawn(2, 1, 9, 13)
    assert torch.equal(pipeline.unet(sample, 5).sample, model(sample, 5).sample)
    assert pipeline(batch_size=2, num_inference_steps=2, output_type="np").images.shape == (2, 9, 13, 1)


# What it learns


@torch.enable_grad()
@pytest.mark.parametrize("form", [{"attention": True}, {"widths": (16, 32), "stem_stride": 2}])
def test_it_learns_four_pictures_by_heart(form: dict[str, Any]) -> None:
    """The velocity (Salimans and Ho 2022) of noisy pictures follows from them, if there are only four."""
    torch.manual_seed(0)
    model = UNet(8, classes=("a", "b", "c", "d"), **{"widths": (8, 16, 32), **form})
    pictures = drawn(4, 1, 8, 8, seed=1).sign()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for step in range(300):
        angle = torch.rand(32, 1, 1, 1) * torch.pi / 2
        labels, noise = torch.arange(32) % 4, torch.randn(32, 1, 8, 8)
        noisy = angle.cos() * pictures[labels] + angle.sin() * noise
        velocity = angle.cos() * noise - angle.sin() * pictures[labels]
        loss = (model(noisy, angle.flatten() * 636, labels).sample - velocity).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if step == 0:
            assert losses[0] > 0.8  # nothing is said yet
    # 1 is the least that is possible without knowing the pictures, which are noise themselves.
    assert sum(losses[-20:]) / 20 < 0.3
