"""Tables show medians over seeds, and say where they come from; every case has a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import recipes
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


def test_a_range_of_days_and_all_machines_and_versions_are_named_in_the_order_of_time() -> None:
    def one(seed: int, day: str, revision: str, torch: str, processor: str) -> dict[str, Any]:
        found = record(seed, 1, True)
        made = {**found["made"], "time": f"2026-{day}T12:00:00+00:00", "git": {"revision": revision * 40},
                "versions": {"torch": torch}, "processor": processor}  # fmt: skip
        return {**found, "made": made}

    last = render(
        [
            one(0, "02-03", "b", "2.14.0", "a CPU"),
            one(1, "01-31", "a", "2.13.0", "another CPU"),
            one(2, "02-01", "b", "2.14.0", "a CPU"),
        ]
    ).splitlines()[-1]
    assert f"on 2026-01-31 to 2026-02-03 at revision {'a' * 12}, {'b' * 12} by" in last
    assert "torch 2.14.0 or 2.13.0" in last
    assert "a CPU or another CPU" in last


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


def test_every_classic_case_has_a_recipe() -> None:
    from agents.bench.classics.cases import CASES

    assert [case.name for case in CASES] == list(recipes.CLASSICS)


def test_every_case_from_pixels_has_a_recipe() -> None:
    from agents.bench.pixels.cases import CASES

    assert [case.name for case in CASES] == list(recipes.PIXELS)


def test_every_task_for_memory_has_a_recipe() -> None:
    from agents.bench.remembering.tasks import TASKS

    assert [task.name for task in TASKS] == list(recipes.MEMORY)


def test_returns_of_few_seeds_are_shown_as_mean_and_deviation_with_their_ends() -> None:
    def one(recipe: str, seed: int, value: float) -> dict[str, Any]:
        rows = [{"task": recipe, "best_return": value}]
        return {**record(seed, 1, True), "recipe": recipe, "result": {"rows": rows}}

    table = render([one("a", 0, 1.0), one("a", 1, 2.0), one("a", 2, 6.0), one("b", 0, -3.0)], seeds=5)
    lines = table.splitlines()
    assert lines[2] == "| a | 3.0 ± 2.6 (1.0 – 6.0) |"
    assert lines[3] == "| b | -3.0 |"
    assert "1 to 3 of 5 seeds (seeds 0, 1, 2)" in lines[-1]


def test_shares_of_successes_are_shown_as_returns_are() -> None:
    rows = [{"task": "t", "success_percent": value, "test_percent": value} for value in (90.0, 100.0, 98.0)]
    table = render([{**record(seed, 1, True), "result": {"rows": [row]}} for seed, row in enumerate(rows)])
    assert "| t | 96.0 ± 5.3 (90.0 – 100.0) | 98 (90 – 100) |" in table
