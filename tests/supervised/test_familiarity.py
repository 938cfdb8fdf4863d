"""What is familiar to a classifier, and how sure it may be of what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.models import Classifier, build_classifier
from sandbox.supervised.prediction.familiarity import (
    FILE,
    Familiarity,
    keep_familiarity,
    kept_familiarity,
    measure_familiarity,
    seen,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def trained(model: str, digits: Dataset) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        new = build_classifier(model, digits.shape, 10, "tiny")
    training = Training(new, digits.train, FitSettings(steps=90, batch_size=64), seed=0, device=CPU)
    for _ in range(90):
        training.update()
    return training.learned.eval()  # type: ignore[return-value]


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", "backbone"])
def test_noise_is_unfamiliar_and_new_digits_are_not(model: str, digits: Dataset) -> None:
    classifier = trained(model, digits)
    known = measure_familiarity(classifier, digits.train, digits.validation, 90)
    noise = torch.randint(0, 256, (100, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    shares = []
    for images in (digits.test.images, noise.to(torch.uint8)):
        features, logits = seen(classifier, images)
        told = [
            known.tempered(scores, float(distance))
            for scores, distance in zip(logits.log_softmax(1), known.distance(features), strict=True)
        ]
        shares.append(sum(not familiar for _, familiar in told) / len(told))
        for (probabilities, familiar), distance in zip(told, known.distance(features), strict=True):
            assert float(probabilities.sum()) == pytest.approx(1, abs=1e-4)
            if not familiar:
                assert float(probabilities.max()) <= known.earned(float(distance), 10) + 1e-4
    assert shares[0] < 0.06
    assert shares[1] > 0.9


@pytest.mark.parametrize("model", ["linear", "backbone"])
def test_features_are_what_the_last_layer_makes_its_answer_of(model: str, digits: Dataset) -> None:
    classifier = build_classifier(model, digits.shape, 10, "tiny").eval()
    features, logits = seen(classifier, digits.test.images[:7])
    last = [part for part in classifier.modules() if isinstance(part, torch.nn.Linear)][-1]
    with torch.inference_mode():
        assert torch.allclose(last(features), logits, atol=1e-5)
    assert not last._forward_pre_hooks


def made_up(distances: list[float], right: list[bool]) -> Familiarity:
    return Familiarity(
        3, 1.0, torch.ones(1, 2).half(), 1.0, torch.tensor(distances), torch.tensor(right), None
    )


def test_what_a_distance_earned_is_counted_with_ten_answers_by_chance() -> None:
    known = made_up([0.1, 0.2, 0.3, 0.4], [True, True, True, False])
    assert known.earned(0.0, 5) == pytest.approx((3 + 10 / 5) / 14)
    assert known.earned(0.3, 5) == pytest.approx((1 + 10 / 5) / 12)
    assert known.earned(0.5, 5) == pytest.approx(1 / 5)
    assert (known.as_far(0.3), known.as_far(0.5)) == (0.5, 0.0)


def test_what_a_run_keeps_comes_back_for_its_step_only(tmp_path: Path, digits: Dataset) -> None:
    run = Run(tmp_path)
    classifier = build_classifier("mlp", digits.shape, 10)
    kept = keep_familiarity(run, classifier, digits.train, digits.validation, 7)
    found = kept_familiarity(run, 7)
    assert found is not None
    assert (found.step, found.temperature, found.unit, found.ink) == (
        7,
        kept.temperature,
        kept.unit,
        kept.ink,
    )
    for name in ("neighbours", "distances", "right"):
        assert torch.equal(getattr(found, name), getattr(kept, name))
    assert kept_familiarity(run, 8) is None
    first = (tmp_path / FILE).read_bytes()
    keep_familiarity(run, classifier, digits.train, digits.validation, 7)
    assert (tmp_path / FILE).read_bytes() == first


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"{}"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert kept_familiarity(Run(tmp_path), 7) is None


@pytest.mark.parametrize("about", ["[]", "{", json.dumps({"step": 7, "temperature": "hot", "ink": None})])
def test_a_stranger_s_file_counts_as_none(tmp_path: Path, about: str) -> None:
    parts = {"neighbours": torch.ones(1, 2), "distances": torch.ones(1), "right": torch.ones(1)}
    save_file(parts, tmp_path / FILE, {"sandbox.familiarity/1": about})
    assert kept_familiarity(Run(tmp_path), 7) is None
