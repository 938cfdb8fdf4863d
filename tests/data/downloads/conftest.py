"""What every test of downloads finds: two mirrors on this machine, and no way to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.downloading import keep_to_this_machine
from tests.data.mirror import Mirror, running_mirror


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_to_this_machine(monkeypatch, tmp_path / "cache")


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with running_mirror() as made:
        yield made


@pytest.fixture
def second() -> Iterator[Mirror]:
    with running_mirror() as made:
        yield made
