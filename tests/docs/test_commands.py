"""Every command that the documentation shows does what is shown: all are run, with the smallest budget."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.ui.console import Console
from tests.docs.documented import Shown, commands
from tests.docs.furniture import vision_model
from tests.docs.modules import forgotten_modules, write_modules
from tests.docs.scene import Scene, as_through_a_pipe
from tests.docs.shortened import SPARED, runs_of, shortened, spared

Captured = pytest.CaptureFixture[str]
HUGGING_FACE = "hf:microsoft/resnet-18"
SHOWN = commands()
PICTURES = 4
"""after so many the window is closed"""


def once_each() -> list[object]:
    """Commands that are the same, on the same runs, are run once; the test is called by all their places."""
    same: dict[object, list[Shown]] = {}
    for shown in SHOWN:
        key = (shown.words, shown.error, shown.sets, "exit code" in shown.note, *runs_of(shown).items())
        same.setdefault(key, []).append(shown)
    return [
        pytest.param(group[0], id=f"{'+'.join(shown.place for shown in group)} {group[0].typed}")
        for group in same.values()
    ]


@pytest.mark.parametrize("shown", once_each())
def test_it_does_what_is_shown(
    shown: Shown, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    words = shortened(shown)
    scene.furnish(tmp_path, words, runs_of(shown))
    write_modules(tmp_path)
    if HUGGING_FACE in words:
        pytest.importorskip("transformers")
        words[words.index(HUGGING_FACE)] = f"hf:{scene.input('resnet-18', vision_model)}"
    for name, value in shown.sets:
        monkeypatch.setenv(name, value)
    if shown.piped:
        monkeypatch.setattr("sys.stdin", as_through_a_pipe(tmp_path / "seven.png"))
    capsys.readouterr()
    with forgotten_modules(tmp_path):
        code = done(words, shown, scene, tmp_path, monkeypatch)
    errors = capsys.readouterr().err
    if code == 3:
        pytest.skip(errors)
    assert code in codes(shown), errors
    assert shown.error.split(";")[0] in errors.replace("\n", " ")


def done(words: list[str], shown: Shown, scene: Scene, here: Path, patch: pytest.MonkeyPatch) -> int:
    """Run it, or as much of it as `SPARED` says; the exit code."""
    line = spared(shown)
    how = line.how if line is not None else ""
    if how == "parsed":
        from sandbox.core.arguments import parse_command
        from sandbox.core.plugins import resolve

        parse_command(resolve("commands", words[0]), words[1:], "")
        return 0
    if how == "first measurement":
        return until_something_is_measured(words, patch)
    if how == "window":
        closing_window(patch)
    if words[:2] == ["data", "get"]:
        with scene.on_the_net(patch, here):
            return main(words)
    return main(words)


def codes(shown: Shown) -> set[int]:
    """The exit codes that are right: 0, what a comment says, that of a gate, of a refusal, or of no GPU."""
    if shown.error:
        return {2, 4, 7}
    said = {int(code) for code in re.findall(r"exit code (\d+)", shown.note)}
    if "cuda" in shown.words:
        said.add(7)  # where there is none
    return {0, *said} | ({6} if "--gate" in shown.words else set())


class Measuring(BaseException):
    """Names are resolved, and now it would take long."""


def until_something_is_measured(words: list[str], patch: pytest.MonkeyPatch) -> int:
    """Run a command until it says what it measures; 0 if it comes that far."""

    def note(console: Console, text: str) -> None:
        if text.startswith(("error", "hint", "Traceback")):
            print(text, file=sys.stderr)
        else:
            raise Measuring

    with patch.context() as inner:
        inner.setattr(Console, "note", note)
        try:
            return main(words)
        except Measuring:
            return 0


def closing_window(patch: pytest.MonkeyPatch) -> None:
    """Whoever looks closes the window soon."""
    import pygame

    from sandbox.ui.viewer import Viewer

    draw, drawn = Viewer.draw, []

    def draw_and_close(viewer: Viewer) -> None:
        draw(viewer)
        drawn.append(viewer)
        if len(drawn) == PICTURES:
            viewer.close()
        else:
            pygame.event.post(pygame.event.Event(pygame.WINDOWEXPOSED))

    patch.setattr("sandbox.ui.screen.INVISIBLE", ())
    patch.setattr(Viewer, "draw", draw_and_close)


@pytest.mark.parametrize("line", SPARED, ids=lambda line: line.pattern)
def test_what_is_spared_still_occurs(line: object) -> None:
    assert any(spared(shown) is line for shown in SHOWN)


def test_commands_are_found_in_every_corner() -> None:
    """A page that is written otherwise would be passed over in silence."""
    texts = {shown.page for shown in SHOWN}
    assert {"README.md", "docs/agents.md", "docs/data.md", "docs/design.md", "watch --help"} <= texts
    assert len(SHOWN) > 250
