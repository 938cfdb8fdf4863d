"""``compare``: a table, a picture and one JSON object from the files of runs, or one clear line."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands.comparison.measured import Point
from sandbox.commands.comparison.outcomes import first_to_reach
from sandbox.core.metrics import MetricsWriter
from sandbox.core.runs import Run, create_run
from sandbox.core.statistics import bootstrap_interval, interquartile_mean

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pictures are drawn into the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def agent(
    root: Path,
    name: str,
    *,
    seed: int = 0,
    algo: str = "ppo",
    env: str = "CartPole-v1",
    values: Sequence[float] = (100.0, 300.0, 480.0),
    final: float | None = 490.0,
    status: str = "finished",
    **settings: Any,
) -> Run:
    """A run with an evaluation every 1000 steps and every half second."""
    evaluation = None if final is None else {"episodes": 100, "mean": final}
    run = create_run(root, "train-agent", env, seed, "ppo", name, env=env, algo=algo, evaluation=evaluation)
    lines = [f'algo = "{algo}"', f"seed = {seed}", "threshold = 475.0", "[settings]"]
    run.config_path.write_text("\n".join(lines + [f"{key} = {value}" for key, value in settings.items()]))
    with MetricsWriter(run.metrics_path) as writer:
        for index, value in enumerate(values, 1):
            writer.write(1000 * index, {"rollout/ep_rew_mean": value / 2, "time/seconds": index / 2})
            writer.write(1000 * index, {"eval/mean_reward": value, "time/seconds": index / 2})
    run.update(status=status)
    return run


def classifier(root: Path, name: str, seed: int, accuracy: float) -> Run:
    run = create_run(
        root, "train-classifier", "digits", seed, "classifier", name, data="digits", model="cnn",
        evaluation={"split": "test", "accuracy": accuracy},
    )  # fmt: skip
    run.config_path.write_text(f'data = "digits"\nmodel = "cnn"\nseed = {seed}\n')
    with MetricsWriter(run.metrics_path) as writer:
        for step in (10, 20):
            writer.write(step, {"valid/loss": 1 / step, "valid/accuracy": 0.9, "time/seconds": step / 10})
    run.update(status="finished")
    return run


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["compare", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refusal(capsys: Captured, *words: str, code: int) -> str:
    """The one line, and the hint below it."""
    capsys.readouterr()
    assert main(["compare", *words]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 2
    return "\n".join(lines)


def test_groups_are_summarised_over_their_seeds(runs_root: Path, capsys: Captured) -> None:
    finals = [500.0, 480.0, 500.0, 490.0, 9.0]
    for seed, final in enumerate(finals):
        agent(runs_root, f"ours-{seed}", seed=seed, final=final)
    agent(runs_root, "theirs", algo="sb3-ppo", values=(10.0, 20.0, 30.0, 480.0), final=481.0)
    result = answer(capsys, "*")
    assert (result["schema"], result["task"]) == ("sandbox.compare/1", "CartPole-v1")
    assert (result["metric"], result["threshold"]) == ("eval/mean_reward", 475)
    ours, theirs = result["groups"]
    assert (ours["label"], ours["seeds"], ours["indicative"]) == ("ppo", 5, False)
    assert ours["mean"] == pytest.approx(395.8)
    assert ours["std"] == pytest.approx(216.4, abs=0.1)
    assert ours["iqm"] == interquartile_mean(finals) == pytest.approx(490)
    assert ours["interval"] == pytest.approx(bootstrap_interval(finals))
    assert (ours["best"], ours["steps"], ours["seconds"]) == (480, 3000, 1.5)
    assert (ours["reached"], ours["steps_to_threshold"], ours["seconds_to_threshold"]) == (5, 3000, 1.5)
    assert (theirs["label"], theirs["seeds"], theirs["indicative"]) == ("sb3-ppo", 1, True)
    assert (theirs["std"], theirs["interval"]) == (None, None)
    assert (theirs["steps_to_threshold"], theirs["seconds_to_threshold"]) == (4000, 2)
    assert Path(result["picture"]).exists()


def test_the_table_shows_what_people_look_for(runs_root: Path, capsys: Captured) -> None:
    for seed, top in enumerate((480.0, 100.0)):
        agent(runs_root, f"run-{seed}", seed=seed, values=(1.0, top), final=top)
    assert main(["compare", "*"]) == 0
    header, row, _, second_header, second_row, _, picture = capsys.readouterr().out.splitlines()
    assert header == "group  seeds         final ± std  IQM [95 % interval]  best"
    assert row == "ppo    2 indicative  290 ± 268.7  290 [100, 480]        290"
    assert second_header == "group  steps  seconds  reached  steps to 475  seconds to 475"
    assert second_row == "ppo    2,000        1  1 of 2          2,000               1"
    assert picture == "picture compare-CartPole-v1.png"


def test_a_picture_that_was_there_is_said_to_be_replaced(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "one")
    Path("mine.png").write_bytes(b"old")
    assert main(["compare", "one", "--png", "mine.png"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "picture mine.png (replaced)"
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")


def test_runs_are_named_by_pattern_by_path_and_by_name_and_count_once(
    runs_root: Path, capsys: Captured
) -> None:
    for seed in range(3):
        agent(runs_root, f"a-{seed}", seed=seed)
    agent(runs_root, "b", seed=9)
    found = answer(capsys, "a-*", f"{runs_root}/a-1", "a-2", "b", f"{runs_root}/a*")["groups"][0]["runs"]
    assert [run["run"] for run in found] == ["a-0", "a-1", "a-2", "b"]


def test_a_run_without_a_final_evaluation_is_marked(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "done", final=500.0)
    agent(runs_root, "stopped", seed=1, values=(50.0, 60.0), final=None, status="interrupted")
    with agent(runs_root, "at-it", seed=2, values=(1.0, 2.0), final=None, status="running").lock():
        assert main(["compare", "*"]) == 0
    out, err = capsys.readouterr()
    assert "187.3 ± 272.3*" in out
    assert "the last eval/mean_reward of stopped (interrupted), at-it (running)" in err


def test_the_same_seed_twice_is_no_second_seed(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "first")
    agent(runs_root, "again")
    assert answer(capsys, "*")["groups"][0]["seeds"] == 1
    assert main(["compare", "*"]) == 0
    assert "1 of 2 runs repeat the seed of another one" in capsys.readouterr().err
    assert [group["label"] for group in answer(capsys, "*", "--by", "run")["groups"]] == ["first", "again"]


def test_groups_by_hand_say_in_what_their_runs_differ_all_the_same(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "slow", n_epochs=4)
    agent(runs_root, "fast", n_epochs=2, seed=1)
    assert [group["label"] for group in answer(capsys, "*")["groups"]] == ["n_epochs=4", "n_epochs=2"]
    assert main(["compare", "*", "--by", "algo"]) == 0
    assert "ppo: its runs differ in n_epochs" in capsys.readouterr().err


def test_differences_that_no_label_tells_are_told_below(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "ours", n_epochs=4)
    agent(runs_root, "theirs", algo="sb3-ppo", n_epochs=20)
    assert main(["compare", "*"]) == 0
    assert "the groups also differ in n_epochs" in capsys.readouterr().err


def test_training_returns_are_compared_where_evaluations_are_too_few(
    runs_root: Path, capsys: Captured
) -> None:
    agent(runs_root, "often")
    agent(runs_root, "once", seed=1, values=(3.0,))
    with MetricsWriter(runs_root / "once" / "metrics.jsonl") as writer:
        writer.write(2000, {"rollout/ep_rew_mean": 2.0})
    assert answer(capsys, "*")["metric"] == "rollout/ep_rew_mean"


def test_another_metric_is_compared_by_its_last_values(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "one")
    agent(runs_root, "two", seed=1)
    result = answer(capsys, "*", "--metric", "rollout/ep_rew_mean", "--threshold", "150")
    group = result["groups"][0]
    assert (group["mean"], result["threshold"], group["steps_to_threshold"]) == (240, 150, 2000)
    assert answer(capsys, "*", "--metric", "rollout/ep_rew_mean")["threshold"] is None
    assert "did you mean 'eval/mean_reward'" in refusal(capsys, "*", "--metric", "eval/mean_rewrad", code=2)


def test_classifiers_are_compared_by_accuracy(runs_root: Path, capsys: Captured) -> None:
    for seed, accuracy in enumerate((0.97, 0.99)):
        classifier(runs_root, f"c{seed}", seed, accuracy)
    result = answer(capsys, "c*")
    assert (result["task"], result["metric"], result["threshold"]) == ("digits", "valid/accuracy", None)
    assert (result["groups"][0]["label"], result["groups"][0]["mean"]) == ("cnn", pytest.approx(0.98))
    by_loss = answer(capsys, "c*", "--metric", "valid/loss", "--threshold", "0.06")["groups"][0]
    assert (by_loss["best"], by_loss["steps_to_threshold"]) == (0.05, 20)


def test_no_runs_are_a_usage_error(capsys: Captured) -> None:
    assert "compare needs a RUN" in refusal(capsys, code=2)


@pytest.mark.parametrize("name", ["nope", "nope*"])
def test_a_run_that_is_not_there_is_named(name: str, capsys: Captured) -> None:
    assert f"no run matches '{name}'" in refusal(capsys, name, code=4)


def test_several_tasks_and_several_commands_are_refused(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "cart")
    agent(runs_root, "catch", env="Sandbox/Catch-v0")
    classifier(runs_root, "digits", 0, 0.9)
    told = refusal(capsys, "cart", "catch", code=2)
    assert "different tasks" in told
    assert "CartPole-v1 (1), Sandbox/Catch-v0 (1)" in told
    told = refusal(capsys, "cart", "digits", code=2)
    assert "cart is from train-agent, digits from train-classifier" in told


def test_a_run_that_logged_nothing_or_no_result_is_named(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "good")
    agent(runs_root, "empty", values=())
    assert "empty has logged nothing yet" in refusal(capsys, "*", code=4)
    with MetricsWriter(runs_root / "empty" / "metrics.jsonl") as writer:
        writer.write(5, {"time/fps": 3})
    assert "empty has logged no result yet" in refusal(capsys, "*", code=4)


def test_damaged_files_are_named(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root, "bad")
    text = run.metrics_path.read_text()
    run.metrics_path.write_text(text.replace("{", "", 1))
    assert "metrics.jsonl: line 1 is damaged" in refusal(capsys, "bad", code=4)
    run.metrics_path.write_text(text + '{"step": 4000, "eval/mea')  # torn by a kill: the rest counts
    assert answer(capsys, "bad")["groups"][0]["steps"] == 3000
    run.config_path.write_text("algo = ")
    assert "config.toml" in refusal(capsys, "bad", code=4)
    run.config_path.unlink()
    assert "config.toml is missing" in refusal(capsys, "bad", code=4)


def test_pictures_that_cannot_be_written_are_refused(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "one")
    Path("file").write_text("")
    Path("folder.png").mkdir()
    assert "must end in .png" in refusal(capsys, "one", "--png", "curve.jpg", code=2)
    assert "folder.png is a folder" in refusal(capsys, "one", "--png", "folder.png", code=2)
    assert "cannot write file/x.png" in refusal(capsys, "one", "--png", "file/x.png", code=7)
    assert "--png mine.png" in refusal(capsys, "one", "--out", "mine.png", code=2)


def test_no_number_at_the_end_is_no_result(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "diverged", values=(100.0, 200.0, math.nan), final=None, status="diverged")
    run = answer(capsys, "diverged")["groups"][0]["runs"][0]
    assert (run["status"], run["final"], run["final_is"]) == ("diverged", 200, "last value")


def test_the_first_value_at_the_threshold_counts_from_the_side_that_is_better() -> None:
    points = [Point(1, 0.1, 5.0), Point(2, 0.2, 3.0), Point(3, 0.3, 4.0)]
    assert first_to_reach(points, 5.0, lower=False) == points[0]
    assert first_to_reach(points, 4.0, lower=True) == points[1]
    assert first_to_reach(points, 6.0, lower=False) is None
    assert first_to_reach(points, None, lower=False) is None
