"""The lesson about GPUs: what is compared, on whatever machine; nothing is asked of the times themselves."""

from __future__ import annotations

import math

import pytest
import torch

from sandbox.core.lesson import Desk
from sandbox.supervised.lessons.gpu import (
    Way,
    accelerators,
    against,
    compared,
    digits,
    speeds,
    step_seconds,
    teach,
    told,
)


def test_a_step_is_timed_with_the_threads_asked_for_and_leaves_the_old_number() -> None:
    assert math.isfinite(step_seconds(Way("two", "cpu", threads=2, autocast=True), 2, 0.0, seed=0))
    assert torch.get_num_threads() == 1


def test_without_a_gpu_it_says_so_and_compares_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert [(way.device, way.threads, way.autocast) for way in compared()] == [
        ("cpu", 1, False), ("cpu", 2, False), ("cpu", 1, True)
    ]  # fmt: skip
    taught = teach(Desk(0, lambda line: None), batches=(1, 2), seconds=0.0)
    assert "no GPU" in taught.lines[0]
    assert any("No GPU" in text.get_text() for text in taught.figure.texts)


def test_every_gpu_is_compared_with_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"card {number}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert [way.device for way in accelerators()] == ["cuda:0", "cuda:1"]
    assert [way.name for way in compared()] == ["CPU, 1 thread", "card 0", "card 1"]


def test_times_are_told_with_two_digits() -> None:
    assert [digits(number) for number in (0.5395, 2.386, 57.9, 1234.0)] == ["0.54", "2.4", "58", "1,200"]


def test_the_lines_say_what_the_numbers_say() -> None:
    table = {"CPU, 1 thread": [2.0, 200.0], "card": [4.0, 5.0]}
    first, second, _ = told((1, 100), table, gpu=True)
    assert "card 2 times slower" in first
    assert "card 40 times faster" in second
    assert against(10.0, 10.2) == "as fast"
    assert speeds((1, 100), table)["card"] == [250.0, 20_000.0]
