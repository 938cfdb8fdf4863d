"""The quick benchmark compares what short commands print with what is expected of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quick, speed
from benchmarks.checks import CHECKS, Check, Figure
from benchmarks.quick import BETTER, FINE, NEW, WORSE, verdict

STEPS = Figure("steps", ("steps",), "lower", 0.5)
SCORE = Figure("score", ("evaluation", "mean"), "higher", 0.1)
FAKE = """
import json, os, sys
if sys.argv[1] == "break":
    sys.exit("it broke")
assert os.environ["OMP_NUM_THREADS"] == "1"
print(json.dumps({"steps": int(sys.argv[1]), "evaluation": {"mean": float(sys.argv[2])}}))
"""
Quick = Callable[..., int]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quick:
    """Runs the quick benchmark with one check, whose command finds so many steps and that score."""
    (tmp_path / "fake.py").write_text(FAKE)
    monkeypatch.setattr(quick, "REPOSITORY", tmp_path)
    monkeypatch.setattr(quick, "EXPECTATIONS", tmp_path / "quick.json")

    def run(command: str, *words: str, **options: Any) -> int:
        monkeypatch.setattr(quick, "CHECKS", (Check("game", command, (STEPS, SCORE), "fake", **options),))
        return quick.main(list(words))

    return run


def test_a_figure_is_found_by_keys_and_rows() -> None:
    rows = [{"engine": "SB3", "times": None}, {"engine": "ours", "threads": "1", "times": 4}]
    figure = Figure("x", ("rows", {"engine": "ours", "threads": "1"}, "times"), "higher", 0.1)
    assert figure.of({"rows": rows}) == 4.0
    assert figure.of({"rows": rows[:1]}) is None
    assert figure.of({"rows": None}) is None
    assert STEPS.of({"steps": None}) is None


def test_worse_is_what_is_beyond_the_tolerance_in_the_wrong_direction() -> None:
    assert [verdict(STEPS, 100, found) for found in (150, 151, 49, 100)] == [FINE, WORSE, BETTER, FINE]
    assert [verdict(SCORE, 100, found) for found in (90, 89, 111, 110)] == [FINE, WORSE, BETTER, FINE]
    assert verdict(SCORE, -100, -111) == WORSE
    assert verdict(SCORE, -100, -109) == FINE
    assert verdict(STEPS, None, 3) == NEW


@pytest.mark.parametrize("expected", [None, 100])
def test_what_was_not_found_is_worse_whatever_was_expected(expected: float | None) -> None:
    assert verdict(STEPS, expected, None) == WORSE


def test_what_is_as_expected_passes_and_what_got_worse_fails_the_gate(
    measure: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure("100 500", "--update") == 0
    assert measure("120 480") == 0
    assert "Nothing got worse" in capsys.readouterr().err
    assert measure("2000 480") == 6
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["figure", "expected", "allowed", "found", "verdict"],
        ["game:", "steps", "100", "≤", "150", "2", "000", "WORSE"],
        ["game:", "score", "500", "≥", "450", "480", "fine"],
    ]
    assert "gate failed: 1 figure got worse" in err


def test_a_command_that_fails_fails_the_gate_and_says_why(
    measure: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure("100 500", "--update") == 0
    assert measure("break") == 6
    assert "exit code 1, it broke" in capsys.readouterr().err


def test_expectations_are_only_written_when_asked_and_say_where_they_come_from(
    measure: Quick, tmp_path: Path
) -> None:
    assert measure("100 500") == 0
    assert not (tmp_path / "quick.json").exists()
    assert measure("100 500", "--update") == 0
    steps = json.loads((tmp_path / "quick.json").read_text())["figures"]["game: steps"]
    assert (steps["value"], steps["tolerance"], steps["better"]) == (100, 0.5, "lower")
    assert steps["from"]["command"] == "python -m fake 100 500"
    assert {"time", "revision", "processor", "torch", "cpu_seconds"} < set(steps["from"])


def test_an_update_does_not_forget_what_was_not_measured(measure: Quick, tmp_path: Path) -> None:
    assert measure("100 500", "--update") == 0
    assert measure("break", "--update") == 6
    assert json.loads((tmp_path / "quick.json").read_text())["figures"]["game: steps"]["value"] == 100


def test_without_the_data_its_checks_are_left_out(
    measure: Quick, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    assert measure("break", needs_data=True) == 0
    out, err = capsys.readouterr()
    assert "left out: SANDBOX_DATA names no folder with the data" in err
    assert out.splitlines()[1].endswith("left out")


def test_an_unknown_check_is_a_mistake_of_the_user(
    measure: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure("100 500", "--only", "game", "gaem") == 2
    assert "unknown check 'gaem': did you mean 'game'?" in capsys.readouterr().err


def test_the_expectations_are_those_of_the_checks() -> None:
    expected = json.loads(quick.EXPECTATIONS.read_text(encoding="utf-8"))["figures"]
    figures = {f"{check.name}: {figure.name}": figure for check in CHECKS for figure in check.figures}
    assert set(expected) == set(figures)
    for name, figure in figures.items():
        assert (expected[name]["better"], expected[name]["tolerance"]) == (figure.better, figure.tolerance)


def test_every_check_is_a_command_that_exists() -> None:
    from sandbox.core.plugins import COMMANDS

    assert {check.command.split()[0] for check in CHECKS if check.program == "sandbox"} <= set(COMMANDS)
    assert {check.program for check in CHECKS} == {"sandbox", "benchmarks.speed"}


def test_every_ratio_of_speeds_is_measured() -> None:
    for check in CHECKS:
        if check.program == "benchmarks.speed":
            _, pairs = speed.PARTS[check.command.split()[0]]()
            assert [figure.name for figure in check.figures] == [f"{one} / {other}" for one, other in pairs]


def test_contestants_take_turns_and_the_first_round_does_not_count() -> None:
    paces = {"ours": iter([1.0, 6.0, 8.0, 9.0]), "theirs": iter([100.0, 2.0, 2.0, 2.0])}
    contest: dict[str, Callable[[], float]] = {
        "ours": lambda: next(paces["ours"]),
        "theirs": lambda: next(paces["theirs"]),
    }
    found = speed.raced(contest, rounds=3)
    assert found == {"ours": [6.0, 8.0, 9.0], "theirs": [2.0, 2.0, 2.0]}
    assert speed.ratio(found["ours"], found["theirs"]) == 4.0
