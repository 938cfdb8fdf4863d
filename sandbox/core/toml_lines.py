"""Where in a TOML text each key stands, so that an error can name the line."""

from __future__ import annotations

import re

_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_OPENERS = ('"""', "'''")


def key_lines(text: str) -> dict[str, int]:
    """Return the line (from 1) of every dotted key and table header in ``text``.

    ``{"algo": 1, "ppo": 3, "ppo.n_steps": 4}``. Keys inside inline tables and arrays are not listed.
    """
    lines: dict[str, int] = {}
    table = ""
    open_text: str | None = None
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if open_text is None and depth == 0:
            header, key = _TABLE.match(line), _KEY.match(line)
            if header:
                table = _dotted(header[1])
                lines.setdefault(table, number)
            elif key:
                name = _dotted(key[1])
                lines.setdefault(f"{table}.{name}" if table else name, number)
                line = line[key.end() :]
        open_text, depth = _scan(line, open_text, depth)
    return lines


def _dotted(text: str) -> str:
    """Normalise ``a . "b"`` to ``a.b``."""
    return ".".join(part.strip("\"'") for part in _PART.findall(text))


def _scan(line: str, open_text: str | None, depth: int) -> tuple[str | None, int]:
    """Follow multi-line texts and arrays over one line: which quotes and how many brackets stay open."""
    at = 0
    while at < len(line):
        if open_text:
            end = line.find(open_text, at)
            if end < 0:
                return open_text, depth
            at, open_text = end + 3, None
        elif line.startswith(_OPENERS, at):
            open_text, at = line[at : at + 3], at + 3
        elif line[at] in "\"'":
            end = line.find(line[at], at + 1)
            at = len(line) if end < 0 else end + 1
        elif line[at] == "#":
            return None, depth
        else:
            depth = max(0, depth + (line[at] in "[{") - (line[at] in "]}"))
            at += 1
    return open_text, depth
