"""What import-linter's contracts don't say: what a floor loads, and that imports go in no circles."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

import sandbox.core

REPOSITORY = Path(__file__).parents[1]
HEAVY = (
    "numpy",
    "torch",
    "gymnasium",
    "stable_baselines3",
    "matplotlib",
    "pygame",
    "rich",
    "tyro",
    "tomli_w",
)
CORE = sorted(module.name for module in pkgutil.iter_modules(sandbox.core.__path__, "sandbox.core."))


def loaded_by(statement: str, *suspects: str) -> set[str]:
    """The ``suspects`` among the modules that a fresh interpreter has loaded after ``statement``."""
    code = f"import sys; {statement}; print(*sorted(set({suspects!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def circle(graph: grimp.ImportGraph) -> list[str]:
    """The imports of one circle, each with file and line; empty where there is none."""
    try:
        TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except CycleError as error:
        return [
            f"{importer}:{detail['line_number']} imports {imported}: {detail['line_contents']}"
            for imported, importer in pairwise(error.args[1])
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
    return []


def test_the_core_is_there() -> None:
    assert "sandbox.core.errors" in CORE


@pytest.mark.parametrize("module", ["sandbox", "sandbox.__main__", *CORE])
def test_the_core_loads_the_standard_library_only(module: str) -> None:
    assert loaded_by(f"import {module}", *HEAVY) == set()


def test_environments_never_load_torch() -> None:
    assert loaded_by("import envs", "torch", "stable_baselines3", "sandbox", "agents") == set()


def test_environments_load_pygame_only_to_draw() -> None:
    assert loaded_by("import envs", "pygame") == set()


def test_no_module_imports_one_that_imports_it() -> None:
    """Imports for type checkers and imports inside of functions count: who reads one file of a circle has to
    read all of them."""
    packages = ("sandbox", "envs", "agents", "generative", "benchmarks")
    graph = grimp.build_graph(*packages, cache_dir=None)
    assert circle(graph) == []


def test_a_circle_is_found_and_named() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")):
        graph.add_import(importer=importer, imported=imported, line_number=7, line_contents="import it")
    found = ["a:7 imports b: import it", "b:7 imports c: import it", "c:7 imports a: import it"]
    assert sorted(circle(graph)) == found
