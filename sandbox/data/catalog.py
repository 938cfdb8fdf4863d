"""What is known about a data set before it is read, and the way from its name to its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.plugins import resolve
from sandbox.data import source

if TYPE_CHECKING:
    from sandbox.data.pictures import Dataset, Splits


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
    bundled: str = ""
    """what brings the data set along, where it has no files of its own"""

    def locate(self, data_dir: Path | None = None) -> Path | None:
        """The folder with the files of the data set, or None; see `sandbox.data.source.locate`."""
        return source.locate(self.name, self.files, data_dir)

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Find, check and read the data set.

        Raises:
            NotFound: Its files are in none of the places; the message names them.
            Broken: A file is damaged or not the published one; the message names it.
        """
        from sandbox.data.pictures import Dataset

        splits = self.read(self, self._paths(data_dir))
        return Dataset(
            self.name,
            *splits,
            summary=self.summary,
            source=self.source,
            licence=self.licence,
            sums=self.files,
        )

    def _paths(self, data_dir: Path | None) -> dict[str, Path]:
        if not self.files:
            return {}
        folder = self.locate(data_dir)
        if folder is None or (data_dir is not None and not data_dir.is_dir()):
            raise source.not_found(self.name, self.files, self.source, data_dir)
        found = {name: source.packed_or_not(folder, name) for name in self.files}
        return {name: path for name, path in found.items() if path is not None}


def entry(name: str) -> Entry:
    """The data set called ``name``; raises UnknownName with a suggestion."""
    return resolve("data", name)


def load(name: str, data_dir: Path | str | None = None) -> Dataset:
    """Load the data set called ``name``, searching ``data_dir``, then SANDBOX_DATA, then the cache.

    Raises:
        UnknownName: No data set has this name.
        NotFound: Its files are in none of the places.
        Broken: A file is damaged or not the published one.
    """
    return entry(name).load(None if data_dir is None else Path(data_dir))
