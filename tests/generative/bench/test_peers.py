"""What stands beside our models: principal components, and VAEs of other projects on the same pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from generative.bench import beside, peers, speed
from generative.bench.beside import learn
from generative.bench.peers import PEERS, DenseVAE, Peer, examples
from generative.bench.speed import OURS, SAME_NET, present, rows_of
from generative.measure.bounds import described, measure_bound, measure_gap
from generative.measure.components import reconstruction_errors
from sandbox.commands.bench_envs.timing import Pace
from sandbox.data.pictures import Dataset, Pictures
from sandbox.nn.batches import Batch
from sandbox.ui.console import Console

CPU = torch.device("cpu")


def pictures(count: int, seed: int = 0) -> Pictures:
    """Grey squares of MNIST's size, each somewhere else."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 1, 28, 28), np.uint8)
    for image, (row, column) in zip(images, rng.integers(0, 18, (count, 2)), strict=True):
        image[0, row : row + 10, column : column + 10] = 240
    return Pictures(torch.from_numpy(images), torch.zeros(count, dtype=torch.int64), ("square",))


@pytest.fixture
def dataset() -> Dataset:
    return Dataset("squares", pictures(300), pictures(60, 1), pictures(60, 2), "squares", "", "")


def test_principal_components_are_those_of_a_plain_decomposition() -> None:
    train, test = pictures(120).images, pictures(40, 1).images
    found = reconstruction_errors(train, test, [3, 20])
    known, seen = (part.flatten(1).double().numpy() / 255 for part in (train, test))
    axes = np.linalg.svd(known - known.mean(0), full_matrices=False)[2]
    for count, error in found.items():
        left = seen - known.mean(0)
        left = left - left @ axes[:count].T @ axes[:count]
        assert error == pytest.approx(np.square(left).mean(), rel=1e-3)


def test_the_net_of_the_peer_is_as_it_is_described() -> None:
    model = DenseVAE()
    weights = 784 * 400 + 400 + 2 * (400 * 20 + 20) + 20 * 400 + 400 + 400 * 784 + 784
    assert sum(part.numel() for part in model.parameters()) == weights
    assert examples(pictures(300).images, torch.zeros(300)).batch_size == 128


def test_its_objective_is_the_bound_that_is_measured() -> None:
    """The same under our loop, in its own, and as `evaluate` measures: summed over the batch or not."""
    some = pictures(64)
    peer = examples(some.images, some.labels)
    black = described(peer.model, some)  # type: ignore[arg-type]
    bound = measure_bound(peer.model.eval(), black, CPU)  # type: ignore[arg-type]
    white = black.images.float() / 255
    torch.manual_seed(0)
    own = float(peer.loss((white, black.labels)).detach()) / 64
    ours, _ = peer.model.loss(Batch(2 * white - 1, black.labels), torch.Generator())  # type: ignore[operator]
    assert own == pytest.approx(-bound.elbo, rel=5e-3)
    assert float(ours.detach()) == pytest.approx(-bound.elbo, rel=5e-3)
    gap = measure_gap(peer.model, black, CPU, 32, 8)  # type: ignore[arg-type]
    assert gap.mean > 0


def test_a_peer_learns_as_long_as_it_is_told_and_keeps_its_best_weights(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look comes after an epoch of three batches, which takes a second here, and the second is best."""
    seen: list[torch.Tensor] = []

    def epoch(peer: Peer, steps: int, seconds: float) -> tuple[int, float]:
        peer.update(steps)
        return steps, 1.0

    def look(model: DenseVAE, black: Pictures, device: torch.device) -> SimpleNamespace:
        seen.append(model.mean.weight.detach().clone())
        return SimpleNamespace(elbo=(-200.0, -100.0, -300.0)[len(seen) - 1])

    monkeypatch.setattr(beside, "_until", epoch)
    monkeypatch.setattr(beside, "measure_bound", look)
    learned = learn("pytorch/examples", dataset, seed=0, seconds=2.5, count=1)
    assert (learned.seconds, learned.epochs) == (3.0, pytest.approx(9 * 128 / 300))
    assert len(seen) == 3
    assert torch.equal(learned.model.mean.weight, seen[1])  # type: ignore[union-attr]
    assert not torch.equal(seen[1], seen[2])


def test_learning_makes_the_bound_better(dataset: Dataset) -> None:
    peer = examples(dataset.train.images, dataset.train.labels)
    black = described(peer.model, dataset.validation)  # type: ignore[arg-type]
    before = measure_bound(peer.model.eval(), black, CPU).elbo  # type: ignore[arg-type]
    peer.update(30)  # across the ends of epochs
    assert measure_bound(peer.model.eval(), black, CPU).elbo > before + 100  # type: ignore[arg-type]


def test_peers_that_are_not_installed_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    assert present(Console()) == ["pytorch/examples"]
    assert "pip install pythae" in capsys.readouterr().err
    monkeypatch.setattr(speed, "find_spec", lambda name: object())
    assert present(Console()) == list(PEERS)
    assert peers.TOO_SLOW not in present(Console(), slow=False)


def test_ours_stand_beside_every_peer_with_the_ratio_of_the_turns() -> None:
    pace = Pace((100.0, 200.0, 300.0), (1.0, 0.9, 1.0))
    slow = replace(pace, steps_per_second=(50.0, 50.0, 50.0))
    paces = dict.fromkeys(PEERS, slow) | dict.fromkeys((*OURS.values(), SAME_NET), pace)
    rows = rows_of(paces, dict.fromkeys(paces, 7))
    assert [(row["ours"], row["beside"]) for row in rows] == [
        *((OURS["vae"], name) for name in PEERS),
        (SAME_NET, "pytorch/examples"),
        (OURS["autoencoder"], OURS["vae"]),
    ]
    assert [row["times"] for row in rows] == [4.0, 4.0, 4.0, 4.0, 1.0]
    assert all(math.isclose(row["cpu_over_wall"], 0.9) for row in rows)
