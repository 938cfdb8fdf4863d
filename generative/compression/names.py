"""The names of pictures within a compressed file, and of the PNG files that come out of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

LONGEST_PART_BYTES, MOST_PARTS = 200, 8
LONGEST_NAME = MOST_PARTS * (LONGEST_PART_BYTES + 1)
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\\\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def kept_name(name: str) -> str:
    """``name``, of a file or of one below a folder, as it is kept: one that leads nowhere else on any system.

    What is fine stays as it is. Letters that some system forbids become _; .. and the like are dropped.
    """
    parts = [_part(part) for part in name.split("/")]
    return "/".join([part for part in parts if part][-MOST_PARTS:]) or "picture"


def file_names(names: Sequence[str], extensions: frozenset[str]) -> list[str]:
    """A PNG file for each of ``names``, each another one, also where capitals count as small letters.

    ``1.jpg`` becomes ``1.png``, and a second one ``1-2.png``.

    Args:
        extensions: how the names of picture files end, such as ``.jpg``: what is left out.
    """
    taken: set[str] = set()
    next_number: dict[str, int] = {}
    files = []
    for name in names:
        path = PurePosixPath(name)
        stem = str(path.with_suffix("")) if path.suffix.lower() in extensions else name
        file, key = f"{stem}.png", stem.casefold()
        while file.casefold() in taken:
            next_number[key] = next_number.get(key, 1) + 1
            file = f"{stem}-{next_number[key]}.png"
        taken.add(file.casefold())
        files.append(file)
    return files


def _part(part: str) -> str:
    plain = _NOT_IN_NAMES.sub("_", part).encode()[-LONGEST_PART_BYTES:].decode(errors="ignore")
    plain = plain.rstrip(". ").lstrip(" ")
    return f"_{plain[1:]}" if _RESERVED.fullmatch(plain) else plain
