"""``lesson`` and ``list lessons``: every lesson can be found, read and, where it is quick, really taught."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.image import imread

from sandbox.__main__ import main
from sandbox.core.errors import NotFound
from sandbox.core.lesson import Desk, Taught
from sandbox.core.lesson_table import LESSONS, Lesson
from sandbox.core.plugins import resolve
from sandbox.ui.chart import page

Captured = pytest.CaptureFixture[str]
SCREEN = 80
"""columns of a terminal, for the list"""


def drawn(desk: Desk) -> Taught:
    """What a page is."""
    desk.note("drawing")
    number = float(torch.rand(()))
    return Taught(page("A page"), (f"{number}", f"{desk.data_dir}", f"{torch.get_num_threads()}"))


def without_data(desk: Desk) -> Taught:
    raise NotFound("mnist is nowhere", hint="python -m sandbox data get mnist")


def nothing(desk: Desk) -> None:
    return None


@pytest.fixture(autouse=True)
def small_lessons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three more lessons, and an empty working folder."""
    for function in (drawn, without_data, nothing):
        name = function.__name__.replace("_", "-")
        monkeypatch.setitem(LESSONS, name, Lesson(f"{__name__}:{function.__name__}", "a small one"))
    monkeypatch.chdir(tmp_path)


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


OURS = list(LESSONS)


@pytest.mark.parametrize("name", OURS)
def test_every_lesson_can_be_read_aloud(name: str) -> None:
    teach = resolve("lessons", name)
    module = sys.modules[teach.__module__]
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    idea = (module.__doc__ or "").strip()
    assert len(idea.splitlines()) >= 3, "the idea comes first, in a few sentences"
    assert len(source.splitlines()) <= 170
    assert Path(str(module.__file__)).stem == name.replace("-", "_")
    assert (teach.__doc__ or "").strip()


@pytest.mark.parametrize("name", OURS)
def test_every_lesson_has_a_short_title(name: str) -> None:
    title = LESSONS[name].title
    assert 0 < len(title) <= SCREEN - 18
    assert not title.endswith(".")


def test_the_list_has_their_names_and_titles_in_the_order_of_a_course(capsys: Captured) -> None:
    listing = answer(capsys, "list", "lessons")
    assert listing["rows"][: len(OURS)] == [[name, LESSONS[name].title] for name in OURS]
    assert listing["rows"][0][0] == "line"
    assert answer(capsys, "lesson")["rows"] == listing["rows"]


def test_a_lesson_ends_in_a_picture_and_three_lines(capsys: Captured, tmp_path: Path) -> None:
    assert main(["lesson", "line"]) == 0
    *lines, path = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert path == "lesson-line.png"
    assert imread(tmp_path / path).shape[1] > 1000
    assert [left.name for left in tmp_path.iterdir()] == [path]


def test_scripts_are_told_the_same(capsys: Captured, tmp_path: Path) -> None:
    told = answer(capsys, "lesson", "drawn", "--seed", "3", "-o", "pictures/a.png", "--data-dir", "there")
    assert told.pop("seconds") >= 0
    lines = told.pop("lines")
    assert told == {"schema": "sandbox.lesson/1", "name": "drawn", "seed": 3, "picture": "pictures/a.png"}
    assert lines[1:] == ["there", "1"]
    assert (tmp_path / "pictures/a.png").is_file()


def test_the_seed_decides_and_nothing_else_is_touched(capsys: Captured) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first, again, other = (answer(capsys, "lesson", "drawn", "--seed", seed)["lines"] for seed in "112")
    assert first == again != other
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_notes_are_for_people_who_wait(capsys: Captured) -> None:
    assert main(["lesson", "drawn"]) == 0
    assert capsys.readouterr().err == "drawing\n"
    assert main(["lesson", "drawn", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_folder_gets_the_picture_by_its_own_name(capsys: Captured, tmp_path: Path) -> None:
    assert answer(capsys, "lesson", "drawn", "-o", str(tmp_path))["picture"] == str(
        tmp_path / "lesson-drawn.png"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lien",), "unknown lesson 'lien': did you mean 'line'?"),
        (("drawn", "--seed", "-1"), "--seed must be between 0 and 2147483647, not -1"),
        (("drawn", "-o", "a.jpg"), "-o must end in .png, not 'a.jpg'"),
        (("drawn", "-o", "file/a.png"), "-o: file is a file, not a folder"),
    ],
)
def test_a_mistake_gets_one_line(capsys: Captured, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "file").touch()
    assert answer(capsys, "lesson", *words, code=2)["error"] == said


def test_missing_data_say_where_to_get_them(capsys: Captured, tmp_path: Path) -> None:
    told = answer(capsys, "lesson", "without-data", code=4)
    assert (told["error"], told["hint"]) == ("mnist is nowhere", "python -m sandbox data get mnist")
    assert not list(tmp_path.iterdir())


def test_other_packages_teach_too(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        metadata.EntryPoint("pages", f"{__name__}:drawn", "sandbox.lessons"),
        metadata.EntryPoint("broken", "no_such_module_here:thing", "sandbox.lessons"),
        metadata.EntryPoint("line", "no_such_module_here:thief", "sandbox.lessons"),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "sandbox.lessons" else [])
    about = dict(answer(capsys, "list", "lessons")["rows"])
    assert about["pages"] == "What a page is."
    assert "the lesson 'broken' of another package cannot be loaded" in about["broken"]
    assert about["line"] == LESSONS["line"].title
    assert answer(capsys, "lesson", "pages")["picture"] == "lesson-pages.png"
    assert "cannot be loaded" in answer(capsys, "lesson", "broken", code=4)["error"]
    monkeypatch.setitem(LESSONS, "pages", Lesson(f"{__name__}:nothing", "keeps no promise"))
    assert "not with Taught" in answer(capsys, "lesson", "pages", code=4)["error"]
