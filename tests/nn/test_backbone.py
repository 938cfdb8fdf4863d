"""The one network that sees: its features, its invariances, its start, and weights that move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sandbox.core.errors import Broken, NotFound, UnknownName, UsageError
from sandbox.nn.backbone import PRESETS, Backbone, build_backbone, preset_name
from sandbox.nn.blocks import ResidualBlock, group_norm
from sandbox.nn.transfer import convert_stem, load_backbone, save_backbone, transfer

every_preset = pytest.mark.parametrize("preset", PRESETS)


def learned(preset: str = "tiny", in_channels: int = 3, seed: int = 0) -> Backbone:
    """A backbone none of whose weights is zero any more, as after training."""
    torch.manual_seed(seed)
    backbone = build_backbone(preset, in_channels)
    for part in backbone.parameters():
        part.data += 0.05 * torch.randn_like(part)
    return backbone


def pictures(batch: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((batch, channels, height, width), generator=generator) * 2 - 1


# Layers


def test_a_norm_learns_behind_what_is_frozen() -> None:
    """torch's own crashes here."""
    norm = group_norm(16)
    frozen = torch.randn(4, 16, 5, 5).contiguous(memory_format=torch.channels_last)
    norm(frozen).square().sum().backward()
    kept, ours = norm.weight.grad, torch.nn.functional.group_norm(frozen, norm.num_groups)
    assert kept is not None
    torch.testing.assert_close(kept, 2 * ours.square().sum((0, 2, 3)))


# Features


@every_preset
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (28, 28), (40, 40), (64, 33), (84, 84)])
def test_every_scale_is_half_of_the_one_before_rounded_up(preset: str, size: tuple[int, int]) -> None:
    backbone = build_backbone(preset, 3)
    features = backbone(pictures(2, 3, *size))
    assert [f.shape[1] for f in features] == backbone.channels
    assert [tuple(f.shape[2:]) for f in features] == backbone.sizes(*size)
    for feature, reduction in zip(features, backbone.reductions, strict=True):
        assert feature.shape[2:] == (-(-size[0] // reduction), -(-size[1] // reduction))


def test_a_large_photograph_fits_too() -> None:
    assert build_backbone("large", 3)(pictures(1, 3, 224, 224))[-1].shape == (1, 128, 56, 56)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
def test_any_number_of_channels_can_be_seen(channels: int) -> None:
    assert torch.isfinite(build_backbone("tiny", channels)(pictures(2, channels, 20, 20))[-1]).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8, 12, 16, 24, 48, 50, 64, 100])
def test_group_norm_divides_any_number_of_channels(channels: int) -> None:
    norm = group_norm(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups <= 8


# Invariances


@every_preset
def test_training_and_evaluation_agree(preset: str) -> None:
    backbone, x = learned(preset), pictures(3, 3, 28, 28)
    for trained, evaluated in zip(backbone.train()(x), backbone.eval()(x), strict=True):
        torch.testing.assert_close(trained, evaluated, rtol=0, atol=0)


@every_preset
def test_one_picture_alone_gives_what_it_gives_among_64(preset: str) -> None:
    backbone, x = learned(preset), pictures(64, 3, 21, 28)
    with torch.inference_mode():
        for alone, among in zip(backbone(x[:1]), backbone(x), strict=True):
            torch.testing.assert_close(alone, among[:1], rtol=1e-4, atol=1e-4)


@every_preset
def test_the_memory_format_does_not_matter(preset: str) -> None:
    backbone, x = learned(preset), pictures(4, 3, 28, 28)
    other = learned(preset).to(memory_format=torch.contiguous_format)
    with torch.inference_mode():
        expected = backbone(x.contiguous(memory_format=torch.channels_last))
        for ours, theirs in zip(other(x), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_pictures_do_not_see_each_other() -> None:
    backbone, x = learned(), pictures(2, 3, 16, 16)
    changed = x.clone()
    changed[1] = 0
    torch.testing.assert_close(backbone(x)[-1][0], backbone(changed)[-1][0])


# The start


def test_a_new_block_passes_its_input_on() -> None:
    x = torch.randn(2, 16, 9, 9)
    torch.testing.assert_close(ResidualBlock(16, 16)(x), x)


def test_a_new_halving_block_averages() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    halved = ResidualBlock(1, 1, stride=2)(x)
    torch.testing.assert_close(halved, torch.tensor([[[[2.0, 3.5], [6.5, 8.0]]]]))


@every_preset
def test_features_neither_vanish_nor_explode_at_the_start(preset: str) -> None:
    torch.manual_seed(0)
    for feature in build_backbone(preset, 3)(torch.randn(16, 3, 40, 40)):
        assert 0.2 < feature.std().item() < 5


@every_preset
def test_every_weight_learns(preset: str) -> None:
    backbone = learned(preset)
    sum(f.square().mean() for f in backbone(pictures(2, 3, 16, 16))).backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in backbone.parameters())


def test_it_overfits_eight_pictures() -> None:
    torch.manual_seed(1)
    backbone = build_backbone("small", 1)
    head = nn.Linear(64, 8)
    x, labels = pictures(8, 1, 12, 12), torch.arange(8)
    optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], 3e-3)
    for _ in range(60):
        loss = nn.functional.cross_entropy(head(backbone(x)[-1].mean((2, 3))), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


# Modulation


def test_a_modulation_of_zeros_changes_nothing_and_another_does() -> None:
    backbone, x = learned("small"), pictures(2, 3, 16, 16)
    nothing = [torch.zeros(2, 2 * width) for width in backbone.block_channels]
    torch.testing.assert_close(backbone(x, nothing)[-1], backbone(x)[-1])
    something = [part.clone() for part in nothing]
    something[0][1] += 1
    first, second = (backbone(x, something)[-1] - backbone(x)[-1]).abs().amax((1, 2, 3))
    assert first == 0
    assert second > 0


def test_modulation_scales_and_shifts_after_the_second_norm() -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(4, 4), torch.randn(1, 4, 5, 5)
    nn.init.dirac_(block.conv2.weight)
    scale, shift = torch.tensor([[0.5, -1.0, 2.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0, -1.0]])
    h = block.norm2(block.conv1(nn.functional.silu(block.norm1(x))))
    expected = x + nn.functional.silu(h * (1 + scale[:, :, None, None]) + shift[:, :, None, None])
    torch.testing.assert_close(block(x, torch.cat([scale, shift], 1)), expected)


# Weights that move


@every_preset
def test_the_file_brings_back_the_same_features(preset: str, tmp_path: Path) -> None:
    backbone, x = learned(preset), pictures(2, 3, 16, 16)
    save_backbone(tmp_path / "backbone.safetensors", backbone)
    again = load_backbone(tmp_path)
    assert preset_name(again) == preset
    torch.testing.assert_close(again(x)[-1], backbone(x)[-1], rtol=0, atol=0)


def test_equal_backbones_are_equal_files(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for file in files:
        save_backbone(file, learned())
    assert len({file.read_bytes() for file in files}) == 1


def test_the_body_moves_as_it_is_and_the_stem_is_summed_to_grey() -> None:
    colour, grey = learned("small", 3), build_backbone("small", 1)
    report = transfer(colour, grey)
    assert str(report).endswith("the stem summed from 3 to 1 channels")
    assert report.body == sum(part.numel() for part in colour.stages.parameters())
    x = pictures(2, 1, 16, 16)
    torch.testing.assert_close(grey(x)[-1], colour(x.expand(-1, 3, -1, -1))[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [3, 4, 12])
def test_the_stem_is_repeated_and_rescaled_to_more_channels(channels: int) -> None:
    grey, more = learned("small", 1), build_backbone("small", channels)
    assert "repeated and rescaled" in str(transfer(grey, more))
    x = pictures(2, 1, 16, 16)
    torch.testing.assert_close(more(x.expand(-1, channels, -1, -1))[-1], grey(x)[-1], rtol=1e-4, atol=1e-4)


def test_colours_are_repeated_in_the_order_of_stacked_frames() -> None:
    weight = torch.arange(3.0).reshape(1, 3, 1, 1)
    converted = convert_stem(weight, 6).flatten()
    assert converted.tolist() == [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]


def test_another_preset_is_refused_with_both_shapes() -> None:
    target = learned("small")
    before = {name: part.clone() for name, part in target.state_dict().items()}
    with pytest.raises(UsageError, match=r"'tiny' \(widths \(16, 24, 48\).*'small' \(widths \(16, 32, 64\)"):
        transfer(learned("tiny"), target)
    for name, part in target.state_dict().items():
        torch.testing.assert_close(part, before[name], rtol=0, atol=0)


def test_what_is_no_backbone_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "backbone.safetensors"
    with pytest.raises(NotFound, match=r"has no backbone\.safetensors"):
        load_backbone(tmp_path)
    file.write_bytes(b"nonsense")
    with pytest.raises(Broken, match="cannot be read"):
        load_backbone(file)
    save_file({"stem.weight": torch.zeros(1)}, file)
    with pytest.raises(Broken, match="is no backbone"):
        load_backbone(file)
    schema = "sandbox.backbone/1"
    save_file({"stem.weight": torch.zeros(1)}, file, {schema: json.dumps(learned().description())})
    with pytest.raises(Broken, match="does not hold the backbone that it describes"):
        load_backbone(file)
    huge = {**learned().description(), "widths": [10**9, 10**9]}
    save_file({"stem.weight": torch.zeros(1)}, file, {schema: json.dumps(huge)})
    with pytest.raises(Broken, match="impossible sizes"):
        load_backbone(file)


def test_unknown_presets_and_impossible_shapes_are_refused() -> None:
    with pytest.raises(UnknownName, match="smal"):
        build_backbone("smal", 3)
    for arguments in ({"in_channels": 0}, {"widths": (8,)}, {"depth": 0}, {"stem_stride": 3}):
        with pytest.raises(ValueError):
            Backbone(**{"in_channels": 1, "widths": (8, 16), **arguments})
