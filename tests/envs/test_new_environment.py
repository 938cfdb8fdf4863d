"""docs/new-environment.md does what it says: its code runs, keeps every promise, and its commands work."""

from __future__ import annotations

import importlib
import inspect
import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import pytest

from envs import Entry
from envs.controls import controls_of
from tests.envs import test_conformance, test_conformance_play, test_conformance_states

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = (REPOSITORY / "docs" / "new-environment.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


class OwnEntry(Entry):
    """An entry as in our registry, for an id in somebody's own namespace."""

    @property
    def id(self) -> str:
        return f"My/{self.name}-v{self.version}"


DODGE = OwnEntry("Dodge", "dodge", "Step aside while rocks fall.", 175, 200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a newcomer works, with the file that the document tells to write."""
    place = tmp_path_factory.mktemp("newcomer")
    (place / "dodge.py").write_text(blocks("python")[0], encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def dodge(folder: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(folder))
    yield importlib.import_module("dodge")
    sys.path.remove(str(folder))
    del sys.modules["dodge"], gymnasium.registry[DODGE.id]


def promises() -> Iterator[Any]:
    """Every conformance test, with each of its parameters beside the environment."""
    for module in (test_conformance, test_conformance_states, test_conformance_play):
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            marks = [mark for mark in function.pytestmark if mark.name == "parametrize"]
            others = [mark.args for mark in marks if "entry" not in mark.args[0]]
            for values in itertools.product(*(values for _, values in others)):
                given = {names: value for (names, _), value in zip(others, values, strict=True)}
                obs = DODGE.observations if "obs" in inspect.signature(function).parameters else (None,)
                for kind in obs:
                    if name.endswith("wherever_chance_has_no_say") and kind == "pixels":
                        continue  # it has: each step shows a new rock in a random column
                    yield pytest.param(function, given, kind, id=f"{name}-{kind or ''}")


@pytest.mark.parametrize(("promise", "given", "obs"), list(promises()))
def test_the_example_keeps_every_promise(
    dodge: ModuleType, promise: Any, given: dict[Any, Any], obs: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"entry": DODGE} | ({"obs": obs} if obs else {})
    for names, value in given.items():
        arguments |= {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
    if "monkeypatch" in inspect.signature(promise).parameters:
        arguments["monkeypatch"] = monkeypatch
    promise(**arguments)


def test_the_numbers_it_shows_are_true(dodge: ModuleType) -> None:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(blocks("python")[1], {})
    measured = {line.split()[0]: float(line.split()[1]) for line in printed.getvalue().splitlines()}
    said = re.search(r"prints about (\d+) for random actions and (\d+) for the expert", DOCUMENT)
    assert said is not None
    assert measured["random"] == pytest.approx(float(said[1]), rel=0.1)
    assert measured["expert"] == pytest.approx(float(said[2]), rel=0.02)
    threshold = gymnasium.spec(DODGE.id).reward_threshold
    share = (float(threshold or 0) - measured["random"]) / (measured["expert"] - measured["random"])
    assert 0.8 <= share <= 0.9


def test_the_commands_it_shows_work(folder: Path) -> None:
    play, train, watch = blocks("bash")[0].splitlines()
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SANDBOX_RUNS": str(folder / "runs")}
    for command in (f"{train} --steps 4k", f"{watch} --episodes 1"):
        words = [sys.executable, *command.split()[1:]]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (folder / "dodge.mp4").stat().st_size > 1000
    assert play.split()[:4] == ["python", "-m", "sandbox", "play"]


def test_the_keyboard_is_the_one_of_the_example(dodge: ModuleType) -> None:
    assert controls_of(gymnasium.make(DODGE.id)) == dodge.Dodge.controls


def test_its_code_lints(folder: Path) -> None:
    pytest.importorskip("ruff")
    words = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--config",
        str(REPOSITORY / "pyproject.toml"),
        "--ignore",
        "I001",
        ".",
    ]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
