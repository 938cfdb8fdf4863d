"""``explain`` asks the kind that run.json names, and says so where that kind has nothing to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.core.plugins import KINDS
from sandbox.core.runs import create_run
from tests.agents.run_folders import error_of

Captured = pytest.CaptureFixture[str]


class Dull:
    """A kind of run that has no networks to look into."""

    score = "mean"

    def load(self, run: Any, **options: Any) -> Any: ...
    def evaluate(self, run: Any, console: Any, question: Any) -> dict[str, Any]: ...  # pyright: ignore
    def resume(self, run: Any, console: Any, **options: Any) -> dict[str, Any]: ...  # pyright: ignore


def test_a_kind_without_networks_is_one_line(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setitem(KINDS, "dull", f"{__name__}:Dull")
    create_run(runs_root, "train-agent", "CartPole-v1", 0, "dull", name="first")
    assert "runs of the kind 'dull' cannot be explained" in error_of(capsys, ["explain", "first"], 2)


def test_a_run_that_is_not_there_is_named(runs_root: Path, capsys: Captured) -> None:
    assert "no run matches 'second'" in error_of(capsys, ["explain", "second"], 4)
