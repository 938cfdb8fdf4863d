"""The benchmark runs each stage once, survives failures, and its tables say where they come from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import recipes
from benchmarks import run as driver
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.run import Stage, finish
from benchmarks.tables import render, update


def record(seed: int, speed: float, solved: bool) -> dict[str, Any]:
    rows = [
        {"engine": "ours", "steps_per_second": speed, "solved": solved, "note": None},
        {"engine": "SB3", "steps_per_second": speed / 10, "solved": True, "note": None},
    ]
    made = {"versions": {"torch": "2.13.0"}, "processor": "a CPU", "usable_cpus": 2, "platform": "Linux",
            "python": "3.11.7", "time": "2026-01-31T12:00:00+00:00", "git": {"revision": "a" * 40},
            "command": ["python", "-m", "sandbox"]}  # fmt: skip
    return {"recipe": "x", "seed": seed, "result": {"rows": rows}, "made": made}


def test_a_table_shows_medians_over_seeds_and_how_often_something_was_true() -> None:
    table = render([record(0, 40_000, True), record(1, 52_000, False), record(2, 41_000, True)])
    lines = table.splitlines()
    assert lines[0] == "| engine | steps per second | solved | note |"
    assert lines[2] == "| ours | 41 000 (40 000 – 52 000) | 2 of 3 | – |"
    assert lines[3] == "| SB3 | 4 100 (4 000 – 5 200) | 3 of 3 | – |"
    assert "seeds 0, 1, 2" in lines[-1]
    assert "torch 2.13.0" in lines[-1]
    assert "2026-01-31 at revision aaaaaaaaaaaa" in lines[-1]


def test_it_is_said_how_many_threads_the_stages_had() -> None:
    def one(seed: int, threads: int | None) -> dict[str, Any]:
        found = record(seed, 1, True)
        return {**found, "result": {**found["result"], "machine": {"threads": threads}}}

    assert ", 1 or 2 torch thread(s), " in render([one(0, 2), one(1, 1), one(2, 2)])
    assert "torch thread" not in render([one(0, None)])


def test_only_the_named_place_of_the_document_is_replaced() -> None:
    document = "a\n<!-- benchmark: x -->\nold\n<!-- end -->\nb\n<!-- benchmark: y -->\nkept\n<!-- end -->\n"
    assert update(document, "x", "new") == document.replace("old", "new")
    with pytest.raises(ValueError, match="no place for the benchmark 'z'"):
        update(document, "z", "new")


def test_every_recipe_has_its_place_in_the_document() -> None:
    document = driver.DOCUMENT.read_text(encoding="utf-8")
    for recipe in RECIPES:
        assert f"<!-- benchmark: {recipe.place or recipe.name} -->" in document


def test_every_classic_case_has_a_recipe() -> None:
    from agents.bench.classics.cases import CASES

    assert [case.name for case in CASES] == list(recipes.CLASSICS)


def test_every_case_from_pixels_has_a_recipe() -> None:
    from agents.bench.pixels.cases import CASES

    assert [case.name for case in CASES] == list(recipes.PIXELS)


def test_every_task_for_memory_has_a_recipe() -> None:
    from agents.bench.remembering.tasks import TASKS

    assert [task.name for task in TASKS] == list(recipes.MEMORY)


def test_returns_are_shown_as_mean_and_deviation_with_the_interquartile_mean() -> None:
    def one(recipe: str, seed: int, value: float) -> dict[str, Any]:
        rows = [{"task": recipe, "best_return": value}]
        return {**record(seed, 1, True), "recipe": recipe, "result": {"rows": rows}}

    table = render([one("a", 0, 1.0), one("a", 1, 2.0), one("a", 2, 6.0), one("b", 0, -3.0)], seeds=5)
    lines = table.splitlines()
    assert lines[2] == "| a | 3.0 ± 2.2 (IQM 3.0, 1.0 to 6.0) |"
    assert lines[3] == "| b | -3.0 |"
    assert "1 to 3 of 5 seeds (seeds 0, 1, 2)" in lines[-1]


def test_shares_of_successes_are_shown_as_returns_are() -> None:
    rows = [{"task": "t", "success_percent": value, "test_percent": value} for value in (90.0, 100.0, 98.0)]
    table = render([{**record(seed, 1, True), "result": {"rows": [row]}} for seed, row in enumerate(rows)])
    assert "| t | 96.0 ± 4.3 (IQM 96.0, 90.0 to 100.0) | 98 (90 – 100) |" in table


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What the next processes return and print; nothing is really started."""
    prepared: list[tuple[int, str]] = []

    def answer(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        code, output = prepared.pop(0)
        return subprocess.CompletedProcess(command, code, stdout=output)

    monkeypatch.setattr(driver.subprocess, "run", answer)
    monkeypatch.setattr(driver, "describe", lambda command: {"command": command})
    return prepared


def test_a_finished_stage_is_not_run_again(tmp_path: Path, answers: list[tuple[int, str]]) -> None:
    stage = Stage(Recipe("x", "bench x --seed {seed}"), seed=3)
    assert stage.words == ["bench", "x", "--seed", "3", "--json"]
    answers.append((0, '{"rows": []}'))
    assert finish(stage, tmp_path)
    assert finish(stage, tmp_path)
    written = json.loads((tmp_path / "x-s3.json").read_text())
    assert written["result"] == {"rows": []}
    assert written["seed"] == 3


@pytest.mark.parametrize("answer", [(1, "{}"), (0, "no JSON"), (0, "[]")])
def test_a_failed_stage_leaves_no_result(
    tmp_path: Path, answers: list[tuple[int, str]], answer: tuple[int, str]
) -> None:
    answers.append(answer)
    assert not finish(Stage(Recipe("x", "bench x"), seed=0), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_a_stage_ends_the_driver(tmp_path: Path, answers: list[tuple[int, str]]) -> None:
    answers.append((130, ""))
    with pytest.raises(KeyboardInterrupt):
        finish(Stage(Recipe("x", "bench x"), seed=0), tmp_path)
