"""The score of a picture: against a slow version of its formula, and kept with a run without loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.covariance import ledoit_wolf

from generative.anomalies import normality
from generative.anomalies.normality import FILE, SCHEMA, kept_normality, measure_normality, write_normality
from generative.anomalies.parts import parts_of
from generative.autoencoder import Autoencoder
from sandbox.core.errors import Diverged, UsageError
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.data.pictures import Pictures


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Autoencoder(1, 8, 8, 4, 16, (8, 12), 1, 1).eval()


@pytest.fixture(scope="module")
def threes() -> Pictures:
    train = load("digits").train
    return train.take(train.labels == 3)


def first(pictures: Pictures, count: int, start: int = 0) -> Pictures:
    return pictures.take(torch.arange(start, start + count))


def slow_parts(model: Autoencoder, picture: torch.Tensor) -> tuple[float, float, np.ndarray]:
    """Of one picture (1, height, width) uint8: e without its logarithm and floor, in two parts, and f."""
    x = picture[None].float() / 127.5 - 1
    with torch.inference_mode():
        scales, code = model.backbone(x), model.embed(x)
        again = model.backbone(model(x))[-1].numpy()
    columns = [code[0].numpy()]
    columns += [np.array([channel.numpy().mean() for channel in scale[0]]) for scale in scales]
    columns += [np.array([channel.numpy().std() for channel in scale[0]]) for scale in scales]
    return float(((scales[-1].numpy() - again) ** 2).sum()), float((again**2).sum()), np.concatenate(columns)


def slow_scores(model: Autoencoder, learned: Pictures, held_out: Pictures, asked: Pictures) -> np.ndarray:
    """The formula of the module, a picture at a time."""
    known = [slow_parts(model, picture) for picture in learned.images]
    floor = 0.01 * np.mean([strength for _, strength, _ in known])
    features = np.array([row for _, _, row in known], np.float64)
    unit = features.std(0, ddof=1).clip(1e-6)
    precision = np.linalg.inv(ledoit_wolf((features - features.mean(0)) / unit, assume_centered=True)[0])

    def e_and_d(picture: torch.Tensor) -> tuple[float, float]:
        error, strength, row = slow_parts(model, picture)
        apart = [(row - other) / unit for other in features]
        distances = sorted(float(np.sqrt(one @ precision @ one)) for one in apart)
        return float(np.log(error / (strength + floor))), float(np.mean(distances[:5]))

    usual = np.array([e_and_d(picture) for picture in held_out.images])
    found = np.array([e_and_d(picture) for picture in asked.images])
    return ((found - usual.mean(0)) / usual.std(0, ddof=1)).mean(1)


def test_the_score_is_what_its_formula_says(model: Autoencoder, threes: Pictures) -> None:
    learned, held_out, asked = first(threes, 60), first(threes, 20, 60), first(load("digits").test, 15)
    found = measure_normality(model, learned, held_out, "w").scores(parts_of(model, asked)).score
    assert found.numpy() == pytest.approx(slow_scores(model, learned, held_out, asked), abs=0.02)


def test_held_out_pictures_are_usual_on_average(model: Autoencoder, threes: Pictures) -> None:
    held_out = first(threes, 40, 60)
    found = measure_normality(model, first(threes, 60), held_out, "w")
    scores = found.scores(parts_of(model, held_out)).score
    assert float(scores.mean()) == pytest.approx(0, abs=1e-4)
    assert torch.equal(found.usual, scores.sort().values)
    assert (scores > found.limit(0.9)).float().mean() == pytest.approx(0.1, abs=0.03)


def test_as_unusual_counts_the_held_out_pictures_that_are_at_least_so(
    model: Autoencoder, threes: Pictures
) -> None:
    found = measure_normality(model, first(threes, 60), first(threes, 10, 60), "w")
    usual = found.usual
    scores = torch.stack([usual[0] - 1, usual[0], usual[7], usual[-1] + 1])
    assert found.as_unusual(scores).tolist() == pytest.approx([1, 1, 0.3, 0])


def test_many_training_pictures_are_known_by_some_of_them(
    model: Autoencoder, threes: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normality, "NEIGHBOURS", 30)
    assert len(measure_normality(model, threes, first(threes, 10), "w").known) == 30


def test_what_was_measured_comes_back_from_the_run(
    model: Autoencoder, threes: Pictures, tmp_path: Path
) -> None:
    found = measure_normality(model, first(threes, 60), first(threes, 20, 60), "these weights")
    write_normality(Run(tmp_path), found)
    back = kept_normality(Run(tmp_path), "these weights")
    assert back is not None
    parts = parts_of(model, first(threes, 5, 80))
    assert torch.equal(back.scores(parts).score, found.scores(parts).score)
    assert kept_normality(Run(tmp_path), "other weights") is None


@pytest.mark.parametrize("damage", ["cut", "text", "shape", "nan", "gone"])
def test_a_damaged_file_counts_as_none(
    damage: str, model: Autoencoder, threes: Pictures, tmp_path: Path
) -> None:
    write_normality(Run(tmp_path), measure_normality(model, first(threes, 60), first(threes, 20, 60), "w"))
    file = tmp_path / FILE
    tensors, about = load_file(file), {SCHEMA: json.dumps({"weights": "w", "strength": 1.0})}
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "text":
        file.write_text("nothing of the kind")
    elif damage == "gone":
        file.unlink()
    elif damage == "shape":
        save_file(tensors | {"mean": tensors["mean"][1:].clone()}, file, about)
    else:
        save_file(tensors | {"errors": tensors["errors"] * float("nan")}, file, about)
    assert kept_normality(Run(tmp_path), "w") is None


def test_one_picture_is_too_few_to_know_what_is_usual(model: Autoencoder, threes: Pictures) -> None:
    with pytest.raises(UsageError, match="too few"):
        measure_normality(model, first(threes, 60), first(threes, 1), "w")


def test_a_model_whose_training_went_wrong_is_named(threes: Pictures) -> None:
    broken = Autoencoder(1, 8, 8, 4, 16, (8, 12), 1, 1).eval()
    with torch.no_grad():
        next(broken.encoder.parameters()).fill_(float("nan"))
    with pytest.raises(Diverged, match="no number"):
        parts_of(broken, first(threes, 3))
