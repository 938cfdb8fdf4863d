"""`doctor` tells what is there, and for what is wrong what to do; it opens no window and survives damage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands import checkup
from sandbox.commands.checkup import CHECKS, EXTRAS, Finding, examine, home

REPOSITORY = Path(__file__).parents[2]


def doctor(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["doctor", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_everything_is_examined_and_told(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = doctor(capsys)
    assert list(CHECKS) == [name for name in answer if name in CHECKS]
    assert answer["versions"]["libraries"]["torch"]
    assert answer["device"]["torch_threads"] == 1
    assert answer["ffmpeg"]["h264"] is True
    assert answer["disk"]["runs"] == str(runs_root)
    assert not [name for name in CHECKS if "error" in answer[name]]
    assert not runs_root.exists()


def test_people_get_aligned_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line[:2] in ("  ", "! ") for line in lines[: lines.index("")])
    assert [name for line in lines if (name := line[2:12].strip()) in CHECKS] == list(CHECKS)
    assert max(map(len, lines)) < 140


def test_the_extras_are_those_of_pyproject() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"])
    for extra, packages in EXTRAS.items():
        wanted = " ".join(project["optional-dependencies"][extra])
        assert all(package in wanted for package in packages), extra


def test_what_is_missing_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        checkup, "versions", lambda names: {name: "1.0" for name in names if name == "optuna"}
    )
    found = examine("extras")
    assert found.facts["search"]["installed"] is True
    assert found.facts["atari"]["installed"] is False
    assert "search (optuna 1.0)" in found.lines[0]
    assert found.lines[-1].startswith("to get them: python -m pip install")
    assert "[atari,bench,box2d," in found.lines[-1]
    assert not found.warnings


@pytest.mark.parametrize("driver", ["dummy", "offscreen"])
def test_a_driver_that_draws_to_nowhere_is_no_display(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    facts = examine("display").facts
    assert (facts["visible"], facts["driver"]) == (False, driver)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_the_driver_that_sdl_falls_back_to_silently_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    found = examine("display")
    assert found.facts["visible"] is False
    assert found.lines[0].startswith("none: ")


def test_this_process_opens_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    import pygame

    monkeypatch.setattr(pygame.display, "init", lambda: pytest.fail("the display was opened"))
    examine("display")


def test_another_package_of_our_name_is_named(tmp_path: Path) -> None:
    stranger = tmp_path / "agents"
    stranger.mkdir()
    (stranger / "__init__.py").touch()
    (tmp_path / "envs.py").touch()
    answer = subprocess.run(
        [sys.executable, "-m", "sandbox", "doctor", "--json"],
        cwd=tmp_path,  # the first on the path, as it is whenever people start a program with -m
        env={**os.environ, "PYTHONPATH": str(home())},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(answer.stdout)
    assert told["healthy"] is False
    assert told["packages"]["agents"]["ours"] is False
    assert told["packages"]["agents"]["path"] == str(stranger)
    assert told["packages"]["envs"]["path"] == str(tmp_path / "envs.py")
    assert told["packages"]["sandbox"]["ours"] is True
    assert "agents is another package" in told["warnings"][0]["warning"]


def test_a_package_that_ours_hides_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    found = examine("packages")
    assert found.facts["envs"]["ours"] is True
    assert [f"{tmp_path / 'envs'} is called as our envs" in text for text, _ in found.warnings] == [True]


def test_a_full_disk_is_a_warning(monkeypatch: pytest.MonkeyPatch, runs_root: Path) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**8, 10**8))
    found = examine("disk")
    assert "only 0.1 GB are free" in found.warnings[0][0]
    assert str(runs_root) in found.warnings[0][0]


def test_no_ffmpeg_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    found = examine("ffmpeg")
    assert found.facts["path"] is None
    assert "imageio-ffmpeg" in found.warnings[0][1]


def test_a_check_that_fails_is_itself_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Finding:
        raise ImportError("libtorch.so: cannot open shared object file")

    monkeypatch.setitem(CHECKS, "device", broken)
    answer = doctor(capsys)
    assert answer["healthy"] is False
    assert "libtorch.so" in answer["device"]["error"]
    assert answer["disk"]["free_gb"] > 0
