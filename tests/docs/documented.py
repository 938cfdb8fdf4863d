"""What the documentation shows: commands to type, blocks of Python, links, options; and where each stands."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sandbox.core.plugins import BENCHES, COMMANDS, resolve

HOUSE = Path(__file__).resolve().parents[2]
PROGRAM = "python -m sandbox"
_BEFORE = re.compile(r"^(?:\$ )?(?P<sets>(?:[A-Z_]+=\S+ +)*)(?:\S*/)?python3? -m sandbox(?P<words>(?: .*)?)$")


@dataclass(frozen=True)
class Block:
    """A block of code between two fences, or indented by four spaces."""

    page: str
    line: int
    """of its first line of code, from 1"""
    language: str
    lines: tuple[str, ...]
    before: str = ""
    """the paragraph above it"""


@dataclass(frozen=True)
class Shown:
    """A command that the documentation shows."""

    page: str
    """the file below the house, or the command whose docstring it is"""
    line: int
    words: tuple[str, ...]
    """what comes after ``python -m sandbox``"""
    sets: tuple[tuple[str, str], ...] = ()
    """environment variables in front"""
    piped: bool = False
    """a picture comes through a pipe"""
    note: str = ""
    """the comment behind it"""
    error: str = ""
    """the first line of what it answers, if the page shows that it is refused"""
    earlier: tuple[str, ...] = ()
    """the commands above it in the same block, as they are typed"""

    @property
    def typed(self) -> str:
        return shlex.join(self.words)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """All pages that people read."""
    return [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", *sorted((HOUSE / "docs").glob("*.md"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(HOUSE))


def blocks(page: Path) -> list[Block]:
    """All blocks of code of a page."""
    lines, found, start = page.read_text(encoding="utf-8").splitlines(), [], None
    for number, line in enumerate(lines, start=1):
        if line.startswith("```"):
            if start is None:
                start, language = number, line[3:].strip()
            else:
                inside = tuple(lines[start : number - 1])
                found.append(Block(name_of(page), start + 1, language, inside, _above(lines, start - 1)))
                start = None
        elif start is None and line.startswith("    "):
            last = found[-1] if found else None
            if last is not None and last.line + len(last.lines) == number:
                found[-1] = replace(last, lines=(*last.lines, line.strip()))
            else:
                found.append(Block(name_of(page), number, "", (line.strip(),)))
    return found


def _above(lines: list[str], fence: int) -> str:
    """The paragraph above the line with this index."""
    end = fence
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and lines[start - 1].strip():
        start -= 1
    return " ".join(lines[start:end])


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The number of its first line and the text of each paragraph outside of code; rows of tables alone."""
    kept: list[str] = []
    inside, first = False, 1
    for number, line in enumerate([*page.read_text(encoding="utf-8").splitlines(), ""], start=1):
        fence = line.startswith("```")
        inside ^= fence
        if fence or inside or not line.strip() or line.startswith(("|", "    ")):
            if kept:
                yield first, "\n".join(kept)
            kept = []
            if line.startswith("|") and not inside:
                yield number, line
            continue
        first = first if kept else number
        kept.append(line)


def inline(page: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of everything between backticks outside of blocks."""
    for first, text in prose(page):
        for found in re.finditer(r"(`+)(.+?)\1", text, re.DOTALL):
            line = first + text.count("\n", 0, found.start())
            yield line, " ".join(found[2].split())


@cache
def commands() -> list[Shown]:
    """Every command of this program that the documentation shows, in its order."""
    found = [shown for page in pages() for shown in commands_of(page)]
    for table, prefix in ((COMMANDS, ""), (BENCHES, "bench ")):
        group = "benches" if prefix else "commands"
        for name in table:
            found += examples(f"{prefix}{name} --help", resolve(group, name))
    from sandbox.__main__ import overview

    _, _, text = overview().partition("examples:\n")
    return found + list(_in_lines("--help", 1, text.partition("\n\n")[0].splitlines()))


def commands_of(page: Path) -> list[Shown]:
    """Those of one page, in blocks and in prose."""
    found: list[Shown] = []
    for block in blocks(page):
        if block.language != "python":
            found += _in_lines(block.page, block.line, block.lines)
    for line, text in inline(page):
        if text.startswith(PROGRAM + " "):
            found.append(_shown(name_of(page), line, text))
    return sorted(found, key=lambda shown: shown.line)


def examples(name: str, command: type) -> list[Shown]:
    """Those that stand under "Examples:" in a command's docstring, counted from 1."""
    _, _, text = (inspect.getdoc(command) or "").partition("Examples:\n")
    return list(_in_lines(name, 1, text.splitlines()))


def _in_lines(page: str, first: int, lines: tuple[str, ...] | list[str]) -> Iterator[Shown]:
    """The commands in the lines of a block; a program's answers may name commands, too."""
    earlier: list[str] = []
    index = 0
    while index < len(lines):
        start, line = index, lines[index].strip()
        while line.endswith("\\") and index + 1 < len(lines):
            index += 1
            line = line[:-1].rstrip() + " " + lines[index].strip()
        index += 1
        command = command_in(line)
        if command is None:
            continue
        after = lines[index].strip() if index < len(lines) else ""
        error = after.removeprefix("error: ") if after.startswith("error: ") else ""
        shown = _shown(page, first + start, command, error, tuple(earlier))
        earlier.append(shown.typed)
        yield shown


def command_in(line: str) -> str | None:
    """The command in a line of a block, without prompt; None where there is none.

    In what a program answers ("next   python -m sandbox …") remarks in brackets come after it.
    """
    if re.match(r"(\$ )?([A-Z_]+=\S+ +)*\S*python3? -m sandbox\b", line) or "| python -m sandbox" in line:
        return line.removeprefix("$ ")
    answer = re.search(rf"^\w+:? +({PROGRAM} .+?)( \(.*)?$", line)
    return answer[1] if answer else None


def _shown(page: str, line: int, text: str, error: str = "", earlier: tuple[str, ...] = ()) -> Shown:
    text, _, note = text.partition(" # ")
    piped = " | " in text
    match = _BEFORE.match(text.rpartition(" | ")[2].strip())
    assert match is not None, f"{page}:{line}: what does this mean? {text}"
    words = shlex.split(match["words"])
    sets = tuple((name, value) for name, _, value in (each.partition("=") for each in match["sets"].split()))
    return Shown(page, line, tuple(words), sets, piped, note.strip(), error, earlier)
