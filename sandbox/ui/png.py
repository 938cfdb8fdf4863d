"""Where a command that makes one picture puts it."""

from __future__ import annotations

from pathlib import Path

from sandbox.core.errors import UsageError
from sandbox.core.files import check_writable


def png_path(given: Path | None, name: str, option: str) -> Path:
    """The PNG that `option` names: `given`, or `name` in it where it is a folder, or `name` here.

    Raises:
        UsageError: it is no PNG, or a file is where a folder would have to be.
        Refused: it cannot be written.
    """
    path = Path(name) if given is None else given / name if given.is_dir() else given
    if path.suffix.lower() != ".png":
        raise UsageError(f"{option} must end in .png, not {path.name!r}")
    in_the_way = next((parent for parent in path.parents if parent.is_file()), None)
    if in_the_way is not None:
        raise UsageError(f"{option}: {in_the_way} is a file, not a folder")
    check_writable(path)
    return path
