"""Which pictures a folder holds, of which classes, and which of them learn, choose and report.

Nothing here opens more of a picture than its head.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sandbox.core.errors import Broken, NotFound, Refused, UsageError
from sandbox.core.spelling import suggest
from sandbox.data.picture_file import UNMISTAKABLE, NoPicture, extensions, opened

NAMES = {"train": ("train",), "validation": ("valid", "validation", "val"), "test": ("test",)}
"""the folders of each split, if there are any; in small letters or capitals"""
SHARES = {"train": 0.64, "validation": 0.16, "test": 0.2}


class File(NamedTuple):
    """A file that may be a picture."""

    name: str
    """from the data set's folder on, with slashes"""
    path: Path
    size: int
    """bytes; -1 if that cannot be told"""
    changed: int
    """when, in nanoseconds"""


class Example(NamedTuple):
    """A picture's file, and its class as a number."""

    file: File
    label: int


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder, each split in the order of classes and of file names."""

    classes: tuple[str, ...]
    train: list[Example]
    validation: list[Example]
    test: list[Example]
    notes: tuple[str, ...] = ()

    @property
    def everything(self) -> list[Example]:
        """Train, then validation, then test."""
        return [*self.train, *self.validation, *self.test]


Classes = dict[str, list[File]]


def natural(text: str) -> tuple[list[tuple[int, int | str]], str]:
    """Sorts numbers in names by their value: IMG_2 before IMG_10; capitals count as small letters."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], text


def canonical_path(text: str) -> Path:
    """The absolute path of the folder that ``text`` names; raises NotFound or UsageError without one."""
    if not text.strip():
        raise UsageError("folder: names no folder", hint="folder:PATH, as in folder:photos")
    try:
        path = Path(text).expanduser().resolve()
    except (RuntimeError, OSError):
        raise NotFound(f"{text} leads nowhere") from None
    if path.is_dir():
        return path
    if path.exists():
        raise UsageError(f"{path} is a file, not a folder", hint="name the one with the classes")
    siblings = [one.name for one in _folders(path.parent)] if path.parent.is_dir() else []
    close = suggest(path.name, siblings)
    raise NotFound(f"there is no folder {path}", hint=f"did you mean {close}?" if close else None)


def list_folder(root: Path) -> Listing:
    """Find the pictures below ``root`` and divide them; the rules stand in `sandbox.data.folder`.

    Raises:
        Broken: It has no classes, one of them has no pictures, or its splits have different classes.
        Refused: A folder cannot be read.
    """
    parts, notes = _split_folders(root)
    if not parts:
        return _divided(_classes(root, root), notes, None)
    found = {split: _classes(folder, root) for split, folder in parts.items()}
    for split in found.keys() - {"train"}:
        _check_alike(parts["train"], found["train"], parts[split], found[split])
    return _divided(found.pop("train"), notes, found)


def _split_folders(root: Path) -> tuple[dict[str, Path], list[str]]:
    """The folders of the splits by their names, none where classes stand at the top; and what to note."""
    folders = _folders(root)
    parts: dict[str, Path] = {}
    for split, names in NAMES.items():
        for folder in folders:
            if folder.name.casefold() in names and _folders(folder):
                if split in parts:
                    raise Broken(f"{root} has two folders for {split}: {parts[split].name} and {folder.name}")
                parts[split] = folder
    if parts and "train" not in parts:
        raise Broken(
            f"{root} has {next(iter(parts.values())).name}/ with classes, and no train/",
            hint="name the folder to learn from train, or put the classes side by side",
        )
    others = [folder.name for folder in folders if folder not in parts.values()]
    ignored = f"beside {parts['train'].name}/ these were not used: {', '.join(others)}" if parts else ""
    return parts, [ignored] if others and ignored else []


def _classes(folder: Path, root: Path) -> Classes:
    """The pictures of each class below ``folder``, by natural order of classes and of file names."""
    found = {_readable(one.name): pictures_below(one, root) for one in _folders(folder)}
    if not found:
        loose = any(_looks_like_picture(entry) for entry in _entries(folder) if not _is_folder(entry))
        what = "pictures, but no folder for each class" if loose else "no folders of pictures"
        raise Broken(
            f"{folder} holds {what}",
            hint="put the pictures of each class into a folder of its name, such as cat/ and dog/",
        )
    empty = next((name for name, files in found.items() if not files), None)
    if empty is not None:
        raise Broken(f"the class {empty!r} has no pictures: {folder / empty}", hint="fill or remove it")
    return found


def _check_alike(train: Path, learned: Classes, folder: Path, found: Classes) -> None:
    for here, there, place in ((learned, found, folder), (found, learned, train)):
        lacking = [name for name in here if name not in there]
        if lacking:
            names = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
            raise Broken(
                f"{train.name}/ and {folder.name}/ have different classes: {place.name}/ lacks {names}",
                hint="every split needs the same folders of classes",
            )


def _divided(learned: Classes, notes: list[str], given: dict[str, Classes] | None) -> Listing:
    """Divide every class as the rules say, where the folders do not; ``given``: splits other than train."""
    given = given or {}
    parts: dict[str, list[Example]] = {split: [] for split in NAMES}
    for label, (name, files) in enumerate(learned.items()):
        own = {split: classes[name] for split, classes in given.items()}
        for split, some in _shared(files, own).items():
            parts[split] += [Example(file, label) for file in some]
    return Listing(tuple(learned), **parts, notes=tuple(notes))


def _shared(files: list[File], own: dict[str, list[File]]) -> dict[str, list[File]]:
    """The files of one class by split; ``files`` are those of train/, or all there are."""
    if "validation" in own and "test" in own:
        return {"train": files, **own}
    if "validation" in own:
        middle = (len(own["validation"]) + 1) // 2
        return {
            "train": files,
            "validation": own["validation"][:middle],
            "test": own["validation"][middle:],
        }
    if "test" in own:
        cut = round(len(files) * SHARES["train"] / (SHARES["train"] + SHARES["validation"]))
        return {"train": files[: max(1, cut)], "validation": files[max(1, cut) :], "test": own["test"]}
    first = max(1, round(len(files) * SHARES["train"]))
    second = max(first, round(len(files) * (1 - SHARES["test"])))
    return {"train": files[:first], "validation": files[first:second], "test": files[second:]}


def pictures_below(folder: Path, root: Path) -> list[File]:
    """All files below ``folder`` that may be pictures, in natural order; links are followed once.

    Their names are those from ``root`` on. Raises Refused where a folder cannot be read.
    """
    found: list[File] = []
    for entry in _walk(folder, set()):
        picture, details = _looks_like_picture(entry), _details(entry)
        if picture and (details is None or stat.S_ISREG(details.st_mode)):
            path = Path(entry.path)
            size, changed = (-1, 0) if details is None else (details.st_size, details.st_mtime_ns)
            found.append(File(path.relative_to(root).as_posix(), path, size, changed))
    return sorted(found, key=lambda file: [natural(part) for part in file.name.split("/")])


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """What is below ``folder`` and no folder itself; a folder that was seen already is passed over."""
    details = folder.stat()
    if (details.st_dev, details.st_ino) in seen:
        return
    seen.add((details.st_dev, details.st_ino))
    for entry in _entries(folder):
        if _is_folder(entry):
            yield from _walk(Path(entry.path), seen)
        else:
            yield entry


def _looks_like_picture(entry: os.DirEntry[str]) -> bool:
    """Whether its name ends as a picture's does, or it begins as one does."""
    if Path(entry.name).suffix.lower() in extensions():
        return True
    try:
        if not entry.is_file() or entry.stat().st_size == 0:
            return False
        opened(entry.path, UNMISTAKABLE).close()
    except (NoPicture, OSError):
        return False
    return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


def _details(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None  # a link to nothing


def _folders(folder: Path) -> list[Path]:
    """The folders in ``folder``, links to folders too, in natural order."""
    found = [Path(entry.path) for entry in _entries(folder) if _is_folder(entry)]
    return sorted(found, key=lambda path: natural(path.name))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in ``folder`` and not hidden."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
    except OSError as error:
        raise Refused(f"{folder} cannot be read: {error.strerror}", hint="look at its permissions") from None


def _readable(name: str) -> str:
    """A folder's name as text, also where it is none in UTF-8."""
    return os.fsencode(name).decode(errors="replace")
