"""Modules and data sets that the documentation tells people to write."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.docs.documented import blocks, pages


@cache
def modules_shown() -> dict[str, str]:
    """The modules that pages tell to write: a block that begins with "# name.py", or is announced as one."""
    found: dict[str, str] = {}
    for block in (block for page in pages() for block in blocks(page) if block.language == "python"):
        named = re.match(r"# ([a-z_0-9]+\.py)$", block.lines[0]) or re.search(
            r"\binto a file `([a-z_0-9]+\.py)`", block.before
        )
        if named and named[1] not in found:
            found[named[1]] = "\n".join(block.lines) + "\n"
    return found


@cache
def data_sets_shown() -> dict[str, str]:
    """The data sets of the packages that pages tell to write: names, and what they are registered as."""
    found: dict[str, str] = {}
    for block in (block for page in pages() for block in blocks(page) if block.language == "toml"):
        table = tomllib.loads("\n".join(block.lines)).get("project", {}).get("entry-points", {})
        found |= table.get("sandbox.data", {})
    return found


def write_modules(here: Path) -> None:
    """Write them into the folder `here`."""
    for name, text in modules_shown().items():
        (here / name).write_text(text, encoding="utf-8")


@contextmanager
def forgotten_modules(here: Path) -> Iterator[None]:
    """Modules of the working folder, and the environments that they register, are forgotten afterwards."""
    import gymnasium

    known, registered = set(sys.modules), set(gymnasium.registry)
    yield
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(here)):
            del sys.modules[name]
            for environment in set(gymnasium.registry) - registered:
                gymnasium.registry.pop(environment, None)
