"""``list`` and ``bench`` find their targets in the table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.core.plugins import BENCHES, LISTS
from sandbox.ui.console import Console

Captured = pytest.CaptureFixture[str]


def animals() -> dict[str, Any]:
    return {"title": "animals", "columns": ["name", "legs"], "rows": [["cat", 4], ["snake", None]]}


@dataclass(frozen=True)
class FakeBench:
    """Measure something.

    Examples:
        python -m sandbox bench fake --seeds 3
    """

    seeds: int = 5
    """How many."""

    def run(self, console: Console) -> dict[str, Any]:
        return {"seeds": self.seeds}


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LISTS, "animals", f"{__name__}:animals")
    monkeypatch.setitem(BENCHES, "fake", f"{__name__}:FakeBench")


def test_a_list_is_a_table_for_people_and_rows_for_scripts(capsys: Captured) -> None:
    assert main(["list", "animals"]) == 0
    assert capsys.readouterr().out == "animals\nname   legs\ncat       4\nsnake     –\n"
    assert main(["list", "animals", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "sandbox.list/1", **animals()}


def test_alone_they_name_what_there_is(capsys: Captured) -> None:
    assert main(["list"]) == 0
    assert "python -m sandbox list animals\n" in capsys.readouterr().out
    assert main(["bench"]) == 0
    assert "python -m sandbox bench fake\n" in capsys.readouterr().out


def test_a_bench_gets_the_rest_of_the_command_line(capsys: Captured) -> None:
    assert main(["bench", "fake", "--seeds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"seeds": 3}


def test_a_bench_explains_itself_and_its_mistakes(capsys: Captured) -> None:
    assert main(["bench", "fake", "--help"]) == 0
    assert "usage: python -m sandbox bench fake" in capsys.readouterr().out
    assert main(["bench", "fake", "--sedes", "3"]) == 2
    err = capsys.readouterr().err
    assert "unknown option '--sedes': did you mean '--seeds'?" in err
    assert "hint: python -m sandbox bench fake --help" in err


def test_details_are_for_wide_terminals_and_for_scripts(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.commands import listing

    monkeypatch.setitem(LISTS, "animals", f"{__name__}:detailed_animals")
    for room, header in [(99, "name"), (100, "name   legs")]:
        monkeypatch.setattr(listing, "_room", lambda room=room: room)
        assert main(["list", "animals"]) == 0
        assert capsys.readouterr().out.splitlines()[1] == header
    assert main(["list", "animals", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "sandbox.list/1", **animals()}


def detailed_animals() -> dict[str, Any]:
    return {**animals(), "details": {"legs": 100}}
