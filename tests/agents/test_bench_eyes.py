"""`bench eyes`: both sides have the same network and the same work; how fast they are is not for a test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.bench.eyes import command, contests, laps
from agents.bench.eyes.contests import CONTESTS, OFF_POLICY, Contest
from agents.bench.eyes.laps import row_of
from sandbox.__main__ import main
from sandbox.core.errors import EnvironmentNotFound

Captured = pytest.CaptureFixture[str]
OURS = [contest for contest in CONTESTS if contest.env.startswith("Sandbox/")]


def both(contest: Contest) -> tuple[Any, Any]:
    return contest.ours("cpu"), contest.stock("cpu")


def close(*agents: Any) -> None:
    for agent in agents:
        agent.env.close()


@pytest.mark.parametrize("contest", OURS, ids=lambda contest: contest.name)
def test_both_have_the_same_network(contest: Contest) -> None:
    ours, stock = both(contest)
    shapes = [
        sorted((name, tuple(part.shape)) for name, part in agent.policy.state_dict().items())
        for agent in (ours, stock)
    ]
    close(ours, stock)
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["pong-ppo-nature", "pong-dqn-nature"])
def test_both_make_as_many_updates_of_as_many_transitions_per_step(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(contests.ON_POLICY, "n_steps", 32)
    monkeypatch.setitem(contests.OFF_POLICY, "learning_starts", 0)
    contest = next(contest for contest in CONTESTS if contest.name == name)
    agents = both(contest)
    for agent in agents:
        agent.learn(256, log_interval=None)
    close(*agents)
    ours, stock = agents
    assert ours.num_timesteps == stock.num_timesteps == 256
    assert ours.batch_size == stock.batch_size
    assert ours.n_envs == stock.n_envs == contests.N_ENVS
    # SB3 waits until steps are more than `learning_starts`.
    assert abs(ours._n_updates - stock._n_updates) <= contests.UPDATES
    assert ours._n_updates == (4 if contest.algo == "ppo" else 64)


def test_what_cannot_be_measured_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    ale = next(contest for contest in CONTESTS if contest.env.startswith("ALE/"))

    def refuse(env: str, n_envs: int) -> Any:
        raise EnvironmentNotFound(f"there is no {env} for {n_envs}")

    monkeypatch.setattr(contests, "find_spec", lambda _name: object())
    monkeypatch.setattr(contests, "SB3VecEnv", refuse)
    assert ale.missing() == "there is no ALE/Pong-v5 for 1"
    monkeypatch.setattr(contests, "find_spec", lambda _name: None)
    assert "ale-py is not installed" in (ale.missing() or "")
    assert OURS[0].missing() is None


def test_a_row_shows_medians_and_the_median_of_the_ratios() -> None:
    found = {"ours": [30.0, 20.0, 100.0], "SB3": [3.0, 8.0, 10.0], "ratios": [10.0, 2.5, 10.0]}
    row = row_of(OURS[0], {**found, "bound": [200.0], "cpu_over_wall": 0.9}, "cpu")
    assert (row["ours_steps_per_second"], row["SB3_steps_per_second"], row["bare_network"]) == (30, 8, 200)
    assert row["times_SB3_speed"] == 10
    assert row["asked_on_a_CPU"] == 1.3


def test_the_command_measures_in_turns_and_reports_every_round(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []

    def noted(racer: laps.Racer, steps: int) -> laps.Lap:
        turns.append(racer.engine)
        return learn(racer, steps)

    learn = laps.Racer.learn
    monkeypatch.setattr(laps.Racer, "learn", noted)
    monkeypatch.setattr(command, "QUICK", 16)
    monkeypatch.setitem(OFF_POLICY, "learning_starts", 64)
    words = ["bench", "eyes", "--quick", "--only", "pong-dqn-nature", "--json"]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert turns == ["ours", "SB3", *laps.ORDER]  # a warm-up, and a round
    assert laps.ORDER == ("ours", "SB3", "SB3", "ours")
    (run,) = result["runs"]
    assert [len(run[name]) for name in ("ours", "SB3", "bound", "ratios", "CPU_ratios")] == [1] * 5
    assert run["ratios"][0] == pytest.approx(run["ours"][0] / run["SB3"][0])
    assert (result["rows"][0]["network"], result["skipped"]) == ("NatureCNN", {})


def test_an_unknown_contest_gets_a_suggestion(capsys: Captured) -> None:
    assert main(["bench", "eyes", "--only", "pong-ppo-natur"]) == 2
    assert "pong-ppo-nature" in capsys.readouterr().err
    assert main(["bench", "eyes", "--rounds", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
