"""`bench envs`: its arithmetic, and the structure of what it reports; how fast is not for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import envs
from sandbox.__main__ import main
from sandbox.commands.bench_envs import others
from sandbox.commands.bench_envs.command import GROWTH, SIDE_BY_SIDE
from sandbox.commands.bench_envs.contestants import DRAWN, single
from sandbox.commands.bench_envs.others import OTHERS, Other
from sandbox.commands.bench_envs.timing import ROUNDS, Pace, race, ratio

Captured = pytest.CaptureFixture[str]
SHORT = ["--seconds", "0.005"]


def measured(capsys: Captured, *arguments: str) -> dict[str, Any]:
    assert main(["bench", "envs", *arguments, *SHORT, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_ratio_is_taken_round_by_round_before_the_median() -> None:
    # The machine was slow for both in the second round; the medians' ratio would be 30 / 8.
    ours, theirs = Pace((100, 30, 20), (1, 1, 1)), Pace((10, 3, 8), (1, 1, 1))
    assert ratio(ours, theirs) == 10.0
    assert (ours.middle, ours.best) == (30, 100)


def test_contestants_take_turns_for_the_same_number_of_calls_each_round() -> None:
    calls: list[tuple[str, int]] = []

    def named(name: str) -> Any:
        def run(count: int) -> None:
            calls.append((name, count))
            sum(range(count))

        return run

    contestants = {"a": (named("a"), 1), "b": (named("b"), 7)}
    paces = race(contestants, seconds=1e-4)
    laps = calls[-2 * ROUNDS :]
    assert [name for name, _ in laps] == ["a", "b"] * ROUNDS
    assert len({count for name, count in laps if name == "a"}) == 1
    assert {name: len(pace.steps_per_second) for name, pace in paces.items()} == {"a": ROUNDS, "b": ROUNDS}


def test_a_single_environment_makes_every_call_and_starts_anew_after_an_end() -> None:
    import gymnasium

    env = gymnasium.make("Sandbox/CartPole-v0", max_episode_steps=7)
    counted = {"step": 0, "reset": 0}

    def counting(name: str, do: Any) -> Any:
        def count(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return do(*args, **kwargs)

        return count

    for name in counted:
        setattr(env, name, counting(name, getattr(env, name)))
    run, _ = single(env, seed=0)
    run(2 * DRAWN + 5)
    assert counted == {"step": 2 * DRAWN + 5, "reset": 1 + (2 * DRAWN + 5) // 7}


def test_the_report_has_a_row_for_each_kind_of_observation(capsys: Captured) -> None:
    result = measured(capsys, "--only", "cartpole", "--envs", "8")
    assert [(row["environment"], row["observation"]) for row in result["rows"]] == [
        ("CartPole", "features"),
        ("CartPole", "pixels"),
    ]
    for row in result["rows"]:
        assert row["best"] >= row["batch"] > 0
        assert {"SyncVectorEnv", "times", "single_alone", "cpu_over_wall"} < set(row)
    assert [row["environments"] for row in result["gymnasium"]] == [str(number) for number in SIDE_BY_SIDE]
    assert (result["growth"], result["others"], result["envs"]) == ([], [], 8)
    suite = [rounds for rounds in result["rounds"] if rounds["part"] == "rows"]
    assert [rounds["contestant"] for rounds in suite[:3]] == ["batch", "SyncVectorEnv", "single"]
    assert all(len(rounds["steps_per_second"]) == ROUNDS for rounds in result["rounds"])


def test_growth_has_a_column_for_each_number_of_environments(capsys: Captured) -> None:
    result = measured(capsys, "--only", "CartPole", "--envs", "2", "--growth")
    assert [list(row)[2:] for row in result["growth"]] == [[f"at_{number}" for number in GROWTH]] * 2


def test_others_are_measured_where_they_are_installed(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(seed: int) -> Any:
        import gymnasium

        return single(gymnasium.make("CartPole-v1"), seed)

    there = Other("Their game", "CartPole", "gymnasium", "bench", "4 numbers", build)
    missing = Other("Another game", "CartPole", "not_there", "bench", "sounds", build)
    monkeypatch.setattr(others, "OTHERS", (there, missing))
    assert main(["bench", "envs", "--only", "CartPole", "--envs", "2", *SHORT, "--json"]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)["others"]
    assert [(row["environment"], row["observation"], row["beside"]) for row in rows] == [
        ("Their game", "4 numbers", "CartPole")
    ]
    assert "Another game is not installed: pip install 'rl-sandbox[bench]'" in captured.err


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name)
def test_each_of_the_others_plays_and_leaves_nothing_behind(
    other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(other.package)
    monkeypatch.chdir(tmp_path)
    run, steps_per_call = other.build(0)
    run(3)
    assert steps_per_call >= 1
    assert other.beside in {entry.name for entry in envs.listing()}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "Snaek"], "Snake"),
        (["--envs", "0"], "--envs"),
        (["--seconds", "0"], "--seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: Captured, arguments: list[str], said: str) -> None:
    assert main(["bench", "envs", *arguments]) != 0
    assert said in capsys.readouterr().err
