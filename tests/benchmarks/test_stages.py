"""The benchmark runs each stage once, the most wanted first, survives failures, and says what is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run as driver
from benchmarks import stages
from benchmarks.recipes import Recipe
from benchmarks.stages import Expectations, Stage, duration, planned
from sandbox.core.errors import UnknownName

FAKE = """
import json, sys, time
word = sys.argv[1]
print("about to", word, file=sys.stderr)
if word == "fail":
    sys.exit("it broke")
if word == "hang":
    time.sleep(60)
if word == "own":
    open(sys.argv[2], "w").write("{}")
print("no JSON" if word == "mumble" else json.dumps({"rows": [{"task": word, "steps": 3}]}))
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, logs, a document, and a program that does what it is told."""
    (tmp_path / "fake.py").write_text(FAKE)
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(stages, "REPOSITORY", tmp_path)
    monkeypatch.setattr(stages, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(stages, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(driver, "DOCUMENT", tmp_path / "benchmarks.md")
    return tmp_path


def fake(name: str, word: str = "work", seeds: tuple[int, ...] = (0, 1), **options: Any) -> Recipe:
    return Recipe(name, f"{word} {{seed}}", seeds=seeds, program="fake", **options)


def prepare(house: Path, monkeypatch: pytest.MonkeyPatch, *recipes: Recipe) -> None:
    places = dict.fromkeys(["status", *(recipe.place or recipe.name for recipe in recipes)])
    marks = [f"<!-- benchmark: {place} -->\nold\n<!-- end -->\n" for place in places]
    (house / "benchmarks.md").write_text("## A section\n\n" + "".join(marks))
    monkeypatch.setattr(driver, "RECIPES", recipes)


def keep(house: Path, name: str, seed: int, seconds: float) -> None:
    made = {"versions": {}, "processor": "a CPU", "usable_cpus": 2, "platform": "Linux", "python": "3.11",
            "time": "2026-01-31T12:00:00+00:00", "git": None}  # fmt: skip
    record = {"recipe": name, "seed": seed, "seconds": seconds, "made": made, "result": {"rows": []}}
    (house / "results" / f"{name}-s{seed}.json").write_text(json.dumps(record))


def test_a_stage_is_a_command_with_a_seed_and_its_first_seed_may_have_words_of_its_own() -> None:
    recipe = Recipe("x", "bench x --seed {seed}", seeds=(3, 4), first="--pictures docs")
    pictures = ["--pictures", "docs"]
    assert Stage(recipe, 3).words == ["sandbox", "bench", "x", "--seed", "3", *pictures, "--json"]
    assert Stage(recipe, 4).words == ["sandbox", "bench", "x", "--seed", "4", "--json"]


def test_a_finished_stage_is_kept_with_what_made_it_and_what_it_said(house: Path) -> None:
    stage = Stage(fake("x"), 1)
    assert stages.run(stage, house / "results", house / "logs").failure == ""
    record = json.loads((house / "results" / "x-s1.json").read_text())
    assert record["result"]["rows"] == [{"task": "work", "steps": 3}]
    assert (record["recipe"], record["seed"]) == ("x", 1)
    assert record["made"]["command"] == ["python", "-m", "fake", "work", "1", "--json"]
    assert (house / "logs" / "x-s1.log").read_text().splitlines()[1] == "about to work"


@pytest.mark.parametrize(
    ("word", "told"), [("fail", "exit code 1, it broke"), ("mumble", "it printed no JSON, about to mumble")]
)
def test_a_failed_stage_leaves_no_result_but_a_log(house: Path, word: str, told: str) -> None:
    outcome = stages.run(Stage(fake("x", word), 0), house / "results", house / "logs")
    assert outcome.failure == told
    assert list((house / "results").iterdir()) == []
    assert f"about to {word}" in (house / "logs" / "x-s0.log").read_text()


def test_what_keeps_its_result_itself_is_done_when_it_is_there(house: Path) -> None:
    recipe = Recipe("x", f"own {house / 'results' / 'x.json'}", seeds=(0,), program="fake", own=True)
    assert stages.run(Stage(recipe, 0), house / "results", house / "logs").failure == ""
    assert stages.run(Stage(fake("y", own=True), 0), house / "results", house / "logs").failure


def test_the_first_seeds_come_first_and_cheap_ones_before_dear_ones(house: Path) -> None:
    keep(house, "dear", 0, 500)
    keep(house, "cheap", 0, 5)
    recipes = [fake("unknown"), fake("dear"), fake("cheap", seeds=(0, 1, 2))]
    names = [stage.name for stage in planned(recipes, Expectations(recipes, house / "results"))]
    first, second = ["cheap-s0", "dear-s0", "unknown-s0"], ["cheap-s1", "dear-s1", "unknown-s1"]
    assert names == [*first, *second, "cheap-s2"]


def test_what_was_never_measured_is_expected_to_take_as_long_as_its_likes(house: Path) -> None:
    recipes = [fake(f"games-{game}", place="games") for game in ("a-ppo", "b-ppo", "a-dqn", "c-sac")]
    keep(house, "games-a-ppo", 0, 10)
    keep(house, "games-a-dqn", 1, 1000)
    expected = Expectations(recipes, house / "results")
    assert [str(expected.of(recipe)) for recipe in recipes] == [
        "about 10 s", "perhaps 10 s", "about 17 min", "perhaps 8 min",
    ]  # fmt: skip
    alone = fake("alone")
    assert str(Expectations([alone], house / "results").of(alone)) == "nobody knows how long"


def test_durations_are_said_in_few_words() -> None:
    assert [duration(seconds) for seconds in (3.4, 99, 100, 5000, 9000)] == [
        "3 s", "99 s", "2 min", "83 min", "2 h 30 min",
    ]  # fmt: skip


def test_what_fails_stops_nothing_and_is_told_in_the_end(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(house, monkeypatch, fake("bad", "fail", seeds=(0,)), fake("good", seeds=(0,)))
    assert driver.main([]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("[1 of 2] bad-s0 (nobody knows how long) … failed after ")
    assert lines[1].startswith("[2 of 2] good-s0 (nobody knows how long) … ")
    assert lines[2] == "Failed: bad-s0: exit code 1, it broke"
    assert lines[3].strip() == str(house / "logs" / "bad-s0.log")
    text = (house / "benchmarks.md").read_text()
    assert "| work | 3 |" in text
    assert "Not measured yet." in text
    assert "1 of 2 stages are measured" in text


def test_what_is_there_is_not_measured_again(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(house, monkeypatch, fake("bad", "fail", seeds=(0,)))
    keep(house, "bad", 0, 1)
    assert driver.main([]) == 0
    assert "Nothing is missing." in capsys.readouterr().err


def test_nothing_is_begun_that_would_not_fit_and_what_fits_is(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(house, monkeypatch, fake("dear"), fake("cheap"), fake("unknown"))
    keep(house, "dear", 0, 500)
    keep(house, "cheap", 0, 5)
    assert driver.main(["--stop-after", "5"]) == 0
    assert (house / "results" / "cheap-s1.json").exists()
    assert not (house / "results" / "dear-s1.json").exists()
    assert "Not begun, as they would not fit: 3 stages" in capsys.readouterr().err


def test_a_part_is_named_by_recipe_place_stage_or_pattern(house: Path) -> None:
    recipes = [fake("games-a", place="games"), fake("games-b", place="games"), fake("speed")]
    found = planned(recipes, Expectations(recipes, house / "results"))

    def chosen(*names: str) -> set[str]:
        return {stage.name for stage in driver.select(found, names)}

    assert chosen("speed", "games-b-s1") == {"speed-s0", "speed-s1", "games-b-s1"}
    assert chosen("games") == {"games-a-s0", "games-a-s1", "games-b-s0", "games-b-s1"}
    assert chosen("*-s0") == {"games-a-s0", "games-b-s0", "speed-s0"}
    assert len(chosen()) == 6
    with pytest.raises(UnknownName, match="did you mean 'speed'"):
        driver.select(found, ["sped"])
    assert driver.main(["--only", "no such stage"]) == 2


def test_the_list_says_what_is_done_and_how_long_the_rest_will_take(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(house, monkeypatch, fake("dear"), fake("unknown", seeds=(0,)))
    keep(house, "dear", 0, 500)
    assert driver.main(["--list"]) == 0
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        ["done", "dear-s0", "8 min"],
        ["missing", "unknown-s0", "nobody knows how long"],
        ["missing", "dear-s1", "about 8 min"],
    ]
    assert " ".join(lines[-1]).startswith("1 of 3 are done. What is missing will take about 8 min")


def test_an_interrupted_stage_ends_the_driver_and_leaves_nothing_running(house: Path) -> None:
    def interrupt_when_it_runs() -> None:
        log = house / "logs" / "x-s0.log"
        while not (log.exists() and "about to" in log.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_when_it_runs, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        stages.run(Stage(fake("x", "hang"), 0), house / "results", house / "logs")
    assert list((house / "results").iterdir()) == []


def test_a_stage_that_got_the_ctrl_c_itself_ends_the_driver(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "_call", lambda command, stderr: (130, ""))
    prepare(house, monkeypatch, fake("x"))
    assert driver.main([]) == 130


def test_help_needs_no_torch() -> None:
    code = "import sys; sys.argv = ['x', '--help']; import benchmarks.run as r\ntry: r.main()\n" \
        "except SystemExit: print('torch' in sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
