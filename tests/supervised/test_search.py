"""`search` as people and scripts use it: what it keeps, how it goes on, and what it says in the end."""

from __future__ import annotations

import builtins
import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.errors import ConfigError, UsageError
from sandbox.core.run import Run
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.search import carry_out as searching
from sandbox.supervised.search.config import SearchConfig
from sandbox.supervised.search.trials import FILE, Trial, read_trials
from tests.supervised.run_folders import answer, without_curves

Captured = pytest.CaptureFixture[str]
SMALL = ("search", "digits", "--model", "linear", "--threads", "1", "--steps", "10", "--quiet")


def test_a_search_ends_in_a_table_a_picture_and_a_config_to_train_with(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_curves(monkeypatch)
    result = answer(capsys, *SMALL, "--trials", "10", "--name", "a", "--no-pruning")
    run = Run(runs_root / "a")
    assert run.status == "finished"
    assert (run.info["steps"], run.info["best"]) == (10, result["evaluation"]["accuracy"])
    assert [trial["number"] for trial in result["trials"]] == list(range(10))
    assert result["states"] == {"complete": 10, "pruned": 0, "diverged": 0, "failed": 0}
    assert set(result["importance"]) == {"learning_rate", "batch_size", "weight_decay"}
    with Image.open(result["picture"]) as picture:
        assert picture.format == "PNG"
    # The very same weights come out of training with the best settings.
    words = shlex.split(result["command"])[3:]
    assert main([*words, "--name", "best", "--quiet"]) == 0
    assert Run(runs_root / "best").info["best"] == result["evaluation"]["accuracy"]


def test_the_table_shows_the_start_beside_the_best(runs_root: Path, capsys: Captured) -> None:
    words = ("--trials", "3", "--space", "learning_rate=1e-3,0.3,1e-9", "--set", "learning_rate=1e-9")
    assert main([*SMALL, *words]) == 0
    shown = capsys.readouterr()
    assert "trial" in shown.out
    assert "0 (start)" in shown.out
    assert "the start had" in shown.out
    assert "(as long as a trial: " in shown.out, "the best config has a trial's budget"
    assert shown.err == ""


def test_the_same_seed_tries_the_same(runs_root: Path, capsys: Captured) -> None:
    def tried(seed: str) -> list[Any]:
        found = answer(capsys, *SMALL, "--trials", "4", "--seed", seed)
        return [(trial["values"], trial["looks"], trial["loss"]) for trial in found["trials"]]

    assert tried("1") == tried("1")
    assert tried("1") != tried("2")


def test_trials_that_diverge_or_fail_end_nothing(runs_root: Path, capsys: Captured) -> None:
    words = ("--method", "grid", "--space", "learning_rate=0.01,1e300", "--set", "optimizer=sgd", "--set")
    result = answer(capsys, *SMALL, *words, "batch_size=64", "--no-pruning")
    assert result["states"] == {"complete": 2, "pruned": 0, "diverged": 1, "failed": 0}
    assert result["best"]["values"]["learning_rate"] != 1e300


def test_settings_that_do_not_fit_together_fail_alone(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = SearchConfig.of_trial

    def choosy(self: SearchConfig, values: Any) -> ClassifierConfig:
        if values["batch_size"] == 16:
            raise ConfigError("16 is too small here")
        return applied(self, values)

    monkeypatch.setattr(SearchConfig, "of_trial", choosy)
    result = answer(capsys, *SMALL, "--method", "grid", "--space", "batch_size=16,32")
    assert [trial["state"] for trial in result["trials"]].count("failed") == 1
    assert "16 is too small here" in [trial["error"] for trial in result["trials"]]


def test_pictures_of_a_quick_search_are_no_limit_to_training(runs_root: Path, capsys: Captured) -> None:
    result = answer(capsys, *SMALL, "--trials", "2", "--pictures", "50")
    assert result["command"].endswith("best.toml --pictures 1168")


def test_evaluate_says_what_a_search_is(runs_root: Path, capsys: Captured) -> None:
    assert main([*SMALL, "--trials", "2", "--name", "a"]) == 0
    again = answer(capsys, "evaluate", "a", "--gate", "0.05")
    assert again["evaluation"]["split"] == "validation"
    assert main(["evaluate", "a"]) == 0
    assert "a is a search for settings" in capsys.readouterr().out
    assert main(["evaluate", "a", "--split", "test"]) == 2
    assert "saw the validation pictures alone" in capsys.readouterr().err
    assert main(["explain", "a"]) == 2
    with pytest.raises(UsageError, match="no weights to load"):
        load_run("a")


def test_a_stopped_search_goes_on_to_what_it_would_have_been(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*SMALL, "--trials", "5", "--method", "tpe")
    whole = answer(capsys, *words, "--name", "whole")
    real = searching.try_out

    def interrupted(number: int, *rest: Any, **options: Any) -> Trial:
        if number == 3:
            signal.raise_signal(signal.SIGINT)
        return real(number, *rest, **options)

    monkeypatch.setattr(searching, "try_out", interrupted)
    assert main([*words, "--name", "part"]) == 130
    shown = capsys.readouterr()
    assert "stopped after 3 of 5 trials" in shown.err
    assert "resume" in shown.err
    assert Run(runs_root / "part").status == "interrupted"
    monkeypatch.undo()
    monkeypatch.setenv("SANDBOX_RUNS", str(runs_root))
    resumed = answer(capsys, "resume", "part", "--quiet")
    for one, other in zip(whole["trials"], resumed["trials"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert (runs_root / "whole" / "best.toml").read_bytes() == (runs_root / "part" / "best.toml").read_bytes()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill_9_loses_no_finished_trial(runs_root: Path, capsys: Captured) -> None:
    words = [sys.executable, "-m", "sandbox", *SMALL, "--trials", "400", "--name", "a", "--no-pruning"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    file = runs_root / "a" / FILE
    while process.poll() is None and not (file.exists() and len(file.read_bytes().splitlines()) > 3):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = read_trials(file)
    assert len(done) >= 3
    assert tomllib.loads((runs_root / "a" / "best.toml").read_text())["data"] == "digits"
    assert Run(runs_root / "a").status == "killed"
    config = runs_root / "a" / "config.toml"
    config.write_text(config.read_text().replace("trials = 400", f"trials = {len(done) + 1}"))
    resumed = answer(capsys, "resume", "a", "--quiet")
    assert len(resumed["trials"]) == len(done) + 1
    assert read_trials(file)[: len(done)] == done


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("", 2, "which data?"),
        ("digist", 2, "did you mean 'digits'?"),
        ("digits --trials 1", 2, "trials must be at least 2, not 1"),
        ("digits --method gird", 2, "'gird' is not one of random, grid, tpe"),
        ("digits --space steps=1..2", 2, "steps cannot be searched"),
        ("digits --steps 3 --epochs 2", 2, "two budgets"),
        ("digits --name ../a", 2, "cannot be the name of a run"),
        (
            "digits --method grid --space learning_rate=1e-4..1 --space momentum=0..0.9"
            " --space clip_norm=0..9 --space weight_decay=0..1",
            2,
            "the grid has 625 combinations",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    words: str, code: int, says: str, runs_root: Path, capsys: Captured
) -> None:
    assert main(["search", *words.split(), "--quiet"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert not runs_root.exists()


def test_without_optuna_the_extra_is_named(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "optuna":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(list(SMALL)) == 3
    assert "needs the extra [search]" in capsys.readouterr().err
    assert not runs_root.exists()


def test_a_dry_run_writes_nothing(runs_root: Path, capsys: Captured) -> None:
    shown = answer(capsys, *SMALL, "--dry-run")
    assert shown["config"]["space"]["learning_rate"] == "0.0001..0.01"
    assert not runs_root.exists()


def test_what_is_true_of_every_trial_is_said_once(runs_root: Path, capsys: Captured) -> None:
    base = ("digits", "--backbone", "tiny", "--threads", "1", "--steps", "2", "--quiet")
    assert main(["train-classifier", *base, "--name", "base"]) == 0
    capsys.readouterr()
    words = ("--init-from", "base", "--freeze", "--trials", "3", "--name", "a")
    assert main(["search", *base, *words]) == 0
    assert capsys.readouterr().err.count("backbone from") == 1
