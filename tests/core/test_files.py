"""A file is the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.core.errors import Refused
from sandbox.core.files import check_writable, to_json, write_atomically


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


def test_a_place_is_tried_before_the_work_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_text("old")
    check_writable(tmp_path / "there.png")
    check_writable(tmp_path / "new" / "folder" / "picture.png")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("there.png", "old")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (Path("a" * 300 + ".png"), "File name too long"),
        (Path("/proc/self/new/picture.png"), "/proc/self takes no new files"),
    ],
)
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux has a folder that takes no files")
def test_a_place_that_takes_no_file_is_refused_at_once(
    path: Path, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused) as caught:
        check_writable(path)
    assert caught.value.message == f"cannot write {path}: {reason}"
    assert not any(tmp_path.iterdir())


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
