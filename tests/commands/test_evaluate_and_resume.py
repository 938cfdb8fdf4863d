"""``evaluate``, ``resume`` and ``load_run`` ask the kind that run.json names, and nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.kinds import Question
from sandbox.core.plugins import KINDS
from sandbox.core.runs import Run, create_run

Captured = pytest.CaptureFixture[str]


class FakeRuns:
    """A kind of run that answers with what it was asked."""

    score = "mean"
    mean = 480.0

    def load(self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False) -> Any:
        return run.name, checkpoint, device, trust

    def evaluate(self, run: Run, console: Any, question: Question) -> dict[str, Any]:
        console.print(f"{run.name}: {self.mean:g}")
        evaluation = {"episodes": question.episodes, "mean": self.mean}
        return {"schema": "fake/1", "run": run.name, "asked": vars(question), "evaluation": evaluation}

    def resume(self, run: Run, console: Any, *, trust: bool, device: str | None) -> dict[str, Any]:
        with run.lock():
            run.update(status="finished")
        return {"schema": "fake/1", "run": run.name, "trust": trust, "device": device}


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setitem(KINDS, "fake", f"{__name__}:FakeRuns")
    return create_run(runs_root, "train-agent", "CartPole-v1", 0, "fake", name="first")


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_evaluate_hands_everything_to_the_kind(run: Run, capsys: Captured) -> None:
    line = "evaluate first --episodes 1e1 --seed 3 --checkpoint last --device cpu --trust"
    result = answer(capsys, *line.split())
    assert result["asked"] == {
        "episodes": 10,
        "seed": 3,
        "checkpoint": "last",
        "device": "cpu",
        "trust": True,
        "frames": None,
        "split": None,
        "data_dir": None,
        "file": None,
        "classes": [],
        "channel": None,
        "tta": None,
        "samples": None,
        "images": None,
        "sampler": None,
        "steps": None,
        "guidance": None,
        "judge": None,
    }
    assert result["evaluation"]["mean"] == 480.0


def test_what_is_asked_of_pictures_is_handed_on_too(run: Run, capsys: Captured) -> None:
    words = ["evaluate", "first", "--split", "validation", "--data-dir", "here", "--tta", "4"]
    asked = answer(capsys, *words)["asked"]
    assert (asked["split"], asked["data_dir"], asked["episodes"]) == ("validation", "here", None)
    assert asked["tta"] == 4


def test_what_is_asked_of_a_bound_is_handed_on_too(run: Run, capsys: Captured) -> None:
    asked = answer(capsys, "evaluate", "first", "--samples", "1k", "--images", "20")["asked"]
    assert (asked["samples"], asked["images"]) == (1000, 20)
    error = answer(capsys, "evaluate", "first", "--samples", "0", code=2)["error"]
    assert error == "--samples must be at least 1"


def test_the_kind_tells_people_the_score(run: Run, capsys: Captured) -> None:
    assert main(["evaluate", "latest", "--gate", "400"]) == 0
    assert (
        capsys.readouterr().out == "first: 480\nthe gate of 400 is passed: the mean of 480 is not below it\n"
    )


def test_a_gate_that_is_reached_is_reported(run: Run, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", "first", "--gate", "475")
    assert found["gate"] == 475
    assert found["gated"] == {"score": "mean", "value": 480, "lower_is_better": False, "passed": True}


def test_where_less_is_better_a_gate_must_not_be_exceeded(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeRuns, "lower_is_better", True, raising=False)
    for gate in ("480", "480.01"):
        assert answer(capsys, "evaluate", "first", "--gate", gate)["gate"] == float(gate)
    for mean, gate in ((480.0, "479.9"), (float("nan"), "479.9")):
        monkeypatch.setattr(FakeRuns, "mean", mean)
        error = answer(capsys, "evaluate", "first", "--gate", gate, code=6)["error"]
        assert error == f"the gate failed: the mean of {mean:.4g} is above 479.9"


@pytest.mark.parametrize("mean", [474.99, float("nan")])
def test_a_missed_gate_is_exit_code_6_with_the_evaluation(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch, mean: float
) -> None:
    monkeypatch.setattr(FakeRuns, "mean", mean)
    result = answer(capsys, "evaluate", "first", "--gate", "475", code=6)
    assert result["error"].startswith("the gate failed: the mean of ")
    assert result["code"] == 6
    assert result["evaluation"]["mean"] == (None if mean != mean else mean)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("evaluate", 2, "RUN is missing (The run)"),
        ("evaluate first --episodes 0", 2, "--episodes must be at least 1"),
        ("evaluate first --episodes -5", 2, "--episodes: '-5' is negative; it must be 0 or more"),
        ("evaluate first --gate nan", 2, "--gate must be a number"),
        ("evaluate second", 4, "no run matches 'second' in"),
        ("resume second", 4, "no run matches 'second' in"),
    ],
)
def test_mistakes(run: Run, capsys: Captured, words: str, code: int, message: str) -> None:
    assert answer(capsys, *words.split(), code=code)["error"].startswith(message)


def test_resume_alone_takes_the_latest_unfinished_run(run: Run, capsys: Captured) -> None:
    done = create_run(run.path.parent, "train-agent", "CartPole-v1", 0, "fake", name="second")
    done.update(status="finished")
    assert answer(capsys, "resume") == {"schema": "fake/1", "run": "first", "trust": False, "device": None}
    assert answer(capsys, "resume", code=4)["error"].startswith("no unfinished run in")


def test_a_finished_run_is_not_resumed(run: Run, capsys: Captured) -> None:
    run.update(status="finished", steps=4096)
    error = answer(capsys, "resume", "first", code=2)["error"]
    assert error == "run first is finished, at 4,096 steps: nothing is left to resume"


def test_a_running_run_is_not_resumed_a_second_time(run: Run, capsys: Captured) -> None:
    with run.lock():
        assert answer(capsys, "resume", "first", code=7)["error"] == "run first is still running"


def test_a_damaged_run_is_named(run: Run, capsys: Captured) -> None:
    (run.path / "run.json").unlink()
    for command in ("evaluate", "resume"):
        assert "run.json is missing" in answer(capsys, command, str(run.path), code=4)["error"]


def test_a_run_of_an_unknown_kind_is_said_so(run: Run, capsys: Captured) -> None:
    run.update(kind="os:system")
    assert answer(capsys, "evaluate", "first", code=2)["error"] == "unknown kind of run 'os:system'"
    with pytest.raises(UnknownName):
        load_run("first")


def test_the_name_of_a_run_is_a_text() -> None:
    with pytest.raises(UsageError, match="the name of a run is a text, not 3"):
        load_run(3)  # type: ignore[arg-type]


def test_load_run_in_python(run: Run) -> None:
    assert load_run() == ("first", "best", "auto", False)
    assert load_run("fir", root=run.path.parent, checkpoint="last", device="cpu", trust=True) == (
        "first",
        "last",
        "cpu",
        True,
    )
