"""What import-linter cannot see: which libraries are really loaded when a floor is imported."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

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


def test_the_core_is_there() -> None:
    assert "sandbox.core.errors" in CORE


@pytest.mark.parametrize("module", ["sandbox", "sandbox.__main__", *CORE])
def test_the_core_loads_the_standard_library_only(module: str) -> None:
    assert loaded_by(f"import {module}", *HEAVY) == set()


def test_environments_never_load_torch() -> None:
    assert loaded_by("import envs", "torch", "stable_baselines3", "sandbox", "agents") == set()


def test_environments_load_pygame_only_to_draw() -> None:
    assert loaded_by("import envs", "pygame") == set()
