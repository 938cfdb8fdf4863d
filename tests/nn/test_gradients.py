"""Class activation and SmoothGrad: against slow versions, and where only one part of a picture matters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.nn.backbone import Backbone
from sandbox.nn.gradients import class_activation, smooth_gradients
from sandbox.supervised.models import MLP, BackboneClassifier, Classifier, Linear

SIDE = 16


class Averaging(Classifier):
    """A convolution, ReLU, the average over all places, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.seeing, self.head = nn.Conv2d(2, 5, 3), nn.Linear(5, 4)

    def evidence(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.seeing(images).relu()
        return features, self.head(features.mean((2, 3)))


def slow_grad_cam(head: nn.Linear, features: Tensor, chosen: int) -> Tensor:
    """Grad-CAM of the features (channels, rows, columns) of one picture; gradients by differences."""
    channels, rows, columns = features.shape

    def score(values: Tensor) -> float:
        return float(head(values.mean((1, 2)))[chosen])

    heat = torch.zeros(rows, columns)
    for channel in range(channels):
        slopes = []
        for row in range(rows):
            for column in range(columns):
                more = features.clone()
                more[channel, row, column] += 1.0  # as far as one likes: the head is linear
                slopes.append(score(more) - score(features))
        heat += sum(slopes) / len(slopes) * features[channel]
    return heat.clamp_min(0)


def test_behind_global_average_pooling_it_is_grad_cam() -> None:
    torch.manual_seed(0)
    judge, pictures, classes = Averaging(), torch.randn(3, 2, 7, 6), torch.tensor([3, 0, 1])
    found = class_activation(judge, pictures, classes)
    assert found is not None
    with torch.no_grad():
        features = judge.evidence(pictures)[0]
        for heat, one, chosen in zip(found, features, classes.tolist(), strict=True):
            torch.testing.assert_close(heat, slow_grad_cam(judge.head, one, chosen), atol=1e-5, rtol=1e-3)


def blobs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures with a bright or a dark blob in each quarter; is that of the upper right bright?"""
    draw = torch.Generator().manual_seed(seed)
    bright = torch.randint(0, 2, (count, 1, 2, 2), generator=draw)
    shape = torch.zeros(SIDE // 2, SIDE // 2)
    shape[2:6, 2:6] = 1.0
    pictures = (bright * 2.0 - 1).repeat_interleave(SIDE // 2, 2).repeat_interleave(SIDE // 2, 3)
    pictures = pictures * shape.repeat(2, 2) + 0.1 * torch.randn(pictures.shape, generator=draw)
    return pictures.clamp(-1, 1), bright[:, 0, 0, 1]


def taught(judge: Classifier) -> Classifier:
    """The classifier, after it has learned which blob counts."""
    optimizer = torch.optim.Adam(judge.parameters(), 3e-3)
    for step in range(60):
        pictures, labels = blobs(64, step)
        optimizer.zero_grad()
        F.cross_entropy(judge(pictures), labels).backward()
        optimizer.step()
    judge.eval()
    pictures, labels = blobs(200, 1000)
    assert (judge(pictures).argmax(1) == labels).all()
    return judge


def share_in_the_upper_right(heats: Tensor) -> Tensor:
    """Of each heat (rows, columns) the part that lies in that quarter."""
    rows, columns = heats.shape[1] // 2, heats.shape[2] // 2
    return heats[:, :rows, columns:].sum((1, 2)) / heats.sum((1, 2))


def test_class_activation_lights_up_in_the_only_quarter_that_matters() -> None:
    torch.manual_seed(0)
    judge = taught(BackboneClassifier(Backbone(1, (8, 16)), 2))
    pictures, labels = blobs(50, 2000)
    heats = class_activation(judge, pictures, labels)
    assert heats is not None
    assert heats.shape == (50, SIDE // 2, SIDE // 2)
    assert share_in_the_upper_right(heats).median() > 0.6  # by chance: 0.25

    # The same features glow wherever they are, once gradients are averaged over the places.
    features, logits = judge.evidence(pictures)
    (slope,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), features)
    averaged = (slope.mean((2, 3), keepdim=True) * features).sum(1).relu().detach()
    assert share_in_the_upper_right(averaged).median() < share_in_the_upper_right(heats).median() - 0.1


@pytest.mark.parametrize("dense", [Linear, MLP])
def test_gradients_light_up_there_and_dense_layers_have_no_class_activation(dense: type[Linear]) -> None:
    torch.manual_seed(0)
    judge = taught(dense((1, SIDE, SIDE), 2))
    pictures, labels = blobs(10, 2000)
    assert class_activation(judge, pictures, labels) is None
    heats = smooth_gradients(judge, pictures, labels)
    inner = heats * (pictures.abs()[:, 0] > 0.6)  # where there are blobs at all
    assert share_in_the_upper_right(inner).median() > 0.5


def test_gradients_of_a_linear_model_are_its_weights() -> None:
    judge, classes = Linear((3, 4, 5), 6), torch.tensor([5, 2])
    found = smooth_gradients(judge, torch.zeros(2, 3, 4, 5), classes)
    template = judge.first_kernels().detach()[classes]
    torch.testing.assert_close(found, template.abs().amax(1))


def test_gradients_are_averaged_over_the_same_noise_for_the_same_seed() -> None:
    torch.manual_seed(0)
    judge, pictures, classes = MLP((1, 8, 8), 3), torch.zeros(2, 1, 8, 8), torch.tensor([0, 2])
    one, two, other = (smooth_gradients(judge, pictures, classes, seed) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_weights_get_no_gradients() -> None:
    judge = Averaging()
    class_activation(judge, torch.zeros(1, 2, 7, 6), torch.tensor([0]))
    smooth_gradients(judge, torch.zeros(1, 2, 7, 6), torch.tensor([0]))
    assert all(weight.grad is None for weight in judge.parameters())
