"""``runs``: lists whatever is there, shows what files say, removes runs and nothing else."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands.runs import age
from sandbox.core.runs import Run, create_run

Captured = pytest.CaptureFixture[str]


def make(root: Path, name: str, **info: Any) -> Run:
    run = create_run(root, "train-agent", "CartPole-v1", 0, "ppo", name=name, **info)
    run.config_path.write_text('algo = "ppo"\n\n[ppo]\nn_steps = 32\n')
    (run.checkpoints_dir / "step-000000002048").mkdir(parents=True)
    (run.path / "LAST").write_text("step-000000002048\n")
    return run


def answer(capsys: Captured, *words: str, code: int = 0) -> dict:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_no_runs_yet_is_no_error(runs_root: Path, capsys: Captured) -> None:
    assert main(["runs"]) == 0
    assert "python -m sandbox train-agent" in capsys.readouterr().out
    assert answer(capsys, "runs")["runs"] == []


def test_a_line_a_run_the_newest_first(runs_root: Path, capsys: Captured) -> None:
    make(runs_root, "old", created="2026-01-01T00:00:00+00:00").update(
        status="finished", best=500.0, steps=12288
    )
    make(runs_root, "new", best={"score": 475.25, "step": 4096}, algo="sb3-ppo")
    assert main(["runs"]) == 0
    header, new, old = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "subject", "algo", "status", "steps", "best", "age"]
    assert new.split()[:6] == ["new", "CartPole-v1", "sb3-ppo", "killed", "0", "475.2"]
    assert old.split()[:6] == ["old", "CartPole-v1", "ppo", "finished", "12,288", "500"]


def test_another_folder_may_be_named(runs_root: Path, tmp_path: Path, capsys: Captured) -> None:
    make(tmp_path / "other", "first")
    assert [
        run["name"] for run in answer(capsys, "runs", "list", "--out", str(tmp_path / "other"))["runs"]
    ] == ["first"]


@pytest.mark.parametrize(
    "damage",
    ["", "{", "null", '{"schema": 1}', '{"created": []}', "\x00\xff", "[" * 100_000],
)
def test_broken_folders_are_listed_and_never_crash(runs_root: Path, damage: str, capsys: Captured) -> None:
    make(runs_root, "good")
    broken = make(runs_root, "bad")
    (broken.path / "run.json").write_bytes(damage.encode("latin-1"))
    (runs_root / "not a run").mkdir()
    (runs_root / "a file").write_text("x")
    (runs_root / "gone").symlink_to(runs_root / "nowhere")
    listed = {run["name"]: run for run in answer(capsys, "runs")["runs"]}
    assert set(listed) == {"good", "bad"}
    assert listed["bad"]["status"] == "broken"
    assert "run.json" in listed["bad"]["problem"]
    assert main(["runs"]) == 0
    assert "broken: " in capsys.readouterr().out


def test_values_of_the_wrong_type_are_shown_as_they_are(runs_root: Path, capsys: Captured) -> None:
    make(runs_root, "odd").update(steps="many", best=[1], created=17, subject=None, status=3, algo={})
    assert main(["runs"]) == 0
    assert main(["runs", "show", "odd"]) == 0
    assert "many" in capsys.readouterr().out


def test_show_prints_what_the_files_say(runs_root: Path, capsys: Captured) -> None:
    make(runs_root, "first")
    assert main(["runs", "show", "fir"]) == 0
    out = capsys.readouterr().out
    assert "step-000000002048" in out
    assert "n_steps" not in out
    assert main(["runs", "show", "fir", "--settings"]) == 0
    assert "n_steps = 32" in capsys.readouterr().out
    shown = answer(capsys, "runs", "show", "first")
    assert shown["config"] == {"algo": "ppo", "ppo": {"n_steps": 32}}
    assert shown["checkpoints"] == ["step-000000002048"]
    assert (shown["last"], shown["best"], shown["problem"]) == ("step-000000002048", None, None)


def test_lists_are_shown_as_people_write_them(runs_root: Path, capsys: Captured) -> None:
    evaluation = {"accuracy": 0.987654, "interval": [0.98, 0.99]}
    make(
        runs_root,
        "first",
        classes=["ring finger", "thumb"],
        shape=[1, 28, 28],
        only=[],
        evaluation=evaluation,
    )
    assert main(["runs", "show", "first"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert shown["classes"] == "ring finger, thumb"
    assert shown["shape"] == "1, 28, 28"
    assert shown["evaluation"] == "accuracy 0.9877, interval [0.98, 0.99]"
    assert "only" not in shown


def test_show_names_a_broken_config_and_goes_on(runs_root: Path, capsys: Captured) -> None:
    run = make(runs_root, "first")
    run.config_path.write_text("steps = = 1")
    shown = answer(capsys, "runs", "show", "first")
    assert shown["config"] is None
    assert "config.toml: not valid TOML" in shown["problem"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["runs", "show"], 2, "runs show needs a RUN"),
        (["runs", "remove"], 2, "runs remove needs a RUN"),
        (["runs", "list", "first"], 2, "runs list takes no RUN"),
        (["runs", "shwo"], 2, "action: 'shwo' is not one of list, show, remove: did you mean 'show'?"),
        (["runs", "show", "secnod"], 4, "no run matches 'secnod' in "),
        (["runs", "remove", "first"], 2, "not removing first without --yes"),
        (["runs", "remove", "latest", "--yes", "--out", "nowhere"], 4, "there are no runs in nowhere"),
    ],
)
def test_mistakes(runs_root: Path, capsys: Captured, words: list[str], code: int, message: str) -> None:
    make(runs_root, "first")
    assert answer(capsys, *words, code=code)["error"].startswith(message)
    assert (runs_root / "first" / "run.json").exists()


def test_remove_with_yes_removes_just_that(runs_root: Path, capsys: Captured) -> None:
    make(runs_root, "first")
    make(runs_root, "second")
    assert main(["runs", "remove", "first", "--yes"]) == 0
    assert [path.name for path in runs_root.iterdir()] == ["second"]


@pytest.mark.parametrize(("typed", "left"), [("y\n", False), ("\n", True), ("no\n", True), ("", True)])
def test_on_a_terminal_it_asks(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, typed: str, left: bool
) -> None:
    make(runs_root, "first")
    stdin = io.StringIO(typed)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["runs", "remove", "first"]) == (2 if left else 0)
    assert (runs_root / "first").exists() == left


def test_a_run_in_use_is_not_removed_nor_are_the_others(runs_root: Path, capsys: Captured) -> None:
    make(runs_root, "free")
    with make(runs_root, "busy").lock():
        error = answer(capsys, "runs", "remove", "free", "busy", "--yes", code=7)
    assert error["error"] == f"run busy is in use by process {os.getpid()}"
    assert {path.name for path in runs_root.iterdir()} == {"free", "busy"}


def test_a_folder_that_is_no_run_is_never_removed(runs_root: Path, tmp_path: Path, capsys: Captured) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    assert main(["runs", "remove", str(precious), "--yes"]) == 4
    (precious / "run.json").write_text('{"schema": "other/1", "kind": 1}')
    assert main(["runs", "remove", str(precious), "--yes"]) == 4
    assert (precious / "file").exists()


def test_what_a_link_points_to_is_never_removed(runs_root: Path, tmp_path: Path, capsys: Captured) -> None:
    run = make(runs_root, "first")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (run.path / "link").symlink_to(tmp_path / "kept")
    (runs_root / "alias").symlink_to(run.path)
    assert main(["runs", "remove", "alias", "--yes"]) == 7
    assert run.path.exists()
    assert main(["runs", "remove", "first", "--yes"]) == 0
    assert not run.path.exists()
    assert (tmp_path / "kept" / "file").exists()


def test_a_folder_around_other_runs_or_the_working_folder_is_not_removed(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    outer = make(runs_root, "outer")
    make(outer.path / "runs", "inner")
    assert main(["runs", "remove", "outer", "--yes"]) == 7
    assert "holds another run" in capsys.readouterr().err
    monkeypatch.chdir(outer.path / "runs" / "inner" / "checkpoints")
    assert main(["runs", "remove", str(outer.path / "runs" / "inner"), "--yes"]) == 7
    assert "holds the working folder" in capsys.readouterr().err


@pytest.mark.parametrize("created", [None, 3, "yesterday", "", []])
def test_an_age_that_cannot_be_known_is_none(created: object) -> None:
    assert age(created) is None
