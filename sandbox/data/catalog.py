"""What is known about a data set before it is read, and the way from its name to its pictures.

A name is one of the table of data sets, or says itself where the pictures come from:

    folder:PATH           pictures in folders, one for each class (see `sandbox.data.folder`)
    frames:ENV[@PLAYER]   pictures of an environment that is played (see `sandbox.data.frames.data_set`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.errors import Broken, UnknownName
from sandbox.core.plugins import resolve
from sandbox.data import source
from sandbox.data.form import Form, check_room

if TYPE_CHECKING:
    from sandbox.data.pictures import Dataset, Splits

__all__ = ["FOLDER", "FRAMES", "Entry", "Form", "canonical", "entry", "label", "load"]

FOLDER, FRAMES = "folder:", "frames:"
"""how the names begin that are no names of the table"""


@dataclass(frozen=True)
class Entry:
    """A data set as the table of data sets holds it. Making one reads nothing and imports nothing heavy."""

    name: str
    summary: str
    """what it shows, in one line"""
    source: str
    """the public page that it comes from"""
    licence: str
    shape: tuple[int, int, int]
    """(channels, height, width) of each picture"""
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    """how many pictures each split has"""
    read: Callable[[Entry, Mapping[str, Path]], Splits]
    """reads the files of the entry, given by their names in ``files``"""
    files: Mapping[str, str] = field(default_factory=dict)
    """each file's name, unpacked, and the sha256 of its unpacked content; empty where there are no files"""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """each file's bytes, unpacked; needed for those that have mirrors"""
    mirrors: tuple[str, ...] = ()
    """where the files are downloaded from, the best first: URLs with ``{file}`` in place of a file's name, or
    of one archive with all files, in any packing. They are not trusted: the sums decide"""
    bundled: str = ""
    """what brings the data set along, where it has no files of its own"""

    def locate(self, data_dir: Path | None = None) -> Path | None:
        """The folder with the files of the data set, or None; see `sandbox.data.source.locate`."""
        return source.locate(self.name, self.files, data_dir)

    def load(self, data_dir: Path | None = None, form: Form | None = None) -> Dataset:
        """Find, check and read the data set, and bring its pictures to the ``form``.

        Raises:
            NotFound: Its files are in none of the places; the message names them.
            Broken: A file is damaged or not the published one; the message names it.
            Refused: The pictures would not fit into the memory in this form.
        """
        from sandbox.data.convert import converted
        from sandbox.data.pictures import Dataset

        paths = self._paths(data_dir)
        try:
            splits = self.read(self, paths)
        except Broken as problem:
            if self.mirrors:
                folder = None if data_dir is None or data_dir.is_file() else data_dir
                problem.hint = source.download_command(self.name, folder)
            raise
        shape = (form or Form()).of(splits.train.shape)
        if shape != splits.train.shape:
            check_room(sum(map(len, splits)), shape)
        return Dataset(
            self.name,
            *(converted(pictures, shape) for pictures in splits),
            summary=self.summary,
            source=self.source,
            licence=self.licence,
            sums=self.files,
        )

    def _paths(self, data_dir: Path | None) -> dict[str, Path]:
        if not self.files:
            return {}
        folder = self.locate(data_dir)
        if folder is None or (data_dir is not None and not data_dir.exists()):
            raise source.not_found(self.name, self.files, self.source, data_dir, mirrored=bool(self.mirrors))
        found = {name: source.packed_or_not(folder, name) for name in self.files}
        return {name: path for name, path in found.items() if path is not None}


def entry(name: str) -> Entry:
    """The data set called ``name`` in the table; raises UnknownName with a suggestion."""
    try:
        return resolve("data", name)
    except UnknownName as error:
        if Path(name).is_dir():
            raise UnknownName(
                "data set", name, (), hint=f"for pictures of your own: {FOLDER}{name}"
            ) from None
        error.hint = f"{error.hint}, {FOLDER}PATH, {FRAMES}ENV"
        raise


def canonical(name: str) -> str:
    """The same data set by a name that holds everywhere: ``folder:~/cats`` is ``folder:/home/me/cats``.

    Raises, without reading a picture:
        UnknownName: No data set, environment or player has this name.
        NotFound: There is no such folder, or run.
        UsageError: What is named is no folder, or nothing is.
    """
    if name.startswith(FOLDER):
        from sandbox.data.folder import canonical_path

        return f"{FOLDER}{canonical_path(name.removeprefix(FOLDER))}"
    if name.startswith(FRAMES):
        from sandbox.data.frames.data_set import canonical_source

        return f"{FRAMES}{canonical_source(name.removeprefix(FRAMES))}"
    return entry(name).name


def label(name: str) -> str:
    """A short name for titles and files: ``folder:/home/me/cats`` is ``cats``."""
    if name.startswith(FOLDER):
        return Path(name.removeprefix(FOLDER)).name or "folder"
    if name.startswith(FRAMES):
        environment, _, player = name.removeprefix(FRAMES).partition("@")
        return "-".join([environment.rpartition("/")[2], *([Path(player).name] if player else [])])
    return name


def load(name: str, data_dir: Path | str | None = None, *, form: Form | None = None) -> Dataset:
    """Load the data set called ``name``, with its pictures in the ``form``.

    Args:
        name: As the table of data sets has it, or ``folder:PATH``, or ``frames:ENV[@PLAYER]``.
        data_dir: Searched first for the files; then SANDBOX_DATA is, then the cache.
        form: Size and colours; None for the data set's own.

    Raises:
        UnknownName: No data set has this name.
        NotFound: Its files are in none of the places.
        Broken: A file is damaged or not the published one.
        Refused: The pictures would not fit into the memory.
    """
    form = form or Form()
    place = None if data_dir is None else Path(data_dir)
    if name.startswith(FOLDER):
        from sandbox.data.folder import read_folder

        return read_folder(name.removeprefix(FOLDER), form, place)
    if name.startswith(FRAMES):
        from sandbox.data.frames.data_set import read_frames

        return read_frames(name.removeprefix(FRAMES), form)
    return entry(name).load(place, form)
