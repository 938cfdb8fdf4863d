"""What the tests of downloads share: a data set of one file, a listener, and no proxy on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.data.catalog import Entry
from sandbox.data.downloads.download import Got, get
from sandbox.data.downloads.mirrors import Patience
from tests.data.made import mnist_files, sizes, small_mnist, sums
from tests.data.mirror import Mirror

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PATH = f"/{IMAGES}.gz"
HASTE = Patience(connect_s=5, silence_s=5, window_s=5, backoff_s=0)
FILES = mnist_files()
PACKED = gzip.compress(FILES[IMAGES], mtime=0)


class Ear:
    """Hears what happens, and presses Ctrl-C when so many kilobytes are here."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.notes: list[str] = []
        self.meters: list[tuple[str, int, list[int]]] = []
        self._stop_at = stop_at

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextlib.contextmanager
    def progress(self, total: int, description: str, unit: str) -> Iterator[Ear]:
        assert unit == "kB"
        self.meters.append((description, total, []))
        yield self

    def update(self, done: int) -> None:
        self.meters[-1][2].append(done)
        if self._stop_at is not None and done >= self._stop_at:
            raise KeyboardInterrupt


def keep_to_this_machine(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """No proxy on the way to this machine, no data, and an empty ``cache``."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    monkeypatch.setenv("SANDBOX_CACHE", str(cache))


def one_file(*mirrors: Mirror) -> Entry:
    """A data set of one file, and the labels that it might be mistaken for."""
    files = {IMAGES: FILES[IMAGES]}
    urls = tuple(f"{mirror.url}/{{file}}.gz" for mirror in mirrors)
    return dataclasses.replace(small_mnist(), files=sums(files), sizes=sizes(files), mirrors=urls)


def fetched(entry: Entry, folder: Path, patience: Patience = HASTE, ear: Ear | None = None) -> Got:
    return get(entry, folder, listener=ear or Ear(), patience=patience)


def lying(folder: Path) -> set[str]:
    """The files of the data set's folder, but for the lock."""
    return {path.name for path in (folder / "mnist").iterdir()} - {".lock"}


def zipped(files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()
