"""Short names with did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from sandbox.core.errors import UnknownName

T = TypeVar("T")


def resolve(name: str, known: Iterable[str], kind: str) -> str:
    """Return the entry of ``known`` that ``name`` names; case may differ where that is unambiguous.

    Args:
        kind: What the names stand for, as in "unknown algorithm 'pp0'".

    Raises:
        UnknownName: With a suggestion, when nothing answers to ``name``.
    """
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
