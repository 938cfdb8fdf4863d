"""`bench agents`: its arithmetic, and the structure of what it reports; how fast is not for a test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.bench.command import middle, ratio, summarize_processes, summarize_training
from sandbox.__main__ import main

Captured = pytest.CaptureFixture[str]


def run(speed: float, seconds: float | None) -> dict[str, Any]:
    return {
        "steps_per_second": speed,
        "seconds_to_475": seconds,
        "steps_to_475": None if seconds is None else 4_096,
        "cpu_over_wall": 1.0,
        "solved": seconds is not None,
    }


def pair(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {"settings": "tuned", "ours": ours, "SB3": theirs}


def test_the_median_leaves_out_what_is_not_known() -> None:
    assert middle([3.0, None, 1.0, 2.0]) == 2.0
    assert middle([None]) is None


def test_a_ratio_is_taken_pair_by_pair_before_the_median() -> None:
    # The machine was slow for both in the second pair, as it happens; the medians' ratio would be 30 / 8.
    pairs = [pair(run(s, 1.0), run(t, 1.0)) for s, t in [(100, 10), (30, 3), (20, 8)]]
    assert ratio(pairs, "steps_per_second") == 10.0


def test_a_pair_that_one_side_did_not_solve_has_no_ratio_of_times_and_shows() -> None:
    ours, theirs = summarize_training([pair(run(9, 1.0), run(1, None)), pair(run(9, 2.0), run(1, 8.0))])
    assert ours["of_SB3_seconds"] == 0.25
    assert (ours["solved"], theirs["solved"]) == (True, False)
    assert (ours["times_SB3_speed"], theirs["times_SB3_speed"]) == (9.0, None)


def test_processes_are_compared_with_the_imports_of_the_same_round() -> None:
    imports = "import torch, stable_baselines3"
    seconds = [(3.0, 1.0), (9.0, 8.0), (None, 1.0)]
    rounds = [{"seconds": {"until solved": ours, imports: theirs}} for ours, theirs in seconds]
    train, base = summarize_processes(rounds)
    assert (train["wall_seconds"], train["seconds_beyond_imports"]) == (6.0, 1.5)
    assert (base["wall_seconds"], base["seconds_beyond_imports"]) == (1.0, None)


def test_the_wall_time_of_a_process_ends_with_the_line_that_is_waited_for() -> None:
    from agents.bench.processes import wall_seconds

    waits = "print('solved: x'); input_ended = __import__('time').sleep(0.3)"
    found, whole = wall_seconds(["-c", waits], "solved"), wall_seconds(["-c", waits])
    assert found is not None
    assert whole is not None
    assert whole >= 0.3
    assert wall_seconds(["-c", "print('not solved')"], "solved") is None


def test_both_are_trained_with_the_clock_stopped_during_evaluations(capsys: Captured) -> None:
    words = ["bench", "agents", "--seeds", "1", "--first-seed", "3", "--steps", "4k", "--only", "training"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["seeds"], result["steps"], result["machine"]["threads"]) == ([3], 4_000, 1)
    assert [row["engine"] for row in result["rows"]] == ["ours", "SB3", "ours", "SB3"]
    for found in result["runs"]["training"]:
        for engine in ("ours", "SB3"):
            numbers = found[engine]
            assert numbers["steps_per_second"] == numbers["steps"] / numbers["train_seconds"]
            assert [steps // 2_048 for steps, _, _ in numbers["curve"]] in ([1, 1], [1, 2])
            assert all(8 <= mean <= 500 for _, _, mean in numbers["curve"])


def test_nothing_to_measure_is_a_usage_error(capsys: Captured) -> None:
    assert main(["bench", "agents", "--seeds", "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err
