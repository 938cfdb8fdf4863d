"""Getting the files of a data set: from one mirror after the other, until the published content is here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from sandbox.core.errors import Broken, Refused
from sandbox.core.locks import FolderLock, LockHeld
from sandbox.data import source
from sandbox.data.catalog import Entry
from sandbox.data.downloads.fetch import Part, fetch, writing
from sandbox.data.downloads.mirrors import Failed, Patience, Session, session
from sandbox.data.downloads.unpacking import put_in_place

_SLACK = 1 << 20
"""bytes that packing may add; what is packed is hardly ever larger than what is in it"""


class Meter(Protocol):
    """What is told how far a download is."""

    def update(self, done: int) -> None:
        """``done`` of the total is here."""
        ...


class Listener(Protocol):
    """Who is told what happens: a `sandbox.ui.console.Console`, say."""

    def note(self, text: str) -> None:
        """Take a remark."""
        ...

    def progress(self, total: int, description: str, unit: str) -> AbstractContextManager[Meter]:
        """Make a meter that ends at ``total``."""
        ...


@dataclass(frozen=True)
class Got:
    """Where the files of a data set are, and which host each came from that was not there before."""

    folder: Path
    fetched: dict[str, str] = field(default_factory=dict)


def get(
    entry: Entry, data_dir: Path | None = None, *, listener: Listener, patience: Patience | None = None
) -> Got:
    """Make the files of ``entry`` be there and right, downloading those that are not.

    Args:
        entry: It has files, and mirrors for them.
        data_dir: They are put into the folder of the data set's name in it; None for the cache.

    Raises:
        Refused: All mirrors are away, the disk is full or not writable, or another process is at it.
        Broken: No mirror has the published content; or a damaged copy comes before the place that it would
            be put into.
    """
    there = _there(entry, data_dir)
    if there:
        return Got(there)
    folder = (data_dir or source.cache_root() / "data") / entry.name
    with _locked(entry, folder):
        lacking, damaged = _survey(entry, folder)
        for problem in damaged.values():
            listener.note(f"{problem.message}: getting it anew")
        patience = patience or Patience()
        with session(patience) as asked:
            fetched = _Errand(entry, folder, listener, patience, asked).fetch(lacking)
        for path in damaged:
            if path.name not in fetched:  # It was packed, and what came instead is not.
                path.unlink(missing_ok=True)
    return Got(folder, fetched)


def _there(entry: Entry, data_dir: Path | None) -> Path | None:
    """The folder with all files, where they are right."""
    if data_dir is None:
        found = entry.locate()
    else:
        own = (data_dir / entry.name, data_dir)
        found = next((folder for folder in own if not source.missing(folder, entry.files)), None)
    if found is None:
        return None
    _, damaged = _survey(entry, found)
    if not damaged:
        return found
    named = source.places().get("SANDBOX_DATA")
    if data_dir is None and named and found in (named / entry.name, named):
        raise Broken(
            f"{next(iter(damaged.values())).message}, and SANDBOX_DATA comes before the cache",
            hint=source.download_command(entry.name, named),
        )
    return None


def _survey(entry: Entry, folder: Path) -> tuple[list[str], dict[Path, Broken]]:
    """Which files ``folder`` lacks, and what is wrong with those of them that are there."""
    lacking, damaged = [], {}
    for name, published in entry.files.items():
        path = source.packed_or_not(folder, name)
        try:
            if path is not None:
                source.check_sum(path, source.unpack(path), published)
                continue
        except Broken as problem:
            damaged[path] = problem
        lacking.append(name)
    return lacking, damaged


@contextlib.contextmanager
def _locked(entry: Entry, folder: Path) -> Iterator[None]:
    """Keep other processes from getting the same; raises Refused."""
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(folder / ".lock")
    except LockHeld as held:
        raise Refused(
            f"process {held.pid or '?'} is getting {entry.name} into {folder} already", hint="wait for it"
        ) from None
    try:
        yield
    finally:
        lock.release()


class _Errand:
    """One way to the mirrors of a data set."""

    def __init__(
        self, entry: Entry, folder: Path, listener: Listener, patience: Patience, asked: Session
    ) -> None:
        self._entry = entry
        self._folder = folder
        self._listener = listener
        self._patience = patience
        self._asked = asked
        self._mirrors = list(entry.mirrors)

    def fetch(self, lacking: list[str]) -> dict[str, str]:
        """Get the files ``lacking``; returns the host that each came from."""
        fetched: dict[str, str] = {}
        for name in lacking:
            if name not in fetched:
                # An archive brings the others along.
                rest = [other for other in lacking if other not in fetched]
                fetched |= self._from_any_mirror(name, rest)
        for mirror in self._mirrors:
            for name in lacking:
                self._part(mirror, name).discard()  # of mirrors that were given up
        return fetched

    def _from_any_mirror(self, name: str, rest: list[str]) -> dict[str, str]:
        """Get the file ``name``, or with it all of the ``rest``, from the first mirror that has it."""
        # Half a file that is here already decides where to ask first.
        order = sorted(self._mirrors, key=lambda mirror: self._part(mirror, name).url != _url(mirror, name))
        failures: list[tuple[str, Failed]] = []
        for mirror in order:
            host = urlsplit(mirror).netloc
            if failures:
                self._listener.note(f"{failures[-1][0]} {failures[-1][1].why}; trying {host}")
            names = [name] if _one_by_one(mirror) else rest
            try:
                self._from_mirror(mirror, name, names)
            except Failed as failure:
                failures.append((host, failure))
                # The other files need not be asked for there first.
                self._mirrors.remove(mirror)
                self._mirrors.append(mirror)
                continue
            return dict.fromkeys(names, host)
        raise self._in_vain(name, failures)

    def _from_mirror(self, mirror: str, name: str, names: list[str]) -> None:
        """Get what ``mirror`` has for ``name``, and put ``names`` in place; raises Failed."""
        part = self._part(mirror, name)
        in_pieces = self._download(mirror, name, part)
        try:
            self._unpack(part, names)
        except Failed:
            if not in_pieces:
                raise
            # They may have been pieces of two versions.
            self._download(mirror, name, part)
            self._unpack(part, names)

    def _unpack(self, part: Part, names: list[str]) -> None:
        """Put ``names`` in place from ``part``, which has done its duty, whether they are in it or not."""
        try:
            put_in_place(part.path, names, self._entry, self._folder)
        except Failed:
            part.discard()
            raise
        part.discard()

    def _download(self, mirror: str, name: str, part: Part) -> bool:
        """Download to ``part``, which is kept if it fails where another time may help."""
        url, sizes = _url(mirror, name), self._entry.sizes
        at_most = _SLACK + (sizes[name] if _one_by_one(mirror) else sum(sizes.values()))
        try:
            with _Shown(self._listener, part.path.stem, at_most) as shown:
                return fetch(
                    url, part, at_most, asked=self._asked, patience=self._patience, report=shown.report
                )
        except Failed as failure:
            if not failure.away and part.url in ("", url):
                part.discard()
            raise

    def _part(self, mirror: str, name: str) -> Part:
        return Part(self._folder / f"{name if _one_by_one(mirror) else self._entry.name}.part")

    def _in_vain(self, name: str, failures: list[tuple[str, Failed]]) -> Broken | Refused:
        """The error that says of each mirror why it did not do."""
        tried = "; ".join(f"{host} {failure.why}" for host, failure in failures)
        by_hand = f"get it from {self._entry.source} and put it into {self._folder}"
        if all(failure.away for _, failure in failures):
            return Refused(
                f"{name} cannot be downloaded now: {tried}",
                hint=f"try again later (what has come is kept), or {by_hand}",
            )
        return Broken(f"no mirror has the published {name}: {tried}", hint=by_hand)


class _Shown:
    """Makes the meter when the length of the download is known, and ends it."""

    def __init__(self, listener: Listener, description: str, guess: int) -> None:
        self._listener = listener
        self._description = description
        self._guess = guess
        self._stack = ExitStack()
        self._meter: Meter | None = None

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *reason: object) -> None:
        self._stack.close()

    def report(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` bytes are here; 0 for a total that nobody knows."""
        if self._meter is None:
            made = self._listener.progress(_kilobytes(total or self._guess), self._description, "kB")
            self._meter = self._stack.enter_context(made)
        self._meter.update(_kilobytes(done))


def _one_by_one(mirror: str) -> bool:
    """Whether a mirror has each file by itself, rather than one archive with all of them."""
    return "{file}" in mirror


def _url(mirror: str, name: str) -> str:
    return mirror.replace("{file}", name)


def _kilobytes(count: int) -> int:
    return -(-count // 1000)
