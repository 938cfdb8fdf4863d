"""The backbone has the same keys and shapes in whatever uses it, but for the channels that the stem sees."""

from __future__ import annotations

import pytest
import torch

from sandbox.nn.backbone import PRESETS, build_backbone
from sandbox.supervised.models import BackboneClassifier, build_classifier


def shapes(module: torch.nn.Module, prefix: str = "") -> dict[str, tuple[int, ...]]:
    state = module.state_dict()
    return {name.removeprefix(prefix): tuple(v.shape) for name, v in state.items() if name.startswith(prefix)}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("shape", "classes"), [((1, 8, 8), 10), ((1, 28, 28), 24), ((3, 100, 60), 2)])
def test_a_classifier_of_any_pictures_holds_the_very_same_backbone(
    preset: str, shape: tuple[int, int, int], classes: int
) -> None:
    model = build_classifier("backbone", shape, classes, preset)
    assert isinstance(model, BackboneClassifier)
    assert shapes(model, "backbone.") == shapes(build_backbone(preset, shape[0]))
    assert model(torch.zeros(2, *shape)).shape == (2, classes)


@pytest.mark.parametrize("preset", PRESETS)
def test_only_the_stem_knows_how_many_channels_a_picture_has(preset: str) -> None:
    grey, stack = shapes(build_backbone(preset, 1)), shapes(build_backbone(preset, 12))
    assert {name for name in grey if grey[name] != stack[name]} == {"stem.weight"}
    assert grey.keys() == stack.keys()
