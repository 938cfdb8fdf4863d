"""The lesson about transfer: what is known of 0 to 4 helps with a few pictures of 5 to 9."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sandbox.core.lesson import Desk
from sandbox.data.catalog import load
from sandbox.data.pictures import subset
from sandbox.supervised.lessons.small_nets import fitted
from sandbox.supervised.lessons.transfer import (
    CANVAS,
    KNOWN,
    NEW,
    RATE,
    TUNED_RATE,
    WAYS,
    digits_of,
    hands,
    learn_source,
    started,
)


def test_a_backbone_that_knows_other_digits_helps_frozen_or_not() -> None:
    data = load("digits")
    source = learn_source(digits_of(data, "train", KNOWN, 20_000, 0), 0, steps=120, augment=None)
    new, test = digits_of(data, "train", NEW, 20_000, 0), digits_of(data, "test", NEW, 300, 1)
    scores = {}
    for way in WAYS:
        rate = TUNED_RATE if way == "fine-tuned" else RATE
        scores[way] = np.mean([
            fitted(lambda way=way: started(way, CANVAS, source), subset(new, per_class=20, seed=seed), seed,
                   steps=60, batch_size=25, learning_rate=rate).evaluate(test)["accuracy"]
            for seed in range(3)
        ])  # fmt: skip
    assert scores["frozen"] > scores["from scratch"] + 0.05
    assert scores["fine-tuned"] > scores["from scratch"] + 0.05


def test_digits_are_a_better_beginning_for_digits_than_hands_are(data_root: Path) -> None:
    data = load("mnist", data_root)
    known, new = (digits_of(data, "train", ends, 5_000, 0) for ends in (KNOWN, NEW))
    test = digits_of(data, "test", NEW, 500, 1)
    ((way, signs),) = hands(Desk(0, print, data_root), steps=100).values()
    assert way == "fine-tuned"
    from_digits, from_hands = (
        fitted(lambda it=source: started(way, 28, it), subset(new, per_class=5, seed=0), 0,
               steps=60, batch_size=25, learning_rate=TUNED_RATE).evaluate(test)["accuracy"]
        for source in (learn_source(known, 0, 100, None), signs)
    )  # fmt: skip
    assert from_digits > from_hands + 0.03


def test_where_there_are_no_hands_the_lesson_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path))
    assert hands(Desk(0, print, tmp_path), steps=1) == {}


def test_the_two_tasks_share_no_digit_and_both_count_from_0() -> None:
    data = load("digits")
    known, new = (digits_of(data, "train", ends, 100, 0) for ends in (KNOWN, NEW))
    for pictures, ends in ((known, KNOWN), (new, NEW)):
        names = (data.train.labels >= ends[0]) & (data.train.labels <= ends[1])
        first = data.train.labels[names][:100] - ends[0]
        assert torch.equal(pictures.labels, first.repeat(4))
        ink = data.train.images[names][:100].sum((1, 2, 3)).repeat(4)
        assert torch.equal(pictures.images.sum((1, 2, 3)), ink), "scattered, but whole"


def test_a_frozen_backbone_stays_what_it_was() -> None:
    data = load("digits")
    new = digits_of(data, "train", NEW, 50, 0)
    source = learn_source(digits_of(data, "train", KNOWN, 50, 0), 0, steps=2, augment=None)
    training = fitted(lambda: started("frozen", CANVAS, source), new, 0, steps=3, batch_size=10)
    for name, part in source.state_dict().items():
        assert torch.equal(training.model.backbone.state_dict()[name], part)  # type: ignore[union-attr]
