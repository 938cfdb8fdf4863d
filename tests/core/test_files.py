"""A file is the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.core.files import to_json, write_atomically


def test_a_full_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, "old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "null"),
        (float("-inf"), "null"),
        (np.float32(0.5), "0.5"),
        (np.arange(3), "[0, 1, 2]"),
        ({1: Path("a/b")}, '{"1": "a/b"}'),
        ((True, None, "ü"), '[true, null, "ü"]'),
    ],
)
def test_json_is_strict_and_knows_arrays_and_paths(value: Any, text: str) -> None:
    assert to_json(value) == text
    json.loads(text)


def test_what_json_cannot_hold_is_our_bug() -> None:
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        to_json({"a": object()})
