"""`bench agents`: its arithmetic, and the structure of what it reports; how fast is not for a test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.bench.command import (
    middle,
    ratio,
    summarize_processes,
    summarize_recurrent,
    summarize_training,
    summarize_updates,
)
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
    assert main(["bench", "agents", "--threads", "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err


# Agents with memory


def test_with_memory_ours_is_compared_with_contribs_of_the_same_seed() -> None:
    def speeds(wall: float, cpu: float) -> dict[str, float]:
        return {"steps_per_second": wall, "steps_per_cpu_second": cpu, "cpu_over_wall": wall / cpu}

    settings = {"settings": "each its tuned settings", "threads": "2"}
    ours, theirs = [(100, 50), (30, 15), (20, 10)], [(10, 10), (3, 3), (8, 5)]
    runs = [
        {**settings, "ours": speeds(*mine), "contrib": speeds(*other)}
        for mine, other in zip(ours, theirs, strict=True)
    ]
    mine, other = summarize_recurrent(runs)
    assert (mine["times_contrib_speed"], mine["times_by_CPU_seconds"], mine["asked"]) == (10, 5, 10)
    assert (mine["steps_per_second"], other["steps_per_second"], other["asked"]) == (30, 8, None)


def test_gradient_steps_with_a_memory_are_compared_with_those_without() -> None:
    def each(*milliseconds: float) -> dict[str, Any]:
        names = ("none", "LSTM")
        return {
            name: {"milliseconds": one, "cpu_over_wall": 1.0}
            for name, one in zip(names, milliseconds, strict=True)
        }

    runs = [{"threads": "1", "seed": seed, **each(1.0 + seed, 3.0)} for seed in (0, 1, 2)]
    without, lstm = summarize_updates(runs)
    assert (without["milliseconds"], without["times_without"]) == (2.0, None)
    assert (lstm["milliseconds"], lstm["times_without"], lstm["asked_at_most"]) == (3.0, 1.5, 3)


def test_ours_and_contribs_have_networks_of_the_same_size() -> None:
    from agents.bench.recurrent import contrib, ours_like_contrib

    sizes = []
    for make in (ours_like_contrib, contrib):
        agent: Any = make(0, 1)
        sizes.append(sum(part.numel() for part in agent.policy.parameters()))
        agent.env.close()
    assert sizes[0] == sizes[1]


def test_with_memory_and_without_dqn_learns_from_as_many_transitions() -> None:
    from agents.bench.recurrent import LENGTH, SEQUENCES, learner

    batches = []
    for memory in ("none", "GRU"):
        agent = learner(memory, seed=0)
        several = 1 if memory == "none" else agent.sequence_length
        batches.append(agent.batch_size * several)
        agent.env.close()  # type: ignore[union-attr]
    assert batches == [SEQUENCES * LENGTH] * 2


def test_agents_with_memory_are_measured_in_turns(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.bench import recurrent

    monkeypatch.setattr(recurrent, "GRADIENT_STEPS", 1)
    monkeypatch.setattr(recurrent, "STORED", 512)
    monkeypatch.setattr(recurrent, "CONTESTS", {"both the zoo's settings": recurrent.ours_like_contrib})
    words = ["bench", "agents", "--only", "recurrent", "--seeds", "1", "--steps", "256", "--threads", "1"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["engine"] for row in result["recurrent"]] == ["ours", "contrib"]
    assert [row["memory_of_DQN"] for row in result["updates"]] == ["none", "LSTM", "GRU"]
    (run,) = result["runs"]["recurrent"]
    assert (run["ours"]["steps"], run["contrib"]["steps"], run["threads"]) == (256, 256, "1")
