"""Command lines: what is wrong with one is said in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.arguments import command_help, parse_command
from sandbox.core.config import Count
from sandbox.core.errors import UsageError

PROG = "python -m sandbox try"


@dataclass(frozen=True)
class Try:
    """Try something out.

    It takes a while.

    Examples:
        python -m sandbox try CartPole --steps 50k
    """

    env: Positional[str]
    """The environment."""
    mode: Annotated[Positional[Literal["fast", "slow"]], arg(metavar="[MODE]")] = "fast"
    """How."""
    steps: Count | None = None
    """How many steps."""
    envs: Count = 8
    """How many copies."""
    gate: float | None = None
    """A score."""
    seed: int | None = None
    """A seed."""
    set: UseAppendAction[tuple[str, ...]] = ()
    """Assignments."""
    early_stop: bool = True
    """Stop once solved."""
    quick: bool = False
    """A tenth of the steps."""
    augment: bool | None = None
    """Change pictures."""
    mask: bool | None = None
    """Hide a part."""
    no_mask: bool = False
    """Hide nothing."""


def parse(line: str) -> Try:
    return parse_command(Try, line.split(), PROG)


def test_counts_negative_numbers_and_repeated_options_are_understood() -> None:
    command = parse(
        "CartPole slow --steps 50k --envs=1e2 --gate -110 --set a=1 --set b=2 --no-early-stop --quick"
    )
    assert command == Try("CartPole", "slow", 50_000, 100, -110.0, None, ("a=1", "b=2"), False, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "ENV is missing (The environment)"),
        ("x --stesp 5", "unknown option '--stesp': did you mean '--steps'?"),
        ("x --early-stop", "unknown option '--early-stop': did you mean '--no-early-stop'?"),
        ("x fast z", "unknown argument 'z'"),
        ("x --steps -5", "--steps: '-5' is negative; it must be 0 or more"),
        ("x --steps abc", "--steps: 'abc' is not a whole number such as 50000, 50k or 1e6"),
        ("x --envs 1.5", "--envs: '1.5' is not whole"),
        ("x --seed 1.5", "--seed: '1.5' is not a whole number"),
        ("x --gate high", "--gate: 'high' is not a number"),
        ("x --steps", "--steps needs a value"),
        ("x fats", "mode: 'fats' is not one of fast, slow: did you mean 'fast'?"),
    ],
)
@pytest.mark.parametrize("columns", ["40", "200"])
def test_a_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, line: str, message: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert caught.value.message == message
    assert caught.value.hint == f"{PROG} --help"


def test_help_shows_options_and_the_examples_as_they_stand() -> None:
    text = command_help(Try, PROG)
    assert text.startswith(f"usage: {PROG}")
    assert "Try something out." in text
    assert "--steps COUNT" in text
    assert "examples:\n  python -m sandbox try CartPole --steps 50k\n" in text
    assert "--json" in text
    assert "None" not in text


def test_a_value_too_few_is_counted() -> None:
    with pytest.raises(UsageError, match=r"^--between takes 2 values, not 1"):
        parse_command(Between, ["--between", "3"], "python -m sandbox between")


@dataclass(frozen=True)
class Between:
    """Of two."""

    between: tuple[str, str] | None = None
    """Two names."""


def test_no_denies_what_a_config_file_may_say() -> None:
    assert parse("CartPole").augment is None
    assert parse("CartPole --augment").augment is True
    assert parse("CartPole --no-augment --quick").augment is False
    command = parse("CartPole --no-mask")  # a field of its own
    assert (command.mask, command.no_mask) == (None, True)
    with pytest.raises(UsageError, match="--augment and --no-augment: give one of them"):
        parse("CartPole --no-augment --augment")
    assert "config file says:\n  --no-augment\n" in command_help(Try, PROG)
