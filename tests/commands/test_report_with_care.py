"""``report``: files that are not the run's own, settings of one's own, and numbers with care."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands.report import size_text
from sandbox.commands.reporting.run_part import interval_of
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from sandbox.core.runs import create_run
from sandbox.supervised.reported import exhibits
from tests.commands.test_report import Captured, Parsed, answer, page_of
from tests.ui.reported import agent, film, picture


@pytest.fixture(autouse=True)
def here(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pages of several runs are written into the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words_of(page: Parsed) -> str:
    return " ".join(" ".join(page.texts).split())


def test_files_from_elsewhere_are_not_shown(runs_root: Path, capsys: Captured, tmp_path: Path) -> None:
    run = agent(runs_root)
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of mine")
    picture(agent(runs_root, "other"), "plots/theirs.png").rename(tmp_path / "theirs.png")
    film(run).rename(tmp_path / "theirs.mp4")
    picture(run, "plots/own.png")
    (run.path / "plots" / "link.png").symlink_to(run.path / "plots" / "own.png")
    (run.path / "plots" / "theirs.png").symlink_to(tmp_path / "theirs.png")
    (run.path / "videos" / "theirs.mp4").symlink_to(tmp_path / "theirs.mp4")
    run.config_path.unlink()
    run.config_path.symlink_to(secret)
    result = answer(capsys, "one")
    assert (result["figures"], result["videos"]) == (2, 0)
    text = (run.path / "report.html").read_text(encoding="utf-8")
    assert "a secret of mine" not in text
    assert "theirs.png is not shown: it lies outside the run’s folder." in text.replace("&#39;", "’")
    assert any("settings cannot be read" in note for note in result["notes"])


def test_a_file_that_is_no_config_is_not_copied(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    run.config_path.write_text("a secret of mine")
    answer(capsys, "one")
    assert "a secret of mine" not in (run.path / "report.html").read_text(encoding="utf-8")


def test_pipes_are_not_waited_for(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    run.plots_dir.mkdir()
    run.videos_dir.mkdir()
    for path in (run.config_path, run.manifest_path, run.metrics_path):
        path.unlink()
        os.mkfifo(path)
    for path in (run.plots_dir / "pipe.png", run.videos_dir / "pipe.mp4"):
        os.mkfifo(path)
    result = answer(capsys, "one")
    assert result["figures"] == 0
    assert "pipe.png is not shown: it is no regular file." in page_of(capsys, "one").texts


def test_files_that_people_renamed(runs_root: Path, capsys: Captured) -> None:
    film(agent(runs_root), "report-step-old.mp4")
    assert answer(capsys, "one")["videos"] == 1
    drawn = agent(runs_root, "two")
    drawn.update(kind="ddpm", what="train-generator")
    for name in ("step-000100.png", "step-000100 (copy).png"):
        picture(drawn, f"samples/{name}")
    assert "after 100 steps" in words_of(page_of(capsys, "two"))
    judged = agent(runs_root, "three")
    judged.update(kind="classifier", what="train-classifier", evaluation={"accuracy": None}, classes=None)
    picture(judged, "plots/confusion-test.png")
    assert answer(capsys, "three")["figures"] == 1


OWN = """
from agents import PPO

class ExpectedSarsa(PPO):
    pass
"""


def test_a_class_of_ones_own_is_named_and_imported_only_if_trusted(
    runs_root: Path, capsys: Captured, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(here)
    (here / "ours_to_report.py").write_text(OWN)
    run = agent(runs_root)
    run.update(algo="ours_to_report:ExpectedSarsa")
    config = run.config_path.read_text(encoding="utf-8")
    run.config_path.write_text(f'algo = "ours_to_report:ExpectedSarsa"\n{config}', encoding="utf-8")
    result = answer(capsys, "one")
    assert result["sections"][0]["title"] == "ExpectedSarsa on CartPole-v1"
    assert "ours_to_report" not in sys.modules
    text = words_of(Parsed((run.path / "report.html").read_text(encoding="utf-8")))
    assert "add --trust" in text
    assert "train-agent --algo ours_to_report:ExpectedSarsa --config runs/one/config.toml" in text
    texts = page_of(capsys, "one", "--trust").texts
    assert "settings.learning_rate" in texts
    assert not any("cannot be told here" in one for one in texts)


@pytest.mark.parametrize(
    ("kind", "what", "env", "words"),
    [
        ("ppo", "train-agent", "CartPole-v1", "train-agent --config"),
        ("ppo", "train-agent", "mine:Maze-v0", "train-agent mine:Maze-v0 --config"),
        ("classifier", "train-classifier", "digits", "train-classifier --config"),
        ("vae", "train-generator", "digits", "train-generator vae --config"),
        ("search", "search", "digits", None),
        ("somebody-elses", "theirs", "digits", None),
    ],
)
def test_the_command_that_repeats_a_run(
    runs_root: Path, capsys: Captured, kind: str, what: str, env: str, words: str | None
) -> None:
    agent(runs_root, env=env).update(kind=kind, what=what)
    text = words_of(page_of(capsys, "one"))
    assert ("With every setting as it was" in text) == (words is not None)
    assert words is None or f"python -m sandbox {words} runs/one/config.toml" in text


def test_what_cannot_be_drawn_takes_nothing_else_away(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    run.update(kind="vae", what="train-generator")
    run.plots_dir.write_text("no folder")
    picture(run, "samples/step-000010.png")
    picture(run, "samples/drawn.png")
    assert main(["report", "one", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["figures"] == 2
    assert any("reconstructions.png could not be drawn" in note for note in result["notes"])


@pytest.mark.parametrize(
    ("evaluation", "wanted"),
    [
        ({"episodes": 5, "std": 20.0}, None),
        ({"episodes": 37, "std": 6.0}, (488.04, 491.96)),
        ({"episodes": 37, "std": 60.0, "min": 0.0, "max": 500.0}, (470.4, 500.0)),
        ({"episodes": 37, "std": 60.0, "min": 489.0, "max": 600.0}, (489.0, 509.6)),
        ({"episodes": 5, "interval": [480.0, 500.0]}, (480.0, 500.0)),
    ],
)
def test_the_interval_of_a_mean(evaluation: dict[str, Any], wanted: tuple[float, float] | None) -> None:
    found = interval_of(evaluation, 490.0)
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_pages_of_subjects_without_letters_have_a_name(runs_root: Path, capsys: Captured) -> None:
    for seed in (0, 1):
        agent(runs_root, f"seed-{seed}", seed=seed, env="folder").update(subject="迷路")
    assert answer(capsys, "*")["path"] == "report.html"


def test_by_and_metric_need_runs_to_compare(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "a")
    agent(runs_root, "b", env="Acrobot-v1")
    for words in (["--by", "n_stepz"], ["--metric", "eval/men_reward"]):
        assert main(["report", "a", "b", "--as-is", *words]) == 2
        assert "no two of these have curves" in capsys.readouterr().err


def test_runs_of_one_name_are_told_apart(capsys: Captured, tmp_path: Path) -> None:
    for folder, env in (("a", "CartPole-v1"), ("b", "CartPole-v1"), ("c", "Acrobot-v1")):
        agent(tmp_path / folder, "x", env=env)
    path = answer(capsys, "a/x", "b/x", "c/x")["path"]
    alone = Path(path).read_text(encoding="utf-8").partition('id="run-3"')[2]
    assert 'aria-label="Line chart: return of greedy evaluations' in alone


def test_how_far_it_is_with_several_runs(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "a")
    agent(runs_root, "b")
    assert main(["report", "a", "b", "--as-is"]) == 0
    assert "report: 2/2 runs" in capsys.readouterr().err


def test_numbers_too_large_for_a_curve_are_left_out(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, values=(1e308, 100.0, 10**400, -1e308, 480.0))
    page = page_of(capsys, "one")
    assert "nan" not in " ".join(str(one.get("points")) for one in page.all("polyline"))
    assert "480" in page.texts


def in_training_only(run: Run, evaluation: dict[str, Any], **info: Any) -> None:
    """Make of a run one that ended before its first logged evaluation."""
    lines = [{"step": 1000 * n, "rollout/ep_rew_mean": 10.0 * n, "time/seconds": n} for n in (1, 2, 3)]
    run.metrics_path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    run.update(evaluation=evaluation, **info)


@pytest.mark.parametrize(
    ("mean", "info", "wanted"),
    [
        (500.0, {"solved": True}, ["reached", "by the final evaluation"]),
        (500.0, {}, ["reached", "by the final evaluation"]),
        (80.0, {"solved": False}, ["not reached", "by the final evaluation"]),
    ],
)
def test_the_final_evaluation_says_whether_a_task_is_solved(
    runs_root: Path, capsys: Captured, mean: float, info: dict[str, Any], wanted: list[str]
) -> None:
    in_training_only(agent(runs_root), {"episodes": 100, "mean": mean}, **info)
    texts = page_of(capsys, "one").texts
    tile = texts.index("threshold 475")
    assert [text for text in texts[tile + 1 : tile + 5] if text][:2] == wanted
    assert texts.count("threshold 475") == 1  # no line in the chart of returns in training
    assert "best return in training" in texts


def test_returns_in_training_are_held_to_no_threshold(runs_root: Path, capsys: Captured) -> None:
    for name in ("one", "two"):
        in_training_only(agent(runs_root, name, seed=len(name)), {}, status="interrupted")
    assert "last return in training" in page_of(capsys, "one").texts
    assert "threshold 475" not in page_of(capsys, "one").texts
    texts = page_of(capsys, "one", "two").texts
    assert not {"threshold 475", "reached"} & set(texts)


def test_an_evaluation_on_the_way_does_not_solve_what_the_final_one_did_not(
    runs_root: Path, capsys: Captured
) -> None:
    agent(runs_root).update(solved=False, evaluation={"episodes": 100, "mean": 470.0})
    texts = page_of(capsys, "one").texts
    assert "not reached" in texts
    assert "by the final evaluation; on the way after 3,000 steps, 1.5 s" in texts
    assert "best evaluation while training" in texts


def test_accuracies_are_told_in_percent(runs_root: Path, capsys: Captured) -> None:
    score = {"split": "test", "n": 359, "accuracy": 0.98886, "interval": [0.97171, 0.99566]}
    kind = ("train-classifier", "digits", 0, "classifier", "one")
    run = create_run(runs_root, *kind, data="digits", model="backbone", evaluation=score)
    run.config_path.write_text('data = "digits"\n', encoding="utf-8")
    with MetricsWriter(run.metrics_path) as writer:
        for step, value in ((1, 0.5), (2, 1.0)):
            writer.write(step, {"valid/accuracy": value, "time/seconds": step})
    run.update(status="finished", steps=1, train_seconds=2.0)
    texts = page_of(capsys, "one").texts
    assert {"98.89%", "95 %: 97.17% to 99.57%, test data", "100.00%", "1 step"} <= set(texts)


def test_remarks_on_the_page_are_told_on_the_terminal(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    answer(capsys, "one")
    assert main(["report", "one", "--as-is"]) == 0
    before = len(capsys.readouterr().err.splitlines())
    run.metrics_path.write_text("[]\n", encoding="utf-8")
    run.config_path.write_text("= =", encoding="utf-8")
    assert main(["report", "one", "--as-is"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 >= before
    assert "on the page" in lines[0]
    assert "Its settings cannot be read" in lines[0]


@pytest.mark.parametrize(("status", "there"), [("interrupted", True), ("killed", True), ("finished", False)])
@pytest.mark.parametrize("manifest", [True, False])
def test_how_a_stopped_run_goes_on(
    runs_root: Path, capsys: Captured, status: str, there: bool, manifest: bool
) -> None:
    run = agent(runs_root)
    run.update(status="running" if status == "killed" else status)
    if not manifest:
        run.manifest_path.unlink()
    texts = words_of(page_of(capsys, "one"))
    assert ("python -m sandbox resume runs/one" in texts) == there
    if there and manifest:
        assert texts.index("sandbox resume") < texts.index("As it was started")


def test_a_video_of_watch_says_so(runs_root: Path, capsys: Captured) -> None:
    film(agent(runs_root), "watch-20260131-101500-2.mp4")
    assert "recorded by watch" in words_of(page_of(capsys, "one"))


@pytest.mark.parametrize(("accuracy", "there"), [(1.0, True), (0.99, False)])
def test_a_classifier_that_was_never_wrong_has_no_worst_answers(
    runs_root: Path, accuracy: float, there: bool
) -> None:
    run = create_run(runs_root, "train-classifier", "digits", 0, "classifier", "one")
    run.update(evaluation={"split": "test", "accuracy": accuracy})
    picture(run, "plots/top-losses-test.png")
    (shown,) = exhibits(run)
    assert ("none was wrong" in shown.caption) == there
    assert (shown.title == "Its least sure answers") == there


@pytest.mark.parametrize(("count", "words"), [(48_300, "48 kB"), (999_999, "1000 kB"), (1_250_000, "1.2 MB")])
def test_sizes_of_pages(count: int, words: str) -> None:
    assert size_text(count) == words
