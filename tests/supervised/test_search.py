"""`search`: which settings it tries, what it keeps, and what it says in the end."""

from __future__ import annotations

import builtins
import json
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
from sandbox.core.errors import ConfigError, RunBroken, SandboxError, UsageError
from sandbox.core.run import Run
from sandbox.supervised import search as searching
from sandbox.supervised.chooser import Chooser, goodness, importances
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.resolve import Budget, resolve_config
from sandbox.supervised.search_config import LOOKS, SearchConfig
from sandbox.supervised.space import Choice, Range, default_space, dimensions, grid, read_space
from sandbox.supervised.trials import FILE, Trial, best_first, read_trials, write_trial
from tests.supervised.run_folders import answer, without_curves

Captured = pytest.CaptureFixture[str]
SMALL = ("search", "digits", "--model", "linear", "--threads", "1", "--steps", "10", "--quiet")


def start(**changes: Any) -> ClassifierConfig:
    return resolve_config("digits", {"threads": 1, **changes}, budget=Budget(steps=20))


def space_of(*texts: str) -> list[Choice | Range]:
    return dimensions(read_space(texts), start())


def made_up(number: int, score: float | None, rate: float, state: Any = "complete") -> Trial:
    looks = () if score is None else (score,) * 3
    return Trial(number, state, {"learning_rate": rate, "batch_size": 32}, score, 1.0, looks)


# The space


def test_a_space_is_ranges_and_lists() -> None:
    rate, batch, decay, augment, optimizer = space_of(
        "learning_rate=1e-4..1e-1",
        "batch-size=16..24",
        "ema_decay=0,0.9",
        "augment=true,false",
        "optimizer=sgd,adam",
    )
    assert rate == Range("learning_rate", 1e-4, 1e-1, whole=False)
    assert batch == Range("batch_size", 16, 24, whole=True)
    assert decay == Choice("ema_decay", (0.0, 0.9))
    assert augment == Choice("augment", (True, False))
    assert optimizer == Choice("optimizer", ("sgd", "adam"))


def test_wide_ranges_are_logarithmic() -> None:
    wide, narrow, from_zero = space_of("learning_rate=1e-4..1", "momentum=0.5..0.9", "clip_norm=0..100")
    assert isinstance(wide, Range)
    assert wide.logarithmic
    assert wide.points() == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert narrow.points() == (0.5, 0.6, 0.7, 0.8, 0.9)
    assert from_zero.points() == (0, 25, 50, 75, 100)


def test_a_grid_has_all_combinations() -> None:
    points = grid(space_of("batch_size=32,64", "optimizer=sgd,adam,adamw"))
    assert len(points) == 6
    assert points[1] == {"batch_size": 32, "optimizer": "adam"}
    assert len({tuple(point.values()) for point in points}) == 6


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", "backbone"])
@pytest.mark.parametrize("method", ["random", "grid"])
def test_the_usual_space_lies_around_the_preset(model: str, method: str) -> None:
    config = start(model=model)
    known = {one.name: one for one in dimensions(default_space(config, method), config)}
    assert known["learning_rate"].holds(config.fit.learning_rate)
    assert known["batch_size"].holds(config.fit.batch_size)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("learning_rate", ConfigError, "not of the form KEY=LOW..HIGH or KEY=a,b,c"),
        ("learning_rat=1..2", UsageError, "did you mean 'learning_rate'?"),
        ("steps=1..2", UsageError, "steps cannot be searched"),
        ("data=digits,mnist", UsageError, "data cannot be searched"),
        ("learning_rate=0.1", UsageError, "no list of two or more different values"),
        ("learning_rate=0.1,0.1", UsageError, "no list of two or more different values"),
        ("learning_rate=2..1", UsageError, "does not go from a lower number to a higher one"),
        ("learning_rate=1..inf", UsageError, "does not go from a lower"),
        ("learning_rate=0..1", ConfigError, "learning_rate must be above 0, not 0.0"),
        ("learning_rate=fast,slow", ConfigError, "--space learning_rate: 'fast'"),
        ("optimizer=sgd..adam", UsageError, "only numbers have ranges"),
        ("optimizer=sgd,adm", ConfigError, "--space optimizer: "),
        ("model=cnn,mpl", ConfigError, "--space model: "),
        ("batch_size=0..64", ConfigError, "batch_size must be at least 1"),
    ],
)
def test_what_is_no_space_is_refused(text: str, error: type[SandboxError], says: str) -> None:
    with pytest.raises(error) as caught:
        space_of(text)
    assert says in caught.value.message


# What is tried


def test_trials_have_the_same_budget_whatever_their_batch_size() -> None:
    config = SearchConfig(start(), {"batch_size": "8,16"})
    small, large = (config.of_trial({"batch_size": size}).fit for size in (8, 16))
    assert small.steps * 8 == large.steps * 16 == 20 * config.start.fit.batch_size
    assert small.eval_every * LOOKS >= small.steps
    equal = SearchConfig(start(), {"batch_size": "8,16"}, equal="steps")
    assert equal.of_trial({"batch_size": 8}).fit.steps == 20


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_choices_follow_from_the_seed_and_from_what_is_done(method: Any) -> None:
    texts = {"learning_rate": "1e-4..1", "batch_size": "16..64", "optimizer": "sgd,adam"}
    config = SearchConfig(start(), texts, method, trials=20)
    space = dimensions(texts, config.start)
    done: list[Trial] = []
    chooser = Chooser(config, space)
    for number in range(14):
        values = chooser.choose(done)
        assert values == Chooser(config, space).choose(done)  # as after a restart
        assert all(one.holds(values[one.name]) for one in space) or number == 0
        done.append(Trial(number, "complete", values, score=0.5 + number / 100, looks=(0.1,)))
    assert done[0].values["learning_rate"] == config.start.fit.learning_rate
    assert len({json.dumps(trial.values) for trial in done}) == 14


def test_a_part_of_a_grid_is_in_a_fixed_order_and_has_no_point_twice() -> None:
    texts = {"batch_size": "16,32,64", "optimizer": "sgd,adam,adamw"}
    space = dimensions(texts, start())

    def tried(trials: int) -> list[Any]:
        chooser = Chooser(SearchConfig(start(), texts, "grid", trials), space)
        done: list[Trial] = []
        for number in range(chooser.trials):
            done.append(Trial(number, "failed", chooser.choose(done)))
        return [trial.values for trial in done]

    assert tried(5) == tried(8)[:5]
    assert len({json.dumps(values) for values in tried(10)}) == 10
    assert tried(99)[1:] == grid(space)  # all of them: in the order in which they were typed


def test_bad_trials_are_pruned_and_good_ones_are_not() -> None:
    config = SearchConfig(start(), {"learning_rate": "1e-4..1"}, trials=20)
    chooser = Chooser(config, dimensions(config.space, config.start))
    done = [
        Trial(number, "complete", {"learning_rate": 0.01}, 0.9, 0.1, (0.5, 0.7, 0.9)) for number in range(6)
    ]
    chooser.choose(done)
    assert not chooser.prune(1, 0.1)  # too early to say
    assert chooser.prune(2, 0.1)
    chooser.choose(done)
    assert not chooser.prune(2, 0.8)
    lenient = Chooser(SearchConfig(start(), config.space, prune=False), chooser.space)
    lenient.choose(done)
    assert not lenient.prune(2, 0.1)


def test_what_mattered_is_what_made_the_difference() -> None:
    space = space_of("learning_rate=1e-4..1", "batch_size=16,32,64")
    trials = []
    for number in range(24):
        values: Any = {"learning_rate": 10 ** -(number % 4 + 0.5), "batch_size": (16, 32, 64)[number % 3]}
        trials.append(Trial(number, "complete", values, 0.9 if number % 4 == 2 else 0.3, 1.0))
    found = importances(trials, space, 100)
    assert found["learning_rate"] > 0.8 > found["batch_size"]
    assert importances(trials[:4], space, 100) == {}
    assert importances([made_up(n, 0.5, 0.1) for n in range(9)], space, 100) == {}


def test_halving_the_mistakes_is_as_good_everywhere() -> None:
    assert goodness(0.9, 10_000) == pytest.approx(1)
    assert goodness(0.99, 10_000) == pytest.approx(2)
    assert goodness(1.0, 50) == pytest.approx(2)  # half a picture


# The file of trials


def test_trials_come_back_as_they_were_and_a_torn_line_is_none(tmp_path: Path) -> None:
    trials = [made_up(0, 0.5, 0.1), made_up(1, None, 0.2, "diverged")]
    for trial in trials:
        write_trial(tmp_path / FILE, trial)
    assert read_trials(tmp_path / FILE) == trials
    with (tmp_path / FILE).open("a") as file:
        file.write('{"step": 2, "sta')
    assert read_trials(tmp_path / FILE) == trials
    write_trial(tmp_path / FILE, made_up(2, 0.7, 0.3))
    assert len(read_trials(tmp_path / FILE)) == 3


@pytest.mark.parametrize(
    "line", ['{"step": 0}', '{"step": 0, "looks": [], "what": 1}', '{"step": 1, "looks": 3}']
)
def test_a_line_that_is_no_trial_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(line + "\n")
    with pytest.raises(RunBroken, match="line 1 is no"):
        read_trials(tmp_path / FILE)


def test_among_equals_the_lower_loss_is_better() -> None:
    worse, better = (Trial(n, "complete", {}, 0.9, loss) for n, loss in enumerate((0.3, 0.2)))
    pruned = Trial(2, "pruned", {}, 0.99, 0.1)
    assert best_first([worse, better, pruned]) == [better, worse]


# The command


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
