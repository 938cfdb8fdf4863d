"""Short names with did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

CLOSE = 0.65
"""how much of two names has to agree, from 0 to 1: "pp0" is "ppo" (0.67), but "nope" no "hopper" (0.6)"""


def suggest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be, ignoring case, or None."""
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    folded = name.casefold()
    if folded in by_folded:
        return by_folded[folded]
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=CLOSE)
    return by_folded[close[0]] if close else None


def resolve(name: str, known: Iterable[str], kind: str) -> str:
    """Return the entry of ``known`` that ``name`` names; case may differ where that is unambiguous.

    Args:
        kind: What the names stand for, as in "unknown algorithm 'pp0'".

    Raises:
        UnknownName: With a suggestion, when nothing answers to ``name``.
    """
    from sandbox.core.errors import UnknownName

    names = list(known)
    if name in names:
        return name
    folded = [candidate for candidate in names if candidate.casefold() == name.casefold()]
    if len(folded) == 1:
        return folded[0]
    raise UnknownName(kind, name, names)


class Names(Mapping[str, T], Generic[T]):
    """A registry of short names of one kind: looks names up as `resolve` does, keeps the order of entry."""

    def __init__(self, kind: str, entries: Mapping[str, T] | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = dict(entries or {})

    def add(self, name: str, value: T) -> T:
        """Enter ``value`` under ``name``.

        Raises:
            ValueError: The name is taken (two modules of ours claim it: our bug, not the user's).
        """
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is already registered")
        self._entries[name] = value
        return value

    def resolve(self, name: str) -> T:
        """Return what ``name`` stands for; raises `UnknownName` with a suggestion."""
        return self._entries[resolve(name, self._entries, self.kind)]

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
