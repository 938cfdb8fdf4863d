"""folder:PATH with a folder that cannot be used: one line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.core.errors import Broken, NotFound, SandboxError, UsageError
from sandbox.data.catalog import load
from tests.data.photos import album, fill, write


def lay_out(root: Path, case: str) -> str:
    """Make a folder that cannot be used; returns what it is called."""
    if case == "file":
        write(root / "set", b"")
    elif case == "flat":
        fill(root / "set", ["a.png"])
    elif case == "empty":
        (root / "set").mkdir()
    elif case == "empty class":
        album(root / "set")
        (root / "set" / "emu").mkdir()
    elif case == "lacks":
        album(root / "set" / "train", ["cat", "dog"])
        album(root / "set" / "valid", ["cat"])
    elif case == "more":
        album(root / "set" / "train", ["cat"])
        album(root / "set" / "test", ["cat", "dog"])
    elif case == "no train":
        album(root / "set" / "valid")
    elif case == "two":
        for split in ("train", "val", "valid"):
            album(root / "set" / split, count=1)
    elif case == "close":
        album(root / "sets")
    return f"folder:{root / 'set'}" if case != "nothing" else "folder:"


@pytest.mark.parametrize(
    ("case", "kind", "said"),
    [
        ("file", UsageError, r"set is a file, not a folder"),
        ("flat", Broken, r"set holds pictures, but no folder for each class"),
        ("empty", Broken, r"set holds no folders of pictures"),
        ("empty class", Broken, r"the class 'emu' has no pictures"),
        ("lacks", Broken, r"train/ and valid/ have different classes: valid/ lacks dog"),
        ("more", Broken, r"train/ and test/ have different classes: train/ lacks dog"),
        ("no train", Broken, r"has valid/ with classes, and no train/"),
        ("two", Broken, r"two folders for validation: val and valid"),
        ("close", NotFound, r"there is no folder .*set"),
        ("nothing", UsageError, r"folder: names no folder"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path, case: str, kind: type[SandboxError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        load(lay_out(tmp_path, case))
    assert "\n" not in caught.value.message
    assert caught.value.hint or case == "two"
