"""The table of plugins: every entry resolves, and other packages can neither break nor replace ours."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib import metadata

import pytest

from sandbox.core import plugins
from sandbox.core.errors import Broken, UnknownName
from sandbox.core.plugins import BENCHES, COMMANDS, KINDS, LISTS, kind_of, names, resolve


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_frozen_dataclass_with_run(name: str) -> None:
    command = resolve("commands", name)
    assert dataclasses.is_dataclass(command)
    assert command.__dataclass_params__.frozen  # pyright: ignore
    assert callable(command.run)  # pyright: ignore
    assert "Examples:" in (command.__doc__ or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_imports_torch_before_it_runs(name: str) -> None:
    code = (
        "import sys\nfrom sandbox.core.plugins import resolve\n"
        f"resolve('commands', {name!r})\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_is_a_frozen_dataclass_with_run(name: str) -> None:
    bench = resolve("benches", name)
    assert dataclasses.is_dataclass(bench)
    assert callable(bench.run)  # pyright: ignore


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_run_loads_evaluates_and_resumes(name: str) -> None:
    kind = kind_of(name)
    assert callable(kind.load)
    assert callable(kind.evaluate)
    assert callable(kind.resume)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_a_title_columns_and_rows(name: str) -> None:
    listing = resolve("lists", name)()
    assert listing["title"]
    assert listing["rows"]
    assert {len(row) for row in listing["rows"]} == {len(listing["columns"])}


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="unknown kind of run 'pppo': did you mean 'ppo'"):
        kind_of("pppo")


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        metadata.EntryPoint("broken", "no_such_module_here:thing", "sandbox.lists"),
        metadata.EntryPoint("good", "dataclasses:dataclass", "sandbox.lists"),
        metadata.EntryPoint("envs", "no_such_module_here:thief", "sandbox.lists"),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "sandbox.lists" else [])


@pytest.mark.usefixtures("foreign")
def test_a_broken_foreign_entry_breaks_nothing_but_itself() -> None:
    assert names("lists") == [*plugins.LISTS, "broken", "good"]
    assert resolve("lists", "good") is dataclasses.dataclass
    with pytest.raises(Broken, match="the list 'broken' of another package cannot be loaded"):
        resolve("lists", "broken")


@pytest.mark.usefixtures("foreign")
def test_a_name_of_ours_cannot_be_taken_over() -> None:
    assert plugins.LISTS["envs"] == "agents.listing:environments"
    assert names("lists").count("envs") == 1
    assert "envs" not in names("lists")[len(plugins.LISTS) :]
