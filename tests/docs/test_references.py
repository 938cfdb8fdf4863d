"""What the documentation names is there: files, headings, targets of make, options, environments, modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import pytest

from sandbox.core.arguments import command_help, parse_command
from sandbox.core.plugins import BENCHES, COMMANDS, resolve
from tests.docs.documented import HOUSE, blocks, inline, name_of, pages, prose

PAGES = pytest.mark.parametrize("page", pages(), ids=name_of)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PATH = re.compile(
    r"(?:sandbox|envs|agents|generative|tests|benchmarks|docs)/[\w/.-]+\.(?:py|md|png|gif|toml|html)"
)

FOREIGN = {"--index-url", "--json", "--quiet", "--help", "--version"}
"""options that no command's own help lists"""


@PAGES
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for line, text in prose(page):
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, heading = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists() or (heading and heading not in headings(file)):
                broken.append(f"{name_of(page)}:{line}: {target}")
    assert not broken


@PAGES
def test_files_that_are_named_are_there(page: Path) -> None:
    missing = [
        f"{name_of(page)}:{line}: {path}"
        for line, text in inline(page)
        for path in PATH.findall(text)
        if re.match(PATH, text) and not (HOUSE / path).exists()
    ]
    assert not missing


@PAGES
def test_make_knows_the_targets(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (HOUSE / "Makefile").read_text(), re.MULTILINE))
    named = [(line, target) for line, text in code(page) for target in re.findall(r"^make ([a-z-]+)", text)]
    assert not [f"{name_of(page)}:{line}: make {target}" for line, target in named if target not in targets]


@PAGES
def test_modules_that_are_called_are_there(page: Path) -> None:
    named = [(line, name) for line, text in code(page) for name in re.findall(r"python3? -m ([\w.]+)", text)]
    ours = [
        (line, name) for line, name in named if name.partition(".")[0] in ("benchmarks", "sandbox", "pytest")
    ]
    assert not [f"{name_of(page)}:{line}: {name}" for line, name in ours if find_spec(name) is None]


@PAGES
def test_options_belong_to_some_command(page: Path) -> None:
    unknown = [
        f"{name_of(page)}:{line}: {option}"
        for line, text in inline(page)
        for option in OPTION.findall(text)
        if option not in options() | FOREIGN
        and not text.startswith(("pip ", "python -m pip", "python -m bench"))
    ]
    assert not unknown


@PAGES
def test_environments_of_ours_are_registered(page: Path) -> None:
    import envs  # noqa: F401

    named = {name for _, text in code(page) for name in re.findall(r"\bSandbox/\w+-v\d+", text)}
    assert not [name for name in named if name not in gymnasium.registry]


@PAGES
def test_commands_without_the_program_are_understood(page: Path) -> None:
    """`train-agent Acrobot` in a sentence: the words are parsed, with RUN and the like as names."""
    wrong = []
    for line, text in inline(page):
        words = re.sub(r"\[[^\]]*\]|…|\.\.\.", "", text).replace('"', "").split()
        if len(words) < 2 or words[0] not in COMMANDS or words[0] == "runs" or re.search(r"[{}|<>]", text):
            continue
        if problem := not_understood(words):
            wrong.append(f"{name_of(page)}:{line}: {text}: {problem}")
    assert not wrong


def not_understood(words: list[str]) -> str:
    """What is wrong with a command line; "" where it can be parsed."""
    from sandbox.core.errors import SandboxError

    try:
        command, rest = resolve("commands", words[0]), words[1:]
        if hasattr(command, "route"):
            command, rest, _ = command.route(rest, "")
        if "--help" not in rest:
            parse_command(command, rest, "")
    except SandboxError as error:
        # What is left out in a sentence is no mistake.
        incomplete = r"[A-Z]+ is missing.*|--?[\w-]+ .*is missing.*|--[a-z-]+ needs a value"
        return "" if re.fullmatch(incomplete, error.message) else error.message
    return ""


def code(page: Path) -> Iterator[tuple[int, str]]:
    """Lines of blocks, without prompts, and what stands between backticks."""
    for block in blocks(page):
        for number, line in enumerate(block.lines, start=block.line):
            yield number, line.removeprefix("$ ")
    yield from inline(page)


@cache
def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        inside ^= line.startswith("```")
        if line.startswith("#") and not inside:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            number = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", one) is not None for one in found)
            found.add(f"{slug}-{number}" if slug in found else slug)
    return found


@cache
def options() -> set[str]:
    """All options in all commands' help, and in the scripts of `benchmarks`."""
    commands = [resolve("commands", name) for name in COMMANDS] + [
        resolve("benches", name) for name in BENCHES
    ]
    commands += [resolve("commands", "data").route([word], "")[0] for word in ("get", "show")]
    texts = [command_help(command, "") for command in commands]
    texts += [file.read_text(encoding="utf-8") for file in (HOUSE / "benchmarks").glob("*.py")]
    return {option for text in texts for option in OPTION.findall(text)}
